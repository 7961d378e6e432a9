//! Paying back, all of a payment or a part of it.
//!
//! A refund carries its key in its metadata: by it one is found that was asked for and not
//! answered, when Stripe has forgotten the key.

use domain::billing::external::{PaymentId, RefundId};
use serde_json::json;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::refund::ListRefund;

use super::{
    PAGE_SIZE, Stripe, StripeError,
    read::{self, KEY},
};

/// Why a payment is paid back, in Stripe's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundReason {
    /// It was paid twice.
    Duplicate,
    /// It was not the card's owner who paid. Stripe learns from it.
    Fraudulent,
    /// Whoever paid wants it back, or we think they should have it.
    Requested,
}

impl RefundReason {
    fn as_str(self) -> &'static str {
        match self {
            RefundReason::Duplicate => "duplicate",
            RefundReason::Fraudulent => "fraudulent",
            RefundReason::Requested => "requested_by_customer",
        }
    }
}

/// A refund as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Stripe's name for it.
    pub id: RefundId,
    /// How much of the payment, in minor units.
    pub amount: i64,
    /// How far it has come.
    pub state: RefundState,
    /// The key it was made under, from the metadata we sent.
    pub key: Option<String>,
}

/// How far a refund has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundState {
    /// On its way.
    Pending,
    /// Done. It may still fail, for a month.
    Succeeded,
    /// The money is with us again.
    Failed {
        /// Stripe's code, such as `lost_or_stolen_card`; `canceled` where it was called back.
        code: String,
    },
}

impl Stripe {
    /// Pays all of a payment back that was not paid back yet. One that is paid back already is left
    /// as it is: Stripe refuses to pay anything back twice, so a failure that it keeps under the key
    /// does not keep the next from being made.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn refund(&self, payment: &PaymentId, key: &str) -> Result<(), StripeError> {
        let request = refund_request(payment, None, key, RefundReason::Requested);
        let made: Result<stripe_shared::Refund, StripeError> =
            self.transport.make("refund a payment", &request, key).await;
        match made {
            Ok(_) => Ok(()),
            Err(error) if error.is_refused_as("charge_already_refunded") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Pays so many minor units of a payment back, or all that is left of it, once under this key.
    ///
    /// # Errors
    /// See [`StripeError`]. `charge_disputed` and `charge_already_refunded` are refusals, as is
    /// more than is left (its `param` is `amount`): nothing was paid back. After
    /// [`StripeError::Unknown`] look for the key in [`Stripe::refunds`].
    pub async fn refund_part(
        &self,
        payment: &PaymentId,
        amount: Option<i64>,
        key: &str,
        reason: RefundReason,
    ) -> Result<Refund, StripeError> {
        let request = refund_request(payment, amount, key, reason);
        let made = self.transport.act("refund a payment", request.customize(), key).await?;
        reading(&made)
    }

    /// The refunds of a payment, newest first: at most a page of them.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn refunds(&self, payment: &PaymentId) -> Result<Vec<Refund>, StripeError> {
        let request = ListRefund::new().payment_intent(payment.as_str()).limit(PAGE_SIZE);
        let found = self.transport.ask("list refunds", request.customize()).await?;
        found.data.iter().map(reading).collect()
    }
}

fn refund_request(
    payment: &PaymentId,
    amount: Option<i64>,
    key: &str,
    reason: RefundReason,
) -> RequestBuilder {
    let mut form = json!({
        "payment_intent": payment,
        "reason": reason.as_str(),
        "metadata": { KEY: key },
    });
    if let Some(amount) = amount {
        form["amount"] = amount.into();
    }
    RequestBuilder::new(StripeMethod::Post, "/refunds").form(&form)
}

fn reading(refund: &stripe_shared::Refund) -> Result<Refund, StripeError> {
    let metadata = refund.metadata.as_ref();
    Ok(Refund {
        id: read::id(RefundId::parse(&refund.id))?,
        amount: refund.amount,
        state: match refund.status.as_deref() {
            Some("succeeded") => RefundState::Succeeded,
            Some("failed") => {
                let code = refund.failure_reason.clone();
                RefundState::Failed { code: code.unwrap_or_else(|| "unknown".to_owned()) }
            }
            Some("canceled") => RefundState::Failed { code: "canceled".to_owned() },
            Some(_) | None => RefundState::Pending,
        },
        key: metadata.and_then(|metadata| metadata.get(KEY).cloned()),
    })
}
