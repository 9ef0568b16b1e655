//! The terms that decide a schedule, as a product version freezes them.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_money::{Date, DayCount, Money, Rate, Rounding};

use crate::{LoanMathError, context::DIGITS_MAX};

/// The longest schedule: ten years of daily installments.
pub const INSTALLMENTS_MAX: u32 = 3_660;

/// Significant digits of rate factors where a product names none.
pub const PRECISION_DEFAULT: u32 = 12;

/// Everything that decides a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoanTerms {
    /// What is lent; above zero and in whole minor units.
    pub principal: Money,
    /// Nominal interest a year as a fraction: 0 to 1000 (100 000 %).
    pub annual_rate: Rate,
    /// How principal and interest spread over the installments.
    pub method: Method,
    /// Whether interest counts days or whole repayment periods.
    pub interest_period: InterestPeriod,
    /// How days become a part of a year.
    pub day_basis: DayBasis,
    /// The day the money is paid out; interest runs from here.
    pub start: Date,
    /// The distance between due dates.
    pub every: Every,
    /// How many installments, 1 to [`INSTALLMENTS_MAX`].
    pub installments: u32,
    /// Total installments are rounded to a multiple of this; applies to `EqualInstallments` and `Flat`, the last
    /// installment takes what is left.
    #[serde(default)]
    pub installment_multiple: Option<Money>,
    /// How amounts are rounded to the minor unit.
    pub rounding: Rounding,
    /// What happens when a month lacks the due day.
    pub month_end: MonthEnd,
    /// Another first due date than `start` plus one period; the later ones count from it.
    #[serde(default)]
    pub first_due: Option<Date>,
    /// Significant digits of rate factors, 8 to 28; they are rounded half-even.
    #[serde(default = "precision_default")]
    pub precision: u32,
}

/// How principal and interest spread over the installments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Annuity: the same total each time, interest on the declining balance.
    EqualInstallments,
    /// The same principal each time, interest on the declining balance.
    EqualPrincipal,
    /// Interest on the first principal for the whole term, both spread evenly.
    Flat,
    /// Interest each period on the whole principal, which is due with the last installment.
    Bullet,
}

/// What interest of a period is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterestPeriod {
    /// By its days under the day basis.
    Daily,
    /// By the period itself: a month is 1/12 of a year, a week 1/52, a day one day of the day basis' year.
    SameAsRepayment,
}

/// How days become a part of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DayBasis {
    /// Days of a month over days of a year. A whole period of `n` months counts `n` months whatever its calendar days;
    /// an actual year splits at 31 December: the 31st belongs to the old year, 1 January to the next.
    Calendar {
        /// What a month counts.
        days_in_month: DaysInMonth,
        /// What a year counts.
        days_in_year: DaysInYear,
    },
    /// A market convention applied from date to date.
    Convention(DayCount),
}

/// Days of a month in a [`DayBasis::Calendar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DaysInMonth {
    /// 30.
    #[serde(rename = "30")]
    Thirty,
    /// As in the calendar.
    #[serde(rename = "actual")]
    Actual,
}

/// Days of a year in a [`DayBasis::Calendar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DaysInYear {
    /// 360.
    #[serde(rename = "360")]
    D360,
    /// 364: 52 weeks.
    #[serde(rename = "364")]
    D364,
    /// 365, also in leap years.
    #[serde(rename = "365")]
    D365,
    /// 365, or 366 in leap years.
    #[serde(rename = "actual")]
    Actual,
}

/// A repayment frequency: every `n` units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// How many units, 1 to 1000.
    pub n: u32,
    /// The unit.
    pub unit: Unit,
}

/// The unit of a repayment frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A calendar day.
    Day,
    /// Seven days.
    Week,
    /// A calendar month.
    Month,
}

/// What happens when a month lacks the due day; the day returns as soon as a month has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MonthEnd {
    /// Due on the last day of the month: 31 January, 28 February, 31 March.
    Clamp,
    /// Due on the first day of the next month: 31 January, 1 March, 31 March, 1 May.
    Roll,
}

