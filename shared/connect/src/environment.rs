//! The environment of the process. Nothing else in the project reads it.

use std::{collections::HashMap, fmt, str::FromStr};

use crate::error::InitError;

/// The variables of the process, or of a test.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The variables of this process. One that is not UTF-8 counts as not set.
    pub fn of_process() -> Environment {
        let pairs = std::env::vars_os();
        Environment(
            pairs
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// The given variables and no others.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Environment {
        variables.into_iter().collect()
    }

    /// # Errors
    /// [`InitError::Missing`] with all of `names` that are not set at all.
    pub fn require(&self, names: &[&'static str]) -> Result<(), InitError> {
        let missing: Vec<_> =
            names.iter().copied().filter(|name| !self.0.contains_key(*name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(InitError::Missing(missing)) }
    }

    /// A variable that must have a value.
    ///
    /// # Errors
    /// [`InitError::Missing`] when it is not set or empty.
    pub fn text(&self, name: &'static str) -> Result<&str, InitError> {
        self.optional(name).ok_or_else(|| InitError::Missing(vec![name]))
    }

    /// A variable that may be absent; empty means the same.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A variable parsed as `T`.
    ///
    /// # Errors
    /// [`InitError::Missing`], or [`InitError::Unusable`] when it does not parse.
    pub fn parse<T: FromStr<Err: fmt::Display>>(&self, name: &'static str) -> Result<T, InitError> {
        self.text(name)?.parse().map_err(InitError::unusable(name))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(variables: I) -> Environment {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Environment(variables.into_iter().map(owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_variables_are_reported_at_once() {
        let env = Environment::of([("TABLE_NAME", "app"), ("GEMINI_SECRET_ARN", "")]);
        assert!(env.require(&["TABLE_NAME", "GEMINI_SECRET_ARN"]).is_ok());
        let missing = env.require(&["CORS_ORIGINS", "TABLE_NAME", "IMAGES_BUCKET"]).unwrap_err();
        assert_eq!(missing.to_string(), "not set: CORS_ORIGINS, IMAGES_BUCKET");
    }

    #[test]
    fn a_value_that_cannot_be_used_is_not_repeated_in_full() {
        let env = Environment::of([("LIMIT", "hunter2"), ("EMPTY", " ")]);
        assert_eq!(env.optional("EMPTY"), None);
        assert_eq!(env.text("EMPTY").unwrap_err().to_string(), "not set: EMPTY");
        let unusable = env.parse::<u32>("LIMIT").unwrap_err().to_string();
        assert_eq!(unusable, "LIMIT cannot be used: invalid digit found in string");
    }
}
