//! Who has a part in what staff decide on in the marketplace.

use super::{
    flag::Flags,
    listing::Listing,
    purchase::{Entitlement, Purchase},
};
use crate::{
    account::{ConflictOfInterest, Interest, check_impartial},
    id::UserId,
};

impl Listing {
    /// Holds staff to having no part in a listing that they decide on: not its creator, not a member
    /// who `owned` it once, and not one whose report of it waits.
    ///
    /// # Errors
    /// [`ConflictOfInterest`].
    pub fn check_impartial(
        &self,
        staff: &UserId,
        flags: Option<&Flags>,
        owned: Option<&Entitlement>,
    ) -> Result<(), ConflictOfInterest> {
        let bought = owned.map(|it| (Interest::Buyer, &it.buyer_id));
        let reports = flags.into_iter().flat_map(|it| &it.flags);
        let reported = reports.map(|it| (Interest::Reporter, &it.user_id));
        let sold = (Interest::Creator, &self.creator_id);
        check_impartial(staff, [sold].into_iter().chain(bought).chain(reported))
    }
}

impl Purchase {
    /// Holds staff to being neither the buyer nor the seller of what they give money back for.
    ///
    /// # Errors
    /// [`ConflictOfInterest`].
    pub fn check_impartial(&self, staff: &UserId) -> Result<(), ConflictOfInterest> {
        let involved = [(Interest::Buyer, &self.buyer_id), (Interest::Creator, &self.creator_id)];
        check_impartial(staff, involved)
    }
}
