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

/// Small counts: what is sent is counted on record by the command itself, which fails when anything is missing.
#[test]
fn the_exchange_is_measured_with_everything_counted() {
    let ran = tidewaiter([
        "bench",
        "exchange",
        "--json",
        "--messages",
        "8",
        "--size",
        "2KiB,64KiB",
        "--in-flight",
        "1,4",
    ])
    .expect_code(0);
    let report = ran.json();
    let cases = report["cases"].as_array().unwrap();
    let stores = if node::private_postgres().is_some() { vec!["sqlite", "postgres"] } else { vec!["sqlite"] };
    let mut expected = Vec::new();
    for store in &stores {
        for size in [2048, 65_536] {
            expected.extend([1, 4].map(|in_flight| (*store, size, in_flight)));
        }
    }
    let found: Vec<_> = cases
        .iter()
        .map(|case| {
            let number = |name: &str| case[name].as_u64().unwrap();
            (case["store"].as_str().unwrap(), number("size"), number("in_flight"))
        })
        .collect();
    assert_eq!(found, expected);
    for case in cases {
        assert_eq!(case["messages"], 8, "{case}");
        for figure in ["throughput_per_s", "limit_per_s", "ratio", "p50_ms", "p99_ms", "fsyncs_per_message"] {
            assert!(case[figure].as_f64().unwrap() > 0.0, "{figure} {case}");
        }
        assert!(case["p50_ms"].as_f64() <= case["p99_ms"].as_f64(), "{case}");
        let cpu = case["cpu_us"].as_object().unwrap();
        for stage in ["post", "claim", "prepare", "enter", "open", "take", "verify", "settle"] {
            assert!(cpu[&format!("step_{stage}")].as_f64().unwrap() > 0.0, "{stage} {case}");
        }
        for primitive in node::PRIMITIVES {
            assert!(cpu[&format!("bare_{primitive}")].as_f64().unwrap() > 0.0, "{primitive} {case}");
        }
        assert!(cpu["total"].as_f64() > cpu["step_prepare"].as_f64(), "{case}");
    }
    let of_stores = report["stores"].as_array().unwrap();
    assert_eq!(of_stores.iter().map(|one| &one["store"]).collect::<Vec<_>>(), stores);
    for figures in of_stores {
        assert_eq!((figures["letters"].as_u64(), figures["witnesses"].as_u64()), (Some(32), Some(2)));
        assert!(figures["restart_ms"].as_f64() > Some(0.0), "{figures}");
        assert!(figures["witnessed_p50_ms"].as_f64() <= figures["witnessed_p99_ms"].as_f64(), "{figures}");
    }
}

#[test]
fn the_report_of_the_exchange_for_people_is_a_table() {
    let ran = tidewaiter([
        "bench",
        "exchange",
        "--messages",
        "4",
        "--size",
        "2048",
        "--in-flight",
        "2",
        "--store",
        "sqlite",
    ])
    .expect_code(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("store") && lines[0].contains("ratio"), "{lines:?}");
    assert!(lines[1].starts_with("sqlite         2048      2        4"), "{lines:?}");
    assert!(lines[2].contains("restart with"), "{lines:?}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_words() {
    for (option, value, words) in [
        ("--size", "12", "give 64 bytes to 16MiB"),
        ("--size", "3KB", "`3KB` is no size"),
        ("--size", "99MiB", "give 64 bytes to 16MiB"),
        ("--store", "oracle", "`oracle` is no store"),
        ("--in-flight", "0", "give 1 to 1024"),
    ] {
        let ran = tidewaiter(["bench", "exchange", option, value]).expect_code(2);
        assert!(ran.stderr.contains(words), "{option} {value}: {}", ran.stderr);
    }
}
