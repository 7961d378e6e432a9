//! What an [`AccountUpdate`] can change: generations, plans, packs, and debt.

use super::{
    AccountChange, AccountError, AccountUpdate, DIRECTORY_FORMAT, Deletion, EmailClaim,
    PRESETS_MAX, Profile, Usage,
};
use crate::{
    account::Account,
    billing::{
        follow_up::{FollowUp, FollowUpTask},
        top_up::{TopUp, TopUpSettings},
    },
    credits::{
        Hold, InsufficientCredits, LedgerError, LotAllocation, LotId, LotSize, LotSource, LotTerms,
        Movement,
    },
    plan::{Allowance, PAST_DUE_GRACE, Plan},
    time::{Period, Timestamp},
};

impl AccountUpdate {
    /// The account as changed so far.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The time of the update.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// # Errors
    /// When the member is suspended.
    pub fn require_active(&self) -> Result<(), AccountError> {
        self.account.require_active(self.now)
    }

    /// Sets until when strikes suspend the member's selling.
    pub fn suspend_selling(&mut self, until: Option<Timestamp>) {
        self.account.selling_suspended_until = until;
    }

    /// Takes one of the plan's slots for an open generation and holds its credits.
    ///
    /// # Errors
    /// When the member is suspended, has too many open generations, or has too few credits (on
    /// Free, because the address is not verified); checked in that order.
    pub fn start_job(&mut self, cause: &str, credits: u32) -> Result<Hold, AccountError> {
        self.require_active()?;
        let max = self.account.concurrency_max();
        if self.account.open_jobs >= max {
            return Err(AccountError::TooManyRunning { open: self.account.open_jobs, max });
        }
        let Some(shares) = self.account.credits.choose(credits, self.now) else {
            if self.account.plan == Plan::Free {
                self.account.require_verified_email("the free credits of a month")?;
            }
            return Err(AccountError::Credits(InsufficientCredits {
                needed: credits,
                available: self.account.credits.totals().available,
                debt: self.account.credits.debt,
                next_grant_at: self.account.next_grant(self.now).map(|next| next.at),
            }));
        };
        self.post(cause, Movement::Hold { shares: shares.clone() })?;
        self.account.open_jobs += 1;
        Ok(Hold { shares })
    }

    /// Ends a generation that produced an image: its hold is captured.
    ///
    /// # Errors
    /// When the hold is not open.
    pub fn capture_job(&mut self, cause: &str, hold: &Hold) -> Result<(), LedgerError> {
        self.post(cause, Movement::Capture { shares: hold.shares.clone() })?;
        self.account.usage.count(hold.credits(), self.now);
        self.end_job();
        Ok(())
    }

    /// Ends a generation that produced no image: its hold is released to its lots. Credits whose
    /// lot has ended meanwhile expire at once; the rest repays debt.
    ///
    /// # Errors
    /// When the hold is not open.
    pub fn release_job(&mut self, cause: &str, hold: &Hold) -> Result<(), LedgerError> {
        self.post(cause, Movement::Release { shares: hold.shares.clone() })?;
        self.end_job();
        self.expire()?;
        self.repay()
    }

    /// Begins a paid period of a plan: what is left of the previous plan expires, and a lot is
    /// granted under the business key `lot`. A period older than the current one arrived late: it
    /// is granted, so that the ledger shows what was paid for, and expires at once.
    ///
    /// # Errors
    /// When that lot was already granted.
    pub fn begin_period(
        &mut self,
        plan: Plan,
        lot: LotId,
        period: Period,
    ) -> Result<(), LedgerError> {
        if self.account.paid_period.is_some_and(|known| known.starts_at > period.starts_at) {
            return self.miss_period(plan, lot, period);
        }
        if self.account.credits.lots.iter().any(|open| open.terms.id == lot) {
            return Err(LedgerError::new(format!("the period of {} has already begun", lot.0)));
        }
        let ends_at = period.ends_at.plus(PAST_DUE_GRACE);
        self.end_plan_lots()?;
        self.account.plan = plan;
        self.account.paid_period = Some(period);
        self.account.plan_ends_at = Some(ends_at);
        self.account.renews_as = None;
        self.account.usage = Usage::since(period.starts_at);
        self.grant(plan, lot, ends_at)?;
        self.expire()?;
        self.repay()
    }

