//! Creators' payouts with and without faults: whatever crashes, races or is refused, a creator is
//! paid once, and every cent is where the ledger says.

use std::time::Duration;

use domain::{
    marketplace::creator::{
        journal::LedgerAccount,
        payee::PayeeState,
        payout::{Payout, PayoutState},
        sale::SaleState,
    },
    time::DAY,
};
use futures_util::future::join_all;
use sandbox::{
    faults::{AnswerFault, Fault as AtStripe, Order},
    route::Route,
    stripe::{Bank, Closing, Opening, SettingsChange},
};
use serde_json::{Value, json};
use testing::{Actor, Fault, engine::TABLE};

use crate::{
    market::Market,
    scene::{NET, PRICE, PaidSale},
    stage::{Stage, kind_of},
};

impl PaidSale<'_> {
    async fn told(&self) -> Vec<(String, i64)> {
        self.market.told(&self.kim).await
    }

    async fn check_told(&self, expected: &[(&str, i64)]) {
        let told = self.told().await;
        let told: Vec<(&str, i64)> = told.iter().map(|(state, of)| (state.as_str(), *of)).collect();
        assert_eq!(told, expected);
    }

    async fn debt(&self) -> i64 {
        self.market.balance(&self.kim, LedgerAccount::CreatorDebt).await
    }

    /// Advances the clock without payout runs.
    fn wait(&self, days: u32) {
        self.market.stage.pass(days);
    }
}

#[tokio::test]
async fn a_sale_is_paid_out_after_its_seven_days() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    scene.market.pay_days(6).await;
    scene.check_told(&[]).await;
    assert_eq!(scene.market.earnings(&scene.kim).await[0]["state"], "held");
    scene.market.pay_days(1).await;
    scene.check_told(&[("sent", NET)]).await;
    assert_eq!(scene.market.earnings(&scene.kim).await[0]["state"], "in_payout");
    // A second run on the same day pays nothing twice.
    scene.market.pay_creators().await.unwrap();
    scene.market.pay_days(3).await;
    scene.check_told(&[("paid", NET)]).await;
    let payout = &scene.market.payouts(&scene.kim).await[0];
    assert!(payout.paid_at > payout.sent_at && payout.bank_payout.is_some(), "{payout:?}");
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

#[tokio::test]
async fn whoever_is_not_onboarded_is_paid_the_day_after() {
    let stage = Stage::new().await;
    let (kim, ann) = (stage.member("kim"), stage.member("ann"));
    let market = Market::new(&stage);
    let listing = market.on_sale(&kim, PRICE).await;
    market.sold(&ann, &listing, PRICE).await;
    market.pay_days(8).await;
    let waits = ("account_not_ready".to_owned(), NET);
    assert_eq!(market.told(&kim).await, [waits.clone(), waits.clone()]);
    // An account that Stripe does not know counts as none.
    market.onboard(&kim).await;
    market.pay_days(1).await;
    assert_eq!(market.told(&kim).await[0], waits);
    market.ready(&kim, Bank::Works).await;
    market.pay_days(1).await;
    assert_eq!(market.told(&kim).await[0], ("sent".to_owned(), NET));
    market.pay_days(2).await;
    market.assert_ledger_balances().await;
    stage.close().await;
}

/// Onboarded on the day of a skipped payout: a second run on that day pays it.
#[tokio::test]
async fn a_day_that_was_skipped_is_paid_once_its_reason_is_gone() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    stage.at_stripe().restrict(&scene.account().await).unwrap();
    scene.market.pay_days(7).await;
    scene.check_told(&[("account_not_ready", NET)]).await;
    scene.market.ready(&scene.kim, Bank::Works).await;
    scene.market.pay_creators().await.unwrap();
    scene.check_told(&[("sent", NET)]).await;
    scene.market.pay_days(2).await;
    scene.market.assert_ledger_balances().await;
    stage.close().await;
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
        let stage = Stage::new().await;
        let scene = PaidSale::payable(&stage, Bank::Works).await;
        let (market, payment) = (&scene.market, scene.purchase.payment.clone().unwrap());
        match reason {
            "below_minimum" => {
                stage.at_stripe().refund(payment.as_str(), Some(1_010)).unwrap();
            }
            "frozen_dispute" => {
                // Only once it is payable: a disputed sale on hold would not be released.
                stage.at_stripe().restrict(&scene.account().await).unwrap();
                market.pay_days(7).await;
                stage.at_stripe().onboard(&scene.account().await, Bank::Works).unwrap();
                stage.at_stripe().dispute(payment.as_str(), None, Opening::Warning).unwrap();
            }
            "banned" => stage.app.suspend(&scene.kim.id, "fraud", None).await,
            "negative_balance" => {
                market.pay_days(10).await;
                assert_eq!(market.give_back("all", &scene.purchase, None).await.status(), 200);
            }
            _ => stage.at_stripe().close_account(&scene.account().await).unwrap(),
        }
        stage.hear().await;
        market.pay_days(7).await;
        assert_eq!(scene.told().await[0], (reason.to_owned(), amount), "{reason}");
        let kept = serde_json::to_value(&market.payouts(&scene.kim).await[0]).unwrap();
        assert_eq!([&kept["state"], &kept["reason"]], ["skipped", reason]);
        if reason == "frozen_dispute" {
            assert_eq!(market.earnings(&scene.kim).await[0]["state"], "frozen");
        }
        stage.close().await;
    }
}

