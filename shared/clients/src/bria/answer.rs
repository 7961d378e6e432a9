//! Tolerant parsing of Bria's responses.
//!
//! Documented and observed responses differ (a failure under HTTP 200, `ERROR` or `FAILED`, a
//! missing `status`, errors that are not JSON). A strict parser would lose paid pictures over a
//! detail, so only the members we need are read, one by one.

use serde_json::Value;

use super::{ProviderStatus, RequestId};
use crate::structure::StructureError;

/// Longest stored message of a provider, in characters.
const MESSAGE_CHARS_MAX: usize = 300;
/// Words of a moderation error. Bria answers 422 both to refused content and, as its framework
/// does, to what it cannot parse; no code tells them apart.
const MODERATION_WORDS: [&str; 6] =
    ["moderation", "nsfw", "inappropriate", "content policy", "unsafe", "harmful"];
/// Codes of an error about the request itself: a word in webhooks
/// (<https://docs.bria.ai/webhooks>), numbers in the API.
const INVALID_CODES: [&str; 3] = ["VALIDATION_ERROR", "400", "422"];

/// The body of an accepted request, a status response or a webhook: all have one shape.
#[derive(Debug)]
pub(super) struct Report(Value);

/// The state of a request, whatever it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    InProgress,
    Completed,
    Failed,
    Unknown,
}

impl Report {
    /// `None` unless `body` is a JSON object.
    pub(super) fn parse(body: &[u8]) -> Option<Report> {
        serde_json::from_slice::<Value>(body).ok().filter(Value::is_object).map(Report)
    }

    pub(super) fn request_id(&self) -> Option<RequestId> {
        RequestId::parse(self.text("/request_id")?)
    }

    /// Bria's own client infers a missing `status` from the other members; so do we.
    pub(super) fn state(&self) -> State {
        match self.text("/status").map(str::to_ascii_uppercase).as_deref() {
            Some("IN_PROGRESS") => State::InProgress,
            Some("COMPLETED") => State::Completed,
            Some("ERROR" | "FAILED") => State::Failed,
            Some(_) => State::Unknown,
            None if self.has("/error") => State::Failed,
            None if self.has("/result") => State::Completed,
            None if self.has("/status_url") => State::InProgress,
            None => State::Unknown,
        }
    }

    /// The report as a picture's status. Completed without a picture is a permanent failure.
    pub(super) fn image_status(&self) -> ProviderStatus {
        match self.state() {
            State::InProgress => ProviderStatus::InProgress,
            State::Unknown => ProviderStatus::Unknown,
            State::Failed => match blame(&self.0) {
                Blame::Content => ProviderStatus::Blocked { message: self.message() },
                Blame::Request => ProviderStatus::Invalid { message: self.message() },
                Blame::Provider => ProviderStatus::Failed { message: self.message() },
            },
            State::Completed => match self.text("/result/image_url") {
                Some(url) => ProviderStatus::Completed {
                    image_url: url.to_owned(),
                    seed: self.seed(),
                    structured_prompt: self.structured_prompt(),
                },
                None => ProviderStatus::Failed { message: "completed without a picture".into() },
            },
        }
    }

    pub(super) fn into_structured_prompt(self) -> Result<String, StructureError> {
        self.structured_prompt()
            .ok_or_else(|| StructureError::unavailable("completed without a structured prompt"))
    }

    pub(super) fn into_structure_refused(self) -> StructureError {
        match blame(&self.0) {
            Blame::Content => StructureError::Blocked { message: self.message() },
            Blame::Request => StructureError::not_understood(self.message()),
            Blame::Provider => StructureError::unavailable(self.message()),
        }
    }

    /// A string that holds JSON; an object is accepted and serialized.
    fn structured_prompt(&self) -> Option<String> {
        match self.0.pointer("/result/structured_prompt")? {
            Value::String(text) => Some(text.clone()),
            object @ Value::Object(_) => Some(object.to_string()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        }
    }

    fn seed(&self) -> Option<u32> {
        u32::try_from(self.0.pointer("/result/seed")?.as_u64()?).ok()
    }

    fn message(&self) -> String {
        explanation(&self.0)
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str()
    }

    fn has(&self, pointer: &str) -> bool {
        self.0.pointer(pointer).is_some_and(|value| !value.is_null())
    }
}

/// An error body as one short line for a log or a person.
pub(super) fn message(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => explanation(&value),
        Err(_) => "no explanation".to_owned(),
    }
}

