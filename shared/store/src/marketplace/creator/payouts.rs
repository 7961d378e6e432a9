//! Payouts: each step is one transaction of the payout, the creator balance, the sales that change
//! and their journal.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    account::{Account, AccountStatus},
    id::{PayoutId, PurchaseId, UserId},
    marketplace::creator::{
        balance::CreatorBalance,
        payee::{Payee, PayeeState},
        payout::{Payout, PayoutDecision, PayoutState, SkipReason, update::PayoutUpdate},
        sale::{Sale, release},
    },
    money::Currency,
};
use sha2::{Digest, Sha256};

use crate::{
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    idempotency::Created,
    keys::{
        DUE_CREATORS, HELD_SALES, Item, Key, OPEN_PAYOUTS, OVERPAID_SALES, PAYOUT_PREFIX,
        SALE_PREFIX, SENT_PAYOUTS, due_bound, payable_pk, payout_of, sale_of, user_of, user_pk,
    },
    marketplace::book_of,
    table::{BatchItems, IndexPage, IndexPosition, Store},
    transaction::Transaction,
    update::{Aggregate, Decided, Writes},
    versioned::Versioned,
};

/// Most sales of one transaction, beside the payout, the balance and four postings.
pub const SALES_AT_ONCE: u16 = 80;

/// The result of starting a creator's payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// There is nothing to pay and nothing to report.
    Nothing,
    /// Nothing is paid, for the reason in the payout.
    Skipped(Payout),
    /// To be advanced; it may be another day's.
    Open(Payout),
    /// The day's payout is already finished.
    Over(Payout),
}

/// The id of a creator's payout for the day that begins at `midnight`: deterministic.
pub fn payout_id(creator: &UserId, midnight: Timestamp) -> PayoutId {
    let mut half = [0; 16];
    half.copy_from_slice(&Sha256::digest(creator.as_str())[..16]);
    PayoutId::new(midnight, u128::from_be_bytes(half))
}

impl Store {
    /// Sales whose hold has ended, oldest first (Q36).
    pub async fn due_sales(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, PurchaseId)>, StoreError> {
        self.walked(HELD_SALES, Some(due_bound(now)), (after, most), sale_of).await
    }

    /// Makes some of a creator's sales payable, at most [`SALES_AT_ONCE`]; those still on hold or
    /// already payable are left as they are. Returns how many changed.
    pub async fn release_sales(
        &self,
        creator: &UserId,
        sales: &[PurchaseId],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut keys = vec![Key::creator(creator)];
        keys.extend(sales.iter().map(|id| Key::sale(creator, id)));
        self.update_items(&keys, |mut found| {
            let before = book_of(creator, found.next()?);
            let sales: Vec<Sale> = found.rest()?;
            let (mut book, mut after) = (before.clone(), sales.clone());
            let journal = release(&mut book, &mut after, now).map_err(StoreError::corrupt)?;
            let moved = sales.iter().zip(&after).filter(|(was, is)| was != is).count();
            if moved == 0 {
                return Ok((Transaction::default(), 0));
            }
            let writes = Transaction::default()
                .replace(Some(&before), &book)?
                .replace_each(&sales, &after)?
                .journals(journal.as_slice())?;
            Ok((writes, moved))
        })
        .await
    }

