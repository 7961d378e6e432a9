//! Files of a listing: pictures that everybody sees, and assets that only buyers get.
//!
//! A file goes from the creator's browser straight into quarantine, where nobody can read it. What
//! comes out of there was looked at: a picture was drawn anew, an asset was measured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Kind, archive::ArchivedFile, listing::ListingError};
use crate::{
    error::{DomainError, ErrorKind, FieldCheck, InvalidFields},
    id::{ListingId, UploadId, UserId},
    time::{DAY, Timestamp},
};

/// Most pictures of a listing.
pub const PREVIEWS_MAX: usize = 8;
/// Most asset files of a listing.
pub const ASSETS_MAX: usize = 4;
/// Most uploads that a listing may have under way at once, and ever.
pub const UPLOADS_MAX: u32 = 100;
/// Largest picture, in bytes: a camera of 45 million pixels writes JPEGs of 20 to 35 million.
pub const PREVIEW_BYTES_MAX: u64 = 40 * 1024 * 1024;
/// Largest asset, in bytes.
pub const ASSET_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Most that one creator may ask to upload in a day of UTC, in KiB: 8 GiB.
pub const UPLOAD_KIB_A_DAY: u32 = 8 * 1024 * 1024;
/// How long a form may be used.
pub const UPLOAD_OPEN: Duration = Duration::from_secs(5 * 60);
/// Longest name of a file, in characters.
pub const FILE_NAME_CHARS_MAX: usize = 100;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A picture that everybody sees.
    Preview,
    /// A file that only buyers get.
    Asset,
}

impl Purpose {
    /// What it may say it is, for a listing of `kind`.
    pub const fn content_types(self, kind: Kind) -> &'static [&'static str] {
        match (self, kind) {
            (Purpose::Preview, _) => &["image/png", "image/jpeg", "image/webp"],
            (Purpose::Asset, Kind::ModelFinetune) => &["application/octet-stream"],
            (Purpose::Asset, Kind::CameraPreset | Kind::LightingPreset | Kind::FiboTemplate) => {
                &["application/zip", "application/octet-stream", "text/plain"]
            }
        }
    }

    /// How large it may be, in bytes.
    pub const fn bytes_max(self) -> u64 {
        match self {
            Purpose::Preview => PREVIEW_BYTES_MAX,
            Purpose::Asset => ASSET_BYTES_MAX,
        }
    }
}

/// The kinds of files that are sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// A ZIP archive.
    Zip,
    /// Weights of a model: numbers, and nothing that runs when it is loaded.
    Safetensors,
    /// A table of colors (`.cube`).
    Cube,
}

impl AssetKind {
    /// Whether a file of this kind comes with a listing of `kind`. A model is its weights and
    /// nothing else.
    pub const fn comes_with(self, kind: Kind) -> bool {
        match kind {
            Kind::ModelFinetune => matches!(self, AssetKind::Safetensors),
            Kind::LightingPreset | Kind::FiboTemplate => true,
            Kind::CameraPreset => false,
        }
    }

    /// The type that it is handed out with.
    pub const fn content_type(self) -> &'static str {
        match self {
            AssetKind::Zip => "application/zip",
            AssetKind::Safetensors => "application/octet-stream",
            AssetKind::Cube => "text/plain",
        }
    }

    /// What a buyer's browser calls such a file: what its creator calls it, with the ending of its
    /// kind, because a system opens a file by its ending and not by what is in it.
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

/// A file on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its name.
    pub id: UploadId,
    /// For this listing.
    pub listing_id: ListingId,
    /// By its creator.
    pub owner_id: UserId,
    /// What it is for.
    pub purpose: Purpose,
    /// What it says it is.
    pub content_type: String,
    /// How large it may be, in bytes.
    pub bytes_max: u64,
    /// What the creator calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// What became of it.
    #[serde(flatten)]
    pub state: UploadState,
    /// Unix seconds: the table's TTL, while nothing has arrived.
    pub expires_at: i64,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UploadState {
    /// It has not arrived, or is being looked at.
    Waiting,
    /// It belongs to the listing now.
    Taken,
    /// It does not, and why.
    Refused {
        /// Stable, snake case.
        code: String,
        /// For the creator.
        detail: String,
    },
}

