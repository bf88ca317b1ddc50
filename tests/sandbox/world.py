#!/usr/bin/env python3
"""Makes, with plain boto3, a world to release in where everything is real; prints one JSON document with every ARN.

    world.py --endpoint URL

Blue runs two tasks of `sandbox/demo` behind 100 % of `/shop/*`; green is empty. The alarms look at green alone.
"""

import argparse
import json

from checks import Area, pace, until

CONTAINER = "web"
# More errors in a second than a twentieth of the tests' load can make, and fewer than a tenth of it makes when all of
# green's answers are errors.
ERRORS = 7.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    print(json.dumps(World(**vars(parser.parse_args())).build()))


class World(Area):
    def client(self, service, **config):
        # The readers of rules and weights tell operators from the tests' own clients by this name.
        return super().client(service, user_agent_appid="fixture", **config)

    def build(self):
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        blue, green = (self.group(color) for color in ("blue", "green"))
        nothing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}
        listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[nothing]
        )["Listeners"][0]["ListenerArn"]
        pair = [{"TargetGroupArn": blue, "Weight": 100}, {"TargetGroupArn": green, "Weight": 0}]
        sticky = {"Enabled": True, "DurationSeconds": 60}
        rule = self.elb.create_rule(
            ListenerArn=listener,
            Priority=10,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*"]}}],
            Actions=[
                {"Type": "forward", "ForwardConfig": {"TargetGroups": pair, "TargetGroupStickinessConfig": sticky}}
            ],
        )["Rules"][0]["RuleArn"]
        services = self.services({"blue": blue, "green": green})
        self.alarms(balancer["LoadBalancerArn"], green)
        return {
            "region": self.elb.meta.region_name,
            "account": self.sts.get_caller_identity()["Account"],
            "cluster": "shop",
            "loadBalancer": balancer["LoadBalancerArn"],
            "listener": listener,
            "rule": rule,
            "targetGroups": {"blue": blue, "green": green},
            "container": CONTAINER,
            "alarms": ["frontend-5xx", "frontend-latency"],
            **services,
        }

    def group(self, color):
        arn = self.elb.create_target_group(
            Name=f"frontend-{color}", Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip",
            HealthCheckPath="/healthz", HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
        return arn

    def services(self, groups):
        self.ecs.create_cluster(clusterName="shop")
        definition = self.ecs.register_task_definition(
            family="frontend",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": CONTAINER,
                    "image": "sandbox/demo:1",
                    "essential": True,
                    "environment": [{"name": "VERSION", "value": "v1"}],
                    "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
                }
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        made = {}
        for color, count in (("blue", 2), ("green", 0)):
            made[color] = self.ecs.create_service(
                cluster="shop",
                serviceName=f"frontend-{color}",
                taskDefinition=definition,
                desiredCount=count,
                launchType="FARGATE",
                deploymentController={"type": "ECS"},
                loadBalancers=[{"targetGroupArn": groups[color], "containerName": CONTAINER, "containerPort": 8080}],
                networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            )["service"]["serviceArn"]
        waiter = self.ecs.get_waiter("services_stable")
        waiter.wait(cluster="shop", services=list(made.values()), WaiterConfig=pace())
        self.elb.get_waiter("target_in_service").wait(TargetGroupArn=groups["blue"], WaiterConfig=pace())
        return {"taskDefinition": definition, "services": made}

    def alarms(self, balancer, green):
        dimensions = [
            {"Name": "LoadBalancer", "Value": balancer.split("loadbalancer/")[1]},
            {"Name": "TargetGroup", "Value": green.split(":")[-1]},
        ]
        watched = (("frontend-5xx", "HTTPCode_Target_5XX_Count", "Sum", ERRORS),
                   ("frontend-latency", "TargetResponseTime", "Average", 5.0))  # fmt: skip
        for name, metric, statistic, threshold in watched:
            self.cloudwatch.put_metric_alarm(
                AlarmName=name,
                Namespace="AWS/ApplicationELB",
                MetricName=metric,
                Dimensions=dimensions,
                Statistic=statistic,
                # A second for a minute: the sandbox publishes as often.
                Period=1,
                EvaluationPeriods=1,
                Threshold=threshold,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="notBreaching",
            )
        # Without traffic on green both are fine, once they have been looked at.
        names = ["frontend-5xx", "frontend-latency"]
        states = lambda: {  # noqa: E731
            alarm["StateValue"] for alarm in self.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
        }
        until("the alarms' first look", states, lambda seen: seen == {"OK"})


if __name__ == "__main__":
    main()
