//! The repeated request of each measured function.

use axum::body::Bytes;
use domain::{
    id::{JobId, UserId},
    plan::Plan,
};
use sandbox::{RunningSandbox, stripe};
use serde_json::{Value, json};
use store::Store;

use super::{
    BenchFailed,
    given::{self, SIGNING_SECRET, now},
    market,
    operations::Bench,
};
use crate::engine::Engine;

/// The measured functions: one without dependencies, those that are called most, one that renders,
/// one that is paid through, and the one before all others.
pub(super) const NAMES: [&str; 8] = [
    "edge-get-health",
    "generation-get-generation",
    "generation-create-generation",
    "marketplace-get-listing",
    "marketplace-search-listings",
    "marketplace-preview-listing",
    "edge-webhook-stripe",
    "edge-authorizer",
];
/// Number of requests before memory is read.
const REQUESTS: u32 = 1_000;
/// The same for the function whose requests take less time than the kernel's unit of it.
const HEALTH_REQUESTS: u32 = 5_000;
/// The same for the function that renders a picture per request.
const PICTURES: u32 = 200;
/// Previews from one IP address before the next one is used, below the limit per minute.
const TRIES_OF_ONE: u32 = 50;
/// Generations of one member before the next one is used, below the limit per minute.
const GENERATIONS_OF_ONE: u32 = 250;
/// Listings that are searched. The index of many is measured by `search-bench`.
const LISTINGS: u32 = 100;

/// The repeated request of one function.
pub(super) struct Work {
    /// Number of requests.
    pub(super) requests: u32,
    event: Value,
    answer: Expected,
    repeated: Repeated,
    store: Store,
    /// Number of events so far.
    sent: u32,
}

/// A right response.
enum Expected {
    /// With this status.
    Status(u64),
    /// A policy that lets the caller in.
    Policy,
}

/// What changes between two requests.
enum Repeated {
    /// Nothing.
    Same,
    /// The idempotency key, and from time to time the member. The request creates a job of `member`,
    /// which is then cancelled.
    Key {
        /// The member of the event.
        first: UserId,
        /// The member of this request.
        member: UserId,
    },
    /// The request, so that each picture is rendered; and from time to time the IP address.
    Wish,
    /// The time in the signature.
    Signature,
}

impl Work {
    /// The work of the function `name`, with what it finds in the table.
    pub(super) async fn of(
        name: &str,
        engine: &Engine,
        sandbox: &RunningSandbox,
    ) -> Result<Work, BenchFailed> {
        let bench = Bench::on(engine);
        let mut work = Work {
            requests: REQUESTS,
            event: given::event(name)?,
            answer: Expected::Status(200),
            repeated: Repeated::Same,
            store: bench.store.clone(),
            sent: 0,
        };
        if let Some(authorizer) = work.event.pointer_mut("/requestContext/authorizer") {
            // The plan with the most calls per minute.
            authorizer["plan"] = json!(Plan::Enterprise);
        }
        let creator = UserId::parse("user_creator").expect("an id");
        match name {
            "edge-get-health" => work.requests = HEALTH_REQUESTS,
            "generation-get-generation" => {
                let job = bench.succeeded(&work.member()).await?;
                work.is_for("/api/v1/generations/{}", &job.id);
            }
            "generation-create-generation" => {
                work.answer = Expected::Status(202);
                work.repeated = Repeated::Key { first: work.member(), member: work.member() };
            }
            "marketplace-get-listing" => {
                let id = market::on_show(&bench.store, &creator).await;
                work.is_for("/api/v1/marketplace/listings/{}", &id);
            }
            "marketplace-search-listings" => {
                for number in 0..LISTINGS {
                    let creator = UserId::parse(&format!("{creator}_{number}")).expect("an id");
                    market::on_show(&bench.store, &creator).await;
                }
            }
            "marketplace-preview-listing" => {
                let id = market::on_show(&bench.store, &creator).await;
                work.is_for("/api/v1/marketplace/listings/{}/preview", &id);
                (work.requests, work.repeated) = (PICTURES, Repeated::Wish);
            }
            "edge-webhook-stripe" => {
                work.was_applied(&bench).await?;
                work.repeated = Repeated::Signature;
            }
            "edge-authorizer" => {
                let token = sandbox.token("kim@prolight.test").expect("a token");
                work.set_header("Authorization", &format!("Bearer {token}"));
                work.answer = Expected::Policy;
            }
            other => panic!("{other} has no request"),
        }
        Ok(work)
    }

