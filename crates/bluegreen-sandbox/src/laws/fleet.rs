//! The laws about capacity: S5, S7, S15.

use bluegreen_core::journal::Fact;

use super::{Case, Judgement, percent};
use crate::trace::Detail;
use crate::world::{State, millis};

/// S5: until commit the stable fleet keeps its count and its revision, and a rise needs both to be there still.
pub(super) fn retreat_ready(case: &Case<'_>) -> Judgement {
    let stable = case.plan.stable_baseline();
    let committed = case.has_fact(|fact| matches!(fact, Fact::Committed));
    if let Some(write) = case.service().filter(|write| write.service == stable.name && !committed) {
        if write.after.1 < stable.desired.min(write.before.1) {
            return Err(format!("stable fleet scaled to {} of {} before commit", write.after.1, stable.desired));
        }
        if write.after.0 != stable.task_definition {
            return Err(format!("stable fleet moved to {} before commit", write.after.0.short()));
        }
    }
    let Some(rise) = case.rise() else { return Ok(()) };
    let gone = |state: &State| !state.definitions.get(&stable.task_definition).is_some_and(|record| record.active);
    if case.world.has_been(case.allowance(), gone) {
        let revision = stable.task_definition.short();
        return Err(format!("rise to {} although {revision} is not active any more", percent(rise.to)));
    }
    let key = (case.plan.site.cluster.clone(), stable.name.clone());
    let short = |state: &State| state.services.get(&key).is_none_or(|service| service.desired < stable.desired);
    if case.world.has_been(case.allowance(), short) {
        return Err(format!("rise to {} although the stable fleet is below its floor", percent(rise.to)));
    }
    Ok(())
}

/// S7: a fleet is not made smaller or given another revision while the data plane sends it requests, nor before its
/// connections have had the drain time since it last did. The stable fleet goes only while the other is seen to serve.
pub(super) fn no_early_scale_in(case: &Case<'_>) -> Judgement {
    let Some(write) = case.service() else { return Ok(()) };
    let Some(color) = case.color_of_service(&write.service) else { return Ok(()) }; // S11's business
    let smaller = write.after.1 < write.before.1;
    let replaced = write.after.0 != write.before.0 && write.before.1 > 0;
    if !smaller && !replaced {
        return Ok(());
    }
    let served = case.told_lately(|call| match &call.detail {
        Detail::Health(group, health) if group == case.plan.canary_group() => Some(health.healthy > 0),
        _ => None,
    });
    if color == case.plan.stable() && served != Some(true) {
        return Err(format!("{} made smaller without a recent look at a healthy canary", write.service));
    }
    let group = case.plan.groups.get(color);
    let exposure = case.world.exposure(group);
    if exposure > 0 {
        return Err(format!("{} changed while it is routed {}", write.service, percent(exposure)));
    }
    let Some(last) = case.world.traffic.last_exposed(group) else { return Ok(()) };
    let (quiet, drain) = (case.world.now_ms().saturating_sub(last), millis(case.plan.timing.drain));
    if quiet < drain {
        return Err(format!("{} changed {quiet} ms after its last traffic, drain takes {drain} ms", write.service));
    }
    Ok(())
}

/// S15: a rise needs the canary fleet on the revision that is released, as far as the operator could know.
pub(super) fn known_version(case: &Case<'_>) -> Judgement {
    let Some(rise) = case.rise() else { return Ok(()) };
    let Some(asked) = case.asked_revision() else {
        return Err(format!("rise to {} before the journal names a revision", percent(rise.to)));
    };
    let key = (case.plan.site.cluster.clone(), case.plan.canary_baseline().name.clone());
    let other =
        |state: &State| state.services.get(&key).is_none_or(|service| service.task_definition.as_ref() != Some(asked));
    if case.world.has_been(case.allowance(), other) {
        return Err(format!("rise to {} although the canary fleet is not on {}", percent(rise.to), asked.short()));
    }
    Ok(())
}
