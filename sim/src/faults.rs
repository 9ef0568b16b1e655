//! What goes wrong in a simulation, by name.

use std::str::FromStr;

use sycee_psp::{ChannelFaults, IdentityFaults};

/// Which faults a simulation has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Channels lose, double, delay, refuse and misstate; payers send other amounts than they are asked for, and meet the
    /// limits of their wallets. The identity provider doubts documents, and refuses some.
    pub channel: bool,
    /// The self-paying partner refuses orders; who pays there sends other amounts than asked for.
    pub partner: bool,
    /// Channels, partners and providers are away for minutes to hours.
    pub outages: bool,
    /// The process dies between commit and answer, and people ask again.
    pub crashes: bool,
    /// People press buttons twice, and the finance desk books a bank charge twice.
    pub duplicates: bool,
}

impl Faults {
    /// Names that `--faults` takes.
    pub const NAMES: &'static str = "none, usual, all, or a list of channel, partner, outages, crashes, duplicates";

    /// Everything goes wrong.
    pub const fn all() -> Self {
        Self { channel: true, partner: true, outages: true, crashes: true, duplicates: true }
    }

    /// What a real month has: channels and partners misbehave and are away, people press twice, nothing crashes.
    pub const fn usual() -> Self {
        Self { crashes: false, ..Self::all() }
    }

    pub(crate) const fn channel_rates(self) -> ChannelFaults {
        if self.channel {
            ChannelFaults::rough()
        } else {
            ChannelFaults {
                refused_per_mille: 0,
                failed_per_mille: 0,
                duplicate_per_mille: 0,
                late_per_mille: 0,
                lost_per_mille: 0,
                wrong_amount_per_mille: 0,
                late_seconds: 0,
            }
        }
    }

    pub(crate) fn identity_rates(self) -> IdentityFaults {
        if self.channel { IdentityFaults::rough() } else { IdentityFaults::default() }
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Self::default();
        for name in text.split(',').map(str::trim) {
            match name {
                "none" => {}
                "all" => faults = Self::all(),
                "usual" => faults = Self::usual(),
                "channel" => faults.channel = true,
                "partner" => faults.partner = true,
                "outages" => faults.outages = true,
                "crashes" => faults.crashes = true,
                "duplicates" => faults.duplicates = true,
                other => return Err(format!("{other:?} is no fault: use {}", Self::NAMES)),
            }
        }
        Ok(faults)
    }
}
