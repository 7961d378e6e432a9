//! A creator's revenue by day and listing: the sales of a day as they are now, so that a refund
//! lowers the day of its sale. A statement, in contrast, books it on its own day.

use std::collections::BTreeMap;

use serde::Serialize;

use super::sale::{Sale, Split};
use crate::{
    id::ListingId,
    marketplace::purchase::FoundBy,
    money::Currency,
    time::{Day, Month},
};

/// The sales of one listing on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revenue {
    /// The day of the sales.
    pub date: Day,
    /// The listing.
    pub listing_id: ListingId,
    /// Its title at the last of these sales.
    pub title: String,
    /// The currency of every amount here.
    pub currency: Currency,
    /// The number of sales, without fully refunded ones.
    pub sales: u32,
    /// What buyers paid, without tax, in minor units.
    pub gross: i64,
    /// What was taken back of it.
    pub refunded: i64,
    /// The split of the rest.
    pub kept: Split,
    /// The number of sales by where their buyers found the listing.
    pub found_by: BTreeMap<FoundBy, u32>,
}

/// The revenue of a month from its sales, which may be in any order; ordered by day and listing.
/// Sales of other months are ignored.
pub fn revenue_of(month: Month, mut sales: Vec<Sale>) -> Vec<Revenue> {
    sales.sort_by(|a, b| (a.sold_at, &a.purchase_id).cmp(&(b.sold_at, &b.purchase_id)));
    let mut rows: BTreeMap<(Day, ListingId), Revenue> = BTreeMap::new();
    for sale in sales.into_iter().filter(|sale| Month::of(sale.sold_at) == month) {
        let date = Day::of(sale.sold_at);
        let row = rows.entry((date, sale.listing_id.clone())).or_insert_with(|| Revenue {
            date,
            listing_id: sale.listing_id.clone(),
            title: String::new(),
            currency: sale.currency,
            sales: 0,
            gross: 0,
            refunded: 0,
            kept: Split::default(),
            found_by: BTreeMap::new(),
        });
        row.gross += sale.sold.gross;
        row.refunded += sale.sold.gross - sale.kept.gross;
        row.kept = row.kept.plus(sale.kept);
        row.title = sale.title;
        if sale.kept.gross > 0 {
            row.sales += 1;
            if let Some(found_by) = sale.found_by {
                *row.found_by.entry(found_by).or_default() += 1;
            }
        }
    }
    rows.into_values().collect()
}
