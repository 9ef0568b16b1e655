//! How fast the ledger posts: `cargo run --release --example ledger_speed -- [accounts] [transfers] [lines] [url]`.
//!
//! Each entry has `lines` transfers between random accounts; every 1000 transfers a batch is flushed to flat rows, as
//! the writer does, and committed when a database is named. There it verifies the books at the end.

use std::env;
use std::time::{Duration, Instant};

use sycee_accounting::ledger::{AccountKind, AccountNr, AccountSpec, Constraint, Day, EntryDraft, Ledger, Line};
use sycee_accounting::reports::verify;
use sycee_contract::Timestamp;
use sycee_money::Currency;
use sycee_runtime::Resident;
use sycee_runtime::storage::{Claim, Commit, DatabaseUrl, migrate, open_store};
use sycee_runtime::testing::generated_migrations;

const BATCH: usize = 1000;

fn argument(at: usize, default: usize) -> usize {
    env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (accounts, transfers, lines) = (argument(1, 10_000), argument(2, 2_000_000), argument(3, 2));
    let mut ledger = Ledger::new();
    for nr in 0..accounts {
        ledger.open(AccountSpec {
            code: format!("1100|par-{nr}"),
            kind: AccountKind::Asset,
            currency: Currency::GHS,
            owner: format!("par-{nr}"),
            constraint: Constraint::Free,
        })?;
    }
    let mut store = match env::args().nth(4) {
        Some(url) => {
            let url = DatabaseUrl::parse(&url)?;
            migrate(&url, generated_migrations(Ledger::tables()).of(url.engine()))?;
            Some(open_store(&url, Duration::from_secs(5))?)
        }
        None => None,
    };
    if let Some(store) = &mut store {
        store.take_over(Claim::default())?;
    }
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as u32
    };
    let mut entry = Vec::with_capacity(lines);
    let (mut posting, mut flushing, mut committing, mut rows) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    let mut posted = 0;
    while posted < transfers {
        let began = Instant::now();
        for _ in 0..BATCH / lines {
            entry.clear();
            for _ in 0..lines {
                let debit = random(accounts);
                let credit = (debit + 1 + random(accounts - 1)) % accounts as u32;
                entry.push(Line { debit: AccountNr::new(debit), credit: AccountNr::new(credit), amount: 1 });
            }
            ledger.post(EntryDraft {
                lines: &entry,
                template: "repayment-received",
                reference: "loan-1042|rpo-77|Normal|-|momo-778812",
                day: Day(20_000),
                posted_at: Timestamp::from_micros(1_700_000_000_000_000),
            })?;
        }
        posted += BATCH / lines * lines;
        posting += began.elapsed();
        let began = Instant::now();
        let tables = ledger.flush();
        flushing += began.elapsed();
        rows += tables.iter().map(|rows| rows.rows.len() / rows.table.columns.len()).sum::<usize>();
        let began = Instant::now();
        if let Some(store) = &mut store {
            store.commit(&Commit { tables, batch: (posted / BATCH) as i64 })?;
        }
        committing += began.elapsed();
    }
    let rate = |took: Duration| posted as u128 * 1_000_000_000 / took.as_nanos().max(1);
    println!("{posted} transfers, {lines} an entry, {accounts} accounts, batches of {BATCH}");
    println!("post             {:>10} transfers/s", rate(posting));
    println!("post and flush   {:>10} transfers/s ({rows} rows made)", rate(posting + flushing));
    if let Some(store) = &store {
        println!("post to commit   {:>10} transfers/s", rate(posting + flushing + committing));
        let began = Instant::now();
        let report = verify(&mut *store.reader()?, &mut |_| {})?;
        println!("verify           {:>10} transfers/s, {} findings", rate(began.elapsed()), report.found);
        let began = Instant::now();
        let recovered = Ledger::load(&mut *store.reader()?)?;
        println!("recover          {:>10} ms", began.elapsed().as_millis());
        assert_eq!(recovered.digest(), ledger.digest(), "what is recovered is what was");
    }
    Ok(())
}
