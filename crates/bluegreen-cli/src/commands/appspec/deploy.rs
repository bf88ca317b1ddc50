//! `bluegreen appspec deploy`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::appspec::{self, Patch, Patched, Target, TaskDefinitionRef};
use bluegreen_core::diagnostic::Report;
use bluegreen_core::drive::Interrupt;
use bluegreen_core::follow::{self, Follower, Order, Subject, Until};
use bluegreen_core::model::{DeploymentId, DeploymentSite, RunId};
use bluegreen_core::observe::DeploymentGroup;
use bluegreen_core::ports::{self, CallError, DeploymentRequest, Ports};

use super::new::reference;
use super::read;
use crate::args::{FollowArgs, Point, WaitPoint};
use crate::commands::following::{self, Teller};
use crate::commands::session::{Session, block_on};
use crate::commands::{connect, consent, planning};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// How far back the deployment of a run that was named is looked for: longer than all of CodeDeploy's waits together.
const LOOK_BACK: Duration = Duration::from_secs(9 * 86_400);
/// The same for a new run: as far as two clocks may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(300);

pub(super) fn run(session: &Session, args: &FollowArgs) -> Result<Exit, Failure> {
    consent::check_early(args.yes, "start the deployment")?;
    let document = document(session, args)?;
    block_on(async {
        let ports = connect::connect(&args.aws, None, Path::new(".")).await?;
        let order = order(args);
        let known = under_way(args, &ports).await?;
        // What is under way needs neither a check nor a question: only somebody who watches.
        if let Some(id) = known {
            if !session.json() {
                out::say(format_args!("{id} carries the mark of this run: it is followed"));
            }
            return follow(session, args, &ports, order, Next::There(id)).await;
        }
        let config = fits(session, args, &ports, &document, &order).await?;
        let question = format!("Deploy through {} of {} with {config}?", args.deployment_group, args.application);
        consent::ask(args.yes, &question)?;
        follow(session, args, &ports, order, Next::Start { document: Box::new(document), config }).await
    })
}

/// What is followed.
enum Next {
    /// A deployment that the run has already.
    There(DeploymentId),
    /// One that is started now.
    Start { document: Box<Patched>, config: String },
}

/// The document with what the options replace, ready to be sent.
fn document(session: &Session, args: &FollowArgs) -> Result<Patched, Failure> {
    let name = args.file.display().to_string();
    let text = read(&args.file)?;
    let task_definition = match args.task_definition.as_deref().map(reference).transpose()? {
        Some(TaskDefinitionRef::Arn(arn)) => Some(arn),
        Some(TaskDefinitionRef::Placeholder) => return Err(Failure::usage("--task-definition takes an ARN here")),
        None => None,
    };
    let document = match task_definition {
        Some(_) => appspec::parse_template(&name, &text)?,
        None => appspec::parse(&name, &text)?,
    };
    let (current_version, target_version) = (args.current_version, args.target_version);
    let patch = Patch { task_definition, current_version, target_version, ..Patch::default() };
    let patched = document
        .patch(&patch)
        .map_err(|error| Failure::caused(Exit::Usage, format!("{name} cannot be deployed"), error))?;
    if let Some(placeholder) = patched.spec.unresolved() {
        return Err(Failure::usage(format!("{name} still has {placeholder} in it"))
            .help("name the revision with --task-definition ARN"));
    }
    if !document.warnings.is_empty() && !session.json() {
        out::say_raw(&Report::new(name, text, document.warnings).render());
    }
    Ok(patched)
}

fn order(args: &FollowArgs) -> Order {
    Order {
        until: match args.wait_until {
            Point::Created => Until::Created,
            Point::Ready => Until::Ready,
            Point::Shifted => Until::Shifted,
            Point::Succeeded => Until::Succeeded,
        },
        go_on_ready: args.go_on.contains(&WaitPoint::Ready),
        go_on_termination: args.go_on.contains(&WaitPoint::Termination),
        alarms: args.alarm.clone(),
        allow_insufficient_data: args.allow_insufficient_data,
        patience: args.patience,
        poll: args.poll,
    }
}

