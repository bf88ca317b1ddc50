//! The rules that a deployment rewrites. Nobody looks at what they said before: neither does ECS.

use bluegreen_core::model::{Action, Forward, ForwardGroup, RouteId, TargetGroupArn, Weight};

use crate::world::{StagedPlan, Switch, World, Writer};

/// Who the rules say has written them.
const WRITER: &str = "ecs";
/// What AWS says where the two groups do not hang on the two rules.
const NOT_ASSOCIATED: &str = "of invalid networking configuration. Both targetGroup and alternateTargetGroup must be \
                              associated with the productionListenerRule or testListenerRule.";

impl World {
    /// Whether both groups of every pair are on its production or test rule.
    pub(super) fn check_association(&self, plan: &StagedPlan) -> Result<(), String> {
        let on = |route: &RouteId, group: &TargetGroupArn| {
            let actions = self.state.routes.get(route).map(|route| route.actions.as_slice()).unwrap_or_default();
            Action::forward_of(actions).is_some_and(|forward| forward.contains(group))
        };
        let associated = |switch: &Switch| {
            let reached = |group: &TargetGroupArn| {
                on(&switch.production, group) || switch.test.as_ref().is_some_and(|test| on(test, group))
            };
            self.state.routes.contains_key(&switch.production) && switch.pair.iter().all(reached)
        };
        if plan.switches.iter().all(associated) { Ok(()) } else { Err(NOT_ASSOCIATED.to_owned()) }
    }

    /// Gives the new tasks their share (in thousandths) of the production traffic.
    pub(super) fn shift_production_traffic(&mut self, plan: &StagedPlan, share: u16) -> Result<(), String> {
        plan.switches.iter().try_for_each(|switch| self.rewrite(&switch.production, switch, share))
    }

    /// Gives them their share of the test traffic, where there is any.
    pub(super) fn shift_test_traffic(&mut self, plan: &StagedPlan, share: u16) -> Result<(), String> {
        let with_test = plan.switches.iter().filter_map(|switch| Some((switch.test.as_ref()?, switch)));
        with_test.into_iter().try_for_each(|(test, switch)| self.rewrite(test, switch, share))
    }

    /// Whether the load balancer's nodes do what the rules say.
    pub(super) fn has_propagated(&self, plan: &StagedPlan) -> bool {
        let routes = plan.switches.iter().flat_map(|switch| [Some(&switch.production), switch.test.as_ref()]);
        routes.flatten().all(|id| self.is_followed(id))
    }

    fn rewrite(&mut self, id: &RouteId, switch: &Switch, share: u16) -> Result<(), String> {
        let Some(route) = self.state.routes.get(id) else {
            return Err(format!("the rule {} does not exist.", id.arn()));
        };
        // Whole percents are written as such, and finer ones in thousandths: no weight is above 999.
        let (share, whole) = if share.is_multiple_of(10) { (share / 10, 100) } else { (share, 1_000) };
        let weight = |group: &TargetGroupArn| if *group == switch.to { share } else { whole - share };
        let member = |group: &TargetGroupArn| ForwardGroup {
            arn: group.clone(),
            weight: Weight::try_from(u32::from(weight(group))).ok(),
        };
        let stickiness = Action::forward_of(&route.actions).and_then(|forward| forward.stickiness.clone());
        let forward = Forward { groups: switch.pair.iter().map(member).collect(), stickiness };
        let actions = Action::with_forward(&route.actions, &forward);
        self.write_actions(id, &actions, Writer::Operator(WRITER.to_owned()))
            .map_err(|refused| format!("the rule {} could not be changed: {refused}", id.arn()))
    }
}
