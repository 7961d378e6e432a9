//! A member with a token, and the frontend's calls for them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use demo::api::{Answer, Api, fresh_key};
use domain::credits::{Credits, LedgerEntry, Totals};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::sleep;

/// Longest wait for anything: the machine may be small and busy.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(200);
/// Path of the generations.
pub(crate) const GENERATIONS: &str = "/api/v1/generations";

/// A signed-in member.
#[derive(Debug, Clone)]
pub(crate) struct Member(pub(crate) Api);

impl Member {
    /// A new member.
    pub(crate) async fn new() -> Member {
        Member(Api::of_new_member().await.unwrap())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.0.request(method, path)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// Posts with an unused idempotency key.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_under(&fresh_key(), path, body).await
    }

    pub(crate) async fn post_under(&self, key: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path);
        answer(request.header("Idempotency-Key", key).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    /// Orders an image; asserts that it is accepted.
    pub(crate) async fn order(&self, order: &Value) -> Value {
        self.post(GENERATIONS, order).await.ok(202)
    }

    /// Polls a job until it ends.
    pub(crate) async fn follow(&self, job: &Value) -> Value {
        let link = text(&job["links"]["self"]).to_owned();
        until(&link, async || {
            let job = self.get(&link).await.ok(200);
            matches!(text(&job["status"]), "succeeded" | "failed" | "cancelled").then_some(job)
        })
        .await
    }

    /// Orders an image and waits for it.
    pub(crate) async fn make(&self, order: &Value) -> Value {
        let job = self.follow(&self.order(order).await).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        job
    }

    /// The balance, its totals and one ledger entry.
    pub(crate) async fn credits(&self) -> Value {
        self.get("/api/v1/billing/credits?limit=1").await.ok(200)
    }

    /// Every item of a list, in pages of three; asserts that none repeats.
    pub(crate) async fn whole_list(&self, path: &str, list: fn(&Value) -> &Value) -> Vec<Value> {
        let (mut items, mut seen, mut cursor) = (Vec::new(), BTreeSet::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{cursor}")).await.ok(200);
            let page = list(&page);
            for item in page["items"].as_array().unwrap() {
                assert!(seen.insert(item.to_string()), "twice in {path}: {item}");
                items.push(item.clone());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Checks the invariants: the ledger folds to the balance, held credits belong to open jobs,
    /// and a credit is spent if and only if there is an image.
    pub(crate) async fn check_books(&self) {
        let credits = self.credits().await;
        let totals: Totals = serde_json::from_value(credits["totals"].clone()).unwrap();
        let path = "/api/v1/billing/credits?limit=5";
        let mut lines = self.whole_list(path, |credits| &credits["ledger"]).await;
        lines.reverse();
        let lines: Vec<LedgerEntry> =
            lines.into_iter().map(|line| serde_json::from_value(line).unwrap()).collect();
        assert_eq!(Credits::fold(&lines).unwrap().totals(), totals, "{lines:?}");
        let jobs = self.whole_list(&format!("{GENERATIONS}?limit=5"), |page| page).await;
        let in_state = |state: &str| {
            let charged = jobs.iter().filter(|job| job["charge"]["status"] == state);
            u32::try_from(charged.count()).unwrap()
        };
        assert_eq!((totals.held, totals.spent), (in_state("held"), in_state("captured")));
        for job in &jobs {
            assert_eq!(job["charge"]["status"] == "captured", job["image"].is_object(), "{job}");
        }
    }
}

/// The response to a request, with any status.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    Answer::to(request).await.unwrap()
}

/// Polls until `look` returns a value.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        sleep(PAUSE).await;
    }
}

/// A small picture, rendered fast.
pub(crate) fn quick(prompt: &str) -> Value {
    json!({ "prompt": prompt, "quality": "lite" })
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
