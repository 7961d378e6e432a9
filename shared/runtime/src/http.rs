//! The shell around an HTTP endpoint: from API Gateway's event to its response.
//!
//! A call is admitted (access, key, input), handled within its deadline, and closed: every
//! response, errors included, leaves through [`Exchange::close`] with the same headers and exactly
//! one log line. Only [`dispatch`] is generic, and it is thin: each function's binary holds one
//! instance of it.

use std::{borrow::Cow, collections::BTreeMap};

use connect::Connect;
use domain::{
    ErrorKind,
    account::{Role, api_key::Scope},
};
use futures_util::FutureExt;
use http::HeaderMap;
use lambda_http::{Body, Request, RequestExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{Idempotency, Store};
use tracing::{Instrument, Span};

use crate::{
    admission::{Quotas, admit},
    apigw::{Gateway, Response, Source, path_parameters, query},
    boot::{self, Program, Served},
    call::{Call, CallError, Caller, Raw, RequestId},
    context::InvocationContext,
    endpoint::{Access, Endpoint, KeyRule, Method},
    error::ApiError,
    etag::ETag,
    guard,
    input::{self, Parts, Unreadable, Untyped},
    links::Links,
    member::Member,
    response::{Answer, Reply},
    telemetry::{self, Ended},
};

/// A process that answers the requests of `endpoint`. It connects `C` once, and requires exactly
/// its variables and `CORS_ORIGINS`.
pub(crate) fn program<C, R, T, H>(
    endpoint: Endpoint,
    handle: H,
) -> Program<Request, lambda_http::Response<Body>>
where
    C: Connect + 'static,
    R: DeserializeOwned,
    T: Reply,
    H: AsyncFn(&C, Call<R>) -> Result<T, ApiError> + 'static,
{
    let variables = variables(&endpoint, C::variables());
    let answer = async move |capabilities: &C, context: InvocationContext, request: Request| {
        let again = (endpoint.access == Access::Signed).then(|| request.clone());
        let (response, code) = dispatch(&endpoint, &handle, capabilities, &context, request).await;
        Ok(match again.filter(|_| code == Some(SIGNATURE_INVALID)) {
            Some(request) => Served::Doubted(response.into(), request),
            None => Served::Done(response.into()),
        })
    };
    Program::new(endpoint.name, variables, answer)
}

/// The variables needed to serve `endpoint`, besides those in `touches`. Browsers never call a
/// signed route; any other route may be called by our frontend and needs the CORS origins.
pub(crate) fn variables(endpoint: &Endpoint, mut touches: Vec<&'static str>) -> Vec<&'static str> {
    if endpoint.access != Access::Signed {
        touches.push(boot::CORS_ORIGINS);
    }
    touches
}

/// The code of an invalid webhook signature, from Stripe or Bria.
const SIGNATURE_INVALID: &str = "webhook_signature_invalid";

/// Answers one request. The error code, if any, comes beside the response.
pub(crate) async fn dispatch<C, R, T, H>(
    endpoint: &Endpoint,
    handle: &H,
    capabilities: &C,
    context: &InvocationContext,
    request: Request,
) -> (Response, Option<&'static str>)
where
    C: Connect,
    R: DeserializeOwned,
    T: Reply,
    H: AsyncFn(&C, Call<R>) -> Result<T, ApiError>,
{
    let (parts, body) = request.into_parts();
    let exchange = Exchange::open(endpoint, context, parts);
    let span = exchange.span.clone();
    let outcome = async {
        let (call, input) = exchange.admit(body.to_vec())?;
        let read = input.read(|| exchange.input(&call.raw.body))?;
        let call = call.with_body(read);
        let request = call.idempotency().cloned();
        let answered = guard::within(context.time_left(), async {
            let table = capabilities.table().and_then(|table| table.downcast_ref::<Store>());
            let counts = (&context.recent, &exchange.quotas);
            admit(endpoint, table, &call.caller, counts, call.now).boxed_local().await?;
            // Boxed: a handler's future is large, and every shell around it would be too.
            handle(capabilities, call).boxed_local().await
        });
        let answer = answered.await??.into_answer()?;
        Ok(match request.is_some_and(|request| request.is_replayed()) {
            true => answer.replayed(),
            false => answer,
        })
    };
    let outcome = outcome.instrument(span).await;
    exchange.close(outcome)
}

/// One request and what is needed to close it.
struct Exchange<'a> {
    endpoint: &'a Endpoint,
    context: &'a InvocationContext,
    ended: Ended,
    request_id: RequestId,
    parts: http::request::Parts,
    quotas: Quotas,
    span: Span,
}

impl<'a> Exchange<'a> {
    fn open(
        endpoint: &'a Endpoint,
        context: &'a InvocationContext,
        parts: http::request::Parts,
    ) -> Exchange<'a> {
        let request_id = RequestId::of(&parts.headers, Gateway::of(&parts).request_id());
        let span = telemetry::span(request_id.as_str());
        let ended = Ended::begin(endpoint.name, context);
        Exchange { endpoint, context, ended, request_id, parts, quotas: Quotas::default(), span }
    }

    fn is_head(&self) -> bool {
        self.endpoint.head && self.parts.method == http::Method::HEAD
    }

    /// The call and its input, if access, key and body are valid.
    fn admit(&self, body: Vec<u8>) -> Result<(Call, Untyped), ApiError> {
        let (gateway, headers) = (Gateway::of(&self.parts), &self.parts.headers);
        let caller = caller(&gateway)?;
        if let Caller::Member(member) = &caller {
            self.span.record("actor", member.user_id.as_str());
        }
        check_access(self.endpoint.access, &caller)?;
        check_scope(self.endpoint, &caller)?;
        let path = self.parts.raw_http_path();
        if self.endpoint.method.has_body() && body.len() > self.endpoint.body_bytes_max {
            return Err(Unreadable::TooLarge { max: self.endpoint.body_bytes_max }.into());
        }
        let idempotency = idempotency(self.endpoint, headers, path, &body)?;
        let input = self.input(&body)?;
        let call = Call {
            body: (),
            caller,
            now: self.context.now(),
            request_id: self.request_id.clone(),
            links: self.links(),
            idempotency,
            raw: Raw { headers: headers.clone(), body, is_head: self.is_head() },
            source: Source::of(&self.parts, self.context.address_header.as_deref()),
            clock: self.context.clock.clone(),
            entropy: self.context.entropy.clone(),
        };
        Ok((call, input))
    }

    /// Path parameters with the query string or, where the endpoint has one, the body.
    fn input(&self, body: &[u8]) -> Result<Untyped, ApiError> {
        let content_type = self.parts.headers.get(http::header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        // The handler of a signed route reads the body: it is untrusted until verified.
        let reads_body = self.endpoint.method.has_body() && self.endpoint.access != Access::Signed;
        Untyped::of(Parts {
            path: &path_parameters(&self.parts),
            query: match self.endpoint.access {
                Access::Public => input::without_tracking(query(&self.parts)),
                Access::Member | Access::Moderator | Access::Admin | Access::Signed => {
                    query(&self.parts)
                }
            },
            body: reads_body.then_some(input::Body { content_type, bytes: body }),
        })
    }

    /// The response with the error code; writes the log line.
    fn close(self, outcome: Result<Answer, ApiError>) -> (Response, Option<&'static str>) {
        let _in_span = self.span.enter();
        let (mut response, code) = match outcome {
            Ok(answer) => (self.render(answer), None),
            Err(error) => {
                telemetry::log_refusal(&error);
                (self.render_problem(&error), Some(error.code()))
            }
        };
        let headers = &mut response.headers;
        headers.insert("x-request-id", self.request_id.to_string());
        headers.insert("x-content-type-options", "nosniff".to_owned());
        headers.insert("strict-transport-security", "max-age=31536000".to_owned());
        if let Some((policy, state)) = self.quotas.headers() {
            headers.insert("ratelimit-policy", policy);
            headers.insert("ratelimit", state);
        }
        self.allow_pages(headers);
        if self.is_head() {
            response.body.clear();
        }
        let header = self.context.address_header.as_deref();
        let network = Source::of(&self.parts, header).network();
        self.ended.log_call(self.context, response.status_code, code, network.as_deref());
        (response, code)
    }

    /// Lets pages read the response: of a public route all, of the others those of our origins.
    /// There are no cookies, so nothing is sent that a page does not hold itself.
    fn allow_pages(&self, headers: &mut BTreeMap<&'static str, String>) {
        let Some(allowed) = &self.context.cors_origins else { return };
        let asking = self.parts.headers.get(http::header::ORIGIN);
        let asking = asking.and_then(|origin| origin.to_str().ok());
        let origin = match self.endpoint.access {
            Access::Signed => return,
            Access::Public => Some("*"),
            Access::Member | Access::Moderator | Access::Admin => {
                let vary = headers.remove("vary").map(|it| format!("{it}, Origin"));
                headers.insert("vary", vary.unwrap_or_else(|| "Origin".to_owned()));
                asking.filter(|asking| allowed.split(',').any(|one| one.trim() == *asking))
            }
        };
        if let Some(origin) = origin {
            headers.insert("access-control-allow-origin", origin.to_owned());
            headers.insert("access-control-expose-headers", EXPOSED_HEADERS.to_owned());
        }
    }

    /// Makes absolute links to this API.
    fn links(&self) -> Links {
        let path = self.parts.raw_http_path();
        links(self.context, &self.parts.headers, &Gateway::of(&self.parts), path)
    }

    fn render(&self, answer: Answer) -> Response {
        let answer = answer.negotiated(&self.parts.headers);
        let mut headers = BTreeMap::from([("cache-control", answer.cache.cache_control())]);
        let (mut status_code, mut body) = (answer.status, answer.body);
        headers.extend(answer.more);
        if let Some(location) = answer.location {
            headers.insert("location", location.to_string());
        }
        if let Some(retry_after_s) = answer.retry_after_s {
            headers.insert("retry-after", retry_after_s.to_string());
        }
        if self.endpoint.method == Method::Get && status_code == 200 {
            let tag = ETag::of_answer(answer.part.as_deref(), &body);
            let known = self.parts.headers.get(http::header::IF_NONE_MATCH);
            if known.is_some_and(|tags| tag.is_in(tags)) {
                (status_code, body) = (304, String::new());
            }
            headers.insert("etag", tag.header());
        } else if answer.status == 200 {
            headers.insert("cache-control", "no-store".to_owned());
        }
        if !body.is_empty() {
            headers.insert("content-type", answer.content_type.to_owned());
        }
        Response { status_code, headers, body }
    }

    fn render_problem(&self, error: &ApiError) -> Response {
        let mut headers = BTreeMap::from([
            ("cache-control", "no-store".to_owned()),
            ("content-type", "application/problem+json".to_owned()),
        ]);
        if let Some(retry_after_s) = error.retry_after_s() {
            headers.insert("retry-after", retry_after_s.to_string());
        }
        if error.kind() == ErrorKind::Unauthenticated {
            headers.insert("www-authenticate", CHALLENGE.to_owned());
        }
        let body = error.problem(self.request_id.as_str(), &self.links()).to_string();
        Response { status_code: error.status(), headers, body }
    }
}

/// How a caller authenticates (RFC 6750, section 3).
const CHALLENGE: &str = "Bearer realm=\"prolight\"";

/// Response headers that a page may read.
pub const EXPOSED_HEADERS: &str = "ETag, Idempotency-Replayed, Location, Preference-Applied, \
                                   RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, \
                                   x-request-id";

/// The member's role does not allow the call.
#[derive(Debug, thiserror::Error)]
#[error("{}", role_missing(*.0))]
struct RoleMissing(Access);

fn role_missing(access: Access) -> &'static str {
    match access {
        Access::Admin => "Only admins may do this.",
        Access::Public | Access::Signed | Access::Member | Access::Moderator => {
            "Only moderators and admins may do this."
        }
    }
}

domain::domain_error!(RoleMissing => Forbidden, "forbidden");

fn check_access(access: Access, caller: &Caller) -> Result<(), ApiError> {
    let member = match (access, caller) {
        (Access::Public | Access::Signed, _) => return Ok(()),
        (Access::Member | Access::Moderator | Access::Admin, Caller::Anonymous) => {
            return Err(CallError::Unauthenticated.into());
        }
        (Access::Member | Access::Moderator | Access::Admin, Caller::Member(member)) => member,
    };
    let may = match (access, member.role) {
        (Access::Public | Access::Signed | Access::Member, _)
        | (Access::Moderator, Some(Role::Moderator | Role::Admin))
        | (Access::Admin, Some(Role::Admin)) => true,
        (Access::Moderator, None) | (Access::Admin, None | Some(Role::Moderator)) => false,
    };
    if may { Ok(()) } else { Err(RoleMissing(access).into()) }
}

/// An API key whose scopes do not allow the call.
#[derive(Debug, thiserror::Error)]
#[error("{}", scope_missing(*scope))]
struct ScopeMissing {
    /// The scope that would; `None` if no key may.
    scope: Option<Scope>,
}

fn scope_missing(scope: Option<Scope>) -> String {
    match scope {
        Some(scope) => format!("This needs an API key with the scope `{}`.", scope.into_str()),
        None => "No API key may do this: sign in.".to_owned(),
    }
}

domain::domain_error! {
    ScopeMissing => Forbidden, "scope_missing";
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        vec![("scope", json!(self.scope))]
    }
}

