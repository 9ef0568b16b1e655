//! Outreach system: messages to customers, in their language, from the market's templates.
//!
//! Invariant: a message is stored as it was written; changing a template changes no sent message.
//! Invariant: days and times in a message are those of the market's zone.

mod templates;

use std::collections::BTreeMap;

use sycee_contract::{
    CreditApplicationRejected, CreditLineApproved, CustomerId, CustomerRegistered, DisbursementSucceeded,
    InstallmentDueNotice, LINE_MAX, LoanApplicationApproved, LoanApplicationCancelled, LoanApplicationRejected, LoanId,
    MessageDispatched, NAME_MAX, NoticeId, Rejection, RepaymentKind, RepaymentSucceeded, SendNotification, Timestamp,
    Zone, check_text,
};
use sycee_runtime::{Fault, Handled, Registry, Work, entity};

pub use templates::{OutreachTemplates, RenderedNotice, TemplatesError};

const CHANNEL: &str = "in-app";
/// Most values that a notification may bring.
const VALUES_MAX: usize = 32;
/// Seconds of a day on which no clock changes.
const DAY_SECONDS: i64 = 86_400;

entity! {
    /// A message to a customer.
    pub struct Notice in "notice" of "outreach-system" key id: NoticeId {
        /// The message.
        id: NoticeId,
        /// The customer.
        customer: CustomerId,
        /// The loan it is about.
        loan: Option<LoanId>,
        /// Template code.
        template: String,
        /// Language it is written in, BCP 47.
        language: String,
        /// Channel: `in-app`.
        channel: String,
        /// Title.
        title: String,
        /// Text.
        body: String,
        /// When it was sent.
        sent_at: Timestamp,
    }
    index by_customer(customer: CustomerId);
}

entity! {
    /// The language a customer is written to in.
    pub struct CustomerLanguage in "customer_language" of "outreach-system" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Preferred language, BCP 47.
        language: String,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .service("outreach-system")
        .entity::<Notice>()
        .entity::<CustomerLanguage>()
        .handles(send_notification)
        .on(welcome)
        .on(tell_line)
        .on(tell_no_line)
        .on(tell_approval)
        .on(tell_rejection)
        .on(tell_end)
        .on(tell_payout)
        .on(remind_of_installment)
        .on(confirm_repayment)
        .emits::<MessageDispatched>();
}

type Values = BTreeMap<String, String>;

fn values<const N: usize>(pairs: [(&str, String); N]) -> Values {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn dispatch(
    work: &mut Work,
    customer: CustomerId,
    loan: Option<LoanId>,
    template: &str,
    values: &Values,
) -> Handled<Result<NoticeId, TemplatesError>> {
    let preferred = work.get::<CustomerLanguage>(customer)?.map(|kept| kept.language).unwrap_or_default();
    let text = match work.config::<OutreachTemplates>().render(template, &preferred, values) {
        Ok(text) => text,
        Err(error) => return Ok(Err(error)),
    };
    let notice = Notice {
        id: work.new_id(),
        customer,
        loan,
        template: template.to_owned(),
        language: text.language,
        channel: CHANNEL.to_owned(),
        title: text.title,
        body: text.body,
        sent_at: work.now(),
    };
    work.emit(MessageDispatched {
        notice: notice.id,
        customer,
        template: notice.template.clone(),
        channel: notice.channel.clone(),
    });
    let id = notice.id;
    work.save(notice);
    Ok(Ok(id))
}

/// Sends a message that an event of ours causes: its template must be there.
fn tell(work: &mut Work, customer: CustomerId, loan: Option<LoanId>, template: &str, values: &Values) -> Handled<()> {
    match dispatch(work, customer, loan, template, values)? {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::bug(format!("{customer} cannot be told {template}")).because(error).into()),
    }
}

/// Whether a notification's values are few and short.
///
/// Errors: `INVALID_FIELD`.
fn check_values(values: &Values) -> Result<(), Rejection> {
    if values.len() > VALUES_MAX {
        return Err(Rejection::invalid("values", format!("at most {VALUES_MAX}"), "{\"loan\": \"loan-1042\"}"));
    }
    values.iter().try_for_each(|(name, value)| {
        check_text("values", name, NAME_MAX, "loan")?;
        check_text(&format!("values.{name}"), value, LINE_MAX, "loan-1042")
    })
}

