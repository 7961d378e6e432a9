//! Products and prices. A price's amount never changes: a new price takes over its lookup key.

use domain::{pack::Pack, plan::Plan};
use serde_json::{Value, json};

use super::{
    Catalogue,
    account_state::AccountState,
    api::{Call, Endpoint},
    errors::Refused,
    json::{flag, merge_metadata, metadata, set, text, text_of},
    params::{CREATED, PAGE, Rules},
};

const PRODUCT: Rules = &[
    "active: bool",
    "description",
    "metadata.*",
    "tax_code",
    "unit_label",
    "url",
    "statement_descriptor",
    "default_price",
];
const PRICE: Rules = &[
    "currency!",
    "unit_amount!: int",
    "product",
    "product_data.name",
    "product_data.metadata.*",
    "product_data.tax_code",
    "active: bool",
    "lookup_key",
    "transfer_lookup_key: bool",
    "nickname",
    "metadata.*",
    "recurring.interval: day|week|month|year",
    "recurring.interval_count: int",
    "recurring.usage_type: licensed",
    "tax_behavior: inclusive|exclusive|unspecified",
    "billing_scheme: per_unit",
];
const PRICE_UPDATE: Rules = &[
    "active: bool",
    "lookup_key",
    "transfer_lookup_key: bool",
    "nickname",
    "metadata.*",
    "tax_behavior: inclusive|exclusive|unspecified",
];
const PRICE_LIST: Rules = &[
    "active: bool",
    "lookup_keys.*",
    "product",
    "currency",
    "type: one_time|recurring",
    "recurring.interval: day|week|month|year",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("products", &[PRODUCT, &["id", "name!"]], create_product),
    Endpoint::get("products", &[&["active: bool", "ids.*"], PAGE, CREATED], list_products),
    Endpoint::get("products/{}", &[], get_product),
    Endpoint::post("products/{}", &[PRODUCT, &["name"]], update_product),
    Endpoint::post("prices", &[PRICE], create_price),
    Endpoint::get("prices", &[PRICE_LIST, PAGE, CREATED], list_prices),
    Endpoint::get("prices/{}", &[], get_price),
    Endpoint::post("prices/{}", &[PRICE_UPDATE], update_price),
];

/// Values of a new price.
pub(super) struct NewPrice<'a> {
    pub(super) product: &'a str,
    pub(super) currency: &'a str,
    pub(super) unit_amount: i64,
    /// Interval and number of intervals per period; `None` for a one-time price.
    pub(super) recurring: Option<(&'a str, i64)>,
    pub(super) lookup_key: Option<&'a str>,
}

/// Adds our plans and packs without events, as if they were created before any endpoint.
pub(super) fn seed(state: &mut AccountState, catalogue: Catalogue) {
    match catalogue {
        Catalogue::Empty => return,
        Catalogue::Seeded => {}
    }
    for terms in Plan::ALL.map(Plan::terms) {
        let Some(key) = terms.lookup_key else { continue };
        let name = format!("ProLight {}", terms.name);
        seed_one(state, key, &name, terms.monthly_price_cents, Some(("month", 1)));
    }
    for terms in Pack::ALL.map(Pack::terms) {
        seed_one(state, terms.lookup_key, terms.name, terms.price_cents, None);
    }
}

fn seed_one(
    state: &mut AccountState,
    key: &str,
    name: &str,
    cents: u32,
    recurring: Option<(&str, i64)>,
) {
    let product = new_product(state, Some(key), name);
    let product = state.objects.put(product);
    let new = NewPrice {
        product: &product,
        currency: "usd",
        unit_amount: i64::from(cents),
        recurring,
        lookup_key: Some(key),
    };
    let mut price = new_price(state, &new);
    price["tax_behavior"] = "exclusive".into();
    state.objects.put(price);
}

pub(super) fn new_product(state: &mut AccountState, id: Option<&str>, name: &str) -> Value {
    json!({
        "id": id.map_or_else(|| state.ids.next("prod_"), str::to_owned),
        "object": "product",
        "active": true,
        "created": state.now,
        "default_price": null,
        "description": null,
        "images": [],
        "livemode": false,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": null,
        "shippable": null,
        "statement_descriptor": null,
        "tax_code": null,
        "type": "service",
        "unit_label": null,
        "updated": state.now,
        "url": null,
    })
}

pub(super) fn new_price(state: &mut AccountState, new: &NewPrice) -> Value {
    let recurring = new.recurring.map(|(interval, count)| {
        json!({
            "interval": interval, "interval_count": count, "meter": null,
            "trial_period_days": null, "usage_type": "licensed",
        })
    });
    json!({
        "id": state.ids.next("price_"),
        "object": "price",
        "active": true,
        "billing_scheme": "per_unit",
        "created": state.now,
        "currency": new.currency,
        "custom_unit_amount": null,
        "livemode": false,
        "lookup_key": new.lookup_key,
        "metadata": {},
        "nickname": null,
        "product": new.product,
        "recurring": recurring,
        "tax_behavior": "unspecified",
        "tiers_mode": null,
        "transform_quantity": null,
        "type": if new.recurring.is_some() { "recurring" } else { "one_time" },
        "unit_amount": new.unit_amount,
        "unit_amount_decimal": new.unit_amount.to_string(),
    })
}

fn create_product(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.text("id");
    if let Some(id) = id
        && state.objects.get(id).is_some()
    {
        return Err(Refused::invalid("id", format!("Product already exists: {id}"))
            .coded("resource_already_exists"));
    }
    let mut product = new_product(state, id, call.text("name").unwrap_or_default());
    fill_product(&mut product, call);
    let id = state.add(product, "product.created");
    Ok(state.object(&id))
}