    /// Creators that a payout run must process (Q36).
    pub async fn due_creators(
        &self,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<UserId>, StoreError> {
        self.walked(DUE_CREATORS, None, (after, most), user_of).await
    }

    /// Open payouts, oldest first (Q36).
    pub async fn open_payouts(
        &self,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, PayoutId)>, StoreError> {
        self.walked(OPEN_PAYOUTS, None, (after, most), payout_of).await
    }

    /// Sent payouts of days that began before `before`, and that no bank is known to have received,
    /// oldest first (Q36).
    pub async fn sent_payouts(
        &self,
        before: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, PayoutId)>, StoreError> {
        // The id of a payout begins with its day.
        let bound = Some(PayoutId::new(before, 0).to_string());
        self.walked(SENT_PAYOUTS, bound, (after, most), payout_of).await
    }

    /// Overpaid sales (Q36).
    pub async fn overpaid_sales(
        &self,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, PurchaseId)>, StoreError> {
        self.walked(OVERPAID_SALES, None, (after, most), sale_of).await
    }

    /// Some of a creator's payable sales, at most [`SALES_AT_ONCE`] (Q36). The index may lag.
    pub async fn payable_sales(&self, creator: &UserId) -> Result<Vec<PurchaseId>, StoreError> {
        let found = self.query_index(&payable_pk(creator), SALES_AT_ONCE).await?;
        Ok(found.iter().filter_map(sale_of).map(|(_, id)| id).collect())
    }

    /// Some of the sales of a payout: those of the first trip that finds any, some thousand at most
    /// (Q39).
    pub async fn sales_in(&self, payout: &Payout) -> Result<Vec<PurchaseId>, StoreError> {
        let mut start: Option<Item> = None;
        loop {
            let query = self.newest_first(user_pk(&payout.creator_id), SALE_PREFIX);
            let id = AttributeValue::S(payout.id.to_string());
            let answer = query
                .consistent_read(true)
                .filter_expression("payout_id = :payout")
                .expression_attribute_values(":payout", id)
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            let page = answer.items.unwrap_or_default();
            start = answer.last_evaluated_key;
            if !page.is_empty() || start.is_none() {
                return Ok(page.iter().filter_map(sale_of).map(|(_, id)| id).collect());
            }
        }
    }

    /// One payout of a creator's.
    ///
    /// # Errors
    /// [`NotFound::Payout`].
    pub async fn payout(&self, creator: &UserId, id: &PayoutId) -> Result<Payout, StoreError> {
        let found = self.get(&Key::payout(creator, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Payout))
    }

    /// A page of a creator's payouts, newest first (Q38).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn payouts(
        &self,
        creator: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Payout>, StoreError> {
        let start = Cursor::parsed(after, PayoutId::parse)?.map(|id| Key::payout(creator, &id));
        let payouts = self.query_desc(creator, PAYOUT_PREFIX, start, size).await?;
        Ok(Page::cut(payouts, size, |it: &Payout| it.id.to_string()))
    }

    /// Starts a creator's payout of the day that begins at `midnight`, if there is none (Q37). The
    /// write is conditional on what was decided on, so that a ban takes effect.
    pub async fn begin_payout(
        &self,
        creator: &UserId,
        midnight: Timestamp,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let id = payout_id(creator, midnight);
        let keys = [
            Key::account(creator),
            Key::creator(creator),
            Key::payee(creator),
            Key::payout(creator, &id),
        ];
        let begin = |mut found: BatchItems| {
            let account: Option<Account> = found.next()?;
            let barred = account.as_ref().and_then(|it| SkipReason::for_account(it, now));
            let standing = account.map_or(AccountStatus::Active, |it| it.standing);
            let book = book_of(creator, found.next()?);
            let payee: Option<Payee> = found.next()?;
            let before: Option<Payout> = found.next()?;
            let nothing = |begun| Ok((Transaction::default(), begun));
            if let Some(open) = &book.payout {
                return nothing(Created::Before(open.clone()));
            }
            if let Some(over) = before.as_ref().filter(|it| !is_skipped(it)) {
                let done = if over.is_open() { Begun::Open } else { Begun::Over };
                return nothing(Created::New(done(over.clone())));
            }
            let ready = PayeeState::of(payee.as_ref()) == PayeeState::Ready;
            let (mut writes, mut after) = (Transaction::default(), book.clone());
            let (state, amount) = match book.plan(barred, ready) {
                PayoutDecision::Nothing => return nothing(Created::New(Begun::Nothing)),
                PayoutDecision::Skip(reason) => (PayoutState::Skipped { reason }, book.payable()),
                PayoutDecision::Pay => {
                    after.payout = Some(id.clone());
                    writes = writes.standing(creator, &standing)?;
                    (PayoutState::Collecting, 0)
                }
            };
            let owner = (creator.clone(), midnight.date());
            let payout = Payout::new(id.clone(), owner, state, (amount, Currency::USD), now);
            let version = before.as_ref().map_or(0, |it| it.version);
            let writes =
                writes.replace(Some(&book), &after)?.put_versioned(before.as_ref(), &payout)?;
            let begun = if is_skipped(&payout) { Begun::Skipped } else { Begun::Open };
            Ok((writes, Created::New(begun(payout.with_version(version + 1)))))
        };
        match self.update_items(&keys, begin).await? {
            Created::New(begun) => Ok(begun),
            Created::Before(open) => self.payout(creator, &open).await.map(Begun::Open),
        }
    }

    /// Opens a payout that the table has lost, to which a transfer at Stripe belongs, under its own
    /// id. `None` if the creator has an open payout, or this one is stored as sent. The
    /// creator's status does not matter: the money was sent.
    pub async fn open_lost_payout(
        &self,
        creator: &UserId,
        id: &PayoutId,
        sent_at: Timestamp,
    ) -> Result<Option<Payout>, StoreError> {
        let keys = [Key::creator(creator), Key::payout(creator, id)];
        self.update_items(&keys, |mut found| {
            let book = book_of(creator, found.next()?);
            let before: Option<Payout> = found.next()?;
            let is_unsent = |it: &Payout| is_skipped(it) || is_reopened(it);
            if book.payout.is_some() || before.as_ref().is_some_and(|it| !is_unsent(it)) {
                return Ok((Transaction::default(), None));
            }
            let (owner, state) = ((creator.clone(), sent_at.date()), PayoutState::Collecting);
            let payout = Payout::new(id.clone(), owner, state, (0, Currency::USD), sent_at);
            // A part of the cause of its journals: those of the first time stay.
            let batches = before.as_ref().map_or(0, |it| it.batches);
            let payout = Payout { batches, ..payout };
            let after = CreatorBalance { payout: Some(id.clone()), ..book.clone() };
            let version = before.as_ref().map_or(0, |it| it.version);
            let writes = Transaction::default().replace(Some(&book), &after)?;
            let writes = writes.put_versioned(before.as_ref(), &payout)?;
            Ok((writes, Some(payout.with_version(version + 1))))
        })
        .await
    }

    /// One step of a payout: `decide` changes it, and everything that differs is written at once
    /// with its audit entries, if nothing changed meanwhile (Q37). Returns the updated payout.
    ///
    /// # Errors
    /// [`NotFound::Payout`] or what `decide` refuses.
    pub async fn step_payout<D: Decided<Value = ()>>(
        &self,
        creator: &UserId,
        id: &PayoutId,
        (sales, now): (&[PurchaseId], Timestamp),
        decide: impl Fn(&mut PayoutUpdate) -> D,
    ) -> Result<PayoutUpdate, StoreError> {
        let (written, ()) = self.update(PayoutKey { creator, id, sales, now }, decide).await?;
        Ok(written)
    }

    /// One sale of a creator's.
    ///
    /// # Errors
    /// [`NotFound::Purchase`].
    pub async fn sale(&self, creator: &UserId, id: &PurchaseId) -> Result<Sale, StoreError> {
        let found = self.get(&Key::sale(creator, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Purchase))
    }
}

fn is_skipped(payout: &Payout) -> bool {
    matches!(payout.state, PayoutState::Skipped { .. })
}

fn is_reopened(payout: &Payout) -> bool {
    matches!(payout.state, PayoutState::Reopened { .. })
}

/// What a payout update is read by.
pub(crate) struct PayoutKey<'a> {
    creator: &'a UserId,
    id: &'a PayoutId,
    sales: &'a [PurchaseId],
    now: Timestamp,
}

impl Aggregate for PayoutUpdate {
    type Key<'a> = PayoutKey<'a>;
    type Written = PayoutUpdate;

    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError> {
        let creator = key.creator;
        let mut keys = vec![Key::payout(creator, key.id), Key::creator(creator)];
        keys.extend(key.sales.iter().map(|id| Key::sale(creator, id)));
        let mut found = store.get_all(&keys).await?;
        let payout = found.next()?.ok_or_else(|| StoreError::refused(NotFound::Payout))?;
        let book = book_of(creator, found.next()?);
        Ok(PayoutUpdate::new(payout, book, found.rest()?))
    }

    fn diff(self, before: Self, key: &Self::Key<'_>) -> Result<Writes<Self>, StoreError> {
        let was = (&before.payout, &before.book, &before.sales);
        if was == (&self.payout, &self.book, &self.sales) {
            return Ok((Transaction::default(), self));
        }
        let writes = Transaction::default()
            .replace(Some(&before.payout), &self.payout)?
            .replace(Some(&before.book), &self.book)?
            .replace_each(&before.sales, &self.sales)?
            .journals(&self.journals)?
            .audit_all(self.payout.audit_entries_since(&before.payout), key.now);
        Ok((writes, self))
    }
}
