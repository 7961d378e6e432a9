//! Capabilities of the marketplace: its buckets and its share links.

use clients::{
    AssetScan, PreviewBucket, Previews, SearchSnapshots, Secrets, ShareLinks, StoredFiles, Uploads,
    scan::CleanTag, secrets::ShareSecret,
};

use crate::{
    aws::Aws,
    connect::{Connect, IMAGES_BUCKET},
    env::{Environment, InitError},
    providers::unavailable,
};

const PREVIEWS_BUCKET: &str = "PREVIEWS_BUCKET";
/// The public URL of the previews bucket.
const PREVIEWS_URL: &str = "PREVIEWS_URL";
/// `key=value`; empty where no malware scanner is configured.
const MALWARE_SCAN_TAG: &str = "MALWARE_SCAN_TAG";
const SHARE_SECRET_ARN: &str = "SHARE_SECRET_ARN";

/// Uploads share the images bucket, under their own prefixes.
impl Connect for Uploads {
    fn variables() -> Vec<&'static str> {
        vec![IMAGES_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Uploads, InitError> {
        Ok(Uploads::new(&aws.s3(), env.text(IMAGES_BUCKET)?))
    }
}

impl Connect for AssetScan {
    fn variables() -> Vec<&'static str> {
        vec![IMAGES_BUCKET, MALWARE_SCAN_TAG]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<AssetScan, InitError> {
        let unusable =
            || InitError::Unusable { name: MALWARE_SCAN_TAG, why: "not `key=value`".to_owned() };
        let tag = env.optional(MALWARE_SCAN_TAG);
        let clean = tag.map(|tag| CleanTag::parse(tag).ok_or_else(unusable)).transpose()?;
        Ok(AssetScan::new(&aws.s3(), env.text(IMAGES_BUCKET)?, clean))
    }
}

impl Connect for Previews {
    fn variables() -> Vec<&'static str> {
        vec![PREVIEWS_URL]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<Previews, InitError> {
        Ok(Previews::new(env.text(PREVIEWS_URL)?))
    }
}

impl Connect for PreviewBucket {
    fn variables() -> Vec<&'static str> {
        vec![PREVIEWS_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<PreviewBucket, InitError> {
        Ok(PreviewBucket::new(&aws.s3(), env.text(PREVIEWS_BUCKET)?))
    }
}

impl Connect for StoredFiles {
    fn variables() -> Vec<&'static str> {
        vec![IMAGES_BUCKET, PREVIEWS_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<StoredFiles, InitError> {
        Ok(StoredFiles::new(&aws.s3(), env.text(IMAGES_BUCKET)?, env.text(PREVIEWS_BUCKET)?))
    }
}

/// The search index is in the same bucket.
impl Connect for SearchSnapshots {
    fn variables() -> Vec<&'static str> {
        vec![IMAGES_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<SearchSnapshots, InitError> {
        Ok(SearchSnapshots::new(&aws.s3(), env.text(IMAGES_BUCKET)?))
    }
}

impl Connect for ShareLinks {
    fn variables() -> Vec<&'static str> {
        vec![SHARE_SECRET_ARN]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<ShareLinks, InitError> {
        let secret: ShareSecret = Secrets::new(&aws.secrets())
            .read(env.text(SHARE_SECRET_ARN)?)
            .await
            .map_err(unavailable("the share link secret"))?;
        Ok(ShareLinks::new(secret))
    }
}
