//! Pack orders: created once per key, opened once, found while due; and automatic top-ups.

use domain::{
    ErrorKind,
    account::AccountError,
    billing::{
        external::SessionId,
        order::{OrderState, PackOrder, Via},
        top_up::{TopUpPause, TopUpSettings, TopUpState},
    },
    id::OrderId,
    pack::Pack,
};

use super::*;
use crate::changed_top_up;

impl TestApp {
    /// Orders the small pack.
    pub(super) async fn order(
        &self,
        user: &UserId,
        request: &Idempotency,
        now: Timestamp,
    ) -> Result<PackOrder, StoreError> {
        let id = OrderId::new(now, u128::from(self.number()));
        let place = |update: &AccountUpdate| {
            update.require_active().map_err(StoreError::refused)?;
            PackOrder::place(id.clone(), Pack::Small, Via::Checkout, update)
                .map_err(StoreError::refused)
        };
        self.store.place_order((user, None), request, now, place).await
    }

    pub(super) async fn ordered(&self, user: &UserId, now: Timestamp) -> PackOrder {
        let request = key(&format!("order {}", self.number()));
        self.order(user, &request, now).await.unwrap()
    }

    /// The member wants a small pack whenever fewer than five credits are left.
    async fn wants_packs(&self, user: &UserId, now: Timestamp) -> TopUpState {
        let settings = TopUpSettings::new(Pack::Small, 5, 2).unwrap();
        self.top_up(user, now, |update| update.allow_top_up(Some(settings))).await
    }

    async fn top_up(
        &self,
        user: &UserId,
        now: Timestamp,
        change: impl Fn(&mut AccountUpdate),
    ) -> TopUpState {
        let account = self.store.update_account(user, None, now, change).await.unwrap();
        account.top_up.unwrap().state
    }

    async fn begin(&self, user: &UserId, now: Timestamp) -> Option<PackOrder> {
        let id = OrderId::new(now, u128::from(self.number()));
        let begin = |update: &mut AccountUpdate| {
            let Some(top_up) = update.account().top_up.clone() else { return Ok(None) };
            if !matches!(top_up.state, TopUpState::Due { .. }) {
                return Ok(None);
            }
            let pack = top_up.settings.unwrap().pack;
            let order = PackOrder::place(id.clone(), pack, Via::TopUp, update)?;
            update.change_top_up(|top_up, _| top_up.begin(id.clone()));
            Ok::<_, AccountError>(Some(order))
        };
        self.store.begin_top_up(user, now, begin).await.unwrap()
    }
}

fn session(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

#[tokio::test]
async fn an_order_is_one_read_and_one_transaction() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    app.engine.take_usage();
    let order = app.order(&user, &key("a"), NOW).await.unwrap();
    let usage = app.engine.take_usage();
    // Two units each for order and record, one for the order's index entry; two for the account
    // check.
    assert_eq!((usage.round_trips(), usage.write_units), (2, 7.0));
    assert_eq!((order.version, &order.state), (1, &OrderState::Open));
    assert_eq!(app.store.order(&user, &order.id).await.unwrap(), order);
    assert_eq!(app.account(&user).await.version, 1, "nothing of it was written");

    let again = app.order(&user, &key("a"), NOW.plus(SECOND)).await.unwrap();
    assert_eq!(again, order);
    let other = Idempotency { fingerprint: "another".to_owned(), ..key("a") };
    assert_eq!(code(app.order(&user, &other, NOW).await), "idempotency_key_reused");
    let neighbour = app.member("neighbour", Plan::Free, 10).await;
    assert_eq!(code(app.store.order(&neighbour, &order.id).await), "order_not_found");
}

#[tokio::test]
async fn the_same_key_many_times_at_once_is_one_order_and_other_keys_are_others() {
    let app = TestApp::new();
    let user = UserId::parse("new").unwrap();
    let same = at_once(32, async |_| app.order(&user, &key("a"), NOW).await.unwrap().id);
    assert!(same.iter().all(|id| *id == same[0]));
    let others = at_once(8, async |n| app.order(&user, &key(&format!("key {n}")), NOW).await);
    assert_eq!(others.into_iter().filter(Result::is_ok).count(), 8);
    assert_eq!(app.store.due_orders(NOW.plus(DAY), None, 100).await.unwrap().items.len(), 9);
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_ban_bites_although_the_order_changes_nothing_of_the_account() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let id = OrderId::new(NOW, 1);
    let banned = std::cell::Cell::new(false);
    let place = |update: &AccountUpdate| {
        update.require_active().map_err(StoreError::refused)?;
        if !banned.replace(true) {
            meanwhile(async || app.ban(&user).await);
        }
        PackOrder::place(id.clone(), Pack::Small, Via::Checkout, update)
            .map_err(StoreError::refused)
    };
    let refused = app.store.place_order((&user, None), &key("a"), NOW, place).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "account_suspended"));
    assert_eq!(code(app.store.order(&user, &id).await), "order_not_found");
}