fn check_scope(endpoint: &Endpoint, caller: &Caller) -> Result<(), ScopeMissing> {
    match (caller, endpoint.access) {
        (Caller::Anonymous, _) | (_, Access::Public | Access::Signed) => Ok(()),
        (Caller::Member(member), Access::Member | Access::Moderator | Access::Admin) => {
            let Some(key) = &member.key else { return Ok(()) };
            match endpoint.scope {
                Some(scope) if key.scopes.contains(&scope) => Ok(()),
                scope => Err(ScopeMissing { scope }),
            }
        }
    }
}

/// The caller, from the authorizer's context.
fn caller(gateway: &Gateway<'_>) -> Result<Caller, ApiError> {
    let Some(fields) = gateway.authorizer() else { return Ok(Caller::Anonymous) };
    Ok(Member::of_context(fields)?.map_or(Caller::Anonymous, Caller::Member))
}

fn idempotency(
    endpoint: &Endpoint,
    headers: &HeaderMap,
    path: &str,
    body: &[u8],
) -> Result<Option<Idempotency>, CallError> {
    let key = match (endpoint.key, headers.get("idempotency-key")) {
        (KeyRule::Ignored, _) | (KeyRule::Accepted, None) => return Ok(None),
        (KeyRule::Required, None) => return Err(CallError::KeyRequired),
        (KeyRule::Accepted | KeyRule::Required, Some(key)) => key.as_bytes(),
    };
    let visible = key.iter().all(u8::is_ascii_graphic);
    let key = std::str::from_utf8(key).ok().filter(|_| (1..=255).contains(&key.len()) && visible);
    let key = key.ok_or(CallError::KeyInvalid)?.to_owned();
    let body = canonical(body);
    let mut digest = Sha256::new();
    for part in [endpoint.method.as_str().as_bytes(), b"\n", path.as_bytes(), b"\n", &body] {
        digest.update(part);
    }
    Ok(Some(Idempotency::new(key, hex::encode(digest.finalize()))))
}

