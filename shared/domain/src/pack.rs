//! Packs of credits, bought once and without expiry. The only table of them.

use serde::{Deserialize, Serialize};

/// A pack of credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pack {
    /// The smallest pack.
    #[serde(rename = "pack_50")]
    Small,
    /// The medium pack.
    #[serde(rename = "pack_200")]
    Medium,
    /// The largest pack.
    #[serde(rename = "pack_1000")]
    Large,
}

/// A row of the table of packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackTerms {
    /// The pack.
    pub pack: Pack,
    /// The display name.
    pub name: &'static str,
    /// Credits in the pack; one image is one credit.
    pub credits: u32,
    /// Its price in US cents, before tax.
    pub price_cents: u32,
    /// The lookup key of its price at Stripe.
    pub lookup_key: &'static str,
}

impl Pack {
    /// Every pack, smallest first.
    pub const ALL: [Pack; 3] = [Pack::Small, Pack::Medium, Pack::Large];

    /// The pack's terms.
    pub const fn terms(self) -> PackTerms {
        let (name, credits, price_cents, lookup_key) = match self {
            Pack::Small => ("50 credits", 50, 500, "prolight_pack_50"),
            Pack::Medium => ("200 credits", 200, 1800, "prolight_pack_200"),
            Pack::Large => ("1,000 credits", 1000, 8000, "prolight_pack_1000"),
        };
        PackTerms { pack: self, name, credits, price_cents, lookup_key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packs() {
        let check = |pack: Pack, wire: &str, credits: u32, cents: u32| {
            let terms = pack.terms();
            assert_eq!(serde_json::to_value(pack).unwrap(), wire);
            assert_eq!((terms.credits, terms.price_cents), (credits, cents), "{wire}");
            assert!(terms.lookup_key.ends_with(wire));
        };
        check(Pack::Small, "pack_50", 50, 500);
        check(Pack::Medium, "pack_200", 200, 1800);
        check(Pack::Large, "pack_1000", 1000, 8000);
        // Larger packs have a lower price per credit.
        let per_credit = |pack: &Pack| pack.terms().price_cents * 1000 / pack.terms().credits;
        assert!(Pack::ALL.iter().map(per_credit).is_sorted_by(|a, b| a > b));
    }
}
