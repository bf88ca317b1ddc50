//! The user's steps against what the engine can do.

use super::{Site, minutes};
use crate::model::{AfterCommit, Capacity, Shift, duration};
use crate::plan::course::Course;
use crate::plan::express::{Misfit, express, nearest};
use crate::plan::{Bake, EngineKind, Finding, LocalHooks, Waits};

/// How the engine moves traffic through the steps, or why it cannot.
pub(super) fn shift(site: &Site<'_>, findings: &mut Vec<Finding>) -> Option<Shift> {
    let spec = site.spec;
    findings.extend(before_traffic(site));
    findings.extend(bake(site));
    match express(site.kind, &spec.steps, spec.pause_timeout) {
        Ok(shift) => Some(shift),
        Err(misfits) => {
            findings.extend(misfits.iter().map(|misfit| refusal(site, misfit)));
            None
        }
    }
}

fn refusal(site: &Site<'_>, misfit: &Misfit) -> Finding {
    let spec = site.spec;
    let what = format!("{} cannot {misfit}", site.kind.who());
    let mut cures = Vec::new();
    if let (Misfit::Pause(hold, _), Bake::Pause { most }) = (misfit, site.kind.can().bake)
        && *hold < most
    {
        cures.push(format!("write `ecs: {{ pauseTimeout: {} }}`", duration::format(longer_than(*hold))));
    }
    if let Misfit::Verdict(_) = misfit {
        cures.push(
            "with `pause` in its place, or with `linear` and `engine: codedeploy` written out, a bad canary is sent back \
             all the same"
                .to_owned(),
        );
    }
    cures.extend(nearest(site.kind, &spec.steps, spec.pause_timeout).map(|line| format!("nearest is `{line}`")));
    let able = able(site);
    if !able.is_empty() {
        let names: Vec<String> = able.iter().map(|kind| format!("`engine: {kind}`")).collect();
        cures.push(format!("{} can carry out your own", names.join(" or ")));
    }
    Finding::refuse(misfit.code(), what, cures.join("; "))
}

/// The other engines that could carry out these steps.
fn able(site: &Site<'_>) -> Vec<EngineKind> {
    let can = |kind: &EngineKind| {
        let result = express(*kind, &site.spec.steps, site.spec.pause_timeout);
        result.map_or_else(|misfits| misfits.is_empty(), |_| true)
    };
    [EngineKind::Ecs, EngineKind::Alb].into_iter().filter(|kind| *kind != site.kind).filter(can).collect()
}

/// The next whole minutes with some time left for an answer.
fn longer_than(hold: std::time::Duration) -> std::time::Duration {
    minutes(u32::try_from(hold.as_secs() / 60).unwrap_or(u32::MAX).saturating_add(10))
}

/// What has to happen before the first share needs a moment at which AWS waits for us.
fn before_traffic(site: &Site<'_>) -> Vec<Finding> {
    let can = site.kind.can();
    let Some(group) = site.live.deployment_group().filter(|group| group.ready_wait_minutes.is_none()) else {
        return Vec::new();
    };
    let cure = format!(
        "let deployment group {} wait: `deploymentReadyOption` with STOP_DEPLOYMENT and a time; or write `engine: ecs` \
         or `engine: alb`",
        group.name
    );
    let mut findings = Vec::new();
    let waits = Course::of(&site.spec.steps).before.promote && can.waits == Waits::BeforeFirst;
    if waits {
        let what = "the steps wait for `promote` before the first share, and CodeDeploy goes on by itself";
        findings.push(Finding::refuse("BG3203", what, cure.clone()));
    }
    if !site.spec.pre_traffic.is_empty() && can.local_hooks == LocalHooks::ReadyWait {
        let what = "`hooks.preTraffic` runs before the first share, and CodeDeploy goes on by itself";
        let cure = format!("{cure}; or name a Lambda function under `codedeploy.hooks`");
        findings.push(Finding::refuse("BG3205", what, cure));
    }
    findings
}

fn bake(site: &Site<'_>) -> Option<Finding> {
    let bake = Course::of(&site.spec.steps).bake;
    let text = duration::format(bake);
    match site.kind.can().bake {
        Bake::Free => None,
        Bake::TerminationWait { most } => {
            let group = site.live.deployment_group()?;
            let wait = minutes(group.termination_wait_minutes);
            if bake.is_zero() || group.terminates_old && bake <= wait {
                return None;
            }
            let what = if group.terminates_old {
                let wait = duration::format(wait);
                format!("the bake of {text} is longer than CodeDeploy keeps the old tasks after the last shift: {wait}")
            } else {
                "CodeDeploy does not wait after the last shift, since the group keeps the old tasks: a bake has no time"
                    .to_owned()
            };
            let cure = if bake <= most {
                let wait = bake.as_secs().div_ceil(60);
                let shorter = match group.terminates_old && group.termination_wait_minutes > 0 {
                    true => format!("write `bake: {}`, or ", duration::format(minutes(group.termination_wait_minutes))),
                    false => String::new(),
                };
                format!("{shorter}set the group's termination wait to {wait} minutes (TERMINATE) or more")
            } else {
                format!("write `bake: {}` or less; `engine: alb` takes any", duration::format(most))
            };
            Some(Finding::refuse("BG3206", what, cure))
        }
        Bake::Pause { most } => {
            let pause = site.spec.pause_timeout;
            if bake < pause {
                return None;
            }
            let what = format!("the bake of {text} is no shorter than ECS pauses: {}", duration::format(pause));
            let cure = if bake < most {
                format!("write `ecs: {{ pauseTimeout: {} }}`, or a shorter bake", duration::format(longer_than(bake)))
            } else {
                format!("write a bake shorter than {}; `engine: alb` takes any", duration::format(most))
            };
            Some(Finding::refuse("BG3206", what, cure))
        }
    }
}

/// What the spec asks for that does no harm where it is not done.
pub(super) fn asked_in_vain(site: &Site<'_>) -> Vec<Finding> {
    let (can, who) = (site.kind.can(), site.kind.who());
    let mut findings = Vec::new();
    if site.spec.capacity == Capacity::MatchWeight && !can.own_scale {
        let what = format!("{who} makes all new tasks before the first share, whatever `capacity` says");
        findings.push(Finding::warn("BG3250", what, "make room for twice the tasks, or write `engine: alb`"));
    }
    if !can.gates_between_steps {
        let what = format!(
            "{who} does not wait between its shares: `pause`, an alarm without an answer and `drift: hold` hold nothing"
        );
        let cure = "a red alarm, drift and `abort` stop it; `engine: ecs` and `engine: alb` have gates between steps";
        findings.push(Finding::info("BG3253", what, cure));
    }
    let (what, matters) = match &site.spec.after {
        _ if can.keeps_old => return findings,
        AfterCommit::ScaleTo(0) => return findings,
        AfterCommit::KeepWarm => (format!("{who} ends the old tasks after the bake: none are kept warm"), false),
        AfterCommit::ScaleTo(count) => {
            (format!("{who} ends all old tasks after the bake: {count} cannot be kept"), true)
        }
    };
    let cure = "an undo is a release of its own here; `engine: alb` keeps the old tasks";
    findings.push(match matters {
        true => Finding::warn("BG3251", what, cure),
        false => Finding::info("BG3251", what, cure),
    });
    findings
}
