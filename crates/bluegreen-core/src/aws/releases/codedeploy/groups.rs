//! CodeDeploy's groups and traffic configurations, cut down to what a plan reads.

use std::time::Duration;

use aws_sdk_codedeploy::types as sdk;

use super::GET_CONFIG;
use crate::aws::classify::malformed;
use crate::aws::convert::{count, required};
use crate::aws::releases::short_name;
use crate::model::{Percent, Shift, duration};
use crate::observe::{DeploymentConfig, DeploymentGroup};
use crate::ports::CallError;

/// A shape that CodeDeploy cannot hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoutingError {
    /// It moves whole percents.
    #[error("CodeDeploy moves 1 to 99 whole percents at a time, found {0}")]
    Share(Percent),
    /// It waits whole minutes.
    #[error("CodeDeploy waits whole minutes between moves, found {}", duration::format(*.0))]
    Wait(Duration),
}

/// A shape as CodeDeploy takes it.
pub(super) fn routing(shift: &Shift) -> Result<sdk::TrafficRoutingConfig, RoutingError> {
    let routing = sdk::TrafficRoutingConfig::builder();
    Ok(match *shift {
        Shift::AllAtOnce => routing.r#type(sdk::TrafficRoutingType::AllAtOnce).build(),
        Shift::Canary { first, wait } => {
            let canary = sdk::TimeBasedCanary::builder().canary_percentage(whole(first)?);
            let canary = canary.canary_interval(minutes(wait)?).build();
            routing.r#type(sdk::TrafficRoutingType::TimeBasedCanary).time_based_canary(canary).build()
        }
        Shift::Linear { each, wait } => {
            let linear = sdk::TimeBasedLinear::builder().linear_percentage(whole(each)?);
            let linear = linear.linear_interval(minutes(wait)?).build();
            routing.r#type(sdk::TrafficRoutingType::TimeBasedLinear).time_based_linear(linear).build()
        }
    })
}

fn whole(share: Percent) -> Result<i32, RoutingError> {
    match share.tenths() {
        tenths @ 10..=990 if tenths % 10 == 0 => Ok(i32::from(tenths / 10)),
        _ => Err(RoutingError::Share(share)),
    }
}

fn minutes(wait: Duration) -> Result<i32, RoutingError> {
    let whole = wait.subsec_nanos() == 0 && wait.as_secs().is_multiple_of(60);
    let minutes = i32::try_from(wait.as_secs() / 60).ok().filter(|_| whole);
    minutes.ok_or(RoutingError::Wait(wait))
}

/// A traffic configuration.
pub(super) fn config(info: &sdk::DeploymentConfigInfo) -> Result<DeploymentConfig, CallError> {
    let platform = required(GET_CONFIG, "computePlatform", info.compute_platform.as_ref())?;
    Ok(DeploymentConfig {
        name: required(GET_CONFIG, "deploymentConfigName", info.deployment_config_name.clone())?,
        compute_platform: platform.as_str().to_owned(),
        shift: info.traffic_routing_config.as_ref().map(shift).transpose()?,
    })
}

fn shift(routing: &sdk::TrafficRoutingConfig) -> Result<Shift, CallError> {
    match required(GET_CONFIG, "trafficRoutingConfig.type", routing.r#type.as_ref())? {
        sdk::TrafficRoutingType::AllAtOnce => Ok(Shift::AllAtOnce),
        sdk::TrafficRoutingType::TimeBasedCanary => {
            let canary = required(GET_CONFIG, "timeBasedCanary", routing.time_based_canary.as_ref())?;
            Ok(Shift::Canary { first: share(canary.canary_percentage)?, wait: wait(canary.canary_interval) })
        }
        sdk::TrafficRoutingType::TimeBasedLinear => {
            let linear = required(GET_CONFIG, "timeBasedLinear", routing.time_based_linear.as_ref())?;
            Ok(Shift::Linear { each: share(linear.linear_percentage)?, wait: wait(linear.linear_interval) })
        }
        other => {
            Err(malformed(GET_CONFIG, &format!("this version does not know traffic of type `{}`", other.as_str())))
        }
    }
}

