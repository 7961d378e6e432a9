//! Settlement of listing purchases: the same steps, with the purchase's version as optimistic lock.
//!
//! A late payment is refunded: the listing was bought in another tab meanwhile, is off sale, or has
//! another price by now. So is one whose refund failed after its buyer bought the listing again.
//! The refund is recorded first, then requested under an idempotency key made of the purchase id,
//! and only then is the event marked as applied. If the process dies in between, Stripe delivers
//! the event again or the nightly run resumes it. What a bank does not take is asked for again
//! under the next key, a few times; then, and where Stripe refuses, the event is parked for a
//! person.

use clients::{
    Stripe,
    stripe::{
        Evidence, OpenDispute, Refund, RefundReason, RefundState, Session, SessionStatus,
        StripeError,
    },
};
use domain::{
    Timestamp,
    billing::{
        external::{DisputeId, PaymentId},
        payment::Payment,
    },
    id::{PurchaseId, UserId},
    marketplace::purchase::{
        Purchase,
        entitlement::Entitlement,
        refund::{RefundError, RefundRequest},
        update::{PaymentFollowUp, PurchaseUpdate, SettlementError},
    },
};
use store::{Applied, AppliedEvent};
use tracing::warn;

use crate::{EventOutcome, ROUNDS_MAX, SettleError, Settlement, StripeObject};

/// After how many refunds that the buyer's bank did not take no other one is asked for.
const REFUSED_MAX: usize = 3;

/// The state of a purchase at Stripe.
enum PaymentSnapshot {
    /// No checkout session was opened.
    Nothing,
    Session(Box<Session>),
    Payment(Box<Payment>),
}

impl Settlement<'_> {
    /// Applies the current state of a member's purchase. One without a checkout session expires.
    ///
    /// # Errors
    /// When Stripe or DynamoDB is unavailable.
    pub async fn purchase(
        &self,
        buyer: &UserId,
        id: &PurchaseId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.settle_purchase(buyer, id, None, None, now).await
    }

    /// Applies the state of `thing` to a purchase; without it, of the stored payment or session.
    pub(crate) async fn settle_purchase(
        &self,
        buyer: &UserId,
        id: &PurchaseId,
        thing: Option<&StripeObject>,
        event: Option<&AppliedEvent>,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        for _ in 0..ROUNDS_MAX {
            let (read, before) = self.store.purchase_of_event(buyer, id, event).await?;
            if before {
                return Ok(EventOutcome::Already);
            }
            let Some(snapshot) = ask(self.stripe, &read, thing).await? else {
                return Ok(EventOutcome::Ignored);
            };
            let evidenced = self.submit_dispute_evidence(&read, &snapshot).await?;
            let applied = self
                .store
                .apply_purchase(&read, event, now, |update| {
                    for dispute in &evidenced {
                        update.purchase.note_evidence(dispute);
                    }
                    snapshot.apply(update, now)
                })
                .await?;
            match applied {
                Applied::Stale => {}
                Applied::Already => return Ok(EventOutcome::Already),
                // The daily run reverses what was overpaid: it has the Stripe key for that.
                Applied::Now(PaymentFollowUp::Nothing | PaymentFollowUp::ReverseTransfer) => {
                    return Ok(EventOutcome::Applied);
                }
                // The next round reads the outcome from the payment.
                Applied::Now(PaymentFollowUp::Refund { payment, number, amount }) => {
                    self.refund(&read, (&payment, number, amount), now).await?;
                }
                Applied::Now(PaymentFollowUp::RefundInFull(payment)) => {
                    warn!(purchase = %id, actor = %buyer, "late purchase payment, refunding it");
                    self.give_back(&read, &payment, now).await?;
                    if let Some(event) = event {
                        self.store.mark_event(event, now).await?;
                    }
                    return Ok(EventOutcome::LatePaymentRefunded);
                }
            }
        }
        Err(SettleError::Busy)
    }
}

