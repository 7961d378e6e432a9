//! Applying the state at Stripe: once, and only over what was read before Stripe was asked.

use std::cell::Cell;

use domain::{
    ErrorKind,
    billing::{
        Billing,
        external::{PaymentId, SessionId, SubscriptionId},
        invoice::Invoice,
        order::{OrderState, PackOrder},
        payment::{Payment, PaymentState},
        subscription::{Subscription, SubscriptionStatus},
    },
    credits::LedgerError,
    id::{InvoiceId, OrderId},
    money::{Currency, Money},
    time::Period,
};
use testing::engine::{Fault, Usage};

use super::{billing::customer, events::event, *};
use crate::{Applied, AppliedEvent, BillingUpdate, Wanted};

/// A payment of a small pack, with `refunded` minor units refunded.
fn payment(order: &PackOrder, refunded: i64) -> Payment {
    Payment {
        id: PaymentId::parse("pi_1").unwrap(),
        charge: None,
        customer: None,
        user: Some(order.user_id.clone()),
        order: Some(order.id.clone()),
        purchase: None,
        fingerprint: None,
        state: PaymentState::Succeeded,
        amount: Money { amount: 500, currency: Currency::USD },
        refunded,
        withdrawn: 0,
        disputed: false,
        fees: 0,
    }
}

fn receipt_of(order: &OrderId) -> InvoiceId {
    let name = order.as_str().strip_prefix(OrderId::PREFIX).unwrap();
    InvoiceId::parse(&format!("{}{name}", InvoiceId::PREFIX)).unwrap()
}

/// A subscription with this status.
fn subscription(status: SubscriptionStatus) -> Subscription {
    Subscription {
        id: SubscriptionId::parse("sub_1").unwrap(),
        plan: Plan::Pro,
        status,
        period: Period { starts_at: NOW, ends_at: NOW.plus_months(1) },
        monthly_cents: i64::from(Plan::Pro.terms().monthly_price_cents),
        cancel_at_period_end: false,
        scheduled: None,
        created_at: NOW,
        ended_at: None,
    }
}

/// Settles a pack's payment.
fn settle(update: &mut BillingUpdate, refunded: i64) -> Result<(), LedgerError> {
    let Some(order) = &mut update.order else { panic!("the wanted order is missing") };
    order.settle(&payment(order, refunded), &mut update.account)?;
    let receipt = Invoice::receipt(order, receipt_of(&order.id), None).unwrap();
    update.invoices.retain(|other| other.id != receipt.id);
    update.invoices.push(receipt);
    Ok(())
}

impl TestApp {
    /// Applies the payment of a pack to the billing that was read.
    async fn keep(
        &self,
        read: &Billing,
        order: &PackOrder,
        event: Option<&AppliedEvent>,
        refunded: i64,
    ) -> Result<Applied, StoreError> {
        let invoices = vec![receipt_of(&order.id)];
        let wanted = Wanted { order: Some(order.id.clone()), invoices };
        let decide = |update: &mut BillingUpdate| settle(update, refunded);
        self.store.apply_billing(read, &wanted, event, NOW, decide).await
    }

    /// Reads the billing and applies the payment of a pack, until it is applied.
    async fn hear(&self, order: &PackOrder, event: &AppliedEvent) -> Result<Applied, StoreError> {
        loop {
            let found = self.store.billing_of_event(&order.user_id, &event.id).await?;
            let (read, false) = found else { return Ok(Applied::Already) };
            match self.keep(&read, order, Some(event), 0).await? {
                Applied::Stale => {}
                kept @ (Applied::Now(()) | Applied::Already) => return Ok(kept),
            }
        }
    }

    /// Applies a status of the subscription.
    async fn follow(
        &self,
        read: &Billing,
        event: Option<&AppliedEvent>,
        status: SubscriptionStatus,
    ) -> Applied {
        let decide = |update: &mut BillingUpdate| {
            update.billing.follow(&subscription(status), &mut update.account).map(drop)
        };
        self.store.apply_billing(read, &Wanted::default(), event, NOW, decide).await.unwrap()
    }

