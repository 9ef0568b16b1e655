//! The golden record and the profile, as other domains' events move them.

use sycee_contract::{
    Address, BlacklistEntryAdded, BlacklistEntryRemoved, ConsentKind, CreditApplicationId, CreditLimitChanged,
    CreditLineApproved, CreditLineFigures, CreditLineFrozen, CustomerId, CustomerSegmentChanged, CustomerStageChanged,
    Date, DecisionId, DisbursementSucceeded, EmergencyContact, Employment, EntryId, FundAccountId, GrantConsent,
    Identifier as _, LoanId, PartnerId, PostingId, PostingParts, QueryProductOffer, Rejection, RepaymentKind,
    RepaymentSucceeded, ReservationId, RevokeConsent, RiskDecisionMade, RiskOutcome, RiskPurpose, RiskSubject,
    Sensitive, Timestamp, UpdateCustomerDetails,
};
use sycee_customer::customer_master::{CustomerMaster, CustomerStage, IdentityStatus};
use sycee_customer::customer_profile::{CustomerProfile, CustomerTag, Segment};
use sycee_money::{Currency, Money, Rate};
use sycee_runtime::Registry;
use sycee_runtime::testing::Scene;

use crate::support::*;

fn decision(customer: CustomerId, purpose: RiskPurpose, outcome: RiskOutcome) -> RiskDecisionMade {
    RiskDecisionMade {
        decision: DecisionId::from_number(70),
        purpose,
        subject: RiskSubject { customer, application: None, loan: None },
        outcome,
        score: None,
        tier: "low".to_owned(),
        reasons: Vec::new(),
        limit: None,
        rate_surcharge: Rate::from_bps(0),
        excluded_products: Vec::new(),
        valid_until: Timestamp::default(),
        strategy: "test@1".to_owned(),
        inputs_hash: String::new(),
    }
}

fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

fn disbursed(customer: CustomerId, loan: i64) -> DisbursementSucceeded {
    DisbursementSucceeded {
        loan: LoanId::from_number(loan),
        customer,
        principal: ghs("500"),
        net_proceeds: ghs("490"),
        funder: PartnerId::from_number(50),
        fund_account: FundAccountId::from_number(51),
        reservation: ReservationId::from_number(52),
        payment: None,
        entry: EntryId::from_number(53),
        annual_rate: Rate::from_bps(2_400),
        disbursed_on: Date::constant(2026, 1, 5),
        first_due: Date::constant(2026, 2, 5),
    }
}

fn repaid(customer: CustomerId, loan: i64, settled: bool, worst_days_past_due: u32) -> RepaymentSucceeded {
    let zero = ghs("0");
    RepaymentSucceeded {
        posting: PostingId::from_number(54),
        loan: LoanId::from_number(loan),
        customer,
        funder: PartnerId::from_number(50),
        fund_account: FundAccountId::from_number(51),
        order: None,
        kind: RepaymentKind::Normal,
        amount: ghs("100"),
        parts: PostingParts {
            principal: ghs("100"),
            interest: zero,
            interest_advance: zero,
            fee: zero,
            penalty: zero,
            fee_refund: zero,
            interest_waived: zero,
            interest_refund: zero,
            surplus: zero,
            as_of: None,
        },
        principal_outstanding: if settled { zero } else { ghs("400") },
        settled,
        worst_days_past_due,
    }
}

fn stage(scene: &mut Scene, customer: CustomerId) -> CustomerStage {
    scene.load::<CustomerMaster>(customer).unwrap().stage
}

