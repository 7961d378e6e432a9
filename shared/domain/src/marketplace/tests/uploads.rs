//! Which files are accepted.

use std::collections::BTreeSet;

use super::*;
use crate::marketplace::listing::{
    ListingError,
    upload::{
        ASSET_BYTES_MAX, Asset, AssetKind, CONTENT_TYPES, FILE_NAME_CHARS_MAX, PREVIEW_BYTES_MAX,
        Purpose, Upload, UploadRequest, UploadState,
    },
};

fn request(purpose: Purpose) -> UploadRequest {
    wish_for(purpose, Kind::LightingPreset)
}

fn wish_for(purpose: Purpose, kind: Kind) -> UploadRequest {
    let content_type = purpose.content_types(kind)[0].to_owned();
    UploadRequest { purpose, content_type, bytes: 1_000, file_name: None }
}

fn open(kind: Kind, request: UploadRequest) -> Result<Upload, InvalidFields> {
    let about = (listing_id(1), user("creator"), kind);
    Upload::open(UploadId::new(NOW, 1), about, request, NOW)
}

fn check(purpose: Purpose, change: impl FnOnce(&mut UploadRequest), expected: &str) {
    let mut request = request(purpose);
    change(&mut request);
    assert_eq!(found(open(Kind::LightingPreset, request.clone())), expected, "{request:?}");
}

#[test]
fn what_a_file_may_be() {
    for (purpose, bytes_max) in
        [(Purpose::Preview, PREVIEW_BYTES_MAX), (Purpose::Asset, ASSET_BYTES_MAX)]
    {
        check(purpose, |_| {}, "");
        check(purpose, |it| it.bytes = 0, "/bytes size");
        check(purpose, |it| it.bytes = 1, "");
        check(purpose, |it| it.bytes = bytes_max, "");
        check(purpose, |it| it.bytes = bytes_max + 1, "/bytes size");
        check(purpose, |it| it.bytes = u64::MAX, "/bytes size");
    }
    let content_type = |of: &str| {
        let of = of.to_owned();
        move |it: &mut UploadRequest| it.content_type = of
    };
    for good in ["image/png", "image/jpeg", "image/webp"] {
        check(Purpose::Preview, content_type(good), "");
        check(Purpose::Asset, content_type(good), "/content_type type");
    }
    for bad in ["", "image/svg+xml", "image/gif", "text/html", "IMAGE/PNG", "image/png; a=b"] {
        check(Purpose::Preview, content_type(bad), "/content_type type");
    }
    check(Purpose::Asset, content_type("application/zip"), "");
    for bad in ["text/html", "application/gzip", "application/x-tar"] {
        check(Purpose::Asset, content_type(bad), "/content_type type");
    }
}

#[test]
fn a_file_has_a_plain_name() {
    let named = |name: &str, expected: &str| {
        check(Purpose::Asset, |it| it.file_name = Some(name.to_owned()), expected);
    };
    named("weights-v1.2_final copy.zip", "");
    named(&"x".repeat(FILE_NAME_CHARS_MAX), "");
    named(&"x".repeat(FILE_NAME_CHARS_MAX + 1), "/file_name name");
    for bad in ["", ".", "..", ".htaccess", "a/b", "a\\b", "a\"b", "a\nb", "ä.zip", "a;b"] {
        named(bad, "/file_name name");
    }
}

#[test]
fn each_content_type_is_accepted_for_some_purpose() {
    let kinds = [Kind::LightingPreset, Kind::ModelFinetune];
    let accepted = [Purpose::Preview, Purpose::Asset]
        .into_iter()
        .flat_map(|purpose| kinds.iter().flat_map(move |kind| purpose.content_types(*kind)));
    let accepted: BTreeSet<_> = accepted.copied().collect();
    assert_eq!(accepted, BTreeSet::from(CONTENT_TYPES));
}

#[test]
fn a_camera_preset_has_pictures_and_no_files() {
    let check = |kind: Kind, expected: &str| {
        assert_eq!(found(open(kind, wish_for(Purpose::Preview, kind))), "", "{kind:?}");
        assert_eq!(found(open(kind, wish_for(Purpose::Asset, kind))), expected, "{kind:?}");
    };
    check(Kind::CameraPreset, "/purpose kind");
    check(Kind::LightingPreset, "");
    check(Kind::FiboTemplate, "");
    check(Kind::ModelFinetune, "");
}

#[test]
fn an_upload_waits_and_is_forgotten() {
    let upload = open(Kind::LightingPreset, request(Purpose::Asset)).unwrap();
    assert!(upload.is_waiting());
    assert_eq!((upload.bytes_max, upload.expires_at), (1_000, day(30).as_secs()));
    let refused = UploadState::refused(&ListingError::TooManyAssets);
    let UploadState::Refused { code, detail } = &refused else { panic!("{refused:?}") };
    assert_eq!((&code[..], &detail[..]), ("too_many_assets", "A listing has at most 4 files."));
    assert!(!Upload { state: refused, ..upload }.is_waiting());
}

#[test]
fn a_listing_has_a_few_files_each_once() {
    let (_, mut revision) = begun(Kind::LightingPreset, 500);
    let asset = |number: u128| Asset {
        upload_id: UploadId::new(NOW, number),
        file_name: "a.zip".to_owned(),
        bytes: 1,
        sha256: "0".repeat(64),
        kind: Some(AssetKind::Zip),
        files: Vec::new(),
    };
    let taken = (0..10).filter(|nth| revision.add_asset(asset(*nth))).count();
    assert_eq!((taken, revision.assets.len()), (4, 4));
    assert!(revision.add_asset(asset(0)), "it was added before, although it is full");
}

#[test]
fn a_model_is_its_weights() {
    let zip =
        UploadRequest { content_type: "application/zip".to_owned(), ..request(Purpose::Asset) };
    assert_eq!(found(open(Kind::ModelFinetune, zip)), "/content_type type");
    for kind in [AssetKind::Zip, AssetKind::Cube, AssetKind::Safetensors] {
        let expected = kind == AssetKind::Safetensors;
        assert_eq!(kind.comes_with(Kind::ModelFinetune), expected, "{kind:?}");
        assert!(kind.comes_with(Kind::LightingPreset) && !kind.comes_with(Kind::CameraPreset));
    }
}

#[test]
fn a_file_ends_as_its_kind_does() {
    let check = |kind: AssetKind, called: Option<&str>, expected: &str| {
        assert_eq!(kind.file_name(called), expected);
    };
    check(AssetKind::Cube, Some("Warm.CUBE"), "Warm.CUBE");
    check(AssetKind::Cube, Some("install.bat"), "install.bat.cube");
    check(AssetKind::Zip, Some("luts"), "luts.zip");
    check(AssetKind::Safetensors, None, "asset.safetensors");
}

#[test]
fn a_file_that_was_taken_before_kinds_were_kept_is_read() {
    let stored = json!({
        "upload_id": UploadId::new(NOW, 1), "file_name": "a.zip", "bytes": 1, "sha256": "00",
    });
    let asset: Asset = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!((asset.kind, asset.files.len()), (None, 0));
    assert_eq!(serde_json::to_value(asset).unwrap(), stored);
}
