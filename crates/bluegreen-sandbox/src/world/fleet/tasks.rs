//! Single tasks: how they look, and those that no service asked for.

use std::sync::Arc;

use bluegreen_core::model::TaskDefinitionArn;

use super::schedule::Placement;
use super::{FleetError, REMEMBERED, runs};
use crate::seed::mix;
use crate::world::{Fleet, LooseTask, Ms, State, Task, TaskStop, World};

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskPhase {
    /// Its process is on its way.
    Pending,
    /// It runs.
    Running,
    /// It is to stop; its targets drain.
    Deactivating,
    /// Its process is told to end.
    Stopping,
    /// It is no more.
    Stopped,
}

impl TaskPhase {
    /// `lastStatus`.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskPhase::Pending => "PENDING",
            TaskPhase::Running => "RUNNING",
            TaskPhase::Deactivating => "DEACTIVATING",
            TaskPhase::Stopping => "STOPPING",
            TaskPhase::Stopped => "STOPPED",
        }
    }

    /// `desiredStatus`.
    pub fn desired(self) -> &'static str {
        match self {
            TaskPhase::Pending | TaskPhase::Running => "RUNNING",
            TaskPhase::Deactivating | TaskPhase::Stopping | TaskPhase::Stopped => "STOPPED",
        }
    }
}

/// A task with what lies around it.
#[derive(Clone, Debug)]
pub struct TaskView<'a> {
    /// The task.
    pub task: &'a Task,
    /// The last part of its ARN.
    pub id: String,
    /// `service:NAME`, `family:NAME`, or what the client said.
    pub group: String,
    /// How far it is.
    pub phase: TaskPhase,
}

