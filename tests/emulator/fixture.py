#!/usr/bin/env python3
"""Creates, with plain boto3, the world a release starts from; prints one JSON document with every ARN.

    fixture.py --endpoint http://127.0.0.1:PORT [--no-stickiness] [--default-action] [--blue-only] [--red NAME]
"""

import argparse
import json

import clients

CONTAINER = "web"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--region", default="eu-west-3")
    parser.add_argument("--no-stickiness", action="store_true", help="the rule does not pin clients to a group")
    parser.add_argument("--default-action", action="store_true", help="the listener's default carries the pair too")
    parser.add_argument("--blue-only", action="store_true", help="the rule forwards to blue alone; green is unattached")
    parser.add_argument("--red", action="append", default=[], help="this alarm starts in ALARM")
    arguments = parser.parse_args()
    print(json.dumps(World(arguments).build()))


class World:
    def __init__(self, arguments):
        self.arguments = arguments
        make = clients.maker(arguments.endpoint, arguments.region, "fixture")
        self.ec2, self.elb = make("ec2"), make("elbv2")
        self.ecs, self.cloudwatch, self.sts = make("ecs"), make("cloudwatch"), make("sts")

    def build(self):
        vpc, subnets, security_group = self.network()
        balancer = self.elb.create_load_balancer(
            Name="shop", Subnets=subnets, SecurityGroups=[security_group], Type="application"
        )["LoadBalancers"][0]
        blue, green = (self.group(color, vpc) for color in ("blue", "green"))
        listener = self.listener(balancer["LoadBalancerArn"], blue, green)
        rule = self.elb.create_rule(
            ListenerArn=listener,
            Priority=10,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*"]}}],
            Actions=[self.forward(blue, green)],
        )["Rules"][0]["RuleArn"]
        services = self.services(subnets, security_group, {"blue": blue, "green": green})
        self.alarms(balancer["LoadBalancerArn"], green)
        return {
            "region": self.arguments.region,
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

    def network(self):
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        # moto gives a task's interface a name only where the network has names.
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        zones = [f"{self.arguments.region}{letter}" for letter in "ab"]
        subnets = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for i, zone in enumerate(zones)
        ]
        group = self.ec2.create_security_group(GroupName="shop", Description="shop", VpcId=vpc)["GroupId"]
        return vpc, subnets, group

    def group(self, color, vpc):
        arn = self.elb.create_target_group(
            Name=f"frontend-{color}", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckPath="/health"
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
        return arn

    def forward(self, blue, green):
        groups = [{"TargetGroupArn": blue, "Weight": 100}]
        if not self.arguments.blue_only:
            groups.append({"TargetGroupArn": green, "Weight": 0})
        config = {"TargetGroups": groups}
        if not self.arguments.no_stickiness:
            config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
        return {"Type": "forward", "ForwardConfig": config}

    def listener(self, balancer, blue, green):
        other = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}
        default = self.forward(blue, green) if self.arguments.default_action else other
        return self.elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[default]
        )["Listeners"][0]["ListenerArn"]

    def services(self, subnets, security_group, groups):
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
                    "image": "example/web:1",
                    "essential": True,
                    "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
                }
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        made = {}
        for color, count in (("blue", 2), ("green", 0)):
            network = {"subnets": subnets, "securityGroups": [security_group], "assignPublicIp": "DISABLED"}
            balancer = {"targetGroupArn": groups[color], "containerName": CONTAINER, "containerPort": 8080}
            made[color] = self.ecs.create_service(
                cluster="shop",
                serviceName=f"frontend-{color}",
                taskDefinition=definition,
                desiredCount=count,
                launchType="FARGATE",
                deploymentController={"type": "ECS"},
                loadBalancers=[balancer],
                networkConfiguration={"awsvpcConfiguration": network},
            )["service"]["serviceArn"]
        # The waiter polls every 15 s by default; the scheduler needs about one.
        waiter = self.ecs.get_waiter("services_stable")
        waiter.wait(cluster="shop", services=list(made.values()), WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})
        targets = self.elb.get_waiter("target_in_service")
        targets.wait(TargetGroupArn=groups["blue"], WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})
        return {"taskDefinition": definition, "services": made}

    def alarms(self, balancer, green):
        dimensions = [
            {"Name": "LoadBalancer", "Value": balancer.split("loadbalancer/")[1]},
            {"Name": "TargetGroup", "Value": green.split(":")[-1]},
        ]
        watched = (("frontend-5xx", "HTTPCode_Target_5XX_Count", "Sum", 5.0),
                   ("frontend-latency", "TargetResponseTime", "Average", 0.8))  # fmt: skip
        for name, metric, statistic, threshold in watched:
            self.cloudwatch.put_metric_alarm(
                AlarmName=name,
                Namespace="AWS/ApplicationELB",
                MetricName=metric,
                Dimensions=dimensions,
                Statistic=statistic,
                Period=60,
                EvaluationPeriods=1,
                Threshold=threshold,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="notBreaching",
            )
            state = "ALARM" if name in self.arguments.red else "OK"
            self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="first evaluation")


if __name__ == "__main__":
    main()
