//! Conflicts of interest: nobody of the staff decides on their own business.

use crate::{
    error::{DomainError, ErrorKind},
    id::UserId,
};

/// What somebody is to the thing that staff decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// It is their account.
    Member,
    /// They sell it.
    Creator,
    /// They bought it.
    Buyer,
    /// They reported it.
    Reporter,
}

/// Whoever is to decide has an interest in the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}: somebody else of the staff has to decide.", .0.what())]
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

/// Holds `staff` to having no part in what they decide on; `involved` are all who have one.
///
/// # Errors
/// The first part that is theirs.
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
    fn whoever_has_a_part_in_it_does_not_decide() {
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
