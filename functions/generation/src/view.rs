//! A job and a preset as callers see them.

use clients::Images;
use domain::{
    Timestamp,
    camera::AspectRatio,
    generation::{Charge, Failure, Input, Job, Licence, PresetContent, Provider, Quality, Status},
    id::{JobId, ListingId, PresetId},
    preset::Preset,
};
use runtime::{ApiError, Link, Links};
use serde::Serialize;

/// A job.
#[derive(Debug, Serialize)]
pub struct JobView {
    id: JobId,
    status: Status,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// When the image is there if all goes as usual; only while the job is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_at: Option<Timestamp>,
    provider: Provider,
    quality: Quality,
    aspect_ratio: AspectRatio,
    seed: u32,
    /// What it is made with, if that was bought or is the member's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    listing: Option<ListingView>,
    charge: Charge,
    links: JobLinks,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<ImageView>,
    /// What it waits for, if that is nothing usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    /// What it is made from; only where one job is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Input>,
}

/// What a job waits for beside its provider.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum WaitingFor {
    /// Its image is finished; we have to allow the host it lies on.
    ResultHost,
}

#[derive(Debug, Serialize)]
struct JobLinks {
    #[serde(rename = "self")]
    this: Link,
    cancel: Link,
}

#[derive(Debug, Serialize)]
struct ListingView {
    id: ListingId,
    version: u32,
    /// What is to stand with the image.
    attribution: Option<String>,
}

#[derive(Debug, Serialize)]
struct ImageView {
    /// Works for ten minutes from the start of its five-minute window.
    url: String,
    thumbnail_url: String,
    sha256: String,
    width: u32,
    height: u32,
}

impl JobView {
    /// A job without its image: for answers to those who change it.
    pub(crate) fn plain(job: Job, links: &Links) -> JobView {
        let this = links.to(format_args!("/api/v1/generations/{}", job.id));
        let cancel = links.to(format_args!("/api/v1/generations/{}/cancel", job.id));
        JobView {
            expected_at: (!job.status.is_final()).then(|| job.expected_at()),
            id: job.id,
            status: job.status,
            created_at: job.created_at,
            updated_at: job.updated_at,
            provider: job.provider,
            quality: job.quality,
            aspect_ratio: job.aspect_ratio,
            seed: job.seed,
            listing: job.licence.map(ListingView::from),
            charge: job.charge,
            links: JobLinks { this, cancel },
            image: None,
            waiting_for: job.withheld_since.map(|_| WaitingFor::ResultHost),
            error: job.failure,
            input: None,
        }
    }

    /// A job with links to its image, if there is one.
    pub(crate) async fn linked(
        mut job: Job,
        links: &Links,
        images: &Images,
        now: Timestamp,
    ) -> Result<JobView, ApiError> {
        let image = match job.image.take() {
            Some(stored) => Some(ImageView {
                url: images.link(&stored.key, now).await?,
                thumbnail_url: images.link(&stored.thumbnail_key, now).await?,
                sha256: stored.sha256,
                width: stored.width,
                height: stored.height,
            }),
            None => None,
        };
        Ok(JobView { image, ..JobView::plain(job, links) })
    }

    /// The same with what it is made from. The listing is in the job already, and the model of a
    /// listing is named to nobody.
    pub(crate) fn with_input(self, input: Input) -> JobView {
        JobView { input: Some(Input { licence: None, model_id: None, ..input }), ..self }
    }

    /// Where it is.
    pub(crate) fn location(&self) -> Link {
        self.links.this.clone()
    }
}

impl From<Licence> for ListingView {
    fn from(licence: Licence) -> ListingView {
        let Licence { listing_id: id, revision: version, creator_id: _, attribution } = licence;
        ListingView { id, version, attribution }
    }
}

/// A preset.
#[derive(Debug, Serialize)]
pub struct PresetView {
    id: PresetId,
    name: String,
    created_at: Timestamp,
    #[serde(flatten)]
    content: PresetContent,
}

impl From<Preset> for PresetView {
    fn from(preset: Preset) -> PresetView {
        let Preset { id, user_id: _, name, created_at, content } = preset;
        PresetView { id, name, created_at, content }
    }
}
