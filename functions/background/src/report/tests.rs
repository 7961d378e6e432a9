//! The revenue report of a month of a small studio.

use clients::documents::Company;
use domain::{
    Timestamp,
    id::UserId,
    metrics::{
        Counters, Fact, FactKind, FinishedJob, LegMoved, Metrics, Movement, MovementKind, MrrState,
        Ranked, RevenueReport, Source, Span,
    },
    plan::Plan,
    time::Day,
};
use expect_test::expect;

use super::{to_csv, to_pdf};

fn company() -> Company {
    Company {
        name: "ProLight AI".to_owned(),
        address_lines: vec!["1 Studio Way".to_owned()],
        email: "billing@prolight.ai".to_owned(),
        tax_id: None,
        tax_label: "VAT".to_owned(),
    }
}

fn worth(plan: Plan) -> MrrState {
    let mrr = i64::from(plan.terms().monthly_price_cents);
    MrrState { plan, mrr, committed: mrr }
}

/// The facts of one day of a good month.
fn facts_of(day: Day, nth: u32) -> Vec<Fact> {
    let at = day.period().starts_at;
    let mut facts = Vec::new();
    let mut fact = |what: FactKind| {
        let id = format!("{day}:{}", facts.len());
        facts.push(Fact::new(id, at, what));
    };
    for joined in 0..2 + nth % 3 {
        let plan = if (nth + joined) % 5 == 4 { Plan::Enterprise } else { Plan::Pro };
        let (before, after) = (MrrState { plan, mrr: 0, committed: 0 }, worth(plan));
        fact(FactKind::Moved(Movement { kind: MovementKind::New, before, after }));
        fact(FactKind::Sold { source: Source::of_plan(Some(plan)), amount: after.mrr });
        fact(FactKind::Kept {
            source: Source::of_plan(Some(plan)),
            amount: 30 + after.mrr * 29 / 1_000,
        });
        fact(FactKind::Joined);
    }
    if nth % 6 == 5 {
        let (before, after) =
            (worth(Plan::Pro), MrrState { mrr: 0, committed: 0, plan: Plan::Pro });
        fact(FactKind::Moved(Movement { kind: MovementKind::Churned, before, after }));
        fact(FactKind::Returned { source: Source::Pro, amount: 2_900 });
        fact(FactKind::Declined { source: Source::Pro, times: 1 });
    }
    if nth % 9 == 4 {
        let (before, after) = (worth(Plan::Pro), worth(Plan::Enterprise));
        fact(FactKind::Moved(Movement { kind: MovementKind::Expansion, before, after }));
    }
    fact(FactKind::Sold { source: Source::Packs, amount: 500 * i64::from(1 + nth % 4) });
    for sale in 0..1 + nth % 3 {
        let creator_id = UserId::parse(&format!("creator_{}", (nth + sale) % 4)).unwrap();
        let leg = LegMoved { creator_id, commission: 180, share: 720, of_sale: true };
        fact(FactKind::Market(leg));
    }
    for job in 0..20_u32 {
        let plan = [Plan::Free, Plan::Pro, Plan::Enterprise][(job % 3) as usize];
        fact(FactKind::Finished(FinishedJob {
            status: domain::generation::Status::Succeeded,
            blocked: false,
            plan,
            provider: domain::generation::Provider::Bria,
            user_id: None,
            preset_id: None,
            listing_id: None,
            queue_ms: Some(900),
            run_ms: Some(14_000),
            cost_micros: 30_000,
        }));
    }
    facts
}

