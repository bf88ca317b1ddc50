//! What was called, by whom, when, and how it ended.

use bluegreen_core::journal::Record;
use bluegreen_core::model::{
    Action, DeploymentId, DeploymentWait, RouteId, RunId, TargetGroupArn, TaskDefinitionArn, Timestamp,
};
use bluegreen_core::observe::{AlarmSnapshot, RouteSnapshot, ServiceSnapshot, TargetHealth, TaskSetSnapshot};
use bluegreen_core::ports::ErrorClass;

/// One call of an operator, or one deed of somebody else (then by [`WORLD`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its number among all operators' calls, from 0. A deed has the number of the call that it came before.
    pub index: u64,
    /// Who called.
    pub operator: String,
    /// What, such as `elbv2:ModifyRule`.
    pub operation: &'static str,
    /// The key argument: an ARN, a name, a record's kind.
    pub argument: String,
    /// When it left the caller.
    pub sent_at: Timestamp,
    /// When it took effect or its answer was made.
    pub at: Timestamp,
    /// When its answer reached the caller, if it lived.
    pub answered_at: Timestamp,
    /// Whether it was meant to change something.
    pub mutating: bool,
    /// Whether it did.
    pub applied: bool,
    /// What the caller was told.
    pub answer: Answer,
    /// What was read or written.
    pub detail: Detail,
}

/// The operator's name of deeds that no operator did.
pub const WORLD: &str = "(world)";

/// What a caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Yes.
    Ok,
    /// No, or nothing happened.
    Failed(ErrorClass),
    /// Nobody knows.
    Unknown(ErrorClass),
}

/// What was read or written, where a law wants to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// Nothing of interest.
    None,
    /// Routes as the caller saw them.
    Routes(Vec<RouteSnapshot>),
    /// A group's health as the caller saw it.
    Health(TargetGroupArn, TargetHealth),
    /// The alarms that were asked for, and those that the caller saw.
    Alarms(Vec<String>, Vec<AlarmSnapshot>),
    /// Services as the caller saw them.
    Services(Vec<ServiceSnapshot>),
    /// A write of actions.
    Actions(ActionsWrite),
    /// A write to a service.
    Service(ServiceWrite),
    /// A write to a task set.
    TaskSet(TaskSetWrite),
    /// A registration in this family, and the revision that it made.
    Registered(String, TaskDefinitionArn),
    /// A write to a deployment that AWS carries out.
    Release(ReleaseWrite),
    /// A record.
    Appended(Box<Record>),
}

/// A write to a deployment that AWS carries out, or to what it goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseWrite {
    /// A traffic configuration of that name was made.
    Config(String),
    /// One was started that carries this run's mark.
    Start(Option<RunId>),
    /// One was told to go on.
    GoOn(DeploymentId, DeploymentWait),
    /// One was stopped.
    Stop(DeploymentId),
    /// Settings of a service were changed.
    Settings(String),
}

/// A write of a route's actions.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionsWrite {
    /// The route.
    pub route: RouteId,
    /// What it said before.
    pub before: Vec<Action>,
    /// Since when it had said so.
    pub before_since: Timestamp,
    /// What it says now.
    pub after: Vec<Action>,
}

/// A write to a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceWrite {
    /// Its cluster.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// The change, as sent.
    pub change: bluegreen_core::ports::ServiceChange,
    /// Its revision and count before.
    pub before: (TaskDefinitionArn, u32),
    /// Its revision and count now.
    pub after: (TaskDefinitionArn, u32),
}

/// A write to a task set of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSetWrite {
    /// The service's cluster.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// The change, as sent.
    pub request: bluegreen_core::ports::TaskSetRequest,
    /// Its sets before.
    pub before: Vec<TaskSetSnapshot>,
    /// Its sets now.
    pub after: Vec<TaskSetSnapshot>,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Call { index, operator, operation, argument, at, .. } = self;
        let effect = if self.applied { " applied" } else { "" };
        write!(f, "{at} #{index} {operator} {operation} {argument}{effect}")?;
        match self.answer {
            Answer::Ok => Ok(()),
            Answer::Failed(class) => write!(f, " failed: {}", class.as_str()),
            Answer::Unknown(class) => write!(f, " unknown: {}", class.as_str()),
        }
    }
}
