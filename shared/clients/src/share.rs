//! Codes of share links, and tokens of the clicks on them.
//!
//! Both are signed, so that a forged one is refused before any lookup: 24 bits of a code are its
//! check, against noise, and 47 bits of a token, against a false claim to a buyer. Everything is
//! base62 text (and dots), which fits in a link or a cookie unescaped.

use connect::{Aws, Connect, Environment, InitError};
use domain::{
    Timestamp,
    id::{ListingId, UserId},
    marketplace::community::visitor::Network,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::secrets::{self, Secret, ShareSecret};

const SHARE_SECRET_ARN: &str = "SHARE_SECRET_ARN";

/// Characters of a code.
pub const CODE_CHARS: usize = STEM_CHARS + CHECK_CHARS;

/// Characters of a code that identify sharer and listing.
const STEM_CHARS: usize = 9;
/// Characters of a code that are its keyed check.
const CHECK_CHARS: usize = 4;
/// Characters of a token's signature.
const SIGNATURE_CHARS: usize = 8;
const VISITOR_CHARS: usize = 16;
/// The digits of every base up to 62.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The block size of HMAC-SHA256.
const BLOCK_BYTES: usize = 64;
const MINUTE_S: i64 = 60;

/// Creates and verifies codes and tokens. Nothing is looked up: the text and the key are enough.
#[derive(Debug, Clone)]
pub struct ShareLinks {
    signing: Secret,
    /// During a rotation, the previous key, whose signatures stay valid.
    previous: Option<Secret>,
}

impl Connect for ShareLinks {
    fn variables() -> Vec<&'static str> {
        vec![SHARE_SECRET_ARN]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<ShareLinks, InitError> {
        let arn = env.text(SHARE_SECRET_ARN)?;
        secrets::read(aws, arn, "the share link secret").await.map(ShareLinks::new)
    }
}

impl ShareLinks {
    /// Signs with the current key; also accepts signatures of the previous one.
    pub fn new(secret: ShareSecret) -> ShareLinks {
        let ShareSecret { signing_key: signing, previous_signing_key: previous } = secret;
        ShareLinks { signing, previous }
    }

    /// The code with which `sharer` shares `listing`: [`CODE_CHARS`] characters of base62, the same
    /// as long as the key is.
    pub fn code(&self, sharer: &UserId, listing: &ListingId) -> String {
        let parts = ["share", sharer.as_str(), listing.as_str()];
        let stem = base62(mac(&self.signing, &parts), STEM_CHARS);
        let check = check_of(&self.signing, &stem);
        stem + &check
    }

    /// Whether a code is genuine. Takes constant time.
    pub fn is_ours(&self, code: &str) -> bool {
        let fits = code.len() == CODE_CHARS && code.bytes().all(|b| b.is_ascii_alphanumeric());
        let Some((stem, check)) = code.split_at_checked(STEM_CHARS).filter(|_| fits) else {
            return false;
        };
        self.any_key(|key| self.is_same(check, &check_of(key, stem)))
    }

    /// The token of a click on `code` at `now`: `<code>.<minutes>.<signature>`, the minutes since
    /// 1970 in base36. The caller checks the code first.
    pub fn click(&self, code: &str, now: Timestamp) -> String {
        let minutes = u128::try_from(now.as_secs() / MINUTE_S).unwrap_or_default();
        let signed = format!("{code}.{}", base36(minutes));
        let signature = signature_of(&self.signing, &signed);
        format!("{signed}.{signature}")
    }

    /// The code and the time of a click, to the minute; `None` for a forged token.
    pub fn read_click(&self, token: &str) -> Option<(String, Timestamp)> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (code, minutes) = signed.rsplit_once('.')?;
        if !self.any_key(|key| self.is_same(signature, &signature_of(key, signed))) {
            return None;
        }
        let secs = i64::from_str_radix(minutes, 36).ok()?.checked_mul(MINUTE_S)?;
        Some((code.to_owned(), Timestamp::from_secs(secs)))
    }

    /// An id of a visitor from this network on `day` (as `2026-11-22`): 16 characters of base62. It
    /// only tells apart the visitors of one day: it changes every day, and without the key the
    /// address cannot be derived from it.
    pub fn visitor(&self, network: &Network, day: &str) -> String {
        base62(mac(&self.signing, &["visitor", day, &network.to_string()]), VISITOR_CHARS)
    }

    /// Whether `is_it` holds for any key that may have signed. All keys are tried.
    fn any_key(&self, is_it: impl Fn(&Secret) -> bool) -> bool {
        let keys = std::iter::once(&self.signing).chain(&self.previous);
        keys.fold(false, |found, key| found | is_it(key))
    }

    /// Compares by MACs, so that the time taken reveals nothing about either.
    fn is_same(&self, given: &str, expected: &str) -> bool {
        let blinded = |text| mac(&self.signing, &["same", text]).finalize();
        blinded(given) == blinded(expected)
    }
}

