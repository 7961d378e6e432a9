//! Fetches a finished picture from the provider's URL.
//!
//! The URL is untrusted, so it is only followed to an origin the operator lists: `https` to a
//! listed domain, on the default port, without credentials, and never after a redirect. The
//! certificate then proves that the host belongs to that domain, whatever its name resolves to.
//! Only an origin listed in full may differ from that, such as the sandbox's
//! `http://127.0.0.1:4570`. No token is ever sent along.

use std::time::Duration;

use domain::image::FETCH_BYTES_MAX;
use reqwest::Url;

use crate::http::{CallError, Http, InvalidConfig, call};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Fetches pictures from listed origins.
#[derive(Debug, Clone)]
pub struct ImageFetcher {
    http: Http,
    origins: Vec<Origin>,
}

/// Why a picture was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not a picture URL. Permanent.
    #[error("not a picture URL")]
    NoAddress,
    /// The host is not a listed origin. It works once an operator lists it.
    #[error("{origin} is not in the list of image origins")]
    UnknownHost {
        /// As it would be listed: scheme, host and port.
        origin: String,
    },
    /// More than [`FETCH_BYTES_MAX`] bytes. Permanent.
    #[error("the picture is larger than {FETCH_BYTES_MAX} bytes")]
    TooLarge,
    /// The host refuses (a redirect or a 4xx). Permanent.
    #[error("the host answered {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// Transient: no response, or a busy or failing host.
    #[error("the picture could not be fetched: {detail}")]
    Unavailable {
        /// The cause.
        detail: String,
    },
}

