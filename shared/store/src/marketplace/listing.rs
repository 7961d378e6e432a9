//! Listings: what their creators change, and the lists that show them.

pub(super) mod catalogue;
pub(super) mod listings;
mod models;
pub(super) mod update;
mod uploads;

pub use catalogue::{
    CHANGES_KEPT, CHANGES_LATE_AT_MOST, CHANGES_OVERLAP, CatalogueChange, Popular,
};
pub use listings::{ListingPage, changed_submission};
pub use update::ListingUpdate;
pub use uploads::Arrival;
