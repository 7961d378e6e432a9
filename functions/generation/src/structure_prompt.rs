//! `POST /api/v1/prompts/structure`: convert text into a FIBO structured prompt.
//!
//! Access: any member who is not suspended, at most [`A_MINUTE`] and [`A_DAY`]. It costs no
//! credit, so calls to a paid model are limited to [`BUDGET`] for all members together.
//! Changes: only counters and the record of the key.
//! Retry: the same `Idempotency-Key` returns the same answer; a failure does not block the key.

use domain::{
    Timestamp,
    camera::CameraSettings,
    fibo::StructuredPrompt,
    generation::{
        GenerationRequest,
        structuring::{BUDGET_A_DAY, PROMPTS_A_DAY, StructuringUsedUp},
    },
    lighting::LightingRig,
};
use runtime::{
    Access, ApiError, Call, Connect, Endpoint, Function, Metrics, NoStore, PromptProvider,
    Recorded, once,
};
use serde::{Deserialize, Serialize};
use store::{Rate, Store};

use crate::structurer::{StructuredBy, structure};

pub const ENDPOINT: Endpoint =
    Endpoint::post("generation-structure-prompt", "/api/v1/prompts/structure", Access::Member)
        .with_errors(&[
            "content_blocked",
            "idempotency_key_in_flight",
            "provider_busy",
            "provider_unavailable",
            "structuring_used_up",
        ]);

/// Calls of a member per minute; a repeat with the same key does not count.
pub const A_MINUTE: Rate = Rate::a_minute(20);
/// Calls of a member per day.
pub const A_DAY: Rate = Rate::a_day(PROMPTS_A_DAY);
/// Calls of a paid model by all members together per day.
pub const BUDGET: Rate = Rate::a_day(BUDGET_A_DAY);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::generation::PROMPT_CHARS_MAX)))]
    prompt: String,
    lighting: Option<LightingRig>,
    camera: Option<CameraSettings>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    structured_prompt: StructuredPrompt,
    /// What created the structured prompt.
    structured_by: StructuredBy,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    provider: PromptProvider,
}

async fn handle(
    Deps { store, provider }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<Recorded<Response>>, ApiError> {
    let Request { prompt, lighting, camera } = call.body.clone();
    let request = GenerationRequest {
        prompt: Some(prompt.clone()),
        lighting,
        camera,
        ..GenerationRequest::default()
    };
    request.subject()?;
    let answer = once(store, &call, async || {
        let member = call.member()?;
        let user = &member.user_id;
        store
            .get_or_create_account(user, member.email_claim(), call.now)
            .await?
            .require_active(call.now)?;
        store.check_rate_limit(&format!("structure#{user}"), A_MINUTE, call.now).await?;
        store.check_rate_limit(&format!("structured#{user}"), A_DAY, call.now).await?;
        spend(store, provider, call.now).await?;
        let (lighting, camera) = (request.lighting.as_ref(), request.camera.as_ref());
        let (structured_prompt, structured_by) =
            structure(provider, &prompt, lighting, camera).await?;
        Ok(Response { structured_prompt, structured_by })
    });
    Ok(NoStore(answer.await?))
}

/// Takes one call of the day's budget if the provider is a paid model.
async fn spend(store: &Store, provider: &PromptProvider, now: Timestamp) -> Result<(), ApiError> {
    match provider {
        PromptProvider::Template => return Ok(()),
        PromptProvider::Bria(_) | PromptProvider::Gemini(_) => {}
    }
    let taken = store.take_some("structure", 1, BUDGET, now).await?;
    let (calls, refused) = if taken.is_some() { (1, 0) } else { (0, 1) };
    Metrics::new().count("PromptsStructured", calls).count("PromptsOverBudget", refused).emit();
    match taken {
        Some(_) => Ok(()),
        None => Err(StructuringUsedUp { retry_after_s: BUDGET.refused(now).retry_after_s }.into()),
    }
}
