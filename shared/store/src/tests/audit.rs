//! The audit: records in the transaction of their change, in the chains of staff and of jobs, with
//! concurrent writers.

use domain::{
    account::Role,
    audit::{
        Action, Actor, Anchors, AuditChain, AuditChains, AuditEntry, AuditRecord, ChainBreak, Head,
        Target, Why,
    },
};
use serde_json::{Value, json};
use testing::engine::Fault;

use super::*;
use crate::{
    AuditFilter, ChainRecord,
    condition::Condition,
    keys::{audit_chain_pk, set_index_key},
    table::encode,
    transaction::{Committed, ItemKind},
};

/// The target of most entries.
const USER: &str = "user_1";

impl TestApp {
    /// Writes an audit entry of a job alone.
    async fn note(&self, name: &str, action: Action, user: &str) {
        self.add_entry(AuditEntry::of_job(name, action, on(user))).await;
    }

    /// Writes an audit entry of a staff member alone.
    async fn decide_on(&self, staff: &str, action: Action, user: &str) {
        self.add_entry(by_staff(staff, action, user)).await;
    }

    async fn add_entry(&self, entry: AuditEntry) {
        let writes = Transaction::default().audit(entry.with_reason("because"), NOW);
        assert_eq!(self.store.commit(writes).await.unwrap(), Committed::Yes);
    }

    /// A whole chain, page after page.
    async fn verified(&self, chain: AuditChain) -> (u64, Option<ChainBreak>) {
        let mut after = None;
        loop {
            let part = self.store.verify_audit(chain, after, &Anchors::default()).await.unwrap();
            match part.next_cursor {
                Some(next) => after = Some(next),
                None => return (part.verified, part.broken),
            }
        }
    }

    /// The records that a filter takes, page after page.
    async fn audit_found(&self, wanted: &AuditFilter, most: u16) -> Vec<ChainRecord> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.audit_log(wanted, size(most), after).await.unwrap();
            assert!(page.items.len() <= usize::from(most));
            found.extend(page.items);
            match page.next_cursor {
                Some(next) => after = Some(next),
                None => return found,
            }
        }
    }

    /// Tampers with a chain: replaces or removes an item.
    fn tamper(&self, chain: AuditChain, sk: &str, change: impl FnOnce(&mut Value)) {
        let (rows, pk) = (self.engine.dump(), audit_chain_pk(chain));
        let row = rows.iter().find(|it| it["pk"]["S"] == *pk && it["sk"]["S"] == sk);
        let mut row = row.expect("a row").clone();
        change(&mut row);
        let request = match row.is_null() {
            true => (
                "DeleteItem",
                json!({
                    "TableName": TABLE,
                    "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
                }),
            ),
            false => ("PutItem", json!({ "TableName": TABLE, "Item": row })),
        };
        self.engine.run(request.0, &request.1.to_string()).unwrap();
    }
}

fn on(user: &str) -> Target {
    Target::user(&UserId::parse(user).unwrap())
}

fn by_staff(staff: &str, action: Action, user: &str) -> AuditEntry {
    let actor = Actor::Staff { user_id: UserId::parse(staff).unwrap(), role: Role::Admin };
    AuditEntry::new(actor, action, on(user))
}

/// The chain of jobs for the usual target.
fn of_jobs() -> AuditChain {
    AuditChain::of_jobs(&on(USER))
}

fn seqs(found: &[ChainRecord]) -> Vec<u64> {
    found.iter().map(|it| it.record.seq).collect()
}

#[tokio::test]
async fn rows_stand_behind_each_other_whoever_is_faster() {
    let app = TestApp::new();
    let notes = (0..20).map(|n| {
        let app = &app;
        async move {
            app.note(&format!("job_{n}"), Action::SendPayout, USER).await;
            app.decide_on("ada", Action::Ban, USER).await;
        }
    });
    futures_util::future::join_all(notes).await;
    assert_eq!(app.verified(of_jobs()).await, (20, None));
    assert_eq!(app.verified(AuditChain::Staff).await, (20, None));
}

#[tokio::test]
async fn a_row_is_written_once_whatever_happens_to_its_transaction() {
    for fault in [Fault::Conflict, Fault::Throttle, Fault::LoseAnswer] {
        let app = TestApp::new();
        app.engine.order("TransactWriteItems", 1, fault);
        app.note("job", Action::Refund, USER).await;
        assert_eq!(app.verified(of_jobs()).await, (1, None), "{fault:?}");
    }
}

