//! What is for sale at Stripe: our lookup keys and its prices.
//!
//! A price never changes its amount: a new one takes over the lookup key, and subscriptions stay on
//! the old one, even when it is archived because the plan is off sale. So a plan is identified by
//! its product, whether or not it has an active price; only a checkout needs an active price.

use std::sync::Arc;

use domain::{pack::Pack, plan::Plan};
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_shared::Price;
use stripe_types::List;
use tokio::sync::Mutex;

use super::{StripeError, transport::Transport};

/// Our prices, fetched once per process.
#[derive(Default)]
pub(super) struct Catalogue(Mutex<Option<Arc<Prices>>>);

/// Our prices, active or archived.
#[derive(Debug)]
pub(super) struct Prices(Vec<Known>);

#[derive(Debug)]
struct Known {
    lookup_key: String,
    price: String,
    product: String,
    active: bool,
}

#[derive(Serialize)]
struct Wanted {
    lookup_keys: Vec<&'static str>,
    limit: i64,
}

impl Catalogue {
    /// The prices. Concurrent callers wait for one request.
    pub(super) async fn prices(&self, transport: &Transport) -> Result<Arc<Prices>, StripeError> {
        let mut kept = self.0.lock().await;
        if let Some(prices) = kept.as_ref() {
            return Ok(Arc::clone(prices));
        }
        let wanted = Wanted { lookup_keys: lookup_keys(), limit: 100 };
        let request = RequestBuilder::new(StripeMethod::Get, "/prices").query(&wanted);
        let found: List<Price> = transport.ask("list prices", request.customize()).await?;
        let prices = Arc::new(Prices(found.data.into_iter().filter_map(Known::read).collect()));
        // While any is missing, they are fetched again.
        if prices.0.len() >= wanted.lookup_keys.len() {
            *kept = Some(Arc::clone(&prices));
        }
        Ok(prices)
    }

    /// Drops the cached prices, because one may have been replaced.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

impl Prices {
    /// Stripe's id of the active price with this lookup key.
    pub(super) fn id_of(&self, lookup_key: &str) -> Result<String, StripeError> {
        let found = self.0.iter().find(|known| known.active && known.lookup_key == lookup_key);
        found.map(|known| known.price.clone()).ok_or_else(|| {
            StripeError::unreached(format!("no active price has the lookup key {lookup_key}"))
        })
    }

    /// The plan that is sold at a price now.
    pub(super) fn plan_at(&self, price: &str) -> Option<Plan> {
        let found = self.0.iter().find(|known| known.price == price)?;
        Plan::of_lookup_key(&found.lookup_key)
    }

    /// The plan of a product. Products that [`super::setup`] makes have the lookup key as their id,
    /// so that one whose prices lost their lookup key is still identified.
    pub(super) fn plan_of(&self, product: &str) -> Option<Plan> {
        let found = self.0.iter().find(|known| known.product == product);
        let key = found.map_or(product, |known| &known.lookup_key);
        Plan::of_lookup_key(key)
    }
}

impl Known {
    fn read(price: Price) -> Option<Known> {
        Some(Known {
            lookup_key: price.lookup_key?,
            price: price.id.to_string(),
            product: price.product.id().to_string(),
            active: price.active,
        })
    }
}

/// The lookup keys of everything we sell.
pub(super) fn lookup_keys() -> Vec<&'static str> {
    let plans = Plan::ALL.into_iter().filter_map(|plan| plan.terms().lookup_key);
    plans.chain(Pack::ALL.map(|pack| pack.terms().lookup_key)).collect()
}
