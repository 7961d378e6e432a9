//! Lots, holds and the ledger: the rules as tables, conservation as a property.

use std::time::Duration;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::{DomainError, ErrorKind};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn in_days(days: u32) -> Timestamp {
    NOW.plus(DAY * days)
}

fn terms(id: &str, source: LotSource, size: LotSize, ends_in: Option<u32>) -> LotTerms {
    LotTerms { id: LotId(id.to_owned()), source, size, expires_at: ends_in.map(in_days) }
}

fn shares(of: &[(&str, u32)]) -> Vec<LotAllocation> {
    of.iter()
        .map(|(lot, credits)| LotAllocation { lot: LotId((*lot).to_owned()), credits: *credits })
        .collect()
}

/// Credits with these lots, each granted a little after the one before.
fn holding(lots: &[LotTerms]) -> Credits {
    let mut credits = Credits::default();
    for (lot, at) in lots.iter().zip(0u32..) {
        let granted_at = NOW.plus(Duration::from_millis(1) * at);
        credits.post(&lot.id.0, granted(lot.clone()), granted_at).unwrap();
    }
    credits
}

fn granted(lot: LotTerms) -> Movement {
    Movement::Grant { lot, into: None }
}

fn added(lot: LotTerms, into: &str) -> Movement {
    Movement::Grant { lot, into: Some(LotId(into.to_owned())) }
}

#[test]
fn credits_are_spent_soonest_end_first_then_given_before_paid_then_oldest() {
    use LotSource::{Admin, Plan, Promo, Purchase};
    type Row<'a> = (&'a str, LotSource, u32, Option<u32>);
    let check = |lots: &[Row<'_>], needed: u32, expected: Option<&[(&str, u32)]>| {
        let lots: Vec<LotTerms> = lots
            .iter()
            .map(|(id, source, size, end)| terms(id, *source, LotSize::Credits(*size), *end))
            .collect();
        let chosen = holding(&lots).choose(needed, in_days(1));
        assert_eq!(chosen, expected.map(shares), "{needed} of {lots:?}");
    };

    // The soonest end goes first, and a lot without an end goes last.
    check(&[("a", Plan, 9, Some(9)), ("b", Plan, 9, Some(5))], 1, Some(&[("b", 1)]));
    check(&[("a", Promo, 9, None), ("b", Purchase, 9, Some(5))], 1, Some(&[("b", 1)]));
    // With equal ends: rewards, then staff grants, then the plan, then packs.
    check(
        &[
            ("bought", Purchase, 1, None),
            ("plan", Plan, 1, None),
            ("staff", Admin, 1, None),
            ("gift", Promo, 1, None),
        ],
        4,
        Some(&[("gift", 1), ("staff", 1), ("plan", 1), ("bought", 1)]),
    );
    // With equal ends and sources: the oldest.
    check(&[("a", Plan, 9, Some(5)), ("b", Plan, 9, Some(5))], 1, Some(&[("a", 1)]));
    // One lot is emptied before the next is touched.
    check(&[("a", Plan, 3, Some(9)), ("b", Plan, 2, Some(5))], 4, Some(&[("b", 2), ("a", 2)]));
    // Expired credits are not available, from the very instant of their end.
    check(&[("a", Plan, 9, Some(1)), ("b", Plan, 2, Some(5))], 2, Some(&[("b", 2)]));
    check(&[("a", Plan, 9, Some(1))], 1, None);
    // All or nothing.
    check(&[("a", Plan, 3, Some(9)), ("b", Plan, 2, Some(5))], 6, None);
    check(&[], 1, None);
}

#[test]
fn nothing_can_be_held_while_there_is_debt() {
    let mut credits = holding(&[terms("a", LotSource::Plan, LotSize::Credits(5), None)]);
    credits.debt = 1;
    assert_eq!(credits.choose(1, NOW), None);
}

