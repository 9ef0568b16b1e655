//! What happened to one account: a walk along its chain, newest first, in pages.

use sycee_contract::{Date, EntryId, Identifier, LedgerReference, Timestamp};
use sycee_money::{Currency, Money};
use sycee_runtime::storage::{ColumnKind, Reader, Value};
use sycee_runtime::{Entity, Fault, RowReader, read_all};

use crate::accounting_center::read_reference;
use crate::ledger::recovery::{prefixed, tail_from};
use crate::ledger::rows::{AccountRow, Snapshot, TABLES};
use crate::ledger::{AccountNr, Entry, Phase, Transfer};

/// One transfer as an account sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementLine {
    /// The transfer.
    pub transfer: i64,
    /// Its entry.
    pub entry: EntryId,
    /// Business date.
    pub business_date: Date,
    /// When the market took it in.
    pub posted_at: Timestamp,
    /// Template.
    pub template: String,
    /// What it is about; of a repayment, how all of it is split.
    pub reference: LedgerReference,
    /// Code of the account on the other side.
    pub counter_account: String,
    /// What it does; only moving phases change the balance.
    pub phase: Phase,
    /// Above zero when this account is debited, below when it is credited.
    pub amount: Money,
    /// Debits minus credits after it.
    pub balance: Money,
}

/// A page of an account's statement, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Code of the account.
    pub code: String,
    /// Its currency.
    pub currency: Currency,
    /// The lines.
    pub lines: Vec<StatementLine>,
    /// Give this as `before` for the next page; `None` when this is the last.
    pub next_before: Option<i64>,
}

const CHAIN: &str = "
    WITH RECURSIVE chain(id, prev, nr) AS (
        SELECT t.id, CASE WHEN t.debit = $1 THEN t.debit_prev ELSE t.credit_prev END, CAST(1 AS BIGINT)
        FROM ledger_transfer t WHERE t.id = $2
        UNION ALL
        SELECT t.id, CASE WHEN t.debit = $1 THEN t.debit_prev ELSE t.credit_prev END, c.nr + 1
        FROM chain c JOIN ledger_transfer t ON t.id = c.prev WHERE c.nr < $3
    )";

/// A page of the account's statement: at most `limit` lines before transfer `before`, or the newest.
///
/// `code` is the account's code, with `@CUR` behind it when several currencies use it: `1100|par-3@USDT`.
/// `None` when there is no such account, or not only one.
pub fn statement(
    reader: &mut dyn Reader,
    code: &str,
    before: Option<i64>,
    limit: usize,
) -> Result<Option<Statement>, Fault> {
    let (code, currency) = code.rsplit_once('@').map_or((code, None), |(code, currency)| (code, Some(currency)));
    let mut found = Vec::new();
    read_all::<AccountRow>(reader, "WHERE code = $1 ORDER BY currency", &[Value::text(code)], &mut |account| {
        if currency.is_none_or(|currency| account.currency.code() == currency) {
            found.push(account);
        }
        Ok(())
    })?;
    let Ok([account]) = <[AccountRow; 1]>::try_from(found) else { return Ok(None) };
    let start = match before {
        Some(transfer) => previous(reader, account.nr, transfer)?,
        None => newest(reader, account.nr)?,
    };
    let lines = lines(reader, &account, start, limit)?;
    let mut next_before = None;
    if let Some(last) = lines.last()
        && previous(reader, account.nr, last.transfer)? > 0
    {
        next_before = Some(last.transfer);
    }
    Ok(Some(Statement { code: account.code, currency: account.currency, lines, next_before }))
}

/// The newest transfer of an account; 0 for none.
fn newest(reader: &mut dyn Reader, account: AccountNr) -> Result<i64, Fault> {
    let tail = tail_from(reader)?;
    let sql = "SELECT MAX(id) FROM ledger_transfer WHERE id >= $1 AND (debit = $2 OR credit = $2)";
    let mut newest = None;
    reader.query(sql, &[Value::Int(tail), Value::Int(account.stored())], &[ColumnKind::Int], &mut |row| {
        newest = row[0].as_int();
        Ok(())
    })?;
    if newest.is_none() {
        let rest = "WHERE account = $1 ORDER BY upto DESC LIMIT 1";
        read_all::<Snapshot>(reader, rest, &[Value::Int(account.stored())], &mut |snapshot| {
            newest = Some(snapshot.last_transfer);
            Ok(())
        })?;
    }
    Ok(newest.unwrap_or(0))
}

/// The transfer before `transfer` in the account's chain; 0 for none, or when `transfer` is not of the account.
fn previous(reader: &mut dyn Reader, account: AccountNr, transfer: i64) -> Result<i64, Fault> {
    let mut previous = 0;
    read_all::<Transfer>(reader, "WHERE id = $1", &[Value::Int(transfer)], &mut |transfer| {
        if transfer.debit == account {
            previous = transfer.debit_prev;
        } else if transfer.credit == account {
            previous = transfer.credit_prev;
        }
        Ok(())
    })?;
    Ok(previous)
}

fn lines(reader: &mut dyn Reader, account: &AccountRow, start: i64, limit: usize) -> Result<Vec<StatementLine>, Fault> {
    let mut lines = Vec::new();
    if start == 0 || limit == 0 {
        return Ok(lines);
    }
    let sql = format!(
        "{CHAIN} SELECT {}, {}, o.code FROM chain c JOIN ledger_transfer t ON t.id = c.id \
         JOIN ledger_entry e ON e.id = t.entry \
         JOIN ledger_account o ON o.nr = CASE WHEN t.debit = $1 THEN t.credit ELSE t.debit END ORDER BY c.id DESC",
        prefixed("t", &TABLES.transfer.column_list()),
        prefixed("e", &TABLES.entry.column_list()),
    );
    let mut kinds: Vec<_> = TABLES.transfer.kinds().into_iter().chain(TABLES.entry.kinds()).collect();
    kinds.push(ColumnKind::Text);
    let params = [Value::Int(account.nr.stored()), Value::Int(start), Value::Int(limit as i64)];
    reader.query(&sql, &params, &kinds, &mut |values| {
        let mut row = RowReader::new(values);
        let (transfer, entry) = (Transfer::read(&mut row)?, Entry::read(&mut row)?);
        let (units, balance) = if transfer.debit == account.nr {
            (transfer.amount, transfer.debit_balance)
        } else {
            (-transfer.amount, transfer.credit_balance)
        };
        lines.push(StatementLine {
            transfer: transfer.id,
            entry: EntryId::from_number(entry.id),
            business_date: entry.business_date.into(),
            posted_at: entry.posted_at,
            template: entry.template.0.to_string(),
            reference: read_reference(&entry.reference.0),
            counter_account: row.text()?.to_owned(),
            phase: transfer.phase,
            amount: Money::from_units(units, account.currency),
            balance: Money::from_units(balance, account.currency),
        });
        Ok(())
    })?;
    Ok(lines)
}
