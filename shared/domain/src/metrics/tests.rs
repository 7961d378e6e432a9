//! The definitions as tables; and that start plus movements equals end, whatever happens.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    billing::{
        Billing,
        subscription::{
            Discount, Every, Subscription, SubscriptionStatus, SubscriptionStatus::*, monthly_cents,
        },
    },
    id::UserId,
    plan::Plan,
    time::{DAY, Day, Period, Timestamp},
};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn subscription(plan: Plan, status: SubscriptionStatus, now: Timestamp) -> Subscription {
    Subscription {
        id: crate::billing::external::SubscriptionId::parse("sub_1").unwrap(),
        plan,
        status,
        period: Period { starts_at: now, ends_at: now.plus_months(1) },
        monthly_cents: i64::from(plan.terms().monthly_price_cents),
        cancel_at_period_end: false,
        scheduled: None,
        created_at: START,
        ended_at: None,
    }
}

/// A subscription as Stripe reports it on a day: its plan, its status, whether it cancels at the
/// end of its period.
type Step = (u32, Option<(Plan, SubscriptionStatus, bool)>);

/// Applies the steps one after the other, and checks what each reports.
fn stated(steps: &[Step]) -> Vec<String> {
    let mut billing = Billing::new(user("ann"));
    let mut said = Vec::new();
    for (days, step) in steps {
        let now = START.plus(DAY * *days);
        billing.version += 1;
        let fact = match step {
            None => billing.end_grace(now),
            Some((plan, status, stops)) => {
                let mut one = subscription(*plan, *status, now);
                one.cancel_at_period_end = *stops;
                billing.subscription = Some(one);
                billing.state(Some(START.plus(DAY * 30)), now)
            }
        };
        said.push(fact.map_or("-".to_owned(), |fact| {
            let FactKind::Moved(moved) = &fact.what else { panic!("{fact:?}") };
            let MrrState { mrr, committed, .. } = moved.after;
            let day = START.until(fact.at).as_secs() / DAY.as_secs();
            format!("{} {}:{} day {day}", moved.kind.into_str(), mrr, committed)
        }));
    }
    said
}

#[test]
fn what_recurs_moves_as_published() {
    let check = |steps: &[Step], expected: &[&str]| {
        assert_eq!(stated(steps), expected, "{steps:?}");
    };
    let on = |plan, status| Some((plan, status, false));
    let (pro, studio) = (Plan::Pro, Plan::Enterprise);
    check(&[(0, on(pro, Incomplete)), (1, on(pro, Active))], &["-", "new 2900:2900 day 1"]);
    check(&[(0, on(pro, Trialing)), (14, on(pro, Active))], &["-", "new 2900:2900 day 14"]);
    let new = "new 2900:2900 day 0";
    check(&[(0, on(pro, Active)), (3, on(pro, Active))], &[new, "-"]);
    check(
        &[(0, on(pro, Active)), (3, on(studio, Active)), (9, on(pro, Active))],
        &[new, "expansion 9900:9900 day 3", "contraction 2900:2900 day 9"],
    );
    // Scheduling the cancellation moves committed MRR; the end itself churns.
    check(
        &[(0, on(pro, Active)), (5, Some((pro, Active, true))), (30, on(pro, Canceled))],
        &[new, "kept 2900:0 day 5", "churned 0:0 day 30"],
    );
    check(
        &[(0, on(pro, Active)), (9, on(pro, Canceled)), (80, on(studio, Active))],
        &[new, "churned 0:0 day 9", "reactivation 9900:9900 day 80"],
    );
    // Past due counts for seven days after the paid period, and no longer.
    check(&[(0, on(pro, Active)), (31, on(pro, PastDue)), (36, None)], &[new, "-", "-"]);
    check(
        &[(0, on(pro, Active)), (31, on(pro, PastDue)), (40, None), (41, None)],
        &[new, "-", "churned 0:0 day 37", "-"],
    );
    check(&[(0, on(pro, Active)), (39, on(pro, PastDue))], &[new, "churned 0:0 day 37"]);
    check(&[(0, on(pro, Active)), (31, Some((pro, PastDue, true)))], &[new, "churned 0:0 day 30"]);
    check(
        &[(0, on(pro, Active)), (31, on(pro, PastDue)), (40, None), (41, on(pro, Active))],
        &[new, "-", "churned 0:0 day 37", "reactivation 2900:2900 day 41"],
    );
}

#[test]
fn a_price_is_worth_so_much_a_month() {
    use Discount::{BasisPoints, Cents};
    let check = |cents, every, discounts: &[Discount], expected| {
        assert_eq!(monthly_cents(cents, every, discounts), expected, "{cents} {every:?}");
    };
    check(2_900, Every::Months(1), &[], 2_900);
    check(34_800, Every::Months(12), &[], 2_900);
    check(8_700, Every::Months(3), &[], 2_900);
    check(700, Every::Days(7), &[], 3_041);
    check(2_900, Every::Months(1), &[BasisPoints(2_000)], 2_320);
    check(2_900, Every::Months(1), &[Cents(500)], 2_400);
    check(34_800, Every::Months(12), &[BasisPoints(5_000), Cents(1_200)], 1_350);
    check(2_900, Every::Months(1), &[Cents(5_000)], 0);
    check(2_900, Every::Months(1), &[BasisPoints(10_000)], 0);
}