impl World {
    /// The tasks of a cluster as they were at `at` in `state`, stopped ones included, oldest first.
    pub fn tasks_in<'a>(&self, state: &'a State, cluster: &str, at: Ms) -> Vec<TaskView<'a>> {
        let services = state.services.iter().filter(|((of, _), _)| of == cluster);
        let of_services = services.flat_map(|((_, name), service)| {
            service.stopped.iter().chain(&service.tasks).map(move |task| (task, format!("service:{name}")))
        });
        let loose = state.loose_tasks.values().filter(|loose| loose.cluster == cluster);
        let loose = loose.map(|loose| (&loose.task, loose.group.clone()));
        let view = |(task, group)| TaskView { task, id: hex(task.id), group, phase: self.phase(task, at) };
        let mut views: Vec<TaskView<'_>> = of_services.chain(loose).map(view).collect();
        views.sort_by_key(|view| (view.task.placed_at, view.task.id));
        views
    }

    fn phase(&self, task: &Task, at: Ms) -> TaskPhase {
        match task.stopped_at {
            _ if ended_at(task).is_some_and(|ended| ended <= at) => TaskPhase::Stopped,
            Some(stopped) if at < stopped + self.drain(task) => TaskPhase::Deactivating,
            Some(_) => TaskPhase::Stopping,
            None if runs(task, at) => TaskPhase::Running,
            None => TaskPhase::Pending,
        }
    }

    /// The ARN of a task.
    pub fn task_arn(&self, cluster: &str, id: u64) -> String {
        let (region, account) = (&self.config.region, &self.config.account);
        format!("arn:aws:ecs:{region}:{account}:task/{cluster}/{}", hex(id))
    }

    /// `StopTask`, by the last part of the task's ARN. A service replaces it. One that has stopped stays as it is.
    ///
    /// # Errors
    ///
    /// There is no such task in the cluster.
    pub fn stop_task(&mut self, cluster: &str, id: &str, reason: &str) -> Result<u64, FleetError> {
        let found = self.tasks_in(&self.state, cluster, self.now).into_iter().find(|view| view.id == id);
        let found = found.map(|view| (view.task.id, view.task.stopped_at.is_some()));
        let Some((number, stopped)) = found else {
            return Err(FleetError::parameter("The referenced task was not found."));
        };
        if stopped {
            return Ok(number);
        }
        self.next_write();
        let reason = if reason.is_empty() { "Task stopped by user" } else { reason };
        let owner = self.state.services.iter().find(|(_, service)| service.tasks.iter().any(|task| task.id == number));
        if let Some((key, service)) = owner {
            let (key, mut service) = (key.clone(), service.clone());
            if let Some(index) = service.tasks.iter().position(|task| task.id == number) {
                blame(&mut service.tasks[index], "UserInitiated", reason);
                self.stop_one(&mut service, index, reason);
                self.put(key, service);
            }
            return Ok(number);
        }
        let now = self.now;
        self.change(|state| {
            let Some(loose) = state.loose_tasks.get_mut(&number) else { return };
            blame(&mut loose.task, "UserInitiated", reason);
            loose.task.stopped_at = Some(now);
            if loose.task.starts_at.is_none() {
                close(&mut loose.task, now);
            }
        });
        Ok(number)
    }

    /// `RunTask`: tasks that nobody replaces.
    ///
    /// # Errors
    ///
    /// No such cluster, no such active revision, or no room.
    pub fn run_tasks(
        &mut self,
        cluster: &str,
        definition: &TaskDefinitionArn,
        count: u32,
        group: &str,
        started_by: &str,
    ) -> Result<Vec<u64>, FleetError> {
        self.cluster(cluster)?;
        self.active_definition(definition)?;
        self.next_write();
        let what = Placement {
            definition: definition.clone(),
            generation: 0,
            set: None,
            started_by: Arc::from(started_by),
            groups: Arc::from([]),
        };
        let tasks: Vec<Task> = (0..count).map(|_| self.place(&what)).collect();
        let ids = tasks.iter().map(|task| task.id).collect();
        self.change(|state| {
            for task in tasks {
                let (cluster, group) = (cluster.to_owned(), group.to_owned());
                state.loose_tasks.insert(task.id, LooseTask { cluster, group, task });
            }
        });
        Ok(ids)
    }

    /// Modelled tasks of nobody stop at once; stopped ones are forgotten after a while.
    pub(super) fn settle_loose_tasks(&mut self) {
        let model = self.config.fleet == Fleet::Modelled;
        let now = self.now;
        let stops = |task: &Task| model && task.stopped_at.is_some() && ended_at(task).is_none();
        let old = |task: &Task| ended_at(task).is_some_and(|ended| ended + REMEMBERED <= now);
        if !self.state.loose_tasks.values().any(|loose| stops(&loose.task) || old(&loose.task)) {
            return;
        }
        let state = Arc::make_mut(&mut self.state);
        state.loose_tasks.retain(|_, loose| !old(&loose.task));
        for loose in state.loose_tasks.values_mut().filter(|loose| stops(&loose.task)) {
            close(&mut loose.task, now);
        }
    }
}

impl State {
    /// Whether a task of that ARN is known, running or stopped.
    pub(in crate::world) fn has_task(&self, arn: &str) -> bool {
        let id = arn.rsplit('/').next().unwrap_or_default();
        let services = self.services.values().flat_map(|service| service.tasks.iter().chain(service.stopped.iter()));
        let loose = self.loose_tasks.values().map(|loose| &loose.task);
        services.chain(loose).any(|task| hex(task.id) == id)
    }
}

/// The last part of a task's ARN.
pub(crate) fn hex(id: u64) -> String {
    format!("{:016x}{:016x}", mix(id), mix(!id))
}

/// When a task had ended.
pub(crate) fn ended_at(task: &Task) -> Option<Ms> {
    task.stop.as_ref().and_then(|stop| stop.ended_at)
}

/// Why a task stops. The first reason stays.
pub(super) fn blame(task: &mut Task, code: &'static str, reason: &str) {
    if task.stop.is_none() {
        let reason = reason.to_owned();
        let stop = TaskStop { code, reason, ended_at: None, exit_code: None, container_reason: None };
        task.stop = Some(Arc::new(stop));
    }
}

/// A task has ended.
pub(super) fn close(task: &mut Task, now: Ms) {
    blame(task, "ServiceSchedulerInitiated", "Task stopped");
    task.stopped_at.get_or_insert(now);
    if let Some(stop) = &mut task.stop {
        Arc::make_mut(stop).ended_at.get_or_insert(now);
    }
}
