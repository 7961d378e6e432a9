//! Connected accounts, transfers to them and reversals.

use domain::{
    billing::external::{BankPayoutId, ConnectedAccountId, ReceivedId},
    country::Country,
    id::PayoutId,
};
use sandbox::stripe::{Advance, Bank};
use serde_json::{Value, json};

use super::{
    transport::{Reply, Server},
    *,
};
use crate::stripe::webhook_event::Subject;

fn creator() -> UserId {
    UserId::parse("user_creator").unwrap()
}

fn new_account() -> NewAccount {
    NewAccount {
        user: creator(),
        email: "creator@prolight.test".into(),
        display_name: "Ada Light".into(),
        country: Country::US,
    }
}

fn payout(nth: u128) -> PayoutId {
    PayoutId::new(Timestamp::from_secs(BEGIN), nth)
}

impl Visit {
    async fn opened(&self) -> ConnectedAccountId {
        self.stripe.open_account(&new_account(), "account:user_creator").await.unwrap()
    }

    /// A creator who can receive transfers, and the payments of two packs as balance.
    async fn ready(&self) -> ConnectedAccountId {
        let account = self.opened().await;
        self.control().onboard(account.as_str(), Bank::Works).unwrap();
        let customer = self.customer().await;
        for nth in [1, 2] {
            let order = order(nth, Pack::Large, Via::Checkout);
            self.bought(&customer, &order, Card::Succeeds).await;
        }
        self.control().book_charges();
        account
    }

    async fn send(
        &self,
        account: &ConnectedAccountId,
        nth: u128,
        cents: i64,
    ) -> Result<Transfer, StripeError> {
        let (payout, user) = (payout(nth), creator());
        let amount = Money::usd_cents(cents);
        let (key, source) = (payout.as_str(), None);
        let new = NewTransfer { payout: &payout, key, user: &user, account, amount, source };
        self.payouts.transfer(&new).await
    }

    /// The transfer of a payout, among all to the creator.
    async fn found(&self, nth: u128) -> Option<Transfer> {
        let made = self.payouts.transfers_to(&creator(), Timestamp::from_secs(BEGIN)).await;
        made.unwrap().into_iter().find(|it| it.payout == Some(payout(nth)))
    }

    fn theirs(&self, account: &ConnectedAccountId) -> i64 {
        self.control().account_balance(account.as_str()).unwrap().available
    }
}

fn bank_payout(id: &str) -> BankPayoutId {
    BankPayoutId::parse(id).unwrap()
}

#[tokio::test]
async fn a_creator_gets_one_account() {
    let visit = Visit::begin().await;
    visit.spoil(Route::StripeAccounts, "POST", AnswerFault::ServerErrorAfterAccepting, 1);
    let id = visit.opened().await;
    assert_eq!(visit.opened().await, id);
    let other = NewAccount { display_name: "Another".into(), ..new_account() };
    let refused = visit.stripe.open_account(&other, "account:user_creator").await.unwrap_err();
    assert!(refused.is_refused_as("idempotency_error"), "{refused:?}");
    let account = visit.stripe.account(&id).await.unwrap();
    assert_eq!((account.id.clone(), account.user), (id, Some(creator())));
    assert!(!account.ready && !account.closed);
    assert_eq!(account.requirements.len(), 2);
    let unknown = ConnectedAccountId::parse("acct_unknown").unwrap();
    assert_eq!(visit.stripe.account(&unknown).await.unwrap_err(), StripeError::Missing);
}

