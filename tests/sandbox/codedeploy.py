#!/usr/bin/env python3
"""CodeDeploy with real tasks and real requests: boto3 makes applications, groups and configurations, deploys, looks at
every step, goes on, stops, and answers hooks.

    codedeploy.py --endpoint URL --notes FILE      FILE: what the sandbox writes for people

The sandbox must run with short minutes (`--minute 10s --speed 5`) and know a hook `says-no`
(`--hook says-no=false`).
"""

import collections
import http.client
import json
import os
import re
import tempfile
import threading

from checks import Area, equal, holds, is_time, main, pace, refused, until

ROLE = "arn:aws:iam::111122223333:role/codedeploy"
STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
PAIR = {"applicationName": "shop", "deploymentGroupName": "web"}
ENDED = ("Succeeded", "Failed", "Stopped")
EVENTS = [
    "BeforeInstall", "Install", "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic", "BeforeAllowTraffic",
    "AllowTraffic", "AfterAllowTraffic",
]  # fmt: skip


class CodeDeploy(Area):
    OPERATIONS = frozenset(
        [
            f"codedeploy:{name}"
            for name in (
                "BatchGetApplications BatchGetDeploymentGroups BatchGetDeployments BatchGetDeploymentTargets"
                " ContinueDeployment CreateApplication CreateDeployment CreateDeploymentConfig CreateDeploymentGroup"
                " DeleteApplication DeleteDeploymentConfig DeleteDeploymentGroup GetApplication GetDeployment"
                " GetDeploymentConfig GetDeploymentGroup GetDeploymentTarget ListApplications ListDeploymentConfigs"
                " ListDeploymentGroups ListDeployments ListDeploymentTargets PutLifecycleEventHookExecutionStatus"
                " StopDeployment UpdateDeploymentGroup"
            ).split()
        ]
        + "cloudwatch:PutMetricAlarm cloudwatch:SetAlarmState ecs:CreateCluster ecs:CreateService"
        " ecs:DescribeServices ecs:RegisterTaskDefinition elbv2:CreateListener elbv2:CreateLoadBalancer"
        " elbv2:CreateTargetGroup elbv2:DescribeListeners elbv2:ModifyTargetGroupAttributes".split()
    )

    def __init__(self, endpoint, **options):
        super().__init__(endpoint, **options)
        self.codedeploy = self.client("codedeploy")

    def a_service_under_codedeploy(self):
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        self.balancer = balancer["LoadBalancerArn"]
        self.blue, self.green = (self._target_group(color) for color in ("blue", "green"))
        self.production, self.test = (self._listener(port) for port in (80, 8080))
        self.ecs.create_cluster(clusterName="shop")
        self.revisions = [self._register(version) for version in ("v1", "v2")]
        self.ecs.create_service(
            cluster="shop", serviceName="web", taskDefinition="web:1", desiredCount=2, launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            deploymentController={"type": "CODE_DEPLOY"},
            loadBalancers=[{"targetGroupArn": self.blue, "containerName": "web", "containerPort": 8080}],
        )  # fmt: skip
        until("a steady task set", self._sets, lambda sets: sets == [("PRIMARY", "web:1", "STEADY_STATE")], 40.0)
        ports = [until("a port", lambda arn=arn: self._bound(arn), bool) for arn in self._both()]
        self.address, self.test_address = ports
        until("answers", lambda: self._get(self.address), lambda answer: answer == (200, "v1"))

    def applications_and_groups(self):
        made = self.codedeploy.create_application(applicationName="shop", computePlatform="ECS")["applicationId"]
        found = self.codedeploy.get_application(applicationName="shop")["application"]
        holds({"applicationId": made, "applicationName": "shop", "computePlatform": "ECS"}, found)
        is_time(found["createTime"], "createTime")
        self.codedeploy.create_application(applicationName="other", computePlatform="ECS")
        equal(self.every(self.codedeploy, "list_applications", "applications"), ["other", "shop"])
        both = self.codedeploy.batch_get_applications(applicationNames=["shop", "other"])["applicationsInfo"]
        equal([one["applicationName"] for one in both], ["shop", "other"])
        self.codedeploy.delete_application(applicationName="other")
        self.codedeploy.create_deployment_group(**self._group())
        group = self.codedeploy.get_deployment_group(**PAIR)["deploymentGroupInfo"]
        asked = self._group()
        holds({**asked, "computePlatform": "ECS"}, group, "the group")
        self._change(autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]})
        many = self.codedeploy.batch_get_deployment_groups(applicationName="shop", deploymentGroupNames=["web", "none"])
        changed = many["deploymentGroupsInfo"][0]
        equal(changed["autoRollbackConfiguration"], {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]})
        equal(changed["loadBalancerInfo"], asked["loadBalancerInfo"], "what is not named stays")
        assert "none" in many["errorMessage"], many
        groups = self.every(self.codedeploy, "list_deployment_groups", "deploymentGroups", applicationName="shop")
        equal(groups, ["web"])
        refused(
            "ECSServiceMappingLimitExceededException", self.codedeploy.create_deployment_group,
            **{**asked, "deploymentGroupName": "second"},
        )  # fmt: skip

    def configurations(self):
        linear = {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 40, "linearInterval": 2}}
        asked = {"deploymentConfigName": "forties", "computePlatform": "ECS", "trafficRoutingConfig": linear}
        self.codedeploy.create_deployment_config(**asked)
        found = self.codedeploy.get_deployment_config(deploymentConfigName="forties")["deploymentConfigInfo"]
        holds(asked, found)
        refused("DeploymentConfigAlreadyExistsException", self.codedeploy.create_deployment_config, **asked)
        names = self.every(self.codedeploy, "list_deployment_configs", "deploymentConfigsList")
        assert {"forties", "CodeDeployDefault.ECSCanary10Percent5Minutes"} < set(names), names
        self.codedeploy.delete_deployment_config(deploymentConfigName="forties")
        refused(
            "DeploymentConfigDoesNotExistException", self.codedeploy.get_deployment_config,
            deploymentConfigName="forties",
        )  # fmt: skip

    def a_canary_loses_no_request(self):
        with self._load() as answers:
            self.first = self._deploy(self.revisions[1], description="by boto3")
            seen = until("a tenth", self._weights, lambda weights: weights == (90, 10), 40.0)
            equal(seen, (90, 10))
            equal(self._get(self.test_address), (200, "v2"), "test traffic has moved before")
            equal([row["trafficWeight"] for row in self._task_sets(self.first)], [90.0, 10.0])
            refused("DeploymentLimitExceededException", self._deploy, revision=self.revisions[1], says=self.first)
            waits = lambda info: info.get("instanceTerminationWaitTimeStarted")  # noqa: E731
            until("the termination wait", lambda: self._info(self.first), waits, 40.0)
            equal(self._weights(), (0, 100))
            until("only the new version", self._versions, lambda seen: seen == {"v2"})
            waiter = self.codedeploy.get_waiter("deployment_successful")
            waiter.wait(deploymentId=self.first, WaiterConfig=pace(400))
        equal(set(status for status, _ in answers), {200})
        equal(set(version for _, version in answers), {"v1", "v2"})
        done = until("the old set's end", self._sets, lambda sets: len(sets) == 1, 40.0)
        equal(done, [("PRIMARY", "web:2", "STEADY_STATE")])

    def a_deployment_is_told_in_full(self):
        info = self._info(self.first)
        holds({**PAIR, "status": "Succeeded", "creator": "user", "description": "by boto3"}, info)
        holds({"computePlatform": "ECS", "deploymentStyle": STYLE}, info)
        for name in ("createTime", "startTime", "completeTime"):
            is_time(info[name], name)
        equal(info["revision"]["appSpecContent"]["content"], self._appspec(self.revisions[1]))
        targets = self.every(self.codedeploy, "list_deployment_targets", "targetIds", deploymentId=self.first)
        equal(targets, ["shop:web"])
        target = self.codedeploy.get_deployment_target(deploymentId=self.first, targetId="shop:web")["deploymentTarget"]
        equal(self._events(self.first), [(name, "Succeeded") for name in EVENTS])
        equal(target["ecsTarget"]["status"], "Succeeded")
        group = self.codedeploy.get_deployment_group(**PAIR)["deploymentGroupInfo"]
        equal(group["lastSuccessfulDeployment"]["deploymentId"], self.first)
        ids = self.every(self.codedeploy, "list_deployments", "deployments", **PAIR, includeOnlyStatuses=["Succeeded"])
        equal(ids, [self.first])
        equal([one["deploymentId"] for one in self._batch(self.first, "d-AAAAAAAAA")], [self.first])

    def a_ready_wait_is_continued_and_a_stop_goes_back(self):
        wait = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 60}
        options = self._group()["blueGreenDeploymentConfiguration"]
        self._change(blueGreenDeploymentConfiguration={**options, "deploymentReadyOption": wait})
        id = self._deploy(self.revisions[0])
        until("Ready", lambda: self._info(id)["status"], lambda status: status == "Ready", 40.0)
        equal(self._versions(), {"v2"}, "no production traffic moves")
        self.codedeploy.continue_deployment(deploymentId=id, deploymentWaitType="READY_WAIT")
        until("a tenth", self._weights, lambda weights: weights == (10, 90))
        refused("DeploymentIsNotInReadyStateException", self.codedeploy.continue_deployment, deploymentId=id)
        self.codedeploy.stop_deployment(deploymentId=id, autoRollbackEnabled=True)
        info = until("its end", lambda: self._info(id), lambda info: info["status"] in ENDED)
        holds({"status": "Stopped"}, info)
        equal(info["errorInformation"]["code"], "MANUAL_STOP")
        back = info["rollbackInfo"]["rollbackDeploymentId"]
        self.codedeploy.get_waiter("deployment_successful").wait(deploymentId=back, WaiterConfig=pace())
        found = self._info(back)
        equal((found["creator"], found["rollbackInfo"]["rollbackTriggeringDeploymentId"]), ("codeDeployRollback", id))
        equal(self._weights(), (0, 100))
        until("one task set", self._sets, lambda sets: sets == [("PRIMARY", "web:2", "STEADY_STATE")], 40.0)
        refused("DeploymentAlreadyCompletedException", self.codedeploy.stop_deployment, deploymentId=id)
        self._change(blueGreenDeploymentConfiguration=options)

    def a_hook_is_answered_by_its_own_command(self):
        id = self._deploy(self.revisions[0], hooks=[{"AfterInstall": "says-no"}])
        info = until("its end", lambda: self._info(id), lambda info: info["status"] in ENDED, 40.0)
        equal((info["status"], info["errorInformation"]["code"]), ("Failed", "HOOK_EXECUTION_FAILURE"))
        events = self._target(id)["ecsTarget"]["lifecycleEvents"]
        equal([event["status"] for event in events[:4]], ["Succeeded", "Succeeded", "Failed", "Skipped"])
        equal(events[2]["diagnostics"]["errorCode"], "ScriptFailed")
        until("one task set", self._sets, lambda sets: len(sets) == 1, 40.0)

    def a_hook_is_answered_by_a_client(self):
        # Whatever stands for a function is told its run. This one passes it on and does not answer by itself.
        told = os.path.join(tempfile.mkdtemp(), "run")
        command = f'printf %s "$LIFECYCLE_EVENT_HOOK_EXECUTION_ID" > {told}.new; mv {told}.new {told}; exec sleep 600'
        self._control("hooks", {"function": "asks", "command": ["sh", "-c", command]})
        id = self._deploy(self.revisions[0], hooks=[{"BeforeInstall": "asks"}])
        until("the hook's run", lambda: os.path.exists(told), bool)
        with open(told, encoding="utf-8") as file:
            run = file.read()
        put = self.codedeploy.put_lifecycle_event_hook_execution_status
        asked = {"deploymentId": id, "status": "Succeeded"}
        refused("InvalidLifecycleEventHookExecutionIdException", put, **asked, lifecycleEventHookExecutionId="none")
        equal(self._events(id)[0], ("BeforeInstall", "InProgress"))
        answer = put(**asked, lifecycleEventHookExecutionId=run)
        equal(answer["lifecycleEventHookExecutionId"], run)
        equal(self._events(id)[0], ("BeforeInstall", "Succeeded"))
        refused("LifecycleEventAlreadyCompletedException", put, **asked, lifecycleEventHookExecutionId=run)
        self.codedeploy.stop_deployment(deploymentId=id, autoRollbackEnabled=True)
        until("no deployment under way", self._active, lambda active: active == [])
        until("one task set", self._sets, lambda sets: len(sets) == 1, 40.0)

    def an_alarm_blocks_the_start(self):
        self.cloudwatch.put_metric_alarm(
            AlarmName="errors", Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1.0, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
        )  # fmt: skip
        self.cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
        self._change(alarmConfiguration={"enabled": True, "alarms": [{"name": "errors"}]})
        id = self._deploy(self.revisions[0])
        info = until("its end", lambda: self._info(id), lambda info: info["status"] in ENDED)
        equal((info["status"], info["errorInformation"]["code"]), ("Stopped", "ALARM_ACTIVE"))
        assert "rollbackInfo" not in info, info
        self._change(alarmConfiguration={"enabled": False, "alarms": []})

    def functions_move_between_versions(self):
        self.codedeploy.create_application(applicationName="functions", computePlatform="Lambda")
        names = {"applicationName": "functions", "deploymentGroupName": "price"}
        self.codedeploy.create_deployment_group(
            **names, serviceRoleArn=ROLE, deploymentStyle=STYLE,
            deploymentConfigName="CodeDeployDefault.LambdaCanary10Percent5Minutes",
        )  # fmt: skip
        properties = {"name": "price", "alias": "live", "currentversion": "1", "targetversion": "2"}
        function = {"price": {"type": "AWS::Lambda::Function", "properties": properties}}
        content = json.dumps({"version": 0.0, "resources": [function]})
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}
        id = self.codedeploy.create_deployment(**names, revision=revision)["deploymentId"]
        self.codedeploy.get_waiter("deployment_successful").wait(deploymentId=id, WaiterConfig=pace(400))
        target = self._target(id, "price:live")["lambdaTarget"]["lambdaFunctionInfo"]
        equal((target["functionAlias"], target["targetVersionWeight"]), ("live", 100.0))

    def groups_are_deleted(self):
        self.codedeploy.delete_deployment_group(**PAIR)
        refused("DeploymentGroupDoesNotExistException", self.codedeploy.get_deployment_group, **PAIR)
        equal(self._info(self.first)["status"], "Succeeded", "what was deployed is still told")

    # --- small helpers --------------------------------------------------------------------------------------------

    def _both(self):
        return self.production, self.test

    def _target_group(self, color):
        arn = self.elb.create_target_group(
            Name=color, Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/healthz",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
        return arn

    def _listener(self, port):
        return self.elb.create_listener(
            LoadBalancerArn=self.balancer, Protocol="HTTP", Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.blue}],
        )["Listeners"][0]["ListenerArn"]  # fmt: skip

    def _register(self, version):
        container = {
            "name": "web",
            "image": "sandbox/demo",
            "environment": [{"name": "VERSION", "value": version}],
            "portMappings": [{"containerPort": 8080}],
        }
        return self.ecs.register_task_definition(
            family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[container],
        )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip

    def _group(self):
        listeners = [{"listenerArns": [arn]} for arn in self._both()]
        pair = {
            "targetGroups": [{"name": "blue"}, {"name": "green"}],
            "prodTrafficRoute": listeners[0],
            "testTrafficRoute": listeners[1],
        }
        return {
            **PAIR,
            "serviceRoleArn": ROLE,
            "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
            "deploymentStyle": STYLE,
            "ecsServices": [{"serviceName": "web", "clusterName": "shop"}],
            "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
            "blueGreenDeploymentConfiguration": {
                "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 3},
                "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
            },
        }

    def _change(self, **change):
        named = {"applicationName": "shop", "currentDeploymentGroupName": "web"}
        self.codedeploy.update_deployment_group(**named, **change)

    def _appspec(self, revision, hooks=()):
        balancer = {"containerName": "web", "containerPort": 8080}
        properties = {"taskDefinition": revision, "loadBalancerInfo": balancer}
        service = {"service": {"type": "AWS::ECS::Service", "properties": properties}}
        document = {"version": 0.0, "resources": [service]}
        return json.dumps({**document, "hooks": list(hooks)} if hooks else document)

    def _deploy(self, revision, hooks=(), **more):
        content = {"content": self._appspec(revision, hooks)}
        revision = {"revisionType": "AppSpecContent", "appSpecContent": content}
        return self.codedeploy.create_deployment(**PAIR, revision=revision, **more)["deploymentId"]

    def _info(self, id):
        return self.codedeploy.get_deployment(deploymentId=id)["deploymentInfo"]

    def _batch(self, *ids):
        return self.codedeploy.batch_get_deployments(deploymentIds=list(ids))["deploymentsInfo"]

    def _active(self):
        running = ["Created", "Queued", "InProgress", "Ready"]
        return self.every(self.codedeploy, "list_deployments", "deployments", **PAIR, includeOnlyStatuses=running)

    def _target(self, id, target="shop:web"):
        answer = self.codedeploy.batch_get_deployment_targets(deploymentId=id, targetIds=[target])
        return answer["deploymentTargets"][0]

    def _events(self, id):
        events = self._target(id)["ecsTarget"]["lifecycleEvents"]
        return [(event["lifecycleEventName"], event["status"]) for event in events]

    def _task_sets(self, id):
        return self._target(id)["ecsTarget"]["taskSetsInfo"]

    def _sets(self):
        service = self.ecs.describe_services(cluster="shop", services=["web"])["services"][0]
        equal(service["deployments"], [])
        revision = lambda one: one["taskDefinition"].split("/")[-1]  # noqa: E731
        return [(one["status"], revision(one), one["stabilityStatus"]) for one in service["taskSets"]]

    def _weights(self):
        """Blue's and green's on the production listener."""
        listener = self.elb.describe_listeners(ListenerArns=[self.production])["Listeners"][0]
        groups = listener["DefaultActions"][-1]["ForwardConfig"]["TargetGroups"]
        weights = {group["TargetGroupArn"]: group["Weight"] for group in groups}
        return weights.get(self.blue, 0), weights.get(self.green, 0)

    def _bound(self, listener):
        with open(self.options["notes"], encoding="utf-8") as notes:
            found = re.findall(r"listening on http://(\S+) for (\S+)", notes.read())
        return {arn: address for address, arn in found}.get(listener)

    def _get(self, address):
        """One request on a connection of its own: status and version."""
        connection = http.client.HTTPConnection(address, timeout=10)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body).get("version") if answer.status == 200 else None
        finally:
            connection.close()

    def _versions(self):
        return {self._get(self.address)[1] for _ in range(30)}

    def _load(self):
        return Load(lambda: self._get(self.address))

    def _control(self, name, body):
        connection = http.client.HTTPConnection(self.endpoint.split("//")[1], timeout=10)
        connection.request("POST", f"/_sandbox/{name}", json.dumps(body))
        answer = connection.getresponse()
        equal((answer.status, answer.read()), (200, b"{}"))


class Load:
    """Requests one after the other for as long as the block lasts, counted by what came of them."""

    def __init__(self, ask):
        self.answers, self.ask, self.over = collections.Counter(), ask, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self.answers

    def _run(self):
        while not self.over.is_set():
            try:
                self.answers[self.ask()] += 1
            except OSError as why:
                self.answers[(str(why), None)] += 1

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


if __name__ == "__main__":
    main(CodeDeploy, "--notes")
