//! Requesting an image: what is accepted, what is refused and how.

use super::{bria_app, post_generation, three_lights, with};
use domain::plan::Plan;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

#[tokio::test]
async fn a_prompt_and_a_rig_are_accepted_for_one_credit() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let body = json!({
        "prompt": "a red chair", "lighting": three_lights(), "quality": "lite", "seed": 7,
        "camera": {"focal_length_mm": 85, "aperture": 2.8, "aspect_ratio": "4:5"},
    });
    let answer = kim.post("/api/v1/generations").key("chair-1").json(body).await;
    assert_eq!(answer.status(), 202);
    expect![[r#"
        {
          "aspect_ratio": "4:5",
          "charge": {
            "credits": 1,
            "lots": [
              {
                "credits": 1,
                "lot": "free:2026-11-22T09:00:00.000Z"
              }
            ],
            "status": "held"
          },
          "created_at": "2026-11-22T09:00:00.000Z",
          "expected_at": "2026-11-22T09:00:15.000Z",
          "favourite": false,
          "id": "gen_01M817QNM00000000000000001",
          "links": {
            "cancel": "https://api.prolight.test/test/api/v1/generations/gen_01M817QNM00000000000000001/cancel",
            "self": "https://api.prolight.test/test/api/v1/generations/gen_01M817QNM00000000000000001"
          },
          "provider": "bria",
          "quality": "lite",
          "seed": 7,
          "status": "queued",
          "updated_at": "2026-11-22T09:00:00.000Z"
        }"#]]
    .assert_eq(&answer.pretty());
    assert_eq!(answer.header("location"), answer.json()["links"]["self"].as_str());
    assert_eq!(answer.header("retry-after"), Some("15"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    app.assert_credits_balance(&kim.id).await;
}

/// One read and one transaction. The table's stream feeds the queue, not the request.
#[tokio::test]
async fn a_generation_request_takes_two_round_trips() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    for key in ["first", "second"] {
        app.engine.take_usage();
        assert_eq!(post_generation(&kim, key).await.status(), 202);
        let usage = app.engine.take_usage();
        let requests: Vec<_> = usage.requests.into_iter().collect();
        let expected = ["BatchGetItem", "TransactWriteItems"].map(|name| (name.to_owned(), 1));
        assert_eq!(requests, expected);
    }
    app.assert_credits_balance(&kim.id).await;
}

/// Posts `body` as a member without restrictions, and checks the error; nothing is charged.
async fn refused(body: impl Into<String>, expected: &str) {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let request = kim.post("/api/v1/generations").key("k");
    let answer = request.header("Content-Type", "application/json").text(body).await;
    assert_eq!(answer.brief(), expected);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(app.engine.dump().is_empty(), "nothing was written");
}

/// Checks that `body` has invalid fields.
async fn invalid(body: Value, fields: &str) {
    refused(body.to_string(), &format!("422 invalid_request, {fields}")).await;
}

/// The same for a valid body with one more member.
async fn invalid_with(name: &str, value: Value, fields: &str) {
    invalid(with(json!({"prompt": "a red chair"}), &format!("/{name}"), value), fields).await;
}

/// The same for a lighting rig with one member replaced.
async fn invalid_rig(pointer: &str, value: Value, field: &str) {
    let field = format!("/lighting{field}");
    invalid_with("lighting", with(three_lights(), pointer, value), &field).await;
}

#[tokio::test]
async fn the_subject_is_given_exactly_once_and_as_text() {
    let preset = "pre_01JD0000000000000000000000";
    invalid(json!({}), "(whole) one_of").await;
    invalid(json!({"prompt": null}), "(whole) one_of").await;
    invalid(json!({"prompt": ""}), "/prompt empty").await;
    invalid(json!({"prompt": " \n\t "}), "/prompt empty").await;
    invalid(json!({"prompt": "x".repeat(2001)}), "/prompt too_long").await;
    invalid(json!({"prompt": "a\u{0}b"}), "/prompt invisible_text").await;
    let partial = json!({"structured_prompt": {"short_description": "a chair"}});
    let missing = ["background_setting", "lighting", "aesthetics", "context"]
        .map(|name| format!("/structured_prompt/{name} missing_field"));
    invalid(partial, &missing.join(", ")).await;
    invalid_with("structured_prompt", structured(), "(whole) one_of").await;
    let both = json!({"structured_prompt": structured(), "preset_id": preset});
    invalid(both, "(whole) one_of").await;
    invalid_with("preset_id", json!(preset), "/preset_id unknown_preset").await;
    invalid_with("preset_id", json!("chair"), "/preset_id invalid_value").await;
    invalid_with("preset_id", json!(7), "/preset_id wrong_type").await;
}

#[tokio::test]
async fn a_prompt_is_counted_in_characters() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let longest = json!({"prompt": "ü".repeat(2000)});
    let answer = kim.post("/api/v1/generations").key("k").json(longest).await;
    assert_eq!(answer.status(), 202);
}

#[tokio::test]
async fn fields_have_types_and_limits_and_unknown_ones_are_refused() {
    invalid_with("promt", json!("a red chair"), "/promt unknown_field").await;
    invalid_with("prompt", json!(7), "/prompt wrong_type").await;
    invalid_with("prompt", json!(["a red chair"]), "/prompt wrong_type").await;
    invalid_with("seed", json!(-1), "/seed invalid_value").await;
    invalid_with("seed", json!(4_294_967_296_u64), "/seed invalid_value").await;
    invalid_with("seed", json!(2_147_483_648_u64), "/seed too_large").await;
    invalid_with("seed", json!(1.5), "/seed wrong_type").await;
    invalid_with("seed", json!("7"), "/seed wrong_type").await;
    invalid_with("quality", json!("best"), "/quality unknown_value").await;
    invalid_with("quality", json!({"lite": null}), "/quality wrong_type").await;
    invalid_with("aspect_ratio", json!("21:9"), "/aspect_ratio unknown_value").await;
    invalid_with("negative_prompt", json!("x".repeat(1001)), "/negative_prompt too_long").await;
    let lite = json!({"prompt": "a chair", "quality": "lite", "negative_prompt": "people"});
    invalid(lite, "/negative_prompt not_with_lite").await;
    invalid_with("camera", json!({"aperture": 0}), "/camera/aperture out_of_range").await;
    invalid_with("camera", json!({"zoom": 2}), "/camera/zoom unknown_field").await;
    invalid_with("camera", json!([85, 4]), "/camera wrong_type").await;
    let all = "/camera/focal_length_mm out_of_range, /camera/height_m out_of_range";
    invalid_with("camera", json!({"focal_length_mm": 13.9, "height_m": 9}), all).await;
}

#[tokio::test]
async fn a_rig_has_one_to_eight_lights_within_physics() {
    let lights = |count| json!(vec![json!({"role": "fill"}); count]);
    invalid_rig("/lights", lights(0), "/lights count").await;
    invalid_rig("/lights", lights(9), "/lights count").await;
    invalid_rig("/lights/0", json!({"azimuth": 3}), "/lights/0/role missing_field").await;
    invalid_rig("/lights/0/role", json!("kicker"), "/lights/0/role unknown_value").await;
    invalid_rig("/lights/0/watts", json!(500), "/lights/0/watts unknown_field").await;
    invalid_rig("/lights/2/elevation", json!(90.01), "/lights/2/elevation out_of_range").await;
    invalid_rig("/lights/0/azimuth", json!(-1e308), "/lights/0/azimuth out_of_range").await;
    invalid_rig("/lights/0/azimuth", json!("NaN"), "/lights/0/azimuth wrong_type").await;
    invalid_rig("/lights/1/colour", json!(1e9), "/lights/1/colour wrong_type").await;
    invalid_rig("/lights/1/colour", json!(5_000_000_000_u64), "/lights/1/colour invalid_value")
        .await;
    invalid_rig("/lights/1/size", json!(1e-300), "/lights/1/size out_of_range").await;
    invalid_rig("/backdrop/colour", json!("puce"), "/backdrop/colour invalid_value").await;
    invalid_rig("/backdrop", json!([]), "/backdrop wrong_type").await;
    invalid_rig("/backdrop", json!("white"), "/backdrop wrong_type").await;
}

/// Numbers outside JSON are rejected before any field is checked.
#[tokio::test]
async fn a_body_is_one_json_object() {
    for number in ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "0x10", "1_000", ".5"] {
        let light = format!(r#"{{"role": "key", "azimuth": {number}}}"#);
        let body = format!(r#"{{"prompt": "a chair", "lighting": {{"lights": [{light}]}}}}"#);
        refused(body, "400 malformed_json").await;
    }
    let deep = "[".repeat(10_000);
    for body in [r#"{"prompt": "#, "[]", "\"a red chair\"", "null", "", &deep] {
        let expected = match body {
            "" => "422 invalid_request, (whole) one_of",
            _ => "400 malformed_json",
        };
        refused(body, expected).await;
    }
    refused(r#"{"prompt": "a", "prompt": "b"}"#, "400 malformed_json").await;
}

#[tokio::test]
async fn a_body_over_64_kib_is_not_read() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let check = async |length: usize, expected: Expect| {
        let padding = " ".repeat(length - 2);
        let request = kim.post("/api/v1/generations").key("k");
        let request = request.header("Content-Type", "application/json");
        let answer = request.text(format!("{{{padding}}}")).await;
        expected.assert_eq(&answer.brief());
    };
    check(64 * 1024, expect!["422 invalid_request, (whole) one_of"]).await;
    check(64 * 1024 + 1, expect!["413 body_too_large"]).await;
}

#[tokio::test]
async fn a_body_says_that_it_is_json() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = kim.post("/api/v1/generations").key("k").header("Content-Type", content_type);
        let answer = request.text(r#"{"prompt": "a red chair"}"#).await;
        expect!["415 unsupported_media_type"].assert_eq(&answer.brief());
    }
}

/// An error tells a program and a person what to do about it.
#[tokio::test]
async fn a_refusal_is_a_problem_document() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let body = json!({"prompt": "a red chair", "lighting": {"lights": []}});
    let request = kim.post("/api/v1/generations").key("k").header("X-Request-Id", "web-42");
    expect![[r#"
        {
          "code": "invalid_request",
          "detail": "/lighting/lights: A rig has 1 to 8 lights.",
          "errors": [
            {
              "code": "count",
              "detail": "A rig has 1 to 8 lights.",
              "pointer": "/lighting/lights"
            }
          ],
          "request_id": "web-42",
          "status": 422,
          "title": "Not valid",
          "type": "https://api.prolight.test/test/docs/problems/invalid_request"
        }"#]]
    .assert_eq(&request.json(body).await.pretty());
}

#[tokio::test]
async fn a_visitor_is_asked_to_sign_in() {
    let app = bria_app();
    let answer = post_generation(&app.visitor(), "k").await;
    expect!["401 unauthenticated"].assert_eq(&answer.brief());
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="prolight""#));
}

/// The free credits come once a token says that the address is verified.
#[tokio::test]
async fn a_new_member_verifies_the_address_first() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let unverified = app.client(&kim.unverified());
    assert_eq!(post_generation(&unverified, "k").await.brief(), "403 email_unverified");
    assert!(app.jobs(&kim.id).await.is_empty());
    assert_eq!(post_generation(&kim, "k").await.status(), 202);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_suspended_member_gets_the_reason() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    app.suspend(&kim.id, "payment fraud", None).await;
    let answer = post_generation(&kim, "k").await;
    expect![[r#"
        {
          "code": "account_suspended",
          "detail": "This account is suspended: payment fraud",
          "request_id": "00000000-0000-4000-8000-000000000001",
          "status": 403,
          "title": "Not allowed",
          "type": "https://api.prolight.test/test/docs/problems/account_suspended",
          "until": null
        }"#]]
    .assert_eq(&answer.pretty());
    assert!(app.jobs(&kim.id).await.is_empty());
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_suspension_ends_by_itself() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let minute = std::time::Duration::from_secs(60);
    app.suspend(&kim.id, "spam", Some(app.now().plus(minute))).await;
    assert_eq!(post_generation(&kim, "k").await.code(), "account_suspended");
    app.ambient.clock.advance(minute);
    assert_eq!(post_generation(&kim, "k").await.status(), 202);
    app.assert_credits_balance(&kim.id).await;
}

/// Transient faults of the table are invisible to the caller, and nothing happens twice.
#[tokio::test]
async fn a_transient_fault_of_the_table_is_retried() {
    use testing::Fault::{Conflict, Fail, LoseAnswer, Throttle};
    for fault in [Conflict, Throttle, Fail, LoseAnswer] {
        let app = bria_app();
        let kim = app.sign_in("kim");
        app.engine.order("TransactWriteItems", 1, fault);
        let answer = post_generation(&kim, "k").await;
        assert_eq!(answer.status(), 202, "{fault:?}");
        assert_eq!(app.jobs(&kim.id).await.len(), 1, "{fault:?}");
        assert_eq!(app.account(&kim.id).await.credits.totals().held, 1, "{fault:?}");
        app.assert_credits_balance(&kim.id).await;
    }
}

/// An unavailable table is a 503 with `Retry-After`, and never says why.
#[tokio::test]
async fn an_unavailable_table_is_a_server_error() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    for nth in 1..=3 {
        app.engine.order("BatchGetItem", nth, testing::Fault::Fail);
    }
    let answer = post_generation(&kim, "k").await;
    expect![[r#"
        {
          "code": "temporarily_unavailable",
          "detail": "Nothing is wrong with the request; we could not carry it out.",
          "request_id": "00000000-0000-4000-8000-000000000001",
          "status": 503,
          "title": "Not available right now",
          "type": "https://api.prolight.test/test/docs/problems/temporarily_unavailable"
        }"#]]
    .assert_eq(&answer.pretty());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(post_generation(&kim, "k").await.status(), 202);
    app.assert_credits_balance(&kim.id).await;
}

/// A member has their own credits: another's account is never touched.
#[tokio::test]
async fn each_member_pays_for_their_own_generations() {
    let app = bria_app();
    let kim = app.client(&app.member("kim", Plan::Free, 1).await);
    let ada = app.client(&app.member("ada", Plan::Free, 1).await);
    for member in [&kim, &ada] {
        assert_eq!(post_generation(member, "same-key").await.status(), 202);
        assert_eq!(app.account(&member.id).await.credits.totals().available, 0);
        app.assert_credits_balance(&member.id).await;
    }
}

pub(super) fn structured() -> Value {
    json!({
        "short_description": "A red chair.", "background_setting": "A grey studio.",
        "lighting": {"conditions": "soft"}, "aesthetics": {"composition": "centred"},
        "context": "A product photograph.",
    })
}
