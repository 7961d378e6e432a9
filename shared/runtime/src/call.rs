//! One call of an endpoint: its input, who calls, and what may be taken from around it.

use std::fmt;

use clients::oidc::Identity;
use domain::{
    DomainError, ErrorKind, Timestamp,
    account::Role,
    audit::{Action, Actor, AuditEntry, Origin, Target},
    id::JobId,
    marketplace::visitor::{Network, is_person},
};
use http::HeaderMap;
use serde::Serialize;
use store::{Idempotency, Staff};
use tracing::Span;

use crate::{apigw::Source, context::Entropy, response::ETag};

/// One call of an endpoint. `body` is its whole input: path parameters with the query string or
/// with the JSON body.
#[derive(Debug)]
pub struct Call<R = ()> {
    /// The input.
    pub body: R,
    /// Who calls.
    pub caller: Caller,
    /// When the call began.
    pub now: Timestamp,
    /// What this call is named in answers and logs.
    pub request_id: RequestId,
    /// Makes absolute links to this API.
    pub links: Links,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) raw: Raw,
    pub(crate) source: Source,
    pub(crate) entropy: Entropy,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who did not sign in, on a route that allows it.
    Nobody,
    /// A person whose token the authorizer has verified.
    Member(Identity),
}

/// The name of a call: the caller's own correlation id if it is a usable one, else API Gateway's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    gateway: String,
    callers: Option<String>,
}

/// A request as it came, for handlers that verify a signature over it.
#[derive(Debug, Clone, Default)]
pub struct Raw {
    /// The headers.
    pub headers: HeaderMap,
    /// The exact bytes of the body.
    pub body: Vec<u8>,
    /// Whether it was asked for without its body.
    pub(crate) is_head: bool,
}

/// Makes absolute links to this API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    root: String,
}

/// An absolute link, to a resource of this API unless it is a redirect's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Link(String);

/// A refusal of what a handler asks of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody signed in.
    #[error("Send a valid access token as `Authorization: Bearer <token>`.")]
    Unauthenticated,
    /// Credits or money move here, and there is no key to make a repeat safe.
    #[error("Send an `Idempotency-Key`; the same key with the same body is carried out once.")]
    KeyRequired,
    /// A key that is not 1 to 255 visible ASCII characters.
    #[error("An `Idempotency-Key` is 1 to 255 visible ASCII characters.")]
    KeyInvalid,
    /// A body that is not text.
    #[error("The body is not UTF-8.")]
    NotText,
    /// The resource is no longer what `If-Match` says.
    #[error("The resource has changed since it was read; read it again and repeat the change.")]
    Changed,
}

impl DomainError for CallError {
    fn kind(&self) -> ErrorKind {
        match self {
            CallError::Unauthenticated => ErrorKind::Unauthenticated,
            CallError::KeyRequired | CallError::KeyInvalid | CallError::NotText => {
                ErrorKind::Malformed
            }
            CallError::Changed => ErrorKind::PreconditionFailed,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            CallError::Unauthenticated => "unauthenticated",
            CallError::KeyRequired => "idempotency_key_required",
            CallError::KeyInvalid => "idempotency_key_invalid",
            CallError::NotText => "body_not_text",
            CallError::Changed => "precondition_failed",
        }
    }
}

impl<R> Call<R> {
    /// Who signed in.
    ///
    /// # Errors
    /// [`CallError::Unauthenticated`], only on a public route: the others are checked before.
    pub fn member(&self) -> Result<&Identity, CallError> {
        match &self.caller {
            Caller::Member(identity) => Ok(identity),
            Caller::Nobody => Err(CallError::Unauthenticated),
        }
    }

