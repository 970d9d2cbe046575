//! The check of an agreement before it is signed: it compiles, and the parties' examples end as they agreed.

use crate::clearance::DecisionRecord;
use crate::compile::{CompileError, compile};
use crate::decision::DecisionPoint;
use crate::disclosure::{GoldenTest, Outcome};
use crate::document::Agreement;
use crate::request::Request;
use crate::scope::Subject;
use base::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a check found.
#[derive(Clone, Debug)]
pub struct CheckReport {
    /// The compiled hash, or why there is none.
    pub compiled: Result<Digest, CompileError>,
    /// What became of each golden test.
    pub golden_tests: Vec<GoldenResult>,
}

/// What became of one golden test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldenResult {
    /// Its name.
    pub name: String,
    /// What differs from the expectation, in words; nothing when it passed.
    pub differences: Vec<String>,
}

impl CheckReport {
    /// Whether the agreement compiles, and every golden test passed.
    pub fn passed(&self) -> bool {
        self.compiled.is_ok() && self.golden_tests.iter().all(|test| test.differences.is_empty())
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.compiled {
            Ok(hash) => writeln!(out, "compiled hash {hash}")?,
            Err(error) => writeln!(out, "{error}")?,
        }
        for test in &self.golden_tests {
            if test.differences.is_empty() {
                writeln!(out, "passed: {}", test.name)?;
            } else {
                writeln!(out, "failed: {}: {}", test.name, test.differences.join("; "))?;
            }
        }
        Ok(())
    }
}

/// Compiles an agreement and runs its golden tests, without national law and without suspensions: they state what the
/// parties agreed.
pub fn check(agreement: &Agreement) -> CheckReport {
    let compiled = compile(agreement).map(|compiled| compiled.hash());
    let golden_tests = match DecisionPoint::new(vec![agreement.clone()], Vec::new()) {
        Ok(point) => agreement.golden_tests.iter().map(|test| run(&point, agreement, test)).collect(),
        Err(_) => Vec::new(),
    };
    CheckReport { compiled, golden_tests }
}

fn run(point: &DecisionPoint, agreement: &Agreement, test: &GoldenTest) -> GoldenResult {
    let request = Request {
        sender: test.from.clone(),
        sender_role: test.from_role.clone(),
        recipient: test.to.clone(),
        recipient_role: test.to_role.clone(),
        purpose: test.purpose.clone(),
        trigger: test.trigger,
        on: test.on.start(),
        agreement: Some(agreement.id.clone()),
        subject: Subject::default(),
        facts: test.facts.iter().map(|fact| (fact.clone(), true)).collect::<BTreeMap<_, _>>(),
        sources: Vec::new(),
    };
    let outcome = point.preview(test.record_type.as_str(), &test.paths, &request);
    let differences = match &outcome {
        Ok(record) => cleared_differences(test, record),
        Err(refused) => {
            let mut differences = Vec::new();
            if test.expected.outcome == Outcome::Cleared {
                differences.push(format!("expected cleared, but {refused}"));
            } else {
                let ground = refused.ground.code();
                let expected = test.expected.ground.as_ref().map(AsRef::as_ref);
                if expected.is_some_and(|expected: &str| expected != ground) {
                    differences.push(format!(
                        "expected ground `{}`, found `{ground}`",
                        expected.unwrap_or_default()
                    ));
                }
                clause_difference(test, refused.clause.as_ref(), &mut differences);
            }
            differences
        }
    };
    GoldenResult { name: test.name.clone(), differences }
}

fn cleared_differences(test: &GoldenTest, record: &DecisionRecord) -> Vec<String> {
    if test.expected.outcome == Outcome::Refused {
        return vec![format!("expected refused, but {}", record.reason)];
    }
    let mut differences = Vec::new();
    clause_difference(test, record.clause.as_ref(), &mut differences);
    let withheld: BTreeSet<String> = record.withheld.keys().cloned().collect();
    for path in withheld.difference(&test.expected.withheld) {
        differences.push(format!("`{path}` is withheld"));
    }
    for path in test.expected.withheld.difference(&withheld) {
        differences.push(format!("`{path}` is not withheld"));
    }
    differences
}

fn clause_difference(
    test: &GoldenTest,
    found: Option<&crate::name::Identifier>,
    differences: &mut Vec<String>,
) {
    let expected = test.expected.clause.as_ref();
    if expected.is_some() && expected != found {
        differences.push(format!(
            "expected clause `{}`, found `{}`",
            expected.map_or("none", |clause| clause.as_str()),
            found.map_or("none", |clause| clause.as_str())
        ));
    }
}
