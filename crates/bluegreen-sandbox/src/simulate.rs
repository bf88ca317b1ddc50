//! A release rehearsed: many runs of the real loop in virtual time, against a modelled world with drawn requests.
//!
//! Every run is one operator over the ports front. Half of the runs release a canary that fails as it was said to,
//! which tells what detection is worth; the other half release one that is as good as the old version, which tells what
//! it costs. The same rehearsal with the same seed gives the same summary.

use std::time::Duration;

use bluegreen_core::model::Step;
use bluegreen_core::plan::Analysis;
use bluegreen_core::spec::{Engine, Spec};

use crate::faults::FaultPlan;
use crate::scenario::Scenario;
use crate::world::{Lag, Ms, millis};

mod alarm;
mod judged;
mod run;
mod stage;
mod summary;
#[cfg(test)]
mod tests;

pub use alarm::{AlarmModel, AlarmModelError};
pub use run::detection;
pub use summary::{Canary, Chance, Good, Spread, Summary};

/// A killed operator's place is taken after this time.
pub const DOWNTIME: Duration = Duration::from_secs(60);
/// From a task's placement to its container running.
const START: Ms = 30_000;
/// From then to its first passed check.
const CHECK: Ms = 20_000;
/// How old reads are at most, and how far nodes of the load balancer are behind.
const READS: Ms = 5_000;
const NODES: Ms = 10_000;

/// What is rehearsed, and in which world.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The steps, pace, alarms and policies. Places are replaced: the world has its own.
    pub spec: Spec,
    /// Tasks of the stable fleet, at least 1.
    pub tasks: u32,
    /// Requests a second, over both versions.
    pub rps: u64,
    /// The share of 5xx among the old version's answers, 0 to 1.
    pub baseline_errors: f64,
    /// The same for the new version, where it is a bad one.
    pub canary_errors: f64,
    /// What each of the spec's alarms looks at.
    pub alarm: AlarmModel,
    /// The period of load balancer metrics, and how long they take to be seen after it: 60 s as on AWS.
    pub metric_period: Duration,
    /// What goes wrong with single calls.
    pub faults: FaultPlan,
    /// Whether somebody else edits the weights once in each run.
    pub drift: bool,
    /// Whether the operator is killed once in each run and the run is resumed [`DOWNTIME`] later.
    pub kill: bool,
    /// How many runs each half has, at least 1.
    pub runs: u32,
    /// Where all draws come from.
    pub seed: u64,
}

impl Rehearsal {
    /// Runs everything.
    pub fn run(&self) -> Summary {
        let stage = stage::Stage::new(self);
        let bad = stage.batch("bad", self.canary_errors);
        let good = stage.batch("good", self.baseline_errors);
        Summary::new(self, &bad, &good)
    }

    /// The spec's steps without those that wait for a person: promoted at once, they take no time. Where nothing is
    /// judged, no step waits for a verdict.
    fn steps(&self, judged: bool) -> Vec<Step> {
        let steps = self.spec.steps.iter().filter(|step| **step != Step::AwaitPromote).cloned();
        let step = |step| match step {
            Step::Analysis(length) if !judged => Step::Hold(length),
            step => step,
        };
        steps.map(step).collect()
    }

    /// What of the spec's analysis the world can count, and the names of the metrics that it cannot.
    fn judged(&self) -> (Option<Analysis>, Vec<String>) {
        let shop = Scenario::shop();
        let control = self.spec.control.as_ref().map(|_| shop.control_group());
        match &self.spec.analysis {
            Some(asked) => judged::analysis(asked, &shop.load_balancer(), &shop.groups(), control.as_ref()),
            None => (None, Vec::new()),
        }
    }

    /// AWS's habits, but never worse than the spec allows for.
    fn reads(&self) -> Lag {
        Lag::up_to(READS.min(millis(self.spec.timing.settle)))
    }

    fn nodes(&self) -> Lag {
        Lag::up_to(NODES.min(millis(self.spec.timing.propagation)))
    }

    /// What is not known of the user's world and was put in its place, a sentence each.
    pub fn assumptions(&self) -> Vec<String> {
        let seconds = |ms: Ms| bluegreen_core::model::duration::format(Duration::from_millis(ms));
        let share = |share: f64| format!("{} %", round(share * 100.0));
        let mut all = vec![
            format!(
                "{} requests a second on one route, without stickiness; errors: {} of the old version's answers, {} \
                 of a bad canary's",
                self.rps,
                share(self.baseline_errors),
                share(self.canary_errors)
            ),
            format!(
                "{} tasks; each is healthy {} after it was placed, and none fails",
                self.tasks,
                seconds(START + CHECK)
            ),
            format!(
                "reads are up to {} old; the load balancer follows up to {} later",
                seconds(self.reads().max),
                seconds(self.nodes().max)
            ),
        ];
        let (judged, left_out) = self.judged();
        if let Some(analysis) = &judged {
            let names: Vec<&str> = analysis.judge.metrics.iter().map(|metric| metric.name.as_str()).collect();
            all.push(format!("judged by counts of the modelled load balancer: {}", names.join(", ")));
            all.push("nobody ends a step that waits for more evidence: such a run counts as inconclusive".to_owned());
        }
        if !left_out.is_empty() {
            all.push(format!("metrics that the load balancer does not count are left out: {}", left_out.join(", ")));
        }
        match self.spec.alarms.as_slice() {
            [] if judged.is_some() => all.push("the spec has no alarms".to_owned()),
            [] => all.push("the spec has no alarms: nothing can be detected".to_owned()),
            names => all.push(format!("alarms ({}): {}", names.join(", "), self.alarm.words(self.metric_period))),
        }
        let pauses = self.spec.steps.iter().filter(|step| **step == Step::AwaitPromote).count();
        if pauses > 0 {
            all.push(format!("pauses that wait for a person ({pauses}) are promoted at once"));
        }
        if matches!(self.spec.engine, Engine::CodeDeploy | Engine::Ecs) {
            all.push("the weights are ours: what CodeDeploy or ECS takes of its own time is not rehearsed".to_owned());
        }
        if !self.spec.pre_traffic.is_empty() {
            all.push("hooks pass at once".to_owned());
        }
        if !self.faults.rules().is_empty() {
            let rules: Vec<String> = self.faults.rules().iter().map(ToString::to_string).collect();
            all.push(format!("calls of AWS go wrong, after all retries of the SDK: {}", rules.join(", ")));
        }
        if self.drift {
            all.push("once in each run, somebody else sets the canary's share to 3 %".to_owned());
        }
        if self.kill {
            let gone = seconds(millis(DOWNTIME));
            all.push(format!("once in each run the operator is killed; the run is resumed {gone} later"));
        }
        all
    }
}

/// Three decimals are enough for a person.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
