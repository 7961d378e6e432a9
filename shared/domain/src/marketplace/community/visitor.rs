//! Views: who counts as a visitor, and how often.
//!
//! Views measure popularity, so a visitor is a network, not a browser, and counts once a day per
//! listing. Link previews, prefetches and clients without a user agent do not count. A listing
//! gains at most [`VISITORS_A_MINUTE`] and [`VISITORS_A_DAY`] views, however many addresses a
//! visitor controls.
//!
//! Visits wait in tallies and are counted some minutes later. [`Visitors::counted_until`] names the
//! last tally that was counted, so that a tally which is read again counts no second time.

use std::{collections::BTreeSet, fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    id::ListingId,
    time::{DAY, Timestamp},
};

/// Most visitors of a listing that count in a minute.
pub const VISITORS_A_MINUTE: u32 = 60;
/// Most visitors of a listing that count in a day.
pub const VISITORS_A_DAY: usize = 4_000;

const MINUTE: Duration = Duration::from_secs(60);
/// How long the visitors of a day are kept after it began: longer than any tally of that day waits,
/// so that what was counted is known for as long as it may be read again.
const KEPT: Duration = DAY.saturating_mul(3);

/// Substrings of the user agents of automated clients, in lower case. Most of them name themselves
/// as <https://www.rfc-editor.org/rfc/rfc9110#section-10.1.5> asks.
const PROGRAMS: [&str; 24] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "preview",
    "headless",
    "lighthouse",
    "monitor",
    "facebookexternalhit",
    "facebookcatalog",
    "whatsapp",
    "embedly",
    "curl/",
    "wget/",
    "python",
    "go-http-client",
    "java/",
    "libwww",
    "axios",
    "node-fetch",
    "undici",
    "scrapy",
    "postman",
    "http-client",
];

/// A visitor's network: an IPv4 address, or the IPv6 /64 that a provider assigns to one customer
/// (RFC 6177).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network(String);

impl Network {
    /// The network of an address; `None` if the text is not an address.
    pub fn of(ip: &str) -> Option<Network> {
        let network = match ip.parse::<IpAddr>().ok()?.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        };
        Some(Network(network))
    }

    /// A pseudonym of the network for one listing and the day of `at`. It cannot be linked to other
    /// listings or days.
    pub fn visitor(&self, listing: &ListingId, at: Timestamp) -> u32 {
        let digest = Sha256::digest(format!("{listing} {} {}", at.date(), self.0));
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest);
        u32::from_be_bytes([a, b, c, d])
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a person requests a page, according to the `User-Agent` and the purpose headers
/// (`Sec-Purpose`, `Purpose`, `X-Moz`).
pub fn is_person<'a>(
    user_agent: Option<&str>,
    purposes: impl IntoIterator<Item = &'a str>,
) -> bool {
    let ahead = |it: &str| it.to_ascii_lowercase().contains("prefetch");
    if purposes.into_iter().any(ahead) {
        return false;
    }
    let program = user_agent.map(str::trim).unwrap_or_default().to_ascii_lowercase();
    // The phone maker Cubot has `bot` in its name.
    let program = program.replace("cubot", "");
    !program.is_empty() && !PROGRAMS.iter().any(|name| program.contains(name))
}

/// The visitors of a listing today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitors {
    /// The listing.
    pub listing_id: ListingId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// The start of the day.
    pub day: Timestamp,
    /// The minute of the latest visit.
    pub minute: Timestamp,
    /// Number of visitors counted in that minute.
    pub in_minute: u32,
    /// All visitors counted that day.
    pub seen: BTreeSet<u32>,
    /// The name of the last tally that was counted: it and those before it are not counted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_until: Option<String>,
    /// Unix seconds: the table's TTL.
    pub expires_at: i64,
}

/// The visitors of one listing in one tally.
#[derive(Debug, Clone)]
pub struct Visits<'a> {
    /// The name of the tally; names sort by the time at which tallies were written.
    pub tally: &'a str,
    /// When the visitors came.
    pub at: Timestamp,
    /// The visitors.
    pub visitors: BTreeSet<u32>,
}

