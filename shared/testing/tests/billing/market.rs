//! The marketplace on a stage: listings on sale, purchases, shares, and what the table says of them.

use background::grant_rewards;
use clients::share::ShareLinks;
use domain::{
    id::{ListingId, PurchaseId, ReviewId},
    marketplace::{
        listing::{DelistedBy, ListingRefused},
        purchase::{Entitlement, Purchase},
        review::Opinion,
        revision::Edit,
        share::Reward,
    },
};
use marketplace::{create_listing, create_purchase, list_creator_earnings};
use runtime::{ScheduleEvent, dispatch_schedule};
use serde_json::{Value, json};
use store::Store;
use testing::{Actor, Answer, Ask, listings};

use crate::stage::{Stage, session_of};

/// A stage, seen as a marketplace.
pub(crate) struct Market<'a> {
    pub(crate) stage: &'a Stage,
    links: ShareLinks,
}

impl<'a> Market<'a> {
    pub(crate) fn new(stage: &'a Stage) -> Market<'a> {
        Market { stage, links: testing::share_links() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.stage.world.store
    }

    /// A lighting preset of the creator's, on sale for so many cents.
    pub(crate) async fn on_sale(&self, creator: &Actor, cents: i64) -> ListingId {
        let body = json!({
            "type": "lighting_preset", "title": "Rembrandt", "description": "A light.",
            "category": "portrait", "tags": ["moody"],
            "price": { "amount": cents, "currency": "usd" },
            "content": { "lighting": { "lights": [{ "role": "key" }] } },
        });
        let key = format!("listing-{}", self.stage.world.ambient.entropy.next());
        let ask = Ask::by(creator).key(&key).json(body);
        let (endpoint, handle) = (&create_listing::ENDPOINT, &create_listing::handle);
        let made = self.stage.world.send(endpoint, handle, self.store(), &ask).await;
        assert_eq!(made.status(), 201, "{}", made.pretty());
        let id = ListingId::parse(made.json()["id"].as_str().unwrap()).unwrap();
        listings::publish(self.store(), &creator.id, &id, self.stage.world.now()).await;
        id
    }

    /// What may happen while somebody is on Stripe's page.
    pub(crate) async fn meanwhile(&self, what: &str, creator: &Actor, id: &ListingId) {
        let now = self.stage.world.now();
        match what {
            "retire" => {
                let retired = self.store().change_listing(&creator.id, id, now, async |shelf| {
                    shelf.listing.delist(DelistedBy::Creator, None, now)
                });
                retired.await.unwrap();
            }
            "reprice" => {
                let edited = self.store().change_listing(&creator.id, id, now, async |shelf| {
                    let edit = Edit { price: Some(1_500), ..Edit::default() };
                    shelf.newest = shelf.listing.edit(shelf.newest.clone(), edit, now).unwrap();
                    Ok::<(), ListingRefused>(())
                });
                edited.await.unwrap();
                listings::publish(self.store(), &creator.id, id, now).await;
            }
            "ban" => self.stage.world.suspend(&creator.id, "fraud", None).await,
            other => panic!("what is {other}"),
        }
    }

    pub(crate) async fn try_purchase(
        &self,
        by: &Actor,
        key: &str,
        listing: &ListingId,
        cents: i64,
        referral: Option<&str>,
    ) -> Answer {
        let mut body = json!({
            "listing_id": listing, "expected_price": { "amount": cents, "currency": "usd" },
        });
        if let Some(referral) = referral {
            body["referral"] = json!(referral);
        }
        let ask = Ask::by(by).key(key).json(body);
        let (stage, links) = (self.stage, self.links.clone());
        let hands = (self.store().clone(), stage.stripe.clone(), stage.frontend().clone(), links);
        let (endpoint, handle) = (&create_purchase::ENDPOINT, &create_purchase::handle);
        stage.world.send(endpoint, handle, &hands, &ask).await
    }

    /// The page of a new purchase.
    pub(crate) async fn checkout(
        &self,
        by: &Actor,
        listing: &ListingId,
        cents: i64,
        referral: Option<&str>,
    ) -> String {
        let key = format!("purchase-{}", self.stage.world.ambient.entropy.next());
        let answer = self.try_purchase(by, &key, listing, cents, referral).await;
        assert_eq!(answer.status(), 201, "{}", answer.pretty());
        answer.json()["checkout_url"].as_str().unwrap().to_owned()
    }

    /// The purchase behind a page.
    pub(crate) async fn purchase_of(&self, by: &Actor, url: &str) -> Purchase {
        let session = self.stage.at_stripe().object(session_of(url)).unwrap();
        let id = session["metadata"]["purchase_id"].as_str().unwrap();
        self.store().purchase(&by.id, &PurchaseId::parse(id).unwrap()).await.unwrap()
    }

    pub(crate) async fn entitlement(&self, of: &Actor, id: &ListingId) -> Option<Entitlement> {
        self.store().entitlement(&of.id, id).await.unwrap()
    }

    pub(crate) async fn review(&self, by: &Actor, listing: &ListingId, rating: u8) {
        let now = self.stage.world.now();
        let id = ReviewId::new(now, self.stage.world.ambient.entropy.next());
        let opinion = Opinion { rating, comment: None };
        let said = (&id, &opinion);
        self.store().write_review((&by.id, None), listing, said, now).await.unwrap();
    }

    /// What a creator sees of their sales, newest first.
    pub(crate) async fn earnings(&self, of: &Actor) -> Vec<Value> {
        let (endpoint, handle) = (&list_creator_earnings::ENDPOINT, &list_creator_earnings::handle);
        let answer = self.stage.world.send(endpoint, handle, self.store(), &Ask::by(of)).await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// Every leg of every journal: its role and its amount.
    pub(crate) fn legs(&self) -> Vec<(String, i64)> {
        let items = self.stage.world.engine.dump().into_iter();
        let legs = items.filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("JOURNAL#"));
        legs.map(|leg| {
            let amount = leg["amount"]["N"].as_str().unwrap().parse().unwrap();
            (leg["role"]["S"].as_str().unwrap().to_owned(), amount)
        })
        .collect()
    }

    /// A token of a click on a member's link.
    pub(crate) async fn shared_by(&self, sharer: &Actor, listing: &ListingId) -> String {
        let now = self.stage.world.now();
        let code = self.links.code(&sharer.id, listing);
        let who = (&sharer.id, None);
        self.store().share_listing(who, listing, &code, now).await.unwrap();
        assert!(self.store().count_click(&code, "a visitor", now).await.unwrap());
        self.links.click(&code, now)
    }

    /// One run of the function that grants rewards.
    pub(crate) async fn grant_rewards(&self) {
        let (worker, handle) = (&grant_rewards::WORKER, &grant_rewards::handle);
        let ambient = &self.stage.world.ambient;
        dispatch_schedule(worker, handle, self.store(), ambient, ScheduleEvent::default())
            .await
            .unwrap();
    }

    pub(crate) async fn reward(&self, sharer: &Actor, id: &PurchaseId) -> Reward {
        let now = self.stage.world.now();
        self.store().grant_reward(&sharer.id, id, now).await.unwrap().unwrap()
    }

    pub(crate) async fn no_reward(&self, sharer: &Actor, id: &PurchaseId) -> bool {
        let now = self.stage.world.now();
        self.store().grant_reward(&sharer.id, id, now).await.unwrap().is_none()
    }
}
