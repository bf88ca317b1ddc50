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
