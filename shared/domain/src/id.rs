//! Ids.
//!
//! Our own ids are a prefix for the type followed by a ULID: 48 bits of time and 80 bits of
//! randomness, so that ids sort by creation. Randomness is an argument here, like the time. A
//! user's id is the issuer's subject, unchanged.

use serde::Serialize;
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::time::Timestamp;

/// Text that is not an id of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidId {
    /// What was expected, for the error message.
    pub expected: &'static str,
}

/// What all ids have in common: access to their text, and deserialization through `parse`.
macro_rules! as_text {
    ($name:ident) => {
        impl $name {
            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(from)?;
                $name::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use as_text;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The prefix of these ids.
            pub const PREFIX: &'static str = $prefix;

            /// A new id from the time and 80 bits of randomness (higher bits are dropped).
            pub fn new(now: Timestamp, random: u128) -> $name {
                $name(format!("{}{}", $prefix, ulid_at(now, random)))
            }

            /// # Errors
            /// When `text` is not the prefix followed by a ULID in upper case.
            pub fn parse(text: &str) -> Result<$name, InvalidId> {
                let expected = concat!("an id such as ", $prefix, "01JD0000000000000000000000");
                match text.strip_prefix($prefix).map(|rest| (rest, Ulid::from_string(rest))) {
                    Some((rest, Ok(ulid))) if ulid.to_string() == rest => {
                        Ok($name(text.to_owned()))
                    }
                    Some(_) | None => Err(InvalidId { expected }),
                }
            }
        }

        as_text!($name);

        crate::scalar_schema!($name {
            "type": "string",
            "description": concat!("An id: `", $prefix, "` and a ULID."),
            "pattern": concat!("^", $prefix, "[0-7][0-9A-HJKMNP-TV-Z]{25}$"),
            "examples": [concat!($prefix, "01JD0000000000000000000000")],
        });
    )*};
}

ids! {
    /// A generation job.
    JobId = "gen_";
    /// A member's own preset.
    PresetId = "pre_";
    /// An API key.
    ApiKeyId = "key_";
    /// An order for a pack of credits.
    OrderId = "ord_";
    /// A checkout of a plan or of a pack.
    CheckoutId = "chk_";
    /// An invoice or a receipt. Derived from its date and a digest of its document, so that the
    /// same document always has the same id.
    InvoiceId = "inv_";
    /// A listing of the marketplace.
    ListingId = "lst_";
    /// An upload of a file to a listing.
    UploadId = "upl_";
    /// A purchase of a listing.
    PurchaseId = "pur_";
    /// A buyer's review of a listing.
    ReviewId = "rev_";
    /// A payout to a creator.
    PayoutId = "pay_";
    /// A member's appeal. Derived from the decision, so that each is appealed once.
    AppealId = "apl_";
    /// A creator's public id.
    CreatorId = "cre_";
    /// A member's webhook.
    WebhookId = "whk_";
    /// An event that webhooks are sent for. Derived from the change that states it, so that the
    /// same change always has the same id.
    WebhookEventId = "evt_";
}

/// An id with the name by which people know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Named{I}"))]
pub struct Named<I> {
    /// The id.
    pub id: I,
    /// A member's display name, a listing's title or a preset's name; `null` if there is none, or
    /// it was deleted.
    pub name: Option<String>,
}

/// The one of `shards` parts, numbered from 0, that `id` belongs to for good: ids are spread evenly.
pub fn shard_in(id: &str, shards: u8) -> u8 {
    let [first, ..] = <[u8; 32]>::from(Sha256::digest(id));
    first % shards
}

fn ulid_at(now: Timestamp, random: u128) -> Ulid {
    Ulid::from_parts(u64::try_from(now.as_millis()).unwrap_or(0), random)
}

impl CreatorId {
    /// The public id of the member `user`: derived from a digest, always the same. The issuer's
    /// subject, which may be an address, cannot be read from it.
    pub fn of(user: &UserId) -> CreatorId {
        let digest: [u8; 32] = Sha256::digest(format!("creator {user}")).into();
        let (head, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        CreatorId(format!("{}{}", CreatorId::PREFIX, Ulid(u128::from_be_bytes(*head))))
    }
}

impl InvoiceId {
    /// The id of the receipt of a purchase: of the same time and randomness.
    pub fn of_purchase(purchase: &PurchaseId) -> InvoiceId {
        let ulid = purchase.as_str().trim_start_matches(PurchaseId::PREFIX);
        InvoiceId(format!("{}{ulid}", InvoiceId::PREFIX))
    }

