//! What a handler returns: the status is the type.

use clients::{Documents, StorageUnavailable};
use domain::{Timestamp, image::link_works_until};
use http::{HeaderMap, header};
use serde::Serialize;

#[cfg(feature = "schema")]
use crate::contract::{Answers, Content, Reads, Schemas};
use crate::{
    contract::Wire,
    error::{ApiError, Fault},
    etag::{digest, each},
    links::Link,
};

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
/// Allows images from anywhere and the page's own styles: no script, no frame, no form.
const PAGE_POLICY: &str = "default-src 'none'; img-src https: http:; style-src 'unsafe-inline'; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A response whose type sets its status.
pub trait Reply {
    /// The status of the response.
    const STATUS: u16;

    /// # Errors
    /// When the body does not serialize.
    fn into_answer(self) -> Result<Answer, ApiError>;

    /// Every answer that this may become, for the document.
    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers>;
}

/// The redirect to a file.
#[cfg(feature = "schema")]
fn redirect() -> Answers {
    Answers { status: FileLink::STATUS, content: Content::Nothing, headers: &["Location"] }
}

/// Describes an endpoint that reads an `R` and answers a `T`.
#[cfg(feature = "schema")]
pub(crate) fn described<R: Wire, T: Reply>() -> Reads {
    |schemas: &mut Schemas| (schemas.read::<R>(), T::answers(schemas))
}

/// Answers with a JSON body of the type `T`.
#[cfg(feature = "schema")]
fn json<T: Wire>(
    schemas: &mut Schemas,
    status: u16,
    headers: &'static [&'static str],
) -> Vec<Answers> {
    vec![Answers { status, content: Content::Json(schemas.written::<T>()), headers }]
}

/// 200 with a body that only the caller may cache. A `GET` gets a strong `ETag` and can answer 304.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// [`Json`] of which a part can be changed: a change's `If-Match` is about that part alone, while
/// `If-None-Match` is about the whole.
#[derive(Debug)]
pub struct Editable<T> {
    body: T,
    part: String,
}

impl<T> Editable<T> {
    /// A body, and the part of it that [`crate::Call::check_if_match`] is called with.
    ///
    /// # Errors
    /// When the part does not serialize.
    pub fn new(body: T, part: &impl Serialize) -> Result<Editable<T>, ApiError> {
        Ok(Editable { body, part: digest(&to_json(part)?) })
    }
}

/// 200 for something that is still changing: says when to poll again.
#[derive(Debug)]
pub struct Polled<T> {
    /// The body.
    pub body: T,
    /// Seconds until the next poll; `None` once it no longer changes.
    pub retry_after_s: Option<u32>,
}

/// 200 with a body that anyone, shared caches included, may cache.
#[derive(Debug)]
pub struct Cacheable<T> {
    /// The body.
    pub body: T,
    /// Seconds for which it may be reused without revalidation.
    pub max_age_s: u32,
}

/// 200 with a body that must not be cached.
#[derive(Debug)]
pub struct NoStore<T>(pub T);

/// 200 with an HTML page that loads only images. Its links send no referrer.
#[derive(Debug)]
pub struct Html {
    /// The whole page, with untrusted text escaped.
    pub body: String,
    /// Seconds for which anyone may cache it; `None` forbids caching.
    pub max_age_s: Option<u32>,
    /// The URL a browser is sent to at once.
    pub refresh_to: Option<String>,
}

/// An HTML page, or one that says there is none.
#[derive(Debug)]
pub enum HtmlPage {
    /// 200.
    Found(Html),
    /// 404 with this page, which must not be cached.
    Missing(String),
}

/// 200 with a text file that anyone may cache, such as a script of a page.
#[derive(Debug)]
pub struct TextFile {
    /// The whole file.
    pub body: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Seconds for which anyone may cache it.
    pub max_age_s: u32,
    /// The content security policy, of a page.
    pub policy: Option<&'static str>,
}

