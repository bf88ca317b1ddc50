//! Which tasks a service has while one of its deployments goes by stages.

use std::sync::Arc;

use super::super::schedule::Placement;
use super::super::{alive, count};
use crate::world::{DeploymentRecord, Part, ReleaseStatus, RevisionRecord, Rollout, ServiceRecord, Stage, Task, World};

impl ServiceRecord {
    /// The revisions that are to have tasks, with how many. Tasks of no other are wanted.
    pub(crate) fn wanted_revisions(&self) -> Vec<(Arc<RevisionRecord>, u32)> {
        let Some(release) = self.staged() else { return Vec::new() };
        let stage = release.run.as_ref().and_then(|run| run.stage);
        let swept = release.run.as_ref().is_some_and(|run| run.part == Part::Last);
        let back = release.status.goes_back();
        let cleaning = stage == Some(Stage::CleanUp) && release.status != ReleaseStatus::RollbackRequested;
        let old = back || !cleaning;
        let new = match stage {
            None | Some(Stage::ReconcileService | Stage::PreScaleUp) => false,
            Some(_) => !(back && cleaning),
        };
        let old = release.stable().filter(|_| old).cloned();
        let new = Some(Arc::clone(&release.target)).filter(|_| new);
        // What an unfinished deployment left may still have traffic until that has been taken from it.
        let left_over = match stage {
            None => release.left_over(),
            Some(Stage::ReconcileService) if !swept => release.left_over(),
            Some(_) => &[],
        };
        let as_they_are = left_over.iter().map(|revision| {
            let there = count(alive(self).filter(|task| revision.owns(task)));
            (Arc::clone(revision), there)
        });
        old.into_iter().chain(new).map(|revision| (revision, self.desired)).chain(as_they_are).collect()
    }

    fn deployment_of(&self, revision: &RevisionRecord) -> Option<&DeploymentRecord> {
        let same = |record: &&DeploymentRecord| {
            record.definition == revision.definition && record.generation == revision.generation
        };
        self.deployments.iter().find(same)
    }
}

impl World {
    /// Places and stops tasks so that each revision has as many as it is to have.
    pub(in crate::world::fleet) fn reconcile_staged(&mut self, service: &mut ServiceRecord) -> bool {
        let wanted = service.wanted_revisions();
        let reason = super::super::rolling::scaling(service);
        let mut changed = false;
        for (revision, count) in &wanted {
            let there = alive(service).filter(|task| revision.owns(task)).count();
            changed |= self.place_revision(service, revision, (*count as usize).saturating_sub(there));
            let surplus = there.saturating_sub(*count as usize);
            changed |= self.stop_youngest(service, surplus, &reason, |task| revision.owns(task));
        }
        let other = |task: &Task| !wanted.iter().any(|(revision, _)| revision.owns(task));
        let others = alive(service).filter(|task| other(task)).count();
        changed | self.stop_youngest(service, others, &reason, other)
    }

    fn place_revision(&mut self, service: &mut ServiceRecord, revision: &RevisionRecord, count: usize) -> bool {
        let deployment = service.deployment_of(revision);
        let failed = deployment.is_some_and(|record| record.rollout == Rollout::Failed);
        let pauses = deployment.is_some_and(|record| self.now < record.failures.retry_at);
        if count == 0 || failed || pauses {
            return false;
        }
        let what = Placement {
            definition: revision.definition.clone(),
            generation: revision.generation,
            set: None,
            started_by: Arc::from(deployment.map_or("", |record| record.id.as_str())),
            groups: Arc::clone(&revision.groups),
        };
        self.place_many(service, count, &what)
    }

    /// Whether a revision has all its tasks, and all of them do their work.
    pub(super) fn is_up(&self, service: &ServiceRecord, revision: &RevisionRecord) -> bool {
        let own: Vec<&Task> = alive(service).filter(|task| revision.owns(task)).collect();
        own.len() == service.desired as usize && own.iter().all(|task| self.serves(task))
    }

    /// Whether all tasks that nobody wants are gone, drained ones included.
    pub(super) fn is_clean(service: &ServiceRecord) -> bool {
        let wanted = service.wanted_revisions();
        service.tasks.iter().all(|task| wanted.iter().any(|(revision, _)| revision.owns(task)))
    }
}
