//! The clients against the sandbox, which enforces the vendors' contracts.

use std::time::Duration;

use axum::{Router, body::Bytes, http::HeaderMap};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Timestamp, account::Role, camera::AspectRatio, fibo::StructuredPrompt, generation::Quality,
};
use media::{Picture, picture::PictureError};
use sandbox::{
    Config, RunningSandbox, Sandbox,
    faults::{AnswerFault, Fault, Order, OutcomeFault, PictureFault, WebhookFault},
    openid::Flaw,
    request_log::Filter,
    route::Route,
};

use crate::{
    Bria, Http, ImageFetcher, Issuer, Secret,
    bria::{
        ProviderStatus, RequestId, SubmitError, SubmitRequest,
        webhook::{self, TIMESTAMP_HEADER, WebhookError},
    },
    fetch::FetchError,
    loopback,
    oidc::{OidcConfig, TokenError, TrustedKeys},
};

struct Visit {
    sandbox: RunningSandbox,
    bria: Bria,
    fetcher: ImageFetcher,
}

impl Visit {
    async fn begin() -> Visit {
        let settings = sandbox::bria::Settings {
            completes_after_ms: 30,
            calls_per_minute: 10_000,
            ..sandbox::bria::Settings::default()
        };
        let config = Config { bria: settings, ..Config::default() }.logged();
        let sandbox = Sandbox::start(config).await.unwrap();
        let http = Http::new().unwrap();
        let token = Secret::new(sandbox::bria::API_TOKEN);
        let bria = Bria::new(http.clone(), &sandbox.bria_url(), &token).unwrap();
        let fetcher = ImageFetcher::new(http, &[sandbox.results_origin()]).unwrap();
        Visit { sandbox, bria, fetcher }
    }

    fn order(&self, fault: Fault) {
        self.sandbox.order(Order::next(fault)).unwrap();
    }

    fn submits(&self) -> usize {
        let filter = Filter { route: Some(Route::Generate), ..Filter::default() };
        self.sandbox.received(&filter).matched
    }

    async fn submitted(&self) -> RequestId {
        self.bria.submit(&bottle(Quality::Standard)).await.unwrap()
    }

