//! Accounts stay small and consistent, whatever happens to their members.

use proptest::prelude::*;

use super::*;
use crate::credits::Hold;

const CLOCKS_APART: Duration = Duration::from_secs(120);

/// An event that grants, takes or uses a member's credits.
#[derive(Debug, Clone)]
enum Happening {
    Reward,
    Pack,
    Period(Plan),
    Staff { ends_in: Option<u32> },
    Spend(u32),
    Hold(u32),
    Release,
    TakeBack { nth: usize },
    EndPlan,
    Wait { days: u32 },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => Just(Happening::Reward),
        4 => Just(Happening::Pack),
        2 => prop::sample::select(vec![Plan::Pro, Plan::Enterprise]).prop_map(Happening::Period),
        3 => prop::option::of(1u32..400).prop_map(|ends_in| Happening::Staff { ends_in }),
        4 => (1u32..60).prop_map(Happening::Spend),
        2 => (1u32..60).prop_map(Happening::Hold),
        2 => Just(Happening::Release),
        3 => any::<prop::sample::Index>()
            .prop_map(|nth| Happening::TakeBack { nth: nth.index(64) }),
        1 => Just(Happening::EndPlan),
        2 => (0u32..20).prop_map(|days| Happening::Wait { days }),
    ]
}

/// A member, all their ledger entries, and what can still happen to what was granted.
struct Life {
    account: Account,
    ledger: Vec<crate::credits::LedgerEntry>,
    granted: Vec<(LotId, u32)>,
    holds: Vec<Hold>,
    today: u32,
    nth: u32,
}

impl Life {
    fn new() -> Life {
        let (granted, holds, ledger) = (Vec::new(), Vec::new(), Vec::new());
        let account = opened(START);
        Life { account, ledger, granted, holds, today: 0, nth: 0 }
    }

    /// Nothing may fail except what a rule refuses to a member or to staff.
    fn live_through(&mut self, happening: &Happening) {
        self.nth += 1;
        let (now, name) = (START.plus(DAY * self.today), LotId(format!("lot:{}", self.nth)));
        let mut update = self.account.clone().begin_update(now).unwrap();
        match happening {
            Happening::Reward => {
                let end = START.plus(DAY * (self.today + 365)).start_of_month().plus_months(1);
                self.granted.push((update.add_promo(name, 5, end).unwrap(), 5));
            }
            Happening::Pack => self.granted.push((update.add_pack(name, 50).unwrap(), 50)),
            Happening::Period(plan) => {
                update.begin_period(*plan, name, days(self.today, self.today + 30)).unwrap();
            }
            Happening::Staff { ends_in } => {
                let end = ends_in.map(|ends_in| START.plus(DAY * (self.today + ends_in)));
                let refused = update.adjust(name, staff::Adjustment::Grant(7, end)).err();
                assert!(matches!(refused, None | Some(StaffError::TooManyGrants)), "{refused:?}");
            }
            Happening::Spend(credits) => {
                if let Ok(hold) = update.start_job("gen", *credits) {
                    update.capture_job("gen", &hold).unwrap();
                }
            }
            Happening::Hold(credits) => self.holds.extend(update.start_job("gen", *credits)),
            Happening::Release => {
                if let Some(hold) = self.holds.pop() {
                    update.release_job("gen", &hold).unwrap();
                }
            }
            Happening::TakeBack { nth } => {
                if *nth < self.granted.len() {
                    let (lot, credits) = self.granted.remove(*nth);
                    update.take_back("payment", &lot, credits).unwrap();
                }
            }
            Happening::EndPlan => update.end_plan().unwrap(),
            Happening::Wait { days } => self.today += days,
        }
        let change = update.finish();
        self.account = change.account;
        self.ledger.extend(change.entries);
    }

    /// The most lots possible: the plan's period, packs, a lot for each month in which rewards end,
    /// those of staff, and ended lots of which open generations hold credits.
    fn lots_max(&self) -> usize {
        let shares: usize = self.holds.iter().map(|hold| hold.shares.len()).sum();
        1 + 1 + 14 + 16 + shares
    }
}

proptest! {
    /// Whatever is granted, held, spent and taken back, in any order and any number of times: the
    /// next grant is possible, the account stays small, and it equals the fold of its ledger.
    #[test]
    fn no_account_is_ever_too_full_for_a_grant(
        life in prop::collection::vec(happening(), 0..200),
    ) {
        let mut member = Life::new();
        for happening in &life {
            member.live_through(happening);
            let lots = member.account.credits.lots.len();
            prop_assert!(lots <= member.lots_max(), "{} lots: {:?}", lots, member.account.credits);
        }
        prop_assert_eq!(Credits::fold(&member.ledger).unwrap(), member.account.credits);
    }

    /// Whenever a member visits, and however much the workers' clocks differ, every month with a
    /// visit is granted once and no other is.
    #[test]
    fn each_month_is_granted_once(
        first_day in 0u32..1_500,
        visits in prop::collection::vec((0u32..40, 0u32..24, any::<bool>()), 1..24),
    ) {
        let anchor = START.plus(DAY * first_day);
        let mut account = update(opened(anchor), anchor, |_| {}).account;
        let mut months = std::collections::BTreeSet::from([0]);
        let mut now = anchor;
        for (days, hours, behind) in visits {
            now = now.plus(DAY * days + Duration::from_secs(60 * 60) * hours);
            months.insert(anchor.months_until(now));
            for look in [now, if behind { now.minus(CLOCKS_APART).max(anchor) } else { now }] {
                account = update(account, look, |_| {}).account;
                prop_assert_eq!(available(&account), 10);
            }
            prop_assert!(account.free_grant_at().unwrap() > now);
        }
        let months = u32::try_from(months.len()).unwrap();
        prop_assert_eq!(account.credits.totals().granted, 10 * months);
    }
}
