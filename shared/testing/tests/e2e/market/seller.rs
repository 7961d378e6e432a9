//! Frontend calls of a creator.

use std::{collections::BTreeSet, time::Duration};

use demo::api::{Answer, Api};
use domain::lighting::LightingRig;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::sleep};

use crate::member::{Member, answer, text, until};

pub(crate) const LISTINGS: &str = "/api/v1/marketplace/listings";

/// A unique search term.
pub(crate) fn word() -> String {
    let letters = (0..10).map(|_| char::from(b'a' + rand::random::<u8>() % 26));
    letters.collect()
}

/// A picture like a camera's.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x % 256) as u8, (y % 256) as u8, ((x + y) % 256) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Preparing a submission draws its pictures with all processors. With many at once, the local cloud
/// answers too late, and what then fails is delivered again only after twelve minutes.
static PREPARING: Semaphore = Semaphore::const_new(2);

pub(crate) fn lighting(title: &str, cents: u32) -> Value {
    json!({
        "type": "lighting_preset", "title": title, "description": "One key, hard and high.",
        "category": "portrait", "tags": ["end to end"],
        "price": { "amount": cents, "currency": "usd" },
        "demo": { "stops_max": 1.0 },
        "content": { "lighting": LightingRig::rembrandt() },
    })
}

impl Member {
    /// Creates a draft.
    pub(crate) async fn draft(&self, listing: &Value) -> Value {
        self.post(LISTINGS, listing).await.ok(201)
    }

    /// Publishes a draft: submitted by its creator, approved by a moderator.
    pub(crate) async fn publish(&self, id: &str) -> Value {
        let content_hash = self.submit(id).await["content_hash"].clone();
        let moderator = Member(Api::of("MODERATOR").unwrap());
        let path = format!("/api/v1/admin/marketplace/listings/{id}/approve");
        moderator.post(&path, &json!({ "content_hash": content_hash })).await.ok(200)
    }

    /// Submits a draft and waits until it can be reviewed. Returns the listing.
    pub(crate) async fn submit(&self, id: &str) -> Value {
        let _turn = PREPARING.acquire().await.unwrap();
        self.post(&format!("{LISTINGS}/{id}/submit"), &json!({})).await.ok(202);
        until("a submission to be prepared", async || {
            let own = self.own(id).await;
            (own["review"]["status"] == "pending").then_some(own)
        })
        .await
    }

    /// Puts a listing on sale. Returns its id.
    pub(crate) async fn on_sale(&self, listing: &Value) -> String {
        let made = self.draft(listing).await;
        let id = text(&made["id"]).to_owned();
        self.publish(&id).await;
        id
    }

    /// The upload form for a file.
    pub(crate) async fn form(&self, id: &str, request: &Value) -> Value {
        self.post(&format!("{LISTINGS}/{id}/uploads"), request).await.ok(201)
    }

    /// Waits until an upload was checked. Returns it.
    pub(crate) async fn looked_at(&self, id: &str, form: &Value) -> Value {
        let link = format!("{LISTINGS}/{id}/uploads/{}", text(&form["id"]));
        until("an upload", async || {
            let upload = self.get(&link).await.ok(200);
            (upload["status"] != "waiting").then_some(upload)
        })
        .await
    }

    /// Uploads a file through a form.
    pub(crate) async fn send(&self, form: &Value, file: &[u8]) -> Answer {
        answer(Api::anonymous().unwrap().form(form, file)).await
    }

    /// The listing, as its creator sees it.
    pub(crate) async fn own(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/marketplace/creator/listings/{id}")).await.ok(200)
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(body)).await
    }
}

/// A caller without a token.
pub(crate) fn visitor() -> Member {
    Member(Api::anonymous().unwrap())
}

/// How far a search process may lag behind the table. Two of them may lag differently.
const SEARCH_LAG: Duration = Duration::from_millis(500);

/// Waits until a search for a word finds exactly these titles, whichever process answers. Returns
/// the results.
pub(crate) async fn found(word: &str, titles: &[&str]) -> Vec<Value> {
    let wanted = BTreeSet::from_iter(titles.iter().copied());
    let items = until("a search to show what changed", async || {
        let page = visitor().get(&format!("{LISTINGS}/search?q={word}")).await.ok(200);
        let items = page["items"].as_array().unwrap();
        let seen: BTreeSet<&str> = items.iter().map(|it| text(&it["title"])).collect();
        (seen == wanted && items.len() == wanted.len()).then(|| items.clone())
    })
    .await;
    sleep(SEARCH_LAG).await;
    items
}
