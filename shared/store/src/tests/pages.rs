//! Lists: the union of the pages is the set, at any page size; cursors reveal nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{ErrorKind, generation::Status, id::PresetId};

use super::*;
use crate::JobFilter;

/// An Enterprise member with six jobs of each status, one a second, mixed.
pub(super) async fn with_jobs_of_each_status(app: &TestApp) -> UserId {
    let user = app.member("enterprise", Plan::Enterprise, 0).await;
    for round in 0..6u32 {
        for (status, place) in Status::ALL.into_iter().zip(0u32..) {
            let now = NOW.plus(SECOND * (round * 6 + place));
            let job = app.posted(&user, now).await;
            match status {
                Status::Queued => {}
                Status::Submitting => drop(app.claimed(job, now).await),
                Status::Submitted => drop(app.submitted(job, now).await),
                Status::Succeeded => {
                    let job = app.submitted(job, now).await;
                    let end = |job: Job, update: &mut AccountUpdate| job.succeed(update, stored());
                    app.store.settle(&job, now, end).await.unwrap();
                }
                Status::Failed => {
                    let end = |job: Job, update: &mut AccountUpdate| job.fail(update, blocked());
                    app.store.settle(&job, now, end).await.unwrap();
                }
                Status::Cancelled => {
                    app.store.cancel(&user, &job.id, None, now).await.unwrap();
                }
            }
        }
    }
    user
}

/// Jobs of one status, or of any.
fn of(status: Option<Status>) -> JobFilter {
    status.map_or_else(JobFilter::default, JobFilter::status)
}

/// All pages but the last are full, and together they are `expected`.
pub(super) fn check_pages<T: PartialEq + std::fmt::Debug>(
    pages: Vec<Vec<T>>,
    size: u16,
    expected: &[T],
) {
    let full = usize::from(size);
    if let [before @ .., last] = &pages[..] {
        assert!(before.iter().all(|page| page.len() == full) && last.len() <= full);
    }
    let all: Vec<T> = pages.into_iter().flatten().collect();
    assert_eq!(all, expected, "pages of {size}");
}

