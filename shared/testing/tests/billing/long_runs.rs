//! The work of a day that takes several runs: each continues where the last one stopped, and nothing
//! is done twice.

use std::time::Duration;

use runtime::InvocationContext;
use sandbox::{
    route::Route,
    stripe::{Bank, Card},
};
use serde_json::json;
use testing::{Actor, Fault};

use crate::{
    billing_app::{BillingApp, kind_of},
    marketplace::Marketplace,
    paid_sale::{NET, PRICE, payable_creators},
};

const PAY: &str = "background-pay-creators";
const RECONCILE: &str = "background-reconcile-stripe";
/// The timeout of both.
const TIMEOUT: Duration = Duration::from_secs(900);
const CREATORS: [&str; 5] = ["creator0", "creator1", "creator2", "creator3", "creator4"];

/// Asserts that each creator was paid, and once.
async fn check_paid(market: &Marketplace<'_>, creators: &[Actor], case: &str) {
    for creator in creators {
        let sent = ("sent".to_owned(), NET);
        assert_eq!(market.payout_states(creator).await, [sent], "{case} {}", creator.id);
    }
    assert_eq!(market.transfers().len(), CREATORS.len(), "{case}");
    market.assert_ledger_balances().await;
}

/// A run of the schedule, as Lambda starts it. Its time is up once `is_enough` says so.
async fn run_until(
    app: &BillingApp,
    name: &'static str,
    is_enough: impl Fn() -> bool,
) -> Result<(), String> {
    let deadline = Some(app.now().plus(TIMEOUT));
    let context = InvocationContext { deadline, ..app.ambient.clone() };
    let event = json!({ "id": "run", "time": app.now() });
    let run = app.invoke_in(&context, name, &event);
    let clock = async {
        for _ in 0..30_000 {
            if is_enough() {
                app.ambient.clock.advance(TIMEOUT * 9 / 10);
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it does not come to that");
    };
    let (ended, ()) = tokio::join!(run, clock);
    ended.map(drop)
}

async fn is_day_done(app: &BillingApp, name: &str) -> bool {
    app.store.run_day(name).await.unwrap().unwrap().is_done
}

#[tokio::test]
async fn a_list_longer_than_one_run_is_continued_and_nobody_is_paid_twice() {
    let mut app = BillingApp::new().await;
    app.pay_at_once(1);
    let (market, creators) = payable_creators(&app, &CREATORS).await;
    let paid = || app.stripe().transfers().len();
    run_until(&app, PAY, || paid() > 0).await.unwrap();
    assert!((1..CREATORS.len()).contains(&paid()), "{} were paid", paid());
    assert!(!is_day_done(&app, PAY).await);
    app.run_on_schedule(PAY).await.unwrap();
    check_paid(&market, &creators, "continued").await;
    assert!(is_day_done(&app, PAY).await);

    // The further runs of the day ask for nothing.
    let asked = || app.asked(Route::StripeTransfers, "") + app.asked(Route::StripeAccounts, "");
    let before = asked();
    app.run_on_schedule(PAY).await.unwrap();
    assert_eq!(asked(), before);
    app.close().await;
}

/// The day is over before everybody is paid. The first run of the next day finds that, which is what
/// its metric counts, and continues.
#[tokio::test]
async fn a_day_that_is_over_too_early_is_continued_by_the_next_one() {
    let mut app = BillingApp::new().await;
    app.pay_at_once(1);
    let (market, creators) = payable_creators(&app, &CREATORS).await;
    let paid = || app.stripe().transfers().len();
    run_until(&app, PAY, || paid() > 0).await.unwrap();
    let day = app.store.run_day(PAY).await.unwrap().unwrap();
    assert!(!day.is_done && paid() < CREATORS.len());
    // What is before the place where it stopped comes too: a sale to release, and a creator to pay.
    let sent = ("sent".to_owned(), NET);
    let mut first = None;
    for creator in &creators {
        if market.payout_states(creator).await.contains(&sent) {
            first = first.or(Some(creator));
        }
    }
    let first = first.expect("somebody was paid");
    let listing = market.on_sale(first, PRICE).await;
    market.sold(&app.new_member("late"), &listing, PRICE).await;
    app.advance_days(7);
    app.run_on_schedule(PAY).await.unwrap();
    let next = app.store.run_day(PAY).await.unwrap().unwrap();
    assert!(next.is_done && next.midnight > day.midnight);
    for creator in &creators {
        let payouts = if creator.id == first.id { 2 } else { 1 };
        assert_eq!(market.payout_states(creator).await, vec![sent.clone(); payouts]);
    }
    assert_eq!(market.transfers().len(), CREATORS.len() + 1);
    market.assert_ledger_balances().await;
    app.close().await;
}

/// A run dies in the middle of a page. The next one of the same day comes to that page again.
#[tokio::test]
async fn a_run_that_dies_anywhere_is_continued_on_the_same_day() {
    for nth in [1, 6, 15, 30, 45, 60, 75] {
        for fault in [Fault::HangBefore, Fault::HangAfter] {
            let mut app = BillingApp::new().await;
            app.pay_at_once(2);
            let (market, creators) = payable_creators(&app, &CREATORS).await;
            app.engine.order("*", nth, fault);
            let ended = app.engine.until_hung(app.run_on_schedule(PAY)).await;
            assert_eq!(ended, None, "it died");
            app.run_on_schedule(PAY).await.unwrap();
            check_paid(&market, &creators, &format!("{fault:?} {nth}")).await;
            assert!(is_day_done(&app, PAY).await);
            app.close().await;
        }
    }
}

/// Somebody else changes the same items all the time.
#[tokio::test]
async fn a_busy_creator_is_paid_once() {
    let app = BillingApp::new().await;
    let (market, creators) = payable_creators(&app, &CREATORS).await;
    for nth in [1, 3, 6, 7, 12, 18, 25] {
        app.engine.order("TransactWriteItems", nth, Fault::Conflict);
    }
    app.run_on_schedule(PAY).await.unwrap();
    app.engine.clear_faults();
    check_paid(&market, &creators, "busy").await;
    app.close().await;
}

/// A person who starts a run gets the work of the day once more: here somebody was onboarded since.
#[tokio::test]
async fn a_run_by_hand_does_the_work_of_a_day_that_is_done() {
    let app = BillingApp::new().await;
    let market = Marketplace::new(&app);
    let kim = app.new_member("kim");
    let listing = market.on_sale(&kim, PRICE).await;
    market.sold(&app.new_member("ann"), &listing, PRICE).await;
    app.advance_days(7);
    app.run_on_schedule(PAY).await.unwrap();
    market.complete_onboarding(&kim, Bank::Works).await;
    app.run_on_schedule(PAY).await.unwrap();
    assert_eq!(market.transfers().len(), 0, "the day is done");
    app.run(PAY).await.unwrap();
    assert_eq!(market.payout_states(&kim).await, [("sent".to_owned(), NET)]);
    app.close().await;
}

/// A day of events that no webhook delivered, in several pages. The run is cut off, and the next one
/// reads only the rest.
#[tokio::test]
async fn events_are_read_in_slices_behind_which_the_checkpoint_moves() {
    let app = BillingApp::new().await;
    let ann = app.new_member("ann");
    app.reconcile().await.unwrap();
    let checkpoint = async || app.store.events_checkpoint().await.unwrap().unwrap();
    let begun = checkpoint().await;
    for _ in 0..30 {
        app.advance(Duration::from_secs(55 * 60));
        let url = app.checkout(&ann, json!({"pack": "pack_50"})).await;
        app.pay(&url, Card::Succeeds);
    }
    let events = app.events();
    assert!(events.len() > 100, "{} events are one page", events.len());
    app.advance_days(1);

    let asked = || app.asked(Route::StripeEvents, "");
    let before = asked();
    run_until(&app, RECONCILE, || asked() > before + 2).await.unwrap();
    let cut_off = checkpoint().await;
    assert!(begun < cut_off && cut_off < app.now(), "{begun} {cut_off}");
    assert!(!is_day_done(&app, RECONCILE).await);
    app.run_on_schedule(RECONCILE).await.unwrap();
    assert!(is_day_done(&app, RECONCILE).await);
    assert_eq!(checkpoint().await, app.now());
    assert_eq!(app.credits(&ann).await["available"], 10 + 30 * 50);
    let completed = events.iter().filter(|event| kind_of(event) == "checkout.session.completed");
    for event in completed {
        let id = crate::billing_app::id_of(event);
        let id = domain::billing::external::EventId::parse(&id).unwrap();
        assert!(app.store.event_applied(&id).await.unwrap(), "{id} was found in the list");
    }
    app.close().await;
}
