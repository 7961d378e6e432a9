//! Reports of a listing by members, and the moderator's decision on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ListingId, UserId},
    time::Timestamp,
};

/// Distinct reports that put a listing before a moderator; it stays on sale.
pub const FLAGS_TO_REVIEW: usize = 3;
/// Most reports that are counted; further ones change nothing.
pub const FLAGS_MAX: usize = 100;
/// Most members whose dismissed reports of a version are remembered, latest first to stay.
pub const DISMISSED_MAX: usize = 500;

/// The reason of a report.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::VariantArray,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FlagReason {
    /// It copies another's work.
    Copied,
    /// It is not what it claims to be.
    Misleading,
    /// It shows prohibited content.
    Prohibited,
    /// It does not work.
    Broken,
    /// It is spam.
    Spam,
}

impl FlagReason {
    /// Every reason.
    pub const ALL: &[FlagReason] = <FlagReason as strum::VariantArray>::VARIANTS;
}

/// One member's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// The member; each reports a listing once, and may change the reason.
    pub user_id: UserId,
    /// The reason.
    pub reason: FlagReason,
    /// When it was first made.
    pub at: Timestamp,
}

/// The undecided reports of a listing.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// The listing.
    pub listing_id: ListingId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// One per member.
    pub flags: Vec<Flag>,
    /// Since when there are enough for a moderator.
    pub due_since: Option<Timestamp>,
    /// The members whose reports were dismissed.
    pub dismissed: Option<Dismissed>,
}

/// The members whose reports of a version were dismissed: they do not count again for that version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissed {
    /// The version of the listing.
    pub number: u32,
    /// The members, the latest last.
    pub members: Vec<UserId>,
}

/// A moderator's decision on reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The reports are unfounded.
    Dismiss,
    /// The listing is taken off sale.
    Delist,
    /// The listing is taken off sale, and its creator gets a strike.
    Strike,
}

/// Why reports cannot be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlagsError {
    /// There are none: they were resolved already, or never made.
    #[error("These flags are already resolved.")]
    Resolved,
    /// They are not the ones that the moderator saw.
    #[error("The flags have changed since you saw them: read them again.")]
    Changed,
}

crate::domain_error! {
    FlagsError {
        Resolved => Conflict, "flags_resolved";
        Changed => Conflict, "flags_changed";
    }
}

impl Flags {
    /// No reports yet.
    pub fn none(listing_id: ListingId) -> Flags {
        Flags { listing_id, version: 0, flags: Vec::new(), due_since: None, dismissed: None }
    }

    /// Adds a member's report of version `number`, in place of an earlier one. Ignored if the
    /// member's report of that version was dismissed.
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

    /// The number of reports by reason.
    pub fn by_reason(&self) -> BTreeMap<FlagReason, u32> {
        let mut counts = BTreeMap::new();
        for flag in &self.flags {
            *counts.entry(flag.reason).or_default() += 1;
        }
        counts
    }

    /// Checks that they are still what a moderator saw: `seen` is the version.
    ///
    /// # Errors
    /// When they were resolved or have changed.
    pub fn check_seen(&self, seen: u64) -> Result<(), FlagsError> {
        match (self.flags.is_empty(), self.version == seen) {
            (true, _) => Err(FlagsError::Resolved),
            (false, true) => Ok(()),
            (false, false) => Err(FlagsError::Changed),
        }
    }

    /// Dismisses them: their members do not count again for version `number`.
    pub fn dismiss(&mut self, number: u32) {
        let before = self.dismissed.take().filter(|before| before.number == number);
        let mut members = before.map(|before| before.members).unwrap_or_default();
        members.extend(self.flags.iter().map(|flag| flag.user_id.clone()));
        let over = members.len().saturating_sub(DISMISSED_MAX);
        members.drain(..over);
        self.clear();
        self.dismissed = Some(Dismissed { number, members });
    }

    /// Removes them after the listing was acted on.
    pub fn clear(&mut self) {
        self.flags.clear();
        self.due_since = None;
    }
}
