//! Malware scan results of listing files.
//!
//! A scanner watches the bucket and tags every file it has scanned: GuardDuty Malware Protection
//! for S3 sets `GuardDutyMalwareScanStatus` to `NO_THREATS_FOUND`, or to `THREATS_FOUND`,
//! `UNSUPPORTED`, `ACCESS_DENIED` or `FAILED`
//! (<https://docs.aws.amazon.com/guardduty/latest/ug/monitor-enable-s3-object-tagging-malware-protection.html>).
//! An upload form has no field for tags, and only we and the scanner write below `assets/`, so a
//! tag is the scanner's.

use aws_sdk_s3::Client;
use connect::{Aws, Connect, Environment, InitError};

use crate::bucket::{Bucket, IMAGES_BUCKET, StorageUnavailable, s3};

/// `key=value`; empty where no malware scanner is configured.
const MALWARE_SCAN_TAG: &str = "MALWARE_SCAN_TAG";

/// The scanner of a deployment, if it has one. Reading a tag needs `s3:GetObjectTagging`.
#[derive(Debug, Clone)]
pub struct AssetScan {
    bucket: Bucket,
    clean: Option<CleanTag>,
}

/// The tag of a clean file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanTag {
    key: String,
    value: String,
}

/// The result of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// Clean, or there is no scanner.
    Clean,
    /// Not scanned yet.
    Awaited,
    /// A threat was found, or the scan failed.
    NotClean,
}

/// Why a file may not be sold.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It is not scanned yet.
    #[error("The malware scan of {0:?} has not ended: try again in a minute.")]
    Awaited(String),
    /// It is not clean.
    #[error("The malware scan did not find {0:?} clean: reject this version.")]
    NotClean(String),
    /// Transient.
    #[error(transparent)]
    Unavailable(#[from] StorageUnavailable),
}

domain::domain_error! {
    ScanError wraps [Unavailable] {
        Awaited => Conflict, "asset_not_scanned";
        NotClean => Conflict, "asset_not_clean";
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            ScanError::Awaited(_) => Some(60),
            ScanError::NotClean(_) => None,
            ScanError::Unavailable(error) => error.retry_after_s(),
        }
    }
}

impl CleanTag {
    /// Parses `key=value`; `None` for any other format.
    pub fn parse(text: &str) -> Option<CleanTag> {
        let (key, value) = text.split_once('=')?;
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        (!key.is_empty() && !value.is_empty()).then_some(CleanTag { key, value })
    }
}

impl Connect for AssetScan {
    fn variables() -> Vec<&'static str> {
        vec![IMAGES_BUCKET, MALWARE_SCAN_TAG]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<AssetScan, InitError> {
        let unusable = || InitError::unusable(MALWARE_SCAN_TAG)("not `key=value`");
        let tag = env.optional(MALWARE_SCAN_TAG);
        let clean = tag.map(|tag| CleanTag::parse(tag).ok_or_else(unusable)).transpose()?;
        Ok(AssetScan::new(&s3(aws), env.text(IMAGES_BUCKET)?, clean))
    }
}

impl AssetScan {
    /// Over the process's S3 client; without a tag there is no scanner.
    pub fn new(s3: &Client, bucket: impl Into<String>, clean: Option<CleanTag>) -> AssetScan {
        AssetScan { bucket: Bucket::new(s3, bucket), clean }
    }

    /// Whether there is a scanner.
    pub fn is_on(&self) -> bool {
        self.clean.is_some()
    }

    /// The scan result of the object at `key`. Without a scanner no call is made.
    ///
    /// # Errors
    /// When the bucket is unavailable.
    pub async fn of(&self, key: &str) -> Result<Scan, StorageUnavailable> {
        let Some(CleanTag { key: name, value }) = &self.clean else { return Ok(Scan::Clean) };
        match self.bucket.tag(key, name).await.map_err(StorageUnavailable)? {
            Some(found) if found == *value => Ok(Scan::Clean),
            Some(_) => Ok(Scan::NotClean),
            None => Ok(Scan::Awaited),
        }
    }

    /// Requires that the object at `key` is clean; people know it as `file_name`.
    ///
    /// # Errors
    /// See [`ScanError`].
    pub async fn require_clean(&self, key: &str, file_name: &str) -> Result<(), ScanError> {
        match self.of(key).await? {
            Scan::Clean => Ok(()),
            Scan::Awaited => Err(ScanError::Awaited(file_name.to_owned())),
            Scan::NotClean => Err(ScanError::NotClean(file_name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::Uri};
    use domain::DomainError;

    use super::*;
    use crate::{bucket::client_at, loopback};

    fn tagged(tags: &[(&str, &str)]) -> String {
        let tag = |(key, value): &(&str, &str)| {
            format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")
        };
        let tags: String = tags.iter().map(tag).collect();
        format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
    }

    #[test]
    fn a_tag_is_a_key_and_a_value() {
        let tag = CleanTag::parse("GuardDutyMalwareScanStatus=NO_THREATS_FOUND").unwrap();
        assert_eq!((&*tag.key, &*tag.value), ("GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"));
        for bad in ["", "scan", "=clean", "scan="] {
            assert_eq!(CleanTag::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_file_is_clean_when_the_scanner_says_so() {
        let check = async |tags: &[(&str, &str)], expected: Scan| {
            let body = tagged(tags);
            let routes = Router::new().fallback(move |uri: Uri| {
                assert_eq!(uri.to_string(), "/b/assets/l/u?tagging");
                async move { body }
            });
            let s3 = client_at(&loopback::serve(routes).await);
            let scan = AssetScan::new(&s3, "b", CleanTag::parse("scan=clean"));
            assert_eq!(scan.of("assets/l/u").await.unwrap(), expected, "{tags:?}");
            let code = scan.require_clean("assets/l/u", "a.zip").await.map_err(|it| it.code());
            let expected = match expected {
                Scan::Clean => Ok(()),
                Scan::Awaited => Err("asset_not_scanned"),
                Scan::NotClean => Err("asset_not_clean"),
            };
            assert_eq!(code, expected);
        };
        check(&[("scan", "clean")], Scan::Clean).await;
        check(&[("other", "clean"), ("scan", "clean")], Scan::Clean).await;
        check(&[("scan", "infected")], Scan::NotClean).await;
        check(&[("scan", "")], Scan::NotClean).await;
        check(&[("Scan", "clean")], Scan::Awaited).await;
        check(&[], Scan::Awaited).await;
    }

    #[tokio::test]
    async fn without_a_scanner_nothing_is_asked() {
        let scan = AssetScan::new(&client_at("http://127.0.0.1:1"), "b", None);
        assert_eq!(scan.of("assets/l/u").await.unwrap(), Scan::Clean);
        let scan = AssetScan::new(&client_at("http://127.0.0.1:1"), "b", CleanTag::parse("a=b"));
        assert_eq!(scan.require_clean("k", "a").await.unwrap_err().code(), "storage_unavailable");
    }
}
