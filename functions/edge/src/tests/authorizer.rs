//! Tokens of a real issuer, and every kind that must be rejected.

use std::time::Duration;

use clients::{Http, Issuer, oidc::OidcConfig};
use domain::Timestamp;
use expect_test::expect;
use runtime::{Clock, InvocationContext, NotAuthorized, Policy, dispatch_authorize};
use sandbox::{
    Config, RunningSandbox, Sandbox,
    openid::{AUDIENCE, Flaw},
};
use serde_json::{Value, json};

use crate::authorizer::{WORKER, handle};

/// An issuer, and an authorizer that trusts it. The issuer uses the machine's clock, so the test's
/// clock begins there.
struct Door {
    sandbox: RunningSandbox,
    issuer: Issuer,
    ambient: InvocationContext,
}

impl Door {
    async fn open() -> Door {
        let sandbox = Sandbox::start(Config::default()).await.unwrap();
        let config = OidcConfig {
            issuer: sandbox.url.clone(),
            audience: AUDIENCE.to_owned(),
            jwks_url: None,
            authorized_parties: Vec::new(),
            role_claim: "/app_metadata/role".to_owned(),
        };
        let issuer = Issuer::new(Http::new().unwrap(), config).unwrap();
        Door { sandbox, issuer, ambient: InvocationContext::fixed(Clock::System.now()) }
    }

    fn token(&self, name: &str) -> String {
        self.sandbox.token(&format!("{name}@prolight.test")).unwrap()
    }

    /// Calls the authorizer with a value of the `Authorization` header.
    async fn knock(&self, authorization: &str) -> Result<Policy, NotAuthorized> {
        let event = json!({
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/dev/GET/api/v1/me",
            "resource": "/api/v1/me", "path": "/api/v1/me", "httpMethod": "GET",
            "headers": {"Authorization": authorization},
            "requestContext": {"requestId": "c6af9ac6", "stage": "dev"},
        });
        let event = serde_json::from_value(event).unwrap();
        dispatch_authorize(&WORKER, &handle, &self.issuer, &self.ambient, event).await
    }

    async fn show(&self, token: &str) -> Result<Policy, NotAuthorized> {
        self.knock(&format!("Bearer {token}")).await
    }

    /// Makes the issuer change its keys.
    async fn keys(&self, what: &str) {
        let url = format!("{}/_sandbox/openid/{what}", self.sandbox.url);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.post(url).send().await.unwrap().error_for_status().unwrap();
    }
}

/// What a policy allows and denies, without the API's ARN.
fn routes(policy: &Policy) -> Vec<String> {
    let statements = policy.policy_document["Statement"].as_array().unwrap();
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
async fn a_member_reaches_everything_but_the_staffs_part() {
    let door = Door::open().await;
    let policy = door.show(&door.token("kim")).await.unwrap();
    assert_eq!(policy.principal_id, "user_kim");
    assert_eq!(routes(&policy), ["Allow /dev/*", "Deny /dev/*/api/v1/admin/*"]);
    expect![[r#"
        {
          "email": "kim@prolight.test",
          "email_verified": "true",
          "name": "Kim",
          "user_id": "user_kim"
        }"#]]
    .assert_eq(&format!("{:#}", Value::Object(policy.context)));
}

#[tokio::test]
async fn staff_reach_everything_and_are_named_as_staff() {
    let door = Door::open().await;
    for role in ["moderator", "admin"] {
        let policy = door.show(&door.token(role)).await.unwrap();
        assert_eq!(routes(&policy), ["Allow /dev/*"]);
        assert_eq!(policy.context["role"], role);
    }
}

#[tokio::test]
async fn no_forged_token_gets_in() {
    let door = Door::open().await;
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
        let token = door.sandbox.forge("kim@prolight.test", flaw).unwrap();
        // A minute later, so that an unknown key is fetched.
        door.ambient.clock.advance(Duration::from_secs(61));
        assert_eq!(door.show(&token).await, Err(NotAuthorized::Refused), "{flaw:?}");
    }
}

#[tokio::test]
async fn what_is_no_token_at_all_does_not_get_in() {
    let door = Door::open().await;
    let good = door.token("kim");
    let long = "x".repeat(9000);
    for authorization in
        ["", "Bearer", "Bearer ", "Bearer a.b", "Bearer a.b.c", "Basic a2ltOmtpbQ=="]
    {
        assert_eq!(door.knock(authorization).await, Err(NotAuthorized::Refused), "{authorization}");
    }
    for token in [&good[..good.len() - 4], &format!("{good}.x"), &format!("{good} x"), &long] {
        assert_eq!(door.show(token).await, Err(NotAuthorized::Refused), "{token}");
    }
    assert_eq!(door.knock(&good).await, Err(NotAuthorized::Refused), "no scheme");
    assert!(door.knock(&format!("bearer {good}")).await.is_ok(), "the scheme is case-insensitive");
}

/// The leeway is one minute, and not a second more.
#[tokio::test]
async fn a_token_lives_as_long_as_it_says() {
    let door = Door::open().await;
    let token = door.token("kim");
    let issued = claims(&token)["iat"].as_i64().unwrap();
    let at = async |second: i64| {
        let clock = Clock::manual(Timestamp::from_secs(issued + second));
        let ambient = InvocationContext { clock, ..door.ambient.clone() };
        let event = serde_json::from_value(json!({
            "methodArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/dev/GET/health",
            "headers": {"authorization": format!("Bearer {token}")},
        }));
        dispatch_authorize(&WORKER, &handle, &door.issuer, &ambient, event.unwrap()).await.is_ok()
    };
    for (second, gets_in) in [(-61, false), (-60, true), (0, true), (3659, true), (3660, false)] {
        assert_eq!(at(second).await, gets_in, "second {second}");
    }
}

#[tokio::test]
async fn keys_are_changed_without_anybody_being_locked_out() {
    let door = Door::open().await;
    let old = door.token("kim");
    assert!(door.show(&old).await.is_ok());
    door.keys("rotate").await;
    let new = door.token("kim");
    // Its key is unknown, so the issuer's keys are fetched again, at most once a minute.
    door.ambient.clock.advance(Duration::from_secs(61));
    assert!(door.show(&new).await.is_ok());
    assert!(door.show(&old).await.is_ok());
    door.keys("retire").await;
    door.keys("rotate").await;
    let newest = door.token("kim");
    assert_eq!(door.show(&newest).await, Err(NotAuthorized::Refused), "fetched a moment ago");
    door.ambient.clock.advance(Duration::from_secs(61));
    assert!(door.show(&newest).await.is_ok());
    assert_eq!(door.show(&old).await, Err(NotAuthorized::Refused), "its key is withdrawn");
}

/// An unavailable issuer is not the caller's fault: not a 401, which would sign members out.
#[tokio::test]
async fn an_issuer_that_is_away_is_a_fault_of_ours() {
    let door = Door::open().await;
    let token = door.token("kim");
    let config = OidcConfig {
        issuer: "http://127.0.0.1:1".to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks_url: None,
        authorized_parties: Vec::new(),
        role_claim: "/app_metadata/role".to_owned(),
    };
    let issuer = Issuer::new(Http::new().unwrap(), config).unwrap();
    let away = Door { issuer, ..door };
    assert_eq!(away.show(&token).await, Err(NotAuthorized::Failed));
}

/// The claims of a token, without verification.
fn claims(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
