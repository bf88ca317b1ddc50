//! Journals in memory, for one service: the lock, the sequence check and the inbox of the file store, and nothing else.
//! A torn last line is the file store's own affair.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use bluegreen_core::journal::{Body, Command, Fact, Journal, JournalError, Operator, Record, Store, Verb};
use bluegreen_core::model::{RunId, Timestamp};

use crate::executor::{Inner, Shared, pause};
use crate::trace::{Answer, Call, Detail};
use crate::world::Ms;

/// What all operators' stores share.
#[derive(Debug, Default)]
pub(crate) struct StoreState {
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

impl StoreState {
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

    pub(crate) fn is_full(&self, now: Ms) -> bool {
        self.full.as_ref().is_some_and(|window| window.contains(&now))
    }

    pub(crate) fn give(&mut self, run: &RunId, verb: Verb, at: Timestamp) {
        let inbox = self.inbox.entry(run.clone()).or_default();
        let id = format!("{:06}", inbox.len());
        inbox.push(Command { id, at, by: "second@terminal (pid 2)".to_owned(), verb });
    }

    fn pending(&self, run: &RunId) -> Vec<Command> {
        let taken = |command: &Command| {
            self.records(run).iter().any(|record| match &record.body {
                Body::Fact(Fact::Commanded(other)) => other.id == command.id,
                _ => false,
            })
        };
        let inbox = self.inbox.get(run).map(Vec::as_slice).unwrap_or_default();
        inbox.iter().filter(|command| !taken(command)).cloned().collect()
    }
}

/// The journals as one operator reaches them.
pub(crate) struct MemoryStore {
    shared: Shared,
    operator: String,
}

impl MemoryStore {
    pub(crate) fn new(shared: &Shared, operator: &str) -> MemoryStore {
        MemoryStore { shared: shared.clone(), operator: operator.to_owned() }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn open(&self, run: &RunId, operator: &Operator) -> Result<Box<dyn Journal>, JournalError> {
        pause().await;
        let opened = {
            let mut inner = self.shared.lock();
            let index = inner.next_call();
            let opened = inner.open(&self.operator, run, operator);
            let told = opened.clone();
            inner.note_journal(index, &self.operator, "journal:Open", run.to_string(), Detail::None, &told);
            opened
        };
        // From here on the lock has an owner whose death releases it, also while it waits for the answer.
        let journal = opened.map(|token| MemoryJournal {
            shared: self.shared.clone(),
            operator: self.operator.clone(),
            run: run.clone(),
            token,
        });
        pause().await;
        Ok(Box::new(journal?))
    }
}

struct MemoryJournal {
    shared: Shared,
    operator: String,
    run: RunId,
    token: u64,
}

impl Drop for MemoryJournal {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        if inner.store.lock.as_ref().is_some_and(|lock| lock.token == self.token) {
            inner.store.lock = None;
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn read(&self) -> Result<Vec<Record>, JournalError> {
        pause().await;
        let mut inner = self.shared.lock();
        let index = inner.next_call();
        let records = inner.store.records(&self.run).to_vec();
        let argument = self.run.to_string();
        inner.note_journal(index, &self.operator, "journal:Read", argument, Detail::None, &Ok(&records));
        Ok(records)
    }

    async fn append(&self, record: &Record) -> Result<(), JournalError> {
        pause().await;
        let appended = self.shared.lock().append(&self.operator, &self.run, record);
        pause().await;
        appended
    }

    async fn commands(&self) -> Result<Vec<Command>, JournalError> {
        pause().await;
        let mut inner = self.shared.lock();
        let index = inner.next_call();
        let commands = inner.store.pending(&self.run);
        let argument = self.run.to_string();
        inner.note_journal(index, &self.operator, "journal:Commands", argument, Detail::None, &Ok(&commands));
        Ok(commands)
    }
}

impl Inner {
    fn open(&mut self, holder: &str, run: &RunId, owner: &Operator) -> Result<u64, JournalError> {
        if let Some(lock) = &self.store.lock {
            return Err(JournalError::Held { run: lock.run.to_string(), owner: lock.owner.to_string() });
        }
        let token = self.store.next_token;
        self.store.next_token += 1;
        self.store.runs.entry(run.clone()).or_default();
        self.store.lock = Some(Lock { holder: holder.to_owned(), owner: owner.clone(), run: run.clone(), token });
        Ok(token)
    }

    fn append(&mut self, operator: &str, run: &RunId, record: &Record) -> Result<(), JournalError> {
        let index = self.next_call();
        let found = self.store.records(run).len() as u64;
        let appended = if self.store.is_full(self.world.now_ms()) {
            let place = format!("the journal of {run}");
            Err(JournalError::Storage { action: "append to", place, what: "no space left on device".to_owned() })
        } else if record.seq == found {
            self.store.runs.entry(run.clone()).or_default().push(record.clone());
            Ok(())
        } else {
            Err(JournalError::Conflict { expected: record.seq, found })
        };
        let detail = if appended.is_ok() { Detail::Appended(Box::new(record.clone())) } else { Detail::None };
        self.note_journal(index, operator, "journal:Append", kind(&record.body), detail, &appended);
        appended
    }

    fn note_journal<T: std::fmt::Debug>(
        &mut self,
        index: u64,
        operator: &str,
        operation: &'static str,
        argument: String,
        detail: Detail,
        answer: &Result<T, JournalError>,
    ) {
        let mutating = operation == "journal:Append";
        let answered = match answer {
            Ok(_) => Answer::Ok,
            Err(_) => Answer::Failed(bluegreen_core::ports::ErrorClass::Unavailable),
        };
        let call = Call {
            index,
            operator: operator.to_owned(),
            operation,
            argument,
            sent_at: self.world.now(),
            at: self.world.now(),
            answered_at: self.world.now(),
            mutating,
            applied: mutating && answer.is_ok(),
            answer: answered,
            detail,
        };
        self.push_call(call, answer);
    }
}

/// A record's kind in one or two words.
fn kind(body: &Body) -> String {
    match body {
        Body::Started { .. } => "Started".to_owned(),
        Body::Resumed { .. } => "Resumed".to_owned(),
        Body::Intent { mutation, .. } => format!("Intent {}", first_word(mutation)),
        Body::Outcome { intent, resolution } => format!("Outcome of {intent}: {}", first_word(resolution)),
        Body::Fact(fact) => format!("Fact {}", first_word(fact)),
        Body::Finished(ending) => format!("Finished {}", ending.terminal),
    }
}

fn first_word<D: std::fmt::Debug>(value: &D) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
