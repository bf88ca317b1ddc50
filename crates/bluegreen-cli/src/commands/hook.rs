//! `bluegreen hook`: a smoke test as the hook of a deployment that AWS carries out.

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::time::Duration;

use bluegreen_core::model::{DeploymentId, Hook};
use bluegreen_core::pipeline::hook::{CodeDeployEvent, EcsEvent, ecs_answer};
use bluegreen_core::ports::{CallError, ErrorClass, HookEnd, Hooks, Outcome, Ports};
use serde::Serialize;

use super::connect;
use super::session::{Session, block_on};
use crate::args::HookArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// No event is larger than what a Lambda function takes.
const EVENT_MAX: u64 = 6 * 1024 * 1024;

/// How often an answer is sent, and how long is waited in between: an event takes one, so sending again is harmless.
const TRIES: u32 = 4;
const BETWEEN: Duration = Duration::from_secs(2);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    deployment: &'a str,
    status: &'static str,
    /// Whether this is the answer that counts, or another was there first.
    taken: bool,
}

pub(super) fn run(session: &Session, args: &HookArgs) -> Result<Exit, Failure> {
    if args.ecs { ecs(args) } else { code_deploy(session, args) }
}

/// ECS is answered by what the function returns.
fn ecs(args: &HookArgs) -> Result<Exit, Failure> {
    let event = match stdin()? {
        Some(text) => {
            EcsEvent::parse(&text).map_err(|error| Failure::caused(Exit::Usage, "stdin holds no event", error))?
        }
        None => EcsEvent::default(),
    };
    let values = [("stage", event.stage), ("service", event.service), ("revision", event.revision)];
    let passed = block_on(async { Ok(check(args, &values).await) })?;
    out::json(&ecs_answer(passed))?;
    Ok(Exit::Done)
}

/// CodeDeploy waits until it is told.
fn code_deploy(session: &Session, args: &HookArgs) -> Result<Exit, Failure> {
    let event = event(args)?;
    block_on(async {
        let ports = connect::connect(&args.aws, None, Path::new(".")).await?;
        let passed = check(args, &[("deploymentId", event.deployment.clone())]).await;
        let taken = tell(&ports, &event, passed).await?;
        let status = if passed { "Succeeded" } else { "Failed" };
        if session.json() {
            out::json(&Answer { v: 1, kind: "hook", deployment: &event.deployment, status, taken })?;
        } else if taken {
            out::data(format_args!("{}: {status}", event.deployment));
        } else {
            out::data(format_args!("{}: {status}, but the event has an answer already", event.deployment));
        }
        Ok(Exit::Done)
    })
}

fn event(args: &HookArgs) -> Result<CodeDeployEvent, Failure> {
    if let (Some(deployment), Some(execution)) = (&args.deployment_id, &args.execution_id) {
        return Ok(CodeDeployEvent { deployment: deployment.clone(), execution: execution.clone() });
    }
    let text = stdin()?.ok_or_else(|| {
        Failure::usage("there is no event to answer")
            .help("pass --deployment-id and --execution-id, or the event's JSON on stdin; --ecs for ECS's own hooks")
    })?;
    CodeDeployEvent::parse(&text).map_err(|error| {
        let ecs = matches!(error, bluegreen_core::pipeline::hook::EventError::OfEcs);
        let failure = Failure::caused(Exit::Usage, "stdin holds no event that can be answered", error);
        if ecs { failure.help("pass --ecs, and return what is printed") } else { failure }
    })
}

/// What stands on stdin, if anything does.
fn stdin() -> Result<Option<String>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    stdin
        .lock()
        .take(EVENT_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::caused(Exit::Usage, "stdin cannot be read", error))?;
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

/// Runs the check; its last output goes to the log when it fails.
async fn check(args: &HookArgs, values: &[(&'static str, String)]) -> bool {
    let hook = Hook { argv: args.command.clone(), timeout: args.timeout };
    let hooks = connect::hooks(Path::new("."));
    match hooks.run(&hook, values).await {
        HookEnd::Passed => true,
        HookEnd::Failed(why) => {
            out::say(format_args!("the check failed: {why}"));
            false
        }
    }
}

/// Sends the answer until it has arrived; returns whether it is the one that counts.
async fn tell(ports: &Ports, event: &CodeDeployEvent, passed: bool) -> Result<bool, Failure> {
    let deployment = DeploymentId::new(&event.deployment);
    let mut tries = 0;
    let mut lost = false;
    loop {
        tries += 1;
        match ports.releases.answer_hook(&deployment, &event.execution, passed).await {
            Outcome::Applied(()) => return Ok(true),
            // An earlier try whose outcome was unknown may be what is there now.
            Outcome::NotApplied(error) if is_answered(&error) => return Ok(lost),
            Outcome::Unknown(_) if tries < TRIES => lost = true,
            Outcome::NotApplied(error) if error.class.is_transient() && tries < TRIES => {}
            Outcome::NotApplied(error) | Outcome::Unknown(error) => {
                let what = format!("the answer did not reach deployment {}", event.deployment);
                return Err(Failure::caused(Exit::Unexpected, what, error)
                    .help("without an answer within an hour of the event the deployment fails"));
            }
        }
        ports.clock.sleep_until(ports.clock.now() + BETWEEN).await;
    }
}

fn is_answered(error: &CallError) -> bool {
    error.class == ErrorClass::Invalid && error.message.contains("LifecycleEventAlreadyCompleted")
}
