//! One look at the world before an experiment is planned.

use jiff::{SignedDuration, Timestamp};

use super::{Counts, Facts, Minute, Plan, queries};
use crate::plan::Site;
use crate::ports::{CallError, Points, Ports};
use crate::spec::experiment::Experiment;

/// Where it is, and what is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// The place; its service is the experiment's name.
    pub site: Site,
    /// Routes, groups and health.
    pub facts: Facts,
}

/// How far back traffic is looked at to plan the duration.
const BACK: SignedDuration = SignedDuration::from_hours(24);

/// Looks. Nothing is changed.
///
/// # Errors
///
/// The first call that failed.
pub async fn survey(ports: &Ports, experiment: &Experiment) -> Result<Survey, CallError> {
    let caller = ports.identity.caller().await?;
    let listener = experiment.base.listener();
    let routes = ports.router.tagged_routes(&listener).await?;
    let names: Vec<String> = experiment.design.variants.iter().map(|variant| variant.target_group.clone()).collect();
    let found = ports.router.target_groups(&names).await?;
    let mut groups = Vec::with_capacity(found.len());
    for group in found {
        let health = ports.router.health(&group.arn).await?;
        groups.push((group, health));
    }
    let balancer = ports.router.load_balancer(&listener.load_balancer()).await?;
    let rules = balancer.routes.iter().filter(|route| route.priority != "default").count();
    let site = Site {
        account: caller.account,
        region: caller.region,
        cluster: experiment.environment.cluster.clone(),
        service: experiment.design.name.clone(),
        environment: experiment.environment.name.clone(),
    };
    Ok(Survey { site, facts: Facts { routes, rules, groups } })
}

/// The last day of each goal, as the control's group had it: what [`super::power`] takes. A goal without data has no
/// minutes.
///
/// # Errors
///
/// Where CloudWatch gives no answer.
pub async fn history(ports: &Ports, plan: &Plan, now: Timestamp) -> Result<Vec<Vec<(f64, f64)>>, CallError> {
    let from = now.checked_sub(BACK).unwrap_or(now);
    let answers = ports.metrics.points(&queries(plan), from, now).await?;
    let minutes = minutes(answers)?;
    let counts = Counts::new(plan);
    let of = |goal: &crate::spec::experiment::Goal| {
        minutes.iter().filter_map(|minute| counts.of(&goal.metric, 0, minute)).collect()
    };
    Ok(plan.design.goals.iter().map(of).collect())
}

/// The minutes in which any series has a point, oldest first. Half an answer is none.
pub(super) fn minutes(answers: Vec<Result<Points, CallError>>) -> Result<Vec<Minute>, CallError> {
    let series: Vec<Points> = answers.into_iter().collect::<Result<_, _>>()?;
    let mut minutes = std::collections::BTreeMap::new();
    for (place, points) in series.iter().enumerate() {
        for (at, value) in points {
            let minute = minutes.entry(*at).or_insert_with(|| Minute { at: *at, values: vec![None; series.len()] });
            minute.values[place] = Some(*value);
        }
    }
    Ok(minutes.into_values().collect())
}