fn site(args: &FollowArgs) -> DeploymentSite {
    DeploymentSite::CodeDeploy { application: args.application.clone(), group: args.deployment_group.clone() }
}

/// The deployment of a run that was named, if there is one.
async fn under_way(args: &FollowArgs, ports: &Ports) -> Result<Option<DeploymentId>, Failure> {
    let Some(run) = &args.run else { return Ok(None) };
    let since = ports.clock.now() - LOOK_BACK;
    let found = ports.releases.deployments(&site(args), Some(run), None, since).await;
    let found = found.map_err(|error| unreadable("the deployments of the group", error))?;
    Ok(found.ours.map(|ours| ours.id))
}

/// Looks at group and configuration before anything is started; returns the configuration's name.
async fn fits(
    session: &Session,
    args: &FollowArgs,
    ports: &Ports,
    document: &Patched,
    order: &Order,
) -> Result<String, Failure> {
    let group = ports.releases.group(&args.application, &args.deployment_group).await;
    let group = group.map_err(|error| unreadable("the deployment group", error))?;
    let name = config_name(args, &group, &document.spec.target)?;
    let config = ports.releases.config(&name).await;
    let config = config.map_err(|error| unreadable("the traffic configuration", error))?;
    let watched = match group.alarms.as_deref() {
        Some(names) if !names.is_empty() => ports.alarms.read(names).await,
        _ => Ok(Vec::new()),
    };
    let watched = watched.map_err(|error| unreadable("the alarms that the group watches", error))?;
    match follow::check(&document.spec.target, &group, &config, &watched, order) {
        Ok(checked) => {
            if !session.json() {
                for note in checked.notes {
                    out::say(format_args!("note: {note}"));
                }
            }
            Ok(name)
        }
        Err(reasons) => {
            Err(Failure::new(Exit::Refused, "this cannot be deployed; nothing was changed").help(reasons.join("\n")))
        }
    }
}

/// Without a name CodeDeploy falls back to a configuration for servers.
fn config_name(args: &FollowArgs, group: &DeploymentGroup, target: &Target) -> Result<String, Failure> {
    let kind = if matches!(target, Target::Lambda(_)) { "Lambda" } else { "ECS" };
    args.config.clone().or_else(|| group.config.clone()).ok_or_else(|| {
        Failure::usage(format!("group {} has no traffic configuration of its own", group.name))
            .help(format!("name one with --config, such as CodeDeployDefault.{kind}AllAtOnce"))
    })
}

fn unreadable(what: &str, error: CallError) -> Failure {
    Failure::caused(Exit::Refused, format!("{what} cannot be read; nothing was changed"), error)
}

async fn follow(
    session: &Session,
    args: &FollowArgs,
    ports: &Ports,
    order: Order,
    next: Next,
) -> Result<Exit, Failure> {
    let now = ports.clock.now();
    let run = args.run.clone().unwrap_or_else(|| RunId::new(&args.deployment_group, now, planning::salt()));
    let again = format!("the same command with --run {run}");
    let subject = match next {
        Next::There(id) => Subject::There(id),
        Next::Start { document, config } => Subject::Marked {
            since: now - if args.run.is_some() { LOOK_BACK } else { CLOCKS_APART },
            request: request(args, &run, &document, config),
            run: run.clone(),
        },
    };
    let interrupt = Interrupt::default();
    following::listen(&interrupt, again.clone())?;
    let follower = Follower {
        clock: ports.clock.clone(),
        releases: ports.releases.clone(),
        alarms: ports.alarms.clone(),
        interrupt,
        site: site(args),
        subject,
        order,
    };
    let teller = Arc::new(Teller::new(session.output, Some(run), again));
    let (left, deployment) = follower.run(&|at, told| teller.tell(at, told)).await;
    Ok(teller.end(&left, deployment.as_ref()))
}

fn request(args: &FollowArgs, run: &RunId, document: &Patched, config: String) -> DeploymentRequest {
    let content = document.to_json();
    DeploymentRequest::CodeDeploy {
        application: args.application.clone(),
        group: args.deployment_group.clone(),
        config,
        sha256: appspec::sha256(&content),
        content,
        description: ports::run_mark(run),
    }
}
