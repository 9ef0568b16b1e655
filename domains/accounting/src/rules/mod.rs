//! The accounting rules of a market: its chart of accounts and its entry templates, as data.
//!
//! Invariant: rules that are loaded are consistent: every template names accounts of the chart, every line debits one
//! account and credits another by one amount, every total is made of amounts that have lines.

mod chart;
mod template;

use std::collections::BTreeMap;

use sycee_contract::{Date, TransferLine};
use sycee_money::Money;

pub use chart::{Chart, ChartAccount};
pub use template::{Template, TemplateLine};

use crate::AccountingRejection;

/// Why rules cannot be loaded: a mistake in a file, by file.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Not YAML of the expected form.
    #[error("{file}: {source}")]
    Form {
        /// File.
        file: String,
        /// What the parser says.
        source: serde_yaml_ng::Error,
    },
    /// YAML that contradicts itself or the chart.
    #[error("{file}: {what}")]
    Content {
        /// File.
        file: String,
        /// What is wrong.
        what: String,
    },
}

impl RulesError {
    fn content(file: &str, what: impl Into<String>) -> Self {
        Self::Content { file: file.to_owned(), what: what.into() }
    }
}

/// Chart and templates of a market: the domain's configuration.
#[derive(Clone, Debug)]
pub struct AccountingRules {
    chart: Chart,
    /// By name; versions by the date they take effect, earliest first.
    templates: BTreeMap<String, Vec<Template>>,
}

impl AccountingRules {
    /// Rules from the text of `chart.yaml` and of every template file, named for error messages.
    pub fn parse<'a>(chart: &str, templates: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, RulesError> {
        let chart = Chart::parse(chart)?;
        let mut by_name: BTreeMap<String, Vec<Template>> = BTreeMap::new();
        for (file, text) in templates {
            let template = Template::parse(file, text, &chart)?;
            let versions = by_name.entry(template.name.clone()).or_default();
            let same =
                |other: &Template| other.version == template.version || other.effective_from == template.effective_from;
            if versions.iter().any(same) {
                return Err(RulesError::content(file, "another file has this version or this effective date"));
            }
            versions.push(template);
            versions.sort_by_key(|template| template.effective_from);
        }
        Ok(Self { chart, templates: by_name })
    }

    /// The chart of accounts.
    pub const fn chart(&self) -> &Chart {
        &self.chart
    }

    /// Every template, by name and effective date.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.templates.values().flatten()
    }

    /// The template that is in effect on a business date.
    pub fn template(&self, name: &str, date: Date) -> Result<&Template, AccountingRejection> {
        let versions = self.templates.get(name).map(Vec::as_slice).unwrap_or_default();
        versions
            .iter()
            .rfind(|template| template.effective_from <= date)
            .ok_or_else(|| AccountingRejection::TemplateNotFound { template: name.to_owned(), date })
    }

    /// The lines of a business event. Zero amounts give no line.
    ///
    /// Errors: `TEMPLATE_NOT_FOUND`, `ENTRY_UNBALANCED`, `EMPTY_ENTRY`, `INVALID_FIELD`, `INVALID_AMOUNT`.
    pub fn lines(
        &self,
        name: &str,
        date: Date,
        amounts: &BTreeMap<String, Money>,
        dimensions: &BTreeMap<String, String>,
    ) -> Result<Vec<TransferLine>, AccountingRejection> {
        self.template(name, date)?.lines(&self.chart, amounts, dimensions)
    }
}