fn report() -> RevenueReport {
    let last = Day::parse("2026-11-25").unwrap();
    let mut metrics = Metrics::default();
    for nth in 0..60 {
        let day = last.minus(59 - nth);
        let sums = Counters::fold(&facts_of(day, nth));
        metrics.totals.merge(&sums.levels());
        metrics.days.insert(day, sums);
    }
    let rank = |(name, amount): (&str, i64)| Ranked {
        id: name.to_owned(),
        name: None,
        owner: None,
        amount,
    };
    metrics.creators = [("creator_1", 18_900), ("creator_0", 9_900)].map(rank).into();
    let span = Span { from: last.minus(29), to: last };
    let as_of = Timestamp::parse("2026-11-26T00:00:00Z").unwrap();
    let mut report = RevenueReport::of(span, &metrics, as_of);
    report.top_creators.items[1].display_name = Some("=HYPERLINK(\"http://evil\")".to_owned());
    report
}

#[test]
fn a_report_is_one_page_and_the_same_one_every_time() {
    let pdf = to_pdf(&report(), &company()).unwrap();
    assert_eq!(pdf, to_pdf(&report(), &company()).unwrap());
    let pages = lopdf::Document::load_mem(&pdf).unwrap().get_pages().len();
    assert_eq!(pages, 1);
}

/// The same on the first day, with almost no data and nothing to compare with.
#[test]
fn an_empty_report_is_a_page_too() {
    let last = Day::parse("2026-11-25").unwrap();
    let span = Span { from: last.minus(29), to: last };
    let report = RevenueReport::of(span, &Metrics::default(), last.period().ends_at);
    let pdf = to_pdf(&report, &company()).unwrap();
    assert_eq!(lopdf::Document::load_mem(&pdf).unwrap().get_pages().len(), 1);
    to_csv(&report).unwrap();
}

#[test]
fn every_figure_is_a_row_and_no_name_a_formula() {
    let csv = String::from_utf8(to_csv(&report()).unwrap()).unwrap();
    let rows: Vec<&str> = csv.split("\r\n").collect();
    let wanted = |row: &&&str| {
        row.contains("mrr_movement") || row.contains("churn") || row.contains("creator_gross")
    };
    let shown: Vec<&str> = rows.iter().filter(wanted).copied().collect();
    expect![[r#"
        2026-10-27,2026-11-25,mrr_movement,new,387000,usd cents
        2026-10-27,2026-11-25,mrr_movement,reactivation,0,usd cents
        2026-10-27,2026-11-25,mrr_movement,expansion,28000,usd cents
        2026-10-27,2026-11-25,mrr_movement,contraction,0,usd cents
        2026-10-27,2026-11-25,mrr_movement,churned,-14500,usd cents
        2026-10-27,2026-11-25,movements,churned,5,count
        2026-10-27,2026-11-25,mrr_movement,net,400500,usd cents
        2026-10-27,2026-11-25,churned_customers,,5,count
        2026-10-27,2026-11-25,customer_churn,customers at the start,588,basis points
        2026-10-27,2026-11-25,customer_churn,customers at the start and new ones,286,basis points
        2026-10-27,2026-11-25,mrr_churn,MRR at the start,368,basis points
        2026-09-27,2026-10-26,mrr_movement,new,387000,usd cents
        2026-09-27,2026-10-26,mrr_movement,reactivation,0,usd cents
        2026-09-27,2026-10-26,mrr_movement,expansion,21000,usd cents
        2026-09-27,2026-10-26,mrr_movement,contraction,0,usd cents
        2026-09-27,2026-10-26,mrr_movement,churned,-14500,usd cents
        2026-09-27,2026-10-26,movements,churned,5,count
        2026-09-27,2026-10-26,mrr_movement,net,393500,usd cents
        2026-09-27,2026-10-26,churned_customers,,5,count
        2026-09-27,2026-10-26,customer_churn,customers at the start,,basis points
        2026-09-27,2026-10-26,customer_churn,customers at the start and new ones,556,basis points
        2026-09-27,2026-10-26,mrr_churn,MRR at the start,,basis points
        2026-11-01,2026-11-30,creator_gross,creator_1,18900,usd cents
        2026-11-01,2026-11-30,creator_gross,"'=HYPERLINK(""http://evil"")",9900,usd cents"#]]
    .assert_eq(&shown.join("\n"));
}
