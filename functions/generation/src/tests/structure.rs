//! Text becomes a FIBO structured prompt: free, with limits.

use std::time::Duration;

use expect_test::{Expect, expect};
use sandbox::{
    Config, RunningSandbox, Sandbox,
    bria::Settings,
    faults::{AnswerFault, Fault, Order},
};
use serde_json::{Value, json};
use testing::{Client, ClientRequest, TestApp};

use super::{three_lights, with};
use crate::structure_prompt::BUDGET;

fn post_prompt<'a>(client: &Client<'a>) -> ClientRequest<'a> {
    client.post("/api/v1/prompts/structure").json(json!({"prompt": "a red chair on a beach"}))
}

/// The functions of this crate without a paid model: our template structures prompts.
fn template_app() -> TestApp {
    TestApp::serving(&[crate::functions])
}

#[tokio::test]
async fn the_template_describes_the_prompt_and_its_lighting() {
    let app = template_app();
    let kim = app.sign_in("kim");
    let body = json!({
        "prompt": "a red chair on a beach", "lighting": three_lights(),
        "camera": {"focal_length_mm": 85, "aperture": 2.8},
    });
    let answer = kim.post("/api/v1/prompts/structure").json(body).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    expect![[r#"
        {
          "structured_by": "template",
          "structured_prompt": {
            "aesthetics": {
              "color_scheme": "red",
              "composition": "subject centred",
              "mood_atmosphere": "neutral"
            },
            "artistic_style": "realistic",
            "background_setting": "on a beach",
            "context": "a picture as described by the prompt",
            "lighting": {
              "conditions": "balanced, medium-contrast studio lighting, soft, diffused setup of 3 lights, neutral daylight 5200 K key light",
              "direction": "key light from the front left, 45 degrees off axis, above eye level in a loop pattern; fill light from the front right, 40 degrees off axis, at eye level, 2 stops dimmer; rim light from behind on the right, at eye level, 0.5 stops brighter",
              "shadows": "moderate, soft-edged shadows falling to the right"
            },
            "objects": [
              {
                "description": "a red chair",
                "location": "centre of the frame",
                "relationship": "main subject, on a beach",
                "relative_size": "dominant in the frame",
                "shape_and_color": "as described, with red"
              }
            ],
            "photographic_characteristics": {
              "camera_angle": "eye level",
              "depth_of_field": "shallow, background softly blurred",
              "focus": "sharp focus on the subject",
              "lens_focal_length": "portrait lens, 85 mm at f/2.8"
            },
            "short_description": "a red chair on a beach. Lighting: balanced, medium-contrast studio lighting, soft, diffused setup of 3 lights, neutral daylight 5200 K key light, key light from the front left, 45 degrees off axis, above eye level in a loop pattern. Camera: portrait lens, 85 mm at f/2.8, eye level, depth of field shallow, background softly blurred.",
            "style_medium": "photograph"
          }
        }"#]].assert_eq(&answer.pretty());
    assert_eq!(app.account(&kim.id).await.credits.totals().available, 10, "it is free");
    app.assert_credits_balance(&kim.id).await;
}

/// The result is a valid input for a generation.
#[tokio::test]
async fn a_structured_prompt_can_be_generated() {
    let app = template_app();
    let kim = app.sign_in("kim");
    let answer = post_prompt(&kim).await.json();
    let body = json!({"structured_prompt": answer["structured_prompt"]});
    let created = kim.post("/api/v1/generations").key("k").json(body).await;
    assert_eq!(created.status(), 202, "{}", created.pretty());
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn the_rules_are_those_of_a_generation_request() {
    let app = template_app();
    let kim = app.sign_in("kim");
    let check = async |body: Value, fields: &str| {
        let answer = kim.post("/api/v1/prompts/structure").json(body).await;
        assert_eq!(answer.brief(), format!("422 invalid_request, {fields}"));
    };
    let chair = json!({"prompt": "a red chair"});
    check(json!({}), "/prompt missing_field").await;
    check(json!({"prompt": ""}), "/prompt empty").await;
    check(json!({"prompt": "x".repeat(2001)}), "/prompt too_long").await;
    check(with(chair.clone(), "/lighting", json!({"lights": []})), "/lighting/lights count").await;
    check(
        with(chair.clone(), "/camera", json!({"aperture": 1e300})),
        "/camera/aperture out_of_range",
    )
    .await;
    check(with(chair.clone(), "/quality", json!("lite")), "/quality unknown_field").await;
    check(with(chair.clone(), "/prompt", json!({"text": "a chair"})), "/prompt wrong_type").await;
    let visitor = app.visitor().post("/api/v1/prompts/structure").json(chair).await;
    expect!["401 unauthenticated"].assert_eq(&visitor.brief());
    app.suspend(&kim.id, "spam", None).await;
    expect!["403 account_suspended"].assert_eq(&post_prompt(&kim).await.brief());
}

#[tokio::test]
async fn a_member_structures_at_most_twenty_a_minute() {
    let app = template_app();
    let kim = app.sign_in("kim");
    app.ambient.clock.advance(Duration::from_secs(45));
    for _ in 0..20 {
        assert_eq!(post_prompt(&kim).await.status(), 200);
    }
    let limited = post_prompt(&kim).await;
    expect!["429 rate_limited"].assert_eq(&limited.brief());
    assert_eq!(limited.header("retry-after"), Some("15"));
    // The limit is per member, and starts again the next minute.
    assert_eq!(post_prompt(&app.sign_in("ada")).await.status(), 200);
    app.ambient.clock.advance(Duration::from_secs(15));
    assert_eq!(post_prompt(&kim).await.status(), 200);
}

/// A repeat with the same key returns the same bytes and does not count; a refusal uses no key.
#[tokio::test]
async fn a_repeat_returns_the_first_answer() {
    let app = template_app();
    let kim = app.sign_in("kim");
    let first = post_prompt(&kim).key("once").await;
    for _ in 0..30 {
        let again = post_prompt(&kim).key("once").await;
        assert_eq!((again.status(), &again.body), (200, &first.body));
    }
    let other = kim.post("/api/v1/prompts/structure").json(json!({"prompt": "a blue chair"}));
    expect!["422 idempotency_key_reused"].assert_eq(&other.key("once").await.brief());
    for _ in 0..19 {
        assert_eq!(post_prompt(&kim).await.status(), 200);
    }
    assert_eq!(post_prompt(&kim).key("later").await.code(), "rate_limited");
    app.ambient.clock.advance(Duration::from_secs(60));
    assert_eq!(post_prompt(&kim).key("later").await.status(), 200);
}

/// The claim of the key is stored and the answer is not: for a minute nothing is done twice.
#[tokio::test]
async fn a_repeat_waits_for_the_first_request() {
    let app = template_app();
    let kim = app.sign_in("kim");
    assert_eq!(post_prompt(&kim).await.status(), 200);
    (2..=4).for_each(|nth| app.engine.order("PutItem", nth, testing::Fault::Fail));
    assert_eq!(post_prompt(&kim).key("k").await.status(), 200);
    let early = post_prompt(&kim).key("k").await;
    expect!["409 idempotency_key_in_flight"].assert_eq(&early.brief());
    assert_eq!(early.header("retry-after"), Some("2"));
    app.ambient.clock.advance(Duration::from_secs(60));
    assert_eq!(post_prompt(&kim).key("k").await.status(), 200);
}

/// An app whose provider is the sandbox's Bria.
struct SandboxApp {
    app: TestApp,
    sandbox: RunningSandbox,
}

impl SandboxApp {
    async fn start() -> SandboxApp {
        let settings = Settings { completes_after_ms: 20, ..Settings::default() };
        let config = Config { bria: settings, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        let mut app = TestApp::serving(&[crate::functions]);
        app.set("IMAGE_PROVIDER", "bria");
        app.set("BRIA_BASE_URL", sandbox.bria_url());
        app.set_secret("BRIA_SECRET_ARN", &json!({ "api_token": sandbox::bria::API_TOKEN }));
        SandboxApp { app, sandbox }
    }
}

#[tokio::test]
async fn bria_structures_where_bria_makes_the_images() {
    let SandboxApp { app, sandbox: _running } = SandboxApp::start().await;
    let kim = app.sign_in("kim");
    let body = json!({"prompt": "a red chair", "lighting": three_lights()});
    let answer = kim.post("/api/v1/prompts/structure").json(body).await;
    let body = answer.json();
    assert_eq!((answer.status(), &body["structured_by"]), (200, &json!("bria")));
    // The lighting is the requested one, whatever Bria returned.
    let conditions = body["structured_prompt"]["lighting"]["conditions"].as_str().unwrap();
    assert!(conditions.contains("soft, diffused setup of 3 lights"), "{conditions}");
}

#[tokio::test]
async fn refusals_of_bria_are_reported_and_failures_are_retryable() {
    let check = async |fault: AnswerFault, expected: Expect| {
        let SandboxApp { app, sandbox } = SandboxApp::start().await;
        let kim = app.sign_in("kim");
        sandbox.order(Order::next(Fault::Answer(fault))).unwrap();
        let answer = post_prompt(&kim).key("k").await;
        let retry_after = answer.header("retry-after").unwrap_or("-");
        expected.assert_eq(&format!("{}, again in {retry_after}", answer.brief()));
        // The key is unused: the next attempt is a new one.
        let answer = post_prompt(&kim).key("k").await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
    };
    check(AnswerFault::Blocked, expect!["422 content_blocked, again in -"]).await;
    let busy = |retry_after_s| AnswerFault::TooMany { retry_after_s };
    check(busy(Some(7)), expect!["429 provider_busy, again in 7"]).await;
    check(busy(None), expect!["429 provider_busy, again in 60"]).await;
    check(AnswerFault::ServerError, expect!["503 provider_unavailable, again in 10"]).await;
    check(AnswerFault::HtmlPage, expect!["503 provider_unavailable, again in 10"]).await;
    check(AnswerFault::MalformedJson, expect!["503 provider_unavailable, again in 10"]).await;
    check(AnswerFault::BrokenConnection, expect!["503 provider_unavailable, again in 10"]).await;
}

/// The free function has a limit per member.
#[tokio::test]
async fn a_member_structures_at_most_three_hundred_a_day() {
    let app = template_app();
    let kim = app.sign_in("kim");
    let mut done = 0;
    while post_prompt(&kim).await.status() == 200 {
        done += 1;
        app.ambient.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(done, 300);
    let limited = post_prompt(&kim).await;
    assert_eq!(limited.brief(), "429 rate_limited");
    let wait: u32 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!(wait > 60 * 60, "until the day is over, not the minute: {wait}");
    assert_eq!(post_prompt(&app.sign_in("ada")).await.status(), 200);
}

/// A paid model has a limit for all members together; our own template has none.
#[tokio::test]
async fn the_daily_budget_is_shared_by_all_members() {
    let SandboxApp { mut app, sandbox: _running } = SandboxApp::start().await;
    let most = BUDGET.max - 1;
    let spent = app.store.take_some("structure", most, BUDGET, app.now()).await;
    assert_eq!(spent.unwrap(), Some(most));
    let kim = app.sign_in("kim");
    assert_eq!(post_prompt(&kim).await.status(), 200);
    let refused = post_prompt(&kim).key("k").await;
    assert_eq!(refused.brief(), "429 structuring_used_up");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(post_prompt(&kim).key("k").await.code(), "structuring_used_up");
    app.set("IMAGE_PROVIDER", "studio");
    app.restart();
    assert_eq!(post_prompt(&app.sign_in("kim")).await.status(), 200);
}
