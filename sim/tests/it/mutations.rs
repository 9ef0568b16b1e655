//! Every oracle against state that was broken on purpose: what it must notice it notices, and names.

use sycee_accounting::accounting_center::BookControl;
use sycee_accounting::accounting_entry_service::EntryAudit;
use sycee_accounting::ledger::{Entry, Transfer};
use sycee_asset::{AccrualSegment, AccrualTotal, LoanInstallments, LoanNote, RepaymentSchedule};
use sycee_contract::{EntryId, Identifier as _, PaymentDirection, PaymentId, ReservationId};
use sycee_credit::credit_limit_center::{CreditLine, CreditReservation, HoldStatus};
use sycee_funds::fund_management_system::{
    FundAccount, FundReservation, FundReturn, FundTransaction, ReservationStatus, SuspenseResolution,
};
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_money::Money;
use sycee_partner::partner_hub::{DisbursementStatus, PartnerDisbursement, PayoutWay};
use sycee_runtime::testing::test_databases;
use sycee_runtime::{EffectState, FaultKind, ParkedStimulus, RuntimeEffect, RuntimeTimer};
use sycee_sim::Faults;

use crate::stage::run;
use crate::tamper::{Bench, Mutation, plus};

#[test]
fn every_oracle_catches_what_breaks_it_on_both_engines() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let mut bench = Bench::new(run(url.clone(), 11, 40, 58, Faults::all()), &url);
        assert_all_hold(&mut bench);
        ledger(&mut bench);
        sub_ledger(&mut bench);
        fund_accounts(&mut bench);
        fund_movements(&mut bench);
        statements(&mut bench);
        schedules(&mut bench);
        installments(&mut bench);
        credit_lines(&mut bench);
        effects(&mut bench);
        timers(&mut bench);
        assert_all_hold(&mut bench);
        assert!(bench.missed.is_empty(), "{}", bench.missed.join("\n"));
        answers(&mut bench);
    }
}

fn assert_all_hold(bench: &mut Bench) {
    for verdict in bench.world.ask_oracles(true).unwrap() {
        assert!(verdict.holds(), "oracle {}: {:?}", verdict.nr, verdict.findings);
        assert!(verdict.checked > 10, "oracle {} looked at {} things", verdict.nr, verdict.checked);
    }
}

fn ledger(bench: &mut Bench) {
    let transfer = bench.first::<Transfer>(|transfer| transfer.id == 2);
    let row = "transfer 2";
    for units in [1, -1] {
        bench.catches(&bench.changed(&transfer, |it| it.amount += units), &[(1, &row)]);
    }
    bench.catches(&bench.changed(&transfer, |it| it.debit_balance += 1), &[(1, &row)]);
    bench.catches(&bench.changed(&transfer, |it| it.credit_prev += 1), &[(1, &row)]);
    bench.catches(&bench.removed(&transfer), &[(1, &"follows transfer 1")]);
    let entry = bench.first::<Entry>(|entry| entry.id == 3);
    let row = EntryId::from_number(3);
    bench.catches(&bench.changed(&entry, |it| it.hash.0[31] ^= 1), &[(1, &row)]);
    bench.catches(&bench.changed(&entry, |it| it.posted_at = it.posted_at.plus_seconds(1)), &[(1, &row)]);
    bench.catches(&bench.changed(&entry, |it| it.transfer_count += 1), &[(1, &row)]);
}

