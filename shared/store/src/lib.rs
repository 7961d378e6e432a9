//! The only crate that knows the DynamoDB keys.
//!
//! `domain` decides; this crate reads what a decision needs and writes its result. Every change of
//! a balance is one transaction with its ledger entries, its idempotency record and everything else
//! it concerns, on the condition that nothing it was decided on has changed; on a write conflict,
//! it is decided again on the current state. [`keys`] documents the items and every access pattern.
//!
//! # Errors
//! Every read and write fails with [`StoreError::Unavailable`] when DynamoDB is unavailable, and
//! every decision with [`StoreError::Busy`] when it conflicts too often. The functions name only
//! what else they fail with.

mod accounts;
mod api_keys;
mod appeals;
mod audit;
mod billing;
mod billing_update;
mod condition;
mod connect;
mod cursor;
mod erasures;
mod error;
mod events;
mod export;
mod follow_ups;
mod gallery;
mod idempotency;
mod invoices;
mod item_kind;
mod jobs;
mod keys;
mod marketplace;
mod metrics;
mod names;
mod orders;
mod partition;
mod people;
mod presets;
mod rates;
mod recount;
mod reports;
mod rewrite;
mod runs;
mod staff;
mod staff_lists;
mod table;
mod transaction;
mod update;
mod versioned;
mod webhooks;

pub use api_keys::StoredKey;
pub use appeals::RulingRequest;
pub use audit::{AuditFilter, ChainRecord, Verified};
pub use billing_update::{Applied, BillingUpdate, Wanted};
pub use cursor::{Cursor, InvalidCursor, Page, PageSize};
pub use error::{NotFound, StoreError, StoredId, optional};
pub use events::{AppliedEvent, BodyTooLong, EVENTS_REMEMBERED, PARKED_BODY_MAX, ParkedEvent};
pub use export::Exported;
pub use gallery::JobFilter;
pub use idempotency::{Claim, Idempotency, KeyError, REMEMBERED};
pub use jobs::{JobAndInput, Settled, SourceRef, changed_job};
pub use keys::{DELIVERY_SHARDS, OPEN_SHARDS};
pub use marketplace::{
    AddedViews, Arrival, Audited, Begun, CHANGES_KEPT, CHANGES_LATE_AT_MOST, CHANGES_OVERLAP,
    CatalogueChange, Flagged, FlaggedListing, FlaggedThing, ListingPage, ListingUpdate, NewFlag,
    Popular, PurchaseRecord, Resolved, SALES_AT_ONCE, SellerRecord, SharedListing, Tally,
    WaitingViews, changed_submission, payout_id,
};
pub use metrics::{Board, Counted, FACTS_AT_ONCE, facts_of, stated_by};
pub use names::Names;
pub use orders::changed_top_up;
pub use partition::{MemberItem, Partition, Unreadable};
pub use people::PeopleFilter;
pub use rates::{Place, Rate, RateLimited};
pub use recount::Recount;
pub use reports::StoredReport;
pub use rewrite::{ItemChange, missing_shape};
pub use runs::{RunDay, RunLease, RunPosition};
pub use staff::Staff;
pub use staff_lists::{ListingFilter, PayoutFilter, PurchaseFilter};
pub use table::{IndexPage, IndexPosition, Readable, Store};
pub use update::Decided;
pub use webhooks::{DeliveryRef, DeliveryWork, announced_by, queued_delivery};

#[cfg(test)]
mod tests;
