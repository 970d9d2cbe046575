//! The command line: verdicts, set-up, service, and what each command says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::corridor::text;
use support::service::{Service, init, set_up};
use support::{data, declarations, processes, tidewaiter};

/// The words of a run with the folder's name left out, as it differs from run to run.
fn plain(words: &str, folder: &Path) -> String {
    words.replace(&folder.display().to_string(), "DIR")
}

#[test]
fn every_command_explains_itself() {
    let commands = [
        "",
        "init",
        "serve",
        "principal",
        "corridor",
        "corridor run",
        "corridor demo",
        "validate",
        "identifier",
        "identifier check",
        "reference",
        "reference import",
        "reference list",
        "bench",
        "bench transit",
        "evidence",
        "evidence export",
        "evidence unpack",
        "evidence verify",
    ];
    let mut help = String::new();
    for command in commands {
        let ran = tidewaiter(command.split_whitespace().chain(["--help"])).expect_code(0);
        assert_eq!(ran.stderr, "");
        help += &format!("$ tidewaiter {command} --help\n{}\n", ran.stdout);
    }
    insta::assert_snapshot!("help", help);
}

#[test]
fn validate_gives_one_line_a_file_and_the_worst_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let good = declarations::file(folder.path(), "good.xml", &declarations::declaration(1));
    let text = String::from_utf8(declarations::xml(&declarations::declaration(1))).unwrap();
    let bad =
        text.replace("<security>0", "<security>zero").replace("<declarationType>T1</declarationType>", "");
    let bad = declarations::bytes(folder.path(), "bad.xml", bad.as_bytes());
    let missing = folder.path().join("missing.xml");
    let [good, bad, missing] = [good, bad, missing].map(|path| path.display().to_string());
    let ran = tidewaiter(["validate", &good]).expect_code(0);
    assert_eq!(
        ran.json(),
        serde_json::json!({"file": good, "message": "CC015C", "valid": true, "errors": []})
    );
    let ran = tidewaiter(["validate", &good, &bad]).expect_code(1);
    assert_eq!(ran.json_lines().len(), 2);
    let one = serde_json::to_string_pretty(&ran.json_lines()[1]).unwrap();
    insta::assert_snapshot!("validate", plain(&one, folder.path()));
    let ran = tidewaiter(["validate", &missing, &good, &bad]).expect_code(2);
    let verdicts = ran.json_lines();
    assert_eq!(verdicts.len(), 3, "the others are checked all the same");
    assert_eq!((&verdicts[0]["valid"], &verdicts[0]["message"]), (&false.into(), &serde_json::Value::Null));
    assert!(ran.stderr.starts_with("tidewaiter: cannot read `"), "{}", ran.stderr);
}

#[test]
fn identifiers_get_the_verdicts_of_the_vectors() {
    let Some(data) = data() else { return };
    for kind in ["mrn", "grn"] {
        let table = std::fs::read_to_string(data.join(format!("vectors/{kind}.tsv"))).unwrap();
        let lines = table.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
        let vectors: Vec<(String, bool)> =
            lines.map(|fields| (fields[0].to_owned(), fields[1] == "valid")).collect();
        let values = vectors.iter().map(|(value, _)| value.as_str());
        let ran = tidewaiter(["identifier", "check", kind].into_iter().chain(values)).expect_code(1);
        let verdicts = ran.json_lines();
        assert_eq!(verdicts.len(), vectors.len());
        for (verdict, (value, valid)) in verdicts.iter().zip(&vectors) {
            assert_eq!((text(verdict, "value"), text(verdict, "kind")), (value.as_str(), kind));
            assert_eq!(verdict["valid"], *valid, "{verdict}");
            assert_eq!(verdict["reason"].is_null(), *valid, "{verdict}");
        }
    }
}

#[test]
fn identifiers_are_judged_in_words() {
    let cases = [
        ("mrn", "26GB000087000001J5", 0),
        ("mrn", "26GB000087000001J6", 1),
        ("grn", "26GB0000000001236", 0),
        ("container", "CSQU3054383", 0),
        ("container", "CSQU3054380", 1),
        ("eori", "GB205672212000", 0),
        ("eori", "205672212000", 1),
        ("office", "GB000087", 0),
        ("office", "Leeds", 1),
        ("mrn", "-", 1),
    ];
    let mut verdicts = String::new();
    for (kind, value, code) in cases {
        verdicts += &tidewaiter(["identifier", "check", kind, value]).expect_code(code).stdout;
    }
    insta::assert_snapshot!("identifiers", verdicts);
    tidewaiter(["identifier", "check", "passport", "X"]).expect_code(2);
}

