//! Settlement of listing purchases: the same steps, with the purchase's version as optimistic lock.
//!
//! A late payment is refunded: the listing was bought in another tab meanwhile, is off sale, or has
//! another price by now. So is one whose refund failed after its buyer bought the listing again.
//! The refund is recorded first, then requested under an idempotency key made of the purchase id,
//! and only then is the event marked as applied. If the process dies in between, Stripe delivers
//! the event again or the nightly run resumes it. What a bank does not take is asked for again
//! under the next key, a few times; then, and where Stripe refuses, the event is parked for a
//! person.
//!
//! A refund that was asked for is looked up at Stripe, by its key and amount, before it is
//! requested: Stripe forgets a key after a day. It ends as its own refund there ends, whatever else
//! happens to the payment.

use clients::{
    Stripe,
    stripe::{self, Evidence, OpenDispute, RefundReason, Session, SessionStatus, StripeError},
};
use domain::{
    Timestamp,
    billing::{
        external::{DisputeId, PaymentId},
        payment::Payment,
    },
    id::{PurchaseId, UserId},
    marketplace::purchase::{
        Purchase, PurchaseState,
        entitlement::Entitlement,
        refund::{Refund, RefundError, RefundRequest, RefundState, RefundedBy},
        update::{PaymentFollowUp, PurchaseUpdate, SettlementError},
    },
    money::Money,
};
use store::{Applied, AppliedEvent, StoreError};
use tracing::{error, warn};

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
        let mut requested: Option<(u32, RefundState)> = None;
        for _ in 0..ROUNDS_MAX {
            let (read, before) = self.store.purchase_of_event(buyer, id, event).await?;
            if before {
                return Ok(EventOutcome::Already);
            }
            // Before the payment, so that no refund counts as done that the payment does not have.
            let ends: Vec<_> = requested.iter().cloned().chain(self.ends(&read).await?).collect();
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
                    for (number, end) in &ends {
                        update.end_refund(*number, end.clone());
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
                // The next round writes how it ended, and what that does to the payment.
                Applied::Now(PaymentFollowUp::Refund { payment, number, amount }) => {
                    let end = self.refund(&read, (&payment, number, amount)).await?;
                    requested = Some((number, end));
                }
                Applied::Now(PaymentFollowUp::Return { payment, amount }) => {
                    warn!(purchase = %id, actor = %buyer, "payment gives no access, refunding it");
                    let outcome = self.give_back(&read, (&payment, amount), event, now).await?;
                    if let Some(event) = event {
                        self.store.mark_event(event, now).await?;
                    }
                    return Ok(outcome);
                }
            }
        }
        Err(SettleError::Busy)
    }
}

