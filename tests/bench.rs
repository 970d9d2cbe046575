//! The benchmark says what it measured in the documented form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::tidewaiter;

#[test]
fn transit_is_measured_on_both_stores() {
    let ran = tidewaiter(["bench", "transit", "--json", "--movements", "8"]).expect_code(0);
    let report = ran.json();
    let cases = report["cases"].as_array().unwrap();
    let stores: Vec<&str> = cases.iter().map(|case| case["store"].as_str().unwrap()).collect();
    if node::private_postgres().is_some() {
        assert_eq!(stores, ["sqlite", "postgres"]);
    } else {
        assert_eq!(stores, ["sqlite"]);
        assert_eq!(report["skipped"].as_array().unwrap().len(), 1);
    }
    for case in cases {
        assert_eq!(case["movements"], 8);
        // Fifteen messages from declaration to write-off, and one more where the arrival overtakes the crossing.
        assert!((8 * 15..=8 * 16).contains(&case["messages"].as_u64().unwrap()), "{case}");
        for figure in ["messages_per_s", "bare_inserts_per_s", "ratio", "commands_per_commit"] {
            assert!(case[figure].as_f64().unwrap() > 0.0, "{figure}");
        }
    }
}

#[test]
fn the_report_for_people_has_a_line_for_each_store() {
    let ran = tidewaiter(["bench", "transit", "--movements", "4"]).expect_code(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("sqlite") && lines[0].contains("ratio"), "{lines:?}");
    assert!(lines[1].starts_with("postgres"), "{lines:?}");
}
