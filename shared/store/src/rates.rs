//! How often something may be done in a window of time, counted in the table (Q10).

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Refusal, RefusalKind, Timestamp};

use crate::{
    error::StoreError,
    keys::{Key, TTL},
    table::{Store, written},
    transaction::number,
};

/// A limit: so many in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Most of them in a window.
    pub max: u32,
    /// The window; windows begin at multiples of it.
    pub window: Duration,
}

/// The window is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("At most {max} of these in {window_s} seconds: try again in {retry_after_s} seconds.")]
pub struct RateLimited {
    /// Most of them.
    pub max: u32,
    /// Length of the window.
    pub window_s: u64,
    /// When the next one begins.
    pub retry_after_s: u32,
}

impl Refusal for RateLimited {
    fn kind(&self) -> RefusalKind {
        RefusalKind::TooMany
    }
    fn code(&self) -> &'static str {
        "rate_limited"
    }
    fn retry_after_s(&self) -> Option<u32> {
        Some(self.retry_after_s)
    }
}

impl Store {
    /// Takes one of the window's places for `what`.
    ///
    /// # Errors
    /// [`RateLimited`] (inside [`StoreError::Refused`]) when there is none left.
    pub async fn take(&self, what: &str, rate: Rate, now: Timestamp) -> Result<(), StoreError> {
        let begins = now.floor_to(rate.window);
        let ends = begins.plus(rate.window);
        let taken = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::rate(what, begins.as_secs()).item()))
            .update_expression("ADD taken :one SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(taken) OR taken < :max")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":max", AttributeValue::N(rate.max.to_string()))
            .expression_attribute_values(":ttl", number(ends.plus(rate.window).as_secs()))
            .send()
            .await;
        if written(taken)?.is_some() {
            return Ok(());
        }
        Err(StoreError::refused(RateLimited {
            max: rate.max,
            window_s: rate.window.as_secs(),
            retry_after_s: now.secs_until(ends).max(1),
        }))
    }
}
