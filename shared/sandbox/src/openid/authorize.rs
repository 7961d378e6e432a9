//! The authorization endpoint: the sign-in page, and the way back with a code.
//!
//! RFC 6749, section 4.1, as RFC 9700 tightens it: only the code flow, only with PKCE (S256), with
//! `iss` in the answer (RFC 9207). The issuer keeps no session of its own, so everybody chooses a
//! person each time, and `prompt=none` is always `login_required`.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use bytes::Bytes;
use reqwest::Url;

use super::{
    parameters::Parameters,
    people::{MAIL_DOMAIN, OFFERED, Person},
    sessions::{Consent, secret},
    tokens::CLIENT_ID,
};
use crate::{
    app_state::{AppState, locked},
    clock,
    stripe::{escaped, page},
};

/// The scopes that are granted; others are ignored, as OpenID Connect Core says.
pub(crate) const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// Parameters that the form sends back.
const CARRIED: [&str; 9] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
];
/// No script, no frame around it. Without `form-action`: browsers apply that to the redirect too.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// A valid request.
struct Asked {
    redirect_uri: String,
    scope: String,
    state: Option<String>,
    nonce: Option<String>,
    challenge: String,
}

/// Why there is no page to sign in on.
enum Refusal {
    /// The client cannot be trusted with an answer: the person sees it.
    Shown(&'static str),
    /// The client is told by a redirect.
    Returned { to: String, state: Option<String>, error: &'static str, why: &'static str },
}

type Shared = State<Arc<AppState>>;

/// `GET /authorize`
pub(super) async fn show(State(app): Shared, RawQuery(query): RawQuery) -> Response {
    let Ok(parameters) = Parameters::read(query.unwrap_or_default().as_bytes()) else {
        return refuse("a parameter is there twice");
    };
    match Asked::read(&app, &parameters) {
        Ok(_) => sign_in_page(&parameters, None),
        Err(refusal) => refusal.answer(&app),
    }
}

/// `POST /authorize`: the choice on the page.
pub(super) async fn choose(State(app): Shared, body: Bytes) -> Response {
    let Ok(parameters) = Parameters::read(&body) else {
        return refuse("a parameter is there twice");
    };
    let asked = match Asked::read(&app, &parameters) {
        Ok(asked) => asked,
        Err(refusal) => return refusal.answer(&app),
    };
    if parameters.get("person") == Some("") {
        let why = "the person does not want to sign in";
        return asked.refused("access_denied", why).answer(&app);
    }
    let name = parameters.get("person").or(parameters.get("other")).unwrap_or_default().trim();
    let email = if name.contains('@') { name.to_owned() } else { format!("{name}@{MAIL_DOMAIN}") };
    let Ok(person) = Person::parse(&email) else {
        return sign_in_page(&parameters, Some(name));
    };
    let now = clock::unix_time().as_secs();
    let consent = Consent {
        person,
        redirect_uri: asked.redirect_uri.clone(),
        scope: asked.scope,
        nonce: asked.nonce,
        challenge: asked.challenge,
        signed_in_at: now,
        session: secret(),
    };
    let code = locked(&app.openid.sessions).code(consent, now);
    back(&app, &asked.redirect_uri, &[("code", Some(&code)), ("state", asked.state.as_deref())])
}

impl Asked {
    fn read(app: &AppState, given: &Parameters) -> Result<Asked, Refusal> {
        if given.get("client_id") != Some(CLIENT_ID) {
            return Err(Refusal::Shown("the client is not registered"));
        }
        let redirect_uri = given.get("redirect_uri").unwrap_or_default().to_owned();
        if !app.openid.redirects.allow(&redirect_uri) {
            return Err(Refusal::Shown("redirect_uri is neither registered nor on this machine"));
        }
        let state = given.get("state").map(str::to_owned);
        let refused = |error, why| Refusal::Returned {
            to: redirect_uri.clone(),
            state: state.clone(),
            error,
            why,
        };
        if given.get("response_type") != Some("code") {
            return Err(refused("unsupported_response_type", "response_type is code"));
        }
        if given.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(refused("invalid_request", "response_mode is query"));
        }
        let challenge = given.get("code_challenge").unwrap_or_default().to_owned();
        if given.get("code_challenge_method") != Some("S256") || challenge.len() != 43 {
            return Err(refused("invalid_request", "code_challenge is required, method S256"));
        }
        let wanted = given.get("scope").unwrap_or_default();
        let granted = SCOPES.into_iter().filter(|scope| wanted.split(' ').any(|it| it == *scope));
        let scope = granted.collect::<Vec<&str>>().join(" ");
        if !scope.starts_with("openid") {
            return Err(refused("invalid_scope", "scope contains openid"));
        }
        if given.get("prompt") == Some("none") {
            return Err(refused("login_required", "the person has to choose"));
        }
        let nonce = given.get("nonce").map(str::to_owned);
        Ok(Asked { redirect_uri, scope, state, nonce, challenge })
    }