    /// The first status that is not `InProgress`.
    async fn ended(&self, id: &RequestId) -> ProviderStatus {
        for _ in 0..200 {
            let status = self.bria.status(id).await.unwrap();
            if status != ProviderStatus::InProgress {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{id} did not end");
    }

    async fn fetched(&self) -> Result<Vec<u8>, FetchError> {
        let id = self.submitted().await;
        let status = self.ended(&id).await;
        let ProviderStatus::Completed { image_url, .. } = status else { panic!("{status:?}") };
        self.fetcher.fetch(&image_url).await
    }
}

fn bottle(quality: Quality) -> SubmitRequest {
    SubmitRequest {
        prompt: Some("A glass bottle on slate.".into()),
        structured_prompt: None,
        negative_prompt: Some("people".into()),
        seed: Some(7),
        aspect_ratio: AspectRatio::Landscape3x2,
        quality,
        model_id: None,
        webhook_url: None,
    }
}

#[tokio::test]
async fn a_prompt_becomes_a_picture() {
    let visit = Visit::begin().await;
    for quality in [Quality::Standard, Quality::Lite] {
        let id = visit.bria.submit(&bottle(quality)).await.unwrap();
        let status = visit.ended(&id).await;
        let ProviderStatus::Completed { image_url, seed, structured_prompt } = status else {
            panic!("{status:?}")
        };
        assert_eq!(seed, Some(7));
        let structured_prompt = structured_prompt.unwrap();
        assert!(serde_json::from_str::<StructuredPrompt>(&structured_prompt).is_ok());
        let bytes = visit.fetcher.fetch(&image_url).await.unwrap();
        let picture = Picture::decode(&bytes).unwrap();
        assert!(picture.width > picture.height);

        let again = SubmitRequest {
            prompt: None,
            structured_prompt: Some(structured_prompt),
            ..bottle(quality)
        };
        visit.bria.submit(&again).await.unwrap();
    }
    let results = Filter { route: Some(Route::Result), ..Filter::default() };
    let found = visit.sandbox.received(&results);
    assert_eq!((found.matched, found.leaks), (2, 0));
}

#[tokio::test]
async fn a_tailored_model_draws_too() {
    let visit = Visit::begin().await;
    let tailored = SubmitRequest { model_id: Some("m-7".into()), ..bottle(Quality::Standard) };
    let id = visit.bria.submit(&tailored).await.unwrap();
    let status = visit.ended(&id).await;
    assert!(matches!(status, ProviderStatus::Completed { .. }), "{status:?}");
}

#[tokio::test]
async fn a_prompt_is_structured() {
    let visit = Visit::begin().await;
    let text = visit.bria.structure_prompt("A glass bottle on slate.").await.unwrap();
    let prompt: StructuredPrompt = serde_json::from_str(&text).unwrap();
    assert_eq!(prompt.validate(), Ok(()));
}

#[tokio::test]
async fn every_fault_of_a_submit_is_distinguished_and_none_is_retried() {
    let visit = Visit::begin().await;
    let check = async |fault: AnswerFault, expected: fn(&SubmitError) -> bool| {
        let before = visit.submits();
        visit.order(Fault::Answer(fault.clone()));
        let error = visit.bria.submit(&bottle(Quality::Standard)).await.unwrap_err();
        assert!(expected(&error), "{fault:?}: {error:?}");
        assert_eq!(visit.submits(), before + 1, "{fault:?}");
    };
    let ambiguous = |error: &SubmitError| matches!(error, SubmitError::Ambiguous { .. });
    check(AnswerFault::TooMany { retry_after_s: Some(9) }, |error| {
        *error == SubmitError::Busy { retry_after_s: Some(9) }
    })
    .await;
    check(AnswerFault::TooMany { retry_after_s: None }, |error| {
        *error == SubmitError::Busy { retry_after_s: None }
    })
    .await;
    check(AnswerFault::Blocked, |error| matches!(error, SubmitError::Blocked { .. })).await;
    check(AnswerFault::NotUnderstood, |error| {
        matches!(error, SubmitError::Invalid { status: 422, .. })
    })
    .await;
    check(AnswerFault::ServerError, ambiguous).await;
    check(AnswerFault::HtmlPage, ambiguous).await;
    check(AnswerFault::ServerErrorAfterAccepting, ambiguous).await;
    check(AnswerFault::BrokenConnection, ambiguous).await;
    check(AnswerFault::MalformedJson, ambiguous).await;
}

#[tokio::test]
async fn every_end_of_a_job_is_distinguished() {
    let visit = Visit::begin().await;
    let check = async |fault: OutcomeFault, expected: fn(&ProviderStatus) -> bool| {
        visit.order(Fault::Outcome(fault.clone()));
        let id = visit.submitted().await;
        let status = visit.ended(&id).await;
        assert!(expected(&status), "{fault:?}: {status:?}");
    };
    let failed = |status: &ProviderStatus| matches!(status, ProviderStatus::Failed { .. });
    check(OutcomeFault::Error { code: None }, failed).await;
    check(OutcomeFault::Failed, failed).await;
    check(OutcomeFault::Error { code: Some(422) }, |status| {
        matches!(status, ProviderStatus::Blocked { .. })
    })
    .await;
    check(OutcomeFault::Error { code: Some(400) }, |status| {
        matches!(status, ProviderStatus::Invalid { .. })
    })
    .await;
    check(OutcomeFault::Unknown, |status| *status == ProviderStatus::Unknown).await;
    check(OutcomeFault::Expired, |status| *status == ProviderStatus::Expired).await;
}

#[tokio::test]
async fn a_result_that_is_no_picture_never_becomes_one() {
    let visit = Visit::begin().await;
    let fetched = async |fault: PictureFault| {
        visit.order(Fault::Picture(fault));
        visit.fetched().await
    };
    assert_eq!(fetched(PictureFault::Huge).await, Err(FetchError::TooLarge));
    assert_eq!(fetched(PictureFault::Gone).await, Err(FetchError::Rejected { status: 404 }));
    let redirected = fetched(PictureFault::Redirect).await;
    assert!(matches!(redirected, Err(FetchError::Rejected { status: 300..=399 })));

    let decoded = async |fault| Picture::decode(&fetched(fault).await.unwrap()).unwrap_err();
    assert_eq!(decoded(PictureFault::HtmlPage).await, PictureError::UnknownFormat);
    assert_eq!(decoded(PictureFault::Bomb).await, PictureError::TooLarge);
    let truncated = decoded(PictureFault::Truncated).await;
    assert!(matches!(truncated, PictureError::Damaged { .. }), "{truncated:?}");
    let elsewhere = Filter { route: Some(Route::Elsewhere), ..Filter::default() };
    assert_eq!(visit.sandbox.received(&elsewhere).matched, 0);
}

#[tokio::test]
async fn a_genuine_webhook_is_accepted_and_a_forged_one_is_not() {
    let (tell, mut told) = tokio::sync::mpsc::channel::<(HeaderMap, Bytes)>(8);
    let receiver = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
        let tell = tell.clone();
        async move { tell.send((headers, body)).await.unwrap() }
    });
    let webhook_url = Some(loopback::serve(receiver).await);
    let visit = Visit::begin().await;
    visit.order(Fault::Webhook(WebhookFault::Forged));
    let request = SubmitRequest { webhook_url, ..bottle(Quality::Standard) };
    let id = visit.bria.submit(&request).await.unwrap();

