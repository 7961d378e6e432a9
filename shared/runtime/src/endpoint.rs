//! An endpoint as data: its name, route, access and accepted input.
//!
//! The shell reads the constant before a handler runs. Tests check the template, the events and the
//! OpenAPI document against it.

use std::fmt;

use domain::account::api_key::Scope;
use store::Rate;

/// Largest request body in bytes, unless an endpoint sets its own.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Who may call an endpoint. Checked before the handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Anyone, without a token.
    Public,
    /// Any signed-in member.
    Member,
    /// Staff: a moderator or an admin.
    Moderator,
    /// An admin.
    Admin,
    /// A machine; the handler verifies its signature over the raw body.
    Signed,
}

/// The method of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads; its input is the path and the query string.
    Get,
    /// Creates or acts; its input is the path and a JSON body.
    Post,
    /// Replaces; its input is the path and a JSON body.
    Put,
    /// Updates in part; its input is the path and a JSON body.
    Patch,
    /// Deletes; its input is the path and the query string.
    Delete,
}

impl Method {
    /// The method as written in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// Whether the input comes in a body rather than in the query string.
    pub const fn has_body(self) -> bool {
        match self {
            Method::Post | Method::Put | Method::Patch => true,
            Method::Get | Method::Delete => false,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an endpoint does with an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRule {
    /// A repeat is safe, so the header is not read.
    Ignored,
    /// A repeat with the same key gets the first response.
    Accepted,
    /// Credits or money move: without a key the request is refused.
    Required,
}

/// A route and its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The name of the binary, the event and the log lines: `<domain>-<verb>-<noun>`.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path below the stage, with its parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The scope that lets an API key call it; `None` keeps every key out.
    pub scope: Option<Scope>,
    /// How an `Idempotency-Key` is treated.
    pub key: KeyRule,
    /// Largest accepted body, in bytes.
    pub body_bytes_max: usize,
    /// Rate limit per member.
    pub rate: Option<Rate>,
    /// Whether `HEAD` is answered, as `GET` without its body.
    pub head: bool,
    /// Whether a change may name the version it is made to (`If-Match`).
    pub if_match: bool,
    /// Whether a member who is suspended may call it, as all may who read.
    pub for_suspended: bool,
    /// The error codes of its own, beside those that its other fields bring with them.
    pub errors: &'static [&'static str],
}

/// Rate limit per member of a route that writes, unless it sets its own.
pub const WRITES: Rate = Rate::a_minute(120);

impl Endpoint {
    /// A `GET` route.
    pub const fn get(name: &'static str, path: &'static str, access: Access) -> Endpoint {
        Endpoint::new(Method::Get, name, path, access)
    }

    /// A `POST` route. It accepts an `Idempotency-Key` unless set to require or ignore one.
    pub const fn post(name: &'static str, path: &'static str, access: Access) -> Endpoint {
        Endpoint { key: KeyRule::Accepted, ..Endpoint::new(Method::Post, name, path, access) }
    }

    /// A `PUT` route.
    pub const fn put(name: &'static str, path: &'static str, access: Access) -> Endpoint {
        Endpoint::new(Method::Put, name, path, access)
    }

    /// A `PATCH` route.
    pub const fn patch(name: &'static str, path: &'static str, access: Access) -> Endpoint {
        Endpoint::new(Method::Patch, name, path, access)
    }

    /// A `DELETE` route.
    pub const fn delete(name: &'static str, path: &'static str, access: Access) -> Endpoint {
        Endpoint::new(Method::Delete, name, path, access)
    }

    /// The same route, refusing a request without an `Idempotency-Key`.
    #[must_use]
    pub const fn requires_key(self) -> Endpoint {
        Endpoint { key: KeyRule::Required, ..self }
    }

    /// The same route, ignoring an `Idempotency-Key` because a repeat does no harm.
    #[must_use]
    pub const fn ignores_key(self) -> Endpoint {
        Endpoint { key: KeyRule::Ignored, ..self }
    }

