//! Purchases of listings: the same steps, fenced by the purchase itself.
//!
//! What came too late is paid back: a listing that was bought in another tab meanwhile, that is off
//! sale or costs something else by now. It is written first, then paid back under a key made of the
//! purchase, and only then does the event count as applied: who dies in between hears of it again,
//! and the nightly run finds what nobody hears of.

use clients::{
    Stripe,
    stripe::{Session, SessionStatus},
};
use domain::{
    Timestamp,
    billing::payment::Payment,
    id::{PurchaseId, UserId},
    marketplace::{
        purchase::Purchase,
        settle::{Deal, DealBroken, Next},
    },
};
use store::{AppliedEvent, Kept};
use tracing::warn;

use crate::{Heard, ROUNDS_MAX, SettleError, Settlement, Thing};

/// How a purchase is at Stripe now.
enum Said {
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
    ) -> Result<Heard, SettleError> {
        self.settle_purchase(buyer, id, None, None, now).await
    }

    /// Applies what `thing` says of a purchase; without one, what the purchase knows of is asked.
    pub(crate) async fn settle_purchase(
        &self,
        buyer: &UserId,
        id: &PurchaseId,
        thing: Option<&Thing>,
        event: Option<&AppliedEvent>,
        now: Timestamp,
    ) -> Result<Heard, SettleError> {
        for _ in 0..ROUNDS_MAX {
            let (read, before) = self.store.purchase_of_event(buyer, id, event).await?;
            if before {
                return Ok(Heard::Before);
            }
            let Some(said) = ask(self.stripe, &read, thing).await? else {
                return Ok(Heard::Ignored);
            };
            let kept =
                self.store.keep_deal(&read, event, now, |deal| said.apply(deal, now)).await?;
            match (kept.kept, kept.next) {
                (Kept::Stale, _) => {}
                (Kept::Before, _) => return Ok(Heard::Before),
                (Kept::Now, Next::Nothing) => return Ok(Heard::Applied),
                (Kept::Now, Next::PayBack(payment)) => {
                    warn!(purchase = %id, actor = %buyer, "a purchase that came too late is paid back");
                    self.stripe.refund(&payment, &format!("purchase:{id}:returned")).await?;
                    if let Some(event) = event {
                        self.store.mark_event(event, now).await?;
                    }
                    return Ok(Heard::Returned);
                }
            }
        }
        Err(SettleError::Busy)
    }
}

/// What Stripe says of it now; `None` of a thing that no purchase is about.
async fn ask(
    stripe: &Stripe,
    read: &Purchase,
    thing: Option<&Thing>,
) -> Result<Option<Said>, SettleError> {
    let (session, payment) = match thing {
        Some(Thing::Session(session)) => (Some(session), None),
        Some(Thing::Payment(payment)) => (None, Some(payment)),
        Some(Thing::Subscription(_) | Thing::Invoice(_)) => return Ok(None),
        None => (read.session.as_ref(), read.payment.as_ref()),
    };
    if let Some(payment) = payment {
        return Ok(Some(Said::Payment(Box::new(stripe.payment(payment).await?))));
    }
    Ok(Some(match session {
        Some(session) => Said::Session(Box::new(stripe.session(session).await?)),
        None => Said::Nothing,
    }))
}

impl Said {
    fn apply(&self, deal: &mut Deal, now: Timestamp) -> Result<Next, DealBroken> {
        match self {
            Said::Payment(payment) => deal.settle(payment, now),
            Said::Session(session) => {
                deal.purchase.session.get_or_insert_with(|| session.id.clone());
                match (session.status, &session.payment) {
                    (SessionStatus::Complete, Some(payment)) => deal.settle(payment, now),
                    (SessionStatus::Expired, _) => {
                        deal.expire();
                        Ok(Next::Nothing)
                    }
                    // A card that was declined on the page ends nothing while the page is open.
                    (SessionStatus::Open, _) | (SessionStatus::Complete, None) => Ok(Next::Nothing),
                }
            }
            Said::Nothing => {
                deal.expire();
                Ok(Next::Nothing)
            }
        }
    }
}
