//! Members' webhooks on the whole path: a change of the table through stream, relay and queue to a
//! receiver of the sandbox, with duplicates, crashes, and receivers that fail.

use std::time::Duration;

use domain::{
    time::DAY,
    webhook::{
        delivery::{MESSAGE_LOST_AFTER, RETRY_WAITS},
        endpoint::FAILING_MAX,
    },
};
use runtime::InvocationContext;
use sandbox::{
    Config, RunningSandbox, Sandbox,
    receiver::{Behaviour, Received},
};
use serde_json::{Value, json};
use testing::{
    Client,
    queue::{QueuedMessage, batch_event, failed_items},
};

use super::worker_app::{MINUTE, NO_FAILURES, SECOND, WorkerApp};
use crate::{deliver_webhooks, retry_webhooks};

/// An app whose members' webhooks are receivers of a sandbox.
struct Hooks {
    app: WorkerApp<'static>,
    sandbox: RunningSandbox,
}

impl Hooks {
    async fn start() -> Hooks {
        let sandbox = Sandbox::start(Config::default()).await.unwrap();
        let mut app = WorkerApp::studio();
        app.redeploy(|app| app.set("WEBHOOK_LOOPBACK", "true"));
        Hooks { app, sandbox }
    }

    fn member(&self) -> Client<'_> {
        self.app.client(&self.app.member)
    }

    /// A webhook of the member's at the receiver `name`; returns its path.
    async fn add(&self, name: &str, events: &[&str]) -> String {
        let body = json!({"url": self.sandbox.hook(name), "events": events});
        let answer = self.member().post("/api/v1/me/webhooks").json(body).await;
        assert_eq!(answer.status(), 201, "{}", answer.pretty());
        format!("/api/v1/me/webhooks/{}", answer.json()["id"].as_str().unwrap())
    }

    async fn test(&self, path: &str) -> Value {
        let answer = self.member().post(format!("{path}/test")).await;
        assert_eq!(answer.status(), 202, "{}", answer.pretty());
        answer.json()
    }

    fn answer_with(&self, name: &str, status: u16) {
        self.sandbox.tell_hook(name, Behaviour { status, ..Behaviour::default() });
    }

    fn received(&self, name: &str) -> Vec<Received> {
        self.sandbox.hook_received(name)
    }

    /// Relays the table's stream until nothing follows from it.
    async fn relay(&self) {
        loop {
            let batch = self.app.changes();
            if batch["Records"].as_array().unwrap().is_empty() {
                return;
            }
            assert_eq!(self.app.relay_batch(&batch).await, NO_FAILURES);
        }
    }

    async fn deliver(&self, batch: &[QueuedMessage], context: &InvocationContext) -> Vec<String> {
        let name = deliver_webhooks::WORKER.name;
        let answer = self.app.invoke_in(context, name, &batch_event(batch)).await.unwrap();
        let failed = failed_items(&answer);
        self.app.webhook_queue().delete_processed(batch, &failed);
        failed
    }

    /// Relays and delivers until nothing is left to be done now.
    async fn pass(&self) {
        loop {
            self.relay().await;
            let batch = self.app.webhook_queue().receive();
            if batch.is_empty() {
                return;
            }
            assert_eq!(self.deliver(&batch, &self.app.ambient).await, NO_FAILURES);
        }
    }

    /// Lets time pass, and runs what is due then.
    async fn after(&self, time: Duration) {
        self.app.advance(time);
        self.app.run(retry_webhooks::WORKER.name).await.unwrap();
        self.pass().await;
    }

    async fn log(&self, path: &str) -> Vec<Value> {
        let answer = self.member().get(format!("{path}/deliveries")).await;
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// The status of the latest delivery, its attempts and the latest answer.
    async fn latest(&self, path: &str) -> String {
        let log = self.log(path).await;
        let (last, delivery) = (&log[0]["last_attempt"], &log[0]);
        format!(
            "{} {} {} {}",
            delivery["status"], delivery["failure"], delivery["attempts"], last["response_status"]
        )
    }

    async fn webhook(&self, path: &str) -> Value {
        self.member().get(path).await.json()
    }
}

