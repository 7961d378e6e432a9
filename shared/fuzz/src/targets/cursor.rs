//! Cursors and sizes of pages: a cursor has one spelling, and a page has an end.

use serde_json::Value;
use store::{Cursor, PageSize};

/// The text of a cursor, or the number of items of a page.
pub(crate) fn read(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let size = serde_json::from_str::<PageSize>(text);
    if let Ok(size) = size {
        assert!((1..=usize::from(PageSize::MAX)).contains(&size.get()));
    }
    let cursor = serde_json::from_value::<Cursor>(Value::from(text));
    if let Ok(cursor) = &cursor {
        let written = serde_json::to_value(cursor).expect("a cursor is written");
        assert_eq!(written, text);
    }
    cursor.is_ok()
}