fn sub_ledger(bench: &mut Bench) {
    let note =
        bench.first::<LoanNote>(|note| note.is_open && note.interest_accrued.units() > note.interest_paid.units());
    let account = |chart: &str| format!("{chart}|{}|{}", note.funder, note.product);
    for units in [1, -1] {
        let principal = bench.changed(&note, |it| it.principal_outstanding = plus(it.principal_outstanding, units));
        bench.catches(&principal, &[(2, &account("1200")), (4, &note.loan), (5, &note.customer)]);
        let accrued = bench.changed(&note, |it| it.interest_accrued = plus(it.interest_accrued, units));
        bench.catches(&accrued, &[(2, &account("4100")), (4, &note.loan)]);
        let paid = bench.changed(&note, |it| it.interest_paid = plus(it.interest_paid, units));
        bench.catches(&paid, &[(2, &account("1210")), (4, &note.loan)]);
        let penalty = bench.changed(&note, |it| it.penalty_accrued = plus(it.penalty_accrued, units));
        bench.catches(&penalty, &[(2, &"1230"), (4, &note.loan)]);
        let surplus = bench.changed(&note, |it| it.surplus = plus(it.surplus, units));
        bench.catches(&surplus, &[(2, &format!("2200|{}", note.funder))]);
    }
    accruals(bench);
    bench.catches(&bench.changed(&note, |it| it.is_open = false), &[(4, &note.loan)]);
    let behind = bench.changed(&note, |it| it.accrued_through = it.accrued_through.yesterday().unwrap());
    bench.catches(&behind, &[(4, &format!("{} is closed through", note.loan))]);
    let control = bench.first::<BookControl>(|control| control.what == "repayment-received");
    let counted = format!("entries of repayment-received on {}", control.date);
    bench.catches(&bench.changed(&control, |it| it.count += 1), &[(1, &counted)]);
    let control = bench.first::<BookControl>(|control| control.what == "loan-disbursed");
    let counted = format!("amount of loan-disbursed on {}", control.date);
    bench.catches(&bench.changed(&control, |it| it.amount = plus(it.amount, 1)), &[(1, &counted)]);
    bench.catches(&bench.changed(&control, |it| it.missing = 1), &[(1, &"1 are missing")]);
    let audit = bench.first::<EntryAudit>(|audit| audit.template == "loan-disbursed");
    let forbidden = format!("1 lines of loan-disbursed on {} are not allowed", audit.date);
    bench.catches(&bench.changed(&audit, |it| it.findings = 1), &[(1, &forbidden)]);
    let both = bench.changed(&note, |it| {
        it.penalty_accrued = plus(it.penalty_accrued, 1);
        it.penalty_paid = plus(it.penalty_paid, 1);
    });
    bench.catches(&both, &[(2, &"4300"), (4, &note.loan)]);
    bench.catches(&bench.removed(&note), &[(2, &account("1200")), (4, &note.loan), (5, &note.customer)]);
}

fn accruals(bench: &mut Bench) {
    let total = bench.first::<AccrualTotal>(|total| total.loans > 1 && total.receivable.is_positive());
    let day = format!("accrual {} {} {}", total.date, total.funder, total.product);
    for units in [1, -1] {
        let receivable = bench.changed(&total, |it| it.receivable = plus(it.receivable, units));
        bench.catches(&receivable, &[(2, &day)]);
    }
    bench.catches(&bench.changed(&total, |it| it.loans += 1), &[(2, &day)]);
    let unposted = bench.changed(&total, |it| it.posted = false);
    bench.catches(&unposted, &[(2, &format!("1210|{}|{}", total.funder, total.product)), (2, &"was never posted")]);
    let segment = bench.first::<AccrualSegment>(|segment| segment.date == total.date);
    bench.catches(&bench.removed(&segment), &[(2, &day)]);
}

