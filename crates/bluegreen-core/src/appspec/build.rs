//! A document from what is known of a service and its next task definition.

use std::collections::BTreeSet;
use std::fmt;

use super::{AppSpec, CapacityProvider, EcsTarget, Hook, Network, Target, TaskDefinitionRef};
use crate::diagnostic::Diagnostic;
use crate::taskdef::{TaskDefinition, closest};

/// What a document can take over from a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFacts {
    /// The registered revision, or the place for one.
    pub task_definition: TaskDefinitionRef,
    /// The service's load balancers; empty to choose among the ports that the task definition maps.
    pub load_balancers: Vec<LoadBalancer>,
    /// The service's network, for mode awsvpc.
    pub network: Option<Network>,
    /// The service's Fargate platform version.
    pub platform_version: Option<String>,
    /// The service's capacity provider strategy.
    pub capacity_providers: Vec<CapacityProvider>,
}

/// One load balancer of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// The container that gets the requests.
    pub container_name: String,
    /// The port that it listens on.
    pub container_port: u16,
    /// The target group's name or ARN, where one is known.
    pub target_group: Option<String>,
}

/// What the user chose with `--container NAME` and `--port N`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The container's name.
    pub container: Option<String>,
    /// The container's port.
    pub port: Option<u16>,
}

/// A container port that traffic could be shifted for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The container's name.
    pub container: String,
    /// The container's port.
    pub port: u16,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--container {} --port {}", self.container, self.port)
    }
}

/// A document with what the user should know about how it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The document.
    pub spec: AppSpec,
    /// What was left out of it and why, one sentence each.
    pub notes: Vec<String>,
}

/// Why no document can be built without a decision of the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Several container ports could be meant.
    #[error("CodeDeploy shifts the traffic of one container port, and there are {}; choose with {}", candidates.len(), listed(candidates, " or with "))]
    Ambiguous {
        /// All of them, in order.
        candidates: Vec<Candidate>,
    },
    /// No container port is left after the user's choice.
    #[error("nothing gets traffic at {}: there is {}{}", chosen(choice), listed(candidates, " and "), hint(suggestion.as_deref()))]
    NoMatch {
        /// What was asked for.
        choice: Choice,
        /// What there is.
        candidates: Vec<Candidate>,
        /// The container that was probably meant.
        suggestion: Option<String>,
    },
    /// Neither the service nor the task definition names a port.
    #[error("family `{0}` maps no TCP port and the service has no load balancer: there is no traffic to shift")]
    NoPort(String),
    /// One container port is in several target groups at once.
    #[error("port {} of container `{}` is in {} target groups ({}), and CodeDeploy shifts one pair only; take the service out of the others first", candidate.port, candidate.container, groups.len(), groups.join(", "))]
    SeveralGroups {
        /// The port.
        candidate: Candidate,
        /// The groups that it is registered with.
        groups: Vec<String>,
    },
    /// The document and the task definition contradict each other.
    #[error("the service and family `{family}` do not fit: {}", said(findings))]
    Unfit {
        /// The task definition's family.
        family: String,
        /// What does not fit, without places.
        findings: Vec<Diagnostic>,
    },
}

fn listed(candidates: &[Candidate], between: &str) -> String {
    candidates.iter().map(|candidate| format!("`{candidate}`")).collect::<Vec<_>>().join(between)
}

fn chosen(choice: &Choice) -> String {
    let container = choice.container.as_ref().map(|name| format!("--container {name}"));
    let port = choice.port.map(|port| format!("--port {port}"));
    format!("`{}`", container.into_iter().chain(port).collect::<Vec<_>>().join(" "))
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn said(findings: &[Diagnostic]) -> String {
    findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// Builds the document for the next deployment of a service.
///
/// # Errors
///
/// Whatever needs a decision (which container and port) or contradicts the task definition. Nothing is chosen for the
/// user: the first of several is no better than the second.
pub fn build(
    facts: &ServiceFacts,
    task: &TaskDefinition,
    choice: &Choice,
    hooks: Vec<Hook>,
) -> Result<Built, BuildError> {
    let candidate = choose(facts, task, choice)?;
    let mut notes = Vec::new();
    let network = facts.network.clone().filter(|network| {
        let whole = !network.subnets.is_empty() && !network.security_groups.is_empty();
        if !whole {
            let lacking = if network.subnets.is_empty() { "subnets" } else { "security groups" };
            notes.push(format!(
                "NetworkConfiguration is left out: the service names no {lacking}, and a document gives all of it or nothing; the service's settings stay"
            ));
        }
        whole
    });
    let target = EcsTarget {
        task_definition: facts.task_definition.clone(),
        container_name: candidate.container,
        container_port: candidate.port,
        platform_version: facts.platform_version.clone(),
        network,
        capacity_providers: facts.capacity_providers.clone(),
    };
    let spec = AppSpec { resource: "TargetService".to_owned(), target: Target::Ecs(target), hooks };
    let findings = spec.validate_against(task);
    if !findings.is_empty() {
        return Err(BuildError::Unfit { family: task.family().to_owned(), findings });
    }
    Ok(Built { spec, notes })
}

fn choose(facts: &ServiceFacts, task: &TaskDefinition, choice: &Choice) -> Result<Candidate, BuildError> {
    let all = candidates(facts, task);
    if all.is_empty() {
        return Err(BuildError::NoPort(task.family().to_owned()));
    }
    let fits = |candidate: &&Candidate| {
        choice.container.as_ref().is_none_or(|name| *name == candidate.container)
            && choice.port.is_none_or(|port| port == candidate.port)
    };
    let left: Vec<&Candidate> = all.iter().filter(fits).collect();
    let candidate = match left.as_slice() {
        [] => {
            let names = all.iter().map(|candidate| candidate.container.as_str());
            let meant = choice.container.as_deref().and_then(|name| closest(name, names));
            let suggestion = meant.filter(|near| Some(*near) != choice.container.as_deref()).map(str::to_owned);
            return Err(BuildError::NoMatch { choice: choice.clone(), candidates: all, suggestion });
        }
        [one] => (*one).clone(),
        several => {
            let candidates = several.iter().map(|candidate| (*candidate).clone()).collect();
            return Err(BuildError::Ambiguous { candidates });
        }
    };
    let same = |lb: &&LoadBalancer| lb.container_name == candidate.container && lb.container_port == candidate.port;
    let groups: BTreeSet<String> =
        facts.load_balancers.iter().filter(same).filter_map(|lb| lb.target_group.clone()).collect();
    if groups.len() > 1 {
        return Err(BuildError::SeveralGroups { candidate, groups: groups.into_iter().collect() });
    }
    Ok(candidate)
}

/// Each container port once: the service's load balancers, or else what the task definition maps over TCP.
fn candidates(facts: &ServiceFacts, task: &TaskDefinition) -> Vec<Candidate> {
    let mut all = Vec::new();
    let mut add = |candidate: Candidate| {
        if !all.contains(&candidate) {
            all.push(candidate);
        }
    };
    for lb in &facts.load_balancers {
        add(Candidate { container: lb.container_name.clone(), port: lb.container_port });
    }
    if facts.load_balancers.is_empty() {
        for container in task.containers() {
            for mapping in container.ports.iter().filter(|mapping| mapping.protocol == "tcp") {
                add(Candidate { container: container.name.to_owned(), port: mapping.container });
            }
        }
    }
    all
}
