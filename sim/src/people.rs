//! What people do when their time has come, and how they answer what the market tells them.

use std::collections::BTreeMap;

use sycee_contract::{
    Address, ApplyForCredit, AssetPostingApplied, CalculateRepaymentPosting, CancelLoanApplication, ConsentKind,
    CreateRepaymentOrder, CreditApplicationRejected, CreditLineApproved, CustomerId, CustomerStageChanged,
    DirectDebitMandateCreated, DisbursementSucceeded, EmergencyContact, Employment, GrantConsent, InstallmentDueNotice,
    KycCompleted, KycVerdict, LoanApplicationApproved, LoanApplicationRejected, LoanId, Offer, OfferDetailRequest,
    OtpChallengeId, PartnerRepaymentReceived, PayoutAccount, ProductOfferDistributed, QueryAssetDueList,
    QueryProductOffer, RegisterCustomer, RepaymentKind, RepaymentMethodCreated, RepaymentMethodKind,
    RepaymentOrderClosed, RepaymentOrderCreated, RepaymentSucceeded, RiskDecisionMade, RiskOutcome, RiskPurpose,
    Sensitive, SubmitKyc, SubmitLoanApplication, UpdateCustomerDetails,
};
use sycee_money::Money;
use sycee_psp::{FailureReason, PayerDecision};
use sycee_runtime::{BusinessDays as _, Executed, Stimulus};

use crate::agenda::Act;
use crate::person::FirstDue;
use crate::world::{SimError, World};

/// Hour of the day at which people pay, in seconds.
const PAY_HOUR: i64 = 10 * 3_600;

/// Seconds after which somebody who got no code asks for another.
const PATIENCE_SECONDS: i64 = 3_600;
/// Seconds after which somebody who paid too little pays the rest.
const REST_SECONDS: i64 = 4 * 3_600;
/// Seconds between the parts of what a wallet does not let go at once.
const PARTS_SECONDS: i64 = 3_600;
/// Why a channel takes no more at once.
const LIMIT_REACHED: &str = FailureReason::PayerLimitReached.code();

impl World {
    /// One person does one thing.
    pub(crate) fn act(&mut self, nr: usize, act: Act) -> Result<(), SimError> {
        // Who has stopped paying does not do what was planned before.
        if self.people[nr].stopped_at.is_some() && matches!(act, Act::LookAtDues { .. } | Act::Repay { .. }) {
            return Ok(());
        }
        let logged_out = self.people[nr].customer.is_some() && self.writer().now() >= self.people[nr].session_until;
        if logged_out
            && !matches!(
                act,
                Act::LogIn { .. } | Act::PayAtPartner { .. } | Act::ReviewCredit { .. } | Act::ReviewLoan { .. }
            )
        {
            return self.ask_to_log_in(nr, act);
        }
        match act {
            Act::RequestOtp => self.ask_to_register(nr),
            Act::Register { challenge } => self.register(nr, challenge),
            Act::TellDetails => self.tell_details(nr),
            Act::SubmitKyc => self.submit_kyc(nr),
            Act::GrantConsent => self.grant_consent(nr),
            Act::ApplyForCredit => self.apply_for_credit(nr),
            Act::QueryOffers => {
                let customer = self.customer(nr)?;
                self.ask(nr, QueryProductOffer { customer, preview: false, detail: None }).map(|_| ())
            }
            Act::QueryDetail { offer, amount, term, direct_debit } => {
                let customer = self.customer(nr)?;
                let detail = Some(OfferDetailRequest { offer, amount, term });
                let done = self.ask(nr, QueryProductOffer { customer, preview: false, detail })?;
                if done.outcome.is_ok() {
                    self.plan_in(60, nr, Act::SubmitLoan { offer, amount, term, direct_debit });
                }
                Ok(())
            }
            Act::SubmitLoan { offer, amount, term, direct_debit } => {
                self.submit_loan(nr, offer, amount, term, direct_debit)
            }
            Act::LogIn { challenge, then } => self.log_in(nr, challenge, *then),
            Act::AskToSign { loan, hash } => self.ask_to_sign(nr, loan, hash),
            Act::SignContract { loan, hash, challenge } => self.sign(nr, loan, hash, challenge),
            Act::CancelApplication { loan } => {
                let customer = self.customer(nr)?;
                let reason = "changed-my-mind".to_owned();
                self.ask(nr, CancelLoanApplication { loan, customer, reason }).map(|_| ())
            }
            Act::LookAtDues { loan, kind } => self.look_at_dues(nr, loan, kind),
            Act::Repay { loan, kind, amount } => self.repay(nr, loan, kind, amount),
            Act::ReviewCredit { application } => self.review_credit(nr, application),
            Act::ReviewLoan { loan } => self.review_loan(loan),
            Act::PayAtPartner { order, loan, amount } => {
                let Some(funder) = self.self_collecting.get(&order).copied() else { return Ok(()) };
                let notice = self.outside.collect(funder, loan, order, amount);
                self.stimulate(Stimulus::event("partner", notice).through("partner-hub")).map(|_| ())
            }
        }
    }

