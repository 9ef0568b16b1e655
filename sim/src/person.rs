//! One simulated person: an applicant of the data set with a name, a phone, and habits drawn from the run's seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use sycee_contract::{CustomerId, Date, LoanId, RepaymentKind, Timestamp};
use sycee_money::Money;
use sycee_psp::SplitMix64;

use crate::Applicant;

const FIRST: [&str; 24] = [
    "Ama", "Kofi", "Akosua", "Kwame", "Abena", "Yaw", "Adwoa", "Kwaku", "Esi", "Kojo", "Efua", "Kwabena", "Araba",
    "Fiifi", "Dede", "Nii", "Naa", "Tetteh", "Afia", "Kwasi", "Akua", "Ekow", "Maame", "Selorm",
];
const LAST: [&str; 24] = [
    "Mensah", "Owusu", "Boateng", "Asante", "Osei", "Appiah", "Agyeman", "Ofori", "Addo", "Quaye", "Lartey", "Ansah",
    "Amoah", "Darko", "Frimpong", "Gyasi", "Antwi", "Sarpong", "Nkansah", "Tawiah", "Dogbe", "Kumi", "Badu", "Opoku",
];
const CHANNELS: [&str; 3] = ["mtn-momo", "telecel-cash", "at-money"];
const SOURCES: [&str; 4] = ["organic", "radio-accra", "agent-kumasi", "referral"];

/// How somebody pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Days after the due date on which an installment is paid, at most.
    pub late_days_max: i64,
    /// Parts per thousand of installments that are paid late.
    pub late_per_mille: u32,
    /// Parts per thousand of installments that are paid in two parts.
    pub partial_per_mille: u32,
    /// Stops paying with this installment of the first loan.
    pub stops_at: Option<u32>,
    /// Settles early with this installment.
    pub settles_at: Option<u32>,
    /// Backs out after the payout, in the cooling-off time.
    pub backs_out: bool,
    /// Cancels instead of signing.
    pub cancels: bool,
    /// Lets installments be pulled.
    pub direct_debit: bool,
    /// Borrows again so many times after good repayment.
    pub borrows_again: u32,
    /// Never gets beyond registering.
    pub leaves: bool,
}

/// The first installment of somebody's first loan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstDue {
    /// When it falls due.
    pub date: Date,
    /// Whether all of it was paid by the end of that day.
    pub is_paid: bool,
}

/// The actor of a person who is not logged in.
pub(crate) fn guest(nr: usize) -> String {
    format!("guest:person-{nr}")
}

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub applicant: Arc<Applicant>,
    pub name: String,
    pub phone: String,
    pub document: String,
    pub birth_date: String,
    pub wallet: &'static str,
    pub source: &'static str,
    pub language: &'static str,
    pub habits: Habits,
    pub random: SplitMix64,
    pub customer: Option<CustomerId>,
    pub actor: String,
    /// Until when the person is logged in.
    pub session_until: Timestamp,
    pub requests: u64,
    pub loans: u32,
    pub current: Option<LoanId>,
    pub wants: i64,
    /// When the person stopped paying, for ever.
    pub stopped_at: Option<Timestamp>,
    /// The most that the wallet lets go at a time, once the person met it.
    pub pays_at_most: Option<Money>,
    /// Loans that are being paid in parts, and what the parts are to come to.
    pub in_parts: BTreeMap<LoanId, RepaymentKind>,
}

impl Person {
    /// The person behind row `nr`, the same for the same seed.
    pub(crate) fn new(nr: usize, applicant: Arc<Applicant>, seed: u64) -> Self {
        let mut random = SplitMix64::new(seed ^ (nr as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut pick = |all: &[&'static str]| all[random.below(all.len() as u64) as usize];
        let (first, last, wallet, source) = (pick(&FIRST), pick(&LAST), pick(&CHANNELS), pick(&SOURCES));
        let habits = Self::habits(&applicant, &mut random);
        let age = i64::from(applicant.age);
        Self {
            name: format!("{first} {last}"),
            // The last four digits stay below 9000: 99xx are the channels' test numbers.
            phone: format!("+233{}{:03}{:04}", ["24", "20", "27"][nr % 3], nr % 1_000, random.below(9_000)),
            document: format!("GHA-{:09}-{}", 100_000_000 + nr, nr % 10),
            // As old as declared until December of 2026.
            birth_date: format!("{}-12-{:02}", 2025 - age, 1 + nr % 28),
            wallet,
            source,
            language: if nr.is_multiple_of(20) { "zh" } else { "en" },
            actor: guest(nr),
            session_until: Timestamp::default(),
            wants: applicant.amount,
            applicant,
            habits,
            random,
            customer: None,
            requests: 0,
            loans: 0,
            current: None,
            stopped_at: None,
            pays_at_most: None,
            in_parts: BTreeMap::new(),
        }
    }

    fn habits(applicant: &Applicant, random: &mut SplitMix64) -> Habits {
        let installments = u64::from(applicant.months.max(3));
        let at = |random: &mut SplitMix64| u32::try_from(1 + random.below(installments.min(14))).unwrap_or(1);
        let stops_at = (!applicant.good).then(|| at(random));
        let settles = applicant.good && random.hits(80);
        Habits {
            late_days_max: if random.hits(50) { 35 } else { 6 },
            late_per_mille: if applicant.good { 90 } else { 250 },
            partial_per_mille: 40,
            stops_at,
            settles_at: if settles { Some(at(random) + 1) } else { None },
            backs_out: random.hits(12),
            cancels: random.hits(15),
            direct_debit: random.hits(300),
            borrows_again: if applicant.good { u32::try_from(random.below(3)).unwrap_or(0) } else { 0 },
            leaves: random.hits(60),
        }
    }

    /// The next idempotency key of this person.
    pub(crate) fn next_key(&mut self) -> String {
        self.requests += 1;
        self.requests.to_string()
    }
}
