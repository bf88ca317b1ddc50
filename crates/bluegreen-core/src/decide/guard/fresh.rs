//! The guard for the control fleet: its share is the canary's, its version the old one, and it goes when nothing can
//! reach it.

use jiff::Timestamp;

use super::{Veto, drained, never, not_now};
use crate::decide::{Seen, canary_count, elapsed};
use crate::journal::{Goal, RunState};
use crate::model::{Action, Percent, TargetGroupArn, Weight};
use crate::plan::ControlFleet;
use crate::ports::ServiceChange;

fn share_of(actions: &[Action], group: &TargetGroupArn) -> u32 {
    let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
    split.map_or(0, |split| split.share_ppm(group))
}

/// S1: a write on the way forward names the fleets' groups, and gives the control fleet what the plan says.
pub(super) fn planned_groups(state: &RunState, actions: &[Action], canary: Percent) -> Result<(), Veto> {
    let plan = &state.plan;
    let control = plan.control.as_ref().map(|control| &control.group);
    let known = [Some(plan.stable_group()), Some(plan.canary_group()), control];
    let groups = Action::forward_of(actions).map(|forward| forward.groups.as_slice()).unwrap_or_default();
    if groups.iter().any(|group| !known.contains(&Some(&group.arn))) {
        return never("a target group would get traffic that is none of the plan's");
    }
    let Some(control) = control else { return Ok(()) };
    // Twice the canary's share has to fit, or the control fleet has none.
    let wanted = if canary.tenths() > 500 { 0 } else { u32::from(canary.tenths()) * 1000 };
    match share_of(actions, control) == wanted {
        true => Ok(()),
        false => never("the control fleet's share is not the one that belongs to the canary's"),
    }
}

/// S3 for the control fleet: whoever gets a share can serve it, on the old version, seen lately.
pub(super) fn can_serve(state: &RunState, seen: &Seen, now: Timestamp, actions: &[Action]) -> Result<(), Veto> {
    let Some(control) = state.plan.control.as_ref().filter(|control| share_of(actions, &control.group) > 0) else {
        return Ok(());
    };
    let Some(found) = &seen.control else { return not_now("the control fleet was not looked at") };
    if elapsed(found.health.seen_at, now) > state.plan.timing.freshness {
        return not_now("the control fleet's health was read too long ago");
    }
    let revision = found.service.ok().map(|service| &service.task_definition);
    if revision != Some(&state.plan.stable_baseline().task_definition) {
        return not_now(format!("{} was not seen on the old version's revision", control.service.name));
    }
    let stable = seen.services.ok().map_or(0, |services| services.get(state.plan.stable()).desired);
    let needed = canary_count(&state.plan, state.step, stable.max(state.plan.stable_baseline().desired));
    match found.health.ok() {
        Some(counts) if counts.healthy >= needed => Ok(()),
        Some(counts) => not_now(format!("{} of {needed} targets of the control fleet are healthy", counts.healthy)),
        None => not_now("the control fleet's health cannot be read"),
    }
}

/// S5, S7 for the control fleet: the old version and no other, and never smaller while somebody may be on it.
pub(super) fn may_change(state: &RunState, seen: &Seen, now: Timestamp, change: &ServiceChange) -> Result<(), Veto> {
    let Some(control) = &state.plan.control else { return never("the plan has no control fleet") };
    let baseline = &control.service;
    match (&state.goal, state.committed_at) {
        (Goal::Promote, None) => {
            if change.task_definition.as_ref() != Some(&state.plan.stable_baseline().task_definition) {
                return never("the control fleet runs the old version's revision and no other");
            }
            stays_while_serving(state, seen, control, change)
        }
        (Goal::Promote, Some(_)) => {
            if change.task_definition.is_some() || change.desired != Some(baseline.desired) {
                return never("after the commit the control fleet gets its old count back and nothing else");
            }
            gone_from_routes(state, seen, control)?;
            match drained(state, now) {
                true => Ok(()),
                false => not_now("the control fleet may still have connections"),
            }
        }
        (Goal::Restore { .. }, _) => {
            let same = change.task_definition.as_ref() == Some(&baseline.task_definition)
                && change.desired == Some(baseline.desired);
            match (same, state.traffic_restored_at.is_some(), drained(state, now)) {
                (false, ..) => never("on the way back the control fleet gets its baseline and nothing else"),
                (true, false, _) => never("traffic goes back before capacity"),
                (true, true, false) => not_now("the control fleet may still have connections"),
                (true, true, true) => Ok(()),
            }
        }
    }
}

/// Whether a route gives the control fleet a share, by what was written or by what was read.
fn is_routed(state: &RunState, seen: &Seen, control: &ControlFleet) -> Result<bool, Veto> {
    let carries = |actions: &[Action]| {
        let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
        split.is_some_and(|split| split.weight(&control.group) > Weight::ZERO)
    };
    let written = state.plan.route_ids().any(|id| state.expected_actions(id).is_some_and(carries));
    match seen.routes.ok() {
        Some(routes) => Ok(written || routes.iter().any(|route| carries(&route.actions))),
        None if written => Ok(true),
        None => Err(Veto::NotNow("the routes cannot be read".to_owned())),
    }
}

fn gone_from_routes(state: &RunState, seen: &Seen, control: &ControlFleet) -> Result<(), Veto> {
    match is_routed(state, seen, control)? {
        true => not_now("the control fleet still has traffic"),
        false => Ok(()),
    }
}

fn stays_while_serving(
    state: &RunState,
    seen: &Seen,
    control: &ControlFleet,
    change: &ServiceChange,
) -> Result<(), Veto> {
    if !is_routed(state, seen, control)? {
        return Ok(());
    }
    let found = seen.control.as_ref().and_then(|control| control.service.ok());
    let grows = found.is_some_and(|found| {
        change.task_definition.as_ref() == Some(&found.task_definition)
            && change.desired.is_some_and(|count| count >= found.desired)
    });
    match grows {
        true => Ok(()),
        false => not_now("the control fleet has traffic and would be replaced or made smaller"),
    }
}
