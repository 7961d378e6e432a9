//! The Stripe objects whose state we store.

use domain::billing::external::{PaymentId, SessionId, StripeInvoiceId, SubscriptionId};

/// A Stripe object whose state we store.
#[derive(Debug, Clone)]
pub(crate) enum StripeObject {
    Session(SessionId),
    Subscription(SubscriptionId),
    Invoice(StripeInvoiceId),
    Payment(PaymentId),
}
