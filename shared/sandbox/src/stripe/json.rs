//! Reading and writing stored objects. An object is stored as the JSON of its answers, so an absent
//! field reads as an empty value.

use serde_json::{Map, Value};

/// The string at `pointer`, or `""`.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The string at `pointer`, unless absent or empty.
pub(super) fn text_of<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    Some(text(object, pointer)).filter(|text| !text.is_empty())
}

/// The number at `pointer`, or 0.
pub(super) fn int(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The boolean at `pointer`, or false.
pub(super) fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The list at `pointer`, or an empty one.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The value at `pointer`, or null.
pub(super) fn value(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).cloned().unwrap_or_default()
}

/// Writes `value` at `pointer` and creates missing objects on the way. An index past the end of a
/// list changes nothing.
pub(super) fn set(object: &mut Value, pointer: &str, value: impl Into<Value>) {
    let mut place = object;
    for step in pointer.split('/').skip(1) {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let next = match step.parse::<usize>() {
            Ok(index) if place.is_array() => place.get_mut(index),
            Ok(_) | Err(_) => {
                place.as_object_mut().map(|map| map.entry(step).or_insert(Value::Null))
            }
        };
        let Some(next) = next else { return };
        place = next;
    }
    *place = value.into();
}

/// Merges metadata as updates do: an empty value removes its key, an empty string clears all.
pub(super) fn merge_metadata(object: &mut Value, change: Option<&Value>) {
    let Some(change) = change else { return };
    let Some(changes) = change.as_object() else {
        set(object, "/metadata", Map::new());
        return;
    };
    for (key, value) in changes {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        if value.as_str() == Some("") {
            metadata.remove(key);
        } else {
            metadata.insert(key.clone(), value.clone());
        }
    }
}

/// Metadata of a new object: the sent map, or an empty one.
pub(super) fn metadata(sent: Option<&Value>) -> Value {
    let sent = sent.and_then(Value::as_object).cloned().unwrap_or_default();
    sent.into_iter().filter(|(_, value)| value.as_str() != Some("")).collect()
}

/// The fields of `before` that differ in `after`: the `previous_attributes` of an event. Objects
/// are compared by field, lists as a whole.
pub(super) fn difference(before: &Value, after: &Value) -> Map<String, Value> {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        return Map::new();
    };
    let mut previous = Map::new();
    for key in new.keys().chain(old.keys().filter(|key| !new.contains_key(*key))) {
        let (was, is) = (old.get(key).unwrap_or(&Value::Null), &after[key.as_str()]);
        if was == is {
            continue;
        }
        let inner = difference(was, is);
        let told = if inner.is_empty() { was.clone() } else { Value::Object(inner) };
        previous.insert(key.clone(), told);
    }
    previous
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn previous_attributes_hold_what_changed() {
        let before = json!({ "a": 1, "b": { "c": 1, "d": 2 }, "e": [1], "gone": "x" });
        let after = json!({ "a": 1, "b": { "c": 3, "d": 2 }, "e": [1, 2], "new": true });
        let told = json!({ "b": { "c": 1 }, "e": [1], "gone": "x", "new": null });
        assert_eq!(Value::Object(difference(&before, &after)), told);
        assert!(difference(&after, &after).is_empty());
    }

    #[test]
    fn setting_makes_the_way() {
        let mut object = json!({ "items": [{ "n": 1 }], "void": null });
        set(&mut object, "/items/0/n", 2);
        set(&mut object, "/void/deep", "x");
        set(&mut object, "/items/7/n", 2);
        assert_eq!(object, json!({ "items": [{ "n": 2 }], "void": { "deep": "x" } }));
    }

    #[test]
    fn metadata_merges() {
        let mut object = json!({ "metadata": { "a": "1", "b": "2" } });
        merge_metadata(&mut object, Some(&json!({ "a": "", "c": "3" })));
        assert_eq!(object, json!({ "metadata": { "b": "2", "c": "3" } }));
        merge_metadata(&mut object, Some(&json!("")));
        assert_eq!(object, json!({ "metadata": {} }));
    }
}
