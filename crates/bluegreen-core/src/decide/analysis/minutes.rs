//! Closed minutes: which are to be read, and what of them is news.

use std::time::Duration;

use jiff::Timestamp;

use crate::analysis::Row;
use crate::decide::{Context, elapsed, later};
use crate::journal::{Fact, Goal, RunState};
use crate::observe::ClosedMinutes;
use crate::plan::Analysis;

use super::window::{closed_until, next_whole_minute};

/// Points can come late: minutes are read again for so long.
const READ_AGAIN: Duration = Duration::from_secs(300);

/// Counts that end so long before the newest closed minute are old.
const BEHIND: Duration = Duration::from_secs(180);

/// The minutes that are to be read at `now`, as the beginning of the first and the end of the last; `None` where
/// nothing is judged, or no minute is closed yet.
pub fn next_minutes(state: &RunState, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let analysis = state.plan.analysis.as_deref()?;
    if state.goal != Goal::Promote || state.committed_at.is_some() || state.ending.is_some() {
        return None;
    }
    let first = next_whole_minute(state.judged.since?);
    let again = |until: Timestamp| until.checked_sub(READ_AGAIN).unwrap_or(until);
    let read = state.judged.until.map(again);
    let from = read.map_or(first, |read| state.judged.behind_since.map_or(read, |since| read.min(since)));
    let until = closed_until(now, analysis.lag);
    let from = next_whole_minute(from.max(first));
    (from < until).then_some((from, until))
}

/// What of the newest reading the journal does not know yet.
pub(super) fn news(context: &Context<'_>) -> Option<Fact> {
    let state = context.state;
    let analysis = state.plan.analysis.as_deref()?;
    let read = context.seen.minutes.as_ref()?.ok()?;
    let is_new = |row: &&Row| state.judged.rows.get(&row.metric, row.at) != Some(*row);
    let rows: Vec<Row> = read.rows.iter().filter(is_new).cloned().collect();
    let until = state.judged.until.map_or(read.until, |until| until.max(read.until));
    let later_minute = Some(until) > state.judged.until;
    let missing = missing(analysis, read);
    let caught_up = missing.is_empty() && (state.judged.behind_since.is_some() || state.judged.without.is_some());
    (!rows.is_empty() || later_minute || caught_up).then_some(Fact::Minutes { rows, until, missing })
}

/// The deciding metrics that could not be read.
fn missing(analysis: &Analysis, read: &ClosedMinutes) -> Vec<String> {
    let failed = read.failed.iter().map(|(metric, _)| metric);
    failed.filter(|metric| decides(analysis, metric)).cloned().collect()
}

fn decides(analysis: &Analysis, name: &str) -> bool {
    analysis.judge.metrics.iter().any(|metric| metric.name == name && !metric.dry_run)
}

/// Why the counts of deciding metrics cannot be relied upon, if so.
pub(super) fn trouble(context: &Context<'_>, analysis: &Analysis) -> Option<String> {
    let run = &context.state.judged;
    let first = next_whole_minute(run.since?);
    if let Some(reading) = &context.seen.minutes {
        let failed = match &reading.value {
            Err(error) => Some(error.class.as_str().to_owned()),
            Ok(read) => read
                .failed
                .iter()
                .find(|(metric, _)| decides(analysis, metric))
                .map(|(metric, error)| format!("{metric}: {}", error.class.as_str())),
        };
        if failed.is_some() {
            return failed;
        }
    }
    let known = run.until.unwrap_or(first);
    let closed = closed_until(context.now, analysis.lag);
    (elapsed(later(known, BEHIND), closed) > Duration::ZERO)
        .then(|| format!("the newest that were read end at {known}"))
}
