//! Sharing a listing: a member's share code, and the click that used it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ListingId, UserId},
    time::{DAY, Timestamp},
};

/// How long after a click a purchase is attributed to it.
pub const ATTRIBUTED: Duration = DAY.saturating_mul(30);
/// A member's share code for a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The code, as in the link.
    pub code: String,
    /// The listing it links to.
    pub listing_id: ListingId,
    /// The member who shares it.
    pub sharer_id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Number of visitors, each counted once a day.
    #[serde(default)]
    pub clicks: u32,
    /// The time of the latest click.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicked_at: Option<Timestamp>,
}

/// The share link that led a buyer to a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Referral {
    /// The share code.
    pub code: String,
    /// The member who shared it.
    pub sharer_id: UserId,
    /// The sharer's e-mail address in the form of [`comparable_email`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharer_email: Option<String>,
    /// When the buyer clicked it.
    pub clicked_at: Timestamp,
}

impl Referral {
    /// Whether the sharer is not the buyer.
    pub fn is_of_another(&self, buyer: &UserId) -> bool {
        self.sharer_id != *buyer
    }

    /// Whether a click counts for a purchase at `now`.
    pub fn counts(clicked_at: Timestamp, now: Timestamp) -> bool {
        clicked_at <= now && now <= clicked_at.plus(ATTRIBUTED)
    }

    /// Whether sharer and buyer have the same e-mail address in the form of [`comparable_email`].
    pub fn has_email_of(&self, buyer: Option<&str>) -> bool {
        match (&self.sharer_email, buyer) {
            (Some(sharer), Some(buyer)) => comparable_email(sharer) == comparable_email(buyer),
            (_, _) => false,
        }
    }
}

/// An e-mail address in a form that can be compared, without what most providers ignore: case and a
/// `+` suffix; for Google addresses also dots and the choice between its two domains
/// (<https://support.google.com/mail/answer/7436150>,
/// <https://support.google.com/mail/answer/10313>).
pub fn comparable_email(email: &str) -> String {
    let email = email.trim().to_lowercase();
    match email.split_once('@') {
        Some((local, domain)) => {
            let local = local.split('+').next().unwrap_or_default();
            match domain {
                "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
                _ => format!("{local}@{domain}"),
            }
        }
        None => email,
    }
}