#[test]
fn admission_shows_products_once() {
    each(|scene| {
        let id = identified(scene, PHONE, DOCUMENT, 9_900, 9_900);
        let opened = scene.load::<CustomerMaster>(id).unwrap();
        assert_eq!((opened.stage, opened.identity), (CustomerStage::Registered, IdentityStatus::Passed));
        for purpose in [RiskPurpose::Credit, RiskPurpose::Distribution, RiskPurpose::Drawdown] {
            scene.happened(decision(id, purpose, RiskOutcome::Approve));
            assert_eq!(stage(scene, id), CustomerStage::Registered, "{purpose:?} concerns others");
        }
        scene.happened(decision(id, RiskPurpose::Admission, RiskOutcome::Approve));
        let told = scene.emitted::<CustomerStageChanged>();
        assert_eq!((told[0].from.as_str(), told[0].to.as_str()), ("registered", "admitted"));
        let preview = scene.sent::<QueryProductOffer>();
        assert_eq!(preview, [QueryProductOffer { customer: id, preview: true, detail: None }]);
        assert_eq!(scene.load::<CustomerProfile>(id).unwrap().stage, "admitted");

        scene.happened(decision(id, RiskPurpose::Admission, RiskOutcome::Approve));
        assert!(scene.emitted::<CustomerStageChanged>().is_empty());
        assert!(scene.sent::<QueryProductOffer>().is_empty());
    });
}

#[test]
fn a_refused_preview_does_not_undo_the_admission() {
    let register_all = |registry: &mut Registry| {
        sycee_customer::register(registry);
        registry
            .service("product-distribution-service")
            .handles::<QueryProductOffer>(|_, _| Err(Rejection::new("NO_CREDIT_LINE", "none yet").into()));
    };
    each_of(register_all, |scene| {
        let id = register(scene, PHONE);
        scene.happened(decision(id, RiskPurpose::Admission, RiskOutcome::Approve));
        let master = scene.load::<CustomerMaster>(id).unwrap();
        assert_eq!(
            (master.stage, master.preview_refusal.as_deref()),
            (CustomerStage::Admitted, Some("NO_CREDIT_LINE"))
        );
    });
}

#[test]
fn a_rejection_refuses_and_a_referral_waits() {
    each(|scene| {
        let id = register(scene, PHONE);
        scene.happened(decision(id, RiskPurpose::Admission, RiskOutcome::Review));
        assert_eq!(stage(scene, id), CustomerStage::Registered);
        scene.happened(decision(id, RiskPurpose::Admission, RiskOutcome::Reject));
        assert_eq!(stage(scene, id), CustomerStage::Refused);
        assert!(scene.sent::<QueryProductOffer>().is_empty());
    });
}

#[test]
fn a_life_of_two_loans() {
    each(|scene| {
        let id = register(scene, PHONE);
        scene.happened(decision(id, RiskPurpose::Admission, RiskOutcome::Approve));
        scene.happened(disbursed(id, 10));
        scene.happened(disbursed(id, 11));
        scene.happened(repaid(id, 10, true, 0));
        assert_eq!(stage(scene, id), CustomerStage::Borrower);
        scene.happened(repaid(id, 11, false, 0));
        assert!(scene.emitted::<CustomerStageChanged>().is_empty());
        scene.happened(repaid(id, 11, true, 0));
        assert_eq!(scene.emitted::<CustomerStageChanged>()[0].to, "settled");
        assert_eq!(scene.load::<CustomerProfile>(id).unwrap().stage, "settled");
    });
}

#[test]
fn events_about_strangers_change_nothing() {
    each(|scene| {
        let nobody = customer(99_999);
        scene.happened(decision(nobody, RiskPurpose::Admission, RiskOutcome::Approve));
        scene.happened(disbursed(nobody, 10));
        scene.happened(repaid(nobody, 10, true, 0));
        assert!(scene.emitted::<CustomerStageChanged>().is_empty());
        assert_eq!(scene.load::<CustomerMaster>(nobody), None);
        assert_eq!(scene.load::<CustomerProfile>(nobody), None);
    });
}

