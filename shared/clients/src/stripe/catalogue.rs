//! What is for sale, as Stripe names it: our lookup keys and its prices.
//!
//! A price never changes its amount: a new one takes over the lookup key, and subscriptions go on
//! with the old one. So a plan is known by its product, and only a checkout needs the very price.

use std::sync::Arc;

use domain::{pack::Pack, plan::Plan};
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_shared::Price;
use stripe_types::List;
use tokio::sync::Mutex;

use super::{StripeError, transport::Transport};

/// The prices on sale, looked up once in a process.
#[derive(Default)]
pub(super) struct Catalogue(Mutex<Option<Arc<Prices>>>);

/// The prices on sale.
#[derive(Debug)]
pub(super) struct Prices(Vec<OnSale>);

#[derive(Debug)]
struct OnSale {
    lookup_key: String,
    price: String,
    product: String,
}

#[derive(Serialize)]
struct Wanted {
    lookup_keys: Vec<&'static str>,
    active: &'static str,
    limit: i64,
}

impl Catalogue {
    /// The prices. Who comes while they are being looked up waits for the same answer.
    pub(super) async fn prices(&self, transport: &Transport) -> Result<Arc<Prices>, StripeError> {
        let mut kept = self.0.lock().await;
        if let Some(prices) = kept.as_ref() {
            return Ok(Arc::clone(prices));
        }
        let wanted = Wanted { lookup_keys: lookup_keys(), active: "true", limit: 100 };
        let request = RequestBuilder::new(StripeMethod::Get, "/prices").query(&wanted);
        let found: List<Price> = transport.ask("list prices", request.customize()).await?;
        let prices = Arc::new(Prices(found.data.into_iter().filter_map(OnSale::read).collect()));
        // As long as something is missing, it is looked for again.
        if prices.0.len() >= wanted.lookup_keys.len() {
            *kept = Some(Arc::clone(&prices));
        }
        Ok(prices)
    }

    /// Looks them up again when they are next needed: one may have been replaced.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

impl Prices {
    /// Stripe's id of the price with this lookup key.
    pub(super) fn id_of(&self, lookup_key: &str) -> Result<String, StripeError> {
        let found = self.0.iter().find(|on_sale| on_sale.lookup_key == lookup_key);
        found.map(|on_sale| on_sale.price.clone()).ok_or_else(|| {
            StripeError::unreached(format!("no active price has the lookup key {lookup_key}"))
        })
    }

    /// Which plan a product is.
    pub(super) fn plan_of(&self, product: &str) -> Option<Plan> {
        let found = self.0.iter().find(|on_sale| on_sale.product == product)?;
        Plan::of_lookup_key(&found.lookup_key)
    }
}

impl OnSale {
    fn read(price: Price) -> Option<OnSale> {
        Some(OnSale {
            lookup_key: price.lookup_key?,
            price: price.id.to_string(),
            product: price.product.id().to_string(),
        })
    }
}

/// What everything we sell is looked up by.
pub(super) fn lookup_keys() -> Vec<&'static str> {
    let plans = Plan::ALL.into_iter().filter_map(|plan| plan.terms().lookup_key);
    plans.chain(Pack::ALL.map(|pack| pack.terms().lookup_key)).collect()
}
