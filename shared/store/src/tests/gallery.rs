//! The gallery: filters, favourites and deletion.

use domain::{erasure::ErasureSubject, generation::Status};

use super::{
    pages::{check_pages, with_jobs_of_each_status},
    *,
};
use crate::{JobFilter, NotFound};

async fn marked(app: &TestApp, job: &Job, favourite: bool) -> Result<Job, StoreError> {
    let marked = app.store.set_favourite(&job.user_id, &job.id, favourite, NOW.plus(DAY)).await;
    marked.map(|found| found.job)
}

/// Some filters at once, each page of every size, against all jobs one by one.
#[tokio::test]
async fn every_filter_is_what_it_says() {
    let app = TestApp::new();
    let user = with_jobs_of_each_status(&app).await;
    for job in app.all_jobs(&user).await.iter().filter(|job| job.status == Status::Succeeded) {
        if job.created_at < NOW.plus(SECOND * 20) {
            marked(&app, job, true).await.unwrap();
        }
    }
    let all = app.all_jobs(&user).await;
    assert!((1..6).contains(&all.iter().filter(|job| job.favourite).count()));
    let statuses = [
        vec![],
        vec![Status::Succeeded],
        vec![Status::Succeeded, Status::Failed],
        vec![Status::Queued, Status::Cancelled, Status::Succeeded],
        Status::ALL.to_vec(),
    ];
    let times = [
        (None, None),
        (Some(NOW.plus(SECOND * 9)), None),
        (None, Some(NOW.plus(SECOND * 21))),
        (Some(NOW.plus(SECOND * 9)), Some(NOW.plus(SECOND * 27))),
        (Some(NOW.plus(SECOND * 9)), Some(NOW.plus(SECOND * 9))),
    ];
    for statuses in &statuses {
        for (from, before) in times {
            for favourite in [None, Some(true), Some(false)] {
                let filter = JobFilter { statuses: statuses.clone(), from, before, favourite };
                check(&app, &user, &all, &filter).await;
            }
        }
    }
    app.check_books(&user).await;
}

async fn check(app: &TestApp, user: &UserId, all: &[Job], filter: &JobFilter) {
    let JobFilter { statuses, from, before, favourite } = filter;
    let wanted = |job: &&Job| {
        (statuses.is_empty() || statuses.contains(&job.status))
            && from.is_none_or(|from| from <= job.created_at)
            && before.is_none_or(|before| job.created_at < before)
            && favourite.is_none_or(|favourite| favourite == job.favourite)
    };
    let expected: Vec<Job> = all.iter().filter(wanted).cloned().collect();
    for per_page in [3, 100] {
        let pages = walk(async |cursor| {
            let now = NOW.plus(DAY / 2);
            app.store.jobs(user, filter, size(per_page), cursor, now).await.unwrap()
        });
        check_pages(pages.await, per_page, &expected);
    }
}

#[tokio::test]
async fn only_an_image_is_a_favourite() {
    let app = TestApp::new();
    let user = with_jobs_of_each_status(&app).await;
    for job in app.all_jobs(&user).await {
        let done = marked(&app, &job, true).await;
        match job.status {
            Status::Succeeded => {
                let favourite = done.unwrap();
                let again = marked(&app, &favourite, true).await.unwrap();
                assert_eq!((again.version, again.favourite), (job.version + 1, true));
                assert!(!marked(&app, &again, false).await.unwrap().favourite);
            }
            Status::Queued
            | Status::Submitting
            | Status::Submitted
            | Status::Failed
            | Status::Cancelled => assert_eq!(code(done), "generation_without_image"),
        }
    }
    let stranger = app.member("stranger", Plan::Free, 1).await;
    let job = Job { user_id: stranger, ..app.all_jobs(&user).await.remove(0) };
    assert_eq!(code(marked(&app, &job, true).await), "generation_not_found");
}

/// The job is gone with its input; an erasure of its image is due; the ledger stays.
#[tokio::test]
async fn a_finished_job_is_deleted_once() {
    let app = TestApp::new();
    let user = with_jobs_of_each_status(&app).await;
    let ledger = app.store.whole_ledger(&user).await.unwrap();
    for job in app.all_jobs(&user).await {
        let deleted = app.store.delete_job(&user, &job.id, NOW.plus(DAY)).await;
        if !job.status.is_final() {
            assert_eq!(code(deleted), "generation_not_finished");
            continue;
        }
        deleted.unwrap();
        app.store.delete_job(&user, &job.id, NOW.plus(DAY)).await.unwrap();
        let found = app.store.job_and_input(&user, &job.id).await.unwrap_err();
        assert_eq!(found.code(), NotFound::Generation.code());
    }
    assert!(app.all_jobs(&user).await.iter().all(|job| !job.status.is_final()));
    assert_eq!(app.store.whole_ledger(&user).await.unwrap(), ledger);
    let due = app.store.due_erasures(NOW.plus(DAY), None, 100).await.unwrap().items;
    assert_eq!(due.len(), 18, "one for each, at the first request");
    assert!(due.iter().all(|it| matches!(&it.subject, ErasureSubject::Generation { .. })));
}
