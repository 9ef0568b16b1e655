//! An SMS gateway that keeps what it sent, so that simulated people can read their phones.

use std::collections::BTreeMap;

use sycee_contract::SendOtp;

/// Keeps the last code of each challenge until it is read.
#[derive(Default)]
pub struct SimulatedSmsGateway {
    codes: BTreeMap<String, (String, String)>,
    sent: u64,
}

impl SimulatedSmsGateway {
    /// An empty gateway.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a message; the same challenge replaces its code.
    pub fn submit(&mut self, effect: &SendOtp) {
        self.sent += 1;
        self.codes
            .insert(effect.challenge.clone(), (effect.phone.reveal().to_owned(), effect.code.reveal().to_owned()));
    }

    /// The code of a challenge (its text, such as `otp-17`), left in place.
    pub fn code(&self, challenge: &str) -> Option<&str> {
        self.codes.get(challenge).map(|(_, code)| code.as_str())
    }

    /// The code of a challenge, forgotten after this.
    pub fn take_code(&mut self, challenge: &str) -> Option<String> {
        self.codes.remove(challenge).map(|(_, code)| code)
    }

    /// The phone a challenge went to.
    pub fn phone(&self, challenge: &str) -> Option<&str> {
        self.codes.get(challenge).map(|(phone, _)| phone.as_str())
    }

    /// How many messages were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }
}
