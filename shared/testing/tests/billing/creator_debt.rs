//! Refunds after a payout: a transfer is reversed, or what cannot be reversed is the creator's debt
//! and offset by the next payouts.

use sandbox::stripe::Bank;
use testing::Fault;

use crate::{
    billing_app::BillingApp,
    paid_sale::{NET, PRICE, PaidSale},
};

/// The bank has the money: a reversal is impossible, it is owed, and the next payout offsets it.
#[tokio::test]
async fn a_transfer_that_cannot_be_reversed_is_offset() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    sale.market.pay_days(9).await;
    let given = sale.market.refund("key", &sale.purchase, None).await;
    assert_eq!(given.status(), 200, "{}", given.pretty());
    assert_eq!(sale.debt().await, NET);
    sale.market.pay_creators().await.unwrap();
    assert_eq!(sale.debt().await, NET);
    assert!(sale.market.sale(&sale.kim, &sale.purchase).await.recovery_refused);
    let bob = app.new_member("bob");
    let second = sale.market.on_sale(&sale.kim, 4_000).await;
    sale.market.sold(&bob, &second, 4_000).await;
    sale.market.pay_days(7).await;
    assert_eq!(sale.payout_states().await[0], ("sent".to_owned(), 3_200 - NET));
    assert_eq!(sale.debt().await, 0);
    sale.market.pay_days(2).await;
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

#[tokio::test]
async fn a_creator_in_debt_for_three_cycles_is_paid_what_is_left() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    let second = sale.market.on_sale(&sale.kim, PRICE).await;
    let other = sale.market.sold(&sale.ann, &second, PRICE).await;
    sale.market.pay_days(9).await;
    sale.check_payouts(&[("paid", 2 * NET)]).await;
    for (key, purchase) in [("one", &sale.purchase), ("two", &other)] {
        assert_eq!(sale.market.refund(key, purchase, None).await.status(), 200);
    }
    assert_eq!(sale.debt().await, 2 * NET);
    for (cycle, owes) in [-2_400, -1_600, -800].into_iter().enumerate() {
        let buyer = app.new_member(&format!("buyer{cycle}"));
        let listing = sale.market.on_sale(&sale.kim, 1_000).await;
        sale.market.sold(&buyer, &listing, 1_000).await;
        sale.market.pay_days(7).await;
        assert_eq!(sale.payout_states().await[0], ("negative_balance".to_owned(), owes));
    }
    let listing = sale.market.on_sale(&sale.kim, 4_000).await;
    sale.market.sold(&sale.ann, &listing, 4_000).await;
    sale.market.pay_days(9).await;
    let shown = sale.payout_states().await;
    assert_eq!(shown[0], ("paid".to_owned(), 2_400), "{shown:?}");
    assert_eq!(sale.debt().await, 0);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// A transfer is partially reversed, and the process dies at any step.
#[tokio::test]
async fn a_partial_reversal_survives_a_crash_at_every_step() {
    let mut most = u32::MAX;
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::LoseAnswer] {
        for nth in 1.. {
            if nth > most {
                break;
            }
            let name = format!("{fault:?} {nth}");
            let app = BillingApp::new().await;
            let sale = PaidSale::payable(&app, Bank::Works).await;
            sale.market.pay_days(7).await;
            app.engine.take_usage();
            if most < u32::MAX {
                app.engine.order("*", nth, fault);
            }
            let work = sale.market.refund("key", &sale.purchase, Some(500));
            app.engine.until_hung(work).await;
            if most == u32::MAX {
                most = app.engine.take_usage().round_trips();
            }
            let again = sale.market.refund("key", &sale.purchase, Some(500)).await;
            assert_eq!(again.status(), 200, "{name}: {}", again.pretty());
            sale.market.pay_creators().await.unwrap();
            let payout = &sale.market.payouts(&sale.kim).await[0];
            assert_eq!((payout.amount, payout.reversed), (NET, 400), "{name}");
            let audit_lines = app.audit_lines().await;
            let got_back = audit_lines.iter().filter(|it| it.contains("reverse_transfer")).count();
            assert_eq!(got_back, 1, "{name}: {audit_lines:#?}");
            assert_eq!(sale.debt().await, 0, "{name}");
            sale.market.pay_days(3).await;
            sale.market.assert_ledger_balances().await;
            app.close().await;
        }
    }
}
