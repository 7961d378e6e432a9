//! A member's billing: read, and changed on their request.

use std::{cell::Cell, collections::BTreeSet};

use domain::{
    ErrorKind,
    account::{AccountError, EmailClaim},
    billing::{
        Billing,
        checkout::{CheckoutError, PlanCheckoutStep},
        external::{CustomerId, SessionId},
    },
    id::{ListingId, PurchaseId},
    marketplace::purchase::Purchase,
    money::Money,
};
use serde_json::json;
use testing::engine::Fault;

use super::*;
use crate::{condition::Condition, table::encode};

impl TestApp {
    pub(super) async fn ban(&self, user: &UserId) {
        let banned = self.store.update_account(user, None, NOW, |update| {
            update.suspend("fraud".to_owned(), None);
        });
        banned.await.unwrap();
    }

    /// A member wants to subscribe to Pro.
    async fn subscribe(
        &self,
        user: &UserId,
        request: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<(Billing, PlanCheckoutStep), StoreError> {
        let change = |_: &Account, billing: &mut Billing| billing.subscribe(Plan::Pro, now);
        self.store.change_billing(user, None, request, now, change).await
    }

    /// Sets the member's Stripe customer.
    async fn becomes(&self, user: &UserId, name: &str) -> Result<Billing, StoreError> {
        let become_it = |_: &Account, billing: &mut Billing| {
            billing.customer = Some(customer(name));
            Ok::<(), CheckoutError>(())
        };
        let changed = self.store.change_billing(user, None, None, NOW, become_it).await;
        changed.map(|(billing, ())| billing)
    }
}

pub(super) fn customer(name: &str) -> CustomerId {
    CustomerId::parse(name).unwrap()
}

#[tokio::test]
async fn a_member_stripe_does_not_know() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    assert_eq!(app.store.billing(&user).await.unwrap(), Billing::new(user.clone()));
    assert_eq!(app.store.user_of_customer(&customer("cus_1")).await.unwrap(), None);
}

#[tokio::test]
async fn the_billings_of_several_members_are_one_trip() {
    let app = TestApp::new();
    let (ann, bob) = (app.member("ann", Plan::Free, 10).await, UserId::parse("bob").unwrap());
    let billing = app.becomes(&ann, "cus_1").await.unwrap();
    app.engine.take_usage();
    let found = app.store.billings(&BTreeSet::from([bob, ann.clone()])).await.unwrap();
    assert_eq!(found, BTreeMap::from([(ann, billing)]));
    assert_eq!(app.engine.take_usage().round_trips(), 1);
}

#[tokio::test]
async fn an_account_and_its_billing_are_one_read() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 4).await;
    let billing = app.becomes(&user, "cus_1").await.unwrap();
    app.engine.take_usage();
    let (account, found) = app.store.account_and_billing(&user, None, NOW).await.unwrap();
    let usage = app.engine.take_usage();
    assert_eq!(usage.requests, BTreeMap::from([("BatchGetItem".to_owned(), 1)]));
    assert_eq!((account, found), (app.account(&user).await, billing.clone()));

    let later = NOW.plus_months(1);
    let (account, found) = app.store.account_and_billing(&user, None, later).await.unwrap();
    assert_eq!((account.credits.totals().available, found), (10, billing), "a month's credits");
    let new = UserId::parse("new").unwrap();
    let opened = at_once(16, async |_| {
        let claim = Some(EmailClaim::verified("new@prolight.test"));
        app.store.account_and_billing(&new, claim, NOW).await.unwrap()
    });
    assert!(opened.iter().all(|(account, billing)| (account.version, billing.version) == (1, 0)));
    app.check_books(&user).await;
    app.check_books(&new).await;
}

#[tokio::test]
async fn a_change_is_one_read_and_one_transaction() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    app.engine.take_usage();
    let (billing, step) = app.subscribe(&user, Some(&key("a")), NOW).await.unwrap();
    let usage = app.engine.take_usage();
    // Billing and record at two units each; the check of the account at two.
    assert_eq!((usage.round_trips(), usage.write_units), (2, 6.0));
    assert_eq!((billing.version, billing.checkouts), (1, 1));
    assert!(matches!(step, PlanCheckoutStep::Open(_)));
    assert_eq!(app.store.billing(&user).await.unwrap(), billing);
    assert_eq!(app.account(&user).await.version, 1, "nothing of it was written");
}

#[tokio::test]
async fn the_same_request_is_made_again_under_its_key_and_another_is_refused() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let (first, _) = app.subscribe(&user, Some(&key("a")), NOW).await.unwrap();
    app.engine.take_usage();
    let (again, step) = app.subscribe(&user, Some(&key("a")), NOW).await.unwrap();
    assert_eq!(app.engine.take_usage().write_units, 0.0);
    assert_eq!(again, first);
    assert!(matches!(step, PlanCheckoutStep::Open(_)));

    // Changes made meanwhile are visible.
    let open = |_: &Account, billing: &mut Billing| {
        let session = SessionId::parse("cs_1").unwrap();
        billing.opened(1, session, "https://checkout.test".to_owned());
        Ok::<(), CheckoutError>(())
    };
    let (opened, ()) = app.store.change_billing(&user, None, None, NOW, open).await.unwrap();
    assert_eq!(opened.version, 2);
    let (again, step) = app.subscribe(&user, Some(&key("a")), NOW).await.unwrap();
    assert_eq!((again.version, matches!(step, PlanCheckoutStep::Again(_))), (2, true));

    let other = Idempotency { fingerprint: "another".to_owned(), ..key("a") };
    let refused = app.subscribe(&user, Some(&other), NOW).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "idempotency_key_reused"));
    app.subscribe(&user, Some(&other), NOW.plus(crate::REMEMBERED)).await.expect("a day later");
}

