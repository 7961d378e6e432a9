//! The log of vendor requests and answers, as JSON lines: input of `infra/conformance`, which
//! checks both against the vendors' own packages.
//!
//! Each sandbox has its own file, so parallel sandboxes share nothing. Every API request is a line;
//! it includes the answer unless one of the same shape was written before. A file ends at
//! [`BYTES_MAX`] with a line that says so. Credentials are omitted.

use std::{
    collections::{HashSet, hash_map::DefaultHasher},
    fs::{self, OpenOptions},
    hash::{Hash, Hasher},
    io::{self, Write},
    path::PathBuf,
    sync::Mutex,
};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, header, request},
    response::Response,
};
use serde_json::{Value, json};

use crate::{
    app_state::locked,
    route::{Route, Vendor},
};

/// Most bytes of one file.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most bytes of an answer that are read; a page of a hundred invoices has about 600 KB.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The log of one sandbox.
#[derive(Debug)]
pub(crate) struct Log {
    folder: Option<PathBuf>,
    name: String,
    seen: Mutex<HashSet<u64>>,
}

/// The logged part of an API request.
#[derive(Debug)]
pub(crate) struct Asked(Value);

impl Log {
    /// A log in `folder`, or a disabled one.
    pub(crate) fn open(folder: Option<PathBuf>) -> Log {
        let name = format!("{}-{:016x}.jsonl", std::process::id(), rand::random::<u64>());
        Log { folder, name, seen: Mutex::default() }
    }

    /// The log line of a request; `None` for pages and anything else outside an API.
    pub(crate) fn asked(
        &self,
        parts: &request::Parts,
        route: Option<Route>,
        body: &[u8],
    ) -> Option<Asked> {
        self.folder.as_ref()?;
        let route = route?;
        if matches!(route, Route::StripePages | Route::Result | Route::Elsewhere) {
            return None;
        }
        let vendor = match route.vendor() {
            Vendor::Issuer => return None,
            Vendor::Bria => "bria",
            Vendor::Stripe => "stripe",
        };
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Some(Asked(json!({
            "vendor": vendor,
            "method": parts.method.as_str(),
            "path": parts.uri.path(),
            "query": parts.uri.query().unwrap_or_default(),
            "content_type": text("content-type"),
            "body": String::from_utf8_lossy(body),
            "version": text("stripe-version"),
            "account": text("stripe-account").is_some(),
            "key": text("idempotency-key").is_some(),
        })))
    }

    /// Logs a request with its genuine answer.
    pub(crate) async fn answered(&self, asked: Asked, response: Response) -> Response {
        let (parts, body) = response.into_parts();
        if !is_json(&parts.headers) {
            self.write(asked, parts.status.as_u16(), None);
            return Response::from_parts(parts, body);
        }
        let Ok(bytes) = to_bytes(body, ANSWER_BYTES_MAX).await else {
            tracing::error!("answer too large for the vendor log, replaced by an empty one");
            return Response::from_parts(parts, Body::empty());
        };
        self.write(asked, parts.status.as_u16(), serde_json::from_slice(&bytes).ok());
        Response::from_parts(parts, Body::from(bytes))
    }

    /// Logs a request whose answer a fault replaced.
    pub(crate) fn faulted(&self, asked: Asked) {
        self.write(asked, 0, None);
    }

    fn write(&self, Asked(mut line): Asked, status: u16, answer: Option<Value>) {
        let Some(folder) = &self.folder else { return };
        let path = folder.join(&self.name);
        let mut seen = locked(&self.seen);
        let size = fs::metadata(&path).map_or(0, |file| file.len());
        if size == 0 {
            // A new file, or one that was moved away: all its answers are new.
            seen.clear();
        }
        if BYTES_MAX <= size {
            return;
        }
        line["status"] = status.into();
        if let Some(answer) = answer
            && seen.insert(shape_of(&line, &answer))
        {
            line["answer"] = answer;
        }
        let mut text = line.to_string();
        if BYTES_MAX <= size + text.len() as u64 {
            text = json!({ "full": true }).to_string();
        }
        text.push('\n');
        if let Err(error) = append(&path, &text) {
            tracing::error!(%error, path = %path.display(), "vendor log not written, line lost");
        }
    }
}

