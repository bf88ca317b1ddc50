//! Whether what is judged can be read, and what it counted in the hour before.

use crate::analysis::Source;
use crate::model::ByColor;
use crate::observe::Reading;
use crate::plan::{Finding, Hour, OnInconclusive, Plan, Survey};
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
