//! Reports by members, of a listing, an image of it, a review or a member, and the moderator's
//! decision on them.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use strum::{IntoStaticStr, VariantArray};

use crate::{
    error::{FieldCheck, InvalidFields},
    id::{InvalidId, ListingId, ReviewId, UploadId, UserId},
    text,
    time::Timestamp,
};

/// Distinct reports that put a listing before a moderator; it stays on sale.
pub const FLAGS_TO_REVIEW: usize = 3;
/// Longest text of a report, in characters.
pub const TEXT_CHARS_MAX: usize = 500;
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
    /// It copies another's work, or pretends to be another.
    Copied,
    /// It is not what it claims to be.
    Misleading,
    /// It shows prohibited content.
    Prohibited,
    /// It does not work.
    Broken,
    /// It is spam.
    Spam,
    /// It insults or threatens.
    Abusive,
}

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FlagSubject {
    /// An image of a listing.
    Image {
        /// The listing.
        listing_id: ListingId,
        /// The upload that it came from.
        image_id: UploadId,
    },
    /// A review of a listing.
    Review {
        /// The listing.
        listing_id: ListingId,
        /// The review.
        review_id: ReviewId,
    },
    /// A member: a creator, or the author of a review.
    Member {
        /// The member.
        member_id: UserId,
    },
    /// A listing as a whole.
    Listing {
        /// The listing.
        listing_id: ListingId,
    },
}

/// What a report can be about.
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
    IntoStaticStr,
    VariantArray,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SubjectKind {
    /// A listing as a whole.
    Listing,
    /// An image of a listing.
    Image,
    /// A review of a listing.
    Review,
    /// A member.
    Member,
}

impl FlagSubject {
    /// A listing as a whole.
    pub fn listing(id: &ListingId) -> FlagSubject {
        FlagSubject::Listing { listing_id: id.clone() }
    }

    /// Its kind.
    pub const fn kind(&self) -> SubjectKind {
        match self {
            FlagSubject::Image { .. } => SubjectKind::Image,
            FlagSubject::Review { .. } => SubjectKind::Review,
            FlagSubject::Member { .. } => SubjectKind::Member,
            FlagSubject::Listing { .. } => SubjectKind::Listing,
        }
    }

    /// The listing that it belongs to; `None` for a member.
    pub const fn listing_id(&self) -> Option<&ListingId> {
        match self {
            FlagSubject::Image { listing_id, .. }
            | FlagSubject::Review { listing_id, .. }
            | FlagSubject::Listing { listing_id } => Some(listing_id),
            FlagSubject::Member { .. } => None,
        }
    }

    /// Distinct reports that put it before a moderator.
    pub const fn flags_to_review(&self) -> usize {
        match self {
            FlagSubject::Listing { .. } => FLAGS_TO_REVIEW,
            FlagSubject::Image { .. } | FlagSubject::Review { .. } | FlagSubject::Member { .. } => {
                1
            }
        }
    }
}

/// The id of its reports: `lst_…`, `image:<listing>:<image>`, `review:<listing>:<review>` or
/// `member:<member>`.
impl fmt::Display for FlagSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlagSubject::Image { listing_id, image_id } => {
                write!(f, "image:{listing_id}:{image_id}")
            }
            FlagSubject::Review { listing_id, review_id } => {
                write!(f, "review:{listing_id}:{review_id}")
            }
            FlagSubject::Member { member_id } => write!(f, "member:{member_id}"),
            FlagSubject::Listing { listing_id } => write!(f, "{listing_id}"),
        }
    }
}

impl FromStr for FlagSubject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<FlagSubject, InvalidId> {
        const NOT_ONE: InvalidId = InvalidId { expected: "the id of reports" };
        let (kind, rest) = text.split_once(':').unwrap_or(("listing", text));
        let both = || rest.split_once(':').ok_or(NOT_ONE);
        Ok(match kind {
            "listing" => FlagSubject::Listing { listing_id: ListingId::parse(rest)? },
            "member" => FlagSubject::Member { member_id: UserId::parse(rest)? },
            "image" => FlagSubject::Image {
                listing_id: ListingId::parse(both()?.0)?,
                image_id: UploadId::parse(both()?.1)?,
            },
            "review" => FlagSubject::Review {
                listing_id: ListingId::parse(both()?.0)?,
                review_id: ReviewId::parse(both()?.1)?,
            },
            _ => return Err(NOT_ONE),
        })
    }
}

