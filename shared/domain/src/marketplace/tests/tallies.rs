//! Totals that pages show.

use super::*;
use crate::marketplace::{
    creator::{
        balance::{CreatorBalance, DAYS_SHOWN, Day},
        sale::Split,
    },
    listing::LISTINGS_MAX,
};

fn rated(histogram: [u32; 5]) -> ListingStats {
    ListingStats { histogram, ..no_stats() }
}

#[test]
fn an_average_is_in_hundredths_of_a_star_a_half_upwards() {
    let check = |histogram: [u32; 5], stars: u64, expected: Option<u16>| {
        let stats = rated(histogram);
        assert_eq!((stats.stars(), stats.rating()), (stars, expected), "{histogram:?}");
    };
    check([0; 5], 0, None);
    check([1, 0, 0, 0, 0], 1, Some(100));
    check([0, 0, 0, 0, 7], 35, Some(500));
    check([0, 0, 0, 1, 2], 14, Some(467));
    check([1, 0, 1, 1, 0], 8, Some(267));
    check([0, 0, 1, 0, 399], 1_998, Some(500));
    check([0, 0, 0, 1, 199], 999, Some(500));
    check([0, 0, 0, 1, 99], 499, Some(499));
    check([1, 1, 1, 1, 1], 15, Some(300));
}

#[test]
fn stars_that_are_none_are_not_counted() {
    let mut stats = no_stats();
    for stars in [0, 6, 255] {
        stats.count_rating(stars);
        stats.uncount_rating(stars);
    }
    stats.uncount_rating(3);
    assert_eq!(stats.histogram, [0; 5]);
}

#[test]
fn what_is_more_popular() {
    let check = |more: &dyn Fn(&mut ListingStats), less: &dyn Fn(&mut ListingStats)| {
        let [mut one, mut other] = [no_stats(), no_stats()];
        more(&mut one);
        less(&mut other);
        let (more, less) = (one.popularity(), other.popularity());
        assert!(more.is_finite() && less.is_finite(), "{more} {less}");
        assert!(more > less, "{more} {less}");
    };
    let sold = |days: u32| move |stats: &mut ListingStats| stats.count_sale(day(days));
    let seen = |views: u64| move |stats: &mut ListingStats| stats.count_views(views, NOW);
    let nothing = |_: &mut ListingStats| {};
    let both = |stats: &mut ListingStats| {
        stats.count_sale(NOW);
        stats.count_sale(NOW);
    };
    check(&sold(0), &nothing);
    check(&sold(14), &sold(0));
    check(&both, &sold(0));
    check(&sold(8), &both);
    check(&both, &sold(6));
    // A sale weighs as much as a hundred views.
    check(&sold(0), &seen(99));
    check(&seen(101), &sold(0));
    check(&seen(1), &nothing);
    // Of two that sell equally the better rated ranks higher, and a single rating changes little.
    let rating = |stars: u8, times: u32| {
        move |stats: &mut ListingStats| {
            stats.count_sale(NOW);
            (0..times).for_each(|_| stats.count_rating(stars));
        }
    };
    check(&rating(5, 1), &rating(4, 1));
    check(&rating(4, 1), &rating(5, 0));
    check(&rating(5, 0), &rating(3, 1));
    check(&rating(5, 20), &rating(5, 1));
    check(&rating(5, 0), &rating(1, 20));
    check(&both, &rating(5, 1));
    check(&rating(5, 50), &both);
}

#[test]
fn the_order_of_what_happened_does_not_matter() {
    let heat = |days: [u32; 3]| {
        let mut stats = no_stats();
        days.iter().for_each(|days| stats.count_sale(day(*days)));
        stats.heat
    };
    assert!((heat([0, 5, 9]) - heat([9, 0, 5])).abs() < 1e-9);
    let mut late = no_stats();
    late.count_sale(Timestamp::from_secs(i64::MAX / 2_000));
    assert!(late.heat.is_finite(), "{}", late.heat);
}

#[test]
fn a_lost_sale_decays_and_one_that_returns_is_not_boosted_again() {
    let mut stats = no_stats();
    stats.count_sale(NOW);
    let heat = stats.heat;
    stats.uncount_sale();
    assert_eq!((stats.sales, stats.heat), (0, heat));
    stats.recount_sale();
    assert_eq!((stats.sales, stats.heat), (1, heat));
    stats.count_views(0, day(1));
    assert_eq!(stats.heat, heat, "zero views change nothing");
}

#[test]
fn a_creators_page_shows_thirty_days_and_nothing_on_most() {
    let mut book = CreatorBalance::new(user("creator"));
    book.count_money(1, Split::of(500), NOW);
    book.count_views(3, day(2));
    book.count_money(-1, Split::default().since(Split::of(500)), day(2));
    let shown = book.last_days(day(2));
    assert_eq!(shown.len(), 30);
    assert_eq!(shown.last().unwrap().0, day(2).date());
    assert!(shown.is_sorted_by(|(one, _), (next, _)| one < next), "the oldest first");
    let of = |days: u32| shown.iter().find(|(date, _)| *date == day(days).date()).unwrap().1;
    assert_eq!(of(0), Day { sales: 1, money: Split { gross: 500, fee: 100, net: 400 }, views: 0 });
    assert_eq!(of(1), Day::default());
    let back = Split { gross: -500, fee: -100, net: -400 };
    assert_eq!(of(2), Day { sales: -1, money: back, views: 3 });
    assert_eq!((book.sales, book.money, book.views), (0, Split::default(), 3));
}

#[test]
fn days_that_are_not_shown_are_not_kept() {
    let mut book = CreatorBalance::new(user("creator"));
    for days in 0..100 {
        book.count_views(1, day(days));
    }
    assert_eq!(book.days.len(), usize::try_from(DAYS_SHOWN).unwrap());
    assert_eq!(book.views, 100);
    assert!(book.last_days(day(99)).iter().all(|(_, day)| day.views == 1), "{:?}", book.days);
    // A late event counts on its day, as long as that is shown.
    book.count_views(1, day(98));
    assert_eq!(book.days[&day(98).date()].views, 2);
}

#[test]
fn a_creator_begins_so_many_listings() {
    let mut book = CreatorBalance::new(user("creator"));
    let begun = (0..300).filter(|_| book.add_listing().is_ok()).count();
    assert_eq!(begun, usize::from(LISTINGS_MAX));
    assert_eq!(code(book.add_listing()), "too_many_listings");
}

#[test]
fn a_creators_averages_are_rounded_half_up_and_nothing_without_a_sum() {
    let check = |sums: [u64; 4], rating: Option<u16>, conversion_bps: Option<u64>| {
        let [stars, ratings, sales, views] = sums;
        let book =
            CreatorBalance { stars, ratings, sales, views, ..CreatorBalance::new(user("creator")) };
        assert_eq!((book.rating(), book.conversion_bps()), (rating, conversion_bps), "{sums:?}");
    };
    check([0, 0, 0, 0], None, None);
    check([14, 3, 1, 3], Some(467), Some(3_333));
    check([8, 3, 2, 3], Some(267), Some(6_667));
    check([5, 1, 0, 7], Some(500), Some(0));
    check([0, 0, 2, 1], None, Some(20_000));
}