fn ids(received: &[Received]) -> Vec<&str> {
    received.iter().map(|request| request.headers["webhook-id"].as_str()).collect()
}

#[tokio::test]
async fn the_end_of_a_generation_is_sent_to_the_webhooks_that_want_it() {
    let hooks = Hooks::start().await;
    let all = ["generation.succeeded", "generation.failed", "generation.cancelled"];
    let wants = hooks.add("wants", &all).await;
    hooks.add("other", &["sale.created"]).await;
    let (image, cancelled) = (hooks.app.post("a red chair").await, hooks.app.post("a blue").await);
    hooks.app.cancel(&cancelled).await;
    hooks.app.advance(SECOND);
    hooks.app.run_until_idle().await;
    hooks.pass().await;
    let received = hooks.received("wants");
    let bodies: Vec<Value> =
        received.iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    let told: Vec<String> =
        bodies.iter().map(|it| format!("{} {}", it["type"], it["data"]["id"])).collect();
    assert_eq!(
        told,
        [
            format!("\"generation.cancelled\" \"{}\"", cancelled.id),
            format!("\"generation.succeeded\" \"{}\"", image.id),
        ]
    );
    assert_eq!(bodies[1]["timestamp"], json!(hooks.app.job(&image).await.finished_at));
    assert_eq!(hooks.received("other"), []);
    let log = hooks.log(&wants).await;
    let logged: Vec<&str> = log.iter().map(|it| it["id"].as_str().unwrap()).rev().collect();
    assert_eq!(ids(&received), logged, "the newest is first");
    assert!(received.iter().all(|it| it.headers["webhook-signature"].starts_with("v1,")));
    hooks.app.close().await;
}

/// A member without webhooks costs one read for each event, and no write.
#[tokio::test]
async fn an_event_that_nobody_wants_costs_one_read() {
    let hooks = Hooks::start().await;
    let job = hooks.app.post("a red chair").await;
    hooks.app.cancel(&job).await;
    let mut batch = hooks.app.changes();
    let ended = |it: &Value| it["dynamodb"]["NewImage"]["status"]["S"] == "cancelled";
    batch["Records"].as_array_mut().unwrap().retain(ended);
    hooks.app.engine.take_usage();
    assert_eq!(hooks.app.relay_batch(&batch).await, NO_FAILURES);
    let usage = hooks.app.engine.take_usage();
    assert_eq!(usage.requests, [("GetItem".to_owned(), 1)].into());
    hooks.app.close().await;
}

/// The stream is read again from its start, and every message is delivered twice.
#[tokio::test]
async fn a_duplicate_sends_nothing_again() {
    let hooks = Hooks::start().await;
    hooks.add("kim", &["generation.cancelled"]).await;
    let job = hooks.app.post("a red chair").await;
    hooks.app.cancel(&job).await;
    let batch = hooks.app.changes();
    for _ in 0..3 {
        assert_eq!(hooks.app.relay_batch(&batch).await, NO_FAILURES);
    }
    hooks.relay().await;
    let messages = hooks.app.webhook_queue().receive();
    assert_eq!(messages.len(), 1);
    for _ in 0..2 {
        assert_eq!(hooks.deliver(&messages, &hooks.app.ambient).await, NO_FAILURES);
    }
    assert_eq!(hooks.received("kim").len(), 1);
    assert_eq!(hooks.app.relay_batch(&batch).await, NO_FAILURES);
    hooks.pass().await;
    assert_eq!(hooks.received("kim").len(), 1);
    hooks.app.close().await;
}

