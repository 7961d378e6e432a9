//! A listing as it is searched, and a newer state of one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A published listing, with all that is searched, filtered, sorted and shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    /// The listing's id, `lst_` and a ULID.
    pub id: String,
    /// The listing's version: of two states of one listing the higher is true.
    pub seq: u64,
    /// Searched first.
    pub title: String,
    /// Searched last.
    pub description: String,
    /// Searched second, and filtered by as wholes.
    pub tags: Vec<String>,
    /// Filtered by.
    pub creator_id: String,
    /// Searched third.
    pub creator_name: String,
    /// What is sold, such as `preset`; filtered by and counted.
    pub kind: String,
    /// Its shelf; filtered by and counted.
    pub category: String,
    /// In cents; 0 is free.
    pub price: u64,
    /// Mean rating in hundredths of a star; `None` before the first.
    pub rating: Option<u16>,
    /// How many ratings that is the mean of.
    pub ratings: u32,
    /// How many were sold.
    pub sales: u64,
    /// When it was first published, in milliseconds since 1970.
    pub published_at: i64,
    /// What a result shows, as JSON that this crate hands back unread.
    pub card: String,
}

/// A newer state of one listing.
///
/// Changes may come twice and in any order: one whose `seq` is not above what is known of its
/// listing is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly all changes are the large one")]
pub enum Change {
    /// It is on the market, and this is how.
    Listed(Document),
    /// It is not on the market any more.
    Unlisted {
        /// The listing's id.
        id: String,
        /// The listing's version when it was taken off.
        seq: u64,
    },
}

impl Change {
    /// Of which listing.
    pub fn id(&self) -> &str {
        match self {
            Change::Listed(document) => &document.id,
            Change::Unlisted { id, .. } => id,
        }
    }

    /// The listing's version after it.
    pub fn seq(&self) -> u64 {
        match self {
            Change::Listed(document) => document.seq,
            Change::Unlisted { seq, .. } => *seq,
        }
    }
}

/// The newest state of every listing, in the order of their keys.
///
/// Two different states with one `seq` should not be; the greater is taken, so that the order in
/// which they came does not matter.
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

/// A listing's id as a number that sorts by the time of its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) u128);

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Key {
    /// The ULID behind `lst_` where it is one in its canonical spelling; else a hash of the id, so
    /// that every id has a key and no two have the same.
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

/// Twenty-six digits of five bits: two more than there are, so the first is at most 7.
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
