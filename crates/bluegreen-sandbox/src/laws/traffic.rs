//! The laws about weights: S1, S3, S9, S10, S13.

use bluegreen_core::journal::{Body, Fact, Mutation};
use bluegreen_core::model::{Action, ActionKind, Forward, Percent, Step};

use super::{Case, Judgement, baseline_of, normal, percent, rise_of};
use crate::trace::Detail;
use crate::world::{Writer, millis};

/// S1: a route keeps everything but its weights; the weights are between the planned groups and not all zero. On the way
/// back stickiness may go off and the canary group may leave.
pub(super) fn split_valid(case: &Case<'_>) -> Judgement {
    let Some(write) = case.actions() else { return Ok(()) };
    let Some(baseline) = baseline_of(case.plan, &write.route) else { return Ok(()) }; // S11's business
    if normal(&write.after) == normal(baseline) {
        return Ok(());
    }
    let (Some(forward), Some(before)) = (Action::forward_of(&write.after), Action::forward_of(baseline)) else {
        return Err(format!("the forward action of {} is gone", write.route));
    };
    forward.split().map_err(|error| error.to_string())?;
    if skeleton(&write.after) != skeleton(baseline) {
        return Err(format!("actions of {} other than the forward differ from the baseline", write.route));
    }
    let planned: Vec<_> = std::iter::once(case.plan.stable_group()).chain(case.plan.added_groups()).collect();
    if let Some(group) = forward.groups.iter().find(|group| !planned.contains(&&group.arn)) {
        return Err(format!("{} is not a group of the plan", group.arn.name()));
    }
    let test = case.plan.baseline.test_route.as_ref().is_some_and(|route| route.id == write.route);
    if case.restoring() || test {
        return Ok(());
    }
    // The control fleet's group may leave a sticky route once its time is over; the pair never does.
    if [case.plan.stable_group(), case.plan.canary_group()].into_iter().any(|group| !forward.contains(group)) {
        return Err(format!("{} groups on the way forward, not both of the pair", forward.groups.len()));
    }
    let on = |forward: &Forward| forward.sticky_seconds();
    if on(forward) != on(before) {
        return Err(format!("stickiness of {} changed on the way forward", write.route));
    }
    Ok(())
}

/// Everything of an action list but its forward's contents.
fn skeleton(actions: &[Action]) -> Vec<Action> {
    let empty = || ActionKind::Forward(Forward { groups: Vec::new(), stickiness: None });
    let hollow = |action: &Action| match &action.kind {
        ActionKind::Forward(_) => Action { order: action.order, kind: empty() },
        ActionKind::Other { .. } => action.clone(),
    };
    actions.iter().map(hollow).collect()
}

/// S3: a rise needs as many targets, seen healthy lately, as the share asks of a full fleet. Writes of the way back are
/// not judged: where the stable fleet is gone there is no good answer.
pub(super) fn targets_seen_healthy(case: &Case<'_>) -> Judgement {
    let Some(rise) = case.rise() else { return Ok(()) };
    let canary = case.plan.canary_group();
    let seen = case.told_lately(|call| match &call.detail {
        Detail::Health(group, health) if group == canary => Some(*health),
        _ => None,
    });
    let tenths = u16::try_from(rise.to.div_ceil(1_000)).unwrap_or(1_000).min(1_000);
    let share = Percent::from_tenths(tenths).unwrap_or(Percent::FULL);
    let need = share.of_tasks(case.plan.stable_baseline().desired).max(1);
    match seen {
        None => Err(format!("rise to {} without a recent look at the canary's health", percent(rise.to))),
        Some(health) if health.healthy < need => {
            Err(format!("rise to {} with {} healthy targets seen, {need} needed", percent(rise.to), health.healthy))
        }
        Some(_) => Ok(()),
    }
}

