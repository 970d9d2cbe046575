//! Chores of the workspace: `cargo xtask tidy` checks the house rules, `cargo xtask gen` makes the message table.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod fuzz;
// `gen` is a reserved word, so the module has another name than its file.
#[path = "gen.rs"]
mod message_table;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask tidy
       cargo xtask gen [--data PATH] [--check]
       cargo xtask fuzz [--runs N] [--seed N] [TARGET...]
       cargo xtask simulate [--letters] [--seed N [--trace] | --seeds A..B | --count N] [--jobs N]

tidy   checks imports between rooms, dependencies, length of files and words
gen    makes the message table of `wire` from the schemas and definitions below PATH (default ../shared/data/ncts);
       with --check it only says whether the table is up to date
fuzz   runs the fuzz targets of every parser that faces a partner, each 20000 times or as often as is given
simulate  builds the simulation optimised, and plays 10000 federations under faults or those that are given";

/// The message table, which is committed together with its generator.
const TABLE: &str = "crates/wire/tables/ncts-p5.table";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["tidy"] => check_house(&workspace()),
        ["gen", options @ ..] => make_table(&workspace(), options),
        ["fuzz", options @ ..] => fuzz::run(&workspace(), options),
        ["simulate", options @ ..] => simulate(&workspace(), options),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace, one above this package.
fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

fn check_house(root: &Path) -> Result<String, String> {
    let report = tidy::check(root)?;
    for warning in &report.warnings {
        println!("warning: {warning}");
    }
    if report.errors.is_empty() {
        Ok(format!("tidy: {} files in order", report.files))
    } else {
        let errors: Vec<String> = report.errors.iter().map(|error| format!("error: {error}")).collect();
        Err(errors.join("\n"))
    }
}

fn make_table(root: &Path, options: &[&str]) -> Result<String, String> {
    let mut data = root.join("../shared/data/ncts");
    let mut only_check = false;
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--data" => data = rest.next().ok_or(USAGE)?.into(),
            "--check" => only_check = true,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let table = root.join(TABLE);
    if !only_check {
        message_table::run(&data, &table)?;
        return Ok(format!("wrote {TABLE}"));
    }
    let committed =
        std::fs::read_to_string(&table).map_err(|error| format!("cannot read {TABLE}: {error}"))?;
    if message_table::table(&data)? == committed {
        Ok(format!("{TABLE} is up to date"))
    } else {
        Err(format!("{TABLE} is not what its generator makes; run `cargo xtask gen`"))
    }
}

/// The simulation is a program of its own, so that a chore need not wait until all rooms are built.
fn simulate(root: &Path, options: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--release", "--package", "tidewaiter-sim", "--example", "simulate", "--"])
        .args(options)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok("simulate: all is well".to_owned()) } else { Err("simulate: failed".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_in_order() {
        check_house(&workspace()).unwrap();
    }

    #[test]
    fn the_message_table_is_what_its_generator_makes() {
        let beside = workspace().join("../shared/data");
        let data = std::env::var_os("TIDEWAITER_DATA").map_or(beside, PathBuf::from).join("ncts");
        if data.is_dir() {
            let data = data.to_string_lossy().into_owned();
            make_table(&workspace(), &["--data", &data, "--check"]).unwrap();
        } else {
            let required = std::env::var("TIDEWAITER_REQUIRE_DATA").is_ok_and(|value| value == "1");
            assert!(!required, "there is no {}; set TIDEWAITER_DATA", data.display());
            println!("skipped: there is no {}", data.display());
        }
    }

    #[test]
    fn unknown_options_show_the_usage() {
        assert_eq!(make_table(&workspace(), &["--dat"]).unwrap_err(), USAGE);
        assert_eq!(make_table(&workspace(), &["--data"]).unwrap_err(), USAGE);
    }
}