impl Visitors {
    /// No visitors yet.
    pub fn none(listing_id: ListingId) -> Visitors {
        let never = Timestamp::from_secs(0);
        Visitors {
            listing_id,
            version: 0,
            day: never,
            minute: never,
            in_minute: 0,
            seen: BTreeSet::new(),
            counted_until: None,
            expires_at: 0,
        }
    }

    /// Counts the visitors of some tallies, oldest first; not those of tallies that were counted
    /// before. Returns the number of new views of each day, with the time of the day's last one.
    pub fn count_tallies<'a>(
        &mut self,
        tallies: impl IntoIterator<Item = Visits<'a>>,
    ) -> Vec<(Timestamp, u64)> {
        let until = self.counted_until.clone();
        let is_new = |visits: &Visits<'_>| until.as_deref().is_none_or(|last| last < visits.tally);
        let mut tallies: Vec<Visits<'a>> = tallies.into_iter().filter(is_new).collect();
        tallies.sort_by_key(|visits| visits.at);
        let mut views: Vec<(Timestamp, u64)> = Vec::new();
        for Visits { tally, at, visitors } in tallies {
            if self.counted_until.as_deref().is_none_or(|last| last < tally) {
                self.counted_until = Some(tally.to_owned());
            }
            let new = u64::from(self.count(&visitors, at));
            if new == 0 {
                continue;
            }
            match views.last_mut() {
                Some((last, sum)) if last.floor_to(DAY) == at.floor_to(DAY) => {
                    *last = at;
                    *sum += new;
                }
                Some(_) | None => views.push((at, new)),
            }
        }
        views
    }

    /// Counts the visitors who came at `at`. Returns how many are new and within the limits.
    pub fn count(&mut self, came: &BTreeSet<u32>, at: Timestamp) -> u32 {
        let (day, minute) = (at.floor_to(DAY), at.floor_to(MINUTE));
        if day > self.day {
            self.day = day;
            self.seen.clear();
            self.expires_at = day.plus(KEPT).as_secs();
        }
        if minute > self.minute {
            (self.minute, self.in_minute) = (minute, 0);
        }
        let before = self.in_minute;
        for visitor in came {
            let room = self.in_minute < VISITORS_A_MINUTE && self.seen.len() < VISITORS_A_DAY;
            if room && self.seen.insert(*visitor) {
                self.in_minute += 1;
            }
        }
        self.in_minute - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_339_800);
    const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

    #[test]
    fn a_visitor_is_a_network() {
        let check = |ip: &str, expected: Option<&str>| {
            let network = Network::of(ip).map(|it| it.to_string());
            assert_eq!(network.as_deref(), expected, "{ip}");
        };
        check("203.0.113.9", Some("203.0.113.9"));
        check("::ffff:203.0.113.9", Some("203.0.113.9"));
        check("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::/64"));
        check("2001:db8:1:2::1", Some("2001:db8:1:2::/64"));
        check("2001:db8:1:3::1", Some("2001:db8:1:3::/64"));
        check("", None);
        check("unknown", None);
    }

    #[test]
    fn programs_are_not_people() {
        let check = |agent: Option<&str>, purpose: Option<&str>, expected: bool| {
            assert_eq!(is_person(agent, purpose), expected, "{agent:?} {purpose:?}");
        };
        check(Some(BROWSER), None, true);
        check(Some("Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG 9) Chrome/130.0"), None, true);
        for purpose in ["prefetch", "prefetch;prerender", "Prefetch"] {
            check(Some(BROWSER), Some(purpose), false);
        }
        for agent in [
            "",
            " ",
            "curl/8.5.0",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "facebookexternalhit/1.1",
            "WhatsApp/2.23.20.0",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5",
            "python-requests/2.32",
            "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/130.0.0.0",
            "Go-http-client/2.0",
        ] {
            check(Some(agent), None, false);
        }
        check(None, None, false);
    }

    #[test]
    fn a_visitor_counts_once_a_day_and_a_minute_has_a_limit() {
        let listing = ListingId::new(NOW, 1);
        let mut visitors = Visitors::none(listing.clone());
        let of = |range: std::ops::Range<u32>| range.collect::<BTreeSet<u32>>();
        assert_eq!(visitors.count(&of(0..10), NOW), 10);
        assert_eq!(visitors.count(&of(5..15), NOW), 5, "the others came before");
        assert_eq!(visitors.count(&of(100..400), NOW), VISITORS_A_MINUTE - 15);
        assert_eq!(visitors.count(&of(400..410), NOW), 0, "the minute is full");
        assert_eq!(visitors.count(&of(400..410), NOW.plus(MINUTE)), 10);
        assert_eq!(visitors.count(&of(900..905), NOW), 5, "one who is late counts in this minute");
        assert_eq!(visitors.count(&of(0..10), NOW.plus(DAY)), 10, "another day");
        let mut at = NOW.plus(DAY.saturating_mul(2));
        let mut counted = 0;
        for n in 0..200 {
            counted += visitors.count(&of(n * 60..(n + 1) * 60), at);
            at = at.plus(Duration::from_secs(60));
        }
        assert_eq!(usize::try_from(counted), Ok(VISITORS_A_DAY));
        let network = Network::of("203.0.113.9").unwrap();
        let visitor = |listing, at| network.visitor(listing, at);
        assert_eq!(visitor(&listing, NOW), visitor(&listing, NOW.plus(MINUTE)));
        assert_ne!(visitor(&listing, NOW), visitor(&listing, NOW.plus(DAY)));
        assert_ne!(visitor(&listing, NOW), visitor(&ListingId::new(NOW, 2), NOW));
    }

    #[test]
    fn a_tally_counts_once_whenever_it_is_read_again() {
        let mut visitors = Visitors::none(ListingId::new(NOW, 1));
        let at = |minutes: u32| NOW.plus(MINUTE * minutes);
        let came = |tally: &'static str, minutes: u32, visitors: std::ops::Range<u32>| Visits {
            tally,
            at: at(minutes),
            visitors: visitors.collect(),
        };
        let first = [came("a", 0, 0..10), came("b", 1, 5..15)];
        assert_eq!(visitors.count_tallies(first.clone()), [(at(1), 15)]);
        assert_eq!(visitors.counted_until.as_deref(), Some("b"));
        assert!(visitors.count_tallies(first.clone()).is_empty(), "the same page again");

        // A page of a later run that repeats a part of the first.
        let [_, second] = first;
        let later = [second, came("c", 2, 10..20)];
        assert_eq!(visitors.count_tallies(later.clone()), [(at(2), 5)]);
        let before = visitors.clone();
        assert!(visitors.count_tallies(later).is_empty());
        assert!(visitors.count_tallies([came("b", 1, 50..60)]).is_empty(), "it is late");
        assert_eq!(visitors, before);
    }

    /// Refused by the limit of its minute, a visitor is not let in when the tally is read again a
    /// minute later.
    #[test]
    fn a_tally_that_is_read_again_is_refused_again() {
        let mut visitors = Visitors::none(ListingId::new(NOW, 1));
        let full = Visits { tally: "1", at: NOW, visitors: (0..100).collect() };
        let limit = u64::from(VISITORS_A_MINUTE);
        assert_eq!(visitors.count_tallies([full.clone()]), [(NOW, limit)]);
        let next = NOW.plus(MINUTE);
        let other = Visits { tally: "2", at: next, visitors: BTreeSet::from([900]) };
        assert_eq!(visitors.count_tallies([full, other]), [(next, 1)]);
    }

    #[test]
    fn views_are_of_the_day_on_which_they_came() {
        let mut visitors = Visitors::none(ListingId::new(NOW, 1));
        let midnight = NOW.floor_to(DAY).plus(DAY);
        let second = Duration::from_secs(1);
        let (before, after) = (midnight.minus(second), midnight.plus(second));
        let came = |tally, at| Visits { tally, at, visitors: BTreeSet::from([1, 2]) };
        // What was put aside has a later name and its old time.
        let page = [came("1", before), came("2", after), came("3", before)];
        assert_eq!(visitors.count_tallies(page), [(before, 2), (after, 2)]);
        assert_eq!(visitors.counted_until.as_deref(), Some("3"));
        assert_eq!(visitors.day, midnight);
    }
}
