//! Runs the simulation of a seed and prints its trace, what went wrong on purpose, and what must not have happened.
//!
//! `cargo run -p tidewaiter-sim --example replay SEED`

use std::process::ExitCode;

fn main() -> ExitCode {
    let seed = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    let Some(seed) = seed else {
        eprintln!("usage: replay SEED");
        return ExitCode::from(2);
    };
    match sim::run(seed) {
        Ok(run) => {
            print!("{}", run.trace);
            for (fault, times) in &run.faults {
                println!("{fault}: {times}");
            }
            for violation in &run.violations {
                println!("VIOLATION: {violation}");
            }
            ExitCode::from(u8::from(!run.violations.is_empty()))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
