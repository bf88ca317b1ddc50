//! CodeDeploy.

use bluegreen_core::model::{DeploymentId, DeploymentWait, RunId, Shift, Timestamp};
use bluegreen_core::observe::{DeploymentConfig, DeploymentGroup, ManagedDeployment, ManagedDeployments};
use bluegreen_core::ports::{CallError, DeploymentRequest, Outcome, marked_run};

use super::super::Front;
use crate::trace::{Detail, ReleaseWrite};
use crate::world::codedeploy::{NewDeployment, Platform, Rollback, RollbackEvent, Shares, Wait, read_revision};
use crate::world::{ReadKind, Refusal, Refused};

fn refused(code: &'static str, text: impl Into<String>) -> Refusal {
    Refused::new(code, text).into()
}

impl Front {
    pub(super) async fn codedeploy_deployments(
        &self,
        application: &str,
        group: &str,
        run: Option<&RunId>,
        known: Option<&DeploymentId>,
        since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        let operation = ("codedeploy:ListDeployments", format!("{application} {group}"));
        self.look(operation, ReadKind::Services, |world, state, at| {
            state.deployment_group(application, group)?;
            if let Some(known) = known.filter(|known| !state.codedeploy.deployments.contains_key(known.as_str())) {
                return Err(refused("DeploymentDoesNotExistException", format!("{known} could not be found")));
            }
            let all = state.codedeploy.of_group(application, group);
            let all = all.into_iter().map(|deployment| world.managed_deployment(state, deployment, at)).collect();
            Ok((sorted(all, run, known, since), Detail::None))
        })
        .await
    }

    pub(super) async fn codedeploy_start(&self, request: &DeploymentRequest) -> Outcome<Option<DeploymentId>> {
        let argument = match request {
            DeploymentRequest::CodeDeploy { application, group, .. } => format!("{application} {group}"),
            DeploymentRequest::Ecs { service, .. } => service.clone(),
        };
        self.mutate(("codedeploy:CreateDeployment", argument), |world| {
            let DeploymentRequest::CodeDeploy { application, group, config, content, sha256, description } = request
            else {
                return Err(refused("InvalidInputException", "this is no deployment of CodeDeploy"));
            };
            let id = world.create_deployment(NewDeployment {
                application: application.clone(),
                group: group.clone(),
                revision: read_revision(content, Some(sha256), false)?,
                config: Some(config.clone()),
                description: description.clone(),
                alarms: None,
                // As the adapter has it.
                rollback: Some(Rollback { enabled: true, events: RollbackEvent::ALL.to_vec() }),
            })?;
            let write = ReleaseWrite::Start(marked_run(description));
            Ok((Some(DeploymentId::new(id)), Detail::Release(write)))
        })
        .await
    }

    pub(super) async fn codedeploy_go_on(&self, id: &DeploymentId, asked: &DeploymentWait) -> Outcome<()> {
        let operation = ("codedeploy:ContinueDeployment", format!("{id} {asked}"));
        self.mutate(operation, |world| {
            let wait = match asked {
                DeploymentWait::Ready => Wait::Ready,
                DeploymentWait::Termination => Wait::Termination,
                DeploymentWait::Pause { .. } => {
                    return Err(refused("InvalidDeploymentWaitTypeException", "CodeDeploy has no pauses"));
                }
            };
            world.continue_deployment(id.as_str(), wait)?;
            Ok(((), Detail::Release(ReleaseWrite::GoOn(id.clone(), asked.clone()))))
        })
        .await
    }

    pub(super) async fn codedeploy_stop(&self, id: &DeploymentId) -> Outcome<()> {
        self.mutate(("codedeploy:StopDeployment", id.to_string()), |world| {
            world.stop_deployment(id.as_str(), Some(true))?;
            Ok(((), Detail::Release(ReleaseWrite::Stop(id.clone()))))
        })
        .await
    }

    pub(super) async fn codedeploy_create_config(&self, name: &str, platform: &str, shift: &Shift) -> Outcome<()> {
        self.mutate(("codedeploy:CreateDeploymentConfig", name.to_owned()), |world| {
            let platform = match platform {
                "ECS" => Platform::Ecs,
                "Lambda" => Platform::Lambda,
                other => return Err(refused("InvalidComputePlatformException", other)),
            };
            let invalid = |text| refused("InvalidTrafficRoutingConfigurationException", text);
            world.create_traffic_config(name, platform, Shares::try_from(shift).map_err(invalid)?)?;
            Ok(((), Detail::Release(ReleaseWrite::Config(name.to_owned()))))
        })
        .await
    }