impl ImageFetcher {
    /// A fetcher for `origins`: each `https://*.<domain>` (any host below the domain), or one exact
    /// origin such as `https://cdn.example.com` or `http://127.0.0.1:4570`.
    ///
    /// # Errors
    /// When an origin is neither.
    pub fn new(http: Http, origins: &[impl AsRef<str>]) -> Result<ImageFetcher, InvalidConfig> {
        let origins = origins
            .iter()
            .map(|text| {
                let text = text.as_ref().trim();
                Origin::parse(text).ok_or_else(|| InvalidConfig(format!("not an origin: {text}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(ImageFetcher { http, origins })
    }

    /// The bytes at `url`: at most [`FETCH_BYTES_MAX`], in at most 20 seconds. They are untrusted
    /// until [`crate::Picture::decode`] has read them, whatever their declared type.
    ///
    /// # Errors
    /// See [`FetchError`]: only `Unavailable` is worth a retry.
    pub async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::NoAddress)?;
        self.admit(&url)?;
        let answer = call(self.http.get(url), TIMEOUT, FETCH_BYTES_MAX).await?;
        match answer.status.as_u16() {
            200 => Ok(answer.body),
            status @ (408 | 429 | 500..) => {
                Err(FetchError::Unavailable { detail: format!("the host answered {status}") })
            }
            status => Err(FetchError::Rejected { status }),
        }
    }

    fn admit(&self, url: &Url) -> Result<(), FetchError> {
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !anonymous || !matches!(url.scheme(), "https" | "http") {
            return Err(FetchError::NoAddress);
        }
        if self.origins.iter().any(|origin| origin.covers(url)) {
            return Ok(());
        }
        Err(FetchError::UnknownHost { origin: url.origin().ascii_serialization() })
    }
}

impl From<CallError> for FetchError {
    fn from(error: CallError) -> FetchError {
        match error {
            CallError::TooLarge(_) => FetchError::TooLarge,
            CallError::NotSent(_) | CallError::Broken(_) => {
                FetchError::Unavailable { detail: error.to_string() }
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// Scheme, host and port, as browsers spell an origin.
    Exact(String),
    /// Every host whose name ends in this, which begins with a dot.
    Below(String),
}

impl Origin {
    fn parse(text: &str) -> Option<Origin> {
        if let Some(domain) = text.strip_prefix("https://*.") {
            let url = Url::parse(&format!("https://{domain}")).ok()?;
            let plain = url.domain() == Some(domain) && domain.contains('.') && is_bare(&url);
            return plain.then(|| Origin::Below(format!(".{domain}")));
        }
        let url = Url::parse(text).ok()?;
        let plain = matches!(url.scheme(), "https" | "http") && is_bare(&url);
        plain.then(|| Origin::Exact(url.origin().ascii_serialization()))
    }

    /// [`Url`] parses a name of dots and digits as an IP address, so it has no domain and never
    /// matches.
    fn covers(&self, url: &Url) -> bool {
        match self {
            Origin::Exact(origin) => url.origin().ascii_serialization() == *origin,
            Origin::Below(suffix) => {
                url.scheme() == "https"
                    && url.port().is_none()
                    && url.domain().is_some_and(|domain| domain.ends_with(suffix))
            }
        }
    }
}

/// Whether it is an origin only. [`Url`] accepts an asterisk in a host name.
fn is_bare(url: &Url) -> bool {
    let no_user = url.username().is_empty() && url.password().is_none();
    let a_name = url.host_str().is_some_and(|host| !host.contains('*'));
    no_user && a_name && url.path() == "/" && url.query().is_none() && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, response::Redirect, routing::get};

    use super::*;
    use crate::loopback;

    fn fetcher(origins: &[&str]) -> ImageFetcher {
        ImageFetcher::new(Http::new().unwrap(), origins).unwrap()
    }

    #[test]
    fn only_listed_origins_are_followed() {
        let cdn = "https://d1ei2xrl63k822.cloudfront.net";
        let fetcher = fetcher(&["https://*.bria.ai", cdn, "http://127.0.0.1:4570"]);
        let check = |url: &str, expected: bool| {
            let allowed = Url::parse(url).is_ok_and(|url| fetcher.admit(&url).is_ok());
            assert_eq!(allowed, expected, "{url}");
        };
        check("https://cdn.bria.ai/a.png?sig=1", true);
        check("https://a.b.BRIA.ai/a.png", true);
        check("https://cdn.bria.ai:443/a.png", true);
        check("http://127.0.0.1:4570/bria/results/a.png", true);

        let signed = "api/res/1.png?Expires=1764628941&Signature=a~b-_&Key-Pair-Id=K";
        check(&format!("{cdn}/{signed}"), true);
        check("https://d2ei2xrl63k822.cloudfront.net/a.png", false);

        check("http://cdn.bria.ai/a.png", false);
        check("https://bria.ai/a.png", false);
        check("https://evilbria.ai/a.png", false);
        check("https://cdn.bria.ai.evil.example/a.png", false);
        check("https://cdn.bria.ai./a.png", false);
        check("https://cdn.bria.ai:8443/a.png", false);
        check("https://user@cdn.bria.ai/a.png", false);
        check("https://:secret@cdn.bria.ai/a.png", false);
        check("https://cdn.bria.ai@169.254.169.254/a.png", false);
        check("https://169.254.169.254/latest", false);
        check("https://2852039166/latest", false);
        check("https://0xA9FEA9FE/latest", false);
        check("https://[::ffff:169.254.169.254]/latest", false);
        check("http://127.0.0.1:4571/a.png", false);
        check("https://127.0.0.1:4570/a.png", false);
        check("http://localhost:4570/a.png", false);
        check("http://0x7f000001:4570/a.png", true); // The same address: Url normalises it.
        check("ftp://cdn.bria.ai/a.png", false);
        check("file:///etc/passwd", false);
        check("data:image/png;base64,AAAA", false);
        check("//cdn.bria.ai/a.png", false);
    }

    #[test]
    fn an_origin_is_an_origin_and_nothing_more() {
        for bad in [
            "",
            "*",
            "bria.ai",
            "https://*",
            "https://*.ai",
            "https://*.bria.ai/x",
            "ftp://a.b",
            "https://*.bria.ai:8443",
            "https://u@a.b",
            "https://a.b/x",
            "http://*.bria.ai",
        ] {
            assert!(ImageFetcher::new(Http::new().unwrap(), &[bad]).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn what_a_host_may_answer() {
        let endless = || async {
            let chunks = std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 1 << 20]));
            Body::from_stream(futures_util::stream::iter(chunks))
        };
        let routes = Router::new()
            .route("/ok", get(|| async { "bytes" }))
            .route("/gone", get(|| async { StatusCode::NOT_FOUND }))
            .route("/moved", get(|| async { Redirect::temporary("/ok") }))
            .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
            .route("/endless", get(endless));
        let base = loopback::serve(routes).await;
        let fetcher = fetcher(&[&base]);
        let fetch = async |path: &str| fetcher.fetch(&format!("{base}{path}")).await;

        assert_eq!(fetch("/ok").await.unwrap(), b"bytes");
        assert_eq!(fetch("/gone").await, Err(FetchError::Rejected { status: 404 }));
        assert_eq!(fetch("/moved").await, Err(FetchError::Rejected { status: 307 }));
        assert_eq!(fetch("/endless").await, Err(FetchError::TooLarge));
        assert!(matches!(fetch("/broken").await, Err(FetchError::Unavailable { .. })));
        let elsewhere = fetcher.fetch("http://127.0.0.1:1/ok?Signature=x").await;
        let origin = "http://127.0.0.1:1".to_owned();
        assert_eq!(elsewhere, Err(FetchError::UnknownHost { origin }));
        for nonsense in ["", "no url", "file:///etc/passwd", "https://user@cdn.bria.ai/a.png"] {
            assert_eq!(fetcher.fetch(nonsense).await, Err(FetchError::NoAddress), "{nonsense}");
        }
    }
}
