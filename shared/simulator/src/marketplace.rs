//! The marketplace fixture: listings on sale, purchases, shares, and assertions on the table.

use std::collections::BTreeMap;

use clients::share::ShareLinks;
use domain::{
    fibo::StructuredPrompt,
    id::{ListingId, PurchaseId, ReviewId, UserId},
    marketplace::{
        community::{review::Opinion, reward::Reward},
        creator::{
            balance::CreatorBalance,
            journal::{Balances, LedgerAccount},
            payout::Payout,
            sale::Sale,
        },
        listing::{DelistedBy, revision::Edit},
        purchase::{Purchase, entitlement::Entitlement},
    },
};
use sandbox::stripe::{Bank, Card, Payment};
use serde_json::{Value, json};
use store::PageSize;
use testing::{Actor, Answer, listings};

use crate::billing_app::{BillingApp, good, session_of};

/// Clearing accounts: zero when no money is in transit.
const CLEARING: [LedgerAccount; 3] = [
    LedgerAccount::CreatorInPayout,
    LedgerAccount::DisputesReceivable,
    LedgerAccount::BuyerReturns,
];

/// The accounts that together hold a creator's share of their sales.
const CREATORS: [LedgerAccount; 5] = [
    LedgerAccount::CreatorPending,
    LedgerAccount::CreatorAvailable,
    LedgerAccount::CreatorInPayout,
    LedgerAccount::CreatorPaid,
    LedgerAccount::CreatorDebt,
];

/// What members and staff do on the marketplace of an app.
#[derive(Clone, Copy)]
pub struct Marketplace<'a> {
    pub app: &'a BillingApp,
}

impl<'a> Marketplace<'a> {
    pub fn new(app: &'a BillingApp) -> Marketplace<'a> {
        Marketplace { app }
    }

    /// Puts a listing on sale: a lighting preset, or a template if the price is above a preset's
    /// limit.
    ///
    /// # Panics
    /// If the creator may not.
    pub async fn on_sale(&self, creator: &Actor, cents: i64) -> ListingId {
        self.try_on_sale(creator, cents).await.expect("a creator who may sell")
    }

    /// The same, unless the creator may not.
    pub async fn try_on_sale(&self, creator: &Actor, cents: i64) -> Option<ListingId> {
        let (kind, content) = match cents {
            ..=1_500 => {
                ("lighting_preset", json!({ "lighting": { "lights": [{ "role": "key" }] } }))
            }
            _ => {
                let prompt = StructuredPrompt::from_prompt("{{it}} on slate", None, None);
                let slot = json!({ "name": "it", "label": "What", "default": "a bottle" });
                ("fibo_template", json!({ "structured_prompt": prompt, "slots": [slot] }))
            }
        };
        let body = json!({
            "type": kind, "title": "Rembrandt", "description": "A light.",
            "category": "portrait", "tags": ["moody"],
            "price": { "amount": cents, "currency": "usd" }, "content": content,
        });
        let key = format!("listing-{}", self.app.ambient.entropy.next());
        let path = "/api/v1/marketplace/listings";
        let made = self.app.client(creator).post(path).key(&key).json(body).await;
        if made.status() != 201 {
            return None;
        }
        let id = ListingId::parse(made.json()["id"].as_str().unwrap()).unwrap();
        listings::publish(&self.app.store, &creator.id, &id, self.app.now()).await;
        Some(id)
    }

    /// Events that may occur while a buyer is on Stripe's page.
    pub async fn meanwhile(&self, what: &str, creator: &Actor, id: &ListingId) {
        let now = self.app.now();
        match what {
            "retire" => {
                let retired = self.app.store.change_listing(&creator.id, id, now, |update| {
                    update.listing.delist(DelistedBy::Creator, None, now)
                });
                retired.await.unwrap();
            }
            "reprice" => {
                let edited = self.app.store.change_listing(&creator.id, id, now, |update| {
                    let edit = Edit { price: Some(1_500), ..Edit::default() };
                    update
                        .listing
                        .edit(update.newest.clone(), edit, now)
                        .map(|newest| update.newest = newest)
                });
                edited.await.unwrap();
                listings::publish(&self.app.store, &creator.id, id, now).await;
            }
            "ban" => self.app.suspend(&creator.id, "fraud", None).await,
            other => panic!("unknown case {other}"),
        }
    }

    pub async fn try_purchase(
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
        self.app.client(by).post("/api/v1/marketplace/purchases").key(key).json(body).await
    }

    /// Opens a purchase's Checkout page.
    pub async fn checkout(
        &self,
        by: &Actor,
        listing: &ListingId,
        cents: i64,
        referral: Option<&str>,
    ) -> String {
        let key = format!("purchase-{}", self.app.ambient.entropy.next());
        let answer = self.try_purchase(by, &key, listing, cents, referral).await;
        assert_eq!(answer.status(), 201, "{}", answer.pretty());
        answer.json()["checkout_url"].as_str().unwrap().to_owned()
    }

    /// The purchase behind a checkout URL.
    pub async fn purchase_of(&self, by: &Actor, url: &str) -> Purchase {
        let session = self.app.stripe().object(session_of(url)).unwrap();
        let id = session["metadata"]["purchase_id"].as_str().unwrap();
        self.app.store.purchase(&by.id, &PurchaseId::parse(id).unwrap()).await.unwrap()
    }

    pub async fn entitlement(&self, of: &Actor, id: &ListingId) -> Option<Entitlement> {
        self.app.store.entitlement(&of.id, id).await.unwrap()
    }

    /// Whether a purchase gives its buyer access.
    pub async fn is_usable(&self, buyer: &Actor, purchase: &Purchase) -> bool {
        let owned = self.entitlement(buyer, &purchase.listing_id).await;
        owned.is_some_and(|it| it.purchase_id == purchase.id && it.is_active())
    }

    pub async fn review(&self, by: &Actor, listing: &ListingId, rating: u8) {
        let now = self.app.now();
        let id = ReviewId::new(now, self.app.ambient.entropy.next());
        let opinion = Opinion { rating, comment: None };
        let said = (&id, &opinion);
        self.app.store.write_review((&by.id, None), listing, said, now).await.unwrap();
    }

    /// A creator's earnings, newest first.
    pub async fn earnings(&self, of: &Actor) -> Vec<Value> {
        let page = good(self.app.client(of).get("/api/v1/marketplace/creator/earnings").await);
        page["items"].as_array().unwrap().clone()
    }

    /// Every posting of every journal: its account and its amount.
    pub fn postings(&self) -> Vec<(String, i64)> {
        let items = self.app.engine.dump().into_iter();
        let postings =
            items.filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("JOURNAL#"));
        postings
            .map(|leg| {
                let amount = leg["amount"]["N"].as_str().unwrap().parse().unwrap();
                (leg["role"]["S"].as_str().unwrap().to_owned(), amount)
            })
            .collect()
    }

