//! Properties of the ledger: whatever is posted, held, reversed, refused and cut into batches, the books agree.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sycee_accounting::ledger::{Day, EntryDraft, LedgerError, Line, TRANSFER_MAX};
use sycee_accounting::reports::{self, trial_balance};
use sycee_contract::{Date, EntryId, Identifier};
use sycee_money::Currency;
use sycee_runtime::storage::ColumnKind;
use sycee_runtime::{BATCHES_WRITING_MAX, Resident};

use crate::books::{ACCOUNTS, Books, Model, at, draft};

#[derive(Clone, Debug)]
enum Step {
    Post { day: i32, lines: Vec<(usize, usize, i64)> },
    Hold { day: i32, line: (usize, usize, i64) },
    PostHold { pick: usize, part: u8 },
    VoidHold { pick: usize },
    Reverse { pick: usize },
    Refused(Vec<Step>),
    Flush,
    Restart,
}

fn line() -> impl Strategy<Value = (usize, usize, i64)> {
    (0..ACCOUNTS.len(), 0..ACCOUNTS.len(), -1i64..1000)
}

fn simple_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..5i32, prop::collection::vec(line(), 0..4)).prop_map(|(day, lines)| Step::Post { day, lines }),
        2 => (0..5i32, line()).prop_map(|(day, line)| Step::Hold { day, line }),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(pick, part)| Step::PostHold { pick, part }),
        1 => any::<usize>().prop_map(|pick| Step::VoidHold { pick }),
        1 => any::<usize>().prop_map(|pick| Step::Reverse { pick }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => simple_step(),
        2 => prop::collection::vec(simple_step(), 1..9).prop_map(Step::Refused),
        2 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ]
}

#[derive(Clone, Default)]
struct Expected {
    model: Model,
    holds: Vec<(i64, usize, usize, i64)>,
    entries: i64,
    snapshots_min: usize,
}

fn run(books: &mut Books, expected: &mut Expected, step: &Step) {
    match step {
        Step::Post { day, lines } => post(books, expected, *day, lines),
        Step::Hold { day, line: (debit, credit, amount) } => {
            let line = Line { debit: books.account(*debit), credit: books.account(*credit), amount: *amount };
            if let Ok((entry, transfer)) = books.ledger.hold(line, draft(&[], *day)) {
                expected.holds.push((transfer, *debit, *credit, *amount));
                expected.entries += 1;
                assert_eq!(entry.number(), expected.entries);
            }
        }
        Step::PostHold { pick, part } => {
            if let Some(at) = pick.checked_rem(expected.holds.len()) {
                let (transfer, debit, credit, held) = expected.holds.remove(at);
                let amount = (held * i64::from(*part) / 255).max(1);
                books.ledger.post_hold(transfer, amount, draft(&[], 2)).unwrap();
                expected.model.post(2, debit, credit, amount);
                expected.entries += 1;
            }
        }
        Step::VoidHold { pick } => {
            if let Some(at) = pick.checked_rem(expected.holds.len()) {
                let (transfer, ..) = expected.holds.remove(at);
                books.ledger.void_hold(transfer, draft(&[], 3)).unwrap();
                expected.entries += 1;
                let again = books.ledger.void_hold(transfer, draft(&[], 3));
                assert_eq!(again, Err(LedgerError::HoldNotOpen { transfer }));
            }
        }
        Step::Reverse { pick } => reverse(books, expected, *pick),
        Step::Refused(steps) => {
            let (before, savepoint) = (expected.clone(), books.ledger.savepoint());
            let digest = books.ledger.digest();
            for step in steps {
                run(books, expected, step);
            }
            books.ledger.rollback(savepoint);
            *expected = before;
            assert_eq!(books.ledger.digest(), digest, "a refused cascade leaves no trace");
        }
        Step::Flush => books.flush(),
        Step::Restart => {
            books.flush();
            let recovered = books.recovered();
            assert_eq!(recovered.digest(), books.ledger.digest(), "what is loaded is what was");
            books.ledger = recovered;
            books.ledger.set_snapshots_min(expected.snapshots_min);
        }
    }
}

