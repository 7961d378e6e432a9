//! The texts and amounts of a document, independent of layout.
//!
//! Amounts are the invoice's own: they are checked against each other and never recomputed; a
//! difference with a meaning (a discount, an applied balance) is named.

use domain::billing::invoice::{Invoice, InvoiceLine, InvoiceStatus, Issue, LINES_MAX};
use pdf::{
    Emphasis, Sum,
    figures::{date, figure, money, span},
};

use super::DocumentError;

/// The payment status of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Open,
    Paid,
    PartlyRefunded,
    Refunded,
    Void,
    /// Uncollectible.
    Unpaid,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) description: String,
    pub(super) period: Option<String>,
    pub(super) quantity: String,
    /// Empty where the amount cannot be divided evenly: a rounded price would be wrong.
    pub(super) unit: String,
    pub(super) amount: String,
}

impl Mark {
    /// The payment status of `invoice`.
    ///
    /// # Errors
    /// When it is a draft, which has no document.
    pub(super) fn of(invoice: &Invoice) -> Result<Mark, DocumentError> {
        match invoice.status {
            InvoiceStatus::Draft => Err(DocumentError::NotFinal),
            InvoiceStatus::Open => Ok(Mark::Open),
            InvoiceStatus::Void => Ok(Mark::Void),
            InvoiceStatus::Uncollectible => Ok(Mark::Unpaid),
            InvoiceStatus::Paid if invoice.amount_refunded <= 0 => Ok(Mark::Paid),
            InvoiceStatus::Paid if invoice.amount_refunded < invoice.amount_paid => {
                Ok(Mark::PartlyRefunded)
            }
            InvoiceStatus::Paid => Ok(Mark::Refunded),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Mark::Open => "OPEN",
            Mark::Paid => "PAID",
            Mark::PartlyRefunded => "PARTLY REFUNDED",
            Mark::Refunded => "REFUNDED",
            Mark::Void => "VOID",
            Mark::Unpaid => "UNPAID",
        }
    }
}

/// `Invoice` or `Receipt`.
pub(super) fn kind(invoice: &Invoice) -> &'static str {
    match invoice.issue {
        Issue::Subscription { .. } => "Invoice",
        Issue::Pack { .. } | Issue::Purchase { .. } => "Receipt",
    }
}

/// The invoice number; our own id if it has none.
pub(super) fn number(invoice: &Invoice) -> &str {
    invoice.number.as_deref().unwrap_or(invoice.id.as_str())
}

/// The main sentence of the document: amount, status and date.
pub(super) fn headline(invoice: &Invoice, mark: Mark) -> String {
    let text = |amount| money(amount, invoice.currency);
    match mark {
        Mark::Open => format!("{} due", text(invoice.amount_due)),
        Mark::Unpaid => format!("{} unpaid", text(invoice.amount_due)),
        Mark::Void => format!("{}, void", text(invoice.total)),
        Mark::Refunded => format!("{} refunded", text(invoice.amount_refunded)),
        Mark::PartlyRefunded => {
            let (refunded, paid) = (text(invoice.amount_refunded), text(invoice.amount_paid));
            format!("{refunded} of {paid} refunded")
        }
        Mark::Paid => match invoice.paid_at {
            Some(at) => format!("{} paid on {}", text(invoice.amount_paid), date(at)),
            None => format!("{} paid", text(invoice.amount_paid)),
        },
    }
}

/// The rows of the table.
pub(super) fn entries(invoice: &Invoice) -> Vec<Entry> {
    let entry = |line: &InvoiceLine| Entry {
        description: line.description.clone(),
        period: line.period.map(span),
        quantity: line.quantity.to_string(),
        unit: unit(line).map(|unit| figure(unit, invoice.currency)).unwrap_or_default(),
        amount: figure(line.amount, invoice.currency),
    };
    invoice.lines.iter().map(entry).collect()
}

/// The rows under the table, from the subtotal to the amount due.
///
/// # Errors
/// When the total is not the sum of subtotal and tax.
pub(super) fn sums(
    invoice: &Invoice,
    mark: Mark,
    tax_label: &str,
) -> Result<Vec<Sum>, DocumentError> {
    if invoice.subtotal.checked_add(invoice.tax) != Some(invoice.total) {
        return Err(DocumentError::Unbalanced);
    }
    let mut sums = Vec::new();
    let mut add = |label: &str, amount: i64, emphasis: Emphasis| {
        let amount = figure(amount, invoice.currency);
        sums.push(Sum { label: label.to_owned(), amount, emphasis });
    };
    if let Some((label, amount)) = not_in_lines(invoice)? {
        add(label, amount, Emphasis::Plain);
    }
    add("Subtotal", invoice.subtotal, Emphasis::Plain);
    add(tax_label, invoice.tax, Emphasis::Plain);
    add("Total", invoice.total, Emphasis::Strong);
    if invoice.amount_paid != 0 {
        add("Paid", invoice.amount_paid.saturating_neg(), Emphasis::Plain);
    }
    match mark {
        Mark::Void => {}
        Mark::Open | Mark::Paid | Mark::PartlyRefunded | Mark::Refunded | Mark::Unpaid => {
            let settled = i128::from(invoice.amount_paid) + i128::from(invoice.amount_due);
            let balance = narrow(i128::from(invoice.total) - settled)?;
            if balance > 0 {
                add("Paid from account balance", balance.saturating_neg(), Emphasis::Plain);
            } else if balance < 0 {
                add("Added to account balance", balance.saturating_neg(), Emphasis::Plain);
            }
            add("Balance due", invoice.amount_due, Emphasis::Strong);
        }
    }
    if invoice.amount_refunded > 0 {
        add("Refunded", invoice.amount_refunded, Emphasis::Plain);
    }
    Ok(sums)
}

