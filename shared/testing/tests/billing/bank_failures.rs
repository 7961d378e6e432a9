//! Payouts that a bank returns: they are reopened, and paid again once.

use domain::marketplace::{creator::journal::LedgerAccount, creator::payout::PayoutState};
use sandbox::stripe::Bank;
use testing::Fault;

use crate::{
    billing_app::{BillingApp, kind_of},
    paid_sale::{NET, PaidSale},
};

#[tokio::test]
async fn a_payout_that_a_bank_returns_is_paid_again_the_next_day() {
    for arrived_before in [false, true] {
        let app = BillingApp::new().await;
        let bank = if arrived_before { Bank::Works } else { Bank::Closed };
        let sale = PaidSale::payable(&app, bank).await;
        sale.market.pay_days(8).await;
        if arrived_before {
            sale.market.pay_days(1).await;
            sale.check_payouts(&[("paid", NET)]).await;
            let theirs = app.stripe().bank_payouts(&sale.account().await).unwrap();
            app.stripe().fail_bank_payout(theirs[0]["id"].as_str().unwrap()).unwrap();
        } else {
            app.advance_days(1);
        }
        app.deliver_events().await;
        sale.check_payouts(&[("failed", NET)]).await;
        // The run reopens the payout, then pays its sales in a new one: the account can receive
        // transfers.
        sale.market.pay_creators().await.unwrap();
        sale.check_payouts(&[("sent", NET), ("reopened", NET)]).await;
        let payout = &sale.market.payouts(&sale.kim).await[1];
        assert_eq!(payout.state, PayoutState::Reopened { code: "account_closed".to_owned() });
        sale.market.assert_ledger_balances().await;
        sale.market.complete_onboarding(&sale.kim, Bank::Works).await;
        sale.market.pay_days(3).await;
        sale.check_payouts(&[("paid", NET), ("reopened", NET)]).await;
        assert_eq!(sale.market.transfers().len(), 2, "one for each payout");
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}

/// No event reports that a bank returned a payout: the nightly run finds it once it is late.
#[tokio::test]
async fn a_bank_failure_without_an_event_is_found() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Closed).await;
    sale.market.pay_days(7).await;
    app.advance_days(3);
    app.events();
    app.reconcile().await.unwrap();
    sale.check_payouts(&[("sent", NET)]).await;
    app.advance_days(3);
    app.reconcile().await.unwrap();
    sale.check_payouts(&[("failed", NET)]).await;
    sale.market.complete_onboarding(&sale.kim, Bank::Works).await;
    sale.market.pay_creators().await.unwrap();
    app.advance_days(6);
    app.events();
    app.reconcile().await.unwrap();
    sale.check_payouts(&[("paid", NET), ("reopened", NET)]).await;
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// A bank failed and another one has the money; then the event of the old failure arrives.
#[tokio::test]
async fn a_late_event_of_an_old_failure_changes_nothing() {
    for late in [false, true] {
        let app = BillingApp::new().await;
        let sale = PaidSale::payable(&app, Bank::Closed).await;
        sale.market.pay_days(7).await;
        app.advance_days(2);
        let failed: Vec<String> = app.events();
        app.stripe().onboard(&sale.account().await, Bank::Works).unwrap();
        app.advance_days(2);
        let mut arrived = app.events();
        if late {
            arrived.extend(failed.clone());
        } else {
            arrived.splice(0..0, failed.clone());
        }
        for event in &arrived {
            assert_eq!(app.deliver(event).await, 200, "{}", kind_of(event));
        }
        sale.check_payouts(&[("paid", NET)]).await;
        sale.market.pay_days(3).await;
        sale.check_payouts(&[("paid", NET)]).await;
        assert_eq!(sale.market.transfers().len(), 1);
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}

/// A bank failed, and another one took the money before the reversal: the payout did not fail after
/// all.
#[tokio::test]
async fn a_payout_that_another_bank_received_is_not_reversed() {
    for (days, state) in [(1, "sent"), (2, "paid")] {
        let app = BillingApp::new().await;
        let sale = PaidSale::payable(&app, Bank::Closed).await;
        sale.market.pay_days(7).await;
        app.advance_days(2);
        let events = app.events();
        let event = events.iter().find(|event| kind_of(event) == "payout.failed").unwrap();
        assert_eq!(app.deliver(event).await, 200);
        sale.check_payouts(&[("failed", NET)]).await;
        app.stripe().onboard(&sale.account().await, Bank::Works).unwrap();
        app.advance_days(days);
        sale.market.pay_creators().await.unwrap();
        sale.check_payouts(&[(state, NET)]).await;
        sale.market.pay_days(2).await;
        sale.check_payouts(&[("paid", NET)]).await;
        assert_eq!(sale.market.transfers().len(), 1);
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}

/// A run that reopens a failed payout dies at any step; it is repeated on the same day, or the next
/// day's run resumes it.
#[tokio::test]
async fn reopening_a_payout_survives_a_crash_at_every_step() {
    let mut most = u32::MAX;
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::LoseAnswer] {
        for nth in 1.. {
            if nth > most {
                break;
            }
            let app = BillingApp::new().await;
            let sale = PaidSale::payable(&app, Bank::Closed).await;
            sale.market.pay_days(8).await;
            app.advance_days(1);
            let events = app.events();
            let event = events.iter().find(|event| kind_of(event) == "payout.failed").unwrap();
            assert_eq!(app.deliver(event).await, 200);
            app.engine.take_usage();
            if most < u32::MAX {
                app.engine.order("*", nth, fault);
            }
            let _ = app.engine.until_hung(sale.market.pay_creators()).await;
            if most == u32::MAX {
                most = app.engine.take_usage().round_trips();
            }
            if nth % 2 == 0 {
                sale.market.pay_creators().await.unwrap();
            }
            sale.market.complete_onboarding(&sale.kim, Bank::Works).await;
            sale.market.pay_days(3).await;
            let shown = sale.payout_states().await;
            // A run that finds it reopened on the same day pays it on that day.
            assert_eq!(shown[0], ("paid".to_owned(), NET), "{fault:?} {nth}: {shown:?}");
            sale.market.assert_ledger_balances().await;
            app.close().await;
        }
    }
}

/// The process dies before a partial reversal; then the bank returns the payout, which reverses the
/// rest. The next payout pays what is left of the sale.
#[tokio::test]
async fn a_bank_failure_before_a_reversal_ends_with_the_same_money() {
    for nth in 1..30 {
        let app = BillingApp::new().await;
        let sale = PaidSale::payable(&app, Bank::Closed).await;
        sale.market.pay_days(8).await;
        app.advance_days(1);
        let failed = app.events();
        app.engine.order("*", nth, Fault::HangAfter);
        let work = sale.market.refund("key", &sale.purchase, Some(500));
        let done = app.engine.until_hung(work).await.is_some();
        for event in &failed {
            assert_eq!(app.deliver(event).await, 200, "{nth} {}", kind_of(event));
        }
        assert_eq!(sale.market.refund("key", &sale.purchase, Some(500)).await.status(), 200);
        sale.market.pay_creators().await.unwrap();
        sale.market.complete_onboarding(&sale.kim, Bank::Works).await;
        sale.market.pay_days(4).await;
        let (shown, debt) = (sale.payout_states().await, sale.debt().await);
        let transferred = sale.market.balance(&sale.kim, LedgerAccount::Transferred).await;
        assert_eq!(transferred, NET - 400, "{nth}: {shown:?}, {debt} owed");
        assert_eq!(shown[0].0, "paid", "{nth}: {shown:?}");
        sale.market.assert_ledger_balances().await;
        app.close().await;
        if done {
            return;
        }
    }
    panic!("a refund takes fewer requests than this");
}
