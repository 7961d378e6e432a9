//! The shell around the authorizer: from API Gateway's event to a policy it may cache.
//!
//! API Gateway caches an answer per token or key for a minute, whatever the route, so the policy must
//! be right for every route: it allows the whole stage, and denies the staff routes unless the caller
//! is staff. What it caches goes on for that minute: a deleted or expired key is still read with, and
//! a member's status is therefore checked again in the transaction of every write.
//! A refused token is an error with the message `Unauthorized`, which API Gateway answers with 401;
//! any other error is its 500.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html>

use std::collections::HashMap;

use clients::oidc::TokenError;
use connect::{Connect, chain};
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};
use store::StoreError;
use tracing::{Instrument, error, info};

use crate::{
    boot::{self, Events, Failed, Program, Served},
    context::InvocationContext,
    guard,
    member::Member,
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

/// A bearer token or an API key to verify.
#[derive(Clone)]
pub struct Presented {
    /// It, without its scheme.
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

/// Why a caller is not verified.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The token is refused, or could not be checked.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The API key is unknown, deleted or expired, or its member is suspended or deleted.
    #[error("the API key does not work")]
    Key,
    /// The table with the keys is unavailable, or a fault of ours.
    #[error("the caller could not be verified: {detail}")]
    Unavailable {
        /// The cause.
        detail: String,
    },
}

impl From<StoreError> for AuthorizeError {
    fn from(error: StoreError) -> AuthorizeError {
        AuthorizeError::Unavailable { detail: chain(&error) }
    }
}

/// Why there is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAuthorized {
    /// The token is refused. API Gateway requires exactly this message.
    #[error("Unauthorized")]
    Refused,
    /// The token or the key could not be verified: API Gateway answers 503, by `template.yaml`.
    #[error("Authorizer failed")]
    Failed,
}

/// A process that answers with policies.
///
/// The handler returns the member that a token or a key belongs to.
pub(crate) fn program<C, H>(worker: Worker, handle: H) -> Events
where
    C: Connect + 'static,
    H: AsyncFn(&C, Presented) -> Result<Member, AuthorizeError> + 'static,
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
    H: AsyncFn(&C, Presented) -> Result<Member, AuthorizeError>,
{
    let ended = Ended::begin(worker.name, context);
    let span = telemetry::span(&event.request_context.request_id);
    let handled = async {
        let token = event.token().ok_or(TokenError::Malformed)?;
        let presented = Presented { token, now: context.now() };
        let handled = guard::within(context.time_left(), handle(capabilities, presented)).await;
        handled.unwrap_or_else(|e| Err(AuthorizeError::Unavailable { detail: e.chain() }))
    };
    let handled: Result<Member, AuthorizeError> = handled.instrument(span.clone()).await;
    let _in_span = span.enter();
    let policy = handled.map_err(|refused| log_refusal(&refused)).and_then(|member| {
        span.record("actor", member.user_id.as_str());
        policy(&event.method_arn, member).ok_or(NotAuthorized::Failed)
    });
    ended.log_work(context, if policy.is_ok() { "allowed" } else { "refused" });
    policy
}

/// Logs why a caller was refused. Lambda counts a refusal and a failure to verify alike as errors of
/// this function, so the failure has a metric of its own.
fn log_refusal(refused: &AuthorizeError) -> NotAuthorized {
    let reason = refused.to_string();
    match refused {
        AuthorizeError::Token(TokenError::KeysUnavailable { .. })
        | AuthorizeError::Unavailable { .. } => {
            error!(reason, "caller cannot be verified, answered as our failure");
            Metrics::new().count("CallersNotVerified", 1).emit();
            NotAuthorized::Failed
        }
        AuthorizeError::Token(
            TokenError::Malformed
            | TokenError::UnknownKey
            | TokenError::Signature
            | TokenError::Issuer
            | TokenError::Audience
            | TokenError::Party
            | TokenError::Pending
            | TokenError::TooLong
            | TokenError::Expired
            | TokenError::NotYetValid
            | TokenError::Subject,
        )
        | AuthorizeError::Key => {
            info!(reason, "caller refused");
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
fn policy(method_arn: &str, member: Member) -> Option<Policy> {
    let mut parts = method_arn.splitn(3, '/');
    let stage = format!("{}/{}", parts.next()?, parts.next()?);
    let statement = |effect, routes| {
        let resource = format!("{stage}/{routes}");
        json!({"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource})
    };
    let mut statements = vec![statement("Allow", "*")];
    if member.role.is_none() {
        statements.push(statement("Deny", STAFF_ROUTES));
    }
    Some(Policy {
        principal_id: member.user_id.to_string(),
        policy_document: json!({"Version": "2012-10-17", "Statement": statements}),
        context: member.into_context(),
    })
}
