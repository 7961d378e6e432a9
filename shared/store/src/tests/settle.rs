//! Advancing, ending and cancelling jobs: one writer wins, and the others change nothing.

use domain::{ErrorKind, generation::Status};

use super::*;
use crate::{Settled, changed_job};

async fn succeed(app: &TestApp, job: &Job, now: Timestamp) -> Settled {
    app.store.settle(job, now, |job, update| job.succeed(update, stored())).await.unwrap()
}

async fn fail(app: &TestApp, job: &Job, now: Timestamp) -> Settled {
    app.store.settle(job, now, |job, update| job.fail(update, blocked())).await.unwrap()
}

fn is_elsewhere(settled: &Settled) -> bool {
    match settled {
        Settled::Now(_) => false,
        Settled::Elsewhere => true,
    }
}

#[tokio::test]
async fn an_image_captures_and_a_failure_releases() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let done = app.posted(&user, NOW).await;
    let done = app.submitted(done, NOW).await;
    let lost = app.posted(&user, NOW).await;
    let lost = app.claimed(lost, NOW).await;

    app.engine.take_usage();
    let Settled::Now(done) = succeed(&app, &done, NOW.plus(SECOND)).await else {
        panic!("another writer was faster")
    };
    let usage = app.engine.take_usage();
    // Account, job and ledger entry at two units each; old and new index entry at one each.
    assert_eq!((usage.round_trips(), usage.write_units), (2, 8.0));
    assert_eq!(app.store.job(&user, &done.id).await.unwrap(), *done);
    assert_eq!((done.status, done.charge.state), (Status::Succeeded, ChargeState::Captured));

    let Settled::Now(lost) = fail(&app, &lost, NOW.plus(SECOND)).await else {
        panic!("another writer was faster")
    };
    assert_eq!((lost.status, lost.charge.state), (Status::Failed, ChargeState::Released));
    let totals = app.account(&user).await.credits.totals();
    assert_eq!((totals.available, totals.spent, totals.held), (9, 1, 0));
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_job_that_is_over_is_not_ended_again() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let job = app.posted(&user, NOW).await;
    let job = app.submitted(job, NOW).await;
    let other = app.posted(&user, NOW).await;

    assert!(!is_elsewhere(&succeed(&app, &job, NOW).await));
    assert!(is_elsewhere(&succeed(&app, &job, NOW).await), "a message delivered twice");
    assert!(is_elsewhere(&fail(&app, &job, NOW).await));
    assert!(!is_elsewhere(&fail(&app, &other, NOW).await));
    assert!(is_elsewhere(&fail(&app, &job, NOW).await), "nothing is held any more");

    let read_late = app.store.job(&user, &job.id).await.unwrap();
    let ended = app.store.settle(&read_late, NOW, |job, update| job.fail(update, blocked())).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Internal, "read when it was over");
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_worker_that_was_overtaken_changes_nothing() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let job = app.posted(&user, NOW).await;
    let claimed = app.claimed(job.clone(), NOW).await;
    let signalled = claimed.clone().signal("request_1", NOW);
    assert!(app.store.advance(&claimed, &signalled).await.unwrap());

    let accepted = claimed.clone().accept("request_2", NOW);
    assert!(!app.store.advance(&claimed, &accepted).await.unwrap());
    assert!(!app.store.advance(&job, &job.clone().claim_submit(NOW)).await.unwrap());
    assert!(is_elsewhere(&succeed(&app, &claimed, NOW).await));
    assert_eq!(app.store.job(&user, &job.id).await.unwrap(), signalled);
    app.check_books(&user).await;
}

#[tokio::test]
async fn one_of_many_workers_claims_a_job() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let job = app.posted(&user, NOW).await;
    app.engine.take_usage();
    let won = at_once(16, async |_| {
        app.store.advance(&job, &job.clone().claim_submit(NOW)).await.unwrap()
    });
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
    // One unit for the job, and one each for its old and new index entry.
    assert_eq!(app.engine.take_usage().write_units, 3.0);
    assert_eq!(app.store.job(&user, &job.id).await.unwrap().attempt, 1);
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_job_is_ended_once_by_many_workers_while_others_are_placed() {
    let app = TestApp::new();
    let user = app.member("pro", Plan::Pro, 100).await;
    let job = app.posted(&user, NOW).await;
    let job = app.submitted(job, NOW).await;
    let ended = at_once(12, async |n| match n % 3 {
        0 => !is_elsewhere(&succeed(&app, &job, NOW).await),
        1 => !is_elsewhere(&fail(&app, &job, NOW).await),
        _ => {
            app.posted(&user, NOW).await;
            false
        }
    });
    assert_eq!(ended.into_iter().filter(|ended| *ended).count(), 1);
    assert_eq!(app.account(&user).await.open_jobs, 4);
    app.check_books(&user).await;
}

