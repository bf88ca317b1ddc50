//! Routes that AWS writes: what it may have done to them for us, and what it may not.

use std::time::Duration;

use jiff::Timestamp;

use crate::decide::{Context, RouteView, later};
use crate::journal::{Goal, RunState};
use crate::model::{Action, Forward, Step, TargetGroupArn, equivalent};
use crate::observe::RouteSnapshot;
use crate::plan::Plan;

/// All of the traffic, in parts of a million.
pub(super) const ALL: u32 = 1_000_000;

/// Compares a route with what AWS may have made of it for this run.
///
/// AWS shifts along the plan's steps and touches nothing but the weights of the pair. A share that falls is on its way
/// back, or is old: it is foreign only when it stays while the deployment says nothing of it.
pub(in crate::decide) fn view_route(
    state: &RunState,
    found: &RouteSnapshot,
    seen_at: Timestamp,
    settle: Duration,
) -> RouteView {
    let plan = &state.plan;
    let Some(baseline) = plan.all_routes().find(|route| route.id == found.id) else { return RouteView::Foreign };
    let Some(share) = pair_share(plan, found).filter(|_| same_but_for_weights(found, baseline)) else {
        return RouteView::Foreign;
    };
    if is_test_route(plan, found) {
        return RouteView::AsWritten;
    }
    let on_the_way = plan.steps.iter().filter_map(share_of_step).any(|step| step == share) || share == 0;
    if !on_the_way || (share > 0 && !state.managed.may_have_started()) {
        return RouteView::Foreign;
    }
    if state.goal != Goal::Promote || share >= verified_share(state) {
        return RouteView::AsWritten;
    }
    let known = state.route_changes(&found.id).last();
    let noted = known.is_some_and(|known| share_in(plan, &known.value).is_some_and(|known| known <= share));
    let since = known.map_or(state.step_since, |known| known.at).max(state.step_since);
    let until = later(since, settle);
    match noted && seen_at >= until {
        true => RouteView::Foreign,
        false => RouteView::Settling { until: until.max(later(seen_at, Duration::from_secs(1))) },
    }
}

pub(super) fn is_test_route(plan: &Plan, route: &RouteSnapshot) -> bool {
    plan.baseline.test_route.as_ref().is_some_and(|test| test.id == route.id)
}

/// The canary's share of a route that names nothing outside the pair.
pub(super) fn pair_share(plan: &Plan, route: &RouteSnapshot) -> Option<u32> {
    let forward = Action::forward_of(&route.actions)?;
    let pair = |arn: &TargetGroupArn| *arn == plan.groups.blue || *arn == plan.groups.green;
    share_in(plan, &route.actions).filter(|_| forward.groups.iter().all(|group| pair(&group.arn)))
}

fn share_in(plan: &Plan, actions: &[Action]) -> Option<u32> {
    Some(Action::forward_of(actions)?.split().ok()?.share_ppm(plan.canary_group()))
}

/// Whether two states of a route differ in the weights of their forward at most.
fn same_but_for_weights(found: &RouteSnapshot, baseline: &RouteSnapshot) -> bool {
    let (Some(now), Some(before)) = (Action::forward_of(&found.actions), Action::forward_of(&baseline.actions)) else {
        return false;
    };
    let forward = Forward { groups: before.groups.clone(), stickiness: now.stickiness.clone() };
    equivalent(&Action::with_forward(&found.actions, &forward), &baseline.actions)
}

pub(super) fn share_of_step(step: &Step) -> Option<u32> {
    match step {
        Step::SetWeight(share) => Some(u32::from(share.tenths()) * 1000),
        _ => None,
    }
}

/// The share of the newest step that was read back.
fn verified_share(state: &RunState) -> u32 {
    state.plan.steps.iter().take(state.step).rev().find_map(share_of_step).unwrap_or(0)
}

impl Context<'_> {
    /// The canary's share on every production route at least; `None` where they cannot be read.
    pub(super) fn least_share(&self) -> Option<u32> {
        let routes = self.seen.routes.ok()?;
        let production = routes.iter().filter(|route| !is_test_route(self.plan(), route));
        production.map(|route| pair_share(self.plan(), route)).min()?
    }

    /// The route that is not at its baseline's split, if one is not; an error where routes cannot be read.
    pub(super) fn off_baseline(&self) -> Result<Option<&RouteSnapshot>, String> {
        let routes = self.seen.routes.value.as_ref().map_err(ToString::to_string)?;
        let plan = self.plan();
        let back = |planned: &RouteSnapshot, found: &RouteSnapshot| {
            pair_share(plan, found) == Some(0) && same_but_for_weights(found, planned)
        };
        for planned in &plan.baseline.routes {
            match routes.iter().find(|found| found.id == planned.id) {
                None => return Err(format!("{} was not among the routes", planned.id)),
                Some(found) if !back(planned, found) => return Ok(Some(found)),
                Some(_) => {}
            }
        }
        Ok(None)
    }
}
