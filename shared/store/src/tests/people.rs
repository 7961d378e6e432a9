//! The directory: found by address and facet, and never read as a whole.

use super::*;
use crate::{PeopleFilter, StandingFilter, keys::enlist, table::encode};

impl World {
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
        self.store.visit(&user, email, NOW).await.unwrap();
        user
    }
}

#[tokio::test]
async fn members_are_found_by_address_plan_standing_and_what_they_do() {
    let world = World::new();
    let ann = world.person("ann", Some("Ann@a.test")).await;
    world.person("ben", Some("ben@b.test")).await;
    world.person("annie", Some("annie@b.test")).await;
    world.person("nobody", None).await;
    world.member("pro", Plan::Pro, 10).await;
    let plain = PeopleFilter::default;
    let by = |prefix: &str| PeopleFilter { email: Some(prefix.to_owned()), ..plain() };
    for size in [1, 2, 50] {
        let all = ["ann", "annie", "ben", "nobody", "pro"];
        assert_eq!(world.found(&plain(), size).await, all);
        assert_eq!(world.found(&by("ANN"), size).await, ["ann", "annie"]);
        assert_eq!(world.found(&by("annie"), size).await, ["annie"]);
        assert_eq!(world.found(&by("x"), size).await, Vec::<String>::new());
        let paying = PeopleFilter { plan: Some(Plan::Pro), ..plain() };
        assert_eq!(world.found(&paying, size).await, ["pro"]);
        let free = PeopleFilter { plan: Some(Plan::Free), ..plain() };
        assert_eq!(world.found(&free, size).await, ["ann", "annie", "ben", "nobody"]);
    }
    let suspended = PeopleFilter { standing: Some(StandingFilter::Suspended), ..plain() };
    assert_eq!(world.found(&suspended, 2).await, Vec::<String>::new());
    world.ban(&ann).await;
    assert_eq!(world.found(&suspended, 2).await, ["ann"]);
    let both = PeopleFilter { email: Some("b".to_owned()), ..suspended.clone() };
    assert_eq!(world.found(&both, 2).await, Vec::<String>::new());
    // Another address, and she stands elsewhere.
    world.store.visit(&ann, Some("zoe@a.test"), NOW).await.unwrap();
    assert_eq!(world.found(&by("ann"), 50).await, ["annie"]);
    assert_eq!(world.found(&by("zoe"), 50).await, ["ann"]);
}

/// DynamoDB refuses to go on from where the query cannot be.
#[tokio::test]
async fn a_cursor_of_other_addresses_is_not_one_of_this_list() {
    let world = World::new();
    for name in ["ann", "annie", "ben"] {
        world.person(name, Some(&format!("{name}@a.test"))).await;
    }
    let by = |prefix: &str| PeopleFilter { email: Some(prefix.to_owned()), ..Default::default() };
    let page = world.store.people(&by("Ann"), size(1), None, NOW).await.unwrap();
    let rest = world.store.people(&by("ann"), size(9), page.next_cursor.clone(), NOW).await;
    assert_eq!(rest.unwrap().items[0].user_id.as_str(), "annie");
    let other = world.store.people(&by("ben"), size(9), page.next_cursor, NOW).await;
    assert_eq!(other.unwrap_err().code(), "invalid_cursor");
}

/// A page costs what a page costs, however many there are.
#[tokio::test]
async fn a_page_of_many_members_is_as_cheap_as_one_of_few() {
    let mut costs = Vec::new();
    for many in [200_u32, 4_000] {
        let world = World::new();
        for n in 0..many {
            let user = UserId::parse(&format!("user_{n:07}")).unwrap();
            let account = Account { version: 1, ..Account::open(user.clone(), None, NOW) };
            let mut place = Key::person(&user, "ALL").item();
            enlist(&mut place, Some(("PEOPLE#ALL".to_owned(), format!("~#{user}"))));
            for item in [encode(&Key::account(&user), &account).unwrap(), place] {
                let put = world.store.client.put_item().table_name(TABLE).set_item(Some(item));
                put.send().await.unwrap();
            }
        }
        world.engine.take_usage();
        let page = world.store.people(&PeopleFilter::default(), PageSize::WHOLE, None, NOW).await;
        assert_eq!(page.unwrap().items.len(), 100);
        let usage = world.engine.take_usage();
        costs.push((usage.round_trips(), usage.read_units.to_bits()));
    }
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[0].0, 2);
}