    /// A referral token from a click on a member's link.
    pub async fn shared_by(&self, sharer: &Actor, listing: &ListingId) -> String {
        let now = self.app.now();
        let links: ShareLinks = self.app.connect().await;
        let code = links.code(&sharer.id, listing);
        let who = (&sharer.id, None);
        let share = self.app.store.share_listing(who, listing, &code, now).await.unwrap();
        let visitor = format!("visitor {}", self.app.ambient.entropy.next());
        let rate = marketplace::follow_share::CLICKS;
        assert!(self.app.store.count_click(&share, &visitor, rate, now).await.unwrap());
        links.click(&code, now)
    }

    /// The same, unless the listing cannot be shared.
    pub async fn try_shared_by(&self, sharer: &Actor, listing: &ListingId) -> Option<String> {
        let path = format!("/api/v1/marketplace/listings/{listing}/share");
        let shared = self.app.client(sharer).post(path).json(json!({})).await;
        match shared.status() {
            200 | 201 => Some(self.shared_by(sharer, listing).await),
            _ => None,
        }
    }

    /// Runs the function that grants rewards.
    pub async fn grant_rewards(&self) {
        self.app.run("background-grant-rewards").await.unwrap();
    }

    pub async fn reward(&self, sharer: &Actor, id: &PurchaseId) -> Reward {
        let now = self.app.now();
        self.app.store.grant_reward(&sharer.id, id, now).await.unwrap().unwrap()
    }

    pub async fn no_reward(&self, sharer: &Actor, id: &PurchaseId) -> bool {
        let now = self.app.now();
        self.app.store.grant_reward(&sharer.id, id, now).await.unwrap().is_none()
    }

