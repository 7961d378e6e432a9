//! A request, who makes it, and the answer.

use std::collections::BTreeMap;

use demo::api::BROWSER;
use domain::{account::api_key::Scope, id::UserId, plan::Plan};
use lambda_http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use runtime::{Endpoint, HttpResponse, apigw::request};
use serde_json::{Value, json};

/// Characters that a browser escapes in a path segment (RFC 3986, section 2.3).
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Default source IP of requests, from a documentation range (RFC 5737).
pub const SOURCE_IP: &str = "203.0.113.9";

/// The page's origin, which CORS allows.
const ORIGIN: &str = "https://app.prolight.test";

/// A request to build. By default it comes from a browser.
#[derive(Debug, Clone)]
pub struct TestRequest {
    who: Option<Actor>,
    path: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    ip: String,
    head: bool,
}

impl Default for TestRequest {
    fn default() -> TestRequest {
        TestRequest {
            who: None,
            path: BTreeMap::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            ip: SOURCE_IP.to_owned(),
            head: false,
        }
    }
}

impl TestRequest {
    /// A request without a token.
    pub fn anonymous() -> TestRequest {
        TestRequest::default()
    }

    /// A request by `actor`.
    pub fn by(actor: &Actor) -> TestRequest {
        TestRequest { who: Some(actor.clone()), ..TestRequest::default() }
    }

    /// With a path parameter.
    #[must_use]
    pub fn path(mut self, name: &str, value: impl ToString) -> TestRequest {
        self.path.insert(name.to_owned(), value.to_string());
        self
    }

    /// With a parameter in the query string.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl ToString) -> TestRequest {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> TestRequest {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// From another address than [`SOURCE_IP`].
    #[must_use]
    pub fn ip(mut self, ip: &str) -> TestRequest {
        self.ip = ip.to_owned();
        self
    }

    /// With the method `HEAD`.
    #[must_use]
    pub fn head(mut self) -> TestRequest {
        self.head = true;
        self
    }

    /// With an `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: &str) -> TestRequest {
        self.header("Idempotency-Key", key)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: Value) -> TestRequest {
        self.header("Content-Type", "application/json").text(body.to_string())
    }

    /// With a raw body.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> TestRequest {
        self.body = Some(body.into());
        self
    }

    /// Its path and query at `endpoint`, as in a URL.
    pub fn target(&self, endpoint: &Endpoint) -> String {
        let path = self.path_in(endpoint);
        if self.query.is_empty() {
            return path;
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        format!("{path}?{}", query.extend_pairs(&self.query).finish())
    }

    /// Its headers, without those that a browser adds.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Its body.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// The values of its path parameters, as in a URL.
    fn parameters(&self) -> BTreeMap<&String, String> {
        let escaped = |value: &String| utf8_percent_encode(value, IN_A_PATH).to_string();
        self.path.iter().map(|(name, value)| (name, escaped(value))).collect()
    }

    fn path_in(&self, endpoint: &Endpoint) -> String {
        self.parameters().iter().fold(endpoint.path.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        })
    }

    /// The API Gateway event of this request.
    pub fn event(&self, endpoint: &Endpoint) -> Request {
        request(&self.event_json(endpoint)).expect("an event")
    }

    /// The event as JSON.
    pub fn event_json(&self, endpoint: &Endpoint) -> Value {
        // API Gateway passes both as they are in the URL.
        let (path, parameters) = (self.path_in(endpoint), self.parameters());
        let mut headers = self.headers.clone();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            headers.push(("User-Agent".to_owned(), BROWSER.to_owned()));
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("origin")) {
            headers.push(("Origin".to_owned(), ORIGIN.to_owned()));
        }
        let multi = |pairs: &[(String, String)]| {
            let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (name, value) in pairs {
                map.entry(name).or_default().push(value);
            }
            json!(map)
        };
        json!({
            "resource": endpoint.path,
            "path": path,
            "httpMethod": if self.head { "HEAD" } else { endpoint.method.as_str() },
            "multiValueHeaders": multi(&headers),
            "multiValueQueryStringParameters": multi(&self.query),
            "pathParameters": parameters,
            "body": self.body,
            "isBase64Encoded": false,
            "requestContext": {
                "requestId": "00000000-0000-4000-8000-000000000001",
                "path": format!("/test{path}"),
                "stage": "test",
                "httpMethod": if self.head { "HEAD" } else { endpoint.method.as_str() },
                "identity": {"sourceIp": self.ip},
                "authorizer": self.who.as_ref().map(Actor::context),
            },
        })
    }
}

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The person's id.
    pub id: UserId,
    email: String,
    email_verified: bool,
    role: Option<&'static str>,
    plan: Option<Plan>,
    /// The scopes of the API key that is sent instead of a token.
    scopes: Option<String>,
}

