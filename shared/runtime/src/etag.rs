//! Entity tags: what a body has to keep for a stored copy of it to be good, and what a change is
//! about.

use std::borrow::Cow;

use http::HeaderValue;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// An entity tag (RFC 9110, section 8.8.3): of a part that can be changed, if there is one, and of
/// the whole body. It is weak where bodies with the same tag differ in what a reader does not miss:
/// when they were computed, and with which of our credentials S3's links were signed. A link's date
/// stays in the tag, so that a body is sent again before its links end; so does a link to the CDN,
/// which is the same from every process, and leads nowhere once its key is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag {
    quoted: String,
    is_weak: bool,
}

/// What comes before a value that the tag leaves out, and what may come after it. Inside a text of
/// the body, quotes are escaped.
const LEFT_OUT: [(&str, &[char]); 4] = [
    ("\"as_of\":\"", &['"']),
    ("X-Amz-Credential=", &['&', '"']),
    ("X-Amz-Security-Token=", &['&', '"']),
    ("X-Amz-Signature=", &['&', '"']),
];

impl ETag {
    /// The tag of a body and, if there is one, the digest of its changeable part.
    pub(crate) fn of_answer(part: Option<&str>, body: &str) -> ETag {
        let lasting = lasting(body);
        let part = part.map(|part| format!("{part}-")).unwrap_or_default();
        let quoted = format!("\"{part}{}\"", digest(&lasting));
        ETag { quoted, is_weak: matches!(lasting, Cow::Owned(_)) }
    }

    /// The header.
    pub(crate) fn header(&self) -> String {
        format!("{}{}", if self.is_weak { "W/" } else { "" }, self.quoted)
    }

    /// Whether an `If-None-Match` names this tag, weakened or not (weak comparison).
    pub(crate) fn is_in(&self, tags: &HeaderValue) -> bool {
        each(tags).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.quoted)
    }

    /// Whether an `If-Match` names `resource` as a body or as the changeable part of one (strong
    /// comparison).
    ///
    /// # Errors
    /// When it does not serialize.
    pub(crate) fn names(
        tags: &HeaderValue,
        resource: &impl Serialize,
    ) -> Result<bool, serde_json::Error> {
        let digest = digest(&serde_json::to_string(resource)?);
        let (whole, part) = (format!("\"{digest}\""), format!("\"{digest}-"));
        Ok(each(tags).any(|tag| tag == "*" || tag == whole || tag.starts_with(&part)))
    }
}

/// The first 16 bytes of the SHA-256 of `text`, in hexadecimal digits.
pub(crate) fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..16])
}

/// A body without what [`LEFT_OUT`] names.
fn lasting(body: &str) -> Cow<'_, str> {
    let mut lasting = Cow::Borrowed(body);
    for (before, ends) in LEFT_OUT {
        let mut parts = lasting.split(before);
        let Some(first) = parts.next() else { continue };
        let rest: Vec<&str> =
            parts.map(|part| part.find(ends).map_or("", |end| &part[end..])).collect();
        if !rest.is_empty() {
            lasting = Cow::Owned(format!("{first}{}", rest.concat()));
        }
    }
    lasting
}

/// The members of a list in a header.
pub(crate) fn each(list: &HeaderValue) -> impl Iterator<Item = &str> {
    list.to_str().unwrap_or_default().split(',').map(str::trim)
}
