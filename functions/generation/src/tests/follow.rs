//! One generation from the request to its image.

use domain::generation::Status;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testing::{Actor, Answer, ClientRequest};

use super::{advanced, bria_app, created, get_generation, job_of, post_generation};

/// An answer without the signatures of links, which are tested elsewhere.
fn shown(answer: &Answer) -> String {
    let mut body = answer.json();
    for name in ["url", "thumbnail_url"] {
        if let Some(Value::String(url)) = body.pointer_mut(&format!("/image/{name}")) {
            url.truncate(url.find('?').unwrap());
        }
    }
    format!("{body:#}")
}

#[tokio::test]
async fn a_queued_generation_says_when_to_ask_again() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let body = json!({"prompt": "a red chair", "negative_prompt": "people"});
    let created = kim.post("/api/v1/generations").key("k").json(body).await;
    let job = job_of(&kim, &created).await;
    let answer = get_generation(&kim, &job.id).await;
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    expect![[r#"
        {
          "aspect_ratio": "1:1",
          "charge": {
            "credits": 1,
            "lots": [
              {
                "credits": 1,
                "lot": "free:2026-11-22T09:00:00.000Z"
              }
            ],
            "status": "held"
          },
          "created_at": "2026-11-22T09:00:00.000Z",
          "expected_at": "2026-11-22T09:00:30.000Z",
          "favourite": false,
          "id": "gen_01M817QNM00000000000000001",
          "input": {
            "aspect_ratio": "1:1",
            "negative_prompt": "people",
            "prompt": "a red chair",
            "quality": "standard",
            "seed": 0
          },
          "links": {
            "cancel": "https://api.prolight.test/test/api/v1/generations/gen_01M817QNM00000000000000001/cancel",
            "self": "https://api.prolight.test/test/api/v1/generations/gen_01M817QNM00000000000000001"
          },
          "prompt": "a red chair",
          "provider": "bria",
          "quality": "standard",
          "seed": 0,
          "source": "prompt",
          "status": "queued",
          "updated_at": "2026-11-22T09:00:00.000Z"
        }"#]].assert_eq(&shown(&answer));
    app.ambient.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(get_generation(&kim, &job.id).await.header("retry-after"), Some("2"));
}

/// More generations wait than the provider takes: the member sees when it is expected, and is not
/// asked to poll before.
#[tokio::test]
async fn a_generation_that_waits_for_its_turn_says_so() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let turn_at = app.now().plus(std::time::Duration::from_secs(300));
    let waiting = job.clone().wait_for_turn(turn_at, app.now());
    assert!(app.store.advance(&job, &waiting).await.unwrap());
    let answer = get_generation(&kim, &job.id).await;
    let shown = answer.json();
    assert_eq!(
        [&shown["status"], &shown["waiting_for"], &shown["expected_at"]],
        ["queued", "turn", "2026-11-22T09:05:30.000Z"]
    );
    assert_eq!(answer.header("retry-after"), Some("330"));
}

