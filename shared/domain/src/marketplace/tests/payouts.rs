//! Paying creators: each update on its own, and many of them in any order.

use super::{
    purchase_updates::{paid, payment},
    *,
};
use crate::{
    account::Account,
    billing::{
        external::{BankPayoutId, ChargeId, ConnectedAccountId, ReceivedId, TransferId},
        payment::Payment,
    },
    id::PayoutId,
    marketplace::{
        creator::{
            balance::CreatorBalance,
            journal::{Balances, LedgerAccount, Posting, Role},
            payout::{
                PAYOUT_MIN, Payout, PayoutDecision, PayoutState, SkipReason,
                update::{PayoutUpdate, SentTransfer},
            },
            sale::{Reversal, Sale, SaleState, release},
        },
        purchase::update::{PaymentFollowUp, PurchaseUpdate},
    },
    money::Currency,
    time::DAY,
};

fn payout(number: u128) -> Payout {
    let (id, state) = (PayoutId::new(day(1), number), PayoutState::Collecting);
    let whose = (user("creator"), "2026-11-25".to_owned());
    Payout::new(id, whose, state, (0, Currency::USD), day(8))
}

fn account() -> ConnectedAccountId {
    ConnectedAccountId::parse("acct_1").unwrap()
}

fn transfer() -> (TransferId, ReceivedId) {
    (TransferId::parse("tr_1").unwrap(), ReceivedId::parse("py_1").unwrap())
}

fn bank() -> BankPayoutId {
    BankPayoutId::parse("po_1").unwrap()
}

/// A sale at a price in cents whose hold has ended, and its creator's balance.
fn payable(price: u32) -> (CreatorBalance, Sale) {
    let update = paid(price);
    let (mut book, mut sales) = (update.book, vec![update.sale.unwrap()]);
    release(&mut book, &mut sales, day(8)).unwrap();
    (book, sales.remove(0))
}

fn collected(price: u32) -> PayoutUpdate {
    let (book, sale) = payable(price);
    let mut step = PayoutUpdate::new(payout(1), book, vec![sale]);
    step.collect(day(8)).unwrap();
    step
}

fn sent(price: u32) -> PayoutUpdate {
    let mut step = collected(price);
    step.plan(day(8)).unwrap();
    step.send_to(account(), day(8));
    step.sent(transfer(), day(8)).unwrap();
    step
}

fn of(step: &PayoutUpdate, account: LedgerAccount) -> i64 {
    step.book.balances.of(account)
}

/// The transfer that was sent is the truth: what its sales are worth by now, more or less, is debt.
#[test]
fn a_transfer_that_is_found_is_adopted_with_its_own_amount() {
    for (amount, reversed, in_debt) in
        [(800, 0, 0), (500, 0, -300), (1_000, 0, 200), (800, 300, -300), (1_000, 300, -100)]
    {
        let (transfer, received) = transfer();
        let name = format!("{amount} {reversed}");
        let mut step = collected(1_000);
        let sale = step.sales[0].purchase_id.clone();
        let reversal = Reversal { number: 2, amount: reversed };
        let reversals = if reversed > 0 { vec![(sale, reversal)] } else { Vec::new() };
        let (account, sent_at) = (account(), day(8));
        let found = SentTransfer {
            transfer,
            received,
            account,
            amount,
            sent_at,
            reversed,
            reversals: reversals.clone(),
        };
        step.adopt(&found, day(9)).unwrap();
        assert_eq!(step.payout.state, PayoutState::Sent, "{name}");
        assert_eq!(step.payout.standing(), amount - reversed, "{name}");
        assert_eq!(of(&step, LedgerAccount::CreatorDebt), in_debt, "{name}");
        assert_eq!(of(&step, LedgerAccount::Transferred), amount - reversed, "{name}");
        assert_eq!(of(&step, LedgerAccount::CreatorInPayout), 0, "{name}");
        assert_eq!(step.book.balances.sum(), 0, "{name}");
        // A reversal that was made is not made again under its number.
        let (sale, again) = (&step.sales[0], reversals.is_empty());
        assert_eq!((sale.recovered, sale.recoveries), (reversed, if again { 0 } else { 2 }));
        // A second adoption, and a payout that is over, change nothing.
        let once = step.clone();
        step.adopt(&found, day(10)).unwrap();
        assert_eq!((step.payout, step.book.balances), (once.payout, once.book.balances));
    }
}

