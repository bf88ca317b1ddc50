//! Task sets: the same calls as any client makes.

use bluegreen_core::observe::TaskSetSnapshot;
use bluegreen_core::ports::{ErrorClass, Outcome, TaskSetRequest};
use serde_json::{Value, json};

use super::Front;
use crate::services::call;
use crate::trace::{Detail, TaskSetWrite};
use crate::wire::{ApiError, Service};
use crate::world::{Refusal, World};

impl Front {
    /// One change of a service's task sets.
    pub(super) async fn change_sets(&self, cluster: &str, service: &str, request: &TaskSetRequest) -> Outcome<()> {
        let (operation, name, mut input) = wire(request);
        self.mutate((operation, service.to_owned()), |world| {
            let before = sets(world, cluster, service);
            if let Some(members) = input.as_object_mut() {
                members.insert("cluster".to_owned(), json!(cluster));
                members.insert("service".to_owned(), json!(service));
            }
            call(world, &self.operator, Service::Ecs, name, input).map_err(|error| refusal(&error))?;
            let after = sets(world, cluster, service);
            let (cluster, service) = (cluster.to_owned(), service.to_owned());
            let write = TaskSetWrite { cluster, service, request: request.clone(), before, after };
            Ok(((), Detail::TaskSet(write)))
        })
        .await
    }
}

/// What goes over the wire: the call as traces name it, its operation, its members.
fn wire(request: &TaskSetRequest) -> (&'static str, &'static str, Value) {
    match request {
        TaskSetRequest::Create(members) => ("ecs:CreateTaskSet", "CreateTaskSet", members.clone()),
        TaskSetRequest::Scale { set, scale } => {
            let scale = json!({"value": scale.percent(), "unit": "PERCENT"});
            ("ecs:UpdateTaskSet", "UpdateTaskSet", json!({"taskSet": set, "scale": scale}))
        }
        TaskSetRequest::Delete { set } => {
            ("ecs:DeleteTaskSet", "DeleteTaskSet", json!({"taskSet": set, "force": true}))
        }
        TaskSetRequest::MakePrimary { set } => {
            let members = json!({"primaryTaskSet": set});
            ("ecs:UpdateServicePrimaryTaskSet", "UpdateServicePrimaryTaskSet", members)
        }
    }
}

fn sets(world: &World, cluster: &str, service: &str) -> Vec<TaskSetSnapshot> {
    let found = world.service_in(world.state(), cluster, service, world.now_ms());
    found.map(|service| service.task_sets).unwrap_or_default()
}

fn refusal(error: &ApiError) -> Refusal {
    let class = match error.code.as_str() {
        code if code.ends_with("NotFoundException") => ErrorClass::NotFound,
        _ => ErrorClass::Invalid,
    };
    (class, format!("{}: {}", error.code, error.message))
}
