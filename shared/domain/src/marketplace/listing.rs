//! A listing: its versions, the one on sale, and the transitions between states.
//!
//! ```text
//! draft -> preparing -> pending -> approved
//!            |  |          |  \-> rejected -> (edited) -> draft
//!            |  |          \-> (edited) -> draft
//!            |  \-> preparation_failed -> (submitted again) -> preparing
//!            \-> (edited) -> draft
//! approved -> retired by its creator | delisted by staff -> (submitted again) -> preparing
//! ```
//!
//! At most one version is being edited and at most one is on sale. They change independently: the
//! version on sale stays on sale until the next one is approved. Only retiring a listing also
//! withdraws its pending version, because its approval would put the listing on sale again.
//!
//! A version that was on sale never changes, even if it is submitted again unchanged: an edit
//! begins the next version.
//!
//! * [`content`]: what a listing sells, by its [`Kind`]: a camera, a rig, a prompt with slots, a
//!   model;
//! * [`revision`]: one version of a listing, as its creator describes it;
//! * [`model`]: the creator to whom a tailored model belongs;
//! * [`upload`] and [`archive`]: files of a listing, and what they may contain;
//! * [`demo`]: what a visitor may try before buying;
//! * [`lint`] and [`similarity`]: findings for moderators, and how similar two contents are;
//! * [`card`]: a listing in a list.

pub mod archive;
pub mod card;
pub mod content;
pub mod demo;
mod error;
pub mod lint;
pub mod model;
pub mod revision;
pub mod similarity;
mod transitions;
pub mod upload;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::{IntoStaticStr, VariantArray};

use super::{Category, Kind, moderation::strike::Seller};
use crate::{
    account::AccountStatus,
    error::{FieldError, InvalidFields},
    id::{ListingId, UploadId, UserId},
    money::Money,
    text,
    time::Timestamp,
};
use revision::{Description, Revision};

pub use error::{LISTINGS_MAX, ListingError};
pub use transitions::PREPARATION_MAX;

/// Longest reason given by a moderator, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// A listing.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Its id.
    pub id: ListingId,
    /// Its creator.
    pub creator_id: UserId,
    /// The kind of all its versions.
    pub kind: Kind,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// The number of versions so far.
    pub revisions: u32,
    /// The number of uploads requested so far.
    #[serde(default)]
    pub uploads: u32,
    /// The version being edited or reviewed.
    pub draft: Option<DraftVersion>,
    /// The version on sale, or the last that was.
    pub published: Option<Published>,
    /// Why it is off sale, if it is.
    pub delisted: Option<Delisted>,
    /// Whether the version on sale is hidden from others because its creator may not sell. It
    /// depends on the creator alone: the listing can be approved, changed and retired regardless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// The version being edited or reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftVersion {
    /// Its number.
    pub number: u32,
    /// Its state.
    #[serde(flatten)]
    pub state: DraftState,
}

/// The state of a version that is not on sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DraftState {
    /// Its creator edits it.
    Draft,
    /// It was submitted. A worker draws the picture that it may lack and looks for similar listings;
    /// no moderator sees it before.
    Preparing {
        /// When it was submitted.
        submitted_at: Timestamp,
        /// The name of the picture to be drawn. It also names this submission: a later one of the
        /// same version has another.
        picture_id: UploadId,
    },
    /// It could not be prepared. It may be edited, and submitted again.
    PreparationFailed {
        /// The error code: stable, snake case.
        code: String,
        /// The explanation for the creator.
        reason: String,
        /// When that was found.
        failed_at: Timestamp,
    },
    /// It waits for a moderator.
    Pending {
        /// When it was submitted.
        submitted_at: Timestamp,
    },
    /// A moderator rejected it.
    Rejected {
        /// The reason, as shown to the creator.
        reason: String,
        /// When it was rejected.
        rejected_at: Timestamp,
    },
}

/// The version on sale, with the fields on which a purchase is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its number.
    pub number: u32,
    /// When this version was approved.
    pub published_at: Timestamp,
    /// When the listing's first version was approved.
    pub first_published_at: Timestamp,
    /// Its title.
    pub title: String,
    /// Its price.
    pub price: Money,
    /// Its category.
    pub category: Category,
}

/// Why a listing is off sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delisted {
    /// Who took it off sale.
    pub by: DelistedBy,
    /// The reason, as shown to the creator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was taken off sale.
    pub at: Timestamp,
}

/// Who took a listing off sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DelistedBy {
    /// Its creator.
    Creator,
    /// A moderator.
    Staff,
}

