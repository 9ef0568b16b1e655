//! Customer domain: registration, KYC, consents, golden record.

use std::collections::BTreeMap;

use crate::message::{commands, events};
use crate::messages::part;
use crate::{CustomerId, Date, KycCaseId, LoanId, OtpChallengeId, Sensitive, SessionId, Timestamp};

part! { /// What a one-time password is for.
enum OtpPurpose { /// A new customer registers.
    Register, /// A customer logs in.
    Login, /// A customer signs a contract.
    Sign, } }

part! { /// The device and channel an app was installed from.
struct Device { /// Device fingerprint.
    device_id: String, /// Operating system and version.
    platform: String, /// Attribution channel of the installation, such as `organic` or `radio-accra`.
    channel: String, } }

part! { /// Who employs the customer, and since when.
struct Employment { /// Employer or trade.
    employer: Sensitive, /// Job class, such as `skilled-employee`.
    job: String, /// First day in this employment, if known.
    since: Option<Date>, } }

part! { /// Where the customer lives.
struct Address { /// Street, house, digital address.
    line: Sensitive, /// Town or city.
    city: String, /// Country, ISO 3166 alpha-2.
    country: String, } }

part! { /// Somebody to call when the customer cannot be reached.
struct EmergencyContact { /// Name.
    name: Sensitive, /// Phone, E.164.
    phone: Sensitive, /// Relation, such as `sister`.
    relation: String, } }

part! { /// What a customer may consent to.
enum ConsentKind { /// Query the credit bureau.
    Bureau, /// Read the position once.
    Gps, /// Read the phone book.
    Contacts, /// Process personal data under the privacy notice.
    Privacy, /// Receive marketing.
    Marketing, } }

part! { /// Result of an identity check.
enum KycVerdict { /// The person is who the document says.
    Passed, /// The person is not, or the document is not valid.
    Failed, /// People have to look.
    Review, } }

part! { /// What request-otp answers.
struct OtpIssued { /// The challenge to answer.
    challenge: OtpChallengeId, /// When its code stops working.
    expires_at: Timestamp, } }

part! { /// Which details of a customer are on file, without what names a person. Absent is unchanged.
struct KnownDetails { /// Job class.
    job: Option<String>, /// First day in the employment.
    employed_since: Option<Date>, /// Town or city.
    city: Option<String>, /// Country, ISO 3166 alpha-2.
    country: Option<String>, /// How many emergency contacts.
    emergency_contacts: Option<u32>, } }

part! { /// A contract as its signer saw it: what a one-time password for a signature is bound to.
struct SignedText { /// The loan.
    loan: LoanId, /// Hash of the text.
    document_hash: String, } }

part! { /// A customer is logged in until then, on the device that asked.
struct SessionOpened { /// The customer.
    customer: CustomerId, /// The session.
    session: SessionId, /// It ends at this instant, if nothing ends it before.
    expires_at: Timestamp, } }

part! { /// That a customer answered the one-time password for a signature.
struct SignatureProof { /// When.
    confirmed_at: Timestamp, /// On which device.
    device_id: String, } }

part! { /// What submit-kyc answers.
struct KycSubmittedAnswer { /// The case that was opened.
    case: KycCaseId, } }

part! { /// Whose KYC case it is, and how far.
struct KycCaseFigures { /// The customer.
    customer: CustomerId, /// The verdict, when there is one; `review` while people have to look.
    verdict: Option<KycVerdict>, } }

