//! Load balancers: what their routes say, what the data plane does, and which groups are attached.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use bluegreen_core::model::{Action, Forward, ListenerArn, LoadBalancerArn, RouteId, TargetGroupArn};
use bluegreen_core::observe::{LoadBalancer, RouteSnapshot, TargetGroup};

use super::refusal::Refused;
use super::{ListenerRecord, Ms, RouteRecord, State, World, Writer};
use crate::seed::draw;

mod actions;
pub(crate) mod attributes;
mod balancers;
pub(crate) mod conditions;
mod groups;
mod listeners;
mod rules;
mod transforms;

pub(crate) use super::refusal::Refusal;
pub use listeners::ListenerChange;
pub use rules::{NewRule, RuleChange};

impl World {
    /// Writes the actions of one route as `writer`, after AWS's own checks. The one way in which actions of a route
    /// that exists change, whoever asks.
    pub fn set_actions(&mut self, id: &RouteId, actions: &[Action], writer: Writer) -> Result<(), Refusal> {
        self.write_actions(id, actions, writer)?;
        self.settle();
        Ok(())
    }

    /// The same without what follows from it: for those who write while the world settles.
    pub(super) fn write_actions(&mut self, id: &RouteId, actions: &[Action], writer: Writer) -> Result<(), Refused> {
        self.check_actions(id, actions)?;
        let number = self.next_write();
        let delay = self.config.propagation.pick(draw(self.config.seed, &("propagation", number)));
        let now = self.now;
        let Some(route) = Arc::make_mut(&mut self.state).routes.get_mut(id) else { return Ok(()) };
        // A node that has the newer actions never goes back to older ones.
        let latest = route.routed.last().map_or(0, |(since, _)| *since);
        let before = route.routed_at(now).to_vec();
        route.routed.retain(|(since, _)| *since > now);
        route.routed.insert(0, (0, before));
        route.routed.push(((now + delay).max(latest), actions.to_vec()));
        route.actions = actions.to_vec();
        route.writer = writer;
        route.written_at = now;
        Ok(())
    }

    /// The share of a route's requests that goes to `group` by the data plane, in millionths.
    pub fn routed_share(&self, id: &RouteId, group: &TargetGroupArn) -> u32 {
        self.state.routes.get(id).map_or(0, |route| share_ppm(route.routed_at(self.now), group))
    }

    /// The share of a route's requests that goes to `group` by what the route says, in millionths.
    pub fn intended_share(&self, id: &RouteId, group: &TargetGroupArn) -> u32 {
        self.state.routes.get(id).map_or(0, |route| share_ppm(&route.actions, group))
    }

    /// The highest routed share of `group` on any route, in millionths.
    pub fn exposure(&self, group: &TargetGroupArn) -> u32 {
        self.state.routes.keys().map(|id| self.routed_share(id, group)).max().unwrap_or(0)
    }

    /// Whether every node does what the route says. A route that is gone has nobody behind.
    pub(super) fn is_followed(&self, id: &RouteId) -> bool {
        self.state.routes.get(id).is_none_or(|route| route.routed_at(self.now) == route.actions.as_slice())
    }

    pub(super) fn balancer_events(&self) -> impl Iterator<Item = Ms> {
        self.state.routes.values().flat_map(|route| route.routed.iter().map(|(since, _)| *since))
    }

    /// Keeps `attached_since` true to the routes.
    pub(super) fn attach_groups(&mut self) {
        let now = self.now;
        let used = |state: &State, arn: &TargetGroupArn| uses(state, arn).next().is_some();
        let wrong: Vec<TargetGroupArn> = self
            .state
            .groups
            .iter()
            .filter(|(arn, group)| used(&self.state, arn) != group.attached_since.is_some())
            .map(|(arn, _)| arn.clone())
            .collect();
        if wrong.is_empty() {
            return;
        }
        let state = Arc::make_mut(&mut self.state);
        for arn in wrong {
            let attached = used(state, &arn).then_some(now);
            if let Some(group) = state.groups.get_mut(&arn) {
                group.attached_since = attached;
            }
        }
    }

    /// Sixteen hexadecimal digits for something new.
    fn fresh_id(&mut self, what: &str) -> String {
        let number = self.next_write();
        format!("{:016x}", draw(self.config.seed, &("id", what, number)))
    }

    /// The ARN of a resource of the load balancers' service.
    fn balancer_arn<A: FromStr>(&self, resource: impl Display) -> Result<A, Refused>
    where
        A::Err: Display,
    {
        let (region, account) = (&self.config.region, &self.config.account);
        let text = format!("arn:aws:elasticloadbalancing:{region}:{account}:{resource}");
        text.parse().map_err(|error: A::Err| Refused::value(error.to_string()))
    }
}