    async fn check_paid_once(&self, order: &PackOrder, free: u32) {
        let user = &order.user_id;
        let stored = self.store.order(user, &order.id).await.unwrap();
        assert_eq!(stored.state, OrderState::Paid);
        let invoices = self.store.invoices(user, size(100), None).await.unwrap().items;
        assert_eq!(invoices.iter().map(|invoice| invoice.total).collect::<Vec<_>>(), [500]);
        assert_eq!(self.account(user).await.credits.totals().available, free + 50);
        assert_eq!(self.store.due_orders(NOW.plus(DAY), None, 10).await.unwrap().items, []);
        self.check_books(user).await;
    }
}

#[tokio::test]
async fn a_pack_that_was_paid_is_one_read_and_one_transaction() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let order = app.ordered(&user, NOW).await;
    let read = app.store.billing(&user).await.unwrap();
    let costs = async |event: &AppliedEvent, read: &Billing, refunded: i64| {
        app.engine.take_usage();
        let kept = app.keep(read, &order, Some(event), refunded).await.unwrap();
        let Usage { write_units, .. } = app.engine.take_usage();
        (kept, write_units)
    };
    // Account, ledger entry, billing, order, receipt, event and the fact of the sale at two units
    // each, and one for the order's index entry.
    assert_eq!(costs(&event("evt_1"), &read, 0).await, (Applied::Now(()), 15.0));
    app.check_paid_once(&order, 10).await;
    let read = app.store.billing(&user).await.unwrap();
    assert_eq!(read.version, 1);
    // Nothing new: billing and event.
    assert_eq!(costs(&event("evt_2"), &read, 0).await, (Applied::Now(()), 4.0));
    app.check_paid_once(&order, 10).await;
    let read = app.store.billing(&user).await.unwrap();
    assert_eq!(costs(&event("evt_3"), &read, 500).await.0, Applied::Now(()));
    let account = app.account(&user).await;
    assert_eq!((account.credits.totals().available, account.credits.totals().revoked), (10, 50));
    let receipt = app.store.invoice(&user, &receipt_of(&order.id)).await.unwrap();
    assert_eq!((receipt.amount_refunded, receipt.taken_back), (500, 50));
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_plan_that_was_paid_costs_so_much() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let read = app.store.billing(&user).await.unwrap();
    let order = app.ordered(&user, NOW).await;
    let mut invoice = Invoice::receipt(
        &PackOrder {
            paid: Some(Money { amount: 2900, currency: Currency::USD }),
            paid_at: Some(NOW),
            ..order.clone()
        },
        receipt_of(&order.id),
        None,
    )
    .unwrap();
    invoice.lines[0].plan = Some(Plan::Pro);
    invoice.lines[0].period = Some(paid_period());
    invoice.granted.clear();
    app.engine.take_usage();
    let decide = |update: &mut BillingUpdate| {
        let stripe = subscription(SubscriptionStatus::Active);
        update.billing.customer = Some(customer("cus_1"));
        let mut invoice = invoice.clone();
        invoice.grant(&stripe, &mut update.account)?;
        update.invoices.push(invoice);
        update.billing.follow(&stripe, &mut update.account).map(drop)
    };
    let wanted = Wanted { order: None, invoices: vec![invoice.id.clone()] };
    let paid = event("evt_1");
    let kept = app.store.apply_billing(&read, &wanted, Some(&paid), NOW, decide).await.unwrap();
    let usage = app.engine.take_usage();
    assert_eq!((kept, usage.round_trips()), (Applied::Now(()), 2));
    let ledger = app.store.whole_ledger(&user).await.unwrap();
    assert_eq!(ledger[1..].iter().map(kind).collect::<Vec<_>>(), ["end", "expire", "grant"]);
    // Account, billing, customer, invoice and event, three ledger entries, and the fact of the
    // sale; the member enters the directory of paying members, and its index.
    assert_eq!(usage.write_units, 21.0);
    let (account, billing) = app.store.account_and_billing(&user, None, NOW).await.unwrap();
    assert_eq!((account.plan, account.credits.totals().available), (Plan::Pro, 500));
    assert_eq!(billing.subscription, Some(subscription(SubscriptionStatus::Active)));
    assert_eq!(app.store.user_of_customer(&customer("cus_1")).await.unwrap(), Some(user.clone()));
    app.check_books(&user).await;
}

