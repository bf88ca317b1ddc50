//! From one stage to the next, forward and back.

use std::sync::Arc;

use super::Trouble;
use crate::world::{HookStatus, Monitor, Part, ReleaseStatus, Rollout, ServiceRecord, Stage, StagedRun, World};

/// What AWS says where there is nothing to go back to.
const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";

impl World {
    /// A deployment that was asked for begins.
    pub(super) fn begin_stages(&mut self, service: &mut ServiceRecord) {
        let now = self.now;
        let Some(release) = service.release_mut() else { return };
        let left_over = !release.left_over().is_empty();
        release.status = ReleaseStatus::InProgress;
        release.started_at = Some(now);
        let stage = if left_over { Stage::ReconcileService } else { Stage::PreScaleUp };
        self.go_to(service, stage);
    }

    fn go_to(&self, service: &mut ServiceRecord, stage: Stage) {
        let now = self.now;
        let leaves_at = now + self.config.stage_delay;
        let Some(release) = service.release_mut() else { return };
        release.updated_at = now;
        if let Some(run) = &mut release.run {
            run.stage = Some(stage);
            run.part = Part::Enter;
            run.entered_at = now;
            run.leaves_at = leaves_at;
        }
    }

    /// Does what a stage is for, and starts its hooks.
    pub(super) fn enter_stage(&mut self, service: &mut ServiceRecord) {
        let Some(release) = service.staged() else { return };
        let Some(run) = release.run.clone() else { return };
        let Some(stage) = run.stage else { return };
        let back = release.status.goes_back();
        let (mut share, mut test_share) = (run.share, run.test_share);
        let done = match stage {
            Stage::ReconcileService | Stage::PreScaleUp => self.prepare(&run, stage),
            Stage::TestTrafficShift => {
                test_share = if back { 0 } else { 1_000 };
                self.shift_test_traffic(&run.plan, test_share)
            }
            Stage::ProductionTrafficShift => {
                share = if back { 0 } else { run.plan.shares.get(run.step).copied().unwrap_or(1_000) };
                self.shift_production_traffic(&run.plan, share)
            }
            _ => Ok(()),
        };
        if let Err(reason) = done {
            self.give_up(service, &Trouble::new(reason, true));
            return;
        }
        let hooks = service.staged().map(|release| self.hooks_at(release, &run, stage)).unwrap_or_default();
        let now = self.now;
        let Some(release) = service.release_mut() else { return };
        release.hooks.extend(hooks);
        release.updated_at = now;
        if stage == Stage::CleanUp && release.alarms == Monitor::Monitoring {
            release.alarms = Monitor::Complete;
        }
        if let Some(run) = &mut release.run {
            (run.share, run.test_share) = (share, test_share);
            run.part = Part::Hooks;
        }
    }

    /// The first stage: are the rules as they must be? What an unfinished deployment has shifted is taken back.
    fn prepare(&mut self, run: &StagedRun, stage: Stage) -> Result<(), String> {
        self.check_association(&run.plan)?;
        if stage == Stage::ReconcileService {
            self.shift_production_traffic(&run.plan, 0)?;
            self.shift_test_traffic(&run.plan, 0)?;
        }
        Ok(())
    }

    /// Whether a stage whose hooks have run has nothing left to wait for.
    pub(super) fn stage_is_done(&self, service: &ServiceRecord) -> bool {
        let Some(release) = service.staged() else { return false };
        let Some(run) = &release.run else { return false };
        let lasted = |ms| self.now >= run.entered_at + ms;
        match run.stage {
            Some(Stage::ReconcileService) => {
                World::is_clean(service) && release.stable().is_none_or(|stable| self.is_up(service, stable))
            }
            Some(Stage::ScaleUp) => self.is_up(service, &release.target),
            Some(Stage::TestTrafficShift) => self.has_propagated(&run.plan),
            Some(Stage::ProductionTrafficShift) => {
                let bakes = run.share < 1_000 && !release.status.goes_back();
                self.has_propagated(&run.plan) && (!bakes || lasted(run.plan.step_bake))
            }
            Some(Stage::BakeTime) => lasted(run.plan.bake),
            Some(Stage::CleanUp) => World::is_clean(service),
            _ => true,
        }
    }

