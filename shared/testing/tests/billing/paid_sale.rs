//! Sales that are paid, the starting point of the payout tests.

use domain::{
    id::ListingId,
    marketplace::{
        creator::journal::LedgerAccount,
        purchase::{Purchase, entitlement::EntitlementState},
    },
};
use sandbox::stripe::Bank;
use testing::Actor;

use crate::{billing_app::BillingApp, marketplace::Marketplace};

pub(crate) const PRICE: i64 = 2_000;
/// The creator's share of it.
pub(crate) const NET: i64 = 1_600;

/// Creators of whom each has one sale that is payable today.
pub(crate) async fn payable_creators<'a>(
    app: &'a BillingApp,
    names: &[&str],
) -> (Marketplace<'a>, Vec<Actor>) {
    let market = Marketplace::new(app);
    let creators: Vec<Actor> = names.iter().map(|name| app.new_member(name)).collect();
    for creator in &creators {
        let listing = market.on_sale(creator, PRICE).await;
        let buyer = app.new_member(&format!("buyer-of-{}", creator.id));
        market.sold(&buyer, &listing, PRICE).await;
        market.complete_onboarding(creator, Bank::Works).await;
    }
    app.advance_days(7);
    (market, creators)
}

/// A listing of Kim's, bought by Ann.
pub(crate) struct PaidSale<'a> {
    pub(crate) market: Marketplace<'a>,
    pub(crate) kim: Actor,
    pub(crate) ann: Actor,
    pub(crate) listing: ListingId,
    pub(crate) purchase: Purchase,
}

impl<'a> PaidSale<'a> {
    /// Kim has no connected account.
    pub(crate) async fn sold(app: &'a BillingApp) -> PaidSale<'a> {
        let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
        let market = Marketplace::new(app);
        let listing = market.on_sale(&kim, PRICE).await;
        let purchase = market.sold(&ann, &listing, PRICE).await;
        PaidSale { market, kim, ann, listing, purchase }
    }

    /// Like [`PaidSale::payable`], with more money at Stripe than that of the sale.
    pub(crate) async fn funded(app: &'a BillingApp, bank: Bank) -> PaidSale<'a> {
        Marketplace::new(app).fund().await;
        PaidSale::payable(app, bank).await
    }

    /// Kim can be paid, to the given bank.
    pub(crate) async fn payable(app: &'a BillingApp, bank: Bank) -> PaidSale<'a> {
        let sale = PaidSale::sold(app).await;
        sale.market.complete_onboarding(&sale.kim, bank).await;
        sale
    }

    /// Kim's connected account.
    pub(crate) async fn account(&self) -> String {
        self.market.account_of(&self.kim).await
    }

    pub(crate) async fn access(&self) -> EntitlementState {
        self.market.entitlement(&self.ann, &self.listing).await.unwrap().state
    }

    pub(crate) async fn payout_states(&self) -> Vec<(String, i64)> {
        self.market.payout_states(&self.kim).await
    }

    pub(crate) async fn check_payouts(&self, expected: &[(&str, i64)]) {
        let states = self.payout_states().await;
        let states = states.iter().map(|(state, cents)| (state.as_str(), *cents));
        assert_eq!(states.collect::<Vec<_>>(), expected);
    }

    pub(crate) async fn debt(&self) -> i64 {
        self.market.balance(&self.kim, LedgerAccount::CreatorDebt).await
    }
}
