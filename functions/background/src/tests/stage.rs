//! A stage: the table, the queue, the workers and a clock that only the test advances.
//!
//! The path is the deployed one: a member posts through the API, the table's stream goes through
//! the relay into the queue, the queue's batches through the worker, webhooks through the edge.
//! [`Stage::until_quiet`] lets time pass, and [`Stage::close`] checks the ledger.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use aws_sdk_dynamodb::config::retry::RetryConfig;
use clients::{Images, Secret};
use domain::{
    Timestamp,
    generation::{
        Charge, ChargeState, GenerationRequest, Job, Licence, NewJob, Provider, ResolvedSource,
        create_job,
    },
    id::{JobId, ListingId},
    marketplace::listing::content::Content,
};
use edge::webhook_bria;
use generation::{cancel_generation, create_generation};
use runtime::{
    BatchResponse, Clock, ImageProvider, InvocationContext, ScheduleEvent, TaskError,
    WebhookTokens, dispatch_queue, dispatch_schedule, dispatch_stream,
};
use sandbox::bria::API_TOKEN;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{Idempotency, SourceRef, Store};
use testing::{Actor, Answer, TestApp, TestRequest, engine::TABLE, grants::acting_as};

use super::{
    outside::{Letter, Outside},
    queue::{Message, Queue, event},
};
use crate::{fail_dead_letters, relay_outbox, run_generation, sweep_generations};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// Most steps before a stage must be quiet.
const MOMENTS_MAX: usize = 500;

/// One table with everything that works on it.
#[derive(Debug)]
pub(super) struct WorkerApp<'a> {
    pub(super) app: TestApp,
    pub(super) queue: Queue,
    /// The top-up queue.
    pub(super) top_ups: Queue,
    pub(super) outside: &'a Outside,
    /// The worker's dependencies.
    pub(super) hands: (Store, Images, ImageProvider),
    /// The member who posts by default.
    pub(super) member: Actor,
    provider: Provider,
    members: RefCell<Vec<Actor>>,
    /// Webhooks answered with 200.
    pub(super) notices: Cell<u32>,
}

