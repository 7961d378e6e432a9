//! The reference: three endpoints in Python (`reference/app.py`) on the same table, asked over HTTP.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use domain::id::UserId;
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use tokio::time::sleep;

use super::{
    BenchFailed, Places, dynamodb::Table, function::Spread, given, operations::Bench,
    process::Process,
};
use crate::engine::{Engine, TABLE};

const NAME: &str = "reference";
/// The folder of its code.
const FOLDER: &str = "shared/testing/reference";
/// Number of starts: each takes about a second.
const STARTS: usize = 5;
/// Longest wait for a start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a process is asked whether it serves already.
const LOOKS_EVERY: Duration = Duration::from_millis(5);
/// Number of requests to each endpoint.
const REQUESTS: u32 = 1_000;
/// The header in which API Gateway would say who calls.
const MEMBER_HEADER: &str = "X-Member";
const MEMBER: &str = "user_reference";

/// Measurements of the reference.
#[derive(Debug, Clone)]
pub struct Reference {
    /// From process start to the first response.
    pub start: Spread,
    /// Its endpoints.
    pub endpoints: Vec<Answered>,
    /// Peak memory in KiB after all requests; `None` if the system does not report it.
    pub peak_kib: Option<u64>,
}

/// Measurements of one endpoint.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Method and path.
    pub route: &'static str,
    /// The function of ours that answers the same.
    pub function: &'static str,
    /// From a request to its response, less the time of the engine.
    pub warm: Spread,
    /// Processor time of a request; `None` if the system does not report it.
    pub cpu: Option<Duration>,
}

/// Measures the reference.
pub(super) async fn measure(places: &Places) -> Result<Reference, BenchFailed> {
    let engine = Engine::new();
    let bench = Bench::on(&engine);
    let job = bench.succeeded(&UserId::parse(MEMBER).expect("an id")).await?;
    let stage = Stage::set(engine, places).await?;
    let order = given::event("generation-create-generation")?["body"].clone();
    let order = order.as_str().unwrap_or_default().to_owned();
    let at = |path: &str| format!("{}{path}", stage.url);

    let mut starts = Vec::with_capacity(STARTS);
    for _ in 1..STARTS {
        starts.push(stage.start().await?.1);
    }
    let (process, last) = stage.start().await?;
    starts.push(last);

    let health = |_: u32| stage.client.get(at("/health"));
    let one = at(&format!("/api/v1/generations/{}", job.id));
    let get = |_: u32| stage.client.get(&one).header(MEMBER_HEADER, MEMBER);
    let create = |number: u32| {
        let request = stage.client.post(at("/api/v1/generations")).header(MEMBER_HEADER, MEMBER);
        let request = request.header("Idempotency-Key", format!("reference-{number}"));
        request.header("Content-Type", "application/json").body(order.clone())
    };
    let endpoints = vec![
        stage.ask(&process, ("GET /health", "edge-get-health"), health).await?,
        stage.ask(&process, ("GET /generations/{id}", "generation-get-generation"), get).await?,
        stage.ask(&process, ("POST /generations", "generation-create-generation"), create).await?,
    ];
    Ok(Reference { start: Spread::of(starts), endpoints, peak_kib: process.peak_kib() })
}

/// Its surroundings: table, log, and a client.
struct Stage {
    python: PathBuf,
    log: PathBuf,
    table: Table,
    port: u16,
    url: String,
    client: Client,
}

impl Stage {
    async fn set(engine: Engine, places: &Places) -> Result<Stage, BenchFailed> {
        // Its own account, in a shape of its own.
        let account = json!({
            "pk": { "S": format!("REFERENCE#{MEMBER}") },
            "sk": { "S": "ACCOUNT" },
            "version": { "N": "1" },
            "plan": { "S": "pro" },
            "available": { "N": "1000000" },
            "held": { "N": "0" },
            "ledger_seq": { "N": "1" },
        });
        engine.import(std::iter::once(account));
        let log = places.logs.join(format!("bench-{NAME}.log"));
        // The port is free again when the process listens on it.
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr());
        let port = port.map_err(BenchFailed::io("a port of the reference"))?.port();
        let client = Client::builder().no_proxy().build();
        let client = client.map_err(|error| failed(&log, error.to_string()))?;
        Ok(Stage {
            python: places.python.clone(),
            log,
            table: Table::serve(engine, &places.tls).await?,
            port,
            url: format!("http://127.0.0.1:{port}"),
            client,
        })
    }

    /// Starts a process. Returns it and how long it took until it answered.
    async fn start(&self) -> Result<(Process, Duration), BenchFailed> {
        let port = self.port.to_string();
        let began = Instant::now();
        let mut command = Command::new(&self.python);
        command
            .args(["-m", "uvicorn", "app:app", "--app-dir", FOLDER])
            .args(["--host", "127.0.0.1", "--port", port.as_str()])
            .args(["--no-access-log", "--log-level", "warning"])
            .env_clear()
            .envs([
                ("AWS_ACCESS_KEY_ID", "bench"),
                ("AWS_ENDPOINT_URL", self.table.url.as_str()),
                ("AWS_REGION", "us-east-1"),
                ("AWS_SECRET_ACCESS_KEY", "bench"),
                ("IMAGES_BUCKET", "pictures"),
                ("PYTHONDONTWRITEBYTECODE", "1"),
                ("TABLE_NAME", TABLE),
            ]);
        let process = Process::start(&mut command, &self.log)?;
        let health = format!("{}/health", self.url);
        while began.elapsed() < PATIENCE {
            if let Ok(answer) = self.client.get(&health).send().await
                && answer.status().is_success()
            {
                return Ok((process, began.elapsed()));
            }
            sleep(LOOKS_EVERY).await;
        }
        Err(failed(&self.log, format!("did not answer in {PATIENCE:?}")))
    }

    /// One request that is not counted, then the measured ones.
    async fn ask(
        &self,
        process: &Process,
        (route, function): (&'static str, &'static str),
        request: impl Fn(u32) -> RequestBuilder,
    ) -> Result<Answered, BenchFailed> {
        self.send(request(0)).await?;
        let before = process.cpu();
        let mut warm = Vec::new();
        for number in 1..=REQUESTS {
            warm.push(self.send(request(number)).await?);
        }
        let cpu = process.cpu().zip(before).map(|(after, before)| (after - before) / REQUESTS);
        Ok(Answered { route, function, warm: Spread::of(warm), cpu })
    }

    /// Sends a request. Returns how long its response took, less the time of the engine.
    async fn send(&self, request: RequestBuilder) -> Result<Duration, BenchFailed> {
        self.table.take_busy();
        let began = Instant::now();
        let wrong = |error: reqwest::Error| failed(&self.log, error.to_string());
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map_err(wrong)?.bytes().await.map_err(wrong)?;
        Ok(began.elapsed().saturating_sub(self.table.take_busy()))
    }
}

fn failed(log: &Path, what: String) -> BenchFailed {
    BenchFailed::Process { name: NAME, what, log: log.display().to_string() }
}
