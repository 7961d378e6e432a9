//! API errors, in Stripe's format (docs.stripe.com/api/errors): `{"error": {"type": .., "code": ..,
//! "message": .., "param": ..}}`.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// Whether work had begun before the error: only then is the answer stored under the idempotency
/// key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Validation failed before any work.
    Checked,
    /// Validation passed and work began.
    Began,
}

/// An API error.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) stage: Stage,
    error: Map<String, Value>,
}

impl Refused {
    /// An invalid parameter or combination of parameters.
    pub(super) fn invalid(param: &str, message: impl Into<String>) -> Refused {
        Refused::new(StatusCode::BAD_REQUEST, "invalid_request_error", message).about(param)
    }

    pub(super) fn unknown(param: &str) -> Refused {
        Refused::invalid(param, format!("Received unknown parameter: {param}"))
            .coded("parameter_unknown")
    }

    /// An empty parameter where an empty value unsets nothing.
    pub(super) fn empty(param: &str) -> Refused {
        let message = format!(
            "You passed an empty string for '{param}'. We assume empty values are an attempt to \
             unset a parameter; however '{param}' cannot be unset. You should remove '{param}' from \
             your request or supply a non-empty value."
        );
        Refused::invalid(param, message).coded("parameter_invalid_empty")
    }

    pub(super) fn missing(param: &str) -> Refused {
        Refused::invalid(param, format!("Missing required param: {param}."))
            .coded("parameter_missing")
    }

    /// An object in the path does not exist: 404. `kind` is the value of `object`.
    pub(super) fn no_such(kind: &str, id: &str) -> Refused {
        let mut refused = Refused::invalid("id", format!("No such {kind}: '{id}'"));
        refused.status = StatusCode::NOT_FOUND;
        refused.coded("resource_missing")
    }

    /// An object in a parameter does not exist: 400.
    pub(super) fn no_such_param(param: &str, kind: &str, id: &str) -> Refused {
        Refused::invalid(param, format!("No such {kind}: '{id}'")).coded("resource_missing")
    }

    /// The account's state does not allow the request.
    pub(super) fn conflict(code: &str, message: impl Into<String>) -> Refused {
        let mut refused =
            Refused::new(StatusCode::BAD_REQUEST, "invalid_request_error", message).coded(code);
        refused.stage = Stage::Began;
        refused
    }

    /// The card's bank declined the payment: 402.
    pub(super) fn card(code: &str, decline_code: &str, message: &str, intent: Value) -> Refused {
        let mut refused =
            Refused::new(StatusCode::PAYMENT_REQUIRED, "card_error", message).coded(code);
        refused.stage = Stage::Began;
        refused.error.insert("decline_code".to_owned(), decline_code.into());
        let charge = intent["latest_charge"].clone();
        if !charge.is_null() {
            refused.error.insert("charge".to_owned(), charge);
        }
        let method = intent["last_payment_error"]["payment_method"].clone();
        if !method.is_null() {
            refused.error.insert("payment_method".to_owned(), method);
        }
        refused.error.insert("payment_intent".to_owned(), intent);
        refused
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Refused {
        Refused::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    /// A restricted key without the permission (docs.stripe.com/keys#limit-access): 403.
    pub(super) fn forbidden(key: &str, path: &str) -> Refused {
        let message = format!(
            "The provided key '{key}' does not have the required permissions for '{path}'."
        );
        Refused::new(StatusCode::FORBIDDEN, "invalid_request_error", message)
    }

    /// A v2 object in the path does not exist: 404 with v2's code.
    pub(super) fn no_such_v2(kind: &str, id: &str) -> Refused {
        Refused::no_such(kind, id).coded("not_found")
    }

    /// A connected account does not exist, or is not the platform's: 403.
    pub(super) fn foreign_account(account: &str) -> Refused {
        let message = format!(
            "The provided key does not have access to account '{account}' (or that account does \
             not exist)."
        );
        let mut refused = Refused::invalid("", message).coded("account_invalid");
        refused.status = StatusCode::FORBIDDEN;
        refused
    }

    pub(super) fn no_such_route(method: &str, path: &str) -> Refused {
        let message = format!(
            "Unrecognized request URL ({method}: {path}). The sandbox has only the endpoints that \
             its documentation lists."
        );
        let mut refused = Refused::new(StatusCode::NOT_FOUND, "invalid_request_error", message);
        refused.stage = Stage::Checked;
        refused
    }

    /// The same key with other parameters.
    pub(super) fn key_reused(key: &str) -> Refused {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with. Try using a key other than '{key}' if you meant to execute a \
             different request."
        );
        Refused::new(StatusCode::BAD_REQUEST, "idempotency_error", message)
    }

    /// The same key while its first request is in progress.
    pub(super) fn key_in_use(key: &str) -> Refused {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that \
             probably means you submitted twice, and the other request is still going through): \
             {key}. Please try again later."
        );
        Refused::new(StatusCode::CONFLICT, "idempotency_error", message)
            .coded("idempotency_key_in_use")
    }

    pub(super) fn too_many() -> Refused {
        let message = "Request rate limit exceeded. Learn more about rate limits here: \
                       https://stripe.com/docs/rate-limits.";
        Refused::new(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", message)
            .coded("rate_limit")
    }

    /// A refusal that a fault orders.
    pub(super) fn ordered(status: StatusCode, code: &str) -> Refused {
        Refused::new(status, "invalid_request_error", "Refused by an order.").coded(code)
    }

    pub(super) fn server_error() -> Refused {
        let message = "An unknown error occurred";
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", message)
    }

    /// A failure during the work.
    pub(super) fn failed() -> Refused {
        Refused::server_error().begun()
    }

    /// The object limit of the sandbox is reached.
    pub(super) fn full(objects_max: usize) -> Refused {
        let message = format!("The sandbox holds {objects_max} objects, its most; restart it.");
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", message)
    }

    /// The same error, marked as raised after work began.
    pub(super) fn begun(mut self) -> Refused {
        self.stage = Stage::Began;
        self
    }

    /// The same error with a code.
    pub(super) fn coded(mut self, code: &str) -> Refused {
        self.error.insert("code".to_owned(), code.into());
        self
    }

    /// The human-readable message.
    pub(super) fn message(&self) -> &str {
        self.error.get("message").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn body(&self) -> Value {
        json!({ "error": self.error })
    }

    /// The value of `Stripe-Should-Retry`, if the API sends it.
    pub(super) fn should_retry(&self) -> Option<&'static str> {
        match self.status {
            StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => Some("true"),
            StatusCode::PAYMENT_REQUIRED | StatusCode::BAD_REQUEST => Some("false"),
            _ => None,
        }
    }

    fn about(mut self, param: &str) -> Refused {
        self.error.insert("param".to_owned(), param.into());
        self
    }

    fn new(status: StatusCode, kind: &str, message: impl Into<String>) -> Refused {
        let mut error = Map::new();
        error.insert("type".to_owned(), kind.into());
        error.insert("message".to_owned(), message.into().into());
        Refused { status, stage: Stage::Checked, error }
    }
}