    fn register(&mut self, nr: usize, challenge: OtpChallengeId) -> Result<(), SimError> {
        let Some(code) = self.outside.sms.take_code(&challenge.to_string()) else {
            self.plan_in(PATIENCE_SECONDS, nr, Act::RequestOtp);
            return Ok(());
        };
        let person = &self.people[nr];
        let register = RegisterCustomer {
            phone: Sensitive::new(&person.phone),
            challenge,
            code: Sensitive::new(code),
            device: self.device(nr),
            language: person.language.to_owned(),
        };
        let done = self.ask(nr, register)?;
        if let Ok(answer) = done.answer::<RegisterCustomer>() {
            self.people[nr].customer = Some(answer.customer);
            self.logged_in(nr, &answer);
            self.by_customer.insert(answer.customer, nr);
            self.funnel.registered += 1;
            if self.people[nr].habits.leaves {
                self.funnel.left += 1;
            } else {
                self.plan_in(60, nr, Act::TellDetails);
            }
        }
        Ok(())
    }

    fn tell_details(&mut self, nr: usize) -> Result<(), SimError> {
        let customer = self.customer(nr)?;
        let person = &self.people[nr];
        let details = UpdateCustomerDetails {
            customer,
            employment: Some(Employment {
                employer: Sensitive::new(format!("Employer of {}", person.name)),
                job: person.applicant.attributes.get("job").cloned().unwrap_or_default(),
                since: None,
            }),
            address: Some(Address {
                line: Sensitive::new(format!("House {nr}, Ring Road")),
                city: "Accra".to_owned(),
                country: "GH".to_owned(),
            }),
            emergency_contacts: Some(vec![EmergencyContact {
                name: Sensitive::new(format!("Sister of {}", person.name)),
                phone: Sensitive::new(format!("+23355{nr:07}")),
                relation: "sister".to_owned(),
            }]),
            attributes: person.applicant.attributes.clone(),
        };
        self.ask(nr, details)?;
        self.plan_in(30, nr, Act::SubmitKyc);
        Ok(())
    }

    fn submit_kyc(&mut self, nr: usize) -> Result<(), SimError> {
        let customer = self.customer(nr)?;
        let person = &self.people[nr];
        let submit = SubmitKyc {
            customer,
            document_type: "ghana-card".to_owned(),
            document_number: Sensitive::new(&person.document),
            full_name: Sensitive::new(&person.name),
            birth_date: Sensitive::new(&person.birth_date),
            document_image: format!("kyc/{nr}/card.jpg"),
            liveness_video: format!("kyc/{nr}/face.mp4"),
        };
        self.ask(nr, submit).map(|_| ())
    }

    fn grant_consent(&mut self, nr: usize) -> Result<(), SimError> {
        let customer = self.customer(nr)?;
        let kinds = vec![ConsentKind::Bureau, ConsentKind::Privacy, ConsentKind::Marketing];
        self.ask(nr, GrantConsent { customer, kinds, notice_version: "2026-01".to_owned() }).map(|_| ())
    }

