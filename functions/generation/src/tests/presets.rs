//! Presets: created, listed, used, refined, deleted.

use std::time::Duration;

use domain::generation::Input;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testing::{Actor, TestRequest, at_once};

use super::{Studio, follow::about, three_lights, with};

fn window_light() -> Value {
    json!({"name": "Window light", "prompt": "a red chair", "lighting": three_lights()})
}

async fn kept(studio: &Studio, actor: &Actor, body: Value) -> String {
    let answer = studio.create_preset(&TestRequest::by(actor).json(body)).await;
    assert_eq!(answer.status(), 201, "{}", answer.pretty());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_preset_is_kept_under_a_name() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let body = json!({
        "name": "Window light", "prompt": "a red chair", "negative_prompt": "people",
        "lighting": {"lights": [{"role": "key", "azimuth": -60}]},
        "camera": {"aperture": 2.8, "aspect_ratio": "3:2"},
    });
    let answer = studio.create_preset(&TestRequest::by(&kim).json(body)).await;
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
          "prompt": "a red chair"
        }"#]]
    .assert_eq(&answer.pretty());
    assert_eq!(
        studio.list_presets(&TestRequest::by(&kim)).await.json()["items"],
        json!([answer.json()])
    );
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_preset_has_a_name_and_something_to_keep() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let check = async |body: Value, fields: &str| {
        let answer = studio.create_preset(&TestRequest::by(&kim).json(body)).await;
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
    kept(&studio, &kim, named("a/../b <b>&amp;</b> 💡")).await;
}

#[tokio::test]
async fn presets_come_newest_first_and_page_after_page() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let mut expected = Vec::new();
    for number in 0..7 {
        let body = with(window_light(), "/name", json!(format!("Number {number}")));
        expected.insert(0, kept(&studio, &kim, body).await);
        studio.app.ambient.clock.advance(Duration::from_secs(1));
    }
    for limit in [1, 3, 7, 100] {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let ask = TestRequest::by(&kim).query("limit", limit);
            let ask = cursor.iter().fold(ask, |ask, cursor: &String| ask.query("cursor", cursor));
            let page = studio.list_presets(&ask).await.json();
            let items = page["items"].as_array().unwrap();
            found.extend(items.iter().map(|preset| preset["id"].as_str().unwrap().to_owned()));
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "limit {limit}");
    }
    let check = async |name: &str, value: &str, expected: Expect| {
        expected.assert_eq(
            &studio.list_presets(&TestRequest::by(&kim).query(name, value)).await.brief(),
        );
    };
    check("limit", "0", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("limit", "101", expect!["422 invalid_request, /limit invalid_value"]).await;
    check("cursor", "Z2VuXzE", expect!["422 invalid_cursor, /cursor cursor"]).await;
    check("cursor", "?", expect!["422 invalid_request, /cursor invalid_value"]).await;
    check("name", "Number 1", expect!["422 invalid_request, /name unknown_field"]).await;
}

/// Posts `body` and returns the input of the image.
async fn made_from(studio: &Studio, actor: &Actor, key: &str, body: Value) -> Input {
    let answer = studio.create(&TestRequest::by(actor).key(key).json(body)).await;
    assert_eq!(answer.status(), 202, "{}", answer.pretty());
    let job = studio.job(&actor.id, &answer).await;
    let shown = studio.get(&about(actor, &job)).await.json();
    studio.cancel(&about(actor, &job)).await;
    serde_json::from_value(shown["input"].clone()).unwrap()
}

#[tokio::test]
async fn an_order_uses_a_preset_refines_it_and_stands_before_it() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let id = kept(&studio, &kim, window_light()).await;
    let input = made_from(&studio, &kim, "used", json!({"preset_id": id})).await;
    assert_eq!(input.prompt.as_deref(), Some("a red chair"));
    assert_eq!(input.lighting, serde_json::from_value(three_lights()).unwrap());
    assert_eq!(input.preset_id.unwrap().as_str(), id);

    let body = json!({"preset_id": id, "prompt": "on a beach"});
    let input = made_from(&studio, &kim, "refined", body).await;
    assert_eq!(input.prompt.as_deref(), Some("a red chair. on a beach"));

    let own = json!({"lights": [{"role": "key"}]});
    let body = json!({"preset_id": id, "lighting": own});
    let input = made_from(&studio, &kim, "own-light", body).await;
    assert_eq!(input.lighting, serde_json::from_value(own).unwrap());
    studio.app.assert_credits_balance(&kim.id).await;
}