#[tokio::test]
async fn a_link_leads_to_an_account_that_can_be_paid() {
    let visit = Visit::begin().await;
    let id = visit.opened().await;
    let link = async || {
        let (back, again) = ("https://prolight.test/back", "https://prolight.test/again");
        visit.stripe.onboarding_link(&id, back, again).await.unwrap()
    };
    let (first, second) = (link().await, link().await);
    assert_ne!(first.url, second.url);
    assert_eq!(first.expires_at, Timestamp::from_secs(BEGIN + 300));
    assert!(!format!("{first:?}").contains(&first.url));
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let browser = browser.no_proxy().build().unwrap();
    assert_eq!(browser.get(&second.url).send().await.unwrap().status(), 200);
    let filled = browser.post(&second.url).body("bank=000123456789").send().await.unwrap();
    assert_eq!(filled.headers()["location"], "https://prolight.test/back");
    let account = visit.stripe.account(&id).await.unwrap();
    assert!(account.ready && account.requirements.is_empty());
    visit.control().restrict(id.as_str()).unwrap();
    let account = visit.stripe.account(&id).await.unwrap();
    assert!(!account.ready && !account.closed && account.requirements.len() == 1);
    visit.control().onboard(id.as_str(), Bank::Works).unwrap();
    visit.control().close_account(id.as_str()).unwrap();
    let account = visit.stripe.account(&id).await.unwrap();
    assert!(!account.ready && account.closed);
}

