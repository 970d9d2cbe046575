//! Every vector of MRN and GRN agrees: the verdict and the digit that the number should end with.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod data;

use base::{Grn, Mrn, check};

fn rows(file: &str) -> Option<Vec<[String; 3]>> {
    let path = data::folder("ncts/vectors")?.join(file);
    let text = std::fs::read_to_string(path).expect("the vectors are text");
    let rows: Vec<[String; 3]> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            std::array::from_fn(|_| fields.next().expect("three columns"))
        })
        .collect();
    assert!(rows.len() >= 10, "{file} has only {} rows", rows.len());
    Some(rows)
}

fn agrees(kind: &str, value: &str, verdict: &str, digit: &str, expected: u8) {
    assert_eq!(digit, expected.to_string(), "{kind} {value}");
    let found = check(kind, value);
    assert_eq!(found.valid, verdict == "valid", "{kind} {value} {:?}", found.reason);
    if verdict == "bad-check-digit" {
        assert_eq!(found.reason.unwrap(), format!("its check digit should be {digit} (R0028)"));
    }
}

#[test]
fn every_mrn_agrees() {
    for [value, verdict, digit] in rows("mrn.tsv").into_iter().flatten() {
        agrees("mrn", &value, &verdict, &digit, Mrn::parse(&value).unwrap().expected_check_digit());
    }
}

#[test]
fn every_grn_agrees() {
    for [value, verdict, digit] in rows("grn.tsv").into_iter().flatten() {
        agrees("grn", &value, &verdict, &digit, Grn::parse(&value).unwrap().expected_check_digit());
    }
}
