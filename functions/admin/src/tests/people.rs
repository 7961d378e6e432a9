//! Members in the view of admins: searched, granted, suspended, and all of it audited.

use domain::{
    account::EmailClaim,
    audit::{Action, AuditEntry, Target},
    id::UserId,
    marketplace::listing::State,
    plan::Plan,
    time::DAY,
};
use serde_json::Value;

use super::*;

const USERS: &str = "/api/v1/admin/users";
const AUDIT: &str = "/api/v1/admin/audit";

/// Where admins act on a member: `ban` or `unban` them, change their `credits` or `limits`.
fn user_path(member: &Actor, action: &str) -> String {
    format!("{USERS}/{}/{action}", member.id)
}

/// A change of a member's credits.
fn adjustment<'a>(by: &Client<'a>, member: &Actor, amount: i64) -> ClientRequest<'a> {
    by.post(user_path(member, "credits")).json(with_reason(json!({ "amount": amount })))
}

fn with_reason(mut body: Value) -> Value {
    body["reason"] = json!("As agreed.");
    body
}

/// Asserts that the audit's chain is intact, and returns its number of records.
async fn audit_length(app: &TestApp) -> Value {
    let answer = app.client(&Actor::admin()).get(AUDIT).query("verify", true).await.json();
    assert_eq!((&answer["broken"], &answer["next_cursor"]), (&json!(null), &json!(null)));
    answer["verified"].clone()
}

/// The audit records with this property.
async fn audit(app: &TestApp, name: &str, value: &str) -> Vec<Value> {
    let page = app.client(&Actor::admin()).get(AUDIT).query(name, value).await.json();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn credits_are_granted_and_removed_once_for_a_key() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    let adjust = |amount: i64, key: &str| adjustment(&admin, &kim, amount).key(key);
    for _ in 0..2 {
        let answer = adjust(25, "a").await;
        assert_eq!((answer.status(), &answer.json()["credits"]["available"]), (200, &json!(35)));
    }
    assert_eq!(adjust(26, "a").await.brief(), "422 idempotency_key_reused");
    let answer = adjust(-30, "b").await;
    assert_eq!(answer.json()["credits"]["available"], 5);
    assert_eq!(adjust(-6, "c").await.brief(), "409 too_few_credits");
    for wrong in [0, 1_001, -1_001, i64::MIN] {
        let refused = "422 invalid_request, /amount range";
        assert_eq!(adjust(wrong, "d").await.brief(), refused);
    }
    assert_eq!(adjustment(&admin, &kim, 1).await.brief(), "400 idempotency_key_required");
    app.assert_credits_balance(&kim.id).await;

    assert_eq!(audit_length(&app).await, 2);
    let entries = audit(&app, "target", &format!("user:{}", kim.id)).await;
    let changes = entries.iter().map(|entry| {
        let available = |it: &str| entry[it]["available"].clone();
        (entry["action"].clone(), available("before"), available("after"))
    });
    let expected = [
        (json!("take_back_credits"), json!(35), json!(5)),
        (json!("grant_credits"), json!(10), json!(35)),
    ];
    assert_eq!(changes.collect::<Vec<_>>(), expected);
    let entry = &entries[1];
    let actor = json!({ "kind": "staff", "id": admin.id, "name": null, "role": "admin" });
    assert_eq!(entry["actor"], actor);
    assert_eq!(
        (&entry["reason"], &entry["origin"]["ip"]),
        (&json!("As agreed."), &json!(testing::SOURCE_IP),)
    );
    assert!(entry["origin"]["request_id"].is_string());
}

/// Only different ends are limited: a grant with the end of another joins it.
#[tokio::test]
async fn at_most_sixteen_grants_with_different_ends_are_open() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    let now = app.now();
    let grant = async |key: &str, days: u32| {
        let body = with_reason(json!({ "amount": 1, "expires_at": now.plus(DAY * days) }));
        admin.post(user_path(&kim, "credits")).key(key).json(body).await
    };
    for days in 1..=16 {
        assert_eq!(grant(&format!("day-{days}"), days).await.status(), 200);
    }
    assert_eq!(grant("another-end", 17).await.brief(), "409 too_many_grants");
    assert_eq!(app.account(&kim.id).await.credits.totals().available, 26);
    assert_eq!(audit_length(&app).await, 16);
    let joined = grant("the-same-end", 16).await.json();
    assert_eq!(joined["credits"]["available"], 27);
    app.assert_credits_balance(&kim.id).await;
}

