//! Payouts: each step is one transaction of the payout, the creator balance, the sales that change
//! and their journal.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    DomainError, Timestamp,
    account::{Account, AccountStatus},
    id::{PayoutId, PurchaseId, UserId},
    marketplace::{
        listing_stats::CreatorBalance,
        payee::{Payee, PayeeState},
        payout::{Payout, PayoutDecision, PayoutState, PayoutUpdate, SkipReason},
        sale::{Sale, release},
    },
    money::Currency,
};
use sha2::{Digest, Sha256};

use super::book_of;
use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{
        DUE_CREATORS, HELD_SALES, Item, Key, OPEN_PAYOUTS, OVERPAID_SALES, PAYOUT_PREFIX,
        SALE_PREFIX, SENT_PAYOUTS, due_bound, payable_pk, payout_of, sale_of, user_of, user_pk,
    },
    table::{Attempt, BatchItems, IndexPage, IndexPosition, Store},
    transaction::Committed,
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
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
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
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn release_sales(
        &self,
        creator: &UserId,
        sales: &[PurchaseId],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut keys = vec![Key::creator(creator)];
        keys.extend(sales.iter().map(|id| Key::sale(creator, id)));
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let before = book_of(creator, found.next()?);
            let sales: Vec<Sale> = found.rest()?;
            let (mut book, mut after) = (before.clone(), sales.clone());
            let journal = release(&mut book, &mut after, now).map_err(StoreError::corrupt)?;
            let moved = sales.iter().zip(&after).filter(|(was, is)| was != is).count();
            if moved == 0 {
                return Ok(Attempt::Done(0));
            }
            let writes = self
                .transaction()
                .replace(Some(&before), &book)?
                .replace_each(&sales, &after)?
                .journals(journal.as_slice())?;
            Ok(writes.commit().await?.done(moved))
        })
        .await
    }

    /// Creators that a payout run must process, after `after` (Q36).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn due_creators(
        &self,
        after: Option<&UserId>,
        most: u16,
    ) -> Result<Vec<UserId>, StoreError> {
        let due = self.listed_after(DUE_CREATORS, after.map(UserId::as_str), most).await?;
        Ok(due.iter().filter_map(user_of).collect())
    }

    /// Open payouts, oldest first (Q36).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn open_payouts(
        &self,
        after: Option<&PayoutId>,
        most: u16,
    ) -> Result<Vec<(UserId, PayoutId)>, StoreError> {
        let open = self.listed_after(OPEN_PAYOUTS, after.map(PayoutId::as_str), most).await?;
        Ok(open.iter().filter_map(payout_of).collect())
    }

    /// Sent payouts that no bank is known to have received, oldest first (Q36).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn sent_payouts(
        &self,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, PayoutId)>, StoreError> {
        self.walked(SENT_PAYOUTS, None, (after, most), payout_of).await
    }

    /// Overpaid sales (Q36).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn overpaid_sales(
        &self,
        after: Option<&PurchaseId>,
        most: u16,
    ) -> Result<Vec<(UserId, PurchaseId)>, StoreError> {
        let due = self.listed_after(OVERPAID_SALES, after.map(PurchaseId::as_str), most).await?;
        Ok(due.iter().filter_map(sale_of).collect())
    }

    /// Some of a creator's payable sales, at most [`SALES_AT_ONCE`] (Q36). The index may lag.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn payable_sales(&self, creator: &UserId) -> Result<Vec<PurchaseId>, StoreError> {
        let found = self.query_index(&payable_pk(creator), None, SALES_AT_ONCE).await?;
        Ok(found.iter().filter_map(sale_of).map(|(_, id)| id).collect())
    }

    /// Some of the sales of a payout: those of the first trip that finds any, some thousand at most
    /// (Q39).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
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
    /// [`NotFound::Payout`], or when DynamoDB is unavailable.
    pub async fn payout(&self, creator: &UserId, id: &PayoutId) -> Result<Payout, StoreError> {
        let found = self.get(&Key::payout(creator, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Payout))
    }

    /// A page of a creator's payouts, newest first (Q38).
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB is unavailable.
    pub async fn payouts(
        &self,
        creator: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Payout>, StoreError> {
        let start = after.map(|cursor| {
            PayoutId::parse(&cursor.0).map_err(|_| StoreError::refused(InvalidCursor::new()))
        });
        let start = start.transpose()?.map(|id| Key::payout(creator, &id));
        let payouts = self.query_desc(creator, PAYOUT_PREFIX, start, size).await?;
        Ok(Page::cut(payouts, size, |it: &Payout| it.id.to_string()))
    }

    /// Starts a creator's payout of the day that begins at `midnight`, if there is none (Q37). The
    /// write is conditional on what was decided on, so that a ban takes effect.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
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
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let account: Option<Account> = found.next()?;
            let barred = account.as_ref().and_then(|it| SkipReason::for_account(it, now));
            let standing = account.map_or(AccountStatus::Active, |it| it.standing);
            let book = book_of(creator, found.next()?);
            let payee: Option<Payee> = found.next()?;
            let before: Option<Payout> = found.next()?;
            if let Some(open) = &book.payout {
                return self.payout(creator, open).await.map(Begun::Open).map(Attempt::Done);
            }
            if let Some(over) = before.as_ref().filter(|it| !is_skipped(it)) {
                let done = if over.is_open() { Begun::Open } else { Begun::Over };
                return Ok(Attempt::Done(done(over.clone())));
            }
            let ready = PayeeState::of(payee.as_ref()) == PayeeState::Ready;
            let (state, mut after) = match book.plan(barred, ready) {
                PayoutDecision::Nothing => return Ok(Attempt::Done(Begun::Nothing)),
                PayoutDecision::Skip(reason) => (PayoutState::Skipped { reason }, book.clone()),
                PayoutDecision::Pay => (PayoutState::Collecting, book.clone()),
            };
            let amount = (book.payable(), Currency::USD);
            let owner = (creator.clone(), midnight.date());
            let mut payout = Payout::new(id.clone(), owner, state, amount, now);
            let mut writes = self.transaction();
            if payout.state == PayoutState::Collecting {
                payout.amount = 0;
                after.payout = Some(id.clone());
                writes = writes.standing(creator, &standing)?;
            }
            let payout = Payout { version: before.as_ref().map_or(0, |it| it.version), ..payout };
            let writes =
                writes.replace(Some(&book), &after)?.put_versioned(payout.version, &payout)?;
            match writes.commit().await? {
                Committed::Conflict(_) => Ok(Attempt::Conflict),
                Committed::Yes => {
                    let payout = Payout { version: payout.version + 1, ..payout };
                    let begun = if is_skipped(&payout) { Begun::Skipped } else { Begun::Open };
                    Ok(Attempt::Done(begun(payout)))
                }
            }
        })
        .await
    }

    /// One step of a payout: `decide` changes it, and everything that differs is written at once
    /// with its audit entries, if nothing changed meanwhile (Q37). Returns the updated payout.
    ///
    /// # Errors
    /// [`NotFound::Payout`], what `decide` refuses, or when DynamoDB is unavailable.
    pub async fn step_payout<R: DomainError>(
        &self,
        creator: &UserId,
        id: &PayoutId,
        (sales, now): (&[PurchaseId], Timestamp),
        decide: impl Fn(&mut PayoutUpdate) -> Result<(), R>,
    ) -> Result<PayoutUpdate, StoreError> {
        let mut keys = vec![Key::payout(creator, id), Key::creator(creator)];
        keys.extend(sales.iter().map(|id| Key::sale(creator, id)));
        self.retry_on_conflict(async || {
            let before = read_step(creator, self.get_all(&keys).await?)?;
            let mut after = before.clone();
            decide(&mut after).map_err(StoreError::refused)?;
            let unchanged = (&before.payout, &before.book, &before.sales);
            if unchanged == (&after.payout, &after.book, &after.sales) {
                return Ok(Attempt::Done(after));
            }
            let writes = self
                .transaction()
                .replace(Some(&before.payout), &after.payout)?
                .replace(Some(&before.book), &after.book)?
                .replace_each(&before.sales, &after.sales)?
                .journals(&after.journals)?
                .audit_all(after.payout.deeds_since(&before.payout), now);
            Ok(writes.commit().await?.done(after))
        })
        .await
    }

    /// One sale of a creator's.
    ///
    /// # Errors
    /// [`NotFound::Purchase`], or when DynamoDB is unavailable.
    pub async fn sale(&self, creator: &UserId, id: &PurchaseId) -> Result<Sale, StoreError> {
        let found = self.get(&Key::sale(creator, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Purchase))
    }
}

fn is_skipped(payout: &Payout) -> bool {
    matches!(payout.state, PayoutState::Skipped { .. })
}

fn read_step(creator: &UserId, mut found: BatchItems) -> Result<PayoutUpdate, StoreError> {
    let payout = found.next()?.ok_or_else(|| StoreError::refused(NotFound::Payout))?;
    let book: CreatorBalance = book_of(creator, found.next()?);
    Ok(PayoutUpdate::new(payout, book, found.rest()?))
}
