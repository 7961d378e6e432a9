//! The payment provider: the part of Stripe's API that sells plans and credit packs and pays
//! creators, with its hosted pages, its webhooks and a clock that can be moved.
//!
//! It answers as version [`VERSION`] and is as strict as Stripe: unknown and missing parameters, a
//! wrong `Stripe-Version` and an idempotency key reused for a different request are refused. An
//! object is stored as the JSON that answers carry; every change creates an event, and events are
//! delivered signed. Everything is in memory under one lock and ends with the process: at most
//! 100,000 objects, 20,000 events and 20,000 idempotency keys.
//!
//! | where | what |
//! |---|---|
//! | `/stripe/v1/customers`, `payment_methods` | people and their cards |
//! | `/stripe/v1/products`, `prices` | the catalogue, seeded from `domain`'s tables |
//! | `/stripe/v1/checkout/sessions` | Checkout sessions |
//! | `/stripe/v1/subscriptions`, `subscription_items`, `subscription_schedules` | plans |
//! | `/stripe/v1/invoices`, `invoice_payments` | their bills |
//! | `/stripe/v1/payment_intents`, `charges`, `refunds`, `disputes`, `balance` | money |
//! | `/stripe/v1/balance_settings` | the payout schedule of the platform's balance |
//! | `/stripe/v1/billing_portal/...` | self-service |
//! | `/stripe/v1/events`, `webhook_endpoints` | events and their receivers |
//! | `/stripe/v2/core/accounts`, `account_links` | creators' connected accounts |
//! | `/stripe/v1/transfers`, with `/reversals`; `payouts` | money to creators and their banks |
//! | `/stripe/v2/core/event_destinations` | receivers of thin events about connected accounts |
//! | `/stripe/pay/{session}` | the payment page, with test cards |
//! | `/stripe/portal/{session}` | the customer portal |
//! | `/stripe/connect/{link}` | the page where a creator enters a bank account |
//! | `/stripe/invoices/{invoice}`, with `/pay` and `/pdf` | an invoice, its payment, its PDF |
//!
//! Simpler than Stripe: an invoice is finalized when it is created; a cancelled upgrade is not
//! undone; failed renewals are retried after 3 and after 5 more days, then the subscription ends
//! and its invoice stays open; there are no trials; coupons are created and redeemed only through
//! the controls, and not for a whole customer; tax has one rate. A connected account is only a
//! recipient, is verified as soon as its bank account is entered, and is paid out at midnight
//! (UTC); such a payout arrives a day later.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::{Deserialize, Serialize};

mod account_state;
mod accounts;
mod api;
mod balance;
mod balance_settings;
mod cards;
mod catalogue;
mod checkout;
mod checkout_completion;
mod clock;
mod control;
mod customers;
mod cycle;
mod destinations;
mod discounts;
mod disputes;
mod errors;
mod events;
mod form;
mod idempotency;
mod ids;
mod invoices;
mod json;
mod object_store;
mod pages;
mod params;
mod payments;
mod payouts;
mod portal;
mod proration;
mod refunds;
mod schedules;
mod subscriptions;
mod transfers;
mod webhooks;

pub use accounts::Bank;
pub(crate) use api::{Failure, refusal, refusal_as};
pub use balance::{Balance, TOP_UP};
pub use cards::Card;
pub use control::{Control, ControlError, DELIVERIES_MAX, Payment};
pub use cycle::Advance;
pub use discounts::{Lasts, Off};
pub use disputes::{Closing, Opening};
pub(crate) use pages::{escaped, page};
pub use payments::Decision;
pub use webhooks::sign;

use crate::app_state::{AppState, locked};
use account_state::AccountState;
use idempotency::Keys;

/// The API version that requests must send and that events have.
pub const VERSION: &str = "2026-09-30.endive";
/// An accepted secret key, as is any other with the prefix `sk_test_`.
pub const API_KEY: &str = "sk_test_sandbox";
/// A restricted key for transfers to connected accounts and their reversals; any key with this
/// prefix has the same permissions.
pub const PAYOUTS_KEY: &str = "rk_test_payouts";
/// A restricted key for everything else; any other with the prefix `rk_test_` has the same
/// permissions.
pub const RESTRICTED_KEY: &str = "rk_test_sandbox";

