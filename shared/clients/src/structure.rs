//! Errors shared by all providers of structured prompts.

/// A prompt was not structured. Nothing was charged or stored, so a retry is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StructureError {
    /// The provider's rate limit is reached.
    #[error("Too many prompts are being structured at the moment. Try again shortly.")]
    Busy {
        /// Seconds until a retry, as the provider asks.
        retry_after_s: Option<u32>,
    },
    /// The provider's moderation refuses the prompt.
    #[error("The prompt was blocked by content moderation: {message}")]
    Blocked {
        /// The provider's message, for people.
        message: String,
    },
    /// The provider cannot read our request: our error, not the prompt's. The detail is for the log
    /// only.
    #[error("Prompts cannot be structured at the moment. Try again later.")]
    NotUnderstood {
        /// The provider's message.
        detail: String,
    },
    /// No usable response in time. The detail is for the log only.
    #[error("Prompts cannot be structured at the moment. Try again later.")]
    Unavailable {
        /// The cause.
        detail: String,
    },
}

impl StructureError {
    /// Logged here, because the caller gets no details.
    pub(crate) fn not_understood(detail: impl ToString) -> StructureError {
        let detail = detail.to_string();
        tracing::error!(detail, "structure request rejected as malformed");
        StructureError::NotUnderstood { detail }
    }

    pub(crate) fn unavailable(detail: impl ToString) -> StructureError {
        StructureError::Unavailable { detail: detail.to_string() }
    }
}

domain::domain_error! {
    StructureError {
        Busy => TooMany, "provider_busy";
        Blocked => Invalid, "content_blocked";
        NotUnderstood => Unavailable, "provider_unavailable";
        Unavailable => Unavailable, "provider_unavailable";
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            StructureError::Busy { retry_after_s } => Some(retry_after_s.unwrap_or(60)),
            StructureError::Blocked { .. } => None,
            StructureError::NotUnderstood { .. } | StructureError::Unavailable { .. } => Some(10),
        }
    }
}
