//! The live demo.

use domain::id::ListingId;
use serde_json::{Value, json};
use testing::{Client, ClientRequest, TestApp};

use super::{
    LISTINGS, app,
    listing_steps::{camera, draft, draft_of, lighting, on_sale, publish, template},
};

/// A live demo of a listing.
fn preview<'a>(app: &'a TestApp, id: &ListingId, body: Value) -> ClientRequest<'a> {
    app.visitor().post(format!("{LISTINGS}/{id}/preview")).json(body)
}

#[tokio::test]
async fn a_demo_is_a_picture_and_nothing_else() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Rembrandt").await;
    let first = preview(&app, &id, json!({ "subject": "product" })).await;
    assert_eq!(first.status(), 200, "{}", first.pretty());
    assert_eq!(first.json()["cached"], false);
    let again = preview(&app, &id, json!({ "subject": "product" })).await.json();
    assert_eq!((&again["cached"], &again["image"]), (&json!(true), &first.json()["image"]));
    let turned = json!({ "subject": "product", "overrides": { "stops": 1.0 } });
    assert_ne!(preview(&app, &id, turned).await.json()["image"], again["image"]);
    let text = first.pretty();
    assert!(!text.contains("azimuth") && !text.contains("lights"), "{text}");
    let key = again["image"]["url"].as_str().unwrap().split_once("/demos/").unwrap().1.to_owned();
    let (jpeg, kind) = app.previews_bucket().get(&format!("demos/{key}")).await.unwrap();
    assert_eq!(kind, "image/jpeg");
    // Start, tables, frame, tables, scan: no segment with metadata.
    for marker in [0xe1_u8, 0xe2, 0xed, 0xfe] {
        assert!(!jpeg.windows(2).any(|two| two == [0xff, marker]), "{marker:x}");
    }
}

#[tokio::test]
async fn a_visitor_stays_within_the_creators_limits() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Rembrandt").await;
    let check = async |body: Value, expected: &str| {
        assert_eq!(preview(&app, &id, body.clone()).await.brief(), expected, "{body}");
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
}

#[tokio::test]
async fn demos_are_limited_for_each_visitor() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Rembrandt").await;
    for _ in 0..60 {
        assert_eq!(preview(&app, &id, json!({ "size": 256 })).await.status(), 200);
    }
    let more = preview(&app, &id, json!({ "size": 256 })).await;
    assert_eq!(more.brief(), "429 rate_limited");
}

#[tokio::test]
async fn a_picture_has_the_shape_of_the_frame_and_a_usual_subject() {
    let app = app();
    let kim = app.sign_in("kim");
    let wide = draft_of(&kim, camera("A wide frame", "16:9")).await;
    publish(&app, &kim, &wide).await;
    let demo = preview(&app, &wide, json!({})).await.json();
    assert_eq!(demo["subject"], "bust");
    assert_eq!((&demo["image"]["width"], &demo["image"]["height"]), (&json!(384), &json!(216)));
    let mut still = lighting("Still life");
    still["demo"] = json!({ "subjects": ["product", "sphere"] });
    let still = draft_of(&kim, still).await;
    publish(&app, &kim, &still).await;
    let demo = preview(&app, &still, json!({ "size": 256 })).await.json();
    assert_eq!((&demo["subject"], &demo["image"]["height"]), (&json!("product"), &json!(256)));
    let bust = preview(&app, &still, json!({ "subject": "bust" })).await;
    assert_eq!(bust.brief(), "422 invalid_request, /subject not_offered");
}

#[tokio::test]
async fn some_listings_have_no_demo() {
    let app = app();
    let kim = app.sign_in("kim");
    let draft = draft(&kim, "Not on sale").await;
    assert_eq!(preview(&app, &draft, json!({})).await.brief(), "404 listing_not_found");
    let mut shy = lighting("Not to be tried");
    shy["demo"] = json!({ "enabled": false });
    let shy = draft_of(&kim, shy).await;
    publish(&app, &kim, &shy).await;
    assert_eq!(preview(&app, &shy, json!({})).await.brief(), "409 no_demo");
}

