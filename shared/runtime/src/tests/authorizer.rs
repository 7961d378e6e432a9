//! Policies must be right for every route, because API Gateway caches them.

use clients::oidc::TokenError;
use domain::{account::Role, id::UserId, plan::Plan};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::context;
use crate::{
    AuthorizeError, Member, Presented, Worker,
    authorizer::{NotAuthorized, Policy, dispatch_authorize},
};

const AUTHORIZER: Worker = Worker::new("edge-authorizer");

/// Accepts two tokens and fails in two ways.
async fn verify(_: &(), presented: Presented) -> Result<Member, AuthorizeError> {
    let user_id = UserId::parse("auth0|1").unwrap();
    let (email, name) = (Some("kim@prolight.test".to_owned()), None);
    let role = match presented.token.as_str() {
        "member" => None,
        "moderator" => Some(Role::Moderator),
        "admin" => Some(Role::Admin),
        "offline" => {
            return Err(TokenError::KeysUnavailable { detail: "offline".to_owned() }.into());
        }
        "no table" => {
            return Err(AuthorizeError::Unavailable { detail: "no table".to_owned() });
        }
        "panic" => panic!("on purpose"),
        "no key" => return Err(AuthorizeError::Key),
        _ => return Err(TokenError::Signature.into()),
    };
    let email_verified = role.is_some();
    Ok(Member { user_id, email, email_verified, name, role, plan: Plan::Pro, key: None })
}

async fn authorize(header: &str, value: Value) -> Result<Policy, NotAuthorized> {
    let event = json!({
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/GET/api/v1/me",
        "resource": "/api/v1/me", "path": "/api/v1/me", "httpMethod": "GET",
        "headers": {"Host": "a1b2c3.execute-api.eu-west-1.amazonaws.com", header: value},
        "queryStringParameters": {}, "pathParameters": {}, "stageVariables": {},
        "requestContext": {"requestId": "c6af9ac6", "apiId": "a1b2c3", "stage": "prod"}
    });
    let event = serde_json::from_value(event).unwrap();
    dispatch_authorize(&AUTHORIZER, &verify, &(), &context(), event).await
}

#[tokio::test]
async fn a_policy_covers_the_stage_and_keeps_members_out_of_the_staffs_part() {
    let check = async |token: &str, expected: Expect| {
        let policy = authorize("Authorization", json!(format!("Bearer {token}"))).await.unwrap();
        expected.assert_eq(&serde_json::to_string_pretty(&policy).unwrap());
    };
    check("member", expect![[r#"
        {
          "principalId": "auth0|1",
          "policyDocument": {
            "Statement": [
              {
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/*"
              },
              {
                "Action": "execute-api:Invoke",
                "Effect": "Deny",
                "Resource": "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/*/api/v1/admin/*"
              }
            ],
            "Version": "2012-10-17"
          },
          "context": {
            "email": "kim@prolight.test",
            "plan": "pro",
            "user_id": "auth0|1"
          }
        }"#]]).await;
    check(
        "moderator",
        expect![[r#"
        {
          "principalId": "auth0|1",
          "policyDocument": {
            "Statement": [
              {
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/*"
              }
            ],
            "Version": "2012-10-17"
          },
          "context": {
            "email": "kim@prolight.test",
            "email_verified": "true",
            "plan": "pro",
            "role": "moderator",
            "user_id": "auth0|1"
          }
        }"#]],
    )
    .await;
    let admin = authorize("authorization", json!("bearer admin")).await.unwrap();
    assert_eq!(admin.context["role"], "admin");
}

#[tokio::test]
async fn a_refused_token_is_only_unauthorized() {
    for value in
        ["Bearer forged", "Bearer no key", "Bearer ", "Bearer", "Basic bWVtYmVy", "member", ""]
    {
        let refused = authorize("Authorization", json!(value)).await.unwrap_err();
        assert_eq!(refused.to_string(), "Unauthorized", "{value}");
    }
    let without = authorize("X-Other", json!("Bearer member")).await.unwrap_err();
    assert_eq!(without, NotAuthorized::Refused);
}

#[tokio::test]
async fn a_fault_is_not_blamed_on_the_token() {
    for token in ["offline", "no table", "panic"] {
        let failed = authorize("Authorization", json!(format!("Bearer {token}"))).await;
        assert_eq!(failed, Err(NotAuthorized::Failed), "{token}");
    }
}
