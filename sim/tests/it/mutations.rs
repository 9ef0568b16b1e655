//! Every oracle against state that was broken on purpose: what it must notice it notices, and names.
//!
//! Each check of an oracle has a mutation that expects the words of its finding. What the database refuses instead is tried as
//! well: a second active schedule.

use sycee_accounting::accounting_center::BookControl;
use sycee_accounting::accounting_entry_service::EntryAudit;
use sycee_accounting::ledger::{Entry, Transfer};
use sycee_asset::{AccrualSegment, AccrualTotal, LoanInstallments, LoanNote, NoteStatus, RepaymentSchedule};
use sycee_contract::{
    ChannelOutcome, EntryId, FundAccountId, Identifier as _, PaymentDirection, PaymentId, RecordPaymentResult,
    ReservationId,
};
use sycee_credit::credit_limit_center::{CreditLine, CreditReservation, HoldStatus};
use sycee_funds::fund_management_system::{
    FundAccount, FundReservation, FundReturn, FundTransaction, ReservationStatus, StrayPayout, SuspenseReceipt,
    SuspenseResolution,
};
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_money::Money;
use sycee_partner::partner_hub::{DisbursementStatus, PartnerDisbursement, PayoutWay};
use sycee_psp::StatementRow;
use sycee_runtime::testing::test_databases;
use sycee_runtime::{EffectState, FaultKind, ParkedStimulus, RuntimeEffect, RuntimeTimer, Stimulus};
use sycee_sim::Faults;

use crate::stage::run;
use crate::tamper::{Bench, Mutation, plus};

#[test]
fn every_oracle_catches_what_breaks_it_on_both_engines() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let mut bench = Bench::new(run(url.clone(), 11, 40, 58, Faults::all()), &url);
        pay_out_again(&mut bench);
        assert_all_hold(&mut bench);
        ledger(&mut bench);
        sub_ledger(&mut bench);
        fund_accounts(&mut bench);
        fund_movements(&mut bench);
        explained(&mut bench);
        stray_payouts(&mut bench);
        statements(&mut bench);
        told(&mut bench);
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
    let forgotten = Mutation::of("ledger_reversal", "DELETE FROM ledger_reversal".to_owned());
    bench.catches(&forgotten, &[(1, &"ledger_reversal: its rows are not the reversed entries")]);
    // A balance that a report reads from a day's sum: fee income of the first day that has any.
    let fees = "account = (SELECT nr FROM ledger_account WHERE code = '4200')";
    let first = format!("since = (SELECT MIN(since) FROM ledger_account_day WHERE {fees})");
    let sum = format!("UPDATE ledger_account_day SET net = net + 1 WHERE {fees} AND {first}");
    let sum = Mutation::of("ledger_account_day", sum);
    bench.catches(&sum, &[(1, &"GHS: debits"), (1, &"account 4200 on"), (2, &"4200: the ledger")]);
}

