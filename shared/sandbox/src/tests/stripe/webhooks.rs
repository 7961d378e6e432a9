//! Deliveries: signed, retried, duplicated, out of order, held and dropped.

use axum::http::StatusCode as Status;

use super::*;

const SECRET: &str = "whsec_test_secret";

/// An event receiver with statuses to answer first; then 200.
pub(super) struct WebhookReceiver {
    pub(super) url: String,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    letters: Mutex<Vec<(String, Bytes)>>,
    statuses: Mutex<Vec<u16>>,
}

impl WebhookReceiver {
    pub(super) async fn answering(statuses: &[u16]) -> WebhookReceiver {
        let heard = Arc::new(Heard { statuses: Mutex::new(statuses.to_vec()), ..Heard::default() });
        let app = Router::new().fallback(hear).with_state(Arc::clone(&heard));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/stripe", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        WebhookReceiver { url, heard }
    }

    pub(super) async fn wait_for(&self, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        while locked(&self.heard.letters).len() < count {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.types());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.events()
    }

    fn events(&self) -> Vec<Value> {
        let letters = locked(&self.heard.letters);
        letters.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    /// The signature and the bytes of a delivery.
    pub(super) fn letter(&self, nth: usize) -> (String, Bytes) {
        locked(&self.heard.letters)[nth].clone()
    }

    pub(super) fn types(&self) -> Vec<String> {
        self.events().iter().map(|event| text(event, "/type")).collect()
    }
}

async fn hear(State(heard): State<Arc<Heard>>, headers: HeaderMap, body: Bytes) -> Status {
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    locked(&heard.letters).push((signature, body));
    let mut statuses = locked(&heard.statuses);
    let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
    Status::from_u16(status).unwrap()
}

async fn listened(statuses: &[u16]) -> (Account, WebhookReceiver) {
    let account = Account::open().await;
    let ear = WebhookReceiver::answering(statuses).await;
    let webhook = json!({ "url": ear.url, "secret": SECRET });
    account.set(json!({ "webhook": webhook, "pauses_ms": [20] }));
    (account, ear)
}

#[tokio::test]
async fn an_event_is_delivered_signed_as_it_is_listed() {
    let (account, ear) = listened(&[]).await;
    let customer = account.customer().await;
    let event = ear.wait_for(1).await.remove(0);
    assert_eq!(
        (&event["type"], &event["api_version"]),
        (&json!("customer.created"), &json!(VERSION))
    );
    assert_eq!(event["data"]["object"]["id"], customer);
    assert_eq!(event["pending_webhooks"], 1);
    assert!(text(&event, "/request/id").starts_with("req_"));
    let (signature, body) = locked(&ear.heard.letters)[0].clone();
    let at = signature.split_once(',').unwrap().0.strip_prefix("t=").unwrap().parse().unwrap();
    let body = std::str::from_utf8(&body).unwrap();
    assert_eq!(signature, account.control().sign(body, SECRET, at));
    assert!((crate::clock::unix_time().as_secs().cast_signed() - at).abs() < 60, "the real time");
    assert_eq!(account.control().events(), [body]);
    assert_eq!(account.get(&format!("events/{}", text(&event, "/id"))).await, event);
}

#[tokio::test]
async fn a_signature_can_carry_two_secrets_and_the_accounts_time() {
    let (account, ear) = listened(&[]).await;
    let webhook = json!({ "url": ear.url, "secret": SECRET, "second_secret": "whsec_old" });
    account.set(json!({ "webhook": webhook, "signature_time": "stripe" }));
    account.customer().await;
    ear.wait_for(1).await;
    let (signature, _) = locked(&ear.heard.letters)[0].clone();
    assert!(signature.starts_with(&format!("t={BEGINNING},v1=")), "{signature}");
    assert_eq!(signature.matches(",v1=").count(), 2);
}

#[tokio::test]
async fn it_is_tried_until_it_is_taken_or_the_tries_are_used_up() {
    let (account, ear) = listened(&[500, 400]).await;
    account.customer().await;
    ear.wait_for(3).await;
    let tried = || {
        let all = account.visit.sandbox.deliveries();
        all.iter().map(|delivery| (delivery.attempt, delivery.status)).collect::<Vec<_>>()
    };
    let begun = Instant::now();
    while tried().len() < 3 && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(tried(), [(1, Some(500)), (2, Some(400)), (3, Some(200))]);

    *locked(&ear.heard.statuses) = vec![500; 9];
    account.set(json!({ "tries_max": 2 }));
    account.customer().await;
    ear.wait_for(5).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(ear.events().len(), 5);
    let lost = account.get("events?delivery_success=false").await;
    assert_eq!(lost["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn registered_endpoints_hear_what_they_asked_for() {
    let account = Account::open().await;
    let ear = WebhookReceiver::answering(&[]).await;
    let form = [
        ("url", ear.url.as_str()),
        ("enabled_events[0]", "checkout.session.completed"),
        ("enabled_events[1]", "invoice.*"),
        ("api_version", VERSION),
    ];
    let made = account.post("webhook_endpoints", &form).await;
    let id = text(&made, "/id");
    let secret = text(&made, "/secret");
    let customer = account.customer().await;
    account.subscription(&customer, "prolight_pro_monthly", Card::Succeeds).await;
    ear.wait_for(5).await;
    let heard = [
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ];
    assert_eq!(ear.types(), heard);
    let (signature, body) = locked(&ear.heard.letters)[0].clone();
    let at = signature.split_once(',').unwrap().0.strip_prefix("t=").unwrap().parse().unwrap();
    assert_eq!(signature, crate::stripe::sign(&body, &[&secret], at));

    let shown = account.get(&format!("webhook_endpoints/{id}")).await;
    assert_eq!((&shown["secret"], &shown["api_version"]), (&Value::Null, &json!(VERSION)));
    account.post(&format!("webhook_endpoints/{id}"), &[("disabled", "true")]).await;
    account.pack(&customer).await;
    let path = format!("webhook_endpoints/{id}");
    let gone = taken_apart(account.request("DELETE", &path, &[]).send().await.unwrap()).await;
    assert_eq!(gone.1["deleted"], true);
    assert_eq!(account.get("webhook_endpoints").await["data"], json!([]));
    assert_eq!(ear.types(), heard);
}

#[tokio::test]
async fn deliveries_are_held_doubled_reversed_and_shuffled() {
    let (account, ear) = listened(&[]).await;
    account.set(json!({ "deliver": "held" }));
    let customer = account.customer().await;
    account.subscription(&customer, "prolight_pro_monthly", Card::Succeeds).await;
    let made = account.control().event_types();
    assert!(ear.events().is_empty());
    account.set(json!({ "deliver": "on", "order": "reverse", "copies": 2 }));
    ear.wait_for(made.len() * 2).await;
    let mut expected: Vec<String> =
        made.iter().flat_map(|kind| [kind.clone(), kind.clone()]).collect();
    expected.reverse();
    assert_eq!(ear.types(), expected);

    locked(&ear.heard.letters).clear();
    let ids: Vec<String> = account.events().iter().map(|event| text(event, "/id")).collect();
    let order = json!({ "event": ids, "times": 3, "order": { "shuffle": 5 } });
    assert_eq!(account.visit.post("/_sandbox/stripe/deliver", &order).await.status(), 200);
    ear.wait_for(ids.len() * 3).await;
    let mut heard = ear.types();
    assert_ne!(heard, expected);
    heard.sort();
    let mut thrice: Vec<String> =
        made.iter().flat_map(|kind| [kind.clone(), kind.clone(), kind.clone()]).collect();
    thrice.sort();
    assert_eq!(heard, thrice);
}

#[tokio::test]
async fn what_is_dropped_is_still_listed() {
    let (account, ear) = listened(&[]).await;
    account.set(json!({ "drop": ["checkout.session.*"] }));
    let customer = account.customer().await;
    account.pack(&customer).await;
    let made = account.control().event_types();
    ear.wait_for(made.len() - 1).await;
    assert!(!ear.types().contains(&"checkout.session.completed".to_owned()));
    let begun = Instant::now();
    let lost = loop {
        let lost = account.get("events?delivery_success=false").await;
        if lost["data"].as_array().unwrap().len() == 1 || PATIENCE < begun.elapsed() {
            break lost;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(lost["data"][0]["type"], "checkout.session.completed");
    account.set(json!({ "deliver": "off", "drop": [] }));
    account.customer().await;
    account.set(json!({ "deliver": "on" }));
    assert_eq!(
        account.get("events?delivery_success=false").await["data"][0]["type"],
        "customer.created"
    );
    let found =
        account.get("events?types[]=charge.succeeded&types[]=customer.created&limit=100").await;
    assert_eq!(found["data"].as_array().unwrap().len(), 3);
    account.control().advance(crate::stripe::Advance::Days(31)).unwrap();
    assert_eq!(account.get("events?type=charge.succeeded").await["data"], json!([]), "30 days");
}

#[tokio::test]
async fn misused_controls_say_so() {
    let account = Account::open().await;
    for (path, body) in [
        ("advance", json!({ "days": -1 })),
        ("advance", json!({ "to": 5 })),
        ("advance", json!({ "weeks": 1 })),
        ("pay", json!({ "session": "cs_test_none", "card": "4242424242424242" })),
        ("pay", json!({ "session": "x", "card": "1" })),
        ("async", json!({ "outcome": "succeed" })),
        ("refund", json!({ "charge": "ch_none" })),
        ("dispute/close", json!({ "dispute": "dp_none", "outcome": "won" })),
        ("cancel", json!({ "subscription": "sub_none" })),
        ("deliver", json!({ "event": "evt_none" })),
    ] {
        let answer = account.visit.post(&format!("/_sandbox/stripe/{path}"), &body).await;
        let (status, told) = taken_apart(answer).await;
        assert_eq!(status, 400, "{path} {body}");
        assert!(!text(&told, "/error").is_empty());
    }
    let url = format!("{}/_sandbox/stripe", account.visit.sandbox.url);
    let patch = account.visit.http.patch(&url).json(&json!({ "copies": 51 })).send().await.unwrap();
    assert_eq!(patch.status(), 400);
    let settings: Value = account.visit.get("/_sandbox/stripe").await.json().await.unwrap();
    assert_eq!(settings["copies"], 1);
}