    /// Who of the staff acts.
    ///
    /// # Errors
    /// [`CallError::Unauthenticated`], only on a public route.
    pub fn staff(&self) -> Result<Staff<'_>, CallError> {
        let member = self.member()?;
        Ok(Staff { user_id: &member.user_id, email: member.email_claim(), role: member.role })
    }

    /// This call as a deed: by whom, through which request, from where. Only on a route for staff.
    ///
    /// # Errors
    /// [`CallError::Unauthenticated`], only on a public route.
    pub fn deed(&self, action: Action, target: Target) -> Result<AuditEntry, CallError> {
        let Identity { user_id, role, .. } = self.member()?;
        let role = role.unwrap_or(Role::Moderator);
        let actor = Actor::Staff { user_id: user_id.clone(), role };
        let RequestId { gateway, callers } = self.request_id.clone();
        let ip = self.ip().map(str::to_owned);
        let origin = Origin { request_id: gateway, correlation_id: callers, ip };
        Ok(AuditEntry { origin: Some(origin), ..AuditEntry::new(actor, action, target) })
    }

    /// The caller's key, if they sent one and the endpoint reads it.
    pub fn idempotency(&self) -> Option<&Idempotency> {
        self.idempotency.as_ref()
    }

    /// The caller's key, where there must be one.
    ///
    /// # Errors
    /// [`CallError::KeyRequired`], only where the endpoint does not require it by itself.
    pub fn idempotency_key(&self) -> Result<&Idempotency, CallError> {
        self.idempotency.as_ref().ok_or(CallError::KeyRequired)
    }

    /// Holds `If-Match`, if there is one, to what a `GET` of the resource would answer now.
    ///
    /// # Errors
    /// [`CallError::Changed`] when none of the tags is the resource's.
    pub fn check_if_match(&self, resource: &impl Serialize) -> Result<(), CallError> {
        let tags = self.raw.headers.get_all(http::header::IF_MATCH);
        if tags.iter().next().is_none() {
            return Ok(());
        }
        let current = ETag::of_json(resource).map_err(|_| CallError::Changed)?;
        match tags.iter().any(|tags| current.is_in(tags)) {
            true => Ok(()),
            false => Err(CallError::Changed),
        }
    }

    /// The request as it came.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }

    /// The address the caller's connection came from, as API Gateway saw it. It is nobody's proof
    /// of anything, and not for a log.
    pub fn ip(&self) -> Option<&str> {
        self.source.ip()
    }

    /// The network that address belongs to, if there is one: what counts as one caller where nobody
    /// has to sign in.
    pub fn network(&self) -> Option<Network> {
        Network::of(self.ip()?)
    }

    /// The network that somebody looks from; `None` where nobody looks: a program that shows links or
    /// fetches them ahead, a `HEAD`, or a caller of whom nothing is known.
    pub fn visitor(&self) -> Option<Network> {
        let text = |name: &str| self.raw.headers.get(name)?.to_str().ok();
        let purposes = ["sec-purpose", "purpose", "x-moz"].into_iter().filter_map(text);
        let looks = !self.raw.is_head && is_person(text("user-agent"), purposes);
        self.network().filter(|_| looks)
    }

    /// 128 random bits.
    pub fn random(&self) -> u128 {
        self.entropy.next()
    }

    /// Names the job this call is about in every following log line.
    pub fn log_job(&self, job: &JobId) {
        Span::current().record("job_id", job.as_str());
    }

    /// The same call with another input.
    pub(crate) fn with_body<S>(self, body: S) -> Call<S> {
        let Call { body: _, caller, now, request_id, links, idempotency, raw, source, entropy } =
            self;
        Call { body, caller, now, request_id, links, idempotency, raw, source, entropy }
    }
}

impl RequestId {
    const MAX_BYTES: usize = 128;

    /// The first usable of the caller's ids, else the gateway's.
    pub(crate) fn of(headers: &HeaderMap, gateway: &str) -> RequestId {
        let offered = ["x-request-id", "x-correlation-id"];
        let chosen = offered
            .iter()
            .filter_map(|name| headers.get(*name)?.to_str().ok())
            .find(|id| RequestId::is_usable(id));
        RequestId { gateway: gateway.to_owned(), callers: chosen.map(str::to_owned) }
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        self.callers.as_deref().unwrap_or(&self.gateway)
    }

    fn is_usable(id: &str) -> bool {
        let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        (1..=RequestId::MAX_BYTES).contains(&id.len()) && id.bytes().all(safe)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Links {
    /// Links below `root`, the URL of the stage.
    pub fn new(root: &str) -> Links {
        Links { root: root.trim_end_matches('/').to_owned() }
    }

    /// The link to `path`, which begins with a slash and stands below the stage.
    pub fn to(&self, path: impl fmt::Display) -> Link {
        Link(format!("{}{path}", self.root))
    }
}

impl Link {
    /// A link to somewhere that is not this API.
    pub(crate) fn elsewhere(url: String) -> Link {
        Link(url)
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
