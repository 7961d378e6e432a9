//! Generation history: lists by status, pages, and cancellation.

use serde_json::{Value, json};

use crate::member::{GENERATIONS, Member, quick, text};

#[tokio::test]
async fn the_history_is_newest_first_by_status_and_in_pages() {
    let member = Member::new().await;
    let mut made: Vec<Value> = Vec::new();
    for subject in ["a bust", "a bottle", "a sphere", "a bust on a plinth"] {
        made.insert(0, member.make(&quick(subject)).await["id"].clone());
    }
    let ids = |items: Vec<Value>| -> Vec<Value> {
        items.into_iter().map(|job| job["id"].clone()).collect()
    };
    let listed = async |query: &str| {
        ids(member.whole_list(&format!("{GENERATIONS}?{query}"), |page| page).await)
    };
    assert_eq!(listed("limit=3").await, made);
    assert_eq!(listed("limit=3&status=succeeded").await, made);
    for status in ["queued", "submitting", "submitted", "failed", "cancelled"] {
        assert_eq!(listed(&format!("status={status}")).await, [] as [Value; 0], "{status}");
    }
    let first = &member.get(GENERATIONS).await.ok(200)["items"][0];
    assert!(first["image"]["thumbnail_url"].is_string(), "a gallery needs no second call: {first}");
    assert!(first["input"].is_null(), "inputs are only in the single view: {first}");
    member.check_books().await;
}

/// A worker may have started when the second request arrives; both outcomes are checked.
#[tokio::test]
async fn an_order_is_taken_back_unless_it_has_begun() {
    let member = Member::new().await;
    let job = member.order(&json!({ "prompt": "a bust of a sailor" })).await;
    let cancel = text(&job["links"]["cancel"]).to_owned();
    let answer = member.post(&cancel, &json!({})).await;
    let state = match answer.status {
        200 => {
            assert_eq!(answer.json()["status"], "cancelled");
            "released"
        }
        _ => {
            let refused = answer.ok(409);
            let expected = ["generation_already_submitted", "generation_finished"];
            assert!(expected.contains(&text(&refused["code"])), "{refused}");
            assert_eq!(refused["charge"]["credits"], 1, "it says what will be charged: {refused}");
            "captured"
        }
    };
    let job = member.follow(&job).await;
    assert_eq!(job["charge"]["status"], state, "{job}");
    assert!(job["links"]["cancel"].is_null(), "it has ended: {job}");
    let again = member.post(&cancel, &json!({})).await;
    again.problem(409, "generation_finished");
    member.check_books().await;
}

#[tokio::test]
async fn what_belongs_to_others_does_not_exist() {
    let (owner, other) = (Member::new().await, Member::new().await);
    let job = owner.make(&quick("a private vase")).await;
    let link = text(&job["links"]["self"]);
    other.get(link).await.problem(404, "generation_not_found");
    let cancel = other.post(&format!("{link}/cancel"), &json!({})).await;
    cancel.problem(404, "generation_not_found");
    assert_eq!(other.get(GENERATIONS).await.ok(200)["items"], json!([]));
    let unknown = format!("{GENERATIONS}/gen_01JD0000000000000000000000");
    owner.get(&unknown).await.problem(404, "generation_not_found");
}