#[tokio::test]
async fn two_runs_at_once_are_one_payout() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    scene.wait(7);
    let runs = join_all((0..6).map(|_| scene.market.pay_creators())).await;
    // A run that meets another may leave the work to it.
    assert!(runs.iter().any(Result::is_ok), "{runs:?}");
    scene.market.pay_creators().await.unwrap();
    scene.check_told(&[("sent", NET)]).await;
    assert_eq!(scene.market.transfers().len(), 1);
    scene.market.pay_days(2).await;
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

/// Number of requests of each kind in a successful run, on the day of the payout.
async fn requests_of_a_run(meets: &str) -> u32 {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    scene.wait(7);
    stage.app.engine.take_usage();
    scene.market.pay_creators().await.unwrap();
    let usage = stage.app.engine.take_usage();
    match meets {
        "*" => usage.round_trips(),
        operation => usage.requests[operation],
    }
}

/// A run dies before or after each of its table requests and is repeated, on the same day or the
/// next: one transfer.
#[tokio::test]
async fn a_run_survives_death_at_every_step() {
    for fault in Fault::ALL {
        for nth in 1..=requests_of_a_run(fault.meets()).await {
            let name = format!("{fault:?} {nth}");
            let stage = Stage::new().await;
            let scene = PaidSale::payable(&stage, Bank::Works).await;
            scene.wait(7);
            stage.app.engine.order(fault.meets(), nth, fault);
            let _ = stage.app.engine.until_hung(scene.market.pay_creators()).await;
            if nth % 2 == 0 {
                scene.wait(2);
            }
            scene.market.pay_creators().await.unwrap();
            stage.hear().await;
            let sent: Vec<_> = scene.told().await;
            assert!(matches!(sent[0].0.as_str(), "sent" | "paid"), "{name}: {sent:?}");
            assert_eq!(sent.iter().map(|(_, cents)| cents).sum::<i64>(), NET, "{name}: {sent:?}");
            scene.market.pay_days(3).await;
            assert_eq!(scene.market.transfers().len(), 1, "{name}");
            scene.check_told(&[("paid", NET)]).await;
            scene.market.assert_ledger_balances().await;
            stage.close().await;
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
            let stage = Stage::new().await;
            let scene = PaidSale::payable(&stage, Bank::Works).await;
            scene.wait(7);
            let order = Order::next(AtStripe::Answer(fault.clone()));
            let order = order.on_route(Route::StripeTransfers).on_marker("POST").times(times);
            stage.sandbox.order(order).unwrap();
            scene.market.pay_creators().await.unwrap();
            scene.check_told(&[("sending", NET)]).await;
            scene.wait(days);
            scene.market.pay_creators().await.unwrap();
            stage.hear().await;
            assert_eq!(scene.market.transfers().len(), 1, "{fault:?} {days}");
            scene.market.pay_days(2).await;
            scene.check_told(&[("paid", NET)]).await;
            scene.market.assert_ledger_balances().await;
            stage.close().await;
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
    async fn happen(self, scene: &PaidSale<'_>) {
        let (stage, payment) = (scene.market.stage, scene.purchase.payment.clone().unwrap());
        match self {
            Meanwhile::Refund(cents) => {
                let given = scene.market.give_back("key", &scene.purchase, cents).await;
                assert_eq!(given.status(), 200, "{}", given.pretty());
            }
            Meanwhile::Lost | Meanwhile::Won => {
                let opened = stage.at_stripe().dispute(payment.as_str(), None, Opening::Chargeback);
                stage.hear().await;
                let won = matches!(self, Meanwhile::Won);
                let closing = if won { Closing::Won } else { Closing::Lost };
                stage.at_stripe().close_dispute(&opened.unwrap(), closing).unwrap();
            }
            Meanwhile::Ban => stage.app.suspend(&scene.kim.id, "fraud", None).await,
        }
        stage.hear().await;
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
            let stage = Stage::new().await;
            let scene = PaidSale::payable(&stage, Bank::Works).await;
            scene.market.fund().await;
            scene.wait(7);
            if nth > 0 {
                let fault = if nth % 2 == 1 { Fault::HangBefore } else { Fault::HangAfter };
                stage.app.engine.order("TransactWriteItems", nth.div_ceil(2), fault);
                stage.app.engine.until_hung(scene.market.pay_creators()).await;
            }
            let before = scene.market.payouts(&scene.kim).await.pop().map(|it| it.state);
            event.happen(&scene).await;
            scene.market.pay_creators().await.unwrap();
            scene.market.pay_days(3).await;
            let name = format!("{event:?} after {nth}, {before:?}: {:?}", scene.told().await);
            let transferred = scene.market.balance(&scene.kim, LedgerAccount::Transferred).await;
            let asked = matches!(
                before,
                Some(PayoutState::Sending | PayoutState::Sent | PayoutState::Paid)
            );
            match event {
                Meanwhile::Ban => assert_eq!(transferred, if asked { NET } else { 0 }, "{name}"),
                Meanwhile::Refund(_) | Meanwhile::Lost | Meanwhile::Won => {
                    let net = event.net();
                    // An overpayment is reversed from the connected account on the same day.
                    assert_eq!(transferred - scene.debt().await, net, "{name}");
                    assert_eq!(scene.debt().await, 0, "{name}");
                }
            }
            scene.market.assert_ledger_balances().await;
            stage.close().await;
        }
    }
}

/// A payout of one sale is a transfer from that sale's charge, independent of our balance.
#[tokio::test]
async fn a_payout_of_one_sale_is_made_of_its_charge() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    pay_platform(&stage, "daily").await;
    scene.market.pay_days(7).await;
    assert_eq!(stage.at_stripe().balance().available, -NET, "the balance was paid out");
    scene.check_told(&[("sent", NET)]).await;
    let transfer = stage.at_stripe().transfers().remove(0);
    let payment = scene.purchase.payment.as_ref().unwrap().as_str();
    let charge = stage.at_stripe().object(payment).unwrap()["latest_charge"].clone();
    assert_eq!(transfer["source_transaction"], charge);
    assert_eq!(transfer["transfer_group"], json!(scene.purchase.id));
    scene.market.pay_days(2).await;
    scene.check_told(&[("paid", NET)]).await;
    stage.close().await;
}

