//! The main flow on a running stack, over HTTP as a frontend would: four people sign in, one of
//! them requests a picture, polls for it, and downloads it. Then a small catalogue is published,
//! searched, tried and bought.
//!
//! Reads `.local/env` of `scripts/up`; writes `.local/demo/image.png`, `demo.jpg`, and
//! `.local/demo/next.txt`, which `scripts/up` prints at its end.
#![expect(clippy::print_stdout, reason = "a command line program")]

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use demo::{
    api::{Api, fresh_key, variable},
    seed,
};
use domain::lighting::LightingRig;
use runtime::{Aws, Clock, Connect, Environment};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::Store;

const PEOPLE: [&str; 4] = ["MEMBER", "CREATOR", "MODERATOR", "ADMIN"];
const PROMPT: &str = "a calm studio portrait of a woman in a teal roll-neck, hair slicked back";
const PICTURE: &str = ".local/demo/image.png";
const DEMO: &str = ".local/demo/demo.jpg";
const NEXT: &str = ".local/demo/next.txt";
/// Longest wait for the picture.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    for person in PEOPLE {
        let me = Api::of(person)?.get("/api/v1/me").await?;
        line(&person.to_lowercase(), &format!("{} on {}", text(&me["email"]), text(&me["plan"])));
    }
    let api = Api::of("MEMBER")?;
    line("credits before", &credits(&api).await?);
    let job = follow(&api, order(&api).await?).await?;
    let picture = download(&api, &job).await?;
    line("picture", &picture);
    line("credits after", &credits(&api).await?);
    marketplace(&api).await?;
    revenue().await
}

/// Generates demo data for the admin reports.
async fn revenue() -> Result<(), Box<dyn Error>> {
    let table = variable("PROLIGHT_TABLE")?;
    let environment = [("TABLE_NAME", table.as_str())].into_iter().collect::<Environment>();
    let aws = Aws::from_environment(&Environment::of_process())?;
    let store = Store::connect(&environment, &aws).await?;
    let news = seed::history(&store, Clock::System.now()).await?;
    line("revenue", &format!("90 days generated, {news} new facts"));
    Ok(())
}

/// Publishes a catalogue, searches it, and renders a live demo of a result.
async fn marketplace(api: &Api) -> Result<(), Box<dyn Error>> {
    let catalogue = seed::catalogue(|made| line("catalogue", made)).await?;
    let how = if catalogue.existed { "existing" } else { "created" };
    line("on sale", &format!("{} listings ({how})", catalogue.listings));
    // With a typo, as users type.
    let found = api.get("/api/v1/marketplace/listings/search?q=rembrant&limit=3").await?;
    let first = text(&found["items"][0]["title"]);
    line("search rembrant", &format!("{} found, first: {first}", found["total"]));
    let demo = format!("/api/v1/marketplace/listings/{}/preview", catalogue.drawable);
    let body = json!({ "subject": "bust", "overrides": { "stops": 0.5 } });
    let shown = api.post(&demo, &fresh_key(), &body).await?;
    let bytes = api.fetch(text(&shown["image"]["url"])).await?;
    std::fs::write(DEMO, &bytes)?;
    line("live demo", &format!("{DEMO}, {} kB", bytes.len() / 1000));
    std::fs::write(NEXT, next(&catalogue))?;
    Ok(())
}

/// Suggested next commands, printed by `scripts/up`.
fn next(catalogue: &seed::Catalogue) -> String {
    let (listing, price) = &catalogue.for_sale;
    format!(
        r#"Find a listing, try one live (open the address it prints), and buy one: open the checkout_url in a browser
  curl "$PROLIGHT_API_URL/api/v1/marketplace/listings/search?q=rembrant&sort=relevance"
  curl -H 'Content-Type: application/json' -d '{{"subject": "product", "overrides": {{"stops": -0.5}}}}' \
    $PROLIGHT_API_URL/api/v1/marketplace/listings/{drawable}/preview
  curl -H "Authorization: Bearer $PROLIGHT_TOKEN_MEMBER" -H "Idempotency-Key: $(date +%s%N)" \
    -H 'Content-Type: application/json' \
    -d '{{"listing_id": "{listing}", "expected_price": {{"amount": {price}, "currency": "usd"}}}}' \
    $PROLIGHT_API_URL/api/v1/marketplace/purchases
  curl -H "Authorization: Bearer $PROLIGHT_TOKEN_MEMBER" $PROLIGHT_API_URL/api/v1/marketplace/purchases
Be paid as a creator: open the onboarding_url this prints, then look at your money; the last prints where a month of it is
  curl -X POST -H "Authorization: Bearer $PROLIGHT_TOKEN_CREATOR" -H 'Content-Type: application/json' -d '{{}}' \
    $PROLIGHT_API_URL/api/v1/marketplace/creator/onboarding
  curl -H "Authorization: Bearer $PROLIGHT_TOKEN_CREATOR" $PROLIGHT_API_URL/api/v1/marketplace/creator/stats
  curl -s -o /dev/null -w '%{{redirect_url}}\n' -H "Authorization: Bearer $PROLIGHT_TOKEN_CREATOR" \
    "$PROLIGHT_API_URL/api/v1/marketplace/creator/statements/$(date -u +%Y-%m)?format=pdf"
"#,
        drawable = catalogue.drawable,
    )
}

/// Requests the picture with a key that makes a retry of this request harmless.
async fn order(api: &Api) -> Result<Value, Box<dyn Error>> {
    let order = json!({ "prompt": PROMPT, "lighting": LightingRig::three_point() });
    let job = api.post("/api/v1/generations", &fresh_key(), &order).await?;
    line("asked", &format!("{} ({})", text(&job["id"]), text(&job["charge"]["status"])));
    Ok(job)
}

async fn follow(api: &Api, mut job: Value) -> Result<Value, Box<dyn Error>> {
    let began = Instant::now();
    let link = text(&job["links"]["self"]).to_owned();
    while !matches!(text(&job["status"]), "succeeded" | "failed" | "cancelled") {
        if began.elapsed() > PATIENCE {
            return Err(format!("still {} after {PATIENCE:?}", job["status"]).into());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = api.get(&link).await?;
        if now["status"] != job["status"] {
            let elapsed = began.elapsed().as_secs_f32();
            line(text(&now["status"]), &format!("after {elapsed:.1} s"));
        }
        job = now;
    }
    match text(&job["status"]) {
        "succeeded" => Ok(job),
        _ => Err(format!("no picture: {}", job["error"]).into()),
    }
}

async fn download(api: &Api, job: &Value) -> Result<String, Box<dyn Error>> {
    let image = &job["image"];
    let bytes = api.fetch(text(&image["url"])).await?;
    if hex::encode(Sha256::digest(&bytes)) != text(&image["sha256"]) {
        return Err("the picture is not the one the job names".into());
    }
    if let Some(folder) = Path::new(PICTURE).parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(PICTURE, &bytes)?;
    let size = format!("{} x {}", image["width"], image["height"]);
    Ok(format!(
        "{PICTURE}, {size}, {} kB, charge {}",
        bytes.len() / 1000,
        text(&job["charge"]["status"])
    ))
}

async fn credits(api: &Api) -> Result<String, Box<dyn Error>> {
    let credits = api.get("/api/v1/billing/credits?limit=1").await?;
    Ok(format!(
        "{} available, {} held, {} spent",
        credits["available"], credits["held"], credits["totals"]["spent"]
    ))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn line(what: &str, said: &str) {
    println!("  {what:<16} {said}");
}