/// A [`FlagSubject`] that is read from the text of its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagsId(pub FlagSubject);

crate::scalar_schema!(FlagsId {
    "type": "string",
    "description": "The id of reports: a listing's, `image:<listing>:<image>`, \
                    `review:<listing>:<review>` or `member:<member>`.",
    "examples": ["lst_01JD0000000000000000000000"],
});

impl<'de> Deserialize<'de> for FlagsId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<FlagsId, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map(FlagsId).map_err(D::Error::custom)
    }
}

/// Validates and trims the text of a report; blank is none.
///
/// # Errors
/// When it is too long or invisible.
pub fn checked_text(said: Option<&str>) -> Result<Option<String>, InvalidFields> {
    let said = said.map(str::trim).filter(|said| !said.is_empty());
    let mut check = FieldCheck::new();
    let fits = said.is_none_or(|it| text::length(it) <= TEXT_CHARS_MAX && text::is_visible(it));
    check.require(fits, "/text", "text", || format!("1 to {TEXT_CHARS_MAX} visible characters"));
    check.finish()?;
    Ok(said.map(str::to_owned))
}

impl FlagReason {
    /// Every reason.
    pub const ALL: &[FlagReason] = <FlagReason as strum::VariantArray>::VARIANTS;
}

/// One member's report.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// The member; each reports a listing once, and may change the reason.
    pub user_id: UserId,
    /// The reason.
    pub reason: FlagReason,
    /// In the member's words.
    pub text: Option<String>,
    /// When it was first made.
    pub at: Timestamp,
}

/// The undecided reports of a subject.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// What they are about.
    #[serde(flatten)]
    pub subject: FlagSubject,
    /// The creator of a listing; `None` in an item of before this was stored, and of other subjects.
    pub creator_id: Option<UserId>,
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
    /// The version of the listing; zero of any other subject.
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
    /// The reports of an image, a review or a member are justified. What follows, such as the
    /// removal of the review, is a decision of its own.
    Uphold,
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
    /// The decision is not one on such a subject.
    #[error("This cannot be decided about such a subject: besides `dismiss` only {0} can.")]
    Unfit(&'static str),
}

crate::domain_error! {
    FlagsError {
        Resolved => Conflict, "flags_resolved";
        Changed => Conflict, "flags_changed";
        Unfit => Invalid, "decision_unfit";
    }
}

impl Flags {
    /// No reports yet.
    pub fn none(subject: FlagSubject) -> Flags {
        Flags {
            subject,
            creator_id: None,
            version: 0,
            flags: Vec::new(),
            due_since: None,
            dismissed: None,
        }
    }

    /// Adds a member's report of version `number` (zero of what has no versions), in place of an
    /// earlier one. Ignored if the
    /// member's report of that version was dismissed.
    pub fn add(&mut self, flag: Flag, number: u32) {
        self.dismissed = self.dismissed.take().filter(|before| before.number == number);
        if self.dismissed.as_ref().is_some_and(|before| before.members.contains(&flag.user_id)) {
            return;
        }
        let (now, has_room) = (flag.at, self.flags.len() < FLAGS_MAX);
        match self.flags.iter_mut().find(|there| there.user_id == flag.user_id) {
            Some(there) => (there.reason, there.text) = (flag.reason, flag.text),
            None if has_room => self.flags.push(flag),
            None => {}
        }
        if self.flags.len() >= self.subject.flags_to_review() {
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

    /// Checks that a decision is one on their subject.
    ///
    /// # Errors
    /// [`FlagsError::Unfit`].
    pub const fn check_decision(&self, decision: Decision) -> Result<(), FlagsError> {
        let is_listing = matches!(self.subject.kind(), SubjectKind::Listing);
        match (decision, is_listing) {
            (Decision::Dismiss, _)
            | (Decision::Delist | Decision::Strike, true)
            | (Decision::Uphold, false) => Ok(()),
            (Decision::Uphold, true) => Err(FlagsError::Unfit("`delist` and `strike`")),
            (Decision::Delist | Decision::Strike, false) => Err(FlagsError::Unfit("`uphold`")),
        }
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
