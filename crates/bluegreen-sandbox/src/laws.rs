//! The safety properties, judged from outside the engine: from what is true in the world, from what the operators were
//! told, and from what the journal says. Every write is judged at the instant at which the world applies it.
//!
//! Where a property speaks of what an operator *could know*, the judgement allows for the age of its reads: an edit by
//! somebody else counts against the operator only when it was told of it, or when it is older than the longest lag of
//! such reads plus the plan's `freshness`.

use bluegreen_core::journal::{Body, Fact, Record, Resolution, Verb};
use bluegreen_core::model::{Action, ActionKind, Color, Percent, RouteId, Step, TaskDefinitionArn, Timestamp, Weight};
use bluegreen_core::plan::{Plan, Release};

use crate::trace::{ActionsWrite, Answer, Call, Detail, TaskSetWrite};
use crate::world::balancer::share_ppm;
use crate::world::{Ms, World, millis};

mod control;
pub(crate) mod ending;
mod fleet;
mod gates;
mod judged;
mod managed;
mod sets;
mod traffic;

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which: `S1` to `S18`.
    pub law: &'static str,
    /// At which call.
    pub call: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub operator: String,
    /// In words.
    pub what: String,
}

/// One write and everything that was known when it took effect.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The plan of the run that is being worked on.
    pub plan: &'a Plan,
    /// The world just after the write.
    pub world: &'a World,
    /// All calls before the write.
    pub trace: &'a [Call],
    /// The write.
    pub call: &'a Call,
    /// The records of the run that is being worked on.
    pub journal: &'a [Record],
    /// Which operator holds the service's lock.
    pub holder: Option<&'a str>,
    /// Whether a record of this operator could not be written: from then on its journal is behind what it knows.
    pub journal_failed: bool,
}

/// The judgement of one law: what is wrong, if anything.
pub type Judgement = Result<(), String>;

/// A law of single writes.
pub type Law = fn(&Case<'_>) -> Judgement;

/// The laws of single writes by name.
pub const LAWS: [(&str, Law); 19] = [
    ("S1", traffic::split_valid),
    ("S2", gates::alarms_read_green),
    ("S3", traffic::targets_seen_healthy),
    ("S3", control::targets_seen_healthy),
    ("S4", gates::written_ahead),
    ("S5", fleet::retreat_ready),
    ("S6", gates::no_way_forward_from_back),
    ("S7", fleet::no_early_scale_in),
    ("S7", control::no_early_loss),
    ("S8", gates::single_writer),
    ("S9", traffic::no_silent_overwrite),
    ("S10", traffic::step_by_step),
    ("S11", gates::only_planned_things),
    ("S13", traffic::bounded_exposure),
    ("S13", control::share_of_the_canary),
    ("S15", fleet::known_version),
    ("S15", control::known_version),
    ("S17", judged::counts_speak_for_it),
    ("S18", judged::passed_by_evidence),
];

/// A write that raises the canary's share of a production route; shares in millionths.
#[derive(Clone, Copy, Debug)]
struct Rise<'a> {
    write: &'a ActionsWrite,
    to: u32,
}

