//! Connected accounts: one for each creator, and nothing is paid without one that is ready.

use domain::marketplace::creator::payee::PayeeState;
use futures_util::future::join_all;
use sandbox::stripe::Bank;
use serde_json::json;

use crate::{
    billing_app::BillingApp,
    marketplace::Marketplace,
    paid_sale::{NET, PRICE, PaidSale},
};

#[tokio::test]
async fn a_creator_is_paid_the_day_after_onboarding() {
    let app = BillingApp::new().await;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(&app);
    let listing = market.on_sale(&kim, PRICE).await;
    market.sold(&ann, &listing, PRICE).await;
    market.pay_days(8).await;
    let waits = ("account_not_ready".to_owned(), NET);
    assert_eq!(market.payout_states(&kim).await, [waits.clone(), waits.clone()]);
    // An account that Stripe does not know counts as none.
    market.onboard(&kim).await;
    market.pay_days(1).await;
    assert_eq!(market.payout_states(&kim).await[0], waits);
    market.complete_onboarding(&kim, Bank::Works).await;
    market.pay_days(1).await;
    assert_eq!(market.payout_states(&kim).await[0], ("sent".to_owned(), NET));
    market.pay_days(2).await;
    market.assert_ledger_balances().await;
    app.close().await;
}

#[tokio::test]
async fn a_creator_lives_in_a_country_that_there_is() {
    let app = BillingApp::new().await;
    let kim = app.new_member("kim");
    let onboard = async |country: &str| {
        let path = "/api/v1/marketplace/creator/onboarding";
        app.client(&kim).post(path).json(json!({ "country": country })).await
    };
    for nowhere in ["zz", "uk", "usa", ""] {
        let refused = onboard(nowhere).await;
        assert_eq!(refused.brief(), "422 invalid_request, /country invalid_value", "{nowhere}");
    }
    assert_eq!(opened(&app), 0);
    assert_eq!(onboard("de").await.status(), 200);
    assert_eq!(opened(&app), 1);
    app.close().await;
}

#[tokio::test]
async fn onboarding_twice_is_one_account_and_a_lost_capability_is_reported() {
    let app = BillingApp::new().await;
    let kim = app.new_member("kim");
    let market = Marketplace::new(&app);
    let (one, two) = (market.onboard(&kim).await, market.onboard(&kim).await);
    assert_eq!([one.status(), two.status()], [200, 200], "{}", two.pretty());
    assert_ne!(one.json()["onboarding_url"], two.json()["onboarding_url"], "each link works once");
    assert_eq!(one.json()["account"]["status"], "incomplete");
    let at_once = join_all((0..4).map(|_| market.onboard(&kim))).await;
    assert!(at_once.iter().all(|answer| answer.status() == 200));
    let state = async || PayeeState::of(market.app.store.payee(&kim.id).await.unwrap().as_ref());
    let account = market.complete_onboarding(&kim, Bank::Works).await;
    assert_eq!(state().await, PayeeState::Ready);
    app.stripe().restrict(&account).unwrap();
    assert_eq!(state().await, PayeeState::Ready, "no event reported it");
    app.deliver_events().await;
    assert_eq!(state().await, PayeeState::Incomplete);
    app.stripe().close_account(&account).unwrap();
    app.deliver_events().await;
    assert_eq!(state().await, PayeeState::Closed);
    // Another account replaces it.
    let other = market.complete_onboarding(&kim, Bank::Works).await;
    assert_ne!(account, other);
    assert_eq!(state().await, PayeeState::Ready);
    assert_eq!(opened(&app), 2);
    app.close().await;
}

/// A creator with an unverified email is paid nothing, with or without a connected account.
#[tokio::test]
async fn a_creator_with_an_unverified_address_is_paid_once_it_is_verified() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    let (market, kim) = (&sale.market, &sale.kim);
    let refused = market.onboard(&kim.unverified()).await;
    assert_eq!(refused.brief(), "403 email_unverified");
    market.pay_days(7).await;
    sale.check_payouts(&[("email_unverified", NET)]).await;
    assert_eq!(market.onboard(kim).await.status(), 200);
    market.pay_days(1).await;
    sale.check_payouts(&[("sent", NET), ("email_unverified", NET)]).await;
    market.pay_days(2).await;
    market.assert_ledger_balances().await;
    app.close().await;
}

/// Concurrent first requests: a member who clicks twice gets one account.
#[tokio::test]
async fn onboarding_at_once_is_one_account() {
    let app = BillingApp::new().await;
    let kim = app.new_member("kim");
    let market = Marketplace::new(&app);
    let answers = join_all((0..5).map(|_| market.onboard(&kim))).await;
    for answer in &answers {
        assert!(matches!(answer.status(), 200 | 503), "{}", answer.pretty());
    }
    assert_eq!(opened(&app), 1);
    app.close().await;
}

/// Number of accounts ever opened.
fn opened(app: &BillingApp) -> usize {
    let kinds = app.stripe().event_types();
    kinds.iter().filter(|kind| *kind == "v2.core.account.created").count()
}
