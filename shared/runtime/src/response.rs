//! What a handler returns: the status is the type.

use http::HeaderValue;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    call::Link,
    error::{ApiError, Fault},
};

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
/// Pictures of anywhere, styles of the page itself, and nothing else: no script, no frame, no form.
const PAGE_POLICY: &str = "default-src 'none'; img-src https: http:; style-src 'unsafe-inline'; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer that knows its status.
pub trait Reply {
    /// The status of the answer.
    const STATUS: u16;

    /// # Errors
    /// When the body does not serialize.
    fn into_answer(self) -> Result<Answer, ApiError>;
}

/// 200 with a body only its caller may keep. A `GET` gets a strong `ETag` and can answer 304.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// 200 for something that is still changing: when to ask again, if that makes sense.
#[derive(Debug)]
pub struct Polled<T> {
    /// The body.
    pub body: T,
    /// Seconds until it is worth asking again; `None` once it no longer changes.
    pub retry_after_s: Option<u32>,
}

/// 200 with a body that anybody, caches included, may keep for a while.
#[derive(Debug)]
pub struct Cacheable<T> {
    /// The body.
    pub body: T,
    /// For how many seconds it may be reused unasked.
    pub max_age_s: u32,
}

/// 200 with a body nobody may keep.
#[derive(Debug)]
pub struct NoStore<T>(pub T);

/// 200 with a page for people, which nothing can be loaded into but pictures. It tells nobody where
/// its visitor came from.
#[derive(Debug)]
pub struct Html {
    /// The whole page. Whoever writes it escapes what is not its own.
    pub body: String,
    /// For how many seconds anybody may reuse it unasked; nobody may keep it if `None`.
    pub max_age_s: Option<u32>,
    /// Where a browser goes on to at once.
    pub refresh_to: Option<String>,
}

/// A page for people, or in its place one that says that there is none.
#[derive(Debug)]
pub enum HtmlPage {
    /// 200.
    Found(Html),
    /// 404 with this page, which nobody may keep.
    Missing(String),
}

/// 201 with where the new thing is.
#[derive(Debug)]
pub struct Created<T> {
    /// Where it is.
    pub location: Link,
    /// The body.
    pub body: T,
}

/// 202: it will be done; where to look, and when.
#[derive(Debug)]
pub struct Accepted<T> {
    /// Where to look.
    pub location: Link,
    /// Seconds until it is worth looking.
    pub retry_after_s: u32,
    /// The body.
    pub body: T,
}

/// 204.
#[derive(Debug)]
pub struct NoContent;

/// 302: it is somewhere else, for now.
#[derive(Debug)]
pub struct Redirect(pub String);

/// 200 with a body only its caller may keep, or 302 to a file that says the same.
#[derive(Debug)]
pub enum JsonOrFile<T> {
    /// 200.
    Json(T),
    /// 302 to this address.
    File(String),
}

/// An answer before it is put on the wire.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Of the body, if there is one.
    pub(crate) content_type: &'static str,
    pub(crate) keep: CachePolicy,
    pub(crate) location: Option<Link>,
    pub(crate) retry_after_s: Option<u32>,
    /// Headers that only this kind of answer has.
    pub(crate) more: Vec<(&'static str, String)>,
}

/// Who may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// The caller, who asks whether it is still good before every use.
    Caller,
    /// Anybody, for so many seconds.
    Anybody { max_age_s: u32 },
    /// Nobody.
    Nobody,
}

impl CachePolicy {
    pub(crate) fn cache_control(self) -> String {
        match self {
            CachePolicy::Caller => "private, no-cache".to_owned(),
            CachePolicy::Anybody { max_age_s } => format!("public, max-age={max_age_s}"),
            CachePolicy::Nobody => "no-store".to_owned(),
        }
    }
}

impl Answer {
    fn json(status: u16, body: &impl Serialize, keep: CachePolicy) -> Result<Answer, ApiError> {
        Ok(Answer { body: to_json(body)?, keep, ..Answer::empty(status) })
    }

