//! An app whose Stripe is the sandbox's, with a clock that only the test moves.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    ops::Deref,
    time::Duration,
};

use domain::{
    audit::{self, Anchors, AuditChains, AuditRecord},
    billing::{Billing, external::PaymentId, order::PackOrder},
    id::OrderId,
    plan::Plan,
    time::DAY,
};
use edge::webhook_stripe;
use sandbox::{
    Config, RunningSandbox, Sandbox, bria,
    request_log::Filter,
    route::Route,
    stripe::{
        Advance, Card, Catalogue, Control, Deliver, PAYOUTS_KEY, Payment, RESTRICTED_KEY, Settings,
        Setup, SignatureTime,
    },
};
use serde_json::{Value, json};
use store::{AuditFilter, PageSize, changed_top_up};
use testing::{Actor, Answer, TestApp, TestRequest};

/// The current signing secret of events.
pub const SECRET: &str = "whsec_present";
/// The previous secret, during a rotation.
pub const SECRET_BEFORE: &str = "whsec_before";

/// The app, the sandbox, and the members whose ledgers are checked at the end.
pub struct BillingApp {
    app: TestApp,
    pub sandbox: RunningSandbox,
    /// What people at Stripe's pages and dashboard ask with.
    browser: reqwest::Client,
    /// Number of Stripe's events taken so far.
    taken: Cell<usize>,
    members: RefCell<Vec<Actor>>,
    keys: Cell<u32>,
}

