//! A version of a listing: its description, price and content.
//!
//! Its creator edits it while it is a draft. It is frozen while submitted, and forever once it was
//! on sale, because purchases refer to it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    content::Content,
    demo::DemoSettings,
    similarity::{Signature, Similar},
    upload::{ASSETS_MAX, Asset, PREVIEWS_MAX, Preview},
};
use crate::{
    error::{FieldCheck, InvalidFields},
    id::{ListingId, UploadId, UserId},
    marketplace::{Category, Kind},
    money::Money,
    text,
    time::Timestamp,
};

/// Longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 80;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// Longest attribution, in characters.
pub const ATTRIBUTION_CHARS_MAX: usize = 200;
/// Longest note on what changed, in characters.
pub const CHANGES_CHARS_MAX: usize = 1_000;
/// Most tags.
pub const TAGS_MAX: usize = 9;
/// Longest tag, in characters.
pub const TAG_CHARS_MAX: usize = 24;

/// What a creator enters for a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// One line.
    pub title: String,
    /// Several paragraphs.
    pub description: String,
    /// The category.
    pub category: Category,
    /// Search terms: lower case, sorted, unique.
    pub tags: Vec<String>,
    /// The price in US cents; zero is free.
    pub price: u32,
    /// Credited with every image made with it, if present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
    /// What changed since the version on sale before, for those who bought that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// What visitors may try.
    pub demo: DemoSettings,
    /// What is sold.
    pub content: Content,
}

/// A version of a listing.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The listing.
    pub listing_id: ListingId,
    /// 1, 2, 3, …
    pub number: u32,
    /// The creator.
    pub creator_id: UserId,
    /// The listing's kind.
    pub kind: Kind,
    /// What the creator entered.
    #[serde(flatten)]
    pub description: Description,
    /// Preview images, in display order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<Preview>,
    /// Asset files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<Asset>,
    /// When the version was begun.
    pub created_at: Timestamp,
    /// When it was first put on sale.
    pub published_at: Option<Timestamp>,
    /// Its similarity signature; set on submission.
    pub signature: Option<Signature>,
    /// Listings with similar content, for the moderator; set on submission.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar: Vec<Similar>,
}

/// A partial change of a [`Description`]; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    /// See [`Description`], as for all fields below.
    pub title: Option<String>,
    pub description: Option<String>,
    pub category: Option<Category>,
    pub tags: Option<Vec<String>>,
    pub price: Option<u32>,
    /// `Some(None)` removes it.
    pub attribution: Option<Option<String>>,
    /// `Some(None)` removes it.
    pub changes: Option<Option<String>>,
    pub demo: Option<DemoSettings>,
    pub content: Option<Content>,
    /// What happens to the pictures and files.
    pub files: FilesEdit,
}

/// A change of a version's pictures and files; the default changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesEdit {
    /// Pictures and files to remove, by the id of their upload. One that the version does not have
    /// is ignored, so that a request may be repeated.
    pub remove: Vec<UploadId>,
    /// The pictures in their new order; those it does not name follow in their order, so that one
    /// which arrives meanwhile is not lost.
    pub preview_order: Vec<UploadId>,
}

impl Description {
    /// Normalizes and validates all fields.
    ///
    /// # Errors
    /// All invalid fields, with pointers as in a request.
    pub fn checked(mut self, kind: Kind) -> Result<Description, InvalidFields> {
        self.title = self.title.trim().to_owned();
        let tags: BTreeSet<String> = self.tags.iter().map(|tag| tidy_tag(tag)).collect();
        let mut check = FieldCheck::new();
        check_title(&mut check, &self.title);
        check_text(&mut check, "/description", &self.description, DESCRIPTION_CHARS_MAX);
        if let Some(attribution) = &self.attribution {
            check_text(&mut check, "/attribution", attribution, ATTRIBUTION_CHARS_MAX);
        }
        if let Some(changes) = &self.changes {
            check_text(&mut check, "/changes", changes, CHANGES_CHARS_MAX);
        }
        check_tags(&mut check, &self.tags, &tags);
        let terms = kind.terms();
        let in_band = (terms.price_min..=terms.price_max).contains(&self.price);
        check.require(self.price == 0 || in_band, "/price/amount", "out_of_band", || {
            let [min, max] = [terms.price_min, terms.price_max].map(dollars);
            format!("a {} costs {min} to {max}, or is free", terms.name)
        });
        check.absorb("/demo", self.demo.validate());
        check.absorb("/content", self.content.validate(kind));
        check.finish()?;
        self.tags = tags.into_iter().collect();
        Ok(self)
    }

    /// Its price.
    pub fn price(&self) -> Money {
        Money::usd_cents(i64::from(self.price))
    }

    /// The description with an edit applied.
    #[must_use]
    pub fn edited(self, edit: Edit) -> Description {
        Description {
            title: edit.title.unwrap_or(self.title),
            description: edit.description.unwrap_or(self.description),
            category: edit.category.unwrap_or(self.category),
            tags: edit.tags.unwrap_or(self.tags),
            price: edit.price.unwrap_or(self.price),
            attribution: edit.attribution.unwrap_or(self.attribution),
            changes: edit.changes.unwrap_or(self.changes),
            demo: edit.demo.unwrap_or(self.demo),
            content: edit.content.unwrap_or(self.content),
        }
    }
}

