//! Journals in files: one folder for each service, one file of lines for each run.
//!
//! ```text
//! ROOT/<account>/<region>/<cluster>/<service>/
//!     lock                        held by the operator; ends with its process
//!     owner.json                  who that is, for those who are refused
//!     runs/<run>.jsonl            one record a line, each with its checksum
//!     inbox/<run>/<command>.json  orders from other terminals
//! ```
//!
//! Only the holder of the lock writes to `runs`. Everybody may read, and may put orders into the inbox.

mod inbox;
pub(crate) mod line;
pub(crate) mod lock;
pub(crate) mod place;
pub(crate) mod runs;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

pub use line::{Contents, Torn};
pub use lock::Owner;
pub use place::state_root;
pub use runs::{FindError, Found, RunSummary};

use super::{Body, Command, Fact, Journal, JournalError, Operator, Record, Store, Verb};
use crate::model::RunId;
use crate::plan::Site;
use line::Scan;
use lock::Held;

/// The journals of one service, in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStore {
    dir: PathBuf,
}

impl FileStore {
    /// The store of the service that `site` names, under the state folder `root`. Nothing is made or read yet.
    pub fn new(root: impl AsRef<Path>, site: &Site) -> FileStore {
        let root = root.as_ref();
        let parts = [&site.account, &site.region, &site.cluster, &site.service];
        FileStore { dir: parts.iter().fold(root.to_owned(), |dir, part| dir.join(place::file_name(part))) }
    }

    /// The store in a folder that was come upon.
    fn at(dir: PathBuf) -> FileStore {
        FileStore { dir }
    }

    /// The service's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file of a run, whether it exists or not.
    pub fn run_path(&self, run: &RunId) -> PathBuf {
        self.runs_dir().join(format!("{run}.jsonl"))
    }

    fn runs_dir(&self) -> PathBuf {
        self.dir.join("runs")
    }

    fn inbox_dir(&self, run: &RunId) -> PathBuf {
        self.dir.join("inbox").join(run.as_str())
    }

    /// Takes the service's lock and opens a run's journal, new or old.
    ///
    /// Refused with [`JournalError::Held`] while another operator works on any run of the service, and with
    /// [`JournalError::Damaged`] when the journal cannot be read to its end.
    pub fn open_run(&self, run: &RunId, operator: &Operator) -> Result<FileJournal, JournalError> {
        for dir in [self.dir.clone(), self.runs_dir()] {
            place::create_dirs(&dir).map_err(|error| place::storage("create", &dir, &error))?;
        }
        let held = Held::take(&self.dir, run, operator)?;
        let scan = self.scan(run)?;
        let taken = scan.contents.records.iter().filter_map(taken_command).map(str::to_owned).collect();
        let tail = Tail {
            count: scan.contents.records.len() as u64,
            len: scan.valid_len,
            dirty: scan.contents.torn.is_some(),
            taken,
        };
        Ok(FileJournal {
            store: self.clone(),
            run: run.clone(),
            torn: scan.contents.torn,
            tail: Mutex::new(tail),
            _held: held,
        })
    }

    /// The records of a run, without the lock and without changing anything. A torn last line is left out and named.
    pub fn read(&self, run: &RunId) -> Result<Contents, JournalError> {
        let contents = self.scan(run)?.contents;
        match contents.records.is_empty() {
            true => Err(JournalError::NotFound(run.to_string())),
            false => Ok(contents),
        }
    }

    /// Who works on this service right now, if anybody does.
    pub fn owner(&self) -> Option<Owner> {
        lock::owner(&self.dir)
    }

    /// Gives the operator of `run` an order, and returns the order's id. Needs no lock; whoever works on the run,
    /// now or later, takes it.
    pub fn give(&self, run: &RunId, verb: Verb, by: &str, now: Timestamp) -> Result<String, JournalError> {
        if !self.run_path(run).is_file() {
            return Err(JournalError::NotFound(run.to_string()));
        }
        inbox::give(&self.inbox_dir(run), verb, by, now)
    }

    /// The orders to a run that nobody has taken yet, oldest first.
    pub fn waiting(&self, run: &RunId) -> Result<Vec<Command>, JournalError> {
        let records = self.scan(run)?.contents.records;
        let taken: BTreeSet<&str> = records.iter().filter_map(taken_command).collect();
        let mut commands = inbox::list(&self.inbox_dir(run))?;
        commands.retain(|command| !taken.contains(command.id.as_str()));
        Ok(commands)
    }

