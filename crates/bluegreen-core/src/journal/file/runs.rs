//! The runs that there are: of one service, or of all under a state folder.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{FileStore, line, place};
use crate::journal::{Body, Ending, JournalError, RunState};
use crate::model::RunId;

/// One run in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// Its id.
    pub run: RunId,
    /// When it began; `None` when record 0 cannot be read.
    pub started_at: Option<Timestamp>,
    /// The hash of its plan.
    pub plan_hash: Option<String>,
    /// How it ended, if it did.
    pub ending: Option<Ending>,
    /// Whether an operator works on it right now.
    pub alive: bool,
    /// Why its journal cannot be understood, if so.
    pub trouble: Option<String>,
}

/// A run with the store that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The store of the run's service.
    pub store: FileStore,
    /// The run.
    pub run: RunId,
}

/// Why no single run could be named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// Nothing begins like this.
    #[error("no run begins with `{prefix}` under {root}: `bluegreen status --all` lists those that exist")]
    None {
        /// What was asked for.
        prefix: String,
        /// Where was looked.
        root: String,
    },
    /// Several do.
    #[error("`{prefix}` may be any of {}: give more of the id", runs.join(", "))]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// The runs that begin like this, newest first.
        runs: Vec<String>,
    },
    /// The state folder cannot be read.
    #[error("the runs cannot be listed")]
    Journal(#[from] JournalError),
}

impl FileStore {
    /// All runs of the service, newest first.
    pub fn runs(&self) -> Result<Vec<RunSummary>, JournalError> {
        let owner = self.owner();
        let summarize = |run: RunId| {
            let alive = owner.as_ref().is_some_and(|owner| owner.run == run);
            self.summarize(run, alive)
        };
        let mut runs: Vec<RunSummary> = self.run_ids()?.into_iter().map(summarize).collect();
        runs.sort_by(|a, b| (b.started_at, &b.run).cmp(&(a.started_at, &a.run)));
        Ok(runs)
    }

    /// The run of this service that began last.
    pub fn latest(&self) -> Result<Option<RunId>, JournalError> {
        Ok(self.run_ids()?.into_iter().max_by_key(|run| (self.started_at(run), run.clone())))
    }

    /// Whether an operator works on `run` right now.
    pub fn is_alive(&self, run: &RunId) -> bool {
        self.owner().is_some_and(|owner| owner.run == *run)
    }

    /// Every run of every service under the state folder `root`, in no order.
    pub fn all(root: &Path) -> Result<Vec<Found>, JournalError> {
        // account / region / cluster / service
        let mut dirs = vec![root.to_owned()];
        for _ in 0..4 {
            let mut next = Vec::new();
            for dir in &dirs {
                next.extend(list_dir(dir)?.into_iter().filter(|path| path.is_dir()));
            }
            dirs = next;
        }
        let mut found = Vec::new();
        for dir in dirs {
            let store = FileStore::at(dir);
            found.extend(store.run_ids()?.into_iter().map(|run| Found { store: store.clone(), run }));
        }
        Ok(found)
    }

    /// The run under `root` that has this id, or whose id is the only one that begins like this.
    pub fn find(root: &Path, prefix: &str) -> Result<Found, FindError> {
        let wanted = prefix.to_ascii_lowercase();
        let mut found = FileStore::all(root)?;
        found.retain(|found| found.run.as_str().starts_with(&wanted));
        if let Some(exact) = found.iter().position(|found| found.run.as_str() == wanted) {
            return Ok(found.swap_remove(exact));
        }
        found.sort_by(|a, b| b.run.cmp(&a.run));
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(FindError::None { prefix: prefix.to_owned(), root: root.display().to_string() }),
            _ => Err(FindError::Ambiguous {
                prefix: prefix.to_owned(),
                runs: found.into_iter().map(|found| found.run.to_string()).collect(),
            }),
        }
    }

    /// The run under `root` that began last, of whichever service.
    pub fn newest(root: &Path) -> Result<Option<Found>, JournalError> {
        Ok(FileStore::all(root)?
            .into_iter()
            .max_by_key(|found| (found.store.started_at(&found.run), found.run.clone())))
    }

    fn summarize(&self, run: RunId, alive: bool) -> RunSummary {
        let mut summary = RunSummary { run, started_at: None, plan_hash: None, ending: None, alive, trouble: None };
        let contents = match self.read(&summary.run) {
            Ok(contents) => contents,
            Err(error) => {
                summary.started_at = self.started_at(&summary.run);
                summary.trouble = Some(error.to_string());
                return summary;
            }
        };
        if let Some(first) = contents.records.first() {
            summary.started_at = Some(first.at);
            if let Body::Started { hash, .. } = &first.body {
                summary.plan_hash = Some(hash.clone());
            }
        }
        match RunState::fold(&contents.records) {
            Ok(state) => summary.ending = state.ending,
            Err(error) => summary.trouble = Some(error.to_string()),
        }
        summary
    }

    fn run_ids(&self) -> Result<Vec<RunId>, JournalError> {
        let names = list_dir(&self.runs_dir())?;
        Ok(names.iter().filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".jsonl")?.parse().ok()).collect())
    }

    /// The first line alone says when a run began.
    fn started_at(&self, run: &RunId) -> Option<Timestamp> {
        let path = self.run_path(run);
        let mut first = Vec::new();
        BufReader::new(std::fs::File::open(&path).ok()?).read_until(b'\n', &mut first).ok()?;
        line::scan(&path, &first).ok()?.contents.records.first().map(|record| record.at)
    }
}

/// The entries of a folder; none where it does not exist.
pub(crate) fn list_dir(dir: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    match list() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        result => result.map_err(|error| place::storage("list", dir, &error)),
    }
}
