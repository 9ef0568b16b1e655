//! Overlays, refusals, look-ups that merge memory and database, timers, effects.

use sycee_contract::SendOtp;
use sycee_runtime::{BATCHES_WRITING_MAX, Cause, EffectState, MarketWriter, RuntimeEffect, Stimulus};

use crate::bank::{
    Account, Balance, Deposit, Moved, Seen, Settle, Transfer, Tries, balance, on_each_engine, open, put,
};

#[test]
fn a_refused_request_leaves_only_its_counter() {
    on_each_engine(|url, mut bank| {
        put(&mut bank, 1, 100);
        put(&mut bank, 2, 100);
        let poor = Transfer { from: 1, to: 2, units: 500 };
        let done = bank.execute(Stimulus::command("staff:test", poor)).unwrap();
        assert_eq!(done.outcome.unwrap_err().code, "POOR");
        bank.sync().unwrap();
        drop(bank);
        let mut bank = open(url);
        assert_eq!((balance(&mut bank, 1), balance(&mut bank, 2)), (100, 100));
        assert_eq!(bank.load::<Tries>(&1).unwrap().unwrap().times, 1);
        assert!(bank.load::<Seen>(&(2, 1_500)).unwrap().is_none());
    });
}

#[test]
fn a_refused_send_comes_back_to_its_sender_alone() {
    on_each_engine(|_, mut bank| {
        put(&mut bank, 1, 100);
        put(&mut bank, 2, 100);
        let done = bank.execute(Stimulus::command("staff:test", Transfer { from: 1, to: 2, units: 99 })).unwrap();
        assert!(done.outcome.is_ok());
        let refused: Vec<_> =
            done.hops().filter_map(|hop| hop.refused.map(|code| (hop.message, code.to_owned()))).collect();
        assert_eq!(refused, [("notify", "DEAF".to_owned())]);
        assert_eq!((balance(&mut bank, 1), balance(&mut bank, 2)), (1, 199));
        let notes = bank.load::<Account>(&2).unwrap().unwrap().notes.clone();
        assert_eq!(notes.last().unwrap(), "DEAF 99");
        assert!(bank.load::<Seen>(&(2, 1_099)).unwrap().is_none(), "what the refused handler saved is gone");
    });
}

#[test]
fn hops_know_sender_receiver_and_cause() {
    on_each_engine(|_, mut bank| {
        put(&mut bank, 1, 100);
        put(&mut bank, 2, 1);
        let done = bank.execute(Stimulus::command("staff:test", Transfer { from: 1, to: 2, units: 10 })).unwrap();
        let hops: Vec<_> = done.hops().map(|hop| (hop.message, hop.from, hop.to.to_vec(), hop.cause)).collect();
        assert_eq!(
            hops,
            [
                ("transfer", "actor", vec!["bank"], None),
                ("notify", "bank", vec!["audit"], Some(0)),
                ("balance", "audit", vec!["bank"], Some(1)),
            ]
        );
        let cascade = done.cascade;
        bank.sync().unwrap();
        let logged = sycee_runtime::read_cascade(bank.reader(), cascade).unwrap().unwrap();
        let logged: Vec<_> =
            logged.hops.iter().map(|hop| (hop.message.as_str(), hop.from.as_str(), hop.asked)).collect();
        // Toy messages are not in the catalogue, so the log has no code for their names; services it knows.
        assert_eq!(logged.len(), 3);
        assert_eq!(logged[1].1, "bank");
        assert!(logged[2].2);
    });
}

