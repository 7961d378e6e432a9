//! Parameters of OAuth requests: a query or a form in which no name is there twice.

use std::collections::BTreeMap;

/// A name is there twice (RFC 6749, section 3.1).
#[derive(Debug)]
pub(crate) struct Repeated;

/// Names and values. An empty value counts as none, except that of a button.
#[derive(Debug)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Parses `application/x-www-form-urlencoded`.
    pub(crate) fn read(text: &[u8]) -> Result<Parameters, Repeated> {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if values.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Repeated);
            }
        }
        Ok(Parameters(values))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.as_str();
        (!value.is_empty() || name == "person").then_some(value)
    }
}
