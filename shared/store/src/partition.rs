//! Whole partitions, item by item: for programs that check or change the table as a whole, never for
//! a request.
//!
//! Items are passed on as they are read, in the order of their sort keys, so that a partition of any
//! length needs little memory.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    account::{
        Account,
        api_key::{ApiKey, KeyAccess},
    },
    billing::{Billing, invoice::Invoice, order::PackOrder},
    credits::LedgerEntry,
    generation::Job,
    id::{ListingId, PurchaseId, UserId},
    marketplace::{
        community::reward::Reward,
        creator::{
            balance::CreatorBalance, journal::Entry, payee::Payee, payout::Payout, sale::Sale,
        },
        listing::Listing,
        purchase::{Purchase, entitlement::Entitlement},
    },
};
use serde::de::DeserializeOwned;

use crate::{
    error::StoreError,
    keys::{
        self, INPUT_PREFIX, Item, Key, LISTING, PK, REVISION_PREFIX, SK, journal_pk, listing_pk,
        text, user_pk,
    },
    marketplace::entry_of,
    table::{Store, decode},
};

/// What a partition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partition {
    /// A member.
    Member(UserId),
    /// The journal of a creator.
    Journal(UserId),
    /// The buyer of a purchase.
    Purchase(PurchaseId),
    /// A listing.
    Listing(ListingId),
    /// Anything else.
    Other,
}

impl Partition {
    /// The attribute that names it.
    pub const ATTRIBUTE: &str = PK;
    /// The attributes of an item's key.
    pub const KEYS: &str = keys::KEYS;

    /// The partition of an item.
    pub fn of(item: &HashMap<String, AttributeValue>) -> Partition {
        let pk = text(item, PK).unwrap_or_default();
        let (kind, id) = pk.split_once('#').unwrap_or_default();
        match kind {
            "USER" => UserId::parse(id).map(Partition::Member).ok(),
            "JOURNAL" => UserId::parse(id).map(Partition::Journal).ok(),
            "PURCHASE" => PurchaseId::parse(id).map(Partition::Purchase).ok(),
            "LISTING" => ListingId::parse(id).map(Partition::Listing).ok(),
            _ => None,
        }
        .unwrap_or(Partition::Other)
    }
}

/// An item of a member's partition.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is called as its item is")]
pub enum MemberItem {
    Account(Box<Account>),
    Billing(Box<Billing>),
    /// A purchase's entry in the lists of staff.
    Listed(PurchaseId),
    Balance(Box<CreatorBalance>),
    /// The input of the job with this id.
    Input(String),
    Invoice(Box<Invoice>),
    Job(Box<Job>),
    ApiKey(Box<ApiKey>),
    Ledger(Box<LedgerEntry>),
    Order(Box<PackOrder>),
    Entitlement(Box<Entitlement>),
    Payee(Box<Payee>),
    Payout(Box<Payout>),
    Preset,
    Purchase(Box<Purchase>),
    Reward(Box<Reward>),
    Sale(Box<Sale>),
    /// An item of another kind.
    Other,
}

/// An item that cannot be read as what its key says: its sort key, and why.
pub type Unreadable = (String, StoreError);

impl Store {
    /// Passes on every item of a member, strongly consistent.
    pub async fn visit_member(
        &self,
        user: &UserId,
        mut visit: impl FnMut(Result<MemberItem, Unreadable>),
    ) -> Result<(), StoreError> {
        self.visit(user_pk(user), |sk, item| {
            visit(member_item(&sk, item).map_err(|error| (sk, error)));
        })
        .await
    }

    /// Passes on every posting of a creator, strongly consistent: those of one cause one after the
    /// other.
    pub async fn visit_journal(
        &self,
        creator: &UserId,
        mut visit: impl FnMut(Result<Entry, Unreadable>),
    ) -> Result<(), StoreError> {
        self.visit(journal_pk(creator), |sk, item| {
            visit(entry_of(item).map_err(|error| (sk, error)));
        })
        .await
    }

    /// A listing, if its partition has one, and the numbers of its stored versions.
    pub async fn listing_and_versions(
        &self,
        id: &ListingId,
    ) -> Result<(Option<Listing>, Vec<u32>), StoreError> {
        let (mut listing, mut versions) = (None, Vec::new());
        let visited = self.visit(listing_pk(id), |sk, item| {
            if sk == LISTING {
                listing = Some(decode(item));
            } else if let Some(number) = sk.strip_prefix(REVISION_PREFIX) {
                versions.extend(number.parse::<u32>());
            }
        });
        visited.await?;
        Ok((listing.transpose()?, versions))
    }

    /// Whether an API key leads to its member.
    pub async fn leads_to_member(&self, key: &ApiKey) -> Result<bool, StoreError> {
        let access: Option<KeyAccess> = self.get(&Key::key_access(&key.secret_digest)).await?;
        Ok(access.is_some_and(|access| access.user_id == key.user_id))
    }

    async fn visit(
        &self,
        pk: String,
        mut each: impl FnMut(String, Item),
    ) -> Result<(), StoreError> {
        let mut pages = self.partition(pk).consistent_read(true).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let item = item.map_err(StoreError::unavailable)?;
            each(text(&item, SK).unwrap_or_default().to_owned(), item);
        }
        Ok(())
    }
}

fn member_item(sk: &str, item: Item) -> Result<MemberItem, StoreError> {
    fn boxed<T: DeserializeOwned>(item: Item) -> Result<Box<T>, StoreError> {
        decode(item).map(Box::new)
    }
    let (kind, id) = sk.split_once('#').unwrap_or((sk, ""));
    Ok(match kind {
        keys::ACCOUNT => MemberItem::Account(boxed(item)?),
        keys::BILLING => MemberItem::Billing(boxed(item)?),
        "BOUGHT" => MemberItem::Listed(PurchaseId::parse(id).map_err(StoreError::corrupt)?),
        "CREATOR" => MemberItem::Balance(boxed(item)?),
        "INPUT" => MemberItem::Input(sk.trim_start_matches(INPUT_PREFIX).to_owned()),
        "INVOICE" => MemberItem::Invoice(boxed(item)?),
        "JOB" => MemberItem::Job(boxed(item)?),
        "KEY" => MemberItem::ApiKey(boxed(item)?),
        "LEDGER" => MemberItem::Ledger(boxed(item)?),
        "ORDER" => MemberItem::Order(boxed(item)?),
        "OWNS" => MemberItem::Entitlement(boxed(item)?),
        "PAYEE" => MemberItem::Payee(boxed(item)?),
        "PAYOUT" => MemberItem::Payout(boxed(item)?),
        "PRESET" => MemberItem::Preset,
        "PURCHASE" => MemberItem::Purchase(boxed(item)?),
        "REWARD" => MemberItem::Reward(boxed(item)?),
        "SALE" => MemberItem::Sale(boxed(item)?),
        _ => MemberItem::Other,
    })
}
