//! Requests through a load balancer as the metrics of `AWS/ApplicationELB`.
//!
//! They are tallied while a metric period is open and become points when it closes. Whatever did not happen has no
//! point: a minute without errors is not a minute with zero errors.

use std::collections::BTreeMap;

use bluegreen_core::model::{LoadBalancerArn, TargetGroupArn};

use super::{MetricKey, Second, Summary};
use crate::world::{Ms, World};

const NAMESPACE: &str = "AWS/ApplicationELB";

/// One request, or several that went alike.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestSample {
    /// The load balancer that it came to.
    pub balancer: LoadBalancerArn,
    /// The group whose target it went to, or that had none for it.
    pub group: Option<TargetGroupArn>,
    /// The status of the target's answer.
    pub target_status: Option<u16>,
    /// The status of the load balancer's own answer, where there was none from a target.
    pub balancer_status: Option<u16>,
    /// From the request's leaving the load balancer to the first byte of the target's answer, in seconds.
    pub latency: Option<f64>,
    /// Whether no connection to the target could be made.
    pub connection_error: bool,
    /// Whether the target was chosen although no target was healthy.
    pub fail_open: bool,
}

/// What one group, or one load balancer, did in the open period.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Requests for which a target was chosen.
    pub requests: u64,
    /// Answers of targets by their first digit, from 2.
    pub classes: [u64; 4],
    /// Answers of the load balancer itself, 4xx and 5xx.
    pub own: [u64; 2],
    /// Its 500s, 502s, 503s and 504s among them.
    pub own_exact: [u64; 4],
    /// Connections that could not be made.
    pub connection_errors: u64,
    /// Requests to targets that were not healthy.
    pub fail_open: u64,
    /// Seconds to the first byte.
    pub latency: Summary,
}

/// The statuses that have a metric of their own.
const EXACT: [u16; 4] = [500, 502, 503, 504];

impl Tally {
    fn add(&mut self, sample: &RequestSample) {
        // A load balancer that answers 503 for a group had no target to choose; 502, 504 and 460 are of a chosen one.
        let tried = sample.group.is_some() && sample.balancer_status.is_some_and(|status| status != 503);
        let chosen = sample.target_status.is_some() || sample.connection_error || tried;
        self.requests += u64::from(chosen);
        self.connection_errors += u64::from(sample.connection_error);
        self.fail_open += u64::from(sample.fail_open);
        if let Some(class) = sample.target_status.and_then(|status| self.classes.get_mut(class(status, 2))) {
            *class += 1;
        }
        if let Some(status) = sample.balancer_status {
            self.answer(status, 1);
        }
        if let Some(latency) = sample.latency {
            self.latency.add(latency, 1.0);
        }
    }

    /// Counts answers of the load balancer itself.
    pub(crate) fn answer(&mut self, status: u16, count: u64) {
        if let Some(own) = self.own.get_mut(class(status, 4)) {
            *own += count;
        }
        if let Some(position) = EXACT.iter().position(|exact| *exact == status) {
            self.own_exact[position] += count;
        }
    }

    fn merge(&mut self, other: &Tally) {
        fn sum(into: &mut [u64], from: &[u64]) {
            into.iter_mut().zip(from).for_each(|(into, from)| *into += from);
        }
        self.requests += other.requests;
        sum(&mut self.classes, &other.classes);
        sum(&mut self.own, &other.own);
        sum(&mut self.own_exact, &other.own_exact);
        self.connection_errors += other.connection_errors;
        self.fail_open += other.fail_open;
        self.latency.merge(&other.latency);
    }

    /// The counts by the names of their metrics; those of the load balancer's own answers exist for it alone.
    fn counts(&self, own: bool) -> Vec<(&'static str, u64)> {
        let [ok, redirect, bad, failed] = self.classes;
        let mut counts = vec![
            ("RequestCount", self.requests),
            ("HTTPCode_Target_2XX_Count", ok),
            ("HTTPCode_Target_3XX_Count", redirect),
            ("HTTPCode_Target_4XX_Count", bad),
            ("HTTPCode_Target_5XX_Count", failed),
            ("TargetConnectionErrorCount", self.connection_errors),
            ("UnhealthyRoutingRequestCount", self.fail_open),
        ];
        if own {
            let exact = [
                "HTTPCode_ELB_500_Count",
                "HTTPCode_ELB_502_Count",
                "HTTPCode_ELB_503_Count",
                "HTTPCode_ELB_504_Count",
            ];
            counts.extend([("HTTPCode_ELB_4XX_Count", self.own[0]), ("HTTPCode_ELB_5XX_Count", self.own[1])]);
            counts.extend(exact.into_iter().zip(self.own_exact));
        }
        counts.retain(|(_, count)| *count > 0);
        counts
    }
}

