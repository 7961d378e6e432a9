//! Who draws the images and who structures the prompts: capabilities that the stack's parameters
//! choose.

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

/// Where Bria announces its results, below the stage.
const BRIA_WEBHOOK_PATH: &str = "/webhooks/bria";

/// Who draws the images.
#[derive(Debug)]
pub enum ImageProvider {
    /// The renderer of this project: at once, without an account anywhere.
    Studio,
    /// Bria's FIBO model.
    Bria(BriaImages),
}

/// All that is needed to have images drawn by Bria.
#[derive(Debug)]
pub struct BriaImages {
    /// Submits and polls.
    pub bria: Bria,
    /// Fetches results.
    pub fetcher: ImageFetcher,
    /// Where Bria announces results.
    pub webhook_url: String,
    /// How many calls a minute Bria allows, polls included.
    pub calls_per_minute: u32,
}

/// Who structures prompts.
#[derive(Debug)]
pub enum PromptProvider {
    /// Bria, where it draws the images too.
    Bria(Bria),
    /// Gemini, where a key is configured.
    Gemini(Gemini),
    /// A deterministic template of ours.
    Template,
}

/// The tokens Bria's webhooks may be signed with, the present one first. Empty where Bria is not
/// configured: then no signature fits.
#[derive(Debug)]
pub struct WebhookTokens(pub Vec<Secret>);

/// Who makes the images of this deployment, for those who only write it down.
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
                let key = secret.map_err(unavailable("Gemini's secret"))?.api_key;
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
    Secrets::new(&aws.secrets()).read(arn).await.map_err(unavailable("Bria's secret"))
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

/// The client of one capability, or of several made together.
pub(crate) fn http() -> Result<Http, InitError> {
    Http::new().map_err(|e| InitError::Unavailable { what: "the HTTP client", source: e.into() })
}

pub(crate) fn unusable(name: &'static str) -> impl Fn(InvalidConfig) -> InitError {
    move |e| InitError::Unusable { name, why: e.to_string() }
}

pub(crate) fn unavailable(what: &'static str) -> impl Fn(SecretUnavailable) -> InitError {
    move |e| InitError::Unavailable { what, source: e.into() }
}
