//! Facts that cannot be applied: kept once, with what they said, and never again the work of a timer or an effect.

use sycee_runtime::storage::{ColumnKind, collect};
use sycee_runtime::{EffectEnvelope, EffectState, FaultKind, MarketWriter, RuntimeEffect, RuntimeTimer};

use crate::opening::run;
use crate::shop::{
    Item, Step, code, know, on_each_engine, on_each_engine_with_work_orders, open, open_with_work_orders,
    open_without_facts, open_without_timers, orders, parked, please, put, text, times,
};

fn later(steps: &[Step]) -> Step {
    Step::Later(60, "later".to_owned(), text(steps))
}

fn fire(shop: &mut MarketWriter) -> usize {
    let mut fired = 0;
    while shop.next_timer().is_some_and(|due| due <= shop.now()) && fired < 5 {
        drop(shop.fire_timer());
        fired += 1;
    }
    fired
}

#[test]
fn a_timer_that_cannot_be_applied_fires_once_and_is_parked() {
    for last in [Step::Refuse, Step::Bug, Step::Panic] {
        on_each_engine_with_work_orders(|url, mut shop| {
            shop.execute(please(&[later(&[put(1, "a"), last.clone()])])).unwrap();
            shop.sync().unwrap();
            shop.set_now(shop.now().plus_seconds(60));
            assert_eq!(fire(&mut shop), 1, "{last:?}");
            shop.sync().unwrap();
            drop(shop);
            let mut shop = open_with_work_orders(url);
            assert_eq!(shop.next_timer(), None, "{last:?}: it fires again after a restart");
            assert_eq!(parked(&mut shop).len(), 1, "{last:?}");
            assert_eq!(orders(&mut shop).len(), 1, "{last:?}");
            assert_eq!(code(&mut shop, 1), None);
        });
    }
}

#[test]
fn a_timer_whose_rows_the_database_refuses_is_parked_and_gone() {
    on_each_engine_with_work_orders(|url, mut shop| {
        shop.execute(please(&[put(1, "a"), later(&[put(2, "a")])])).unwrap();
        shop.sync().unwrap();
        shop.set_now(shop.now().plus_seconds(60));
        for _ in 0..3 {
            drop(shop.fire_timer());
            shop.sync().unwrap();
        }
        assert!(shop.load::<RuntimeTimer>(&"shop/later".to_owned()).unwrap().is_none());
        assert_eq!((parked(&mut shop).len(), orders(&mut shop).len()), (1, 1));
        drop(shop);
        assert_eq!(open_with_work_orders(url).next_timer(), None);
    });
}

#[test]
fn an_effect_whose_answer_cannot_be_applied_is_not_executed_again() {
    for last in [Step::Refuse, Step::Bug, Step::Panic] {
        on_each_engine(|url, mut shop| {
            shop.execute(please(&[Step::Sms(1)])).unwrap();
            shop.sync().unwrap();
            let effect = shop.take_effects().remove(0);
            drop(shop.effect_answered(&effect, know(&[put(1, "a"), last.clone()])));
            shop.sync().unwrap();
            assert_eq!(parked(&mut shop).len(), 1, "{last:?}");
            drop(shop);
            let mut shop = open(url);
            assert!(shop.take_effects().is_empty(), "{last:?}: executed again after a restart");
            assert_eq!(shop.load::<RuntimeEffect>(&effect.id).unwrap().unwrap().state, EffectState::Done);
        });
    }
}

#[test]
fn an_effect_answered_by_a_request_that_is_refused_is_parked_like_a_fact() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[Step::Sms(1)])).unwrap();
        shop.sync().unwrap();
        let effect = shop.take_effects().remove(0);
        shop.effect_answered(&effect, please(&[Step::Refuse])).unwrap();
        shop.sync().unwrap();
        assert_eq!(parked(&mut shop).len(), 1);
    });
}

#[test]
fn a_parked_fact_is_durable_without_another_stimulus_and_its_words_are_kept() {
    on_each_engine(|url, mut shop| {
        let fault = shop.execute(know(&[put(1, "what was said"), Step::Bug])).err().unwrap();
        assert_eq!(fault.kind, FaultKind::Bug);
        shop.sync().unwrap();
        drop(shop);
        let mut shop = open(url);
        let parked = parked(&mut shop);
        assert_eq!(parked.len(), 1);
        let kinds = [ColumnKind::Int, ColumnKind::Text];
        let log = collect(shop.reader(), "SELECT id, outcome FROM message_log", &[], &kinds).unwrap();
        assert_eq!(log.len(), 1, "the log holds what the fact said");
        assert_eq!((log[0][0].as_int(), log[0][1].as_text()), (Some(parked[0].id), Some("FAULT")));
    });
}

