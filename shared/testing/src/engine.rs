//! A real DynamoDB engine in process, behind the real SDK.
//!
//! The SDK's HTTP client is replaced by one that passes each signed request to `dynoxide`, so the
//! store's expressions are parsed and evaluated by an engine that is tested against AWS, without a
//! socket. Every request is counted with its consumed capacity, and faults that no local engine
//! produces can be ordered: conflicts, throttling, lost responses.

mod pace;
mod turns;

use std::{
    collections::BTreeMap,
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Region},
};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, ImportOptions};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub use self::{pace::Pace, turns::Turns};
use crate::{
    grants,
    wire::{credentials, retries},
};

/// Number of the next copy of an engine.
static COPIES: AtomicU64 = AtomicU64::new(0);

/// An index of the stream's records, in the tables of the engine.
const STREAM_INDEX: &str = "
    PRAGMA synchronous = OFF;
    CREATE INDEX stream_numbers ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
";

/// More failures than the attempts of a few requests.
pub const FAILURES: u32 = 12;

/// The table's name in every test.
pub const TABLE: &str = "app";

tokio::task_local! { static UNOBSERVED: (); }

/// Runs `work` without counting its requests and without faults: the start of a process is not part
/// of a call.
pub fn unobserved<F: Future>(work: F) -> impl Future<Output = F::Output> {
    UNOBSERVED.scope((), work)
}

/// A fault for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The transaction conflicts with another on the same item.
    Conflict,
    /// The request is throttled.
    Throttle,
    /// The service fails without an effect.
    Fail,
    /// The request takes effect, and the response is lost.
    LoseAnswer,
    /// No effect and no response: the caller dies before the effect.
    HangBefore,
    /// An effect and no response: the caller dies after the effect.
    HangAfter,
    /// A read that is not strongly consistent shows nothing yet.
    Lag,
}

impl Fault {
    /// Every fault, process deaths first.
    pub const ALL: [Fault; 6] = [
        Fault::HangBefore,
        Fault::HangAfter,
        Fault::Conflict,
        Fault::Throttle,
        Fault::Fail,
        Fault::LoseAnswer,
    ];

    /// The operation it applies to, or `*`.
    pub const fn meets(self) -> &'static str {
        match self {
            Fault::Conflict => "TransactWriteItems",
            Fault::Throttle
            | Fault::Fail
            | Fault::LoseAnswer
            | Fault::HangBefore
            | Fault::HangAfter => "*",
            Fault::Lag => "Query",
        }
    }
}

/// Requests and capacity used.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// Requests by operation.
    pub requests: BTreeMap<String, u32>,
    /// Write units consumed.
    pub write_units: f64,
    /// Read units consumed.
    pub read_units: f64,
}

impl Usage {
    /// All requests: network round trips.
    pub fn round_trips(&self) -> u32 {
        self.requests.values().sum()
    }
}

#[derive(Default)]
struct State {
    usage: Usage,
    pace: Option<Pace>,
    faults: Vec<(String, u32, Fault)>,
    /// Position in the stream.
    iterator: Option<String>,
    /// Whether requests wait for their turn, and whether one does.
    takes_turns: bool,
    waits: bool,
    /// Whether capacity is not counted.
    is_unmetered: bool,
}

/// The engine with its table.
#[derive(Clone)]
pub struct Engine {
    database: Arc<Database>,
    state: Arc<Mutex<State>>,
    hung: Arc<Notify>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::new()
    }
}

