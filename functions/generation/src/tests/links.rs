//! Links to images, where a CDN serves them.

use std::time::Duration;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::KeySize,
    signature::{KeyPair, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::generation::Status;
use serde_json::{Value, json};
use testing::{Answer, TestApp};

use super::{advanced, bria_app, created, get_generation};

const URL: &str = "https://images.prolight.test";
const SECRET: &str = "IMAGES_SECRET_ARN";

/// An app whose images are behind a CDN with the public key of `pair`.
fn cdn_app(pair: &RsaKeyPair, secret: &Value) -> TestApp {
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let mut app = bria_app();
    app.set("IMAGES_URL", URL);
    app.set("IMAGES_KEYS", format!("K1:{}", STANDARD.encode(der.as_ref())));
    app.set_secret(SECRET, secret);
    app
}

/// The secret with the private key of `pair`.
fn secret_of(pair: &RsaKeyPair) -> Value {
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    json!({ "private_key": pem })
}

fn link_of(answer: &Answer) -> String {
    answer.json()["image"]["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_image_has_one_link_in_all_processes_and_functions() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let app = cdn_app(&pair, &secret_of(&pair));
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let job = advanced(&app, job, Status::Succeeded).await;
    let first = get_generation(&kim, &job.id).await;
    for (name, file) in [("url", "original.png"), ("thumbnail_url", "thumbnail.jpg")] {
        let link = first.json()["image"][name].as_str().unwrap().to_owned();
        let path = format!("{URL}/generations/user_kim/{}/{file}?Policy=", job.id);
        assert!(link.starts_with(&path), "{link}");
        assert!(link.ends_with("&Key-Pair-Id=K1&Hash-Algorithm=SHA256"), "{link}");
    }

    app.restart();
    let again = get_generation(&kim, &job.id).await;
    assert_eq!(link_of(&again), link_of(&first));
    assert_eq!(again.header("etag"), first.header("etag"));
    let listed = kim.get("/api/v1/generations").await.json();
    assert_eq!(listed["items"][0]["image"], first.json()["image"]);

    app.set_time(app.now().plus(Duration::from_secs(5 * 60)));
    let later = get_generation(&kim, &job.id).await;
    assert_ne!(link_of(&later), link_of(&first), "another window");
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn links_lead_to_s3_until_the_private_key_is_stored() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let placeholder = json!({ "private_key": format!("aB3{}", "x".repeat(37)) });
    let app = cdn_app(&pair, &placeholder);
    let kim = app.sign_in("kim");
    let job = created(&kim, "k").await;
    let job = advanced(&app, job, Status::Succeeded).await;
    let without = get_generation(&kim, &job.id).await;
    assert!(link_of(&without).contains("X-Amz-Signature="), "{}", link_of(&without));

    app.aws.put_secret(SECRET, &secret_of(&pair));
    app.set_time(app.now().plus(Duration::from_secs(5 * 60)));
    let with = get_generation(&kim, &job.id).await;
    assert!(link_of(&with).starts_with(URL), "{}", link_of(&with));
    app.assert_credits_balance(&kim.id).await;
}
