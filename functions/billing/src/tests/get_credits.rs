//! The balance and its ledger.

use std::time::Duration;

use domain::{account::AccountError, credits::Hold, plan::Plan};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testing::{Actor, Answer, TestApp, TestRequest};

use crate::get_credits::{ENDPOINT, handle};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn get(app: &TestApp, ask: &TestRequest) -> Answer {
    app.send(&ENDPOINT, &handle, &app.store, ask).await
}

/// Spends one credit, as a generation does.
async fn spend(app: &TestApp, actor: &Actor, cause: &str) {
    let spent = app.store.update_account(&actor.id, None, app.now(), |draft| {
        let hold: Hold = draft.start_job(cause, 1)?;
        draft.capture_job(cause, &hold)?;
        Ok::<(), AccountError>(())
    });
    spent.await.unwrap();
}

#[tokio::test]
async fn a_new_member_has_one_lot_and_one_line() {
    let (app, kim) = (TestApp::new(), Actor::member("kim"));
    let answer = get(&app, &TestRequest::by(&kim)).await;
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
          "next_grant_at": "2026-12-22T09:00:00.000Z",
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
async fn every_credit_ever_granted_is_somewhere() {
    let (app, kim) = (TestApp::new(), Actor::member("kim"));
    spend(&app, &kim, "gen_1").await;
    app.ambient.clock.advance(DAY * 31);
    spend(&app, &kim, "gen_2").await;
    let body = get(&app, &TestRequest::by(&kim)).await.json();
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
async fn unlimited_is_said_and_still_metered() {
    let app = TestApp::new();
    let kim = app.member("kim", Plan::Enterprise, 0).await;
    spend(&app, &kim, "gen_1").await;
    let body = get(&app, &TestRequest::by(&kim)).await.json();
    let said = ["plan", "unlimited", "next_grant_at", "totals"].map(|name| body[name].to_string());
    expect![[r#"
        "enterprise"
        true
        null
        {"available":0,"expired":10,"granted":11,"held":0,"revoked":0,"spent":1}"#]]
    .assert_eq(&said.join("\n"));
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn the_ledger_pages_without_losing_a_line() {
    let (app, kim) = (TestApp::new(), Actor::member("kim"));
    for number in 0..5 {
        spend(&app, &kim, &format!("gen_{number}")).await;
    }
    let expected: Vec<u64> = (1..=11).rev().collect();
    for limit in [1, 4, 11, 12, 100] {
        let (mut found, mut ask) = (Vec::new(), TestRequest::by(&kim).query("limit", limit));
        loop {
            let ledger = get(&app, &ask).await.json()["ledger"].clone();
            let lines = ledger["items"].as_array().unwrap();
            found.extend(lines.iter().map(|line| line["seq"].as_u64().unwrap()));
            let Some(cursor) = ledger["next_cursor"].as_str() else { break };
            ask = TestRequest::by(&kim).query("limit", limit).query("cursor", cursor);
        }
        assert_eq!(found, expected, "limit {limit}");
    }
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn pages_have_limits_and_the_account_is_ones_own() {
    let (app, kim) = (TestApp::new(), Actor::member("kim"));
    let check = async |name: &str, value: &str, expected: Expect| {
        expected.assert_eq(&get(&app, &TestRequest::by(&kim).query(name, value)).await.brief());
    };
    check("limit", "0", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("limit", "101", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("cursor", "!", expect!["422 invalid_request, /cursor invalid_value"]).await;
    check("cursor", "Z2VuXzE", expect!["422 invalid_cursor, /cursor cursor"]).await;
    check("user_id", "user_ada", expect!["422 invalid_request, /user_id unknown_field"]).await;
    expect!["401 unauthenticated"].assert_eq(&get(&app, &TestRequest::anonymous()).await.brief());
    spend(&app, &kim, "gen_1").await;
    let ada = get(&app, &TestRequest::by(&Actor::member("ada"))).await.json();
    assert_eq!((&ada["available"], &ada["totals"]["spent"]), (&json!(10), &json!(0)));
}

#[tokio::test]
async fn a_suspended_member_sees_what_they_have() {
    let (app, kim) = (TestApp::new(), Actor::member("kim"));
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(get(&app, &TestRequest::by(&kim)).await.json()["available"], 10);
    app.assert_credits_balance(&kim.id).await;
}
