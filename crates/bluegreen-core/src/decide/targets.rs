//! What the world should look like at each point of the plan: actions of routes and sizes of fleets.

use crate::model::{Action, Capacity, Forward, ForwardGroup, Percent, Split, Step, TargetGroupArn, Weight};
use crate::plan::Plan;

/// The actions of `baseline` with the canary at `share`, the control fleet at the same where there is one and room for it,
/// and stable at the rest.
///
/// Only the forward's groups and weights differ. Groups that belong to no fleet cannot be there: the plan refuses such
/// routes. All groups are always sent with explicit weights, since AWS reads a missing weight as 1.
pub fn step_actions(plan: &Plan, baseline: &[Action], share: Percent) -> Vec<Action> {
    let Some(forward) = Action::forward_of(baseline) else { return baseline.to_vec() };
    let beside = Split::weights_of_two(share).filter(|_| plan.control.is_some());
    let (canary, stable) = beside.unwrap_or_else(|| Split::weights(share));
    let group = |arn: &TargetGroupArn, weight| ForwardGroup { arn: arn.clone(), weight: Some(weight) };
    let mut groups = vec![group(plan.stable_group(), stable), group(plan.canary_group(), canary)];
    // Blue before green, always: an order that changes with the roles would look like drift to a reader.
    groups.sort_by_key(|member| member.arn != plan.groups.blue);
    // A sticky route sends pinned clients to a group of weight 0 too: control leaves it when its time is over.
    if let Some(control) = plan.control.as_ref().filter(|_| beside.is_some() || !is_sticky(forward)) {
        groups.push(group(&control.group, beside.map_or(Weight::ZERO, |(each, _)| each)));
    }
    Action::with_forward(baseline, &Forward { groups, stickiness: forward.stickiness.clone() })
}

fn is_sticky(forward: &Forward) -> bool {
    forward.stickiness.as_ref().is_some_and(|stickiness| stickiness.enabled)
}

/// The write that moves pinned clients off the canary, and off the control fleet: the baseline without their groups.
///
/// `None` where the baseline moves them by itself: it is not sticky, or they are no part of it. A sticky route keeps
/// serving clients whose cookie names a group even at weight 0, so the group has to leave the action.
pub fn evicted_actions(plan: &Plan, baseline: &[Action]) -> Option<Vec<Action>> {
    let forward = Action::forward_of(baseline)?;
    let leaves = |group: &ForwardGroup| plan.added_groups().any(|added| *added == group.arn);
    if !is_sticky(forward) || !forward.groups.iter().any(leaves) || !forward.contains(plan.stable_group()) {
        return None;
    }
    let groups = forward.groups.iter().filter(|group| !leaves(group)).cloned().collect();
    Some(Action::with_forward(baseline, &Forward { groups, stickiness: forward.stickiness.clone() }))
}

/// How many tasks the canary needs for the step with index `step` and for all before it, when stable has `stable_count`.
pub fn canary_count(plan: &Plan, step: usize, stable_count: u32) -> u32 {
    let steps = &plan.steps[..plan.steps.len().min(step + 1)];
    let by_step = |entry: &Step| match entry {
        Step::SetWeight(share) if plan.capacity == Capacity::MatchWeight => share.of_tasks(stable_count),
        Step::SetWeight(_) => stable_count,
        Step::SetCanaryScale(share) => share.of_tasks(stable_count),
        Step::Hold(_) | Step::Analysis(_) | Step::AwaitPromote | Step::Bake(_) => 0,
    };
    steps.iter().map(by_step).max().unwrap_or(0).max(1)
}

/// The index of the first step that gives the canary traffic.
pub(crate) fn first_weight_step(plan: &Plan) -> usize {
    plan.steps.iter().position(|step| matches!(step, Step::SetWeight(_))).unwrap_or(0)
}
