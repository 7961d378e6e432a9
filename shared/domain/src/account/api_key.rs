//! API keys: how a program calls in a member's name.
//!
//! A key is `plk_`, 22 base62 digits of randomness and 6 of their checksum (CRC-32). So a key that
//! is mistyped or that leaked is recognised by its text alone, as with GitHub's tokens:
//! <https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>
//!
//! It is shown once, when it is created, and only its SHA-256 is stored. The randomness is 128 bits,
//! so a plain hash cannot be searched.

use std::{collections::BTreeSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strum::{EnumString, IntoStaticStr};

use super::{AccountError, AccountUpdate};
use crate::{
    error::{FieldCheck, InvalidFields},
    id::{ApiKeyId, UserId},
    text,
    time::Timestamp,
};

/// Most keys of one member.
pub const KEYS_MAX: u32 = 20;
/// Longest name of a key, in characters.
pub const KEY_NAME_CHARS_MAX: usize = 80;
/// How often the use of a key is recorded.
pub const USE_RECORDED_EVERY: Duration = Duration::from_secs(60 * 60);

const RANDOM_DIGITS: usize = 22;
const CHECKSUM_DIGITS: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a key may do in its member's name. It never has a staff role.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumString,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Scope {
    /// Make images, structure prompts and keep presets.
    Generate,
    /// Read what the member may read.
    Read,
    /// Offer listings: their texts, files and pictures.
    Sell,
}

/// A key as its member holds it. `Debug` masks it, and it is never serialized.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret(String);

impl KeySecret {
    /// What every key begins with. No other token does.
    pub const PREFIX: &'static str = "plk_";

    /// The key of 128 random bits.
    pub fn new(random: u128) -> KeySecret {
        let digits = base62(random, RANDOM_DIGITS);
        KeySecret(format!("{}{digits}{}", KeySecret::PREFIX, checksum(&digits)))
    }

    /// The key that `text` is; `None` if its form or its checksum is wrong.
    pub fn parse(text: &str) -> Option<KeySecret> {
        let digits = text.strip_prefix(KeySecret::PREFIX)?;
        let (random, sum) = digits.split_at_checked(RANDOM_DIGITS)?;
        let is_base62 = random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_base62 && sum == checksum(random)).then(|| KeySecret(text.to_owned()))
    }

    /// The key itself, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(hex::encode(Sha256::digest(&self.0)))
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret(***)")
    }
}

/// The SHA-256 of a key, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyDigest(String);

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key of a member, without the key itself. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id; ids sort by time.
    pub id: ApiKeyId,
    /// The member.
    pub user_id: UserId,
    /// What the member calls it.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// What is stored of the key itself.
    pub secret_digest: KeyDigest,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it stops working; `None` if only its deletion stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

impl ApiKey {
    /// Validates and creates the key that `secret` is.
    ///
    /// # Errors
    /// All invalid fields.
    pub fn issue(
        (id, user_id, secret): (ApiKeyId, UserId, &KeySecret),
        name: String,
        scopes: BTreeSet<Scope>,
        ends_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<ApiKey, InvalidFields> {
        let mut check = FieldCheck::new();
        let fits = text::length(&name) <= KEY_NAME_CHARS_MAX;
        check.require(fits && text::is_line(&name), "/name", "name", || {
            format!("one line of 1 to {KEY_NAME_CHARS_MAX} visible characters")
        });
        check.require(!scopes.is_empty(), "/scopes", "empty", || "at least one scope".to_owned());
        check.require(ends_at.is_none_or(|end| end > now), "/expires_at", "past", || {
            "a time to come".to_owned()
        });
        check.finish()?;
        let secret_digest = secret.digest();
        Ok(ApiKey { id, user_id, name, scopes, secret_digest, created_at: now, ends_at })
    }

    /// What a call with the key finds.
    pub fn access(&self) -> KeyAccess {
        KeyAccess {
            key_id: self.id.clone(),
            user_id: self.user_id.clone(),
            scopes: self.scopes.clone(),
            ends_at: self.ends_at,
            last_used_at: None,
        }
    }
}

/// What the digest of a key leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAccess {
    /// The key.
    pub key_id: ApiKeyId,
    /// Its member.
    pub user_id: UserId,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When it stops working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// When it was last used, to [`USE_RECORDED_EVERY`]; `None` if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

impl KeyAccess {
    /// Whether it works at `now`.
    pub fn works(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    /// Whether a use at `now` is to be recorded.
    pub fn records_use(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| last.until(now) >= USE_RECORDED_EVERY)
    }

    /// What a call with it carries.
    pub fn grant(&self) -> KeyGrant {
        KeyGrant { key_id: self.key_id.clone(), scopes: self.scopes.clone() }
    }
}

/// The key of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGrant {
    /// The key.
    pub key_id: ApiKeyId,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
}

impl AccountUpdate {
    /// Counts one more API key.
    ///
    /// # Errors
    /// When the member is suspended or has [`KEYS_MAX`] keys.
    pub fn add_api_key(&mut self) -> Result<(), AccountError> {
        self.require_active()?;
        if self.account.api_keys >= KEYS_MAX {
            return Err(AccountError::TooManyKeys);
        }
        self.account.api_keys += 1;
        Ok(())
    }