/// The worker dies after the receiver got the request and before that is recorded: the receiver
/// gets the same event once more, under the same id.
#[tokio::test]
async fn a_crash_between_delivery_and_record_repeats_the_same_id() {
    let hooks = Hooks::start().await;
    let path = hooks.add("kim", &["sale.created"]).await;
    hooks.sandbox.tell_hook("kim", Behaviour { delay_ms: 1_500, ..Behaviour::default() });
    let delivery = hooks.test(&path).await;
    hooks.relay().await;
    let batch = hooks.app.webhook_queue().receive();
    let dies = Some(hooks.app.now().plus(SECOND));
    let context = InvocationContext { deadline: dies, ..hooks.app.ambient.clone() };
    assert_eq!(hooks.deliver(&batch, &context).await, [batch[0].id.clone()]);
    assert_eq!(hooks.latest(&path).await, r#""queued" null 0 null"#);
    hooks.answer_with("kim", 200);
    hooks.app.advance(MINUTE * 6);
    hooks.pass().await;
    let received = hooks.received("kim");
    let id = delivery["id"].as_str().unwrap();
    assert_eq!(ids(&received), [id, id]);
    assert_eq!(received[0].body, received[1].body);
    assert_ne!(received[0].headers["webhook-timestamp"], received[1].headers["webhook-timestamp"]);
    assert_eq!(hooks.latest(&path).await, r#""delivered" null 1 200"#);
}

#[tokio::test]
async fn a_lost_message_is_sent_again() {
    let hooks = Hooks::start().await;
    let path = hooks.add("kim", &["sale.created"]).await;
    hooks.test(&path).await;
    hooks.relay().await;
    hooks.app.webhook_queue().purge();
    hooks.after(MESSAGE_LOST_AFTER - MINUTE).await;
    assert_eq!(hooks.received("kim").len(), 0);
    hooks.after(MINUTE * 2).await;
    assert_eq!(hooks.received("kim").len(), 1);
}

#[tokio::test]
async fn a_failure_is_retried_by_the_schedule_and_a_day_of_failures_disables() {
    let hooks = Hooks::start().await;
    let path = hooks.add("kim", &["sale.created"]).await;
    hooks.answer_with("kim", 503);
    hooks.test(&path).await;
    hooks.pass().await;
    assert_eq!(hooks.latest(&path).await, r#""waiting" null 1 503"#);
    let (mut waited, mut sent) = (Duration::ZERO, 1);
    for wait in RETRY_WAITS {
        hooks.after(wait - SECOND).await;
        assert_eq!(hooks.received("kim").len(), sent, "not before {wait:?}");
        hooks.after(SECOND).await;
        (waited, sent) = (waited + wait, sent + 1);
        assert_eq!(hooks.received("kim").len(), sent, "after {wait:?}");
        if waited >= FAILING_MAX {
            break;
        }
    }
    let webhook = hooks.webhook(&path).await;
    assert_eq!(
        (&webhook["status"], &webhook["disabled_reason"]),
        (&json!("disabled"), &json!("failing"))
    );
    hooks.after(DAY).await;
    assert_eq!(hooks.received("kim").len(), sent, "nothing more is sent");
    assert!(hooks.latest(&path).await.starts_with(r#""failed" "webhook_disabled""#));

    hooks.app.advance(SECOND);
    hooks.answer_with("kim", 200);
    let id = hooks.log(&path).await[0]["id"].as_str().unwrap().to_owned();
    let again = format!("{path}/deliveries/{id}/redeliver");
    assert_eq!(hooks.member().post(&again).await.brief(), "409 webhook_disabled");
    let enable = hooks.member().patch(&path).json(json!({"status": "enabled"})).await;
    assert_eq!(enable.json()["disabled_reason"], Value::Null);
    assert_eq!(hooks.member().post(&again).await.status(), 202);
    assert_eq!(hooks.member().post(&again).await.brief(), "409 delivery_in_progress");
    hooks.pass().await;
    assert!(hooks.latest(&path).await.starts_with(r#""delivered" null"#));
    let received = hooks.received("kim");
    assert!(ids(&received).iter().all(|it| *it == id), "always the same id");
    assert_eq!(hooks.webhook(&path).await["failing_since"], Value::Null);
}

#[tokio::test]
async fn a_receiver_that_is_gone_or_redirects() {
    let hooks = Hooks::start().await;
    let gone = hooks.add("gone", &["sale.created"]).await;
    hooks.answer_with("gone", 410);
    hooks.test(&gone).await;
    hooks.pass().await;
    assert_eq!(hooks.latest(&gone).await, r#""failed" "gone" 1 410"#);
    assert_eq!(hooks.webhook(&gone).await["disabled_reason"], "gone");
    assert_eq!(hooks.member().post(format!("{gone}/test")).await.brief(), "409 webhook_disabled");

    let moved = hooks.add("moved", &["sale.created"]).await;
    let location = Some(hooks.sandbox.hook("target"));
    hooks.sandbox.tell_hook("moved", Behaviour { status: 302, location, ..Behaviour::default() });
    hooks.test(&moved).await;
    hooks.pass().await;
    assert_eq!(hooks.latest(&moved).await, r#""waiting" null 1 302"#);
    assert_eq!(hooks.received("target"), []);
}

/// A webhook gets one message at a time, in order. While a slow one is busy, others get theirs.
#[tokio::test]
async fn a_slow_webhook_delays_only_its_own_events() {
    let hooks = Hooks::start().await;
    let (slow, quick) =
        (hooks.add("slow", &["sale.created"]).await, hooks.add("quick", &["sale.created"]).await);
    let mut sent = Vec::new();
    for _ in 0..3 {
        hooks.test(&slow).await;
        sent.push(hooks.test(&quick).await["id"].as_str().unwrap().to_owned());
    }
    hooks.relay().await;
    let queue = hooks.app.webhook_queue();
    let first = queue.receive();
    assert_eq!(first.len(), 2, "the first of each webhook");
    let (busy, ready): (Vec<_>, Vec<_>) =
        first.into_iter().partition(|it| slow.ends_with(&it.group));
    assert_eq!(busy.len(), 1);
    hooks.deliver(&ready, &hooks.app.ambient).await;
    for _ in 0..2 {
        let next = queue.receive();
        assert!(next.iter().all(|it| quick.ends_with(&it.group)), "the slow one is still busy");
        hooks.deliver(&next, &hooks.app.ambient).await;
    }
    assert_eq!(ids(&hooks.received("quick")), sent, "in order");
    assert_eq!(hooks.received("slow"), []);
    hooks.deliver(&busy, &hooks.app.ambient).await;
    hooks.pass().await;
    assert_eq!(hooks.received("slow").len(), 3);
}

#[tokio::test]
async fn two_secrets_sign_for_a_day_after_a_rotation() {
    let hooks = Hooks::start().await;
    let path = hooks.add("kim", &["sale.created"]).await;
    let signatures = async || {
        hooks.test(&path).await;
        hooks.pass().await;
        let received = hooks.received("kim");
        let signature = &received.last().unwrap().headers["webhook-signature"];
        signature.split(' ').count()
    };
    assert_eq!(signatures().await, 1);
    let rotate = async |key: &str| {
        let answer = hooks.member().post(format!("{path}/secret")).key(key).await;
        answer.json()["secret"].as_str().unwrap().to_owned()
    };
    let secret = rotate("once").await;
    assert_eq!(rotate("once").await, secret, "a repeat replaces nothing");
    assert_eq!(signatures().await, 2);
    hooks.app.advance(DAY);
    assert_eq!(signatures().await, 1);
}

#[tokio::test]
async fn nothing_is_sent_for_a_banned_member_and_nothing_is_left_of_one_who_leaves() {
    let hooks = Hooks::start().await;
    let path = hooks.add("kim", &["sale.created"]).await;
    hooks.test(&path).await;
    hooks.app.suspend(&hooks.app.member.id, "spam", None).await;
    hooks.pass().await;
    assert_eq!(hooks.received("kim"), []);
    assert_eq!(hooks.latest(&path).await, r#""failed" "member_inactive" 0 null"#);

    assert_eq!(hooks.member().delete("/api/v1/me").await.status(), 200);
    let (store, now) = (&hooks.app.store, hooks.app.now());
    store.erase_member(&hooks.app.member.id, now).await.unwrap();
    let left = hooks.app.engine.dump();
    let text = serde_json::to_string(&left).unwrap();
    assert!(!text.contains("WEBHOOKS") && !text.contains("DELIVERY#") && !text.contains("whsec_"));
}
