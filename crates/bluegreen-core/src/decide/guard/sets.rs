//! The guard for task sets: what may serve is not deleted, what is not ours is not touched.

use jiff::Timestamp;

use super::{Veto, canary_can_serve, may_scale, never, not_now};
use crate::decide::Seen;
use crate::journal::{Goal, RunState, TaskSetChange};
use crate::model::{Action, Color, TargetGroupArn, Weight};
use crate::observe::TaskSetSnapshot;
use crate::plan::TaskSets;

pub(super) fn may_change(state: &RunState, seen: &Seen, now: Timestamp, change: &TaskSetChange) -> Result<(), Veto> {
    let Some(engine) = state.plan.task_sets() else { return never("the plan has no task sets") };
    if let Some(fleet) = change.fleet() {
        may_scale(state, seen, now, fleet)?;
    }
    match change {
        TaskSetChange::Create { fleet, .. } => may_create(state, seen, fleet.color),
        TaskSetChange::Scale { set, fleet, .. } => {
            let found = seen_set(seen, set)?;
            belongs(state, engine, found, Some(fleet.color))
        }
        TaskSetChange::Delete { set, fleet } => {
            let found = seen_set(seen, set)?;
            belongs(state, engine, found, fleet.as_ref().map(|fleet| fleet.color))?;
            may_go(state, seen, found)
        }
        TaskSetChange::MakePrimary { set } => {
            let found = seen_set(seen, set)?;
            belongs(state, engine, found, Some(state.plan.canary()))?;
            match state.committed_at {
                Some(_) => canary_can_serve(state, seen, now),
                None => never("the primary task set is not changed before commit"),
            }
        }
    }
}

fn may_create(state: &RunState, seen: &Seen, color: Color) -> Result<(), Veto> {
    if color != state.plan.canary() {
        return never("a task set is made for the canary alone");
    }
    if state.goal != Goal::Promote {
        return never("nothing new is made on the way back");
    }
    let Some(services) = seen.services.ok() else { return not_now("the task sets cannot be read") };
    match services.get(color).task_sets.iter().find(|set| set.is_live()) {
        Some(set) => not_now(format!("task set {} registers in the canary's target group", set.id)),
        None => Ok(()),
    }
}

fn seen_set<'a>(seen: &'a Seen, id: &str) -> Result<&'a TaskSetSnapshot, Veto> {
    let Some(services) = seen.services.ok() else {
        return Err(Veto::NotNow("the task sets cannot be read".to_owned()));
    };
    let mut all = services.iter().flat_map(|(_, fleet)| &fleet.task_sets);
    all.find(|set| set.id == id).ok_or_else(|| Veto::NotNow(format!("task set {id} was not seen")))
}

/// S11: the set that served, the set of this run, and what the plan calls left behind; nothing else.
fn belongs(state: &RunState, engine: &TaskSets, set: &TaskSetSnapshot, fleet: Option<Color>) -> Result<(), Veto> {
    let known = match fleet {
        Some(color) if color == state.plan.stable() => set.id == engine.stable_set,
        Some(_) => set.is_of(&state.plan.run),
        None => engine.leftovers.contains(&set.id) && set.target_groups == [state.plan.canary_group().clone()],
    };
    match known {
        true => Ok(()),
        false => never("the task set is not part of the plan"),
    }
}

/// S7: a set goes only while no route gives its groups a share, by what was written and by what was read.
fn may_go(state: &RunState, seen: &Seen, set: &TaskSetSnapshot) -> Result<(), Veto> {
    if set.is_primary() {
        return not_now(format!("task set {} is the primary one", set.id));
    }
    let carries = |actions: &[Action], group: &TargetGroupArn| {
        let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
        split.is_some_and(|split| split.weight(group) > Weight::ZERO)
    };
    for group in &set.target_groups {
        let written = |id| state.expected_actions(id).is_some_and(|actions| carries(actions, group));
        if state.plan.route_ids().any(written) {
            return never("a task set with a share of the traffic is not deleted");
        }
        let Some(routes) = seen.routes.ok() else { return not_now("the routes cannot be read") };
        let production = routes.iter().filter(|route| state.plan.route_ids().any(|id| *id == route.id));
        if let Some(route) = production.into_iter().find(|route| carries(&route.actions, group)) {
            return not_now(format!("{} still gives task set {} traffic", route.id, set.id));
        }
    }
    Ok(())
}
