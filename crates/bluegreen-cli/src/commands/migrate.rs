//! `bluegreen migrate`: from CodeDeploy to ECS's own deployments.

mod read;
mod told;

use std::path::Path;
use std::time::Duration;

use bluegreen_core::migrate::{self, Attach, Migration, Planned, Wishes};
use bluegreen_core::model::{Action, DeploymentSite};
use bluegreen_core::ports::{CallError, Outcome, Ports};

use super::session::{Session, block_on};
use super::{connect, consent};
use crate::args::MigrateArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// Between two looks at what was changed, and how many there are.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOKS: usize = 30;

pub(super) fn run(session: &Session, args: &MigrateArgs) -> Result<Exit, Failure> {
    if !args.dry_run {
        consent::check_early(args.yes, "change the service")
            .map_err(|failure| failure.help("pass --yes to do it without a question, or --dry-run to see the plan"))?;
    }
    let wishes = Wishes { role: args.role_arn.clone(), shift: args.strategy, bake: args.bake };
    block_on(async {
        let ports = connect::connect(&args.aws, None, Path::new(".")).await?;
        let facts = read::facts(&ports, &args.cluster, &args.service).await?;
        let planned = migrate::plan(&facts, &wishes);
        told::plan(session, &planned)?;
        let Planned { migration: Some(migration), .. } = planned else {
            return Err(Failure::new(Exit::Refused, "refused, for the reasons above; nothing was changed"));
        };
        if args.dry_run {
            out::say("dry run: nothing was changed");
            return Ok(Exit::Done);
        }
        consent::ask(
            args.yes,
            &format!("Move service {} of cluster {} to ECS?", migration.service, migration.cluster),
        )?;
        perform(session, &ports, &migration).await
    })
}

async fn perform(session: &Session, ports: &Ports, migration: &Migration) -> Result<Exit, Failure> {
    if let Some(attach) = &migration.attach {
        attached(ports, attach).await?;
        out::say(format_args!("{}: {} is on it, without weight", attach.route, migration.alternate.name()));
    }
    let (cluster, service) = (&migration.cluster, &migration.service);
    match ports.releases.configure(cluster, service, &migration.settings).await {
        Outcome::Applied(()) => {}
        Outcome::NotApplied(error) => {
            return Err(Failure::caused(Exit::Refused, "AWS refused; the service is as it was", error));
        }
        // Whether it took effect is read, not guessed.
        Outcome::Unknown(error) => out::say(format_args!("the answer was lost ({error}); looking")),
    }
    let differences = took_effect(ports, migration).await;
    if !differences.is_empty() {
        let what = format!("service {service} does not show what was asked for: {}", differences.join("; "));
        return Err(Failure::new(Exit::Held, what)
            .help(format!("look: aws ecs describe-services --cluster {cluster} --services {service}")));
    }
    let started = started(ports, migration).await;
    told::done(session, migration, &started)?;
    Ok(Exit::Done)
}

/// Puts the alternate group on its route and reads it back.
async fn attached(ports: &Ports, attach: &Attach) -> Result<(), Failure> {
    if let Outcome::NotApplied(error) = ports.router.set_actions(&attach.route, &attach.actions).await {
        return Err(Failure::caused(Exit::Refused, "AWS refused; nothing was changed", error));
    }
    let wanted = Action::forward_of(&attach.actions);
    for _ in 0..LOOKS {
        let seen = ports.router.routes(std::slice::from_ref(&attach.route)).await;
        if seen.is_ok_and(|routes| routes.first().and_then(|route| Action::forward_of(&route.actions)) == wanted) {
            return Ok(());
        }
        ports.clock.sleep_until(ports.clock.now() + LOOK_EVERY).await;
    }
    let what = format!("{} does not show the group that was added; the service was not changed", attach.route);
    Err(Failure::new(Exit::Held, what).help("look at its actions; running this command again is safe"))
}

/// What the service shows otherwise than asked for, once it has had time to show it.
async fn took_effect(ports: &Ports, migration: &Migration) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..LOOKS {
        found = match ports.releases.service(&migration.cluster, &migration.service).await {
            Ok(service) => migrate::differences(&migration.settings, &service),
            Err(error) => vec![format!("it cannot be read: {error}")],
        };
        if found.is_empty() {
            break;
        }
        ports.clock.sleep_until(ports.clock.now() + LOOK_EVERY).await;
    }
    found
}

/// The deployments that AWS began because of the change.
async fn started(ports: &Ports, migration: &Migration) -> Result<Vec<String>, CallError> {
    let (cluster, service) = (migration.cluster.clone(), migration.service.clone());
    let site = DeploymentSite::Ecs { cluster, service };
    let found = ports.releases.deployments(&site, None, None, ports.clock.now()).await?;
    Ok(found.others.iter().map(|deployment| deployment.id.to_string()).collect())
}
