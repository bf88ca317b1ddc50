//! What a run may have left in the world: the writes that may have taken effect, and what is expected because of them.

use jiff::Timestamp;

use super::{RunState, TaskSetChange, Write};
use crate::model::{Action, Color, RouteId};
use crate::ports::ServiceChange;

impl RunState {
    /// The writes to a route that may have taken effect, oldest first.
    pub fn route_writes(&self, route: &RouteId) -> &[Write<Vec<Action>>] {
        self.routes.get(route).map_or(&[], Vec::as_slice)
    }

    /// What this run has made of a route, oldest first: its writes, or the moves that AWS was seen to make for it.
    pub fn route_changes(&self, route: &RouteId) -> &[Write<Vec<Action>>] {
        let writes = self.route_writes(route);
        match self.managed.moves.get(route) {
            Some(moves) if moves.last().map(|moved| moved.at) >= writes.last().map(|write| write.at) => moves,
            _ => writes,
        }
    }

    /// The writes to a service that may have taken effect, oldest first.
    pub fn service_writes(&self, color: Color) -> &[Write<ServiceChange>] {
        self.services.get(&color).map_or(&[], Vec::as_slice)
    }

    /// The writes to task sets that may have taken effect, oldest first.
    pub fn set_writes(&self) -> &[Write<TaskSetChange>] {
        &self.sets
    }

    /// The newest registration that may have taken effect.
    pub fn registration(&self) -> Option<&Write<()>> {
        self.registrations.last()
    }

    /// The newest write of any route by this run, or the newest move that AWS made for it, by time.
    pub fn last_route_write_at(&self) -> Option<Timestamp> {
        self.routes.values().flatten().map(|write| write.at).max().max(self.managed.shifted_at)
    }

    /// The newest write of any route by this run itself, by time.
    pub(crate) fn last_own_write_at(&self) -> Option<Timestamp> {
        self.routes.values().flatten().map(|write| write.at).max()
    }

    /// Whether anything in the world may be otherwise because of this run.
    pub fn has_written(&self) -> bool {
        self.routes.values().any(|writes| !writes.is_empty())
            || self.services.values().any(|writes| !writes.is_empty())
            || !self.control.writes.is_empty()
            || !self.sets.is_empty()
            || !self.registrations.is_empty()
            || self.managed.has_written()
    }

    /// What `route` was last left as: the newest write or the newest move that AWS made for us, else the baseline.
    pub fn expected_actions(&self, route: &RouteId) -> Option<&[Action]> {
        if let Some(write) = self.route_changes(route).last() {
            return Some(&write.value);
        }
        let baseline = self.plan.all_routes().find(|snapshot| snapshot.id == *route);
        baseline.map(|snapshot| snapshot.actions.as_slice())
    }
}
