//! The records themselves: append-only, versioned, readable by hand.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Command, TaskSetChange};
use crate::analysis::{Judgement, Row};
use crate::model::{Action, DeploymentId, DeploymentWait, Hook, Percent, RouteId, TaskDefinitionArn};
use crate::observe::{DeploymentStatus, LifecycleEvent};
use crate::plan::{OnInconclusive, Plan};
use crate::ports::{CallError, ServiceChange};

/// The version of the records' wire form.
pub const JOURNAL_VERSION: u32 = 1;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its position, from 0 without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub body: Body,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Body {
    /// Record 0: the run begins.
    Started {
        /// What it will do.
        plan: Box<Plan>,
        /// The plan's hash: a plan that was tampered with no longer matches.
        hash: String,
        /// Who runs it.
        operator: Operator,
    },
    /// Another process has taken over.
    Resumed {
        /// Who.
        operator: Operator,
    },
    /// A mutation is about to be sent: written before the send.
    Intent {
        /// What.
        mutation: Mutation,
        /// Why.
        because: String,
    },
    /// How an intent ended. An intent without one is a doubt: look, do not repeat blindly.
    Outcome {
        /// The intent's sequence number.
        intent: IntentId,
        /// How it ended.
        resolution: Resolution,
    },
    /// Something that stays true.
    Fact(Fact),
    /// The run is over.
    Finished(Ending),
}

/// The sequence number of an intent's record.
pub type IntentId = u64;

/// Who runs the loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operator {
    /// The login name.
    pub user: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The version of this library: another one may finish a run only by the same rules.
    pub version: String,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} (pid {})", self.user, self.host, self.pid)
    }
}

/// One change of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Mutation {
    /// Registers the plan's task definition.
    RegisterTaskDefinition,
    /// Changes a service.
    UpdateService(ServiceChange),
    /// Changes the control fleet's service. The colour is stable's, whose version the control fleet runs.
    UpdateControl(ServiceChange),
    /// Changes a task set, where the fleets are task sets.
    TaskSet(TaskSetChange),
    /// Replaces all actions of a route.
    SetActions {
        /// The route.
        route: RouteId,
        /// The actions, whole.
        actions: Vec<Action>,
        /// What the write is for.
        purpose: Purpose,
    },
    /// Runs the hook with this index.
    RunHook(usize, Hook),
    /// Makes the traffic configuration that the plan names.
    CreateConfig,
    /// Starts the deployment that AWS carries out.
    StartDeployment,
    /// Tells a deployment that waits to go on.
    Continue {
        /// Which.
        deployment: DeploymentId,
        /// Where it waits.
        wait: DeploymentWait,
    },
    /// Stops a deployment and has it rolled back.
    StopDeployment {
        /// Which.
        deployment: DeploymentId,
    },
    /// Puts the service's deployment settings back as they were declared.
    RestoreSettings,
}

/// What a write of actions is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Purpose {
    /// Both groups at explicit weights, all traffic on stable.
    Attach,
    /// The smoke test's route to the canary.
    Test,
    /// A step's weight.
    Step(Percent),
    /// The canary group leaves a sticky action, so that pinned clients move too.
    Evict,
    /// The baseline, verbatim.
    Restore,
}

/// How an intent ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Resolution {
    /// AWS said yes.
    Applied {
        /// The revision, where one was registered.
        #[serde(skip_serializing_if = "Option::is_none")]
        task_definition: Option<TaskDefinitionArn>,
    },
    /// AWS said yes, and named the deployment that it started.
    Started {
        /// Its id.
        deployment: DeploymentId,
    },
    /// It had no effect.
    NotApplied(CallError),
    /// No telling.
    Unknown(CallError),
    /// It was not sent: a gate closed between the decision and the send.
    Withheld {
        /// Which, and why.
        why: String,
    },
    /// A hook failed, with the last lines that it printed.
    HookFailed {
        /// Its last output.
        output: String,
    },
}

