//! Benchmarks of one deployed binary: size, cold start, first response, warm requests and memory.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use flate2::{Compression, write::DeflateEncoder};
use sandbox::{RunningSandbox, openid::AUDIENCE};
use tokio::time::sleep;

use super::{
    BenchFailed, Places,
    dynamodb::Table,
    process::{InstructionCount, Process, ProcessorShare},
    runtime_api::{Asked, RuntimeApi},
    work::Work,
};
use crate::{
    engine::{Engine, TABLE, Usage},
    grants::load,
};

/// Number of cold starts of each function.
pub const STARTS: usize = 100;
/// Number of first responses over TLS.
pub const FIRST_ANSWERS: usize = 40;

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
    /// Its memory in `template.yaml`.
    pub memory_mb: u64,
    /// From process start to the first request for an event.
    pub start: Spread,
    /// From process start to the first response, with AWS over TLS, less the time of the engine.
    pub first_answer: Spread,
    /// Whether the process had only the processor share of its memory for that response, or a whole
    /// processor, because this machine does not permit a limit.
    pub is_limited: bool,
    /// From an event to its response in a warm process, less the time of the engine, which
    /// represents a remote service.
    pub warm: Spread,
    /// Processor time of a warm request; `None` if the system does not report it.
    pub cpu: Option<Duration>,
    /// Instructions of a warm request in user space; `None` if this machine does not count them.
    pub instructions: Option<u64>,
    /// Peak memory in KiB; `None` if the system does not report it.
    pub peak_kib: Option<u64>,
    /// Number of requests served.
    pub requests: u32,
    /// Table usage of all requests.
    pub usage: Usage,
}

impl Spread {
    /// From at least one duration.
    pub(super) fn of(mut durations: Vec<Duration>) -> Spread {
        durations.sort_unstable();
        let at = |percent: usize| {
            let rank = (durations.len() * percent).div_ceil(100).max(1);
            durations.get(rank - 1).copied().unwrap_or_default()
        };
        Spread { p50: at(50), p99: at(99) }
    }
}

/// Measures the binary `name`.
pub(super) async fn measure(
    name: &'static str,
    places: &Places,
    sandbox: &RunningSandbox,
) -> Result<Measured, BenchFailed> {
    let binary = places.binaries.join(name);
    let bytes = fs::read(&binary).map_err(BenchFailed::io(binary.display().to_string()))?;
    let mut stage = Stage::set(name, places, sandbox).await?;
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        starts.push(stage.start_time().await?);
    }
    let mut first_answers = Vec::with_capacity(FIRST_ANSWERS);
    for _ in 0..FIRST_ANSWERS {
        first_answers.push(stage.first_answer().await?);
    }
    let served = stage.serve().await?;
    Ok(Measured {
        name,
        binary_bytes: bytes.len(),
        zip_bytes: deflated(&bytes)? + ZIP_FRAME_BYTES,
        memory_mb: stage.memory_mb,
        start: Spread::of(starts),
        first_answer: Spread::of(first_answers),
        is_limited: stage.share.is_some(),
        warm: Spread::of(served.warm),
        cpu: served.cpu,
        instructions: served.instructions,
        peak_kib: served.peak_kib,
        requests: stage.work.requests,
        usage: served.usage,
    })
}

/// The surroundings of a function: table, Runtime API, variables, log, and its processor share, if
/// this machine permits one.
struct Stage {
    name: &'static str,
    binary: PathBuf,
    log: PathBuf,
    variables: Vec<(&'static str, String)>,
    memory_mb: u64,
    share: Option<ProcessorShare>,
    api: RuntimeApi,
    engine: Engine,
    table: Table,
    work: Work,
}

/// What a process did that served all requests.
struct Served {
    warm: Vec<Duration>,
    cpu: Option<Duration>,
    instructions: Option<u64>,
    peak_kib: Option<u64>,
    usage: Usage,
}

impl Stage {
    async fn set(
        name: &'static str,
        places: &Places,
        sandbox: &RunningSandbox,
    ) -> Result<Stage, BenchFailed> {
        let engine = Engine::new();
        let api = RuntimeApi::start().await?;
        let memory_mb = memory_mb(name);
        let own = [
            ("AWS_LAMBDA_RUNTIME_API", api.address.clone()),
            ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mb.to_string()),
            ("AUTH_ISSUER", sandbox.url.clone()),
            ("SSL_CERT_FILE", places.tls.join("roots.pem").display().to_string()),
            ("STRIPE_BASE_URL", sandbox.stripe().url()),
        ];
        let common = VARIABLES.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Ok(Stage {
            name,
            binary: places.binaries.join(name),
            log: places.logs.join(format!("bench-{name}.log")),
            variables: common.chain(own).collect(),
            memory_mb,
            share: ProcessorShare::of(memory_mb).ok(),
            api,
            table: Table::serve(engine.clone(), &places.tls).await?,
            work: Work::of(name, &engine, sandbox).await?,
            engine,
        })
    }

    /// Starts a process with AWS at `url`.
    fn start(&self, url: &str) -> Result<Process, BenchFailed> {
        let variables = self.variables.iter().map(|(name, value)| (*name, value.as_str()));
        let mut command = Command::new(&self.binary);
        command.env_clear().envs(variables).env("AWS_ENDPOINT_URL", url);
        Process::start(&mut command, &self.log)
    }

