//! Waiting for the end of a generation within a request, on a clock that jumps to the next timer.

use std::time::Duration;

use domain::generation::{
    Job, Status,
    waiting::{WAITED_S_A_MINUTE, WAITED_S_A_MINUTE_BY_ALL},
};
use store::Rate;
use testing::{Answer, Client, ClientRequest, TestApp};
use tokio::time::{Instant, sleep};

use super::{advanced, bria_app, created, get_generation, job_of, post_generation};

const SECOND: Duration = Duration::from_secs(1);

/// Sends a request, and says how long the answer took.
async fn timed(request: ClientRequest<'_>) -> (Answer, Duration) {
    let began = Instant::now();
    (request.await, began.elapsed())
}

/// The member's only generation, once it is stored.
async fn only_job(app: &TestApp, member: &Client<'_>) -> Job {
    loop {
        if let Some(job) = app.jobs(&member.id).await.pop() {
            return job;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_for_the_end_and_not_longer() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let reading = timed(get_generation(&kim, &job.id).query("wait", 20));
    let working = async {
        sleep(SECOND * 5).await;
        advanced(&app, job.clone(), Status::Succeeded).await;
    };
    let ((answer, took), ()) = tokio::join!(reading, working);
    assert_eq!((answer.status(), &answer.json()["status"]), (200, &"succeeded".into()));
    assert!(answer.json()["image"]["url"].is_string());
    assert_eq!(answer.header("retry-after"), None);
    assert!((SECOND * 5..SECOND * 6).contains(&took), "{took:?}");

    let (again, took) = timed(get_generation(&kim, &job.id).query("wait", 20)).await;
    assert_eq!((again.json()["status"].as_str(), took), (Some("succeeded"), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_does_not_end_is_shown_as_it_is() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    for (wait, expected) in [(0, Duration::ZERO), (1, SECOND), (20, SECOND * 20)] {
        let (answer, took) = timed(get_generation(&kim, &job.id).query("wait", wait)).await;
        assert_eq!((answer.json()["status"].as_str(), took), (Some("queued"), expected));
        assert_eq!(answer.header("retry-after"), Some("30"));
    }
    for wait in ["21", "-1", "soon"] {
        let refused = get_generation(&kim, &job.id).query("wait", wait).await;
        assert!(refused.brief().starts_with("422 invalid_request, /wait "), "{}", refused.brief());
    }
    let ada = app.sign_in("ada");
    let (answer, took) = timed(get_generation(&ada, &job.id).query("wait", 20)).await;
    assert_eq!((answer.brief().as_str(), took), ("404 generation_not_found", Duration::ZERO));
}

/// A member's seconds in a minute are limited, and those of all members.
#[tokio::test(start_paused = true)]
async fn whoever_may_not_wait_is_answered_at_once() {
    let app = bria_app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let job = created(&kim, "k").await;
    let wait = || timed(get_generation(&kim, &job.id).query("wait", 20));
    for _ in 0..WAITED_S_A_MINUTE / 20 {
        assert_eq!(wait().await.1, SECOND * 20);
    }
    let (answer, took) = wait().await;
    assert_eq!((answer.status(), took), (200, Duration::ZERO));
    app.ambient.clock.advance(SECOND * 60);
    assert_eq!(wait().await.1, SECOND * 20, "a new minute");

    let all = Rate::a_minute(WAITED_S_A_MINUTE_BY_ALL);
    let left = WAITED_S_A_MINUTE_BY_ALL - 20;
    app.store.take_some("wait", left, all, app.now()).await.unwrap().unwrap();
    let theirs = created(&ada, "k").await;
    let (answer, took) = timed(get_generation(&ada, &theirs.id).query("wait", 20)).await;
    assert_eq!((answer.status(), took), (200, Duration::ZERO));
    let preferring = post_generation(&ada, "k2").header("Prefer", "wait=20");
    let (answer, took) = timed(preferring).await;
    assert_eq!((answer.status(), took), (202, Duration::ZERO));
    assert_eq!(answer.header("preference-applied"), None);
}

/// RFC 7240, as Replicate uses it.
#[tokio::test(start_paused = true)]
async fn a_caller_that_prefers_to_wait_gets_the_image() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let posting = timed(post_generation(&kim, "k").header("Prefer", "wait=10"));
    let working = async {
        let job = only_job(&app, &kim).await;
        sleep(SECOND * 2).await;
        advanced(&app, job, Status::Succeeded).await;
    };
    let ((answer, took), ()) = tokio::join!(posting, working);
    assert_eq!((answer.status(), &answer.json()["status"]), (201, &"succeeded".into()));
    assert!(answer.json()["image"]["url"].is_string());
    assert_eq!(answer.header("preference-applied"), Some("wait=10"));
    assert_eq!(answer.header("retry-after"), None);
    assert!(answer.header("location").unwrap().ends_with(answer.json()["id"].as_str().unwrap()));
    assert!((SECOND * 2..SECOND * 3).contains(&took), "{took:?}");

    let (again, took) = timed(post_generation(&kim, "k").header("Prefer", "wait")).await;
    assert_eq!((again.status(), took), (201, Duration::ZERO), "a repeat has ended already");
    assert_eq!(again.json()["id"], answer.json()["id"]);
    let plain = post_generation(&kim, "k").await;
    assert_eq!((plain.status(), plain.header("preference-applied")), (202, None));
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_is_accepted_as_before() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let (answer, took) = timed(post_generation(&kim, "k").header("Prefer", "wait=60")).await;
    assert_eq!((answer.status(), took), (202, SECOND * 20), "at most 20 seconds");
    assert_eq!(answer.header("preference-applied"), Some("wait=20"));
    assert_eq!(answer.header("retry-after"), Some("30"));
    let job = job_of(&kim, &answer).await;
    assert_eq!(job.status, Status::Queued);
    let (_, took) = timed(post_generation(&kim, "k2").header("Prefer", "respond-async")).await;
    assert_eq!(took, Duration::ZERO);
    app.assert_credits_balance(&kim.id).await;
}
