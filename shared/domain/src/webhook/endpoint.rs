//! A member's webhooks: where their events go, and when one is disabled.
//!
//! All webhooks of a member are one item, so that one cheap read tells whether anybody wants an
//! event.

use std::{collections::BTreeSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::event::EventType;
use crate::{
    error::{FieldCheck, InvalidFields},
    id::{UserId, WebhookId},
    text,
    time::{DAY, Timestamp},
};

/// Most webhooks of one member.
pub const WEBHOOKS_MAX: usize = 10;
/// Longest URL, in bytes.
pub const URL_BYTES_MAX: usize = 500;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 200;
/// How long the previous secret signs beside a new one.
pub const SECRET_OVERLAP: Duration = DAY;
/// After how long without a success a failure disables a webhook.
pub const FAILING_MAX: Duration = DAY;

/// The webhooks of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhooks {
    /// The member.
    pub user_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// The oldest first.
    pub webhooks: Vec<Webhook>,
}

/// A webhook: an address of a member's, and the events that it wants.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where its events are sent.
    pub url: String,
    /// The member's note.
    pub description: Option<String>,
    /// The events that it wants.
    pub events: BTreeSet<EventType>,
    /// What its requests are signed with.
    pub secret: SigningSecret,
    /// The secret before, which signs for [`SECRET_OVERLAP`] too.
    pub previous_secret: Option<PreviousSecret>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the member last changed it, or it was disabled.
    pub updated_at: Timestamp,
    /// The first failure since its last success.
    pub failing_since: Option<Timestamp>,
    /// Since when and why nothing is sent to it.
    pub disabled: Option<Disabled>,
}

/// A secret of Standard Webhooks: `whsec_` and 32 bytes in base64. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(String);

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: SigningSecret,
    /// Until when it signs.
    pub until: Timestamp,
}

/// Why nothing is sent to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// The reason.
    pub reason: DisabledReason,
    /// Since when.
    pub at: Timestamp,
}

/// Why a webhook was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// The member disabled it.
    ByMember,
    /// It answered 410: it is gone for good.
    Gone,
    /// Every request of a day failed.
    Failing,
}

/// Whether events are sent to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// They are.
    Enabled,
    /// They are not, and are not kept for later.
    Disabled,
}

/// What a member enters for a webhook; the URL is checked where URLs are parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where its events are sent.
    pub url: String,
    /// The member's note.
    pub description: Option<String>,
    /// The events that it wants.
    pub events: BTreeSet<EventType>,
}

/// Why a webhook is refused, or a request about one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The member has [`WEBHOOKS_MAX`].
    #[error("You have {WEBHOOKS_MAX} webhooks: delete one first.")]
    TooMany,
    /// Nothing is sent to a disabled webhook.
    #[error("This webhook is disabled: enable it first.")]
    Disabled,
    /// The delivery has not ended.
    #[error("This delivery is still in progress.")]
    InProgress,
}

crate::domain_error! {
    WebhookError {
        TooMany => Conflict, "too_many_webhooks";
        Disabled => Conflict, "webhook_disabled";
        InProgress => Conflict, "delivery_in_progress";
    }
}

impl SigningSecret {
    /// Wraps a secret.
    pub fn new(text: String) -> SigningSecret {
        SigningSecret(text)
    }

    /// The secret itself, for its member and for the client that signs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

impl WebhookSettings {
    /// # Errors
    /// The fields that are invalid.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        let fits = |it: &String| text::length(it) <= DESCRIPTION_CHARS_MAX && text::is_visible(it);
        check.require(self.description.iter().all(fits), "/description", "text", || {
            format!("1 to {DESCRIPTION_CHARS_MAX} visible characters")
        });
        check.require(self.url.len() <= URL_BYTES_MAX, "/url", "length", || {
            format!("at most {URL_BYTES_MAX} bytes")
        });
        check.require(!self.events.is_empty(), "/events", "length", || {
            "at least one type of event".to_owned()
        });
        let wanted = self.events.iter().all(|it| it.can_be_wanted());
        check.require(wanted, "/events", "not_allowed", || {
            format!("{} is sent only on request", EventType::Test.as_str())
        });
        check.finish()
    }
}

impl Webhooks {
    /// No webhooks.
    pub fn none(user_id: UserId) -> Webhooks {
        Webhooks { user_id, version: 0, webhooks: Vec::new() }
    }

