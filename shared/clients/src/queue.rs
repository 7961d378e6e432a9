//! The queues of generation jobs, of automatic top-ups, of pictures and of webhooks. A message only
//! says which item to look at; the table holds its state.
//!
//! The first three are standard queues: messages may arrive twice or out of order, and their
//! handlers are idempotent. The user is the message group, which on a standard queue means
//! fairness: one member's backlog does not delay the others (the SQS Developer Guide's "fair
//! queues"). The queue of webhooks is FIFO with the webhook as the group: a webhook gets one
//! request at a time, in order, and a slow one delays no other.

use std::{marker::PhantomData, time::Duration};

use aws_sdk_sqs::{
    Client,
    config::timeout::TimeoutConfig,
    error::{BuildError, ProvideErrorMetadata},
    types::SendMessageBatchRequestEntry,
};
use connect::{Aws, Connect, Environment, InitError};
use domain::{
    Timestamp,
    id::{JobId, ListingId, UserId, WebhookEventId, WebhookId},
};
use serde::{Deserialize, Serialize};

/// Longest delay of a message, in seconds: a limit of SQS.
pub const DELAY_S_MAX: u32 = 900;

/// Most messages in one call: a limit of SQS.
const BATCH_MAX: usize = 10;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Process this job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMessage {
    /// The owner of the job.
    pub user_id: UserId,
    /// The job.
    pub job_id: JobId,
    /// Delay in seconds; more than [`DELAY_S_MAX`] is cut to it. Not in the message.
    #[serde(skip)]
    pub delay_s: u32,
}

/// Check this member's balance for an automatic top-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpMessage {
    /// The member.
    pub user_id: UserId,
}

/// Prepare this submitted version for a moderator. S3's events about uploaded files are in the same
/// queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparationMessage {
    /// The creator.
    pub creator_id: UserId,
    /// The listing.
    pub listing_id: ListingId,
    /// The number of the version.
    pub version: u32,
}

/// Send this delivery to its webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryMessage {
    /// The member.
    pub user_id: UserId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event, which is the delivery's id.
    pub event_id: WebhookEventId,
    /// When the delivery was queued: with its id, the message's name for five minutes.
    pub queued_at: Timestamp,
}

/// A message of a queue.
pub trait Message: Serialize {
    /// The variable of its queue.
    const QUEUE_URL: &'static str;

    /// The message group.
    fn group(&self) -> &str;
    /// How the queue orders it.
    fn order(&self) -> Order;
}

/// How a queue orders a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A standard queue shows it after so many seconds.
    After(u32),
    /// A FIFO queue shows it after the ones of its group, and ignores another one with this name
    /// for five minutes.
    Fifo(String),
}

impl Message for JobMessage {
    const QUEUE_URL: &'static str = "GENERATION_QUEUE_URL";

    fn group(&self) -> &str {
        self.user_id.as_str()
    }
    fn order(&self) -> Order {
        Order::After(self.delay_s)
    }
}

impl Message for TopUpMessage {
    const QUEUE_URL: &'static str = "TOP_UP_QUEUE_URL";

    fn group(&self) -> &str {
        self.user_id.as_str()
    }
    fn order(&self) -> Order {
        Order::After(0)
    }
}

impl Message for DeliveryMessage {
    const QUEUE_URL: &'static str = "WEBHOOK_QUEUE_URL";

    fn group(&self) -> &str {
        self.webhook_id.as_str()
    }
    fn order(&self) -> Order {
        Order::Fifo(format!("{}-{}", self.event_id, self.queued_at.as_millis()))
    }
}

impl Message for PreparationMessage {
    const QUEUE_URL: &'static str = "UPLOAD_QUEUE_URL";

    fn group(&self) -> &str {
        self.creator_id.as_str()
    }
    fn order(&self) -> Order {
        Order::After(0)
    }
}

/// A message that was not, or may not have been, enqueued. Sending it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message was not sent: {detail}")]
pub struct NotSent {
    /// The cause.
    pub detail: String,
}

/// A queue of one kind of message. Needs `sqs:SendMessage`.
#[derive(Debug, Clone)]
pub struct Queue<M> {
    sqs: Client,
    url: String,
    carries: PhantomData<fn(M)>,
}

/// The queue of generation jobs.
pub type GenerationQueue = Queue<JobMessage>;
/// The queue of automatic top-ups.
pub type TopUpQueue = Queue<TopUpMessage>;
/// The queue of pictures to be drawn, and of uploaded files.
pub type PreparationQueue = Queue<PreparationMessage>;
/// The queue of webhooks' deliveries.
pub type DeliveryQueue = Queue<DeliveryMessage>;

domain::domain_error!(NotSent => Unavailable, "queue_unavailable");

impl JobMessage {
    /// A message without delay.
    pub fn now(user_id: UserId, job_id: JobId) -> JobMessage {
        JobMessage { user_id, job_id, delay_s: 0 }
    }

    /// Reads the body of a message. Unknown members are ignored, so that an old worker can read
    /// what a newer relay sends.
    ///
    /// # Errors
    /// When the body is not such a message. Permanent.
    pub fn parse(body: &str) -> Result<JobMessage, serde_json::Error> {
        serde_json::from_str(body)
    }
}

impl<M: Message> Connect for Queue<M> {
    fn variables() -> Vec<&'static str> {
        vec![M::QUEUE_URL]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Queue<M>, InitError> {
        Ok(Queue::new(&aws.shared(Client::new), env.text(M::QUEUE_URL)?))
    }
}

