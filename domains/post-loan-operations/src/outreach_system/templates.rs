//! The texts of a market, by template code and language, checked when they are loaded.
//!
//! Invariant: every template has a text in the default language, and every text compiles.
//! Invariant: every message that an event causes has a template, which its values fill: checked when a market opens.
//! Invariant: a placeholder without a value is an error, never an empty space in a customer's message.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize;

/// What keeps a file of templates from being used, or a text from being written.
#[derive(Debug, thiserror::Error)]
pub enum TemplatesError {
    /// The file is not what it must be.
    #[error("the templates are not valid YAML of the expected form: {0}")]
    Form(#[from] serde_yaml_ng::Error),
    /// A template lacks its text in the default language.
    #[error("template {template} has no text in the default language {language}: add one")]
    NoDefault {
        /// Template code.
        template: String,
        /// The default language.
        language: String,
    },
    /// A text does not compile.
    #[error("template {template} in {language} does not compile: {error}")]
    Text {
        /// Template code.
        template: String,
        /// Language.
        language: String,
        /// What is wrong.
        error: minijinja::Error,
    },
    /// A message that an event causes has no template.
    #[error("template {template} is missing: an event of the loan's life is told with it")]
    Missing {
        /// Template code.
        template: String,
    },
    /// No such template.
    #[error("there is no template {template}")]
    Unknown {
        /// Template code.
        template: String,
    },
    /// A text could not be written with the values given.
    #[error("template {template} could not be filled: {error}")]
    Values {
        /// Template code.
        template: String,
        /// What is wrong.
        error: minijinja::Error,
    },
}

/// A message as the customer reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedNotice {
    /// The language it is written in, BCP 47.
    pub language: String,
    /// Title.
    pub title: String,
    /// Text.
    pub body: String,
}

/// The messages that events cause, and the values that come with them.
const EVENT_TEMPLATES: &[(&str, &[&str])] = &[
    ("welcome", &[]),
    ("credit-line-approved", &["limit", "valid_until"]),
    ("credit-rejected", &[]),
    ("loan-approved", &["loan", "amount", "sign_before"]),
    ("loan-rejected", &["loan"]),
    ("contract-lapsed", &["loan"]),
    ("payout-impossible", &["loan"]),
    ("loan-disbursed", &["loan", "principal", "net_proceeds", "first_due"]),
    ("installment-reminder", DUE_VALUES),
    ("installment-due-today", DUE_VALUES),
    ("repayment-received", REPAYMENT_VALUES),
    ("loan-settled", REPAYMENT_VALUES),
    ("loan-cancelled", REPAYMENT_VALUES),
];
const DUE_VALUES: &[&str] = &["loan", "nr", "due_date", "in_days", "amount"];
const REPAYMENT_VALUES: &[&str] = &["loan", "amount", "principal_outstanding"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default_language: String,
    templates: BTreeMap<String, BTreeMap<String, Text>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    title: String,
    body: String,
}

/// The outreach templates of a market: configuration of the outreach system.
#[derive(Debug)]
pub struct OutreachTemplates {
    default_language: String,
    languages: BTreeMap<String, Vec<String>>,
    texts: Environment<'static>,
}

impl OutreachTemplates {
    /// Templates from YAML text, such as `markets/gh/outreach.yaml`.
    ///
    /// Errors: `Form`, `NoDefault`, `Text`; `Missing` and `Values` for a message that an event causes.
    pub fn from_yaml(yaml: &str) -> Result<Self, TemplatesError> {
        let templates = Self::parse(yaml)?;
        for (template, names) in EVENT_TEMPLATES {
            let Some(languages) = templates.languages.get(*template) else {
                return Err(TemplatesError::Missing { template: (*template).to_owned() });
            };
            let values = names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
            for language in languages {
                templates.render(template, language, &values)?;
            }
        }
        Ok(templates)
    }

