//! Keys of billing, and of what is known about Stripe's events.

use domain::{
    Timestamp,
    billing::{Billing, external::CustomerId, follow_up::FollowUpTask, order::PackOrder},
    id::{InvoiceId, OrderId, UserId},
};

use super::{IndexKey, Item, Key, PK, SK, text, user_of};

pub(crate) const INVOICE_PREFIX: &str = "INVOICE#";
const ORDER_PREFIX: &str = "ORDER#";
const EVENT_PREFIX: &str = "EVENT#";
/// Index partition of open pack orders.
pub(crate) const OPEN_ORDERS: &str = "ORDERS#OPEN";
/// Index partition of due follow-ups.
pub(crate) const FOLLOW_UPS: &str = "FOLLOWUPS";
/// Index partition of parked events.
pub(crate) const PARKED_EVENTS: &str = "EVENTS#PARKED";
/// Index partition of billings in their grace period.
pub(crate) const GRACES: &str = "GRACES";
pub(crate) const BILLING: &str = "BILLING";

impl Key {
    pub(crate) fn billing(user: &UserId) -> Key {
        Key::of(user, BILLING.to_owned())
    }

    pub(crate) fn order(user: &UserId, order: &OrderId) -> Key {
        Key::of(user, format!("{ORDER_PREFIX}{order}"))
    }

    pub(crate) fn invoice(user: &UserId, invoice: &InvoiceId) -> Key {
        Key::of(user, format!("{INVOICE_PREFIX}{invoice}"))
    }

    pub(crate) fn follow_up(user: &UserId, task: &FollowUpTask) -> Key {
        Key::of(user, format!("FOLLOWUP#{task}"))
    }

    pub(crate) fn customer(customer: &CustomerId) -> Key {
        Key { pk: format!("CUSTOMER#{customer}"), sk: "USER".to_owned() }
    }

    pub(crate) fn event(event: &str) -> Key {
        Key { pk: format!("{EVENT_PREFIX}{event}"), sk: "EVENT".to_owned() }
    }

    pub(crate) fn checkpoint() -> Key {
        Key { pk: "RECONCILE#STRIPE".to_owned(), sk: "CHECKPOINT".to_owned() }
    }
}

/// A billing is in the index during its grace period.
pub(crate) fn billing_index(billing: &Billing) -> Option<IndexKey> {
    let ends_at = billing.recurring?.grace_ends_at?;
    Some((GRACES.to_owned(), format!("{ends_at}#{}", billing.user_id)))
}

/// An order is in the index while Stripe must be asked about it.
pub(crate) fn order_index(order: &PackOrder) -> Option<IndexKey> {
    order.due_at.map(|due_at| (OPEN_ORDERS.to_owned(), format!("{due_at}#{}", order.id)))
}

/// The index key of a parked event.
pub(crate) fn parked_index(event: &str, received_at: Timestamp) -> IndexKey {
    (PARKED_EVENTS.to_owned(), format!("{received_at}#{event}"))
}

/// The member and order of an index entry.
pub(crate) fn order_of(item: &Item) -> Option<(UserId, OrderId)> {
    let order = text(item, SK)?.strip_prefix(ORDER_PREFIX)?;
    Some((user_of(item)?, OrderId::parse(order).ok()?))
}

/// The event of an index entry.
pub(crate) fn event_of(item: &Item) -> Option<&str> {
    text(item, PK)?.strip_prefix(EVENT_PREFIX)
}
