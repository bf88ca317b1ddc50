//! A shop to try a release on: a load balancer with a blue and a green fleet of the demo service, and alarms on both.
//!
//! It is made by the same calls that any client would make, so that nothing in it is out of a client's reach.

use serde_json::{Value, json};

use crate::services::call;
use crate::wire::{ApiError, Service};
use crate::world::World;

mod files;

pub use files::Pace;

/// The shop's cluster.
pub const CLUSTER: &str = "shop";
/// The container of its task definition.
pub const CONTAINER: &str = "web";
/// The port that the shop's listener is asked to take.
pub const PORT: u16 = 8080;

/// How the shop is made.
#[derive(Clone, Copy, Debug)]
pub struct ShopOptions {
    /// Tasks of the blue fleet, and of the green one once it is released.
    pub tasks: u32,
    /// The period of the alarms in seconds: 60 as on AWS, 1 for a demo.
    pub alarm_period: u32,
    /// How many of the last five periods must be bad.
    pub bad_periods: u32,
    /// The group's deregistration delay in seconds.
    pub drain: u32,
}

impl Default for ShopOptions {
    fn default() -> Self {
        ShopOptions { tasks: 2, alarm_period: 60, bad_periods: 1, drain: 5 }
    }
}

/// The shop as it was made.
#[derive(Clone, Debug)]
pub struct Shop {
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The listener's ARN.
    pub listener: String,
    /// The rule that carries the pair.
    pub rule: String,
    /// The alarms, blue first.
    pub alarms: [String; 2],
}

impl Shop {
    /// Makes the shop in `world`: 100 % on blue, which runs version 1; green is empty.
    pub fn open(world: &mut World, options: ShopOptions) -> Result<Shop, ApiError> {
        let (region, account) = (world.config.region.clone(), world.config.account.clone());
        let mut builder = Builder { world };
        let (listener, rule) = builder.balance(options)?;
        builder.serve(options)?;
        let alarms = builder.watch(options)?;
        Ok(Shop { region, account, listener, rule, alarms })
    }
}

/// Makes things, one call after the other.
struct Builder<'a> {
    world: &'a mut World,
}

impl Builder<'_> {
    fn call(&mut self, service: Service, operation: &str, input: Value) -> Result<Value, ApiError> {
        call(self.world, "shop", service, operation, input)
    }

    /// The load balancer with its groups, listener and rule; the listener's and the rule's ARNs.
    fn balance(&mut self, options: ShopOptions) -> Result<(String, String), ApiError> {
        let elb = Service::Elbv2;
        let made =
            self.call(elb, "CreateLoadBalancer", json!({"Name": "shop", "Subnets": ["subnet-1", "subnet-2"]}))?;
        let balancer = text(&made, "/LoadBalancers/0/LoadBalancerArn");
        let blue = self.group("shop-blue", options)?;
        let green = self.group("shop-green", options)?;
        let nothing = json!({"Type": "fixed-response", "FixedResponseConfig": {
            "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "nothing here\n"
        }});
        let listener = json!({
            "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": PORT, "DefaultActions": [nothing]
        });
        let made = self.call(elb, "CreateListener", listener)?;
        let listener = text(&made, "/Listeners/0/ListenerArn");
        let pair = json!([{"TargetGroupArn": blue, "Weight": 100}, {"TargetGroupArn": green, "Weight": 0}]);
        let rule = json!({
            "ListenerArn": listener, "Priority": 10,
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
            "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": pair}}]
        });
        let made = self.call(elb, "CreateRule", rule)?;
        Ok((listener, text(&made, "/Rules/0/RuleArn")))
    }

    fn group(&mut self, name: &str, options: ShopOptions) -> Result<String, ApiError> {
        let group = json!({
            "Name": name, "Protocol": "HTTP", "Port": PORT, "VpcId": "vpc-1", "TargetType": "ip",
            "HealthCheckPath": "/healthz", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2,
            "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2
        });
        let made = self.call(Service::Elbv2, "CreateTargetGroup", group)?;
        let arn = text(&made, "/TargetGroups/0/TargetGroupArn");
        let drain = json!([{"Key": "deregistration_delay.timeout_seconds", "Value": options.drain.to_string()}]);
        let attributes = json!({"TargetGroupArn": arn, "Attributes": drain});
        self.call(Service::Elbv2, "ModifyTargetGroupAttributes", attributes)?;
        Ok(arn)
    }

    /// The cluster with both services; blue runs version 1.
    fn serve(&mut self, options: ShopOptions) -> Result<(), ApiError> {
        self.call(Service::Ecs, "CreateCluster", json!({"clusterName": CLUSTER}))?;
        self.call(Service::Ecs, "RegisterTaskDefinition", files::task_definition("1", &[]))?;
        for (color, tasks) in [("blue", options.tasks), ("green", 0)] {
            let group = self.group_arn(&format!("shop-{color}"));
            let service = json!({
                "cluster": CLUSTER, "serviceName": format!("web-{color}"), "taskDefinition": "web", "desiredCount": tasks,
                "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
                "loadBalancers": [{"targetGroupArn": group, "containerName": CONTAINER, "containerPort": PORT}]
            });
            self.call(Service::Ecs, "CreateService", service)?;
        }
        Ok(())
    }

    fn group_arn(&self, name: &str) -> String {
        self.world.state().group(name).map(|group| group.arn.to_string()).unwrap_or_default()
    }

    /// One alarm for each group: more than 5 % of its answers are errors.
    fn watch(&mut self, options: ShopOptions) -> Result<[String; 2], ApiError> {
        let balancer = self.world.state().balancers.keys().next().map(ToString::to_string).unwrap_or_default();
        let mut alarm = |color: &str| {
            let name = format!("shop-{color}-errors");
            let dimensions = json!([
                {"Name": "LoadBalancer", "Value": tail(&balancer, "loadbalancer/")},
                {"Name": "TargetGroup", "Value": resource(&self.group_arn(&format!("shop-{color}")))}
            ]);
            let sum = |id: &str, metric: &str| {
                let metric = json!({"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions});
                json!({"Id": id, "ReturnData": false,
                    "MetricStat": {"Metric": metric, "Period": options.alarm_period, "Stat": "Sum"}})
            };
            let share = json!({"Id": "share", "Label": "errors in percent", "ReturnData": true,
                "Expression": "100 * FILL(errors, 0) / requests"});
            let alarm = json!({
                "AlarmName": name, "AlarmDescription": "more than 5 % of the answers are errors",
                "Metrics": [share, sum("errors", "HTTPCode_Target_5XX_Count"), sum("requests", "RequestCount")],
                "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0,
                "EvaluationPeriods": 5, "DatapointsToAlarm": options.bad_periods, "TreatMissingData": "notBreaching"
            });
            self.call(Service::CloudWatch, "PutMetricAlarm", alarm).map(|_| name)
        };
        Ok([alarm("blue")?, alarm("green")?])
    }
}

fn text(answer: &Value, pointer: &str) -> String {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What comes after `mark` in an ARN.
fn tail<'a>(arn: &'a str, mark: &str) -> &'a str {
    arn.split_once(mark).map_or(arn, |(_, tail)| tail)
}

/// The resource of an ARN: all that comes after the account.
fn resource(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}
