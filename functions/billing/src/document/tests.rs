//! Complete documents: their text, for every kind of invoice.

use clients::documents::Company;
use domain::{
    Timestamp,
    billing::{
        external::{PaymentId, StripeInvoiceId},
        invoice::{Invoice, InvoiceLine, InvoiceStatus, Issue, LINES_MAX},
    },
    id::{InvoiceId, OrderId, UserId},
    money::Currency,
    time::Period,
};
use lopdf::{Document, content::Content, decode_text_string};

use super::{DocumentError, render};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn company() -> Company {
    Company {
        name: "ProLight AI, Inc.".to_owned(),
        address_lines: vec!["548 Market Street".to_owned(), "San Francisco, CA".to_owned()],
        email: "billing@prolight.example".to_owned(),
        tax_id: Some("US 84-1234567".to_owned()),
        tax_label: "Sales tax".to_owned(),
    }
}

pub(super) fn line(description: &str, quantity: u32, amount: i64) -> InvoiceLine {
    InvoiceLine {
        id: "il_1".to_owned(),
        description: description.to_owned(),
        quantity,
        amount,
        period: None,
        plan: None,
    }
}

/// The receipt of a pack of 200 credits, paid.
pub(super) fn receipt() -> Invoice {
    let created_at = at("2026-11-22T10:00:00Z");
    Invoice {
        id: InvoiceId::new(created_at, 7),
        user_id: UserId::parse("auth0|65f1").unwrap(),
        issue: Issue::Pack { order: OrderId::new(created_at, 9) },
        number: Some("PL-7QK2M8XW4D".to_owned()),
        status: InvoiceStatus::Paid,
        currency: Currency::USD,
        subtotal: 1800,
        tax: 162,
        total: 1962,
        amount_paid: 1962,
        amount_due: 0,
        amount_refunded: 0,
        bill_to: Some("Zoë Lindström\nAtelier Nord".to_owned()),
        period: None,
        lines: vec![line("Pack of 200 credits", 1, 1800)],
        hosted_url: None,
        pdf_url: None,
        payment: Some(PaymentId::parse("pi_3MtwBwLkdIwHu7ix").unwrap()),
        attempts: 1,
        next_attempt_at: None,
        created_at,
        paid_at: Some(at("2026-11-23T10:00:05Z")),
        granted: Vec::new(),
        taken_back: 0,
        unlimited_ended: false,
        gone: 0,
        fees: 0,
        stated: Default::default(),
    }
}

/// An open invoice of a subscription with as many lines as we keep.
fn invoice() -> Invoice {
    let lines = (1..=LINES_MAX as i64).map(|seat| InvoiceLine {
        period: Some(Period {
            starts_at: at("2026-11-22T00:00:00Z"),
            ends_at: at("2026-12-22T00:00:00Z"),
        }),
        ..line(&format!("Seat {seat}"), 2, 2 * seat)
    });
    let lines: Vec<InvoiceLine> = lines.collect();
    let total: i64 = lines.iter().map(|line| line.amount).sum();
    let stripe = StripeInvoiceId::parse("in_1MtHbELkdIwHu7ix").unwrap();
    Invoice {
        issue: Issue::Subscription { invoice: stripe, subscription: None },
        status: InvoiceStatus::Open,
        subtotal: total,
        tax: 0,
        total,
        amount_paid: 0,
        amount_due: total,
        lines,
        payment: None,
        paid_at: None,
        hosted_url: Some("https://invoice.stripe.com/i/acct_1/test_x".to_owned()),
        ..receipt()
    }
}

/// The text of each page, as a viewer copies it.
fn pages(bytes: &[u8]) -> Vec<String> {
    let document = Document::load_mem(bytes).unwrap();
    let pages = document.get_pages();
    pages.keys().map(|page| document.extract_text(&[*page]).unwrap()).collect()
}

#[test]
fn a_receipt_says_what_was_bought_by_whom_from_whom() {
    let bytes = render(&receipt(), &company()).unwrap();
    assert!(bytes.starts_with(b"%PDF-1.7"));
    assert!(bytes.len() < 60_000, "{} bytes", bytes.len());
    let pages = pages(&bytes);
    assert_eq!(pages.len(), 1);
    for said in [
        "Receipt",
        "PL-7QK2M8XW4D",
        "PAID",
        "22 November 2026",
        "23 November 2026",
        "ProLight AI, Inc.",
        "548 Market Street",
        "Tax ID US 84-1234567",
        "Zoë Lindström",
        "Atelier Nord",
        "19.62 USD paid on",
        "Pack of 200 credits",
        "Subtotal",
        "18.00",
        "Sales tax",
        "1.62",
        "Total",
        "19.62",
        "-19.62",
        "Balance due",
        "0.00",
        "pi_3MtwBwLkdIwHu7ix",
        "Page 1 of 1",
    ] {
        assert!(pages[0].contains(said), "{said} in {}", pages[0]);
    }
}

