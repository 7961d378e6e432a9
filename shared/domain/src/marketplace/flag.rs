//! What members report of a listing.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ListingId, UserId},
    time::Timestamp,
};

/// So many distinct flags put a listing before a moderator; it stays on sale.
pub const FLAGS_TO_REVIEW: usize = 3;
/// Most flags that are counted one by one; more change nothing.
pub const FLAGS_MAX: usize = 100;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagReason {
    /// It is another's work.
    Copied,
    /// It is not what it says.
    Misleading,
    /// It shows what is not allowed.
    Prohibited,
    /// It does not work.
    Broken,
    /// It is there to be found, not to be used.
    Spam,
}

/// One member's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// By whom; the same member reports a listing once, and may change why.
    pub user_id: UserId,
    /// Why.
    pub reason: FlagReason,
    /// When.
    pub at: Timestamp,
}

/// All reports of a listing that nobody has decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// Of this listing.
    pub listing_id: ListingId,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// One for each member.
    pub flags: Vec<Flag>,
    /// Since when there are enough for a moderator to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_since: Option<Timestamp>,
}

impl Flags {
    /// None so far.
    pub fn none(listing_id: ListingId) -> Flags {
        Flags { listing_id, version: 0, flags: Vec::new(), due_since: None }
    }

    /// Adds a member's report, in place of an earlier one of theirs.
    pub fn add(&mut self, flag: Flag) {
        let (now, has_room) = (flag.at, self.flags.len() < FLAGS_MAX);
        match self.flags.iter_mut().find(|there| there.user_id == flag.user_id) {
            Some(there) => there.reason = flag.reason,
            None if has_room => self.flags.push(flag),
            None => {}
        }
        if self.flags.len() >= FLAGS_TO_REVIEW {
            self.due_since.get_or_insert(now);
        }
    }
}
