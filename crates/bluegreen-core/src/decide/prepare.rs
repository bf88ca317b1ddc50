//! What has to be there before the first weight: groups attached, a revision, tasks, a smoke test.

use crate::journal::{Fact, Mutation, Purpose};
use crate::model::{Percent, TaskDefinitionArn};
use crate::plan::Release;
use crate::ports::ServiceChange;

use super::canary::ServiceView;
use super::targets::{canary_count, first_weight_step, step_actions};
use super::{Context, Decision, fresh, later};

/// All groups at explicit weights on every route, all traffic on stable: only then is green's health known.
pub(super) fn attach(context: &Context<'_>) -> Option<Decision> {
    if context.state.attached {
        return None;
    }
    let write = context.set_all(Purpose::Attach, |route| step_actions(context.plan(), &route.actions, Percent::ZERO));
    Some(write.unwrap_or(Decision::Note(Fact::Attached)))
}

pub(super) fn register(context: &Context<'_>) -> Option<Decision> {
    if context.state.task_definition.is_some() {
        return None;
    }
    let Release::Register { family, .. } = &context.plan().release else { return None };
    let because = format!("{family} has no revision of this run");
    // AWS takes no token here. Without a registration in doubt there is nothing to look for.
    let Some(doubt) = context.state.registration() else {
        return Some(Decision::Act { mutation: Mutation::RegisterTaskDefinition, because });
    };
    let looked = context.seen.registered.as_ref().map(|reading| (&reading.value, reading.seen_at));
    let excused_until = later(doubt.at, context.plan().timing.settle);
    Some(match looked {
        Some((Ok(Some(arn)), _)) => Decision::Note(Fact::TaskDefinition(arn.clone())),
        Some((Ok(None), seen_at)) if seen_at >= excused_until => {
            Decision::Act { mutation: Mutation::RegisterTaskDefinition, because }
        }
        Some((Ok(None), _)) => context.wait_until(excused_until, "whether the revision was registered"),
        Some((Err(error), _)) => context.wait(format!("whether the revision was registered: {error}")),
        None => context.wait("whether the revision was registered"),
    })
}

/// The canary's revision and count, and the control fleet's; then the health of both.
pub(super) fn fill(context: &Context<'_>) -> Option<Decision> {
    let revision = context.state.task_definition.as_ref()?;
    let step = context.state.step.max(first_weight_step(context.plan()));
    if let Some(decision) = scale(context, revision, step).or_else(|| fresh::scale(context, step)) {
        return Some(decision);
    }
    if context.state.canary_healthy_since.is_none() {
        return Some(become_healthy(context, revision, step));
    }
    fresh::become_healthy(context, step)
}

pub(super) fn wanted_count(context: &Context<'_>, step: usize) -> Option<u32> {
    let stable = context.seen.services.ok()?.get(context.plan().stable()).desired;
    // A stable fleet that is scaled in meanwhile makes the canary no smaller than the plan began with.
    let stable = stable.max(context.plan().stable_baseline().desired);
    Some(canary_count(context.plan(), step, stable))
}

/// Tells ECS what the canary needs, unless it asks for that already. Never scales in.
fn scale(context: &Context<'_>, revision: &TaskDefinitionArn, step: usize) -> Option<Decision> {
    let color = context.plan().canary();
    let found = context.seen.services.ok()?.get(color);
    let count = wanted_count(context, step)?;
    let desired = count.max(if found.task_definition == *revision { found.desired } else { 0 });
    let wanted = ServiceChange { color, task_definition: Some(revision.clone()), desired: Some(desired) };
    match context.view_service(found, &wanted) {
        ServiceView::AsWanted => None,
        ServiceView::Settling => {
            Some(context.wait(format!("{color} to show {} with {desired} tasks", revision.short())))
        }
        ServiceView::Differs => Some(Decision::Act {
            mutation: Mutation::UpdateService(wanted),
            because: format!("{color} needs {desired} tasks of {}", revision.short()),
        }),
    }
}

pub(super) fn become_healthy(context: &Context<'_>, revision: &TaskDefinitionArn, step: usize) -> Decision {
    let count = wanted_count(context, step).unwrap_or(1);
    match context.canary_health(revision, count) {
        Ok(healthy) => Decision::Note(Fact::CanaryHealthy { healthy }),
        Err(trouble) => context.wait(format!("{} to become healthy: {trouble}", context.plan().canary())),
    }
}

pub(super) fn smoke_test(context: &Context<'_>) -> Option<Decision> {
    if let Some(route) = context.plan().baseline.test_route.as_ref().filter(|_| !context.state.test_route_ready) {
        let target = step_actions(context.plan(), &route.actions, Percent::FULL);
        let write = context.set_one(&route.id, &target, Purpose::Test);
        return Some(write.unwrap_or(Decision::Note(Fact::TestRouteReady)));
    }
    next_hook(context)
}

/// The user's next check before the first weight, if one is left.
pub(super) fn next_hook(context: &Context<'_>) -> Option<Decision> {
    let index = context.state.hooks_passed;
    let hook = context.plan().pre_traffic.get(index)?;
    Some(Decision::Act {
        mutation: Mutation::RunHook(index, hook.clone()),
        because: format!("hook {} of {} before the first weight", index + 1, context.plan().pre_traffic.len()),
    })
}