fn check_of(key: &Secret, stem: &str) -> String {
    base62(mac(key, &["code", stem]), CHECK_CHARS)
}

fn signature_of(key: &Secret, signed: &str) -> String {
    base62(mac(key, &["click", signed]), SIGNATURE_CHARS)
}

/// An HMAC-SHA256 over lines. The first names the purpose; only the last may contain a line break.
/// The key is the secret's digest, which fits a block whatever the secret's length.
fn mac(secret: &Secret, lines: &[&str]) -> Hmac<Sha256> {
    let digest = Sha256::digest(secret.expose());
    let mut block = [0; BLOCK_BYTES];
    block.iter_mut().zip(digest).for_each(|(byte, digit)| *byte = digit);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(lines.join("\n").as_bytes());
    mac
}

/// The first `chars` base62 digits of a MAC's first 128 bits.
fn base62(mac: Hmac<Sha256>, chars: usize) -> String {
    let bytes = mac.finalize().into_bytes();
    let first = bytes.iter().take(16).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    digits(first, 62).take(chars).collect()
}

/// A number without leading zeros.
fn base36(number: u128) -> String {
    let above_the_last = number.checked_ilog(36).and_then(|log| usize::try_from(log).ok());
    let digits: Vec<char> = digits(number, 36).take(1 + above_the_last.unwrap_or(0)).collect();
    digits.into_iter().rev().collect()
}

