//! All journals of one service: records, the inbox, and the lock.

use std::collections::BTreeMap;
use std::ops::Range;

use bluegreen_core::journal::{Body, Command, Fact, JournalError, Operator, Record, Verb};
use bluegreen_core::model::{RunId, Timestamp};

use crate::world::Ms;

/// What all operators' stores share.
#[derive(Debug, Default)]
pub(crate) struct Journals {
    runs: BTreeMap<RunId, Vec<Record>>,
    inbox: BTreeMap<RunId, Vec<Command>>,
    lock: Option<Lock>,
    next_token: u64,
    /// The time in which nothing can be appended.
    pub(crate) full: Option<Range<Ms>>,
}

/// Who works on the service.
#[derive(Clone, Debug)]
struct Lock {
    /// The name by which the executor knows the holder.
    holder: String,
    owner: Operator,
    run: RunId,
    token: u64,
}

impl Journals {
    /// The records of a run.
    pub(crate) fn records(&self, run: &RunId) -> &[Record] {
        self.runs.get(run).map(Vec::as_slice).unwrap_or_default()
    }

    /// All runs.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (&RunId, &Vec<Record>)> {
        self.runs.iter()
    }

    /// Who holds the lock.
    pub(crate) fn holder(&self) -> Option<&str> {
        self.lock.as_ref().map(|lock| lock.holder.as_str())
    }

    /// The records of the run that is being worked on.
    pub(crate) fn held_records(&self) -> &[Record] {
        self.lock.as_ref().map(|lock| self.records(&lock.run)).unwrap_or_default()
    }

    fn is_full(&self, now: Ms) -> bool {
        self.full.as_ref().is_some_and(|window| window.contains(&now))
    }

    pub(crate) fn give(&mut self, run: &RunId, verb: Verb, at: Timestamp) {
        let inbox = self.inbox.entry(run.clone()).or_default();
        let id = format!("{:06}", inbox.len());
        inbox.push(Command { id, at, by: "second@terminal (pid 2)".to_owned(), verb });
    }

    /// The commands of a run that its records have not taken up.
    pub(crate) fn pending(&self, run: &RunId) -> Vec<Command> {
        let taken = |command: &Command| {
            self.records(run).iter().any(|record| match &record.body {
                Body::Fact(Fact::Commanded(other)) => other.id == command.id,
                _ => false,
            })
        };
        let inbox = self.inbox.get(run).map(Vec::as_slice).unwrap_or_default();
        inbox.iter().filter(|command| !taken(command)).cloned().collect()
    }

    /// Takes the service's lock for `holder`, or says who has it; the token gives it back.
    pub(crate) fn take(&mut self, holder: &str, run: &RunId, owner: &Operator) -> Result<u64, JournalError> {
        if let Some(lock) = &self.lock {
            return Err(JournalError::Held { run: lock.run.to_string(), owner: lock.owner.to_string() });
        }
        let token = self.next_token;
        self.next_token += 1;
        self.runs.entry(run.clone()).or_default();
        self.lock = Some(Lock { holder: holder.to_owned(), owner: owner.clone(), run: run.clone(), token });
        Ok(token)
    }

    /// Gives the lock back, unless it is somebody else's by now.
    pub(crate) fn release(&mut self, token: u64) {
        self.lock.take_if(|lock| lock.token == token);
    }

    /// Appends a record behind those that are there.
    pub(crate) fn append(&mut self, run: &RunId, record: &Record, now: Ms) -> Result<(), JournalError> {
        let found = self.records(run).len() as u64;
        if self.is_full(now) {
            let place = format!("the journal of {run}");
            Err(JournalError::Storage { action: "append to", place, what: "no space left on device".to_owned() })
        } else if record.seq == found {
            self.runs.entry(run.clone()).or_default().push(record.clone());
            Ok(())
        } else {
            Err(JournalError::Conflict { expected: record.seq, found })
        }
    }
}
