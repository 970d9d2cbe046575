//! Runs the fuzz targets for a bounded time, the same way every time.
//!
//! The folder `fuzz` has the layout of cargo-fuzz, which explores without end on a nightly compiler. Here the same
//! programs are built by the pinned compiler, with the coverage counters of libFuzzer and without sanitizers (the rooms
//! have no unsafe code), and run a fixed number of times from a fixed seed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const USAGE: &str = "usage: cargo xtask fuzz [--runs N] [--seed N] [TARGET...]";

/// How many inputs each target is given when nobody says otherwise.
const RUNS: &str = "20000";

/// The longest input: longer than any statement, receipt or answer, and enough for a declaration.
const MAX_LENGTH: &str = "16384";

/// What libFuzzer needs of the compiler: counters of branches, a table of their places, and traced comparisons.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// Builds the targets and runs them.
///
/// # Errors
/// When one does not build or fails; its input is kept, and the message says how to run it again.
pub fn run(root: &Path, options: &[&str]) -> Result<String, String> {
    let (mut runs, mut seed, mut named) = (RUNS, "1", Vec::new());
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--runs" => runs = rest.next().ok_or(USAGE)?,
            "--seed" => seed = rest.next().ok_or(USAGE)?,
            option if option.starts_with('-') => return Err(USAGE.to_owned()),
            target => named.push(target.to_owned()),
        }
    }
    if [runs, seed].iter().any(|number| number.parse::<u32>().is_err()) {
        return Err(USAGE.to_owned());
    }
    let Some(host) = host() else {
        return Err("cannot ask rustc for its host".to_owned());
    };
    if let Some(reason) = unavailable(&host) {
        return Ok(format!("skipped: the fuzz engine cannot be built here: {reason}"));
    }
    let folder = root.join("fuzz");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("fuzz");
    build(&folder, &target, &host)?;
    let programs = target.join(&host).join("release");
    let targets = if named.is_empty() { all(&folder)? } else { named };
    for name in &targets {
        play(&folder, &programs, &target, name, [runs, seed])?;
    }
    Ok(format!("fuzz: {} targets, {runs} runs each, all is well", targets.len()))
}

/// The platform of the compiler, as in `x86_64-unknown-linux-gnu`.
fn host() -> Option<String> {
    let output = Command::new("rustc").arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

/// Why the fuzz engine cannot be built, if it cannot: it is C++, and knows few platforms.
fn unavailable(host: &str) -> Option<String> {
    if !host.contains("linux") && !host.contains("apple") {
        return Some(format!("libFuzzer does not know `{host}`"));
    }
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let found = Command::new(&compiler).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let usable = found.is_ok_and(|status| status.success());
    (!usable).then(|| format!("there is no C++ compiler `{compiler}` (Debian: build-essential)"))
}

fn build(folder: &Path, target: &Path, host: &str) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // With a target named, build scripts and macros stay without instrumentation.
    let status = Command::new(cargo)
        .current_dir(folder)
        .args(["build", "--quiet", "--release", "--bins", "--target", host, "--target-dir"])
        .arg(target)
        .env("RUSTFLAGS", INSTRUMENTATION)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("the fuzz targets do not build".to_owned()) }
}

/// The targets in order: each has a program of its name.
fn all(folder: &Path) -> Result<Vec<String>, String> {
    let programs = folder.join("fuzz_targets");
    let cannot = |error: std::io::Error| format!("cannot list {}: {error}", programs.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&programs).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Runs one target. What it finds of new inputs goes to a scratch folder, so that the corpora stay small and ours.
fn play(
    folder: &Path,
    programs: &Path,
    target: &Path,
    name: &str,
    [runs, seed]: [&str; 2],
) -> Result<(), String> {
    let corpus = folder.join("corpus").join(name);
    let scratch = target.join("found").join(name);
    let artifacts = target.join("artifacts").join(name);
    for place in [&scratch, &artifacts] {
        drop(std::fs::remove_dir_all(place));
        std::fs::create_dir_all(place)
            .map_err(|error| format!("cannot make {}: {error}", place.display()))?;
    }
    let output = Command::new(programs.join(name))
        .args([format!("-runs={runs}"), format!("-seed={seed}"), format!("-max_len={MAX_LENGTH}")])
        .args(["-print_final_stats=0".to_owned(), format!("-artifact_prefix={}/", artifacts.display())])
        .args([&scratch, &corpus])
        .output()
        .map_err(|error| format!("cannot run the fuzz target `{name}`: {error}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let end: Vec<&str> = words.lines().rev().take(20).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        return Err(format!(
            "the fuzz target `{name}` failed; {} {}/* runs it again:\n{}",
            programs.join(name).display(),
            artifacts.display(),
            end.join("\n")
        ));
    }
    let last = words.lines().rev().find(|line| line.starts_with("Done ") || line.contains("DONE"));
    println!("{name:<16} {}", last.map(str::trim).unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_options_show_the_usage() {
        for options in [vec!["--run", "1"], vec!["--runs"], vec!["--runs", "many"], vec!["--seed", "-1"]] {
            assert_eq!(run(Path::new("."), &options).unwrap_err(), USAGE);
        }
    }

    #[test]
    fn a_platform_without_the_engine_is_told() {
        assert!(unavailable("wasm32-unknown-unknown").is_some());
    }
}
