//! The shop with a third service for the control fleet.

use bluegreen_core::model::{TargetGroupArn, Timestamp};
use bluegreen_core::plan::{ControlFleet, ServiceBaseline};

use super::{ACCOUNT, CLUSTER, REGION, Scenario, arn, group_record};
use crate::world::State;

/// The control fleet's service.
pub const CONTROL: &str = "web-control";

impl Scenario {
    /// The same with a control fleet of `tasks` tasks.
    pub fn with_control(mut self, tasks: u32) -> Scenario {
        self.control = Some(tasks);
        self
    }

    /// The control fleet's group.
    pub fn control_group(&self) -> TargetGroupArn {
        arn("targetgroup/web-control/dddd")
    }

    pub(super) fn furnish_control(&self, state: &mut State) {
        let Some(tasks) = self.control else { return };
        let group = self.control_group();
        state.groups.insert(group.clone(), group_record(crate::world::millis(self.timing.drain)));
        let record = self.service_record(CONTROL, tasks, group);
        state.services.insert((CLUSTER.to_owned(), CONTROL.to_owned()), record);
    }

    /// The control fleet of the plan, whose service has been there since `created_at`.
    pub(super) fn control_fleet(&self, created_at: Timestamp) -> Option<ControlFleet> {
        let service = ServiceBaseline {
            arn: format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/{CLUSTER}/{CONTROL}"),
            name: CONTROL.to_owned(),
            created_at: Some(created_at),
            task_definition: self.old_revision(),
            desired: self.control?,
        };
        Some(ControlFleet { service, group: self.control_group() })
    }
}
