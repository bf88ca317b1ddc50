//! Deployments that ECS itself carries out: `BLUE_GREEN`, `LINEAR` and `CANARY`, stage by stage.
//!
//! - `plan`: what a service's settings say about its deployments;
//! - `releases`: how a service deployment begins, is left behind, and ends, rolling ones included;
//! - `stages`: from one stage to the next; `traffic`: the rules that it rewrites; `hooks`: what runs at its stages;
//! - `tasks`: which tasks there are meanwhile;
//! - `asked`: what clients ask of one.

use std::sync::Arc;

use bluegreen_core::model::TaskDefinitionArn;
use bluegreen_core::observe::AlarmState;

use super::{alive, count, runs};
use crate::world::{
    Monitor, Ms, Part, ReleaseRecord, ReleaseStatus, RevisionRecord, Rollout, ServiceRecord, ServiceStatus, Stage,
    StagedRun, World,
};

mod asked;
mod hooks;
pub(crate) mod plan;
mod releases;
mod stages;
mod tasks;
mod traffic;

#[cfg(test)]
pub(crate) mod tests;

/// No stage but a pause lasts longer, in minutes.
const STAGE_LIMIT: u64 = 24 * 60;

/// Why a deployment cannot go on.
struct Trouble {
    reason: String,
    /// Whether the old revision is to come back.
    back: bool,
    /// The alarms that are the reason.
    alarms: Vec<String>,
    /// Whether the circuit breaker is.
    breaker: bool,
}

impl Trouble {
    fn new(reason: String, back: bool) -> Trouble {
        Trouble { reason, back, alarms: Vec::new(), breaker: false }
    }
}

impl World {
    /// Lets every deployment by stages go on as far as it can at this moment; whether anything changed.
    pub(in crate::world) fn advance_releases(&mut self) -> bool {
        let under_way = |service: &ServiceRecord| service.staged().is_some_and(|release| !release.status.has_ended());
        let services = self.state.services.iter().filter(|(_, service)| under_way(service));
        let keys: Vec<(String, String)> = services.map(|(key, _)| key.clone()).collect();
        let mut changed = false;
        for key in keys {
            let Some(mut service) = self.state.services.get(&key).cloned() else { continue };
            let mut moved = false;
            while self.take_step(&mut service) {
                moved = true;
            }
            if moved {
                Arc::make_mut(&mut self.state).services.insert(key, service);
                changed = true;
            }
        }
        changed
    }

    /// One step of a service's deployment; whether there was one to take.
    fn take_step(&mut self, service: &mut ServiceRecord) -> bool {
        let Some(release) = service.staged() else { return false };
        let Some(run) = &release.run else { return false };
        let waited = self.now >= run.leaves_at;
        let part = run.part;
        match release.status {
            ReleaseStatus::Pending if waited => {
                self.begin_stages(service);
                true
            }
            ReleaseStatus::RollbackRequested if waited => {
                let reason = release.reason.clone();
                self.turn_back(service, &reason);
                true
            }
            ReleaseStatus::InProgress | ReleaseStatus::RollbackInProgress => {
                if let Some(trouble) = self.trouble(service) {
                    self.give_up(service, &trouble);
                    return true;
                }
                match part {
                    Part::Enter => {
                        self.enter_stage(service);
                        true
                    }
                    Part::Hooks => self.run_hooks(service),
                    Part::Last => {
                        let done = waited && self.stage_is_done(service);
                        if done {
                            self.leave_stage(service);
                        }
                        done
                    }
                }
            }
            _ => false,
        }
    }

    /// What keeps a deployment from going on: an alarm, tasks that do not start, or a stage without end.
    fn trouble(&self, service: &ServiceRecord) -> Option<Trouble> {
        let release = service.staged()?;
        let run = release.run.as_ref()?;
        let back = release.status.goes_back();
        let found = if back { None } else { self.alarmed(release).or_else(|| self.broken(service)) };
        let endless = || {
            let lasts = run.part == Part::Last && self.now >= run.entered_at + self.stage_limit(run);
            let reason = format!("stage {} took longer than 24 hours.", run.stage.map_or("", Stage::as_str));
            lasts.then(|| Trouble::new(reason, !back))
        };
        found.or_else(endless)
    }

    /// An alarm that was quiet when the deployment began and is not any more.
    fn alarmed(&self, release: &ReleaseRecord) -> Option<Trouble> {
        if release.alarms != Monitor::Monitoring {
            return None;
        }
        let (names, back) = plan::alarms(&release.configuration);
        let red = self.red(&names);
        let reason = format!("alarm {} went into ALARM.", red.join(", "));
        (!red.is_empty()).then_some(Trouble { alarms: red, ..Trouble::new(reason, back) })
    }

