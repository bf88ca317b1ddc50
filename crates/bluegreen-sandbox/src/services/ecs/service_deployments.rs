//! Service deployments and service revisions.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::paging::{Order, page};
use super::{Context, arn, cluster, invalid, missing, service_name, some};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node};
use crate::world::{
    FleetError, HookRun, Ms, ReadKind, ReleaseRecord, RevisionRecord, ServiceRecord, ServiceStatus, Stage, State, World,
};

/// The most that one request describes.
const MOST: usize = 20;
const STATUSES: [&str; 9] = [
    "PENDING",
    "SUCCESSFUL",
    "STOPPED",
    "STOP_REQUESTED",
    "IN_PROGRESS",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED",
];

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let name = service_name(input, &cluster)?;
    if !context.world.state().has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let wanted = input.strings("status")?.unwrap_or_default();
    if let Some(unknown) = wanted.iter().find(|status| !STATUSES.contains(&status.as_str())) {
        return Err(input.invalid("status", &format!("{unknown} is none of {}", STATUSES.join(", "))));
    }
    let [after, before] = range(input)?;
    let key = (cluster.clone(), name);
    let (state, _) = context.read(ReadKind::Services, &key);
    let service = state.services.get(&key).filter(|service| service.status != ServiceStatus::Inactive);
    let service = service.ok_or(FleetError::ServiceNotFound)?;
    let fits = |release: &&ReleaseRecord| {
        // What answers show is cut to the millisecond, and comes back so.
        let made = context.world.timestamp(release.created_at).as_millisecond();
        (wanted.is_empty() || wanted.iter().any(|status| status == release.status.as_str()))
            && after.is_none_or(|after| made > after.as_millisecond())
            && before.is_none_or(|before| made < before.as_millisecond())
    };
    let items = service.releases.iter().enumerate().filter(|(_, release)| fits(release)).map(|(place, release)| {
        let order = format!("{:020}{place:05}", release.created_at);
        (order, brief(context.world, &cluster, service, release))
    });
    page(context.world, input, "serviceDeployments", 20, Order::Descending, items.collect())
}

/// `createdAt`: after and before.
fn range(input: &Input) -> Result<[Option<Timestamp>; 2], ApiError> {
    let Some(range) = input.map("createdAt")? else { return Ok([None, None]) };
    let [after, before] = [range.time("after")?, range.time("before")?];
    if let (Some(after), Some(before)) = (after, before)
        && after > before
    {
        return Err(range.invalid("after", "it is later than createdAt.before"));
    }
    Ok([after, before])
}

pub(super) fn describe(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let named = some(input, "serviceDeploymentArns", MOST)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in named {
        check_kind("serviceDeploymentArns", &name, "service-deployment")?;
        let (state, at) = context.read(ReadKind::Services, &name);
        match state.release(&name) {
            Some(((cluster, _), release)) => match state.services.values().find(|service| owns(service, release)) {
                Some(service) => found.push(whole(context.world, cluster, service, release, at)),
                None => failures.push(missing(name)),
            },
            None => failures.push(missing(name)),
        }
    }
    Ok(node! { "serviceDeployments": found, "failures": failures })
}

fn owns(service: &ServiceRecord, release: &ReleaseRecord) -> bool {
    service.releases.iter().any(|found| found.arn == release.arn)
}

pub(super) fn revisions(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let named = some(input, "serviceRevisionArns", MOST)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in named {
        check_kind("serviceRevisionArns", &name, "service-revision")?;
        let (state, _) = context.read(ReadKind::Services, &name);
        match state.service_revision(&name) {
            Some((service, revision)) => found.push(shown_revision(context.world, state, service, revision)),
            None => failures.push(missing(name)),
        }
    }
    Ok(node! { "serviceRevisions": found, "failures": failures })
}

pub(super) fn stop(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = input.required_text("serviceDeploymentArn")?;
    match input.text("stopType")? {
        None | Some("ROLLBACK") => {}
        Some("ABORT") => return Err(input.invalid("stopType", "ABORT is not supported: use ROLLBACK")),
        Some(other) => return Err(input.invalid("stopType", &format!("must be ROLLBACK, not {other}"))),
    }
    check_kind("serviceDeploymentArn", name, "service-deployment")?;
    context.world.roll_back_release(name)?;
    Ok(node! { "serviceDeploymentArn": name })
}

