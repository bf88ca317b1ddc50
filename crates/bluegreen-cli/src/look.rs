//! What the operator sees and waits for, in one small file beside the journal: for `status` in another terminal.
//!
//! Only a person's picture depends on it. It may be lost, late or left over; the journal alone says what a run did.

pub(crate) mod history;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bluegreen_core::event::{Event, Look, Reporter};
use bluegreen_core::journal::{Body, FileStore};
use bluegreen_core::model::{RunId, Timestamp};
use history::History;
use serde::{Deserialize, Serialize};

/// The version of the file's form; others are not read.
const VERSION: u32 = 1;

/// How long a look may take beyond its time: the slowest call there is.
const SLOW: Duration = Duration::from_secs(15);

/// One look, and the wait that followed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Glance {
    v: u32,
    pub(crate) look: Look,
    wait: Option<Wait>,
    /// The number of records by then: a wait is over with the next one.
    pub(crate) records: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wait {
    at: Timestamp,
    until: Timestamp,
    why: String,
}

impl Glance {
    /// What the operator of `run` wrote last, if it can be read.
    pub(crate) fn read(store: &FileStore, run: &RunId) -> Option<Glance> {
        let bytes = std::fs::read(path(store, run)).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|glance: &Glance| glance.v == VERSION)
    }

    /// Whether a living operator would not have looked again by `now`.
    pub(crate) fn is_fresh(&self, now: Timestamp, poll: Duration) -> bool {
        let due = self.wait.as_ref().map_or(self.look.at, |wait| wait.until.max(self.look.at));
        now.duration_since(due) <= (poll * 2 + SLOW).try_into().unwrap_or_default()
    }

    /// The same as the events that it was made of. `records` is how many the reader knows.
    pub(crate) fn events(&self, records: u64) -> Vec<Event> {
        let wait = self.wait.clone().filter(|_| self.records >= records);
        let waiting = wait.map(|Wait { at, until, why }| Event::Waiting { at, until, why });
        std::iter::once(Event::Looked(Box::new(self.look.clone()))).chain(waiting).collect()
    }
}

/// Writes the file, event by event.
pub(crate) struct Scribe {
    path: PathBuf,
    last: Mutex<(Option<Glance>, u64)>,
    history: Mutex<History>,
}

impl Scribe {
    /// For the holder of the service's lock alone.
    pub(crate) fn new(store: &FileStore, run: &RunId) -> Scribe {
        let history = Mutex::new(History::new(store, run));
        Scribe { path: path(store, run), last: Mutex::default(), history }
    }
}

impl Reporter for Scribe {
    fn event(&self, event: &Event) {
        let (glance, records) = &mut *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match (event, glance) {
            (Event::Recorded(record), glance) => {
                *records = record.seq + 1;
                if let Some(glance) = glance {
                    glance.wait = None;
                }
                if matches!(record.body, Body::Finished(_)) {
                    let _ = std::fs::remove_file(&self.path);
                    self.history.lock().unwrap_or_else(PoisonError::into_inner).flush();
                }
            }
            (Event::Looked(look), glance) => {
                self.history.lock().unwrap_or_else(PoisonError::into_inner).add(look);
                let wait = glance.take().and_then(|glance| glance.wait);
                let new = Glance { v: VERSION, look: (**look).clone(), wait, records: *records };
                replace(&self.path, glance.insert(new));
            }
            (Event::Waiting { at, until, why }, Some(glance)) => {
                glance.wait = Some(Wait { at: *at, until: *until, why: why.clone() });
                glance.records = *records;
                replace(&self.path, glance);
            }
            _ => {}
        }
    }
}

fn path(store: &FileStore, run: &RunId) -> PathBuf {
    store.run_path(run).with_extension("look.json")
}

/// Puts a new look in the place of the old one. A failure costs a reader one picture.
fn replace(path: &Path, glance: &Glance) {
    let _ = serde_json::to_vec(glance).map_err(std::io::Error::from).and_then(|bytes| put(path, &bytes));
}

