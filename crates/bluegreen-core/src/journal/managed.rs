//! What a journal says of the deployments that AWS carries out: folded beside the rest of the run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Certainty, Fact, IntentId, Mutation, Write};
use crate::model::{Action, DeploymentId, DeploymentWait, RouteId};
use crate::observe::{DeploymentStatus, LifecycleEvent};

/// A continue that may have taken effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continued {
    /// Where the deployment waited.
    pub wait: DeploymentWait,
    /// The step that was under way: each step's weight is worth one wait.
    pub step: usize,
}

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentEnd {
    /// In one word.
    pub status: DeploymentStatus,
    /// AWS's words, where it has any.
    pub why: Option<String>,
    /// When that was found.
    pub at: Timestamp,
}

/// A wait that our deployment was seen in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    /// Where.
    pub wait: DeploymentWait,
    /// Since when that is known.
    pub since: Timestamp,
    /// Whether somebody else ended it.
    pub elsewhere: bool,
}

/// What the journal knows of a run whose weights AWS moves. Empty for runs that write their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedRun {
    /// Whether the traffic configuration is known to exist.
    pub config_ready: bool,
    /// Our deployment, once AWS has named it or it was found.
    pub deployment: Option<DeploymentId>,
    /// The deployment that takes ours back, where that is another one.
    pub rollback: Option<DeploymentId>,
    /// The last stage that each deployment was seen in.
    pub stages: BTreeMap<DeploymentId, String>,
    /// Every lifecycle event that was noted, deployment by deployment, by its place in AWS's order.
    pub events: BTreeMap<DeploymentId, BTreeMap<usize, LifecycleEvent>>,
    /// The names of all stages and events that were noted, deployment by deployment, with when the last one was.
    pub noted: BTreeMap<DeploymentId, (Timestamp, BTreeSet<String>)>,
    /// What our deployment was last seen to wait for.
    pub waited: Option<Waited>,
    /// The moves that AWS was seen to have made on each route, oldest first. The intent is the record that tells of it.
    pub moves: BTreeMap<RouteId, Vec<Write<Vec<Action>>>>,
    /// When AWS was last seen to have moved traffic.
    pub shifted_at: Option<Timestamp>,
    /// Deployments that are on their way back.
    pub turned_back: BTreeMap<DeploymentId, Option<String>>,
    /// Deployments that have ended.
    pub ended: BTreeMap<DeploymentId, DeploymentEnd>,
    /// Whether the service's settings were seen as declared.
    pub settings_restored: bool,
    /// Configurations that may have been made.
    pub configs: Vec<Write<()>>,
    /// Starts that may have taken effect.
    pub starts: Vec<Write<()>>,
    /// Continues that may have taken effect, oldest first.
    pub continues: Vec<Write<Continued>>,
    /// Stops that may have taken effect, oldest first.
    pub stops: Vec<Write<DeploymentId>>,
    /// Writes of the declared settings that may have taken effect.
    pub settings: Vec<Write<()>>,
}

impl ManagedRun {
    /// Whether anything was or may have been written.
    pub fn has_written(&self) -> bool {
        !self.configs.is_empty() || self.may_have_started()
    }

    /// Whether a deployment of this run exists or may exist.
    pub fn may_have_started(&self) -> bool {
        self.deployment.is_some() || !self.starts.is_empty()
    }

    /// How our deployment ended, once it has.
    pub fn end(&self) -> Option<&DeploymentEnd> {
        self.ended.get(self.deployment.as_ref()?)
    }

    pub(super) fn intend(&mut self, id: IntentId, at: Timestamp, step: usize, mutation: &Mutation) {
        let certainty = Certainty::Doubtful;
        let plain = Write { intent: id, at, value: (), certainty };
        match mutation {
            Mutation::CreateConfig => self.configs.push(plain),
            Mutation::StartDeployment => self.starts.push(plain),
            Mutation::RestoreSettings => self.settings.push(plain),
            Mutation::Continue { wait, .. } => {
                let value = Continued { wait: wait.clone(), step };
                self.continues.push(Write { intent: id, at, value, certainty });
            }
            Mutation::StopDeployment { deployment } => {
                self.stops.push(Write { intent: id, at, value: deployment.clone(), certainty });
            }
            Mutation::RegisterTaskDefinition
            | Mutation::UpdateService(_)
            | Mutation::UpdateControl(_)
            | Mutation::TaskSet(_)
            | Mutation::SetActions { .. }
            | Mutation::RunHook(..) => {}
        }
    }

