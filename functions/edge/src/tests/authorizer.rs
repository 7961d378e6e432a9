//! Tokens of a real issuer, and every kind that must be rejected.

use std::time::Duration;

use domain::{
    Timestamp,
    account::api_key::{ApiKey, KeySecret, Scope, USE_RECORDED_EVERY},
    id::{ApiKeyId, UserId},
    plan::Plan,
};
use expect_test::expect;
use runtime::Clock;
use sandbox::{
    Config, RunningSandbox, Sandbox,
    openid::{AUDIENCE, Flaw},
};
use serde_json::{Value, json};
use testing::{Fault, TestApp};

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
          "plan": "free",
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

/// An authorizer whose issuer is not needed, and a member with a key.
struct KeyApp {
    app: TestApp,
    kim: UserId,
    key: ApiKey,
    secret: KeySecret,
}

impl KeyApp {
    async fn start(scopes: &[Scope]) -> KeyApp {
        let app = TestApp::serving(&[crate::functions]);
        let kim = app.member("kim", Plan::Pro, 10).await.id;
        let secret = KeySecret::new(0x5eed << 64);
        let names = (ApiKeyId::new(app.now(), 1), kim.clone(), &secret);
        let ends_at = Some(app.now().plus(Duration::from_secs(86_400)));
        let scopes = scopes.iter().copied().collect();
        let key = ApiKey::issue(names, "Nightly".into(), scopes, ends_at, app.now()).unwrap();
        app.store.create_api_key(&key, None).await.unwrap();
        KeyApp { app, kim, key, secret }
    }

    async fn authorize(&self, key: &str) -> Result<Value, String> {
        let event = json!({
            "methodArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/dev/GET/api/v1/me",
            "headers": {"authorization": format!("Bearer {key}")},
        });
        self.app.invoke("edge-authorizer", &event).await
    }

    async fn last_use(&self) -> Option<Timestamp> {
        self.app.store.api_key(&self.kim, &self.key.id).await.unwrap().last_used_at
    }
}

#[tokio::test]
async fn a_key_has_its_members_identity_and_its_own_scopes() {
    let it = KeyApp::start(&[Scope::Sell, Scope::Read]).await;
    let policy = it.authorize(it.secret.expose()).await.unwrap();
    assert_eq!(policy["principalId"], "user_kim");
    assert_eq!(routes(&policy), ["Allow /dev/*", "Deny /dev/*/api/v1/admin/*"]);
    assert_eq!(
        policy["context"],
        json!({"user_id": "user_kim", "plan": "pro", "key_id": it.key.id, "scopes": "read sell"})
    );
}

#[tokio::test]
async fn a_key_that_does_not_work_is_refused() {
    let it = KeyApp::start(&[Scope::Read]).await;
    let good = it.secret.expose().to_owned();
    let refused = Err(UNAUTHORIZED.to_owned());
    it.app.engine.take_usage();
    let mistyped = good.replace("plk_0", "plk_1");
    for text in ["plk_", &good[..31], &format!("{good}0"), &mistyped] {
        assert_eq!(it.authorize(text).await, refused, "{text}");
    }
    let reads = it.app.engine.take_usage().requests.get("GetItem").copied().unwrap_or_default();
    assert!(reads <= 1, "a wrong checksum is no lookup, only the start of the process reads");
    assert_eq!(it.authorize(KeySecret::new(7).expose()).await, refused, "an unknown key");
    assert!(it.authorize(&good).await.is_ok());

    it.app.suspend(&it.kim, "spam", None).await;
    assert_eq!(it.authorize(&good).await, refused, "its member is suspended");
    let it = KeyApp::start(&[Scope::Read]).await;
    it.app.ambient.clock.advance(Duration::from_secs(86_400));
    assert_eq!(it.authorize(it.secret.expose()).await, refused, "it has ended");
    let it = KeyApp::start(&[Scope::Read]).await;
    it.app.store.delete_api_key(&it.kim, &it.key.id, it.app.now()).await.unwrap();
    assert_eq!(it.authorize(it.secret.expose()).await, refused, "it is deleted");
}

#[tokio::test]
async fn the_use_of_a_key_is_written_once_an_hour() {
    let it = KeyApp::start(&[Scope::Read]).await;
    let (first, key) = (it.app.now(), it.secret.expose());
    it.app.engine.take_usage();
    for _ in 0..3 {
        assert!(it.authorize(key).await.is_ok());
    }
    assert_eq!(it.app.engine.take_usage().requests.get("UpdateItem"), Some(&1));
    assert_eq!(it.last_use().await, Some(first));
    it.app.ambient.clock.advance(USE_RECORDED_EVERY);
    assert!(it.authorize(key).await.is_ok());
    assert_eq!(it.last_use().await, Some(it.app.now()));
}

/// Every further read of an item fails, the SDK's retries included.
fn no_table(app: &TestApp) {
    (1..=20).for_each(|nth| app.engine.order("GetItem", nth, Fault::Fail));
}

/// An unavailable table is not the caller's fault, and tokens need it only for the rate.
#[tokio::test]
async fn without_the_table_keys_fail_and_tokens_work() {
    let it = KeyApp::start(&[Scope::Read]).await;
    no_table(&it.app);
    assert_eq!(it.authorize(it.secret.expose()).await, Err("Authorizer failed".to_owned()));
    let issuer = IssuerApp::start().await;
    no_table(&issuer.app);
    let policy = issuer.authorize(&issuer.token("kim")).await.unwrap();
    assert_eq!(policy["context"]["plan"], "free");
}

/// The claims of a token, without verification.
fn claims(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
