//! Providers of images and of structured prompts: capabilities chosen by the stack's parameters.

use clients::{
    Bria, Gemini, Http, ImageFetcher, Secret, Secrets,
    http::InvalidConfig,
    secrets::{BriaSecret, GeminiSecret, SecretUnavailable},
};

use domain::generation::Provider;

use crate::{
    aws::Aws,
    connect::Connect,
    env::{Environment, InitError},
};

const IMAGE_PROVIDER: &str = "IMAGE_PROVIDER";
const BRIA_BASE_URL: &str = "BRIA_BASE_URL";
const BRIA_SECRET_ARN: &str = "BRIA_SECRET_ARN";
const BRIA_CALLS_PER_MINUTE: &str = "BRIA_CALLS_PER_MINUTE";
const IMAGE_ORIGINS: &str = "IMAGE_ORIGINS";
const PUBLIC_API_URL: &str = "PUBLIC_API_URL";
const GEMINI_BASE_URL: &str = "GEMINI_BASE_URL";
const GEMINI_SECRET_ARN: &str = "GEMINI_SECRET_ARN";

/// The path of Bria's webhook, below the stage.
const BRIA_WEBHOOK_PATH: &str = "/webhooks/bria";

/// The provider of images.
#[derive(Debug)]
pub enum ImageProvider {
    /// This project's renderer: immediate, no account needed.
    Studio,
    /// Bria's FIBO model.
    Bria(BriaImages),
}

/// The clients needed to generate images with Bria.
#[derive(Debug)]
pub struct BriaImages {
    /// Submits and polls.
    pub bria: Bria,
    /// Fetches results.
    pub fetcher: ImageFetcher,
    /// The URL Bria sends results to.
    pub webhook_url: String,
    /// Bria's rate limit in calls per minute, polls included.
    pub calls_per_minute: u32,
}

/// The provider of structured prompts.
#[derive(Debug)]
pub enum PromptProvider {
    /// Bria, where it is also the image provider.
    Bria(Bria),
    /// Gemini, where a key is configured.
    Gemini(Gemini),
    /// This project's deterministic template.
    Template,
}

/// The tokens Bria's webhooks may be signed with, current first. Empty where Bria is not
/// configured: then every signature is refused.
#[derive(Debug)]
pub struct WebhookTokens(pub Vec<Secret>);

/// The image provider of this deployment, for functions that only record its name.
impl Connect for Provider {
    fn variables() -> Vec<&'static str> {
        vec![IMAGE_PROVIDER]
    }

    async fn connect(env: &Environment, _: &Aws) -> Result<Provider, InitError> {
        drawn_by(env)
    }
}

impl Connect for ImageProvider {
    fn variables() -> Vec<&'static str> {
        vec![
            IMAGE_PROVIDER,
            BRIA_BASE_URL,
            BRIA_SECRET_ARN,
            BRIA_CALLS_PER_MINUTE,
            IMAGE_ORIGINS,
            PUBLIC_API_URL,
        ]
    }

    async fn connect(env: &Environment, aws: &Aws) -> Result<ImageProvider, InitError> {
        match drawn_by(env)? {
            Provider::Studio => Ok(ImageProvider::Studio),
            Provider::Bria => {
                let http = http()?;
                let origins: Vec<_> = env.text(IMAGE_ORIGINS)?.split(',').collect();
                let fetcher = ImageFetcher::new(http.clone(), &origins);
                let root = env.text(PUBLIC_API_URL)?.trim_end_matches('/');
                Ok(ImageProvider::Bria(BriaImages {
                    bria: bria(http, env, aws).await?,
                    fetcher: fetcher.map_err(unusable(IMAGE_ORIGINS))?,
                    webhook_url: format!("{root}{BRIA_WEBHOOK_PATH}"),
                    calls_per_minute: env.parse(BRIA_CALLS_PER_MINUTE)?,
                }))
            }
        }
    }
}

impl Connect for PromptProvider {
    fn variables() -> Vec<&'static str> {
        vec![IMAGE_PROVIDER, BRIA_BASE_URL, BRIA_SECRET_ARN, GEMINI_BASE_URL, GEMINI_SECRET_ARN]
    }

    async fn connect(env: &Environment, aws: &Aws) -> Result<PromptProvider, InitError> {
        match (drawn_by(env)?, env.optional(GEMINI_SECRET_ARN)) {
            (Provider::Bria, _) => Ok(PromptProvider::Bria(bria(http()?, env, aws).await?)),
            (Provider::Studio, None) => Ok(PromptProvider::Template),
            (Provider::Studio, Some(arn)) => {
                let secret = Secrets::new(&aws.secrets()).read::<GeminiSecret>(arn).await;
                let key = secret.map_err(unavailable("the Gemini secret"))?.api_key;
                let gemini = Gemini::new(http()?, env.text(GEMINI_BASE_URL)?, &key);
                Ok(PromptProvider::Gemini(gemini.map_err(unusable(GEMINI_BASE_URL))?))
            }
        }
    }
}

impl Connect for WebhookTokens {
    fn variables() -> Vec<&'static str> {
        vec![BRIA_SECRET_ARN]
    }

    async fn connect(env: &Environment, aws: &Aws) -> Result<WebhookTokens, InitError> {
        match env.optional(BRIA_SECRET_ARN) {
            None => Ok(WebhookTokens(Vec::new())),
            Some(arn) => Ok(WebhookTokens(bria_secret(arn, aws).await?.webhook_tokens())),
        }
    }
}

async fn bria(http: Http, env: &Environment, aws: &Aws) -> Result<Bria, InitError> {
    let secret = bria_secret(env.text(BRIA_SECRET_ARN)?, aws).await?;
    Bria::new(http, env.text(BRIA_BASE_URL)?, &secret.api_token).map_err(unusable(BRIA_BASE_URL))
}

async fn bria_secret(arn: &str, aws: &Aws) -> Result<BriaSecret, InitError> {
    Secrets::new(&aws.secrets()).read(arn).await.map_err(unavailable("the Bria secret"))
}

fn drawn_by(env: &Environment) -> Result<Provider, InitError> {
    match env.text(IMAGE_PROVIDER)? {
        "studio" => Ok(Provider::Studio),
        "bria" => Ok(Provider::Bria),
        _ => Err(InitError::Unusable {
            name: IMAGE_PROVIDER,
            why: "it is `studio` or `bria`".to_owned(),
        }),
    }
}

/// The HTTP client of one or several capabilities.
pub(crate) fn http() -> Result<Http, InitError> {
    Http::new().map_err(|e| InitError::Unavailable { what: "the HTTP client", source: e.into() })
}

pub(crate) fn unusable(name: &'static str) -> impl Fn(InvalidConfig) -> InitError {
    move |e| InitError::Unusable { name, why: e.to_string() }
}

pub(crate) fn unavailable(what: &'static str) -> impl Fn(SecretUnavailable) -> InitError {
    move |e| InitError::Unavailable { what, source: e.into() }
}
