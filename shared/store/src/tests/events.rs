//! Stripe's events: applied once, parked until they are replayed.

use domain::{ErrorKind, billing::external::EventId};

use super::*;
use crate::{AppliedEvent, EVENTS_REMEMBERED, PARKED_BODY_MAX, ParkedEvent};

pub(super) fn event(id: &str) -> AppliedEvent {
    AppliedEvent { id: EventId::parse(id).unwrap(), kind: "invoice.paid".to_owned() }
}

impl TestApp {
    async fn park(&self, id: Option<&str>, body: &str, now: Timestamp) {
        let id = id.map(|id| EventId::parse(id).unwrap());
        let why = "no such field";
        self.store.park_event(id.as_ref(), "invoice.paid", body, why, now).await.unwrap();
    }

    async fn parked(&self) -> Vec<String> {
        let parked = self.store.parked_events(None, 100).await.unwrap().items;
        parked.into_iter().map(|event| event.id).collect()
    }

    /// The only item of the table with this attribute.
    fn item_with(&self, attribute: &str) -> serde_json::Value {
        let mut items = self.engine.dump();
        items.retain(|item| item.get(attribute).is_some());
        let [item] = &items[..] else { panic!("{items:?}") };
        item.clone()
    }
}

#[tokio::test]
async fn an_event_that_was_applied_is_remembered_for_a_while() {
    let app = TestApp::new();
    let event = event("evt_1");
    assert!(!app.store.event_applied(&event.id).await.unwrap());
    app.engine.take_usage();
    app.store.mark_event(&event, NOW).await.unwrap();
    assert_eq!(app.engine.take_usage().write_units, 1.0);
    app.store.mark_event(&event, NOW.plus(DAY)).await.unwrap();
    assert!(app.store.event_applied(&event.id).await.unwrap());
    let ends = NOW.plus(EVENTS_REMEMBERED).as_secs().to_string();
    assert_eq!(app.item_with("applied_at")["expires_at"]["N"], ends);
}

/// In the order that was asked, and a mark that cannot be read hides no other.
#[tokio::test]
async fn which_of_a_page_of_events_were_applied_is_one_trip() {
    let app = TestApp::new();
    let [applied, never, parked, damaged] = ["evt_4", "evt_3", "evt_2", "evt_1"].map(event);
    app.store.mark_event(&applied, NOW).await.unwrap();
    app.park(Some("evt_2"), "{}", NOW).await;
    let item = serde_json::json!({
        "pk": { "S": "EVENT#evt_1" }, "sk": { "S": "EVENT" }, "state": { "N": "1" },
    });
    let put = serde_json::json!({ "TableName": TABLE, "Item": item });
    app.engine.run("PutItem", &put.to_string()).unwrap();
    app.engine.take_usage();
    let ids = [never, parked, damaged, applied].map(|event| event.id);
    let found = app.store.events_applied(&ids).await.unwrap();
    assert_eq!(found, [false, false, false, true]);
    assert_eq!(app.engine.take_usage().round_trips(), 1);
    assert_eq!(app.store.events_applied(&[]).await.unwrap(), [false; 0]);
}

#[tokio::test]
async fn an_event_is_parked_once_as_it_came_and_forgotten_when_it_was_replayed() {
    let app = TestApp::new();
    let body = "{\"id\": \"evt_1\",\n \"\u{fc}\": 1.50}";
    app.park(Some("evt_1"), body, NOW).await;
    app.park(Some("evt_1"), "another", NOW.plus(DAY)).await;
    let expected = ParkedEvent {
        id: "evt_1".to_owned(),
        kind: "invoice.paid".to_owned(),
        body: body.to_owned(),
        why: "no such field".to_owned(),
        received_at: NOW,
    };
    assert_eq!(app.store.parked_events(None, 100).await.unwrap().items, [expected]);
    assert!(!app.store.event_applied(&event("evt_1").id).await.unwrap());
    assert!(app.item_with("body").get("expires_at").is_none(), "it does not expire");

    app.store.unpark_event("evt_1").await.unwrap();
    app.store.unpark_event("evt_1").await.unwrap();
    assert_eq!(app.engine.dump().len(), 0);
}

#[tokio::test]
async fn an_event_without_a_name_is_named_by_its_body() {
    let app = TestApp::new();
    for (n, body) in ["a", "b", "a"].into_iter().enumerate() {
        app.park(None, body, NOW.plus(SECOND * u32::try_from(n).unwrap())).await;
    }
    let parked = app.store.parked_events(None, 100).await.unwrap().items;
    assert_eq!(parked.iter().map(|event| event.body.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(parked.iter().all(|event| event.id.len() == "sha256_".len() + 64));
    app.store.unpark_event(&parked[0].id).await.unwrap();
    assert_eq!(app.parked().await, [parked[1].id.clone()]);
}

#[tokio::test]
async fn a_parked_event_that_is_applied_is_parked_no_longer_and_an_applied_one_is_not_parked() {
    let app = TestApp::new();
    app.park(Some("evt_1"), "body", NOW).await;
    app.store.mark_event(&event("evt_1"), NOW).await.unwrap();
    assert_eq!(app.parked().await, [""; 0]);
    assert!(app.store.event_applied(&event("evt_1").id).await.unwrap());

    app.park(Some("evt_1"), "body", NOW).await;
    assert_eq!(app.parked().await, [""; 0]);
    app.store.unpark_event("evt_1").await.unwrap();
    assert!(app.store.event_applied(&event("evt_1").id).await.unwrap(), "it stays remembered");
}

#[tokio::test]
async fn parked_events_come_longest_waiting_first_and_not_too_many() {
    let app = TestApp::new();
    for n in [3u32, 1, 2] {
        app.park(Some(&format!("evt_{n}")), "body", NOW.plus(SECOND * n)).await;
    }
    assert_eq!(app.parked().await, ["evt_1", "evt_2", "evt_3"]);
    let two = app.store.parked_events(None, 2).await.unwrap().items;
    assert_eq!(two.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["evt_1", "evt_2"]);
}

#[tokio::test]
async fn the_longest_body_is_kept_and_a_longer_one_is_refused() {
    let app = TestApp::new();
    let body = "x".repeat(PARKED_BODY_MAX);
    app.park(None, &body, NOW).await;
    assert_eq!(app.store.parked_events(None, 1).await.unwrap().items[0].body, body);
    let longer = format!("{body}x");
    let refused = app.store.park_event(None, "kind", &longer, "why", NOW).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::TooLarge, "event_too_large"));
}

#[tokio::test]
async fn the_checkpoint_never_goes_back() {
    let app = TestApp::new();
    let store = &app.store;
    assert_eq!(store.events_checkpoint().await.unwrap(), None);
    for (at, expected) in [(NOW, NOW), (NOW.minus(SECOND), NOW), (NOW.plus(DAY), NOW.plus(DAY))] {
        store.set_events_checkpoint(at).await.unwrap();
        assert_eq!(store.events_checkpoint().await.unwrap(), Some(expected));
    }
}