fn unit(line: &InvoiceLine) -> Option<i64> {
    let quantity = i64::from(line.quantity);
    let even = quantity > 0 && line.amount % quantity == 0;
    even.then(|| line.amount / quantity)
}

/// The named difference between the lines and the subtotal.
fn not_in_lines(invoice: &Invoice) -> Result<Option<(&'static str, i64)>, DocumentError> {
    let lines: i128 = invoice.lines.iter().map(|line| i128::from(line.amount)).sum();
    let difference = narrow(i128::from(invoice.subtotal) - lines)?;
    Ok(match difference {
        0 => None,
        _ if invoice.lines.len() >= LINES_MAX => Some(("Further lines and discounts", difference)),
        _ if difference < 0 => Some(("Discount", difference)),
        _ => Some(("Other charges", difference)),
    })
}

fn narrow(amount: i128) -> Result<i64, DocumentError> {
    i64::try_from(amount).map_err(|_| DocumentError::Unbalanced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tests::{line, receipt};

    #[test]
    fn a_unit_price_is_shown_only_where_it_is_exact() {
        let check = |quantity: u32, amount: i64, expected: &str| {
            let invoice = Invoice { lines: vec![line("", quantity, amount)], ..receipt() };
            assert_eq!(entries(&invoice)[0].unit, expected, "{quantity} for {amount}");
        };
        check(1, 1800, "18.00");
        check(4, 5000, "12.50");
        check(2, -5000, "-25.00");
        check(3, 1000, "");
        check(0, 1000, "");
    }

    /// Label and amount of each row, for an invoice whose one line is `line_amount`.
    fn rows(line_amount: i64, invoice: Invoice) -> Vec<(String, String)> {
        let invoice = Invoice { lines: vec![line("", 1, line_amount)], ..invoice };
        let mark = Mark::of(&invoice).unwrap();
        let sums = sums(&invoice, mark, "VAT").unwrap();
        sums.into_iter().map(|sum| (sum.label, sum.amount)).collect()
    }

    fn check(line_amount: i64, invoice: Invoice, expected: &[(&str, &str)]) {
        let rows = rows(line_amount, invoice);
        let rows: Vec<(&str, &str)> = rows.iter().map(|(l, a)| (l.as_str(), a.as_str())).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn every_difference_has_a_name() {
        let (subtotal, tax, total) = (("Subtotal", "18.00"), ("VAT", "1.62"), ("Total", "19.62"));
        let (paid, due) = (("Paid", "-19.62"), ("Balance due", "0.00"));
        check(1800, receipt(), &[subtotal, tax, total, paid, due]);
        check(2000, receipt(), &[("Discount", "-2.00"), subtotal, tax, total, paid, due]);
        check(1700, receipt(), &[("Other charges", "1.00"), subtotal, tax, total, paid, due]);

        let refunded = Invoice { amount_refunded: 500, ..receipt() };
        check(1800, refunded, &[subtotal, tax, total, paid, due, ("Refunded", "5.00")]);

        let balance = Invoice { amount_paid: 962, ..receipt() };
        let used = ("Paid from account balance", "-10.00");
        check(1800, balance, &[subtotal, tax, total, ("Paid", "-9.62"), used, due]);

        let open =
            Invoice { status: InvoiceStatus::Open, amount_paid: 0, amount_due: 1962, ..receipt() };
        check(1800, open, &[subtotal, tax, total, ("Balance due", "19.62")]);

        let void = Invoice { status: InvoiceStatus::Void, amount_paid: 0, ..receipt() };
        check(1800, void, &[subtotal, tax, total]);

        let credit = Invoice { subtotal: -500, tax: 0, total: -500, amount_paid: 0, ..receipt() };
        let added = ("Added to account balance", "5.00");
        let zero = ("VAT", "0.00");
        check(-500, credit, &[("Subtotal", "-5.00"), zero, ("Total", "-5.00"), added, due]);
    }

    #[test]
    fn lines_that_were_cut_are_not_called_a_discount() {
        let lines = vec![line("", 1, 10); LINES_MAX];
        let invoice = Invoice { lines, ..receipt() };
        let found = not_in_lines(&invoice).unwrap();
        assert_eq!(found, Some(("Further lines and discounts", 1800 - 10 * LINES_MAX as i64)));
    }

    #[test]
    fn the_mark_follows_the_money() {
        let check = |status: InvoiceStatus, refunded: i64, expected: &str, says: &str| {
            let invoice = Invoice { status, amount_refunded: refunded, ..receipt() };
            let mark = Mark::of(&invoice).unwrap();
            assert_eq!(mark.word(), expected);
            assert_eq!(headline(&invoice, mark), says);
        };
        check(InvoiceStatus::Paid, 0, "PAID", "19.62 USD paid on 23 November 2026");
        check(InvoiceStatus::Paid, 1, "PARTLY REFUNDED", "0.01 USD of 19.62 USD refunded");
        check(InvoiceStatus::Paid, 1962, "REFUNDED", "19.62 USD refunded");
        check(InvoiceStatus::Void, 0, "VOID", "19.62 USD, void");
        check(InvoiceStatus::Open, 0, "OPEN", "0.00 USD due");
        check(InvoiceStatus::Uncollectible, 0, "UNPAID", "0.00 USD unpaid");
        let draft = Invoice { status: InvoiceStatus::Draft, ..receipt() };
        assert!(matches!(Mark::of(&draft), Err(DocumentError::NotFinal)));
    }
}
