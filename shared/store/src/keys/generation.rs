//! Keys of generations.

use domain::{
    generation::{Job, Status},
    id::{JobId, UserId, shard_in},
};

use super::{IndexKey, Item, Key, OPEN_SHARDS, SK, USER_PREFIX, text, user_of};

pub(crate) const JOB_PREFIX: &str = "JOB#";
pub(crate) const INPUT_PREFIX: &str = "INPUT#";

impl Key {
    pub(crate) fn job(user: &UserId, job: &JobId) -> Key {
        Key::of(user, format!("{JOB_PREFIX}{job}"))
    }

    pub(crate) fn input(user: &UserId, job: &JobId) -> Key {
        Key::of(user, format!("{INPUT_PREFIX}{job}"))
    }
}

/// The index key of a job: by due time while open, by outcome once finished; favourites apart.
pub(crate) fn job_index(job: &Job) -> IndexKey {
    match job.due_at {
        Some(due_at) => {
            let shard = shard_in(job.id.as_str(), OPEN_SHARDS);
            (open_pk(shard), format!("{due_at}#{}", job.id))
        }
        None if job.favourite => (favourites_pk(&job.user_id), job.id.to_string()),
        None => (outcome_pk(&job.user_id, job.status), job.id.to_string()),
    }
}

pub(crate) fn outcome_pk(user: &UserId, status: Status) -> String {
    format!("{USER_PREFIX}{user}#{}", status.into_str())
}

pub(crate) fn favourites_pk(user: &UserId) -> String {
    format!("{USER_PREFIX}{user}#favourite")
}

pub(crate) fn open_pk(shard: u8) -> String {
    format!("OPEN#{shard}")
}

/// The member and job of an index entry.
pub(crate) fn job_of(item: &Item) -> Option<(UserId, JobId)> {
    let job = text(item, SK)?.strip_prefix(JOB_PREFIX)?;
    Some((user_of(item)?, JobId::parse(job).ok()?))
}
