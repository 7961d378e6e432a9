//! A searchable listing, and changes of one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A published listing with all fields that are searched, filtered, sorted and shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    /// The listing's id, `lst_` and a ULID.
    pub id: String,
    /// The listing's version: of two states the higher is current.
    pub seq: u64,
    /// Searched with the highest weight.
    pub title: String,
    /// Searched with the lowest weight.
    pub description: String,
    /// Searched with the second weight, and filtered by whole tags.
    pub tags: Vec<String>,
    /// Filtered by.
    pub creator_id: String,
    /// Searched with the third weight.
    pub creator_name: String,
    /// The kind of asset, such as `preset`; filtered by and counted.
    pub kind: String,
    /// The category; filtered by and counted.
    pub category: String,
    /// In cents; 0 is free.
    pub price: u64,
    /// Mean rating in hundredths of a star; `None` before the first.
    pub rating: Option<u16>,
    /// Number of ratings in that mean.
    pub ratings: u32,
    /// Number of sales.
    pub sales: u64,
    /// When it was first published, in milliseconds since 1970.
    pub published_at: i64,
    /// The JSON shown for a result, returned by this crate unparsed.
    pub card: String,
}

/// A newer state of one listing.
///
/// Changes may arrive twice and in any order: one whose `seq` is not above the known one of its
/// listing is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly all changes are the large one")]
pub enum Change {
    /// It is published in this state.
    Listed(Document),
    /// It is no longer published.
    Unlisted {
        /// The listing's id.
        id: String,
        /// The listing's version when it was unlisted.
        seq: u64,
    },
}

impl Change {
    /// The listing's id.
    pub fn id(&self) -> &str {
        match self {
            Change::Listed(document) => &document.id,
            Change::Unlisted { id, .. } => id,
        }
    }

    /// The listing's version after the change.
    pub fn seq(&self) -> u64 {
        match self {
            Change::Listed(document) => document.seq,
            Change::Unlisted { seq, .. } => *seq,
        }
    }
}

/// The newest state of every listing, ordered by key.
///
/// Two different states with the same `seq` should not exist; the greater is used, so that the
/// result does not depend on their order.
pub(crate) fn newest(documents: impl IntoIterator<Item = Document>) -> Vec<Document> {
    let mut newest: BTreeMap<Key, Document> = BTreeMap::new();
    for document in documents {
        match newest.entry(Key::of(&document.id)) {
            Entry::Vacant(place) => {
                place.insert(document);
            }
            Entry::Occupied(mut known) => {
                if (known.get().seq, known.get()) < (document.seq, &document) {
                    known.insert(document);
                }
            }
        }
    }
    newest.into_values().collect()
}

/// A listing's id as a number, ordered by creation time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) u128);

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Key {
    /// The ULID after `lst_` if it has its canonical spelling; else a hash of the id, so that every
    /// id has its own key.
    pub(crate) fn of(id: &str) -> Key {
        id.strip_prefix("lst_").and_then(ulid).map_or_else(|| Key(hashed(id)), Key)
    }

    pub(crate) fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }

    pub(crate) fn from_halves(high: u64, low: u64) -> Key {
        Key(u128::from(high) << 64 | u128::from(low))
    }
}

/// Twenty-six digits of five bits: two bits more than 128, so the first is at most 7.
fn ulid(text: &str) -> Option<u128> {
    let digits = text.as_bytes();
    if digits.len() != 26 || *digits.first()? > b'7' {
        return None;
    }
    digits.iter().try_fold(0_u128, |number, digit| {
        let value = CROCKFORD.iter().position(|known| known == digit)?;
        Some(number << 5 | value as u128)
    })
}

fn hashed(id: &str) -> u128 {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}
