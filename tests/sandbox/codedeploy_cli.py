#!/usr/bin/env python3
"""The AWS CLI deploys by its own `aws ecs deploy`: it reads an AppSpec of ours, checks our group, and waits to the end.

The sandbox must run with short minutes (`--minute 10s --speed 5`). The one change to the program: it looks each second,
not every fifteen.
"""

import contextlib
import json
import os
import tempfile

from awscli.customizations.ecs import deploy

from checks import equal, holds, until
from cli import DEMO, CommandLine

APPSPEC = """version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "replaced by the command"
        LoadBalancerInfo:
          ContainerName: "web"
          ContainerPort: 8080
"""


class CodeDeployCommandLine(CommandLine):
    def a_service_under_codedeploy(self):
        deploy.DEFAULT_DELAY_SEC = 1
        made = self._aws("elbv2", "create-load-balancer", "--name", "shop", "--subnets", "subnet-1", "subnet-2")
        balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
        self.groups = [self._group(color) for color in ("blue", "green")]
        for arn in self.groups:
            # The old tasks are gone when their targets have drained.
            delay = "Key=deregistration_delay.timeout_seconds,Value=1"
            self._aws("elbv2", "modify-target-group-attributes", "--target-group-arn", arn, "--attributes", delay)
        listener = self._aws(
            "elbv2", "create-listener", "--load-balancer-arn", balancer, "--protocol", "HTTP", "--port", "80",
            "--default-actions", f"Type=forward,TargetGroupArn={self.groups[0]}",
        )  # fmt: skip
        self.listener = listener["Listeners"][0]["ListenerArn"]
        self._aws("ecs", "create-cluster", "--cluster-name", "shop")
        self._aws("ecs", "register-task-definition", "--cli-input-json", json.dumps(DEMO))
        group = f"targetGroupArn={self.groups[0]},containerName=web,containerPort=8080"
        self._aws(
            "ecs", "create-service", "--cluster", "shop", "--service-name", "web", "--task-definition", "web",
            "--desired-count", "1", "--launch-type", "FARGATE", "--deployment-controller", "type=CODE_DEPLOY",
            "--network-configuration", "awsvpcConfiguration={subnets=[subnet-1]}", "--load-balancers", group,
        )  # fmt: skip
        steady = lambda service: service["taskSets"][0]["stabilityStatus"] == "STEADY_STATE"  # noqa: E731
        until("a steady task set", self._service, steady, 40.0)

    def the_names_that_the_command_assumes(self):
        self._aws("deploy", "create-application", "--application-name", "AppECS-shop-web", "--compute-platform", "ECS")
        pair = {
            "targetGroups": [{"name": "blue"}, {"name": "green"}],
            "prodTrafficRoute": {"listenerArns": [self.listener]},
        }
        options = {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 1},
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
        }
        self._aws(
            "deploy", "create-deployment-group", "--application-name", "AppECS-shop-web",
            "--deployment-group-name", "DgpECS-shop-web",
            "--service-role-arn", "arn:aws:iam::111122223333:role/codedeploy",
            "--deployment-config-name", "CodeDeployDefault.ECSAllAtOnce",
            "--deployment-style", "deploymentType=BLUE_GREEN,deploymentOption=WITH_TRAFFIC_CONTROL",
            "--ecs-services", "serviceName=web,clusterName=shop",
            "--load-balancer-info", json.dumps({"targetGroupPairInfoList": [pair]}),
            "--blue-green-deployment-configuration", json.dumps(options),
        )  # fmt: skip

    def its_own_deploy_command(self):
        with self._files() as (definition, appspec):
            code, said = self._run(
                "ecs", "deploy", "--cluster", "shop", "--service", "web", "--task-definition", definition,
                "--codedeploy-appspec", appspec,
            )  # fmt: skip
        # A customised command that goes well returns nothing.
        assert not code, said
        assert "Successfully created deployment d-" in said and "Successfully deployed" in said, said
        service = until("one task set", self._service, lambda service: len(service["taskSets"]) == 1, 40.0)
        equal(service["taskDefinition"].split("/")[-1], "web:2")
        holds({"status": "PRIMARY", "runningCount": 1}, service["taskSets"][0])
        equal(service["loadBalancers"][0]["targetGroupArn"], self.groups[1])

    def what_it_shows_and_stops(self):
        names = ("--application-name", "AppECS-shop-web", "--deployment-group-name", "DgpECS-shop-web")
        done = self._aws("deploy", "list-deployments", *names)["deployments"]
        equal(len(done), 1)
        revision = self._aws("deploy", "get-deployment", "--deployment-id", done[0])["deploymentInfo"]["revision"]
        config = ("--deployment-config-name", "CodeDeployDefault.ECSCanary10Percent15Minutes")
        made = self._aws("deploy", "create-deployment", *names, *config, "--revision", json.dumps(revision))
        id = made["deploymentId"]
        info = lambda: self._aws("deploy", "get-deployment", "--deployment-id", id)["deploymentInfo"]  # noqa: E731
        until("its begin", lambda: info()["status"], lambda status: status == "InProgress")
        targets = self._aws("deploy", "list-deployment-targets", "--deployment-id", id)["targetIds"]
        equal(targets, ["shop:web"])
        asked = ("--deployment-id", id, "--target-id", targets[0])

        def weights():
            target = self._aws("deploy", "get-deployment-target", *asked)["deploymentTarget"]["ecsTarget"]
            return [one["trafficWeight"] for one in target["taskSetsInfo"]]

        until("a tenth", weights, lambda seen: seen == [90.0, 10.0], 40.0)
        stopped = self._aws("deploy", "stop-deployment", "--deployment-id", id, "--auto-rollback-enabled")
        assert stopped["status"] in ("Pending", "Succeeded"), stopped
        until("its end", lambda: info()["status"], lambda status: status == "Stopped")
        back = info()["rollbackInfo"]["rollbackDeploymentId"]
        self._aws("deploy", "wait", "deployment-successful", "--deployment-id", back)

    @contextlib.contextmanager
    def _files(self):
        with tempfile.TemporaryDirectory() as folder:
            definition, appspec = (os.path.join(folder, name) for name in ("taskdef.json", "appspec.yaml"))
            with open(definition, "w", encoding="utf-8") as file:
                json.dump(DEMO, file)
            with open(appspec, "w", encoding="utf-8") as file:
                file.write(APPSPEC)
            yield definition, appspec


if __name__ == "__main__":
    from checks import main

    main(CodeDeployCommandLine)
