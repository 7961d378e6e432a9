//! Accounts: creation on first use, the monthly grant, the profile.

use domain::{
    ErrorKind,
    account::{AccountError, EmailClaim},
};

use super::*;

#[tokio::test]
async fn a_member_comes_into_being_once_however_many_ask_at_once() {
    let app = TestApp::new();
    let user = UserId::parse("new").unwrap();
    let accounts = at_once(32, async |_| {
        let claim = EmailClaim::verified("new@prolight.test");
        app.store.get_or_create_account(&user, Some(claim), NOW).await.unwrap()
    });
    for account in accounts {
        assert_eq!((account.version, account.credits.totals().available), (1, 10));
    }
    let ledger = app.store.whole_ledger(&user).await.unwrap();
    assert_eq!(ledger.iter().map(kind).collect::<Vec<_>>(), ["grant"]);
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_month_is_granted_once_however_many_ask_at_once() {
    let app = TestApp::new();
    let user = app.member("regular", Plan::Free, 4).await;
    for month in 1..=3 {
        let now = NOW.plus_months(month);
        let accounts =
            at_once(16, async |_| app.store.get_or_create_account(&user, None, now).await.unwrap());
        for account in accounts {
            assert_eq!(account.credits.totals().available, 10, "month {month}");
        }
    }
    let totals = app.account(&user).await.credits.totals();
    assert_eq!((totals.granted, totals.spent, totals.expired), (40, 6, 24));
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_visit_on_which_nothing_is_due_reads_once_and_writes_nothing() {
    let app = TestApp::new();
    let user = app.member("regular", Plan::Free, 10).await;
    app.engine.take_usage();
    app.store.get_or_create_account(&user, None, NOW.plus(DAY)).await.unwrap();
    let usage = app.engine.take_usage();
    assert_eq!(usage.requests, BTreeMap::from([("GetItem".to_owned(), 1)]));
    assert_eq!((usage.write_units, usage.read_units), (0.0, 1.0));
}

#[tokio::test]
async fn a_member_describes_themselves_and_a_new_address_is_kept() {
    let app = TestApp::new();
    let user = app.member("regular", Plan::Free, 10).await;
    let named = |_: &Account, profile: &mut domain::account::Profile| {
        profile.display_name = Some("Ana".to_owned());
        Ok::<(), AccountError>(())
    };
    let store = &app.store;
    let claim = EmailClaim::verified("ana@prolight.test");
    let account = store.update_profile(&user, Some(claim), NOW, named).await.unwrap();
    assert_eq!(account, app.account(&user).await);
    assert_eq!(account.profile.display_name.as_deref(), Some("Ana"));

    let again = store.update_profile(&user, None, NOW, named).await.unwrap();
    assert_eq!(again, account, "nothing to write, and the address stays");
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_suspended_member_is_refused_in_the_very_next_change() {
    let app = TestApp::new();
    let user = app.member("banned", Plan::Free, 10).await;
    app.ban(&user).await;

    let refused = app.post(&user, &key("a"), NOW).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "account_suspended"));
    let describe =
        app.store.update_profile(&user, None, NOW, |_, _| Ok::<(), AccountError>(())).await;
    assert_eq!(code(describe), "account_suspended");
    app.store.get_or_create_account(&user, None, NOW).await.expect("they may still read");
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_table_can_be_warmed_up_without_a_trace() {
    let app = TestApp::new();
    app.store.warm_up().await.unwrap();
    assert_eq!(app.engine.dump().len(), 0);
}
