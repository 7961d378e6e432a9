//! Table usage of the admin reports, with few and with many members.

use domain::{
    Timestamp,
    generation::{Provider, Status},
    id::UserId,
    metrics::{
        Fact, FactKind, FinishedJob, GenerationReport, LegMoved, Movement, MovementKind, MrrState,
        RevenueReport, Source, Span, WithinSpan,
    },
    plan::Plan,
    time::{DAY, Day},
};
use serde_json::{Value, json};
use store::Store;

use super::{BenchFailed, given::now};
use crate::engine::{Engine, TABLE, Usage};

/// Members in the table. Their items are small: a report does not read them.
const FEW: u32 = 1_000;
/// See [`FEW`].
const MANY: u32 = 1_000_000;
/// Items per import.
const ROWS: u32 = 10_000;
/// Days with data: the period, the one before it, and a margin.
const DAYS: u32 = 70;
/// Distinct generation durations per day, so that the day's sums have as many names as a busy
/// day's.
const LENGTHS: u64 = 60;

/// Measures both reports; `row` is called after each.
pub(super) async fn measure(mut row: impl FnMut(&'static str, Usage)) -> Result<(), BenchFailed> {
    let engine = Engine::new();
    let store = Store::new(engine.client(), TABLE.to_owned());
    let names = [
        ("GET /admin/revenue/stats, 1,000 members", "GET /admin/generations/stats, 1,000 members"),
        ("the same, 1,000,000 members", "the same of generations, 1,000,000"),
    ];
    members(&engine, 0..FEW);
    for back in 0..DAYS {
        store.count(&facts(now().minus(DAY * back))).await?;
    }
    for (until, (revenue, generations)) in [FEW, MANY].into_iter().zip(names) {
        members(&engine, FEW.min(until)..until);
        let span = Span::asked(None, None, now()).unwrap_or(Span::day(Day::of(now())));
        engine.take_usage();
        RevenueReport::of(span, &store.metrics(span, now()).await?, now());
        row(revenue, engine.take_usage());
        GenerationReport::of(span, &store.metrics(span, now()).await?, now());
        row(generations, engine.take_usage());
    }
    Ok(())
}

fn members(engine: &Engine, numbers: std::ops::Range<u32>) {
    for from in numbers.clone().step_by(ROWS as usize) {
        let some = from..(from + ROWS).min(numbers.end);
        let row = |number: u32| -> Value {
            json!({ "pk": { "S": format!("USER#user_{number}") }, "sk": { "S": "ACCOUNT" } })
        };
        engine.import(some.map(row));
    }
}

/// One day's facts, of every kind.
fn facts(at: Timestamp) -> Vec<Fact> {
    let day = Day::of(at);
    let worth = MrrState { plan: Plan::Pro, mrr: 2_900, committed: 2_900 };
    let moved = |kind| FactKind::Moved(Movement { kind, before: MrrState::NONE, after: worth });
    let mut what: Vec<FactKind> = MovementKind::MOVING.map(moved).into();
    for source in Source::ALL {
        what.push(FactKind::Sold { source, amount: 2_900 });
        what.push(FactKind::Returned { source, amount: 100 });
        what.push(FactKind::Kept { source, amount: 114 });
        what.push(FactKind::Declined { source, times: 1 });
    }
    let creator_id = UserId::parse(&format!("user_{day}")).expect("an id");
    what.push(FactKind::Market(LegMoved {
        creator_id,
        commission: 180,
        share: 720,
        of_sale: true,
    }));
    what.push(FactKind::Active { within: WithinSpan::Day });
    for (number, plan) in (0..LENGTHS).zip(Plan::ALL.into_iter().cycle()) {
        let provider = if number % 2 == 0 { Provider::Bria } else { Provider::Studio };
        let status = if number % 9 == 0 { Status::Failed } else { Status::Succeeded };
        what.push(FactKind::Finished(FinishedJob {
            status,
            blocked: number % 18 == 0,
            plan,
            provider,
            user_id: None,
            preset_id: None,
            listing_id: None,
            queue_ms: Some(number * number * 40),
            run_ms: Some(number * number * 90),
            cost_micros: 30_000,
        }));
    }
    let fact = |(number, what)| Fact::new(format!("{day}:{number}"), at, what);
    what.into_iter().enumerate().map(fact).collect()
}
