//! The API over HTTP: authentication, version, idempotency key, then the endpoint.
//!
//! `/v1/` takes forms, `/v2/` takes JSON. A connected account's objects are read with the header
//! `Stripe-Account`; nothing is created or changed that way.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::{
    AccountState, PAYOUTS_KEY, VERSION,
    account_state::Cause,
    accounts, balance, balance_settings, catalogue, checkout, customers, destinations, disputes,
    errors::{Refused, Stage},
    events, form,
    idempotency::{KEY_BYTES_MAX, StoredAnswer},
    invoices,
    object_store::OBJECTS_MAX,
    params::{self, ALWAYS, Rules},
    payments, payouts, portal, refunds, schedules, subscriptions, transfers, webhooks, with_books,
};
use crate::{
    app_state::{AppState, locked},
    faults::AnswerFault,
    route::STRIPE_PATH,
};

const SHOULD_RETRY: &str = "stripe-should-retry";

/// Handler of a validated request.
type Work = fn(&mut AccountState, &Call) -> Result<Value, Refused>;

/// A part of the API, by its parameter encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    /// Form parameters.
    V1,
    /// JSON, or a query whose names may repeat.
    V2,
}

impl Api {
    /// The part that a path belongs to, and the rest of the path.
    fn of(path: &str) -> Option<(Api, &str)> {
        let below = path.strip_prefix(STRIPE_PATH)?;
        let v1 = || below.strip_prefix("/v1/").map(|rest| (Api::V1, rest));
        v1().or_else(|| below.strip_prefix("/v2/").map(|rest| (Api::V2, rest)))
    }
}

/// An endpoint: its path, parameters and handler.
pub(super) struct Endpoint {
    api: Api,
    method: Method,
    /// Below `/v1/` or `/v2/`; `{}` is an id.
    path: &'static str,
    rules: &'static [Rules],
    work: Work,
}

impl Endpoint {
    pub(super) const fn get(path: &'static str, rules: &'static [Rules], work: Work) -> Endpoint {
        Endpoint { api: Api::V1, method: Method::GET, path, rules, work }
    }

    pub(super) const fn post(path: &'static str, rules: &'static [Rules], work: Work) -> Endpoint {
        Endpoint { api: Api::V1, method: Method::POST, path, rules, work }
    }

    pub(super) const fn delete(
        path: &'static str,
        rules: &'static [Rules],
        work: Work,
    ) -> Endpoint {
        Endpoint { api: Api::V1, method: Method::DELETE, path, rules, work }
    }

    pub(super) const fn get_v2(
        path: &'static str,
        rules: &'static [Rules],
        work: Work,
    ) -> Endpoint {
        Endpoint { api: Api::V2, method: Method::GET, path, rules, work }
    }

    pub(super) const fn post_v2(
        path: &'static str,
        rules: &'static [Rules],
        work: Work,
    ) -> Endpoint {
        Endpoint { api: Api::V2, method: Method::POST, path, rules, work }
    }

    /// The ids in `path`, if it matches this endpoint.
    fn ids(&self, method: &Method, path: &str) -> Option<Vec<String>> {
        if self.method != *method || self.path.split('/').count() != path.split('/').count() {
            return None;
        }
        let mut ids = Vec::new();
        for (step, given) in self.path.split('/').zip(path.split('/')) {
            if step == "{}" && !given.is_empty() {
                ids.push(given.to_owned());
            } else if step != given {
                return None;
            }
        }
        Some(ids)
    }
}

/// Every endpoint.
static ENDPOINTS: LazyLock<Vec<&'static Endpoint>> = LazyLock::new(|| {
    [
        customers::ENDPOINTS,
        catalogue::ENDPOINTS,
        checkout::ENDPOINTS,
        portal::ENDPOINTS,
        subscriptions::ENDPOINTS,
        schedules::ENDPOINTS,
        invoices::ENDPOINTS,
        payments::ENDPOINTS,
        refunds::ENDPOINTS,
        disputes::ENDPOINTS,
        balance::ENDPOINTS,
        balance_settings::ENDPOINTS,
        events::ENDPOINTS,
        webhooks::ENDPOINTS,
        accounts::ENDPOINTS,
        transfers::ENDPOINTS,
        payouts::ENDPOINTS,
        destinations::ENDPOINTS,
    ]
    .into_iter()
    .flatten()
    .collect()
});