    /// The purchase of which this is the receipt, if it is one of a purchase.
    pub fn as_purchase(&self) -> PurchaseId {
        let ulid = self.as_str().trim_start_matches(InvoiceId::PREFIX);
        PurchaseId(format!("{}{ulid}", PurchaseId::PREFIX))
    }
}

impl CheckoutId {
    /// The id of an order's checkout: with the ULID of the order.
    pub fn of(order: &OrderId) -> CheckoutId {
        CheckoutId(order.0.replacen(OrderId::PREFIX, CheckoutId::PREFIX, 1))
    }

    /// The order whose checkout would have this id.
    pub fn order(&self) -> OrderId {
        OrderId(self.0.replacen(CheckoutId::PREFIX, OrderId::PREFIX, 1))
    }
}

impl JobId {
    /// The smallest possible job id at `time`: the bound of a range by age.
    pub fn lower_bound(time: Timestamp) -> JobId {
        JobId::new(time, 0)
    }
}

/// A user: the `sub` of their token, as the issuer spells it.
///
/// At most 128 visible ASCII characters without `#`, `/` and `\`, so that it can be part of table
/// keys and object names. Clerk, Supabase, Cognito and Auth0 (`auth0|…`) subjects all fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserId(String);

impl UserId {
    /// Longest accepted subject, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// # Errors
    /// When the subject is empty, too long, or has a character that is not allowed in a key.
    pub fn parse(text: &str) -> Result<UserId, InvalidId> {
        let fits = (1..=UserId::MAX_BYTES).contains(&text.len());
        let safe = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'/' | b'\\'));
        match fits && safe && !matches!(text, "." | "..") {
            true => Ok(UserId(text.to_owned())),
            false => Err(InvalidId { expected: "a subject of 1 to 128 plain characters" }),
        }
    }
}

as_text!(UserId);
crate::scalar_schema!(UserId {
    "type": "string",
    "description": "A member's id: the subject that their issuer names them by.",
    "minLength": 1,
    "examples": ["user_kim"],
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creator_has_one_public_id_that_reveals_nothing() {
        let id = |user: &str| CreatorId::of(&UserId::parse(user).unwrap());
        let kim = id("kim@prolight.test");
        assert_eq!(kim, id("kim@prolight.test"));
        assert_eq!(CreatorId::parse(kim.as_str()).unwrap(), kim);
        assert_ne!(kim, id("kim@prolight.tesu"));
        assert!(!kim.as_str().contains("kim"));
    }

    #[test]
    fn ids_sort_by_time_and_round_trip() {
        let early = JobId::new(Timestamp::from_secs(1_700_000_000), u128::MAX);
        let late = JobId::new(Timestamp::from_secs(1_700_000_001), 0);
        assert!(early < late);
        assert_eq!(JobId::parse(early.as_str()).unwrap(), early);
        assert!(JobId::lower_bound(Timestamp::from_secs(1_700_000_000)) < early);
    }

    #[test]
    fn the_checkout_of_an_order_leads_to_it() {
        let order = OrderId::new(Timestamp::from_secs(1_700_000_000), 7);
        let checkout = CheckoutId::of(&order);
        assert_eq!(CheckoutId::parse(checkout.as_str()).unwrap(), checkout);
        assert_eq!(checkout.order(), order);
    }

    #[test]
    fn only_our_own_spelling_is_an_id() {
        let good = JobId::new(Timestamp::from_secs(1_700_000_000), 7).to_string();
        for bad in ["", "gen_", "gen_1", &good.to_lowercase(), &good[4..], &format!("{good}0")] {
            assert!(JobId::parse(bad).is_err(), "{bad}");
        }
        assert!(PresetId::parse(&good).is_err());
    }

    #[test]
    fn a_subject_must_fit_into_a_key() {
        for good in ["user_2abc", "auth0|65f", "b4c0e1f2-0000-4000-8000-000000000000"] {
            assert!(UserId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a#b", "a/b", "a b", "ä", &"x".repeat(129)] {
            assert!(UserId::parse(bad).is_err(), "{bad}");
        }
    }
}
