//! A second, independent look at every mutation before it is sent: the safety properties, in the small.
//!
//! `decide` is written so that none of these can fire. They are here because the price of being wrong is an outage:
//! what a guard refuses is not sent, and the run is held for a person.

mod analysis;
mod fresh;
mod managed;

use jiff::Timestamp;

mod sets;

use super::gate::{Gate, judge_alarms};
use super::{Seen, canary_count, elapsed, later};
use crate::journal::{Goal, Mutation, Purpose, RunState};
use crate::model::{Action, ActionKind, AfterCommit, Percent, RouteId, Step};
use crate::ports::ServiceChange;

/// Why a mutation must not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Veto {
    /// Right now the world does not allow it: look again and decide anew.
    NotNow(String),
    /// It would break a promise whatever the world looks like.
    Never(String),
}

/// Whether this raises the canary's share of production traffic.
fn is_forward(mutation: &Mutation) -> bool {
    matches!(mutation, Mutation::SetActions { purpose: Purpose::Step(_), .. })
}

/// Whether this needs a second look at the world just before it is sent: it gives up something that was held so far.
pub fn needs_last_look(state: &RunState, mutation: &Mutation) -> bool {
    let floor = state.plan.stable_baseline().desired;
    let scales_in = |change: &ServiceChange| {
        change.color == state.plan.stable() && change.desired.is_some_and(|count| count < floor)
    };
    match mutation {
        Mutation::UpdateService(change) => scales_in(change),
        Mutation::UpdateControl(_) => state.committed_at.is_some(),
        Mutation::TaskSet(change) => change.fleet().is_none_or(scales_in),
        _ => is_forward(mutation) || managed::needs_last_look(mutation),
    }
}

/// Checks one mutation against the plan, the journal and the newest reading.
pub fn check(state: &RunState, seen: &Seen, now: Timestamp, mutation: &Mutation) -> Result<(), Veto> {
    let aws_moves_traffic = state.plan.managed().is_some();
    match mutation {
        Mutation::SetActions { purpose: Purpose::Restore, .. } if managed::has_left_its_weights(state) => {
            checked_actions(state, seen, now, mutation)
        }
        Mutation::SetActions { .. }
        | Mutation::UpdateService(_)
        | Mutation::UpdateControl(_)
        | Mutation::TaskSet(_)
            if aws_moves_traffic =>
        {
            never("AWS moves this plan's traffic and tasks, and nobody else does")
        }
        Mutation::SetActions { .. } => checked_actions(state, seen, now, mutation),
        Mutation::UpdateService(change) => may_scale(state, seen, now, change),
        Mutation::UpdateControl(change) => fresh::may_change(state, seen, now, change),
        Mutation::TaskSet(change) => sets::may_change(state, seen, now, change),
        Mutation::RegisterTaskDefinition | Mutation::RunHook(..) => match state.goal {
            Goal::Promote => Ok(()),
            Goal::Restore { .. } => never("nothing new is made on the way back"),
        },
        _ => managed::check(state, seen, now, mutation),
    }
}

fn checked_actions(state: &RunState, seen: &Seen, now: Timestamp, mutation: &Mutation) -> Result<(), Veto> {
    let Mutation::SetActions { route, actions, purpose } = mutation else { return Ok(()) };
    in_scope(state, route)?;
    only_weights_differ(state, route, actions)?;
    match purpose {
        Purpose::Step(share) => may_step(state, seen, now, actions, *share),
        Purpose::Attach => no_traffic_for_canary(state, actions),
        Purpose::Test => test_route_only(state, route),
        Purpose::Evict | Purpose::Restore => going_back(state),
    }
}

fn never(why: &str) -> Result<(), Veto> {
    Err(Veto::Never(why.to_owned()))
}

fn not_now(why: impl Into<String>) -> Result<(), Veto> {
    Err(Veto::NotNow(why.into()))
}

/// S11: only what the plan names is written.
fn in_scope(state: &RunState, route: &RouteId) -> Result<(), Veto> {
    match state.plan.all_routes().any(|planned| planned.id == *route) {
        true => Ok(()),
        false => never("the route is not part of the plan"),
    }
}

/// S1: a valid split, and every other part of every action as it was.
fn only_weights_differ(state: &RunState, route: &RouteId, actions: &[Action]) -> Result<(), Veto> {
    let Some(baseline) = state.plan.all_routes().find(|planned| planned.id == *route) else { return Ok(()) };
    let frame = |actions: &[Action]| -> Vec<Action> {
        let blank = |action: &Action| match &action.kind {
            ActionKind::Forward(forward) => {
                let mut forward = forward.clone();
                forward.groups.clear();
                Action { order: action.order, kind: ActionKind::Forward(forward) }
            }
            ActionKind::Other { .. } => action.clone(),
        };
        actions.iter().map(blank).collect()
    };
    if frame(actions) != frame(&baseline.actions) {
        return never("something other than the weights would change");
    }
    match Action::forward_of(actions).map(crate::model::Forward::split) {
        Some(Ok(_)) => Ok(()),
        _ => never("the weights would leave nobody with traffic"),
    }
}

fn canary_share(state: &RunState, actions: &[Action]) -> u32 {
    let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
    split.map_or(0, |split| split.share_ppm(state.plan.canary_group()))
}