/// With Stripe's default, daily payouts of our balance, nothing is left for a payout of several
/// sales, until the schedule is manual.
#[tokio::test]
async fn a_balance_that_is_paid_out_every_day_pays_nobody() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    let bob = stage.member("bob");
    scene.market.sold(&bob, &scene.listing, PRICE).await;
    pay_platform(&stage, "daily").await;
    scene.market.pay_days(9).await;
    assert_eq!(scene.told().await, vec![("reopened".to_owned(), 2 * NET); 3], "reopened every day");
    let why = scene.market.payouts(&scene.kim).await.remove(0).state;
    assert_eq!(why, PayoutState::Reopened { code: "balance_insufficient".to_owned() });
    pay_platform(&stage, "manual").await;
    scene.market.fund().await;
    scene.market.pay_days(3).await;
    assert_eq!(scene.told().await[0], ("paid".to_owned(), 2 * NET));
    stage.close().await;
}

/// Sets the schedule on which Stripe pays our balance out.
async fn pay_platform(stage: &Stage, interval: &str) {
    let form = [("payments[payouts][schedule][interval]", interval)];
    stage.post_to_stripe("balance_settings", &form).await;
}

/// Stripe's balance is insufficient: the payout is reopened, and one of a later day is sent.
#[tokio::test]
async fn a_transfer_that_stripe_refuses_is_paid_another_day() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    scene.market.sold(&stage.member("eve"), &scene.listing, PRICE).await;
    let (lee, bob) = (stage.member("lee"), stage.member("bob"));
    let other = scene.market.on_sale(&lee, PRICE).await;
    let sold = scene.market.sold(&bob, &other, PRICE).await;
    let payment = sold.payment.unwrap();
    // A dispute exceeds the payment, and the balance left covers no payout.
    let dispute =
        stage.at_stripe().dispute(payment.as_str(), Some(3_000), Opening::Chargeback).unwrap();
    stage.hear().await;
    scene.market.pay_days(8).await;
    scene.check_told(&[("reopened", 2 * NET), ("reopened", 2 * NET)]).await;
    let why = scene.market.payouts(&scene.kim).await.remove(0).state;
    assert_eq!(why, PayoutState::Reopened { code: "balance_insufficient".to_owned() });
    let balances = scene.market.book(&scene.kim).await.balances;
    assert_eq!(balances.owed(LedgerAccount::CreatorAvailable), 2 * NET);
    stage.at_stripe().close_dispute(&dispute, Closing::Won).unwrap();
    stage.hear().await;
    scene.market.pay_days(3).await;
    assert_eq!(scene.told().await[0], ("paid".to_owned(), 2 * NET));
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

