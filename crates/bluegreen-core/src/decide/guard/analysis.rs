//! The guard of judged runs: nothing goes forward against the counts, or without them.

use std::time::Duration;

use jiff::Timestamp;

use super::super::{Seen, elapsed, later};
use super::{Veto, not_now};
use crate::analysis::{Row, Rows, Verdict, Window, judge};
use crate::journal::RunState;
use crate::plan::Analysis;

/// A minute that is closed has been read so long afterwards at the latest.
const READ_WITHIN: Duration = Duration::from_secs(240);

/// Counts read, lately, and not worse than the control's.
pub(super) fn allows(state: &RunState, seen: &Seen, now: Timestamp) -> Result<(), Veto> {
    let Some(analysis) = state.plan.analysis.as_deref() else { return Ok(()) };
    // Without weight there was nothing to be counted.
    let Some(since) = state.judged.since else { return Ok(()) };
    not_worse(state, seen, analysis, since)?;
    match state.judged.without {
        // A person or the plan has said so, and the journal holds it.
        Some(_) => Ok(()),
        None => readable(state, seen, analysis).and_then(|()| recent(state, analysis, since, now)),
    }
}

/// All that was recorded and all that was just read, judged anew.
fn not_worse(state: &RunState, seen: &Seen, analysis: &Analysis, since: Timestamp) -> Result<(), Veto> {
    if let Some(latest) = &state.judged.latest
        && let Verdict::Fail { metric, .. } = &latest.judgement.verdict
    {
        return not_now(format!("the canary was judged worse by {metric}"));
    }
    let read = seen.minutes.as_ref().and_then(|reading| reading.ok());
    let fresh = read.into_iter().flat_map(|read| &read.rows);
    // What they say about the split is no reason to go back, and stickiness may explain it.
    let blank = |row: &Row| Row { share: None, ..row.clone() };
    let rows = Rows::new(state.judged.rows.all().iter().chain(fresh).map(blank).collect());
    let until = read.map(|read| read.until).max(state.judged.until);
    let Some(until) = until else { return Ok(()) };
    let window = Window { healthy_since: since, step_since: state.step_since, step: Duration::MAX, until };
    match judge(&analysis.judge, &rows, window).verdict {
        Verdict::Fail { metric, .. } => not_now(format!("the newest counts make the canary worse by {metric}")),
        _ => Ok(()),
    }
}

fn readable(state: &RunState, seen: &Seen, analysis: &Analysis) -> Result<(), Veto> {
    if state.judged.behind_since.is_some() {
        return not_now("some of the metrics were not read");
    }
    let decides = |name: &str| analysis.judge.metrics.iter().any(|metric| metric.name == name && !metric.dry_run);
    match seen.minutes.as_ref().map(|reading| &reading.value) {
        Some(Err(error)) => not_now(format!("the metrics cannot be read: {error}")),
        Some(Ok(read)) if read.failed.iter().any(|(name, _)| decides(name)) => {
            not_now("a metric that decides cannot be read")
        }
        _ => Ok(()),
    }
}

/// Reads stop being asked for when something hangs: then the newest minute grows old.
fn recent(state: &RunState, analysis: &Analysis, since: Timestamp, now: Timestamp) -> Result<(), Veto> {
    let newest = state.judged.until.unwrap_or(later(since, Duration::from_secs(60)));
    match elapsed(later(newest, analysis.lag), now) > READ_WITHIN {
        true => not_now(format!("no counts are known from after {newest}")),
        false => Ok(()),
    }
}
