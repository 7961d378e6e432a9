//! The marketplace: what creators sell, who bought it, and what follows from that.
//!
//! * [`content`]: what a listing sells, by its [`Kind`]: a camera, a rig, a prompt with slots, a model;
//! * [`revision`]: one version of a listing, as its creator describes it;
//! * [`listing`]: which versions there are, which one is on sale, and who may move it where;
//! * [`model`]: which creator a tailored model belongs to;
//! * [`upload`] and [`archive`]: files that come with it, and what may be in them;
//! * [`demo`]: what a visitor may try of it before buying;
//! * [`lint`]: how near two contents are to each other;
//! * [`purchase`] and [`settle`]: an order, and what its payment makes of it;
//! * [`sale`] and [`journal`]: the same money on the creator's side and in the books;
//! * [`refund`]: giving it back; [`payee`] and [`payout`]: to whom and how creators are paid, with
//!   an [`attempt`] at each thing that Stripe does once;
//! * [`statement`]: a month of it, as they are told;
//! * [`review`], [`flag`], [`share`]: what members say of a listing, and how they pass it on;
//! * [`strike`]: who may sell; `interest`: who of the staff does not decide on something;
//! * [`visitor`]: who counts as somebody who looked at a listing;
//! * [`tally`]: the sums that pages show, kept with what they sum; [`card`]: what lists show.
//!
//! A purchase pins a version and a version never changes once it was on sale, so what was bought
//! stays what it was.

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
    /// A lens, an aperture and where the camera stands.
    CameraPreset,
    /// Lights on a backdrop.
    LightingPreset,
    /// A structured prompt with named slots.
    FiboTemplate,
    /// A tailored model.
    ModelFinetune,
}

/// What holds for all listings of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindTerms {
    /// On the wire.
    pub name: &'static str,
    /// Least price in cents, unless it is free.
    pub price_min: u32,
    /// Highest price in cents.
    pub price_max: u32,
}

/// Of a dollar.
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

    /// Whether our own renderer can show it.
    pub const fn can_be_drawn(self) -> bool {
        match self {
            Kind::CameraPreset | Kind::LightingPreset => true,
            Kind::FiboTemplate | Kind::ModelFinetune => false,
        }
    }
}

/// What a listing is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// People.
    Portrait,
    /// Things to be sold.
    Product,
    /// Cars.
    Automotive,
    /// What is eaten.
    Food,
    /// What is worn.
    Fashion,
    /// Where one lives and works.
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

    /// On the wire and in keys.
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
