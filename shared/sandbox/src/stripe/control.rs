//! The account's controls, for tests, scripts and developers: what the API cannot do. Over HTTP in
//! `http`, in process as [`Control`].

use std::sync::Arc;

use serde_json::Value;

use super::{
    Card, Order, Settings, SettingsChange,
    account_state::AccountState,
    cards::Presence,
    checkout,
    checkout_completion::{self, Paid},
    customers,
    cycle::{self, Advance},
    discounts::{self, Lasts, Off},
    disputes::{self, Closing, Opening},
    errors::Refused,
    json::{int, text},
    payments::{self, Decision, named_charge},
    refunds, schedules, sign, subscriptions, webhooks, with_books,
};
use crate::app_state::AppState;

mod connect;
mod http;

pub(super) use http::router;

/// Most deliveries of one order.
pub const DELIVERIES_MAX: usize = 1_000;

/// A misused control, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ControlError(String);

impl From<Refused> for ControlError {
    fn from(refused: Refused) -> ControlError {
        ControlError(refused.message().to_owned())
    }
}

/// Outcome of paying a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payment {
    /// Complete, with the URL that the customer is redirected to.
    Complete(String),
    /// The session is still open; the message shown to the customer.
    Declined(String),
}

/// Controls of a running sandbox's account. Every call first processes everything due by now.
#[derive(Debug, Clone, Copy)]
pub struct Control<'a> {
    app: &'a Arc<AppState>,
}

