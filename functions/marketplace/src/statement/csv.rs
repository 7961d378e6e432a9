//! Statements as CSV.

use csv::{Terminator, WriterBuilder};
use domain::{
    marketplace::creator::statement::{Line, Statement},
    money::{Currency, Money},
};
use pdf::cells::escape_formula;

use super::StatementError;

const HEADS: [&str; 10] =
    ["date", "kind", "purchase", "payout", "title", "gross", "fee", "net", "balance", "currency"];

/// A statement as CSV (RFC 4180), in UTF-8 with a header row: the opening balance, a row for each
/// line with the balance after it, and the closing balance. Amounts are plain decimals.
///
/// # Errors
/// Never: it is written to memory.
pub(super) fn to_csv(statement: &Statement) -> Result<Vec<u8>, StatementError> {
    let mut rows = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let period = statement.month.period();
    rows.write_record(HEADS)?;
    let opening = (period.starts_at.to_string(), "opening_balance", statement.opening);
    rows.write_record(balance(statement, opening))?;
    for (line, after) in statement.running() {
        rows.write_record(row(statement, line, after))?;
    }
    let closing = (period.ends_at.to_string(), "closing_balance", statement.closing);
    rows.write_record(balance(statement, closing))?;
    rows.into_inner().map_err(|error| ::csv::Error::from(error.into_error()).into())
}

fn balance(
    statement: &Statement,
    (at, kind, amount): (String, &str, i64),
) -> [String; HEADS.len()] {
    let (amount, currency) = decimal(statement.currency, amount);
    let mut row = <[String; HEADS.len()]>::default();
    (row[0], row[1], row[8], row[9]) = (at, kind.to_owned(), amount, currency);
    row
}

fn row(statement: &Statement, line: &Line, after: i64) -> [String; HEADS.len()] {
    let figure = |amount| decimal(statement.currency, amount).0;
    let of_a_payment = |amount| match line.kind.is_of_a_payment() {
        true => figure(amount),
        false => String::new(),
    };
    let (balance, currency) = decimal(statement.currency, after);
    [
        line.at.to_string(),
        line.kind.into_str().to_owned(),
        line.purchase_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        line.payout_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        escape_formula(line.title.as_deref().unwrap_or_default()),
        of_a_payment(line.moved.gross),
        of_a_payment(line.moved.fee),
        figure(line.moved.net),
        balance,
        currency,
    ]
}

/// `-1234.50` and `USD`.
pub(crate) fn decimal(currency: Currency, amount: i64) -> (String, String) {
    let text = Money { amount, currency }.to_string();
    let (amount, currency) = text.split_once(' ').unwrap_or((&text, ""));
    (amount.to_owned(), currency.to_owned())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::tests::statement, *};

    #[test]
    fn a_row_for_each_line_and_the_balances_around_them() {
        let text = String::from_utf8(to_csv(&statement()).unwrap()).unwrap();
        assert_eq!(text.matches("\r\n").count(), text.matches('\n').count());
        expect![[r#"
            date,kind,purchase,payout,title,gross,fee,net,balance,currency
            2026-11-01T00:00:00.000Z,opening_balance,,,,,,,987.65,USD
            2026-11-02T09:30:00.000Z,sale,pur_01M6A6FT000000000000000002,,"'=Rembrandt, ""at dusk""",9.99,1.99,8.00,995.65,USD
            2026-11-03T17:05:00.000Z,sale,pur_01M6A6FT000000000000000003,,A very long title of a light that has no end and wants none,15.00,3.00,12.00,1007.65,USD
            2026-11-04T12:00:00.000Z,refund,pur_01M6A6FT000000000000000002,,"'=Rembrandt, ""at dusk""",-9.99,-1.99,-8.00,999.65,USD
            2026-11-05T12:00:00.000Z,dispute,pur_01M6A6FT000000000000000003,,A very long title of a light that has no end and wants none,-15.00,-3.00,-12.00,987.65,USD
            2026-11-09T06:00:01.000Z,payout,,pay_01M6ZE8QR00000000000000007,,,,-987.65,0.00,USD
            2026-11-20T12:00:00.000Z,dispute_returned,pur_01M6A6FT000000000000000003,,A very long title of a light that has no end and wants none,15.00,3.00,12.00,12.00,USD
            2026-11-21T08:00:00.000Z,payout_returned,,pay_01M6ZE8QR00000000000000007,,,,987.65,999.65,USD
            2026-12-01T00:00:00.000Z,closing_balance,,,,,,,999.65,USD
        "#]].assert_eq(&text.replace("\r\n", "\n"));
    }
}