/// A validated request.
#[derive(Debug)]
pub(super) struct Call {
    ids: Vec<String>,
    /// Typed by the endpoint's rules.
    pub(super) params: Value,
}

impl Call {
    pub(super) fn id(&self) -> &str {
        self.ids.first().map(String::as_str).unwrap_or_default()
    }

    /// A parameter, path segments separated by `.`; `None` if absent or unset.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        let pointer = format!("/{}", path.replace('.', "/"));
        self.params.pointer(&pointer).filter(|value| !value.is_null())
    }

    /// A non-empty string parameter.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.get(path).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn int(&self, path: &str) -> Option<i64> {
        self.get(path).and_then(Value::as_i64)
    }

    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        self.get(path).and_then(Value::as_bool)
    }

    /// The strings of a list parameter.
    pub(super) fn list(&self, path: &str) -> Vec<&str> {
        let items = self.get(path).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

pub(super) fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route(&format!("{STRIPE_PATH}/v1/{{*path}}"), any(answer))
        .route(&format!("{STRIPE_PATH}/v2/{{*path}}"), any(answer))
}

/// A request before it reaches its endpoint.
struct Asked {
    endpoint: &'static Endpoint,
    call: Call,
    /// The connected account whose objects are read.
    account: Option<String>,
    key: Option<String>,
    /// The request as one string, compared with others under the same key.
    fingerprint: String,
    failure: Option<Failure>,
}

/// A failure ordered by a fault: the request is answered with 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Before the work.
    BeforeWork,
    /// After the work.
    AfterWork,
}

impl Failure {
    /// The failure that a fault causes, if any.
    pub(crate) fn of(fault: &AnswerFault) -> Option<Failure> {
        match fault {
            AnswerFault::ServerError => Some(Failure::BeforeWork),
            AnswerFault::ServerErrorAfterAccepting => Some(Failure::AfterWork),
            AnswerFault::Delay { .. }
            | AnswerFault::TooMany { .. }
            | AnswerFault::Blocked
            | AnswerFault::NotUnderstood
            | AnswerFault::Refused { .. }
            | AnswerFault::HtmlPage
            | AnswerFault::Silence
            | AnswerFault::BrokenConnection
            | AnswerFault::MalformedJson => None,
        }
    }
}

async fn answer(
    State(app): State<Arc<AppState>>,
    failure: Option<Extension<Failure>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = locked(&app.stripe.state).ids.next("req_");
    let failure = failure.map(|Extension(failure)| failure);
    let asked = match read(&method, &uri, &headers, &body) {
        Ok(asked) => Asked { failure, ..asked },
        Err(refused) => return refusal_of(&refused, &request),
    };
    let slow = locked(&app.stripe.state).settings.answers_after_ms;
    if let Some(key) = &asked.key {
        let now = locked(&app.stripe.state).clock.now();
        let claimed = locked(&app.stripe.keys).claim(key, &asked.fingerprint, now);
        match claimed {
            Ok(None) => {}
            Ok(Some(stored)) => return again(&stored),
            Err(refused) => return refusal_of(&refused, &request),
        }
    }
    if 0 < slow {
        // Runs in a task of its own: the work completes even if the caller disconnects.
        let (work_world, name) = (Arc::clone(&app), request.clone());
        let work = tokio::spawn(async move {
            sleep(Duration::from_millis(slow)).await;
            perform(&work_world, &asked, &name)
        });
        return work.await.unwrap_or_else(|_| refusal_of(&Refused::server_error(), &request));
    }
    perform(&app, &asked, &request)
}

/// Validates everything about a request that does not depend on the account.
fn read(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Asked, Refused> {
    let unknown = || Refused::no_such_route(method.as_str(), uri.path());
    let (api, path) = Api::of(uri.path()).ok_or_else(unknown)?;
    admit(headers, method, path)?;
    let found = ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.api == api)
        .find_map(|endpoint| Some((*endpoint, endpoint.ids(method, path)?)));
    let (endpoint, ids) = found.ok_or_else(unknown)?;
    let query = uri.query().unwrap_or_default();
    let mut params = match api {
        Api::V1 => form_params(query, headers, body)?,
        Api::V2 => json_params(query, headers, body)?,
    };
    let fingerprint = format!("{method} {} {params}", uri.path());
    match api {
        Api::V1 => {
            let rules: Vec<Rules> = endpoint.rules.iter().copied().chain([ALWAYS]).collect();
            params::check(&mut params, &rules)?;
        }
        Api::V2 => params::check_json(&mut params, endpoint.rules)?,
    }
    let account = account_of(headers, method, api)?;
    let key = headers.get("idempotency-key").filter(|_| method == Method::POST);
    let key = key.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    if key.as_ref().is_some_and(|key| !(1..=KEY_BYTES_MAX).contains(&key.len())) {
        let message = format!("Idempotency keys have 1 to {KEY_BYTES_MAX} characters.");
        return Err(Refused::invalid("", message));
    }
    Ok(Asked { endpoint, call: Call { ids, params }, account, key, fingerprint, failure: None })
}

