//! The billing fixture: the table, the functions, Stripe, and a clock that only the test moves.

use std::cell::{Cell, RefCell};

use admin::{ban_user, unban_user};
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use background::{buy_top_ups, reconcile_stripe};
use billing::{
    cancel_subscription, get_credits, get_subscription, get_usage, list_invoices, open_checkout,
    open_portal, update_top_up,
};
use clients::{
    Secret, Stripe, TopUpQueue,
    stripe::{Payouts, StripeConfig, Tax},
};
use domain::{
    account::Account,
    audit::{self, Anchors, AuditRecord},
    billing::{Billing, external::PaymentId, order::PackOrder},
    id::OrderId,
    plan::Plan,
    time::DAY,
};
use edge::webhook_stripe;
use runtime::{
    BatchResponse, Frontend, ScheduleEvent, StripeWebhookSecrets, TaskError, dispatch,
    dispatch_queue, dispatch_schedule,
};
use sandbox::{
    Config, RunningSandbox, Sandbox,
    request_log::Filter,
    route::Route,
    stripe::{Advance, Card, Catalogue, Control, Deliver, Payment, Settings, Setup, SignatureTime},
};
use serde_json::{Value, json};
use store::{AuditFilter, PageSize, changed_top_up};
use testing::{Actor, Answer, TestApp, TestRequest, grants::acting_as};

/// The current signing secret of events.
pub(crate) const SECRET: &str = "whsec_present";
/// The previous secret, during a rotation.
pub(crate) const SECRET_BEFORE: &str = "whsec_before";

/// One table with everything around it.
pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) sandbox: RunningSandbox,
    pub(crate) stripe: Stripe,
    pub(crate) payouts: Payouts,
    frontend: Frontend,
    secrets: StripeWebhookSecrets,
    /// Number of Stripe's events taken so far.
    taken: Cell<usize>,
    members: RefCell<Vec<Actor>>,
    keys: Cell<u32>,
}

impl Stage {
    /// An empty stage. Stripe holds its events until the test takes them.
    pub(crate) async fn new() -> Stage {
        let app = TestApp::new();
        let settings = Settings {
            deliver: Deliver::Off,
            signature_time: SignatureTime::Stripe,
            ..Settings::default()
        };
        let (seed, now) = (Some(1), Some(app.now().as_secs()));
        let setup = Setup { seed, now, catalogue: Catalogue::Seeded, settings };
        let config = Config { stripe: setup, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        let base = sandbox.stripe().url();
        let stripe = client(&base);
        let key = Secret::new(sandbox::stripe::PAYOUTS_KEY);
        let payouts = Payouts::new(&base, &key).unwrap();
        Stage {
            app,
            stripe,
            payouts,
            sandbox,
            frontend: Frontend::new("https://app.prolight.test"),
            secrets: StripeWebhookSecrets([SECRET, SECRET_BEFORE].map(Secret::new).into()),
            taken: Cell::default(),
            members: RefCell::default(),
            keys: Cell::default(),
        }
    }

    /// Stripe's side.
    pub(crate) fn at_stripe(&self) -> Control<'_> {
        self.sandbox.stripe()
    }

    /// A member whose ledger is checked when the stage closes.
    pub(crate) fn member(&self, name: &str) -> Actor {
        let member = Actor::member(name);
        self.members.borrow_mut().push(member.clone());
        member
    }

    /// Turns the table's stream off: in tests with many items, the engine would scan all stream
    /// records with every write.
    pub(crate) fn stop_stream(&self) {
        let off = json!({ "StreamEnabled": false });
        let request = json!({ "TableName": testing::engine::TABLE, "StreamSpecification": off });
        self.app.engine.run("UpdateTable", &request.to_string()).unwrap();
    }

    /// Advances the clock, here and at Stripe.
    pub(crate) fn pass(&self, days: u32) {
        self.app.ambient.clock.advance(DAY * days);
        self.at_stripe().advance(Advance::To(self.app.now().as_secs())).unwrap();
    }

    // Member requests.

    pub(crate) async fn try_checkout(&self, by: &Actor, key: &str, body: Value) -> Answer {
        let ask = TestRequest::by(by).key(key).json(body);
        let hands = (self.app.store.clone(), self.stripe.clone(), self.frontend.clone());
        self.app.send(&open_checkout::ENDPOINT, &open_checkout::handle, &hands, &ask).await
    }