#[test]
fn look_ups_merge_memory_flight_and_database() {
    on_each_engine(|url, mut bank| {
        for round in 0..30 {
            // Half of the batches are large enough to queue, the others wait for those before.
            bank.queue_batches_from(if round < 15 { 1 } else { usize::MAX });
            put(&mut bank, 1, 1 + round);
            if round % 2 == 0 {
                bank.seal().unwrap();
                let most = if round < 15 { BATCHES_WRITING_MAX } else { 1 };
                assert!((1..=most).contains(&bank.batches_writing()));
            }
            let seen = bank.find(&Seen::by_account(1).limit(1_000)).unwrap();
            assert_eq!(seen.len() as i64, round + 1, "what is being written counts like what is durable");
            if round % 11 == 0 {
                bank.sync().unwrap();
                assert_eq!(bank.batches_writing(), 0);
            }
        }
        let seen = bank.find(&Seen::by_account(1).limit(1_000)).unwrap();
        assert_eq!(seen.iter().map(|it| it.nr).collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
        let page = bank.find(&Seen::by_account(1).after((1, 9)).limit(5)).unwrap();
        assert_eq!(page.iter().map(|it| it.nr).collect::<Vec<_>>(), [10, 11, 12, 13, 14]);
        bank.sync().unwrap();
        drop(bank);
        let mut bank = open(url);
        assert_eq!(bank.find(&Seen::by_account(1).limit(1_000)).unwrap().len(), 30);
        assert!(bank.find(&Seen::by_account(2)).unwrap().is_empty());
    });
}

#[test]
fn timers_survive_and_fire_once() {
    on_each_engine(|url, mut bank| {
        put(&mut bank, 1, 13);
        assert!(bank.fire_timer().unwrap().is_none(), "not due yet");
        bank.sync().unwrap();
        drop(bank);
        let mut bank = open(url);
        let due = bank.next_timer().unwrap();
        bank.set_now(due);
        assert!(bank.fire_timer().unwrap().is_some());
        assert!(bank.fire_timer().unwrap().is_none());
        assert_eq!(balance(&mut bank, 1), 14);
        bank.sync().unwrap();
        drop(bank);
        let mut bank = open(url);
        assert!(bank.next_timer().is_none());
        assert_eq!(balance(&mut bank, 1), 14);
    });
}

#[test]
fn effects_leave_after_commit_and_again_after_a_restart() {
    on_each_engine(|url, mut bank| {
        put(&mut bank, 1, 7);
        assert!(bank.take_effects().is_empty(), "nothing leaves before it is durable");
        bank.sync().unwrap();
        let effects = bank.take_effects();
        let phone = effects[0].get::<SendOtp>().unwrap().phone.reveal().to_owned();
        assert_eq!((effects.len(), phone.as_str(), effects[0].attempts), (1, "+233200000007", 0));
        drop(bank);
        let mut bank = open(url);
        let effects = bank.take_effects();
        assert_eq!(effects[0].get::<SendOtp>().unwrap().phone.reveal(), phone);
        assert_eq!(effects[0].attempts, 1, "it was handed out once, and nobody knows what came of it");
        bank.effect_done(effects[0].id).unwrap();
        put(&mut bank, 1, 1);
        bank.sync().unwrap();
        drop(bank);
        let mut bank = open(url);
        assert!(bank.take_effects().is_empty());
        assert_eq!(bank.load::<RuntimeEffect>(&effects[0].id).unwrap().unwrap().state, EffectState::Done);
    });
}

#[test]
fn a_cascade_knows_the_message_that_brought_it_about() {
    for reopened in [false, true] {
        on_each_engine(|url, mut bank| {
            let put = |bank: &mut MarketWriter, account: i64, units: i64| {
                let deposit = Deposit { account, units, owner: "Ama".to_owned() };
                bank.execute(Stimulus::command("staff:test", deposit)).unwrap().cascade
            };
            let (timed, asked) = (put(&mut bank, 1, 13), put(&mut bank, 2, 7));
            bank.sync().unwrap();
            if reopened {
                drop(bank);
                bank = open(url);
            }
            let due = bank.next_timer().unwrap();
            bank.set_now(due);
            let fired = bank.fire_timer().unwrap().unwrap();
            let effect = bank.take_effects().remove(0);
            let settle = Settle { account: 2, units: 1 };
            let answered = bank.effect_answered(&effect, Stimulus::command("channel", settle)).unwrap();
            bank.sync().unwrap();
            let mut cause_of =
                |cascade: i64| sycee_runtime::read_cascade(bank.reader(), cascade).unwrap().unwrap().cause;
            assert_eq!(cause_of(fired.cascade), Some(Cause { cascade: timed, hop: 0 }));
            assert_eq!(cause_of(answered.cascade), Some(Cause { cascade: asked, hop: 0 }));
            assert_eq!(cause_of(timed), None, "somebody asked by himself");
        });
    }
}

#[test]
fn a_failing_effect_waits_longer_each_time_and_is_parked() {
    on_each_engine(|_, mut bank| {
        put(&mut bank, 1, 7);
        bank.sync().unwrap();
        let mut effect = bank.take_effects().remove(0);
        let mut last = bank.now();
        for attempt in 1..=3 {
            bank.effect_failed(&effect, 4, "no route").unwrap();
            bank.sync().unwrap();
            effect = bank.take_effects().remove(0);
            let due = bank.effect_due(&effect).unwrap();
            assert!(due > last, "attempt {attempt}");
            last = due;
        }
        bank.effect_failed(&effect, 4, "no route").unwrap();
        bank.sync().unwrap();
        assert!(bank.take_effects().is_empty());
        assert_eq!(bank.load::<RuntimeEffect>(&effect.id).unwrap().unwrap().state, EffectState::Parked);
    });
}

#[test]
fn a_service_cannot_touch_anothers_entities_or_save_while_asked() {
    on_each_engine(|_, mut bank| {
        put(&mut bank, 1, 5);
        let asked = bank.execute(Stimulus::command("staff:test", Balance { account: 1 })).unwrap();
        assert_eq!(asked.answer::<Balance>().unwrap(), 5);
        assert_eq!(asked.events::<Moved>().count(), 0);
        let unknown = bank.execute(Stimulus::command("staff:test", Balance { account: 9 })).unwrap();
        assert_eq!(unknown.answer::<Balance>().unwrap_err().code, "NOT_FOUND");
    });
    let result = std::panic::catch_unwind(|| {
        let mut registry = sycee_runtime::Registry::new();
        registry.service("audit").handles::<Deposit>(|_, _| Ok(0));
    });
    assert!(result.is_err(), "a command has one owner");
    let result = std::panic::catch_unwind(|| {
        let mut registry = sycee_runtime::Registry::new();
        registry.service("audit").emits::<Moved>();
    });
    assert!(result.is_err(), "an event has its producers");
}
