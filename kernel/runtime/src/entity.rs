//! Entities: what a service keeps, described once.

use std::fmt::Debug;

use sycee_contract::CustomerId;

use crate::storage::{Reader, TableSpec, Value};
use crate::{Fault, Key, RowReader};

/// A thing a service keeps in a table of its own.
pub trait Entity: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// What identifies it.
    type Key: Key;
    /// Its type's name, for messages.
    const NAME: &'static str;
    /// Its table.
    const TABLE: &'static str;
    /// The service that may touch it.
    const OWNER: &'static str;
    /// Number of indexes besides the key.
    const INDEXES: usize;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// Its table's description.
    fn spec() -> TableSpec;
    /// Appends its values, in the order of the table's columns.
    fn write(&self, row: &mut Vec<Value>);
    /// Takes its values.
    ///
    /// Errors: `Corrupt` when a value is missing or of another kind.
    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault>;
    /// The values of one of its indexes.
    fn index_values(&self, index: usize) -> Vec<Value>;
    /// Whose key seals its personal data.
    fn subject(&self) -> Option<CustomerId>;
}

/// Reads committed entities one by one: `rest` is what follows `SELECT … FROM …`. For tables that hold nothing sealed.
///
/// Errors: `Outage` when the database does not answer, `Corrupt` when a row is not whole; what `each` answers.
pub fn read_all<E: Entity>(
    reader: &mut dyn Reader,
    rest: &str,
    params: &[Value],
    each: &mut dyn FnMut(E) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let spec = E::spec();
    let sql = format!("SELECT {} FROM {} {rest}", spec.column_list(), spec.name);
    reader.query(&sql, params, &spec.kinds(), &mut |values| each(E::read(&mut RowReader::new(values))?))
}

/// A look-up by a declared index, ordered by key.
#[derive(Clone, Debug)]
pub struct Find<E: Entity> {
    pub(crate) index: usize,
    pub(crate) values: Vec<Value>,
    pub(crate) after: Option<E::Key>,
    pub(crate) limit: usize,
}

impl<E: Entity> Find<E> {
    /// How many a look-up gives when nobody says otherwise.
    pub const DEFAULT_LIMIT: usize = 100;

    /// A look-up by the index at position `index`.
    pub const fn by(index: usize, values: Vec<Value>) -> Self {
        Self { index, values, after: None, limit: Self::DEFAULT_LIMIT }
    }

    /// Only those whose key is greater than `key`.
    #[must_use]
    pub fn after(mut self, key: impl Into<Option<E::Key>>) -> Self {
        self.after = key.into();
        self
    }