/// 201 with the location of the new resource.
#[derive(Debug)]
pub struct Created<T> {
    /// The URL of the resource.
    pub location: Link,
    /// The body.
    pub body: T,
}

/// 202: accepted for later, with where and when to poll.
#[derive(Debug)]
pub struct Accepted<T> {
    /// The URL to poll.
    pub location: Link,
    /// Seconds until the first poll.
    pub retry_after_s: u32,
    /// The body.
    pub body: T,
}

/// 200 with a body that must not be cached, or 202 for the same body when a person has to act first.
#[derive(Debug)]
pub enum NowOrLater<T> {
    /// 200.
    Now(T),
    /// 202.
    Later(Accepted<T>),
}

/// 202 as [`Accepted`]; or 201, if the caller preferred to wait for the end and it came.
#[derive(Debug)]
pub struct Awaited<T> {
    /// The URL of the resource.
    pub location: Link,
    /// Seconds until the next poll; `None` once it has ended.
    pub retry_after_s: Option<u32>,
    /// The seconds of the preference, if it was honored.
    pub waited_s: Option<u32>,
    /// The body.
    pub body: T,
}

/// 204.
#[derive(Debug)]
pub struct NoContent;

/// A file in another place: 302 to it; with `Accept: application/json`, 200 with this as its body.
/// A page cannot use the redirect: the place is of another origin, and `fetch` does not show where
/// a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileLink {
    /// The place of the file. Whoever has this link may read it: it needs no token.
    pub url: String,
    /// Until when the link works; `null` if that is not known, as with Stripe's links.
    pub expires_at: Option<Timestamp>,
}

/// 200 with a body that only the caller may cache, or a file with the same content.
#[derive(Debug)]
pub enum JsonOrFile<T> {
    /// 200.
    Json(T),
    /// 302, or 200 with the link.
    File(FileLink),
}

impl FileLink {
    /// A link to a stored document.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn to_document(
        documents: &Documents,
        key: &str,
        now: Timestamp,
    ) -> Result<FileLink, StorageUnavailable> {
        let url = documents.link(key, now).await?;
        Ok(FileLink { url, expires_at: Some(link_works_until(now)) })
    }
}

/// A response before it is sent.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: u16,
    /// Of a redirect, the body for callers who ask for JSON instead.
    pub(crate) body: String,
    /// The body's content type, if there is a body.
    pub(crate) content_type: &'static str,
    pub(crate) cache: CachePolicy,
    pub(crate) location: Option<Link>,
    pub(crate) retry_after_s: Option<u32>,
    /// Of an [`Editable`] body, the digest of the part that can be changed.
    pub(crate) part: Option<String>,
    /// Headers specific to this kind of response.
    pub(crate) more: Vec<(&'static str, String)>,
}

/// Who may cache a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// The caller, who revalidates before every use.
    Private,
    /// Anyone, for `max_age_s` seconds.
    Public { max_age_s: u32 },
    /// No one.
    NoStore,
}

impl CachePolicy {
    pub(crate) fn cache_control(self) -> String {
        match self {
            CachePolicy::Private => "private, no-cache".to_owned(),
            CachePolicy::Public { max_age_s } => format!("public, max-age={max_age_s}"),
            CachePolicy::NoStore => "no-store".to_owned(),
        }
    }
}

impl Answer {
    fn json(status: u16, body: &impl Serialize, cache: CachePolicy) -> Result<Answer, ApiError> {
        Ok(Answer { body: to_json(body)?, cache, ..Answer::empty(status) })
    }

    /// The answer to a caller with these headers: a redirect becomes its body for those who ask for
    /// JSON, and says that this depends on `Accept`.
    pub(crate) fn negotiated(self, headers: &HeaderMap) -> Answer {
        if self.status != FileLink::STATUS {
            return self;
        }
        let more = vec![("vary", "Accept".to_owned())];
        match asks_for_json(headers) {
            true => Answer { status: 200, location: None, more, ..self },
            false => Answer { body: String::new(), more, ..self },
        }
    }