fn sub_ledger(bench: &mut Bench) {
    let note =
        bench.first::<LoanNote>(|note| note.is_open && note.interest_accrued.units() > note.interest_paid.units());
    let account = |chart: &str| format!("{chart}|{}|{}: the ledger", note.funder, note.product);
    let loan = |finding: &str| format!("{}{finding}", note.loan);
    let (held, used) = (loan(": Used holds"), format!("{}: used", note.customer));
    for units in [1, -1] {
        let principal = bench.changed(&note, |it| it.principal_outstanding = plus(it.principal_outstanding, units));
        let unpaid = loan(": unpaid principal");
        bench.catches(&principal, &[(2, &account("1200")), (4, &unpaid), (5, &held), (5, &used)]);
        let accrued = bench.changed(&note, |it| it.interest_accrued = plus(it.interest_accrued, units));
        let booked = loan(&format!(": {} interest booked", note.interest_accrued.units() + units));
        bench.catches(&accrued, &[(2, &account("4100")), (4, &booked)]);
        let paid = bench.changed(&note, |it| it.interest_paid = plus(it.interest_paid, units));
        bench.catches(&paid, &[(2, &account("1210")), (4, &loan(": paid interest"))]);
        let fee = bench.changed(&note, |it| it.fee_paid = plus(it.fee_paid, units));
        bench.catches(&fee, &[(2, &"4200: the ledger"), (4, &loan(": paid fees"))]);
        let upfront = bench.changed(&note, |it| it.upfront_fee = plus(it.upfront_fee, units));
        bench.catches(&upfront, &[(2, &"4200: the ledger")]);
        let penalty = bench.changed(&note, |it| it.penalty_accrued = plus(it.penalty_accrued, units));
        bench.catches(&penalty, &[(2, &"1230: the ledger"), (4, &loan(": penalties"))]);
        let surplus = bench.changed(&note, |it| it.surplus = plus(it.surplus, units));
        bench.catches(&surplus, &[(2, &format!("2200|{}", note.funder))]);
    }
    let advance = bench.changed(&note, |it| it.interest_paid = plus(it.interest_accrued, 1));
    bench.catches(&advance, &[(2, &account("2300")), (4, &loan(": paid interest"))]);
    accruals(bench);
    let closed = format!(" is {:?}, open: false", note.status);
    bench.catches(&bench.changed(&note, |it| it.is_open = false), &[(4, &loan(&closed))]);
    let ended = bench.changed(&note, |it| (it.is_open, it.status) = (false, NoteStatus::Settled));
    bench.catches(&ended, &[(4, &loan(" is Settled and owes principal"))]);
    let behind = bench.changed(&note, |it| it.accrued_through = it.accrued_through.yesterday().unwrap());
    bench.catches(&behind, &[(4, &loan(" is closed through"))]);
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
    bench.catches(&both, &[(2, &"4300: the ledger"), (4, &loan(": paid penalties"))]);
    let no_note = loan(" has installments and no note");
    bench.catches(&bench.removed(&note), &[(2, &account("1200")), (4, &no_note), (5, &held), (5, &used)]);
}

fn accruals(bench: &mut Bench) {
    let total = bench.first::<AccrualTotal>(|total| total.loans > 1 && total.receivable.is_positive());
    let day = format!("accrual {} {} {}: loans and total differ", total.date, total.funder, total.product);
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
        bench.catches(&available, &[(3, &"came in,"), (3, &format!("{code}: Available is"))]);
        let frozen = bench.changed(&account, |it| {
            it.frozen = plus(it.frozen, units);
            it.available = plus(it.available, -units);
        });
        bench.catches(&frozen, &[(3, &format!("{code} Frozen: the accounts"))]);
        let sent = bench.changed(&account, |it| {
            it.in_transit = plus(it.in_transit, units);
            it.available = plus(it.available, -units);
        });
        bench.catches(&sent, &[(3, &format!("{code} InTransit: the accounts"))]);
        let arrived = bench.changed(&account, |it| {
            it.arrived = plus(it.arrived, units);
            it.available = plus(it.available, units);
        });
        let capital = if account.is_own { "3100".to_owned() } else { format!("2100|{}", account.partner) };
        let in_cash = format!("1100|{}: the ledger", account.partner);
        bench.catches(&arrived, &[(3, &in_cash), (3, &format!("{capital}: the ledger"))]);
        let through = bench.changed(&account, |it| {
            it.received = plus(it.received, units);
            it.paid_out = plus(it.paid_out, units);
        });
        bench.catches(&through, &[(3, &format!("{code} PaidOut")), (3, &format!("{code}: PaidOut is"))]);
        let stray = bench.changed(&account, |it| {
            it.recoverable = plus(it.recoverable, units.abs());
            it.available = plus(it.available, -units.abs());
        });
        let in_books = format!("1300|{}: the ledger", account.partner);
        bench.catches(&stray, &[(3, &in_books), (3, &format!("{code} recoverable: the accounts"))]);
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
    bench.catches(&bench.changed(&account, |it| it.movements += 1), &[(3, &"movements are stored")]);

    let reservation = bench.first::<FundReservation>(|it| it.status == ReservationStatus::Closed);
    let twice = FundReservation { id: ReservationId::from_number(9_000_000), ..reservation.clone() };
    bench.catches(&bench.added(&twice), &[(3, &format!("{} is reserved for twice", reservation.loan))]);
    let of_loan = format!("{} of {}", reservation.id, reservation.loan);
    let more = bench.changed(&reservation, |it| it.amount = plus(it.amount, 1));
    bench.catches(&more, &[(3, &"PaidOut: the accounts"), (3, &of_loan)]);
    let nobodys = bench.changed(&reservation, |it| it.fund_account = FundAccountId::from_number(9_000_000));
    bench.catches(&nobodys, &[(3, &format!("{} is of no account", reservation.id))]);
    bench.catches(&bench.removed(&reservation), &[(3, &"PaidOut: the accounts")]);
}

