//! The issuer's endpoints. Scripts of registered pages may read all of them but the pages.

use std::sync::Arc;

use axum::{
    Form, Json, Router,
    extract::{FromRequest, RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use jsonwebtoken::jwk::JwkSet;
use reqwest::Url;
use serde_json::{Value, json};

use super::{
    AUDIENCE, CLIENT_ID, Expiry, LIFETIME_S, TokenError, TokenRequest, authorize,
    parameters::Parameters,
    sessions::{Consent, Exchange},
};
use crate::{
    app_state::{AppState, locked},
    clock,
    stripe::page,
};

type Shared = State<Arc<AppState>>;

pub(crate) fn router(app: &Arc<AppState>) -> Router<Arc<AppState>> {
    Router::new()
        .route("/.well-known/openid-configuration", get(discover))
        .route("/jwks.json", get(publish_keys))
        .route("/token", post(issue_token))
        .route("/userinfo", get(describe_caller).post(describe_caller))
        .layer(middleware::from_fn_with_state(Arc::clone(app), share))
        .route("/authorize", get(authorize::show).post(authorize::choose))
        .route("/sign-out", get(sign_out).post(sign_out_by_form))
}

/// Lets the scripts of allowed origins read the answer, and answers their preflights.
async fn share(State(app): Shared, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = match is_preflight {
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let allowed = |origin: &HeaderValue| {
        origin.to_str().is_ok_and(|origin| app.openid.redirects.allow_origin(origin))
    };
    let Some(origin) = origin.filter(allowed) else { return response };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if is_preflight {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

async fn discover(State(app): Shared) -> Json<Value> {
    let url = &app.url;
    Json(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks.json"),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "end_session_endpoint": format!("{url}/sign-out"),
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["authorization_code", "refresh_token", "password"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "prompt_values_supported": ["none", "login"],
        "scopes_supported": authorize::SCOPES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "EdDSA"],
        "claims_supported": [
            "iss", "aud", "sub", "email", "email_verified", "name", "iat", "nbf", "exp",
            "auth_time", "nonce", "sid", "app_metadata",
        ],
    }))
}

async fn publish_keys(State(app): Shared) -> Json<JwkSet> {
    Json(app.openid.published())
}

async fn issue_token(State(app): Shared, request: Request) -> Response {
    match tokens_for(&app, request).await {
        Ok(body) => ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(refused) => refused.into_response(),
    }
}

/// Only the password grant may be JSON: it is for programs, and no standard has it.
async fn tokens_for(app: &AppState, request: Request) -> Result<Value, TokenError> {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json {
        let asked = Json::<TokenRequest>::from_request(request, &()).await;
        return by_password(app, &asked.map_err(|_| TokenError::Unreadable)?.0);
    }
    let (parts, body) = request.into_parts();
    let body = Bytes::from_request(Request::new(body), &()).await;
    let body = body.map_err(|_| TokenError::Unreadable)?;
    let given = Parameters::read(&body).map_err(|_| TokenError::Parameter("a parameter"))?;
    match given.get("grant_type") {
        Some("authorization_code") => by_code(app, &given),
        Some("refresh_token") => by_refresh_token(app, &given),
        Some(_) | None => {
            let request = Request::from_parts(parts, body.into());
            let asked = Form::<TokenRequest>::from_request(request, &()).await;
            by_password(app, &asked.map_err(|_| TokenError::Unreadable)?.0)
        }
    }
}

fn by_password(app: &AppState, asked: &TokenRequest) -> Result<Value, TokenError> {
    Ok(json!({
        "access_token": app.openid.issue(&app.url, asked)?,
        "token_type": "Bearer",
        "expires_in": asked.lifetime_s(),
    }))
}

fn by_code(app: &AppState, given: &Parameters) -> Result<Value, TokenError> {
    require_client(given)?;
    let exchange = Exchange {
        code: required(given, "code")?,
        redirect_uri: required(given, "redirect_uri")?,
        verifier: required(given, "code_verifier")?,
    };
    let now = clock::unix_time().as_secs();
    let consent = locked(&app.openid.sessions).redeem(&exchange, now)?;
    granted(app, &consent, now)
}

fn by_refresh_token(app: &AppState, given: &Parameters) -> Result<Value, TokenError> {
    require_client(given)?;
    let token = required(given, "refresh_token")?;
    let now = clock::unix_time().as_secs();
    let mut consent = locked(&app.openid.sessions).rotate(token, now)?;
    if let Some(scope) = given.get("scope") {
        let held: Vec<&str> = consent.scope.split(' ').collect();
        if scope.split(' ').any(|wanted| !held.contains(&wanted)) {
            return Err(TokenError::Scope);
        }
    }
    // The nonce belongs to the first ID token (OpenID Connect Core, section 12.2).
    consent.nonce = None;
    granted(app, &consent, now)
}

fn granted(app: &AppState, consent: &Consent, now: u64) -> Result<Value, TokenError> {
    let (access_token, id_token) = app.openid.sign_in(&app.url, consent)?;
    let mut body = json!({
        "access_token": access_token,
        "id_token": id_token,
        "token_type": "Bearer",
        "expires_in": LIFETIME_S,
        "scope": consent.scope,
    });
    if consent.scope.split(' ').any(|scope| scope == "offline_access") {
        let token = locked(&app.openid.sessions).refresh_token(consent, now);
        body["refresh_token"] = token.into();
    }
    Ok(body)
}

fn require_client(given: &Parameters) -> Result<(), TokenError> {
    match given.get("client_id") {
        Some(CLIENT_ID) => Ok(()),
        Some(_) | None => Err(TokenError::Client),
    }
}

fn required<'a>(given: &'a Parameters, name: &'static str) -> Result<&'a str, TokenError> {
    given.get(name).ok_or(TokenError::Parameter(name))
}

/// The claims about the caller (OpenID Connect Core, section 5.3).
async fn describe_caller(State(app): Shared, headers: HeaderMap) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let Some(claims) = app.openid.verified(&app.url, token, AUDIENCE, Expiry::Checked) else {
        let why = if token.is_empty() { "Bearer" } else { "Bearer error=\"invalid_token\"" };
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, why)]).into_response();
    };
    let shown = ["sub", "email", "email_verified", "name"];
    let body: serde_json::Map<String, Value> =
        shown.iter().map(|name| ((*name).to_owned(), claims[*name].clone())).collect();
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn sign_out(State(app): Shared, RawQuery(query): RawQuery) -> Response {
    end_session(&app, query.unwrap_or_default().as_bytes())
}

