//! Billing: Stripe's reports become a member's account, in whatever order they arrive.

mod orders;
mod subscriptions;
mod top_ups;

use super::{
    external::{PaymentId, SessionId, StripeInvoiceId, SubscriptionId},
    follow_up::{FollowUp, FollowUpTask},
    invoice::{Invoice, InvoiceLine, InvoiceStatus, Issue},
    order::{OrderState, PackOrder, Sold, Via},
    payment::{Payment, PaymentState},
    subscription::{Subscription, SubscriptionStatus},
    *,
};
use crate::{
    Timestamp,
    account::{Account, AccountStatus, AccountUpdate, EmailClaim},
    credits::{Credits, LedgerEntry, LotId, Totals},
    id::{InvoiceId, OrderId},
    money::{Currency, Money},
    pack::Pack,
    plan::Plan,
    time::{DAY, Period},
};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// So many days after the start.
fn day(days: u32) -> Timestamp {
    START.plus(DAY * days)
}

/// A member, their billing at Stripe, and all their ledger entries.
#[derive(Debug, Clone)]
struct Member {
    account: Account,
    billing: Billing,
    ledger: Vec<LedgerEntry>,
}

impl Member {
    fn new() -> Member {
        let user = UserId::parse("user_1").unwrap();
        let account = Account::open(user.clone(), START);
        let mut member = Member { account, billing: Billing::new(user), ledger: Vec::new() };
        member.at(START, |_, _| ());
        member
    }

    /// Changes the account at `now` and checks the ledger's invariant.
    fn at<T>(
        &mut self,
        now: Timestamp,
        change: impl FnOnce(&mut AccountUpdate, &mut Billing) -> T,
    ) -> T {
        let mut update = self.account.clone().begin_update(now).unwrap();
        let done = change(&mut update, &mut self.billing);
        let change = update.finish();
        self.account = change.account;
        self.ledger.extend(change.entries);
        assert_eq!(Credits::fold(&self.ledger).unwrap(), self.account.credits);
        let Totals { granted, available, held, spent, expired, revoked } = self.totals();
        assert_eq!(granted, available + held + spent + expired + revoked);
        done
    }

    /// Handles an event of a subscription: grants its invoice and applies it.
    fn hear(&mut self, now: Timestamp, subscription: &Subscription, invoice: &mut Invoice) {
        self.at(now, |update, billing| {
            invoice.grant(subscription, update).unwrap();
            billing.follow(subscription, update).unwrap();
        });
    }

    fn spend(&mut self, now: Timestamp, credits: u32) {
        self.at(now, |update, _| {
            let hold = update.start_job("gen", credits).unwrap();
            update.capture_job("gen", &hold).unwrap();
        });
    }

    fn totals(&self) -> Totals {
        self.account.credits.totals()
    }

    fn available(&self) -> u32 {
        self.totals().available
    }
}

fn subscription(plan: Plan, status: SubscriptionStatus, period: Period) -> Subscription {
    Subscription {
        id: SubscriptionId::parse("sub_1").unwrap(),
        plan,
        status,
        period,
        monthly_cents: i64::from(plan.terms().monthly_price_cents),
        cancel_at_period_end: false,
        scheduled: None,
        created_at: START,
        ended_at: None,
    }
}

fn period(from: u32, to: u32) -> Period {
    Period { starts_at: day(from), ends_at: day(to) }
}

/// An invoice line: its plan, amount and period.
fn line(id: &str, plan: Plan, amount: i64, period: Period) -> InvoiceLine {
    InvoiceLine {
        id: format!("il_{id}"),
        description: plan.terms().name.to_owned(),
        quantity: 1,
        amount,
        period: Some(period),
        plan: Some(plan),
    }
}

fn invoice(id: &str, status: InvoiceStatus, lines: Vec<InvoiceLine>) -> Invoice {
    let total = lines.iter().map(|line| line.amount).sum();
    Invoice {
        id: InvoiceId::new(START, 1),
        user_id: UserId::parse("user_1").unwrap(),
        issue: Issue::Subscription {
            invoice: StripeInvoiceId::parse(&format!("in_{id}")).unwrap(),
            subscription: None,
        },
        number: None,
        status,
        currency: Currency::USD,
        subtotal: total,
        tax: 0,
        total,
        amount_paid: total,
        amount_due: 0,
        amount_refunded: 0,
        bill_to: None,
        period: None,
        lines,
        hosted_url: None,
        pdf_url: None,
        payment: None,
        attempts: 1,
        next_attempt_at: None,
        created_at: START,
        paid_at: None,
        granted: Vec::new(),
        taken_back: 0,
        unlimited_ended: false,
        gone: 0,
        fees: 0,
        stated: Default::default(),
    }
}

/// A paid month of a plan.
fn month(id: &str, plan: Plan, period: Period) -> Invoice {
    let price = i64::from(plan.terms().monthly_price_cents);
    invoice(id, InvoiceStatus::Paid, vec![line(id, plan, price, period)])
}

fn payment(refunded: i64, withdrawn: i64) -> Payment {
    Payment {
        id: PaymentId::parse("pi_1").unwrap(),
        charge: None,
        customer: None,
        user: None,
        order: None,
        purchase: None,
        fingerprint: None,
        state: PaymentState::Succeeded,
        amount: Money::usd_cents(500),
        refunded,
        withdrawn,
        disputed: false,
        fees: 0,
    }
}

/// The follow-ups of a change of an account.
#[test]
fn what_follows_from_a_change_of_an_account() {
    let check = |email: Option<&str>, until: Option<Option<u32>>, expected: &[FollowUpTask]| {
        let mut member = Member::new();
        member.account.email = Some("ann@old.test".to_owned());
        member.at(day(0), |update, _| update.creates());
        let claim = email.map(EmailClaim::verified);
        let mut update = member.account.clone().begin_update_for(claim, day(1)).unwrap();
        if let Some(until) = until {
            update.suspend("no".to_owned(), until.map(day));
        }
        let noted = update.finish().follow_ups;
        let tasks: Vec<FollowUpTask> = noted.iter().map(|noted| noted.task.clone()).collect();
        assert_eq!(tasks, expected, "{email:?} {until:?}");
        let user = &member.account.user_id;
        assert!(noted.iter().all(|it| (&it.user_id, it.noted_at) == (user, day(1))));
    };
    check(Some("ann@old.test"), None, &[]);
    check(None, None, &[]);
    check(Some("ann@new.test"), None, &[FollowUpTask::UpdateCustomer]);
    check(None, Some(Some(9)), &[]);
    check(None, Some(None), &[FollowUpTask::StopRenewal]);
    let new = Account::open(UserId::parse("user_1").unwrap(), START);
    let claim = Some(EmailClaim::verified("ann@new.test"));
    assert_eq!(
        new.begin_update_for(claim, START).unwrap().finish().follow_ups,
        [] as [FollowUp; 0]
    );
}