#[test]
fn two_facts_that_the_database_refuses_are_both_kept() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[put(1, "a")])).unwrap();
        shop.sync().unwrap();
        shop.execute(know(&[put(2, "a")])).unwrap();
        shop.execute(know(&[put(3, "a")])).unwrap();
        shop.sync().unwrap();
        let mut ids: Vec<i64> = parked(&mut shop).iter().map(|it| it.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 2);
        let kinds = [ColumnKind::Int];
        let sql = "SELECT id FROM message_log WHERE outcome = 'FAULT' ORDER BY id";
        let log = collect(shop.reader(), sql, &[], &kinds).unwrap();
        assert_eq!(log.iter().filter_map(|row| row[0].as_int()).collect::<Vec<_>>(), ids);
    });
}

#[test]
fn a_parked_fact_has_one_work_order_after_a_recovery() {
    on_each_engine_with_work_orders(|_, mut shop| {
        shop.execute(please(&[put(1, "a")])).unwrap();
        shop.sync().unwrap();
        shop.execute(know(&[Step::Refuse])).unwrap();
        shop.execute(please(&[put(2, "a")])).unwrap();
        shop.execute(please(&[Step::Count(1)])).unwrap();
        shop.sync().unwrap();
        assert_eq!((parked(&mut shop).len(), orders(&mut shop).len()), (1, 1));
        assert_eq!(times(&mut shop, 1), 1);
    });
}

#[test]
fn a_fact_that_faulted_is_parked_although_its_batch_was_refused() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[put(1, "a")])).unwrap();
        shop.sync().unwrap();
        assert!(shop.execute(know(&[Step::Bug])).is_err());
        shop.execute(please(&[put(2, "a")])).unwrap();
        shop.sync().unwrap();
        assert_eq!(parked(&mut shop).len(), 1);
        assert!(shop.load::<Item>(&2).unwrap().is_none());
    });
}

#[test]
fn a_stimulus_nobody_receives_leaves_its_effect_and_timer_alone() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[Step::Sms(1)])).unwrap();
        shop.sync().unwrap();
        let effect = shop.take_effects().remove(0);
        let nobody = crate::bank::Settle { account: 1, units: 1 };
        assert!(shop.effect_answered(&effect, sycee_runtime::Stimulus::command("channel", nobody)).is_err());
        shop.execute(please(&[Step::Count(1)])).unwrap();
        shop.sync().unwrap();
        assert_eq!(shop.load::<RuntimeEffect>(&effect.id).unwrap().unwrap().state, EffectState::Pending);
    });
}

#[test]
fn a_timer_that_no_handler_answers_stays_for_a_program_that_does_and_blocks_nobody() {
    on_each_engine_with_work_orders(|url, mut shop| {
        shop.execute(please(&[later(&[Step::Count(1)])])).unwrap();
        shop.sync().unwrap();
        drop(shop);
        let mut other = open_without_facts(url);
        other.set_now(other.now().plus_seconds(60));
        assert_eq!(other.fire_timer().err().unwrap().kind, FaultKind::Bug);
        assert!(other.fire_timer().unwrap().is_none());
        other.sync().unwrap();
        let text = orders(&mut other).remove(0).text;
        assert!(text.contains("nobody answers timer know"), "{text}");
        drop(other);
        let mut shop = open_with_work_orders(url);
        shop.set_now(shop.now().plus_seconds(60));
        assert!(shop.fire_timer().unwrap().is_some());
        assert_eq!(times(&mut shop, 1), 1);
    });
}

#[test]
fn a_timer_fires_although_its_service_does_not_say_any_more_that_it_sets_it() {
    on_each_engine_with_work_orders(|url, mut shop| {
        shop.execute(please(&[later(&[Step::Count(1)])])).unwrap();
        shop.sync().unwrap();
        drop(shop);
        let mut other = open_without_timers(url);
        other.set_now(other.now().plus_seconds(60));
        assert!(other.fire_timer().unwrap().is_some());
        assert!(other.fire_timer().unwrap().is_none());
        assert_eq!((times(&mut other, 1), parked(&mut other).len()), (1, 0));
    });
}

