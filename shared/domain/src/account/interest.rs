//! Conflicts of interest: staff may not decide on matters in which they are a party.

use crate::{
    error::{DomainError, ErrorKind},
    id::UserId,
};

/// How a user is involved in what staff decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// The owner of the account.
    Member,
    /// The creator of the listing.
    Creator,
    /// The buyer of the listing.
    Buyer,
    /// The reporter of the listing.
    Reporter,
}

/// The staff member has an interest in the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}: another staff member must decide.", .0.what())]
pub struct ConflictOfInterest(pub Interest);

impl Interest {
    const fn what(self) -> &'static str {
        match self {
            Interest::Member => "This is your own account",
            Interest::Creator => "You sell this listing",
            Interest::Buyer => "You bought this listing",
            Interest::Reporter => "You reported this listing",
        }
    }
}

impl DomainError for ConflictOfInterest {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Forbidden
    }
    fn code(&self) -> &'static str {
        match self.0 {
            Interest::Member => "own_account",
            Interest::Creator => "own_listing",
            Interest::Buyer => "own_purchase",
            Interest::Reporter => "own_report",
        }
    }
}

/// Checks that `staff` is not among `involved`, the users with an interest in the decision.
///
/// # Errors
/// The first interest that `staff` has.
pub fn check_impartial<'a>(
    staff: &UserId,
    involved: impl IntoIterator<Item = (Interest, &'a UserId)>,
) -> Result<(), ConflictOfInterest> {
    let own = involved.into_iter().find(|(_, user)| *user == staff);
    own.map_or(Ok(()), |(interest, _)| Err(ConflictOfInterest(interest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_with_an_interest_do_not_decide() {
        let user = |name: &str| UserId::parse(name).unwrap();
        let (creator, buyer, reporter) = (user("creator"), user("buyer"), user("reporter"));
        let involved = [
            (Interest::Creator, &creator),
            (Interest::Buyer, &buyer),
            (Interest::Reporter, &reporter),
        ];
        for (staff, expected) in [
            ("creator", Some("own_listing")),
            ("buyer", Some("own_purchase")),
            ("reporter", Some("own_report")),
            ("moderator", None),
        ] {
            let code = check_impartial(&user(staff), involved).err().map(|it| it.code());
            assert_eq!(code, expected, "{staff}");
        }
        let own = check_impartial(&creator, [(Interest::Member, &creator)]);
        assert_eq!(own.map_err(|it| it.code()), Err("own_account"));
    }
}