    /// The same answer, saying that an earlier request with this key was carried out, not this one.
    pub(crate) fn replayed(mut self) -> Answer {
        self.more.push(("idempotency-replayed", "true".to_owned()));
        self
    }

    fn empty(status: u16) -> Answer {
        Answer {
            status,
            body: String::new(),
            content_type: JSON,
            cache: CachePolicy::NoStore,
            location: None,
            retry_after_s: None,
            part: None,
            more: Vec::new(),
        }
    }
}

impl<T: Serialize + Wire> Reply for Json<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        Answer::json(Self::STATUS, &self.0, CachePolicy::Private)
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        json::<T>(schemas, Self::STATUS, &[])
    }
}

impl<T: Serialize + Wire> Reply for Editable<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let answer = Json(self.body).into_answer()?;
        Ok(Answer { part: Some(self.part), ..answer })
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        json::<T>(schemas, Self::STATUS, &[])
    }
}

impl<T: Serialize + Wire> Reply for Polled<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let answer = Answer::json(Self::STATUS, &self.body, CachePolicy::Private)?;
        Ok(Answer { retry_after_s: self.retry_after_s, ..answer })
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        json::<T>(schemas, Self::STATUS, &["Retry-After"])
    }
}

impl<T: Serialize + Wire> Reply for Cacheable<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        Answer::json(Self::STATUS, &self.body, CachePolicy::Public { max_age_s: self.max_age_s })
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        json::<T>(schemas, Self::STATUS, &[])
    }
}

impl<T: Serialize + Wire> Reply for NoStore<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        Answer::json(Self::STATUS, &self.0, CachePolicy::NoStore)
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        json::<T>(schemas, Self::STATUS, &[])
    }
}

impl Reply for Html {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let mut more = vec![
            ("content-security-policy", PAGE_POLICY.to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
        ];
        if let Some(url) = self.refresh_to {
            if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Fault("a page refreshes to an invalid URL".to_owned()).into());
            }
            more.push(("refresh", format!("0; url={url}")));
        }
        let cache = self
            .max_age_s
            .map_or(CachePolicy::NoStore, |max_age_s| CachePolicy::Public { max_age_s });
        let (body, content_type) = (self.body, HTML);
        Ok(Answer { body, content_type, cache, more, ..Answer::empty(Self::STATUS) })
    }

    #[cfg(feature = "schema")]
    fn answers(_: &mut Schemas) -> Vec<Answers> {
        vec![Answers { status: Self::STATUS, content: Content::Text("text/html"), headers: &[] }]
    }
}

impl Reply for HtmlPage {
    const STATUS: u16 = Html::STATUS;
    fn into_answer(self) -> Result<Answer, ApiError> {
        match self {
            HtmlPage::Found(page) => page.into_answer(),
            HtmlPage::Missing(body) => {
                let page = Html { body, max_age_s: None, refresh_to: None }.into_answer()?;
                Ok(Answer { status: 404, ..page })
            }
        }
    }

    #[cfg(feature = "schema")]
    fn answers(_: &mut Schemas) -> Vec<Answers> {
        let page = |status| Answers { status, content: Content::Text("text/html"), headers: &[] };
        vec![page(Self::STATUS), page(404)]
    }
}

impl Reply for TextFile {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let policy = self.policy.map(|policy| ("content-security-policy", policy.to_owned()));
        Ok(Answer {
            body: self.body,
            content_type: self.content_type,
            cache: CachePolicy::Public { max_age_s: self.max_age_s },
            more: policy.into_iter().collect(),
            ..Answer::empty(Self::STATUS)
        })
    }

    #[cfg(feature = "schema")]
    fn answers(_: &mut Schemas) -> Vec<Answers> {
        vec![Answers { status: Self::STATUS, content: Content::Text("*/*"), headers: &[] }]
    }
}

