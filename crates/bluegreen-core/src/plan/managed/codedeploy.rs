//! What CodeDeploy has to be told, and the deployment group that it is told about.

use super::{Inputs, Site, minutes};
use crate::appspec::{self, AppSpec, Choice, Target, TaskDefinitionRef};
use crate::diagnostic::Diagnostic;
use crate::model::{Shift, duration};
use crate::observe::DeploymentGroup;
use crate::plan::build::readable;
use crate::plan::express::config_name;
use crate::plan::live::moves;
use crate::plan::service::{appspec_facts, cluster_name};
use crate::plan::{CodeDeploy, Engine, Finding, Live, Release, Sought};
use crate::ports::ErrorClass;
use crate::spec::Spec;
use crate::taskdef::TaskDefinition;

/// The group, if it is one that moves this service.
pub(super) fn check_group<'a>(
    spec: &Spec,
    live: &'a Live,
    name: &str,
    findings: &mut Vec<Finding>,
) -> Option<&'a DeploymentGroup> {
    let cluster = cluster_name(&spec.environment.cluster);
    let group = sought(spec, live.group.as_ref()?, name, findings)?;
    let before = findings.len();
    let full = full_name(group);
    if group.compute_platform != "ECS" {
        let what = format!("deployment group {full} is for the platform {}, not ECS", group.compute_platform);
        findings.push(Finding::refuse("BG3211", what, "name a group of an application for ECS"));
    } else if !moves(group, cluster, name) {
        let its = match &group.service {
            Some((cluster, service)) => format!("service {service} of cluster {cluster}"),
            None => "no service".to_owned(),
        };
        let what = format!("deployment group {full} moves {its}, not service {name} of cluster {cluster}");
        findings.push(Finding::refuse(
            "BG3212",
            what,
            "name the group of this service, or leave it out to have it found",
        ));
    } else if group.target_groups.len() != 2 {
        let what = format!("deployment group {full} has {} target groups, not a pair", group.target_groups.len());
        findings.push(Finding::refuse("BG3213", what, "give it two target groups"));
    } else {
        findings.extend(check_pair(spec, group, &full));
    }
    (findings.len() == before).then_some(group)
}

/// The one group that the search came to; else the reason is a finding.
pub(in crate::plan) fn sought<'a>(
    spec: &Spec,
    found: &'a Sought,
    name: &str,
    findings: &mut Vec<Finding>,
) -> Option<&'a DeploymentGroup> {
    let cluster = cluster_name(&spec.environment.cluster);
    match found {
        Sought::One(reading) => readable(reading, &format!("the deployment group of service {name}"), findings),
        Sought::None(tried) => {
            let names: Vec<String> = tried.iter().map(|(app, group)| format!("{app} / {group}")).collect();
            let what = format!(
                "no deployment group moves service {name} of cluster {cluster}; looked for {}, and through all others",
                names.join(", ")
            );
            let cure = "make one, or name it: `codedeploy: { application: NAME, deploymentGroup: NAME }`";
            findings.push(Finding::refuse("BG3210", what, cure));
            None
        }
        Sought::Several(groups) => {
            let names: Vec<String> = groups.iter().map(full_name).collect();
            let what = format!("several deployment groups move service {name}: {}", names.join(", "));
            let cure = "name one: `codedeploy: { application: NAME, deploymentGroup: NAME }`";
            findings.push(Finding::refuse("BG3210", what, cure));
            None
        }
    }
}

fn full_name(group: &DeploymentGroup) -> String {
    format!("{} / {}", group.application, group.name)
}

/// The spec's pair, where it names one, is the group's in either order.
fn check_pair(spec: &Spec, group: &DeploymentGroup, full: &str) -> Option<Finding> {
    let asked = spec.target_groups.as_ref()?;
    let name =
        |text: &str| text.parse::<crate::model::TargetGroupArn>().map_or(text.to_owned(), |arn| arn.name().into());
    let mut ours = [name(&asked.blue), name(&asked.green)];
    let mut theirs = group.target_groups.clone();
    ours.sort();
    theirs.sort();
    (ours.as_slice() != theirs).then(|| {
        let what = format!(
            "deployment group {full} shifts between {}, and the spec names {} and {}",
            group.target_groups.join(" and "),
            name(&asked.blue),
            name(&asked.green)
        );
        Finding::refuse("BG3213", what, "name its pair under `traffic.targetGroups`, or leave that out")
    })
}

pub(super) fn engine(
    site: &Site<'_>,
    inputs: &Inputs,
    shift: Option<&Shift>,
    findings: &mut Vec<Finding>,
) -> Option<Engine> {
    let group = site.live.deployment_group()?;
    findings.extend(by_itself(site, group));
    let document = document(site, inputs, findings);
    let config = shift.and_then(|shift| config(site, shift, findings));
    let ((config, create_config), document, shift) = (config?, document?, shift?);
    Some(Engine::CodeDeploy(Box::new(CodeDeploy {
        application: group.application.clone(),
        group: group.name.clone(),
        config,
        create_config,
        shift: *shift,
        appspec: appspec::render_json(&document),
        ready_wait: group.ready_wait_minutes.map(minutes),
        termination_wait: minutes(group.termination_wait_minutes),
    })))
}