#[test]
fn a_timer_of_a_service_that_is_gone_stays_with_a_work_order_and_blocks_nobody() {
    on_each_engine_with_work_orders(|url, mut shop| {
        shop.execute(please(&[later(&[Step::Count(1)])])).unwrap();
        shop.execute(please(&[Step::Later(61, "second".to_owned(), text(&[Step::Count(2)]))])).unwrap();
        shop.sync().unwrap();
        drop(shop);
        run(url, "UPDATE runtime_timer SET service = 'stall' WHERE id = 'shop/later'");
        let mut shop = open_with_work_orders(url);
        shop.set_now(shop.now().plus_seconds(61));
        assert_eq!(shop.fire_timer().err().unwrap().kind, FaultKind::Bug);
        assert!(shop.fire_timer().unwrap().is_some());
        assert!(shop.fire_timer().unwrap().is_none());
        shop.sync().unwrap();
        assert_eq!((times(&mut shop, 1), times(&mut shop, 2)), (0, 1));
        assert!(shop.load::<RuntimeTimer>(&"shop/later".to_owned()).unwrap().is_some());
        let text = orders(&mut shop).remove(0).text;
        assert!(text.contains("no service is called stall"), "{text}");
    });
}

#[test]
fn an_effect_that_people_retry_outlives_a_restart() {
    on_each_engine(|url, mut shop| {
        shop.execute(please(&[Step::Sms(1)])).unwrap();
        shop.sync().unwrap();
        let given_up = shop.take_effects().remove(0);
        shop.effect_failed(&given_up, 1, "no route").unwrap();
        // A later one that is done moves on where the next opening looks for pending ones.
        shop.execute(please(&[Step::Sms(2)])).unwrap();
        shop.sync().unwrap();
        let done = shop.take_effects().remove(0).id;
        shop.effect_done(done).unwrap();
        shop.sync().unwrap();
        drop(shop);
        let mut shop = open(url);
        assert!(shop.take_effects().is_empty());
        shop.execute(please(&[Step::Retry(given_up.id)])).unwrap().outcome.unwrap();
        shop.sync().unwrap();
        drop(shop);
        let again = open(url).take_effects();
        assert_eq!(again.iter().map(|effect| effect.id).collect::<Vec<_>>(), [given_up.id]);
    });
}

