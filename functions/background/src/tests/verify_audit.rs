//! The chains of the audit log are compared with their archived heads.

use domain::{
    account::Role,
    audit::{Action, Actor, Anchors, AuditChain, AuditEntry, AuditRecord, Head, Target},
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

    /// Adds the nth entry of a chain.
    async fn add(&self, chain: AuditChain, nth: u64) {
        let (name, entry) = (format!("{chain}_{nth}"), entry(chain, nth));
        self.app.store.record_once(&name, entry, self.app.now()).await.unwrap();
    }

    async fn run(&self) {
        self.app.run(WORKER.name).await.unwrap();
    }

    /// Sequence numbers of the archived heads of a chain.
    async fn archived(&self, chain: AuditChain) -> Vec<u64> {
        let keys = self.app.records_bucket().keys().await;
        let folder = match chain {
            AuditChain::Staff => String::new(),
            AuditChain::Jobs(_) => format!("{chain}/"),
        };
        let of_day = keys.iter().filter_map(|key| key.strip_prefix("audit/")?.split_once('/'));
        let own = of_day.filter_map(|(_, name)| name.strip_prefix(&*folder));
        own.filter(|name| !name.contains('/')).map(|name| name[..12].parse().unwrap()).collect()
    }

    /// Rewrites a chain without its second record, as an attacker with table access would.
    fn rewrite(&self, chain: AuditChain) {
        let (pk, sk) = match chain {
            AuditChain::Staff => ("AUDIT".to_owned(), "HEAD".to_owned()),
            AuditChain::Jobs(shard) => (format!("AUDIT#JOBS#{shard}"), format!("JOBS#{shard}")),
        };
        let mut head = Head::new(chain);
        let rows: Vec<AuditRecord> =
            [1, 3].map(|nth| head.add(entry(chain, nth), self.app.now())).into_iter().collect();
        for seq in 1..=3 {
            let key = json!({"pk": {"S": pk}, "sk": {"S": format!("{seq:012}")}});
            let delete = json!({"TableName": TABLE, "Key": key});
            self.app.engine.run("DeleteItem", &delete.to_string()).unwrap();
        }
        for row in rows {
            self.put((&pk, &format!("{:012}", row.seq)), &json!(row));
        }
        head.version = 9;
        self.put(("AUDIT#HEAD", &sk), &json!(head));
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

/// All entries of a chain are about one member: the target decides on the chain of a job.
fn entry(chain: AuditChain, nth: u64) -> AuditEntry {
    let target = Target::user(&UserId::parse("kim").unwrap());
    let entry = match chain {
        AuditChain::Staff => {
            let actor = Actor::Staff { user_id: UserId::parse("ada").unwrap(), role: Role::Admin };
            AuditEntry::new(actor, Action::Ban, target)
        }
        AuditChain::Jobs(_) => AuditEntry::of_job("background-test", Action::Unban, target),
    };
    entry.with_reason(&format!("Entry {nth}."))
}

/// The chain of staff, and the one of jobs that [`entry`] is about.
fn chains() -> [AuditChain; 2] {
    let target = Target::user(&UserId::parse("kim").unwrap());
    [AuditChain::Staff, AuditChain::of_jobs(&target)]
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
async fn the_head_of_each_chain_is_archived_once_a_night() {
    let audited = AuditedApp::new();
    audited.run().await;
    assert_eq!(audited.app.records_bucket().keys().await, [""; 0], "the log is empty");
    let [staff, jobs] = chains();
    audited.add(staff, 1).await;
    audited.run().await;
    audited.run().await;
    assert_eq!(audited.archived(staff).await, [1]);
    assert_eq!(audited.archived(jobs).await, [] as [u64; 0]);
    for nth in 2..=3 {
        audited.add(staff, nth).await;
        audited.add(jobs, nth).await;
    }
    audited.run().await;
    assert_eq!(audited.archived(staff).await, [1, 3]);
    assert_eq!(audited.archived(jobs).await, [2]);
}

#[tokio::test]
async fn a_rewritten_chain_is_detected_and_only_its_head_is_not_archived() {
    for altered in chains() {
        let audited = AuditedApp::new();
        for chain in chains() {
            for nth in 1..=3 {
                audited.add(chain, nth).await;
            }
        }
        audited.run().await;
        audited.rewrite(altered);
        let verify = async |anchors: Anchors| {
            audited.app.store.verify_audit(altered, None, &anchors).await.unwrap()
        };
        let alone = verify(Anchors::default()).await;
        assert_eq!((alone.verified, alone.broken), (2, None), "alone it looks intact");
        let anchors = audited.app.records_bucket().anchors().all().await.unwrap();
        let compared = verify(anchors[&altered].clone()).await;
        assert_eq!(compared.broken.map(|it| it.seq), Some(3), "an archived record is missing");
        for chain in chains() {
            audited.add(chain, 4).await;
        }
        audited.run().await;
        for chain in chains() {
            let expected: &[u64] = if chain == altered { &[3] } else { &[3, 4] };
            assert_eq!(audited.archived(chain).await, expected, "{chain}");
        }
    }
}

/// Heads that were archived before jobs had chains are those of the chain of staff.
#[tokio::test]
async fn heads_from_before_are_those_of_the_chain_of_staff() {
    let audited = AuditedApp::new();
    let [staff, _] = chains();
    audited.add(staff, 1).await;
    audited.run().await;
    let keys = audited.app.records_bucket().keys().await;
    assert!(keys[0].starts_with(&format!("audit/{}/000000000001-", audited.app.now().date())));
    let anchors = audited.app.records_bucket().anchors().all().await.unwrap();
    assert_eq!(anchors.into_keys().collect::<Vec<_>>(), [staff]);
}
