//! Generations, tested with complete requests, from API Gateway's event to the response.

mod cancel;
mod create;
mod credits;
mod follow;
mod keys;
mod listings;
mod lists;
mod presets;
mod structure;

use domain::{
    generation::{Failure, FailureCode, Job, Provider, Status},
    id::UserId,
    image::StoredImage,
};
use serde_json::{Value, json};
use store::Settled;
use testing::{Actor, Answer, TestApp, TestRequest};

use crate::{
    cancel_generation, create_generation, create_preset, delete_preset, get_generation,
    list_generations, list_presets, structure_prompt,
};

/// An app, and the functions of this crate over it.
#[derive(Debug)]
struct Studio {
    app: TestApp,
}

impl Studio {
    fn open() -> Studio {
        Studio { app: TestApp::serving(&[crate::functions]) }
    }

    async fn create(&self, ask: &TestRequest) -> Answer {
        self.app.send(&create_generation::ENDPOINT, ask).await
    }

    async fn get(&self, ask: &TestRequest) -> Answer {
        self.app.send(&get_generation::ENDPOINT, ask).await
    }

    async fn list(&self, ask: &TestRequest) -> Answer {
        self.app.send(&list_generations::ENDPOINT, ask).await
    }

    async fn cancel(&self, ask: &TestRequest) -> Answer {
        self.app.send(&cancel_generation::ENDPOINT, ask).await
    }

    async fn structure(&self, ask: &TestRequest) -> Answer {
        self.app.send(&structure_prompt::ENDPOINT, ask).await
    }

    async fn create_preset(&self, ask: &TestRequest) -> Answer {
        self.app.send(&create_preset::ENDPOINT, ask).await
    }

    async fn list_presets(&self, ask: &TestRequest) -> Answer {
        self.app.send(&list_presets::ENDPOINT, ask).await
    }

    async fn delete_preset(&self, ask: &TestRequest) -> Answer {
        self.app.send(&delete_preset::ENDPOINT, ask).await
    }

    /// An accepted generation, read from the table.
    async fn created(&self, actor: &Actor, key: &str) -> Job {
        let answer = self.create(&order(actor, key)).await;
        assert_eq!(answer.status(), 202, "{}", answer.pretty());
        self.job(&actor.id, &answer).await
    }

    /// The job an answer is about.
    async fn job(&self, user: &UserId, answer: &Answer) -> Job {
        let id = serde_json::from_value(answer.json()["id"].clone()).unwrap();
        self.app.store.job(user, &id).await.unwrap()
    }

    /// Advances a queued job to `status`, by the steps of a worker.
    async fn moved(&self, job: Job, status: Status) -> Job {
        let (store, now) = (&self.app.store, self.app.now());
        let submitting = job.clone().claim_submit(now);
        let submitted = submitting.clone().accept("req_1", now);
        let steps = match status {
            Status::Queued | Status::Cancelled => vec![],
            Status::Submitting => vec![submitting],
            Status::Submitted | Status::Succeeded | Status::Failed => vec![submitting, submitted],
        };
        let mut present = job;
        for next in steps {
            assert!(store.advance(&present, &next).await.unwrap());
            present = next;
        }
        let settled = match status {
            Status::Queued | Status::Submitting | Status::Submitted => return present,
            Status::Succeeded => {
                let image = stored(&present);
                store.settle(&present, now, |job, draft| job.succeed(draft, image.clone())).await
            }
            Status::Failed => {
                store.settle(&present, now, |job, draft| job.fail(draft, blocked())).await
            }
            Status::Cancelled => {
                return store.cancel(&present.user_id, &present.id, None, now).await.unwrap();
            }
        };
        match settled.unwrap() {
            Settled::Now(job) => *job,
            Settled::Elsewhere => panic!("no other worker changes the job"),
        }
    }
}

fn stored(job: &Job) -> StoredImage {
    let folder = format!("generations/{}/{}", job.user_id, job.id);
    StoredImage {
        key: format!("{folder}/original.png"),
        thumbnail_key: format!("{folder}/thumbnail.jpg"),
        sha256: "5e".repeat(32),
        width: 1024,
        height: 1024,
    }
}

fn blocked() -> Failure {
    Failure::new(FailureCode::ContentBlocked, "The prompt was not accepted by moderation.")
}

/// A post of the simplest generation.
fn order(actor: &Actor, key: &str) -> TestRequest {
    TestRequest::by(actor).key(key).json(json!({"prompt": "a red chair"}))
}

/// A rig of three lights, as a frontend sends it.
fn three_lights() -> Value {
    json!({
        "lights": [
            {"role": "key", "azimuth": -45, "elevation": 35, "colour": 5200},
            {"role": "fill", "intensity": -2},
            {"role": "rim", "azimuth": 150, "colour": 7000},
        ],
        "backdrop": {"colour": "charcoal"},
    })
}

/// `value` with one member replaced, at a JSON pointer whose parent exists.
fn with(mut value: Value, pointer: &str, member: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap();
    match parent.as_array_mut() {
        Some(list) => list[key.parse::<usize>().unwrap()] = member,
        None => parent[key] = member,
    }
    value
}
