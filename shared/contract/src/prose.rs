//! What doc comments say of the code, in words for a caller: limits by their values, no link into the
//! code.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::problem::sources_of_crates;

/// The constants of the sources, as the text of their values, by name and file.
#[derive(Debug, Default)]
pub struct Constants(BTreeMap<String, Vec<(String, String)>>);

impl Constants {
    /// Those of all crates whose documentation reaches a caller.
    ///
    /// # Errors
    /// A sentence about a source that cannot be read.
    pub fn read(root: &Path) -> Result<Constants, String> {
        let mut constants = Constants::default();
        for file in sources_of_crates(root)? {
            let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            for (name, value) in text.lines().filter_map(declared) {
                let place = (file.display().to_string(), value.to_owned());
                constants.0.entry(name.to_owned()).or_default().push(place);
            }
        }
        Ok(constants)
    }

    /// The value of `name` in words: that of `file`, or the only one.
    fn worded(&self, name: &str, file: Option<&Path>) -> Option<String> {
        let places = self.0.get(name)?;
        let file = file.map(|file| file.display().to_string());
        let here = places.iter().find(|(place, _)| Some(place) == file.as_ref());
        let (place, value) = here.or(places.first().filter(|_| places.len() == 1))?;
        self.in_words(value, Path::new(place))
    }

    fn in_words(&self, value: &str, file: &Path) -> Option<String> {
        let word = |value: &str| self.in_words(value.trim(), file);
        for (call, unit) in [("a_minute", "a minute"), ("an_hour", "an hour"), ("a_day", "a day")] {
            if let Some(rest) = value.strip_prefix(&format!("Rate::{call}(")) {
                return Some(format!("{} {unit}", word(rest.strip_suffix(')')?)?));
            }
        }
        if let Some((least, most)) = value.split_once("..=") {
            return Some(format!("{} to {}", word(least)?, word(most)?));
        }
        if let Some(list) = value.strip_prefix('[') {
            let items = list.strip_suffix(']')?.split(',').map(word);
            return items.collect::<Option<Vec<String>>>().map(|items| items.join(", "));
        }
        if value.contains(" * ") {
            let factors = value.split(" * ").map(|it| word(it)?.parse::<u64>().ok());
            return factors.product::<Option<u64>>().map(|product| product.to_string());
        }
        if value.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'_' | b'.' | b'-')) {
            let plain = value.replace('_', "");
            return Some(plain.strip_suffix(".0").unwrap_or(&plain).to_owned());
        }
        is_constant(value).then(|| self.worded(value, Some(file)))?
    }

    /// `text` with the value in place of the name of each constant, `null` in place of `None`, and
    /// names in place of links into the code.
    pub fn rendered(&self, text: &str, file: Option<&Path>) -> String {
        let mut out = String::new();
        let mut parts = text.split('`');
        out.push_str(parts.next().unwrap_or_default());
        let mut rest = parts.collect::<Vec<_>>().into_iter();
        while let (Some(name), after) = (rest.next(), rest.next()) {
            let after = after.unwrap_or_default();
            let is_link = out.ends_with('[') && after.starts_with(']');
            let (word, after) = match is_link {
                true => {
                    out.pop();
                    (name.rsplit("::").next().unwrap_or(name), without_target(&after[1..]))
                }
                false => (name, after),
            };
            match self.worded(word, file).filter(|_| is_constant(word)) {
                Some(value) => out.push_str(&value),
                None if word == "None" => out.push_str("`null`"),
                None => out.push_str(&format!("`{word}`")),
            }
            out.push_str(after);
        }
        out
    }

    /// Every description of the document, so rendered.
    pub fn tell(&self, document: &mut Value) {
        match document {
            Value::Object(fields) => {
                if let Some(Value::String(text)) = fields.get_mut("description") {
                    *text = self.rendered(text, None);
                }
                fields.values_mut().for_each(|value| self.tell(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.tell(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The name and the value of a constant that is declared on one line.
fn declared(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.trim_start().split_once("const ")?;
    let (name, rest) = rest.split_once(": ")?;
    let (_, value) = rest.split_once(" = ")?;
    is_constant(name).then_some((name, value.strip_suffix(';')?))
}

fn is_constant(name: &str) -> bool {
    let is_in_name = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_';
    name.len() > 2
        && name.bytes().all(is_in_name)
        && !name.starts_with(|it: char| !it.is_alphabetic())
}

/// What follows a link, without the place it leads to.
fn without_target(after: &str) -> &str {
    let target = after.strip_prefix('(').and_then(|link| link.split_once(')'));
    target.map_or(after, |(_, after)| after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_constants_become_their_values() {
        let source = "pub const SIZE_M: RangeInclusive<f64> = 0.02..=4.0;\nconst MANY: u32 = 1_500;\n\
                      pub const A_MINUTE: Rate = Rate::a_minute(MANY);\nconst SIDES: [u32; 2] = [2, MANY];\nconst BYTES: u64 = 40 * 1_024;";
        let mut constants = Constants::default();
        for (name, value) in source.lines().filter_map(declared) {
            constants.0.insert(name.to_owned(), vec![("a.rs".to_owned(), value.to_owned())]);
        }
        let check =
            |text: &str, expected: &str| assert_eq!(constants.rendered(text, None), expected);
        check("Metres, in [`SIZE_M`].", "Metres, in 0.02 to 4.");
        check("at most `A_MINUTE`, one of [`SIDES`]", "at most 1500 a minute, one of 2, 1500");
        check("`BYTES` of it", "40960 of it");
        check("`None` as in [`crate::x::Name`](y)", "`null` as in `Name`");
        check("`GET` and `UTC` stay", "`GET` and `UTC` stay");
    }
}