commands! {
    /// Sends a one-time password to a phone: valid 5 minutes, at most 3 per 15 minutes, phone and purpose.
    "request-otp" RequestOtp -> OtpIssued {
        owner: "customer-center", nature: Request, open_to: anyone, errors: ["OTP_RATE_LIMITED"],
        undo: none "a password that nobody uses expires",
    } fields {
        /// Phone, E.164.
        phone: Sensitive,
        /// What the password is for.
        purpose: OtpPurpose,
        /// The contract to sign, for purpose `sign` and no other.
        signs: Option<SignedText>,
    }

    /// Logs a customer in whose phone answered a one-time password.
    "log-in" LogIn -> SessionOpened {
        owner: "customer-center", nature: Request, open_to: anyone,
        errors: ["OTP_EXPIRED", "OTP_MISMATCH", "OTP_ATTEMPTS_EXCEEDED", "OTP_ANSWERS_EXCEEDED", "PHONE_NOT_REGISTERED", "BLACKLISTED"],
        undo: by "log-out",
    } fields {
        /// Phone, E.164.
        phone: Sensitive,
        /// The challenge that request-otp answered.
        challenge: OtpChallengeId,
        /// The code the phone received.
        code: Sensitive,
        /// The device, and the channel its app was installed from.
        device: Device,
    }

    /// Ends a session. One that has ended already stays ended.
    "log-out" LogOut -> () {
        owner: "customer-center", nature: Request, open_to: customer,
        undo: by "log-in",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The session.
        session: SessionId,
    }

    /// Asks whether a session is a customer's and has not ended: what the front door knows a customer by.
    "check-session" CheckSession -> bool {
        owner: "customer-center", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The session.
        session: SessionId,
    }

    /// Answers the one-time password that was sent for signing a contract.
    "confirm-signature" ConfirmSignature -> () {
        owner: "customer-center", nature: Request, open_to: customer,
        errors: ["OTP_EXPIRED", "OTP_MISMATCH", "OTP_ATTEMPTS_EXCEEDED", "OTP_ANSWERS_EXCEEDED"],
        undo: none "a proof that nobody signs with expires",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The challenge that request-otp answered.
        challenge: OtpChallengeId,
        /// The code the phone received.
        code: Sensitive,
        /// The contract that is signed.
        signs: SignedText,
        /// Device fingerprint.
        device_id: String,
    }

    /// Asks for the proof that a customer confirmed the signature of exactly this contract; none once the code expired.
    "check-signature" CheckSignature -> Option<SignatureProof> {
        owner: "customer-center", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The challenge that was answered.
        challenge: OtpChallengeId,
        /// The contract that is signed.
        signs: SignedText,
    }

    /// Registers a customer whose phone answered a one-time password, and logs him in.
    "register-customer" RegisterCustomer -> SessionOpened {
        owner: "customer-center", nature: Request, open_to: anyone,
        errors: ["OTP_EXPIRED", "OTP_MISMATCH", "OTP_ATTEMPTS_EXCEEDED", "OTP_ANSWERS_EXCEEDED", "PHONE_ALREADY_REGISTERED", "BLACKLISTED"],
        undo: none "a customer without an agreement costs nothing; erasing the person is an operation of its own",
    } fields {
        /// Phone, E.164.
        phone: Sensitive,
        /// The challenge that request-otp answered.
        challenge: OtpChallengeId,
        /// The code the phone received.
        code: Sensitive,
        /// Device and channel of the installation.
        device: Device,
        /// Preferred language, BCP 47.
        language: String,
    }

    /// Records employment, address, emergency contacts and declared attributes of a customer.
    "update-customer-details" UpdateCustomerDetails -> () {
        owner: "customer-center", nature: Request, open_to: customer,
        undo: none "the next update replaces them",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// Employment, if it changes.
        employment: Option<Employment>,
        /// Address, if it changes.
        address: Option<Address>,
        /// Emergency contacts, if they change: the whole list, which may be empty.
        emergency_contacts: Option<Vec<EmergencyContact>>,
        /// Declared attributes that features are made of, such as `housing` = `own`.
        attributes: BTreeMap<String, String>,
    }

    /// Hands in an identity document and a selfie: opens a KYC case and asks the provider to check it.
    "submit-kyc" SubmitKyc -> KycSubmittedAnswer {
        owner: "kyc-service", nature: Request, open_to: customer, errors: ["KYC_ALREADY_PASSED", "DOCUMENT_ALREADY_USED", "KYC_SUBMISSIONS_EXCEEDED"],
        undo: none "another document replaces the one before",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// Kind of document, such as `ghana-card`.
        document_type: String,
        /// Number on the document.
        document_number: Sensitive,
        /// Full name on the document.
        full_name: Sensitive,
        /// Date of birth, ISO 8601.
        birth_date: Sensitive,
        /// Object key of the document's image.
        document_image: String,
        /// Object key of the liveness video.
        liveness_video: String,
    }

    /// The KYC provider's answer for a case.
    "record-kyc-result" RecordKycResult -> () {
        owner: "kyc-service", nature: Fact,
        undo: none "a provider's answer is a fact; a doubtful one is decided by people",
    } fields {
        /// The case.
        case: KycCaseId,
        /// OCR confidence in basis points, 0 to 10000.
        ocr_confidence_bps: u32,
        /// Liveness score in basis points, 0 to 10000.
        liveness_score_bps: u32,
        /// Whether name and number agree with the register.
        register_match: bool,
        /// The provider's reference.
        provider_reference: String,
    }

    /// A person decides a KYC case that the provider's answer left open.
    "decide-kyc-review" DecideKycReview -> () {
        owner: "customer-center", nature: Request,
        undo: none "a customer who was refused hands in another document; one who was passed is put on the blacklist",
    } fields {
        /// The case.
        case: KycCaseId,
        /// `passed` or `failed`.
        verdict: KycVerdict,
        /// Why, as a stable code.
        reason: String,
    }

    /// Tells whose case it is and how far.
    "query-kyc-case" QueryKycCase -> KycCaseFigures {
        owner: "kyc-service", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// The case.
        case: KycCaseId,
    }

    /// Grants consents under a version of the privacy notice.
    "grant-consent" GrantConsent -> () {
        owner: "authorization-center", nature: Request, open_to: customer, errors: ["KYC_NOT_COMPLETED"],
        undo: by "revoke-consent",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// What is consented to.
        kinds: Vec<ConsentKind>,
        /// Version of the notice the customer saw.
        notice_version: String,
    }

    /// Withdraws consents.
    "revoke-consent" RevokeConsent -> () {
        owner: "authorization-center", nature: Request, open_to: customer,
        undo: by "grant-consent",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// What is withdrawn.
        kinds: Vec<ConsentKind>,
    }
}

