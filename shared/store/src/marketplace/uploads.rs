//! Uploads: opening them, and recording their outcome.

use domain::{
    DomainError, Timestamp,
    id::{ListingId, UploadId, UserId},
    marketplace::{
        listing::{Listing, ListingError},
        revision::Revision,
        upload::{Asset, Preview, UPLOAD_KIB_A_DAY, Upload, UploadState, UploadsUsedUp},
    },
};

use super::{listing_update::revision_key, own};
use crate::{
    error::{NotFound, StoreError},
    keys::Key,
    rates::Rate,
    table::{Attempt, Store},
    transaction::{Committed, ItemKind},
};

/// KiB that one creator may upload.
const UPLOADS: Rate = Rate::a_day(UPLOAD_KIB_A_DAY);

/// The result of the quarantine check.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// A picture.
    Preview(Preview),
    /// A file.
    Asset(Asset),
    /// Rejected: a stable code and a sentence.
    Refused(String, String),
}

impl Store {
    /// Opens an upload for a creator's draft: listing, upload and the creator's daily quota in one
    /// transaction, on the condition that their status is unchanged.
    ///
    /// # Errors
    /// [`NotFound::Listing`], when the creator is suspended, [`UploadsUsedUp`], what `open`
    /// refuses, or when DynamoDB is unavailable.
    pub async fn open_upload<R: DomainError>(
        &self,
        creator: &UserId,
        listing: &ListingId,
        now: Timestamp,
        open: impl Fn(&mut Listing) -> Result<Upload, R>,
    ) -> Result<Upload, StoreError> {
        let keys = [Key::account(creator), Key::listing(listing)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let (account, before) = own(creator, (found.next()?, found.next()?), now)?;
            let mut after = before.clone();
            let upload = open(&mut after).map_err(StoreError::refused)?;
            let key = Key::upload(listing, &upload.id);
            let writes = self
                .transaction()
                .standing(creator, &account.standing)?
                .replace(Some(&before), &after)?
                .new_item(ItemKind::Upload, &key, &upload)?
                .taking(&format!("upload#{creator}"), upload.kib(), UPLOADS, now)?;
            match writes.commit().await? {
                Committed::Conflict(parts) if parts.contains(&ItemKind::Rate) => {
                    let retry_after_s = UPLOADS.refused(now).retry_after_s;
                    Err(StoreError::refused(UploadsUsedUp { retry_after_s }))
                }
                done @ (Committed::Yes | Committed::Conflict(_)) => Ok(done.done(upload)),
            }
        })
        .await
    }

    /// One upload of a listing.
    ///
    /// # Errors
    /// [`NotFound::Upload`], or when DynamoDB is unavailable.
    pub async fn upload(&self, listing: &ListingId, id: &UploadId) -> Result<Upload, StoreError> {
        let found = self.get(&Key::upload(listing, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Upload))
    }

    /// Ends an upload: the file joins the draft, if that can still be changed and has room. An
    /// upload that already ended stays as it is.
    ///
    /// # Errors
    /// [`NotFound::Upload`], or when DynamoDB is unavailable.
    pub async fn end_upload(
        &self,
        listing: &ListingId,
        id: &UploadId,
        arrival: &Arrival,
        now: Timestamp,
    ) -> Result<Upload, StoreError> {
        let keys = [Key::upload(listing, id), Key::listing(listing)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let upload: Option<Upload> = found.next()?;
            let head: Option<Listing> = found.next()?;
            let pair = upload.zip(head);
            let (upload, before) = pair.ok_or_else(|| StoreError::refused(NotFound::Upload))?;
            if !upload.is_waiting() {
                return Ok(Attempt::Done(upload));
            }
            let mut writes = self.transaction();
            let state = match self.joined(&before, arrival).await? {
                Ok(revision) => {
                    let after = Listing { updated_at: now, ..before.clone() };
                    let key = revision_key(&revision);
                    writes = writes.put_versioned(before.version, &after)?.fenced(
                        ItemKind::Revision,
                        &key,
                        &revision,
                        None,
                    )?;
                    UploadState::Taken
                }
                Err(state) => state,
            };
            let ended = Upload { state, ..upload };
            let key = Key::upload(listing, id);
            let writes = writes.fenced(ItemKind::Upload, &key, &ended, None)?;
            Ok(writes.commit().await?.done(ended))
        })
        .await
    }

    /// The draft with the file, or the final state of the upload instead.
    async fn joined(
        &self,
        listing: &Listing,
        arrival: &Arrival,
    ) -> Result<Result<Revision, UploadState>, StoreError> {
        let number = match (arrival, listing.editable()) {
            (Arrival::Refused(code, detail), _) => {
                let (code, detail) = (code.clone(), detail.clone());
                return Ok(Err(UploadState::Refused { code, detail }));
            }
            (Arrival::Asset(Asset { kind: Some(kind), .. }), _)
                if !kind.comes_with(listing.kind) =>
            {
                return Ok(Err(UploadState::refused(&ListingError::NotItsKindOfFile)));
            }
            (_, Err(refusal)) => return Ok(Err(UploadState::refused(&refusal))),
            (_, Ok(number)) => number,
        };
        let mut revision = self.revision(&listing.id, number).await?;
        let (took, full) = match arrival {
            Arrival::Preview(preview) => {
                (revision.add_preview(preview.clone()), ListingError::TooManyPreviews)
            }
            Arrival::Asset(asset) => {
                (revision.add_asset(asset.clone()), ListingError::TooManyAssets)
            }
            Arrival::Refused(..) => return Ok(Ok(revision)),
        };
        Ok(if took { Ok(revision) } else { Err(UploadState::refused(&full)) })
    }
}