/// A JSON body in one spelling: without whitespace, with sorted keys, and `1.0` as `1`, as in
/// RFC 8785. So a retry may be serialized anew. A body that is no JSON is taken as it is.
fn canonical(body: &[u8]) -> Cow<'_, [u8]> {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return body.into() };
    value.sort_all_objects();
    without_fractions(&mut value);
    value.to_string().into_bytes().into()
}

fn without_fractions(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let spelled = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
            if let Some(whole) = spelled.and_then(|float| format!("{float:.0}").parse::<i64>().ok())
            {
                *number = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_fractions),
        Value::Object(fields) => fields.values_mut().for_each(without_fractions),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The stage's root: as configured, else from the request. API Gateway reports its own host; an
/// emulator may not, and then the `Host` header is the only source.
fn links(
    context: &InvocationContext,
    headers: &HeaderMap,
    gateway: &Gateway<'_>,
    path: &str,
) -> Links {
    if let Some(root) = &context.public_url {
        return Links::new(root);
    }
    let prefix = gateway.path().strip_suffix(path).unwrap_or_default();
    match (gateway.domain_name(), headers.get(http::header::HOST).map(|host| host.to_str())) {
        (Some(domain), _) => Links::new(&format!("https://{domain}{prefix}")),
        (None, Some(Ok(host))) => Links::new(&format!("http://{host}{prefix}")),
        (None, Some(Err(_)) | None) => Links::new(prefix),
    }
}