impl Deref for BillingApp {
    type Target = TestApp;
    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl BillingApp {
    /// An empty app. Stripe holds its events until the test takes them.
    pub async fn new() -> BillingApp {
        let mut app = BillingApp::with_bria(bria::Settings::default()).await;
        // There is no such queue: the nightly run sends nothing.
        app.app.set("TOP_UP_QUEUE_URL", "https://sqs.prolight.test/top-ups");
        app
    }

    /// The same with all queues, and with these settings of the sandbox's Bria.
    pub async fn with_bria(bria: bria::Settings) -> BillingApp {
        let mut app = TestApp::serving(&[
            account::functions,
            admin::functions,
            background::functions,
            billing::functions,
            edge::functions,
            generation::functions,
            marketplace::functions,
        ]);
        let settings = Settings {
            deliver: Deliver::Off,
            signature_time: SignatureTime::Stripe,
            ..Settings::default()
        };
        let (seed, now) = (Some(1), Some(app.now().as_secs()));
        let setup = Setup { seed, now, catalogue: Catalogue::Seeded, settings };
        let config = Config { stripe: setup, bria, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        app.set("STRIPE_BASE_URL", sandbox.stripe().url());
        app.set_secret("STRIPE_SECRET_ARN", &json!({ "api_key": RESTRICTED_KEY }));
        app.set_secret("STRIPE_PAYOUTS_SECRET_ARN", &json!({ "api_key": PAYOUTS_KEY }));
        let secrets = json!({ "signing_secret": SECRET, "previous_signing_secret": SECRET_BEFORE });
        app.set_secret("STRIPE_WEBHOOK_SECRET_ARN", &secrets);
        BillingApp {
            app,
            sandbox,
            browser: reqwest::Client::new(),
            taken: Cell::default(),
            members: RefCell::default(),
            keys: Cell::default(),
        }
    }

    /// Makes the sandbox's Bria the provider of images.
    pub fn use_bria(&mut self) {
        self.app.set("IMAGE_PROVIDER", "bria");
        self.app.set("BRIA_BASE_URL", self.sandbox.bria_url());
        self.app.set_secret("BRIA_SECRET_ARN", &json!({ "api_token": bria::API_TOKEN }));
        self.app.set("BRIA_CALLS_PER_MINUTE", "100000");
        self.app.set("IMAGE_ORIGINS", self.sandbox.results_origin());
    }

    /// Has this many creators paid at a time, in processes that start from now on.
    pub fn pay_at_once(&mut self, creators: u16) {
        self.app.set("PAYOUTS_AT_ONCE", creators.to_string());
    }

    /// Lets webhooks of members be on this machine.
    pub fn allow_loopback(&mut self) {
        self.app.set("WEBHOOK_LOOPBACK", "true");
    }

    /// Stripe's side.
    pub fn stripe(&self) -> Control<'_> {
        self.sandbox.stripe()
    }

    /// A member whose ledger is checked when the app closes.
    pub fn new_member(&self, name: &str) -> Actor {
        let member = Actor::member(name);
        self.members.borrow_mut().push(member.clone());
        member
    }

    /// Turns the table's stream off: in tests with many items, the engine would scan all stream
    /// records with every write.
    pub fn stop_stream(&self) {
        let off = json!({ "StreamEnabled": false });
        let request = json!({ "TableName": testing::engine::TABLE, "StreamSpecification": off });
        self.engine.run("UpdateTable", &request.to_string()).unwrap();
    }

    /// Advances the clock, here and at Stripe.
    pub fn advance_days(&self, days: u32) {
        self.advance(DAY * days);
    }

    /// The same by any time.
    pub fn advance(&self, time: Duration) {
        self.ambient.clock.advance(time);
        self.stripe().advance(Advance::To(self.now().as_secs())).unwrap();
    }

    // Member requests.

    pub async fn try_checkout(&self, by: &Actor, key: &str, body: Value) -> Answer {
        self.client(by).post("/api/v1/billing/checkout").key(key).json(body).await
    }

    /// The URL of a new checkout.
    pub async fn checkout(&self, by: &Actor, body: Value) -> String {
        self.keys.set(self.keys.get() + 1);
        let page = good(self.try_checkout(by, &format!("key-{}", self.keys.get()), body).await);
        page["checkout_url"].as_str().unwrap().to_owned()
    }

    pub async fn portal(&self, by: &Actor) -> Answer {
        self.client(by).post("/api/v1/billing/portal").json(json!({})).await
    }

    pub async fn cancel(&self, by: &Actor, at_period_end: bool) -> Answer {
        let body = json!({ "cancel_at_period_end": at_period_end });
        self.client(by).post("/api/v1/billing/subscription/cancel").json(body).await
    }

    pub async fn top_up(&self, by: &Actor, body: Value) -> Answer {
        self.client(by).put("/api/v1/billing/top-up").json(body).await
    }

    pub async fn subscription(&self, by: &Actor) -> Value {
        good(self.client(by).get("/api/v1/billing/subscription").await)
    }

    pub async fn credits(&self, by: &Actor) -> Value {
        good(self.client(by).get("/api/v1/billing/credits").await)
    }

    pub async fn usage(&self, by: &Actor) -> Value {
        good(self.client(by).get("/api/v1/billing/usage").await)
    }

    pub async fn invoices(&self, by: &Actor) -> Vec<Value> {
        let page = good(self.client(by).get("/api/v1/billing/invoices?limit=100").await);
        page["items"].as_array().unwrap().clone()
    }

    /// Spends this many credits of a member on images.
    pub async fn spend(&self, by: &Actor, credits: u32) {
        let spent = self.store.update_account(&by.id, None, self.now(), |update| {
            let hold = update.start_job("gen", credits).map_err(store::StoreError::refused)?;
            update.capture_job("gen", &hold).map_err(store::StoreError::refused)
        });
        spent.await.unwrap();
    }

    pub async fn billing(&self, of: &Actor) -> Billing {
        self.store.billing(&of.id).await.unwrap()
    }

    // Events at Stripe.

    /// Pays an open page with a card.
    pub fn pay(&self, url: &str, card: Card) -> Payment {
        self.stripe().pay(session_of(url), card).unwrap()
    }

    /// Events since the last call, oldest first.
    pub fn events(&self) -> Vec<String> {
        let new = self.stripe().events_after(self.taken.get());
        self.taken.set(self.taken.get() + new.len());
        new
    }

    /// Delivers an event with a valid signature. Returns the status of the response.
    pub async fn deliver(&self, body: &str) -> u16 {
        let signature = self.stripe().sign(body, SECRET, self.now().as_secs());
        self.deliver_signed(body, &signature).await.status()
    }

    pub async fn deliver_signed(&self, body: &str, signature: &str) -> Answer {
        self.send(&webhook_stripe::ENDPOINT, &delivery(body, signature)).await
    }

    /// Delivers all new events in order, then those that follow when charges reach the balance;
    /// asserts that all are accepted.
    pub async fn deliver_events(&self) {
        for _ in 0..2 {
            self.deliver_events_before_booking().await;
            self.stripe().book_charges();
        }
    }

    /// The same, before charges reach the balance: Stripe's fee is not known.
    pub async fn deliver_events_before_booking(&self) {
        for event in self.events() {
            assert_eq!(self.deliver(&event).await, 200, "{event}");
        }
    }

    /// The same in base64, as API Gateway passes bodies that it takes for binary.
    pub async fn deliver_encoded(&self, encoded: &str, signature: &str) -> Answer {
        let endpoint = &webhook_stripe::ENDPOINT;
        let mut event = delivery(encoded, signature).event_json(endpoint);
        event["isBase64Encoded"] = json!(true);
        self.send_event(endpoint, runtime::apigw::request(&event).unwrap()).await
    }

    /// The URL of the newest session.
    pub async fn newest_page(&self) -> String {
        let found = self.get_from_stripe("checkout/sessions?limit=1").await;
        found["data"][0]["url"].as_str().unwrap().to_owned()
    }

    /// Subscribes to a plan and delivers the events.
    pub async fn subscribe(&self, by: &Actor, plan: &str) {
        let url = self.checkout(by, json!({ "plan": plan })).await;
        assert!(matches!(self.pay(&url, Card::Succeeds), Payment::Complete(_)));
        self.deliver_events().await;
    }

    /// A second subscription of a member, from a session created elsewhere. Returns its id.
    pub async fn subscribe_elsewhere(&self, by: &Actor, plan: Plan) -> String {
        let price = self.price_of(plan).await;
        self.subscribe_to(by, &price).await
    }

    /// The same, to any price.
    pub async fn subscribe_to(&self, by: &Actor, price: &str) -> String {
        let customer = self.billing(by).await.customer.unwrap();
        self.subscribe_customer(by, customer.as_str(), price).await
    }

    /// The same, of any customer.
    pub async fn subscribe_customer(&self, by: &Actor, customer: &str, price: &str) -> String {
        let form = [
            ("mode", "subscription"),
            ("customer", customer),
            ("line_items[0][price]", price),
            ("line_items[0][quantity]", "1"),
            ("success_url", "https://app.prolight.test/"),
            ("subscription_data[metadata][user_id]", by.id.as_str()),
        ];
        let session = self.post_to_stripe("checkout/sessions", &form).await;
        let id = session["id"].as_str().unwrap();
        self.stripe().pay(id, Card::Succeeds).unwrap();
        let paid = self.stripe().object(id).unwrap();
        paid["subscription"].as_str().unwrap().to_owned()
    }

    /// Pays an invoice on its hosted page.
    pub async fn pay_invoice(&self, invoice: &str, card: Card) {
        let invoice = self.stripe().object(invoice).unwrap();
        let page = invoice["hosted_invoice_url"].as_str().unwrap();
        self.submit(&format!("{page}/pay"), &[("card", json!(card).as_str().unwrap())]).await;
    }

    /// Schedules a change to a cheaper plan in the portal, for the next period.
    pub async fn downgrade(&self, by: &Actor, plan: Plan) {
        let theirs = self.billing(by).await.subscription.unwrap().id;
        let key = plan.terms().lookup_key.unwrap();
        self.stripe().plan_switch(theirs.as_str(), key).unwrap();
    }

    /// Submits a form on one of Stripe's pages.
    pub async fn submit(&self, page: &str, form: &[(&str, &str)]) {
        let body: Vec<String> = form.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = self
            .browser
            .post(page)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body.join("&"));
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{page}: {}", answer.text().await.unwrap());
    }

