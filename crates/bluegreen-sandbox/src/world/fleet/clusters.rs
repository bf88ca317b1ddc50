//! Clusters.

use std::sync::Arc;

use serde_json::Value;

use super::FleetError;
use super::tasks::ended_at;
use crate::world::{ClusterRecord, ServiceStatus, State, World};

impl World {
    /// `CreateCluster`: one that is there stays as it is.
    pub fn create_cluster(&mut self, name: &str, settings: Value) -> String {
        if let Some(there) = self.state.clusters.get(name).filter(|cluster| cluster.active) {
            return there.arn.clone();
        }
        self.next_write();
        let mut record = ClusterRecord::new(name, &self.config.account, &self.config.region);
        record.settings = Arc::new(settings);
        let arn = record.arn.clone();
        self.change(|state| {
            state.clusters.insert(name.to_owned(), record);
        });
        arn
    }

    /// `DeleteCluster`: it is `INACTIVE` from now on.
    ///
    /// # Errors
    ///
    /// There is no such cluster, or it still has services or tasks.
    pub fn delete_cluster(&mut self, name: &str) -> Result<(), FleetError> {
        self.cluster(name)?;
        let mut services = self.state.services.iter().filter(|((cluster, _), _)| cluster == name);
        if services.any(|(_, service)| service.status != ServiceStatus::Inactive) {
            return Err(FleetError::ClusterContainsServices);
        }
        let mut loose = self.state.loose_tasks.values().filter(|loose| loose.cluster == name);
        if loose.any(|loose| ended_at(&loose.task).is_none()) {
            return Err(FleetError::ClusterContainsTasks);
        }
        self.next_write();
        self.change(|state| {
            if let Some(cluster) = state.clusters.get_mut(name) {
                cluster.active = false;
            }
        });
        Ok(())
    }

    /// The active cluster of that name.
    pub(super) fn cluster(&self, name: &str) -> Result<(), FleetError> {
        if self.state.has_cluster(name) { Ok(()) } else { Err(FleetError::ClusterNotFound) }
    }
}

impl State {
    /// Whether there is an active cluster of that name.
    pub fn has_cluster(&self, name: &str) -> bool {
        self.clusters.get(name).is_some_and(|cluster| cluster.active)
    }
}
