//! Uploads: opening them, and recording their outcome.

use std::collections::BTreeSet;

use domain::{
    Timestamp,
    id::{ListingId, UploadId, UserId},
    marketplace::listing::{
        Listing, ListingError,
        revision::Revision,
        upload::{Asset, Preview, UPLOAD_KIB_A_DAY, Upload, UploadState, UploadsUsedUp},
    },
};

use super::update::revision_key;
use crate::{
    error::{NotFound, StoreError},
    keys::{Key, REVISION_PREFIX, UPLOAD_PREFIX, listing_pk},
    marketplace::own,
    rates::Rate,
    table::{BatchItems, Store, decode},
    transaction::{ItemKind, Transaction},
    update::{Decided, UpdateError},
};

/// KiB that one creator may upload.
const UPLOADS: Rate = Rate::a_day(UPLOAD_KIB_A_DAY);

/// Uploads of a listing that are looked at: far more than one is opened for in ten minutes.
const LATEST_UPLOADS: i32 = 100;

/// The result of the quarantine check.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// A picture.
    Preview(Preview),
    /// A file.
    Asset(Asset),
    /// Refused: the state that the upload ends in.
    Refused(UploadState),
}

impl Store {
    /// Opens an upload for a creator's draft: listing, upload and the creator's daily quota in one
    /// transaction, on the condition that their status is unchanged.
    ///
    /// # Errors
    /// [`NotFound::Listing`], when the creator is suspended, [`UploadsUsedUp`] or what `open`
    /// refuses.
    pub async fn open_upload<D: Decided<Value = Upload>>(
        &self,
        creator: &UserId,
        listing: &ListingId,
        now: Timestamp,
        open: impl Fn(&mut Listing) -> D,
    ) -> Result<Upload, StoreError> {
        let keys = [Key::account(creator), Key::listing(listing)];
        let open = |mut found: BatchItems| {
            let (account, before) = own(creator, (found.next()?, found.next()?), now)?;
            let mut after = before.clone();
            let upload = open(&mut after).decided()?;
            let writes = Transaction::default()
                .standing(creator, &account.standing)?
                .replace(Some(&before), &after)?
                .new_item(ItemKind::Upload, &Key::upload(listing, &upload.id), &upload)?
                .taking(&format!("upload#{creator}"), upload.kib(), UPLOADS, now);
            Ok((writes, upload))
        };
        match self.update_unless(&[ItemKind::Rate], async || self.get_all(&keys).await, open).await
        {
            Err(UpdateError::Conflict(ItemKind::Rate)) => {
                let retry_after_s = UPLOADS.refused(now).retry_after_s;
                Err(StoreError::refused(UploadsUsedUp { retry_after_s }))
            }
            opened => Ok(opened?),
        }
    }

    /// One upload of a listing.
    ///
    /// # Errors
    /// [`NotFound::Upload`].
    pub async fn upload(&self, listing: &ListingId, id: &UploadId) -> Result<Upload, StoreError> {
        let found = self.get(&Key::upload(listing, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Upload))
    }