    fn apply_for_credit(&mut self, nr: usize) -> Result<(), SimError> {
        let customer = self.customer(nr)?;
        let person = &self.people[nr];
        let requested = self.major(person.applicant.amount)?;
        let facts = BTreeMap::from([("duration-months".to_owned(), person.applicant.months.to_string())]);
        let purpose = person.applicant.purpose.clone();
        let done = self.ask(nr, ApplyForCredit { customer, requested, purpose, facts })?;
        self.funnel.applied += u64::from(done.outcome.is_ok());
        Ok(())
    }

    fn submit_loan(
        &mut self,
        nr: usize,
        offer: sycee_contract::OfferId,
        amount: Money,
        term: u32,
        direct_debit: bool,
    ) -> Result<(), SimError> {
        let customer = self.customer(nr)?;
        let person = &self.people[nr];
        let submit = SubmitLoanApplication {
            customer,
            offer,
            amount,
            term,
            purpose: person.applicant.purpose.clone(),
            payout_account: PayoutAccount {
                channel: person.wallet.to_owned(),
                number: Sensitive::new(&person.phone),
                holder: Sensitive::new(&person.name),
            },
            direct_debit,
            language: person.language.to_owned(),
        };
        let done = self.ask(nr, submit)?;
        if let Ok(answer) = done.answer::<SubmitLoanApplication>() {
            self.people[nr].current = Some(answer.loan);
            self.funnel.submitted += 1;
        }
        Ok(())
    }

    fn look_at_dues(&mut self, nr: usize, loan: LoanId, kind: RepaymentKind) -> Result<(), SimError> {
        let customer = self.customer(nr)?;
        let done = self.ask(nr, QueryAssetDueList { customer })?;
        let Ok(list) = done.answer::<QueryAssetDueList>() else { return Ok(()) };
        let Some(due) = list.loans.into_iter().find(|due| due.loan == loan) else { return Ok(()) };
        if kind == RepaymentKind::Normal && !due.due_now.is_positive() {
            return Ok(());
        }
        let tried = self.ask(nr, CalculateRepaymentPosting { customer, loan, kind, amount: None, as_of: None })?;
        let quoted = tried.answer::<CalculateRepaymentPosting>().ok().map(|quote| quote.amount);
        let kind = if quoted.is_some() { kind } else { RepaymentKind::Normal };
        if kind == RepaymentKind::Normal && !due.due_now.is_positive() {
            return Ok(());
        }
        let whole = quoted.unwrap_or(due.due_now);
        if let Some(most) = self.people[nr].pays_at_most.filter(|most| whole.units() > most.units()) {
            // A cancellation has to come at once: in parts it becomes a settlement.
            let comes_to = if kind == RepaymentKind::Cancel { RepaymentKind::EarlySettlement } else { kind };
            self.people[nr].in_parts.insert(loan, comes_to);
            self.plan_in(60, nr, Act::Repay { loan, kind: RepaymentKind::Normal, amount: Some(most) });
            return Ok(());
        }
        let partial = self.people[nr].habits.partial_per_mille;
        if kind == RepaymentKind::Normal && self.people[nr].random.hits(partial) {
            let halves = due.due_now.allocate(&[3, 2])?;
            if halves.iter().all(|half| half.is_positive()) {
                self.plan_in(60, nr, Act::Repay { loan, kind, amount: Some(halves[0]) });
                self.plan_in(4 * 86_400, nr, Act::LookAtDues { loan, kind });
                return Ok(());
            }
        }
        self.plan_in(60, nr, Act::Repay { loan, kind, amount: None });
        Ok(())
    }

    fn repay(&mut self, nr: usize, loan: LoanId, kind: RepaymentKind, amount: Option<Money>) -> Result<(), SimError> {
        let customer = self.customer(nr)?;
        let method = match nr % 3 {
            0 => RepaymentMethodKind::Qr,
            1 => RepaymentMethodKind::VirtualAccount,
            _ => RepaymentMethodKind::DeepLink,
        };
        self.outside.set_mood(customer, PayerDecision::Pay);
        self.ask(nr, CreateRepaymentOrder { customer, loan, kind, amount, method }).map(|_| ())
    }

