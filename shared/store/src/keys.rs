//! The table: THE document of what is stored where, and of every question asked of it.
//!
//! One table, keys `pk` and `sk`, one sparse index `gsi1` (`gsi1pk`, `gsi1sk`) that holds keys
//! only. No other crate knows what a key looks like, and no request path scans.
//!
//! | item | pk | sk | notes |
//! |---|---|---|---|
//! | account | `USER#<user>` | `ACCOUNT` | balance, plan, standing; `version` fences every change |
//! | ledger entry | `USER#<user>` | `LEDGER#<seq>` | added, never changed; 1, 2, 3, … |
//! | job | `USER#<user>` | `JOB#<job>` | the truth of a generation; ids sort by time; below 1 KiB |
//! | input | `USER#<user>` | `INPUT#<job>` | what the job is made from; written once, read by the worker |
//! | preset | `USER#<user>` | `PRESET#<preset>` | ids sort by time |
//! | idempotency record | `USER#<user>` | `IDEM#<key>` | lapses after 24 hours (TTL `expires_at`) |
//! | counter of a rate | `RATE#<what>` | `<window>` | calls in one window; lapses by TTL |
//!
//! | index entry | gsi1pk | gsi1sk |
//! |---|---|---|
//! | open job | `OPEN#<0..8>` | `<due_at>#<job>` |
//! | finished job | `USER#<user>#<status>` | `<job>` |
//!
//! | # | question | how | cost |
//! |---|---|---|---|
//! | Q1 | an account | GetItem | 1 RRU |
//! | Q2 | what a POST decides on: account, record of its key, preset or job | BatchGetItem | 1 trip |
//! | Q3 | a job and what it is made from | BatchGetItem | 1 trip |
//! | Q4 | a member's jobs, newest first | Query `JOB#` backwards | 1 trip a page |
//! | Q5 | a member's finished jobs of one status | Query `gsi1`, then BatchGetItem | 2 trips a page |
//! | Q6 | a member's open jobs of one status | Query `JOB#` of the last day, filtered | 1 trip |
//! | Q7 | a member's ledger, newest first | Query `LEDGER#` backwards | 1 trip a page |
//! | Q8 | a member's presets, newest first | Query `PRESET#` backwards | 1 trip |
//! | Q9 | jobs somebody should look at | Query `gsi1` for each of the 8 shards | 8 trips a minute |
//! | Q10 | calls left in this window | conditional UpdateItem | 1 WRU |

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    generation::{Job, Status},
    id::{JobId, PresetId, UserId},
};
use sha2::{Digest, Sha256};

/// The attributes of the table's key.
pub(crate) const PK: &str = "pk";
/// See [`PK`].
pub(crate) const SK: &str = "sk";
/// The index.
pub(crate) const INDEX: &str = "gsi1";
/// The attributes of the index's key.
pub(crate) const INDEX_PK: &str = "gsi1pk";
/// See [`INDEX_PK`].
pub(crate) const INDEX_SK: &str = "gsi1sk";
/// Unix seconds after which DynamoDB may drop an item.
pub(crate) const TTL: &str = "expires_at";

/// Open jobs are spread over this many index partitions, so that none is hot.
pub const OPEN_SHARDS: u8 = 8;

pub(crate) const JOB_PREFIX: &str = "JOB#";
pub(crate) const LEDGER_PREFIX: &str = "LEDGER#";
pub(crate) const PRESET_PREFIX: &str = "PRESET#";

/// A map of attributes.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn of(user: &UserId, sk: String) -> Key {
        Key { pk: user_pk(user), sk }
    }

    pub(crate) fn account(user: &UserId) -> Key {
        Key::of(user, "ACCOUNT".to_owned())
    }

    pub(crate) fn ledger(user: &UserId, seq: u64) -> Key {
        Key::of(user, format!("{LEDGER_PREFIX}{seq:012}"))
    }

    pub(crate) fn job(user: &UserId, job: &JobId) -> Key {
        Key::of(user, format!("{JOB_PREFIX}{job}"))
    }

    pub(crate) fn input(user: &UserId, job: &JobId) -> Key {
        Key::of(user, format!("INPUT#{job}"))
    }

    pub(crate) fn preset(user: &UserId, preset: &PresetId) -> Key {
        Key::of(user, format!("{PRESET_PREFIX}{preset}"))
    }

    pub(crate) fn idempotency(user: &UserId, key: &str) -> Key {
        Key::of(user, format!("IDEM#{key}"))
    }

    pub(crate) fn rate(what: &str, window: i64) -> Key {
        Key { pk: format!("RATE#{what}"), sk: window.to_string() }
    }

    pub(crate) fn item(&self) -> Item {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// Whether a returned item stands at this key.
    pub(crate) fn is_of(&self, item: &Item) -> bool {
        text(item, PK) == Some(&self.pk) && text(item, SK) == Some(&self.sk)
    }
}

pub(crate) fn user_pk(user: &UserId) -> String {
    format!("USER#{user}")
}

/// Where a job stands in the index: by when it is due while open, by outcome once it is over.
pub(crate) fn job_index(job: &Job) -> (String, String) {
    match job.due_at {
        Some(due_at) => (open_pk(shard_of(&job.id)), format!("{due_at}#{}", job.id)),
        None => (outcome_pk(&job.user_id, job.status), job.id.to_string()),
    }
}

pub(crate) fn outcome_pk(user: &UserId, status: Status) -> String {
    format!("USER#{user}#{}", status.as_str())
}

pub(crate) fn open_pk(shard: u8) -> String {
    format!("OPEN#{shard}")
}

/// An index key above every open job that is due by `now` and below all others.
pub(crate) fn due_bound(now: Timestamp) -> String {
    format!("{now}$")
}

fn shard_of(job: &JobId) -> u8 {
    let [first, ..] = <[u8; 32]>::from(Sha256::digest(job.as_str()));
    first % OPEN_SHARDS
}

/// Whose job an index entry points at.
pub(crate) fn job_of(item: &Item) -> Option<(UserId, JobId)> {
    let user = text(item, PK)?.strip_prefix("USER#")?;
    let job = text(item, SK)?.strip_prefix(JOB_PREFIX)?;
    Some((UserId::parse(user).ok()?, JobId::parse(job).ok()?))
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a String> {
    item.get(name).and_then(|value| value.as_s().ok())
}
