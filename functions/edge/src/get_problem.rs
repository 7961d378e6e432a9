//! `GET /docs/problems/{code}`: the page that explains an error code.
//!
//! The `type` of every problem document leads here.
//!
//! Access: anybody.
//! Changes: nothing.

use std::sync::OnceLock;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use runtime::{Access, ApiError, Call, Endpoint, Function, Html, HtmlPage};
use serde::Deserialize;
use serde_json::Value;

use crate::get_openapi::DOCUMENT;

pub const ENDPOINT: Endpoint =
    Endpoint::get("edge-get-problem", "/docs/problems/{code}", Access::Public);

/// How long a cache may serve it, in seconds.
const MAX_AGE_S: u32 = 300;
const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}\
    code{font-family:ui-monospace,monospace}dt{font-weight:600;margin-top:1rem}dd{margin:0}";

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The `code` of a problem.
    code: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle((): &(), call: Call<Request>) -> Result<HtmlPage, ApiError> {
    let code = &call.body.code;
    Ok(match problems().get(code) {
        Some(problem) => HtmlPage::Found(Html {
            body: page(code, &explained(problem)).into_string(),
            max_age_s: Some(MAX_AGE_S),
            refresh_to: None,
        }),
        None => HtmlPage::Missing(
            page("Unknown code", &html! { p { "No error of this API has this code." } })
                .into_string(),
        ),
    })
}

/// Every code with its explanation.
fn problems() -> &'static Value {
    static PROBLEMS: OnceLock<Value> = OnceLock::new();
    PROBLEMS.get_or_init(|| {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap_or_default();
        document["x-problems"].clone()
    })
}

fn explained(problem: &Value) -> Markup {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    html! {
        p { "Status " (problem["status"]) ", " (text(&problem["title"])) "." }
        p { (coded(&text(&problem["advice"]))) }
        dl {
            @for case in problem["cases"].as_array().into_iter().flatten() {
                dt { (coded(&text(&case["meaning"]))) }
                dd { (coded(&text(&case["detail"]))) }
            }
        }
    }
}

/// Text whose parts between backquotes are set as code.
fn coded(text: &str) -> Markup {
    html! {
        @for (nth, part) in text.split('`').enumerate() {
            @if nth % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " - ProLight AI" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { code { (title) } }
                (body)
                p { a href="../../docs" { "Reference of the API" } }
            }
        }
    }
}
