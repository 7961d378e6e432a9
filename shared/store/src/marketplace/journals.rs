//! Journals: written posting by posting, and folded into balances.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    id::UserId,
    marketplace::{
        journal::{Balances, Entry, Journal, Posting},
        listing_stats::CreatorBalance,
    },
    money::Currency,
};
use serde::{Deserialize, Serialize};

use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::StoreError,
    keys::{DUE_CREATORS, Item, Key, OTHER_CREATORS, SK, journal_pk, text, user_of},
    table::{Store, decode},
    transaction::{ItemKind, Transaction},
};

/// How often a journal is read again because it changed meanwhile.
const FOLDS_MAX: u32 = 5;
/// Most trips for one creator: some hundred thousand sales.
const TRIPS_MAX: u32 = 400;

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    about: String,
    at: Timestamp,
    currency: Currency,
    #[serde(flatten)]
    leg: Posting,
}

/// A creator's stored balances, and those folded from their journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// The creator.
    pub creator_id: UserId,
    /// The stored balances.
    pub kept: Balances,
    /// The balances folded from the entries.
    pub folded: Balances,
    /// The number of entries.
    pub entries: u64,
}

impl Store {
    /// A creator's journal, strongly consistent, unordered (Q40).
    ///
    /// # Errors
    /// When there is more than some hundred thousand sales, or DynamoDB is unavailable.
    pub async fn journal(&self, creator: &UserId) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        let mut start: Option<Item> = None;
        for _ in 0..TRIPS_MAX {
            // No condition on the sort key: DynamoDB refuses an empty prefix.
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(journal_pk(creator)))
                .consistent_read(true)
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            for item in answer.items.unwrap_or_default() {
                entries.push(entry(item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(entries);
            }
        }
        Err(StoreError::corrupt(format!("the journal of {creator} is too long to be folded")))
    }

    /// A creator's balance, with all journal entries. If it changes meanwhile, both are read again
    /// (Q40).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when it changed every time, or when DynamoDB is unavailable.
    pub async fn whole_journal(
        &self,
        creator: &UserId,
    ) -> Result<(CreatorBalance, Vec<Entry>), StoreError> {
        for _ in 0..FOLDS_MAX {
            let before = self.creator_book(creator).await?;
            let entries = self.journal(creator).await?;
            if self.creator_book(creator).await?.version == before.version {
                return Ok((before, entries));
            }
        }
        Err(StoreError::Busy)
    }

    /// Folds a creator's journal, and returns the result beside the stored balances.
    ///
    /// # Errors
    /// As [`Store::whole_journal`].
    pub async fn audit(&self, creator: &UserId) -> Result<Audited, StoreError> {
        let (book, entries) = self.whole_journal(creator).await?;
        let mut folded = Balances::default();
        entries.iter().for_each(|entry| folded.add(&entry.leg));
        let entries = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        Ok(Audited { creator_id: creator.clone(), kept: book.balances, folded, entries })
    }

    /// A page of creators with a balance, by id (Q36). One may appear twice while money moves; none
    /// is left out.
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB is unavailable.
    pub async fn creators(
        &self,
        size: PageSize,
        after: Option<&Cursor>,
    ) -> Result<Page<UserId>, StoreError> {
        let after = after.map(|cursor| UserId::parse(&cursor.0)).transpose();
        let after = after.map_err(|_| StoreError::refused(InvalidCursor::new()))?;
        let (after, most) = (after.as_ref().map(UserId::as_str), size.one_more());
        let (due, rest) = tokio::try_join!(
            self.listed_after(DUE_CREATORS, after, most),
            self.listed_after(OTHER_CREATORS, after, most),
        )?;
        let mut found: Vec<UserId> = due.iter().chain(&rest).filter_map(user_of).collect();
        found.sort();
        found.dedup();
        Ok(Page::cut(found, size, UserId::to_string))
    }
}

impl Transaction<'_> {
    /// Writes journals, each posting of which must be new.
    pub(crate) fn journals(self, journals: &[Journal]) -> Result<Self, StoreError> {
        let legs = journals.iter().flat_map(|it| it.legs.iter().map(move |leg| (it, leg)));
        legs.into_iter().try_fold(self, |this, (journal, leg)| {
            let key = Key::journal(&journal.creator_id, &journal.cause, leg.role);
            let (about, at) = (journal.about.clone(), journal.at);
            let line = Line { about, at, currency: journal.currency, leg: *leg };
            this.new_item(ItemKind::Journal, &key, &line)
        })
    }
}

fn entry(item: Item) -> Result<Entry, StoreError> {
    let key = text(&item, SK).unwrap_or_default().to_owned();
    let Line { about, at, currency, leg } = decode(item)?;
    let cause = key.strip_suffix(leg.role.as_str()).and_then(|it| it.strip_suffix('#'));
    let cause = cause.ok_or_else(|| StoreError::corrupt(format!("{key} is no posting")))?;
    Ok(Entry { cause: cause.to_owned(), about, at, currency, leg })
}
