//! The transitions of a listing: edit, submit, prepare, approve, reject, delist.

use std::time::Duration;

use super::{
    Delisted, DelistedBy, DraftState, DraftVersion, Listing, ListingError, Published,
    model::ModelClaim,
    revision::{Edit, Revision},
    upload::{Preview, UPLOADS_MAX},
};
use crate::{
    error::{DomainError, InvalidFields},
    id::UploadId,
    time::Timestamp,
};

/// How long a preparation may take before its creator may submit the version again: five deliveries
/// of its message, each after a visibility timeout of twelve minutes.
pub const PREPARATION_MAX: Duration = Duration::from_secs(60 * 60);

impl Listing {
    /// Changes the draft, or begins the next version: from the version on sale, or from one in
    /// review, which is withdrawn and keeps what a moderator may have seen. One that is still being
    /// prepared, which nobody has seen, is withdrawn and changed. What changed is said anew of a
    /// version that follows one on sale. `newest` is the version that [`Listing::newest`] names.
    ///
    /// # Errors
    /// The fields that are invalid.
    pub fn edit(
        &mut self,
        newest: Revision,
        edit: Edit,
        now: Timestamp,
    ) -> Result<Revision, InvalidFields> {
        let files = edit.files.clone();
        let mut before = newest.description.clone();
        if self.own_draft().is_none() {
            before.changes = None;
        }
        let description = before.edited(edit).checked(self.kind)?;
        let was_seen = self.own_draft().is_none_or(|draft| match draft.state {
            DraftState::Pending { .. } | DraftState::Rejected { .. } => true,
            DraftState::Draft
            | DraftState::Preparing { .. }
            | DraftState::PreparationFailed { .. } => false,
        });
        let own = match was_seen {
            false => newest,
            true => {
                self.revisions += 1;
                newest.next(self.revisions, now)
            }
        };
        let mut revision = Revision { signature: None, similar: Vec::new(), ..own };
        revision.describe(description);
        revision.arrange(&files)?;
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

    /// Submits the draft for review, which freezes it until it is prepared. A listing that is off
    /// sale and has no draft submits its last version again. A preparation that did not end within
    /// [`PREPARATION_MAX`] is begun again. A picture that is drawn gets the name `picture_id`.
    ///
    /// # Errors
    /// When there is nothing to review, there is no preview and none can be drawn, or the model is
    /// another creator's.
    pub fn submit(
        &mut self,
        newest: &Revision,
        model: &ModelClaim,
        picture_id: UploadId,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        let is_stuck = self.preparing().is_some_and(|(at, _)| at.plus(PREPARATION_MAX) <= now);
        match self.editable() {
            Ok(_) => {}
            Err(ListingError::NoDraft) if self.delisted.is_some() => {}
            Err(ListingError::InReview) if is_stuck => {}
            Err(refused) => return Err(refused),
        }
        if newest.previews.is_empty() && !self.kind.can_be_drawn() {
            return Err(ListingError::NoPreview);
        }
        model.check(&newest.creator_id)?;
        let state = DraftState::Preparing { submitted_at: now, picture_id };
        self.draft = Some(DraftVersion { number: newest.number, state });
        self.updated_at = now;
        Ok(())
    }

    /// Ends the preparation of the submission `picture_id`: its version waits for a moderator, with
    /// the picture that was drawn if it has no other. If it has become unfit meanwhile, the
    /// preparation fails.
    ///
    /// # Errors
    /// When that submission is not being prepared.
    pub fn prepared(
        &mut self,
        picture_id: &UploadId,
        (newest, drawn): (&mut Revision, Option<Preview>),
        model: &ModelClaim,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        let submitted_at = self.require_preparing(picture_id)?;
        if let Err(refused) = model.check(&newest.creator_id) {
            return self.fail_preparation(picture_id, &refused, now);
        }
        if newest.previews.is_empty() {
            newest.previews.extend(drawn);
        }
        if newest.previews.is_empty() {
            return self.fail_preparation(picture_id, &ListingError::NoPreview, now);
        }
        let state = DraftState::Pending { submitted_at };
        self.draft = Some(DraftVersion { number: newest.number, state });
        self.updated_at = now;
        Ok(())
    }

    /// Ends the preparation of the submission `picture_id` without a version to review.
    ///
    /// # Errors
    /// When that submission is not being prepared.
    pub fn fail_preparation(
        &mut self,
        picture_id: &UploadId,
        why: &dyn DomainError,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        self.require_preparing(picture_id)?;
        let (code, reason) = (why.code().to_owned(), why.to_string());
        let state = DraftState::PreparationFailed { code, reason, failed_at: now };
        self.draft = Some(DraftVersion { number: self.newest(), state });
        self.updated_at = now;
        Ok(())
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
        if by == DelistedBy::Creator && self.is_submitted() {
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

    /// Puts the rejected version in review again, after an appeal.
    ///
    /// # Errors
    /// When the newest version is not rejected.
    pub fn reconsider(&mut self, now: Timestamp) -> Result<(), ListingError> {
        let draft = self.draft.as_mut();
        let draft = draft.filter(|it| matches!(it.state, DraftState::Rejected { .. }));
        let draft = draft.ok_or(ListingError::NotPending)?;
        draft.state = DraftState::Pending { submitted_at: now };
        self.updated_at = now;
        Ok(())
    }

    /// Puts it on sale again as it was before staff took it off, after an appeal. `sold` is the
    /// version that was on sale, and `model` what is known about its model.
    ///
    /// # Errors
    /// When its images were removed, or its model belongs to another creator by now.
    pub fn relist(
        &mut self,
        sold: &Revision,
        model: &ModelClaim,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        if sold.previews.is_empty() {
            return Err(ListingError::NoPreview);
        }
        model.check(&sold.creator_id)?;
        self.delisted = None;
        self.updated_at = now;
        Ok(())
    }

    /// When the submission `picture_id` was made, if it is being prepared.
    fn require_preparing(&self, picture_id: &UploadId) -> Result<Timestamp, ListingError> {
        let named = self.preparing().filter(|(_, name)| *name == picture_id);
        named.map(|(submitted_at, _)| submitted_at).ok_or(ListingError::NotPreparing)
    }

    fn require_pending(&self, number: u32) -> Result<(), ListingError> {
        let waits = self.pending_since().is_some() && self.newest() == number;
        if waits { Ok(()) } else { Err(ListingError::NotPending) }
    }
}
