//! Whether what is judged can be read, and what it counted in the hour before.

use crate::analysis::Source;
use crate::model::{ByColor, Step, duration};
use crate::observe::Reading;
use crate::plan::{Engine, Finding, Hour, OnInconclusive, Plan, Survey, power};
use crate::ports::{CallError, ErrorClass};

/// One finding for each metric that cannot be read, or had nothing to count.
pub(super) fn metrics(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let Some(analysis) = &plan.analysis else { return Vec::new() };
    let readings = analysis.sources.iter().zip(&survey.hours);
    let finding = |(source, reading): (&Source, &Reading<ByColor<Hour>>)| match &reading.value {
        Err(error) => Some(unreadable(&source.metric, error)),
        Ok(hours) => silent(plan, &source.metric, hours),
    };
    readings.filter_map(finding).collect()
}

fn unreadable(metric: &str, error: &CallError) -> Finding {
    let cure = match error.class {
        ErrorClass::Denied => "give the caller cloudwatch:GetMetricData on *",
        ErrorClass::Throttled | ErrorClass::Unavailable | ErrorClass::TimedOut => "try again",
        ErrorClass::Credentials => "check the credentials: `aws sts get-caller-identity` must answer",
        ErrorClass::NotFound | ErrorClass::Invalid | ErrorClass::Malformed => {
            "check the metric's namespace, name, dimensions and statistic"
        }
    };
    Finding::refuse("BG3301", format!("metric {metric} cannot be read: {error}"), cure)
}

/// The canary's own series are empty before a release. Stable's are what it will be compared with.
fn silent(plan: &Plan, metric: &str, hours: &ByColor<Hour>) -> Option<Finding> {
    let analysis = plan.analysis.as_ref()?;
    if hours.get(plan.stable()).all > 0.0 {
        return None;
    }
    let then = match analysis.inconclusive {
        OnInconclusive::Hold => "the step waits for a person",
        OnInconclusive::Extend => "the step is extended, and then waits for a person",
        OnInconclusive::Promote => "the step is passed all the same",
        OnInconclusive::Rollback => "the release goes back",
    };
    let what = format!(
        "metric {metric} counted nothing for {} in the last hour: without data a verdict is inconclusive, and {then}",
        plan.stable()
    );
    let cure = "check its name and dimensions; or release while there is traffic";
    Some(Finding::warn("BG3302", what, cure))
}

/// One finding for each metric with an analysis step that ends before a canary that is bad enough would be found.
pub(super) fn too_short(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let (Some(analysis), Some(power)) = (&plan.analysis, power(plan, survey)) else { return Vec::new() };
    let blind = power.blind(analysis.judge.harmless).into_iter().map(|blind| {
        let longer = blind.longer.map(|time| format!("let the step last {}", duration::format(time)));
        let share = blind.share_helps.then(|| "give the canary a larger share".to_owned());
        let other = longer.is_none().then(|| "release when there is more traffic".to_owned());
        let cure = [longer, share, other].into_iter().flatten().collect::<Vec<_>>().join(", or ");
        Finding::warn("BG3303", blind.what, cure)
    });
    blind.collect()
}

/// ECS rolls back by itself where a step that waits for evidence lasts longer than its pause.
pub(super) fn longer_than_a_pause(plan: &Plan, _: &Survey) -> Vec<Finding> {
    let (Some(analysis), Engine::Ecs(native)) = (&plan.analysis, &plan.engine) else { return Vec::new() };
    let Some(pause) = native.pause_timeout() else { return Vec::new() };
    let times = match analysis.inconclusive {
        OnInconclusive::Extend => analysis.inconclusive_limit.saturating_add(1),
        _ => return Vec::new(),
    };
    let finding = |(index, step): (usize, &Step)| {
        let Step::Analysis(lasts) = step else { return None };
        let longest = lasts.saturating_mul(times);
        let what = format!(
            "step {} may last {} when it is extended, and ECS rolls back by itself after a pause of {}",
            index + 1,
            duration::format(longest),
            duration::format(pause)
        );
        let cure = "raise `ecs.pauseTimeout`, or lower `analysis.inconclusiveLimit`";
        (longest >= pause).then(|| Finding::warn("BG3304", what, cure))
    };
    plan.steps.iter().enumerate().filter_map(finding).collect()
}