/// A decision of staff and what a job does about it are written together, each in its chain.
#[tokio::test]
async fn one_transaction_adds_to_several_chains_or_to_none() {
    let app = TestApp::new();
    let users: Vec<String> = (0..20).map(|n| format!("user_{n}")).collect();
    let entries = |reason: &str| {
        let jobs = users.iter().map(|it| AuditEntry::of_job("payouts", Action::PayoutSent, on(it)));
        let staff = (0..2).map(|_| by_staff("ada", Action::Refund, USER));
        staff.chain(jobs).map(|it| it.with_reason(reason)).collect::<Vec<_>>()
    };
    let writes = Transaction::default().audit_all(entries("one"), NOW);
    assert_eq!(app.store.commit(writes).await.unwrap(), Committed::Yes);
    let missing = Key::account(&UserId::parse(USER).unwrap());
    let refused = Transaction::default().audit_all(entries("other"), NOW);
    let refused = refused.delete(ItemKind::Account, missing, Condition::exists());
    let refused = app.store.commit(refused).await.unwrap();
    assert_eq!(refused, Committed::Conflict(vec![ItemKind::Account]));
    assert_eq!(app.verified(AuditChain::Staff).await, (2, None));
    let (mut total, mut used) = (0, 0);
    for chain in AuditChains::Jobs.each() {
        let (verified, broken) = app.verified(chain).await;
        assert_eq!(broken, None, "{chain}");
        total += verified;
        used += u32::from(verified > 0);
    }
    assert_eq!(total, 20);
    assert!(used > 3, "the targets are spread: {used}");
}

/// A table from before jobs had chains: theirs are in that of staff, which continues.
#[tokio::test]
async fn an_old_chain_continues_as_that_of_staff() {
    let app = TestApp::new();
    let mut head = Head::default();
    for nth in 0..3 {
        let entry = AuditEntry::of_job(&format!("old_{nth}"), Action::SendPayout, on(USER));
        let record: AuditRecord = head.add(entry, NOW);
        let mut item = encode(&Key::audit(AuditChain::Staff, record.seq), &record).unwrap();
        let place = (format!("AUDIT#user#{USER}"), format!("{:012}", record.seq));
        set_index_key(&mut item, Some(place));
        assert!(app.store.put_item(item, Condition::absent()).await.unwrap());
    }
    head.version = 3;
    let item = encode(&Key::audit_head(AuditChain::Staff), &head).unwrap();
    assert!(app.store.put_item(item, Condition::absent()).await.unwrap());

    app.note("new", Action::SendPayout, USER).await;
    app.decide_on("ada", Action::Ban, USER).await;
    assert_eq!(app.verified(AuditChain::Staff).await, (4, None));
    assert_eq!(app.verified(of_jobs()).await, (1, None));
    for target in [None, Some(on(USER))] {
        let wanted = AuditFilter { target, ..AuditFilter::default() };
        let mut found = app.audit_found(&wanted, 2).await;
        found.sort_by_key(|it| (it.chain, it.record.seq));
        assert_eq!(seqs(&found), [1, 2, 3, 4, 1], "{wanted:?}");
    }
}

#[tokio::test]
async fn the_first_row_that_is_not_what_it_was_is_named() {
    type Change = fn(&TestApp, AuditChain);
    let cases: [(&str, Change, u64, Why); 7] = [
        (
            "a reason",
            |it, at| it.tamper(at, "000000000003", |row| row["reason"] = json!({"S": "x"})),
            3,
            Why::Tampered,
        ),
        (
            "no row at all",
            |it, at| it.tamper(at, "000000000003", |row| row["at"] = json!({"S": "x"})),
            3,
            Why::Tampered,
        ),
        (
            "taken out",
            |it, at| it.tamper(at, "000000000003", |row| *row = Value::Null),
            3,
            Why::Missing,
        ),
        (
            "the last",
            |it, at| it.tamper(at, "000000000005", |row| *row = Value::Null),
            5,
            Why::Missing,
        ),
        (
            "put in",
            |it, at| it.tamper(at, "000000000003", |row| row["sk"] = json!({"S": "000000000003x"})),
            3,
            Why::Inserted,
        ),
        (
            "put in at the end",
            |it, at| it.tamper(at, "000000000003", |row| row["sk"] = json!({"S": "000000000006"})),
            6,
            Why::OutOfPlace,
        ),
        (
            "swapped",
            |it, at| it.tamper(at, "000000000003", |row| row["sk"] = json!({"S": "000000000002"})),
            2,
            Why::OutOfPlace,
        ),
    ];
    for (name, tamper, seq, why) in cases {
        for chain in [AuditChain::Staff, of_jobs()] {
            let app = TestApp::new();
            for n in 0..5 {
                app.note(&format!("job_{n}"), Action::Refund, USER).await;
                app.decide_on("ada", Action::Refund, USER).await;
            }
            tamper(&app, chain);
            let (verified, broken) = app.verified(chain).await;
            assert_eq!(broken.as_ref().map(|it| it.why), Some(why), "{name} {broken:?}");
            if why != Why::Inserted {
                assert_eq!((verified, broken.unwrap().seq), (seq - 1, seq), "{name}");
            }
            for other in AuditChains::All.each().into_iter().filter(|it| *it != chain) {
                assert_eq!(app.verified(other).await.1, None, "{name}: {other} is intact");
            }
        }
    }
}

