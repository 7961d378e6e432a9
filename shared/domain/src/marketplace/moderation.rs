//! Moderation: members' reports, and their consequences for a creator.
//!
//! * [`flag`]: reports of a listing;
//! * [`strike`]: who may sell;
//! * `interest`: conflicts of interest of staff.

pub mod flag;
mod interest;
pub mod strike;
