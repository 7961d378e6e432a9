//! Accepted parameters of an endpoint, as data, and the validation of a request.
//!
//! A rule is one string: `"amount!: int"`. Path segments are separated by `.`; `*` matches any one
//! segment and `**` any number. `!` marks a required parameter, `?` one that an empty value unsets.
//! After the colon comes `int`, `bool` or the allowed values, separated by `|`; without a colon any
//! string is valid. Validation turns form strings into numbers and booleans, so endpoints read
//! typed values; JSON must have the right types already.

use serde_json::Value;

use super::errors::Refused;

/// The rules of an endpoint, or of a part that several share.
pub(super) type Rules = &'static [&'static str];

/// Accepted by every endpoint.
pub(super) const ALWAYS: Rules = &["expand.*"];
/// Accepted by every list.
pub(super) const PAGE: Rules = &["limit: int", "starting_after", "ending_before"];
/// A range of creation times.
pub(super) const CREATED: Rules =
    &["created: int", "created.gt: int", "created.gte: int", "created.lt: int", "created.lte: int"];

/// Most keys of one `metadata`.
const METADATA_KEYS_MAX: usize = 50;
/// Longest key and longest value of a `metadata` entry.
const METADATA_BYTES_MAX: (usize, usize) = (40, 500);

/// One parsed rule.
#[derive(Clone, Copy)]
struct Rule {
    path: &'static str,
    kind: &'static str,
    required: bool,
    unsets: bool,
}

impl Rule {
    fn read(text: &'static str) -> Rule {
        let (name, kind) = text.split_once(": ").unwrap_or((text, ""));
        let (path, required) = name.strip_suffix('!').map_or((name, false), |path| (path, true));
        let (path, unsets) = path.strip_suffix('?').map_or((path, false), |path| (path, true));
        // An empty value removes a metadata key.
        let unsets = unsets || path.contains("metadata");
        Rule { path, kind, required, unsets }
    }

    /// Whether this rule applies to a leaf. An empty string may replace a whole map: it clears it.
    fn fits(self, leaf: &[String], value: &Value) -> bool {
        let mut steps = self.path.split('.');
        let mut rest = leaf.iter();
        loop {
            match (steps.next(), rest.next()) {
                (None, None) | (Some("**"), _) => return true,
                (Some("*"), None) => return value.as_str() == Some(""),
                (Some("*"), Some(_)) => {}
                (Some(step), Some(name)) if step == name => {}
                (Some(_), _) | (None, Some(_)) => return false,
            }
        }
    }
}

/// Converts a leaf to the type of its rule.
type Typing = fn(&Value, &str, &[String]) -> Result<Value, Refused>;

/// Validates the `params` of a form against all of `rules` and types its leaves.
pub(super) fn check(params: &mut Value, rules: &[Rules]) -> Result<(), Refused> {
    check_with(params, rules, |leaf, kind, path| {
        typed(leaf.as_str().unwrap_or_default(), kind, path)
    })
}

/// Validates `params` from JSON.
pub(super) fn check_json(params: &mut Value, rules: &[Rules]) -> Result<(), Refused> {
    check_with(params, rules, as_typed)
}

fn check_with(params: &mut Value, rules: &[Rules], typing: Typing) -> Result<(), Refused> {
    let rules: Vec<Rule> =
        rules.iter().flat_map(|part| part.iter()).map(|r| Rule::read(r)).collect();
    check_leaves(params, &mut Vec::new(), &rules, typing)?;
    for rule in rules.iter().filter(|rule| rule.required) {
        let pointer = format!("/{}", rule.path.replace('.', "/"));
        if params.pointer(&pointer).is_none_or(|value| value.is_null() || *value == "") {
            return Err(Refused::missing(&bracketed(&steps_of(rule.path))));
        }
    }
    check_metadata(params, "")
}

fn check_leaves(
    value: &mut Value,
    path: &mut Vec<String>,
    rules: &[Rule],
    typing: Typing,
) -> Result<(), Refused> {
    if let Some(map) = value.as_object_mut() {
        for (key, inner) in map {
            path.push(key.clone());
            check_leaves(inner, path, rules, typing)?;
            path.pop();
        }
        return Ok(());
    }
    if let Some(items) = value.as_array_mut() {
        for (index, inner) in items.iter_mut().enumerate() {
            path.push(index.to_string());
            check_leaves(inner, path, rules, typing)?;
            path.pop();
        }
        return Ok(());
    }
    let Some(rule) = rules.iter().find(|rule| rule.fits(path, value)) else {
        return Err(unknown(path));
    };
    if *value == "" && !rule.unsets && !rule.required {
        return Err(Refused::empty(&bracketed(path)));
    }
    *value = typing(value, rule.kind, path)?;
    Ok(())
}

/// A leaf of JSON, already typed. Null counts as absent.
fn as_typed(leaf: &Value, kind: &str, path: &[String]) -> Result<Value, Refused> {
    let fits = match kind {
        "int" => leaf.is_i64(),
        "bool" => leaf.is_boolean(),
        _ => leaf.is_string(),
    };
    match leaf.as_str() {
        _ if leaf.is_null() => Ok(Value::Null),
        Some(text) if fits => typed(text, kind, path),
        Some(_) | None if fits => Ok(leaf.clone()),
        Some(_) | None => {
            let wanted = match kind {
                "int" => "an integer",
                "bool" => "a boolean",
                _ => "a string",
            };
            Err(Refused::invalid(&bracketed(path), format!("This must be {wanted}: {leaf}")))
        }
    }
}

