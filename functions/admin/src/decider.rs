//! Who decides on a purchase.

use domain::{
    audit::{Action, AuditEntry, Target, TargetKind},
    id::PurchaseId,
    marketplace::purchase::refund::RefundedBy,
};
use runtime::{ApiError, Call};

/// The staff member of a call, who decides on a purchase, and the call, as the audit has them.
pub(crate) fn decider<T>(
    call: &Call<T>,
    action: Action,
    purchase: &PurchaseId,
) -> Result<RefundedBy, ApiError> {
    let target = Target::of(TargetKind::Purchase, purchase);
    let AuditEntry { actor, origin, .. } = call.audit_entry(action, target)?;
    Ok(RefundedBy::Staff { actor, origin })
}
