//! `GET /docs/{file}`: a script or a style sheet of the reference page.
//!
//! Access: anybody.
//! Changes: nothing.

use std::io::Read;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};
use runtime::{Access, ApiError, Call, Endpoint, Function, TextFile};
use serde::Deserialize;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED as VIEWER;

pub const ENDPOINT: Endpoint =
    Endpoint::get("edge-get-docs-file", "/docs/{file}", Access::Public).with_errors(&["not_found"]);

/// How long a cache may serve it, in seconds: a day.
const MAX_AGE_S: u32 = 24 * 60 * 60;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The name of the file.
    file: String,
}

/// There is no such file.
#[derive(Debug, thiserror::Error)]
enum DocsFileError {
    /// The reference page has no such file.
    #[error("There is no such file.")]
    Missing,
    /// The viewer in this function is damaged.
    #[error("the viewer cannot be read")]
    Damaged,
}

domain::domain_error! {
    DocsFileError {
        Missing => NotFound, "not_found";
        Damaged => Internal, "docs_damaged";
    }
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle((): &(), call: Call<Request>) -> Result<TextFile, ApiError> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    const STYLES: &str = "text/css; charset=utf-8";
    let (body, content_type) = match call.body.file.as_str() {
        "start.js" => (include_str!("docs/start.js").to_owned(), SCRIPT),
        "page.css" => (include_str!("docs/page.css").to_owned(), STYLES),
        "swagger-ui-bundle.js" => (unpacked("swagger-ui-bundle.js")?, SCRIPT),
        "swagger-ui.css" => (unpacked("swagger-ui.css")?, STYLES),
        _ => return Err(DocsFileError::Missing.into()),
    };
    Ok(TextFile { body, content_type, max_age_s: MAX_AGE_S, policy: None })
}

/// A file of the viewer's archive.
fn unpacked(name: &str) -> Result<String, DocsFileError> {
    let damaged = |_| DocsFileError::Damaged;
    let archive = ZipArchive::from_slice(VIEWER).map_err(damaged)?;
    for entry in archive.entries() {
        let entry = entry.map_err(damaged)?;
        let path = entry.file_path();
        let path = path.try_normalize().map_err(damaged)?;
        if !path.as_ref().ends_with(&format!("dist/{name}")) {
            continue;
        }
        let packed = archive.get_entry(entry.wayfinder()).map_err(damaged)?;
        let mut text = String::new();
        let read = match entry.compression_method() {
            CompressionMethod::STORE => packed.data().read_to_string(&mut text),
            _ => DeflateDecoder::new(packed.data()).read_to_string(&mut text),
        };
        return read.map(|_| text).map_err(|_| DocsFileError::Damaged);
    }
    Err(DocsFileError::Damaged)
}