    fn scan(&self, run: &RunId) -> Result<Scan, JournalError> {
        let path = self.run_path(run);
        match std::fs::read(&path) {
            Ok(bytes) => line::scan(&path, &bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Scan::default()),
            Err(error) => Err(place::storage("read", &path, &error)),
        }
    }
}

#[async_trait]
impl Store for FileStore {
    async fn open(&self, run: &RunId, operator: &Operator) -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(self.open_run(run, operator)?))
    }
}

fn taken_command(record: &Record) -> Option<&str> {
    match &record.body {
        Body::Fact(Fact::Commanded(command)) => Some(&command.id),
        _ => None,
    }
}

/// The journal of one run in its file. The service stays locked until this value is dropped or the process ends.
#[derive(Debug)]
pub struct FileJournal {
    store: FileStore,
    run: RunId,
    torn: Option<Torn>,
    tail: Mutex<Tail>,
    _held: Held,
}

/// The end of the file as this process left it.
#[derive(Debug)]
struct Tail {
    /// Whole records.
    count: u64,
    /// Their length in bytes.
    len: u64,
    /// There may be bytes after them that are no record, and have to go before the next one is written.
    dirty: bool,
    /// The ids of commands that a record has taken.
    taken: BTreeSet<String>,
}

impl FileJournal {
    /// The torn last line that was found when the journal was opened; it goes with the first append.
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        // No code panics while it holds this lock; were it to happen, `dirty` still tells the truth.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_line(&self, record: &Record) -> Result<(), JournalError> {
        let mut tail = self.tail();
        if record.seq != tail.count {
            return Err(JournalError::Conflict { expected: record.seq, found: tail.count });
        }
        let path = self.store.run_path(&self.run);
        let fail = |error: &std::io::Error| place::storage("append to", &path, error);
        let bytes = line::encode(record).map_err(|error| fail(&error.into()))?;
        let mut file = place::open_to_append(&path, tail.count == 0).map_err(|error| fail(&error))?;
        let found = file.metadata().map_err(|error| fail(&error))?.len();
        if found != tail.len && !tail.dirty {
            return Err(self.moved_on(record.seq, &path));
        }
        let written = write_durably(&mut file, &tail, &bytes, &path);
        if let Err(error) = written {
            // Half a line, or a whole one that may not survive: the caller takes it for unwritten, so it must go.
            tail.dirty = true;
            let _ = file.set_len(tail.len);
            return Err(fail(&error));
        }
        tail.dirty = false;
        tail.count += 1;
        tail.len += bytes.len() as u64;
        if let Some(id) = taken_command(record) {
            tail.taken.insert(id.to_owned());
            inbox::forget(&self.store.inbox_dir(&self.run), id);
        }
        Ok(())
    }

    /// Someone appended without our lock: say how far the journal is by now.
    fn moved_on(&self, seq: u64, path: &Path) -> JournalError {
        match self.store.scan(&self.run) {
            Ok(scan) if scan.contents.records.len() as u64 != seq => {
                JournalError::Conflict { expected: seq, found: scan.contents.records.len() as u64 }
            }
            Ok(_) => JournalError::Damaged {
                place: path.display().to_string(),
                what: "something other than a record was written to it while it was in use; nothing was added. \
                       Find out which program writes there, then run `bluegreen resume`"
                    .to_owned(),
            },
            Err(error) => error,
        }
    }
}

fn write_durably(file: &mut File, tail: &Tail, bytes: &[u8], path: &Path) -> std::io::Result<()> {
    if tail.dirty {
        file.set_len(tail.len)?;
    }
    file.write_all(bytes)?;
    file.sync_data()?;
    match (tail.count, path.parent()) {
        (0, Some(dir)) => place::sync_dir(dir),
        _ => Ok(()),
    }
}

#[async_trait]
impl Journal for FileJournal {
    async fn read(&self) -> Result<Vec<Record>, JournalError> {
        self.store.read(&self.run).map(|contents| contents.records)
    }

    async fn append(&self, record: &Record) -> Result<(), JournalError> {
        self.append_line(record)
    }

    async fn commands(&self) -> Result<Vec<Command>, JournalError> {
        let mut commands = inbox::list(&self.store.inbox_dir(&self.run))?;
        let tail = self.tail();
        commands.retain(|command| !tail.taken.contains(&command.id));
        Ok(commands)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
