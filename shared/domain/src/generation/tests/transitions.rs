//! The transitions of a job.

use expect_test::expect;

use super::*;
use crate::{DomainError, error::ErrorKind};

/// A Bria job in each status, and its account.
fn in_status(status: Status) -> (Job, Account) {
    let (job, account) = placed(Provider::Bria);
    let begun = |job: Job| job.claim_submit(NOW);
    let mut update = drafted(account, NOW);
    let job = match status {
        Status::Queued => job,
        Status::Submitting => begun(job),
        Status::Submitted => begun(job).accept("request_1", NOW),
        Status::Succeeded => begun(job).succeed(&mut update, stored()).unwrap(),
        Status::Failed => begun(job).fail(&mut update, blocked()).unwrap(),
        Status::Cancelled => job.cancel(&mut update).unwrap(),
    };
    assert_eq!(job.status, status);
    (job, update.finish().account)
}

/// The state of a job and its charge.
fn outcome<R: DomainError>(result: Result<Job, R>) -> String {
    match result {
        Ok(job) => {
            let charge = serde_json::to_value(job.charge.state).unwrap();
            format!("{}, {}", job.status.into_str(), charge.as_str().unwrap())
        }
        Err(refused) => format!("refused: {}", refused.code()),
    }
}

#[test]
fn what_ends_a_job_in_each_status() {
    let mut table = String::new();
    for status in Status::ALL {
        let (job, account) = in_status(status);
        let update = || drafted(account.clone(), NOW);
        let cancelled = outcome(job.clone().cancel(&mut update()));
        let succeeded = outcome(job.clone().succeed(&mut update(), stored()));
        let failed = outcome(job.fail(&mut update(), blocked()));
        table += &format!(
            "{}:\n    cancel -> {cancelled}\n    image  -> {succeeded}\n    fail   -> {failed}\n",
            status.into_str()
        );
    }
    expect![[r#"
        queued:
            cancel -> cancelled, released
            image  -> succeeded, captured
            fail   -> failed, released
        submitting:
            cancel -> refused: generation_already_submitted
            image  -> succeeded, captured
            fail   -> failed, released
        submitted:
            cancel -> refused: generation_already_submitted
            image  -> succeeded, captured
            fail   -> failed, released
        succeeded:
            cancel -> refused: generation_finished
            image  -> refused: ledger_broken
            fail   -> refused: ledger_broken
        failed:
            cancel -> refused: generation_finished
            image  -> refused: ledger_broken
            fail   -> refused: ledger_broken
        cancelled:
            cancel -> refused: generation_finished
            image  -> refused: ledger_broken
            fail   -> refused: ledger_broken
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_refused_end_leaves_the_account_alone() {
    for status in [Status::Succeeded, Status::Failed, Status::Cancelled] {
        let (job, account) = in_status(status);
        // Another job of the same lot is open: its hold must not pay for a second end of this one.
        let mut update = drafted(account, NOW);
        update.start_job("another", 1).unwrap();
        let before = update.account().clone();
        job.clone().cancel(&mut update).unwrap_err();
        job.clone().succeed(&mut update, stored()).unwrap_err();
        job.fail(&mut update, blocked()).unwrap_err();
        assert_eq!(update.account(), &before, "{status:?}");
    }
}

#[test]
fn what_moves_an_open_job() {
    let later = NOW.plus(MINUTE * 3);
    let mut table = String::new();
    let mut row = |event: &str, job: &Job, moved: Job| {
        assert_eq!(moved.version, job.version + 1, "{event} fences");
        assert_eq!(moved.updated_at, later, "{event}");
        assert_eq!((&moved.charge, moved.finished_at), (&job.charge, None), "{event}");
        let in_s = |at: Option<Timestamp>| at.map_or(0, |at| later.secs_until(at));
        table += &format!(
            "{:<10} {event:<13} -> {:<10} attempt {} polls {} due {:>3} s, leased {:>3} s\n",
            job.status.into_str(),
            moved.status.into_str(),
            moved.attempt,
            moved.polls,
            in_s(moved.due_at),
            in_s(moved.lease_until),
        );
    };
    let (queued, _) = in_status(Status::Queued);
    row("claim_submit", &queued, queued.clone().claim_submit(later));
    row("postpone", &queued, queued.clone().postpone(later.plus(MINUTE), later));
    row("wait_for_turn", &queued, queued.clone().wait_for_turn(later.plus(MINUTE), later));

    let (submitting, _) = in_status(Status::Submitting);
    row("claim_submit", &submitting, submitting.clone().claim_submit(later));
    row("requeue", &submitting, submitting.clone().requeue(later.plus(MINUTE), later));
    row("await_unknown", &submitting, submitting.clone().await_unknown(later));
    row("accept", &submitting, submitting.clone().accept("request_1", later));
    row("signal", &submitting, submitting.clone().signal("request_1", later));

    let (submitted, _) = in_status(Status::Submitted);
    row("signal", &submitted, submitted.clone().signal("request_1", later));
    row("postpone", &submitted, submitted.clone().postpone(later.plus(MINUTE), later));
    row("claim_poll", &submitted, submitted.clone().claim_poll(later));
    row("poll_later", &submitted, submitted.clone().poll_later(Duration::ZERO, later));
    expect![[r#"
    queued     claim_submit  -> submitting attempt 1 polls 0 due 240 s, leased 240 s
    queued     postpone      -> queued     attempt 0 polls 0 due  60 s, leased   0 s
    queued     wait_for_turn -> queued     attempt 0 polls 0 due  60 s, leased   0 s
    submitting claim_submit  -> submitting attempt 2 polls 0 due 240 s, leased 240 s
    submitting requeue       -> queued     attempt 0 polls 0 due  60 s, leased   0 s
    submitting await_unknown -> submitting attempt 1 polls 0 due 420 s, leased   0 s
    submitting accept        -> submitted  attempt 1 polls 0 due  45 s, leased   0 s
    submitting signal        -> submitted  attempt 1 polls 0 due   0 s, leased   0 s
    submitted  signal        -> submitted  attempt 1 polls 0 due   0 s, leased   0 s
    submitted  postpone      -> submitted  attempt 1 polls 0 due  60 s, leased   0 s
    submitted  claim_poll    -> submitted  attempt 1 polls 1 due 240 s, leased 240 s
    submitted  poll_later    -> submitted  attempt 1 polls 0 due  45 s, leased   0 s
"#]]
    .assert_eq(&table);
}

#[test]
fn a_request_is_named_by_the_answer_or_by_the_webhook() {
    let (job, _) = in_status(Status::Submitting);
    assert_eq!(job.request_id, None);
    for named in [job.clone().accept("request_1", NOW), job.signal("request_1", NOW)] {
        assert_eq!(named.request_id.as_deref(), Some("request_1"));
        assert_eq!(named.submitted_at, Some(NOW));
    }
}

#[test]
fn the_submit_timeout_runs_from_the_first_submit_that_may_have_arrived() {
    let (job, _) = in_status(Status::Submitting);
    let again = job.clone().claim_submit(NOW.plus(MINUTE * 5));
    assert_eq!(again.started_at, Some(NOW));
    let refused = job.requeue(NOW.plus(MINUTE), NOW);
    assert_eq!(refused.started_at, None, "a clean refusal is no submit");
    let anew = refused.claim_submit(NOW.plus(MINUTE));
    assert_eq!((anew.started_at, anew.attempt), (Some(NOW.plus(MINUTE)), 1));
}

#[test]
fn a_webhook_does_not_restart_the_provider_timeout() {
    let (job, _) = in_status(Status::Submitted);
    let late = NOW.plus(PROVIDER_WAIT_MAX);
    let noticed = job.signal("request_1", late.minus(MINUTE));
    assert_eq!(noticed.submitted_at, Some(NOW));
    assert!(!noticed.is_overdue(late.minus(Duration::from_millis(1))));
    assert!(noticed.is_overdue(late));
}

#[test]
fn a_finished_image_waits_for_its_host_as_long_as_the_provider_keeps_it() {
    let (job, account) = in_status(Status::Submitted);
    let first = NOW.plus(MINUTE);
    let waiting = job.clone().claim_poll(first).withhold(first);
    assert_eq!((waiting.status, waiting.request_id), (Status::Submitted, job.request_id));
    assert_eq!(waiting.due_at, Some(first.plus(RESULT_WAIT)));
    assert_eq!((waiting.lease_until, waiting.charge.state), (None, ChargeState::Held));

    let (job, _) = in_status(Status::Submitted);
    let later = NOW.plus(PROVIDER_WAIT_MAX * 2);
    let again = job.withhold(first).claim_poll(later).withhold(later);
    assert_eq!(again.withheld_since, Some(first), "since the first look");
    assert_eq!(again.retry_after_s(later), Some(300), "no caller needs to ask sooner");
    assert!(!again.is_overdue(NOW.plus(RESULT_KEPT).minus(Duration::from_millis(1))));
    assert!(again.is_overdue(NOW.plus(RESULT_KEPT)));

    let done = again.succeed(&mut drafted(account, later), stored()).unwrap();
    assert_eq!(done.withheld_since, None);
}

#[test]
fn why_a_generation_is_not_cancelled() {
    let mut messages = String::new();
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Queued) {
        let (job, account) = in_status(status);
        let refused = job.clone().cancel(&mut drafted(account, NOW)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        let mut members = refused.extensions();
        assert_eq!(
            members.pop(),
            Some(("charge", serde_json::json!(ChargeView::from(job.charge))))
        );
        let over = status.is_final().then(|| ("generation_status", serde_json::json!(status)));
        assert_eq!(members.pop(), over);
        messages += &format!("{refused}\n");
    }
    expect![[r#"
        The provider has this generation and cannot be stopped.
        If an image arrives it costs 1 credit, nothing if it fails.
        The provider has this generation and cannot be stopped.
        If an image arrives it costs 1 credit, nothing if it fails.
        This generation is over already: succeeded.
        This generation is over already: failed.
        This generation is over already: cancelled.
    "#]]
    .assert_eq(&messages.replace(". ", ".\n"));
}

#[test]
fn a_suspended_member_cancels_nothing() {
    let (job, account) = in_status(Status::Queued);
    let standing =
        crate::account::AccountStatus::Suspended { reason: "fraud".to_owned(), until: None };
    let refused = job.cancel(&mut drafted(Account { standing, ..account }, NOW)).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "account_suspended"));
}

#[test]
fn an_end_is_written_on_the_job() {
    let (job, account) = in_status(Status::Submitted);
    let later = NOW.plus(MINUTE);
    let mut update = drafted(account.clone(), later);
    let done = job.clone().succeed(&mut update, stored()).unwrap();
    assert_eq!((done.image.as_ref(), done.failure.as_ref()), (Some(&stored()), None));
    assert_eq!((done.finished_at, done.due_at, done.lease_until), (Some(later), None, None));
    assert_eq!((update.account().open_jobs, update.account().credits.totals().spent), (0, 1));

    let mut update = drafted(account, later);
    let lost = job.fail(&mut update, blocked()).unwrap();
    assert_eq!((lost.image.as_ref(), lost.failure.as_ref()), (None, Some(&blocked())));
    assert_eq!((lost.finished_at, lost.due_at), (Some(later), None));
    let totals = update.account().credits.totals();
    assert_eq!((update.account().open_jobs, totals.held, totals.available), (0, 0, 10));
}

#[test]
fn a_provider_message_is_truncated_to_the_limit() {
    let failure = Failure::new(FailureCode::ProviderRejected, &"ä".repeat(1_000));
    assert_eq!(failure.message.chars().count(), Failure::MESSAGE_CHARS_MAX);
}

#[test]
fn a_job_survives_the_table() {
    for status in Status::ALL {
        let (job, _) = in_status(status);
        let value = serde_json::to_value(&job).unwrap();
        assert_eq!(value["status"], status.into_str());
        assert_eq!(value.get("due_at").is_some(), !status.is_final());
        assert_eq!(serde_json::from_value::<Job>(value).unwrap(), job);
    }
}

/// A turn is for one call in its minute.
#[test]
fn a_turn_is_used_once_and_only_in_its_minute() {
    let begins = NOW.floor_to(MINUTE).plus(MINUTE * 5);
    let turn_at = begins.plus(Duration::from_secs(10));
    let (queued, account) = in_status(Status::Queued);
    let (submitted, _) = in_status(Status::Submitted);
    for job in [&queued, &submitted] {
        let waiting = job.clone().wait_for_turn(turn_at, NOW);
        assert_eq!(waiting.due_at, Some(turn_at));
        for (at_s, has) in [(0, false), (9, false), (10, true), (59, true), (60, false)] {
            assert_eq!(waiting.has_turn(begins.plus(Duration::from_secs(at_s))), has, "{at_s}");
        }
        assert!(!waiting.clone().claim_submit(turn_at).has_turn(turn_at));
        assert!(!waiting.clone().claim_poll(turn_at).has_turn(turn_at));
        assert!(!waiting.postpone(turn_at, NOW).has_turn(turn_at));
    }
    let far = queued.clone().wait_for_turn(turn_at.plus(MINUTE * 30), NOW);
    assert_eq!(far.due_at, Some(NOW.plus(MINUTE * 15)), "no message is delayed for longer");
    let waiting = queued.wait_for_turn(turn_at, NOW);
    let seconds = |job: &Job| turn_at.secs_until(job.expected_at());
    assert_eq!((waiting.queued_until(), seconds(&waiting)), (Some(turn_at), 30));
    let late = waiting.clone().claim_submit(turn_at.plus(MINUTE));
    assert_eq!((late.queued_until(), seconds(&late)), (None, 90), "from its start on");
    assert_eq!(submitted.wait_for_turn(turn_at, NOW).queued_until(), None, "it has begun");
    let cancelled = waiting.cancel(&mut drafted(account, NOW)).unwrap();
    assert_eq!(cancelled.turn_at, None);
}

/// Items of an earlier release have another name for the start.
#[test]
fn an_older_job_says_when_it_started() {
    let (job, _) = in_status(Status::Submitted);
    let mut stored = serde_json::to_value(&job).unwrap();
    let fields = stored.as_object_mut().unwrap();
    let started_at = fields.remove("started_at").unwrap();
    fields.insert("submit_began_at".to_owned(), started_at);
    assert_eq!(serde_json::from_value::<Job>(stored).unwrap(), job);
}

#[test]
fn the_time_of_a_job_never_goes_back() {
    let (job, _) = in_status(Status::Submitted);
    let later = job.poll_later(MINUTE, NOW.plus(MINUTE));
    assert_eq!(later.clone().signal("request_1", NOW).updated_at, NOW.plus(MINUTE));
}