    /// The next stage, or the end.
    pub(super) fn leave_stage(&mut self, service: &mut ServiceRecord) {
        let Some(release) = service.release_mut() else { return };
        let back = release.status.goes_back();
        let Some(run) = &mut release.run else { return };
        let next = if back { back_from(run) } else { forward_from(run) };
        match next {
            Some(stage) => {
                let again = stage == Stage::PreProductionTrafficShift && run.share > 0;
                run.step += usize::from(again && !back);
                self.go_to(service, stage);
            }
            None if back => self.end_release(service, ReleaseStatus::RollbackSuccessful),
            None => self.end_release(service, ReleaseStatus::Successful),
        }
    }

    /// A deployment cannot go on: it goes back where it may, and else ends where it stands.
    pub(super) fn give_up(&mut self, service: &mut ServiceRecord, trouble: &Trouble) {
        let reason = &trouble.reason;
        let Some(release) = service.release_mut() else { return };
        if !trouble.alarms.is_empty() {
            release.alarms = Monitor::Triggered;
            release.triggered.clone_from(&trouble.alarms);
        }
        if trouble.breaker {
            release.breaker = Monitor::Triggered;
        }
        if release.status.goes_back() {
            release.reason = format!("Service deployment rollback failed: {reason}");
            self.end_release(service, ReleaseStatus::RollbackFailed);
        } else if trouble.back {
            self.turn_back(service, &format!("Service deployment rolled back because {reason}"));
        } else {
            release.reason = format!("Service deployment stopped because {reason}");
            self.end_release(service, ReleaseStatus::Stopped);
        }
    }

    /// A deployment goes back: traffic first, then the new tasks.
    pub(super) fn turn_back(&mut self, service: &mut ServiceRecord, reason: &str) {
        let now = self.now;
        let Some(release) = service.release_mut() else { return };
        for hook in release.hooks.iter_mut().filter(|hook| !hook.status.has_ended()) {
            hook.status = HookStatus::Failed;
        }
        let Some(stable) = release.stable().cloned() else {
            release.reason = format!("{reason} {NO_CANDIDATE}");
            self.end_release(service, ReleaseStatus::RollbackFailed);
            return;
        };
        release.status = ReleaseStatus::RollbackInProgress;
        reason.clone_into(&mut release.reason);
        release.rollback = Some((reason.to_owned(), now));
        if release.alarms == Monitor::Monitoring {
            release.alarms = Monitor::Complete;
        }
        let stage = release.run.as_ref().map_or(Stage::CleanUp, first_back);
        service.task_definition = Some(stable.definition.clone());
        service.generation = stable.generation;
        service.registers_in = Arc::clone(&stable.groups);
        self.begin_deployment(service);
        let id = service.deployments.first().map(|record| record.id.clone()).unwrap_or_default();
        self.say(service, &format!("rolling back to (deployment {id})."));
        self.go_to(service, stage);
    }

    /// A deployment has come to an end.
    pub(super) fn end_release(&mut self, service: &mut ServiceRecord, status: ReleaseStatus) {
        let now = self.now;
        let pairs = service.groups.clone();
        let Some(release) = service.release_mut() else { return };
        release.close(status, now);
        match status {
            ReleaseStatus::Successful | ReleaseStatus::RollbackSuccessful => {
                self.complete(service);
                // The idle group of a pair is still the service's: its last tasks may have left it just now.
                service.groups = pairs;
            }
            _ => {
                let reason = release.reason.clone();
                if let Some(primary) = service.deployments.first_mut() {
                    primary.finish(Rollout::Failed, reason, now);
                }
            }
        }
    }
}

fn forward_from(run: &StagedRun) -> Option<Stage> {
    let stage = run.stage?;
    if stage == Stage::ProductionTrafficShift && run.step + 1 < run.plan.shares.len() {
        return Some(Stage::PreProductionTrafficShift);
    }
    let place = Stage::ALL.iter().position(|found| *found == stage)?;
    Stage::ALL.get(place + 1).copied()
}

/// Where the way back begins: only what was shifted is shifted back.
fn first_back(run: &StagedRun) -> Stage {
    match (run.share, run.test_share) {
        (0, 0) => Stage::CleanUp,
        (0, _) => Stage::TestTrafficShift,
        _ => Stage::ProductionTrafficShift,
    }
}

fn back_from(run: &StagedRun) -> Option<Stage> {
    match run.stage? {
        Stage::ProductionTrafficShift if run.test_share > 0 => Some(Stage::TestTrafficShift),
        Stage::ProductionTrafficShift | Stage::TestTrafficShift => Some(Stage::CleanUp),
        _ => None,
    }
}
