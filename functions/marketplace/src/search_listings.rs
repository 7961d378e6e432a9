//! `GET /api/v1/marketplace/listings/search`: search listings by text and filters.
//!
//! Access: anybody.
//! Changes: nothing. The index is in this process: see [`crate::search_index`].
//!
//! `q` is plain words, without a query syntax: each must match the title, a tag, the creator's name
//! or the description, with typo tolerance. A result has any of the given types, any of the
//! categories and all of the tags; a list is `tag=a&tag=b` or `tag=a,b`. Facets count all matches,
//! with every filter applied. For some seconds after a start the answer may be
//! `search_index_loading`, rather than a part of the matches.

use std::{borrow::Cow, collections::BTreeMap};

use clients::Previews;
use domain::{
    DomainError, ErrorKind, FieldError,
    error::InvalidFields,
    id::CreatorId,
    marketplace::{
        Category, Kind,
        listing::{card::Card, revision::TAGS_MAX},
    },
    money::Money,
};
use runtime::{Access, ApiError, Cacheable, Call, Connect, Endpoint, Function};
use search::{Cost, Facets, Found, Matched, Query, SearchError, Sort};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use store::PageSize;

use crate::{search_index::SearchIndex, view::CardView};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-search-listings",
    "/api/v1/marketplace/listings/search",
    Access::Public,
)
.with_errors(&["search_index_loading"]);

/// How long a cache may serve it, in seconds.
const MAX_AGE_S: u32 = 2;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Words of the title, the description or the tags; of the last one, the beginning is enough.
    q: Option<String>,
    /// Any of these types.
    #[serde(default, rename = "type")]
    kinds: Vec<Kind>,
    /// Any of these categories.
    #[serde(default, rename = "category")]
    categories: Vec<Category>,
    /// All of these tags.
    #[serde(default, rename = "tag")]
    tags: Vec<String>,
    /// The lowest price, in cents.
    price_min: Option<u64>,
    /// The highest price, in cents.
    price_max: Option<u64>,
    /// The lowest average rating in stars, such as 4 or 4.5.
    rating_min: Option<Stars>,
    /// Only listings of this creator.
    creator: Option<CreatorId>,
    /// Only free listings, or only those with a price.
    free: Option<bool>,
    /// The order; the best match first by default.
    sort: Option<Sort>,
    #[serde(default)]
    limit: PageSize,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A rating in hundredths of a star, sent as `4` or `4.5`.
#[derive(Debug, Clone, Copy)]
struct Stars(u16);

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    items: Vec<CardView>,
    next_cursor: Option<String>,
    /// Number of matches on all pages.
    total: u64,
    /// `all_words`; or `all_but_one`, when nothing has all words and each result lacks one.
    matched: Matched,
    facets: FacetsView,
}

/// Counts on all pages. Each facet ignores its own filter and applies all others.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct FacetsView {
    types: BTreeMap<String, u64>,
    categories: BTreeMap<String, u64>,
    /// Counts by minimum number of stars.
    ratings: BTreeMap<u8, u64>,
    free: u64,
    /// `null` without matches.
    prices: Option<PricesView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PricesView {
    min: Money,
    max: Money,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    index: SearchIndex,
    previews: Previews,
}

async fn handle(
    Deps { index, previews }: &Deps,
    call: Call<Request>,
) -> Result<Cacheable<Response>, ApiError> {
    let query = call.body.query()?;
    let page = (call.body.limit.get(), call.body.cursor.as_deref());
    let found = index.search(&query, page, call.now).await?.map_err(Unanswered::from)?;
    Ok(Cacheable { body: Response::of(found, previews), max_age_s: MAX_AGE_S })
}

impl Request {
    fn query(&self) -> Result<Query, InvalidFields> {
        if self.tags.len() > TAGS_MAX {
            let detail = format!("no listing has more than {TAGS_MAX} tags");
            return Err(InvalidFields(vec![FieldError::new("/tag", "too_many", detail)]));
        }
        Ok(Query {
            text: self.q.clone(),
            kinds: self.kinds.iter().map(|kind| kind.terms().name.to_owned()).collect(),
            categories: self.categories.iter().map(|it| it.into_str().to_owned()).collect(),
            tags: self.tags.clone(),
            price_min: self.price_min,
            price_max: self.price_max,
            rating_min: self.rating_min.map(|stars| stars.0),
            creator: self.creator.as_ref().map(CreatorId::to_string),
            cost: self.free.map(|free| if free { Cost::Free } else { Cost::Paid }),
            sort: self.sort,
        })
    }
}

impl Stars {
    const MAX: Stars = Stars(500);

    fn parse(text: &str) -> Option<Stars> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = [whole, part].concat();
        let fits = whole.len() == 1 && (1..=2).contains(&part.len());
        let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        let hundredths: u16 = format!("{digits:0<3}").parse().ok().filter(|_| fits && plain)?;
        (hundredths <= Stars::MAX.0).then_some(Stars(hundredths))
    }
}

impl<'de> Deserialize<'de> for Stars {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Stars, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        Stars::parse(&text).ok_or_else(|| D::Error::custom("0 to 5 stars, such as 4 or 4.5"))
    }
}

domain::scalar_schema!(Stars {
    "type": "number",
    "description": "A rating in stars, with at most two decimals.",
    "minimum": 0,
    "maximum": 5,
    "examples": [4.5],
});

impl Response {
    fn of(found: Found, previews: &Previews) -> Response {
        let Facets { kinds: types, categories, ratings, free, prices } = found.facets;
        let prices = prices.map(|prices| PricesView { min: usd(prices.min), max: usd(prices.max) });
        // A card that cannot be read was written by another version of the code: it is skipped.
        let cards =
            found.items.iter().filter_map(|hit| serde_json::from_str::<Card>(&hit.card).ok());
        Response {
            items: cards.map(|card| CardView::new(card, previews)).collect(),
            next_cursor: found.next_cursor,
            total: found.total,
            matched: found.matched,
            facets: FacetsView { types, categories, ratings, free, prices },
        }
    }
}

fn usd(cents: u64) -> Money {
    Money::usd_cents(i64::try_from(cents).unwrap_or(i64::MAX))
}

/// A failed search.
#[derive(Debug, thiserror::Error)]
#[error("{refused}")]
struct Unanswered {
    refused: SearchError,
    fields: Vec<FieldError>,
}

impl From<SearchError> for Unanswered {
    fn from(refused: SearchError) -> Unanswered {
        let fields = match refused {
            SearchError::Cursor => {
                vec![FieldError::new("/cursor", "cursor", "not a cursor of this search")]
            }
            SearchError::Catalogue(_) => Vec::new(),
        };
        Unanswered { refused, fields }
    }
}

impl DomainError for Unanswered {
    fn kind(&self) -> ErrorKind {
        match self.refused {
            SearchError::Cursor => ErrorKind::Invalid,
            SearchError::Catalogue(_) => ErrorKind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        self.refused.code()
    }
    fn fields(&self) -> &[FieldError] {
        &self.fields
    }
}