impl<'a> Control<'a> {
    pub(crate) fn new(app: &'a Arc<AppState>) -> Control<'a> {
        Control { app }
    }

    /// The value of `STRIPE_BASE_URL`: requests go to `{this}v1/...`.
    pub fn url(&self) -> String {
        format!("{}{}/", self.app.url, crate::route::STRIPE_PATH)
    }

    /// The account's settings.
    pub fn settings(&self) -> Settings {
        self.with(|state| state.settings.clone())
    }

    /// Changes settings, all or none. Held events are delivered when deliveries are `on` again.
    ///
    /// # Errors
    /// If a value is outside its limits.
    pub fn change_settings(&self, change: SettingsChange) -> Result<Settings, ControlError> {
        self.with(|state| {
            let next = change.applied_to(&state.settings);
            state.settings = next.map_err(|limits| ControlError(limits.to_owned()))?;
            Ok(state.settings.clone())
        })
    }

    /// The account's time in Unix seconds.
    pub fn now(&self) -> i64 {
        self.with(|state| state.now)
    }

    /// Moves the clock and processes everything due in between, in order. Returns the new time.
    ///
    /// # Errors
    /// If it would move backwards, or more than ten years.
    pub fn advance(&self, advance: Advance) -> Result<i64, ControlError> {
        self.with(|state| {
            let to = advance.from(state.now).ok_or_else(|| {
                ControlError("the clock moves forward only, at most ten years at once".to_owned())
            })?;
            state.clock.move_to(to);
            cycle::walk_to(state, to);
            Ok(to)
        })
    }

    /// Pays a session as its page does. A cardholder asked to authenticate succeeds.
    ///
    /// # Errors
    /// If there is no such session, or it is not open.
    pub fn pay(&self, session: &str, card: Card) -> Result<Payment, ControlError> {
        self.pay_as(session, card, Presence::Authenticated)
    }

    /// Pays a session; a cardholder asked to authenticate fails.
    ///
    /// # Errors
    /// As [`Control::pay`].
    pub fn pay_without_authentication(
        &self,
        session: &str,
        card: Card,
    ) -> Result<Payment, ControlError> {
        self.pay_as(session, card, Presence::NotAuthenticated)
    }

    fn pay_as(
        &self,
        session: &str,
        card: Card,
        presence: Presence,
    ) -> Result<Payment, ControlError> {
        self.with(|state| match checkout_completion::pay(state, session, card, presence)? {
            Paid::Complete(next) => Ok(Payment::Complete(next)),
            Paid::Declined(decline) => Ok(Payment::Declined(decline.message.to_owned())),
            Paid::NeedsAction => Ok(Payment::Declined("Authentication is required.".to_owned())),
        })
    }

    /// Expires an open session.
    ///
    /// # Errors
    /// If there is no such session, or it is not open.
    pub fn expire(&self, session: &str) -> Result<(), ControlError> {
        self.with(|state| Ok(checkout::expire_now(state, session)?))
    }

    /// The bank's decision on the debit that pays a session (`cs_`) or a payment intent (`pi_`).
    ///
    /// # Errors
    /// If none is awaited.
    pub fn decide(&self, payment: &str, decision: Decision) -> Result<(), ControlError> {
        self.with(|state| {
            if payment.starts_with("pi_") {
                checkout_completion::decide_intent(state, payment, decision)?;
            } else {
                checkout_completion::decide(state, payment, decision)?;
            }
            Ok(())
        })
    }

    /// Books every succeeded charge to the balance now, with its fee, without the usual delay.
    pub fn book_charges(&self) {
        self.with(payments::book_all);
    }

    /// Refunds a charge (`ch_`) or the charge of a payment intent (`pi_`), as the dashboard does:
    /// an amount in cents, or all that is left. Returns the refund's id.
    ///
    /// # Errors
    /// If there is no such charge, or less is left of it.
    pub fn refund(&self, payment: &str, cents: Option<i64>) -> Result<String, ControlError> {
        self.with(|state| {
            let charge = charge_of(state, payment)?;
            Ok(refunds::give_back(state, &charge, cents, Some("requested_by_customer"), None)?)
        })
    }

    /// Fails a refund: the money returns to the balance.
    ///
    /// # Errors
    /// If there is no such refund, or it has failed already.
    pub fn fail_refund(&self, refund: &str) -> Result<(), ControlError> {
        self.with(|state| Ok(refunds::fail(state, refund)?))
    }

    /// Disputes a charge (`ch_`) or the charge of a payment intent (`pi_`): an amount in cents, or
    /// all of it. Returns the dispute's id.
    ///
    /// # Errors
    /// If there is no such charge.
    pub fn dispute(
        &self,
        payment: &str,
        cents: Option<i64>,
        opening: Opening,
    ) -> Result<String, ControlError> {
        self.with(|state| {
            let charge = charge_of(state, payment)?;
            let cents = cents.unwrap_or_else(|| int(&charge, "/amount"));
            Ok(disputes::open(state, &charge, cents, opening))
        })
    }

    /// Closes a dispute.
    ///
    /// # Errors
    /// If there is no such dispute, or its status does not allow this.
    pub fn close_dispute(&self, dispute: &str, closing: Closing) -> Result<(), ControlError> {
        self.with(|state| Ok(disputes::close(state, dispute, closing)?))
    }

    /// Adds a discount to a subscription (`sub_`) or one of its items (`si_`), as the dashboard
    /// does. Returns the discount's id.
    ///
    /// # Errors
    /// If there is no such subscription or item, or the discount is zero.
    pub fn discount(&self, to: &str, off: Off, lasts: Lasts) -> Result<String, ControlError> {
        self.with(|state| Ok(discounts::give(state, to, off, lasts)?))
    }

    /// Cancels a subscription immediately, as the dashboard does.
    ///
    /// # Errors
    /// If there is no such subscription.
    pub fn cancel(&self, subscription: &str) -> Result<(), ControlError> {
        self.with(|state| {
            state.objects.find("subscription", subscription)?;
            subscriptions::end(state, subscription, "cancellation_requested");
            Ok(())
        })
    }

    /// Schedules a subscription to change to the price with this lookup key at the end of its
    /// period, as the portal does for a cheaper plan.
    ///
    /// # Errors
    /// If there is no such subscription or price.
    pub fn plan_switch(&self, subscription: &str, lookup_key: &str) -> Result<(), ControlError> {
        self.with(|state| {
            state.objects.find("subscription", subscription)?;
            let is_it = |price: &&Value| text(price, "/lookup_key") == lookup_key;
            let price = state.objects.all("price").find(is_it).map(|price| text(price, "/id"));
            let price = price.ok_or_else(|| ControlError(format!("no price {lookup_key}")))?;
            let price = price.to_owned();
            schedules::switch_at_period_end(state, subscription, &price);
            Ok(())
        })
    }

    /// Deletes a customer, as the dashboard does.
    ///
    /// # Errors
    /// If there is no such customer.
    pub fn delete_customer(&self, customer: &str) -> Result<(), ControlError> {
        self.with(|state| Ok(customers::erase(state, customer)?))
    }

    /// Ends a subscription's period now and bills the next one, or ends the subscription if it is
    /// set to cancel at period end. The clock does not move, so no other period ends.
    ///
    /// # Errors
    /// If there is no such subscription, or it has ended.
    pub fn renew(&self, subscription: &str) -> Result<(), ControlError> {
        self.with(|state| {
            let found = state.objects.find("subscription", subscription)?;
            if text(found, "/status") == "canceled" {
                return Err(ControlError(format!("{subscription} has ended")));
            }
            cycle::end_period(state, subscription);
            Ok(())
        })
    }

    /// Sets the customer's default card. Returns the payment method's id.
    ///
    /// # Errors
    /// If there is no such customer.
    pub fn set_card(&self, customer: &str, card: Card) -> Result<String, ControlError> {
        self.with(|state| {
            let email = text(state.objects.find("customer", customer)?, "/email").to_owned();
            let method = customers::method_of(state, card, &email);
            customers::attach(state, &method, customer);
            customers::make_default(state, &method, customer);
            let all = state.objects.all("subscription");
            let own = all.filter(|subscription| text(subscription, "/customer") == customer);
            let own: Vec<String> = own.map(|object| text(object, "/id").to_owned()).collect();
            for id in own {
                state.edit(&id, |object| object["default_payment_method"] = method.clone().into());
            }
            Ok(method)
        })
    }

    /// Every event, oldest first, byte for byte as delivered.
    pub fn events(&self) -> Vec<String> {
        self.with(|state| state.events.iter().map(|event| event.body.clone()).collect())
    }

    /// The events behind the first `known` of [`Control::events`].
    pub fn events_after(&self, known: usize) -> Vec<String> {
        self.with(|state| state.events.iter().skip(known).map(|event| event.body.clone()).collect())
    }

    /// The events of a type as objects, oldest first.
    pub fn events_of(&self, kind: &str) -> Vec<Value> {
        self.with(|state| {
            let of_kind = state.events.iter().filter(|event| event.kind == kind);
            of_kind.map(|event| event.event.clone()).collect()
        })
    }

    /// The types of [`Control::events`].
    pub fn event_types(&self) -> Vec<String> {
        self.with(|state| state.events.iter().map(|event| event.kind.clone()).collect())
    }

    /// Delivers these events now, `times` times each, in this order, whatever the settings.
    ///
    /// # Errors
    /// If one does not exist, or there are more than [`DELIVERIES_MAX`] deliveries.
    pub fn deliver(
        &self,
        events: &[String],
        copies: u32,
        order: Order,
    ) -> Result<(), ControlError> {
        let wanted = events.len().saturating_mul(usize::try_from(copies).unwrap_or(usize::MAX));
        if DELIVERIES_MAX < wanted {
            return Err(ControlError(format!("at most {DELIVERIES_MAX} deliveries at once")));
        }
        let parcels = self.with(|state| {
            for id in events {
                if !state.events.iter().any(|event| event.id == *id) {
                    return Err(ControlError(format!("no such event: {id}")));
                }
            }
            state.held.retain(|id| !events.contains(id));
            Ok(webhooks::parcels(state, events, copies, order))
        })?;
        webhooks::send(self.app, parcels);
        Ok(())
    }

    /// An object as the API shows it, of the platform or of a connected account.
    pub fn object(&self, id: &str) -> Option<Value> {
        self.with(|state| state.anybodys(id).cloned())
    }

    /// The value of `Stripe-Signature` for `body` at Unix time `at`.
    pub fn sign(&self, body: &str, secret: &str, at: i64) -> String {
        sign(body.as_bytes(), &[secret], at)
    }

    fn with<T>(&self, work: impl FnOnce(&mut AccountState) -> T) -> T {
        with_books(self.app, work)
    }
}

fn charge_of(state: &AccountState, payment: &str) -> Result<Value, Refused> {
    if payment.starts_with("pi_") {
        named_charge(state, None, Some(payment))
    } else {
        named_charge(state, Some(payment), None)
    }
}
