//! Everything that a migration is decided by, read once.

use std::collections::BTreeMap;

use bluegreen_core::migrate::Facts;
use bluegreen_core::model::{DeploymentSite, ListenerArn};
use bluegreen_core::observe::DeploymentGroup;
use bluegreen_core::ports::{CallError, Ports};

use crate::error::Failure;
use crate::exit::Exit;

pub(super) async fn facts(ports: &Ports, cluster: &str, service: &str) -> Result<Facts, Failure> {
    let releases = &ports.releases;
    let shown = releases.service(cluster, service).await.map_err(unreadable("the service"))?;
    let groups = releases.groups_of(cluster, service).await.map_err(unreadable("CodeDeploy's deployment groups"))?;
    let mut facts = Facts {
        service: shown,
        groups,
        config: None,
        pair: Vec::new(),
        routes: Vec::new(),
        default_rules: BTreeMap::new(),
        health: Vec::new(),
        under_way: Vec::new(),
    };
    // Of none or several nothing more can be said: the plan refuses.
    if let [group] = facts.groups.as_slice() {
        let group = group.clone();
        of_group(ports, &group, &mut facts).await?;
    }
    Ok(facts)
}

async fn of_group(ports: &Ports, group: &DeploymentGroup, facts: &mut Facts) -> Result<(), Failure> {
    if let Some(name) = &group.config {
        let config = ports.releases.config(name).await.map_err(unreadable("the traffic configuration"))?;
        facts.config = Some(config);
    }
    let site = DeploymentSite::CodeDeploy { application: group.application.clone(), group: group.name.clone() };
    let found = ports.releases.deployments(&site, None, None, ports.clock.now()).await;
    facts.under_way = found.map_err(unreadable("the deployments of the group"))?.others;
    let pair = ports.router.target_groups(&group.target_groups).await;
    facts.pair = pair.map_err(unreadable("the target groups"))?;
    for target in &facts.pair {
        // A group that nothing uses has no targets to be told of.
        let health = ports.router.health(&target.arn).await.map_err(unreadable("the targets' health"))?;
        facts.health.push((target.arn.clone(), health));
    }
    let mut balancers: Vec<_> = facts.pair.iter().flat_map(|target| target.load_balancers.clone()).collect();
    balancers.sort();
    balancers.dedup();
    for balancer in &balancers {
        let found = ports.router.load_balancer(balancer).await.map_err(unreadable("the load balancer"))?;
        facts.routes.extend(found.routes);
    }
    for listener in group.production_listeners.iter().chain(&group.test_listeners) {
        // What is no listener of an application load balancer is refused by the plan.
        let Ok(listener) = listener.parse::<ListenerArn>() else { continue };
        let rule = ports.router.default_rule(&listener).await.map_err(unreadable("the listener's default rule"))?;
        facts.default_rules.insert(listener, rule);
    }
    Ok(())
}

fn unreadable(what: &'static str) -> impl FnOnce(CallError) -> Failure {
    move |error| Failure::caused(Exit::Refused, format!("{what} cannot be read; nothing was changed"), error)
}
