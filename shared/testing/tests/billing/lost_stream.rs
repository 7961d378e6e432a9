//! The table's stream is not read for longer than the day for which it keeps a change.

use domain::{
    metrics::{Counters, FactKind, Span},
    time::Day,
};
use testing::{TestApp, engine::TABLE};
use upkeep::{
    migrate::{MIGRATIONS, Mode, Place, migrate},
    progress::Progress,
    table::Table,
};

use crate::{billing_app::BillingApp, paid_sale::PaidSale};

/// How many facts `scripts/migrate ENV facts` counts.
async fn migrated(app: &TestApp, mode: Mode) -> u64 {
    let [.., facts] = &MIGRATIONS;
    let table = Table::new(app.engine.client(), TABLE);
    let name = format!("lost-stream-{}", std::process::id());
    let place = Place::in_file(std::env::temp_dir().join(name));
    let done = migrate(&table, facts, (mode, &place), &mut Progress::none()).await;
    done.unwrap().changed
}

#[tokio::test]
async fn facts_about_money_are_counted_by_the_nightly_report() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    app.buy(&sale.ann, "pack_50").await;
    // Nothing reads it: two days later its records are lost.
    app.engine.stream_batch();
    app.advance_days(2);
    app.run("background-report-revenue").await.unwrap();
    let day = Day::of(app.now()).minus(2);
    let facts = app.store.facts_of_day(day).await.unwrap();
    let legs = facts.iter().filter(|fact| matches!(fact.what, FactKind::Market(_)));
    assert_eq!(legs.count(), 2, "the fee and the share: {facts:#?}");
    assert!(facts.iter().any(|fact| matches!(fact.what, FactKind::Sold { .. })), "the pack");
    let span = Span { from: day, to: day };
    let numbers = app.store.metrics(span, app.now()).await.unwrap();
    assert_eq!(numbers.days[&day], Counters::fold(&facts));
    app.close().await;
}

#[tokio::test]
async fn facts_of_jobs_and_members_are_derived_from_them_again() {
    let app = BillingApp::new().await;
    let sale = PaidSale::sold(&app).await;
    app.engine.stream_batch();
    app.advance_days(2);
    app.run("background-report-revenue").await.unwrap();
    // Kim and Ann; the money is counted.
    assert_eq!(migrated(&app, Mode::DryRun).await, 2);
    assert_eq!(migrated(&app, Mode::DryRun).await, 2, "a dry run counts nothing");
    assert_eq!(migrated(&app, Mode::Write).await, 2);
    assert_eq!(migrated(&app, Mode::Write).await, 0);
    let day = Day::of(app.now()).minus(2);
    let facts = app.store.facts_of_day(day).await.unwrap();
    assert_eq!(facts.iter().filter(|fact| fact.what == FactKind::Joined).count(), 2);
    let span = Span { from: day, to: day };
    let numbers = app.store.metrics(span, app.now()).await.unwrap();
    assert_eq!(numbers.days[&day], Counters::fold(&facts));
    sale.market.assert_ledger_balances().await;
    app.close().await;
}
