//! Bria's webhooks: they only trigger a poll, and must be signed with our token.

use clients::Secret;
use domain::{
    Timestamp,
    generation::{
        Failure, FailureCode, GenerationRequest, Job, NewJob, Provider, Status, WebhookRef,
        create_job,
    },
    id::JobId,
};
use expect_test::{Expect, expect};
use runtime::WebhookTokens;
use sandbox::bria::sign;
use serde_json::{Value, json};
use store::{Idempotency, Settled, SourceRef};
use testing::{Actor, Answer, TestApp, TestRequest, at_once};

use crate::webhook_bria::{ENDPOINT, handle};

const TOKEN: &str = "the-token-in-use";
const PREVIOUS: &str = "the-token-before";
const REQUEST: &str = "req_1";

/// A app with one generation of Kim's.
struct Scene {
    app: TestApp,
    kim: Actor,
    job: Job,
}

impl Scene {
    /// Kim's generation has `status`; its id at Bria is [`REQUEST`] once Bria has answered.
    async fn with(status: Status) -> Scene {
        let (app, kim) = (TestApp::new(), Actor::member("kim"));
        let order = GenerationRequest {
            prompt: Some("a red chair".to_owned()),
            ..GenerationRequest::default()
        };
        let names = NewJob {
            id: JobId::new(app.now(), 1),
            provider: Provider::Bria,
            seed: 7,
            webhook_token: "0f".repeat(16),
        };
        let key = Idempotency { key: "k".to_owned(), fingerprint: "f".to_owned() };
        let place = |draft: &mut _, kept| create_job(draft, &order, kept, &names);
        let job = app
            .store
            .enqueue((&kim.id, None), &key, SourceRef::Nothing, app.now(), place)
            .await
            .unwrap();
        let scene = Scene { app, kim, job };
        scene.moved_to(status).await
    }

    async fn moved_to(mut self, status: Status) -> Scene {
        let (store, now) = (self.app.store.clone(), self.app.now());
        if status == Status::Queued {
            return self;
        }
        if status == Status::Cancelled {
            self.job = store.cancel(&self.kim.id, &self.job.id, None, now).await.unwrap();
            return self;
        }
        let submitting = self.job.clone().claim_submit(now);
        assert!(store.advance(&self.job, &submitting).await.unwrap());
        if status == Status::Submitting {
            return Scene { job: submitting, ..self };
        }
        let submitted = submitting.clone().accept(REQUEST, now);
        assert!(store.advance(&submitting, &submitted).await.unwrap());
        if status == Status::Failed {
            let failure = Failure::new(FailureCode::TimedOut, "It took too long.");
            let settled =
                store.settle(&submitted, now, |job, draft| job.fail(draft, failure.clone()));
            let Settled::Now(failed) = settled.await.unwrap() else {
                panic!("no other worker changes the job")
            };
            return Scene { job: *failed, ..self };
        }
        Scene { job: submitted, ..self }
    }

    fn tokens() -> WebhookTokens {
        WebhookTokens(vec![Secret::new(TOKEN), Secret::new(PREVIOUS)])
    }

    /// Delivers a webhook to the URL of Kim's job.
    async fn deliver(&self, notice: &Notice) -> Answer {
        self.deliver_to(&WebhookRef::of(&self.job).to_string(), notice).await
    }

    async fn deliver_to(&self, target: &str, notice: &Notice) -> Answer {
        let ask = notice.ask().query("job", target);
        let capabilities = (self.app.store.clone(), Scene::tokens());
        self.app.send(&ENDPOINT, &handle, &capabilities, &ask).await
    }

    async fn present(&self) -> Job {
        self.app.store.job(&self.kim.id, &self.job.id).await.unwrap()
    }

    /// Asserts that the job did not change.
    async fn assert_untouched(&self) {
        assert_eq!(self.present().await, self.job);
        self.app.assert_credits_balance(&self.kim.id).await;
    }
}

/// A webhook as Bria sends it, with the changes of a test.
#[derive(Clone)]
struct Notice {
    id: String,
    stamp: i64,
    token: &'static str,
    signed: Vec<u8>,
    body: String,
}

impl Notice {
    fn about(request: &str, scene: &Scene) -> Notice {
        let body = json!({
            "status": "COMPLETED", "request_id": request,
            "result": {"image_url": "https://cdn.bria.ai/1.png"},
        });
        Notice::saying(&body.to_string(), request, scene.app.now())
    }

    fn saying(body: &str, id: &str, now: Timestamp) -> Notice {
        let (signed, body) = (body.as_bytes().to_vec(), body.to_owned());
        Notice { id: id.to_owned(), stamp: now.as_secs(), token: TOKEN, signed, body }
    }

    fn signature(&self) -> String {
        sign(self.token, &self.id, u64::try_from(self.stamp).unwrap(), &self.signed)
    }

    fn ask(&self) -> TestRequest {
        TestRequest::anonymous()
            .header("Content-Type", "application/json")
            .header("Bria-Webhook-Id", &self.id)
            .header("Bria-Webhook-Timestamp", self.stamp)
            .header("Bria-Webhook-Signature", self.signature())
            .text(self.body.clone())
    }
}