/// What was sold after the transfer was made is not in it.
#[test]
fn a_payout_collects_what_was_payable_when_it_was_created() {
    let (book, sale) = payable(1_000);
    let later = Sale { hold_until: day(9), ..sale };
    let mut step = PayoutUpdate::new(payout(1), book, vec![later]);
    step.collect(day(9)).unwrap();
    assert_eq!((step.payout.sales, step.payout.collected), (0, 0));
}

#[test]
fn a_sale_is_payable_after_seven_days_and_not_a_moment_before() {
    let second = std::time::Duration::from_secs(1);
    for begun in ["2028-02-26T10:00:00Z", "2026-10-31T23:59:59Z", "2026-12-28T00:00:00Z"] {
        let begun = Timestamp::parse(begun).unwrap();
        let sale = Sale { hold_until: begun.plus(DAY * 7), ..paid(1_000).sale.unwrap() };
        assert!(!sale.is_due(begun.plus(DAY * 7).minus(second)), "{begun}");
        assert!(sale.is_due(begun.plus(DAY * 7)), "{begun}");
    }
    let leap = Timestamp::parse("2028-02-26T10:00:00Z").unwrap();
    assert_eq!(leap.plus(DAY * 7).to_string(), "2028-03-04T10:00:00.000Z", "over the leap day");
}

#[test]
fn what_is_released_is_payable_once() {
    let (book, sale) = payable(1_000);
    assert_eq!(book.balances.owed(LedgerAccount::CreatorAvailable), 800);
    assert_eq!(book.balances.owed(LedgerAccount::CreatorPending), 0);
    let (mut book, mut sales) = (book, [sale]);
    assert_eq!(release(&mut book, &mut sales, day(9)).unwrap(), None);
    let frozen = Sale { frozen: true, released_at: None, ..sales[0].clone() };
    assert_eq!(release(&mut book, &mut [frozen], day(9)).unwrap(), None);
}

#[test]
fn why_a_creator_is_not_paid() {
    let (book, _) = payable(1_500);
    let barred = |account: &Account| SkipReason::for_account(account, day(8));
    let account = Account::open(user("creator"), day(0));
    let banned = barred(&Account { standing: suspended(None), ..account.clone() });
    let unverified = barred(&Account { email_unverified: true, ..account.clone() });
    let frozen = CreatorBalance { frozen: 1_200, ..book.clone() };
    let (little, _) = payable(1_248);
    let (enough, _) = payable(1_250);
    let mut owes = CreatorBalance::new(user("creator"));
    owes.balances = sent(1_500).book.balances;
    let nothing = owes.clone();
    owes.balances.add(&Posting::new(Role::CreatorShare, LedgerAccount::CreatorDebt, 1));
    let check = |book: &CreatorBalance,
                 barred: Option<SkipReason>,
                 ready: bool,
                 expected: PayoutDecision| {
        assert_eq!(book.plan(barred, ready), expected);
    };
    assert_eq!(barred(&account), None);
    check(&book, None, true, PayoutDecision::Pay);
    check(&enough, None, true, PayoutDecision::Pay);
    check(&nothing, None, true, PayoutDecision::Nothing);
    check(&book, banned, true, PayoutDecision::Skip(SkipReason::Banned));
    check(&book, unverified, true, PayoutDecision::Skip(SkipReason::EmailUnverified));
    check(&nothing, unverified, true, PayoutDecision::Nothing);
    check(&little, None, true, PayoutDecision::Skip(SkipReason::BelowMinimum));
    check(&frozen, None, true, PayoutDecision::Skip(SkipReason::FrozenDispute));
    check(&owes, None, true, PayoutDecision::Skip(SkipReason::NegativeBalance));
    check(&book, None, false, PayoutDecision::Skip(SkipReason::AccountNotReady));
}