    /// The same route, open to API keys with another scope than the usual one of its path.
    #[must_use]
    pub const fn with_scope(self, scope: Scope) -> Endpoint {
        Endpoint { scope: Some(scope), ..self }
    }

    /// The same route, closed to API keys: it takes the member in person.
    #[must_use]
    pub const fn never_by_api_key(self) -> Endpoint {
        Endpoint { scope: None, ..self }
    }

    /// The same route with another limit for the body, in bytes.
    #[must_use]
    pub const fn with_body_bytes_max(self, body_bytes_max: usize) -> Endpoint {
        Endpoint { body_bytes_max, ..self }
    }

    /// The same route with another rate per member, also for reads that call a provider.
    #[must_use]
    pub const fn with_rate(self, rate: Rate) -> Endpoint {
        Endpoint { rate: Some(rate), ..self }
    }

    /// The same route, also answering `HEAD`: for links that programs check before people do.
    #[must_use]
    pub const fn with_head(self) -> Endpoint {
        Endpoint { head: true, ..self }
    }

    /// The same route, which checks `If-Match`.
    #[must_use]
    pub const fn with_if_match(self) -> Endpoint {
        Endpoint { if_match: true, ..self }
    }

    /// The same route, also open to a member who is suspended.
    #[must_use]
    pub const fn for_suspended(self) -> Endpoint {
        Endpoint { for_suspended: true, ..self }
    }

    /// The same route with these error codes of its own.
    #[must_use]
    pub const fn with_errors(self, errors: &'static [&'static str]) -> Endpoint {
        Endpoint { errors, ..self }
    }

    const fn new(
        method: Method,
        name: &'static str,
        path: &'static str,
        access: Access,
    ) -> Endpoint {
        let (key, body_bytes_max) = (KeyRule::Ignored, BODY_BYTES_MAX);
        let (head, if_match, for_suspended) = (false, false, false);
        let errors: &[&str] = &[];
        let rate = match (access, method) {
            // The caller is unknown; each such route limits its own work.
            (Access::Public | Access::Signed, _) | (_, Method::Get) => None,
            (Access::Member | Access::Moderator | Access::Admin, _) => Some(WRITES),
        };
        let scope = usual_scope(access, method, path);
        Endpoint {
            name,
            method,
            path,
            access,
            scope,
            key,
            body_bytes_max,
            rate,
            head,
            if_match,
            for_suspended,
            errors,
        }
    }
}

/// A key with `read` reads all that its member may read. What a key changes are generations and
/// presets (`generate`), or what a creator offers (`sell`). Everything else, such as payments, the
/// account and what staff do, takes the member in person.
const fn usual_scope(access: Access, method: Method, path: &str) -> Option<Scope> {
    match (access, method) {
        (Access::Public | Access::Signed | Access::Moderator | Access::Admin, _) => None,
        (Access::Member, Method::Get) => Some(Scope::Read),
        (Access::Member, Method::Post | Method::Put | Method::Patch | Method::Delete) => {
            let generates = is_below("/api/v1/generations", path)
                || is_below("/api/v1/presets", path)
                || is_below("/api/v1/prompts", path);
            let sells = is_below("/api/v1/marketplace/listings", path)
                || is_below("/api/v1/marketplace/creator", path);
            match (generates, sells) {
                (true, _) => Some(Scope::Generate),
                (false, true) => Some(Scope::Sell),
                (false, false) => None,
            }
        }
    }
}

/// Whether `path` is `parent` or a path below it.
const fn is_below(parent: &str, path: &str) -> bool {
    let (parent, path) = (parent.as_bytes(), path.as_bytes());
    match path.split_at_checked(parent.len()) {
        Some((begin, [] | [b'/', ..])) => {
            let mut place = 0;
            while place < parent.len() && begin[place] == parent[place] {
                place += 1;
            }
            place == parent.len()
        }
        Some(_) | None => false,
    }
}