impl Revision {
    /// The next version, as a new draft.
    #[must_use]
    pub fn next(self, number: u32, now: Timestamp) -> Revision {
        Revision {
            number,
            created_at: now,
            published_at: None,
            signature: None,
            similar: Vec::new(),
            ..self
        }
    }

    /// SHA-256, in lower-case hex, of everything that a moderator decides on: the description, the
    /// previews, and the assets with their own hashes. Previews and assets never change under their
    /// ids.
    pub fn content_hash(&self) -> String {
        let shown = json!([
            self.listing_id,
            self.number,
            self.creator_id,
            self.kind,
            self.description,
            self.previews,
            self.assets,
        ]);
        hex::encode(Sha256::digest(shown.to_string()))
    }

    /// Replaces the description. Rendered previews are dropped if they would look different now.
    pub(super) fn describe(&mut self, description: Description) {
        let picture = |it: &Description| (it.category, it.content.clone());
        if picture(&self.description) != picture(&description) {
            self.previews.retain(|preview| !preview.drawn);
        }
        self.description = description;
    }

    /// Removes pictures and files, and orders the pictures.
    ///
    /// # Errors
    /// An order that names a picture twice, or one that the version does not have.
    pub(super) fn arrange(&mut self, edit: &FilesEdit) -> Result<(), InvalidFields> {
        self.previews.retain(|it| !edit.remove.contains(&it.upload_id));
        self.assets.retain(|it| !edit.remove.contains(&it.upload_id));
        let mut check = FieldCheck::new();
        let place = |id: &UploadId| edit.preview_order.iter().position(|named| named == id);
        for (nth, id) in edit.preview_order.iter().enumerate().take(PREVIEWS_MAX + 1) {
            let pointer = format!("/preview_order/{nth}");
            check.require(place(id) == Some(nth), &pointer, "twice", || {
                "this picture is named twice".to_owned()
            });
            let has = self.previews.iter().any(|it| it.upload_id == *id);
            check.require(has, &pointer, "unknown_preview", || {
                "the listing has no such picture".to_owned()
            });
        }
        check.finish()?;
        self.previews.sort_by_key(|it| place(&it.upload_id).unwrap_or(usize::MAX));
        Ok(())
    }

    /// The uploads of its pictures and files.
    pub fn uploads(&self) -> impl Iterator<Item = &UploadId> {
        let previews = self.previews.iter().map(|it| &it.upload_id);
        previews.chain(self.assets.iter().map(|it| &it.upload_id))
    }

    /// Adds a preview; a duplicate is ignored. Returns whether there was room.
    pub fn add_preview(&mut self, preview: Preview) -> bool {
        added(&mut self.previews, preview, PREVIEWS_MAX, |it| &it.upload_id)
    }

    /// Adds an asset; a duplicate is ignored. Returns whether there was room.
    pub fn add_asset(&mut self, asset: Asset) -> bool {
        added(&mut self.assets, asset, ASSETS_MAX, |it| &it.upload_id)
    }
}

/// Adds an item, unless its upload was added already. Returns whether there was room for it.
fn added<T>(all: &mut Vec<T>, new: T, most: usize, upload: impl Fn(&T) -> &UploadId) -> bool {
    let is_there = all.iter().any(|there| upload(there) == upload(&new));
    let has_room = all.len() < most;
    if has_room && !is_there {
        all.push(new);
    }
    is_there || has_room
}

fn check_title(check: &mut FieldCheck, title: &str) {
    check_text(check, "/title", title, TITLE_CHARS_MAX);
    let weight = |c: char| match c.is_alphanumeric() {
        true if text::is_ideograph_or_syllable(c) => 2,
        plain => usize::from(plain),
    };
    let letters: usize = title.chars().map(weight).sum();
    let one_line = !title.contains(['\n', '\t']);
    check.require(letters >= 3 && one_line, "/title", "words", || {
        "one line with at least three letters or digits, or two Chinese characters or Korean \
         syllables"
            .to_owned()
    });
}

/// A tag in the stored form: lower-casing may denormalize it, so it is normalized again.
fn tidy_tag(tag: &str) -> String {
    text::normalized(&tag.trim().to_lowercase())
}

fn check_text(check: &mut FieldCheck, pointer: &str, text: &str, chars_max: usize) {
    let count = text::length(text);
    check.require((1..=chars_max).contains(&count), pointer, "length", || {
        format!("1 to {chars_max} characters, not {count}")
    });
    check.require(text::is_visible(text), pointer, "invisible_text", || {
        "must be visible text: not only spaces, no control or zero-width characters".to_owned()
    });
}

fn check_tags(check: &mut FieldCheck, sent: &[String], tags: &BTreeSet<String>) {
    check.require(sent.len() <= TAGS_MAX, "/tags", "too_many", || {
        format!("at most {TAGS_MAX} tags, not {}", sent.len())
    });
    for tag in tags.iter().take(TAGS_MAX) {
        let plain = tag.chars().all(|c| text::is_of_a_word(c) || matches!(c, '-' | ' '));
        let fits = (2..=TAG_CHARS_MAX).contains(&text::length(tag));
        check.require(plain && fits && text::is_visible(tag), "/tags", "tag", || {
            let shown: String = tag.chars().take(TAG_CHARS_MAX).collect();
            format!("{shown:?}: 2 to {TAG_CHARS_MAX} letters, digits, dashes and spaces")
        });
    }
}

fn dollars(cents: u32) -> String {
    Money::usd_cents(i64::from(cents)).to_string()
}