#[test]
fn repayments_make_the_segment() {
    each(|scene| {
        let id = register(scene, PHONE);
        let tagged = |scene: &mut Scene, tag: &str| scene.load::<CustomerTag>((id, tag.to_owned())).is_some();
        for tag in ["channel:organic", "language:en-GH", "segment:fresh"] {
            assert!(tagged(scene, tag), "{tag}");
        }
        for (loan, settled, worst, segment) in [
            (10, false, 0, Segment::Fresh),
            (10, true, 0, Segment::Reliable),
            (10, true, 0, Segment::Reliable),
            (11, true, 2, Segment::Reliable),
            (12, true, 3, Segment::Loyal),
            (13, false, 5, Segment::Returning),
            (13, true, 40, Segment::Attention),
        ] {
            scene.happened(repaid(id, loan, settled, worst));
            assert_eq!(scene.load::<CustomerProfile>(id).unwrap().segment, segment, "{loan} {settled} {worst}");
            for other in Segment::ALL {
                assert_eq!(tagged(scene, other.tag()), *other == segment, "{other:?}");
            }
        }
        let profile = scene.load::<CustomerProfile>(id).unwrap();
        assert_eq!((profile.repayments, profile.repaid), (7, ghs("700")));
        let kept = [10, 11, 12].map(LoanId::from_number);
        assert_eq!(profile.settled_loans.0, kept, "a customer's row does not grow for ever");
    });
}

#[test]
fn a_cancelled_loan_proves_nothing() {
    each(|scene| {
        let id = register(scene, PHONE);
        for loan in [10, 11, 12] {
            scene.happened(disbursed(id, loan));
            scene.happened(RepaymentSucceeded { kind: RepaymentKind::Cancel, ..repaid(id, loan, true, 0) });
            assert!(scene.emitted::<CustomerSegmentChanged>().is_empty());
        }
        let (profile, master) = (scene.load::<CustomerProfile>(id).unwrap(), scene.load::<CustomerMaster>(id).unwrap());
        assert_eq!((profile.segment, profile.settled_loans.len()), (Segment::Fresh, 0));
        assert_eq!((master.loans_taken, master.loans_settled, master.stage), (3, 0, CustomerStage::Settled));
    });
}