#[test]
fn a_payout_goes_its_way() {
    let mut step = collected(1_500);
    assert_eq!((step.payout.collected, step.payout.sales), (1_200, 1));
    assert_eq!(step.sales[0].state(day(8)), SaleState::InPayout);
    step.collect(day(8)).unwrap();
    assert_eq!((step.payout.collected, step.payout.sales), (1_200, 1), "it is added once");
    step.plan(day(8)).unwrap();
    assert_eq!((&step.payout.state, step.payout.amount), (&PayoutState::Planned, 1_200));
    step.sent(transfer(), day(8)).unwrap();
    assert_eq!(step.payout.state, PayoutState::Planned, "nothing is sent that was not recorded");
    step.send_to(account(), day(8));
    step.sent(transfer(), day(8)).unwrap();
    step.sent(transfer(), day(9)).unwrap();
    assert_eq!(of(&step, LedgerAccount::Transferred), 1_200, "once");
    assert_eq!(of(&step, LedgerAccount::CreatorInPayout), 0);
    assert_eq!(of(&step, LedgerAccount::BuyerCash), 300);
    step.paid(bank(), day(10));
    assert_eq!((&step.payout.state, step.payout.paid_at), (&PayoutState::Paid, Some(day(10))));
}

/// One charge funds one transfer, in a payout of that sale alone and for no more than the charge.
#[test]
fn a_payout_of_one_sale_is_made_of_its_charge() {
    let charge = ChargeId::parse("ch_1").unwrap();
    let mut step = collected(1_500);
    step.plan(day(8)).unwrap();
    assert_eq!(step.payout.source, Some(charge.clone()));
    step.send_to(account(), day(8));
    step.fail("balance_insufficient", day(8)).unwrap();
    step.detach_sales(day(8)).unwrap();
    assert_eq!(step.sales[0].charge, None, "Stripe may have refused it for its charge");

    let mut two = collected(1_500);
    let (_, other) = payable(1_500);
    two.sales.push(other);
    two.collect(day(8)).unwrap();
    assert_eq!((two.payout.sales, &two.payout.source), (2, &None));
    two.plan(day(8)).unwrap();
    two.fail("banned", day(8)).unwrap();
    two.detach_sales(day(8)).unwrap();
    assert_eq!(two.sales[0].charge, Some(charge));

    let mut owed = collected(1_500);
    owed.book.balances.add(&Posting::new(Role::CreatorShare, LedgerAccount::CreatorDebt, -100));
    owed.plan(day(8)).unwrap();
    assert_eq!((owed.payout.amount, &owed.payout.source), (1_300, &None));
}

#[test]
fn what_is_not_answered_is_attempted_again_under_another_key() {
    let mut step = collected(1_500);
    step.attempt(day(8));
    assert_eq!(step.payout.attempt, None, "nothing is asked of Stripe yet");
    step.plan(day(8)).unwrap();
    step.send_to(account(), day(8));
    let number = |step: &PayoutUpdate| step.payout.attempt.map(|attempt| attempt.number);
    assert_eq!(number(&step), Some(1));
    step.attempt(day(8));
    assert_eq!(number(&step), Some(1));
    step.attempt(day(9));
    assert_eq!(number(&step), Some(2));
    step.sent(transfer(), day(9)).unwrap();
    step.attempt(day(10));
    assert_eq!(number(&step), Some(2), "it is made");
    step.returned_by_bank(bank(), "account_closed");
    step.attempt(day(10));
    assert_eq!(number(&step), Some(1), "the attempt at its reversal");
}

#[test]
fn debt_is_offset_first() {
    let mut step = collected(1_500);
    step.book.balances.add(&Posting::new(Role::CreatorShare, LedgerAccount::CreatorDebt, 100));
    step.plan(day(8)).unwrap();
    assert_eq!((step.payout.amount, step.payout.settled), (1_100, 100));
    assert_eq!(of(&step, LedgerAccount::CreatorDebt), 0);

    let mut ours = collected(1_500);
    ours.book.balances.add(&Posting::new(Role::CreatorShare, LedgerAccount::CreatorDebt, -100));
    ours.plan(day(8)).unwrap();
    assert_eq!((ours.payout.amount, ours.payout.settled), (1_300, -100));
}

