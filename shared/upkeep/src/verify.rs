//! Proves for every member that what is stored follows from its entries, and names what does not.
//!
//! * Credits: the ledger has no gap and folds to the account's lots; the credits held are those of
//!   open jobs; every grant has what it was granted for, and the other way round ([`credits`]).
//! * Purchases: a paid one has its entitlement, its sale and its entries in lists; an entitlement
//!   and a sale have their purchase ([`purchases`]).
//! * Money: each journal balances, all together fold to the creator's balance, and the balance is
//!   what the sales and payouts add up to ([`creator`]).
//! * The audit's chains are unbroken.
//!
//! So it also finds a transaction of which one half is missing, which no write of ours can cause: a
//! restore, or a change by hand. It only reads, strongly consistent. Members may write meanwhile: a
//! partition with findings is read again, and only what is found twice is reported.

mod creator;
mod credits;
mod purchases;

use std::{collections::BTreeSet, fmt};

use domain::{
    audit::{Anchors, AuditChain, AuditChains},
    id::{ListingId, PurchaseId, UserId},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use store::{MemberItem, Partition, Store, StoreError, optional};

use crate::{
    progress::Progress,
    table::{Table, UpkeepError, count},
};
use creator::CreatorCheck;
use credits::CreditsCheck;
use purchases::PurchasesCheck;

/// Partitions read at once.
const AT_ONCE: usize = 16;

/// Something that does not follow from its entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Whose it is: `member kim`, `listing lst_…`.
    pub whose: String,
    /// What is wrong, with both values.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.whose, self.what)
    }
}

/// What was read, and how much of it does not follow from its entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Items of the table.
    pub items: u64,
    /// Members.
    pub members: u64,
    /// Findings.
    pub findings: u64,
}

