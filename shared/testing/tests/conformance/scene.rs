//! One app with a member's data in it, and every route of the system on it.

use clients::{
    Secret, Stripe,
    documents::Company,
    stripe::{StripeConfig, Tax},
};
use domain::{Timestamp, generation::Provider};
use lambda_http::Request;
use marketplace::{DemoCache, PopularCache, SearchIndex, ViewCounter};
use runtime::{Endpoint, Frontend, PromptProvider, StripeWebhookSecrets, WebhookTokens, dispatch};
use sandbox::{
    Config, RunningSandbox, Sandbox,
    stripe::{API_KEY, Card, Setup},
};
use serde_json::json;
use testing::{
    Actor, Answer, TestApp, TestRequest,
    cloud::{Bucket, Cloud},
    grants::acting_as,
};

use crate::market::Market;

/// The API token that signs the event of Bria's webhook.
const BRIA_TOKEN: &str = "sandbox-bria-token";
/// The secret that signs the event of Stripe's webhook.
const STRIPE_SECRET: &str = "whsec_4d2b9f6c1e8a3705b6d1c9e2f7a80435";
/// Time of the events, as their signatures and contexts state.
const EVENTS_AT: Timestamp = Timestamp::from_secs(1_795_000_000);

/// A app in which Kim has a generation, a preset, a subscription and its invoice, sells a listing
/// and has bought another.
pub(crate) struct Scene {
    pub(crate) app: TestApp,
    pub(crate) kim: Actor,
    sandbox: RunningSandbox,
    generation: String,
    preset: String,
    invoice: String,
    market: Market,
    bucket: Bucket,
}

impl Scene {
    pub(crate) async fn new() -> Scene {
        Scene::of(TestApp::new()).await
    }

    /// The same, at the time of the files in `events/`.
    pub(crate) async fn at_the_events() -> Scene {
        let app = TestApp::new();
        let ambient =
            runtime::InvocationContext { clock: runtime::Clock::manual(EVENTS_AT), ..app.ambient };
        Scene::of(TestApp { ambient, ..app }).await
    }

