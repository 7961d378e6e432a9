//! The directory: members by email address, over all of them and over selective facets, and by
//! name.
//!
//! Its items are written with the account they are about, and only when they change.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    account::{Account, AccountStatus, DIRECTORY_FORMAT, MemberStatus, Role},
    id::UserId,
    plan::Plan,
};
use futures_util::future::try_join;

use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::StoreError,
    keys::{INDEX, INDEX_SK, IndexKey, Item, Key, user_of},
    table::Store,
    transaction::{ItemKind, OnlyKeys, Transaction},
};

/// Most pages of the index that are read for one page of members.
const LOOKS_MAX: u32 = 5;

/// Most members with one email address that are found by it.
const SAME_ADDRESS_MAX: u16 = 10;

/// A filter on members; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleFilter {
    /// The plan.
    pub plan: Option<Plan>,
    /// Whether they may act, and why not.
    pub status: Option<MemberStatus>,
    /// Whether they have created a listing.
    pub creator: Option<bool>,
    /// A prefix of the email address, case-insensitive.
    pub email: Option<String>,
    /// A prefix of the display name, case-insensitive; without a prefix of the address.
    pub name: Option<String>,
}

/// What a member is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Facet {
    Suspended,
    Paying(Plan),
    Creator,
    All,
    Named,
    Staff,
}

impl Facet {
    fn name(self) -> &'static str {
        match self {
            Facet::Suspended => "SUSPENDED",
            Facet::Paying(Plan::Free) | Facet::All => "ALL",
            Facet::Paying(Plan::Pro) => "PLAN#PRO",
            Facet::Paying(Plan::Enterprise) => "PLAN#ENTERPRISE",
            Facet::Creator => "CREATOR",
            Facet::Named => "NAME",
            Facet::Staff => "STAFF",
        }
    }

    fn partition(self) -> String {
        format!("PEOPLE#{}", self.name())
    }

    /// The sort key of a member: their address, without which they come last, or their name.
    fn sorted(self, account: &Account) -> String {
        let text = match self {
            Facet::Named => account.profile.display_name.as_deref(),
            Facet::Suspended | Facet::Paying(_) | Facet::Creator | Facet::All | Facet::Staff => {
                account.email.as_deref()
            }
        };
        let text = text.map_or_else(|| "~".to_owned(), str::to_lowercase);
        format!("{text}#{}", account.user_id)
    }

    /// The index key of a member in this facet, if they belong to it.
    fn place(self, account: &Account) -> Option<IndexKey> {
        let belongs = match self {
            Facet::Suspended => account.standing != AccountStatus::Active,
            Facet::Paying(plan) => account.plan == plan,
            Facet::Creator => account.creates,
            Facet::All => true,
            Facet::Named => account.profile.display_name.is_some(),
            Facet::Staff => account.role.is_some(),
        };
        belongs.then(|| (self.partition(), self.sorted(account)))
    }
}

/// The facets of a member, the smallest one first.
const FACETS: [Facet; 7] = [
    Facet::Staff,
    Facet::Named,
    Facet::Suspended,
    Facet::Paying(Plan::Enterprise),
    Facet::Paying(Plan::Pro),
    Facet::Creator,
    Facet::All,
];

impl PeopleFilter {
    /// The facet that contains all wanted members and the fewest others.
    fn facet(&self) -> Facet {
        let suspended = self.status == Some(MemberStatus::Suspended);
        let holds = |facet: &Facet| match facet {
            Facet::Suspended => suspended,
            Facet::Paying(plan) => self.plan == Some(*plan),
            Facet::Creator => self.creator == Some(true),
            Facet::Named => self.name.is_some(),
            Facet::Staff => false,
            Facet::All => true,
        };
        FACETS.into_iter().find(holds).unwrap_or(Facet::All)
    }

    fn takes(&self, account: &Account, now: Timestamp) -> bool {
        self.plan.is_none_or(|plan| plan == account.plan)
            && self.status.is_none_or(|wanted| wanted == account.status(now))
            && self.creator.is_none_or(|wanted| wanted == account.creates)
            && begins(account.email.as_deref(), self.email.as_deref())
            && begins(account.profile.display_name.as_deref(), self.name.as_deref())
    }

