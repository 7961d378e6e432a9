//! The export of a member's data, for the member.
//!
//! It reads the member's partition and then their listings, so it is complete by construction: a
//! new kind of item is exported unless [`NOT_EXPORTED`] names it. Internal attributes, and those
//! that identify other people, are left out.

use domain::{id::ListingId, id::UserId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    cursor::{Cursor, Page, PageSize},
    error::StoreError,
    keys::{
        BOUGHT_PREFIX, FLAGS_PREFIX, IDEMPOTENCY_PREFIX, INDEX_PK, INDEX_SK, Item, Key, LISTING,
        NONCE, PERSON_PREFIX, PK, REVISION_PREFIX, SHAPE, SK, TTL, listing_pk, text, user_pk,
    },
    table::{Store, decode},
};

/// Cursor position after the member's own items, where their listings begin.
const LISTINGS: &str = "~listings";
/// Sort keys that are not exported: entries in the lists of staff,
/// reports by others, and records that expire within a day.
const NOT_EXPORTED: [&str; 4] = [PERSON_PREFIX, BOUGHT_PREFIX, FLAGS_PREFIX, IDEMPOTENCY_PREFIX];
/// Attributes of every item that are about storage.
const STORAGE: [&str; 8] = [PK, SK, INDEX_PK, INDEX_SK, TTL, NONCE, SHAPE, "version"];
/// Attributes that are internal proofs or secrets, or identify another person: buyers, sharers and
/// the moderator who decided.
const OTHERS: [&str; 12] = [
    "buyer_id",
    "sharer_id",
    "by",
    "webhook_token",
    "secret_digest",
    "lease_until",
    "model_id",
    "fingerprint",
    "standing_due",
    "directory",
    "secret",
    "previous_secret",
];
/// May name a tailored model: exported only from listings of the model's owner.
const MODEL: &str = "model_id";

/// One exported item.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exported {
    /// Its kind: the first word of its sort key, in lower case.
    pub kind: String,
    /// Its content.
    pub data: Value,
}

impl Store {
    /// A page of a member's data (Q61). A page may be short or empty before the end: follow its
    /// cursor.
    pub async fn export(
        &self,
        user: &UserId,
        after: Option<Cursor>,
    ) -> Result<Page<Exported>, StoreError> {
        match after {
            Some(Cursor(at)) => match at.strip_prefix(LISTINGS) {
                Some(listing) => self.export_listings(user, listing).await,
                None => self.export_items(user, Some(Key { pk: user_pk(user), sk: at })).await,
            },
            None => self.export_items(user, None).await,
        }
    }

    async fn export_items(
        &self,
        user: &UserId,
        after: Option<Key>,
    ) -> Result<Page<Exported>, StoreError> {
        let answer = self
            .partition(user_pk(user))
            .set_exclusive_start_key(after.map(|key| key.item()))
            .limit(i32::from(PageSize::MAX))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let last = answer.last_evaluated_key.as_ref().and_then(|key| text(key, SK));
        let next = last.unwrap_or(LISTINGS).to_owned();
        let items = answer.items.unwrap_or_default();
        let mut exported = Vec::with_capacity(items.len());
        for item in items {
            exported.extend(exported_item(item, true)?);
        }
        Ok(Page { items: exported, next_cursor: Some(Cursor(next)) })
    }

    /// The listing after `listing`, with all its versions; empty after the last.
    async fn export_listings(
        &self,
        user: &UserId,
        listing: &str,
    ) -> Result<Page<Exported>, StoreError> {
        let after = Some(listing).filter(|id| !id.is_empty()).map(|id| Cursor(id.to_owned()));
        let ids = self.ids_of(user, 1, after).await?;
        let Some(id) = ids.first() else {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        };
        let next_cursor = Some(Cursor(format!("{LISTINGS}{id}")));
        Ok(Page { items: self.export_listing(id).await?, next_cursor })
    }

    /// A listing and its versions, without what others wrote about it.
    async fn export_listing(&self, id: &ListingId) -> Result<Vec<Exported>, StoreError> {
        let mut exported = Vec::new();
        let mut pages = self.partition(listing_pk(id)).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let item = item.map_err(StoreError::unavailable)?;
            let sk = text(&item, SK).unwrap_or_default();
            if sk == LISTING || sk.starts_with(REVISION_PREFIX) {
                exported.extend(exported_item(item, false)?);
            }
        }
        Ok(exported)
    }
}

/// An item as its member sees it. With `of_others`, it may name another member's model.
fn exported_item(item: Item, of_others: bool) -> Result<Option<Exported>, StoreError> {
    let sk = text(&item, SK).unwrap_or_default().to_owned();
    if NOT_EXPORTED.iter().any(|prefix| sk.starts_with(prefix)) {
        return Ok(None);
    }
    let mut data: Map<String, Value> = decode(item)?;
    data.retain(|name, _| !STORAGE.contains(&name.as_str()));
    let mut data = Value::Object(data);
    remove_attributes(&mut data, &|name| OTHERS.contains(&name) && (of_others || name != MODEL));
    let kind = sk.split('#').next().unwrap_or_default().to_lowercase();
    Ok(Some(Exported { kind, data }))
}

fn remove_attributes(value: &mut Value, hidden: &impl Fn(&str) -> bool) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| !hidden(name));
            map.values_mut().for_each(|inner| remove_attributes(inner, hidden));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| remove_attributes(inner, hidden)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
