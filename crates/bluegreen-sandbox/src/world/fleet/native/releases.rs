//! How a service deployment begins, is left behind by the next one, and ends; rolling ones included.

use std::sync::Arc;

use bluegreen_core::model::TargetGroupArn;
use bluegreen_core::observe::Controller;

use super::super::alive;
use super::plan;
use crate::seed::draw;
use crate::world::{
    DeploymentRecord, Monitor, Ms, Part, Registration, ReleaseRecord, ReleaseStatus, RevisionRecord, Rollout,
    ServiceRecord, Stage, StagedPlan, StagedRun, World,
};

/// How many of its service deployments and revisions a service remembers.
const REMEMBERED: usize = 50;

/// What a new deployment finds.
pub(in crate::world::fleet) struct Sources {
    /// The revision that serves, and to which a failed deployment goes back.
    stable: Option<Arc<RevisionRecord>>,
    /// What an unfinished deployment was bringing.
    left_over: Vec<Arc<RevisionRecord>>,
}

impl World {
    /// What a deployment would replace. To be asked before anything of the service is changed.
    pub(in crate::world::fleet) fn sources(&mut self, service: &mut ServiceRecord) -> Sources {
        if let Some(release) = service.staged() {
            let run = release.run.as_ref();
            let cleaning = run.is_some_and(|run| run.stage == Some(Stage::CleanUp));
            let target = Arc::clone(&release.target);
            if cleaning && release.status == ReleaseStatus::InProgress {
                return Sources { stable: Some(target), left_over: release.sources.clone() };
            }
            let left_over = release.left_over().iter().cloned().chain([target]).collect();
            return Sources { stable: release.stable().cloned(), left_over };
        }
        let Some(newest) = service.deployments.first().cloned() else {
            return Sources { stable: None, left_over: Vec::new() };
        };
        let current = self.revision(service, &newest);
        if newest.rollout == Rollout::Completed {
            return Sources { stable: Some(current), left_over: Vec::new() };
        }
        let completed = service.last_completed.clone();
        let stable = completed.map(|record| self.revision(service, &record));
        let left_over = if alive(service).any(|task| current.owns(task)) { vec![current] } else { Vec::new() };
        Sources { stable, left_over }
    }

    /// A new deployment of what the service says now, as a service deployment.
    pub(in crate::world::fleet) fn begin_release(
        &mut self,
        service: &mut ServiceRecord,
        sources: Sources,
        number: u64,
    ) {
        self.leave_behind(service);
        let current: Vec<TargetGroupArn> = match &sources.stable {
            Some(stable) => stable.groups.iter().map(|entry| entry.group.clone()).collect(),
            None => Vec::new(),
        };
        let settings = Arc::clone(&service.settings);
        let staged = match service.controller {
            Controller::Rolling => {
                plan::read(&self.state, &settings, &current, sources.stable.is_none(), self.config.minute)
            }
            _ => None,
        };
        let declared = plan::declared(&settings).unwrap_or_else(|| service.registers_in.to_vec());
        service.registers_in = plan::registrations(&self.state, &settings, &declared, &current, staged.is_some());
        let pairs = staged.iter().flat_map(|plan| &plan.switches).flat_map(|switch| switch.pair.iter().cloned());
        let groups: Vec<TargetGroupArn> =
            service.registers_in.iter().map(|entry| entry.group.clone()).chain(pairs).collect();
        for group in groups {
            if !service.groups.contains(&group) {
                service.groups.push(group);
            }
        }
        if staged.is_some() {
            service.generation = 1 + super::super::services::newest_generation(service);
        }
        self.begin_numbered_deployment(service, number);
        let Some(record) = service.deployments.first().cloned() else { return };
        let target = self.revision(service, &record);
        let release = self.release(service, sources, target, staged, number);
        let releases = Arc::make_mut(&mut service.releases);
        releases.push(release);
        let surplus = releases.len().saturating_sub(REMEMBERED);
        releases.drain(..surplus);
    }

    fn release(
        &self,
        service: &ServiceRecord,
        sources: Sources,
        target: Arc<RevisionRecord>,
        staged: Option<StagedPlan>,
        number: u64,
    ) -> ReleaseRecord {
        let now = self.now;
        let id = draw(self.config.seed, &("service deployment", &service.arn, number));
        let Sources { stable, left_over } = sources;
        let configuration = Arc::new(plan::configuration(&service.settings).clone());
        let (alarms, _) = plan::alarms(&configuration);
        // An alarm that is red from the beginning says nothing about this deployment: ECS ignores all of them then.
        let watched = staged.is_some() && !alarms.is_empty() && self.red(&alarms).is_empty();
        let leaves_at = now + self.config.stage_delay;
        let run = staged.map(|plan| StagedRun {
            plan: Arc::new(plan),
            stage: None,
            part: Part::Enter,
            entered_at: now,
            leaves_at,
            step: 0,
            share: 0,
            test_share: 0,
        });
        let (status, started_at) = match &run {
            Some(_) => (ReleaseStatus::Pending, None),
            None => (ReleaseStatus::InProgress, Some(now)),
        };
        ReleaseRecord {
            arn: format!("{}/{id:016x}", service.arn.replacen(":service/", ":service-deployment/", 1)),
            created_at: now,
            started_at,
            finished_at: None,
            stopped_at: None,
            updated_at: now,
            has_stable: stable.is_some(),
            sources: stable.into_iter().chain(left_over).collect(),
            target,
            status,
            reason: String::new(),
            configuration,
            rollback: None,
            alarms: if watched { Monitor::Monitoring } else { Monitor::Disabled },
            triggered: Vec::new(),
            breaker: if service.policy.breaker.is_some() { Monitor::Monitoring } else { Monitor::Disabled },
            hooks: Vec::new(),
            run,
        }
    }