async fn sign_out_by_form(State(app): Shared, body: Bytes) -> Response {
    end_session(&app, &body)
}

/// Ends the session of the ID token and sends the browser back (RP-Initiated Logout 1.0).
fn end_session(app: &AppState, given: &[u8]) -> Response {
    let Ok(given) = Parameters::read(given) else {
        return authorize::refuse("a parameter is there twice");
    };
    let hint = given.get("id_token_hint").unwrap_or_default();
    let hinted = app.openid.verified(&app.url, hint, CLIENT_ID, Expiry::Ignored);
    if let Some(session) = hinted.as_ref().and_then(|claims| claims["sid"].as_str()) {
        locked(&app.openid.sessions).end(session);
    }
    let Some(to) = given.get("post_logout_redirect_uri") else {
        return page("Signed out", "<h1>You are signed out</h1>").into_response();
    };
    let client = hinted.is_some() || given.get("client_id") == Some(CLIENT_ID);
    let url = Url::parse(to).ok().filter(|_| client && app.openid.redirects.allow(to));
    let Some(mut url) = url else {
        return authorize::refuse("post_logout_redirect_uri is not registered");
    };
    if let Some(state) = given.get("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, url.to_string())]).into_response()
}

impl IntoResponse for TokenError {
    /// RFC 6749, section 5.2.
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code(), "error_description": self.to_string() });
        let status = match self {
            TokenError::Keys(_) | TokenError::Signing(_) => StatusCode::INTERNAL_SERVER_ERROR,
            TokenError::Unreadable
            | TokenError::Parameter(_)
            | TokenError::Grant
            | TokenError::Client
            | TokenError::Scope
            | TokenError::Refused(_)
            | TokenError::Person(_) => StatusCode::BAD_REQUEST,
        };
        (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}
