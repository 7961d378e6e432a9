//! Sharers' rewards: when they are granted, what reverses them, and the cap per account.

use domain::marketplace::{community::reward::RewardState, purchase::Purchase};
use sandbox::stripe::{Card, Closing, Opening};
use serde_json::{Value, json};
use testing::{Actor, engine::TABLE};

use crate::{billing_app::BillingApp, marketplace::Marketplace};

const PRICE: i64 = 1_200;

/// A paid sale through `sharer`'s link, with its events delivered.
async fn sold_through(
    market: &Marketplace<'_>,
    sharer: &Actor,
    seller: &Actor,
    buyer: &Actor,
) -> Purchase {
    let listing = market.on_sale(seller, PRICE).await;
    let token = market.shared_by(sharer, &listing).await;
    let url = market.checkout(buyer, &listing, PRICE, Some(&token)).await;
    market.app.pay(&url, Card::SucceedsToo);
    market.app.deliver_events().await;
    market.purchase_of(buyer, &url).await
}

/// Makes a member's stored account unreadable.
fn damage(app: &BillingApp, member: &Actor) {
    let is_theirs = |item: &Value| {
        item["user_id"]["S"] == json!(member.id) && item.get("granted_until").is_some()
    };
    let mut account = app.engine.dump().into_iter().find(is_theirs).unwrap();
    account["credits"] = json!({"S": "no credits"});
    let put = json!({"TableName": TABLE, "Item": account});
    app.engine.run("PutItem", &put.to_string()).unwrap();
}

#[tokio::test]
async fn an_account_that_cannot_be_read_does_not_stop_the_other_rewards() {
    let app = BillingApp::new().await;
    let (kim, ann, sue) = (app.new_member("kim"), app.new_member("ann"), app.new_member("sue"));
    // Not checked at the end: its account is broken.
    let bad = Actor::member("bad");
    let market = Marketplace::new(&app);
    app.account(&bad.id).await;
    sold_through(&market, &bad, &kim, &ann).await;
    let after = sold_through(&market, &sue, &kim, &ann).await;
    damage(&app, &bad);
    app.advance_days(15);
    market.grant_rewards().await;
    let reward = market.reward(&sue, &after.id).await;
    assert!(matches!(reward.state, RewardState::Granted { .. }), "{reward:?}");
    assert_eq!(app.credits(&sue).await["available"], 15);
    app.close().await;
}

#[tokio::test]
async fn after_any_number_of_rewards_a_paid_pack_is_granted() {
    let app = BillingApp::new().await;
    let (kim, ann, sue) = (app.new_member("kim"), app.new_member("ann"), app.new_member("sue"));
    let market = Marketplace::new(&app);
    // A year of grants with expiry dates, some spent and some not.
    for nth in 0..70u32 {
        let now = app.now();
        let ends_at = now.plus(domain::time::DAY * (300 + nth));
        let gift = app.store.update_account(&sue.id, None, now, |draft| {
            draft.add_promo(domain::credits::LotId(format!("gift:{nth}")), 5, ends_at).map(drop)
        });
        gift.await.unwrap();
    }
    app.spend(&sue, 10 + 350 - 3).await;
    app.buy(&sue, "pack_50").await;
    assert_eq!(app.credits(&sue).await["available"], 53);
    for _ in 0..3 {
        sold_through(&market, &sue, &kim, &ann).await;
    }
    app.advance_days(15);
    market.grant_rewards().await;
    let credits = app.credits(&sue).await;
    assert_eq!(credits["available"], 53 + 15);
    let promos = credits["lots"].as_array().unwrap().iter();
    let promos: Vec<&Value> = promos.filter(|lot| lot["source"] == "promo").collect();
    assert_eq!(promos.len(), 2, "the gift that is left, and the rewards of a month: {promos:?}");
    app.subscribe(&sue, "pro").await;
    assert_eq!(app.credits(&sue).await["available"], 53 + 15 + 500);
    app.close().await;
}

/// A buyer repeatedly buys through a friend's link and refunds the purchase: no reward is left.
#[tokio::test]
async fn a_refunded_sale_earns_its_sharer_nothing() {
    let app = BillingApp::new().await;
    let (kim, ann, sue) = (app.new_member("kim"), app.new_member("ann"), app.new_member("sue"));
    let market = Marketplace::new(&app);
    for days in [8, 13, 14] {
        let purchase = sold_through(&market, &sue, &kim, &ann).await;
        app.advance_days(days);
        market.grant_rewards().await;
        assert_eq!(app.credits(&sue).await["available"], 10, "day {days}");
        let given = market.request_refund(&ann, &purchase, "not for me").await;
        assert_eq!(given.status(), 200, "{}", given.pretty());
        app.deliver_events().await;
        app.advance_days(15);
        market.grant_rewards().await;
        assert_eq!(app.credits(&sue).await["available"], 10, "day {days}");
    }
    app.close().await;
}

#[tokio::test]
async fn a_spent_reward_is_owed_during_a_dispute_and_returns_if_it_is_won() {
    for closing in [Closing::Won, Closing::Lost] {
        let app = BillingApp::new().await;
        let (kim, ann, sue) = (app.new_member("kim"), app.new_member("ann"), app.new_member("sue"));
        let market = Marketplace::new(&app);
        let purchase = sold_through(&market, &sue, &kim, &ann).await;
        app.advance_days(15);
        market.grant_rewards().await;
        app.spend(&sue, 13).await;
        let payment = purchase.payment.clone().unwrap();
        let dispute = app.stripe().dispute(payment.as_str(), None, Opening::Chargeback);
        app.deliver_events().await;
        let shown = app.credits(&sue).await;
        assert_eq!((&shown["available"], &shown["debt"]), (&json!(0), &json!(3)));
        market.assert_ledger_balances().await;
        app.stripe().close_dispute(&dispute.unwrap(), closing).unwrap();
        let events = app.events();
        for event in events.iter().chain(&events) {
            assert_eq!(app.deliver(event).await, 200, "{event}");
        }
        for _ in 0..2 {
            market.grant_rewards().await;
        }
        let shown = app.credits(&sue).await;
        let expected = match closing {
            Closing::Won => (2, 0),
            Closing::Lost | Closing::WarningClosed => (0, 3),
        };
        assert_eq!((&shown["available"], &shown["debt"]), (&json!(expected.0), &json!(expected.1)));
        market.assert_ledger_balances().await;
        app.close().await;
    }
}
