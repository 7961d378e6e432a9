//! Providers of images and of structured prompts: capabilities chosen by the stack's parameters.

use connect::{Aws, Connect, Environment, IMAGE_PROVIDER, InitError};
use domain::generation::Provider;

use crate::{
    bria::Bria,
    fetch::ImageFetcher,
    gemini::Gemini,
    http::Http,
    secrets::{self, BRIA_SECRET_ARN, BriaSecret, GeminiSecret},
};

const BRIA_BASE_URL: &str = "BRIA_BASE_URL";
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
        match Provider::connect(env, aws).await? {
            Provider::Studio => Ok(ImageProvider::Studio),
            Provider::Bria => {
                let http = Http::connect(env, aws).await?;
                let origins: Vec<_> = env.text(IMAGE_ORIGINS)?.split(',').collect();
                let fetcher = ImageFetcher::new(http.clone(), &origins);
                let root = env.text(PUBLIC_API_URL)?.trim_end_matches('/');
                Ok(ImageProvider::Bria(BriaImages {
                    bria: bria(http, env, aws).await?,
                    fetcher: fetcher.map_err(InitError::unusable(IMAGE_ORIGINS))?,
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
        match (Provider::connect(env, aws).await?, env.optional(GEMINI_SECRET_ARN)) {
            (Provider::Bria, _) => {
                let http = Http::connect(env, aws).await?;
                Ok(PromptProvider::Bria(bria(http, env, aws).await?))
            }
            (Provider::Studio, None) => Ok(PromptProvider::Template),
            (Provider::Studio, Some(arn)) => {
                let GeminiSecret { api_key } = secrets::read(aws, arn, "the Gemini secret").await?;
                let http = Http::connect(env, aws).await?;
                let gemini = Gemini::new(http, env.text(GEMINI_BASE_URL)?, &api_key);
                Ok(PromptProvider::Gemini(gemini.map_err(InitError::unusable(GEMINI_BASE_URL))?))
            }
        }
    }
}

async fn bria(http: Http, env: &Environment, aws: &Aws) -> Result<Bria, InitError> {
    let secret = BriaSecret::read(aws, env.text(BRIA_SECRET_ARN)?).await?;
    let bria = Bria::new(http, env.text(BRIA_BASE_URL)?, &secret.api_token);
    let bria = bria.map_err(InitError::unusable(BRIA_BASE_URL))?;
    Ok(bria.doubting(aws.secret_doubt()))
}
