//! Creators' money: onboarding, refunds, and what the ledger reports.

use demo::api::Api;
use serde_json::json;

use super::{
    buyer::PURCHASES,
    seller::{lighting, word},
};
use crate::{
    billing::stripe,
    member::{Member, text, until},
};

const CREATOR: &str = "/api/v1/marketplace/creator";
/// A test bank account that accepts payouts.
const WORKS: &str = "000123456789";

#[tokio::test]
async fn a_creator_is_known_to_stripe_and_sees_where_their_money_is() {
    let (creator, buyer) = (Member::new().await, Member::new().await);
    let stats = creator.get(&format!("{CREATOR}/stats")).await.ok(200);
    assert_eq!(stats["account"]["status"], "none");
    let onboarding = format!("{CREATOR}/onboarding");
    let begun = creator.post(&onboarding, &json!({})).await.ok(200);
    assert_eq!(begun["account"]["status"], "incomplete");
    let url = text(&begun["onboarding_url"]).to_owned();
    assert!(stripe::page(&url).await.contains(WORKS), "a bank account to be chosen");
    let done = stripe::send(&url, &format!("bank={WORKS}")).await;
    done.ok(303);
    assert!(
        stripe::page(done.header("location").unwrap()).await.contains("<title>ProLight</title>")
    );
    stripe::visit(&url).await.ok(303);
    let ready = until("a creator Stripe can pay", async || {
        let stats = creator.get(&format!("{CREATOR}/stats")).await.ok(200);
        (stats["account"]["status"] == "ready").then_some(stats)
    })
    .await;
    assert_eq!(ready["balance"]["pending"]["amount"], 0);

    let id = creator.on_sale(&lighting(&format!("Paid {}", word()), 1_000)).await;
    buyer.buys(&id, 1_000).await;
    let stats = creator.get(&format!("{CREATOR}/stats")).await.ok(200);
    assert_eq!(stats["balance"]["pending"]["amount"], 800);
    let payouts = creator.get(&format!("{CREATOR}/payouts")).await.ok(200);
    assert_eq!(payouts["items"], json!([]), "nothing is paid during the seven-day hold");

    let earnings = creator.get(&format!("{CREATOR}/earnings")).await.ok(200);
    let month = &text(&earnings["items"][0]["sold_at"])[..7];
    let path = format!("{CREATOR}/statements/{month}");
    let told = creator.get(&path).await.ok(200);
    assert_eq!(told["closing"]["amount"], 800, "{told}");
    for (format, begins) in [("csv", "date"), ("pdf", "%PDF-")] {
        let file = creator.get(&format!("{path}?format={format}")).await;
        file.ok(302);
        let file = Api::anonymous().unwrap().fetch(file.header("location").unwrap()).await.unwrap();
        assert!(file.starts_with(begins.as_bytes()), "{format}");
    }
}

#[tokio::test]
async fn money_goes_back_to_buyers_and_the_books_say_so() {
    let (creator, buyer) = (Member::new().await, Member::new().await);
    let id = creator.on_sale(&lighting(&format!("Back {}", word()), 1_000)).await;
    let unopened = text(&buyer.buys(&id, 1_000).await["id"]).to_owned();
    let back = format!("{PURCHASES}/{unopened}/refund");
    let why = json!({ "reason": "Bought by mistake." });
    let refunded = buyer.post(&back, &why).await.ok(200);
    assert_eq!(
        (&refunded["status"], &refunded["refunds"][0]["status"]),
        (&json!("refunded"), &json!("done"))
    );
    assert_eq!(buyer.post(&back, &why).await.ok(200), refunded, "a repeat returns the same refund");
    let downloads = |id: &str| format!("{PURCHASES}/{id}/downloads");
    let gone = buyer.post(&downloads(&unopened), &json!({})).await;
    gone.problem(404, "purchase_not_found");

    let opened = text(&buyer.buys(&id, 1_000).await["id"]).to_owned();
    buyer.post(&downloads(&opened), &json!({})).await.ok(200);
    let wish = buyer.post(&format!("{PURCHASES}/{opened}/refund"), &why).await;
    assert_eq!(wish.ok(202)["refund_request"]["because"], "downloaded_already");
    let admin = Member(Api::of("ADMIN").unwrap());
    let waiting = admin.get("/api/v1/admin/purchases/refund-requests?limit=100").await.ok(200);
    let waits = |item: &serde_json::Value| item["purchase_id"] == json!(opened);
    assert!(waiting["items"].as_array().unwrap().iter().any(waits), "{waiting}");

    let staff = format!("/api/v1/admin/purchases/{opened}/refund");
    let part = json!({ "amount": { "amount": 250, "currency": "usd" }, "reason": "As agreed." });
    buyer.post(&staff, &part).await.problem(403, "forbidden");
    for _ in 0..2 {
        let given = admin.post_under("one-refund", &staff, &part).await.ok(200);
        assert_eq!(given["refunded"]["amount"], 250, "the same key is the same refund");
        assert_eq!(
            (&given["status"], &given["refundable"]["amount"]),
            (&json!("paid"), &json!(750))
        );
    }
    let earnings = creator.get(&format!("{CREATOR}/earnings")).await.ok(200);
    assert_eq!(earnings["items"][0]["net"]["amount"], 600);
    assert_eq!(earnings["items"][0]["refund_reason"], "As agreed.");
    let whose = creator.get("/api/v1/me").await.ok(200);
    let audit = format!("/api/v1/admin/ledger/audit?creator_id={}", text(&whose["id"]));
    let audit = admin.get(&audit).await.ok(200);
    assert_eq!(audit["equal"], true, "{audit}");
    assert_eq!(audit["items"][0]["balances"]["creator_pending"], -600);
}
