//! Statements as PDF.

use clients::documents::Company;
use domain::marketplace::creator::statement::Line;
use pdf::{
    Badge, Column, DocumentBuilder, DocumentInfo, Emphasis, Fonts, LEFT, Note, RIGHT, Row, Sum,
    Table, TableFooter, Text,
    figures::{calendar, code, figure, money, month},
};

use super::{StatementContext, StatementError};

/// Left edges of the text columns, in points.
const WHAT: f32 = LEFT + 58.0;
const FOR: f32 = WHAT + 92.0;
/// Right edges of the columns of figures, in points.
const GROSS: f32 = RIGHT - 124.0;
const FEE: f32 = RIGHT - 66.0;
/// Space between columns, in points.
const GAP: f32 = 8.0;
/// Width of a figure, in points.
const FIGURE: f32 = 52.0;

/// A statement as a PDF: the same statement gives the same bytes.
///
/// # Errors
/// When it cannot be rendered, which no text in it can cause.
pub(super) fn to_pdf(
    context: &StatementContext,
    company: &Company,
) -> Result<Vec<u8>, StatementError> {
    let statement = &context.statement;
    let fonts = Fonts::embedded()?;
    let mut document = DocumentBuilder::new(&fonts, "Statement", &company.name);
    match context.complete {
        true => document.badge("COMPLETE", Badge::Good),
        false => document.badge("SO FAR", Badge::Quiet),
    }
    document.fact("Month", &month(statement.month));
    document.fact("Lines", &statement.lines.len().to_string());
    parties(&mut document, context, company);
    document.headline(&headline(context));
    document.table(&table(context), &TableFooter { sums: sums(context), notes: notes(context) });
    let title = format!("Statement {}", statement.month);
    let about = DocumentInfo {
        title: title.clone(),
        author: company.name.clone(),
        id: format!("{} {}", statement.creator_id, statement.month),
        created: calendar(statement.month.period().starts_at),
    };
    let from = format!("{} · {}", company.name, company.email);
    Ok(document.print((&from, &title), &about)?)
}

fn parties(document: &mut DocumentBuilder<'_>, context: &StatementContext, company: &Company) {
    let mut from: Vec<&str> = vec![&company.name];
    from.extend(company.address_lines.iter().map(String::as_str));
    from.push(&company.email);
    let id = context.statement.creator_id.as_str();
    let mut creator: Vec<&str> = vec![&context.creator];
    creator.extend((context.creator != id).then_some(id));
    document.parties(("FROM", &from), ("CREATOR", &creator));
}

fn headline(context: &StatementContext) -> String {
    let closing = context.statement.closing;
    let text = money(closing.saturating_abs(), context.statement.currency);
    let when = if context.complete { "at the end of the month" } else { "so far" };
    match closing {
        0.. => format!("{text} owed to you {when}"),
        _ => format!("{text} owed to us {when}"),
    }
}

fn table(context: &StatementContext) -> Table {
    let net = format!("NET ({})", code(context.statement.currency));
    let words =
        |head: &str, x: f32, end: f32| Column::Words { head: head.to_owned(), x, width: end - x };
    let figures = |head: &str, x| Column::Figures { head: head.to_owned(), x };
    let columns = vec![
        words("DATE", LEFT, WHAT - GAP),
        words("WHAT", WHAT, FOR - GAP),
        words("FOR", FOR, GROSS - FIGURE - GAP),
        figures("GROSS", GROSS),
        figures("FEE", FEE),
        figures(&net, RIGHT),
    ];
    Table { columns, rows: context.statement.lines.iter().map(|line| row(context, line)).collect() }
}

fn row(context: &StatementContext, line: &Line) -> Row {
    let figure = |amount| vec![Text::Figure(figure(amount, context.statement.currency))];
    let of_a_payment = |amount| match line.kind.is_of_a_payment() {
        true => figure(amount),
        false => Vec::new(),
    };
    let title = line.title.clone().map(Text::Short);
    let purchase = line.purchase_id.as_ref().map(ToString::to_string);
    let id = purchase.or_else(|| line.payout_id.as_ref().map(ToString::to_string));
    vec![
        vec![Text::Short(line.at.date())],
        vec![Text::Short(line.kind.words().to_owned())],
        title.into_iter().chain(id.map(Text::Id)).collect(),
        of_a_payment(line.moved.gross),
        of_a_payment(line.moved.fee),
        figure(line.moved.net),
    ]
}

fn sums(context: &StatementContext) -> Vec<Sum> {
    let statement = &context.statement;
    let sum = |label: String, amount, emphasis| {
        let amount = figure(amount, statement.currency);
        Sum { label, amount, emphasis }
    };
    let totals = statement.totals().into_iter().map(|(kind, total)| {
        let label = format!("{} ({})", kind.words(), total.count);
        sum(label, total.moved.net, Emphasis::Plain)
    });
    let closing = if context.complete { "Closing balance" } else { "Balance so far" };
    [sum("Opening balance".to_owned(), statement.opening, Emphasis::Plain)]
        .into_iter()
        .chain(totals)
        .chain([sum(closing.to_owned(), statement.closing, Emphasis::Strong)])
        .collect()
}

fn notes(context: &StatementContext) -> Vec<Note> {
    let say = |text: &str| Note::Aside(text.to_owned());
    let mut notes = vec![say(
        "Net is what we owe you more than before: gross less our fee, tax aside. A payout takes it \
         to your bank. Days are those of UTC.",
    )];
    if !context.complete {
        notes.push(say("The month is not over: more may happen in it."));
    }
    notes
}
