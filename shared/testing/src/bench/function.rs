//! Benchmarks of one deployed binary: size, cold start, request latency and memory.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use domain::id::{JobId, UserId};
use flate2::{Compression, write::DeflateEncoder};
use serde_json::{Value, json};
use store::Store;

use super::{
    BenchFailed,
    dynamodb::Table,
    given::now,
    market,
    operations::Bench,
    runtime_api::{Asked, RuntimeApi},
};
use crate::engine::{Engine, Usage};

/// The measured functions: one without dependencies, one that reads, one that writes, and one that
/// renders.
pub(super) const NAMES: [&str; 4] = [
    "edge-get-health",
    "generation-get-generation",
    "generation-create-generation",
    "marketplace-preview-listing",
];
/// Number of cold starts of each function.
pub const STARTS: usize = 50;
/// Number of requests before memory is read.
const REQUESTS: u32 = 1_000;
/// The same for the function that renders a picture per request.
const PICTURES: u32 = 200;
/// Previews from one IP address before the next one is used, below the limit per minute.
const TRIES_OF_ONE: u32 = 50;
/// Generations of one member before the next one is used, below the limit per minute.
const GENERATIONS_OF_ONE: u32 = 250;

/// The local header, the entry and the end of a zip archive, with the name `bootstrap` in two of
/// them (APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
const ZIP_FRAME_BYTES: usize = 30 + 46 + 22 + 2 * "bootstrap".len();

/// Median and 99th percentile.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// Half of the durations are shorter.
    pub p50: Duration,
    /// One in a hundred is longer.
    pub p99: Duration,
}

/// Measurements of one function.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The binary.
    pub name: &'static str,
    /// Size of the binary.
    pub binary_bytes: usize,
    /// Size of the upload: deflated at the highest level.
    pub zip_bytes: usize,
    /// From process start to the first request for an event.
    pub start: Spread,
    /// From an event to its response in a warm process, less the time of the engine, which
    /// represents a remote service.
    pub warm: Spread,
    /// Peak memory in KiB; `None` if the system does not report it.
    pub peak_kib: Option<u64>,
    /// Number of requests served.
    pub requests: u32,
    /// Table usage of all requests.
    pub usage: Usage,
}

impl Spread {
    /// From at least one duration.
    fn of(mut durations: Vec<Duration>) -> Spread {
        durations.sort_unstable();
        let at = |percent: usize| {
            let rank = (durations.len() * percent).div_ceil(100).max(1);
            durations.get(rank - 1).copied().unwrap_or_default()
        };
        Spread { p50: at(50), p99: at(99) }
    }
}

/// Measures the binary `name` in the folder `binaries`.
pub(super) async fn measure(
    name: &'static str,
    binaries: &Path,
    logs: &Path,
) -> Result<Measured, BenchFailed> {
    let binary = binaries.join(name);
    let bytes = fs::read(&binary).map_err(BenchFailed::io(binary.display().to_string()))?;
    let mut stage = Stage::set(name, binary, logs).await?;
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let began = Instant::now();
        let process = stage.start()?;
        let asked = stage.ready().await?;
        starts.push(asked.at.duration_since(began));
        drop(process);
    }
    let (warm, peak_kib, usage) = stage.serve().await?;
    Ok(Measured {
        name,
        binary_bytes: bytes.len(),
        zip_bytes: deflated(&bytes)? + ZIP_FRAME_BYTES,
        start: Spread::of(starts),
        warm: Spread::of(warm),
        peak_kib,
        requests: stage.work.requests,
        usage,
    })
}

/// The surroundings of a function: table, Runtime API, log.
struct Stage {
    name: &'static str,
    binary: PathBuf,
    log: PathBuf,
    api: RuntimeApi,
    engine: Engine,
    table: Table,
    work: Work,
}

/// Kills its process on drop.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stage {
    async fn set(name: &'static str, binary: PathBuf, logs: &Path) -> Result<Stage, BenchFailed> {
        let engine = Engine::new();
        Ok(Stage {
            name,
            binary,
            log: logs.join(format!("bench-{name}.log")),
            api: RuntimeApi::start().await?,
            table: Table::serve(engine.clone()).await?,
            work: Work::of(name, &engine).await?,
            engine,
        })
    }

    fn start(&self) -> Result<Process, BenchFailed> {
        let failed = || BenchFailed::io(self.log.display().to_string());
        let log = File::create(&self.log).map_err(failed())?;
        let started = Command::new(&self.binary)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", self.api.address.as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", self.name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "bench"),
                ("AWS_SECRET_ACCESS_KEY", "bench"),
                ("AWS_ENDPOINT_URL", &self.table.url),
                ("TABLE_NAME", crate::engine::TABLE),
                ("IMAGES_BUCKET", "pictures"),
                ("IMAGES_KEYS", ""),
                ("IMAGES_SECRET_ARN", ""),
                ("IMAGES_URL", ""),
                ("PREVIEWS_BUCKET", "previews"),
                ("PREVIEWS_URL", "http://localhost/previews"),
                ("IMAGE_PROVIDER", "studio"),
                ("CORS_ORIGINS", "http://localhost:3000"),
                ("PUBLIC_API_URL", "http://localhost"),
            ])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed())?)
            .stderr(log)
            .spawn();
        let name = self.binary.display().to_string();
        started.map(Process).map_err(BenchFailed::io(name))
    }

    async fn ready(&mut self) -> Result<Asked, BenchFailed> {
        self.api.ready().await.map_err(|what| self.failed(what))
    }

    /// One cold request that is not counted, then the warm ones.
    async fn serve(&mut self) -> Result<(Vec<Duration>, Option<u64>, Usage), BenchFailed> {
        let process = self.start()?;
        let mut durations = Vec::new();
        let mut usage = Usage::default();
        for n in 0..=self.work.requests {
            let asked = self.ready().await?;
            let event = self.work.event(n);
            self.engine.take_usage();
            self.table.take_busy();
            let answer = self.api.invoke(asked, event).await;
            let (body, took) = answer.map_err(|what| self.failed(what))?;
            if n > 0 {
                durations.push(took.saturating_sub(self.table.take_busy()));
                add(&mut usage, self.engine.take_usage());
            }
            let wrong = |what| self.failed(what);
            let body = self.work.check(&body).map_err(wrong)?;
            self.work.clear(&body).await?;
        }
        let peak_kib = peak_kib(process.0.id());
        Ok((durations, peak_kib, usage))
    }

    fn failed(&self, what: String) -> BenchFailed {
        BenchFailed::Function { name: self.name, what, log: self.log.display().to_string() }
    }
}

