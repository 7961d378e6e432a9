//! Lists for staff, and members by name, address and id.

use domain::{
    account::{EmailClaim, Profile},
    id::{PurchaseId, UserId},
    marketplace::purchase::Purchase,
    money::Money,
    plan::Plan,
};
use serde_json::Value;
use store::Idempotency;

use super::*;

const USERS: &str = "/api/v1/admin/users";
const LISTED: &str = "/api/v1/admin/marketplace/listings";
const PURCHASES: &str = "/api/v1/admin/purchases";

/// A member with a display name.
async fn named(app: &TestApp, id: &str, name: &str) -> UserId {
    let (user, email) = (UserId::parse(id).unwrap(), format!("{id}@prolight.test"));
    let email = Some(EmailClaim::verified(&email));
    let profile = Profile { display_name: Some(name.to_owned()), bio: None };
    let described =
        app.store.update_profile(&user, email, app.now(), |_, it| *it = profile.clone());
    described.await.unwrap();
    user
}

/// The ids on all pages of a list.
async fn all(by: &Client<'_>, path: &str, query: &[(&str, &str)], limit: u32) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..50 {
        let mut request = by.get(path).query("limit", limit);
        for (name, value) in query {
            request = request.query(name, value);
        }
        if let Some(cursor) = &cursor {
            request = request.query("cursor", cursor);
        }
        let answer = request.await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        let page = answer.json();
        let id =
            |it: &Value| it.get("id").or(it.get("user_id")).unwrap().as_str().unwrap().to_owned();
        ids.extend(page["items"].as_array().unwrap().iter().map(id));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return ids;
        }
    }
    panic!("{path} does not end");
}

/// Buys a free listing.
pub(super) async fn take(app: &TestApp, buyer: &Actor, id: &ListingId) -> PurchaseId {
    let purchase = PurchaseId::new(app.now(), app.ambient.entropy.next());
    let key = Idempotency::new(purchase.to_string(), "0".repeat(64));
    let placed = app.store.place_purchase((&buyer.id, None), id, &key, app.now(), |offer| {
        let (id, price) = (purchase.clone(), Money::usd_cents(0));
        Purchase::place(id, buyer.id.clone(), offer, price, None, app.now())
    });
    placed.await.unwrap().id
}

/// A free listing on sale.
pub(super) async fn free_listing(app: &TestApp, creator: &Actor, title: &str) -> ListingId {
    let (store, now) = (&app.store, app.now());
    let id = ListingId::new(now, app.ambient.entropy.next());
    let draft = (Kind::LightingPreset, listings::description(title, 0));
    listings::draft(store, (&creator.id, id.clone()), draft, now).await;
    submit(app, creator, &id).await;
    listings::approve(store, &id, now).await;
    advance_a_minute(app);
    id
}

#[tokio::test]
async fn a_member_is_found_by_id_address_and_the_beginning_of_the_name() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    for (id, name) in [("ada", "Ray"), ("adam", "adam West"), ("bea", "Bea"), ("x", "ada")] {
        named(&app, id, name).await;
    }
    for limit in [1, 2, 50] {
        let by = async |query: &str| all(&admin, USERS, &[("query", query)], limit).await;
        assert_eq!(by("ADA").await, ["x", "adam"], "by name");
        assert_eq!(by("Adam W").await, ["adam"]);
        assert_eq!(by("bea").await, ["bea"], "an exact match is there once");
        assert_eq!(by("ada").await, ["ada", "x", "adam"], "the id comes first");
        assert_eq!(by(" BEA@prolight.test ").await, ["bea"]);
        assert_eq!(by("bea@prolight").await, Vec::<String>::new(), "no prefix of an address");
    }
    named(&app, "x", "Someone else").await;
    assert_eq!(all(&admin, USERS, &[("query", "ADA")], 5).await, ["adam"]);
    let both = admin.get(USERS).query("query", "a").query("email", "a").await;
    assert_eq!(both.brief(), "422 invalid_request, /email unused");
    let blank = admin.get(USERS).query("query", " ").await;
    assert_eq!(blank.brief(), "422 invalid_request, /query length");
}