pub(super) fn go_on(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = input.required_text("serviceDeploymentArn")?;
    let hook = input.required_text("hookId")?;
    let goes_on = match input.text("action")? {
        None | Some("CONTINUE") => true,
        Some("ROLLBACK") => false,
        Some(other) => return Err(input.invalid("action", &format!("must be CONTINUE or ROLLBACK, not {other}"))),
    };
    check_kind("serviceDeploymentArn", name, "service-deployment")?;
    context.world.continue_release(name, hook, goes_on)?;
    Ok(node! { "serviceDeploymentArn": name })
}

fn check_kind(member: &str, name: &str, kind: &str) -> Result<(), ApiError> {
    let resource = name.splitn(6, ':').nth(5).unwrap_or_default();
    let parts = resource.split('/').count();
    if name.starts_with("arn:") && resource.split('/').next() == Some(kind) && parts == 4 {
        return Ok(());
    }
    Err(invalid(format!("{member}: {name} is not the ARN of a {}", kind.replace('-', " "))))
}

fn brief(world: &World, cluster: &str, service: &ServiceRecord, release: &ReleaseRecord) -> Node {
    let mut answer = times(world, cluster, service, release);
    for name in ["stoppedAt", "updatedAt"] {
        answer.remove(name);
    }
    answer.insert("targetServiceRevisionArn", &release.target.arn);
    answer.into()
}

/// What a list and a description have alike, and two times more.
fn times(world: &World, cluster: &str, service: &ServiceRecord, release: &ReleaseRecord) -> Map {
    let at = |ms: Option<Ms>| ms.map(|ms| world.timestamp(ms));
    let mut answer = Map::new();
    for (name, node) in [
        ("serviceDeploymentArn", Node::from(&release.arn)),
        ("serviceArn", (&service.arn).into()),
        ("clusterArn", arn(world, &format!("cluster/{cluster}")).into()),
        ("createdAt", at(Some(release.created_at)).into()),
        ("startedAt", at(release.started_at).into()),
        ("finishedAt", at(release.finished_at).into()),
        ("stoppedAt", at(release.stopped_at).into()),
        ("updatedAt", at(Some(release.updated_at)).into()),
        ("status", release.status.as_str().into()),
        ("statusReason", Some(&release.reason).filter(|reason| !reason.is_empty()).into()),
    ] {
        answer.put(name, node);
    }
    answer
}

fn whole(world: &World, cluster: &str, service: &ServiceRecord, release: &ReleaseRecord, at: Ms) -> Node {
    let (share, test_share) = release.shares();
    let percent = |thousandths: u16| f64::from(thousandths) / 10.0;
    let sources = release.sources.iter().enumerate().map(|(place, revision)| {
        let left = if place == 0 { 1_000 } else { 0 };
        let shares = (percent(left.max(share) - share), percent(left.max(test_share) - test_share));
        summary(service, revision, shares, release, at)
    });
    let target = summary(service, &release.target, (percent(share), percent(test_share)), release, at);
    let stage = release.run.as_ref().and_then(|run| run.stage);
    let mut answer = times(world, cluster, service, release);
    answer.insert("sourceServiceRevisions", sources.collect::<Node>());
    answer.insert("targetServiceRevision", target);
    answer.put("lifecycleStage", stage.map(Stage::as_str));
    if release.run.is_some() {
        answer
            .insert("lifecycleHookDetails", release.hooks.iter().map(|hook| shown_hook(world, hook)).collect::<Node>());
    }
    answer.insert("deploymentConfiguration", &*release.configuration);
    if let Some((reason, began)) = &release.rollback {
        let back_to = release.stable().map(|stable| stable.arn.clone());
        let back = node! { "reason": reason, "startedAt": world.timestamp(*began), "serviceRevisionArn": back_to };
        answer.insert("rollback", back);
    }
    let failed = service.deployments.first().map_or(0, |record| world.failed(service, record, at));
    answer.insert(
        "deploymentCircuitBreaker",
        node! {
            "status": release.breaker.as_str(),
            "failureCount": if release.status.has_ended() { 0 } else { failed },
            "threshold": service.breaker_threshold(),
        },
    );
    answer.insert("alarms", shown_alarms(release));
    answer.into()
}

