//! The `Prefer` header (RFC 7240): how long a caller would wait for a result.

use http::HeaderMap;

/// The seconds of the `wait` preference; `most` if it has no number. `None` without the preference,
/// or if it is malformed: a preference that is not understood is ignored. The first of several
/// counts.
pub(crate) fn preferred_wait(headers: &HeaderMap, most: u32) -> Option<u32> {
    let lines = headers.get_all("prefer").into_iter().filter_map(|line| line.to_str().ok());
    let preferences = lines.flat_map(|line| line.split(','));
    let mut waits = preferences.filter_map(|preference| {
        // Parameters after a semicolon are not defined for `wait`.
        let token = preference.split(';').next().unwrap_or_default();
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"'))
    });
    match waits.next()? {
        "" => Some(most),
        seconds => seconds.parse().ok().filter(|_| seconds.bytes().all(|it| it.is_ascii_digit())),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_read_among_other_preferences() {
        let check = |lines: &[&'static str], expected: Option<u32>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("prefer", HeaderValue::from_static(line));
            }
            assert_eq!(preferred_wait(&headers, 20), expected, "{lines:?}");
        };
        check(&[], None);
        check(&["wait=5"], Some(5));
        check(&["Wait = \"5\" ; foo=bar"], Some(5));
        check(&["respond-async, wait=10"], Some(10));
        check(&["return=minimal", "wait=7"], Some(7));
        check(&["wait"], Some(20));
        check(&["wait="], Some(20));
        check(&["wait=3, wait=9"], Some(3));
        check(&["wait=100"], Some(100));
        check(&["wait=soon"], None);
        check(&["wait=-1"], None);
        check(&["wait=+5"], None);
        check(&["wait=99999999999"], None);
        check(&["waiting=5"], None);
    }
}
