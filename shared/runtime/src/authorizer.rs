//! The shell around the authorizer: from API Gateway's event to a policy it may cache.
//!
//! API Gateway caches an answer per token, whatever the route, so the policy must be right for
//! every route: it allows the whole stage, and denies the staff routes unless the caller is staff.
//! A refused token is an error with the message `Unauthorized`, which API Gateway answers with 401;
//! any other error is its 500.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html>

use std::collections::HashMap;

use clients::oidc::{Identity, TokenError};
use connect::Connect;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};
use tracing::{Instrument, error, info};

use crate::{
    boot::{self, Events, Failed, Program, Served},
    context::InvocationContext,
    guard,
    metrics::Metrics,
    telemetry::{self, Ended},
    worker::Worker,
};

/// The staff routes below the stage.
const STAFF_ROUTES: &str = "*/api/v1/admin/*";

/// API Gateway's event for a `REQUEST` authorizer; unknown fields are ignored. `aws_lambda_events`
/// refuses the event for any header that it cannot read: a 500 instead of a 401.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthorizerEvent {
    method_arn: String,
    headers: Option<HashMap<String, String>>,
    request_context: AuthorizerContext,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AuthorizerContext {
    request_id: String,
}

/// A bearer token to verify.
#[derive(Clone)]
pub struct Presented {
    /// The token, without its scheme.
    pub token: String,
    /// When it arrived.
    pub now: Timestamp,
}

/// The answer: the caller's identity and a policy over the routes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Policy {
    /// The subject.
    pub(crate) principal_id: String,
    /// An IAM policy over the routes of the stage.
    pub(crate) policy_document: Value,
    /// The caller's attributes for endpoints: a flat map of strings.
    pub(crate) context: Map<String, Value>,
}

/// Why there is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAuthorized {
    /// The token is refused. API Gateway requires exactly this message.
    #[error("Unauthorized")]
    Refused,
    /// The token could not be verified.
    #[error("Authorizer failed")]
    Failed,
}

/// A process that answers with policies.
///
/// The handler returns the identity that a token belongs to.
pub(crate) fn program<C, H>(worker: Worker, handle: H) -> Events
where
    C: Connect + 'static,
    H: AsyncFn(&C, Presented) -> Result<Identity, TokenError> + 'static,
{
    let answer = async move |capabilities: &C, context: InvocationContext, event: Box<RawValue>| {
        let event = boot::read(&event)?;
        let policy = dispatch_authorize(&worker, &handle, capabilities, &context, event).await;
        boot::written(&policy.map_err(|e| Failed(e.to_string()))?).map(Served::Done)
    };
    Program::new(worker.name, C::variables(), answer)
}

/// Answers one event.
///
/// # Errors
/// [`NotAuthorized`]; the reason is logged, not returned.
pub(crate) async fn dispatch_authorize<C, H>(
    worker: &Worker,
    handle: &H,
    capabilities: &C,
    context: &InvocationContext,
    event: AuthorizerEvent,
) -> Result<Policy, NotAuthorized>
where
    H: AsyncFn(&C, Presented) -> Result<Identity, TokenError>,
{
    let ended = Ended::begin(worker.name, context);
    let span = telemetry::span(&event.request_context.request_id);
    let handled = async {
        let token = event.token().ok_or(TokenError::Malformed)?;
        let presented = Presented { token, now: context.now() };
        let handled = guard::within(context.time_left(), handle(capabilities, presented)).await;
        handled.unwrap_or_else(|e| Err(TokenError::KeysUnavailable { detail: e.chain() }))
    };
    let handled: Result<Identity, TokenError> = handled.instrument(span.clone()).await;
    let _in_span = span.enter();
    let policy = handled.map_err(|refused| log_refusal(&refused)).and_then(|identity| {
        span.record("actor", identity.user_id.as_str());
        policy(&event.method_arn, identity).ok_or(NotAuthorized::Failed)
    });
    ended.log_work(context, if policy.is_ok() { "allowed" } else { "refused" });
    policy
}

/// Logs why a token was refused. Lambda counts a refusal and a failure to verify alike as errors of
/// this function, so the failure has a metric of its own.
fn log_refusal(refused: &TokenError) -> NotAuthorized {
    let reason = refused.to_string();
    match refused {
        TokenError::KeysUnavailable { .. } => {
            error!(reason, "token keys unavailable, no token can be verified");
            Metrics::new().count("TokenKeysUnavailable", 1).emit();
            NotAuthorized::Failed
        }
        TokenError::Malformed
        | TokenError::UnknownKey
        | TokenError::Signature
        | TokenError::Issuer
        | TokenError::Audience
        | TokenError::Party
        | TokenError::TooLong
        | TokenError::Expired
        | TokenError::NotYetValid
        | TokenError::Subject => {
            info!(reason, "token refused");
            NotAuthorized::Refused
        }
    }
}

impl AuthorizerEvent {
    /// The bearer token (RFC 6750, section 2.1); the scheme's case does not matter.
    fn token(&self) -> Option<String> {
        let mut headers = self.headers.iter().flatten();
        let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
    }
}

/// The policy over the whole stage of `method_arn`
/// (`arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>`).
fn policy(method_arn: &str, identity: Identity) -> Option<Policy> {
    let mut parts = method_arn.splitn(3, '/');
    let stage = format!("{}/{}", parts.next()?, parts.next()?);
    let statement = |effect, routes| {
        let resource = format!("{stage}/{routes}");
        json!({"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource})
    };
    let mut statements = vec![statement("Allow", "*")];
    if identity.role.is_none() {
        statements.push(statement("Deny", STAFF_ROUTES));
    }
    let role = identity.role.map(|role| role.into_str().to_owned());
    let user_id = identity.user_id.to_string();
    let context = [
        ("user_id", Some(user_id.clone())),
        ("email", identity.email),
        ("email_verified", identity.email_verified.then(|| "true".to_owned())),
        ("name", identity.name),
        ("role", role),
    ];
    Some(Policy {
        principal_id: user_id,
        policy_document: json!({"Version": "2012-10-17", "Statement": statements}),
        context: context
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))))
            .collect(),
    })
}
