//! What every structurer of prompts answers with when it has no structured prompt.

use domain::{Refusal, RefusalKind};

/// A prompt was not turned into a structured one. Nothing was charged and nothing was kept, so the
/// same request may always be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StructureRefused {
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

impl StructureRefused {
    /// Logged here, because whoever answers the caller does not say why.
    pub(crate) fn not_understood(detail: impl ToString) -> StructureRefused {
        let detail = detail.to_string();
        tracing::error!(detail, "the provider did not understand our request");
        StructureRefused::NotUnderstood { detail }
    }

    pub(crate) fn unavailable(detail: impl ToString) -> StructureRefused {
        StructureRefused::Unavailable { detail: detail.to_string() }
    }
}

impl Refusal for StructureRefused {
    fn kind(&self) -> RefusalKind {
        match self {
            StructureRefused::Busy { .. } => RefusalKind::TooMany,
            StructureRefused::Blocked { .. } => RefusalKind::Invalid,
            StructureRefused::NotUnderstood { .. } | StructureRefused::Unavailable { .. } => {
                RefusalKind::Unavailable
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            StructureRefused::Busy { .. } => "provider_busy",
            StructureRefused::Blocked { .. } => "content_blocked",
            StructureRefused::NotUnderstood { .. } | StructureRefused::Unavailable { .. } => {
                "provider_unavailable"
            }
        }
    }

    fn retry_after_s(&self) -> Option<u32> {
        match self {
            StructureRefused::Busy { retry_after_s } => Some(retry_after_s.unwrap_or(60)),
            StructureRefused::Blocked { .. } => None,
            StructureRefused::NotUnderstood { .. } | StructureRefused::Unavailable { .. } => {
                Some(10)
            }
        }
    }
}
