//! Routes: what they say, what the data plane does, and which groups are attached.

use std::sync::Arc;

use bluegreen_core::model::{Action, ActionKind, Forward, ListenerArn, LoadBalancerArn, RouteId, TargetGroupArn};
use bluegreen_core::observe::{LoadBalancer, RouteSnapshot, TargetGroup};
use bluegreen_core::ports::ErrorClass;

use super::{ListenerRecord, Ms, RouteRecord, State, World, Writer};
use crate::seed::draw;

/// Why AWS refuses, before it has a name for the operation.
pub type Refusal = (ErrorClass, String);

impl World {
    /// Writes the actions of one route as `writer`, after AWS's own checks.
    pub fn set_actions(&mut self, id: &RouteId, actions: &[Action], writer: Writer) -> Result<(), Refusal> {
        self.check_actions(id, actions)?;
        let number = self.next_write();
        let delay = self.config.propagation.pick(draw(self.config.seed, &("propagation", number)));
        let now = self.now;
        self.change(|state| {
            let Some(route) = state.routes.get_mut(id) else { return };
            // A node that has the newer actions never goes back to older ones.
            let latest = route.routed.last().map_or(0, |(since, _)| *since);
            let before = route.routed_at(now).to_vec();
            route.routed.retain(|(since, _)| *since > now);
            route.routed.insert(0, (0, before));
            route.routed.push(((now + delay).max(latest), actions.to_vec()));
            route.actions = actions.to_vec();
            route.writer = writer;
            route.written_at = now;
        });
        Ok(())
    }

    fn check_actions(&self, id: &RouteId, actions: &[Action]) -> Result<(), Refusal> {
        let invalid = |text: String| Err((ErrorClass::Invalid, text));
        if !self.state.routes.contains_key(id) {
            let code = match id {
                RouteId::Rule(_) => "RuleNotFound",
                RouteId::DefaultAction(_) => "ListenerNotFound",
            };
            return Err((ErrorClass::NotFound, format!("{code}: {}", id.arn())));
        }
        let finals = |action: &Action| match &action.kind {
            ActionKind::Forward(_) => true,
            ActionKind::Other { name, .. } => name == "redirect" || name == "fixed-response",
        };
        let routing = actions.iter().filter(|action| finals(action)).count();
        if routing != 1 || !actions.last().is_some_and(finals) {
            return invalid(
                "InvalidLoadBalancerAction: the last action must be the only forward, redirect or fixed-response"
                    .into(),
            );
        }
        let Some(forward) = Action::forward_of(actions) else { return Ok(()) };
        if !(1..=self.config.quotas.groups_per_action).contains(&forward.groups.len()) {
            return invalid(format!("TooManyTargetGroups: {} in one action", forward.groups.len()));
        }
        for group in &forward.groups {
            if !self.state.groups.contains_key(&group.arn) {
                return Err((ErrorClass::NotFound, format!("TargetGroupNotFound: {}", group.arn)));
            }
            if group.weight.is_some_and(|weight| weight.get() > self.config.quotas.highest_weight) {
                return invalid("ValidationError: weight must be at most 999".into());
            }
        }
        let sticky_targets = |arn| self.state.groups.get(arn).is_some_and(|group| group.target_sticky);
        let pinned = forward.stickiness.as_ref().is_some_and(|stickiness| stickiness.enabled);
        if forward.groups.len() > 1 && !pinned && forward.groups.iter().any(|group| sticky_targets(&group.arn)) {
            return invalid("InvalidLoadBalancerAction: target stickiness needs group stickiness on the rule".into());
        }
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
}

impl State {
    /// A route as `DescribeRules` shows it.
    pub fn route(&self, id: &RouteId) -> Option<RouteSnapshot> {
        self.routes.get(id).map(|route| snapshot(id, route))
    }

    /// A group by name or ARN.
    pub fn group(&self, reference: &str) -> Option<TargetGroup> {
        let (arn, group) = self.groups.iter().find(|(arn, _)| arn.as_str() == reference || arn.name() == reference)?;
        let mut load_balancers: Vec<LoadBalancerArn> = uses(self, arn).filter_map(|id| self.balancer_of(id)).collect();
        load_balancers.sort();
        load_balancers.dedup();
        Some(TargetGroup {
            arn: arn.clone(),
            load_balancers,
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
        let own = |(_, listener): &(_, &ListenerRecord)| listener.balancer == *arn;
        let listeners: Vec<ListenerArn> = self.listeners.iter().filter(own).map(|(id, _)| id.clone()).collect();
        let on = |id: &RouteId| listeners.contains(&id.listener());
        let routes = self.routes.iter().filter(|(id, _)| on(id)).map(|(id, route)| snapshot(id, route)).collect();
        Some(LoadBalancer { arn: arn.clone(), listeners, routes })
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
