//! The setup of one test: a table, a fixed clock, and actors who call.
//!
//! A call takes the whole path: an API Gateway event, the runtime's access check and parsing, the
//! handler, the store, a real DynamoDB engine, and the response on the wire. [`World::close`] ends
//! a test by checking the invariants.

use std::{collections::BTreeMap, sync::Barrier, time::Duration};

use aws_sdk_dynamodb::{Client, config::retry::RetryConfig};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use clients::{AssetScan, Images, Previews, Uploads, documents::Documents};
use domain::{
    Timestamp,
    account::{Account, AccountError},
    credits::{Credits, LotId},
    generation::{ChargeState, Job},
    id::UserId,
    plan::Plan,
    time::Period,
};
use lambda_http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use runtime::{
    ApiError, Call, Connect, Endpoint, InvocationContext, Reply, StreamEvent,
    apigw::{Response, request},
    dispatch,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::{PageSize, Store};

use crate::{
    engine::{Engine, TABLE},
    grants::acting_as,
};

/// Start time of every test.
pub const BEGINNING: &str = "2026-11-22T09:00:00Z";

/// A paid period in tests, about a month.
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The table, the clock, and the called endpoints.
#[derive(Debug)]
pub struct World {
    /// The engine behind the table.
    pub engine: Engine,
    /// The store on it.
    pub store: Store,
    /// Clock and ids.
    pub ambient: InvocationContext,
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl World {
    /// An empty world at [`BEGINNING`].
    pub fn new() -> World {
        let engine = Engine::new();
        // The SDK's retries wait a moment, not a second.
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let config = engine.client().config().to_builder().retry_config(retries).build();
        let store = Store::new(Client::from_conf(config), TABLE.to_owned());
        let now = Timestamp::parse(BEGINNING).expect("a time");
        let ambient = InvocationContext {
            cors_origin: Some("https://app.prolight.test".into()),
            public_url: Some("https://api.prolight.test/test".into()),
            ..InvocationContext::fixed(now)
        };
        World { engine, store, ambient }
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    /// Sends `ask` to an endpoint and returns the response on the wire.
    pub async fn send<C, R, T, H>(
        &self,
        endpoint: &Endpoint,
        handle: &H,
        capabilities: &C,
        ask: &Ask,
    ) -> Answer
    where
        C: Connect,
        R: DeserializeOwned,
        T: Reply,
        H: AsyncFn(&C, Call<R>) -> Result<T, ApiError>,
    {
        let event = ask.event(endpoint);
        let answer = || dispatch(endpoint, handle, capabilities, &self.ambient, event);
        Answer(acting_as(endpoint.name, answer).await)
    }

    /// A member's stored account, brought up to date.
    pub async fn account(&self, user: &UserId) -> Account {
        self.store.get_or_create_account(user, None, self.now()).await.expect("an account")
    }

    /// A member on `plan` with exactly this many credits left of it.
    pub async fn member(&self, name: &str, plan: Plan, credits: u32) -> Actor {
        let actor = Actor::member(name);
        let setup = self.store.update_account(&actor.id, None, self.now(), |draft| {
            if plan != Plan::Free {
                let lot = LotId("invoice_1".to_owned());
                let (starts_at, ends_at) = (self.now(), self.now().plus(MONTH));
                draft.begin_period(plan, lot, Period { starts_at, ends_at })?;
            }
            let spare = draft.account().credits.totals().available.saturating_sub(credits);
            if spare > 0 {
                let hold = draft.start_job("setup", spare)?;
                draft.capture_job("setup", &hold)?;
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

    /// The image bucket, for signed links only; no network is needed.
    pub fn images(&self) -> Images {
        Images::new(&far_s3(), "images")
    }

    /// The bucket of purchased files, for signed links only.
    pub fn uploads(&self) -> Uploads {
        Uploads::new(&far_s3(), "images")
    }

    /// The file scanner: none is configured.
    pub fn scan(&self) -> AssetScan {
        AssetScan::new(&far_s3(), "images", None)
    }

    /// URLs of public previews.
    pub fn previews(&self) -> Previews {
        Previews::new("https://previews.prolight.test")
    }

    /// The documents bucket, for signed links only.
    pub fn documents(&self) -> Documents {
        Documents::new(&far_s3(), "records")
    }

    /// All jobs of a member, newest first.
    pub async fn jobs(&self, user: &UserId) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut after = None;
        loop {
            let size: PageSize = serde_json::from_value(json!(100)).expect("a size");
            let page = self.store.jobs(user, None, size, after, self.now()).await.expect("a page");
            jobs.extend(page.items);
            after = page.next_cursor;
            if after.is_none() {
                return jobs;
            }
        }
    }

    /// Checks the invariants of a member: the ledger has no gaps and folds to the balance, held
    /// credits belong to open jobs, and an image is charged if and only if it exists.
    pub async fn check_books(&self, user: &UserId) {
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

    /// The stream records not read yet, as Lambda passes them to the relay.
    pub fn outbox(&self) -> StreamEvent {
        serde_json::from_value(self.engine.stream_batch()).expect("stream records")
    }
}

/// An S3 client of an unreachable endpoint, for signing only.
fn far_s3() -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url("https://s3.prolight.test")
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// Runs `work` `times` times in parallel, each in a thread of its own, and returns the results.
///
/// Every call waits until all others are ready.
pub fn at_once<T, F>(times: usize, work: impl Fn(usize) -> F + Sync) -> Vec<T>
where
    T: Send,
    F: Future<Output = T>,
{
    let (ready, work) = (Barrier::new(times), &work);
    std::thread::scope(|scope| {
        let start = |number| {
            let ready = &ready;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                ready.wait();
                runtime.expect("a runtime").block_on(work(number))
            })
        };
        let threads: Vec<_> = (0..times).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("work that ends")).collect()
    })
}

/// Characters that a browser escapes in a path segment (RFC 3986, section 2.3).
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Default source IP of requests, from a documentation range (RFC 5737).
pub const SOURCE_IP: &str = "203.0.113.9";

/// User agent of a browser.
pub const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 (ProLight's tests)";

/// A request to build. By default it comes from a browser.
#[derive(Debug, Clone)]
pub struct Ask {
    who: Option<Actor>,
    path: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    ip: String,
    head: bool,
}

impl Default for Ask {
    fn default() -> Ask {
        Ask {
            who: None,
            path: BTreeMap::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            ip: SOURCE_IP.to_owned(),
            head: false,
        }
    }
}

impl Ask {
    /// A request without a token.
    pub fn anonymous() -> Ask {
        Ask::default()
    }

    /// A request by `actor`.
    pub fn by(actor: &Actor) -> Ask {
        Ask { who: Some(actor.clone()), ..Ask::default() }
    }

    /// With a path parameter.
    #[must_use]
    pub fn path(mut self, name: &str, value: impl ToString) -> Ask {
        self.path.insert(name.to_owned(), value.to_string());
        self
    }

    /// With a parameter in the query string.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl ToString) -> Ask {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Ask {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// From another address than [`SOURCE_IP`].
    #[must_use]
    pub fn ip(mut self, ip: &str) -> Ask {
        self.ip = ip.to_owned();
        self
    }

    /// With the method `HEAD`.
    #[must_use]
    pub fn head(mut self) -> Ask {
        self.head = true;
        self
    }

    /// With an `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: &str) -> Ask {
        self.header("Idempotency-Key", key)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: Value) -> Ask {
        self.header("Content-Type", "application/json").text(body.to_string())
    }

    /// With a raw body.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Ask {
        self.body = Some(body.into());
        self
    }

    /// The API Gateway event of this request.
    pub fn event(&self, endpoint: &Endpoint) -> Request {
        request(&self.event_json(endpoint)).expect("an event")
    }

    /// The event as JSON.
    pub fn event_json(&self, endpoint: &Endpoint) -> Value {
        // API Gateway passes both as they are in the URL.
        let escaped = |value: &String| utf8_percent_encode(value, IN_A_PATH).to_string();
        let parameters: BTreeMap<&String, String> =
            self.path.iter().map(|(name, value)| (name, escaped(value))).collect();
        let path = parameters.iter().fold(endpoint.path.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        });
        let mut headers = self.headers.clone();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            headers.push(("User-Agent".to_owned(), BROWSER.to_owned()));
        }
        let multi = |pairs: &[(String, String)]| {
            let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (name, value) in pairs {
                map.entry(name).or_default().push(value);
            }
            json!(map)
        };
        json!({
            "resource": endpoint.path,
            "path": path,
            "httpMethod": if self.head { "HEAD" } else { endpoint.method.as_str() },
            "multiValueHeaders": multi(&headers),
            "multiValueQueryStringParameters": multi(&self.query),
            "pathParameters": parameters,
            "body": self.body,
            "isBase64Encoded": false,
            "requestContext": {
                "requestId": "00000000-0000-4000-8000-000000000001",
                "path": format!("/test{path}"),
                "stage": "test",
                "httpMethod": if self.head { "HEAD" } else { endpoint.method.as_str() },
                "identity": {"sourceIp": self.ip},
                "authorizer": self.who.as_ref().map(Actor::context),
            },
        })
    }
}

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The person's id.
    pub id: UserId,
    email: String,
    email_verified: bool,
    role: Option<&'static str>,
}

