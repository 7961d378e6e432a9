//! Webhooks: which change states which event, the retry schedule, and when a webhook is disabled.

use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::json;

use super::{
    announcement::Announcement,
    delivery::{
        Attempt, AttemptError, Delivery, DeliveryFailure, DeliveryState, LOG_KEPT,
        MESSAGE_LOST_AFTER, RETRY_WAITS, retry_table,
    },
    endpoint::{
        DisabledReason, FAILING_MAX, SECRET_OVERLAP, SigningSecret, WEBHOOKS_MAX, Webhook,
        WebhookSettings, WebhookStatus, Webhooks,
    },
    event::{CREDITS_LOW, Event, EventData, EventType, ListingFlagged},
};
use crate::{
    DomainError,
    account::{Account, AccountStatus},
    credits::LotId,
    id::{ListingId, UserId, WebhookEventId, WebhookId},
    marketplace::moderation::flag::{FLAGS_TO_REVIEW, Flag, FlagReason, FlagSubject, Flags},
    time::{DAY, Timestamp},
};

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn settings() -> WebhookSettings {
    WebhookSettings {
        url: "https://example.com/hook".to_owned(),
        description: None,
        events: [EventType::GenerationSucceeded].into(),
    }
}

fn webhook(number: u128) -> Webhook {
    let secret = SigningSecret::new(format!("whsec_{number}"));
    Webhook::new(WebhookId::new(NOW, number), settings(), secret, NOW)
}

fn delivery() -> Delivery {
    let data = EventData::ListingFlagged(ListingFlagged { id: ListingId::new(NOW, 1) });
    let to = (user("kim"), WebhookId::new(NOW, 1));
    Delivery::new(to, WebhookEventId::new(NOW, 1), &Event { data, timestamp: NOW }, NOW)
}

fn answered(status: u16) -> Attempt {
    Attempt {
        at: NOW,
        duration_ms: 12,
        response_status: Some(status),
        response_excerpt: None,
        error: None,
    }
}

fn silent() -> Attempt {
    Attempt { response_status: None, error: Some(AttemptError::TimedOut), ..answered(200) }
}

#[test]
fn the_schedule_is_ten_attempts_in_three_days() {
    expect!["1 min, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h"].assert_eq(&retry_table());
    let (mut delivery, mut now, mut waits) = (delivery(), NOW, Vec::new());
    loop {
        assert!(delivery.is_queued());
        delivery.record(silent(), None, now);
        let Some(due_at) = delivery.due_at else { break };
        assert_eq!(delivery.delivery_state, DeliveryState::Waiting);
        assert_eq!(delivery.look_at(), Some(due_at));
        waits.push(now.until(due_at));
        now = due_at;
        delivery.queue(now);
    }
    assert_eq!(waits, RETRY_WAITS);
    assert_eq!((delivery.attempts, delivery.look_at()), (10, None));
    assert_eq!(delivery.failure, Some(DeliveryFailure::AttemptsExhausted));
    assert!(NOW.until(now) < LOG_KEPT, "it is in the log until it has ended");
}

#[test]
fn only_2xx_is_a_success() {
    let check = |attempt: Attempt, expected: DeliveryState| {
        let mut delivery = delivery();
        let about = format!("{attempt:?}");
        delivery.record(attempt, None, NOW);
        assert_eq!(delivery.delivery_state, expected, "{about}");
    };
    for status in [200, 202, 204, 299] {
        check(answered(status), DeliveryState::Delivered);
    }
    for status in [199, 300, 301, 302, 308, 400, 404, 429, 500, 503] {
        check(answered(status), DeliveryState::Waiting);
    }
    check(silent(), DeliveryState::Waiting);
    check(answered(410), DeliveryState::Failed);
}