    /// The member whose request the event is.
    fn member(&self) -> UserId {
        let member = self.event["requestContext"]["authorizer"]["user_id"].as_str();
        UserId::parse(member.unwrap_or_default()).expect("an id")
    }

    fn is_for(&mut self, path: &str, id: &impl ToString) {
        let id = id.to_string();
        self.event["path"] = json!(path.replace("{}", &id));
        self.event["pathParameters"] = json!({ "id": id });
    }

    /// Applies the event of Stripe to its member, so that each request repeats it: two of three
    /// events of a payment tell nothing new.
    async fn was_applied(&self, bench: &Bench) -> Result<(), BenchFailed> {
        let body = self.event["body"].as_str().unwrap_or_default();
        let event: Value = serde_json::from_str(body).expect("an event of Stripe is JSON");
        let member = event["data"]["object"]["metadata"]["user_id"].as_str().unwrap_or_default();
        let order = bench.ordered(&UserId::parse(member).expect("an id")).await?;
        bench.hear_of(&order, event["id"].as_str().unwrap_or_default()).await
    }

    fn set_header(&mut self, name: &str, value: &str) {
        self.event["headers"][name] = json!(value);
        self.event["multiValueHeaders"][name] = json!([value]);
    }

    /// The next event.
    pub(super) fn next_event(&mut self) -> String {
        let number = self.sent;
        self.sent += 1;
        match &mut self.repeated {
            Repeated::Same => {}
            Repeated::Key { first, member } => {
                let name = format!("{first}-{}", number / GENERATIONS_OF_ONE);
                *member = UserId::parse(&name).expect("an id");
                let authorizer = &mut self.event["requestContext"]["authorizer"];
                authorizer["user_id"] = json!(name);
                authorizer["principalId"] = json!(name);
                self.set_header("Idempotency-Key", &format!("bench-{number}"));
            }
            Repeated::Wish => {
                let overrides = json!({ "kelvin": number });
                let body = json!({ "subject": "bust", "overrides": overrides, "size": 384 });
                self.event["body"] = json!(body.to_string());
                let address = format!("203.0.113.{}", number / TRIES_OF_ONE);
                self.event["requestContext"]["identity"]["sourceIp"] = json!(address);
            }
            Repeated::Signature => {
                let body = self.event["body"].as_str().unwrap_or_default();
                let signature = stripe::sign(body.as_bytes(), &[SIGNING_SECRET], now().as_secs());
                self.set_header("Stripe-Signature", &signature);
            }
        }
        self.event.to_string()
    }

    /// Checks a response and returns its body.
    pub(super) fn check(&self, answer: &Bytes) -> Result<Value, String> {
        let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        let is_right = match self.answer {
            Expected::Status(status) => answer["statusCode"].as_u64() == Some(status),
            Expected::Policy => {
                answer["policyDocument"]["Statement"][0]["Effect"] == json!("Allow")
            }
        };
        match is_right {
            true => Ok(serde_json::from_str(answer["body"].as_str().unwrap_or_default())
                .unwrap_or(Value::Null)),
            false => Err(format!("answered {answer}")),
        }
    }

    /// Deletes what the request created, so that the next one finds the same credits and free
    /// slots.
    pub(super) async fn clear(&self, body: &Value) -> Result<(), BenchFailed> {
        let Repeated::Key { member, .. } = &self.repeated else { return Ok(()) };
        let id = JobId::parse(body["id"].as_str().unwrap_or_default()).expect("a job");
        self.store.cancel(member, &id, None, now()).await?;
        Ok(())
    }
}
