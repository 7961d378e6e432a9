//! Files of a listing: previews, which are public, and assets, which only buyers get.
//!
//! A file goes from the creator's browser straight into quarantine, where it cannot be read. Files
//! leave quarantine only after inspection: a preview is re-encoded, an asset is measured.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::EnumDiscriminants;

use super::archive::ArchivedFile;
use crate::{
    error::{DomainError, FieldCheck, InvalidFields},
    id::{ListingId, UploadId, UserId},
    marketplace::Kind,
    time::{DAY, Timestamp},
};

/// Most previews of a listing.
pub const PREVIEWS_MAX: usize = 8;
/// Most asset files of a listing.
pub const ASSETS_MAX: usize = 4;
/// Most uploads of a listing, open ones and in total.
pub const UPLOADS_MAX: u32 = 100;
/// Largest preview, in bytes: a 45-megapixel camera writes JPEGs of 20 to 35 million.
pub const PREVIEW_BYTES_MAX: u64 = 40 * 1024 * 1024;
/// Largest asset, in bytes.
pub const ASSET_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Most that one creator may request to upload in a UTC day, in KiB: 8 GiB.
pub const UPLOAD_KIB_A_DAY: u32 = 8 * 1024 * 1024;
/// How long an upload form is valid.
pub const UPLOAD_OPEN: Duration = Duration::from_secs(5 * 60);
/// Longest file name, in characters.
pub const FILE_NAME_CHARS_MAX: usize = 100;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A public preview image.
    Preview,
    /// A file that only buyers get.
    Asset,
}

/// All content types that some purpose accepts.
pub const CONTENT_TYPES: [&str; 6] = [
    "image/png",
    "image/jpeg",
    "image/webp",
    "application/zip",
    "application/octet-stream",
    "text/plain",
];

impl Purpose {
    /// The content types it accepts, for a listing of `kind`.
    pub const fn content_types(self, kind: Kind) -> &'static [&'static str] {
        match (self, kind) {
            (Purpose::Preview, _) => &["image/png", "image/jpeg", "image/webp"],
            (Purpose::Asset, Kind::ModelFinetune) => &["application/octet-stream"],
            (Purpose::Asset, Kind::CameraPreset | Kind::LightingPreset | Kind::FiboTemplate) => {
                &["application/zip", "application/octet-stream", "text/plain"]
            }
        }
    }

    /// Its size limit, in bytes.
    pub const fn bytes_max(self) -> u64 {
        match self {
            Purpose::Preview => PREVIEW_BYTES_MAX,
            Purpose::Asset => ASSET_BYTES_MAX,
        }
    }

    /// Most files of a listing.
    pub const fn files_max(self) -> usize {
        match self {
            Purpose::Preview => PREVIEWS_MAX,
            Purpose::Asset => ASSETS_MAX,
        }
    }

    /// The files that a listing of `kind` takes, in the form of HTML's `accept`: content types, or
    /// the ends of file names. Empty if it takes none.
    pub fn accept(self, kind: Kind) -> Vec<String> {
        match self {
            Purpose::Preview => {
                self.content_types(kind).iter().map(|name| (*name).to_owned()).collect()
            }
            Purpose::Asset => {
                let taken = AssetKind::ALL.into_iter().filter(|it| it.comes_with(kind));
                taken.map(|it| format!(".{}", it.extension())).collect()
            }
        }
    }
}

/// The types of assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// A ZIP archive.
    Zip,
    /// Weights of a model: data only, no code that runs on load.
    Safetensors,
    /// A color lookup table (`.cube`).
    Cube,
}

impl AssetKind {
    /// All types.
    pub const ALL: [AssetKind; 3] = [AssetKind::Zip, AssetKind::Safetensors, AssetKind::Cube];

    /// Whether a listing of `kind` accepts it. A model listing has its weights and nothing else.
    pub const fn comes_with(self, kind: Kind) -> bool {
        match kind {
            Kind::ModelFinetune => matches!(self, AssetKind::Safetensors),
            Kind::LightingPreset | Kind::FiboTemplate => true,
            Kind::CameraPreset => false,
        }
    }

    /// The content type of its downloads.
    pub const fn content_type(self) -> &'static str {
        match self {
            AssetKind::Zip => "application/zip",
            AssetKind::Safetensors => "application/octet-stream",
            AssetKind::Cube => "text/plain",
        }
    }

    /// The file name of a download: the creator's name with this type's extension, because
    /// operating systems open a file by its extension, not its content.
    pub fn file_name(self, called: Option<&str>) -> String {
        let extension = self.extension();
        let called = called.unwrap_or("asset");
        let ending = called.rsplit_once('.').map(|(_, ending)| ending);
        match ending.is_some_and(|ending| ending.eq_ignore_ascii_case(extension)) {
            true => called.to_owned(),
            false => format!("{called}.{extension}"),
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            AssetKind::Zip => "zip",
            AssetKind::Safetensors => "safetensors",
            AssetKind::Cube => "cube",
        }
    }
}

/// A requested upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The listing.
    pub listing_id: ListingId,
    /// The listing's creator.
    pub owner_id: UserId,
    /// What the file is for.
    pub purpose: Purpose,
    /// The content type that the creator declares.
    pub content_type: String,
    /// How large it may be, in bytes.
    pub bytes_max: u64,
    /// The file name that the creator gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// When it was requested.
    pub created_at: Timestamp,
    /// Its state.
    #[serde(flatten)]
    pub state: UploadState,
    /// Unix seconds: the table's TTL, while nothing has arrived.
    pub expires_at: i64,
}