    /// How people answer what a cascade told them.
    pub(crate) fn hear(&mut self, done: &Executed) -> Result<(), SimError> {
        self.hear_declined(done);
        self.hear_referred(done);
        for event in done.events::<KycCompleted>() {
            self.hear_identity(event);
        }
        for event in done.events::<CustomerStageChanged>() {
            if event.to.eq_ignore_ascii_case("admitted")
                && let Some(nr) = self.person_of(event.customer)
            {
                self.funnel.admitted += 1;
                self.plan_in(60, nr, Act::ApplyForCredit);
            }
        }
        for event in done.events::<CreditLineApproved>() {
            if let Some(nr) = self.person_of(event.customer) {
                self.funnel.lines += 1;
                self.plan_in(60, nr, Act::QueryOffers);
            }
        }
        for event in done.events::<ProductOfferDistributed>() {
            if let Some(nr) = self.person_of(event.customer) {
                self.choose(nr, &event.offers)?;
            }
        }
        for event in done.events::<LoanApplicationApproved>() {
            if let Some(nr) = self.person_of(event.customer) {
                self.funnel.approved += 1;
                let (loan, hash) = (event.loan, event.contract.hash.clone());
                let cancels = self.people[nr].habits.cancels && self.people[nr].loans == 0;
                let act = if cancels { Act::CancelApplication { loan } } else { Act::AskToSign { loan, hash } };
                self.plan_in(300, nr, act);
            }
        }
        for event in done.events::<DisbursementSucceeded>() {
            self.hear_disbursed(event);
        }
        self.mandates.extend(done.events::<DirectDebitMandateCreated>().map(|event| event.loan));
        for event in done.events::<InstallmentDueNotice>() {
            if event.in_days == 0
                && let Some(nr) = self.person_of(event.customer)
            {
                self.hear_due(nr, event);
            }
        }
        for event in done.events::<RepaymentMethodCreated>() {
            if event.payment.is_none()
                && let Some(nr) = self.person_of(event.customer)
            {
                let act = Act::PayAtPartner { order: event.order, loan: event.loan, amount: event.amount };
                self.plan_in(90, nr, act);
            }
        }
        for event in done.events::<sycee_contract::RepaymentRouteSelected>() {
            if event.collects_itself {
                self.self_collecting.insert(event.order, event.funder);
            }
        }
        for event in done.events::<RepaymentOrderCreated>() {
            if let Some(nr) = self.person_of(event.customer) {
                self.asked.insert(event.order, (nr, event.kind, event.amount));
            }
        }
        for event in done.events::<PartnerRepaymentReceived>() {
            self.hear_received(event);
        }
        for event in done.events::<RepaymentOrderClosed>() {
            self.hear_closed(event);
        }
        for event in done.events::<AssetPostingApplied>() {
            self.hear_posted(event);
        }
        for event in done.events::<RepaymentSucceeded>() {
            self.hear_repaid(event);
        }
        Ok(())
    }

