//! A listing: its versions, the one on sale, and the transitions between states.
//!
//! ```text
//! draft -> pending -> approved
//!            |  \-> rejected -> (edited) -> draft
//!            \-> (edited) -> draft
//! approved -> retired by its creator | delisted by staff -> (submitted again) -> pending
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

use super::{Category, Kind, moderation::strike::Seller};
use crate::{
    error::{FieldError, InvalidFields},
    id::{ListingId, UserId},
    money::Money,
    text,
    time::Timestamp,
};
use revision::{Description, Revision};

pub use error::{LISTINGS_MAX, ListingError};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Never submitted, or withdrawn.
    Draft,
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
            (_, _, Some(DraftVersion { state: DraftState::Pending { .. }, .. })) => State::Pending,
            (_, _, Some(DraftVersion { state: DraftState::Rejected { .. }, .. })) => {
                State::Rejected
            }
            (Some(_), Some(_), _) => State::Delisted,
            (None, _, _) => State::Draft,
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

    /// Why it, or its newest version, is not visible to others; empty if all of it is.
    pub fn hidden_reasons(&self, creator: &Seller, now: Timestamp) -> Vec<HiddenReason> {
        let draft = self.draft.as_ref().map(|draft| match draft.state {
            DraftState::Draft => HiddenReason::NotSubmitted,
            DraftState::Pending { .. } => HiddenReason::InReview,
            DraftState::Rejected { .. } => HiddenReason::Rejected,
        });
        let delisted = self.delisted.as_ref().map(|delisted| match delisted.by {
            DelistedBy::Creator => HiddenReason::Retired,
            DelistedBy::Staff => HiddenReason::Delisted,
        });
        let suspended = (!creator.standing.allows(now)).then_some(HiddenReason::CreatorSuspended);
        let struck = creator.check_strikes(now).is_err().then_some(HiddenReason::SellingSuspended);
        [draft, delisted, suspended, struck].into_iter().flatten().collect()
    }

    /// The number of the draft, if it may be changed.
    ///
    /// # Errors
    /// When there is none, or it is in review.
    pub fn editable(&self) -> Result<u32, ListingError> {
        match (self.pending_since(), self.own_draft()) {
            (Some(_), _) => Err(ListingError::InReview),
            (None, None) => Err(ListingError::NoDraft),
            (None, Some(draft)) => Ok(draft.number),
        }
    }

    /// The version being edited, unless it was on sale and is submitted again unchanged.
    fn own_draft(&self) -> Option<&DraftVersion> {
        let sold = self.published.as_ref().map(|published| published.number);
        self.draft.as_ref().filter(|draft| Some(draft.number) != sold)
    }

    /// Since when a version is in review.
    pub fn pending_since(&self) -> Option<Timestamp> {
        match &self.draft.as_ref()?.state {
            DraftState::Pending { submitted_at } => Some(*submitted_at),
            DraftState::Draft | DraftState::Rejected { .. } => None,
        }
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
