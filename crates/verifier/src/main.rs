//! The verifier by itself: `tidewaiter-verify FILE [--trust CARD-OR-FINGERPRINT]... [--attachment FILE]... [--json]`.

use std::process::ExitCode;

const USAGE: &str =
    "usage: tidewaiter-verify FILE [--trust CARD-FILE-OR-FINGERPRINT]... [--attachment FILE]... [--json]
ends with 0 when proved, 1 when refused, 2 when nothing is decided";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(code) => ExitCode::from(code),
        Err(words) => {
            eprintln!("{words}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<u8, String> {
    let (mut file, mut anchors, mut attachments) = (None, Vec::new(), Vec::new());
    let (mut json, mut arguments) = (false, arguments);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--trust" => anchors.push(arguments.next().ok_or(USAGE)?),
            "--attachment" => attachments.push(arguments.next().ok_or(USAGE)?),
            _ if argument.starts_with("--") || file.is_some() => return Err(USAGE.to_owned()),
            _ => file = Some(argument),
        }
    }
    let file = file.ok_or(USAGE)?;
    let bytes = std::fs::read(&file).map_err(|error| format!("cannot read `{file}`: {error}"))?;
    let trust = verifier::read_trust(&anchors, &|name| std::fs::read(name).ok())
        .map_err(|error| error.to_string())?;
    let mut given = Vec::new();
    for path in &attachments {
        let cannot = |error: std::io::Error| format!("cannot read `{path}`: {error}");
        let mut content = std::fs::File::open(path).map_err(cannot)?;
        given.push(verifier::Given::read(&bytes, path, &mut content).map_err(cannot)?);
    }
    let verdict = verifier::verify_with(&bytes, &trust, &given);
    print!("{}", if json { verdict.to_json() } else { verifier::report(&verdict) });
    Ok(verdict.exit_code())
}
