//! ECS's own deployments, and what only ECS says about a service.
//!
//! What changes something is sent as any client would send it, so that it is checked as AWS checks it.

use bluegreen_core::model::{DeploymentId, DeploymentWait, RunId, TaskDefinitionArn, Timestamp};
use bluegreen_core::observe::{DeploymentStatus, LifecycleEvent, ManagedDeployment, ManagedDeployments, OldAndNew};
use bluegreen_core::ports::{CallError, ErrorClass, Outcome, marked_run};
use serde_json::{Value, json};

use super::super::Front;
use crate::services;
use crate::trace::{Detail, ReleaseWrite};
use crate::wire::{ApiError, Service};
use crate::world::{HookRun, Ms, ReadKind, Refusal, ReleaseRecord, ReleaseStatus, ServiceRecord, Stage, State, World};

impl Front {
    pub(super) async fn ecs_deployments(
        &self,
        cluster: &str,
        service: &str,
        run: Option<&RunId>,
        known: Option<&DeploymentId>,
        since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        let operation = ("ecs:DescribeServiceDeployments", service.to_owned());
        self.look(operation, ReadKind::Services, |world, state, at| {
            let record = record(state, cluster, service)?;
            let mut all: Vec<ManagedDeployment> =
                record.releases.iter().map(|release| managed(world, record, release, at)).collect();
            let ours = match (known, run) {
                (Some(known), _) => {
                    let missing = || (ErrorClass::NotFound, format!("MISSING in failures: {known}"));
                    Some(all.iter().position(|found| found.id == *known).ok_or_else(missing)?)
                }
                (None, Some(run)) => marked_one(&all, run, since),
                (None, None) => None,
            };
            let ours = ours.map(|place| all.remove(place));
            all.retain(|other| !other.status.has_ended());
            Ok((ManagedDeployments { ours, rollback: None, others: all }, Detail::None))
        })
        .await
    }

    pub(super) async fn ecs_start(
        &self,
        cluster: &str,
        service: &str,
        task_definition: &TaskDefinitionArn,
        configuration: &Value,
    ) -> Outcome<Option<DeploymentId>> {
        let request = json!({
            "cluster": cluster,
            "service": service,
            "taskDefinition": task_definition.as_str(),
            "deploymentConfiguration": configuration,
            "forceNewDeployment": true,
        });
        let operation = ("ecs:UpdateService", service.to_owned());
        let write = ReleaseWrite::Start(marked(configuration));
        self.mutate(operation, |world| {
            self.ask(world, "UpdateService", request).map(|()| (None, Detail::Release(write)))
        })
        .await
    }

    pub(super) async fn ecs_go_on(&self, id: &DeploymentId, wait: &DeploymentWait) -> Outcome<()> {
        let operation = ("ecs:ContinueServiceDeployment", id.to_string());
        self.mutate(operation, |world| {
            let DeploymentWait::Pause { hook, .. } = wait else {
                return Err((ErrorClass::Invalid, format!("InvalidParameterException: ECS has no {wait}")));
            };
            let request = json!({"serviceDeploymentArn": id.as_str(), "hookId": hook, "action": "CONTINUE"});
            let write = ReleaseWrite::GoOn(id.clone(), wait.clone());
            self.ask(world, "ContinueServiceDeployment", request).map(|()| ((), Detail::Release(write)))
        })
        .await
    }

    pub(super) async fn ecs_stop(&self, id: &DeploymentId) -> Outcome<()> {
        let operation = ("ecs:StopServiceDeployment", id.to_string());
        let request = json!({"serviceDeploymentArn": id.as_str(), "stopType": "ROLLBACK"});
        let write = Detail::Release(ReleaseWrite::Stop(id.clone()));
        self.mutate(operation, |world| self.ask(world, "StopServiceDeployment", request).map(|()| ((), write))).await
    }

