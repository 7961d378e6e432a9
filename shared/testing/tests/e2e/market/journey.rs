//! The whole life of a listing, with payments.

use demo::api::Api;
use serde_json::json;

use super::{
    buyer::PURCHASES,
    seller::{LISTINGS, found, lighting, visitor, word},
};
use crate::member::{GENERATIONS, Member, text, until};

const PRICE: u32 = 900;

#[tokio::test]
async fn a_listing_is_made_found_tried_bought_used_and_reviewed() {
    let (creator, buyer) = (Member::new().await, Member::new().await);
    let name = word();
    let title = format!("Rembrandt {name}");
    let draft = creator.draft(&lighting(&title, PRICE)).await;
    let id = text(&draft["id"]).to_owned();
    assert_eq!(draft["status"], "draft");
    found(&name, &[]).await; // Drafts are not found.
    visitor().get(&format!("{LISTINGS}/{id}")).await.problem(404, "listing_not_found");

    creator.publish(&id).await;
    assert_eq!(found(&name, &[&title]).await[0]["id"], json!(id));
    let page = visitor().get(&format!("{LISTINGS}/{id}")).await.ok(200);
    assert_eq!(page["title"], json!(title));
    let preview = text(&page["previews"][0]["url_600"]).to_owned();
    let picture = Api::anonymous().unwrap().fetch(&preview).await.unwrap();
    let picture = image::load_from_memory(&picture).unwrap();
    assert_eq!(picture.width().max(picture.height()), 600);
    assert!(!page.to_string().contains("azimuth"), "the content is not on the page");

    let demo = json!({ "subject": "bust", "overrides": { "stops": -0.5 } });
    let shown = visitor().post(&format!("{LISTINGS}/{id}/preview"), &demo).await.ok(200);
    let bytes = Api::anonymous().unwrap().fetch(text(&shown["image"]["url"])).await.unwrap();
    let tried = image::load_from_memory(&bytes).unwrap();
    assert_eq!((tried.width(), tried.height()), (384, 384));

    let with_it = json!({ "listing_id": id, "prompt": "a calm portrait", "quality": "lite" });
    buyer.post(GENERATIONS, &with_it).await.problem(403, "listing_not_licensed");
    let purchase = buyer.buys(&id, PRICE).await;
    let download = format!("{PURCHASES}/{}/downloads", text(&purchase["id"]));
    let bought = buyer.post(&download, &json!({})).await.ok(200);
    let file = Api::anonymous().unwrap().fetch(text(&bought["url"])).await.unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(file["content"], bought["content"], "the content as a file");
    assert!(bought["content"]["lighting"]["lights"].is_array(), "{bought}");
    let stranger = Member::new().await;
    stranger.post(&download, &json!({})).await.problem(404, "purchase_not_found");
    let job = buyer.make(&with_it).await;
    assert_eq!(job["listing"]["id"], json!(id));

    let review = json!({ "listing_id": id, "rating": 5, "comment": "As shown." });
    buyer.post("/api/v1/marketplace/reviews", &review).await.ok(201);
    let listed = visitor().get(&format!("{LISTINGS}/{id}/reviews")).await.ok(200);
    assert_eq!(listed["items"][0]["rating"], 5);
    let reply = format!("{LISTINGS}/{id}/reviews/{}/reply", text(&listed["items"][0]["id"]));
    creator.post(&reply, &json!({ "text": "Glad to hear it." })).await.ok(200);
    creator.post(&reply, &json!({ "text": "Again." })).await.problem(409, "already_replied");

    let stats = creator.get("/api/v1/marketplace/creator/stats").await.ok(200);
    assert_eq!(stats["gross"]["amount"], PRICE);
    assert_eq!((&stats["net"]["amount"], &stats["sales"]), (&json!(720), &json!(1)));
    let earnings = creator.get("/api/v1/marketplace/creator/earnings").await.ok(200);
    assert_eq!(earnings["items"][0]["status"], "held");

    creator.delete(&format!("{LISTINGS}/{id}")).await.ok(204);
    found(&name, &[]).await;
    buyer.post(&download, &json!({})).await.ok(200);
    buyer.check_books().await;
}

#[tokio::test]
async fn a_new_version_is_looked_at_while_the_old_one_is_sold() {
    let (creator, buyer) = (Member::new().await, Member::new().await);
    let name = word();
    let (first, second) = (format!("First {name}"), format!("Second {name}"));
    let id = creator.on_sale(&lighting(&first, 0)).await;
    let path = format!("{LISTINGS}/{id}");
    let edit = json!({ "title": second });
    let edited = creator.patch(&path, &edit).await.ok(200);
    assert_eq!(edited["version"], 2);
    found(&name, &[&first]).await;
    buyer.begin(&id, 0).await;
    assert_eq!(buyer.has_bought(&id).await["version"], 1);
    creator.publish(&id).await;
    found(&name, &[&second]).await;
    assert_eq!(buyer.has_bought(&id).await["version"], 1, "a purchase keeps its version");
}

#[tokio::test]
async fn two_tabs_paid_are_one_purchase_and_the_other_is_paid_back() {
    let (creator, buyer) = (Member::new().await, Member::new().await);
    let id = creator.on_sale(&lighting(&format!("Tabs {}", word()), PRICE)).await;
    let (one, two) = (buyer.begin(&id, PRICE).await, buyer.begin(&id, PRICE).await);
    for page in [&one, &two] {
        let paid = format!("card={}", crate::billing::stripe::PAYS);
        crate::billing::stripe::send(text(&page["checkout_url"]), &paid).await.ok(303);
    }
    let states = until("both to be settled", async || {
        let page = buyer.get(PURCHASES).await.ok(200);
        let states: Vec<String> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| text(&item["status"]).to_owned())
            .collect();
        states.iter().all(|state| state != "pending").then_some(states)
    })
    .await;
    let mut states = states;
    states.sort();
    assert_eq!(states, ["paid", "returned"]);
}

#[tokio::test]
async fn a_moderator_says_no_and_the_creator_reads_why() {
    let creator = Member::new().await;
    let draft = creator.draft(&lighting(&format!("No {}", word()), PRICE)).await;
    let id = text(&draft["id"]).to_owned();
    let submitted = creator.submit(&id).await;
    let moderator = Member(Api::of("MODERATOR").unwrap());
    let reject = format!("/api/v1/admin/marketplace/listings/{id}/reject");
    let reason = "Show it on a face, please.";
    let verdict = json!({ "content_hash": submitted["content_hash"], "reason": reason });
    creator.post(&reject, &verdict).await.ok(403);
    moderator.post(&reject, &verdict).await.ok(200);
    moderator.post(&reject, &verdict).await.problem(409, "not_pending");
    let own = creator.own(&id).await;
    assert_eq!(own["status"], "rejected");
    assert_eq!(own["review"]["reason"], reason);
    assert_eq!(own["hidden_by"], json!([{ "code": "rejected", "reason": reason, "until": null }]));
}