#[tokio::test]
async fn many_jobs_of_one_member_end_at_once() {
    let app = TestApp::new();
    let user = app.member("pro", Plan::Pro, 100).await;
    let mut jobs = Vec::new();
    for _ in 0..8 {
        let job = app.posted(&user, NOW).await;
        jobs.push(app.submitted(job, NOW).await);
    }
    let elsewhere = at_once(8, async |n| {
        is_elsewhere(&succeed(&app, &jobs[usize::try_from(n).unwrap()], NOW).await)
    });
    assert_eq!(elsewhere, [false; 8]);
    let totals = app.account(&user).await.credits.totals();
    assert_eq!((totals.available, totals.held), (92, 0));
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_queued_job_is_cancelled_free_and_the_same_key_says_so_again() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let job = app.posted(&user, NOW).await;
    app.engine.take_usage();
    let request = key("cancel");
    let cancel = async || app.store.cancel(&user, &job.id, Some(&request), NOW).await;
    let cancelled = cancel().await.unwrap();
    assert_eq!(app.engine.take_usage().round_trips(), 2);
    assert_eq!(cancelled.charge.state, ChargeState::Released);
    assert_eq!(cancel().await.unwrap(), cancelled);

    let again = app.store.cancel(&user, &job.id, None, NOW).await.unwrap_err();
    assert_eq!((again.kind(), again.code()), (ErrorKind::Conflict, "generation_finished"));
    let other = Idempotency { fingerprint: "another".to_owned(), ..request };
    let other = app.store.cancel(&user, &job.id, Some(&other), NOW).await;
    assert_eq!(code(other), "idempotency_key_reused");
    app.check_books(&user).await;
}

#[tokio::test]
async fn either_the_member_or_the_worker_has_a_job() {
    let app = TestApp::new();
    let user = app.member("pro", Plan::Pro, 100).await;
    for round in 0..24 {
        let job = app.posted(&user, NOW).await;
        let answers = at_once(2, async |n| match n {
            0 => {
                let claimed = job.clone().claim_submit(NOW);
                (app.store.advance(&job, &claimed).await.unwrap(), None)
            }
            _ => (false, Some(app.store.cancel(&user, &job.id, None, NOW).await)),
        });
        let [(claimed, None), (_, Some(cancelled))] = &answers[..] else { panic!("{answers:?}") };
        match cancelled {
            Ok(job) => assert_eq!(job.status, Status::Cancelled, "round {round}"),
            Err(refused) => assert_eq!(refused.code(), "generation_already_submitted"),
        }
        assert_ne!(*claimed, cancelled.is_ok(), "round {round}");
        if *claimed {
            let job = app.store.job(&user, &job.id).await.unwrap();
            assert!(!is_elsewhere(&fail(&app, &job, NOW).await));
        }
    }
    assert_eq!(app.account(&user).await.open_jobs, 0);
    app.check_books(&user).await;
}

#[tokio::test]
async fn jobs_somebody_should_look_at_come_longest_waiting_first() {
    let app = TestApp::new();
    let user = app.member("enterprise", Plan::Enterprise, 0).await;
    let mut waiting = Vec::new();
    for n in 0..20u32 {
        // Not in the order of creation.
        let due_at = NOW.plus(SECOND * ((n * 7) % 20));
        let job = app.posted(&user, NOW).await;
        let later = job.clone().postpone(due_at, NOW);
        assert!(app.store.advance(&job, &later).await.unwrap());
        waiting.push((due_at, job.id));
    }
    let cancelled = app.posted(&user, NOW).await;
    app.store.cancel(&user, &cancelled.id, None, NOW).await.unwrap();

    let look = async |now: Timestamp, most: u16| {
        let mut shards = Vec::new();
        for shard in 0..crate::OPEN_SHARDS {
            let due = app.store.due_jobs(shard, now, (None, most)).await.unwrap().items;
            shards.push(
                due.into_iter()
                    .map(|(owner, id)| {
                        assert_eq!(owner, user);
                        id
                    })
                    .collect::<Vec<_>>(),
            );
        }
        shards
    };
    let due_at = |id: &JobId| waiting.iter().find(|(_, other)| other == id).unwrap().0;
    for (now, expected) in [(NOW.minus(SECOND), 0), (NOW, 1), (NOW.plus(SECOND * 9), 10)] {
        let shards = look(now, 100).await;
        assert_eq!(shards.iter().flatten().count(), expected, "due by {now}");
        assert!(shards.iter().flatten().all(|id| due_at(id) <= now));
        assert!(shards.iter().all(|shard| shard.is_sorted_by_key(due_at)));
    }
    let all = look(NOW.plus(DAY), 100).await;
    assert_eq!(all.iter().flatten().count(), 20);
    assert!(all.iter().filter(|shard| !shard.is_empty()).count() > 1, "spread over shards");
    let first = look(NOW.plus(DAY), 1).await;
    for (few, whole) in first.iter().zip(&all) {
        assert_eq!(few.first(), whole.first());
    }
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_changed_item_of_the_table_is_a_job_or_something_else() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let job = app.posted(&user, NOW).await;
    let images = app.engine.dump();
    let images: Vec<_> = images.iter().map(|item| item.as_object().unwrap()).collect();
    let jobs: Vec<_> = images.iter().filter_map(|image| changed_job(image).unwrap()).collect();
    assert_eq!(jobs, [job]);
    assert!(images.len() > jobs.len());
    assert_eq!(changed_job(&serde_json::Map::new()).unwrap(), None, "a deleted item");

    let mut torn =
        (*images.iter().find(|image| changed_job(image).unwrap().is_some()).unwrap()).clone();
    torn.remove("status");
    assert_eq!(changed_job(&torn).unwrap_err().kind(), ErrorKind::Internal);
}
