//! A plan back into a spec: the same steps, policies and places, to look at the world anew.

use std::collections::BTreeMap;

use bluegreen_core::plan::Plan;
use bluegreen_core::spec::{Environment, Release, Spec, TestRoute};

/// What the plan was made from, as far as a survey and a new plan need it. The release comes from elsewhere.
pub(super) fn spec_of(plan: &Plan) -> Spec {
    let test = plan.baseline.test_route.as_ref();
    Spec {
        service: plan.site.service.clone(),
        environment: Environment {
            name: plan.site.environment.clone(),
            region: Some(plan.site.region.clone()),
            account: Some(plan.site.account.clone()),
            cluster: plan.site.cluster.clone(),
        },
        release: Release::Live { images: BTreeMap::new() },
        services: plan.baseline.services.map(|service| service.name.clone()),
        target_groups: plan.groups.map(ToString::to_string),
        routes: plan.route_ids().cloned().collect(),
        test: test.map(|route| TestRoute { route: route.id.clone(), url: plan.test_url.clone() }),
        steps: plan.steps.clone(),
        capacity: plan.capacity,
        after: plan.after.clone(),
        alarms: plan.alarm_names(),
        alarm_policy: plan.alarm_policy.clone(),
        drift: plan.drift,
        rollback: plan.rollback.clone(),
        pre_traffic: plan.pre_traffic.clone(),
        timing: plan.timing.clone(),
    }
}