fn precision_default() -> u32 {
    PRECISION_DEFAULT
}

impl Every {
    /// Every `n` months.
    pub const fn months(n: u32) -> Every {
        Every { n, unit: Unit::Month }
    }

    /// Every `n` weeks.
    pub const fn weeks(n: u32) -> Every {
        Every { n, unit: Unit::Week }
    }

    /// Every `n` days.
    pub const fn days(n: u32) -> Every {
        Every { n, unit: Unit::Day }
    }
}

/// Reads `1 MONTHS`, `2 weeks`, `30 DAY`.
impl FromStr for Every {
    type Err = LoanMathError;

    fn from_str(text: &str) -> Result<Every, LoanMathError> {
        let refuse = || LoanMathError::invalid("every", "must be a number and DAYS, WEEKS or MONTHS", "\"1 MONTHS\"");
        let (number, unit) = text.trim().split_once(' ').ok_or_else(refuse)?;
        let unit = match unit.trim().to_ascii_uppercase().as_str() {
            "DAY" | "DAYS" => Unit::Day,
            "WEEK" | "WEEKS" => Unit::Week,
            "MONTH" | "MONTHS" => Unit::Month,
            _ => return Err(refuse()),
        };
        Ok(Every { n: number.parse().map_err(|_| refuse())?, unit })
    }
}

impl LoanTerms {
    /// Twelve equal monthly installments under 30/360, half-even, month ends clamped: a start to vary from.
    pub fn monthly(principal: Money, annual_rate: Rate, start: Date) -> LoanTerms {
        LoanTerms {
            principal,
            annual_rate,
            method: Method::EqualInstallments,
            interest_period: InterestPeriod::Daily,
            day_basis: DayBasis::Calendar { days_in_month: DaysInMonth::Thirty, days_in_year: DaysInYear::D360 },
            start,
            every: Every::months(1),
            installments: 12,
            installment_multiple: None,
            rounding: Rounding::HalfEven,
            month_end: MonthEnd::Clamp,
            first_due: None,
            precision: PRECISION_DEFAULT,
        }
    }

    /// Refuses terms no schedule can be built from. Errors: `Invalid` with the field, `Money` for mixed currencies.
    pub fn validate(&self) -> Result<(), LoanMathError> {
        let invalid = |field, rule, example| Err(LoanMathError::invalid(field, rule, example));
        if !self.principal.is_positive() || !self.principal.is_whole_minor() {
            return invalid("principal", "must be above zero and in whole minor units", "\"1000.00\"");
        }
        let rate = self.annual_rate.as_decimal();
        if self.annual_rate.is_negative() || rate > rust_decimal::Decimal::ONE_THOUSAND {
            return invalid("annual_rate", "must be a fraction from 0 to 1000 (0.12 is 12 %)", "\"0.12\"");
        }
        if self.installments == 0 || self.installments > INSTALLMENTS_MAX {
            return invalid("installments", "must be from 1 to 3660", "12");
        }
        if self.every.n == 0 || self.every.n > 1_000 {
            return invalid("every", "must repeat after 1 to 1000 units", "{\"n\":1,\"unit\":\"month\"}");
        }
        if !(8..=DIGITS_MAX).contains(&self.precision) {
            return invalid("precision", "must be from 8 to 28 significant digits", "12");
        }
        if self.first_due.is_some_and(|due| due <= self.start) {
            return invalid("first_due", "must be later than start", "\"2026-02-05\" for a start of \"2026-01-05\"");
        }
        let nothing = Money::zero(self.principal.currency());
        if let Some(multiple) = self.installment_multiple
            && (multiple.compare(nothing)?.is_le() || !multiple.is_whole_minor())
        {
            return invalid("installment_multiple", "must be above zero and in whole minor units", "\"1.00\"");
        }
        Ok(())
    }
}
