//! Reads path, query string and JSON body into the one type an endpoint asks for.
//!
//! All three become one tree of [`Input`], which is read through serde with our own error type, so
//! that a caller gets a JSON pointer, a stable code and what was expected. Text of a path or a
//! query string becomes a number where the type asks for one, and a list where it asks for a list:
//! `tag=a&tag=b` and `tag=a,b` are the same. A JSON body is taken as it is, except that its text is
//! normalized ([`domain::text::normalized`]) and a repeated key is refused.
//!
//! `serde_path_to_error` and `serde_html_form` do not replace this: the errors of `serde_json` and
//! of a form are a text that repeats the value, without a kind that a code could be taken from.

mod deserializer;
mod error;
mod faults;
mod value;

use std::collections::BTreeMap;

use domain::error::InvalidFields;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use self::{error::InputError, faults::Faults, value::Input};
use crate::error::ApiError;

/// Parameters that advertisements, newsletters and other sites append to the links of public pages.
/// They mean nothing to us, so a public route ignores them; any other unknown one is refused.
const TRACKING: [&str; 19] = [
    "_ga",
    "_gl",
    "dclid",
    "fbclid",
    "gbraid",
    "gclid",
    "igshid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "msclkid",
    "ref",
    "ref_src",
    "srsltid",
    "ttclid",
    "twclid",
    "wbraid",
    "yclid",
    "igsh",
];
/// The beginning of Google Analytics' campaign parameters.
const CAMPAIGN: &str = "utm_";

/// A body that is not a JSON object in UTF-8.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("The body must be JSON: send `Content-Type: application/json`.")]
    MediaType,
    #[error("The body is longer than {max} bytes.")]
    TooLarge { max: usize },
    #[error("The body is not UTF-8.")]
    NotUtf8,
    #[error("The body is not well-formed JSON at line {line}, column {column}.")]
    NotJson { line: usize, column: usize },
    #[error("The body is not JSON with distinct keys: {0}.")]
    Repeated(String),
    #[error("The body must be a JSON object.")]
    NotAnObject,
}

domain::domain_error! {
    Unreadable {
        TooLarge => TooLarge, "body_too_large";
        MediaType => Malformed, "unsupported_media_type";
        NotUtf8 => Malformed, "malformed_json";
        NotJson => Malformed, "malformed_json";
        Repeated => Malformed, "malformed_json";
        NotAnObject => Malformed, "malformed_json";
    }
}

/// The parts of a request that make up its input.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) path: &'a BTreeMap<String, String>,
    pub(crate) query: Vec<(String, String)>,
    /// `None` where the query string is the input.
    pub(crate) body: Option<Body<'a>>,
}

/// A body to read as JSON.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) content_type: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

/// The input of a request, before it has a type.
#[derive(Debug)]
pub(crate) struct Untyped(Input);

impl Untyped {
    /// Path parameters with the JSON body or, where none is read, with the query string.
    ///
    /// # Errors
    /// [`Unreadable`], or [`domain::error::InvalidFields`] when a field repeats a path parameter or
    /// a query string comes with a body.
    pub(crate) fn of(parts: Parts<'_>) -> Result<Untyped, ApiError> {
        let fields = match (&parts.body, parts.query.first()) {
            (None, _) => query_fields(parts.query),
            (Some(body), None) => body_fields(body)?,
            (Some(_), Some((key, _))) => return Err(InputError::unknown(key).into()),
        };
        if let Some((key, _)) = fields.iter().find(|(key, _)| parts.path.contains_key(key)) {
            return Err(InputError::unknown(key).into());
        }
        let path = parts.path.iter();
        let path = path.map(|(key, text)| (key.clone(), Input::Parameter(vec![text.clone()])));
        Ok(Untyped(Input::Object(path.chain(fields).collect())))
    }

    /// # Errors
    /// [`domain::error::InvalidFields`] with every field that `R` does not have, that is missing or
    /// that does not fit, at most twenty of them, and fewer of a body with very many values.
    ///
    /// The same input is made `again` only to look for further fields: one that fits is not copied.
    pub(crate) fn read<R: DeserializeOwned>(
        self,
        again: impl FnOnce() -> Result<Untyped, ApiError>,
    ) -> Result<R, ApiError> {
        R::deserialize(self.0).or_else(|_| Err(again()?.refused::<R>().into()))
    }

    /// Why it is no `R`.
    fn refused<R: DeserializeOwned>(self) -> InvalidFields {
        let mut faults = Faults::of(self.0);
        while let Err(error) = R::deserialize(faults.input()) {
            if !faults.learn(error) {
                break;
            }
        }
        faults.into()
    }
}

/// A query string without the parameters of advertisements.
pub(crate) fn without_tracking(mut query: Vec<(String, String)>) -> Vec<(String, String)> {
    query.retain(|(name, _)| !TRACKING.contains(&name.as_str()) && !name.starts_with(CAMPAIGN));
    query
}

/// One field per key, in the order of first appearance.
fn query_fields(query: Vec<(String, String)>) -> Vec<(String, Input)> {
    let mut parameters: Vec<(String, Vec<String>)> = Vec::with_capacity(query.len());
    for (key, text) in query {
        match parameters.iter_mut().find(|(known, _)| *known == key) {
            Some((_, texts)) => texts.push(text),
            None => parameters.push((key, vec![text])),
        }
    }
    parameters.into_iter().map(|(key, texts)| (key, Input::Parameter(texts))).collect()
}

fn body_fields(body: &Body<'_>) -> Result<Vec<(String, Input)>, ApiError> {
    if body.bytes.is_empty() {
        return Ok(Vec::new());
    }
    if !body.content_type.is_some_and(is_json) {
        return Err(Unreadable::MediaType.into());
    }
    let text = std::str::from_utf8(body.bytes).map_err(|_| Unreadable::NotUtf8)?;
    let json = serde_json::from_str(text).map_err(|e| match e.classify() {
        // The only error of ours in there.
        Category::Data => Unreadable::Repeated(e.to_string()),
        Category::Io | Category::Syntax | Category::Eof => {
            Unreadable::NotJson { line: e.line(), column: e.column() }
        }
    })?;
    let Input::Object(fields) = json else { return Err(Unreadable::NotAnObject.into()) };
    Ok(fields)
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}
