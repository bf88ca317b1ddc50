//! Functions that deployments call, and their answers.

use super::{Deployment, EventStatus, HookRun, Position};
use crate::world::{Ms, Refused, World};

/// What stands for a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// It answers by itself, in virtual time.
    Scripted {
        /// After so many milliseconds.
        takes: Ms,
        /// What it says.
        passes: bool,
    },
    /// A command, by its argument vector. Its exit status answers where it has not answered itself.
    Command(Vec<String>),
    /// An address to which the event is sent. A status of 2xx answers yes where nobody has answered.
    Url(String),
}

impl Function {
    /// A command whose words are divided by spaces. No shell is involved.
    pub fn command(text: &str) -> Function {
        Function::Command(text.split_whitespace().map(str::to_owned).collect())
    }
}

/// A run of a hook that has to be carried out by whoever has processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedHook {
    /// The deployment.
    pub deployment: String,
    /// The run's id.
    pub id: String,
    /// The event.
    pub event: &'static str,
    /// What to run: a command or an address.
    pub function: Function,
}

/// A function's name without account, region and version.
pub fn function_name(reference: &str) -> &str {
    match reference.strip_prefix("arn:") {
        // arn:aws:lambda:REGION:ACCOUNT:function:NAME[:VERSION]
        Some(rest) => rest.split(':').nth(5).unwrap_or(reference),
        None => reference.split(':').next().unwrap_or(reference),
    }
}

impl World {
    /// Says what stands for a function from now on.
    pub fn set_function(&mut self, name: &str, function: Function) {
        self.functions.insert(function_name(name).to_owned(), function);
    }

    /// What stands for a function; `None` where it has to be answered by a client.
    pub fn function(&self, reference: &str) -> Option<&Function> {
        self.functions.get(function_name(reference))
    }

    /// The hooks of deployments that a process or an address has to answer now.
    pub fn wanted_hooks(&self) -> Vec<WantedHook> {
        let wanted = |deployment: &Deployment| {
            let event = deployment.event().filter(|event| event.status == EventStatus::InProgress)?;
            let run = event.hook.as_ref().filter(|run| run.passed.is_none())?;
            let function = self.function(&run.function)?.clone();
            let real = !matches!(function, Function::Scripted { .. });
            let (deployment, id) = (deployment.id.clone(), run.id.clone());
            real.then_some(WantedHook { deployment, id, event: event.point.as_str(), function })
        };
        let of_ecs = self.wanted_release_hooks();
        self.state.codedeploy.active().filter_map(|deployment| wanted(deployment)).chain(of_ecs).collect()
    }

    /// `PutLifecycleEventHookExecutionStatus`; for a deployment of ECS, the end of its function.
    ///
    /// # Errors
    ///
    /// No such deployment or run, or one that was answered.
    pub fn answer_hook(&mut self, deployment: &str, run: &str, passed: bool) -> Result<(), Refused> {
        if deployment.starts_with("arn:") {
            self.answer_release_hook(deployment, run, passed);
            return Ok(());
        }
        let found = self.deployment(deployment)?;
        let index = found.events.iter().position(|event| event.hook.as_ref().is_some_and(|hook| hook.id == run));
        let Some(index) = index else {
            let text = format!("{run} is no lifecycle event hook execution of deployment {deployment}");
            return Err(Refused::new("InvalidLifecycleEventHookExecutionIdException", text));
        };
        let event = &found.events[index];
        let answered = event.hook.as_ref().is_some_and(|hook| hook.passed.is_some());
        if event.status != EventStatus::InProgress || answered {
            let text = format!("the lifecycle event {} has been completed", event.point.as_str());
            return Err(Refused::new("LifecycleEventAlreadyCompletedException", text));
        }
        self.edit_deployment(deployment, |found| {
            if let Some(hook) = &mut found.events[index].hook {
                hook.passed = Some(passed);
            }
        });
        self.settle();
        Ok(())
    }

    /// A new run of a function.
    pub(super) fn call_function(&mut self, deployment: &str, function: &str) -> HookRun {
        let id = self.fresh_uuid("hook");
        HookRun { id: format!("{deployment}-{id}"), function: function.to_owned(), passed: None }
    }

    /// What a run has answered by now: the client's word, or the script's.
    pub(super) fn hook_answer(&self, run: &HookRun, began: Ms) -> Option<bool> {
        run.passed.or_else(|| match self.function(&run.function) {
            Some(Function::Scripted { takes, passes }) if self.now >= began + takes => Some(*passes),
            _ => None,
        })
    }

    /// When a script answers the hook that a deployment waits for.
    pub(super) fn hook_due(&self, deployment: &Deployment) -> Option<Ms> {
        let Position::At { .. } = deployment.position else { return None };
        let event = deployment.event()?;
        match self.function(&event.hook.as_ref()?.function)? {
            Function::Scripted { takes, .. } => Some(event.started_at? + takes),
            Function::Command(_) | Function::Url(_) => None,
        }
    }
}