    fn parse(yaml: &str) -> Result<Self, TemplatesError> {
        let file: File = serde_yaml_ng::from_str(yaml)?;
        let mut texts = Environment::new();
        texts.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut languages = BTreeMap::new();
        for (template, by_language) in file.templates {
            if !by_language.contains_key(&file.default_language) {
                return Err(TemplatesError::NoDefault { template, language: file.default_language });
            }
            languages.insert(template.clone(), by_language.keys().cloned().collect());
            for (language, text) in by_language {
                for (part, source) in [("title", text.title), ("body", text.body)] {
                    texts.add_template_owned(name_of(&template, &language, part), source).map_err(|error| {
                        TemplatesError::Text { template: template.clone(), language: language.clone(), error }
                    })?;
                }
            }
        }
        Ok(Self { default_language: file.default_language, languages, texts })
    }

    /// Template codes, sorted.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// The language a message is written in for somebody who prefers `wanted`: the same, one of the same first subtag,
    /// the default.
    fn language_for(&self, template: &str, wanted: &str) -> Result<&str, TemplatesError> {
        let Some(languages) = self.languages.get(template) else {
            return Err(TemplatesError::Unknown { template: template.to_owned() });
        };
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let exact = languages.iter().find(|language| language.eq_ignore_ascii_case(wanted));
        let near = || languages.iter().find(|language| primary(language) == primary(wanted));
        Ok(exact.or_else(near).unwrap_or(&self.default_language))
    }

    /// Writes a message. Errors: `Unknown` without such a template, `Values` when a placeholder has no value.
    pub fn render(
        &self,
        template: &str,
        wanted_language: &str,
        values: &BTreeMap<String, String>,
    ) -> Result<RenderedNotice, TemplatesError> {
        let language = self.language_for(template, wanted_language)?;
        let write = |part| {
            let text = self.texts.get_template(&name_of(template, language, part)).and_then(|text| text.render(values));
            text.map_err(|error| TemplatesError::Values { template: template.to_owned(), error })
        };
        Ok(RenderedNotice { title: write("title")?, body: write("body")?, language: language.to_owned() })
    }
}

fn name_of(template: &str, language: &str, part: &str) -> String {
    format!("{template}/{language}/{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "
default_language: en
templates:
  hello:
    en: { title: Hello, body: 'You owe {{ amount }}.' }
    zh-CN: { title: 你好, body: '您欠 {{ amount }}。' }
";

    fn amount() -> BTreeMap<String, String> {
        BTreeMap::from([("amount".to_owned(), "GHS 12.00".to_owned())])
    }

    #[test]
    fn the_nearest_language_is_taken() {
        let templates = OutreachTemplates::parse(TWO).unwrap();
        for (wanted, language) in
            [("en", "en"), ("EN-gh", "en"), ("zh-CN", "zh-CN"), ("zh-Hant", "zh-CN"), ("tw", "en"), ("", "en")]
        {
            assert_eq!(templates.render("hello", wanted, &amount()).unwrap().language, language, "{wanted}");
        }
        assert_eq!(templates.render("hello", "zh", &amount()).unwrap().body, "您欠 GHS 12.00。");
    }

    #[test]
    fn a_market_opens_with_every_message_that_events_cause() {
        let ghana = include_str!("../../../../markets/gh/outreach.yaml");
        assert_eq!(OutreachTemplates::from_yaml(ghana).unwrap().codes().count(), EVENT_TEMPLATES.len());
        let missing = OutreachTemplates::from_yaml(TWO).unwrap_err();
        assert!(matches!(missing, TemplatesError::Missing { .. }), "{missing}");
        let misspelt = ghana.replace("{{ first_due }}", "{{ first_duo }}");
        assert!(matches!(OutreachTemplates::from_yaml(&misspelt), Err(TemplatesError::Values { .. })));
    }

    #[test]
    fn gaps_are_errors() {
        let templates = OutreachTemplates::parse(TWO).unwrap();
        assert!(matches!(templates.render("bye", "en", &amount()), Err(TemplatesError::Unknown { .. })));
        assert!(matches!(templates.render("hello", "en", &BTreeMap::new()), Err(TemplatesError::Values { .. })));
        let table = [
            ("default_language: fr\ntemplates: { a: { en: { title: A, body: B } } }", "default language"),
            ("default_language: en\ntemplates: { a: { en: { title: A, body: '{{' } } }", "compile"),
            ("default_language: en\ntemplates: { a: { en: { title: A } } }", "body"),
        ];
        for (yaml, expected) in table {
            let error = OutreachTemplates::parse(yaml).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
