//! Is a route as we left it? AWS keeps no versions, so old answers have to be told from foreign writes.

use std::time::Duration;

use jiff::Timestamp;

use crate::journal::{Certainty, RunState, Write};
use crate::model::{Action, equivalent};
use crate::observe::RouteSnapshot;

use super::later;

/// How a route looks next to what was written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteView {
    /// As the newest write (or, without one, the baseline) left it.
    AsWritten,
    /// As an earlier state of this run left it, within the time for which reads may be old.
    Settling {
        /// From when on such an answer is no longer excused.
        until: Timestamp,
    },
    /// The newest write was in doubt and is now known not to have taken effect.
    NotApplied,
    /// As nobody in this run left it.
    Foreign,
}

/// Compares a route with what this run wrote to it.
///
/// Where AWS moves the traffic, with what AWS may have done for it.
pub fn view_route(state: &RunState, found: &RouteSnapshot, seen_at: Timestamp, settle: Duration) -> RouteView {
    if state.plan.managed().is_some() {
        return super::managed::view_route(state, found, seen_at, settle);
    }
    let Some(baseline) = state.plan.all_routes().find(|route| route.id == found.id) else { return RouteView::Foreign };
    let writes = state.route_writes(&found.id);
    let Some((newest, earlier)) = writes.split_last() else {
        return if equivalent(&found.actions, &baseline.actions) { RouteView::AsWritten } else { RouteView::Foreign };
    };
    if equivalent(&found.actions, &newest.value) {
        return RouteView::AsWritten;
    }
    let ours = |actions: &[Action]| equivalent(&found.actions, actions);
    if !earlier.iter().any(|write| ours(&write.value)) && !ours(&baseline.actions) {
        return RouteView::Foreign;
    }
    let excused_until = later(newest.at, settle);
    if seen_at < excused_until {
        return RouteView::Settling { until: excused_until };
    }
    // Long enough ago for every read to show it: either it never happened, or someone put an old state back.
    // Earlier tries of the same write, as doubtful as the newest, are no state that it could have left.
    let again =
        |write: &&Write<Vec<Action>>| write.certainty == Certainty::Doubtful && equivalent(&write.value, &newest.value);
    let before = earlier.iter().rev().find(|write| !again(write));
    let before = before.map_or(baseline.actions.as_slice(), |write| write.value.as_slice());
    match newest.certainty {
        Certainty::Doubtful if equivalent(&found.actions, before) => RouteView::NotApplied,
        _ => RouteView::Foreign,
    }
}
