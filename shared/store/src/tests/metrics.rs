//! Counting: in any order, however often, and interrupted anywhere, the sums are what the facts
//! fold to.

use std::collections::BTreeMap;

use domain::{
    generation::Status,
    id::{ListingId, PresetId},
    metrics::{
        Counters, Fact, FactKind, FinishedJob, LegMoved, Metrics, Movement, MovementKind, MrrState,
        Source, Span, WithinSpan,
    },
    time::Day,
};
use testing::engine::Fault;

use super::*;
use crate::{Counted, FACTS_AT_ONCE, stated_by};

/// Facts of every kind over three days and two months.
fn facts() -> Vec<Fact> {
    let worth = |mrr| MrrState { plan: Plan::Pro, mrr, committed: mrr };
    let creator = |number: u32| UserId::parse(&format!("creator_{}", number % 13)).unwrap();
    let first = Timestamp::parse("2027-01-30T08:00:00Z").unwrap();
    let what = |number: u32| match number % 8 {
        0 => FactKind::Moved(Movement {
            kind: MovementKind::New,
            before: MrrState::NONE,
            after: worth(2_900 + i64::from(number)),
        }),
        1 => FactKind::Sold { source: Source::Pro, amount: 2_900 },
        2 => FactKind::Returned { source: Source::Packs, amount: 100 + i64::from(number) },
        3 => FactKind::Market(LegMoved {
            creator_id: creator(number),
            commission: 0,
            share: i64::from(number) * 10,
            of_sale: true,
        }),
        4 | 5 => FactKind::Finished(FinishedJob {
            status: if number.is_multiple_of(5) { Status::Failed } else { Status::Succeeded },
            blocked: number.is_multiple_of(10),
            plan: Plan::Free,
            provider: Provider::Bria,
            user_id: None,
            preset_id: number.is_multiple_of(3).then(|| PresetId::new(NOW, u128::from(number % 4))),
            listing_id: (number % 3 == 1).then(|| ListingId::new(NOW, u128::from(number % 4))),
            queue_ms: Some(u64::from(number) * 17),
            run_ms: Some(u64::from(number) * 170),
            cost_micros: 30_000,
        }),
        6 => FactKind::Active { within: WithinSpan::Day },
        _ => FactKind::Joined,
    };
    let at = |number: u32| first.plus(DAY * (number % 3));
    (0..90).map(|number| Fact::new(format!("fact_{number}"), at(number), what(number))).collect()
}

fn all_days() -> Span {
    Span { from: Day::parse("2027-01-30").unwrap(), to: Day::parse("2027-02-01").unwrap() }
}

async fn read(app: &TestApp) -> Metrics {
    let now = Timestamp::parse("2027-02-01T23:00:00Z").unwrap();
    app.store.metrics(all_days(), now).await.unwrap()
}

/// The stored sums are what `facts` fold to, day by day and in total; and all facts are stored.
async fn check(app: &TestApp, facts: &[Fact], why: &str) {
    let kept = read(app).await;
    let mut days: BTreeMap<Day, Counters> = BTreeMap::new();
    for fact in facts {
        days.entry(fact.day()).or_default().merge(&Counters::fold([fact]));
    }
    assert_eq!(kept.days, days, "{why}");
    assert_eq!(kept.totals, Counters::fold(facts).levels(), "{why}");
    for day in all_days().days() {
        let mut stored = app.store.facts_of_day(day).await.unwrap();
        stored.sort_by(|one, other| one.id.cmp(&other.id));
        let mut expected: Vec<Fact> = facts.iter().filter(|it| it.day() == day).cloned().collect();
        expected.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(stored, expected, "{why}");
    }
    let mut sold: BTreeMap<String, i64> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.day().month() == all_days().to.month()) {
        if let FactKind::Market(leg) = &fact.what {
            *sold.entry(leg.creator_id.to_string()).or_default() += leg.share;
        }
    }
    let mut sold: Vec<(i64, String)> = sold.into_iter().map(|(id, sum)| (-sum, id)).collect();
    sold.sort();
    sold.truncate(10);
    let kept: Vec<(i64, String)> =
        kept.creators.into_iter().map(|rank| (-rank.amount, rank.id)).collect();
    assert_eq!(kept, sold, "{why}");
}

