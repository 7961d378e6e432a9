//! The table of plans, in full.

use super::*;

#[test]
fn the_plans() {
    use Allowance::{Credits, Unlimited};
    let check = |plan: Plan, wire: &str, cents: u32, allowance: Allowance, open_max: u32| {
        let terms = plan.terms();
        assert_eq!(serde_json::to_value(plan).unwrap(), wire);
        assert_eq!(terms.plan, plan);
        assert_eq!(
            (terms.monthly_price_cents, terms.allowance, terms.concurrency_max),
            (cents, allowance, open_max),
            "{wire}"
        );
    };
    check(Plan::Free, "free", 0, Credits(10), 2);
    check(Plan::Pro, "pro", 2900, Credits(500), 8);
    check(Plan::Enterprise, "enterprise", 9900, Unlimited, 32);
    assert!(Plan::ALL.is_sorted_by_key(|plan| plan.terms().monthly_price_cents));
}
