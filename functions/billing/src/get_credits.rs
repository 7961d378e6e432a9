//! `GET /api/v1/billing/credits`: the balance, its lots, expiry dates, and the ledger.
//!
//! Access: any member, suspended ones too.
//! Changes: brings the account up to date, as every read of it does. `limit` and `cursor` page
//! through the ledger.

use domain::{
    Timestamp,
    account::NextGrant,
    credits::{LedgerEntry, Lot, LotId, LotSize, LotSource, Totals},
    plan::Plan,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use serde::Serialize;
use store::{Page, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("billing-get-credits", "/api/v1/billing/credits", Access::Member);

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    plan: Plan,
    /// `null` is unlimited within fair use.
    available: Option<u32>,
    held: u32,
    debt: u32,
    unlimited: bool,
    /// granted = available + held + spent + expired + revoked, over all time.
    totals: Totals,
    lots: Vec<LotView>,
    /// Soonest first.
    expiring: Vec<Expiring>,
    /// `null` while a payment is missing, or if there is none, as with an unverified address.
    next_grant: Option<NextGrant>,
    /// Newest first.
    ledger: Page<LedgerEntry>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct LotView {
    id: LotId,
    source: LotSource,
    /// `null` is unlimited within fair use.
    available: Option<u32>,
    held: u32,
    spent: u32,
    granted: u32,
    granted_at: Timestamp,
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Expiring {
    at: Timestamp,
    credits: u32,
}

impl From<&Lot> for LotView {
    fn from(lot: &Lot) -> LotView {
        LotView {
            id: lot.terms.id.clone(),
            source: lot.terms.source,
            available: match lot.left() {
                LotSize::Credits(left) => Some(left),
                LotSize::Unlimited => None,
            },
            held: lot.held,
            spent: lot.spent,
            granted: lot.granted,
            granted_at: lot.granted_at,
            expires_at: lot.terms.expires_at,
        }
    }
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<PageRequest>) -> Result<Json<Response>, ApiError> {
    let member = call.member()?;
    let account =
        store.get_or_create_account(&member.user_id, member.email_claim(), call.now).await?;
    let PageRequest { limit, cursor } = &call.body;
    let ledger = store.ledger(&member.user_id, *limit, cursor.clone()).await?;
    let credits = &account.credits;
    let totals = credits.totals();
    Ok(Json(Response {
        plan: account.plan,
        available: (!credits.is_unlimited(call.now)).then_some(totals.available),
        held: totals.held,
        debt: credits.debt,
        unlimited: credits.is_unlimited(call.now),
        totals,
        lots: credits.lots.iter().map(LotView::from).collect(),
        expiring: expiring(&credits.lots),
        next_grant: account.next_grant(call.now),
        ledger,
    }))
}

fn expiring(lots: &[Lot]) -> Vec<Expiring> {
    let ends = lots.iter().filter_map(|lot| Some((lot.terms.expires_at?, lot.available())));
    let mut by_end = std::collections::BTreeMap::new();
    for (at, credits) in ends.filter(|(_, credits)| *credits > 0) {
        *by_end.entry(at).or_insert(0) += credits;
    }
    by_end.into_iter().map(|(at, credits)| Expiring { at, credits }).collect()
}