    /// Which of these alarms are in `ALARM`.
    fn red(&self, names: &[&str]) -> Vec<String> {
        let red = |name: &str| self.state.alarms.get(name).is_some_and(|alarm| alarm.state == AlarmState::Alarm);
        names.iter().filter(|name| red(name)).map(|name| (*name).to_owned()).collect()
    }

    /// The circuit breaker: too many new tasks in a row have failed.
    fn broken(&self, service: &ServiceRecord) -> Option<Trouble> {
        let breaker = service.policy.breaker?;
        let primary = service.deployments.first().filter(|primary| primary.rollout == Rollout::InProgress)?;
        let most = super::rolling::threshold(breaker.threshold, service.desired);
        let reason = "the circuit breaker threshold was exceeded.".to_owned();
        let broken = self.failed(service, primary, self.now) >= most;
        broken.then_some(Trouble { breaker: true, ..Trouble::new(reason, breaker.rollback) })
    }

    fn stage_limit(&self, run: &StagedRun) -> Ms {
        STAGE_LIMIT * self.config.minute + run.plan.bake
    }

    /// The moments at which a service's deployment goes on by itself.
    pub(super) fn release_events(&self, service: &ServiceRecord) -> impl Iterator<Item = Ms> + use<> {
        let release = service.staged().filter(|release| !release.status.has_ended());
        let mut moments = Vec::new();
        if let Some((release, run)) = release.and_then(|release| Some((release, release.run.as_ref()?))) {
            let entered = run.entered_at;
            moments.extend([run.leaves_at, entered + run.plan.bake, entered + run.plan.step_bake]);
            moments.push(entered + self.stage_limit(run));
            let open = release.hooks.iter().filter(|hook| !hook.status.has_ended());
            moments
                .extend(open.flat_map(|hook| [self.hook_answers_at(hook).unwrap_or(hook.expires_at), hook.expires_at]));
        }
        moments.into_iter()
    }
}

impl ServiceRecord {
    /// The deployment by stages that says which tasks there are: one that is under way, or ended halfway.
    pub(crate) fn staged(&self) -> Option<&ReleaseRecord> {
        let release = self.releases.last().filter(|release| release.run.is_some())?;
        let settled = matches!(release.status, ReleaseStatus::Successful | ReleaseStatus::RollbackSuccessful);
        (!settled && self.status == ServiceStatus::Active).then_some(release)
    }

    /// The newest service deployment.
    pub(crate) fn release_mut(&mut self) -> Option<&mut ReleaseRecord> {
        Arc::make_mut(&mut self.releases).last_mut()
    }

    /// How many failed tasks in a row end a deployment; 0 without a circuit breaker.
    pub(crate) fn breaker_threshold(&self) -> u32 {
        self.policy.breaker.map_or(0, |breaker| super::rolling::threshold(breaker.threshold, self.desired))
    }

    /// How many tasks the deployment of `DescribeServices` at `place` is to have.
    pub(crate) fn wanted_of(&self, place: usize) -> u32 {
        let Some(record) = self.deployments.get(place) else { return 0 };
        if self.staged().is_none() {
            return if place == 0 { self.desired } else { 0 };
        }
        self.asked_of(&record.definition, record.generation)
    }

    /// How many tasks a revision is to have, and how many run at `at`.
    pub(crate) fn counts_of(&self, revision: &RevisionRecord, at: Ms) -> RevisionCounts {
        let current =
            self.task_definition.as_ref() == Some(&revision.definition) && self.generation == revision.generation;
        let asked = match self.staged() {
            Some(_) => self.asked_of(&revision.definition, revision.generation),
            None if current => self.desired,
            None => 0,
        };
        let own = || alive(self).filter(|task| revision.owns(task));
        let running = count(own().filter(|task| runs(task, at)));
        RevisionCounts { asked, running, pending: count(own()) - running }
    }

    fn asked_of(&self, definition: &TaskDefinitionArn, generation: u32) -> u32 {
        let wanted = self.wanted_revisions();
        let same = |revision: &RevisionRecord| revision.definition == *definition && revision.generation == generation;
        wanted.iter().find(|(revision, _)| same(revision)).map_or(0, |(_, wanted)| *wanted)
    }
}

/// Tasks of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevisionCounts {
    /// That it is to have.
    pub asked: u32,
    /// That run.
    pub running: u32,
    /// That are on their way.
    pub pending: u32,
}
