//! The account's objects by id, and how endpoints show them: with `expand`, and in pages.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    errors::Refused,
    json::{flag, int, text},
};

/// Most objects stored; at the limit, requests are refused.
pub(super) const OBJECTS_MAX: usize = 100_000;

/// Deepest expansion, as in the API.
const EXPAND_DEPTH_MAX: usize = 4;
/// Longest page, and the default.
const PAGE_MAX: i64 = 100;
const PAGE: i64 = 10;

/// Lists that an object shows only when expanded: the owner's kind, the field, the kind of the
/// objects, and the field of theirs that names the owner.
const LISTS_WITHIN: [(&str, &str, &str, &str); 4] = [
    ("charge", "refunds", "refund", "/charge"),
    ("invoice", "payments", "invoice_payment", "/invoice"),
    ("checkout.session", "line_items", "item", "/session"),
    ("customer", "subscriptions", "subscription", "/customer"),
];

/// Stored objects.
#[derive(Debug, Default)]
pub(super) struct ObjectStore {
    objects: HashMap<String, Value>,
    /// The ids of each kind, oldest first.
    kinds: HashMap<String, Vec<String>>,
}

impl ObjectStore {
    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Stores a new object under its `id` and `object`.
    pub(super) fn put(&mut self, object: Value) -> String {
        let id = text(&object, "/id").to_owned();
        let kind = text(&object, "/object").to_owned();
        self.kinds.entry(kind).or_default().push(id.clone());
        self.objects.insert(id.clone(), object);
        id
    }

    pub(super) fn remove(&mut self, id: &str) {
        if let Some(object) = self.objects.remove(id)
            && let Some(ids) = self.kinds.get_mut(text(&object, "/object"))
        {
            ids.retain(|known| known != id);
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Value> {
        self.objects.get_mut(id)
    }

    /// The object of this kind and id. 404 if missing or deleted.
    pub(super) fn find(&self, kind: &str, id: &str) -> Result<&Value, Refused> {
        self.objects
            .get(id)
            .filter(|object| text(object, "/object") == kind && !flag(object, "/deleted"))
            .ok_or_else(|| Refused::no_such(kind.rsplit('.').next().unwrap_or(kind), id))
    }

    /// The object named by a parameter. 400 if missing.
    pub(super) fn find_param(&self, kind: &str, id: &str, param: &str) -> Result<&Value, Refused> {
        self.find(kind, id).map_err(|_| Refused::no_such_param(param, kind, id))
    }

    /// Every object of a kind, oldest first.
    pub(super) fn all<'a>(&'a self, kind: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.kinds.get(kind).into_iter().flatten().filter_map(|id| self.objects.get(id))
    }

    /// One page of the objects of a kind that match `fits`, newest first.
    pub(super) fn page(
        &self,
        kind: &str,
        url: &str,
        params: &Value,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, Refused> {
        let created = created_range(params);
        page_of(self.all(kind).rev(), |object| created(object) && fits(object), url, params)
    }

    /// Replaces ids by their objects along the paths in `expand`.
    pub(super) fn expand(&self, answer: &mut Value, params: &Value) -> Result<(), Refused> {
        for path in params["expand"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let path = path.as_str().unwrap_or_default();
            let steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
            if EXPAND_DEPTH_MAX < steps.len() {
                let message = format!(
                    "You cannot expand more than {EXPAND_DEPTH_MAX} levels of a property. \
                     Property: {path}"
                );
                return Err(Refused::invalid("expand", message));
            }
            self.expand_at(answer, &steps).ok_or_else(|| {
                let message = format!("This property cannot be expanded ({path}).");
                Refused::invalid("expand", message)
            })?;
        }
        Ok(())
    }

    fn expand_at(&self, place: &mut Value, steps: &[&str]) -> Option<()> {
        if let Some(object) = place.as_str().and_then(|id| self.get(id)) {
            *place = object.clone();
        }
        if let Some(items) = place.as_array_mut() {
            return items.iter_mut().try_for_each(|item| self.expand_at(item, steps));
        }
        let Some((step, rest)) = steps.split_first() else {
            return Some(());
        };
        if place.is_null() {
            return Some(());
        }
        if place.get(step).is_none() {
            let list = self.list_within(place, step)?;
            place.as_object_mut()?.insert((*step).to_owned(), list);
        }
        self.expand_at(place.get_mut(step)?, rest)
    }

    fn list_within(&self, owner: &Value, name: &str) -> Option<Value> {
        let kind = text(owner, "/object");
        let (_, _, of, points) = LISTS_WITHIN.iter().find(|row| row.0 == kind && row.1 == name)?;
        let id = text(owner, "/id");
        let data: Vec<&Value> = self.all(of).filter(|item| text(item, points) == id).collect();
        let url = format!("/v1/{}s/{id}/{name}", kind.replace('.', "/"));
        Some(json!({ "object": "list", "data": data, "has_more": false, "url": url }))
    }
}

/// Matches objects created in the range of the `created` parameter.
pub(super) fn created_range(params: &Value) -> impl Fn(&Value) -> bool {
    let asked = params["created"].clone();
    move |object| {
        let at = int(object, "/created");
        let bound = |name: &str| asked.get(name).and_then(Value::as_i64);
        asked.as_i64().is_none_or(|exactly| at == exactly)
            && bound("gt").is_none_or(|than| than < at)
            && bound("gte").is_none_or(|than| than <= at)
            && bound("lt").is_none_or(|than| at < than)
            && bound("lte").is_none_or(|than| at <= than)
    }
}

/// The page of matching objects for `limit`, `starting_after` and `ending_before`. `all` is sorted
/// newest first; a cursor may be an object that no longer matches.
pub(super) fn page_of<'a>(
    all: impl Iterator<Item = &'a Value>,
    fits: impl Fn(&Value) -> bool,
    url: &str,
    params: &Value,
) -> Result<Value, Refused> {
    let limit = params["limit"].as_i64().unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        let message = format!("Invalid limit: must be between 1 and {PAGE_MAX}");
        return Err(Refused::invalid("limit", message));
    }
    let limit = usize::try_from(limit).unwrap_or_default();
    let all: Vec<&Value> = all.collect();
    let place = |param: &str| match params[param].as_str().filter(|id| !id.is_empty()) {
        None => Ok(None),
        Some(id) => all
            .iter()
            .position(|object| text(object, "/id") == id)
            .map(Some)
            .ok_or_else(|| Refused::no_such_param(param, "object", id)),
    };
    let fitting = |part: &[&'a Value]| -> Vec<&'a Value> {
        part.iter().copied().filter(|object| fits(object)).collect()
    };
    let (found, data) = match (place("starting_after")?, place("ending_before")?) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: starting_after, \
                           ending_before.";
            return Err(Refused::invalid("ending_before", message));
        }
        (None, Some(before)) => {
            let found = fitting(all.get(..before).unwrap_or_default());
            let data = found.iter().skip(found.len().saturating_sub(limit)).copied().collect();
            (found, data)
        }
        (after, None) => {
            let begin = after.map_or(0, |after| after + 1);
            let found = fitting(all.get(begin..).unwrap_or_default());
            let data: Vec<&Value> = found.iter().take(limit).copied().collect();
            (found, data)
        }
    };
    let has_more = data.len() < found.len();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}
