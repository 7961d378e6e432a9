//! Payout runs that crash, race or lose an answer: a creator is paid once, and every cent is where
//! the ledger says.

use domain::marketplace::{creator::journal::LedgerAccount, creator::payout::PayoutState};
use futures_util::future::join_all;
use sandbox::{
    faults::{AnswerFault, Fault as AtStripe, Order},
    route::Route,
    stripe::{Bank, Closing, Opening},
};
use testing::Fault;

use crate::{
    billing_app::BillingApp,
    paid_sale::{NET, PRICE, PaidSale},
};

#[tokio::test]
async fn two_runs_at_once_are_one_payout() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    app.advance_days(7);
    let runs = join_all((0..6).map(|_| sale.market.pay_creators())).await;
    // A run that meets another may leave the work to it.
    assert!(runs.iter().any(Result::is_ok), "{runs:?}");
    sale.market.pay_creators().await.unwrap();
    sale.check_payouts(&[("sent", NET)]).await;
    assert_eq!(sale.market.transfers().len(), 1);
    sale.market.pay_days(2).await;
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// Number of requests of each kind in a successful run, on the day of the payout.
async fn requests_of_a_run(meets: &str) -> u32 {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    app.advance_days(7);
    app.engine.take_usage();
    sale.market.pay_creators().await.unwrap();
    let usage = app.engine.take_usage();
    match meets {
        "*" => usage.round_trips(),
        operation => usage.requests[operation],
    }
}

/// A run dies before or after each of its table requests and is repeated, on the same day or the
/// next: one transfer.
#[tokio::test]
async fn a_run_survives_a_crash_at_every_step() {
    for fault in Fault::ALL {
        for nth in 1..=requests_of_a_run(fault.meets()).await {
            let name = format!("{fault:?} {nth}");
            let app = BillingApp::new().await;
            let sale = PaidSale::payable(&app, Bank::Works).await;
            app.advance_days(7);
            app.engine.order(fault.meets(), nth, fault);
            let _ = app.engine.until_hung(sale.market.pay_creators()).await;
            if nth % 2 == 0 {
                app.advance_days(2);
            }
            sale.market.pay_creators().await.unwrap();
            app.deliver_events().await;
            let sent: Vec<_> = sale.payout_states().await;
            assert!(matches!(sent[0].0.as_str(), "sent" | "paid"), "{name}: {sent:?}");
            assert_eq!(sent.iter().map(|(_, cents)| cents).sum::<i64>(), NET, "{name}: {sent:?}");
            sale.market.pay_days(3).await;
            assert_eq!(sale.market.transfers().len(), 1, "{name}");
            sale.check_payouts(&[("paid", NET)]).await;
            sale.market.assert_ledger_balances().await;
            app.close().await;
        }
    }
}

/// The transfer is made and the response lost; the next run is immediate, or after Stripe has
/// dropped the key.
#[tokio::test]
async fn a_transfer_whose_answer_is_lost_is_made_once() {
    for (fault, times, waits) in [
        (AnswerFault::ServerErrorAfterAccepting, 1, [0, 1, 3]),
        (AnswerFault::BrokenConnection, 3, [0, 1, 3]),
        (AnswerFault::MalformedJson, 3, [0, 1, 3]),
        // Stripe returns the stored failure for as long as the key is the same.
        (AnswerFault::ServerError, 1, [1, 2, 3]),
    ] {
        for days in waits {
            let app = BillingApp::new().await;
            let sale = PaidSale::payable(&app, Bank::Works).await;
            app.advance_days(7);
            let order = Order::next(AtStripe::Answer(fault.clone()));
            let order = order.on_route(Route::StripeTransfers).on_marker("POST").times(times);
            app.sandbox.order(order).unwrap();
            sale.market.pay_creators().await.unwrap();
            sale.check_payouts(&[("sending", NET)]).await;
            app.advance_days(days);
            sale.market.pay_creators().await.unwrap();
            app.deliver_events().await;
            assert_eq!(sale.market.transfers().len(), 1, "{fault:?} {days}");
            sale.market.pay_days(2).await;
            sale.check_payouts(&[("paid", NET)]).await;
            sale.market.assert_ledger_balances().await;
            app.close().await;
        }
    }
}

/// Events during a payout that change what the creator is owed.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Refund(Option<i64>),
    Lost,
    Won,
    Ban,
}

impl Meanwhile {
    async fn happen(self, sale: &PaidSale<'_>) {
        let (app, payment) = (sale.market.app, sale.purchase.payment.clone().unwrap());
        match self {
            Meanwhile::Refund(cents) => {
                let given = sale.market.refund("key", &sale.purchase, cents).await;
                assert_eq!(given.status(), 200, "{}", given.pretty());
            }
            Meanwhile::Lost | Meanwhile::Won => {
                let opened = app.stripe().dispute(payment.as_str(), None, Opening::Chargeback);
                app.deliver_events().await;
                let won = matches!(self, Meanwhile::Won);
                let closing = if won { Closing::Won } else { Closing::Lost };
                app.stripe().close_dispute(&opened.unwrap(), closing).unwrap();
            }
            Meanwhile::Ban => app.suspend(&sale.kim.id, "fraud", None).await,
        }
        app.deliver_events().await;
    }

    /// The creator's net of the sale afterwards.
    fn net(self) -> i64 {
        match self {
            Meanwhile::Refund(None) | Meanwhile::Lost => 0,
            Meanwhile::Refund(Some(cents)) => (PRICE - cents) * 4 / 5,
            Meanwhile::Won | Meanwhile::Ban => NET,
        }
    }
}

/// Refunds, disputes and a ban race a payout: before the run, and before and after each of its
/// writes. Nothing is paid twice or lost.
#[tokio::test]
async fn refunds_disputes_and_bans_race_a_payout_in_every_order() {
    let writes = requests_of_a_run("TransactWriteItems").await;
    for event in [
        Meanwhile::Refund(None),
        Meanwhile::Refund(Some(700)),
        Meanwhile::Lost,
        Meanwhile::Won,
        Meanwhile::Ban,
    ] {
        for nth in 0..=2 * writes {
            let app = BillingApp::new().await;
            let sale = PaidSale::payable(&app, Bank::Works).await;
            sale.market.fund().await;
            app.advance_days(7);
            if nth > 0 {
                let fault = if nth % 2 == 1 { Fault::HangBefore } else { Fault::HangAfter };
                app.engine.order("TransactWriteItems", nth.div_ceil(2), fault);
                app.engine.until_hung(sale.market.pay_creators()).await;
            }
            let before = sale.market.payouts(&sale.kim).await.pop().map(|it| it.state);
            event.happen(&sale).await;
            sale.market.pay_creators().await.unwrap();
            sale.market.pay_days(3).await;
            let name =
                format!("{event:?} after {nth}, {before:?}: {:?}", sale.payout_states().await);
            let transferred = sale.market.balance(&sale.kim, LedgerAccount::Transferred).await;
            let asked = matches!(
                before,
                Some(PayoutState::Sending | PayoutState::Sent | PayoutState::Paid)
            );
            match event {
                Meanwhile::Ban => assert_eq!(transferred, if asked { NET } else { 0 }, "{name}"),
                Meanwhile::Refund(_) | Meanwhile::Lost | Meanwhile::Won => {
                    let net = event.net();
                    // An overpayment is reversed from the connected account on the same day.
                    assert_eq!(transferred - sale.debt().await, net, "{name}");
                    assert_eq!(sale.debt().await, 0, "{name}");
                }
            }
            sale.market.assert_ledger_balances().await;
            app.close().await;
        }
    }
}