fn fund_accounts(bench: &mut Bench) {
    let account =
        bench.first::<FundAccount>(|account| account.paid_out.is_positive() && account.received.is_positive());
    let code = account.code.clone();
    for units in [1, -1] {
        let available = bench.changed(&account, |it| it.available = plus(it.available, units));
        bench.catches(&available, &[(3, &code)]);
        let frozen = bench.changed(&account, |it| {
            it.frozen = plus(it.frozen, units);
            it.available = plus(it.available, -units);
        });
        bench.catches(&frozen, &[(3, &code)]);
        let arrived = bench.changed(&account, |it| {
            it.arrived = plus(it.arrived, units);
            it.available = plus(it.available, units);
        });
        bench.catches(&arrived, &[(3, &format!("1100|{}", account.partner))]);
        let through = bench.changed(&account, |it| {
            it.received = plus(it.received, units);
            it.paid_out = plus(it.paid_out, units);
        });
        bench.catches(&through, &[(3, &format!("{code} PaidOut"))]);
        let stray = bench.changed(&account, |it| {
            it.recoverable = plus(it.recoverable, units.abs());
            it.available = plus(it.available, -units.abs());
        });
        let in_books = format!("1300|{}", account.partner);
        bench.catches(&stray, &[(3, &in_books), (3, &format!("{code} recoverable"))]);
    }
    for units in [1, -1] {
        let gone = bench.first::<FundReturn>(|it| it.amount.units() > 1);
        let returned = bench.changed(&gone, |it| it.amount = plus(it.amount, units));
        let of = bench.first::<FundAccount>(|account| account.id == gone.fund_account);
        bench.catches(&returned, &[(3, &format!("{} refunded", of.code))]);
        let paid_back = bench.first::<SuspenseResolution>(|it| it.paid_loan.is_none());
        let of = bench.first::<FundAccount>(|account| account.id == paid_back.fund_account);
        let back = bench.changed(&paid_back, |it| it.amount = plus(it.amount, units));
        bench.catches(&back, &[(3, &format!("{} refunded", of.code))]);
        let lent = bench.changed(&of, |it| {
            it.suspense = plus(it.suspense, units.abs());
            it.available = plus(it.available, -units.abs());
        });
        bench.catches(&lent, &[(3, &format!("suspense|{}", of.partner))]);
    }
    let negative = bench.changed(&account, |it| {
        it.suspense = plus(it.suspense, it.available.units() + 1);
        it.available = Money::from_units(-1, it.currency);
    });
    bench.catches(&negative, &[(3, &format!("{code}: Available is negative"))]);

    let reservation = bench.first::<FundReservation>(|it| it.status == ReservationStatus::Closed);
    let twice = FundReservation { id: ReservationId::from_number(9_000_000), ..reservation.clone() };
    bench.catches(&bench.added(&twice), &[(3, &format!("{} is reserved for twice", reservation.loan))]);
    bench.catches(&bench.changed(&reservation, |it| it.amount = plus(it.amount, 1)), &[(3, &"PaidOut")]);
    bench.catches(&bench.removed(&reservation), &[(3, &"PaidOut")]);
}

fn fund_movements(bench: &mut Bench) {
    let movement = bench.first::<FundTransaction>(|movement| movement.sequence == 3);
    bench.catches(&bench.changed(&movement, |it| it.amount = plus(it.amount, 1)), &[(3, &"movement 3")]);
    bench.catches(&bench.changed(&movement, |it| it.target_after = plus(it.target_after, 1)), &[(3, &"movement 3")]);
    bench.catches(&bench.removed(&movement), &[(3, &"movement 4 does not follow from movement 2")]);
}

/// What channels say they moved is what our payments say, whichever of the two is wrong.
fn statements(bench: &mut Bench) {
    for direction in [PaymentDirection::Payout, PaymentDirection::Collection] {
        let succeeded = |it: &PaymentOrder| it.status == PaymentStatus::Succeeded && it.direction == direction;
        let payment = bench.first::<PaymentOrder>(succeeded);
        let id = format!("{} is Succeeded", payment.id);
        for units in [1, -1] {
            let moved = bench.changed(&payment, |it| it.moved = it.moved.map(|moved| plus(moved, units)));
            bench.catches(&moved, &[(3, &id)]);
        }
        let other = bench.changed(&payment, |it| it.channel_reference = Some("mtn-momo-99999999".to_owned()));
        bench.catches(&other, &[(3, &id)]);
        let failed = bench.changed(&payment, |it| it.status = PaymentStatus::Failed);
        bench.catches(&failed, &[(3, &format!("{} is Failed", payment.id))]);
        bench.catches(&bench.removed(&payment), &[(3, &format!("moved {}, which we do not know", payment.id))]);
    }
    let payment = bench.first::<PaymentOrder>(|it| it.status == PaymentStatus::Succeeded);
    let invented = PaymentOrder { id: PaymentId::from_number(9_000_000), ..payment };
    bench.catches(&bench.added(&invented), &[(3, &format!("{} is Succeeded", invented.id))]);
    let payout = bench.first::<PaymentOrder>(|it| it.reservation.is_some() && it.status == PaymentStatus::Succeeded);
    let reservation = bench.first::<FundReservation>(|it| Some(it.id) == payout.reservation);
    let back = bench.changed(&reservation, |it| it.status = ReservationStatus::InTransit);
    bench.catches(&back, &[(3, &format!("{} of {}", reservation.id, reservation.loan))]);
    let paid = bench.first::<PartnerDisbursement>(paid_by_partner);
    let reservation = bench.first::<FundReservation>(|it| it.id == paid.reservation);
    let unreserved = format!("a partner paid {} out, for which nothing is reserved", paid.loan);
    bench.catches(&bench.removed(&reservation), &[(3, &unreserved)]);
}

