//! What other people and the world itself do while a release runs.

use bluegreen_core::model::{Action, Forward, RouteId, Split, TargetGroupArn, TaskDefinitionArn};
use bluegreen_core::observe::AlarmState;
use bluegreen_core::ports::ServiceChange;
use std::sync::Arc;

use super::codedeploy::Wait;
use super::{Behaviour, Ms, NewTaskSet, Profile, Registration, World, Writer};

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this virtual time.
    At(Ms),
    /// Just before the call with this index takes effect.
    BeforeCall(u64),
}

/// Something that happens to the world, not done by an operator.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Somebody replaces a route's actions.
    EditRoute(RouteId, Vec<Action>),
    /// Somebody changes a route's weights.
    EditWeights(RouteId, Split),
    /// Somebody deletes a rule.
    DeleteRoute(RouteId),
    /// Somebody changes a service of a cluster: its count, its revision, or both.
    UpdateService(String, String, ServiceChange),
    /// Makes a task set of the service's revision in this group, with a quarter of its tasks; cluster and service.
    MakeTaskSet((String, String), TargetGroupArn),
    /// Deletes all task sets in this group; cluster and service.
    DeleteTaskSets((String, String), TargetGroupArn),
    /// Makes a task set in this group the primary one; cluster and service.
    MakePrimary((String, String), TargetGroupArn),
    /// Somebody deregisters a revision.
    Deregister(TaskDefinitionArn),
    /// A service loses this many of its oldest tasks.
    LoseTasks(String, String, usize),
    /// An alarm changes its state.
    SetAlarm(String, AlarmState),
    /// Somebody deletes an alarm.
    DeleteAlarm(String),
    /// Somebody edits an alarm: its definition is now this.
    EditAlarm(String, String),
    /// A revision (`family:revision`) behaves otherwise.
    Behave(String, Behaviour),
    /// A revision (`family:revision`) answers drawn requests otherwise.
    Answer(String, Profile),
    /// The cluster has room for this many tasks.
    Capacity(u32),
    /// Somebody stops every deployment that AWS carries out, and has it rolled back.
    StopDeployments,
    /// Somebody stops every deployment of CodeDeploy and leaves the weights where they are.
    AbandonDeployments,
    /// Somebody tells every deployment that waits to go on.
    ContinueDeployments,
}

impl World {
    /// Does what is scripted for this moment.
    pub(super) fn due_deeds(&mut self) {
        self.run_deeds(|when, now| matches!(when, When::At(at) if at <= now));
    }

    /// Does what is scripted for just before call `index`; says what it did.
    pub fn before_call(&mut self, index: u64) -> Vec<Deed> {
        self.run_deeds(|when, _| when == When::BeforeCall(index))
    }

    fn run_deeds(&mut self, due: impl Fn(When, Ms) -> bool) -> Vec<Deed> {
        let now = self.now;
        let (ready, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.script).into_iter().partition(|(when, _)| due(*when, now));
        self.script = later;
        let deeds: Vec<Deed> = ready.into_iter().map(|(_, deed)| deed).collect();
        for deed in &deeds {
            self.apply(deed);
        }
        deeds
    }

