//! S3 in this process: buckets in memory that answer the requests our functions make. Their reads
//! can be held or cut off.
//!
//! An end-to-end test checks that the S3 of the local stack answers our clients the same.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_smithy_runtime_api::{
    client::{
        http::HttpConnectorFuture,
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

/// Request headers that are stored with an object and returned with it.
const STORED: [&str; 3] = ["cache-control", "content-disposition", "content-type"];
/// The prefix of headers with an object's metadata.
const METADATA: &str = "x-amz-meta-";

/// An object.
#[derive(Clone, Default)]
struct Object {
    bytes: Vec<u8>,
    headers: BTreeMap<String, String>,
    /// The XML of its tag set.
    tagging: String,
}

type Buckets = BTreeMap<String, BTreeMap<String, Object>>;

/// How objects are read.
#[derive(Default)]
struct Reads {
    /// The keys of all that were asked for.
    keys: Vec<String>,
    /// Those whose key ends so are not answered.
    held: Option<&'static str>,
    /// Of those whose key ends so, only the first half is sent.
    cut_off: Option<&'static str>,
}

/// The buckets. Clones share them.
#[derive(Clone, Default)]
pub struct Objects {
    buckets: Arc<Mutex<Buckets>>,
    reads: Arc<Mutex<Reads>>,
    released: Arc<Notify>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

/// An answer before it is an [`HttpResponse`].
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn ok(body: impl Into<Vec<u8>>) -> Answer {
        Answer { status: 200, headers: BTreeMap::new(), body: body.into() }
    }

    fn error(status: u16, code: &str) -> Answer {
        let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
        Answer { status, headers: BTreeMap::new(), body: body.into_bytes() }
    }
}

/// A request to S3, taken apart.
struct Request {
    method: String,
    bucket: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn of(request: &HttpRequest) -> Request {
        let (path, query) = match request.uri().split_once('?') {
            Some((path, query)) => (path, query),
            None => (request.uri(), ""),
        };
        let path = path.split_once("://").map_or(path, |(_, rest)| rest);
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Request {
            method: request.method().to_owned(),
            bucket: plain(bucket),
            key: plain(key),
            query,
            headers: headers.collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether it reads an object whose key ends so.
    fn reads(&self, end: Option<&str>) -> bool {
        self.method == "GET" && end.is_some_and(|end| self.key.ends_with(end))
    }
}

impl Objects {
    /// With these empty buckets.
    pub fn with_buckets(names: &[&str]) -> Objects {
        let buckets = names.iter().map(|name| ((*name).to_owned(), BTreeMap::new()));
        Objects { buckets: Arc::new(Mutex::new(buckets.collect())), ..Objects::default() }
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, reads of objects whose key ends so are not answered.
    pub fn hold(&self, end: &'static str) {
        self.reads().held = Some(end);
    }

    /// From now on, only the first half of objects whose key ends so is sent.
    pub fn cut_off(&self, end: &'static str) {
        self.reads().cut_off = Some(end);
    }

    /// Answers what is held, and from now on everything whole and at once.
    pub fn release(&self) {
        let mut reads = self.reads();
        (reads.held, reads.cut_off) = (None, None);
        self.released.notify_waiters();
    }

    /// How often objects whose key ends so were asked for.
    pub fn times_read(&self, end: &str) -> usize {
        self.reads().keys.iter().filter(|key| key.ends_with(end)).count()
    }

    /// Answers one request of the wire protocol, when it is not held.
    pub(crate) fn call(&self, request: &HttpRequest) -> HttpConnectorFuture {
        let (objects, request) = (self.clone(), Request::of(request));
        if request.method == "GET" {
            self.reads().keys.push(request.key.clone());
        }
        HttpConnectorFuture::new(async move {
            loop {
                let released = objects.released.notified();
                if !request.reads(objects.reads().held) {
                    break;
                }
                released.await;
            }
            Ok(objects.serve(&request))
        })
    }

    fn serve(&self, request: &Request) -> HttpResponse {
        let is_head = request.method == "HEAD";
        let Answer { status, headers, mut body } = self.answer(request);
        let length = body.len();
        if request.reads(self.reads().cut_off) {
            body.truncate(length / 2);
        }
        let body = if is_head { SdkBody::empty() } else { SdkBody::from(body) };
        let mut response = HttpResponse::new(StatusCode::try_from(status).expect("a status"), body);
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(name).expect("a header's name");
            all.insert(name, HeaderValue::try_from(value).expect("a header's value"));
        }
        all.insert("content-length", HeaderValue::from(length));
        for (name, value) in &all {
            let value = value.to_str().expect("text").to_owned();
            response.headers_mut().insert(name.as_str().to_owned(), value);
        }
        response
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut buckets = self.buckets();
        if request.method == "PUT" && request.key.is_empty() {
            buckets.entry(request.bucket.clone()).or_default();
            return Answer::ok("");
        }
        if request.method == "DELETE" && request.key.is_empty() {
            buckets.remove(&request.bucket);
            return Answer { status: 204, ..Answer::ok("") };
        }
        let source = request.header("x-amz-copy-source").map(|source| {
            let source = percent_decode_str(source.trim_start_matches('/')).decode_utf8_lossy();
            let (bucket, key) = source.split_once('/').expect("a bucket and a key");
            buckets.get(bucket).and_then(|objects| objects.get(key)).cloned()
        });
        let Some(objects) = buckets.get_mut(&request.bucket) else {
            return Answer::error(404, "NoSuchBucket");
        };
        let tagging = request.query.contains_key("tagging");
        match (request.method.as_str(), source) {
            ("PUT", Some(source)) => copy(objects, request, source),
            ("PUT", None) if tagging => match objects.get_mut(&request.key) {
                Some(object) => {
                    object.tagging = String::from_utf8(request.body.clone()).expect("XML");
                    Answer::ok("")
                }
                None => Answer::error(404, "NoSuchKey"),
            },
            ("PUT", None) => put(objects, request),
            ("GET", _) if request.key.is_empty() => list(objects, request),
            ("GET" | "HEAD", _) => read(objects, request, tagging),
            ("DELETE", _) => {
                objects.remove(&request.key);
                Answer { status: 204, ..Answer::ok("") }
            }
            ("POST", _) => delete_all(objects, request),
            (method, _) => panic!("the buckets are not asked for {method} {}", request.key),
        }
    }
}

fn put(objects: &mut BTreeMap<String, Object>, request: &Request) -> Answer {
    if request.header("if-none-match") == Some("*") && objects.contains_key(&request.key) {
        return Answer::error(412, "PreconditionFailed");
    }
    if let Some(expected) = request.header("if-match") {
        match objects.get(&request.key) {
            Some(present) if etag(present) == expected => {}
            Some(_) => return Answer::error(412, "PreconditionFailed"),
            None => return Answer::error(404, "NoSuchKey"),
        }
    }
    let sent = request.header("x-amz-checksum-sha256");
    if sent.is_some_and(|sent| sent != STANDARD.encode(Sha256::digest(&request.body))) {
        return Answer::error(400, "BadDigest");
    }
    let is_stored = |name: &str| STORED.contains(&name) || name.starts_with(METADATA);
    let headers = request.headers.iter().filter(|(name, _)| is_stored(name));
    let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
    let object = Object { bytes: request.body.clone(), headers, tagging: String::new() };
    let mut answer = Answer::ok("");
    answer.headers.insert("etag".to_owned(), etag(&object));
    objects.insert(request.key.clone(), object);
    answer
}

fn copy(
    objects: &mut BTreeMap<String, Object>,
    request: &Request,
    source: Option<Object>,
) -> Answer {
    let Some(mut object) = source else { return Answer::error(404, "NoSuchKey") };
    if request.header("if-none-match") == Some("*") && objects.contains_key(&request.key) {
        return Answer::error(412, "PreconditionFailed");
    }
    let expected = request.header("x-amz-copy-source-if-match");
    if expected.is_some_and(|expected| expected != etag(&object)) {
        return Answer::error(412, "PreconditionFailed");
    }
    if request.header("x-amz-metadata-directive") == Some("REPLACE") {
        let is_stored = |name: &str| STORED.contains(&name) || name.starts_with(METADATA);
        let headers = request.headers.iter().filter(|(name, _)| is_stored(name));
        object.headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    let tag = etag(&object);
    objects.insert(request.key.clone(), object);
    Answer::ok(format!("<CopyObjectResult><ETag>{tag}</ETag></CopyObjectResult>"))
}

fn read(objects: &BTreeMap<String, Object>, request: &Request, tagging: bool) -> Answer {
    let Some(object) = objects.get(&request.key) else {
        return Answer::error(404, "NoSuchKey");
    };
    if tagging {
        let none = "<Tagging><TagSet></TagSet></Tagging>";
        return Answer::ok(if object.tagging.is_empty() { none } else { &object.tagging });
    }
    let tag = etag(object);
    if request.header("if-match").is_some_and(|expected| expected != tag) {
        return Answer::error(412, "PreconditionFailed");
    }
    let mut answer = Answer::ok(object.bytes.clone());
    answer.headers.clone_from(&object.headers);
    answer.headers.insert("etag".to_owned(), tag);
    answer
}

/// All keys under a prefix, on one page; as versions, of which each object has one.
fn list(objects: &BTreeMap<String, Object>, request: &Request) -> Answer {
    let prefix = request.query.get("prefix").map_or("", String::as_str);
    let (root, each) = match request.query.contains_key("versions") {
        true => ("ListVersionsResult", "Version"),
        false => ("ListBucketResult", "Contents"),
    };
    let found = objects.keys().filter(|key| key.starts_with(prefix));
    let found = found.map(|key| format!("<{each}><Key>{}</Key></{each}>", escape(key)));
    let found: String = found.collect();
    Answer::ok(format!("<{root}><IsTruncated>false</IsTruncated>{found}</{root}>"))
}

fn delete_all(objects: &mut BTreeMap<String, Object>, request: &Request) -> Answer {
    let body = String::from_utf8_lossy(&request.body);
    for rest in body.split("<Key>").skip(1) {
        let key = rest.split('<').next().unwrap_or_default();
        objects.remove(&key.replace("&apos;", "'").replace("&quot;", "\"").replace("&amp;", "&"));
    }
    Answer::ok("<DeleteResult></DeleteResult>")
}

fn etag(object: &Object) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(&object.bytes)[..16]))
}

fn escape(key: &str) -> String {
    key.replace('&', "&amp;").replace('<', "&lt;")
}
