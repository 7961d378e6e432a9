//! Payments in their current state: refunds, disputes and fees included.

use domain::billing::{
    external::{ChargeId, CustomerId, PaymentId},
    payment::{Payment, PaymentState},
};
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::dispute::ListDispute;
use stripe_shared::{
    ApiErrors, BalanceTransaction, Charge, Dispute, DisputeStatus, PaymentIntent,
    PaymentIntentStatus,
};
use stripe_types::{Currency, Expandable};

use super::{PAGE_SIZE, Stripe, StripeError, read};

/// The bank requires authentication of the cardholder; Stripe gives it as its own code or the
/// bank's.
const AUTHENTICATION_REQUIRED: &str = "authentication_required";

/// What a payment response expands.
pub(super) const EXPANDED: &str = "latest_charge.balance_transaction";

#[derive(Serialize)]
struct Expand {
    expand: [&'static str; 1],
}

impl Stripe {
    /// A payment in its current state.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn payment(&self, id: &PaymentId) -> Result<Payment, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, format!("/payment_intents/{id}"))
            .query(&Expand { expand: [EXPANDED] });
        let intent = self.transport.ask("retrieve a payment", request.customize()).await?;
        self.payment_of(intent).await
    }

    /// The payment of a charge.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn payment_of_charge(
        &self,
        charge: &ChargeId,
    ) -> Result<Option<PaymentId>, StripeError> {
        let found = self.charge_now(charge.as_str()).await?;
        let intent = found.payment_intent.as_ref().map(|intent| PaymentId::parse(intent.id()));
        intent.map(read::id).transpose()
    }

    /// Reads a payment. Its latest charge is expanded, else retrieved: refunds are only known from
    /// it. Its balance transactions are retrieved for the fee, and its disputes if the charge has
    /// any, because the charge holds no details.
    pub(super) async fn payment_of(
        &self,
        mut intent: PaymentIntent,
    ) -> Result<Payment, StripeError> {
        let mut charge = match intent.latest_charge.take() {
            Some(Expandable::Object(charge)) => Some(*charge),
            Some(Expandable::Id(id)) => Some(self.charge_now(&id).await?),
            None => None,
        };
        let disputes = match &charge {
            Some(charge) if charge.disputed => self.disputes(charge).await?,
            Some(_) | None => Vec::new(),
        };
        let brought = charge.as_mut().and_then(|charge| charge.balance_transaction.take());
        let brought = match brought {
            Some(Expandable::Object(brought)) => Some(*brought),
            Some(Expandable::Id(id)) => Some(self.movement(id.as_str()).await?),
            None => None,
        };
        reading(&intent, charge.as_ref(), brought.as_ref(), &disputes)
    }

    async fn charge_now(&self, id: &str) -> Result<Charge, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, format!("/charges/{id}"))
            .query(&Expand { expand: ["balance_transaction"] });
        self.transport.ask("retrieve a charge", request.customize()).await
    }

    async fn movement(&self, id: &str) -> Result<BalanceTransaction, StripeError> {
        let path = format!("/balance_transactions/{id}");
        let request = RequestBuilder::new(StripeMethod::Get, path);
        self.transport.ask("retrieve a balance transaction", request.customize()).await
    }

    async fn disputes(&self, charge: &Charge) -> Result<Vec<Dispute>, StripeError> {
        let request = ListDispute::new().charge(charge.id.as_str()).limit(PAGE_SIZE);
        Ok(self.transport.ask("list disputes", request.customize()).await?.data)
    }
}