/// Something that stays true once written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Fact {
    /// The alarms were all acceptable before the first write.
    GreenAtStart,
    /// Both groups were seen attached on every route.
    Attached,
    /// The revision exists.
    TaskDefinition(TaskDefinitionArn),
    /// The canary fleet was first seen complete and healthy.
    CanaryHealthy {
        /// Healthy targets.
        healthy: u32,
    },
    /// It no longer was.
    CanaryUnhealthy {
        /// What was seen.
        seen: String,
    },
    /// The control fleet was first seen complete and healthy.
    ControlHealthy {
        /// Healthy targets.
        healthy: u32,
    },
    /// It no longer was.
    ControlUnhealthy {
        /// What was seen.
        seen: String,
    },
    /// The test route was seen on the canary.
    TestRouteReady,
    /// A `SetWeight` step was read back on every route, or a scale was reached.
    StepVerified(usize),
    /// A step is done.
    StepPassed {
        /// Its index.
        step: usize,
        /// Why it is over.
        why: String,
    },
    /// A gate keeps the run where it is.
    GateClosed {
        /// Which, and why.
        why: String,
    },
    /// The counts of a deciding metric cannot be had: the gate is closed as it is by an alarm without an answer.
    CountsMissing {
        /// Which, and why.
        why: String,
    },
    /// It opened again.
    GateOpened,
    /// An order was taken.
    Commanded(Command),
    /// A route was found as nobody in this run left it.
    Drift {
        /// The route.
        route: RouteId,
        /// What we last wrote.
        expected: Vec<Action>,
        /// What is there.
        found: Vec<Action>,
    },
    /// The goal is now the baseline; never flipped back.
    Restoring(Cause),
    /// The canary group was seen out of every sticky action.
    Evicted,
    /// The baseline was read back on every route.
    TrafficRestored,
    /// The canary fleet was seen at its baseline, and the control fleet at its own.
    CapacityRestored,
    /// Success was read back: old capacity may go.
    Committed,
    /// The old fleet was seen at its planned size.
    OldFleetSettled,
    /// After the commit the control fleet was seen at its old size.
    ControlSettled,
    /// The traffic configuration exists.
    ConfigReady,
    /// The deployment with this run's mark was found.
    DeploymentFound {
        /// Its id.
        deployment: DeploymentId,
        /// Who made it, as far as AWS tells.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        creator: String,
    },
    /// No deployment with this run's mark came of a start that was in doubt.
    DeploymentNeverStarted,
    /// A deployment has reached a lifecycle stage.
    Stage {
        /// Which deployment.
        deployment: DeploymentId,
        /// The stage, as AWS names it.
        stage: String,
    },
    /// A lifecycle event or hook of a deployment has another status than before.
    Lifecycle {
        /// Which deployment.
        deployment: DeploymentId,
        /// Its place in AWS's order, from 0.
        place: usize,
        /// The event, with its status and AWS's words.
        event: LifecycleEvent,
    },
    /// A deployment waits to be told to go on.
    Waits {
        /// Which deployment.
        deployment: DeploymentId,
        /// Where.
        wait: DeploymentWait,
    },
    /// Somebody else told our deployment to go on.
    ContinuedElsewhere {
        /// Where it waited.
        wait: DeploymentWait,
    },
    /// AWS was seen to have moved traffic on a route.
    Shifted {
        /// The route.
        route: RouteId,
        /// How it was found.
        found: Vec<Action>,
    },
    /// A deployment is on its way back.
    TurnedBack {
        /// Which.
        deployment: DeploymentId,
        /// AWS's words, where it has any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The deployment that takes ours back was found.
    RollbackFound {
        /// Its id.
        deployment: DeploymentId,
    },
    /// A deployment has ended.
    DeploymentEnded {
        /// Which.
        deployment: DeploymentId,
        /// How.
        status: DeploymentStatus,
        /// AWS's words, where it has any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The service's deployment settings were seen as they were declared.
    SettingsRestored,
    /// Closed minutes of counts were read.
    Minutes {
        /// Those that are new, or other than they were: of two rows for a minute the newer record counts.
        rows: Vec<Row>,
        /// The end of the newest one that is closed and complete.
        until: Timestamp,
        /// The deciding metrics that could not be read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<String>,
    },
    /// The judge's word on all minutes so far.
    Judged {
        /// The index of the step under way.
        step: usize,
        /// The verdict, with all that it rests on.
        judgement: Box<Judgement>,
    },
    /// A step ended without enough evidence.
    Inconclusive {
        /// Its index.
        step: usize,
        /// What follows.
        then: OnInconclusive,
        /// What is missing.
        why: String,
    },
    /// The metrics cannot be read, and the run goes on without them until they can.
    WithoutMetrics {
        /// By whose word.
        why: String,
    },
}

/// Why a run goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Cause {
    /// An alarm is or was red.
    AlarmRed {
        /// Which.
        alarm: String,
        /// CloudWatch's words.
        reason: String,
    },
    /// Alarms gave no answer for longer than allowed.
    NoAnswer(String),
    /// A phase took too long.
    Deadline(String),
    /// The canary cannot serve: ECS gave its deployment up, or it lost all targets under traffic.
    Deployment(String),
    /// The control fleet cannot serve: ECS gave its deployment up, or it lost all targets under traffic.
    Control(String),
    /// A hook failed.
    Hook(String),
    /// AWS refused a write for good.
    Refused(CallError),
    /// Someone else writes to our routes or services.
    Drift(String),
    /// A person said so.
    Abort(String),
    /// The process was told to stop, and the policy is to go back.
    Interrupt,
    /// The journal cannot be written.
    Journal(String),
    /// Our deployment ended without success, or is on its way back, and nobody of this run asked for that.
    TakenBack(String),
    /// The judge found the canary worse, or not enough evidence where that goes back too.
    Analysis {
        /// The metric that says so most; `None` without enough evidence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metric: Option<String>,
        /// In a sentence.
        why: String,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::AlarmRed { alarm, reason } => write!(f, "alarm {alarm} is red: {reason}"),
            Cause::NoAnswer(what) => write!(f, "no answer: {what}"),
            Cause::Deadline(what) => write!(f, "deadline passed: {what}"),
            Cause::Deployment(what) => write!(f, "the canary cannot serve: {what}"),
            Cause::Control(what) => write!(f, "the control fleet cannot serve: {what}"),
            Cause::Hook(what) => write!(f, "hook failed: {what}"),
            Cause::Refused(error) => write!(f, "AWS refused: {error}"),
            Cause::Drift(what) => write!(f, "drift: {what}"),
            Cause::Abort(by) => write!(f, "aborted by {by}"),
            Cause::Interrupt => f.write_str("interrupted"),
            Cause::Journal(what) => write!(f, "the journal cannot be written: {what}"),
            Cause::TakenBack(what) => f.write_str(what),
            Cause::Analysis { metric: Some(metric), why } => write!(f, "judged by {metric}: {why}"),
            Cause::Analysis { metric: None, why } => write!(f, "not enough evidence: {why}"),
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// In one word.
    pub terminal: Terminal,
    /// In a sentence.
    pub why: String,
}

/// The ways in which a run can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Terminal {
    /// The new version has all traffic, read back and healthy.
    Promoted,
    /// The baseline was restored and read back.
    RolledBack,
    /// The same, because a person asked for it.
    Aborted,
    /// Refused before the first write.
    Refused,
    /// Stopped safely: a person is needed.
    Held,
    /// Going back failed or could not be verified.
    RollbackFailed,
}

impl fmt::Display for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Terminal::Promoted => "Promoted",
            Terminal::RolledBack => "RolledBack",
            Terminal::Aborted => "Aborted",
            Terminal::Refused => "Refused",
            Terminal::Held => "Held",
            Terminal::RollbackFailed => "RollbackFailed",
        })
    }
}