    /// What Stripe's events of this type are about, as it was then, oldest first.
    pub fn objects_of(&self, kind: &str) -> Vec<Value> {
        let events = self.stripe().events_of(kind).into_iter();
        events.map(|mut event| event["data"]["object"].take()).collect()
    }

    /// The ids of [`BillingApp::objects_of`].
    pub fn ids_of(&self, kind: &str) -> Vec<String> {
        let objects = self.objects_of(kind);
        objects.iter().map(|object| object["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Refunds at Stripe in cents, oldest first.
    pub fn refunded(&self) -> Vec<i64> {
        let made = self.objects_of("refund.created");
        made.iter().map(|refund| refund["amount"].as_i64().unwrap()).collect()
    }

    /// Cents of a charge that were refunded or lost in disputes, at most all of it.
    pub fn taken_back(&self, charge: &Value) -> i64 {
        let cents = |of: &Value, name: &str| of[name].as_i64().unwrap();
        // More than one event may name a dispute.
        let disputes: BTreeSet<String> =
            self.ids_of("charge.dispute.created").into_iter().collect();
        let disputes = disputes.iter().filter_map(|id| self.stripe().object(id));
        let lost = disputes.filter(|it| it["status"] == "lost" && it["charge"] == charge["id"]);
        let lost: i64 = lost.map(|it| cents(&it, "amount")).sum();
        (cents(charge, "amount_refunded") + lost).min(cents(charge, "amount"))
    }

    /// Buys a pack and delivers the events. Returns its order.
    pub async fn buy(&self, by: &Actor, pack: &str) -> PackOrder {
        let url = self.checkout(by, json!({ "pack": pack })).await;
        assert!(matches!(self.pay(&url, Card::Succeeds), Payment::Complete(_)));
        self.deliver_events().await;
        self.order_of(by, &url).await
    }

    /// The order of a checkout URL.
    pub async fn order_of(&self, by: &Actor, url: &str) -> PackOrder {
        let session = self.stripe().object(session_of(url)).unwrap();
        let id = OrderId::parse(session["metadata"]["order_id"].as_str().unwrap()).unwrap();
        self.store.order(&by.id, &id).await.unwrap()
    }

    /// The payment of a settled order.
    pub fn payment_of(order: &PackOrder) -> &PaymentId {
        order.payment.as_ref().unwrap()
    }

    /// Passes the table's stream through relay and queue to the top-up worker. Returns the number
    /// of messages.
    pub async fn relay_top_ups(&self) -> usize {
        let batch = self.engine.stream_batch();
        let mut users = Vec::new();
        for record in batch["Records"].as_array().unwrap() {
            if let Some(image) = record["dynamodb"]["NewImage"].as_object() {
                users.extend(changed_top_up(image).unwrap());
            }
        }
        for user in &users {
            assert_eq!(self.send_top_up_message(&json!(user)).await, all_done());
        }
        users.len()
    }

    /// Passes one message to the top-up worker. Returns the failed ones.
    pub async fn send_top_up_message(&self, user: &Value) -> Value {
        let body = json!({ "user_id": user }).to_string();
        let event = json!({ "Records": [{ "messageId": "1", "body": body, "attributes": {} }] });
        self.invoke("background-buy-top-ups", &event).await.unwrap()
    }

    /// The nightly run, as a person starts it.
    pub async fn reconcile(&self) -> Result<(), String> {
        self.run("background-reconcile-stripe").await
    }

    /// Calls Stripe's API directly, as the dashboard or the portal does.
    pub async fn post_to_stripe(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}v1/{path}", self.stripe().url());
        let request = self
            .browser
            .post(url)
            .bearer_auth(sandbox::stripe::API_KEY)
            .header("Stripe-Version", sandbox::stripe::VERSION)
            .header("Idempotency-Key", format!("{:032x}", rand::random::<u128>()))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("&"));
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Switches a member's plan now, as the portal does: the difference is invoiced immediately.
    pub async fn switch_plan(&self, of: &Actor, plan: Plan) {
        let id = self.billing(of).await.subscription.unwrap().id;
        let theirs = self.stripe().object(id.as_str()).unwrap();
        let item = theirs["items"]["data"][0]["id"].as_str().unwrap();
        let price = self.price_of(plan).await;
        let form = [
            ("items[0][id]", item),
            ("items[0][price]", &price),
            ("proration_behavior", "always_invoice"),
        ];
        self.post_to_stripe(&format!("subscriptions/{id}"), &form).await;
    }

    pub async fn price_of(&self, plan: Plan) -> String {
        let key = plan.terms().lookup_key.unwrap();
        let found = self.get_from_stripe(&format!("prices?lookup_keys[]={key}")).await;
        found["data"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Deletes a member's customer in the dashboard.
    pub async fn delete_customer(&self, of: &Actor) {
        let customer = self.billing(of).await.customer.unwrap();
        self.stripe().delete_customer(customer.as_str()).unwrap();
    }

    async fn get_from_stripe(&self, path: &str) -> Value {
        let request = self
            .browser
            .get(format!("{}v1/{path}", self.stripe().url()))
            .bearer_auth(sandbox::stripe::API_KEY)
            .header("Stripe-Version", sandbox::stripe::VERSION);
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Number of requests to Stripe on a route that contain this text.
    pub fn asked(&self, route: Route, text: &str) -> usize {
        self.sandbox.received(&Filter::route(route).containing(text)).matched
    }

    /// The audit records, oldest first.
    pub async fn audit_records(&self) -> Vec<AuditRecord> {
        let all = AuditFilter::default();
        let page = self.store.audit_log(&all, PageSize::WHOLE, None).await.unwrap();
        page.items.into_iter().rev().map(|it| it.record).collect()
    }

    /// The same, as `<actor> <action> <target>: <reason>`.
    pub async fn audit_lines(&self) -> Vec<String> {
        let lines = self.audit_records().await.into_iter().map(|AuditRecord { entry, .. }| {
            let actor = match &entry.actor {
                audit::Actor::Staff { user_id, .. } => user_id.as_str(),
                audit::Actor::Job { name } => name,
            };
            let (action, target) = (json!(entry.action), entry.target.kind.into_str());
            let reason = entry.reason.as_deref().unwrap_or("-");
            format!("{actor} {} {target}: {reason}", action.as_str().unwrap())
        });
        lines.collect()
    }

    /// Checks the ledger of every member.
    pub async fn close(self) {
        for chain in AuditChains::All.each() {
            let audit = self.store.verify_audit(chain, None, &Anchors::default()).await.unwrap();
            assert_eq!(audit.broken, None, "{chain}");
        }
        let members = self.members.take();
        assert!(!members.is_empty(), "a app without members checks nothing");
        for member in &members {
            self.app.assert_credits_balance(&member.id).await;
            let shown = self.credits(member).await;
            let account = self.account(&member.id).await;
            let credits = &account.credits;
            let limited = !credits.is_unlimited(self.now());
            assert_eq!(shown["available"], json!(limited.then(|| credits.totals().available)));
            assert_eq!(shown["debt"], account.credits.debt);
        }
    }
}

/// The response of a worker that processed all its records.
pub fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

/// A request of Stripe to our webhook.
fn delivery(body: &str, signature: &str) -> TestRequest {
    TestRequest::anonymous()
        .header("Content-Type", "application/json")
        .header("Stripe-Signature", signature)
        .text(body)
}

/// The session id of a checkout URL.
pub fn session_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// The id of an event.
pub fn id_of(event: &str) -> String {
    serde_json::from_str::<Value>(event).unwrap()["id"].as_str().unwrap().to_owned()
}

/// The type of an event.
pub fn kind_of(event: &str) -> String {
    serde_json::from_str::<Value>(event).unwrap()["type"].as_str().unwrap().to_owned()
}

/// The body of a response that must be `200 OK`.
pub fn good(answer: Answer) -> Value {
    assert!(matches!(answer.status(), 200 | 201), "{}", answer.pretty());
    answer.json()
}