#[test]
fn one_key_many_times_at_once_grants_once() {
    let app = staff_app();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let kim = runtime.block_on(app.member("kim", Plan::Free, 10));
    testing::at_once(4, |_| {
        let (app, kim) = (&app, &kim);
        async move {
            let admin = app.client(&Actor::admin());
            assert_eq!(adjustment(&admin, kim, 5).key("same").await.status(), 200);
        }
    });
    let account = runtime.block_on(app.account(&kim.id));
    assert_eq!(account.credits.totals().available, 15);
    assert_eq!(runtime.block_on(audit_length(&app)), 1);
}

#[tokio::test]
async fn a_ban_applies_at_once_hides_listings_and_is_undone_by_an_unban() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Pro, 100).await;
    let listing = pending_listing(&app, &kim, "Rembrandt").await;
    assert_eq!(approve(&app, &admin, &listing).await.status(), 200);
    let is_on_sale = async || {
        let page = app.store.listing_page(&listing, app.now()).await;
        page.is_ok()
    };
    assert!(is_on_sale().await);
    advance_a_minute(&app);

    let body = json!({ "reason": "Sold what was not theirs." });
    for _ in 0..2 {
        let ban = admin.post(user_path(&kim, "ban")).key("k").json(body.clone());
        let answer = ban.await;
        let (decided, reason) = (answer.json(), "Sold what was not theirs.");
        assert_eq!((answer.status(), &decided["status"]), (200, &json!("suspended")));
        assert_eq!(decided["suspension"], json!({ "reason": reason, "until": null }));
    }
    assert!(!is_on_sale().await);
    let store = &app.store;
    let described = store.update_profile(&kim.id, None, app.now(), |_, _| ());
    assert_eq!(domain::DomainError::code(&described.await.unwrap_err()), "account_suspended");
    let suspended = admin.get(USERS).query("status", "suspended").await.json();
    assert_eq!(suspended["items"][0]["id"], json!(kim.id));
    let listing_after = own_listing(&app, &kim, &listing).await.listing;
    assert_eq!(listing_after.state(), State::Approved, "the listing's own state stays");

    let reason = json!({ "reason": "A mistake of ours." });
    let unban = || admin.post(user_path(&kim, "unban")).json(reason.clone());
    let decided = unban().await.json();
    assert_eq!([&decided["status"], &decided["suspension"]], [&json!("active"), &Value::Null]);
    assert!(is_on_sale().await);
    assert_eq!(unban().await.brief(), "409 not_suspended");
    let suspended = admin.get(USERS).query("status", "suspended").await.json();
    assert_eq!(suspended["items"], json!([]));
    assert_eq!(audit(&app, "action", "ban").await.len(), 1);
    assert_eq!(audit(&app, "action", "unban").await.len(), 1);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_suspension_ends_by_its_date() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    let now = app.now();
    let until = |until| with_reason(json!({ "until": until }));
    let ban = |body: Value| admin.post(user_path(&kim, "ban")).json(body);
    let late = ban(until(now)).await;
    assert_eq!(late.brief(), "422 invalid_request, /until range");
    let banned = ban(until(now.plus(DAY))).await;
    assert_eq!(banned.status(), 200);
    let store = &app.store;
    assert_eq!(store.due_standings(now, None, 10).await.unwrap().items, []);
    assert_eq!(
        store.due_standings(now.plus(DAY), None, 10).await.unwrap().items,
        std::slice::from_ref(&kim.id)
    );
    store.apply_suspension(&kim.id, now.plus(DAY)).await.unwrap();
    let lifted = audit(&app, "actor", "background-follow-sellers").await;
    assert_eq!((lifted.len(), &lifted[0]["action"]), (1, &json!("unban")));
}

/// Only admins may act, and no one may act on an admin: so one is always left.
#[tokio::test]
async fn admins_decide_neither_on_themselves_nor_on_each_other() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    let grant = adjustment(&admin, &kim, 1).key("k");
    assert_eq!(grant.await.status(), 200);
    let all = async |member: &Actor| {
        let nothing = || with_reason(json!({}));
        [
            adjustment(&admin, member, 1).key("k2").await,
            admin.post(user_path(member, "ban")).key("k2").json(nothing()).await,
            admin.post(user_path(member, "unban")).key("k2").json(nothing()).await,
            admin.put(user_path(member, "limits")).key("k2").json(nothing()).await,
        ]
        .map(|answer| answer.brief())
    };
    assert_eq!(all(&admin).await, ["403 own_account"; 4]);
    assert_eq!(all(&Actor::member("nobody")).await, ["404 user_not_found"; 4]);
    let other = Actor::member("other");
    let seen = app.store.update_account(&other.id, None, app.now(), |draft| {
        draft.seen_as(Some(domain::account::Role::Admin));
    });
    seen.await.unwrap();
    assert_eq!(all(&other).await, ["403 target_is_admin"; 4]);

    assert_eq!(audit_length(&app).await, 1, "a refused action is not audited");
    app.suspend(&admin.id, "lost their laptop", None).await;
    assert_eq!(all(&kim).await, ["403 account_suspended"; 4]);
    let log = admin.get(AUDIT).await;
    assert_eq!(log.brief(), "403 account_suspended", "they see nothing either");
}

