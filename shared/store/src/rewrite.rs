//! Writing an item in place of the one that was read, when older and newer builds run side by side.
//!
//! During a deployment, and after it is rolled back, an older function writes items that a newer one
//! has extended. Two rules make that safe:
//!
//! * What this build does not know survives. An item that exists is not put but updated: the
//!   attributes of its new state are set and those that it no longer has are removed, so an
//!   attribute of a newer build stays. This costs what a put costs: no read, the same write units.
//!   Only attributes of the item itself are kept, not those inside a map.
//! * An older build does not overwrite what it cannot understand. Every item carries the number of
//!   its [`SHAPE`], and a build that knows a smaller [`NEWEST_SHAPE`] is refused
//!   ([`StoreError::NewerShape`]). Nothing is written; the caller's retries find a newer build. The
//!   same error, instead of a corrupt item, is what an older build reads when it cannot decode one.
//!
//! A new optional attribute needs only the first rule. What an older build would misread, such as a
//! new variant of an enum or another meaning of an attribute, takes the next number as the shape of
//! the items that have it. The numbers of all kinds are one sequence, so one number says what a
//! build knows. Deploy the reader first if members should not wait: the new variant's code, then its
//! first write.
//!
//! * 1: what is not named below.
//! * 2: a purchase of which a part was paid back outside Stripe, and the balance of its creator.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{
    condition::{Condition, number},
    error::StoreError,
    keys::{INDEX_PK, INDEX_SK, Item, PK, SHAPE, SK},
};

/// The highest number of a shape that this build knows.
pub(crate) const NEWEST_SHAPE: u32 = 2;

/// An update expression that turns one item into another, and the condition that it is still the
/// one that was read.
#[derive(Debug)]
pub(crate) struct Rewrite {
    pub(crate) update: String,
    pub(crate) condition: Condition,
}

impl Rewrite {
    /// From `before`, of version `expected`, to `after`; their keys are the same.
    pub(crate) fn of(before: &Item, after: &Item, expected: u64) -> Rewrite {
        let mut condition = Condition::that(
            "#version = :expected AND (attribute_not_exists(#shape) OR #shape <= :newest)",
        )
        .name("#version", "version")
        .name("#shape", SHAPE)
        .value(":expected", number(expected))
        .value(":newest", number(NEWEST_SHAPE));
        let is_key = |name: &&String| matches!(name.as_str(), PK | SK);
        let mut names: Vec<&String> = after.keys().filter(|name| !is_key(name)).collect();
        names.sort();
        let mut set = Vec::with_capacity(names.len());
        for (place, name) in names.into_iter().enumerate() {
            set.push(format!("#s{place} = :s{place}"));
            condition = condition.name(&format!("#s{place}"), name);
            condition = condition.value(&format!(":s{place}"), after[name].clone());
        }
        // An index key may be stored that `before` would not have today.
        let index = [INDEX_PK, INDEX_SK];
        let mut gone: Vec<&str> = before.keys().map(String::as_str).chain(index).collect();
        gone.retain(|name| !after.contains_key(*name));
        gone.sort_unstable();
        gone.dedup();
        let mut update = format!("SET {}", set.join(", "));
        for (place, name) in gone.into_iter().enumerate() {
            update.push_str(if place == 0 { " REMOVE " } else { ", " });
            update.push_str(&format!("#r{place}"));
            condition = condition.name(&format!("#r{place}"), name);
        }
        Rewrite { update, condition }
    }
}

/// Adds the number of its shape to an item.
pub(crate) fn set_shape(item: &mut Item, shape: u32) {
    item.insert(SHAPE.to_owned(), number(shape));
}

/// The error for an item that a newer build wrote; `None` if this build knows its shape.
pub(crate) fn newer(item: &Item) -> Option<StoreError> {
    let shape = item.get(SHAPE).and_then(|shape| shape.as_n().ok()?.parse::<u32>().ok());
    shape.filter(|shape| *shape > NEWEST_SHAPE).map(|shape| {
        tracing::error!(shape, NEWEST_SHAPE, "item of a newer build, not read or written here");
        StoreError::NewerShape(shape)
    })
}

/// What gives its shape to an item that was written before shapes were; `None` if it has one, or has
/// no version.
pub fn missing_shape(item: &Item) -> Option<ItemChange> {
    let is_versioned = item.get("version").is_some_and(AttributeValue::is_n);
    let key = |name: &str| Some((name.to_owned(), item.get(name)?.clone()));
    (is_versioned && !item.contains_key(SHAPE)).then_some(())?;
    Some(ItemChange {
        key: Item::from([key(PK)?, key(SK)?]),
        update: "SET #shape = :shape",
        // The item may be deleted, or written by a function, since it was read.
        condition: "attribute_exists(pk) AND attribute_not_exists(#shape)",
        names: [("#shape".to_owned(), SHAPE.to_owned())].into(),
        values: [(":shape".to_owned(), number(1))].into(),
    })
}

/// A change of one item by a migration.
#[derive(Debug, Clone)]
pub struct ItemChange {
    /// The item's key.
    pub key: Item,
    /// The update expression.
    pub update: &'static str,
    /// What must hold of the stored item.
    pub condition: &'static str,
    /// The names that both refer to.
    pub names: std::collections::HashMap<String, String>,
    /// The values that both refer to.
    pub values: Item,
}
