//! A listing: its versions, which of them is on sale, and who may move it where.
//!
//! ```text
//! draft -> pending -> approved
//!            |  \-> rejected -> (edited) -> draft
//!            \-> (edited) -> draft
//! approved -> retired by its creator | delisted by staff -> (submitted again) -> pending
//! ```
//!
//! At most one version is being worked on and at most one is on sale; they move independently, so
//! the one on sale stays there until the next is approved. Only who retires a listing takes back
//! what is in review, because its approval would put the listing on sale again.
//!
//! A version that was on sale is never changed, also where it is submitted again as it is: whoever
//! changes it begins the next one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Category, Kind,
    model::ModelClaim,
    revision::{Description, Edit, Revision},
    strike::Seller,
    upload::{ASSETS_MAX, PREVIEWS_MAX, UPLOADS_MAX},
};
use crate::{
    error::{DomainError, ErrorKind, FieldError, InvalidFields},
    id::{ListingId, UserId},
    money::Money,
    text,
    time::Timestamp,
};

/// Most listings of one creator, retired ones included; drafts that were deleted are not.
pub const LISTINGS_MAX: u16 = 200;
/// Longest reason of a moderator, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// A listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Its name.
    pub id: ListingId,
    /// OwnerRef.
    pub creator_id: UserId,
    /// What all its versions are.
    pub kind: Kind,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// How many versions there were.
    pub revisions: u32,
    /// How many uploads were asked for.
    #[serde(default)]
    pub uploads: u32,
    /// The version being worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<NewListing>,
    /// The version on sale, or that was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// Why that is no longer on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delisted: Option<Delisted>,
    /// Whether others do not see what is on sale, because its creator may not sell. It follows the
    /// creator and says nothing of the listing, which is approved, changed and retired as ever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// The version being worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewListing {
    /// Which.
    pub number: u32,
    /// How far it is.
    #[serde(flatten)]
    pub state: DraftState,
}

/// How far a version is that is not on sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DraftState {
    /// Its creator works on it.
    Draft,
    /// A moderator is to look at it.
    Pending {
        /// Since when.
        submitted_at: Timestamp,
    },
    /// A moderator did, and does not want it as it is.
    Rejected {
        /// What the creator is told.
        reason: String,
        /// When.
        rejected_at: Timestamp,
    },
}

/// The version on sale, as far as a purchase is decided on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Which.
    pub number: u32,
    /// Since when this one.
    pub published_at: Timestamp,
    /// When the first one was.
    pub first_published_at: Timestamp,
    /// What it is called.
    pub title: String,
    /// What it costs.
    pub price: Money,
    /// What it is for.
    pub category: Category,
}

/// Why a listing is off sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delisted {
    /// Who took it off.
    pub by: DelistedBy,
    /// What the creator is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
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

/// Where a listing is in its life, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Never submitted, or taken back.
    Draft,
    /// To be looked at.
    Pending,
    /// On sale.
    Approved,
    /// Looked at, and not wanted as it is.
    Rejected,
    /// Off sale.
    Delisted,
}

/// Why nobody but its creator sees a listing, or why a change of it is not seen yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenReason {
    /// It was never submitted.
    NotSubmitted,
    /// A moderator is to look at it.
    InReview,
    /// A moderator rejected it; the reason stands with the version.
    Rejected,
    /// Its creator took it off sale.
    Retired,
    /// A moderator took it off sale; the reason stands with the listing.
    Delisted,
    /// Its creator is suspended.
    CreatorSuspended,
    /// Its creator's strikes suspend selling.
    SellingSuspended,
}

