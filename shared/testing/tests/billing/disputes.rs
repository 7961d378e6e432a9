//! Disputes and their effect on creators' payouts.

use domain::marketplace::{
    community::reward::RewardState,
    creator::journal::LedgerAccount,
    purchase::{PurchaseState, entitlement::EntitlementState},
};
use sandbox::stripe::{Bank, Card, Closing, Opening};

use crate::{
    billing_app::{BillingApp, kind_of},
    paid_sale::{NET, PRICE, PaidSale},
};

impl PaidSale<'_> {
    fn payment(&self) -> String {
        self.purchase.payment.clone().unwrap().to_string()
    }

    async fn on(&self, account: LedgerAccount) -> i64 {
        self.market.balance(&self.kim, account).await
    }

    async fn open(&self, cents: Option<i64>, opening: Opening) -> String {
        let dispute = self.market.app.stripe().dispute(&self.payment(), cents, opening);
        self.market.app.deliver_events().await;
        dispute.unwrap()
    }

    async fn end(&self, dispute: &str, closing: Closing) {
        self.market.app.stripe().close_dispute(dispute, closing).unwrap();
        self.market.app.deliver_events().await;
    }
}

/// A dispute may exceed the payment. The excess is a receivable while open, and a loss if lost.
#[tokio::test]
async fn a_dispute_may_take_more_than_was_paid() {
    for (closing, lost, kept) in [(Closing::Lost, 700, 0), (Closing::Won, 0, NET)] {
        let app = BillingApp::new().await;
        let sale = PaidSale::funded(&app, Bank::Works).await;
        let dispute = sale.open(Some(PRICE + 700), Opening::Chargeback).await;
        assert_eq!(sale.on(LedgerAccount::DisputesReceivable).await, 700);
        sale.end(&dispute, closing).await;
        assert_eq!(sale.on(LedgerAccount::DisputeLosses).await, lost);
        assert_eq!(sale.market.creator_balance(&sale.kim).await.money.net, kept);
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}

#[tokio::test]
async fn during_an_inquiry_a_sale_is_not_paid_out() {
    let app = BillingApp::new().await;
    let sale = PaidSale::funded(&app, Bank::Works).await;
    let dispute = sale.open(None, Opening::Warning).await;
    sale.market.pay_days(8).await;
    assert!(
        sale.market.payout_states(&sale.kim).await.is_empty(),
        "sales on hold are not reported"
    );
    assert_eq!(sale.market.earnings(&sale.kim).await[0]["status"], "frozen");
    assert_eq!(sale.access().await, EntitlementState::Suspended);
    sale.end(&dispute, Closing::WarningClosed).await;
    sale.market.pay_days(3).await;
    assert_eq!(sale.market.payout_states(&sale.kim).await, [("paid".to_owned(), NET)]);
    assert_eq!(sale.access().await, EntitlementState::Active);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// A disputed sale stays frozen, the others are paid.
#[tokio::test]
async fn a_frozen_sale_does_not_hold_back_the_others() {
    let app = BillingApp::new().await;
    let sale = PaidSale::funded(&app, Bank::Works).await;
    let bob = app.new_member("bob");
    sale.market.sold(&bob, &sale.listing, PRICE).await;
    app.stripe().restrict(&sale.account().await).unwrap();
    sale.market.pay_days(7).await;
    let dispute = sale.open(None, Opening::Warning).await;
    assert_eq!(sale.market.creator_balance(&sale.kim).await.frozen, NET);
    sale.market.complete_onboarding(&sale.kim, Bank::Works).await;
    sale.market.pay_days(3).await;
    assert_eq!(sale.market.payout_states(&sale.kim).await[0], ("frozen_dispute".to_owned(), NET));
    assert_eq!(sale.on(LedgerAccount::Transferred).await, NET);
    sale.end(&dispute, Closing::WarningClosed).await;
    assert_eq!(sale.market.creator_balance(&sale.kim).await.frozen, 0);
    sale.market.pay_days(3).await;
    assert_eq!(sale.on(LedgerAccount::Transferred).await, 2 * NET);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// Paid out, then disputed: no reversal while the dispute may still be won.
#[tokio::test]
async fn a_dispute_after_the_payout_is_followed_to_its_end() {
    for (banked, closing, transferred, debt) in [
        (false, Closing::Won, NET, 0),
        (true, Closing::Won, NET, 0),
        (false, Closing::Lost, 0, 0),
        (true, Closing::Lost, NET, NET),
    ] {
        let app = BillingApp::new().await;
        let sale = PaidSale::funded(&app, Bank::Works).await;
        sale.market.pay_days(7).await;
        if banked {
            app.stripe().pay_bank(&sale.account().await).unwrap();
            app.deliver_events().await;
        }
        let dispute = sale.open(None, Opening::Chargeback).await;
        sale.market.pay_creators().await.unwrap();
        assert_eq!(sale.on(LedgerAccount::CreatorDebt).await, NET);
        assert_eq!(sale.on(LedgerAccount::Transferred).await, NET, "it may still be won");
        sale.end(&dispute, closing).await;
        sale.market.pay_creators().await.unwrap();
        assert_eq!(sale.on(LedgerAccount::CreatorDebt).await, debt, "{banked} {closing:?}");
        assert_eq!(sale.on(LedgerAccount::Transferred).await, transferred);
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}

/// The next payout offsets the dispute's debt; if the dispute is then won, the payout after it
/// returns the amount.
#[tokio::test]
async fn a_dispute_won_after_its_debt_was_offset_is_paid_again() {
    let app = BillingApp::new().await;
    let sale = PaidSale::funded(&app, Bank::Works).await;
    let bob = app.new_member("bob");
    sale.market.pay_days(9).await;
    let dispute = sale.open(None, Opening::Chargeback).await;
    let second = sale.market.on_sale(&sale.kim, 4_000).await;
    sale.market.sold(&bob, &second, 4_000).await;
    sale.market.pay_days(9).await;
    assert_eq!(sale.market.payout_states(&sale.kim).await[0], ("paid".to_owned(), 3_200 - NET));
    assert_eq!(sale.on(LedgerAccount::CreatorDebt).await, 0);
    sale.end(&dispute, Closing::Won).await;
    assert_eq!(sale.on(LedgerAccount::CreatorDebt).await, -NET, "owed to the creator");
    sale.market.pay_days(3).await;
    assert_eq!(sale.market.payout_states(&sale.kim).await[0], ("paid".to_owned(), NET));
    assert_eq!(sale.on(LedgerAccount::Transferred).await, NET + 3_200);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

#[tokio::test]
async fn a_dispute_after_refunds_and_refunds_after_a_dispute() {
    for closing in [Closing::Won, Closing::Lost] {
        let app = BillingApp::new().await;
        let sale = PaidSale::funded(&app, Bank::Works).await;
        assert_eq!(sale.market.refund("one", &sale.purchase, Some(500)).await.status(), 200);
        app.deliver_events().await;
        // The full amount, although a part was refunded.
        let dispute = sale.open(None, Opening::Chargeback).await;
        assert_eq!(sale.on(LedgerAccount::DisputesReceivable).await, 500);
        let refused = sale.market.refund("two", &sale.purchase, Some(500)).await;
        assert_eq!(refused.brief(), "409 in_dispute");
        sale.end(&dispute, closing).await;
        // Stripe refuses refunds of a charge that was ever disputed, even if the dispute was won.
        let rest = sale.market.refund("three", &sale.purchase, None).await;
        let (access, net) = match closing {
            Closing::Won => {
                assert_eq!(rest.json()["refund"]["failure_code"], "charge_disputed");
                (EntitlementState::Active, (PRICE - 500) * 4 / 5)
            }
            Closing::Lost | Closing::WarningClosed => {
                assert_eq!(rest.brief(), "409 refunded_already");
                (EntitlementState::Revoked, 0)
            }
        };
        app.deliver_events().await;
        assert_eq!(sale.access().await, access);
        assert_eq!(sale.market.creator_balance(&sale.kim).await.money.net, net);
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}

/// Two consecutive disputes of one payment, each for a part.
#[tokio::test]
async fn disputes_of_parts_add_up() {
    let app = BillingApp::new().await;
    let sale = PaidSale::funded(&app, Bank::Works).await;
    let one = sale.open(Some(500), Opening::Chargeback).await;
    let two = sale.open(Some(1_500), Opening::Chargeback).await;
    sale.end(&one, Closing::Won).await;
    assert_eq!(sale.access().await, EntitlementState::Suspended, "the other dispute is open");
    sale.end(&two, Closing::Lost).await;
    assert_eq!(sale.market.creator_balance(&sale.kim).await.money.net, 400);
    assert_eq!(sale.access().await, EntitlementState::Active);
    sale.market.assert_ledger_balances().await;
    app.close().await;
}

/// The events of a dispute, twice and in any order, end in one state.
#[tokio::test]
async fn events_of_a_dispute_in_any_order_are_one_state() {
    for turn in 0..8 {
        let app = BillingApp::new().await;
        let sale = PaidSale::funded(&app, Bank::Works).await;
        sale.market.pay_days(7).await;
        let opened = app.stripe().dispute(&sale.payment(), Some(2_600), Opening::Chargeback);
        let dispute = opened.unwrap();
        let mut events = app.events();
        if turn % 2 == 0 {
            app.deliver(&events[0]).await;
        }
        app.stripe().close_dispute(&dispute, Closing::Lost).unwrap();
        events.extend(app.events());
        let middle = turn % events.len();
        events.rotate_left(middle);
        if turn > 3 {
            events.reverse();
        }
        for event in events.iter().chain(events.iter().rev()) {
            assert_eq!(app.deliver(event).await, 200, "{}", kind_of(event));
        }
        let purchase = sale.market.app.store.purchase(&sale.ann.id, &sale.purchase.id).await;
        assert_eq!(purchase.unwrap().state, PurchaseState::Refunded);
        assert_eq!(sale.on(LedgerAccount::DisputeLosses).await, 600);
        sale.market.pay_creators().await.unwrap();
        assert_eq!(sale.on(LedgerAccount::Transferred).await, 0, "reversed");
        sale.market.assert_ledger_balances().await;
        app.close().await;
    }
}

/// A creator who shares their own listing gets the sale and no reward. For another creator's
/// listing, the reward is separate from their payouts.
#[tokio::test]
async fn a_seller_who_shares_is_not_paid_twice() {
    let app = BillingApp::new().await;
    let sale = PaidSale::funded(&app, Bank::Works).await;
    let (bob, lee) = (app.new_member("bob"), app.new_member("lee"));
    let own = sale.market.shared_by(&sale.kim, &sale.listing).await;
    let url = sale.market.checkout(&bob, &sale.listing, PRICE, Some(&own)).await;
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    let mine = sale.market.purchase_of(&bob, &url).await;
    let theirs = sale.market.on_sale(&lee, PRICE).await;
    let token = sale.market.shared_by(&sale.kim, &theirs).await;
    let url = sale.market.checkout(&bob, &theirs, PRICE, Some(&token)).await;
    app.pay(&url, Card::Succeeds);
    app.deliver_events().await;
    let shared = sale.market.purchase_of(&bob, &url).await;
    for _ in 0..8 {
        sale.market.pay_days(1).await;
        sale.market.grant_rewards().await;
    }
    assert_eq!(sale.market.payout_states(&sale.kim).await[0], ("sent".to_owned(), 2 * NET));
    sale.market.pay_days(7).await;
    sale.market.grant_rewards().await;
    assert!(sale.market.no_reward(&sale.kim, &mine.id).await);
    let reward = sale.market.reward(&sale.kim, &shared.id).await;
    assert!(matches!(reward.state, RewardState::Granted { .. }), "{reward:?}");
    let cost = sale.market.balance(&lee, LedgerAccount::RewardExpense).await;
    assert!(cost > 0, "booked as a cost of that sale");
    sale.market.pay_days(2).await;
    sale.market.assert_ledger_balances().await;
    app.close().await;
}
