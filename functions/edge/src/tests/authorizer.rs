//! Tokens of a real issuer, and every kind that must be rejected.

use std::time::Duration;

use domain::Timestamp;
use expect_test::expect;
use runtime::Clock;
use sandbox::{
    Config, RunningSandbox, Sandbox,
    openid::{AUDIENCE, Flaw},
};
use serde_json::{Value, json};
use testing::TestApp;

/// The error message that API Gateway answers with 401.
const UNAUTHORIZED: &str = "Unauthorized";

/// An issuer, and an authorizer that trusts it. The issuer uses the machine's clock, so the test's
/// clock begins there.
struct IssuerApp {
    sandbox: RunningSandbox,
    app: TestApp,
}

impl IssuerApp {
    async fn start() -> IssuerApp {
        let sandbox = Sandbox::start(Config::default()).await.unwrap();
        let mut app = TestApp::serving(&[crate::functions]);
        app.set("AUTH_ISSUER", &sandbox.url);
        app.set("AUTH_AUDIENCE", AUDIENCE);
        app.ambient.clock = Clock::manual(Clock::System.now());
        IssuerApp { sandbox, app }
    }

    fn token(&self, name: &str) -> String {
        self.sandbox.token(&format!("{name}@prolight.test")).unwrap()
    }

    /// Calls the authorizer with a value of the `Authorization` header.
    async fn authorize_header(&self, authorization: &str) -> Result<Value, String> {
        let event = json!({
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/dev/GET/api/v1/me",
            "resource": "/api/v1/me", "path": "/api/v1/me", "httpMethod": "GET",
            "headers": {"Authorization": authorization},
            "requestContext": {"requestId": "c6af9ac6", "stage": "dev"},
        });
        self.app.invoke("edge-authorizer", &event).await
    }

    async fn authorize(&self, token: &str) -> Result<Value, String> {
        self.authorize_header(&format!("Bearer {token}")).await
    }

    async fn assert_refused(&self, token: &str, case: &str) {
        assert_eq!(self.authorize(token).await, Err(UNAUTHORIZED.to_owned()), "{case}");
    }

    /// Advances the clock until the authorizer may fetch the keys again.
    fn wait_for_refetch(&self) {
        self.app.ambient.clock.advance(Duration::from_secs(61));
    }

    /// Makes the issuer `rotate` or `retire` its keys.
    async fn change_keys(&self, action: &str) {
        let url = format!("{}/_sandbox/openid/{action}", self.sandbox.url);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.post(url).send().await.unwrap().error_for_status().unwrap();
    }
}

/// What a policy allows and denies, without the API's ARN.
fn routes(policy: &Value) -> Vec<String> {
    let statements = policy["policyDocument"]["Statement"].as_array().unwrap();
    let route = |statement: &Value| {
        let resource = statement["Resource"].as_str().unwrap();
        format!(
            "{} {}",
            statement["Effect"].as_str().unwrap(),
            &resource[resource.find("/dev").unwrap()..]
        )
    };
    statements.iter().map(route).collect()
}

