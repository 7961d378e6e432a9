//! `GET /s/{code}`: a member's shared link to a listing.
//!
//! Access: anybody. A code with an invalid signature is refused before any lookup.
//! Changes: counts the visitor, once a day, and at most [`CLICKS`] of a listing. Link previews and
//! prefetches are not counted, nor is `HEAD`; if counting fails, the page is served all the same.
//!
//! The page describes the listing to link previews, and redirects people to the frontend with a
//! token of this click, which a purchase may name. Query parameters added by sites and apps are
//! ignored.

use clients::{Previews, ShareLinks};
use domain::marketplace::community::{share::Share, visitor::VISITORS_A_MINUTE};
use futures_util::future::join;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Frontend, Function, Html, HtmlPage};
use serde::Deserialize;
use store::{Rate, Store, StoreError, optional};
use tracing::warn;

use crate::share_page::{Shown, off_sale, unknown};

pub const ENDPOINT: Endpoint =
    Endpoint::get("marketplace-follow-share", "/s/{code}", Access::Public).with_head();

/// Clicks of one listing that count, over all sharers.
pub const CLICKS: Rate = Rate::a_minute(VISITORS_A_MINUTE);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Request {
    code: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    links: ShareLinks,
    previews: Previews,
    frontend: Frontend,
}

async fn handle(
    Deps { store, links, previews, frontend }: &Deps,
    call: Call<Request>,
) -> Result<HtmlPage, ApiError> {
    let code = &call.body.code;
    let marketplace = frontend.page("/marketplace");
    if !links.is_ours(code) {
        return Ok(HtmlPage::Missing(unknown(&marketplace)));
    }
    let Some(share) = optional(store.share(code).await)? else {
        return Ok(HtmlPage::Missing(unknown(&marketplace)));
    };
    let count = count(store, links, &share, &call);
    let page = store.listing_page(&share.listing_id, call.now);
    let (counted, page) = join(count, page).await;
    if let Err(error) = counted {
        warn!(?error, "click on a shared link not counted, serving the page");
    }
    let Some(page) = optional(page)? else {
        let body = off_sale(&marketplace);
        return Ok(HtmlPage::Found(Html { body, max_age_s: None, refresh_to: None }));
    };
    let (listing, token) = (&page.listing.id, links.click(code, call.now));
    let onward = frontend.page(&format!("/marketplace/listings/{listing}?ref={token}"));
    let url = call.links.to(format_args!("/s/{code}"));
    let body = Shown::of(&page, previews, &url, &onward).to_html();
    Ok(HtmlPage::Found(Html { body, max_age_s: None, refresh_to: Some(onward) }))
}

/// Counts the visitor, unless it is a bot or a prefetch.
async fn count(
    store: &Store,
    links: &ShareLinks,
    share: &Share,
    call: &Call<Request>,
) -> Result<(), StoreError> {
    let Some(network) = call.visitor() else { return Ok(()) };
    let visitor = links.visitor(&network, &call.now.date());
    store.count_click(share, &visitor, CLICKS, call.now).await.map(drop)
}
