//! Errors of the domain, before they become HTTP responses.
//!
//! A rule refuses with a small local error type that implements [`DomainError`]. The HTTP layer
//! turns it into a problem document (RFC 9457): `kind` determines the status, `code` is for
//! programs, `Display` is for people.

use std::ops::RangeInclusive;

use serde::Serialize;
#[doc(hidden)]
pub use serde_json::Value;

/// The category of an error. One table of the HTTP layer maps it to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumString)]
pub enum ErrorKind {
    /// The request cannot be parsed.
    Malformed,
    /// The caller is not authenticated.
    Unauthenticated,
    /// Credits or money are missing.
    PaymentRequired,
    /// The caller is known and may not do this.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// The current state does not allow it.
    Conflict,
    /// A precondition of the request (`If-Match`) does not hold.
    PreconditionFailed,
    /// The request exceeds the size limit.
    TooLarge,
    /// The request was parsed, but its content is not allowed.
    Invalid,
    /// Too many at once, or a rate limit is reached.
    TooMany,
    /// Temporarily unavailable; the same request may succeed later.
    Unavailable,
    /// An internal fault.
    Internal,
}

/// An invalid field, addressed by a JSON pointer (RFC 6901) into the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// For example `/lighting/lights/2/elevation`.
    pub pointer: String,
    /// The error code: stable, snake case.
    pub code: &'static str,
    /// A sentence that the caller can act on.
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

/// An error with a category, a stable code and, where useful, further data.
///
/// `Display` addresses the caller if the fault is theirs, and never includes a source.
pub trait DomainError: std::error::Error + Send + Sync + 'static {
    /// The category.
    fn kind(&self) -> ErrorKind;
    /// A stable snake-case code.
    fn code(&self) -> &'static str;
    /// The invalid fields.
    fn fields(&self) -> &[FieldError] {
        &[]
    }
    /// Seconds after which a retry makes sense.
    fn retry_after_s(&self) -> Option<u32> {
        None
    }
    /// Extension members of the problem document, such as the missing amount.
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// Implements [`DomainError`]. A variant has a kind and a code; one that the enum `wraps` has a field
/// that answers instead. Further methods come last: without any, a wrapped error answers those too.
#[macro_export]
macro_rules! domain_error {
    ($error:ident => $kind:ident, $code:literal $(; $($methods:tt)*)?) => {
        impl $crate::DomainError for $error {
            fn kind(&self) -> $crate::ErrorKind {
                $crate::ErrorKind::$kind
            }
            fn code(&self) -> &'static str {
                $code
            }
            $($($methods)*)?
        }
    };
    ($error:ident wraps [$($inner:ident),+] {
        $($variant:ident => $kind:ident, $code:literal;)*
    }) => {
        $crate::domain_error! {
            $error wraps [$($inner),+] { $($variant => $kind, $code;)* }
            fn fields(&self) -> &[$crate::FieldError] {
                match self {
                    $(Self::$inner(inner) => inner.fields(),)+
                    $(Self::$variant { .. } => &[],)*
                }
            }
            fn retry_after_s(&self) -> Option<u32> {
                match self {
                    $(Self::$inner(inner) => inner.retry_after_s(),)+
                    $(Self::$variant { .. } => None,)*
                }
            }
            fn extensions(&self) -> Vec<(&'static str, $crate::error::Value)> {
                match self {
                    $(Self::$inner(inner) => inner.extensions(),)+
                    $(Self::$variant { .. } => Vec::new(),)*
                }
            }
        }
    };
    ($error:ident $(wraps [$($inner:ident),+])? {
        $($variant:ident => $kind:ident, $code:literal;)*
    } $($methods:tt)*) => {
        impl $crate::DomainError for $error {
            fn kind(&self) -> $crate::ErrorKind {
                match self {
                    $($(Self::$inner(inner) => inner.kind(),)+)?
                    $(Self::$variant { .. } => $crate::ErrorKind::$kind,)*
                }
            }
            fn code(&self) -> &'static str {
                match self {
                    $($(Self::$inner(inner) => inner.code(),)+)?
                    $(Self::$variant { .. } => $code,)*
                }
            }
            $($methods)*
        }
    };
}

/// A value with one or more invalid fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(.0))]
pub struct InvalidFields(pub Vec<FieldError>);

fn describe(fields: &[FieldError]) -> String {
    match fields {
        [] => "The request is not valid.".to_owned(),
        [one] => described(one),
        [first, rest @ ..] => format!("{} ({} more below)", described(first), rest.len()),
    }
}

/// A name as a segment of a JSON pointer (RFC 6901, section 3).
pub fn pointer_segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What is wrong with a field. An empty pointer is the whole request.
fn described(FieldError { pointer, detail, .. }: &FieldError) -> String {
    if pointer.is_empty() { detail.clone() } else { format!("{pointer}: {detail}") }
}

crate::domain_error! {
    InvalidFields => Invalid, "invalid_request";
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

    /// Records that the number at `pointer` is not in `allowed`. NaN and the infinities never are.
    pub fn require_within(
        &mut self,
        pointer: &str,
        value: f64,
        allowed: RangeInclusive<f64>,
        unit: &str,
    ) {
        self.require(allowed.contains(&value), pointer, "out_of_range", || {
            format!("Must be {} to {} {unit}.", allowed.start(), allowed.end())
        });
    }

    /// Adds the errors of a part, with `prefix` before their pointers.
    pub fn absorb(&mut self, prefix: &str, found: Result<(), InvalidFields>) {
        if let Err(InvalidFields(fields)) = found {
            self.0.extend(fields.into_iter().map(|field| FieldError {
                pointer: format!("{prefix}{}", field.pointer),
                ..field
            }));
        }
    }

    /// # Errors
    /// All recorded errors, if any.
    pub fn finish(self) -> Result<(), InvalidFields> {
        if self.0.is_empty() { Ok(()) } else { Err(InvalidFields(self.0)) }
    }
}