#[test]
fn many_lines_go_over_pages_with_their_heads_and_numbers() {
    let pages = pages(&render(&invoice(), &company()).unwrap());
    assert_eq!(pages.len(), 3);
    for (index, page) in pages.iter().enumerate() {
        assert!(page.contains("AMOUNT (USD)"), "{page}");
        assert!(page.contains(&format!("Page {} of 3", index + 1)), "{page}");
    }
    let last = &pages[2];
    for said in ["Seat 50", "Balance due", "25.50", "Pay online"] {
        assert!(last.contains(said), "{said} in {last}");
    }
    assert!(!pages[1].contains("Balance due"));
}

#[test]
fn ids_are_whole_however_long() {
    let number = format!("PL-{}-1", "7QK2M8XW4D".repeat(6));
    let user_id = UserId::parse(&format!("auth0|{}", "65f1c2ab".repeat(12))).unwrap();
    let bill_to = None;
    let invoice =
        Invoice { number: Some(number.clone()), user_id: user_id.clone(), bill_to, ..receipt() };
    let pages = pages(&render(&invoice, &company()).unwrap());
    let page: String = pages[0].chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(page.matches(&number).count(), 2, "as a fact and below: {page}");
    assert!(page.contains(user_id.as_str()), "{page}");
}

#[test]
fn the_same_invoice_gives_the_same_bytes() {
    assert_eq!(render(&invoice(), &company()).unwrap(), render(&invoice(), &company()).unwrap());
}

/// Also proves that such text passes the checks of PDF/A and PDF/UA, which fail the rendering.
#[test]
fn any_text_can_stand_in_it() {
    let check = |text: &str, found: &str| {
        let lines = vec![line(text, 1, 1800)];
        let receipt = Invoice { bill_to: Some(text.to_owned()), lines, ..receipt() };
        let company = Company { name: text.to_owned(), ..company() };
        let bytes = render(&receipt, &company).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let page = pages(&bytes).concat();
        assert!(page.contains(found), "{found:?} in {page}");
    };
    check("", "Receipt");
    check(" \t\n\r\u{85}\u{2028} ", "Receipt");
    check("Łódź, İstanbul, Nguyễn Thị Ánh", "Nguyễn Thị Ánh");
    check("Ελένη Παπαδοπούλου", "Ελένη Παπαδοπούλου");
    check("Преображенский", "Преображенский");
    check("株式会社ライト 写真館", "Receipt");
    check("हिन्दी தமிழ் ไทย 대한민국", "Receipt");
    check("סטודיו אור Studio 12", "Studio 12");
    check("استوديو الضوء", "Receipt");
    check("e\u{301}te\u{301} a\u{300}\u{301}\u{302}\u{303}\u{1AB0}", "Receipt");
    check("👩‍👩‍👧‍👦 📷 🇸🇪 ☂ ❤️", "Receipt");
    check(
        "\u{0}\u{1}\u{7F}\u{202E}\u{2066}\u{FEFF}\u{FFFE}\u{FFFF}\u{E000}\u{10FFFF}\u{E0041}x",
        "x",
    );
    check(&"\u{301}".repeat(40), "Receipt");
    check(&"Wide".repeat(2000), "WideWide");
    check(&"𝕏 ".repeat(500), "Receipt");
}

#[test]
fn what_is_drawn_as_a_box_is_still_copied_as_itself() {
    let receipt = Invoice { bill_to: Some("株式会社ライト".to_owned()), ..receipt() };
    let document = Document::load_mem(&render(&receipt, &company()).unwrap()).unwrap();
    let meant: String = document
        .get_pages()
        .values()
        .flat_map(|page| {
            let bytes = document.get_page_content(*page);
            Content::decode(&bytes).unwrap().operations
        })
        .filter(|operation| operation.operator == "BDC")
        .filter_map(|operation| {
            let text = operation.operands.get(1)?.as_dict().ok()?.get(b"ActualText").ok()?;
            decode_text_string(text).ok()
        })
        .collect();
    // The first box is mapped to its character, the others have an actual text.
    assert_eq!(meant, "式会社ライト");
}

#[test]
fn what_is_no_document_is_refused() {
    let draft = Invoice { status: InvoiceStatus::Draft, number: None, ..receipt() };
    assert!(matches!(render(&draft, &company()), Err(DocumentError::NotFinal)));
    let wrong = Invoice { total: 1963, ..receipt() };
    assert!(matches!(render(&wrong, &company()), Err(DocumentError::Unbalanced)));
    let huge = Invoice { subtotal: i64::MAX, tax: 1, total: i64::MIN, ..receipt() };
    assert!(matches!(render(&huge, &company()), Err(DocumentError::Unbalanced)));
}

#[test]
fn only_a_secure_address_becomes_a_link() {
    let links = |url: &str| {
        let invoice = Invoice { hosted_url: Some(url.to_owned()), ..invoice() };
        pages(&render(&invoice, &company()).unwrap()).concat().contains("Pay online")
    };
    assert!(links("https://invoice.stripe.com/i/x"));
    assert!(!links("javascript:alert(1)"));
    assert!(!links("http://invoice.stripe.com/i/x"));
}