fn append(path: &std::path::Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    kind.is_some_and(|kind| kind.starts_with(b"application/json"))
}

/// Hash of an answer's shape: its fields, their types and short words, which may be values of an
/// enumeration. Ids, amounts and times do not count.
fn shape_of(line: &Value, answer: &Value) -> u64 {
    let path = line["path"].as_str().unwrap_or_default();
    let steps = path.split('/').map(|step| if is_word(step) { step } else { "{}" });
    let mut hasher = DefaultHasher::new();
    (line["method"].as_str(), line["status"].as_u64(), steps.collect::<Vec<_>>()).hash(&mut hasher);
    hash_into(answer, &mut hasher);
    hasher.finish()
}

fn hash_into(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(hasher),
        Value::Bool(_) => 1_u8.hash(hasher),
        Value::Number(number) => (2_u8, number.is_f64()).hash(hasher),
        Value::String(text) => (3_u8, Some(text).filter(|text| is_word(text))).hash(hasher),
        Value::Array(items) => {
            let shapes: HashSet<u64> = items.iter().map(shape).collect();
            let mut shapes: Vec<u64> = shapes.into_iter().collect();
            shapes.sort_unstable();
            shapes.hash(hasher);
        }
        Value::Object(members) => {
            for (name, inner) in members {
                name.hash(hasher);
                hash_into(inner, hasher);
            }
        }
    }
}

fn shape(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_into(value, &mut hasher);
    hasher.finish()
}

/// Whether it is a word such as `past_due` or `v1`, not an id.
fn is_word(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || matches!(b, b'_' | b'.');
    matches!(text, "v1" | "v2") || (text.len() <= 40 && text.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn asked(log: &Log, path: &str) -> Option<Asked> {
        let request = Request::get(path).header("authorization", "Bearer sk_test_secret");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        log.asked(&parts, Route::of(&parts.method, parts.uri.path()), b"")
    }

    fn lines(log: &Log) -> Vec<Value> {
        let text = fs::read_to_string(log.folder.as_ref().unwrap().join(&log.name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[tokio::test]
    async fn every_request_is_a_line_and_every_shape_of_an_answer_stands_once() {
        let folder = std::env::temp_dir().join(format!("log-{:016x}", rand::random::<u64>()));
        let log = Log::open(Some(folder.clone()));
        for (path, answer) in [
            ("/stripe/v1/refunds/re_1?expand[0]=charge", json!({ "id": "re_1", "status": "a" })),
            ("/stripe/v1/refunds/re_2", json!({ "id": "re_2", "status": "a" })),
            ("/stripe/v1/refunds/re_2", json!({ "id": "re_2", "status": "b" })),
        ] {
            let response = axum::response::IntoResponse::into_response(axum::Json(answer.clone()));
            let given = log.answered(asked(&log, path).unwrap(), response).await;
            let body = to_bytes(given.into_body(), 1000).await.unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), answer, "handed on");
        }
        log.faulted(asked(&log, "/stripe/v1/refunds").unwrap());
        let lines = lines(&log);
        assert_eq!(lines[0]["query"], "expand[0]=charge");
        let answers: Vec<&Value> = lines.iter().map(|line| &line["answer"]["status"]).collect();
        assert_eq!(answers, [&json!("a"), &Value::Null, &json!("b"), &Value::Null]);
        assert_eq!(lines[3]["status"], 0);
        assert!(!lines.iter().any(|line| line.to_string().contains("sk_test_secret")));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn pages_and_tokens_are_not_in_it() {
        let log = Log::open(Some(PathBuf::from("/nowhere")));
        for path in ["/stripe/pay/cs_1", "/jwks.json", "/bria/results/1.png", "/billing"] {
            assert!(asked(&log, path).is_none(), "{path}");
        }
        assert!(asked(&log, "/bria/v2/status/1").is_some());
        assert!(asked(&Log::open(None), "/bria/v2/status/1").is_none(), "no folder, no log");
    }
}
