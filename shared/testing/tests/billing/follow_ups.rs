//! What is done at Stripe because of something that was written here: it is done once, also when
//! the process dies at any request, or when Stripe or the table fails at any of them.

use domain::plan::Plan;
use sandbox::{
    faults::{AnswerFault, Fault as AtStripe, Order},
    stripe::Card,
};
use testing::{Actor, Fault};

use crate::stage::Stage;

/// Ann's second subscription, and what must have become of it.
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

    /// Every new event is delivered once, whatever becomes of it.
    async fn deliver_once(&self) {
        for event in self.stage.events() {
            self.stage.deliver(&event).await;
        }
    }

    /// Cancelled, refunded once, and on the audit once; nothing is left to be done.
    async fn check(self, case: &str) {
        let Duplicate { stage, ann, subscription } = self;
        let duplicate = stage.at_stripe().object(&subscription).unwrap();
        assert_eq!(duplicate["status"], "canceled", "{case}");
        let invoice = stage.at_stripe().object(duplicate["latest_invoice"].as_str().unwrap());
        assert_eq!(invoice.unwrap()["amount_paid"], 9900, "{case}");
        assert_eq!(stage.refunded(), [9900], "{case}");
        let deed = "surplus_subscriptions end_surplus user: -";
        assert_eq!(stage.deeds().await, [deed], "{case}");
        assert_eq!(stage.world.store.due_follow_ups(100).await.unwrap(), [], "{case}");
        let account = stage.account(&ann).await;
        assert_eq!((account.plan, account.credits.totals().available), (Plan::Pro, 500), "{case}");
        stage.close().await;
    }
}

#[tokio::test]
async fn a_duplicate_survives_death_at_every_request_to_the_table() {
    let clean = Duplicate::bought().await;
    clean.stage.world.engine.take_usage();
    clean.deliver_once().await;
    let usage = clean.stage.world.engine.take_usage();
    clean.check("a good day").await;
    for fault in Fault::ALL {
        let most = match fault.meets() {
            "*" => usage.round_trips(),
            operation => usage.requests[operation],
        };
        for nth in 1..=most {
            let case = Duplicate::bought().await;
            let engine = &case.stage.world.engine;
            engine.order(fault.meets(), nth, fault);
            engine.until_hung(case.deliver_once()).await;
            // Nothing is delivered again: the night finds all of it.
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
                // A night meets at least one of the faults that are left; then comes one without.
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
        assert_eq!(stage.world.store.due_follow_ups(100).await.unwrap(), []);
        stage.close().await;
    }
}

#[tokio::test]
async fn what_is_paid_after_the_end_is_refunded_and_grants_nothing() {
    for order in ["paid first", "end first", "at night"] {
        let stage = Stage::new().await;
        let (ann, open) = given_up(&stage).await;
        stage.pass(1);
        // On Stripe's page, before anything is heard of the end.
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
        assert_eq!(stage.world.store.due_follow_ups(100).await.unwrap(), [], "{order}");
        stage.close().await;
    }
}
