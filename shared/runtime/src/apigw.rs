//! The event and the answer of an API Gateway REST API's proxy integration (payload 1.0), as far
//! as we read and write them.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use domain::{Refusal, RefusalKind};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A request as API Gateway hands it over. Absent and `null` members mean the same.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    pub(crate) path: String,
    pub(crate) http_method: String,
    #[serde(deserialize_with = "or_default")]
    headers: HashMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    multi_value_headers: HashMap<String, Vec<String>>,
    #[serde(deserialize_with = "or_default")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    multi_value_query_string_parameters: BTreeMap<String, Vec<String>>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) path_parameters: BTreeMap<String, String>,
    pub(crate) request_context: RequestContext,
    body: Option<String>,
    #[serde(deserialize_with = "or_default")]
    is_base64_encoded: bool,
}

/// What API Gateway knows about a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RequestContext {
    pub(crate) request_id: String,
    /// The path with the stage (or the base path of a custom domain) in front.
    pub(crate) path: String,
    pub(crate) domain_name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) identity: Source,
    /// What the authorizer passed on; absent on a route without one.
    pub(crate) authorizer: Option<HashMap<String, Value>>,
}

/// Where a request came from. Its `Debug` is a mask: an address is not for a log.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Source {
    source_ip: Option<String>,
}

/// The answer API Gateway turns into HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The status.
    pub status_code: u16,
    /// Headers by their lower-case names.
    pub headers: BTreeMap<&'static str, String>,
    /// The body, always text; empty where there is none.
    pub body: String,
    /// Always false.
    pub is_base64_encoded: bool,
}

/// A body that is not what its event says it is.
#[derive(Debug, thiserror::Error)]
#[error("The body could not be decoded.")]
pub(crate) struct BodyEncoding(#[source] base64::DecodeError);

impl Refusal for BodyEncoding {
    fn kind(&self) -> RefusalKind {
        RefusalKind::Malformed
    }
    fn code(&self) -> &'static str {
        "malformed_json"
    }
}

impl Source {
    /// The address the connection came from, if the gateway says so.
    pub(crate) fn ip(&self) -> Option<&str> {
        self.source_ip.as_deref().filter(|ip| !ip.is_empty())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(***)")
    }
}

impl Event {
    /// All headers. One that HTTP does not allow is left out.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        let single = self.headers.iter().map(|(name, value)| (name, std::slice::from_ref(value)));
        let multi = self.multi_value_headers.iter().map(|(name, values)| (name, values.as_slice()));
        let source: Vec<_> =
            if self.multi_value_headers.is_empty() { single.collect() } else { multi.collect() };
        for (name, values) in source {
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
            for value in values.iter().filter_map(|value| HeaderValue::from_str(value).ok()) {
                map.append(&name, value);
            }
        }
        map
    }

    /// The query string's pairs; a repeated key comes repeatedly.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        if self.multi_value_query_string_parameters.is_empty() {
            return self.query_string_parameters.clone().into_iter().collect();
        }
        let all = self.multi_value_query_string_parameters.iter();
        all.flat_map(|(key, values)| values.iter().map(|value| (key.clone(), value.clone())))
            .collect()
    }

    /// The exact bytes of the body.
    ///
    /// # Errors
    /// When the event says base64 and the body is not.
    pub(crate) fn take_body(&mut self) -> Result<Vec<u8>, BodyEncoding> {
        let body = self.body.take().unwrap_or_default();
        match self.is_base64_encoded {
            true => BASE64.decode(body).map_err(BodyEncoding),
            false => Ok(body.into_bytes()),
        }
    }
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
