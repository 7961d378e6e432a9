//! The marketplace: listings, purchases, and the money, reviews and moderation that follow.
//!
//! * [`listing`]: a listing's versions, the one on sale, and what it sells;
//! * [`purchase`]: an order, what its payment changes, and refunds;
//! * [`creator`]: the same money on the creator's side, the double-entry ledger and payouts;
//! * [`community`]: reviews, share links, visitors, and totals of a listing;
//! * [`moderation`]: reports of a listing, and who may sell.
//!
//! A purchase pins a version, and a version that was on sale never changes, so a buyer keeps
//! exactly what was bought.

mod audit_entries;
pub mod community;
pub mod creator;
pub mod listing;
pub mod moderation;
pub mod purchase;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// What a listing sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A lens, an aperture and a camera position.
    CameraPreset,
    /// Lights on a backdrop.
    LightingPreset,
    /// A structured prompt with named slots.
    FiboTemplate,
    /// A tailored model.
    ModelFinetune,
}

/// The terms of all listings of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindTerms {
    /// The name on the wire.
    pub name: &'static str,
    /// Lowest price in cents, unless the listing is free.
    pub price_min: u32,
    /// Highest price in cents.
    pub price_max: u32,
}

/// Cents of a dollar.
const CENTS: u32 = 100;

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] =
        [Kind::CameraPreset, Kind::LightingPreset, Kind::FiboTemplate, Kind::ModelFinetune];

    /// The table of kinds.
    pub const fn terms(self) -> KindTerms {
        let (name, least, most) = match self {
            Kind::CameraPreset => ("camera_preset", 2, 5),
            Kind::LightingPreset => ("lighting_preset", 5, 15),
            Kind::FiboTemplate => ("fibo_template", 10, 50),
            Kind::ModelFinetune => ("model_finetune", 100, 2_000),
        };
        KindTerms { name, price_min: least * CENTS, price_max: most * CENTS }
    }

    /// Whether our own renderer can draw a preview of it.
    pub const fn can_be_drawn(self) -> bool {
        match self {
            Kind::CameraPreset | Kind::LightingPreset | Kind::FiboTemplate => true,
            Kind::ModelFinetune => false,
        }
    }
}

/// The subject of a listing.
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
    VariantArray,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Category {
    /// People.
    Portrait,
    /// Goods for sale.
    Product,
    /// Cars.
    Automotive,
    /// Food and drink.
    Food,
    /// Clothes and accessories.
    Fashion,
    /// Buildings and interiors.
    Architecture,
    /// Anything else.
    Other,
}

impl Category {
    /// Every category.
    pub const ALL: &[Category] = Category::VARIANTS;
}

#[cfg(test)]
mod tests;
