#!/usr/bin/env python3
"""ECS's own deployments of a service that really runs: stages, pauses, weights, ways back; asked by boto3.

    native.py --endpoint URL --notes FILE       FILE: what the sandbox writes for people; it names the listeners' ports
"""

import http.client
import json
import re
import urllib.request

from checks import Area, equal, holds, is_time, main, pace, refused, until

ROLE = "arn:aws:iam::111122223333:role/ecs"
FUNCTION = "arn:aws:lambda:eu-west-3:111122223333:function:check"
DETAILS = {"bluegreen": "bluegreen run 20260101t000000z-web-1a2b3c", "more": [1, 2.5, {"deep": True}]}
ENDED = {"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"}
INVALID = "InvalidParameterException"


def pause(*stages):
    return {
        "targetType": "PAUSE",
        "lifecycleStages": list(stages),
        "hookDetails": DETAILS,
        "timeoutConfiguration": {"timeoutInMinutes": 60, "action": "ROLLBACK"},
    }


def canary(percent, *hooks):
    return {
        "strategy": "CANARY",
        "canaryConfiguration": {"canaryPercent": percent, "canaryBakeTimeInMinutes": 0},
        "bakeTimeInMinutes": 0,
        "lifecycleHooks": list(hooks),
    }


class Native(Area):
    OPERATIONS = frozenset(
        "cloudwatch:PutMetricAlarm cloudwatch:SetAlarmState ecs:ContinueServiceDeployment ecs:CreateCluster"
        " ecs:CreateService ecs:DescribeServiceDeployments ecs:DescribeServiceRevisions ecs:DescribeServices"
        " ecs:ListServiceDeployments ecs:RegisterTaskDefinition ecs:StopServiceDeployment ecs:UpdateService"
        " elbv2:CreateListener elbv2:CreateLoadBalancer elbv2:CreateRule elbv2:CreateTargetGroup elbv2:DescribeRules"
        " elbv2:DescribeTargetHealth elbv2:ModifyTargetGroupAttributes".split()
    )

    def a_service_with_a_pair_of_groups(self):
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        self.groups = [self._group(color) for color in ("blue", "green")]
        nothing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        self.listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[nothing]
        )["Listeners"][0]["ListenerArn"]
        header = {"HttpHeaderName": "X-Test", "Values": ["1"]}
        self.test = self._rule(10, {"Field": "http-header", "HttpHeaderConfig": header}, (1, 0))
        self.production = self._rule(20, {"Field": "path-pattern", "Values": ["/*"]}, (100, 0))
        self.ecs.create_cluster(clusterName="shop")
        for version in ("v1", "v2", "v3"):
            self._register(version)
        self._register("v4", HEALTHY="false")
        advanced = {
            "alternateTargetGroupArn": self.groups[1],
            "productionListenerRule": self.production,
            "testListenerRule": self.test,
            "roleArn": ROLE,
        }
        self.balancers = [
            {
                "targetGroupArn": self.groups[0],
                "containerName": "web",
                "containerPort": 8080,
                "advancedConfiguration": advanced,
            }
        ]
        self.ecs.create_service(
            cluster="shop", serviceName="web", taskDefinition="web:1", desiredCount=2, launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}}, loadBalancers=self.balancers,
            deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0},
        )  # fmt: skip
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig=pace(400))
        self.address = until("the listener's port", self._bound, bool)
        until("v1 answers", self._versions, lambda seen: seen == {"v1"})
        service = self._service()
        holds({"loadBalancers": self.balancers, "deploymentController": {"type": "ECS"}}, service)
        # The waiter looks at counts: the deployment itself may still be under way.
        first = self._ended(service["currentServiceDeployment"])
        holds({"status": "SUCCESSFUL", "sourceServiceRevisions": []}, first)
        for name in ("createdAt", "startedAt", "finishedAt", "updatedAt"):
            is_time(first[name], name)

    def a_canary_waits_before_each_step_and_loses_no_request(self):
        hooks = [pause("PRE_PRODUCTION_TRAFFIC_SHIFT"), pause("POST_PRODUCTION_TRAFFIC_SHIFT")]
        self.first = self._deploy(2, canary(50.0, *hooks))
        for weights, versions in (((100, 0), {"v1"}), ((50, 50), {"v1", "v2"}), ((0, 100), {"v2"})):
            seen = self._paused()
            equal(self._weights(), weights)
            until(f"{versions} answer", self._versions, lambda found, wanted=versions: found == wanted)
            equal(self._versions({"X-Test": "1"}), {"v2"}, "the test rule leads to the new tasks")
            source, target = seen["sourceServiceRevisions"][0], seen["targetServiceRevision"]
            told = (source["requestedProductionTrafficWeight"], target["requestedProductionTrafficWeight"])
            equal(told, tuple(float(weight) for weight in weights))
            holds({"requestedTaskCount": 2, "runningTaskCount": 2, "pendingTaskCount": 0}, target)
            waiting = self._waiting(seen)
            holds({"targetType": "PAUSE", "timeoutAction": "ROLLBACK"}, waiting)
            assert waiting["expiresAt"] > seen["createdAt"], "an hour from when it began"
            equal(seen["deploymentConfiguration"]["lifecycleHooks"], hooks, "hooks with their details")
            asked = {"serviceDeploymentArn": self.first, "hookId": waiting["hookId"], "action": "CONTINUE"}
            equal(self.ecs.continue_service_deployment(**asked)["serviceDeploymentArn"], self.first)
        ended = self._ended(self.first)
        holds({"status": "SUCCESSFUL", "lifecycleStage": "CLEAN_UP"}, ended)
        equal(self._versions(), {"v2"})
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig=pace(400))
        rows = self.elb.describe_target_health(TargetGroupArn=self.groups[1])["TargetHealthDescriptions"]
        equal([row["TargetHealth"]["State"] for row in rows], ["healthy", "healthy"])
        equal(self._service()["loadBalancers"], self.balancers, "what was declared stays")

    def its_revisions_tell_their_groups(self):
        seen = self._described(self.first)
        arns = [seen["sourceServiceRevisions"][0]["arn"], seen["targetServiceRevision"]["arn"]]
        answer = self.ecs.describe_service_revisions(serviceRevisionArns=arns)
        equal(answer["failures"], [])
        for revision, group, version in zip(answer["serviceRevisions"], self.groups, (1, 2)):
            assert revision["taskDefinition"].endswith(f"web:{version}"), revision
            resolved = [{"targetGroupArn": group, "productionListenerRule": self.production}]
            equal(revision["resolvedConfiguration"]["loadBalancers"], resolved)
            is_time(revision["createdAt"], "createdAt")

    def a_stop_brings_the_old_version_back(self):
        name = self._deploy(3, canary(50.0, pause("POST_PRODUCTION_TRAFFIC_SHIFT")))
        self._paused()
        until("v3 answers", self._versions, lambda seen: seen == {"v3"})
        answer = self.ecs.stop_service_deployment(serviceDeploymentArn=name, stopType="ROLLBACK")
        equal(answer["serviceDeploymentArn"], name)
        ended = self._ended(name)
        holds({"status": "ROLLBACK_SUCCESSFUL"}, ended)
        equal(ended["rollback"]["serviceRevisionArn"], ended["sourceServiceRevisions"][0]["arn"])
        is_time(ended["rollback"]["startedAt"], "startedAt")
        equal((self._weights(), self._versions()), ((0, 100), {"v2"}))
        service = self._service()
        assert service["taskDefinition"].endswith("web:2"), service["taskDefinition"]
        refused("ConflictException", self.ecs.stop_service_deployment, serviceDeploymentArn=name)

    def an_answer_can_be_to_go_back(self):
        name = self._deploy(3, canary(50.0, pause("PRE_PRODUCTION_TRAFFIC_SHIFT")))
        waiting = self._waiting(self._paused())
        asked = {"serviceDeploymentArn": name, "hookId": waiting["hookId"]}
        self.ecs.continue_service_deployment(**asked, action="ROLLBACK")
        holds({"status": "ROLLBACK_SUCCESSFUL"}, self._ended(name))
        refused(["ConflictException", INVALID], self.ecs.continue_service_deployment, **asked)

    def an_alarm_that_turns_takes_it_back(self):
        self.cloudwatch.put_metric_alarm(
            AlarmName="errors", Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=86400, Threshold=1.0,
            EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
        for before, taken in (("OK", True), ("ALARM", False)):
            self._set(before)
            hook = pause("POST_PRODUCTION_TRAFFIC_SHIFT")
            name = self._deploy(3, {**canary(50.0, hook), "alarms": alarms})
            waiting = self._waiting(self._paused())
            self._set("OK")
            self._set("ALARM")
            if not taken:
                self.ecs.continue_service_deployment(serviceDeploymentArn=name, hookId=waiting["hookId"])
            ended = self._ended(name)
            status, triggered = ("ROLLBACK_SUCCESSFUL", ["errors"]) if taken else ("SUCCESSFUL", [])
            holds({"status": status}, ended, f"an alarm that was {before} at the start")
            holds({"triggeredAlarmNames": triggered, "alarmNames": ["errors"]}, ended["alarms"])
        equal(self._versions(), {"v3"})

    def tasks_that_are_never_healthy_trip_the_breaker(self):
        breaker = {
            "enable": True,
            "rollback": True,
            "thresholdConfiguration": {"type": "COUNT", "value": 3},
        }
        off = {"alarmNames": [], "enable": False, "rollback": False}
        configuration = {**canary(50.0), "deploymentCircuitBreaker": breaker, "alarms": off}
        ended = self._ended(self._deploy(4, configuration))
        holds({"status": "ROLLBACK_SUCCESSFUL"}, ended)
        holds({"status": "TRIGGERED", "threshold": 3}, ended["deploymentCircuitBreaker"])
        equal(self._versions(), {"v3"})

    def functions_decide_by_commands_that_really_run(self):
        hook = {"hookTargetArn": FUNCTION, "roleArn": ROLE, "lifecycleStages": ["PRE_SCALE_UP", "POST_SCALE_UP"]}
        for command, statuses in ((None, ["FAILED"]), ("false", ["FAILED"]), ("true", ["SUCCEEDED", "SUCCEEDED"])):
            if command:
                self._stand_in("check", command)
            configuration = canary(50.0, hook, pause("PRE_PRODUCTION_TRAFFIC_SHIFT"))
            name = self._deploy(2, configuration)
            if command == "true":
                self._paused()
                self.ecs.stop_service_deployment(serviceDeploymentArn=name)
            ended = self._ended(name)
            equal(ended["status"], "ROLLBACK_SUCCESSFUL")
            ran = [one for one in ended["lifecycleHookDetails"] if one["targetType"] == "AWS_LAMBDA"]
            equal([one["status"] for one in ran], statuses, f"the function is {command}")
            equal({one["targetArn"] for one in ran}, {FUNCTION})

    def rules_must_lead_to_both_groups(self):
        lone = dict(self.balancers[0], advancedConfiguration=dict(self.balancers[0]["advancedConfiguration"]))
        lone["advancedConfiguration"]["alternateTargetGroupArn"] = self._group("lone")
        name = self._deploy(2, canary(50.0), loadBalancers=[lone])
        ended = self._ended(name)
        equal(ended["status"], "ROLLBACK_SUCCESSFUL")
        assert "Both targetGroup and alternateTargetGroup must be associated" in ended["statusReason"], ended
        equal(self._versions(), {"v3"})
        self._deploy(3, canary(50.0), loadBalancers=self.balancers)
        self._ended(self._service()["currentServiceDeployment"])

    def a_rolling_deployment_is_listed_too(self):
        name = self._deploy(2, {"strategy": "ROLLING"})
        ended = self._ended(name)
        holds({"status": "SUCCESSFUL"}, ended)
        assert "lifecycleStage" not in ended, ended
        until("v2 answers", self._versions, lambda seen: seen == {"v2"})

    def lists_are_filtered_and_paged(self):
        named = {"cluster": "shop", "service": "web"}
        every = self._listed(**named)
        assert len(every) >= 9, every
        equal(self._listed(**named, maxResults=1), every, "one a page")
        back = self._listed(**named, status=["ROLLBACK_SUCCESSFUL"])
        equal({brief["status"] for brief in back}, {"ROLLBACK_SUCCESSFUL"})
        equal([brief for brief in every if brief["status"] == "ROLLBACK_SUCCESSFUL"], back)
        made = [brief["createdAt"] for brief in every]
        equal(made, sorted(made, reverse=True), "newest first")
        # botocore sends whole seconds.
        middle = made[4].replace(microsecond=0)
        newer = [brief for brief in every if brief["createdAt"] > middle]
        equal(self._listed(**named, createdAt={"after": middle}), newer)
        equal(self._listed(**named, createdAt={"before": middle}), every[len(newer) :])

    def what_is_not_there_or_does_not_fit_is_refused(self):
        absent = self.first.rsplit("/", 1)[0] + "/none"
        refused("ServiceDeploymentNotFoundException", self.ecs.stop_service_deployment, serviceDeploymentArn=absent)
        refused(
            "ServiceDeploymentNotFoundException", self.ecs.continue_service_deployment,
            serviceDeploymentArn=absent, hookId="none",
        )  # fmt: skip
        refused("ServiceNotFoundException", self.ecs.list_service_deployments, cluster="shop", service="none")
        refused("ClusterNotFoundException", self.ecs.list_service_deployments, cluster="none", service="web")
        missing = self.ecs.describe_service_deployments(serviceDeploymentArns=[absent])
        equal(missing["failures"], [{"arn": absent, "reason": "MISSING"}])
        for configuration in (
            {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.9}},
            {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 5.05}},
            canary(5.0, {"lifecycleStages": ["PRE_SCALE_UP"]}),
            canary(5.0, pause("PRODUCTION_TRAFFIC_SHIFT")),
            canary(5.0, pause("SCALE_UP")),
        ):
            self._refuse(deploymentConfiguration=configuration)
        self._refuse(loadBalancers=[dict(self.balancers[0], advancedConfiguration={"roleArn": ROLE})])

    # --- small helpers --------------------------------------------------------------------------------------------

    def _refuse(self, **change):
        # What the service says about itself may still come in.
        known = lambda: {name: value for name, value in self._service().items() if name != "events"}  # noqa: E731
        before = known()
        refused(INVALID, self.unchecked("ecs").update_service, cluster="shop", service="web", **change)
        equal(known(), before, "what is refused changes nothing")

    def _group(self, color):
        arn = self.elb.create_target_group(
            Name=color, Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/healthz",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
        return arn

    def _rule(self, priority, condition, weights):
        pair = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(self.groups, weights)]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": pair}}
        made = self.elb.create_rule(
            ListenerArn=self.listener, Priority=priority, Conditions=[condition], Actions=[action]
        )
        return made["Rules"][0]["RuleArn"]

    def _register(self, version, **environment):
        environment = {"VERSION": version, **environment}
        container = {
            "name": "web",
            "image": "sandbox/demo",
            "environment": [{"name": name, "value": value} for name, value in environment.items()],
            "portMappings": [{"containerPort": 8080}],
        }
        self.ecs.register_task_definition(
            family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[container],
        )  # fmt: skip

    def _deploy(self, revision, configuration, **more):
        self.ecs.update_service(
            cluster="shop", service="web", taskDefinition=f"web:{revision}", forceNewDeployment=True,
            deploymentConfiguration=configuration, **more,
        )  # fmt: skip
        self.name = self._service()["currentServiceDeployment"]
        return self.name

    def _service(self):
        return self.ecs.describe_services(cluster="shop", services=["web"])["services"][0]

    def _described(self, name):
        answer = self.ecs.describe_service_deployments(serviceDeploymentArns=[name])
        equal(answer["failures"], [])
        return answer["serviceDeployments"][0]

    def _listed(self, **asked):
        found, token = [], None
        while True:
            page = self.ecs.list_service_deployments(**asked, **({"nextToken": token} if token else {}))
            found += page["serviceDeployments"]
            token = page.get("nextToken")
            if token is None:
                return found

    @staticmethod
    def _waiting(seen):
        hooks = seen.get("lifecycleHookDetails", [])
        return next((hook for hook in hooks if hook["status"] == "AWAITING_ACTION"), None)

    def _paused(self):
        return until(f"{self.name} pauses", self._look, lambda seen: self._waiting(seen), 60.0)

    def _ended(self, name):
        self.name = name
        return until(f"{name} ends", self._look, lambda seen: seen["status"] in ENDED, 90.0)

    def _look(self):
        """A look at the deployment, and at what clients see meanwhile: every request is answered well."""
        status = self._get()[0]
        assert status == 200, f"a request was answered {status}"
        return self._described(self.name)

    def _weights(self):
        rule = self.elb.describe_rules(RuleArns=[self.production])["Rules"][0]
        weights = {one["TargetGroupArn"]: one["Weight"] for one in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]}
        return tuple(weights[group] for group in self.groups)

    def _stand_in(self, function, command):
        """Says what stands for a function; AWS has no such call."""
        body = json.dumps({"function": function, "command": command}).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/hooks", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            equal(answer.status, 200)

    def _set(self, state):
        self.cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="a check")

    def _bound(self):
        with open(self.options["notes"], encoding="utf-8") as notes:
            found = re.findall(r"listening on http://(\S+) for (\S+)", notes.read())
        return {arn: address for address, arn in found}.get(self.listener)

    def _get(self, headers=None):
        """One request on a connection of its own: status, version, task."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request("GET", "/", headers=headers or {})
            answer = connection.getresponse()
            body = answer.read()
            said = json.loads(body) if answer.status == 200 else {}
            return answer.status, said.get("version"), said.get("task")
        finally:
            connection.close()

    def _versions(self, headers=None):
        return {self._get(headers)[1] for _ in range(30)}


if __name__ == "__main__":
    main(Native, "--notes")