#[test]
fn what_became_too_little_meanwhile_is_not_sent() {
    let mut step = collected(1_500);
    step.book.balances.add(&Posting::new(Role::CreatorShare, LedgerAccount::CreatorDebt, 700));
    step.plan(day(8)).unwrap();
    let code = "below_minimum".to_owned();
    assert_eq!(step.payout.state, PayoutState::Failed { code: code.clone() });
    step.reopen();
    assert!(step.payout.is_open(), "it stays open until its sales are detached");
    step.detach_sales(day(8)).unwrap();
    step.reopen();
    assert_eq!(step.payout.state, PayoutState::Reopened { code });
    assert!(step.sales[0].is_payable());
    assert_eq!(of(&step, LedgerAccount::CreatorDebt), 700);
    assert_eq!(of(&step, LedgerAccount::CreatorInPayout), 0);
    assert_eq!(of(&step, LedgerAccount::CreatorAvailable), -1_200);
}

#[test]
fn a_bank_returns_what_it_had() {
    let mut step = sent(1_500);
    step.paid(bank(), day(9));
    step.returned_by_bank(bank(), "account_closed");
    step.paid(bank(), day(11));
    let failed = PayoutState::Failed { code: "account_closed".to_owned() };
    assert_eq!(step.payout.state, failed, "a late event changes nothing");
    step.detach_sales(day(11)).unwrap();
    assert_eq!(step.payout.sales, 1, "its transfer is not reversed yet");
    step.returned(day(11)).unwrap();
    step.returned(day(11)).unwrap();
    step.detach_sales(day(11)).unwrap();
    step.reopen();
    assert!(matches!(step.payout.state, PayoutState::Reopened { .. }));
    assert_eq!(of(&step, LedgerAccount::CreatorAvailable), -1_200);
    assert_eq!(of(&step, LedgerAccount::Transferred), 0);
    assert_eq!(of(&step, LedgerAccount::BuyerCash), 1_500);
}

/// A refund after the payout: recovered from the transfer, or owed.
#[test]
fn what_was_overpaid_is_got_back_or_owed() {
    let mut step = sent(1_500);
    let mut update =
        PurchaseUpdate { sale: Some(step.sales[0].clone()), book: step.book, ..paid(1_500) };
    let next = update.settle(&payment(1_500, 500, 0, false), day(9)).unwrap();
    assert_eq!(next, PaymentFollowUp::ReverseTransfer);
    assert_eq!(update.book.balances.of(LedgerAccount::CreatorDebt), 400);
    step = PayoutUpdate { book: update.book, sales: vec![update.sale.unwrap()], ..step };
    assert_eq!(step.recoverable(&step.sales[0]), 400);
    let recovery = step.sales[0].begin_reversal(400);
    let refused = {
        let mut refused = step.clone();
        refused.sales[0].write_off();
        refused
    };
    assert!(!refused.sales[0].is_to_be_recovered());
    assert_eq!(of(&refused, LedgerAccount::CreatorDebt), 400);

    step.recovered(recovery, day(9)).unwrap();
    step.recovered(recovery, day(9)).unwrap();
    assert_eq!((step.payout.reversed, step.sales[0].recovered), (400, 400), "once");
    assert_eq!(of(&step, LedgerAccount::CreatorDebt), 0);
    assert_eq!(of(&step, LedgerAccount::Transferred), 800);

    step.returned_by_bank(bank(), "account_closed");
    step.returned(day(10)).unwrap();
    step.detach_sales(day(10)).unwrap();
    assert_eq!(of(&step, LedgerAccount::CreatorDebt), 0, "what was returned is not owed as well");
    assert_eq!(of(&step, LedgerAccount::CreatorAvailable), -800);
}

/// Many sales of one creator, with refunds, disputes, payouts, returns and reversals in any order:
/// the ledger balances after every step and matches the sales.
#[test]
fn whatever_happens_the_ledger_matches_the_sales() {
    for seed in 1..=200 {
        let mut shop = Shop::open(seed);
        for _ in 0..120 {
            shop.step();
            shop.check();
        }
        shop.calm();
    }
}

/// A creator with many sales and open payouts.
struct Shop {
    dice: Dice,
    seed: u64,
    now: Timestamp,
    book: CreatorBalance,
    updates: Vec<PurchaseUpdate>,
    /// The state of each payment: refunded, withdrawn, disputed.
    payments: Vec<(i64, i64, bool)>,
    payouts: Vec<Payout>,
    folded: Balances,
}