#[tokio::test]
async fn a_new_key_is_noted_although_nothing_changes() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let (first, _) = app.subscribe(&user, Some(&key("a")), NOW).await.unwrap();
    let (again, _) = app.subscribe(&user, Some(&key("b")), NOW).await.unwrap();
    assert_eq!(again, first);
    let other = Idempotency { fingerprint: "another".to_owned(), ..key("b") };
    assert_eq!(code(app.subscribe(&user, Some(&other), NOW).await), "idempotency_key_reused");
    app.engine.take_usage();
    app.subscribe(&user, None, NOW).await.unwrap();
    assert_eq!(app.engine.take_usage().write_units, 0.0, "without a key nothing is written");
}

#[tokio::test]
async fn many_who_subscribe_at_once_open_one_checkout() {
    let app = TestApp::new();
    let user = UserId::parse("new").unwrap();
    let answers = at_once(32, async |n| {
        app.subscribe(&user, Some(&key(&format!("key {n}"))), NOW).await.unwrap()
    });
    assert!(answers.iter().all(|(billing, _)| (billing.version, billing.checkouts) == (1, 1)));
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_change_is_decided_on_the_account_that_is_there_when_it_is_written() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let calls = Cell::new(0);
    let change = |account: &Account, billing: &mut Billing| {
        account.require_active(NOW)?;
        if calls.replace(calls.get() + 1) == 0 {
            meanwhile(async || app.ban(&user).await);
        }
        billing.customer = Some(customer("cus_1"));
        Ok::<(), AccountError>(())
    };
    let refused = app.store.change_billing(&user, None, Some(&key("a")), NOW, change).await;
    assert_eq!((code(refused), calls.get()), ("account_suspended", 1));
    assert_eq!(app.store.billing(&user).await.unwrap().version, 0);
    assert_eq!(app.store.user_of_customer(&customer("cus_1")).await.unwrap(), None);
}

#[tokio::test]
async fn a_customer_is_one_members_for_good() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let other = app.member("other", Plan::Free, 10).await;
    let billing = app.becomes(&user, "cus_1").await.unwrap();
    assert_eq!((billing.version, &billing.customer), (1, &Some(customer("cus_1"))));
    let owner = async |name: &str| app.store.user_of_customer(&customer(name)).await.unwrap();
    assert_eq!(owner("cus_1").await, Some(user.clone()));
    assert_eq!(app.becomes(&user, "cus_1").await.unwrap(), billing, "nothing new");

    let refused = app.becomes(&other, "cus_1").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
    assert_eq!(app.store.billing(&other).await.unwrap().version, 0);

    // Late events of their former customer still find them.
    app.becomes(&user, "cus_2").await.unwrap();
    assert_eq!((owner("cus_1").await, owner("cus_2").await), (Some(user.clone()), Some(user)));
}

#[tokio::test]
async fn a_change_takes_effect_once_whatever_becomes_of_its_transaction() {
    use Fault::{Conflict, Fail, LoseAnswer, Throttle};
    let check = async |faults: &[Fault], told: Result<(), &str>| {
        let app = TestApp::new();
        let user = app.member("member", Plan::Free, 10).await;
        for (fault, nth) in faults.iter().zip(1..) {
            app.engine.order("TransactWriteItems", nth, *fault);
        }
        let first = app.subscribe(&user, Some(&key("a")), NOW).await;
        assert_eq!(first.map(drop).map_err(|refused| refused.code()), told, "{faults:?}");
        let (billing, _) = app.subscribe(&user, Some(&key("a")), NOW).await.unwrap();
        assert_eq!((billing.version, billing.checkouts), (1, 1), "{faults:?}");
    };
    check(&[Conflict; 5], Ok(())).await;
    check(&[Conflict; 6], Err("account_busy")).await;
    check(&[Throttle, Fail], Ok(())).await;
    check(&[LoseAnswer; 2], Ok(())).await;
    check(&[LoseAnswer; 3], Err("temporarily_unavailable")).await;
}

/// Unpaid purchases have no receipt: a page that found too few says where the next one looks on.
#[tokio::test]
async fn receipts_behind_many_unpaid_purchases_are_listed() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let mut expected = Vec::new();
    for nth in 0..350_u32 {
        let at = NOW.plus(SECOND * nth);
        let (id, is_paid) = (PurchaseId::new(at, u128::from(nth)), [0, 1, 2, 120].contains(&nth));
        let (state, cents) = if is_paid { ("paid", 900) } else { ("expired", 0) };
        let paid = is_paid.then(|| Money::usd_cents(cents));
        let purchase = json!({
            "id": id, "buyer_id": user, "listing_id": ListingId::new(NOW, 1), "revision": 1,
            "kind": "camera_preset", "title": "A camera", "creator_id": "creator", "version": 1,
            "price": Money::usd_cents(900), "state": state, "created_at": at, "paid": paid,
            "paid_at": is_paid.then_some(at),
        });
        let purchase: Purchase = serde_json::from_value(purchase).unwrap();
        let item = encode(&Key::purchase(&user, &id), &purchase).unwrap();
        app.store.put_item(item, Condition::none()).await.unwrap();
        expected.extend(purchase.invoice_id());
    }
    expected.reverse();
    assert_eq!(expected.len(), 4);
    for (size, trips) in [(1, 1), (2, 1), (3, 2), (20, 1), (20, 10)] {
        let size: PageSize = serde_json::from_value(json!(size)).unwrap();
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..20 {
            let page = app.store.invoices_within(&user, size, after, trips).await.unwrap();
            found.extend(page.items.into_iter().map(|invoice| invoice.id));
            after = page.next_cursor;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((&found, after), (&expected, None), "{trips} trips");
    }
}
