//! What members do around a listing, and how it is counted.
//!
//! * [`review`]: a buyer's review;
//! * [`share`] and [`reward`]: a share link, and what a sharer gets for a sale;
//! * [`visitor`]: who counts as a visitor of a listing;
//! * [`listing_stats`]: the totals of a listing.

pub mod listing_stats;
pub mod review;
pub mod review_removal;
pub mod reward;
pub mod share;
pub mod visitor;
