//! `GET /docs`: the reference of this API as a page, on which operations can be tried.
//!
//! The viewer is part of the function: nothing is loaded from elsewhere.
//!
//! Access: anybody.
//! Changes: nothing.

use maud::{DOCTYPE, html};
use runtime::{Access, ApiError, Call, Endpoint, Function, TextFile};
use serde::Deserialize;

pub const ENDPOINT: Endpoint = Endpoint::get("edge-get-docs", "/docs", Access::Public);

/// How long a cache may serve it, in seconds.
const MAX_AGE_S: u32 = 300;
/// The page's own files; the viewer draws with styles of elements and pictures in data URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle((): &(), call: Call<Request>) -> Result<TextFile, ApiError> {
    // The page may have been asked for with a slash at its end, so its files have their whole names.
    let file = |name: &str| call.links.to(format_args!("/docs/{name}")).to_string();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "ProLight AI: API reference" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(file("swagger-ui.css"));
                link rel="stylesheet" href=(file("page.css"));
            }
            body {
                main id="docs" { noscript { "This page needs JavaScript." } }
                script src=(file("swagger-ui-bundle.js")) {}
                script src=(file("start.js")) {}
            }
        }
    };
    let (body, content_type) = (page.into_string(), "text/html; charset=utf-8");
    Ok(TextFile { body, content_type, max_age_s: MAX_AGE_S, policy: Some(POLICY) })
}
