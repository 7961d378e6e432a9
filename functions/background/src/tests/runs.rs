//! Scheduled runs on a bad day: beside another one, ended in the middle, and with items that cannot
//! be read at the head of a queue.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    account::AccountStatus,
    audit::{AuditChain, Target},
    id::{ListingId, UserId},
    marketplace::{Kind, community::listing_stats::ListingStats},
    time::DAY,
};
use runtime::InvocationContext;
use serde_json::{Value, json};
use testing::{Fault, TestApp, engine::TABLE, listings};

use super::worker_app::WorkerApp;
use crate::{
    erase_data, follow_sellers, index_listings, project_metrics, rank_popular, sweep_generations,
    verify_audit,
};

/// The timeout of a function.
const TIMEOUT: Duration = Duration::from_secs(55);
/// The time after which no view arrives late, and they are counted.
const SETTLED: Duration = Duration::from_secs(61);

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

fn kim() -> UserId {
    UserId::parse("kim").unwrap()
}

/// A listing of Kim's on sale.
async fn on_sale(app: &TestApp, nth: u128) -> ListingId {
    let (now, kim) = (app.now(), kim());
    let described = (Kind::LightingPreset, listings::description(&format!("Lamp {nth}"), 900));
    let id = listings::draft(&app.store, (&kim, ListingId::new(now, nth)), described, now).await;
    listings::publish(&app.store, &kim, &id, now).await;
    id
}

/// Writes down visitors of a listing, who are the only ones of a process.
async fn see(app: &TestApp, id: &ListingId, visitors: std::ops::Range<u32>) {
    let tally = BTreeMap::from([(id.clone(), visitors.collect())]);
    app.store.note_views(tally, app.now()).await.unwrap();
}

async fn stats(app: &TestApp, id: &ListingId) -> ListingStats {
    app.store.stats(id).await.unwrap().unwrap()
}

/// The number of tallies that wait.
fn waiting(app: &TestApp) -> usize {
    app.engine.dump().iter().filter(|item| item["pk"]["S"] == "VIEWS").count()
}

/// EventBridge sends an event twice, and a run dies: its views are counted once, by the first run
/// after its time.
#[tokio::test]
async fn a_run_is_alone_until_it_ends_or_its_time_is_up() {
    let app = TestApp::serving(&[crate::functions]);
    let id = on_sale(&app, 1).await;
    let seen = async || stats(&app, &id).await.views;
    see(&app, &id, 0..40).await;
    app.ambient.clock.advance(SETTLED);

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

    see(&app, &id, 40..60).await;
    app.ambient.clock.advance(SETTLED);
    run(&app, name).await.unwrap();
    assert_eq!(seen().await, 60, "a run that ended leaves no lease");
}

#[tokio::test]
async fn a_run_with_nothing_to_do_leaves_no_lease_and_no_position() {
    for name in
        [index_listings::WORKER.name, sweep_generations::WORKER.name, verify_audit::WORKER.name]
    {
        let app = TestApp::serving(&[crate::functions]);
        run(&app, name).await.unwrap();
        let mut left = app.engine.dump();
        left.retain(|item| item["pk"]["S"].as_str().unwrap().starts_with("RUN#"));
        assert!(left.is_empty(), "{name}: {left:?}");
    }
}

#[tokio::test]
async fn a_suspension_that_is_over_is_lifted_with_an_entry_in_the_audit() {
    let app = TestApp::serving(&[crate::functions]);
    let until = app.now().plus(DAY);
    let member = kim();
    let suspended = app.store.update_account(&member, None, app.now(), |update| {
        update.suspend("Spam.".to_owned(), Some(until));
    });
    suspended.await.unwrap();
    let entries = async || {
        let chain = AuditChain::of_jobs(&Target::user(&kim()));
        app.store.audit_head(chain).await.unwrap().seq
    };
    for (now, is_lifted) in [(app.now(), false), (until, true), (until, true)] {
        app.set_time(now);
        run(&app, follow_sellers::WORKER.name).await.unwrap();
        let standing = app.store.account(&kim()).await.unwrap().standing;
        assert_eq!(standing == AccountStatus::Active, is_lifted, "{now}");
        assert_eq!(entries().await, u64::from(is_lifted), "{now}");
    }
}

/// Ten minutes of a busy listing and of a quiet one, as several processes saw them.
#[tokio::test]
async fn a_run_writes_each_listing_once_however_often_it_was_seen() {
    let app = TestApp::serving(&[crate::functions]);
    let (busy, quiet) = (on_sale(&app, 1).await, on_sale(&app, 2).await);
    let before = [stats(&app, &busy).await.version, stats(&app, &quiet).await.version];
    let book = app.store.creator_book(&kim()).await.unwrap().version;
    for minute in 0..10 {
        see(&app, &busy, minute * 30..minute * 30 + 30).await;
        // Another process saw some of them, too.
        see(&app, &busy, minute * 30..minute * 30 + 40).await;
        app.ambient.clock.advance(Duration::from_secs(60));
    }
    see(&app, &quiet, 0..1).await;
    assert_eq!(waiting(&app), 21);
    app.ambient.clock.advance(SETTLED);
    run(&app, rank_popular::WORKER.name).await.unwrap();
    assert_eq!(waiting(&app), 0);
    let after = [stats(&app, &busy).await, stats(&app, &quiet).await];
    assert_eq!([&after[0], &after[1]].map(|it| it.views), [310, 1]);
    assert_eq!([&after[0], &after[1]].map(|it| it.version), before.map(|version| version + 1));
    let balance = app.store.creator_book(&kim()).await.unwrap();
    assert_eq!((balance.views, balance.version), (311, book + 1));
    let popular = app.store.popular(None).await.unwrap().unwrap();
    let ids: Vec<&ListingId> = popular.items.iter().map(|it| &it.id).collect();
    assert_eq!(ids, [&busy, &quiet], "the list is that of the views just added");

    run(&app, rank_popular::WORKER.name).await.unwrap();
    assert_eq!(stats(&app, &busy).await, after[0], "nothing is left to be added");
}

