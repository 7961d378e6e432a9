//! A small catalogue for a running stack: twelve listings of every kind with pictures, sold and
//! reviewed, created over HTTP as creators, a moderator and buyers would.
//!
//! It changes nothing on a stack that has a catalogue.

mod history;
mod listings;

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use studio::{Palette, Quality, Scene, Subject};

use crate::api::{Api, CallFailed, fresh_key};
pub use history::history;
use listings::{LISTINGS, Listed};

/// Longest wait for an upload or a payment to be processed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Listings that are made, and buyers who buy, at a time.
const AT_ONCE: usize = 4;
const LISTINGS_PATH: &str = "/api/v1/marketplace/listings";

/// Why seeding failed.
#[derive(Debug, thiserror::Error)]
pub enum SeedFailed {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallFailed),
    /// A step timed out.
    #[error("{0} took longer than {PATIENCE:?}")]
    TooLong(String),
    /// A picture cannot be rendered.
    #[error("a picture: {0}")]
    Picture(String),
}

/// The seeded catalogue.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// Number of listings on sale.
    pub listings: usize,
    /// A listing with a live demo.
    pub drawable: String,
    /// A listing with a price, and that price in cents.
    pub for_sale: (String, u64),
    /// Whether it existed before.
    pub existed: bool,
}

/// Creates the catalogue, unless the creator has listings already.
///
/// # Errors
/// See [`SeedFailed`].
pub async fn catalogue(progress: impl Fn(&str)) -> Result<Catalogue, SeedFailed> {
    let creator = Api::of("CREATOR")?;
    let own = creator.get("/api/v1/marketplace/creator/listings?limit=100").await?;
    let existed = own["items"].as_array().is_some_and(|items| !items.is_empty());
    if !existed {
        name(&creator, "Lena Okafor Studio").await?;
        let made = stream::iter(LISTINGS).map(|listed| put_on_sale(&creator, listed));
        let mut made = made.buffered(AT_ONCE).zip(stream::iter(LISTINGS));
        while let Some((id, listed)) = made.next().await {
            progress(&format!("{:<44} {}", listed.title, id?));
        }
        sell_and_review(&creator, &progress).await?;
    }
    catalogue_of(&creator, existed).await
}

/// The catalogue, read as its creator.
async fn catalogue_of(creator: &Api, existed: bool) -> Result<Catalogue, SeedFailed> {
    let own = creator.get("/api/v1/marketplace/creator/listings?limit=100").await?;
    let items = own["items"].as_array().cloned().unwrap_or_default();
    let on_sale = items.iter().filter(|item| item["status"] == "approved").count();
    let first = |fits: &dyn Fn(&Value) -> bool| {
        let found = items.iter().find(|item| item["status"] == "approved" && fits(item));
        found.map(|item| (text(&item["id"]).to_owned(), cents(item)))
    };
    let drawable = first(&|item| item["type"] == "lighting_preset");
    let for_sale = first(&|item| item["type"] == "fibo_template" && cents(item) > 0);
    let missing = || SeedFailed::Picture("the catalogue has no listing with a demo".to_owned());
    Ok(Catalogue {
        listings: on_sale,
        drawable: drawable.ok_or_else(missing)?.0,
        for_sale: for_sale.ok_or_else(missing)?,
        existed,
    })
}

async fn name(who: &Api, display_name: &str) -> Result<(), SeedFailed> {
    let body = json!({ "display_name": display_name });
    who.call(Method::PATCH, "/api/v1/me", &body).await?;
    Ok(())
}

async fn put_on_sale(creator: &Api, listed: &Listed) -> Result<String, SeedFailed> {
    let made = creator.post(LISTINGS_PATH, &fresh_key(), &listed.request()).await?;
    let id = text(&made["id"]).to_owned();
    if let Some(rig) = listed.pictured_with {
        upload(creator, &id, picture(rig, listed)?).await?;
    }
    let submit = format!("{LISTINGS_PATH}/{id}/submit");
    creator.post(&submit, &fresh_key(), &json!({})).await?;
    let submitted = prepared(creator, &id).await?;
    let approve = format!("/api/v1/admin/marketplace/listings/{id}/approve");
    let body = json!({ "content_hash": submitted["content_hash"] });
    Api::of("MODERATOR")?.post(&approve, &fresh_key(), &body).await?;
    Ok(id)
}