/// Puts a new file in the place of the old one, for this user alone.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new)?.write_all(bytes)?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use bluegreen_core::journal::{Ending, Record, Terminal};
    use bluegreen_core::model::{ByColor, Percent};
    use bluegreen_core::plan::Site;

    use super::*;

    pub(super) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_413_600 + second).unwrap()
    }

    pub(super) fn look(second: i64) -> Look {
        let health = ByColor { blue: None, green: None };
        let (configured, observed, tasks, alarms) = (Vec::new(), None, None, Vec::new());
        Look { at: at(second), set: Percent::ZERO, configured, observed, tasks, health, alarms, control: None }
    }

    fn looked(second: i64) -> Event {
        Event::Looked(Box::new(look(second)))
    }

    fn waiting(second: i64) -> Event {
        Event::Waiting { at: at(second), until: at(second + 10), why: "hold of 5m".to_owned() }
    }

    fn recorded(seq: u64, body: Body) -> Event {
        Event::Recorded(Box::new(Record { seq, at: at(0), body }))
    }

    fn opened() -> Event {
        recorded(3, Body::Fact(bluegreen_core::journal::Fact::GateOpened))
    }

    pub(super) fn place(name: &str) -> (FileStore, RunId) {
        let root = std::env::temp_dir().join(format!("bluegreen-{}-{name}", std::process::id()));
        let part = || "x".to_owned();
        let site = Site { account: part(), region: part(), cluster: part(), service: part(), environment: part() };
        let (store, run) = (FileStore::new(&root, &site), "20261123t060000z-web-000001".parse().unwrap());
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(store.run_path(&run).parent().unwrap()).unwrap();
        (store, run)
    }

    #[test]
    fn the_newest_look_is_read_and_the_wait_that_goes_with_it() {
        let (store, run) = place("newest");
        let scribe = Scribe::new(&store, &run);
        assert_eq!(Glance::read(&store, &run), None);
        for event in [opened(), looked(1), waiting(1), looked(2), waiting(2)] {
            scribe.event(&event);
        }
        let glance = Glance::read(&store, &run).unwrap();
        assert_eq!(glance.events(4), [looked(2), waiting(2)]);
        assert_eq!(glance.events(5), [looked(2)], "a record ended that wait");
    }

    #[test]
    fn a_run_that_is_over_leaves_no_look_behind() {
        let (store, run) = place("over");
        let scribe = Scribe::new(&store, &run);
        scribe.event(&looked(1));
        assert!(Glance::read(&store, &run).is_some());
        let ending = Ending { terminal: Terminal::Promoted, why: String::new() };
        scribe.event(&recorded(4, Body::Finished(ending)));
        assert_eq!(Glance::read(&store, &run), None);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let (store, run) = place("mode");
        Scribe::new(&store, &run).event(&looked(1));
        let mode = std::fs::metadata(path(&store, &run)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_look_is_fresh_until_the_next_one_is_overdue() {
        let (store, run) = place("fresh");
        let scribe = Scribe::new(&store, &run);
        let poll = Duration::from_secs(5);
        scribe.event(&looked(0));
        let fresh = |second| Glance::read(&store, &run).unwrap().is_fresh(at(second), poll);
        assert!(fresh(25) && !fresh(26));
        scribe.event(&waiting(0));
        assert!(fresh(35) && !fresh(36), "the operator sleeps until then");
    }

    #[test]
    fn other_forms_are_not_read() {
        let (store, run) = place("forms");
        Scribe::new(&store, &run).event(&looked(1));
        let text = std::fs::read_to_string(path(&store, &run)).unwrap();
        std::fs::write(path(&store, &run), text.replacen("\"v\":1", "\"v\":2", 1)).unwrap();
        assert_eq!(Glance::read(&store, &run), None);
    }
}
