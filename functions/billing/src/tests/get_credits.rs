//! The balance and its ledger.

use std::time::Duration;

use domain::{account::AccountError, credits::Hold, plan::Plan};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testing::{Client, TestApp};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Spends one credit, as a generation does.
async fn spend(member: &Client<'_>, cause: &str) {
    let app = member.app();
    let spent = app.store.update_account(&member.id, None, app.now(), |account| {
        let hold: Hold = account.start_job(cause, 1)?;
        account.capture_job(cause, &hold)?;
        Ok::<(), AccountError>(())
    });
    spent.await.unwrap();
}

#[tokio::test]
async fn a_new_member_has_one_lot_and_one_entry() {
    let app = TestApp::serving(&[crate::functions]);
    let kim = app.sign_in("kim");
    let answer = kim.get("/api/v1/billing/credits").await;
    assert_eq!((answer.status(), answer.header("cache-control")), (200, Some("private, no-cache")));
    expect![[r#"
        {
          "available": 10,
          "debt": 0,
          "expiring": [
            {
              "at": "2026-12-22T09:00:00.000Z",
              "credits": 10
            }
          ],
          "held": 0,
          "ledger": {
            "items": [
              {
                "at": "2026-11-22T09:00:00.000Z",
                "available_after": 10,
                "cause": "free:2026-11-22T09:00:00.000Z",
                "kind": "grant",
                "lot": {
                  "expires_at": "2026-12-22T09:00:00.000Z",
                  "id": "free:2026-11-22T09:00:00.000Z",
                  "size": {
                    "credits": 10
                  },
                  "source": "plan"
                },
                "seq": 1
              }
            ],
            "next_cursor": null
          },
          "lots": [
            {
              "available": 10,
              "expires_at": "2026-12-22T09:00:00.000Z",
              "granted": 10,
              "granted_at": "2026-11-22T09:00:00.000Z",
              "held": 0,
              "id": "free:2026-11-22T09:00:00.000Z",
              "source": "plan",
              "spent": 0
            }
          ],
          "next_grant": {
            "at": "2026-12-22T09:00:00.000Z",
            "credits": 10,
            "plan": "free"
          },
          "plan": "free",
          "totals": {
            "available": 10,
            "expired": 0,
            "granted": 10,
            "held": 0,
            "revoked": 0,
            "spent": 0
          },
          "unlimited": false
        }"#]]
    .assert_eq(&answer.pretty());
    app.assert_credits_balance(&kim.id).await;
}

/// granted = available + held + spent + expired + revoked holds after every change.
#[tokio::test]
async fn the_totals_account_for_every_credit_granted() {
    let app = TestApp::serving(&[crate::functions]);
    let kim = app.sign_in("kim");
    spend(&kim, "gen_1").await;
    app.ambient.clock.advance(DAY * 31);
    spend(&kim, "gen_2").await;
    let body = kim.get("/api/v1/billing/credits").await.json();
    assert_eq!(
        body["totals"],
        json!({
            "granted": 20, "available": 9, "held": 0, "spent": 2, "expired": 9, "revoked": 0,
        })
    );
    assert_eq!(body["expiring"], json!([{"at": "2027-01-22T09:00:00.000Z", "credits": 9}]));
    expect![[r#"
        7 2026-12-23T09:00:00.000Z capture by gen_2, 9 left
        6 2026-12-23T09:00:00.000Z hold by gen_2, 9 left
        5 2026-12-23T09:00:00.000Z grant by free:2026-12-22T09:00:00.000Z, 10 left
        4 2026-12-23T09:00:00.000Z expire by free:2026-11-22T09:00:00.000Z, 0 left
        3 2026-11-22T09:00:00.000Z capture by gen_1, 9 left
        2 2026-11-22T09:00:00.000Z hold by gen_1, 9 left
        1 2026-11-22T09:00:00.000Z grant by free:2026-11-22T09:00:00.000Z, 10 left
    "#]]
    .assert_eq(&ledger(&body));
    app.assert_credits_balance(&kim.id).await;
}

/// The ledger of a response, one line per entry.
fn ledger(body: &Value) -> String {
    let lines = body["ledger"]["items"].as_array().unwrap().iter();
    let line = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        let (seq, left) = (&line["seq"], &line["available_after"]);
        format!("{seq} {} {} by {}, {left} left\n", text("at"), text("kind"), text("cause"))
    };
    lines.map(line).collect()
}

#[tokio::test]
async fn an_unlimited_plan_is_still_metered() {
    let app = TestApp::serving(&[crate::functions]);
    let kim = app.client(&app.member("kim", Plan::Enterprise, 0).await);
    spend(&kim, "gen_1").await;
    let body = kim.get("/api/v1/billing/credits").await.json();
    let shown = ["plan", "available", "next_grant", "totals"].map(|name| body[name].to_string());
    expect![[r#"
        "enterprise"
        null
        {"at":"2026-12-22T09:00:00.000Z","credits":null,"plan":"enterprise"}
        {"available":0,"expired":10,"granted":11,"held":0,"revoked":0,"spent":1}"#]]
    .assert_eq(&shown.join("\n"));
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn the_ledger_pages_without_losing_an_entry() {
    let app = TestApp::serving(&[crate::functions]);
    let kim = app.sign_in("kim");
    for number in 0..5 {
        spend(&kim, &format!("gen_{number}")).await;
    }
    let expected: Vec<u64> = (1..=11).rev().collect();
    for limit in [1, 4, 11, 12, 100] {
        let list = || kim.get("/api/v1/billing/credits").query("limit", limit);
        let (mut found, mut next) = (Vec::new(), list());
        loop {
            let ledger = next.await.json()["ledger"].clone();
            let lines = ledger["items"].as_array().unwrap();
            found.extend(lines.iter().map(|line| line["seq"].as_u64().unwrap()));
            let Some(cursor) = ledger["next_cursor"].as_str() else { break };
            next = list().query("cursor", cursor);
        }
        assert_eq!(found, expected, "limit {limit}");
    }
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn pages_have_limits_and_the_account_is_the_callers() {
    let app = TestApp::serving(&[crate::functions]);
    let kim = app.sign_in("kim");
    let check = async |name: &str, value: &str, expected: Expect| {
        expected.assert_eq(&kim.get("/api/v1/billing/credits").query(name, value).await.brief());
    };
    check("limit", "0", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("limit", "101", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("cursor", "!", expect!["422 invalid_request, /cursor invalid_value"]).await;
    check("cursor", "Z2VuXzE", expect!["422 invalid_cursor, /cursor cursor"]).await;
    check("user_id", "user_ada", expect!["422 invalid_request, /user_id unknown_field"]).await;
    let visitor = app.visitor().get("/api/v1/billing/credits").await;
    expect!["401 unauthenticated"].assert_eq(&visitor.brief());
    spend(&kim, "gen_1").await;
    let ada = app.sign_in("ada").get("/api/v1/billing/credits").await.json();
    assert_eq!((&ada["available"], &ada["totals"]["spent"]), (&json!(10), &json!(0)));
}

#[tokio::test]
async fn a_suspended_member_sees_their_balance() {
    let app = TestApp::serving(&[crate::functions]);
    let kim = app.sign_in("kim");
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(kim.get("/api/v1/billing/credits").await.json()["available"], 10);
    app.assert_credits_balance(&kim.id).await;
}