/// A preset without a prompt needs one; one with a structured prompt is refined by it.
#[tokio::test]
async fn a_preset_may_keep_the_light_alone() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let light = json!({"name": "Light", "lighting": three_lights()});
    let id = kept(&studio, &kim, light).await;
    let bare = TestRequest::by(&kim).key("bare").json(json!({"preset_id": id}));
    let answer = studio.create(&bare).await;
    expect!["422 invalid_request, /prompt missing"].assert_eq(&answer.brief());
    let body = json!({"preset_id": id, "prompt": "a vase"});
    let input = made_from(&studio, &kim, "with-words", body).await;
    assert_eq!(input.prompt.as_deref(), Some("a vase"));
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn what_is_not_yours_does_not_exist() {
    let (studio, kim, ada) = (Studio::open(), Actor::member("kim"), Actor::member("ada"));
    let id = kept(&studio, &kim, window_light()).await;
    let theirs = TestRequest::by(&ada).key("k").json(json!({"preset_id": id}));
    let answer = studio.create(&theirs).await;
    expect!["422 invalid_request, /preset_id unknown_preset"].assert_eq(&answer.brief());
    let check = async |ask: TestRequest, expected: Expect| {
        expected.assert_eq(&studio.delete_preset(&ask).await.brief());
    };
    check(TestRequest::by(&ada).path("id", &id), expect!["404 preset_not_found"]).await;
    check(TestRequest::by(&Actor::admin()).path("id", &id), expect!["404 preset_not_found"]).await;
    check(TestRequest::by(&kim).path("id", "pre_1"), expect!["404 preset_not_found"]).await;
    check(TestRequest::anonymous().path("id", &id), expect!["401 unauthenticated"]).await;
    assert_eq!(studio.list_presets(&TestRequest::by(&ada)).await.json()["items"], json!([]));
    check(TestRequest::by(&kim).path("id", &id), expect!["204"]).await;
}

#[tokio::test]
async fn a_forgotten_preset_is_gone_and_what_was_made_with_it_stays() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let id = kept(&studio, &kim, window_light()).await;
    let order = TestRequest::by(&kim).key("k").json(json!({"preset_id": id}));
    let job = studio.job(&kim.id, &studio.create(&order).await).await;
    let forget = TestRequest::by(&kim).path("id", &id);
    assert_eq!(studio.delete_preset(&forget).await.status(), 204);
    assert_eq!(studio.delete_preset(&forget).await.brief(), "404 preset_not_found");
    assert_eq!(studio.app.account(&kim.id).await.presets, 0);
    let again = TestRequest::by(&kim).key("k2").json(json!({"preset_id": id}));
    let answer = studio.create(&again).await;
    expect!["422 invalid_request, /preset_id unknown_preset"].assert_eq(&answer.brief());
    let shown = studio.get(&about(&kim, &job)).await.json();
    assert_eq!(shown["input"]["prompt"], "a red chair");
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_repeat_with_the_key_is_the_same_preset() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let ask = TestRequest::by(&kim).key("keep").json(window_light());
    let answers = at_once(16, |_| studio.create_preset(&ask));
    let first = studio.create_preset(&ask).await;
    for answer in answers {
        assert_eq!((answer.status(), answer.json()), (201, first.json()));
    }
    let other =
        TestRequest::by(&kim).key("keep").json(with(window_light(), "/name", json!("Other")));
    assert_eq!(studio.create_preset(&other).await.brief(), "422 idempotency_key_reused");
    assert_eq!(studio.app.account(&kim.id).await.presets, 1);
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_member_keeps_a_hundred_and_a_suspended_one_changes_none() {
    let (studio, kim) = (Studio::open(), Actor::member("kim"));
    let mut last = String::new();
    for _ in 0..100 {
        last = kept(&studio, &kim, window_light()).await;
    }
    let (forget, one_more) =
        (TestRequest::by(&kim).path("id", &last), TestRequest::by(&kim).json(window_light()));
    expect!["409 too_many_presets"].assert_eq(&studio.create_preset(&one_more).await.brief());
    assert_eq!(studio.delete_preset(&forget).await.status(), 204);
    let last = kept(&studio, &kim, window_light()).await;
    studio.app.suspend(&kim.id, "spam", None).await;
    let forget = TestRequest::by(&kim).path("id", &last);
    expect!["403 account_suspended"].assert_eq(&studio.create_preset(&one_more).await.brief());
    expect!["403 account_suspended"].assert_eq(&studio.delete_preset(&forget).await.brief());
    assert_eq!(studio.list_presets(&TestRequest::by(&kim)).await.status(), 200);
    studio.app.assert_credits_balance(&kim.id).await;
}
