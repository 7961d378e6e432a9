//! The test people: every address of one mail domain.

/// The people whom the sign-in page offers: name and description.
pub(crate) const OFFERED: [(&str, &str); 5] = [
    ("member", "makes images"),
    ("creator", "sells listings"),
    ("buyer", "buys listings"),
    ("moderator", "staff: reviews listings"),
    ("admin", "staff: sees and decides everything"),
];

/// The mail domain of all test people. RFC 2606 reserves `.test`.
pub const MAIL_DOMAIN: &str = "prolight.test";
/// Longest name before the `@`, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// No test person has this address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such person; names are 1 to 64 of a-z, 0-9, - and _ before @{MAIL_DOMAIN}")]
pub struct UnknownPerson;

/// A person who can sign in. The same address is always the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The subject: `user_` and the name.
    pub(crate) sub: String,
    pub(crate) email: String,
    /// Whether the address is verified: false for a name that begins with `unverified`.
    pub(crate) email_verified: bool,
    /// Display name: the name with a capital letter.
    pub(crate) name: String,
    /// Role, for staff only.
    pub(crate) role: Option<&'static str>,
}

impl Person {
    /// The person with an e-mail address, ignoring case.
    pub(crate) fn parse(email: &str) -> Result<Person, UnknownPerson> {
        let email = email.to_ascii_lowercase();
        let (name, domain) = email.split_once('@').ok_or(UnknownPerson)?;
        let named = (1..=NAME_BYTES_MAX).contains(&name.len())
            && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !named || domain != MAIL_DOMAIN {
            return Err(UnknownPerson);
        }
        let role = match name {
            "moderator" => Some("moderator"),
            "admin" => Some("admin"),
            _ => None,
        };
        Ok(Person {
            sub: format!("user_{name}"),
            name: capitalized(name),
            email_verified: !name.starts_with("unverified"),
            role,
            email,
        })
    }
}

fn capitalized(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_always_the_same_person() {
        let check = |email, sub: &str, name: &str, role| {
            let person = Person::parse(email).unwrap();
            let seen = (person.sub.as_str(), person.name.as_str(), person.role);
            assert_eq!(seen, (sub, name, role), "{email}");
            assert!(domain::id::UserId::parse(&person.sub).is_ok());
        };
        check("member@prolight.test", "user_member", "Member", None);
        check("Creator@ProLight.test", "user_creator", "Creator", None);
        check("moderator@prolight.test", "user_moderator", "Moderator", Some("moderator"));
        check("admin@prolight.test", "user_admin", "Admin", Some("admin"));
        check("run-7_b@prolight.test", "user_run-7_b", "Run-7_b", None);
    }

    #[test]
    fn everybody_else_is_nobody() {
        let long = format!("{}@prolight.test", "a".repeat(65));
        for email in
            ["", "member", "@prolight.test", "a b@prolight.test", "a@b.c", "ä@prolight.test", &long]
        {
            assert_eq!(Person::parse(email), Err(UnknownPerson), "{email}");
        }
    }
}