/// The digits of a number in a base of up to 62, least significant first, padded with zeros.
fn digits(mut number: u128, base: u128) -> impl Iterator<Item = char> {
    std::iter::repeat_with(move || {
        let digit = usize::try_from(number % base).ok().and_then(|digit| DIGITS.get(digit));
        number /= base;
        digit.copied().map_or('0', char::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_339_859);

    fn links(signing: &str, previous: Option<&str>) -> ShareLinks {
        ShareLinks::new(ShareSecret {
            signing_key: Secret::new(signing),
            previous_signing_key: previous.map(Secret::new),
        })
    }

    fn ours() -> ShareLinks {
        links("key-1", None)
    }

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn listing(nth: u128) -> ListingId {
        ListingId::new(Timestamp::from_secs(1_795_000_000), nth)
    }

    fn code() -> String {
        ours().code(&user("user_1"), &listing(1))
    }

    /// `text` with each character in turn changed, removed or doubled.
    fn tampered(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        for (at, letter) in text.char_indices() {
            let (before, after) = (&text[..at], &text[at + 1..]);
            let others = "0aZ.é".chars().chain(letter.to_lowercase()).chain(letter.to_uppercase());
            let others = others.filter(|other| *other != letter);
            all.extend(others.map(|other| format!("{before}{other}{after}")));
            all.push(format!("{before}{after}"));
            all.push(format!("{before}{letter}{letter}{after}"));
        }
        all
    }

    #[test]
    fn a_code_is_the_same_for_the_same_member_and_listing_only() {
        assert_eq!(code(), code());
        assert_eq!(code().len(), CODE_CHARS);
        assert!(code().bytes().all(|b| b.is_ascii_alphanumeric()), "{}", code());
        let others = [
            ours().code(&user("user_2"), &listing(1)),
            ours().code(&user("user_1"), &listing(2)),
            links("key-2", None).code(&user("user_1"), &listing(1)),
        ];
        assert!(others.iter().all(|other| other[..STEM_CHARS] != code()[..STEM_CHARS]));
    }

    /// Links are printed and posted: their format must not change by accident.
    #[test]
    fn codes_and_tokens_stay_what_they_are() {
        let click = ours().click(&code(), NOW);
        let network = Network::of("203.0.113.9").unwrap();
        let visitor = ours().visitor(&network, "2026-11-22");
        assert_eq!(code(), "LbMKyuat3E50i");
        assert_eq!(click, "LbMKyuat3E50i.HTC7U.bDeK6oI3");
        assert_eq!(visitor, "i6sLoV1BIjwUWyWm");
    }

    #[test]
    fn an_invented_code_is_refused() {
        assert!(ours().is_ours(&code()));
        for other in tampered(&code()) {
            assert!(!ours().is_ours(&other), "{other}");
        }
        let foreign = links("key-2", None).code(&user("user_1"), &listing(1));
        for other in ["", "0", "0000000000000", "éééééééé", &foreign, &format!("{} ", code())]
        {
            assert!(!ours().is_ours(other), "{other}");
        }
    }

    #[test]
    fn a_click_says_which_code_was_followed_and_when() {
        let check = |secs: i64, read_s: i64| {
            let token = ours().click(&code(), Timestamp::from_secs(secs));
            let read = ours().read_click(&token);
            assert_eq!(read, Some((code(), Timestamp::from_secs(read_s))), "{token}");
        };
        check(0, 0);
        check(59, 0);
        check(35 * 60, 35 * 60);
        check(36 * 60, 36 * 60);
        check(NOW.as_secs(), 1_795_339_800);
        check(-60, 0);
    }

    #[test]
    fn a_tampered_or_foreign_click_is_none() {
        let token = ours().click(&code(), NOW);
        for other in tampered(&token) {
            assert_eq!(ours().read_click(&other), None, "{other}");
        }
        let foreign = links("key-2", None).click(&code(), NOW);
        let later = ours().click(&code(), NOW.plus(std::time::Duration::from_secs(60)));
        let (_, signature) = token.rsplit_once('.').unwrap();
        let (signed, _) = later.rsplit_once('.').unwrap();
        let moved = format!("{signed}.{signature}");
        // The check of a code is not the signature of a click, nor the other way around.
        let check = format!("{}.{}", &token[..STEM_CHARS], &token[STEM_CHARS..]);
        for other in ["", ".", "..", "a.b", &code(), &foreign, &moved, &check] {
            assert_eq!(ours().read_click(other), None, "{other}");
        }
    }

    #[test]
    fn during_a_rotation_both_keys_are_accepted_and_the_new_one_signs() {
        let (old, new) = (ours(), links("key-2", None));
        let rotating = links("key-2", Some("key-1"));
        let click = old.click(&code(), NOW);
        assert!(rotating.is_ours(&code()) && rotating.read_click(&click).is_some());
        assert!(!new.is_ours(&code()) && new.read_click(&click).is_none());

        let signed = rotating.code(&user("user_1"), &listing(1));
        assert_eq!(signed, new.code(&user("user_1"), &listing(1)));
        assert_eq!(rotating.click(&signed, NOW), new.click(&signed, NOW));
        assert!(new.is_ours(&signed) && !old.is_ours(&signed));
        // A code must not combine the halves of two keys.
        let mixed = format!("{}{}", &signed[..STEM_CHARS], &code()[STEM_CHARS..]);
        assert!(!rotating.is_ours(&mixed), "{mixed}");
    }

    #[test]
    fn a_visitor_is_the_same_on_the_same_day_only() {
        let network = |ip| Network::of(ip).unwrap();
        let who = |ip, day| ours().visitor(&network(ip), day);
        let first = who("203.0.113.9", "2026-11-22");
        assert_eq!(first, who("203.0.113.9", "2026-11-22"));
        assert!(first.len() == VISITOR_CHARS && first.bytes().all(|b| b.is_ascii_alphanumeric()));
        for other in [
            who("203.0.113.9", "2026-11-23"),
            who("203.0.113.10", "2026-11-22"),
            who("2001:db8::1", "2026-11-22"),
            links("key-2", None).visitor(&network("203.0.113.9"), "2026-11-22"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn keys_are_not_printed() {
        let printed = format!("{:?}", links("hunter2", Some("hunter3")));
        assert!(!printed.contains("hunter"), "{printed}");
    }
}
