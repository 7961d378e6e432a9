//! S3 and SQS for tests: the emulator of the local stack, with a bucket or queue per test.
//!
//! `AWS_ENDPOINT_URL` is its address. A test that passes deletes its resources; one that fails
//! leaves them for inspection.

use std::time::Duration;

use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider,
};
use aws_sdk_s3::types::{Tag, Tagging};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use aws_types::SdkConfig;
use clients::{
    AssetScan, AuditAnchors, Documents, GenerationQueue, PreviewBucket, SearchSnapshots, Uploads,
    scan::CleanTag, snapshots::IndexRef,
};
use demo::api::variable;
use domain::Timestamp;
use serde_json::{Value, json};

/// Longest wait for a message just sent.
const MESSAGE_WAIT: Duration = Duration::from_secs(5);

/// The emulator.
#[derive(Debug, Clone)]
pub struct Cloud {
    s3: aws_sdk_s3::Client,
    credentials: SharedCredentialsProvider,
    sqs: aws_sdk_sqs::Client,
}

impl Cloud {
    /// The emulator at `AWS_ENDPOINT_URL`.
    ///
    /// # Panics
    /// If it is not set.
    pub fn here() -> Cloud {
        let endpoint = match variable("AWS_ENDPOINT_URL") {
            Ok(endpoint) => endpoint,
            Err(error) => panic!("this test needs a local cloud: {error}"),
        };
        let root = Credentials::new("test", "test", None, None, "the emulator's root");
        let credentials = SharedCredentialsProvider::new(root);
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials.clone())
            .endpoint_url(endpoint)
            .build();
        Cloud { s3: s3(&config), credentials, sqs: aws_sdk_sqs::Client::new(&config) }
    }

    /// A new empty bucket.
    pub async fn bucket(&self) -> Bucket {
        let bucket = self.missing_bucket();
        bucket.create().await;
        bucket
    }

    /// The name of a bucket that does not exist until [`Bucket::create`].
    pub fn missing_bucket(&self) -> Bucket {
        self.named(&unique())
    }

    fn named(&self, name: &str) -> Bucket {
        let credentials = Some(self.credentials.clone());
        Bucket { s3: self.s3.clone(), credentials, name: name.to_owned() }
    }

    /// A new empty queue.
    pub async fn queue(&self) -> Queue {
        let made = self.sqs.create_queue().queue_name(unique()).send().await.expect("a queue");
        let url = made.queue_url.expect("a queue's URL");
        Queue { sqs: self.sqs.clone(), url }
    }
}

/// The S3 client of `config`.
fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// A test's bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    s3: aws_sdk_s3::Client,
    credentials: Option<SharedCredentialsProvider>,
    name: String,
}

impl Bucket {
    /// The bucket `name` at the S3 of `config`.
    pub(crate) fn of(config: &SdkConfig, name: &str) -> Bucket {
        let credentials = config.credentials_provider();
        Bucket { s3: s3(config), credentials, name: name.to_owned() }
    }

    /// As the bucket of creators' uploads.
    pub fn uploads(&self) -> Uploads {
        Uploads::new(&self.s3, self.credentials.clone(), &self.name)
    }

    /// As the source of the malware scanner's tags; `clean` is the tag, `key=value`.
    pub fn scan(&self, clean: Option<&str>) -> AssetScan {
        AssetScan::new(&self.s3, &self.name, clean.and_then(CleanTag::parse))
    }

    /// Tags an object, as the malware scanner does.
    pub async fn tag(&self, key: &str, name: &str, value: &str) {
        let tag = Tag::builder().key(name).value(value).build().expect("a tag");
        let tags = Tagging::builder().tag_set(tag).build().expect("tags");
        let tagging = self.s3.put_object_tagging().bucket(&self.name).key(key).tagging(tags);
        tagging.send().await.expect("a tagged object");
    }

    /// As the bucket of public previews.
    pub fn preview_bucket(&self) -> PreviewBucket {
        PreviewBucket::new(&self.s3, &self.name)
    }

    /// As the bucket of documents.
    pub fn documents(&self) -> Documents {
        Documents::new(&self.s3, &self.name)
    }

    /// As the bucket of audit anchors.
    pub fn anchors(&self) -> AuditAnchors {
        AuditAnchors::new(&self.s3, &self.name)
    }

    /// As the bucket of search snapshots.
    pub fn snapshots(&self) -> SearchSnapshots {
        SearchSnapshots::new(&self.s3, &self.name)
    }

