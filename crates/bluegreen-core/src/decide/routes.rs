//! Routes as found, next to what they should be; the one way in which they are written.

use crate::journal::{Fact, Mutation, Purpose};
use crate::model::{Action, RouteId, TargetGroupArn, Weight, equivalent};
use crate::observe::RouteSnapshot;

use super::drift::{RouteView, view_route};
use super::{Context, Decision};

impl Context<'_> {
    /// The production routes as found; none when they cannot be read.
    pub(super) fn routes(&self) -> impl Iterator<Item = &RouteSnapshot> {
        self.seen.routes.ok().into_iter().flatten()
    }

    pub(super) fn view(&self, route: &RouteSnapshot) -> RouteView {
        view_route(self.state, route, self.seen.routes.seen_at, self.plan().timing.settle)
    }

    /// Whether this run has left the canary with a share of production traffic.
    pub(super) fn canary_has_weight(&self) -> bool {
        self.has_weight(self.plan().canary_group())
    }

    /// Whether this run has left a group with a share of production traffic.
    pub(super) fn has_weight(&self, group: &TargetGroupArn) -> bool {
        let carries = |id: &RouteId| {
            let actions = self.state.expected_actions(id).unwrap_or_default();
            let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
            split.is_some_and(|split| split.weight(group) > Weight::ZERO)
        };
        self.plan().route_ids().any(carries)
    }

    pub(super) fn drift_fact(&self, route: &RouteSnapshot) -> Fact {
        Fact::Drift {
            route: route.id.clone(),
            expected: self.state.expected_actions(&route.id).unwrap_or_default().to_vec(),
            found: route.actions.clone(),
        }
    }

    /// Brings every production route to its target; `None` once all were read back.
    pub(super) fn set_all(&self, purpose: Purpose, target: impl Fn(&RouteSnapshot) -> Vec<Action>) -> Option<Decision> {
        let routes = &self.plan().baseline.routes;
        routes.iter().find_map(|route| self.set_one(&route.id, &target(route), purpose))
    }

    /// Brings one route to `target`; `None` once that was read back.
    pub(super) fn set_one(&self, id: &RouteId, target: &[Action], purpose: Purpose) -> Option<Decision> {
        let found = self.routes().find(|route| route.id == *id)?;
        let newest = self.state.expected_actions(id).unwrap_or_default();
        let view = self.view(found);
        let write = || Decision::Act {
            mutation: Mutation::SetActions { route: id.clone(), actions: target.to_vec(), purpose },
            because: match purpose {
                Purpose::Attach => "both groups need explicit weights".to_owned(),
                Purpose::Test => "the smoke test needs the canary".to_owned(),
                Purpose::Step(share) => format!("the canary gets {share}"),
                Purpose::Evict => "pinned clients leave the canary".to_owned(),
                Purpose::Restore => "the baseline comes back".to_owned(),
            },
        };
        match view {
            RouteView::AsWritten if equivalent(newest, target) => None,
            RouteView::AsWritten | RouteView::NotApplied => Some(write()),
            RouteView::Settling { until } => Some(self.wait_until(until, format!("{id} to show the last write"))),
            RouteView::Foreign => Some(Decision::Note(self.drift_fact(found))),
        }
    }

    /// A wait, while any route may still show an older state of ours.
    pub(super) fn still_settling(&self) -> Option<Decision> {
        self.routes().find_map(|route| match self.view(route) {
            RouteView::Settling { until } => {
                Some(self.wait_until(until, format!("{} to show the last write", route.id)))
            }
            RouteView::AsWritten | RouteView::NotApplied | RouteView::Foreign => None,
        })
    }

    /// Whether every production route was read back as last written.
    pub(super) fn all_as_written(&self) -> bool {
        self.seen.routes.ok().is_some_and(|routes| routes.iter().all(|route| self.view(route) == RouteView::AsWritten))
    }
}
