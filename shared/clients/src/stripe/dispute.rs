//! What is said against a dispute.
//!
//! Evidence that was submitted cannot be taken back or added to: Stripe hands it to the bank. What
//! is staged can be seen, and changed, in the dashboard
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

/// A dispute that is not decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDispute {
    /// Stripe's name for it.
    pub id: DisputeId,
    /// What the bank wants back, in minor units of the payment's currency.
    pub amount: i64,
    /// What the card's owner says, in Stripe's words: `fraudulent`, `product_not_received`.
    pub reason: String,
    /// Until when evidence is taken; `None` where the bank takes none.
    pub due_by: Option<Timestamp>,
    /// Whether it waits for evidence of ours, and has none that was submitted.
    pub wants_evidence: bool,
}

/// What we can say. Each text as it is to reach the bank; all of them together have at most 150,000
/// characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What was sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_description: Option<String>,
    /// What the buyer did with it, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_activity_log: Option<String>,
    /// Who bought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// Where we write to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_email_address: Option<String>,
    /// Where they bought it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_purchase_ip: Option<String>,
    /// The day they got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_date: Option<String>,
    /// What we say about refunds, and where they saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_policy_disclosure: Option<String>,
    /// Why they are not to be paid back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_refusal_explanation: Option<String>,
    /// Anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncategorized_text: Option<String>,
}

impl Stripe {
    /// The disputes of a payment that are not decided.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_disputes(&self, of: &PaymentId) -> Result<Vec<OpenDispute>, StripeError> {
        let request = ListDispute::new().payment_intent(of.as_str()).limit(PAGE_SIZE);
        let found = self.transport.ask("list disputes", request.customize()).await?;
        found.data.iter().filter(|dispute| is_open(&dispute.status)).map(reading).collect()
    }

    /// Hands evidence to the bank, with what was staged before. It can be done once.
    ///
    /// # Errors
    /// See [`StripeError`]. After [`StripeError::Unknown`] ask [`Stripe::open_disputes`] whether
    /// evidence is still wanted.
    pub async fn submit_evidence(
        &self,
        dispute: &DisputeId,
        evidence: &Evidence,
    ) -> Result<(), StripeError> {
        self.say(dispute, evidence, "true").await
    }

    /// Puts evidence down for somebody to look over and submit.
    ///
    /// # Errors
    /// See [`StripeError`]. Done again it changes nothing.
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