    /// Does one thing now. What AWS would refuse has no effect.
    pub fn apply(&mut self, deed: &Deed) {
        match deed {
            Deed::EditRoute(id, actions) => {
                let _ = self.set_actions(id, actions, Writer::ThirdParty);
            }
            Deed::EditWeights(id, split) => self.edit_weights(id, split),
            Deed::DeleteRoute(id) => self.change(|state| {
                state.routes.remove(id);
            }),
            Deed::UpdateService(cluster, name, change) => {
                let _ = self.update_service(cluster, name, change);
            }
            Deed::MakeTaskSet((cluster, service), group) => self.make_set(cluster, service, group),
            Deed::DeleteTaskSets((cluster, service), group) => {
                for set in self.sets_in(cluster, service, group) {
                    let _ = self.delete_task_set(cluster, service, &set, true);
                }
            }
            Deed::MakePrimary((cluster, service), group) => {
                for set in self.sets_in(cluster, service, group) {
                    let _ = self.set_primary(cluster, service, &set);
                }
            }
            Deed::Deregister(arn) => self.deregister(arn),
            Deed::LoseTasks(cluster, name, count) => self.lose_tasks(cluster, name, *count),
            Deed::SetAlarm(name, state) => self.set_alarm(name, state.clone(), "scripted"),
            Deed::DeleteAlarm(name) => self.change(|state| {
                state.alarms.remove(name);
            }),
            Deed::EditAlarm(name, definition) => self.change(|state| {
                if let Some(alarm) = state.alarms.get_mut(name) {
                    definition.clone_into(&mut alarm.definition);
                }
            }),
            Deed::Behave(revision, behaviour) => self.set_behaviour(revision, *behaviour),
            Deed::Answer(revision, profile) => self.set_profile(revision, *profile),
            Deed::StopDeployments => self.stop_all(),
            Deed::AbandonDeployments => self.abandon_all(),
            Deed::ContinueDeployments => self.continue_all(),
            Deed::Capacity(room) => {
                self.config.capacity = *room;
                self.settle();
            }
        }
    }

    fn make_set(&mut self, cluster: &str, service: &str, group: &TargetGroupArn) {
        let found = self.state.services.get(&(cluster.to_owned(), service.to_owned()));
        let Some(task_definition) = found.and_then(|service| service.task_definition.clone()) else { return };
        let registers_in = vec![Registration::new(group.clone())];
        let settings = serde_json::Map::new();
        let _ =
            self.create_task_set(cluster, service, NewTaskSet { task_definition, scale: 25.0, registers_in, settings });
    }

    fn sets_in(&self, cluster: &str, service: &str, group: &TargetGroupArn) -> Vec<String> {
        let found = self.state.services.get(&(cluster.to_owned(), service.to_owned()));
        let sets = found.into_iter().flat_map(|service| &service.task_sets);
        let own = sets.filter(|set| set.groups.iter().any(|entry| entry.group == *group));
        own.map(|set| set.id.to_string()).collect()
    }

    fn stop_all(&mut self) {
        for id in self.deployments_under_way() {
            let _ = self.stop_deployment(&id, Some(true));
        }
        for (arn, _) in self.releases_under_way() {
            let _ = self.roll_back_release(&arn);
        }
    }

    fn abandon_all(&mut self) {
        for id in self.deployments_under_way() {
            let _ = self.stop_deployment(&id, Some(false));
        }
    }

    fn continue_all(&mut self) {
        for id in self.deployments_under_way() {
            let _ = self.continue_deployment(&id, Wait::Ready);
        }
        for (arn, hook) in self.releases_under_way() {
            let _ = hook.map(|hook| self.continue_release(&arn, &hook, true));
        }
    }

    fn deployments_under_way(&self) -> Vec<String> {
        let all = self.state.codedeploy.deployments.values();
        all.filter(|found| !found.status.has_ended()).map(|found| found.id.clone()).collect()
    }

    /// Service deployments, each with the pause that it is in.
    fn releases_under_way(&self) -> Vec<(String, Option<String>)> {
        let all = self.state.services.values().flat_map(|service| service.releases.iter());
        let open = all.filter(|found| !found.status.has_ended());
        open.map(|found| (found.arn.clone(), found.pause().map(|hook| hook.id.clone()))).collect()
    }

    fn edit_weights(&mut self, id: &RouteId, split: &Split) {
        let state = Arc::clone(&self.state);
        let Some(route) = state.routes.get(id) else { return };
        let Some(forward) = Action::forward_of(&route.actions) else { return };
        let forward: Forward = forward.with_split(split);
        let _ = self.set_actions(id, &Action::with_forward(&route.actions, &forward), Writer::ThirdParty);
    }
}
