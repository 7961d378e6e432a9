//! One sale, the starting point of the payout tests.

use domain::{
    id::ListingId,
    marketplace::purchase::{Purchase, entitlement::EntitlementState},
};
use sandbox::stripe::Bank;
use testing::Actor;

use crate::{market::Market, stage::Stage};

pub(crate) const PRICE: i64 = 2_000;
/// The creator's share of it.
pub(crate) const NET: i64 = 1_600;

/// A listing of Kim's, bought by Ann.
pub(crate) struct PaidSale<'a> {
    pub(crate) market: Market<'a>,
    pub(crate) kim: Actor,
    pub(crate) ann: Actor,
    pub(crate) listing: ListingId,
    pub(crate) purchase: Purchase,
}

impl<'a> PaidSale<'a> {
    /// Kim has no connected account.
    pub(crate) async fn sold(stage: &'a Stage) -> PaidSale<'a> {
        let (kim, ann) = (stage.member("kim"), stage.member("ann"));
        let market = Market::new(stage);
        let listing = market.on_sale(&kim, PRICE).await;
        let purchase = market.sold(&ann, &listing, PRICE).await;
        PaidSale { market, kim, ann, listing, purchase }
    }

    /// Like [`Scene::payable`], with more money at Stripe than that of the sale.
    pub(crate) async fn funded(stage: &'a Stage, bank: Bank) -> PaidSale<'a> {
        Market::new(stage).fund().await;
        PaidSale::payable(stage, bank).await
    }

    /// Kim can be paid, to the given bank.
    pub(crate) async fn payable(stage: &'a Stage, bank: Bank) -> PaidSale<'a> {
        let scene = PaidSale::sold(stage).await;
        scene.market.ready(&scene.kim, bank).await;
        scene
    }

    /// Kim's connected account.
    pub(crate) async fn account(&self) -> String {
        self.market.account_of(&self.kim).await
    }

    pub(crate) async fn access(&self) -> EntitlementState {
        self.market.entitlement(&self.ann, &self.listing).await.unwrap().state
    }
}
