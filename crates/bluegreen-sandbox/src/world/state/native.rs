//! Service revisions and service deployments as stored: what ECS itself brings, stage by stage.

use std::sync::Arc;

use bluegreen_core::model::{RouteId, TargetGroupArn, TaskDefinitionArn};
use serde_json::Value;

use super::{Registration, Task};
use crate::world::Ms;

/// A lifecycle stage of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// What an unfinished deployment left is taken away.
    ReconcileService,
    /// The new revision has no tasks.
    PreScaleUp,
    /// Its tasks come.
    ScaleUp,
    /// They are there, without traffic.
    PostScaleUp,
    /// They get the test traffic.
    TestTrafficShift,
    /// They have it.
    PostTestTrafficShift,
    /// Before each step of the production traffic.
    PreProductionTrafficShift,
    /// They get their next share of it.
    ProductionTrafficShift,
    /// They have all of it.
    PostProductionTrafficShift,
    /// Both revisions run on.
    BakeTime,
    /// The old tasks go.
    CleanUp,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Stage; 11] = [
        Stage::ReconcileService,
        Stage::PreScaleUp,
        Stage::ScaleUp,
        Stage::PostScaleUp,
        Stage::TestTrafficShift,
        Stage::PostTestTrafficShift,
        Stage::PreProductionTrafficShift,
        Stage::ProductionTrafficShift,
        Stage::PostProductionTrafficShift,
        Stage::BakeTime,
        Stage::CleanUp,
    ];

    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::ReconcileService => "RECONCILE_SERVICE",
            Stage::PreScaleUp => "PRE_SCALE_UP",
            Stage::ScaleUp => "SCALE_UP",
            Stage::PostScaleUp => "POST_SCALE_UP",
            Stage::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Stage::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Stage::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Stage::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Stage::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Stage::BakeTime => "BAKE_TIME",
            Stage::CleanUp => "CLEAN_UP",
        }
    }

    /// The stage of that name.
    pub fn named(name: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == name)
    }

    /// Whether hooks can run at it.
    pub fn takes_hooks(self) -> bool {
        !matches!(self, Stage::ScaleUp | Stage::BakeTime | Stage::CleanUp)
    }

    /// Whether a deployment can be paused at it.
    pub fn takes_pauses(self) -> bool {
        self.takes_hooks() && !matches!(self, Stage::TestTrafficShift | Stage::ProductionTrafficShift)
    }
}

/// What a service was at one time: the tasks of one deployment.
#[derive(Clone, Debug)]
pub struct RevisionRecord {
    /// Its ARN.
    pub arn: String,
    /// The task definition.
    pub definition: TaskDefinitionArn,
    /// The service's generation: with the definition it tells whose a task is.
    pub generation: u32,
    /// Where its tasks register.
    pub groups: Arc<[Registration]>,
    /// When it was made.
    pub created_at: Ms,
    /// What the service said then, as clients sent it.
    pub settings: Arc<Value>,
}

impl RevisionRecord {
    /// Whether a task is one of its own.
    pub fn owns(&self, task: &Task) -> bool {
        task.definition == self.definition && task.generation == self.generation
    }
}

/// How a service deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReleaseStatus {
    /// Asked for, not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Told to go back.
    RollbackRequested,
    /// On its way back.
    RollbackInProgress,
    /// The new revision is in service.
    Successful,
    /// It was ended where it stood.
    Stopped,
    /// The old revision is in service again.
    RollbackSuccessful,
    /// There was no way back.
    RollbackFailed,
}

impl ReleaseStatus {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ReleaseStatus::Pending => "PENDING",
            ReleaseStatus::InProgress => "IN_PROGRESS",
            ReleaseStatus::RollbackRequested => "ROLLBACK_REQUESTED",
            ReleaseStatus::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            ReleaseStatus::Successful => "SUCCESSFUL",
            ReleaseStatus::Stopped => "STOPPED",
            ReleaseStatus::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            ReleaseStatus::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    /// Whether nothing more will come of it.
    pub fn has_ended(self) -> bool {
        use ReleaseStatus::{RollbackFailed, RollbackSuccessful, Stopped, Successful};
        matches!(self, Successful | Stopped | RollbackSuccessful | RollbackFailed)
    }

    /// Whether it is on its way back, or will be.
    pub fn goes_back(self) -> bool {
        matches!(self, ReleaseStatus::RollbackRequested | ReleaseStatus::RollbackInProgress)
    }
}

/// What watches over a deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Monitor {
    /// Nothing does.
    #[default]
    Disabled,
    /// It looks.
    Monitoring,
    /// It has found nothing.
    Complete,
    /// It has ended the deployment.
    Triggered,
}

impl Monitor {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Monitor::Disabled => "DISABLED",
            Monitor::Monitoring => "MONITORING",
            Monitor::Complete => "MONITORING_COMPLETE",
            Monitor::Triggered => "TRIGGERED",
        }
    }
}

