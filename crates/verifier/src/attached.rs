//! Attachments: which the signed statement covers, and whether a file that is given is one of them.

use crate::examination::{contradiction, verify};
use crate::gaps;
use crate::trust::Trust;
use crate::verdict::{Attached, Outcome, Problem, Verdict};
use evidence::chunked::ChunkedPart;
use evidence::stream::ContentDigest;
use evidence::{Digest, EvidenceFile, Manifest, Statement};
use std::collections::BTreeMap;
use std::io::{self, Read};

/// The code of a given file that is none of the attachments, or is not shown to be one.
const OTHER: &str = "attachment";
/// The code of a given file that cannot be compared.
const INCOMPARABLE: &str = "attachment-incomparable";

/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

/// The attachments that a statement covers, in the order of its parts.
pub(crate) fn of(file: &EvidenceFile, manifest: &Manifest) -> Vec<Attached> {
    let parts = manifest.parts.iter().enumerate();
    let covered = parts.filter_map(|(index, part)| {
        let chunked = ChunkedPart::of(manifest, index).ok()?;
        Some(Attached {
            name: part.name.clone(),
            media_type: part.media_type.clone(),
            size: part.size,
            chunks: chunked.count(),
            digest: part.plaintext_root.to_string(),
            sealed_digest: part.ciphertext.to_string(),
            comparable: file.attachments.iter().any(|shown| shown.part == index as u64),
            given: None,
        })
    });
    covered.collect()
}

/// What is wrong with the section of attachments: every secret in it is of a part in chunks.
pub(crate) fn problems(file: &EvidenceFile, manifest: &Manifest) -> Vec<Problem> {
    let is_chunked = |part: u64| usize::try_from(part).is_ok_and(|part| manifest.is_chunked(part));
    let wrong = file.attachments.iter().filter(|shown| !is_chunked(shown.part));
    wrong.map(|_| contradiction("what lets an attachment be compared is of a part that is none")).collect()
}

/// A file that whoever verifies has, and asks about: is it one of the attachments that were signed?
#[derive(Clone, Debug)]
pub struct Given {
    name: String,
    size: u64,
    /// The root that the file has with the salts of each attachment.
    roots: BTreeMap<u64, Digest>,
}

impl Given {
    /// Reads a file once, with little memory however large it is, to be compared with the attachments of the evidence in
    /// `bytes`. Evidence that cannot be read has none.
    ///
    /// # Errors
    /// When the file cannot be read, or is larger than any attachment.
    pub fn read(bytes: &[u8], name: &str, content: &mut dyn Read) -> io::Result<Self> {
        let shown = EvidenceFile::decode(bytes).map(|file| file.attachments).unwrap_or_default();
        let mut digests: Vec<(u64, ContentDigest)> =
            shown.into_iter().map(|shown| (shown.part, ContentDigest::new(shown.secret))).collect();
        let (mut size, mut piece) = (0u64, vec![0; PIECE]);
        loop {
            let length = match content.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            size += length as u64;
            for (_, digest) in &mut digests {
                digest.update(piece.get(..length).unwrap_or_default()).map_err(io::Error::other)?;
            }
        }
        let mut roots = BTreeMap::new();
        for (part, digest) in digests {
            roots.insert(part, digest.finish().map_err(io::Error::other)?.plaintext_root);
        }
        Ok(Self { name: name.to_owned(), size, roots })
    }
}

/// Verifies an evidence file, and whether each of the files that are given is an attachment that it covers. One that is
/// not, or cannot be compared, is a problem.
pub fn verify_with(bytes: &[u8], trust: &Trust, given: &[Given]) -> Verdict {
    let mut verdict = verify(bytes, trust);
    let manifest = EvidenceFile::decode(bytes)
        .and_then(|file| Statement::read(file.statement.as_bytes()).map(|claim| claim.manifest().clone()));
    let Ok(manifest) = manifest else { return verdict };
    for given in given {
        let of_parts = given.roots.iter().filter_map(|(part, root)| {
            let described = manifest.parts.get(usize::try_from(*part).ok()?)?;
            (described.plaintext_root == *root && described.size == given.size).then_some(&described.name)
        });
        let found: Vec<&String> = of_parts.collect();
        let matching = verdict.attachments.iter_mut().filter(|attached| found.contains(&&attached.name));
        let mut is_one = false;
        for attached in matching {
            attached.given = Some(given.name.clone());
            // Whoever has the content needs nobody to say what it is; and only the right salts lead to the signed digest.
            let told = [gaps::unshown(&attached.name), gaps::unconfirmed(&attached.name)];
            verdict.not_proved.retain(|gap| !told.contains(gap));
            is_one = true;
        }
        if !is_one {
            verdict.problems.push(why_not(&verdict.attachments, given));
            verdict.outcome = Outcome::Refused;
        }
    }
    verdict
}

fn why_not(attachments: &[Attached], given: &Given) -> Problem {
    let Given { name, size, .. } = given;
    let as_long = || attachments.iter().filter(|attached| attached.size == *size);
    if let Some(attached) = as_long().find(|attached| !attached.comparable) {
        let words = format!(
            "`{name}` cannot be compared with the attachment `{}`: the file does not hold its salts (export it with \
             --attachments)",
            attached.name
        );
        return Problem::new(INCOMPARABLE, words);
    }
    // Nobody signed the salts: with wrong ones a genuine copy looks like any other file of its size.
    let words = if as_long().next().is_some() {
        format!(
            "`{name}`, {size} bytes, is not shown to be one of the attachments that were signed, by the salts in this file"
        )
    } else {
        format!("`{name}`, {size} bytes, is none of the attachments that were signed")
    };
    Problem::new(OTHER, words)
}

/// Whether all that does not hold is about files that were given.
pub(crate) fn only_given(problems: &[Problem]) -> bool {
    problems.iter().all(|problem| [OTHER, INCOMPARABLE].contains(&problem.code.as_str()))
}

impl Attached {
    /// The attachment in words.
    pub fn words(&self) -> String {
        let Self { name, media_type, size, chunks, digest, .. } = self;
        let plural = if *chunks == 1 { "chunk" } else { "chunks" };
        let compared = match &self.given {
            Some(given) => format!(": `{given}` is this attachment"),
            None => String::new(),
        };
        format!("`{name}`, {media_type}, {size} bytes in {chunks} {plural}, digest {digest}{compared}")
    }
}
