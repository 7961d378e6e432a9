//! The audit log is compared with its archived heads.

use domain::{
    audit::{Action, AuditEntry, AuditRecord, Head, Target},
    id::UserId,
};
use runtime::{ScheduleEvent, dispatch_schedule};
use serde_json::{Value, json};
use testing::{
    TestApp,
    cloud::{Bucket, Cloud},
    engine::TABLE,
    grants::acting_as,
};

use crate::verify_audit::{WORKER, handle};

struct Vault {
    app: TestApp,
    bucket: Bucket,
}

impl Vault {
    async fn open() -> Vault {
        Vault { app: TestApp::new(), bucket: Cloud::here().bucket().await }
    }

    async fn decide(&self, nth: u64) {
        let store = &self.app.store;
        store.record_once(&format!("deed_{nth}"), deed(nth), self.app.now()).await.unwrap();
    }

    async fn run(&self) {
        let deps = (self.app.store.clone(), self.bucket.anchors());
        let event: ScheduleEvent =
            serde_json::from_str(include_str!("../../../../events/background-verify-audit.json"))
                .unwrap();
        let run = || dispatch_schedule(&WORKER, &handle, &deps, &self.app.ambient, event);
        acting_as(WORKER.name, run).await.unwrap();
    }

    /// Sequence numbers of the archived heads.
    async fn kept(&self) -> Vec<u64> {
        let keys = self.bucket.keys().await;
        let row = |key: &String| key.rsplit('/').next().unwrap()[..12].parse().unwrap();
        keys.iter().map(row).collect()
    }

    /// Rewrites the audit log without its second record, as an attacker with table access would.
    fn rewrite(&self) {
        let mut head = Head::default();
        let rows: Vec<AuditRecord> =
            [1, 3].map(|nth| head.add(deed(nth), self.app.now())).into_iter().collect();
        for seq in 1..=3 {
            let key = json!({"pk": {"S": "AUDIT"}, "sk": {"S": format!("{seq:012}")}});
            let delete = json!({"TableName": TABLE, "Key": key});
            self.app.engine.run("DeleteItem", &delete.to_string()).unwrap();
        }
        for row in rows {
            self.put(("AUDIT", &format!("{:012}", row.seq)), &json!(row));
        }
        head.version = 9;
        self.put(("AUDIT#HEAD", "HEAD"), &json!(head));
    }

    fn put(&self, (pk, sk): (&str, &str), said: &Value) {
        let mut item: serde_json::Map<String, Value> = said
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), attribute(value)))
            .collect();
        item.insert("pk".to_owned(), json!({ "S": pk }));
        item.insert("sk".to_owned(), json!({ "S": sk }));
        let put = json!({ "TableName": TABLE, "Item": item });
        self.app.engine.run("PutItem", &put.to_string()).unwrap();
    }
}

fn deed(nth: u64) -> AuditEntry {
    let member = UserId::parse(&format!("user_{nth}")).unwrap();
    AuditEntry::of_job("background-test", Action::Ban, Target::user(&member))
}

/// JSON as DynamoDB has it.
fn attribute(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::Object(map) => {
            let map: serde_json::Map<String, Value> =
                map.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
            json!({ "M": map })
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => json!({ "S": value }),
    }
}

#[tokio::test]
async fn the_end_is_kept_every_night_once() {
    let vault = Vault::open().await;
    vault.run().await;
    assert_eq!(vault.kept().await, [] as [u64; 0], "the log is empty");
    vault.decide(1).await;
    vault.run().await;
    vault.run().await;
    assert_eq!(vault.kept().await, [1]);
    vault.decide(2).await;
    vault.decide(3).await;
    vault.run().await;
    assert_eq!(vault.kept().await, [1, 3]);
    vault.bucket.discard().await;
}

#[tokio::test]
async fn an_audit_that_was_made_anew_is_found_and_its_end_is_not_kept() {
    let vault = Vault::open().await;
    for nth in 1..=3 {
        vault.decide(nth).await;
    }
    vault.run().await;
    vault.rewrite();
    let anchors = Default::default();
    let alone = vault.app.store.verify_audit(None, &anchors).await.unwrap();
    assert_eq!((alone.verified, alone.broken), (2, None), "alone it looks intact");
    let anchors = vault.bucket.anchors().all().await.unwrap();
    let held = vault.app.store.verify_audit(None, &anchors).await.unwrap();
    assert_eq!(held.broken.map(|it| it.seq), Some(3), "an archived record is missing");
    vault.run().await;
    assert_eq!(vault.kept().await, [3], "no head is archived");
    vault.bucket.discard().await;
}