/// The state of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum_discriminants(
    name(UploadStatus),
    doc = "The state of an upload, without its details.",
    derive(Hash, Serialize, Deserialize),
    cfg_attr(feature = "schema", derive(schemars::JsonSchema)),
    serde(rename_all = "snake_case")
)]
pub enum UploadState {
    /// It has not arrived, or is being inspected.
    Waiting,
    /// Accepted: it belongs to the listing.
    Taken,
    /// Refused.
    Refused {
        /// The error code: stable, snake case.
        code: String,
        /// The explanation for the creator.
        detail: String,
    },
}

/// A preview image of a listing. Its files are named by listing and upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Preview {
    /// The upload that it came from, or a generated id.
    pub upload_id: UploadId,
    /// Width of its largest file, in pixels.
    pub width: u32,
    /// Height of its largest file, in pixels.
    pub height: u32,
    /// Whether we rendered it from the content, because there was none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drawn: bool,
}

/// A file that comes with a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Asset {
    /// The upload that it came from.
    pub upload_id: UploadId,
    /// The file name of its download.
    pub file_name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of the object that buyers download, in lower-case hex.
    pub sha256: String,
    /// Its type; absent for files that were accepted before this was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AssetKind>,
    /// The files inside, if it is an archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ArchivedFile>,
}

/// The creator's daily upload limit is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The daily upload limit of {} GiB is used up: continue tomorrow (UTC).",
    UPLOAD_KIB_A_DAY / 1024 / 1024
)]
pub struct UploadsUsedUp {
    /// Seconds until the next day begins.
    pub retry_after_s: u32,
}

crate::domain_error! {
    UploadsUsedUp => TooMany, "uploads_used_up";
    fn retry_after_s(&self) -> Option<u32> {
        Some(self.retry_after_s)
    }
}

/// A creator's request to upload a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRequest {
    /// What the file is for.
    pub purpose: Purpose,
    /// The declared content type.
    pub content_type: String,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file name that the creator gives.
    pub file_name: Option<String>,
}

impl Upload {
    /// Whether its file may still join the draft: it can be sent as long as the form is open, and is
    /// inspected within as long again.
    pub fn may_arrive(&self, now: Timestamp) -> bool {
        self.is_waiting() && now < self.created_at.plus(UPLOAD_OPEN * 2)
    }

    /// Its share of the creator's daily limit, in KiB.
    pub fn kib(&self) -> u32 {
        u32::try_from(self.bytes_max.div_ceil(1024)).unwrap_or(u32::MAX)
    }

    /// Opens an upload.
    ///
    /// # Errors
    /// A content type or size that is not accepted for this purpose, or a kind without assets.
    pub fn open(
        id: UploadId,
        (listing_id, owner_id, kind): (ListingId, UserId, Kind),
        request: UploadRequest,
        now: Timestamp,
    ) -> Result<Upload, InvalidFields> {
        let types = request.purpose.content_types(kind);
        let mut check = FieldCheck::new();
        check.require(
            types.contains(&request.content_type.as_str()),
            "/content_type",
            "type",
            || format!("one of {}", types.join(", ")),
        );
        let bytes_max = request.purpose.bytes_max();
        check.require((1..=bytes_max).contains(&request.bytes), "/bytes", "size", || {
            format!("1 to {bytes_max} bytes")
        });
        check.require(!request.purpose.accept(kind).is_empty(), "/purpose", "kind", || {
            "a camera preset has no files".to_owned()
        });
        if let Some(name) = &request.file_name {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._- ".contains(c));
            let fits = (1..=FILE_NAME_CHARS_MAX).contains(&name.len()) && !name.starts_with('.');
            check.require(plain && fits, "/file_name", "name", || {
                format!("1 to {FILE_NAME_CHARS_MAX} of A-Z, a-z, 0-9, dot, dash, underscore, blank")
            });
        }
        check.finish()?;
        Ok(Upload {
            id,
            listing_id,
            owner_id,
            purpose: request.purpose,
            content_type: request.content_type,
            bytes_max: request.bytes,
            file_name: request.file_name,
            created_at: now,
            state: UploadState::Waiting,
            expires_at: now.plus(RETENTION).as_secs(),
        })
    }

    /// Whether its file has not been inspected yet.
    pub fn is_waiting(&self) -> bool {
        self.state == UploadState::Waiting
    }
}

/// Why a file that arrived is refused before its content is looked at, or beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileRefused {
    /// Its type or its sender is not the one that the form was made for.
    #[error("The file is not what the form was for.")]
    NotAsDeclared,
    /// It has more bytes than the form allowed.
    #[error("The file is larger than the form allowed.")]
    TooLarge,
    /// Reading its content failed.
    #[error("The file could not be read.")]
    Damaged,
    /// The malware scan found something in it, or could not look into it.
    #[error("The malware scan did not find the file clean.")]
    NotClean,
}

crate::domain_error! {
    FileRefused {
        NotAsDeclared => Invalid, "file_not_as_declared";
        TooLarge => Invalid, "file_too_large";
        Damaged => Invalid, "file_damaged";
        NotClean => Invalid, "file_not_clean";
    }
}

impl UploadState {
    /// The refusal as shown to the creator.
    pub fn refused(refusal: &dyn DomainError) -> UploadState {
        let code = refusal.code().to_owned();
        UploadState::Refused { code, detail: refusal.to_string() }
    }
}

/// How long the table keeps an upload's item.
const RETENTION: Duration = DAY.saturating_mul(30);