#[test]
fn a_webhook_is_disabled_at_once_by_410_and_by_a_day_of_failures() {
    let reason = |webhook: &Webhook| webhook.disabled.map(|it| it.reason);
    let mut gone = webhook(1);
    delivery().record(answered(410), Some(&mut gone), NOW);
    assert_eq!(reason(&gone), Some(DisabledReason::Gone));

    let mut failing = webhook(2);
    let almost = NOW.plus(FAILING_MAX - Duration::from_millis(1));
    for now in [NOW, NOW.plus(FAILING_MAX / 2), almost] {
        delivery().record(silent(), Some(&mut failing), now);
        assert_eq!(reason(&failing), None);
    }
    let mut recovered = failing.clone();
    delivery().record(answered(500), Some(&mut failing), NOW.plus(FAILING_MAX));
    assert_eq!(reason(&failing), Some(DisabledReason::Failing));

    delivery().record(answered(200), Some(&mut recovered), almost);
    delivery().record(answered(500), Some(&mut recovered), NOW.plus(FAILING_MAX));
    assert_eq!(reason(&recovered), None, "a success in between counts");

    failing.change(settings(), Some(WebhookStatus::Enabled), NOW.plus(FAILING_MAX * 2));
    delivery().record(answered(500), Some(&mut failing), NOW.plus(FAILING_MAX * 2));
    assert_eq!(reason(&failing), None, "enabling it forgets its failures");
}

#[test]
fn a_delivery_is_asked_for_again_once_it_has_ended() {
    let mut delivery = delivery();
    let refused = |delivery: &Delivery| delivery.clone().redeliver(NOW).unwrap_err().code();
    assert_eq!(refused(&delivery), "delivery_in_progress");
    assert_eq!(delivery.look_at(), Some(NOW.plus(MESSAGE_LOST_AFTER)), "its message may be lost");
    delivery.record(silent(), None, NOW);
    assert_eq!(refused(&delivery), "delivery_in_progress");
    delivery.fail(DeliveryFailure::WebhookDisabled);
    delivery.redeliver(NOW.plus(DAY)).unwrap();
    assert!(delivery.is_queued());
    assert_eq!((delivery.attempts, delivery.failures, delivery.failure), (1, 0, None));
    delivery.record(answered(204), None, NOW);
    delivery.redeliver(NOW.plus(DAY)).unwrap();
    assert!(delivery.is_queued(), "also if it was delivered");
}

#[test]
fn nothing_is_sent_for_a_member_who_may_not_act_or_to_a_disabled_webhook() {
    let (delivery, enabled, mut disabled) = (delivery(), webhook(1), webhook(1));
    disabled.change(settings(), Some(WebhookStatus::Disabled), NOW);
    let account = Account::open(user("kim"), NOW);
    let suspended = AccountStatus::Suspended { reason: "spam".to_owned(), until: None };
    let banned = Account { standing: suspended, ..account.clone() };
    let check = |account: Option<&Account>, webhook: Option<&Webhook>, expected| {
        let receiver = delivery.receiver(account, webhook, NOW);
        assert_eq!(receiver.map(|webhook| webhook.id.clone()), expected);
    };
    check(Some(&account), Some(&enabled), Ok(enabled.id.clone()));
    check(Some(&account), Some(&disabled), Err(DeliveryFailure::WebhookDisabled));
    check(Some(&account), None, Err(DeliveryFailure::WebhookDisabled));
    check(Some(&banned), Some(&enabled), Err(DeliveryFailure::MemberInactive));
    check(None, Some(&enabled), Err(DeliveryFailure::MemberInactive));
}

#[test]
fn the_previous_secret_signs_for_a_day() {
    let secrets = |webhook: &Webhook, now| {
        webhook.secrets(now).into_iter().map(|it| it.expose().to_owned()).collect::<Vec<_>>()
    };
    let mut webhook = webhook(1);
    assert_eq!(secrets(&webhook, NOW), ["whsec_1"]);
    webhook.rotate(SigningSecret::new("whsec_2".to_owned()), NOW);
    assert_eq!(secrets(&webhook, NOW), ["whsec_2", "whsec_1"]);
    assert_eq!(secrets(&webhook, NOW.plus(SECRET_OVERLAP)), ["whsec_2"]);
    webhook.rotate(SigningSecret::new("whsec_3".to_owned()), NOW);
    assert_eq!(secrets(&webhook, NOW), ["whsec_3", "whsec_2"]);
    assert!(!format!("{webhook:?}").contains("whsec_"));
}

