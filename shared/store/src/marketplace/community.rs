//! Reviews, share links, rewards and views.

mod reviews;
mod rewards;
mod shares;
mod views;

pub use shares::SharedListing;
pub use views::{AddedViews, Tally, WaitingViews};
