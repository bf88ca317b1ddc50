//! Target groups as stored.

use std::collections::BTreeMap;

use crate::world::Ms;

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Where targets listen that were registered without a port of their own.
    pub port: u16,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub version: String,
    /// `ip` or `instance`.
    pub target_type: String,
    /// `ipv4` or `ipv6`.
    pub address_type: String,
    /// Its VPC.
    pub vpc: String,
    /// How its targets are checked.
    pub check: HealthCheck,
    /// The deregistration delay in milliseconds.
    pub drain: Ms,
    /// Whether its own cookies pin clients to targets.
    pub target_sticky: bool,
    /// All other attributes that somebody set; the rest have AWS's defaults.
    pub attributes: BTreeMap<String, String>,
    /// Since when a route uses it.
    pub attached_since: Option<Ms>,
}

/// The health check of a group. Times are in seconds, as AWS takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Always true but for functions.
    pub enabled: bool,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// A port number, or `traffic-port`.
    pub port: String,
    /// Where it asks.
    pub path: String,
    /// From one check to the next, 5 to 300.
    pub interval: u32,
    /// Until an answer counts as failed, 2 to 120.
    pub timeout: u32,
    /// Passed checks in a row that make an unhealthy target healthy, 2 to 10.
    pub healthy_after: u32,
    /// Failed checks in a row that make a target unhealthy, 2 to 10.
    pub unhealthy_after: u32,
    /// The codes that pass: HTTP ones such as `200,202` or `200-299`, or gRPC ones for that version.
    pub matcher: String,
}

impl GroupRecord {
    /// A group with AWS's defaults.
    pub fn new(protocol: &str, port: u16, target_type: &str, vpc: &str) -> GroupRecord {
        GroupRecord {
            protocol: protocol.to_owned(),
            port,
            version: "HTTP1".to_owned(),
            target_type: target_type.to_owned(),
            address_type: "ipv4".to_owned(),
            vpc: vpc.to_owned(),
            check: HealthCheck::new("HTTP1"),
            drain: 300_000,
            target_sticky: false,
            attributes: BTreeMap::new(),
            attached_since: None,
        }
    }

    /// How long a new target gets an increasing share, in milliseconds; 0 for not at all.
    pub fn slow_start(&self) -> Ms {
        self.number("slow_start.duration_seconds") * 1_000
    }

    /// `round_robin`, `least_outstanding_requests` or `weighted_random`.
    pub fn algorithm(&self) -> &str {
        self.attributes.get("load_balancing.algorithm.type").map_or("round_robin", String::as_str)
    }

    /// How long its own cookie pins a client to a target, in seconds; `None` where it pins nobody or by another cookie.
    pub fn sticky_seconds(&self) -> Option<Ms> {
        let by = self.attributes.get("stickiness.type").map_or("lb_cookie", String::as_str);
        let given = self.attributes.get("stickiness.lb_cookie.duration_seconds");
        let seconds = given.and_then(|seconds| seconds.parse().ok()).unwrap_or(86_400);
        (self.target_sticky && by == "lb_cookie").then_some(seconds)
    }

    fn number(&self, attribute: &str) -> Ms {
        self.attributes.get(attribute).and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

impl HealthCheck {
    /// AWS's defaults for groups of HTTP or HTTPS with a protocol version.
    pub fn new(version: &str) -> HealthCheck {
        let grpc = version == "GRPC";
        HealthCheck {
            enabled: true,
            protocol: "HTTP".to_owned(),
            port: "traffic-port".to_owned(),
            path: if grpc { "/AWS.ALB/healthcheck" } else { "/" }.to_owned(),
            interval: 30,
            timeout: 5,
            healthy_after: 5,
            unhealthy_after: 2,
            matcher: if grpc { "12" } else { "200" }.to_owned(),
        }
    }
}
