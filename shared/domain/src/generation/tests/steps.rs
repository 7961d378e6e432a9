//! What to do with a job that is looked at, and when to look again.

use super::*;

/// A job as a worker finds it; ages and waits in minutes, negative waits are in the past.
struct Found {
    status: Status,
    provider: Provider,
    placed_ago: u32,
    asked_ago: u32,
    due_in: i64,
    leased_for: Option<i64>,
}

impl Found {
    fn job(&self) -> Job {
        let (mut job, _) = placed(self.provider);
        let minutes = |count: i64| Timestamp::from_millis(NOW.as_millis() + count * 60_000);
        job.status = self.status;
        job.created_at = NOW.minus(MINUTE * self.placed_ago);
        job.started_at =
            (self.status != Status::Queued).then(|| NOW.minus(MINUTE * self.asked_ago));
        job.due_at = (!self.status.is_final()).then(|| minutes(self.due_in));
        job.lease_until = self.leased_for.map(minutes);
        job
    }
}

fn name(step: &NextStep) -> String {
    match step {
        NextStep::Leave => "leave".to_owned(),
        NextStep::Submit => "submit".to_owned(),
        NextStep::Poll => "poll".to_owned(),
        NextStep::AwaitUnknown => "await".to_owned(),
        NextStep::Fail(failure) => {
            format!("fail: {}", serde_json::to_value(failure.code).unwrap().as_str().unwrap())
        }
    }
}

#[test]
fn what_to_do_with_a_job() {
    use Provider::{Bria, Studio};
    use Status::{Cancelled, Failed, Queued, Submitted, Submitting, Succeeded};
    let check = |(status, provider): (Status, Provider),
                 (placed_ago, asked_ago): (u32, u32),
                 (due_in, leased_for): (i64, Option<i64>),
                 expected: &str| {
        let found = Found { status, provider, placed_ago, asked_ago, due_in, leased_for };
        let step = found.job().next_step(NOW);
        assert_eq!(name(&step), expected, "{status:?} {placed_ago} {asked_ago} {due_in}");
    };
    //     in           placed, asked ago   due in, leased for
    check((Queued, Studio), (0, 0), (0, None), "submit");
    check((Queued, Bria), (0, 0), (0, None), "submit");
    check((Queued, Bria), (0, 0), (1, None), "leave");
    check((Queued, Bria), (59, 0), (0, None), "submit");
    check((Queued, Bria), (60, 0), (0, None), "fail: provider_unavailable");
    check((Queued, Studio), (60, 0), (0, None), "fail: provider_unavailable");
    check((Queued, Bria), (60, 0), (1, None), "leave");

    // A worker has a lease on it, or had one and disappeared.
    check((Submitting, Studio), (1, 1), (3, Some(3)), "leave");
    check((Submitting, Studio), (4, 4), (0, Some(0)), "submit");
    check((Submitting, Studio), (99, 99), (0, Some(0)), "submit");
    check((Submitting, Bria), (1, 1), (3, Some(3)), "leave");
    check((Submitting, Bria), (4, 4), (0, Some(0)), "await");
    check((Submitting, Bria), (9, 9), (0, None), "await");
    check((Submitting, Bria), (9, 9), (1, None), "leave");
    check((Submitting, Bria), (10, 10), (0, None), "fail: submit_unknown");
    check((Submitting, Bria), (90, 4), (0, Some(0)), "await");

    // The provider has accepted it.
    check((Submitted, Bria), (1, 1), (1, None), "leave");
    check((Submitted, Bria), (1, 1), (0, None), "poll");
    check((Submitted, Bria), (1, 1), (-1, Some(3)), "leave");
    check((Submitted, Bria), (99, 99), (0, Some(0)), "poll");

    // It is final.
    check((Succeeded, Bria), (1, 1), (0, None), "leave");
    check((Failed, Bria), (1, 1), (0, None), "leave");
    check((Cancelled, Studio), (1, 1), (0, None), "leave");
}

#[test]
fn a_claim_keeps_others_away_although_clocks_are_two_minutes_apart() {
    let work = Duration::from_secs(60);
    let apart = Duration::from_secs(120);
    for provider in [Provider::Studio, Provider::Bria] {
        let (job, _) = placed(provider);
        let meets = |claimer: Timestamp, other_at_the_end: Timestamp| {
            let claimed = job.clone().claim_submit(claimer);
            assert_eq!(claimed.next_step(other_at_the_end), NextStep::Leave, "{provider:?}");
            let polling = job.clone().accept("request_1", claimer).claim_poll(claimer);
            assert_eq!(polling.next_step(other_at_the_end), NextStep::Leave, "{provider:?}");
        };
        // Whichever clock is ahead, the other worker leaves the job alone for as long as a worker
        // may run.
        meets(NOW, NOW.plus(work + apart));
        meets(NOW.plus(apart), NOW.plus(work));
    }
}

