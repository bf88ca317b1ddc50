//! The laws about capacity: S5, S7, S15.

use bluegreen_core::journal::Fact;
use bluegreen_core::model::TaskDefinitionArn;

use super::sets::{FleetWrite, fleet_of, primary_stays};
use super::{Case, Judgement, percent};
use crate::trace::Detail;
use crate::world::{State, millis};

/// S5: until commit the stable fleet keeps its count and its revision, and a rise needs both to be there still.
pub(super) fn retreat_ready(case: &Case<'_>) -> Judgement {
    let stable = case.plan.stable_baseline();
    let committed = case.has_fact(|fact| matches!(fact, Fact::Committed));
    for write in case.fleet_writes().iter().filter(|write| write.color == case.plan.stable() && !committed) {
        if write.after.desired < stable.desired.min(write.before.desired) {
            return Err(format!("stable fleet scaled to {} of {} before commit", write.after.desired, stable.desired));
        }
        if write.after.revision.as_ref() != Some(&stable.task_definition) {
            let revision = write.after.revision.as_ref().map(TaskDefinitionArn::short);
            return Err(format!("stable fleet moved to {revision:?} before commit"));
        }
    }
    if let Some(write) = case.set().filter(|_| !committed) {
        primary_stays(write)?;
    }
    let Some(rise) = case.rise() else { return Ok(()) };
    let gone = |state: &State| !state.definitions.get(&stable.task_definition).is_some_and(|record| record.active);
    if case.world.has_been(case.allowance(), gone) {
        let revision = stable.task_definition.short();
        return Err(format!("rise to {} although {revision} is not active any more", percent(rise.to)));
    }
    let fleet = |state: &State| fleet_of(case.plan, state, case.plan.stable());
    let short = |state: &State| fleet(state).is_none_or(|fleet| fleet.desired < stable.desired);
    if case.world.has_been(case.allowance(), short) {
        return Err(format!("rise to {} although the stable fleet is below its floor", percent(rise.to)));
    }
    Ok(())
}

/// S7: a fleet is not made smaller or given another revision while the data plane sends it requests, nor before its
/// connections have had the drain time since it last did. The stable fleet goes only while the other is seen to serve.
pub(super) fn no_early_scale_in(case: &Case<'_>) -> Judgement {
    case.fleet_writes().iter().try_for_each(|write| no_early_loss(case, write))
}

fn no_early_loss(case: &Case<'_>, write: &FleetWrite) -> Judgement {
    let FleetWrite { color, name, before, after } = write;
    let smaller = after.desired < before.desired;
    let replaced = after.revision != before.revision && before.desired > 0;
    if !smaller && !replaced {
        return Ok(());
    }
    let served = case.told_lately(|call| match &call.detail {
        Detail::Health(group, health) if group == case.plan.canary_group() => Some(health.healthy > 0),
        _ => None,
    });
    if *color == case.plan.stable() && served != Some(true) {
        return Err(format!("{name} made smaller without a recent look at a healthy canary"));
    }
    let group = case.plan.groups.get(*color);
    let exposure = case.world.exposure(group);
    if exposure > 0 {
        return Err(format!("{} changed while it is routed {}", name, percent(exposure)));
    }
    let Some(last) = case.world.traffic.last_exposed(group) else { return Ok(()) };
    let (quiet, drain) = (case.world.now_ms().saturating_sub(last), millis(case.plan.timing.drain));
    if quiet < drain {
        return Err(format!("{name} changed {quiet} ms after its last traffic, drain takes {drain} ms"));
    }
    Ok(())
}

/// S15: a rise needs the canary fleet on the revision that is released, as far as the operator could know.
pub(super) fn known_version(case: &Case<'_>) -> Judgement {
    let Some(rise) = case.rise() else { return Ok(()) };
    let Some(asked) = case.asked_revision() else {
        return Err(format!("rise to {} before the journal names a revision", percent(rise.to)));
    };
    let revision = |state: &State| fleet_of(case.plan, state, case.plan.canary()).and_then(|fleet| fleet.revision);
    let other = |state: &State| revision(state).as_ref() != Some(asked);
    if case.world.has_been(case.allowance(), other) {
        return Err(format!("rise to {} although the canary fleet is not on {}", percent(rise.to), asked.short()));
    }
    Ok(())
}
