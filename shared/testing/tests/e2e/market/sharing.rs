//! Share links.

use demo::api::variable;
use serde_json::json;

use super::{
    buyer::PURCHASES,
    seller::{LISTINGS, lighting, visitor, word},
};
use crate::member::{Member, text};

#[tokio::test]
async fn a_link_shows_the_listing_and_leads_to_it() {
    let (creator, sharer, buyer) = (Member::new().await, Member::new().await, Member::new().await);
    let title = format!("Shared {} \"><script>", word());
    let id = creator.on_sale(&lighting(&title, 0)).await;
    let share = sharer.post(&format!("{LISTINGS}/{id}/share"), &json!({})).await.ok(201);
    let again = sharer.post(&format!("{LISTINGS}/{id}/share"), &json!({})).await.ok(201);
    assert_eq!(share["url"], again["url"]);
    let followed = visitor().get(text(&share["url"])).await;
    followed.ok(200);
    let html = String::from_utf8(followed.body.clone()).unwrap();
    assert!(html.contains("og:title") && html.contains("og:image"), "{html}");
    assert!(!html.contains("<script>"), "{html}");
    let refresh = followed.header("refresh").unwrap().to_owned();
    let target = refresh.split("url=").nth(1).unwrap();
    let frontend = variable("FRONTEND_URL").unwrap();
    assert!(target.starts_with(&format!("{frontend}/marketplace/listings/{id}?ref=")), "{target}");
    let token = target.split("ref=").nth(1).unwrap();
    let wish = json!({
        "listing_id": id, "referral": token,
        "expected_price": { "amount": 0, "currency": "usd" },
    });
    buyer.post(PURCHASES, &wish).await.ok(201);
    let counted = sharer.post(&format!("{LISTINGS}/{id}/share"), &json!({})).await.ok(201);
    assert_eq!(counted["clicks"], 1, "a visitor counts once a day");
    visitor().get("/s/aaaaaaaaaaaaa").await.ok(404);
}
