//! Members in the view of admins: searched, granted, suspended, and all of it audited.

use clients::{
    Secret, Stripe,
    stripe::{StripeConfig, Tax},
};
use domain::{account::EmailClaim, id::UserId, plan::Plan, time::DAY};

use super::*;
use crate::{
    adjust_credits, ban_user, get_user, list_audit, list_users, unban_user, update_limits,
};

macro_rules! asks {
    ($($module:ident),*) => {
        impl Desk {
            $(async fn $module(&self, ask: &TestRequest) -> Answer {
                use $module::{ENDPOINT, handle};
                self.app.send(&ENDPOINT, &handle, &self.app.store, ask).await
            })*
        }
    };
}
asks!(adjust_credits, get_user, list_audit, list_users, unban_user, update_limits);

impl StaffApp {
    /// No member here has a Stripe customer, so Stripe is not called.
    async fn ban_user(&self, ask: &TestRequest) -> Answer {
        use ban_user::{ENDPOINT, handle};
        let api_key = Secret::new("sk_test_nobody");
        let base = "http://127.0.0.1:9/".to_owned();
        let stripe = Stripe::new(&StripeConfig { base, api_key, tax: Tax::None }).unwrap();
        self.app.send(&ENDPOINT, &handle, &(self.app.store.clone(), stripe), ask).await
    }

    /// Whether the chain is intact, and its number of records.
    async fn rows(&self) -> Value {
        let answer =
            self.list_audit(&TestRequest::by(&Actor::admin()).query("verify", true)).await.json();
        assert_eq!((&answer["broken"], &answer["next_cursor"]), (&json!(null), &json!(null)));
        answer["verified"].clone()
    }

    async fn audit(&self, name: &str, value: &str) -> Vec<Value> {
        let ask = TestRequest::by(&Actor::admin()).query(name, value);
        self.list_audit(&ask).await.json()["items"].as_array().unwrap().clone()
    }
}

fn about(by: &Actor, member: &Actor, body: Value) -> TestRequest {
    verdict(by, &member.id, body)
}

fn because(body: Value) -> Value {
    let mut body = body;
    body["reason"] = json!("As agreed.");
    body
}

#[tokio::test]
async fn credits_are_granted_and_taken_back_once_for_a_key() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Free, 10).await;
    let ask =
        |amount: i64, key: &str| about(&admin, &kim, because(json!({ "amount": amount }))).key(key);
    for _ in 0..2 {
        let answer = desk.adjust_credits(&ask(25, "a")).await;
        assert_eq!((answer.status(), &answer.json()["credits"]["available"]), (200, &json!(35)));
    }
    assert_eq!(desk.adjust_credits(&ask(26, "a")).await.brief(), "422 idempotency_key_reused");
    let answer = desk.adjust_credits(&ask(-30, "b")).await;
    assert_eq!(answer.json()["credits"]["available"], 5);
    assert_eq!(desk.adjust_credits(&ask(-6, "c")).await.brief(), "409 too_few_credits");
    for wrong in [0, 1_001, -1_001, i64::MIN] {
        let refused = "422 invalid_request, /amount range";
        assert_eq!(desk.adjust_credits(&ask(wrong, "d")).await.brief(), refused);
    }
    let keyless = about(&admin, &kim, because(json!({ "amount": 1 })));
    assert_eq!(desk.adjust_credits(&keyless).await.brief(), "400 idempotency_key_required");
    desk.app.assert_credits_balance(&kim.id).await;

    assert_eq!(desk.rows().await, 2);
    let rows = desk.audit("target", &format!("user:{}", kim.id)).await;
    let shown = rows.iter().map(|row| {
        let available = |it: &str| row[it]["available"].clone();
        (row["action"].clone(), available("before"), available("after"))
    });
    let expected = [
        (json!("take_back_credits"), json!(35), json!(5)),
        (json!("grant_credits"), json!(10), json!(35)),
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    let row = &rows[1];
    assert_eq!(row["actor"], json!({ "kind": "staff", "user_id": admin.id, "role": "admin" }));
    assert_eq!(
        (&row["reason"], &row["origin"]["ip"]),
        (&json!("As agreed."), &json!(testing::app::SOURCE_IP),)
    );
    assert!(row["origin"]["request_id"].is_string());
}