/// An instant as people read it: the day there, and the minute unless clocks change on that day.
fn shown(zone: &Zone, at: Timestamp) -> String {
    let day = zone.date_of(at);
    let begins = zone.start_of(day);
    let is_plain = day.tomorrow().is_ok_and(|next| zone.start_of(next).seconds_since(begins) == DAY_SECONDS);
    if !is_plain {
        return day.to_string();
    }
    let minutes = at.seconds_since(begins) / 60;
    format!("{day} {:02}:{:02}", minutes / 60, minutes % 60)
}

/// Sends what somebody asks for.
///
/// Errors: `TEMPLATE_NOT_FOUND`; `INVALID_FIELD` for values that are missing, too many or too long.
fn send_notification(work: &mut Work, cmd: &SendNotification) -> Handled<NoticeId> {
    check_text("template", &cmd.template, NAME_MAX, "loan-rejected")?;
    check_values(&cmd.values)?;
    match dispatch(work, cmd.customer, None, &cmd.template, &cmd.values)? {
        Ok(notice) => Ok(notice),
        Err(error @ TemplatesError::Unknown { .. }) => {
            let known = work.config::<OutreachTemplates>().codes().collect::<Vec<_>>().join(", ");
            Err(Rejection::new("TEMPLATE_NOT_FOUND", format!("{error}: use one of {known}"))
                .with("template", &cmd.template)
                .into())
        }
        Err(error) => Err(Rejection::invalid("values", error, "a value for each placeholder of the template").into()),
    }
}

fn welcome(work: &mut Work, event: &CustomerRegistered) -> Handled<()> {
    work.save(CustomerLanguage { customer: event.customer, language: event.language.clone() });
    tell(work, event.customer, None, "welcome", &Values::new())
}

fn tell_line(work: &mut Work, event: &CreditLineApproved) -> Handled<()> {
    let until = work.market().zone.date_of(event.valid_until);
    let values = values([("limit", event.limit.to_string()), ("valid_until", until.to_string())]);
    tell(work, event.customer, None, "credit-line-approved", &values)
}

fn tell_no_line(work: &mut Work, event: &CreditApplicationRejected) -> Handled<()> {
    tell(work, event.customer, None, "credit-rejected", &Values::new())
}

fn tell_approval(work: &mut Work, event: &LoanApplicationApproved) -> Handled<()> {
    let sign_before = shown(&work.market().zone, event.expires_at);
    let values =
        values([("loan", event.loan.to_string()), ("amount", event.amount.to_string()), ("sign_before", sign_before)]);
    tell(work, event.customer, Some(event.loan), "loan-approved", &values)
}

fn tell_rejection(work: &mut Work, event: &LoanApplicationRejected) -> Handled<()> {
    tell(work, event.customer, Some(event.loan), "loan-rejected", &values([("loan", event.loan.to_string())]))
}

/// The lender ended an application; whoever cancelled himself knows it.
fn tell_end(work: &mut Work, event: &LoanApplicationCancelled) -> Handled<()> {
    if event.by_customer {
        return Ok(());
    }
    let template = if event.reason == "CONTRACT_EXPIRED" { "contract-lapsed" } else { "payout-impossible" };
    tell(work, event.customer, Some(event.loan), template, &values([("loan", event.loan.to_string())]))
}

fn tell_payout(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    let values = values([
        ("loan", event.loan.to_string()),
        ("principal", event.principal.to_string()),
        ("net_proceeds", event.net_proceeds.to_string()),
        ("first_due", event.first_due.to_string()),
    ]);
    tell(work, event.customer, Some(event.loan), "loan-disbursed", &values)
}

fn remind_of_installment(work: &mut Work, event: &InstallmentDueNotice) -> Handled<()> {
    let template = if event.in_days == 0 { "installment-due-today" } else { "installment-reminder" };
    let values = values([
        ("loan", event.loan.to_string()),
        ("nr", event.nr.to_string()),
        ("due_date", event.due_date.to_string()),
        ("in_days", event.in_days.to_string()),
        ("amount", event.amount.to_string()),
    ]);
    tell(work, event.customer, Some(event.loan), template, &values)
}

fn confirm_repayment(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let template = match (event.kind, event.settled) {
        (RepaymentKind::Cancel, true) => "loan-cancelled",
        (RepaymentKind::Normal | RepaymentKind::EarlySettlement, true) => "loan-settled",
        (_, false) => "repayment-received",
    };
    let values = values([
        ("loan", event.loan.to_string()),
        ("amount", event.amount.to_string()),
        ("principal_outstanding", event.principal_outstanding.to_string()),
    ]);
    tell(work, event.customer, Some(event.loan), template, &values)
}
