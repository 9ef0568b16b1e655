//! Figures of a schedule under the names of the worked cases.

use serde_json::{Value, json};
use sycee_money::Money;

use crate::schedule::{Period, Schedule};

/// Decimals a rate factor is shown with.
const FACTOR_DECIMALS: usize = 12;

pub(super) fn periods(schedule: &Schedule) -> Value {
    let row = |period: &Period| {
        json!({
            "nr": period.nr,
            "from": period.from,
            "due_date": period.due_date,
            "emi": text(period.emi),
            "rate_factor": format!("{:.FACTOR_DECIMALS$}", period.rate_factor),
            "interest": text(period.interest),
            "principal": text(period.principal),
            "balance": text(period.balance),
        })
    };
    schedule.periods.iter().map(row).collect()
}

pub(super) fn plan_rows(schedule: &Schedule) -> Value {
    schedule.periods.iter().map(plan_row).collect()
}

pub(super) fn plan_total(schedule: &Schedule) -> Value {
    json!({ "interest": text(schedule.total_interest), "due": text(schedule.total_due) })
}

/// The payout and the installments, none of them paid. The payout row shows `paid` once the money is out and
/// `outstanding` before, as the cases do.
pub(super) fn servicing_rows(schedule: &Schedule, disbursed: bool) -> Value {
    let nothing = text(Money::zero(schedule.principal.currency()));
    let payout = json!({
        "nr": null,
        "days": null,
        "date": schedule.start,
        "paid_date": null,
        "balance": text(schedule.principal),
        "principal": null,
        "interest": null,
        "fees": nothing,
        "penalties": null,
        "due": nothing,
        "paid": disbursed.then_some(&nothing),
        "in_advance": null,
        "late": null,
        "outstanding": (!disbursed).then_some(&nothing),
    });
    let installments = schedule.periods.iter().map(|period| {
        let mut row = plan_row(period);
        row["paid_date"] = Value::Null;
        for unpaid in ["fees", "penalties", "paid", "in_advance", "late"] {
            row[unpaid] = json!(nothing);
        }
        row["outstanding"] = json!(text(period.emi));
        row
    });
    std::iter::once(payout).chain(installments).collect()
}

pub(super) fn servicing_total(schedule: &Schedule) -> Value {
    let nothing = text(Money::zero(schedule.principal.currency()));
    json!({
        "principal": text(schedule.principal),
        "interest": text(schedule.total_interest),
        "fees": nothing,
        "penalties": nothing,
        "due": text(schedule.total_due),
        "paid": nothing,
        "in_advance": nothing,
        "late": nothing,
        "outstanding": text(schedule.total_due),
    })
}

fn plan_row(period: &Period) -> Value {
    json!({
        "nr": period.nr.to_string(),
        "days": period.days.to_string(),
        "date": period.due_date,
        "balance": text(period.balance),
        "principal": text(period.principal),
        "interest": text(period.interest),
        "due": text(period.emi),
    })
}

fn text(amount: Money) -> String {
    amount.to_decimal_string()
}