/// The views are added and their tallies are not deleted, or nobody knows whether they were added:
/// the next run adds nothing twice.
#[tokio::test]
async fn a_run_that_is_cut_off_anywhere_is_completed_by_the_next() {
    for operation in ["Query", "BatchGetItem", "TransactWriteItems", "BatchWriteItem"] {
        for fault in [Fault::Fail, Fault::LoseAnswer, Fault::HangBefore, Fault::HangAfter] {
            let app = TestApp::serving(&[crate::functions]);
            let (one, other) = (on_sale(&app, 1).await, on_sale(&app, 2).await);
            see(&app, &one, 0..5).await;
            see(&app, &other, 0..3).await;
            app.ambient.clock.advance(Duration::from_secs(10));
            see(&app, &one, 3..9).await;
            app.ambient.clock.advance(SETTLED);
            let name = rank_popular::WORKER.name;
            // The SDK tries three times.
            (1..=3).for_each(|nth| app.engine.order(operation, nth, fault));
            let first = app.engine.until_hung(run(&app, name)).await;
            assert!(!matches!(first, Some(Ok(_))), "{operation} {fault:?}");
            app.engine.clear_faults();
            app.ambient.clock.advance(TIMEOUT);
            run(&app, name).await.unwrap();
            let views = [stats(&app, &one).await.views, stats(&app, &other).await.views];
            assert_eq!(views, [9, 3], "{operation} {fault:?}");
            let balance = app.store.creator_book(&kim()).await.unwrap();
            assert_eq!(balance.views, 12, "{operation} {fault:?}");
            assert_eq!(waiting(&app), 0, "{operation} {fault:?}");
        }
    }
}

/// A run without time stores that it is unfinished, and what it did not add is added later.
#[tokio::test]
async fn views_that_a_run_has_no_time_for_are_added_by_the_next() {
    let app = TestApp::serving(&[crate::functions]);
    let id = on_sale(&app, 1).await;
    see(&app, &id, 0..5).await;
    app.ambient.clock.advance(SETTLED);
    let name = rank_popular::WORKER.name;
    let context = InvocationContext { deadline: Some(app.now()), ..app.ambient.clone() };
    let event = json!({ "id": "run", "time": app.now() });
    let cut_off = app.invoke_in(&context, name, &event).await.unwrap_err();
    assert!(cut_off.contains("timed_out") || cut_off.contains("run_unfinished"), "{cut_off}");
    assert_eq!((stats(&app, &id).await.views, waiting(&app)), (0, 1));
    run(&app, name).await.unwrap();
    assert_eq!((stats(&app, &id).await.views, waiting(&app)), (5, 0));
}

/// The visitors of one listing are damaged, and so is a tally: all others are counted, and the
/// lists are written. Once the listing is mended, its views are added as those of their day.
#[tokio::test]
async fn a_listing_that_cannot_be_counted_waits_and_keeps_no_other() {
    let app = TestApp::serving(&[crate::functions]);
    let (good, bad) = (on_sale(&app, 1).await, on_sale(&app, 2).await);
    let name = rank_popular::WORKER.name;
    let key = json!({ "pk": { "S": format!("LISTING#{bad}") }, "sk": { "S": "VISITORS" } });
    let mut damaged = key.clone();
    damaged["seen"] = json!({ "S": "damaged" });
    put(&app, &damaged);
    let tally = json!({
        "pk": { "S": "VIEWS" }, "sk": { "S": "2020-01-01T00:00:00.000Z#0" },
        "visitors": { "S": "damaged" },
    });
    put(&app, &tally);
    let seen_at = app.now();
    see(&app, &bad, 0..5).await;
    see(&app, &good, 0..3).await;
    for _ in 0..2 {
        app.ambient.clock.advance(SETTLED);
        run(&app, name).await.unwrap();
        assert_eq!(stats(&app, &good).await.views, 3);
        assert_eq!(stats(&app, &bad).await.views, 0);
        assert_eq!(waiting(&app), 2, "the damaged tally, and what was put aside");
        let popular = app.store.popular(None).await.unwrap().unwrap();
        assert_eq!((popular.as_of, popular.items.len()), (app.now(), 2));
    }

    app.ambient.clock.advance(DAY);
    see(&app, &bad, 0..2).await;
    app.ambient.clock.advance(SETTLED);
    let delete = json!({ "TableName": TABLE, "Key": key });
    app.engine.run("DeleteItem", &delete.to_string()).unwrap();
    for _ in 0..2 {
        run(&app, name).await.unwrap();
        assert_eq!(stats(&app, &bad).await.views, 7);
        let balance = app.store.creator_book(&kim()).await.unwrap();
        let of = |at: domain::Timestamp| balance.days[&at.date()].views;
        assert_eq!((balance.views, of(seen_at), of(app.now())), (10, 8, 2));
        assert_eq!(waiting(&app), 1);
    }
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