fn paid_by_partner(attempt: &PartnerDisbursement) -> bool {
    (attempt.status, attempt.way) == (DisbursementStatus::Succeeded, PayoutWay::PartnerSystem)
}

fn schedules(bench: &mut Bench) {
    let schedule = bench.first::<RepaymentSchedule>(|schedule| schedule.installments.len() > 2);
    let loan = schedule.loan;
    for units in [1, -1] {
        let principal =
            |it: &mut RepaymentSchedule| it.installments.0[1].principal = plus(it.installments[1].principal, units);
        bench.catches(&bench.changed(&schedule, principal), &[(4, &loan)]);
        let moved = |it: &mut RepaymentSchedule| {
            it.installments.0[0].principal = plus(it.installments[0].principal, units);
            it.installments.0[0].balance = plus(it.installments[0].balance, -units);
            it.installments.0[1].principal = plus(it.installments[1].principal, -units);
        };
        bench.catches(&bench.changed(&schedule, moved), &[(4, &loan)]);
        let interest =
            |it: &mut RepaymentSchedule| it.installments.0[0].interest = plus(it.installments[0].interest, units);
        bench.catches(&bench.changed(&schedule, interest), &[(4, &loan)]);
    }
    bench.catches(&bench.changed(&schedule, |it| it.active_marker = None), &[(4, &loan)]);
    bench.catches(&bench.removed(&schedule), &[(4, &loan)]);

    let second = bench.added(&RepaymentSchedule { version: schedule.version + 1, ..schedule });
    let refused = bench.apply(&second).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Bug, "{refused}");
    assert!(refused.to_string().to_lowercase().contains("unique"), "{refused}");
}

fn installments(bench: &mut Bench) {
    let dues = bench.first::<LoanInstallments>(|dues| dues.lines[0].principal_paid == dues.lines[0].principal);
    let loan = dues.loan;
    for units in [1, -1] {
        let principal =
            |it: &mut LoanInstallments| it.lines.0[0].principal_paid = plus(it.lines[0].principal_paid, units);
        bench.catches(&bench.changed(&dues, principal), &[(4, &loan)]);
        let interest = |it: &mut LoanInstallments| it.lines.0[0].interest_paid = plus(it.lines[0].interest_paid, units);
        bench.catches(&bench.changed(&dues, interest), &[(4, &loan)]);
        let penalty = |it: &mut LoanInstallments| it.lines.0[0].penalty = plus(it.lines[0].penalty, units);
        bench.catches(&bench.changed(&dues, penalty), &[(4, &loan)]);
    }
    let overpaid = |it: &mut LoanInstallments| {
        let last = it.lines.len() - 1;
        it.lines.0[0].principal_paid = plus(it.lines[0].principal, 1);
        it.lines.0[last].principal_paid = plus(it.lines[last].principal_paid, -1);
    };
    bench.catches(&bench.changed(&dues, overpaid), &[(4, &format!("{loan} installment 1"))]);
    bench.catches(&bench.removed(&dues), &[(4, &loan)]);
}

fn credit_lines(bench: &mut Bench) {
    let hold = bench.first::<CreditReservation>(|hold| hold.status == HoldStatus::Used);
    let line = bench.first::<CreditLine>(|line| line.customer == hold.customer);
    let customer = line.customer;
    for units in [1, -1] {
        let limit = bench.changed(&line, |it| it.credit_limit = plus(it.credit_limit, units));
        bench.catches(&limit, &[(5, &customer)]);
        let used = bench.changed(&line, |it| {
            it.available = plus(it.available, -units);
            it.used = plus(it.used, units);
        });
        bench.catches(&used, &[(5, &customer)]);
        let reserved = bench.changed(&line, |it| {
            it.available = plus(it.available, -units);
            it.reserved = plus(it.reserved, units);
        });
        bench.catches(&reserved, &[(5, &customer)]);
        let outstanding = bench.changed(&hold, |it| it.outstanding = plus(it.outstanding, units));
        bench.catches(&outstanding, &[(5, &hold.loan)]);
    }
    let negative = bench.changed(&line, |it| {
        it.frozen = plus(it.frozen, it.available.units() + 1);
        it.available = Money::from_units(-1, it.available.currency());
    });
    bench.catches(&negative, &[(5, &format!("{customer}: a part is negative"))]);
    let open_line = bench.first::<CreditLine>(|line| line.freeze_order.is_none() && line.available.is_positive());
    let frozen = bench.changed(&open_line, |it| it.freeze_order = Some("blacklisted".to_owned()));
    bench.catches(&frozen, &[(5, &format!("{}: frozen is true", open_line.customer))]);
    for status in [HoldStatus::Released, HoldStatus::Settled] {
        bench.catches(&bench.changed(&hold, |it| it.status = status), &[(5, &hold.loan)]);
    }
    bench.catches(&bench.changed(&hold, |it| it.status = HoldStatus::Held), &[(5, &customer)]);
    bench.catches(&bench.removed(&hold), &[(5, &hold.loan)]);
    bench.catches(&bench.removed(&line), &[(5, &customer)]);
}

