//! The client over the wire: its transport against a server with scripted responses, the rest
//! against the sandbox, which is as strict as Stripe.

mod account;
mod connect;
mod money;
mod plans;
mod purchases;
mod transport;

use std::time::Duration;

use domain::{
    Timestamp,
    billing::{
        checkout::PlanCheckout,
        external::{CustomerId, PaymentId, SessionId},
        order::{LOOK_AGAIN, OrderState, PackOrder, Via},
        payment::Payment,
    },
    id::{ListingId, OrderId, PurchaseId, UserId},
    marketplace::{
        Kind,
        purchase::{Purchase, PurchaseState},
    },
    money::Money,
    pack::Pack,
    plan::Plan,
};
use sandbox::{
    Config, RunningSandbox, Sandbox,
    faults::{AnswerFault, Condition, Fault, Order},
    route::Route,
    stripe::{Card, Catalogue, Control, Deliver, Lasts, Off, Settings, Setup},
};

use super::{
    transport::{RetryPolicy, Transport},
    *,
};

/// The start time of every test, at Stripe and here: 22 November 2026, 9:00.
const BEGIN: i64 = 1_795_338_000;
/// Short enough for a test.
const QUICK: RetryPolicy = RetryPolicy {
    attempts: 3,
    attempt: Duration::from_millis(500),
    total: Duration::from_millis(1500),
    pause: Duration::from_millis(5),
};

/// A Stripe account for one test, and a customer.
struct Visit {
    sandbox: RunningSandbox,
    stripe: Stripe,
    payouts: Payouts,
}

impl Visit {
    async fn begin() -> Visit {
        Visit::to(Catalogue::Seeded, Tax::None, Settings::default()).await
    }

    async fn to(catalogue: Catalogue, tax: Tax, settings: Settings) -> Visit {
        let settings = Settings { deliver: Deliver::Off, ..settings };
        let setup = Setup { seed: Some(7), now: Some(BEGIN), catalogue, settings };
        let config = Config { stripe: setup, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        let base = sandbox.stripe().url();
        let key = Secret::new(sandbox::stripe::PAYOUTS_KEY);
        let payouts = Payouts { transport: transport(&base, &key) };
        Visit { stripe: client(&base, tax), payouts, sandbox }
    }

    fn control(&self) -> Control<'_> {
        self.sandbox.stripe()
    }

    fn spoil(&self, route: Route, marker: &str, fault: AnswerFault, times: u32) {
        let on = Condition { route: Some(route), marker: Some(marker.into()) };
        self.sandbox.order(Order { fault: Fault::Answer(fault), on, times }).unwrap();
    }

    fn happened(&self, kind: &str) -> usize {
        self.control().event_types().iter().filter(|event| *event == kind).count()
    }

    async fn customer(&self) -> CustomerId {
        self.stripe.create_customer(&member(), Some("member@prolight.test"), None).await.unwrap()
    }

    /// A plan, paid on its page.
    async fn subscribed(&self, customer: &CustomerId, plan: Plan, card: Card) -> Session {
        let checkout = checkout(1, plan);
        let page = self.stripe.open_plan_checkout(&member(), customer, &checkout, &urls()).await;
        let page = page.unwrap();
        self.control().pay(page.session.as_str(), card).unwrap();
        self.stripe.session(&page.session).await.unwrap()
    }

    /// A pack, paid on its page.
    async fn bought(&self, customer: &CustomerId, order: &PackOrder, card: Card) -> Session {
        let page = self.stripe.open_pack_checkout(order, customer, &urls()).await.unwrap();
        self.control().pay(page.session.as_str(), card).unwrap();
        self.control().book_charges();
        self.stripe.session(&page.session).await.unwrap()
    }

    async fn payment(&self, id: &PaymentId) -> Payment {
        self.stripe.payment(id).await.unwrap()
    }
}

fn client(base: &str, tax: Tax) -> Stripe {
    Stripe::over(transport(base, &Secret::new(sandbox::stripe::API_KEY)), tax)
}

fn transport(base: &str, key: &Secret) -> Transport {
    Transport::paced(Http::pooled().unwrap(), base, key, QUICK).unwrap()
}

fn member() -> UserId {
    UserId::parse("user_member").unwrap()
}

fn urls() -> ReturnUrls {
    ReturnUrls {
        success: "https://prolight.test/billing?session={CHECKOUT_SESSION_ID}".into(),
        cancel: "https://prolight.test/billing".into(),
    }
}

fn checkout(nth: u32, plan: Plan) -> PlanCheckout {
    let begun_at = Timestamp::from_secs(BEGIN);
    let expires_at = begun_at.plus(domain::billing::order::CHECKOUT_OPEN);
    PlanCheckout { nth, plan, begun_at, expires_at, session: None, url: None, subscription: None }
}

fn order(nth: u128, pack: Pack, via: Via) -> PackOrder {
    let created_at = Timestamp::from_secs(BEGIN);
    PackOrder {
        id: OrderId::new(created_at, nth),
        user_id: member(),
        version: 0,
        pack,
        sold: None,
        via,
        state: OrderState::Open,
        created_at,
        session: None,
        url: None,
        payment: None,
        paid_at: None,
        paid: None,
        refunded: 0,
        withdrawn: 0,
        fees: 0,
        taken_back: 0,
        stated: Default::default(),
        lot: None,
        due_at: None,
    }
}

fn purchase(nth: u128, cents: i64) -> Purchase {
    let created_at = Timestamp::from_secs(BEGIN);
    Purchase {
        id: PurchaseId::new(created_at, nth),
        buyer_id: member(),
        listing_id: ListingId::new(created_at, 1),
        revision: 3,
        kind: Kind::LightingPreset,
        title: "Golden <hour> & haze".to_owned(),
        creator_id: UserId::parse("user_creator").unwrap(),
        price: Money::usd_cents(cents),
        version: 0,
        state: PurchaseState::Pending,
        created_at,
        referral: None,
        session: None,
        url: None,
        payment: None,
        paid_at: None,
        paid: None,
        taken_back: 0,
        refunded: 0,
        position: Default::default(),
        refunds: Vec::new(),
        found_by: None,
        refund_request: None,
        paid_back: Vec::new(),
        evidenced: Vec::new(),
        movements: 0,
        due_at: Some(created_at.plus(LOOK_AGAIN)),
    }
}

fn session_id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}
