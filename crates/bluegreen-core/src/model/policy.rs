//! What the user chose: steps, gates, and what to do when something is off. Shared by the spec and the plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Percent, duration};

/// One entry of the release's list of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// Gives the canary this share of traffic on every route.
    SetWeight(Percent),
    /// Scales the canary to this share of the stable fleet's task count.
    SetCanaryScale(Percent),
    /// Holds for a time under watch, counted from the moment the step before was verified.
    Hold(#[serde(with = "duration")] Duration),
    /// Holds until there is a verdict on the canary, for this time unless the plan's analysis says otherwise.
    Analysis(#[serde(with = "duration")] Duration),
    /// Holds until a person promotes.
    AwaitPromote,
    /// The hold at 100 % before commit.
    Bake(#[serde(with = "duration")] Duration),
}

/// How many tasks the canary fleet gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capacity {
    /// As many as the stable fleet, before the first weight.
    Full,
    /// The share of the stable fleet's count that the next weight asks for, at least one.
    MatchWeight,
}

/// What becomes of the old fleet after commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum AfterCommit {
    /// It keeps its tasks, so that an undo needs no new capacity.
    KeepWarm,
    /// It is scaled to this many tasks once verified traffic is zero and the drain is over.
    ScaleTo(u32),
}

/// What to do with an alarm that gives no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum NoData {
    /// Count it as green: for error alarms that have no points while nothing fails.
    Allow,
    /// Hold forward motion for at most this long, then refuse (at the start) or roll back (later).
    Wait(#[serde(with = "duration")] Duration),
    /// Refuse at the start, roll back later.
    Refuse,
}

/// The alarm gate's policy. `ALARM` itself has none: it refuses at the start and rolls back later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlarmPolicy {
    /// Alarms that may be red at the start; they count again once they have been green.
    pub allow_red: Vec<String>,
    /// For `INSUFFICIENT_DATA`.
    pub insufficient_data: NoData,
    /// For an alarm that does not exist (any more).
    pub missing: NoData,
    /// For reads that fail: throttled, denied, timed out.
    pub unreadable: NoData,
}

impl Default for AlarmPolicy {
    fn default() -> Self {
        let ten_minutes = Duration::from_secs(600);
        AlarmPolicy {
            allow_red: Vec::new(),
            insufficient_data: NoData::Wait(ten_minutes),
            missing: NoData::Refuse,
            unreadable: NoData::Wait(ten_minutes),
        }
    }
}

/// What to do when the world is neither what we wrote nor the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftPolicy {
    /// Stop and leave everything as it is for a person.
    Hold,
    /// Restore the captured baseline.
    Rollback,
}

/// What the first interrupt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnInterrupt {
    /// Start no new work and leave the weights; `resume` goes on.
    Hold,
    /// Restore the captured baseline.
    Rollback,
}

/// How to go back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollbackPolicy {
    /// On the first SIGINT or SIGTERM.
    pub on_interrupt: OnInterrupt,
    /// After this long without success the rollback is reported as failed.
    #[serde(with = "duration")]
    pub deadline: Duration,
    /// How long the canary group stays out of a sticky action before the baseline is written verbatim;
    /// never longer than the stickiness itself.
    #[serde(with = "duration")]
    pub sticky_hold: Duration,
}

impl Default for RollbackPolicy {
    fn default() -> Self {
        RollbackPolicy {
            on_interrupt: OnInterrupt::Hold,
            deadline: Duration::from_secs(600),
            sticky_hold: Duration::from_secs(300),
        }
    }
}

/// How fast the loop looks, and what it allows AWS for delays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timing {
    /// Between two looks at the world.
    #[serde(with = "duration")]
    pub poll: Duration,
    /// How old a read of ECS or the load balancer may be: nothing older than this after a write is believed against it.
    #[serde(with = "duration")]
    pub settle: Duration,
    /// How long the load balancer's nodes may go on routing by old weights.
    #[serde(with = "duration")]
    pub propagation: Duration,
    /// How long connections to a group without weight may live on: its deregistration delay.
    #[serde(with = "duration")]
    pub drain: Duration,
    /// How long one phase may take before the release goes back.
    #[serde(with = "duration")]
    pub phase_deadline: Duration,
    /// How old an alarm or health reading may be when a forward write is sent.
    #[serde(with = "duration")]
    pub freshness: Duration,
    /// How long the canary must stay healthy before it is believed.
    #[serde(with = "duration")]
    pub stable_for: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            poll: Duration::from_secs(10),
            settle: Duration::from_secs(30),
            propagation: Duration::from_secs(60),
            drain: Duration::from_secs(300),
            phase_deadline: Duration::from_secs(900),
            freshness: Duration::from_secs(20),
            stable_for: Duration::from_secs(10),
        }
    }
}

/// A command that must succeed before the canary gets its first traffic: argv, never a shell line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hook {
    /// The program and its arguments; `{{testUrl}}`, `{{run}}`, `{{color}}` and `{{taskDefinition}}` are filled in.
    pub argv: Vec<String>,
    /// After this long the whole process group is killed and the hook counts as failed.
    #[serde(with = "duration")]
    pub timeout: Duration,
}
