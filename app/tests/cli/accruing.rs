//! `sycee ledger accrual` on a market that has lived: what each loan earned, and why one did not.

use crate::support::{on_each_engine, sycee_on};
use crate::tracing::{a_loan, lived};

#[test]
fn a_loan_that_earned_nothing_is_told_from_one_that_is_not_there() {
    on_each_engine(|url| {
        lived(url);
        let loan = a_loan(url);
        let of = |day: &str, loan: &str| sycee_on(url, &["ledger", "accrual", "--day", day, "--loan", loan]);
        let nobody = of("2026-02-08", "loan-999999999");
        assert_eq!((nobody.code, nobody.out.as_str()), (2, ""));
        assert!(
            nobody.err.contains("--loan loan-999999999: ") && nobody.err.contains("no such loan"),
            "{}",
            nobody.err
        );
        let before = of("2026-01-05", &loan);
        assert_eq!(before.code, 0, "{before:?}");
        assert!(before.out.starts_with(&format!("{loan} earned nothing on 2026-01-05: ")), "{}", before.out);

        let all = sycee_on(url, &["ledger", "accrual", "--day", "2026-02-08", "--json"]).json();
        let accruals = all["accruals"].as_array().unwrap();
        let one = accruals[0]["loans"][0]["loan"].as_str().unwrap();
        let alone = of("2026-02-08", one);
        assert_eq!(alone.out.matches("total of").count(), 1, "only what it is part of: {}", alone.out);
        assert!(alone.out.contains(one), "{}", alone.out);
    });
}