fn fund_movements(bench: &mut Bench) {
    let receipt = bench.first::<SuspenseReceipt>(|_| true);
    let partner = bench.first::<FundAccount>(|account| account.id == receipt.fund_account).partner;
    for units in [1, -1] {
        let other = bench.changed(&receipt, |it| it.remaining = plus(it.remaining, units));
        bench.catches(&other, &[(3, &format!("2900|{partner}: the ledger"))]);
    }
    let movement = bench.first::<FundTransaction>(|movement| movement.sequence == 3);
    bench.catches(&bench.changed(&movement, |it| it.amount = plus(it.amount, 1)), &[(3, &"movement 3")]);
    bench.catches(&bench.changed(&movement, |it| it.target_after = plus(it.target_after, 1)), &[(3, &"movement 3")]);
    bench.catches(&bench.removed(&movement), &[(3, &"movement 4 does not follow from movement 2")]);
}

/// What is gone of a receipt in suspense was taken from it, and not from another one.
fn explained(bench: &mut Bench) {
    let account = bench.first::<FundAccount>(|account| account.is_own).id;
    let resolution = bench.first::<SuspenseResolution>(|it| it.fund_account == account && it.receipt.is_some());
    let is_its = |it: &SuspenseReceipt| it.fund_account == account && resolution.receipt.as_ref() == Some(&it.receipt);
    let receipt = bench.first::<SuspenseReceipt>(is_its);
    let other = bench.first::<SuspenseReceipt>(|it| it.fund_account == account && !is_its(it));
    let gone = |receipt: &SuspenseReceipt| format!("{account} {}: the receipts", receipt.receipt);
    for units in [1, -1] {
        let came = bench.changed(&receipt, |it| it.amount = plus(it.amount, units));
        bench.catches(&came, &[(3, &gone(&receipt))]);
        let taken = bench.changed(&resolution, |it| it.amount = plus(it.amount, units));
        bench.catches(&taken, &[(3, &gone(&receipt))]);
    }
    let anothers = bench.changed(&resolution, |it| it.receipt = Some(other.receipt.clone()));
    bench.catches(&anothers, &[(3, &gone(&receipt)), (3, &gone(&other))]);
}

/// A channel says that it made a payout again: a run by itself leaves none that no loan takes.
fn pay_out_again(bench: &mut Bench) {
    let paid = |it: &PaymentOrder| it.status == PaymentStatus::Succeeded && it.direction == PaymentDirection::Payout;
    let again = RecordPaymentResult {
        request_id: bench.first::<PaymentOrder>(paid).id.to_string(),
        channel_reference: "paid-twice".to_owned(),
        outcome: ChannelOutcome::Successful,
        reason: None,
        amount: None,
        paid_at: None,
    };
    let writer = bench.world.writer();
    writer.execute(Stimulus::command("channel", again)).unwrap();
    writer.sync().unwrap();
}

