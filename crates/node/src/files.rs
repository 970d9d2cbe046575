//! Files and folders that only their owner may read: keys, configuration, ways to sign in. A file is written whole or
//! not at all, so that an end of the process or of the disk's space never leaves half of one.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Result, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Makes a folder that only its owner may enter, and those above it. A folder that is there stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only its owner may read, in place of the one that is there.
///
/// # Errors
/// When it cannot be written; what was there is there still.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let new = write_beside(path, bytes)?;
    std::fs::rename(new, path)?;
    sync_folder_of(path)
}

/// Writes a file that only its owner may read, and that must not be there.
///
/// # Errors
/// When it is there or cannot be written.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let new = write_beside(path, bytes)?;
    // A link fails where a renaming would overwrite.
    let linked = std::fs::hard_link(&new, path);
    std::fs::remove_file(new)?;
    linked?;
    sync_folder_of(path)
}

/// Writes the bytes to a file beside `path`, down to the disk.
fn write_beside(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    // What an earlier attempt left behind may be readable by others.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(new)
}

/// Makes the name of a new file durable.
fn sync_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_reads_them_and_keys_are_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("tidewaiter-files-{}", std::process::id()));
        make_private_folder(&folder.join("inner")).unwrap();
        assert_eq!((mode(&folder), mode(&folder.join("inner"))), (0o700, 0o700));

        let file = folder.join("keys.json");
        std::fs::write(folder.join("keys.json.new"), "what an earlier attempt left").unwrap();
        create_private(&file, b"first").unwrap();
        assert_eq!(create_private(&file, b"other").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!((std::fs::read(&file).unwrap(), mode(&file)), (b"first".to_vec(), 0o600));
        write_private(&file, b"second").unwrap();
        assert_eq!((std::fs::read(&file).unwrap(), mode(&file)), (b"second".to_vec(), 0o600));
        assert!(!folder.join("keys.json.new").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