/// Charged money is pending at Stripe for two days. A sale is on hold for seven, so it never
/// matters.
#[tokio::test]
async fn money_that_is_pending_at_stripe_is_not_needed() {
    let stage = Stage::new().await;
    let change = SettingsChange { funds_available_at_once: Some(false), ..Default::default() };
    stage.at_stripe().change_settings(change).unwrap();
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    scene.market.assert_ledger_balances().await;
    scene.market.pay_days(9).await;
    scene.check_told(&[("paid", NET)]).await;
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

#[tokio::test]
async fn what_a_bank_returns_is_paid_by_the_next_days_payout() {
    for arrived_before in [false, true] {
        let stage = Stage::new().await;
        let bank = if arrived_before { Bank::Works } else { Bank::Closed };
        let scene = PaidSale::payable(&stage, bank).await;
        scene.market.pay_days(8).await;
        if arrived_before {
            scene.market.pay_days(1).await;
            scene.check_told(&[("paid", NET)]).await;
            let theirs = stage.at_stripe().bank_payouts(&scene.account().await).unwrap();
            stage.at_stripe().fail_bank_payout(theirs[0]["id"].as_str().unwrap()).unwrap();
        } else {
            scene.wait(1);
        }
        stage.hear().await;
        scene.check_told(&[("failed", NET)]).await;
        // The run reopens the payout, then pays its sales in a new one: the account can receive
        // transfers.
        scene.market.pay_creators().await.unwrap();
        scene.check_told(&[("sent", NET), ("reopened", NET)]).await;
        let payout = &scene.market.payouts(&scene.kim).await[1];
        assert_eq!(payout.state, PayoutState::Reopened { code: "account_closed".to_owned() });
        scene.market.assert_ledger_balances().await;
        scene.market.ready(&scene.kim, Bank::Works).await;
        scene.market.pay_days(3).await;
        scene.check_told(&[("paid", NET), ("reopened", NET)]).await;
        assert_eq!(scene.market.transfers().len(), 2, "one for each payout");
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}

/// No event reports that a bank returned a payout: the nightly run finds it.
#[tokio::test]
async fn a_bank_failure_nobody_told_us_of_is_found() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Closed).await;
    scene.market.pay_days(7).await;
    scene.wait(2);
    stage.events();
    stage.reconcile().await.unwrap();
    scene.check_told(&[("failed", NET)]).await;
    scene.market.ready(&scene.kim, Bank::Works).await;
    scene.market.pay_creators().await.unwrap();
    scene.wait(2);
    stage.events();
    stage.reconcile().await.unwrap();
    scene.check_told(&[("paid", NET), ("reopened", NET)]).await;
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

/// A bank failed and another one has the money; then the event of the old failure arrives.
#[tokio::test]
async fn an_old_failure_heard_late_changes_nothing() {
    for late in [false, true] {
        let stage = Stage::new().await;
        let scene = PaidSale::payable(&stage, Bank::Closed).await;
        scene.market.pay_days(7).await;
        scene.wait(2);
        let failed: Vec<String> = stage.events();
        stage.at_stripe().onboard(&scene.account().await, Bank::Works).unwrap();
        scene.wait(2);
        let mut arrived = stage.events();
        if late {
            arrived.extend(failed.clone());
        } else {
            arrived.splice(0..0, failed.clone());
        }
        for event in &arrived {
            assert_eq!(stage.deliver(event).await, 200, "{}", kind_of(event));
        }
        scene.check_told(&[("paid", NET)]).await;
        scene.market.pay_days(3).await;
        scene.check_told(&[("paid", NET)]).await;
        assert_eq!(scene.market.transfers().len(), 1);
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}

/// A bank failed, and another one took the money before the reversal: the payout did not fail after
/// all.
#[tokio::test]
async fn what_another_bank_took_is_not_got_back() {
    for (days, state) in [(1, "sent"), (2, "paid")] {
        let stage = Stage::new().await;
        let scene = PaidSale::payable(&stage, Bank::Closed).await;
        scene.market.pay_days(7).await;
        scene.wait(2);
        let events = stage.events();
        let event = events.iter().find(|event| kind_of(event) == "payout.failed").unwrap();
        assert_eq!(stage.deliver(event).await, 200);
        scene.check_told(&[("failed", NET)]).await;
        stage.at_stripe().onboard(&scene.account().await, Bank::Works).unwrap();
        scene.wait(days);
        scene.market.pay_creators().await.unwrap();
        scene.check_told(&[(state, NET)]).await;
        scene.market.pay_days(2).await;
        scene.check_told(&[("paid", NET)]).await;
        assert_eq!(scene.market.transfers().len(), 1);
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}

/// A run that reopens a failed payout dies at any step; it is repeated on the same day, or the next
/// day's run resumes it.
#[tokio::test]
async fn taking_a_payout_apart_survives_death_at_every_step() {
    let mut most = u32::MAX;
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::LoseAnswer] {
        for nth in 1.. {
            if nth > most {
                break;
            }
            let stage = Stage::new().await;
            let scene = PaidSale::payable(&stage, Bank::Closed).await;
            scene.market.pay_days(8).await;
            scene.wait(1);
            let events = stage.events();
            let event = events.iter().find(|event| kind_of(event) == "payout.failed").unwrap();
            assert_eq!(stage.deliver(event).await, 200);
            stage.app.engine.take_usage();
            if most < u32::MAX {
                stage.app.engine.order("*", nth, fault);
            }
            let _ = stage.app.engine.until_hung(scene.market.pay_creators()).await;
            if most == u32::MAX {
                most = stage.app.engine.take_usage().round_trips();
            }
            if nth % 2 == 0 {
                scene.market.pay_creators().await.unwrap();
            }
            scene.market.ready(&scene.kim, Bank::Works).await;
            scene.market.pay_days(3).await;
            let told = scene.told().await;
            // A run that finds it reopened on the same day pays it on that day.
            assert_eq!(told[0], ("paid".to_owned(), NET), "{fault:?} {nth}: {told:?}");
            scene.market.assert_ledger_balances().await;
            stage.close().await;
        }
    }
}

/// The bank has the money: a reversal is impossible, it is owed, and the next payout offsets it.
#[tokio::test]
async fn what_cannot_be_got_back_is_evened_out() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    scene.market.pay_days(9).await;
    let given = scene.market.give_back("key", &scene.purchase, None).await;
    assert_eq!(given.status(), 200, "{}", given.pretty());
    assert_eq!(scene.debt().await, NET);
    scene.market.pay_creators().await.unwrap();
    assert_eq!(scene.debt().await, NET);
    assert!(scene.market.sale(&scene.kim, &scene.purchase).await.recovery_refused);
    let bob = stage.member("bob");
    let second = scene.market.on_sale(&scene.kim, 4_000).await;
    scene.market.sold(&bob, &second, 4_000).await;
    scene.market.pay_days(7).await;
    assert_eq!(scene.told().await[0], ("sent".to_owned(), 3_200 - NET));
    assert_eq!(scene.debt().await, 0);
    scene.market.pay_days(2).await;
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

#[tokio::test]
async fn a_creator_in_debt_for_three_cycles_is_paid_what_is_left() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    let second = scene.market.on_sale(&scene.kim, PRICE).await;
    let other = scene.market.sold(&scene.ann, &second, PRICE).await;
    scene.market.pay_days(9).await;
    scene.check_told(&[("paid", 2 * NET)]).await;
    for (key, purchase) in [("one", &scene.purchase), ("two", &other)] {
        assert_eq!(scene.market.give_back(key, purchase, None).await.status(), 200);
    }
    assert_eq!(scene.debt().await, 2 * NET);
    for (cycle, owes) in [-2_400, -1_600, -800].into_iter().enumerate() {
        let buyer = stage.member(&format!("buyer{cycle}"));
        let listing = scene.market.on_sale(&scene.kim, 1_000).await;
        scene.market.sold(&buyer, &listing, 1_000).await;
        scene.market.pay_days(7).await;
        assert_eq!(scene.told().await[0], ("negative_balance".to_owned(), owes));
    }
    let listing = scene.market.on_sale(&scene.kim, 4_000).await;
    scene.market.sold(&scene.ann, &listing, 4_000).await;
    scene.market.pay_days(9).await;
    let told = scene.told().await;
    assert_eq!(told[0], ("paid".to_owned(), 2_400), "{told:?}");
    assert_eq!(scene.debt().await, 0);
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

/// A transfer is partially reversed, and the process dies at any step.
#[tokio::test]
async fn getting_money_back_survives_death_at_every_step() {
    let mut most = u32::MAX;
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::LoseAnswer] {
        for nth in 1.. {
            if nth > most {
                break;
            }
            let name = format!("{fault:?} {nth}");
            let stage = Stage::new().await;
            let scene = PaidSale::payable(&stage, Bank::Works).await;
            scene.market.pay_days(7).await;
            stage.app.engine.take_usage();
            if most < u32::MAX {
                stage.app.engine.order("*", nth, fault);
            }
            let work = scene.market.give_back("key", &scene.purchase, Some(500));
            stage.app.engine.until_hung(work).await;
            if most == u32::MAX {
                most = stage.app.engine.take_usage().round_trips();
            }
            let again = scene.market.give_back("key", &scene.purchase, Some(500)).await;
            assert_eq!(again.status(), 200, "{name}: {}", again.pretty());
            scene.market.pay_creators().await.unwrap();
            let payout = &scene.market.payouts(&scene.kim).await[0];
            assert_eq!((payout.amount, payout.reversed), (NET, 400), "{name}");
            let deeds = stage.deeds().await;
            let got_back = deeds.iter().filter(|it| it.contains("reverse_transfer")).count();
            assert_eq!(got_back, 1, "{name}: {deeds:#?}");
            assert_eq!(scene.debt().await, 0, "{name}");
            scene.market.pay_days(3).await;
            scene.market.assert_ledger_balances().await;
            stage.close().await;
        }
    }
}

/// The process dies before a partial reversal; then the bank returns the payout, which reverses the
/// rest. The next payout pays what is left of the sale.
#[tokio::test]
async fn a_bank_failure_overtakes_what_was_to_be_got_back() {
    for nth in 1..30 {
        let stage = Stage::new().await;
        let scene = PaidSale::payable(&stage, Bank::Closed).await;
        scene.market.pay_days(8).await;
        scene.wait(1);
        let failed = stage.events();
        stage.app.engine.order("*", nth, Fault::HangAfter);
        let work = scene.market.give_back("key", &scene.purchase, Some(500));
        let done = stage.app.engine.until_hung(work).await.is_some();
        for event in &failed {
            assert_eq!(stage.deliver(event).await, 200, "{nth} {}", kind_of(event));
        }
        assert_eq!(scene.market.give_back("key", &scene.purchase, Some(500)).await.status(), 200);
        scene.market.pay_creators().await.unwrap();
        scene.market.ready(&scene.kim, Bank::Works).await;
        scene.market.pay_days(4).await;
        let (told, debt) = (scene.told().await, scene.debt().await);
        let transferred = scene.market.balance(&scene.kim, LedgerAccount::Transferred).await;
        assert_eq!(transferred, NET - 400, "{nth}: {told:?}, {debt} owed");
        assert_eq!(told[0].0, "paid", "{nth}: {told:?}");
        scene.market.assert_ledger_balances().await;
        stage.close().await;
        if done {
            return;
        }
    }
    panic!("a refund takes fewer requests than this");
}

#[tokio::test]
async fn onboarding_twice_is_one_account_and_a_lost_capability_shows() {
    let stage = Stage::new().await;
    let kim = stage.member("kim");
    let market = Market::new(&stage);
    let (one, two) = (market.onboard(&kim).await, market.onboard(&kim).await);
    assert_eq!([one.status(), two.status()], [200, 200], "{}", two.pretty());
    assert_ne!(one.json()["onboarding_url"], two.json()["onboarding_url"], "each link works once");
    assert_eq!(one.json()["account"]["state"], "incomplete");
    let at_once = join_all((0..4).map(|_| market.onboard(&kim))).await;
    assert!(at_once.iter().all(|answer| answer.status() == 200));
    let state = async || PayeeState::of(market.store().payee(&kim.id).await.unwrap().as_ref());
    let account = market.ready(&kim, Bank::Works).await;
    assert_eq!(state().await, PayeeState::Ready);
    stage.at_stripe().restrict(&account).unwrap();
    assert_eq!(state().await, PayeeState::Ready, "no event reported it");
    stage.hear().await;
    assert_eq!(state().await, PayeeState::Incomplete);
    stage.at_stripe().close_account(&account).unwrap();
    stage.hear().await;
    assert_eq!(state().await, PayeeState::Closed);
    // Another account replaces it.
    let other = market.ready(&kim, Bank::Works).await;
    assert_ne!(account, other);
    assert_eq!(state().await, PayeeState::Ready);
    assert_eq!(opened(&stage), 2);
    stage.close().await;
}

/// A creator with an unverified email is paid nothing, with or without a connected account.
#[tokio::test]
async fn whose_address_is_not_verified_is_paid_once_it_is() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    let (market, kim) = (&scene.market, &scene.kim);
    let refused = market.onboard(&kim.unverified()).await;
    assert_eq!(refused.brief(), "403 email_unverified");
    market.pay_days(7).await;
    scene.check_told(&[("email_unverified", NET)]).await;
    assert_eq!(market.onboard(kim).await.status(), 200);
    market.pay_days(1).await;
    scene.check_told(&[("sent", NET), ("email_unverified", NET)]).await;
    market.pay_days(2).await;
    market.assert_ledger_balances().await;
    stage.close().await;
}

