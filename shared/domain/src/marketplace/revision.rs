//! One version of a listing: what its creator says of it, what it costs, and what it holds.
//!
//! While it is a draft its creator changes it; once submitted it stays as it is, and once it was on
//! sale it stays for good, because purchases point to it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Category, Kind,
    content::Content,
    demo::DemoSettings,
    similarity::{Signature, Similar},
    upload::{ASSETS_MAX, Asset, PREVIEWS_MAX, Preview},
};
use crate::{
    error::{FieldCheck, InvalidFields},
    id::{ListingId, UploadId, UserId},
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
/// Most tags.
pub const TAGS_MAX: usize = 9;
/// Longest tag, in characters.
pub const TAG_CHARS_MAX: usize = 24;

/// What a creator says of a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// A line.
    pub title: String,
    /// A few paragraphs.
    pub description: String,
    /// What it is for.
    pub category: Category,
    /// Words to find it by: lower case, sorted, each once.
    pub tags: Vec<String>,
    /// In US cents; zero is free.
    pub price: u32,
    /// Stands with every image made with it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
    /// What visitors may try.
    pub demo: DemoSettings,
    /// What is sold.
    pub content: Content,
}

/// A version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// Of this listing.
    pub listing_id: ListingId,
    /// 1, 2, 3, …
    pub number: u32,
    /// OwnerRef.
    pub creator_id: UserId,
    /// What it is.
    pub kind: Kind,
    /// What its creator says.
    #[serde(flatten)]
    pub description: Description,
    /// Pictures, in the order they are shown in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<Preview>,
    /// Files that come with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<Asset>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was put on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// What makes it comparable to others; from its submission on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Listings that hold nearly the same, for the moderator; from its submission on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar: Vec<Similar>,
}

/// A change of some of a [`Description`]; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    /// As in [`Description`], as are all that follow.
    pub title: Option<String>,
    pub description: Option<String>,
    pub category: Option<Category>,
    pub tags: Option<Vec<String>>,
    pub price: Option<u32>,
    /// `Some(None)` takes it away.
    pub attribution: Option<Option<String>>,
    pub demo: Option<DemoSettings>,
    pub content: Option<Content>,
}

impl Description {
    /// Tidies what may be tidied, and checks everything.
    ///
    /// # Errors
    /// All fields that are not acceptable, with pointers as in a request.
    pub fn checked(mut self, kind: Kind) -> Result<Description, InvalidFields> {
        self.title = self.title.trim().to_owned();
        let tags: BTreeSet<String> = self.tags.iter().map(|tag| tidy_tag(tag)).collect();
        let mut check = FieldCheck::new();
        check_title(&mut check, &self.title);
        check_text(&mut check, "/description", &self.description, DESCRIPTION_CHARS_MAX);
        if let Some(attribution) = &self.attribution {
            check_text(&mut check, "/attribution", attribution, ATTRIBUTION_CHARS_MAX);
        }
        check_tags(&mut check, &self.tags, &tags);
        let terms = kind.terms();
        let in_band = (terms.price_min..=terms.price_max).contains(&self.price);
        check.require(self.price == 0 || in_band, "/price/amount", "out_of_band", || {
            let [min, max] = [terms.price_min, terms.price_max].map(dollars);
            format!("a {} costs {min} to {max}, or nothing", terms.name)
        });
        check.absorb("/demo", self.demo.validate());
        check.absorb("/content", self.content.validate(kind));
        check.finish()?;
        self.tags = tags.into_iter().collect();
        Ok(self)
    }

    /// What it costs.
    pub fn price(&self) -> Money {
        Money::usd_cents(i64::from(self.price))
    }

    /// The same with the changes of an edit.
    #[must_use]
    pub fn edited(self, edit: Edit) -> Description {
        Description {
            title: edit.title.unwrap_or(self.title),
            description: edit.description.unwrap_or(self.description),
            category: edit.category.unwrap_or(self.category),
            tags: edit.tags.unwrap_or(self.tags),
            price: edit.price.unwrap_or(self.price),
            attribution: edit.attribution.unwrap_or(self.attribution),
            demo: edit.demo.unwrap_or(self.demo),
            content: edit.content.unwrap_or(self.content),
        }
    }
}

impl Revision {
    /// The same as the next version: a draft again.
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

    /// SHA-256, in lower-case hex, of all that a moderator decides on: what its creator says, the
    /// pictures, and the files with their own hashes. Pictures and files never change under their
    /// names.
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
        let digest = Sha256::digest(shown.to_string());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Says something else of it. Pictures that we drew go, if they would be others now.
    pub(super) fn describe(&mut self, description: Description) {
        let picture = |said: &Description| (said.category, said.content.clone());
        if picture(&self.description) != picture(&description) {
            self.previews.retain(|preview| !preview.drawn);
        }
        self.description = description;
    }

    /// Adds a picture, unless it is there. Whether there was room.
    pub fn add_preview(&mut self, preview: Preview) -> bool {
        added(&mut self.previews, preview, PREVIEWS_MAX, |it| &it.upload_id)
    }

    /// Adds a file, unless it is there. Whether there was room.
    pub fn add_asset(&mut self, asset: Asset) -> bool {
        added(&mut self.assets, asset, ASSETS_MAX, |it| &it.upload_id)
    }
}

/// Adds what came by an upload, unless it is there. Whether there was room among so many.
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

/// A tag as it is kept and compared: small letters are written anew, because they may be longer.
fn tidy_tag(tag: &str) -> String {
    text::normalized(&tag.trim().to_lowercase())
}

fn check_text(check: &mut FieldCheck, pointer: &str, text: &str, chars_max: usize) {
    let count = text::length(text);
    check.require((1..=chars_max).contains(&count), pointer, "length", || {
        format!("1 to {chars_max} characters, not {count}")
    });
    check.require(text::is_visible(text), pointer, "invisible_text", || {
        "must be text that can be seen: no blanks alone, no controls, nothing without width"
            .to_owned()
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
            format!("{shown:?}: 2 to {TAG_CHARS_MAX} letters, digits, dashes and blanks")
        });
    }
}

fn dollars(cents: u32) -> String {
    Money::usd_cents(i64::from(cents)).to_string()
}