/// Waits until a submitted version waits for a moderator. Returns the listing.
async fn prepared(creator: &Api, id: &str) -> Result<Value, SeedFailed> {
    let path = format!("/api/v1/marketplace/creator/listings/{id}");
    until("a version to review", async || {
        let listing = creator.get(&path).await?;
        match text(&listing["review"]["status"]) {
            "pending" => Ok(Some(listing)),
            "preparing" => Ok(None),
            _ => Err(SeedFailed::Picture(listing["review"].to_string())),
        }
    })
    .await
}

/// Uploads a picture through its form, as a browser would, and waits until it was checked.
async fn upload(creator: &Api, listing: &str, png: Vec<u8>) -> Result<(), SeedFailed> {
    let path = format!("{LISTINGS_PATH}/{listing}/uploads");
    let body = json!({ "purpose": "preview", "content_type": "image/png", "bytes": png.len() });
    let form = creator.post(&path, &fresh_key(), &body).await?;
    creator.send_form(&form, &png).await?;
    let link = format!("{path}/{}", text(&form["id"]));
    until("a picture", async || {
        let upload = creator.get(&link).await?;
        match text(&upload["status"]) {
            "taken" => Ok(Some(())),
            "refused" => Err(SeedFailed::Picture(upload.to_string())),
            _ => Ok(None),
        }
    })
    .await
}

/// A picture of a template's or a model's output, approximated with our renderer.
fn picture(rig: &str, listed: &Listed) -> Result<Vec<u8>, SeedFailed> {
    let rig = domain::lighting::LightingRig::named(rig)
        .ok_or_else(|| SeedFailed::Picture(format!("there is no rig {rig}")))?;
    let camera = domain::camera::CameraSettings::default();
    let words = format!("{} {}", listed.title, listed.description);
    let (subject, palette) = (Subject::from_prompt(&words), Palette::from_prompt(&words));
    let frame = Scene::new(&rig, &camera, subject, palette, 7).render(900, 900, Quality::Preview);
    let picture = media::Picture::from_rgb(frame.width, frame.height, frame.rgb)
        .map_err(|error| SeedFailed::Picture(error.to_string()))?;
    Ok(picture.png.to_vec())
}

/// Buyers get the free listings, buy the others, and review them.
async fn sell_and_review(creator: &Api, progress: &impl Fn(&str)) -> Result<(), SeedFailed> {
    let own = creator.get("/api/v1/marketplace/creator/listings?limit=100").await?;
    let items = own["items"].as_array().cloned().unwrap_or_default();
    let buyers = stream::iter(listings::BUYERS).enumerate().map(async |(nth, (who, opinions))| {
        let buyer = Api::of_new_member().await?;
        name(&buyer, who).await?;
        for (title, stars, comment) in *opinions {
            let Some(item) = items.iter().find(|item| item["title"] == *title) else { continue };
            buy(&buyer, item, nth).await?;
            let review = json!({ "listing_id": item["id"], "rating": stars, "comment": comment });
            buyer.post("/api/v1/marketplace/reviews", &fresh_key(), &review).await?;
        }
        Ok::<String, SeedFailed>(format!("{who} bought and reviewed {}", opinions.len()))
    });
    let mut buyers = buyers.buffered(AT_ONCE);
    while let Some(done) = buyers.next().await {
        progress(&done?);
    }
    Ok(())
}

async fn buy(buyer: &Api, item: &Value, nth: usize) -> Result<(), SeedFailed> {
    let body = json!({ "listing_id": item["id"], "expected_price": item["price"] });
    let placed = buyer.post("/api/v1/marketplace/purchases", &fresh_key(), &body).await?;
    if placed["status"] != "paid" {
        // The two test cards that succeed, in turn.
        let card = ["4242424242424242", "5555555555554444"][nth % 2];
        buyer.pay(text(&placed["checkout_url"]), card).await?;
    }
    let link = format!("/api/v1/marketplace/purchases?listing_id={}", text(&item["id"]));
    until("a payment", async || {
        let found = buyer.get(&link).await?;
        Ok((found["items"][0]["status"] == "paid").then_some(()))
    })
    .await
}

async fn until<T>(
    what: &str,
    look: impl AsyncFn() -> Result<Option<T>, SeedFailed>,
) -> Result<T, SeedFailed> {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if began.elapsed() > PATIENCE {
            return Err(SeedFailed::TooLong(what.to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn cents(item: &Value) -> u64 {
    item["price"]["amount"].as_u64().unwrap_or_default()
}
