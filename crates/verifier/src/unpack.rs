//! An evidence file taken apart into files of published formats, so that tools that know nothing of this project can
//! check each.

use crate::jwks;
use evidence::chunked::ChunkedPart;
use evidence::disclosure::WHOLE;
use evidence::{EvidenceError, EvidenceFile, Manifest, ShownPart, StagedStatement, Statement, log_origin};
use serde_json::{Value, json};

/// A file that an evidence file is taken apart into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Its name: letters, digits, hyphens and a dot only.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Takes an evidence file apart; nothing is verified. The files are:
///
/// | name | what | format |
/// |---|---|---|
/// | `statement.cose` | the signed statement, which is the log entry | COSE_Sign1 (RFC 9052), SCITT signed statement (RFC 9943) |
/// | `transparent.cose` | the statement with its receipts | SCITT transparent statement (RFC 9943) |
/// | `receipt-N.cose` | the receipts of logs | COSE receipt (RFC 9942) |
/// | `stage-N-NAME.cose` | what the recipient stated | COSE_Sign1 |
/// | `checkpoint-N.txt` | checkpoints of logs with cosignatures | C2SP tlog-checkpoint |
/// | `keys.jwks` | the keys that the file brings | JWK set (RFC 7517) |
/// | `card-N.json` | the cards that the file brings | partner card |
/// | `register-N.cbor` | the key registers that the file brings | signed key register |
/// | `manifest.json` | what the statement says, and how the pieces belong together | JSON |
/// | `disclosed.json` | fields shown, with salts and proofs, and the secrets of attachments' salts | JSON |
/// | `part-N.bin` | parts shown whole | as their media type says |
/// | `conflict.cose`, `conflicting-statement.cose` | proof of a conflict | COSE_Sign1 |
///
/// # Errors
/// When it is no evidence file.
pub fn unpack(bytes: &[u8]) -> Result<Vec<Unpacked>, EvidenceError> {
    let file = EvidenceFile::decode(bytes)?;
    let manifest = Statement::read(file.statement.as_bytes())?.manifest().clone();
    let mut files = Vec::new();
    let mut add = |name: String, content: Vec<u8>| files.push(Unpacked { name, content });
    add("statement.cose".to_owned(), file.statement.as_bytes().to_vec());
    if !file.receipts.is_empty() {
        add("transparent.cose".to_owned(), file.transparent()?);
    }
    for (number, receipt) in (1..).zip(&file.receipts) {
        add(format!("receipt-{number}.cose"), receipt.clone());
    }
    for (number, stage) in (1..).zip(&file.stages) {
        let name = StagedStatement::read(stage)?.stage().name;
        add(format!("stage-{number}-{name}.cose"), stage.clone());
    }
    for (number, checkpoint) in (1..).zip(&file.checkpoints) {
        add(format!("checkpoint-{number}.txt"), checkpoint.note.clone().into_bytes());
    }
    for (number, card) in (1..).zip(&file.cards) {
        add(format!("card-{number}.json"), card.to_json().into_bytes());
    }
    for (number, register) in (1..).zip(&file.registers) {
        add(format!("register-{number}.cbor"), register.to_bytes());
    }
    for shown in file.shown.iter().filter(|shown| shown.shown.path == WHOLE) {
        add(format!("part-{}.bin", shown.part + 1), shown.shown.value.clone());
    }
    if let Some(conflict) = &file.conflict {
        add("conflict.cose".to_owned(), conflict.proof.clone());
        add("conflicting-statement.cose".to_owned(), conflict.statement.clone());
    }
    add("keys.jwks".to_owned(), text(&jwks::of(&file.cards, &file.registers)));
    add("manifest.json".to_owned(), text(&described(&file, &manifest)));
    add("disclosed.json".to_owned(), text(&disclosed(&file, &manifest)));
    Ok(files)
}

fn text(value: &Value) -> Vec<u8> {
    // A tree of texts and numbers serialises without fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text.into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn described(file: &EvidenceFile, manifest: &Manifest) -> Value {
    let parts: Vec<Value> = manifest
        .parts
        .iter()
        .enumerate()
        .map(|(index, part)| {
            json!({
                "chunks": ChunkedPart::of(manifest, index).map(|part| part.count()).ok(),
                "name": part.name, "media_type": part.media_type, "size": part.size,
                "ciphertext_sha256": part.ciphertext.to_string(),
                "plaintext_root": part.plaintext_root.to_string(),
                "leaves": format!("{:?}", part.leaves).to_lowercase(),
            })
        })
        .collect();
    let checkpoints: Vec<Value> = (1..)
        .zip(&file.checkpoints)
        .map(|(number, checkpoint)| {
            let path: Vec<String> = checkpoint.path.iter().map(|hash| hex(hash)).collect();
            json!({
                "file": format!("checkpoint-{number}.txt"), "log": checkpoint.log.to_string(),
                "origin": log_origin(&checkpoint.log), "leaf_index": checkpoint.index, "inclusion_path": path,
            })
        })
        .collect();
    json!({
        "evidence_version": evidence::EVIDENCE_VERSION,
        "statement_sha256": file.statement.digest().to_string(),
        "leaf_hash": hex(&file.statement.leaf()),
        "message_id": manifest.message_id.to_string(),
        "from": manifest.from().to_string(),
        "to": manifest.to().to_string(),
        "subject": manifest.channel.subject(),
        "sequence": manifest.sequence,
        "agreement": {
            "id": manifest.agreement.id, "version": manifest.agreement.version,
            "compiled_sha256": manifest.agreement.hash.to_string(),
        },
        "clause": manifest.clause,
        "purpose": manifest.purpose,
        "created": manifest.created.to_string(),
        "expires": manifest.expires.to_string(),
        "exercise": manifest.exercise,
        "parts": parts,
        "encryption": { "recipient_key": manifest.encryption.recipient_key.to_string() },
        "nonce": hex(&manifest.nonce),
        "checkpoints": checkpoints,
    })
}

fn disclosed(file: &EvidenceFile, manifest: &Manifest) -> Value {
    let leaf = "SHA-256(0x00 || salt || path length in 4 bytes, big-endian || path || value)";
    let fields: Vec<Value> = file
        .shown
        .iter()
        .map(|ShownPart { part, shown }| {
            let proof: Vec<String> = shown.proof.iter().map(|hash| hex(hash)).collect();
            // Nothing is verified here: a proof can be longer than that of any tree.
            let tree_size = u32::try_from(shown.proof.len()).ok().and_then(|height| 1u64.checked_shl(height));
            let name =
                usize::try_from(*part).ok().and_then(|at| manifest.parts.get(at)).map(|part| &part.name);
            let value = match std::str::from_utf8(&shown.value) {
                Ok(value) if shown.path != WHOLE => json!({ "text": value }),
                _ => json!({ "file": format!("part-{}.bin", part + 1) }),
            };
            json!({
                "part": part, "name": name, "path": shown.path, "value": value, "salt": hex(&shown.salt),
                "leaf_index": shown.index, "tree_size": tree_size, "inclusion_path": proof,
            })
        })
        .collect();
    let attachments: Vec<Value> = file
        .attachments
        .iter()
        .map(|shown| json!({ "part": shown.part, "secret": hex(shown.secret.as_bytes()) }))
        .collect();
    json!({
        "leaf": leaf, "root": "plaintext_root of the part in manifest.json (RFC 9162)", "fields": fields,
        "chunks": "the leaves of an attachment are its pieces of 262144 bytes at the paths chunk/0, chunk/1, ...; the \
            salt of a path is the first 16 bytes of HMAC-SHA-256 of it under the secret",
        "attachments": attachments,
    })
}