fn fill_product(product: &mut Value, call: &Call) {
    let fields = [
        "name",
        "description",
        "tax_code",
        "unit_label",
        "url",
        "statement_descriptor",
        "default_price",
    ];
    for name in fields {
        if let Some(value) = call.text(name) {
            product[name] = value.into();
        }
    }
    if let Some(active) = call.flag("active") {
        product["active"] = active.into();
    }
    merge_metadata(product, call.get("metadata"));
}

fn list_products(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let ids = call.list("ids");
    state.objects.page("product", "/v1/products", &call.params, |product| {
        call.flag("active").is_none_or(|active| flag(product, "/active") == active)
            && (ids.is_empty() || ids.contains(&text(product, "/id")))
    })
}

fn get_product(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("product", call.id()).cloned()
}

fn update_product(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("product", call.id())?;
    let now = state.now;
    state.change(call.id(), "product.updated", |product| {
        let before = product.clone();
        fill_product(product, call);
        if *product != before {
            product["updated"] = now.into();
        }
    });
    Ok(state.object(call.id()))
}

fn create_price(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let amount = call.int("unit_amount").unwrap_or_default();
    if amount < 0 {
        return Err(Refused::invalid("unit_amount", "Invalid non-negative integer"));
    }
    let currency = currency(call.text("currency").unwrap_or_default(), "currency")?;
    let interval = call.text("recurring.interval");
    let count = call.int("recurring.interval_count").unwrap_or(1);
    if call.get("recurring").is_some() && interval.is_none() {
        return Err(Refused::missing("recurring[interval]"));
    }
    let key = call.text("lookup_key");
    check_key_free(state, call, key, "")?;
    let product = match (call.text("product"), call.text("product_data.name")) {
        (Some(id), None) => {
            state.objects.find_param("product", id, "product")?;
            id.to_owned()
        }
        (None, Some(name)) => {
            let product = new_product(state, None, name);
            state.add(product, "product.created")
        }
        (None, None) => return Err(Refused::missing("product")),
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: product, product_data.";
            return Err(Refused::invalid("product", message));
        }
    };
    let recurring = interval.map(|interval| (interval, count));
    let new =
        NewPrice { product: &product, currency, unit_amount: amount, recurring, lookup_key: key };
    let mut price = new_price(state, &new);
    for name in ["nickname", "tax_behavior"] {
        if let Some(value) = call.text(name) {
            price[name] = value.into();
        }
    }
    price["active"] = call.flag("active").unwrap_or(true).into();
    price["metadata"] = metadata(call.get("metadata"));
    take_key(state, key, "");
    let id = state.add(price, "price.created");
    Ok(state.object(&id))
}

fn list_prices(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let keys = call.list("lookup_keys");
    let same = |price: &Value, name: &str, pointer: &str| {
        call.text(name).is_none_or(|wanted| text(price, pointer) == wanted)
    };
    state.objects.page("price", "/v1/prices", &call.params, |price| {
        call.flag("active").is_none_or(|active| flag(price, "/active") == active)
            && (keys.is_empty() || keys.contains(&text(price, "/lookup_key")))
            && same(price, "product", "/product")
            && same(price, "currency", "/currency")
            && same(price, "type", "/type")
            && same(price, "recurring.interval", "/recurring/interval")
    })
}

fn get_price(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("price", call.id()).cloned()
}

fn update_price(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    state.objects.find("price", id)?;
    let key = call.text("lookup_key");
    check_key_free(state, call, key, id)?;
    take_key(state, key, id);
    state.change(id, "price.updated", |price| {
        for name in ["lookup_key", "nickname", "tax_behavior"] {
            if call.get(name).is_some() {
                price[name] = text_of(&call.params, &format!("/{name}")).into();
            }
        }
        if let Some(active) = call.flag("active") {
            price["active"] = active.into();
        }
        merge_metadata(price, call.get("metadata"));
    });
    Ok(state.object(id))
}

/// A currency in lower case. The sandbox sells in US dollars, euros and pounds.
pub(super) fn currency<'a>(given: &'a str, param: &str) -> Result<&'a str, Refused> {
    match given {
        "usd" | "eur" | "gbp" => Ok(given),
        other => Err(Refused::invalid(param, format!("Invalid currency: {other}"))),
    }
}

fn holder(state: &AccountState, key: &str, but: &str) -> Option<String> {
    let prices = state.objects.all("price");
    prices
        .filter(|price| text(price, "/lookup_key") == key && text(price, "/id") != but)
        .map(|price| text(price, "/id").to_owned())
        .next()
}

fn check_key_free(
    state: &AccountState,
    call: &Call,
    key: Option<&str>,
    but: &str,
) -> Result<(), Refused> {
    let transfers = call.flag("transfer_lookup_key").unwrap_or_default();
    match key.and_then(|key| holder(state, key, but)) {
        Some(price) if !transfers => {
            let message = format!(
                "A price (`{price}`) already uses that lookup key. Set `transfer_lookup_key` \
                 to true to transfer it."
            );
            Err(Refused::invalid("lookup_key", message))
        }
        Some(_) | None => Ok(()),
    }
}

fn take_key(state: &mut AccountState, key: Option<&str>, but: &str) {
    if let Some(price) = key.and_then(|key| holder(state, key, but)) {
        state.change(&price, "price.updated", |price| set(price, "/lookup_key", Value::Null));
    }
}
