//! Keys of accounts, and of what is counted or remembered for a member.

use domain::{
    account::{Account, AccountStatus, api_key::KeyDigest},
    appeal::{Appeal, AppealKind},
    billing::top_up::TopUpState,
    id::{ApiKeyId, AppealId, PresetId, UserId},
};

use super::{IndexKey, Item, Key, SK, text, user_of};

pub(crate) const LEDGER_PREFIX: &str = "LEDGER#";
pub(crate) const API_KEY_PREFIX: &str = "KEY#";
pub(crate) const PRESET_PREFIX: &str = "PRESET#";
pub(crate) const PERSON_PREFIX: &str = "PERSON#";
pub(crate) const APPEAL_PREFIX: &str = "APPEAL#";
pub(crate) const IDEMPOTENCY_PREFIX: &str = "IDEM#";
pub(crate) const ACCOUNT: &str = "ACCOUNT";
/// Index partition of accounts that need a pack, or are being charged for one.
pub(crate) const TOP_UPS: &str = "TOPUPS";
/// Index partition of accounts with a due status change.
pub(crate) const STANDINGS: &str = "STANDINGS";

impl Key {
    pub(crate) fn account(user: &UserId) -> Key {
        Key::of(user, ACCOUNT.to_owned())
    }

    pub(crate) fn person(user: &UserId, facet: &str) -> Key {
        Key::of(user, format!("{PERSON_PREFIX}{facet}"))
    }

    pub(crate) fn appeal(member: &UserId, appeal: &AppealId) -> Key {
        Key::of(member, format!("{APPEAL_PREFIX}{appeal}"))
    }

    pub(crate) fn ledger(user: &UserId, seq: u64) -> Key {
        Key::of(user, format!("{LEDGER_PREFIX}{seq:012}"))
    }

    pub(crate) fn preset(user: &UserId, preset: &PresetId) -> Key {
        Key::of(user, format!("{PRESET_PREFIX}{preset}"))
    }

    pub(crate) fn api_key(user: &UserId, key: &ApiKeyId) -> Key {
        Key::of(user, format!("{API_KEY_PREFIX}{key}"))
    }

    pub(crate) fn key_access(digest: &KeyDigest) -> Key {
        Key { pk: format!("KEY#{digest}"), sk: "ACCESS".to_owned() }
    }

    pub(crate) fn idempotency(user: &UserId, key: &str) -> Key {
        Key::of(user, format!("{IDEMPOTENCY_PREFIX}{key}"))
    }

    pub(crate) fn rate(what: &str, window: i64) -> Key {
        Key { pk: format!("RATE#{what}"), sk: window.to_string() }
    }
}

/// An account is in the index while its status change is due; otherwise, while its top-up needs
/// action. Due top-ups come first: they wait for us, the others for Stripe. Nothing is bought for a
/// suspended member.
pub(crate) fn account_index(account: &Account) -> Option<IndexKey> {
    if let Some(due_at) = account.standing_due {
        return Some((STANDINGS.to_owned(), format!("{due_at}#{}", account.user_id)));
    }
    if account.standing != AccountStatus::Active {
        return None;
    }
    let rank = match &account.top_up.as_ref()?.state {
        TopUpState::Due { since } => since.to_string(),
        TopUpState::Charging { order } => order.to_string(),
        TopUpState::Armed | TopUpState::Paused { .. } => return None,
    };
    Some((TOP_UPS.to_owned(), format!("{rank}#{}", account.user_id)))
}

/// Index partition of open appeals.
pub(crate) const fn appeals_pk(kind: AppealKind) -> &'static str {
    match kind {
        AppealKind::Suspension => "APPEALS#MEMBER",
        AppealKind::Listing => "APPEALS#LISTING",
    }
}

/// An appeal is in the index while it is open.
pub(crate) fn appeal_index(appeal: &Appeal) -> Option<IndexKey> {
    let partition = appeals_pk(appeal.decision.kind());
    let sk = format!("{}#{}", appeal.created_at, appeal.id);
    appeal.ruling.is_none().then(|| (partition.to_owned(), sk))
}

/// The key of the appeal of an index entry.
pub(crate) fn appeal_key(item: &Item) -> Option<Key> {
    let id = text(item, SK)?.strip_prefix(APPEAL_PREFIX)?;
    Some(Key::appeal(&user_of(item)?, &AppealId::parse(id).ok()?))
}

/// Whether a sort key is an account's.
pub(crate) fn is_account(sk: &str) -> bool {
    sk == ACCOUNT
}
