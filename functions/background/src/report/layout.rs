//! The revenue report as a PDF of one page.

use std::cmp::Ordering;

use clients::documents::Company;
use domain::{
    metrics::{PeriodMetrics, RevenueDay, RevenueReport, Source},
    ratio::bps,
};
use pdf::{
    Badge, Chart, Column, DocumentBuilder, DocumentInfo, Fonts, Hue, KpiCard, LEFT, Note, RIGHT,
    Row, Series, Shape, Table, TableFooter, Text,
    figures::{calendar, date, figure, thousands},
};

use super::ReportFailed;

/// Creators of the ranking that fit on the page.
const CREATORS_SHOWN: usize = 4;
/// Right edges of six columns of figures.
const ENDS: [f32; 6] =
    [LEFT + 122.0, LEFT + 192.0, LEFT + 262.0, LEFT + 326.0, LEFT + 384.0, RIGHT];

/// A report as a PDF of one page: the same report gives the same bytes.
///
/// # Errors
/// When it cannot be rendered, which no number and no text in it can cause.
pub(crate) fn to_pdf(report: &RevenueReport, company: &Company) -> Result<Vec<u8>, ReportFailed> {
    let (period, fonts) = (&report.period, Fonts::embedded()?);
    let page = Page { report, period, previous: &report.previous };
    let mut document = DocumentBuilder::new(&fonts, "Revenue", &company.name);
    let until = date(period.to.period().starts_at);
    document.fact("As of", &format!("the end of {until}, UTC"));
    document
        .fact("Period", &format!("{} days, {} to {}", report.days.len(), period.from, period.to));
    document.skip(10.0);
    document.kpi_cards(&page.kpi_cards());
    let whole = |cents: i64| thousands(cents.div_euclid(100));
    document.charts(&[page.recurring(&whole), page.earned(&whole)])?;
    document.section("How monthly recurring revenue moved");
    document.table(&page.movements(), &TableFooter::default());
    document.section("Plans");
    document.table(&page.plans(), &TableFooter::default());
    document.section(&format!("Marketplace, top creators of {}", report.top_creators.month));
    document.table(&page.market(), &TableFooter { sums: Vec::new(), notes: vec![page.note()] });
    let title = format!("Revenue {}", period.to);
    let about = DocumentInfo {
        title: title.clone(),
        author: company.name.clone(),
        id: format!("revenue {}", period.to),
        created: calendar(period.to.period().starts_at),
    };
    let from = format!("{} · {}", company.name, company.email);
    Ok(document.print((&from, &title), &about)?)
}

struct Page<'a> {
    report: &'a RevenueReport,
    period: &'a PeriodMetrics,
    previous: &'a PeriodMetrics,
}

