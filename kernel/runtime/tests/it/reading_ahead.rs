//! Reading ahead: a batch's reads at once, and nothing else of it.

use std::cell::RefCell;

use sycee_runtime::{MarketWriter, Stimulus};

use crate::bank::{Deposit, Transfer, on_each_engine, open, put};

const ACCOUNTS: i64 = 60;

/// Every kind of thing a handler does: reads by key and by index, effects, timers, refusals, refused sends.
fn stimuli() -> Vec<Stimulus> {
    let deposit = |account, units| {
        Stimulus::command("staff:test", Deposit { account, units, owner: format!("Owner {account}") })
            .key(&format!("{account}-{units}"))
    };
    let transfer = |from, to, units| Stimulus::command("staff:test", Transfer { from, to, units });
    (1..=ACCOUNTS)
        .flat_map(|account| {
            let next = account % ACCOUNTS + 1;
            [
                deposit(account, 7),
                deposit(account, 13),
                deposit(account, -1),
                transfer(account, next, 5),
                transfer(account, next, 99),
                transfer(account, next, 1_000_000),
                transfer(account, 9_999, 1),
                deposit(account + 500, 3),
            ]
        })
        .collect()
}

fn fill(bank: &mut MarketWriter) {
    for account in 1..=ACCOUNTS {
        put(bank, account, 1_000);
    }
    bank.sync().unwrap();
}

#[test]
fn handlers_wait_for_no_query_after_it() {
    on_each_engine(|url, mut bank| {
        fill(&mut bank);
        drop(bank);
        let mut bank = open(url);
        let deposits: Vec<Stimulus> = stimuli().into_iter().step_by(8).collect();
        bank.read_ahead(deposits.iter()).unwrap();
        let before = bank.stats().queries;
        for stimulus in deposits {
            bank.execute(stimulus).unwrap();
        }
        assert_eq!(bank.stats().queries, before, "on {}", url.engine());
    });
}

#[test]
fn it_changes_nothing() {
    let seen = RefCell::new(Vec::new());
    for ahead in [false, true] {
        on_each_engine(|url, mut bank| {
            fill(&mut bank);
            drop(bank);
            let mut bank = open(url);
            let mut answers = Vec::new();
            for batch in stimuli().chunks(100) {
                if ahead {
                    bank.read_ahead(batch.iter()).unwrap();
                }
                for stimulus in batch {
                    let done = bank.execute(stimulus.clone()).unwrap();
                    let hops = done.hops().map(|hop| (hop.message, hop.refused.map(str::to_owned))).collect::<Vec<_>>();
                    answers.push((done.cascade, done.outcome.as_ref().err().map(|it| it.code.clone()), hops));
                }
                bank.seal().unwrap();
            }
            bank.sync().unwrap();
            let (effects, timer) = (bank.take_effects().len(), bank.next_timer());
            seen.borrow_mut().push((bank.digest().unwrap(), answers, effects, timer));
        });
    }
    let seen = seen.into_inner();
    assert!(seen.iter().all(|run| run == &seen[0]), "with and without, on every engine");
}