impl Settlement<'_> {
    /// Records a refund of a member's purchase and requests it; what a buyer cannot have at once is
    /// recorded for staff, and nothing is requested. What Stripe refuses for now, such as for want of
    /// money, is recorded as well, and the nightly run asks again. Returns the updated purchase.
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
        let asked = self.store.change_purchase((buyer, id), now, |update| {
            update.ask_refund(request, now)?;
            Ok::<_, RefundError>(update.purchase.open_refund().is_some())
        });
        if asked.await? {
            match self.purchase(buyer, id, now).await {
                Err(SettleError::Stripe(refused @ StripeError::Refused { .. })) => {
                    error!(purchase = %id, %refused, "refund is recorded, and refused for now");
                }
                settled => drop(settled?),
            }
        }
        Ok(self.store.purchase(buyer, id).await?)
    }

    /// Records that a staff member pays a buyer `amount` outside Stripe: what is owed to them of a
    /// returned payment, as Stripe reports it now. Then nothing of it is due, and its parked events
    /// are applied by the next nightly run. Returns the updated purchase.
    ///
    /// # Errors
    /// A [`domain::marketplace::purchase::refund::RefundError`], or when Stripe or DynamoDB is
    /// unavailable.
    pub async fn record_paid_back(
        &self,
        buyer: &UserId,
        id: &PurchaseId,
        amount: Money,
        (by, reason): (&RefundedBy, &str),
        now: Timestamp,
    ) -> Result<Purchase, SettleError> {
        for _ in 0..ROUNDS_MAX {
            let read = self.store.purchase(buyer, id).await?;
            let Some(payment) = &read.payment else {
                return Err(StoreError::refused(RefundError::NotReturned).into());
            };
            let payment = self.stripe.payment(payment).await?;
            let recorded = self.store.apply_purchase(&read, None, now, |update| {
                let said = (by.clone(), reason.to_owned());
                let recorded = update.record_paid_back(&payment, amount, said, now);
                match recorded.map_err(StoreError::refused)? {
                    true => update.settle(&payment, now).map_err(StoreError::refused),
                    // What came back since is due by its own event.
                    false => Ok(PaymentFollowUp::Nothing),
                }
            });
            if recorded.await? != Applied::Stale {
                return Ok(self.store.purchase(buyer, id).await?);
            }
        }
        Err(SettleError::Busy)
    }

    /// Refunds what is owed of a payment that is returned, unless a bank still decides on a dispute
    /// of it: then the purchase stays due. If Stripe refuses for good, or the buyer's bank has taken
    /// none of the refunds, the error is for a person: its event is parked, so the purchase is not
    /// due any more. Without an event it stays due, and fails every night.
    async fn give_back(
        &self,
        purchase: &Purchase,
        (payment, amount): (&PaymentId, Option<i64>),
        event: Option<&AppliedEvent>,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        let made = self.stripe.refunds(payment).await?;
        let is_refused = |it: &&stripe::Refund| it.failure().is_some();
        let refused = made.iter().filter(is_refused).count();
        if refused < REFUSED_MAX {
            let key = purchase.return_key(refused);
            let asked = match amount {
                None => self.stripe.refund(payment, &key).await,
                Some(_) => {
                    let reason = RefundReason::Requested;
                    self.stripe.refund_part(payment, amount, &key, reason).await.map(drop)
                }
            };
            let Err(error) = asked else { return Ok(EventOutcome::LatePaymentRefunded) };
            let Some(code) = error.final_refusal() else { return Err(error.into()) };
            warn!(purchase = %purchase.id, %payment, code, "refund of a returned payment refused");
            if !self.stripe.open_disputes(payment).await?.is_empty() {
                return Ok(EventOutcome::Applied);
            }
        }
        if event.is_some() {
            let read = (&purchase.buyer_id, &purchase.id);
            self.store.change_purchase(read, now, PurchaseUpdate::fail_return).await?;
        }
        Err(SettleError::NotReturned(payment.clone()))
    }

    /// How the refunds at Stripe ended that were made for those of a purchase. Of several that were
    /// made for one, as Stripe forgets a key, one that has not failed counts.
    async fn ends(&self, purchase: &Purchase) -> Result<Vec<(u32, RefundState)>, SettleError> {
        let orders = &purchase.refunds;
        let Some(payment) = purchase.payment.as_ref().filter(|_| !orders.is_empty()) else {
            return Ok(Vec::new());
        };
        let made = self.stripe.refunds(payment).await?;
        let end = |order: &Refund| {
            let key = purchase.refund_key(order.number);
            let own =
                |it: &&stripe::Refund| it.key.as_ref() == Some(&key) && it.amount == order.amount;
            let made = made.iter().filter(own).min_by_key(|it| it.failure().is_some())?;
            Some((order.number, end_of(made)))
        };
        Ok(orders.iter().filter_map(end).collect())
    }

    /// Requests a recorded refund. Returns how it ended: Stripe may refuse it for good.
    async fn refund(
        &self,
        purchase: &Purchase,
        (payment, number, amount): (&PaymentId, u32, i64),
    ) -> Result<RefundState, SettleError> {
        let key = purchase.refund_key(number);
        let made =
            self.stripe.refund_part(payment, Some(amount), &key, RefundReason::Requested).await;
        match made {
            Ok(made) => Ok(end_of(&made)),
            Err(error) => {
                let Some(code) = error.final_refusal() else { return Err(error.into()) };
                warn!(purchase = %purchase.id, number, code, "refund refused, marked as failed");
                Ok(RefundState::Failed { code: code.to_owned() })
            }
        }
    }

    /// Submits evidence for the open disputes that we contest, once for each. Submitting twice does
    /// no harm; a dispute that accepts no more evidence is skipped.
    async fn submit_dispute_evidence(
        &self,
        purchase: &Purchase,
        snapshot: &PaymentSnapshot,
    ) -> Result<Vec<DisputeId>, SettleError> {
        let PaymentSnapshot::Payment(payment) = snapshot else { return Ok(Vec::new()) };
        if !payment.disputed || !purchase.contests(payment) {
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

/// How a refund at Stripe ended. One on its way counts as made: the payment has it already.
fn end_of(made: &stripe::Refund) -> RefundState {
    match made.failure() {
        Some(code) => RefundState::Failed { code: code.to_owned() },
        None => RefundState::Done,
    }
}

/// The order, the version that was bought, and when it was opened and used by this purchase; of a
/// payment that is returned, that it gives no access.
fn evidence_of(purchase: &Purchase, owned: Option<&Entitlement>) -> Evidence {
    let is_returned = matches!(purchase.state, PurchaseState::Returned { .. });
    let access = match is_returned {
        true => "no access by this payment, money returned",
        false => "access granted",
    };
    let mut log = vec![format!("{} ordered", purchase.created_at)];
    log.extend(purchase.paid_at.map(|at| format!("{at} paid, {access}")));
    if let Some(owned) = owned.filter(|it| it.purchase_id == purchase.id) {
        let is_own = |at: &Timestamp| *at >= owned.granted_at;
        let (downloaded, used) = (owned.downloaded_at.filter(is_own), owned.used_at.filter(is_own));
        log.extend(downloaded.map(|at| format!("{at} first downloaded")));
        log.extend(used.map(|at| format!("{at} first used for an image")));
    }
    Evidence {
        product_description: Some(format!(
            "Digital goods: \"{}\", version {}, listing {}.",
            purchase.title, purchase.revision, purchase.listing_id
        )),
        access_activity_log: Some(log.join("\n")),
        service_date: purchase.paid_at.filter(|_| !is_returned).map(Timestamp::date),
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
