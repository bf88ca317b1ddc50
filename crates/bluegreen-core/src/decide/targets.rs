//! What the world should look like at each point of the plan: actions of routes and sizes of fleets.

use crate::model::{Action, Capacity, Forward, ForwardGroup, Percent, Split, Step, TargetGroupArn};
use crate::plan::Plan;

/// The actions of `baseline` with the canary at `share` and stable at the rest.
///
/// Only the forward's groups and weights differ. Groups that belong to neither fleet cannot be there: the plan refuses
/// such routes. Both groups are always sent with explicit weights, since AWS reads a missing weight as 1.
pub fn step_actions(plan: &Plan, baseline: &[Action], share: Percent) -> Vec<Action> {
    let Some(forward) = Action::forward_of(baseline) else { return baseline.to_vec() };
    let (canary, stable) = Split::weights(share);
    let group = |arn: &TargetGroupArn, weight| ForwardGroup { arn: arn.clone(), weight: Some(weight) };
    let mut groups = vec![group(plan.stable_group(), stable), group(plan.canary_group(), canary)];
    // Blue before green, always: an order that changes with the roles would look like drift to a reader.
    groups.sort_by_key(|member| member.arn != plan.groups.blue);
    Action::with_forward(baseline, &Forward { groups, stickiness: forward.stickiness.clone() })
}

/// The write that moves pinned clients off the canary: the baseline without the canary group.
///
/// `None` where the baseline moves them by itself: it is not sticky, or the canary is no part of it. A sticky route
/// keeps serving clients whose cookie names the canary even at weight 0, so the group has to leave the action.
pub fn evicted_actions(plan: &Plan, baseline: &[Action]) -> Option<Vec<Action>> {
    let forward = Action::forward_of(baseline)?;
    let sticky = forward.stickiness.as_ref().is_some_and(|stickiness| stickiness.enabled);
    if !sticky || !forward.contains(plan.canary_group()) || !forward.contains(plan.stable_group()) {
        return None;
    }
    let groups = forward.groups.iter().filter(|group| group.arn != *plan.canary_group()).cloned().collect();
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
