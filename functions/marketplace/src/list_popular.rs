//! `GET /api/v1/marketplace/listings/popular`: the most popular listings, by category.
//!
//! Access: anybody.
//! Changes: nothing. `background-rank-popular` writes the lists every ten minutes; a process reads
//! one from the table at most every ten seconds.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use clients::Previews;
use domain::{Timestamp, marketplace::Category};
use runtime::{
    Access, ApiError, Aws, Cacheable, Call, Connect, Endpoint, Environment, Function, InitError,
};
use serde::{Deserialize, Serialize};
use store::{PageSize, Popular, Store, StoreError};

use crate::view::CardView;

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-list-popular",
    "/api/v1/marketplace/listings/popular",
    Access::Public,
);

/// How long a list is served without reading the table.
const FRESH: Duration = Duration::from_secs(10);
/// How long a cache may serve it, in seconds.
const MAX_AGE_S: u32 = 60;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The list of this category instead of that of all.
    category: Option<Category>,
    /// Most listings of the answer; a list has up to twenty.
    #[serde(default)]
    limit: PageSize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    items: Vec<CardView>,
    /// When the list was computed; `null` before the first.
    as_of: Option<Timestamp>,
}

/// This process's cache of the lists.
#[derive(Debug)]
pub(crate) struct PopularCache {
    store: Store,
    read: Mutex<HashMap<Option<Category>, Read>>,
}

/// A list, and when it was read; none exists before the first run.
#[derive(Debug, Clone)]
struct Read {
    at: Timestamp,
    list: Option<Popular>,
}

impl PopularCache {
    async fn of(
        &self,
        category: Option<Category>,
        now: Timestamp,
    ) -> Result<Option<Popular>, StoreError> {
        let read = self.read.lock().ok().and_then(|read| read.get(&category).cloned());
        if let Some(Read { at, list }) = read
            && now < at.plus(FRESH)
        {
            return Ok(list);
        }
        let list = self.store.popular(category).await?;
        if let Ok(mut read) = self.read.lock() {
            read.insert(category, Read { at: now, list: list.clone() });
        }
        Ok(list)
    }
}

impl Connect for PopularCache {
    fn variables() -> Vec<&'static str> {
        Store::variables()
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<PopularCache, InitError> {
        Ok(PopularCache { store: Store::connect(env, aws).await?, read: Mutex::default() })
    }
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    popular: PopularCache,
    previews: Previews,
}

async fn handle(
    Deps { popular, previews }: &Deps,
    call: Call<Request>,
) -> Result<Cacheable<Response>, ApiError> {
    let list = popular.of(call.body.category, call.now).await?;
    let as_of = list.as_ref().map(|list| list.as_of);
    let cards = list.into_iter().flat_map(|list| list.items).take(call.body.limit.get());
    let items = cards.map(|card| CardView::new(card, previews)).collect();
    Ok(Cacheable { body: Response { items, as_of }, max_age_s: MAX_AGE_S })
}
