//! Drafts, versions, and rejected content.

use std::collections::BTreeSet;

use domain::{lighting::LightingRig, marketplace::moderation::strike};
use serde_json::{Value, json};
use store::PageSize;
use testing::{Actor, TestRequest, listings};

use super::shop::{ListingApp, lighting, template};

#[tokio::test]
async fn a_listing_lives() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft(&kim, "Rembrandt at Dusk").await;
    assert_eq!(shop.page(&id).await.brief(), "404 listing_not_found");
    let own = shop.own(&kim, &id).await.json();
    assert_eq!(
        (&own["state"], &own["hidden_reasons"]),
        (&json!("draft"), &json!(["not_submitted"]))
    );
    assert_eq!(own["tags"], json!(["low-key", "moody"]));

    let submitted = shop.submit(&kim, &id).await;
    assert_eq!(submitted.status(), 200, "{}", submitted.pretty());
    let submitted = submitted.json();
    assert_eq!(submitted["state"], "pending");
    assert_eq!(submitted["previews"].as_array().unwrap().len(), 1, "one was rendered");
    assert_eq!(shop.bucket.keys().await.len(), 3, "in three sizes");
    assert_eq!(shop.submit(&kim, &id).await.brief(), "409 listing_in_review");

    let now = shop.app.now();
    listings::approve(&shop.app.store, &id, now).await;
    let page = shop.page(&id).await;
    assert_eq!(page.status(), 200, "{}", page.pretty());
    assert_eq!(page.header("cache-control"), Some("public, max-age=30"));
    let text = page.pretty();
    for secret in ["azimuth", "\"lighting\"", "lights", "signature"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(shop.titles(&[("q", "rembrant")]).await, ["Rembrandt at Dusk"]);

    assert_eq!(shop.retire(&kim, &id).await.status(), 204);
    assert_eq!(shop.retire(&kim, &id).await.status(), 204);
    assert!(shop.titles(&[("q", "rembrandt")]).await.is_empty());
    assert_eq!(shop.page(&id).await.brief(), "404 listing_not_found");
    assert_eq!(shop.own(&kim, &id).await.json()["hidden_reasons"], json!(["retired"]));
    shop.close().await;
}

#[tokio::test]
async fn what_never_was_on_sale_can_be_thrown_away_and_makes_room() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let draft = shop.draft(&kim, "A draft").await;
    let waits = shop.draft(&kim, "Waits").await;
    assert_eq!(shop.submit(&kim, &waits).await.status(), 200);
    let sent_back = shop.draft(&kim, "Sent back").await;
    assert_eq!(shop.submit(&kim, &sent_back).await.status(), 200);
    shop.reject(&sent_back, "Too dark.").await;
    let edited = shop.patch(TestRequest::by(&kim), &sent_back, json!({ "title": "Better" })).await;
    assert_eq!(edited.json()["version"], 2);
    let book = async || shop.app.store.creator_book(&kim.id).await.unwrap().listings;
    assert_eq!(book().await, 3);
    for (nth, id) in [&draft, &waits, &sent_back].into_iter().enumerate() {
        assert_eq!(shop.retire(&kim, id).await.status(), 204);
        assert_eq!(book().await, 2 - u16::try_from(nth).unwrap());
        assert_eq!(shop.own(&kim, id).await.brief(), "404 listing_not_found");
        assert_eq!(shop.retire(&kim, id).await.brief(), "404 listing_not_found");
        assert_eq!(shop.submit(&kim, id).await.brief(), "404 listing_not_found");
    }
    assert_eq!(shop.own_list(TestRequest::by(&kim)).await.json()["items"], json!([]));
    let erased = shop.app.store.due_erasures(shop.app.now(), 10).await.unwrap();
    let erased: BTreeSet<String> = erased.iter().map(|it| it.subject.name()).collect();
    let thrown_away = [&draft, &waits, &sent_back].map(|id| format!("listing#{id}"));
    assert_eq!(erased, BTreeSet::from(thrown_away), "their files are deleted");
    let pending = shop.app.store.pending_listings(PageSize::WHOLE, None).await.unwrap();
    assert!(pending.items.is_empty(), "{pending:?}");
    let left = shop.app.engine.dump().into_iter().filter(|item| {
        let (pk, sk) = (item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap());
        pk.starts_with("LISTING#") && !sk.starts_with("UPLOAD#")
    });
    assert_eq!(left.count(), 0);
    shop.close().await;
}