#[test]
fn one_key_many_times_at_once_grants_once() {
    let desk = StaffApp::open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let kim = runtime.block_on(desk.app.member("kim", Plan::Free, 10));
    testing::at_once(4, |_| {
        let (desk, kim) = (&desk, &kim);
        async move {
            let ask = about(&Actor::admin(), kim, because(json!({ "amount": 5 }))).key("same");
            assert_eq!(desk.adjust_credits(&ask).await.status(), 200);
        }
    });
    let account = runtime.block_on(desk.app.account(&kim.id));
    assert_eq!(account.credits.totals().available, 15);
    assert_eq!(runtime.block_on(desk.rows()), 1);
}

#[tokio::test]
async fn a_ban_bites_hides_and_calls_off_and_an_unban_undoes_it() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Pro, 100).await;
    let listing = desk.waiting(&kim, "Rembrandt").await;
    assert_eq!(desk.approve(&desk.shown(&admin, &listing).await).await.status(), 200);
    let shown = async || {
        let page = desk.app.store.listing_page(&listing, desk.app.now()).await;
        page.is_ok()
    };
    assert!(shown().await);
    desk.later();

    let body = json!({ "reason": "Sold what was not theirs." });
    let ban = about(&admin, &kim, body.clone()).key("k");
    for _ in 0..2 {
        let answer = desk.ban_user(&ban).await;
        let standing = json!({ "state": "suspended", "reason": "Sold what was not theirs." });
        assert_eq!((answer.status(), &answer.json()["standing"]), (200, &standing));
    }
    assert!(!shown().await);
    let store = &desk.app.store;
    let described = store.update_profile(&kim.id, None, desk.app.now(), |_, _| ());
    assert_eq!(domain::DomainError::code(&described.await.unwrap_err()), "account_suspended");
    let suspended =
        desk.list_users(&TestRequest::by(&admin).query("status", "suspended")).await.json();
    assert_eq!(suspended["items"][0]["user_id"], json!(kim.id));
    let listing_after = desk.own(&kim, &listing).await.listing;
    assert_eq!(listing_after.state(), State::Approved, "the listing's own state stays");

    let unban = about(&admin, &kim, json!({ "reason": "A mistake of ours." }));
    assert_eq!(desk.unban_user(&unban).await.json()["standing"], json!({ "state": "active" }));
    assert!(shown().await);
    assert_eq!(desk.unban_user(&unban).await.brief(), "409 not_suspended");
    let suspended =
        desk.list_users(&TestRequest::by(&admin).query("status", "suspended")).await.json();
    assert_eq!(suspended["items"], json!([]));
    assert_eq!(desk.audit("action", "ban").await.len(), 1);
    assert_eq!(desk.audit("action", "unban").await.len(), 1);
    desk.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_suspension_ends_by_its_date() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Free, 10).await;
    let now = desk.app.now();
    let until = |until| because(json!({ "until": until }));
    let late = desk.ban_user(&about(&admin, &kim, until(now))).await;
    assert_eq!(late.brief(), "422 invalid_request, /until range");
    let banned = desk.ban_user(&about(&admin, &kim, until(now.plus(DAY)))).await;
    assert_eq!(banned.status(), 200);
    let store = &desk.app.store;
    assert_eq!(store.due_standings(now, 10).await.unwrap(), []);
    assert_eq!(
        store.due_standings(now.plus(DAY), 10).await.unwrap(),
        std::slice::from_ref(&kim.id)
    );
    store.apply_suspension(&kim.id, now.plus(DAY)).await.unwrap();
    let lifted = desk.audit("actor", "background-follow-sellers").await;
    assert_eq!((lifted.len(), &lifted[0]["action"]), (1, &json!("unban")));
}

