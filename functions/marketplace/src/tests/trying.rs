//! The live demo.

use serde_json::{Value, json};
use testing::Actor;

use super::shop::{ListingApp, camera, lighting, template};

#[tokio::test]
async fn a_demo_is_a_picture_and_nothing_else() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Rembrandt").await;
    let first = shop.try_it(&id, json!({ "subject": "product" })).await;
    assert_eq!(first.status(), 200, "{}", first.pretty());
    assert_eq!(first.json()["cached"], false);
    let again = shop.try_it(&id, json!({ "subject": "product" })).await.json();
    assert_eq!((&again["cached"], &again["image"]), (&json!(true), &first.json()["image"]));
    let turned = json!({ "subject": "product", "overrides": { "stops": 1.0 } });
    assert_ne!(shop.try_it(&id, turned).await.json()["image"], again["image"]);
    let text = first.pretty();
    assert!(!text.contains("azimuth") && !text.contains("lights"), "{text}");
    let key = again["image"]["url"].as_str().unwrap().split_once("/demos/").unwrap().1.to_owned();
    let (jpeg, kind) = shop.bucket.get(&format!("demos/{key}")).await.unwrap();
    assert_eq!(kind, "image/jpeg");
    // Start, tables, frame, tables, scan: no segment with metadata.
    for marker in [0xe1_u8, 0xe2, 0xed, 0xfe] {
        assert!(!jpeg.windows(2).any(|two| two == [0xff, marker]), "{marker:x}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_visitor_stays_within_what_the_creator_set() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Rembrandt").await;
    let check = async |body: Value, expected: &str| {
        assert_eq!(shop.try_it(&id, body.clone()).await.brief(), expected, "{body}");
    };
    let with = |overrides: Value| json!({ "overrides": overrides });
    let stops = "422 invalid_request, /overrides/stops out_of_range";
    check(with(json!({ "stops": 1.5 })), stops).await;
    let kelvin = "422 invalid_request, /overrides/kelvin out_of_range";
    check(with(json!({ "kelvin": 1 })), kelvin).await;
    let lens = "422 invalid_request, /overrides/aperture not_offered";
    check(with(json!({ "aperture": 2.0 })), lens).await;
    check(json!({ "size": 4_000 }), "422 invalid_request, /size size").await;
    check(json!({ "lighting": {} }), "422 invalid_request, /lighting unknown_field").await;
    shop.close().await;
}

#[tokio::test]
async fn demos_are_limited_by_who_asks() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Rembrandt").await;
    for _ in 0..60 {
        assert_eq!(shop.try_it(&id, json!({ "size": 256 })).await.status(), 200);
    }
    let more = shop.try_it(&id, json!({ "size": 256 })).await;
    assert_eq!(more.brief(), "429 rate_limited");
    shop.close().await;
}

#[tokio::test]
async fn a_picture_has_the_shape_of_the_frame_and_a_usual_subject() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let wide = shop.draft_of(&kim, camera("A wide frame", "16:9")).await;
    shop.publish(&kim, &wide).await;
    let seen = shop.try_it(&wide, json!({})).await.json();
    assert_eq!(seen["subject"], "bust");
    assert_eq!((&seen["image"]["width"], &seen["image"]["height"]), (&json!(384), &json!(216)));
    let mut still = lighting("Still life");
    still["demo"] = json!({ "subjects": ["product", "sphere"] });
    let still = shop.draft_of(&kim, still).await;
    shop.publish(&kim, &still).await;
    let seen = shop.try_it(&still, json!({ "size": 256 })).await.json();
    assert_eq!((&seen["subject"], &seen["image"]["height"]), (&json!("product"), &json!(256)));
    let bust = shop.try_it(&still, json!({ "subject": "bust" })).await;
    assert_eq!(bust.brief(), "422 invalid_request, /subject not_offered");
    shop.close().await;
}

#[tokio::test]
async fn what_cannot_be_tried() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let draft = shop.draft(&kim, "Not on sale").await;
    assert_eq!(shop.try_it(&draft, json!({})).await.brief(), "404 listing_not_found");
    let prompt = shop.draft_of(&kim, template("On slate")).await;
    shop.publish(&kim, &prompt).await;
    assert_eq!(shop.try_it(&prompt, json!({})).await.brief(), "409 no_demo");
    let mut shy = lighting("Not to be tried");
    shy["demo"] = json!({ "enabled": false });
    let shy = shop.draft_of(&kim, shy).await;
    shop.publish(&kim, &shy).await;
    assert_eq!(shop.try_it(&shy, json!({})).await.brief(), "409 no_demo");
    shop.close().await;
}

/// An image that a process has seen is not checked again: it is served without the bucket.
#[tokio::test]
async fn a_picture_that_was_seen_is_not_looked_for() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Rembrandt").await;
    let small = || json!({ "size": 256 });
    let first = shop.try_it(&id, small()).await.json();
    let ListingApp { app, bucket, demos, .. } = shop;
    bucket.discard().await;
    let ask = testing::TestRequest::anonymous().path("id", &id).json(small());
    let (endpoint, handle) = (&crate::preview_listing::ENDPOINT, &crate::preview_listing::handle);
    let again = app.send(endpoint, handle, &demos, &ask).await.json();
    assert_eq!((&again["cached"], &again["image"]), (&json!(true), &first["image"]));
}
