#!/usr/bin/env python3
"""The AWS CLI makes a small world, reads it back, and waits with its own waiters."""

import contextlib
import io
import json
import os

from awscli.clidriver import create_clidriver

from checks import REGION, equal, holds, until

DEMO = {
    "family": "web",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [{"name": "web", "image": "sandbox/demo", "portMappings": [{"containerPort": 8080}]}],
}


class CommandLine:
    """No area: its calls go through another program's parsers, whose operations are not botocore's events to us."""

    INDEPENDENT = False
    OPERATIONS = frozenset()

    def __init__(self, endpoint):
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint, AWS_DEFAULT_REGION=REGION, AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_MAX_ATTEMPTS="1", AWS_PAGER="",
        )  # fmt: skip
        self.called = set()

    def checks(self):
        for name, value in type(self).__dict__.items():
            if callable(value) and not name.startswith("_") and name != "checks":
                yield name, getattr(self, name)

    def a_load_balancer_with_two_groups(self):
        equal(self._aws("sts", "get-caller-identity")["Account"].isdigit(), True)
        made = self._aws("elbv2", "create-load-balancer", "--name", "shop", "--subnets", "subnet-1", "subnet-2")
        self.balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
        self._aws("elbv2", "wait", "load-balancer-available", "--load-balancer-arns", self.balancer)
        self.groups = [self._group(color) for color in ("blue", "green")]
        pair = ",".join(f"{{TargetGroupArn={arn},Weight={weight}}}" for arn, weight in zip(self.groups, (100, 0)))
        action = f"Type=forward,ForwardConfig={{TargetGroups=[{pair}]}}"
        listener = self._aws(
            "elbv2", "create-listener", "--load-balancer-arn", self.balancer, "--protocol", "HTTP", "--port", "80",
            "--default-actions", action,
        )  # fmt: skip
        self.listener = listener["Listeners"][0]["ListenerArn"]

    def rules_and_their_weights(self):
        forward = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": 1} for arn in self.groups]}
        actions = json.dumps([{"Type": "forward", "ForwardConfig": forward}])
        made = self._aws(
            "elbv2", "create-rule", "--listener-arn", self.listener, "--priority", "10", "--conditions",
            "Field=path-pattern,Values=/shop/*", "--actions", actions,
        )  # fmt: skip
        rule = self.rule = made["Rules"][0]["RuleArn"]
        for group, weight in zip(forward["TargetGroups"], (90, 10)):
            group["Weight"] = weight
        actions = json.dumps([{"Type": "forward", "ForwardConfig": forward}])
        self._aws("elbv2", "modify-rule", "--rule-arn", rule, "--actions", actions)
        rules = self._aws("elbv2", "describe-rules", "--listener-arn", self.listener)["Rules"]
        equal([one["Priority"] for one in rules], ["10", "default"])
        equal([group["Weight"] for group in rules[0]["Actions"][0]["ForwardConfig"]["TargetGroups"]], [90, 10])

    def a_service_and_its_waiters(self):
        self._aws("ecs", "create-cluster", "--cluster-name", "shop")
        self._aws("ecs", "register-task-definition", "--cli-input-json", json.dumps(DEMO))
        balancer = f"targetGroupArn={self.groups[0]},containerName=web,containerPort=8080"
        self._aws(
            "ecs", "create-service", "--cluster", "shop", "--service-name", "web", "--task-definition", "web:1",
            "--desired-count", "1", "--launch-type", "FARGATE", "--network-configuration",
            "awsvpcConfiguration={subnets=[subnet-1]}", "--load-balancers", balancer,
        )  # fmt: skip
        # The CLI's waiters look every 15 s: they are asked when the first look will do.
        until("the task", self._service, lambda it: it["runningCount"] == 1 and len(it["deployments"]) == 1)
        self._aws("ecs", "wait", "services-stable", "--cluster", "shop", "--services", "web")
        until("its health", self._health, lambda states: states == ["healthy"])
        self._aws("elbv2", "wait", "target-in-service", "--target-group-arn", self.groups[0])
        changed = self._aws("ecs", "update-service", "--cluster", "shop", "--service", "web", "--desired-count", "2")
        holds({"desiredCount": 2, "status": "ACTIVE"}, changed["service"])
        listed = self._aws("ecs", "list-services", "--cluster", "shop")["serviceArns"]
        equal([arn.split("/")[-1] for arn in listed], ["web"])

    def a_deployment_of_ecs_itself_is_started_watched_continued_and_stopped(self):
        delay = ("--attributes", "Key=deregistration_delay.timeout_seconds,Value=1")
        for group in self.groups:
            self._aws("elbv2", "modify-target-group-attributes", "--target-group-arn", group, *delay)
        advanced = {
            "alternateTargetGroupArn": self.groups[1],
            "productionListenerRule": self.rule,
            "roleArn": "arn:aws:iam::111122223333:role/ecs",
        }
        balancer = {"targetGroupArn": self.groups[0], "containerName": "web", "containerPort": 8080}
        pause = {
            "targetType": "PAUSE",
            "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"],
            "hookDetails": {"bluegreen": "bluegreen run by-hand"},
        }
        canary = {
            "strategy": "CANARY",
            "canaryConfiguration": {"canaryPercent": 12.5, "canaryBakeTimeInMinutes": 0},
            "lifecycleHooks": [pause],
        }
        self._aws(
            "ecs", "update-service", "--cluster", "shop", "--service", "web", "--force-new-deployment",
            "--load-balancers", json.dumps([{**balancer, "advancedConfiguration": advanced}]),
            "--deployment-configuration", json.dumps(canary),
        )  # fmt: skip
        ongoing = ("--status", "PENDING", "IN_PROGRESS")
        listed = self._aws("ecs", "list-service-deployments", "--cluster", "shop", "--service", "web", *ongoing)
        name = listed["serviceDeployments"][0]["serviceDeploymentArn"]
        equal(len(listed["serviceDeployments"]), 1)
        waiting = until("the pause", lambda: self._pause(name), bool, 90.0)
        named = ("--service-deployment-arn", name)
        self._aws("ecs", "continue-service-deployment", *named, "--hook-id", waiting, "--action", "CONTINUE")
        until("the next pause", lambda: self._pause(name), lambda hook: hook not in (None, waiting), 30.0)
        rule = self._aws("elbv2", "describe-rules", "--rule-arns", self.rule)["Rules"][0]
        equal([group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]], [875, 125])
        self._aws("ecs", "stop-service-deployment", *named, "--stop-type", "ROLLBACK")
        ended = until("the way back", lambda: self._deployment(name), lambda it: "finishedAt" in it, 60.0)
        holds({"status": "ROLLBACK_SUCCESSFUL"}, ended)
        revision = ended["rollback"]["serviceRevisionArn"]
        shown = self._aws("ecs", "describe-service-revisions", "--service-revision-arns", revision)
        assert shown["serviceRevisions"][0]["taskDefinition"].endswith("web:1"), shown

    def alarms(self):
        self._aws(
            "cloudwatch", "put-metric-alarm", "--alarm-name", "errors", "--namespace", "Shop",
            "--metric-name", "Errors", "--statistic", "Sum", "--period", "60", "--evaluation-periods", "1",
            "--threshold", "5",
            "--comparison-operator", "GreaterThanThreshold", "--treat-missing-data", "ignore", "--dimensions",
            "Name=Side,Value=green",
        )  # fmt: skip
        self._aws("cloudwatch", "put-composite-alarm", "--alarm-name", "any", "--alarm-rule", "ALARM(errors)")
        turn = ("--state-value", "ALARM", "--state-reason", "drill")
        self._aws("cloudwatch", "set-alarm-state", "--alarm-name", "errors", *turn)
        found = self._aws("cloudwatch", "describe-alarms", "--alarm-types", "MetricAlarm", "CompositeAlarm")
        wanted = {"AlarmName": "errors", "StateValue": "ALARM", "Period": 60, "Threshold": 5.0}
        holds({**wanted, "Dimensions": [{"Name": "Side", "Value": "green"}]}, found["MetricAlarms"][0])
        holds({"AlarmName": "any", "StateValue": "ALARM"}, found["CompositeAlarms"][0])
        history = self._aws("cloudwatch", "describe-alarm-history", "--alarm-name", "errors", "--max-items", "1")
        assert "ALARM" in history["AlarmHistoryItems"][0]["HistorySummary"], history

    def a_refusal_names_its_code(self):
        code, said = self._run("elbv2", "describe-target-groups", "--names", "absent")
        equal((code, "(TargetGroupNotFound)" in said), (255, True), said)
        code, said = self._run("ecs", "list-clusters", "--max-results", "101", "--no-paginate")
        equal((code, "(InvalidParameterException)" in said), (255, True), said)

    # --- small helpers --------------------------------------------------------------------------------------------

    @staticmethod
    def _run(*arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = create_clidriver().main(["--output", "json", *arguments])
        return code, err.getvalue() if code else out.getvalue()

    def _aws(self, *arguments):
        code, said = self._run(*arguments)
        assert code == 0, f"aws {' '.join(arguments)}: exit code {code}: {said}"
        return json.loads(said) if said.strip() else {}

    def _group(self, color):
        made = self._aws(
            "elbv2", "create-target-group", "--name", color, "--protocol", "HTTP", "--port", "8080",
            "--vpc-id", "vpc-1", "--target-type", "ip", "--health-check-path", "/healthz",
            "--health-check-interval-seconds", "5",
            "--health-check-timeout-seconds", "2",
        )  # fmt: skip
        return made["TargetGroups"][0]["TargetGroupArn"]

    def _service(self):
        return self._aws("ecs", "describe-services", "--cluster", "shop", "--services", "web")["services"][0]

    def _deployment(self, name):
        shown = self._aws("ecs", "describe-service-deployments", "--service-deployment-arns", name)
        return shown["serviceDeployments"][0]

    def _pause(self, name):
        hooks = self._deployment(name).get("lifecycleHookDetails", [])
        return next((hook["hookId"] for hook in hooks if hook["status"] == "AWAITING_ACTION"), None)

    def _health(self):
        rows = self._aws("elbv2", "describe-target-health", "--target-group-arn", self.groups[0])
        return [row["TargetHealth"]["State"] for row in rows["TargetHealthDescriptions"]]


if __name__ == "__main__":
    from checks import main

    main(CommandLine)