fn unknown(path: &[String]) -> Refused {
    let name = bracketed(path);
    if path.first().is_some_and(|first| first == "payment_method_types") {
        let message = "The `payment_method_types` parameter is no longer supported. Use dynamic \
                       payment methods, or `allowed_payment_method_types`.";
        return Refused::invalid(&name, message).coded("payment_method_types_no_longer_supported");
    }
    Refused::unknown(&name)
}

fn typed(text: &str, kind: &str, path: &[String]) -> Result<Value, Refused> {
    let refused = |what: String| Refused::invalid(&bracketed(path), what);
    match kind {
        "" => Ok(text.into()),
        _ if text.is_empty() => Ok(Value::Null),
        "int" => text.parse::<i64>().map(Value::from).map_err(|_| {
            refused(format!("Invalid integer: {text}")).coded("parameter_invalid_integer")
        }),
        "bool" => text
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| refused(format!("Invalid boolean: {text}"))),
        values if values.split('|').any(|value| value == text) => Ok(text.into()),
        values => {
            let name = path.last().map(String::as_str).unwrap_or_default();
            let values = values.replace('|', ", ");
            Err(refused(format!("Invalid {name}: must be one of {values}")))
        }
    }
}

/// Limits of every `metadata` in a request (docs.stripe.com/api/metadata).
fn check_metadata(value: &Value, name: &str) -> Result<(), Refused> {
    let Some(map) = value.as_object() else {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        return items.iter().try_for_each(|item| check_metadata(item, ""));
    };
    if name != "metadata" {
        return map.iter().try_for_each(|(key, inner)| check_metadata(inner, key));
    }
    let (key_max, value_max) = METADATA_BYTES_MAX;
    let long = |(key, value): (&String, &Value)| {
        key_max < key.len() || value.as_str().is_some_and(|text| value_max < text.len())
    };
    if METADATA_KEYS_MAX < map.len() || map.iter().any(long) {
        let message = format!(
            "Metadata can have up to {METADATA_KEYS_MAX} keys of up to {key_max} characters, with \
             values of up to {value_max}."
        );
        return Err(Refused::invalid("metadata", message));
    }
    Ok(())
}

fn steps_of(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// `a`, `b`, `0` as `a[b][0]`.
fn bracketed(path: &[String]) -> String {
    let (first, rest) = path.split_first().map_or(("", path), |(first, rest)| (first, rest));
    rest.iter().fold(first.to_owned(), |name, step| format!("{name}[{step}]"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULES: Rules = &[
        "amount!: int",
        "mode: a|b",
        "on?: bool",
        "after",
        "metadata.*",
        "l.*.p",
        "features.**",
        "d.x!",
    ];

    fn checked(mut params: Value) -> Result<Value, String> {
        check(&mut params, &[RULES, ALWAYS])
            .map(|()| params)
            .map_err(|refused| refused.message().to_owned())
    }

    #[test]
    fn leaves_are_typed() {
        let params = json!({
            "amount": "5", "mode": "a", "on": "true", "metadata": { "k": "v" },
            "l": [{ "p": "x" }], "features": { "a": { "b": "c" } }, "d": { "x": "1" },
            "expand": ["y"],
        });
        let typed = checked(params).unwrap();
        assert_eq!(
            (&typed["amount"], &typed["on"], &typed["d"]["x"]),
            (&json!(5), &json!(true), &json!("1"))
        );
        let cleared = json!({ "amount": "5", "metadata": "", "on": "", "d": { "x": "1" } });
        assert_eq!(checked(cleared).unwrap()["on"], Value::Null);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (params, message) in [
            (json!({ "d": { "x": "1" } }), "Missing required param: amount."),
            (json!({ "amount": "1" }), "Missing required param: d[x]."),
            (json!({ "amount": "1", "d": { "x": "" } }), "Missing required param: d[x]."),
            (json!({ "after": "" }), "You passed an empty string for 'after'."),
            (json!({ "mode": "" }), "You passed an empty string for 'mode'."),
            (json!({ "amount": "1.5" }), "Invalid integer: 1.5"),
            (json!({ "amount": "1", "on": "1" }), "Invalid boolean: 1"),
            (json!({ "mode": "c" }), "Invalid mode: must be one of a, b"),
            (json!({ "l": [{ "q": "x" }] }), "Received unknown parameter: l[0][q]"),
            (json!({ "l": "x" }), "Received unknown parameter: l"),
            (json!({ "mode": { "a": "b" } }), "Received unknown parameter: mode[a]"),
        ] {
            let refused = checked(params.clone()).unwrap_err();
            assert!(refused.starts_with(message), "{params}: {refused}");
        }
        let mut json = json!({ "amount": "5", "d": { "x": "1" } });
        assert!(check_json(&mut json, &[RULES]).is_err(), "a text is no number");
        let mut json = json!({ "amount": 5, "on": true, "mode": "c", "d": { "x": "1" } });
        assert!(check_json(&mut json, &[RULES]).is_err(), "c is no mode");
        let mut json = json!({ "amount": 5, "on": true, "mode": "a", "d": { "x": "1" } });
        assert!(check_json(&mut json, &[RULES]).is_ok());
        let long =
            json!({ "amount": "1", "d": { "x": "1" }, "metadata": { "k": "v".repeat(501) } });
        assert!(checked(long).unwrap_err().starts_with("Metadata can have"));
    }
}