fn post(books: &mut Books, expected: &mut Expected, day: i32, lines: &[(usize, usize, i64)]) {
    let digest = books.ledger.digest();
    let opened = books.ledger.accounts();
    let numbered: Vec<Line> = lines
        .iter()
        .map(|(debit, credit, amount)| Line {
            debit: books.account(*debit),
            credit: books.account(*credit),
            amount: *amount,
        })
        .collect();
    match books.ledger.post(draft(&numbered, day)) {
        Ok(entry) => {
            expected.entries += 1;
            assert_eq!(entry.number(), expected.entries, "entry numbers are dense");
            for (debit, credit, amount) in lines {
                assert!(*amount > 0 && ACCOUNTS[*debit].2 == ACCOUNTS[*credit].2);
                expected.model.post(day, *debit, *credit, *amount);
            }
        }
        Err(_) if books.ledger.accounts() == opened => assert_eq!(books.ledger.digest(), digest),
        Err(_) => {}
    }
}

fn reverse(books: &mut Books, expected: &mut Expected, pick: usize) {
    let Some(nr) = pick.checked_rem(usize::try_from(expected.entries).unwrap()) else { return };
    let id = EntryId::from_number(nr as i64 + 1);
    let original = match books.ledger.recent_entry(id) {
        Some(recent) => recent,
        None => reports::entry(&mut *books.reader(), id).unwrap().expect("what is not recent is in the tables"),
    };
    let bare = EntryDraft::bare("reversal", "of a test", Day(4), at(4));
    if books.ledger.reverse(&original, bare).is_ok() {
        expected.entries += 1;
        for transfer in &original.transfers {
            let position =
                |nr| (0..ACCOUNTS.len()).find(|at| books.ledger.account(nr) == Some(&crate::books::spec(*at)));
            let (debit, credit) = (position(transfer.debit).unwrap(), position(transfer.credit).unwrap());
            expected.model.post(4, credit, debit, transfer.amount);
        }
        let again = books.ledger.reverse(&original, bare);
        assert_eq!(again, Err(LedgerError::AlreadyReversed { entry: id }));
    }
}

fn agree(books: &Books, expected: &Expected) {
    for currency in [Currency::GHS, Currency::USDT] {
        assert_eq!(books.ledger.total(currency), 0, "debits equal credits in {currency}");
    }
    for (account, balance) in expected.model.balances(i32::MAX) {
        let nr = books.ledger.find(ACCOUNTS[account].0, ACCOUNTS[account].2).unwrap();
        assert_eq!(books.ledger.balance(nr), balance, "{:?}", ACCOUNTS[account]);
    }
    let reader = &mut *books.reader();
    for day in -1..6 {
        let balances = trial_balance(reader, Some(Date::from(Day(day)))).unwrap();
        assert!(balances.is_balanced());
        let modelled = expected.model.balances(day);
        for (at, (code, _, currency, _)) in ACCOUNTS.iter().enumerate() {
            let units = modelled.get(&at).copied().unwrap_or(0);
            assert_eq!(balances.balance(code, *currency).units(), units, "{code} {currency} on day {day}");
        }
    }
    let report = reports::verify(reader, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(i64::try_from(report.entries).unwrap(), expected.entries);
    assert_eq!(report.head, books.ledger.head());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, rng_seed: RngSeed::Fixed(20_260_105), ..ProptestConfig::default() })]

    #[test]
    fn the_books_agree_whatever_happens(steps in prop::collection::vec(step(), 1..120), snapshots_min in 1..4usize) {
        Books::each(|books| {
            let mut expected = Expected { snapshots_min, ..Expected::default() };
            books.ledger.set_snapshots_min(snapshots_min);
            for step in &steps {
                run(books, &mut expected, step);
            }
            books.flush();
            assert_eq!(books.recovered().digest(), books.ledger.digest());
            agree(books, &expected);
        });
    }
}