impl Shop {
    fn open(seed: u64) -> Shop {
        Shop {
            dice: Dice(seed),
            seed,
            now: day(1),
            book: CreatorBalance::new(user("creator")),
            updates: Vec::new(),
            payments: Vec::new(),
            payouts: Vec::new(),
            folded: Balances::default(),
        }
    }

    fn step(&mut self) {
        self.now = self.now.plus(DAY / 2);
        match self.dice.below(8) {
            0 | 1 => self.sell(),
            2 => self.change_payment(),
            3 => self.release(),
            4 => self.begin(),
            5 | 6 => self.go_on(),
            _ => self.recover(),
        }
    }

    fn sell(&mut self) {
        let price = 500 + u32::try_from(self.dice.below(1_000)).unwrap();
        let mut update = super::purchase_updates::purchase_update(price);
        update.purchase.id = purchase_id(self.updates.len() as u128 + 1);
        self.updates.push(update);
        self.payments.push((0, 0, false));
        self.settle(self.updates.len() - 1);
    }

    fn change_payment(&mut self) {
        if self.updates.is_empty() {
            return;
        }
        let which = self.dice.index(self.updates.len());
        let price = self.updates[which].purchase.price.amount;
        let part = i64::try_from(self.dice.below(u64::try_from(price).unwrap())).unwrap() + 1;
        self.payments[which] = match self.dice.below(6) {
            0 => (part, 0, false),
            1 => (price, 0, false),
            2 => (0, price + self.dice.below(2) as i64 * 300, true),
            3 => (0, price, false),
            4 => (0, 0, true),
            _ => (0, 0, false),
        };
        self.settle(which);
    }

    fn settle(&mut self, which: usize) {
        let (refunded, withdrawn, disputed) = self.payments[which];
        let update = &mut self.updates[which];
        let paid = Payment {
            fees: 59,
            ..payment(update.purchase.price.amount, refunded, withdrawn, disputed)
        };
        std::mem::swap(&mut update.book, &mut self.book);
        update.settle(&paid, self.now).unwrap();
        std::mem::swap(&mut update.book, &mut self.book);
        let journals = std::mem::take(&mut update.journals);
        journals.iter().for_each(|journal| self.folded.post(journal));
    }

    fn release(&mut self) {
        let mut sales = self.sales();
        let journal = release(&mut self.book, &mut sales, self.now).unwrap();
        self.put(sales);
        journal.iter().for_each(|journal| self.folded.post(journal));
    }

    fn begin(&mut self) {
        let plan = self.book.plan(None, true);
        if self.book.payout.is_none() && plan == PayoutDecision::Pay {
            let number = self.payouts.len() as u128 + 1;
            let payout = Payout { created_at: self.now, ..payout(number) };
            self.book.payout = Some(payout.id.clone());
            self.payouts.push(payout);
        }
    }

    /// One update of one open payout, or its return by the bank.
    fn go_on(&mut self) {
        let Some(which) = (!self.payouts.is_empty()).then(|| self.dice.index(self.payouts.len()))
        else {
            return;
        };
        let (payout, now, dice) = (self.payouts[which].clone(), self.now, self.dice.below(4));
        let mut sales = self.sales();
        if matches!(payout.state, PayoutState::Collecting) {
            sales.truncate(self.dice.index(sales.len() + 1));
        }
        let mut step = PayoutUpdate::new(payout, self.book.clone(), sales);
        match (step.payout.state.clone(), dice) {
            (PayoutState::Collecting, 0) => step.plan(now).unwrap(),
            (PayoutState::Collecting, _) => step.collect(now).unwrap(),
            (PayoutState::Planned, 0) => step.fail("banned", now).unwrap(),
            (PayoutState::Planned, _) => step.send_to(account(), day(8)),
            (PayoutState::Sending, 0) => step.fail("balance_insufficient", now).unwrap(),
            (PayoutState::Sending, _) => step.sent(transfer(), now).unwrap(),
            (PayoutState::Sent, 0) | (PayoutState::Paid, 0) => {
                step.returned_by_bank(bank(), "account_closed")
            }
            (PayoutState::Sent, _) => step.paid(bank(), now),
            (PayoutState::Failed { .. }, _) => {
                if step.payout.transfer.is_some() {
                    step.returned(now).unwrap();
                } else {
                    step.detach_sales(now).unwrap();
                    step.reopen();
                }
            }
            _ => {}
        }
        self.take(which, step);
    }