#[test]
fn an_effect_that_this_program_cannot_read_waits_for_one_that_can_and_blocks_nobody() {
    on_each_engine_with_work_orders(|url, mut shop| {
        shop.execute(please(&[Step::Sms(1), Step::Sms(2), Step::Sms(3)])).unwrap();
        shop.sync().unwrap();
        let ids: Vec<i64> = shop.take_effects().iter().map(|effect| effect.id).collect();
        drop(shop);
        let payload = if url.engine() == "postgres" { "'\\x09'" } else { "X'09'" };
        run(url, &format!("UPDATE runtime_effect SET kind = 'send-fax' WHERE id = {}", ids[0]));
        run(url, &format!("UPDATE runtime_effect SET payload = {payload} WHERE id = {}", ids[1]));
        for again in 1..=2 {
            let mut shop = open_with_work_orders(url);
            let readable: Vec<i64> = shop.take_effects().iter().map(|effect| effect.id).collect();
            assert_eq!(readable, ids[2..]);
            shop.sync().unwrap();
            let texts: Vec<String> = orders(&mut shop).iter().map(|it| it.text.clone()).collect();
            assert_eq!(texts.len(), 2 * again, "{texts:?}");
            assert!(texts[0].contains("send-fax is no kind of effect"), "{texts:?}");
            assert!(texts[1].contains("send-otp is stored in version 9, this program knows up to 1"), "{texts:?}");
            assert!(
                ids.iter().all(|id| shop.load::<RuntimeEffect>(id).unwrap().unwrap().state == EffectState::Pending)
            );
        }
        run(url, &format!("UPDATE runtime_effect SET kind = 'send-otp' WHERE id = {}", ids[0]));
        let again = open_with_work_orders(url).take_effects();
        assert_eq!(again.iter().map(|effect| effect.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    });
}

/// What is said of an effect.
#[derive(Clone, Copy, Debug)]
enum Said {
    Done,
    Answered,
    Failed,
    GivenUp,
    Retried,
    Withdrawn,
}

fn say(shop: &mut MarketWriter, effect: &EffectEnvelope, said: Said) {
    match said {
        Said::Done => shop.effect_done(effect.id).unwrap(),
        Said::Answered => drop(shop.effect_answered(effect, know(&[Step::Count(1)])).unwrap()),
        Said::Failed => shop.effect_failed(effect, 8, "no route").unwrap(),
        Said::GivenUp => shop.effect_failed(effect, 0, "no such number").unwrap(),
        Said::Retried => {
            let code = shop.execute(please(&[Step::Retry(effect.id)])).unwrap().outcome.err().map(|it| it.code);
            let row = shop.load::<RuntimeEffect>(&effect.id).unwrap().unwrap();
            assert_eq!(code.as_deref(), (row.state == EffectState::Withdrawn).then_some("UNEXPECTED_STATE"));
        }
        Said::Withdrawn => drop(shop.execute(please(&[Step::Withdraw(effect.id)])).unwrap().outcome.unwrap()),
    }
}

#[test]
fn whatever_is_said_of_an_effect_in_whatever_state_it_is_executed_again_only_when_it_is_pending() {
    use EffectState::{Done, Parked, Pending, Withdrawn};
    use Said::{Answered, Failed, GivenUp, Retried};
    let table = [
        (Pending, None, Said::Done, Done, 1),
        (Pending, None, Answered, Done, 1),
        (Pending, None, Failed, Pending, 1),
        (Pending, None, GivenUp, Parked, 1),
        (Pending, None, Retried, Pending, 0),
        (Done, Some(Said::Done), Said::Done, Done, 1),
        (Done, Some(Said::Done), Answered, Done, 1),
        (Done, Some(Said::Done), Failed, Done, 1),
        (Done, Some(Said::Done), GivenUp, Done, 1),
        (Done, Some(Said::Done), Retried, Done, 1),
        // It was executed after all: the answer came late.
        (Parked, Some(GivenUp), Said::Done, Done, 2),
        (Parked, Some(GivenUp), Answered, Done, 2),
        (Parked, Some(GivenUp), Failed, Parked, 1),
        (Parked, Some(GivenUp), GivenUp, Parked, 1),
        (Parked, Some(GivenUp), Retried, Pending, 1),
        (Pending, None, Said::Withdrawn, Withdrawn, 0),
        (Done, Some(Said::Done), Said::Withdrawn, Done, 1),
        (Parked, Some(GivenUp), Said::Withdrawn, Withdrawn, 1),
        // It was under way when it was taken back.
        (Withdrawn, Some(Said::Withdrawn), Said::Done, Done, 1),
        (Withdrawn, Some(Said::Withdrawn), Answered, Done, 1),
        (Withdrawn, Some(Said::Withdrawn), Failed, Withdrawn, 1),
        (Withdrawn, Some(Said::Withdrawn), GivenUp, Withdrawn, 1),
        (Withdrawn, Some(Said::Withdrawn), Retried, Withdrawn, 0),
        (Withdrawn, Some(Said::Withdrawn), Said::Withdrawn, Withdrawn, 0),
    ];
    on_each_engine(|url, mut shop| {
        for (before, first, said, after, attempts) in table {
            shop.execute(please(&[Step::Sms(1)])).unwrap();
            shop.sync().unwrap();
            let effect = shop.take_effects().remove(0);
            if let Some(first) = first {
                say(&mut shop, &effect, first);
            }
            assert_eq!(shop.load::<RuntimeEffect>(&effect.id).unwrap().unwrap().state, before);
            say(&mut shop, &effect, said);
            shop.sync().unwrap();
            drop(shop);
            shop = open(url);
            let row = shop.load::<RuntimeEffect>(&effect.id).unwrap().unwrap();
            assert_eq!((row.state, row.attempts), (after, attempts), "{before:?} and then {said:?}");
            let waits = shop.take_effects().iter().any(|it| it.id == effect.id);
            assert_eq!(waits, after == Pending, "{before:?} and then {said:?}");
        }
    });
}

#[test]
fn an_effect_that_was_taken_back_never_left_unless_an_execution_of_it_was_reported() {
    use Said::{Answered, Failed, GivenUp, Withdrawn};
    // What is said of an effect, in order; then whether it was taken back and never left.
    let table: [(&[Said], bool); 8] = [
        (&[], false),
        (&[Withdrawn], true),
        (&[Withdrawn, Withdrawn], true),
        (&[Withdrawn, Failed], false),
        (&[Withdrawn, GivenUp], false),
        (&[Withdrawn, Answered], false),
        (&[Failed, Withdrawn], false),
        (&[GivenUp, Withdrawn], false),
    ];
    on_each_engine(|url, mut shop| {
        for (nr, (said, never_left)) in (2..).zip(table) {
            shop.execute(please(&[Step::Sms(1)])).unwrap();
            shop.sync().unwrap();
            let effect = shop.take_effects().pop().unwrap();
            for said in said {
                say(&mut shop, &effect, *said);
            }
            shop.sync().unwrap();
            drop(shop);
            shop = open(url);
            shop.execute(please(&[Step::NeverLeft(effect.id, nr)])).unwrap().outcome.unwrap();
            assert_eq!(times(&mut shop, nr), i64::from(never_left), "{said:?}");
            // What still waits is no later effect's.
            shop.effect_done(effect.id).unwrap();
            shop.sync().unwrap();
        }
    });
}
