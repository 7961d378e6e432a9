//! Appeals: making them, listing them, and deciding on them.
//!
//! An appeal is in its member's partition. A ruling is one transaction of the appeal, of what it
//! undoes and of the audit.

use domain::{
    Timestamp,
    account::{Account, EmailClaim, Interest, StaffError},
    appeal::{Appeal, AppealError, AppealKind, Appealed, Outcome, Ruling},
    audit::{AuditChains, AuditEntry, Target, TargetKind},
    id::{AppealId, ListingId, UserId},
    marketplace::listing::Listing,
};
use futures_util::future::try_join_all;

use crate::{
    AuditFilter, Staff,
    accounts::{begin_active_update, begin_update},
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{APPEAL_PREFIX, INDEX_SK, Item, Key, appeal_key, appeals_pk, text},
    table::Store,
    transaction::Transaction,
};

/// Most open appeals that are shown of one member.
const SHOWN_MAX: PageSize = PageSize::WHOLE;

/// A ruling that staff ask for.
#[derive(Debug, Clone, Copy)]
pub struct RulingRequest<'a> {
    /// Whether the decision stays.
    pub outcome: Outcome,
    /// The reason, shown to the member.
    pub reason: &'a str,
}

impl Store {
    /// A member's appeal of their suspension, or of the latest decision against a listing of
    /// theirs. A suspended member may do this. The same text again returns the same appeal.
    ///
    /// # Errors
    /// [`NotFound::Listing`] or [`AppealError`].
    pub async fn make_appeal(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: Option<&ListingId>,
        text: &str,
        now: Timestamp,
    ) -> Result<Appeal, StoreError> {
        let read = async || {
            let mut keys = vec![Key::account(user)];
            keys.extend(listing.map(Key::listing));
            let mut found = self.get_all(&keys).await?;
            let account = begin_update(found.next()?, user, email, now)?;
            let decision = match listing {
                None => Appealed::suspension(account.account(), now),
                Some(_) => {
                    let listing: Option<Listing> = found.next()?;
                    let own = listing.filter(|it| it.creator_id == *user);
                    Appealed::of_listing(
                        &own.ok_or_else(|| StoreError::refused(NotFound::Listing))?,
                    )
                }
            };
            let decision = decision.map_err(StoreError::refused)?;
            let new = Appeal::make(user.clone(), decision, text.to_owned(), now);
            let before: Option<Appeal> = self.get(&Key::appeal(user, &new.id)).await?;
            Ok((account, new, before))
        };
        self.update_loaded(read, |(account, new, before)| match before {
            Some(before) if before.text == new.text => Ok((Transaction::default(), before)),
            Some(_) => Err(StoreError::refused(AppealError::Appealed)),
            None => {
                let writes =
                    Transaction::default().account_update(account)?.put_versioned(None, &new)?;
                Ok((writes, Appeal { version: 1, ..new }))
            }
        })
        .await
    }

