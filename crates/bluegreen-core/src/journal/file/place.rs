//! Folders, file names and the errors of the file system, in words.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::journal::JournalError;
use crate::plan::hex;

/// Where journals live by default: `$BLUEGREEN_STATE`, else `$XDG_STATE_HOME/bluegreen`, else
/// `$HOME/.local/state/bluegreen`. `vars` looks up an environment variable; an empty one counts as unset.
pub fn state_root(vars: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, JournalError> {
    let get = |name| vars(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // A relative XDG path is invalid by its own rules, and would mean another folder in every directory.
    let xdg = || get("XDG_STATE_HOME").filter(|path| path.is_absolute()).map(|path| path.join("bluegreen"));
    let home = || get("HOME").map(|home| home.join(".local/state/bluegreen"));
    get("BLUEGREEN_STATE").or_else(xdg).or_else(home).ok_or_else(|| JournalError::Storage {
        action: "find",
        place: "a folder for the journal".to_owned(),
        what: "none of BLUEGREEN_STATE, XDG_STATE_HOME and HOME is set; set BLUEGREEN_STATE to a folder that \
               outlives this process, so that the run can be resumed"
            .to_owned(),
    })
}

/// Longer names are cut, and told apart by a hash: file systems stop at 255 bytes.
const NAME_MAX: usize = 120;

/// `part` as the name of a file or folder: letters, digits, `-`, `_` and inner dots as they are, the rest in hex.
pub(crate) fn file_name(part: &str) -> String {
    let mut name = String::with_capacity(part.len());
    for (index, byte) in part.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte.into()),
            b'.' if index > 0 => name.push('.'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.is_empty() {
        return "%".to_owned();
    }
    if name.len() > NAME_MAX {
        let sum = hex(&Sha256::digest(part.as_bytes()));
        name.truncate(NAME_MAX);
        name.push_str(&format!("%~{}", &sum[..16]));
    }
    name
}

/// Makes `dir` and what is missing above it, for this user alone, each durable in its parent.
pub(crate) fn create_dirs(dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_dirs(parent)?;
    }
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_dir(parent.unwrap_or(Path::new("."))),
    }
}

/// Makes the names in `dir` durable, where the system knows such a thing.
pub(crate) fn sync_dir(dir: &Path) -> std::io::Result<()> {
    match cfg!(unix) {
        true => File::open(dir)?.sync_all(),
        false => Ok(()),
    }
}

fn private_options() -> std::fs::OpenOptions {
    #[allow(unused_mut, reason = "only some systems have modes")]
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens a journal's file for its next line; makes it when `first`. A file that is gone is not made anew: what it
/// held would be missing.
pub(crate) fn open_to_append(path: &Path, first: bool) -> std::io::Result<File> {
    private_options().append(true).create(first).open(path)
}

/// Opens the lock's file, and makes it where it is missing.
pub(super) fn open_lock(path: &Path) -> std::io::Result<File> {
    private_options().write(true).create(true).truncate(false).open(path)
}

/// A durable file under a name of its own in `dir`, for this user alone, to be renamed into place.
pub(super) fn private_file(dir: &Path, bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".").suffix(".new").tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A failure of the file system with its cure.
pub(crate) fn storage(action: &'static str, path: &Path, error: &std::io::Error) -> JournalError {
    let cure = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "make it writable for this user, or set BLUEGREEN_STATE to a folder that is"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "a file is in the way of that folder; move it, or set BLUEGREEN_STATE to another folder"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space there, or set BLUEGREEN_STATE to a folder with room"
        }
        ErrorKind::NotFound if action == "create" => {
            "that place takes no folders; set BLUEGREEN_STATE to a folder that can be made"
        }
        ErrorKind::NotFound => "it was removed while in use; put it back from a copy",
        ErrorKind::Unsupported => "that file system cannot do this; set BLUEGREEN_STATE to a folder on a local disk",
        _ => "check that disk, or set BLUEGREEN_STATE to another folder",
    };
    JournalError::Storage { action, place: path.display().to_string(), what: format!("{error}; {cure}") }
}
