//! Reviews, share links, rewards and views.

mod reviews;
mod rewards;
mod shares;
mod views;

pub use views::Tally;