events! {
    /// A customer exists, with a verified phone.
    "customer-registered" CustomerRegistered { producers: ["customer-center"] } fields {
        /// The customer.
        customer: CustomerId,
        /// Market id, such as `gh`.
        market: String,
        /// Attribution channel of the installation.
        channel: String,
        /// Device fingerprint.
        device_id: String,
        /// Operating system and version of the device.
        platform: String,
        /// Blind index of the phone, hex: what lists of phones are compared with.
        phone_index: String,
        /// Preferred language, BCP 47.
        language: String,
    }

    /// A customer logged in.
    "customer-logged-in" CustomerLoggedIn { producers: ["customer-center"] } fields {
        /// The customer.
        customer: CustomerId,
        /// The session.
        session: SessionId,
        /// Device fingerprint.
        device_id: String,
        /// Operating system and version of the device.
        platform: String,
        /// Channel the app was installed from.
        channel: String,
        /// The session ends at this instant, if nothing ends it before.
        expires_at: Timestamp,
    }

    /// A customer's details changed; carries the attributes features are made of.
    "customer-details-updated" CustomerDetailsUpdated { producers: ["customer-center"] } fields {
        /// The customer.
        customer: CustomerId,
        /// The declared attributes after the change.
        attributes: BTreeMap<String, String>,
        /// What else changed, without what names a person.
        known: KnownDetails,
    }

    /// A KYC case waits for the provider.
    "kyc-submitted" KycSubmitted { producers: ["kyc-service"] } fields {
        /// The customer.
        customer: CustomerId,
        /// The case.
        case: KycCaseId,
        /// Kind of document, such as `ghana-card`.
        document_type: String,
        /// Blind index of the document's number, hex: what lists of documents are compared with.
        document_index: String,
    }

    /// A KYC case has its verdict.
    "kyc-completed" KycCompleted { producers: ["customer-center", "kyc-service"] } fields {
        /// The customer.
        customer: CustomerId,
        /// The case.
        case: KycCaseId,
        /// Verdict.
        verdict: KycVerdict,
        /// Why, as stable codes.
        reasons: Vec<String>,
    }

    /// Consents were granted; says whether all required ones are there.
    "consent-granted" ConsentGranted { producers: ["authorization-center"] } fields {
        /// The customer.
        customer: CustomerId,
        /// What was granted just now.
        kinds: Vec<ConsentKind>,
        /// Whether every consent that borrowing requires is in force.
        complete: bool,
        /// Verdict of the customer's KYC.
        kyc_verdict: Option<KycVerdict>,
        /// Version of the notice.
        notice_version: String,
    }

    /// Consents were withdrawn.
    "consent-revoked" ConsentRevoked { producers: ["authorization-center"] } fields {
        /// The customer.
        customer: CustomerId,
        /// What was withdrawn.
        kinds: Vec<ConsentKind>,
        /// Whether every consent that borrowing requires is still in force.
        complete: bool,
    }

    /// A customer's segment changed: fresh, returning, reliable, loyal, attention.
    "customer-segment-changed" CustomerSegmentChanged { producers: ["customer-profile"] } fields {
        /// The customer.
        customer: CustomerId,
        /// Segment before.
        from: String,
        /// Segment after.
        to: String,
    }

    /// The golden record of a customer changed stage: registered, admitted, refused, borrower, settled.
    "customer-stage-changed" CustomerStageChanged { producers: ["customer-master"] } fields {
        /// The customer.
        customer: CustomerId,
        /// Stage before.
        from: String,
        /// Stage after.
        to: String,
    }
}