/// The repeated request of one function.
struct Work {
    event: Value,
    status: u64,
    requests: u32,
    asked: Repeated,
    store: Store,
}

/// What changes between two requests.
enum Repeated {
    /// Nothing.
    Same,
    /// The idempotency key, and from time to time the member. The request creates a job of `member`,
    /// which is then cancelled.
    Key {
        /// The member of the event.
        first: UserId,
        /// The member of this request.
        member: UserId,
    },
    /// The request, so that each picture is rendered; and from time to time the IP address.
    Wish,
}

impl Work {
    async fn of(name: &str, engine: &Engine) -> Result<Work, BenchFailed> {
        let bench = Bench::on(engine);
        let (text, status) = match name {
            "generation-create-generation" => {
                (include_str!("../../../../events/generation-create-generation.json"), 202)
            }
            "generation-get-generation" => {
                (include_str!("../../../../events/generation-get-generation.json"), 200)
            }
            "marketplace-preview-listing" => {
                (include_str!("../../../../events/marketplace-preview-listing.json"), 200)
            }
            _ => (include_str!("../../../../events/edge-get-health.json"), 200),
        };
        let event: Value = serde_json::from_str(text).expect("an event is JSON");
        let store = bench.store.clone();
        let mut work =
            Work { event, status, requests: REQUESTS, asked: Repeated::Same, store: store.clone() };
        let member = work.event["requestContext"]["authorizer"]["user_id"].as_str();
        let member = member.map(|user| UserId::parse(user).expect("an id"));
        match (name, member) {
            ("marketplace-preview-listing", _) => {
                work.is_for(
                    "/api/v1/marketplace/listings/{}/preview",
                    &market::on_show(&store).await?,
                );
                (work.requests, work.asked) = (PICTURES, Repeated::Wish);
            }
            ("generation-create-generation", Some(first)) => {
                work.asked = Repeated::Key { member: first.clone(), first };
            }
            (_, Some(user)) => {
                work.is_for("/api/v1/generations/{}", &bench.succeeded(&user).await?.id);
            }
            (_, None) => {}
        }
        Ok(work)
    }

    fn is_for(&mut self, path: &str, id: &impl ToString) {
        let id = id.to_string();
        self.event["path"] = json!(path.replace("{}", &id));
        self.event["pathParameters"] = json!({ "id": id });
    }

    /// The event of the `n`th request.
    fn event(&mut self, n: u32) -> String {
        match &mut self.asked {
            Repeated::Same => {}
            Repeated::Key { first, member } => {
                let name = format!("{first}-{}", n / GENERATIONS_OF_ONE);
                *member = UserId::parse(&name).expect("an id");
                let authorizer = &mut self.event["requestContext"]["authorizer"];
                authorizer["user_id"] = json!(name);
                authorizer["principalId"] = json!(name);
                let key = format!("bench-{n}");
                self.event["headers"]["Idempotency-Key"] = json!(key);
                self.event["multiValueHeaders"]["Idempotency-Key"] = json!([key]);
            }
            Repeated::Wish => {
                let wish = json!({ "subject": "bust", "overrides": { "kelvin": n }, "size": 384 });
                self.event["body"] = json!(wish.to_string());
                let address = format!("203.0.113.{}", n / TRIES_OF_ONE);
                self.event["requestContext"]["identity"]["sourceIp"] = json!(address);
            }
        }
        self.event.to_string()
    }

    /// Checks a response and returns its body.
    fn check(&self, answer: &Bytes) -> Result<Value, String> {
        let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        match answer["statusCode"].as_u64() == Some(self.status) {
            true => Ok(serde_json::from_str(answer["body"].as_str().unwrap_or_default())
                .unwrap_or(Value::Null)),
            false => Err(format!("answered {answer}")),
        }
    }

    /// Deletes what the request created, so that the next one finds the same credits and free
    /// slots.
    async fn clear(&self, body: &Value) -> Result<(), BenchFailed> {
        let Repeated::Key { member, .. } = &self.asked else { return Ok(()) };
        let id = JobId::parse(body["id"].as_str().unwrap_or_default()).expect("a job");
        self.store.cancel(member, &id, None, now()).await?;
        Ok(())
    }
}

fn add(sum: &mut Usage, more: Usage) {
    for (operation, count) in more.requests {
        *sum.requests.entry(operation).or_default() += count;
    }
    sum.write_units += more.write_units;
    sum.read_units += more.read_units;
}

fn deflated(bytes: &[u8]) -> Result<usize, BenchFailed> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.map(|packed| packed.len()).map_err(BenchFailed::io("packing"))
}

/// `VmHWM` of a running process (proc(5)).
fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