    pub(super) fn each_write(&mut self, id: IntentId, mut f: impl FnMut(&mut Timestamp, &mut Certainty)) {
        let plain = self.configs.iter_mut().chain(&mut self.starts).chain(&mut self.settings);
        for write in plain.filter(|write| write.intent == id) {
            f(&mut write.at, &mut write.certainty);
        }
        for write in self.continues.iter_mut().filter(|write| write.intent == id) {
            f(&mut write.at, &mut write.certainty);
        }
        for write in self.stops.iter_mut().filter(|write| write.intent == id) {
            f(&mut write.at, &mut write.certainty);
        }
    }

    pub(super) fn retract(&mut self, id: IntentId) {
        for writes in [&mut self.configs, &mut self.starts, &mut self.settings] {
            writes.retain(|write| write.intent != id);
        }
        self.continues.retain(|write| write.intent != id);
        self.stops.retain(|write| write.intent != id);
    }

    pub(super) fn applied(&mut self, mutation: &Mutation) {
        if *mutation == Mutation::CreateConfig {
            self.config_ready = true;
        }
    }

    fn note(&mut self, deployment: &DeploymentId, name: &str, at: Timestamp) {
        let (last, names) = self.noted.entry(deployment.clone()).or_insert_with(|| (at, BTreeSet::new()));
        *last = at;
        names.insert(name.to_owned());
    }

    /// Whether a refusal from before this is settled by it.
    pub(super) fn settles(fact: &Fact) -> bool {
        use Fact::{ConfigReady, ContinuedElsewhere, DeploymentEnded, DeploymentFound, SettingsRestored, Shifted};
        matches!(
            fact,
            ConfigReady
                | ContinuedElsewhere { .. }
                | DeploymentEnded { .. }
                | DeploymentFound { .. }
                | SettingsRestored
                | Shifted { .. }
        )
    }

    pub(super) fn learn(&mut self, seq: u64, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::ConfigReady => self.config_ready = true,
            Fact::DeploymentFound { deployment, .. } => self.deployment = Some(deployment.clone()),
            Fact::DeploymentNeverStarted => self.starts.clear(),
            Fact::Stage { deployment, stage } => {
                self.note(deployment, stage, at);
                self.stages.insert(deployment.clone(), stage.clone());
            }
            Fact::Lifecycle { deployment, place, event } => {
                self.note(deployment, &event.name, at);
                self.events.entry(deployment.clone()).or_default().insert(*place, event.clone());
            }
            Fact::Waits { wait, .. } => {
                self.waited = Some(Waited { wait: wait.clone(), since: at, elsewhere: false });
            }
            Fact::ContinuedElsewhere { wait } => {
                self.waited = Some(Waited { wait: wait.clone(), since: at, elsewhere: true });
            }
            Fact::Shifted { route, found } => {
                let moved = Write { intent: seq, at, value: found.clone(), certainty: Certainty::Applied };
                self.moves.entry(route.clone()).or_default().push(moved);
                self.shifted_at = Some(at);
            }
            Fact::TurnedBack { deployment, why } => _ = self.turned_back.insert(deployment.clone(), why.clone()),
            Fact::RollbackFound { deployment } => self.rollback = Some(deployment.clone()),
            Fact::DeploymentEnded { deployment, status, why } => {
                let end = DeploymentEnd { status: status.clone(), why: why.clone(), at };
                self.ended.insert(deployment.clone(), end);
            }
            Fact::SettingsRestored => self.settings_restored = true,
            _ => {}
        }
    }
}