/// Only admins may act, and no one may act on an admin: so one is always left.
#[tokio::test]
async fn admins_decide_neither_on_themselves_nor_on_each_other() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Free, 10).await;
    let grant = about(&admin, &kim, because(json!({ "amount": 1 }))).key("k");
    assert_eq!(desk.adjust_credits(&grant).await.status(), 200);
    let all = async |member: &Actor| {
        let ask = |body: Value| about(&admin, member, because(body)).key("k2");
        [
            desk.adjust_credits(&ask(json!({ "amount": 1 }))).await,
            desk.ban_user(&ask(json!({}))).await,
            desk.unban_user(&ask(json!({}))).await,
            desk.update_limits(&ask(json!({}))).await,
        ]
        .map(|answer| answer.brief())
    };
    assert_eq!(all(&admin).await, ["403 own_account"; 4]);
    assert_eq!(all(&Actor::member("nobody")).await, ["404 user_not_found"; 4]);
    let other = Actor::member("other");
    let seen = desk.app.store.update_account(&other.id, None, desk.app.now(), |draft| {
        draft.seen_as(Some(domain::account::Role::Admin));
    });
    seen.await.unwrap();
    assert_eq!(all(&other).await, ["403 target_is_admin"; 4]);

    assert_eq!(desk.rows().await, 1, "a refused action is not audited");
    desk.app.suspend(&admin.id, "lost their laptop", None).await;
    assert_eq!(all(&kim).await, ["403 account_suspended"; 4]);
    let log = desk.list_audit(&TestRequest::by(&admin)).await;
    assert_eq!(log.brief(), "403 account_suspended", "they see nothing either");
}

#[tokio::test]
async fn limits_replace_the_plans_until_they_are_taken_away() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Free, 10).await;
    let set = async |body: Value| desk.update_limits(&about(&admin, &kim, because(body))).await;
    let answer = set(json!({ "monthly_allowance": 40, "concurrency": 1 })).await;
    assert_eq!(answer.json()["limits"], json!({ "monthly_allowance": 40, "concurrency": 1 }));
    let refused = set(json!({ "monthly_allowance": 100_001, "concurrency": 0 })).await;
    let expected = "422 invalid_request, /monthly_allowance range, /concurrency range";
    assert_eq!(refused.brief(), expected);
    let answer = set(json!({ "monthly_allowance": null })).await;
    let none = json!({ "monthly_allowance": null, "concurrency": null });
    assert_eq!(answer.json()["limits"], none);
    assert_eq!(desk.rows().await, 2);
}

#[tokio::test]
async fn a_member_is_shown_with_all_that_is_theirs() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Pro, 100).await;
    let listing = desk.waiting(&kim, "Rembrandt").await;
    let grant = about(&admin, &kim, because(json!({ "amount": 1 }))).key("k");
    assert_eq!(desk.adjust_credits(&grant).await.status(), 200);
    let page = desk.get_user(&TestRequest::by(&admin).path("id", &kim.id)).await.json();
    assert_eq!(page["profile"]["user_id"], json!(kim.id));
    assert_eq!(
        (&page["profile"]["plan"], &page["profile"]["creator"]),
        (&json!("pro"), &json!(true))
    );
    assert_eq!(page["listings"][0]["id"], json!(listing));
    assert_eq!(page["audit"][0]["action"], "grant_credits");
    for empty in ["invoices", "orders", "jobs"] {
        assert_eq!(page[empty], json!([]), "{empty}");
    }
    let missing = desk.get_user(&TestRequest::by(&admin).path("id", "nobody")).await;
    assert_eq!(missing.brief(), "404 user_not_found");
}