fn effects(bench: &mut Bench) {
    let effect = bench.first::<RuntimeEffect>(|effect| effect.state == EffectState::Done);
    let name = format!("effect {}", effect.id);
    let now = bench.world.writer().now();
    let old = bench.changed(&effect, |it| {
        it.state = EffectState::Pending;
        it.next_at = now.plus_days(-4);
    });
    bench.catches(&old, &[(6, &name)]);
    bench.catches(&bench.changed(&effect, |it| it.state = EffectState::Parked), &[(6, &name)]);
    let parked = ParkedStimulus {
        id: 9_000_000,
        message: "record-payment-result".to_owned(),
        error: "nobody saw it".to_owned(),
        at: now,
    };
    bench.catches(&bench.added(&parked), &[(6, &"record-payment-result of cascade 9000000")]);
}

fn timers(bench: &mut Bench) {
    let now = bench.world.writer().now();
    let payment = bench.first::<PaymentOrder>(|payment| payment.status == PaymentStatus::Succeeded);
    let sent = bench.changed(&payment, |it| it.status = PaymentStatus::Sent);
    bench.catches(&sent, &[(6, &payment.id)]);
    let attempt = bench.first::<PartnerDisbursement>(paid_by_partner);
    let unwatched = format!("{} is at its funder and nobody watches it", attempt.order);
    bench.catches(&bench.changed(&attempt, |it| it.status = DisbursementStatus::Requested), &[(6, &unwatched)]);

    let timer = |id: String, due| RuntimeTimer {
        id,
        due,
        service: "payment-system".to_owned(),
        message: "poll-payment".to_owned(),
        payload: Vec::new(),
        trace: 1,
        cause_cascade: 1,
        cause_hop: 0,
        subject: None,
    };
    let overdue = timer("payment-system/poll-pay-1".to_owned(), now.plus_days(-2));
    bench.catches(&bench.added(&overdue), &[(6, &overdue.id)]);

    // Neither a timer of another service nor that of a payment whose number ends alike watches a payment.
    let tail = payment.id.to_string().split_off("pay-".len());
    for id in [format!("repayment-engine/poll-{}", payment.id), format!("payment-system/poll-pay-1{tail}")] {
        let stranger = bench.added(&timer(id, now));
        bench.catches(&sent.and(&stranger), &[(6, &payment.id)]);
    }
}

/// Requests of the past get their first answers; other answers, unreadable ones and forgotten requests are findings.
fn answers(bench: &mut Bench) {
    let kept = bench.world.repeat_requests().unwrap();
    assert!(kept.holds() && kept.checked > 5, "{kept:?}");
    let changes = [
        (
            "UPDATE message_log SET answer = (SELECT other.answer FROM message_log other WHERE other.answer IS NOT NULL \
             AND other.stimulus = message_log.stimulus ORDER BY other.id DESC LIMIT 1) WHERE answer IS NOT NULL",
            "got another answer",
        ),
        ("UPDATE message_log SET answer = NULL", "cannot be read"),
        ("UPDATE message_log SET body_hash = fingerprint", "on record with another body"),
        ("DELETE FROM message_log WHERE answer IS NOT NULL", "was forgotten and ran again"),
    ];
    for (sql, finding) in changes {
        let mutation = Mutation::of("message_log", sql.to_owned());
        bench.apply(&mutation).unwrap();
        let verdict = bench.world.repeat_requests().unwrap();
        bench.mend(&mutation);
        let named =
            verdict.findings.iter().any(|it| it.contains(finding) && it.contains(" of ") && it.contains("(cascade "));
        assert!(named, "{sql}: {:?}", verdict.findings);
    }
}
