//! Files that arrive in quarantine: how they are processed, also when they are replaced or a call
//! is interrupted.

use clients::uploads::{asset_key, quarantine_key};
use domain::{
    id::{ListingId, UploadId},
    marketplace::{
        Kind,
        listing::{
            content::Content,
            revision::{Description, Revision},
            upload::{AssetKind, Purpose, Upload, UploadRequest, UploadState},
        },
    },
};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::StoreError;
use testing::{
    Actor, Fault, TestApp,
    cloud::Bucket,
    files::{safetensors, zip},
    listings,
    queue::failed_items,
};

use crate::render_preview::WORKER;

const TABLE: &[u8] = b"LUT_3D_SIZE 2\n0 0 0\n";

/// A creator's draft, and the bucket of its files.
struct Draft {
    app: TestApp,
    bucket: Bucket,
    creator: Actor,
    id: ListingId,
}

impl Draft {
    async fn of(kind: Kind) -> Draft {
        let (app, creator) = (TestApp::serving(&[crate::functions]), Actor::member("lena"));
        let (now, store) = (app.now(), &app.store);
        let described = match kind {
            Kind::ModelFinetune => Description {
                content: Content { model_id: Some("m-7".to_owned()), ..Content::default() },
                ..listings::description("Silver prints", 0)
            },
            Kind::CameraPreset | Kind::LightingPreset | Kind::FiboTemplate => {
                listings::description("Rembrandt", 0)
            }
        };
        let id = ListingId::new(now, 1);
        listings::draft(store, (&creator.id, id.clone()), (kind, described), now).await;
        Draft { bucket: app.images_bucket(), app, creator, id }
    }

    /// A form for a file.
    async fn form(&self, purpose: Purpose, content_type: &str) -> UploadId {
        let (now, name) =
            (self.app.now(), UploadId::new(self.app.now(), self.app.ambient.entropy.next()));
        let request = || UploadRequest {
            purpose,
            content_type: content_type.to_owned(),
            bytes: 1_000_000,
            file_name: Some("install.bat".to_owned()),
        };
        let opened = self.app.store.open_upload(&self.creator.id, &self.id, now, |listing| {
            let owner = (self.id.clone(), self.creator.id.clone(), listing.kind);
            Upload::open(name.clone(), owner, request(), now).map_err(StoreError::refused)
        });
        opened.await.unwrap().id
    }

    /// Uploads a file with the form.
    async fn send(&self, upload: &UploadId, content_type: &str, bytes: &[u8]) {
        let key = quarantine_key(&self.id, upload);
        self.bucket.put(&key, bytes, content_type, self.creator.id.as_str()).await;
    }

    /// Processes S3's message; returns whether it succeeded.
    async fn process(&self, upload: &UploadId) -> bool {
        let object = json!({ "key": quarantine_key(&self.id, upload), "size": 1 });
        let record = json!({ "eventName": "ObjectCreated:Post", "s3": { "object": object } });
        let body = json!({ "Records": [record] });
        let event = json!({ "Records": [{ "messageId": "1", "body": body.to_string() }] });
        let response = self.app.invoke(WORKER.name, &event).await.unwrap();
        failed_items(&response).is_empty()
    }

    /// Uploads and processes a file; returns the result.
    async fn sent(&self, content_type: &str, bytes: &[u8]) -> String {
        let upload = self.form(Purpose::Asset, content_type).await;
        self.send(&upload, content_type, bytes).await;
        assert!(self.process(&upload).await);
        self.state(&upload).await
    }

    async fn state(&self, upload: &UploadId) -> String {
        match self.app.store.upload(&self.id, upload).await.unwrap().state {
            UploadState::Waiting => "waiting".to_owned(),
            UploadState::Taken => "taken".to_owned(),
            UploadState::Refused { code, .. } => code,
        }
    }

    /// The keys of all its files, then of all its pictures.
    async fn keys(&self) -> Vec<String> {
        [self.bucket.keys().await, self.app.previews_bucket().keys().await].concat()
    }

