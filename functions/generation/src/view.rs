//! Jobs and presets as API responses.

use clients::ImageLinks;
use domain::{
    Timestamp,
    camera::AspectRatio,
    generation::{
        ChargeView, Failure, Input, InputSource, Job, Licence, PresetContent, Provider, Quality,
        Status,
    },
    id::{JobId, ListingId, PresetId},
    image::link_works_until,
    preset::Preset,
};
use runtime::{ApiError, Link, Links};
use serde::Serialize;
use store::JobAndInput;

/// A job.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Generation"))]
pub(crate) struct JobView {
    id: JobId,
    status: Status,
    /// When it was requested.
    created_at: Timestamp,
    /// When a worker began it; absent while it is queued, also after a provider was busy.
    started_at: Option<Timestamp>,
    /// When it ended, however it ended.
    finished_at: Option<Timestamp>,
    /// When it last changed.
    updated_at: Timestamp,
    /// When the image is expected; only while the job is open.
    expected_at: Option<Timestamp>,
    provider: Provider,
    quality: Quality,
    aspect_ratio: AspectRatio,
    seed: u32,
    /// Where its input comes from; not in answers to changes.
    source: Option<InputSource>,
    /// What it shows, in words: the prompt, or the short description of a structured prompt, or
    /// both; not in answers to changes.
    prompt: Option<String>,
    /// The preset it was made from, which may have been changed or deleted since.
    preset_id: Option<PresetId>,
    /// The listing it uses, if it was bought or is the member's own.
    listing: Option<ListingView>,
    charge: ChargeView,
    links: JobLinks,
    /// Whether the member marked it.
    favourite: bool,
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
    /// Its turn: more wait than the provider takes in a minute. `expected_at` counts it in.
    Turn,
}

impl WaitingFor {
    fn of(job: &Job) -> Option<WaitingFor> {
        let host = job.withheld_since.map(|_| WaitingFor::ResultHost);
        host.or_else(|| job.queued_until().map(|_| WaitingFor::Turn))
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JobLinks {
    #[serde(rename = "self")]
    this: Link,
    /// Present while it can be cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel: Option<Link>,
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
    /// The original, a PNG. A page that shows it and fetches it too sets `crossorigin` on its
    /// element or fetches it with `cache: 'reload'`: what a browser keeps of an image without
    /// `crossorigin` lacks the headers that a fetch needs.
    url: String,
    /// A JPEG of at most 512 pixels a side.
    thumbnail_url: String,
    /// Until when both URLs work: five to ten minutes. Read the generation again for new ones.
    expires_at: Timestamp,
    /// SHA-256 of the original, in lower-case hex.
    sha256: String,
    width: u32,
    height: u32,
}

impl JobView {
    /// A job without its image, for responses to changes.
    pub(crate) fn plain(job: Job, links: &Links) -> JobView {
        let this = links.to(format_args!("/api/v1/generations/{}", job.id));
        let cancel = links.to(format_args!("/api/v1/generations/{}/cancel", job.id));
        let cancel = (job.status == Status::Queued).then_some(cancel);
        JobView {
            expected_at: (!job.status.is_final()).then(|| job.expected_at()),
            waiting_for: WaitingFor::of(&job),
            id: job.id,
            status: job.status,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            updated_at: job.updated_at,
            provider: job.provider,
            quality: job.quality,
            aspect_ratio: job.aspect_ratio,
            seed: job.seed,
            source: None,
            prompt: None,
            preset_id: job.preset_id,
            listing: job.licence.map(ListingView::from),
            charge: job.charge.into(),
            links: JobLinks { this, cancel },
            favourite: job.favourite,
            image: None,
            error: job.failure,
            input: None,
        }
    }

    /// A job with links to its image, if it has one.
    pub(crate) async fn linked(
        mut job: Job,
        links: &Links,
        images: &ImageLinks,
        now: Timestamp,
    ) -> Result<JobView, ApiError> {
        let image = match job.image.take() {
            Some(stored) => Some(ImageView {
                url: images.link(&job.user_id, &stored.key, now).await?,
                thumbnail_url: images.link(&job.user_id, &stored.thumbnail_key, now).await?,
                expires_at: link_works_until(now),
                sha256: stored.sha256,
                width: stored.width,
                height: stored.height,
            }),
            None => None,
        };
        Ok(JobView { image, ..JobView::plain(job, links) })
    }

    /// A job and its input, with links to its image.
    pub(crate) async fn whole(
        JobAndInput { job, input }: JobAndInput,
        links: &Links,
        images: &ImageLinks,
        now: Timestamp,
    ) -> Result<JobView, ApiError> {
        let view = JobView::linked(job, links, images, now).await?.described(&input);
        // The listing is in the job already, and the model of a listing is never disclosed.
        Ok(JobView { input: Some(Input { licence: None, model_id: None, ..input }), ..view })
    }

    /// Adds what the input says, in words.
    pub(crate) fn described(self, input: &Input) -> JobView {
        JobView { source: Some(input.source()), prompt: Some(input.words()), ..self }
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
    /// When it last changed.
    updated_at: Timestamp,
    #[serde(flatten)]
    content: PresetContent,
}

impl From<Preset> for PresetView {
    fn from(preset: Preset) -> PresetView {
        let Preset { id, user_id: _, name, created_at, updated_at, content } = preset;
        let updated_at = updated_at.unwrap_or(created_at);
        PresetView { id, name, created_at, updated_at, content }
    }
}