#[tokio::test]
async fn a_payout_is_sent_once() {
    for fault in [
        AnswerFault::ServerErrorAfterAccepting,
        AnswerFault::BrokenConnection,
        AnswerFault::Silence,
        AnswerFault::MalformedJson,
    ] {
        let visit = Visit::begin().await;
        let account = visit.ready().await;
        assert_eq!(visit.found(1).await, None);
        // An unreadable response is not retried.
        let times = if fault == AnswerFault::MalformedJson { 1 } else { 3 };
        visit.spoil(Route::StripeTransfers, "POST", fault.clone(), times);
        let unknown = visit.send(&account, 1, 1000).await.unwrap_err();
        assert!(matches!(unknown, StripeError::Unknown { .. }), "{fault:?}: {unknown:?}");
        let found = visit.found(1).await.unwrap();
        assert_eq!((found.amount, found.reversed), (Money::usd_cents(1000), 0), "{fault:?}");
        // Stripe replays its response under the key, and a failure is one.
        match visit.send(&account, 1, 1000).await {
            Ok(sent) => assert_eq!(sent, found, "{fault:?}"),
            Err(error) => {
                assert_eq!(fault, AnswerFault::ServerErrorAfterAccepting);
                assert!(matches!(error, StripeError::Unknown { .. }), "{error:?}");
            }
        }
        assert_eq!(visit.payouts.transfer_now(&found.id).await.unwrap(), found);
        assert_eq!(visit.control().transfers().len(), 1, "{fault:?}");
        assert_eq!(visit.theirs(&account), 1000);
        let sent = visit.control().transfers().remove(0);
        assert_eq!(sent["metadata"]["payout_id"], payout(1).as_str());
        assert_eq!(sent["metadata"]["user_id"], creator().as_str());
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let visit = Visit::begin().await;
    let account = visit.opened().await;
    let refused = visit.send(&account, 1, 1000).await.unwrap_err();
    assert!(refused.is_refused_as("insufficient_capabilities_for_transfer"), "{refused:?}");
    let account = visit.ready().await;
    let before = visit.stripe.balance().await.unwrap();
    assert_eq!(before.available, visit.control().balance().available);
    let refused = visit.send(&account, 2, before.available + 1).await.unwrap_err();
    assert!(refused.is_refused_as("balance_insufficient"), "{refused:?}");
    assert_eq!(visit.stripe.balance().await.unwrap(), before);
    assert_eq!(visit.found(2).await, None);
}

#[tokio::test]
async fn charged_money_is_pending_first() {
    let settings = Settings { funds_available_at_once: false, ..Settings::default() };
    let visit = Visit::to(Catalogue::Seeded, Tax::None, settings).await;
    visit.ready().await;
    let before = visit.stripe.balance().await.unwrap();
    assert!(before.available == 0 && before.pending > 0, "{before:?}");
    visit.control().advance(Advance::Days(2)).unwrap();
    let after = visit.stripe.balance().await.unwrap();
    assert_eq!((after.available, after.pending), (before.pending, 0));
}

#[tokio::test]
async fn a_transfer_is_reversed_once_under_a_key() {
    let visit = Visit::begin().await;
    let account = visit.ready().await;
    let transfer = visit.send(&account, 1, 1000).await.unwrap();
    let reverse =
        async |cents, name: &str| visit.payouts.reverse(&transfer.id, cents, (name, name)).await;
    visit.spoil(Route::StripeTransfers, "reversals", AnswerFault::BrokenConnection, 1);
    let first = reverse(300, "reverse:1").await.unwrap();
    assert_eq!(reverse(300, "reverse:1").await.unwrap(), first);
    visit.spoil(Route::StripeTransfers, "POST", AnswerFault::BrokenConnection, 3);
    let unknown = reverse(200, "reverse:2").await.unwrap_err();
    assert!(matches!(unknown, StripeError::Unknown { .. }), "{unknown:?}");
    let reversals = visit.payouts.reversals(&transfer.id).await.unwrap();
    let keys: Vec<(i64, Option<&str>)> =
        reversals.iter().map(|it| (it.amount, it.name.as_deref())).collect();
    assert_eq!(keys, [(200, Some("reverse:2")), (300, Some("reverse:1"))]);
    assert_eq!(visit.payouts.transfer_now(&transfer.id).await.unwrap().reversed, 500);
    assert_eq!(visit.theirs(&account), 500);

    visit.control().pay_bank(account.as_str()).unwrap();
    let refused = reverse(100, "reverse:3").await.unwrap_err();
    assert!(refused.is_refused_as("balance_insufficient"), "{refused:?}");
    assert_eq!(visit.payouts.transfer_now(&transfer.id).await.unwrap().reversed, 500);
}

#[tokio::test]
async fn a_bank_payout_says_what_it_pays_out() {
    let visit = Visit::begin().await;
    let account = visit.ready().await;
    let first = visit.send(&account, 1, 1000).await.unwrap();
    visit.control().advance(Advance::Days(1)).unwrap();
    let underway = visit.control().bank_payouts(account.as_str()).unwrap().remove(0);
    let id = bank_payout(underway["id"].as_str().unwrap());
    let now = async |id: &BankPayoutId| visit.stripe.bank_payout(&account, id).await.unwrap();
    let received = |transfers: &[&Transfer]| -> Vec<ReceivedId> {
        transfers.iter().map(|transfer| transfer.received.clone()).collect()
    };
    assert_eq!(now(&id).await.state, BankPayoutState::Pending);
    visit.control().advance(Advance::Days(1)).unwrap();
    assert_eq!(now(&id).await.state, BankPayoutState::Paid);
    assert_eq!(now(&id).await.received, received(&[&first]));
    visit.control().fail_bank_payout(id.as_str()).unwrap();
    let failed = now(&id).await;
    assert_eq!(failed.state, BankPayoutState::Failed { code: "account_closed".into() });
    assert_eq!(failed.received, received(&[&first]));

    let second = visit.send(&account, 2, 500).await.unwrap();
    visit.control().onboard(account.as_str(), Bank::Works).unwrap();
    let next = bank_payout(&visit.control().pay_bank(account.as_str()).unwrap());
    let paid = now(&next).await;
    assert_eq!(paid.state, BankPayoutState::Paid);
    let mut all = paid.received;
    let mut expected = received(&[&first, &second]);
    all.sort();
    expected.sort();
    assert_eq!(all, expected, "a failed payout is part of the next");
    let unknown = bank_payout("po_unknown");
    let missing = visit.stripe.bank_payout(&account, &unknown).await.unwrap_err();
    assert_eq!(missing, StripeError::Missing);
}

#[tokio::test]
async fn a_bank_payout_of_many_parts_is_read_to_its_end() {
    let visit = Visit::begin().await;
    let account = visit.ready().await;
    for nth in 0..120 {
        visit.send(&account, nth, 1).await.unwrap();
    }
    let id = bank_payout(&visit.control().pay_bank(account.as_str()).unwrap());
    let paid = visit.stripe.bank_payout(&account, &id).await.unwrap();
    assert_eq!(paid.received.len(), 120);
}

#[tokio::test]
async fn every_event_of_an_account_can_be_read() {
    let visit = Visit::begin().await;
    let account = visit.ready().await;
    visit.send(&account, 1, 1000).await.unwrap();
    let id = visit.control().pay_bank(account.as_str()).unwrap();
    visit.control().fail_bank_payout(&id).unwrap();
    visit.control().close_account(account.as_str()).unwrap();
    let events = visit.control().events();
    let subject = |kind: &str| {
        let notices = events.iter().map(|body| WebhookEvent::parse(body.as_bytes()).unwrap());
        notices.into_iter().find(|notice| notice.kind == kind).map(|notice| notice.subject)
    };
    let payout = Subject::BankPayout(account.clone(), bank_payout(&id));
    for kind in ["payout.updated", "payout.paid", "payout.failed"] {
        assert_eq!(subject(kind), Some(payout.clone()), "{kind}");
    }
    for kind in webhook_event::HANDLED_THIN {
        assert_eq!(subject(kind), Some(Subject::Account(account.clone())), "{kind}");
    }
    for kind in ["payment.created", "transfer.created", "v2.core.account.created"] {
        assert_eq!(subject(kind), Some(Subject::Ignored), "{kind}");
    }
    let listed = visit.stripe.events((Timestamp::from_secs(BEGIN), None), None).await.unwrap();
    let of_accounts = listed.items.iter().any(|it| it.notice.kind.starts_with("payout."));
    assert!(!of_accounts, "only the platform's");
}

#[tokio::test]
async fn v2_takes_json_and_an_accounts_objects_its_name() {
    let made = json!({"id": "acct_1", "object": "v2.core.account"});
    let server = Server::replying([Reply::object(&made)]).await;
    let account = server.stripe.open_account(&new_account(), "account:k").await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /v2/core/accounts");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("idempotency-key"), Some("account:k"));
    assert_eq!(seen.header("stripe-version"), Some(api_version()));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body["identity"], json!({"country": "us", "entity_type": "individual"}));

    let bare = server.stripe.account(&account).await.unwrap();
    assert!(!bare.ready && bare.user.is_none(), "missing members are false");
    let line = "GET /v2/core/accounts/acct_1?include%5B0%5D=configuration.recipient&include%5B1%5D=requirements";
    assert_eq!(server.seen()[1].line, line);

    let replies = [
        json!({"id": "po_1", "status": "canceled", "failure_code": null}),
        json!({"data": [], "has_more": false}),
    ];
    let server = Server::replying(replies.iter().map(Reply::object)).await;
    let payout = server.stripe.bank_payout(&account, &bank_payout("po_1")).await.unwrap();
    assert_eq!(payout.state, BankPayoutState::Failed { code: "canceled".into() });
    assert!(server.seen().iter().all(|it| it.header("stripe-account") == Some("acct_1")));
}

#[tokio::test]
async fn requirements_waiting_for_stripe_need_nothing_from_the_owner() {
    let entry = |from: &str| json!({"description": from, "awaiting_action_from": from});
    let answer = json!({
        "id": "acct_1", "closed": false, "metadata": {"user_id": "user_creator"},
        "configuration": {"recipient": {"capabilities": {"stripe_balance": {
            "stripe_transfers": {"status": "active", "status_details": []}}}}},
        "requirements": {"entries": [entry("user"), entry("stripe")]},
    });
    let server = Server::replying([Reply::object(&answer)]).await;
    let id = ConnectedAccountId::parse("acct_1").unwrap();
    let account = server.stripe.account(&id).await.unwrap();
    assert!(account.ready);
    assert_eq!(account.requirements, ["user"]);
}