fn shown_alarms(release: &ReleaseRecord) -> Node {
    let names = release.configuration.pointer("/alarms/alarmNames").cloned().unwrap_or_else(|| json!([]));
    node! {
        "status": release.alarms.as_str(),
        "alarmNames": names,
        "triggeredAlarmNames": release.triggered.clone(),
    }
}

fn summary(
    service: &ServiceRecord,
    revision: &RevisionRecord,
    (production, test): (f64, f64),
    release: &ReleaseRecord,
    at: Ms,
) -> Node {
    let counts = service.counts_of(revision, at);
    // Only where rules are rewritten is there anything to tell of weights.
    let weighed = release.run.is_some();
    node! {
        "arn": &revision.arn,
        "requestedTaskCount": counts.asked,
        "runningTaskCount": counts.running,
        "pendingTaskCount": counts.pending,
        "requestedProductionTrafficWeight": weighed.then_some(production),
        "requestedTestTrafficWeight": weighed.then_some(test),
    }
}

fn shown_hook(world: &World, hook: &HookRun) -> Node {
    node! {
        "hookId": &hook.id,
        "targetType": if hook.function.is_some() { "AWS_LAMBDA" } else { "PAUSE" },
        "targetArn": hook.function.as_ref(),
        "status": hook.status.as_str(),
        "expiresAt": world.timestamp(hook.expires_at),
        "timeoutAction": if hook.goes_on { "CONTINUE" } else { "ROLLBACK" },
    }
}

/// Members of a service that its revisions keep.
const OF_REVISIONS: [&str; 8] = [
    "capacityProviderStrategy",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "platformVersion",
];

fn shown_revision(world: &World, state: &State, service: &ServiceRecord, revision: &RevisionRecord) -> Node {
    let settings = &*revision.settings;
    let cluster = service.arn.rsplit('/').nth(1).unwrap_or_default();
    let document = state.definitions.get(&revision.definition).map(|record| &*record.document);
    let mut answer = Map::new();
    answer.insert("serviceRevisionArn", &revision.arn);
    answer.insert("serviceArn", &service.arn);
    answer.insert("clusterArn", arn(world, &format!("cluster/{cluster}")));
    answer.insert("taskDefinition", revision.definition.as_str());
    super::copy(&mut answer, settings, &OF_REVISIONS);
    let launch = settings.get("launchType").and_then(Value::as_str).unwrap_or("EC2");
    if settings.get("capacityProviderStrategy").is_none() {
        answer.insert("launchType", launch);
    }
    if launch == "FARGATE" {
        answer.insert("platformVersion", super::kept(settings, "platformVersion", "LATEST"));
        answer.insert("platformFamily", "Linux");
    }
    answer.insert("containerImages", images(document.unwrap_or(&Value::Null)));
    answer.insert("guardDutyEnabled", false);
    answer.insert("createdAt", world.timestamp(revision.created_at));
    answer.insert("resolvedConfiguration", node! { "loadBalancers": resolved(revision) });
    answer.into()
}

fn images(document: &Value) -> Node {
    let containers = document.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
    let image = |container: &Value| {
        let text = |name: &str| container.get(name).and_then(Value::as_str);
        node! { "containerName": text("name"), "image": text("image") }
    };
    containers.map(image).collect()
}

/// Where the revision's tasks register, and the production rule that leads there.
fn resolved(revision: &RevisionRecord) -> Node {
    let entries = revision.settings.get("loadBalancers").and_then(Value::as_array).into_iter().flatten();
    let rules: Vec<(&str, &str, &str)> = entries
        .filter_map(|entry| {
            let advanced = entry.get("advancedConfiguration")?;
            let text = |value: &'static str| advanced.get(value).and_then(Value::as_str);
            let first = entry.get("targetGroupArn").and_then(Value::as_str)?;
            Some((first, text("alternateTargetGroupArn")?, text("productionListenerRule")?))
        })
        .collect();
    let one = |group: &str| {
        let rule = rules.iter().find(|(first, second, _)| *first == group || *second == group);
        node! { "targetGroupArn": group, "productionListenerRule": rule.map(|(.., rule)| *rule) }
    };
    revision.groups.iter().map(|entry| one(entry.group.as_str())).collect()
}
