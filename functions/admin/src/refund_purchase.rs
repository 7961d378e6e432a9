//! `POST /api/v1/admin/purchases/{id}/refund`: give a buyer's money back, all of it or a part.
//!
//! Access: admins.
//! Changes: the refund is noted with who asked for it and why, then Stripe carries it out. Before
//! the sale is paid out its payable shrinks in proportion; after that a part of the transfer is
//! reversed, or the creator owes it. A full refund ends the right to use it. Not while a dispute is
//! open: the bank decides.
//! Retry: the same `Idempotency-Key` is the same refund, also after a crash between any two steps.

use std::process::ExitCode;

use clients::Stripe;
use domain::{
    audit::{Action, AuditEntry, Target, TargetKind},
    id::PurchaseId,
    marketplace::{
        listing::checked_reason,
        refund::{IdempotencyMark, RefundReceipt, RefundRequest, RefundedBy},
    },
    money::Money,
};
use runtime::{Access, ApiError, Call, Endpoint, NoStore};
use serde::Deserialize;
use settlement::Settlement;
use store::{NotFound, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::post("admin-refund-purchase", "/api/v1/admin/purchases/{id}/refund", Access::Admin)
        .requires_key();

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// So much, tax included; all that is left, if it is not said.
    amount: Option<Money>,
    /// What buyer and creator are told.
    reason: String,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    (store, stripe): &(Store, Stripe),
    call: Call<Request>,
) -> Result<NoStore<RefundReceipt>, ApiError> {
    let id = PurchaseId::parse(&call.body.id).map_err(|_| NotFound::Purchase)?;
    let reason = checked_reason(&call.body.reason)?;
    let key = call.idempotency_key()?;
    let request = IdempotencyMark { key: key.key.clone(), fingerprint: key.fingerprint.clone() };
    let target = Target::of(TargetKind::Purchase, &id);
    let AuditEntry { actor, origin, .. } = call.deed(Action::Refund, target)?;
    let wish = RefundRequest {
        amount: call.body.amount,
        by: RefundedBy::Staff { actor, origin },
        reason: Some(reason),
        request: Some(request.clone()),
    };
    let buyer = store.buyer_of(&id).await?;
    let asked = Settlement::new(store, stripe).ask_refund(&buyer, &id, &wish, call.now).await?;
    Ok(NoStore(asked.receipt(Some(&request)).ok_or(NotFound::Purchase)?))
}
