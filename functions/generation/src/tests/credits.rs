//! What a generation costs, and the error without credits.

use std::{collections::BTreeMap, time::Duration};

use domain::{generation::Status, plan::Plan};
use expect_test::expect;
use serde_json::json;
use testing::at_once;

use super::{advanced, bria_app, created, get_generation, post_generation};

#[tokio::test]
async fn without_credits_the_next_grant_is_named() {
    let app = bria_app();
    let kim = app.client(&app.member("kim", Plan::Free, 0).await);
    let answer = post_generation(&kim, "k").await;
    expect![[r#"
        {
          "available": 0,
          "buy_url": "https://api.prolight.test/test/api/v1/billing/checkout",
          "code": "insufficient_credits",
          "debt": 0,
          "detail": "1 credit needed, 0 available. Buy credits or a plan.",
          "missing": 1,
          "needed": 1,
          "next_grant_at": "2026-12-22T09:00:00.000Z",
          "plans_url": "https://api.prolight.test/test/api/v1/billing/plans",
          "request_id": "00000000-0000-4000-8000-000000000001",
          "status": 402,
          "title": "Payment required",
          "type": "https://api.prolight.test/test/docs/problems/insufficient_credits"
        }"#]]
    .assert_eq(&answer.pretty());
    app.assert_credits_balance(&kim.id).await;
}

/// Credits of a paid plan are granted by a paid invoice: with the renewal, if it is paid.
#[tokio::test]
async fn a_paid_plan_grants_with_its_renewal() {
    let app = bria_app();
    let kim = app.client(&app.member("kim", Plan::Pro, 0).await);
    let problem = post_generation(&kim, "k").await.json();
    assert_eq!(
        (&problem["code"], &problem["missing"]),
        (&"insufficient_credits".into(), &1.into())
    );
    assert_eq!(problem["next_grant_at"], "2026-12-22T09:00:00.000Z");
}

#[tokio::test]
async fn a_month_of_ten_images_is_ten_images() {
    let app = bria_app();
    let kim = app.sign_in("kim");
    for number in 0..10 {
        let job = created(&kim, &format!("chair-{number}")).await;
        advanced(&app, job, Status::Succeeded).await;
    }
    assert_eq!(post_generation(&kim, "chair-10").await.code(), "insufficient_credits");
    app.assert_credits_balance(&kim.id).await;
    app.ambient.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    assert_eq!(post_generation(&kim, "chair-11").await.status(), 202);
    assert_eq!(app.account(&kim.id).await.credits.totals().available, 9);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn the_plan_limits_how_many_run_at_once() {
    for (plan, most) in [(Plan::Free, 2), (Plan::Pro, 8), (Plan::Enterprise, 32)] {
        let app = bria_app();
        let kim = app.client(&app.member("kim", plan, 10).await);
        let mut open = Vec::new();
        for number in 0..most {
            open.push(created(&kim, &format!("chair-{number}")).await);
        }
        let answer = post_generation(&kim, "one-more").await;
        assert_eq!(answer.brief(), "429 too_many_running", "{plan:?}");
        assert_eq!(answer.header("retry-after"), Some("10"), "{plan:?}");
        let problem = answer.json();
        assert_eq!((&problem["open"], &problem["max"]), (&json!(most), &json!(most)), "{plan:?}");
        advanced(&app, open.remove(0), Status::Succeeded).await;
        assert_eq!(post_generation(&kim, "one-more").await.status(), 202, "{plan:?}");
        app.assert_credits_balance(&kim.id).await;
    }
}

#[tokio::test]
async fn of_64_posts_at_once_for_three_credits_three_are_accepted() {
    let app = bria_app();
    let kim = app.client(&app.member("kim", Plan::Pro, 3).await);
    let answers = at_once(64, |number| post_generation(&kim, &format!("chair-{number}")));
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for answer in answers {
        *outcomes.entry(answer.brief()).or_default() += 1;
    }
    let expected = [("202", 3), ("402 insufficient_credits", 61)];
    assert!(
        outcomes.iter().map(|(name, count)| (name.as_str(), *count)).eq(expected),
        "{outcomes:?}"
    );
    assert_eq!(app.jobs(&kim.id).await.len(), 3);
    app.assert_credits_balance(&kim.id).await;
}

/// A job's charge in each status, and what the account has left of ten credits.
#[tokio::test]
async fn a_credit_is_spent_for_an_image_and_for_nothing_else() {
    let check = async |status: Status, charge: &str, (available, held, spent): (u32, u32, u32)| {
        let app = bria_app();
        let kim = app.sign_in("kim");
        let job = created(&kim, "k").await;
        advanced(&app, job.clone(), status).await;
        let shown = get_generation(&kim, &job.id).await.json();
        assert_eq!(
            (&shown["status"], &shown["charge"]["status"]),
            (&status.into_str().into(), &charge.into())
        );
        let totals = app.account(&kim.id).await.credits.totals();
        let left = (totals.available, totals.held, totals.spent);
        assert_eq!(left, (available, held, spent), "{status:?}");
        app.assert_credits_balance(&kim.id).await;
    };
    check(Status::Queued, "held", (9, 1, 0)).await;
    check(Status::Submitting, "held", (9, 1, 0)).await;
    check(Status::Submitted, "held", (9, 1, 0)).await;
    check(Status::Succeeded, "captured", (9, 0, 1)).await;
    check(Status::Failed, "released", (10, 0, 0)).await;
    check(Status::Cancelled, "released", (10, 0, 0)).await;
}