#[test]
fn a_movement_that_contradicts_the_balance_changes_nothing() {
    let check = |movement: Movement, expected: &str| {
        let mut credits = holding(&[
            terms("a", LotSource::Plan, LotSize::Credits(5), Some(9)),
            terms("b", LotSource::Plan, LotSize::Credits(1), Some(0)),
        ]);
        credits.post("job", Movement::Hold { shares: shares(&[("a", 2)]) }, NOW).unwrap();
        let before = credits.clone();
        let broken = credits.post("test", movement, NOW).unwrap_err();
        assert_eq!(broken.to_string(), format!("ledger movement refused: {expected}"));
        assert_eq!(credits, before);
    };
    let of = shares;

    check(Movement::Hold { shares: of(&[("a", 4)]) }, "4 credit(s) of a");
    check(Movement::Hold { shares: of(&[("a", 2), ("a", 2)]) }, "2 credit(s) of a");
    check(Movement::Hold { shares: of(&[("nowhere", 1)]) }, "1 credit(s) of nowhere");
    check(Movement::Capture { shares: of(&[("a", 3)]) }, "3 credit(s) of a");
    check(Movement::Capture { shares: of(&[("a", 1), ("b", 1)]) }, "1 credit(s) of b");
    check(Movement::Release { shares: of(&[("a", 3)]) }, "3 credit(s) of a");
    check(Movement::Expire { shares: of(&[("a", 1)]) }, "1 credit(s) of a");
    check(Movement::Expire { shares: of(&[("b", 2)]) }, "2 credit(s) of b");
    let again = terms("a", LotSource::Promo, LotSize::Credits(1), None);
    check(granted(again), "lot a exists");
    let check_added = |source, size, ends_in, into: &str| {
        check(added(terms("c", source, size, ends_in), into), &format!("c added to {into}"));
    };
    check_added(LotSource::Plan, LotSize::Credits(1), Some(9), "nowhere");
    check_added(LotSource::Plan, LotSize::Credits(1), Some(8), "a");
    check_added(LotSource::Promo, LotSize::Credits(1), Some(9), "a");
    check_added(LotSource::Plan, LotSize::Unlimited, Some(9), "a");
    check_added(LotSource::Plan, LotSize::Credits(1), Some(0), "b");
}

#[test]
fn a_lot_that_is_used_up_cannot_be_granted_again_before_its_end() {
    let lot = terms("invoice", LotSource::Plan, LotSize::Credits(1), Some(30));
    let mut credits = holding(std::slice::from_ref(&lot));
    credits.post("job", Movement::Hold { shares: shares(&[("invoice", 1)]) }, NOW).unwrap();
    credits.post("job", Movement::Capture { shares: shares(&[("invoice", 1)]) }, NOW).unwrap();
    credits.post("invoice", granted(lot), in_days(29)).unwrap_err();
    assert_eq!(credits.totals().granted, 1);
}

#[test]
fn closed_lots_are_archived_and_stay_counted() {
    let spend = |source: LotSource, ends_in: Option<u32>, later: u32| {
        let mut credits = holding(&[terms("a", source, LotSize::Credits(2), ends_in)]);
        credits.post("job", Movement::Hold { shares: shares(&[("a", 2)]) }, NOW).unwrap();
        let capture = Movement::Capture { shares: shares(&[("a", 2)]) };
        let line = credits.post("job", capture, in_days(later)).unwrap();
        assert_eq!(line.available_after, 0);
        assert_eq!((credits.totals().granted, credits.totals().spent), (2, 2));
        credits.lots.len()
    };
    assert_eq!(spend(LotSource::Plan, Some(5), 6), 0, "it has ended");
    assert_eq!(spend(LotSource::Plan, Some(5), 4), 1, "its id is still taken");
    assert_eq!(spend(LotSource::Promo, None, 4), 0, "it has no end to wait for");
    assert_eq!(spend(LotSource::Purchase, None, 4), 0, "nor has a pack");
    assert_eq!(spend(LotSource::Promo, Some(365), 4), 0, "a gift is over once it is spent");
    assert_eq!(spend(LotSource::Admin, Some(365), 4), 0, "so is what staff granted");
}

