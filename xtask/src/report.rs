//! What ran, read from what the test programs print, and the summary of it all.

use std::fmt::Write as _;

/// How many tests of one suite passed, failed and did not run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

/// The counts of a JUnit report: the root element's attributes, or else those of its suites.
///
/// nextest writes the totals on `<testsuites>`, pytest on the one `<testsuite>` within.
pub(crate) fn of_junit(xml: &str) -> Option<Counts> {
    let tag = |name: &str| {
        let (_, after) = xml.split_once(&format!("<{name} "))?;
        let (tag, _) = after.split_once('>')?;
        tag.contains(" tests=\"").then_some(tag)
    };
    let tag = tag("testsuites").or_else(|| tag("testsuite"))?;
    let number = |attribute: &str| -> Option<u64> {
        let (_, after) = tag.split_once(&format!(" {attribute}=\""))?;
        let (number, _) = after.split_once('"')?;
        number.parse().ok()
    };
    let failed = number("failures")?.checked_add(number("errors")?)?;
    let skipped = number("skipped").unwrap_or(0);
    let passed = number("tests")?.checked_sub(failed.checked_add(skipped)?)?;
    Some(Counts {
        passed,
        failed,
        skipped,
    })
}

/// Why tests did not run that need what this machine may lack: the messages of skips in a report of
/// pytest that begin with `INSTALL `.
pub(crate) fn lacking(xml: &str) -> Vec<String> {
    let skips = xml.split("<skipped ").skip(1);
    let messages = skips.filter_map(|skip| skip.split_once(" message=\"")?.1.split_once('"'));
    messages
        .map(|(message, _)| {
            message
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&")
        })
        .filter(|message| message.starts_with("INSTALL "))
        .collect()
}

/// The counts in the `test result:` lines that Rust's own test harness prints, one for each binary.
pub(crate) fn of_libtest(printed: &str) -> Option<Counts> {
    let mut total: Option<Counts> = None;
    for line in printed
        .lines()
        .filter_map(|line| line.strip_prefix("test result: "))
    {
        let number = |word: &str| -> Option<u64> {
            let (before, _) = line.split_once(word)?;
            before.trim_end().rsplit(' ').next()?.parse().ok()
        };
        let sum = total.get_or_insert_default();
        sum.passed = sum.passed.checked_add(number(" passed")?)?;
        sum.failed = sum.failed.checked_add(number(" failed")?)?;
        sum.skipped = sum.skipped.checked_add(number(" ignored")?)?;
    }
    total
}

/// What became of one suite.
pub(crate) struct Outcome {
    pub(crate) suite: &'static str,
    /// `None` when it did not get as far as running tests.
    pub(crate) counts: Option<Counts>,
    /// Whether the program that ran it succeeded.
    pub(crate) succeeded: bool,
    pub(crate) seconds: f64,
    /// What the machine lacks for tests that were skipped for it: said loudly, and no failure.
    pub(crate) lacking: Vec<String>,
}

impl Outcome {
    /// A test that does not run is as bad as one that fails, but for what the machine lacks and the
    /// summary names: nothing is left out in silence.
    pub(crate) fn is_good(&self) -> bool {
        self.succeeded
            && self.counts.is_some_and(|counts| {
                counts.failed == 0
                    && counts.skipped == self.lacking.len() as u64
                    && counts.passed > 0
            })
    }

    /// What counts as failed: the failures, and one if the suite is bad without any.
    fn failed(&self) -> u64 {
        if self.is_good() {
            return 0;
        }
        let counted = self
            .counts
            .map_or(0, |counts| counts.failed.saturating_add(counts.skipped));
        counted.max(1)
    }
}