    /// Counts one API key less. A suspended member may also withdraw one.
    pub fn drop_api_key(&mut self) {
        self.account.api_keys = self.account.api_keys.saturating_sub(1);
    }
}

fn checksum(digits: &str) -> String {
    base62(u128::from(crc32(digits.as_bytes())), CHECKSUM_DIGITS)
}

/// CRC-32 as in zlib and PNG: reflected, with the polynomial 0x04C11DB7.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shift))
}

/// `number` in base 62, with zeros in front up to `width` digits.
fn base62(mut number: u128, width: usize) -> String {
    let mut digits = vec![DIGITS[0]; width];
    for place in digits.iter_mut().rev() {
        *place = usize::try_from(number % 62).map_or(DIGITS[0], |digit| DIGITS[digit]);
        number /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn the_checksum_is_zlibs() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(base62(u128::from(u32::MAX), CHECKSUM_DIGITS), "4gfFC3");
    }

    #[test]
    fn a_key_has_one_form_whatever_its_randomness() {
        for random in [0, 1, 61, 62, u128::MAX / 3, u128::MAX] {
            let key = KeySecret::new(random);
            assert_eq!(key.expose().len(), 32, "{}", key.expose());
            assert_eq!(KeySecret::parse(key.expose()), Some(key.clone()));
            assert_eq!(key.digest().to_string().len(), 64);
        }
        assert_eq!(KeySecret::new(0).expose(), "plk_00000000000000000000002tfPFA");
        assert_ne!(KeySecret::new(1).digest(), KeySecret::new(2).digest());
        assert_eq!(format!("{:?}", KeySecret::new(7)), "KeySecret(***)");
    }

    #[test]
    fn a_mistyped_key_is_recognised_without_a_lookup() {
        let key = KeySecret::new(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let good = key.expose();
        for place in 4..good.len() {
            let mut typed: Vec<char> = good.chars().collect();
            typed[place] = if typed[place] == 'x' { 'y' } else { 'x' };
            let typed: String = typed.into_iter().collect();
            assert_eq!(KeySecret::parse(&typed), None, "{typed}");
        }
        for text in ["", "plk_", &good[..31], &good[4..], &format!("{good}0"), "plk_ünicode"] {
            assert_eq!(KeySecret::parse(text), None, "{text}");
        }
        assert_eq!(KeySecret::parse(&good.replace("plk_", "PLK_")), None);
    }

    fn issued(
        name: &str,
        scopes: &[Scope],
        ends_at: Option<Timestamp>,
    ) -> Result<ApiKey, InvalidFields> {
        let (secret, user) = (KeySecret::new(1), UserId::parse("user_kim").unwrap());
        let scopes = scopes.iter().copied().collect();
        ApiKey::issue((ApiKeyId::new(NOW, 1), user, &secret), name.to_owned(), scopes, ends_at, NOW)
    }

    #[test]
    fn a_key_has_a_name_a_scope_and_a_future() {
        let check = |name: &str, scopes: &[Scope], ends_at, expected: &[&str]| {
            let fields = issued(name, scopes, ends_at).err().map_or(Vec::new(), |it| it.0);
            let found: Vec<String> =
                fields.iter().map(|field| format!("{} {}", field.pointer, field.code)).collect();
            assert_eq!(found, expected, "{name:?}");
        };
        let later = Some(NOW.plus(Duration::from_secs(1)));
        check("Nightly", &[Scope::Read], None, &[]);
        check(&"ü".repeat(80), &[Scope::Read, Scope::Sell], later, &[]);
        check("", &[Scope::Read], None, &["/name name"]);
        check(&"x".repeat(81), &[Scope::Read], None, &["/name name"]);
        check("two\nlines", &[], Some(NOW), &["/name name", "/scopes empty", "/expires_at past"]);
    }

    #[test]
    fn a_key_works_until_it_ends_and_its_use_is_recorded_once_an_hour() {
        let second = Duration::from_secs(1);
        let end = NOW.plus(second);
        let access = issued("Nightly", &[Scope::Read], Some(end)).unwrap().access();
        assert!(access.works(NOW) && !access.works(end));
        assert!(issued("Nightly", &[Scope::Read], None).unwrap().access().works(end));
        assert!(access.records_use(NOW));
        let used = KeyAccess { last_used_at: Some(NOW), ..access };
        assert!(!used.records_use(NOW.plus(USE_RECORDED_EVERY - second)));
        assert!(used.records_use(NOW.plus(USE_RECORDED_EVERY)));
    }

    #[test]
    fn a_member_has_at_most_twenty_keys() {
        let user = UserId::parse("user_kim").unwrap();
        let mut update = Account::open(user, NOW).begin_update(NOW).unwrap();
        for _ in 0..KEYS_MAX {
            update.add_api_key().unwrap();
        }
        assert_eq!(update.add_api_key(), Err(AccountError::TooManyKeys));
        update.drop_api_key();
        assert_eq!(update.add_api_key(), Ok(()));
    }
}