#[tokio::test]
async fn a_notice_makes_its_job_due_and_moves_no_credit() {
    let scene = Scene::with(Status::Submitted).await;
    let before = scene.app.account(&scene.kim.id).await;
    assert!(scene.job.due_at > Some(scene.app.now()));
    let answer = scene.deliver(&Notice::about(REQUEST, &scene)).await;
    assert_eq!((answer.status(), answer.body.as_str()), (200, r#"{"received":true}"#));
    let job = scene.present().await;
    assert_eq!((job.status, job.due_at), (Status::Submitted, Some(scene.app.now())));
    assert_eq!(scene.app.account(&scene.kim.id).await, before);
    scene.app.assert_credits_balance(&scene.kim.id).await;
}

/// The worker polls Bria for the outcome; the webhook alone ends no job.
#[tokio::test]
async fn what_a_notice_claims_is_not_believed() {
    for claim in ["COMPLETED", "ERROR", "FAILED", "UNKNOWN", "IN_PROGRESS"] {
        let scene = Scene::with(Status::Submitted).await;
        let body = json!({"status": claim, "request_id": REQUEST}).to_string();
        let notice = Notice::saying(&body, REQUEST, scene.app.now());
        assert_eq!(scene.deliver(&notice).await.status(), 200, "{claim}");
        assert_eq!(scene.present().await.status, Status::Submitted, "{claim}");
        scene.app.assert_credits_balance(&scene.kim.id).await;
    }
}

/// It may overtake the answer to the submit, or be the only answer.
#[tokio::test]
async fn an_early_notice_names_the_request() {
    let scene = Scene::with(Status::Submitting).await;
    assert_eq!(scene.job.request_id, None);
    assert_eq!(scene.deliver(&Notice::about(REQUEST, &scene)).await.status(), 200);
    let job = scene.present().await;
    assert_eq!((job.status, job.request_id.as_deref()), (Status::Submitted, Some(REQUEST)));
    assert_eq!((job.due_at, job.lease_until), (Some(scene.app.now()), None));
    // The worker that still waited for the answer finds that the job has changed.
    let late = scene.job.clone().accept(REQUEST, scene.app.now());
    assert!(!scene.app.store.advance(&scene.job, &late).await.unwrap());
    scene.app.assert_credits_balance(&scene.kim.id).await;
}

#[tokio::test]
async fn a_notice_about_what_is_over_changes_nothing() {
    for status in [Status::Failed, Status::Cancelled] {
        let scene = Scene::with(status).await;
        let answer = scene.deliver(&Notice::about(REQUEST, &scene)).await;
        assert_eq!(answer.status(), 200, "{status:?}: Bria need not retry");
        scene.assert_untouched().await;
    }
}

#[tokio::test]
async fn sixteen_copies_at_once_are_one_notice() {
    let scene = Scene::with(Status::Submitting).await;
    let notice = Notice::about(REQUEST, &scene);
    let answers = at_once(16, |_| scene.deliver(&notice));
    assert!(answers.iter().all(|answer| answer.status() == 200 || answer.status() == 503));
    assert!(answers.iter().any(|answer| answer.status() == 200));
    let job = scene.present().await;
    assert_eq!((job.status, job.request_id.as_deref()), (Status::Submitted, Some(REQUEST)));
    scene.app.assert_credits_balance(&scene.kim.id).await;
}

/// During a rotation both tokens are accepted.
#[tokio::test]
async fn the_token_before_still_signs_and_no_other_does() {
    let scene = Scene::with(Status::Submitted).await;
    let notice = Notice::about(REQUEST, &scene);
    let signed = |token| Notice { token, ..notice.clone() };
    let check = async |token, expected: Expect| {
        expected.assert_eq(&scene.deliver(&signed(token)).await.brief());
    };
    check("somebody-else's", expect!["400 webhook_signature_invalid"]).await;
    check("", expect!["400 webhook_signature_invalid"]).await;
    scene.assert_untouched().await;
    check(PREVIOUS, expect!["200"]).await;
}

/// Without Bria there is no token, and no signature is valid.
#[tokio::test]
async fn without_a_token_nothing_is_signed() {
    let scene = Scene::with(Status::Submitted).await;
    let ask = Notice { token: "", ..Notice::about(REQUEST, &scene) }.ask();
    let ask = ask.query("job", WebhookRef::of(&scene.job));
    let capabilities = (scene.app.store.clone(), WebhookTokens(Vec::new()));
    let answer = scene.app.send(&ENDPOINT, &handle, &capabilities, &ask).await;
    expect!["400 webhook_signature_invalid"].assert_eq(&answer.brief());
    scene.assert_untouched().await;
}

#[tokio::test]
async fn an_altered_notice_is_refused() {
    let scene = Scene::with(Status::Submitted).await;
    let genuine = Notice::about(REQUEST, &scene);
    let altered = genuine.body.replace("COMPLETED", "FAILED");
    let spaced = genuine.body.replace(':', ": ");
    for body in [altered, spaced, format!("{}\n", genuine.body), String::new()] {
        let notice = Notice { body, ..genuine.clone() };
        let answer = scene.deliver(&notice).await;
        expect!["400 webhook_signature_invalid"].assert_eq(&answer.brief());
    }
    scene.assert_untouched().await;
}

#[tokio::test]
async fn a_signature_covers_the_id_and_the_time() {
    let scene = Scene::with(Status::Submitted).await;
    let genuine = Notice::about(REQUEST, &scene);
    let check = async |changed: TestRequest, expected: Expect| {
        let ask = changed.query("job", WebhookRef::of(&scene.job));
        let capabilities = (scene.app.store.clone(), Scene::tokens());
        let answer = scene.app.send(&ENDPOINT, &handle, &capabilities, &ask).await;
        expected.assert_eq(&answer.brief());
    };
    let signed = |id: &str, stamp: &str, signature: &str| {
        TestRequest::anonymous()
            .header("Bria-Webhook-Id", id)
            .header("Bria-Webhook-Timestamp", stamp)
            .header("Bria-Webhook-Signature", signature)
            .text(genuine.body.clone())
    };
    let (id, stamp, signature) = (REQUEST, genuine.stamp.to_string(), genuine.signature());
    let later = (genuine.stamp + 1).to_string();
    check(signed("req_2", &stamp, &signature), expect!["400 webhook_signature_invalid"]).await;
    check(signed(id, &later, &signature), expect!["400 webhook_signature_invalid"]).await;
    check(signed(id, "soon", &signature), expect!["400 webhook_header_invalid"]).await;
    check(signed(id, "", &signature), expect!["400 webhook_header_invalid"]).await;
    check(signed(id, &stamp, ""), expect!["400 webhook_header_invalid"]).await;
    let of_another_scheme = signature.replace("v1=", "v2=");
    check(signed(id, &stamp, &of_another_scheme), expect!["400 webhook_signature_invalid"]).await;
    check(
        TestRequest::anonymous().text(genuine.body.clone()),
        expect!["400 webhook_header_invalid"],
    )
    .await;
    scene.assert_untouched().await;
    // The header may have several signatures while Bria rotates its own.
    check(signed(id, &stamp, &format!("v1=AAAA, {signature}")), expect!["200"]).await;
}

/// Bria retries for some 45 minutes, perhaps with the first timestamp; two hours bounds retries and
/// clock skew together.
#[tokio::test]
async fn an_old_notice_is_refused() {
    let scene = Scene::with(Status::Submitted).await;
    let genuine = Notice::about(REQUEST, &scene);
    let check = async |seconds: i64, expected: Expect| {
        let notice = Notice { stamp: genuine.stamp + seconds, ..genuine.clone() };
        expected.assert_eq(&scene.deliver(&notice).await.brief());
    };
    check(-7201, expect!["400 webhook_timestamp_invalid"]).await;
    check(7201, expect!["400 webhook_timestamp_invalid"]).await;
    check(-1_795_000_000, expect!["400 webhook_timestamp_invalid"]).await;
    scene.assert_untouched().await;
    check(-7200, expect!["200"]).await;
    check(7200, expect!["200"]).await;
}

/// A valid signature is not enough: the URL's token and the request id must be those of the job.
#[tokio::test]
async fn a_notice_is_about_one_job() {
    let scene = Scene::with(Status::Submitted).await;
    let notice = Notice::about(REQUEST, &scene);
    let own = WebhookRef::of(&scene.job);
    let wrong_token = WebhookRef { token: "1f".repeat(16), ..own.clone() };
    let other_member = WebhookRef { user_id: Actor::member("ada").id, ..own.clone() };
    let other_job = WebhookRef { job_id: JobId::new(scene.app.now(), 2), ..own };
    let targets = [wrong_token, other_member, other_job].map(|target| target.to_string());
    for target in targets.iter().map(String::as_str).chain(["", "gen_1", "a.b.c", ".."]) {
        let answer = scene.deliver_to(target, &notice).await;
        expect!["404 generation_not_found"].assert_eq(&answer.brief());
    }
    let stranger = scene.deliver(&Notice::about("req_2", &scene)).await;
    expect!["404 generation_not_found"].assert_eq(&stranger.brief());
    scene.assert_untouched().await;
}

#[tokio::test]
async fn a_signed_body_is_still_a_notice_about_the_request_in_the_header() {
    let scene = Scene::with(Status::Submitted).await;
    let now = scene.app.now();
    let other: Value = json!({"status": "COMPLETED", "request_id": "req_2"});
    for body in ["", "[]", "null", "<html>", "{}", &other.to_string()] {
        let answer = scene.deliver(&Notice::saying(body, REQUEST, now)).await;
        expect!["400 webhook_body_invalid"].assert_eq(&answer.brief());
    }
    let huge = "x".repeat(64 * 1024 + 1);
    let answer = scene.deliver(&Notice::saying(&huge, REQUEST, now)).await;
    expect!["413 body_too_large"].assert_eq(&answer.brief());
    scene.assert_untouched().await;
}
