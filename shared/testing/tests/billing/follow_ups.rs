//! Follow-ups at Stripe of something written here: each happens once, even if the process dies at
//! any request, or if Stripe or the table fails at any of them.

use domain::plan::Plan;
use sandbox::{
    faults::{AnswerFault, Fault as AtStripe, Order},
    stripe::Card,
};
use testing::{Actor, Fault};

use crate::billing_app::BillingApp;

/// Ann's second subscription, and its expected end.
struct Duplicate {
    app: BillingApp,
    ann: Actor,
    subscription: String,
}

impl Duplicate {
    async fn bought() -> Duplicate {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        app.subscribe(&ann, "pro").await;
        app.advance_days(1);
        let subscription = app.subscribe_elsewhere(&ann, Plan::Enterprise).await;
        Duplicate { app, ann, subscription }
    }

    /// Delivers every new event once, ignoring the result.
    async fn deliver_once(&self) {
        for event in self.app.events() {
            self.app.deliver(&event).await;
        }
    }

    /// Asserts: canceled, refunded once, one audit entry, no follow-up left.
    async fn check(self, case: &str) {
        let Duplicate { app, ann, subscription } = self;
        let duplicate = app.stripe().object(&subscription).unwrap();
        assert_eq!(duplicate["status"], "canceled", "{case}");
        let invoice = app.stripe().object(duplicate["latest_invoice"].as_str().unwrap());
        assert_eq!(invoice.unwrap()["amount_paid"], 9900, "{case}");
        assert_eq!(app.refunded(), [9900], "{case}");
        let line = "surplus_subscriptions end_surplus user: -";
        assert_eq!(app.audit_lines().await, [line], "{case}");
        assert_eq!(app.store.due_follow_ups(None, 100).await.unwrap().items, [], "{case}");
        let account = app.account(&ann.id).await;
        assert_eq!((account.plan, account.credits.totals().available), (Plan::Pro, 500), "{case}");
        app.close().await;
    }
}

#[tokio::test]
async fn a_duplicate_survives_a_crash_at_every_request_to_the_table() {
    let clean = Duplicate::bought().await;
    clean.app.engine.take_usage();
    clean.deliver_once().await;
    let usage = clean.app.engine.take_usage();
    clean.check("no fault").await;
    for fault in Fault::ALL {
        let most = match fault.meets() {
            "*" => usage.round_trips(),
            operation => usage.requests[operation],
        };
        for nth in 1..=most {
            let case = Duplicate::bought().await;
            let engine = &case.app.engine;
            engine.order(fault.meets(), nth, fault);
            engine.until_hung(case.deliver_once()).await;
            // Nothing is redelivered: the nightly run finds all of it.
            case.app.events();
            case.app.advance_days(1);
            case.app.reconcile().await.unwrap();
            case.check(&format!("{fault:?} {nth} of {most}")).await;
        }
    }
}

#[tokio::test]
async fn a_duplicate_survives_an_error_at_every_request_to_stripe() {
    for request in [
        "DELETE /stripe/v1/subscriptions",
        "GET /stripe/v1/subscriptions",
        "GET /stripe/v1/invoices",
        "POST /stripe/v1/refunds",
    ] {
        for fault in [
            AnswerFault::ServerError,
            AnswerFault::ServerErrorAfterAccepting,
            AnswerFault::BrokenConnection,
        ] {
            for times in [1, 4] {
                let case = Duplicate::bought().await;
                let order = Order::next(AtStripe::Answer(fault.clone())).on_marker(request);
                case.app.sandbox.order(order.times(times)).unwrap();
                case.deliver_once().await;
                // A run consumes at least one of the remaining faults; the last run has none.
                for _ in 1..times {
                    case.app.advance_days(1);
                    case.app.reconcile().await.ok();
                }
                case.app.advance_days(1);
                case.app.reconcile().await.unwrap();
                case.check(&format!("{request} {fault:?} {times} times")).await;
            }
        }
    }
}

/// After the last attempt Stripe cancels the subscription and leaves its invoice open.
async fn canceled_by_stripe(app: &BillingApp) -> (Actor, String) {
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    let customer = app.billing(&ann).await.customer.unwrap();
    app.stripe().set_card(customer.as_str(), Card::Declines).unwrap();
    app.advance_days(31);
    app.advance_days(20);
    let theirs = app.billing(&ann).await.subscription.unwrap().id;
    let theirs = app.stripe().object(theirs.as_str()).unwrap();
    assert_eq!(theirs["status"], "canceled");
    let open = theirs["latest_invoice"].as_str().unwrap().to_owned();
    assert_eq!(app.stripe().object(&open).unwrap()["status"], "open");
    (ann, open)
}

#[tokio::test]
async fn an_open_invoice_is_voided_when_its_subscription_is_over() {
    for at_night in [false, true] {
        let app = BillingApp::new().await;
        let (ann, open) = canceled_by_stripe(&app).await;
        if at_night {
            app.events();
            app.reconcile().await.unwrap();
        } else {
            app.deliver_events().await;
        }
        assert_eq!(app.stripe().object(&open).unwrap()["status"], "void");
        app.deliver_events().await;
        assert_eq!(app.invoices(&ann).await[0]["status"], "void");
        assert_eq!(app.account(&ann.id).await.plan, Plan::Free);
        assert_eq!(app.store.due_follow_ups(None, 100).await.unwrap().items, []);
        app.close().await;
    }
}

#[tokio::test]
async fn a_payment_after_the_end_is_refunded_and_grants_nothing() {
    for order in ["paid first", "end first", "at night"] {
        let app = BillingApp::new().await;
        let (ann, open) = canceled_by_stripe(&app).await;
        app.advance_days(1);
        // On Stripe's page, before the event of the cancellation is delivered.
        app.pay_invoice(&open, Card::Succeeds).await;
        assert_eq!(app.stripe().object(&open).unwrap()["amount_paid"], 2900);
        match order {
            "paid first" => {
                let mut events = app.events();
                events.reverse();
                for event in &events {
                    assert_eq!(app.deliver(event).await, 200);
                }
            }
            "end first" => app.deliver_events().await,
            _ => {
                app.events();
                app.reconcile().await.unwrap();
            }
        }
        app.deliver_events().await;
        assert_eq!(app.refunded(), [2900], "{order}");
        let line = "late_payments refund_late_payment user: -";
        assert_eq!(app.audit_lines().await, [line], "{order}");
        let account = app.account(&ann.id).await;
        assert_eq!(account.plan, Plan::Free, "{order}");
        assert_eq!(account.credits.totals().granted, 10 + 500 + 10, "{order}");
        let invoice = &app.invoices(&ann).await[0];
        assert_eq!(invoice["amount_refunded"]["amount"], 2900, "{order}");
        assert_eq!(app.store.due_follow_ups(None, 100).await.unwrap().items, [], "{order}");
        app.close().await;
    }
}