#[test]
fn a_period_is_asked_for() {
    let day = |text: &str| Some(Day::parse(text).unwrap());
    let now = Timestamp::parse("2026-11-26T10:00:00Z").unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        let of = |text: &str| if text.is_empty() { None } else { day(text) };
        let said = match Span::asked(of(from), of(to), now) {
            Ok(span) => format!("{}..{} {}", span.from, span.to, span.before().from),
            Err(refused) => refused.0[0].code.to_owned(),
        };
        assert_eq!(said, expected, "{from}..{to}");
    };
    check("", "", "2026-10-27..2026-11-26 2026-09-26");
    check("2026-11-01", "2026-11-07", "2026-11-01..2026-11-07 2026-10-25");
    check("2026-11-26", "2026-11-26", "2026-11-26..2026-11-26 2026-11-25");
    check("", "2026-11-27", "in_the_future");
    check("2026-11-08", "2026-11-07", "after_to");
    check("2025-11-25", "2026-11-26", "period_too_long");
    check("2025-11-26", "2026-11-26", "2025-11-26..2026-11-26 2024-11-25");
    check("2016-11-25", "2016-11-30", "2016-11-25..2016-11-30 2016-11-19");
    check("2016-11-24", "2016-11-30", "too_long_ago");
    check("", "0145-09-15", "too_long_ago");
}

#[test]
fn times_fall_into_buckets_at_most_an_eighth_too_long() {
    for ms in (0..5_000).chain([86_400_000, u64::from(u32::MAX), u64::MAX]) {
        let above = upper_bound_ms(bucket_of(ms));
        assert!(above >= ms && above - ms <= ms / 8, "{ms} in {above}");
    }
    let check = |times: &[u64], percent, expected| {
        let mut buckets = std::collections::BTreeMap::new();
        times.iter().for_each(|ms| *buckets.entry(bucket_of(*ms)).or_insert(0) += 1);
        let buckets: Vec<(u32, i64)> = buckets.into_iter().collect();
        assert_eq!(latency::percentile(&buckets, percent), expected, "{times:?}");
    };
    check(&[], 50, None);
    check(&[5], 50, Some(5));
    check(&[1, 2, 3, 4], 50, Some(2));
    check(&[1, 2, 3, 4, 5, 6, 7, 1_000], 95, Some(1_023));
}

fn status() -> impl Strategy<Value = SubscriptionStatus> {
    prop::sample::select(vec![
        Incomplete, Trialing, Active, Active, Active, PastDue, Canceled, Unpaid,
    ])
}

fn plan() -> impl Strategy<Value = Plan> {
    prop::sample::select(vec![Plan::Pro, Plan::Enterprise])
}

proptest! {
    /// Whatever happens to some members' subscriptions on some days: in any period, start plus
    /// movements equals end, and the levels equal the value of the subscriptions.
    #[test]
    fn start_and_movements_are_the_end(
        steps in vec((0_u32..3, 0_u8..4, plan(), status(), any::<bool>()), 1..40),
        (from, length) in (0_u32..60, 0_u32..40),
    ) {
        let mut members: Vec<Billing> =
            ["ann", "ben", "cem", "dia"].map(|name| Billing::new(user(name))).into();
        let (mut facts, mut now) = (Vec::new(), START);
        for (days, who, plan, status, stops) in steps {
            now = now.plus(DAY * days);
            let billing = &mut members[usize::from(who)];
            billing.version += 1;
            let mut one = subscription(plan, status, now);
            one.cancel_at_period_end = stops;
            billing.subscription = Some(one);
            facts.extend(billing.state(None, now));
        }
        let mut metrics = Metrics { totals: Counters::fold(&facts).levels(), ..Metrics::default() };
        for fact in &facts {
            metrics.days.entry(fact.day()).or_default().merge(&Counters::fold([fact]));
        }
        let from = Day::of(START).plus(from);
        let span = Span { from, to: from.plus(length) };
        let figures = PeriodMetrics::of(span, &metrics);
        prop_assert_eq!(figures.start.mrr + figures.movements.net, figures.end.mrr);
        let come = figures.movements.new.count + figures.movements.reactivation.count;
        let gone = figures.movements.churned.count;
        prop_assert_eq!(figures.start.customers + come - gone, figures.end.customers);

        let whole = PeriodMetrics::of(Span { from: Day::of(START), to: Day::of(now) }, &metrics);
        let worth = |of: &Billing| of.recurring.map_or(0, |said| said.worth.mrr);
        prop_assert_eq!(whole.start.mrr, 0);
        prop_assert_eq!(whole.end.mrr, members.iter().map(worth).sum::<i64>());
        prop_assert_eq!(&metrics.totals, &Counters::fold(&facts).levels());
        let last = RevenueReport::of(span, &metrics, now).days.pop().unwrap();
        prop_assert_eq!((last.mrr, last.customers), (figures.end.mrr, figures.end.customers));
    }
}
