//! What AWS's own deployments of a service rest on: read before a plan is made, nothing decided.

use jiff::Timestamp;
use serde_json::Value;

use super::EngineKind;
use super::express::{config_name, express};
use super::service::{cluster_name, native_wirings};
use crate::model::{ByColor, DeploymentSite};
use crate::observe::{DeploymentConfig, DeploymentGroup, ManagedDeployments, Reading, TaskDefinitionSnapshot};
use crate::ports::{CallError, ErrorClass, Ports};
use crate::spec::{Engine, Release, Spec};

/// The one service that both colours share, and what moves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// The service as `DescribeServices` shows it, under AWS's member names.
    pub service: Reading<Value>,
    /// The deployment group, where CodeDeploy moves the service.
    pub group: Option<Sought>,
    /// The traffic configuration that CodeDeploy would use, by name, unless it is a built-in one.
    pub config: Option<(String, Reading<DeploymentConfig>)>,
    /// The service's deployments.
    pub deployments: Option<Reading<ManagedDeployments>>,
    /// The revision to release, where it is registered already.
    pub released: Option<Reading<TaskDefinitionSnapshot>>,
}

/// What a search for the deployment group of a service came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Sought {
    /// One, or why it cannot be read.
    One(Box<Reading<DeploymentGroup>>),
    /// None, under any of these names (application, group) nor by the service that it moves.
    None(Vec<(String, String)>),
    /// Several move the service.
    Several(Vec<DeploymentGroup>),
}

impl Live {
    /// The deployment group, where there is one.
    pub(super) fn deployment_group(&self) -> Option<&DeploymentGroup> {
        match self.group.as_ref()? {
            Sought::One(reading) => reading.ok(),
            Sought::None(_) | Sought::Several(_) => None,
        }
    }

    /// The pair of target groups that AWS shifts between: names or ARNs.
    pub(super) fn pair(&self, kind: EngineKind) -> Option<ByColor<String>> {
        match kind {
            EngineKind::Alb | EngineKind::TaskSets => None,
            EngineKind::CodeDeploy => match self.deployment_group()?.target_groups.as_slice() {
                [blue, green] => Some(ByColor { blue: blue.clone(), green: green.clone() }),
                _ => None,
            },
            EngineKind::Ecs => match native_wirings(self.service.ok()?).as_slice() {
                [one] => Some(ByColor { blue: one.target_group.clone(), green: one.alternate.clone() }),
                _ => None,
            },
        }
    }
}

fn read<T>(ports: &Ports, value: Result<T, CallError>) -> Reading<T> {
    Reading { seen_at: ports.clock.now(), value }
}

/// The service alone: what more has to be read depends on what it is.
pub(super) async fn service(ports: &Ports, spec: &Spec) -> Option<Reading<Value>> {
    let asked = spec.fleet.service.as_ref().filter(|_| spec.engine != Engine::Alb)?;
    Some(read(ports, ports.releases.service(&spec.environment.cluster, asked).await))
}

/// The service whose task sets the fleets are.
pub(super) async fn service_of_sets(ports: &Ports, spec: &Spec) -> Option<Reading<Value>> {
    let asked = spec.fleet.task_sets.as_ref()?;
    Some(read(ports, ports.releases.service(&spec.environment.cluster, asked).await))
}

/// All else that the engine rests on.
pub(super) async fn look(ports: &Ports, spec: &Spec, kind: Option<EngineKind>, service: Reading<Value>) -> Live {
    let at = ports.clock.now();
    let mut live = Live { service, group: None, config: None, deployments: None, released: None };
    let Some(name) = &spec.fleet.service else { return live };
    let site = match kind {
        Some(EngineKind::CodeDeploy) => {
            live.group = Some(seek(ports, spec, name).await);
            live.config = config(ports, spec).await;
            live.released = released(ports, spec).await;
            live.deployment_group().map(|group| DeploymentSite::CodeDeploy {
                application: group.application.clone(),
                group: group.name.clone(),
            })
        }
        Some(EngineKind::Ecs) => {
            Some(DeploymentSite::Ecs { cluster: spec.environment.cluster.clone(), service: name.clone() })
        }
        Some(EngineKind::Alb | EngineKind::TaskSets) | None => None,
    };
    if let Some(site) = site {
        live.deployments = Some(deployments(ports, &site, at).await);
    }
    live
}

