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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Cause;
    use crate::model::Color;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn json(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    fn change(desired: u32) -> ServiceChange {
        ServiceChange { color: Color::Blue, task_definition: None, desired: Some(desired) }
    }

    #[test]
    fn its_records_read_as_they_were_written() {
        let mutation = Mutation::UpdateControl(change(4));
        assert_eq!(json(&mutation), r#"{"updateControl":{"color":"blue","desired":4}}"#);
        assert_eq!(serde_json::from_str::<Mutation>(&json(&mutation)).unwrap(), mutation);
        for (fact, expected) in [
            (Fact::ControlHealthy { healthy: 4 }, r#"{"controlHealthy":{"healthy":4}}"#),
            (Fact::ControlUnhealthy { seen: "s".into() }, r#"{"controlUnhealthy":{"seen":"s"}}"#),
            (Fact::ControlSettled, r#""controlSettled""#),
            (Fact::Restoring(Cause::Control("c".into())), r#"{"restoring":{"control":"c"}}"#),
        ] {
            assert_eq!(json(&fact), expected);
            assert_eq!(serde_json::from_str::<Fact>(expected).unwrap(), fact);
        }
    }

    #[test]
    fn a_write_is_in_doubt_until_it_is_known() {
        let mut run = ControlRun::default();
        run.intend(5, at(1), &Mutation::UpdateControl(change(4)));
        run.intend(7, at(2), &Mutation::UpdateService(change(1)));
        assert_eq!(run.writes.len(), 1, "other services are not its own");
        assert_eq!(run.writes[0].certainty, Certainty::Doubtful);
        run.each_write(7, |_, certainty| *certainty = Certainty::Applied);
        assert_eq!(run.writes[0].certainty, Certainty::Doubtful);
        run.each_write(5, |at_, certainty| (*at_, *certainty) = (at(3), Certainty::Applied));
        assert_eq!((run.writes[0].at, run.writes[0].certainty), (at(3), Certainty::Applied));
        run.retract(5);
        assert_eq!(run.writes, []);
    }

    #[test]
    fn its_health_counts_from_the_newest_turn() {
        let mut run = ControlRun::default();
        run.learn(&Fact::ControlHealthy { healthy: 4 }, at(1));
        assert_eq!((run.healthy_since, run.unhealthy_since), (Some(at(1)), None));
        for second in [2, 3] {
            run.learn(&Fact::ControlUnhealthy { seen: String::new() }, at(second));
        }
        assert_eq!((run.healthy_since, run.unhealthy_since), (None, Some(at(2))));
        run.learn(&Fact::ControlHealthy { healthy: 4 }, at(4));
        assert_eq!((run.healthy_since, run.unhealthy_since), (Some(at(4)), None));
    }
}
