//! Same key, same body: the stored answer. Same key, other body: a conflict. Another caller's key: another request.

use std::sync::Arc;

use sycee_contract::Timestamp;
use sycee_runtime::Stimulus;

use crate::bank::{Deposit, balance, on_each_engine, open};
use crate::live::live;

fn deposit(units: i64) -> Deposit {
    Deposit { account: 1, units, owner: "Ama".to_owned() }
}

#[test]
fn a_repeated_request_gets_the_first_answer_before_and_after_a_restart() {
    on_each_engine(|url, mut bank| {
        let first = bank.execute(Stimulus::command("staff:ama", deposit(5)).key("k")).unwrap();
        assert_eq!(first.answer::<Deposit>().unwrap(), 5);
        let again = bank.execute(Stimulus::command("staff:ama", deposit(5)).key("k")).unwrap();
        assert!(again.replayed);
        assert_eq!(again.answer::<Deposit>().unwrap(), 5);
        bank.sync().unwrap();
        let again = bank.execute(Stimulus::command("staff:ama", deposit(5)).key("k")).unwrap();
        assert_eq!(again.answer::<Deposit>().unwrap(), 5);
        let other = bank.execute(Stimulus::command("staff:ama", deposit(6)).key("k")).unwrap();
        assert_eq!(other.answer::<Deposit>().unwrap_err().code, "IDEMPOTENCY_CONFLICT");
        let kofi = bank.execute(Stimulus::command("staff:kofi", deposit(6)).key("k")).unwrap();
        assert_eq!(kofi.answer::<Deposit>().unwrap(), 11);
        let bad = bank.execute(Stimulus::command("staff:ama", deposit(-1)).key("bad")).unwrap();
        assert_eq!(bad.answer::<Deposit>().unwrap_err().code, "INVALID_FIELD");
        bank.sync().unwrap();
        drop(bank);
        let mut bank = open(url);
        let again = bank.execute(Stimulus::command("staff:ama", deposit(5)).key("k")).unwrap();
        assert!(again.replayed);
        assert_eq!(again.answer::<Deposit>().unwrap(), 5);
        let bad = bank.execute(Stimulus::command("staff:ama", deposit(-1)).key("bad")).unwrap();
        assert_eq!(bad.answer::<Deposit>().unwrap_err().code, "INVALID_FIELD");
        assert_eq!(balance(&mut bank, 1), 11);
    });
}

#[test]
fn a_hundred_concurrent_duplicates_have_one_effect() {
    on_each_engine(|_, bank| {
        let writer = Arc::new(live(bank).0);
        let threads: Vec<_> = (0..100)
            .map(|_| {
                let writer = Arc::clone(&writer);
                std::thread::spawn(move || {
                    let reply = writer.submit(Stimulus::command("staff:ama", deposit(5)).key("k")).unwrap();
                    reply.wait().unwrap()
                })
            })
            .collect();
        let outcomes: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(outcomes.iter().all(|done| done.answer::<Deposit>().unwrap() == 5));
        assert_eq!(outcomes.iter().filter(|done| !done.replayed).count(), 1);
        let mut bank = Arc::into_inner(writer).unwrap().stop().unwrap();
        assert_eq!(balance(&mut bank, 1), 5);
    });
}

#[test]
fn keys_are_forgotten_after_thirty_days() {
    on_each_engine(|_, mut bank| {
        bank.execute(Stimulus::command("staff:ama", deposit(5)).key("old")).unwrap();
        let later: Timestamp = bank.now().plus_days(32);
        bank.set_now(later);
        bank.execute(Stimulus::command("staff:ama", deposit(5)).key("new")).unwrap();
        let again = bank.execute(Stimulus::command("staff:ama", deposit(5)).key("old")).unwrap();
        assert!(!again.replayed);
        assert_eq!(balance(&mut bank, 1), 15);
    });
}