    /// The prefix of the wanted sort keys of the facet, if there is one.
    fn prefix(&self) -> Option<&str> {
        self.name.as_deref().or(self.email.as_deref()).filter(|it| !it.is_empty())
    }
}

/// Whether a text has the wanted prefix, if one is wanted.
fn begins(text: Option<&str>, prefix: Option<&str>) -> bool {
    let Some(prefix) = prefix else { return true };
    text.is_some_and(|it| it.to_lowercase().starts_with(&prefix.to_lowercase()))
}

/// Whether this is the member's id or address.
fn is_exactly(account: &Account, text: &str) -> bool {
    let address = account.email.as_deref().map(str::to_lowercase);
    account.user_id.as_str() == text || address == Some(text.to_lowercase())
}

impl Transaction {
    /// Updates the directory, if an account change affects it. A member who leaves a facet leaves
    /// its index; the item stays, so that account writes never delete.
    pub(crate) fn person(mut self, before: &Account, after: &Account) -> Result<Self, StoreError> {
        let is_listed = before.version > 0 && before.directory == DIRECTORY_FORMAT;
        let was = |facet: Facet| if is_listed { facet.place(before) } else { None };
        for facet in FACETS {
            let key = Key::person(&after.user_id, facet.name());
            let place = facet.place(after);
            if was(facet) != place {
                self = self.fenced(ItemKind::Account, &key, &OnlyKeys {}, place)?;
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
        if after.as_ref().is_some_and(|place| !begins(Some(place), wanted.prefix())) {
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

    /// Members by one text (Q56): first those whose id or address it is, then those whose name
    /// begins with it, a page at a time. The exact matches come on the first page, beside `size`.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn find_people(
        &self,
        text: &str,
        wanted: PeopleFilter,
        (size, after): (PageSize, Option<Cursor>),
        now: Timestamp,
    ) -> Result<Page<Account>, StoreError> {
        let is_first = after.is_none();
        let named = PeopleFilter { name: Some(text.to_owned()), email: None, ..wanted.clone() };
        let named = self.people(&named, size, after, now);
        let (mut exact, mut page) = match is_first {
            true => try_join(self.exactly(text), named).await?,
            false => (Vec::new(), named.await?),
        };
        exact.retain(|it| wanted.takes(it, now));
        page.items.retain(|it| !is_exactly(it, text));
        exact.append(&mut page.items);
        Ok(Page { items: exact, ..page })
    }

    /// The members whose id or address this is.
    async fn exactly(&self, text: &str) -> Result<Vec<Account>, StoreError> {
        let wanted = PeopleFilter { email: Some(format!("{text}#")), ..PeopleFilter::default() };
        let few = PageSize::default().at_most(SAME_ADDRESS_MAX);
        let found = self.directory(&wanted, few, None).await?;
        let by_address = found.into_iter().map(|(_, user)| user);
        let users: BTreeSet<UserId> = by_address.chain(UserId::parse(text).ok()).collect();
        let mut accounts: Vec<Account> = self.each(users.iter().map(Key::account)).await?;
        accounts.retain(|it| is_exactly(it, text));
        Ok(accounts)
    }

    /// Whether a member of staff other than `user` could decide instead: one who may act, as an
    /// admin if that is needed.
    pub(crate) async fn has_other_staff(
        &self,
        user: &UserId,
        needed: Role,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let staff = self.query_index(&Facet::Staff.partition(), PageSize::MAX).await?;
        let others = staff.iter().filter_map(user_of).filter(|it| it != user);
        let others: BTreeSet<UserId> = others.collect();
        let others: Vec<Account> = self.each(others.iter().map(Key::account)).await?;
        let may = |role: Role| role == Role::Admin || role == needed;
        Ok(others.iter().any(|it| it.role.is_some_and(may) && it.require_active(now).is_ok()))
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
        let query = match wanted.prefix() {
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