#[test]
fn an_unlimited_lot_grants_what_is_held_and_takes_back_what_is_released() {
    let mut credits = holding(&[
        terms("plan", LotSource::Plan, LotSize::Unlimited, Some(30)),
        terms("gift", LotSource::Promo, LotSize::Credits(1), Some(3)),
    ]);
    assert!(credits.is_unlimited(NOW) && !credits.is_unlimited(in_days(30)));
    assert_eq!(credits.totals().available, 1);

    let hold = credits.choose(6, NOW).unwrap();
    assert_eq!(hold, shares(&[("gift", 1), ("plan", 5)]));
    credits.post("job", Movement::Hold { shares: hold }, NOW).unwrap();
    credits.post("job", Movement::Capture { shares: shares(&[("plan", 2)]) }, NOW).unwrap();
    let line = credits.post("job", Movement::Release { shares: shares(&[("plan", 3)]) }, NOW);
    assert_eq!(line.unwrap().available_after, 0);
    let expected = Totals { granted: 6, available: 0, held: 1, spent: 2, expired: 0, revoked: 3 };
    assert_eq!(credits.totals(), expected);

    assert_eq!(credits.choose(1, in_days(30)), None, "it has ended");
}

#[test]
fn only_available_credits_expire() {
    let mut credits = holding(&[
        terms("a", LotSource::Plan, LotSize::Credits(5), Some(1)),
        terms("b", LotSource::Plan, LotSize::Credits(5), Some(2)),
    ]);
    credits.post("job", Movement::Hold { shares: shares(&[("a", 2)]) }, NOW).unwrap();
    assert_eq!(credits.expiring(NOW), []);
    assert_eq!(credits.expiring(in_days(1)), shares(&[("a", 3)]));
    assert_eq!(credits.expiring(in_days(2)), shares(&[("a", 3), ("b", 5)]));

    credits.post("a", Movement::Expire { shares: shares(&[("a", 3)]) }, in_days(1)).unwrap();
    let line = credits.post("job", Movement::Capture { shares: shares(&[("a", 2)]) }, in_days(3));
    line.expect("a hold outlives the end of its lot");
    assert_eq!(credits.totals().expired, 3);
}

