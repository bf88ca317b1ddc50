//! The world before a run, and the plan that belongs to it.

use bluegreen_core::model::{ByColor, Split, TargetGroupArn, Weight};
use bluegreen_core::plan::{Plan, PlannedAlarm};

use super::run::{Observed, Story};
use super::{CHECK, Rehearsal, START};
use crate::scenario::{NEW_REVISION, Scenario};
use crate::seed::draw;
use crate::world::{Deed, Profile, ReadLags, RequestModel, World, millis};

/// A minute: the phase in which a run begins is drawn from it.
const MINUTE: u64 = 60_000;

pub(super) struct Stage<'a> {
    pub(super) rehearsal: &'a Rehearsal,
    world: World,
    pub(super) plan: Plan,
    pub(super) groups: ByColor<TargetGroupArn>,
    /// What the stranger of `drift` does.
    drift: Option<Deed>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(rehearsal: &'a Rehearsal) -> Stage<'a> {
        let spec = &rehearsal.spec;
        let (analysis, _) = rehearsal.judged();
        let scenario = Scenario {
            seed: rehearsal.seed,
            routes: 1,
            tasks: rehearsal.tasks.max(1),
            control: spec.control.as_ref().map(|_| 0),
            steps: rehearsal.steps(analysis.is_some()),
            capacity: spec.capacity,
            after: spec.after.clone(),
            alarm_policy: spec.alarm_policy.clone(),
            drift: spec.drift,
            rollback: spec.rollback.clone(),
            hooks: spec.pre_traffic.clone(),
            timing: spec.timing.clone(),
            lags: ReadLags::all(rehearsal.reads()),
            propagation: rehearsal.nodes(),
            ..Scenario::shop()
        };
        let groups = scenario.groups();
        let mut world = scenario.world();
        (world.config.start_delay, world.config.check_delay) = (START, CHECK);
        let period = millis(rehearsal.metric_period).max(1_000);
        (world.config.metric_period, world.config.metric_delay) = (period, period);
        world.config.requests_per_second = rehearsal.rps;
        world.config.capacity = rehearsal.tasks.max(1).saturating_mul(3);
        for name in &spec.alarms {
            // The model's parser lets nothing pass that the service would refuse.
            let _ = rehearsal.alarm.put(&mut world, name, [&groups.blue, &groups.green]);
        }
        // Each alarm has looked once, and reads of any age see that.
        let settled = world.now_ms() + 2 * MINUTE;
        world.advance_to(settled);
        let planned = |name: &String| PlannedAlarm {
            name: name.clone(),
            definition: world.state().alarm(name).map(|alarm| alarm.definition).unwrap_or_default(),
            window_seconds: u64::from(rehearsal.alarm.of) * u64::from(rehearsal.alarm.period),
        };
        let mut plan = scenario.plan();
        plan.analysis = analysis.map(Box::new);
        plan.alarms = spec.alarms.iter().map(planned).collect();
        let weight = |weight: u32| Weight::try_from(weight).ok();
        let split = |blue: Weight, green: Weight| {
            Split::new(vec![(groups.blue.clone(), blue), (groups.green.clone(), green)]).ok()
        };
        let split = weight(97).zip(weight(3)).and_then(|(blue, green)| split(blue, green));
        let route = scenario.route_ids().into_iter().next();
        let drift = split.zip(route).map(|(split, route)| Deed::EditWeights(route, split));
        Stage { rehearsal, world, plan, groups, drift: drift.filter(|_| rehearsal.drift) }
    }

    /// All runs of one half: the canary fails at `rate`.
    pub(super) fn batch(&self, name: &str, rate: f64) -> Vec<Observed> {
        // One run without anybody's interference says how long one is.
        let pilot = self.story(name, u32::MAX, rate).play(self);
        (0..self.rehearsal.runs.max(1))
            .map(|index| {
                let mut story = self.story(name, index, rate);
                let moment = |what: &str, of: u64| draw(story.seed, what) % of.max(1);
                let drift = self.drift.clone().map(|deed| (moment("drift", pilot.took), deed));
                let kill = self.rehearsal.kill.then(|| 1 + moment("kill", pilot.polls));
                (story.drift, story.kill) = (drift, kill);
                story.play(self)
            })
            .collect()
    }

    fn story(&self, batch: &str, index: u32, rate: f64) -> Story {
        let seed = draw(self.rehearsal.seed, &(batch, index));
        let mut world = self.world.clone();
        world.config.seed = seed;
        world.config.requests = RequestModel::Drawn;
        world.set_profile(
            self.plan.stable_baseline().task_definition.short(),
            Profile::failing(self.rehearsal.baseline_errors),
        );
        world.set_profile(NEW_REVISION, Profile::failing(rate));
        // Metrics go by the minute, releases do not.
        let begins = world.now_ms() + draw(seed, "phase") % (MINUTE / 1_000) * 1_000;
        world.advance_to(begins);
        Story { world, seed, drift: None, kill: None }
    }
}
