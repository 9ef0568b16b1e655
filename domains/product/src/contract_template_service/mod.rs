//! contract-template-service: the texts customers sign.
//!
//! Invariant: a stored document never changes, and its hash is BLAKE3 of its text.
//! Invariant: a text holds no personal names: the loan and the customer stand in it by id.

mod templates;

pub use templates::{ContractTemplates, ContractText, TemplateFileError};

use sycee_contract::{
    CustomerId, DocumentId, LoanContractRendered, LoanId, QueryProductVersion, RenderContract, RenderedDocument,
    Timestamp,
};
use sycee_runtime::{Fault, Handled, Registry, Work, entity};

use crate::ProductRejection;

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("contract-template-service")
        .entity::<ContractDocument>()
        .handles::<RenderContract>(render_contract)
        .emits::<LoanContractRendered>()
        .sends::<QueryProductVersion>();
}

entity! {
    /// A rendered contract.
    pub struct ContractDocument in "contract_document" of "contract-template-service" key id: DocumentId {
        /// The document.
        id: DocumentId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Template code.
        template: String,
        /// Language of the text, BCP 47.
        language: String,
        /// The text, Markdown.
        text: String,
        /// BLAKE3 of the text, hex.
        hash: String,
        /// When it was rendered.
        rendered_at: Timestamp,
    }
    index by_loan(loan: LoanId);
}

fn render_contract(work: &mut Work, cmd: &RenderContract) -> Handled<RenderedDocument> {
    let templates = work.config::<ContractTemplates>();
    let language = templates.language_for(&cmd.template, &cmd.language).ok_or_else(|| {
        ProductRejection::TemplateNotFound { template: cmd.template.clone(), language: cmd.language.clone() }
    })?;
    let plan = &cmd.plan;
    let terms = work.ask(QueryProductVersion { product: plan.product.clone(), version: Some(plan.version) })?;
    let values = ContractText::new(cmd.loan, cmd.customer, language, work.today(), &terms, plan)?;
    let text = templates
        .render(&cmd.template, language, &values)
        .map_err(|error| Fault::bug("a contract template does not render").because(error))?;
    let document = RenderedDocument { document: work.new_id(), hash: work.hash(text.as_bytes()) };
    work.save(ContractDocument {
        id: document.document,
        loan: cmd.loan,
        customer: cmd.customer,
        template: cmd.template.clone(),
        language: language.to_owned(),
        text,
        hash: document.hash.clone(),
        rendered_at: work.now(),
    });
    work.emit(LoanContractRendered { loan: cmd.loan, customer: cmd.customer, document: document.clone() });
    Ok(document)
}