async fn deployments(ports: &Ports, site: &DeploymentSite, since: Timestamp) -> Reading<ManagedDeployments> {
    read(ports, ports.releases.deployments(site, None, None, since).await)
}

async fn released(ports: &Ports, spec: &Spec) -> Option<Reading<TaskDefinitionSnapshot>> {
    match &spec.release {
        Release::Existing(arn) => Some(read(ports, ports.fleet.task_definition(arn.as_str()).await)),
        Release::Register { .. } | Release::Live { .. } => None,
    }
}

/// The configuration that the user names, or the one that the steps call for.
async fn config(ports: &Ports, spec: &Spec) -> Option<(String, Reading<DeploymentConfig>)> {
    let name = if let Some(name) = &spec.code_deploy.config {
        name.clone()
    } else {
        let shift = express(EngineKind::CodeDeploy, &spec.steps, spec.pause_timeout).ok()?;
        let (name, built_in) = config_name(&shift);
        (!built_in).then_some(name)?
    };
    let found = ports.releases.config(&name).await;
    Some((name, read(ports, found)))
}

/// The group by its name, by the names that the ECS console gives, or else by the service that it moves.
pub(super) async fn seek(ports: &Ports, spec: &Spec, service: &str) -> Sought {
    let one = |found| Sought::One(Box::new(read(ports, found)));
    let asked = &spec.code_deploy;
    let cluster = cluster_name(&spec.environment.cluster);
    if let (Some(application), Some(group)) = (&asked.application, &asked.group) {
        return one(ports.releases.group(application, group).await);
    }
    let mut tried = Vec::new();
    for (application, group) in console_names(cluster, service) {
        let application = asked.application.clone().unwrap_or(application);
        let group = asked.group.clone().unwrap_or(group);
        match ports.releases.group(&application, &group).await {
            // Names that were cut can be those of another service.
            Ok(found) if moves(&found, cluster, service) => return one(Ok(found)),
            Ok(_) => tried.push((application, group)),
            Err(error) if error.class == ErrorClass::NotFound => tried.push((application, group)),
            Err(error) => return one(Err(error)),
        }
    }
    let fits = |group: &DeploymentGroup| {
        asked.application.as_ref().is_none_or(|name| *name == group.application)
            && asked.group.as_ref().is_none_or(|name| *name == group.name)
    };
    match ports.releases.groups_of(cluster, service).await {
        Err(error) => one(Err(error)),
        Ok(found) => {
            let mut found: Vec<DeploymentGroup> = found.into_iter().filter(fits).collect();
            match (found.len(), found.pop()) {
                (1, Some(only)) => one(Ok(only)),
                (_, Some(last)) => {
                    found.push(last);
                    Sought::Several(found)
                }
                (_, None) => Sought::None(tried),
            }
        }
    }
}

/// Whether the group moves this service.
pub(super) fn moves(group: &DeploymentGroup, cluster: &str, service: &str) -> bool {
    group.service.as_ref().is_some_and(|(its_cluster, its_service)| its_cluster == cluster && its_service == service)
}

/// The names that the ECS console gives to application and group. Its documentation cuts cluster and service at 47
/// characters each, the AWS CLI at 46, and others not at all.
pub(super) fn console_names(cluster: &str, service: &str) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    for most in [46, 47, usize::MAX] {
        let cut = |text: &str| text.chars().take(most).collect::<String>();
        let name = format!("{}-{}", cut(cluster), cut(service));
        let pair = (format!("AppECS-{name}"), format!("DgpECS-{name}"));
        if !names.contains(&pair) {
            names.push(pair);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_consoles_names_are_cut_in_every_way_that_is_known() {
        let short = [("AppECS-shop-front".to_owned(), "DgpECS-shop-front".to_owned())];
        assert_eq!(console_names("shop", "front"), short);
        let (cluster, service) = ("c".repeat(50), "s".repeat(46));
        let cut = |most: usize| format!("AppECS-{}-{service}", &cluster[..most]);
        let names: Vec<String> = console_names(&cluster, &service).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [cut(46), cut(47), cut(50)]);
    }
}
