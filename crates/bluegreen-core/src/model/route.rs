//! Where traffic is split: a listener rule, or a listener's default action.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ListenerArn, RuleArn};

/// One place whose actions carry the pair of target groups.
///
/// The two kinds are written by different calls (`ModifyRule`, `ModifyListener`), hence two variants.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteId {
    /// A listener rule.
    Rule(RuleArn),
    /// The default action of a listener.
    DefaultAction(ListenerArn),
}

impl RouteId {
    /// The ARN of the rule or of the listener.
    pub fn arn(&self) -> &str {
        match self {
            RouteId::Rule(arn) => arn.as_str(),
            RouteId::DefaultAction(arn) => arn.as_str(),
        }
    }

    /// The listener that the route belongs to.
    pub fn listener(&self) -> ListenerArn {
        match self {
            RouteId::Rule(arn) => arn.listener(),
            RouteId::DefaultAction(arn) => arn.clone(),
        }
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteId::Rule(arn) => write!(f, "rule {arn}"),
            RouteId::DefaultAction(arn) => write!(f, "default action of {arn}"),
        }
    }
}