/// The state of a listing as a whole.
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
pub enum State {
    /// Never submitted, or withdrawn.
    Draft,
    /// Submitted, and not shown to moderators yet.
    Preparing,
    /// Submitted, and could not be prepared for them.
    PreparationFailed,
    /// Waits for a moderator.
    Pending,
    /// On sale.
    Approved,
    /// Rejected by a moderator.
    Rejected,
    /// Off sale.
    Delisted,
}

/// Why only its creator sees a listing, or why a change of it is not visible yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HiddenReason {
    /// It was never submitted.
    NotSubmitted,
    /// It was submitted and is being prepared for a moderator.
    Preparing,
    /// It could not be prepared; the version has the reason.
    PreparationFailed,
    /// It waits for a moderator.
    InReview,
    /// A moderator rejected it; the version has the reason.
    Rejected,
    /// Its creator took it off sale.
    Retired,
    /// A moderator took it off sale; the listing has the reason.
    Delisted,
    /// Its creator is suspended.
    CreatorSuspended,
    /// Its creator's strikes suspend selling.
    SellingSuspended,
}

/// What keeps a listing, or a change of it, from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hindrance {
    /// What it is.
    pub code: HiddenReason,
    /// The words of staff about it, or why it could not be prepared; `None` where the code says all.
    pub reason: Option<String>,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
}

impl Hindrance {
    fn of(code: HiddenReason) -> Hindrance {
        Hindrance { code, reason: None, until: None }
    }

    fn because(self, reason: Option<&String>) -> Hindrance {
        Hindrance { reason: reason.cloned(), ..self }
    }
}

impl Listing {
    /// Creates a listing with its first draft.
    ///
    /// # Errors
    /// The fields of the description that are invalid.
    pub fn create(
        id: ListingId,
        creator_id: UserId,
        kind: Kind,
        description: Description,
        now: Timestamp,
    ) -> Result<(Listing, Revision), InvalidFields> {
        let revision = Revision {
            listing_id: id.clone(),
            number: 1,
            creator_id: creator_id.clone(),
            kind,
            description: description.checked(kind)?,
            previews: Vec::new(),
            assets: Vec::new(),
            created_at: now,
            published_at: None,
            signature: None,
            similar: Vec::new(),
        };
        let listing = Listing {
            id,
            creator_id,
            kind,
            version: 0,
            created_at: now,
            updated_at: now,
            revisions: 1,
            uploads: 0,
            draft: Some(DraftVersion { number: 1, state: DraftState::Draft }),
            published: None,
            delisted: None,
            hidden: false,
        };
        Ok((listing, revision))
    }

    /// Its state; the version on sale takes precedence.
    pub fn state(&self) -> State {
        match (&self.published, &self.delisted, &self.draft) {
            (Some(_), None, _) => State::Approved,
            (published, _, Some(draft)) => match draft.state {
                DraftState::Preparing { .. } => State::Preparing,
                DraftState::PreparationFailed { .. } => State::PreparationFailed,
                DraftState::Pending { .. } => State::Pending,
                DraftState::Rejected { .. } => State::Rejected,
                DraftState::Draft if published.is_some() => State::Delisted,
                DraftState::Draft => State::Draft,
            },
            (Some(_), Some(_), None) => State::Delisted,
            (None, _, None) => State::Draft,
        }
    }

    /// The version on sale.
    pub fn on_sale(&self) -> Option<&Published> {
        self.published.as_ref().filter(|_| self.delisted.is_none())
    }

    /// Whether it was on sale at any time.
    pub fn was_on_sale(&self) -> bool {
        self.published.is_some()
    }

    /// Whether staff took it off sale.
    pub fn is_taken_off(&self) -> bool {
        self.delisted.as_ref().is_some_and(|it| it.by == DelistedBy::Staff)
    }

    /// The state that moderators can change, as recorded in the audit trail.
    pub fn audited(&self) -> Value {
        json!({
            "state": self.state(),
            "on_sale": self.on_sale().map(|on_sale| on_sale.number),
            "draft": self.draft,
            "delisted": self.delisted,
        })
    }

    /// The version on sale, unless it is hidden.
    pub fn shown(&self) -> Option<&Published> {
        self.on_sale().filter(|_| !self.hidden)
    }

    /// Updates `hidden` to whether its creator may sell.
    pub fn follow(&mut self, creator: &Seller, now: Timestamp) {
        self.hidden = !creator.may_sell(now);
    }