    /// Whether a file may still join a creator's draft (Q82). An upload that cannot be read is none.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn awaits_upload(
        &self,
        creator: &UserId,
        listing: &ListingId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let query = self.newest_first(listing_pk(listing), UPLOAD_PREFIX).consistent_read(true);
        let latest = query.limit(LATEST_UPLOADS).send().await.map_err(StoreError::unavailable)?;
        let uploads = latest.items.unwrap_or_default().into_iter();
        let mut uploads = uploads.filter_map(|item| decode::<Upload>(item).ok());
        Ok(uploads.any(|upload| upload.owner_id == *creator && upload.may_arrive(now)))
    }

    /// Ends an upload: the file joins the draft, if that can still be changed and has room. An
    /// upload that already ended stays as it is.
    ///
    /// # Errors
    /// [`NotFound::Upload`].
    pub async fn end_upload(
        &self,
        listing: &ListingId,
        id: &UploadId,
        arrival: &Arrival,
        now: Timestamp,
    ) -> Result<Upload, StoreError> {
        let read = async || self.draft_of_upload(listing, id, arrival).await;
        let end = |(upload, before, draft): (Upload, Listing, Result<Revision, UploadState>)| {
            if !upload.is_waiting() {
                return Ok((Transaction::default(), upload));
            }
            let mut writes = Transaction::default();
            let state = match draft.and_then(|draft| joined(draft, arrival)) {
                Ok(revision) => {
                    let after = Listing { updated_at: now, ..before.clone() };
                    let key = revision_key(&revision);
                    writes = writes.put_versioned(Some(&before), &after)?;
                    writes = writes.fenced(ItemKind::Revision, &key, &revision, None)?;
                    UploadState::Taken
                }
                Err(state) => state,
            };
            let ended = Upload { state, ..upload };
            let key = Key::upload(listing, id);
            Ok((writes.fenced(ItemKind::Upload, &key, &ended, None)?, ended))
        };
        self.update_loaded(read, end).await
    }

    /// The pictures and files of a listing that its newest version, one that is or was on sale, or
    /// an open submission refers to (Q65). Empty if there is no such listing.
    pub async fn uploads_in_use(&self, id: &ListingId) -> Result<BTreeSet<UploadId>, StoreError> {
        let listing: Option<Listing> = self.get(&Key::listing(id)).await?;
        let Some(listing) = listing else { return Ok(BTreeSet::new()) };
        let mut used: BTreeSet<UploadId> =
            listing.preparing().map(|(_, name)| name.clone()).into_iter().collect();
        let query = self.newest_first(listing_pk(id), REVISION_PREFIX).consistent_read(true);
        let mut items = query.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let version: Revision = decode(item.map_err(StoreError::unavailable)?)?;
            if version.number == listing.newest() || version.published_at.is_some() {
                used.extend(version.uploads().cloned());
            }
        }
        Ok(used)
    }

    /// Reads an upload, its listing, and the draft that the file may join, or why it may not.
    async fn draft_of_upload(
        &self,
        listing: &ListingId,
        id: &UploadId,
        arrival: &Arrival,
    ) -> Result<(Upload, Listing, Result<Revision, UploadState>), StoreError> {
        let mut found = self.get_all(&[Key::upload(listing, id), Key::listing(listing)]).await?;
        let pair = found.next::<Upload>()?.zip(found.next::<Listing>()?);
        let (upload, head) = pair.ok_or_else(|| StoreError::refused(NotFound::Upload))?;
        let draft = match draft_number(&head, arrival) {
            Ok(number) if upload.is_waiting() => Ok(self.revision(listing, number).await?),
            Ok(_) => Err(upload.state.clone()),
            Err(state) => Err(state),
        };
        Ok((upload, head, draft))
    }
}

/// The number of the draft that may take the file, or the final state of the upload instead.
fn draft_number(listing: &Listing, arrival: &Arrival) -> Result<u32, UploadState> {
    match (arrival, listing.editable()) {
        (Arrival::Refused(state), _) => Err(state.clone()),
        (Arrival::Asset(Asset { kind: Some(kind), .. }), _) if !kind.comes_with(listing.kind) => {
            Err(UploadState::refused(&ListingError::NotItsKindOfFile))
        }
        (_, Err(refusal)) => Err(UploadState::refused(&refusal)),
        (_, Ok(number)) => Ok(number),
    }
}

/// The draft with the file, or the final state of the upload instead.
fn joined(mut revision: Revision, arrival: &Arrival) -> Result<Revision, UploadState> {
    let (took, full) = match arrival {
        Arrival::Preview(preview) => {
            (revision.add_preview(preview.clone()), ListingError::TooManyPreviews)
        }
        Arrival::Asset(asset) => (revision.add_asset(asset.clone()), ListingError::TooManyAssets),
        Arrival::Refused(..) => return Ok(revision),
    };
    if took { Ok(revision) } else { Err(UploadState::refused(&full)) }
}
