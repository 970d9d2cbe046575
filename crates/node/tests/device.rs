//! A signing key in a hardware security module: SoftHSM stands for one.
//!
//! Without SoftHSM (Debian: `softhsm2`) and `pkcs11-tool` (Debian: `opensc`) the test says that it skips; with
//! `TIDEWAITER_REQUIRE_TOOLS=1` it fails then.
#![cfg(feature = "pkcs11")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use evidence::{
    AgreementReference, Algorithm, Channel, Digest, Encryption, Manifest, MessageId, PartManifest, Statement,
    Suite, Timestamp,
};
use node::DeviceKey;
use std::path::{Path, PathBuf};
use std::process::Command;

const PIN: &str = "567890";

/// A folder with tokens of its own.
struct Tokens {
    folder: PathBuf,
    module: PathBuf,
}

impl Drop for Tokens {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn module() -> Option<PathBuf> {
    let known = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    ];
    let module = known.into_iter().map(PathBuf::from).find(|path| path.exists());
    let tools = ["softhsm2-util", "pkcs11-tool"];
    let there = |tool: &str| Command::new(tool).arg("--help").output().is_ok();
    let found = module.filter(|_| tools.iter().copied().all(there));
    if found.is_none() {
        let required = std::env::var("TIDEWAITER_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(!required, "SoftHSM and pkcs11-tool must be installed (Debian: softhsm2, opensc)");
        eprintln!("skipped: install softhsm2 and opensc");
    }
    found
}

impl Tokens {
    fn open(module: PathBuf) -> Self {
        let folder = std::env::temp_dir().join(format!("tidewaiter-tokens-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("tokens")).unwrap();
        let settings = format!("directories.tokendir = {}\n", folder.join("tokens").display());
        std::fs::write(folder.join("softhsm2.conf"), settings).unwrap();
        std::fs::write(folder.join("pin"), format!("{PIN}\n")).unwrap();
        let tokens = Self { folder, module };
        let made = ["--init-token", "--free", "--label", "customs", "--so-pin", "123456", "--pin", PIN];
        tokens.run("softhsm2-util", &made);
        tokens
    }

    fn settings(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output =
            Command::new(program).args(arguments).env("SOFTHSM2_CONF", self.settings()).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn generate(&self, kind: &str, label: &str, id: &str) {
        let module = self.module.display().to_string();
        let common = ["--module", &module, "--token-label", "customs", "--login", "--pin", PIN];
        let key = ["--keypairgen", "--key-type", kind, "--label", label, "--id", id];
        self.run("pkcs11-tool", &[&common[..], &key[..]].concat());
    }

    fn key(&self, label: &str, pin: &Path) -> DeviceKey {
        DeviceKey {
            module: self.module.clone(),
            token: "customs".to_owned(),
            label: label.to_owned(),
            pin: pin.display().to_string(),
        }
    }
}

fn manifest() -> Manifest {
    let at = Timestamp::parse("2026-11-24T06:00:00Z").unwrap();
    Manifest {
        message_id: MessageId::new(at, [5; 10]),
        channel: Channel::parse("NTA.GB>NTA.FR/24GB0000601001EBD4").unwrap(),
        sequence: 1,
        agreement: AgreementReference { id: "common-transit".to_owned(), version: 1, hash: Digest([7; 32]) },
        clause: "Art. 27".to_owned(),
        purpose: "transit-movement".to_owned(),
        created: at,
        expires: at.plus_seconds(86_400),
        exercise: false,
        parts: vec![PartManifest {
            name: "CD001C".to_owned(),
            media_type: "application/xml".to_owned(),
            ciphertext: Digest([2; 32]),
            plaintext_root: Digest([3; 32]),
            size: 7,
            leaves: evidence::disclosure::LeafScheme::Whole,
        }],
        encryption: Encryption {
            suite: Suite::HpkeX25519ChaCha20Poly1305,
            recipient_key: evidence::KeyId::from_bytes([1; 32]),
        },
        nonce: [8; 16],
    }
}

/// The one test of this file: SoftHSM reads its settings when its library is loaded, once in a process; so the test runs
/// itself again with the settings in the environment.
#[test]
fn a_key_in_a_device_signs_statements_that_verify() {
    const INNER: &str = "TIDEWAITER_TEST_TOKENS";
    let Some(module) = module() else { return };
    if let Ok(folder) = std::env::var(INNER) {
        let tokens = std::mem::ManuallyDrop::new(Tokens { folder: PathBuf::from(folder), module });
        return sign_and_verify(&tokens);
    }
    let tokens = Tokens::open(module);
    tokens.generate("EC:prime256v1", "statements", "01");
    tokens.generate("EC:edwards25519", "edwards", "02");
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_key_in_a_device_signs_statements_that_verify", "--nocapture"])
        .env("SOFTHSM2_CONF", tokens.settings())
        .env(INNER, &tokens.folder)
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
}

fn sign_and_verify(tokens: &Tokens) {
    let pin = tokens.folder.join("pin");
    for (label, algorithm) in [("statements", Algorithm::Es256), ("edwards", Algorithm::EdDsa)] {
        let key = node::open_device_key(&tokens.key(label, &pin)).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let signing = || Statement::sign(&manifest(), &key).unwrap();
        for statement in (0..20).map(|_| signing()) {
            Statement::verify(statement.as_bytes(), key.public()).unwrap();
        }
    }
    let refused = |key: DeviceKey| node::open_device_key(&key).err().unwrap().to_string();
    let absent = refused(tokens.key("another", &pin));
    assert!(absent.contains("0 objects") && absent.contains("`another`"), "{absent}");
    let token = refused(DeviceKey { token: "other".to_owned(), ..tokens.key("statements", &pin) });
    assert!(token.contains("there is no token `other`"), "{token}");
    let missing = refused(DeviceKey { module: "/nowhere.so".into(), ..tokens.key("statements", &pin) });
    assert!(missing.contains("cannot load `/nowhere.so`"), "{missing}");
    let no_pin = refused(tokens.key("statements", &tokens.folder.join("no-pin")));
    assert!(no_pin.contains("the PIN in"), "{no_pin}");
}
