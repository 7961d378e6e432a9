//! The setup of one test: AWS in this process, a fixed clock, and the functions as they are
//! deployed.
//!
//! A call takes the whole path: an API Gateway event, the start of the function's process with its
//! variables, the access check and parsing, the handler, the store, a real DynamoDB engine, and the
//! response on the wire. [`TestApp::close`] ends a test by checking the invariants.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{
    Timestamp,
    account::{Account, AccountError},
    credits::{Credits, LotId},
    generation::{ChargeState, Job},
    id::UserId,
    plan::Plan,
    time::Period,
};
use percent_encoding::percent_decode_str;
use runtime::{
    Aws, Clock, Connect, Endpoint, Environment, Function, InvocationContext, Process,
    ProcessClients, RecentCalls, Trigger,
};
use serde_json::{Value, json, value::to_raw_value};
use store::{JobFilter, PageSize, Store};

use crate::{
    Answer, TestRequest,
    aws::InProcessAws,
    cloud::Bucket,
    contract,
    engine::{Engine, TABLE, unobserved},
    grants::acting_as,
    queue::TestQueue,
    request::Actor,
};

/// Start time of every test.
pub const BEGINNING: &str = "2026-11-22T09:00:00Z";

/// A paid period in tests, about a month.
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The bucket of images, uploads and the search index.
pub const IMAGES: &str = "images";
/// The bucket of public previews.
pub const PREVIEWS: &str = "previews";
/// The bucket of immutable records.
pub const RECORDS: &str = "records";

/// The queue of generation jobs.
const GENERATION_QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/000000000000/generation";
/// The queue of automatic top-ups.
const TOP_UP_QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/000000000000/top-up";

/// The queue of uploaded files and of submitted listings.
const UPLOAD_QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/000000000000/upload";

/// The queue of webhooks' deliveries.
const WEBHOOK_QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/000000000000/webhooks.fifo";

/// The variables of every function, as `template.yaml` sets them. Secrets are called by their
/// variables.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("AUTH_AUDIENCE", "prolight"),
    ("AUTH_CLIENT_ID", "prolight"),
    ("AUTH_EMAILS_VERIFIED", "false"),
    ("AUTH_ISSUER", "http://127.0.0.1:9"),
    ("AUTH_JWKS_URL", ""),
    ("AUTH_PARTIES", ""),
    ("AUTH_ROLE_CLAIM", "/app_metadata/role"),
    ("AUTH_SCOPES", "openid"),
    ("AUTH_SECRET_ARN", ""),
    ("BRIA_BASE_URL", "http://127.0.0.1:9/v2"),
    ("BRIA_CALLS_PER_MINUTE", "60"),
    ("BRIA_SECRET_ARN", "BRIA_SECRET_ARN"),
    ("COMPANY_ADDRESS", "1 Example Street|Exampletown"),
    ("COMPANY_EMAIL", "billing@prolight.test"),
    ("COMPANY_NAME", "ProLight AI"),
    ("COMPANY_TAX_ID", ""),
    ("CORS_ORIGINS", "https://app.prolight.test"),
    ("FRONTEND_URL", "https://app.prolight.test"),
    ("GEMINI_BASE_URL", "http://127.0.0.1:9"),
    ("GEMINI_SECRET_ARN", ""),
    ("GENERATION_QUEUE_URL", GENERATION_QUEUE),
    ("IMAGES_BUCKET", IMAGES),
    ("IMAGES_KEYS", ""),
    ("IMAGES_SECRET_ARN", ""),
    ("IMAGES_URL", ""),
    ("IMAGE_ORIGINS", "http://127.0.0.1:9"),
    ("IMAGE_PROVIDER", "studio"),
    ("MALWARE_SCAN_TAG", ""),
    ("PAYOUTS_AT_ONCE", "16"),
    ("PREVIEWS_BUCKET", PREVIEWS),
    ("PREVIEWS_URL", "https://previews.prolight.test"),
    ("PUBLIC_API_URL", "https://api.prolight.test/test"),
    ("RECORDS_BUCKET", RECORDS),
    ("SHARE_SECRET_ARN", "SHARE_SECRET_ARN"),
    ("STRIPE_AUTOMATIC_TAX", "false"),
    ("STRIPE_BASE_URL", "http://127.0.0.1:9"),
    ("STRIPE_REQUESTS_PER_SECOND", "1000000"),
    ("STRIPE_SECRET_ARN", "STRIPE_SECRET_ARN"),
    ("TABLE_NAME", TABLE),
    ("TAX_LABEL", "Tax"),
    ("TOP_UP_QUEUE_URL", TOP_UP_QUEUE),
    ("UPLOAD_QUEUE_URL", UPLOAD_QUEUE),
    ("WEBHOOK_LOOPBACK", "false"),
    ("WEBHOOK_QUEUE_URL", WEBHOOK_QUEUE),
];