/// Why a listing does not move.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// Too many.
    #[error("You have {LISTINGS_MAX} listings: no more can be made.")]
    TooMany,
    /// There is no draft: the version on sale does not change.
    #[error("There is no draft: change the listing first, which begins one.")]
    NoDraft,
    /// What waits is not what the moderator was shown.
    #[error("This version changed since you read it: read what waits now, and decide on that.")]
    Changed,
    /// It is being looked at.
    #[error("The listing is in review: change it to take it back first.")]
    InReview,
    /// It is not being looked at: somebody decided before, or its creator took it back.
    #[error("This version is not waiting for a decision.")]
    NotPending,
    /// There is nothing on sale.
    #[error("The listing is not on sale.")]
    NotOnSale,
    /// Nobody would see what it is.
    #[error("Upload at least one preview first.")]
    NoPreview,
    /// The model it sells is another creator's.
    #[error("This model belongs to another creator: write to us if it is yours.")]
    ModelTaken,
    /// No room for another picture.
    #[error("A listing has at most {PREVIEWS_MAX} previews.")]
    TooManyPreviews,
    /// No room for another file.
    #[error("A listing has at most {ASSETS_MAX} files.")]
    TooManyAssets,
    /// A file of another kind than the listing's.
    #[error("A model comes as a safetensors file, and with nothing else.")]
    NotItsKindOfFile,
    /// No room for another try.
    #[error("{UPLOADS_MAX} uploads were made for this listing: no more can be.")]
    TooManyUploads,
}

impl DomainError for ListingError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Conflict
    }
    fn code(&self) -> &'static str {
        match self {
            ListingError::TooMany => "too_many_listings",
            ListingError::NoDraft => "no_draft",
            ListingError::InReview => "listing_in_review",
            ListingError::NotPending => "not_pending",
            ListingError::Changed => "version_changed",
            ListingError::NotOnSale => "not_on_sale",
            ListingError::NoPreview => "no_preview",
            ListingError::ModelTaken => "model_taken",
            ListingError::TooManyPreviews => "too_many_previews",
            ListingError::TooManyAssets => "too_many_assets",
            ListingError::NotItsKindOfFile => "not_safetensors",
            ListingError::TooManyUploads => "too_many_uploads",
        }
    }
}

