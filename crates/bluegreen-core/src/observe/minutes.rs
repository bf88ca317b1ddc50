//! Counts of closed minutes as they were read.

use jiff::Timestamp;

use crate::analysis::Row;
use crate::call::CallError;

/// Closed minutes of the plan's metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedMinutes {
    /// The end of the newest minute that was asked for.
    pub until: Timestamp,
    /// What was counted.
    pub rows: Vec<Row>,
    /// The metrics that could not be read, or only in part, by name. They have no rows.
    pub failed: Vec<(String, CallError)>,
}