/// For a listing taken off sale before, with a next version whose images are still pending.
#[tokio::test]
async fn a_creator_who_leaves_takes_the_pictures_of_every_version_along() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let (store, now) = (shop.app.store.clone(), shop.app.now());
    let id = shop.draft(&kim, "Rembrandt at Dusk").await;
    assert_eq!(shop.submit(&kim, &id).await.status(), 200);
    listings::approve(&store, &id, now).await;
    let content = json!({ "content": { "lighting": LightingRig::three_point() } });
    assert_eq!(shop.patch(TestRequest::by(&kim), &id, content).await.status(), 200);
    assert_eq!(shop.retire(&kim, &id).await.status(), 204);
    let pictures = async || {
        let versions = store.own_listing(&kim.id, &id).await.unwrap();
        (versions.newest.previews.len(), versions.on_sale.unwrap().previews.len())
    };
    assert_eq!(pictures().await, (0, 1));
    for _ in 0..2 {
        assert_eq!(store.close_down(&kim.id, now).await.unwrap(), 0);
    }
    assert_eq!(pictures().await, (0, 0));
    let erased = store.due_erasures(now, 10).await.unwrap();
    let erased: BTreeSet<String> = erased.iter().map(|it| it.subject.name()).collect();
    assert_eq!(erased, BTreeSet::from([format!("listing#{id}"), format!("pictures#{id}")]));
    shop.close().await;
}

#[tokio::test]
async fn an_edit_is_the_next_version_and_the_old_one_stays_on_sale() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "First light").await;
    let edited = shop.patch(TestRequest::by(&kim), &id, json!({ "title": "Second light" })).await;
    assert_eq!((edited.status(), &edited.json()["version"]), (200, &json!(2)));
    assert_eq!(shop.page(&id).await.json()["title"], "First light");
    assert_eq!(shop.titles(&[("q", "light")]).await, ["First light"]);
    shop.publish(&kim, &id).await;
    assert_eq!(shop.page(&id).await.json()["title"], "Second light");
    assert_eq!(shop.titles(&[("q", "light")]).await, ["Second light"]);
    assert_eq!(
        shop.own_list(TestRequest::by(&kim)).await.json()["items"].as_array().unwrap().len(),
        1
    );
    shop.close().await;
}

#[tokio::test]
async fn a_change_may_name_what_it_changes() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft(&kim, "A light").await;
    let tag = shop.own(&kim, &id).await.header("etag").unwrap().to_owned();
    let ask = || TestRequest::by(&kim).header("If-Match", &tag);
    let first = shop.patch(ask(), &id, json!({ "title": "Another light" })).await;
    assert_eq!(first.status(), 200, "{}", first.pretty());
    let late = shop.patch(ask(), &id, json!({ "title": "Too late" })).await;
    assert_eq!(late.brief(), "412 precondition_failed");
    let any = TestRequest::by(&kim).header("If-Match", "*");
    let signed = shop.patch(any, &id, json!({ "attribution": "Light by Kim" })).await;
    assert_eq!(signed.json()["attribution"], "Light by Kim");
    let untouched = shop.patch(TestRequest::by(&kim), &id, json!({ "title": "Third light" })).await;
    assert_eq!(untouched.json()["attribution"], "Light by Kim");
    let cleared = shop.patch(TestRequest::by(&kim), &id, json!({ "attribution": null })).await;
    assert_eq!(cleared.json()["attribution"], Value::Null);
    shop.close().await;
}