/// Concurrent first requests: a member who clicks twice gets one account.
#[tokio::test]
async fn onboarding_at_once_is_one_account() {
    let stage = Stage::new().await;
    let kim = stage.member("kim");
    let market = Market::new(&stage);
    let answers = join_all((0..5).map(|_| market.onboard(&kim))).await;
    for answer in &answers {
        assert!(matches!(answer.status(), 200 | 503), "{}", answer.pretty());
    }
    assert_eq!(opened(&stage), 1);
    stage.close().await;
}

/// Number of accounts ever opened.
fn opened(stage: &Stage) -> usize {
    let kinds = stage.at_stripe().event_types();
    kinds.iter().filter(|kind| *kind == "v2.core.account.created").count()
}

/// The audit names the manipulated value: a posting, or a stored sum beside the journal.
#[tokio::test]
async fn the_audit_names_the_account_that_differs() {
    let stage = Stage::new().await;
    let scene = PaidSale::payable(&stage, Bank::Works).await;
    scene.market.pay_days(9).await;
    let good = scene.market.audit().await;
    assert_eq!(good["equal"], true, "{good:#}");
    let items = stage.app.engine.dump();
    let is_leg = |item: &&Value| {
        item["pk"]["S"].as_str().unwrap().starts_with("JOURNAL#")
            && item["account"]["S"] == "transferred"
    };
    let is_book = |item: &&Value| {
        item["sk"]["S"] == "CREATOR" && item["pk"]["S"] == json!(format!("USER#{}", scene.kim.id))
    };
    let put = |item: &Value| {
        let request = json!({ "TableName": TABLE, "Item": item }).to_string();
        stage.app.engine.run("PutItem", &request).unwrap();
    };
    let mut leg = items.iter().find(is_leg).unwrap().clone();
    let mut book = items.iter().find(is_book).unwrap().clone();
    leg["amount"]["N"] = json!((NET + 1).to_string());
    book["balances"]["M"]["creator_paid"]["N"] = json!((7 - NET).to_string());
    for (tampered, account, kept, folded) in
        [(&leg, "transferred", NET, NET + 1), (&book, "creator_paid", 7 - NET, -NET)]
    {
        let before =
            items.iter().find(|it| it["pk"] == tampered["pk"] && it["sk"] == tampered["sk"]);
        put(tampered);
        let bad = scene.market.audit().await;
        assert_eq!(bad["equal"], false, "{account}");
        let found = &bad["items"][0];
        let difference = json!([{ "account": account, "kept": kept, "folded": folded }]);
        assert_eq!(
            (&found["creator_id"], &found["differences"]),
            (&json!(scene.kim.id), &difference)
        );
        put(before.unwrap());
        assert_eq!(scene.market.audit().await["equal"], true);
    }
    stage.close().await;
}

