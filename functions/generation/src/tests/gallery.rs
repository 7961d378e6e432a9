//! The gallery: what a list says, its filters, favourites, and deletion.

use std::time::Duration;

use domain::{
    erasure::ErasureSubject,
    generation::{Job, Status},
    plan::Plan,
};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testing::{Actor, Client, ClientRequest, TestApp};

use super::{advanced, bria_app, create::structured, created, get_generation};

const LIST: &str = "/api/v1/generations";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn mark<'a>(client: &Client<'a>, job: &Job, favourite: bool) -> ClientRequest<'a> {
    client.patch(format!("{LIST}/{}", job.id)).json(json!({ "favourite": favourite }))
}

fn delete<'a>(client: &Client<'a>, job: &Job) -> ClientRequest<'a> {
    client.delete(format!("{LIST}/{}", job.id))
}

/// A member with one generation of each status a day, for three days from the 22nd.
async fn member_with_days(app: &TestApp) -> (Client<'_>, Vec<Job>) {
    let kim = app.client(&app.member("kim", Plan::Enterprise, 0).await);
    let mut jobs = Vec::new();
    for _ in 0..3 {
        for status in Status::ALL {
            let job = created(&kim, &format!("chair-{}-{}", jobs.len(), status.into_str())).await;
            jobs.push(advanced(app, job, status).await);
        }
        app.ambient.clock.advance(DAY);
    }
    (kim, jobs)
}

