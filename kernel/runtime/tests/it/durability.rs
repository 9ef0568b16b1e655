//! What the database refuses, who may write, and that the logical state is the same on every engine.

use sycee_contract::Identifier as _;
use sycee_runtime::{FaultKind, Stimulus};

use crate::bank::{Settle, Transfer, balance, on_each_engine, open, put};

#[test]
fn a_violation_at_flush_parks_the_culprit_and_keeps_the_rest() {
    on_each_engine(|url, mut bank| {
        put(&mut bank, 1, 1_000);
        put(&mut bank, 2, 1_000);
        bank.sync().unwrap();
        bank.take_completed();
        let (good, _) = bank.submit(Stimulus::command("staff:test", Transfer { from: 1, to: 2, units: 1 }));
        let (bad, _) = bank.submit(Stimulus::command("staff:test", Transfer { from: 1, to: 2, units: 666 }));
        let (last, _) = bank.submit(Stimulus::command("staff:test", Transfer { from: 1, to: 2, units: 2 }));
        bank.sync().unwrap();
        let completed = bank.take_completed();
        let of = |ticket| &completed.iter().find(|(it, _)| *it == ticket).unwrap().1;
        assert!(of(good).is_ok() && of(last).is_ok());
        let fault = of(bad).as_ref().err().unwrap();
        assert_eq!(fault.kind, FaultKind::Bug, "{fault}");
        assert_eq!((balance(&mut bank, 1), balance(&mut bank, 2)), (997, 1_003));
        bank.sync().unwrap();
        drop(bank);
        let mut bank = open(url);
        assert_eq!((balance(&mut bank, 1), balance(&mut bank, 2)), (997, 1_003));
    });
}

#[test]
fn a_fact_that_cannot_be_applied_is_parked() {
    on_each_engine(|_, mut bank| {
        let done = bank.execute(Stimulus::command("bank", Settle { account: 404, units: 1 })).unwrap();
        assert_eq!(done.outcome.unwrap_err().code, "NOT_FOUND");
        bank.sync().unwrap();
        let mut parked = Vec::new();
        bank.scan::<sycee_runtime::ParkedStimulus>(&mut |it| {
            parked.push(it.message.clone());
            Ok(())
        })
        .unwrap();
        assert_eq!(parked, ["settle"]);
    });
}

#[test]
fn an_older_writer_is_fenced_off() {
    on_each_engine(|url, mut old| {
        put(&mut old, 1, 10);
        old.sync().unwrap();
        let mut new = open(url);
        put(&mut old, 1, 10);
        assert_eq!(old.sync().unwrap_err().kind, FaultKind::Fenced);
        put(&mut new, 1, 5);
        new.sync().unwrap();
        assert_eq!(balance(&mut new, 1), 15);
    });
}

#[test]
fn the_same_stimuli_give_the_same_state_whatever_the_batches_and_the_engine() {
    let digests = std::sync::Mutex::new(Vec::new());
    for every in [1, 3, 1_000] {
        on_each_engine(|_, mut bank| {
            for nr in 0..40 {
                put(&mut bank, nr % 7, 20 + nr);
                let transfer = Transfer { from: nr % 7, to: (nr + 1) % 7, units: 15 + nr };
                bank.execute(Stimulus::command("staff:test", transfer)).unwrap();
                if nr % every == 0 {
                    bank.seal().unwrap();
                }
            }
            digests.lock().unwrap().push(bank.digest().unwrap());
        });
    }
    let digests = digests.into_inner().unwrap();
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

#[test]
fn the_sequence_never_hands_out_a_number_twice() {
    on_each_engine(|url, mut bank| {
        put(&mut bank, 1, 7);
        bank.sync().unwrap();
        let first = bank.take_effects()[0].id;
        drop(bank);
        let mut bank = open(url);
        put(&mut bank, 2, 7);
        bank.sync().unwrap();
        assert!(bank.take_effects().iter().any(|effect| effect.id > first));
        assert!(sycee_contract::LoanId::from_number(first).to_string().starts_with("loan-"));
    });
}
