//! Disputes and their effect on creators' payouts.

use domain::marketplace::{
    community::reward::RewardState,
    creator::journal::LedgerAccount,
    purchase::{PurchaseState, entitlement::EntitlementState},
};
use sandbox::stripe::{Bank, Card, Closing, Opening};

use crate::{
    scene::{NET, PRICE, PaidSale},
    stage::{Stage, kind_of},
};

impl PaidSale<'_> {
    fn payment(&self) -> String {
        self.purchase.payment.clone().unwrap().to_string()
    }

    async fn on(&self, account: LedgerAccount) -> i64 {
        self.market.balance(&self.kim, account).await
    }

    async fn open(&self, cents: Option<i64>, opening: Opening) -> String {
        let dispute = self.market.stage.at_stripe().dispute(&self.payment(), cents, opening);
        self.market.stage.hear().await;
        dispute.unwrap()
    }

    async fn end(&self, dispute: &str, closing: Closing) {
        self.market.stage.at_stripe().close_dispute(dispute, closing).unwrap();
        self.market.stage.hear().await;
    }
}

/// A dispute may exceed the payment. The excess is a receivable while open, and a loss if lost.
#[tokio::test]
async fn a_dispute_may_take_more_than_was_paid() {
    for (closing, lost, kept) in [(Closing::Lost, 700, 0), (Closing::Won, 0, NET)] {
        let stage = Stage::new().await;
        let scene = PaidSale::funded(&stage, Bank::Works).await;
        let dispute = scene.open(Some(PRICE + 700), Opening::Chargeback).await;
        assert_eq!(scene.on(LedgerAccount::DisputesReceivable).await, 700);
        scene.end(&dispute, closing).await;
        assert_eq!(scene.on(LedgerAccount::DisputeLosses).await, lost);
        assert_eq!(scene.market.book(&scene.kim).await.money.net, kept);
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}

#[tokio::test]
async fn an_inquiry_keeps_a_sale_from_being_paid_until_it_is_closed() {
    let stage = Stage::new().await;
    let scene = PaidSale::funded(&stage, Bank::Works).await;
    let dispute = scene.open(None, Opening::Warning).await;
    scene.market.pay_days(8).await;
    assert!(scene.market.told(&scene.kim).await.is_empty(), "sales on hold are not reported");
    assert_eq!(scene.market.earnings(&scene.kim).await[0]["state"], "frozen");
    assert_eq!(scene.access().await, EntitlementState::Suspended);
    scene.end(&dispute, Closing::WarningClosed).await;
    scene.market.pay_days(3).await;
    assert_eq!(scene.market.told(&scene.kim).await, [("paid".to_owned(), NET)]);
    assert_eq!(scene.access().await, EntitlementState::Active);
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

/// A disputed sale stays frozen, the others are paid.
#[tokio::test]
async fn one_frozen_sale_does_not_keep_the_others() {
    let stage = Stage::new().await;
    let scene = PaidSale::funded(&stage, Bank::Works).await;
    let bob = stage.member("bob");
    scene.market.sold(&bob, &scene.listing, PRICE).await;
    stage.at_stripe().restrict(&scene.account().await).unwrap();
    scene.market.pay_days(7).await;
    let dispute = scene.open(None, Opening::Warning).await;
    assert_eq!(scene.market.book(&scene.kim).await.frozen, NET);
    scene.market.ready(&scene.kim, Bank::Works).await;
    scene.market.pay_days(3).await;
    assert_eq!(scene.market.told(&scene.kim).await[0], ("frozen_dispute".to_owned(), NET));
    assert_eq!(scene.on(LedgerAccount::Transferred).await, NET);
    scene.end(&dispute, Closing::WarningClosed).await;
    assert_eq!(scene.market.book(&scene.kim).await.frozen, 0);
    scene.market.pay_days(3).await;
    assert_eq!(scene.on(LedgerAccount::Transferred).await, 2 * NET);
    scene.market.assert_ledger_balances().await;
    stage.close().await;
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
        let stage = Stage::new().await;
        let scene = PaidSale::funded(&stage, Bank::Works).await;
        scene.market.pay_days(7).await;
        if banked {
            stage.at_stripe().pay_bank(&scene.account().await).unwrap();
            stage.hear().await;
        }
        let dispute = scene.open(None, Opening::Chargeback).await;
        scene.market.pay_creators().await.unwrap();
        assert_eq!(scene.on(LedgerAccount::CreatorDebt).await, NET);
        assert_eq!(scene.on(LedgerAccount::Transferred).await, NET, "it may still be won");
        scene.end(&dispute, closing).await;
        scene.market.pay_creators().await.unwrap();
        assert_eq!(scene.on(LedgerAccount::CreatorDebt).await, debt, "{banked} {closing:?}");
        assert_eq!(scene.on(LedgerAccount::Transferred).await, transferred);
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}

/// The next payout offsets the dispute's debt; if the dispute is then won, the payout after it
/// returns the amount.
#[tokio::test]
async fn a_dispute_won_after_it_was_evened_out_is_paid_again() {
    let stage = Stage::new().await;
    let scene = PaidSale::funded(&stage, Bank::Works).await;
    let bob = stage.member("bob");
    scene.market.pay_days(9).await;
    let dispute = scene.open(None, Opening::Chargeback).await;
    let second = scene.market.on_sale(&scene.kim, 4_000).await;
    scene.market.sold(&bob, &second, 4_000).await;
    scene.market.pay_days(9).await;
    assert_eq!(scene.market.told(&scene.kim).await[0], ("paid".to_owned(), 3_200 - NET));
    assert_eq!(scene.on(LedgerAccount::CreatorDebt).await, 0);
    scene.end(&dispute, Closing::Won).await;
    assert_eq!(scene.on(LedgerAccount::CreatorDebt).await, -NET, "owed to the creator");
    scene.market.pay_days(3).await;
    assert_eq!(scene.market.told(&scene.kim).await[0], ("paid".to_owned(), NET));
    assert_eq!(scene.on(LedgerAccount::Transferred).await, NET + 3_200);
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

#[tokio::test]
async fn a_dispute_after_refunds_and_refunds_after_a_dispute() {
    for closing in [Closing::Won, Closing::Lost] {
        let stage = Stage::new().await;
        let scene = PaidSale::funded(&stage, Bank::Works).await;
        assert_eq!(scene.market.give_back("one", &scene.purchase, Some(500)).await.status(), 200);
        stage.hear().await;
        // The full amount, although a part was refunded.
        let dispute = scene.open(None, Opening::Chargeback).await;
        assert_eq!(scene.on(LedgerAccount::DisputesReceivable).await, 500);
        let refused = scene.market.give_back("two", &scene.purchase, Some(500)).await;
        assert_eq!(refused.brief(), "409 in_dispute");
        scene.end(&dispute, closing).await;
        // Stripe refuses refunds of a charge that was ever disputed, even if the dispute was won.
        let rest = scene.market.give_back("three", &scene.purchase, None).await;
        let (access, net) = match closing {
            Closing::Won => {
                assert_eq!(rest.json()["refund"]["code"], "charge_disputed");
                (EntitlementState::Active, (PRICE - 500) * 4 / 5)
            }
            Closing::Lost | Closing::WarningClosed => {
                assert_eq!(rest.brief(), "409 refunded_already");
                (EntitlementState::Revoked, 0)
            }
        };
        stage.hear().await;
        assert_eq!(scene.access().await, access);
        assert_eq!(scene.market.book(&scene.kim).await.money.net, net);
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}

/// Two consecutive disputes of one payment, each for a part.
#[tokio::test]
async fn disputes_of_parts_add_up() {
    let stage = Stage::new().await;
    let scene = PaidSale::funded(&stage, Bank::Works).await;
    let one = scene.open(Some(500), Opening::Chargeback).await;
    let two = scene.open(Some(1_500), Opening::Chargeback).await;
    scene.end(&one, Closing::Won).await;
    assert_eq!(scene.access().await, EntitlementState::Suspended, "the other dispute is open");
    scene.end(&two, Closing::Lost).await;
    assert_eq!(scene.market.book(&scene.kim).await.money.net, 400);
    assert_eq!(scene.access().await, EntitlementState::Active);
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}

/// The events of a dispute, twice and in any order, end in one state.
#[tokio::test]
async fn notices_of_a_dispute_in_any_order_are_one_state() {
    for turn in 0..8 {
        let stage = Stage::new().await;
        let scene = PaidSale::funded(&stage, Bank::Works).await;
        scene.market.pay_days(7).await;
        let opened = stage.at_stripe().dispute(&scene.payment(), Some(2_600), Opening::Chargeback);
        let dispute = opened.unwrap();
        let mut events = stage.events();
        if turn % 2 == 0 {
            stage.deliver(&events[0]).await;
        }
        stage.at_stripe().close_dispute(&dispute, Closing::Lost).unwrap();
        events.extend(stage.events());
        let middle = turn % events.len();
        events.rotate_left(middle);
        if turn > 3 {
            events.reverse();
        }
        for event in events.iter().chain(events.iter().rev()) {
            assert_eq!(stage.deliver(event).await, 200, "{}", kind_of(event));
        }
        let purchase = scene.market.store().purchase(&scene.ann.id, &scene.purchase.id).await;
        assert_eq!(purchase.unwrap().state, PurchaseState::Refunded);
        assert_eq!(scene.on(LedgerAccount::DisputeLosses).await, 600);
        scene.market.pay_creators().await.unwrap();
        assert_eq!(scene.on(LedgerAccount::Transferred).await, 0, "reversed");
        scene.market.assert_ledger_balances().await;
        stage.close().await;
    }
}

/// A creator who shares their own listing gets the sale and no reward. For another creator's
/// listing, the reward is separate from their payouts.
#[tokio::test]
async fn a_seller_who_shares_is_not_paid_twice() {
    let stage = Stage::new().await;
    let scene = PaidSale::funded(&stage, Bank::Works).await;
    let (bob, lee) = (stage.member("bob"), stage.member("lee"));
    let own = scene.market.shared_by(&scene.kim, &scene.listing).await;
    let url = scene.market.checkout(&bob, &scene.listing, PRICE, Some(&own)).await;
    stage.pay(&url, Card::Succeeds);
    stage.hear().await;
    let mine = scene.market.purchase_of(&bob, &url).await;
    let theirs = scene.market.on_sale(&lee, PRICE).await;
    let token = scene.market.shared_by(&scene.kim, &theirs).await;
    let url = scene.market.checkout(&bob, &theirs, PRICE, Some(&token)).await;
    stage.pay(&url, Card::Succeeds);
    stage.hear().await;
    let shared = scene.market.purchase_of(&bob, &url).await;
    for _ in 0..8 {
        scene.market.pay_days(1).await;
        scene.market.grant_rewards().await;
    }
    assert_eq!(scene.market.told(&scene.kim).await[0], ("sent".to_owned(), 2 * NET));
    scene.market.pay_days(7).await;
    scene.market.grant_rewards().await;
    assert!(scene.market.no_reward(&scene.kim, &mine.id).await);
    let reward = scene.market.reward(&scene.kim, &shared.id).await;
    assert!(matches!(reward.state, RewardState::Granted { .. }), "{reward:?}");
    let cost = scene.market.balance(&lee, LedgerAccount::RewardExpense).await;
    assert!(cost > 0, "booked as a cost of that sale");
    scene.market.pay_days(2).await;
    scene.market.assert_ledger_balances().await;
    stage.close().await;
}