impl Engine {
    /// An empty table with the schema in `infra/data.yaml`.
    pub fn new() -> Engine {
        let database = Database::memory().expect("an engine in memory");
        let engine = Engine {
            database: Arc::new(database),
            state: Arc::new(Mutex::new(State::default())),
            hung: Arc::new(Notify::new()),
        };
        let definition = json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
                {"AttributeName": "gsi1pk", "AttributeType": "S"},
                {"AttributeName": "gsi1sk", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "GlobalSecondaryIndexes": [{
                "IndexName": "gsi1",
                "KeySchema": [
                    {"AttributeName": "gsi1pk", "KeyType": "HASH"},
                    {"AttributeName": "gsi1sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        });
        engine.run("CreateTable", &definition.to_string()).expect("the table");
        engine
    }

    /// An SDK client of this engine.
    pub fn client(&self) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials())
            .retry_config(retries())
            .http_client(self.clone())
            .build();
        Client::from_conf(config)
    }

    /// Orders `fault` for the `nth` next request of `operation` (1 is the next one; `*` is any).
    pub fn order(&self, operation: &str, nth: u32, fault: Fault) {
        self.state().faults.push((operation.to_owned(), nth, fault));
    }

    /// From the `nth` next request of `operation` on, fails more of them than the SDK repeats.
    pub fn fail_from(&self, operation: &str, nth: u32) {
        (nth..nth + FAILURES).for_each(|nth| self.order(operation, nth, Fault::Fail));
    }

    /// Withdraws the faults that were not met.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Runs `work` until it ends or hangs on a fault; `None` if it hung and was dropped.
    pub async fn until_hung<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.hung.notified() => None,
        }
    }

    /// The stream records since the last call, in the shape that Lambda passes on.
    pub fn stream_batch(&self) -> Value {
        let ask = |operation: &str, body: Value| -> Value {
            let answer = self.run(operation, &body.to_string()).expect("a stream");
            serde_json::from_str(&answer).expect("JSON")
        };
        let kept = self.state().iterator.take();
        let iterator = kept.unwrap_or_else(|| {
            let streams = ask("ListStreams", json!({"TableName": TABLE}));
            let stream = &streams["Streams"][0]["StreamArn"];
            let described = ask("DescribeStream", json!({"StreamArn": stream}));
            let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
            let first = ask(
                "GetShardIterator",
                json!({"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}),
            );
            first["ShardIterator"].as_str().expect("an iterator").to_owned()
        });
        let answer = ask("GetRecords", json!({"ShardIterator": iterator}));
        self.state().iterator = answer["NextShardIterator"].as_str().map(str::to_owned);
        json!({"Records": answer["Records"]})
    }

    /// Imports many items at once, without request counts and without stream records.
    pub fn import(&self, rows: impl Iterator<Item = Value>) {
        let rows = rows.map(|row| serde_json::from_value(row).expect("an item")).collect();
        self.database.import_items(TABLE, rows, ImportOptions::default()).expect("an import");
    }

    /// Makes these the items of the table, without request counts.
    pub fn restore(&self, items: &[Value]) {
        let run = |operation: &str, of: &str, value: &Value| {
            let request = json!({"TableName": TABLE, of: value});
            self.run(operation, &request.to_string()).expect("a write");
        };
        let current = self.dump();
        for item in current.iter().filter(|item| !items.contains(item)) {
            run("DeleteItem", "Key", &json!({"pk": item["pk"], "sk": item["sk"]}));
        }
        for item in items.iter().filter(|item| !current.contains(item)) {
            run("PutItem", "Item", item);
        }
    }

    /// Counts no capacity from now on: each request is then read, and its answer written, once less.
    pub fn stop_metering(&self) {
        self.state().is_unmetered = true;
    }

    /// Has requests take time from now on, or none.
    pub fn set_pace(&self, pace: Option<Pace>) {
        self.state().pace = pace;
    }

    /// Indexes the stream's records from now on. The engine keeps all of them, and looks for their
    /// last number with every write: without an index, in time that grows with each.
    pub fn index_stream(&self) {
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("prolight-engine-{}-{number}.db", std::process::id());
        let file = std::env::temp_dir().join(name);
        let path = file.to_str().expect("a path of text");
        // A process of the same number may have ended between the copy and its removal.
        let _ = std::fs::remove_file(&file);
        self.database.vacuum_into(path).expect("a copy");
        let copy = rusqlite::Connection::open(&file).expect("the copy");
        copy.execute_batch(STREAM_INDEX).expect("an index");
        drop(copy);
        self.database.restore_from(path).expect("the copy");
        std::fs::remove_file(&file).expect("the copy");
    }

    /// Usage since the last call.
    pub fn take_usage(&self) -> Usage {
        std::mem::take(&mut self.state().usage)
    }

    /// Every item of the table; for assertions only.
    pub fn dump(&self) -> Vec<Value> {
        let (mut items, mut request) = (Vec::new(), json!({"TableName": TABLE}));
        loop {
            let answer = self.run("Scan", &request.to_string()).expect("a scan");
            let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
            items.extend(answer["Items"].as_array_mut().map(std::mem::take).unwrap_or_default());
            // A response holds at most a megabyte.
            let last = answer["LastEvaluatedKey"].take();
            if last.is_null() {
                return items;
            }
            request["ExclusiveStartKey"] = last;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits once, if [`Turns`] decide who goes on.
    async fn turn(&self) {
        let mut waited = false;
        poll_fn(|_| {
            let mut state = self.state();
            match waited || !state.takes_turns {
                true => Poll::Ready(()),
                false => {
                    (waited, state.waits) = (true, true);
                    Poll::Pending
                }
            }
        })
        .await;
    }

    async fn hang(&self) {
        self.hung.notify_one();
        std::future::pending::<()>().await;
    }

    fn due_fault(&self, operation: &str) -> Option<Fault> {
        let mut state = self.state();
        let mut due = None;
        for (wanted, nth, fault) in &mut state.faults {
            if wanted == operation || wanted == "*" {
                *nth = nth.saturating_sub(1);
                if *nth == 0 {
                    due = due.or(Some(*fault));
                }
            }
        }
        state.faults.retain(|(_, nth, _)| *nth > 0);
        due
    }

    fn answer(
        &self,
        operation: &str,
        body: &[u8],
        fault: Option<Fault>,
    ) -> Result<(u16, String), ConnectorError> {
        *self.state().usage.requests.entry(operation.to_owned()).or_default() += 1;
        if let Some((status, text)) = fault.and_then(refusal_of) {
            return Ok((status, text));
        }
        let is_metered = !self.state().is_unmetered;
        let answer = match is_metered {
            true => {
                let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
                request["ReturnConsumedCapacity"] = json!("INDEXES");
                self.run(operation, &request.to_string())
            }
            false => self.run(operation, &String::from_utf8_lossy(body)),
        };
        if fault == Some(Fault::LoseAnswer) {
            return Err(ConnectorError::timeout("the response was lost".into()));
        }
        match answer {
            Ok(text) => {
                if is_metered {
                    self.count(operation, &text);
                }
                Ok((200, text))
            }
            Err(error) => Ok((error.status_code(), error.to_json())),
        }
    }

    fn count(&self, operation: &str, answer: &str) {
        let answer: Value = serde_json::from_str(answer).unwrap_or_default();
        let capacity = &answer["ConsumedCapacity"];
        let one = [capacity.clone()];
        let rows = capacity.as_array().map_or(&one[..], Vec::as_slice);
        let units: f64 = rows.iter().filter_map(|row| row["CapacityUnits"].as_f64()).sum();
        let reads = matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "TransactGetItems");
        let mut state = self.state();
        match reads {
            true => state.usage.read_units += units,
            false => state.usage.write_units += units,
        }
    }

    /// Answers one request without counting it.
    fn unfailing(&self, operation: &str, body: &[u8]) -> (u16, String) {
        match self.run(operation, &String::from_utf8_lossy(body)) {
            Ok(text) => (200, text),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }

    /// Answers one request of the wire protocol and counts it. Returns status and body.
    pub fn serve(&self, operation: &str, body: &[u8]) -> (u16, String) {
        self.answer(operation, body, None).expect("only an ordered fault loses an answer")
    }

    /// Runs one operation of the wire protocol.
    ///
    /// # Errors
    /// The error that DynamoDB would return.
    pub fn run(&self, operation: &str, body: &str) -> Result<String, dynoxide::DynoxideError> {
        macro_rules! dispatch {
            ($($name:literal => $method:ident),* $(,)?) => {
                match operation {
                    $($name => self.database.$method(parse(body)?).map(|answer| text(&answer)),)*
                    other => panic!("the engine is not asked for {other}"),
                }
            };
        }
        dispatch! {
            "BatchGetItem" => batch_get_item,
            "BatchWriteItem" => batch_write_item,
            "CreateTable" => create_table,
            "DeleteItem" => delete_item,
            "DescribeStream" => describe_stream,
            "DescribeTable" => describe_table,
            "GetItem" => get_item,
            "GetRecords" => get_records,
            "GetShardIterator" => get_shard_iterator,
            "ListStreams" => list_streams,
            "PutItem" => put_item,
            "Query" => query,
            "Scan" => scan,
            "TransactWriteItems" => transact_write_items,
            "UpdateItem" => update_item,
            "UpdateTable" => update_table,
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, dynoxide::DynoxideError> {
    serde_json::from_str(body)
        .map_err(|error| dynoxide::DynoxideError::SerializationException(error.to_string()))
}

fn text(answer: &impl serde::Serialize) -> String {
    serde_json::to_string(answer).expect("an answer is JSON")
}

fn refusal_of(fault: Fault) -> Option<(u16, String)> {
    let error = |status, name: &str, more: Value| {
        let mut body = json!({
            "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"),
            "message": "ordered by a test",
        });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        Some((status, body.to_string()))
    };
    match fault {
        Fault::Conflict => error(
            400,
            "TransactionCanceledException",
            json!({"CancellationReasons": [{"Code": "TransactionConflict"}]}),
        ),
        Fault::Throttle => error(400, "ThrottlingException", json!({})),
        Fault::Fail => error(500, "InternalServerError", json!({})),
        Fault::LoseAnswer | Fault::HangBefore | Fault::HangAfter | Fault::Lag => None,
    }
}

fn is_consistent(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["ConsistentRead"] == json!(true)
}

fn reply((status, text): (u16, String)) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status");
    HttpResponse::new(status, SdkBody::from(text))
}

impl HttpConnector for Engine {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let engine = self.clone();
        HttpConnectorFuture::new(async move {
            grants::check(&operation, &body);
            if UNOBSERVED.try_with(|()| ()).is_ok() {
                return Ok(reply(engine.unfailing(&operation, &body)));
            }
            engine.turn().await;
            let pace = engine.state().pace.clone();
            if pace.as_ref().is_some_and(Pace::is_over) {
                std::future::pending::<()>().await;
            }
            let fault = engine.due_fault(&operation);
            if fault == Some(Fault::HangBefore) {
                engine.hang().await;
            }
            if fault == Some(Fault::Lag) && !is_consistent(&body) {
                return Ok(reply((200, json!({"Items": [], "Count": 0}).to_string())));
            }
            let answer = engine.answer(&operation, &body, fault);
            if let (Some(pace), Ok((_, text))) = (&pace, &answer) {
                pace.pass(&body, text);
            }
            if fault == Some(Fault::HangAfter) {
                engine.hang().await;
            }
            answer.map(reply)
        })
    }
}

impl HttpClient for Engine {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
