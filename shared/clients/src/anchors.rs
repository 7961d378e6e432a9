//! Daily anchors of the audit's chains, stored where they cannot be changed.
//!
//! An anchor of the chain of staff is stored at `audit/<day>/<row>-<hash>.json` in the records
//! bucket, which versions and locks every object; one of another chain in a folder with its name,
//! `audit/<day>/<chain>/<row>-<hash>.json`. The key holds all the data, so checking all anchors
//! reads no object; and versions are listed, not objects, so that a delete marker hides none.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use bytes::Bytes;
use domain::{
    Timestamp,
    audit::{Anchors, AuditChain, Chain},
};
use serde_json::json;

use crate::bucket::{
    Bucket, BucketFailure, Object, OverwritePolicy, StorageUnavailable, in_bucket,
};

const FOLDER: &str = "audit/";
/// A thousand anchors each: more than a century of days, with nine chains.
const PAGES_MAX: u32 = 400;

/// The anchors in the bucket. Writing needs `s3:PutObject`, listing `s3:ListBucketVersions`.
#[derive(Debug, Clone)]
pub struct AuditAnchors {
    bucket: Bucket,
}

in_bucket!(AuditAnchors, RECORDS_BUCKET);

impl AuditAnchors {
    /// Over the process's S3 client.
    pub fn new(s3: &Client, bucket: impl Into<String>) -> AuditAnchors {
        AuditAnchors { bucket: Bucket::new(s3, bucket) }
    }

    /// Stores the head of `chain`, which was followed to its end, as its anchor of the day of
    /// `now`. An existing anchor is not replaced.
    ///
    /// # Errors
    /// When the bucket did not confirm the write.
    pub async fn keep(
        &self,
        chain: AuditChain,
        end: &Chain,
        now: Timestamp,
    ) -> Result<(), StorageUnavailable> {
        let said = json!({ "seq": end.seq, "hash": end.hash, "kept_at": now });
        let object = Object {
            key: &key_of(chain, end, now),
            content_type: "application/json",
            disposition: None,
            bytes: &Bytes::from(said.to_string()),
        };
        self.bucket.put(object, OverwritePolicy::Kept).await.map_err(StorageUnavailable)
    }

    /// Every anchor ever stored, by chain.
    ///
    /// # Errors
    /// When the bucket cannot be listed, or holds more anchors than possible.
    pub async fn all(&self) -> Result<BTreeMap<AuditChain, Anchors>, StorageUnavailable> {
        let keys = self.keys().await.map_err(StorageUnavailable)?;
        let mut heads: BTreeMap<AuditChain, Vec<Chain>> = BTreeMap::new();
        for (chain, head) in keys.iter().filter_map(|key| anchor_of(key)) {
            heads.entry(chain).or_default().push(head);
        }
        let anchors = heads.into_iter().map(|(chain, heads)| (chain, heads.into_iter().collect()));
        Ok(anchors.collect())
    }

    async fn keys(&self) -> Result<Vec<String>, BucketFailure> {
        let (mut keys, mut after) = (Vec::new(), (None, None));
        for _ in 0..PAGES_MAX {
            let list = self.bucket.s3().list_object_versions().bucket(self.bucket.name());
            let list = list.prefix(FOLDER).set_key_marker(after.0).set_version_id_marker(after.1);
            let page = list.send().await?;
            keys.extend(page.versions().iter().filter_map(|it| it.key().map(str::to_owned)));
            if page.is_truncated() != Some(true) {
                return Ok(keys);
            }
            after = (page.next_key_marker, page.next_version_id_marker);
        }
        Err("more audit anchors than there have been days".into())
    }
}

fn key_of(chain: AuditChain, end: &Chain, now: Timestamp) -> String {
    let folder = match chain {
        AuditChain::Staff => String::new(),
        AuditChain::Jobs(_) => format!("{chain}/"),
    };
    format!("{FOLDER}{}/{folder}{:012}-{}.json", now.date(), end.seq, end.hash)
}

/// The anchor that a key names; `None` for any other key.
fn anchor_of(key: &str) -> Option<(AuditChain, Chain)> {
    let (_, name) = key.strip_prefix(FOLDER)?.split_once('/')?;
    let (chain, name) = match name.split_once('/') {
        Some((chain, name)) => (AuditChain::parse(chain)?, name),
        None => (AuditChain::Staff, name),
    };
    let (seq, hash) = name.strip_suffix(".json")?.split_once('-')?;
    Some((chain, Chain { seq: seq.parse().ok()?, hash: hash.to_owned() }))
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::Request, http::StatusCode};

    use super::*;
    use crate::{bucket::client_at, loopback};

    fn chain(seq: u64) -> Chain {
        Chain { seq, hash: format!("{seq:064x}") }
    }

    #[test]
    fn a_key_says_which_end_it_is() {
        let now = Timestamp::from_secs(1_795_000_000);
        for (which, folder) in [(AuditChain::Staff, ""), (AuditChain::Jobs(3), "jobs_3/")] {
            let key = key_of(which, &chain(41), now);
            assert_eq!(key, format!("audit/2026-11-18/{folder}000000000041-{:064x}.json", 41));
            assert_eq!(anchor_of(&key), Some((which, chain(41))));
        }
        for other in [
            "audit/2026-11-18",
            "audit/2026-11-18/x-y.json",
            "audit/2026-11-18/jobs_8/000000000001-a.json",
            "reports/1/1-1.json",
        ] {
            assert_eq!(anchor_of(other), None, "{other}");
        }
    }

    /// Two pages; the second key has a delete marker, which hides nothing.
    #[tokio::test]
    async fn every_version_of_every_page_is_seen() {
        let routes = Router::new().fallback(|request: Request| async move {
            let query = request.uri().query().unwrap().to_owned();
            assert!(query.contains("versions") && query.contains("prefix=audit%2F"), "{query}");
            let version = |seq| {
                let key = key_of(AuditChain::Jobs(2), &chain(seq), Timestamp::from_secs(0));
                format!("<Version><Key>{key}</Key><IsLatest>false</IsLatest></Version>")
            };
            let more = "<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>";
            let inner = match query.contains("key-marker=k") {
                false => format!("{}{more}", version(1)),
                true => format!("{}<DeleteMarker><Key>k</Key></DeleteMarker>", version(2)),
            };
            format!("<ListVersionsResult>{inner}</ListVersionsResult>")
        });
        let anchors = AuditAnchors::new(&client_at(&loopback::serve(routes).await), "records");
        let all = anchors.all().await.unwrap();
        let anchors = [chain(1), chain(2)].into_iter().collect();
        assert_eq!(all, BTreeMap::from([(AuditChain::Jobs(2), anchors)]));
    }

    #[tokio::test]
    async fn a_bucket_that_refuses_is_an_error() {
        let routes = Router::new().fallback(async || StatusCode::FORBIDDEN);
        let anchors = AuditAnchors::new(&client_at(&loopback::serve(routes).await), "records");
        assert!(anchors.all().await.is_err());
        let kept = anchors.keep(AuditChain::Staff, &chain(1), Timestamp::from_secs(0)).await;
        assert!(kept.is_err());
    }
}
