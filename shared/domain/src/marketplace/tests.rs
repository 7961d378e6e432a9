//! The marketplace's rules, as tables.

mod archives;
mod conservation;
mod contents;
mod demos;
mod flags;
mod lints;
mod listings;
mod models;
mod offers;
mod payouts;
mod preparations;
mod purchase_updates;
mod refunds;
mod remarks;
mod reviews;
mod revisions;
mod settling;
mod shares;
mod slots;
mod statements;
mod strikes;
mod taken_back;
mod tallies;
mod uploads;

use serde_json::json;

use super::{
    Category, Kind,
    community::listing_stats::ListingStats,
    listing::{
        Listing, ListingError,
        content::{Content, Slot},
        demo::DemoSettings,
        model::ModelClaim,
        revision::{Description, Revision},
        upload::Preview,
    },
    moderation::strike::Seller,
    purchase::{Offer, Purchase, entitlement::Entitlement},
};
use crate::{
    DomainError, Timestamp,
    account::AccountStatus,
    camera::CameraSettings,
    error::InvalidFields,
    fibo::StructuredPrompt,
    id::{ListingId, PurchaseId, UploadId, UserId},
    lighting::LightingRig,
    time::DAY,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// `n` days after now.
fn day(days: u32) -> Timestamp {
    NOW.plus(DAY * days)
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn listing_id(number: u128) -> ListingId {
    ListingId::new(NOW, number)
}

fn purchase_id(number: u128) -> PurchaseId {
    PurchaseId::new(NOW, number)
}

/// A seller who may sell.
fn active() -> Seller {
    AccountStatus::Active.into()
}

fn suspended(until: Option<Timestamp>) -> AccountStatus {
    AccountStatus::Suspended { reason: "fraud".to_owned(), until }
}

/// The errors as `pointer code`, separated by commas; empty if there are none.
fn found<T>(checked: Result<T, InvalidFields>) -> String {
    let fields = checked.map_or_else(|InvalidFields(fields)| fields, |_| Vec::new());
    let list = fields.iter().map(|field| format!("{} {}", field.pointer, field.code));
    list.collect::<Vec<_>>().join(", ")
}

/// The result as a word: the error's code, or `ok`.
fn code<T, R: DomainError>(result: Result<T, R>) -> &'static str {
    result.map_or_else(|refused| refused.code(), |_| "ok")
}

/// A structured prompt that says `text`.
fn says(text: &str) -> StructuredPrompt {
    serde_json::from_value(json!({
        "short_description": text,
        "background_setting": "a grey sweep",
        "lighting": {"conditions": "soft daylight"},
        "aesthetics": {"composition": "centred"},
        "context": "a picture for a shop",
    }))
    .unwrap()
}

fn slot(name: &str, default: Option<&str>) -> Slot {
    Slot { name: name.to_owned(), label: "A label".to_owned(), default: default.map(str::to_owned) }
}

/// The minimal content of a kind.
fn content(kind: Kind) -> Content {
    let nothing = Content::default();
    match kind {
        Kind::CameraPreset => Content { camera: Some(CameraSettings::default()), ..nothing },
        Kind::LightingPreset => Content { lighting: Some(LightingRig::rembrandt()), ..nothing },
        Kind::FiboTemplate => Content {
            structured_prompt: Some(says("a {{thing}} on a table")),
            slots: vec![slot("thing", None)],
            ..nothing
        },
        Kind::ModelFinetune => Content { model_id: Some("acme-v1".to_owned()), ..nothing },
    }
}

fn description(kind: Kind) -> Description {
    Description {
        title: "Rembrandt at dusk".to_owned(),
        description: "A warm key and a cool edge.".to_owned(),
        category: Category::Portrait,
        tags: vec!["portrait".to_owned()],
        price: kind.terms().price_min,
        attribution: Some("Light by Ana".to_owned()),
        changes: None,
        demo: DemoSettings::default(),
        content: content(kind),
    }
}

fn preview(number: u128) -> Preview {
    Preview { upload_id: UploadId::new(NOW, number), width: 1024, height: 768, drawn: false }
}

/// A new listing with a preview.
fn begun(kind: Kind, price: u32) -> (Listing, Revision) {
    let described = Description { price, ..description(kind) };
    let (listing, mut revision) =
        Listing::create(listing_id(1), user("creator"), kind, described, NOW).unwrap();
    assert!(revision.add_preview(preview(1)));
    (listing, revision)
}

/// The name of a drawn picture.
fn picture(number: u128) -> UploadId {
    UploadId::new(NOW, 900 + number)
}

/// Submits a version and ends its preparation.
fn submitted(listing: &mut Listing, revision: &mut Revision) -> Result<(), ListingError> {
    listing.submit(revision, &ModelClaim::default(), picture(1), NOW)?;
    prepared(listing, revision, 1)
}

/// Ends the preparation of the submission with this picture.
fn prepared(
    listing: &mut Listing,
    revision: &mut Revision,
    number: u128,
) -> Result<(), ListingError> {
    let drawn = Preview { upload_id: picture(number), width: 9, height: 6, drawn: true };
    listing.prepared(&picture(number), (revision, Some(drawn)), &ModelClaim::default(), NOW)
}

/// A lighting preset on sale.
fn on_sale(price: u32) -> Listing {
    let (mut listing, mut revision) = begun(Kind::LightingPreset, price);
    submitted(&mut listing, &mut revision).unwrap();
    listing.approve(&mut revision, &mut ModelClaim::default(), NOW).unwrap();
    listing
}

fn placed(number: u128, listing: &Listing) -> Purchase {
    let offer = Offer { listing, seller: &active(), owned: None };
    let price = listing.published.as_ref().unwrap().price;
    Purchase::place(purchase_id(number), user("buyer"), offer, price, None, NOW).unwrap()
}

fn entitled(listing: &Listing) -> Entitlement {
    placed(1, listing).entitlement(NOW)
}

fn no_stats() -> ListingStats {
    ListingStats::new(listing_id(1), user("creator"))
}