fn reading(
    intent: &PaymentIntent,
    charge: Option<&Charge>,
    brought: Option<&BalanceTransaction>,
    disputes: &[Dispute],
) -> Result<Payment, StripeError> {
    let state = state_of(intent);
    let amount = match state {
        PaymentState::Succeeded => intent.amount_received,
        PaymentState::Pending | PaymentState::Failed { .. } => intent.amount,
    };
    let charge_id = charge.map(|charge| ChargeId::parse(&charge.id));
    let customer = intent.customer.as_ref().map(|customer| CustomerId::parse(customer.id()));
    let withdrawn: i64 = disputes.iter().map(|it| taken_by(it, &intent.currency)).sum();
    let moved = brought.into_iter().chain(disputes.iter().flat_map(|it| &it.balance_transactions));
    Ok(Payment {
        id: read::id(PaymentId::parse(&intent.id))?,
        charge: charge_id.map(read::id).transpose()?,
        customer: customer.map(read::id).transpose()?,
        user: read::user(Some(&intent.metadata)),
        order: read::order(Some(&intent.metadata)),
        purchase: read::purchase(Some(&intent.metadata)),
        fingerprint: charge.and_then(fingerprint_of),
        state,
        amount: read::money(amount, &intent.currency)?,
        refunded: charge.map_or(0, |charge| charge.amount_refunded),
        withdrawn: withdrawn.max(0),
        disputed: disputes.iter().any(|dispute| is_open(&dispute.status)),
        fees: fees_of(moved, &intent.currency),
    })
}

/// The card's fingerprint. Other payment methods have none here.
fn fingerprint_of(charge: &Charge) -> Option<String> {
    charge.payment_method_details.as_ref()?.card.as_ref()?.fingerprint.clone()
}

/// `requires_payment_method` means that nothing was tried yet, or that it failed.
fn state_of(intent: &PaymentIntent) -> PaymentState {
    let failed = |code: &str| PaymentState::Failed { code: code.to_owned() };
    match &intent.status {
        PaymentIntentStatus::Succeeded => PaymentState::Succeeded,
        PaymentIntentStatus::Canceled => {
            failed(intent.cancellation_reason.as_ref().map_or("canceled", |it| it.as_str()))
        }
        PaymentIntentStatus::RequiresPaymentMethod => match &intent.last_payment_error {
            Some(error) => failed(code_of(error)),
            None => PaymentState::Pending,
        },
        PaymentIntentStatus::Processing
        | PaymentIntentStatus::RequiresAction
        | PaymentIntentStatus::RequiresCapture
        | PaymentIntentStatus::RequiresConfirmation
        | PaymentIntentStatus::Unknown(_)
        | _ => PaymentState::Pending,
    }
}

fn code_of(error: &ApiErrors) -> &str {
    if error.decline_code.as_deref() == Some(AUTHENTICATION_REQUIRED) {
        return AUTHENTICATION_REQUIRED;
    }
    error.code.as_ref().map_or("unknown", |code| code.as_str())
}

/// The amount a dispute has withdrawn and not returned, in minor units of `currency`, its fee
/// aside.
///
/// Our account may settle in another currency. Its balance transactions are then not comparable,
/// and the dispute's own amount is used as long as money is withdrawn.
fn taken_by(dispute: &Dispute, currency: &Currency) -> i64 {
    let moved = &dispute.balance_transactions;
    let taken = -moved.iter().map(|it| it.amount).sum::<i64>();
    if moved.iter().all(|it| it.currency == *currency) {
        return taken;
    }
    if taken > 0 { dispute.amount } else { 0 }
}

/// Stripe's fees of these balance transactions. Fees in another settlement currency are not
/// comparable and are left out.
fn fees_of<'a>(moved: impl Iterator<Item = &'a BalanceTransaction>, currency: &Currency) -> i64 {
    moved.filter(|it| it.currency == *currency).map(|it| it.fee).sum()
}

/// An unknown status counts as open.
pub(super) fn is_open(status: &DisputeStatus) -> bool {
    match status {
        DisputeStatus::Lost
        | DisputeStatus::Prevented
        | DisputeStatus::WarningClosed
        | DisputeStatus::Won => false,
        DisputeStatus::NeedsResponse
        | DisputeStatus::UnderReview
        | DisputeStatus::WarningNeedsResponse
        | DisputeStatus::WarningUnderReview
        | DisputeStatus::Unknown(_)
        | _ => true,
    }
}