impl<'a> WorkerApp<'a> {
    /// A stage whose images our own renderer makes.
    pub(super) fn studio(outside: &'a Outside, name: &str) -> WorkerApp<'a> {
        WorkerApp::new(outside, name, Provider::Studio, ImageProvider::Studio)
    }

    /// A stage whose images Bria makes.
    pub(super) fn bria(outside: &'a Outside, name: &str) -> WorkerApp<'a> {
        WorkerApp::new(outside, name, Provider::Bria, outside.provider())
    }

    /// Bria's webhooks have the time of this machine, so a stage starts at its minute.
    fn new(
        outside: &'a Outside,
        name: &str,
        provider: Provider,
        images: ImageProvider,
    ) -> WorkerApp<'a> {
        let mut app = TestApp::new();
        app.ambient.clock = Clock::manual(Clock::System.now().floor_to(MINUTE));
        // The SDK's retries wait a millisecond, not a second.
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let config = app.engine.client().config().to_builder().retry_config(retries).build();
        app.store = Store::new(aws_sdk_dynamodb::Client::from_conf(config), TABLE.to_owned());
        WorkerApp {
            queue: Queue::new(app.ambient.clock.clone()),
            top_ups: Queue::new(app.ambient.clock.clone()),
            hands: (app.store.clone(), outside.bucket.images(), images),
            member: Actor::member(&name.replace(' ', "-")),
            members: RefCell::default(),
            notices: Cell::default(),
            provider,
            outside,
            app,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.now()
    }

    /// Advances the clock.
    pub(super) fn pass(&self, time: Duration) {
        self.app.ambient.clock.advance(time);
    }

    /// The stage's member requests an image.
    pub(super) async fn post(&self, words: &str) -> Job {
        self.post_by(&self.member, words).await
    }

    /// `member` requests an image.
    pub(super) async fn post_by(&self, member: &Actor, words: &str) -> Job {
        self.members.borrow_mut().push(member.clone());
        let body = json!({
            "prompt": words, "seed": 7, "quality": "lite", "aspect_ratio": "16:9",
        });
        let ask = TestRequest::by(member).key(&words.replace(' ', "-")).json(body);
        let (endpoint, handle) = (&create_generation::ENDPOINT, &create_generation::handle);
        let deps = (self.app.store.clone(), self.provider);
        let answer = self.app.send(endpoint, handle, &deps, &ask).await;
        assert_eq!(answer.status(), 202, "{:?}", answer.json());
        let id = JobId::parse(answer.json()["id"].as_str().unwrap()).unwrap();
        self.app.store.job(&member.id, &id).await.unwrap()
    }

    /// The stage's member requests an image with a tailored model, as if it was bought.
    pub(super) async fn post_tailored(&self, words: &str, model: &str) -> Job {
        let (member, now) = (&self.member, self.app.now());
        self.members.borrow_mut().push(member.clone());
        let order = GenerationRequest {
            prompt: Some(words.to_owned()),
            listing_id: Some(ListingId::new(now, 1)),
            ..GenerationRequest::default()
        };
        let licence = Licence {
            listing_id: ListingId::new(now, 1),
            revision: 1,
            creator_id: Actor::member("creator").id,
            attribution: None,
        };
        let content = Content { model_id: Some(model.to_owned()), ..Content::default() };
        let named = ResolvedSource::licensed(licence, content);
        let names = NewJob {
            id: JobId::new(now, self.app.ambient.entropy.next()),
            provider: self.provider,
            seed: 7,
            webhook_token: "token".to_owned(),
        };
        let key = Idempotency { key: words.replace(' ', "-"), fingerprint: "0".repeat(64) };
        let (store, who) = (&self.app.store, (&member.id, None));
        let placed = store.enqueue(who, &key, SourceRef::Nothing, now, |draft, _| {
            create_job(draft, &order, Some(named.clone()), &names)
        });
        placed.await.unwrap()
    }

    /// The stage's member cancels a job.
    pub(super) async fn cancel(&self, job: &Job) -> Answer {
        let ask = TestRequest::by(&self.member).path("id", &job.id);
        let (endpoint, handle) = (&cancel_generation::ENDPOINT, &cancel_generation::handle);
        self.app.send(endpoint, handle, &self.app.store, &ask).await
    }

    /// A job as it is now.
    pub(super) async fn job(&self, job: &Job) -> Job {
        self.app.store.job(&job.user_id, &job.id).await.unwrap()
    }

    /// The stream's records since the last call that pass the filter of the relay's event source.
    pub(super) fn outbox(&self) -> Value {
        let mut batch = self.app.engine.stream_batch();
        let waits = |record: &Value| {
            let image = &record["dynamodb"]["NewImage"];
            let status = image["status"]["S"].as_str();
            let is_job = matches!(status, Some("queued" | "submitted"));
            let is_top_up = image["top_up"]["M"]["state"]["S"] == "due";
            record["eventName"] != "REMOVE" && (is_job || is_top_up)
        };
        batch["Records"].as_array_mut().unwrap().retain(waits);
        batch
    }

    /// Relays the outbox to the queue.
    pub(super) async fn relay(&self) -> BatchResponse {
        let outbox = self.outbox();
        self.relay_batch(outbox).await
    }

    /// Relays a batch of the stream to the queue.
    pub(super) async fn relay_batch(&self, batch: Value) -> BatchResponse {
        let (worker, handle) = (&relay_outbox::WORKER, &relay_outbox::handle);
        let batch = serde_json::from_value(batch).unwrap();
        let deps = (self.queue.sender(), self.top_ups.sender());
        let relayed = || dispatch_stream(worker, handle, &deps, &self.app.ambient, batch);
        acting_as(worker.name, relayed).await
    }

    /// Processes one batch of visible messages; returns the ids of those that failed.
    pub(super) async fn work(&self) -> Vec<String> {
        self.work_on(self.queue.receive(), &self.app.ambient).await
    }

    /// Processes `batch` with the clock of `ambient`.
    pub(super) async fn work_on(
        &self,
        batch: Vec<Message>,
        ambient: &InvocationContext,
    ) -> Vec<String> {
        let (worker, handle) = (&run_generation::WORKER, &run_generation::handle);
        let worked = || dispatch_queue(worker, handle, &self.hands, ambient, event(&batch));
        let response = acting_as(worker.name, worked).await;
        self.queue.delete_done(&batch, &response);
        failed(response)
    }

    /// Relays the outbox and processes one batch, both without a failure.
    pub(super) async fn step(&self) {
        assert_eq!(self.relay().await, BatchResponse::default());
        assert_eq!(self.work().await, Vec::<String>::new());
    }

    /// Processes dead letters; returns the ids of those that failed.
    pub(super) async fn bury(&self, letters: &[Message]) -> Vec<String> {
        let (worker, handle) = (&fail_dead_letters::WORKER, &fail_dead_letters::handle);
        let (store, ambient) = (&self.app.store, &self.app.ambient);
        let buried = || dispatch_queue(worker, handle, store, ambient, event(letters));
        failed(acting_as(worker.name, buried).await)
    }

    /// One run of the sweep.
    pub(super) async fn sweep(&self) -> Result<(), TaskError> {
        let (worker, handle) = (&sweep_generations::WORKER, &sweep_generations::handle);
        let event = include_str!("../../../../events/background-sweep-generations.json");
        let event: ScheduleEvent = serde_json::from_str(event).unwrap();
        let deps = (self.app.store.clone(), self.queue.sender());
        let swept = || dispatch_schedule(worker, handle, &deps, &self.app.ambient, event);
        acting_as(worker.name, swept).await
    }

    /// Passes the next webhook of this stage to the edge; returns its status.
    pub(super) async fn hear(&self) -> u16 {
        loop {
            let letter = self.outside.letter().await;
            let target = letter.target().user_id;
            if self.members.borrow().iter().any(|member| member.id == target) {
                return self.answer(letter).await;
            }
            letter.answer(200); // For another, finished stage.
        }
    }

    /// Passes a webhook to the edge; returns its status.
    pub(super) async fn answer(&self, letter: Letter) -> u16 {
        let (endpoint, handle) = (&webhook_bria::ENDPOINT, &webhook_bria::handle);
        let tokens = WebhookTokens(vec![Secret::new(API_TOKEN)]);
        let deps = (self.app.store.clone(), tokens);
        let status = self.app.send(endpoint, handle, &deps, &letter.ask()).await.status();
        letter.answer(status);
        self.notices.update(|notices| notices + u32::from(status == 200));
        status
    }

    /// Does `work` and processes webhooks meanwhile.
    pub(super) async fn hearing<T>(&self, work: impl Future<Output = T>) -> T {
        let hear = async {
            loop {
                self.hear().await;
            }
        };
        tokio::select! {
            done = work => done,
            _ = hear => unreachable!("it listens for ever"),
        }
    }

    /// Lets time pass until every job has ended and the queue is empty: messages arrive when due,
    /// dead letters are processed, the sweep runs every minute.
    pub(super) async fn until_quiet(&self) {
        for _ in 0..MOMENTS_MAX {
            self.relay().await;
            let batch = self.queue.receive();
            if !batch.is_empty() {
                self.work_on(batch, &self.app.ambient).await;
                continue;
            }
            self.bury(&self.queue.take_dead()).await;
            let next = self.queue.waiting().first().map(|message| message.visible_at);
            if next.is_none() && self.is_over().await {
                return;
            }
            let minute = self.now().floor_to(MINUTE).plus(MINUTE);
            let next = next.map_or(minute, |next| next.min(minute));
            self.pass(self.now().until(next));
            if next == minute {
                self.sweep().await.unwrap();
            }
        }
        panic!("it never gets quiet: {:?}", self.queue.waiting());
    }

    async fn is_over(&self) -> bool {
        for member in self.members() {
            if self.app.jobs(&member.id).await.iter().any(|job| !job.status.is_final()) {
                return false;
            }
        }
        true
    }

    fn members(&self) -> Vec<Actor> {
        self.members.borrow().clone()
    }

    /// How a job ended: its status, or the code of its failure. Checks that charge and stored files
    /// match.
    pub(super) async fn ending(&self, job: &Job) -> String {
        let job = self.job(job).await;
        let state = match job.image {
            Some(_) => ChargeState::Captured,
            None if job.status.is_final() => ChargeState::Released,
            None => ChargeState::Held,
        };
        assert_eq!(job.charge, Charge { state, ..job.charge.clone() }, "{job:?}");
        if job.image.is_some() {
            self.check_image(&job).await;
        }
        match &job.failure {
            Some(failure) => json!(failure.code).as_str().unwrap().to_owned(),
            None => job.status.into_str().to_owned(),
        }
    }

    /// Checks that the job's image is in the bucket and matches the job.
    pub(super) async fn check_image(&self, job: &Job) {
        let image = job.image.as_ref().unwrap();
        let (original, media_type) = self.outside.bucket.get(&image.key).await.unwrap();
        let digest = Sha256::digest(&original);
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((sha256, media_type), (image.sha256.clone(), "image/png".to_owned()));
        let original = image::load_from_memory(&original).unwrap();
        assert_eq!((original.width(), original.height()), (image.width, image.height));
        let (thumbnail, media_type) = self.outside.bucket.get(&image.thumbnail_key).await.unwrap();
        let thumbnail = image::load_from_memory(&thumbnail).unwrap();
        assert_eq!(
            (thumbnail.width().max(thumbnail.height()), media_type),
            (512, "image/jpeg".to_owned())
        );
    }

    /// Ends a stage: the ledger of every member who posted balances.
    pub(super) async fn close(self) {
        for member in self.members() {
            self.app.assert_credits_balance(&member.id).await;
        }
    }
}

fn failed(response: BatchResponse) -> Vec<String> {
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}