/// Setup of an account.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// With a seed, ids are the same in every run; `None` makes them random.
    pub seed: Option<u64>,
    /// Unix time of a frozen clock; `None` follows the real clock.
    pub now: Option<i64>,
    /// The initial catalogue.
    pub catalogue: Catalogue,
    /// Its settings.
    pub settings: Settings,
}

/// The initial catalogue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Catalogue {
    /// Our plans and packs, under their lookup keys.
    #[default]
    Seeded,
    /// Empty.
    Empty,
}

/// Settings of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Target of the platform's events, in addition to the registered endpoints.
    pub webhook: Option<Target>,
    /// Target of events about connected accounts, in addition to the registered endpoints.
    pub connect_webhook: Option<Target>,
    /// Whether events are delivered.
    pub deliver: Deliver,
    /// Delivery order of events that are pending together.
    pub order: Order,
    /// Deliveries of each event, 1 to 50.
    pub copies: u32,
    /// Event types that are never delivered.
    pub drop: Vec<String>,
    /// Most attempts to deliver an event, 1 to 16.
    pub tries_max: u32,
    /// Pauses between the attempts, in milliseconds; the last one repeats.
    pub pauses_ms: Vec<u64>,
    /// Which clock signatures use.
    pub signature_time: SignatureTime,
    /// The rate of `automatic_tax`, in hundredths of a percent.
    pub tax_bps: i64,
    /// Number of charges to decline next, whatever the card.
    pub fail_next_charges: u32,
    /// How long an API request takes; its idempotency key is in use meanwhile.
    pub answers_after_ms: u64,
    /// Seconds between the payment of an invoice and the activation of the subscription that waits
    /// for it: Stripe changes the two one after the other. At most a day.
    pub activates_after_s: i64,
    /// Whether charged money can be transferred immediately, as with Stripe's test card for that.
    /// Otherwise it is pending for two days, as real money is.
    pub funds_available_at_once: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            webhook: None,
            connect_webhook: None,
            deliver: Deliver::On,
            order: Order::Made,
            copies: 1,
            drop: Vec::new(),
            tries_max: 5,
            pauses_ms: vec![500, 2_000, 10_000, 30_000],
            signature_time: SignatureTime::Real,
            tax_bps: 0,
            fail_next_charges: 0,
            answers_after_ms: 0,
            activates_after_s: 0,
            funds_available_at_once: true,
        }
    }
}

/// A webhook target that receives every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its URL.
    pub url: String,
    /// The secret that signs deliveries.
    pub secret: String,
    /// The old or new secret during a rotation: deliveries also carry a signature with it.
    #[serde(default)]
    pub second_secret: Option<String>,
}

/// Whether events are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deliver {
    /// As they are created.
    On,
    /// Never; they are listed as not delivered.
    Off,
    /// Queued until this is `on` again, then all delivered.
    Held,
}

/// Delivery order of events that are pending together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// In order of creation.
    Made,
    /// Newest first.
    Reverse,
    /// Shuffled with this seed.
    Shuffle(u64),
}

/// Which clock a signature uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureTime {
    /// The real clock, for a receiver that reads the real clock.
    Real,
    /// The account's clock, for a receiver whose clock moves with it.
    Stripe,
}

/// New values for some of the settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsChange {
    /// As in [`Settings`], like all that follow.
    pub webhook: Option<Target>,
    pub connect_webhook: Option<Target>,
    pub deliver: Option<Deliver>,
    pub order: Option<Order>,
    pub copies: Option<u32>,
    pub drop: Option<Vec<String>>,
    pub tries_max: Option<u32>,
    pub pauses_ms: Option<Vec<u64>>,
    pub signature_time: Option<SignatureTime>,
    pub tax_bps: Option<i64>,
    pub fail_next_charges: Option<u32>,
    pub answers_after_ms: Option<u64>,
    pub activates_after_s: Option<i64>,
    pub funds_available_at_once: Option<bool>,
}

