//! Staff decisions about members: once, audited, and never about each other.

use domain::{
    account::{AccountStatus, Limits, Role, StaffError, staff::Adjustment},
    audit::{Action, AuditEntry, Target},
};
use testing::engine::Fault;

use super::*;
use crate::{AuditFilter, Staff};

impl TestApp {
    async fn decide(
        &self,
        staff: (&str, Role),
        member: &UserId,
        request: Option<&Idempotency>,
        change: impl Fn(&mut AccountUpdate) -> Result<(), StaffError>,
    ) -> Result<String, StoreError> {
        let user_id = UserId::parse(staff.0).unwrap();
        let acting = Staff { user_id: &user_id, email: None, role: Some(staff.1) };
        let actor = domain::audit::Actor::Staff { user_id: user_id.clone(), role: staff.1 };
        let entry = AuditEntry::new(actor, Action::GrantCredits, Target::user(member));
        let view = |account: &Account| account.credits.totals().available;
        self.store.admin_update_account(acting, member, (request, &entry), NOW, change, view).await
    }

    async fn rows(&self) -> usize {
        let page = self.store.audit_log(&AuditFilter::default(), PageSize::WHOLE, None).await;
        page.unwrap().items.len()
    }
}

const ADMIN: (&str, Role) = ("admin", Role::Admin);

fn grant(credits: u32) -> impl Fn(&mut AccountUpdate) -> Result<(), StaffError> {
    move |update| update.adjust(LotId(format!("admin:{credits}")), Adjustment::Grant(credits, None))
}

#[tokio::test]
async fn credits_are_granted_once_for_a_key_whatever_is_lost_on_the_way() {
    for fault in [None, Some(Fault::Conflict), Some(Fault::LoseAnswer), Some(Fault::Throttle)] {
        let app = TestApp::new();
        let user = app.member("ann", Plan::Free, 10).await;
        if let Some(fault) = fault {
            app.engine.order("TransactWriteItems", 1, fault);
        }
        for _ in 0..2 {
            let answer = app.decide(ADMIN, &user, Some(&key("k")), grant(25)).await.unwrap();
            assert_eq!(answer, "35", "{fault:?}");
        }
        let other = Idempotency { fingerprint: "f".repeat(64), ..key("k") };
        let other = app.decide(ADMIN, &user, Some(&other), grant(25)).await;
        assert_eq!(code(other), "idempotency_key_reused");
        assert_eq!(app.rows().await, 1);
        app.check_books(&user).await;
    }
}

#[tokio::test]
async fn what_is_taken_back_was_there() {
    let app = TestApp::new();
    let user = app.member("ann", Plan::Free, 10).await;
    let take = |credits| {
        move |update: &mut AccountUpdate| {
            update.adjust(LotId(format!("back:{credits}")), Adjustment::TakeBack(credits))
        }
    };
    assert_eq!(code(app.decide(ADMIN, &user, None, take(11)).await), "too_few_credits");
    assert_eq!(app.decide(ADMIN, &user, None, take(4)).await.unwrap(), "6");
    assert_eq!(app.rows().await, 1);
    app.check_books(&user).await;
}

#[tokio::test]
async fn nobody_decides_on_themselves_or_on_an_admin_and_a_suspended_admin_on_nobody() {
    let app = TestApp::new();
    let ann = app.member("ann", Plan::Free, 10).await;
    let suspend = |update: &mut AccountUpdate| {
        update.suspend("spam".to_owned(), None);
        Ok(())
    };
    app.decide(("other", Role::Admin), &ann, None, grant(1)).await.unwrap();
    app.decide(ADMIN, &ann, None, grant(2)).await.unwrap();
    let (admin, other) = (UserId::parse("admin").unwrap(), UserId::parse("other").unwrap());
    assert_eq!(code(app.decide(ADMIN, &admin, None, suspend).await), "own_account");
    assert_eq!(code(app.decide(ADMIN, &other, None, suspend).await), "target_is_admin");
    let nobody = UserId::parse("nobody").unwrap();
    assert_eq!(code(app.decide(ADMIN, &nobody, None, suspend).await), "user_not_found");
    // A role that was removed at the issuer is seen with the next action.
    app.decide(("other", Role::Moderator), &ann, None, grant(3)).await.unwrap();
    app.decide(ADMIN, &other, None, suspend).await.unwrap();
    assert_eq!(
        code(app.decide(("other", Role::Moderator), &ann, None, grant(4)).await),
        "account_suspended"
    );
    assert_eq!(app.rows().await, 4);
}

#[tokio::test]
async fn a_suspension_calls_off_what_waits_and_ends_by_its_date() {
    let app = TestApp::new();
    let ann = app.member("ann", Plan::Pro, 100).await;
    let (waiting, running) = (app.posted(&ann, NOW).await, app.posted(&ann, NOW).await);
    app.claimed(running.clone(), NOW).await;
    let until = NOW.plus(DAY);
    let suspend = |update: &mut AccountUpdate| {
        update.suspend("spam".to_owned(), Some(until));
        Ok(())
    };
    app.decide(ADMIN, &ann, None, suspend).await.unwrap();
    assert_eq!(
        app.store.due_standings(NOW, None, 10).await.unwrap().items,
        std::slice::from_ref(&ann)
    );
    for _ in 0..2 {
        app.store.apply_suspension(&ann, NOW).await.unwrap();
    }
    let status = async |job: &Job| app.store.job(&ann, &job.id).await.unwrap().status;
    assert_eq!(status(&waiting).await, domain::generation::Status::Cancelled);
    assert_eq!(status(&running).await, domain::generation::Status::Submitting);
    assert_eq!(app.account(&ann).await.credits.totals().held, 1);
    assert_eq!(app.store.due_standings(NOW, None, 10).await.unwrap().items, []);

    assert_eq!(
        app.store.due_standings(until, None, 10).await.unwrap().items,
        std::slice::from_ref(&ann)
    );
    app.store.apply_suspension(&ann, until).await.unwrap();
    assert_eq!(app.account(&ann).await.standing, AccountStatus::Active);
    assert_eq!(app.store.due_standings(until.plus(DAY), None, 10).await.unwrap().items, []);
    assert_eq!(app.rows().await, 2);
    app.check_books(&ann).await;
}

#[tokio::test]
async fn limits_of_ones_own_replace_those_of_the_plan() {
    let app = TestApp::new();
    let ann = app.member("ann", Plan::Free, 10).await;
    let limits = Limits { monthly_allowance: Some(40), concurrency: Some(1) };
    let limit = |update: &mut AccountUpdate| {
        update.limit(limits);
        Ok(())
    };
    app.decide(ADMIN, &ann, None, limit).await.unwrap();
    app.posted(&ann, NOW).await;
    assert_eq!(code(app.post(&ann, &key("x"), NOW).await), "too_many_running");
    let later = NOW.plus(DAY * 32);
    let account = app.store.get_or_create_account(&ann, None, later).await.unwrap();
    assert_eq!(account.credits.totals().available, 40);
}
