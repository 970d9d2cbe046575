//! The verdict of wire is the verdict of xmllint: on all samples, and on random changes to them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use support::{
    Judgement, Random, Sample, data, has_xmllint, mutation, rounds, samples, says_the_same, schema, values,
    xmllint,
};
use wire::{Limits, MessageType, Verdict, validate};

#[test]
fn every_sample_has_the_recorded_verdict() {
    let Some(data) = data() else { return };
    let samples = samples(&data);
    assert!(samples.len() > 200, "only {} samples", samples.len());
    let wrong: Vec<String> = samples
        .iter()
        .filter_map(|sample| {
            let verdict = validate(&sample.bytes, &Limits::default());
            let is_same = verdict.message == Some(sample.message) && verdict.is_valid() == sample.is_valid;
            (!is_same)
                .then(|| format!("{:?} valid {}: {:?}", sample.path, sample.is_valid, verdict.errors.first()))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("{} samples agree", samples.len());
}

/// A changed sample.
struct Mutant {
    what: String,
    of: MessageType,
    file: PathBuf,
    bytes: Vec<u8>,
}

#[test]
fn changed_samples_have_the_verdict_first_line_and_code_of_xmllint() {
    let Some(data) = data() else { return };
    if !has_xmllint() {
        return;
    }
    let mut random = Random::seeded(20_261_124);
    let folder = std::env::temp_dir().join(format!("tidewaiter-mutants-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let originals: Vec<Sample> = samples(&data).into_iter().filter(|sample| sample.is_valid).collect();
    let mutants = mutants(&originals, rounds(600, 10_000), &folder, &mut random);
    let judgements = judge(&data, &mutants);
    let mut failures = Vec::new();
    let mut invalid = 0;
    for mutant in &mutants {
        let judgement = &judgements[&mutant.file];
        invalid += usize::from(!judgement.is_valid);
        let verdict = validate(&mutant.bytes, &Limits::default());
        // A document type is refused whatever xmllint says of it.
        if verdict.errors.first().is_some_and(|error| error.message.contains("document type")) {
            continue;
        }
        if let Err(difference) = compare(mutant.of, &verdict, judgement) {
            failures.push(format!("{:?} of {} ({}): {difference}", mutant.file, mutant.of, mutant.what));
        }
    }
    println!("{} mutants, {invalid} invalid, {} differences", mutants.len(), failures.len());
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Compares verdict, first line and first code.
fn compare(of: MessageType, verdict: &Verdict, judgement: &Judgement) -> Result<(), String> {
    let is_valid = verdict.is_valid() && verdict.message == Some(of);
    let first = verdict.errors.first();
    if is_valid != judgement.is_valid {
        return Err(format!("xmllint says {judgement:?}, wire {first:?}"));
    }
    let (Some(line), Some(first)) = (judgement.line, first) else {
        return Ok(());
    };
    if !is_valid && line != first.line {
        return Err(format!("xmllint reports line {line}, wire {first}"));
    }
    if !is_valid && !says_the_same(first.code, &judgement.message) {
        return Err(format!("xmllint says {:?}, wire {first}", judgement.message));
    }
    Ok(())
}

/// A leaf of a sample, to be given values of all kinds.
struct Field {
    sample: usize,
    from: usize,
    to: usize,
}

/// One field for each format of the table, in messages of which there is a sample.
fn fields(samples: &[Sample]) -> BTreeMap<&'static str, Field> {
    let mut fields = BTreeMap::new();
    for (index, sample) in samples.iter().enumerate() {
        let text = std::str::from_utf8(&sample.bytes).unwrap();
        let all = mutation::elements(text);
        for leaf in all.iter().filter(|element| element.is_leaf) {
            let mut path = vec![leaf.name.as_str()];
            let mut parent = leaf.parent;
            while let Some(at) = parent {
                path.insert(0, &all[at].name);
                parent = all[at].parent;
            }
            let facts = wire::element(sample.message, &path[1..].join("/"));
            if let Some(format) = facts.and_then(|facts| facts.format) {
                fields.entry(format).or_insert(Field { sample: index, from: leaf.inside, to: leaf.outside });
            }
        }
    }
    fields
}

#[test]
fn every_format_takes_the_values_that_xmllint_takes() {
    let Some(data) = data() else { return };
    if !has_xmllint() {
        return;
    }
    let mut random = Random::seeded(4_711);
    let folder = std::env::temp_dir().join(format!("tidewaiter-values-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let originals: Vec<Sample> = samples(&data).into_iter().filter(|sample| sample.is_valid).collect();
    let fields = fields(&originals);
    assert!(fields.len() > 60, "only {} formats occur in the samples", fields.len());
    let mut mutants = Vec::new();
    for (format, field) in &fields {
        let sample = &originals[field.sample];
        for value in values::values_like(&sample.bytes[field.from..field.to], rounds(12, 200), &mut random) {
            let bytes = [&sample.bytes[..field.from], value.as_bytes(), &sample.bytes[field.to..]].concat();
            let file = folder.join(format!("{}.xml", mutants.len()));
            std::fs::write(&file, &bytes).unwrap();
            mutants.push(Mutant { what: format!("{value:?} as {format}"), of: sample.message, file, bytes });
        }
    }
    let judgements = judge(&data, &mutants);
    let differences: Vec<String> = mutants
        .iter()
        .filter_map(|mutant| {
            let verdict = validate(&mutant.bytes, &Limits::default());
            let difference = compare(mutant.of, &verdict, &judgements[&mutant.file]).err()?;
            Some(format!("{} of {}: {difference}", mutant.what, mutant.of))
        })
        .collect();
    println!("{} values of {} formats, {} differences", mutants.len(), fields.len(), differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn mutants(originals: &[Sample], count: usize, folder: &std::path::Path, random: &mut Random) -> Vec<Mutant> {
    let by_message =
        originals.iter().fold(BTreeMap::<MessageType, Vec<&Sample>>::new(), |mut map, sample| {
            map.entry(sample.message).or_default().push(sample);
            map
        });
    let messages: Vec<&Vec<&Sample>> = by_message.values().collect();
    let mut mutants = Vec::new();
    while mutants.len() < count {
        // Half of the mutants are spread evenly over the messages, half over the samples.
        let sample = if random.below(2) == 0 {
            let message = *random.pick(&messages);
            *random.pick(message)
        } else {
            random.pick(originals)
        };
        let text = String::from_utf8(sample.bytes.clone()).unwrap();
        let (what, bytes) = mutation::mutate(text.trim_start_matches('\u{feff}'), random);
        let file = folder.join(format!("{}.xml", mutants.len()));
        std::fs::write(&file, &bytes).unwrap();
        mutants.push(Mutant { what, of: sample.message, file, bytes });
    }
    mutants
}

fn judge(data: &std::path::Path, mutants: &[Mutant]) -> std::collections::HashMap<PathBuf, Judgement> {
    let mut files: BTreeMap<MessageType, Vec<PathBuf>> = BTreeMap::new();
    for mutant in mutants {
        files.entry(mutant.of).or_default().push(mutant.file.clone());
    }
    files.into_iter().flat_map(|(message, files)| xmllint(&schema(data, message), &files)).collect()
}