impl Page<'_> {
    fn kpi_cards(&self) -> [KpiCard; 4] {
        let (now, before) = (self.period, self.previous);
        let margin =
            |of: &PeriodMetrics| of.margins.iter().map(|margin| margin.gross_margin).sum::<i64>();
        [
            kpi_card("MRR", now.end.mrr, now.start.mrr),
            kpi_card("ARR", now.end.arr, now.start.arr),
            kpi_card("Net revenue", now.revenue.net, before.revenue.net),
            kpi_card("Gross margin of plans", margin(now), margin(before)),
        ]
    }

    /// MRR by day.
    fn recurring<'c>(&self, value: &'c dyn Fn(i64) -> String) -> Chart<'c> {
        let (first, last) = (self.period.start.mrr, self.period.end.mrr);
        Chart {
            title: "Monthly recurring revenue, USD".to_owned(),
            alt: format!("MRR by day, from {} to {} dollars.", first / 100, last / 100),
            places: self.places(),
            shape: Shape::Line,
            series: vec![self.series("MRR", Hue::First, |day| day.mrr)],
            value,
        }
    }

    /// Net revenue by day.
    fn earned<'c>(&self, value: &'c dyn Fn(i64) -> String) -> Chart<'c> {
        let commission = |day: &RevenueDay| day.by_source(Source::Marketplace).net;
        let packs = |day: &RevenueDay| day.by_source(Source::Packs).net;
        let plans = |day: &RevenueDay| {
            day.revenue.net
                - day.by_source(Source::Marketplace).net
                - day.by_source(Source::Packs).net
        };
        Chart {
            title: "Net revenue by day, USD".to_owned(),
            alt: format!(
                "Net revenue by day, {} dollars in all.",
                self.period.revenue.net.div_euclid(100)
            ),
            places: self.places(),
            shape: Shape::Bars,
            series: vec![
                self.series("Plans", Hue::First, plans),
                self.series("Packs", Hue::Second, packs),
                self.series("Commission", Hue::Third, commission),
            ],
            value,
        }
    }

    fn series(&self, name: &str, hue: Hue, of: impl Fn(&RevenueDay) -> i64) -> Series {
        Series { name: name.to_owned(), hue, values: self.report.days.iter().map(of).collect() }
    }

    /// Day labels as `11-25`.
    fn places(&self) -> Vec<String> {
        let day = |day: &RevenueDay| day.day.to_string().split_off(5);
        self.report.days.iter().map(day).collect()
    }

    fn movements(&self) -> Table {
        let moved = &self.period.movements;
        let heads = ["START", "NEW", "REACTIVATION", "EXPANSION", "CONTRACTION", "CHURNED", "END"];
        let money = |cents: i64| vec![self.money(cents)];
        let with_count = |sum: domain::metrics::MovementSum| {
            vec![self.money(sum.mrr), Text::Aside(customers(sum.count))]
        };
        let row = vec![
            money(self.period.start.mrr),
            with_count(moved.new),
            with_count(moved.reactivation),
            with_count(moved.expansion),
            with_count(moved.contraction),
            with_count(moved.churned),
            money(self.period.end.mrr),
        ];
        let step = (RIGHT - LEFT) / 7.0;
        let column = |(head, place): (&str, f32)| Column::Figures {
            head: head.to_owned(),
            x: LEFT + step * place,
        };
        let places = (1_u8..).map(f32::from);
        Table { columns: heads.into_iter().zip(places).map(column).collect(), rows: vec![row] }
    }

    fn plans(&self) -> Table {
        let heads = ["CUSTOMERS", "MRR", "REVENUE", "PICTURES", "FEES", "GROSS MARGIN"];
        let rows = self.period.margins.iter().map(|margin| {
            let end = self.period.end.plans.iter().find(|it| it.plan == margin.plan);
            let count = end.map_or_else(|| "-".to_owned(), |it| thousands(it.customers));
            let mrr = end.map_or(0, |it| it.mrr);
            let rate = margin.gross_margin_bps.map(percent).unwrap_or_default();
            let left = format!("{}  {rate:>7}", self.plain(margin.gross_margin));
            vec![
                vec![Text::Short(margin.plan.terms().name.to_owned())],
                vec![Text::Figure(count)],
                vec![self.money(mrr)],
                vec![self.money(margin.revenue)],
                vec![self.money(margin.generation_cost)],
                vec![self.money(margin.processor_fees)],
                vec![Text::Figure(left)],
            ]
        });
        Table { columns: named("PLAN", &heads), rows: rows.collect() }
    }

    fn market(&self) -> Table {
        let market = &self.period.marketplace;
        let whole: Row = vec![
            vec![Text::Short("All sales of the period".to_owned())],
            vec![Text::Figure(thousands(market.sales))],
            vec![self.money(market.gross)],
            vec![self.money(market.returned_gross)],
            vec![self.money(market.commission - market.returned_commission)],
        ];
        let ranks = self.report.top_creators.items.iter().take(CREATORS_SHOWN).map(|rank| {
            let id = || Text::Id(rank.creator_id.clone());
            vec![
                vec![rank.display_name.clone().map_or_else(id, Text::Short)],
                Vec::new(),
                vec![self.money(rank.gross)],
                Vec::new(),
                Vec::new(),
            ]
        });
        let heads = ["SALES", "GROSS", "GIVEN BACK", "COMMISSION"];
        let columns = named("WHO", &heads);
        Table { columns, rows: std::iter::once(whole).chain(ranks).collect() }
    }

    fn note(&self) -> Note {
        let churn = &self.period.churn;
        let rate = |bps: Option<i64>| bps.map_or_else(|| "none to count".to_owned(), percent);
        Note::Aside(format!(
            "Amounts in US dollars, tax excluded, discounts taken off; what was given back counts in the \
             period it went back. MRR: active subscriptions and past due ones within their grace; no \
             trials, packs or marketplace. Churn: {} customers, {} of those at the start, {} of those and \
             the new ones; {} of MRR. {} payments failed. Definitions, version {}.",
            churn.ended,
            rate(churn.of_start_bps),
            rate(churn.of_start_and_new_bps),
            rate(churn.mrr_of_start_bps),
            self.period.failed_payments,
            self.report.definition_version,
        ))
    }

    fn money(&self, cents: i64) -> Text {
        Text::Figure(self.plain(cents))
    }

    fn plain(&self, cents: i64) -> String {
        figure(cents, self.report.currency)
    }
}

/// A figure and its change: against the start of the period, or against the previous period.
fn kpi_card(label: &str, now: i64, before: i64) -> KpiCard {
    let badge = match now.cmp(&before) {
        Ordering::Greater => Badge::Good,
        Ordering::Less => Badge::Alert,
        Ordering::Equal => Badge::Quiet,
    };
    KpiCard {
        label: label.to_owned(),
        value: format!("${}", thousands(now.div_euclid(100))),
        aside: change(now, before),
        badge,
    }
}

/// A column of names, and columns of figures aligned with [`ENDS`].
fn named(head: &str, figures: &[&str]) -> Vec<Column> {
    let skip = ENDS.len() - figures.len();
    // With fewer columns the names are wider.
    let width = ENDS[skip] - LEFT - 58.0;
    let name = Column::Words { head: head.to_owned(), x: LEFT, width };
    let ends = ENDS.into_iter().skip(skip);
    let column = |(head, x): (&&str, f32)| Column::Figures { head: (*head).to_owned(), x };
    std::iter::once(name).chain(figures.iter().zip(ends).map(column)).collect()
}

/// `+12.50 % in 30 days`, or why there is no rate.
fn change(now: i64, before: i64) -> String {
    if before <= 0 {
        return if now > before { "none 30 days before" } else { "as 30 days before" }.to_owned();
    }
    let bps = bps(now - before, before).unwrap_or_default();
    let sign = if bps > 0 { "+" } else { "" };
    format!("{sign}{} in 30 days", percent(bps))
}

/// `12.50 %` from basis points, with both decimals, so that a rounded rate is not rounded again.
fn percent(bps: i64) -> String {
    let (whole, rest) = (bps.unsigned_abs() / 100, bps.unsigned_abs() % 100);
    let sign = if bps < 0 { "-" } else { "" };
    format!("{sign}{whole}.{rest:02} %")
}

fn customers(count: i64) -> String {
    match count {
        1 => "1 customer".to_owned(),
        count => format!("{} customers", thousands(count)),
    }
}
