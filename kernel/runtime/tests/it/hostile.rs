//! Handlers that panic, keys that the sequence did not give, unique codes that change hands, input at the extremes.

use sycee_contract::{CustomerId, Identifier as _, LoanId, Timestamp};
use sycee_runtime::{FaultKind, Stimulus};

use crate::live::live;
use crate::shop::{Crate, Item, Person, Please, Step, code, know, on_each_engine, open, please, put, text, times};

#[test]
fn a_panic_in_a_handler_is_a_fault_of_its_stimulus_alone() {
    on_each_engine(|_, shop| {
        let writer = live(shop).0;
        let before = writer.submit(please(&[put(1, "a")])).unwrap();
        let panics = writer
            .submit(please(&[put(2, "b"), put(1, "c"), Step::Send(text(&[Step::Count(1), Step::Panic]))]))
            .unwrap();
        let fact = writer.submit(know(&[Step::Count(1), Step::Panic])).unwrap();
        let after = writer.submit(please(&[Step::Count(1)])).unwrap();
        assert!(before.wait().is_ok());
        assert_eq!(panics.wait().err().unwrap().kind, FaultKind::Bug);
        assert_eq!(fact.wait().err().unwrap().kind, FaultKind::Bug);
        assert!(after.wait().is_ok());
        let mut shop = writer.stop().unwrap();
        assert_eq!((code(&mut shop, 1).as_deref(), times(&mut shop, 1)), (Some("a"), 1));
        assert!(shop.load::<Item>(&2).unwrap().is_none());
    });
}

#[test]
fn a_service_sends_only_what_it_registered() {
    on_each_engine(|_, mut shop| {
        for step in [Step::SendUnregistered, Step::AskUnregistered, Step::LaterUnregistered, Step::EmitUnregistered] {
            let fault = shop.execute(please(&[put(1, "a"), step.clone()])).err().unwrap();
            assert_eq!(fault.kind, FaultKind::Bug, "{step:?}");
            assert!(fault.to_string().contains("did not register"), "{fault}");
            assert!(shop.load::<Item>(&1).unwrap().is_none(), "nothing of it stays");
        }
        let passed_on = shop.execute(please(&[put(1, "a")]).through("work-order-center")).err().unwrap();
        assert!(passed_on.to_string().contains("work-order-center does not pass on please"), "{passed_on}");
        assert!(shop.execute(please(&[put(1, "a")]).through("shop")).is_ok(), "its own");
    });
}

#[test]
fn a_unique_code_passes_from_what_is_removed_to_what_comes() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[put(1, "a")])).unwrap();
        shop.sync().unwrap();
        shop.execute(please(&[Step::Remove(1), put(2, "a")])).unwrap();
        shop.sync().unwrap();
        let completed = shop.take_completed();
        assert!(completed.iter().all(|(_, outcome)| outcome.is_ok()));
        assert_eq!((code(&mut shop, 1), code(&mut shop, 2).as_deref()), (None, Some("a")));
    });
}

#[test]
fn what_was_stored_under_a_number_beyond_the_sequence_is_found_after_a_restart() {
    on_each_engine(|url, mut shop| {
        shop.execute(please(&[Step::Box(5_000_000)])).unwrap();
        shop.sync().unwrap();
        drop(shop);
        let mut shop = open(url);
        shop.execute(please(&[Step::Box(5_000_000)])).unwrap();
        assert_eq!(shop.load::<Crate>(&LoanId::from_number(5_000_000)).unwrap().unwrap().times, 2);
    });
}

#[test]
fn the_key_of_a_person_beyond_the_sequence_survives_a_restart() {
    on_each_engine(|url, mut shop| {
        shop.execute(please(&[Step::Name(5_000_000, "Ama".to_owned())])).unwrap();
        shop.sync().unwrap();
        drop(shop);
        let mut shop = open(url);
        let id = CustomerId::from_number(5_000_000);
        assert_eq!(shop.load::<Person>(&id).unwrap().unwrap().name.reveal(), "Ama");
    });
}

