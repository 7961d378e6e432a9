//! The queues: of generations, and of packs that are bought by themselves. A message is a hint to
//! look at something, never the truth about it.
//!
//! They are standard queues: messages may come twice or out of order, and their handler does not
//! mind. The user is the message group, which on a standard queue means fairness: one member's
//! backlog does not keep the others waiting (the SQS Developer Guide's "fair queues").

use std::{marker::PhantomData, time::Duration};

use aws_sdk_sqs::{
    Client,
    config::timeout::TimeoutConfig,
    error::{BuildError, ProvideErrorMetadata},
    types::SendMessageBatchRequestEntry,
};
use domain::{
    DomainError, ErrorKind,
    id::{JobId, UserId},
};
use serde::{Deserialize, Serialize};

/// Longest delay of a message, in seconds: a limit of SQS.
pub const DELAY_S_MAX: u32 = 900;

/// Most messages in one call: a limit of SQS.
const BATCH_MAX: usize = 10;
const TIMEOUT: Duration = Duration::from_secs(5);

/// "Look at this job."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMessage {
    /// OwnerRef job.
    pub user_id: UserId,
    /// Which job.
    pub job_id: JobId,
    /// Not before so many seconds; more than [`DELAY_S_MAX`] is cut to it. Not in the message.
    #[serde(skip)]
    pub delay_s: u32,
}

/// "Look at this member's balance."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpHint {
    /// OwnerRef.
    pub user_id: UserId,
}

/// What a queue carries.
pub trait Message: Serialize {
    /// OwnerRef turn it takes: the message group.
    fn user(&self) -> &UserId;
    /// Not before so many seconds.
    fn delay_s(&self) -> u32;
}

impl Message for JobMessage {
    fn user(&self) -> &UserId {
        &self.user_id
    }
    fn delay_s(&self) -> u32 {
        self.delay_s
    }
}

impl Message for TopUpHint {
    fn user(&self) -> &UserId {
        &self.user_id
    }
    fn delay_s(&self) -> u32 {
        0
    }
}

/// A hint that is not on the queue (or not known to be). Sending it again does no harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the hint was not sent: {detail}")]
pub struct NotSent {
    /// What happened.
    pub detail: String,
}

/// A queue of one kind of message. Needs `sqs:SendMessage`.
#[derive(Debug, Clone)]
pub struct Queue<M> {
    sqs: Client,
    url: String,
    carries: PhantomData<fn(M)>,
}

/// The queue of generations.
pub type GenerationQueue = Queue<JobMessage>;
/// The queue of packs that are bought by themselves.
pub type TopUpQueue = Queue<TopUpHint>;

impl DomainError for NotSent {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
    fn code(&self) -> &'static str {
        "queue_unavailable"
    }
}

impl JobMessage {
    /// A hint to look at once.
    pub fn now(user_id: UserId, job_id: JobId) -> JobMessage {
        JobMessage { user_id, job_id, delay_s: 0 }
    }

    /// Reads the body of a message. Unknown members are ignored, so that an old worker can read
    /// what a newer relay sends.
    ///
    /// # Errors
    /// When the body is not a hint. It never will be.
    pub fn parse(body: &str) -> Result<JobMessage, serde_json::Error> {
        serde_json::from_str(body)
    }
}

impl<M: Message> Queue<M> {
    /// Over the process's SQS client; each call takes at most five seconds, retries included.
    pub fn new(sqs: &Client, url: impl Into<String>) -> Queue<M> {
        let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
        let config = sqs.config().to_builder().timeout_config(timeouts).build();
        Queue { sqs: Client::from_conf(config), url: url.into(), carries: PhantomData }
    }

    /// Sends hints, ten in a call. The results stand in the order of `hints`, one for each.
    pub async fn send(&self, hints: &[M]) -> Vec<Result<(), NotSent>> {
        let mut results = Vec::with_capacity(hints.len());
        for batch in hints.chunks(BATCH_MAX) {
            results.extend(self.send_batch(batch).await);
        }
        results
    }

    async fn send_batch(&self, batch: &[M]) -> Vec<Result<(), NotSent>> {
        let none_sent = |detail: String| {
            batch.iter().map(|_| Err(NotSent { detail: detail.clone() })).collect()
        };
        let entries = batch.iter().enumerate().map(|(index, hint)| entry(index, hint));
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

/// A message group takes what a [`UserId`] may be: 1 to 128 letters, digits and punctuation marks.
fn entry(index: usize, hint: &impl Message) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let body = serde_json::to_string(hint).map_err(BuildError::other)?;
    let delay_s = i32::try_from(hint.delay_s().min(DELAY_S_MAX)).unwrap_or(0);
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(body)
        .message_group_id(hint.user().as_str())
        .delay_seconds(delay_s)
        .build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
    use axum::{Json, Router, http::StatusCode, routing::post};
    use domain::Timestamp;
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

    fn hint(number: u32) -> JobMessage {
        JobMessage {
            user_id: UserId::parse("auth0|1").unwrap(),
            job_id: JobId::new(Timestamp::from_secs(1_700_000_000), number.into()),
            delay_s: number * 500,
        }
    }

    /// Accepts every message but those with an odd id, of which it says why.
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
    async fn each_hint_has_its_own_result() {
        let base = loopback::serve(Router::new().route("/", post(odd_ones_fail))).await;
        let hints: Vec<JobMessage> = (0..13).map(hint).collect();
        let results = queue(&base).send(&hints).await;
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
        let results = queue(&base).send(&[hint(0), hint(1)]).await;
        assert!(results.len() == 2 && results.iter().all(Result::is_err));
    }

    #[test]
    fn a_message_is_two_ids() {
        let body = serde_json::to_string(&hint(1)).unwrap();
        assert_eq!(body, r#"{"user_id":"auth0|1","job_id":"gen_01HF7YAT000000000000000001"}"#);
        let read = JobMessage::parse(&body).unwrap();
        assert_eq!((read.delay_s, &read.job_id), (0, &hint(1).job_id));
        for bad in ["", "{}", "[]", r#"{"user_id":"a#b","job_id":"gen_1"}"#] {
            assert!(JobMessage::parse(bad).is_err(), "{bad}");
        }
    }
}
