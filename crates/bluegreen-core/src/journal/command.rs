//! Orders that reach a running operator through its journal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One order, given once; its id keeps it from being taken twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// Unique, and sorting by time.
    pub id: String,
    /// When it was given.
    pub at: Timestamp,
    /// By whom: `user@host pid 4711`.
    pub by: String,
    /// What to do.
    pub verb: Verb,
}

/// What an operator can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// End the pause or hold that the run is in.
    Promote,
    /// Skip every remaining pause and hold; the gates stay.
    PromoteFull,
    /// Start no further step until promoted.
    Pause,
    /// Restore the captured baseline.
    Abort,
}
