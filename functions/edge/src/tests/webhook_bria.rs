//! Bria's webhooks: they only trigger a poll, and must be signed with our token.

use domain::{
    Timestamp,
    generation::{
        Failure, FailureCode, GenerationRequest, Job, NewJob, Provider, Status, WebhookRef,
        create_job,
    },
    id::JobId,
};
use expect_test::{Expect, expect};
use sandbox::bria::sign;
use serde_json::{Value, json};
use store::{Idempotency, Settled, SourceRef};
use testing::{Actor, Answer, ClientRequest, TestApp, at_once};

const TOKEN: &str = "the-token-in-use";
const PREVIOUS: &str = "the-token-before";
const REQUEST: &str = "req_1";

/// An app with one generation of Kim's.
struct GenerationApp {
    app: TestApp,
    kim: Actor,
    job: Job,
}

impl GenerationApp {
    /// Kim's generation has `status`; its id at Bria is [`REQUEST`] once Bria has answered.
    async fn with(status: Status) -> GenerationApp {
        let mut app = TestApp::serving(&[crate::functions]);
        let tokens = json!({"api_token": TOKEN, "previous_api_token": PREVIOUS});
        app.set_secret("BRIA_SECRET_ARN", &tokens);
        let kim = Actor::member("kim");
        let request = GenerationRequest {
            prompt: Some("a red chair".to_owned()),
            ..GenerationRequest::default()
        };
        let new_job = NewJob {
            id: JobId::new(app.now(), 1),
            provider: Provider::Bria,
            seed: 7,
            webhook_token: "0f".repeat(16),
        };
        let key = Idempotency::new("k".to_owned(), "f".to_owned());
        let create = |account: &mut _, source| create_job(account, &request, source, &new_job);
        let job = app
            .store
            .enqueue((&kim.id, None), &key, SourceRef::Nothing, app.now(), create)
            .await
            .unwrap();
        GenerationApp { app, kim, job }.advanced(status).await
    }

    async fn advanced(mut self, status: Status) -> GenerationApp {
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
            return GenerationApp { job: submitting, ..self };
        }
        let submitted = submitting.clone().accept(REQUEST, now);
        assert!(store.advance(&submitting, &submitted).await.unwrap());
        if status == Status::Failed {
            let failure = Failure::new(FailureCode::TimedOut, "It took too long.");
            let settled =
                store.settle(&submitted, now, |job, update| job.fail(update, failure.clone()));
            let Settled::Now(failed) = settled.await.unwrap() else {
                panic!("no other worker changes the job")
            };
            return GenerationApp { job: *failed, ..self };
        }
        GenerationApp { job: submitted, ..self }
    }

    /// Delivers a webhook to the URL of Kim's job.
    async fn deliver(&self, webhook: &Webhook) -> Answer {
        self.deliver_to(&WebhookRef::of(&self.job).to_string(), webhook).await
    }

    async fn deliver_to(&self, target: &str, webhook: &Webhook) -> Answer {
        self.unsigned(target)
            .header("Content-Type", "application/json")
            .header("Bria-Webhook-Id", &webhook.id)
            .header("Bria-Webhook-Timestamp", webhook.stamp)
            .header("Bria-Webhook-Signature", webhook.signature())
            .text(webhook.body.clone())
            .await
    }

    /// A webhook without headers and body.
    fn unsigned(&self, target: &str) -> ClientRequest<'_> {
        self.app.visitor().post("/webhooks/bria").query("job", target)
    }

    async fn stored_job(&self) -> Job {
        self.app.store.job(&self.kim.id, &self.job.id).await.unwrap()
    }

    async fn assert_unchanged(&self) {
        assert_eq!(self.stored_job().await, self.job);
        self.app.assert_credits_balance(&self.kim.id).await;
    }
}

/// A webhook as Bria sends it, with the changes of a test.
#[derive(Clone)]
struct Webhook {
    id: String,
    stamp: i64,
    token: &'static str,
    signed: Vec<u8>,
    body: String,
}

impl Webhook {
    fn about(request: &str, bria: &GenerationApp) -> Webhook {
        let body = json!({
            "status": "COMPLETED", "request_id": request,
            "result": {"image_url": "https://cdn.bria.ai/1.png"},
        });
        Webhook::with_body(&body.to_string(), request, bria.app.now())
    }

    fn with_body(body: &str, id: &str, now: Timestamp) -> Webhook {
        let (signed, body) = (body.as_bytes().to_vec(), body.to_owned());
        Webhook { id: id.to_owned(), stamp: now.as_secs(), token: TOKEN, signed, body }
    }

    fn signature(&self) -> String {
        sign(self.token, &self.id, u64::try_from(self.stamp).unwrap(), &self.signed)
    }
}

