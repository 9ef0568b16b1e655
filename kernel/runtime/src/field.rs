//! How a field of an entity becomes columns and comes back.

use std::hash::Hash;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sycee_contract as contract;
use sycee_contract::{Date, Identifier as _, Sensitive, Timestamp};
use sycee_money::{Currency, Money, Rate};

use crate::Fault;
use crate::storage::{ColumnKind, ColumnSpec, Value};

/// Reads the values of one row from left to right.
pub struct RowReader<'a> {
    values: &'a [Value],
    at: usize,
}

impl<'a> RowReader<'a> {
    /// A reader of `values`.
    pub const fn new(values: &'a [Value]) -> Self {
        Self { values, at: 0 }
    }

    /// The next value.
    ///
    /// Errors: `Corrupt` when there is none left.
    pub fn take(&mut self) -> Result<&'a Value, Fault> {
        let value = self.values.get(self.at).ok_or_else(|| Fault::corrupt("a row has too few columns"))?;
        self.at += 1;
        Ok(value)
    }

    /// Whether the next `width` values are all NULL; skips them if so.
    fn skip_nulls(&mut self, width: usize) -> bool {
        let nulls = self.values[self.at..].iter().take(width).all(|value| *value == Value::Null);
        if nulls {
            self.at += width;
        }
        nulls
    }

    /// The next value as an integer.
    ///
    /// Errors: `Corrupt` when there is none left, or it is no integer.
    pub fn int(&mut self) -> Result<i64, Fault> {
        self.take()?.as_int().ok_or_else(|| Fault::corrupt("a column holds no integer where one must be"))
    }

    /// The next value as text.
    ///
    /// Errors: `Corrupt` when there is none left, or it is no text.
    pub fn text(&mut self) -> Result<&'a str, Fault> {
        self.take()?.as_text().ok_or_else(|| Fault::corrupt("a column holds no text where one must be"))
    }

    /// The next value as bytes.
    ///
    /// Errors: `Corrupt` when there is none left, or it is no bytes.
    pub fn blob(&mut self) -> Result<&'a [u8], Fault> {
        self.take()?.as_bytes().ok_or_else(|| Fault::corrupt("a column holds no bytes where they must be"))
    }
}

/// A type that an entity's field may have.
pub trait Field: Sized {
    /// Suffixes and kinds of its columns; an empty suffix is the field's own name.
    const COLUMNS: &'static [(&'static str, ColumnKind)];
    /// Whether its columns may be NULL.
    const NULLABLE: bool = false;
    /// Whether it is an amount of money.
    const MONEY: bool = false;
    /// Appends its values.
    fn write(&self, row: &mut Vec<Value>);
    /// Takes its values.
    ///
    /// Errors: `Corrupt` when a value is missing or of another kind.
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault>;
}

/// The columns of a field of type `F` called `name`.
pub fn columns_of<F: Field>(name: &str) -> Vec<ColumnSpec> {
    F::COLUMNS
        .iter()
        .map(|(suffix, kind)| ColumnSpec { name: format!("{name}{suffix}"), kind: *kind, nullable: F::NULLABLE })
        .collect()
}

macro_rules! int_fields {
    ($($type:ty),*) => {$(
        impl Field for $type {
            const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Int)];
            fn write(&self, row: &mut Vec<Value>) { row.push(Value::Int(i64::from(*self))); }
            fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
                <$type>::try_from(row.int()?).map_err(|_| Fault::corrupt("an integer column is out of range"))
            }
        }
    )*};
}
int_fields!(i64, i32, u32, u16, u8);

impl Field for bool {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Bool)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Int(i64::from(*self)));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        Ok(row.int()? != 0)
    }
}

impl Field for String {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Text)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::text(self));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        row.text().map(str::to_owned)
    }
}

impl Field for Vec<u8> {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Bytes)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::bytes(self));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        row.blob().map(<[u8]>::to_vec)
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Days from 1970-01-01 to `date`.
pub fn days_of(date: Date) -> i64 {
    i64::from((date - EPOCH).get_days())
}

/// The date `days` days after 1970-01-01; saturates at the ends of the calendar.
pub fn date_of(days: i64) -> Date {
    match jiff::Span::new().try_days(days) {
        Ok(span) => EPOCH.saturating_add(span),
        Err(_) if days < 0 => Date::MIN,
        Err(_) => Date::MAX,
    }
}

impl Field for Date {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Date)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Int(days_of(*self)));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        row.int().map(date_of)
    }
}

impl Field for Timestamp {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Timestamp)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Int(self.as_micros()));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        row.int().map(Self::from_micros)
    }
}

impl Field for Money {
    const COLUMNS: &'static [(&'static str, ColumnKind)] =
        &[("_units", ColumnKind::Int), ("_currency", ColumnKind::Text)];
    const MONEY: bool = true;
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Int(self.units()));
        row.push(Value::text(self.currency().code()));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        let units = row.int()?;
        Ok(Self::from_units(units, Currency::read(row)?))
    }
}

impl Field for Currency {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Text)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::text(self.code()));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        Self::from_code(row.text()?).map_err(|error| Fault::corrupt("a currency column").because(error))
    }
}

impl Field for Rate {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Text)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::text(&self.as_decimal().to_string()));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        Self::from_fraction_str(row.text()?).map_err(|error| Fault::corrupt("a rate column").because(error))
    }
}

impl Field for Sensitive {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("_sealed", ColumnKind::Text)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::text(&self.sealed()));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        row.text().map(Self::from_sealed)
    }
}

/// A blind index: an HMAC of a normalised value, for look-ups without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Blind(pub [u8; 16]);

