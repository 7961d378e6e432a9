//! The routes of the simulated vendors, which faults and filters refer to.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// Path prefix of the image provider's API.
pub const BRIA_PATH: &str = "/bria/v2";
/// Path prefix of finished pictures.
pub const RESULTS_PATH: &str = "/bria/results";
/// Target of the redirect fault.
pub const ELSEWHERE_PATH: &str = "/bria/elsewhere";

/// Path prefix of the payment provider's API and pages.
pub const STRIPE_PATH: &str = "/stripe";

/// A route of the simulated vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// `GET /.well-known/openid-configuration`
    Discovery,
    /// `GET /jwks.json`
    Jwks,
    /// `POST /token`
    Token,
    /// `POST /bria/v2/image/generate`
    Generate,
    /// `POST /bria/v2/image/generate/lite`
    GenerateLite,
    /// `POST /bria/v2/image/generate/tailored`
    GenerateTailored,
    /// `POST /bria/v2/structured_prompt/generate`
    Structure,
    /// `POST /bria/v2/structured_prompt/generate/lite`
    StructureLite,
    /// `GET /bria/v2/status/{request_id}`
    Status,
    /// `GET /bria/results/{file}`
    Result,
    /// `GET /bria/elsewhere/{file}`: reached only by a client that follows redirects.
    Elsewhere,
    /// `/stripe/v1/customers...` and `payment_methods...`
    StripeCustomers,
    /// `/stripe/v1/products...`
    StripeProducts,
    /// `/stripe/v1/prices...`
    StripePrices,
    /// `/stripe/v1/checkout/sessions...`
    StripeCheckout,
    /// `/stripe/v1/billing_portal/...`
    StripePortal,
    /// `/stripe/v1/subscriptions...`
    StripeSubscriptions,
    /// `/stripe/v1/invoices...` and `invoice_payments...`
    StripeInvoices,
    /// `/stripe/v1/payment_intents...`
    StripePayments,
    /// `/stripe/v1/charges...`
    StripeCharges,
    /// `/stripe/v1/refunds...`
    StripeRefunds,
    /// `/stripe/v1/disputes...`
    StripeDisputes,
    /// `/stripe/v1/events...`
    StripeEvents,
    /// `/stripe/v1/webhook_endpoints...`
    StripeWebhooks,
    /// `/stripe/v2/core/accounts...` and `account_links`
    StripeAccounts,
    /// `/stripe/v1/transfers...`
    StripeTransfers,
    /// `/stripe/v1/payouts...`
    StripePayouts,
    /// `/stripe/v1/balance...`
    StripeBalance,
    /// Everything else below `/stripe/v1/` and `/stripe/v2/`
    StripeOther,
    /// The hosted pages.
    StripePages,
}

impl Route {
    /// The route of a request, if it is a vendor's.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Route> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let posts = *method == Method::POST;
        if let Some(rest) = path.strip_prefix(STRIPE_PATH) {
            return Some(match rest.strip_prefix("/v2/") {
                Some(path) if path.starts_with("core/account") => Route::StripeAccounts,
                Some(_) => Route::StripeOther,
                None => Route::of_stripe(rest.strip_prefix("/v1/")),
            });
        }
        match path {
            "/.well-known/openid-configuration" if reads => Some(Route::Discovery),
            "/jwks.json" if reads => Some(Route::Jwks),
            "/token" if posts => Some(Route::Token),
            "/bria/v2/image/generate" if posts => Some(Route::Generate),
            "/bria/v2/image/generate/lite" if posts => Some(Route::GenerateLite),
            "/bria/v2/image/generate/tailored" if posts => Some(Route::GenerateTailored),
            "/bria/v2/structured_prompt/generate" if posts => Some(Route::Structure),
            "/bria/v2/structured_prompt/generate/lite" if posts => Some(Route::StructureLite),
            _ if !reads => None,
            _ if path.starts_with("/bria/v2/status/") => Some(Route::Status),
            _ if path.starts_with(RESULTS_PATH) => Some(Route::Result),
            _ if path.starts_with(ELSEWHERE_PATH) => Some(Route::Elsewhere),
            _ => None,
        }
    }

    /// The payment provider's route, by the path below `/v1/`; without one, its pages.
    fn of_stripe(path: Option<&str>) -> Route {
        match path.map(|path| path.split('/').next().unwrap_or_default()) {
            None => Route::StripePages,
            Some("customers" | "payment_methods") => Route::StripeCustomers,
            Some("products") => Route::StripeProducts,
            Some("prices") => Route::StripePrices,
            Some("checkout") => Route::StripeCheckout,
            Some("billing_portal") => Route::StripePortal,
            Some("subscriptions") => Route::StripeSubscriptions,
            Some("invoices" | "invoice_payments") => Route::StripeInvoices,
            Some("payment_intents") => Route::StripePayments,
            Some("charges") => Route::StripeCharges,
            Some("refunds") => Route::StripeRefunds,
            Some("disputes") => Route::StripeDisputes,
            Some("events") => Route::StripeEvents,
            Some("webhook_endpoints") => Route::StripeWebhooks,
            Some("transfers") => Route::StripeTransfers,
            Some("payouts") => Route::StripePayouts,
            Some("balance" | "balance_settings" | "balance_transactions") => Route::StripeBalance,
            Some(_) => Route::StripeOther,
        }
    }

    /// The vendor, in whose wording errors on this route are.
    pub(crate) fn vendor(self) -> Vendor {
        match self {
            Route::Discovery | Route::Jwks | Route::Token => Vendor::Issuer,
            Route::Generate
            | Route::GenerateLite
            | Route::GenerateTailored
            | Route::Structure
            | Route::StructureLite
            | Route::Status
            | Route::Result
            | Route::Elsewhere => Vendor::Bria,
            Route::StripeCustomers
            | Route::StripeProducts
            | Route::StripePrices
            | Route::StripeCheckout
            | Route::StripePortal
            | Route::StripeSubscriptions
            | Route::StripeInvoices
            | Route::StripePayments
            | Route::StripeCharges
            | Route::StripeRefunds
            | Route::StripeDisputes
            | Route::StripeEvents
            | Route::StripeWebhooks
            | Route::StripeAccounts
            | Route::StripeTransfers
            | Route::StripePayouts
            | Route::StripeBalance
            | Route::StripeOther
            | Route::StripePages => Vendor::Stripe,
        }
    }
}

/// A simulated vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    /// The OpenID issuer.
    Issuer,
    /// The image provider.
    Bria,
    /// The payment provider.
    Stripe,
}
