//! An app with its workers, and a clock that only the test advances.
//!
//! The path is the deployed one: a member posts through the API, the table's stream goes through
//! the relay into the queue, the queue's batches through the worker, webhooks through the edge.
//! [`WorkerApp::run_until_idle`] lets time pass, and [`WorkerApp::close`] checks the ledger.

use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    time::Duration,
};

use domain::{
    Timestamp,
    generation::{
        Charge, ChargeState, GenerationRequest, Job, Licence, NewJob, Provider, ResolvedSource,
        create_job,
    },
    id::{JobId, ListingId},
    marketplace::listing::content::Content,
};
use runtime::{Clock, InvocationContext};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{Idempotency, SourceRef};
use testing::{
    Actor, Answer, TestApp,
    queue::{QueuedMessage, TestQueue, batch_event, failed_items, is_relayed},
};

use super::bria_sandbox::BriaSandbox;
use crate::{fail_dead_letters, relay_outbox, run_generation, sweep_generations};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// No item of a batch failed.
pub(super) const NO_FAILURES: [String; 0] = [];
/// Most steps before an app must be idle.
const STEPS_MAX: usize = 500;

/// An app whose functions make images.
#[derive(Debug)]
pub(super) struct WorkerApp<'a> {
    app: TestApp,
    /// The queue of generation jobs.
    pub(super) queue: TestQueue,
    /// The member who posts by default.
    pub(super) member: Actor,
    bria: Option<&'a BriaSandbox>,
    /// Everyone who posted.
    members: RefCell<Vec<Actor>>,
    /// Webhooks answered with 200.
    pub(super) accepted_webhooks: Cell<u32>,
}