#[test]
fn what_a_refused_question_emitted_is_not_heard() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[Step::Count(1), Step::TryAsk(text(&[Step::Count(2)]))])).unwrap();
        assert_eq!((times(&mut shop, 1), times(&mut shop, 2)), (1, 0));
    });
}

#[test]
fn text_that_one_engine_refuses_harms_nobody_else() {
    on_each_engine(|_, mut shop| {
        let nul = Step::Put(1, "a\0b".to_owned());
        let long = Step::Put(2, (0..20_000).map(|nr| format!("{nr:x}")).collect());
        for bad in [nul, long] {
            shop.execute(please(&[bad])).unwrap();
            shop.execute(please(&[Step::Count(3)])).unwrap();
            shop.sync().unwrap();
        }
        drop(shop.execute(Stimulus::command("staff:a\0b", Please { steps: vec![Step::Count(3)] })));
        shop.execute(please(&[Step::Count(3)])).unwrap();
        shop.sync().unwrap();
        assert!(times(&mut shop, 3) >= 3);
    });
}

#[test]
fn clocks_at_the_ends_of_time_stop_nothing() {
    on_each_engine(|_, mut shop| {
        shop.execute(please(&[Step::Later(i64::MIN, "early".to_owned(), text(&[Step::Count(1)]))])).unwrap();
        shop.execute(please(&[Step::Later(i64::MAX, "late".to_owned(), text(&[Step::Count(2)]))])).unwrap();
        shop.execute(please(&[Step::Count(3)])).unwrap();
        shop.sync().unwrap();
        assert_eq!(times(&mut shop, 3), 1);
        shop.set_now(Timestamp::from_micros(i64::MAX - 1));
        drop(shop.execute(please(&[Step::Count(3)]).key("k")));
    });
}

#[test]
fn a_counter_kept_in_spite_of_refusals_is_kept_at_every_depth() {
    on_each_engine(|url, mut shop| {
        let inner = text(&[Step::Stick(2, "inner".to_owned()), put(3, "gone"), Step::Refuse]);
        let steps = [put(1, "gone too"), Step::Stick(1, "outer".to_owned()), put(1, "gone as well"), Step::Send(inner)];
        shop.execute(please(&steps)).unwrap().outcome.unwrap_err();
        shop.sync().unwrap();
        drop(shop);
        let mut shop = open(url);
        let codes: Vec<_> = (1..=3).map(|id| code(&mut shop, id)).collect();
        assert_eq!(codes, [Some("outer".to_owned()), Some("inner".to_owned()), None]);
    });
}

#[test]
fn look_ups_skip_what_memory_removed_and_find_what_has_no_value() {
    on_each_engine(|_, mut shop| {
        for id in 0..30 {
            shop.execute(please(&[put(id, &format!("code {id}"))])).unwrap();
        }
        shop.sync().unwrap();
        for id in (0..20).filter(|id| id % 3 != 0) {
            shop.execute(please(&[Step::Remove(id)])).unwrap();
            if id == 10 {
                shop.seal().unwrap();
            }
        }
        let ids = |items: Vec<std::sync::Arc<Item>>| items.iter().map(|it| it.id).collect::<Vec<_>>();
        let expected: Vec<i64> = (0..30).filter(|id| *id >= 20 || id % 3 == 0).collect();
        assert_eq!(ids(shop.find(&Item::by_shelf(None)).unwrap()), expected);
        for limit in 1..=17 {
            let mut paged = Vec::new();
            let mut after = None;
            loop {
                let page = ids(shop.find(&Item::by_shelf(None).after(after).limit(limit)).unwrap());
                let Some(last) = page.last() else { break };
                after = Some(*last);
                paged.extend(page);
            }
            assert_eq!(paged, expected, "pages of {limit}");
        }
        assert_eq!(ids(shop.find(&Item::by_shelf(None).limit(usize::MAX)).unwrap()), expected);
    });
}
