//! Follow-ups: recorded in the transaction that needs them, and completed once.

use std::collections::BTreeSet;

use domain::{
    account::EmailClaim,
    billing::{
        external::StripeInvoiceId,
        follow_up::{FollowUp, FollowUpTask},
    },
};

use super::*;
use crate::{Applied, Wanted};

impl TestApp {
    /// Records a task with a billing update of a member.
    async fn note_follow_up(&self, user: &UserId, task: &FollowUpTask, now: Timestamp) {
        let read = self.store.billing(user).await.unwrap();
        let wanted = Wanted::default();
        let kept = self.store.apply_billing(&read, &wanted, None, now, |update| {
            update.follow_ups.insert(task.clone());
        });
        assert_eq!(kept.await.unwrap(), Applied::Now(()));
    }

    async fn due(&self) -> Vec<FollowUp> {
        self.store.due_follow_ups(None, 10).await.unwrap().items
    }
}

fn refund(invoice: &str) -> FollowUpTask {
    FollowUpTask::RefundInvoice { invoice: StripeInvoiceId::parse(invoice).unwrap() }
}

#[tokio::test]
async fn a_follow_up_waits_until_it_is_done() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let (one, two) = (refund("in_1"), refund("in_2"));
    let noted = |task: &FollowUpTask, at| FollowUp::new(user.clone(), task.clone(), at);
    app.note_follow_up(&user, &two, NOW).await;
    app.note_follow_up(&user, &one, NOW.plus(DAY)).await;
    let (first, second) = (noted(&two, NOW), noted(&one, NOW.plus(DAY)));
    assert_eq!(app.due().await, [first.clone(), second.clone()], "the longest waiting first");
    assert_eq!(app.store.follow_up(&user, &two).await.unwrap(), Some(first.clone()));

    app.note_follow_up(&user, &two, NOW.plus(DAY * 2)).await;
    let again = noted(&two, NOW.plus(DAY * 2));
    assert_eq!(app.due().await, [second.clone(), again.clone()]);

    // Completing what was recorded before does not complete what was recorded since.
    app.store.follow_up_done(&first, NOW.plus(DAY * 2)).await.unwrap();
    assert_eq!(app.due().await, [second.clone(), again.clone()]);
    for follow_up in [&again, &second, &second] {
        app.store.follow_up_done(follow_up, NOW.plus(DAY * 3)).await.unwrap();
    }
    assert_eq!(app.due().await, []);
    assert_eq!(app.store.follow_up(&user, &two).await.unwrap(), None);

    app.note_follow_up(&user, &one, NOW.plus(DAY * 4)).await;
    assert_eq!(app.due().await, [noted(&one, NOW.plus(DAY * 4))], "and is due again");
}

/// An address change and a ban are written with their follow-ups.
#[tokio::test]
async fn what_an_account_brings_is_noted_with_it() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    app.store
        .get_or_create_account(&user, Some(EmailClaim::verified("new@prolight.test")), NOW)
        .await
        .unwrap();
    let ban = app.store.update_account(&user, None, NOW, |update| {
        update.suspend("Chargeback fraud.".to_owned(), None);
    });
    ban.await.unwrap();
    let due: BTreeSet<FollowUpTask> = app.due().await.into_iter().map(|due| due.task).collect();
    assert_eq!(due, BTreeSet::from([FollowUpTask::UpdateCustomer, FollowUpTask::StopRenewal]));
}
