//! Ids assigned by Stripe.

use serde::Serialize;

use crate::id::{InvalidId, as_text};

/// Stripe: "you can safely assume object ids never exceed 255 characters".
/// <https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backwards-compatible>
const MAX_BYTES: usize = 255;

macro_rules! external_ids {
    ($($(#[$doc:meta])* $name:ident = $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// When it is not 1 to 255 of `A-Z a-z 0-9 _`: it is used in keys and URLs.
            pub fn parse(text: &str) -> Result<$name, InvalidId> {
                let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                match plain && (1..=MAX_BYTES).contains(&text.len()) {
                    true => Ok($name(text.to_owned())),
                    false => Err(InvalidId { expected: concat!("an id such as ", $example) }),
                }
            }
        }

        as_text!($name);

        crate::scalar_schema!($name {
            "type": "string",
            "description": "An id of Stripe's.",
            "examples": [$example],
        });
    )*};
}

external_ids! {
    /// A customer.
    CustomerId = "cus_NffrFeUfNV2Hib";
    /// A subscription.
    SubscriptionId = "sub_1MowQVLkdIwHu7ix";
    /// A Checkout Session.
    SessionId = "cs_test_a11YYufWQzNY63zp";
    /// An invoice of Stripe's; ours is [`crate::id::InvoiceId`].
    StripeInvoiceId = "in_1MtHbELkdIwHu7ix";
    /// A PaymentIntent.
    PaymentId = "pi_3MtwBwLkdIwHu7ix";
    /// A charge; some are `py_`.
    ChargeId = "ch_3MmlLrLkdIwHu7ix";
    /// A connected account: a creator's.
    ConnectedAccountId = "acct_1Nv0FGQ9RKHgCVdK";
    /// A transfer to a connected account.
    TransferId = "tr_1MiN3gLkdIwHu7ixNCZvFdgA";
    /// The payment that a connected account received by a transfer.
    ReceivedId = "py_1MiN3gLkdIwHu7ixNCZvFdgB";
    /// A full or partial reversal of a transfer.
    ReversalId = "trr_1MiOSoLkdIwHu7ixlmWFzP9n";
    /// A payout of a connected account's balance to its bank; ours is [`crate::id::PayoutId`].
    BankPayoutId = "po_1OaFDbEcg9tTZuTgNYmX0PKB";
    /// A refund.
    RefundId = "re_1Nispe2eZvKYlo2Cd31jOCgZ";
    /// A dispute.
    DisputeId = "du_1MtJUT2eZvKYlo2CNaw2HvEv";
    /// A webhook event.
    EventId = "evt_1NG8Du2eZvKYlo2C";
}