/// The configuration's name, and whether it has to be made.
fn config(site: &Site<'_>, shift: &Shift, findings: &mut Vec<Finding>) -> Option<(String, bool)> {
    let (ours, built_in) = config_name(shift);
    let Some((name, reading)) = &site.live.config else { return built_in.then_some((ours, false)) };
    let asked = site.spec.code_deploy.config.is_some();
    let found = match &reading.value {
        Err(error) if error.class == ErrorClass::NotFound && !asked => return Some((ours, true)),
        _ => readable(reading, &format!("CodeDeploy's traffic configuration {name}"), findings)?,
    };
    if found.compute_platform == "ECS" && found.shift.as_ref() == Some(shift) {
        return Some((name.clone(), false));
    }
    let shape = found.shift.as_ref().map_or("no traffic at all".to_owned(), told);
    let what = format!(
        "CodeDeploy's traffic configuration {name} (for {}) moves {shape}, and the steps move {}",
        found.compute_platform,
        told(shift)
    );
    let cure = match asked {
        true => format!("leave `codedeploy.config` out: {ours} is used or made then; or change `strategy`"),
        false => "delete the configuration, or name one of your own under `codedeploy.config`".to_owned(),
    };
    findings.push(Finding::refuse("BG3208", what, cure));
    None
}

/// A shift in words.
pub(in crate::plan) fn told(shift: &Shift) -> String {
    match shift {
        Shift::AllAtOnce => "all traffic at once".to_owned(),
        Shift::Canary { first, wait } => format!("{first}, after {} the rest", duration::format(*wait)),
        Shift::Linear { each, wait } => format!("{each} every {}", duration::format(*wait)),
    }
}

/// The AppSpec document with a placeholder for the revision.
fn document(site: &Site<'_>, inputs: &Inputs, findings: &mut Vec<Finding>) -> Option<AppSpec> {
    let task = match definition(site, &inputs.release) {
        Ok(task) => task,
        Err(reason) => {
            let what = format!("the task definition cannot be held against an AppSpec document: {reason}");
            findings.push(Finding::refuse("BG3260", what, "name a task definition that can be read"));
            return None;
        }
    };
    if let Some(own) = &inputs.appspec {
        return patched(own, &task, findings);
    }
    let hooks = site.spec.code_deploy.hooks.clone();
    match appspec::build(&appspec_facts(site.service), &task, &Choice::default(), hooks) {
        Ok(built) => {
            let note = |note: &String| Finding::info("BG3262", format!("AppSpec: {note}"), "nothing has to be done");
            findings.extend(built.notes.iter().map(note));
            Some(built.spec)
        }
        Err(error) => {
            let what = format!("no AppSpec document can be written for service {}: {error}", site.name);
            let cure = "give one of your own: `codedeploy: { appspec: FILE }`";
            findings.push(Finding::refuse("BG3260", what, cure));
            None
        }
    }
}

/// The user's own document, with the place of its revision free.
fn patched(own: &AppSpec, task: &TaskDefinition, findings: &mut Vec<Finding>) -> Option<AppSpec> {
    let mut document = own.clone();
    let Target::Ecs(target) = &mut document.target else {
        let what = "the AppSpec document of `codedeploy.appspec` is for a Lambda function, not for a service";
        findings.push(Finding::refuse("BG3261", what, "name a document for an ECS service"));
        return None;
    };
    target.task_definition = TaskDefinitionRef::Placeholder;
    let wrong: Vec<Diagnostic> = document.validate_against(task);
    findings.extend(wrong.iter().map(|finding| {
        let what = format!("the AppSpec document does not fit the task definition: {}", finding.message);
        Finding::refuse("BG3261", what, finding.help.clone().unwrap_or_else(|| "correct the document".to_owned()))
    }));
    wrong.is_empty().then_some(document)
}

/// The definition that is released, as far as a document can be held against it.
fn definition(site: &Site<'_>, release: &Release) -> Result<TaskDefinition, String> {
    let parsed = |name: &str, document| TaskDefinition::from_live(name, document).map_err(|report| report.to_string());
    match release {
        Release::Register { family, document } => parsed(family, document),
        Release::Existing(arn) => {
            let released =
                site.live.released.as_ref().filter(|reading| reading.ok().is_some_and(|found| found.arn == *arn));
            // Container and port are what matters, and those are the service's.
            let reading = released.unwrap_or(&site.survey.revisions.blue);
            let found = reading.value.as_ref().map_err(ToString::to_string)?;
            parsed(found.arn.short(), &found.document)
        }
    }
}

/// What CodeDeploy does of its own accord, beside what we tell it.
fn by_itself(site: &Site<'_>, group: &DeploymentGroup) -> Vec<Finding> {
    let mut findings = Vec::new();
    let watched = group.alarms.as_deref().unwrap_or_default();
    let more: Vec<&str> = watched.iter().filter(|name| !site.spec.alarms.contains(name)).map(String::as_str).collect();
    if !more.is_empty() {
        let what = format!(
            "deployment group {} also stops at alarms that the spec does not name: {}",
            group.name,
            more.join(", ")
        );
        findings.push(Finding::warn("BG3216", what, "name them under `alarms`, so that they gate the start too"));
    }
    let allowed: Vec<&str> =
        site.spec.alarm_policy.allow_red.iter().filter(|name| watched.contains(name)).map(String::as_str).collect();
    if !allowed.is_empty() {
        let what = format!(
            "deployment group {} watches alarms that may be red at the start, and is blocked by them: {}",
            group.name,
            allowed.join(", ")
        );
        findings.push(Finding::warn("BG3219", what, "take them out of the group, or wait until they are green"));
    }
    if let Some(ready) = group.ready_wait_minutes {
        let what = format!(
            "CodeDeploy waits {} for us before the first share, and stops the deployment after that",
            duration::format(minutes(ready))
        );
        findings.push(Finding::info("BG3217", what, "hooks and `promote` have to be done by then"));
    }
    findings
}
