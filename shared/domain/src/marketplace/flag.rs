//! What members report of a listing, and what a moderator makes of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    error::{DomainError, ErrorKind},
    id::{ListingId, UserId},
    time::Timestamp,
};

/// So many distinct flags put a listing before a moderator; it stays on sale.
pub const FLAGS_TO_REVIEW: usize = 3;
/// Most flags that are counted one by one; more change nothing.
pub const FLAGS_MAX: usize = 100;
/// Most members whose reports of a version were dismissed that are remembered, the latest ones.
pub const DISMISSED_MAX: usize = 500;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// OwnerRef reports were dismissed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed: Option<Dismissed>,
}

/// OwnerRef reports of a version a moderator dismissed: they do not count again for that version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissed {
    /// Of this version of the listing.
    pub number: u32,
    /// The latest last.
    pub members: Vec<UserId>,
}

/// What a moderator makes of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing is wrong.
    Dismiss,
    /// The listing is taken off sale.
    Delist,
    /// The same, and its creator gets a strike.
    Strike,
}

/// Why flags are not resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlagsError {
    /// There are none: somebody was faster, or none ever were.
    #[error("Nothing is to be decided: these flags were resolved before.")]
    Resolved,
    /// There are others than the moderator saw.
    #[error("The flags have changed since you saw them: look at them again.")]
    Changed,
}

impl DomainError for FlagsError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Conflict
    }
    fn code(&self) -> &'static str {
        match self {
            FlagsError::Resolved => "flags_resolved",
            FlagsError::Changed => "flags_changed",
        }
    }
}

impl Flags {
    /// None so far.
    pub fn none(listing_id: ListingId) -> Flags {
        Flags { listing_id, version: 0, flags: Vec::new(), due_since: None, dismissed: None }
    }

    /// Adds a member's report of version `number`, in place of an earlier one of theirs. One whose
    /// report of that version was dismissed changes nothing.
    pub fn add(&mut self, flag: Flag, number: u32) {
        self.dismissed = self.dismissed.take().filter(|before| before.number == number);
        if self.dismissed.as_ref().is_some_and(|before| before.members.contains(&flag.user_id)) {
            return;
        }
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

    /// How many there are of each reason.
    pub fn by_reason(&self) -> BTreeMap<FlagReason, u32> {
        let mut counts = BTreeMap::new();
        for flag in &self.flags {
            *counts.entry(flag.reason).or_default() += 1;
        }
        counts
    }

    /// Whether they are still what a moderator saw.
    ///
    /// # Errors
    /// When they were resolved, or have changed.
    pub fn check_seen(&self, seen: u64) -> Result<(), FlagsError> {
        match (self.flags.is_empty(), self.version == seen) {
            (true, _) => Err(FlagsError::Resolved),
            (false, true) => Ok(()),
            (false, false) => Err(FlagsError::Changed),
        }
    }

    /// Ends them without a consequence: whose they are does not count again for version `number`.
    pub fn dismiss(&mut self, number: u32) {
        let before = self.dismissed.take().filter(|before| before.number == number);
        let mut members = before.map(|before| before.members).unwrap_or_default();
        members.extend(self.flags.iter().map(|flag| flag.user_id.clone()));
        let over = members.len().saturating_sub(DISMISSED_MAX);
        members.drain(..over);
        self.clear();
        self.dismissed = Some(Dismissed { number, members });
    }

    /// Ends them: something was done about the listing.
    pub fn clear(&mut self) {
        self.flags.clear();
        self.due_since = None;
    }
}
