//! What every "no" of the system looks like before it becomes an HTTP answer.
//!
//! A rule says no with a small local error type that implements [`DomainError`]. The edge turns any of
//! them into a problem document: `kind` picks the status, `code` is what a program branches on,
//! `Display` is what a person reads.

use serde::Serialize;
use serde_json::Value;

/// The family of a refusal. One table at the edge maps it to an HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be read as what it should be.
    Malformed,
    /// The caller did not prove who they are.
    Unauthenticated,
    /// Credits or money are missing.
    PaymentRequired,
    /// The caller is known and may not do this.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// The present state does not allow it.
    Conflict,
    /// A stated precondition (`If-Match`) does not hold.
    PreconditionFailed,
    /// The request is larger than anything we accept.
    TooLarge,
    /// The request was understood, and what it asks for is not allowed.
    Invalid,
    /// Too many at once, or too many in a while.
    TooMany,
    /// We cannot do it now; the same request may work later.
    Unavailable,
    /// The fault is ours.
    Internal,
}

/// One field that was not accepted, addressed by a JSON pointer (RFC 6901) into the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// For example `/lighting/lights/2/elevation`.
    pub pointer: String,
    /// Stable, snake case.
    pub code: &'static str,
    /// A sentence the caller can act on.
    pub detail: String,
}

impl FieldError {
    /// A field error at `pointer`.
    pub fn new(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> FieldError {
        FieldError { pointer: pointer.into(), code, detail: detail.into() }
    }
}

/// A refusal: an error with a family, a stable code and, where useful, more than a sentence.
///
/// `Display` speaks to the caller where the fault is theirs and never includes a source.
pub trait DomainError: std::error::Error + Send + Sync + 'static {
    /// The family.
    fn kind(&self) -> ErrorKind;
    /// A stable snake-case code.
    fn code(&self) -> &'static str;
    /// The fields that were not accepted.
    fn fields(&self) -> &[FieldError] {
        &[]
    }
    /// Seconds after which trying again makes sense.
    fn retry_after_s(&self) -> Option<u32> {
        None
    }
    /// Further members of the problem document, such as what is missing.
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// A value with one or more fields outside what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(.0))]
pub struct InvalidFields(pub Vec<FieldError>);

fn describe(fields: &[FieldError]) -> String {
    match fields {
        [] => "The request is not valid.".to_owned(),
        [one] => format!("{}: {}", one.pointer, one.detail),
        [first, rest @ ..] => {
            format!("{}: {} ({} more below)", first.pointer, first.detail, rest.len())
        }
    }
}

impl DomainError for InvalidFields {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
    fn code(&self) -> &'static str {
        "invalid_request"
    }
    fn fields(&self) -> &[FieldError] {
        &self.0
    }
}

/// Collects field errors so that a caller learns all of them at once.
#[derive(Debug, Default)]
pub struct FieldCheck(Vec<FieldError>);

impl FieldCheck {
    /// Nothing found yet.
    pub fn new() -> FieldCheck {
        FieldCheck::default()
    }

    /// Records an error at `pointer` unless `holds`.
    pub fn require(
        &mut self,
        holds: bool,
        pointer: &str,
        code: &'static str,
        detail: impl FnOnce() -> String,
    ) {
        if !holds {
            self.0.push(FieldError::new(pointer, code, detail()));
        }
    }

    /// Takes over errors found by a part, their pointers prefixed with where the part stands.
    pub fn absorb(&mut self, prefix: &str, found: Result<(), InvalidFields>) {
        if let Err(InvalidFields(fields)) = found {
            self.0.extend(fields.into_iter().map(|field| FieldError {
                pointer: format!("{prefix}{}", field.pointer),
                ..field
            }));
        }
    }

    /// # Errors
    /// All that was recorded, if anything was.
    pub fn finish(self) -> Result<(), InvalidFields> {
        if self.0.is_empty() { Ok(()) } else { Err(InvalidFields(self.0)) }
    }
}
