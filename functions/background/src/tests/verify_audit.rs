//! The audit log is compared with its archived heads.

use domain::{
    audit::{Action, AuditEntry, AuditRecord, Head, Target},
    id::UserId,
};
use serde_json::{Value, json};
use testing::{TestApp, engine::TABLE};

use crate::verify_audit::WORKER;

/// An app with an audit log.
struct AuditedApp {
    app: TestApp,
}

impl AuditedApp {
    fn new() -> AuditedApp {
        AuditedApp { app: TestApp::serving(&[crate::functions]) }
    }

    async fn decide(&self, nth: u64) {
        let store = &self.app.store;
        store.record_once(&format!("entry_{nth}"), entry(nth), self.app.now()).await.unwrap();
    }

    async fn run(&self) {
        self.app.run(WORKER.name).await.unwrap();
    }

    /// Sequence numbers of the archived heads.
    async fn archived(&self) -> Vec<u64> {
        let keys = self.app.records_bucket().keys().await;
        let row = |key: &String| key.rsplit('/').next().unwrap()[..12].parse().unwrap();
        keys.iter().map(row).collect()
    }

    /// Rewrites the audit log without its second record, as an attacker with table access would.
    fn rewrite(&self) {
        let mut head = Head::default();
        let rows: Vec<AuditRecord> =
            [1, 3].map(|nth| head.add(entry(nth), self.app.now())).into_iter().collect();
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

    fn put(&self, (pk, sk): (&str, &str), content: &Value) {
        let mut item: serde_json::Map<String, Value> = content
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

fn entry(nth: u64) -> AuditEntry {
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
async fn the_head_is_archived_once_a_night() {
    let audited = AuditedApp::new();
    audited.run().await;
    assert_eq!(audited.archived().await, [] as [u64; 0], "the log is empty");
    audited.decide(1).await;
    audited.run().await;
    audited.run().await;
    assert_eq!(audited.archived().await, [1]);
    audited.decide(2).await;
    audited.decide(3).await;
    audited.run().await;
    assert_eq!(audited.archived().await, [1, 3]);
}

#[tokio::test]
async fn a_rewritten_audit_log_is_detected_and_its_head_is_not_archived() {
    let audited = AuditedApp::new();
    for nth in 1..=3 {
        audited.decide(nth).await;
    }
    audited.run().await;
    audited.rewrite();
    let anchors = Default::default();
    let alone = audited.app.store.verify_audit(None, &anchors).await.unwrap();
    assert_eq!((alone.verified, alone.broken), (2, None), "alone it looks intact");
    let anchors = audited.app.records_bucket().anchors().all().await.unwrap();
    let compared = audited.app.store.verify_audit(None, &anchors).await.unwrap();
    assert_eq!(compared.broken.map(|it| it.seq), Some(3), "an archived record is missing");
    audited.run().await;
    assert_eq!(audited.archived().await, [3], "no head is archived");
}
