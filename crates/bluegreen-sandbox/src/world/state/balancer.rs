//! Routes and target groups as stored.

use bluegreen_core::model::Action;
use serde_json::Value;

use crate::world::Ms;

/// Who changed something last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// It has been so from the beginning.
    Nobody,
    /// One of the operators.
    Operator(String),
    /// Somebody else, by the script.
    ThirdParty,
}

/// A rule or default action.
#[derive(Clone, Debug)]
pub struct RouteRecord {
    /// `1` to `50000`, or `default`.
    pub priority: String,
    /// Its conditions.
    pub conditions: Value,
    /// What it says.
    pub actions: Vec<Action>,
    /// What the data plane does: the actions with the times from which it does them, oldest first.
    pub routed: Vec<(Ms, Vec<Action>)>,
    /// Who wrote it last.
    pub writer: Writer,
    /// When.
    pub written_at: Ms,
}

impl RouteRecord {
    /// What the data plane does at `at`.
    pub fn routed_at(&self, at: Ms) -> &[Action] {
        let current = self.routed.iter().rev().find(|(since, _)| *since <= at);
        current.map_or(&self.actions, |(_, actions)| actions)
    }
}

/// A target group.
#[derive(Clone, Debug)]
pub struct GroupRecord {
    /// `HTTP` …
    pub protocol: String,
    /// `ip` …
    pub target_type: String,
    /// Its VPC.
    pub vpc: String,
    /// The deregistration delay in milliseconds.
    pub drain: Ms,
    /// Whether its own cookies pin clients to targets.
    pub target_sticky: bool,
    /// Since when a route uses it.
    pub attached_since: Option<Ms>,
}