/// Whether an error body names moderation. Any other error is never blamed on the member.
pub(super) fn is_moderation(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|body| speaks_of_moderation(&body))
}

/// The cause of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The content: moderation refuses it.
    Content,
    /// Our request is invalid.
    Request,
    /// Unknown, so the provider's.
    Provider,
}

fn blame(value: &Value) -> Blame {
    let code = match value.pointer("/error/code") {
        Some(Value::String(code)) => code.clone(),
        Some(Value::Number(code)) => code.to_string(),
        Some(_) | None => String::new(),
    };
    if speaks_of_moderation(value) {
        Blame::Content
    } else if INVALID_CODES.contains(&code.as_str()) {
        Blame::Request
    } else {
        Blame::Provider
    }
}

fn speaks_of_moderation(value: &Value) -> bool {
    EXPLANATIONS.iter().filter_map(|pointer| value.pointer(pointer)?.as_str()).any(|text| {
        let text = text.to_lowercase();
        MODERATION_WORDS.iter().any(|word| text.contains(word))
    })
}

/// Members that may hold a message, in order of preference.
const EXPLANATIONS: [&str; 5] =
    ["/error/message", "/error/details", "/error", "/message", "/detail"];

/// The message, or else the whole of a `detail` that lists the invalid fields.
fn explanation(value: &Value) -> String {
    let said = EXPLANATIONS.iter().find_map(|pointer| value.pointer(pointer)?.as_str());
    match (said, value.get("detail")) {
        (Some(text), _) => one_line(text),
        (None, Some(list @ Value::Array(_))) => one_line(&list.to_string()),
        (None, _) => "no explanation".to_owned(),
    }
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_spelling_of_a_state() {
        let check = |body: &str, expected: State| {
            assert_eq!(Report::parse(body.as_bytes()).unwrap().state(), expected, "{body}");
        };
        check(r#"{"status": "IN_PROGRESS"}"#, State::InProgress);
        check(r#"{"status": "COMPLETED", "result": {}}"#, State::Completed);
        check(r#"{"status": "ERROR"}"#, State::Failed);
        check(r#"{"status": "FAILED"}"#, State::Failed);
        check(r#"{"status": "UNKNOWN"}"#, State::Unknown);
        check(r#"{"status": "MELTED"}"#, State::Unknown);
        check(r#"{"error": {"code": 500}}"#, State::Failed);
        check(r#"{"error": null, "result": {"image_url": "x"}}"#, State::Completed);
        check(r#"{"request_id": "a", "status_url": "x"}"#, State::InProgress);
        check(r#"{}"#, State::Unknown);
    }

    #[test]
    fn what_a_report_says_of_a_picture() {
        let check = |body: &str, expected: ProviderStatus| {
            assert_eq!(Report::parse(body.as_bytes()).unwrap().image_status(), expected, "{body}");
        };
        check(
            r#"{"status": "COMPLETED", "result": {"image_url": "https://cdn.bria.ai/1.png",
                "seed": 7, "structured_prompt": "{\"a\": 1}"}}"#,
            ProviderStatus::Completed {
                image_url: "https://cdn.bria.ai/1.png".into(),
                seed: Some(7),
                structured_prompt: Some("{\"a\": 1}".into()),
            },
        );
        check(
            r#"{"status": "COMPLETED", "result": {"image_url": null}}"#,
            ProviderStatus::Failed { message: "completed without a picture".into() },
        );
        check(
            r#"{"status": "ERROR", "error": {"code": 422, "message": "Content\nmoderation failed"}}"#,
            ProviderStatus::Blocked { message: "Content moderation failed".into() },
        );
        let invalid = |message: &str| ProviderStatus::Invalid { message: message.into() };
        check(
            r#"{"status": "ERROR", "error": {"code": 422, "message": "seed is too large"}}"#,
            invalid("seed is too large"),
        );
        check(
            r#"{"status": "ERROR", "error": {"code": "VALIDATION_ERROR", "message": "no"}}"#,
            invalid("no"),
        );
        check(
            r#"{"status": "FAILED", "error": "out of paint"}"#,
            ProviderStatus::Failed { message: "out of paint".into() },
        );
    }

    #[test]
    fn only_an_object_is_a_report() {
        for body in ["", "<html>", "[]", "null", "\"COMPLETED\"", "{\"status\": "] {
            assert!(Report::parse(body.as_bytes()).is_none(), "{body}");
        }
    }
}
