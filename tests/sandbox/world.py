#!/usr/bin/env python3
"""Makes, with plain boto3, a world to release in where everything is real; prints one JSON document with every ARN.

    world.py --endpoint URL [--engine alb|control|codedeploy|ecs|taskSets] [--period SECONDS]

Blue runs two tasks of `sandbox/demo` behind 100 % of `/shop/*`; green is empty. The alarms look at green alone.
`control` is that with a third, empty service for a control fleet. The other engines get one service for both: its controller is what they need.
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
    parser.add_argument("--engine", default="alb", choices=sorted(ENGINES))
    parser.add_argument("--period", type=int, default=1, help="of the alarms, in seconds")
    arguments = vars(parser.parse_args())
    print(json.dumps(ENGINES[arguments["engine"]](**arguments).build()))


class World(Area):
    def client(self, service, **config):
        # The readers of rules and weights tell operators from the tests' own clients by this name.
        return super().client(service, user_agent_appid="fixture", **config)

    # Whether clients are pinned to the group that served them first.
    STICKY = True
    # Besides blue, which serves.
    EMPTY = ("green",)

    def build(self):
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        groups = {color: self.group(color) for color in ("blue", *self.EMPTY)}
        blue, green = groups["blue"], groups["green"]
        nothing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}
        listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[nothing]
        )["Listeners"][0]["ListenerArn"]
        # ECS makes no service for a group that no load balancer uses: all are attached.
        split = [{"TargetGroupArn": arn, "Weight": 100 if arn == blue else 0} for arn in groups.values()]
        forward = {"TargetGroups": split}
        if self.STICKY:
            forward["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
        rule = self.elb.create_rule(
            ListenerArn=listener,
            Priority=10,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*"]}}],
            Actions=[{"Type": "forward", "ForwardConfig": forward}],
        )["Rules"][0]["RuleArn"]
        self.listener, self.rule = listener, rule
        services = self.services(groups)
        self.alarms(balancer["LoadBalancerArn"], green)
        return {
            "region": self.elb.meta.region_name,
            "account": self.sts.get_caller_identity()["Account"],
            "cluster": "shop",
            "loadBalancer": balancer["LoadBalancerArn"],
            "listener": listener,
            "rule": rule,
            "targetGroups": groups,
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

    def definition(self):
        return self.ecs.register_task_definition(
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

    def services(self, groups):
        self.ecs.create_cluster(clusterName="shop")
        definition = self.definition()
        made = {}
        for color, count in (("blue", 2), *((empty, 0) for empty in self.EMPTY)):
            made[color] = self.ecs.create_service(
                cluster="shop",
                serviceName=f"frontend-{color}",
                taskDefinition=definition,
                desiredCount=count,
                deploymentController={"type": "ECS"},
                **self.placed(groups[color]),
            )["service"]["serviceArn"]
        waiter = self.ecs.get_waiter("services_stable")
        waiter.wait(cluster="shop", services=list(made.values()), WaiterConfig=pace())
        self.elb.get_waiter("target_in_service").wait(TargetGroupArn=groups["blue"], WaiterConfig=pace())
        return {"taskDefinition": definition, "services": made}

    @staticmethod
    def placed(group, **balancer):
        """Where tasks run, and who sends them requests."""
        return {
            "launchType": "FARGATE",
            "loadBalancers": [{"targetGroupArn": group, "containerName": CONTAINER, "containerPort": 8080, **balancer}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
        }

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
                # As often as the sandbox publishes.
                Period=self.options.get("period", 1),
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


class ControlWorld(World):
    """A third service beside the pair, for a control fleet."""

    EMPTY = ("green", "control")


class OneService(World):
    """One service of two tasks for both colours."""

    STICKY = False

    def services(self, groups):
        self.ecs.create_cluster(clusterName="shop")
        definition = self.definition()
        service = self.service(groups, definition)
        self.elb.get_waiter("target_in_service").wait(TargetGroupArn=groups["blue"], WaiterConfig=pace())
        return {"taskDefinition": definition, "services": {"both": service}}

    def create(self, controller, **more):
        made = self.ecs.create_service(
            cluster="shop", serviceName="frontend", desiredCount=2, deploymentController={"type": controller}, **more
        )
        return made["service"]["serviceArn"]


class CodeDeployWorld(OneService):
    """A CODE_DEPLOY service with its application and deployment group under the console's default names."""

    def service(self, groups, definition):
        arn = self.create("CODE_DEPLOY", taskDefinition=definition, **self.placed(groups["blue"]))
        deploy = self.client("codedeploy")
        deploy.create_application(applicationName="AppECS-shop-frontend", computePlatform="ECS")
        deploy.create_deployment_group(
            applicationName="AppECS-shop-frontend",
            deploymentGroupName="DgpECS-shop-frontend",
            serviceRoleArn="arn:aws:iam::111122223333:role/code-deploy",
            deploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
            deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            ecsServices=[{"serviceName": "frontend", "clusterName": "shop"}],
            blueGreenDeploymentConfiguration={
                "terminateBlueInstancesOnDeploymentSuccess": {
                    "action": "TERMINATE", "terminationWaitTimeInMinutes": 5
                },
                "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
            },
            autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"]},
            loadBalancerInfo={
                "targetGroupPairInfoList": [
                    {
                        "targetGroups": [{"name": "frontend-blue"}, {"name": "frontend-green"}],
                        "prodTrafficRoute": {"listenerArns": [self.listener]},
                    }
                ]
            },
        )
        return arn


class EcsWorld(OneService):
    """A service that declares ECS's own blue/green strategy."""

    def service(self, groups, definition):
        advanced = {
            "alternateTargetGroupArn": groups["green"],
            "productionListenerRule": self.rule,
            "roleArn": "arn:aws:iam::111122223333:role/ecs-load-balancing",
        }
        return self.create(
            "ECS",
            taskDefinition=definition,
            deploymentConfiguration={
                "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "maximumPercent": 200, "minimumHealthyPercent": 100
            },
            **self.placed(groups["blue"], advancedConfiguration=advanced),
        )


class TaskSetsWorld(OneService):
    """An EXTERNAL service whose primary task set serves."""

    def service(self, groups, definition):
        arn = self.create("EXTERNAL")
        made = self.ecs.create_task_set(
            cluster="shop", service="frontend", taskDefinition=definition,
            scale={"value": 100.0, "unit": "PERCENT"}, **self.placed(groups["blue"])
        )["taskSet"]  # fmt: skip
        self.ecs.update_service_primary_task_set(
            cluster="shop", service="frontend", primaryTaskSet=made["taskSetArn"]
        )
        return arn


ENGINES = {"alb": World, "control": ControlWorld, "codedeploy": CodeDeployWorld, "ecs": EcsWorld, "taskSets": TaskSetsWorld}


if __name__ == "__main__":
    main()