#[tokio::test]
async fn limits_replace_the_plans_until_they_are_removed() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    let set =
        async |body: Value| admin.put(user_path(&kim, "limits")).json(with_reason(body)).await;
    let answer = set(json!({ "monthly_allowance": 40, "concurrency": 1 })).await;
    assert_eq!(answer.json()["limits"], json!({ "monthly_allowance": 40, "concurrency": 1 }));
    let refused = set(json!({ "monthly_allowance": 100_001, "concurrency": 0 })).await;
    let expected = "422 invalid_request, /monthly_allowance range, /concurrency range";
    assert_eq!(refused.brief(), expected);
    let answer = set(json!({ "monthly_allowance": null })).await;
    let none = json!({ "monthly_allowance": null, "concurrency": null });
    assert_eq!(answer.json()["limits"], none);
    assert_eq!(audit_length(&app).await, 2);
}

#[tokio::test]
async fn a_member_is_shown_with_listings_and_audit() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Pro, 100).await;
    let listing = pending_listing(&app, &kim, "Rembrandt").await;
    let grant = adjustment(&admin, &kim, 1).key("k");
    assert_eq!(grant.await.status(), 200);
    let page = admin.get(format!("{USERS}/{}", kim.id)).await.json();
    assert_eq!(page["profile"]["id"], json!(kim.id));
    assert_eq!(
        (&page["profile"]["plan"], &page["profile"]["creator"]),
        (&json!("pro"), &json!(true))
    );
    assert_eq!(page["listings"][0]["id"], json!(listing));
    assert_eq!(page["audit"][0]["action"], "grant_credits");
    for empty in ["invoices", "orders", "jobs"] {
        assert_eq!(page[empty], json!([]), "{empty}");
    }
    let missing = admin.get(format!("{USERS}/nobody")).await;
    assert_eq!(missing.brief(), "404 user_not_found");
}

/// However many members there are, a page reads only its own.
#[tokio::test]
async fn pages_together_list_every_member_once() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let now = app.now();
    for n in 0..450 {
        let id = UserId::parse(&format!("user_{n:04}")).unwrap();
        let email = format!("member{n:04}@prolight.test");
        app.store
            .get_or_create_account(&id, Some(EmailClaim::verified(&email)), now)
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut request = admin.get(USERS).query("limit", 100);
    loop {
        let page = request.await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 100);
        seen.extend(items.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        request = admin.get(USERS).query("limit", 100).query("cursor", next);
    }
    // The caller is a member, too.
    let all = (0..450).map(|n| format!("user_{n:04}"));
    let all: Vec<String> = [admin.id.to_string()].into_iter().chain(all).collect();
    assert_eq!(seen, all, "the union of the pages is the set");
    let by = async |prefix: &str| {
        let page = admin.get(USERS).query("email", prefix).await.json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((by("MEMBER012").await, by("member0450").await), (10, 0));
    let long = admin.get(USERS).query("email", "x".repeat(255)).await;
    assert_eq!(long.brief(), "422 invalid_request, /email length");
}

#[tokio::test]
async fn the_audit_names_the_first_changed_entry_and_checks_its_filters() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    for key in ["a", "b", "c"] {
        let grant = adjustment(&admin, &kim, 1).key(key);
        assert_eq!(grant.await.status(), 200);
    }
    let asked = admin.get(AUDIT).query("target", "kim").await;
    assert_eq!(asked.brief(), "422 invalid_request, /target format");
    let rows = app.engine.dump();
    let row = rows.into_iter().find(|it| it["pk"]["S"] == "AUDIT" && it["seq"]["N"] == "2");
    let mut row = row.unwrap();
    row["reason"] = json!({ "S": "Nothing of the kind." });
    let put = json!({ "TableName": testing::engine::TABLE, "Item": row });
    app.engine.run("PutItem", &put.to_string()).unwrap();
    let answer = admin.get(AUDIT).query("verify", true).await.json();
    let broken = json!({
        "chain": "staff", "verified": 1, "broken": { "seq": 2, "why": "tampered" },
        "next_cursor": null,
    });
    assert_eq!(answer, broken);
}

