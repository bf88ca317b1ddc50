//! The laws about the control fleet: it serves the old version, as much as the canary, and nobody is left on it.

use bluegreen_core::model::TaskDefinitionArn;
use bluegreen_core::plan::{ControlFleet, Plan};

use super::{Case, Judgement, percent};
use crate::trace::{ActionsWrite, Detail, ServiceWrite};
use crate::world::balancer::share_ppm;
use crate::world::{Ms, State, World, millis};

/// Whether a write is one to the control fleet's service.
pub(super) fn is_its(plan: &Plan, write: &ServiceWrite) -> bool {
    plan.control.as_ref().is_some_and(|control| control.service.name == write.service)
}

/// Its revision and count as the world has them.
fn fleet(plan: &Plan, control: &ControlFleet, state: &State) -> Option<(Option<TaskDefinitionArn>, u32)> {
    let service = state.services.get(&(plan.site.cluster.clone(), control.service.name.clone()))?;
    Some((service.task_definition.clone(), service.desired))
}

/// A write of the way forward to a production route that gives the control fleet a share.
fn given<'a>(case: &Case<'a>) -> Option<(&'a ControlFleet, &'a ActionsWrite, u32)> {
    let (control, write) = (case.plan.control.as_ref()?, case.actions()?);
    let share = share_ppm(&write.after, &control.group);
    (case.plan.route_ids().any(|id| *id == write.route) && share > 0).then_some((control, write, share))
}

/// S3: whoever gets a share was seen lately to be able to carry it.
pub(super) fn targets_seen_healthy(case: &Case<'_>) -> Judgement {
    let Some((control, _, share)) = given(case) else { return Ok(()) };
    let seen = case.told_lately(|call| match &call.detail {
        Detail::Health(group, health) if *group == control.group => Some(health.healthy),
        _ => None,
    });
    let need = (u64::from(share) * u64::from(case.plan.stable_baseline().desired)).div_ceil(1_000_000).max(1);
    match seen {
        Some(healthy) if u64::from(healthy) >= need => Ok(()),
        seen => Err(format!("control gets {} with {seen:?} healthy targets seen, {need} needed", percent(share))),
    }
}

/// S13: its share is the canary's, or none; both together leave nothing of all traffic over for anybody but stable.
pub(super) fn share_of_the_canary(case: &Case<'_>) -> Judgement {
    let Some((_, write, share)) = given(case) else { return Ok(()) };
    let canary = share_ppm(&write.after, case.plan.canary_group());
    match share == canary && canary <= 500_000 {
        true => Ok(()),
        false => Err(format!("control gets {} while the canary has {}", percent(share), percent(canary))),
    }
}

/// S15: a share needs the old version there, as far as the operator could know.
pub(super) fn known_version(case: &Case<'_>) -> Judgement {
    let Some((control, _, share)) = given(case) else { return Ok(()) };
    let old = &case.plan.stable_baseline().task_definition;
    let other =
        |state: &State| fleet(case.plan, control, state).is_none_or(|(revision, _)| revision.as_ref() != Some(old));
    match case.world.has_been(case.allowance(), other) {
        true => Err(format!("control gets {} although it is not on {}", percent(share), old.short())),
        false => Ok(()),
    }
}

/// S7: it is not made smaller or given another revision while it is routed, nor before its connections have drained; and it
/// never gets anything but the old version, or what it had.
pub(super) fn no_early_loss(case: &Case<'_>) -> Judgement {
    let Detail::Service(write) = &case.call.detail else { return Ok(()) };
    let Some(control) = case.plan.control.as_ref().filter(|_| is_its(case.plan, write)) else { return Ok(()) };
    let (revision, desired) = &write.after;
    let known = [&case.plan.stable_baseline().task_definition, &control.service.task_definition];
    if !known.contains(&revision) {
        return Err(format!("control was given {}", revision.short()));
    }
    let (before, count) = &write.before;
    let replaced = revision != before && *count > 0;
    if desired >= count && !replaced {
        return Ok(());
    }
    let exposure = case.world.exposure(&control.group);
    if exposure > 0 {
        return Err(format!("control changed while it is routed {}", percent(exposure)));
    }
    let Some(last) = case.world.traffic.last_exposed(&control.group) else { return Ok(()) };
    let (quiet, drain) = (case.world.now_ms().saturating_sub(last), millis(case.plan.timing.drain));
    if quiet < drain {
        return Err(format!("control changed {quiet} ms after its last traffic, drain takes {drain} ms"));
    }
    Ok(())
}

/// S12: in the end it has no more tasks than before, in words where that is not so; `slack` excuses what somebody else
/// did just now.
pub(super) fn left(world: &World, plan: &Plan, slack: Ms) -> Option<String> {
    let control = plan.control.as_ref()?;
    let desired = |state: &State| fleet(plan, control, state).map_or(0, |(_, desired)| desired);
    let more = |state: &State| desired(state) > control.service.desired;
    world.has_been(slack, more).then(|| format!("with {} tasks in control", desired(world.state())))
}
