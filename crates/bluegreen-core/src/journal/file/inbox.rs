//! Orders as files: written whole by any terminal, taken by the operator, removed once a record holds them.

use std::path::Path;

use jiff::Timestamp;

use super::place;
use crate::journal::{Command, JournalError, Verb};

const SUFFIX: &str = ".json";

/// Puts an order into the inbox and returns its id.
pub(super) fn give(dir: &Path, verb: Verb, by: &str, now: Timestamp) -> Result<String, JournalError> {
    let fail = |error: &std::io::Error| place::storage("write an order to", dir, error);
    place::create_dirs(dir).map_err(|error| fail(&error))?;
    // Ids sort by time, orders of the same instant by how many were there before; the rest tells terminals apart.
    let before = names(dir).map_err(|error| fail(&error))?.len();
    let salt = uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0)).as_u128() & 0xffff_ffff;
    let id = format!("{}-{before:04}-{salt:08x}", now.strftime("%Y%m%dt%H%M%S.%6fz"));
    let command = Command { id: id.clone(), at: now, by: by.to_owned(), verb };
    let write = || -> std::io::Result<()> {
        let file = place::private_file(dir, &serde_json::to_vec(&command)?)?;
        file.persist_noclobber(dir.join(format!("{id}{SUFFIX}"))).map_err(|error| error.error)?;
        place::sync_dir(dir)
    };
    write().map_err(|error| fail(&error))?;
    Ok(id)
}

/// All orders, oldest first.
///
/// A file that is no order (a verb of a later version, say) is passed over: it must not keep an `abort` beside it
/// from being heard.
pub(super) fn list(dir: &Path) -> Result<Vec<Command>, JournalError> {
    let fail = |error: &std::io::Error| place::storage("read the orders in", dir, error);
    let mut names = names(dir).map_err(|error| fail(&error))?;
    names.sort_unstable();
    let mut commands = Vec::with_capacity(names.len());
    for name in names {
        match std::fs::read(dir.join(&name)) {
            Ok(bytes) => commands.extend(serde_json::from_slice::<Command>(&bytes).ok()),
            // Taken since the folder was listed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(&error)),
        }
    }
    Ok(commands)
}

/// Removes an order that a durable record holds by now. Left behind, it would be passed over by its id.
pub(super) fn forget(dir: &Path, id: &str) {
    // Ids come from files that other programs may write: never follow one out of the folder.
    if !id.contains(['/', '\\']) {
        let _ = std::fs::remove_file(dir.join(format!("{id}{SUFFIX}")));
    }
}

fn names(dir: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(SUFFIX) && !name.starts_with('.') {
            names.push(name);
        }
    }
    Ok(names)
}
