//! Ninety generated days of a small studio business, so that a new stack has numbers to show.
//!
//! They are facts in the system's own format, counted as it counts them, and names of creators;
//! there are no invoices or pictures of these days. The data of a day is deterministic, and a
//! second run counts nothing twice.

use domain::{
    Timestamp,
    generation::{Provider, Status},
    id::UserId,
    marketplace::creator::sale::PLATFORM_FEE_BPS,
    metrics::{
        FIBO_MICROS, Fact, FactKind, FinishedJob, LegMoved, Movement, MovementKind, MrrState,
        Source, WithinSpan,
    },
    plan::Plan,
    time::Day,
};
use store::{Store, StoreError};

/// Number of days before today.
const DAYS: u32 = 90;
/// Stripe's fee for a charge: 2.9 % and 30 cents.
const FEE_BPS: i64 = 290;
const FEE_CENTS: i64 = 30;
/// The sellers, with names for those who cannot sign in.
const CREATORS: [(&str, Option<&str>); 4] = [
    ("user_creator", None),
    ("made_up_ines", Some("Ines Carvalho")),
    ("made_up_tomas", Some("Studio Novak")),
    ("made_up_yuki", Some("Yuki Light Works")),
];

/// Generates the days and counts the new facts. Returns how many were new.
///
/// # Errors
/// If DynamoDB is not reachable.
pub async fn history(store: &Store, now: Timestamp) -> Result<usize, StoreError> {
    let mut studio = Studio::default();
    let today = Day::of(now);
    let mut news = 0;
    for back in (1..=DAYS).rev() {
        let facts = studio.lives(today.minus(back), DAYS - back);
        news += store.count(&facts).await?.now;
    }
    for (id, name) in CREATORS {
        if let (Ok(id), Some(name)) = (UserId::parse(id), name) {
            let named = store.update_profile(&id, None, now, |_, profile| {
                profile.display_name = Some(name.to_owned());
            });
            named.await?;
        }
    }
    Ok(news)
}

/// A customer.
struct Customer {
    plan: Plan,
    since: u32,
}

/// The state of the business.
#[derive(Default)]
struct Studio {
    customers: Vec<Customer>,
    facts: Vec<Fact>,
    day: Option<Day>,
}

/// Pseudo-random numbers, the same for the same day.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        // Knuth's multiplier: <https://en.wikipedia.org/wiki/Linear_congruential_generator>.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

impl Studio {
    /// Simulates one more day, the `nth`.
    fn lives(&mut self, day: Day, nth: u32) -> Vec<Fact> {
        self.day = Some(day);
        let mut dice = Dice(u64::from(nth).wrapping_mul(0x9E37_79B9).wrapping_add(7));
        self.joins(&mut dice, nth);
        self.renews(nth);
        self.leaves(&mut dice, nth);
        self.sells(&mut dice, nth);
        self.draws(&mut dice);
        std::mem::take(&mut self.facts)
    }

    fn states(&mut self, what: FactKind) {
        let Some(day) = self.day else { return };
        let id = format!("made_up:{day}:{}", self.facts.len());
        self.facts.push(Fact::new(id, day.period().starts_at, what));
    }

    fn pays(&mut self, source: Source, amount: i64) {
        self.states(FactKind::Sold { source, amount });
        let amount = FEE_CENTS + amount * FEE_BPS / 10_000;
        self.states(FactKind::Kept { source, amount });
    }

    fn moves(&mut self, kind: MovementKind, before: MrrState, after: MrrState) {
        self.states(FactKind::Moved(Movement { kind, before, after }));
    }

    /// New members, some of whom subscribe.
    fn joins(&mut self, dice: &mut Dice, nth: u32) {
        for _ in 0..3 + dice.below(6) {
            self.states(FactKind::Joined);
        }
        for _ in 0..dice.below(2 + u64::from(nth) / 30) {
            let plan = if dice.below(6) == 0 { Plan::Enterprise } else { Plan::Pro };
            self.moves(MovementKind::New, nothing(), worth(plan));
            self.pays(Source::of_plan(Some(plan)), worth(plan).mrr);
            self.customers.push(Customer { plan, since: nth });
        }
    }

    fn renews(&mut self, nth: u32) {
        let is_due = |it: &&Customer| nth > it.since && (nth - it.since).is_multiple_of(30);
        let due: Vec<Plan> = self.customers.iter().filter(is_due).map(|it| it.plan).collect();
        for plan in due {
            self.pays(Source::of_plan(Some(plan)), worth(plan).mrr);
        }
    }