    /// A listing bought and paid, with its events delivered.
    pub async fn sold(&self, buyer: &Actor, listing: &ListingId, cents: i64) -> Purchase {
        let url = self.checkout(buyer, listing, cents, None).await;
        assert!(matches!(self.app.pay(&url, Card::Succeeds), Payment::Complete(_)));
        self.app.deliver_events().await;
        self.purchase_of(buyer, &url).await
    }

    // Creators' payouts.

    /// Starts a creator's onboarding.
    pub async fn onboard(&self, creator: &Actor) -> Answer {
        let path = "/api/v1/marketplace/creator/onboarding";
        self.app.client(creator).post(path).json(json!({})).await
    }

    /// Completes a creator's onboarding. Returns the account, which can receive transfers.
    pub async fn complete_onboarding(&self, creator: &Actor, bank: Bank) -> String {
        good(self.onboard(creator).await);
        let account = self.account_of(creator).await;
        self.app.stripe().onboard(&account, bank).unwrap();
        self.app.deliver_events().await;
        account
    }

    /// A creator's connected account.
    pub async fn account_of(&self, creator: &Actor) -> String {
        self.app.store.payee(&creator.id).await.unwrap().unwrap().account_id.to_string()
    }

    /// Runs the function that pays creators, as a person starts it.
    pub async fn pay_creators(&self) -> Result<(), String> {
        self.app.run("background-pay-creators").await
    }

    /// This many days, each with a run of the schedule; all events are delivered.
    pub async fn pay_days(&self, days: u32) {
        for _ in 0..days {
            self.app.advance_days(1);
            self.app.deliver_events().await;
            self.app.run_on_schedule("background-pay-creators").await.unwrap();
            self.app.deliver_events().await;
        }
    }

    /// A creator's payouts, newest first, including skipped ones.
    pub async fn payouts(&self, of: &Actor) -> Vec<Payout> {
        self.app.store.payouts(&of.id, PageSize::WHOLE, None).await.unwrap().items
    }

    /// State and amount of each of a creator's payouts, newest first.
    pub async fn payout_states(&self, of: &Actor) -> Vec<(String, i64)> {
        let state_and_amount = |payout: &Payout| {
            let stored = serde_json::to_value(&payout.state).unwrap();
            let state = stored.get("reason").unwrap_or(&stored["state"]);
            let state = state.as_str().unwrap().to_owned();
            (state, payout.amount)
        };
        self.payouts(of).await.iter().map(state_and_amount).collect()
    }

    pub async fn creator_balance(&self, of: &Actor) -> CreatorBalance {
        self.app.store.creator_book(&of.id).await.unwrap()
    }

    /// Balance of one of a creator's ledger accounts.
    pub async fn balance(&self, of: &Actor, account: LedgerAccount) -> i64 {
        self.creator_balance(of).await.balances.of(account)
    }

    pub async fn sale(&self, of: &Actor, purchase: &Purchase) -> Sale {
        self.app.store.sale(&of.id, &purchase.id).await.unwrap()
    }

    /// A buyer requests a refund.
    pub async fn request_refund(&self, buyer: &Actor, purchase: &Purchase, reason: &str) -> Answer {
        let path = format!("/api/v1/marketplace/purchases/{}/refund", purchase.id);
        self.app.client(buyer).post(path).json(json!({ "reason": reason })).await
    }

    /// Staff refund a purchase: `cents`, or all of it.
    pub async fn refund(&self, key: &str, purchase: &Purchase, cents: Option<i64>) -> Answer {
        let mut body = json!({ "reason": "as agreed" });
        if let Some(cents) = cents {
            body["amount"] = json!({ "amount": cents, "currency": "usd" });
        }
        let admin = self.app.client(&Actor::admin());
        admin.post(refund_path(purchase)).key(key).json(body).await
    }

    /// Staff record that they pay a buyer `cents` outside Stripe.
    pub async fn record_paid_back(&self, by: &Actor, purchase: &Purchase, cents: i64) -> Answer {
        let path = format!("/api/v1/admin/purchases/{}/paid-back", purchase.id);
        let body = json!({
            "amount": { "amount": cents, "currency": "usd" },
            "reason": "By bank transfer: the card is closed.",
        });
        self.app.client(by).post(path).json(body).await
    }