    /// Grants a paid period that is already over: it expires at once.
    ///
    /// # Errors
    /// When that lot was already granted.
    pub fn miss_period(
        &mut self,
        plan: Plan,
        lot: LotId,
        period: Period,
    ) -> Result<(), LedgerError> {
        let ends_at = period.ends_at.plus(PAST_DUE_GRACE);
        self.grant(plan, lot.clone(), ends_at)?;
        if ends_at > self.now {
            self.post(&lot.0.clone(), Movement::End { lot })?;
        }
        self.expire()
    }

    /// Sets the end of a paid plan to `end`; ends it now if `end` has passed.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn keep_plan_until(&mut self, end: Timestamp) -> Result<(), LedgerError> {
        if self.account.plan == Plan::Free {
            return Ok(());
        }
        self.account.plan_ends_at = Some(end);
        self.downgrade_if_unpaid()
    }

    /// Sets the plan as which the paid plan renews, if a change is scheduled.
    pub fn renew_as(&mut self, plan: Option<Plan>) {
        self.account.renews_as = plan.filter(|_| self.account.plan != Plan::Free);
    }

    /// Ends a paid plan now: what is left of it expires, and Free begins.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn end_plan(&mut self) -> Result<(), LedgerError> {
        if self.account.plan == Plan::Free {
            return Ok(());
        }
        self.end_plan_lots()?;
        self.account.plan = Plan::Free;
        self.account.plan_ends_at = None;
        self.account.renews_as = None;
        self.account.usage = Usage::since(self.now);
        self.grant_free_period()?;
        self.repay()
    }

    /// Grants credits that were bought as a pack; they never expire. Returns the lot that holds
    /// them.
    ///
    /// # Errors
    /// When that lot was already granted.
    pub fn add_pack(&mut self, lot: LotId, credits: u32) -> Result<LotId, LedgerError> {
        let (source, size) = (LotSource::Purchase, LotSize::Credits(credits));
        self.add(LotTerms { id: lot, source, size, expires_at: None })
    }

    /// Grants credits as a reward; they expire at `ends_at`. Returns the lot that holds them.
    ///
    /// # Errors
    /// When that lot was already granted.
    pub fn add_promo(
        &mut self,
        lot: LotId,
        credits: u32,
        ends_at: Timestamp,
    ) -> Result<LotId, LedgerError> {
        let (source, size) = (LotSource::Promo, LotSize::Credits(credits));
        self.add(LotTerms { id: lot, source, size, expires_at: Some(ends_at) })
    }

    /// Takes back credits whose payment was refunded or disputed: what is left of their lot is
    /// revoked, and the rest becomes debt.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn take_back(&mut self, cause: &str, lot: &LotId, credits: u32) -> Result<(), LedgerError> {
        let left = self.take_what_is_left(cause, lot, credits)?;
        if left < credits {
            self.post(cause, Movement::Owe { credits: credits - left })?;
        }
        self.repay()
    }

    /// Ends a plan period whose payment was taken back: what is left of its lot is revoked, what is
    /// released to it later expires, and no debt arises. Returns what was left, which
    /// [`AccountUpdate::resume_period`] gives back. The plan itself follows its subscription.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn end_period(&mut self, cause: &str, lot: &LotId) -> Result<LotSize, LedgerError> {
        let left = self.account.credits.left_of(lot, self.now);
        if let LotSize::Credits(credits @ 1..) = left {
            let shares = vec![LotAllocation { lot: lot.clone(), credits }];
            self.post(cause, Movement::Revoke { shares })?;
        }
        if self.account.credits.is_live(lot, self.now) {
            self.post(cause, Movement::End { lot: lot.clone() })?;
        }
        Ok(left)
    }

    /// Gives back what [`AccountUpdate::end_period`] took from `lot`, as a new lot until the
    /// period's end. Returns that lot; `None` if another period has begun or the plan is over,
    /// because the credits would have expired by now.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn resume_period(
        &mut self,
        (plan, period): (Plan, Period),
        lot: &LotId,
        size: LotSize,
    ) -> Result<Option<LotId>, LedgerError> {
        if self.account.plan != plan || self.account.paid_period != Some(period) {
            return Ok(None);
        }
        let id = LotId(format!("{}:returned:{}", lot.0, self.account.credits.ledger_seq + 1));
        self.open_period(id.clone(), size, period.ends_at.plus(PAST_DUE_GRACE))?;
        self.repay()?;
        Ok(Some(id))
    }

    /// Revokes at most `credits` of what is left of a lot, without debt. Returns how many it
    /// revoked.
    fn take_what_is_left(
        &mut self,
        cause: &str,
        lot: &LotId,
        credits: u32,
    ) -> Result<u32, LedgerError> {
        let credits = match self.account.credits.left_of(lot, self.now) {
            LotSize::Credits(left) => credits.min(left),
            LotSize::Unlimited => 0,
        };
        if credits > 0 {
            let shares = vec![LotAllocation { lot: lot.clone(), credits }];
            self.post(cause, Movement::Revoke { shares })?;
        }
        Ok(credits)
    }

    /// Gives back what was taken from `lot`: forgives outstanding debt first, grants the rest as a
    /// new lot.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn give_back(&mut self, cause: &str, lot: &LotId, credits: u32) -> Result<(), LedgerError> {
        let forgiven = credits.min(self.account.credits.debt);
        if forgiven > 0 {
            self.post(cause, Movement::Forgive { credits: forgiven })?;
        }
        if forgiven < credits {
            let nth = self.account.credits.ledger_seq + 1;
            let id = LotId(format!("{}:returned:{nth}", lot.0));
            self.add_pack(id, credits - forgiven)?;
        }
        Ok(())
    }

    /// Changes the state of automatic top-up, if the member has set it up.
    pub fn change_top_up(&mut self, change: impl FnOnce(&mut TopUp, Timestamp)) {
        if let Some(top_up) = &mut self.account.top_up {
            change(top_up, self.now);
        }
    }

    /// Sets which packs automatic top-up buys from now on; `None` turns it off.
    pub fn allow_top_up(&mut self, settings: Option<TopUpSettings>) {
        let now = self.now;
        if settings.is_some() || self.account.top_up.is_some() {
            self.account.top_up.get_or_insert_with(|| TopUp::new(now)).allow(settings);
        }
    }

    /// Records the member's request to be deleted and turns automatic top-up off. A repeated
    /// request keeps the first one's time.
    pub fn request_deletion(&mut self) {
        let requested_at = self.now;
        self.account.deletion.get_or_insert(Deletion { requested_at, erased_at: None });
        self.allow_top_up(None);
    }

    /// Removes the member's personal data. Credits granted, spent and owed stay.
    pub fn erase(&mut self) {
        let account = &mut self.account;
        account.email = None;
        account.profile = Profile::default();
        account.role = None;
        account.presets = 0;
        account.api_keys = 0;
        if let Some(deletion) = &mut account.deletion {
            deletion.erased_at.get_or_insert(self.now);
        }
    }

    /// Reopens an account that was deleted long enough ago, when its member signs in again. It
    /// keeps its balance, so that no month is granted twice.
    pub fn reopen(&mut self) {
        if self.account.deletion.is_some_and(|deletion| deletion.is_over(self.now)) {
            self.account.deletion = None;
        }
    }

    /// Replaces the profile, unless the account is deleted.
    pub fn describe(&mut self, profile: Profile) {
        if self.account.deletion.is_none() {
            self.account.profile = profile;
        }
    }

    /// Applies the token's e-mail claim, unless the account is deleted. A token without an address
    /// keeps the known address.
    pub(super) fn take_over(&mut self, claim: EmailClaim<'_>) {
        if self.account.deletion.is_some() {
            return;
        }
        if let Some(address) = claim.address {
            self.account.email = Some(address.to_owned());
            self.account.email_unverified = !claim.is_verified;
        } else if self.account.email.is_none() {
            self.account.email_unverified = true;
        }
    }

    /// Records that the member has created a listing.
    pub fn creates(&mut self) {
        self.account.creates = true;
    }

    /// Counts one more preset.
    ///
    /// # Errors
    /// When the member is suspended or has [`PRESETS_MAX`] presets.
    pub fn add_preset(&mut self) -> Result<(), AccountError> {
        self.require_active()?;
        if self.account.presets >= PRESETS_MAX {
            return Err(AccountError::TooManyPresets);
        }
        self.account.presets += 1;
        Ok(())
    }

    /// Counts one preset less.
    ///
    /// # Errors
    /// When the member is suspended.
    pub fn drop_preset(&mut self) -> Result<(), AccountError> {
        self.require_active()?;
        self.account.presets = self.account.presets.saturating_sub(1);
        Ok(())
    }

    /// Whether the account differs from what was read.
    pub fn is_changed(&self) -> bool {
        self.account.version == 0 || self.account != self.before
    }

    /// Finishes the update. If the balance is now below the member's threshold, a top-up becomes
    /// due.
    pub fn finish(mut self) -> AccountChange {
        if let Some(top_up) = &mut self.account.top_up {
            top_up.watch(&self.account.credits, self.now);
        }
        if let Some(last) = self.entries.last() {
            self.account.ledger_at = Some(last.at);
        }
        let expected_version = self.before.version;
        self.account.version = expected_version + 1;
        self.account.directory = DIRECTORY_FORMAT;
        let (account, before, entries) = (self.account, self.before, self.entries);
        let follow_ups = follow_ups(&before, &account, self.now);
        AccountChange { account, before, expected_version, entries, follow_ups }
    }

    fn end_job(&mut self) {
        self.account.open_jobs = self.account.open_jobs.saturating_sub(1);
    }

    pub(super) fn post(&mut self, cause: &str, movement: Movement) -> Result<(), LedgerError> {
        self.entries.push(self.account.credits.post(cause, movement, self.now)?);
        Ok(())
    }

    pub(super) fn expire(&mut self) -> Result<(), LedgerError> {
        for share in self.account.credits.expiring(self.now) {
            let cause = share.lot.0.clone();
            self.post(&cause, Movement::Expire { shares: vec![share] })?;
        }
        Ok(())
    }

    /// The Free plan grants once per calendar month, counted from the account's creation, if the
    /// address is verified. Months without a visit are not granted later: their credits would have
    /// expired.
    pub(super) fn grant_free_period(&mut self) -> Result<(), LedgerError> {
        let is_due = self.account.free_grant_at().is_some_and(|due_at| due_at <= self.now);
        if !is_due {
            return Ok(());
        }
        let anchor = self.account.created_at;
        let period = anchor.months_until(self.now);
        let (begins, ends) = (anchor.plus_months(period), anchor.plus_months(period + 1));
        self.account.granted_until = ends;
        self.account.usage = Usage::since(begins);
        self.grant(Plan::Free, LotId(format!("free:{begins}")), ends)
    }

    /// Ends a paid plan whose time is over, on whichever update comes first.
    pub(super) fn downgrade_if_unpaid(&mut self) -> Result<(), LedgerError> {
        match self.account.plan_ends_at {
            Some(end) if end <= self.now => self.end_plan(),
            Some(_) | None => Ok(()),
        }
    }

    fn end_plan_lots(&mut self) -> Result<(), LedgerError> {
        let now = self.now;
        let lots = self.account.credits.lots.iter();
        let live = lots.filter(|lot| lot.terms.source == LotSource::Plan && !lot.is_expired(now));
        let ids: Vec<LotId> = live.map(|lot| lot.terms.id.clone()).collect();
        for lot in ids {
            self.post(&lot.0.clone(), Movement::End { lot })?;
        }
        self.expire()
    }

    pub(super) fn repay(&mut self) -> Result<(), LedgerError> {
        let shares = self.account.credits.repayable(self.now);
        if shares.is_empty() {
            return Ok(());
        }
        self.post("debt", Movement::Repay { shares })
    }

    fn grant(&mut self, plan: Plan, id: LotId, ends_at: Timestamp) -> Result<(), LedgerError> {
        let size = match self.account.allowance(plan) {
            Allowance::Credits(credits) => LotSize::Credits(credits),
            Allowance::Unlimited => LotSize::Unlimited,
        };
        self.open_period(id, size, ends_at)
    }

    /// Each period of a plan is a lot of its own.
    fn open_period(
        &mut self,
        id: LotId,
        size: LotSize,
        ends_at: Timestamp,
    ) -> Result<(), LedgerError> {
        let lot = LotTerms { id, source: LotSource::Plan, size, expires_at: Some(ends_at) };
        self.post(&lot.id.0.clone(), Movement::Grant { lot, into: None })
    }

    /// Grants credits into the open lot of the same source and end, or as a new lot, and repays
    /// debt. Returns the lot that holds them.
    pub(super) fn add(&mut self, lot: LotTerms) -> Result<LotId, LedgerError> {
        let into = self.account.credits.open_lot_for(&lot, self.now).cloned();
        let (id, cause) = (into.as_ref().unwrap_or(&lot.id).clone(), lot.id.0.clone());
        self.post(&cause, Movement::Grant { lot, into })?;
        self.repay()?;
        Ok(id)
    }
}

/// The tasks that follow from a change of an account.
fn follow_ups(before: &Account, after: &Account, now: Timestamp) -> Vec<FollowUp> {
    let mut tasks = Vec::new();
    if after.standing.is_for_good() && !before.standing.is_for_good() {
        tasks.push(FollowUpTask::StopRenewal);
    }
    // A new account has no customer yet; it will be created with the address of that time.
    if before.version > 0 && after.email.is_some() && after.email != before.email {
        tasks.push(FollowUpTask::UpdateCustomer);
    }
    let noted = |task| FollowUp::new(after.user_id.clone(), task, now);
    tasks.into_iter().map(noted).collect()
}
