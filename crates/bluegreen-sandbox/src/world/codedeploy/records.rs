//! What CodeDeploy stores.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluegreen_core::appspec::{self, AppSpec};
use bluegreen_core::model::{Action, ListenerArn, RouteId, TargetGroupArn};
use serde_json::{Map, Value};

use super::config::Shares;
use super::lifecycle::Event;
use crate::world::Ms;

/// Everything of CodeDeploy.
#[derive(Clone, Debug, Default)]
pub struct CodeDeploy {
    /// Applications by name.
    pub applications: BTreeMap<String, Application>,
    /// Custom traffic configurations by name.
    pub configs: BTreeMap<String, TrafficConfig>,
    /// Deployments by id.
    pub deployments: BTreeMap<String, Arc<Deployment>>,
    /// Aliases of functions, by function and alias.
    pub aliases: BTreeMap<(String, String), Alias>,
}

impl CodeDeploy {
    /// The deployments of a group, oldest first.
    pub fn of_group(&self, application: &str, group: &str) -> Vec<&Deployment> {
        let own = |found: &&Arc<Deployment>| found.application == application && found.group == group;
        let mut all: Vec<&Deployment> = self.deployments.values().filter(own).map(|found| &**found).collect();
        all.sort_by_key(|found| found.number);
        all
    }

    /// Whether a deployment that has not ended moves a service.
    pub fn is_moving(&self, cluster: &str, service: &str) -> bool {
        let of_it = |found: &(String, String)| found.0 == cluster && found.1 == service;
        self.active().any(|deployment| deployment.setup.service.as_ref().is_some_and(of_it))
    }

    /// Every deployment that has not ended.
    pub(super) fn active(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.deployments.values().filter(|deployment| !deployment.status.has_ended())
    }
}

/// What an application's deployments move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Task sets of an ECS service.
    Ecs,
    /// Versions behind a function's alias.
    Lambda,
    /// Instances, of which the sandbox has none; only built-in configurations are of this platform.
    Server,
}

impl Platform {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::Ecs => "ECS",
            Platform::Lambda => "Lambda",
            Platform::Server => "Server",
        }
    }
}

/// An application.
#[derive(Clone, Debug)]
pub struct Application {
    /// AWS's id.
    pub id: String,
    /// What its deployments move.
    pub platform: Platform,
    /// When it was made.
    pub created_at: Ms,
    /// Its deployment groups by name.
    pub groups: BTreeMap<String, Arc<Group>>,
}

/// A deployment group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// AWS's id.
    pub id: String,
    /// The traffic configuration of deployments that name none.
    pub config: Option<String>,
    /// The role that it works as.
    pub service_role: String,
    /// Cluster and service.
    pub service: Option<(String, String)>,
    /// Between what traffic moves.
    pub pair: Option<Pair>,
    /// How long a deployment waits for a continue before the first shift, in minutes; `None` where it goes on by itself.
    pub ready_wait: Option<u32>,
    /// What becomes of the old tasks.
    pub termination: Termination,
    /// What it watches.
    pub alarms: AlarmWatch,
    /// When it rolls back by itself.
    pub rollback: Rollback,
    /// Members of requests that are kept and shown without effect.
    pub settings: Map<String, Value>,
}

/// Two target groups and where they are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The names of the two, in the order given.
    pub groups: [String; 2],
    /// The production listener.
    pub production: ListenerArn,
    /// The test listener.
    pub test: Option<ListenerArn>,
}

/// What becomes of the old tasks after the last shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termination {
    /// Whether they are ended.
    pub ends: bool,
    /// After so many minutes.
    pub wait: u32,
}

impl Default for Termination {
    fn default() -> Self {
        Termination { ends: true, wait: 0 }
    }
}

/// The alarms that a group watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmWatch {
    /// Whether it does.
    pub enabled: bool,
    /// Whether it goes on where it cannot read one of them.
    pub ignore_poll_failure: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// When a group rolls back by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollback {
    /// Whether it does.
    pub enabled: bool,
    /// After what.
    pub events: Vec<RollbackEvent>,
}

impl Rollback {
    pub(super) fn follows(&self, event: RollbackEvent) -> bool {
        self.enabled && self.events.contains(&event)
    }
}

/// After what a group can roll back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollbackEvent {
    /// The deployment failed.
    Failure,
    /// An alarm stopped it.
    StopOnAlarm,
    /// Somebody stopped it.
    StopOnRequest,
}

impl RollbackEvent {
    /// All of them.
    pub const ALL: [RollbackEvent; 3] =
        [RollbackEvent::Failure, RollbackEvent::StopOnAlarm, RollbackEvent::StopOnRequest];

    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            RollbackEvent::Failure => "DEPLOYMENT_FAILURE",
            RollbackEvent::StopOnAlarm => "DEPLOYMENT_STOP_ON_ALARM",
            RollbackEvent::StopOnRequest => "DEPLOYMENT_STOP_ON_REQUEST",
        }
    }
}

/// A traffic configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficConfig {
    /// AWS's id.
    pub id: String,
    /// Whose deployments can use it.
    pub platform: Platform,
    /// How traffic moves; `None` for one that moves none.
    pub shares: Option<Shares>,
    /// When it was made; the built-in ones have been there from the beginning.
    pub created_at: Ms,
}

