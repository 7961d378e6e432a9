//! Conditions of writes: the one place where they are spelled.
//!
//! Nearly all of them are the optimistic lock of [`Versioned`](crate::versioned::Versioned).

use std::{collections::HashMap, fmt::Display};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Timestamp;

use crate::keys::TTL;

/// A condition on the stored item, with the names and values that an expression refers to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    pub(crate) expression: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Condition {
    /// No condition.
    pub(crate) fn none() -> Condition {
        Condition::default()
    }

    /// That `expression` holds.
    pub(crate) fn that(expression: &str) -> Condition {
        Condition { expression: Some(expression.to_owned()), ..Condition::default() }
    }

    /// That there is no item.
    pub(crate) fn absent() -> Condition {
        Condition::that("attribute_not_exists(pk)")
    }

    /// That there is an item.
    pub(crate) fn exists() -> Condition {
        Condition::that("attribute_exists(pk)")
    }

    /// That there is no item, or only one that expired by `now`.
    pub(crate) fn expired(now: Timestamp) -> Condition {
        Condition::that("attribute_not_exists(pk) OR #ttl <= :now")
            .name("#ttl", TTL)
            .value(":now", number(now.as_secs()))
    }

    /// That the item has this version; zero is one that does not exist.
    pub(crate) fn version(expected: u64) -> Condition {
        match expected {
            0 => Condition::absent(),
            _ => Condition::that("#version = :expected")
                .name("#version", "version")
                .value(":expected", number(expected)),
        }
    }

    /// The attribute behind a placeholder of the expression.
    pub(crate) fn name(mut self, placeholder: &str, attribute: &str) -> Condition {
        let names = self.names.get_or_insert_default();
        names.insert(placeholder.to_owned(), attribute.to_owned());
        self
    }

    /// The value behind a placeholder of the expression.
    pub(crate) fn value(mut self, placeholder: &str, value: AttributeValue) -> Condition {
        self.values.get_or_insert_default().insert(placeholder.to_owned(), value);
        self
    }
}

/// Makes a write conditional. A macro, because the SDK's write builders share method names but no
/// trait.
macro_rules! conditional {
    ($write:expr, $condition:expr) => {{
        let $crate::condition::Condition { expression, names, values } = $condition;
        $write
            .set_condition_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
    }};
}
pub(crate) use conditional;

/// A number as an attribute.
pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A text as an attribute.
pub(crate) fn string(value: impl Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