/// Number of the next app, and of the next restart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The running processes: one for each app, function and thread, as Lambda runs one for each
    /// concurrent call.
    static PROCESSES: RefCell<HashMap<(u64, &'static str), Rc<Running>>> = RefCell::default();
    /// The clients of AWS and of HTTP that the processes of an app share.
    static CLIENTS: RefCell<HashMap<u64, ProcessClients>> = RefCell::default();
}

/// A process, and the calls that it has counted.
struct Running {
    process: Process,
    recent: RecentCalls,
}

impl Running {
    /// The context of its next call.
    fn context(&self, context: &InvocationContext) -> InvocationContext {
        InvocationContext { recent: self.recent.clone(), ..context.clone() }
    }
}

/// AWS, the clock, and the functions.
#[derive(Debug)]
pub struct TestApp {
    /// AWS in this process.
    pub aws: InProcessAws,
    /// The engine behind the table.
    pub engine: Engine,
    /// The store on it.
    pub store: Store,
    /// Clock and ids.
    pub ambient: InvocationContext,
    functions: Vec<fn() -> Vec<Function>>,
    environment: BTreeMap<&'static str, String>,
    number: AtomicU64,
}

impl Default for TestApp {
    fn default() -> TestApp {
        TestApp::new()
    }
}

impl TestApp {
    /// An empty app without functions, at [`BEGINNING`].
    pub fn new() -> TestApp {
        let now = Timestamp::parse(BEGINNING).expect("a time");
        let ambient = InvocationContext {
            cors_origins: Some("https://app.prolight.test".into()),
            public_url: Some("https://api.prolight.test/test".into()),
            ..InvocationContext::fixed(now)
        };
        let buckets = [IMAGES, PREVIEWS, RECORDS];
        let queues = [GENERATION_QUEUE, TOP_UP_QUEUE, UPLOAD_QUEUE, WEBHOOK_QUEUE];
        let aws = InProcessAws::new(&buckets, &queues, &ambient.clock);
        let store = Store::new(aws_sdk_dynamodb::Client::new(&aws.config()), TABLE.to_owned());
        aws.put_secret("SHARE_SECRET_ARN", &json!({ "signing_key": "a key for tests" }));
        aws.put_secret("STRIPE_SECRET_ARN", &json!({ "api_key": "sk_test_none" }));
        let environment = ENVIRONMENT.iter().map(|(name, value)| (*name, (*value).to_owned()));
        TestApp {
            engine: aws.engine.clone(),
            aws,
            store,
            ambient,
            functions: Vec::new(),
            environment: environment.collect(),
            number: AtomicU64::new(NUMBER.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// An empty app with the functions of these crates.
    pub fn serving(functions: &[fn() -> Vec<Function>]) -> TestApp {
        TestApp { functions: functions.to_vec(), ..TestApp::new() }
    }

    /// Sets a variable of processes that start from now on.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.insert(name, value.into());
    }

    /// Sets a variable that names a secret, and the secret.
    pub fn set_secret(&mut self, name: &'static str, value: &Value) {
        self.set(name, name);
        self.aws.put_secret(name, value);
    }

    /// Ends all processes: what they keep in memory is lost.
    pub fn restart(&self) {
        let next = NUMBER.fetch_add(1, Ordering::Relaxed);
        let ended = self.number.swap(next, Ordering::Relaxed);
        PROCESSES.with_borrow_mut(|processes| processes.retain(|(app, _), _| *app != ended));
        CLIENTS.with_borrow_mut(|clients| clients.remove(&ended));
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    /// Sets the clock, which everything in the app shares.
    pub fn set_time(&self, now: Timestamp) {
        match &self.ambient.clock {
            Clock::Manual(millis) => millis.store(now.as_millis(), Ordering::SeqCst),
            Clock::System => panic!("only a manual clock can be set"),
        }
    }

    /// Capabilities, connected as a process connects them.
    pub async fn connect<C: Connect>(&self) -> C {
        unobserved(C::connect(&self.process_environment(), &self.process_aws()))
            .await
            .expect("capabilities that connect")
    }

    /// The endpoint of a request line, and its path parameters. As in API Gateway, a literal part
    /// of a path precedes a parameter.
    ///
    /// # Panics
    /// If no function answers it.
    pub(crate) fn route(&self, method: &str, path: &str) -> (Endpoint, BTreeMap<String, String>) {
        let functions = self.functions.iter().flat_map(|functions| functions());
        let found = functions.filter_map(|function| match function.trigger {
            Trigger::Route(endpoint) if endpoint.method.as_str() == method => {
                Some((endpoint, parameters(endpoint.path, path)?))
            }
            Trigger::Route(_)
            | Trigger::Queue(_)
            | Trigger::Stream(_)
            | Trigger::Schedule(_)
            | Trigger::Token(_) => None,
        });
        let found = found.min_by_key(|(_, parameters)| parameters.len());
        found.unwrap_or_else(|| panic!("no function answers {method} {path}"))
    }

    /// Sends `request` to an endpoint and returns the response on the wire.
    pub async fn send(&self, endpoint: &Endpoint, request: &TestRequest) -> Answer {
        self.send_event(endpoint, request.event(endpoint)).await
    }

    /// Sends an event of API Gateway to an endpoint.
    pub async fn send_event(&self, endpoint: &Endpoint, event: lambda_http::Request) -> Answer {
        let head = event.method() == http::Method::HEAD;
        let sent = std::str::from_utf8(event.body()).ok().map(str::to_owned);
        let answered = async {
            let running = self.running(endpoint.name).await;
            running.process.request(running.context(&self.ambient), event).await
        };
        let answered = acting_as(endpoint.name, || answered).await;
        let answer = Answer::from_response(answered.expect("an answered request"));
        contract::check(endpoint, head, sent.as_deref(), &answer);
        answer
    }

    /// Invokes a function that is no endpoint, with the event as Lambda passes it.
    ///
    /// # Errors
    /// The message of the failed invocation.
    pub async fn invoke(&self, name: &'static str, event: &Value) -> Result<Value, String> {
        self.invoke_in(&self.ambient, name, event).await
    }

    /// [`TestApp::invoke`] in another context: with a deadline, or a clock of its own.
    ///
    /// # Errors
    /// The message of the failed invocation.
    pub async fn invoke_in(
        &self,
        context: &InvocationContext,
        name: &'static str,
        event: &Value,
    ) -> Result<Value, String> {
        let event = to_raw_value(event).expect("JSON");
        let answered = async {
            let running = self.running(name).await;
            running.process.event(running.context(context), event).await
        };
        let answered = acting_as(name, || answered).await.map_err(|failed| failed.to_string())?;
        Ok(serde_json::from_str(answered.get()).expect("JSON"))
    }

    /// Runs a scheduled function once, as a person starts it, so it does all there is to do.
    ///
    /// # Errors
    /// The message of the failed run.
    pub async fn run(&self, name: &'static str) -> Result<(), String> {
        self.invoke(name, &json!({ "id": "run" })).await.map(drop)
    }

    /// The same as its schedule starts it.
    ///
    /// # Errors
    /// The message of the failed run.
    pub async fn run_on_schedule(&self, name: &'static str) -> Result<(), String> {
        self.invoke(name, &json!({ "id": "run", "time": self.now() })).await.map(drop)
    }

    /// The process of a function, started by its first call.
    async fn running(&self, name: &'static str) -> Rc<Running> {
        let key = (self.number.load(Ordering::Relaxed), name);
        if let Some(running) = PROCESSES.with_borrow(|processes| processes.get(&key).cloned()) {
            return running;
        }
        let mut functions = self.functions.iter().flat_map(|functions| functions());
        let function = functions.find(|function| function.name() == name);
        let function = function.unwrap_or_else(|| panic!("this app does not serve {name}"));
        let (env, aws) = (self.process_environment(), self.process_aws());
        let started = unobserved(function.start(env, aws, &self.ambient)).await;
        let process = started.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let running = Rc::new(Running { process, recent: RecentCalls::default() });
        PROCESSES.with_borrow_mut(|processes| processes.insert(key, running.clone()));
        running
    }

    fn process_aws(&self) -> Aws {
        let number = self.number.load(Ordering::Relaxed);
        let clients = CLIENTS.with_borrow_mut(|clients| clients.entry(number).or_default().clone());
        Aws::with(self.aws.config(), self.ambient.clock.clone()).sharing(clients)
    }

    fn process_environment(&self) -> Environment {
        self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// A member's stored account, brought up to date.
    pub async fn account(&self, user: &UserId) -> Account {
        self.store.get_or_create_account(user, None, self.now()).await.expect("an account")
    }

    /// A member on `plan` with exactly this many credits left of it.
    pub async fn member(&self, name: &str, plan: Plan, credits: u32) -> Actor {
        let actor = Actor::member(name);
        let setup = self.store.update_account(&actor.id, None, self.now(), |update| {
            if plan != Plan::Free {
                let lot = LotId("invoice_1".to_owned());
                let (starts_at, ends_at) = (self.now(), self.now().plus(MONTH));
                update.begin_period(plan, lot, Period { starts_at, ends_at })?;
            }
            let spare = update.account().credits.totals().available.saturating_sub(credits);
            if spare > 0 {
                let hold = update.start_job("setup", spare)?;
                update.capture_job("setup", &hold)?;
            }
            Ok::<(), AccountError>(())
        });
        setup.await.expect("a member");
        actor
    }

    /// Writes a suspension directly into the table, permanent if `until` is `None`: for tests that
    /// need the status, not the action.
    pub async fn suspend(&self, member: &UserId, reason: &str, until: Option<Timestamp>) {
        self.account(member).await;
        let stored =
            |item: &Value| item["user_id"]["S"] == json!(member) && item.get("standing").is_some();
        let mut account = self.engine.dump().into_iter().find(stored).expect("an account");
        let mut standing = json!({"state": {"S": "suspended"}, "reason": {"S": reason}});
        if let Some(until) = until {
            standing["until"] = json!({"S": until});
        }
        account["standing"] = json!({"M": standing});
        let put = json!({"TableName": TABLE, "Item": account});
        self.engine.run("PutItem", &put.to_string()).expect("a suspension");
    }

    /// The bucket of images, uploads and the search index.
    pub fn images_bucket(&self) -> Bucket {
        self.bucket(IMAGES)
    }

    /// The bucket of public previews.
    pub fn previews_bucket(&self) -> Bucket {
        self.bucket(PREVIEWS)
    }

    /// The bucket of immutable records.
    pub fn records_bucket(&self) -> Bucket {
        self.bucket(RECORDS)
    }

    /// The queue of generation jobs.
    pub fn generation_queue(&self) -> TestQueue {
        self.aws.queues.get(GENERATION_QUEUE)
    }

    /// The queue of automatic top-ups.
    pub fn top_up_queue(&self) -> TestQueue {
        self.aws.queues.get(TOP_UP_QUEUE)
    }

    /// The queue of uploaded files and of submitted listings.
    pub fn upload_queue(&self) -> TestQueue {
        self.aws.queues.get(UPLOAD_QUEUE)
    }

    /// The queue of webhooks' deliveries.
    pub fn webhook_queue(&self) -> TestQueue {
        self.aws.queues.get(WEBHOOK_QUEUE)
    }

    /// The bucket with this name. One that does not exist answers every request with an error.
    pub fn bucket(&self, name: &str) -> Bucket {
        Bucket::of(&self.aws.config(), name)
    }

    /// All jobs of a member, newest first.
    pub async fn jobs(&self, user: &UserId) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut after = None;
        loop {
            let size: PageSize = serde_json::from_value(json!(100)).expect("a size");
            let any = JobFilter::default();
            let page = self.store.jobs(user, &any, size, after, self.now()).await.expect("a page");
            jobs.extend(page.items);
            after = page.next_cursor;
            if after.is_none() {
                return jobs;
            }
        }
    }

    /// Checks the invariants of a member: the ledger has no gaps and folds to the balance, held
    /// credits belong to open jobs, and an image is charged if and only if it exists.
    pub async fn assert_credits_balance(&self, user: &UserId) {
        let account = self.account(user).await;
        let ledger = self.store.whole_ledger(user).await.expect("a ledger");
        let folded = Credits::fold(&ledger).expect("a ledger that folds");
        assert_eq!(folded, account.credits, "the balance is the fold of the ledger");
        let totals = folded.totals();
        let accounted =
            totals.available + totals.held + totals.spent + totals.expired + totals.revoked;
        assert_eq!(totals.granted, accounted, "every credit is somewhere");
        let jobs = self.jobs(user).await;
        let open: Vec<&Job> = jobs.iter().filter(|job| !job.status.is_final()).collect();
        assert_eq!(usize::try_from(account.open_jobs).expect("a count"), open.len(), "open jobs");
        let held: u32 = open.iter().map(|job| job.charge.credits).sum();
        assert_eq!(totals.held, held, "held credits are those of open jobs");
        for job in &jobs {
            let captured = job.charge.state == ChargeState::Captured;
            assert_eq!(captured, job.image.is_some(), "a captured credit has an image");
        }
    }
}

/// Runs `work` `times` times in parallel, each in a thread of its own, and returns the results.
///
/// Every call waits until all others are ready.
pub fn at_once<T, F>(times: usize, work: impl Fn(usize) -> F + Sync) -> Vec<T>
where
    T: Send,
    F: IntoFuture<Output = T>,
{
    let (ready, work) = (Barrier::new(times), &work);
    std::thread::scope(|scope| {
        let start = |number| {
            let ready = &ready;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                ready.wait();
                runtime.expect("a runtime").block_on(work(number).into_future())
            })
        };
        let threads: Vec<_> = (0..times).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("work that ends")).collect()
    })
}

/// The path parameters of `path` in `template`, for example `/listings/{id}`, without the escapes
/// of a URL.
fn parameters(template: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let (template, path) = (template.split('/'), path.split('/'));
    if template.clone().count() != path.clone().count() {
        return None;
    }
    let mut parameters = BTreeMap::new();
    for (part, actual) in template.zip(path) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => {
                let value = percent_decode_str(actual).decode_utf8_lossy().into_owned();
                parameters.insert(name.to_owned(), value);
            }
            None if part == actual => {}
            None => return None,
        }
    }
    Some(parameters)
}