impl Deref for WorkerApp<'_> {
    type Target = TestApp;
    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl<'a> WorkerApp<'a> {
    /// An app whose images our own renderer makes.
    pub(super) fn studio() -> WorkerApp<'a> {
        WorkerApp::new("kim")
    }

    /// An app whose images Bria makes, with a member of this name.
    pub(super) fn bria(bria: &'a BriaSandbox, name: &str) -> WorkerApp<'a> {
        let mut app = WorkerApp { bria: Some(bria), ..WorkerApp::new(name) };
        bria.provide(&mut app.app);
        app
    }

    /// Bria's webhooks have the time of this machine, so an app starts at its minute.
    fn new(name: &str) -> WorkerApp<'a> {
        let crates = [crate::functions, account::functions, generation::functions, edge::functions];
        let app = TestApp::serving(&crates);
        app.set_time(Clock::System.now().floor_to(MINUTE));
        WorkerApp {
            queue: app.generation_queue(),
            member: Actor::member(&name.replace(' ', "-")),
            bria: None,
            members: RefCell::default(),
            accepted_webhooks: Cell::default(),
            app,
        }
    }

    /// Changes variables of the functions, as a deployment does.
    pub(super) fn redeploy(&mut self, change: impl FnOnce(&mut TestApp)) {
        change(&mut self.app);
        self.app.restart();
    }

    /// Advances the clock.
    pub(super) fn advance(&self, time: Duration) {
        self.app.ambient.clock.advance(time);
    }

    /// The member requests an image.
    pub(super) async fn post(&self, words: &str) -> Job {
        self.post_by(&self.member, words).await
    }

    /// `member` requests an image.
    pub(super) async fn post_by(&self, member: &Actor, words: &str) -> Job {
        self.members.borrow_mut().push(member.clone());
        let body = json!({
            "prompt": words, "seed": 7, "quality": "lite", "aspect_ratio": "16:9",
        });
        let request = self.app.client(member).post("/api/v1/generations");
        let answer = request.key(&words.replace(' ', "-")).json(body).await;
        assert_eq!(answer.status(), 202, "{:?}", answer.json());
        let id = JobId::parse(answer.json()["id"].as_str().unwrap()).unwrap();
        self.app.store.job(&member.id, &id).await.unwrap()
    }

    /// The member requests an image with a tailored model, as if it was bought.
    pub(super) async fn post_tailored(&self, words: &str, model: &str) -> Job {
        let (member, now) = (&self.member, self.now());
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
            provider: self.app.connect::<Provider>().await,
            seed: 7,
            webhook_token: "token".to_owned(),
        };
        let key = Idempotency::new(words.replace(' ', "-"), "0".repeat(64));
        let (store, who) = (&self.app.store, (&member.id, None));
        let placed = store.enqueue(who, &key, SourceRef::Nothing, now, |update, _| {
            create_job(update, &order, Some(named.clone()), &names)
        });
        placed.await.unwrap()
    }

    /// The member cancels a job.
    pub(super) async fn cancel(&self, job: &Job) -> Answer {
        let path = format!("/api/v1/generations/{}/cancel", job.id);
        self.app.client(&self.member).post(path).await
    }

    /// A job as it is now.
    pub(super) async fn job(&self, job: &Job) -> Job {
        self.app.store.job(&job.user_id, &job.id).await.unwrap()
    }

    /// The stream's records since the last call that pass the filter of the relay's event source.
    pub(super) fn changes(&self) -> Value {
        let mut batch = self.app.engine.stream_batch();
        batch["Records"].as_array_mut().unwrap().retain(is_relayed);
        batch
    }

    /// Relays the changes to the queues; returns the sequence numbers of those that failed.
    pub(super) async fn relay(&self) -> Vec<String> {
        self.relay_batch(&self.changes()).await
    }

    /// Relays a batch of the stream to the queues.
    pub(super) async fn relay_batch(&self, batch: &Value) -> Vec<String> {
        failed_items(&self.app.invoke(relay_outbox::WORKER.name, batch).await.unwrap())
    }

    /// Processes one batch of visible messages; returns the ids of those that failed.
    pub(super) async fn process_batch(&self) -> Vec<String> {
        self.process(self.queue.receive(), &self.app.ambient).await
    }

    /// Processes `batch` in this context.
    pub(super) async fn process(
        &self,
        batch: Vec<QueuedMessage>,
        context: &InvocationContext,
    ) -> Vec<String> {
        let (name, event) = (run_generation::WORKER.name, batch_event(&batch));
        let failed = failed_items(&self.app.invoke_in(context, name, &event).await.unwrap());
        self.queue.delete_processed(&batch, &failed);
        failed
    }

    /// Relays the changes and processes one batch, both without a failure.
    pub(super) async fn step(&self) {
        assert_eq!(self.relay().await, NO_FAILURES);
        assert_eq!(self.process_batch().await, NO_FAILURES);
    }

    /// Processes dead letters; returns the ids of those that failed.
    pub(super) async fn process_dead_letters(&self, letters: &[QueuedMessage]) -> Vec<String> {
        let (name, event) = (fail_dead_letters::WORKER.name, batch_event(letters));
        failed_items(&self.app.invoke(name, &event).await.unwrap())
    }

    /// One run of the sweep.
    pub(super) async fn sweep(&self) -> Result<(), String> {
        self.app.run(sweep_generations::WORKER.name).await
    }

    /// Delivers the next webhook of this app to the edge; returns its status.
    pub(super) async fn deliver_webhook(&self) -> u16 {
        let bria = self.bria.unwrap();
        let webhook = loop {
            let webhook = bria.next_webhook().await;
            let target = webhook.target().user_id;
            if self.members.borrow().iter().any(|member| member.id == target) {
                break webhook;
            }
            webhook.respond(200); // For another app, which is closed.
        };
        let request = self.app.visitor().post("/webhooks/bria").query("job", &webhook.job);
        let request = request.text(std::str::from_utf8(&webhook.body).unwrap());
        let request = webhook.headers.iter().fold(request, |request, (name, value)| {
            request.header(name.as_str(), value.to_str().unwrap())
        });
        let status = request.await.status();
        webhook.respond(status);
        self.accepted_webhooks.update(|accepted| accepted + u32::from(status == 200));
        status
    }

    /// Does `work` and delivers webhooks meanwhile.
    pub(super) async fn while_delivering_webhooks<T>(&self, work: impl Future<Output = T>) -> T {
        let deliver = async {
            loop {
                self.deliver_webhook().await;
            }
        };
        tokio::select! {
            done = work => done,
            _ = deliver => unreachable!("it has no end"),
        }
    }

    /// Lets time pass until every job has ended and the queue is empty: messages arrive when due,
    /// dead letters are processed, the sweep runs every minute.
    pub(super) async fn run_until_idle(&self) {
        for _ in 0..STEPS_MAX {
            self.relay().await;
            let batch = self.queue.receive();
            if !batch.is_empty() {
                self.process(batch, &self.app.ambient).await;
                continue;
            }
            let dead_letters = self.queue.take_dead_letters();
            if !dead_letters.is_empty() {
                self.process_dead_letters(&dead_letters).await;
            }
            let next = self.queue.messages().first().map(|message| message.visible_at);
            if next.is_none() && self.all_jobs_ended().await {
                return;
            }
            let minute = self.now().floor_to(MINUTE).plus(MINUTE);
            let next = next.map_or(minute, |next: Timestamp| next.min(minute));
            self.advance(self.now().until(next));
            if next == minute {
                self.sweep().await.unwrap();
            }
        }
        panic!("it is never idle: {:?}", self.queue.messages());
    }

    async fn all_jobs_ended(&self) -> bool {
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

    /// The outcome of a job: its status, or the code of its failure. Checks that charge and stored
    /// files match.
    pub(super) async fn outcome(&self, job: &Job) -> String {
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
        let (bucket, image) = (self.app.images_bucket(), job.image.as_ref().unwrap());
        let (original, media_type) = bucket.get(&image.key).await.unwrap();
        let digest = Sha256::digest(&original);
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((sha256, media_type), (image.sha256.clone(), "image/png".to_owned()));
        let original = image::load_from_memory(&original).unwrap();
        assert_eq!((original.width(), original.height()), (image.width, image.height));
        let (thumbnail, media_type) = bucket.get(&image.thumbnail_key).await.unwrap();
        let thumbnail = image::load_from_memory(&thumbnail).unwrap();
        assert_eq!(
            (thumbnail.width().max(thumbnail.height()), media_type),
            (512, "image/jpeg".to_owned())
        );
    }

    /// Ends the app: the ledger of every member who posted balances.
    pub(super) async fn close(self) {
        for member in self.members() {
            self.app.assert_credits_balance(&member.id).await;
        }
        self.app.restart(); // Its processes would hold its memory until the test ends.
    }
}