    fn empty(status: u16) -> Answer {
        Answer {
            status,
            body: String::new(),
            content_type: JSON,
            keep: CachePolicy::Nobody,
            location: None,
            retry_after_s: None,
            more: Vec::new(),
        }
    }
}

impl<T: Serialize> Reply for Json<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        Answer::json(Self::STATUS, &self.0, CachePolicy::Caller)
    }
}

impl<T: Serialize> Reply for Polled<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let answer = Answer::json(Self::STATUS, &self.body, CachePolicy::Caller)?;
        Ok(Answer { retry_after_s: self.retry_after_s, ..answer })
    }
}

impl<T: Serialize> Reply for Cacheable<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        Answer::json(Self::STATUS, &self.body, CachePolicy::Anybody { max_age_s: self.max_age_s })
    }
}

impl<T: Serialize> Reply for NoStore<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        Answer::json(Self::STATUS, &self.0, CachePolicy::Nobody)
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
                return Err(Fault("a page leads on to what is no URL".to_owned()).into());
            }
            more.push(("refresh", format!("0; url={url}")));
        }
        let keep = self
            .max_age_s
            .map_or(CachePolicy::Nobody, |max_age_s| CachePolicy::Anybody { max_age_s });
        let (body, content_type) = (self.body, HTML);
        Ok(Answer { body, content_type, keep, more, ..Answer::empty(Self::STATUS) })
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
}

impl<T: Serialize> Reply for Created<T> {
    const STATUS: u16 = 201;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let answer = Answer::json(Self::STATUS, &self.body, CachePolicy::Nobody)?;
        Ok(Answer { location: Some(self.location), ..answer })
    }
}

impl<T: Serialize> Reply for Accepted<T> {
    const STATUS: u16 = 202;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let answer = Answer::json(Self::STATUS, &self.body, CachePolicy::Nobody)?;
        let (location, retry_after_s) = (Some(self.location), Some(self.retry_after_s));
        Ok(Answer { location, retry_after_s, ..answer })
    }
}

impl Reply for NoContent {
    const STATUS: u16 = 204;
    fn into_answer(self) -> Result<Answer, ApiError> {
        Ok(Answer::empty(Self::STATUS))
    }
}

impl Reply for Redirect {
    const STATUS: u16 = 302;
    fn into_answer(self) -> Result<Answer, ApiError> {
        let location = Some(Link::elsewhere(self.0));
        Ok(Answer { location, ..Answer::empty(Self::STATUS) })
    }
}

impl<T: Serialize> Reply for JsonOrFile<T> {
    const STATUS: u16 = 200;
    fn into_answer(self) -> Result<Answer, ApiError> {
        match self {
            JsonOrFile::Json(body) => Json(body).into_answer(),
            JsonOrFile::File(url) => Redirect(url).into_answer(),
        }
    }
}

/// A strong entity tag: the same tag, the same bytes (RFC 9110, section 8.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag(String);

impl ETag {
    /// The tag of a body.
    pub(crate) fn of(body: &str) -> ETag {
        let digest = hex(&Sha256::digest(body)[..16]);
        ETag(format!("\"{digest}\""))
    }

    /// The tag of what `resource` is as a body.
    ///
    /// # Errors
    /// When it does not serialize.
    pub(crate) fn of_json(resource: &impl Serialize) -> Result<ETag, ApiError> {
        to_json(resource).map(|body| ETag::of(&body))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an `If-Match` names exactly this tag (strong comparison).
    pub(crate) fn is_in(&self, tags: &HeaderValue) -> bool {
        each(tags).any(|tag| tag == "*" || tag == self.0)
    }

    /// Whether an `If-None-Match` names this tag or one a cache weakened (weak comparison).
    pub(crate) fn is_weakly_in(&self, tags: &HeaderValue) -> bool {
        each(tags).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.0)
    }
}

fn each(tags: &HeaderValue) -> impl Iterator<Item = &str> {
    tags.to_str().unwrap_or_default().split(',').map(str::trim)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn to_json(body: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(body)
        .map_err(|e| Fault(format!("an answer did not serialize: {e}")).into())
}
