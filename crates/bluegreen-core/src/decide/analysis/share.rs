//! What share of the requests the canary was to get in a minute.

use std::time::Duration;

use jiff::Timestamp;

use crate::analysis::{ControlArm, Row, Rows};
use crate::decide::later;
use crate::journal::{Certainty, RunState};
use crate::model::{Action, Forward, TargetGroupArn};
use crate::observe::RouteSnapshot;
use crate::plan::Plan;

/// A write takes effect some time before its answer is here.
const CALL: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// Whether clients stay with the group that they had first, on any production route.
pub(super) fn sticks(plan: &Plan) -> bool {
    let sticky = |forward: &Forward| forward.stickiness.as_ref().is_some_and(|stickiness| stickiness.enabled);
    plan.baseline.routes.iter().any(|route| Action::forward_of(&route.actions).is_some_and(sticky))
}

/// The same rows with no word about the split.
pub(super) fn unknown(rows: &Rows) -> Rows {
    Rows::new(rows.all().iter().map(|row| Row { share: None, ..row.clone() }).collect())
}

/// The group of the fleet that is there for comparison alone, where there is one.
fn control_group(plan: &Plan) -> Option<&TargetGroupArn> {
    plan.control.as_ref().map(|control| &control.group)
}

/// Which fleet the canary is held against in the minute that begins at `minute`: the one that is there for that, while
/// it has traffic, else stable.
pub fn control_arm(state: &RunState, minute: Timestamp) -> ControlArm {
    let end = later(minute, MINUTE);
    let has_weight = |group: &TargetGroupArn| {
        let mut routes = state.plan.baseline.routes.iter();
        routes.all(|route| weight_in(left_at(state, route, end), group).is_some_and(|share| share > 0))
    };
    match control_group(&state.plan).is_some_and(has_weight) {
        true => ControlArm::Control,
        false => ControlArm::Stable,
    }
}

/// The canary's share of the requests of canary and control, over the whole minute that begins at `minute`; `None`
/// where it changed, where routes differ, or where a write in doubt leaves it unknown.
pub fn share_of(state: &RunState, minute: Timestamp) -> Option<f64> {
    let end = later(minute, MINUTE);
    let control = match control_arm(state, minute) {
        ControlArm::Control => control_group(&state.plan)?,
        ControlArm::Stable => state.plan.stable_group(),
    };
    let mut pairs = state.plan.baseline.routes.iter().map(|route| {
        let changes = state.route_changes(&route.id);
        let may_touch = |at: Timestamp| at < later(end, CALL) && later(at, state.plan.timing.propagation) > minute;
        let newest = changes.iter().rev().find(|change| change.at < end);
        let in_doubt = newest.is_some_and(|change| change.certainty == Certainty::Doubtful);
        if in_doubt || changes.iter().any(|change| may_touch(change.at)) {
            return None;
        }
        let actions = left_at(state, route, end);
        Some((weight_in(actions, state.plan.canary_group())?, weight_in(actions, control)?))
    });
    let first = pairs.next()??;
    let (canary, control) = first;
    let alike = pairs.all(|pair| pair == Some(first)) && canary + control > 0;
    alike.then(|| f64::from(canary) / f64::from(canary + control))
}

/// What the route was left as by the newest change before `end`.
fn left_at<'a>(state: &'a RunState, route: &'a RouteSnapshot, end: Timestamp) -> &'a [Action] {
    let before = state.route_changes(&route.id).iter().rev().find(|change| change.at < end);
    before.map_or(&route.actions, |change| &change.value)
}

fn weight_in(actions: &[Action], group: &TargetGroupArn) -> Option<u32> {
    Some(Action::forward_of(actions)?.split().ok()?.share_ppm(group))
}