impl State {
    /// A route as `DescribeRules` shows it.
    pub fn route(&self, id: &RouteId) -> Option<RouteSnapshot> {
        self.routes.get(id).map(|route| snapshot(id, route))
    }

    /// A group by name or ARN.
    pub fn group(&self, reference: &str) -> Option<TargetGroup> {
        let (arn, group) = self.groups.iter().find(|(arn, _)| arn.as_str() == reference || arn.name() == reference)?;
        Some(TargetGroup {
            arn: arn.clone(),
            load_balancers: self.balancers_of(arn),
            protocol: group.protocol.clone(),
            target_type: group.target_type.clone(),
            vpc: group.vpc.clone(),
            drain_seconds: group.drain / 1_000,
            target_sticky: group.target_sticky,
        })
    }

    /// A load balancer with all its routes.
    pub fn balancer(&self, arn: &LoadBalancerArn) -> Option<LoadBalancer> {
        self.balancers.get(arn)?;
        let listeners: Vec<ListenerArn> = self.listeners_of(arn).map(|(id, _)| id.clone()).collect();
        let on = |id: &RouteId| listeners.contains(&id.listener());
        let routes = self.routes.iter().filter(|(id, _)| on(id)).map(|(id, route)| snapshot(id, route)).collect();
        Some(LoadBalancer { arn: arn.clone(), listeners, routes })
    }

    /// The load balancers whose routes use a group: one at most, after AWS's checks.
    pub fn balancers_of(&self, group: &TargetGroupArn) -> Vec<LoadBalancerArn> {
        let mut found: Vec<LoadBalancerArn> = uses(self, group).filter_map(|id| self.balancer_of(id)).collect();
        found.sort();
        found.dedup();
        found
    }

    /// The listeners of a load balancer.
    pub fn listeners_of(&self, arn: &LoadBalancerArn) -> impl Iterator<Item = (&ListenerArn, &ListenerRecord)> {
        self.listeners.iter().filter(move |(_, listener)| listener.balancer == *arn)
    }

    /// All groups that the routes of a load balancer name, in the order of their ARNs, each once.
    pub fn groups_of(&self, arn: &LoadBalancerArn) -> Vec<TargetGroupArn> {
        let own = self.routes.iter().filter(|(id, _)| self.balancer_of(id).as_ref() == Some(arn));
        let forwards = own.filter_map(|(_, route)| Action::forward_of(&route.actions));
        let mut groups: Vec<_> = forwards.flat_map(|forward| &forward.groups).map(|group| group.arn.clone()).collect();
        groups.sort();
        groups.dedup();
        groups
    }

    /// The VPC of a load balancer. AWS reads it off the subnets, of which the sandbox knows nothing but their names: here
    /// it is the one of the groups that the load balancer routes to, `None` before there is one.
    pub fn vpc_of(&self, arn: &LoadBalancerArn) -> Option<&str> {
        self.groups_of(arn).iter().find_map(|group| self.groups.get(group)).map(|group| group.vpc.as_str())
    }

    fn balancer_of(&self, id: &RouteId) -> Option<LoadBalancerArn> {
        self.listeners.get(&id.listener()).map(|listener| listener.balancer.clone())
    }
}

/// The share of `group` in `actions`, in millionths.
pub(crate) fn share_ppm(actions: &[Action], group: &TargetGroupArn) -> u32 {
    Action::forward_of(actions).and_then(|forward| forward.split().ok()).map_or(0, |split| split.share_ppm(group))
}

fn uses<'a>(state: &'a State, group: &'a TargetGroupArn) -> impl Iterator<Item = &'a RouteId> {
    let forwards =
        |route: &RouteRecord| Action::forward_of(&route.actions).is_some_and(|f: &Forward| f.contains(group));
    state.routes.iter().filter(move |(_, route)| forwards(route)).map(|(id, _)| id)
}

fn snapshot(id: &RouteId, route: &RouteRecord) -> RouteSnapshot {
    RouteSnapshot {
        id: id.clone(),
        priority: route.priority.clone(),
        conditions: route.conditions.clone(),
        actions: route.actions.clone(),
    }
}

/// A name of at most 32 letters, digits and hyphens, with no hyphen at either end.
fn check_name(what: &str, name: &str) -> Result<(), Refused> {
    let fits = !name.is_empty() && name.len() <= 32;
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits && letters && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(());
    }
    Err(Refused::value(format!(
        "{what} name '{name}' must have 1 to 32 letters, digits and hyphens, and no hyphen at its beginning or end"
    )))
}

/// A whole number that must lie in a range.
fn check_range(what: &str, number: u32, min: u32, max: u32) -> Result<(), Refused> {
    if (min..=max).contains(&number) {
        return Ok(());
    }
    Err(Refused::value(format!("{what} '{number}' must be between {min} and {max}")))
}

#[cfg(test)]
mod tests;
