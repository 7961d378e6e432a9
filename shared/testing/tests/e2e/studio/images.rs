//! The image: what is served, and to whom.

use std::io::Cursor;

use demo::api::Api;
use image::{ImageFormat, ImageReader};
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::member::{Member, answer, quick, text};

#[tokio::test]
async fn the_image_and_its_thumbnail_open() {
    let member = Member::new().await;
    let mut order = json!({ "prompt": "a bust in profile", "aspect_ratio": "3:2" });
    order["lighting"] = json!({ "lights": [{ "role": "key" }, { "role": "rim" }] });
    let image = &member.make(&order).await["image"];
    let original = fetched(text(&image["url"]), "image/png").await;
    let sha256: String = Sha256::digest(&original).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(image["sha256"], sha256);
    let size = opened(&original, ImageFormat::Png);
    assert_eq!(size, (768, 512));
    assert_eq!((image["width"].as_u64(), image["height"].as_u64()), (Some(768), Some(512)));

    let thumbnail = fetched(text(&image["thumbnail_url"]), "image/jpeg").await;
    assert_eq!(opened(&thumbnail, ImageFormat::Jpeg), (512, 341));
    member.check_books().await;
}

#[tokio::test]
async fn a_link_cannot_be_bent() {
    let member = Member::new().await;
    let image = &member.make(&quick("a plain vase")).await["image"];
    let (url, thumbnail) = (text(&image["url"]), text(&image["thumbnail_url"]));
    let (address, query) = url.split_once('?').unwrap();
    let other = thumbnail.split_once('?').unwrap().0;
    let signature = query.split('&').find_map(|part| part.strip_prefix("X-Amz-Signature="));
    let signature = signature.unwrap();
    let wrong: String = signature.chars().rev().collect();
    let resigned = query.replace(signature, &wrong);
    let longer = query.replace("X-Amz-Expires=600", "X-Amz-Expires=604800");
    assert_ne!(longer, query, "links expire after ten minutes: {query}");
    let check = async |what: &str, url: String| {
        assert_eq!(anonymous(&url).await.status, 403, "{what}: {url}");
    };
    check("without a signature", address.to_owned()).await;
    check("with another signature", format!("{address}?{resigned}")).await;
    check("for longer", format!("{address}?{longer}")).await;
    check("for another object", format!("{other}?{query}")).await;
    assert_eq!(anonymous(url).await.status, 200, "the original link");
}

/// The response of a link, without a token.
async fn anonymous(url: &str) -> demo::api::Answer {
    answer(Api::anonymous().unwrap().request(Method::GET, url)).await
}

async fn fetched(url: &str, content_type: &str) -> Vec<u8> {
    let answer = anonymous(url).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)));
    answer.body
}

/// Decodes a picture of this format. Returns its size.
fn opened(bytes: &[u8], format: ImageFormat) -> (u32, u32) {
    let picture = ImageReader::with_format(Cursor::new(bytes), format).decode().unwrap();
    (picture.width(), picture.height())
}
