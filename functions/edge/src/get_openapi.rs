//! `GET /api/v1/openapi.json`: the description of this API, in OpenAPI 3.1.
//!
//! It is made from the code that serves it. Its server is the address it is fetched from.
//!
//! Access: anybody.
//! Changes: nothing.

use runtime::{Access, ApiError, Call, Endpoint, Function, TextFile};
use serde::Deserialize;

pub const ENDPOINT: Endpoint =
    Endpoint::get("edge-get-openapi", "/api/v1/openapi.json", Access::Public);

/// The document as the crate `contract` writes it.
pub(crate) const DOCUMENT: &str = include_str!("../../../shared/contract/openapi.json");
/// Its server, in that form.
const SERVER: &str = "\"url\": \"/\"";
/// How long a cache may serve it, in seconds.
const MAX_AGE_S: u32 = 300;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle((): &(), call: Call<Request>) -> Result<TextFile, ApiError> {
    let server = format!("\"url\": \"{}\"", call.links.to("/"));
    Ok(TextFile {
        body: DOCUMENT.replacen(SERVER, &server, 1),
        content_type: "application/json",
        max_age_s: MAX_AGE_S,
        policy: None,
    })
}
