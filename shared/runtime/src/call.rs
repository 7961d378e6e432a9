//! One call of an endpoint: its input, its caller and its context.

use std::fmt;

use connect::Clock;
use domain::{
    Timestamp,
    account::Role,
    audit::{Action, Actor, AuditEntry, Origin, Target},
    id::JobId,
    marketplace::community::visitor::{Network, is_person},
};
use http::HeaderMap;
use serde::Serialize;
use store::{Idempotency, Staff};
use tracing::Span;

use crate::{
    apigw::Source, entropy::Entropy, etag::ETag, links::Links, member::Member,
    prefer::preferred_wait,
};

/// One call of an endpoint. `body` is its whole input: path parameters with the query string or
/// with the JSON body.
#[derive(Debug)]
pub struct Call<R = ()> {
    /// The input.
    pub body: R,
    /// The caller.
    pub caller: Caller,
    /// When the call began.
    pub now: Timestamp,
    /// The request id in responses and logs.
    pub request_id: RequestId,
    /// Makes absolute links to this API.
    pub links: Links,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) raw: Raw,
    pub(crate) source: Source,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
}

/// The caller of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No access token, on a public or signed route.
    Anonymous,
    /// A member whose token or key the authorizer has verified.
    Member(Member),
}

/// The request id: the client's correlation id if it is valid, else API Gateway's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    gateway: String,
    callers: Option<String>,
}

/// The request as received, for handlers that verify a signature over it.
#[derive(Debug, Clone, Default)]
pub struct Raw {
    /// The headers.
    pub headers: HeaderMap,
    /// The exact bytes of the body.
    pub body: Vec<u8>,
    /// Whether the method was `HEAD`.
    pub(crate) is_head: bool,
}

/// Why a handler cannot get what it needs from its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The caller is not signed in.
    #[error("Send a valid access token as `Authorization: Bearer <token>`.")]
    Unauthenticated,
    /// Credits or money move, so a key is required to make a retry safe.
    #[error("Send an `Idempotency-Key`; the same key with the same body is carried out once.")]
    KeyRequired,
    /// The key is not 1 to 255 visible ASCII characters.
    #[error("An `Idempotency-Key` is 1 to 255 visible ASCII characters.")]
    KeyInvalid,
    /// The body is not UTF-8.
    #[error("The body is not UTF-8.")]
    NotText,
    /// The resource no longer matches `If-Match`.
    #[error("The resource has changed since it was read; read it again and repeat the change.")]
    Changed,
}

domain::domain_error! {
    CallError {
        Unauthenticated => Unauthenticated, "unauthenticated";
        KeyRequired => Malformed, "idempotency_key_required";
        KeyInvalid => Malformed, "idempotency_key_invalid";
        NotText => Malformed, "body_not_text";
        Changed => PreconditionFailed, "precondition_failed";
    }
}

impl<R> Call<R> {
    /// The signed-in member.
    ///
    /// # Errors
    /// [`CallError::Unauthenticated`], only on a public route: elsewhere access is checked before.
    pub fn member(&self) -> Result<&Member, CallError> {
        match &self.caller {
            Caller::Member(member) => Ok(member),
            Caller::Anonymous => Err(CallError::Unauthenticated),
        }
    }

    /// The acting staff member.
    ///
    /// # Errors
    /// [`CallError::Unauthenticated`], only on a public route.
    pub fn staff(&self) -> Result<Staff<'_>, CallError> {
        let member = self.member()?;
        Ok(Staff { user_id: &member.user_id, email: member.email_claim(), role: member.role })
    }

    /// The audit entry of this call: staff member, request id and network. Only on a staff route.
    ///
    /// # Errors
    /// [`CallError::Unauthenticated`], only on a public route.
    pub fn audit_entry(&self, action: Action, target: Target) -> Result<AuditEntry, CallError> {
        let Member { user_id, role, .. } = self.member()?;
        let role = role.unwrap_or(Role::Moderator);
        let actor = Actor::Staff { user_id: user_id.clone(), role };
        let RequestId { gateway, callers } = self.request_id.clone();
        let ip = self.ip().map(str::to_owned);
        let origin = Origin { request_id: gateway, correlation_id: callers, ip };
        Ok(AuditEntry { origin: Some(origin), ..AuditEntry::new(actor, action, target) })
    }

    /// The idempotency key, if the caller sent one and the endpoint reads it.
    pub fn idempotency(&self) -> Option<&Idempotency> {
        self.idempotency.as_ref()
    }

    /// The idempotency key, where one is required.
    ///
    /// # Errors
    /// [`CallError::KeyRequired`], only where the endpoint does not require a key itself.
    pub fn idempotency_key(&self) -> Result<&Idempotency, CallError> {
        self.idempotency.as_ref().ok_or(CallError::KeyRequired)
    }

    /// Checks `If-Match`, if present, against the current `ETag` of the resource, or of the body of
    /// which it is the changeable part ([`crate::Editable`]).
    ///
    /// # Errors
    /// [`CallError::Changed`] when no tag matches.
    pub fn check_if_match(&self, resource: &impl Serialize) -> Result<(), CallError> {
        let tags = self.raw.headers.get_all(http::header::IF_MATCH);
        if tags.iter().next().is_none() {
            return Ok(());
        }
        match tags.iter().any(|tags| ETag::names(tags, resource).unwrap_or(false)) {
            true => Ok(()),
            false => Err(CallError::Changed),
        }
    }

    /// The request as received.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }

    /// The seconds that the caller would wait for the result, by `Prefer: wait=N` (RFC 7240); `most`
    /// if the header has no number.
    pub fn preferred_wait(&self, most: u32) -> Option<u32> {
        preferred_wait(&self.raw.headers, most)
    }

    /// The client's IP address as API Gateway saw it. It authenticates nothing and must not be
    /// logged.
    pub fn ip(&self) -> Option<&str> {
        self.source.ip()
    }

    /// The network of that address, if known: the unit that counts as one caller on public routes.
    pub fn network(&self) -> Option<Network> {
        Network::of(self.ip()?)
    }

    /// The network of a human visitor; `None` for a bot, a prefetch, a `HEAD` or an unknown client.
    pub fn visitor(&self) -> Option<Network> {
        let text = |name: &str| self.raw.headers.get(name)?.to_str().ok();
        let purposes = ["sec-purpose", "purpose", "x-moz"].into_iter().filter_map(text);
        let looks = !self.raw.is_head && is_person(text("user-agent"), purposes);
        self.network().filter(|_| looks)
    }

    /// The clock, for a call that waits: `now` is when it began.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// 128 random bits.
    pub fn random(&self) -> u128 {
        self.entropy.next()
    }

    /// Records the job id in every following log line.
    pub fn log_job(&self, job: &JobId) {
        Span::current().record("job_id", job.as_str());
    }

    /// The same call with another input.
    pub(crate) fn with_body<S>(self, body: S) -> Call<S> {
        Call {
            body,
            caller: self.caller,
            now: self.now,
            request_id: self.request_id,
            links: self.links,
            idempotency: self.idempotency,
            raw: self.raw,
            source: self.source,
            clock: self.clock,
            entropy: self.entropy,
        }
    }
}

impl RequestId {
    const MAX_BYTES: usize = 128;

    /// The client's first valid id, else the gateway's.
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
