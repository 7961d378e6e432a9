use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use domain::DomainError;

use super::*;
use crate::{bucket::client_at, loopback};

/// The objects put, by path, and the paths in order.
#[derive(Debug, Default)]
struct Shelf {
    objects: HashMap<String, Bytes>,
    puts: Vec<String>,
}

impl Shelf {
    fn etag(&self, path: &str) -> Option<String> {
        let bytes = self.objects.get(path)?;
        Some(format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..8])))
    }
}

/// The parts of S3 that store objects and check conditions.
async fn answer(shelf: Arc<Mutex<Shelf>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_owned();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap());
    let mut shelf = shelf.lock().unwrap();
    let etag = shelf.etag(&path);
    if parts.method == Method::PUT {
        let is = header("if-match").is_none_or(|wanted| etag.as_deref() == Some(wanted));
        let missing = header("if-none-match").is_none() || etag.is_none();
        if !is || !missing {
            return StatusCode::PRECONDITION_FAILED.into_response();
        }
        shelf.objects.insert(path.clone(), body);
        shelf.puts.push(path.clone());
        return [("etag", shelf.etag(&path).unwrap())].into_response();
    }
    match shelf.objects.get(&path) {
        Some(bytes) => ([("etag", etag.unwrap())], bytes.clone()).into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn snapshots() -> (SearchSnapshots, Arc<Mutex<Shelf>>) {
    let shelf = Arc::<Mutex<Shelf>>::default();
    let held = shelf.clone();
    let routes = Router::new().fallback(move |request| answer(held.clone(), request));
    (SearchSnapshots::new(&client_at(&loopback::serve(routes).await), "b"), shelf)
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

async fn put(snapshots: &SearchSnapshots, bytes: &'static str, as_of: i64) -> SnapshotRef {
    snapshots.put(Bytes::from(bytes), at(as_of)).await.unwrap()
}

/// Publishes these shards.
async fn publish(snapshots: &SearchSnapshots, shards: &[&'static str], now: Timestamp) -> IndexRef {
    let mut put = Vec::new();
    for bytes in shards {
        put.push(snapshots.put(Bytes::from(*bytes), now).await.unwrap());
    }
    snapshots.publish(put, now).await.unwrap()
}

#[tokio::test]
async fn what_is_published_is_current_and_is_read_whole() {
    let (snapshots, shelf) = snapshots().await;
    assert_eq!(snapshots.current().await.unwrap(), None);
    for (secs, shards) in [(1, ["one", "two"]), (2, ["one", "three"])] {
        let published = publish(&snapshots, &shards, at(secs)).await;
        let current = snapshots.current().await.unwrap().unwrap();
        assert_eq!(current, published);
        assert_eq!((current.as_of, current.shards.len()), (at(secs), 2));
        for (shard, bytes) in current.shards.iter().zip(shards) {
            let key = format!("search/{}.idx", hex::encode(Sha256::digest(bytes)));
            assert_eq!((&shard.key, shard.bytes), (&key, bytes.len() as u64));
            assert_eq!(snapshots.fetch(shard).await.unwrap(), bytes);
        }
    }
    let puts = &shelf.lock().unwrap().puts;
    assert_eq!([&puts[2], &puts[5]], ["/b/search/shards.json"; 2], "the pointer is the last");
}

#[tokio::test]
async fn of_an_index_and_one_from_before_the_shards_the_last_one_is_read() {
    let (snapshots, shelf) = snapshots().await;
    let one = put(&snapshots, "one", 1).await;
    point_to_one(&shelf, &one, at(1));
    let current = snapshots.current().await.unwrap().unwrap();
    assert_eq!((&current.shards, current.as_of), (&vec![one.clone()], at(1)));
    assert_eq!(snapshots.published().await.unwrap(), None);
    // One of its shards is older than the index from before.
    let shards = vec![put(&snapshots, "two", 0).await, put(&snapshots, "three", 2).await];
    let published = snapshots.publish(shards, at(2)).await.unwrap();
    assert_eq!(snapshots.current().await.unwrap().as_ref(), Some(&published));
    point_to_one(&shelf, &one, at(3));
    assert_eq!(snapshots.current().await.unwrap().unwrap().as_of, at(3), "after a rollback");
    assert_eq!(snapshots.published().await.unwrap(), Some(published), "for the next build");
}

#[tokio::test]
async fn an_index_is_as_of_its_oldest_shard_and_replaced_by_any_that_is_published_later() {
    let (snapshots, _) = snapshots().await;
    let first = vec![put(&snapshots, "one", 1).await, put(&snapshots, "two", 3).await];
    let first = snapshots.publish(first, at(3)).await.unwrap();
    assert_eq!((first.as_of, first.published_at), (at(1), at(3)));
    let known = SnapshotRef { listings: 7, format: Some(2), ..put(&snapshots, "new", 4).await };
    let next = vec![first.shards[0].clone(), known];
    let next = snapshots.publish(next, at(4)).await.unwrap();
    assert_eq!((next.as_of, next.published_at), (at(1), at(4)));
    assert_eq!(snapshots.current().await.unwrap(), Some(next));
}

/// As a build from before the shards points to `snapshot`.
fn point_to_one(shelf: &Mutex<Shelf>, snapshot: &SnapshotRef, as_of: Timestamp) {
    let pointer = serde_json::json!({
        "key": snapshot.key, "sha256": snapshot.sha256, "bytes": snapshot.bytes, "as_of": as_of
    });
    let key = "/b/search/current.json".to_owned();
    shelf.lock().unwrap().objects.insert(key, Bytes::from(pointer.to_string()));
}

#[tokio::test]
async fn a_broken_pointer_does_not_hide_the_other_one() {
    let (snapshots, shelf) = snapshots().await;
    let break_pointer = |key: &str| {
        let key = format!("/b/search/{key}.json");
        shelf.lock().unwrap().objects.insert(key, Bytes::from_static(b"{}"));
    };
    break_pointer("current");
    assert_eq!(snapshots.current().await.unwrap_err().code(), "search_index_damaged");
    let published = publish(&snapshots, &["one", "two"], at(1)).await;
    assert_eq!(snapshots.current().await.unwrap(), Some(published));
    break_pointer("shards");
    assert_eq!(snapshots.current().await.unwrap_err().code(), "search_index_damaged");
    let one = put(&snapshots, "one", 0).await;
    point_to_one(&shelf, &one, at(0));
    assert_eq!(snapshots.current().await.unwrap().unwrap().shards, [one]);
}

#[tokio::test]
async fn what_a_build_has_begun_is_kept_for_builds_of_as_many_shards() {
    let (snapshots, _) = snapshots().await;
    assert_eq!(snapshots.begun(8).await.unwrap(), Begun::default());
    let shards = BTreeMap::from([(5, put(&snapshots, "five", 1).await)]);
    let begun = Begun { shards, under_way: Some(6) };
    snapshots.keep_begun(8, &begun).await.unwrap();
    assert_eq!(snapshots.begun(8).await.unwrap(), begun);
    assert_eq!(snapshots.begun(16).await.unwrap(), Begun::default());
    assert_eq!(snapshots.current().await.unwrap(), None);
}

#[tokio::test]
async fn a_pointer_has_a_limit() {
    let (snapshots, shelf) = snapshots().await;
    let one = put(&snapshots, "one", 1).await;
    let current = snapshots.publish(vec![one.clone(); 200], at(1)).await.unwrap();
    let refused = snapshots.publish(vec![one; 300], at(2)).await.unwrap_err();
    assert!(matches!(refused, SnapshotError::TooLarge), "{refused:?}");
    assert_eq!(snapshots.current().await.unwrap(), Some(current));
    assert_eq!(shelf.lock().unwrap().puts.len(), 2);
}

#[tokio::test]
async fn the_pointer_never_goes_back() {
    let (snapshots, _) = snapshots().await;
    let newer = publish(&snapshots, &["newer"], at(2)).await;
    for secs in [1, 2] {
        assert_eq!(publish(&snapshots, &["other"], at(secs)).await, newer);
        assert_eq!(snapshots.current().await.unwrap().as_ref(), Some(&newer));
    }
}

#[tokio::test]
async fn of_two_builders_at_once_one_tries_again() {
    let (snapshots, _) = snapshots().await;
    let first = publish(&snapshots, &["first"], at(1)).await;
    publish(&snapshots, &["second"], at(2)).await;
    for condition in [Condition::Is(first.etag), Condition::Missing] {
        let pointer = Pointer::to(first.shards.clone(), at(3)).unwrap();
        let late = snapshots.switch(pointer, condition).await.unwrap_err();
        assert_eq!(late.code(), "search_index_unavailable");
    }
    assert_eq!(snapshots.current().await.unwrap().unwrap().as_of, at(2));
}

#[tokio::test]
async fn damage_is_found_and_can_be_repaired() {
    let (snapshots, shelf) = snapshots().await;
    let current = publish(&snapshots, &["index"], at(1)).await;
    let put = |key: &str, bytes: &str| {
        let bytes = Bytes::from(bytes.to_owned());
        shelf.lock().unwrap().objects.insert(format!("/b/{key}"), bytes);
    };
    let shard = &current.shards[0];
    shelf.lock().unwrap().objects.remove(&format!("/b/{}", shard.key));
    let refused = snapshots.fetch(shard).await.unwrap_err();
    assert!(matches!(refused, SnapshotError::Damaged { .. }), "{refused:?}");
    put(&shard.key, "indeX");
    let refused = snapshots.fetch(shard).await.unwrap_err();
    assert!(matches!(refused, SnapshotError::Damaged { .. }), "{refused:?}");
    put(&shard.key, "index and more");
    let refused = snapshots.fetch(shard).await.unwrap_err();
    assert!(matches!(refused, SnapshotError::TooLarge), "{refused:?}");
    let time = "2026-11-30T00:00:00Z";
    let no_shard = format!(r#"{{"shards":[],"as_of":"{time}","published_at":"{time}"}}"#);
    for pointer in ["{}", no_shard.as_str()] {
        put("search/shards.json", pointer);
        let refused = snapshots.current().await.unwrap_err();
        assert!(matches!(refused, SnapshotError::Damaged { .. }), "{refused:?}");
    }
    let current = publish(&snapshots, &["index"], at(0)).await;
    assert_eq!(snapshots.fetch(&current.shards[0]).await.unwrap(), "index");
}