impl Blind {
    /// The index as messages carry it: 32 hex digits.
    pub fn to_hex(self) -> String {
        self.0.iter().fold(String::with_capacity(32), |mut hex, byte| {
            let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
            hex.extend([digit(byte >> 4), digit(byte & 15)]);
            hex
        })
    }

    /// The index that a message carries; none when the text is not one.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Vec<u8> =
            text.chars().map(|it| it.to_digit(16).and_then(|it| u8::try_from(it).ok())).collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        bytes.try_into().ok().filter(|_| digits.len() == 32).map(Self)
    }
}

impl Field for Blind {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Bytes)];
    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::bytes(&self.0));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        row.blob()?.try_into().map(Self).map_err(|_| Fault::corrupt("a blind index is not 16 bytes"))
    }
}

/// A value stored as JSON.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize + DeserializeOwned> Field for Json<T> {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Json)];
    fn write(&self, row: &mut Vec<Value>) {
        // Serializing plain data to a string fails only for maps with non-text keys, which payloads don't have.
        row.push(serde_json::to_string(&self.0).map_or(Value::Null, |text| Value::Text(text.into())));
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        serde_json::from_str(row.text()?).map(Self).map_err(|error| Fault::corrupt("a JSON column").because(error))
    }
}

impl<F: Field> Field for Option<F> {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = F::COLUMNS;
    const NULLABLE: bool = true;
    const MONEY: bool = F::MONEY;
    fn write(&self, row: &mut Vec<Value>) {
        match self {
            Some(value) => value.write(row),
            None => row.extend(F::COLUMNS.iter().map(|_| Value::Null)),
        }
    }
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        if row.skip_nulls(F::COLUMNS.len()) { Ok(None) } else { F::read(row).map(Some) }
    }
}

/// What identifies an entity within its table.
pub trait Key: Clone + Eq + Ord + Hash + std::fmt::Debug + Send + Sync + 'static {
    /// Appends its values.
    fn write_key(&self, row: &mut Vec<Value>);
    /// The number that the key is or begins with, when it is one from the market's sequence.
    fn sequence_number(&self) -> Option<i64> {
        None
    }
}

macro_rules! field_keys {
    ($($type:ty),*) => {$(
        impl Key for $type {
            fn write_key(&self, row: &mut Vec<Value>) { self.write(row); }
        }
    )*};
}
field_keys!(i64, u32, String, Date, Blind, Currency);

impl<A: Key, B: Key> Key for (A, B) {
    fn write_key(&self, row: &mut Vec<Value>) {
        self.0.write_key(row);
        self.1.write_key(row);
    }
    fn sequence_number(&self) -> Option<i64> {
        self.0.sequence_number()
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn write_key(&self, row: &mut Vec<Value>) {
        self.0.write_key(row);
        self.1.write_key(row);
        self.2.write_key(row);
    }
    fn sequence_number(&self) -> Option<i64> {
        self.0.sequence_number()
    }
}

macro_rules! identifier_fields {
    ($($type:ident),* $(,)?) => {$(
        impl Field for contract::$type {
            const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Int)];
            fn write(&self, row: &mut Vec<Value>) { row.push(Value::Int(self.number())); }
            fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> { row.int().map(Self::from_number) }
        }

        impl Key for contract::$type {
            fn write_key(&self, row: &mut Vec<Value>) { self.write(row); }
            fn sequence_number(&self) -> Option<i64> { Some(self.number()) }
        }
    )*};
}
identifier_fields!(
    CustomerId,
    OtpChallengeId,
    SessionId,
    KycCaseId,
    DecisionId,
    CreditApplicationId,
    OfferId,
    LoanId,
    DocumentId,
    PartnerId,
    FundingContractId,
    FundAccountId,
    ArrivalId,
    ReservationId,
    RouteId,
    DisbursementOrderId,
    PaymentId,
    RepaymentOrderId,
    PostingId,
    EntryId,
    MandateId,
    NoticeId,
    WorkOrderId,
);

/// Stores an enum that has `name()` and `from_name()` as text.
#[macro_export]
macro_rules! enum_fields {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::Field for $type {
            const COLUMNS: &'static [(&'static str, $crate::storage::ColumnKind)] =
                &[("", $crate::storage::ColumnKind::Text)];
            fn write(&self, row: &mut Vec<$crate::storage::Value>) {
                row.push($crate::storage::Value::text(self.name()));
            }
            fn read(row: &mut $crate::RowReader<'_>) -> Result<Self, $crate::Fault> {
                let name = row.text()?;
                <$type>::from_name(name).ok_or_else(|| $crate::Fault::corrupt(format!(
                    "{name:?} is no {}", stringify!($type))))
            }
        }

        impl $crate::Key for $type {
            fn write_key(&self, row: &mut Vec<$crate::storage::Value>) { $crate::Field::write(self, row); }
        }
    )*};
}
enum_fields!(
    contract::OtpPurpose,
    contract::ConsentKind,
    contract::KycVerdict,
    contract::RiskPurpose,
    contract::RiskOutcome,
    contract::RepaymentMethod,
    contract::IntervalUnit,
    contract::DuePart,
    contract::SettlementInterest,
    contract::LoanStatus,
    contract::RepaymentKind,
    contract::RepaymentMethodKind,
    contract::RepaymentOrderStatus,
    contract::PaymentDirection,
    contract::ChannelOutcome,
);

/// Declares an enum that is stored as text.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        $vis enum $name { $($(#[$vmeta])* $variant),* }

        #[allow(dead_code, reason = "not every enum is listed or parsed by hand")]
        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name of this value, as stored.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),* }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $(stringify!($variant) => Some(Self::$variant),)* _ => None }
            }
        }

        $crate::enum_fields!($name);
    };
}
