//! One operator for each service: a lock that ends with its process, and a note that says whose it is.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::place;
use crate::journal::{JournalError, Operator};
use crate::model::RunId;

/// Who works on a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// The run that is being worked on.
    pub run: RunId,
    /// By whom.
    pub operator: Operator,
}

/// The service's lock, held.
#[derive(Debug)]
pub(crate) struct Held {
    owner_path: PathBuf,
    /// Locked as well, so that others can see that the note is true without ever touching the lock itself.
    _owner: Option<File>,
    _lock: File,
}

impl Held {
    pub(crate) fn take(dir: &Path, run: &RunId, operator: &Operator) -> Result<Held, JournalError> {
        let path = dir.join("lock");
        let lock = place::open_lock(&path).map_err(|error| place::storage("open", &path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(refused(dir)),
            Err(TryLockError::Error(error)) => return Err(place::storage("lock", &path, &error)),
        }
        let owner_path = dir.join("owner.json");
        let owner = Owner { run: run.clone(), operator: operator.clone() };
        let note = sign(dir, &owner_path, &owner).map_err(|error| place::storage("write", &owner_path, &error))?;
        Ok(Held { owner_path, _owner: Some(note), _lock: lock })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The lock itself is still held here, so this is nobody else's note. Left behind, it would do no harm.
        let _ = std::fs::remove_file(&self.owner_path);
    }
}

/// Writes the note. It is locked while still private to this process, so that nobody ever sees it unlocked.
fn sign(dir: &Path, path: &Path, owner: &Owner) -> std::io::Result<File> {
    let bytes = serde_json::to_vec(owner)?;
    let note = place::private_file(dir, &bytes)?;
    note.as_file().lock()?;
    let file = note.persist(path).map_err(|error| error.error)?;
    place::sync_dir(dir)?;
    Ok(file)
}

fn refused(dir: &Path) -> JournalError {
    match owner(dir) {
        Some(owner) => JournalError::Held { run: owner.run.to_string(), owner: owner.operator.to_string() },
        // It has the lock and has not signed yet, or is leaving.
        None => JournalError::Held {
            run: "(not known yet)".to_owned(),
            owner: "another process, which has just started or is ending: try again".to_owned(),
        },
    }
}

/// Who works on the service in `dir` right now. A note whose process is gone counts for nothing.
pub(super) fn owner(dir: &Path) -> Option<Owner> {
    let path = dir.join("owner.json");
    let file = File::open(&path).ok()?;
    let owner: Owner = serde_json::from_reader(&file).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(owner),
        _ => None,
    }
}
