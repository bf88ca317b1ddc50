//! One run, and what is to be known of it afterwards.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::drive::{DriveError, Driver, Ended, Interrupt};
use bluegreen_core::event::Silent;
use bluegreen_core::journal::{Body, Cause, Fact, Mutation, Operator, Purpose, Record, Resolution};
use bluegreen_core::model::{Percent, Timestamp};
use bluegreen_core::plan::Plan;

use super::DOWNTIME;
use super::stage::Stage;
use crate::executor::{Schedule, Sim};
use crate::scenario::NEW_REVISION;
use crate::world::{Deed, Ms, When, World, millis};

/// So much longer than its steps a judged run may take.
const JUDGED_WITHIN: Duration = Duration::from_secs(1800);

/// What an operator ends with.
type Outcome = Result<Ended, DriveError>;

/// A run that is about to begin.
pub(super) struct Story {
    pub(super) world: World,
    pub(super) seed: u64,
    /// What somebody else does, so many milliseconds after the beginning.
    pub(super) drift: Option<(Ms, Deed)>,
    /// After which poll the operator is killed.
    pub(super) kill: Option<u64>,
}

/// What became of it. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Observed {
    /// How it ended, in one word.
    pub(super) end: String,
    /// From the beginning to the end.
    pub(super) took: Ms,
    /// How often operators were polled.
    pub(super) polls: u64,
    /// Whether the way back was taken.
    pub(super) went_back: bool,
    /// From the canary's first traffic to the way back, where an alarm or the judge was the reason.
    pub(super) detected: Option<Ms>,
    /// Whether it was the judge.
    pub(super) by_judge: bool,
    /// Whether a step ended without enough evidence.
    pub(super) inconclusive: bool,
    /// From the way back to the last routed request.
    pub(super) cleared: Option<Ms>,
    /// Requests that the canary answered with an error.
    pub(super) harmed: u64,
}

impl Story {
    pub(super) fn play(self, stage: &Stage<'_>) -> Observed {
        let Story { mut world, seed, drift, kill } = self;
        let began = world.now_ms();
        if let Some((after, deed)) = drift {
            world.script(When::At(began + after), deed);
        }
        let plan = &stage.plan;
        let mut sim: Sim<Outcome> = Sim::new(world, seed);
        let holds: Duration = plan.steps.iter().map(length).sum();
        sim.bounds.time = match &plan.analysis {
            // Who waits for evidence waits for ever.
            Some(analysis) => holds.saturating_mul(analysis.inconclusive_limit.saturating_add(2)) + JUDGED_WITHIN,
            None => holds + Duration::from_secs(48 * 3600),
        };
        sim.bounds.polls = 50_000_000;
        for rule in stage.rehearsal.faults.rules() {
            sim.fault(rule.clone());
        }
        let (first, own) = (driver(&sim, "first"), plan.clone());
        sim.spawn("first", async move { first.start(&own).await });
        if let Some(poll) = kill {
            let (second, own) = (driver(&sim, "second"), plan.clone());
            sim.crash("first", poll, DOWNTIME, Some(("second", || resume(second, own))));
        }
        let report = sim.run(&Schedule::RoundRobin);
        let journal = sim.journal(&plan.run);
        let results = ["first", "second"].map(|name| report.result(name).cloned());
        let waits = is_inconclusive(&journal).then(|| "Inconclusive".to_owned());
        let end = end_of(&journal).or(waits).unwrap_or_else(|| {
            results
                .into_iter()
                .flatten()
                .next_back()
                .map_or("Unsettled", |end| match end {
                    Ok(_) => "Left",
                    Err(_) => "Failed",
                })
                .to_owned()
        });
        sim.world_mut(World::draw_requests);
        sim.world(|world| {
            let back = way_back(&journal).map(|(at, _)| at);
            let after = |since: Timestamp, until: Ms| until.saturating_sub(world.ms(since));
            let exposed = world.traffic.last_exposed(&stage.groups.green);
            Observed {
                end,
                took: journal.last().map_or(0, |last| world.ms(last.at).saturating_sub(began)),
                polls: report.polls("first"),
                went_back: back.is_some(),
                detected: detection(&journal).map(millis),
                by_judge: way_back(&journal).is_some_and(|(_, cause)| by_judge(cause)),
                inconclusive: is_inconclusive(&journal),
                cleared: back.and_then(|at| exposed.map(|until| after(at, until))),
                harmed: world.traffic.harm.errors.get(NEW_REVISION).copied().unwrap_or(0),
            }
        })
    }
}

fn driver(sim: &Sim<Outcome>, name: &str) -> Driver {
    let operator =
        Operator { user: name.to_owned(), host: "rehearsal".to_owned(), pid: 1, version: "0.0.0".to_owned() };
    Driver {
        ports: sim.ports(name),
        store: sim.store(name),
        reporter: Arc::new(Silent),
        interrupt: Interrupt::default(),
        operator,
    }
}

/// Goes on where the first operator was killed. Killed before its first record, it left nothing to go on with.
async fn resume(driver: Driver, plan: Plan) -> Outcome {
    match driver.resume(&plan.run).await {
        Err(DriveError::Fold(_)) => driver.start(&plan).await,
        other => other,
    }
}

fn length(step: &bluegreen_core::model::Step) -> Duration {
    use bluegreen_core::model::Step;
    match step {
        Step::Hold(time) | Step::Analysis(time) | Step::Bake(time) => *time,
        Step::SetWeight(_) | Step::SetCanaryScale(_) | Step::AwaitPromote => Duration::ZERO,
    }
}

fn end_of(journal: &[Record]) -> Option<String> {
    journal.iter().rev().find_map(|record| match &record.body {
        Body::Finished(ending) => Some(ending.terminal.to_string()),
        _ => None,
    })
}

fn by_judge(cause: &Cause) -> bool {
    matches!(cause, Cause::Analysis { metric: Some(_), .. })
}

fn is_inconclusive(journal: &[Record]) -> bool {
    journal.iter().any(|record| match &record.body {
        Body::Fact(Fact::Inconclusive { .. }) => true,
        Body::Fact(Fact::Restoring(Cause::Analysis { metric, .. })) => metric.is_none(),
        _ => false,
    })
}

/// From a run's first canary traffic to the decision to go back for an alarm or by the judge; `None` for other reasons.
pub fn detection(journal: &[Record]) -> Option<Duration> {
    let (at, cause) = way_back(journal)?;
    let from = first_traffic(journal).filter(|_| matches!(cause, Cause::AlarmRed { .. }) || by_judge(cause))?;
    Duration::try_from(at.duration_since(from)).ok()
}

/// When the way back was taken, and why.
fn way_back(journal: &[Record]) -> Option<(Timestamp, &Cause)> {
    journal.iter().find_map(|record| match &record.body {
        Body::Fact(Fact::Restoring(cause)) => Some((record.at, cause)),
        _ => None,
    })
}

/// When the first weight above zero was written.
fn first_traffic(journal: &[Record]) -> Option<Timestamp> {
    let step = journal.iter().find_map(|record| match &record.body {
        Body::Intent { mutation: Mutation::SetActions { purpose: Purpose::Step(share), .. }, .. }
            if *share > Percent::ZERO =>
        {
            Some(record.seq)
        }
        _ => None,
    })?;
    // One whose answer was lost may have taken effect.
    journal.iter().find_map(|record| match &record.body {
        Body::Outcome { intent, resolution: Resolution::Applied { .. } | Resolution::Unknown(_) }
            if *intent >= step =>
        {
            Some(record.at)
        }
        _ => None,
    })
}
