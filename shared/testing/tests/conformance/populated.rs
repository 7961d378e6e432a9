//! One app with a member's data in it, and every function of the system on it.

use std::collections::BTreeMap;

use domain::{Timestamp, id::WebhookId, webhook::delivery::Attempt};
use runtime::{Clock, Endpoint, Method};
use sandbox::{
    Config, RunningSandbox, Sandbox,
    stripe::{API_KEY, Card, Setup},
};
use serde_json::{Value, json};
use store::PageSize;
use testing::{
    Actor, Answer, Client, TestApp, TestRequest,
    valid::{Subject, valid},
};

use crate::{CRATES, marketplace_data::marketplace_data};

/// The API token that signs the event of Bria's webhook.
const BRIA_TOKEN: &str = "sandbox-bria-token";
/// The secret that signs the event of Stripe's webhook.
const STRIPE_SECRET: &str = "whsec_4d2b9f6c1e8a3705b6d1c9e2f7a80435";
/// Time of the events, as their signatures and contexts state.
const EVENTS_AT: Timestamp = Timestamp::from_secs(1_795_000_000);

/// An app in which Kim has a generation, a preset, an API key, a webhook with an ended delivery, a
/// subscription and its invoice, sells a listing and has bought another.
pub(crate) struct PopulatedApp {
    pub(crate) app: TestApp,
    pub(crate) kim: Actor,
    #[expect(dead_code, reason = "the sandbox ends when it is dropped")]
    sandbox: RunningSandbox,
    subjects: BTreeMap<Subject, String>,
}

impl PopulatedApp {
    pub(crate) async fn new() -> PopulatedApp {
        PopulatedApp::populate(TestApp::serving(&CRATES)).await
    }

    /// The same, at the time of the files in `events/`.
    pub(crate) async fn at_the_events() -> PopulatedApp {
        let mut app = TestApp::serving(&CRATES);
        app.ambient.clock = Clock::manual(EVENTS_AT);
        PopulatedApp::populate(app).await
    }

    async fn populate(mut app: TestApp) -> PopulatedApp {
        let stripe = Setup { now: Some(app.now().as_secs()), ..Setup::default() };
        let config = Config { stripe, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        app.set("STRIPE_BASE_URL", sandbox.stripe().url());
        app.set_secret("STRIPE_SECRET_ARN", &json!({ "api_key": API_KEY }));
        app.set_secret("STRIPE_WEBHOOK_SECRET_ARN", &json!({ "signing_secret": STRIPE_SECRET }));
        app.set_secret("BRIA_SECRET_ARN", &json!({ "api_token": BRIA_TOKEN }));
        let kim = Actor::member("kim");
        let member = app.client(&kim);
        let chair = json!({ "prompt": "a red chair" });
        let generation = created(&member, "/api/v1/generations", chair).await;
        let chair = json!({ "name": "Chair", "prompt": "a chair" });
        let preset = created(&member, "/api/v1/presets", chair).await;
        let key = json!({ "name": "Nightly", "scopes": ["read"] });
        let key = created(&member, "/api/v1/me/keys", key).await;
        let hook = json!({ "url": "https://example.com/", "events": ["sale.created"] });
        let webhook = created(&member, "/api/v1/me/webhooks", hook).await;
        let delivery = delivered(&app, &member, &webhook).await;
        let (checkout, invoice) = subscribed(&app, &sandbox, &member).await;
        let mut subjects = BTreeMap::from([
            (Subject::Member, kim.id.to_string()),
            (Subject::Generation, generation),
            (Subject::Preset, preset),
            (Subject::Key, key),
            (Subject::Webhook, webhook),
            (Subject::Delivery, delivery),
            (Subject::Checkout, checkout),
            (Subject::Invoice, invoice),
            (Subject::Month, "2026-11".to_owned()),
            (Subject::DocsFile, "start.js".to_owned()),
            (Subject::Code, "invalid_request".to_owned()),
        ]);
        subjects.extend(marketplace_data(&app, &kim).await);
        // Nobody has appealed, and no night has passed.
        let missing = [Subject::Appeal, Subject::Report].map(|it| (it, it.missing().to_owned()));
        subjects.extend(missing);
        PopulatedApp { app, kim, sandbox, subjects }
    }

    /// Makes `request` a valid one, about Kim's data where that applies.
    pub(crate) fn fill(&self, endpoint: &Endpoint, request: TestRequest) -> TestRequest {
        valid(endpoint, request, |subject| self.subjects[&subject].clone())
    }
}

/// Whether a request may have changed the app's data: the next one then uses another app.
pub(crate) fn has_changed_data(endpoint: &Endpoint, answer: &Answer) -> bool {
    endpoint.method != Method::Get && answer.status() < 300
}

/// The id of what a member creates.
async fn created(member: &Client<'_>, path: &str, body: Value) -> String {
    let answer = member.post(path).key(path).json(body).await;
    let id = answer.json()["id"].as_str().map(str::to_owned);
    id.unwrap_or_else(|| panic!("{path}: {}", answer.pretty()))
}

/// A test of a webhook that was delivered.
async fn delivered(app: &TestApp, member: &Client<'_>, webhook: &str) -> String {
    let path = format!("/api/v1/me/webhooks/{webhook}");
    let id = created(member, &format!("{path}/test"), json!({})).await;
    let which = WebhookId::parse(webhook).unwrap();
    let size = PageSize::default();
    let log = app.store.deliveries((&member.id, &which), size, None).await.unwrap();
    let attempt = Attempt {
        at: app.now(),
        duration_ms: 40,
        response_status: Some(200),
        response_excerpt: Some("ok".to_owned()),
        error: None,
    };
    let recorded = app.store.record_delivery(&log.items[0], &Ok(attempt), app.now()).await;
    recorded.unwrap().unwrap();
    id
}

/// The checkout and the invoice of a plan that a member pays for, from Stripe's events.
async fn subscribed(
    app: &TestApp,
    sandbox: &RunningSandbox,
    member: &Client<'_>,
) -> (String, String) {
    let order = json!({ "plan": "pro" });
    let page = member.post("/api/v1/billing/checkout").key("subscribe").json(order).await.json();
    let session = page["checkout_url"].as_str().unwrap().rsplit('/').next().unwrap();
    let stripe = sandbox.stripe();
    stripe.pay(session, Card::Succeeds).unwrap();
    for body in stripe.events() {
        let signature = stripe.sign(&body, STRIPE_SECRET, app.now().as_secs());
        let delivery = app.visitor().post("/webhooks/stripe").header("Stripe-Signature", signature);
        let answer = delivery.text(body).await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
    }
    let invoices = member.get("/api/v1/billing/invoices").await.json();
    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    (id(&page), id(&invoices["items"][0]))
}
