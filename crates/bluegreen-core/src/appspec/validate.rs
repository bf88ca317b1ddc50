//! A document against the task definition that it deploys.

use super::{AppSpec, EcsTarget, Places, Target, TaskDefinitionRef};
use crate::diagnostic::{Diagnostic, Place, codes, sort};
use crate::taskdef::{TaskDefinition, closest};

pub(super) fn against(spec: &AppSpec, places: &Places, task: &TaskDefinition) -> Vec<Diagnostic> {
    let Target::Ecs(ecs) = &spec.target else { return Vec::new() };
    let mut findings = Vec::new();
    family(ecs, places, task, &mut findings);
    container(ecs, places, task, &mut findings);
    network(ecs, places, task, &mut findings);
    platform(ecs, places, task, &mut findings);
    sort(&mut findings);
    findings
}

fn placed(finding: Diagnostic, place: Option<Place>) -> Diagnostic {
    match place {
        Some(place) => finding.at(place),
        None => finding,
    }
}

fn family(ecs: &EcsTarget, places: &Places, task: &TaskDefinition, findings: &mut Vec<Diagnostic>) {
    let TaskDefinitionRef::Arn(arn) = &ecs.task_definition else { return };
    if arn.family() != task.family() {
        let message = format!(
            "the document deploys family `{}`, and the task definition is of family `{}`",
            arn.family(),
            task.family()
        );
        let help = "give the task definition that the ARN names, or write the ARN of a revision of this family";
        findings.push(placed(Diagnostic::error(codes::APPSPEC_FAMILY, message).help(help), places.task_definition));
    }
}

fn container(ecs: &EcsTarget, places: &Places, task: &TaskDefinition, findings: &mut Vec<Diagnostic>) {
    let (name, port) = (ecs.container_name.as_str(), ecs.container_port);
    let containers = task.containers();
    let Some(container) = containers.iter().find(|container| container.name == name) else {
        let names = || containers.iter().map(|container| container.name);
        let help = closest(name, names()).map_or_else(
            || format!("it has {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("family `{}` has no container `{name}`", task.family());
        findings.push(placed(Diagnostic::error(codes::APPSPEC_CONTAINER, message).help(help), places.container_name));
        return;
    };
    if container.ports.iter().all(|mapping| mapping.container != port) {
        let mapped: Vec<String> = container.ports.iter().map(|mapping| mapping.container.to_string()).collect();
        let help = match mapped.as_slice() {
            [] => format!("add `{{\"containerPort\": {port}}}` to the container's `portMappings`"),
            [one] => format!("it maps {one}: write that, or add {port} to its `portMappings`"),
            _ => format!("it maps {}: write one of them, or add {port} to its `portMappings`", mapped.join(", ")),
        };
        let message =
            format!("the container `{name}` does not map port {port}, so no load balancer can reach it there");
        findings
            .push(placed(Diagnostic::error(codes::APPSPEC_CONTAINER_PORT, message).help(help), places.container_port));
    }
}

fn is_fargate(task: &TaskDefinition) -> bool {
    task.requires_compatibilities().contains(&"FARGATE")
}

fn network(ecs: &EcsTarget, places: &Places, task: &TaskDefinition, findings: &mut Vec<Diagnostic>) {
    let mode = task.network_mode().unwrap_or(if is_fargate(task) { "awsvpc" } else { "bridge" });
    if ecs.network.is_some() && mode != "awsvpc" {
        let message = format!("`NetworkConfiguration` is for network mode awsvpc, and the task definition has {mode}");
        let help = "remove `NetworkConfiguration`, or set `\"networkMode\": \"awsvpc\"` in the task definition";
        findings.push(placed(Diagnostic::error(codes::APPSPEC_NETWORK_MODE, message).help(help), places.network));
    }
}

fn platform(ecs: &EcsTarget, places: &Places, task: &TaskDefinition, findings: &mut Vec<Diagnostic>) {
    let required = task.requires_compatibilities();
    // Without a word on compatibility ECS decides at the service, which is not seen here.
    if required.is_empty() || is_fargate(task) {
        return;
    }
    let listed = required.join(", ");
    if ecs.platform_version.is_some() {
        let message = format!("`PlatformVersion` is for Fargate, and the task definition is for {listed}");
        let finding = Diagnostic::error(codes::APPSPEC_PLATFORM_EC2, message).help("remove `PlatformVersion`");
        findings.push(placed(finding, places.platform_version));
    }
    if let Some(provider) =
        ecs.capacity_providers.iter().find(|p| matches!(p.name.as_str(), "FARGATE" | "FARGATE_SPOT"))
    {
        let message = format!(
            "the capacity provider `{}` runs Fargate tasks, and the task definition is for {listed}",
            provider.name
        );
        let help = "name one of the cluster's own providers, or add `FARGATE` to `requiresCompatibilities`";
        findings.push(placed(
            Diagnostic::error(codes::APPSPEC_PLATFORM_EC2, message).help(help),
            places.capacity_providers,
        ));
    }
}
