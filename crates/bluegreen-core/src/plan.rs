//! A plan: everything that a release will do, decided before its first write.

mod analysis;
mod build;
mod capability;
mod choose;
mod clock;
mod course;
mod describe;
mod engine;
mod express;
mod finding;
mod fresh;
mod lint;
mod live;
mod managed;
mod power;
mod release;
mod service;
mod survey;
mod task_sets;
mod whereabouts;
mod wiring;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::{
    AfterCommit, AlarmPolicy, ByColor, Capacity, Color, DriftPolicy, Hook, LoadBalancerArn, RollbackPolicy, RouteId,
    RunId, Step, TargetGroupArn, TaskDefinitionArn, Timing,
};
use crate::observe::RouteSnapshot;
use crate::taskdef::TaskDefinition;

pub use analysis::{Analysis, Hour, OnInconclusive, OnNoAnswer};
pub use build::{Built, Inputs, build, roles};
pub use capability::{Bake, Capability, EngineKind, Holds, LocalHooks, Routes, Shapes, Waits, engines_markdown};
pub use clock::{Clock, Entry};
pub(crate) use describe::wrapped;
pub use describe::{describe, describe_findings, short_actions};
pub use engine::{CodeDeploy, Engine, Managed, Native, TaskSets};
pub(crate) use engine::{PAUSE_AFTER, PAUSE_BEFORE};
pub use finding::{Finding, Severity, refuses};
pub use fresh::ControlFleet;
pub use lint::{lint, same_engine, still_true};
pub use live::{Live, Sought};
pub use power::{MetricPower, Power, StepPower, describe_power, minutes_to_find, power};
pub use release::{ReleaseError, release};
pub use survey::{Survey, SurveyedControl, survey};
pub use task_sets::fleets;
pub use whereabouts::deployment_site;

/// The version of the plan's wire form; older ones stay readable.
pub const PLAN_VERSION: u32 = 1;

/// One release, with no choice left for later. It never changes once made; its hash names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`] when it was made.
    pub version: u32,
    /// The run that carries it out.
    pub run: RunId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where.
    pub site: Site,
    /// What was there before the first write.
    pub baseline: Baseline,
    /// The target groups.
    pub groups: ByColor<TargetGroupArn>,
    /// The load balancer that both groups belong to.
    pub load_balancer: LoadBalancerArn,
    /// What is released.
    pub release: Release,
    /// The steps, ending with `SetWeight(100 %)` and `Bake`.
    pub steps: Vec<Step>,
    /// How many tasks the canary gets.
    pub capacity: Capacity,
    /// What becomes of the old fleet.
    pub after: AfterCommit,
    /// The alarms that gate every forward move, as they were defined when the plan was made.
    pub alarms: Vec<PlannedAlarm>,
    /// What to do with alarms that give no answer.
    pub alarm_policy: AlarmPolicy,
    /// What to do when someone else writes.
    pub drift: DriftPolicy,
    /// How to go back.
    pub rollback: RollbackPolicy,
    /// Commands to run before the first weight.
    pub pre_traffic: Vec<Hook>,
    /// The smoke test's URL, for the hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_url: Option<String>,
    /// Pace and allowances.
    pub timing: Timing,
    /// What carries it out.
    #[serde(default, skip_serializing_if = "Engine::is_alb")]
    pub engine: Engine,
    /// What is judged by counts, where anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Box<Analysis>>,
    /// New tasks of the old version, to compare the canary with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlFleet>,
}

/// The account, region, cluster and service that a plan is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Site {
    /// Twelve digits.
    pub account: String,
    /// Such as `eu-west-3`.
    pub region: String,
    /// The cluster's name.
    pub cluster: String,
    /// The release's name; one run at a time.
    pub service: String,
    /// The environment's name in the spec.
    pub environment: String,
}

/// The verbatim state before the first write: what a rollback restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Baseline {
    /// When it was read.
    pub captured_at: Timestamp,
    /// Who serves: the colour that has all of the weight on every route.
    pub stable: Color,
    /// Every route that carries production traffic.
    pub routes: Vec<RouteSnapshot>,
    /// The smoke test's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_route: Option<RouteSnapshot>,
    /// The two services.
    pub services: ByColor<ServiceBaseline>,
}

/// What a service was before the first write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceBaseline {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Its revision.
    pub task_definition: TaskDefinitionArn,
    /// Its task count.
    pub desired: u32,
}

/// What is released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Release {
    /// This document is registered as a new revision.
    Register {
        /// Its family.
        family: String,
        /// A `RegisterTaskDefinition` request, whole.
        document: Value,
    },
    /// This revision exists.
    Existing(TaskDefinitionArn),
}

/// An alarm with the definition that it had when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedAlarm {
    /// Its name.
    pub name: String,
    /// sha256 of its definition.
    pub definition: String,
    /// Its evaluation window in seconds; 0 for composites.
    pub window_seconds: u64,
}

impl Plan {
    /// The fleet that serves the old version.
    pub fn stable(&self) -> Color {
        self.baseline.stable
    }

    /// The fleet that gets the new version.
    pub fn canary(&self) -> Color {
        self.baseline.stable.other()
    }

    /// The group that serves the old version.
    pub fn stable_group(&self) -> &TargetGroupArn {
        self.groups.get(self.stable())
    }

    /// The group that gets the new version.
    pub fn canary_group(&self) -> &TargetGroupArn {
        self.groups.get(self.canary())
    }

    /// The service of the old version as it was.
    pub fn stable_baseline(&self) -> &ServiceBaseline {
        self.baseline.services.get(self.stable())
    }

    /// The service of the new version as it was.
    pub fn canary_baseline(&self) -> &ServiceBaseline {
        self.baseline.services.get(self.canary())
    }

    /// The production routes.
    pub fn route_ids(&self) -> impl Iterator<Item = &RouteId> {
        self.baseline.routes.iter().map(|route| &route.id)
    }

    /// Every route that the run may write: production first, then the test route.
    pub fn all_routes(&self) -> impl Iterator<Item = &RouteSnapshot> {
        self.baseline.routes.iter().chain(&self.baseline.test_route)
    }

    /// Whether any metric may send the release back.
    pub fn is_judged(&self) -> bool {
        self.analysis.as_ref().is_some_and(|analysis| analysis.judge.metrics.iter().any(|metric| !metric.dry_run))
    }

    /// The names of the alarms.
    pub fn alarm_names(&self) -> Vec<String> {
        self.alarms.iter().map(|alarm| alarm.name.clone()).collect()
    }

    /// The same plan with the values of variables and secrets hidden: for events and for eyes.
    ///
    /// Its hash is another one; only the whole plan can be run.
    pub fn redacted(&self) -> Plan {
        let release = match &self.release {
            Release::Existing(arn) => Release::Existing(arn.clone()),
            Release::Register { family, document } => Release::Register {
                family: family.clone(),
                // What cannot be read cannot be redacted, so it is not shown at all.
                document: TaskDefinition::from_live(family, document).map_or(Value::Null, |known| known.redacted()),
            },
        };
        Plan { release, ..self.clone() }
    }

    /// sha256 over the plan's canonical JSON, in lower-case hex: what a person approves by.
    pub fn hash(&self) -> String {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(bytes))
    }
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| text + &format!("{byte:02x}"))
}