#[test]
fn a_submit_that_was_not_answered_is_never_repeated() {
    let (job, _) = placed(Provider::Bria);
    let mut job = job.claim_submit(NOW);
    for minute in 0..120 {
        let now = NOW.plus(MINUTE * minute);
        match job.next_step(now) {
            NextStep::Leave => {}
            NextStep::AwaitUnknown => job = job.await_unknown(now),
            NextStep::Fail(failure) => {
                assert_eq!(failure.code, FailureCode::SubmitUnknown);
                assert_eq!(minute, 10);
                return;
            }
            step @ (NextStep::Submit | NextStep::Poll) => panic!("{step:?} after {minute} minutes"),
        }
    }
    panic!("it never ended");
}

#[test]
fn a_provider_that_is_always_busy_ends_the_job_within_the_wait() {
    let (mut job, _) = placed(Provider::Bria);
    for minute in 0..120 {
        let now = NOW.plus(MINUTE * minute);
        match job.next_step(now) {
            NextStep::Submit => job = job.claim_submit(now).requeue(now.plus(MINUTE), now),
            NextStep::Fail(failure) => {
                assert_eq!(failure.code, FailureCode::ProviderUnavailable);
                assert_eq!((minute, job.attempt), (60, 0));
                return;
            }
            step @ (NextStep::Leave | NextStep::Poll | NextStep::AwaitUnknown) => {
                panic!("{step:?}")
            }
        }
    }
    panic!("it never ended");
}

#[test]
fn polls_come_at_growing_waits_and_never_sooner_than_asked() {
    let (job, _) = placed(Provider::Bria);
    let mut job = job.claim_submit(NOW).accept("request_1", NOW);
    let mut now = NOW;
    let mut waits = Vec::new();
    for _ in 0..5 {
        let due_at = job.due_at.unwrap();
        waits.push(now.until(due_at).as_secs());
        now = due_at;
        job = job.claim_poll(now).poll_later(Duration::ZERO, now);
    }
    assert_eq!(waits, [45, 30, 60, 120, 120]);

    let asked = job.clone().poll_later(MINUTE * 5, now);
    assert_eq!(asked.due_at, Some(now.plus(MINUTE * 5)));
    assert_eq!(job.poll_later(Duration::from_secs(1), now).due_at, Some(now.plus(MINUTE * 2)));
}

#[test]
fn three_unknown_answers_fail_a_request() {
    let (mut job, _) = placed(Provider::Bria);
    let mut said = 0;
    while !job.is_forgotten() {
        job = job.count_unknown();
        said += 1;
    }
    assert_eq!(said, UNKNOWN_ANSWERS_MAX);
}

#[test]
fn how_a_job_ends_whose_messages_all_failed() {
    let check = |status: Status, expected: Option<FailureCode>| {
        let (mut job, _) = placed(Provider::Bria);
        job.status = status;
        assert_eq!(job.give_up().map(|failure| failure.code), expected, "{status:?}");
    };
    check(Status::Queued, Some(FailureCode::ProviderUnavailable));
    check(Status::Submitting, Some(FailureCode::SubmitUnknown));
    check(Status::Submitted, Some(FailureCode::TimedOut));
    check(Status::Succeeded, None);
    check(Status::Failed, None);
    check(Status::Cancelled, None);
}

#[test]
fn when_a_caller_should_ask_again() {
    let check = |provider, quality, after_s: u64, expected: Option<u32>| {
        let (mut job, _) = placed(provider);
        job.quality = quality;
        assert_eq!(job.retry_after_s(NOW.plus(Duration::from_secs(after_s))), expected);
    };
    check(Provider::Studio, Quality::Standard, 0, Some(2));
    check(Provider::Studio, Quality::Lite, 9, Some(2));
    check(Provider::Bria, Quality::Lite, 0, Some(15));
    check(Provider::Bria, Quality::Standard, 0, Some(30));
    check(Provider::Bria, Quality::Standard, 25, Some(5));
    check(Provider::Bria, Quality::Standard, 500, Some(2));

    let (job, account) = placed(Provider::Studio);
    let over = job.cancel(&mut drafted(account, NOW)).unwrap();
    assert_eq!(over.retry_after_s(NOW), None);
}

#[test]
fn when_a_worker_should_look() {
    let (job, account) = placed(Provider::Bria);
    assert_eq!(job.look_in_s(NOW), Some(0));
    assert_eq!(job.look_in_s(NOW.plus(MINUTE)), Some(0), "overdue");
    let later = NOW.plus(Duration::from_millis(1_500));
    assert_eq!(job.clone().postpone(later, NOW).look_in_s(NOW), Some(2), "never too early");
    assert_eq!(job.clone().claim_submit(NOW).look_in_s(NOW), None, "a worker has it");
    let accepted = job.clone().claim_submit(NOW).accept("request_1", NOW);
    assert_eq!(accepted.look_in_s(NOW), Some(45));
    let over = job.cancel(&mut drafted(account, NOW)).unwrap();
    assert_eq!(over.look_in_s(NOW), None);
}
