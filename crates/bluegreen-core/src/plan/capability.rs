//! What each engine can and cannot do, as data: the planner refuses by it, and `docs/reference/engines.md` is made of it.

use std::fmt;
use std::time::Duration;

use crate::model::duration;

mod table;

pub use table::engines_markdown;

/// What carries a release out, without what it has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// Our weights, two services.
    Alb,
    /// Our weights, task sets of one service.
    TaskSets,
    /// CodeDeploy.
    CodeDeploy,
    /// ECS's own strategies.
    Ecs,
}

impl EngineKind {
    /// All of them, the one with the fewest limits first.
    pub const ALL: [EngineKind; 4] = [EngineKind::Alb, EngineKind::TaskSets, EngineKind::CodeDeploy, EngineKind::Ecs];

    /// The word for it in a spec.
    pub fn word(self) -> &'static str {
        match self {
            EngineKind::Alb | EngineKind::TaskSets => "alb",
            EngineKind::CodeDeploy => "codedeploy",
            EngineKind::Ecs => "ecs",
        }
    }

    /// Who writes the weights, as people call it.
    pub fn who(self) -> &'static str {
        match self {
            EngineKind::Alb | EngineKind::TaskSets => "bluegreen",
            EngineKind::CodeDeploy => "CodeDeploy",
            EngineKind::Ecs => "ECS",
        }
    }

    /// What it can do.
    pub fn can(self) -> &'static Capability {
        match self {
            EngineKind::Alb => &ALB,
            EngineKind::TaskSets => &TASK_SETS,
            EngineKind::CodeDeploy => &CODE_DEPLOY,
            EngineKind::Ecs => &ECS,
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The sequences of shares that an engine can go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// Any that rises.
    Any,
    /// All at once, one share before all, or equal shares.
    Listed {
        /// The finest share, in tenths of a percent.
        finest: u16,
        /// The smallest of equal shares, in tenths of a percent.
        linear_from: u16,
    },
}

/// The holds between two shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Any, each for itself.
    Any,
    /// Any, each for itself, and no longer than AWS pauses.
    Paused {
        /// The longest pause that AWS takes.
        most: Duration,
        /// The longest deployment.
        total: Duration,
    },
    /// All the same, in whole minutes.
    EqualMinutes {
        /// From the first share to the last.
        total: Duration,
    },
}

/// Where a release can wait for a person, or hold before it has any traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// At every share, and before the first.
    Anywhere,
    /// For a person, before the first share, and only where the deployment group waits there.
    BeforeFirst,
}

/// What limits the hold at 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bake {
    /// Nothing.
    Free,
    /// The old tasks are ended after the deployment group's termination wait.
    TerminationWait {
        /// The longest that AWS takes.
        most: Duration,
    },
    /// AWS's pause.
    Pause {
        /// The longest that AWS takes.
        most: Duration,
    },
}

/// The production routes whose weights are moved together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routes {
    /// Any number of rules and default actions of one load balancer.
    Many,
    /// What forwards to the pair on one listener.
    OneListener,
    /// One rule.
    OneRule,
}

/// When the commands of `hooks.preTraffic` run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalHooks {
    /// Once the canary is healthy.
    BeforeFirst,
    /// While the deployment group waits before the first shift, and only where it does.
    ReadyWait,
}

/// What one engine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Which.
    pub kind: EngineKind,
    /// The kind of service that it releases.
    pub service: &'static str,
    /// What can be done about traffic.
    pub shapes: Shapes,
    /// How long between two shares.
    pub holds: Holds,
    /// Whether our gate stands before every share; else it can only stop and take back.
    pub gates_between_steps: bool,
    /// Where it can wait for a person.
    pub waits: Waits,
    /// Whether the canary's task count can be set for itself, and follow its share.
    pub own_scale: bool,
    /// Whether the old tasks can be kept for an undo in seconds.
    pub keeps_old: bool,
    /// What limits the bake.
    pub bake: Bake,
    /// What is moved together.
    pub routes: Routes,
    /// Whether a rollback moves clients that a sticky route pinned to the canary.
    pub evicts_sticky: bool,
    /// Versions that can share the traffic.
    pub variants: &'static str,
    /// Whether a third fleet of new tasks of the old version can take part.
    pub control_fleet: bool,
    /// When our own commands run.
    pub local_hooks: LocalHooks,
    /// The points at which AWS runs Lambda functions.
    pub lambda_hooks: &'static str,
    /// How it goes back.
    pub rollback: &'static str,
    /// Who takes traffic back where this program is gone for good.
    pub alone: &'static str,
    /// What the engine itself makes of an alarm that is red at the start.
    pub red_at_start: &'static str,
    /// Network load balancers.
    pub network_balancer: &'static str,
}

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// CodeDeploy's longest shift and its longest termination wait: 2,880 minutes.
const TWO_DAYS: Duration = Duration::from_secs(2 * DAY);
/// ECS's longest pause: 20,160 minutes.
const PAUSE: Duration = Duration::from_secs(14 * DAY);
/// ECS's longest deployment.
const DEPLOYMENT: Duration = Duration::from_secs(30 * DAY);

