//! What every structurer of prompts answers with when it has no structured prompt.

use domain::{DomainError, ErrorKind};

/// A prompt was not turned into a structured one. Nothing was charged and nothing was kept, so the
/// same request may always be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StructureError {
    /// The service's limit is reached.
    #[error("Too many prompts are being structured at the moment. Try again shortly.")]
    Busy {
        /// Seconds the service asked for.
        retry_after_s: Option<u32>,
    },
    /// The service's moderation does not accept the prompt.
    #[error("The prompt was blocked by content moderation: {message}")]
    Blocked {
        /// What the service said, for people.
        message: String,
    },
    /// The service did not understand our request: our fault, and not the prompt's. The detail is
    /// for the log and not for the caller.
    #[error("Prompts cannot be structured at the moment. Try again later.")]
    NotUnderstood {
        /// What the service said.
        detail: String,
    },
    /// No usable answer in time. The detail is for the log and not for the caller.
    #[error("Prompts cannot be structured at the moment. Try again later.")]
    Unavailable {
        /// What happened.
        detail: String,
    },
}

impl StructureError {
    /// Logged here, because whoever answers the caller does not say why.
    pub(crate) fn not_understood(detail: impl ToString) -> StructureError {
        let detail = detail.to_string();
        tracing::error!(detail, "the provider did not understand our request");
        StructureError::NotUnderstood { detail }
    }

    pub(crate) fn unavailable(detail: impl ToString) -> StructureError {
        StructureError::Unavailable { detail: detail.to_string() }
    }
}

impl DomainError for StructureError {
    fn kind(&self) -> ErrorKind {
        match self {
            StructureError::Busy { .. } => ErrorKind::TooMany,
            StructureError::Blocked { .. } => ErrorKind::Invalid,
            StructureError::NotUnderstood { .. } | StructureError::Unavailable { .. } => {
                ErrorKind::Unavailable
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            StructureError::Busy { .. } => "provider_busy",
            StructureError::Blocked { .. } => "content_blocked",
            StructureError::NotUnderstood { .. } | StructureError::Unavailable { .. } => {
                "provider_unavailable"
            }
        }
    }

    fn retry_after_s(&self) -> Option<u32> {
        match self {
            StructureError::Busy { retry_after_s } => Some(retry_after_s.unwrap_or(60)),
            StructureError::Blocked { .. } => None,
            StructureError::NotUnderstood { .. } | StructureError::Unavailable { .. } => Some(10),
        }
    }
}
