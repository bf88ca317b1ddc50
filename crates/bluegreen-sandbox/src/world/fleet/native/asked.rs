//! What clients ask of a service deployment.

use crate::world::{
    FleetError, ReleaseRecord, ReleaseStatus, RevisionRecord, Rollout, ServiceRecord, Stage, State, World,
};

/// What the rollback that somebody asked for is shown with.
const ASKED: &str = "Service deployment rolled back because somebody stopped it.";

impl World {
    /// `StopServiceDeployment` with `ROLLBACK`. One that goes back already is left to it.
    ///
    /// # Errors
    ///
    /// There is no such service deployment, or it cannot go back any more.
    pub fn roll_back_release(&mut self, arn: &str) -> Result<(), FleetError> {
        let (key, mut service) = self.under_way(arn)?;
        let Some(release) = service.release_mut() else { return Err(FleetError::ReleaseNotFound) };
        if release.status.goes_back() {
            return Ok(());
        }
        let Some(run) = &mut release.run else {
            self.roll_back_rolling(&mut service)?;
            self.next_write();
            self.put(key, service);
            return Ok(());
        };
        if run.stage == Some(Stage::CleanUp) {
            return Err(FleetError::Conflict(
                "The service deployment is in CLEAN_UP: its old tasks are being stopped.".to_owned(),
            ));
        }
        let now = self.now;
        run.leaves_at = now + self.config.stage_delay;
        release.status = ReleaseStatus::RollbackRequested;
        ASKED.clone_into(&mut release.reason);
        release.updated_at = now;
        self.next_write();
        self.put(key, service);
        Ok(())
    }

    /// `ContinueServiceDeployment`: answers a pause, with the way on or back.
    ///
    /// # Errors
    ///
    /// There is no such service deployment, or none of its pauses has that id and waits.
    pub fn continue_release(&mut self, arn: &str, hook: &str, goes_on: bool) -> Result<(), FleetError> {
        let (key, mut service) = self.under_way(arn)?;
        self.answer_pause(&mut service, hook, goes_on)?;
        self.next_write();
        self.put(key, service);
        Ok(())
    }

    fn roll_back_rolling(&mut self, service: &mut ServiceRecord) -> Result<(), FleetError> {
        let good = service
            .last_completed
            .clone()
            .ok_or_else(|| FleetError::Conflict("No rollback candidate was found to run the rollback.".to_owned()))?;
        let now = self.now;
        if let Some(primary) = service.deployments.first_mut() {
            primary.finish(Rollout::Failed, ASKED.to_owned(), now);
        }
        self.roll_failed(service, "somebody stopped it.", true);
        self.bring_back(service, &good, "rolling back as somebody asked.".to_owned());
        Ok(())
    }

    /// The service of a service deployment that has not ended.
    pub(super) fn under_way(&self, arn: &str) -> Result<((String, String), ServiceRecord), FleetError> {
        let (key, release) = self.state.release(arn).ok_or(FleetError::ReleaseNotFound)?;
        if release.status.has_ended() {
            let status = release.status.as_str();
            return Err(FleetError::Conflict(format!("The service deployment has ended: it is {status}.")));
        }
        let service = self.state.services.get(key).cloned().ok_or(FleetError::ReleaseNotFound)?;
        Ok((key.clone(), service))
    }
}

impl State {
    /// A service deployment by ARN, with the cluster and name of its service.
    pub fn release(&self, arn: &str) -> Option<(&(String, String), &ReleaseRecord)> {
        let all =
            self.services.iter().flat_map(|(key, service)| service.releases.iter().map(move |found| (key, found)));
        all.into_iter().find(|(_, release)| release.arn == arn)
    }

    /// A service revision by ARN, with its service.
    pub fn service_revision(&self, arn: &str) -> Option<(&ServiceRecord, &RevisionRecord)> {
        let all =
            self.services.values().flat_map(|service| service.revisions.iter().map(move |found| (service, found)));
        all.into_iter().find(|(_, revision)| revision.arn == arn).map(|(service, revision)| (service, &**revision))
    }
}
