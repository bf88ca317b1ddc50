//! The knobs of the world.

use jiff::Timestamp;

use super::Ms;

/// How the world behaves. All times are virtual milliseconds.
#[derive(Clone, Debug)]
pub struct Config {
    /// The wall clock at the world's first moment.
    pub start: Timestamp,
    /// Where all draws come from.
    pub seed: u64,
    /// The account that everything is in, twelve digits.
    pub account: String,
    /// The region that everything is in.
    pub region: String,
    /// How long nodes of the load balancer go on routing by old weights.
    pub propagation: Lag,
    /// How old the answers to reads are.
    pub lags: ReadLags,
    /// How far back the past is kept; at least the longest lag.
    pub memory: Ms,
    /// From a task's placement to its container running.
    pub start_delay: Ms,
    /// From its registration in an attached group to its first passed check.
    pub check_delay: Ms,
    /// How long ECS's own deployments stay in each stage at least.
    pub stage_delay: Ms,
    /// Tasks that the cluster has room for, stopping ones included.
    pub capacity: u32,
    /// Requests a second that arrive at each route.
    pub requests_per_second: u64,
    /// Where requests come from.
    pub requests: RequestModel,
    /// How long the load balancer gathers before it publishes a point: whole seconds up to a minute; AWS has a minute.
    pub metric_period: Ms,
    /// How long a closed minute's metrics take to arrive.
    pub metric_delay: Ms,
    /// How much longer half of what AWS's own services measured takes: until then a minute reads half as large.
    pub metric_late: Ms,
    /// From making a load balancer to its state `active`.
    pub provisioning: Ms,
    /// How long a minute of deployments that AWS carries out is: of their waits and their time-outs. AWS has 60 s.
    pub minute: Ms,
    /// The most items in one page of any list, where that is fewer than AWS gives; at least 1.
    pub page_size: Option<usize>,
    /// AWS's limits.
    pub quotas: Quotas,
    /// Who says how tasks and targets are.
    pub fleet: Fleet,
}

/// Who says how tasks and targets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fleet {
    /// The world itself: they follow from the time and from what revisions do.
    #[default]
    Modelled,
    /// Whoever runs them: a task runs when it is said to run, and is healthy when its checks are said to pass.
    Live,
}

impl Config {
    /// A world without lags, seeded with `seed`, in which tasks take `start_delay` + `check_delay` = 1.5 s.
    pub fn fast(seed: u64) -> Config {
        Config {
            // 2026-01-01T00:00:00Z
            start: Timestamp::constant(1_767_225_600, 0),
            seed,
            account: "111122223333".to_owned(),
            region: "eu-west-3".to_owned(),
            propagation: Lag::NONE,
            lags: ReadLags::default(),
            memory: 150_000,
            start_delay: 1_000,
            check_delay: 500,
            stage_delay: 500,
            capacity: 100,
            requests_per_second: 50,
            requests: RequestModel::Expected,
            metric_period: 60_000,
            metric_delay: 1_000,
            metric_late: 0,
            provisioning: 0,
            minute: 60_000,
            page_size: None,
            quotas: Quotas::default(),
            fleet: Fleet::default(),
        }
    }
}

/// Where requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestModel {
    /// From nowhere: each group has exactly the count that its share makes it expect. They all succeed, and only
    /// [`World::points`](super::World::points) knows of them.
    Expected,
    /// From chance: counts, errors and latencies are drawn for each metric period and become metrics.
    Drawn,
    /// From somebody who tells of them by [`World::record_request`](super::World::record_request).
    Recorded,
}

/// A delay between two bounds, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// At least this.
    pub min: Ms,
    /// At most this.
    pub max: Ms,
}

impl Lag {
    /// No delay at all.
    pub const NONE: Lag = Lag { min: 0, max: 0 };

    /// Always the same delay.
    pub fn fixed(ms: Ms) -> Lag {
        Lag { min: ms, max: ms }
    }

    /// Anything up to `max`.
    pub fn up_to(max: Ms) -> Lag {
        Lag { min: 0, max }
    }

    /// One delay, chosen by a random number, to the second where the span allows.
    pub(crate) fn pick(self, random: u64) -> Ms {
        let span = self.max.saturating_sub(self.min);
        // Both ends of the span must be reachable, and whole seconds make traces readable.
        let grain = if span >= 1_000 { 1_000 } else { 1 };
        self.min + (random % (span / grain + 1)) * grain
    }
}

/// How old the answer to each kind of read may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadLags {
    /// Rules and default actions.
    pub routes: Lag,
    /// Target groups.
    pub groups: Lag,
    /// Target health.
    pub health: Lag,
    /// ECS services.
    pub services: Lag,
    /// Task definitions.
    pub definitions: Lag,
    /// Alarms.
    pub alarms: Lag,
}

impl ReadLags {
    /// The same lag for every kind.
    pub fn all(lag: Lag) -> ReadLags {
        ReadLags { routes: lag, groups: lag, health: lag, services: lag, definitions: lag, alarms: lag }
    }

    /// The longest of them.
    pub fn longest(&self) -> Ms {
        let all = [self.routes, self.groups, self.health, self.services, self.definitions, self.alarms];
        all.iter().map(|lag| lag.max).max().unwrap_or(0)
    }
}

/// Limits that AWS puts on single requests.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Target groups in one forward action.
    pub groups_per_action: usize,
    /// Services in one `DescribeServices` request; adapters page, so more names are simply asked for in turn.
    pub alarm_names: usize,
    /// The highest weight.
    pub highest_weight: u16,
    /// Different target groups in all routes of one load balancer.
    pub groups_per_balancer: usize,
    /// Rules of one load balancer, default ones not counted.
    pub rules_per_balancer: usize,
    /// Listeners of one load balancer.
    pub listeners_per_balancer: usize,
    /// Application load balancers of the account.
    pub balancers: usize,
    /// Target groups of the account.
    pub groups: usize,
    /// Tags of one resource.
    pub tags: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Quotas {
            groups_per_action: 5,
            alarm_names: 100,
            highest_weight: 999,
            groups_per_balancer: 100,
            rules_per_balancer: 100,
            listeners_per_balancer: 50,
            balancers: 50,
            groups: 3_000,
            tags: 50,
        }
    }
}

/// What the tasks of a revision do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// They start and pass their checks.
    Healthy,
    /// Their containers never run.
    NeverStarts,
    /// They run, and never pass a check.
    NeverHealthy,
    /// They pass for `healthy` milliseconds, fail for `unhealthy`, and so on.
    Flaps {
        /// Passing for this long.
        healthy: Ms,
        /// Failing for this long.
        unhealthy: Ms,
    },
}