/// Day and status of what a list shows, newest first.
async fn shown(request: ClientRequest<'_>) -> String {
    let page = request.await.json();
    let text = |job: &Value, name: &str| job[name].as_str().unwrap().to_owned();
    let line = |job: &Value| format!("{} {}", &text(job, "created_at")[8..10], text(job, "status"));
    page["items"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_list_can_be_limited_to_statuses_days_and_favourites() {
    let app = bria_app();
    let (kim, jobs) = member_with_days(&app).await;
    let favourite = jobs.iter().rfind(|job| job.status == Status::Succeeded).unwrap();
    assert_eq!(mark(&kim, favourite, true).await.status(), 200);
    let check = async |query: &str, expected: Expect| {
        expected.assert_eq(&shown(kim.get(format!("{LIST}?{query}"))).await);
    };
    check(
        "status=failed,succeeded&from=2026-11-23",
        expect![["24 failed, 24 succeeded, 23 failed, 23 succeeded"]],
    )
    .await;
    check("status=failed&status=cancelled&to=2026-11-22", expect![["22 cancelled, 22 failed"]])
        .await;
    check(
        "from=2026-11-24&to=2026-11-24",
        expect![["24 cancelled, 24 failed, 24 succeeded, 24 submitted, 24 submitting, 24 queued"]],
    )
    .await;
    check("from=2026-11-25", expect![[""]]).await;
    check("from=2026-11-24&to=2026-11-23", expect![[""]]).await;
    check("favourite=true", expect![["24 succeeded"]]).await;
    check("favourite=false&status=succeeded", expect![["23 succeeded, 22 succeeded"]]).await;
    check("status=queued,succeeded&from=2026-11-24", expect![["24 succeeded, 24 queued"]]).await;
    let refused = async |query: &str, expected: Expect| {
        expected.assert_eq(&kim.get(format!("{LIST}?{query}")).await.brief());
    };
    refused("status=failed,done", expect![["422 invalid_request, /status/1 unknown_value"]]).await;
    refused("from=yesterday", expect![["422 invalid_request, /from invalid_value"]]).await;
    refused("favourite=maybe", expect![["422 invalid_request, /favourite wrong_type"]]).await;
}

/// What a gallery shows of each: where it comes from, in words, when, and a thumbnail.
#[tokio::test]
async fn a_list_says_what_was_made_from_what() {
    let app = bria_app();
    let kim = app.client(&app.member("kim", Plan::Enterprise, 0).await);
    let preset = json!({"name": "Chair", "prompt": "a red chair"});
    let preset = kim.post("/api/v1/presets").json(preset).await.json()["id"].clone();
    let made = [
        json!({"prompt": "a vase"}),
        json!({"preset_id": preset, "prompt": "on a beach"}),
        json!({"structured_prompt": structured()}),
    ];
    for (nth, body) in made.into_iter().enumerate() {
        let answer = kim.post(LIST).key(&format!("k{nth}")).json(body).await;
        assert_eq!(answer.status(), 202, "{}", answer.pretty());
    }
    let jobs = app.jobs(&kim.id).await;
    app.ambient.clock.advance(Duration::from_secs(3));
    advanced(&app, jobs.last().unwrap().clone(), Status::Succeeded).await;
    let page = kim.get(LIST).await.json();
    assert_eq!(page["items"][1]["preset_id"], preset);
    let mut lines = String::new();
    for job in page["items"].as_array().unwrap() {
        for name in ["source", "prompt", "created_at", "started_at", "finished_at"] {
            lines += &format!("{name}: {}\n", job[name]);
        }
        lines += &format!("expires_at: {}\n\n", job["image"]["expires_at"]);
    }
    expect![[r#"
        source: "structured_prompt"
        prompt: "A red chair."
        created_at: "2026-11-22T09:00:00.000Z"
        started_at: null
        finished_at: null
        expires_at: null

        source: "preset"
        prompt: "a red chair. on a beach"
        created_at: "2026-11-22T09:00:00.000Z"
        started_at: null
        finished_at: null
        expires_at: null

        source: "prompt"
        prompt: "a vase"
        created_at: "2026-11-22T09:00:00.000Z"
        started_at: "2026-11-22T09:00:03.000Z"
        finished_at: "2026-11-22T09:00:03.000Z"
        expires_at: "2026-11-22T09:10:00.000Z"

    "#]]
    .assert_eq(&lines);
}

#[tokio::test]
async fn an_image_is_marked_and_unmarked() {
    let app = bria_app();
    let (kim, jobs) = member_with_days(&app).await;
    for job in &jobs {
        let marked = mark(&kim, job, true).await;
        match job.status {
            Status::Succeeded => {
                assert_eq!((marked.status(), &marked.json()["favourite"]), (200, &json!(true)));
                assert_eq!(get_generation(&kim, &job.id).await.json(), marked.json());
                let again = mark(&kim, job, true).await;
                assert_eq!(again.json(), marked.json(), "a repeat changes nothing");
                assert_eq!(mark(&kim, job, false).await.json()["favourite"], false);
            }
            Status::Queued
            | Status::Submitting
            | Status::Submitted
            | Status::Failed
            | Status::Cancelled => assert_eq!(marked.brief(), "409 generation_without_image"),
        }
    }
    let (ada, job) = (app.sign_in("ada"), &jobs[3]);
    assert_eq!(mark(&ada, job, true).await.brief(), "404 generation_not_found");
    let nothing = kim.patch(format!("{LIST}/{}", job.id)).json(json!({})).await;
    assert_eq!(nothing.brief(), "422 invalid_request, /favourite missing_field");
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(mark(&kim, job, true).await.brief(), "403 account_suspended");
}

/// The job is gone, an erasure of its files is due, the credit stays spent; a repeat is a 204.
#[tokio::test]
async fn only_what_has_ended_is_deleted() {
    let app = bria_app();
    let (kim, jobs) = member_with_days(&app).await;
    let ledger = app.store.whole_ledger(&kim.id).await.unwrap();
    for job in &jobs {
        let deleted = delete(&kim, job).await.brief();
        if !job.status.is_final() {
            assert_eq!(deleted, "409 generation_not_finished");
            continue;
        }
        assert_eq!([deleted, delete(&kim, job).await.brief()], ["204", "204"]);
        assert_eq!(get_generation(&kim, &job.id).await.brief(), "404 generation_not_found");
    }
    let due = app.store.due_erasures(app.now(), None, 100).await.unwrap().items;
    let erased: Vec<_> = due.into_iter().map(|erasure| erasure.subject).collect();
    let is_due = |job: &&Job| {
        let (user_id, job_id) = (job.user_id.clone(), job.id.clone());
        erased.contains(&ErasureSubject::Generation { user_id, job_id })
    };
    assert_eq!(jobs.iter().filter(is_due).count(), 9);
    assert_eq!(app.store.whole_ledger(&kim.id).await.unwrap(), ledger);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_generation_is_deleted_only_by_its_member() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let job = advanced(&app, job, Status::Succeeded).await;
    for other in [app.sign_in("ada"), app.client(&Actor::admin())] {
        assert_eq!(delete(&other, &job).await.brief(), "204", "there is nothing of theirs");
    }
    assert_eq!(delete(&app.visitor(), &job).await.brief(), "401 unauthenticated");
    let unknown = kim.delete(format!("{LIST}/gen_1")).await;
    assert_eq!(unknown.brief(), "404 generation_not_found");
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(delete(&kim, &job).await.brief(), "403 account_suspended");
    assert_eq!(get_generation(&kim, &job.id).await.status(), 200);
}