/// How much of a payout that no loan takes is booked, came back, is lost and is to be booked yet.
fn stray_payouts(bench: &mut Bench) {
    let stray = bench.first::<StrayPayout>(|it| it.reference.ends_with("/paid-twice"));
    assert!(!stray.is_open && stray.booked.is_positive(), "{stray:?}");
    let account = bench.first::<FundAccount>(|account| account.id == stray.fund_account);
    let recoverable = format!("{} recoverable: the accounts", account.code);
    let uncovered = format!("{} uncovered: the accounts", account.code);
    let paid_out = format!("{} PaidOut: the accounts", account.code);
    let open = |is_open: bool| format!("{}: open: {is_open}", stray.reference);
    for units in [1, -1] {
        let booked = bench.changed(&stray, |it| it.booked = plus(it.booked, units));
        bench.catches(&booked, &[(3, &recoverable), (3, &uncovered), (3, &open(false))]);
        let out = bench.changed(&stray, |it| it.amount = plus(it.amount, units));
        bench.catches(&out, &[(3, &uncovered), (3, &open(false))]);
        let back = bench.changed(&stray, |it| it.recovered = plus(it.recovered, units));
        bench.catches(&back, &[(3, &recoverable)]);
        let lost = bench.changed(&stray, |it| it.written_off = plus(it.written_off, units));
        bench.catches(&lost, &[(3, &recoverable), (3, &paid_out)]);
        let counted = bench.changed(&account, |it| it.uncovered = plus(it.uncovered, units));
        bench.catches(&counted, &[(3, &uncovered)]);
    }
    bench.catches(&bench.changed(&stray, |it| it.is_open = true), &[(3, &open(true))]);
    bench.catches(&bench.removed(&stray), &[(3, &recoverable)]);
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
    for (direction, is_chosen) in [(PaymentDirection::Payout, false), (PaymentDirection::Collection, true)] {
        let succeeded = |it: &PaymentOrder| it.status == PaymentStatus::Succeeded && it.direction == direction;
        let payment = bench.first::<PaymentOrder>(succeeded);
        let under_way = bench.changed(&payment, |it| {
            it.status = PaymentStatus::Sent;
            it.amount = plus(it.amount, 1);
        });
        let (told, unwatched) = (format!("{} is Sent", payment.id), format!("{} is on its way", payment.id));
        // A payer may move another amount than was asked for, a channel may not pay another out.
        if is_chosen {
            bench.catches(&under_way, &[(6, &unwatched)]);
        } else {
            bench.catches(&under_way, &[(3, &told), (6, &unwatched)]);
        }
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

/// The same the other way round: a statement that tells something twice, not at all, or otherwise.
fn told(bench: &mut Bench) {
    let statements = bench.world.statements();
    let succeeded =
        |it: &PaymentOrder| it.status == PaymentStatus::Succeeded && it.direction == PaymentDirection::Payout;
    let payment = bench.first::<PaymentOrder>(succeeded);
    let (channel, id) = (payment.channel.clone(), payment.id.to_string());
    let at = statements.channels[&channel].iter().position(|row| row.request_id == id).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<StatementRow>)| {
        let mut statements = statements.clone();
        change(statements.channels.get_mut(&channel).unwrap());
        statements
    };
    let twice = changed(&|rows| rows.push(rows[at].clone()));
    bench.catches_told("a row that stands there twice", &twice, &[(3, &format!("{channel} moved {id} twice"))]);
    let otherwise = format!("{id} is Succeeded");
    let missing = changed(&|rows| drop(rows.remove(at)));
    bench.catches_told("a row that is missing", &missing, &[(3, &otherwise)]);
    let other = changed(&|rows| rows[at].amount = plus(rows[at].amount, 1));
    bench.catches_told("a row of another amount", &other, &[(3, &otherwise)]);

    let paid = bench.first::<PartnerDisbursement>(paid_by_partner);
    let at = statements.partners.iter().position(|(_, loan, _)| *loan == paid.loan).unwrap();
    let mut twice = statements.clone();
    twice.partners.push(twice.partners[at]);
    let again = format!("a partner paid {} out twice", paid.loan);
    bench.catches_told("a partner that paid twice", &twice, &[(3, &again)]);
    let mut other = statements.clone();
    other.partners[at].2 = plus(other.partners[at].2, 1);
    let of_loan = format!("{} of {}", paid.reservation, paid.loan);
    bench.catches_told("a partner that paid another amount", &other, &[(3, &of_loan)]);
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
        bench.catches(&bench.changed(&schedule, principal), &[(4, &format!("{loan}: the schedule plans"))]);
        let balance =
            |it: &mut RepaymentSchedule| it.installments.0[1].balance = plus(it.installments[1].balance, units);
        bench.catches(&bench.changed(&schedule, balance), &[(4, &"the balance does not follow")]);
        let moved = |it: &mut RepaymentSchedule| {
            it.installments.0[0].principal = plus(it.installments[0].principal, units);
            it.installments.0[0].balance = plus(it.installments[0].balance, -units);
            it.installments.0[1].principal = plus(it.installments[1].principal, -units);
        };
        let otherwise = format!("{loan}: installments ask for other than the schedule plans");
        bench.catches(&bench.changed(&schedule, moved), &[(4, &otherwise)]);
        let interest =
            |it: &mut RepaymentSchedule| it.installments.0[0].interest = plus(it.installments[0].interest, units);
        bench.catches(&bench.changed(&schedule, interest), &[(4, &otherwise)]);
    }
    let none = format!("{loan} has no active schedule");
    bench.catches(&bench.changed(&schedule, |it| it.active_marker = None), &[(4, &none)]);
    bench.catches(&bench.removed(&schedule), &[(4, &none)]);

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
        bench.catches(&bench.changed(&dues, principal), &[(4, &format!("{loan}: unpaid principal"))]);
        let interest = |it: &mut LoanInstallments| it.lines.0[0].interest_paid = plus(it.lines[0].interest_paid, units);
        bench.catches(&bench.changed(&dues, interest), &[(4, &format!("{loan}: paid interest"))]);
        let fee = |it: &mut LoanInstallments| it.lines.0[0].fee_paid = plus(it.lines[0].fee_paid, units);
        bench.catches(&bench.changed(&dues, fee), &[(4, &format!("{loan}: paid fees"))]);
        let paid = |it: &mut LoanInstallments| it.lines.0[0].penalty_paid = plus(it.lines[0].penalty_paid, units);
        bench.catches(&bench.changed(&dues, paid), &[(4, &format!("{loan}: paid penalties"))]);
        let penalty = |it: &mut LoanInstallments| it.lines.0[0].penalty = plus(it.lines[0].penalty, units);
        bench.catches(&bench.changed(&dues, penalty), &[(4, &format!("{loan}: penalties"))]);
    }
    let overpaid = |it: &mut LoanInstallments| {
        let last = it.lines.len() - 1;
        it.lines.0[0].principal_paid = plus(it.lines[0].principal, 1);
        it.lines.0[last].principal_paid = plus(it.lines[last].principal_paid, -1);
    };
    let too_much = format!("{loan} installment 1: more is paid than it asks for");
    bench.catches(&bench.changed(&dues, overpaid), &[(4, &too_much)]);
    bench.catches(&bench.removed(&dues), &[(4, &format!("{loan} has no installments"))]);
}

