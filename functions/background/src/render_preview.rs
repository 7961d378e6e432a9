//! `background-render-preview`: checks a file that arrived in quarantine, and prepares a submitted
//! listing for review.
//!
//! An image is decoded, re-encoded, watermarked and stored in three public sizes; an asset is
//! copied to where only buyers can download it, and that copy is opened, checked and hashed. The
//! bytes that were sent are never public. Then the upload ends: the result joins the draft, or the
//! upload records why it was refused.
//!
//! Retry: an upload ends once. Until its form expires a file can be replaced, even while another
//! invocation checks it, so an object that a moderator is shown is never overwritten: an asset is
//! written once, and an image gets a unique name. A file sent after the upload has ended is
//! deleted. How a submission is prepared, and repeated: `prepare.rs`.

use clients::{
    AssetScan, PreviewBucket, S3Event, Uploads,
    queue::PreparationMessage,
    s3_event::UploadedObject,
    scan::Scan,
    uploads::{UploadError, Uploaded, asset_key, quarantined},
};
use domain::{
    DomainError,
    id::{ListingId, UploadId},
    marketplace::listing::upload::{Asset, FileRefused, Purpose, Upload, UploadState},
};
use media::{
    Preview,
    asset::{AssetError, inspect},
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use serde::Deserialize;
use store::{Arrival, Store, optional};
use tracing::{info, warn};

use crate::prepare::{draw_cover, prepare};

pub const WORKER: Worker = Worker::new("background-render-preview").with_concurrency(1);

/// A message of the queue.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Message {
    /// From the relay: a version was submitted.
    Submitted(PreparationMessage),
    /// From S3: files arrived.
    Arrived(S3Event),
}

#[derive(Connect)]
struct Deps {
    store: Store,
    uploads: Uploads,
    previews: PreviewBucket,
    scan: AssetScan,
}

/// The function of this worker.
pub fn function() -> Function {
    Function::queue(WORKER, handle)
}

async fn handle(deps: &Deps, task: Task<Message>) -> Result<(), TaskError> {
    match &task.body {
        Message::Submitted(message) => {
            let places = (&deps.store, &deps.previews);
            Ok(prepare(places, message, (task.now, task.attempt), draw_cover).await?)
        }
        Message::Arrived(event) => {
            for object in &event.objects {
                look_at(deps, object, &task).await?;
            }
            Ok(())
        }
    }
}

async fn look_at(
    deps: &Deps,
    object: &UploadedObject,
    task: &Task<Message>,
) -> Result<(), TaskError> {
    let Deps { store, uploads, .. } = deps;
    let Some((listing, id)) = named(&object.key) else {
        warn!(key = object.key, "object is not an upload, deleting it");
        return Ok(uploads.discard(&object.key).await?);
    };
    let Some(mut upload) = optional(store.upload(&listing, &id).await)? else {
        warn!(key = object.key, "object belongs to no known upload, deleting it");
        return Ok(uploads.discard(&object.key).await?);
    };
    if upload.is_waiting() {
        let Some(file) = uploads.head(&object.key).await? else { return Ok(()) };
        let Some(arrival) = arrived(deps, &upload, &file, task).await? else {
            return Ok(());
        };
        let ended = optional(store.end_upload(&listing, &id, &arrival, task.now).await)?;
        let Some(ended) = ended else {
            warn!(key = object.key, "listing of the upload is deleted, deleting the file");
            uploads.discard(&asset_key(&listing, &id)).await?;
            return Ok(uploads.discard(&object.key).await?);
        };
        let taken = !matches!(arrival, Arrival::Refused(..));
        info!(key = object.key, state = ?ended.state, "upload checked");
        let name = if taken { "UploadsTaken" } else { "UploadsRefused" };
        Metrics::new().count(name, 1).emit();
        upload = ended;
    }
    // An upload that ended in another state, even in another call, may have its asset in a listing.
    if upload.purpose == Purpose::Asset && matches!(upload.state, UploadState::Refused { .. }) {
        uploads.discard(&asset_key(&listing, &id)).await?;
    }
    Ok(uploads.discard(&object.key).await?)
}