/// Ten thousand sales of one creator in one payout, in batches.
#[tokio::test]
async fn ten_thousand_sales_are_paid_out_at_once() {
    let stage = Stage::new().await;
    let (market, kim, _) = with_sales_of_a_cent(&stage, &[5_000, 5_000, 2_500]).await;
    stage.pass(7);
    stage.app.engine.take_usage();
    market.pay_creators().await.unwrap();
    let usage = stage.app.engine.take_usage();
    // Two reads and one transaction per eighty sales, once to release and once to collect them.
    assert!(usage.round_trips() < 800, "{usage:?}");
    assert_eq!(market.told(&kim).await, [("sent".to_owned(), 10_000)]);
    let payout: &Payout = &market.payouts(&kim).await[0];
    assert_eq!(payout.sales, 10_000);
    market.assert_ledger_balances().await;
    stage.close().await;
}

/// Two thousand sales returned by the bank: they are detached in batches, as they were added.
#[tokio::test]
async fn two_thousand_sales_are_returned_and_paid_again() {
    let stage = Stage::new().await;
    let (market, kim, account) = with_sales_of_a_cent(&stage, &[2_500]).await;
    stage.pass(7);
    market.pay_creators().await.unwrap();
    stage.at_stripe().pay_bank(&account).unwrap();
    let theirs = stage.at_stripe().bank_payouts(&account).unwrap();
    stage.at_stripe().fail_bank_payout(theirs[0]["id"].as_str().unwrap()).unwrap();
    stage.hear().await;
    stage.app.engine.take_usage();
    market.pay_creators().await.unwrap();
    let usage = stage.app.engine.take_usage();
    assert!(usage.round_trips() < 150, "{usage:?}");
    assert_eq!(market.told(&kim).await, [("reopened".to_owned(), 2_000)]);
    market.assert_ledger_balances().await;
    market.pay_days(1).await;
    assert_eq!(market.told(&kim).await[0], ("sent".to_owned(), 2_000));
    market.assert_ledger_balances().await;
    stage.close().await;
}

