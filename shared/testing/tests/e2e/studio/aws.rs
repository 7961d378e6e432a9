//! The buckets and the queues of the stack answer our clients as those in memory do, on which the
//! tests of the functions rely.

use std::time::Duration;

use clients::{
    GenerationQueue, StorageUnavailable,
    documents::{Document, FileKind},
    queue::JobMessage,
    uploads::{asset_key, quarantine_key},
};
use domain::{
    DomainError,
    audit::{AuditChain, Chain},
    id::{JobId, UserId},
    marketplace::listing::upload::AssetKind,
    time::Day,
};
use testing::{
    TestApp,
    cloud::{Bucket, Cloud},
};

#[tokio::test]
async fn a_bucket_in_memory_answers_as_one_of_the_stack() {
    let (app, cloud) = (TestApp::new(), Cloud::here());
    let (bucket, missing) = (cloud.bucket().await, cloud.missing_bucket());
    let in_memory = observed(&app, &app.images_bucket(), &app.bucket("missing")).await;
    assert_eq!(observed(&app, &bucket, &missing).await, in_memory);
    bucket.discard().await;
}

/// What our clients observe in a bucket that is empty, and in one that does not exist.
async fn observed(app: &TestApp, bucket: &Bucket, missing: &Bucket) -> Vec<String> {
    let (previews, jpeg) = (missing.preview_bucket(), b"jpeg".to_vec().into());
    let not_stored = previews.put_demo("demos/a.jpg", &jpeg).await.unwrap_err();
    [
        vec![not_stored.code().to_owned()],
        observed_uploads(bucket).await,
        observed_records(app, bucket).await,
        observed_snapshots(app, bucket).await,
        bucket.keys().await,
    ]
    .concat()
}

/// A file is replaced in quarantine; its asset is written once, and has tags of its own.
async fn observed_uploads(bucket: &Bucket) -> Vec<String> {
    let (uploads, scan) = (bucket.uploads(), bucket.scan(Some("scan=clean")));
    let (key, asset) = (quarantine_key("lst", "up"), asset_key("lst", "up"));
    assert_eq!(uploads.head(&key).await.unwrap(), None);
    bucket.put(&key, b"first", "text/plain", "kim").await;
    let first = uploads.head(&key).await.unwrap().unwrap();
    let shown = format!("{} {:?} {:?}", first.bytes, first.content_type, first.owner);
    let too_large = uploads.fetch(&first, 4).await.unwrap_err();
    let (kind, name) = (AssetKind::Zip, "a.zip");
    let (one, other) = tokio::join!(
        uploads.promote(&first, &asset, kind, name),
        uploads.promote(&first, &asset, kind, name),
    );
    one.and(other).unwrap();

    bucket.put(&key, b"second", "text/plain", "kim").await;
    let not_read = uploads.fetch(&first, 100).await.unwrap_err();
    let elsewhere = asset_key("lst", "other");
    let not_promoted = uploads.promote(&first, &elsewhere, kind, name).await.unwrap_err();
    let second = uploads.head(&key).await.unwrap().unwrap();
    uploads.promote(&second, &asset, kind, name).await.unwrap();
    let (bytes, media_type) = bucket.get(&asset).await.unwrap();
    assert_eq!(bytes, b"first", "an asset is written once");

    let mut scans = vec![scan.of(&asset).await.unwrap()];
    for value in ["infected", "clean"] {
        bucket.tag(&asset, "scan", value).await;
        scans.push(scan.of(&asset).await.unwrap());
    }
    uploads.discard(&key).await.unwrap();
    uploads.discard(&key).await.unwrap();
    let codes = [too_large, not_read, not_promoted].map(|error| error.code());
    vec![shown, format!("{codes:?}"), media_type, format!("{scans:?}")]
}

/// Anchors and documents are written once, and every anchor is listed.
async fn observed_records(app: &TestApp, bucket: &Bucket) -> Vec<String> {
    let anchors = bucket.anchors();
    let empty = anchors.all().await.unwrap();
    for seq in [1, 2, 1] {
        let end = Chain { seq, hash: format!("{seq:064x}") };
        anchors.keep(AuditChain::Staff, &end, app.now()).await.unwrap();
    }
    let document =
        Document::of_report(("revenue", Day::parse("2026-11-22").unwrap()), &1, FileKind::Csv)
            .unwrap();
    let mut contents = Vec::new();
    for text in ["first", "second"] {
        let make = || Ok::<_, StorageUnavailable>(text.as_bytes().to_vec());
        let key = bucket.documents().store_once(document.clone(), make).await.unwrap();
        contents.push(bucket.get(&key).await);
    }
    vec![format!("{empty:?} {:?} {contents:?}", anchors.all().await.unwrap())]
}

/// The pointer to the current index moves forward only.
async fn observed_snapshots(app: &TestApp, bucket: &Bucket) -> Vec<String> {
    let (snapshots, now) = (bucket.snapshots(), app.now());
    assert_eq!(snapshots.current().await.unwrap(), None);
    let mut current = Vec::new();
    for (bytes, seconds) in [("first", 1), ("older", 0), ("newer", 2)] {
        let as_of = now.plus(Duration::from_secs(seconds));
        let index = bucket.publish_index(vec![bytes.as_bytes().to_vec()], as_of).await;
        let snapshot = &index.shards[0];
        let content = snapshots.fetch(snapshot).await.unwrap();
        current.push(format!("{} {} {content:?}", snapshot.key, index.as_of));
    }
    current
}

/// A group on a standard queue, and a delay.
#[tokio::test]
async fn the_queue_accepts_what_the_relay_sends() {
    let (app, queue) = (TestApp::new(), Cloud::here().queue().await);
    let messages = ["user_first", "user_second", "user_third"].map(|user| JobMessage {
        user_id: UserId::parse(user).unwrap(),
        job_id: JobId::new(app.now(), 1),
        delay_s: u32::from(user == "user_third"),
    });
    let in_memory: GenerationQueue = app.connect().await;
    for sender in [queue.sender(), in_memory] {
        assert_eq!(sender.send(&messages).await, [Ok(()), Ok(()), Ok(())]);
    }
    let received = queue.receive(3).await;
    let mut groups = Vec::new();
    for record in received["Records"].as_array().unwrap() {
        let body = record["body"].as_str().unwrap();
        let message = JobMessage::parse(body).unwrap();
        assert_eq!(record["attributes"]["MessageGroupId"], message.user_id.as_str());
        groups.push((message.user_id.to_string(), body.to_owned()));
    }
    groups.sort();
    let sent = app.generation_queue().messages().into_iter().map(|it| (it.group, it.body));
    assert_eq!(groups, sent.collect::<Vec<_>>());
    let users: Vec<_> = groups.iter().map(|(user, _)| user.as_str()).collect();
    assert_eq!(users, ["user_first", "user_second", "user_third"]);
    queue.discard().await;
}
