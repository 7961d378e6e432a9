//! The live demo.

use serde_json::{Value, json};
use testing::Actor;

use super::shop::Shop;

#[tokio::test]
async fn a_demo_is_a_picture_and_nothing_else() {
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
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
    // Start, tables, frame, tables, scan: no segment that says anything in words.
    for marker in [0xe1_u8, 0xe2, 0xed, 0xfe] {
        assert!(!jpeg.windows(2).any(|two| two == [0xff, marker]), "{marker:x}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_visitor_stays_within_what_the_creator_set() {
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
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
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Rembrandt").await;
    for _ in 0..60 {
        assert_eq!(shop.try_it(&id, json!({ "size": 256 })).await.status(), 200);
    }
    let more = shop.try_it(&id, json!({ "size": 256 })).await;
    assert_eq!(more.brief(), "429 rate_limited");
    shop.close().await;
}