#[tokio::test]
async fn what_is_not_yours_does_not_exist() {
    let shop = ListingApp::open().await;
    let (kim, ada) = (Actor::member("kim"), Actor::member("ada"));
    shop.app.account(&ada.id).await;
    let id = shop.draft(&kim, "A light").await;
    let request = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 10 });
    for answer in [
        shop.patch(TestRequest::by(&ada), &id, json!({ "title": "Mine now" })).await,
        shop.submit(&ada, &id).await,
        shop.retire(&ada, &id).await,
        shop.own(&ada, &id).await,
        shop.upload(&ada, &id, request.clone()).await,
    ] {
        assert_eq!(answer.brief(), "404 listing_not_found");
    }
    shop.app.suspend(&kim.id, "spam", None).await;
    for answer in [
        shop.patch(TestRequest::by(&kim), &id, json!({ "title": "Still mine" })).await,
        shop.submit(&kim, &id).await,
        shop.upload(&kim, &id, request).await,
        shop.create(&kim, "another", lighting("Another light")).await,
    ] {
        assert_eq!(answer.brief(), "403 account_suspended");
    }
    shop.close().await;
}

#[tokio::test]
async fn what_cannot_be_listed() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let mut nth = 0;
    let mut check = async |change: Value, expected: &str| {
        nth += 1;
        let mut body = lighting("A light");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = shop.create(&kim, &format!("key-{nth}"), body).await;
        assert_eq!(answer.brief(), expected, "{change}");
    };
    let usd = |amount: i64| json!({ "price": { "amount": amount, "currency": "usd" } });
    check(usd(499), "422 invalid_request, /price/amount out_of_band").await;
    check(usd(1_501), "422 invalid_request, /price/amount out_of_band").await;
    check(usd(-1), "422 invalid_request, /price/amount out_of_band").await;
    let euros = json!({ "price": { "amount": 900, "currency": "eur" } });
    check(euros, "422 invalid_request, /price/currency currency").await;
    let invisible = json!({ "title": "\u{200b}\u{200b}\u{200b}\u{200b}" });
    check(invisible, "422 invalid_request, /title invisible_text, /title words").await;
    check(json!({ "title": "x".repeat(10_000) }), "422 invalid_request, /title length").await;
    let bomb: Vec<String> = (0..1_000).map(|nth| format!("tag {nth}")).collect();
    check(json!({ "tags": bomb }), "422 invalid_request, /tags too_many").await;
    let camera = json!({ "content": { "camera": { "focal_length_mm": 85.0 } } });
    check(camera, "422 invalid_request, /content/lighting missing").await;
    let model = json!({ "content": {
        "lighting": { "lights": [{ "role": "key" }] }, "model_id": "m-1",
    } });
    check(model, "422 invalid_request, /content/model_id not_of_this_type").await;
    let steep = json!({ "content": {
        "lighting": { "lights": [{ "role": "key", "elevation": 190.0 }] },
    } });
    check(steep, "422 invalid_request, /content/lighting/lights/0/elevation out_of_range").await;
    check(json!({ "owner": "me" }), "422 invalid_request, /owner unknown_field").await;
    shop.close().await;
}

#[tokio::test]
async fn the_same_key_is_the_same_listing() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let first = shop.create(&kim, "one", lighting("A light")).await.json();
    let again = shop.create(&kim, "one", lighting("A light")).await.json();
    assert_eq!(first["id"], again["id"]);
    let other = shop.create(&kim, "one", lighting("Another")).await;
    assert_eq!(other.brief(), "422 idempotency_key_reused");
    assert_eq!(
        shop.own_list(TestRequest::by(&kim)).await.json()["items"].as_array().unwrap().len(),
        1
    );
    shop.close().await;
}

