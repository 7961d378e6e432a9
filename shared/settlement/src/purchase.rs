//! Purchases of listings: the same steps, fenced by the purchase itself.
//!
//! What came too late is paid back: a listing that was bought in another tab meanwhile, that is off
//! sale or costs something else by now. It is written first, then paid back under a key made of the
//! purchase, and only then does the event count as applied: who dies in between hears of it again,
//! and the nightly run finds what nobody hears of.

use std::cell::RefCell;

use clients::{
    Stripe,
    stripe::{Evidence, OpenDispute, RefundReason, Session, SessionStatus, StripeError},
};
use domain::{
    Timestamp,
    billing::{
        external::{DisputeId, PaymentId},
        payment::Payment,
    },
    id::{PurchaseId, UserId},
    marketplace::{
        purchase::{Entitlement, Purchase},
        purchase_update::{PaymentFollowUp, PurchaseUpdate, SettlementError},
        refund::RefundRequest,
    },
};
use store::{Applied, AppliedEvent};
use tracing::warn;

use crate::{EventOutcome, ROUNDS_MAX, SettleError, Settlement, StripeObject};

/// How a purchase is at Stripe now.
enum PaymentSnapshot {
    /// Nobody was ever sent to a page of it.
    Nothing,
    Session(Box<Session>),
    Payment(Box<Payment>),
}

impl Settlement<'_> {
    /// Applies a member's purchase as it is at Stripe now. One that nobody was ever sent to a page
    /// of ends here.
    ///
    /// # Errors
    /// When Stripe or the table cannot be asked.
    pub async fn purchase(
        &self,
        buyer: &UserId,
        id: &PurchaseId,
        now: Timestamp,
    ) -> Result<EventOutcome, SettleError> {
        self.settle_purchase(buyer, id, None, None, now).await
    }

    /// Applies what `thing` says of a purchase; without one, what the purchase knows of is asked.
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
            let Some(said) = ask(self.stripe, &read, thing).await? else {
                return Ok(EventOutcome::Ignored);
            };
            let evidenced = self.submit_dispute_evidence(&read, &said).await?;
            let kept = self
                .store
                .apply_purchase(&read, event, now, |deal| {
                    for dispute in &evidenced {
                        deal.purchase.note_evidence(dispute);
                    }
                    said.apply(deal, now)
                })
                .await?;
            match (kept.kept, kept.next) {
                (Applied::Stale, _) => {}
                (Applied::Already, _) => return Ok(EventOutcome::Already),
                // What was overpaid is got back by the daily run, which has the key for that.
                (Applied::Now, PaymentFollowUp::Nothing | PaymentFollowUp::ReverseTransfer) => {
                    return Ok(EventOutcome::Applied);
                }
                // What became of it, the payment says.
                (Applied::Now, PaymentFollowUp::Refund { payment, number, amount }) => {
                    self.refund(&read, (&payment, number, amount), now).await?;
                }
                (Applied::Now, PaymentFollowUp::RefundInFull(payment)) => {
                    warn!(purchase = %id, actor = %buyer, "a purchase that came too late is paid back");
                    self.stripe.refund(&payment, &format!("purchase:{id}:returned")).await?;
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
    /// Notes a refund of a member's purchase and carries it out; where it cannot be, a buyer's wish
    /// is noted for staff. Returns the purchase as it is then.
    ///
    /// # Errors
    /// [`RefundError`], or when Stripe or the table cannot be asked: then it may be noted, and is
    /// carried out by whoever looks at the purchase next.
    pub async fn ask_refund(
        &self,
        buyer: &UserId,
        id: &PurchaseId,
        wish: &RefundRequest,
        now: Timestamp,
    ) -> Result<Purchase, SettleError> {
        for _ in 0..ROUNDS_MAX {
            let read = self.store.purchase(buyer, id).await?;
            let refused = RefCell::new(None);
            let kept = self.store.apply_purchase(&read, None, now, |deal| {
                let asked = deal.ask_refund(wish, now);
                if let Err(why) = &asked {
                    deal.note_refund_request(why, wish.reason.as_deref(), now);
                }
                refused.replace(asked.err());
                Ok::<PaymentFollowUp, SettlementError>(PaymentFollowUp::Nothing)
            });
            if kept.await?.kept == Applied::Stale {
                continue;
            }
            if let Some(why) = refused.into_inner() {
                return Err(why.into());
            }
            self.purchase(buyer, id, now).await?;
            return Ok(self.store.purchase(buyer, id).await?);
        }
        Err(SettleError::Busy)
    }

    /// Carries out a refund that was noted. One that Stripe refuses is over.
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
        warn!(purchase = %purchase.id, number, code = refused, "Stripe refuses a refund");
        for _ in 0..ROUNDS_MAX {
            let read = self.store.purchase(&purchase.buyer_id, &purchase.id).await?;
            let kept = self.store.apply_purchase(&read, None, now, |deal| {
                deal.fail_refund(number, &refused);
                Ok::<PaymentFollowUp, SettlementError>(PaymentFollowUp::Nothing)
            });
            if kept.await?.kept != Applied::Stale {
                return Ok(());
            }
        }
        Err(SettleError::Busy)
    }

    /// Tells the bank what we know of a purchase that is disputed, once for each dispute. Handing it
    /// in twice does no harm; a dispute that takes no more evidence is passed over.
    async fn submit_dispute_evidence(
        &self,
        purchase: &Purchase,
        said: &PaymentSnapshot,
    ) -> Result<Vec<DisputeId>, SettleError> {
        let PaymentSnapshot::Payment(payment) = said else { return Ok(Vec::new()) };
        if !payment.disputed {
            return Ok(Vec::new());
        }
        let open = self.stripe.open_disputes(&payment.id).await?;
        let wanted = |it: &OpenDispute| it.wants_evidence && !purchase.evidenced.contains(&it.id);
        let mut handed_in = Vec::new();
        for dispute in open.into_iter().filter(wanted) {
            let (buyer, listing) = (&purchase.buyer_id, &purchase.listing_id);
            let owned = self.store.entitlement(buyer, listing).await?;
            let evidence = evidence_of(purchase, owned.as_ref());
            match self.stripe.submit_evidence(&dispute.id, &evidence).await {
                Ok(()) => {}
                Err(StripeError::Refused { code, .. }) => {
                    warn!(purchase = %purchase.id, dispute = %dispute.id, code, "takes no evidence");
                }
                Err(error) => return Err(error.into()),
            }
            handed_in.push(dispute.id);
        }
        Ok(handed_in)
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

/// What Stripe says of it now; `None` of a thing that no purchase is about.
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
        deal: &mut PurchaseUpdate,
        now: Timestamp,
    ) -> Result<PaymentFollowUp, SettlementError> {
        match self {
            PaymentSnapshot::Payment(payment) => deal.settle(payment, now),
            PaymentSnapshot::Session(session) => {
                deal.purchase.session.get_or_insert_with(|| session.id.clone());
                match (session.status, &session.payment) {
                    (SessionStatus::Complete, Some(payment)) => deal.settle(payment, now),
                    (SessionStatus::Expired, _) => {
                        deal.expire();
                        Ok(PaymentFollowUp::Nothing)
                    }
                    // A card that was declined on the page ends nothing while the page is open.
                    (SessionStatus::Open, _) | (SessionStatus::Complete, None) => {
                        Ok(PaymentFollowUp::Nothing)
                    }
                }
            }
            PaymentSnapshot::Nothing => {
                deal.expire();
                Ok(PaymentFollowUp::Nothing)
            }
        }
    }
}
