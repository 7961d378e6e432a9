//! The pages of shared links. All text by creators is escaped.
//!
//! The tags for link previews: <https://ogp.me> and
//! <https://developer.x.com/en/docs/x-for-websites/cards/guides/getting-started>.

use std::fmt::Write;

use clients::{Previews, preview::ShownPreview};
use runtime::Link;
use store::ListingPage;

/// Longest description on the page, in characters.
const DESCRIPTION_CHARS_MAX: usize = 200;

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
        let said = &page.revision.description;
        let first = page.revision.previews.first();
        let picture = first.map(|first| previews.shown(&page.listing.id, first));
        Shown {
            title: said.title.clone(),
            description: in_brief(&said.description),
            picture,
            url: url.to_string(),
            onward: onward.to_owned(),
        }
    }

    pub(crate) fn to_html(&self) -> String {
        let (title, description) = (escaped(&self.title), escaped(&self.description));
        let (url, onward) = (escaped(&self.url), escaped(&self.onward));
        let mut head = String::new();
        let mut tag = |kind: &str, name: &str, content: &str| {
            let _ = write!(head, "<meta {kind}=\"{name}\" content=\"{content}\">");
        };
        tag("name", "description", &description);
        for (name, content) in [
            ("og:site_name", "ProLight AI"),
            ("og:type", "product"),
            ("og:title", &title),
            ("og:description", &description),
            ("og:url", &url),
        ] {
            tag("property", name, content);
        }
        let card = if self.picture.is_some() { "summary_large_image" } else { "summary" };
        tag("name", "twitter:card", card);
        tag("name", "twitter:title", &title);
        tag("name", "twitter:description", &description);
        let mut picture = String::new();
        if let Some(shown) = &self.picture {
            let address = escaped(&shown.urls.large);
            tag("property", "og:image", &address);
            tag("property", "og:image:width", &shown.width.to_string());
            tag("property", "og:image:height", &shown.height.to_string());
            tag("name", "twitter:image", &address);
            picture = format!("<p><img src=\"{address}\" alt=\"\"></p>");
        }
        let body = format!(
            "<h1>{title}</h1>{picture}<p>{description}</p>\
             <p><a href=\"{onward}\">See it on ProLight AI</a></p>",
        );
        page(&title, &head, &body)
    }
}

/// The page of an invalid link.
pub(crate) fn unknown(marketplace: &str) -> String {
    let body = "<h1>There is nothing here</h1><p>This link leads nowhere.</p>";
    page("There is nothing here", "", &format!("{body}{}", look_around(marketplace)))
}

/// The page of a listing that is not on sale.
pub(crate) fn off_sale(marketplace: &str) -> String {
    let body = "<h1>No longer on sale</h1><p>The listing behind this link is not on sale.</p>";
    page("No longer on sale", "", &format!("{body}{}", look_around(marketplace)))
}

fn look_around(marketplace: &str) -> String {
    format!("<p><a href=\"{}\">Look around the marketplace</a></p>", escaped(marketplace))
}

fn page(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{head}\
         <style>body{{font-family:sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}\
         img{{max-width:100%}}</style></head><body>{body}</body></html>"
    )
}

/// A description in one line of at most [`DESCRIPTION_CHARS_MAX`] characters.
fn in_brief(description: &str) -> String {
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(DESCRIPTION_CHARS_MAX) {
        None => line,
        Some(_) => {
            let kept: String = line.chars().take(DESCRIPTION_CHARS_MAX - 1).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

/// Text escaped for HTML, in attributes and elements.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
