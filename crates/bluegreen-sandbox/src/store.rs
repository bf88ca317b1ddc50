//! Journals in memory, for one service: the lock, the sequence check and the inbox of the file store, and nothing else.
//! A torn last line is the file store's own affair.

use async_trait::async_trait;
use bluegreen_core::journal::{Body, Command, Journal, JournalError, Operator, Record, Store};
use bluegreen_core::model::RunId;

use crate::stage::{Inner, Shared, pause};
use crate::trace::{Answer, Call, Detail};

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
            let opened = inner.store.take(&self.operator, run, operator);
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
        self.shared.lock().store.release(self.token);
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
    fn append(&mut self, operator: &str, run: &RunId, record: &Record) -> Result<(), JournalError> {
        let index = self.next_call();
        let now = self.world.now_ms();
        let appended = self.store.append(run, record, now);
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