#[tokio::test]
async fn listings_are_listed_by_state_kind_and_creator() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    named(&app, "user_lena", "Lena").await;
    let sold = free_listing(&app, &lena(), "Sold").await.to_string();
    let waits = pending_listing(&app, &lena(), "Waits").await;
    advance_a_minute(&app);
    let other = free_listing(&app, &Actor::member("kai"), "Other").await.to_string();
    let waits = waits.to_string();
    for limit in [1, 2, 50] {
        let by = async |query: &[(&str, &str)]| all(&moderator, LISTED, query, limit).await;
        assert_eq!(by(&[]).await, [&*other, &*waits, &*sold]);
        assert_eq!(by(&[("status", "approved")]).await, [&*other, &*sold]);
        assert_eq!(by(&[("status", "pending")]).await, [&*waits]);
        assert_eq!(by(&[("creator_id", "user_lena")]).await, [&*waits, &*sold]);
        assert_eq!(by(&[("creator_id", "user_lena"), ("status", "approved")]).await, [&*sold]);
        assert_eq!(by(&[("type", "camera_preset")]).await, Vec::<String>::new());
        assert_eq!(by(&[("type", "lighting_preset"), ("status", "pending")]).await, [&*waits]);
    }
    let page = moderator.get(LISTED).query("status", "pending").await.json();
    let item = &page["items"][0];
    let creator = json!({ "id": "user_lena", "name": "Lena" });
    assert_eq!((&item["title"], &item["creator"]), (&json!("Waits"), &creator));
    let body = json!({ "reason": "Copied." });
    assert_eq!(moderator.post(listing_path(&sold, "delist")).json(body).await.status(), 200);
    assert_eq!(all(&moderator, LISTED, &[("status", "delisted")], 5).await, [&*sold]);
    assert_eq!(all(&moderator, LISTED, &[("status", "approved")], 5).await, [&*other]);
}

#[tokio::test]
async fn purchases_are_listed_by_everyone_in_them() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    named(&app, "user_kim", "Kim").await;
    let (kim, ada) = (Actor::member("kim"), Actor::member("ada"));
    let one = free_listing(&app, &lena(), "One").await;
    let two = free_listing(&app, &lena(), "Two").await;
    let three = free_listing(&app, &Actor::member("kai"), "Three").await;
    let mut bought = Vec::new();
    for (buyer, listing) in [(&kim, &one), (&ada, &one), (&kim, &two), (&ada, &three)] {
        bought.push(take(&app, buyer, listing).await.to_string());
        advance_a_minute(&app);
    }
    let ids = |which: &[usize]| which.iter().map(|it| bought[*it].clone()).collect::<Vec<_>>();
    let one = one.to_string();
    for limit in [1, 3, 50] {
        let by = async |query: &[(&str, &str)]| all(&admin, PURCHASES, query, limit).await;
        assert_eq!(by(&[]).await, ids(&[3, 2, 1, 0]));
        assert_eq!(by(&[("status", "paid")]).await, ids(&[3, 2, 1, 0]));
        assert_eq!(by(&[("status", "refunded")]).await, ids(&[]));
        assert_eq!(by(&[("buyer_id", "user_kim")]).await, ids(&[2, 0]));
        assert_eq!(by(&[("creator_id", "user_lena")]).await, ids(&[2, 1, 0]));
        assert_eq!(by(&[("listing_id", &one)]).await, ids(&[1, 0]));
        assert_eq!(by(&[("listing_id", &one), ("buyer_id", "user_ada")]).await, ids(&[1]));
    }
    let page = admin.get(PURCHASES).query("listing_id", &one).query("limit", 5).await.json();
    let item = &page["items"][1];
    assert_eq!(item["buyer"], json!({ "id": "user_kim", "name": "Kim" }));
    assert_eq!(item["listing"], json!({ "id": one, "name": "One" }));
    let missing = admin.get(PURCHASES).query("listing_id", ListingId::new(app.now(), 999)).await;
    assert_eq!(missing.brief(), "404 listing_not_found");
    let log = admin.get("/api/v1/admin/audit").query("action", "read_member").await.json();
    let targets: Vec<&Value> =
        log["items"].as_array().unwrap().iter().map(|it| &it["target"]["id"]).collect();
    assert_eq!(targets, ["user_ada", "user_lena", "user_kim", "members"], "once an hour for each");
}

#[tokio::test]
async fn payouts_and_generations_are_listed() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Pro, 10).await;
    for query in [vec![], vec![("status", "sent")], vec![("creator_id", kim.id.as_str())]] {
        assert_eq!(all(&admin, "/api/v1/admin/payouts", &query, 5).await, Vec::<String>::new());
    }
    let made = "/api/v1/admin/generations";
    let asked = [("member_id", kim.id.as_str()), ("status", "failed")];
    assert_eq!(all(&admin, made, &asked, 5).await, Vec::<String>::new());
    let nobody = admin.get(made).query("member_id", "nobody").await;
    assert_eq!(nobody.brief(), "404 user_not_found");
    let refused = admin.get(made).query("limit", "0").await;
    let both = "422 invalid_request, /limit invalid_value, /member_id missing_field";
    assert_eq!(refused.brief(), both);
}