impl Actor {
    /// A member.
    pub fn member(name: &str) -> Actor {
        let id = UserId::parse(&format!("user_{name}")).expect("a name");
        let email = format!("{name}@prolight.test");
        Actor { id, email, email_verified: true, role: None, plan: None, scopes: None }
    }

    /// The same member with another email at the issuer.
    #[must_use]
    pub fn at_address(&self, email: &str) -> Actor {
        Actor { email: email.to_owned(), ..self.clone() }
    }

    /// The same member with an unverified email.
    #[must_use]
    pub fn unverified(&self) -> Actor {
        Actor { email_verified: false, ..self.clone() }
    }

    /// A moderator.
    pub fn moderator() -> Actor {
        Actor { role: Some("moderator"), ..Actor::member("moderator") }
    }

    /// An admin.
    pub fn admin() -> Actor {
        Actor { role: Some("admin"), ..Actor::member("admin") }
    }

    /// The same person as an admin.
    #[must_use]
    pub fn as_admin(&self) -> Actor {
        Actor { role: Some("admin"), ..self.clone() }
    }

    /// The same person as a moderator.
    #[must_use]
    pub fn as_moderator(&self) -> Actor {
        Actor { role: Some("moderator"), ..self.clone() }
    }

    /// The same member, as the authorizer states them with this plan.
    #[must_use]
    pub fn on(&self, plan: Plan) -> Actor {
        Actor { plan: Some(plan), ..self.clone() }
    }

    /// The same member by an API key with these scopes.
    #[must_use]
    pub fn by_key(&self, scopes: &[Scope]) -> Actor {
        let names: Vec<&str> = scopes.iter().map(|scope| scope.into_str()).collect();
        Actor { scopes: Some(names.join(" ")), role: None, ..self.clone() }
    }

    /// What the authorizer states.
    fn context(&self) -> Value {
        let mut context = json!({ "principalId": self.id, "user_id": self.id });
        if let Some(plan) = self.plan {
            context["plan"] = json!(plan);
        }
        if let Some(scopes) = &self.scopes {
            context["key_id"] = json!("key_01JD0000000000000000000000");
            context["scopes"] = json!(scopes);
            return context;
        }
        context["email"] = json!(self.email);
        context["name"] = json!("Somebody");
        if self.email_verified {
            context["email_verified"] = json!("true");
        }
        if let Some(role) = self.role {
            context["role"] = json!(role);
        }
        context
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body as text; empty if there is none.
    pub body: String,
}

impl Answer {
    /// A response with headers by lower-case name.
    pub fn new(status: u16, headers: BTreeMap<String, String>, body: String) -> Answer {
        Answer { status, headers, body }
    }

    pub(crate) fn from_response(response: HttpResponse) -> Answer {
        let (parts, body) = response.into_parts();
        let text = |value: &http::HeaderValue| value.to_str().expect("a header of text").to_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        let body = String::from_utf8(body.to_vec()).expect("a body of text");
        Answer::new(parts.status.as_u16(), headers.collect(), body)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The `code` of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The body, pretty-printed.
    pub fn pretty(&self) -> String {
        format!("{:#}", self.json())
    }

    /// The status, the `code` of a problem, and each rejected field: `422 invalid_request, /prompt
    /// empty`.
    pub fn brief(&self) -> String {
        let body = self.json();
        let fields = body["errors"].as_array().into_iter().flatten().map(|field| {
            let pointer = field["pointer"].as_str().filter(|pointer| !pointer.is_empty());
            let code = field["code"].as_str().unwrap_or_default();
            format!("{} {code}", pointer.unwrap_or("(whole)"))
        });
        let refusal = std::iter::once(format!("{} {}", self.status(), self.code()));
        let all: Vec<String> = refusal.chain(fields).collect();
        all.join(", ").trim_end().to_owned()
    }
}
