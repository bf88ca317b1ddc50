//! `bluegreen.yaml`: what the user wants released, read with every diagnostic at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{
    AfterCommit, AlarmPolicy, ByColor, Capacity, DriftPolicy, Hook, RollbackPolicy, RouteId, Step, TaskDefinitionArn,
    Timing,
};

/// A checked spec for one environment. No `${VAR}` is left in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The release's name; one run at a time for each service in an environment.
    pub service: String,
    /// Where to release.
    pub environment: Environment,
    /// What to release.
    pub release: Release,
    /// The two ECS services, by colour.
    pub services: ByColor<String>,
    /// The two target groups, by colour: names or ARNs.
    pub target_groups: ByColor<String>,
    /// Every route that carries the pair.
    pub routes: Vec<RouteId>,
    /// Where smoke-test traffic enters, if anywhere.
    pub test: Option<TestRoute>,
    /// Weights, holds and scales in order; ends with `SetWeight(100 %)` and `Bake`.
    pub steps: Vec<Step>,
    /// How many tasks the canary gets.
    pub capacity: Capacity,
    /// What becomes of the old fleet.
    pub after: AfterCommit,
    /// The alarms that gate every forward move, metric and composite, by name.
    pub alarms: Vec<String>,
    /// What to do with alarms that give no answer.
    pub alarm_policy: AlarmPolicy,
    /// What to do when someone else writes.
    pub drift: DriftPolicy,
    /// How to go back.
    pub rollback: RollbackPolicy,
    /// Commands to run before the first weight.
    pub pre_traffic: Vec<Hook>,
    /// Pace and allowances.
    pub timing: Timing,
}

/// The account, region and cluster of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name in the spec.
    pub name: String,
    /// The region; `None` takes the SDK's.
    pub region: Option<String>,
    /// The account that must answer; `None` takes whichever does.
    pub account: Option<String>,
    /// The cluster's name or ARN.
    pub cluster: String,
}

/// What to release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// Register the document in this file with these images, by container name.
    Register {
        /// A file as `RegisterTaskDefinition` takes it, relative to the spec.
        file: PathBuf,
        /// Image by container name.
        images: BTreeMap<String, String>,
    },
    /// Copy the definition that is live on the stable service, with these images.
    Live {
        /// Image by container name.
        images: BTreeMap<String, String>,
    },
    /// Release a revision that is registered already.
    Existing(TaskDefinitionArn),
}

/// The route of the smoke test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRoute {
    /// A rule, or a listener's default action.
    pub route: RouteId,
    /// The URL that hooks get as `{{testUrl}}`.
    pub url: Option<String>,
}

/// The bake time where the spec names none.
pub const DEFAULT_BAKE: Duration = Duration::from_secs(600);
