//! The split of a price between the creator and the platform.

use serde::{Deserialize, Serialize};

/// The platform's fee, in hundredths of a percent of the price.
pub const PLATFORM_FEE_BPS: i64 = 2_000;

/// The split of a price, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Split {
    /// What the buyer pays, without tax.
    pub gross: i64,
    /// The platform's fee.
    pub fee: i64,
    /// The creator's share.
    pub net: i64,
}

impl Split {
    /// Splits a price. The fee is rounded down, in the creator's favor.
    pub const fn of(gross: i64) -> Split {
        let fee = gross * PLATFORM_FEE_BPS / 10_000;
        Split { gross, fee, net: gross - fee }
    }

    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Split) -> Split {
        Split {
            gross: self.gross + other.gross,
            fee: self.fee + other.fee,
            net: self.net + other.net,
        }
    }

    /// The difference from `before`.
    #[must_use]
    pub const fn since(self, before: Split) -> Split {
        Split {
            gross: self.gross - before.gross,
            fee: self.fee - before.fee,
            net: self.net - before.net,
        }
    }
}