/// S9: what somebody else wrote is not overwritten unless a `Drift` record shows it, if the operator could know.
pub(super) fn no_silent_overwrite(case: &Case<'_>) -> Judgement {
    let Some(write) = case.actions() else { return Ok(()) };
    let found = normal(&write.before);
    let baseline = baseline_of(case.plan, &write.route).map(normal);
    let ours = case.journal.iter().any(|record| match &record.body {
        Body::Intent { mutation: Mutation::SetActions { route, actions, .. }, .. } => {
            *route == write.route && normal(actions) == found
        }
        _ => false,
    });
    let recorded = case.has_fact(|fact| match fact {
        // What AWS has moved for the run stands there too.
        Fact::Drift { route, found: seen, .. } | Fact::Shifted { route, found: seen } => {
            *route == write.route && normal(seen) == found
        }
        _ => false,
    });
    if ours || recorded || baseline.as_ref() == Some(&found) || case.journal_failed {
        return Ok(());
    }
    let told = case.told(|call| match &call.detail {
        Detail::Routes(routes) => routes.iter().find(|route| route.id == write.route),
        _ => None,
    });
    let shown = told.is_some_and(|(_, route)| normal(&route.actions) == found);
    let age = case.world.now_ms().saturating_sub(case.world.ms(write.before_since));
    if shown || age > case.allowance() {
        return Err(format!("{} was written over a foreign value that was {age} ms old and not recorded", write.route));
    }
    Ok(())
}

/// S10: a rise needs the weight step before it verified, and every other route either there or already risen.
pub(super) fn step_by_step(case: &Case<'_>) -> Judgement {
    let Some(rise) = case.rise() else { return Ok(()) };
    let Some((index, _)) = case.weight_steps().find(|(_, share)| *share == rise.to) else { return Ok(()) };
    let before = case.weight_steps().rfind(|(earlier, _)| *earlier < index);
    if let Some((earlier, share)) = before
        && !case.has_fact(|fact| matches!(fact, Fact::StepVerified(step) if *step == earlier))
    {
        return Err(format!("rise to {} before {} was verified", percent(rise.to), percent(share)));
    }
    let allowed = [before.map_or(0, |(_, share)| share), rise.to];
    for id in case.plan.route_ids().filter(|id| **id != rise.write.route) {
        let share = case.world.intended_share(id, case.plan.canary_group());
        let foreign = case.world.state().routes.get(id).is_none_or(|route| route.writer == Writer::ThirdParty);
        if !foreign && !allowed.contains(&share) {
            return Err(format!("rise to {} while {id} is at {}", percent(rise.to), percent(share)));
        }
    }
    Ok(())
}

/// S13: a rise goes to a weight of the plan, after every earlier step is over and its holds have lasted.
pub(super) fn bounded_exposure(case: &Case<'_>) -> Judgement {
    let Some(rise) = case.rise() else { return Ok(()) };
    let Some((index, _)) = case.weight_steps().find(|(_, share)| *share == rise.to) else {
        return Err(format!("{} is not a weight of the plan", percent(rise.to)));
    };
    for (earlier, step) in case.plan.steps.iter().enumerate().take(index) {
        let over = case.has_fact(|fact| match fact {
            Fact::StepPassed { step, .. } => *step == earlier,
            Fact::StepVerified(verified) => {
                *verified == earlier && !matches!(step, Step::Hold(_) | Step::Analysis(_) | Step::AwaitPromote)
            }
            _ => false,
        });
        if !over {
            return Err(format!("rise to {} before step {earlier} was over", percent(rise.to)));
        }
    }
    let Some((before, share)) = case.weight_steps().rfind(|(earlier, _)| *earlier < index) else { return Ok(()) };
    let holds = case.plan.steps[before..index].iter().map(|step| match step {
        Step::Hold(time) => millis(*time),
        _ => 0,
    });
    let wanted: u64 = holds.sum();
    let reached =
        |call: &&crate::trace::Call| call.applied && rise_of(case.plan, call).is_some_and(|rise| rise.to == share);
    let Some(since) = case.trace.iter().rev().find(reached).map(|call| call.at) else { return Ok(()) };
    let held = case.world.ms(case.call.at).saturating_sub(case.world.ms(since));
    if held < wanted && !case.promoted_since(since) {
        return Err(format!("{} was held for {held} ms of {wanted} ms", percent(share)));
    }
    Ok(())
}