    pub(super) async fn codedeploy_config(&self, name: &str) -> Result<DeploymentConfig, CallError> {
        self.look(("codedeploy:GetDeploymentConfig", name.to_owned()), ReadKind::Services, |_, state, _| {
            let missing = || refused("DeploymentConfigDoesNotExistException", name);
            Ok((state.shown_config(name).ok_or_else(missing)?, Detail::None))
        })
        .await
    }

    pub(super) async fn codedeploy_group(&self, application: &str, group: &str) -> Result<DeploymentGroup, CallError> {
        let operation = ("codedeploy:GetDeploymentGroup", format!("{application} {group}"));
        self.look(operation, ReadKind::Services, |_, state, _| {
            let found = state.deployment_group(application, group)?;
            Ok((state.shown_group(application, group, found), Detail::None))
        })
        .await
    }

    pub(super) async fn codedeploy_groups_of(
        &self,
        cluster: &str,
        service: &str,
    ) -> Result<Vec<DeploymentGroup>, CallError> {
        let operation = ("codedeploy:BatchGetDeploymentGroups", format!("{cluster} {service}"));
        self.look(operation, ReadKind::Services, |_, state, _| {
            let moves =
                |of: &Option<(String, String)>| of.as_ref().is_some_and(|of| of.0 == cluster && of.1 == service);
            let all = state.codedeploy.applications.iter().flat_map(|(application, found)| {
                found.groups.iter().map(move |(name, group)| (application, name, group))
            });
            let own = all.filter(|(.., group)| moves(&group.service));
            let groups = own.map(|(application, name, group)| state.shown_group(application, name, group));
            Ok((groups.collect::<Vec<_>>(), Detail::None))
        })
        .await
    }

    pub(super) async fn codedeploy_answer_hook(
        &self,
        deployment: &DeploymentId,
        execution: &str,
        passed: bool,
    ) -> Outcome<()> {
        self.mutate(("codedeploy:PutLifecycleEventHookExecutionStatus", deployment.to_string()), |world| {
            world.answer_hook(deployment.as_str(), execution, passed)?;
            Ok(((), Detail::None))
        })
        .await
    }
}

