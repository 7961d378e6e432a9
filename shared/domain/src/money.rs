//! Money: whole minor units of a currency, without fractions or floats.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An ISO 4217 code in lower case, as Stripe spells it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// An amount in minor units (cents of a dollar); negative is a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Money {
    /// Minor units.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
}

/// Text that is not three lower-case letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a currency such as usd")]
pub struct InvalidCurrency;

impl Currency {
    /// The currency of all prices.
    pub const USD: Currency = Currency(*b"usd");

    /// # Errors
    /// When `text` is not three lower-case ASCII letters.
    pub fn parse(text: &str) -> Result<Currency, InvalidCurrency> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_lowercase) => Ok(Currency(code)),
            Ok(_) | Err(_) => Err(InvalidCurrency),
        }
    }

    /// The code in lower case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Digits after the decimal point. Stripe's list of zero-decimal currencies:
    /// <https://docs.stripe.com/currencies#zero-decimal>.
    pub fn decimals(&self) -> u32 {
        const NONE: [&str; 15] = [
            "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv",
            "xaf", "xof", "xpf",
        ];
        if NONE.contains(&self.as_str()) { 0 } else { 2 }
    }
}

impl Money {
    /// An amount of US cents.
    pub const fn usd_cents(amount: i64) -> Money {
        Money { amount, currency: Currency::USD }
    }
}

/// Formats for display: `29.00 USD`, `-4.50 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount < 0 { "-" } else { "" };
        let amount = self.amount.unsigned_abs();
        let code = self.currency.as_str().to_ascii_uppercase();
        match self.currency.decimals() {
            0 => write!(f, "{sign}{amount} {code}"),
            _ => write!(f, "{sign}{}.{:02} {code}", amount / 100, amount % 100),
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Currency::parse(&text).map_err(D::Error::custom)
    }
}

crate::scalar_schema!(Currency {
    "type": "string",
    "description": "An ISO 4217 code in lower case.",
    "pattern": "^[a-z]{3}$",
    "examples": ["usd"],
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_by_people() {
        let check = |amount: i64, currency: &str, expected: &str| {
            let money = Money { amount, currency: Currency::parse(currency).unwrap() };
            assert_eq!(money.to_string(), expected);
        };
        check(2900, "usd", "29.00 USD");
        check(5, "usd", "0.05 USD");
        check(-450, "eur", "-4.50 EUR");
        check(500, "jpy", "500 JPY");
        check(i64::MIN, "usd", "-92233720368547758.08 USD");
    }

    #[test]
    fn a_currency_is_three_lower_case_letters() {
        for bad in ["", "us", "usdt", "u$d", "USD", "€"] {
            assert_eq!(Currency::parse(bad), Err(InvalidCurrency), "{bad}");
        }
        assert_eq!(serde_json::to_value(Money::usd_cents(5)).unwrap()["currency"], "usd");
    }
}
