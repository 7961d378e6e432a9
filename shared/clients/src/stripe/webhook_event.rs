//! Stripe events: the id of the object to retrieve, and nothing more.
//!
//! An event may be late, duplicated, or overtaken by a newer one, so its copy of the object is not
//! read: the receiver retrieves the object's current state from Stripe. Few members are parsed, so
//! that no change of an object's shape makes an event unreadable.
//!
//! Events of connected accounts go to their own endpoint, in two forms: an event of an object names
//! the account ([`HANDLED_OF_ACCOUNTS`]); an event of the account itself is a thin event, which
//! only names it ([`HANDLED_THIN`], <https://docs.stripe.com/event-destinations>).
//!
//! Event types: <https://docs.stripe.com/api/events/types>.

use std::collections::HashMap;

use domain::{
    Timestamp,
    billing::external::{
        BankPayoutId, ChargeId, ConnectedAccountId, CustomerId, EventId, PaymentId, SessionId,
        StripeInvoiceId, SubscriptionId,
    },
    id::{InvalidId, PurchaseId, UserId},
};
use serde::Deserialize;
use serde_json::Value;

use super::read;

/// The kind of object an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A checkout.
    Session,
    /// A subscription.
    Subscription,
    /// An invoice.
    Invoice,
    /// A payment.
    Payment,
    /// A charge; its payment is retrieved.
    Charge,
    /// A refund or a dispute; its payment is retrieved.
    TakenBack,
    /// A payout of a creator's account to its bank.
    BankPayout,
}

/// The events we handle and their objects: our webhook endpoint is registered for these.
pub const HANDLED: &[(&str, About)] = &[
    ("checkout.session.completed", About::Session),
    ("checkout.session.async_payment_succeeded", About::Session),
    ("checkout.session.async_payment_failed", About::Session),
    ("checkout.session.expired", About::Session),
    ("customer.subscription.created", About::Subscription),
    ("customer.subscription.updated", About::Subscription),
    ("customer.subscription.deleted", About::Subscription),
    ("invoice.finalized", About::Invoice),
    ("invoice.paid", About::Invoice),
    ("invoice.payment_failed", About::Invoice),
    ("invoice.payment_action_required", About::Invoice),
    ("invoice.voided", About::Invoice),
    ("payment_intent.succeeded", About::Payment),
    ("payment_intent.payment_failed", About::Payment),
    // The fee of a charge is known some time after it succeeded.
    ("charge.updated", About::Charge),
    ("charge.refunded", About::Charge),
    ("refund.created", About::TakenBack),
    ("refund.updated", About::TakenBack),
    ("refund.failed", About::TakenBack),
    ("charge.dispute.created", About::TakenBack),
    ("charge.dispute.updated", About::TakenBack),
    ("charge.dispute.closed", About::TakenBack),
    ("charge.dispute.funds_withdrawn", About::TakenBack),
    ("charge.dispute.funds_reinstated", About::TakenBack),
];

/// The events of connected accounts we handle: our Connect endpoint is registered for these.
pub const HANDLED_OF_ACCOUNTS: &[(&str, About)] = &[
    ("payout.paid", About::BankPayout),
    ("payout.failed", About::BankPayout),
    ("payout.updated", About::BankPayout),
    ("payout.canceled", About::BankPayout),
];

/// The thin events of connected accounts we handle.
pub const HANDLED_THIN: &[&str] = &[
    "v2.core.account[configuration.recipient].capability_status_updated",
    "v2.core.account[requirements].updated",
    "v2.core.account.closed",
];

/// A webhook event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Stripe's id of the event; the same in every delivery.
    pub id: EventId,
    /// Its type.
    pub kind: String,
    /// When it occurred.
    pub created_at: Timestamp,
    /// Whether it is in live mode.
    pub live: bool,
    /// The customer, if the object names one.
    pub customer: Option<CustomerId>,
    /// The member, if the object carries our metadata.
    pub user: Option<UserId>,
    /// The purchase, if the object carries our metadata. Refunds and disputes do not: their payment
    /// does.
    pub purchase: Option<PurchaseId>,
    /// The object to retrieve.
    pub subject: Subject,
}

/// The object to retrieve from Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A checkout.
    Session(SessionId),
    /// A subscription.
    Subscription(SubscriptionId),
    /// An invoice.
    Invoice(StripeInvoiceId),
    /// A payment.
    Payment(PaymentId),
    /// A charge without a payment.
    Charge(ChargeId),
    /// A payout of a creator's account to its bank.
    BankPayout(ConnectedAccountId, BankPayoutId),
    /// A creator's account.
    Account(ConnectedAccountId),
    /// None: a type we do not handle.
    Ignored,
    /// A handled type that cannot be parsed, with the cause.
    Unreadable(String),
}

/// A body that is not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event: {0}")]
pub struct NotAnEvent(pub String);

