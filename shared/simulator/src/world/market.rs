//! What creators, buyers and staff do on the marketplace.

use domain::{id::PurchaseId, marketplace::purchase::Purchase};
use sandbox::stripe::{Bank, Card};
use serde_json::{Value, json};
use testing::{Actor, engine::unobserved};

use super::{CREATORS, Listing, MEMBERS, Violation, World, nth_of};

impl World {
    /// A suspended or deleted creator lists nothing.
    pub(super) async fn list(&self, creator: usize, price: i64) {
        let creator = creator % CREATORS;
        if let Some(id) = self.market().try_on_sale(self.member(creator), price).await {
            self.past.borrow_mut().listings.push(Listing { id, creator, price });
        }
    }

    pub(super) async fn retire(&self, nth: usize) -> Result<(), Violation> {
        let Some(listing) = self.listing(nth) else { return Ok(()) };
        let path = format!("/api/v1/marketplace/listings/{}", listing.id);
        let answer = self.app.client(self.member(listing.creator)).delete(path).await;
        self.answered("retire", &answer)
    }

    /// Buys a listing, perhaps through another's link, and pays or not.
    pub(super) async fn buy(
        &self,
        buyer: usize,
        nth: usize,
        sharer: Option<usize>,
        card: Option<Card>,
    ) -> Result<(), Violation> {
        let Some(listing) = self.listing(nth) else { return Ok(()) };
        let (market, by) = (self.market(), self.member(buyer));
        let token = match sharer {
            Some(sharer) => {
                unobserved(market.try_shared_by(self.member(sharer), &listing.id)).await
            }
            None => None,
        };
        let mut body = json!({
            "listing_id": listing.id,
            "expected_price": { "amount": listing.price, "currency": "usd" },
        });
        if let Some(token) = token {
            body["referral"] = json!(token);
        }
        let answer = self.post("purchase", by, "/api/v1/marketplace/purchases", body).await?;
        if answer.status() == 201 {
            let id = PurchaseId::parse(answer.json()["id"].as_str().unwrap()).unwrap();
            self.past.borrow_mut().purchases.push((buyer % MEMBERS, id));
            if let Some(card) = card {
                self.pay(answer.json()["checkout_url"].as_str().unwrap(), card);
            }
        }
        Ok(())
    }

    pub(super) async fn ask_refund(&self, nth: usize) -> Result<(), Violation> {
        let Some((by, purchase)) = self.purchase(nth).await else { return Ok(()) };
        let answer = self.market().request_refund(by, &purchase, "not mine").await;
        self.answered("ask for a refund", &answer)
    }

    pub(super) async fn download(&self, nth: usize) -> Result<(), Violation> {
        let Some((by, purchase)) = self.purchase(nth).await else { return Ok(()) };
        self.answered("download", &self.market().download(by, &purchase).await)
    }

    /// A buyer reviews what they bought; who may not is refused.
    pub(super) async fn review(&self, nth: usize, stars: u8) -> Result<(), Violation> {
        let Some((by, purchase)) = self.purchase(nth).await else { return Ok(()) };
        let body = json!({ "listing_id": purchase.listing_id, "rating": stars });
        let answer = self.app.client(by).post("/api/v1/marketplace/reviews").json(body).await;
        self.answered("review", &answer)
    }

    pub(super) async fn staff_refund(
        &self,
        nth: usize,
        percent: Option<i64>,
    ) -> Result<(), Violation> {
        let Some((_, purchase)) = self.purchase(nth).await else { return Ok(()) };
        let part = percent.map(|percent| (purchase.price.amount * percent / 100).max(1));
        let answer = self.market().refund(&self.key(), &purchase, part).await;
        self.answered("refund by staff", &answer)
    }

    pub(super) async fn onboard(&self, creator: usize, bank: Bank) -> Result<(), Violation> {
        let answer = self.market().onboard(self.member(creator % CREATORS)).await;
        self.answered("onboarding", &answer)?;
        if let Some(account) = self.connected_account(creator).await {
            let _ = self.app.stripe().onboard(&account, bank);
        }
        Ok(())
    }

    pub(super) async fn restrict(&self, creator: usize) {
        if let Some(account) = self.connected_account(creator).await {
            let _ = self.app.stripe().restrict(&account);
        }
    }

    pub(crate) async fn connected_account(&self, creator: usize) -> Option<String> {
        let creator = &self.member(creator % CREATORS).id;
        let payee = unobserved(self.app.store.payee(creator)).await.unwrap();
        payee.map(|payee| payee.account_id.to_string())
    }

    /// What staff do to a member.
    pub(super) async fn by_staff(
        &self,
        what: &str,
        member: usize,
        body: Value,
    ) -> Result<(), Violation> {
        let path = format!("/api/v1/admin/users/{}/{what}", self.member(member).id);
        let staff = self.app.client(&Actor::admin());
        self.answered(what, &staff.post(path).key(&self.key()).json(body).await)
    }

    pub(super) async fn ban(&self, member: usize, is_banned: bool) -> Result<(), Violation> {
        let what = if is_banned { "ban" } else { "unban" };
        self.by_staff(what, member, json!({ "reason": "fraud, it seemed" })).await
    }

    pub(super) async fn adjust(&self, member: usize, credits: i64) -> Result<(), Violation> {
        let path = format!("/api/v1/admin/users/{}/credits", self.member(member).id);
        let body = json!({ "amount": credits, "reason": "as agreed" });
        self.post("credits by staff", &Actor::admin(), &path, body).await.map(drop)
    }

    fn listing(&self, nth: usize) -> Option<Listing> {
        nth_of(&self.past.borrow().listings, nth)
    }

    async fn purchase(&self, nth: usize) -> Option<(&Actor, Purchase)> {
        let (buyer, id) = nth_of(&self.past.borrow().purchases, nth)?;
        let by = self.member(buyer);
        let purchase = unobserved(self.app.store.purchase(&by.id, &id)).await.unwrap();
        Some((by, purchase))
    }
}