    fn refused(self, error: &'static str, why: &'static str) -> Refusal {
        Refusal::Returned { to: self.redirect_uri, state: self.state, error, why }
    }
}

impl Refusal {
    fn answer(self, app: &AppState) -> Response {
        match self {
            Refusal::Shown(why) => refuse(why),
            Refusal::Returned { to, state, error, why } => {
                let state = state.as_deref();
                let answer =
                    [("error", Some(error)), ("error_description", Some(why)), ("state", state)];
                back(app, &to, &answer)
            }
        }
    }
}

/// Sends the browser back, with `iss`.
fn back(app: &AppState, to: &str, answer: &[(&str, Option<&str>)]) -> Response {
    let Ok(mut url) = Url::parse(to) else { return refuse("redirect_uri is no URL") };
    for (name, value) in answer {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url.query_pairs_mut().append_pair("iss", &app.url);
    (StatusCode::SEE_OTHER, HEADERS, [(header::LOCATION, url.to_string())]).into_response()
}

/// The page says why, and the browser stays on it.
pub(super) fn refuse(why: &str) -> Response {
    let body = format!("<h1>This cannot continue</h1><p class=warning>{}</p>", escaped(why));
    (StatusCode::BAD_REQUEST, HEADERS, page("Sign in", &body)).into_response()
}

/// The people to choose from. `unknown` is what was typed and is nobody's name.
fn sign_in_page(parameters: &Parameters, unknown: Option<&str>) -> Response {
    let status = if unknown.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    (status, HEADERS, form(parameters, unknown)).into_response()
}

fn form(parameters: &Parameters, unknown: Option<&str>) -> Html<String> {
    let mut html = String::from(
        "<h1>Sign in</h1><p>Choose who you are. There are no passwords: everybody here is \
         invented.</p><form method=post action=/authorize>",
    );
    html += &hidden(parameters);
    for (name, does) in OFFERED {
        html += &format!("<button class=quiet name=person value={name}>{name}, {does}</button>");
    }
    let typed = unknown.or(parameters.get("login_hint")).unwrap_or_default();
    html += &format!(
        "</form><form method=post action=/authorize>{}<p><label>Somebody else: <input name=other \
         required maxlength=80 autocomplete=off value=\"{}\"></label></p>",
        hidden(parameters),
        escaped(typed),
    );
    if unknown.is_some() {
        html += &format!(
            "<p class=warning role=alert>A name is 1 to 64 of a-z, 0-9, - and _, with or without \
             @{MAIL_DOMAIN}.</p>"
        );
    }
    html += "<button>Continue</button></form>";
    html += &format!(
        "<form method=post action=/authorize>{}<button class=quiet name=person value=\"\">\
         Cancel</button></form>",
        hidden(parameters)
    );
    page("Sign in", &html)
}

/// The request, as hidden fields of a form.
fn hidden(parameters: &Parameters) -> String {
    let field = |name: &&str| {
        let value = parameters.get(name)?;
        Some(format!("<input type=hidden name={name} value=\"{}\">", escaped(value)))
    };
    CARRIED.iter().filter_map(field).collect()
}
