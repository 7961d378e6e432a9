//! A marketplace in one process: listings go on sale through the store.

use clients::{
    Previews, Secret, ShareLinks, Stripe, Uploads,
    documents::{Company, Documents},
    stripe::{StripeConfig, Tax},
};
use domain::{
    id::{ListingId, PurchaseId},
    marketplace::{
        Kind,
        listing::{DelistedBy, revision::Edit},
    },
};
use runtime::Frontend;
use serde_json::{Value, json};
use store::Store;
use testing::{Actor, Answer, TestApp, TestRequest, listings};

use crate::{
    create_purchase, create_review, download_purchase, flag_listing, follow_share,
    get_creator_statement, get_creator_stats, list_creator_earnings, list_creator_payouts,
    list_purchases, list_reviews, reply_to_review, share_listing,
};

/// A app with the functions for purchases.
pub(crate) struct BuyingApp {
    pub(crate) app: TestApp,
    pub(crate) links: ShareLinks,
    previews: Previews,
    uploads: Uploads,
    pub(crate) documents: Documents,
    frontend: Frontend,
    stripe: Stripe,
}

macro_rules! functions {
    ($($name:ident = $module:ident($stall:ident): $capabilities:expr;)*) => {$(
        pub(crate) async fn $name(&self, ask: &TestRequest) -> Answer {
            let $stall = self;
            let capabilities = $capabilities;
            let (endpoint, handle) = (&$module::ENDPOINT, &$module::handle);
            self.app.send(endpoint, handle, &capabilities, ask).await
        }
    )*};
}

impl BuyingApp {
    pub(crate) fn open() -> BuyingApp {
        let app = TestApp::new();
        // No server there: free purchases never call Stripe.
        let config = StripeConfig {
            base: "http://127.0.0.1:9".to_owned(),
            api_key: Secret::new("sk_test_nothing"),
            tax: Tax::None,
        };
        BuyingApp {
            links: testing::share_links(),
            previews: app.previews(),
            uploads: app.uploads(),
            documents: app.documents(),
            frontend: Frontend::new("https://app.prolight.test"),
            stripe: Stripe::new(&config).unwrap(),
            app,
        }
    }

    functions! {
        buy = create_purchase(it):
            (it.store().clone(), it.stripe.clone(), it.frontend.clone(), it.links.clone());
        list = list_purchases(it): it.store().clone();
        download = download_purchase(it): (it.store().clone(), it.uploads.clone());
        review = create_review(it): it.store().clone();
        reviews = list_reviews(it): it.store().clone();
        reply = reply_to_review(it): it.store().clone();
        flag = flag_listing(it): it.store().clone();
        share = share_listing(it): (it.store().clone(), it.links.clone());
        follow = follow_share(it):
            (it.store().clone(), it.links.clone(), it.previews.clone(), it.frontend.clone());
        stats = get_creator_stats(it): it.store().clone();
        earnings = list_creator_earnings(it): it.store().clone();
        payouts = list_creator_payouts(it): it.store().clone();
        statement = get_creator_statement(it):
            (it.store().clone(), it.documents.clone(), company());
    }

    pub(crate) fn store(&self) -> &Store {
        &self.app.store
    }

    /// A lighting preset of the creator's, on sale for `cents`.
    pub(crate) async fn on_sale(&self, creator: &Actor, cents: u32) -> ListingId {
        self.on_sale_as(creator, "Rembrandt", cents).await
    }

    pub(crate) async fn on_sale_as(&self, creator: &Actor, title: &str, cents: u32) -> ListingId {
        let id = self.draft(creator, title, cents).await;
        self.publish(creator, &id).await;
        id
    }

    /// A draft of the creator's.
    pub(crate) async fn draft(&self, creator: &Actor, title: &str, cents: u32) -> ListingId {
        let now = self.app.now();
        let what = (Kind::LightingPreset, listings::description(title, cents));
        let id = ListingId::new(now, self.app.ambient.entropy.next());
        listings::draft(self.store(), (&creator.id, id), what, now).await
    }

    /// Submits it with an image and a file, and approves it.
    pub(crate) async fn publish(&self, creator: &Actor, id: &ListingId) {
        let now = self.app.now();
        listings::with_file(self.store(), &creator.id, id, now).await;
        listings::publish(self.store(), &creator.id, id, now).await;
    }

    /// The creator's next version, on sale as well.
    pub(crate) async fn next_version(&self, creator: &Actor, id: &ListingId, edit: Edit) {
        let now = self.app.now();
        let edited = self.store().change_listing(&creator.id, id, now, |shelf| {
            let newest = shelf.newest.clone();
            shelf.listing.edit(newest, edit.clone(), now).map(|newest| shelf.newest = newest)
        });
        edited.await.unwrap();
        self.publish(creator, id).await;
    }

    pub(crate) async fn retire(&self, creator: &Actor, id: &ListingId) {
        let now = self.app.now();
        let retired = self.store().change_listing(&creator.id, id, now, |shelf| {
            shelf.listing.delist(DelistedBy::Creator, None, now)
        });
        retired.await.unwrap();
    }

    /// Buys a free listing.
    pub(crate) async fn taken(&self, buyer: &Actor, listing: &ListingId) -> PurchaseId {
        let key = format!("take-{}-{listing}", buyer.id);
        let answer = self.buy(&order(buyer, &key, listing, 0)).await;
        assert_eq!(answer.brief(), "201", "{}", answer.pretty());
        PurchaseId::parse(answer.json()["purchase_id"].as_str().unwrap()).unwrap()
    }

    /// A listing's stored totals: buyers, and reviews by stars.
    pub(crate) async fn sums(&self, listing: &ListingId) -> (u64, [u32; 5]) {
        let stats = self.store().stats(listing).await.unwrap().unwrap();
        (stats.sales, stats.histogram)
    }
}

/// The issuer of statements.
fn company() -> Company {
    Company {
        name: "ProLight AI".to_owned(),
        address_lines: Vec::new(),
        email: "billing@prolight.test".to_owned(),
        tax_id: None,
        tax_label: "Tax".to_owned(),
    }
}

/// A purchase request at a price in cents.
pub(crate) fn order(buyer: &Actor, key: &str, listing: &ListingId, cents: u32) -> TestRequest {
    TestRequest::by(buyer).key(key).json(wish(listing, cents))
}

pub(crate) fn wish(listing: &ListingId, cents: u32) -> Value {
    json!({ "listing_id": listing, "expected_price": { "amount": cents, "currency": "usd" } })
}

/// A member.
pub(crate) fn member(name: &str) -> Actor {
    Actor::member(name)
}
