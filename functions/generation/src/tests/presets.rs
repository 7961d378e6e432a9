//! Presets: created, listed, used, refined, deleted.

use std::time::Duration;

use domain::generation::Input;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testing::{Actor, Client, ClientRequest, at_once};

use super::{
    bria_app, cancel_generation, create::structured, get_generation, job_of, three_lights, with,
};

fn window_light() -> Value {
    json!({"name": "Window light", "prompt": "a red chair", "lighting": three_lights()})
}

/// Creates a preset and returns its id.
async fn saved(member: &Client<'_>, body: Value) -> String {
    let answer = member.post("/api/v1/presets").json(body).await;
    assert_eq!(answer.status(), 201, "{}", answer.pretty());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_preset_is_saved_under_a_name() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let body = json!({
        "name": "Window light", "prompt": "a red chair", "negative_prompt": "people",
        "lighting": {"lights": [{"role": "key", "azimuth": -60}]},
        "camera": {"aperture": 2.8, "aspect_ratio": "3:2"},
    });
    let answer = &kim.post("/api/v1/presets").json(body).await;
    assert_eq!(answer.status(), 201);
    let location = format!("/api/v1/presets/{}", answer.json()["id"].as_str().unwrap());
    assert!(answer.header("location").unwrap().ends_with(&location));
    expect![[r#"
        {
          "camera": {
            "angle_degrees": 0.0,
            "aperture": 2.8,
            "aspect_ratio": "3:2",
            "focal_length_mm": 85.0,
            "height_m": 1.5
          },
          "created_at": "2026-11-22T09:00:00.000Z",
          "id": "pre_01M817QNM00000000000000001",
          "lighting": {
            "backdrop": {
              "colour": "grey",
              "distance": 1.8,
              "falloff": 1.0
            },
            "lights": [
              {
                "azimuth": -60.0,
                "colour": 5600,
                "distance": 1.6,
                "elevation": 35.0,
                "intensity": 0.0,
                "role": "key",
                "size": 0.9
              }
            ]
          },
          "name": "Window light",
          "negative_prompt": "people",
          "prompt": "a red chair",
          "updated_at": "2026-11-22T09:00:00.000Z"
        }"#]]
    .assert_eq(&answer.pretty());
    assert_eq!(kim.get("/api/v1/presets").await.json()["items"], json!([answer.json()]));
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_preset_has_a_name_and_content() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let check = async |body: Value, fields: &str| {
        let answer = &kim.post("/api/v1/presets").json(body).await;
        assert_eq!(answer.brief(), format!("422 invalid_request, {fields}"));
    };
    let named = |name: &str| with(window_light(), "/name", json!(name));
    check(json!({"name": "Nothing"}), "(whole) empty").await;
    check(json!({"prompt": "a red chair"}), "/name missing_field").await;
    check(named(""), "/name name").await;
    check(named("  "), "/name name").await;
    check(named(&"x".repeat(81)), "/name name").await;
    check(named("a\u{7}b"), "/name name").await;
    check(with(window_light(), "/prompt", json!("")), "/prompt empty").await;
    check(with(window_light(), "/lighting/lights", json!([])), "/lighting/lights count").await;
    check(with(window_light(), "/seed", json!(7)), "/seed unknown_field").await;
    check(with(window_light(), "/camera", json!("wide")), "/camera wrong_type").await;
    saved(&kim, named("a/../b <b>&amp;</b> 💡")).await;
}

/// DynamoDB stores nothing nearer to zero than 1e-130, and nothing from 1e126 on.
#[tokio::test]
async fn a_number_that_cannot_be_stored_is_zero_or_refused() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    for least in [5e-324, -1e-300, 9.9e-131, 1e-130] {
        let tiny = with(window_light(), "/lighting/lights/0/azimuth", json!(least));
        let id = saved(&kim, tiny).await;
        let preset = kim.get(format!("/api/v1/presets/{id}")).await.json();
        let azimuth = preset["lighting"]["lights"][0]["azimuth"].as_f64().unwrap();
        assert_eq!(azimuth, if least == 1e-130 { least } else { 0.0 });
    }
    let extra = |number: f64| {
        let prompt = with(structured(), "/lighting/lumen", json!({"of": [number]}));
        json!({"name": "Lumen", "structured_prompt": prompt})
    };
    saved(&kim, extra(-1e125)).await;
    let refused = kim.post("/api/v1/presets").json(extra(1e126)).await;
    let fields = "422 invalid_request, /structured_prompt/lighting/lumen/of/0 out_of_range";
    assert_eq!(refused.brief(), fields);
}

#[tokio::test]
async fn presets_come_newest_first_and_page_after_page() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let mut expected = Vec::new();
    for number in 0..7 {
        let body = with(window_light(), "/name", json!(format!("Number {number}")));
        expected.insert(0, saved(&kim, body).await);
        app.ambient.clock.advance(Duration::from_secs(1));
    }
    for limit in [1, 3, 7, 100] {
        let list = || kim.get("/api/v1/presets").query("limit", limit);
        let (mut found, mut next) = (Vec::new(), list());
        loop {
            let page = next.await.json();
            let items = page["items"].as_array().unwrap();
            found.extend(items.iter().map(|preset| preset["id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = list().query("cursor", cursor);
        }
        assert_eq!(found, expected, "limit {limit}");
    }
    let check = async |name: &str, value: &str, expected: Expect| {
        expected.assert_eq(&kim.get("/api/v1/presets").query(name, value).await.brief());
    };
    check("limit", "0", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("limit", "101", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("cursor", "Z2VuXzE", expect!["422 invalid_cursor, /cursor cursor"]).await;
    check("cursor", "?", expect!["422 invalid_request, /cursor invalid_value"]).await;
    check("name", "Number 1", expect!["422 invalid_request, /name unknown_field"]).await;
}

fn delete<'a>(client: &Client<'a>, id: &str) -> ClientRequest<'a> {
    client.delete(format!("/api/v1/presets/{id}"))
}

/// A generation made with a preset and nothing else.
fn post_from<'a>(member: &Client<'a>, key: &str, preset: &str) -> ClientRequest<'a> {
    member.post("/api/v1/generations").key(key).json(json!({"preset_id": preset}))
}

/// Posts `body` and returns the input of the image.
async fn made_from(member: &Client<'_>, key: &str, body: Value) -> Input {
    let answer = member.post("/api/v1/generations").key(key).json(body).await;
    assert_eq!(answer.status(), 202, "{}", answer.pretty());
    let job = job_of(member, &answer).await;
    let shown = get_generation(member, &job.id).await.json();
    cancel_generation(member, &job.id).await;
    serde_json::from_value(shown["input"].clone()).unwrap()
}

#[tokio::test]
async fn a_generation_uses_a_preset_refines_it_and_overrides_it() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let id = saved(&kim, window_light()).await;
    let input = made_from(&kim, "used", json!({"preset_id": id})).await;
    assert_eq!(input.prompt.as_deref(), Some("a red chair"));
    assert_eq!(input.lighting, serde_json::from_value(three_lights()).unwrap());
    assert_eq!(input.preset_id.unwrap().as_str(), id);

    let body = json!({"preset_id": id, "prompt": "on a beach"});
    let input = made_from(&kim, "refined", body).await;
    assert_eq!(input.prompt.as_deref(), Some("a red chair. on a beach"));

    let own = json!({"lights": [{"role": "key"}]});
    let body = json!({"preset_id": id, "lighting": own});
    let input = made_from(&kim, "own-light", body).await;
    assert_eq!(input.lighting, serde_json::from_value(own).unwrap());
    app.assert_credits_balance(&kim.id).await;
}