impl<'a> Case<'a> {
    fn actions(&self) -> Option<&'a ActionsWrite> {
        match &self.call.detail {
            Detail::Actions(write) => Some(write),
            _ => None,
        }
    }

    fn set(&self) -> Option<&'a TaskSetWrite> {
        match &self.call.detail {
            Detail::TaskSet(write) => Some(write),
            _ => None,
        }
    }

    /// The write as a rise of the canary's share, if it is one. The test route carries no production traffic.
    fn rise(&self) -> Option<Rise<'a>> {
        rise_of(self.plan, self.call)
    }

    fn facts(&self) -> impl DoubleEndedIterator<Item = (&'a Record, &'a Fact)> {
        self.journal.iter().filter_map(|record| match &record.body {
            Body::Fact(fact) => Some((record, fact)),
            _ => None,
        })
    }

    fn has_fact(&self, test: impl Fn(&Fact) -> bool) -> bool {
        self.facts().any(|(_, fact)| test(fact))
    }

    /// The newest answer to this operator that `pick` recognises, with the time at which it arrived.
    fn told<T>(&self, pick: impl Fn(&'a Call) -> Option<T>) -> Option<(Timestamp, T)> {
        let own = |call: &&Call| call.operator == self.call.operator && call.answer == Answer::Ok;
        self.trace.iter().rev().filter(own).find_map(|call| Some((call.answered_at, pick(call)?)))
    }

    /// The same, unless it is older than the plan allows for a forward write.
    fn told_lately<T>(&self, pick: impl Fn(&'a Call) -> Option<T>) -> Option<T> {
        // A request that is slow on the wire was fresh when it left: nobody can take it back.
        let age = |at: Timestamp| self.call.sent_at.duration_since(at);
        let (at, answer) = self.told(pick)?;
        (age(at) <= jiff::SignedDuration::try_from(self.plan.timing.freshness).ok()?).then_some(answer)
    }

    /// How long something must have been true before an operator can be blamed for not knowing.
    fn allowance(&self) -> Ms {
        self.world.config.lags.longest() + millis(self.plan.timing.freshness)
    }

    /// The revision that is released, once it is known.
    fn asked_revision(&self) -> Option<&'a TaskDefinitionArn> {
        asked_revision(self.plan, self.journal)
    }

    fn restoring(&self) -> bool {
        self.has_fact(|fact| matches!(fact, Fact::Restoring(_)))
    }

    /// Whether a person has cut short what came after `since`.
    fn promoted_since(&self, since: Timestamp) -> bool {
        self.facts().any(|(_, fact)| match fact {
            Fact::Commanded(command) => match command.verb {
                Verb::PromoteFull => true,
                Verb::Promote => command.at >= since,
                Verb::Pause | Verb::Abort => false,
            },
            _ => false,
        })
    }

    /// The steps that set a weight, with their indices and shares in millionths.
    fn weight_steps(&self) -> impl DoubleEndedIterator<Item = (usize, u32)> {
        self.plan.steps.iter().enumerate().filter_map(|(index, step)| match step {
            Step::SetWeight(share) => Some((index, ppm(*share))),
            _ => None,
        })
    }

    fn color_of_service(&self, name: &str) -> Option<Color> {
        self.plan.baseline.services.iter().find(|(_, service)| service.name == name).map(|(color, _)| color)
    }
}

fn rise_of<'a>(plan: &Plan, call: &'a Call) -> Option<Rise<'a>> {
    let Detail::Actions(write) = &call.detail else { return None };
    let production = plan.route_ids().any(|id| *id == write.route);
    let share = |actions: &[Action]| share_ppm(actions, plan.canary_group());
    let to = share(&write.after);
    (production && to > share(&write.before)).then_some(Rise { write, to })
}

fn asked_revision<'a>(plan: &'a Plan, journal: &'a [Record]) -> Option<&'a TaskDefinitionArn> {
    let registered = journal.iter().rev().find_map(|record| match &record.body {
        Body::Fact(Fact::TaskDefinition(arn)) => Some(arn),
        Body::Outcome { resolution: Resolution::Applied { task_definition }, .. } => task_definition.as_ref(),
        _ => None,
    });
    match &plan.release {
        Release::Existing(arn) => Some(arn),
        Release::Register { .. } => registered,
    }
}

fn ppm(share: Percent) -> u32 {
    u32::from(share.tenths()) * 1_000
}

/// A share in millionths as people write it.
fn percent(ppm: u32) -> String {
    format!("{}.{} %", ppm / 10_000, ppm % 10_000 / 1_000)
}

/// The same actions in a form in which equal behaviour is equal: stickiness that is off may be left out, so may
/// the weight of a group that stands alone or a weight of 1, and the order of the groups means nothing.
fn normal(actions: &[Action]) -> Vec<Action> {
    let mut actions = actions.to_vec();
    for action in &mut actions {
        if let ActionKind::Forward(forward) = &mut action.kind {
            forward.stickiness = forward.stickiness.take().filter(|stickiness| stickiness.enabled);
            match forward.groups.as_mut_slice() {
                [alone] => alone.weight = None,
                groups => groups.iter_mut().for_each(|group| group.weight = group.weight.or(Weight::try_from(1).ok())),
            }
            forward.groups.sort_by(|a, b| a.arn.cmp(&b.arn));
        }
    }
    actions
}

fn baseline_of<'a>(plan: &'a Plan, route: &RouteId) -> Option<&'a [Action]> {
    plan.all_routes().find(|snapshot| snapshot.id == *route).map(|snapshot| snapshot.actions.as_slice())
}

/// The plan of a run.
pub(crate) fn plan_of(journal: &[Record]) -> Option<&Plan> {
    match &journal.first()?.body {
        Body::Started { plan, .. } => Some(plan),
        _ => None,
    }
}

/// The laws that one write breaks.
pub fn judge(case: &Case<'_>) -> Vec<(&'static str, String)> {
    let laws = if matches!(case.call.detail, Detail::Release(_)) { &managed::LAWS[..] } else { &LAWS[..] };
    laws.iter().filter_map(|(law, check)| check(case).err().map(|what| (*law, what))).collect()
}

#[cfg(test)]
mod tests;
