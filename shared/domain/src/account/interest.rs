//! Conflicts of interest: staff may not decide on matters in which they are a party.

use crate::id::UserId;

/// How a user is involved in what staff decide on; as an error, why they may not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Interest {
    /// The owner of the account.
    #[error("This is your own account: another staff member must decide.")]
    Member,
    /// The creator of the listing.
    #[error("You sell this listing: another staff member must decide.")]
    Creator,
    /// The buyer of the listing.
    #[error("You bought this listing: another staff member must decide.")]
    Buyer,
    /// The reporter of the listing.
    #[error("You reported this: another staff member must decide.")]
    Reporter,
    /// The author of the review.
    #[error("You wrote this review: another staff member must decide.")]
    Author,
    /// Who took the decision that is appealed.
    #[error("You took this decision: another staff member must decide.")]
    Decider,
}

crate::domain_error! {
    Interest {
        Member => Forbidden, "own_account";
        Creator => Forbidden, "own_listing";
        Buyer => Forbidden, "own_purchase";
        Reporter => Forbidden, "own_report";
        Author => Forbidden, "own_review";
        Decider => Forbidden, "own_decision";
    }
}

/// Checks that `staff` is not among `involved`, the users with an interest in the decision.
///
/// # Errors
/// The first interest that `staff` has.
pub fn check_impartial<'a>(
    staff: &UserId,
    involved: impl IntoIterator<Item = (Interest, &'a UserId)>,
) -> Result<(), Interest> {
    let own = involved.into_iter().find(|(_, user)| *user == staff);
    own.map_or(Ok(()), |(interest, _)| Err(interest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DomainError;

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