    /// Who gets no further, where, and why.
    fn hear_declined(&mut self, done: &Executed) {
        let mut declined = |step: &'static str, reasons: &[String]| {
            let declined = self.declined.entry(step).or_default();
            declined.times += 1;
            let reason = reasons.first().map_or("no reason told", String::as_str);
            *declined.reasons.entry(reason.to_owned()).or_default() += 1;
        };
        for event in done.events::<KycCompleted>().filter(|event| event.verdict == KycVerdict::Failed) {
            declined("identity", &event.reasons);
        }
        for event in done.events::<RiskDecisionMade>() {
            if event.purpose == RiskPurpose::Admission && event.outcome != RiskOutcome::Approve {
                declined("admission", &event.reasons);
            }
        }
        for event in done.events::<CreditApplicationRejected>() {
            declined("credit line", &event.reasons);
        }
        for event in done.events::<LoanApplicationRejected>() {
            declined("loan", &event.reasons);
        }
    }

    fn choose(&mut self, nr: usize, offers: &[Offer]) -> Result<(), SimError> {
        let first = self.people[nr].loans == 0;
        let roll = self.people[nr].random.below(1_000);
        let wanted = match (first, roll) {
            (true, 0..150) => "gh-equal-principal",
            (false, 0..350) => "gh-cash",
            _ => "gh-installment",
        };
        let Some(offer) = offers.iter().find(|it| it.product == wanted).or_else(|| offers.first()) else {
            return Ok(());
        };
        let asked = self.major(self.people[nr].wants)?;
        let minor = 10i64.pow(asked.currency().minor_digits());
        let bounded = asked.min(offer.amount_max)?.max(offer.amount_min)?;
        let whole = Money::from_minor(bounded.to_minor()? / minor * minor, asked.currency())?;
        if whole.compare(offer.amount_min)?.is_lt() || whole.compare(offer.amount_max)?.is_gt() {
            return Ok(());
        }
        let months = self.people[nr].applicant.months;
        let Some(term) = offer.terms.iter().copied().min_by_key(|term| (term.abs_diff(months), *term)) else {
            return Ok(());
        };
        let direct_debit = self.people[nr].habits.direct_debit;
        self.plan_in(60, nr, Act::QueryDetail { offer: offer.offer, amount: whole, term, direct_debit });
        Ok(())
    }

    fn hear_disbursed(&mut self, event: &DisbursementSucceeded) {
        let Some(nr) = self.person_of(event.customer) else { return };
        let first = self.people[nr].loans == 0;
        self.people[nr].loans += 1;
        self.funnel.loans += 1;
        self.funnel.disbursed += u64::from(first);
        if first && self.people[nr].habits.backs_out {
            self.plan_in(2 * 86_400, nr, Act::LookAtDues { loan: event.loan, kind: RepaymentKind::Cancel });
        }
    }

    fn hear_due(&mut self, nr: usize, event: &InstallmentDueNotice) {
        let now = self.writer().now();
        let is_pulled = self.mandates.contains(&event.loan);
        let person = &mut self.people[nr];
        let habits = person.habits;
        if habits.stops_at.is_some_and(|at| event.nr >= at) && person.loans == 1 {
            person.stopped_at.get_or_insert(now);
        }
        if event.nr == 1 && person.loans == 1 {
            self.first_due.insert(event.loan, FirstDue { date: event.due_date, is_paid: false });
        }
        let person = &mut self.people[nr];
        if person.stopped_at.is_some() {
            // A mandate asks nobody: only an empty wallet stops it. Of the others some say no, some do not look.
            let mood = match (nr + event.nr as usize) % 5 {
                0 if !is_pulled => PayerDecision::Reject,
                1 if !is_pulled => PayerDecision::Ignore,
                _ => PayerDecision::NotEnoughFunds,
            };
            self.outside.set_mood(event.customer, mood);
            return;
        }
        self.outside.set_mood(event.customer, PayerDecision::Pay);
        let late = person.random.hits(habits.late_per_mille);
        let days = if late { person.random.between(1, habits.late_days_max) } else { 0 };
        // Without a mandate nobody pulls: a funder that collects itself takes none of ours.
        if habits.direct_debit && !late && is_pulled {
            return;
        }
        let settles = habits.settles_at == Some(event.nr);
        let kind = if settles { RepaymentKind::EarlySettlement } else { RepaymentKind::Normal };
        let at = self.days_here.starts(event.due_date).plus_seconds(PAY_HOUR).plus_days(days);
        self.agenda.plan(at, nr, Act::LookAtDues { loan: event.loan, kind });
    }

    /// After one part comes the next; who paid too little pays the rest.
    fn hear_received(&mut self, event: &PartnerRepaymentReceived) {
        let Some((nr, kind, asked)) = event.order.and_then(|order| self.asked.remove(&order)) else { return };
        let (Some(loan), None) = (event.loan, self.people[nr].stopped_at) else { return };
        if let Some(kind) = self.people[nr].in_parts.remove(&loan) {
            self.plan_in(PARTS_SECONDS, nr, Act::LookAtDues { loan, kind });
        } else if event.amount.units() < asked.units() {
            self.plan_in(REST_SECONDS, nr, Act::LookAtDues { loan, kind });
        }
    }

    /// Who meets the limit of a wallet pays in parts from there on.
    fn hear_closed(&mut self, event: &RepaymentOrderClosed) {
        let Some((nr, kind, _)) = self.asked.remove(&event.order) else { return };
        if event.reason != LIMIT_REACHED || self.people[nr].stopped_at.is_some() {
            return;
        }
        self.people[nr].pays_at_most = self.outside.wallet_limit(self.people[nr].wallet);
        self.plan_in(PARTS_SECONDS, nr, Act::LookAtDues { loan: event.loan, kind });
    }

    /// A first installment counts as paid when all of it is paid by the end of its due date.
    fn hear_posted(&mut self, event: &AssetPostingApplied) {
        let today = self.date();
        let settles_first = event.settled || event.installments_settled.contains(&1);
        if settles_first && let Some(first) = self.first_due.get_mut(&event.loan) {
            first.is_paid |= today <= first.date;
        }
    }

    fn hear_repaid(&mut self, event: &RepaymentSucceeded) {
        let Some(nr) = self.person_of(event.customer) else { return };
        if event.settled && event.worst_days_past_due <= 10 && self.people[nr].habits.borrows_again > 0 {
            self.people[nr].habits.borrows_again -= 1;
            self.people[nr].wants = self.people[nr].wants * 6 / 5;
            let days = self.people[nr].random.between(1, 20);
            self.plan_in(days * 86_400, nr, Act::QueryOffers);
        }
    }

    pub(crate) fn person_of(&self, customer: CustomerId) -> Option<usize> {
        self.by_customer.get(&customer).copied()
    }
}

