//! Rulings on appeals of decisions against a listing.

use domain::{
    DomainError, Timestamp,
    account::Account,
    appeal::{Appeal, Appealed, Outcome, Ruling},
    audit::AuditEntry,
    id::ListingId,
    marketplace::{
        listing::{model::ModelClaim, revision::Revision},
        moderation::strike::Seller,
    },
};

use super::{Basis, Moderation, ModerationKey};
use crate::{
    Staff,
    accounts::begin_update,
    error::{NotFound, StoreError},
    keys::Key,
    marketplace::{listing::update::ListingUpdate, strikes_of},
    table::Store,
    transaction::Transaction,
    update::Aggregate,
};

impl Store {
    /// Decides on an appeal: appeal, listing, strikes and the creator's right to sell change in one
    /// transaction, with the audit. [`Store::sync_visibility`] then shows what a withdrawn strike
    /// had hidden. A listing that its creator has deleted cannot come back: such an appeal can only
    /// be upheld.
    pub(crate) async fn rule_on_listing(
        &self,
        (staff, entry): (Staff<'_>, &AuditEntry),
        (appeal, id): (&Appeal, &ListingId),
        ruling: Ruling,
        now: Timestamp,
    ) -> Result<Appeal, StoreError> {
        let key = ModerationKey { entry, id, basis: Basis::Strikes, now };
        let read = async || {
            let case = match Moderation::load(self, &key).await {
                Err(StoreError::Refused(gone)) if ends_without(&*gone, ruling.outcome) => {
                    Err(self.get(&Key::account(staff.user_id)).await?)
                }
                loaded => Ok(loaded?),
            };
            let claim = match case.as_ref().ok().and_then(|case| sold_of(&case.update)) {
                Some(sold) => self.model_claim(sold).await?,
                None => ModelClaim::default(),
            };
            let before: Option<Appeal> =
                self.get(&Key::appeal(&appeal.member_id, &appeal.id)).await?;
            let before = before.ok_or_else(|| StoreError::refused(NotFound::Appeal))?;
            Ok((case, claim, before))
        };
        type Case = Result<Moderation, Option<Account>>;
        let rule = |(case, claim, before): (Case, ModelClaim, Appeal)| {
            let mut after = before.clone();
            after.rule(ruling.clone(), staff.role).map_err(StoreError::refused)?;
            let entry = entry.clone().with_diff(&before.audited(), &after.audited());
            let acting = case.as_ref().map_or_else(Option::as_ref, |case| case.acting.as_ref());
            let writes = Transaction::default()
                .acting(staff.user_id, acting)?
                .replace(Some(&before), &after)?
                .audit(entry, now);
            let writes = match case {
                Ok(case)
                    if ruling.outcome == Outcome::Reversed
                        && before.decision.is_in_effect(&case.update.listing) =>
                {
                    writes.undone(case, &before.decision, &claim, now)?
                }
                Ok(_) | Err(_) => writes,
            };
            Ok((writes, after))
        };
        self.update_loaded(read, rule).await
    }
}

/// Whether a ruling is made although its listing is `gone`.
fn ends_without(gone: &dyn DomainError, outcome: Outcome) -> bool {
    outcome == Outcome::Upheld && gone.code() == NotFound::Listing.code()
}

/// The version that is or was on sale.
fn sold_of(update: &ListingUpdate) -> Option<&Revision> {
    let number = update.listing.published.as_ref()?.number;
    std::iter::once(&update.newest).chain(&update.on_sale).find(|it| it.number == number)
}

impl Transaction {
    /// Undoes a decision against a listing.
    fn undone(
        self,
        case: Moderation,
        decision: &Appealed,
        claim: &ModelClaim,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let Moderation { update: before, strikes, .. } = case;
        let (mut after, creator) = (before.clone(), before.listing.creator_id.clone());
        let strikes = strikes_of(&creator, strikes);
        let mut counted = strikes.clone();
        let undone = match decision {
            Appealed::Suspension { .. } => Ok(()),
            Appealed::Rejection { .. } => after.listing.reconsider(now),
            Appealed::Delisting { listing_id, decided_at } => {
                counted.withdraw(listing_id, *decided_at, now);
                match sold_of(&before) {
                    Some(sold) => after.listing.relist(sold, claim, now),
                    None => Ok(()),
                }
            }
        };
        undone.map_err(StoreError::refused)?;
        let this = if counted == strikes {
            self.seller(&creator, &Seller::from(&before.creator))?
        } else {
            let mut account = begin_update(Some(before.creator.clone()), &creator, None, now)?;
            account.suspend_selling(counted.suspend_until(now));
            after.creator = account.account().clone();
            self.account_update(account)?.replace(Some(&strikes), &counted)?
        };
        Ok(after.changes(&before, this, now)?.0)
    }
}