fn no_traffic_for_canary(state: &RunState, actions: &[Action]) -> Result<(), Veto> {
    match canary_share(state, actions) {
        0 => fresh::planned_groups(state, actions, Percent::ZERO),
        _ => never("attaching must not give the canary traffic"),
    }
}

fn test_route_only(state: &RunState, route: &RouteId) -> Result<(), Veto> {
    match state.plan.baseline.test_route.as_ref().is_some_and(|test| test.id == *route) {
        true => Ok(()),
        false => never("only the test route is given to the canary before the first step"),
    }
}

/// S6: the goal is never flipped back.
fn going_back(state: &RunState) -> Result<(), Veto> {
    match state.goal {
        Goal::Restore { .. } => Ok(()),
        Goal::Promote => never("the baseline is restored only after the goal was flipped"),
    }
}

/// S2, S3, S6, S10, S13, S15: the gates of a forward write, by the newest reading.
fn may_step(state: &RunState, seen: &Seen, now: Timestamp, actions: &[Action], share: Percent) -> Result<(), Veto> {
    if state.goal != Goal::Promote || state.ending.is_some() || state.aborted_by.is_some() {
        return never("no forward write after the run turned back");
    }
    if state.plan.steps.get(state.step) != Some(&Step::SetWeight(share)) {
        return never("the weight is not the one of the step under way");
    }
    if canary_share(state, actions) != u32::from(share.tenths()) * 1000 {
        return never("the weights do not add up to the step's share");
    }
    fresh::planned_groups(state, actions, share)?;
    if !state.green_at_start || !state.attached || state.hooks_passed < state.plan.pre_traffic.len() {
        return never("a phase before the first step was left out");
    }
    if state.paused_by.is_some() || seen.interrupted {
        return not_now("the run was told to stop");
    }
    gate_open(state, seen, now)?;
    let canary = seen.services.ok().map(|services| services.get(state.plan.canary()));
    if canary.map(|service| &service.task_definition) != state.task_definition.as_ref() {
        return not_now("the canary's service was not seen on the revision that is released");
    }
    canary_can_serve(state, seen, now)?;
    fresh::can_serve(state, seen, now, actions)?;
    match seen.health.get(state.plan.stable()).ok() {
        Some(counts) if counts.healthy > 0 => Ok(()),
        Some(_) => not_now("the stable fleet, which a rollback would need, has no healthy target"),
        None => not_now("the stable fleet's health cannot be read"),
    }
}

fn gate_open(state: &RunState, seen: &Seen, now: Timestamp) -> Result<(), Veto> {
    match judge_alarms(state, &seen.alarms, &seen.histories, now) {
        Gate::Open => analysis::allows(state, seen, now),
        Gate::Closed { why, .. } | Gate::NoAnswer { why } => not_now(why),
        Gate::Red { alarm, .. } => not_now(format!("alarm {alarm} is red")),
    }
}

/// S3: enough healthy targets of the canary, seen lately.
fn canary_can_serve(state: &RunState, seen: &Seen, now: Timestamp) -> Result<(), Veto> {
    let health = seen.health.get(state.plan.canary());
    if elapsed(health.seen_at, now) > state.plan.timing.freshness {
        return not_now("the canary's health was read too long ago");
    }
    let stable_count = seen.services.ok().map_or(0, |services| services.get(state.plan.stable()).desired);
    let needed = canary_count(&state.plan, state.step, stable_count.max(state.plan.stable_baseline().desired));
    match health.ok() {
        Some(counts) if counts.healthy >= needed => Ok(()),
        Some(counts) => not_now(format!("{} of {needed} canary targets are healthy", counts.healthy)),
        None => not_now("the canary's health cannot be read"),
    }
}

/// Whether propagation and drain are over since the last write to a route.
fn drained(state: &RunState, now: Timestamp) -> bool {
    let timing = &state.plan.timing;
    state.last_route_write_at().is_none_or(|at| now >= later(later(at, timing.propagation), timing.drain))
}

/// S5, S7: a fleet that serves or may serve is never scaled in.
fn may_scale(state: &RunState, seen: &Seen, now: Timestamp, change: &ServiceChange) -> Result<(), Veto> {
    let drained = drained(state, now);
    if change.color == state.plan.stable() {
        if change.task_definition.is_some() {
            return never("the old version's revision is never changed");
        }
        let floor = state.plan.stable_baseline().desired;
        if change.desired.is_none_or(|count| count >= floor) {
            return Ok(());
        }
        let planned = matches!(state.plan.after, AfterCommit::ScaleTo(count) if change.desired == Some(count));
        return match (state.committed_at.is_some() && planned, drained) {
            (false, _) => never("the old fleet is not scaled in before commit"),
            (true, false) => not_now("the old fleet may still have connections"),
            (true, true) => canary_can_serve(state, seen, now),
        };
    }
    match &state.goal {
        Goal::Promote if change.task_definition == state.task_definition && change.task_definition.is_some() => Ok(()),
        Goal::Promote => never("the canary runs the plan's revision and no other"),
        Goal::Restore { .. } if state.traffic_restored_at.is_none() => never("traffic goes back before capacity"),
        Goal::Restore { .. } if !drained => not_now("the canary may still have connections"),
        Goal::Restore { .. } => Ok(()),
    }
}
