//! Which change of an item states which event.
//!
//! An event is stated by the committed change itself: the item before and after. Its id is made of
//! the item and its version, so a change that is seen twice states the same event twice.

use sha2::{Digest, Sha256};

use super::event::{
    CREDITS_LOW, CreditsLow, Event, EventData, GenerationEnded, ListingFlagged, ListingReviewed,
    PayoutEnded, SaleCreated, SaleRefunded, SubscriptionChanged,
};
use crate::{
    account::Account,
    billing::{Billing, subscription::Subscription},
    generation::{Job, Status},
    id::{UserId, WebhookEventId},
    marketplace::{
        creator::{
            payout::{Payout, PayoutState},
            sale::Sale,
        },
        listing::{DraftState, DraftVersion, Listing},
        moderation::flag::{FlagSubject, Flags},
    },
    money::Money,
    time::Timestamp,
};

/// An event, and the member whose webhooks it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The event's id, sent as `webhook-id`.
    pub id: WebhookEventId,
    /// The member.
    pub user_id: UserId,
    /// The event.
    pub event: Event,
}

impl Announcement {
    fn new(
        user: &UserId,
        (subject, version): (&str, u64),
        data: EventData,
        timestamp: Timestamp,
    ) -> Announcement {
        let stated = format!("{user} {} {subject} {version}", data.event_type().as_str());
        let digest: [u8; 32] = Sha256::digest(stated).into();
        let (head, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Announcement {
            id: WebhookEventId::new(timestamp, u128::from_be_bytes(*head)),
            user_id: user.clone(),
            event: Event { data, timestamp },
        }
    }

    /// A generation has ended.
    pub fn of_job(before: Option<&Job>, job: &Job) -> Option<Announcement> {
        let (id, status) = (job.id.clone(), job.status);
        let error_code = job.failure.as_ref().map(|failure| failure.code);
        let ended = GenerationEnded { id, status, error_code };
        let data = match status {
            Status::Succeeded => EventData::GenerationSucceeded(ended),
            Status::Failed => EventData::GenerationFailed(ended),
            Status::Cancelled => EventData::GenerationCancelled(ended),
            Status::Queued | Status::Submitting | Status::Submitted => return None,
        };
        if before.is_some_and(|before| before.status.is_final()) {
            return None;
        }
        let at = job.finished_at.unwrap_or(job.updated_at);
        Some(Announcement::new(&job.user_id, (job.id.as_str(), job.version), data, at))
    }

    /// The balance has fallen below [`CREDITS_LOW`]; `at` is the time of the change.
    pub fn of_account(
        before: Option<&Account>,
        account: &Account,
        at: Timestamp,
    ) -> Option<Announcement> {
        let available = account.credits.totals().available;
        let fell = before?.credits.totals().available >= CREDITS_LOW && available < CREDITS_LOW;
        if !fell || account.credits.is_unlimited(at) {
            return None;
        }
        let data = EventData::CreditsLow(CreditsLow { available, threshold: CREDITS_LOW });
        Some(Announcement::new(&account.user_id, ("account", account.version), data, at))
    }

    /// The subscription is another than before; `at` is the time of the change.
    pub fn of_billing(
        before: Option<&Billing>,
        billing: &Billing,
        at: Timestamp,
    ) -> Option<Announcement> {
        let shown = |theirs: &Subscription| SubscriptionChanged {
            plan: theirs.plan,
            status: theirs.status,
            cancel_at_period_end: theirs.cancel_at_period_end,
            period_ends_at: theirs.period.ends_at,
        };
        let theirs = shown(billing.subscription.as_ref()?);
        if before.and_then(|before| before.subscription.as_ref()).map(shown) == Some(theirs.clone())
        {
            return None;
        }
        let data = EventData::SubscriptionChanged(theirs);
        Some(Announcement::new(&billing.user_id, ("billing", billing.version), data, at))
    }

    /// A sale was made, or money of it went back; `at` is the time of the change.
    pub fn of_sale(before: Option<&Sale>, sale: &Sale, at: Timestamp) -> Option<Announcement> {
        let money = |amount| Money { amount, currency: sale.currency };
        let (purchase_id, listing_id) = (sale.purchase_id.clone(), sale.listing_id.clone());
        let (data, at) = match before.map(|before| before.kept.gross - sale.kept.gross) {
            None => {
                let (gross, net) = (money(sale.sold.gross), money(sale.sold.net));
                let sold = SaleCreated { purchase_id, listing_id, gross, net };
                (EventData::SaleCreated(sold), sale.sold_at)
            }
            Some(returned) if returned > 0 => {
                let (refunded, net) = (money(returned), money(sale.kept.net));
                let refunded = SaleRefunded { purchase_id, listing_id, refunded, net };
                (EventData::SaleRefunded(refunded), at)
            }
            Some(_) => return None,
        };
        let subject = (sale.purchase_id.as_str(), sale.version);
        Some(Announcement::new(&sale.creator_id, subject, data, at))
    }

    /// A payout reached the bank, or failed; `at` is the time of the change.
    pub fn of_payout(
        before: Option<&Payout>,
        payout: &Payout,
        at: Timestamp,
    ) -> Option<Announcement> {
        let was = before.map(|before| &before.state);
        let (id, amount) = (payout.id.clone(), payout.amount);
        let amount = Money { amount, currency: payout.currency };
        let data = match &payout.state {
            PayoutState::Paid if was != Some(&PayoutState::Paid) => {
                EventData::PayoutPaid(PayoutEnded { id, amount, error_code: None })
            }
            PayoutState::Failed { code }
                if !was.is_some_and(|was| matches!(was, PayoutState::Failed { .. })) =>
            {
                EventData::PayoutFailed(PayoutEnded { id, amount, error_code: Some(code.clone()) })
            }
            PayoutState::Paid
            | PayoutState::Failed { .. }
            | PayoutState::Skipped { .. }
            | PayoutState::Collecting
            | PayoutState::Planned
            | PayoutState::Sending
            | PayoutState::Sent
            | PayoutState::Reopened { .. } => return None,
        };
        let subject = (payout.id.as_str(), payout.version);
        Some(Announcement::new(&payout.creator_id, subject, data, at))
    }

    /// A moderator approved or rejected a version.
    pub fn of_listing(before: Option<&Listing>, listing: &Listing) -> Option<Announcement> {
        let id = listing.id.clone();
        let (data, at) = if let Some((number, at)) = approved(listing)
            && before.and_then(approved) != Some((number, at))
        {
            let reviewed = ListingReviewed { id, version: number, reason: None };
            (EventData::ListingApproved(reviewed), at)
        } else if let Some((number, reason, at)) = rejected(listing)
            && before.and_then(rejected) != Some((number, reason, at))
        {
            let reviewed = ListingReviewed { id, version: number, reason: Some(reason.to_owned()) };
            (EventData::ListingRejected(reviewed), at)
        } else {
            return None;
        };
        let subject = (listing.id.as_str(), listing.version);
        Some(Announcement::new(&listing.creator_id, subject, data, at))
    }

    /// Enough members reported a listing.
    pub fn of_flags(before: Option<&Flags>, flags: &Flags) -> Option<Announcement> {
        let at = flags.due_since?;
        if before.is_some_and(|before| before.due_since.is_some()) {
            return None;
        }
        let FlagSubject::Listing { listing_id } = &flags.subject else { return None };
        let data = EventData::ListingFlagged(ListingFlagged { id: listing_id.clone() });
        let subject = (listing_id.as_str(), flags.version);
        Some(Announcement::new(flags.creator_id.as_ref()?, subject, data, at))
    }
}

/// The version on sale, and when it was approved.
fn approved(listing: &Listing) -> Option<(u32, Timestamp)> {
    listing.published.as_ref().map(|published| (published.number, published.published_at))
}

/// The version that was rejected, why and when.
fn rejected(listing: &Listing) -> Option<(u32, &str, Timestamp)> {
    match listing.draft.as_ref()? {
        DraftVersion { number, state: DraftState::Rejected { reason, rejected_at } } => {
            Some((*number, reason, *rejected_at))
        }
        DraftVersion {
            state:
                DraftState::Draft
                | DraftState::Preparing { .. }
                | DraftState::PreparationFailed { .. }
                | DraftState::Pending { .. },
            ..
        } => None,
    }
}