/// Verifies the whole table, and passes on each finding as it is made.
///
/// # Errors
/// When the table does not answer.
pub async fn verify(
    table: &Table,
    progress: &mut Progress,
    mut report: impl FnMut(&Finding),
) -> Result<Verified, UpkeepError> {
    let total = table.about_items().await;
    let mut verified = Verified::default();
    let (mut after, mut last) = (None, Partition::Other);
    loop {
        let page = table.scan(Some(Partition::ATTRIBUTE), after).await?;
        verified.items += count(page.items.len());
        let mut partitions = Vec::new();
        for item in &page.items {
            // The items of a partition follow one another.
            let partition = Partition::of(item);
            if partition != last {
                partitions.push(partition.clone());
                last = partition;
            }
        }
        let members = partitions.iter().filter(|it| matches!(it, Partition::Member(_)));
        verified.members += count(members.count());
        let checks = partitions.iter().map(|it| findings_of(&table.store, it));
        let mut found = stream::iter(checks).buffer_unordered(AT_ONCE);
        while let Some(findings) = found.try_next().await? {
            verified.findings += count(findings.len());
            findings.iter().for_each(&mut report);
        }
        let said = format!("{} members, {} findings", verified.members, verified.findings);
        progress.say(verified.items, total, &said);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    progress.end();
    for chain in AuditChains::All.each() {
        if let Some(broken) = broken_chain(&table.store, chain).await? {
            verified.findings += 1;
            report(&broken);
        }
    }
    Ok(verified)
}

/// The first audit record that breaks a chain.
async fn broken_chain(store: &Store, chain: AuditChain) -> Result<Option<Finding>, UpkeepError> {
    let mut after = None;
    loop {
        let read = store.verify_audit(chain, after, &Anchors::default()).await?;
        if let Some(broken) = read.broken {
            let what = format!("chain {chain}: {broken:?}");
            return Ok(Some(Finding { whose: "audit".to_owned(), what }));
        }
        after = read.next_cursor;
        if after.is_none() {
            return Ok(None);
        }
    }
}

/// What is found in a partition twice.
async fn findings_of(store: &Store, partition: &Partition) -> Result<Vec<Finding>, UpkeepError> {
    let first = check(store, partition).await?;
    if first.is_empty() {
        return Ok(Vec::new());
    }
    let again = check(store, partition).await?;
    let whose = match partition {
        Partition::Member(user) | Partition::Journal(user) => format!("member {user}"),
        Partition::Purchase(purchase) => format!("purchase {purchase}"),
        Partition::Listing(listing) => format!("listing {listing}"),
        Partition::Other => String::new(),
    };
    let both = first.intersection(&again);
    Ok(both.map(|what| Finding { whose: whose.clone(), what: what.clone() }).collect())
}

async fn check(store: &Store, partition: &Partition) -> Result<BTreeSet<String>, StoreError> {
    let found = match partition {
        Partition::Member(user) => member(store, user).await?,
        Partition::Journal(creator) => journal(store, creator).await?,
        Partition::Purchase(purchase) => buyer(store, purchase).await?,
        Partition::Listing(listing) => versions(store, listing).await?,
        Partition::Other => Vec::new(),
    };
    Ok(found.into_iter().collect())
}

async fn member(store: &Store, user: &UserId) -> Result<Vec<String>, StoreError> {
    let (mut credits, mut purchases) = (CreditsCheck::default(), PurchasesCheck::default());
    let mut creator = CreatorCheck::default();
    let mut found = Vec::new();
    let read = store.visit_member(user, |item| match item {
        Err((sk, error)) => found.push(format!("{sk} cannot be read: {error:?}")),
        Ok(MemberItem::Account(it)) => credits.account(*it),
        Ok(MemberItem::Billing(it)) => purchases.billing(*it),
        Ok(MemberItem::Listed(it)) => purchases.listed(it),
        Ok(MemberItem::Balance(it)) => creator.balance(*it),
        Ok(MemberItem::Input(it)) => credits.input(it),
        Ok(MemberItem::Invoice(it)) => credits.invoice(&it),
        Ok(MemberItem::Job(it)) => credits.job(&it),
        Ok(MemberItem::ApiKey(it)) => credits.api_key(*it),
        Ok(MemberItem::Ledger(it)) => credits.ledger(&it),
        Ok(MemberItem::Order(it)) => credits.order(&it),
        Ok(MemberItem::Entitlement(it)) => purchases.entitlement(*it),
        Ok(MemberItem::Payee(it)) => creator.payee(*it),
        Ok(MemberItem::Payout(it)) => creator.payout(*it),
        Ok(MemberItem::Preset) => credits.preset(),
        Ok(MemberItem::Purchase(it)) => purchases.purchase(*it),
        Ok(MemberItem::Reward(it)) => credits.reward(&it),
        Ok(MemberItem::Sale(it)) => creator.sale(*it),
        Ok(MemberItem::Other) => {}
    });
    read.await?;
    found.extend(credits.end(store).await?);
    found.extend(purchases.end(store, user).await?);
    found.extend(creator.end(store, user).await?);
    Ok(found)
}

/// A journal without a balance; those with one are checked with their member.
async fn journal(store: &Store, creator: &UserId) -> Result<Vec<String>, StoreError> {
    let is_lost = store.creator_book(creator).await?.version == 0;
    Ok(is_lost.then(|| "a journal has no balance".to_owned()).into_iter().collect())
}

async fn buyer(store: &Store, id: &PurchaseId) -> Result<Vec<String>, StoreError> {
    let Some(buyer) = optional(store.buyer_of(id).await)? else { return Ok(Vec::new()) };
    let is_lost = optional(store.purchase(&buyer, id).await)?.is_none();
    Ok(is_lost.then(|| format!("its buyer {buyer} has no such purchase")).into_iter().collect())
}

async fn versions(store: &Store, id: &ListingId) -> Result<Vec<String>, StoreError> {
    let (listing, versions) = store.listing_and_versions(id).await?;
    let Some(listing) = listing else {
        let is_lost = !versions.is_empty();
        return Ok(is_lost.then(|| "versions without a listing".to_owned()).into_iter().collect());
    };
    let on_sale = listing.published.as_ref().map(|it| it.number);
    let lost = on_sale.filter(|number| !versions.contains(number));
    Ok(lost.map(|number| format!("version {number}, on sale, is missing")).into_iter().collect())
}
