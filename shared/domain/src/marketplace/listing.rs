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

mod error;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Category, Kind,
    model::ModelClaim,
    revision::{Description, Edit, Revision},
    strike::Seller,
    upload::UPLOADS_MAX,
};
use crate::{
    error::{FieldError, InvalidFields},
    id::{ListingId, UserId},
    money::Money,
    text,
    time::Timestamp,
};

pub use error::{LISTINGS_MAX, ListingError};

/// Longest reason given by a moderator, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// A listing.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftVersion>,
    /// The version on sale, or the last that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// Why it is off sale, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
#[serde(rename_all = "snake_case")]
pub enum DelistedBy {
    /// Its creator.
    Creator,
    /// A moderator.
    Staff,
}

/// The state of a listing as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

    /// Changes the draft, or begins the next version: from the version on sale, or from a submitted
    /// one, which is withdrawn and keeps what a moderator may have seen. `newest` is the version
    /// that [`Listing::newest`] names.
    ///
    /// # Errors
    /// The fields that are invalid.
    pub fn edit(
        &mut self,
        newest: Revision,
        edit: Edit,
        now: Timestamp,
    ) -> Result<Revision, InvalidFields> {
        let description = newest.description.clone().edited(edit).checked(self.kind)?;
        let own = match self.own_draft() {
            Some(DraftVersion { state: DraftState::Draft, .. }) => newest,
            Some(_) | None => {
                self.revisions += 1;
                newest.next(self.revisions, now)
            }
        };
        let mut revision = Revision { signature: None, similar: Vec::new(), ..own };
        revision.describe(description);
        self.draft = Some(DraftVersion { number: revision.number, state: DraftState::Draft });
        self.updated_at = now;
        Ok(revision)
    }

    /// Counts one more upload for the draft.
    ///
    /// # Errors
    /// When there is no draft that may be changed, or the limit on uploads is reached.
    pub fn begin_upload(&mut self, now: Timestamp) -> Result<(), ListingError> {
        self.editable()?;
        if self.uploads >= UPLOADS_MAX {
            return Err(ListingError::TooManyUploads);
        }
        self.uploads += 1;
        self.updated_at = now;
        Ok(())
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

    /// Submits the draft for review, which freezes it. A listing that is off sale and has no draft
    /// submits its last version again.
    ///
    /// # Errors
    /// When there is nothing to review, there is no preview, or the model is another creator's.
    pub fn submit(
        &mut self,
        newest: &Revision,
        model: &ModelClaim,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        match self.editable() {
            Ok(_) => {}
            Err(ListingError::NoDraft) if self.delisted.is_some() => {}
            Err(refused) => return Err(refused),
        }
        if newest.previews.is_empty() {
            return Err(ListingError::NoPreview);
        }
        model.check(&newest.creator_id)?;
        let state = DraftState::Pending { submitted_at: now };
        self.draft = Some(DraftVersion { number: newest.number, state });
        self.updated_at = now;
        Ok(())
    }

    /// Since when a version is in review.
    pub fn pending_since(&self) -> Option<Timestamp> {
        match &self.draft.as_ref()?.state {
            DraftState::Pending { submitted_at } => Some(*submitted_at),
            DraftState::Draft | DraftState::Rejected { .. } => None,
        }
    }

    /// Checks that the pending version `newest` is what a moderator was shown, by its
    /// `content_hash`. Its number alone does not tell: a rejected version may get other images and
    /// files and be submitted again under the same number.
    ///
    /// # Errors
    /// When another version is pending, or none is.
    pub fn check_shown(&self, newest: &Revision, content_hash: &str) -> Result<(), ListingError> {
        self.require_pending(newest.number)?;
        if newest.content_hash() == content_hash { Ok(()) } else { Err(ListingError::Changed) }
    }

    /// Approves the pending version and puts it on sale. Its model belongs to its creator from now
    /// on.
    ///
    /// # Errors
    /// When `revision` is not pending, or its model is another creator's.
    pub fn approve(
        &mut self,
        revision: &mut Revision,
        model: &mut ModelClaim,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        self.require_pending(revision.number)?;
        model.prove(revision, now)?;
        let first = self.published.as_ref().map_or(now, |before| before.first_published_at);
        let shown = &revision.description;
        self.published = Some(Published {
            number: revision.number,
            published_at: now,
            first_published_at: first,
            title: shown.title.clone(),
            price: shown.price(),
            category: shown.category,
        });
        revision.published_at.get_or_insert(now);
        self.draft = None;
        self.delisted = None;
        self.updated_at = now;
        Ok(())
    }

    /// Rejects the pending version.
    ///
    /// # Errors
    /// When version `number` is not pending.
    pub fn reject(
        &mut self,
        number: u32,
        reason: String,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        self.require_pending(number)?;
        let state = DraftState::Rejected { reason, rejected_at: now };
        self.draft = Some(DraftVersion { number, state });
        self.updated_at = now;
        Ok(())
    }

    /// Takes it off sale; its buyers keep their entitlements. Idempotent, except that a creator
    /// cannot override staff. A creator who retires it also withdraws the pending version.
    ///
    /// # Errors
    /// When it was never on sale.
    pub fn delist(
        &mut self,
        by: DelistedBy,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        if self.published.is_none() {
            return Err(ListingError::NotOnSale);
        }
        if by == DelistedBy::Creator && self.pending_since().is_some() {
            let own = self.own_draft().map(|draft| draft.number);
            self.draft = own.map(|number| DraftVersion { number, state: DraftState::Draft });
            self.updated_at = now;
        }
        if self.delisted.is_none() || by == DelistedBy::Staff {
            self.delisted = Some(Delisted { by, reason, at: now });
            self.updated_at = now;
        }
        Ok(())
    }

    fn require_pending(&self, number: u32) -> Result<(), ListingError> {
        let waits = self.pending_since().is_some() && self.newest() == number;
        if waits { Ok(()) } else { Err(ListingError::NotPending) }
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