#[cfg(test)]
mod tests {
    use sycee_contract::Timestamp;
    use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
    use sycee_runtime::testing::test_databases;

    use super::*;
    use crate::Faults;
    use crate::person::Habits;
    use crate::testing::{count, live, small_world};

    /// Everybody stops with the first or second installment, and lets installments be pulled.
    #[test]
    fn nothing_is_pulled_from_who_has_stopped_paying() {
        let (urls, _guard) = test_databases();
        for url in &urls {
            println!("on {}", url.engine());
            let mut world = small_world(url, 23, 60, Faults::default());
            for (nr, person) in world.people.iter_mut().enumerate() {
                let stops_at = Some(if nr.is_multiple_of(2) { 1 } else { 2 });
                let habits = person.habits;
                person.habits = Habits { stops_at, direct_debit: true, settles_at: None, borrows_again: 0, ..habits };
            }
            live(&mut world, 75);
            let report = world.report().unwrap();
            assert!(report.holds(), "{:?}", report.oracles);
            let stopped: BTreeMap<CustomerId, Timestamp> =
                world.people.iter().filter_map(|person| Some((person.customer?, person.stopped_at?))).collect();
            let has_stopped = |it: &PaymentOrder| stopped.get(&it.customer).is_some_and(|at| it.sent_at >= *at);
            let is_paid = |it: &PaymentOrder| it.mandate.is_some() && it.status == PaymentStatus::Succeeded;
            let before = count::<PaymentOrder>(&mut world, |it| is_paid(it) && !has_stopped(it));
            let after = count::<PaymentOrder>(&mut world, |it| is_paid(it) && has_stopped(it));
            let is_empty = |it: &PaymentOrder| it.mandate.is_some() && it.reason.as_deref() == Some("NOT_ENOUGH_FUNDS");
            let refused = count::<PaymentOrder>(&mut world, |it| is_empty(it) && has_stopped(it));
            assert!(
                before > 0 && refused > 0,
                "{before} pulls before the stop, {refused} found an empty wallet after it"
            );
            assert_eq!(after, 0, "pulls that came in after the stop");
        }
    }

    /// Nobody pays the first installment: all that are counted are overdue, and a day that is not over is not counted.
    #[test]
    fn a_first_installment_counts_when_its_day_is_over() {
        let (urls, _guard) = test_databases();
        for url in &urls {
            println!("on {}", url.engine());
            let mut world = small_world(url, 29, 40, Faults::default());
            for person in &mut world.people {
                person.habits = Habits { stops_at: Some(1), settles_at: None, borrows_again: 0, ..person.habits };
            }
            let mut open_days = 0;
            for _ in 0..48 {
                live(&mut world, 1);
                let (funnel, today) = (world.funnel(), world.date());
                assert_eq!(funnel.first_due, funnel.first_overdue, "{today}");
                open_days += usize::from(world.first_due.values().any(|first| first.date == today));
            }
            assert!(open_days > 0 && world.funnel().first_due > 0, "{open_days}: {:?}", world.funnel());
        }
    }
}
