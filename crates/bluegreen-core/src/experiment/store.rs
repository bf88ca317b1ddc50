//! Journals of experiments in files, beside those of releases: one folder for each experiment, one lock, one file of
//! lines for each time it was started.
//!
//! ```text
//! ROOT/experiments/<account>/<region>/<name>/
//!     lock, owner.json       as of a service
//!     journal/<id>.jsonl     one record a line, each with its checksum
//! ```

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Record, State};
use crate::journal::file::line::{self, Numbered};
use crate::journal::file::lock::Held;
use crate::journal::file::{place, runs};
use crate::journal::{JournalError, Operator};
use crate::model::RunId;
use crate::plan::Site;

/// The records of one experiment, held under its lock for as long as this value lives.
#[async_trait]
pub trait Journal: Send + Sync {
    /// All records, oldest first.
    async fn records(&self) -> Result<Vec<Record>, JournalError>;
    /// Makes `record` durable before it returns. Refused when the last record is not `record.seq - 1`.
    async fn append(&self, record: &Record) -> Result<(), JournalError>;
}

impl Numbered for Record {
    fn seq(&self) -> u64 {
        self.seq
    }
}

/// The journals of one experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    dir: PathBuf,
}

/// One experiment that was found under a state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The store that holds it.
    pub store: Store,
    /// Its id.
    pub id: RunId,
}

impl Store {
    /// The store of the experiment that `site` names, under the state folder `root`. Nothing is made or read yet.
    pub fn new(root: &Path, site: &Site) -> Store {
        let parts = [&site.account, &site.region, &site.service];
        let folder = root.join("experiments");
        Store { dir: parts.iter().fold(folder, |dir, part| dir.join(place::file_name(part))) }
    }

    /// Takes the lock and opens a journal, new or old.
    ///
    /// # Errors
    ///
    /// [`JournalError::Held`] while another operator has it; a journal that cannot be read to its end.
    pub fn open(&self, id: &RunId, operator: &Operator) -> Result<FileJournal, JournalError> {
        for dir in [self.dir.clone(), self.journals()] {
            place::create_dirs(&dir).map_err(|error| place::storage("create", &dir, &error))?;
        }
        let held = Held::take(&self.dir, id, operator)?;
        let path = self.path(id);
        let tail = Mutex::new(Tail::of(&path)?);
        Ok(FileJournal { path, tail, _held: held })
    }

    /// The records of an experiment, without the lock and without changing anything.
    ///
    /// # Errors
    ///
    /// A journal that does not exist or cannot be read.
    pub fn read(&self, id: &RunId) -> Result<Vec<Record>, JournalError> {
        let records = scan(&self.path(id))?.records;
        if records.is_empty() { Err(JournalError::NotFound(id.to_string())) } else { Ok(records) }
    }

    /// Every experiment under the state folder `root`, newest first.
    ///
    /// # Errors
    ///
    /// A folder that cannot be listed.
    pub fn all(root: &Path) -> Result<Vec<Found>, JournalError> {
        // account / region / name
        let mut dirs = vec![root.join("experiments")];
        for _ in 0..3 {
            let lists = dirs.iter().map(|dir| runs::list_dir(dir)).collect::<Result<Vec<_>, _>>()?;
            dirs = lists.into_iter().flatten().filter(|path| path.is_dir()).collect();
        }
        let mut all = Vec::new();
        for dir in dirs {
            let store = Store { dir };
            let names = runs::list_dir(&store.journals())?;
            let ids = names.iter().filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".jsonl")?.parse().ok());
            all.extend(ids.map(|id| Found { store: store.clone(), id }));
        }
        all.sort_by(|one, other| other.id.cmp(&one.id));
        Ok(all)
    }

    /// The experiments of this store that have not ended, newest first.
    ///
    /// # Errors
    ///
    /// A journal that cannot be read.
    pub fn running(&self) -> Result<Vec<RunId>, JournalError> {
        let names = runs::list_dir(&self.journals())?;
        let mut ids: Vec<RunId> =
            names.iter().filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".jsonl")?.parse().ok()).collect();
        ids.sort_by(|one, other| other.cmp(one));
        let mut running = Vec::new();
        for id in ids {
            let ended = State::fold(&scan(&self.path(&id))?.records).is_ok_and(|state| state.ended.is_some());
            if !ended {
                running.push(id);
            }
        }
        Ok(running)
    }

    fn journals(&self) -> PathBuf {
        self.dir.join("journal")
    }

    fn path(&self, id: &RunId) -> PathBuf {
        self.journals().join(format!("{id}.jsonl"))
    }
}

fn scan(path: &Path) -> Result<line::Lines<Record>, JournalError> {
    match std::fs::read(path) {
        Ok(bytes) => line::lines(path, &bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(line::Lines::default()),
        Err(error) => Err(place::storage("read", path, &error)),
    }
}

/// The journal of one experiment in its file. The experiment stays locked until this value is dropped or the process
/// ends.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    tail: Mutex<Tail>,
    _held: Held,
}

/// The end of the file: whole records, and their length. What follows them is no record, and goes before the next one.
#[derive(Debug)]
struct Tail {
    count: u64,
    len: u64,
}

impl Tail {
    fn of(path: &Path) -> Result<Tail, JournalError> {
        let lines = scan(path)?;
        Ok(Tail { count: lines.records.len() as u64, len: lines.valid_len })
    }
}

impl FileJournal {
    fn write(&self, record: &Record) -> Result<(), JournalError> {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        if record.seq != tail.count {
            return Err(JournalError::Conflict { expected: record.seq, found: tail.count });
        }
        let fail = |error: &std::io::Error| place::storage("append to", &self.path, error);
        let bytes = line::encode(record).map_err(|error| fail(&error.into()))?;
        let mut file = place::open_to_append(&self.path, tail.count == 0).map_err(|error| fail(&error))?;
        let written = (|| {
            file.set_len(tail.len)?;
            std::io::Write::write_all(&mut file, &bytes)?;
            file.sync_data()?;
            match (tail.count, self.path.parent()) {
                (0, Some(dir)) => place::sync_dir(dir),
                _ => Ok(()),
            }
        })();
        if let Err(error) = written {
            // Half a line is taken for unwritten; the next one begins where it did.
            return Err(fail(&error));
        }
        tail.count += 1;
        tail.len += bytes.len() as u64;
        Ok(())
    }
}

#[async_trait]
impl Journal for FileJournal {
    async fn records(&self) -> Result<Vec<Record>, JournalError> {
        Ok(scan(&self.path)?.records)
    }

    async fn append(&self, record: &Record) -> Result<(), JournalError> {
        self.write(record)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