impl<T: Serialize + Wire> Reply for Created<T> {
    const STATUS: u16 = 201;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let answer = Answer::json(Self::STATUS, &self.body, CachePolicy::NoStore)?;
        Ok(Answer { location: Some(self.location), ..answer })
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        json::<T>(schemas, Self::STATUS, &["Location"])
    }
}

impl<T: Serialize + Wire> Reply for Accepted<T> {
    const STATUS: u16 = 202;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let answer = Answer::json(Self::STATUS, &self.body, CachePolicy::NoStore)?;
        let (location, retry_after_s) = (Some(self.location), Some(self.retry_after_s));
        Ok(Answer { location, retry_after_s, ..answer })
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        json::<T>(schemas, Self::STATUS, &["Location", "Retry-After"])
    }
}

impl<T: Serialize + Wire> Reply for Awaited<T> {
    const STATUS: u16 = 202;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let status = match (self.waited_s, self.retry_after_s) {
            (Some(_), None) => 201,
            (Some(_) | None, _) => Self::STATUS,
        };
        let answer = Answer::json(status, &self.body, CachePolicy::NoStore)?;
        let applied =
            self.waited_s.map(|seconds| ("preference-applied", format!("wait={seconds}")));
        let (location, retry_after_s) = (Some(self.location), self.retry_after_s);
        Ok(Answer { location, retry_after_s, more: applied.into_iter().collect(), ..answer })
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        let open = &["Location", "Preference-Applied", "Retry-After"];
        let mut answers = json::<T>(schemas, Self::STATUS, open);
        answers.extend(json::<T>(schemas, 201, &["Location", "Preference-Applied"]));
        answers
    }
}

impl<T: Serialize + Wire> Reply for NowOrLater<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        match self {
            NowOrLater::Now(body) => NoStore(body).into_answer(),
            NowOrLater::Later(accepted) => accepted.into_answer(),
        }
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        let mut answers = NoStore::<T>::answers(schemas);
        answers.extend(Accepted::<T>::answers(schemas));
        answers
    }
}

impl Reply for NoContent {
    const STATUS: u16 = 204;
    fn into_answer(self) -> Result<Answer, ApiError> {
        Ok(Answer::empty(Self::STATUS))
    }

    #[cfg(feature = "schema")]
    fn answers(_: &mut Schemas) -> Vec<Answers> {
        vec![Answers { status: Self::STATUS, content: Content::Nothing, headers: &[] }]
    }
}

impl Reply for FileLink {
    const STATUS: u16 = 302;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let answer = Answer::json(Self::STATUS, &self, CachePolicy::NoStore)?;
        Ok(Answer { location: Some(Link::elsewhere(self.url)), ..answer })
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        let mut answers = json::<FileLink>(schemas, 200, &[]);
        answers.push(redirect());
        answers
    }
}

impl<T: Serialize + Wire> Reply for JsonOrFile<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        match self {
            JsonOrFile::Json(body) => Json(body).into_answer(),
            JsonOrFile::File(link) => link.into_answer(),
        }
    }

    #[cfg(feature = "schema")]
    fn answers(schemas: &mut Schemas) -> Vec<Answers> {
        let either = [schemas.written::<T>(), schemas.written::<FileLink>()];
        let content = Content::Json(schemars::json_schema!({ "anyOf": either }));
        vec![Answers { status: Self::STATUS, content, headers: &[] }, redirect()]
    }
}

/// Whether `Accept` names JSON. A wildcard does not: browsers and curl send one with every request.
fn asks_for_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().flat_map(each);
    accepted
        .filter_map(|range| range.split(';').next())
        .any(|name| name.trim().eq_ignore_ascii_case(JSON))
}

fn to_json(body: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(body)
        .map_err(|e| Fault(format!("response did not serialize: {e}")).into())
}