const ALB: Capability = Capability {
    kind: EngineKind::Alb,
    service: "two services with the controller ECS and the strategy ROLLING",
    shapes: Shapes::Any,
    holds: Holds::Any,
    gates_between_steps: true,
    waits: Waits::Anywhere,
    own_scale: true,
    keeps_old: true,
    bake: Bake::Free,
    routes: Routes::Many,
    evicts_sticky: true,
    variants: "two in this version (a load balancer takes five groups)",
    control_fleet: true,
    local_hooks: LocalHooks::BeforeFirst,
    lambda_hooks: "none",
    rollback: "one write for each route, back to the captured actions",
    alone: "nobody: the split stays as it is",
    red_at_start: "has no alarms of its own",
    network_balancer: "no",
};

const TASK_SETS: Capability = Capability {
    kind: EngineKind::TaskSets,
    service: "one service with the controller EXTERNAL (`fleet.taskSets`)",
    // A third set would be a set of nobody's: each of the two colours has its own.
    control_fleet: false,
    ..ALB
};

const CODE_DEPLOY: Capability = Capability {
    kind: EngineKind::CodeDeploy,
    service: "one service with the controller CODE_DEPLOY, and a deployment group for it",
    shapes: Shapes::Listed { finest: 10, linear_from: 10 },
    holds: Holds::EqualMinutes { total: TWO_DAYS },
    gates_between_steps: false,
    waits: Waits::BeforeFirst,
    own_scale: false,
    keeps_old: false,
    bake: Bake::TerminationWait { most: TWO_DAYS },
    routes: Routes::OneListener,
    evicts_sticky: false,
    variants: "two",
    control_fleet: false,
    local_hooks: LocalHooks::ReadyWait,
    lambda_hooks: "five lifecycle events (`codedeploy.hooks`)",
    rollback: "another deployment, by `StopDeployment` with rollback",
    alone: "CodeDeploy goes on by itself; its own alarms and rollback events count",
    red_at_start: "does not start, or stops",
    network_balancer: "no (CodeDeploy itself: all at once only)",
};

const ECS: Capability = Capability {
    kind: EngineKind::Ecs,
    service: "one service with the controller ECS and an alternate target group (`advancedConfiguration`)",
    shapes: Shapes::Listed { finest: 1, linear_from: 30 },
    holds: Holds::Paused { most: PAUSE, total: DEPLOYMENT },
    gates_between_steps: true,
    waits: Waits::Anywhere,
    own_scale: false,
    keeps_old: false,
    bake: Bake::Pause { most: PAUSE },
    routes: Routes::OneRule,
    evicts_sticky: false,
    variants: "two",
    control_fleet: false,
    local_hooks: LocalHooks::BeforeFirst,
    lambda_hooks: "those that the service declares, at eight stages",
    rollback: "`StopServiceDeployment` with ROLLBACK",
    alone: "ECS, once a pause has lasted for `ecs.pauseTimeout`",
    red_at_start: "ignores its alarms for the whole deployment",
    network_balancer: "no (ECS itself: yes, ten minutes slower)",
};

/// A share in tenths of a percent, for people.
fn percent(tenths: u16) -> String {
    match tenths % 10 {
        0 => format!("{} %", tenths / 10),
        tenth => format!("{}.{tenth} %", tenths / 10),
    }
}

impl fmt::Display for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shapes::Any => write!(f, "any rising sequence"),
            Shapes::Listed { linear_from, .. } => {
                write!(f, "all at once; one share, then all; equal shares from {}", percent(*linear_from))
            }
        }
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holds::Any => write!(f, "any, each for itself"),
            Holds::Paused { most, total } => write!(
                f,
                "any, each for itself, up to {} each and {} together",
                duration::format(*most),
                duration::format(*total)
            ),
            Holds::EqualMinutes { total } => {
                write!(f, "all the same, whole minutes, {} together", duration::format(*total))
            }
        }
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Waits::Anywhere => "at every step",
            Waits::BeforeFirst => "before the first share, where the group waits there",
        })
    }
}

impl fmt::Display for Bake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bake::Free => write!(f, "any length"),
            Bake::TerminationWait { most } => {
                write!(f, "up to the group's termination wait, at most {}", duration::format(*most))
            }
            Bake::Pause { most } => write!(f, "up to `ecs.pauseTimeout`, at most {}", duration::format(*most)),
        }
    }
}

impl fmt::Display for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Routes::Many => "any number of rules and default actions",
            Routes::OneListener => "what forwards to the pair on one listener",
            Routes::OneRule => "one rule",
        })
    }
}

impl fmt::Display for LocalHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LocalHooks::BeforeFirst => "before the first share",
            LocalHooks::ReadyWait => "before the first share, where the group waits there",
        })
    }
}

impl Shapes {
    /// The finest share, in tenths of a percent.
    pub fn finest(&self) -> u16 {
        match self {
            Shapes::Any => 1,
            Shapes::Listed { finest, .. } => *finest,
        }
    }
}
