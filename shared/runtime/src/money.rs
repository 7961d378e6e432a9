//! Capabilities of billing: Stripe, the frontend pages it returns to, and the invoicing company.

use clients::{
    Secret, Secrets, Stripe, TopUpQueue,
    documents::{Company, Documents},
    secrets::{StripeSecret, StripeWebhookSecret},
    stripe::{Payouts, StripeConfig, Tax},
};

use crate::{
    aws::Aws,
    connect::{Connect, RECORDS_BUCKET},
    env::{Environment, InitError},
    providers::{unavailable, unusable},
};

const STRIPE_BASE_URL: &str = "STRIPE_BASE_URL";
const STRIPE_SECRET_ARN: &str = "STRIPE_SECRET_ARN";
const STRIPE_PAYOUTS_SECRET_ARN: &str = "STRIPE_PAYOUTS_SECRET_ARN";
const STRIPE_AUTOMATIC_TAX: &str = "STRIPE_AUTOMATIC_TAX";
const STRIPE_WEBHOOK_SECRET_ARN: &str = "STRIPE_WEBHOOK_SECRET_ARN";
const FRONTEND_URL: &str = "FRONTEND_URL";
const TOP_UP_QUEUE_URL: &str = "TOP_UP_QUEUE_URL";
const COMPANY_NAME: &str = "COMPANY_NAME";
/// Lines separated by `|`.
const COMPANY_ADDRESS: &str = "COMPANY_ADDRESS";
const COMPANY_EMAIL: &str = "COMPANY_EMAIL";
const COMPANY_TAX_ID: &str = "COMPANY_TAX_ID";
const TAX_LABEL: &str = "TAX_LABEL";

/// The webhook signing secrets of Stripe, current first.
#[derive(Debug)]
pub struct StripeWebhookSecrets(pub Vec<Secret>);

/// The frontend pages that people return to. Their addresses never contain caller input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontend {
    root: String,
}

impl Frontend {
    /// Pages below `root`.
    pub fn new(root: &str) -> Frontend {
        Frontend { root: root.trim_end_matches('/').to_owned() }
    }

    /// The page at `path`, which begins with a slash.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }
}

impl Connect for Stripe {
    fn variables() -> Vec<&'static str> {
        vec![STRIPE_BASE_URL, STRIPE_SECRET_ARN, STRIPE_AUTOMATIC_TAX]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Stripe, InitError> {
        let secret: StripeSecret = Secrets::new(&aws.secrets())
            .read(env.text(STRIPE_SECRET_ARN)?)
            .await
            .map_err(unavailable("the Stripe secret"))?;
        let config = StripeConfig {
            base: env.text(STRIPE_BASE_URL)?.to_owned(),
            api_key: secret.api_key,
            tax: match env.parse::<bool>(STRIPE_AUTOMATIC_TAX)? {
                true => Tax::Automatic,
                false => Tax::None,
            },
        };
        Stripe::new(&config).map_err(unusable(STRIPE_BASE_URL))
    }
}

impl Connect for Payouts {
    fn variables() -> Vec<&'static str> {
        vec![STRIPE_BASE_URL, STRIPE_PAYOUTS_SECRET_ARN]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Payouts, InitError> {
        let secret: StripeSecret = Secrets::new(&aws.secrets())
            .read(env.text(STRIPE_PAYOUTS_SECRET_ARN)?)
            .await
            .map_err(unavailable("the Stripe payouts secret"))?;
        Payouts::new(env.text(STRIPE_BASE_URL)?, &secret.api_key).map_err(unusable(STRIPE_BASE_URL))
    }
}

impl Connect for StripeWebhookSecrets {
    fn variables() -> Vec<&'static str> {
        vec![STRIPE_WEBHOOK_SECRET_ARN]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<StripeWebhookSecrets, InitError> {
        let secret: StripeWebhookSecret = Secrets::new(&aws.secrets())
            .read(env.text(STRIPE_WEBHOOK_SECRET_ARN)?)
            .await
            .map_err(unavailable("the Stripe webhook secret"))?;
        Ok(StripeWebhookSecrets(secret.all()))
    }
}

impl Connect for Frontend {
    fn variables() -> Vec<&'static str> {
        vec![FRONTEND_URL]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<Frontend, InitError> {
        Ok(Frontend::new(env.text(FRONTEND_URL)?))
    }
}

impl Connect for TopUpQueue {
    fn variables() -> Vec<&'static str> {
        vec![TOP_UP_QUEUE_URL]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<TopUpQueue, InitError> {
        Ok(TopUpQueue::new(&aws.sqs(), env.text(TOP_UP_QUEUE_URL)?))
    }
}

impl Connect for Documents {
    fn variables() -> Vec<&'static str> {
        vec![RECORDS_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Documents, InitError> {
        Ok(Documents::new(&aws.s3(), env.text(RECORDS_BUCKET)?))
    }
}

impl Connect for Company {
    fn variables() -> Vec<&'static str> {
        vec![COMPANY_NAME, COMPANY_ADDRESS, COMPANY_EMAIL, COMPANY_TAX_ID, TAX_LABEL]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<Company, InitError> {
        let address = env.optional(COMPANY_ADDRESS).unwrap_or_default().split('|').map(str::trim);
        Ok(Company {
            name: env.text(COMPANY_NAME)?.to_owned(),
            address_lines: address.filter(|line| !line.is_empty()).map(str::to_owned).collect(),
            email: env.text(COMPANY_EMAIL)?.to_owned(),
            tax_id: env.optional(COMPANY_TAX_ID).map(str::to_owned),
            tax_label: env.text(TAX_LABEL)?.to_owned(),
        })
    }
}
