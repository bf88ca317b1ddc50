//! Where AWS's own deployments of a spec's service are found, for those who only look.

use super::build::readable;
use super::choose::choose;
use super::managed::sought;
use super::service::cluster_name;
use super::{EngineKind, Finding, live};
use crate::model::DeploymentSite;
use crate::ports::Ports;
use crate::spec::Spec;

/// The place where the deployments of the spec's service are found, looked for as a plan does; `None` where no engine of
/// AWS's moves the service.
///
/// # Errors
///
/// Why it cannot be told.
pub async fn deployment_site(ports: &Ports, spec: &Spec) -> Result<Option<DeploymentSite>, Finding> {
    let service = live::service(ports, spec).await;
    let name = spec.fleet.service.as_deref().unwrap_or("?");
    let mut findings = Vec::new();
    let Some(choice) = choose(spec, service.as_ref())? else {
        let what = format!("service {name} in cluster {}", cluster_name(&spec.environment.cluster));
        service.and_then(|reading| readable(&reading, &what, &mut findings).cloned());
        return Err(first(findings));
    };
    match choice.kind {
        EngineKind::Alb | EngineKind::TaskSets => Ok(None),
        EngineKind::Ecs => {
            Ok(Some(DeploymentSite::Ecs { cluster: spec.environment.cluster.clone(), service: name.to_owned() }))
        }
        EngineKind::CodeDeploy => {
            let found = live::seek(ports, spec, name).await;
            let Some(group) = sought(spec, &found, name, &mut findings) else { return Err(first(findings)) };
            let (application, group) = (group.application.clone(), group.name.clone());
            Ok(Some(DeploymentSite::CodeDeploy { application, group }))
        }
    }
}

fn first(findings: Vec<Finding>) -> Finding {
    let untold = || Finding::refuse("BG3001", "where the deployments are is not known".to_owned(), "name them");
    findings.into_iter().next().unwrap_or_else(untold)
}