    fn recover(&mut self) {
        for which in 0..self.payouts.len() {
            let payout = self.payouts[which].clone();
            let mut sales = self.sales().into_iter();
            let to_be =
                |sale: &Sale| sale.payout_id.as_ref() == Some(&payout.id) && sale.overpaid() > 0;
            let Some(sale) = sales.find(to_be) else { continue };
            let mut step = PayoutUpdate::new(payout, self.book.clone(), vec![sale]);
            let amount = step.recoverable(&step.sales[0]);
            if amount > 0 {
                let recovery = step.sales[0].begin_reversal(amount);
                step.recovered(recovery, self.now).unwrap();
                self.take(which, step);
            }
        }
    }

    fn take(&mut self, which: usize, step: PayoutUpdate) {
        step.journals.iter().for_each(|journal| self.folded.post(journal));
        (self.payouts[which], self.book) = (step.payout, step.book);
        self.put(step.sales);
    }

    fn sales(&self) -> Vec<Sale> {
        self.updates.iter().filter_map(|update| update.sale.clone()).collect()
    }

    fn put(&mut self, sales: Vec<Sale>) {
        for sale in sales {
            let update = self.updates.iter_mut().find(|it| it.purchase.id == sale.purchase_id);
            update.unwrap().sale = Some(sale);
        }
    }

    fn check(&self) {
        let (seed, sales) = (self.seed, self.sales());
        assert_eq!(self.book.balances, self.folded, "seed {seed}");
        assert_eq!(self.folded.sum(), 0, "seed {seed}");
        let owed = |account| self.book.balances.owed(account);
        let net = |which: &dyn Fn(&&Sale) -> bool| -> i64 {
            sales.iter().filter(which).map(|sale| sale.kept.net).sum()
        };
        let pending = net(&|sale| sale.released_at.is_none());
        assert_eq!(owed(LedgerAccount::CreatorPending), pending, "seed {seed}");
        let available = net(&|sale| sale.released_at.is_some() && sale.payout_id.is_none());
        assert_eq!(owed(LedgerAccount::CreatorAvailable), available, "seed {seed}");
        let frozen: i64 = sales.iter().map(Sale::frozen_part).sum();
        assert_eq!(self.book.frozen, frozen, "seed {seed}");
        let paid: i64 = self.payouts.iter().map(Payout::standing).sum();
        assert_eq!(owed(LedgerAccount::CreatorPaid), paid, "seed {seed}");
        assert_eq!(self.book.balances.of(LedgerAccount::Transferred), paid, "seed {seed}");
        let all = net(&|_| true);
        let of_creator = owed(LedgerAccount::CreatorPending)
            + owed(LedgerAccount::CreatorAvailable)
            + owed(LedgerAccount::CreatorInPayout)
            + owed(LedgerAccount::CreatorDebt)
            + paid;
        assert_eq!(of_creator, all, "seed {seed}: every cent that is the creator's is somewhere");
        for payout in self.payouts.iter().filter(|it| it.state == PayoutState::Sent) {
            assert!(payout.amount >= PAYOUT_MIN, "seed {seed}");
        }
    }

    /// Finishes everything that is open: then no clearing account has a balance.
    fn calm(&mut self) {
        for which in 0..self.updates.len() {
            self.payments[which].2 = false;
            self.settle(which);
        }
        for _ in 0..400 {
            self.go_on();
            self.check();
        }
        self.payouts.retain(Payout::is_open);
        assert_eq!(self.payouts.len(), 0, "seed {}", self.seed);
        for account in [LedgerAccount::CreatorInPayout, LedgerAccount::DisputesReceivable] {
            assert_eq!(self.book.balances.of(account), 0, "seed {}", self.seed);
        }
    }
}

/// Numbers that are the same for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }
}
