//! Erasure: deleting data that no transaction reaches.
//!
//! Files are in buckets, so they cannot be deleted in the transaction that makes them unreachable.
//! That transaction writes an [`Erasure`] instead, and a worker deletes the files and then the
//! erasure. It deletes twice, at once and again after [`LATE_FILES`], because an upload or a worker
//! that was in progress may still have stored a file. An erasure that fails is retried later and
//! does not block others.
//!
//! A member's erasure removes everything that identifies them or that they made: profile, address,
//! presets, prompts and images, and their listings. What was paid, owed and granted stays under
//! their id, because accounting records must be retained; no name remains with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    id::{JobId, ListingId, UploadId, UserId},
    time::Timestamp,
};

/// How long after a request files may still arrive: an upload form is valid for five minutes, and a
/// worker's message is redelivered for less than an hour.
pub const LATE_FILES: Duration = Duration::from_secs(60 * 60);
/// How long a failed erasure waits before it is retried.
pub const RETRY_AFTER: Duration = Duration::from_secs(5 * 60);
/// How long a deleted account stays closed: no token lives longer, so an open page cannot reopen
/// the account.
pub const CLOSED_AFTER_ERASURE: Duration = Duration::from_secs(24 * 60 * 60);

/// The data to erase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ErasureSubject {
    /// All files of a listing that no longer exists or that was never bought.
    Listing {
        /// The listing.
        listing_id: ListingId,
    },
    /// The public previews of a listing; its buyers keep the files they bought.
    ListingPictures {
        /// The listing.
        listing_id: ListingId,
    },
    /// The image of a generation that its member deleted.
    Generation {
        /// The member.
        user_id: UserId,
        /// The generation.
        job_id: JobId,
    },
    /// One picture or file of a listing that its versions no longer refer to. If one that is or was
    /// on sale still does, it stays.
    Upload {
        /// The listing.
        listing_id: ListingId,
        /// The picture or file.
        upload_id: UploadId,
    },
    /// All data of a member.
    Member {
        /// The member.
        user_id: UserId,
    },
}

impl ErasureSubject {
    /// The key of the subject; at most one erasure of it is open.
    pub fn name(&self) -> String {
        match self {
            ErasureSubject::Listing { listing_id } => format!("listing#{listing_id}"),
            ErasureSubject::ListingPictures { listing_id } => format!("pictures#{listing_id}"),
            ErasureSubject::Generation { user_id: _, job_id } => format!("generation#{job_id}"),
            ErasureSubject::Upload { listing_id, upload_id } => {
                format!("upload#{listing_id}#{upload_id}")
            }
            ErasureSubject::Member { user_id } => format!("member#{user_id}"),
        }
    }
}

/// An unfinished erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The data to erase.
    #[serde(flatten)]
    pub subject: ErasureSubject,
    /// The optimistic lock: goes up with every write. A later request for the same subject starts
    /// above all versions of an earlier one, so the earlier one's worker cannot complete it.
    pub version: u64,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// When a worker processes it next.
    pub due_at: Timestamp,
}

impl Erasure {
    /// A new request, due at once.
    pub fn request(subject: ErasureSubject, now: Timestamp) -> Erasure {
        let version = u64::try_from(now.as_millis()).unwrap_or(0);
        Erasure { subject, version, requested_at: now, due_at: now }
    }

    /// The remaining erasure after a pass that deleted everything at `now`; `None` if that was the
    /// last pass.
    pub fn after_pass(&self, now: Timestamp) -> Option<Erasure> {
        let last = self.requested_at.plus(LATE_FILES);
        (now < last).then(|| Erasure { due_at: last, ..self.clone() })
    }

    /// The same erasure, to be retried later.
    pub fn postponed(&self, now: Timestamp) -> Erasure {
        Erasure { due_at: now.plus(RETRY_AFTER), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(1_795_000_000 + minute * 60)
    }

    #[test]
    fn files_are_deleted_at_once_and_again_after_the_last_one_may_arrive() {
        let listing_id = ListingId::new(at(0), 1);
        let first = Erasure::request(ErasureSubject::Listing { listing_id }, at(0));
        assert_eq!(first.due_at, at(0));
        let second = first.after_pass(at(1)).unwrap();
        assert_eq!(second.due_at, at(60));
        assert_eq!(second.after_pass(at(60)), None);
        assert_eq!(
            first.after_pass(at(61)),
            None,
            "a worker that was down for an hour needs one pass"
        );
        assert_eq!(first.postponed(at(3)).due_at, at(8));
    }

    #[test]
    fn a_later_request_is_not_ended_by_the_worker_of_an_earlier_one() {
        let user_id = UserId::parse("kim").unwrap();
        let subject = ErasureSubject::Member { user_id };
        let first = Erasure::request(subject.clone(), at(0));
        assert!(Erasure::request(subject, at(1)).version > first.version + 50);
    }
}