#[tokio::test]
async fn a_member_reaches_everything_but_staff_routes() {
    let issuer = IssuerApp::start().await;
    let policy = issuer.authorize(&issuer.token("kim")).await.unwrap();
    assert_eq!(policy["principalId"], "user_kim");
    assert_eq!(routes(&policy), ["Allow /dev/*", "Deny /dev/*/api/v1/admin/*"]);
    expect![[r#"
        {
          "email": "kim@prolight.test",
          "email_verified": "true",
          "name": "Kim",
          "user_id": "user_kim"
        }"#]]
    .assert_eq(&format!("{:#}", policy["context"]));
}

#[tokio::test]
async fn staff_reach_everything_and_have_their_role() {
    let issuer = IssuerApp::start().await;
    for role in ["moderator", "admin"] {
        let policy = issuer.authorize(&issuer.token(role)).await.unwrap();
        assert_eq!(routes(&policy), ["Allow /dev/*"]);
        assert_eq!(policy["context"]["role"], role);
    }
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let issuer = IssuerApp::start().await;
    for flaw in [
        Flaw::Expired,
        Flaw::NotYetValid,
        Flaw::WrongAudience,
        Flaw::WrongIssuer,
        Flaw::NoSubject,
        Flaw::UnknownKey,
        Flaw::StolenKeyId,
        Flaw::Unsigned,
        Flaw::PublicKeyAsSecret,
        Flaw::Tampered,
    ] {
        let token = issuer.sandbox.forge("kim@prolight.test", flaw).unwrap();
        // A minute later, so that an unknown key is fetched.
        issuer.wait_for_refetch();
        issuer.assert_refused(&token, &format!("{flaw:?}")).await;
    }
}

#[tokio::test]
async fn a_header_without_a_token_is_refused() {
    let issuer = IssuerApp::start().await;
    let good = issuer.token("kim");
    let long = "x".repeat(9000);
    for authorization in
        ["", "Bearer", "Bearer ", "Bearer a.b", "Bearer a.b.c", "Basic a2ltOmtpbQ=="]
    {
        let refused = issuer.authorize_header(authorization).await;
        assert_eq!(refused, Err(UNAUTHORIZED.to_owned()), "{authorization}");
    }
    for token in [&good[..good.len() - 4], &format!("{good}.x"), &format!("{good} x"), &long] {
        issuer.assert_refused(token, token).await;
    }
    let no_scheme = issuer.authorize_header(&good).await;
    assert_eq!(no_scheme, Err(UNAUTHORIZED.to_owned()));
    let lower_case = issuer.authorize_header(&format!("bearer {good}")).await;
    assert!(lower_case.is_ok(), "the scheme is case-insensitive");
}

/// The leeway is one minute, and not a second more.
#[tokio::test]
async fn a_token_is_valid_for_the_time_it_states() {
    let mut issuer = IssuerApp::start().await;
    let token = issuer.token("kim");
    let issued_at = claims(&token)["iat"].as_i64().unwrap();
    let event = json!({
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/dev/GET/health",
        "headers": {"authorization": format!("Bearer {token}")},
    });
    for (second, valid) in [(-61, false), (-60, true), (0, true), (3659, true), (3660, false)] {
        issuer.app.ambient.clock = Clock::manual(Timestamp::from_secs(issued_at + second));
        let answer = issuer.app.invoke("edge-authorizer", &event).await;
        assert_eq!(answer.is_ok(), valid, "second {second}");
    }
}

#[tokio::test]
async fn keys_are_rotated_without_refusing_valid_tokens() {
    let issuer = IssuerApp::start().await;
    let old = issuer.token("kim");
    assert!(issuer.authorize(&old).await.is_ok());
    issuer.change_keys("rotate").await;
    let new = issuer.token("kim");
    // Its key is unknown, so the issuer's keys are fetched again, at most once a minute.
    issuer.wait_for_refetch();
    assert!(issuer.authorize(&new).await.is_ok());
    assert!(issuer.authorize(&old).await.is_ok());
    issuer.change_keys("retire").await;
    issuer.change_keys("rotate").await;
    let newest = issuer.token("kim");
    issuer.assert_refused(&newest, "fetched a moment ago").await;
    issuer.wait_for_refetch();
    assert!(issuer.authorize(&newest).await.is_ok());
    issuer.assert_refused(&old, "its key is withdrawn").await;
}

/// An unavailable issuer is not the caller's fault: not a 401, which would sign members out.
#[tokio::test]
async fn an_unavailable_issuer_is_a_server_error() {
    let mut issuer = IssuerApp::start().await;
    let token = issuer.token("kim");
    issuer.app.set("AUTH_ISSUER", "http://127.0.0.1:1");
    assert_eq!(issuer.authorize(&token).await, Err("Authorizer failed".to_owned()));
}

/// The claims of a token, without verification.
fn claims(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
