//! Why a function cannot start.

use std::{error::Error, fmt};

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
        source: Box<dyn Error + Send + Sync>,
    },
}

impl InitError {
    /// From what is wrong with the value of the variable `name`.
    pub fn unusable<E: fmt::Display>(name: &'static str) -> impl Fn(E) -> InitError {
        move |why| InitError::Unusable { name, why: why.to_string() }
    }

    /// From the cause why the service `what` did not answer.
    pub fn unavailable<E>(what: &'static str) -> impl Fn(E) -> InitError
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        move |source| InitError::Unavailable { what, source: source.into() }
    }
}

/// An error and its sources in one line, outermost first.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
