//! A request from an API Gateway REST API (proxy integration, payload 1.0), and its response.
//! `lambda_http` reads the one and writes the other; this module adds what it lacks.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use http::{HeaderValue, StatusCode, request::Parts};
use lambda_http::{Body, Request, RequestExt, aws_lambda_events::apigw, request::RequestContext};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The context that API Gateway adds to a request.
pub(crate) struct Gateway<'a>(Option<&'a apigw::ApiGatewayProxyRequestContext>);

impl<'a> Gateway<'a> {
    pub(crate) fn of(parts: &'a Parts) -> Gateway<'a> {
        match parts.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => Gateway(Some(context)),
            Some(_) | None => Gateway(None),
        }
    }

    /// The request id.
    pub(crate) fn request_id(&self) -> &'a str {
        self.text(|context| &context.request_id).unwrap_or_default()
    }

    /// The path with the stage (or the base path of a custom domain) in front.
    pub(crate) fn path(&self) -> &'a str {
        self.text(|context| &context.path).unwrap_or_default()
    }

    /// The host of the request.
    pub(crate) fn domain_name(&self) -> Option<&'a str> {
        self.text(|context| &context.domain_name)
    }

    /// The authorizer's context; `None` on a route without one.
    pub(crate) fn authorizer(&self) -> Option<&'a HashMap<String, Value>> {
        self.0.map(|context| &context.authorizer.fields).filter(|fields| !fields.is_empty())
    }

    fn text(
        &self,
        field: impl Fn(&'a apigw::ApiGatewayProxyRequestContext) -> &'a Option<String>,
    ) -> Option<&'a str> {
        field(self.0?).as_deref()
    }
}

/// The origin of a request. `Debug` masks it: an IP address is personal data and never logged.
#[derive(Clone, Default)]
pub(crate) struct Source {
    ip: Option<String>,
}

impl Source {
    /// The origin of a request. Behind a CDN the gateway reports the CDN's address, and `header` is
    /// the one into which that CDN writes its client's.
    pub(crate) fn of(parts: &Parts, header: Option<&str>) -> Source {
        let written = header.and_then(|name| parts.headers.get(name)?.to_str().ok()).map(str::trim);
        let written = written.filter(|ip| ip.parse::<IpAddr>().is_ok());
        let peer = || Gateway::of(parts).text(|context| &context.identity.source_ip);
        Source { ip: written.or_else(peer).map(str::to_owned) }
    }

    /// The client's IP address, if the gateway reports it.
    pub(crate) fn ip(&self) -> Option<&str> {
        self.ip.as_deref().filter(|ip| !ip.is_empty())
    }

    /// The network of that address, for a log: 24 bits of an IPv4 address or 48 of an IPv6 one,
    /// which many clients share.
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

/// Path parameters, percent-decoded: API Gateway passes them as they are in the URL, so `auth0|1`
/// arrives as `auth0%7C1`. Where an emulator has decoded them already, this changes nothing.
pub(crate) fn path_parameters(parts: &Parts) -> BTreeMap<String, String> {
    let plain = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(plain) => plain.into_owned(),
        Err(_) => text.to_owned(),
    };
    let raw = parts.path_parameters_ref().into_iter().flat_map(|map| map.iter());
    raw.map(|(name, value)| (name.to_owned(), plain(value))).collect()
}

/// The query string's pairs, ordered by key; a repeated key yields one pair per value.
pub(crate) fn query(parts: &Parts) -> Vec<(String, String)> {
    let raw = parts.query_string_parameters_ref().into_iter().flat_map(|map| map.iter());
    let mut pairs: Vec<_> = raw.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
}

/// A response before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    /// The status.
    pub(crate) status_code: u16,
    /// Headers by lower-case name.
    pub(crate) headers: BTreeMap<&'static str, String>,
    /// The body as text; empty if there is none.
    pub(crate) body: String,
}

impl From<Response> for lambda_http::Response<Body> {
    fn from(answer: Response) -> lambda_http::Response<Body> {
        let body = if answer.body.is_empty() { Body::Empty } else { Body::Text(answer.body) };
        let mut response = lambda_http::Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(answer.status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in answer.headers {
            // We write every header ourselves; the values were validated on input.
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// Reads an event as the Lambda runtime loop does.
///
/// # Errors
/// When it is not an HTTP request.
pub fn request(event: &Value) -> Result<Request, serde_json::Error> {
    lambda_http::request::from_str(&event.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_learns_the_network_of_an_address_and_no_more() {
        let check = |ip: Option<&str>, expected: Option<&str>| {
            let source = Source { ip: ip.map(str::to_owned) };
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