impl Settlement<'_> {
    /// Records a refund of a member's purchase and requests it; what a buyer cannot have at once is
    /// recorded for staff, and nothing is requested. Returns the updated purchase.
    ///
    /// # Errors
    /// A [`domain::marketplace::purchase::refund::RefundError`], or when Stripe or DynamoDB is
    /// unavailable: the refund may then be recorded, and the next settlement of the purchase
    /// requests it.
    pub async fn ask_refund(
        &self,
        buyer: &UserId,
        id: &PurchaseId,
        request: &RefundRequest,
        now: Timestamp,
    ) -> Result<Purchase, SettleError> {
        for _ in 0..ROUNDS_MAX {
            let read = self.store.purchase(buyer, id).await?;
            let asked = self.store.change_purchase(&read, now, |update| {
                update.ask_refund(request, now)?;
                Ok::<_, RefundError>(update.purchase.open_refund().is_some())
            });
            match asked.await? {
                Applied::Stale => continue,
                Applied::Now(true) => {
                    self.purchase(buyer, id, now).await?;
                }
                Applied::Now(false) | Applied::Already => {}
            }
            return Ok(self.store.purchase(buyer, id).await?);
        }
        Err(SettleError::Busy)
    }

    /// Refunds what is left of a payment that is returned. If its charge was disputed, or the bank
    /// has not taken its refunds, the purchase is not due any more, and the error is for a person.
    async fn give_back(
        &self,
        purchase: &Purchase,
        payment: &PaymentId,
        now: Timestamp,
    ) -> Result<(), SettleError> {
        let made = self.stripe.refunds(payment).await?;
        let is_refused = |it: &&Refund| matches!(it.state, RefundState::Failed { .. });
        let refused = made.iter().filter(is_refused).count();
        if refused < REFUSED_MAX {
            match self.stripe.refund(payment, &purchase.return_key(refused)).await {
                Err(error) if error.is_refused_as("charge_disputed") => {}
                done => return Ok(done?),
            }
        }
        self.change(purchase, now, PurchaseUpdate::fail_return).await?;
        Err(SettleError::NotReturned(payment.clone()))
    }

    /// Requests a recorded refund. If Stripe refuses it, the refund fails.
    async fn refund(
        &self,
        purchase: &Purchase,
        (payment, number, amount): (&PaymentId, u32, i64),
        now: Timestamp,
    ) -> Result<(), SettleError> {
        let key = purchase.refund_key(number);
        let refused = match self
            .stripe
            .refund_part(payment, Some(amount), &key, RefundReason::Requested)
            .await
        {
            Ok(_) => return Ok(()),
            Err(StripeError::Refused { code, .. }) => code.unwrap_or_else(|| "refused".to_owned()),
            Err(error) => return Err(error.into()),
        };
        warn!(purchase = %purchase.id, number, code = refused, "refund refused, marked as failed");
        self.change(purchase, now, |update| update.fail_refund(number, &refused)).await
    }

    /// Changes a purchase as it is now.
    async fn change(
        &self,
        purchase: &Purchase,
        now: Timestamp,
        change: impl Fn(&mut PurchaseUpdate),
    ) -> Result<(), SettleError> {
        for _ in 0..ROUNDS_MAX {
            let read = self.store.purchase(&purchase.buyer_id, &purchase.id).await?;
            let changed = self.store.change_purchase(&read, now, &change);
            if changed.await? != Applied::Stale {
                return Ok(());
            }
        }
        Err(SettleError::Busy)
    }

    /// Submits evidence for the open disputes of a purchase, once for each. Submitting twice does
    /// no harm; a dispute that accepts no more evidence is skipped.
    async fn submit_dispute_evidence(
        &self,
        purchase: &Purchase,
        snapshot: &PaymentSnapshot,
    ) -> Result<Vec<DisputeId>, SettleError> {
        let PaymentSnapshot::Payment(payment) = snapshot else { return Ok(Vec::new()) };
        if !payment.disputed {
            return Ok(Vec::new());
        }
        let open = self.stripe.open_disputes(&payment.id).await?;
        let wanted = |it: &OpenDispute| it.wants_evidence && !purchase.evidenced.contains(&it.id);
        let mut submitted = Vec::new();
        for dispute in open.into_iter().filter(wanted) {
            let (buyer, listing) = (&purchase.buyer_id, &purchase.listing_id);
            let owned = self.store.entitlement(buyer, listing).await?;
            let evidence = evidence_of(purchase, owned.as_ref());
            match self.stripe.submit_evidence(&dispute.id, &evidence).await {
                Ok(()) => {}
                Err(StripeError::Refused { code, .. }) => {
                    let (purchase, dispute) = (&purchase.id, &dispute.id);
                    warn!(%purchase, %dispute, code, "dispute accepts no evidence, skipped");
                }
                Err(error) => return Err(error.into()),
            }
            submitted.push(dispute.id);
        }
        Ok(submitted)
    }
}