/// Sales at these prices, split into as many sales as their creator's share has cents.
async fn with_sales_of_a_cent<'a>(stage: &'a Stage, prices: &[i64]) -> (Market<'a>, Actor, String) {
    let (kim, ann) = (stage.member("kim"), stage.member("ann"));
    let market = Market::new(stage);
    for cents in prices {
        let listing = market.on_sale(&kim, *cents).await;
        market.sold(&ann, &listing, *cents).await;
    }
    let account = market.ready(&kim, Bank::Works).await;
    let net = market.book(&kim).await.money.net;
    cut_up(stage, usize::try_from(net).unwrap());
    (market, kim, account)
}

/// Replaces the stored sales by this many of one cent each.
fn cut_up(stage: &Stage, sales: usize) {
    let run = |operation: &str, body: Value| {
        stage.app.engine.run(operation, &body.to_string()).unwrap();
    };
    stage.stop_stream();
    let mut items = stage.app.engine.dump();
    items.retain(|item| item["sk"]["S"].as_str().unwrap().starts_with("SALE#"));
    for item in &items {
        let key = json!({ "pk": item["pk"], "sk": item["sk"] });
        run("DeleteItem", json!({ "TableName": TABLE, "Key": key }));
    }
    let cent = json!({ "M": { "gross": { "N": "1" }, "fee": { "N": "0" }, "net": { "N": "1" } } });
    let mut sale = items.remove(0);
    let held_until = sale["gsi1sk"]["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
    (sale["sold"], sale["kept"]) = (cent.clone(), cent);
    for number in 0..sales {
        let id = domain::id::PurchaseId::new(stage.app.now(), number as u128).to_string();
        sale["sk"]["S"] = json!(format!("SALE#{id}"));
        sale["purchase_id"]["S"] = json!(id);
        sale["gsi1sk"]["S"] = json!(format!("{held_until}#{id}"));
        run("PutItem", json!({ "TableName": TABLE, "Item": sale }));
    }
}

/// The hold counts days by the clock: across a leap day and across month ends.
#[tokio::test]
async fn seven_days_are_seven_days_in_any_month() {
    for (days_before, month) in [(65, "2027-02"), (96, "2027-03"), (462, "2028-03")] {
        let stage = Stage::new().await;
        stage.pass(days_before);
        let scene = PaidSale::payable(&stage, Bank::Works).await;
        let sale = scene.market.sale(&scene.kim, &scene.purchase).await;
        assert_eq!(sale.sold_at.until(sale.hold_until), DAY * 7);
        stage.app.ambient.clock.advance(DAY * 7 - Duration::from_secs(1));
        scene.market.pay_creators().await.unwrap();
        scene.check_told(&[]).await;
        assert_eq!(sale.state(stage.app.now()), SaleState::Held);
        stage.app.ambient.clock.advance(Duration::from_secs(1));
        scene.market.pay_creators().await.unwrap();
        scene.check_told(&[("sent", NET)]).await;
        let payout = &scene.market.payouts(&scene.kim).await[0];
        assert!(payout.date.starts_with(month), "{}", payout.date);
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}