/// What jobs decide is in chains of its own: listed and verified where it is asked for, and beside
/// what staff decide about the same target.
#[tokio::test]
async fn what_jobs_decide_is_not_among_what_staff_decide() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    assert_eq!(adjustment(&admin, &kim, 1).key("k").await.status(), 200);
    let others = ["lena", "mia", "noa"].map(|name| UserId::parse(name).unwrap());
    for user in others.iter().chain([&kim.id]) {
        let target = Target::user(user);
        let entry = AuditEntry::of_job("rewards", Action::GrantReward, target);
        app.store.record_once(&format!("reward_{user}"), entry, app.now()).await.unwrap();
    }
    assert_eq!(audit(&app, "limit", "100").await.len(), 1, "without a filter those of staff");
    for (name, value, count) in [
        ("chain", "staff", 1),
        ("chain", "jobs", 4),
        ("chain", "all", 5),
        ("target", &*format!("user:{}", kim.id), 2),
        ("target", "user:lena", 1),
        ("actor", "rewards", 4),
    ] {
        assert_eq!(audit(&app, name, value).await.len(), count, "{name} {value}");
    }
    let wrong = admin.get(AUDIT).query("chain", "jobs_0").await;
    assert!(wrong.brief().starts_with("422 invalid_request"), "{}", wrong.brief());

    let mut verified = std::collections::BTreeMap::new();
    let mut request = admin.get(AUDIT).query("verify", true).query("chain", "all");
    loop {
        let part = request.await.json();
        assert_eq!(part["broken"], json!(null), "{part}");
        let count = part["verified"].as_u64().unwrap();
        verified.insert(part["chain"].as_str().unwrap().to_owned(), count);
        let Some(next) = part["next_cursor"].as_str() else { break };
        request = admin.get(AUDIT).query("verify", true).query("chain", "all");
        request = request.query("cursor", next);
    }
    assert_eq!((verified.len(), verified["staff"]), (9, 1), "{verified:?}");
    assert_eq!(verified.values().sum::<u64>(), 5);
}

/// Reading a member is audited, once an hour; so is searching members, without the searched
/// address, which is personal data.
#[tokio::test]
async fn reading_members_is_audited() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    let page = || admin.get(format!("{USERS}/{}", kim.id));
    for _ in 0..3 {
        assert_eq!(page().await.status(), 200);
        let found = admin.get(USERS).query("email", "kim@").await;
        assert_eq!(found.status(), 200);
    }
    let missing = admin.get(format!("{USERS}/nobody"));
    assert_eq!(missing.await.brief(), "404 user_not_found");
    let reads = audit(&app, "action", "read_member").await;
    let shown: Vec<_> =
        reads.iter().map(|row| (&row["target"]["kind"], &row["target"]["id"])).collect();
    let (directory, user) = (json!("directory"), json!("user"));
    assert_eq!(shown, [(&directory, &json!("members")), (&user, &json!(kim.id))]);
    assert!(!format!("{reads:?}").contains("kim@"), "{reads:?}");
    app.ambient.clock.advance(std::time::Duration::from_secs(60 * 60));
    assert_eq!(page().await.status(), 200);
    assert_eq!(audit(&app, "target", &format!("user:{}", kim.id)).await.len(), 2);
    // A read that cannot be audited is refused.
    app.ambient.clock.advance(std::time::Duration::from_secs(60 * 60));
    for nth in 1..=12 {
        app.engine.order("TransactWriteItems", nth, testing::Fault::Fail);
    }
    assert_eq!(page().await.status(), 503);
}

/// The gateway's request id cannot be chosen by the caller; the caller's id is recorded beside it.
#[tokio::test]
async fn an_audit_entry_has_the_request_id_of_the_gateway() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    let grant = adjustment(&admin, &kim, 1).key("k");
    let answer = grant.header("X-Request-Id", "forged-1").await;
    assert_eq!(answer.header("x-request-id"), Some("forged-1"));
    let origin = audit(&app, "action", "grant_credits").await[0]["origin"].clone();
    assert_eq!(origin["request_id"], "00000000-0000-4000-8000-000000000001");
    assert_eq!(origin["correlation_id"], "forged-1");
}

/// A staff member's first request records their role in their account, so that admins cannot
/// moderate them.
#[tokio::test]
async fn a_call_of_staff_stores_their_role() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let other = Actor::member("other").as_admin();
    assert_eq!(app.client(&other).get(PENDING).await.status(), 200);
    let grant = || adjustment(&admin, &other, 1).key("k");
    assert_eq!(grant().await.brief(), "403 target_is_admin");
    let demoted = Actor::member("other").as_moderator();
    assert_eq!(app.client(&demoted).get(PENDING).await.status(), 200);
    assert_eq!(grant().await.status(), 200);
}
