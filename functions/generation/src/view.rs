//! Jobs and presets as API responses.

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
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Generation"))]
pub(crate) struct JobView {
    id: JobId,
    status: Status,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// When the image is expected; only while the job is open.
    expected_at: Option<Timestamp>,
    provider: Provider,
    quality: Quality,
    aspect_ratio: AspectRatio,
    seed: u32,
    /// The listing it uses, if it was bought or is the member's own.
    listing: Option<ListingView>,
    charge: Charge,
    links: JobLinks,
    image: Option<ImageView>,
    /// What it waits for, if anything unusual.
    waiting_for: Option<WaitingFor>,
    error: Option<Failure>,
    /// Its input; only in responses with one job.
    input: Option<Input>,
}

/// What a job waits for other than its provider.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum WaitingFor {
    /// Its image is finished, on a host that we have to allow first.
    ResultHost,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JobLinks {
    #[serde(rename = "self")]
    this: Link,
    cancel: Link,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GenerationListing")
)]
struct ListingView {
    id: ListingId,
    version: u32,
    /// The attribution that must accompany the image.
    attribution: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GenerationImage"))]
struct ImageView {
    /// Valid for ten minutes from the start of its five-minute window.
    url: String,
    thumbnail_url: String,
    sha256: String,
    width: u32,
    height: u32,
}

impl JobView {
    /// A job without its image, for responses to changes.
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

    /// A job with links to its image, if it has one.
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

    /// Adds the input. The listing is in the job already, and the model of a listing is never
    /// disclosed.
    pub(crate) fn with_input(self, input: Input) -> JobView {
        JobView { input: Some(Input { licence: None, model_id: None, ..input }), ..self }
    }

    /// The URL of the job.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PresetView {
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
