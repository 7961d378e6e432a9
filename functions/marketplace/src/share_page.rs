//! The pages of shared links. All text by creators is escaped.
//!
//! The tags for link previews: <https://ogp.me> and
//! <https://developer.x.com/en/docs/x-for-websites/cards/guides/getting-started>.

use clients::{Previews, preview::ShownPreview};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use runtime::Link;
use store::ListingPage;

/// Longest description on the page, in characters.
const DESCRIPTION_CHARS_MAX: usize = 200;
const STYLE: &str = "body{font-family:sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}\
    img{max-width:100%}";

/// The listing data on the page.
pub(crate) struct Shown {
    title: String,
    description: String,
    picture: Option<ShownPreview>,
    url: String,
    onward: String,
}

impl Shown {
    /// The page of a listing on sale, shared as `url`; people are redirected to `onward`.
    pub(crate) fn of(page: &ListingPage, previews: &Previews, url: &Link, onward: &str) -> Shown {
        let description = &page.revision.description;
        let first = page.revision.previews.first();
        let picture = first.map(|first| previews.shown(&page.listing.id, first));
        Shown {
            title: description.title.clone(),
            description: in_brief(&description.description),
            picture,
            url: url.to_string(),
            onward: onward.to_owned(),
        }
    }

    pub(crate) fn to_html(&self) -> String {
        let Shown { title, description, picture, url, onward } = self;
        let card = if picture.is_some() { "summary_large_image" } else { "summary" };
        let head = html! {
            meta name="description" content=(description);
            meta property="og:site_name" content="ProLight AI";
            meta property="og:type" content="product";
            meta property="og:title" content=(title);
            meta property="og:description" content=(description);
            meta property="og:url" content=(url);
            meta name="twitter:card" content=(card);
            meta name="twitter:title" content=(title);
            meta name="twitter:description" content=(description);
            @if let Some(shown) = picture {
                meta property="og:image" content=(shown.urls.large);
                meta property="og:image:width" content=(shown.width);
                meta property="og:image:height" content=(shown.height);
                meta name="twitter:image" content=(shown.urls.large);
            }
        };
        let body = html! {
            h1 { (title) }
            @if let Some(shown) = picture { p { img src=(shown.urls.large) alt=""; } }
            p { (description) }
            p { a href=(onward) { "See it on ProLight AI" } }
        };
        page(title, &head, &body)
    }
}

/// The page of an invalid link.
pub(crate) fn unknown(marketplace: &str) -> String {
    dead_end("There is nothing here", "This link leads nowhere.", marketplace)
}

/// The page of a listing that is not on sale.
pub(crate) fn off_sale(marketplace: &str) -> String {
    let reason = "The listing behind this link is not on sale.";
    dead_end("No longer on sale", reason, marketplace)
}

fn dead_end(title: &str, reason: &str, marketplace: &str) -> String {
    let body = html! {
        h1 { (title) }
        p { (reason) }
        p { a href=(marketplace) { "Look around the marketplace" } }
    };
    page(title, &html! {}, &body)
}

fn page(title: &str, head: &Markup, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                (head)
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// A description in one line of at most [`DESCRIPTION_CHARS_MAX`] characters.
fn in_brief(description: &str) -> String {
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(DESCRIPTION_CHARS_MAX) {
        None => line,
        Some(_) => {
            let start: String = line.chars().take(DESCRIPTION_CHARS_MAX - 1).collect();
            format!("{}…", start.trim_end())
        }
    }
}
