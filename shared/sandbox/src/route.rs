//! The doors of the outside world: what a fault can be ordered for and a request is filed under.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// Where the image provider's API begins.
pub const BRIA_PATH: &str = "/bria/v2";
/// Where the image provider hands out finished pictures.
pub const RESULTS_PATH: &str = "/bria/results";
/// Where a redirected fetch would end up, were it followed.
pub const ELSEWHERE_PATH: &str = "/bria/elsewhere";

/// A route of the outside world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// `GET /.well-known/openid-configuration`
    Discovery,
    /// `GET /jwks.json`
    Jwks,
    /// `POST /token`
    Token,
    /// `POST /bria/v2/image/generate`
    Generate,
    /// `POST /bria/v2/image/generate/lite`
    GenerateLite,
    /// `POST /bria/v2/structured_prompt/generate`
    Structure,
    /// `POST /bria/v2/structured_prompt/generate/lite`
    StructureLite,
    /// `GET /bria/v2/status/{request_id}`
    Status,
    /// `GET /bria/results/{file}`
    Result,
    /// `GET /bria/elsewhere/{file}`: only a client that follows redirects gets here.
    Elsewhere,
}

impl Route {
    /// The route of a request, if it is one of ours.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Route> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let posts = *method == Method::POST;
        match path {
            "/.well-known/openid-configuration" if reads => Some(Route::Discovery),
            "/jwks.json" if reads => Some(Route::Jwks),
            "/token" if posts => Some(Route::Token),
            "/bria/v2/image/generate" if posts => Some(Route::Generate),
            "/bria/v2/image/generate/lite" if posts => Some(Route::GenerateLite),
            "/bria/v2/structured_prompt/generate" if posts => Some(Route::Structure),
            "/bria/v2/structured_prompt/generate/lite" if posts => Some(Route::StructureLite),
            _ if !reads => None,
            _ if path.starts_with("/bria/v2/status/") => Some(Route::Status),
            _ if path.starts_with(RESULTS_PATH) => Some(Route::Result),
            _ if path.starts_with(ELSEWHERE_PATH) => Some(Route::Elsewhere),
            _ => None,
        }
    }
}