/// A preset without a prompt needs one; one with a structured prompt is refined by it.
#[tokio::test]
async fn a_preset_may_hold_the_lighting_alone() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let light = json!({"name": "Light", "lighting": three_lights()});
    let id = saved(&kim, light).await;
    let answer = post_from(&kim, "bare", &id).await;
    expect!["422 invalid_request, /prompt missing"].assert_eq(&answer.brief());
    let body = json!({"preset_id": id, "prompt": "a vase"});
    let input = made_from(&kim, "with-words", body).await;
    assert_eq!(input.prompt.as_deref(), Some("a vase"));
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn another_members_preset_is_not_found() {
    let app = bria_app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let id = saved(&kim, window_light()).await;
    let answer = post_from(&ada, "k", &id).await;
    expect!["422 invalid_request, /preset_id unknown_preset"].assert_eq(&answer.brief());
    let check = async |client: &Client<'_>, id: &str, expected: Expect| {
        expected.assert_eq(&delete(client, id).await.brief());
    };
    check(&ada, &id, expect!["404 preset_not_found"]).await;
    check(&app.client(&Actor::admin()), &id, expect!["404 preset_not_found"]).await;
    check(&kim, "pre_1", expect!["404 preset_not_found"]).await;
    check(&app.visitor(), &id, expect!["401 unauthenticated"]).await;
    assert_eq!(ada.get("/api/v1/presets").await.json()["items"], json!([]));
    check(&kim, &id, expect!["204"]).await;
}

#[tokio::test]
async fn a_deleted_preset_is_not_found_and_generations_made_with_it_stay() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let id = saved(&kim, window_light()).await;
    let job = job_of(&kim, &post_from(&kim, "k", &id).await).await;
    assert_eq!(delete(&kim, &id).await.status(), 204);
    assert_eq!(delete(&kim, &id).await.brief(), "404 preset_not_found");
    assert_eq!(app.account(&kim.id).await.presets, 0);
    let answer = post_from(&kim, "k2", &id).await;
    expect!["422 invalid_request, /preset_id unknown_preset"].assert_eq(&answer.brief());
    let shown = get_generation(&kim, &job.id).await.json();
    assert_eq!(shown["input"]["prompt"], "a red chair");
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_repeat_with_the_key_is_the_same_preset() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let save = |body: Value| kim.post("/api/v1/presets").key("save-1").json(body);
    let answers = at_once(16, |_| save(window_light()));
    let first = save(window_light()).await;
    for answer in answers {
        assert_eq!((answer.status(), answer.json()), (201, first.json()));
    }
    let other = save(with(window_light(), "/name", json!("Other"))).await;
    assert_eq!(other.brief(), "422 idempotency_key_reused");
    assert_eq!(app.account(&kim.id).await.presets, 1);
    app.assert_credits_balance(&kim.id).await;
}

