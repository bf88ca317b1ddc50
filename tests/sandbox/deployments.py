#!/usr/bin/env python3
"""Makes, with plain boto3, what CodeDeploy moves: a service behind a listener, and a Lambda function's alias. Prints one
JSON document with every name; with `--act` it does one thing in such a world and prints what came of it.

    deployments.py --endpoint URL
    deployments.py --endpoint URL --act deploy --appspec FILE --taskdef FILE     `aws ecs deploy`, the CLI's own
    deployments.py --endpoint URL --act alarm --state ALARM                      an alarm that turns
    deployments.py --endpoint URL --act show                                     the service and all deployments
"""

import argparse
import contextlib
import io
import json
import os

from checks import REGION, Area, pace, until

CLUSTER, SERVICE = "shop", "frontend"
APPLICATION, GROUP = f"AppECS-{CLUSTER}-{SERVICE}", f"DgpECS-{CLUSTER}-{SERVICE}"
TASKS = {
    "family": SERVICE,
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [
        {
            "name": "web",
            "image": "sandbox/demo:1",
            "essential": True,
            "environment": [{"name": "VERSION", "value": "v1"}],
            "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
        }
    ],
}
ROLE = "arn:aws:iam::111122223333:role/codedeploy"


class World(Area):
    def __init__(self, endpoint):
        super().__init__(endpoint)
        self.codedeploy = self.client("codedeploy")

    def build(self):
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        blue, green = (self.group(color) for color in ("blue", "green"))
        listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": blue}],
        )["Listeners"][0]["ListenerArn"]  # fmt: skip
        self.ecs.create_cluster(clusterName=CLUSTER)
        definition = self.ecs.register_task_definition(**TASKS)["taskDefinition"]["taskDefinitionArn"]
        self.ecs.create_service(
            cluster=CLUSTER, serviceName=SERVICE, taskDefinition=definition, desiredCount=1, launchType="FARGATE",
            deploymentController={"type": "CODE_DEPLOY"},
            loadBalancers=[{"targetGroupArn": blue, "containerName": "web", "containerPort": 8080}],
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
        )  # fmt: skip
        self.elb.get_waiter("target_in_service").wait(TargetGroupArn=blue, WaiterConfig=pace())
        self.cloudwatch.put_metric_alarm(
            AlarmName="errors", Namespace="Test", MetricName="Errors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )  # fmt: skip
        until("the alarm's first look", self.alarm, lambda seen: seen == "OK")
        self.applications(listener)
        return {
            "cluster": CLUSTER, "service": SERVICE, "application": APPLICATION, "group": GROUP, "listener": listener,
            "taskDefinition": definition, "targetGroups": {"blue": blue, "green": green},
        }  # fmt: skip

    def group(self, color):
        return self.elb.create_target_group(
            Name=f"frontend-{color}", Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip",
            HealthCheckPath="/healthz", HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip

    def applications(self, listener):
        self.codedeploy.create_application(applicationName=APPLICATION, computePlatform="ECS")
        style = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
        ready = {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0}
        pair = {
            "targetGroups": [{"name": "frontend-blue"}, {"name": "frontend-green"}],
            "prodTrafficRoute": {"listenerArns": [listener]},
        }
        self.codedeploy.create_deployment_group(
            applicationName=APPLICATION, deploymentGroupName=GROUP, serviceRoleArn=ROLE, deploymentStyle=style,
            deploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
            ecsServices=[{"serviceName": SERVICE, "clusterName": CLUSTER}],
            loadBalancerInfo={"targetGroupPairInfoList": [pair]},
            blueGreenDeploymentConfiguration={
                "deploymentReadyOption": ready,
                "terminateBlueInstancesOnDeploymentSuccess":
                    {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
            },
        )  # fmt: skip
        self.codedeploy.create_application(applicationName="functions", computePlatform="Lambda")
        self.codedeploy.create_deployment_group(
            applicationName="functions", deploymentGroupName="pay", serviceRoleArn=ROLE, deploymentStyle=style,
            deploymentConfigName="CodeDeployDefault.LambdaCanary10Percent5Minutes",
        )  # fmt: skip

    # --- one thing in such a world --------------------------------------------------------------------------------

    def alarm(self):
        return self.cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["StateValue"]

    def turn(self, state):
        self.cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="the test says so")
        return {"state": state}

    def show(self):
        found = []
        for application in self.codedeploy.list_applications()["applications"]:
            groups = self.codedeploy.list_deployment_groups(applicationName=application)["deploymentGroups"]
            for group in groups:
                ids = self.codedeploy.list_deployments(applicationName=application, deploymentGroupName=group)
                for identity in ids["deployments"]:
                    found.append(self.codedeploy.get_deployment(deploymentId=identity)["deploymentInfo"])
        service = self.ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"][0]
        return json.loads(json.dumps({"deployments": found, "service": service}, default=str))

    def deploy(self, appspec, taskdef):
        """The AWS CLI's own command, with its waiter looking more often."""
        from awscli.clidriver import create_clidriver
        from awscli.customizations.ecs import deploy

        deploy.DEFAULT_DELAY_SEC = 1
        os.environ.update(
            AWS_ENDPOINT_URL=self.endpoint, AWS_DEFAULT_REGION=REGION, AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_PAGER="",
        )  # fmt: skip
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = create_clidriver().main([
                "ecs", "deploy", "--service", SERVICE, "--cluster", CLUSTER, "--codedeploy-appspec", appspec,
                "--task-definition", taskdef,
            ])  # fmt: skip
        return {"code": code, "said": said.getvalue()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--act", choices=("deploy", "alarm", "show"))
    parser.add_argument("--appspec")
    parser.add_argument("--taskdef")
    parser.add_argument("--state")
    asked = parser.parse_args()
    world = World(asked.endpoint)
    done = {
        None: world.build,
        "alarm": lambda: world.turn(asked.state),
        "show": world.show,
        "deploy": lambda: world.deploy(asked.appspec, asked.taskdef),
    }[asked.act]()
    print(json.dumps(done))


if __name__ == "__main__":
    main()
