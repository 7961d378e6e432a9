//! Conflicts of interest in the marketplace.

use super::flag::{FlagSubject, Flags};
use crate::{
    account::{Interest, check_impartial},
    id::UserId,
    marketplace::{
        community::review::Review,
        listing::Listing,
        purchase::{Purchase, entitlement::Entitlement},
    },
};

impl Listing {
    /// Checks that a staff member may decide on a listing: not its creator, not a member who ever
    /// `owned` it, and not one with an open report of it.
    ///
    /// # Errors
    /// [`Interest`].
    pub fn check_impartial(
        &self,
        staff: &UserId,
        flags: Option<&Flags>,
        owned: Option<&Entitlement>,
    ) -> Result<(), Interest> {
        let bought = owned.map(|it| (Interest::Buyer, &it.buyer_id));
        let reports = flags.into_iter().flat_map(|it| &it.flags);
        let reported = reports.map(|it| (Interest::Reporter, &it.user_id));
        let sold = (Interest::Creator, &self.creator_id);
        check_impartial(staff, [sold].into_iter().chain(bought).chain(reported))
    }
}

impl Flags {
    /// Checks that a staff member may decide on reports: neither the member they are about, nor the
    /// author of the review, nor the creator of the listing, nor a reporter.
    ///
    /// # Errors
    /// [`Interest`].
    pub fn check_impartial(
        &self,
        staff: &UserId,
        listing: Option<&Listing>,
        review: Option<&Review>,
    ) -> Result<(), Interest> {
        let member = match &self.subject {
            FlagSubject::Member { member_id } => Some((Interest::Member, member_id)),
            FlagSubject::Listing { .. }
            | FlagSubject::Image { .. }
            | FlagSubject::Review { .. } => None,
        };
        let sold = listing.map(|it| (Interest::Creator, &it.creator_id));
        let wrote = review.map(|it| (Interest::Author, &it.buyer_id));
        let reported = self.flags.iter().map(|it| (Interest::Reporter, &it.user_id));
        check_impartial(staff, member.into_iter().chain(sold).chain(wrote).chain(reported))
    }
}

impl Purchase {
    /// Checks that a staff member may refund a purchase: neither its buyer nor its seller.
    ///
    /// # Errors
    /// [`Interest`].
    pub fn check_impartial(&self, staff: &UserId) -> Result<(), Interest> {
        let involved = [(Interest::Buyer, &self.buyer_id), (Interest::Creator, &self.creator_id)];
        check_impartial(staff, involved)
    }
}
