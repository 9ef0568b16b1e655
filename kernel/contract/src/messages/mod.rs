//! The messages, a file for each domain that owns or produces them.

mod accounting;
mod asset;
mod credit;
mod customer;
mod funds;
mod operations;
mod partner;
mod product;
mod risk;
mod transaction;

pub use accounting::*;
pub use asset::*;
pub use credit::*;
pub use customer::*;
pub use funds::*;
pub use operations::*;
pub use partner::*;
pub use product::*;
pub use risk::*;
pub use transaction::*;

pub(crate) fn infos() -> Vec<crate::MessageInfo> {
    let mut all = Vec::new();
    for (commands, events) in [
        (accounting::command_infos(), accounting::event_infos()),
        (asset::command_infos(), asset::event_infos()),
        (credit::command_infos(), credit::event_infos()),
        (customer::command_infos(), customer::event_infos()),
        (funds::command_infos(), funds::event_infos()),
        (operations::command_infos(), operations::event_infos()),
        (partner::command_infos(), partner::event_infos()),
        (product::command_infos(), product::event_infos()),
        (risk::command_infos(), risk::event_infos()),
        (transaction::command_infos(), transaction::event_infos()),
    ] {
        all.extend(commands);
        all.extend(events);
    }
    all
}

/// Declares a payload part or enum with the derives every payload needs.
macro_rules! part {
    ($(#[$m:meta])* struct $name:ident { $($(#[$fm:meta])* $f:ident: $t:ty,)* }) => {
        $(#[$m])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$fm])* pub $f: $t,)* }
    };
    ($(#[$m:meta])* enum $name:ident { $($(#[$vm:meta])* $v:ident,)* }) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vm])* $v,)* }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$v),*];

            /// The name of this value, as stored.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$v => stringify!($v)),* }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $(stringify!($v) => Some(Self::$v),)* _ => None }
            }
        }
    };
}
pub(crate) use part;