impl Actor {
    /// A member.
    pub fn member(name: &str) -> Actor {
        let id = UserId::parse(&format!("user_{name}")).expect("a name");
        Actor { id, email: format!("{name}@prolight.test"), email_verified: true, role: None }
    }

    /// The same member with another email at the issuer.
    #[must_use]
    pub fn at_address(&self, email: &str) -> Actor {
        Actor { email: email.to_owned(), ..self.clone() }
    }

    /// The same member with an unverified email.
    #[must_use]
    pub fn unverified(&self) -> Actor {
        Actor { email_verified: false, ..self.clone() }
    }

    /// A moderator.
    pub fn moderator() -> Actor {
        Actor { role: Some("moderator"), ..Actor::member("moderator") }
    }

    /// An admin.
    pub fn admin() -> Actor {
        Actor { role: Some("admin"), ..Actor::member("admin") }
    }

    /// The same person as an admin.
    #[must_use]
    pub fn as_admin(&self) -> Actor {
        Actor { role: Some("admin"), ..self.clone() }
    }

    /// The same person as a moderator.
    #[must_use]
    pub fn as_moderator(&self) -> Actor {
        Actor { role: Some("moderator"), ..self.clone() }
    }

    fn context(&self) -> Value {
        let mut context = json!({
            "principalId": self.id, "user_id": self.id, "email": self.email, "name": "Somebody",
        });
        if self.email_verified {
            context["email_verified"] = json!("true");
        }
        if let Some(role) = self.role {
            context["role"] = json!(role);
        }
        context
    }
}

/// A response.
#[derive(Debug, Clone)]
pub struct Answer(pub Response);

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status_code
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).map(String::as_str)
    }

    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.0.body).unwrap_or(Value::Null)
    }

    /// The `code` of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The body, pretty-printed.
    pub fn pretty(&self) -> String {
        format!("{:#}", self.json())
    }

    /// The status, the `code` of a problem, and each rejected field: `422 invalid_request, /prompt
    /// empty`.
    pub fn brief(&self) -> String {
        let body = self.json();
        let fields = body["errors"].as_array().into_iter().flatten().map(|field| {
            let pointer = field["pointer"].as_str().filter(|pointer| !pointer.is_empty());
            let code = field["code"].as_str().unwrap_or_default();
            format!("{} {code}", pointer.unwrap_or("(whole)"))
        });
        let refusal = std::iter::once(format!("{} {}", self.status(), self.code()));
        let all: Vec<String> = refusal.chain(fields).collect();
        all.join(", ").trim_end().to_owned()
    }
}
