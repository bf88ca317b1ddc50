//! The part of tasks that are real processes: which ones should be there, and what became of them.

use std::net::SocketAddr;
use std::sync::Arc;

use bluegreen_core::model::TaskDefinitionArn;
use serde_json::Value;

use super::{schedule, tasks};
use crate::world::{Fleet, Ms, Registration, ServiceRecord, State, Task, World};

/// How long a container may take to stop where its definition does not say, in milliseconds.
const STOP_TIMEOUT: Ms = 30_000;

/// How the containers of a task reach the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkMode {
    /// The task has an address of its own, with the ports of its containers.
    Awsvpc,
    /// Every container port has a port of the host.
    Bridge,
    /// The containers have the host's ports.
    Host,
    /// The containers have no network.
    None,
}

/// A task whose process should be running.
#[derive(Clone, Debug)]
pub struct WantedTask {
    /// Unique in the world.
    pub id: u64,
    /// Its ARN.
    pub arn: String,
    /// Its cluster.
    pub cluster: String,
    /// Its service, if one asked for it.
    pub service: Option<String>,
    /// Its revision.
    pub revision: TaskDefinitionArn,
    /// The task definition.
    pub document: Arc<Value>,
    /// How its containers reach the network.
    pub network: NetworkMode,
    /// The container that a load balancer talks to.
    pub container: Option<String>,
    /// The port of that container.
    pub container_port: Option<u16>,
    /// How long its containers may take to stop.
    pub stop_timeout: Ms,
}

impl World {
    /// The tasks whose processes should be running now, oldest first. Nothing in a modelled world.
    ///
    /// A task that is told to stop stays here while its targets drain.
    pub fn wanted_tasks(&self) -> Vec<WantedTask> {
        if self.config.fleet != Fleet::Live {
            return Vec::new();
        }
        let of_services = self.state.services.iter().flat_map(|((cluster, name), service)| {
            service.tasks.iter().map(move |task| (task, cluster.as_str(), Some(name.as_str())))
        });
        let loose = self.state.loose_tasks.values().map(|loose| (&loose.task, loose.cluster.as_str(), None));
        let wanted = of_services.chain(loose).filter(|(task, ..)| {
            let drained = task.stopped_at.is_some_and(|stopped| self.now >= stopped + self.drain(task));
            !drained && tasks::ended_at(task).is_none()
        });
        let mut wanted: Vec<WantedTask> =
            wanted.filter_map(|(task, cluster, service)| self.wanted(task, cluster, service)).collect();
        wanted.sort_by_key(|task| task.id);
        wanted
    }

    fn wanted(&self, task: &Task, cluster: &str, service: Option<&str>) -> Option<WantedTask> {
        let document = Arc::clone(&self.state.definitions.get(&task.definition)?.document);
        let registered = task.groups.first();
        let container = registered.and_then(|entry| entry.container.clone());
        let container_port = registered.and_then(|entry| entry.port);
        let stop_timeout = stop_timeout(&document);
        Some(WantedTask {
            id: task.id,
            arn: self.task_arn(cluster, task.id),
            cluster: cluster.to_owned(),
            service: service.map(str::to_owned),
            revision: task.definition.clone(),
            network: network(&document),
            document,
            container,
            container_port,
            stop_timeout,
        })
    }

    /// The process of a task runs and listens at `address`. Nothing happens where nobody wants it any more.
    pub fn task_running(&mut self, id: u64, address: SocketAddr) {
        let now = self.now;
        let live = self.config.fleet == Fleet::Live;
        let start = |task: &mut Task| {
            let fresh = live && task.id == id && task.starts_at.is_none() && task.stopped_at.is_none();
            if fresh {
                task.starts_at = Some(now);
                task.address = Some(address);
            }
            fresh
        };
        let found = self.state.services.iter().find(|(_, service)| service.tasks.iter().any(|task| task.id == id));
        if let Some((key, service)) = found {
            let (key, mut service) = (key.clone(), service.clone());
            let Some(index) = service.tasks.iter_mut().position(start) else { return };
            service.steady = false;
            for entry in service.tasks[index].groups.iter().map(|entry| entry.group.clone()).collect::<Vec<_>>() {
                self.detail(&mut service, &format!("registered 1 targets in (target-group {entry})"));
            }
            self.put(key, service);
        } else if self.state.loose_tasks.contains_key(&id) {
            self.change(|state| {
                if let Some(loose) = state.loose_tasks.get_mut(&id) {
                    start(&mut loose.task);
                }
            });
        }
    }

