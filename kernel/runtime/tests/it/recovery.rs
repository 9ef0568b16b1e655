//! A batch that the database refuses: everybody is answered once, and nothing is lost or done twice.

use std::collections::BTreeMap;

use sycee_contract::{Date, SendOtp};
use sycee_runtime::{EffectState, Executed, Fault, MarketWriter, RuntimeEffect, Stimulus};

use crate::shop::{Happened, Please, Step, code, know, on_each_engine, open, please, put, times};

fn outcomes(shop: &mut MarketWriter) -> BTreeMap<u64, Result<Executed, Fault>> {
    let all = shop.take_completed();
    let count = all.len();
    let by_ticket: BTreeMap<_, _> = all.into_iter().collect();
    assert_eq!(by_ticket.len(), count, "a ticket was answered twice");
    by_ticket
}

#[test]
fn a_replay_in_a_refused_batch_is_answered_too() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[put(1, "a")])).unwrap();
        shop.sync().unwrap();
        outcomes(&mut shop);
        let (first, _) = shop.submit(please(&[Step::Count(1)]).key("k"));
        let (again, _) = shop.submit(please(&[Step::Count(1)]).key("k"));
        let (bad, _) = shop.submit(please(&[put(2, "a")]));
        shop.sync().unwrap();
        let outcomes = outcomes(&mut shop);
        assert!(!outcomes[&first].as_ref().unwrap().replayed);
        assert!(outcomes[&again].as_ref().unwrap().replayed);
        assert!(outcomes[&bad].is_err());
        assert_eq!(times(&mut shop, 1), 1);
    });
}

#[test]
fn the_business_date_moves_on_in_a_rerun_batch() {
    on_each_engine(|url, mut shop| {
        shop.execute(please(&[put(1, "a")])).unwrap();
        shop.sync().unwrap();
        shop.advance(Date::constant(2026, 1, 6), Stimulus::event("clock", Happened { steps: vec![Step::Today(5)] }))
            .unwrap();
        shop.execute(please(&[Step::Today(6)])).unwrap();
        shop.execute(please(&[put(2, "a")])).unwrap();
        shop.execute(please(&[put(6, "x"), Step::Today(7)])).unwrap();
        drop(shop.sync());
        assert_eq!(shop.today(), Date::constant(2026, 1, 6));
        assert_eq!(code(&mut shop, 5).as_deref(), Some("2026-01-06"));
        drop(shop);
        assert_eq!(open(url).today(), Date::constant(2026, 1, 6));
    });
}

#[test]
fn a_day_that_cannot_start_does_not_start() {
    on_each_engine(|_, mut shop| {
        let tomorrow = Date::constant(2026, 1, 6);
        for last in [Step::Bug, Step::Panic] {
            let event = Stimulus::event("clock", Happened { steps: vec![last] });
            assert!(shop.advance(tomorrow, event).is_err());
            assert_eq!(shop.today(), Date::constant(2026, 1, 5));
        }
    });
}

#[test]
fn the_clock_does_not_go_back_when_a_batch_is_refused() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[put(1, "a")])).unwrap();
        shop.sync().unwrap();
        shop.execute(please(&[put(2, "a")])).unwrap();
        let now = shop.now().plus_seconds(100);
        shop.set_now(now);
        shop.sync().unwrap();
        assert_eq!(shop.now(), now);
    });
}

#[test]
fn effects_that_were_handed_out_are_not_handed_out_again() {
    on_each_engine(|url, mut shop| {
        shop.execute(please(&[put(1, "a"), Step::Sms(1), Step::Sms(2), Step::Sms(3)])).unwrap();
        shop.sync().unwrap();
        let handed = shop.take_effects();
        assert_eq!(handed.len(), 3);
        shop.effect_done(handed[0].id).unwrap();
        shop.effect_answered(&handed[1], know(&[Step::Count(1)])).unwrap();
        shop.execute(please(&[Step::Sms(4)])).unwrap();
        shop.execute(please(&[put(2, "a"), Step::Sms(5)])).unwrap();
        shop.sync().unwrap();
        let again: Vec<String> =
            shop.take_effects().iter().map(|it| it.get::<SendOtp>().unwrap().challenge.clone()).collect();
        assert_eq!(again, ["4"]);
        shop.sync().unwrap();
        drop(shop);
        let mut shop = open(url);
        let pending: Vec<String> =
            shop.take_effects().iter().map(|it| it.get::<SendOtp>().unwrap().challenge.clone()).collect();
        assert_eq!(pending, ["3", "4"]);
        assert_eq!(times(&mut shop, 1), 1);
    });
}

#[test]
fn an_executed_effect_stays_executed() {
    on_each_engine(|url, mut shop| {
        shop.execute(please(&[Step::Sms(1)])).unwrap();
        shop.sync().unwrap();
        let effect = shop.take_effects().remove(0);
        shop.effect_done(effect.id).unwrap();
        shop.effect_failed(&effect, 8, "late news").unwrap();
        shop.sync().unwrap();
        assert!(shop.take_effects().is_empty());
        drop(shop);
        let mut shop = open(url);
        assert!(shop.take_effects().is_empty(), "the mark was durable without another stimulus");
        assert_eq!(shop.load::<RuntimeEffect>(&effect.id).unwrap().unwrap().state, EffectState::Done);
    });
}

#[test]
fn a_writer_that_was_fenced_off_says_so_again_and_again() {
    on_each_engine(|url, mut old| {
        old.execute(please(&[Step::Count(1)])).unwrap();
        old.sync().unwrap();
        let mut new = open(url);
        old.execute(please(&[Step::Count(1)])).unwrap();
        assert!(old.sync().is_err());
        assert!(old.sync().is_err());
        assert!(old.execute(please(&[Step::Count(1)])).is_err());
        assert_eq!(times(&mut new, 1), 1);
    });
}

#[test]
fn an_event_with_a_key_is_heard_once() {
    on_each_engine(|url, mut shop| {
        let event = || Stimulus::event("partner:relay", Happened { steps: vec![Step::Count(1)] }).key("e-1");
        shop.execute(event()).unwrap();
        assert!(shop.execute(event()).unwrap().replayed);
        shop.sync().unwrap();
        assert!(shop.execute(event()).unwrap().replayed);
        drop(shop);
        let mut shop = open(url);
        assert!(shop.execute(event()).unwrap().replayed);
        assert_eq!(times(&mut shop, 1), 1);
    });
}

#[test]
fn a_repeated_answer_shows_its_personal_data_as_the_first_did() {
    on_each_engine(|url, mut shop| {
        let ask = || please(&[Step::Name(77, "Ama Mensah".to_owned())]).key("k");
        let name = |done: Executed| done.answer::<Please>().unwrap()[0].reveal().to_owned();
        assert_eq!(name(shop.execute(ask()).unwrap()), "Ama Mensah");
        assert_eq!(name(shop.execute(ask()).unwrap()), "Ama Mensah");
        shop.sync().unwrap();
        assert_eq!(name(shop.execute(ask()).unwrap()), "Ama Mensah");
        shop.sync().unwrap();
        drop(shop);
        assert_eq!(name(open(url).execute(ask()).unwrap()), "Ama Mensah");
    });
}