/// One service deployment.
#[derive(Clone, Debug)]
pub struct ReleaseRecord {
    /// Its ARN.
    pub arn: String,
    /// When it was asked for.
    pub created_at: Ms,
    /// When it began.
    pub started_at: Option<Ms>,
    /// When it came to an end of its own.
    pub finished_at: Option<Ms>,
    /// When it was ended.
    pub stopped_at: Option<Ms>,
    /// When it changed last.
    pub updated_at: Ms,
    /// What it replaces: the revision that it goes back to, then what an unfinished deployment left.
    pub sources: Vec<Arc<RevisionRecord>>,
    /// Whether the first of them is one to go back to.
    pub has_stable: bool,
    /// What it brings.
    pub target: Arc<RevisionRecord>,
    /// How it stands.
    pub status: ReleaseStatus,
    /// Why.
    pub reason: String,
    /// `deploymentConfiguration` as it was when it began.
    pub configuration: Arc<Value>,
    /// Why and when it went back.
    pub rollback: Option<(String, Ms)>,
    /// The alarms that watch over it.
    pub alarms: Monitor,
    /// Those of them that ended it.
    pub triggered: Vec<String>,
    /// The circuit breaker.
    pub breaker: Monitor,
    /// The hooks that ran, oldest first.
    pub hooks: Vec<HookRun>,
    /// Where it is, if it goes by stages; a rolling one does not.
    pub run: Option<StagedRun>,
}

impl ReleaseRecord {
    /// The revision to go back to.
    pub fn stable(&self) -> Option<&Arc<RevisionRecord>> {
        self.sources.first().filter(|_| self.has_stable)
    }

    /// What an unfinished deployment was bringing when this one began.
    pub fn left_over(&self) -> &[Arc<RevisionRecord>] {
        &self.sources[usize::from(self.has_stable).min(self.sources.len())..]
    }

    /// The pause that waits for an answer.
    pub fn pause(&self) -> Option<&HookRun> {
        self.hooks.iter().find(|hook| hook.status == HookStatus::AwaitingAction)
    }

    /// The share of the production and of the test traffic that the target was given, in thousandths.
    pub fn shares(&self) -> (u16, u16) {
        match &self.run {
            Some(run) => (run.share, run.test_share),
            // A rolling one shifts nothing: its tasks share a group with the old ones.
            None => (if self.status == ReleaseStatus::Successful { 1_000 } else { 0 }, 0),
        }
    }
}

/// How a deployment by stages goes: all that was decided when it began.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedPlan {
    /// The shares of production traffic, one a step, in thousandths; the last is 1000.
    pub shares: Vec<u16>,
    /// How long each but the last step bakes.
    pub step_bake: Ms,
    /// How long both revisions run on at the end.
    pub bake: Ms,
    /// What runs at its stages.
    pub hooks: Vec<HookSpec>,
    /// What it rewrites.
    pub switches: Vec<Switch>,
}

/// A pair of groups with the rules that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// `targetGroupArn` and `alternateTargetGroupArn`: the order in which rules name them.
    pub pair: [TargetGroupArn; 2],
    /// The production rule.
    pub production: RouteId,
    /// The test rule.
    pub test: Option<RouteId>,
    /// The group of the new tasks.
    pub to: TargetGroupArn,
}

/// A lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSpec {
    /// The function that answers; `None` for a pause.
    pub function: Option<String>,
    /// When it runs.
    pub stages: Vec<Stage>,
    /// How long it may take.
    pub timeout: Ms,
    /// Whether the deployment goes on when it has taken longer.
    pub goes_on: bool,
}

/// How a hook's run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HookStatus {
    /// Somebody has to say how it goes on.
    AwaitingAction,
    /// Its function has not come to an end.
    InProgress,
    /// The deployment goes on.
    Succeeded,
    /// It does not.
    Failed,
    /// Nobody said anything in time.
    TimedOut,
}

impl HookStatus {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            HookStatus::AwaitingAction => "AWAITING_ACTION",
            HookStatus::InProgress => "IN_PROGRESS",
            HookStatus::Succeeded => "SUCCEEDED",
            HookStatus::Failed => "FAILED",
            HookStatus::TimedOut => "TIMED_OUT",
        }
    }
}

/// One run of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRun {
    /// Its id.
    pub id: String,
    /// The stage at which it runs.
    pub stage: Stage,
    /// The function that answers; `None` for a pause.
    pub function: Option<String>,
    /// How it stands.
    pub status: HookStatus,
    /// Until when it may take.
    pub expires_at: Ms,
    /// Whether the deployment goes on then.
    pub goes_on: bool,
    /// When it began.
    pub began_at: Ms,
    /// What whoever ran its function has said.
    pub answer: Option<bool>,
}

/// Where a deployment by stages is.
#[derive(Clone, Debug)]
pub struct StagedRun {
    /// How it goes.
    pub plan: Arc<StagedPlan>,
    /// Its stage; `None` before the first.
    pub stage: Option<Stage>,
    /// What it does there.
    pub part: Part,
    /// When it entered the stage.
    pub entered_at: Ms,
    /// Before this it does not leave it.
    pub leaves_at: Ms,
    /// The step of production traffic that is under way or comes next.
    pub step: usize,
    /// The share of production traffic that the new tasks were given, in thousandths.
    pub share: u16,
    /// The share of test traffic.
    pub test_share: u16,
}

/// What happens at a stage, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What the stage is for begins.
    Enter,
    /// Its hooks run.
    Hooks,
    /// It lasts until it is done.
    Last,
}