impl Listing {
    /// Begins a listing with its first draft.
    ///
    /// # Errors
    /// The fields of the description that are not acceptable.
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
            draft: Some(NewListing { number: 1, state: DraftState::Draft }),
            published: None,
            delisted: None,
            hidden: false,
        };
        Ok((listing, revision))
    }

    /// Where it is, in a word: what visitors see comes first.
    pub fn state(&self) -> State {
        match (&self.published, &self.delisted, &self.draft) {
            (Some(_), None, _) => State::Approved,
            (_, _, Some(NewListing { state: DraftState::Pending { .. }, .. })) => State::Pending,
            (_, _, Some(NewListing { state: DraftState::Rejected { .. }, .. })) => State::Rejected,
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

    /// What moderators can change of it, as the audit keeps it.
    pub fn audited(&self) -> Value {
        json!({
            "state": self.state(),
            "on_sale": self.on_sale().map(|on_sale| on_sale.number),
            "draft": self.draft,
            "delisted": self.delisted,
        })
    }

    /// The version on sale, if others see it.
    pub fn shown(&self) -> Option<&Published> {
        self.on_sale().filter(|_| !self.hidden)
    }

    /// Follows whether its creator may sell.
    pub fn follow(&mut self, creator: &Seller, now: Timestamp) {
        self.hidden = !creator.may_sell(now);
    }

    /// The version its creator last worked on: the draft, else what is or was on sale.
    pub fn newest(&self) -> u32 {
        let draft = self.draft.as_ref().map(|draft| draft.number);
        draft.or(self.published.as_ref().map(|published| published.number)).unwrap_or(1)
    }

    /// The version that is on sale or was last; the newest where none ever was.
    pub fn newest_sold(&self) -> u32 {
        self.published.as_ref().map_or_else(|| self.newest(), |published| published.number)
    }

    /// Why it, or its newest version, is not seen by others; empty if all of it is.
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

    /// Changes the draft, or begins the next one: from the version on sale, or from one that was
    /// submitted, which is taken back and stays as a moderator may have seen it. `newest` is the
    /// version [`Listing::newest`] names.
    ///
    /// # Errors
    /// The fields that are not acceptable.
    pub fn edit(
        &mut self,
        newest: Revision,
        edit: Edit,
        now: Timestamp,
    ) -> Result<Revision, InvalidFields> {
        let description = newest.description.clone().edited(edit).checked(self.kind)?;
        let own = match self.own_draft() {
            Some(NewListing { state: DraftState::Draft, .. }) => newest,
            Some(_) | None => {
                self.revisions += 1;
                newest.next(self.revisions, now)
            }
        };
        let mut revision = Revision { signature: None, similar: Vec::new(), ..own };
        revision.describe(description);
        self.draft = Some(NewListing { number: revision.number, state: DraftState::Draft });
        self.updated_at = now;
        Ok(revision)
    }

    /// Counts one more upload for the draft.
    ///
    /// # Errors
    /// When there is no draft to be changed, or there were too many.
    pub fn begin_upload(&mut self, now: Timestamp) -> Result<(), ListingError> {
        self.editable()?;
        if self.uploads >= UPLOADS_MAX {
            return Err(ListingError::TooManyUploads);
        }
        self.uploads += 1;
        self.updated_at = now;
        Ok(())
    }

    /// The number of the draft that may be changed.
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

    /// The version being worked on, unless it is the one that was on sale, submitted again as it
    /// is.
    fn own_draft(&self) -> Option<&NewListing> {
        let sold = self.published.as_ref().map(|published| published.number);
        self.draft.as_ref().filter(|draft| Some(draft.number) != sold)
    }

    /// Asks for a decision on the draft, which stays as it is from now on. A listing that is off
    /// sale and has no draft asks for its last version again.
    ///
    /// # Errors
    /// When there is nothing to decide on, or nothing to see of it, or its model is somebody
    /// else's.
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
        self.draft = Some(NewListing { number: newest.number, state });
        self.updated_at = now;
        Ok(())
    }

    /// Since when a version waits for a decision.
    pub fn pending_since(&self) -> Option<Timestamp> {
        match &self.draft.as_ref()?.state {
            DraftState::Pending { submitted_at } => Some(*submitted_at),
            DraftState::Draft | DraftState::Rejected { .. } => None,
        }
    }

    /// Whether what waits is what a moderator was shown: `newest` is what waits, `content_hash` is
    /// what they were shown with it. A number alone does not say so: a version that was sent back
    /// may get other pictures and files and is submitted again under its number.
    ///
    /// # Errors
    /// When something else waits, or nothing does.
    pub fn check_shown(&self, newest: &Revision, content_hash: &str) -> Result<(), ListingError> {
        self.require_pending(newest.number)?;
        if newest.content_hash() == content_hash { Ok(()) } else { Err(ListingError::Changed) }
    }

    /// Puts the pending version on sale. Its model belongs to its creator from now on.
    ///
    /// # Errors
    /// When `revision` is not what is waiting, or its model is somebody else's.
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

    /// Sends the pending version back.
    ///
    /// # Errors
    /// When version `number` is not waiting.
    pub fn reject(
        &mut self,
        number: u32,
        reason: String,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        self.require_pending(number)?;
        let state = DraftState::Rejected { reason, rejected_at: now };
        self.draft = Some(NewListing { number, state });
        self.updated_at = now;
        Ok(())
    }

    /// Takes it off sale. Who bought it keeps it. Off sale already is fine; a creator does not undo
    /// what staff did. A creator who retires it takes back what is in review, too.
    ///
    /// # Errors
    /// When it never was on sale.
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
            self.draft = own.map(|number| NewListing { number, state: DraftState::Draft });
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

/// A moderator's reason, as the creator reads it.
///
/// # Errors
/// When it is blank, too long or cannot be seen.
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
