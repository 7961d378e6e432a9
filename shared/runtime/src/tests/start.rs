//! How a function starts: what it requires, and what it reports when that is missing.

use expect_test::{Expect, expect};

use clients::{ImageLinks, Images, Issuer, Previews, SearchSnapshots, ShareLinks, Uploads};
use connect::chain;
use store::Store;

use crate::{Connect, Environment, ImageProvider, InitError, PromptProvider, WebhookTokens};

/// The variables of a handler with these capabilities.
macro_rules! variables {
    ($($name:ident: $capability:ty),+) => {{
        #[derive(Connect)]
        struct Deps {
            $($name: $capability),+
        }
        Deps::variables()
    }};
}

#[test]
fn a_handler_requires_what_its_capabilities_do() {
    let check = |variables: Vec<&'static str>, expected: Expect| {
        expected.assert_eq(&variables.join(" "));
    };
    check(<()>::variables(), expect![""]);
    check(variables!(store: Store, images: Images), expect!["IMAGES_BUCKET TABLE_NAME"]);
    check(
        variables!(images: Images, links: ImageLinks),
        expect!["IMAGES_BUCKET IMAGES_KEYS IMAGES_SECRET_ARN IMAGES_URL"],
    );
    check(
        variables!(store: Store, images: Images, provider: ImageProvider),
        expect![[
            r#"BRIA_BASE_URL BRIA_CALLS_PER_MINUTE BRIA_SECRET_ARN IMAGES_BUCKET IMAGE_ORIGINS IMAGE_PROVIDER PUBLIC_API_URL TABLE_NAME"#
        ]],
    );
    check(
        variables!(store: Store, prompts: PromptProvider),
        expect![[
            r#"BRIA_BASE_URL BRIA_SECRET_ARN GEMINI_BASE_URL GEMINI_SECRET_ARN IMAGE_PROVIDER TABLE_NAME"#
        ]],
    );
    check(variables!(uploads: Uploads, snapshots: SearchSnapshots), expect!["IMAGES_BUCKET"]);
    check(
        variables!(store: Store, images: Images, uploads: Uploads, snapshots: SearchSnapshots, previews: Previews, links: ShareLinks),
        expect!["IMAGES_BUCKET PREVIEWS_URL SHARE_SECRET_ARN TABLE_NAME"],
    );
    check(
        variables!(prompts: PromptProvider, tokens: WebhookTokens),
        expect![[
            r#"BRIA_BASE_URL BRIA_SECRET_ARN GEMINI_BASE_URL GEMINI_SECRET_ARN IMAGE_PROVIDER"#
        ]],
    );
}

#[tokio::test]
async fn the_stack_chooses_the_provider() {
    let aws = super::aws();
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
    let aws = super::aws();
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
