//! The environment of the process. Nothing else in the project reads it.

use std::{collections::HashMap, fmt, str::FromStr};

/// The variables of the process, or of a test.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, String>);

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Variables that are not set.
    #[error("not set: {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// A variable with an invalid value. The value is not shown: it may be secret.
    #[error("{name} cannot be used: {why}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A service required at start did not answer.
    #[error("{what} is not available")]
    Unavailable {
        /// The service.
        what: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

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
        Environment(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
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
        let parsed = self.text(name)?.parse::<T>();
        parsed.map_err(|e| InitError::Unusable { name, why: e.to_string() })
    }
}