/// The key is remembered for longer than the preset.
#[tokio::test]
async fn the_key_of_a_deleted_preset_saves_no_other() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let save = || kim.post("/api/v1/presets").key("save-1").json(window_light());
    let first = save().await.json();
    assert_eq!(delete(&kim, first["id"].as_str().unwrap()).await.status(), 204);
    assert_eq!(save().await.brief(), "404 preset_not_found");
    assert_eq!(app.account(&kim.id).await.presets, 0);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_member_has_at_most_a_hundred_and_a_suspended_one_changes_none() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let mut last = String::new();
    for _ in 0..100 {
        last = saved(&kim, window_light()).await;
    }
    let one_more = || kim.post("/api/v1/presets").json(window_light());
    expect!["409 too_many_presets"].assert_eq(&one_more().await.brief());
    assert_eq!(delete(&kim, &last).await.status(), 204);
    let last = saved(&kim, window_light()).await;
    app.suspend(&kim.id, "spam", None).await;
    expect!["403 account_suspended"].assert_eq(&one_more().await.brief());
    expect!["403 account_suspended"].assert_eq(&delete(&kim, &last).await.brief());
    assert_eq!(kim.get("/api/v1/presets").await.status(), 200);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_preset_is_where_its_location_says() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let created = kim.post("/api/v1/presets").json(window_light()).await;
    let location = created.header("location").unwrap().to_owned();
    let path = location.strip_prefix("https://api.prolight.test/test").unwrap();
    let found = kim.get(path).await;
    assert_eq!((found.status(), found.json()), (200, created.json()));
    for other in [app.sign_in("ada"), app.client(&Actor::admin())] {
        assert_eq!(other.get(path).await.brief(), "404 preset_not_found");
    }
    assert_eq!(kim.get("/api/v1/presets/pre_1").await.brief(), "404 preset_not_found");
}

fn put<'a>(member: &Client<'a>, id: &str, body: Value) -> ClientRequest<'a> {
    member.put(format!("/api/v1/presets/{id}")).json(body)
}

/// What was made with it keeps what it was.
#[tokio::test]
async fn a_preset_is_replaced_as_a_whole() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let id = saved(&kim, window_light()).await;
    let job = job_of(&kim, &post_from(&kim, "k", &id).await).await;
    app.ambient.clock.advance(Duration::from_secs(60));
    let body = json!({"name": "Candle", "prompt": "a candle"});
    let replaced = put(&kim, &id, body.clone()).await;
    expect![[r#"
        {
          "created_at": "2026-11-22T09:00:00.000Z",
          "id": "pre_01M817QNM00000000000000001",
          "name": "Candle",
          "prompt": "a candle",
          "updated_at": "2026-11-22T09:01:00.000Z"
        }"#]]
    .assert_eq(&replaced.pretty());
    let shown = kim.get(format!("/api/v1/presets/{id}")).await;
    assert_eq!(shown.json(), replaced.json());
    assert_eq!(get_generation(&kim, &job.id).await.json()["input"]["prompt"], "a red chair");
    assert_eq!(app.account(&kim.id).await.presets, 1);

    let check = async |client: &Client<'_>, id: &str, body: Value, expected: &str| {
        assert_eq!(put(client, id, body).await.brief(), expected);
    };
    let nameless = with(window_light(), "/name", json!(""));
    check(&kim, &id, nameless, "422 invalid_request, /name name").await;
    check(&kim, &id, json!({"name": "x"}), "422 invalid_request, (whole) empty").await;
    check(&kim, "pre_1", body.clone(), "404 preset_not_found").await;
    check(&app.sign_in("ada"), &id, body.clone(), "404 preset_not_found").await;
    app.suspend(&kim.id, "spam", None).await;
    check(&kim, &id, body, "403 account_suspended").await;
    assert_eq!(kim.get(format!("/api/v1/presets/{id}")).await.json(), replaced.json());
    app.assert_credits_balance(&kim.id).await;
}

/// Of two editors that read the same preset, the second is told.
#[tokio::test]
async fn a_preset_that_changed_meanwhile_is_not_replaced() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let id = saved(&kim, window_light()).await;
    let read = kim.get(format!("/api/v1/presets/{id}")).await;
    let tag = read.header("etag").unwrap();
    let named = |name: &str| with(window_light(), "/name", json!(name));
    let first = put(&kim, &id, named("One")).header("If-Match", tag).await;
    let second = put(&kim, &id, named("Two")).header("If-Match", tag).await;
    assert_eq!((first.status(), second.brief().as_str()), (200, "412 precondition_failed"));
    let one = kim.get(format!("/api/v1/presets/{id}")).await;
    assert_eq!(one.json()["name"], "One");
}
