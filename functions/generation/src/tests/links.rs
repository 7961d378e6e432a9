//! Links to images, where a CDN serves them.

use std::time::Duration;

use domain::generation::{Job, Status};
use serde_json::json;
use testing::{Answer, Client, ImagesCdn, TestApp};

use super::{advanced, bria_app, created, get_generation};

/// An app whose images are behind `cdn`.
fn app_behind(cdn: &ImagesCdn) -> TestApp {
    let mut app = bria_app();
    cdn.serve(&mut app);
    app
}

/// A generation of the member with an image.
async fn with_image(member: &Client<'_>) -> Job {
    let job = created(member, "k").await;
    advanced(member.app(), job, Status::Succeeded).await
}

fn link_of(answer: &Answer) -> String {
    answer.json()["image"]["url"].as_str().unwrap().to_owned()
}

/// Secrets are read again, and the window of links is another one.
fn pass_five_minutes(app: &TestApp) {
    app.set_time(app.now().plus(Duration::from_secs(5 * 60)));
}

#[tokio::test]
async fn an_image_keeps_its_link_when_processes_restart_and_has_the_same_one_in_lists() {
    let cdn = ImagesCdn::generate();
    let app = app_behind(&cdn);
    app.aws.put_secret(ImagesCdn::SECRET, &cdn.secret());
    let kim = app.sign_in("kim");
    let job = with_image(&kim).await;
    let first = get_generation(&kim, &job.id).await;
    for (name, file) in [("url", "original.png"), ("thumbnail_url", "thumbnail.jpg")] {
        let link = first.json()["image"][name].as_str().unwrap().to_owned();
        let path = format!("{}/generations/user_kim/{}/{file}?Policy=", ImagesCdn::URL, job.id);
        assert!(link.starts_with(&path), "{link}");
        assert!(link.ends_with("&Key-Pair-Id=K1&Hash-Algorithm=SHA256"), "{link}");
    }

    app.restart();
    let again = get_generation(&kim, &job.id).await;
    assert_eq!(link_of(&again), link_of(&first));
    assert_eq!(again.header("etag"), first.header("etag"));
    let listed = kim.get("/api/v1/generations").await.json();
    assert_eq!(listed["items"][0]["image"], first.json()["image"]);

    pass_five_minutes(&app);
    let later = get_generation(&kim, &job.id).await;
    assert_ne!(link_of(&later), link_of(&first), "another window");
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn links_lead_to_s3_until_the_private_key_is_stored() {
    let cdn = ImagesCdn::generate();
    for secret in [
        None,
        Some(json!("no object")),
        Some(json!({})),
        Some(json!({ "private_key": "" })),
        Some(json!({ "private_key": format!("aB3{}", "x".repeat(37)) })),
        Some(ImagesCdn::generate().secret()),
    ] {
        let app = app_behind(&cdn);
        if let Some(secret) = &secret {
            app.aws.put_secret(ImagesCdn::SECRET, secret);
        }
        let kim = app.sign_in("kim");
        let job = with_image(&kim).await;
        let without = link_of(&get_generation(&kim, &job.id).await);
        assert!(without.contains("X-Amz-Signature="), "{secret:?}: {without}");

        app.aws.put_secret(ImagesCdn::SECRET, &cdn.secret());
        pass_five_minutes(&app);
        let with = link_of(&get_generation(&kim, &job.id).await);
        assert!(with.starts_with(ImagesCdn::URL), "{secret:?}: {with}");
        app.assert_credits_balance(&kim.id).await;
    }
}

#[tokio::test]
async fn a_key_stays_in_use_when_the_secret_is_read_again_and_has_none() {
    let cdn = ImagesCdn::generate();
    let app = app_behind(&cdn);
    app.aws.put_secret(ImagesCdn::SECRET, &cdn.secret());
    let kim = app.sign_in("kim");
    let job = with_image(&kim).await;
    assert!(link_of(&get_generation(&kim, &job.id).await).starts_with(ImagesCdn::URL));
    for secret in [json!({}), ImagesCdn::generate().secret()] {
        app.aws.put_secret(ImagesCdn::SECRET, &secret);
        pass_five_minutes(&app);
        let link = link_of(&get_generation(&kim, &job.id).await);
        assert!(link.starts_with(ImagesCdn::URL), "{secret}: {link}");
    }
    app.assert_credits_balance(&kim.id).await;
}
