//! Scheduled runs on a bad day: beside another one, ended in the middle, and with items that cannot
//! be read at the head of a queue.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    id::{ListingId, UserId},
    marketplace::Kind,
};
use runtime::InvocationContext;
use serde_json::{Value, json};
use testing::{Fault, TestApp, engine::TABLE, listings};

use super::worker_app::WorkerApp;
use crate::{erase_data, project_metrics, rank_popular};

/// The timeout of a function that runs every minute.
const TIMEOUT: Duration = Duration::from_secs(55);

fn put(app: &TestApp, item: &Value) {
    let put = json!({ "TableName": TABLE, "Item": item });
    app.engine.run("PutItem", &put.to_string()).unwrap();
}

/// Runs a function as Lambda does, which ends it after its timeout.
async fn run(app: &TestApp, name: &'static str) -> Result<Value, String> {
    let deadline = Some(app.now().plus(TIMEOUT));
    let context = InvocationContext { deadline, ..app.ambient.clone() };
    app.invoke_in(&context, name, &json!({ "id": "run", "time": app.now() })).await
}

/// EventBridge sends an event twice, and a run dies: its views are counted once, by the first run
/// after its time.
#[tokio::test]
async fn a_run_is_alone_until_it_ends_or_its_time_is_up() {
    let app = TestApp::serving(&[crate::functions]);
    let (now, kim) = (app.now(), UserId::parse("kim").unwrap());
    let described = (Kind::LightingPreset, listings::description("Lamp", 900));
    let id = listings::draft(&app.store, (&kim, ListingId::new(now, 1)), described, now).await;
    listings::publish(&app.store, &kim, &id, now).await;
    let see = async |visitors: std::ops::Range<u32>| {
        let tally = BTreeMap::from([(id.clone(), visitors.collect())]);
        app.store.note_views(tally, app.now()).await.unwrap();
    };
    let seen = async || app.store.stats(&id).await.unwrap().unwrap().views;
    see(0..40).await;

    let name = rank_popular::WORKER.name;
    app.engine.order("TransactWriteItems", 1, Fault::HangBefore);
    let mut first = Box::pin(run(&app, name));
    assert!(app.engine.until_hung(&mut first).await.is_none(), "it is under way");
    run(&app, name).await.unwrap();
    assert_eq!(seen().await, 0, "the second does nothing beside it");
    drop(first);
    run(&app, name).await.unwrap();
    assert_eq!(seen().await, 0, "its lease lasts, although it died");
    app.ambient.clock.advance(TIMEOUT);
    run(&app, name).await.unwrap();
    assert_eq!(seen().await, 40, "its time is up");

    see(40..60).await;
    run(&app, name).await.unwrap();
    assert_eq!(seen().await, 60, "a run that ended leaves no lease");
}

/// More than a page of them, and longer due than all others.
#[tokio::test]
async fn erasures_that_cannot_be_read_hide_no_others() {
    let app = WorkerApp::studio();
    let deleted = app.post("a red chair").await;
    app.step().await;
    assert_eq!(app.images_bucket().keys().await.len(), 2);
    for number in 0..150 {
        let name = format!("generation#{number:03}");
        put(
            &app,
            &json!({
                "pk": { "S": format!("ERASURE#{name}") }, "sk": { "S": "ERASURE" },
                "gsi1pk": { "S": "ERASURES" },
                "gsi1sk": { "S": format!("2026-01-01T00:00:00.000Z#{name}") },
                "subject": { "S": "of an earlier format" },
            }),
        );
    }
    let path = format!("/api/v1/generations/{}", deleted.id);
    assert_eq!(app.client(&app.member).delete(path).await.brief(), "204");
    app.run(erase_data::WORKER.name).await.unwrap();
    assert_eq!(app.images_bucket().keys().await, Vec::<String>::new());
    app.close().await;
}

/// A run that begins to end stores its position, fails, and is continued.
#[tokio::test]
async fn a_run_without_time_is_unfinished_and_continued() {
    let app = WorkerApp::studio();
    let name = erase_data::WORKER.name;
    let deleted = app.post("a red chair").await;
    app.step().await;
    let path = format!("/api/v1/generations/{}", deleted.id);
    assert_eq!(app.client(&app.member).delete(path).await.brief(), "204");
    let context = InvocationContext { deadline: Some(app.now()), ..app.ambient.clone() };
    let event = json!({ "id": "run", "time": app.now() });
    let cut_off = app.invoke_in(&context, name, &event).await.unwrap_err();
    assert!(cut_off.contains("timed_out") || cut_off.contains("run_unfinished"), "{cut_off}");
    run(&app, name).await.unwrap();
    assert_eq!(app.images_bucket().keys().await, Vec::<String>::new());
    app.close().await;
}

/// One fact of a batch cannot be counted: the others are, and only that change fails.
#[tokio::test]
async fn one_bad_change_of_a_batch_fails_alone() {
    let app = TestApp::serving(&[crate::functions]);
    let count = async |records: &[Value]| {
        let event = json!({ "Records": records });
        app.invoke(project_metrics::WORKER.name, &event).await.unwrap()["batchItemFailures"].take()
    };
    let facts = || {
        let mut items = app.engine.dump();
        items.retain(|item| item["pk"]["S"].as_str().unwrap().starts_with("FACTS#"));
        items
    };
    for name in ["ann", "bob", "eve"] {
        app.account(&UserId::parse(name).unwrap()).await;
    }
    let batch = app.engine.stream_batch();
    let joined: Vec<Value> = batch["Records"].as_array().unwrap().to_vec();
    let of_bob = |record: &&Value| record["dynamodb"]["Keys"]["pk"]["S"] == "USER#bob";
    let bad: Vec<Value> = joined.iter().filter(of_bob).cloned().collect();
    assert_eq!(count(&bad).await, json!([]));
    let mut damaged = facts().remove(0);
    damaged["counted"] = json!({ "N": "1" });
    put(&app, &damaged);
    let failures = count(&joined).await;
    let number = &bad[0]["dynamodb"]["SequenceNumber"];
    assert_eq!(failures, json!([{ "itemIdentifier": number }]));
    assert_eq!(facts().len(), 3, "the others are counted");
}

/// The ban finds a generation that was posted a moment before, which a replica of the table does
/// not show yet.
#[tokio::test]
async fn a_generation_of_the_moment_of_a_ban_is_cancelled() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    let banned = app.store.update_account(&job.user_id, None, app.now(), |draft| {
        draft.suspend("Chargeback fraud.".to_owned(), None);
    });
    banned.await.unwrap();
    (1..=10).for_each(|nth| app.engine.order("Query", nth, Fault::Lag));
    app.store.apply_suspension(&job.user_id, app.now()).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.outcome(&job).await, "cancelled");
    assert!(app.images_bucket().keys().await.is_empty(), "nothing is drawn");
    app.close().await;
}
