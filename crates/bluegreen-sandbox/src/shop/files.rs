//! The files of somebody who releases into the shop.

use serde_json::{Value, json};

use super::{CLUSTER, CONTAINER, PORT, Shop};

/// A task definition of the demo service, as `RegisterTaskDefinition` takes it.
pub(super) fn task_definition(version: &str, environment: &[(&str, &str)]) -> Value {
    let pair = |(name, value): (&str, &str)| json!({"name": name, "value": value});
    let environment: Vec<Value> =
        [("VERSION", version)].into_iter().chain(environment.iter().copied()).map(pair).collect();
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{
            "name": CONTAINER,
            "image": format!("sandbox/demo:{version}"),
            "essential": true,
            "environment": environment,
            "portMappings": [{"containerPort": PORT, "protocol": "tcp"}]
        }]
    })
}

/// How long the steps of the shop's release are, and how often it looks.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Seconds at each weight.
    pub hold: u32,
    /// Seconds at 100 %.
    pub bake: u32,
    /// Milliseconds between two looks.
    pub poll: u32,
}

impl Pace {
    /// A release in a quarter of a minute.
    pub const QUICK: Pace = Pace { hold: 4, bake: 4, poll: 400 };
    /// A release by the clock of AWS's own metrics: a minute's periods, a minute's delay.
    pub const AWS: Pace = Pace { hold: 300, bake: 300, poll: 5_000 };
    /// A release in a few minutes.
    pub const SLOW: Pace = Pace { hold: 30, bake: 30, poll: 2_000 };
}

impl Shop {
    /// A task definition of the demo service in `version`; `environment` makes it fail or slow.
    pub fn task_definition(version: &str, environment: &[(&str, &str)]) -> Value {
        task_definition(version, environment)
    }

    /// The shop's `bluegreen.yaml`, which releases the task definition in `file`.
    pub fn spec(&self, file: &str, pace: Pace) -> String {
        let Shop { region, account, rule, alarms: [blue, green], .. } = self;
        let Pace { hold, bake, poll } = pace;
        format!(
            r#"version: 1
service: web
environments:
  sandbox: {{ region: {region}, account: "{account}", cluster: {CLUSTER} }}
engine: alb
taskDefinition: {{ file: {file} }}
fleet:
  services: {{ blue: web-blue, green: web-green }}
traffic:
  targetGroups: {{ blue: shop-blue, green: shop-green }}
  rules: ["{rule}"]
strategy:
  canary:
    steps:
      - setWeight: 10
      - pause: {{ duration: {hold}s }}
      - setWeight: 50
      - pause: {{ duration: {hold}s }}
bake: {bake}s
alarms: [{blue}, {green}]
# Minutes on AWS; here the load balancer follows at once.
timing: {{ poll: {poll}ms, settle: 1s, propagation: 1s, drain: 5s, stableFor: 1s, freshness: 5s }}
"#
        )
    }
}
