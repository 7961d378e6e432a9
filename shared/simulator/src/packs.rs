//! Packs of credits, as Stripe has them.

use std::collections::BTreeMap;

use domain::{
    credits::{LedgerEntry, LotSource, Movement},
    pack::Pack,
};
use serde_json::{Value, json};
use testing::Actor;

use crate::billing_app::BillingApp;

/// How many credits of packs a member was granted, less what was taken back; and how many Stripe
/// says are paid for.
///
/// # Panics
/// If a period of a plan was granted twice.
pub async fn bought_and_paid(app: &BillingApp, member: &Actor) -> (i64, i64) {
    let ledger = app.store.whole_ledger(&member.id).await.unwrap();
    by_ledger(app, member, &ledger)
}

/// The same, of a ledger that was read.
pub(crate) fn by_ledger(app: &BillingApp, member: &Actor, ledger: &[LedgerEntry]) -> (i64, i64) {
    let charges = charges(app, member);
    // Money of a plan is taken back too, and staff take credits.
    let is_of_a_pack = |cause: &str| {
        let payment = cause.strip_prefix("payment:").and_then(|rest| rest.split(':').next());
        charges.iter().any(|charge| charge["payment_intent"].as_str() == payment)
    };
    let mut bought = 0i64;
    let mut plans = BTreeMap::new();
    for line in ledger {
        match &line.movement {
            Movement::Grant { lot, .. } if lot.source == LotSource::Purchase => {
                bought += i64::from(line.movement.credits());
            }
            Movement::Grant { lot, .. } if lot.source == LotSource::Plan => {
                *plans.entry(lot.id.0.clone()).or_insert(0) += 1;
            }
            Movement::Owe { credits } if is_of_a_pack(&line.cause) => {
                bought -= i64::from(*credits);
            }
            Movement::Forgive { credits } if is_of_a_pack(&line.cause) => {
                bought += i64::from(*credits);
            }
            Movement::Revoke { shares } if is_of_a_pack(&line.cause) => {
                bought -= shares.iter().map(|share| i64::from(share.credits)).sum::<i64>();
            }
            Movement::Grant { .. }
            | Movement::Hold { .. }
            | Movement::Capture { .. }
            | Movement::Release { .. }
            | Movement::Expire { .. }
            | Movement::End { .. }
            | Movement::Revoke { .. }
            | Movement::Owe { .. }
            | Movement::Forgive { .. }
            | Movement::Repay { .. } => {}
        }
    }
    assert!(plans.values().all(|times| *times == 1), "a period is granted once: {plans:?}");
    (bought, charges.iter().map(|charge| worth(app, charge)).sum())
}

/// A member's successful charges for packs at Stripe, oldest first.
pub fn charges(app: &BillingApp, member: &Actor) -> Vec<Value> {
    let made = app.ids_of("charge.succeeded").into_iter();
    let now = made.filter_map(|id| app.stripe().object(&id));
    let theirs = |charge: &Value| {
        charge["metadata"]["user_id"] == json!(member.id)
            && charge["metadata"]["order_id"].is_string()
    };
    now.filter(theirs).collect()
}

/// Number of credits that a charge still pays for.
fn worth(app: &BillingApp, charge: &Value) -> i64 {
    let amount = charge["amount"].as_i64().unwrap();
    let terms = Pack::ALL.map(Pack::terms);
    let pack = terms.iter().find(|terms| i64::from(terms.price_cents) == amount);
    let credits = i64::from(pack.unwrap_or_else(|| panic!("no pack costs {amount}")).credits);
    credits - credits * app.taken_back(charge) / amount
}