impl SettingsChange {
    /// The settings with the new values, or an error that names the value outside its limits.
    fn applied_to(self, now: &Settings) -> Result<Settings, &'static str> {
        let now = now.clone();
        let next = Settings {
            webhook: self.webhook.or(now.webhook),
            connect_webhook: self.connect_webhook.or(now.connect_webhook),
            deliver: self.deliver.unwrap_or(now.deliver),
            order: self.order.unwrap_or(now.order),
            copies: self.copies.unwrap_or(now.copies),
            drop: self.drop.unwrap_or(now.drop),
            tries_max: self.tries_max.unwrap_or(now.tries_max),
            pauses_ms: self.pauses_ms.unwrap_or(now.pauses_ms),
            signature_time: self.signature_time.unwrap_or(now.signature_time),
            tax_bps: self.tax_bps.unwrap_or(now.tax_bps),
            fail_next_charges: self.fail_next_charges.unwrap_or(now.fail_next_charges),
            answers_after_ms: self.answers_after_ms.unwrap_or(now.answers_after_ms),
            activates_after_s: self.activates_after_s.unwrap_or(now.activates_after_s),
            funds_available_at_once: self
                .funds_available_at_once
                .unwrap_or(now.funds_available_at_once),
        };
        let web = |target: &Target| target.url.starts_with("http");
        let pauses = &next.pauses_ms;
        for (holds, limits) in [
            (next.webhook.as_ref().is_none_or(web), "`webhook.url` must be an http address"),
            (
                next.connect_webhook.as_ref().is_none_or(web),
                "`connect_webhook.url` must be an http address",
            ),
            ((1..=50).contains(&next.copies), "`copies` must be 1 to 50"),
            ((1..=16).contains(&next.tries_max), "`tries_max` must be 1 to 16"),
            (
                (1..=16).contains(&pauses.len()) && pauses.iter().all(|pause| *pause <= 60_000),
                "`pauses_ms` must be 1 to 16 pauses of at most 60000",
            ),
            ((0..=5_000).contains(&next.tax_bps), "`tax_bps` must be 0 to 5000"),
            (next.answers_after_ms <= 60_000, "`answers_after_ms` is at most 60000"),
            (
                (0..=86_400).contains(&next.activates_after_s),
                "`activates_after_s` is at most 86400",
            ),
        ] {
            if !holds {
                return Err(limits);
            }
        }
        Ok(next)
    }
}

/// State of the payment provider.
#[derive(Debug)]
pub(crate) struct Stripe {
    state: Mutex<AccountState>,
    keys: Mutex<Keys>,
}

impl Stripe {
    /// `url` is the sandbox's base URL.
    pub(crate) fn new(setup: &Setup, url: &str) -> Stripe {
        Stripe { state: Mutex::new(AccountState::open(setup, url)), keys: Mutex::default() }
    }
}

/// Runs everything due by now, then `work`, then delivers the resulting events.
fn with_books<T>(app: &Arc<AppState>, work: impl FnOnce(&mut AccountState) -> T) -> T {
    let (answer, parcels, next) = {
        let mut state = locked(&app.stripe.state);
        let now = state.clock.now();
        cycle::walk_to(&mut state, now);
        let (before, answer) = (state.unbooked.len(), work(&mut state));
        let is_new = before < state.unbooked.len() && state.clock.goes();
        let next = is_new.then_some(payments::BOOKED_AFTER_S);
        (answer, webhooks::pack(&mut state), next)
    };
    webhooks::send(app, parcels);
    if let Some(seconds) = next {
        come_back(app, seconds);
    }
    answer
}

/// Runs everything due in this many seconds, even if no request arrives.
fn come_back(app: &Arc<AppState>, seconds: i64) {
    let later = Arc::clone(app);
    // The clock has whole seconds only.
    let pause = Duration::from_secs(seconds.unsigned_abs() + 1);
    app.go_on_with(async move {
        tokio::time::sleep(pause).await;
        with_books(&later, |_| ());
    });
}

pub(crate) fn router() -> axum::Router<Arc<AppState>> {
    api::router().merge(pages::router())
}

pub(crate) fn control_router() -> axum::Router<Arc<AppState>> {
    control::router()
}
