//! Searches: any text finds something or nothing, and the pages of a search are its results.

use search::{Catalogue, Change, Document, Found, LIMIT_MAX, Query, SearchError};

use crate::parts::split_line;

/// A page that is smaller than most results.
const FEW: usize = 3;
const AS_OF: i64 = 1_780_000_000_000;
/// Title, tag, creator and description of each listing.
const LISTINGS: [[&str; 4]; 10] = [
    ["Window light", "soft", "Ana", "For a table by the window."],
    ["Softbox portrait", "soft", "Ana", "One softbox, 85 mm, f/4."],
    ["85mm headshots", "portrait", "Bo", "Iso100 and a fill."],
    [
        "\u{7a97}\u{5149}\u{4eba}\u{50cf}",
        "\u{67d4}\u{5149}",
        "\u{738b}",
        "\u{81ea}\u{7136}\u{5149}",
    ],
    ["Caf\u{e9} at dusk", "warm", "Zo\u{eb}", "Tungsten and rain."],
    [
        "\u{e41}\u{e2a}\u{e07}\u{e19}\u{e38}\u{e48}\u{e21}",
        "soft",
        "Somchai",
        "\u{e20}\u{e32}\u{e1e}",
    ],
    ["\u{30ec}\u{30fc}\u{30b6}\u{30fc}", "\u{1f4a1}", "Ken", "LASER 3200K"],
    ["The rim", "", "A", "of the of the"],
    ["Product on white", "white", "Ana", "Bottles, boxes, bottles."],
    ["Product on black", "black", "Bo", "Bottles with an edge."],
];

thread_local! {
    static CATALOGUE: Catalogue = catalogue();
}

/// Half of the listings in a snapshot, half as changes since then.
fn catalogue() -> Catalogue {
    let documents: Vec<Document> = (0..).zip(LISTINGS).map(document).collect();
    let (old, new) = documents.split_at(documents.len() / 2);
    let blob = Catalogue::build(old.iter().cloned(), AS_OF).expect("it is built");
    let mut catalogue = Catalogue::open(blob).expect("it is opened");
    for document in new {
        catalogue.apply([Change::Listed(document.clone())]).expect("it is changed");
    }
    catalogue
}

fn document((number, texts): (u16, [&str; 4])) -> Document {
    let [title, tag, creator_name, description] = texts.map(str::to_owned);
    Document {
        id: format!("lst_01J{number:023}"),
        seq: 1,
        title,
        description,
        tags: Some(tag).filter(|tag| !tag.is_empty()).into_iter().collect(),
        creator_id: format!("usr_{creator_name}"),
        creator_name,
        kind: if number.is_multiple_of(2) { "lighting_preset" } else { "camera_preset" }.to_owned(),
        category: "portrait".to_owned(),
        price: u64::from(number % 4) * 500,
        rating: Some(number * 50).filter(|rating| *rating >= 100),
        ratings: u32::from(number),
        sales: u64::from(number),
        published_at: AS_OF + i64::from(number),
        card: format!("{{\"number\":{number}}}"),
    }
}

/// A cursor in the first line, which may be empty, then a query as JSON or its text.
pub(crate) fn read(input: &[u8]) -> bool {
    let (cursor, query) = split_line(input);
    let query: Query = serde_json::from_slice(query).unwrap_or_else(|_| Query {
        text: Some(String::from_utf8_lossy(query).into_owned()),
        ..Query::default()
    });
    CATALOGUE.with(|catalogue| {
        let page =
            |limit: usize, cursor: Option<&str>| match catalogue.search(&query, limit, cursor) {
                Ok(found) => Some(found),
                Err(SearchError::Cursor) => None,
                Err(SearchError::Catalogue(error)) => panic!("the search failed: {error}"),
            };
        if !cursor.is_empty() {
            let found = page(FEW, Some(&String::from_utf8_lossy(cursor)));
            assert!(found.is_none_or(|found| found.items.len() <= FEW));
        }
        let whole = page(LIMIT_MAX, None).expect("there is no cursor to refuse");
        assert_eq!(whole.items.len() as u64, whole.total);
        assert!(whole.facets.free <= LISTINGS.len() as u64);
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let Found { items, next_cursor, total, matched, .. } =
                page(FEW, after.as_deref()).expect("our own cursor is of this query");
            assert_eq!((total, matched), (whole.total, whole.matched));
            ids.extend(items.into_iter().map(|hit| hit.id));
            assert!(ids.len() <= whole.items.len(), "the pages end");
            after = next_cursor;
            if after.is_none() {
                break;
            }
        }
        assert!(ids.iter().eq(whole.items.iter().map(|hit| &hit.id)), "the pages are the results");
        whole.total > 0
    })
}

/// A second page.
pub(crate) fn made() -> Vec<Vec<u8>> {
    let query = Query::default();
    let first = CATALOGUE.with(|catalogue| catalogue.search(&query, FEW, None));
    let cursor = first.expect("there are listings").next_cursor.expect("there are more");
    vec![format!("{cursor}\n{{}}").into_bytes()]
}
