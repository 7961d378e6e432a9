//! `background-render-preview`: looks at a file that arrived in quarantine.
//!
//! A picture is checked, drawn anew, watermarked and kept in three sizes where everybody sees it; an
//! asset is measured and moved to where only buyers get it. Whatever it is, nothing of what was sent
//! is ever public. Then the upload ends: what came of it joins the draft, or the creator is told why
//! it does not.
//!
//! Retry: the same file makes the same objects, and an upload ends once. A file that is sent again
//! through the same form after that is thrown away.

use clients::{
    AssetKind, Preview, PreviewBucket, S3Event, Uploads,
    picture::PictureRefused,
    s3_event::UploadedObject,
    uploads::{Content, UploadRefused, Uploaded, asset_key, quarantined},
};
use domain::{
    id::{ListingId, UploadId},
    marketplace::upload::{Asset, Purpose, Upload},
};
use runtime::{Metrics, Task, TaskError, Worker};
use store::{Arrival, Store, if_there};
use tracing::{info, warn};

pub const WORKER: Worker = Worker::new("background-render-preview").with_concurrency(1);

type Capabilities = (Store, Uploads, PreviewBucket);

pub async fn handle(capabilities: &Capabilities, task: Task<S3Event>) -> Result<(), TaskError> {
    for object in &task.body.objects {
        look_at(capabilities, object, &task).await?;
    }
    Ok(())
}

async fn look_at(
    (store, uploads, previews): &Capabilities,
    object: &UploadedObject,
    task: &Task<S3Event>,
) -> Result<(), TaskError> {
    let Some((listing, id)) = named(&object.key) else {
        warn!(key = object.key, "something that is no upload is thrown away");
        return Ok(uploads.discard(&object.key).await?);
    };
    let Some(upload) = if_there(store.upload(&listing, &id).await)? else {
        warn!(key = object.key, "an upload nobody asked for is thrown away");
        return Ok(uploads.discard(&object.key).await?);
    };
    if upload.is_waiting() {
        let Some(file) = uploads.head(&object.key).await? else { return Ok(()) };
        let Some(arrival) = arrived((uploads, previews), &upload, &file).await? else {
            return Ok(());
        };
        let ended = if_there(store.end_upload(&listing, &id, &arrival, task.now).await)?;
        let Some(ended) = ended else {
            warn!(key = object.key, "an upload for a listing that is deleted is thrown away");
            return Ok(uploads.discard(&object.key).await?);
        };
        let taken = !matches!(arrival, Arrival::Refused(..));
        info!(key = object.key, state = ?ended.state, "an upload was looked at");
        let name = if taken { "UploadsTaken" } else { "UploadsRefused" };
        Metrics::at(task.now).count(name, 1).emit();
    }
    Ok(uploads.discard(&object.key).await?)
}

fn named(key: &str) -> Option<(ListingId, UploadId)> {
    let (listing, upload) = quarantined(key)?;
    Some((ListingId::parse(listing).ok()?, UploadId::parse(upload).ok()?))
}

/// What came of a file; `None` if it is not there any more, or another was sent in its place, which
/// is told by a message of its own.
async fn arrived(
    (uploads, previews): (&Uploads, &PreviewBucket),
    upload: &Upload,
    file: &Uploaded,
) -> Result<Option<Arrival>, TaskError> {
    let declared = file.content_type.as_deref() == Some(upload.content_type.as_str());
    if !declared || file.owner.as_deref() != Some(upload.owner_id.as_str()) {
        return Ok(Some(refused("not_as_declared", "The file is not what the form was for.")));
    }
    let looked = match upload.purpose {
        Purpose::Preview => draw((uploads, previews), upload, file).await?,
        Purpose::Asset => keep(uploads, upload, file).await?,
    };
    match looked {
        Ok(arrival) => Ok(Some(arrival)),
        Err(UploadRefused::Missing | UploadRefused::Replaced) => Ok(None),
        Err(UploadRefused::TooLarge) => {
            Ok(Some(refused("too_large", "The file is larger than the form allowed.")))
        }
        Err(later @ UploadRefused::Unavailable(_)) => Err(later.into()),
    }
}

async fn draw(
    (uploads, previews): (&Uploads, &PreviewBucket),
    upload: &Upload,
    file: &Uploaded,
) -> Result<Result<Arrival, UploadRefused>, TaskError> {
    let bytes = match uploads.fetch(file, upload.bytes_max).await {
        Ok(bytes) => bytes,
        Err(refused) => return Ok(Err(refused)),
    };
    let drawn = tokio::task::spawn_blocking(move || Preview::decode(&bytes)).await;
    let preview = match drawn {
        Ok(Ok(preview)) => preview,
        Ok(Err(unusable)) => return Ok(Ok(unusable_picture(&unusable))),
        Err(_) => return Ok(Ok(refused("damaged", "The picture could not be read."))),
    };
    let stored = previews.store(&upload.listing_id, &upload.id, &preview).await?;
    let (width, height) = (stored.large.width, stored.large.height);
    let upload_id = upload.id.clone();
    let preview = domain::marketplace::upload::Preview { upload_id, width, height, drawn: false };
    Ok(Ok(Arrival::Preview(preview)))
}

async fn keep(
    uploads: &Uploads,
    upload: &Upload,
    file: &Uploaded,
) -> Result<Result<Arrival, UploadRefused>, TaskError> {
    let Content { bytes, sha256, kind } = match uploads.digest(file, upload.bytes_max).await {
        Ok(content) => content,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(kind) = kind else {
        return Ok(Ok(refused(
            "not_an_asset",
            "The file is no archive, model or table of colours.",
        )));
    };
    let file_name = file_name(upload, kind);
    let key = asset_key(&upload.listing_id, &upload.id);
    if let Err(refused) = uploads.promote(file, &key, kind, &file_name).await {
        return Ok(Err(refused));
    }
    let upload_id = upload.id.clone();
    Ok(Ok(Arrival::Asset(Asset { upload_id, file_name, bytes, sha256 })))
}

/// What the creator calls it, or a name of its kind.
fn file_name(upload: &Upload, kind: AssetKind) -> String {
    upload.file_name.clone().unwrap_or_else(|| format!("asset.{}", kind.extension()))
}

fn unusable_picture(unusable: &PictureRefused) -> Arrival {
    let code = match unusable {
        PictureRefused::UnknownFormat => "unknown_format",
        PictureRefused::TooLarge | PictureRefused::TooManyPixels => "too_many_pixels",
        PictureRefused::TooSmall { .. } => "too_few_pixels",
        PictureRefused::Damaged { .. } => "damaged",
    };
    refused(code, &unusable.to_string())
}

fn refused(code: &str, detail: &str) -> Arrival {
    Arrival::Refused(code.to_owned(), detail.to_owned())
}
