//! Webhooks, from the receiver's side.

use super::*;
use crate::request_log::Notice;

fn with_webhook(prompt: &str, receiver: &Receiver) -> Value {
    json!({ "prompt": prompt, "webhook_url": receiver.url })
}

#[tokio::test]
async fn the_end_of_a_job_is_announced_and_signed() {
    let visit = Visit::begin().await;
    let receiver = Receiver::answering(&[]).await;
    let id = visit.submit(&with_webhook("a cup", &receiver)).await;
    let letters = receiver.wait_for(1).await;
    let letter = &letters[0];
    assert_eq!(letter.id, id);
    assert!(letter.is_signed_by(API_TOKEN) && !letter.is_signed_by("another"));
    assert_eq!(letter.json(), visit.ending(&id).await.unwrap(), "the same as the status");
}

#[tokio::test]
async fn the_webhooks_of_ended_jobs_can_be_read_sent_or_not() {
    let visit = Visit::begin().await;
    let receiver = Receiver::answering(&[]).await;
    visit.order(json!({ "fault": { "webhook": "dropped" } })).await;
    let silent = visit.submit(&with_webhook("a cup", &receiver)).await;
    visit.order(json!({ "fault": { "outcome": "stuck" } })).await;
    visit.submit(&with_webhook("a bowl", &receiver)).await;
    let other = visit.submit(&prompt("a vase")).await;

    let report = visit.ending(&silent).await.unwrap();
    visit.ending(&other).await.unwrap();
    let webhooks = visit.sandbox.bria_webhooks();
    assert_eq!(webhooks.len(), 1, "one never ends, and one has no webhook: {webhooks:?}");
    assert_eq!((&webhooks[0].url, &webhooks[0].request_id), (&receiver.url, &silent));
    assert_eq!(serde_json::from_str::<Value>(&webhooks[0].body).unwrap(), report);
}

#[tokio::test]
async fn a_refused_notice_is_tried_again_up_to_five_times() {
    let visit = Visit::begin().await;
    let receiver = Receiver::answering(&[500, 301, 404]).await;
    visit.submit(&with_webhook("a cup", &receiver)).await;
    let letters = receiver.wait_for(4).await;
    assert!(letters.iter().all(|letter| letter.body == letters[0].body));

    let stubborn = Receiver::answering(&[500; 10]).await;
    let id = visit.submit(&with_webhook("a cup", &stubborn)).await;
    stubborn.wait_for(5).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((stubborn.letters().len(), receiver.letters().len()), (5, 4));

    let deliveries = visit.sandbox.deliveries();
    let tried: Vec<_> = deliveries
        .iter()
        .filter(|delivery| delivery.request_id == id)
        .map(|delivery| (delivery.attempt, delivery.status, delivery.notice))
        .collect();
    let expected: Vec<_> = (1..=5).map(|attempt| (attempt, Some(500), Notice::Genuine)).collect();
    assert_eq!(tried, expected);
}

#[tokio::test]
async fn a_failure_is_announced_too() {
    let visit = Visit::begin().await;
    let receiver = Receiver::answering(&[]).await;
    visit.order(json!({ "fault": { "outcome": { "error": { "code": 422 } } } })).await;
    visit.submit(&with_webhook("a cup", &receiver)).await;
    let letters = receiver.wait_for(1).await;
    let report = letters[0].json();
    assert_eq!(report["status"], "ERROR");
    assert_eq!(report["error"]["code"], 422);
    assert_eq!(report.get("result"), None);
}

#[tokio::test]
async fn notices_go_wrong_on_demand() {
    let visit = Visit::begin().await;

    visit.order(json!({ "fault": { "webhook": { "duplicate": { "copies": 3 } } } })).await;
    let receiver = Receiver::answering(&[]).await;
    visit.submit(&with_webhook("doubled", &receiver)).await;
    let letters = receiver.wait_for(4).await;
    assert!(letters.iter().all(|l| l.is_signed_by(API_TOKEN) && l.body == letters[0].body));

    visit.order(json!({ "fault": { "webhook": { "late": { "delay_ms": 300 } } } })).await;
    let receiver = Receiver::answering(&[]).await;
    let begun = Instant::now();
    let id = visit.submit(&with_webhook("late", &receiver)).await;
    assert_eq!(visit.ending(&id).await.unwrap()["status"], "COMPLETED");
    let letters = receiver.wait_for(1).await;
    assert!(Duration::from_millis(330) <= letters[0].at - begun);

    visit.order(json!({ "fault": { "webhook": "early" } })).await;
    let receiver = Receiver::answering(&[]).await;
    let id = visit.submit(&with_webhook("early", &receiver)).await;
    assert_eq!(receiver.letters()[0].id, id, "before the answer of the submission");

    visit.order(json!({ "fault": { "webhook": "forged" } })).await;
    let receiver = Receiver::answering(&[]).await;
    visit.submit(&with_webhook("forged", &receiver)).await;
    let letters = receiver.wait_for(2).await;
    assert!(!letters[0].is_signed_by(API_TOKEN) && letters[1].is_signed_by(API_TOKEN));
    assert_eq!(letters[0].json()["status"], "ERROR");
    assert_eq!(letters[1].json()["status"], "COMPLETED");

    visit.order(json!({ "fault": { "webhook": "dropped" } })).await;
    let receiver = Receiver::answering(&[]).await;
    let id = visit.submit(&with_webhook("dropped", &receiver)).await;
    assert_eq!(visit.ending(&id).await.unwrap()["status"], "COMPLETED");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.letters().len(), 0);
}
