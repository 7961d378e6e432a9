//! The audit: records in the transaction of their change, in one chain, with concurrent writers.

use domain::audit::{Action, Anchors, AuditEntry, ChainBreak, Target, Why};
use serde_json::{Value, json};
use testing::engine::Fault;

use super::*;
use crate::{AuditFilter, transaction::Committed};

impl TestApp {
    /// Writes an audit entry alone.
    async fn note(&self, name: &str, action: Action, user: &str) {
        let target = Target::user(&UserId::parse(user).unwrap());
        let deed = AuditEntry::of_job(name, action, target).with_reason("because");
        let committed = self.store.commit(Transaction::default().audit(deed, NOW)).await.unwrap();
        assert_eq!(committed, Committed::Yes);
    }

    /// The whole chain, page after page.
    async fn verified(&self) -> (u64, Option<ChainBreak>) {
        let mut after = None;
        loop {
            let part = self.store.verify_audit(after, &Anchors::default()).await.unwrap();
            match part.next_cursor {
                Some(next) => after = Some(next),
                None => return (part.verified, part.broken),
            }
        }
    }

    /// Tampers with the audit: replaces or removes an item.
    fn tamper(&self, sk: &str, change: impl FnOnce(&mut Value)) {
        let rows = self.engine.dump();
        let row = rows.iter().find(|it| it["pk"]["S"] == "AUDIT" && it["sk"]["S"] == sk);
        let mut row = row.expect("a row").clone();
        change(&mut row);
        let request = match row.is_null() {
            true => (
                "DeleteItem",
                json!({
                    "TableName": TABLE,
                    "Key": { "pk": { "S": "AUDIT" }, "sk": { "S": sk } },
                }),
            ),
            false => ("PutItem", json!({ "TableName": TABLE, "Item": row })),
        };
        self.engine.run(request.0, &request.1.to_string()).unwrap();
    }
}

fn seqs(page: &Page<domain::audit::AuditRecord>) -> Vec<u64> {
    page.items.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn rows_stand_behind_each_other_whoever_is_faster() {
    let app = TestApp::new();
    let notes = (0..20).map(|n| {
        let app = &app;
        async move { app.note(&format!("job_{n}"), Action::SendPayout, "user_1").await }
    });
    futures_util::future::join_all(notes).await;
    assert_eq!(app.verified().await, (20, None));
}

#[tokio::test]
async fn a_row_is_written_once_whatever_happens_to_its_transaction() {
    for fault in [Fault::Conflict, Fault::Throttle, Fault::LoseAnswer] {
        let app = TestApp::new();
        app.engine.order("TransactWriteItems", 1, fault);
        app.note("job", Action::Refund, "user_1").await;
        assert_eq!(app.verified().await, (1, None), "{fault:?}");
    }
}

#[tokio::test]
async fn the_first_row_that_is_not_what_it_was_is_named() {
    type Change = fn(&TestApp);
    let cases: [(&str, Change, u64, Why); 7] = [
        (
            "a reason",
            |it| it.tamper("000000000003", |row| row["reason"] = json!({"S": "x"})),
            3,
            Why::Tampered,
        ),
        (
            "no row at all",
            |it| it.tamper("000000000003", |row| row["at"] = json!({"S": "x"})),
            3,
            Why::Tampered,
        ),
        ("taken out", |it| it.tamper("000000000003", |row| *row = Value::Null), 3, Why::Missing),
        ("the last", |it| it.tamper("000000000005", |row| *row = Value::Null), 5, Why::Missing),
        (
            "put in",
            |it| it.tamper("000000000003", |row| row["sk"] = json!({"S": "000000000003x"})),
            3,
            Why::Inserted,
        ),
        (
            "put in at the end",
            |it| it.tamper("000000000003", |row| row["sk"] = json!({"S": "000000000006"})),
            6,
            Why::OutOfPlace,
        ),
        (
            "swapped",
            |it| it.tamper("000000000003", |row| row["sk"] = json!({"S": "000000000002"})),
            2,
            Why::OutOfPlace,
        ),
    ];
    for (name, tamper, seq, why) in cases {
        let app = TestApp::new();
        for n in 0..5 {
            app.note(&format!("job_{n}"), Action::Refund, "user_1").await;
        }
        tamper(&app);
        let (verified, broken) = app.verified().await;
        assert_eq!(broken.as_ref().map(|it| it.why), Some(why), "{name} {broken:?}");
        if why != Why::Inserted {
            assert_eq!((verified, broken.unwrap().seq), (seq - 1, seq), "{name}");
        }
    }
}

#[tokio::test]
async fn rows_are_found_by_who_what_and_whom() {
    let app = TestApp::new();
    for n in 0..30_u32 {
        let action = if n % 3 == 0 { Action::Refund } else { Action::SendPayout };
        let (job, user) = (format!("job_{}", n % 2), format!("user_{}", n % 5));
        app.note(&job, action, &user).await;
    }
    let size = size(4);
    let all = async |wanted: &AuditFilter| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = app.store.audit_log(wanted, size, after).await.unwrap();
            found.extend(seqs(&page));
            match page.next_cursor {
                Some(next) => after = Some(next),
                None => return found,
            }
        }
    };
    let expected = |takes: &dyn Fn(u64) -> bool| {
        (0..30).rev().filter(|n| takes(*n)).map(|n| n + 1).collect::<Vec<_>>()
    };
    let none = AuditFilter::default;
    assert_eq!(all(&none()).await, expected(&|_| true));
    let wanted = AuditFilter { actor: Some("job_1".to_owned()), ..none() };
    assert_eq!(all(&wanted).await, expected(&|n| n % 2 == 1));
    let target = Some(Target::user(&UserId::parse("user_3").unwrap()));
    let wanted = AuditFilter { target: target.clone(), ..none() };
    assert_eq!(all(&wanted).await, expected(&|n| n % 5 == 3));
    let wanted = AuditFilter { target, action: Some(Action::Refund), ..none() };
    assert_eq!(all(&wanted).await, expected(&|n| n % 5 == 3 && n % 3 == 0));
    let wanted = AuditFilter { until: Some(NOW), ..none() };
    assert_eq!(all(&wanted).await, Vec::<u64>::new());
}