    /// # Errors
    /// [`WebhookError::TooMany`].
    pub fn add(&mut self, webhook: Webhook) -> Result<(), WebhookError> {
        if self.webhooks.len() >= WEBHOOKS_MAX {
            return Err(WebhookError::TooMany);
        }
        self.webhooks.push(webhook);
        Ok(())
    }

    /// The webhook with this id.
    pub fn find(&self, id: &WebhookId) -> Option<&Webhook> {
        self.webhooks.iter().find(|webhook| webhook.id == *id)
    }

    /// The webhook with this id, to be changed.
    pub fn find_mut(&mut self, id: &WebhookId) -> Option<&mut Webhook> {
        self.webhooks.iter_mut().find(|webhook| webhook.id == *id)
    }

    /// Removes a webhook.
    pub fn remove(&mut self, id: &WebhookId) {
        self.webhooks.retain(|webhook| webhook.id != *id);
    }

    /// The webhooks that an event is sent to.
    pub fn wanting(&self, event: EventType) -> impl Iterator<Item = &Webhook> {
        self.webhooks.iter().filter(move |it| it.disabled.is_none() && it.events.contains(&event))
    }
}

impl Webhook {
    /// An enabled webhook with settings that are validated.
    pub fn new(
        id: WebhookId,
        settings: WebhookSettings,
        secret: SigningSecret,
        now: Timestamp,
    ) -> Webhook {
        let WebhookSettings { url, description, events } = settings;
        Webhook {
            id,
            url,
            description,
            events,
            secret,
            previous_secret: None,
            created_at: now,
            updated_at: now,
            failing_since: None,
            disabled: None,
        }
    }

    /// Its settings.
    pub fn settings(&self) -> WebhookSettings {
        WebhookSettings {
            url: self.url.clone(),
            description: self.description.clone(),
            events: self.events.clone(),
        }
    }

    /// Whether events are sent to it.
    pub fn status(&self) -> WebhookStatus {
        match self.disabled {
            None => WebhookStatus::Enabled,
            Some(_) => WebhookStatus::Disabled,
        }
    }

    /// Changes it as the member says. Enabling it forgets its failures.
    pub fn change(
        &mut self,
        settings: WebhookSettings,
        status: Option<WebhookStatus>,
        now: Timestamp,
    ) {
        (self.url, self.description, self.events) =
            (settings.url, settings.description, settings.events);
        match status {
            Some(WebhookStatus::Enabled) => (self.disabled, self.failing_since) = (None, None),
            Some(WebhookStatus::Disabled) if self.disabled.is_none() => {
                self.disabled = Some(Disabled { reason: DisabledReason::ByMember, at: now });
            }
            Some(WebhookStatus::Disabled) | None => {}
        }
        self.updated_at = now;
    }

    /// Replaces its secret. The one before signs for [`SECRET_OVERLAP`]; an even older one no more.
    pub fn rotate(&mut self, secret: SigningSecret, now: Timestamp) {
        let secret = std::mem::replace(&mut self.secret, secret);
        self.previous_secret = Some(PreviousSecret { secret, until: now.plus(SECRET_OVERLAP) });
        self.updated_at = now;
    }

    /// The secrets that sign a request at `now`, the current one first.
    pub fn secrets(&self, now: Timestamp) -> Vec<&SigningSecret> {
        let previous = self.previous_secret.as_ref().filter(|previous| now < previous.until);
        std::iter::once(&self.secret).chain(previous.map(|previous| &previous.secret)).collect()
    }

    /// # Errors
    /// [`WebhookError::Disabled`].
    pub fn require_enabled(&self) -> Result<(), WebhookError> {
        match self.disabled {
            None => Ok(()),
            Some(_) => Err(WebhookError::Disabled),
        }
    }

    /// Records that a request succeeded.
    pub fn succeeded(&mut self) {
        self.failing_since = None;
    }

    /// Records that a request failed. A day of nothing but failures disables it.
    pub fn failed(&mut self, now: Timestamp) {
        let since = *self.failing_since.get_or_insert(now);
        if since.plus(FAILING_MAX) <= now {
            self.disable(DisabledReason::Failing, now);
        }
    }

    /// Records that it answered 410.
    pub fn gone(&mut self, now: Timestamp) {
        self.disable(DisabledReason::Gone, now);
    }

    fn disable(&mut self, reason: DisabledReason, now: Timestamp) {
        if self.disabled.is_none() {
            (self.disabled, self.updated_at) = (Some(Disabled { reason, at: now }), now);
        }
    }
}
