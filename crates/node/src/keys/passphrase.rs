//! The passphrase of a sealed key file, and where it comes from.
//!
//! In this order: the environment variable `TIDEWAITER_KEY_PASSPHRASE`; the open file descriptor that
//! `TIDEWAITER_KEY_PASSPHRASE_FD` numbers; the file that `TIDEWAITER_KEY_PASSPHRASE_FILE` names; the systemd credential
//! `tidewaiter-key-passphrase`. A final line break is not part of it.

use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The name of the systemd credential.
const CREDENTIAL: &str = "tidewaiter-key-passphrase";

/// The shortest passphrase with which a key file is sealed: shorter ones are guessed however slow each guess is.
const SHORTEST: usize = 12;

/// A passphrase, wiped from memory when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// The place that was named cannot be read.
    #[error("cannot read the key passphrase from {place}: {reason}")]
    Unreadable {
        /// The variable, descriptor or file.
        place: String,
        /// The reason.
        reason: String,
    },
    /// It is too short for sealing.
    #[error("the key passphrase has {0} characters: choose one of at least 12")]
    TooShort(usize),
}

impl Passphrase {
    /// A passphrase for sealing.
    ///
    /// # Errors
    /// When it has fewer than twelve characters.
    pub fn for_sealing(self) -> Result<Self, PassphraseError> {
        match self.0.chars().count() {
            count if count < SHORTEST => Err(PassphraseError::TooShort(count)),
            _ => Ok(self),
        }
    }

    /// The passphrase that the process was given, if it was given one.
    ///
    /// # Errors
    /// When a place was named that cannot be read.
    pub fn from_process() -> Result<Option<Self>, PassphraseError> {
        Self::from_variables(|name| std::env::var_os(name).map(PathBuf::from))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Option<Self>, PassphraseError> {
        if let Some(value) = variable("TIDEWAITER_KEY_PASSPHRASE") {
            let place = "TIDEWAITER_KEY_PASSPHRASE";
            let text = value.to_str().ok_or_else(|| unreadable(place, "it is not UTF-8"))?;
            return Ok(Some(Self::from(text.to_owned())));
        }
        let descriptor =
            variable("TIDEWAITER_KEY_PASSPHRASE_FD").map(|number| Path::new("/dev/fd").join(number));
        let file = descriptor.or_else(|| variable("TIDEWAITER_KEY_PASSPHRASE_FILE"));
        if let Some(file) = file {
            return Self::read(&file).map(Some);
        }
        let credential = variable("CREDENTIALS_DIRECTORY").map(|folder| folder.join(CREDENTIAL));
        match credential.filter(|file| file.exists()) {
            Some(file) => Self::read(&file).map(Some),
            None => Ok(None),
        }
    }

    fn read(file: &Path) -> Result<Self, PassphraseError> {
        let text = std::fs::read_to_string(file);
        text.map(Self::from).map_err(|error| unreadable(&file.display().to_string(), &error.to_string()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Passphrase {
    fn from(text: String) -> Self {
        let text = Zeroizing::new(text);
        Self(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Passphrase(secret)")
    }
}

fn unreadable(place: &str, reason: &str) -> PassphraseError {
    PassphraseError::Unreadable { place: place.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &Path)]) -> Result<Option<String>, String> {
        let found = Passphrase::from_variables(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_path_buf())
        });
        found.map(|found| found.map(|found| found.0.to_string())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_places_are_looked_at_in_order() {
        let folder = std::env::temp_dir().join(format!("tidewaiter-passphrase-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(CREDENTIAL);
        std::fs::write(&file, "from the file\n").unwrap();
        let variable = ("TIDEWAITER_KEY_PASSPHRASE", Path::new("from the variable"));
        let named = ("TIDEWAITER_KEY_PASSPHRASE_FILE", file.as_path());
        assert_eq!(given(&[]), Ok(None));
        assert_eq!(given(&[variable, named]), Ok(Some("from the variable".to_owned())));
        assert_eq!(given(&[named]), Ok(Some("from the file".to_owned())));
        assert_eq!(given(&[("CREDENTIALS_DIRECTORY", &folder)]), Ok(Some("from the file".to_owned())));
        assert_eq!(given(&[("CREDENTIALS_DIRECTORY", Path::new("/nowhere"))]), Ok(None));
        let missing = given(&[("TIDEWAITER_KEY_PASSPHRASE_FD", Path::new("9999"))]).unwrap_err();
        assert!(missing.starts_with("cannot read the key passphrase from /dev/fd/9999"), "{missing}");
        std::fs::remove_dir_all(folder).unwrap();
        assert!(Passphrase::from("short".to_owned()).for_sealing().is_err());
    }
}
