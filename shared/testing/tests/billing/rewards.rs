//! Sharers' rewards: when they are granted, what reverses them, and the cap per account.

use domain::marketplace::{community::reward::RewardState, purchase::Purchase};
use sandbox::stripe::{Card, Closing, Opening};
use serde_json::{Value, json};
use testing::{Actor, engine::TABLE};

use crate::{market::Market, stage::Stage};

const PRICE: i64 = 1_200;

impl Market<'_> {
    /// A paid sale through `sharer`'s link, with its events delivered.
    async fn sold_through(&self, sharer: &Actor, seller: &Actor, buyer: &Actor) -> Purchase {
        let listing = self.on_sale(seller, PRICE).await;
        let token = self.shared_by(sharer, &listing).await;
        let url = self.checkout(buyer, &listing, PRICE, Some(&token)).await;
        self.stage.pay(&url, Card::SucceedsToo);
        self.stage.hear().await;
        self.purchase_of(buyer, &url).await
    }
}

/// Makes a member's stored account unreadable.
fn damage(stage: &Stage, member: &Actor) {
    let is_theirs = |item: &Value| {
        item["user_id"]["S"] == json!(member.id) && item.get("granted_until").is_some()
    };
    let mut account = stage.app.engine.dump().into_iter().find(is_theirs).unwrap();
    account["credits"] = json!({"S": "no credits"});
    let put = json!({"TableName": TABLE, "Item": account});
    stage.app.engine.run("PutItem", &put.to_string()).unwrap();
}

#[tokio::test]
async fn one_account_that_cannot_be_read_keeps_nobody_else_from_their_reward() {
    let stage = Stage::new().await;
    let (kim, ann, sue) = (stage.member("kim"), stage.member("ann"), stage.member("sue"));
    // Not checked at the end: its account is broken.
    let bad = Actor::member("bad");
    let market = Market::new(&stage);
    stage.account(&bad).await;
    market.sold_through(&bad, &kim, &ann).await;
    let after = market.sold_through(&sue, &kim, &ann).await;
    damage(&stage, &bad);
    stage.pass(15);
    market.grant_rewards().await;
    let reward = market.reward(&sue, &after.id).await;
    assert!(matches!(reward.state, RewardState::Granted { .. }), "{reward:?}");
    assert_eq!(stage.credits(&sue).await["available"], 15);
    stage.close().await;
}

#[tokio::test]
async fn however_many_rewards_there_were_what_is_paid_for_is_granted() {
    let stage = Stage::new().await;
    let (kim, ann, sue) = (stage.member("kim"), stage.member("ann"), stage.member("sue"));
    let market = Market::new(&stage);
    // A year of grants with expiry dates, some spent and some not.
    for nth in 0..70u32 {
        let now = stage.app.now();
        let ends_at = now.plus(domain::time::DAY * (300 + nth));
        let gift = stage.app.store.update_account(&sue.id, None, now, |draft| {
            draft.add_promo(domain::credits::LotId(format!("gift:{nth}")), 5, ends_at).map(drop)
        });
        gift.await.unwrap();
    }
    stage.spend(&sue, 10 + 350 - 3).await;
    stage.buy(&sue, "pack_50").await;
    assert_eq!(stage.credits(&sue).await["available"], 53);
    for _ in 0..3 {
        market.sold_through(&sue, &kim, &ann).await;
    }
    stage.pass(15);
    market.grant_rewards().await;
    let credits = stage.credits(&sue).await;
    assert_eq!(credits["available"], 53 + 15);
    let promos = credits["lots"].as_array().unwrap().iter();
    let promos: Vec<&Value> = promos.filter(|lot| lot["source"] == "promo").collect();
    assert_eq!(promos.len(), 2, "the gift that is left, and the rewards of a month: {promos:?}");
    stage.subscribe(&sue, "pro").await;
    assert_eq!(stage.credits(&sue).await["available"], 53 + 15 + 500);
    stage.close().await;
}

/// A buyer repeatedly buys through a friend's link and refunds the purchase: no reward is left.
#[tokio::test]
async fn what_a_buyer_gives_back_earns_its_sharer_nothing() {
    let stage = Stage::new().await;
    let (kim, ann, sue) = (stage.member("kim"), stage.member("ann"), stage.member("sue"));
    let market = Market::new(&stage);
    for days in [8, 13, 14] {
        let purchase = market.sold_through(&sue, &kim, &ann).await;
        stage.pass(days);
        market.grant_rewards().await;
        assert_eq!(stage.credits(&sue).await["available"], 10, "day {days}");
        let given = market.ask_back(&ann, &purchase, "not for me").await;
        assert_eq!(given.status(), 200, "{}", given.pretty());
        stage.hear().await;
        stage.pass(15);
        market.grant_rewards().await;
        assert_eq!(stage.credits(&sue).await["available"], 10, "day {days}");
    }
    stage.close().await;
}

#[tokio::test]
async fn a_reward_that_was_spent_is_owed_when_its_sale_is_taken_back_and_returns_with_it() {
    for closing in [Closing::Won, Closing::Lost] {
        let stage = Stage::new().await;
        let (kim, ann, sue) = (stage.member("kim"), stage.member("ann"), stage.member("sue"));
        let market = Market::new(&stage);
        let purchase = market.sold_through(&sue, &kim, &ann).await;
        stage.pass(15);
        market.grant_rewards().await;
        stage.spend(&sue, 13).await;
        let payment = purchase.payment.clone().unwrap();
        let dispute = stage.at_stripe().dispute(payment.as_str(), None, Opening::Chargeback);
        stage.hear().await;
        let told = stage.credits(&sue).await;
        assert_eq!((&told["available"], &told["debt"]), (&json!(0), &json!(3)));
        market.assert_ledger_balances().await;
        stage.at_stripe().close_dispute(&dispute.unwrap(), closing).unwrap();
        let events = stage.events();
        for event in events.iter().chain(&events) {
            assert_eq!(stage.deliver(event).await, 200, "{event}");
        }
        for _ in 0..2 {
            market.grant_rewards().await;
        }
        let told = stage.credits(&sue).await;
        let expected = match closing {
            Closing::Won => (2, 0),
            Closing::Lost | Closing::WarningClosed => (0, 3),
        };
        assert_eq!((&told["available"], &told["debt"]), (&json!(expected.0), &json!(expected.1)));
        market.assert_ledger_balances().await;
        stage.close().await;
    }
}