#[tokio::test]
async fn a_template_is_shown_by_an_example() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft_of(&kim, template("On slate")).await;
    publish(&app, &kim, &id).await;
    let usual = preview(&app, &id, json!({})).await;
    assert_eq!(usual.status(), 200, "{}", usual.pretty());
    assert!(!usual.pretty().contains("recipe"), "{}", usual.pretty());
    let usual = usual.json();
    assert_eq!(usual["subject"], "product", "its default is a bottle");
    let same = preview(&app, &id, json!({ "slots": { "product": "a jar" } })).await.json();
    assert_eq!((&same["cached"], &same["image"]), (&json!(true), &usual["image"]));
    let red = preview(&app, &id, json!({ "slots": { "product": "a crimson jar" } })).await.json();
    assert_ne!(red["image"], usual["image"]);
    let woman = preview(&app, &id, json!({ "slots": { "product": "a woman" } })).await.json();
    assert_eq!(woman["subject"], "bust");
    let named = json!({ "subject": "sphere", "slots": { "product": "a woman" } });
    assert_eq!(preview(&app, &id, named).await.json()["subject"], "sphere");

    let check = async |slots: Value, expected: &str| {
        let answer = preview(&app, &id, json!({ "slots": slots })).await;
        assert_eq!(answer.brief(), expected, "{slots}");
    };
    check(json!({ "other": "x" }), "422 invalid_request, /slots/other unknown_slot").await;
    check(
        json!({ "product": "" }),
        "422 invalid_request, /slots/product length, /slots/product text",
    )
    .await;
    check(json!({ "product": "{{a}}" }), "422 invalid_request, /slots/product text").await;
    let rig = on_sale(&app, &kim, "Rembrandt").await;
    let of_a_rig = preview(&app, &rig, json!({ "slots": { "product": "x" } })).await;
    assert_eq!(of_a_rig.brief(), "422 invalid_request, /slots/product unknown_slot");
}

/// An image that a process remembers is not checked again: it is served without the bucket.
#[tokio::test]
async fn a_stored_image_is_not_checked_again() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Rembrandt").await;
    let small = || json!({ "size": 256 });
    let first = preview(&app, &id, small()).await.json();
    app.previews_bucket().discard().await;
    let again = preview(&app, &id, small()).await.json();
    assert_eq!((&again["cached"], &again["image"]), (&json!(true), &first["image"]));
}

/// A preview of kim's own scene.
fn studio<'a>(member: &Client<'a>, body: Value) -> ClientRequest<'a> {
    member.post("/api/v1/studio/previews").json(body)
}

fn low_key() -> Value {
    json!({
        "lighting": {
            "lights": [{ "role": "key", "azimuth": -70 }], "backdrop": { "colour": "charcoal" },
        },
        "camera": { "aspect_ratio": "16:9" },
        "subject": "product",
    })
}

#[tokio::test]
async fn a_members_own_scene_is_drawn_at_once_and_once() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let first = studio(&kim, low_key()).await;
    assert_eq!(first.status(), 200, "{}", first.pretty());
    let (first, again) = (first.json(), studio(&ada, low_key()).await.json());
    assert_eq!((&first["cached"], &again["cached"]), (&json!(false), &json!(true)));
    assert_eq!(again["image"], first["image"], "whoever asks");
    assert_eq!((&again["image"]["width"], &again["image"]["height"]), (&json!(384), &json!(216)));
    let url = again["image"]["url"].as_str().unwrap();
    let key = url.strip_prefix("https://previews.prolight.test/").unwrap();
    assert!(key.starts_with("demos/studio/"), "{key}");
    let (jpeg, kind) = app.previews_bucket().get(key).await.unwrap();
    assert_eq!(kind, "image/jpeg");
    assert!((2_000..60_000).contains(&jpeg.len()), "{} bytes", jpeg.len());

    let mut turned = low_key();
    turned["lighting"]["lights"][0]["azimuth"] = json!(-69);
    assert_ne!(studio(&kim, turned).await.json()["image"], first["image"]);
    let usual = studio(&kim, json!({})).await.json();
    assert_eq!((&usual["subject"], &usual["image"]["height"]), (&json!("bust"), &json!(384)));
}

#[tokio::test]
async fn a_scene_is_one_that_can_be_drawn() {
    let app = app();
    let kim = app.sign_in("kim");
    let check = async |body: Value, expected: &str| {
        assert_eq!(studio(&kim, body.clone()).await.brief(), expected, "{body}");
    };
    let no_lights = json!({ "lighting": { "lights": [] } });
    check(no_lights, "422 invalid_request, /lighting/lights count").await;
    check(json!({ "subject": "cat" }), "422 invalid_request, /subject unknown_value").await;
    check(json!({ "size": 4_000 }), "422 invalid_request, /size unknown_field").await;
    let visitor = app.visitor().post("/api/v1/studio/previews").json(json!({})).await;
    assert_eq!(visitor.brief(), "401 unauthenticated");
    assert!(app.previews_bucket().keys().await.is_empty());
}

#[tokio::test]
async fn previews_are_limited_for_each_member() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    for _ in 0..240 {
        assert_eq!(studio(&kim, json!({})).await.status(), 200);
    }
    assert_eq!(studio(&kim, json!({})).await.brief(), "429 rate_limited");
    assert_eq!(studio(&ada, json!({})).await.status(), 200);
}