#[tokio::test]
async fn a_near_copy_is_told_to_the_moderator() {
    let shop = ListingApp::open().await;
    let (kim, ada) = (Actor::member("kim"), Actor::member("ada"));
    let original = shop.draft(&kim, "The original").await;
    shop.submit(&kim, &original).await;
    let now = shop.app.now();
    listings::approve(&shop.app.store, &original, now).await;
    let copy = shop.draft(&ada, "All my own work").await;
    assert_eq!(shop.submit(&ada, &copy).await.status(), 200, "a report, not a refusal");
    let similar = shop.app.store.any_listing(&copy).await.unwrap().newest.similar;
    assert_eq!((&similar[0].listing_id, similar[0].score), (&original, 100));
    shop.close().await;
}

#[tokio::test]
async fn what_a_change_may_not_be() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft(&kim, "A light").await;
    let check = async |change: Value, expected: &str| {
        let answer = shop.patch(TestRequest::by(&kim), &id, change.clone()).await;
        assert_eq!(answer.brief(), expected, "{change}");
    };
    check(json!({ "type": "camera_preset" }), "422 invalid_request, /type unknown_field").await;
    let yen = json!({ "price": { "amount": 900, "currency": "jpy" } });
    check(yen, "422 invalid_request, /price/currency currency").await;
    let dark = json!({ "content": { "lighting": { "lights": [] } } });
    let lights =
        "422 invalid_request, /content/lighting/lights count, /content/lighting/lights dark";
    check(dark, lights).await;
    let text =
        json!({ "content": { "lighting": { "lights": [{ "role": "key", "size": "big" }] } } });
    check(text, "422 invalid_request, /content/lighting/lights/0/size wrong_type").await;
    let wide = json!({ "demo": { "stops_max": 9.0, "subjects": [] } });
    check(wide, "422 invalid_request, /demo/stops_max out_of_range, /demo/subjects count").await;
    check(json!({}), "200").await;
    shop.close().await;
}

/// An omitted field stays. `null` clears an optional field, and is invalid for any other.
#[tokio::test]
async fn null_is_not_left_out() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft(&kim, "A light").await;
    for field in ["title", "description", "category", "tags", "price", "demo", "content"] {
        let answer = shop.patch(TestRequest::by(&kim), &id, json!({ field: null })).await;
        assert_eq!(answer.brief(), format!("422 invalid_request, /{field} wrong_type"));
    }
    let same = shop.patch(TestRequest::by(&kim), &id, json!({})).await.json();
    assert_eq!((&same["title"], same["tags"].is_array()), (&json!("A light"), true));
    let cleared = shop.patch(TestRequest::by(&kim), &id, json!({ "attribution": null })).await;
    assert_eq!(cleared.status(), 200, "{}", cleared.pretty());
    shop.close().await;
}

/// Unicode and line ends are normalised.
#[tokio::test]
async fn text_is_kept_in_one_form() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft(&kim, "A light").await;
    let sent = json!({
        "title": "Lumie\u{300}re 👩🏽\u{200d}🚀",
        "description": "First\r\nsecond",
        "tags": ["Cafe\u{301}", "café", "แสงนุ่ม", "गर्मी", "نیم\u{200c}رخ"],
    });
    let saved = shop.patch(TestRequest::by(&kim), &id, sent).await;
    assert_eq!(saved.status(), 200, "{}", saved.pretty());
    let saved = saved.json();
    assert_eq!(saved["title"], "Lumière 👩🏽\u{200d}🚀");
    assert_eq!(saved["description"], "First\nsecond");
    assert_eq!(saved["tags"], json!(["café", "نیم\u{200c}رخ", "गर्मी", "แสงนุ่ม"]));
    shop.close().await;
}