fn form_params(query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refused> {
    if !body.is_empty() && !is_a(headers, b"application/x-www-form-urlencoded") {
        let message = "The request body must be application/x-www-form-urlencoded.";
        return Err(Refused::invalid("body", message));
    }
    let encoded = [query.as_bytes(), body].join(&b'&');
    form::parse(&encoded).map_err(|refused| Refused::invalid("", refused.to_string()))
}

fn json_params(query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refused> {
    if body.is_empty() {
        return query_params(query);
    }
    if !is_a(headers, b"application/json") {
        return Err(Refused::invalid("body", "The request body must be application/json."));
    }
    let params: Value = serde_json::from_slice(body)
        .map_err(|error| Refused::invalid("body", format!("Invalid JSON: {error}")))?;
    if params.is_object() {
        return Ok(params);
    }
    Err(Refused::invalid("body", "The request body must be a JSON object."))
}

/// Parses a v2 query: `include` has an index. Without one it is deprecated at Stripe, and refused
/// here.
fn query_params(query: &str) -> Result<Value, Refused> {
    let mut params = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let (name, index) = name.split_once('[').map_or((&*name, None), |(n, i)| (n, Some(i)));
        if name == "include" {
            let all = params.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            let all = all.as_array_mut().ok_or_else(|| Refused::unknown(name))?;
            if index != Some(format!("{}]", all.len()).as_str()) {
                return Err(Refused::invalid(name, "A list is written as include[0], include[1]."));
            }
            all.push(value.into());
        } else if index.is_some() {
            return Err(Refused::unknown(name));
        } else {
            let number = value.parse::<i64>().map(Value::from);
            params.insert(name.to_owned(), number.unwrap_or_else(|_| value.into()));
        }
    }
    Ok(Value::Object(params))
}

/// The connected account in the `Stripe-Account` header.
fn account_of(headers: &HeaderMap, method: &Method, api: Api) -> Result<Option<String>, Refused> {
    let Some(account) = headers.get("stripe-account") else { return Ok(None) };
    if *method != Method::GET || api != Api::V1 {
        let message = "For connected accounts the sandbox answers only GET below /v1/.";
        return Err(Refused::invalid("Stripe-Account", message));
    }
    Ok(Some(String::from_utf8_lossy(account.as_bytes()).into_owned()))
}

/// Checks the API key, its permissions, and the version.
fn admit(headers: &HeaderMap, method: &Method, path: &str) -> Result<(), Refused> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let Some(key) = key else {
        return Err(Refused::unauthorized(
            "You did not provide an API key. You need to provide your API key in the \
             Authorization header, using Bearer auth (e.g. 'Authorization: Bearer \
             YOUR_SECRET_KEY').",
        ));
    };
    if !["sk_test_", "rk_test_"].iter().any(|prefix| key.starts_with(prefix)) {
        return Err(Refused::unauthorized("Invalid API Key provided"));
    }
    let moves_money = path.starts_with("transfers") && *method == Method::POST;
    let pays_out = key.starts_with(PAYOUTS_KEY);
    if key.starts_with("rk_") && *method == Method::POST && moves_money != pays_out {
        return Err(Refused::forbidden(key, path));
    }
    match text("stripe-version") {
        Some(VERSION) => Ok(()),
        Some(other) => {
            let message = format!("Invalid Stripe API version: {other}. It must be {VERSION}.");
            Err(Refused::invalid("", message))
        }
        None => {
            let message = format!("The Stripe-Version header is missing. It must be {VERSION}.");
            Err(Refused::invalid("", message))
        }
    }
}

fn is_a(headers: &HeaderMap, wanted: &[u8]) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    kind.is_some_and(|kind| kind.starts_with(wanted))
}

