//! A plan back into a spec: the same steps, policies and places, to look at the world anew.

use std::collections::BTreeMap;

use bluegreen_core::appspec::{self, AppSpec};
use bluegreen_core::plan::{self, Plan};
use bluegreen_core::spec::{
    CodeDeploy, Control, DEFAULT_PAUSE_TIMEOUT, Engine, Environment, Fleet, Release, Spec, TestRoute,
};

/// What the plan was made from, as far as a survey and a new plan need it. The release comes from elsewhere.
pub(super) fn spec_of(plan: &Plan) -> Spec {
    let test = TestRoute {
        route: plan.baseline.test_route.as_ref().map(|route| route.id.clone()),
        url: plan.test_url.clone(),
    };
    Spec {
        service: plan.site.service.clone(),
        environment: Environment {
            name: plan.site.environment.clone(),
            region: Some(plan.site.region.clone()),
            account: Some(plan.site.account.clone()),
            cluster: plan.site.cluster.clone(),
        },
        release: Release::Live { images: BTreeMap::new() },
        engine: engine(&plan.engine),
        fleet: fleet(plan),
        target_groups: Some(plan.groups.map(ToString::to_string)),
        control: plan
            .control
            .as_ref()
            .map(|control| Control { service: control.service.name.clone(), target_group: control.group.to_string() }),
        routes: plan.route_ids().cloned().collect(),
        test: Some(test).filter(|test| test.route.is_some() || test.url.is_some()),
        steps: plan.steps.clone(),
        capacity: plan.capacity,
        after: plan.after.clone(),
        alarms: plan.alarm_names(),
        alarm_policy: plan.alarm_policy.clone(),
        drift: plan.drift,
        rollback: plan.rollback.clone(),
        pre_traffic: plan.pre_traffic.clone(),
        timing: plan.timing.clone(),
        code_deploy: code_deploy(&plan.engine),
        pause_timeout: match &plan.engine {
            plan::Engine::Ecs(native) => native.pause_timeout().unwrap_or(DEFAULT_PAUSE_TIMEOUT),
            _ => DEFAULT_PAUSE_TIMEOUT,
        },
        analysis: plan.analysis.as_ref().map(|analysis| analysis.asked(plan.canary())),
    }
}

fn engine(engine: &plan::Engine) -> Engine {
    match engine {
        plan::Engine::Alb | plan::Engine::TaskSets(_) => Engine::Alb,
        plan::Engine::CodeDeploy(_) => Engine::CodeDeploy,
        plan::Engine::Ecs(_) => Engine::Ecs,
    }
}

fn fleet(plan: &Plan) -> Fleet {
    let name = || Some(plan.stable_baseline().name.clone());
    let none = Fleet::default();
    match (plan.managed(), plan.task_sets()) {
        (Some(_), _) => Fleet { service: name(), ..none },
        (None, Some(_)) => Fleet { task_sets: name(), ..none },
        (None, None) => Fleet { services: Some(plan.baseline.services.map(|service| service.name.clone())), ..none },
    }
}

/// The same group and configuration again, not whichever would be found now. A built-in configuration, or one that is
/// made for the steps, follows from the steps.
fn code_deploy(engine: &plan::Engine) -> CodeDeploy {
    let plan::Engine::CodeDeploy(engine) = engine else { return CodeDeploy::default() };
    let own = !engine.create_config && !engine.config.starts_with("CodeDeployDefault.");
    CodeDeploy {
        application: Some(engine.application.clone()),
        group: Some(engine.group.clone()),
        config: own.then(|| engine.config.clone()),
        ..CodeDeploy::default()
    }
}

/// The AppSpec document of a plan, hooks included.
pub(super) fn appspec_of(plan: &Plan) -> Option<AppSpec> {
    match &plan.engine {
        plan::Engine::CodeDeploy(engine) => {
            appspec::parse("the plan's AppSpec", &engine.appspec).ok().map(|document| document.spec)
        }
        _ => None,
    }
}
