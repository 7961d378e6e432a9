//! Refunds of a payment, in full or in part.
//!
//! A refund carries its idempotency key in its metadata: the key finds one that got no response,
//! even after Stripe has forgotten the key, and one whose failure Stripe replays.

use domain::billing::external::{PaymentId, RefundId};
use serde_json::json;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::refund::ListRefund;

use super::{
    PAGE_SIZE, Stripe, StripeError,
    read::{self, KEY},
};

/// Why a payment is refunded, in Stripe's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum RefundReason {
    /// It was paid twice.
    Duplicate,
    /// The cardholder did not make the payment. It trains Stripe's fraud detection.
    Fraudulent,
    /// The customer asked for it, or we grant it.
    #[strum(serialize = "requested_by_customer")]
    Requested,
}

/// A refund in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Stripe's id.
    pub id: RefundId,
    /// Its amount, in minor units.
    pub amount: i64,
    /// Its state.
    pub state: RefundState,
    /// Its idempotency key, from the metadata we sent.
    pub key: Option<String>,
}

/// The state of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundState {
    /// On its way.
    Pending,
    /// Succeeded. It may still fail, for a month.
    Succeeded,
    /// Failed: the money is back with us.
    Failed {
        /// Stripe's code, such as `lost_or_stolen_card`; `canceled` where it was cancelled.
        code: String,
    },
}

impl Refund {
    /// Why it failed, as a code; `None` if it has not.
    pub fn failure(&self) -> Option<&str> {
        match &self.state {
            RefundState::Failed { code } => Some(code),
            RefundState::Pending | RefundState::Succeeded => None,
        }
    }
}

impl Stripe {
    /// Refunds what is left of a payment. A fully refunded one is unchanged: Stripe never refunds
    /// twice, so a failure that it replays under the key does not block the next attempt.
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

    /// Refunds an amount in minor units, or all that is left, once under this key. If Stripe replays
    /// a failure, the refund is looked up, and requested again if there is none.
    ///
    /// # Errors
    /// See [`StripeError`]. `charge_disputed` and `charge_already_refunded` are refusals, as is an
    /// amount above the rest (its `param` is `amount`): nothing was refunded. After
    /// [`StripeError::Unknown`], and when a day has passed since it was first requested, look for the
    /// key in [`Stripe::refunds`].
    pub async fn refund_part(
        &self,
        payment: &PaymentId,
        amount: Option<i64>,
        key: &str,
        reason: RefundReason,
    ) -> Result<Refund, StripeError> {
        let request = refund_request(payment, amount, key, reason);
        let find = async || {
            let made = self.refunds(payment).await?;
            Ok(made.into_iter().find(|refund| refund.key.as_deref() == Some(key)))
        };
        let read = async |made: stripe_shared::Refund| reading(&made);
        self.transport.once("refund a payment", (&request, key), find, read).await
    }

    /// All refunds of a payment, newest first. There is no second page: one that is missed would be
    /// made again, so a payment with more is an error.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn refunds(&self, payment: &PaymentId) -> Result<Vec<Refund>, StripeError> {
        let request = ListRefund::new().payment_intent(payment.as_str()).limit(PAGE_SIZE);
        let found = self.transport.ask("list refunds", request.customize()).await?;
        if found.has_more {
            return Err(StripeError::unreached(format!("{payment} has more refunds than a page")));
        }
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
        "reason": reason.into_str(),
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