    /// Upgrades, downgrades and cancellations.
    fn leaves(&mut self, dice: &mut Dice, nth: u32) {
        if self.customers.len() < 4 {
            return;
        }
        let len = u64::try_from(self.customers.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(dice.below(len)).unwrap_or(0);
        let plan = self.customers[place].plan;
        match (dice.below(9), plan) {
            (0, Plan::Pro) => {
                self.moves(MovementKind::Expansion, worth(plan), worth(Plan::Enterprise));
                self.pays(Source::Enterprise, worth(Plan::Enterprise).mrr - worth(plan).mrr);
                self.customers[place] = Customer { plan: Plan::Enterprise, since: nth };
            }
            (1, Plan::Enterprise) => {
                self.moves(MovementKind::Contraction, worth(plan), worth(Plan::Pro));
                self.customers[place].plan = Plan::Pro;
            }
            (2, _) => {
                self.moves(MovementKind::Churned, worth(plan), nothing());
                self.customers.remove(place);
            }
            (3, _) => {
                self.states(FactKind::Declined { source: Source::of_plan(Some(plan)), times: 1 })
            }
            (4, Plan::Pro) => {
                self.states(FactKind::Returned { source: Source::Pro, amount: worth(plan).mrr });
            }
            _ => {}
        }
    }

    /// Packs and listings.
    fn sells(&mut self, dice: &mut Dice, nth: u32) {
        for _ in 0..dice.below(3) {
            let amount = [500, 1_800, 8_000]
                [usize::from(dice.below(7) == 6) + usize::from(dice.below(3) == 2)];
            self.pays(Source::Packs, amount);
        }
        for _ in 0..dice.below(2 + u64::from(nth) / 25) {
            let price = [300_i64, 900, 1_400, 2_400][usize::try_from(dice.below(4)).unwrap_or(0)];
            let who = usize::try_from(dice.below(6)).unwrap_or(0) % CREATORS.len();
            let Ok(creator_id) = UserId::parse(CREATORS[who].0) else { continue };
            let commission = price * PLATFORM_FEE_BPS / 10_000;
            let share = price - commission;
            self.states(FactKind::Market(LegMoved {
                creator_id,
                commission,
                share,
                of_sale: true,
            }));
        }
    }

    /// Pictures.
    fn draws(&mut self, dice: &mut Dice) {
        let customers = u64::try_from(self.customers.len()).unwrap_or(0);
        let active = 2 + customers / 2 + dice.below(4);
        for _ in 0..active {
            self.states(FactKind::Active { within: WithinSpan::Day });
            let plan = [Plan::Free, Plan::Pro, Plan::Pro, Plan::Enterprise]
                [usize::try_from(dice.below(4)).unwrap_or(0)];
            let status = if dice.below(25) == 0 { Status::Failed } else { Status::Succeeded };
            self.states(FactKind::Finished(FinishedJob {
                status,
                blocked: status == Status::Failed && dice.below(2) == 0,
                plan,
                provider: Provider::Bria,
                user_id: None,
                preset_id: None,
                listing_id: None,
                queue_ms: Some(200 + dice.below(1_500)),
                run_ms: Some(9_000 + dice.below(15_000)),
                cost_micros: FIBO_MICROS,
            }));
        }
    }
}

fn worth(plan: Plan) -> MrrState {
    let mrr = i64::from(plan.terms().monthly_price_cents);
    MrrState { plan, mrr, committed: mrr }
}

fn nothing() -> MrrState {
    MrrState { plan: Plan::Free, mrr: 0, committed: 0 }
}

#[cfg(test)]
mod tests {
    use domain::metrics::Counters;

    use super::*;

    #[test]
    fn the_days_are_the_same_whenever_they_are_made_up() {
        let made_up = || {
            let (mut studio, first) = (Studio::default(), Day::parse("2026-08-28").unwrap());
            let days = (0..DAYS).flat_map(|nth| studio.lives(first.plus(nth), nth));
            days.collect::<Vec<Fact>>()
        };
        let facts = made_up();
        assert_eq!(facts, made_up());
        let sums = Counters::fold(&facts);
        assert!(sums.get("level.mrr.pro") > 50_000 && sums.get("level.mrr.enterprise") > 0);
        assert_eq!(sums.get("level.mrr.free"), 0);
        assert!(sums.get("moves.churned") > 0 && sums.get("market.commission") > 0);
    }
}
