//! Staff views and decisions, on a stack with permissions enforced.

use demo::api::Api;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    market::seller::{LISTINGS, found, lighting, word},
    member::{Member, answer, quick, text, until},
};

fn admin() -> Member {
    Member(Api::of("ADMIN").unwrap())
}

fn moderator() -> Member {
    Member(Api::of("MODERATOR").unwrap())
}

/// A member, and the paths of the staff endpoints for them.
async fn somebody() -> (Member, String, String) {
    let member = Member::new().await;
    let me = member.get("/api/v1/me").await.ok(200);
    let path = format!("/api/v1/admin/users/{}", text(&me["id"]));
    (member, path, text(&me["email"]).to_owned())
}

#[tokio::test]
async fn revenue_is_told_with_its_definitions_and_reported_by_night() {
    let admin = admin();
    let stats = admin.get("/api/v1/admin/revenue/stats").await.ok(200);
    assert_eq!((&stats["currency"], &stats["timezone"]), (&json!("usd"), &json!("UTC")));
    let period = &stats["period"];
    let cents = |value: &Value| value.as_i64().unwrap();
    let (start, end) = (cents(&period["start"]["mrr"]), cents(&period["end"]["mrr"]));
    assert_eq!(start + cents(&period["movements"]["net"]), end, "{stats:#}");
    assert!(end > 0 && cents(&period["revenue"]["net"]) > 0, "{stats:#}");
    let generations = admin.get("/api/v1/admin/generations/stats").await.ok(200);
    assert!(generations["definition_version"].is_number(), "{generations:#}");

    let reports = admin.get("/api/v1/admin/revenue/reports").await.ok(200);
    let date = text(&reports["items"][0]["date"]).to_owned();
    let path = format!("/api/v1/admin/revenue/reports/{date}");
    let told = admin.get(&path).await.ok(200);
    assert_eq!(told["period"]["to"], json!(date));
    for (format, begins) in [("csv", "from,to,figure"), ("pdf", "%PDF-")] {
        let file = admin.get(&format!("{path}?format={format}")).await;
        file.ok(302);
        let file = Api::anonymous().unwrap().fetch(file.header("location").unwrap()).await.unwrap();
        assert!(file.starts_with(begins.as_bytes()), "{format}");
    }
    let far = "/api/v1/admin/revenue/reports/2099-01-01";
    admin.get(far).await.problem(404, "report_not_found");
    moderator().get(&path).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_member_is_found_granted_credits_and_limited_on_the_record() {
    let (admin, (member, path, email)) = (admin(), somebody().await);
    let found = until("the directory", async || {
        let page = admin.get(&format!("/api/v1/admin/users?email={email}")).await.ok(200);
        page["items"].as_array().is_some_and(|items| items.len() == 1).then_some(page)
    })
    .await;
    assert_eq!(found["items"][0]["email"], json!(email));

    let grant = json!({ "amount": 25, "reason": "A lost afternoon." });
    let key = format!("grant-{}", word());
    for _ in 0..2 {
        let granted = admin.post_under(&key, &format!("{path}/credits"), &grant).await.ok(200);
        assert_eq!(granted["credits"]["available"], 35, "the same key grants once");
    }
    let limits = json!({ "concurrency": 1, "reason": "Too eager." });
    let limited = answer(admin.request(Method::PUT, &format!("{path}/limits")).json(&limits)).await;
    assert_eq!(limited.ok(200)["limits"]["concurrency"], 1);
    member.make(&quick("a calm portrait")).await;
    member.check_books().await;

    let whole = admin.get(&path).await.ok(200);
    let rows = whole["audit"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{whole:#}");
    let own = admin.get("/api/v1/me").await.ok(200);
    let own = format!("/api/v1/admin/users/{}/credits", text(&own["id"]));
    admin.post(&own, &grant).await.problem(403, "own_account");
    moderator().get(&path).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_ban_stops_a_creator_and_is_lifted_again() {
    let (admin, (creator, path, _)) = (admin(), somebody().await);
    let name = word();
    let title = format!("Banned {name}");
    let id = creator.on_sale(&lighting(&title, 900)).await;
    found(&name, &[&title]).await;

    let ban = json!({ "reason": "Sold another's work." });
    let banned = admin.post(&format!("{path}/ban"), &ban).await.ok(200);
    assert_eq!(banned["status"], "suspended");
    creator.post("/api/v1/generations", &quick("no")).await.problem(403, "account_suspended");
    creator.get(&format!("{LISTINGS}/{id}")).await.problem(404, "listing_not_found");
    found(&name, &[]).await;

    let unban = json!({ "reason": "It was their own." });
    admin.post(&format!("{path}/unban"), &unban).await.ok(200);
    admin.post(&format!("{path}/unban"), &unban).await.problem(409, "not_suspended");
    found(&name, &[&title]).await;
    creator.make(&quick("a calm portrait")).await;
}

#[tokio::test]
async fn flags_are_decided_on_and_the_audit_is_whole() {
    let (creator, moderator) = (Member::new().await, moderator());
    let id = creator.on_sale(&lighting(&format!("Flagged {}", word()), 900)).await;
    for _ in 0..3 {
        let flag = json!({ "reason": "copied" });
        let flagged = Member::new().await.post(&format!("{LISTINGS}/{id}/flags"), &flag).await;
        assert!(flagged.status < 300, "{}", flagged.status);
    }
    let flags = "/api/v1/admin/marketplace/flags?limit=50";
    let waiting = until("the flags", async || {
        let page = moderator.get(flags).await.ok(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|item| item["listing_id"] == json!(id))
    })
    .await;
    let resolve = format!("/api/v1/admin/marketplace/flags/{id}/resolve");
    let strike = json!({ "decision": "strike", "reason": "Copied.", "seen": waiting["version"] });
    let struck = moderator.post(&resolve, &strike).await.ok(200);
    assert_eq!(struck["live_strikes"], 1, "{struck}");
    moderator.post(&resolve, &strike).await.problem(409, "flags_resolved");
    let stats = creator.get("/api/v1/marketplace/creator/stats").await.ok(200);
    assert!(stats.to_string().contains("Copied."), "{stats}");

    let admin = admin();
    let rows = admin.get(&format!("/api/v1/admin/audit?target=listing:{id}")).await.ok(200);
    assert_eq!(rows["items"].as_array().map(Vec::len), Some(2), "approved, delisted: {rows:#}");
    let mut cursor = String::new();
    loop {
        let part = admin.get(&format!("/api/v1/admin/audit?verify=true{cursor}")).await.ok(200);
        assert_eq!(part["broken"], Value::Null, "{part}");
        match part["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    moderator.get("/api/v1/admin/audit").await.problem(403, "forbidden");
}
