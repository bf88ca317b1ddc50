//! What a journal says of the control fleet: folded beside the rest of the run.

use jiff::Timestamp;

use super::{Certainty, Fact, IntentId, Mutation, Write};
use crate::ports::ServiceChange;

/// What the journal knows of a run's control fleet. Empty for plans without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlRun {
    /// Since when it has been seen complete and healthy.
    pub healthy_since: Option<Timestamp>,
    /// Since when it no longer has been, after it had.
    pub unhealthy_since: Option<Timestamp>,
    /// Whether it was seen at its old size after the commit.
    pub settled: bool,
    /// The writes to its service that may have taken effect, oldest first.
    pub writes: Vec<Write<ServiceChange>>,
}

impl ControlRun {
    pub(super) fn intend(&mut self, id: IntentId, at: Timestamp, mutation: &Mutation) {
        if let Mutation::UpdateControl(change) = mutation {
            let certainty = Certainty::Doubtful;
            self.writes.push(Write { intent: id, at, value: change.clone(), certainty });
        }
    }

    pub(super) fn each_write(&mut self, id: IntentId, mut f: impl FnMut(&mut Timestamp, &mut Certainty)) {
        for write in self.writes.iter_mut().filter(|write| write.intent == id) {
            f(&mut write.at, &mut write.certainty);
        }
    }

    pub(super) fn retract(&mut self, id: IntentId) {
        self.writes.retain(|write| write.intent != id);
    }

    pub(super) fn learn(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::ControlHealthy { .. } => (self.healthy_since, self.unhealthy_since) = (Some(at), None),
            Fact::ControlUnhealthy { .. } => {
                self.healthy_since = None;
                self.unhealthy_since = self.unhealthy_since.or(Some(at));
            }
            Fact::ControlSettled => self.settled = true,
            _ => {}
        }
    }
}
