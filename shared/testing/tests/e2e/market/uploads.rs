//! Files: only through the form, and checked before they are visible.

use demo::api::Api;
use serde_json::{Value, json};

use super::seller::{lighting, png, word};
use crate::member::{Member, text, until};

fn preview(bytes: usize) -> Value {
    json!({ "purpose": "preview", "content_type": "image/png", "bytes": bytes })
}

async fn creator_with_a_draft() -> (Member, String) {
    let creator = Member::new().await;
    let draft = creator.draft(&lighting(&format!("Files {}", word()), 0)).await;
    let id = text(&draft["id"]).to_owned();
    (creator, id)
}

#[tokio::test]
async fn a_picture_is_drawn_anew_in_three_sizes() {
    let (creator, id) = creator_with_a_draft().await;
    let file = png(1_600, 900);
    let form = creator.form(&id, &preview(file.len())).await;
    creator.send(&form, &file).await.ok(201);
    assert_eq!(creator.looked_at(&id, &form).await["status"], "taken");
    let own = creator.own(&id).await;
    let shown = &own["previews"][0];
    for side in [1_200, 600, 300] {
        let url = text(&shown[format!("url_{side}")]).to_owned();
        let bytes = Api::anonymous().unwrap().fetch(&url).await.unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!(picture.width(), side, "{url}");
    }
    // A second upload through the same form is discarded, and nothing is duplicated.
    creator.send(&form, &file).await.ok(201);
    assert_eq!(creator.own(&id).await["previews"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_pictures_of_a_deleted_draft_are_deleted() {
    let (creator, id) = creator_with_a_draft().await;
    let file = png(400, 400);
    let form = creator.form(&id, &preview(file.len())).await;
    creator.send(&form, &file).await.ok(201);
    assert_eq!(creator.looked_at(&id, &form).await["status"], "taken");
    let url = text(&creator.own(&id).await["previews"][0]["url_300"]).to_owned();
    let fetch = async || Api::anonymous().unwrap().fetch(&url).await;
    assert!(fetch().await.is_ok());
    let gone = creator.delete(&format!("/api/v1/marketplace/listings/{id}")).await;
    assert_eq!(gone.status, 204);
    until("the picture to be deleted", async || fetch().await.err()).await;
}

#[tokio::test]
async fn a_form_takes_what_it_was_made_for_and_nothing_else() {
    let (creator, id) = creator_with_a_draft().await;
    let file = png(400, 400);
    let form = creator.form(&id, &preview(file.len())).await;
    let too_long = [file.clone(), vec![0; 1]].concat();
    assert_eq!(creator.send(&form, &too_long).await.status, 400, "a byte too many");
    for (field, value) in [
        ("Content-Type", "text/html"),
        ("key", "previews/somewhere/else.jpg"),
        ("x-amz-meta-owner", "somebody else"),
    ] {
        let mut forged = form.clone();
        forged["fields"][field] = json!(value);
        assert_eq!(creator.send(&forged, &file).await.status, 403, "{field}");
    }
    assert_eq!(creator.looked_at_now(&id, &form).await["status"], "waiting");
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_says_why() {
    let bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x86\xa0\x00\x01\x86\xa0\x08\x02\
                 \x00\x00\x00"
        .to_vec();
    let html = b"<html><script>alert(1)</script></html>".to_vec();
    for (file, code) in [
        (html, "picture_format_unknown"),
        (bomb, "picture_too_large"),
        (png(120, 120), "picture_too_small"),
        (png(400, 400)[..500].to_vec(), "picture_damaged"),
    ] {
        let (creator, id) = creator_with_a_draft().await;
        let form = creator.form(&id, &preview(file.len())).await;
        creator.send(&form, &file).await.ok(201);
        let upload = creator.looked_at(&id, &form).await;
        assert_eq!(upload["status"], "refused", "{upload}");
        assert!(text(&upload["code"]) == code || code == "picture_too_large", "{upload}");
        assert!(creator.own(&id).await["previews"].as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_asset_is_measured_and_only_buyers_get_it() {
    let (creator, id) = creator_with_a_draft().await;
    let zip = demo::files::zip(&[("luts/warm.cube", b"LUT_3D_SIZE 2\n"), ("readme.txt", b"Hi")]);
    let wish = json!({
        "purpose": "asset", "content_type": "application/zip", "bytes": zip.len(),
        "file_name": "luts.zip",
    });
    let form = creator.form(&id, &wish).await;
    creator.send(&form, &zip).await.ok(201);
    let upload = creator.looked_at(&id, &form).await;
    assert_eq!(upload["status"], "taken", "{upload}");
    let files = &creator.own(&id).await["assets"][0]["files"];
    assert_eq!(files[0], json!({ "path": "luts/warm.cube", "bytes": 14 }), "{files}");
    creator.publish(&id).await;
    let buyer = Member::new().await;
    buyer.begin(&id, 0).await;
    let purchase = buyer.has_bought(&id).await;
    let link = format!("/api/v1/marketplace/purchases/{}", text(&purchase["id"]));
    let versions = buyer.get(&link).await.ok(200)["versions"].clone();
    let wish = json!({ "file_id": versions[0]["files"][0]["id"] });
    let bought = buyer.post(&format!("{link}/downloads"), &wish).await.ok(200);
    let file = &bought["file"];
    assert_eq!((&file["name"], &file["bytes"]), (&json!("luts.zip"), &json!(zip.len())));
    let bytes = Api::anonymous().unwrap().fetch(text(&bought["url"])).await.unwrap();
    assert_eq!(bytes, zip);
    let unsigned = text(&bought["url"]).split('?').next().unwrap().to_owned();
    assert!(
        Api::anonymous().unwrap().fetch(&unsigned).await.is_err(),
        "not readable without a signature"
    );
}

impl Member {
    async fn looked_at_now(&self, id: &str, form: &Value) -> Value {
        let upload = text(&form["id"]);
        self.get(&format!("{}/{id}/uploads/{upload}", super::seller::LISTINGS)).await.ok(200)
    }
}