#[tokio::test]
async fn a_template_shows_what_is_filled_in_and_not_the_prompt() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.draft_of(&kim, template("On slate")).await;
    assert_eq!(shop.submit(&kim, &id).await.brief(), "409 no_preview", "it cannot be rendered");
    shop.publish(&kim, &id).await;
    let page = shop.page(&id).await.json();
    assert_eq!(page["slots"], json!([{ "name": "product", "label": "What is shown" }]));
    assert_eq!(page["demo"], Value::Null);
    let found = shop.search(&[("q", "slate")]).await;
    for shown in [page.to_string(), found.pretty()] {
        assert!(!shown.contains("recipe") && !shown.contains("a bottle"), "{shown}");
    }
    assert_eq!(shop.own(&kim, &id).await.json()["content"]["slots"][0]["default"], "a bottle");
    shop.close().await;
}

#[tokio::test]
async fn a_rejection_says_why_and_the_next_version_is_another() {
    let shop = ListingApp::open().await;
    let (kim, ada) = (Actor::member("kim"), Actor::member("ada"));
    let original = shop.draft(&kim, "The original").await;
    shop.submit(&kim, &original).await;
    let now = shop.app.now();
    listings::approve(&shop.app.store, &original, now).await;
    let id = shop.draft(&ada, "A copy").await;
    let submitted = shop.submit(&ada, &id).await;
    assert!(
        !submitted.pretty().contains(original.as_str()),
        "similar listings are not shown to the creator"
    );
    shop.reject(&id, "Too near to another.").await;
    let own = shop.own(&ada, &id).await.json();
    assert_eq!(own["state"], "rejected");
    assert_eq!(own["review"]["reason"], "Too near to another.");
    let edited = shop.patch(TestRequest::by(&ada), &id, json!({ "title": "My own" })).await.json();
    assert_eq!((&edited["state"], &edited["version"]), (&json!("draft"), &json!(2)));
    shop.close().await;
}

#[tokio::test]
async fn own_listings_come_in_pages_the_newest_first() {
    let shop = ListingApp::open().await;
    let (kim, ada) = (Actor::member("kim"), Actor::member("ada"));
    let mut made = Vec::new();
    for nth in 0..5 {
        made.insert(0, shop.draft(&kim, &format!("Light {nth}")).await.to_string());
        shop.app.ambient.clock.advance(std::time::Duration::from_secs(1));
    }
    shop.draft(&ada, "Not hers").await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let ask = TestRequest::by(&kim).query("limit", 2);
        let ask = cursor.iter().fold(ask, |ask, cursor| ask.query("cursor", cursor));
        let page = shop.own_list(ask).await.json();
        for item in page["items"].as_array().unwrap() {
            assert_eq!(*item, shop.own(&kim, &item_id(item)).await.json(), "one view of it");
            seen.push(item["id"].as_str().unwrap().to_owned());
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let odd = shop.own_list(TestRequest::by(&kim).query("cursor", "~")).await;
    assert_eq!(odd.brief(), "422 invalid_request, /cursor invalid_value");
    shop.close().await;
}

fn item_id(item: &Value) -> domain::id::ListingId {
    serde_json::from_value(item["id"].clone()).unwrap()
}

#[tokio::test]
async fn who_has_three_strikes_works_on_drafts_and_hands_nothing_in() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let draft = shop.draft(&kim, "A draft").await;
    let (store, now) = (&shop.app.store, shop.app.now());
    for nth in 0..3 {
        let copied = shop.draft(&kim, &format!("Copy {nth}")).await;
        assert_eq!(shop.submit(&kim, &copied).await.status(), 200);
        listings::approve(store, &copied, now).await;
        listings::strike(store, &copied, now).await;
    }
    let refused = shop.submit(&kim, &draft).await;
    assert_eq!(refused.brief(), "409 selling_suspended");
    assert_eq!(refused.json()["until"], json!(now.plus(strike::STRIKE_COUNTS)));
    let own = shop.own(&kim, &draft).await.json();
    assert_eq!(own["hidden_reasons"], json!(["not_submitted", "selling_suspended"]));
    shop.draft(&kim, "Another draft").await;
    shop.app.ambient.clock.advance(strike::STRIKE_COUNTS);
    assert_eq!(shop.submit(&kim, &draft).await.status(), 200, "the suspension expires");
}
