//! Limits: open jobs, credits, and repeated requests.

use demo::api::{Answer, fresh_key};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::member::{GENERATIONS, Member, quick};

/// A free member has two open jobs. The first image takes long enough for all orders to arrive.
#[tokio::test]
async fn a_third_open_job_has_to_wait() {
    let member = Member::new().await;
    member.get("/api/v1/me").await.ok(200);
    let order = json!({ "prompt": "a bust of a boxer", "aspect_ratio": "1:1" });
    let answers = at_once(6, &member, fresh_key, &order).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status == 202);
    assert!(taken.len() >= 2, "two places: {}", taken.len());
    assert!(!refused.is_empty(), "six orders at once for two places");
    for answer in refused {
        let problem = answer.problem(429, "too_many_running");
        assert_eq!((&problem["open"], &problem["max"]), (&json!(2), &json!(2)));
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    }
    for answer in taken {
        member.follow(&answer.json()).await;
    }
    member.make(&quick("a bust of a boxer, the day after")).await;
    member.check_books().await;
}

#[tokio::test]
async fn ten_images_are_free_and_the_eleventh_is_not() {
    let member = Member::new().await;
    for n in 1..=10 {
        member.make(&quick(&format!("vase number {n}"))).await;
    }
    let refused = member.post(GENERATIONS, &quick("one more")).await;
    let problem = refused.problem(402, "insufficient_credits");
    assert_eq!((&problem["needed"], &problem["available"]), (&json!(1), &json!(0)));
    assert_eq!(problem["missing"], 1);
    let credits = member.credits().await;
    assert_eq!(problem["next_grant_at"], credits["next_grant"]["at"], "the time of the next grant");
    assert!(problem["next_grant_at"].is_string());
    assert_eq!((&credits["available"], &credits["totals"]["spent"]), (&json!(0), &json!(10)));
    member.check_books().await;
}

#[tokio::test]
async fn one_key_is_one_job_however_often_it_is_sent() {
    let member = Member::new().await;
    member.get("/api/v1/me").await.ok(200);
    let key = fresh_key();
    let order = quick("a jug");
    let answers = at_once(64, &member, || key.clone(), &order).await;
    let mut ids: Vec<Value> = answers.iter().map(|answer| answer.ok(202)["id"].clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let listed = member.get(GENERATIONS).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    let other = member.post_under(&key, GENERATIONS, &quick("another jug")).await;
    other.problem(422, "idempotency_key_reused");
    member.follow(&answers[0].json()).await;
    let later = member.post_under(&key, GENERATIONS, &order).await.ok(202);
    assert_eq!(later["status"], "succeeded", "the same job, in its current state");
    member.check_books().await;
}

/// Sends `count` orders in parallel.
async fn at_once(
    count: usize,
    member: &Member,
    key: impl Fn() -> String,
    order: &Value,
) -> Vec<Answer> {
    let mut set = JoinSet::new();
    for _ in 0..count {
        let (member, key, order) = (member.clone(), key(), order.clone());
        set.spawn(async move { member.post_under(&key, GENERATIONS, &order).await });
    }
    set.join_all().await
}