    /// A buyer downloads a purchase.
    pub async fn download(&self, buyer: &Actor, purchase: &Purchase) -> Answer {
        let path = format!("/api/v1/marketplace/purchases/{}/downloads", purchase.id);
        self.app.client(buyer).post(path).json(json!({})).await
    }

    /// The ledger audit of all creators.
    pub async fn audit(&self) -> Value {
        let admin = self.app.client(&Actor::admin());
        good(admin.get("/api/v1/admin/ledger/audit?limit=100").await)
    }

    /// Number of transfers of each payout, reversed ones included.
    pub fn transfers(&self) -> BTreeMap<String, u32> {
        let mut transfers = BTreeMap::new();
        for transfer in self.app.stripe().transfers() {
            let payout = transfer["metadata"]["payout_id"].as_str().unwrap().to_owned();
            *transfers.entry(payout).or_default() += 1;
        }
        transfers
    }

    /// Adds enough money at Stripe that no request fails for lack of it, by a sale of a creator who
    /// is never paid.
    pub async fn fund(&self) {
        let (rich, patron) = (self.app.new_member("rich"), self.app.new_member("patron"));
        let listing = self.on_sale(&rich, 5_000).await;
        self.sold(&patron, &listing, 5_000).await;
    }

    /// Asserts what [`Marketplace::assert_journals_balance`] does, and that Stripe's balance equals
    /// ours: so nothing but listings was sold.
    pub async fn assert_ledger_balances(&self) -> Balances {
        let all = self.assert_journals_balance().await;
        let theirs = self.app.stripe().balance();
        let ours = all.of(LedgerAccount::BuyerCash);
        assert_eq!(ours, theirs.available + theirs.pending, "cash at Stripe");
        all
    }

    /// Asserts, for every creator, what must hold of money when none is in transit: journals fold
    /// to the balances, sum to zero and clear; nothing was sent twice.
    pub async fn assert_journals_balance(&self) -> Balances {
        let audit = self.audit().await;
        assert_eq!(audit["equal"], true, "{audit:#}");
        assert_eq!(audit["next_cursor"], Value::Null, "one page lists all creators");
        let mut all = Balances::default();
        for item in audit["items"].as_array().unwrap() {
            let creator = UserId::parse(item["creator"]["id"].as_str().unwrap()).unwrap();
            let book = self.app.store.creator_book(&creator).await.unwrap();
            assert_eq!(book.balances.sum(), 0, "{creator}");
            let on = |account| book.balances.of(account);
            assert_eq!(CLEARING.map(on), [0; 3], "{creator}: {:?}", book.balances);
            let (paid, sent) = (LedgerAccount::CreatorPaid, LedgerAccount::Transferred);
            assert_eq!(on(paid), -on(sent), "{creator}");
            let theirs: i64 = CREATORS.iter().map(|account| -on(*account)).sum();
            assert_eq!(theirs, book.money.net, "{creator}: {:?}", book.balances);
            self.check_account(&creator, on(sent)).await;
            all.merge(&book.balances);
        }
        let transfers = self.transfers();
        assert!(transfers.values().all(|times| *times == 1), "sent twice: {transfers:?}");
        all
    }

    /// What a creator's connected accounts received and kept equals what we transferred.
    async fn check_account(&self, creator: &UserId, transferred: i64) {
        let cents = |of: &Value, name: &str| of[name].as_i64().unwrap();
        let all = self.app.stripe().transfers();
        let own = all.iter().filter(|it| it["metadata"]["user_id"] == json!(creator));
        let kept: i64 = own.map(|it| cents(it, "amount") - cents(it, "amount_reversed")).sum();
        assert_eq!(kept, transferred, "{creator}: transferred, less what was reversed");
        let Some(payee) = self.app.store.payee(creator).await.unwrap() else { return };
        let account = payee.account_id.as_str();
        let balance = self.app.stripe().account_balance(account).unwrap();
        let banked = self.app.stripe().bank_payouts(account).unwrap().into_iter();
        let banked = banked.filter(|it| it["status"] != "failed" && it["status"] != "canceled");
        let banked: i64 = banked.map(|it| cents(&it, "amount")).sum();
        assert_eq!(balance.available + balance.pending + banked, kept, "{creator}");
    }
}

/// Where staff refund a purchase.
pub fn refund_path(purchase: &Purchase) -> String {
    format!("/api/v1/admin/purchases/{}/refund", purchase.id)
}
