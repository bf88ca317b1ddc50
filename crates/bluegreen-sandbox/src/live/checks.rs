//! From the world's targets to the prober's checks.

use std::net::SocketAddr;

use crate::api::RunningClock;
use crate::tasks::probe::{Check, Protocol};
use crate::world::{ProbeTarget, World};

/// A target with how it is checked.
pub(super) type Wanted = (String, SocketAddr, Check);

/// Every target that is checked now. A group whose matcher is none that targets could meet has no checks.
pub(super) fn wanted(world: &World, clock: &RunningClock) -> Vec<Wanted> {
    world.probe_targets().into_iter().filter_map(|target| check(world, clock, target)).collect()
}

fn check(world: &World, clock: &RunningClock, target: ProbeTarget) -> Option<Wanted> {
    let ProbeTarget { group, address, probe, check } = target;
    let version = world.state().groups.get(&group).map_or("HTTP1", |record| record.version.as_str());
    let check = Check {
        protocol: if version == "HTTP1" { Protocol::Http } else { Protocol::Http2 },
        path: check.path,
        port: Some(probe.port()).filter(|port| *port != address.port()),
        matcher: check.matcher.parse().ok()?,
        interval: clock.real(u64::from(check.interval) * 1_000),
        timeout: clock.real(u64::from(check.timeout) * 1_000),
    };
    Some((group.to_string(), address, check))
}