#[test]
fn a_node_is_set_up_once_and_keeps_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("gb");
    let ran = init(&home).expect_code(0);
    let lines: Vec<String> =
        ran.stdout.lines().map(|line| without_secret(&plain(line, folder.path()))).collect();
    insta::assert_snapshot!("init", lines.join("\n"));
    let mode = |name: &str| std::fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("keys.json"), 0o600);
    assert_eq!(mode("node.db"), 0o600);
    let keys = std::fs::read(home.join("keys.json")).unwrap();
    let again = init(&home).expect_code(2);
    insta::assert_snapshot!(
        plain(&again.stderr, folder.path()),
        @"tidewaiter: `DIR/gb` already holds a node: choose another folder, or remove this one"
    );
    assert_eq!(std::fs::read(home.join("keys.json")).unwrap(), keys, "the keys are as they were");
}

/// A line with long hexadecimal words left out.
fn without_secret(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let secret = word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if secret { "SECRET" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_store_has_one_node_which_stops_when_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = set_up(&folder.path().join("gb"));
    let config = secrets.config.display().to_string();
    let mut first = Service::start(secrets);
    let second = tidewaiter(["serve", "--config", &config]).expect_code(2);
    let said = second.stderr.lines().last().unwrap();
    insta::assert_snapshot!(
        plain(said, folder.path()),
        @"tidewaiter: the store `sqlite:DIR/gb/node.db` already has a writer: stop the other node or choose another store"
    );
    first.register_guarantee();
    let declaration = declarations::xml(&declarations::domestic(1));
    assert_eq!(first.submit(&declaration).status, 202);
    assert!(processes::signal(first.id(), "TERM"));
    assert_eq!(first.ended(), Some(0));
    let log = std::fs::read_to_string(folder.path().join("gb/node.log")).unwrap();
    assert!(log.lines().last().unwrap().contains("the node has stopped"), "{log}");
}

#[test]
fn reference_data_is_shown_before_it_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let config = set_up(&folder.path().join("gb")).config.display().to_string();
    let list = r#"{"codeList": "CL251", "name": "GuaranteeType", "snapshot": "2026-11-01", "entries": [
        {"code": "1", "description": "Comprehensive guarantee", "state": "valid", "activeFrom": "2024-01-01"},
        {"code": "Z", "description": "Handshake", "state": "valid", "activeFrom": "2024-01-01"}]}"#;
    let path =
        declarations::bytes(folder.path(), "GuaranteeType.json", list.as_bytes()).display().to_string();
    let mut said = String::new();
    for arguments in [
        vec!["reference", "import", &path],
        vec!["reference", "import", &path, "--config", &config],
        vec!["reference", "import", &path, "--config", &config, "--activate"],
        vec!["reference", "import", &path, "--config", &config, "--activate"],
    ] {
        let ran = tidewaiter(&arguments).expect_code(0);
        let lines: Vec<&str> = ran.stdout.lines().filter(|line| !line.contains("not loaded")).collect();
        said += &format!("$ tidewaiter {}\n{}\n", arguments.join(" "), lines.join("\n"));
    }
    let ran = tidewaiter(["reference", "list", "--config", &config]).expect_code(0);
    let line = ran.stdout.lines().find(|line| line.starts_with("CL251")).unwrap();
    said += &format!("$ tidewaiter reference list\n{line}\n");
    insta::assert_snapshot!("reference", plain(&said, folder.path()));
    let missing = tidewaiter(["reference", "import", "/nowhere"]).expect_code(2);
    insta::assert_snapshot!(missing.stderr, @"tidewaiter: cannot read `/nowhere`: No such file or directory (os error 2)");
}

#[test]
fn official_reference_data_is_imported() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = set_up(&folder.path().join("gb")).config.display().to_string();
    let lists = data.join("codelists").display().to_string();
    let import = ["reference", "import", &lists, "--config", &config, "--activate"];
    let first = tidewaiter(import).expect_code(0);
    assert!(first.stdout.lines().any(|line| line.starts_with("customs offices: ")));
    assert!(first.stdout.lines().last().unwrap().starts_with("activated "), "{}", first.stdout);
    let again = tidewaiter(import).expect_code(0);
    assert!(
        again.stdout.lines().last().unwrap().starts_with("activated 0 list version(s);"),
        "{}",
        again.stdout
    );
    let listed = tidewaiter(["reference", "list", "--config", &config]).expect_code(0);
    let offices = listed.stdout.lines().last().unwrap();
    let count: usize = offices.strip_prefix("customs offices: ").unwrap().parse().unwrap();
    assert!(count > 4000, "{offices}");
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    let command = format!("{} identifier check mrn $(seq 1 20000) | head -n 1", support::BINARY);
    let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn thresholds_that_do_not_go_together_are_refused_before_anything_is_done() {
    let refused = |arguments: &[&str]| {
        let start = ["key", "register", "common-transit", "--config", "nowhere.toml"];
        tidewaiter([&start[..], arguments].concat()).expect_code(2).stderr
    };
    let alone = refused(&["--revocation-threshold", "1"]);
    assert!(alone.contains("--threshold <M>"), "{alone}");
    let admitting = refused(&["--admit", "NTA.IT", "--threshold", "2"]);
    assert!(admitting.contains("cannot be used with"), "{admitting}");
}
