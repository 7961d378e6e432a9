//! The directory: found by address and facet, and never read as a whole.

use std::collections::BTreeSet;

use domain::account::{EmailClaim, MemberStatus};

use super::*;
use crate::PeopleFilter;

impl TestApp {
    async fn found(&self, wanted: &PeopleFilter, size: u16) -> Vec<String> {
        let size = self::size(size);
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.people(wanted, size, after, NOW).await.unwrap();
            names.extend(page.items.into_iter().map(|it| it.user_id.to_string()));
            match page.next_cursor {
                Some(next) => after = Some(next),
                None => return names,
            }
        }
    }

    async fn person(&self, name: &str, email: Option<&str>) -> UserId {
        let user = UserId::parse(name).unwrap();
        self.store
            .get_or_create_account(&user, email.map(EmailClaim::verified), NOW)
            .await
            .unwrap();
        user
    }
}

#[tokio::test]
async fn members_are_found_by_address_plan_standing_and_what_they_do() {
    let app = TestApp::new();
    let ann = app.person("ann", Some("Ann@a.test")).await;
    app.person("ben", Some("ben@b.test")).await;
    app.person("annie", Some("annie@b.test")).await;
    app.person("nobody", None).await;
    app.member("pro", Plan::Pro, 10).await;
    let plain = PeopleFilter::default;
    let by = |prefix: &str| PeopleFilter { email: Some(prefix.to_owned()), ..plain() };
    for size in [1, 2, 50] {
        let all = ["ann", "annie", "ben", "nobody", "pro"];
        assert_eq!(app.found(&plain(), size).await, all);
        assert_eq!(app.found(&by("ANN"), size).await, ["ann", "annie"]);
        assert_eq!(app.found(&by("annie"), size).await, ["annie"]);
        assert_eq!(app.found(&by("x"), size).await, Vec::<String>::new());
        let paying = PeopleFilter { plan: Some(Plan::Pro), ..plain() };
        assert_eq!(app.found(&paying, size).await, ["pro"]);
        let free = PeopleFilter { plan: Some(Plan::Free), ..plain() };
        assert_eq!(app.found(&free, size).await, ["ann", "annie", "ben", "nobody"]);
    }
    let suspended = PeopleFilter { status: Some(MemberStatus::Suspended), ..plain() };
    assert_eq!(app.found(&suspended, 2).await, Vec::<String>::new());
    app.ban(&ann).await;
    assert_eq!(app.found(&suspended, 2).await, ["ann"]);
    let both = PeopleFilter { email: Some("b".to_owned()), ..suspended.clone() };
    assert_eq!(app.found(&both, 2).await, Vec::<String>::new());
    // With another address, she is sorted elsewhere.
    app.store
        .get_or_create_account(&ann, Some(EmailClaim::verified("zoe@a.test")), NOW)
        .await
        .unwrap();
    assert_eq!(app.found(&by("ann"), 50).await, ["annie"]);
    assert_eq!(app.found(&by("zoe"), 50).await, ["ann"]);
}

/// DynamoDB refuses a start key outside the query.
#[tokio::test]
async fn a_cursor_of_other_addresses_is_not_one_of_this_list() {
    let app = TestApp::new();
    for name in ["ann", "annie", "ben"] {
        app.person(name, Some(&format!("{name}@a.test"))).await;
    }
    let by = |prefix: &str| PeopleFilter { email: Some(prefix.to_owned()), ..Default::default() };
    let page = app.store.people(&by("Ann"), size(1), None, NOW).await.unwrap();
    let rest = app.store.people(&by("ann"), size(9), page.next_cursor.clone(), NOW).await;
    assert_eq!(rest.unwrap().items[0].user_id.as_str(), "annie");
    let other = app.store.people(&by("ben"), size(9), page.next_cursor, NOW).await;
    assert_eq!(other.unwrap_err().code(), "invalid_cursor");
}

/// The name of a member of the crowd: all names are of one length.
fn nth(number: u32) -> String {
    format!("user_{number:07}")
}

/// How many members each walk reads.
const WALKED: u32 = 1_000;

impl TestApp {
    /// Writes `many` members to the directory, like the store wrote the first one. Only those on a
    /// walk, from just before the `spots` on, have accounts: no other is read.
    async fn crowd(&self, many: u32, spots: &[u32]) {
        /// Items of one import.
        const ROWS: usize = 30_000;
        self.person(&nth(0), Some(&format!("{}@a.test", nth(0)))).await;
        let row = |sk: &str| {
            let mut all = self.engine.dump().into_iter();
            all.find(|row| row["sk"]["S"] == sk).unwrap().to_string()
        };
        let (place, account) = (row("PERSON#ALL"), row("ACCOUNT"));
        let of = |row: &String, number| serde_json::from_str(&row.replace(&nth(0), &nth(number)));
        let places = (1..many).map(|number| of(&place, number).unwrap());
        let walked =
            spots.iter().flat_map(|spot| spot.saturating_sub(1)..(spot + WALKED).min(many));
        let accounts = walked.map(|number| of(&account, number).unwrap());
        let mut all = places.chain(accounts).peekable();
        while all.peek().is_some() {
            self.engine.import(all.by_ref().take(ROWS));
        }
        self.engine.take_usage();
    }

    /// Walks a thousand members from a spot, or to the end. Returns the costs of the full pages.
    async fn walk(&self, spot: u32, many: u32) -> BTreeSet<(u32, u64)> {
        let everybody = PeopleFilter::default();
        let before = PeopleFilter { email: spot.checked_sub(1).map(nth), ..everybody.clone() };
        let mut after = match spot {
            0 => None,
            _ => self.store.people(&before, size(1), None, NOW).await.unwrap().next_cursor,
        };
        self.engine.take_usage();
        let (mut expected, mut costs) = (spot..(spot + WALKED).min(many), BTreeSet::new());
        while !expected.is_empty() {
            let page = self.store.people(&everybody, PageSize::WHOLE, after, NOW).await.unwrap();
            for account in &page.items {
                assert_eq!(Some(account.user_id.as_str()), expected.next().map(nth).as_deref());
            }
            assert_eq!(page.items.len(), 100);
            let usage = self.engine.take_usage();
            costs.insert((usage.round_trips(), usage.read_units.to_bits()));
            after = page.next_cursor;
        }
        if spot + WALKED >= many {
            let end = self.store.people(&everybody, PageSize::WHOLE, after, NOW).await.unwrap();
            assert_eq!((end.items.len(), end.next_cursor), (0, None));
        }
        costs
    }
}

/// From any start, a page costs the same, and no member is left out.
#[tokio::test]
async fn a_million_members_are_paged_at_the_cost_of_a_few() {
    let mut costs = BTreeSet::new();
    for (many, spots) in [(200, vec![0]), (1_000_000, vec![0, 123_456, 500_000, 999_000])] {
        let app = TestApp::new();
        app.crowd(many, &spots).await;
        for spot in spots {
            costs.append(&mut app.walk(spot, many).await);
        }
    }
    assert_eq!(costs.len(), 1, "{costs:?}");
    assert_eq!(costs.first().map(|(trips, _)| *trips), Some(2));
}