/// The place of a status among classes that begin with `first`hundred; beyond them for others.
fn class(status: u16, first: u16) -> usize {
    (status / 100).checked_sub(first).map_or(usize::MAX, usize::from)
}

/// The metric period that is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Open {
    /// Its first second.
    from: Second,
    /// What happened in it, by load balancer and group.
    tallies: BTreeMap<(LoadBalancerArn, Option<TargetGroupArn>), Tally>,
}

impl Open {
    pub(crate) fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }
}

impl World {
    /// Counts a request that has just been answered; its metrics can be seen some time after the metric period has
    /// closed.
    pub fn record_request(&mut self, sample: &RequestSample) {
        let key = (sample.balancer.clone(), sample.group.clone());
        self.tally(key, |tally| tally.add(sample));
    }

    /// Changes a tally of the present period.
    pub(crate) fn tally(&mut self, key: (LoadBalancerArn, Option<TargetGroupArn>), change: impl FnOnce(&mut Tally)) {
        let period = Second::from(self.metric_seconds());
        let from = self.second(self.now).div_euclid(period) * period;
        if self.open.from != from {
            self.close_period();
            self.open.from = from;
        }
        change(self.open.tallies.entry(key).or_default());
    }

    /// When the metric period that is open now closes.
    pub(crate) fn period_end(&self) -> Ms {
        let period = Second::from(self.metric_seconds());
        self.ms_of((self.second(self.now).div_euclid(period) + 1) * period)
    }

    /// Turns the tallies of the open period into points.
    pub(crate) fn close_period(&mut self) {
        let Open { from, tallies } = std::mem::take(&mut self.open);
        let mut balancers: BTreeMap<&LoadBalancerArn, Tally> = BTreeMap::new();
        for ((balancer, group), tally) in &tallies {
            balancers.entry(balancer).or_default().merge(tally);
            let Some(group) = group else { continue };
            let dimensions = [("LoadBalancer", balancer.dimension()), ("TargetGroup", group.dimension())];
            self.publish_tally(&dimensions, from, tally, false);
            let healthy = self.health(group).healthy.max(1);
            let each = MetricKey::new(NAMESPACE, "RequestCountPerTarget", &dimensions[1..]);
            let both = MetricKey::new(NAMESPACE, "RequestCountPerTarget", &dimensions);
            if tally.requests > 0 {
                let share = number(tally.requests) / f64::from(healthy);
                self.publish(&each, from, "Count", Summary::of(share, 1.0));
                self.publish(&both, from, "Count", Summary::of(share, 1.0));
            }
        }
        for (balancer, tally) in balancers {
            self.publish_tally(&[("LoadBalancer", balancer.dimension())], from, &tally, true);
        }
    }

    fn publish_tally(&mut self, dimensions: &[(&str, &str)], from: Second, tally: &Tally, own: bool) {
        for (name, count) in tally.counts(own) {
            let key = MetricKey::new(NAMESPACE, name, dimensions);
            self.publish(&key, from, "Count", Summary::of(1.0, number(count)));
        }
        if !tally.latency.is_empty() {
            let key = MetricKey::new(NAMESPACE, "TargetResponseTime", dimensions);
            self.publish(&key, from, "Seconds", tally.latency.clone());
        }
    }

    /// Records how many targets of each group in use are healthy and how many are not, for the metric period that
    /// begins at `from`. A group without registered targets has no such metric.
    pub(crate) fn record_hosts(&mut self, from: Second) {
        let groups: Vec<TargetGroupArn> = self.state.groups.keys().cloned().collect();
        for group in groups {
            let health = self.health(&group);
            let unhealthy = health.unhealthy + health.initial;
            let Some(known) = self.state.group(group.as_str()).filter(|_| health.healthy + unhealthy > 0) else {
                continue;
            };
            for balancer in &known.load_balancers {
                let dimensions = [("LoadBalancer", balancer.dimension()), ("TargetGroup", group.dimension())];
                for (name, count) in [("HealthyHostCount", health.healthy), ("UnHealthyHostCount", unhealthy)] {
                    let key = MetricKey::new(NAMESPACE, name, &dimensions);
                    self.publish(&key, from, "Count", Summary::of(f64::from(count), 1.0));
                }
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole and never negative")]
pub(crate) fn whole(sum: f64) -> u64 {
    sum.round() as u64
}
