//! When the laws are asked: at every write, at every report, and at the end.

use bluegreen_core::journal::{Body, Record};

use super::Inner;
use crate::laws::{Case, Violation, ending, judge, plan_of};
use crate::trace::{Call, Detail};

impl Inner {
    /// Judges the newest call of the trace, which has just taken effect.
    pub(super) fn judge_newest(&mut self) {
        let Some((call, trace)) = self.trace.split_last() else { return };
        let violation =
            |(law, what)| Violation { law, call: call.index, at: call.at, operator: call.operator.clone(), what };
        let found: Vec<Violation> = self.broken_laws(call, trace).into_iter().map(violation).collect();
        self.violations.extend(found);
    }

    fn broken_laws(&self, call: &Call, trace: &[Call]) -> Vec<(&'static str, String)> {
        let journal = self.store.held_records();
        match (&call.detail, plan_of(journal)) {
            (Detail::Appended(record), Some(plan)) => match &record.body {
                Body::Finished(report) => {
                    let alone = (self.store.runs().count() == 1).then_some(&self.trace[..]);
                    ending::at_report(&self.world, alone, plan, journal, report.terminal)
                }
                _ => Vec::new(),
            },
            (
                Detail::Actions(_)
                | Detail::Service(_)
                | Detail::TaskSet(_)
                | Detail::Registered(..)
                | Detail::Release(_),
                Some(plan),
            ) => {
                let lost_record = |earlier: &Call| {
                    earlier.operator == call.operator && earlier.operation == "journal:Append" && !earlier.applied
                };
                judge(&Case {
                    plan,
                    world: &self.world,
                    trace,
                    call,
                    journal,
                    holder: self.store.holder(),
                    journal_failed: trace.iter().any(lost_record),
                })
            }
            (
                Detail::Actions(_)
                | Detail::Service(_)
                | Detail::TaskSet(_)
                | Detail::Registered(..)
                | Detail::Release(_),
                None,
            ) => {
                vec![("S4", format!("{} without a plan in a journal that is held", call.operation))]
            }
            _ => Vec::new(),
        }
    }

    /// Judges the end state, after the data plane has had its time.
    pub(crate) fn judge_end(&mut self) {
        let mut found = Vec::new();
        for (run, journal) in self.store.runs() {
            let report = journal.iter().rev().find_map(|record: &Record| match &record.body {
                Body::Finished(report) => Some(report),
                _ => None,
            });
            let Some((plan, report)) = plan_of(journal).zip(report) else { continue };
            found.extend(ending::at_rest(&self.world, plan, report.terminal).into_iter().map(|what| Violation {
                law: "S12",
                call: self.calls,
                at: self.world.now(),
                operator: run.to_string(),
                what,
            }));
        }
        self.violations.extend(found);
    }
}
