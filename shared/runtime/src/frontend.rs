//! The frontend pages that Stripe and share links return people to.

use connect::{Aws, Connect, Environment, InitError};

const FRONTEND_URL: &str = "FRONTEND_URL";

/// The frontend pages that people return to. Their addresses never contain caller input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontend {
    root: String,
}

impl Frontend {
    /// Pages below `root`.
    pub fn new(root: &str) -> Frontend {
        Frontend { root: root.trim_end_matches('/').to_owned() }
    }

    /// The page at `path`, which begins with a slash.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }
}

impl Connect for Frontend {
    fn variables() -> Vec<&'static str> {
        vec![FRONTEND_URL]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<Frontend, InitError> {
        Ok(Frontend::new(env.text(FRONTEND_URL)?))
    }
}
