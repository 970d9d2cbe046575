//! Messages per second of `wire::validate` and of xmllint over the same samples, in turns, in one run.
//!
//! `cargo run --release -p tidewaiter-wire --example throughput [SAMPLES_AND_SCHEMAS_FOLDER]`

// Measuring is what this program is for.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use wire::{Limits, MessageType, read, validate};

/// How often the two take turns.
const TURNS: usize = 5;
/// How often each validates every sample in a turn: enough to drown the start of a process and of a schema.
const REPEATS: usize = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/ncts");
    let data = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| default.to_owned())).canonicalize()?;
    let message = MessageType::CC015C;
    let files = declarations(&data, message)?;
    let texts = files.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let bytes: usize = texts.iter().map(Vec::len).sum();
    println!("{} samples of {message}, {bytes} bytes, {TURNS} turns of {REPEATS} repeats", files.len());
    let (mut ours, mut reading, mut theirs) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for _ in 0..TURNS {
        ours += time(|| {
            for text in texts.iter().cycle().take(texts.len() * REPEATS) {
                std::hint::black_box(validate(text, &Limits::default()).is_valid());
            }
        });
        reading += time(|| {
            for text in texts.iter().cycle().take(texts.len() * REPEATS) {
                std::hint::black_box(read(text, &Limits::default()).is_ok());
            }
        });
        theirs += xmllint(&data, message, &files)?;
    }
    let count = u32::try_from(TURNS * REPEATS * files.len())?;
    let rate = |took: Duration| f64::from(count) / took.as_secs_f64();
    println!("wire::validate  {:>9.0} messages/s", rate(ours));
    println!("wire::read      {:>9.0} messages/s", rate(reading));
    println!("xmllint         {:>9.0} messages/s", rate(theirs));
    println!("ratio           {:>9.1}", rate(ours) / rate(theirs));
    Ok(())
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// One process validates all samples as often as we do.
fn xmllint(data: &Path, message: MessageType, files: &[PathBuf]) -> std::io::Result<Duration> {
    let schema = data.join(format!("xsd/p5-51.8.6/{}.xsd", message.as_str().to_lowercase()));
    let start = Instant::now();
    let repeated = files.iter().cycle().take(files.len() * REPEATS);
    Command::new("xmllint").args(["--noout", "--schema"]).arg(schema).args(repeated).output()?;
    Ok(start.elapsed())
}

fn declarations(data: &Path, message: MessageType) -> std::io::Result<Vec<PathBuf>> {
    let folder = data.join("samples");
    let table = std::fs::read_to_string(folder.join("VALIDATION.tsv"))?;
    let valid = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let valid =
        valid.filter(|columns| columns.get(1) == Some(&message.as_str()) && columns.get(2) == Some(&"valid"));
    Ok(valid.filter_map(|columns| columns.first().map(|name| folder.join(name))).collect())
}