#[tokio::test]
async fn twice_shuffled_and_replayed_is_counted_once() {
    let (app, facts) = (TestApp::new(), facts());
    let (half, all) = (facts.len() / 2, facts.len());
    let counted = app.store.count(&facts[half..]).await.unwrap();
    assert_eq!(counted, Counted { now: all - half, before: 0 });
    let mut shuffled = facts.clone();
    shuffled.sort_by_key(|fact| fact.id.bytes().rev().collect::<Vec<_>>());
    shuffled.extend(facts.clone());
    let counted = app.store.count(&shuffled).await.unwrap();
    assert_eq!(counted, Counted { now: half, before: 2 * all - half });
    check(&app, &facts, "shuffled").await;
    let counted = app.store.count(&facts).await.unwrap();
    assert_eq!(counted, Counted { now: 0, before: all });
    check(&app, &facts, "replayed").await;
}

#[tokio::test]
async fn two_at_once_count_once() {
    let (app, facts) = (TestApp::new(), facts());
    let store = &app.store;
    let counted = at_once(2, async |_| store.count(&facts).await.map(|counted| counted.now));
    assert_eq!(counted.into_iter().map(Result::unwrap).sum::<usize>(), facts.len());
    check(&app, &facts, "two at once").await;
}

#[tokio::test]
async fn who_dies_while_counting_is_followed_by_another() {
    let facts: Vec<Fact> = facts().into_iter().take(FACTS_AT_ONCE + 4).collect();
    for fault in Fault::ALL {
        for nth in 1..=4 {
            let app = TestApp::new();
            app.engine.order(fault.meets(), nth, fault);
            let _ = app.engine.until_hung(app.store.count(&facts)).await;
            app.store.count(&facts).await.unwrap();
            check(&app, &facts, &format!("{fault:?} {nth}")).await;
        }
    }
}

/// Stream images of a job and a new member state facts; facts that are counted state none.
#[tokio::test]
async fn the_stream_states_jobs_and_members() {
    let app = TestApp::new();
    let ann = app.member("ann", Plan::Pro, 10).await;
    let job = app.posted(&ann, NOW).await;
    let job = app.submitted(job, NOW.plus(SECOND * 2)).await;
    let end = NOW.plus(SECOND * 32);
    app.store.settle(&job, end, |job, update| job.succeed(update, stored())).await.unwrap();
    let batch = app.engine.stream_batch();
    let mut facts = Vec::new();
    for record in batch["Records"].as_array().unwrap() {
        if let Some(image) = record["dynamodb"]["NewImage"].as_object() {
            facts.extend(stated_by(image).unwrap());
        }
    }
    let mut ids: Vec<&str> = facts.iter().map(|fact| fact.id.split(':').next().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["active", "active", "active", "job", "member"]);
    let finished = facts.iter().find_map(|fact| match &fact.what {
        FactKind::Finished(finished) => Some(finished),
        FactKind::Moved(_)
        | FactKind::Sold { .. }
        | FactKind::Returned { .. }
        | FactKind::Kept { .. }
        | FactKind::Declined { .. }
        | FactKind::Market(_)
        | FactKind::Joined
        | FactKind::Active { .. } => None,
    });
    let finished = finished.unwrap();
    assert_eq!((finished.queue_ms, finished.run_ms), (Some(2_000), Some(30_000)));
    assert_eq!((finished.plan, finished.cost_micros), (Plan::Pro, 30_000));
    app.store.count(&facts).await.unwrap();
    let batch = app.engine.stream_batch();
    for record in batch["Records"].as_array().unwrap() {
        let image = record["dynamodb"]["NewImage"].as_object().unwrap();
        assert_eq!(stated_by(image).unwrap(), [], "{image:?}");
    }
}
