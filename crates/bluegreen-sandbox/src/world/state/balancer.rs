//! Load balancers, listeners, routes and target groups as stored.

use std::collections::BTreeMap;

use bluegreen_core::model::{Action, LoadBalancerArn};
use serde_json::{Value, json};

use crate::world::Ms;

mod group;

pub use group::{GroupRecord, HealthCheck};

/// Who changed something last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// It has been so from the beginning.
    Nobody,
    /// One of the operators.
    Operator(String),
    /// Somebody else, by the script.
    ThirdParty,
}

/// An application load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerRecord {
    /// Its name.
    pub name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// Its subnets, in the order given, each in a zone of its own.
    pub subnets: Vec<String>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// `ipv4` …
    pub address_type: String,
    /// Attributes that somebody set; all others have AWS's defaults.
    pub attributes: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Ms,
    /// From when on its state is `active` and no longer `provisioning`.
    pub active_at: Ms,
}

impl BalancerRecord {
    /// An internet-facing one with two subnets, active from the beginning.
    pub fn new(name: &str) -> BalancerRecord {
        BalancerRecord {
            name: name.to_owned(),
            scheme: "internet-facing".to_owned(),
            subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            security_groups: vec!["sg-1".to_owned()],
            address_type: "ipv4".to_owned(),
            attributes: BTreeMap::new(),
            created_at: 0,
            active_at: 0,
        }
    }
}

/// A listener. Its default action is the route [`RouteId::DefaultAction`](bluegreen_core::model::RouteId).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerRecord {
    /// The load balancer that it belongs to.
    pub balancer: LoadBalancerArn,
    /// The port that it was asked to listen on.
    pub port: u16,
    /// `HTTP` or `HTTPS`; the data plane serves both as plain HTTP.
    pub protocol: String,
    /// The default certificate of an HTTPS listener, by ARN.
    pub certificate: Option<String>,
    /// The security policy of an HTTPS listener.
    pub ssl_policy: Option<String>,
    /// `MutualAuthentication` of an HTTPS listener, under AWS's member names.
    pub mutual_authentication: Option<Value>,
    /// Attributes that somebody set; all others have AWS's defaults.
    pub attributes: BTreeMap<String, String>,
}

impl ListenerRecord {
    /// A listener of `balancer` on `port`; an HTTPS one has a certificate.
    pub fn new(balancer: LoadBalancerArn, protocol: &str, port: u16) -> ListenerRecord {
        let secure = protocol == "HTTPS";
        let parts = balancer.parts();
        let certificate =
            || format!("arn:{}:acm:{}:{}:certificate/default", parts.partition, parts.region, parts.account);
        ListenerRecord {
            balancer,
            port,
            protocol: protocol.to_owned(),
            certificate: secure.then(certificate),
            ssl_policy: secure.then(|| ListenerRecord::SSL_POLICY.to_owned()),
            mutual_authentication: secure.then(|| json!({"Mode": "off"})),
            attributes: BTreeMap::new(),
        }
    }

    /// The policy that an HTTPS listener gets where none is asked for.
    pub const SSL_POLICY: &'static str = "ELBSecurityPolicy-2016-08";
}

/// A rule or default action.
#[derive(Clone, Debug)]
pub struct RouteRecord {
    /// `1` to `50000`, or `default`.
    pub priority: String,
    /// Its conditions: a list under AWS's member names, as AWS shows them.
    pub conditions: Value,
    /// Its transforms: a list under AWS's member names. They are kept and shown; the data plane does not apply them.
    pub transforms: Value,
    /// What it says.
    pub actions: Vec<Action>,
    /// What the data plane does: the actions with the times from which it does them, oldest first.
    pub routed: Vec<(Ms, Vec<Action>)>,
    /// Who wrote it last.
    pub writer: Writer,
    /// When.
    pub written_at: Ms,
}

impl RouteRecord {
    /// A route that nobody has written since the beginning.
    pub fn new(priority: &str, conditions: Value, actions: Vec<Action>) -> RouteRecord {
        RouteRecord {
            priority: priority.to_owned(),
            conditions,
            transforms: json!([]),
            actions,
            routed: Vec::new(),
            writer: Writer::Nobody,
            written_at: 0,
        }
    }

    /// What the data plane does at `at`.
    pub fn routed_at(&self, at: Ms) -> &[Action] {
        let current = self.routed.iter().rev().find(|(since, _)| *since <= at);
        current.map_or(&self.actions, |(_, actions)| actions)
    }
}