/// A function's alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The version that it points to.
    pub version: u64,
    /// Another version and its share in percent.
    pub shift: Option<(u64, u32)>,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Made, not begun.
    Created,
    /// Under way.
    InProgress,
    /// It waits for a continue.
    Ready,
    /// The new version is in service.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
}

impl Status {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Created => "Created",
            Status::InProgress => "InProgress",
            Status::Ready => "Ready",
            Status::Succeeded => "Succeeded",
            Status::Failed => "Failed",
            Status::Stopped => "Stopped",
        }
    }

    /// Whether nothing more will come of it.
    pub fn has_ended(self) -> bool {
        matches!(self, Status::Succeeded | Status::Failed | Status::Stopped)
    }
}

/// What is deployed: an AppSpec document.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Its text, byte for byte.
    pub content: Arc<str>,
    /// What it says.
    pub spec: Arc<AppSpec>,
    /// Whether it came as `string`, the older form for functions.
    pub as_string: bool,
}

impl Revision {
    /// The hash of its text.
    pub fn sha256(&self) -> String {
        appspec::sha256(&self.content)
    }
}

/// A deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `d-…`.
    pub id: String,
    /// Its place among all deployments.
    pub number: u64,
    /// Its application.
    pub application: String,
    /// Its group's name.
    pub group: String,
    /// The group as it was when the deployment was made.
    pub setup: Arc<Group>,
    /// What it moves.
    pub platform: Platform,
    /// The name of its traffic configuration.
    pub config: String,
    /// How it moves traffic.
    pub shares: Shares,
    /// What the client said about it.
    pub description: String,
    /// What it brings.
    pub revision: Revision,
    /// What was in service before, as far as the group knows.
    pub previous: Option<Revision>,
    /// Alarms instead of the group's.
    pub alarms: Option<AlarmWatch>,
    /// Rollback instead of the group's.
    pub rollback: Option<Rollback>,
    /// How it stands.
    pub status: Status,
    /// When it was made.
    pub created_at: Ms,
    /// When it began.
    pub started_at: Option<Ms>,
    /// When it ended.
    pub completed_at: Option<Ms>,
    /// Where it is.
    pub position: Position,
    /// Its lifecycle, in order.
    pub events: Vec<Event>,
    /// What it moves traffic between.
    pub sides: Sides,
    /// The share of the new version on the routes that it has written, in percent.
    pub share: u32,
    /// Somebody wants it to stop.
    pub stop: Option<Stop>,
    /// AWS's code and words for how it ended.
    pub error: Option<(&'static str, String)>,
    /// The deployment that it takes back.
    pub rollback_of: Option<String>,
    /// The deployment that takes it back.
    pub rolled_back_by: Option<String>,
}

impl Deployment {
    /// AWS's word for who made it.
    pub fn creator(&self) -> &'static str {
        if self.rollback_of.is_some() { "codeDeployRollback" } else { "user" }
    }

    /// The event under way, or the next one.
    pub fn event(&self) -> Option<&Event> {
        match self.position {
            Position::At { index, .. } => self.events.get(index),
            _ => None,
        }
    }

    /// Whether it keeps the old tasks for a while.
    pub fn waits_for_termination(&self) -> bool {
        matches!(self.position, Position::Termination { .. })
    }

    pub(super) fn watch(&self) -> &AlarmWatch {
        self.alarms.as_ref().unwrap_or(&self.setup.alarms)
    }

    pub(super) fn rolls_back_after(&self, event: RollbackEvent) -> bool {
        self.rollback.as_ref().unwrap_or(&self.setup.rollback).follows(event)
    }
}

/// Where a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// It begins then.
    Queued {
        /// When.
        begins: Ms,
    },
    /// At an event; where the event is traffic, some of its shares have been written.
    At {
        /// Its place in the lifecycle.
        index: usize,
        /// Shares that have been written.
        shares: usize,
        /// When the next thing is due by time.
        due: Ms,
    },
    /// It waits for a continue before the first shift.
    Ready {
        /// Without one it stops then.
        until: Ms,
    },
    /// It keeps the old tasks for a while.
    Termination {
        /// Until then.
        until: Ms,
    },
    /// It has ended.
    Over,
}

/// Somebody wants a deployment to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// When it does.
    pub at: Ms,
    /// Whether it is to be rolled back; `None` leaves that to the group.
    pub rollback: Option<bool>,
}

/// What an ECS deployment moves traffic between; empty for functions, and before `Install`.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// The task set that was in service.
    pub old: Option<Side>,
    /// The one that replaces it.
    pub new: Option<Side>,
    /// The routes of production traffic.
    pub production: Vec<RouteId>,
    /// The routes of test traffic with what they said before.
    pub test: Vec<(RouteId, Vec<Action>)>,
}

/// One side.
#[derive(Clone, Debug)]
pub struct Side {
    /// The task set's id; empty before it is made.
    pub set: Arc<str>,
    /// Where its tasks register.
    pub group: TargetGroupArn,
}