#[tokio::test]
async fn a_finished_generation_has_its_image_behind_links_that_expire() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let job = advanced(&app, job, Status::Succeeded).await;
    let answer = get_generation(&kim, &job.id).await;
    assert_eq!(answer.header("retry-after"), None);
    expect![[r#"
        {
          "aspect_ratio": "1:1",
          "charge": {
            "credits": 1,
            "lots": [
              {
                "credits": 1,
                "lot": "free:2026-11-22T09:00:00.000Z"
              }
            ],
            "status": "captured"
          },
          "created_at": "2026-11-22T09:00:00.000Z",
          "favourite": false,
          "finished_at": "2026-11-22T09:00:00.000Z",
          "id": "gen_01M817QNM00000000000000001",
          "image": {
            "expires_at": "2026-11-22T09:10:00.000Z",
            "height": 1024,
            "sha256": "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e",
            "thumbnail_url": "https://s3.prolight.test/images/generations/user_kim/gen_01M817QNM00000000000000001/thumbnail.jpg",
            "url": "https://s3.prolight.test/images/generations/user_kim/gen_01M817QNM00000000000000001/original.png",
            "width": 1024
          },
          "input": {
            "aspect_ratio": "1:1",
            "prompt": "a red chair",
            "quality": "standard",
            "seed": 0
          },
          "links": {
            "self": "https://api.prolight.test/test/api/v1/generations/gen_01M817QNM00000000000000001"
          },
          "prompt": "a red chair",
          "provider": "bria",
          "quality": "standard",
          "seed": 0,
          "source": "prompt",
          "started_at": "2026-11-22T09:00:00.000Z",
          "status": "succeeded",
          "updated_at": "2026-11-22T09:00:00.000Z"
        }"#]].assert_eq(&shown(&answer));
    for name in ["url", "thumbnail_url"] {
        let link = answer.json()["image"][name].as_str().unwrap().to_owned();
        for part in ["X-Amz-Expires=600", "X-Amz-Date=20261122T090000Z", "X-Amz-Signature="] {
            assert!(link.contains(part), "{part} in {link}");
        }
    }
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_failed_generation_says_why() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let job = advanced(&app, job, Status::Failed).await;
    let body = get_generation(&kim, &job.id).await.json();
    expect![[r#"
        {
          "charge": {
            "credits": 1,
            "lots": [
              {
                "credits": 1,
                "lot": "free:2026-11-22T09:00:00.000Z"
              }
            ],
            "status": "released"
          },
          "error": {
            "code": "content_blocked",
            "message": "The prompt was not accepted by moderation."
          }
        }"#]]
    .assert_eq(&format!("{:#}", json!({"error": body["error"], "charge": body["charge"]})));
    assert!(body.get("image").is_none() && body.get("expected_at").is_none());
    app.assert_credits_balance(&kim.id).await;
}

/// A client with the current `ETag` gets a 304.
#[tokio::test]
async fn an_unchanged_generation_is_not_sent_again() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let job = advanced(&app, job, Status::Succeeded).await;
    let tag = get_generation(&kim, &job.id).await.header("etag").unwrap().to_owned();
    let again = get_generation(&kim, &job.id).header("If-None-Match", &tag);
    let unchanged = again.clone().await;
    assert_eq!((unchanged.status(), unchanged.body.as_str()), (304, ""));
    assert_eq!(unchanged.header("etag"), Some(tag.as_str()));
    // The next window has other links.
    app.ambient.clock.advance(domain::image::LINK_WINDOW);
    assert_eq!(again.await.status(), 200);
}

#[tokio::test]
async fn another_members_generation_is_not_found() {
    let app = bria_app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let job = created(&kim, "k").await;
    let lower = job.id.to_string().to_lowercase();
    let check = async |request: ClientRequest<'_>, expected: Expect| {
        expected.assert_eq(&request.await.brief());
    };
    let missing = || expect!["404 generation_not_found"];
    check(get_generation(&ada, &job.id), missing()).await;
    for staff in [Actor::moderator(), Actor::admin()] {
        check(get_generation(&app.client(&staff), &job.id), missing()).await;
    }
    for id in ["gen_01JD0000000000000000000000", "gen_", "1", "..", "%00", "gen_💡", &lower] {
        check(get_generation(&kim, id), missing()).await;
    }
    check(get_generation(&app.visitor(), &job.id), expect!["401 unauthenticated"]).await;
    check(
        get_generation(&kim, &job.id).query("verbose", 1),
        expect!["422 invalid_request, /verbose unknown_field"],
    )
    .await;
}

#[tokio::test]
async fn a_suspended_member_reads_their_generations() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(get_generation(&kim, &job.id).await.status(), 200);
    assert_eq!(kim.get("/api/v1/generations").await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(post_generation(&kim, "k2").await.code(), "account_suspended");
    app.assert_credits_balance(&kim.id).await;
}
