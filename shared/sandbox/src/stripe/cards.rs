//! The test cards, and the outcome of a charge to each.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A test payment method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Card {
    /// Every charge succeeds.
    #[serde(rename = "4242424242424242")]
    Succeeds,
    /// Every charge succeeds; another brand.
    #[serde(rename = "5555555555554444")]
    SucceedsToo,
    /// Every charge is declined.
    #[serde(rename = "4000000000000002")]
    Declines,
    /// Every charge is declined for insufficient funds.
    #[serde(rename = "4000000000009995")]
    LacksFunds,
    /// Succeeds on the page; every later charge is declined. (The real test card of this number is
    /// declined on the page too.)
    #[serde(rename = "4000000000000341")]
    DeclinesLater,
    /// Every charge requires authentication.
    #[serde(rename = "4000002760003184")]
    Authenticates,
    /// A bank debit, which the bank decides later.
    #[serde(rename = "bank")]
    Bank,
}

/// Outcome of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Succeeds,
    /// The bank decides later.
    Undecided,
    /// The cardholder has to authenticate and is able to.
    Authenticate,
    Fails(Decline),
}

/// Why a charge fails: `code`, `decline_code` and the message for the cardholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decline {
    pub(super) code: &'static str,
    pub(super) decline_code: &'static str,
    pub(super) message: &'static str,
}

/// Whether the cardholder is present during a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// On a page, able to authenticate.
    OnPage,
    /// On a page, authenticated.
    Authenticated,
    /// On a page, failed to authenticate.
    NotAuthenticated,
    /// Off session.
    Away,
}

pub(super) const DECLINED: Decline = Decline {
    code: "card_declined",
    decline_code: "generic_decline",
    message: "Your card was declined.",
};
const LACKS_FUNDS: Decline = Decline {
    code: "card_declined",
    decline_code: "insufficient_funds",
    message: "Your card has insufficient funds.",
};
const NOT_AUTHENTICATED: Decline = Decline {
    code: "payment_intent_authentication_failure",
    decline_code: "",
    message: "The provided PaymentMethod has failed authentication.",
};
pub(super) const NEEDS_AUTHENTICATION: Decline = Decline {
    code: "authentication_required",
    decline_code: "authentication_required",
    message: "Your card was declined. This transaction requires authentication.",
};

impl Card {
    /// Every card, in the order of the pages.
    pub const ALL: [Card; 7] = [
        Card::Succeeds,
        Card::SucceedsToo,
        Card::Authenticates,
        Card::Bank,
        Card::Declines,
        Card::LacksFunds,
        Card::DeclinesLater,
    ];

    /// The card with this number, ignoring spaces; `bank` for the debit.
    pub fn of_number(number: &str) -> Option<Card> {
        let number = number.replace(' ', "");
        Card::ALL.into_iter().find(|card| card.number() == number)
    }

    /// Its number as typed on a page.
    pub fn number(self) -> &'static str {
        match self {
            Card::Succeeds => "4242424242424242",
            Card::SucceedsToo => "5555555555554444",
            Card::Declines => "4000000000000002",
            Card::LacksFunds => "4000000000009995",
            Card::DeclinesLater => "4000000000000341",
            Card::Authenticates => "4000002760003184",
            Card::Bank => "bank",
        }
    }

    /// Description of its behaviour, shown on pages.
    pub(super) fn conduct(self) -> &'static str {
        match self {
            Card::Succeeds | Card::SucceedsToo => "pays",
            Card::Declines => "is declined",
            Card::LacksFunds => "is declined: insufficient funds",
            Card::DeclinesLater => "pays now, is declined at renewals",
            Card::Authenticates => "asks for authentication",
            Card::Bank => "bank debit, decided on later",
        }
    }

    /// The payment method's `type`.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Card::Bank => "us_bank_account",
            Card::Succeeds
            | Card::SucceedsToo
            | Card::Declines
            | Card::LacksFunds
            | Card::DeclinesLater
            | Card::Authenticates => "card",
        }
    }

    /// `visa` or `mastercard`.
    pub(super) fn brand(self) -> &'static str {
        match self {
            Card::SucceedsToo => "mastercard",
            Card::Succeeds
            | Card::Declines
            | Card::LacksFunds
            | Card::DeclinesLater
            | Card::Authenticates
            | Card::Bank => "visa",
        }
    }

    /// The last four digits; they identify the card.
    pub(super) fn last4(self) -> &'static str {
        match self {
            Card::Bank => "6789",
            Card::Succeeds
            | Card::SucceedsToo
            | Card::Declines
            | Card::LacksFunds
            | Card::DeclinesLater
            | Card::Authenticates => self.number().get(12..).unwrap_or_default(),
        }
    }

    /// The card behind a payment method.
    pub(super) fn behind(method: &Value) -> Card {
        let details = method.get("card").or_else(|| method.get("us_bank_account"));
        let last4 = details.and_then(|details| details["last4"].as_str()).unwrap_or_default();
        Card::ALL.into_iter().find(|card| card.last4() == last4).unwrap_or(Card::Declines)
    }

    /// Outcome of a charge.
    pub(super) fn verdict(self, presence: Presence) -> Verdict {
        let away = presence == Presence::Away;
        match self {
            Card::Succeeds | Card::SucceedsToo => Verdict::Succeeds,
            Card::Declines => Verdict::Fails(DECLINED),
            Card::LacksFunds => Verdict::Fails(LACKS_FUNDS),
            Card::DeclinesLater if away => Verdict::Fails(DECLINED),
            Card::DeclinesLater => Verdict::Succeeds,
            Card::Bank => Verdict::Undecided,
            Card::Authenticates => match presence {
                Presence::OnPage => Verdict::Authenticate,
                Presence::Authenticated => Verdict::Succeeds,
                Presence::NotAuthenticated => Verdict::Fails(NOT_AUTHENTICATED),
                Presence::Away => Verdict::Fails(NEEDS_AUTHENTICATION),
            },
        }
    }

    /// `details` of a payment method.
    pub(super) fn details(self) -> Value {
        if self == Card::Bank {
            return json!({
                "account_holder_type": "individual", "account_type": "checking",
                "bank_name": "STRIPE TEST BANK", "fingerprint": "sandboxbank",
                "last4": self.last4(), "routing_number": "110000000",
            });
        }
        json!({
            "brand": self.brand(), "checks": checks(), "country": "US",
            "display_brand": self.brand(), "exp_month": 12, "exp_year": 2040,
            "fingerprint": format!("sandbox{}", self.last4()), "funding": "credit",
            "generated_from": null, "last4": self.last4(),
            "networks": { "available": [self.brand()], "preferred": null },
            "regulated_status": "unregulated",
            "three_d_secure_usage": { "supported": true }, "wallet": null,
        })
    }

    /// `payment_method_details` of a charge.
    pub(super) fn charge_details(self) -> Value {
        let mut details = self.details();
        if self == Card::Bank {
            return json!({ "type": "us_bank_account", "us_bank_account": details });
        }
        if let Some(fields) = details.as_object_mut() {
            for name in ["display_brand", "generated_from", "networks", "three_d_secure_usage"] {
                fields.remove(name);
            }
            fields.insert("network".to_owned(), self.brand().into());
            fields.insert("three_d_secure".to_owned(), Value::Null);
        }
        json!({ "type": "card", "card": details })
    }
}

fn checks() -> Value {
    json!({
        "address_line1_check": null, "address_postal_code_check": "pass", "cvc_check": "pass",
    })
}
