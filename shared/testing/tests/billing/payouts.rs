//! Creators' payouts: when they are made, from which money, and why not.

use std::time::Duration;

use domain::{
    id::CreatorId,
    marketplace::{
        creator::journal::LedgerAccount, creator::payout::PayoutState, creator::sale::SaleState,
    },
    time::DAY,
};
use sandbox::stripe::{Bank, Closing, Opening, SettingsChange};
use serde_json::json;

use crate::{
    billing_app::BillingApp,
    paid_sale::{NET, PRICE, PaidSale},
};

#[tokio::test]
async fn a_sale_is_paid_out_after_its_seven_days() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    sale.market.pay_days(6).await;
    sale.check_payouts(&[]).await;
    assert_eq!(sale.market.earnings(&sale.kim).await[0]["status"], "held");
    sale.market.pay_days(1).await;
    sale.check_payouts(&[("sent", NET)]).await;
    assert_eq!(sale.market.earnings(&sale.kim).await[0]["status"], "in_payout");
    // A second run on the same day pays nothing twice.
    sale.market.pay_creators().await.unwrap();
    sale.market.pay_days(3).await;
    sale.check_payouts(&[("paid", NET)]).await;
    let payout = &sale.market.payouts(&sale.kim).await[0];
    assert!(payout.paid_at > payout.sent_at && payout.bank_payout.is_some(), "{payout:?}");
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// Onboarded on the day of a skipped payout: a second run on that day pays it.
#[tokio::test]
async fn a_skipped_payout_is_paid_on_the_same_day_once_its_reason_ends() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    app.stripe().restrict(&sale.account().await).unwrap();
    sale.market.pay_days(7).await;
    sale.check_payouts(&[("account_not_ready", NET)]).await;
    sale.market.complete_onboarding(&sale.kim, Bank::Works).await;
    sale.market.pay_creators().await.unwrap();
    sale.check_payouts(&[("sent", NET)]).await;
    sale.market.pay_days(2).await;
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

#[tokio::test]
async fn every_reason_for_no_payout_is_written() {
    for (reason, amount) in [
        ("below_minimum", 792),
        ("frozen_dispute", NET),
        ("banned", NET),
        ("negative_balance", -NET),
        ("account_not_ready", NET),
    ] {
        let app = BillingApp::new().await;
        let sale = PaidSale::payable(&app, Bank::Works).await;
        let (market, payment) = (&sale.market, sale.purchase.payment.clone().unwrap());
        match reason {
            "below_minimum" => {
                app.stripe().refund(payment.as_str(), Some(1_010)).unwrap();
            }
            "frozen_dispute" => {
                // Only once it is payable: a disputed sale on hold would not be released.
                app.stripe().restrict(&sale.account().await).unwrap();
                market.pay_days(7).await;
                app.stripe().onboard(&sale.account().await, Bank::Works).unwrap();
                app.stripe().dispute(payment.as_str(), None, Opening::Warning).unwrap();
            }
            "banned" => app.suspend(&sale.kim.id, "fraud", None).await,
            "negative_balance" => {
                market.pay_days(10).await;
                assert_eq!(market.refund("all", &sale.purchase, None).await.status(), 200);
            }
            _ => app.stripe().close_account(&sale.account().await).unwrap(),
        }
        app.deliver_events().await;
        market.pay_days(7).await;
        assert_eq!(sale.payout_states().await[0], (reason.to_owned(), amount), "{reason}");
        let kept = serde_json::to_value(&market.payouts(&sale.kim).await[0]).unwrap();
        assert_eq!([&kept["state"], &kept["reason"]], ["skipped", reason]);
        if reason == "frozen_dispute" {
            assert_eq!(market.earnings(&sale.kim).await[0]["status"], "frozen");
        }
        app.close().await;
    }
}

/// A payout of one sale is a transfer from that sale's charge, independent of our balance.
#[tokio::test]
async fn a_payout_of_one_sale_is_a_transfer_of_its_charge() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    pay_platform(&app, "daily").await;
    sale.market.pay_days(7).await;
    assert_eq!(app.stripe().balance().available, -NET, "the balance was paid out");
    sale.check_payouts(&[("sent", NET)]).await;
    let transfer = app.stripe().transfers().remove(0);
    let payment = sale.purchase.payment.as_ref().unwrap().as_str();
    let charge = app.stripe().object(payment).unwrap()["latest_charge"].clone();
    assert_eq!(transfer["source_transaction"], charge);
    assert_eq!(transfer["transfer_group"], json!(CreatorId::of(&sale.kim.id)));
    sale.market.pay_days(2).await;
    sale.check_payouts(&[("paid", NET)]).await;
    app.close().await;
}