#[tokio::test]
async fn one_event_fifty_times_at_once_is_one_grant() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let order = app.ordered(&user, NOW).await;
    let read = app.store.billing(&user).await.unwrap();
    let kept =
        at_once(50, async |_| app.keep(&read, &order, Some(&event("evt_1")), 0).await.unwrap());
    let count = |wanted: Applied| kept.iter().filter(|kept| **kept == wanted).count();
    assert_eq!(
        (count(Applied::Now(())), count(Applied::Already), count(Applied::Stale)),
        (1, 49, 0)
    );
    app.check_paid_once(&order, 10).await;
}

#[tokio::test]
async fn many_events_of_one_payment_at_once_are_one_grant() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let order = app.ordered(&user, NOW).await;
    let kept =
        at_once(24, async |n| app.hear(&order, &event(&format!("evt_{}", n % 6))).await.unwrap());
    assert_eq!(kept.iter().filter(|kept| **kept == Applied::Now(())).count(), 6);
    assert_eq!(kept.iter().filter(|kept| **kept == Applied::Already).count(), 18);
    assert_eq!(app.store.billing(&user).await.unwrap().version, 6);
    app.check_paid_once(&order, 10).await;
}

#[tokio::test]
async fn of_two_who_read_the_same_one_asks_again() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let read = app.store.billing(&user).await.unwrap();
    let keep = async |name: &str, read: &Billing| {
        app.follow(read, Some(&event(name)), SubscriptionStatus::Active).await
    };
    assert_eq!(keep("evt_1", &read).await, Applied::Now(()));
    assert_eq!(keep("evt_2", &read).await, Applied::Stale);
    assert!(!app.store.event_applied(&event("evt_2").id).await.unwrap());
    let read = app.store.billing(&user).await.unwrap();
    assert_eq!(keep("evt_2", &read).await, Applied::Now(()));
    assert_eq!(keep("evt_2", &read).await, Applied::Already);
    assert_eq!(app.store.billing(&user).await.unwrap().version, 2);
}

#[tokio::test]
async fn an_older_answer_is_not_written_after_a_newer_one_that_changed_nothing() {
    use SubscriptionStatus::{Active, PastDue};
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let read = app.store.billing(&user).await.unwrap();
    assert_eq!(app.follow(&read, None, Active).await, Applied::Now(()));
    // Both read this. One got "past due", the other, later, "active" again.
    let read = app.store.billing(&user).await.unwrap();
    assert_eq!(app.follow(&read, Some(&event("evt_2")), Active).await, Applied::Now(()));
    assert_eq!(app.follow(&read, Some(&event("evt_1")), PastDue).await, Applied::Stale);
    let found = app.store.billing(&user).await.unwrap();
    assert_eq!(found.subscription, Some(subscription(Active)));
}

#[tokio::test]
async fn nothing_new_and_no_event_is_not_written() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let read = app.store.billing(&user).await.unwrap();
    app.follow(&read, None, SubscriptionStatus::Active).await;
    let read = app.store.billing(&user).await.unwrap();
    app.engine.take_usage();
    assert_eq!(app.follow(&read, None, SubscriptionStatus::Active).await, Applied::Now(()));
    assert_eq!(app.engine.take_usage().round_trips(), 1);
    assert_eq!(app.store.billing(&user).await.unwrap(), read);
}

