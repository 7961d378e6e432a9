//! An order for a pack of credits: by checkout or by automatic top-up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    checkout::CheckoutStatus,
    external::{PaymentId, SessionId},
    payment::{Payment, PaymentState, share_of},
    top_up::TopUpPause,
};
use crate::{
    account::{AccountError, AccountUpdate},
    credits::{LedgerError, LotId},
    id::{OrderId, UserId},
    metrics::{Fact, PaymentSums, Reported, Source},
    money::Money,
    pack::Pack,
    time::{DAY, Timestamp},
};

/// How long a checkout stays open; Stripe allows 30 minutes to 24 hours.
pub const CHECKOUT_OPEN: Duration = Duration::from_secs(23 * 60 * 60);
/// When to check an order whose outcome Stripe has not reported: an hour after its page closed.
pub const LOOK_AGAIN: Duration = DAY;

/// How it is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// On Stripe's Checkout page.
    Checkout,
    /// With the saved card, because the balance fell below the member's threshold.
    TopUp,
}

/// The state of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OrderState {
    /// Not paid yet.
    Open,
    /// The payment is processing.
    Processing,
    /// Paid, and its credits granted.
    Paid,
    /// Its Checkout Session expired without a payment.
    Expired,
    /// Its payment failed for good.
    Failed {
        /// Stripe's failure code.
        code: String,
    },
}

/// What an order sells, unaffected by later changes of the table of packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// The pack's name.
    pub name: String,
    /// The number of credits.
    pub credits: u32,
    /// The price in US cents, before tax.
    pub price_cents: u32,
}

impl Sold {
    /// The pack's current terms.
    fn now(pack: Pack) -> Sold {
        let terms = pack.terms();
        let (credits, price_cents) = (terms.credits, terms.price_cents);
        Sold { name: terms.name.to_owned(), credits, price_cents }
    }
}

/// An order for one pack.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackOrder {
    /// Its id; every Stripe idempotency key of the order is derived from it.
    pub id: OrderId,
    /// The member who buys.
    pub user_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// The pack.
    pub pack: Pack,
    /// The pack's terms when it was ordered; absent in older orders.
    pub sold: Option<Sold>,
    /// How it is bought.
    pub via: Via,
    /// Its state.
    #[serde(flatten)]
    pub state: OrderState,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Stripe's Checkout Session, once known.
    pub session: Option<SessionId>,
    /// The page where it is paid.
    pub url: Option<String>,
    /// Stripe's PaymentIntent, once known.
    pub payment: Option<PaymentId>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// The amount paid.
    pub paid: Option<Money>,
    /// The amount refunded, in minor units.
    #[serde(default)]
    pub refunded: i64,
    /// The amount withdrawn by disputes, in minor units.
    #[serde(default)]
    pub withdrawn: i64,
    /// Stripe's fees for its payment, in minor units.
    #[serde(default)]
    pub fees: i64,
    /// Credits taken back so far.
    #[serde(default)]
    pub taken_back: u32,
    /// What the metrics report of it.
    #[serde(default, skip_serializing_if = "Reported::is_nothing")]
    pub stated: Reported,
    /// The lot its credits are in.
    pub lot: Option<LotId>,
    /// When to ask Stripe about it next, while it is neither paid nor closed.
    pub due_at: Option<Timestamp>,
}

impl PackOrder {
    /// Creates an order.
    ///
    /// # Errors
    /// When the member is suspended.
    pub fn place(
        id: OrderId,
        pack: Pack,
        via: Via,
        update: &AccountUpdate,
    ) -> Result<PackOrder, AccountError> {
        update.require_active()?;
        let now = update.now();
        Ok(PackOrder {
            id,
            user_id: update.account().user_id.clone(),
            version: 0,
            pack,
            sold: Some(Sold::now(pack)),
            via,
            state: OrderState::Open,
            created_at: now,
            session: None,
            url: None,
            payment: None,
            paid_at: None,
            paid: None,
            refunded: 0,
            withdrawn: 0,
            fees: 0,
            taken_back: 0,
            stated: Reported::default(),
            lot: None,
            due_at: Some(now.plus(LOOK_AGAIN)),
        })
    }

    /// What it sells; an order without stored terms sells the pack's current ones.
    pub fn sold(&self) -> Sold {
        self.sold.clone().unwrap_or_else(|| Sold::now(self.pack))
    }