    pub(super) async fn ecs_service(&self, cluster: &str, service: &str) -> Result<Value, CallError> {
        let operation = ("ecs:DescribeServices", service.to_owned());
        self.look(operation, ReadKind::Services, |world, state, at| {
            let record = record(state, cluster, service)?;
            Ok((services::described_service(world, state, cluster_name(cluster), record, at), Detail::None))
        })
        .await
    }

    pub(super) async fn ecs_configure(&self, cluster: &str, service: &str, settings: &Value) -> Outcome<()> {
        let mut request = settings.clone();
        if let Value::Object(members) = &mut request {
            members.insert("cluster".to_owned(), json!(cluster));
            members.insert("service".to_owned(), json!(service));
        }
        let operation = ("ecs:UpdateService", service.to_owned());
        let write = Detail::Release(ReleaseWrite::Settings(service.to_owned()));
        self.mutate(operation, |world| self.ask(world, "UpdateService", request).map(|()| ((), write))).await
    }

    /// One call of ECS, made as this operator.
    fn ask(&self, world: &mut World, operation: &str, request: Value) -> Result<(), Refusal> {
        let answer = services::call(world, &self.operator, Service::Ecs, operation, request);
        answer.map(|_| ()).map_err(|error| refusal(&error))
    }
}

fn refusal(error: &ApiError) -> Refusal {
    let class = if error.code.contains("NotFound") { ErrorClass::NotFound } else { ErrorClass::Invalid };
    (class, format!("{}: {}", error.code, error.message))
}

fn cluster_name(cluster: &str) -> &str {
    cluster.rsplit('/').next().unwrap_or(cluster)
}

fn record<'a>(state: &'a State, cluster: &str, service: &str) -> Result<&'a ServiceRecord, Refusal> {
    let found = state.services.get(&(cluster_name(cluster).to_owned(), service.to_owned()));
    found.ok_or_else(|| (ErrorClass::NotFound, format!("MISSING in failures: {service}")))
}

/// A service deployment in the shape that both of AWS's services share.
fn managed(world: &World, service: &ServiceRecord, release: &ReleaseRecord, at: Ms) -> ManagedDeployment {
    let pause = release.pause();
    let stage = release.run.as_ref().and_then(|run| run.stage);
    let (share, _) = release.shares();
    ManagedDeployment {
        id: DeploymentId::new(&release.arn),
        run: marked(&release.configuration),
        creator: String::new(),
        created_at: world.timestamp(release.created_at),
        task_definition: Some(release.target.definition.clone()),
        status: status(release.status),
        stage: stage.map(|stage| stage.as_str().to_owned()),
        waits_for: pause.map(|hook| DeploymentWait::Pause {
            hook: hook.id.clone(),
            stage: stage.map_or("", Stage::as_str).to_owned(),
        }),
        wait_ends: pause.map(|hook| world.timestamp(hook.expires_at)),
        share_ppm: Some(u32::from(share) * 1_000).filter(|_| release.run.is_some()),
        events: events(release),
        tasks: tasks(service, release, at),
        why: Some(release.reason.clone()).filter(|reason| !reason.is_empty()),
        rolled_back_by: None,
        rollback_of: None,
    }
}

/// The run whose mark stands anywhere in the details of a hook.
fn marked(configuration: &Value) -> Option<RunId> {
    let hooks = configuration.get("lifecycleHooks").and_then(Value::as_array).into_iter().flatten();
    hooks.filter_map(|hook| hook.get("hookDetails")).find_map(|details| marked_run(&details.to_string()))
}

/// The deployment with the mark of a run: one that has not ended, else the first that was made since.
fn marked_one(all: &[ManagedDeployment], run: &RunId, since: Timestamp) -> Option<usize> {
    let own = all.iter().enumerate().filter(|(_, found)| {
        let ended = found.status.has_ended();
        found.run.as_ref() == Some(run) && (!ended || found.created_at > since)
    });
    own.min_by_key(|(place, found)| (found.status.has_ended(), *place)).map(|(place, _)| place)
}

