//! `background-run-generation`: advances a job by one step.
//!
//! A message only names the job. The job alone decides the step (`Job::next_step`); a conditional
//! write that one worker can win claims it, and a write that only the claimer can make ends it. So
//! a message may be duplicate, late, out of order, or for a finished job.
//!
//! Every change is dated when it is written, because an image takes seconds.
//!
//! Retry: our renderer may render again; a request that a provider may have accepted is never sent
//! again. The function never waits for an image: Bria's webhook or the next message brings it.

use std::time::{Duration, Instant};

use clients::{
    Images,
    bria::{PollError, ProviderStatus, RequestId, SubmitError, SubmitRequest},
    fetch::FetchError,
    queue::JobMessage,
};
use domain::{
    fibo::StructuredPrompt,
    generation::{Failure, FailureCode, Input, Job, NextStep, Provider, SEED_MAX, WebhookRef},
};
use media::Picture;
use runtime::{
    BriaImages, Clock, Connect, Function, ImageProvider, Metrics, Task, TaskError, Worker,
};
use store::{JobAndInput, Store};

use crate::{
    draw::draw,
    lookup::find,
    settle,
    turns::{Turn, Turns},
};

pub const WORKER: Worker = Worker::new("background-run-generation").with_concurrency(1);

/// The delay before a retry when a dependency was unavailable.
const PAUSE: Duration = Duration::from_secs(30);

#[derive(Connect)]
struct Deps {
    store: Store,
    images: Images,
    provider: ImageProvider,
    turns: Turns,
}

/// The function of this worker.
pub fn function() -> Function {
    Function::queue(WORKER, handle)
}

async fn handle(deps: &Deps, task: Task<JobMessage>) -> Result<(), TaskError> {
    task.log_job(&task.body.user_id, &task.body.job_id);
    let (store, clock) = (&deps.store, task.clock());
    let Some(JobAndInput { job, input }) = find(store, &task.body).await? else { return Ok(()) };
    match job.next_step(clock.now()) {
        NextStep::Leave => Ok(()),
        NextStep::Fail(failure) => settle::fail(store, &job, failure, clock).await,
        NextStep::AwaitUnknown => {
            move_on(store, &job, job.clone().await_unknown(clock.now())).await
        }
        NextStep::Submit => submit(deps, job, &input, clock).await,
        NextStep::Poll => poll(deps, job, clock).await,
    }
}

async fn submit(deps: &Deps, job: Job, input: &Input, clock: &Clock) -> Result<(), TaskError> {
    let Deps { store, images, provider, turns } = deps;
    match (job.provider, provider) {
        (Provider::Studio, _) => render((store, images), job, input, clock).await,
        (Provider::Bria, ImageProvider::Bria(bria)) => {
            ask((store, turns), bria, job, input, clock).await
        }
        (Provider::Bria, ImageProvider::Studio) => {
            let failure = Failure::new(
                FailureCode::ProviderUnavailable,
                "The image provider this was queued for is no longer in use.",
            );
            settle::fail(store, &job, failure, clock).await
        }
    }
}

/// Renders the image in this invocation.
async fn render(
    (store, images): (&Store, &Images),
    job: Job,
    input: &Input,
    clock: &Clock,
) -> Result<(), TaskError> {
    let claimed = job.clone().claim_submit(clock.now());
    if !store.advance(&job, &claimed).await? {
        return Ok(());
    }
    let (began, input) = (Instant::now(), input.clone());
    let drawn = tokio::task::spawn_blocking(move || draw(&input)).await;
    log_latency("studio", began);
    let picture = match drawn {
        Ok(Ok(picture)) => picture,
        Ok(Err(_)) | Err(_) => {
            return settle::fail(store, &claimed, invalid("The renderer failed."), clock).await;
        }
    };
    match settle::succeed((store, images), &claimed, &picture, clock).await {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::warn!(?error, "image could not be stored, rendering again later");
            pause(store, &claimed, clock).await
        }
    }
}