/// The order, the version that was bought, and when it was opened and used.
fn evidence_of(purchase: &Purchase, owned: Option<&Entitlement>) -> Evidence {
    let mut log = vec![
        format!("{} ordered", purchase.created_at),
        purchase.paid_at.map_or_else(String::new, |at| format!("{at} paid, access granted")),
    ];
    if let Some(owned) = owned.filter(|it| it.purchase_id == purchase.id) {
        log.extend(owned.downloaded_at.map(|at| format!("{at} first downloaded")));
        log.extend(owned.used_at.map(|at| format!("{at} first used for an image")));
    }
    log.retain(|line| !line.is_empty());
    Evidence {
        product_description: Some(format!(
            "Digital goods: \"{}\", version {}, listing {}.",
            purchase.title, purchase.revision, purchase.listing_id
        )),
        access_activity_log: Some(log.join("\n")),
        service_date: purchase.paid_at.map(Timestamp::date),
        uncategorized_text: Some(format!("Order {}.", purchase.id)),
        ..Evidence::default()
    }
}

/// Fetches the current state from Stripe; `None` for an object that no purchase is about.
async fn ask(
    stripe: &Stripe,
    read: &Purchase,
    thing: Option<&StripeObject>,
) -> Result<Option<PaymentSnapshot>, SettleError> {
    let (session, payment) = match thing {
        Some(StripeObject::Session(session)) => (Some(session), None),
        Some(StripeObject::Payment(payment)) => (None, Some(payment)),
        Some(StripeObject::Subscription(_) | StripeObject::Invoice(_)) => return Ok(None),
        None => (read.session.as_ref(), read.payment.as_ref()),
    };
    if let Some(payment) = payment {
        return Ok(Some(PaymentSnapshot::Payment(Box::new(stripe.payment(payment).await?))));
    }
    Ok(Some(match session {
        Some(session) => PaymentSnapshot::Session(Box::new(stripe.session(session).await?)),
        None => PaymentSnapshot::Nothing,
    }))
}

impl PaymentSnapshot {
    fn apply(
        &self,
        update: &mut PurchaseUpdate,
        now: Timestamp,
    ) -> Result<PaymentFollowUp, SettlementError> {
        match self {
            PaymentSnapshot::Payment(payment) => update.settle(payment, now),
            PaymentSnapshot::Session(session) => {
                update.purchase.session.get_or_insert_with(|| session.id.clone());
                match (session.status, &session.payment) {
                    (SessionStatus::Complete, Some(payment)) => update.settle(payment, now),
                    (SessionStatus::Expired, _) => {
                        update.expire();
                        Ok(PaymentFollowUp::Nothing)
                    }
                    // A declined card does not end the session while the checkout page is open.
                    (SessionStatus::Open, _) | (SessionStatus::Complete, None) => {
                        Ok(PaymentFollowUp::Nothing)
                    }
                }
            }
            PaymentSnapshot::Nothing => {
                update.expire();
                Ok(PaymentFollowUp::Nothing)
            }
        }
    }
}
