//! Form encoding of requests: `a[b][0][c]=1&d[]=x` becomes nested JSON with string leaves.
//!
//! Keys that count from 0 make a list, as does `[]`; metadata is always a map. An empty pair, which
//! some encoders write for an empty map, is ignored.

use serde_json::{Map, Value};

/// Most pairs of one request.
pub(super) const PAIRS_MAX: usize = 1_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 8;

/// A form that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    /// More than [`PAIRS_MAX`] pairs.
    #[error("A request has at most {PAIRS_MAX} parameters.")]
    TooMany,
    /// Unbalanced or too deeply nested brackets.
    #[error("Invalid parameter name: {0}")]
    Name(String),
    /// A name used both as a value and as a map.
    #[error("Invalid parameter: {0} is given twice")]
    Twice(String),
}

/// Parses a query or a body.
pub(super) fn parse(encoded: &[u8]) -> Result<Value, FormError> {
    let mut root = Value::Object(Map::new());
    let pairs = form_urlencoded::parse(encoded);
    let pairs = pairs.filter(|(name, value)| !name.is_empty() || !value.is_empty());
    for (count, (name, value)) in pairs.enumerate() {
        if PAIRS_MAX <= count {
            return Err(FormError::TooMany);
        }
        let steps = steps(&name).ok_or_else(|| FormError::Name(name.to_string()))?;
        insert(&mut root, &steps, value.into_owned())
            .ok_or_else(|| FormError::Twice(name.to_string()))?;
    }
    Ok(with_lists(root))
}

/// `a[b][0]` as `a`, `b`, `0`.
fn steps(name: &str) -> Option<Vec<&str>> {
    let (first, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
    let mut steps = vec![first];
    while !rest.is_empty() {
        let (step, after) = rest.strip_prefix('[')?.split_once(']')?;
        steps.push(step);
        rest = after;
    }
    (!first.is_empty() && steps.len() <= DEPTH_MAX).then_some(steps)
}

fn insert(place: &mut Value, steps: &[&str], value: String) -> Option<()> {
    let Some((step, rest)) = steps.split_first() else {
        return place.is_null().then(|| *place = Value::String(value));
    };
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    let map = place.as_object_mut()?;
    let key = if step.is_empty() { map.len().to_string() } else { (*step).to_owned() };
    insert(map.entry(key).or_insert(Value::Null), rest, value)
}

/// Turns maps with keys that count from 0 into lists.
fn with_lists(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let count = map.len();
    let counts = (0..count).all(|index| map.contains_key(&index.to_string()));
    let mut map: Map<String, Value> = map
        .into_iter()
        .map(|(key, value)| {
            let value = if key == "metadata" { value } else { with_lists(value) };
            (key, value)
        })
        .collect();
    if count == 0 || !counts {
        return Value::Object(map);
    }
    (0..count).filter_map(|index| map.remove(&index.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn brackets_nest() {
        for (form, value) in [
            ("", json!({})),
            ("=", json!({})),
            ("a=1&b=x+y%26", json!({ "a": "1", "b": "x y&" })),
            ("a[b]=1&a[c][d]=2", json!({ "a": { "b": "1", "c": { "d": "2" } } })),
            ("l[0][p]=x&l[1][p]=y", json!({ "l": [{ "p": "x" }, { "p": "y" }] })),
            ("l%5B0%5D=x", json!({ "l": ["x"] })),
            ("k[]=a&k[]=b", json!({ "k": ["a", "b"] })),
            ("metadata[0]=a", json!({ "metadata": { "0": "a" } })),
            ("l[1]=x", json!({ "l": { "1": "x" } })),
        ] {
            assert_eq!(parse(form.as_bytes()), Ok(value), "{form}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let deep = format!("a{}=1", "[b]".repeat(DEPTH_MAX));
        let many = "a[]=1&".repeat(PAIRS_MAX + 1);
        for (form, refused) in [
            ("a[b=1", FormError::Name("a[b".to_owned())),
            ("a[b]c=1", FormError::Name("a[b]c".to_owned())),
            ("[a]=1", FormError::Name("[a]".to_owned())),
            ("a=1&a=2", FormError::Twice("a".to_owned())),
            ("a=1&a[b]=2", FormError::Twice("a[b]".to_owned())),
            (&deep, FormError::Name(deep.trim_end_matches("=1").to_owned())),
            (&many, FormError::TooMany),
        ] {
            assert_eq!(parse(form.as_bytes()), Err(refused), "{form}");
        }
    }
}
