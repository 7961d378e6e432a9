//! Absolute links to this API.

use std::fmt;

use serde::Serialize;

/// Makes absolute links to this API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    root: String,
}

/// An absolute link, to a resource of this API or to a redirect's target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Link(String);

impl Links {
    /// Links below `root`, the URL of the stage.
    pub fn new(root: &str) -> Links {
        Links { root: root.trim_end_matches('/').to_owned() }
    }

    /// The link to `path`, which begins with a slash and is relative to the stage.
    pub fn to(&self, path: impl fmt::Display) -> Link {
        Link(format!("{}{path}", self.root))
    }
}

impl Link {
    /// A link outside this API.
    pub(crate) fn elsewhere(url: String) -> Link {
        Link(url)
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