    /// Publishes a search index of these shards.
    pub async fn publish_index(&self, shards: Vec<Vec<u8>>, as_of: Timestamp) -> IndexRef {
        let shards = shards.into_iter().map(|blob| (blob, as_of)).collect();
        self.publish_shards(shards, as_of).await
    }

    /// Publishes a search index of these shards, each as of its time.
    pub async fn publish_shards(
        &self,
        shards: Vec<(Vec<u8>, Timestamp)>,
        now: Timestamp,
    ) -> IndexRef {
        let (snapshots, mut put) = (self.snapshots(), Vec::new());
        for (blob, as_of) in shards {
            put.push(snapshots.put(blob.into(), as_of).await.expect("a snapshot"));
        }
        snapshots.publish(put, now).await.expect("an index")
    }

    /// Puts an object as an upload form would.
    pub async fn put(&self, key: &str, bytes: &[u8], content_type: &str, owner: &str) {
        self.s3
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type)
            .metadata("owner", owner)
            .body(bytes.to_vec().into())
            .send()
            .await
            .expect("an object");
    }

    /// Creates it, after [`Cloud::missing_bucket`].
    pub async fn create(&self) {
        self.s3.create_bucket().bucket(&self.name).send().await.expect("a bucket");
    }

    /// The bytes and the media type of the object at `key`; `None` if there is none.
    pub async fn get(&self, key: &str) -> Option<(Vec<u8>, String)> {
        let answer = self.s3.get_object().bucket(&self.name).key(key).send().await;
        let object = match answer {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
                return None;
            }
            Err(error) => panic!("{key}: {error:?}"),
        };
        let media_type = object.content_type.unwrap_or_default();
        let body = object.body.collect().await.expect("a whole object");
        Some((body.to_vec(), media_type))
    }

    /// Deletes the object at `key`.
    pub async fn delete(&self, key: &str) {
        let removal = self.s3.delete_object().bucket(&self.name).key(key);
        removal.send().await.expect("an object removed");
    }

    /// The keys of all its objects, sorted.
    pub async fn keys(&self) -> Vec<String> {
        let pages = self.s3.list_objects_v2().bucket(&self.name).into_paginator();
        let pages = pages.send().try_collect().await.expect("a list of objects");
        let objects = pages.into_iter().flat_map(|page| page.contents.unwrap_or_default());
        objects.filter_map(|object| object.key).collect()
    }

    /// Deletes it with its contents.
    pub async fn discard(self) {
        for key in self.keys().await {
            self.delete(&key).await;
        }
        self.s3.delete_bucket().bucket(&self.name).send().await.expect("a bucket removed");
    }
}

/// A test's queue.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// As the functions' generation queue.
    pub fn sender(&self) -> GenerationQueue {
        GenerationQueue::new(&self.sqs, &self.url)
    }

    /// Receives and deletes `count` messages, in the shape that Lambda passes to a worker.
    ///
    /// # Panics
    /// If fewer arrive in time.
    pub async fn receive(&self, count: usize) -> Value {
        let mut records = Vec::new();
        let taken = async {
            while records.len() < count {
                records.extend(self.receive_some().await);
            }
        };
        let in_time = tokio::time::timeout(MESSAGE_WAIT, taken).await.is_ok();
        assert!(in_time && records.len() == count, "{} of {count} messages", records.len());
        json!({ "Records": records })
    }

    async fn receive_some(&self) -> Vec<Value> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .expect("messages");
        let mut records = Vec::new();
        for message in answer.messages.unwrap_or_default() {
            let handle = message.receipt_handle.expect("a handle");
            let removal = self.sqs.delete_message().queue_url(&self.url).receipt_handle(&handle);
            removal.send().await.expect("a message removed");
            let attributes = message.attributes.unwrap_or_default();
            let attributes: serde_json::Map<String, Value> = attributes
                .into_iter()
                .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
                .collect();
            records.push(json!({
                "messageId": message.message_id,
                "receiptHandle": handle,
                "body": message.body,
                "attributes": attributes,
                "messageAttributes": {},
                "md5OfBody": message.md5_of_body,
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:test",
                "awsRegion": "us-east-1",
            }));
        }
        records
    }

    /// Deletes it.
    pub async fn discard(self) {
        self.sqs.delete_queue().queue_url(&self.url).send().await.expect("a queue removed");
    }
}

/// A unique name.
fn unique() -> String {
    format!("test-{:032x}", rand::random::<u128>())
}