fn credit_lines(bench: &mut Bench) {
    let hold = bench.first::<CreditReservation>(|hold| hold.status == HoldStatus::Used);
    let line = bench.first::<CreditLine>(|line| line.customer == hold.customer);
    let customer = line.customer;
    for units in [1, -1] {
        let limit = bench.changed(&line, |it| it.credit_limit = plus(it.credit_limit, units));
        bench.catches(&limit, &[(5, &format!("{customer}: limit"))]);
        let used = bench.changed(&line, |it| {
            it.available = plus(it.available, -units);
            it.used = plus(it.used, units);
        });
        bench.catches(&used, &[(5, &format!("{customer}: used"))]);
        let reserved = bench.changed(&line, |it| {
            it.available = plus(it.available, -units);
            it.reserved = plus(it.reserved, units);
        });
        bench.catches(&reserved, &[(5, &format!("{customer}: reserved"))]);
        let outstanding = bench.changed(&hold, |it| it.outstanding = plus(it.outstanding, units));
        bench.catches(&outstanding, &[(5, &format!("{}: Used holds", hold.loan))]);
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
        let holds = format!("{}: {status:?} holds", hold.loan);
        bench.catches(&bench.changed(&hold, |it| it.status = status), &[(5, &holds)]);
    }
    let reserved = format!("{customer}: reserved");
    bench.catches(&bench.changed(&hold, |it| it.status = HoldStatus::Held), &[(5, &reserved)]);
    bench.catches(&bench.removed(&hold), &[(5, &format!("{} holds nothing of a credit line", hold.loan))]);
    bench.catches(&bench.removed(&line), &[(5, &format!("{customer} has loans and no credit line"))]);
}

fn effects(bench: &mut Bench) {
    let effect = bench.first::<RuntimeEffect>(|effect| effect.state == EffectState::Done);
    let name = format!("effect {} ({})", effect.id, effect.kind);
    let now = bench.world.writer().now();
    let old = bench.changed(&effect, |it| {
        it.state = EffectState::Pending;
        it.next_at = now.plus_days(-4);
    });
    bench.catches(&old, &[(6, &format!("{name} is Pending"))]);
    let parked = bench.changed(&effect, |it| it.state = EffectState::Parked);
    bench.catches(&parked, &[(6, &format!("{name} is Parked"))]);
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
    bench.catches(&sent, &[(6, &format!("{} is on its way and nobody watches it", payment.id))]);
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
    bench.catches(&bench.added(&overdue), &[(6, &format!("timer {} was due", overdue.id))]);

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
