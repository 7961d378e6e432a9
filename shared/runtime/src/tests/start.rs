//! How a function starts: what it requires, and what it reports when that is missing.

use expect_test::{Expect, expect};

use crate::{
    Aws, Connect, Environment, ImageProvider, InitError, PromptProvider, WebhookTokens,
    error::chain,
};
use clients::{Images, Issuer, Previews, SearchSnapshots, ShareLinks, Uploads};
use store::Store;

#[test]
fn a_handler_requires_what_its_capabilities_do() {
    let check = |variables: Vec<&'static str>, expected: Expect| {
        expected.assert_eq(&variables.join(" "));
    };
    check(<()>::variables(), expect![""]);
    check(<(Store, Images)>::variables(), expect!["IMAGES_BUCKET TABLE_NAME"]);
    check(
        <(Store, Images, ImageProvider)>::variables(),
        expect![[
            r#"BRIA_BASE_URL BRIA_CALLS_PER_MINUTE BRIA_SECRET_ARN IMAGES_BUCKET IMAGE_ORIGINS IMAGE_PROVIDER PUBLIC_API_URL TABLE_NAME"#
        ]],
    );
    check(
        <(Store, PromptProvider)>::variables(),
        expect![[
            r#"BRIA_BASE_URL BRIA_SECRET_ARN GEMINI_BASE_URL GEMINI_SECRET_ARN IMAGE_PROVIDER TABLE_NAME"#
        ]],
    );
    check(<(Uploads, SearchSnapshots)>::variables(), expect!["IMAGES_BUCKET"]);
    check(
        <(Store, Images, Uploads, SearchSnapshots, Previews, ShareLinks)>::variables(),
        expect!["IMAGES_BUCKET PREVIEWS_URL SHARE_SECRET_ARN TABLE_NAME"],
    );
    check(
        <(PromptProvider, WebhookTokens)>::variables(),
        expect![[
            r#"BRIA_BASE_URL BRIA_SECRET_ARN GEMINI_BASE_URL GEMINI_SECRET_ARN IMAGE_PROVIDER"#
        ]],
    );
}

#[test]
fn all_missing_variables_are_reported_at_once() {
    let env = Environment::of([("TABLE_NAME", "app"), ("GEMINI_SECRET_ARN", "")]);
    assert!(env.require(&["TABLE_NAME", "GEMINI_SECRET_ARN"]).is_ok());
    let missing = env.require(&["CORS_ORIGIN", "TABLE_NAME", "IMAGES_BUCKET"]).unwrap_err();
    assert_eq!(missing.to_string(), "not set: CORS_ORIGIN, IMAGES_BUCKET");
}

#[test]
fn a_value_that_cannot_be_used_is_not_repeated_in_full() {
    let env = Environment::of([("LIMIT", "hunter2"), ("EMPTY", " ")]);
    assert_eq!(env.optional("EMPTY"), None);
    assert_eq!(env.text("EMPTY").unwrap_err().to_string(), "not set: EMPTY");
    let unusable = env.parse::<u32>("LIMIT").unwrap_err().to_string();
    assert_eq!(unusable, "LIMIT cannot be used: invalid digit found in string");
}

#[tokio::test]
async fn the_stack_chooses_the_provider() {
    let aws = Aws::load().await;
    let said = |error: InitError| chain(&error);
    let connect = async |provider: &str| {
        let env = Environment::of([("IMAGE_PROVIDER", provider), ("BRIA_SECRET_ARN", "")]);
        ImageProvider::connect(&env, &aws).await
    };
    assert!(matches!(connect("studio").await, Ok(ImageProvider::Studio)));
    assert_eq!(said(connect("bria").await.unwrap_err()), "not set: IMAGE_ORIGINS");
    let why = "IMAGE_PROVIDER cannot be used: it is `studio` or `bria`";
    assert_eq!(said(connect("dalle").await.unwrap_err()), why);

    let env = Environment::of([("IMAGE_PROVIDER", "studio"), ("GEMINI_SECRET_ARN", "")]);
    let prompts = PromptProvider::connect(&env, &aws).await;
    assert!(matches!(prompts, Ok(PromptProvider::Template)));
    let tokens = WebhookTokens::connect(&Environment::of([("BRIA_SECRET_ARN", "")]), &aws).await;
    assert!(tokens.unwrap().0.is_empty());
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_yet_is_no_reason_not_to_start() {
    let aws = Aws::load().await;
    let env = Environment::of([
        ("AUTH_ISSUER", "http://127.0.0.1:9"),
        ("AUTH_AUDIENCE", "prolight"),
        ("AUTH_JWKS_URL", ""),
        ("AUTH_ROLE_CLAIM", "/app_metadata/role"),
    ]);
    assert!(Issuer::connect(&env, &aws).await.is_ok());
    let env = Environment::of([
        ("AUTH_ISSUER", "not a url"),
        ("AUTH_AUDIENCE", "prolight"),
        ("AUTH_ROLE_CLAIM", "/role"),
    ]);
    assert!(matches!(Issuer::connect(&env, &aws).await, Err(InitError::Unusable { .. })));
}