/// Does the work and stores the answer under the idempotency key. A failure is stored too: the same
/// request gets it for a day, whether or not any work was done (docs.stripe.com/error-low-level).
/// v2 stores the result of the work instead, and retries work that was not done
/// (docs.stripe.com/api-v2-overview).
fn perform(app: &Arc<AppState>, asked: &Asked, request: &str) -> Response {
    let done = match asked.failure {
        Some(Failure::BeforeWork) => Err(Refused::failed()),
        Some(Failure::AfterWork) | None => work(app, asked, request),
    };
    let answer = match asked.failure {
        Some(Failure::AfterWork) => done.clone().and_then(|_| Err(Refused::failed())),
        Some(Failure::BeforeWork) | None => done.clone(),
    };
    let keeps_failures = asked.endpoint.api == Api::V1;
    if let Some(key) = &asked.key {
        let mut keys = locked(&app.stripe.keys);
        match to_keep(asked.endpoint.api, &answer, &done) {
            Some((status, body)) => {
                keys.keep(key, StoredAnswer { status, body, request: request.to_owned() })
            }
            None => keys.release(key),
        }
    }
    match answer {
        Ok(body) => with_request_id((StatusCode::OK, axum::Json(body)).into_response(), request),
        Err(refused) => {
            let mut response = refusal_of(&refused, request);
            if keeps_failures && asked.key.is_some() && refused.status.is_server_error() {
                // The same key would return the same answer.
                response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
            }
            response
        }
    }
}

/// What to store under a key: the answer, or in v2 the result of the work.
fn to_keep(
    api: Api,
    answer: &Result<Value, Refused>,
    done: &Result<Value, Refused>,
) -> Option<(StatusCode, Value)> {
    let result = match api {
        Api::V1 => answer,
        Api::V2 => done,
    };
    match result {
        Ok(body) => Some((StatusCode::OK, body.clone())),
        Err(refused) if refused.stage == Stage::Checked => None,
        Err(refused) if api == Api::V2 && refused.status.is_server_error() => None,
        Err(refused) => Some((refused.status, refused.body())),
    }
}

fn work(app: &Arc<AppState>, asked: &Asked, request: &str) -> Result<Value, Refused> {
    with_books(app, |state| {
        if OBJECTS_MAX <= state.len() {
            return Err(Refused::full(OBJECTS_MAX));
        }
        state.cause =
            Cause { request: Some(request.to_owned()), idempotency_key: asked.key.clone() };
        let answer = match &asked.account {
            None => work_on(state, asked),
            Some(id) if accounts::is_open(state, id) => {
                state.within(id, |state| work_on(state, asked))
            }
            Some(id) => Err(Refused::foreign_account(id)),
        };
        state.cause = Cause::default();
        answer
    })
}

fn work_on(state: &mut AccountState, asked: &Asked) -> Result<Value, Refused> {
    let mut answer = (asked.endpoint.work)(state, &asked.call)?;
    let expanded = state.objects.expand(&mut answer, &asked.call.params);
    // The work is done, so the key is used.
    expanded.map(|()| answer).map_err(Refused::begun)
}

/// A stored answer.
fn again(stored: &StoredAnswer) -> Response {
    let mut answer = (stored.status, axum::Json(stored.body.clone())).into_response();
    answer.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    if stored.status.is_server_error() {
        answer.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    with_request_id(answer, &stored.request)
}

/// The answer to an ordered fault.
pub(crate) fn refusal(status: StatusCode) -> Response {
    let refused = match status {
        StatusCode::TOO_MANY_REQUESTS => Refused::too_many(),
        StatusCode::PAYMENT_REQUIRED => {
            let message = "Your card was declined.";
            Refused::card("card_declined", "generic_decline", message, Value::Null)
        }
        StatusCode::BAD_REQUEST => Refused::invalid("", "The request was not understood."),
        _ => Refused::server_error(),
    };
    refusal_of(&refused, "req_sandboxfault")
}

/// The answer to an ordered refusal.
pub(crate) fn refusal_as(status: StatusCode, code: &str) -> Response {
    refusal_of(&Refused::ordered(status, code), "req_sandboxfault")
}

fn refusal_of(refused: &Refused, request: &str) -> Response {
    let mut response = (refused.status, axum::Json(refused.body())).into_response();
    if let Some(answer) = refused.should_retry() {
        response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static(answer));
    }
    with_request_id(response, request)
}

fn with_request_id(mut response: Response, request: &str) -> Response {
    if let Ok(value) = request.parse() {
        response.headers_mut().insert("request-id", value);
    }
    response
}