    let tokens = [Secret::new("a-newer-token"), Secret::new(sandbox::bria::API_TOKEN)];
    let mut read = async || {
        let (headers, body) = told.recv().await.unwrap();
        let stamp = headers[TIMESTAMP_HEADER].to_str().unwrap().parse().unwrap();
        webhook::verify(&tokens, &headers, &body, Timestamp::from_secs(stamp))
    };
    assert_eq!(read().await.unwrap_err(), WebhookError::Signature);
    let notice = read().await.unwrap();
    assert_eq!(notice.request_id, id);
    assert!(matches!(notice.status, ProviderStatus::Completed { seed: Some(7), .. }));
}

/// A token's own issue time: the present, without reading a clock.
fn issued_at(token: &str) -> Timestamp {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    Timestamp::from_secs(claims["iat"].as_i64().unwrap())
}

#[tokio::test]
async fn the_issuers_people_are_known_and_its_forgeries_are_not() {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    let config = OidcConfig {
        issuer: sandbox.url.clone(),
        audience: Some("prolight".into()),
        keys: TrustedKeys::Discovered,
        authorized_parties: Vec::new(),
        role_claim: "/app_metadata/role".into(),
        emails_verified: false,
    };
    let issuer = Issuer::new(Http::new().unwrap(), config).unwrap();
    for (name, role) in
        [("member", None), ("moderator", Some(Role::Moderator)), ("admin", Some(Role::Admin))]
    {
        let email = format!("{name}@prolight.test");
        let token = sandbox.token(&email).unwrap();
        let identity = issuer.verify(&token, issued_at(&token)).await.unwrap();
        assert_eq!(identity.user_id.as_str(), format!("user_{name}"));
        assert_eq!((identity.email, identity.role), (Some(email), role));
    }

    let now = issued_at(&sandbox.token("member@prolight.test").unwrap());
    for (flaw, expected) in [
        (Flaw::Expired, TokenError::Expired),
        (Flaw::NotYetValid, TokenError::NotYetValid),
        (Flaw::WrongAudience, TokenError::Audience),
        (Flaw::WrongIssuer, TokenError::Issuer),
        (Flaw::NoSubject, TokenError::Malformed),
        (Flaw::UnknownKey, TokenError::UnknownKey),
        (Flaw::StolenKeyId, TokenError::Signature),
        (Flaw::Unsigned, TokenError::Malformed),
        (Flaw::PublicKeyAsSecret, TokenError::Signature),
        (Flaw::Tampered, TokenError::Signature),
    ] {
        let token = sandbox.forge("member@prolight.test", flaw).unwrap();
        assert_eq!(issuer.verify(&token, now).await.unwrap_err(), expected, "{flaw:?}");
    }
}