    async fn of(app: TestApp) -> Scene {
        let kim = Actor::member("kim");
        let stripe = Setup { now: Some(app.now().as_secs()), ..Setup::default() };
        let config = Config { stripe, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        let mut scene = Scene {
            app,
            kim: kim.clone(),
            sandbox,
            generation: String::new(),
            preset: String::new(),
            invoice: String::new(),
            market: Market::default(),
            bucket: Cloud::here().shared_bucket("test-conformance").await,
        };
        scene.generation = scene.made(&generation::create_generation::ENDPOINT, &kim).await;
        scene.preset = scene.made(&generation::create_preset::ENDPOINT, &kim).await;
        scene.invoice = scene.subscribed(&kim).await;
        scene.market = Market::of(&scene.app.store, &kim, scene.app.now()).await;
        scene
    }

    /// The invoice of a plan that `actor` pays for, from Stripe's events.
    async fn subscribed(&self, actor: &Actor) -> String {
        let checkout = &billing::open_checkout::ENDPOINT;
        let ask = TestRequest::by(actor).key("subscribe").json(json!({"plan": "pro"}));
        let page = self.answer(checkout, ask.event(checkout)).await.json();
        let session = page["checkout_url"].as_str().unwrap().rsplit('/').next().unwrap();
        let stripe = self.sandbox.stripe();
        stripe.pay(session, Card::Succeeds).unwrap();
        for body in stripe.events() {
            let webhook = &edge::webhook_stripe::ENDPOINT;
            let signature = stripe.sign(&body, STRIPE_SECRET, self.app.now().as_secs());
            let ask = TestRequest::anonymous().header("Stripe-Signature", signature).text(body);
            let answer = self.answer(webhook, ask.event(webhook)).await;
            assert_eq!(answer.status(), 200, "{}", answer.pretty());
        }
        let list = &billing::list_invoices::ENDPOINT;
        let invoices = self.answer(list, TestRequest::by(actor).event(list)).await.json();
        invoices["items"][0]["id"].as_str().unwrap().to_owned()
    }

    /// The id of what `endpoint` creates.
    async fn made(&self, endpoint: &Endpoint, actor: &Actor) -> String {
        let ask = self.fill(endpoint, TestRequest::by(actor).key(endpoint.name));
        let answer = self.answer(endpoint, ask.event(endpoint)).await;
        let id = answer.json()["id"].as_str().map(str::to_owned);
        id.unwrap_or_else(|| panic!("{}: {}", endpoint.name, answer.pretty()))
    }

    /// A valid request, about Kim's data where that applies.
    ///
    /// # Panics
    /// If this function has no valid request for the endpoint.
    pub(crate) fn fill(&self, endpoint: &Endpoint, ask: TestRequest) -> TestRequest {
        match endpoint.name {
            "generation-create-generation" => ask.json(json!({"prompt": "a red chair"})),
            "generation-get-generation" | "generation-cancel-generation" => {
                ask.path("id", &self.generation)
            }
            "generation-structure-prompt" => ask.json(json!({"prompt": "a red chair"})),
            "generation-create-preset" => ask.json(json!({"name": "Chair", "prompt": "a chair"})),
            "generation-delete-preset" => ask.path("id", &self.preset),
            "account-update-me" => ask.json(json!({"display_name": "Kim"})),
            "billing-open-checkout" => ask.json(json!({"pack": "pack_50"})),
            "billing-open-portal" | "billing-cancel-subscription" => ask.json(json!({})),
            "billing-update-top-up" => {
                ask.json(json!({"enabled": true, "pack": "pack_50", "below": 5, "monthly_max": 2}))
            }
            "billing-get-invoice-pdf" => ask.path("id", &self.invoice),
            name if name.starts_with("marketplace-") || name.starts_with("admin-") => {
                self.market.fill(name, ask)
            }
            "generation-list-generations"
            | "generation-list-presets"
            | "account-get-me"
            | "account-export-me"
            | "account-delete-me"
            | "billing-list-plans"
            | "billing-get-credits"
            | "billing-get-subscription"
            | "billing-get-usage"
            | "billing-list-invoices"
            | "edge-get-health" => ask,
            "edge-webhook-bria" => ask.query("job", "gen_01JD0000000000000000000000.token.user"),
            "edge-webhook-stripe" => ask.json(json!({"type": "invoice.paid"})),
            other => panic!("add a valid request for {other} here"),
        }
    }

    /// The response of `endpoint` to `event`.
    pub(crate) async fn answer(&self, endpoint: &Endpoint, event: Request) -> Answer {
        let (ambient, store) = (&self.app.ambient, self.app.store.clone());
        let (images, documents) = (self.app.images(), self.app.documents());
        let (stripe, frontend) = (self.stripe(), Frontend::new("https://app.prolight.test"));
        let (uploads, previews) = (self.bucket.uploads(), self.app.previews());
        let pictures = self.bucket.preview_bucket();
        let links = testing::share_links();
        macro_rules! routes {
            ($($package:ident::$module:ident => $capabilities:expr,)*) => {
                $(if *endpoint == $package::$module::ENDPOINT {
                    let (handle, capabilities) = ($package::$module::handle, $capabilities);
                    let answer = || dispatch(endpoint, &handle, &capabilities, ambient, event);
                    return Answer(acting_as(endpoint.name, answer).await);
                })*
            };
        }
        routes! {
            generation::create_generation => (store, Provider::Studio),
            generation::list_generations => (store, images),
            generation::get_generation => (store, images),
            generation::cancel_generation => store,
            generation::structure_prompt => (store, PromptProvider::Template),
            generation::create_preset => store,
            generation::list_presets => store,
            generation::delete_preset => store,
            account::get_me => store,
            account::update_me => store,
            account::export_me => (store, images, uploads, previews),
            account::delete_me => store,
            billing::list_plans => (),
            billing::get_credits => store,
            billing::get_usage => store,
            billing::open_checkout => (store, stripe, frontend),
            billing::open_portal => (store, stripe, frontend),
            billing::get_subscription => store,
            billing::cancel_subscription => (store, stripe),
            billing::update_top_up => store,
            billing::list_invoices => store,
            billing::get_invoice_pdf => (store, documents, company()),
            marketplace::create_listing => store,
            marketplace::update_listing => (store, previews),
            marketplace::retire_listing => store,
            marketplace::submit_listing => (store, previews, pictures),
            marketplace::create_upload => (store, uploads),
            marketplace::get_upload => store,
            marketplace::preview_listing => (store, DemoCache::new(previews, pictures)),
            marketplace::list_popular => (PopularCache::new(store), previews),
            marketplace::search_listings =>
                (SearchIndex::open(store, self.bucket.snapshots()), previews),
            marketplace::get_listing => (ViewCounter::new(store), previews),
            marketplace::list_reviews => store,
            marketplace::reply_to_review => store,
            marketplace::flag_listing => store,
            marketplace::share_listing => (store, links),
            marketplace::follow_share => (store, links, previews, frontend),
            marketplace::create_purchase => (store, stripe, frontend, links),
            marketplace::list_purchases => store,
            marketplace::download_purchase => (store, uploads),
            marketplace::refund_purchase => (store, stripe),
            marketplace::create_review => store,
            marketplace::get_creator_stats => store,
            marketplace::list_creator_listings => (store, previews),
            marketplace::get_creator_listing => (store, previews),
            marketplace::list_creator_earnings => store,
            marketplace::onboard_creator => (store, stripe, frontend),
            marketplace::list_creator_payouts => store,
            marketplace::get_creator_statement => (store, documents, company()),
            admin::list_pending => (store, previews, uploads),
            admin::approve_listing => (store, self.bucket.scan(None)),
            admin::reject_listing => store,
            admin::delist_listing => store,
            admin::list_flags => (store, previews),
            admin::resolve_flags => store,
            admin::list_refund_requests => store,
            admin::refund_purchase => (store, stripe),
            admin::audit_ledger => store,
            admin::get_revenue_stats => store,
            admin::get_generation_stats => store,
            admin::list_reports => store,
            admin::get_report => (store, documents),
            admin::list_users => store,
            admin::get_user => store,
            admin::adjust_credits => store,
            admin::ban_user => (store, stripe),
            admin::unban_user => store,
            admin::update_limits => store,
            admin::list_audit => store,
            edge::get_health => (),
            edge::webhook_bria => (store, WebhookTokens(vec![Secret::new(BRIA_TOKEN)])),
            edge::webhook_stripe =>
                (store, stripe, StripeWebhookSecrets(vec![Secret::new(STRIPE_SECRET)])),
        }
        panic!("add the dependencies of {} here", endpoint.name);
    }

    fn stripe(&self) -> Stripe {
        let (base, api_key) = (self.sandbox.stripe().url(), Secret::new(API_KEY));
        Stripe::new(&StripeConfig { base, api_key, tax: Tax::None }).unwrap()
    }
}

fn company() -> Company {
    Company {
        name: "ProLight AI".to_owned(),
        address_lines: Vec::new(),
        email: "billing@prolight.test".to_owned(),
        tax_id: None,
        tax_label: "Tax".to_owned(),
    }
}