    /// At most `limit`.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// Declares an entity: its fields, table, owner, key and indexes. See the crate documentation for the form.
#[macro_export]
macro_rules! entity {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $table:literal of $owner:literal key ($($kfield:ident),+): ($($ktype:ty),+) {
            $($(#[$fmeta:meta])* $field:ident: $ftype:ty),* $(,)?
        }
        $($tail:tt)*
    ) => {
        $crate::entity!(@struct [$(#[$meta])*] $vis $name [$($(#[$fmeta])* $field: $ftype),*]);
        $crate::entity!(@impl $name $table $owner [($($ktype),+)] [$($kfield),+] {|it| ($(it.$kfield.clone()),+)}
            [$($field: $ftype),*] [$($tail)*]);
        $crate::entity!(@finders $name 0usize; $($tail)*);
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $table:literal of $owner:literal key $kfield:ident: $ktype:ty {
            $($(#[$fmeta:meta])* $field:ident: $ftype:ty),* $(,)?
        }
        $($tail:tt)*
    ) => {
        $crate::entity!(@struct [$(#[$meta])*] $vis $name [$($(#[$fmeta])* $field: $ftype),*]);
        $crate::entity!(@impl $name $table $owner [$ktype] [$kfield] {|it| it.$kfield.clone()}
            [$($field: $ftype),*] [$($tail)*]);
        $crate::entity!(@finders $name 0usize; $($tail)*);
    };
    (@struct [$(#[$meta:meta])*] $vis:vis $name:ident [$($(#[$fmeta:meta])* $field:ident: $ftype:ty),*]) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name { $($(#[$fmeta])* pub $field: $ftype),* }
    };
    (@impl $name:ident $table:literal $owner:literal [$ktype:ty] [$($kfield:ident),+] {|$it:ident| $key:expr}
        [$($field:ident: $ftype:ty),*] [$($tail:tt)*]) => {
        impl $crate::Entity for $name {
            type Key = $ktype;
            const NAME: &'static str = stringify!($name);
            const TABLE: &'static str = $table;
            const OWNER: &'static str = $owner;
            const INDEXES: usize = $crate::entity!(@count $($tail)*);

            #[allow(clippy::clone_on_copy, clippy::redundant_clone, reason = "keys may or may not be Copy")]
            fn key(&self) -> $ktype { let $it = self; $key }

            fn spec() -> $crate::storage::TableSpec {
                let mut spec = $crate::TableBuilder::new($table);
                $(spec.field::<$ftype>(stringify!($field));)*
                $(spec.key(stringify!($kfield));)+
                $crate::entity!(@specs spec; $($tail)*);
                spec.build()
            }

            fn write(&self, row: &mut Vec<$crate::storage::Value>) { $($crate::Field::write(&self.$field, row);)* }

            fn read(row: &mut $crate::RowReader<'_>) -> Result<Self, $crate::Fault> {
                Ok(Self { $($field: $crate::Field::read(row)?),* })
            }

            #[allow(unused_variables, unused_mut, reason = "an entity may have no index")]
            fn index_values(&self, index: usize) -> Vec<$crate::storage::Value> {
                let mut values = Vec::new();
                $crate::entity!(@values self index values 0usize; $($tail)*);
                values
            }

            fn subject(&self) -> Option<$crate::contract::CustomerId> { $crate::entity!(@subject self; $($tail)*) }
        }
    };
    (@count) => { 0 };
    (@count index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => { 1 + $crate::entity!(@count $($tail)*) };
    (@count unique index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => { 1 + $crate::entity!(@count $($tail)*) };
    (@count subject $s:ident; $($tail:tt)*) => { $crate::entity!(@count $($tail)*) };
    (@specs $spec:ident;) => {};
    (@specs $spec:ident; index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => {
        $spec.index(stringify!($i), &[$(stringify!($f)),*], false);
        $crate::entity!(@specs $spec; $($tail)*);
    };
    (@specs $spec:ident; unique index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => {
        $spec.index(stringify!($i), &[$(stringify!($f)),*], true);
        $crate::entity!(@specs $spec; $($tail)*);
    };
    (@specs $spec:ident; subject $s:ident; $($tail:tt)*) => { $crate::entity!(@specs $spec; $($tail)*); };
    (@values $self:ident $index:ident $values:ident $at:expr;) => {};
    (@values $self:ident $index:ident $values:ident $at:expr; index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => {
        if $index == $at { $($crate::Field::write(&$self.$f, &mut $values);)* }
        $crate::entity!(@values $self $index $values $at + 1; $($tail)*);
    };
    (@values $self:ident $index:ident $values:ident $at:expr; unique index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => {
        if $index == $at { $($crate::Field::write(&$self.$f, &mut $values);)* }
        $crate::entity!(@values $self $index $values $at + 1; $($tail)*);
    };
    (@values $self:ident $index:ident $values:ident $at:expr; subject $s:ident; $($tail:tt)*) => {
        $crate::entity!(@values $self $index $values $at; $($tail)*);
    };
    (@subject $self:ident;) => { None };
    (@subject $self:ident; subject $s:ident; $($tail:tt)*) => { Option::from($self.$s) };
    (@subject $self:ident; index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => { $crate::entity!(@subject $self; $($tail)*) };
    (@subject $self:ident; unique index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => { $crate::entity!(@subject $self; $($tail)*) };
    (@finders $name:ident $at:expr;) => {};
    (@finders $name:ident $at:expr; index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => {
        $crate::entity!(@finder $name $at; $i($($f: $t),*));
        $crate::entity!(@finders $name $at + 1; $($tail)*);
    };
    (@finders $name:ident $at:expr; unique index $i:ident($($f:ident: $t:ty),*); $($tail:tt)*) => {
        $crate::entity!(@finder $name $at; $i($($f: $t),*));
        $crate::entity!(@finders $name $at + 1; $($tail)*);
    };
    (@finders $name:ident $at:expr; subject $s:ident; $($tail:tt)*) => {
        $crate::entity!(@finders $name $at; $($tail)*);
    };
    (@finder $name:ident $at:expr; $i:ident($($f:ident: $t:ty),*)) => {
        impl $name {
            /// A look-up by this index, ordered by key.
            pub fn $i($($f: $t),*) -> $crate::Find<Self> {
                let mut values = Vec::new();
                $($crate::Field::write(&$f, &mut values);)*
                $crate::Find::by($at, values)
            }
        }
    };
}
