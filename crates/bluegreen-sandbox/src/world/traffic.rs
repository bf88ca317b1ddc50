//! Requests: how many reach which group, and where clients with cookies end up.

use std::collections::BTreeMap;

use bluegreen_core::model::{Action, RouteId, Split, TargetGroupArn};

use super::{Ms, RequestModel, World, metrics};
use crate::seed::draw;

mod drawn;
mod profile;
mod sampler;

pub use drawn::Harm;
pub use profile::{Latency, Profile};

const MINUTE: Ms = 60_000;

/// Requests and clients.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Clients with cookies.
    pub clients: Vec<Client>,
    /// How often each of them comes; 0 for never.
    pub visit_every: Ms,
    /// When they last came.
    visited: Option<Ms>,
    /// Requests that found a group without any task, in millionths of a request.
    pub lost: u64,
    /// Requests by group and minute, in millionths of a request.
    counted: BTreeMap<(TargetGroupArn, u64), u64>,
    /// When a group last had a routed weight above zero on any route.
    exposed: BTreeMap<TargetGroupArn, Ms>,
    /// What happened to drawn requests.
    pub harm: Harm,
    /// What to expect in the metric period that is open.
    pending: Vec<drawn::Pending>,
    /// How often requests were drawn.
    drawn: u64,
}

/// A client with a cookie jar.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where it sends its requests.
    pub route: RouteId,
    /// The group in its cookie and the time at which the cookie ends.
    pub cookie: Option<(TargetGroupArn, Ms)>,
    /// The group that answered last.
    pub served_by: Option<TargetGroupArn>,
    /// When.
    pub served_at: Ms,
}

impl Client {
    /// A client without a cookie.
    pub fn new(route: RouteId) -> Client {
        Client { route, cookie: None, served_by: None, served_at: 0 }
    }
}

impl Traffic {
    /// When the clients come next after `now`.
    pub fn next_visit(&self, now: Ms) -> Option<Ms> {
        let regular = self.visit_every > 0 && !self.clients.is_empty();
        regular.then(|| (now / self.visit_every.max(1) + 1) * self.visit_every)
    }

    /// When `group` last had traffic by the weights of the data plane; `None` for never.
    pub fn last_exposed(&self, group: &TargetGroupArn) -> Option<Ms> {
        self.exposed.get(group).copied()
    }
}

impl World {
    /// Expected requests of the group with this dimension in the whole minutes of `[from, to)`: each minute's beginning,
    /// and how many.
    pub(super) fn expected_by_minute(&self, group: &str, from: Ms, to: Ms) -> impl Iterator<Item = (Ms, f64)> {
        let named = move |(of, minute): &(TargetGroupArn, u64)| {
            of.dimension() == group && (from.div_ceil(MINUTE)..to / MINUTE).contains(minute)
        };
        let counted = self.traffic.counted.iter().filter(move |(key, count)| named(key) && **count > 0);
        counted.map(|((_, minute), count)| (minute * MINUTE, metrics::number(*count) / 1e6))
    }

    /// Remembers which groups have routed weight now.
    pub(super) fn mark_exposure(&mut self) {
        for (group, _) in self.shares() {
            self.traffic.exposed.insert(group, self.now);
        }
    }

    /// Ends the metric period that began with `from`.
    pub(super) fn turn_period(&mut self, from: metrics::Second) {
        self.close_period();
        if self.config.requests != RequestModel::Expected {
            self.record_hosts(from);
        }
    }

    /// Counts the requests from now until `until`: nothing changes in between.
    ///
    /// Expected requests stay out of the metric store: they are fractions of a request, exact to the millionth and the
    /// same whatever else is drawn, which the exploration of interleavings relies on, and they cost it nothing.
    pub(super) fn count_requests(&mut self, until: Ms) {
        for (group, share) in self.shares() {
            self.traffic.exposed.insert(group.clone(), until);
            match self.config.requests {
                RequestModel::Expected => {}
                RequestModel::Drawn => {
                    self.expect(&group, share, until);
                    continue;
                }
                RequestModel::Recorded => continue,
            }
            let health = self.health(&group);
            // All targets unhealthy: the load balancer fails open and sends requests all the same.
            let served = health.healthy + health.unhealthy > 0;
            // A group that no service registers in belongs to somebody else: its targets are not modelled.
            if !served && !self.state.services.values().any(|service| service.groups.contains(&group)) {
                continue;
            }
            let mut from = self.now;
            while from < until {
                let end = ((from / MINUTE + 1) * MINUTE).min(until);
                let requests = self.config.requests_per_second * (end - from) * share / 1_000;
                if served {
                    *self.traffic.counted.entry((group.clone(), from / MINUTE)).or_default() += requests;
                } else {
                    self.traffic.lost += requests;
                }
                from = end;
            }
        }
    }

    /// Every group with routed weight, and its share in millionths summed over all routes.
    fn shares(&self) -> BTreeMap<TargetGroupArn, u64> {
        let mut shares = BTreeMap::new();
        for route in self.state.routes.values() {
            let split = Action::forward_of(route.routed_at(self.now)).and_then(|forward| forward.split().ok());
            for (group, _) in split.iter().flat_map(Split::groups) {
                let share = split.as_ref().map_or(0, |split| split.share_ppm(group));
                if share > 0 {
                    *shares.entry(group.clone()).or_default() += u64::from(share);
                }
            }
        }
        shares
    }

    /// Lets the clients come, when it is their time.
    pub(super) fn visit(&mut self) {
        let every = self.traffic.visit_every;
        if every == 0 || !self.now.is_multiple_of(every) || self.traffic.visited == Some(self.now) {
            return;
        }
        self.traffic.visited = Some(self.now);
        let mut clients = std::mem::take(&mut self.traffic.clients);
        for (index, client) in clients.iter_mut().enumerate() {
            self.serve(index, client);
        }
        self.traffic.clients = clients;
    }

    /// A valid cookie decides alone, whatever the weights say; without one the weights decide and a cookie is set.
    fn serve(&self, index: usize, client: &mut Client) {
        let Some(route) = self.state.routes.get(&client.route) else { return };
        let Some(forward) = Action::forward_of(route.routed_at(self.now)) else { return };
        let sticky = forward.sticky_seconds().map(|seconds| Ms::from(seconds) * 1_000);
        let valid = |(group, ends): &&(TargetGroupArn, Ms)| *ends > self.now && forward.contains(group);
        let pinned = client.cookie.as_ref().filter(|cookie| sticky.is_some() && valid(cookie));
        let Some(group) = pinned.map(|(group, _)| group.clone()).or_else(|| {
            let point = draw(self.config.seed, &("visit", index, self.now)) % 1_000_000;
            let split = forward.split().ok()?;
            let mut passed = 0;
            split
                .groups()
                .iter()
                .map(|(group, _)| group)
                .find(|group| {
                    passed += u64::from(split.share_ppm(group));
                    point < passed
                })
                .cloned()
        }) else {
            return;
        };
        if let Some(duration) = sticky {
            client.cookie = Some((group.clone(), self.now + duration));
        }
        client.served_by = Some(group);
        client.served_at = self.now;
    }
}

#[cfg(test)]
mod tests;
