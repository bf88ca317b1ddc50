//! What closed minutes say, one at a time: nothing is computed again for a further minute.

mod metric;

use jiff::Timestamp;

use super::{Judge, Judgement, Row, Verdict, Window};
use crate::decide::later;
use crate::stats::{RequestSplit, is_count};

pub use metric::MetricEvidence;
pub(super) use metric::Process;

/// The evidence of a whole release so far. Judging all rows afresh gives the same, to the last bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub(super) judge: Judge,
    pub(super) metrics: Vec<Process>,
    pub(super) split: RequestSplit,
    /// Before it, minutes are warm-up.
    begin: Timestamp,
    newest: Option<Timestamp>,
    /// Minutes up to now in which the control had requests, and the canary weight and none.
    pub(super) silent: u32,
    /// The largest mean of the deciding metrics after any minute but the newest, which may be under way.
    worse: f64,
}

/// A row that is older than what was added: evidence depends on the order, so judge all rows afresh.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of `{metric}` for {at} came after a later one, or again")]
pub struct LateRow {
    /// Its metric.
    pub metric: String,
    /// Its minute.
    pub at: Timestamp,
}

impl Evidence {
    /// None yet, of a canary that is healthy since then.
    pub fn new(judge: &Judge, healthy_since: Timestamp) -> Evidence {
        let metrics = judge.metrics.iter().map(|metric| Process::new(judge, metric)).collect();
        Evidence {
            judge: judge.clone(),
            metrics,
            split: RequestSplit::default(),
            begin: later(healthy_since, judge.warm_up),
            newest: None,
            silent: 0,
            worse: 0.0,
        }
    }

    /// Adds one row of a closed minute. Rows come by time, those of one minute in any order, each metric once. Rows of
    /// metrics that the judge does not know are left out.
    pub fn add(&mut self, row: &Row) -> Result<(), LateRow> {
        let again = |process: &Process| process.found.metric == row.metric && process.newest >= Some(row.at);
        if Some(row.at) < self.newest || self.metrics.iter().any(again) {
            return Err(LateRow { metric: row.metric.clone(), at: row.at });
        }
        self.take(row);
        Ok(())
    }

    /// The same for a row that is known to be in order.
    pub(super) fn take(&mut self, row: &Row) {
        let Some(index) = self.metrics.iter().position(|process| process.found.metric == row.metric) else { return };
        if self.newest != Some(row.at) {
            self.worse = self.worse();
            self.newest = Some(row.at);
        }
        let warm = row.at >= self.begin;
        self.metrics[index].add(row, warm);
        if index == 0 && warm {
            self.add_to_split(row);
        }
    }

    /// A canary without any data while the control has some, and while it has weight, got no request. One whose count is
    /// none says nothing.
    fn add_to_split(&mut self, row: &Row) {
        let (Some(share), Some(control)) = (row.share, row.control) else { return };
        let canary = row.canary.map_or(0.0, |canary| canary.all);
        if share > 0.0 && share < 1.0 && is_count(canary) && is_count(control.all) {
            self.split.add(canary, control.all, share);
            self.silent = if canary > 0.0 { 0 } else { self.silent + u32::from(control.all > 0.0) };
        }
    }

    /// ln E of all deciding metrics together, at its largest so far.
    pub fn worse(&self) -> f64 {
        self.worse.max(metric::together(&self.metrics))
    }

    /// What it says in this window, whose minutes have all been added, and none beyond.
    pub fn verdict(&self, window: Window) -> Verdict {
        super::judge::verdict(self, window)
    }

    /// The same with all that it rests on, intervals included.
    pub fn judgement(&self, window: Window) -> Judgement {
        Judgement {
            verdict: self.verdict(window),
            worse: self.worse(),
            split: self.split.log_e(),
            metrics: self.metrics.iter().map(Process::evidence).collect(),
        }
    }
}