impl WebhookEvent {
    /// Parses an event from a webhook or a list.
    ///
    /// # Errors
    /// When it is not a JSON object with an id, a type and a time. One that has them but does not
    /// match its type is [`Subject::Unreadable`].
    pub fn parse(body: &[u8]) -> Result<WebhookEvent, NotAnEvent> {
        let envelope: Envelope =
            serde_json::from_slice(body).map_err(|error| NotAnEvent(error.to_string()))?;
        if envelope.object == THIN {
            return Ok(envelope.thin());
        }
        let handled = match &envelope.account {
            None => HANDLED,
            Some(_) => HANDLED_OF_ACCOUNTS,
        };
        let handled = handled.iter().find(|(kind, _)| *kind == envelope.kind);
        let account = envelope.account.as_deref();
        let object = serde_json::from_value::<Object>(envelope.data.object);
        let (customer, user, purchase) = match &object {
            Ok(object) => (object.customer(), object.user(), object.purchase()),
            Err(_) => (None, None, None),
        };
        let subject = match (handled, object) {
            (None, _) => Subject::Ignored,
            (Some((_, about)), Ok(object)) => object
                .subject(*about, account)
                .unwrap_or_else(|error| Subject::Unreadable(error.to_string())),
            (Some(_), Err(error)) => Subject::Unreadable(error.to_string()),
        };
        let created_at = envelope.created.0;
        let Envelope { id, kind, livemode: live, .. } = envelope;
        Ok(WebhookEvent { id, kind, created_at, live, customer, user, purchase, subject })
    }
}

/// The `object` of a thin event.
const THIN: &str = "v2.core.event";

// Read from: event, thin event
#[derive(Deserialize)]
struct Envelope {
    id: EventId,
    #[serde(default)]
    object: String,
    #[serde(rename = "type")]
    kind: String,
    created: Created,
    #[serde(default)]
    livemode: bool,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    related_object: Option<Related>,
    #[serde(default)]
    data: Data,
}

/// Unix seconds, or a string in a thin event.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Created(Timestamp);

impl TryFrom<Value> for Created {
    type Error = String;

    fn try_from(value: Value) -> Result<Created, String> {
        match (value.as_i64(), value.as_str()) {
            (Some(secs), _) => Ok(Created(Timestamp::from_secs(secs))),
            (None, Some(text)) => {
                Timestamp::parse(text).map(Created).map_err(|error| error.to_string())
            }
            (None, None) => Err("a time is expected".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Related {
    id: String,
}

impl Envelope {
    fn thin(self) -> WebhookEvent {
        let account = self.related_object.map(|related| ConnectedAccountId::parse(&related.id));
        let subject = match (HANDLED_THIN.contains(&self.kind.as_str()), account) {
            (false, _) => Subject::Ignored,
            (true, Some(Ok(account))) => Subject::Account(account),
            (true, Some(Err(error))) => Subject::Unreadable(error.to_string()),
            (true, None) => Subject::Unreadable("no related object".to_owned()),
        };
        WebhookEvent {
            id: self.id,
            kind: self.kind,
            created_at: self.created.0,
            live: self.livemode,
            customer: None,
            user: None,
            purchase: None,
            subject,
        }
    }
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    object: Value,
}

/// The members of the object that say what to retrieve.
// Read from: checkout.session, subscription, invoice, payment_intent, charge, refund, dispute, payout
#[derive(Deserialize)]
struct Object {
    id: String,
    customer: Option<String>,
    metadata: Option<HashMap<String, String>>,
    client_reference_id: Option<String>,
    payment_intent: Option<String>,
    charge: Option<String>,
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    subscription_details: Option<SubscriptionDetails>,
}

#[derive(Deserialize)]
struct SubscriptionDetails {
    metadata: Option<HashMap<String, String>>,
}

impl Object {
    /// What to retrieve; `account` is the connected account of the object.
    fn subject(&self, about: About, account: Option<&str>) -> Result<Subject, InvalidId> {
        match about {
            About::Session => SessionId::parse(&self.id).map(Subject::Session),
            About::Subscription => SubscriptionId::parse(&self.id).map(Subject::Subscription),
            About::Invoice => StripeInvoiceId::parse(&self.id).map(Subject::Invoice),
            About::Payment => PaymentId::parse(&self.id).map(Subject::Payment),
            About::Charge => self.payment_or(Some(&self.id)),
            About::TakenBack => self.payment_or(self.charge.as_deref()),
            About::BankPayout => {
                let account = ConnectedAccountId::parse(account.unwrap_or_default())?;
                BankPayoutId::parse(&self.id).map(|payout| Subject::BankPayout(account, payout))
            }
        }
    }

    fn payment_or(&self, charge: Option<&str>) -> Result<Subject, InvalidId> {
        match &self.payment_intent {
            Some(payment) => PaymentId::parse(payment).map(Subject::Payment),
            None => ChargeId::parse(charge.unwrap_or_default()).map(Subject::Charge),
        }
    }

    fn customer(&self) -> Option<CustomerId> {
        CustomerId::parse(self.customer.as_deref()?).ok()
    }

    fn purchase(&self) -> Option<PurchaseId> {
        read::purchase(self.metadata.as_ref())
    }

    /// A subscription's invoice carries a copy of the subscription's metadata, a checkout our
    /// client reference.
    fn user(&self) -> Option<UserId> {
        let details = self.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
        read::user(self.metadata.as_ref())
            .or_else(|| read::user(details?.metadata.as_ref()))
            .or_else(|| UserId::parse(self.client_reference_id.as_deref()?).ok())
    }
}

#[cfg(test)]
mod tests;
