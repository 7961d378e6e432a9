//! The event and the answer of an API Gateway REST API's proxy integration (payload 1.0), as far
//! as we read and write them.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use domain::{Refusal, RefusalKind};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
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
    #[serde(deserialize_with = "unescaped")]
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

    /// The network of that address, for a log: 24 bits of an IPv4 address, 48 of an IPv6 one, which
    /// are many people's.
    pub(crate) fn network(&self) -> Option<String> {
        Some(match self.ip()?.parse::<IpAddr>().ok()?.to_canonical() {
            IpAddr::V4(ip) => format!("{}/24", Ipv4Addr::from_bits(ip.to_bits() & !0xff)),
            IpAddr::V6(ip) => format!("{}/48", Ipv6Addr::from_bits(ip.to_bits() >> 80 << 80)),
        })
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

/// Parameters of the path, without its escapes: API Gateway hands them over as they are in the URL,
/// so that `auth0|1` comes as `auth0%7C1`. Where an engine has taken the escapes out, there are none.
fn unescaped<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let raw: BTreeMap<String, String> = or_default(deserializer)?;
    let plain = |text: String| match percent_decode_str(&text).decode_utf8() {
        Ok(plain) => plain.into_owned(),
        Err(_) => text,
    };
    Ok(raw.into_iter().map(|(name, value)| (name, plain(value))).collect())
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_learns_the_network_of_an_address_and_no_more() {
        let check = |ip: Option<&str>, expected: Option<&str>| {
            let source = Source { source_ip: ip.map(str::to_owned) };
            assert_eq!(source.network().as_deref(), expected, "{ip:?}");
        };
        check(Some("203.0.113.77"), Some("203.0.113.0/24"));
        check(Some("2001:db8:1234:5678:9abc::1"), Some("2001:db8:1234::/48"));
        check(Some("::ffff:203.0.113.77"), Some("203.0.113.0/24"));
        check(Some("somewhere"), None);
        check(Some(""), None);
        check(None, None);
    }
}
