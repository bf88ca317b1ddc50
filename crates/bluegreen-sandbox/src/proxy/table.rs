//! What the proxy is told: listeners, rules, groups and targets, as plain data.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Everything the proxy routes by. A table is never edited; it is replaced whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The listeners; one that is not in the next table stops listening.
    pub listeners: Vec<Listener>,
    /// The target groups that the rules name.
    pub groups: Vec<Group>,
}

/// One listener of a load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its ARN. A listener keeps its socket for as long as tables name this id.
    pub id: String,
    /// The load balancer that it belongs to, for samples.
    pub balancer: String,
    /// The port asked for. Taken on 127.0.0.1 when it is 1024 or higher and free; otherwise the system chooses one.
    pub port: u16,
    /// What targets and redirects are told. TLS itself is never spoken.
    pub scheme: Scheme,
    /// How long a connection may say nothing, and how long a target may take to say the next thing.
    pub idle_timeout: Duration,
    /// In the order of their priority; the default rule, which has no conditions, comes last.
    pub rules: Vec<Rule>,
}

impl Listener {
    /// A plain listener with AWS's idle timeout of 60 seconds.
    pub fn new(id: impl Into<String>, port: u16, rules: Vec<Rule>) -> Listener {
        Listener {
            id: id.into(),
            balancer: String::new(),
            port,
            scheme: Scheme::Http,
            idle_timeout: Duration::from_secs(60),
            rules,
        }
    }
}

/// The scheme that a listener stands for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scheme {
    /// `http`.
    #[default]
    Http,
    /// `https`, without TLS: only what `X-Forwarded-Proto` and `#{protocol}` say.
    Https,
}

impl Scheme {
    /// As it is written in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// One rule: when all its conditions hold, its action answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its ARN; a rule keeps its place in the split from table to table.
    pub id: String,
    /// All must hold; none means always.
    pub conditions: Vec<Condition>,
    /// What happens then.
    pub action: Action,
}

/// A condition holds when any one of its values does.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Patterns of the host name, its port left out; upper and lower case are the same.
    HostHeader(Vec<String>),
    /// Patterns of the path, without the query; upper and lower case differ.
    PathPattern(Vec<String>),
    /// Patterns of a header's values; upper and lower case are the same. Any of a repeated header's lines may match.
    HttpHeader {
        /// The header's name.
        name: String,
        /// The patterns.
        values: Vec<String>,
    },
    /// Methods, exactly as they are written.
    Method(Vec<String>),
    /// Patterns of one `key=value` of the query (or of any value, without a key), as the client wrote it: nothing is
    /// percent-decoded. Upper and lower case are the same.
    QueryString(Vec<(Option<String>, String)>),
    /// Networks such as `10.0.0.0/8` or `::1/128` that the peer's own address may lie in.
    SourceIp(Vec<String>),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Hand the request to one of these groups.
    Forward {
        /// Group ids with weights of 0 to 999. A lone group gets everything whatever its weight. Several groups that
        /// all weigh 0 get nothing: the proxy answers 503.
        groups: Vec<(String, u16)>,
        /// How long a client stays with the group that it got first.
        sticky: Option<Duration>,
    },
    /// Send the client elsewhere.
    Redirect(Redirect),
    /// Answer by itself.
    Fixed {
        /// The status.
        status: u16,
        /// The content type.
        content_type: String,
        /// The body.
        body: String,
    },
}

/// A redirect; every part may hold `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// `HTTP`, `HTTPS` or the placeholder.
    pub protocol: String,
    /// The host.
    pub host: String,
    /// The port. Its placeholder is the port that the listener really has.
    pub port: String,
    /// The path with its leading slash; the placeholder is the path without it.
    pub path: String,
    /// The query without its question mark.
    pub query: String,
    /// 301 or 302.
    pub status: u16,
}

impl Default for Redirect {
    fn default() -> Redirect {
        Redirect {
            protocol: "#{protocol}".to_owned(),
            host: "#{host}".to_owned(),
            port: "#{port}".to_owned(),
            path: "/#{path}".to_owned(),
            query: "#{query}".to_owned(),
            status: 302,
        }
    }
}

/// A target group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its ARN.
    pub id: String,
    /// Its targets.
    pub targets: Vec<Target>,
    /// How long a target that has just become healthy takes to get its full share; zero for at once.
    pub slow_start: Duration,
    /// How a target is chosen.
    pub algorithm: Algorithm,
    /// How long a client stays with the target that it got first.
    pub sticky: Option<Duration>,
    /// What its targets speak.
    pub version: Version,
}

impl Group {
    /// A group with AWS's defaults.
    pub fn new(id: impl Into<String>, targets: Vec<Target>) -> Group {
        Group {
            id: id.into(),
            targets,
            slow_start: Duration::ZERO,
            algorithm: Algorithm::RoundRobin,
            sticky: None,
            version: Version::Http1,
        }
    }
}

/// How a group chooses among its targets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Algorithm {
    /// Each in its turn.
    #[default]
    RoundRobin,
    /// The one with the fewest requests under way; slow start does not apply.
    LeastOutstandingRequests,
    /// By chance, all alike; without anomaly mitigation.
    WeightedRandom,
}

/// The protocol towards targets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Version {
    /// HTTP/1.1, connections kept for later requests.
    #[default]
    Http1,
    /// HTTP/2 in the clear, with prior knowledge; gRPC too.
    Http2,
}

/// One target of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its id, for samples.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What its health is.
    pub state: TargetState,
    /// Since when it is in that state; slow start counts from here.
    pub since: Instant,
}

impl Target {
    /// A healthy target.
    pub fn healthy(id: impl Into<String>, address: SocketAddr) -> Target {
        Target { id: id.into(), address, state: TargetState::Healthy, since: Instant::now() }
    }
}

/// A target's health.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TargetState {
    /// Registered, not checked yet: as good as unhealthy.
    Initial,
    /// Gets requests.
    Healthy,
    /// Gets requests only when no target of its group is healthy.
    Unhealthy,
    /// Finishes what it has and gets nothing new.
    Draining,
}
