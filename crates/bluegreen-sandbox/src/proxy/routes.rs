//! A table, compiled: what a request looks at.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::request::Parts;
use tokio::time::Instant;

use super::conditions::Test;
use super::cookies;
use super::split::Split;
use super::table::{Action, Algorithm, Group, Listener, Redirect, Rule, Scheme, Table, TargetState, Version};
use super::upstream::Upstream;

/// One listener's rules.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) listener: String,
    pub(crate) balancer: String,
    pub(crate) scheme: Scheme,
    pub(crate) idle: Duration,
    rules: Vec<Route>,
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) id: String,
    tests: Vec<Test>,
    pub(crate) deed: Deed,
}

/// What a rule does.
#[derive(Debug)]
pub(crate) enum Deed {
    Forward(Forward),
    Redirect(Redirect),
    Fixed { status: u16, content_type: String, body: String },
}

/// A weighted choice among groups.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) groups: Vec<Arc<Members>>,
    pub(crate) split: Split,
    pub(crate) sticky: Option<Duration>,
}

/// A group's targets as they may be chosen.
#[derive(Debug)]
pub(crate) struct Members {
    pub(crate) id: String,
    /// What a cookie says instead of the id.
    pub(crate) tag: u64,
    pub(crate) sticky: Option<Duration>,
    pub(crate) version: Version,
    algorithm: Algorithm,
    slow_start: Duration,
    /// The healthy ones; when there are none, those that may be tried all the same.
    seats: Vec<Seat>,
    pub(crate) fail_open: bool,
    /// When the last of the healthy ones has warmed up.
    warm: Option<Instant>,
    cursor: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Seat {
    upstream: Arc<Upstream>,
    since: Instant,
}

impl Routes {
    /// The first rule whose conditions all hold.
    pub(crate) fn choose(&self, request: &Parts, peer: IpAddr) -> Option<&Route> {
        self.rules.iter().find(|rule| rule.tests.iter().all(|test| test.holds(request, peer)))
    }
}

impl Members {
    /// The target that a cookie names, if it may be chosen.
    pub(crate) fn pinned(&self, tag: u64) -> Option<&Arc<Upstream>> {
        self.seats.iter().map(|seat| &seat.upstream).find(|upstream| upstream.tag == tag)
    }

    /// The next target.
    pub(crate) fn pick(&self) -> Option<&Arc<Upstream>> {
        let count = self.seats.len();
        if count == 0 {
            return None;
        }
        let first = match self.algorithm {
            Algorithm::WeightedRandom => fastrand::usize(..count),
            _ => self.cursor.fetch_add(1, Ordering::Relaxed) % count,
        };
        let turn = (0..count).map(|step| &self.seats[(first + step) % count]);
        if self.algorithm == Algorithm::LeastOutstandingRequests {
            // The first of the least in an order that turns: equals share evenly.
            return turn.min_by_key(|seat| seat.upstream.outstanding()).map(|seat| &seat.upstream);
        }
        if let Some(warm) = self.warm {
            let now = Instant::now();
            if now < warm {
                let mut turn = turn;
                let lucky = turn.find(|seat| self.ready(seat, now));
                return lucky.or(self.seats.get(first)).map(|seat| &seat.upstream);
            }
        }
        self.seats.get(first).map(|seat| &seat.upstream)
    }

    /// Whether a target that may still be warming up takes this request: by chance, the more likely the warmer it is.
    fn ready(&self, seat: &Seat, now: Instant) -> bool {
        let age = now.saturating_duration_since(seat.since);
        age >= self.slow_start || fastrand::f64() < age.as_secs_f64() / self.slow_start.as_secs_f64()
    }

    fn new(group: &Group, keeper: &mut Keeper<'_>) -> Members {
        let mut seats = Vec::new();
        let mut others = Vec::new();
        for target in &group.targets {
            let upstream = keeper.upstream(&group.id, &target.id, target.address);
            upstream.retire(target.state == TargetState::Draining);
            let seat = Seat { upstream, since: target.since };
            match target.state {
                TargetState::Healthy => seats.push(seat),
                TargetState::Initial | TargetState::Unhealthy => others.push(seat),
                TargetState::Draining => {}
            }
        }
        let fail_open = seats.is_empty();
        if fail_open {
            seats = others;
        }
        let now = Instant::now();
        let cold = |seat: &&Seat| now.saturating_duration_since(seat.since) < group.slow_start;
        let warming = seats.iter().filter(cold).count();
        // Where nobody is warm there is nobody to spare anyone: no slow start for the first targets of a group.
        let warm = (!fail_open && warming > 0 && warming < seats.len())
            .then(|| seats.iter().filter(cold).map(|seat| seat.since + group.slow_start).max())
            .flatten();
        Members {
            id: group.id.clone(),
            tag: cookies::tag(&group.id),
            sticky: group.sticky,
            version: group.version,
            algorithm: group.algorithm,
            slow_start: group.slow_start,
            seats,
            fail_open,
            warm,
            cursor: keeper.cursor(&group.id),
        }
    }
}

/// What outlives a table: connections to targets, and how far every split and every turn has come.
#[derive(Debug)]
pub(crate) struct Kept {
    workers: usize,
    upstreams: HashMap<(String, SocketAddr), Arc<Upstream>>,
    cursors: HashMap<String, Arc<AtomicUsize>>,
}

/// [`Kept`] while a table is compiled: what is not asked for is let go.
struct Keeper<'a> {
    old: &'a Kept,
    new: Kept,
}