    /// The number of its newest version: the draft, else the one that is or was on sale.
    pub fn newest(&self) -> u32 {
        let draft = self.draft.as_ref().map(|draft| draft.number);
        draft.or(self.published.as_ref().map(|published| published.number)).unwrap_or(1)
    }

    /// The number of the version that is on sale or last was; the newest if none ever was.
    pub fn newest_sold(&self) -> u32 {
        self.published.as_ref().map_or_else(|| self.newest(), |published| published.number)
    }

    /// What keeps it, or its newest version, from others; empty if all of it is visible.
    pub fn hidden_by(&self, creator: &Seller, now: Timestamp) -> Vec<Hindrance> {
        let draft = self.draft.as_ref().map(|draft| match &draft.state {
            DraftState::Draft => Hindrance::of(HiddenReason::NotSubmitted),
            DraftState::Preparing { .. } => Hindrance::of(HiddenReason::Preparing),
            DraftState::PreparationFailed { reason, .. } => {
                Hindrance::of(HiddenReason::PreparationFailed).because(Some(reason))
            }
            DraftState::Pending { .. } => Hindrance::of(HiddenReason::InReview),
            DraftState::Rejected { reason, .. } => {
                Hindrance::of(HiddenReason::Rejected).because(Some(reason))
            }
        });
        let delisted = self.delisted.as_ref().map(|delisted| match delisted.by {
            DelistedBy::Creator => Hindrance::of(HiddenReason::Retired),
            DelistedBy::Staff => {
                Hindrance::of(HiddenReason::Delisted).because(delisted.reason.as_ref())
            }
        });
        let suspended = match &creator.standing {
            AccountStatus::Suspended { reason, until } if !creator.standing.allows(now) => {
                let suspended = Hindrance::of(HiddenReason::CreatorSuspended);
                Some(Hindrance { until: *until, ..suspended.because(Some(reason)) })
            }
            AccountStatus::Suspended { .. } | AccountStatus::Active => None,
        };
        let struck = creator.check_strikes(now).err().map(|struck| Hindrance {
            until: Some(struck.until),
            ..Hindrance::of(HiddenReason::SellingSuspended)
        });
        [draft, delisted, suspended, struck].into_iter().flatten().collect()
    }

    /// The number of the draft, if it may be changed.
    ///
    /// # Errors
    /// When there is none, or it is in review.
    pub fn editable(&self) -> Result<u32, ListingError> {
        match (self.is_submitted(), self.own_draft()) {
            (true, _) => Err(ListingError::InReview),
            (false, None) => Err(ListingError::NoDraft),
            (false, Some(draft)) => Ok(draft.number),
        }
    }

    /// The version being edited, unless it was on sale and is submitted again unchanged.
    fn own_draft(&self) -> Option<&DraftVersion> {
        let sold = self.published.as_ref().map(|published| published.number);
        self.draft.as_ref().filter(|draft| Some(draft.number) != sold)
    }

    /// Since when a version waits for a moderator.
    pub fn pending_since(&self) -> Option<Timestamp> {
        match &self.draft.as_ref()?.state {
            DraftState::Pending { submitted_at } => Some(*submitted_at),
            DraftState::Draft
            | DraftState::Preparing { .. }
            | DraftState::PreparationFailed { .. }
            | DraftState::Rejected { .. } => None,
        }
    }

    /// The submission that is being prepared: when it was made, and the name of its picture.
    pub fn preparing(&self) -> Option<(Timestamp, &UploadId)> {
        match &self.draft.as_ref()?.state {
            DraftState::Preparing { submitted_at, picture_id } => Some((*submitted_at, picture_id)),
            DraftState::Draft
            | DraftState::PreparationFailed { .. }
            | DraftState::Pending { .. }
            | DraftState::Rejected { .. } => None,
        }
    }

    /// Whether a version is being prepared or waits for a moderator.
    fn is_submitted(&self) -> bool {
        self.pending_since().is_some() || self.preparing().is_some()
    }
}

/// Validates a moderator's reason, which the creator reads.
///
/// # Errors
/// When it is blank, too long or has no visible text.
pub fn checked_reason(reason: &str) -> Result<String, InvalidFields> {
    let fits = text::length(reason) <= REASON_CHARS_MAX;
    match fits && text::is_visible(reason) {
        true => Ok(reason.trim().to_owned()),
        false => Err(InvalidFields(vec![FieldError::new(
            "/reason",
            "text",
            format!("1 to {REASON_CHARS_MAX} visible characters"),
        )])),
    }
}
