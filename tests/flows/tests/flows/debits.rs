//! Direct debits that nobody can pull: the day closes all the same, people hear of it, and the next installment has its turn.

use sycee_contract::{
    AssetDayClosed, CancelDirectDebitMandate, CreateDirectDebitMandate, DirectDebitMandateCreated,
    LoanApplicationApproved, RepaymentOrderClosed, RepaymentOrderCreated, RepaymentOrderStatus, Sensitive,
    WorkOrderCreated,
};
use sycee_funds::PaymentConfig;
use sycee_runtime::MarketOptions;
use sycee_stage::{Stage, cedis};

const CHANNELS: &str = include_str!("../../../../markets/gh/channels.yaml");
/// A cash loan is due after two weeks; its debit is tried three times, two days apart.
const DAYS: usize = 24;

/// Mandates were taken, and then the channels stopped collecting.
fn nobody_collects(options: &mut MarketOptions) {
    let mut channels = PaymentConfig::from_yaml(CHANNELS).unwrap();
    for channel in &mut channels.channels {
        channel.collection = false;
    }
    options.configs = options.configs.clone().with(channels);
}

#[test]
fn a_channel_that_does_not_collect_keeps_no_day_open() {
    Stage::each_with(nobody_collects, |stage| {
        let life = stage.borrower(71);
        let offer = stage.offer(&life, "gh-cash");
        let mut application = life.borrower.application(life.customer, &offer, cedis(200));
        application.direct_debit = true;
        let loan = stage.ask(&life.borrower.actor, application).unwrap().loan;
        let contract = stage.heard::<LoanApplicationApproved>().remove(0).contract;
        stage.sign(&life, loan, &contract);
        assert_eq!(stage.heard::<DirectDebitMandateCreated>().len(), 1);
        for _ in 0..DAYS {
            stage.next_day();
        }
        assert_eq!(stage.heard::<AssetDayClosed>().len(), DAYS);
        let tries: Vec<_> = stage
            .heard::<RepaymentOrderClosed>()
            .into_iter()
            .map(|closed| (closed.loan, closed.status, closed.reason, closed.will_retry))
            .collect();
        let refused = |will_retry| (loan, RepaymentOrderStatus::Failed, "CHANNEL_CLOSED".to_owned(), will_retry);
        assert_eq!(tries, [refused(true), refused(true), refused(false)]);
        let called = stage.heard::<WorkOrderCreated>();
        let called: Vec<_> = called.iter().filter(|it| it.kind == "direct-debit-refused").collect();
        assert_eq!((called.len(), called[0].loan), (1, Some(loan)));
        for verdict in sycee_sim::oracles::ask_all(&mut stage.writer, true).unwrap() {
            assert!(verdict.holds(), "oracle {}: {:?}", verdict.nr, verdict.findings);
        }
    });
}

#[test]
fn whoever_took_a_mandate_back_gives_another() {
    Stage::each(|stage| {
        let life = stage.borrower(72);
        let loan = stage.loan(&life, "gh-cash", cedis(200));
        let (person, customer) = (&life.borrower, life.customer);
        let give = |account| CreateDirectDebitMandate { customer, loan, account };
        let first = stage.ask(&person.actor, give(person.wallet())).unwrap();
        stage.ask(&person.actor, CancelDirectDebitMandate { customer, loan }).unwrap();
        let mut others = person.wallet();
        others.number = Sensitive::new("+233240999999");
        let refused = stage.ask(&person.actor, give(others)).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", "account"));
        let second = stage.ask(&person.actor, give(person.wallet())).unwrap();
        assert_ne!(first, second);
        for _ in 0..DAYS {
            stage.next_day();
        }
        let pulled: Vec<_> = stage.heard::<RepaymentOrderCreated>().into_iter().map(|order| order.mandate).collect();
        assert!(pulled.first() == Some(&Some(second)), "{pulled:?}");
    });
}
