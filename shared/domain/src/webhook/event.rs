//! The events that webhooks are sent for, and the payload of each.
//!
//! Payloads are thin: ids, the new state, and amounts. A receiver reads the rest from the API.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    billing::subscription::SubscriptionStatus,
    generation::{FailureCode, Status},
    id::{JobId, ListingId, PayoutId, PurchaseId, WebhookId},
    money::Money,
    plan::Plan,
    time::Timestamp,
};

/// Says of each event its type, its payload and its name.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident($data:ty) = $name:literal;)*) => {
        /// The type of an event.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum EventType {
            $($(#[$doc])* #[serde(rename = $name)] $event,)*
        }

        /// The type of an event and its payload.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "type", content = "data")]
        pub enum EventData {
            $($(#[$doc])* #[serde(rename = $name)] $event($data),)*
        }

        impl EventType {
            /// Every type.
            pub const ALL: &[EventType] = &[$(EventType::$event,)*];

            /// Its name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(EventType::$event => $name,)*
                }
            }
        }

        impl EventData {
            /// The type.
            pub const fn event_type(&self) -> EventType {
                match self {
                    $(EventData::$event(_) => EventType::$event,)*
                }
            }
        }
    };
}

events! {
    /// The image of a generation is stored.
    GenerationSucceeded(GenerationEnded) = "generation.succeeded";
    /// A generation ended without an image; its credits are released.
    GenerationFailed(GenerationEnded) = "generation.failed";
    /// The member cancelled a generation; its credits are released.
    GenerationCancelled(GenerationEnded) = "generation.cancelled";
    /// Fewer than [`CREDITS_LOW`] credits are available. Not sent while credits are unlimited.
    CreditsLow(CreditsLow) = "credits.low";
    /// The member's subscription began, was renewed, changed or ended.
    SubscriptionChanged(SubscriptionChanged) = "subscription.changed";
    /// Somebody bought a listing of the member's.
    SaleCreated(SaleCreated) = "sale.created";
    /// Money of a sale went back to its buyer, by a refund or a dispute.
    SaleRefunded(SaleRefunded) = "sale.refunded";
    /// The bank received a payout.
    PayoutPaid(PayoutEnded) = "payout.paid";
    /// A payout was not sent, or the bank returned it.
    PayoutFailed(PayoutEnded) = "payout.failed";
    /// A moderator approved a version of a listing: it is on sale.
    ListingApproved(ListingReviewed) = "listing.approved";
    /// A moderator rejected a version of a listing.
    ListingRejected(ListingReviewed) = "listing.rejected";
    /// Enough members reported a listing that a moderator looks at it.
    ListingFlagged(ListingFlagged) = "listing.flagged";
    /// The member asked for a test. It cannot be subscribed to.
    Test(TestSent) = "webhook.test";
}

/// Below how many available credits `credits.low` is sent.
pub const CREDITS_LOW: u32 = 5;

/// A generation has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GenerationEnded {
    /// The generation.
    pub id: JobId,
    /// Its final status.
    pub status: Status,
    /// Why it has no image; only of a failed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<FailureCode>,
}

/// The balance has fallen below the threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreditsLow {
    /// Credits that were available then.
    pub available: u32,
    /// The threshold: [`CREDITS_LOW`].
    pub threshold: u32,
}

/// The subscription as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubscriptionChanged {
    /// The plan.
    pub plan: Plan,
    /// Its status.
    pub status: SubscriptionStatus,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When the current period ends.
    pub period_ends_at: Timestamp,
}

/// A sale to a buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SaleCreated {
    /// The purchase, by which the sale is known.
    pub purchase_id: PurchaseId,
    /// What was sold.
    pub listing_id: ListingId,
    /// The price, without tax.
    pub gross: Money,
    /// The creator's share of it.
    pub net: Money,
}

/// A sale of which money was returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SaleRefunded {
    /// The purchase, by which the sale is known.
    pub purchase_id: PurchaseId,
    /// What was sold.
    pub listing_id: ListingId,
    /// What went back to the buyer this time, without tax.
    pub refunded: Money,
    /// The creator's share of what is left.
    pub net: Money,
}

/// A payout that reached the bank or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PayoutEnded {
    /// The payout.
    pub id: PayoutId,
    /// Its amount.
    pub amount: Money,
    /// Why it failed; only of a failed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// A moderator decided on a version of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListingReviewed {
    /// The listing.
    pub id: ListingId,
    /// The number of the version.
    pub version: u32,
    /// Why it was rejected; only of a rejected one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A listing was reported often enough to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListingFlagged {
    /// The listing.
    pub id: ListingId,
}

/// A test of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TestSent {
    /// The webhook that is tested.
    pub webhook_id: WebhookId,
}

/// The body of a request to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// `type` and `data`.
    #[serde(flatten)]
    pub data: EventData,
    /// When it happened, which is not when it is sent.
    pub timestamp: Timestamp,
}

/// The types that a webhook can want.
#[cfg(feature = "schema")]
pub fn wanted_types(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let wanted = EventType::ALL.iter().filter(|it| it.can_be_wanted()).map(|it| it.as_str());
    schemars::json_schema!({
        "type": "array",
        "minItems": 1,
        "items": { "enum": wanted.collect::<Vec<_>>() },
    })
}

impl EventType {
    /// Whether a webhook can want it.
    pub const fn can_be_wanted(self) -> bool {
        !matches!(self, EventType::Test)
    }
}

impl Event {
    /// The exact text that is signed and sent.
    pub fn body(&self) -> String {
        json!(self).to_string()
    }
}