/// Submits the request to Bria. Once Bria may have received it, it is never sent again.
async fn ask(
    (store, turns): (&Store, &Turns),
    images: &BriaImages,
    job: Job,
    input: &Input,
    clock: &Clock,
) -> Result<(), TaskError> {
    if let Some(waiting) = waiting((store, turns), "bria-submit", &job, images, clock).await? {
        return move_on(store, &job, waiting).await;
    }
    let request = request(&job, input, &images.webhook_url);
    let claimed = job.clone().claim_submit(clock.now());
    if !store.advance(&job, &claimed).await? {
        return Ok(());
    }
    let began = Instant::now();
    let answer = images.bria.submit(&request).await;
    log_latency("bria-submit", began);
    let claim = claimed.clone();
    match answer {
        Ok(id) => move_on(store, &claimed, claim.accept(id.as_str(), clock.now())).await,
        Err(SubmitError::Busy { retry_after_s }) => {
            let later = clock.now().plus(busy_for(retry_after_s));
            move_on(store, &claimed, claim.requeue(later, clock.now())).await
        }
        Err(SubmitError::Refused { .. }) => pause(store, &claimed, clock).await,
        Err(SubmitError::Ambiguous { detail }) => {
            tracing::warn!(detail, "the provider did not answer the submit, it is not repeated");
            Metrics::new().count("UnknownSubmits", 1).emit();
            move_on(store, &claimed, claim.await_unknown(clock.now())).await
        }
        Err(SubmitError::Blocked { message }) => {
            settle::fail(store, &claimed, blocked(&message), clock).await
        }
        Err(SubmitError::Invalid { status, message }) => {
            settle::fail(store, &claimed, misunderstood(status, &message), clock).await
        }
        Err(SubmitError::Rejected { status, message }) => {
            tracing::error!(status, message, "the provider rejected our request, the job fails");
            Metrics::new().count("ProviderRequestsRejected", 1).emit();
            settle::fail(store, &claimed, rejected(&message), clock).await
        }
    }
}

/// Polls Bria, and fetches the image once it is finished.
async fn poll(
    Deps { store, images, provider, turns }: &Deps,
    job: Job,
    clock: &Clock,
) -> Result<(), TaskError> {
    let (ImageProvider::Bria(bria), Some(id)) =
        (provider, job.request_id.as_deref().and_then(RequestId::parse))
    else {
        let failure = rejected("The provider's name for this request is not usable.");
        return settle::fail(store, &job, failure, clock).await;
    };
    if let Some(waiting) = waiting((store, turns), "bria-status", &job, bria, clock).await? {
        return move_on(store, &job, waiting).await;
    }
    let claimed = job.clone().claim_poll(clock.now());
    if !store.advance(&job, &claimed).await? {
        return Ok(());
    }
    let began = Instant::now();
    let answer = bria.bria.status(&id).await;
    log_latency("bria-status", began);
    match answer {
        Ok(ProviderStatus::Completed { image_url, .. }) => {
            take((store, images, bria), claimed, &image_url, clock).await
        }
        Ok(ProviderStatus::Blocked { message }) => {
            settle::fail(store, &claimed, blocked(&message), clock).await
        }
        Ok(ProviderStatus::Invalid { message }) => {
            settle::fail(store, &claimed, misunderstood(200, &message), clock).await
        }
        Ok(ProviderStatus::Failed { message }) => {
            settle::fail(store, &claimed, rejected(&message), clock).await
        }
        Ok(ProviderStatus::Expired) => {
            let failure = rejected("The provider no longer knows this request.");
            settle::fail(store, &claimed, failure, clock).await
        }
        Ok(ProviderStatus::Unknown) => {
            later(store, claimed.clone(), claimed.count_unknown(), Duration::ZERO, clock).await
        }
        Ok(ProviderStatus::InProgress) | Err(PollError::Unavailable { .. }) => {
            later(store, claimed.clone(), claimed, Duration::ZERO, clock).await
        }
        Err(PollError::Busy { retry_after_s }) => {
            later(store, claimed.clone(), claimed, busy_for(retry_after_s), clock).await
        }
    }
}

/// Fetches, checks and stores the image.
async fn take(
    (store, images, bria): (&Store, &Images, &BriaImages),
    claimed: Job,
    url: &str,
    clock: &Clock,
) -> Result<(), TaskError> {
    let bytes = match bria.fetcher.fetch(url).await {
        Ok(bytes) => bytes,
        Err(FetchError::Unavailable { detail }) => {
            tracing::warn!(detail, "image cannot be fetched now, retrying later");
            return later(store, claimed.clone(), claimed, Duration::ZERO, clock).await;
        }
        Err(FetchError::UnknownHost { origin }) => {
            return withhold(store, claimed, &origin, clock).await;
        }
        Err(refused) => {
            tracing::error!(%refused, "image cannot be fetched, the job fails");
            let failure = invalid("The provider's image could not be fetched.");
            return settle::fail(store, &claimed, failure, clock).await;
        }
    };
    let picture = match tokio::task::spawn_blocking(move || Picture::decode(&bytes)).await {
        Ok(Ok(picture)) => picture,
        Ok(Err(refused)) => {
            return settle::fail(store, &claimed, invalid(&refused.to_string()), clock).await;
        }
        Err(_) => {
            let failure = invalid("The provider's image could not be read.");
            return settle::fail(store, &claimed, failure, clock).await;
        }
    };
    match settle::succeed((store, images), &claimed, &picture, clock).await {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::warn!(?error, "image could not be stored, fetching it again later");
            later(store, claimed.clone(), claimed, Duration::ZERO, clock).await
        }
    }
}