#[test]
fn grants_of_one_source_and_end_are_one_lot_and_keep_their_names_in_the_ledger() {
    let gift = |id: &str, ends_in| terms(id, LotSource::Promo, LotSize::Credits(5), Some(ends_in));
    let mut credits = holding(&[
        gift("one", 30),
        terms("plan", LotSource::Plan, LotSize::Unlimited, Some(30)),
        terms("pack", LotSource::Purchase, LotSize::Credits(50), None),
    ]);
    let find = |credits: &Credits, lot: &LotTerms, at| credits.open_lot_for(lot, at).cloned();
    let one = Some(LotId("one".to_owned()));
    assert_eq!(find(&credits, &gift("two", 30), NOW), one);
    assert_eq!(find(&credits, &gift("two", 31), NOW), None, "another end");
    assert_eq!(find(&credits, &gift("two", 30), in_days(30)), None, "it has ended");
    let staff = terms("two", LotSource::Admin, LotSize::Credits(5), Some(30));
    assert_eq!(find(&credits, &staff, NOW), None, "another source");
    let plan = terms("two", LotSource::Plan, LotSize::Credits(5), Some(30));
    assert_eq!(find(&credits, &plan, NOW), None, "nothing is added to an unlimited lot");

    let line = credits.post("two", added(gift("two", 30), "one"), NOW).unwrap();
    assert_eq!((line.cause.as_str(), line.available_after), ("two", 60));
    assert_eq!(credits.lots.len(), 3);
    assert_eq!((credits.lots[0].granted, credits.lots[0].available()), (10, 10));
    let text = serde_json::to_string(&line.movement).unwrap();
    expect![[r#"{"kind":"grant","lot":{"id":"two","source":"promo","size":{"credits":5},"expires_at":"2027-02-14T08:00:00.000Z"},"into":"one"}"#]]
        .assert_eq(&text);

    // Nothing is added to a used-up lot, though the stored item may still have it.
    let all = Movement::Hold { shares: shares(&[("one", 10)]) };
    credits.post("job", all, NOW).unwrap();
    let spent = credits.lots[0].clone();
    let capture = Movement::Capture { shares: shares(&[("one", 10)]) };
    credits.post("job", capture, NOW).unwrap();
    credits.lots.push(Lot { held: 0, spent: 10, ..spent });
    assert_eq!(find(&credits, &gift("three", 30), NOW), None);
}

#[test]
fn a_ledger_that_was_tampered_with_does_not_fold() {
    let mut credits = Credits::default();
    let lot = terms("a", LotSource::Plan, LotSize::Credits(5), Some(9));
    let ledger = [
        credits.post("a", granted(lot), NOW).unwrap(),
        credits.post("job", Movement::Hold { shares: shares(&[("a", 1)]) }, NOW).unwrap(),
        credits.post("job", Movement::Release { shares: shares(&[("a", 1)]) }, NOW).unwrap(),
    ];
    let [grant, hold, release] = &ledger;
    assert_eq!(Credits::fold(&ledger).unwrap(), credits);

    let refuse = |lines: &[&LedgerEntry]| Credits::fold(lines.iter().copied()).unwrap_err();
    refuse(&[hold, release]);
    refuse(&[grant, release]);
    refuse(&[grant, hold, hold]);
    refuse(&[grant, release, hold]);
    refuse(&[grant, &LedgerEntry { seq: 3, ..hold.clone() }]);
    refuse(&[grant, &LedgerEntry { available_after: 5, ..hold.clone() }]);
}

#[test]
fn a_line_of_the_ledger_on_the_wire() {
    let mut credits = Credits::default();
    let lot = terms("free:2027", LotSource::Plan, LotSize::Credits(10), Some(30));
    let lines = [
        credits.post("free:2027", granted(lot), NOW).unwrap(),
        credits.post("gen_1", Movement::Hold { shares: shares(&[("free:2027", 1)]) }, NOW).unwrap(),
    ];
    let text = serde_json::to_string_pretty(&lines).unwrap();
    expect![[r#"
        [
          {
            "seq": 1,
            "at": "2027-01-15T08:00:00.000Z",
            "cause": "free:2027",
            "kind": "grant",
            "lot": {
              "id": "free:2027",
              "source": "plan",
              "size": {
                "credits": 10
              },
              "expires_at": "2027-02-14T08:00:00.000Z"
            },
            "available_after": 10
          },
          {
            "seq": 2,
            "at": "2027-01-15T08:00:00.000Z",
            "cause": "gen_1",
            "kind": "hold",
            "shares": [
              {
                "lot": "free:2027",
                "credits": 1
              }
            ],
            "available_after": 9
          }
        ]"#]]
    .assert_eq(&text);
    assert_eq!(serde_json::from_str::<[LedgerEntry; 2]>(&text).unwrap(), lines);
}

#[test]
fn too_few_credits_say_what_is_missing_and_when_more_come() {
    let refused = InsufficientCredits {
        needed: 1,
        available: 0,
        debt: 2,
        next_grant_at: Some(Timestamp::from_secs(1_800_000_000)),
    };
    assert_eq!(refused.kind(), ErrorKind::PaymentRequired);
    let members: String = refused
        .extensions()
        .into_iter()
        .map(|(name, value)| format!("\n{name}: {value}"))
        .collect();
    expect![[r#"
        1 credit needed, 0 available, 2 owed. Buy credits or a plan.
        needed: 1
        available: 0
        missing: 3
        debt: 2
        next_grant_at: "2027-01-15T08:00:00.000Z""#]]
    .assert_eq(&format!("{refused}{members}"));
    assert_eq!(refused.code(), "insufficient_credits");
    let plain = InsufficientCredits { debt: 0, next_grant_at: None, ..refused };
    expect!["1 credit needed, 0 available. Buy credits or a plan."].assert_eq(&plain.to_string());
}

/// An event; one that does not apply at the moment is skipped.
#[derive(Debug, Clone)]
enum Happening {
    Grant { source: LotSource, size: LotSize, ends_in: Option<u32> },
    Hold { credits: u32 },
    Capture { hold: prop::sample::Index },
    Release { hold: prop::sample::Index },
    Lapse,
    Wait { days: u32 },
}

fn happening() -> impl Strategy<Value = Happening> {
    use LotSource::{Admin, Plan, Promo, Purchase};
    let source = prop::sample::select(vec![Promo, Admin, Plan, Purchase]);
    let size = prop_oneof![
        5 => (0u32..20).prop_map(LotSize::Credits),
        1 => Just(LotSize::Unlimited),
    ];
    let grant = (source, size, prop::option::of(0u32..20))
        .prop_map(|(source, size, ends_in)| Happening::Grant { source, size, ends_in });
    prop_oneof![
        2 => grant,
        4 => (1u32..8).prop_map(|credits| Happening::Hold { credits }),
        3 => any::<prop::sample::Index>().prop_map(|hold| Happening::Capture { hold }),
        3 => any::<prop::sample::Index>().prop_map(|hold| Happening::Release { hold }),
        2 => Just(Happening::Lapse),
        2 => (0u32..6).prop_map(|days| Happening::Wait { days }),
    ]
}

/// Credits, all entries posted, and the expected totals, computed another way.
#[derive(Default)]
struct Books {
    credits: Credits,
    ledger: Vec<LedgerEntry>,
    open: Vec<Vec<LotAllocation>>,
    today: u32,
    expected: Totals,
}

impl Books {
    fn live_through(&mut self, happening: Happening) {
        match happening {
            Happening::Grant { source, size, ends_in } => {
                let id = format!("lot {}", self.ledger.len());
                let lot = terms(&id, source, size, ends_in.map(|days| self.today + days));
                let into = self.credits.open_lot_for(&lot, in_days(self.today)).cloned();
                let movement = Movement::Grant { lot, into };
                self.expected.granted += movement.credits();
                self.post(movement);
            }
            Happening::Hold { credits } => {
                let now = in_days(self.today);
                let Some(shares) = self.credits.choose(credits, now) else { return };
                self.expected.granted += self.of_unlimited(&shares);
                self.expected.held += credits;
                self.open.push(shares.clone());
                self.post(Movement::Hold { shares });
            }
            Happening::Capture { hold } => {
                let Some(shares) = self.pick(hold) else { return };
                let credits = sum(&shares);
                self.expected.held -= credits;
                self.expected.spent += credits;
                self.post(Movement::Capture { shares });
            }
            Happening::Release { hold } => {
                let Some(shares) = self.pick(hold) else { return };
                self.expected.held -= sum(&shares);
                self.expected.revoked += self.of_unlimited(&shares);
                self.post(Movement::Release { shares });
            }
            Happening::Lapse => {
                let shares = self.credits.expiring(in_days(self.today));
                self.expected.expired += sum(&shares);
                self.post(Movement::Expire { shares });
            }
            Happening::Wait { days } => self.today += days,
        }
    }

    fn pick(&mut self, hold: prop::sample::Index) -> Option<Vec<LotAllocation>> {
        let count = self.open.len();
        (count > 0).then(|| self.open.remove(hold.index(count)))
    }

    fn of_unlimited(&self, shares: &[LotAllocation]) -> u32 {
        let unlimited = |share: &&LotAllocation| {
            let lot = self.credits.lots.iter().find(|lot| lot.terms.id == share.lot);
            lot.unwrap().terms.size == LotSize::Unlimited
        };
        shares.iter().filter(unlimited).map(|share| share.credits).sum()
    }

    fn post(&mut self, movement: Movement) {
        let line = self.credits.post("test", movement, in_days(self.today)).unwrap();
        self.ledger.push(line);
    }

    fn check(&self) {
        for lot in &self.credits.lots {
            assert!(lot.held + lot.spent + lot.expired + lot.revoked <= lot.granted, "{lot:?}");
        }
        let totals = self.credits.totals();
        let Totals { granted, held, spent, expired, revoked, .. } = self.expected;
        assert_eq!(totals, Totals { available: totals.available, ..self.expected });
        assert_eq!(granted, totals.available + held + spent + expired + revoked);
        assert_eq!(Credits::fold(&self.ledger).unwrap(), self.credits);
    }
}

fn sum(shares: &[LotAllocation]) -> u32 {
    shares.iter().map(|share| share.credits).sum()
}

proptest! {
    /// granted = available + held + spent + expired + revoked, whatever happens in any order, and
    /// the balance equals the fold of its ledger.
    #[test]
    fn credits_are_conserved(life in prop::collection::vec(happening(), 0..40)) {
        let mut books = Books::default();
        for happening in life {
            books.live_through(happening);
            books.check();
        }
    }
}