/// With Stripe's default, daily payouts of our balance, nothing is left for a payout of several
/// sales, until the schedule is manual.
#[tokio::test]
async fn a_balance_that_is_paid_out_every_day_pays_no_creator() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    let bob = app.new_member("bob");
    sale.market.sold(&bob, &sale.listing, PRICE).await;
    pay_platform(&app, "daily").await;
    sale.market.pay_days(9).await;
    assert_eq!(
        sale.payout_states().await,
        vec![("reopened".to_owned(), 2 * NET); 3],
        "reopened every day"
    );
    let why = sale.market.payouts(&sale.kim).await.remove(0).state;
    assert_eq!(why, PayoutState::Reopened { code: "balance_insufficient".to_owned() });
    pay_platform(&app, "manual").await;
    sale.market.fund().await;
    sale.market.pay_days(3).await;
    assert_eq!(sale.payout_states().await[0], ("paid".to_owned(), 2 * NET));
    app.close().await;
}

/// Sets the schedule on which Stripe pays our balance out.
async fn pay_platform(app: &BillingApp, interval: &str) {
    let form = [("payments[payouts][schedule][interval]", interval)];
    app.post_to_stripe("balance_settings", &form).await;
}

/// Stripe's balance is insufficient: the payout is reopened, and one of a later day is sent.
#[tokio::test]
async fn a_transfer_that_stripe_refuses_is_paid_another_day() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    sale.market.sold(&app.new_member("eve"), &sale.listing, PRICE).await;
    let (lee, bob) = (app.new_member("lee"), app.new_member("bob"));
    let other = sale.market.on_sale(&lee, PRICE).await;
    let sold = sale.market.sold(&bob, &other, PRICE).await;
    let payment = sold.payment.unwrap();
    // A dispute exceeds the payment, and the balance left covers no payout.
    let dispute = app.stripe().dispute(payment.as_str(), Some(3_000), Opening::Chargeback).unwrap();
    app.deliver_events().await;
    sale.market.pay_days(8).await;
    sale.check_payouts(&[("reopened", 2 * NET), ("reopened", 2 * NET)]).await;
    let why = sale.market.payouts(&sale.kim).await.remove(0).state;
    assert_eq!(why, PayoutState::Reopened { code: "balance_insufficient".to_owned() });
    let balances = sale.market.creator_balance(&sale.kim).await.balances;
    assert_eq!(balances.owed(LedgerAccount::CreatorAvailable), 2 * NET);
    app.stripe().close_dispute(&dispute, Closing::Won).unwrap();
    app.deliver_events().await;
    sale.market.pay_days(3).await;
    assert_eq!(sale.payout_states().await[0], ("paid".to_owned(), 2 * NET));
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// Charged money is pending at Stripe for two days. A sale is on hold for seven, so it never
/// matters.
#[tokio::test]
async fn money_that_is_pending_at_stripe_is_not_needed() {
    let app = BillingApp::new().await;
    let change = SettingsChange { funds_available_at_once: Some(false), ..Default::default() };
    app.stripe().change_settings(change).unwrap();
    let sale = PaidSale::payable(&app, Bank::Works).await;
    sale.market.assert_ledger_balances().await;
    sale.market.pay_days(9).await;
    sale.check_payouts(&[("paid", NET)]).await;
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// The hold counts days by the clock: across a leap day and across month ends.
#[tokio::test]
async fn seven_days_are_seven_days_in_any_month() {
    for (days_before, month) in [(65, "2027-02"), (96, "2027-03"), (462, "2028-03")] {
        let app = BillingApp::new().await;
        app.advance_days(days_before);
        let sale = PaidSale::payable(&app, Bank::Works).await;
        let stored = sale.market.sale(&sale.kim, &sale.purchase).await;
        assert_eq!(stored.sold_at.until(stored.hold_until), DAY * 7);
        app.ambient.clock.advance(DAY * 7 - Duration::from_secs(1));
        sale.market.pay_creators().await.unwrap();
        sale.check_payouts(&[]).await;
        assert_eq!(stored.state(app.now()), SaleState::Held);
        app.ambient.clock.advance(Duration::from_secs(1));
        sale.market.pay_creators().await.unwrap();
        sale.check_payouts(&[("sent", NET)]).await;
        let payout = &sale.market.payouts(&sale.kim).await[0];
        assert!(payout.date.starts_with(month), "{}", payout.date);
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}
