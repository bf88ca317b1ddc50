//! What the world cannot tell: the plan, the baseline, intents with their outcomes, and latched facts.
//!
//! Everything else is observed anew on every pass, so a resumed run takes the same path as a new one.

mod command;
mod control;
pub(crate) mod file;
mod judged;
mod managed;
mod record;
mod state;
mod task_set;

use async_trait::async_trait;

pub use command::{Command, Verb};
pub use control::ControlRun;
pub use file::{Contents, FileJournal, FileStore, FindError, Found, Owner, RunSummary, Torn, state_root};
pub use judged::{Judged, JudgedRun};
pub use managed::{Continued, DeploymentEnd, ManagedRun, Waited};
pub use record::{
    Body, Cause, Ending, Fact, IntentId, JOURNAL_VERSION, Mutation, Operator, Purpose, Record, Resolution, Terminal,
};

pub use state::{Certainty, ClosedGate, Failure, FoldError, Gatekeeper, Goal, RunState, Write};
pub use task_set::TaskSetChange;

use crate::model::RunId;

/// The records of one run, held under the service's lock for as long as this value lives.
#[async_trait]
pub trait Journal: Send + Sync {
    /// All records, oldest first.
    async fn read(&self) -> Result<Vec<Record>, JournalError>;
    /// Makes `record` durable before it returns. Refused when the journal's last record is not `record.seq - 1`.
    async fn append(&self, record: &Record) -> Result<(), JournalError>;
    /// Commands from other terminals, oldest first; they stay until a record has taken them.
    async fn commands(&self) -> Result<Vec<Command>, JournalError>;
}

/// Where journals live: one lock for each service, one journal for each run.
#[async_trait]
pub trait Store: Send + Sync {
    /// Takes the service's lock and opens the run's journal, new or old.
    ///
    /// The lock ends with the returned value or with the process, whichever is first.
    async fn open(&self, run: &RunId, operator: &Operator) -> Result<Box<dyn Journal>, JournalError>;
}

/// Why the journal did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Another operator works on the service.
    #[error("run {run} of this service is being worked on by {owner}")]
    Held {
        /// The other's run.
        run: String,
        /// The other, in words.
        owner: String,
    },
    /// Somebody else appended.
    #[error("the journal has moved on: record {expected} was expected to be the next one, but {found} exist")]
    Conflict {
        /// The sequence number that we wanted to write.
        expected: u64,
        /// How many records there are.
        found: u64,
    },
    /// No such run.
    #[error("no run `{0}` in the journal")]
    NotFound(String),
    /// A record that cannot be read, other than a torn last line.
    #[error("{place}: {what}")]
    Damaged {
        /// File and line.
        place: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The storage failed.
    #[error("cannot {action} {place}: {what}")]
    Storage {
        /// What was being done.
        action: &'static str,
        /// Where.
        place: String,
        /// What the storage said.
        what: String,
    },
}
