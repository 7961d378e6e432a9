//! Generations, tested with complete requests, from API Gateway's event to the response.

mod cancel;
mod create;
mod credits;
mod follow;
mod gallery;
mod keys;
mod links;
mod listings;
mod lists;
mod presets;
mod structure;
mod waiting;

use std::fmt::Display;

use domain::{
    generation::{Failure, FailureCode, Job, Status},
    image::StoredImage,
};
use serde_json::{Value, json};
use store::Settled;
use testing::{Answer, Client, ClientRequest, TestApp};

/// The functions of this crate, where Bria makes the images.
fn bria_app() -> TestApp {
    let mut app = TestApp::serving(&[crate::functions]);
    app.set("IMAGE_PROVIDER", "bria");
    app
}

/// The request of a simple generation.
fn post_generation<'a>(member: &Client<'a>, key: &str) -> ClientRequest<'a> {
    member.post("/api/v1/generations").key(key).json(json!({"prompt": "a red chair"}))
}

fn get_generation<'a>(client: &Client<'a>, id: impl Display) -> ClientRequest<'a> {
    client.get(format!("/api/v1/generations/{id}"))
}

fn cancel_generation<'a>(client: &Client<'a>, id: impl Display) -> ClientRequest<'a> {
    client.post(format!("/api/v1/generations/{id}/cancel"))
}

/// An accepted generation, read from the table.
async fn created(member: &Client<'_>, key: &str) -> Job {
    let answer = post_generation(member, key).await;
    assert_eq!(answer.status(), 202, "{}", answer.pretty());
    job_of(member, &answer).await
}

/// The job an answer is about.
async fn job_of(member: &Client<'_>, answer: &Answer) -> Job {
    let id = serde_json::from_value(answer.json()["id"].clone()).unwrap();
    member.app().store.job(&member.id, &id).await.unwrap()
}

/// Advances a queued job to `status`, by the steps of a worker.
async fn advanced(app: &TestApp, job: Job, status: Status) -> Job {
    let (store, now) = (&app.store, app.now());
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
            let image = stored_image(&present);
            store.settle(&present, now, |job, update| job.succeed(update, image.clone())).await
        }
        Status::Failed => {
            store.settle(&present, now, |job, update| job.fail(update, blocked())).await
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

fn stored_image(job: &Job) -> StoredImage {
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
