//! `GET /api/v1/marketplace/listings/search`: find listings by words and what they are.
//!
//! Access: anybody.
//! Changes: nothing. The index is in this process: see [`crate::finder`].
//!
//! `q` is words, never a language: every word must be somewhere, in the title, a tag, the creator's
//! name or the description, give or take a typo. Facets count all that matches, with every filter
//! applied.

use std::collections::BTreeMap;

use clients::Previews;
use domain::{
    FieldError, Refusal, RefusalKind,
    marketplace::{Category, Kind, card::Card},
    refusal::InvalidFields,
};
use runtime::{Access, ApiError, Call, Endpoint, Shared};
use search::{Cost, Facets, Found, Query, SearchRefused, Sort};
use serde::{Deserialize, Serialize};
use store::PageSize;

use crate::{finder::Finder, view::CardView};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-search-listings",
    "/api/v1/marketplace/listings/search",
    Access::Public,
);

/// For how long a cache may serve it.
const MAX_AGE_S: u32 = 2;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    q: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    category: Option<Category>,
    /// Tags, separated by commas; all of them.
    tags: Option<String>,
    /// In cents.
    price_min: Option<u64>,
    /// In cents.
    price_max: Option<u64>,
    /// Stars, such as `4.5`.
    rating_min: Option<f64>,
    creator: Option<String>,
    free: Option<bool>,
    sort: Option<Sort>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Response {
    items: Vec<CardView>,
    next_cursor: Option<String>,
    /// How many match, on all pages.
    total: u64,
    facets: FacetsView,
}

#[derive(Debug, Serialize)]
struct FacetsView {
    types: BTreeMap<String, u64>,
    categories: BTreeMap<String, u64>,
    /// With at least so many stars.
    ratings: BTreeMap<u8, u64>,
    free: u64,
    /// In cents; `null` where nothing matches.
    prices: Option<search::Prices>,
}

pub async fn handle(
    (finder, previews): &(Finder, Previews),
    call: Call<Request>,
) -> Result<Shared<Response>, ApiError> {
    let query = call.body.query()?;
    let page = (call.body.limit.get(), call.body.cursor.as_deref());
    let found = finder.search(&query, page, call.now).await.map_err(NotFound::from)?;
    Ok(Shared { body: Response::of(found, previews), max_age_s: MAX_AGE_S })
}

impl Request {
    fn query(&self) -> Result<Query, InvalidFields> {
        let tags = self.tags.as_deref().unwrap_or_default().split(',');
        Ok(Query {
            text: self.q.clone(),
            kinds: self.kind.iter().map(|kind| kind.terms().name.to_owned()).collect(),
            categories: self.category.iter().map(|it| it.as_str().to_owned()).collect(),
            tags: tags.map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            price_min: self.price_min,
            price_max: self.price_max,
            rating_min: self.rating_min.map(hundredths).transpose()?,
            creator: self.creator.clone(),
            cost: self.free.map(|free| if free { Cost::Free } else { Cost::Paid }),
            sort: self.sort,
        })
    }
}

/// Stars in hundredths.
fn hundredths(stars: f64) -> Result<u16, InvalidFields> {
    match (0.0..=5.0).contains(&stars) {
        true => Ok((stars * 100.0).round() as u16),
        false => {
            let detail = "0 to 5 stars";
            Err(InvalidFields(vec![FieldError::new("/rating_min", "out_of_range", detail)]))
        }
    }
}

impl Response {
    fn of(found: Found, previews: &Previews) -> Response {
        let Facets { kinds: types, categories, ratings, free, prices } = found.facets;
        // A card that cannot be read was written by another version of us: the page goes on.
        let cards = found.items.iter().filter_map(|hit| serde_json::from_str::<Card>(&hit.card).ok());
        Response {
            items: cards.map(|card| CardView::new(card, previews)).collect(),
            next_cursor: found.next_cursor,
            total: found.total,
            facets: FacetsView { types, categories, ratings, free, prices },
        }
    }
}

/// Why nothing was searched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotFound(#[from] SearchRefused);

impl Refusal for NotFound {
    fn kind(&self) -> RefusalKind {
        match self.0 {
            SearchRefused::Cursor => RefusalKind::Invalid,
            SearchRefused::Catalogue(_) => RefusalKind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        self.0.code()
    }
}