impl Kept {
    pub(crate) fn new(workers: usize) -> Kept {
        Kept { workers, upstreams: HashMap::new(), cursors: HashMap::new() }
    }

    /// The table's listeners, in its order.
    pub(crate) fn compile(&mut self, table: &Table) -> Vec<Arc<Routes>> {
        let mut keeper = Keeper { old: self, new: Kept::new(self.workers) };
        let groups: HashMap<&str, Arc<Members>> =
            table.groups.iter().map(|group| (group.id.as_str(), Arc::new(Members::new(group, &mut keeper)))).collect();
        let routes = table.listeners.iter().map(|listener| Arc::new(routes(listener, &groups, &mut keeper))).collect();
        let new = keeper.new;
        for (key, upstream) in &self.upstreams {
            if !new.upstreams.contains_key(key) {
                upstream.retire(true);
            }
        }
        *self = new;
        routes
    }
}

impl Keeper<'_> {
    fn upstream(&mut self, group: &str, id: &str, address: SocketAddr) -> Arc<Upstream> {
        let key = (group.to_owned(), address);
        let old = self.new.upstreams.get(&key).or_else(|| self.old.upstreams.get(&key));
        let upstream = match old {
            Some(upstream) if upstream.id == id => upstream.clone(),
            _ => Arc::new(Upstream::new(id, address, self.old.workers)),
        };
        self.new.upstreams.insert(key, upstream.clone());
        upstream
    }

    fn cursor(&mut self, id: &str) -> Arc<AtomicUsize> {
        let cursor = self.old.cursors.get(id).cloned().unwrap_or_default();
        self.new.cursors.entry(id.to_owned()).or_insert(cursor).clone()
    }
}

fn routes(listener: &Listener, groups: &HashMap<&str, Arc<Members>>, keeper: &mut Keeper<'_>) -> Routes {
    Routes {
        listener: listener.id.clone(),
        balancer: listener.balancer.clone(),
        scheme: listener.scheme,
        idle: listener.idle_timeout,
        rules: listener.rules.iter().map(|rule| route(rule, groups, keeper)).collect(),
    }
}

fn route(rule: &Rule, groups: &HashMap<&str, Arc<Members>>, keeper: &mut Keeper<'_>) -> Route {
    let deed = match &rule.action {
        Action::Forward { groups: wanted, sticky } => {
            let weights: Vec<u16> = wanted.iter().map(|(_, weight)| *weight).collect();
            let missing = |id: &String| Arc::new(Members::new(&Group::new(id.as_str(), Vec::new()), keeper));
            let mut missing = missing;
            let members =
                wanted.iter().map(|(id, _)| groups.get(id.as_str()).cloned().unwrap_or_else(|| missing(id))).collect();
            Deed::Forward(Forward {
                groups: members,
                split: Split::new(&weights, keeper.cursor(&rule.id)),
                sticky: *sticky,
            })
        }
        Action::Redirect(redirect) => Deed::Redirect(redirect.clone()),
        Action::Fixed { status, content_type, body } => {
            Deed::Fixed { status: *status, content_type: content_type.clone(), body: body.clone() }
        }
    };
    Route { id: rule.id.clone(), tests: rule.conditions.iter().map(Test::new).collect(), deed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::table::Target;

    #[test]
    fn a_target_warms_up_in_proportion_to_its_age() {
        let begin = Instant::now();
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut group = Group::new("g", vec![Target::healthy("old", address(1)), Target::healthy("new", address(2))]);
        group.slow_start = Duration::from_secs(1_000);
        let old = Kept::new(1);
        let members = Members::new(&group, &mut Keeper { old: &old, new: Kept::new(1) });
        let seat = Seat { upstream: members.seats[0].upstream.clone(), since: begin };
        for percent in [0, 10, 50, 90, 100] {
            let now = begin + Duration::from_secs(percent * 10);
            let taken = (0..10_000).filter(|_| members.ready(&seat, now)).count();
            let expected = usize::try_from(percent).unwrap() * 100;
            // More than six standard deviations.
            assert!(taken.abs_diff(expected) <= 300, "{taken} at {percent} %");
            assert!(percent != 0 || taken == 0);
            assert!(percent != 100 || taken == 10_000);
        }
    }
}