    async fn draft(&self) -> Revision {
        self.app.store.own_listing(&self.creator.id, &self.id).await.unwrap().newest
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_archive_is_opened_and_its_files_are_listed() {
    let draft = Draft::of(Kind::LightingPreset).await;
    let archive = zip(&[("luts/warm.cube", TABLE), ("readme.txt", b"Hello")]);
    assert_eq!(draft.sent("application/zip", &archive).await, "taken");
    let asset = draft.draft().await.assets.remove(0);
    assert_eq!((asset.kind, &*asset.file_name), (Some(AssetKind::Zip), "install.bat.zip"));
    assert_eq!((asset.bytes, &asset.sha256), (archive.len() as u64, &sha256(&archive)));
    let files: Vec<_> = asset.files.iter().map(|file| (&*file.path, file.bytes)).collect();
    assert_eq!(files, [("luts/warm.cube", TABLE.len() as u64), ("readme.txt", 5)]);
    let key = asset_key(&draft.id, &asset.upload_id);
    assert_eq!(draft.keys().await, [key.as_str()], "nothing is left in quarantine");
    assert_eq!(draft.bucket.get(&key).await.unwrap().0, archive);

    for (name, file, code) in [
        ("a program", zip(&[("a.txt", b"MZ")]), "archive_program"),
        ("by its name", zip(&[("setup.exe", b"hello")]), "archive_file_type"),
        ("an archive", zip(&[("a.txt", &archive)]), "archive_nested"),
        ("a fake one", [b"PK\x03\x04", &[7; 60][..]].concat(), "archive_damaged"),
        ("a gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), "not_an_asset"),
    ] {
        assert_eq!(draft.sent("application/zip", &file).await, code, "{name}");
    }
    assert_eq!(draft.draft().await.assets.len(), 1);
    assert_eq!(draft.keys().await, [key], "a refused asset is deleted");
}

#[tokio::test]
async fn a_model_is_a_safetensors_file_and_nothing_else() {
    let draft = Draft::of(Kind::ModelFinetune).await;
    let stream = "application/octet-stream";
    for (name, file, code) in [
        ("an archive", zip(&[("a.safetensors", &safetensors(8))]), "not_safetensors"),
        ("a table", TABLE.to_vec(), "not_safetensors"),
        ("a pickle", b"\x80\x04\x95\x0b\0\0\0\0\0\0\0".to_vec(), "not_an_asset"),
        ("a cut model", safetensors(8)[..60].to_vec(), "safetensors_invalid"),
        ("a model", safetensors(8), "taken"),
    ] {
        assert_eq!(draft.sent(stream, &file).await, code, "{name}");
    }
    assert_eq!(draft.keys().await.len(), 1);
    let light = Draft::of(Kind::LightingPreset).await;
    assert_eq!(light.sent("text/plain", TABLE).await, "taken");
}

/// A call is interrupted after it wrote the asset; meanwhile another file is uploaded.
#[tokio::test]
async fn the_facts_about_an_asset_are_taken_from_what_buyers_download() {
    let draft = Draft::of(Kind::LightingPreset).await;
    let upload = draft.form(Purpose::Asset, "application/zip").await;
    let (first, second) = (zip(&[("a.txt", b"good")]), zip(&[("b.txt", b"evil")]));
    draft.send(&upload, "application/zip", &first).await;
    for nth in 1..=3 {
        draft.app.engine.order("TransactWriteItems", nth, Fault::Fail);
    }
    assert!(!draft.process(&upload).await, "the message is retried");
    draft.send(&upload, "application/zip", &second).await;
    assert!(draft.process(&upload).await);
    assert_eq!(draft.state(&upload).await, "taken");
    let asset = draft.draft().await.assets.remove(0);
    let (bytes, _) = draft.bucket.get(&asset_key(&draft.id, &upload)).await.unwrap();
    assert_eq!(asset.sha256, sha256(&bytes));
    assert_eq!(bytes, first, "an asset is written once");
    assert_eq!(asset.files[0].path, "a.txt");

    draft.send(&upload, "application/zip", &second).await;
    assert!(draft.process(&upload).await, "uploaded after the end it is deleted");
    assert_eq!(draft.bucket.get(&asset_key(&draft.id, &upload)).await.unwrap().0, first);
}

#[tokio::test]
async fn a_picture_that_is_shown_is_never_overwritten() {
    let draft = Draft::of(Kind::LightingPreset).await;
    let upload = draft.form(Purpose::Preview, "image/png").await;
    draft.send(&upload, "image/png", &png(10)).await;
    for nth in 1..=3 {
        draft.app.engine.order("TransactWriteItems", nth, Fault::Fail);
    }
    assert!(!draft.process(&upload).await);
    let before = pictures(&draft).await;
    draft.send(&upload, "image/png", &png(200)).await;
    assert!(draft.process(&upload).await);
    let after = pictures(&draft).await;
    assert_eq!((before.len(), after.len()), (3, 6));
    assert!(before.iter().all(|picture| after.contains(picture)), "no image was overwritten");
    let shown = draft.draft().await.previews.remove(0);
    let own = after.iter().filter(|(key, _)| key.contains(shown.upload_id.as_str()));
    assert_eq!(own.filter(|picture| !before.contains(picture)).count(), 3);
}

#[tokio::test]
async fn a_file_that_the_scanner_reports_is_refused() {
    let mut draft = Draft::of(Kind::LightingPreset).await;
    draft.app.set("MALWARE_SCAN_TAG", "scan=clean");
    let check = async |tag: Option<&str>, expected: &str| {
        let upload = draft.form(Purpose::Asset, "text/plain").await;
        let key = asset_key(&draft.id, &upload);
        draft.send(&upload, "text/plain", TABLE).await;
        if let Some(tag) = tag {
            // The asset of an interrupted call, scanned meanwhile.
            draft.bucket.put(&key, TABLE, "text/plain", "nobody").await;
            draft.bucket.tag(&key, "scan", tag).await;
        }
        assert!(draft.process(&upload).await);
        assert_eq!(draft.state(&upload).await, expected);
        assert_eq!(draft.bucket.get(&key).await.is_some(), expected == "taken", "{tag:?}");
    };
    check(Some("infected"), "file_not_clean").await;
    check(Some("clean"), "taken").await;
    check(None, "taken").await;
}

/// An image in one grey.
fn png(grey: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let pixels = image::RgbImage::from_pixel(400, 400, image::Rgb([grey; 3]));
    pixels.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn pictures(draft: &Draft) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let bucket = draft.app.previews_bucket();
    for key in bucket.keys().await.into_iter().filter(|key| key.starts_with("previews/")) {
        let (bytes, _) = bucket.get(&key).await.unwrap();
        found.push((key, bytes));
    }
    found
}