#[tokio::test]
async fn a_webhook_makes_its_job_due_and_moves_no_credit() {
    let bria = GenerationApp::with(Status::Submitted).await;
    let before = bria.app.account(&bria.kim.id).await;
    assert!(bria.job.due_at > Some(bria.app.now()));
    let answer = bria.deliver(&Webhook::about(REQUEST, &bria)).await;
    assert_eq!((answer.status(), answer.body.as_str()), (200, r#"{"received":true}"#));
    let job = bria.stored_job().await;
    assert_eq!((job.status, job.due_at), (Status::Submitted, Some(bria.app.now())));
    assert_eq!(bria.app.account(&bria.kim.id).await, before);
    bria.app.assert_credits_balance(&bria.kim.id).await;
}

/// The worker polls Bria for the outcome; the webhook alone ends no job.
#[tokio::test]
async fn the_status_in_a_webhook_is_not_trusted() {
    for claim in ["COMPLETED", "ERROR", "FAILED", "UNKNOWN", "IN_PROGRESS"] {
        let bria = GenerationApp::with(Status::Submitted).await;
        let body = json!({"status": claim, "request_id": REQUEST}).to_string();
        let webhook = Webhook::with_body(&body, REQUEST, bria.app.now());
        assert_eq!(bria.deliver(&webhook).await.status(), 200, "{claim}");
        assert_eq!(bria.stored_job().await.status, Status::Submitted, "{claim}");
        bria.app.assert_credits_balance(&bria.kim.id).await;
    }
}

/// It may overtake the answer to the submit, or be the only answer.
#[tokio::test]
async fn an_early_webhook_names_the_request() {
    let bria = GenerationApp::with(Status::Submitting).await;
    assert_eq!(bria.job.request_id, None);
    assert_eq!(bria.deliver(&Webhook::about(REQUEST, &bria)).await.status(), 200);
    let job = bria.stored_job().await;
    assert_eq!((job.status, job.request_id.as_deref()), (Status::Submitted, Some(REQUEST)));
    assert_eq!((job.due_at, job.lease_until), (Some(bria.app.now()), None));
    // The worker that still waited for the answer finds that the job has changed.
    let late = bria.job.clone().accept(REQUEST, bria.app.now());
    assert!(!bria.app.store.advance(&bria.job, &late).await.unwrap());
    bria.app.assert_credits_balance(&bria.kim.id).await;
}

#[tokio::test]
async fn a_webhook_for_a_finished_job_changes_nothing() {
    for status in [Status::Failed, Status::Cancelled] {
        let bria = GenerationApp::with(status).await;
        let answer = bria.deliver(&Webhook::about(REQUEST, &bria)).await;
        assert_eq!(answer.status(), 200, "{status:?}: Bria need not retry");
        bria.assert_unchanged().await;
    }
}

#[tokio::test]
async fn sixteen_concurrent_copies_have_the_effect_of_one() {
    let bria = GenerationApp::with(Status::Submitting).await;
    let webhook = Webhook::about(REQUEST, &bria);
    let answers = at_once(16, |_| bria.deliver(&webhook));
    assert!(answers.iter().all(|answer| answer.status() == 200 || answer.status() == 503));
    assert!(answers.iter().any(|answer| answer.status() == 200));
    let job = bria.stored_job().await;
    assert_eq!((job.status, job.request_id.as_deref()), (Status::Submitted, Some(REQUEST)));
    bria.app.assert_credits_balance(&bria.kim.id).await;
}

/// During a rotation both tokens are accepted.
#[tokio::test]
async fn the_previous_token_still_signs_and_no_other_does() {
    let bria = GenerationApp::with(Status::Submitted).await;
    let webhook = Webhook::about(REQUEST, &bria);
    let signed = |token| Webhook { token, ..webhook.clone() };
    let check = async |token, expected: Expect| {
        expected.assert_eq(&bria.deliver(&signed(token)).await.brief());
    };
    check("somebody-else's", expect!["400 webhook_signature_invalid"]).await;
    check("", expect!["400 webhook_signature_invalid"]).await;
    bria.assert_unchanged().await;
    check(PREVIOUS, expect!["200"]).await;
}

/// Without Bria there is no token, and no signature is valid.
#[tokio::test]
async fn without_a_token_no_signature_is_valid() {
    let mut bria = GenerationApp::with(Status::Submitted).await;
    bria.app.set("BRIA_SECRET_ARN", "");
    let webhook = Webhook { token: "", ..Webhook::about(REQUEST, &bria) };
    let answer = bria.deliver(&webhook).await;
    expect!["400 webhook_signature_invalid"].assert_eq(&answer.brief());
    bria.assert_unchanged().await;
}

#[tokio::test]
async fn an_altered_webhook_is_refused() {
    let bria = GenerationApp::with(Status::Submitted).await;
    let genuine = Webhook::about(REQUEST, &bria);
    let altered = genuine.body.replace("COMPLETED", "FAILED");
    let spaced = genuine.body.replace(':', ": ");
    for body in [altered, spaced, format!("{}\n", genuine.body), String::new()] {
        let webhook = Webhook { body, ..genuine.clone() };
        let answer = bria.deliver(&webhook).await;
        expect!["400 webhook_signature_invalid"].assert_eq(&answer.brief());
    }
    bria.assert_unchanged().await;
}

#[tokio::test]
async fn a_signature_covers_the_id_and_the_time() {
    let bria = GenerationApp::with(Status::Submitted).await;
    let genuine = Webhook::about(REQUEST, &bria);
    let target = WebhookRef::of(&bria.job).to_string();
    let check = async |request: ClientRequest<'_>, expected: Expect| {
        expected.assert_eq(&request.await.brief());
    };
    let signed = |id: &str, stamp: &str, signature: &str| {
        bria.unsigned(&target)
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
    check(bria.unsigned(&target).text(genuine.body.clone()), expect!["400 webhook_header_invalid"])
        .await;
    bria.assert_unchanged().await;
    // The header may have several signatures while Bria rotates its own.
    check(signed(id, &stamp, &format!("v1=AAAA, {signature}")), expect!["200"]).await;
}

/// Bria retries for some 45 minutes, perhaps with the first timestamp; two hours bounds retries and
/// clock skew together.
#[tokio::test]
async fn an_old_webhook_is_refused() {
    let bria = GenerationApp::with(Status::Submitted).await;
    let genuine = Webhook::about(REQUEST, &bria);
    let check = async |seconds: i64, expected: Expect| {
        let webhook = Webhook { stamp: genuine.stamp + seconds, ..genuine.clone() };
        expected.assert_eq(&bria.deliver(&webhook).await.brief());
    };
    check(-7201, expect!["400 webhook_timestamp_invalid"]).await;
    check(7201, expect!["400 webhook_timestamp_invalid"]).await;
    check(-1_795_000_000, expect!["400 webhook_timestamp_invalid"]).await;
    bria.assert_unchanged().await;
    check(-7200, expect!["200"]).await;
    check(7200, expect!["200"]).await;
}

/// A valid signature is not enough: the URL's token and the request id must be those of the job.
#[tokio::test]
async fn a_webhook_is_about_one_job() {
    let bria = GenerationApp::with(Status::Submitted).await;
    let webhook = Webhook::about(REQUEST, &bria);
    let own = WebhookRef::of(&bria.job);
    let wrong_token = WebhookRef { token: "1f".repeat(16), ..own.clone() };
    let other_member = WebhookRef { user_id: Actor::member("ada").id, ..own.clone() };
    let other_job = WebhookRef { job_id: JobId::new(bria.app.now(), 2), ..own };
    let targets = [wrong_token, other_member, other_job].map(|target| target.to_string());
    for target in targets.iter().map(String::as_str).chain(["", "gen_1", "a.b.c", ".."]) {
        let answer = bria.deliver_to(target, &webhook).await;
        expect!["404 generation_not_found"].assert_eq(&answer.brief());
    }
    let stranger = bria.deliver(&Webhook::about("req_2", &bria)).await;
    expect!["404 generation_not_found"].assert_eq(&stranger.brief());
    bria.assert_unchanged().await;
}

#[tokio::test]
async fn a_webhook_names_its_job() {
    let bria = GenerationApp::with(Status::Submitted).await;
    let answer = bria.app.visitor().post("/webhooks/bria").await;
    expect!["422 invalid_request, /job missing_field"].assert_eq(&answer.brief());
    bria.assert_unchanged().await;
}

#[tokio::test]
async fn a_signed_body_must_be_about_the_request_in_the_header() {
    let bria = GenerationApp::with(Status::Submitted).await;
    let now = bria.app.now();
    let other: Value = json!({"status": "COMPLETED", "request_id": "req_2"});
    for body in ["", "[]", "null", "<html>", "{}", &other.to_string()] {
        let answer = bria.deliver(&Webhook::with_body(body, REQUEST, now)).await;
        expect!["400 webhook_body_invalid"].assert_eq(&answer.brief());
    }
    let huge = "x".repeat(64 * 1024 + 1);
    let answer = bria.deliver(&Webhook::with_body(&huge, REQUEST, now)).await;
    expect!["413 body_too_large"].assert_eq(&answer.brief());
    bria.assert_unchanged().await;
}