/// The stage, as far along as the deployment, then the hooks.
fn events(release: &ReleaseRecord) -> Vec<LifecycleEvent> {
    let stage = release.run.as_ref().and_then(|run| run.stage);
    let stage = stage.map(|stage| LifecycleEvent {
        name: stage.as_str().to_owned(),
        status: release.status.as_str().to_owned(),
        message: None,
    });
    stage.into_iter().chain(release.hooks.iter().map(event)).collect()
}

fn event(hook: &HookRun) -> LifecycleEvent {
    let name = match &hook.function {
        Some(function) => format!("AWS_LAMBDA {function} {}", hook.id),
        None => format!("PAUSE {}", hook.id),
    };
    LifecycleEvent { name, status: hook.status.as_str().to_owned(), message: None }
}

fn tasks(service: &ServiceRecord, release: &ReleaseRecord, at: Ms) -> OldAndNew {
    let of = |revision| {
        let counts = service.counts_of(revision, at);
        (counts.asked, counts.running)
    };
    let old = release.sources.iter().map(|source| of(source));
    let old = old.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
    OldAndNew { old, new: of(&release.target) }
}

fn status(status: ReleaseStatus) -> DeploymentStatus {
    match status {
        ReleaseStatus::Pending => DeploymentStatus::Pending,
        ReleaseStatus::InProgress => DeploymentStatus::InProgress,
        ReleaseStatus::RollbackRequested | ReleaseStatus::RollbackInProgress => DeploymentStatus::RollingBack,
        ReleaseStatus::Successful => DeploymentStatus::Succeeded,
        ReleaseStatus::Stopped => DeploymentStatus::Stopped,
        ReleaseStatus::RollbackSuccessful => DeploymentStatus::RolledBack,
        ReleaseStatus::RollbackFailed => DeploymentStatus::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bluegreen_core::model::DeploymentSite;
    use bluegreen_core::ports::{DeploymentRequest, Ports, Releases, run_mark};

    use super::*;
    use crate::stage::Shared;
    use crate::world::fleet::native::tests::native_bench;

    const RUN: &str = "shop-20260101t000000z-0001";

    struct Bench {
        shared: Shared,
        releases: Arc<dyn Releases>,
        next: TaskDefinitionArn,
    }

    impl Bench {
        /// A service `web` that runs its first revision, and the second.
        fn new() -> Bench {
            let (world, next) = native_bench();
            let shared = Shared::new(world, 1);
            let Ports { releases, .. } = Front::ports(&shared, "alice");
            Bench { shared, releases, next }
        }

        fn pass(&self, seconds: u64) {
            let mut inner = self.shared.lock();
            let until = inner.world.now_ms() + seconds * 1_000;
            inner.advance_to(until);
        }

        async fn start(&self, run: &str) -> Outcome<Option<DeploymentId>> {
            let pause = |stage: &str| {
                let mark = run_mark(&run.parse().unwrap());
                json!({"targetType": "PAUSE", "lifecycleStages": [stage], "hookDetails": {"bluegreen": mark}})
            };
            let hooks = ["PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"].map(pause);
            let canary = json!({"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 0});
            let configuration = json!({
                "strategy": "CANARY", "canaryConfiguration": canary, "bakeTimeInMinutes": 0, "lifecycleHooks": hooks,
            });
            let request = DeploymentRequest::Ecs {
                cluster: "shop".to_owned(),
                service: "web".to_owned(),
                task_definition: self.next.clone(),
                configuration,
            };
            self.releases.start(&request).await
        }

        async fn look(&self, run: Option<&str>, known: Option<&DeploymentId>) -> Result<ManagedDeployments, CallError> {
            let site = DeploymentSite::Ecs { cluster: "shop".to_owned(), service: "web".to_owned() };
            let run = run.map(|run| run.parse().unwrap());
            self.releases.deployments(&site, run.as_ref(), known, Timestamp::MIN).await
        }

        async fn ours(&self) -> ManagedDeployment {
            self.look(Some(RUN), None).await.unwrap().ours.expect("it is there")
        }
    }

    #[tokio::test]
    async fn a_deployment_is_found_by_its_mark_and_led_through_its_pauses() {
        let bench = Bench::new();
        let before = bench.releases.service("shop", "web").await.unwrap();
        assert_eq!(bench.look(Some(RUN), None).await.unwrap(), ManagedDeployments::default());
        assert_eq!(bench.start(RUN).await, Outcome::Applied(None), "ECS tells no id");
        let pending = bench.ours().await;
        assert_eq!((&pending.status, &pending.stage), (&DeploymentStatus::Pending, &None));
        for share in [0, 100_000, 1_000_000] {
            bench.pass(60);
            let ours = bench.ours().await;
            assert_eq!((ours.share_ppm, ours.tasks.old, ours.tasks.new), (Some(share), (2, 2), (2, 2)));
            assert_eq!(ours.events[0].name, ours.stage.clone().unwrap());
            let wait = ours.waits_for.clone().expect("it pauses");
            assert!(ours.wait_ends.is_some_and(|ends| ends > ours.created_at));
            assert_eq!(bench.releases.go_on(&ours.id, &wait).await, Outcome::Applied(()));
            let again = bench.releases.go_on(&ours.id, &wait).await;
            assert!(matches!(again, Outcome::NotApplied(error) if error.class == ErrorClass::Invalid));
        }
        bench.pass(600);
        let ours = bench.ours().await;
        assert_eq!((ours.status, ours.waits_for, ours.tasks.old), (DeploymentStatus::Succeeded, None, (0, 0)));
        let mut declared = json!({"deploymentConfiguration": before["deploymentConfiguration"]});
        // What is not said stays: hooks have to be taken away by name.
        declared["deploymentConfiguration"]["lifecycleHooks"] = json!([]);
        assert_eq!(bench.releases.configure("shop", "web", &declared).await, Outcome::Applied(()));
        let after = bench.releases.service("shop", "web").await.unwrap();
        assert_eq!(after["deploymentConfiguration"], before["deploymentConfiguration"]);
        assert_eq!(after["currentServiceDeployment"], ours.id.as_str(), "what starts nothing starts nothing");
    }

    #[tokio::test]
    async fn others_are_told_apart_and_a_stop_takes_ours_back() {
        let bench = Bench::new();
        bench.start("shop-20260101t000000z-0002").await;
        bench.pass(60);
        let seen = bench.look(Some(RUN), None).await.unwrap();
        assert!(seen.ours.is_none() && seen.others.len() == 1);
        let foreign = seen.others[0].clone();
        assert_eq!(foreign.run, Some("shop-20260101t000000z-0002".parse().unwrap()));
        assert_eq!(foreign.task_definition.as_ref(), Some(&bench.next));
        let known = bench.look(None, Some(&foreign.id)).await.unwrap();
        assert_eq!((known.ours.map(|ours| ours.id), known.others.len()), (Some(foreign.id.clone()), 0));
        assert_eq!(bench.releases.stop(&foreign.id).await, Outcome::Applied(()));
        assert_eq!(bench.releases.stop(&foreign.id).await, Outcome::Applied(()), "harmless when sent twice");
        bench.pass(600);
        let ended = bench.look(None, Some(&foreign.id)).await.unwrap().ours.unwrap();
        assert!(ended.status == DeploymentStatus::RolledBack && ended.why.is_some());
        let none = DeploymentId::new("arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/none");
        assert_eq!(bench.look(None, Some(&none)).await.unwrap_err().class, ErrorClass::NotFound);
        let gone = bench.releases.stop(&none).await;
        assert!(matches!(gone, Outcome::NotApplied(error) if error.class == ErrorClass::NotFound));
        let odd = bench.releases.go_on(&foreign.id, &DeploymentWait::Ready).await;
        assert!(matches!(odd, Outcome::NotApplied(error) if error.class == ErrorClass::Invalid));
        assert_eq!(bench.releases.service("shop", "none").await.unwrap_err().class, ErrorClass::NotFound);
    }
}