/// However many members there are, a page reads only its own.
#[tokio::test]
async fn a_page_of_many_members_costs_what_one_of_few_does() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let now = desk.app.now();
    for n in 0..450 {
        let id = UserId::parse(&format!("user_{n:04}")).unwrap();
        let email = format!("member{n:04}@prolight.test");
        desk.app
            .store
            .get_or_create_account(&id, Some(EmailClaim::verified(&email)), now)
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut ask = TestRequest::by(&admin).query("limit", 100);
    loop {
        let page = desk.list_users(&ask).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 100);
        seen.extend(items.iter().map(|it| it["user_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        ask = TestRequest::by(&admin).query("limit", 100).query("cursor", next);
    }
    // The caller is a member, too.
    let all = (0..450).map(|n| format!("user_{n:04}"));
    let all: Vec<String> = [admin.id.to_string()].into_iter().chain(all).collect();
    assert_eq!(seen, all, "the union of the pages is the set");
    let by = async |prefix: &str| {
        let page = desk.list_users(&TestRequest::by(&admin).query("email", prefix)).await.json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((by("MEMBER012").await, by("member0450").await), (10, 0));
    let long = desk.list_users(&TestRequest::by(&admin).query("email", "x".repeat(255))).await;
    assert_eq!(long.brief(), "422 invalid_request, /email length");
}

#[tokio::test]
async fn the_audit_says_where_it_is_broken_and_what_it_is_asked_is_checked() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Free, 10).await;
    for key in ["a", "b", "c"] {
        let grant = about(&admin, &kim, because(json!({ "amount": 1 }))).key(key);
        assert_eq!(desk.adjust_credits(&grant).await.status(), 200);
    }
    let asked = desk.list_audit(&TestRequest::by(&admin).query("target", "kim")).await;
    assert_eq!(asked.brief(), "422 invalid_request, /target format");
    let rows = desk.app.engine.dump();
    let row = rows.into_iter().find(|it| it["pk"]["S"] == "AUDIT" && it["seq"]["N"] == "2");
    let mut row = row.unwrap();
    row["reason"] = json!({ "S": "Nothing of the kind." });
    let put = json!({ "TableName": testing::engine::TABLE, "Item": row });
    desk.app.engine.run("PutItem", &put.to_string()).unwrap();
    let answer = desk.list_audit(&TestRequest::by(&admin).query("verify", true)).await.json();
    let broken =
        json!({ "verified": 1, "broken": { "seq": 2, "why": "tampered" }, "next_cursor": null });
    assert_eq!(answer, broken);
}

/// Reading a member is audited, once an hour; so is searching members, without the searched
/// address, which is personal data.
#[tokio::test]
async fn who_looks_at_members_is_on_the_record() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Free, 10).await;
    let page = TestRequest::by(&admin).path("id", &kim.id);
    for _ in 0..3 {
        assert_eq!(desk.get_user(&page).await.status(), 200);
        let found = desk.list_users(&TestRequest::by(&admin).query("email", "kim@")).await;
        assert_eq!(found.status(), 200);
    }
    let missing = TestRequest::by(&admin).path("id", "nobody");
    assert_eq!(desk.get_user(&missing).await.brief(), "404 user_not_found");
    let reads = desk.audit("action", "read_member").await;
    let shown: Vec<_> =
        reads.iter().map(|row| (&row["target"]["kind"], &row["target"]["id"])).collect();
    let (directory, user) = (json!("directory"), json!("user"));
    assert_eq!(shown, [(&directory, &json!("members")), (&user, &json!(kim.id))]);
    assert!(!format!("{reads:?}").contains("kim@"), "{reads:?}");
    desk.app.ambient.clock.advance(std::time::Duration::from_secs(60 * 60));
    assert_eq!(desk.get_user(&page).await.status(), 200);
    assert_eq!(desk.audit("target", &format!("user:{}", kim.id)).await.len(), 2);
    // A read that cannot be audited is refused.
    desk.app.ambient.clock.advance(std::time::Duration::from_secs(60 * 60));
    for nth in 1..=12 {
        desk.app.engine.order("TransactWriteItems", nth, testing::Fault::Fail);
    }
    assert_eq!(desk.get_user(&page).await.status(), 503);
}

/// The gateway's request id cannot be chosen by the caller; the caller's id is recorded beside it.
#[tokio::test]
async fn a_row_names_the_request_as_the_gateway_does() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let kim = desk.app.member("kim", Plan::Free, 10).await;
    let ask = about(&admin, &kim, because(json!({ "amount": 1 }))).key("k");
    let answer = desk.adjust_credits(&ask.header("X-Request-Id", "forged-1")).await;
    assert_eq!(answer.header("x-request-id"), Some("forged-1"));
    let origin = desk.audit("action", "grant_credits").await[0]["origin"].clone();
    assert_eq!(origin["request_id"], "00000000-0000-4000-8000-000000000001");
    assert_eq!(origin["correlation_id"], "forged-1");
}

/// A staff member's first request records their role in their account, so that admins cannot
/// moderate them.
#[tokio::test]
async fn a_call_of_staff_keeps_their_role() {
    let (desk, admin) = (StaffApp::open(), Actor::admin());
    let other = Actor::member("other").as_admin();
    assert_eq!(desk.pending(&TestRequest::by(&other)).await.status(), 200);
    let grant = about(&admin, &other, because(json!({ "amount": 1 }))).key("k");
    assert_eq!(desk.adjust_credits(&grant).await.brief(), "403 target_is_admin");
    let demoted = Actor::member("other").as_moderator();
    assert_eq!(desk.pending(&TestRequest::by(&demoted)).await.status(), 200);
    assert_eq!(desk.adjust_credits(&grant).await.status(), 200);
}
