//! The revenue report as CSV.

use csv::{Terminator, Writer, WriterBuilder};
use domain::metrics::{PeriodMetrics, RevenueReport};
use pdf::cells::escape_formula;

use super::ReportFailed;

const HEADS: [&str; 6] = ["from", "to", "figure", "of", "amount", "unit"];

/// The unit of an amount.
#[derive(Clone, Copy)]
enum Unit {
    Cents,
    Count,
    BasisPoints,
}

/// A report as CSV (RFC 4180), in UTF-8 with a header row: a row for each figure of the period, of
/// the previous one, of each day and of each creator of the ranking. Amounts are integers in their
/// unit; an undefined rate is empty.
///
/// # Errors
/// Never: it is written to memory.
pub(crate) fn to_csv(report: &RevenueReport) -> Result<Vec<u8>, ReportFailed> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(HEADS)?;
    let mut sheet = Sheet { writer, currency: report.currency.as_str().to_owned(), span: None };
    sheet.figures(&report.period)?;
    sheet.figures(&report.previous)?;
    for day in &report.days {
        sheet.span = Some((day.day.to_string(), day.day.to_string()));
        sheet.row("mrr", "", day.mrr, Unit::Cents)?;
        sheet.row("customers", "", day.customers, Unit::Count)?;
        sheet.row("revenue_paid", "", day.revenue.paid, Unit::Cents)?;
        sheet.row("revenue_returned", "", day.revenue.returned, Unit::Cents)?;
        sheet.row("revenue_net", "", day.revenue.net, Unit::Cents)?;
        sheet.row("marketplace_gross", "", day.marketplace_gross, Unit::Cents)?;
    }
    let month = report.top_creators.month.period();
    let last = domain::time::Day::of(month.ends_at).minus(1);
    sheet.span = Some((month.starts_at.date(), last.to_string()));
    for rank in &report.top_creators.items {
        let name = rank.display_name.as_deref().unwrap_or(&rank.creator_id);
        sheet.row("creator_gross", name, rank.gross, Unit::Cents)?;
    }
    sheet.writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()).into())
}

struct Sheet {
    writer: Writer<Vec<u8>>,
    currency: String,
    span: Option<(String, String)>,
}

impl Sheet {
    fn row(&mut self, figure: &str, of: &str, amount: i64, unit: Unit) -> Result<(), ReportFailed> {
        self.cell(figure, of, &amount.to_string(), unit)
    }

    fn cell(
        &mut self,
        figure: &str,
        of: &str,
        amount: &str,
        unit: Unit,
    ) -> Result<(), ReportFailed> {
        let unit = match unit {
            Unit::Cents => format!("{} cents", self.currency),
            Unit::Count => "count".to_owned(),
            Unit::BasisPoints => "basis points".to_owned(),
        };
        let (from, to) = self.span.clone().unwrap_or_default();
        let row = [from.as_str(), &to, figure, &escape_formula(of), amount, &unit];
        Ok(self.writer.write_record(row)?)
    }

    fn rate(&mut self, figure: &str, of: &str, rate: Option<i64>) -> Result<(), ReportFailed> {
        let text = rate.map(|rate| rate.to_string()).unwrap_or_default();
        self.cell(figure, of, &text, Unit::BasisPoints)
    }

    fn figures(&mut self, figures: &PeriodMetrics) -> Result<(), ReportFailed> {
        use Unit::{Cents, Count};
        self.span = Some((figures.from.to_string(), figures.to.to_string()));
        for (when, standing) in [("start", &figures.start), ("end", &figures.end)] {
            self.row(&format!("mrr_{when}"), "", standing.mrr, Cents)?;
            self.row(&format!("committed_mrr_{when}"), "", standing.committed_mrr, Cents)?;
            self.row(&format!("arr_{when}"), "", standing.arr, Cents)?;
            for plan in &standing.plans {
                let name = plan.plan.into_str();
                self.row(&format!("customers_{when}"), name, plan.customers, Count)?;
                self.row(&format!("mrr_{when}"), name, plan.mrr, Cents)?;
            }
        }
        let moved = &figures.movements;
        for (name, sum) in [
            ("new", moved.new),
            ("reactivation", moved.reactivation),
            ("expansion", moved.expansion),
            ("contraction", moved.contraction),
            ("churned", moved.churned),
        ] {
            self.row("mrr_movement", name, sum.mrr, Cents)?;
            self.row("movements", name, sum.count, Count)?;
        }
        self.row("mrr_movement", "net", moved.net, Cents)?;
        self.row("churned_customers", "", figures.churn.ended, Count)?;
        self.rate("customer_churn", "customers at the start", figures.churn.of_start_bps)?;
        let both = "customers at the start and new ones";
        self.rate("customer_churn", both, figures.churn.of_start_and_new_bps)?;
        self.rate("mrr_churn", "MRR at the start", figures.churn.mrr_of_start_bps)?;
        for (source, sum) in &figures.by_source {
            self.row("revenue_paid", source.into_str(), sum.paid, Cents)?;
            self.row("revenue_returned", source.into_str(), sum.returned, Cents)?;
            self.row("revenue_net", source.into_str(), sum.net, Cents)?;
        }
        self.row("revenue_net", "", figures.revenue.net, Cents)?;
        let market = &figures.marketplace;
        self.row("marketplace_sales", "", market.sales, Count)?;
        self.row("marketplace_gross", "", market.gross, Cents)?;
        self.row("marketplace_commission", "", market.commission, Cents)?;
        self.row("marketplace_returned_gross", "", market.returned_gross, Cents)?;
        self.row("failed_payments", "", figures.failed_payments, Count)?;
        self.row("new_members", "", figures.new_members, Count)?;
        for margin in &figures.margins {
            let name = margin.plan.into_str();
            self.row("generation_cost", name, margin.generation_cost, Cents)?;
            self.row("processor_fees", name, margin.processor_fees, Cents)?;
            self.row("gross_margin", name, margin.gross_margin, Cents)?;
            self.rate("gross_margin", name, margin.gross_margin_bps)?;
        }
        Ok(())
    }
}
