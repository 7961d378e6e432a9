//! Follow-ups at Stripe of something written here: each happens once, even if the process dies at
//! any request, or if Stripe or the table fails at any of them.

use domain::plan::Plan;
use sandbox::{
    faults::{AnswerFault, Fault as AtStripe, Order},
    stripe::Card,
};
use testing::{Actor, Fault};

use crate::stage::Stage;

/// Ann's second subscription, and its expected end.
struct Duplicate {
    stage: Stage,
    ann: Actor,
    subscription: String,
}

impl Duplicate {
    async fn bought() -> Duplicate {
        let stage = Stage::new().await;
        let ann = stage.member("ann");
        stage.subscribe(&ann, "pro").await;
        stage.pass(1);
        let subscription = stage.subscribe_elsewhere(&ann, Plan::Enterprise).await;
        Duplicate { stage, ann, subscription }
    }

    /// Delivers every new event once, ignoring the result.
    async fn deliver_once(&self) {
        for event in self.stage.events() {
            self.stage.deliver(&event).await;
        }
    }

    /// Asserts: canceled, refunded once, one audit entry, no follow-up left.
    async fn check(self, case: &str) {
        let Duplicate { stage, ann, subscription } = self;
        let duplicate = stage.at_stripe().object(&subscription).unwrap();
        assert_eq!(duplicate["status"], "canceled", "{case}");
        let invoice = stage.at_stripe().object(duplicate["latest_invoice"].as_str().unwrap());
        assert_eq!(invoice.unwrap()["amount_paid"], 9900, "{case}");
        assert_eq!(stage.refunded(), [9900], "{case}");
        let deed = "surplus_subscriptions end_surplus user: -";
        assert_eq!(stage.deeds().await, [deed], "{case}");
        assert_eq!(stage.app.store.due_follow_ups(100).await.unwrap(), [], "{case}");
        let account = stage.account(&ann).await;
        assert_eq!((account.plan, account.credits.totals().available), (Plan::Pro, 500), "{case}");
        stage.close().await;
    }
}

#[tokio::test]
async fn a_duplicate_survives_death_at_every_request_to_the_table() {
    let clean = Duplicate::bought().await;
    clean.stage.app.engine.take_usage();
    clean.deliver_once().await;
    let usage = clean.stage.app.engine.take_usage();
    clean.check("no fault").await;
    for fault in Fault::ALL {
        let most = match fault.meets() {
            "*" => usage.round_trips(),
            operation => usage.requests[operation],
        };
        for nth in 1..=most {
            let case = Duplicate::bought().await;
            let engine = &case.stage.app.engine;
            engine.order(fault.meets(), nth, fault);
            engine.until_hung(case.deliver_once()).await;
            // Nothing is redelivered: the nightly run finds all of it.
            case.stage.events();
            case.stage.pass(1);
            case.stage.reconcile().await.unwrap();
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
                case.stage.sandbox.order(order.times(times)).unwrap();
                case.deliver_once().await;
                // A run consumes at least one of the remaining faults; the last run has none.
                for _ in 1..times {
                    case.stage.pass(1);
                    case.stage.reconcile().await.ok();
                }
                case.stage.pass(1);
                case.stage.reconcile().await.unwrap();
                case.check(&format!("{request} {fault:?} {times} times")).await;
            }
        }
    }
}

/// After the last attempt Stripe cancels the subscription and leaves its invoice open.
async fn given_up(stage: &Stage) -> (Actor, String) {
    let ann = stage.member("ann");
    stage.subscribe(&ann, "pro").await;
    let customer = stage.billing(&ann).await.customer.unwrap();
    stage.at_stripe().set_card(customer.as_str(), Card::Declines).unwrap();
    stage.pass(31);
    stage.pass(20);
    let theirs = stage.billing(&ann).await.subscription.unwrap().id;
    let theirs = stage.at_stripe().object(theirs.as_str()).unwrap();
    assert_eq!(theirs["status"], "canceled");
    let open = theirs["latest_invoice"].as_str().unwrap().to_owned();
    assert_eq!(stage.at_stripe().object(&open).unwrap()["status"], "open");
    (ann, open)
}

#[tokio::test]
async fn an_open_invoice_is_voided_when_its_subscription_is_over() {
    for at_night in [false, true] {
        let stage = Stage::new().await;
        let (ann, open) = given_up(&stage).await;
        if at_night {
            stage.events();
            stage.reconcile().await.unwrap();
        } else {
            stage.hear().await;
        }
        assert_eq!(stage.at_stripe().object(&open).unwrap()["status"], "void");
        stage.hear().await;
        assert_eq!(stage.invoices(&ann).await[0]["status"], "void");
        assert_eq!(stage.account(&ann).await.plan, Plan::Free);
        assert_eq!(stage.app.store.due_follow_ups(100).await.unwrap(), []);
        stage.close().await;
    }
}

#[tokio::test]
async fn what_is_paid_after_the_end_is_refunded_and_grants_nothing() {
    for order in ["paid first", "end first", "at night"] {
        let stage = Stage::new().await;
        let (ann, open) = given_up(&stage).await;
        stage.pass(1);
        // On Stripe's page, before the event of the cancellation is delivered.
        stage.pay_invoice(&open, Card::Succeeds).await;
        assert_eq!(stage.at_stripe().object(&open).unwrap()["amount_paid"], 2900);
        match order {
            "paid first" => {
                let mut events = stage.events();
                events.reverse();
                for event in &events {
                    assert_eq!(stage.deliver(event).await, 200);
                }
            }
            "end first" => stage.hear().await,
            _ => {
                stage.events();
                stage.reconcile().await.unwrap();
            }
        }
        stage.hear().await;
        assert_eq!(stage.refunded(), [2900], "{order}");
        let deed = "late_payments refund_late_payment user: -";
        assert_eq!(stage.deeds().await, [deed], "{order}");
        let account = stage.account(&ann).await;
        assert_eq!(account.plan, Plan::Free, "{order}");
        assert_eq!(account.credits.totals().granted, 10 + 500 + 10, "{order}");
        let invoice = &stage.invoices(&ann).await[0];
        assert_eq!(invoice["amount_refunded"]["amount"], 2900, "{order}");
        assert_eq!(stage.app.store.due_follow_ups(100).await.unwrap(), [], "{order}");
        stage.close().await;
    }
}