    /// A page of a member's appeals, by the time of the decision, the latest first (Q72).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn appeals(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Appeal>, StoreError> {
        let start = Cursor::parsed(after, AppealId::parse)?.map(|id| Key::appeal(user, &id));
        let appeals = self.query_desc(user, APPEAL_PREFIX, start, size).await?;
        Ok(Page::cut(appeals, size, |it: &Appeal| it.id.to_string()))
    }

    /// A member's open appeals (Q72).
    pub async fn open_appeals_of(&self, user: &UserId) -> Result<Vec<Appeal>, StoreError> {
        let mut appeals = self.appeals(user, SHOWN_MAX, None).await?.items;
        appeals.retain(|it| it.ruling.is_none());
        Ok(appeals)
    }

    /// A page of open appeals of some kinds, the oldest first (Q73).
    pub async fn open_appeals(
        &self,
        kinds: &[AppealKind],
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Appeal>, StoreError> {
        let after = after.map(|Cursor(place)| place);
        let most = size.one_more();
        let one = |kind: &AppealKind| self.listed_after(appeals_pk(*kind), after.as_deref(), most);
        let found = try_join_all(kinds.iter().map(one)).await?;
        let mut entries: Vec<Item> = found.into_iter().flatten().collect();
        let place = |it: &Item| text(it, INDEX_SK).unwrap_or_default().to_owned();
        entries.sort_by_key(place);
        let Page { items, next_cursor } = Page::cut(entries, size, place);
        let mut appeals: Vec<Appeal> = self.each(items.iter().filter_map(appeal_key)).await?;
        appeals.retain(|it| it.ruling.is_none());
        Ok(Page { items: appeals, next_cursor })
    }

    /// One appeal.
    ///
    /// # Errors
    /// [`NotFound::Appeal`].
    pub async fn appeal(&self, member: &UserId, id: &AppealId) -> Result<Appeal, StoreError> {
        let found = self.get(&Key::appeal(member, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Appeal))
    }

    /// Decides on an appeal. A repeat of the same ruling by the same person changes nothing.
    ///
    /// # Errors
    /// [`NotFound::Appeal`], [`AppealError`], when the staff member has a part in the matter or is
    /// suspended, took the decision while another one could decide, or the decision cannot be
    /// undone.
    pub async fn rule_on_appeal(
        &self,
        (staff, entry): (Staff<'_>, &AuditEntry),
        (member, id): (&UserId, &AppealId),
        asked: RulingRequest<'_>,
        now: Timestamp,
    ) -> Result<Appeal, StoreError> {
        let appeal = self.appeal(member, id).await?;
        let ruling = Ruling {
            outcome: asked.outcome,
            reason: asked.reason.to_owned(),
            at: now,
            by: staff.user_id.clone(),
        };
        let same = |it: &Ruling| Ruling { at: now, ..it.clone() } == ruling;
        if appeal.ruling.as_ref().is_some_and(same) {
            return Ok(appeal);
        }
        self.check_not_decider(&appeal, staff.user_id, now).await?;
        match appeal.decision.listing_id() {
            None => self.rule_on_suspension((staff, entry), &appeal, ruling, now).await,
            Some(listing) => {
                self.rule_on_listing((staff, entry), (&appeal, listing), ruling, now).await
            }
        }
    }

    async fn rule_on_suspension(
        &self,
        (staff, entry): (Staff<'_>, &AuditEntry),
        appeal: &Appeal,
        ruling: Ruling,
        now: Timestamp,
    ) -> Result<Appeal, StoreError> {
        let (member, outcome) = (&appeal.member_id, ruling.outcome);
        let mut keys = vec![Key::account(member), Key::appeal(member, &appeal.id)];
        keys.extend((staff.user_id != member).then(|| Key::account(staff.user_id)));
        self.update_items(&keys, |mut found| {
            let account: Option<Account> = found.next()?;
            let account = account.ok_or_else(|| StoreError::refused(NotFound::User))?;
            account.check_decidable(staff.user_id).map_err(StoreError::refused)?;
            let before: Appeal =
                found.next()?.ok_or_else(|| StoreError::refused(NotFound::Appeal))?;
            let mut acting = begin_active_update(found.next()?, staff.user_id, staff.email, now)?;
            acting.seen_as(staff.role);
            let mut after = before.clone();
            after.rule(ruling.clone(), staff.role).map_err(StoreError::refused)?;
            let is_same = account.suspended_at == before.decision.decided_at();
            let mut account = begin_update(Some(account), member, None, now)?;
            if outcome == Outcome::Reversed && is_same {
                match account.reinstate() {
                    // It has ended meanwhile.
                    Ok(()) | Err(StaffError::NotSuspended) => {}
                    Err(refused) => return Err(StoreError::refused(refused)),
                }
            }
            let entry = entry.clone().with_diff(&before.audited(), &after.audited());
            let writes = Transaction::default()
                .account_update(account)?
                .account_update(acting)?
                .replace(Some(&before), &after)?
                .audit(entry, now);
            Ok((writes, after))
        })
        .await
    }

    /// # Errors
    /// When `staff` took the appealed decision, and another one could decide on the appeal.
    async fn check_not_decider(
        &self,
        appeal: &Appeal,
        staff: &UserId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let target = match appeal.decision.listing_id() {
            Some(listing) => Target::of(TargetKind::Listing, listing),
            None => Target::user(&appeal.member_id),
        };
        let chains = AuditChains::Staff;
        let about = AuditFilter { chains, target: Some(target), ..AuditFilter::default() };
        let found = self.audit_log(&about, PageSize::WHOLE, None).await?.items;
        let mut records = found.iter().map(|it| &it.record);
        let decided = records.find(|it| appeal.decision.is_taken_by(it.entry.action, it.at));
        if decided.and_then(|it| it.entry.staff()) != Some(staff) {
            return Ok(());
        }
        match self.has_other_staff(staff, appeal.decision.judge(), now).await? {
            true => Err(StoreError::refused(Interest::Decider)),
            false => Ok(()),
        }
    }
}
