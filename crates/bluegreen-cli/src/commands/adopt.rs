//! Deployments that AWS carries out and that no run here started: found, shown and followed, never touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::drive::Interrupt;
use bluegreen_core::follow::{self, Follower, Order, Standing, Subject, Until};
use bluegreen_core::model::{DeploymentId, DeploymentSite, RunId};
use bluegreen_core::observe::{ManagedDeployment, ManagedDeployments};
use bluegreen_core::plan::{self, Site};
use bluegreen_core::ports::{CallError, ErrorClass, Ports};
use serde::Serialize;

use super::following::{self, Teller};
use super::runs::{Run, Runs};
use super::session::Session;
use super::{connect, spec};
use crate::args::{ReleaseArgs, SpecArgs, StatusArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::render::deployment::{Adopted, again};
use crate::{env, out};

/// The spec that is meant where none is named.
const SPEC: &str = "bluegreen.yaml";
/// For how long answers may be missing, and what takes a deployment back may be, before that is the end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether AWS is asked, and not only the journals.
pub(super) fn asks(args: &StatusArgs, runs: &Runs) -> Result<bool, Failure> {
    let named =
        args.file.is_some() || args.environment.is_some() || args.deployment.is_some() || args.application.is_some();
    // Who never released anything here can only mean what others do.
    Ok(named || (args.run.is_none() && Path::new(SPEC).is_file() && runs.stores()?.is_empty()))
}

/// What is shown.
pub(super) enum Shown {
    /// A deployment, or that there is none.
    Told(Exit),
    /// A run of ours: its journal tells more than AWS.
    Run(Box<Run>),
}

/// Finds what there is, and shows it unless it is a run's.
pub(super) async fn look(session: &Session, args: &StatusArgs, runs: &Runs) -> Result<Shown, Failure> {
    let place = Place::of(args).await?;
    let found = match &place.deployments {
        Some(site) => find(&place.ports, site, args.deployment.as_ref()).await?.map(|found| (site, found)),
        None if args.deployment.is_some() => {
            return Err(Failure::usage("AWS carries out no deployments of this service")
                .help("name its group with --application and --deployment-group"));
        }
        None => None,
    };
    let newest = match &place.service {
        Some(service) => runs.latest_of(service)?,
        None => None,
    };
    let Some((site, found)) = found else {
        return match newest {
            Some(run) => Ok(Shown::Run(Box::new(run))),
            None => nothing(session, &place).map(Shown::Told),
        };
    };
    let Some(deployment) = &found.ours else {
        let what = "AWS told of the deployment, and then of none";
        return Err(Failure::new(Exit::Unexpected, what).help("ask again"));
    };
    if let Some(run) = deployment.run.as_ref().map(|run| runs.held(run)).transpose()?.flatten() {
        return Ok(Shown::Run(Box::new(run)));
    }
    if let Some(open) = newest.filter(|run| run.state.ending.is_none()) {
        let run = &open.found.run;
        out::say(format_args!("note: run {run} of this service is not over: bluegreen status {run}"));
    }
    let exit = match args.watch {
        true => watch(session, args, &place.ports, site, deployment).await?,
        false => show(session, site, deployment, &found)?,
    };
    Ok(Shown::Told(exit))
}

/// Where to look.
struct Place {
    ports: Ports,
    /// Where AWS's deployments are; `None` where the service has none.
    deployments: Option<DeploymentSite>,
    /// Where the runs of the service are, if it is known by its spec.
    service: Option<Site>,
    /// The service or group, for people.
    name: String,
}

impl Place {
    async fn of(args: &StatusArgs) -> Result<Place, Failure> {
        let region = args.deployment.as_ref().and_then(DeploymentId::region);
        let named = match (&args.application, &args.deployment_group) {
            (Some(application), Some(group)) => {
                Some(DeploymentSite::CodeDeploy { application: application.clone(), group: group.clone() })
            }
            _ => args.deployment.as_ref().and_then(DeploymentId::site),
        };
        let Some(site) = named else { return Place::of_spec(args).await };
        let name = match &site {
            DeploymentSite::CodeDeploy { application, group } => format!("{application} / {group}"),
            DeploymentSite::Ecs { service, .. } => service.clone(),
        };
        let ports = connect::connect(&args.aws, region, Path::new(".")).await?;
        Ok(Place { ports, deployments: Some(site), service: None, name })
    }

    async fn of_spec(args: &StatusArgs) -> Result<Place, Failure> {
        let file = args.file.clone().unwrap_or_else(|| PathBuf::from(SPEC));
        let chosen = SpecArgs { file, environment: args.environment.clone() };
        let loaded = spec::load(&chosen, &ReleaseArgs::default())?;
        let region = loaded.spec.environment.region.as_deref();
        let ports = connect::connect(&args.aws, region, &loaded.dir).await?;
        let deployments = plan::deployment_site(&ports, &loaded.spec)
            .await
            .map_err(|finding| Failure::new(Exit::Unexpected, finding.what).help(finding.cure))?;
        // Journals can be looked for where the caller's account is known; what AWS shows does not depend on that.
        let service = Runs::site(&ports, &loaded.spec).await.ok();
        Ok(Place { ports, deployments, service, name: loaded.spec.service })
    }
}

/// The deployment that is asked for, or the one that has not ended; with the one that takes it back.
async fn find(
    ports: &Ports,
    site: &DeploymentSite,
    asked: Option<&DeploymentId>,
) -> Result<Option<ManagedDeployments>, Failure> {
    let now = ports.clock.now();
    let read = async |id: Option<&DeploymentId>| {
        ports.releases.deployments(site, None, id, now).await.map_err(|error| unreadable(id, error))
    };
    let id = match asked {
        Some(id) => id.clone(),
        None => match follow::pick(&read(None).await?.others) {
            Some(active) => follow::origin(active).clone(),
            None => return Ok(None),
        },
    };
    let found = read(Some(&id)).await?;
    // What takes another one back is a part of that one's story.
    match found.ours.as_ref().map(follow::origin) {
        Some(origin) if *origin != id => read(Some(origin)).await.map(Some),
        _ => Ok(Some(found)),
    }
}

fn unreadable(id: Option<&DeploymentId>, error: CallError) -> Failure {
    match id {
        Some(id) if error.class == ErrorClass::NotFound => {
            Failure::caused(Exit::Usage, format!("there is no deployment {id}"), error)
        }
        _ => Failure::caused(Exit::Unexpected, "the deployments cannot be read", error),
    }
}

/// The code of a deployment that is only looked at.
fn exit(standing: Standing) -> Exit {
    match standing {
        Standing::UnderWay | Standing::GoingBack | Standing::Succeeded => Exit::Done,
        Standing::Waits => Exit::Held,
        Standing::RolledBack => Exit::RolledBack,
        Standing::NotTakenBack => Exit::RollbackFailed,
    }
}

/// The answer as a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    exit: u8,
    /// Whether a run of bluegreen made it, here or elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<&'a DeploymentSite>,
    deployment: Option<&'a ManagedDeployment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback: Option<&'a ManagedDeployment>,
    others: &'a [ManagedDeployment],
}

