//! What is for sale: a product and a price for each plan and each pack of `domain`'s tables.

use domain::{pack::Pack, plan::Plan};
use serde_json::{Value, json};

use super::{
    super::PAGE_SIZE,
    StripeError,
    run::{Done, Row, Run, is_as, items, row, text},
};

/// An item for sale. Its product's id is its lookup key, so that there is one of each.
struct Good {
    lookup_key: &'static str,
    name: String,
    cents: u32,
    /// Monthly, or `None` for once.
    recurring: Option<Value>,
}

fn goods() -> Vec<Good> {
    let plans = Plan::ALL.map(Plan::terms).into_iter().filter_map(|terms| {
        Some(Good {
            lookup_key: terms.lookup_key?,
            name: format!("ProLight {}", terms.name),
            cents: terms.monthly_price_cents,
            recurring: Some(json!({"interval": "month", "interval_count": 1})),
        })
    });
    let packs = Pack::ALL.map(Pack::terms).into_iter().map(|terms| Good {
        lookup_key: terms.lookup_key,
        name: terms.name.to_owned(),
        cents: terms.price_cents,
        recurring: None,
    });
    plans.chain(packs).collect()
}

pub(super) async fn set_up(run: &Run<'_>) -> Result<Vec<Row>, StripeError> {
    let mut rows = Vec::new();
    for good in goods() {
        rows.push(product(run, &good).await?);
        rows.push(price(run, &good).await?);
    }
    Ok(rows)
}

async fn product(run: &Run<'_>, good: &Good) -> Result<Row, StripeError> {
    let what = format!("product {}", good.lookup_key);
    let path = format!("/products/{}", good.lookup_key);
    let wanted = json!({"name": good.name, "active": true});
    let present = match run.get(&path).await {
        Ok(present) => present,
        Err(StripeError::Missing) => {
            let form = json!({"id": good.lookup_key, "name": good.name});
            return Ok(row(what, &run.post("/products", &form).await?, Done::Created));
        }
        Err(error) => return Err(error),
    };
    if is_as(&present, &wanted) {
        return Ok(row(what, &present, Done::Found));
    }
    Ok(row(what, &run.post(&path, &wanted).await?, Done::Changed))
}

/// A price never changes its amount. So an incorrect one is replaced by a new one, which takes over
/// the lookup key, and the product's other prices are deactivated. Subscriptions to them are
/// unaffected.
async fn price(run: &Run<'_>, good: &Good) -> Result<Row, StripeError> {
    let what = format!("price {}", good.lookup_key);
    let query = json!({"product": good.lookup_key, "active": true, "limit": PAGE_SIZE});
    let on_sale = run.list("/prices", &query).await?;
    let has_key = |price: &&Value| text(price, "lookup_key") == good.lookup_key;
    let kept = items(&on_sale).iter().find(has_key);
    let (kept, done) = match kept {
        Some(price) if is_as(price, &wanted(good)) => settle_tax(run, price).await?,
        Some(_) => (create(run, good).await?, Done::Changed),
        None => (create(run, good).await?, Done::Created),
    };
    for other in items(&on_sale).iter().filter(|price| text(price, "id") != text(&kept, "id")) {
        let path = format!("/prices/{}", text(other, "id"));
        run.post(&path, &json!({"active": false})).await?;
    }
    Ok(row(what, &kept, done))
}

fn wanted(good: &Good) -> Value {
    json!({
        "product": good.lookup_key,
        "currency": "usd",
        "unit_amount": good.cents,
        "recurring": good.recurring,
        "lookup_key": good.lookup_key,
    })
}

/// Our prices exclude tax. Stripe lets an unspecified tax behavior be set once.
async fn settle_tax(run: &Run<'_>, price: &Value) -> Result<(Value, Done), StripeError> {
    if text(price, "tax_behavior") == "exclusive" {
        return Ok((price.clone(), Done::Found));
    }
    let path = format!("/prices/{}", text(price, "id"));
    Ok((run.post(&path, &json!({"tax_behavior": "exclusive"})).await?, Done::Changed))
}

async fn create(run: &Run<'_>, good: &Good) -> Result<Value, StripeError> {
    let mut form = wanted(good);
    if let Some(form) = form.as_object_mut() {
        form.retain(|_, value| !value.is_null());
        form.insert("transfer_lookup_key".to_owned(), true.into());
        form.insert("tax_behavior".to_owned(), "exclusive".into());
    }
    run.post("/prices", &form).await
}
