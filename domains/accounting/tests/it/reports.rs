//! Reports: statements page along the chain, balances hold at past dates, one entry comes back whole.

use std::collections::BTreeMap;

use sycee_accounting::ledger::Day;
use sycee_accounting::reports::{entry, statement, trial_balance};
use sycee_contract::Date;
use sycee_money::{Currency, Money};

use crate::books::Books;

#[test]
fn a_statement_walks_back_in_pages() {
    Books::each(|books| {
        for amount in 1..=25 {
            books.post(amount / 5, 0, 3, i64::from(amount));
            books.post(0, 4, 5, 3);
            if amount % 7 == 0 {
                books.flush();
            }
        }
        books.flush();
        let reader = &mut *books.reader();
        assert_eq!(statement(reader, "1100|par-1", None, 10).unwrap(), None, "two currencies have this code");
        assert_eq!(statement(reader, "9999", None, 10).unwrap(), None);
        let (mut before, mut amounts, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = statement(reader, "1100|par-1@GHS", before, 10).unwrap().unwrap();
            for line in &page.lines {
                assert_eq!(line.counter_account, "4100|par-1|loan");
                assert_eq!(Day::from(line.business_date).0, i32::try_from(line.amount.units()).unwrap() / 5);
            }
            amounts.extend(page.lines.iter().map(|line| (line.amount.units(), line.balance.units())));
            pages += 1;
            before = page.next_before;
            if before.is_none() {
                break;
            }
        }
        let expected: Vec<(i64, i64)> = (1..=25).rev().map(|n| (n, n * (n + 1) / 2)).collect();
        assert_eq!((amounts, pages), (expected, 3));
    });
}

#[test]
fn a_past_balance_is_by_business_date() {
    Books::each(|books| {
        for (day, amount) in [(10, 100), (11, 10), (10, 1), (11, 20), (9, 5), (12, 1000), (9, 5)] {
            books.post(day, 0, 3, amount);
            books.flush();
        }
        let reader = &mut *books.reader();
        let balances = [8, 9, 10, 11, 12].map(|day| {
            let balances = trial_balance(reader, Some(Date::from(Day(day)))).unwrap();
            balances.balance("1100|par-1", Currency::GHS).units()
        });
        assert_eq!(balances, [0, 10, 111, 141, 1141]);
        let today = trial_balance(reader, None).unwrap();
        assert_eq!(today.balance("4100|par-1|loan", Currency::GHS), Money::from_units(-1141, Currency::GHS));
        let expected = BTreeMap::from([(("1100", Currency::GHS), 1141), (("4100", Currency::GHS), -1141)]);
        assert_eq!(today.by_chart_code(), expected);
        assert_eq!(today.totals(), BTreeMap::from([(Currency::GHS, (1141, 1141))]));
    });
}

#[test]
fn an_entry_comes_back_whole() {
    Books::each(|books| {
        let id = books.post(3, 0, 3, 77);
        let memory = books.ledger.recent_entry(id).unwrap();
        books.flush();
        let reader = &mut *books.reader();
        assert_eq!(entry(reader, id).unwrap(), Some(memory));
        assert_eq!(entry(reader, "ent-99".parse().unwrap()).unwrap(), None);
    });
}