    /// The revision that a deployment of `DescribeServices` brings.
    fn revision(&mut self, service: &mut ServiceRecord, record: &DeploymentRecord) -> Arc<RevisionRecord> {
        let same = |revision: &&Arc<RevisionRecord>| {
            revision.definition == record.definition && revision.generation == record.generation
        };
        if let Some(found) = service.revisions.iter().find(same) {
            return Arc::clone(found);
        }
        let id = draw(self.config.seed, &("service revision", &service.arn, &record.id));
        // The old tasks know best where they registered.
        let own = alive(service).find(|task| {
            task.definition == record.definition && task.generation == record.generation && !task.groups.is_empty()
        });
        let groups: Arc<[Registration]> = own.map_or(&service.registers_in, |task| &task.groups).clone();
        let revision = Arc::new(RevisionRecord {
            arn: format!("{}/{id:019}", service.arn.replacen(":service/", ":service-revision/", 1)),
            definition: record.definition.clone(),
            generation: record.generation,
            groups,
            created_at: record.created_at,
            settings: Arc::clone(&service.settings),
        });
        let revisions = Arc::make_mut(&mut service.revisions);
        revisions.push(Arc::clone(&revision));
        let surplus = revisions.len().saturating_sub(REMEMBERED);
        revisions.drain(..surplus);
        revision
    }

    /// The next deployment has begun, or the service was deleted: the one under way is over.
    pub(in crate::world::fleet) fn leave_behind(&self, service: &mut ServiceRecord) {
        let now = self.now;
        let Some(release) = service.release_mut().filter(|release| !release.status.has_ended()) else { return };
        let cleaning = release.run.as_ref().is_some_and(|run| run.stage == Some(Stage::CleanUp));
        if cleaning && release.status == ReleaseStatus::InProgress {
            release.close(ReleaseStatus::Successful, now);
            return;
        }
        "a newer deployment took its place, or the service was deleted.".clone_into(&mut release.reason);
        release.close(ReleaseStatus::Stopped, now);
    }

    /// A rolling deployment was completed, be it the way there or the way back.
    pub(in crate::world::fleet) fn rolled(&self, service: &mut ServiceRecord) {
        let now = self.now;
        let Some(release) = rolling(service) else { return };
        let status = match release.status.goes_back() {
            true => ReleaseStatus::RollbackSuccessful,
            false => ReleaseStatus::Successful,
        };
        release.close(status, now);
    }

    /// A rolling deployment has failed, and goes back or not.
    pub(in crate::world::fleet) fn roll_failed(&self, service: &mut ServiceRecord, reason: &str, back: bool) {
        let now = self.now;
        let Some(release) = rolling(service) else { return };
        release.updated_at = now;
        if back {
            release.reason = format!("Service deployment rolled back because {reason}");
            release.rollback = Some((release.reason.clone(), now));
            release.status = ReleaseStatus::RollbackInProgress;
        } else {
            release.reason = format!("Service deployment stopped because {reason}");
            release.close(ReleaseStatus::Stopped, now);
        }
    }
}

/// The service deployment of a rolling deployment that is under way.
fn rolling(service: &mut ServiceRecord) -> Option<&mut ReleaseRecord> {
    let under_way = |release: &ReleaseRecord| release.run.is_none() && !release.status.has_ended();
    // Most calls find nothing to change: no copy is made for them.
    service.releases.last().filter(|release| under_way(release))?;
    service.release_mut()
}

impl ReleaseRecord {
    /// It has ended like this.
    pub(super) fn close(&mut self, status: ReleaseStatus, at: Ms) {
        self.status = status;
        self.updated_at = at;
        match status {
            ReleaseStatus::Stopped => self.stopped_at = Some(at),
            _ => self.finished_at = Some(at),
        }
        for monitor in [&mut self.alarms, &mut self.breaker] {
            if *monitor == Monitor::Monitoring {
                *monitor = Monitor::Complete;
            }
        }
        for hook in self.hooks.iter_mut().filter(|hook| !hook.status.has_ended()) {
            hook.status = crate::world::HookStatus::Failed;
        }
    }
}
