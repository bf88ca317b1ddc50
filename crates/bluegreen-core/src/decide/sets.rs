//! Fleets that are task sets: what the phases want of a fleet becomes what is done to a set.
//!
//! The phases go on speaking of a colour, its revision and its count. What is sent for that depends on the sets that
//! were seen, and is decided here, after them.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::journal::{Certainty, Fact, Mutation, TaskSetChange, Write};
use crate::model::SetScale;
use crate::observe::{ServiceSnapshot, TaskSetSnapshot};
use crate::plan::{TaskSets, hex};
use crate::ports::ServiceChange;

use super::{Context, Decision, later};

/// The same decision, with a change of a task set in the place of one of a service where the fleets are task sets.
pub(super) fn instead_of_service(context: &Context<'_>, wanted: Decision) -> Decision {
    match (context.plan().task_sets(), wanted) {
        (Some(engine), Decision::Act { mutation: Mutation::UpdateService(fleet), because }) => {
            context.change_fleet(engine, fleet, because)
        }
        (_, other) => other,
    }
}

impl Context<'_> {
    fn change_fleet(&self, engine: &TaskSets, fleet: ServiceChange, because: String) -> Decision {
        let Some(services) = self.seen.services.ok() else { return self.wait("the task sets to be readable") };
        let found = services.get(fleet.color);
        let stable = fleet.color == self.plan().stable();
        match (self.plan().fleet_set(fleet.color, &found.task_sets), fleet.desired) {
            (Some(set), Some(0)) => act(TaskSetChange::Delete { set: set.id.clone(), fleet: Some(fleet) }, because),
            (Some(set), _) => self.scale(set, fleet, because),
            (None, _) if stable => self.wait(format!("task set {}, which serves, to be seen again", engine.stable_set)),
            (None, Some(0) | None) => self.nothing_to_delete(),
            (None, Some(_)) => match self.clear_group(engine, found) {
                Some(first) => first,
                None => self.create(services.get(self.plan().stable()), fleet, because),
            },
        }
    }

    fn scale(&self, set: &TaskSetSnapshot, fleet: ServiceChange, because: String) -> Decision {
        let scale = SetScale::exactly(fleet.desired.unwrap_or(set.desired), set.of);
        if scale == set.scale {
            // The share is right and its count is not: the service itself wants fewer tasks than the plan does.
            let (of, wanted) = (set.of, fleet.desired.unwrap_or_default());
            return self.wait(format!("the service, which asks for {of} tasks, to ask for at least {wanted}"));
        }
        act(TaskSetChange::Scale { set: set.id.clone(), fleet, scale }, because)
    }

    /// On the way back without a set of this run: there is none, once reads are newer than the try to make one.
    fn nothing_to_delete(&self) -> Decision {
        let tried = self.state.set_writes().iter().rev().find(|write| create_token(&write.value).is_some());
        let known_at = tried.map_or(Timestamp::MIN, |write| later(write.at, self.plan().timing.settle));
        match self.seen.services.seen_at < known_at {
            true => self.wait_until(known_at, "whether the task set was made"),
            false => Decision::Note(Fact::CapacityRestored),
        }
    }

    /// What has to happen before a set can be made in the canary's group: sets that are left there go, with all their
    /// targets, so that the health of the group is that of the new set alone.
    fn clear_group(&self, engine: &TaskSets, found: &ServiceSnapshot) -> Option<Decision> {
        let settle = self.plan().timing.settle;
        let deletion = |id: &str| {
            let writes = self.state.set_writes().iter().rev();
            writes.map(|write| (write, &write.value)).find_map(|(write, change)| match change {
                TaskSetChange::Delete { set, .. } if set == id => Some(write),
                _ => None,
            })
        };
        let told = |set: &TaskSetSnapshot| deletion(&set.id).is_some_and(|write| self.now < later(write.at, settle));
        let left = || found.task_sets.iter().filter(|set| engine.leftovers.contains(&set.id));
        if let Some(set) = left().find(|set| set.is_live() && !told(set)) {
            let because = format!("it registers in {} and has no traffic", self.plan().canary_group().name());
            return Some(act(TaskSetChange::Delete { set: set.id.clone(), fleet: None }, because));
        }
        if let Some(set) = left().next() {
            return Some(self.wait(format!("task set {} to be gone", set.id)));
        }
        let last = engine.leftovers.iter().filter_map(|id| deletion(id)).map(|write| write.at).max()?;
        let believable = later(last, settle);
        (self.seen.services.seen_at < believable)
            .then(|| self.wait_until(believable, "reads that are newer than the last deletion"))
    }

    fn create(&self, stable: &ServiceSnapshot, fleet: ServiceChange, because: String) -> Decision {
        // A try whose outcome is not known is repeated word for word: ECS then makes one set of both.
        let tried = |write: &&Write<TaskSetChange>| {
            write.certainty == Certainty::Doubtful && create_token(&write.value).is_some()
        };
        if let Some(again) = self.state.set_writes().iter().rev().find(tried) {
            return act(again.value.clone(), because);
        }
        let serving = self.plan().fleet_set(self.plan().stable(), &stable.task_sets);
        let Some(serving) = serving else { return self.wait("the task set that serves to be seen") };
        let scale = SetScale::exactly(fleet.desired.unwrap_or_default(), serving.of);
        act(TaskSetChange::Create { fleet, scale, token: self.token() }, because)
    }

    /// A client token: at most 36 characters, the same only for the same place in the same journal.
    fn token(&self) -> String {
        let place = format!("{} {}", self.plan().run, self.state.next_seq);
        hex(&Sha256::digest(place))[..32].to_owned()
    }

    /// What is left to do until the set of this run is its service's primary one; `None` when it is, and for services.
    pub(super) fn make_primary(&self) -> Option<Decision> {
        self.plan().task_sets()?;
        let Some(services) = self.seen.services.ok() else { return Some(self.wait("the task sets to be readable")) };
        let color = self.plan().canary();
        let Some(set) = self.plan().fleet_set(color, &services.get(color).task_sets) else {
            return Some(self.wait(format!("the task set of {color} to be seen")));
        };
        if set.is_primary() {
            return None;
        }
        let told = self.primary_write().is_some_and(|write| self.now < later(write.at, self.plan().timing.settle));
        Some(match told {
            true => self.wait(format!("task set {} to show as primary", set.id)),
            false => act(TaskSetChange::MakePrimary { set: set.id.clone() }, "it has all traffic".to_owned()),
        })
    }

    fn primary_write(&self) -> Option<&Write<TaskSetChange>> {
        self.state.set_writes().iter().rev().find(|write| matches!(write.value, TaskSetChange::MakePrimary { .. }))
    }

    /// Whether someone else made, deleted or promoted a task set, in words.
    pub(super) fn set_drift(&self, engine: &TaskSets) -> Option<String> {
        let services = self.seen.services.ok()?;
        let (stable, canary) = (self.plan().stable(), self.plan().canary());
        let foreign = |set: &&TaskSetSnapshot| {
            set.is_live()
                && set.id != engine.stable_set
                && !set.is_of(&self.plan().run)
                && !engine.leftovers.contains(&set.id)
        };
        let both = [stable, canary].map(|color| &services.get(color).task_sets);
        if let Some(set) = both.iter().flat_map(|sets| sets.iter()).find(foreign) {
            let (id, revision) = (&set.id, set.task_definition.short());
            return Some(format!("task set {id} of {revision} was made by someone else in one of the target groups"));
        }
        let deleted = |id: &str| {
            let deletes = |change: &TaskSetChange| matches!(change, TaskSetChange::Delete { set, .. } if set == id);
            self.state.set_writes().iter().any(|write| deletes(&write.value))
        };
        if self.plan().fleet_set(stable, both[0]).is_none() && !deleted(&engine.stable_set) {
            return Some(format!("task set {}, which served, is gone: someone else deleted it", engine.stable_set));
        }
        if self.plan().fleet_set(canary, both[1]).is_none() && self.canary_set_must_show() {
            return Some("the task set that this run made is gone: someone else deleted it".to_owned());
        }
        self.primary_drift(engine, &both)
    }

    /// Whether a set of this run was certainly made, and so long ago that every read shows it.
    fn canary_set_must_show(&self) -> bool {
        let settle = self.plan().timing.settle;
        let shown = |write: &Write<TaskSetChange>| {
            write.certainty == Certainty::Applied && self.seen.services.seen_at >= later(write.at, settle)
        };
        self.state.set_writes().iter().any(|write| create_token(&write.value).is_some() && shown(write))
    }

    fn primary_drift(&self, engine: &TaskSets, both: &[&Vec<TaskSetSnapshot>; 2]) -> Option<String> {
        let primary = both.iter().flat_map(|sets| sets.iter()).find(|set| set.is_primary());
        let told = self.primary_write();
        let settle = self.plan().timing.settle;
        let expected = match primary {
            Some(set) if set.is_of(&self.plan().run) => told.is_some(),
            // Before our own write shows, and while it may not have happened.
            Some(set) if set.id == engine.stable_set => told.is_none_or(|write| {
                write.certainty == Certainty::Doubtful || self.seen.services.seen_at < later(write.at, settle)
            }),
            Some(_) | None => false,
        };
        (!expected).then(|| {
            let which =
                primary.map_or("none of the release's task sets".to_owned(), |set| format!("task set {}", set.id));
            format!("{which} is primary: someone else changed that")
        })
    }
}

fn act(change: TaskSetChange, because: String) -> Decision {
    Decision::Act { mutation: Mutation::TaskSet(change), because }
}

/// The token of a change that makes a set.
fn create_token(change: &TaskSetChange) -> Option<&str> {
    match change {
        TaskSetChange::Create { token, .. } => Some(token),
        _ => None,
    }
}
