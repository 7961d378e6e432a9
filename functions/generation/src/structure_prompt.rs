//! `POST /api/v1/prompts/structure`: turn words into a FIBO structured prompt.
//!
//! Access: any member who is not suspended, at most [`RATE`]. Costs no credit.
//! Changes: nothing but the counter of the rate and the record of the key.
//! Retry: the same `Idempotency-Key` returns the same answer; a failure does not block the key.

use std::time::Duration;

use domain::{
    camera::CameraSettings, fibo::StructuredPrompt, generation::Order, lighting::LightingRig,
};
use runtime::{Access, ApiError, Call, Endpoint, Fresh, PromptProvider, once};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Rate, Store};

use crate::structurer::{StructuredBy, structure};

pub const ENDPOINT: Endpoint =
    Endpoint::post("generation-structure-prompt", "/api/v1/prompts/structure", Access::Member);

/// How often a member may do this.
pub const RATE: Rate = Rate { max: 20, window: Duration::from_secs(60) };

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    prompt: String,
    lighting: Option<LightingRig>,
    camera: Option<CameraSettings>,
}

#[derive(Debug, Serialize)]
pub struct Response {
    structured_prompt: StructuredPrompt,
    /// Who turned the words into it.
    structured_by: StructuredBy,
}

pub async fn handle(
    (store, provider): &(Store, PromptProvider),
    call: Call<Request>,
) -> Result<Fresh<Box<RawValue>>, ApiError> {
    let Request { prompt, lighting, camera } = call.body.clone();
    let order = Order { prompt: Some(prompt.clone()), lighting, camera, ..Order::default() };
    order.subject()?;
    let answer = once(store, &call, async || {
        let user = &call.member()?.user_id;
        store.visit(user, None, call.now).await?.require_active(call.now)?;
        store.take(&format!("structure#{user}"), RATE, call.now).await?;
        let (lighting, camera) = (order.lighting.as_ref(), order.camera.as_ref());
        let (structured_prompt, structured_by) =
            structure(provider, &prompt, lighting, camera, call.now).await?;
        Ok(Response { structured_prompt, structured_by })
    });
    Ok(Fresh(answer.await?))
}
