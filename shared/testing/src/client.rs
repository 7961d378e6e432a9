//! A caller of the app, as a frontend is one: `kim.post("/api/v1/generations").json(body).await`.

use std::{collections::BTreeMap, fmt, ops::Deref, pin::Pin};

use serde_json::Value;

use crate::{Actor, Answer, TestApp, TestRequest};

/// A caller, signed in or not.
#[derive(Debug, Clone)]
pub struct Client<'a> {
    app: &'a TestApp,
    actor: Option<Actor>,
}

/// The person who calls.
///
/// # Panics
/// For a visitor.
impl Deref for Client<'_> {
    type Target = Actor;
    fn deref(&self) -> &Actor {
        self.actor.as_ref().expect("a caller with a token")
    }
}

impl TestApp {
    /// A caller with this name.
    pub fn sign_in(&self, name: &str) -> Client<'_> {
        self.client(&Actor::member(name))
    }

    /// `actor` as a caller.
    pub fn client(&self, actor: &Actor) -> Client<'_> {
        Client { app: self, actor: Some(actor.clone()) }
    }

    /// A caller without a token.
    pub fn visitor(&self) -> Client<'_> {
        Client { app: self, actor: None }
    }
}

impl<'a> Client<'a> {
    /// The app it calls.
    pub fn app(&self) -> &'a TestApp {
        self.app
    }

    /// Reads `target`: a path, with a query or without.
    pub fn get(&self, target: impl fmt::Display) -> ClientRequest<'a> {
        self.request("GET", target)
    }

    /// Reads only the headers of `target`.
    pub fn head(&self, target: impl fmt::Display) -> ClientRequest<'a> {
        let request = self.request("GET", target);
        ClientRequest { request: request.request.head(), ..request }
    }

    /// Posts to `target`.
    pub fn post(&self, target: impl fmt::Display) -> ClientRequest<'a> {
        self.request("POST", target)
    }

    /// Replaces `target`.
    pub fn put(&self, target: impl fmt::Display) -> ClientRequest<'a> {
        self.request("PUT", target)
    }

    /// Changes `target`.
    pub fn patch(&self, target: impl fmt::Display) -> ClientRequest<'a> {
        self.request("PATCH", target)
    }

    /// Deletes `target`.
    pub fn delete(&self, target: impl fmt::Display) -> ClientRequest<'a> {
        self.request("DELETE", target)
    }

    fn request(&self, method: &'static str, target: impl fmt::Display) -> ClientRequest<'a> {
        let request = self.actor.as_ref().map_or_else(TestRequest::anonymous, TestRequest::by);
        ClientRequest { app: self.app, method, target: target.to_string(), request }
    }
}

/// A request of a [`Client`]. It is sent when it is awaited.
#[derive(Debug, Clone)]
pub struct ClientRequest<'a> {
    app: &'a TestApp,
    method: &'static str,
    target: String,
    request: TestRequest,
}

impl<'a> ClientRequest<'a> {
    fn map(self, change: impl FnOnce(TestRequest) -> TestRequest) -> ClientRequest<'a> {
        ClientRequest { request: change(self.request), ..self }
    }

    /// With a parameter in the query string.
    #[must_use]
    pub fn query(self, name: &str, value: impl ToString) -> ClientRequest<'a> {
        self.map(|request| request.query(name, value))
    }

    /// With a header.
    #[must_use]
    pub fn header(self, name: &str, value: impl ToString) -> ClientRequest<'a> {
        self.map(|request| request.header(name, value))
    }

    /// With an `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: &str) -> ClientRequest<'a> {
        self.map(|request| request.key(key))
    }

    /// From another address than [`crate::SOURCE_IP`].
    #[must_use]
    pub fn ip(self, ip: &str) -> ClientRequest<'a> {
        self.map(|request| request.ip(ip))
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: Value) -> ClientRequest<'a> {
        self.map(|request| request.json(body))
    }

    /// With a raw body.
    #[must_use]
    pub fn text(self, body: impl Into<String>) -> ClientRequest<'a> {
        self.map(|request| request.text(body))
    }

    async fn send(self) -> Answer {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, query),
            None => (self.target.as_str(), ""),
        };
        let (endpoint, parameters): (_, BTreeMap<_, _>) = self.app.route(self.method, path);
        let mut request = self.request;
        for (name, value) in parameters {
            request = request.path(&name, value);
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            request = request.query(&name, value);
        }
        self.app.send(&endpoint, &request).await
    }
}

impl<'a> IntoFuture for ClientRequest<'a> {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