fn named(key: &str) -> Option<(ListingId, UploadId)> {
    let (listing, upload) = quarantined(key)?;
    Some((ListingId::parse(listing).ok()?, UploadId::parse(upload).ok()?))
}

/// The result of a file; `None` if it is deleted, or replaced by another, which has a message of
/// its own.
async fn arrived(
    deps: &Deps,
    upload: &Upload,
    file: &Uploaded,
    task: &Task<Message>,
) -> Result<Option<Arrival>, TaskError> {
    let declared = file.content_type.as_deref() == Some(upload.content_type.as_str());
    if !declared || file.owner.as_deref() != Some(upload.owner_id.as_str()) {
        return Ok(Some(refused(&FileRefused::NotAsDeclared)));
    }
    let looked = match upload.purpose {
        Purpose::Preview => draw(deps, upload, file, task).await?,
        Purpose::Asset => keep(deps, upload, file).await?,
    };
    match looked {
        Ok(arrival) => Ok(Some(arrival)),
        Err(UploadError::Missing | UploadError::Replaced) => Ok(None),
        Err(UploadError::TooLarge) => Ok(Some(refused(&FileRefused::TooLarge))),
        Err(later @ UploadError::Unavailable(_)) => Err(later.into()),
    }
}

async fn draw(
    Deps { uploads, previews, .. }: &Deps,
    upload: &Upload,
    file: &Uploaded,
    task: &Task<Message>,
) -> Result<Result<Arrival, UploadError>, TaskError> {
    let bytes = match uploads.fetch(file, upload.bytes_max).await {
        Ok(bytes) => bytes,
        Err(refused) => return Ok(Err(refused)),
    };
    let drawn = tokio::task::spawn_blocking(move || Preview::decode(&bytes)).await;
    let preview = match drawn {
        Ok(Ok(preview)) => preview,
        Ok(Err(unusable)) => return Ok(Ok(refused(&unusable))),
        Err(_) => return Ok(Ok(refused(&FileRefused::Damaged))),
    };
    let upload_id = UploadId::new(task.now, task.random());
    let stored = previews.store(&upload.listing_id, &upload_id, &preview).await?;
    let (width, height) = (stored.large.width, stored.large.height);
    let preview =
        domain::marketplace::listing::upload::Preview { upload_id, width, height, drawn: false };
    Ok(Ok(Arrival::Preview(preview)))
}

async fn keep(
    Deps { uploads, scan, .. }: &Deps,
    upload: &Upload,
    file: &Uploaded,
) -> Result<Result<Arrival, UploadError>, TaskError> {
    let kind = match uploads.sniff(file, upload.bytes_max).await {
        Ok(Some(kind)) => kind,
        Ok(None) => return Ok(Ok(refused(&AssetError::UnknownKind))),
        Err(refused) => return Ok(Err(refused)),
    };
    let file_name = kind.file_name(upload.file_name.as_deref());
    let key = asset_key(&upload.listing_id, &upload.id);
    if let Err(refused) = uploads.promote(file, &key, kind, &file_name).await {
        return Ok(Err(refused));
    }
    // From here on the copy that buyers will download is checked, not the file in quarantine.
    let bytes = match uploads.asset(&key, upload.bytes_max).await {
        Ok(bytes) => bytes,
        Err(refused) => return Ok(Err(refused)),
    };
    let inspected = tokio::task::spawn_blocking(move || inspect(kind, &bytes)).await;
    let found = match inspected {
        Ok(Ok(found)) => found,
        Ok(Err(unfit)) => return Ok(Ok(refused(&unfit))),
        Err(_) => return Ok(Ok(refused(&FileRefused::Damaged))),
    };
    // Most scans end later: an approval checks again.
    if scan.of(&key).await? == Scan::NotClean {
        return Ok(Ok(refused(&FileRefused::NotClean)));
    }
    Ok(Ok(Arrival::Asset(Asset {
        upload_id: upload.id.clone(),
        file_name,
        bytes: found.bytes,
        sha256: found.sha256,
        kind: Some(kind),
        files: found.files,
    })))
}

fn refused(refusal: &dyn DomainError) -> Arrival {
    Arrival::Refused(UploadState::refused(refusal))
}