#[tokio::test]
async fn jobs_of_every_status_in_pages_of_every_size() {
    let app = TestApp::new();
    let user = with_jobs_of_each_status(&app).await;
    let all = app.all_jobs(&user).await;
    assert_eq!(all.len(), 36);
    assert!(all.is_sorted_by(|newer, older| newer.id > older.id));
    for status in Status::ALL.map(Some).into_iter().chain([None]) {
        let wanted = |job: &&Job| status.is_none_or(|status| job.status == status);
        let expected: Vec<Job> = all.iter().filter(wanted).cloned().collect();
        for per_page in [1, 2, 5, 6, 7, 36, 100] {
            let pages = walk(async |cursor| {
                let now = NOW.plus(DAY / 2);
                app.store.jobs(&user, &of(status), size(per_page), cursor, now).await.unwrap()
            })
            .await;
            check_pages(pages, per_page, &expected);
        }
    }
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_full_page_of_a_hundred_finished_jobs_knows_that_there_are_more() {
    let app = TestApp::new();
    let user = UserId::parse("busy").unwrap();
    let template = app.posted(&user, NOW).await;
    let cancelled = app.store.cancel(&user, &template.id, None, NOW).await.unwrap();
    for total in 2..=101u32 {
        let now = NOW.plus(SECOND * total);
        let job = Job { id: JobId::new(now, 0), version: 1, ..cancelled.clone() };
        let written = Transaction::default().job(None, &job).unwrap();
        app.store.commit(written).await.unwrap();
        if total < 99 {
            continue;
        }
        let pages = walk(async |cursor| {
            let status = Some(Status::Cancelled);
            app.store.jobs(&user, &of(status), size(100), cursor, NOW).await.unwrap()
        })
        .await;
        let ids: Vec<_> = pages.into_iter().flatten().map(|job| job.id).collect();
        assert_eq!(u32::try_from(ids.len()), Ok(total));
        assert!(ids.is_sorted_by(|newer, older| newer > older));
    }
}

#[tokio::test]
async fn the_ledger_in_pages_of_every_size() {
    let app = TestApp::new();
    let user = app.member("free", Plan::Free, 10).await;
    for n in 0..5u32 {
        let now = NOW.plus(SECOND * n);
        let job = app.posted(&user, now).await;
        app.store.cancel(&user, &job.id, None, now).await.unwrap();
    }
    let mut expected = app.store.whole_ledger(&user).await.unwrap();
    expected.reverse();
    assert_eq!(expected.len(), 11);
    for per_page in [1, 2, 10, 11, 12, 100] {
        let pages =
            walk(async |cursor| app.store.ledger(&user, size(per_page), cursor).await.unwrap())
                .await;
        check_pages(pages, per_page, &expected);
    }
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_list_of_nothing_is_an_empty_page() {
    let app = TestApp::new();
    let user = UserId::parse("nobody").unwrap();
    let store = &app.store;
    for status in Status::ALL.map(Some).into_iter().chain([None]) {
        let page = store.jobs(&user, &of(status), size(20), None, NOW).await.unwrap();
        assert_eq!((page.items.len(), page.next_cursor), (0, None), "{status:?}");
    }
    assert_eq!(store.ledger(&user, size(20), None).await.unwrap().items.len(), 0);
    assert_eq!(store.presets(&user, size(20), None).await.unwrap().items.len(), 0);
}

#[tokio::test]
async fn a_made_up_cursor_shows_nothing_but_the_callers_own() {
    let app = TestApp::new();
    let user = with_jobs_of_each_status(&app).await;
    let own: Vec<JobId> = app.all_jobs(&user).await.into_iter().map(|job| job.id).collect();
    let now = NOW.plus(DAY / 2);
    let made_up = [
        JobId::new(Timestamp::from_millis(0), 0),
        JobId::new(NOW.plus(SECOND * 18), u128::MAX),
        JobId::new(now.plus(DAY * 400), 0),
    ];
    for status in Status::ALL.map(Some).into_iter().chain([None]) {
        for id in &made_up {
            let cursor = Some(Cursor(id.to_string()));
            let page = app.store.jobs(&user, &of(status), size(100), cursor, now).await.unwrap();
            for job in &page.items {
                assert!(own.contains(&job.id) && job.id < *id);
                assert!(status.is_none_or(|status| job.status == status));
            }
        }
        let garbage = Some(Cursor("USER#other".to_owned()));
        let refused = app.store.jobs(&user, &of(status), size(20), garbage, now).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "invalid_cursor"));
    }
    let store = &app.store;
    for garbage in ["", "-1", "LEDGER#1", "18446744073709551616"] {
        let cursor = Some(Cursor(garbage.to_owned()));
        assert_eq!(code(store.ledger(&user, size(20), cursor).await), "invalid_cursor");
    }
    let far = Some(Cursor(u64::MAX.to_string()));
    let all = store.ledger(&user, size(100), far).await.unwrap().items.len();
    assert_eq!(all, store.ledger(&user, size(100), None).await.unwrap().items.len());
    let job = Some(Cursor(made_up[0].to_string()));
    assert_eq!(code(store.presets(&user, size(20), job).await), "invalid_cursor");
    let future = Some(Cursor(PresetId::new(now, 0).to_string()));
    assert_eq!(store.presets(&user, size(20), future).await.unwrap().items.len(), 0);
}

#[test]
fn a_cursor_is_opaque_text() {
    let cursor = Cursor("gen_1".to_owned());
    let text = serde_json::to_value(&cursor).unwrap();
    assert_eq!(text, URL_SAFE_NO_PAD.encode("gen_1"));
    assert_eq!(serde_json::from_value::<Cursor>(text).unwrap(), cursor);
    for bad in ["&", "Z2VuXzE=", "_w"] {
        assert!(serde_json::from_value::<Cursor>(bad.into()).is_err(), "{bad}");
    }
}

#[test]
fn a_page_has_one_to_a_hundred_things() {
    let read = |value: serde_json::Value| serde_json::from_value::<PageSize>(value).ok();
    assert_eq!(PageSize::default().get(), 20);
    assert_eq!(read(1.into()).map(PageSize::get), Some(1));
    assert_eq!(read(100.into()).map(PageSize::get), Some(100));
    for bad in [0.into(), 101.into(), (-1).into(), "20".into(), 1.5.into()] {
        assert_eq!(read(bad), None);
    }
}