/// Chains look alike, but one cannot take the place of another.
#[tokio::test]
async fn a_chain_in_the_place_of_another_is_found() {
    let app = TestApp::new();
    app.note("job", Action::Refund, USER).await;
    let other = AuditChains::Jobs.each().into_iter().find(|it| *it != of_jobs()).unwrap();
    app.tamper(of_jobs(), "000000000001", |row| row["pk"] = json!({"S": audit_chain_pk(other)}));
    let (verified, broken) = app.verified(other).await;
    assert_eq!((verified, broken.map(|it| it.why)), (0, Some(Why::Tampered)));
}

#[tokio::test]
async fn all_chains_are_verified_one_after_the_other() {
    let app = TestApp::new();
    for n in 0..3 {
        app.note("job", Action::Refund, USER).await;
        app.decide_on("ada", Action::Refund, &format!("user_{n}")).await;
    }
    let all = async || {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let part = app.store.verify_audit_chains(AuditChains::All, after).await.unwrap();
            seen.push((part.chain, part.verified, part.broken.is_some()));
            match part.next_cursor {
                Some(next) => after = Some(next),
                None => return seen,
            }
        }
    };
    let expected = AuditChains::All.each().into_iter().map(|chain| {
        let holds = chain == AuditChain::Staff || chain == of_jobs();
        (chain, if holds { 3 } else { 0 }, false)
    });
    assert_eq!(all().await, expected.collect::<Vec<_>>());
    app.tamper(of_jobs(), "000000000002", |row| *row = Value::Null);
    assert_eq!(all().await.last(), Some(&(of_jobs(), 1, true)), "it ends at the broken one");
    for wrong in ["3:abc", "jobs_99:", "staff"] {
        let wrong = Some(Cursor(wrong.to_owned()));
        let refused = app.store.verify_audit_chains(AuditChains::All, wrong).await;
        assert_eq!(code(refused), "invalid_cursor");
    }
}

#[tokio::test]
async fn rows_are_found_by_who_what_and_whom() {
    let app = TestApp::new();
    for n in 0..30_u32 {
        let action = if n % 3 == 0 { Action::Refund } else { Action::SendPayout };
        let (staff, user) = (format!("staff_{}", n % 2), format!("user_{}", n % 5));
        app.decide_on(&staff, action, &user).await;
    }
    let all = async |wanted: &AuditFilter| seqs(&app.audit_found(wanted, 4).await);
    let expected = |takes: &dyn Fn(u64) -> bool| {
        (0..30).rev().filter(|n| takes(*n)).map(|n| n + 1).collect::<Vec<_>>()
    };
    let none = AuditFilter::default;
    assert_eq!(all(&none()).await, expected(&|_| true));
    let wanted = AuditFilter { actor: Some("staff_1".to_owned()), ..none() };
    assert_eq!(all(&wanted).await, expected(&|n| n % 2 == 1));
    let target = Some(on("user_3"));
    let wanted = AuditFilter { target: target.clone(), ..none() };
    assert_eq!(all(&wanted).await, expected(&|n| n % 5 == 3));
    let wanted = AuditFilter { target, action: Some(Action::Refund), ..none() };
    assert_eq!(all(&wanted).await, expected(&|n| n % 5 == 3 && n % 3 == 0));
    let wanted = AuditFilter { until: Some(NOW), ..none() };
    assert_eq!(all(&wanted).await, Vec::<u64>::new());
}

/// Several chains are one list by time, whatever the size of its pages; each record is in it once.
#[tokio::test]
async fn chains_are_listed_together_by_time() {
    let app = TestApp::new();
    for n in 0..60_u32 {
        let user = format!("user_{}", n % 9);
        let entry = match n % 10 {
            0 => by_staff("ada", Action::Ban, &user),
            _ => AuditEntry::of_job("payouts", Action::PayoutPaid, on(&user)),
        };
        let at = NOW.plus(Duration::from_secs(u64::from(n)));
        let committed = app.store.commit(Transaction::default().audit(entry, at)).await.unwrap();
        assert_eq!(committed, Committed::Yes);
    }
    for (chains, count) in
        [(AuditChains::All, 60), (AuditChains::Staff, 6), (AuditChains::Jobs, 54)]
    {
        for most in [1, 7, 100] {
            let found =
                app.audit_found(&AuditFilter { chains, ..AuditFilter::default() }, most).await;
            assert_eq!(found.len(), count, "{chains:?} {most}");
            assert!(
                found.is_sorted_by(|one, next| one.record.at > next.record.at),
                "{chains:?} {most}"
            );
        }
    }
    let wanted = AuditFilter { target: Some(on("user_0")), ..AuditFilter::default() };
    let about = app.audit_found(&wanted, 2).await;
    assert_eq!(about.len(), 7);
    assert!(about.is_sorted_by(|one, next| one.record.at > next.record.at));
    let first = app.store.audit_log(&AuditFilter::default(), size(5), None).await.unwrap();
    let staff = AuditFilter { chains: AuditChains::Staff, ..AuditFilter::default() };
    let refused = app.store.audit_log(&staff, size(5), first.next_cursor).await;
    assert_eq!(code(refused), "invalid_cursor", "of another list");
}