/// A picture of a listing. Its files are named by listing and upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The upload it came by, or a name like that of one.
    pub upload_id: UploadId,
    /// Of the largest of its files, in pixels.
    pub width: u32,
    /// Likewise.
    pub height: u32,
    /// Whether we drew it from the content, because there was none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drawn: bool,
}

/// A file that comes with a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// The upload it came by.
    pub upload_id: UploadId,
    /// What a buyer's browser calls it.
    pub file_name: String,
    /// Its size.
    pub bytes: u64,
    /// Of the object that buyers download, in lower-case hex.
    pub sha256: String,
    /// What it is; unknown for files that were taken before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AssetKind>,
    /// What is in it, if it is an archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ArchivedFile>,
}

/// A creator has asked for as many bytes as a day has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("You have asked to upload {} GiB today: go on tomorrow (UTC).", UPLOAD_KIB_A_DAY / 1024 / 1024)]
pub struct UploadsUsedUp {
    /// When the next day begins.
    pub retry_after_s: u32,
}

impl DomainError for UploadsUsedUp {
    fn kind(&self) -> ErrorKind {
        ErrorKind::TooMany
    }
    fn code(&self) -> &'static str {
        "uploads_used_up"
    }
    fn retry_after_s(&self) -> Option<u32> {
        Some(self.retry_after_s)
    }
}

/// What a creator wants to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRequest {
    /// What it is for.
    pub purpose: Purpose,
    /// What it says it is.
    pub content_type: String,
    /// How large it is, in bytes.
    pub bytes: u64,
    /// What the creator calls it.
    pub file_name: Option<String>,
}

impl Upload {
    /// What of a creator's day it takes, in KiB.
    pub fn kib(&self) -> u32 {
        u32::try_from(self.bytes_max.div_ceil(1024)).unwrap_or(u32::MAX)
    }

    /// Notes that a file may come.
    ///
    /// # Errors
    /// A type or a size that is not taken for this purpose, or a kind that has no assets.
    pub fn open(
        id: UploadId,
        (listing_id, owner_id, kind): (ListingId, UserId, Kind),
        wish: UploadRequest,
        now: Timestamp,
    ) -> Result<Upload, InvalidFields> {
        let types = wish.purpose.content_types(kind);
        let mut check = FieldCheck::new();
        check.require(types.contains(&wish.content_type.as_str()), "/content_type", "type", || {
            format!("one of {}", types.join(", "))
        });
        let bytes_max = wish.purpose.bytes_max();
        check.require((1..=bytes_max).contains(&wish.bytes), "/bytes", "size", || {
            format!("1 to {bytes_max} bytes")
        });
        let has_assets = kind != Kind::CameraPreset;
        check.require(has_assets || wish.purpose == Purpose::Preview, "/purpose", "kind", || {
            "a camera preset has no files".to_owned()
        });
        if let Some(name) = &wish.file_name {
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
            purpose: wish.purpose,
            content_type: wish.content_type,
            bytes_max: wish.bytes,
            file_name: wish.file_name,
            created_at: now,
            state: UploadState::Waiting,
            expires_at: now.plus(KEPT).as_secs(),
        })
    }

    /// Whether nobody has looked at what came of it, if anything did.
    pub fn is_waiting(&self) -> bool {
        self.state == UploadState::Waiting
    }
}

impl UploadState {
    /// What the creator is told of a file that the listing does not take.
    pub fn refused(refusal: &ListingError) -> UploadState {
        let code = crate::DomainError::code(refusal).to_owned();
        UploadState::Refused { code, detail: refusal.to_string() }
    }
}

/// How long the table remembers an upload.
const KEPT: Duration = DAY.saturating_mul(30);
