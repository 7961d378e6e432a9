//! Where the issuer sends a browser back to, and which pages may read its answers.

use reqwest::Url;

/// The registered addresses. Loopback is registered on every port (RFC 8252, section 7.3): there
/// is no other way to a console on this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redirects {
    registered: Vec<String>,
}

impl Redirects {
    pub(crate) fn new(registered: &[String]) -> Redirects {
        Redirects { registered: registered.to_vec() }
    }

    /// Whether a browser may be sent to `address`: a registered one to the letter, or loopback.
    pub(crate) fn allow(&self, address: &str) -> bool {
        self.registered.iter().any(|known| known == address)
            || Url::parse(address).is_ok_and(|url| is_loopback(&url) && url.fragment().is_none())
    }

    /// Whether scripts of the pages at `origin` may read what the issuer answers.
    pub(crate) fn allow_origin(&self, origin: &str) -> bool {
        let origin_of = |text: &str| Url::parse(text).map(|url| url.origin().ascii_serialization());
        let is_origin = origin_of(origin).as_deref() == Ok(origin);
        let loopback = || Url::parse(origin).is_ok_and(|url| is_loopback(&url));
        let registered =
            || self.registered.iter().any(|known| origin_of(known).as_deref() == Ok(origin));
        is_origin && (loopback() || registered())
    }
}

fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http"
        && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
        && url.username().is_empty()
        && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_loopback_and_to_registered_addresses_only() {
        let redirects = Redirects::new(&["https://console.example/signed-in".to_owned()]);
        for (address, allowed) in [
            ("http://127.0.0.1:4571/signed-in", true),
            ("http://localhost:3000/", true),
            ("http://[::1]:3000/back?x=1", true),
            ("https://console.example/signed-in", true),
            ("https://console.example/signed-in/", false),
            ("https://console.example/other", false),
            ("http://127.0.0.1.evil.example/", false),
            ("http://127.0.0.1@evil.example/", false),
            ("http://evil@127.0.0.1/", false),
            ("http://127.0.0.1/#fragment", false),
            ("javascript:alert(1)", false),
            ("//evil.example", false),
            ("", false),
        ] {
            assert_eq!(redirects.allow(address), allowed, "{address}");
        }
    }

    #[test]
    fn only_their_pages_read_the_answers() {
        let redirects = Redirects::new(&["https://console.example/signed-in".to_owned()]);
        for (origin, allowed) in [
            ("http://127.0.0.1:4571", true),
            ("https://console.example", true),
            ("https://console.example:8443", false),
            ("https://evil.example", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(redirects.allow_origin(origin), allowed, "{origin}");
        }
    }
}
