//! What is different where AWS moves the traffic: the calls that are made, and who does what.

use super::super::managed::told;
use super::super::{CodeDeploy, EngineKind, Managed, Native, Plan, Release};
use super::{watched, wrapped};
use crate::appspec::{self, Target};
use crate::model::{Shift, Step, duration};
use crate::plan::Clock;

pub(super) fn who(engine: Managed<'_>) -> &'static str {
    match engine {
        Managed::CodeDeploy(_) => EngineKind::CodeDeploy.who(),
        Managed::Ecs(_) => EngineKind::Ecs.who(),
    }
}

/// The line of the head that names the engine.
pub(super) fn header(plan: &Plan, engine: Managed<'_>) -> String {
    let what = match engine {
        Managed::CodeDeploy(engine) => format!("CodeDeploy ({} / {})", engine.application, engine.group),
        Managed::Ecs(engine) => format!("ECS itself ({} of {})", strategy(&engine.shift), plan.stable_baseline().name),
    };
    format!("  engine       {what}\n")
}

fn strategy(shift: &Shift) -> &'static str {
    match shift {
        Shift::AllAtOnce => "BLUE_GREEN",
        Shift::Canary { .. } => "CANARY",
        Shift::Linear { .. } => "LINEAR",
    }
}

/// Every call that changes something, in order.
pub(super) fn calls(plan: &Plan, engine: Managed<'_>) -> String {
    let mut calls = Vec::new();
    if let Release::Register { family, .. } = &plan.release {
        calls.push(("ecs:RegisterTaskDefinition", family.clone()));
    }
    match engine {
        Managed::CodeDeploy(engine) => code_deploy(engine, &mut calls),
        Managed::Ecs(engine) => native(plan, engine, &mut calls),
    }
    let mut text = "Calls\n".to_owned();
    for (call, what) in calls {
        text += &wrapped(&format!("{call}: {what}"), 2);
    }
    text
}

fn code_deploy(engine: &CodeDeploy, calls: &mut Vec<(&'static str, String)>) {
    if engine.create_config {
        calls.push(("codedeploy:CreateDeploymentConfig", format!("{} ({})", engine.config, told(&engine.shift))));
    }
    calls.push(("codedeploy:CreateDeployment", format!("with {}, {}", engine.config, document(engine))));
    if let Some(ready) = engine.ready_wait {
        let ready = duration::format(ready);
        let what = format!("READY_WAIT, once the gates are green; CodeDeploy waits {ready}");
        calls.push(("codedeploy:ContinueDeployment", what));
    }
    if !engine.termination_wait.is_zero() {
        let wait = duration::format(engine.termination_wait);
        let what = format!("TERMINATION_WAIT, after the bake; CodeDeploy waits {wait}");
        calls.push(("codedeploy:ContinueDeployment", what));
    }
}

/// The AppSpec document in a few words.
fn document(engine: &CodeDeploy) -> String {
    let Ok(document) = appspec::parse("appspec", &engine.appspec) else {
        return "an AppSpec document that cannot be read".to_owned();
    };
    let hooks: Vec<String> =
        document.spec.hooks.iter().map(|hook| format!("{} {}", hook.event, hook.function)).collect();
    let hooks = if hooks.is_empty() { String::new() } else { format!(", hooks {}", hooks.join(", ")) };
    match document.spec.target {
        Target::Ecs(target) => format!("container {} port {}{hooks}", target.container_name, target.container_port),
        Target::Lambda(target) => format!("function {}{hooks}", target.name),
    }
}

fn native(plan: &Plan, engine: &Native, calls: &mut Vec<(&'static str, String)>) {
    let shares = plan.steps.iter().filter(|step| matches!(step, Step::SetWeight(_))).count();
    let pause = engine.pause_timeout().map(duration::format).unwrap_or_default();
    let share = match &engine.shift {
        Shift::AllAtOnce => String::new(),
        Shift::Canary { first: share, .. } | Shift::Linear { each: share, .. } => format!(" {share}"),
    };
    let strategy = format!("{}{share}, with a pause before each share and one after the last", strategy(&engine.shift));
    calls.push(("ecs:UpdateService", format!("the new revision, {strategy}")));
    let times = format!("{} times, once the gates are green; ECS waits {pause} at each", shares + 1);
    calls.push(("ecs:ContinueServiceDeployment", times));
    calls.push(("ecs:UpdateService", "strategy and hooks as they are declared, once the run is over".to_owned()));
}

/// What gates what.
pub(super) fn gates(plan: &Plan, engine: Managed<'_>) -> String {
    let title = match engine {
        Managed::CodeDeploy(_) => "Gates at the start and where CodeDeploy waits; red stops it at any time",
        Managed::Ecs(_) => "Gates before every share; red stops ECS at any time",
    };
    format!("{title}\n{}", watched(plan))
}

/// How it goes back, as far as that is ours.
pub(super) fn way_back(plan: &Plan, engine: Managed<'_>) -> String {
    let worst = duration::format(Clock::of(plan).worst_rollback);
    let (call, then) = match engine {
        Managed::CodeDeploy(_) => (
            "codedeploy:StopDeployment with rollback",
            "CodeDeploy sends traffic back with a deployment of its own, which is followed to its end",
        ),
        Managed::Ecs(_) => {
            ("ecs:StopServiceDeployment with ROLLBACK", "ECS sends traffic back, which is followed to its end")
        }
    };
    let worst = format!("worst case from a red alarm to {call}: {worst}");
    let parts = format!("({} poll, 15s for each slow call); {then}", duration::format(plan.timing.poll));
    format!("Way back\n{}{}", wrapped(&worst, 2), wrapped(&parts, 2))
}