    /// The URL of a new checkout.
    pub(crate) async fn checkout(&self, by: &Actor, body: Value) -> String {
        self.keys.set(self.keys.get() + 1);
        let answer = self.try_checkout(by, &format!("key-{}", self.keys.get()), body).await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        answer.json()["checkout_url"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn portal(&self, by: &Actor) -> Answer {
        let ask = TestRequest::by(by).json(json!({}));
        let hands = (self.app.store.clone(), self.stripe.clone(), self.frontend.clone());
        self.app.send(&open_portal::ENDPOINT, &open_portal::handle, &hands, &ask).await
    }

    pub(crate) async fn cancel(&self, by: &Actor, at_period_end: bool) -> Answer {
        let ask = TestRequest::by(by).json(json!({ "cancel_at_period_end": at_period_end }));
        let hands = (self.app.store.clone(), self.stripe.clone());
        let (endpoint, handle) = (&cancel_subscription::ENDPOINT, &cancel_subscription::handle);
        self.app.send(endpoint, handle, &hands, &ask).await
    }

    pub(crate) async fn ban(&self, member: &Actor, key: &str, body: Value) -> Answer {
        let ask = TestRequest::by(&Actor::admin()).path("id", &member.id).key(key).json(body);
        let hands = (self.app.store.clone(), self.stripe.clone());
        self.app.send(&ban_user::ENDPOINT, &ban_user::handle, &hands, &ask).await
    }

    pub(crate) async fn unban(&self, member: &Actor, body: Value) -> Answer {
        let ask = TestRequest::by(&Actor::admin()).path("id", &member.id).json(body);
        let (endpoint, handle) = (&unban_user::ENDPOINT, &unban_user::handle);
        self.app.send(endpoint, handle, &self.app.store, &ask).await
    }

    pub(crate) async fn top_up(&self, by: &Actor, body: Value) -> Answer {
        let (ask, hands) = (TestRequest::by(by).json(body), &self.app.store);
        self.app.send(&update_top_up::ENDPOINT, &update_top_up::handle, hands, &ask).await
    }

    pub(crate) async fn subscription(&self, by: &Actor) -> Value {
        let (ask, hands) = (TestRequest::by(by), &self.app.store);
        let (endpoint, handle) = (&get_subscription::ENDPOINT, &get_subscription::handle);
        good(self.app.send(endpoint, handle, hands, &ask).await)
    }

    pub(crate) async fn credits(&self, by: &Actor) -> Value {
        let (ask, hands) = (TestRequest::by(by), &self.app.store);
        good(self.app.send(&get_credits::ENDPOINT, &get_credits::handle, hands, &ask).await)
    }

    pub(crate) async fn usage(&self, by: &Actor) -> Value {
        let (ask, hands) = (TestRequest::by(by), &self.app.store);
        good(self.app.send(&get_usage::ENDPOINT, &get_usage::handle, hands, &ask).await)
    }

    pub(crate) async fn invoices(&self, by: &Actor) -> Vec<Value> {
        let (ask, hands) = (TestRequest::by(by).query("limit", 100), &self.app.store);
        let (endpoint, handle) = (&list_invoices::ENDPOINT, &list_invoices::handle);
        let page = good(self.app.send(endpoint, handle, hands, &ask).await);
        page["items"].as_array().unwrap().clone()
    }

    /// Spends this many credits of a member on images.
    pub(crate) async fn spend(&self, by: &Actor, credits: u32) {
        let spent = self.app.store.update_account(&by.id, None, self.app.now(), |draft| {
            let hold = draft.start_job("gen", credits).map_err(store::StoreError::refused)?;
            draft.capture_job("gen", &hold).map_err(store::StoreError::refused)
        });
        spent.await.unwrap();
    }

    pub(crate) async fn account(&self, of: &Actor) -> Account {
        self.app.account(&of.id).await
    }

    pub(crate) async fn billing(&self, of: &Actor) -> Billing {
        self.app.store.billing(&of.id).await.unwrap()
    }

    // Events at Stripe.

    /// Pays an open page with a card.
    pub(crate) fn pay(&self, url: &str, card: Card) -> Payment {
        self.at_stripe().pay(session_of(url), card).unwrap()
    }

    /// Events since the last call, oldest first.
    pub(crate) fn events(&self) -> Vec<String> {
        let all = self.at_stripe().events();
        let new = all[self.taken.get()..].to_vec();
        self.taken.set(all.len());
        new
    }

    /// Delivers an event with a valid signature. Returns the status of the response.
    pub(crate) async fn deliver(&self, body: &str) -> u16 {
        let signature = self.at_stripe().sign(body, SECRET, self.app.now().as_secs());
        self.deliver_signed(body, &signature).await.status()
    }

    pub(crate) async fn deliver_signed(&self, body: &str, signature: &str) -> Answer {
        let ask = TestRequest::anonymous()
            .header("Content-Type", "application/json")
            .header("Stripe-Signature", signature)
            .text(body);
        let secrets = StripeWebhookSecrets(self.secrets.0.clone());
        let hands = (self.app.store.clone(), self.stripe.clone(), secrets);
        self.app.send(&webhook_stripe::ENDPOINT, &webhook_stripe::handle, &hands, &ask).await
    }

    /// Delivers all new events in order, then those that follow when charges reach the balance;
    /// asserts that all are accepted.
    pub(crate) async fn hear(&self) {
        for _ in 0..2 {
            self.hear_so_far().await;
            self.at_stripe().book_charges();
        }
    }

    /// The same, before charges reach the balance: Stripe's fee is not known.
    pub(crate) async fn hear_so_far(&self) {
        for event in self.events() {
            assert_eq!(self.deliver(&event).await, 200, "{event}");
        }
    }

    /// The same in base64, as API Gateway passes bodies that it takes for binary.
    pub(crate) async fn deliver_encoded(&self, encoded: &str, signature: &str) -> Answer {
        let ask = TestRequest::anonymous()
            .header("Content-Type", "application/json")
            .header("Stripe-Signature", signature)
            .text(encoded);
        let mut event = serde_json::to_value(ask.event_json(&webhook_stripe::ENDPOINT)).unwrap();
        event["isBase64Encoded"] = json!(true);
        let event = runtime::apigw::request(&event).unwrap();
        let secrets = StripeWebhookSecrets(self.secrets.0.clone());
        let hands = (self.app.store.clone(), self.stripe.clone(), secrets);
        let (endpoint, handle) = (&webhook_stripe::ENDPOINT, &webhook_stripe::handle);
        let answer = || dispatch(endpoint, handle, &hands, &self.app.ambient, event);
        Answer(acting_as(endpoint.name, answer).await)
    }

    /// The frontend in the return URLs.
    pub(crate) fn frontend(&self) -> &Frontend {
        &self.frontend
    }

    /// The URL of the newest session.
    pub(crate) async fn newest_page(&self) -> String {
        let found = self.get_from_stripe("checkout/sessions?limit=1").await;
        found["data"][0]["url"].as_str().unwrap().to_owned()
    }

    /// Subscribes to a plan and delivers the events.
    pub(crate) async fn subscribe(&self, by: &Actor, plan: &str) {
        let url = self.checkout(by, json!({ "plan": plan })).await;
        assert!(matches!(self.pay(&url, Card::Succeeds), Payment::Complete(_)));
        self.hear().await;
    }

    /// Simulates new processes: in-memory caches are empty.
    pub(crate) fn restart(&mut self) {
        self.stripe = client(&self.at_stripe().url());
    }

    /// A second subscription of a member, from a session created elsewhere. Returns its id.
    pub(crate) async fn subscribe_elsewhere(&self, by: &Actor, plan: Plan) -> String {
        let price = self.price_of(plan).await;
        self.subscribe_to(by, &price).await
    }

    /// The same, to any price.
    pub(crate) async fn subscribe_to(&self, by: &Actor, price: &str) -> String {
        let customer = self.billing(by).await.customer.unwrap();
        let form = [
            ("mode", "subscription"),
            ("customer", customer.as_str()),
            ("line_items[0][price]", price),
            ("line_items[0][quantity]", "1"),
            ("success_url", "https://app.prolight.test/"),
            ("subscription_data[metadata][user_id]", by.id.as_str()),
        ];
        let session = self.post_to_stripe("checkout/sessions", &form).await;
        let id = session["id"].as_str().unwrap();
        self.at_stripe().pay(id, Card::Succeeds).unwrap();
        let paid = self.at_stripe().object(id).unwrap();
        paid["subscription"].as_str().unwrap().to_owned()
    }

    /// Pays an invoice on its hosted page.
    pub(crate) async fn pay_invoice(&self, invoice: &str, card: Card) {
        let invoice = self.at_stripe().object(invoice).unwrap();
        let page = invoice["hosted_invoice_url"].as_str().unwrap();
        self.submit(&format!("{page}/pay"), &[("card", json!(card).as_str().unwrap())]).await;
    }

    /// Schedules a change to a cheaper plan in the portal, for the next period.
    pub(crate) async fn downgrade(&self, by: &Actor, plan: Plan) {
        let theirs = self.billing(by).await.subscription.unwrap().id;
        let key = plan.terms().lookup_key.unwrap();
        self.at_stripe().plan_switch(theirs.as_str(), key).unwrap();
    }

    /// Submits a form on one of Stripe's pages.
    pub(crate) async fn submit(&self, page: &str, form: &[(&str, &str)]) {
        let body: Vec<String> = form.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = reqwest::Client::new()
            .post(page)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body.join("&"));
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{page}: {}", answer.text().await.unwrap());
    }

    /// Refunds at Stripe in cents, oldest first.
    pub(crate) fn refunded(&self) -> Vec<i64> {
        let events = self.at_stripe().events();
        let made = events.iter().filter(|event| kind_of(event) == "refund.created");
        made.map(|event| {
            let event: Value = serde_json::from_str(event).unwrap();
            event["data"]["object"]["amount"].as_i64().unwrap()
        })
        .collect()
    }

    /// Buys a pack and delivers the events. Returns its order.
    pub(crate) async fn buy(&self, by: &Actor, pack: &str) -> PackOrder {
        let url = self.checkout(by, json!({ "pack": pack })).await;
        assert!(matches!(self.pay(&url, Card::Succeeds), Payment::Complete(_)));
        self.hear().await;
        self.order_of(by, &url).await
    }

    /// The order of a checkout URL.
    pub(crate) async fn order_of(&self, by: &Actor, url: &str) -> PackOrder {
        let session = self.at_stripe().object(session_of(url)).unwrap();
        let id = OrderId::parse(session["metadata"]["order_id"].as_str().unwrap()).unwrap();
        self.app.store.order(&by.id, &id).await.unwrap()
    }

    /// The payment of a settled order.
    pub(crate) fn payment_of(order: &PackOrder) -> &PaymentId {
        order.payment.as_ref().unwrap()
    }

    /// Passes the table's stream through relay and queue to the top-up worker. Returns the number
    /// of messages.
    pub(crate) async fn work_on_top_ups(&self) -> usize {
        let batch = self.app.engine.stream_batch();
        let mut users = Vec::new();
        for record in batch["Records"].as_array().unwrap() {
            if let Some(image) = record["dynamodb"]["NewImage"].as_object() {
                users.extend(changed_top_up(image).unwrap());
            }
        }
        for user in &users {
            assert_eq!(self.hint_top_up(&json!(user)).await, BatchResponse::default());
        }
        users.len()
    }

    /// Passes one message to the top-up worker.
    pub(crate) async fn hint_top_up(&self, user: &Value) -> BatchResponse {
        let body = json!({ "user_id": user }).to_string();
        let event = json!({ "Records": [{ "messageId": "1", "body": body, "attributes": {} }] });
        let hands = (self.app.store.clone(), self.stripe.clone());
        let (worker, handle) = (&buy_top_ups::WORKER, &buy_top_ups::handle);
        let event = serde_json::from_value(event).unwrap();
        let bought = || dispatch_queue(worker, handle, &hands, &self.app.ambient, event);
        acting_as(worker.name, bought).await
    }

    /// The nightly run.
    pub(crate) async fn reconcile(&self) -> Result<(), TaskError> {
        // A queue URL that is not reachable: on these nights nothing is sent.
        let nowhere = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url("http://127.0.0.1:9")
            .build();
        let queue = TopUpQueue::new(&aws_sdk_sqs::Client::from_conf(nowhere), "top-ups");
        let hands = (self.app.store.clone(), self.stripe.clone(), queue);
        let (worker, handle) = (&reconcile_stripe::WORKER, &reconcile_stripe::handle);
        let event = include_str!("../../../../events/background-reconcile-stripe.json");
        let event: ScheduleEvent = serde_json::from_str(event).unwrap();
        let run = || dispatch_schedule(worker, handle, &hands, &self.app.ambient, event);
        acting_as(worker.name, run).await
    }

    /// Calls Stripe's API directly, as the dashboard or the portal does.
    pub(crate) async fn post_to_stripe(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}v1/{path}", self.at_stripe().url());
        let request = reqwest::Client::new()
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
    pub(crate) async fn switch_plan(&self, of: &Actor, plan: Plan) {
        let id = self.billing(of).await.subscription.unwrap().id;
        let theirs = self.at_stripe().object(id.as_str()).unwrap();
        let item = theirs["items"]["data"][0]["id"].as_str().unwrap();
        let price = self.price_of(plan).await;
        let form = [
            ("items[0][id]", item),
            ("items[0][price]", &price),
            ("proration_behavior", "always_invoice"),
        ];
        self.post_to_stripe(&format!("subscriptions/{id}"), &form).await;
    }

    pub(crate) async fn price_of(&self, plan: Plan) -> String {
        let key = plan.terms().lookup_key.unwrap();
        let found = self.get_from_stripe(&format!("prices?lookup_keys[]={key}")).await;
        found["data"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Deletes a member's customer in the dashboard.
    pub(crate) async fn delete_customer(&self, of: &Actor) {
        let customer = self.billing(of).await.customer.unwrap();
        self.at_stripe().delete_customer(customer.as_str()).unwrap();
    }

    async fn get_from_stripe(&self, path: &str) -> Value {
        let request = reqwest::Client::new()
            .get(format!("{}v1/{path}", self.at_stripe().url()))
            .bearer_auth(sandbox::stripe::API_KEY)
            .header("Stripe-Version", sandbox::stripe::VERSION);
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Number of requests to Stripe on a route that contain this text.
    pub(crate) fn asked(&self, route: Route, text: &str) -> usize {
        self.sandbox.received(&Filter::route(route).containing(text)).matched
    }

    /// The audit records, oldest first.
    pub(crate) async fn audited(&self) -> Vec<AuditRecord> {
        let all = AuditFilter::default();
        let page = self.app.store.audit_log(&all, PageSize::WHOLE, None).await.unwrap();
        page.items.into_iter().rev().collect()
    }

    /// The same, as `<actor> <action> <target>: <reason>`.
    pub(crate) async fn deeds(&self) -> Vec<String> {
        let told = self.audited().await.into_iter().map(|AuditRecord { deed, .. }| {
            let who = match &deed.actor {
                audit::Actor::Staff { user_id, .. } => user_id.as_str(),
                audit::Actor::Job { name } => name,
            };
            let (what, to) = (json!(deed.action), deed.target.kind.into_str());
            let why = deed.reason.as_deref().unwrap_or("-");
            format!("{who} {} {to}: {why}", what.as_str().unwrap())
        });
        told.collect()
    }

    /// Checks the ledger of every member.
    pub(crate) async fn close(self) {
        let audit = self.app.store.verify_audit(None, &Anchors::default()).await.unwrap();
        assert_eq!(audit.broken, None);
        let members = self.members.take();
        assert!(!members.is_empty(), "a stage without members checks nothing");
        for member in &members {
            self.app.assert_credits_balance(&member.id).await;
            let shown = self.credits(member).await;
            let account = self.account(member).await;
            assert_eq!(shown["available"], account.credits.totals().available);
            assert_eq!(shown["debt"], account.credits.debt);
        }
    }
}

/// A client of the sandbox's Stripe, as functions have it.
pub(crate) fn client(base: &str) -> Stripe {
    let api_key = Secret::new(sandbox::stripe::RESTRICTED_KEY);
    Stripe::new(&StripeConfig { base: base.to_owned(), api_key, tax: Tax::None }).unwrap()
}

/// The session id of a checkout URL.
pub(crate) fn session_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// The id of an event.
pub(crate) fn id_of(event: &str) -> String {
    serde_json::from_str::<Value>(event).unwrap()["id"].as_str().unwrap().to_owned()
}

/// The type of an event.
pub(crate) fn kind_of(event: &str) -> String {
    serde_json::from_str::<Value>(event).unwrap()["type"].as_str().unwrap().to_owned()
}

fn good(answer: Answer) -> Value {
    assert_eq!(answer.status(), 200, "{}", answer.pretty());
    answer.json()
}
