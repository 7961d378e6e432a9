//! Pages and the opaque cursor between them.
//!
//! A cursor names the last item of a page. It is read only within the caller's own partition, so a
//! forged one can at worst skip some of the caller's own items.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::FieldError;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::error::StoreError;

/// Where a page begins: the `next_cursor` of the one before, opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub(crate) String);

impl Cursor {
    /// The item after which a page begins; `None` for the first page.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub(crate) fn parsed<T, E>(
        after: Option<Cursor>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let parsed = after.map(|cursor| parse(&cursor.0)).transpose();
        parsed.map_err(|_| StoreError::refused(InvalidCursor::new()))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cursor, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(|_| broken::<D>())?;
        let name = String::from_utf8(bytes).ok().filter(|name| !name.is_empty());
        name.map(Cursor).ok_or_else(broken::<D>)
    }
}

fn broken<'de, D: Deserializer<'de>>() -> D::Error {
    D::Error::custom("not a cursor of this list")
}

/// The size of a page: 1 to 100 items, 20 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u16);

impl PageSize {
    /// Most items of a page: what one BatchGetItem can fetch.
    pub const MAX: u16 = 100;

    /// The largest page.
    pub const WHOLE: PageSize = PageSize(PageSize::MAX);

    /// A short list beside other data.
    pub const FEW: PageSize = PageSize(10);

    /// This size, or `most` if that is less.
    pub(crate) fn at_most(self, most: u16) -> PageSize {
        PageSize(self.0.min(most))
    }

    /// The number of items.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// One more than the size, to know whether there is a further page.
    pub(crate) fn and_one(self) -> i32 {
        i32::from(self.one_more())
    }

    /// One more than the size, as an index query takes it.
    pub(crate) fn one_more(self) -> u16 {
        self.0 + 1
    }
}

impl Default for PageSize {
    fn default() -> PageSize {
        PageSize(20)
    }
}

impl<'de> Deserialize<'de> for PageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PageSize, D::Error> {
        let size = u16::deserialize(deserializer)?;
        match (1..=PageSize::MAX).contains(&size) {
            true => Ok(PageSize(size)),
            false => Err(D::Error::custom(format_args!("1 to {}, not {size}", PageSize::MAX))),
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "{T}Page"))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `null` at the end.
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page with every item mapped.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(turn).collect(), next_cursor: self.next_cursor }
    }

    /// Cuts `read` to `size`: one more than `size` was requested to know if there is more.
    pub(crate) fn cut(mut read: Vec<T>, size: PageSize, name: impl Fn(&T) -> String) -> Page<T> {
        let more = read.len() > size.get();
        read.truncate(size.get());
        let next_cursor = read.last().filter(|_| more).map(|last| Cursor(name(last)));
        Page { items: read, next_cursor }
    }
}

/// The cursor does not belong to this list.
#[derive(Debug, thiserror::Error)]
#[error("The cursor does not belong to this list: start again without it.")]
pub struct InvalidCursor([FieldError; 1]);

impl InvalidCursor {
    pub(crate) fn new() -> InvalidCursor {
        InvalidCursor([FieldError::new("/cursor", "cursor", "not a cursor of this list")])
    }
}

domain::domain_error! {
    InvalidCursor => Invalid, "invalid_cursor";
    fn fields(&self) -> &[FieldError] {
        &self.0
    }
}

domain::scalar_schema!(Cursor {
    "type": "string",
    "description": "Where a page begins: the `next_cursor` of the one before. Opaque.",
    "minLength": 2,
});
domain::scalar_schema!(PageSize {
    "type": "integer",
    "description": "Most items of a page.",
    "minimum": 1,
    "maximum": PageSize::MAX,
    "default": 20,
});