#[test]
fn limits_count_what_is_held() {
    Books::each(|books| {
        books.post(0, 0, 2, 100);
        let line = Line { debit: books.account(2), credit: books.account(0), amount: 60 };
        let (_, hold) = books.ledger.hold(line, draft(&[], 0)).unwrap();
        assert_eq!(books.ledger.balance(line.debit), -100, "a hold moves nothing");
        assert_eq!(books.ledger.pending(line.debit), (60, 0));
        let over = books.ledger.post(draft(&[Line { amount: 41, ..line }], 0));
        assert_eq!(over, Err(LedgerError::LimitExceeded { account: "2100|par-1".to_owned(), excess: 1 }));
        let more = books.ledger.post_hold(hold, 61, draft(&[], 0));
        assert_eq!(more, Err(LedgerError::HoldTooSmall { transfer: hold, held: 60, asked: 61 }));
        books.ledger.post_hold(hold, 50, draft(&[], 0)).unwrap();
        assert_eq!((books.ledger.balance(line.debit), books.ledger.pending(line.debit)), (-50, (0, 0)));
        books.ledger.post(draft(&[Line { amount: 50, ..line }], 0)).unwrap();
    });
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug)]
enum HoldState {
    Open,
    Posted,
    Voided,
    /// It moved money at once and held none.
    NoHold,
    /// There is no such transfer.
    Unknown,
}

/// What may end a hold.
#[derive(Clone, Copy, Debug)]
enum Ending {
    PostLess,
    PostAll,
    PostMore,
    Void,
}

/// Why a transfer is not ended.
type Refusal = fn(i64) -> LedgerError;

const HELD: i64 = 60;

fn transfer_in(books: &mut Books, state: HoldState) -> i64 {
    let line = Line { debit: books.account(0), credit: books.account(3), amount: HELD };
    books.ledger.post(draft(&[line], 0)).unwrap();
    let moved = books.ledger.last_transfer();
    let (_, held) = books.ledger.hold(line, draft(&[], 0)).unwrap();
    match state {
        HoldState::Open => held,
        HoldState::Posted => {
            books.ledger.post_hold(held, HELD - 20, draft(&[], 0)).unwrap();
            held
        }
        HoldState::Voided => {
            books.ledger.void_hold(held, draft(&[], 0)).unwrap();
            held
        }
        HoldState::NoHold => moved,
        HoldState::Unknown => held + 1,
    }
}

fn end(books: &mut Books, transfer: i64, ending: Ending) -> Result<EntryId, LedgerError> {
    let amount = match ending {
        Ending::PostLess => HELD - 1,
        Ending::PostAll => HELD,
        Ending::PostMore => HELD + 1,
        Ending::Void => return books.ledger.void_hold(transfer, draft(&[], 1)),
    };
    books.ledger.post_hold(transfer, amount, draft(&[], 1))
}

#[test]
fn every_state_of_a_hold_meets_everything_that_may_end_it() {
    use HoldState::{NoHold, Open, Posted, Unknown, Voided};
    const ENDINGS: [Ending; 4] = [Ending::PostLess, Ending::PostAll, Ending::PostMore, Ending::Void];
    const TOO_SMALL: Result<i64, Refusal> =
        Err(|transfer| LedgerError::HoldTooSmall { transfer, held: HELD, asked: HELD + 1 });
    const NOT_OPEN: Result<i64, Refusal> = Err(|transfer| LedgerError::HoldNotOpen { transfer });
    // A row for each state: what each ending moves, or why it is refused.
    let table: [(HoldState, [Result<i64, Refusal>; 4]); 5] = [
        (Open, [Ok(HELD - 1), Ok(HELD), TOO_SMALL, Ok(0)]),
        (Posted, [NOT_OPEN; 4]),
        (Voided, [NOT_OPEN; 4]),
        (NoHold, [NOT_OPEN; 4]),
        (Unknown, [NOT_OPEN; 4]),
    ];
    for (state, row) in table {
        for (ending, expected) in ENDINGS.into_iter().zip(row) {
            Books::each(|books| {
                let transfer = transfer_in(books, state);
                let account = books.account(0);
                let (balance, digest) = (books.ledger.balance(account), books.ledger.digest());
                let ended = end(books, transfer, ending);
                match expected {
                    Ok(moved) => {
                        assert!(ended.is_ok(), "{state:?}, {ending:?}: {ended:?}");
                        assert_eq!(books.ledger.balance(account) - balance, moved, "{state:?}, {ending:?}");
                        assert_eq!(books.ledger.pending(account), (0, 0), "{state:?}, {ending:?}: the rest is free");
                        let again = end(books, transfer, Ending::Void);
                        assert_eq!(again, Err(LedgerError::HoldNotOpen { transfer }), "a hold ends once");
                    }
                    Err(refusal) => {
                        assert_eq!(ended, Err(refusal(transfer)), "{state:?}, {ending:?}");
                        assert_eq!(books.ledger.digest(), digest, "{state:?}, {ending:?}: a refusal leaves no trace");
                    }
                }
                books.flush();
                assert_eq!(books.recovered().digest(), books.ledger.digest(), "{state:?}, {ending:?}");
            });
        }
    }
}