#[tokio::test]
async fn what_moves_beside_the_billing_is_read_again() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let order = app.ordered(&user, NOW).await;
    let read = app.store.billing(&user).await.unwrap();
    let wanted = Wanted { order: Some(order.id.clone()), invoices: Vec::new() };
    let calls = Cell::new(0);
    let session = SessionId::parse("cs_1").unwrap();
    let decide = |update: &mut BillingUpdate| {
        match calls.replace(calls.get() + 1) {
            // The checkout session is set.
            0 => drop(meanwhile(async || {
                let url = "https://checkout.test";
                app.store.set_order_checkout(&user, &order.id, &session, url).await.unwrap()
            })),
            // A credit is held.
            1 => drop(meanwhile(async || app.posted(&user, NOW).await)),
            _ => {}
        }
        settle(update, 0)
    };
    let paid = event("evt_1");
    let kept = app.store.apply_billing(&read, &wanted, Some(&paid), NOW, decide).await.unwrap();
    assert_eq!((kept, calls.get()), (Applied::Now(()), 3));
    let stored = app.store.order(&user, &order.id).await.unwrap();
    assert_eq!((stored.version, &stored.session), (3, &Some(session)));
    assert_eq!(stored.lot, Some(LotId("pack:cs_1".to_owned())));
    app.check_paid_once(&stored, 9).await;
}

#[tokio::test]
async fn a_members_first_news_may_come_before_their_first_call() {
    let app = TestApp::new();
    let user = UserId::parse("new").unwrap();
    let read = app.store.billing(&user).await.unwrap();
    let kept = at_once(8, async |_| {
        app.follow(&read, Some(&event("evt_1")), SubscriptionStatus::Active).await
    });
    assert_eq!(kept.iter().filter(|kept| **kept == Applied::Now(())).count(), 1);
    assert_eq!(app.account(&user).await.credits.totals().available, 10);
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_parked_event_that_is_applied_is_parked_no_longer() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let paid = event("evt_1");
    app.store.park_event(Some(&paid.id), &paid.kind, "body", "why", NOW).await.unwrap();
    let (read, before) = app.store.billing_of_event(&user, &paid.id).await.unwrap();
    assert!(!before);
    assert_eq!(app.follow(&read, Some(&paid), SubscriptionStatus::Active).await, Applied::Now(()));
    assert_eq!(app.store.parked_events(None, 10).await.unwrap().items, []);
    assert!(app.store.billing_of_event(&user, &paid.id).await.unwrap().1);
}

#[tokio::test]
async fn a_refusal_and_a_customer_of_another_write_nothing() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let other = app.member("other", Plan::Free, 10).await;
    let become_it = |update: &mut BillingUpdate| {
        update.billing.customer = Some(customer("cus_1"));
        Ok::<(), LedgerError>(())
    };
    let keep = async |user: &UserId, name: &str| {
        let read = app.store.billing(user).await?;
        let news = event(name);
        app.store.apply_billing(&read, &Wanted::default(), Some(&news), NOW, become_it).await
    };
    assert_eq!(keep(&user, "evt_1").await.unwrap(), Applied::Now(()));
    let before = app.engine.dump();
    assert_eq!(keep(&other, "evt_2").await.unwrap_err().kind(), ErrorKind::Internal);
    let read = app.store.billing(&user).await.unwrap();
    let refuse = |_: &mut BillingUpdate| Err::<(), _>(crate::NotFound::Order);
    let news = event("evt_3");
    let refused =
        app.store.apply_billing(&read, &Wanted::default(), Some(&news), NOW, refuse).await;
    assert_eq!(code(refused), "order_not_found");
    assert_eq!(app.engine.dump(), before);
}

