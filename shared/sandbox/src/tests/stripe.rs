//! The payment provider over HTTP, for API clients and browsers.

use super::*;
use crate::stripe::{API_KEY, Card, Payment, SettingsChange, Setup, VERSION};

mod api;
mod checkout;
mod connect;
mod fields;
mod idempotency;
mod money;
mod pages;
mod subscriptions;
mod webhooks;

/// 2026-01-31T10:00:00Z, where the tests' clock is frozen.
const BEGINNING: i64 = 1_769_853_600;

/// An account with a frozen clock, and a client.
struct Account {
    visit: Visit,
}

impl Account {
    async fn open() -> Account {
        Account::with(Setup { seed: Some(7), now: Some(BEGINNING), ..Setup::default() }).await
    }

    async fn with(stripe: Setup) -> Account {
        let config = Config { stripe, ..Config::default() };
        let sandbox = Sandbox::start(config).await.unwrap();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Account { visit: Visit { sandbox, http } }
    }

    fn control(&self) -> crate::stripe::Control<'_> {
        self.visit.sandbox.stripe()
    }

    fn request(&self, method: &str, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let url = format!("{}v1/{path}", self.control().url());
        self.visit
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(API_KEY)
            .header("Stripe-Version", VERSION)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(encoded(form))
    }

    async fn try_post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        taken_apart(self.request("POST", path, form).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, body) = self.try_post(path, form).await;
        assert_eq!(status, 200, "{path} {form:?}: {body}");
        body
    }

    async fn try_get(&self, path: &str) -> (u16, Value) {
        taken_apart(self.request("GET", path, &[]).send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.try_get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The price id of this lookup key.
    async fn price(&self, key: &str) -> String {
        let found = self.get(&format!("prices?lookup_keys[]={key}&active=true")).await;
        text(&found, "/data/0/id")
    }

    async fn customer(&self) -> String {
        let form = [("email", "ada@prolight.test"), ("metadata[member]", "m1")];
        text(&self.post("customers", &form).await, "/id")
    }

    /// An open session for a price, in this mode.
    async fn session(&self, customer: &str, mode: &str, key: &str) -> Value {
        let price = self.price(key).await;
        let form = [
            ("mode", mode),
            ("customer", customer),
            ("line_items[0][price]", &price),
            ("line_items[0][quantity]", "1"),
            ("success_url", "https://prolight.test/done?session={CHECKOUT_SESSION_ID}"),
            ("cancel_url", "https://prolight.test/plans"),
            ("metadata[order]", "o1"),
        ];
        self.post("checkout/sessions", &form).await
    }

    /// A subscription to this plan, paid with this card.
    async fn subscription(&self, customer: &str, key: &str, card: Card) -> Value {
        let session = self.session(customer, "subscription", key).await;
        let id = text(&session, "/id");
        self.pay(&id, card);
        let session = self.get(&format!("checkout/sessions/{id}?expand[]=subscription")).await;
        session["subscription"].clone()
    }

    /// A paid pack: the session with its payment intent and charge.
    async fn pack(&self, customer: &str) -> Value {
        let id = text(&self.session(customer, "payment", "prolight_pack_50").await, "/id");
        self.pay(&id, Card::Succeeds);
        self.get(&format!("checkout/sessions/{id}?expand[]=payment_intent.latest_charge")).await
    }

    fn pay(&self, session: &str, card: Card) {
        let paid = self.control().pay(session, card).unwrap();
        assert!(matches!(paid, Payment::Complete(_)), "{paid:?}");
    }

    /// The types of all events after the first `before`.
    fn types_since(&self, before: usize) -> Vec<String> {
        self.control().event_types().split_off(before)
    }

    fn events(&self) -> Vec<Value> {
        let events = self.control().events();
        events.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    /// The last event of a type.
    fn last(&self, kind: &str) -> Value {
        let found = self.events().into_iter().rev().find(|event| event["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {:?}", self.control().event_types()))
    }

    fn set(&self, change: Value) {
        let change: SettingsChange = serde_json::from_value(change).unwrap();
        self.control().change_settings(change).unwrap();
    }
}

fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

async fn taken_apart(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

fn int(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_else(|| panic!("{pointer} of {value}"))
}