/// The summary. Its last line is `N passed, N failed`.
pub(crate) fn summary(outcomes: &[Outcome]) -> String {
    let mut text = String::from("\nsuite       passed  failed  skipped  seconds\n");
    let (mut passed, mut failed) = (0_u64, 0_u64);
    for outcome in outcomes {
        let counts = outcome.counts.unwrap_or_default();
        let remark = match (outcome.is_good(), outcome.counts) {
            (true, _) => "",
            (false, None) => "  did not run",
            (false, Some(counts)) if counts.passed == 0 && counts.failed == 0 => "  no test ran",
            (false, Some(_)) => "  FAILED",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<10} {:>7} {:>7} {:>8} {:>8.1}{remark}",
            outcome.suite, counts.passed, counts.failed, counts.skipped, outcome.seconds
        );
        passed = passed.saturating_add(counts.passed);
        failed = failed.saturating_add(outcome.failed());
    }
    let mut lacking: Vec<_> = outcomes.iter().flat_map(|one| &one.lacking).collect();
    lacking.sort_unstable();
    lacking.dedup();
    for missing in lacking {
        let _ = writeln!(text, "\nNOT TESTED: {}", missing.to_uppercase());
    }
    let _ = write!(text, "\n{passed} passed, {failed} failed");
    text
}

#[cfg(test)]
mod tests {
    use super::{Counts, Outcome, lacking, of_junit, of_libtest, summary};

    fn counts(passed: u64, failed: u64, skipped: u64) -> Option<Counts> {
        Some(Counts {
            passed,
            failed,
            skipped,
        })
    }

    #[test]
    fn junit_reports() {
        let nextest = r#"<?xml version="1.0"?><testsuites name="nextest-run" tests="9" failures="2" errors="1" time="1.2"><testsuite name="a" tests="9" disabled="0" errors="1" failures="2">"#;
        assert_eq!(of_junit(nextest), counts(6, 3, 0));
        let pytest = r#"<testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="2" tests="10" time="3">"#;
        assert_eq!(of_junit(pytest), counts(7, 1, 2));
        assert_eq!(of_junit("<testsuites name=\"x\">"), None);
        assert_eq!(of_junit(""), None);
    }

    #[test]
    fn what_the_machine_lacks_is_said_loudly_and_is_no_failure() {
        let xml = r#"<testcase name="a"><skipped type="pytest.skip" message="INSTALL Terraform 1.5 &amp; more">x</skipped></testcase>
            <testcase name="b"><skipped type="pytest.skip" message="no reason"/></testcase>"#;
        assert_eq!(lacking(xml), ["INSTALL Terraform 1.5 & more"]);
        let outcome = |skipped| Outcome {
            suite: "clients",
            counts: counts(3, 0, skipped),
            succeeded: true,
            seconds: 1.0,
            lacking: lacking(xml),
        };
        let said = summary(&[outcome(1)]);
        assert!(said.contains("NOT TESTED: INSTALL TERRAFORM 1.5 & MORE"));
        assert!(said.ends_with("3 passed, 0 failed"));
        // Whatever else is skipped fails.
        assert!(!outcome(2).is_good());
    }

    #[test]
    fn libtest_reports() {
        let printed = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.0s\n\
                       test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0s\n";
        assert_eq!(of_libtest(printed), counts(5, 4, 1));
        assert_eq!(of_libtest("error: could not compile"), None);
    }

    #[test]
    fn the_last_line_counts() {
        let outcome = |counts, succeeded| Outcome {
            suite: "rust",
            counts,
            succeeded,
            seconds: 1.0,
            lacking: Vec::new(),
        };
        let last = |outcomes: &[Outcome]| summary(outcomes).lines().last().map(str::to_owned);
        assert_eq!(
            last(&[outcome(counts(3, 0, 0), true)]).as_deref(),
            Some("3 passed, 0 failed")
        );
        assert_eq!(
            last(&[outcome(counts(3, 2, 0), false)]).as_deref(),
            Some("3 passed, 2 failed")
        );
        assert_eq!(
            last(&[outcome(counts(3, 0, 1), true)]).as_deref(),
            Some("3 passed, 1 failed")
        );
        assert_eq!(
            last(&[outcome(counts(0, 0, 0), true)]).as_deref(),
            Some("0 passed, 1 failed")
        );
        assert_eq!(
            last(&[outcome(None, false)]).as_deref(),
            Some("0 passed, 1 failed")
        );
        assert_eq!(
            last(&[outcome(counts(3, 0, 0), false)]).as_deref(),
            Some("3 passed, 1 failed")
        );
    }
}
