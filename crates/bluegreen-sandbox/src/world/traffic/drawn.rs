//! Requests from chance.
//!
//! While time passes, only what to expect is added up; counts are drawn when a metric period closes. Sums of Poisson
//! counts are Poisson counts of the sums, so that this is the same as drawing every second, and costs the same however
//! often something changes within a period.

use std::collections::BTreeMap;

use bluegreen_core::model::{LoadBalancerArn, TargetGroupArn};

use super::profile::Profile;
use super::sampler::Sampler;
use crate::seed::draw;
use crate::world::targets::TargetState;
use crate::world::{Ms, World};

/// What happened to drawn requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harm {
    /// Requests that reached a target, by revision (`family:revision`); the empty name is that of targets that no task
    /// stands behind.
    pub requests: BTreeMap<String, u64>,
    /// Those of them that were answered with 5xx, or refused.
    pub errors: BTreeMap<String, u64>,
    /// Requests that found no target, and were answered with 503 by the load balancer.
    pub unserved: u64,
}

impl Harm {
    /// Requests that failed, whoever failed them.
    pub fn total(&self) -> u64 {
        self.errors.values().sum::<u64>() + self.unserved
    }

    /// All requests.
    pub fn all(&self) -> u64 {
        self.requests.values().sum::<u64>() + self.unserved
    }
}

/// Requests to expect in the open period that go alike.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pending {
    balancer: LoadBalancerArn,
    group: TargetGroupArn,
    /// Who answers; `None` where nobody does.
    revision: Option<String>,
    profile: Profile,
    fail_open: bool,
    expected: f64,
}

impl Pending {
    fn goes_like(&self, other: &Pending) -> bool {
        self.group == other.group
            && self.revision == other.revision
            && self.profile == other.profile
            && self.fail_open == other.fail_open
            && self.balancer == other.balancer
    }
}

impl World {
    /// How a revision (`family:revision`) answers drawn requests from now on.
    pub fn set_profile(&mut self, revision: &str, profile: Profile) {
        self.change(|state| {
            state.profiles.insert(revision.to_owned(), profile);
        });
    }

    /// Adds what to expect of one group until `until`, with `share` in millionths of a route's requests.
    pub(super) fn expect(&mut self, group: &TargetGroupArn, share: u64, until: Ms) {
        let Some(balancer) = self.state.group(group.as_str()).and_then(|group| group.load_balancers.first().cloned())
        else {
            return;
        };
        let (targets, fail_open) = self.answering(group);
        // A group that no service registers in and that has no targets belongs to somebody else.
        let total: u32 = targets.values().sum();
        if total == 0 && !self.state.services.values().any(|service| service.groups.contains(group)) {
            return;
        }
        let requests = number(self.config.requests_per_second) * number(until - self.now) / 1e3 * number(share) / 1e6;
        let add = |revision: Option<String>, profile: Profile, expected: f64| Pending {
            balancer: balancer.clone(),
            group: group.clone(),
            revision,
            profile,
            fail_open,
            expected,
        };
        let mut more: Vec<Pending> = Vec::with_capacity(targets.len().max(1));
        if total == 0 {
            more.push(add(None, Profile::default(), requests));
        }
        for (revision, count) in targets {
            let profile = self.state.profiles.get(&revision).copied().unwrap_or_default();
            more.push(add(Some(revision), profile, requests * f64::from(count) / f64::from(total)));
        }
        let pending = &mut self.traffic.pending;
        for part in more {
            match pending.iter_mut().find(|known| known.goes_like(&part)) {
                Some(known) => known.expected += part.expected,
                None => pending.push(part),
            }
        }
    }

    /// How many targets of each revision answer, and whether they do although none is healthy.
    fn answering(&self, group: &TargetGroupArn) -> (BTreeMap<String, u32>, bool) {
        let (mut healthy, mut unhealthy) = (BTreeMap::new(), BTreeMap::new());
        for (task, entry) in self.registered(&self.state, group) {
            match self.task_target_state(&self.state, task, entry, self.now) {
                Some(TargetState::Healthy) => *healthy.entry(task.definition.short().to_owned()).or_default() += 1,
                Some(TargetState::Unhealthy) => *unhealthy.entry(task.definition.short().to_owned()).or_default() += 1,
                _ => {}
            }
        }
        if self.state.manual_targets.contains_key(group) {
            let targets = self.targets(group);
            let by_hand = || targets.iter().filter(|target| target.task.is_none());
            for target in by_hand() {
                match target.state {
                    TargetState::Healthy => *healthy.entry(String::new()).or_default() += 1,
                    TargetState::Unhealthy => *unhealthy.entry(String::new()).or_default() += 1,
                    _ => {}
                }
            }
        }
        if healthy.is_empty() { (unhealthy, true) } else { (healthy, false) }
    }

    /// Draws the requests that were expected since the last time. Called at the end of every metric period; call it at
    /// the end of a run, so that the last, open period counts as well.
    pub fn draw_requests(&mut self) {
        let pending = std::mem::take(&mut self.traffic.pending);
        if pending.is_empty() {
            return;
        }
        self.traffic.drawn += 1;
        let mut sampler = Sampler::new(draw(self.config.seed, &("requests", self.traffic.drawn)));
        for part in pending {
            let count = sampler.poisson(part.expected);
            if count == 0 {
                continue;
            }
            let key = (part.balancer, Some(part.group));
            let Some(revision) = part.revision else {
                self.traffic.harm.unserved += count;
                self.traffic.lost += count * 1_000_000;
                self.tally(key, |tally| tally.answer(503, count));
                continue;
            };
            let refused = sampler.binomial(count, part.profile.refused);
            let answered = count - refused;
            let errors = sampler.binomial(answered, part.profile.error_rate);
            self.tally(key, |tally| {
                tally.requests += count;
                tally.connection_errors += refused;
                tally.answer(502, refused);
                tally.classes[0] += answered - errors;
                tally.classes[3] += errors;
                tally.fail_open += if part.fail_open { count } else { 0 };
                if let Some(latency) = part.profile.latency {
                    latency.draw(answered, &mut sampler, &mut tally.latency);
                }
            });
            if errors + refused > 0 {
                *self.traffic.harm.errors.entry(revision.clone()).or_default() += errors + refused;
            }
            *self.traffic.harm.requests.entry(revision).or_default() += count;
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds and rates are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}