#[test]
fn settings_have_limits() {
    let check = |change: fn(&mut WebhookSettings), expected: Expect| {
        let mut settings = settings();
        change(&mut settings);
        let fields = settings.validate().map_or_else(|e| e.to_string(), |()| "fine".to_owned());
        expected.assert_eq(&fields);
    };
    check(|_| {}, expect!["fine"]);
    check(|it| it.url = "x".repeat(501), expect!["/url: at most 500 bytes"]);
    check(|it| it.events.clear(), expect!["/events: at least one type of event"]);
    check(
        |it| it.events = [EventType::Test].into(),
        expect!["/events: webhook.test is sent only on request"],
    );
    check(
        |it| it.description = Some(" ".to_owned()),
        expect!["/description: 1 to 200 visible characters"],
    );
    let mut webhooks = Webhooks::none(user("kim"));
    for number in 0..WEBHOOKS_MAX {
        webhooks.add(webhook(u128::try_from(number).unwrap())).unwrap();
    }
    assert_eq!(webhooks.add(webhook(99)).unwrap_err().code(), "too_many_webhooks");
    let wanting = |event| webhooks.wanting(event).count();
    assert_eq!(wanting(EventType::GenerationSucceeded), WEBHOOKS_MAX);
    assert_eq!(wanting(EventType::GenerationFailed), 0);
}

#[test]
fn every_type_has_one_name_on_the_wire() {
    for event in EventType::ALL {
        assert_eq!(json!(event), event.as_str());
        assert_eq!(event.can_be_wanted(), event.as_str() != "webhook.test");
    }
    let body = delivery().body;
    expect![[r#"{"data":{"id":"lst_01M7Q5CQG00000000000000001"},"timestamp":"2026-11-18T11:06:40.000Z","type":"listing.flagged"}"#]]
        .assert_eq(&body);
}

/// An account with this many credits, at this version.
fn account(available: u32, version: u64) -> Account {
    let mut update = Account::open(user("kim"), NOW).begin_update(NOW).unwrap();
    update.add_pack(LotId("lot".to_owned()), 1_000).unwrap();
    let spare = update.account().credits.totals().available - available;
    for part in 0..spare.div_ceil(100) {
        let credits = 100.min(spare - part * 100);
        let cause = format!("job {part}");
        let hold = update.start_job(&cause, credits).unwrap();
        update.capture_job(&cause, &hold).unwrap();
    }
    Account { version, ..update.finish().account }
}

#[test]
fn low_credits_are_announced_when_the_balance_falls_below_the_threshold() {
    let check = |before: u32, after: u32, expected: bool| {
        let (before, after) = (account(before, 7), account(after, 8));
        let announced = Announcement::of_account(Some(&before), &after, NOW);
        assert_eq!(announced.is_some(), expected);
    };
    check(CREDITS_LOW, CREDITS_LOW - 1, true);
    check(100, 0, true);
    check(CREDITS_LOW + 1, CREDITS_LOW, false);
    check(CREDITS_LOW - 1, CREDITS_LOW - 2, false);
    check(0, 100, false);
    assert_eq!(Announcement::of_account(None, &account(1, 1), NOW), None);
}

#[test]
fn the_same_change_states_the_same_event_and_another_one_another() {
    let id = |version| {
        Announcement::of_account(Some(&account(9, 1)), &account(1, version), NOW).unwrap().id
    };
    assert_eq!(id(2), id(2));
    assert_ne!(id(2), id(3));
}

#[test]
fn reports_are_announced_once_a_moderator_is_needed() {
    let mut flags = Flags::none(FlagSubject::Listing { listing_id: ListingId::new(NOW, 1) });
    let mut announced = Vec::new();
    for number in 0..FLAGS_TO_REVIEW + 1 {
        let before = flags.clone();
        let user_id = user(&format!("member-{number}"));
        flags.add(Flag { user_id, reason: FlagReason::Spam, text: None, at: NOW }, 1);
        flags.creator_id = Some(user("ada"));
        announced.extend(Announcement::of_flags(Some(&before), &flags));
    }
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0].user_id, user("ada"));
    let old = Flags { creator_id: None, ..flags };
    assert_eq!(Announcement::of_flags(None, &old), None, "an old item does not say whose it is");
}
