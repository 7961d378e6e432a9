//! A request at Bria: its id and its status.

use std::fmt;

/// Bria's id of a request: 1 to 128 of `A-Z a-z 0-9 - _ .`, so that it fits in a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

/// The provider's status of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderStatus {
    /// Still running.
    InProgress,
    /// Done.
    Completed {
        /// The URL of the picture, valid for a limited time. Untrusted until
        /// [`crate::ImageFetcher`] fetches it.
        image_url: String,
        /// The seed of the picture.
        seed: Option<u32>,
        /// The structured prompt of the picture: Bria's own JSON text, byte for byte.
        structured_prompt: Option<String>,
    },
    /// Moderation stopped the picture during or after generation.
    Blocked {
        /// The provider's message, for people.
        message: String,
    },
    /// It failed because the provider cannot read the request: our error.
    Invalid {
        /// The provider's message, for the log.
        message: String,
    },
    /// It failed permanently. Bria's API says `ERROR`, some of its own clients expect `FAILED`.
    Failed {
        /// The provider's message, for the log.
        message: String,
    },
    /// The provider does not know the state. It may recover: poll again, up to a limit.
    Unknown,
    /// No such request, or no longer (404).
    Expired,
}

impl RequestId {
    /// Parses an id as the provider spells it; `None` when it does not fit in a URL.
    pub fn parse(text: &str) -> Option<RequestId> {
        let fits = (1..=128).contains(&text.len()) && !matches!(text, "." | "..");
        let safe = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (fits && safe).then(|| RequestId(text.to_owned()))
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