    /// The process of a task has ended, or could not be started. A task that was to stop has stopped; any other one has
    /// failed, and ECS replaces it, the later the more have failed in a row.
    pub fn task_exited(&mut self, id: u64, code: Option<i32>, reason: &str) {
        if self.config.fleet != Fleet::Live {
            return;
        }
        let found = self.state.services.iter().find(|(_, service)| service.tasks.iter().any(|task| task.id == id));
        if let Some((key, service)) = found {
            let (key, mut service) = (key.clone(), service.clone());
            let Some(index) = service.tasks.iter().position(|task| task.id == id) else { return };
            if service.tasks[index].stopped_at.is_none() {
                self.count_failure(&mut service, index);
            }
            let mut task = service.tasks.remove(index);
            exit(&mut task, code, reason, self.now);
            schedule::remember(&mut service, task, self.now);
            service.steady = false;
            self.put(key, service);
        } else {
            let now = self.now;
            self.change(|state| {
                let Some(loose) = state.loose_tasks.get_mut(&id) else { return };
                if tasks::ended_at(&loose.task).is_none() {
                    exit(&mut loose.task, code, reason, now);
                    tasks::close(&mut loose.task, now);
                }
            });
        }
    }

    /// Puts a changed service back, and lets everything that follows from it happen.
    pub(super) fn put(&mut self, key: (String, String), service: ServiceRecord) {
        self.change(|state| {
            state.services.insert(key, service);
        });
    }
}

/// How a process ended. Without a reason of ECS's own, the essential container has ended the task.
fn exit(task: &mut Task, exit_code: Option<i32>, reason: &str, now: Ms) {
    let (code, text) = match task.starts_at {
        None if reason.is_empty() => ("TaskFailedToStart", "Task failed to start"),
        None => ("TaskFailedToStart", reason),
        Some(_) => ("EssentialContainerExited", "Essential container in task exited"),
    };
    tasks::blame(task, code, text);
    task.stopped_at.get_or_insert(now);
    if let Some(stop) = &mut task.stop {
        let stop = Arc::make_mut(stop);
        stop.exit_code = exit_code;
        stop.container_reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
    }
}

/// Where the target of a registration listens; `None` while the task has no process.
pub(in crate::world) fn target_address(task: &Task, entry: &Registration) -> Option<SocketAddr> {
    let mut address = task.address?;
    // A task with its own address has the ports of its containers; on a shared host its port is the one that was free.
    if let Some(port) = entry.port.filter(|_| task.awsvpc) {
        address.set_port(port);
    }
    Some(address)
}

impl State {
    /// Whether tasks of a revision have addresses of their own.
    pub(super) fn awsvpc(&self, revision: &TaskDefinitionArn) -> bool {
        self.definitions.get(revision).is_none_or(|record| network(&record.document) == NetworkMode::Awsvpc)
    }
}

/// How the containers of a task definition reach the network.
pub(crate) fn network(document: &Value) -> NetworkMode {
    match document.get("networkMode").and_then(Value::as_str) {
        Some("awsvpc") => NetworkMode::Awsvpc,
        Some("host") => NetworkMode::Host,
        Some("none") => NetworkMode::None,
        _ => NetworkMode::Bridge,
    }
}

fn stop_timeout(document: &Value) -> Ms {
    let containers = document.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
    let seconds = containers.filter_map(|container| container.get("stopTimeout").and_then(Value::as_u64));
    seconds.max().map_or(STOP_TIMEOUT, |seconds| seconds.saturating_mul(1_000))
}