/// Deployments of one group, oldest first, by what they are to a run.
fn sorted(
    all: Vec<ManagedDeployment>,
    run: Option<&RunId>,
    known: Option<&DeploymentId>,
    since: Timestamp,
) -> ManagedDeployments {
    let marked = || {
        let marked = all.iter().filter(|found| run.is_some() && found.run.as_ref() == run && found.created_at >= since);
        // One that goes on counts before those that have ended, the first before what was made after it.
        marked.min_by_key(|found| (found.status.has_ended(), found.created_at))
    };
    let ours = match known {
        Some(id) => all.iter().find(|found| found.id == *id),
        None => marked(),
    }
    .cloned();
    let takes_back =
        |found: &&ManagedDeployment| ours.as_ref().is_some_and(|ours| found.rollback_of.as_ref() == Some(&ours.id));
    let rollback = all.iter().rev().find(takes_back).cloned();
    let own = [&ours, &rollback].map(|found| found.as_ref().map(|found| found.id.clone()));
    let others = all.into_iter().filter(|found| !found.status.has_ended() && !own.contains(&Some(found.id.clone())));
    ManagedDeployments { others: others.collect(), ours, rollback }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bluegreen_core::appspec::sha256;
    use bluegreen_core::model::{DeploymentSite, Percent};
    use bluegreen_core::observe::DeploymentStatus;
    use bluegreen_core::ports::{ErrorClass, Ports, run_mark};

    use super::*;
    use crate::stage::Shared;
    use crate::world::codedeploy::tests::Kit;

    struct Bench {
        shared: Shared,
        ports: Ports,
        content: String,
    }

    impl Bench {
        fn new(hooks: &[(&str, &str)]) -> Bench {
            let kit = Kit::new(|group| group.ready_wait = Some(30));
            let content = Kit::appspec(&kit.new, hooks);
            let shared = Shared::new(kit.world, 1);
            Bench { ports: Front::ports(&shared, "alice"), shared, content }
        }

        fn request(&self, description: &str) -> DeploymentRequest {
            DeploymentRequest::CodeDeploy {
                application: "shop".to_owned(),
                group: "web".to_owned(),
                config: "CodeDeployDefault.ECSCanary10Percent5Minutes".to_owned(),
                content: self.content.clone(),
                sha256: sha256(&self.content),
                description: description.to_owned(),
            }
        }

        fn pass(&self, seconds: u64) {
            let mut inner = self.shared.lock();
            let until = inner.world.now_ms() + seconds * 1_000;
            inner.advance_to(until);
        }

        async fn look(&self, run: Option<&RunId>, known: Option<&DeploymentId>) -> ManagedDeployments {
            let site = DeploymentSite::CodeDeploy { application: "shop".to_owned(), group: "web".to_owned() };
            self.ports.releases.deployments(&site, run, known, Timestamp::MIN).await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_deployment_is_found_by_its_mark_or_id_and_told_to_go_on_and_stop() {
        let bench = Bench::new(&[]);
        let run: RunId = "shop-20260101t000000z-0001".parse().unwrap();
        let other: RunId = "shop-20260101t000000z-0002".parse().unwrap();
        let Outcome::Applied(Some(id)) = bench.ports.releases.start(&bench.request(&run_mark(&run))).await else {
            panic!("it is taken");
        };
        bench.pass(60);
        let seen = bench.look(Some(&run), None).await;
        let ours = seen.ours.unwrap();
        assert_eq!((&ours.id, ours.waits_for, seen.others.len()), (&id, Some(DeploymentWait::Ready), 0));
        assert_eq!((ours.tasks.old, ours.tasks.new, ours.share_ppm), ((2, 2), (2, 2), Some(0)));
        let foreign = bench.look(Some(&other), None).await;
        assert_eq!((foreign.ours, foreign.others.len()), (None, 1));
        let second = bench.ports.releases.start(&bench.request("")).await;
        let Outcome::NotApplied(error) = second else { panic!("one at a time") };
        assert!(error.class == ErrorClass::Invalid && error.message.contains(id.as_str()), "{error}");
        assert_eq!(bench.ports.releases.go_on(&id, &DeploymentWait::Ready).await, Outcome::Applied(()));
        bench.pass(1);
        assert_eq!(bench.look(None, Some(&id)).await.ours.unwrap().share_ppm, Some(100_000));
        assert_eq!(bench.ports.releases.stop(&id).await, Outcome::Applied(()));
        assert_eq!(bench.look(None, Some(&id)).await.ours.unwrap().status, DeploymentStatus::InProgress);
        bench.pass(60);
        let seen = bench.look(None, Some(&id)).await;
        let rollback = seen.rollback.unwrap();
        assert_eq!(seen.ours.unwrap().status, DeploymentStatus::Stopped);
        assert_eq!((rollback.status, rollback.creator.as_str()), (DeploymentStatus::Succeeded, "codeDeployRollback"));
    }

    #[tokio::test]
    async fn a_hook_is_answered_once() {
        let bench = Bench::new(&[("AfterInstall", "smoke")]);
        let Outcome::Applied(Some(id)) = bench.ports.releases.start(&bench.request("")).await else { panic!() };
        bench.pass(60);
        assert_eq!(bench.look(None, Some(&id)).await.ours.unwrap().stage.as_deref(), Some("AfterInstall"));
        let execution = {
            let inner = bench.shared.lock();
            let event = inner.world.deployment(id.as_str()).unwrap().event().unwrap().clone();
            event.hook.unwrap().id
        };
        assert_eq!(bench.ports.releases.answer_hook(&id, &execution, true).await, Outcome::Applied(()));
        let again = bench.ports.releases.answer_hook(&id, &execution, true).await;
        assert!(matches!(again, Outcome::NotApplied(error) if error.class == ErrorClass::Invalid));
    }

    #[tokio::test]
    async fn groups_and_configurations_are_told_and_made() {
        let bench = Bench::new(&[]);
        let releases = &bench.ports.releases;
        let group = releases.group("shop", "web").await.unwrap();
        assert_eq!((group.ready_wait_minutes, group.termination_wait_minutes), (Some(30), 5));
        assert_eq!(releases.groups_of("shop", "web").await.unwrap(), [group]);
        assert_eq!(releases.groups_of("shop", "api").await.unwrap(), []);
        assert_eq!(releases.group("shop", "api").await.unwrap_err().class, ErrorClass::NotFound);
        let first = Percent::from_tenths(250).unwrap();
        let shift = Shift::Canary { first, wait: Duration::from_secs(120) };
        assert_eq!(releases.create_config("quarter", "ECS", &shift).await, Outcome::Applied(()));
        assert_eq!(releases.config("quarter").await.unwrap().shift, Some(shift));
        let again = releases.create_config("quarter", "ECS", &shift).await;
        let Outcome::NotApplied(error) = again else { panic!("they never change") };
        assert!(error.message.contains("DeploymentConfigAlreadyExistsException"), "{error}");
        let odd = Shift::Canary { first: Percent::from_tenths(255).unwrap(), wait: Duration::from_secs(90) };
        assert!(matches!(releases.create_config("odd", "ECS", &odd).await, Outcome::NotApplied(_)));
        assert_eq!(releases.config("none").await.unwrap_err().class, ErrorClass::NotFound);
    }
}