    async fn ready(&mut self) -> Result<Asked, BenchFailed> {
        self.api.ready().await.map_err(|what| self.failed(what))
    }

    async fn start_time(&mut self) -> Result<Duration, BenchFailed> {
        let began = Instant::now();
        let process = self.start(&self.table.url)?;
        let asked = self.ready().await?;
        drop(process);
        Ok(asked.at.duration_since(began))
    }

    /// As on Lambda, the process has a whole processor until it asks for an event.
    async fn first_answer(&mut self) -> Result<Duration, BenchFailed> {
        self.table.take_busy();
        let began = Instant::now();
        let process = self.start(&self.table.tls_url)?;
        let asked = self.ready().await?;
        let start = asked.at.duration_since(began).saturating_sub(self.table.take_busy());
        if let Some(share) = &self.share {
            share.hold(&process).map_err(BenchFailed::io("the function's control group"))?;
        }
        let (took, _) = self.answer(asked).await?;
        // Ended before, its request for the next event could be taken for that of the next process.
        self.ready().await?;
        drop(process);
        Ok(start + took)
    }

    /// One cold request that is not counted, then the warm ones.
    async fn serve(&mut self) -> Result<Served, BenchFailed> {
        let requests = self.work.requests;
        let process = self.start(&self.table.url)?;
        let asked = self.ready().await?;
        self.answer(asked).await?;
        let counting = InstructionCount::begin(&process);
        if counting.is_some() {
            sleep(InstructionCount::ATTACHES_IN).await;
        }
        let before = process.cpu();
        let (mut warm, mut usage) = (Vec::new(), Usage::default());
        for _ in 0..requests {
            let asked = self.ready().await?;
            let (took, used) = self.answer(asked).await?;
            warm.push(took);
            add(&mut usage, used);
        }
        let cpu = process.cpu().zip(before).map(|(after, before)| (after - before) / requests);
        let peak_kib = process.peak_kib();
        drop(process);
        let counted = counting.and_then(InstructionCount::end);
        let instructions = counted.map(|all| all / u64::from(requests));
        Ok(Served { warm, cpu, instructions, peak_kib, usage })
    }

    /// Sends the next event. Returns how long its response took, less the time of the engine, and
    /// its table usage.
    async fn answer(&mut self, asked: Asked) -> Result<(Duration, Usage), BenchFailed> {
        let event = self.work.next_event();
        self.engine.take_usage();
        self.table.take_busy();
        let answer = self.api.invoke(asked, event).await;
        let (body, took) = answer.map_err(|what| self.failed(what))?;
        let took = took.saturating_sub(self.table.take_busy());
        let used = self.engine.take_usage();
        let body = self.work.check(&body).map_err(|what| self.failed(what))?;
        self.work.clear(&body).await?;
        Ok((took, used))
    }

    fn failed(&self, what: String) -> BenchFailed {
        BenchFailed::Process { name: self.name, what, log: self.log.display().to_string() }
    }
}

/// The variables of every measured function.
const VARIABLES: &[(&str, &str)] = &[
    ("AUTH_AUDIENCE", AUDIENCE),
    ("AUTH_EMAILS_VERIFIED", "false"),
    ("AUTH_JWKS_URL", ""),
    ("AUTH_PARTIES", ""),
    ("AUTH_ROLE_CLAIM", "/app_metadata/role"),
    ("AUTH_SECRET_ARN", ""),
    ("AWS_ACCESS_KEY_ID", "bench"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_SECRET_ACCESS_KEY", "bench"),
    ("CORS_ORIGINS", "http://localhost:3000"),
    ("IMAGES_BUCKET", "pictures"),
    ("IMAGES_KEYS", ""),
    ("IMAGES_SECRET_ARN", ""),
    ("IMAGES_URL", ""),
    ("IMAGE_PROVIDER", "studio"),
    ("PREVIEWS_BUCKET", "previews"),
    ("PREVIEWS_URL", "http://localhost/previews"),
    ("PUBLIC_API_URL", "http://localhost"),
    ("STRIPE_AUTOMATIC_TAX", "false"),
    ("STRIPE_SECRET_ARN", "stripe"),
    ("STRIPE_WEBHOOK_SECRET_ARN", "stripe"),
    ("TABLE_NAME", TABLE),
];

/// The megabytes of a function in `template.yaml`: its own, those of a parameter, or those of all.
fn memory_mb(name: &str) -> u64 {
    let template = load("template.yaml");
    let archive = format!(".local/lambda/{name}/bootstrap.zip");
    let mut blocks = template["Resources"].as_hash().into_iter().flat_map(|it| it.values());
    let block = blocks.find(|it| it["Properties"]["CodeUri"].as_str() == Some(archive.as_str()));
    let own = block.map(|it| &it["Properties"]["MemorySize"]).filter(|it| !it.is_badvalue());
    let size = own.unwrap_or(&template["Globals"]["Function"]["MemorySize"]);
    let parameter = size.as_str().map(|name| &template["Parameters"][name]["Default"]);
    let size = parameter.unwrap_or(size).as_i64();
    size.and_then(|mb| u64::try_from(mb).ok()).expect("a function has a memory size")
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
