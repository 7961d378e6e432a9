//! The directory: members by email address, over all of them and over selective facets.
//!
//! Its items are written with the account they are about, and only when they change.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    account::{Account, AccountStatus},
    id::UserId,
    plan::Plan,
};
use serde::Serialize;

use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::StoreError,
    keys::{INDEX, INDEX_SK, IndexKey, Item, Key, user_of},
    table::Store,
    transaction::{ItemKind, Transaction},
};

/// Most pages of the index that are read for one page of members.
const LOOKS_MAX: u32 = 5;

/// A filter on the account status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StandingFilter {
    /// Active members.
    Active,
    /// Suspended members.
    Suspended,
}

/// A filter on members; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleFilter {
    /// The plan.
    pub plan: Option<Plan>,
    /// The account status.
    pub standing: Option<StandingFilter>,
    /// Whether they have created a listing.
    pub creator: Option<bool>,
    /// A prefix of the email address, case-insensitive.
    pub email: Option<String>,
}

/// What a member is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Facet {
    Suspended,
    Paying(Plan),
    Creator,
    All,
}

impl Facet {
    fn name(self) -> &'static str {
        match self {
            Facet::Suspended => "SUSPENDED",
            Facet::Paying(Plan::Free) | Facet::All => "ALL",
            Facet::Paying(Plan::Pro) => "PLAN#PRO",
            Facet::Paying(Plan::Enterprise) => "PLAN#ENTERPRISE",
            Facet::Creator => "CREATOR",
        }
    }

    fn partition(self) -> String {
        format!("PEOPLE#{}", self.name())
    }

    /// The index key of a member in this facet, if they belong to it.
    fn place(self, account: &Account) -> Option<IndexKey> {
        let belongs = match self {
            Facet::Suspended => account.standing != AccountStatus::Active,
            Facet::Paying(plan) => account.plan == plan,
            Facet::Creator => account.creates,
            Facet::All => true,
        };
        belongs.then(|| (self.partition(), sorted(account)))
    }
}

/// The facets of a member, the smallest one first.
const FACETS: [Facet; 5] = [
    Facet::Suspended,
    Facet::Paying(Plan::Enterprise),
    Facet::Paying(Plan::Pro),
    Facet::Creator,
    Facet::All,
];

/// The address as a sort key; members without one come last.
fn sorted(account: &Account) -> String {
    let address = account.email.as_deref().map_or_else(|| "~".to_owned(), str::to_lowercase);
    format!("{address}#{}", account.user_id)
}

impl PeopleFilter {
    /// The facet that contains all wanted members and the fewest others.
    fn facet(&self) -> Facet {
        let suspended = self.standing == Some(StandingFilter::Suspended);
        let holds = |facet: &Facet| match facet {
            Facet::Suspended => suspended,
            Facet::Paying(plan) => self.plan == Some(*plan),
            Facet::Creator => self.creator == Some(true),
            Facet::All => true,
        };
        FACETS.into_iter().find(holds).unwrap_or(Facet::All)
    }

    fn takes(&self, account: &Account, now: Timestamp) -> bool {
        let standing = match account.standing.allows(now) {
            true => StandingFilter::Active,
            false => StandingFilter::Suspended,
        };
        self.plan.is_none_or(|plan| plan == account.plan)
            && self.standing.is_none_or(|wanted| wanted == standing)
            && self.creator.is_none_or(|wanted| wanted == account.creates)
            && (self.email.is_none() || account.email.as_deref().is_some_and(|it| self.begins(it)))
    }

    /// Whether an address, or a directory sort key, has the wanted prefix.
    fn begins(&self, address: &str) -> bool {
        let prefix = self.email.as_deref().unwrap_or_default();
        address.to_lowercase().starts_with(&prefix.to_lowercase())
    }
}

/// An item of the directory has nothing but its keys.
#[derive(Serialize)]
struct Person {}

impl Transaction {
    /// Updates the directory, if an account change affects it. A member who leaves a facet leaves
    /// its index; the item stays, so that account writes never delete.
    pub(crate) fn person(mut self, before: &Account, after: &Account) -> Result<Self, StoreError> {
        let was = |facet: Facet| if before.version == 0 { None } else { facet.place(before) };
        for facet in FACETS {
            let key = Key::person(&after.user_id, facet.name());
            let place = facet.place(after);
            if was(facet) != place {
                self = self.fenced(ItemKind::Account, &key, &Person {}, place)?;
            }
        }
        Ok(self)
    }
}

impl Store {
    /// A page of members, by email address (Q56). A page may be short or empty before the end:
    /// follow its cursor. The index may lag.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn people(
        &self,
        wanted: &PeopleFilter,
        size: PageSize,
        after: Option<Cursor>,
        now: Timestamp,
    ) -> Result<Page<Account>, StoreError> {
        let mut after = after.map(|cursor| cursor.0);
        if after.as_ref().is_some_and(|place| !wanted.begins(place)) {
            return Err(StoreError::refused(InvalidCursor::new()));
        }
        let mut items = Vec::new();
        for _ in 0..LOOKS_MAX {
            let found = self.directory(wanted, size, after.as_deref()).await?;
            let Some((last, _)) = found.last() else {
                return Ok(Page { items, next_cursor: None });
            };
            after = Some(last.clone());
            let keys: Vec<Key> = found.iter().map(|(_, user)| Key::account(user)).collect();
            let accounts: Vec<Account> = self.get_all(&keys).await?.rest()?;
            let mut by_id: BTreeMap<UserId, Account> =
                accounts.into_iter().map(|it| (it.user_id.clone(), it)).collect();
            for (place, user) in found {
                let account = by_id.remove(&user).filter(|it| wanted.takes(it, now));
                items.extend(account);
                if items.len() == size.get() {
                    return Ok(Page { items, next_cursor: Some(Cursor(place)) });
                }
            }
        }
        Ok(Page { items, next_cursor: after.map(Cursor) })
    }

    /// The next directory positions and their members.
    async fn directory(
        &self,
        wanted: &PeopleFilter,
        size: PageSize,
        after: Option<&str>,
    ) -> Result<Vec<(String, UserId)>, StoreError> {
        let (facet, text) = (wanted.facet(), |text: &str| AttributeValue::S(text.to_owned()));
        let partition = facet.partition();
        let start = after.map(|place| -> Result<Item, StoreError> {
            let user = place.rsplit_once('#').and_then(|(_, user)| UserId::parse(user).ok());
            let user = user.ok_or_else(|| StoreError::refused(InvalidCursor::new()))?;
            Ok(Key::person(&user, facet.name()).in_index(&partition, place.to_owned()))
        });
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .expression_attribute_values(":partition", text(&partition))
            .limit(size.and_one() - 1)
            .set_exclusive_start_key(start.transpose()?);
        let query = match wanted.email.as_ref().filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => query
                .key_condition_expression("gsi1pk = :partition AND begins_with(gsi1sk, :prefix)")
                .expression_attribute_values(":prefix", text(&prefix.to_lowercase())),
            None => query.key_condition_expression("gsi1pk = :partition"),
        };
        let answer = query.send().await.map_err(StoreError::unavailable)?;
        let found = answer.items.unwrap_or_default();
        let named = found.iter().filter_map(|item| {
            Some((crate::keys::text(item, INDEX_SK)?.to_owned(), user_of(item)?))
        });
        Ok(named.collect())
    }
}
