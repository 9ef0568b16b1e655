//! Every account's balance, today or on any past business date.

use std::collections::BTreeMap;

use sycee_contract::Date;
use sycee_money::{Currency, Money};
use sycee_runtime::storage::{ColumnKind, Reader, Value};
use sycee_runtime::{Fault, days_of, read_all};

use crate::ledger::rows::AccountRow;
use crate::ledger::{AccountKind, AccountNr};

/// One account of a trial balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    /// Chart code and dimension values.
    pub code: String,
    /// Kind.
    pub kind: AccountKind,
    /// Debits minus credits.
    pub balance: Money,
}

impl BalanceRow {
    /// The chart code without dimension values.
    pub fn chart_code(&self) -> &str {
        self.code.split('|').next().unwrap_or(&self.code)
    }
}

/// Balances of all accounts that ever moved, by code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialBalance {
    /// Business date; everything posted when absent.
    pub as_of: Option<Date>,
    /// One row for each account, by code, then currency.
    pub rows: Vec<BalanceRow>,
}

impl TrialBalance {
    /// By currency: sum of debit balances and sum of credit balances, in units. The two are equal.
    pub fn totals(&self) -> BTreeMap<Currency, (i128, i128)> {
        let mut totals: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
        for row in &self.rows {
            let total = totals.entry(row.balance.currency()).or_default();
            let units = i128::from(row.balance.units());
            if units > 0 { total.0 += units } else { total.1 -= units }
        }
        totals
    }

    /// Whether debits equal credits in every currency.
    pub fn is_balanced(&self) -> bool {
        self.totals().values().all(|(debit, credit)| debit == credit)
    }

    /// Balances by chart code and currency, in units.
    pub fn by_chart_code(&self) -> BTreeMap<(&str, Currency), i128> {
        let mut sums = BTreeMap::new();
        for row in &self.rows {
            *sums.entry((row.chart_code(), row.balance.currency())).or_default() += i128::from(row.balance.units());
        }
        sums
    }

    /// Balance of one account; zero when it never moved.
    pub fn balance(&self, code: &str, currency: Currency) -> Money {
        let mut rows = self.rows.iter();
        let found = rows.find(|row| row.code == code && row.balance.currency() == currency);
        found.map_or(Money::zero(currency), |row| row.balance)
    }
}

/// Day rows up to the date, and the transfers up to it that no snapshot (and so no day row) covers.
const BALANCES: &str = "
    SELECT account, CAST(SUM(net) AS BIGINT) FROM (
        SELECT d.account AS account, d.net AS net FROM ledger_account_day d WHERE d.day <= $1
        UNION ALL
        SELECT m.account, m.net FROM (
            SELECT t.id AS id, t.entry AS entry, t.debit AS account, t.amount AS net
            FROM ledger_transfer t WHERE t.id >= (SELECT MAX(tail_from) FROM ledger_tail) AND t.phase IN (0, 2)
            UNION ALL
            SELECT t.id, t.entry, t.credit, -t.amount
            FROM ledger_transfer t WHERE t.id >= (SELECT MAX(tail_from) FROM ledger_tail) AND t.phase IN (0, 2)
        ) m JOIN ledger_entry e ON e.id = m.entry
        WHERE e.business_date <= $1
          AND m.id > COALESCE((SELECT MAX(s.upto) FROM ledger_snapshot s WHERE s.account = m.account), 0)
    ) parts GROUP BY account ORDER BY account";

/// The balances at the end of `as_of`, by business date; of everything posted when absent.
pub fn trial_balance(reader: &mut dyn Reader, as_of: Option<Date>) -> Result<TrialBalance, Fault> {
    let until = days_of(as_of.unwrap_or(Date::MAX));
    let mut balances: BTreeMap<i64, i64> = BTreeMap::new();
    reader.query(BALANCES, &[Value::Int(until)], &[ColumnKind::Int, ColumnKind::Int], &mut |row| {
        if let [Value::Int(account), Value::Int(balance)] = row {
            balances.insert(*account, *balance);
        }
        Ok(())
    })?;
    let mut rows = Vec::with_capacity(balances.len());
    read_all::<AccountRow>(reader, "ORDER BY code, currency", &[], &mut |account| {
        let nr: AccountNr = account.nr;
        if let Some(units) = balances.get(&nr.stored()) {
            let balance = Money::from_units(*units, account.currency);
            rows.push(BalanceRow { code: account.code, kind: account.kind, balance });
        }
        Ok(())
    })?;
    Ok(TrialBalance { as_of, rows })
}