/// Withholds a job whose image is on an unlisted host: it is paid for, so it waits until an
/// operator lists the host, or the provider has deleted the image.
async fn withhold(
    store: &Store,
    claimed: Job,
    origin: &str,
    clock: &Clock,
) -> Result<(), TaskError> {
    tracing::error!(
        origin,
        request_id = claimed.request_id,
        "image is on a host that ImageOrigins does not list, the job waits until it is listed"
    );
    Metrics::new().count("ResultsWithheld", 1).emit();
    let waiting = claimed.clone().withhold(clock.now());
    if waiting.is_overdue(clock.now()) {
        let failure = invalid("The provider's image could not be fetched in time.");
        return settle::fail(store, &claimed, failure, clock).await;
    }
    move_on(store, &claimed, waiting).await
}

/// Polls again later, or fails the job if it is overdue or the provider does not know it.
async fn later(
    store: &Store,
    claimed: Job,
    after: Job,
    at_least: Duration,
    clock: &Clock,
) -> Result<(), TaskError> {
    if after.is_forgotten() {
        let failure = rejected("The provider does not know this request.");
        return settle::fail(store, &claimed, failure, clock).await;
    }
    if after.is_overdue(clock.now()) {
        let failure = Failure::new(FailureCode::TimedOut, "The image took too long.");
        return settle::fail(store, &claimed, failure, clock).await;
    }
    move_on(store, &claimed, after.poll_later(at_least, clock.now())).await
}

/// Queues the job again, for a dependency that was unavailable.
async fn pause(store: &Store, claimed: &Job, clock: &Clock) -> Result<(), TaskError> {
    let now = clock.now();
    move_on(store, claimed, claimed.clone().requeue(now.plus(PAUSE), now)).await
}

/// Writes the job's new state. If it changed meanwhile, the other write wins.
async fn move_on(store: &Store, before: &Job, after: Job) -> Result<(), TaskError> {
    if !store.advance(before, &after).await? {
        tracing::info!("write conflict, another worker advanced the job");
    }
    Ok(())
}

/// The job as it waits for its turn; `None` if Bria may be called for it now.
async fn waiting(
    (store, turns): (&Store, &Turns),
    endpoint: &'static str,
    job: &Job,
    images: &BriaImages,
    clock: &Clock,
) -> Result<Option<Job>, TaskError> {
    let now = clock.now();
    let turn = turns.take((store, endpoint), job, images.calls_per_minute, now).await?;
    Ok(match turn {
        Turn::Now => None,
        Turn::At(turn_at) => Some(job.clone().wait_for_turn(turn_at, now)),
        Turn::NotBefore(until) => Some(job.clone().postpone(until, now)),
    })
}

fn request(job: &Job, input: &Input, webhook_url: &str) -> SubmitRequest {
    let (rig, camera) = (input.lighting.as_ref(), input.camera.as_ref());
    let structured = input.structured_prompt.clone().map(|prompt| {
        let lit = rig.into_iter().fold(prompt, StructuredPrompt::with_lighting);
        camera.into_iter().fold(lit, StructuredPrompt::with_camera).canonical_json()
    });
    let prompt = match (&input.prompt, &structured) {
        (Some(prompt), None) => Some(StructuredPrompt::in_words(prompt, rig, camera)),
        (refine, _) => refine.clone(),
    };
    let mut webhook_url = webhook_url.to_owned();
    webhook_url.push_str("?job=");
    webhook_url.extend(form_urlencoded::byte_serialize(WebhookRef::of(job).to_string().as_bytes()));
    SubmitRequest {
        prompt,
        structured_prompt: structured,
        negative_prompt: input.negative_prompt.clone(),
        // Older jobs may have a seed that the provider does not accept; it then chooses one.
        seed: Some(input.seed).filter(|seed| *seed <= SEED_MAX),
        aspect_ratio: input.aspect_ratio,
        quality: input.quality,
        model_id: input.model_id.clone(),
        webhook_url: Some(webhook_url),
    }
}

fn busy_for(retry_after_s: Option<u32>) -> Duration {
    retry_after_s.map_or(PAUSE, |secs| Duration::from_secs(u64::from(secs.clamp(1, 900))))
}

fn blocked(message: &str) -> Failure {
    Failure::new(FailureCode::ContentBlocked, message)
}

fn rejected(message: &str) -> Failure {
    Failure::new(FailureCode::ProviderRejected, message)
}

/// A fault of ours: an alarm goes off, and only the log has the provider's message.
fn misunderstood(status: u16, message: &str) -> Failure {
    tracing::error!(status, message, "the provider rejected our request as invalid, the job fails");
    Metrics::new().count("ProviderRequestsInvalid", 1).emit();
    let text = "The image provider did not understand our request. This is our fault; nothing is \
                charged.";
    Failure::new(FailureCode::RequestInvalid, text)
}

fn invalid(message: &str) -> Failure {
    Failure::new(FailureCode::ResultInvalid, message)
}

fn log_latency(route: &'static str, began: Instant) {
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Metrics::new().dimension("Provider", route).millis("ProviderLatency", took).emit();
}