#[test]
fn balances_do_not_wrap() {
    Books::each(|books| {
        for _ in 0..i64::MAX / TRANSFER_MAX {
            books.post(0, 0, 3, TRANSFER_MAX);
        }
        let line = Line { debit: books.account(0), credit: books.account(3), amount: TRANSFER_MAX };
        let over = books.ledger.post(draft(&[line], 0));
        assert_eq!(over, Err(LedgerError::Overflow { account: "1100|par-1".to_owned() }));
    });
}

#[test]
fn one_wrong_amount_does_not_use_up_a_balance() {
    Books::each(|books| {
        for amount in [TRANSFER_MAX + 1, i64::MAX] {
            let line = Line { debit: books.account(0), credit: books.account(3), amount };
            let refused = books.ledger.post(draft(&[line], 0));
            assert_eq!(refused, Err(LedgerError::AmountTooLarge { amount, max: TRANSFER_MAX }));
            let held = books.ledger.hold(line, draft(&[], 0));
            assert_eq!(held.err(), Some(LedgerError::AmountTooLarge { amount, max: TRANSFER_MAX }));
        }
    });
}

#[test]
fn a_refused_cascade_over_three_days_leaves_no_day_row() {
    Books::each(|books| {
        books.post(0, 0, 3, 10);
        let savepoint = books.ledger.savepoint();
        for day in 1..5 {
            books.post(day, 0, 3, 100);
        }
        books.ledger.rollback(savepoint);
        books.flush();
        let mut rows = 0;
        let (sql, kinds) = ("SELECT net FROM ledger_account_day", [ColumnKind::Int]);
        books
            .reader()
            .query(sql, &[], &kinds, &mut |row| {
                rows += 1;
                assert_eq!(row[0].as_int().unwrap().abs(), 10);
                Ok(())
            })
            .unwrap();
        assert_eq!(rows, 2);
    });
}

#[test]
fn a_reversal_is_not_reversed() {
    Books::each(|books| {
        let entry = books.post(0, 0, 3, 10);
        let original = books.ledger.recent_entry(entry).unwrap();
        let bare = EntryDraft::bare("reversal", "", Day(0), at(0));
        let reversal = books.ledger.reverse(&original, bare).unwrap();
        let reversal = books.ledger.recent_entry(reversal).unwrap();
        let refused = books.ledger.reverse(&reversal, bare);
        assert!(matches!(refused, Err(LedgerError::NotReversible { what: "a reversal", .. })));
    });
}

#[test]
fn an_entry_in_flight_is_found_in_memory() {
    Books::each(|books| {
        let entry = books.post(0, 0, 3, 10);
        let rows = books.ledger.flush();
        assert_eq!(books.ledger.recent_entry(entry).unwrap().transfers.len(), 1);
        books.commit(rows);
        for _ in 1..BATCHES_WRITING_MAX {
            books.post(0, 0, 3, 10);
            let rows = books.ledger.flush();
            books.commit(rows);
            assert!(books.ledger.recent_entry(entry).is_some(), "it may still be on its way");
        }
        books.post(0, 0, 3, 10);
        let rows = books.ledger.flush();
        books.commit(rows);
        assert!(books.ledger.recent_entry(entry).is_none(), "as many as that are never on their way");
    });
}
