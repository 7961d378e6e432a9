//! Typed clients of external services.
//!
//! Each client is built once: from values its caller read or, in a process, by its `Connect` from
//! the variables named beside it. Every call is bounded in time and in bytes, and every error tells
//! its caller what to decide: whether the service may have acted, whether a retry makes sense, and
//! who is at fault. Every response is untrusted until it has been checked.

pub mod anchors;
pub mod bria;
mod bucket;
mod cdn;
pub mod documents;
pub mod fetch;
pub mod gemini;
pub mod http;
pub mod images;
#[cfg(test)]
mod loopback;
pub mod oidc;
mod post_policy;
pub mod preview;
pub mod providers;
pub mod queue;
pub mod s3_event;
#[cfg(test)]
mod sandbox_tests;
pub mod scan;
pub mod secrets;
pub mod share;
mod sign_in;
mod signature;
pub mod snapshots;
pub mod stored_files;
pub mod stripe;
pub mod structure;
pub mod uploads;
pub mod webhook;

pub use anchors::AuditAnchors;
pub use bria::Bria;
pub use bucket::StorageUnavailable;
pub use documents::{Company, Documents};
pub use fetch::ImageFetcher;
pub use gemini::Gemini;
pub use http::Http;
pub use images::{ImageLinks, Images};
pub use oidc::Issuer;
pub use preview::{PreviewBucket, Previews};
pub use queue::{DeliveryQueue, GenerationQueue, PreparationQueue, TopUpQueue};
pub use s3_event::S3Event;
pub use scan::AssetScan;
pub use secrets::Secret;
pub use share::ShareLinks;
pub use sign_in::SignIn;
pub use snapshots::SearchSnapshots;
pub use stored_files::StoredFiles;
pub use stripe::Stripe;
pub use uploads::Uploads;
pub use webhook::{WebhookSender, WebhookUrls};