#[tokio::test]
async fn an_order_is_opened_once_and_keeps_its_place_in_the_index() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let order = app.ordered(&user, NOW).await;
    let open = async |name: &str| {
        let url = format!("https://checkout.test/{name}");
        app.store.set_order_checkout(&user, &order.id, &session(name), &url).await
    };
    let opened = open("cs_1").await.unwrap();
    let expected = PackOrder {
        version: 2,
        session: Some(session("cs_1")),
        url: Some("https://checkout.test/cs_1".to_owned()),
        ..order.clone()
    };
    assert_eq!(opened, expected);
    assert_eq!(open("cs_2").await.unwrap(), expected, "the first session stays");
    assert_eq!(app.store.order(&user, &order.id).await.unwrap(), expected);
    let due = app.store.due_orders(NOW.plus(DAY), None, 10).await.unwrap().items;
    assert_eq!(due, [(user.clone(), order.id.clone())]);

    let nobody = UserId::parse("nobody").unwrap();
    let missing = app.store.set_order_checkout(&nobody, &order.id, &session("cs_1"), "u").await;
    assert_eq!(code(missing), "order_not_found");
    let world_has = app.engine.dump().len();
    assert_eq!(world_has, 5, "account, person, ledger entry, order, record: nothing was made up");
}

#[tokio::test]
async fn orders_somebody_should_ask_about_come_longest_waiting_first() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let mut ids = Vec::new();
    for n in 0..5u32 {
        ids.push((user.clone(), app.ordered(&user, NOW.plus(SECOND * n)).await.id));
    }
    let due = async |now: Timestamp, most: u16| {
        app.store.due_orders(now, None, most).await.unwrap().items
    };
    assert_eq!(due(NOW.plus(DAY).minus(SECOND), 100).await, []);
    assert_eq!(due(NOW.plus(DAY).plus(SECOND * 2), 100).await, ids[..3]);
    assert_eq!(due(NOW.plus(DAY * 2), 100).await, ids);
    assert_eq!(due(NOW.plus(DAY * 2), 2).await, ids[..2]);

    // A walk returns each once, though none of them changes.
    let (mut met, mut after) = (Vec::new(), None);
    loop {
        let page = app.store.due_orders(NOW.plus(DAY * 2), after.as_ref(), 2).await.unwrap();
        assert!(page.items.len() <= 2);
        met.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(met, ids);
}

#[tokio::test]
async fn an_account_stands_in_the_index_while_its_pack_is_due_or_being_charged() {
    let app = TestApp::new();
    let store = &app.store;
    let user = app.member("member", Plan::Free, 3).await;
    let due = async || -> Vec<String> {
        store.due_top_ups(None, 10).await.unwrap().items.iter().map(UserId::to_string).collect()
    };
    assert_eq!(due().await, [""; 0]);
    assert_eq!(app.wants_packs(&user, NOW).await, TopUpState::Due { since: NOW });
    assert_eq!(due().await, ["member"]);

    app.engine.take_usage();
    let order = app.begin(&user, NOW).await.unwrap();
    assert_eq!(app.engine.take_usage().round_trips(), 2);
    assert_eq!(store.order(&user, &order.id).await.unwrap(), order);
    assert_eq!((order.version, order.via), (1, Via::TopUp));
    let charging = TopUpState::Charging { order: order.id.clone() };
    assert_eq!(app.account(&user).await.top_up.unwrap().state, charging);
    assert_eq!(app.begin(&user, NOW).await, None, "it is being bought");
    assert_eq!(due().await, ["member"]);

    // Later, but due: it comes before one that is being charged.
    let other = app.member("other", Plan::Free, 3).await;
    app.wants_packs(&other, NOW.plus(DAY)).await;
    assert_eq!(due().await, ["other", "member"]);
    assert_eq!(store.due_top_ups(None, 1).await.unwrap().items.len(), 1);

    app.top_up(&user, NOW, |update| {
        let declined = TopUpPause::CardDeclined;
        update.change_top_up(|top_up, now| top_up.pause(&order.id, declined, now));
    })
    .await;
    assert_eq!(due().await, ["other"]);
    let off = app.top_up(&other, NOW.plus(DAY), |update| update.allow_top_up(None)).await;
    assert_eq!(off, TopUpState::Armed);
    assert_eq!(due().await, [""; 0]);
    app.check_books(&user).await;
}

#[tokio::test]
async fn a_pack_that_is_due_is_begun_once_however_many_try() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 3).await;
    app.wants_packs(&user, NOW).await;
    let begun = at_once(16, async |_| app.begin(&user, NOW).await);
    let begun: Vec<PackOrder> = begun.into_iter().flatten().collect();
    assert_eq!(begun.len(), 1);
    assert_eq!(app.store.due_orders(NOW.plus(DAY), None, 10).await.unwrap().items.len(), 1);
    assert_eq!(app.account(&user).await.top_up.unwrap().bought, 1);
}

#[tokio::test]
async fn nothing_is_begun_for_who_wants_nothing() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 3).await;
    let nobody = UserId::parse("nobody").unwrap();
    let before = app.engine.dump();
    assert_eq!(app.begin(&user, NOW).await, None);
    assert_eq!(app.begin(&nobody, NOW).await, None);
    assert_eq!(app.engine.dump(), before);
}

#[tokio::test]
async fn a_changed_item_is_an_account_whose_pack_is_due_or_something_else() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 3).await;
    let changed = || {
        let images = app.engine.dump();
        let images = images.iter().map(|item| changed_top_up(item.as_object().unwrap()).unwrap());
        images.flatten().map(|user| user.to_string()).collect::<Vec<String>>()
    };
    assert_eq!(changed(), [""; 0]);
    app.wants_packs(&user, NOW).await;
    app.ordered(&user, NOW).await;
    assert_eq!(changed(), ["member"]);
    app.begin(&user, NOW).await.unwrap();
    assert_eq!(changed(), [""; 0], "it is being bought already");
    assert_eq!(changed_top_up(&serde_json::Map::new()).unwrap(), None, "a deleted item");

    let torn = serde_json::json!({"sk": {"S": "ACCOUNT"}});
    let refused = changed_top_up(torn.as_object().unwrap()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
}
