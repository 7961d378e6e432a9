//! The marketplace fixture: listings on sale, purchases, shares, and assertions on the table.

use std::collections::BTreeMap;

use admin::audit_ledger;
use background::{grant_rewards, pay_creators};
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
use marketplace::{
    create_listing, create_purchase, download_purchase, list_creator_earnings, onboard_creator,
    refund_purchase,
};
use runtime::{ScheduleEvent, TaskError, dispatch_schedule};
use sandbox::stripe::{Bank, Card, Payment};
use serde_json::{Value, json};
use store::{PageSize, Store};
use testing::{Actor, Answer, TestRequest, grants::acting_as, listings};

use crate::stage::{Stage, session_of};

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

/// The marketplace view of a stage.
pub(crate) struct Market<'a> {
    pub(crate) stage: &'a Stage,
    links: ShareLinks,
}

impl<'a> Market<'a> {
    pub(crate) fn new(stage: &'a Stage) -> Market<'a> {
        Market { stage, links: testing::share_links() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.stage.app.store
    }

    /// Puts a listing on sale: a lighting preset, or a template if the price is above a preset's
    /// limit.
    pub(crate) async fn on_sale(&self, creator: &Actor, cents: i64) -> ListingId {
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
        let key = format!("listing-{}", self.stage.app.ambient.entropy.next());
        let ask = TestRequest::by(creator).key(&key).json(body);
        let (endpoint, handle) = (&create_listing::ENDPOINT, &create_listing::handle);
        let made = self.stage.app.send(endpoint, handle, self.store(), &ask).await;
        assert_eq!(made.status(), 201, "{}", made.pretty());
        let id = ListingId::parse(made.json()["id"].as_str().unwrap()).unwrap();
        listings::publish(self.store(), &creator.id, &id, self.stage.app.now()).await;
        id
    }

    /// Events that may occur while a buyer is on Stripe's page.
    pub(crate) async fn meanwhile(&self, what: &str, creator: &Actor, id: &ListingId) {
        let now = self.stage.app.now();
        match what {
            "retire" => {
                let retired = self.store().change_listing(&creator.id, id, now, |shelf| {
                    shelf.listing.delist(DelistedBy::Creator, None, now)
                });
                retired.await.unwrap();
            }
            "reprice" => {
                let edited = self.store().change_listing(&creator.id, id, now, |shelf| {
                    let edit = Edit { price: Some(1_500), ..Edit::default() };
                    shelf
                        .listing
                        .edit(shelf.newest.clone(), edit, now)
                        .map(|newest| shelf.newest = newest)
                });
                edited.await.unwrap();
                listings::publish(self.store(), &creator.id, id, now).await;
            }
            "ban" => self.stage.app.suspend(&creator.id, "fraud", None).await,
            other => panic!("unknown case {other}"),
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
        let ask = TestRequest::by(by).key(key).json(body);
        let (stage, links) = (self.stage, self.links.clone());
        let hands = (self.store().clone(), stage.stripe.clone(), stage.frontend().clone(), links);
        let (endpoint, handle) = (&create_purchase::ENDPOINT, &create_purchase::handle);
        stage.app.send(endpoint, handle, &hands, &ask).await
    }

    /// Opens a purchase's Checkout page.
    pub(crate) async fn checkout(
        &self,
        by: &Actor,
        listing: &ListingId,
        cents: i64,
        referral: Option<&str>,
    ) -> String {
        let key = format!("purchase-{}", self.stage.app.ambient.entropy.next());
        let answer = self.try_purchase(by, &key, listing, cents, referral).await;
        assert_eq!(answer.status(), 201, "{}", answer.pretty());
        answer.json()["checkout_url"].as_str().unwrap().to_owned()
    }

    /// The purchase behind a checkout URL.
    pub(crate) async fn purchase_of(&self, by: &Actor, url: &str) -> Purchase {
        let session = self.stage.at_stripe().object(session_of(url)).unwrap();
        let id = session["metadata"]["purchase_id"].as_str().unwrap();
        self.store().purchase(&by.id, &PurchaseId::parse(id).unwrap()).await.unwrap()
    }

    pub(crate) async fn entitlement(&self, of: &Actor, id: &ListingId) -> Option<Entitlement> {
        self.store().entitlement(&of.id, id).await.unwrap()
    }

    pub(crate) async fn review(&self, by: &Actor, listing: &ListingId, rating: u8) {
        let now = self.stage.app.now();
        let id = ReviewId::new(now, self.stage.app.ambient.entropy.next());
        let opinion = Opinion { rating, comment: None };
        let said = (&id, &opinion);
        self.store().write_review((&by.id, None), listing, said, now).await.unwrap();
    }

    /// A creator's earnings, newest first.
    pub(crate) async fn earnings(&self, of: &Actor) -> Vec<Value> {
        let (endpoint, handle) = (&list_creator_earnings::ENDPOINT, &list_creator_earnings::handle);
        let answer =
            self.stage.app.send(endpoint, handle, self.store(), &TestRequest::by(of)).await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// Every posting of every journal: its account and its amount.
    pub(crate) fn legs(&self) -> Vec<(String, i64)> {
        let items = self.stage.app.engine.dump().into_iter();
        let legs = items.filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("JOURNAL#"));
        legs.map(|leg| {
            let amount = leg["amount"]["N"].as_str().unwrap().parse().unwrap();
            (leg["role"]["S"].as_str().unwrap().to_owned(), amount)
        })
        .collect()
    }

    /// A referral token from a click on a member's link.
    pub(crate) async fn shared_by(&self, sharer: &Actor, listing: &ListingId) -> String {
        let now = self.stage.app.now();
        let code = self.links.code(&sharer.id, listing);
        let who = (&sharer.id, None);
        let share = self.store().share_listing(who, listing, &code, now).await.unwrap();
        let visitor = format!("visitor {}", self.stage.app.ambient.entropy.next());
        let rate = marketplace::follow_share::CLICKS;
        assert!(self.store().count_click(&share, &visitor, rate, now).await.unwrap());
        self.links.click(&code, now)
    }

    /// Runs the function that grants rewards.
    pub(crate) async fn grant_rewards(&self) {
        let (worker, handle) = (&grant_rewards::WORKER, &grant_rewards::handle);
        let ambient = &self.stage.app.ambient;
        let run =
            || dispatch_schedule(worker, handle, self.store(), ambient, ScheduleEvent::default());
        acting_as(worker.name, run).await.unwrap();
    }

    pub(crate) async fn reward(&self, sharer: &Actor, id: &PurchaseId) -> Reward {
        let now = self.stage.app.now();
        self.store().grant_reward(&sharer.id, id, now).await.unwrap().unwrap()
    }

    pub(crate) async fn no_reward(&self, sharer: &Actor, id: &PurchaseId) -> bool {
        let now = self.stage.app.now();
        self.store().grant_reward(&sharer.id, id, now).await.unwrap().is_none()
    }

    /// A listing bought and paid, with its events delivered.
    pub(crate) async fn sold(&self, buyer: &Actor, listing: &ListingId, cents: i64) -> Purchase {
        let url = self.checkout(buyer, listing, cents, None).await;
        assert!(matches!(self.stage.pay(&url, Card::Succeeds), Payment::Complete(_)));
        self.stage.hear().await;
        self.purchase_of(buyer, &url).await
    }

    // Creators' payouts.

    /// Starts a creator's onboarding.
    pub(crate) async fn onboard(&self, creator: &Actor) -> Answer {
        let ask = TestRequest::by(creator).json(json!({}));
        let (stage, store) = (self.stage, self.store().clone());
        let hands = (store, stage.stripe.clone(), stage.frontend().clone());
        let (endpoint, handle) = (&onboard_creator::ENDPOINT, &onboard_creator::handle);
        stage.app.send(endpoint, handle, &hands, &ask).await
    }

    /// Completes a creator's onboarding. Returns the account, which can receive transfers.
    pub(crate) async fn ready(&self, creator: &Actor, bank: Bank) -> String {
        let answer = self.onboard(creator).await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        let account = self.account_of(creator).await;
        self.stage.at_stripe().onboard(&account, bank).unwrap();
        self.stage.hear().await;
        account
    }

    /// A creator's connected account.
    pub(crate) async fn account_of(&self, creator: &Actor) -> String {
        self.store().payee(&creator.id).await.unwrap().unwrap().account_id.to_string()
    }

    /// Runs the function that pays creators.
    pub(crate) async fn pay_creators(&self) -> Result<(), TaskError> {
        let (worker, handle) = (&pay_creators::WORKER, &pay_creators::handle);
        let (stage, store) = (self.stage, self.store().clone());
        let hands = (store, stage.stripe.clone(), stage.payouts.clone());
        let (ambient, event) = (&stage.app.ambient, ScheduleEvent::default());
        let run = || dispatch_schedule(worker, handle, &hands, ambient, event);
        acting_as(worker.name, run).await
    }

    /// This many days, each with a run; all events are delivered.
    pub(crate) async fn pay_days(&self, days: u32) {
        for _ in 0..days {
            self.stage.pass(1);
            self.stage.hear().await;
            self.pay_creators().await.unwrap();
            self.stage.hear().await;
        }
    }

    /// A creator's payouts, newest first, including skipped ones.
    pub(crate) async fn payouts(&self, of: &Actor) -> Vec<Payout> {
        self.store().payouts(&of.id, PageSize::WHOLE, None).await.unwrap().items
    }

    /// State and amount of each of a creator's payouts, newest first.
    pub(crate) async fn told(&self, of: &Actor) -> Vec<(String, i64)> {
        let told = |payout: &Payout| {
            let written = serde_json::to_value(&payout.state).unwrap();
            let state = written.get("reason").unwrap_or(&written["state"]);
            let state = state.as_str().unwrap().to_owned();
            (state, payout.amount)
        };
        self.payouts(of).await.iter().map(told).collect()
    }

    pub(crate) async fn book(&self, of: &Actor) -> CreatorBalance {
        self.store().creator_book(&of.id).await.unwrap()
    }

    /// Balance of one of a creator's ledger accounts.
    pub(crate) async fn balance(&self, of: &Actor, account: LedgerAccount) -> i64 {
        self.book(of).await.balances.of(account)
    }

    pub(crate) async fn sale(&self, of: &Actor, purchase: &Purchase) -> Sale {
        self.store().sale(&of.id, &purchase.id).await.unwrap()
    }

    /// A buyer requests a refund.
    pub(crate) async fn ask_back(&self, buyer: &Actor, purchase: &Purchase, why: &str) -> Answer {
        let ask = TestRequest::by(buyer).path("id", &purchase.id).json(json!({ "reason": why }));
        let hands = (self.store().clone(), self.stage.stripe.clone());
        let (endpoint, handle) = (&refund_purchase::ENDPOINT, &refund_purchase::handle);
        self.stage.app.send(endpoint, handle, &hands, &ask).await
    }

    /// Staff refund a purchase: `cents`, or all of it.
    pub(crate) async fn give_back(
        &self,
        key: &str,
        purchase: &Purchase,
        cents: Option<i64>,
    ) -> Answer {
        let mut body = json!({ "reason": "as agreed" });
        if let Some(cents) = cents {
            body["amount"] = json!({ "amount": cents, "currency": "usd" });
        }
        let ask = TestRequest::by(&Actor::admin()).key(key).path("id", &purchase.id).json(body);
        self.give_back_as(&ask).await
    }

    pub(crate) async fn give_back_as(&self, ask: &TestRequest) -> Answer {
        use admin::refund_purchase::{ENDPOINT, handle};
        let hands = (self.store().clone(), self.stage.stripe.clone());
        self.stage.app.send(&ENDPOINT, &handle, &hands, ask).await
    }

    /// A buyer downloads a purchase.
    pub(crate) async fn download(&self, buyer: &Actor, purchase: &Purchase) -> Answer {
        let hands = (self.store().clone(), self.stage.app.uploads());
        let ask = TestRequest::by(buyer).path("id", &purchase.id);
        let (endpoint, handle) = (&download_purchase::ENDPOINT, &download_purchase::handle);
        self.stage.app.send(endpoint, handle, &hands, &ask).await
    }

    /// The ledger audit of all creators.
    pub(crate) async fn audit(&self) -> Value {
        let ask = TestRequest::by(&Actor::admin()).query("limit", 100);
        let (endpoint, handle) = (&audit_ledger::ENDPOINT, &audit_ledger::handle);
        let answer = self.stage.app.send(endpoint, handle, self.store(), &ask).await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        answer.json()
    }

    /// Number of transfers of each payout, reversed ones included.
    pub(crate) fn transfers(&self) -> BTreeMap<String, u32> {
        let mut transfers = BTreeMap::new();
        for transfer in self.stage.at_stripe().transfers() {
            let payout = transfer["metadata"]["payout_id"].as_str().unwrap().to_owned();
            *transfers.entry(payout).or_default() += 1;
        }
        transfers
    }

    /// Adds enough money at Stripe that no request fails for lack of it, by a sale of a creator who
    /// is never paid.
    pub(crate) async fn fund(&self) {
        let (rich, patron) = (self.stage.member("rich"), self.stage.member("patron"));
        let listing = self.on_sale(&rich, 5_000).await;
        self.sold(&patron, &listing, 5_000).await;
    }

    /// Asserts, for every creator, what must hold of money when none is in transit: journals fold
    /// to the balances, sum to zero and clear; Stripe's balance equals ours; nothing was sent
    /// twice.
    pub(crate) async fn assert_ledger_balances(&self) -> Balances {
        let audit = self.audit().await;
        assert_eq!(audit["equal"], true, "{audit:#}");
        assert_eq!(audit["next_cursor"], Value::Null, "one page lists all creators");
        let mut all = Balances::default();
        for item in audit["items"].as_array().unwrap() {
            let creator = UserId::parse(item["creator_id"].as_str().unwrap()).unwrap();
            let book = self.store().creator_book(&creator).await.unwrap();
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
        let theirs = self.stage.at_stripe().balance();
        let ours = all.of(LedgerAccount::BuyerCash);
        assert_eq!(ours, theirs.available + theirs.pending, "cash at Stripe");
        let transfers = self.transfers();
        assert!(transfers.values().all(|times| *times == 1), "sent twice: {transfers:?}");
        all
    }

    /// What a creator's connected accounts received and kept equals what we transferred.
    async fn check_account(&self, creator: &UserId, transferred: i64) {
        let cents = |of: &Value, name: &str| of[name].as_i64().unwrap();
        let all = self.stage.at_stripe().transfers();
        let own = all.iter().filter(|it| it["metadata"]["user_id"] == json!(creator));
        let kept: i64 = own.map(|it| cents(it, "amount") - cents(it, "amount_reversed")).sum();
        assert_eq!(kept, transferred, "{creator}: transferred, less what was reversed");
        let Some(payee) = self.store().payee(creator).await.unwrap() else { return };
        let account = payee.account_id.as_str();
        let stands = self.stage.at_stripe().account_balance(account).unwrap();
        let banked = self.stage.at_stripe().bank_payouts(account).unwrap().into_iter();
        let banked = banked.filter(|it| it["status"] != "failed" && it["status"] != "canceled");
        let banked: i64 = banked.map(|it| cents(&it, "amount")).sum();
        assert_eq!(stands.available + stands.pending + banked, kept, "{creator}");
    }
}
