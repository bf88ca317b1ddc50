//! Lifecycle hooks: functions that answer, and pauses that wait for somebody.

use crate::seed::draw;
use crate::world::codedeploy::{Function, WantedHook, function_name};
use crate::world::{FleetError, HookRun, HookStatus, Ms, Part, ReleaseRecord, ServiceRecord, Stage, StagedRun, World};

use super::Trouble;

impl HookStatus {
    /// Whether nothing more will come of it.
    pub fn has_ended(self) -> bool {
        matches!(self, HookStatus::Succeeded | HookStatus::Failed | HookStatus::TimedOut)
    }
}

impl World {
    /// The hooks of a stage that has just been entered. On the way back only functions run, and only where traffic
    /// shifts.
    pub(super) fn hooks_at(&self, release: &ReleaseRecord, run: &StagedRun, stage: Stage) -> Vec<HookRun> {
        let shifts = matches!(stage, Stage::TestTrafficShift | Stage::ProductionTrafficShift);
        if release.status.goes_back() && !shifts {
            return Vec::new();
        }
        let specs = run.plan.hooks.iter().enumerate().filter(|(_, spec)| spec.stages.contains(&stage));
        specs
            .map(|(place, spec)| {
                let draw = |half: u8| draw(self.config.seed, &("hook", &release.arn, release.hooks.len(), place, half));
                HookRun {
                    id: format!("{:016x}{:016x}", draw(0), draw(1)),
                    stage,
                    function: spec.function.clone(),
                    status: if spec.function.is_some() { HookStatus::InProgress } else { HookStatus::AwaitingAction },
                    expires_at: self.now.saturating_add(spec.timeout),
                    goes_on: spec.goes_on,
                    began_at: self.now,
                    answer: None,
                }
            })
            .collect()
    }

    /// Ends hooks that have answered, and what has taken too long; whether anything changed.
    pub(super) fn run_hooks(&mut self, service: &mut ServiceRecord) -> bool {
        let now = self.now;
        let open = |hook: &HookRun| !hook.status.has_ended();
        let due = |hook: &HookRun| open(hook) && (now >= hook.expires_at || self.function_answer(hook).is_some());
        let acts = |release: &ReleaseRecord| release.hooks.iter().any(due) || !release.hooks.iter().any(open);
        if !service.releases.last().is_some_and(acts) {
            return false;
        }
        let Some(release) = service.release_mut() else { return false };
        let mut failed = None;
        let mut changed = false;
        for hook in release.hooks.iter_mut().filter(|hook| !hook.status.has_ended()) {
            let answer = self.function_answer(hook);
            match answer {
                Some(Ok(())) => hook.status = HookStatus::Succeeded,
                Some(Err(why)) => {
                    hook.status = HookStatus::Failed;
                    failed = Some(why);
                }
                None if now >= hook.expires_at => {
                    hook.status = HookStatus::TimedOut;
                    if !hook.goes_on {
                        failed = Some(format!("nobody answered the hook {} in time.", hook.id));
                    }
                }
                None => continue,
            }
            changed = true;
        }
        if let Some(why) = failed {
            let stage = release.run.as_ref().and_then(|run| run.stage).map_or("", Stage::as_str);
            let reason = format!("a lifecycle hook did not succeed at {stage}: {why}");
            self.give_up(service, &Trouble::new(reason, true));
            return true;
        }
        let all = release.hooks.iter().all(|hook| hook.status.has_ended());
        if let Some(run) = release.run.as_mut().filter(|run| all && self.may_sweep(run)) {
            run.part = Part::Last;
            changed = true;
        }
        if changed {
            release.updated_at = now;
        }
        changed
    }

    /// What an unfinished deployment left is taken away when no node of the load balancer sends it anything.
    fn may_sweep(&self, run: &StagedRun) -> bool {
        run.stage != Some(Stage::ReconcileService) || self.has_propagated(&run.plan)
    }

    /// What a hook's function has answered by now: what whoever ran it says, or the script. One that nobody knows is
    /// an error, as a function is that does not exist. `None` for pauses, and while it is in progress.
    fn function_answer(&self, hook: &HookRun) -> Option<Result<(), String>> {
        let function = hook.function.as_deref()?;
        let name = function_name(function);
        let told = |passed: bool| if passed { Ok(()) } else { Err(format!("{name} answered FAILED.")) };
        match (hook.answer, self.function(function)) {
            (Some(passed), _) => Some(told(passed)),
            (None, Some(Function::Scripted { takes, passes })) => {
                (self.now >= hook.began_at + takes).then(|| told(*passes))
            }
            (None, Some(Function::Command(_) | Function::Url(_))) => None,
            (None, None) => Some(Err(format!("the sandbox has no function {name}."))),
        }
    }

    /// When a script answers a hook.
    pub(super) fn hook_answers_at(&self, hook: &HookRun) -> Option<Ms> {
        match self.function(hook.function.as_deref()?) {
            Some(Function::Scripted { takes, .. }) => Some(hook.began_at + takes),
            _ => None,
        }
    }

    /// The hooks that a process or an address has to answer now.
    pub(in crate::world) fn wanted_release_hooks(&self) -> impl Iterator<Item = WantedHook> {
        let under_way = self.state.services.values().filter_map(ServiceRecord::staged);
        under_way.flat_map(move |release| {
            let open = release.hooks.iter().filter(|hook| !hook.status.has_ended() && hook.answer.is_none());
            open.filter_map(move |hook| {
                let function = self.function(hook.function.as_deref()?)?.clone();
                let real = !matches!(function, Function::Scripted { .. });
                let (deployment, id) = (release.arn.clone(), hook.id.clone());
                real.then_some(WantedHook { deployment, id, event: hook.stage.as_str(), function })
            })
        })
    }

    /// Whoever ran a hook's function says how it ended. Nothing happens where nobody waits for it any more.
    pub(in crate::world) fn answer_release_hook(&mut self, arn: &str, id: &str, passed: bool) {
        let Ok((key, mut service)) = self.under_way(arn) else { return };
        let open = |hook: &&mut HookRun| hook.id == id && hook.function.is_some() && !hook.status.has_ended();
        let found = service.release_mut().and_then(|release| release.hooks.iter_mut().find(open));
        let Some(hook) = found else { return };
        hook.answer = Some(passed);
        self.put(key, service);
    }

    /// Answers a pause.
    pub(super) fn answer_pause(
        &mut self,
        service: &mut ServiceRecord,
        hook: &str,
        goes_on: bool,
    ) -> Result<(), FleetError> {
        let now = self.now;
        let release = service.release_mut();
        let found = release.and_then(|release| release.hooks.iter_mut().find(|found| found.id == hook));
        let found = found.ok_or_else(|| FleetError::parameter(format!("There is no lifecycle hook {hook}.")))?;
        if found.status != HookStatus::AwaitingAction {
            let status = found.status.as_str();
            return Err(FleetError::parameter(format!("The lifecycle hook {hook} does not wait: it is {status}.")));
        }
        found.status = if goes_on { HookStatus::Succeeded } else { HookStatus::Failed };
        if let Some(release) = service.release_mut() {
            release.updated_at = now;
        }
        if !goes_on {
            let reason = "somebody answered a pause with ROLLBACK.".to_owned();
            self.give_up(service, &Trouble::new(reason, true));
        }
        Ok(())
    }
}
