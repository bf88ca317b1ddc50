//! Requests on their way from the proxy to the metrics, counted together so that no request waits for the world.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::proxy::{AnsweredBy, Observer, Sample};
use bluegreen_core::model::LoadBalancerArn;

use crate::world::World;
use crate::world::metrics::RequestSample;

/// What the proxy's threads have counted since the world last took it.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Vec<Alike>>);

/// Requests that differ in nothing but how long they took. There are only a handful of kinds, so they are searched.
#[derive(Debug)]
struct Alike {
    balancer: String,
    group: Option<String>,
    status: u16,
    answered_by: AnsweredBy,
    connection_error: bool,
    fail_open: bool,
    latencies: Vec<Duration>,
}

impl Alike {
    fn is(&self, sample: &Sample<'_>) -> bool {
        self.status == sample.status
            && self.answered_by == sample.answered_by
            && self.connection_error == sample.connection_error
            && self.fail_open == sample.fail_open
            && self.group.as_deref() == sample.group
            && self.balancer == sample.balancer
    }
}

impl Observer for Tally {
    fn observed(&self, sample: &Sample<'_>) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kinds.iter_mut().find(|kind| kind.is(sample)) {
            Some(kind) => kind.latencies.push(sample.latency),
            None => kinds.push(Alike {
                balancer: sample.balancer.to_owned(),
                group: sample.group.map(str::to_owned),
                status: sample.status,
                answered_by: sample.answered_by,
                connection_error: sample.connection_error,
                fail_open: sample.fail_open,
                latencies: vec![sample.latency],
            }),
        }
    }
}

impl Tally {
    /// Moves everything that was counted into the world's metrics, at the world's present.
    pub(super) fn flush(&self, world: &mut World) {
        let counted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for kind in counted {
            record(world, &kind);
        }
    }
}

fn record(world: &mut World, kind: &Alike) {
    // A listener that was deleted meanwhile takes its last requests with it.
    let Ok(balancer) = kind.balancer.parse::<LoadBalancerArn>() else { return };
    let group = kind.group.as_deref().and_then(|group| group.parse().ok());
    let by_target = kind.answered_by == AnsweredBy::Target;
    for latency in &kind.latencies {
        world.record_request(&RequestSample {
            balancer: balancer.clone(),
            group: group.clone(),
            target_status: by_target.then_some(kind.status),
            balancer_status: (!by_target).then_some(kind.status),
            latency: by_target.then_some(latency.as_secs_f64()),
            connection_error: kind.connection_error,
            fail_open: kind.fail_open,
        });
    }
}

#[cfg(test)]
mod tests {
    use bluegreen_core::analysis::Tally as Counted;
    use bluegreen_core::model::MetricQuery;

    use super::*;
    use crate::scenario::Scenario;
    use crate::world::RequestModel;

    #[test]
    fn what_the_proxy_saw_becomes_the_default_metrics_of_the_group() {
        let (balancer, group) = (Scenario::shop().load_balancer(), Scenario::shop().groups().green);
        let sample = |status, answered_by, millis| Sample {
            listener: "listener",
            balancer: balancer.as_str(),
            rule: Some("rule"),
            group: Some(group.as_str()),
            target: Some("target"),
            status,
            answered_by,
            connection_error: false,
            latency: Duration::from_millis(millis),
            fail_open: false,
        };
        let refused = Sample { connection_error: true, ..sample(502, AnsweredBy::Balancer, 1) };
        let nobody = Sample { target: None, ..sample(503, AnsweredBy::Balancer, 1) };
        let seen = [
            sample(200, AnsweredBy::Target, 20),
            sample(200, AnsweredBy::Target, 900),
            sample(500, AnsweredBy::Target, 30),
            refused,
            // The target hung up, and the target was too slow.
            sample(502, AnsweredBy::Balancer, 5),
            sample(504, AnsweredBy::Balancer, 60_000),
            nobody,
        ];
        let tally = Tally::default();
        for sample in &seen {
            tally.observed(sample);
        }
        let mut world = Scenario::shop().world();
        world.config.requests = RequestModel::Recorded;
        tally.flush(&mut world);
        world.advance_to(world.now_ms() + 120_000);
        let sum = |query: &MetricQuery| {
            let points = world.points(query, (world.timestamp(0), world.now()), world.now_ms()).unwrap();
            points.iter().map(|(_, value)| value).sum::<f64>()
        };
        let slow = Counted::latency(&balancer, &group, Duration::from_millis(500));
        for (counted, parts, all) in [
            (Counted::errors(&balancer, &group), vec![1.0, 1.0], 6.0),
            (Counted::lost(&balancer, &group), vec![2.0, 0.0, 0.0], 6.0),
            (slow, vec![1.0], 3.0),
        ] {
            assert_eq!(counted.bad.queries().iter().map(sum).collect::<Vec<_>>(), parts, "{counted:?}");
            assert!((sum(&counted.all) - all).abs() < 1e-9, "{counted:?}");
        }
    }
}
