//! Gates that keep a run where it is, and the time that they cost.

use jiff::Timestamp;

use super::RunState;

/// What a gate depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gatekeeper {
    /// Alarms that give no answer.
    Alarms,
    /// Metrics that cannot be read.
    Metrics,
}

/// A gate that keeps the run where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedGate {
    /// Since when.
    pub since: Timestamp,
    /// Who has closed it.
    pub by: Gatekeeper,
    /// Which, and why.
    pub why: String,
}

impl RunState {
    /// Closed for another reason by the same keeper it stays closed since then; its time is no other keeper's.
    pub(super) fn close_gate(&mut self, by: Gatekeeper, why: &str, at: Timestamp) {
        let since = self.gate.as_ref().filter(|gate| gate.by == by).map_or(at, |gate| gate.since);
        self.gate = Some(ClosedGate { since, by, why: why.to_owned() });
    }

    /// A closed gate has a limit of its own: its time is not the phase's.
    pub(super) fn open_gate(&mut self, at: Timestamp) {
        let closed = self.gate.take().map(|gate| at.duration_since(gate.since));
        let closed = closed.filter(|closed| !closed.is_negative()).unwrap_or_default();
        self.progress_at = self.progress_at.checked_add(closed).unwrap_or(at).min(at);
    }
}