#[test]
fn the_record_gathers_what_others_say() {
    each(|scene| {
        let id = register(scene, PHONE);
        let record = |scene: &mut Scene| scene.load::<CustomerMaster>(id).unwrap();
        let new = record(scene);
        assert_eq!(
            (new.identity, new.device_id.as_str(), new.channel.as_str()),
            (IdentityStatus::Unknown, "device-1", "organic")
        );
        assert_eq!((new.segment.as_str(), new.consents.len(), new.credit_limit), ("fresh", 0, None));

        let case = scene.request(documents(id, DOCUMENT)).unwrap().case;
        assert_eq!(
            (record(scene).identity, record(scene).document_type.as_deref()),
            (IdentityStatus::Checking, Some("ghana-card"))
        );
        scene.fact(kyc_answer(case, 9_900, 9_900));
        assert_eq!(record(scene).identity, IdentityStatus::Passed);

        let mut details = update(id);
        details.employment = Some(Employment {
            employer: Sensitive::new("Makola Traders"),
            job: "skilled-employee".to_owned(),
            since: Some(Date::constant(2020, 3, 1)),
        });
        details.address =
            Some(Address { line: Sensitive::new("House 7"), city: "Accra".to_owned(), country: "GH".to_owned() });
        details.emergency_contacts = Some(vec![EmergencyContact {
            name: Sensitive::new("Efua Mensah"),
            phone: Sensitive::new("+233201234569"),
            relation: "sister".to_owned(),
        }]);
        scene.request(details).unwrap();
        scene.request(update(id)).unwrap();
        let known = record(scene);
        assert_eq!(
            (known.job.as_deref(), known.employed_since),
            (Some("skilled-employee"), Some(Date::constant(2020, 3, 1)))
        );
        assert_eq!(
            (known.city.as_deref(), known.country.as_deref(), known.emergency_contacts),
            (Some("Accra"), Some("GH"), 1)
        );
        let emptied = UpdateCustomerDetails { emergency_contacts: Some(Vec::new()), ..update(id) };
        scene.request(emptied).unwrap();
        assert_eq!(record(scene).emergency_contacts, 0);
        for secret in ["Makola", "House 7", "Efua", "233201234569", &PHONE[1..], "000000001"] {
            assert!(!format!("{known:?}").contains(secret), "{secret} names a person");
        }

        let consent = |kinds: &[ConsentKind]| GrantConsent {
            customer: id,
            kinds: kinds.to_vec(),
            notice_version: "2026-01".to_owned(),
        };
        scene.request(consent(&[ConsentKind::Privacy])).unwrap();
        assert!(!record(scene).consents_complete);
        scene.request(consent(&[ConsentKind::Bureau, ConsentKind::Marketing])).unwrap();
        let agreed = record(scene);
        assert_eq!(agreed.consents.0, [ConsentKind::Bureau, ConsentKind::Privacy, ConsentKind::Marketing]);
        assert_eq!((agreed.consents_complete, agreed.notice_version.as_deref()), (true, Some("2026-01")));
        scene.request(RevokeConsent { customer: id, kinds: vec![ConsentKind::Bureau] }).unwrap();
        assert_eq!((record(scene).consents.len(), record(scene).consents_complete), (2, false));

        scene.happened(CreditLineApproved {
            application: CreditApplicationId::from_number(60),
            customer: id,
            limit: ghs("1000"),
            limit_cap: ghs("3000"),
            tier: "low".to_owned(),
            decision: DecisionId::from_number(70),
            valid_until: Timestamp::default(),
        });
        let frozen = |frozen, limit| CreditLineFrozen { line: line(id, limit), frozen, reason: "overdue".to_owned() };
        scene.happened(CreditLimitChanged {
            from: ghs("1000"),
            reason: "settled-well".to_owned(),
            line: line(id, "1200"),
        });
        scene.happened(frozen(true, "1200"));
        let lined = record(scene);
        assert_eq!((lined.credit_limit, lined.risk_tier.as_deref()), (Some(ghs("1200")), Some("low")));
        assert_eq!(lined.line_frozen_for.as_deref(), Some("overdue"));
        scene.happened(frozen(false, "1200"));
        assert_eq!(record(scene).line_frozen_for, None);

        let listed =
            |customers| BlacklistEntryAdded { kind: "phone".to_owned(), reason: "FRAUD".to_owned(), customers };
        scene.happened(listed(vec![customer(99_999)]));
        assert_eq!(record(scene).blacklisted_for, None);
        scene.happened(listed(vec![customer(99_999), id]));
        assert_eq!(record(scene).blacklisted_for.as_deref(), Some("FRAUD"));
        let removed = |customers| BlacklistEntryRemoved {
            kind: "phone".to_owned(),
            reason: "FRAUD_REFUTED".to_owned(),
            customers,
        };
        scene.happened(removed(Vec::new()));
        assert_eq!(record(scene).blacklisted_for.as_deref(), Some("FRAUD"), "something else of his is listed");
        scene.happened(removed(vec![customer(99_999), id]));
        assert_eq!(record(scene).blacklisted_for, None);

        scene.happened(disbursed(id, 10));
        scene.happened(repaid(id, 10, true, 0));
        assert_eq!(scene.emitted::<CustomerSegmentChanged>()[0].to, "reliable");
        let settled = record(scene);
        assert_eq!((settled.loans_taken, settled.loans_settled, settled.segment.as_str()), (1, 1, "reliable"));
    });
}

fn line(customer: CustomerId, limit: &str) -> CreditLineFigures {
    CreditLineFigures {
        customer,
        limit: ghs(limit),
        available: ghs(limit),
        reserved: ghs("0"),
        used: ghs("0"),
        frozen: ghs("0"),
        is_frozen: false,
        valid_until: Timestamp::default(),
    }
}
