//! Journals: written posting by posting, and folded into balances.

use domain::{
    Timestamp,
    id::UserId,
    marketplace::creator::{
        balance::CreatorBalance,
        journal::{Balances, Entry, Journal, Posting},
    },
    metrics::Fact,
    money::Currency,
};
use serde::{Deserialize, Serialize};

use crate::{
    cursor::{Cursor, Page, PageSize},
    error::StoreError,
    keys::{DUE_CREATORS, Item, Key, OTHER_CREATORS, SK, cause_of, journal_pk, text, user_of},
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
        let items = self.all_of(journal_pk(creator), TRIPS_MAX).await?;
        items.into_iter().map(entry_of).collect()
    }

    /// A creator's balance, with all journal entries. If it changes meanwhile, both are read again
    /// (Q40).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when it changed every time.
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
    /// [`crate::InvalidCursor`].
    pub async fn creators(
        &self,
        size: PageSize,
        after: Option<&Cursor>,
    ) -> Result<Page<UserId>, StoreError> {
        let after = Cursor::parsed(after.cloned(), UserId::parse)?;
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

impl Transaction {
    /// Writes journals, each posting of which must be new, with the facts that they state.
    pub(crate) fn journals(self, journals: &[Journal]) -> Result<Self, StoreError> {
        let entries = journals.iter().flat_map(|it| it.entries().map(move |entry| (it, entry)));
        let facts = entries.filter_map(|(it, entry)| Fact::of_leg(&it.creator_id, &entry));
        let this = self.facts(&facts.collect::<Vec<Fact>>())?;
        let legs = journals.iter().flat_map(|it| it.legs.iter().map(move |leg| (it, leg)));
        legs.into_iter().try_fold(this, |this, (journal, leg)| {
            let key = Key::journal(&journal.creator_id, &journal.cause, leg.role);
            let (about, at) = (journal.about.clone(), journal.at);
            let line = Line { about, at, currency: journal.currency, leg: *leg };
            this.new_item(ItemKind::Journal, &key, &line)
        })
    }
}

/// The posting of an item.
pub(crate) fn entry_of(item: Item) -> Result<Entry, StoreError> {
    let key = text(&item, SK).unwrap_or_default().to_owned();
    let Line { about, at, currency, leg } = decode(item)?;
    Ok(Entry { cause: cause_of(&key, leg.role)?, about, at, currency, leg })
}