fn show(
    session: &Session,
    site: &DeploymentSite,
    deployment: &ManagedDeployment,
    found: &ManagedDeployments,
) -> Result<Exit, Failure> {
    let (rollback, others) = (found.rollback.as_ref(), found.others.as_slice());
    let standing = follow::standing(deployment, rollback);
    let exit = exit(standing);
    if session.json() {
        out::json(&Answer {
            v: 1,
            kind: "deployment",
            exit: exit.code(),
            run: deployment.run.as_ref(),
            site: Some(site),
            deployment: Some(deployment),
            rollback,
            others,
        })?;
    } else {
        out::data(Adopted { site, deployment, rollback, others, standing }.tree(env::now()).trim_end());
    }
    Ok(exit)
}

/// Neither a deployment nor a run.
fn nothing(session: &Session, place: &Place) -> Result<Exit, Failure> {
    let site = place.deployments.as_ref();
    if session.json() {
        let exit = Exit::Done.code();
        out::json(&Answer {
            v: 1,
            kind: "deployment",
            exit,
            run: None,
            site,
            deployment: None,
            rollback: None,
            others: &[],
        })?;
    } else {
        out::say(format_args!("no deployment of {} is under way, and no run of it is known here", place.name));
    }
    Ok(Exit::Done)
}

/// Follows it to its end.
async fn watch(
    session: &Session,
    args: &StatusArgs,
    ports: &Ports,
    site: &DeploymentSite,
    deployment: &ManagedDeployment,
) -> Result<Exit, Failure> {
    let again = format!("{} --watch", again(site, &deployment.id));
    let interrupt = Interrupt::default();
    following::listen(&interrupt, again.clone())?;
    let follower = Follower {
        clock: ports.clock.clone(),
        releases: ports.releases.clone(),
        alarms: ports.alarms.clone(),
        interrupt,
        site: site.clone(),
        subject: Subject::There(deployment.id.clone()),
        // Somebody else's: it is neither told to go on nor stopped.
        order: Order {
            until: Until::Succeeded,
            go_on_ready: false,
            go_on_termination: false,
            alarms: Vec::new(),
            allow_insufficient_data: false,
            patience: PATIENCE,
            poll: args.poll,
        },
    };
    let teller = Arc::new(Teller::new(session.output, deployment.run.clone(), again));
    let (left, id) = follower.run(&|at, told| teller.tell(at, told)).await;
    Ok(teller.end(&left, id.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_has_its_documented_number() {
        for (standing, code) in [
            (Standing::UnderWay, 0),
            (Standing::GoingBack, 0),
            (Standing::Succeeded, 0),
            (Standing::RolledBack, 4),
            (Standing::Waits, 5),
            (Standing::NotTakenBack, 7),
        ] {
            assert_eq!(exit(standing).code(), code, "{standing:?}");
        }
    }

    #[test]
    fn an_id_that_aws_does_not_know_is_the_callers_mistake() {
        let error = |class| CallError { operation: "codedeploy:X".into(), class, message: "words".into() };
        let id = DeploymentId::new("d-1");
        assert_eq!(unreadable(Some(&id), error(ErrorClass::NotFound)).exit(), Exit::Usage);
        assert_eq!(unreadable(Some(&id), error(ErrorClass::TimedOut)).exit(), Exit::Unexpected);
        assert_eq!(unreadable(None, error(ErrorClass::NotFound)).exit(), Exit::Unexpected);
    }
}