    /// When its page closes.
    pub fn page_closes_at(&self) -> Timestamp {
        self.created_at.plus(CHECKOUT_OPEN)
    }

    /// The state of its checkout.
    pub fn checkout_status(&self, now: Timestamp) -> CheckoutStatus {
        match &self.state {
            OrderState::Open if self.page_closes_at() <= now => CheckoutStatus::Expired,
            OrderState::Open => CheckoutStatus::Open,
            OrderState::Processing => CheckoutStatus::Processing,
            OrderState::Paid => CheckoutStatus::Granted,
            OrderState::Expired => CheckoutStatus::Expired,
            OrderState::Failed { .. } => CheckoutStatus::Failed,
        }
    }

    /// Records its Checkout Session.
    pub fn set_checkout_session(&mut self, session: SessionId, url: String) {
        self.session = Some(session);
        self.url = Some(url);
    }

    /// Expires it: its Checkout Session ended without a payment. Does nothing once money has moved.
    pub fn expire(&mut self) {
        if self.state == OrderState::Open {
            self.state = OrderState::Expired;
            self.due_at = None;
        }
    }

    /// Applies its payment as Stripe reports it now: grants the pack once it is paid, and takes
    /// credits back, or gives them back, to match what the payment no longer pays for. A card
    /// declined on the Checkout page is not final: the buyer may try another.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn settle(
        &mut self,
        payment: &Payment,
        update: &mut AccountUpdate,
    ) -> Result<(), LedgerError> {
        self.payment = Some(payment.id.clone());
        match &payment.state {
            PaymentState::Succeeded => self.pay(payment, update)?,
            PaymentState::Pending if self.state == OrderState::Open => {
                self.state = OrderState::Processing;
            }
            PaymentState::Failed { code }
                if self.via == Via::TopUp || self.state == OrderState::Processing =>
            {
                self.fail(code, update);
            }
            PaymentState::Pending | PaymentState::Failed { .. } => {}
        }
        Ok(())
    }

    /// Fails it for good with Stripe's code. Does nothing once it is paid.
    pub fn fail(&mut self, code: &str, update: &mut AccountUpdate) {
        if self.state == OrderState::Paid {
            return;
        }
        self.state = OrderState::Failed { code: code.to_owned() };
        self.due_at = None;
        let pause = TopUpPause::of_code(code);
        update.change_top_up(|top_up, now| top_up.pause(&self.id, pause, now));
    }

    fn pay(&mut self, payment: &Payment, update: &mut AccountUpdate) -> Result<(), LedgerError> {
        let credits = self.sold().credits;
        let lot = match &self.lot {
            Some(lot) => lot.clone(),
            None => {
                let key = self.session.as_ref().map_or(payment.id.as_str(), SessionId::as_str);
                let lot = update.add_pack(LotId(format!("pack:{key}")), credits)?;
                self.state = OrderState::Paid;
                self.paid = Some(payment.amount);
                self.paid_at = Some(update.now());
                self.due_at = None;
                self.lot = Some(lot.clone());
                if self.via == Via::TopUp {
                    update.change_top_up(|top_up, _| top_up.bought_by(&self.id));
                }
                lot
            }
        };
        let gone = payment.taken_back(credits);
        let cause = format!("payment:{}", payment.id);
        if gone > self.taken_back {
            update.take_back(&cause, &lot, gone - self.taken_back)?;
        } else if gone < self.taken_back {
            update.give_back(&cause, &lot, self.taken_back - gone)?;
        }
        (self.taken_back, self.refunded, self.withdrawn) =
            (gone, payment.refunded, payment.withdrawn);
        self.fees = payment.fees;
        Ok(())
    }

    /// Reports what is new about it to the metrics.
    pub fn state(&mut self, now: Timestamp) -> Vec<Fact> {
        let total = self.paid.map_or(0, |paid| paid.amount);
        let sold = i64::from(self.sold().price_cents).min(total);
        let gone = self.refunded.max(0).saturating_add(self.withdrawn.max(0)).min(total);
        let sums = PaymentSums {
            sold,
            returned: share_of(sold, gone, total),
            fees: self.fees,
            declined: u32::from(matches!(self.state, OrderState::Failed { .. })),
        };
        self.stated.state(self.id.as_str(), Source::Packs, sums, now)
    }
}