#[tokio::test]
async fn a_payment_is_applied_once_whatever_becomes_of_its_transaction() {
    use Fault::{Conflict, Fail, LoseAnswer, Throttle};
    let check = async |faults: &[Fault], told: Result<Applied, &str>, again: Applied| {
        let app = TestApp::new();
        let user = app.member("member", Plan::Free, 10).await;
        let order = app.ordered(&user, NOW).await;
        let paid = event("evt_1");
        for (fault, nth) in faults.iter().zip(1..) {
            app.engine.order("TransactWriteItems", nth, *fault);
        }
        let first = app.hear(&order, &paid).await.map_err(|refused| refused.code());
        assert_eq!(first, told, "{faults:?}");
        assert_eq!(app.hear(&order, &paid).await.unwrap(), again, "{faults:?}");
        app.check_paid_once(&order, 10).await;
    };
    check(&[Conflict; 5], Ok(Applied::Now(())), Applied::Already).await;
    check(&[Conflict; 6], Err("account_busy"), Applied::Now(())).await;
    check(&[Throttle, Fail], Ok(Applied::Now(())), Applied::Already).await;
    check(&[Throttle; 3], Err("temporarily_unavailable"), Applied::Now(())).await;
    check(&[LoseAnswer; 2], Ok(Applied::Now(())), Applied::Already).await;
    check(&[LoseAnswer; 3], Err("temporarily_unavailable"), Applied::Already).await;
}

#[tokio::test]
async fn who_applies_a_payment_may_die_anywhere() {
    let paid = event("evt_1");
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for nth in 1..=3 {
            let app = TestApp::new();
            let user = app.member("member", Plan::Free, 10).await;
            let order = app.ordered(&user, NOW).await;
            app.engine.order("*", nth, fault);
            let died = app.engine.until_hung(app.hear(&order, &paid)).await.is_none();
            assert!(died, "{fault:?} {nth}");
            let again = app.hear(&order, &paid).await.unwrap();
            let expected = if (fault, nth) == (Fault::HangAfter, 3) {
                Applied::Already
            } else {
                Applied::Now(())
            };
            assert_eq!(again, expected, "{fault:?} {nth}");
            app.check_paid_once(&order, 10).await;
        }
    }
}

#[tokio::test]
async fn invoices_in_pages_of_every_size() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let order = app.ordered(&user, NOW).await;
    let paid = PackOrder {
        paid: Some(Money { amount: 500, currency: Currency::USD }),
        paid_at: Some(NOW),
        ..order
    };
    let id = |n: u32| InvoiceId::new(NOW.plus(SECOND * n), 0);
    let mut expected: Vec<Invoice> =
        (0..23).filter_map(|n| Invoice::receipt(&paid, id(n), Some("Ana"))).collect();
    let read = app.store.billing(&user).await.unwrap();
    let decide = |update: &mut BillingUpdate| {
        update.invoices = expected.clone();
        Ok::<(), LedgerError>(())
    };
    app.store.apply_billing(&read, &Wanted::default(), None, NOW, decide).await.unwrap();
    expected.reverse();
    for per_page in [1, 5, 22, 23, 24, 100] {
        let pages =
            walk(async |cursor| app.store.invoices(&user, size(per_page), cursor).await.unwrap())
                .await;
        pages::check_pages(pages, per_page, &expected);
    }
    let garbage = Some(Cursor("gen_1".to_owned()));
    assert_eq!(code(app.store.invoices(&user, size(1), garbage).await), "invalid_cursor");
    let other = UserId::parse("other").unwrap();
    assert_eq!(code(app.store.invoice(&other, &id(1)).await), "invoice_not_found");
    assert_eq!(app.store.invoices(&other, size(1), None).await.unwrap().items, []);

    // Only wanted items are read, each once.
    let invoices = vec![id(2), id(1), id(2), id(99)];
    let wanted = Wanted { order: None, invoices };
    let read = app.store.billing(&user).await.unwrap();
    let decide = |update: &mut BillingUpdate| {
        let found: Vec<&InvoiceId> = update.invoices.iter().map(|invoice| &invoice.id).collect();
        assert_eq!(found, [&id(1), &id(2)]);
        Ok::<(), LedgerError>(())
    };
    app.store.apply_billing(&read, &wanted, None, NOW, decide).await.unwrap();
}
