//! What a deployment writes: the weights of routes, and those of aliases.

use bluegreen_core::appspec::LambdaTarget;
use bluegreen_core::model::{Action, ActionKind, Forward, ForwardGroup, ListenerArn, RouteId, TargetGroupArn, Weight};

use super::install::{Failure, elb};
use super::{Alias, Deployment, Pair, Side, Sides};
use crate::world::{World, Writer};

/// Who the routes say has written them.
const WRITER: &str = "codedeploy";

impl World {
    /// The routes that a deployment writes: default actions and rules of the pair's listeners that forward to one of the
    /// pair.
    pub(super) fn routes_of(&self, pair: &Pair, groups: &[TargetGroupArn; 2], old: Side) -> Result<Sides, Failure> {
        let production = self.forwarding(&pair.production, groups);
        let reaches = |id: &RouteId| self.intended_share(id, &old.group) > 0;
        if !production.iter().any(reaches) {
            return Err(elb("Primary taskset target group must be behind listener"));
        }
        let test = pair.test.as_ref().map(|listener| self.forwarding(listener, groups));
        if test.as_ref().is_some_and(Vec::is_empty) {
            return Err(elb("the test listener forwards to no target group of the pair"));
        }
        let before = |id: RouteId| self.state.routes.get(&id).map(|route| (id, route.actions.clone()));
        let test = test.into_iter().flatten().filter_map(before).collect();
        Ok(Sides { old: Some(old), new: None, production, test })
    }

    fn forwarding(&self, listener: &ListenerArn, groups: &[TargetGroupArn; 2]) -> Vec<RouteId> {
        let routes = self.state.routes.iter().filter(|(id, _)| id.listener() == *listener);
        let forwards = routes.filter(|(_, route)| {
            let forward = Action::forward_of(&route.actions);
            forward.is_some_and(|forward| groups.iter().any(|group| forward.contains(group)))
        });
        forwards.map(|(id, _)| id.clone()).collect()
    }

    /// Sends `percent` of production traffic to `new`, the rest to the other group of the pair.
    pub(super) fn write_share(
        &mut self,
        deployment: &Deployment,
        sides: &Sides,
        groups: &[TargetGroupArn; 2],
        new: &TargetGroupArn,
        percent: u32,
    ) -> Result<(), Failure> {
        for id in &sides.production {
            self.write_route(deployment, id, groups, new, percent)?;
        }
        Ok(())
    }

    /// The same for a deployment whose sides are known.
    pub(super) fn shift(&mut self, deployment: &Deployment, percent: u32) -> Result<(), Failure> {
        let Some((groups, new)) = pair_of(deployment) else { return Ok(()) };
        self.write_share(deployment, &deployment.sides, &groups, &new, percent)
    }

    /// Sends test traffic to the new side.
    pub(super) fn shift_test(&mut self, deployment: &Deployment) -> Result<(), Failure> {
        let Some((groups, new)) = pair_of(deployment) else { return Ok(()) };
        for (id, _) in &deployment.sides.test {
            self.write_route(deployment, id, &groups, &new, 100)?;
        }
        Ok(())
    }

    /// Whether every node does what the deployment's routes say.
    pub(super) fn routes_follow(&self, deployment: &Deployment) -> bool {
        let test = deployment.sides.test.iter().map(|(id, _)| id);
        deployment.sides.production.iter().chain(test).all(|id| self.is_followed(id))
    }

    /// Puts the routes of test traffic back to what they said.
    pub(super) fn restore_test(&mut self, deployment: &Deployment) -> Result<(), Failure> {
        for (id, actions) in &deployment.sides.test {
            self.set_actions(id, actions, writer()).map_err(|(_, text)| elb(&text))?;
        }
        Ok(())
    }

    fn write_route(
        &mut self,
        deployment: &Deployment,
        id: &RouteId,
        groups: &[TargetGroupArn; 2],
        new: &TargetGroupArn,
        percent: u32,
    ) -> Result<(), Failure> {
        let gone = || elb(&format!("{} of deployment {} does not exist any more", id.arn(), deployment.id));
        let route = self.state.routes.get(id).ok_or_else(gone)?;
        let stickiness = Action::forward_of(&route.actions).and_then(|forward| forward.stickiness.clone());
        let member = |group: &TargetGroupArn| {
            let share = if group == new { percent } else { 100 - percent.min(100) };
            ForwardGroup { arn: group.clone(), weight: Weight::try_from(share).ok() }
        };
        let forward = Forward { groups: groups.iter().map(member).collect(), stickiness };
        let actions = match Action::forward_of(&route.actions) {
            Some(_) => Action::with_forward(&route.actions, &forward),
            None => vec![Action { order: Some(1), kind: ActionKind::Forward(forward) }],
        };
        self.set_actions(id, &actions, writer()).map_err(|(_, text)| elb(&text))
    }

    /// Gives `percent` of an alias's calls to the new version.
    pub(super) fn shift_alias(&mut self, target: &LambdaTarget, percent: u32) {
        let key = (target.name.clone(), target.alias.clone());
        let alias = match percent {
            0 => Alias { version: target.current_version, shift: None },
            100 => Alias { version: target.target_version, shift: None },
            share => Alias { version: target.current_version, shift: Some((target.target_version, share)) },
        };
        self.change_codedeploy(|all| {
            all.aliases.insert(key, alias);
        });
    }
}

/// The pair in the deployment group's order, and the new side's.
fn pair_of(deployment: &Deployment) -> Option<([TargetGroupArn; 2], TargetGroupArn)> {
    let (old, new) = (&deployment.sides.old.as_ref()?.group, &deployment.sides.new.as_ref()?.group);
    let first = &deployment.setup.pair.as_ref()?.groups[0];
    let groups = if old.name() == first { [old.clone(), new.clone()] } else { [new.clone(), old.clone()] };
    Some((groups, new.clone()))
}

fn writer() -> Writer {
    Writer::Operator(WRITER.to_owned())
}
