//! The plan's steps where AWS moves the weights: they pass by what is read back.

use crate::decide::prepare::{become_healthy, next_hook, wanted_count};
use crate::decide::targets::first_weight_step;
use crate::decide::{Context, Decision, steps as shared};
use crate::journal::{Fact, Mutation};
use crate::model::{DeploymentWait, Percent, Step, duration};
use crate::observe::DeploymentStatus;
use crate::plan::Managed;

use super::routes::share_of_step;
use super::{WaitKind, kind_of, send_once};

/// The step under way.
pub(super) fn under_way(context: &Context<'_>) -> Option<Decision> {
    let index = context.state.step;
    let step = context.plan().steps.get(index)?;
    if let Some(decision) = unchecked(context).or_else(|| recovered(context, index)) {
        return Some(decision);
    }
    if let Some(fact) = read_back(context, index, step) {
        return Some(Decision::Note(fact));
    }
    if let Some(decision) = fit_to_serve(context, index) {
        return Some(decision);
    }
    if let Some(by) = context.state.paused_by.as_ref().filter(|_| !context.stands_still()) {
        return Some(context.wait(format!("CodeDeploy, which does not wait between its shares (paused by {by})")));
    }
    if let Some(paused) = shared::paused(context) {
        return Some(paused);
    }
    match (step, context.plan().managed()) {
        (Step::SetWeight(share), _) => Some(set_weight(context, index, *share)),
        (Step::Hold(hold) | Step::Analysis(hold), Some(Managed::CodeDeploy(_))) => Some(
            context
                .wait(format!("CodeDeploy's own interval of {}, which cannot be shortened", duration::format(*hold))),
        ),
        (Step::Bake(_), _) => bake(context, index, step),
        _ => shared::without_weight(context, index, step),
    }
}

/// Traffic that somebody else let through before the user's checks had passed: they are made up for at once.
fn unchecked(context: &Context<'_>) -> Option<Decision> {
    let missing = context.state.hooks_passed < context.plan().pre_traffic.len();
    let has_traffic = context.least_share().is_some_and(|share| share > 0);
    if missing && has_traffic { next_hook(context) } else { None }
}

/// A canary that was unhealthy and is whole again is believed anew only after a while, and that begins here.
fn recovered(context: &Context<'_>, index: usize) -> Option<Decision> {
    context.state.canary_unhealthy_since?;
    let revision = context.state.task_definition.as_ref()?;
    let healthy = context.canary_health(revision, wanted_count(context, index)?).ok()?;
    Some(Decision::Note(Fact::CanaryHealthy { healthy }))
}

/// What the routes say is over: a weight that is reached, and every wait before a weight that is reached.
fn read_back(context: &Context<'_>, index: usize, step: &Step) -> Option<Fact> {
    let share = context.least_share()?;
    let next = context.plan().steps[index..].iter().find_map(share_of_step)?;
    if share < next {
        return None;
    }
    let shown = Percent::from_tenths(u16::try_from(share / 1000).unwrap_or(1000)).unwrap_or(Percent::FULL);
    Some(match (step, context.plan().managed()) {
        (Step::SetWeight(_), _) => Fact::StepVerified(index),
        (_, Some(Managed::CodeDeploy(_))) => {
            Fact::StepPassed { step: index, why: format!("CodeDeploy has gone on to {shown}") }
        }
        _ => Fact::StepPassed { step: index, why: format!("ECS was told by someone else to go on to {shown}") },
    })
}

/// The new version is up and healthy and has passed the user's checks before its first traffic.
fn fit_to_serve(context: &Context<'_>, index: usize) -> Option<Decision> {
    let first = first_weight_step(context.plan());
    let state = context.state;
    let fit = state.canary_healthy_since.is_some() && state.hooks_passed >= context.plan().pre_traffic.len();
    if index > first || fit {
        return None;
    }
    let ours = context.ours();
    let ready = ours.and_then(|ours| ours.waits_for.as_ref()).is_some_and(|wait| kind_of(wait) == WaitKind::Forward);
    let has_traffic = context.least_share().is_some_and(|share| share > 0);
    if !ready && !has_traffic {
        let canary = context.plan().canary();
        let at = ours.and_then(|ours| ours.stage.as_ref()).map(|stage| format!(" (at {stage})")).unwrap_or_default();
        return Some(context.wait(format!("AWS to bring {canary} up{at}{}", foreign_pause(context))));
    }
    if state.canary_healthy_since.is_none() {
        let revision = state.task_definition.as_ref()?;
        return Some(become_healthy(context, revision, first));
    }
    match shared::paused(context) {
        Some(paused) => Some(paused),
        None => next_hook(context),
    }
}

/// A pause that is not ours is nothing that we may end.
fn foreign_pause(context: &Context<'_>) -> String {
    let wait = context.ours().and_then(|ours| ours.waits_for.as_ref());
    match wait.filter(|wait| kind_of(wait) == WaitKind::Foreign) {
        Some(wait) => format!(", which waits for someone else at {wait}"),
        None => String::new(),
    }
}

/// AWS is let go on only when the canary can carry the step and stable could take everything back.
fn set_weight(context: &Context<'_>, index: usize, share: Percent) -> Decision {
    let Some(ours) = context.ours() else { return context.wait("the deployment to be readable") };
    let shift = || context.wait(format!("AWS to move traffic to {share}{}", foreign_pause(context)));
    let Some(wait) = ours.waits_for.as_ref().filter(|wait| kind_of(wait) == WaitKind::Forward) else {
        return shift();
    };
    if !is_this_steps(context, index, wait)
        || ours.share_ppm.is_some_and(|told| told >= u32::from(share.tenths()) * 1000)
    {
        return shift();
    }
    if let Some(decision) = context.forward_gate(index) {
        return decision;
    }
    let sent = context.state.managed.continues.iter().rfind(|write| write.value.wait == *wait);
    let act = Decision::Act {
        mutation: Mutation::Continue { deployment: ours.id.clone(), wait: wait.clone() },
        because: format!("the canary gets {share}"),
    };
    send_once(context, sent, act, &format!("AWS to move traffic to {share}"))
}

/// One wait for each weight: a second one belongs to the next step, and one that was ended before is an old answer.
fn is_this_steps(context: &Context<'_>, index: usize, wait: &DeploymentWait) -> bool {
    let continues = &context.state.managed.continues;
    continues.iter().all(|write| (write.value.step == index) == (write.value.wait == *wait))
}

/// The bake is ours, in every engine. When nothing is left to go back to, it has no sense any more.
fn bake(context: &Context<'_>, index: usize, step: &Step) -> Option<Decision> {
    let state = context.state;
    let pass = |why: String| Some(Decision::Note(Fact::StepPassed { step: index, why }));
    if state.managed.end().is_some_and(|end| end.status == DeploymentStatus::Succeeded) {
        return pass("the deployment is complete: the old version is gone".to_owned());
    }
    let full = state.full_by.as_ref().filter(|_| state.full_at.is_some_and(|at| at >= state.step_since));
    match full {
        Some(by) => pass(format!("promoted in full by {by}")),
        None => shared::without_weight(context, index, step),
    }
}
