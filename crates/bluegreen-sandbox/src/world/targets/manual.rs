//! Targets that somebody registers by hand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bluegreen_core::model::TargetGroupArn;
use bluegreen_core::ports::ErrorClass;

use crate::world::{ManualTarget, Refusal, World};

/// A target as `RegisterTargets` and `DeregisterTargets` name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTarget {
    /// An IP address, or the name of an instance.
    pub id: String,
    /// The port; the group's own where it is left out.
    pub port: Option<u16>,
    /// The availability zone.
    pub zone: Option<String>,
}

impl World {
    /// `RegisterTargets`. One that is there already stays as it is; one that drains comes back.
    ///
    /// # Errors
    ///
    /// There is no such group.
    pub fn register_targets(&mut self, group: &TargetGroupArn, targets: &[NewTarget]) -> Result<(), Refusal> {
        let Some(record) = self.state.groups.get(group) else { return Err(missing(group)) };
        let (default, now) = (record.port, self.now);
        self.next_write();
        self.change(|state| {
            let known = state.manual_targets.entry(group.clone()).or_default();
            for target in targets {
                let port = target.port.unwrap_or(default);
                let same = |other: &ManualTarget| other.id == target.id && other.port == port;
                if known.iter().any(|other| same(other) && other.deregistered_at.is_none()) {
                    continue;
                }
                known.retain(|other| !same(other));
                let (id, zone) = (target.id.clone(), target.zone.clone());
                known.push(ManualTarget { id, port, zone, registered_at: now, deregistered_at: None });
            }
        });
        Ok(())
    }

    /// `DeregisterTargets`. Without a port, every port of that id; what is not registered is no error.
    ///
    /// # Errors
    ///
    /// There is no such group.
    pub fn deregister_targets(&mut self, group: &TargetGroupArn, targets: &[NewTarget]) -> Result<(), Refusal> {
        if !self.state.groups.contains_key(group) {
            return Err(missing(group));
        }
        let now = self.now;
        self.next_write();
        self.change(|state| {
            for known in state.manual_targets.get_mut(group).into_iter().flatten() {
                let named = |target: &&NewTarget| target.id == known.id && target.port.is_none_or(|p| p == known.port);
                if targets.iter().any(|target| named(&target)) {
                    known.deregistered_at.get_or_insert(now);
                }
            }
        });
        Ok(())
    }
}

/// Where a target listens: instances are this machine.
pub(super) fn address(target: &ManualTarget) -> SocketAddr {
    let ip = target.id.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    SocketAddr::new(ip, target.port)
}

fn missing(group: &TargetGroupArn) -> Refusal {
    (ErrorClass::NotFound, format!("TargetGroupNotFound: One or more target groups not found: {group}"))
}
