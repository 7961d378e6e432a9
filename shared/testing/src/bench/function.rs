//! One deployed binary: how large it is, how fast it starts, answers, and how much memory it takes.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use domain::{
    Timestamp,
    id::{JobId, UserId},
};
use flate2::{Compression, write::DeflateEncoder};
use runtime::Ambient;
use serde_json::{Value, json};
use store::Store;

use super::{
    BenchFailed,
    dynamodb::Table,
    operations::Bench,
    runtime_api::{Asked, RuntimeApi},
};
use crate::engine::{Engine, Usage};

/// The functions that are measured: one that touches nothing, one that reads, one that writes.
pub(super) const NAMES: [&str; 3] =
    ["edge-get-health", "generation-get-generation", "generation-create-generation"];
/// How often each is started.
pub const STARTS: usize = 50;
/// How many requests it answers before its memory is looked at.
pub const REQUESTS: u32 = 1_000;

/// The local header, the entry and the end of a zip archive, with the name `bootstrap` in two of
/// them (APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
const ZIP_FRAME_BYTES: usize = 30 + 46 + 22 + 2 * "bootstrap".len();

/// Median and 99th percentile.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// Half are faster.
    pub p50: Duration,
    /// One in a hundred is slower.
    pub p99: Duration,
}

/// What was measured of one function.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The binary.
    pub name: &'static str,
    /// Its size.
    pub binary_bytes: usize,
    /// Its size as it is uploaded: deflated as far as it goes.
    pub zip_bytes: usize,
    /// From the start of the process to its first question for an event.
    pub start: Spread,
    /// From an event to its answer in a process that has answered before, less the time the engine
    /// worked: it stands in for a service that works elsewhere.
    pub warm: Spread,
    /// The most memory it ever had, in KiB; `None` where the system does not say.
    pub peak_kib: Option<u64>,
    /// What all [`REQUESTS`] asked of the table.
    pub usage: Usage,
}

impl Spread {
    /// Of at least one duration.
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
        usage,
    })
}

/// What a function runs on.
struct Stage {
    name: &'static str,
    binary: PathBuf,
    log: PathBuf,
    api: RuntimeApi,
    engine: Engine,
    table: Table,
    work: Work,
}

/// Ends its process when it goes.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to do.
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
                ("IMAGE_PROVIDER", "studio"),
                ("CORS_ORIGIN", "http://localhost:3000"),
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

    /// One cold request that is not counted, then [`REQUESTS`] warm ones.
    async fn serve(&mut self) -> Result<(Vec<Duration>, Option<u64>, Usage), BenchFailed> {
        let process = self.start()?;
        let mut durations = Vec::new();
        let mut usage = Usage::default();
        for n in 0..=REQUESTS {
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

/// What one function is asked, again and again.
struct Work {
    event: Value,
    status: u64,
    /// The member who asks, where every request makes a job that must go again.
    makes_jobs: Option<UserId>,
    store: Store,
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
            _ => (include_str!("../../../../events/edge-get-health.json"), 200),
        };
        let mut event: Value = serde_json::from_str(text).expect("an event is JSON");
        let mut makes_jobs = None;
        if let Some(user) = event["requestContext"]["authorizer"]["user_id"].as_str() {
            let user = UserId::parse(user).expect("an id");
            match status {
                202 => makes_jobs = Some(user),
                _ => {
                    let job = bench.succeeded(&user).await?;
                    event["path"] = json!(format!("/api/v1/generations/{}", job.id));
                    event["pathParameters"] = json!({ "id": job.id });
                }
            }
        }
        Ok(Work { event, status, makes_jobs, store: bench.store })
    }

    /// The event of the `n`th request: under a key of its own where keys matter.
    fn event(&mut self, n: u32) -> String {
        if self.makes_jobs.is_some() {
            for headers in ["headers", "multiValueHeaders"] {
                let key = &mut self.event[headers]["Idempotency-Key"];
                *key = match key.is_array() {
                    true => json!([format!("bench-{n}")]),
                    false => json!(format!("bench-{n}")),
                };
            }
        }
        self.event.to_string()
    }

    /// The body of an answer that is as it should be.
    fn check(&self, answer: &Bytes) -> Result<Value, String> {
        let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        match answer["statusCode"].as_u64() == Some(self.status) {
            true => Ok(serde_json::from_str(answer["body"].as_str().unwrap_or_default())
                .unwrap_or(Value::Null)),
            false => Err(format!("answered {answer}")),
        }
    }

    /// Takes back what the request made, so that the next one finds the same credits and places.
    async fn clear(&self, body: &Value) -> Result<(), BenchFailed> {
        let Some(user) = &self.makes_jobs else { return Ok(()) };
        let id = JobId::parse(body["id"].as_str().unwrap_or_default()).expect("a job");
        self.store.cancel(user, &id, None, now()).await?;
        Ok(())
    }
}

/// The time of the functions: they ask the machine.
pub(super) fn now() -> Timestamp {
    Ambient::system().now()
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

/// `VmHWM` of a living process (proc(5)).
fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
