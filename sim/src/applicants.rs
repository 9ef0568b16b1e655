//! The applicants: one for each row of the Statlog German credit data (UCI, CC BY 4.0; see `data/README.md`).

use std::collections::BTreeMap;

/// The data set as committed under `data/`.
pub const GERMAN_CREDIT: &str = include_str!("../../data/germancredit.csv");

/// One applicant as the data set has him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// Every attribute by its column's name, but for the label.
    pub attributes: BTreeMap<String, String>,
    /// The amount asked for, in major units.
    pub amount: i64,
    /// The term asked for, in months.
    pub months: u32,
    /// What the money is for.
    pub purpose: String,
    /// Age in years.
    pub age: u32,
    /// The label: whether the applicant paid.
    pub good: bool,
}

/// Why a data set cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct DataError {
    /// Line of the file, the header being 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// Reads applicants from CSV text with the columns of the German credit data.
///
/// Errors: the first line that lacks a column or holds no number where one must be.
pub fn read_applicants(text: &str) -> Result<Vec<Applicant>, DataError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().cloned().map_err(|error| DataError { line: 1, what: error.to_string() })?;
    let mut applicants = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let line = at + 2;
        let wrong = |what: String| DataError { line, what };
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let mut row: BTreeMap<String, String> =
            header.iter().zip(&record).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let label = row.remove("creditability").ok_or_else(|| wrong("column creditability is missing".to_owned()))?;
        let text = |name: &str| row.get(name).cloned().ok_or_else(|| wrong(format!("column {name} is missing")));
        let number = |name: &str| -> Result<i64, DataError> {
            text(name)?.parse().map_err(|_| wrong(format!("column {name} must be a whole number, such as 1169")))
        };
        applicants.push(Applicant {
            amount: number("credit_amount")?,
            months: u32::try_from(number("duration_in_month")?).map_err(|error| wrong(error.to_string()))?,
            age: u32::try_from(number("age_in_years")?).map_err(|error| wrong(error.to_string()))?,
            purpose: text("purpose")?,
            good: label == "good",
            attributes: row,
        });
    }
    Ok(applicants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_set_has_its_thousand_rows() {
        let applicants = read_applicants(GERMAN_CREDIT).unwrap();
        assert_eq!(applicants.len(), 1_000);
        assert_eq!(applicants.iter().filter(|it| it.good).count(), 700);
        assert_eq!((applicants[0].amount, applicants[0].months), (1_169, 6));
    }

    #[test]
    fn a_broken_line_is_named() {
        let error =
            read_applicants("credit_amount,duration_in_month,age_in_years,purpose,creditability\nx,1,2,p,good\n");
        assert_eq!(error.unwrap_err().to_string(), "line 2: column credit_amount must be a whole number, such as 1169");
    }
}
