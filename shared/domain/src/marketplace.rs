//! The marketplace: listings, purchases, and the money, reviews and moderation that follow.
//!
//! * [`content`]: what a listing sells, by its [`Kind`]: a camera, a rig, a prompt with slots, a
//!   model;
//! * [`revision`]: one version of a listing, as its creator describes it;
//! * [`listing`]: a listing's versions, the one on sale, and the transitions between them;
//! * [`model`]: the creator to whom a tailored model belongs;
//! * [`upload`] and [`archive`]: files of a listing, and what they may contain;
//! * [`demo`]: what a visitor may try before buying;
//! * [`lint`] and [`similarity`]: findings for moderators, and how similar two contents are;
//! * [`purchase`] and [`purchase_update`]: an order, and what its payment changes;
//! * [`sale`] and [`journal`]: the same money on the creator's side and in the double-entry ledger;
//! * [`refund`]: refunds; [`payee`] and [`payout`]: to whom and how creators are paid, with an
//!   [`attempt`] at each Stripe request that must happen once;
//! * [`statement`]: a creator's monthly statement;
//! * [`review`], [`flag`], [`share`]: reviews, reports and share links of a listing;
//! * [`strike`]: who may sell; `interest`: conflicts of interest of staff;
//! * [`visitor`]: who counts as a visitor of a listing;
//! * [`listing_stats`]: totals that pages show, updated in the same write; [`card`]: a listing in a
//!   list.
//!
//! A purchase pins a version, and a version that was on sale never changes, so a buyer keeps
//! exactly what was bought.

mod allocation;
pub mod archive;
pub mod attempt;
mod audit_entries;
pub mod card;
pub mod content;
pub mod demo;
pub mod flag;
mod interest;
pub mod journal;
pub mod lint;
pub mod listing;
pub mod listing_stats;
pub mod model;
pub mod payee;
pub mod payout;
pub mod purchase;
pub mod purchase_update;
pub mod refund;
pub mod review;
pub mod revision;
pub mod sale;
pub mod share;
pub mod similarity;
pub mod statement;
pub mod strike;
pub mod upload;
pub mod visitor;

use serde::{Deserialize, Serialize};

/// What a listing sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
            Kind::CameraPreset | Kind::LightingPreset => true,
            Kind::FiboTemplate | Kind::ModelFinetune => false,
        }
    }
}

/// The subject of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    pub const ALL: [Category; 7] = [
        Category::Portrait,
        Category::Product,
        Category::Automotive,
        Category::Food,
        Category::Fashion,
        Category::Architecture,
        Category::Other,
    ];

    /// The name on the wire and in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Category::Portrait => "portrait",
            Category::Product => "product",
            Category::Automotive => "automotive",
            Category::Food => "food",
            Category::Fashion => "fashion",
            Category::Architecture => "architecture",
            Category::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests;