impl<M: Message> Queue<M> {
    /// Over the process's SQS client; each call takes at most five seconds, retries included.
    pub fn new(sqs: &Client, url: impl Into<String>) -> Queue<M> {
        let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
        let config = sqs.config().to_builder().timeout_config(timeouts).build();
        Queue { sqs: Client::from_conf(config), url: url.into(), carries: PhantomData }
    }

    /// Sends messages, ten per call. Returns one result per message, in the order of `messages`.
    pub async fn send(&self, messages: &[M]) -> Vec<Result<(), NotSent>> {
        let mut results = Vec::with_capacity(messages.len());
        for batch in messages.chunks(BATCH_MAX) {
            results.extend(self.send_batch(batch).await);
        }
        results
    }

    async fn send_batch(&self, batch: &[M]) -> Vec<Result<(), NotSent>> {
        let none_sent = |detail: String| {
            batch.iter().map(|_| Err(NotSent { detail: detail.clone() })).collect()
        };
        let entries = batch.iter().enumerate().map(|(index, message)| entry(index, message));
        let entries: Vec<_> = match entries.collect::<Result<_, _>>() {
            Ok(entries) => entries,
            Err(error) => return none_sent(error.to_string()),
        };
        let request = self.sqs.send_message_batch().queue_url(&self.url);
        match request.set_entries(Some(entries)).send().await {
            Ok(answer) => {
                let sent = |index: usize| answer.successful.iter().any(|ok| is(&ok.id, index));
                let failed = |index: usize| answer.failed.iter().find(|no| is(&no.id, index));
                (0..batch.len())
                    .map(|index| match sent(index) {
                        true => Ok(()),
                        false => Err(NotSent {
                            detail: failed(index)
                                .map_or_else(|| "no result".to_owned(), |no| no.code.clone()),
                        }),
                    })
                    .collect()
            }
            Err(error) => none_sent(error.code().map_or_else(|| error.to_string(), str::to_owned)),
        }
    }
}

fn is(id: &str, index: usize) -> bool {
    id.parse() == Ok(index)
}

/// A message group accepts every [`UserId`]: 1 to 128 letters, digits and punctuation marks.
fn entry(index: usize, message: &impl Message) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let body = serde_json::to_string(message).map_err(BuildError::other)?;
    let entry = SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(body)
        .message_group_id(message.group());
    match message.order() {
        Order::After(delay_s) => {
            let delay_s = i32::try_from(delay_s.min(DELAY_S_MAX)).unwrap_or(0);
            entry.delay_seconds(delay_s).build()
        }
        // SQS refuses a delay of a single message here, even of zero.
        Order::Fifo(name) => entry.message_deduplication_id(name).build(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
    use axum::{Json, Router, http::StatusCode, routing::post};
    use domain::{DomainError, ErrorKind, Timestamp};
    use serde_json::{Value, json};

    use super::*;
    use crate::loopback;

    fn queue(endpoint: &str) -> GenerationQueue {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .endpoint_url(endpoint)
            .build();
        GenerationQueue::new(&Client::from_conf(config), format!("{endpoint}/1/generations"))
    }

    fn message(number: u32) -> JobMessage {
        JobMessage {
            user_id: UserId::parse("auth0|1").unwrap(),
            job_id: JobId::new(Timestamp::from_secs(1_700_000_000), number.into()),
            delay_s: number * 500,
        }
    }

    /// Accepts every message except those with an odd id, and reports why.
    async fn odd_ones_fail(body: String) -> Json<Value> {
        let request: Value = serde_json::from_str(&body).unwrap();
        let entries = request["Entries"].as_array().unwrap();
        let (mut ok, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            assert_eq!(entry["MessageGroupId"], "auth0|1");
            assert!(JobMessage::parse(entry["MessageBody"].as_str().unwrap()).is_ok());
            assert!(entry["DelaySeconds"].as_u64().unwrap() <= 900);
            let id = entry["Id"].as_str().unwrap();
            match id.parse::<u32>().unwrap() % 2 {
                0 => ok.push(json!({"Id": id, "MessageId": id, "MD5OfMessageBody": ""})),
                _ => failed.push(json!({"Id": id, "Code": "Throttled", "SenderFault": false})),
            }
        }
        Json(json!({"Successful": ok, "Failed": failed}))
    }

    #[tokio::test]
    async fn each_message_has_its_own_result() {
        let base = loopback::serve(Router::new().route("/", post(odd_ones_fail))).await;
        let messages: Vec<JobMessage> = (0..13).map(message).collect();
        let results = queue(&base).send(&messages).await;
        assert_eq!(results.len(), 13);
        for (index, result) in results.iter().enumerate() {
            match index % BATCH_MAX % 2 {
                0 => assert_eq!(*result, Ok(()), "{index}"),
                _ => assert_eq!(*result, Err(NotSent { detail: "Throttled".into() }), "{index}"),
            }
        }
    }

    #[tokio::test]
    async fn a_refused_call_sends_none() {
        let denied = || async { (StatusCode::FORBIDDEN, "{}") };
        let base = loopback::serve(Router::new().route("/", post(denied))).await;
        let results = queue(&base).send(&[message(0), message(1)]).await;
        assert_eq!(results.len(), 2);
        for result in results {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable, "it may be sent again");
        }
    }

    #[test]
    fn a_message_is_two_ids() {
        let body = serde_json::to_string(&message(1)).unwrap();
        assert_eq!(body, r#"{"user_id":"auth0|1","job_id":"gen_01HF7YAT000000000000000001"}"#);
        let read = JobMessage::parse(&body).unwrap();
        assert_eq!((read.delay_s, &read.job_id), (0, &message(1).job_id));
        for bad in ["", "{}", "[]", r#"{"user_id":"a#b","job_id":"gen_1"}"#] {
            assert!(JobMessage::parse(bad).is_err(), "{bad}");
        }
    }
}