fn share(percent: i32) -> Result<Percent, CallError> {
    let tenths = u16::try_from(percent).ok().and_then(|percent| percent.checked_mul(10));
    let share = tenths.and_then(|tenths| Percent::from_tenths(tenths).ok());
    share.ok_or_else(|| malformed(GET_CONFIG, &format!("{percent} is not a percentage")))
}

fn wait(minutes: i32) -> Duration {
    Duration::from_secs(60 * u64::from(count(minutes)))
}

/// Whether a group moves this service: groups may hold names or ARNs.
pub(super) fn moves(info: &sdk::DeploymentGroupInfo, cluster: &str, service: &str) -> bool {
    let is_it = |bound: &sdk::EcsService| {
        bound.service_name().map(short_name) == Some(short_name(service))
            && bound.cluster_name().map(short_name) == Some(short_name(cluster))
    };
    info.ecs_services().iter().any(is_it)
}

/// A deployment group.
pub(super) fn group(operation: &str, info: &sdk::DeploymentGroupInfo) -> Result<DeploymentGroup, CallError> {
    let platform = required(operation, "computePlatform", info.compute_platform.as_ref())?;
    let pair = info.load_balancer_info.as_ref().and_then(|info| info.target_group_pair_info_list().first());
    let waits = info.blue_green_deployment_configuration.as_ref();
    let ending = waits.and_then(|waits| waits.terminate_blue_instances_on_deployment_success.as_ref());
    let listeners = |route: Option<&sdk::TrafficRoute>| route.map_or_else(Vec::new, |r| r.listener_arns().to_vec());
    let alarms = info.alarm_configuration.as_ref().filter(|alarms| alarms.enabled);
    Ok(DeploymentGroup {
        application: required(operation, "applicationName", info.application_name.clone())?,
        name: required(operation, "deploymentGroupName", info.deployment_group_name.clone())?,
        compute_platform: platform.as_str().to_owned(),
        service: info.ecs_services().first().and_then(service),
        target_groups: pair
            .map_or_else(Vec::new, |pair| pair.target_groups().iter().filter_map(|group| group.name.clone()).collect()),
        production_listeners: listeners(pair.and_then(|pair| pair.prod_traffic_route.as_ref())),
        test_listeners: listeners(pair.and_then(|pair| pair.test_traffic_route.as_ref())),
        config: info.deployment_config_name.clone().filter(|name| !name.is_empty()),
        ready_wait_minutes: ready_wait(operation, waits.and_then(|waits| waits.deployment_ready_option.as_ref()))?,
        termination_wait_minutes: ending.map_or(0, |ending| count(ending.termination_wait_time_in_minutes)),
        terminates_old: ending.map_or(Ok(false), |ending| terminates(operation, ending))?,
        alarms: alarms.map(|alarms| alarms.alarms().iter().filter_map(|alarm| alarm.name.clone()).collect()),
        service_role: info.service_role_arn.clone().unwrap_or_default(),
    })
}

fn service(bound: &sdk::EcsService) -> Option<(String, String)> {
    Some((short_name(bound.cluster_name()?).to_owned(), short_name(bound.service_name()?).to_owned()))
}

/// The wait applies only where its end stops the deployment; otherwise there is none.
fn ready_wait(operation: &str, option: Option<&sdk::DeploymentReadyOption>) -> Result<Option<u32>, CallError> {
    let Some(option) = option else { return Ok(None) };
    match &option.action_on_timeout {
        None | Some(sdk::DeploymentReadyAction::ContinueDeployment) => Ok(None),
        Some(sdk::DeploymentReadyAction::StopDeployment) => Ok(Some(count(option.wait_time_in_minutes))),
        Some(other) => Err(unknown(operation, "actionOnTimeout", other.as_str())),
    }
}

fn terminates(operation: &str, ending: &sdk::BlueInstanceTerminationOption) -> Result<bool, CallError> {
    match &ending.action {
        None | Some(sdk::InstanceAction::Terminate) => Ok(true),
        Some(sdk::InstanceAction::KeepAlive) => Ok(false),
        Some(other) => Err(unknown(operation, "the action on the old tasks", other.as_str())),
    }
}

/// A setting that decides how a release ends: it is not guessed.
fn unknown(operation: &str, name: &str, value: &str) -> CallError {
    malformed(operation, &format!("this version does not know `{value}` for {name}"))
}
