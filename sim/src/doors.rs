//! One-time passwords: how people register, log in again, and sign.

use sycee_contract::{
    Actor, ConfirmSignature, Device, LoanId, LogIn, OtpChallengeId, OtpPurpose, RequestOtp, Sensitive, SessionOpened,
    SignLoanContract, SignedText,
};

use crate::agenda::Act;
use crate::person::guest;
use crate::world::{SimError, World};

/// Seconds until a person has read a password; the gateway delivers within a window of the world's clock.
const READ_SECONDS: i64 = 121;
/// Seconds after which somebody who asked too often tries again: a little longer than the window of passwords.
const PATIENCE_SECONDS: i64 = 16 * 60;

impl World {
    pub(crate) fn ask_to_register(&mut self, nr: usize) -> Result<(), SimError> {
        if let Some(challenge) = self.request_otp(nr, OtpPurpose::Register, None)? {
            self.plan_in(READ_SECONDS, nr, Act::Register { challenge });
        }
        Ok(())
    }

    /// The session is over: logs in before going on with `then`.
    pub(crate) fn ask_to_log_in(&mut self, nr: usize, then: Act) -> Result<(), SimError> {
        self.people[nr].actor = guest(nr);
        match self.request_otp(nr, OtpPurpose::Login, None)? {
            Some(challenge) => self.plan_in(READ_SECONDS, nr, Act::LogIn { challenge, then: Box::new(then) }),
            None => self.plan_in(PATIENCE_SECONDS, nr, then),
        }
        Ok(())
    }

    pub(crate) fn log_in(&mut self, nr: usize, challenge: OtpChallengeId, then: Act) -> Result<(), SimError> {
        let Some(code) = self.outside.sms.take_code(&challenge.to_string()) else { return Ok(()) };
        let phone = Sensitive::new(&self.people[nr].phone);
        let device = self.device(nr);
        let done = self.ask(nr, LogIn { phone, challenge, code: Sensitive::new(code), device })?;
        match done.answer::<LogIn>() {
            Ok(opened) => {
                self.logged_in(nr, &opened);
                self.act(nr, then)
            }
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn logged_in(&mut self, nr: usize, opened: &SessionOpened) {
        self.people[nr].actor = Actor::of_customer(opened.customer);
        self.people[nr].session_until = opened.expires_at;
    }

    pub(crate) fn ask_to_sign(&mut self, nr: usize, loan: LoanId, hash: String) -> Result<(), SimError> {
        let signs = SignedText { loan, document_hash: hash.clone() };
        match self.request_otp(nr, OtpPurpose::Sign, Some(signs))? {
            Some(challenge) => self.plan_in(READ_SECONDS, nr, Act::SignContract { loan, hash, challenge }),
            None => self.plan_in(PATIENCE_SECONDS, nr, Act::AskToSign { loan, hash }),
        }
        Ok(())
    }

    pub(crate) fn sign(
        &mut self,
        nr: usize,
        loan: LoanId,
        hash: String,
        challenge: OtpChallengeId,
    ) -> Result<(), SimError> {
        let customer = self.customer(nr)?;
        let Some(code) = self.outside.sms.take_code(&challenge.to_string()) else { return Ok(()) };
        let signs = SignedText { loan, document_hash: hash.clone() };
        let device_id = self.device(nr).device_id;
        let code = Sensitive::new(code);
        self.ask(nr, ConfirmSignature { customer, challenge, code, signs, device_id })?;
        let sign = SignLoanContract { loan, customer, document_hash: hash, challenge: Some(challenge) };
        let done = self.ask(nr, sign)?;
        self.funnel.signed += u64::from(done.outcome.is_ok());
        Ok(())
    }

    fn request_otp(
        &mut self,
        nr: usize,
        purpose: OtpPurpose,
        signs: Option<SignedText>,
    ) -> Result<Option<OtpChallengeId>, SimError> {
        let phone = Sensitive::new(&self.people[nr].phone);
        let done = self.ask(nr, RequestOtp { phone, purpose, signs })?;
        Ok(done.answer::<RequestOtp>().ok().map(|issued| issued.challenge))
    }

    pub(crate) fn device(&self, nr: usize) -> Device {
        Device {
            device_id: format!("device-{nr}"),
            platform: "android-14".to_owned(),
            channel: self.people[nr].source.to_owned(),
        }
    }
}
