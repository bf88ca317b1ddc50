//! Experiments: variants of a service behind one listener, held apart for days and compared.
//!
//! An experiment stands in rules of its own, directly in front of the route that it is about; nothing else on the
//! listener is written, and at its end the rules are deleted. No process lives with it: whoever looks moves it. Every
//! look folds the journal, reads the listener, asks [`decide`] for one thing to do, and does it, until nothing is left to
//! do; counts are read minute by minute into the journal, and judged from there.

mod conditions;
mod counts;
mod decide;
mod describe;
mod drive;
mod judge;
mod plan;
mod power;
mod record;
mod state;
mod store;
mod survey;

pub use conditions::{VALUES_MAX, WILDCARDS_MAX, disjoint, normal};
pub use counts::{Counts, queries};
pub use decide::{Decision, Seen, Standing, decide};
pub use describe::{describe, describe_standing};
pub use drive::{DriveError, Driver};
pub use judge::{Assessment, GoalEvidence, GoalVerdict, GuardrailEvidence, SplitEvidence, judge};
pub use plan::{Facts, PLAN_VERSION, Plan, PlannedRule, TAG, plan};
pub use power::{Power, power};
pub use record::{Body, Ending, Fact, JournalError, Minute, Record, Resolution, Write};
pub use state::{FoldError, State};
pub use store::{FileJournal, Found, Journal, Store};
pub use survey::{Survey, history, survey};
