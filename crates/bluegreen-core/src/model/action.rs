//! The actions of a rule or listener, kept whole so that what is not a weight survives untouched.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Split, TargetGroupArn, Weight, WeightError};

/// One action of a route, in the normal form in which two actions can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// AWS's order number, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<i32>,
    /// What the action does.
    pub kind: ActionKind,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActionKind {
    /// Sends requests to target groups by weight.
    Forward(Forward),
    /// Authentication, redirect, fixed response …: carried along, never read.
    Other {
        /// AWS's type name, such as `authenticate-oidc`.
        name: String,
        /// The whole configuration under AWS's own member names.
        config: Map<String, Value>,
    },
}

/// A weighted forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forward {
    /// The groups in AWS's order.
    pub groups: Vec<ForwardGroup>,
    /// Group stickiness as AWS returned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stickiness: Option<GroupStickiness>,
}

/// One group of a forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardGroup {
    /// The group.
    pub arn: TargetGroupArn,
    /// Its weight; a group that is alone may come without one and then gets everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
}

/// `TargetGroupStickinessConfig`: pins a client to a group, whatever the weights say later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupStickiness {
    /// Whether clients are pinned.
    pub enabled: bool,
    /// For how long after the last request, 1 to 604800 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
}

impl Forward {
    /// The weights, with a group that stands alone counted as getting everything.
    pub fn split(&self) -> Result<Split, WeightError> {
        let alone = self.groups.len() == 1;
        let weight = |group: &ForwardGroup| match group.weight {
            Some(weight) if !alone => Ok(weight),
            // Alone it gets everything whatever its weight; left out, AWS fills in 1.
            _ => Weight::try_from(1),
        };
        let groups = self.groups.iter().map(|group| Ok((group.arn.clone(), weight(group)?)));
        Split::new(groups.collect::<Result<_, WeightError>>()?)
    }

    /// Whether `group` is part of the action, with whatever weight.
    pub fn contains(&self, group: &TargetGroupArn) -> bool {
        self.groups.iter().any(|member| member.arn == *group)
    }

    /// How long a client stays pinned to a group, in seconds; `None` where stickiness is off.
    pub fn sticky_seconds(&self) -> Option<u32> {
        let stickiness = self.stickiness.as_ref().filter(|stickiness| stickiness.enabled)?;
        stickiness.duration_seconds
    }

    /// The same forward with other weights; stickiness stays.
    pub fn with_split(&self, split: &Split) -> Forward {
        let group = |(arn, weight): &(TargetGroupArn, Weight)| ForwardGroup { arn: arn.clone(), weight: Some(*weight) };
        Forward { groups: split.groups().iter().map(group).collect(), stickiness: self.stickiness.clone() }
    }
}

impl Action {
    /// The forward inside `actions`: AWS allows one, as the last action.
    pub fn forward_of(actions: &[Action]) -> Option<&Forward> {
        actions.iter().rev().find_map(|action| match &action.kind {
            ActionKind::Forward(forward) => Some(forward),
            ActionKind::Other { .. } => None,
        })
    }

    /// The same actions with their forward replaced; everything else is untouched.
    pub fn with_forward(actions: &[Action], forward: &Forward) -> Vec<Action> {
        let replace = |action: &Action| match action.kind {
            ActionKind::Forward(_) => Action { order: action.order, kind: ActionKind::Forward(forward.clone()) },
            ActionKind::Other { .. } => action.clone(),
        };
        actions.iter().map(replace).collect()
    }
}

/// Whether two lists of actions mean the same to the load balancer.
///
/// AWS rewrites what it is given: it fills in the weight of a group that stands alone and the order of an action that
/// does, and shows switched-off stickiness or none at all. Those are no differences; everything else is.
pub fn equivalent(left: &[Action], right: &[Action]) -> bool {
    let alone = left.len() == 1;
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| normal(a, alone) == normal(b, alone))
}

fn normal(action: &Action, alone: bool) -> Action {
    let order = action.order.filter(|_| !alone);
    let ActionKind::Forward(forward) = &action.kind else { return Action { order, kind: action.kind.clone() } };
    let mut forward = forward.clone();
    forward.stickiness = forward.stickiness.filter(|stickiness| stickiness.enabled);
    match forward.groups.as_mut_slice() {
        [alone] => alone.weight = None,
        groups => groups.iter_mut().for_each(|group| group.weight = group.weight.or(Weight::try_from(1).ok())),
    }
    forward.groups.sort_by(|a, b| a.arn.cmp(&b.arn));
    Action { order, kind: ActionKind::Forward(forward) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(order: Option<i32>, weights: &[(&str, Option<u32>)], stickiness: Option<GroupStickiness>) -> Action {
        let member = |(name, weight): &(&str, Option<u32>)| ForwardGroup {
            arn: format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/{name}/1").parse().unwrap(),
            weight: weight.map(|weight| Weight::try_from(weight).unwrap()),
        };
        Action {
            order,
            kind: ActionKind::Forward(Forward { groups: weights.iter().map(member).collect(), stickiness }),
        }
    }

    #[test]
    fn what_aws_fills_in_is_no_difference() {
        let off = Some(GroupStickiness { enabled: false, duration_seconds: None });
        let plain = [forward(None, &[("a", None)], None)];
        assert!(equivalent(&plain, &[forward(Some(1), &[("a", Some(1))], off)]));
        let pair = [forward(None, &[("a", Some(9)), ("b", None)], None)];
        assert!(equivalent(&pair, &[forward(None, &[("b", Some(1)), ("a", Some(9))], None)]));
    }

    #[test]
    fn all_else_is_a_difference() {
        let pair = |a, b| forward(Some(1), &[("a", Some(a)), ("b", Some(b))], None);
        assert!(!equivalent(&[pair(9, 1)], &[pair(90, 10)]), "even where the shares are the same");
        assert!(!equivalent(&[pair(9, 1)], &[pair(9, 1), pair(9, 1)]));
        let sticky = Some(GroupStickiness { enabled: true, duration_seconds: Some(60) });
        assert!(!equivalent(&[pair(9, 1)], &[forward(Some(1), &[("a", Some(9)), ("b", Some(1))], sticky)]));
        let other = |order| Action {
            order: Some(order),
            kind: ActionKind::Other { name: "authenticate-oidc".into(), config: Map::new() },
        };
        assert!(
            !equivalent(&[other(1), pair(9, 1)], &[other(2), pair(9, 1)]),
            "an order among several means something"
        );
    }
}
