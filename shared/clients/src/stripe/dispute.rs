//! Evidence against a dispute.
//!
//! Submitted evidence cannot be withdrawn or added to: Stripe forwards it to the bank. Staged
//! evidence can be viewed and changed in the dashboard
//! (<https://docs.stripe.com/disputes/responding>).

use domain::{
    Timestamp,
    billing::external::{DisputeId, PaymentId},
};
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::dispute::ListDispute;
use stripe_shared::{Dispute, DisputeStatus};

use super::{PAGE_SIZE, Stripe, StripeError, payment::is_open, read, transport::fresh_key};

/// An open dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDispute {
    /// Stripe's id.
    pub id: DisputeId,
    /// The disputed amount, in minor units of the payment's currency.
    pub amount: i64,
    /// The cardholder's reason, in Stripe's words: `fraudulent`, `product_not_received`.
    pub reason: String,
    /// The deadline for evidence; `None` where the bank accepts none.
    pub due_by: Option<Timestamp>,
    /// Whether it awaits our evidence, and none was submitted.
    pub wants_evidence: bool,
}

/// The evidence. Each text as the bank will receive it; together at most 150,000 characters.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What was sold.
    pub product_description: Option<String>,
    /// What the buyer did with it, and when.
    pub access_activity_log: Option<String>,
    /// The buyer.
    pub customer_name: Option<String>,
    /// The buyer's email address.
    pub customer_email_address: Option<String>,
    /// The IP address of the purchase.
    pub customer_purchase_ip: Option<String>,
    /// The day of delivery.
    pub service_date: Option<String>,
    /// The refund policy, and where the buyer saw it.
    pub refund_policy_disclosure: Option<String>,
    /// Why no refund is due.
    pub refund_refusal_explanation: Option<String>,
    /// Anything else.
    pub uncategorized_text: Option<String>,
}

impl Stripe {
    /// The open disputes of a payment.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_disputes(&self, of: &PaymentId) -> Result<Vec<OpenDispute>, StripeError> {
        let request = ListDispute::new().payment_intent(of.as_str()).limit(PAGE_SIZE);
        let found = self.transport.ask("list disputes", request.customize()).await?;
        found.data.iter().filter(|dispute| is_open(&dispute.status)).map(reading).collect()
    }

    /// Submits evidence to the bank, including what was staged before. Possible only once.
    ///
    /// # Errors
    /// See [`StripeError`]. After [`StripeError::Unknown`] check [`Stripe::open_disputes`] whether
    /// evidence is still needed.
    pub async fn submit_evidence(
        &self,
        dispute: &DisputeId,
        evidence: &Evidence,
    ) -> Result<(), StripeError> {
        self.say(dispute, evidence, "true").await
    }

    /// Stages evidence for a person to review and submit.
    ///
    /// # Errors
    /// See [`StripeError`]. A repeat changes nothing.
    pub async fn stage_evidence(
        &self,
        dispute: &DisputeId,
        evidence: &Evidence,
    ) -> Result<(), StripeError> {
        self.say(dispute, evidence, "false").await
    }

    async fn say(
        &self,
        dispute: &DisputeId,
        evidence: &Evidence,
        submit: &str,
    ) -> Result<(), StripeError> {
        #[derive(Serialize)]
        struct Form<'a> {
            evidence: &'a Evidence,
            submit: &'a str,
        }
        let request = RequestBuilder::new(StripeMethod::Post, format!("/disputes/{dispute}"))
            .form(&Form { evidence, submit });
        let key = fresh_key("evidence");
        let _: Dispute = self.transport.act("answer a dispute", request.customize(), &key).await?;
        Ok(())
    }
}

fn reading(dispute: &Dispute) -> Result<OpenDispute, StripeError> {
    let details = &dispute.evidence_details;
    let waits = matches!(
        dispute.status,
        DisputeStatus::NeedsResponse | DisputeStatus::WarningNeedsResponse
    );
    Ok(OpenDispute {
        id: read::id(DisputeId::parse(&dispute.id))?,
        amount: dispute.amount,
        reason: dispute.reason.clone(),
        due_by: details.due_by.filter(|due_by| *due_by > 0).map(read::time),
        wants_evidence: waits && details.submission_count == 0,
    })
}
