//! Repeated requests on a real command: done once, answered alike, each caller apart.

use std::sync::Arc;

use sycee_contract::{LoanApplicationAnswer, SubmitLoanApplication};
use sycee_runtime::testing::test_databases;
use sycee_runtime::{Executed, Live, Stimulus, VirtualClock, Writer};
use sycee_stage::{Life, Stage, cedis};
use sycee_transaction::loan_engine::LoanOrder;

const KEY: &str = "7f1c2a4e";

fn submit(life: &Life, application: SubmitLoanApplication) -> Stimulus {
    Stimulus::command(&life.borrower.actor, application).through("bff-system").key(KEY)
}

fn loans(stage: &mut Stage) -> usize {
    let mut loans = 0;
    stage.writer.sync().unwrap();
    let each = &mut |_: &LoanOrder| {
        loans += 1;
        Ok(())
    };
    stage.writer.scan::<LoanOrder>(each).unwrap();
    loans
}

fn answer(done: &Executed) -> LoanApplicationAnswer {
    done.answer::<SubmitLoanApplication>().unwrap()
}

#[test]
fn the_same_key_is_done_once_and_answered_alike_also_after_a_restart() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let mut stage = Stage::open(url.clone());
        let (ama, kofi) = (stage.borrower(51), stage.borrower(52));
        let (offer, kofis) = (stage.offer(&ama, "gh-installment"), stage.offer(&kofi, "gh-installment"));
        let application = ama.borrower.application(ama.customer, &offer, cedis(700));

        let first = stage.run(submit(&ama, application.clone()));
        let again = stage.run(submit(&ama, application.clone()));
        assert!(!first.replayed && again.replayed);
        assert_eq!(answer(&first), answer(&again));

        let other = SubmitLoanApplication { amount: cedis(701), ..application.clone() };
        let conflict = stage.run(submit(&ama, other)).outcome.unwrap_err();
        assert_eq!(conflict.code, "IDEMPOTENCY_CONFLICT");
        assert!(conflict.message.contains("use a new key"), "{conflict}");

        let of_another = stage.run(submit(&kofi, kofi.borrower.application(kofi.customer, &kofis, cedis(700))));
        assert!(!of_another.replayed);
        assert_ne!(answer(&of_another).loan, answer(&first).loan);
        assert_eq!(loans(&mut stage), 2);

        drop(stage);
        let mut stage = Stage::reopen(url);
        let later = stage.run(submit(&ama, application));
        assert!(later.replayed);
        assert_eq!(answer(&later), answer(&first));
        assert_eq!(loans(&mut stage), 2);
    }
}

#[test]
fn a_refusal_is_repeated_as_it_was() {
    Stage::each(|stage| {
        let life = stage.borrower(53);
        let offer = stage.offer(&life, "gh-installment");
        let beyond = life.borrower.application(life.customer, &offer, cedis(19_000));
        let first = stage.run(submit(&life, beyond.clone()));
        let before = stage.writer.digest().unwrap();
        let again = stage.run(submit(&life, beyond));
        assert!(again.replayed);
        assert_eq!(again.outcome.unwrap_err(), first.outcome.unwrap_err());
        assert_eq!(stage.writer.digest().unwrap(), before);
    });
}

#[test]
fn a_hundred_at_once_have_one_effect() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let mut stage = Stage::open(url.clone());
        let life = stage.borrower(54);
        let offer = stage.offer(&life, "gh-installment");
        let application = life.borrower.application(life.customer, &offer, cedis(700));

        let clock = Arc::new(VirtualClock::at(stage.writer.now()));
        let writer = Writer::spawn(stage.writer, Live::on(clock)).unwrap();
        let done: Vec<Executed> = std::thread::scope(|scope| {
            let ask = || {
                let all: Vec<_> = (0..10).map(|_| writer.submit(submit(&life, application.clone())).unwrap()).collect();
                all.into_iter().map(|reply| reply.wait().unwrap()).collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut stage = Stage::with(writer.stop().unwrap());

        assert_eq!(done.len(), 100);
        assert_eq!(done.iter().filter(|done| !done.replayed).count(), 1);
        assert!(done.iter().all(|one| answer(one) == answer(&done[0])));
        assert_eq!(loans(&mut stage), 1);
    }
}
