#!/usr/bin/env python3
"""Clusters, task definitions, services of every controller, task sets and tasks: boto3 makes and reads them back."""

from checks import Area, equal, holds, is_time, main, pace, refused, until

DEMO = {
    "family": "web",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    "volumes": [{"name": "scratch", "host": {}}],
    "containerDefinitions": [
        {
            "name": "web",
            "image": "sandbox/demo",
            "essential": True,
            "cpu": 128,
            "memoryReservation": 256,
            "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
            "environment": [{"name": "VERSION", "value": "v1"}, {"name": "EMPTY", "value": ""}],
            "dockerLabels": {"com.example.label": "kept"},
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/shop"}},
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/tmp", "readOnly": False}],
        }
    ],
}
TAGS = [{"key": "team", "value": "shop"}, {"key": "bluegreen:run", "value": "01TEST"}]
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}}


class Fleets(Area):
    OPERATIONS = frozenset(
        [
            f"ecs:{name}"
            for name in (
                "CreateCluster CreateService CreateTaskSet DeleteCluster DeleteService DeleteTaskSet"
                " DeregisterTaskDefinition DescribeClusters DescribeServices DescribeTaskDefinition DescribeTaskSets"
                " DescribeTasks ListClusters ListServices ListTagsForResource ListTaskDefinitionFamilies"
                " ListTaskDefinitions ListTasks RegisterTaskDefinition StopTask TagResource UntagResource UpdateService"
                " UpdateServicePrimaryTaskSet UpdateTaskSet"
            ).split()
        ]
        + ["elbv2:CreateTargetGroup", "elbv2:CreateLoadBalancer", "elbv2:CreateListener"]
        + ["elbv2:ModifyTargetGroupAttributes"]
    )

    def clusters(self):
        for name in ("shop", "other"):
            made = self.ecs.create_cluster(clusterName=name, tags=TAGS[:1])["cluster"]
            holds({"clusterName": name, "status": "ACTIVE", "runningTasksCount": 0}, made)
            assert made["clusterArn"].endswith(f":cluster/{name}"), made
        again = self.ecs.create_cluster(clusterName="shop")["cluster"]
        arns = self.pages(self.ecs, "list_clusters", "clusterArns")
        equal(sorted(arn.split("/")[-1] for arn in arns), ["other", "shop"])
        self.cluster = again["clusterArn"]
        assert self.cluster in arns, (self.cluster, arns)
        answer = self.ecs.describe_clusters(clusters=["shop", self.cluster.replace("shop", "other"), "absent"])
        equal(sorted(one["clusterName"] for one in answer["clusters"]), ["other", "shop"])
        equal([one["reason"] for one in answer["failures"]], ["MISSING"])

    def task_definitions_come_back_whole(self):
        made = self.ecs.register_task_definition(**DEMO, tags=TAGS)
        definition = made["taskDefinition"]
        assert definition["taskDefinitionArn"].endswith(":task-definition/web:1"), definition["taskDefinitionArn"]
        holds({"family": "web", "revision": 1, "status": "ACTIVE"}, definition)
        equal(_sorted(made["tags"]), _sorted(TAGS))
        self._is_whole(definition)
        described = self.ecs.describe_task_definition(taskDefinition="web:1", include=["TAGS"])
        self._is_whole(described["taskDefinition"])
        is_time(described["taskDefinition"]["registeredAt"], "registeredAt")
        assert "FARGATE" in described["taskDefinition"]["compatibilities"], described["taskDefinition"]
        equal(_sorted(described["tags"]), _sorted(TAGS))
        assert "tags" not in self.ecs.describe_task_definition(taskDefinition="web:1"), "tags come when asked for"

    def revisions_are_counted_and_listed(self):
        for _ in range(2):
            self.ecs.register_task_definition(**DEMO)
        self.ecs.register_task_definition(**{**DEMO, "family": "web-worker"})
        newest = self.ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]
        equal(newest["revision"], 3, "a family alone is its newest revision")
        by_arn = self.ecs.describe_task_definition(taskDefinition=newest["taskDefinitionArn"])["taskDefinition"]
        equal(by_arn, newest)
        up = self.pages(self.ecs, "list_task_definitions", "taskDefinitionArns", familyPrefix="web")
        equal([arn.split("/")[-1] for arn in up], ["web:1", "web:2", "web:3"], "the family, and no longer name")
        down = self.pages(self.ecs, "list_task_definitions", "taskDefinitionArns", familyPrefix="web", sort="DESC")
        equal(down, up[::-1])
        families = self.pages(self.ecs, "list_task_definition_families", "families")
        equal(families, ["web", "web-worker"])
        gone = self.ecs.deregister_task_definition(taskDefinition="web:2")["taskDefinition"]
        equal(gone["status"], "INACTIVE")
        active = self.pages(
            self.ecs, "list_task_definitions", "taskDefinitionArns", familyPrefix="web", status="ACTIVE"
        )
        equal([arn.split(":")[-1] for arn in active], ["1", "3"])
        still = self.ecs.describe_task_definition(taskDefinition="web:2")["taskDefinition"]
        equal(still["status"], "INACTIVE", "an inactive revision is still described")

    def a_service_with_everything_set(self):
        self.blue, self.green = (self._group(name) for name in ("blue", "green"))
        self._attach(self.blue, self.green)
        asked = {
            "taskDefinition": "web:1",
            "desiredCount": 2,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "networkConfiguration": NETWORK,
            "deploymentController": {"type": "ECS"},
            "healthCheckGracePeriodSeconds": 3,
            "enableECSManagedTags": True,
            "propagateTags": "SERVICE",
        }
        deployment = {
            "maximumPercent": 200,
            "minimumHealthyPercent": 50,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "alarms": {"alarmNames": ["web-5xx"], "enable": True, "rollback": True},
        }
        made = self.ecs.create_service(
            cluster="shop",
            serviceName="web",
            deploymentConfiguration=deployment,
            loadBalancers=[self._balancer(self.blue)],
            tags=TAGS,
            **asked,
        )["service"]
        arn = self._definition(1)
        wanted = {**asked, "taskDefinition": arn, "serviceName": "web", "clusterArn": self.cluster, "status": "ACTIVE"}
        wanted["loadBalancers"] = [self._balancer(self.blue)]
        wanted["schedulingStrategy"] = "REPLICA"
        holds(wanted, made, "create_service's answer")
        described = self._service("web")
        holds(wanted, described, "describe_services")
        holds(deployment, described["deploymentConfiguration"], "the deployment configuration")
        is_time(described["createdAt"], "createdAt")
        assert "tags" not in described or described["tags"] == [], "tags come when asked for"
        full = self.ecs.describe_services(cluster="shop", services=["web"], include=["TAGS"])["services"][0]
        equal(_sorted(full["tags"]), _sorted(TAGS))
        holds({"status": "PRIMARY", "taskDefinition": arn, "desiredCount": 2}, described["deployments"][0])

    def services_stable_and_their_tasks(self):
        waiter = self.ecs.get_waiter("services_stable")
        waiter.wait(cluster="shop", services=["web"], WaiterConfig=pace())
        service = self._service("web")
        holds({"runningCount": 2, "pendingCount": 0, "desiredCount": 2}, service)
        done = until("the rollout's end", lambda: self._service("web"), lambda it: _states(it) == ["COMPLETED"])
        holds({"runningCount": 2, "failedTasks": 0, "launchType": "FARGATE"}, done["deployments"][0])
        assert service["events"] and service["events"][0]["message"], "a service tells what happened"
        arns = self.pages(self.ecs, "list_tasks", "taskArns", cluster="shop", serviceName="web")
        equal(len(arns), 2)
        tasks = self.ecs.describe_tasks(cluster="shop", tasks=[*arns, arns[0][:-4] + "0000"])
        equal([one["reason"] for one in tasks["failures"]], ["MISSING"])
        for task in tasks["tasks"]:
            wanted = {"lastStatus": "RUNNING", "desiredStatus": "RUNNING", "taskDefinitionArn": self._definition(1)}
            holds({**wanted, "clusterArn": self.cluster, "group": "service:web", "launchType": "FARGATE"}, task)
            equal([(one["name"], one["lastStatus"]) for one in task["containers"]], [("web", "RUNNING")])
            is_time(task["startedAt"], "startedAt")
        self.ecs.get_waiter("tasks_running").wait(cluster="shop", tasks=arns, WaiterConfig=pace())

    def a_stopped_task_is_replaced(self):
        before = self._arns()
        self.ecs.stop_task(cluster="shop", task=before[0], reason="a test")
        self.ecs.get_waiter("tasks_stopped").wait(cluster="shop", tasks=before[:1], WaiterConfig=pace())
        stopped = self.ecs.describe_tasks(cluster="shop", tasks=before[:1])["tasks"][0]
        equal(stopped["lastStatus"], "STOPPED")
        assert "a test" in stopped["stoppedReason"], stopped
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig=pace())
        after = self._arns()
        assert len(after) == 2 and before[0] not in after and before[1] in after, (before, after)

    def a_new_revision_rolls_out(self):
        changed = self.ecs.update_service(cluster="shop", service="web", taskDefinition="web:3")["service"]
        equal(changed["taskDefinition"], self._definition(3))
        equal([one["status"] for one in changed["deployments"]], ["PRIMARY", "ACTIVE"], "the new one leads")
        holds({"taskDefinition": self._definition(3), "rolloutState": "IN_PROGRESS"}, changed["deployments"][0])
        holds({"taskDefinition": self._definition(1)}, changed["deployments"][1])
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig=pace())
        after = self._service("web")
        equal([one["taskDefinition"] for one in after["deployments"]], [self._definition(3)])
        arns = self._arns()
        tasks = self.ecs.describe_tasks(cluster="shop", tasks=arns)["tasks"]
        equal({task["taskDefinitionArn"] for task in tasks}, {self._definition(3)})

    def only_the_count_changes_without_a_rollout(self):
        before = self._service("web")["deployments"][0]["id"]
        self.ecs.update_service(cluster="shop", service="web", desiredCount=1)
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig=pace())
        after = self._service("web")
        equal([one["id"] for one in after["deployments"]], [before], "a count is no new deployment")
        holds({"desiredCount": 1, "runningCount": 1, "taskDefinition": self._definition(3)}, after)
        self.ecs.update_service(cluster="shop", service="web", forceNewDeployment=True)
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig=pace())
        forced = self._service("web")["deployments"]
        assert len(forced) == 1 and forced[0]["id"] != before, "a forced deployment is a new one"

    def services_in_pages_and_missing_ones(self):
        for i in range(3):
            self._plain(f"empty-{i}")
        arns = self.pages(self.ecs, "list_services", "serviceArns", cluster="shop")
        names = [f"empty-{i}" for i in range(3)]
        equal(sorted(arn.split("/")[-1] for arn in arns), [*names, "web"])
        answer = self.ecs.describe_services(cluster="shop", services=["web", "absent", arns[0]])
        holds({"reason": "MISSING"}, answer["failures"][0])
        assert answer["failures"][0]["arn"].endswith("/absent"), answer["failures"]
        equal(len(answer["services"]), 2)
        equal(self.pages(self.ecs, "list_services", "serviceArns", cluster="other"), [])

    def a_service_of_code_deploy(self):
        made = self.ecs.create_service(
            cluster="shop", serviceName="deployed", taskDefinition="web:1", desiredCount=1, launchType="FARGATE",
            networkConfiguration=NETWORK, deploymentController={"type": "CODE_DEPLOY"},
            loadBalancers=[self._balancer(self.green)],
        )["service"]  # fmt: skip
        equal(made["deploymentController"], {"type": "CODE_DEPLOY"})
        wanted = lambda it: it.get("runningCount") == 1  # noqa: E731
        seen = until("its task", lambda: self._service("deployed"), wanted)
        equal(seen["deployments"], [], "it has task sets, and no deployments")
        equal([one["status"] for one in seen["taskSets"]], ["PRIMARY"])
        equal(seen["taskSets"][0]["taskDefinition"], self._definition(1))
        changed = self.ecs.update_service(cluster="shop", service="deployed", desiredCount=0)["service"]
        equal(changed["desiredCount"], 0, "its count may be changed")

    def task_sets_of_an_external_controller(self):
        made = self.ecs.create_service(
            cluster="shop", serviceName="external", desiredCount=3, deploymentController={"type": "EXTERNAL"}
        )["service"]
        equal(made["deploymentController"], {"type": "EXTERNAL"})
        equal(made.get("taskSets", []), [])
        first = self._task_set("web:1", 100, externalId="one")
        holds({"status": "ACTIVE", "externalId": "one", "taskDefinition": self._definition(1)}, first)
        equal((first["scale"], first["computedDesiredCount"]), ({"value": 100.0, "unit": "PERCENT"}, 3))
        answer = self.ecs.update_service_primary_task_set(
            cluster="shop", service="external", primaryTaskSet=first["taskSetArn"]
        )["taskSet"]
        equal(answer["status"], "PRIMARY")
        second = self._task_set("web:3", 50)
        equal(second["computedDesiredCount"], 2, "half of three tasks is two")
        wide = self.ecs.update_task_set(
            cluster="shop", service="external", taskSet=second["id"], scale={"value": 100, "unit": "PERCENT"}
        )["taskSet"]
        equal(wide["computedDesiredCount"], 3)
        steady = lambda sets: all(one["stabilityStatus"] == "STEADY_STATE" for one in sets)  # noqa: E731
        sets = until("both steady", self._task_sets, steady)
        equal([(one["runningCount"], one["pendingCount"]) for one in sets], [(3, 0), (3, 0)])
        one = self.ecs.describe_task_sets(cluster="shop", service="external", taskSets=[second["taskSetArn"]])
        equal([it["id"] for it in one["taskSets"]], [second["id"]])
        self.ecs.update_service_primary_task_set(cluster="shop", service="external", primaryTaskSet=second["id"])
        status = {it["id"]: it["status"] for it in self._task_sets()}
        equal(status, {first["id"]: "ACTIVE", second["id"]: "PRIMARY"})
        equal(self._service("external")["taskDefinition"], self._definition(3), "the primary's is the service's")
        self.ecs.delete_task_set(cluster="shop", service="external", taskSet=first["id"], force=True)
        until("one left", self._task_sets, lambda sets: [it["id"] for it in sets] == [second["id"]])

    def tags(self):
        arn = self._service("web")["serviceArn"]
        self.ecs.tag_resource(resourceArn=arn, tags=[{"key": "more", "value": "x"}, {"key": "team", "value": "other"}])
        equal(self._tags(arn), {"team": "other", "bluegreen:run": "01TEST", "more": "x"})
        self.ecs.untag_resource(resourceArn=arn, tagKeys=["more", "never-there"])
        equal(self._tags(arn), {"team": "other", "bluegreen:run": "01TEST"})
        equal(self._tags(self.cluster), {"team": "shop"})
        equal(self._tags(self._definition(1)), {"team": "shop", "bluegreen:run": "01TEST"})

    def services_are_deleted(self):
        refused("InvalidParameterException", self.ecs.delete_service, cluster="shop", service="web", says="scale")
        self.ecs.update_service(cluster="shop", service="web", desiredCount=0)
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig=pace())
        self.ecs.delete_service(cluster="shop", service="web")
        for name in ("external", "deployed", *(f"empty-{i}" for i in range(3))):
            self.ecs.delete_service(cluster="shop", service=name, force=True)
        for name in ("web", "external"):
            self.ecs.get_waiter("services_inactive").wait(cluster="shop", services=[name], WaiterConfig=pace())
        equal(self._service("web")["status"], "INACTIVE", "a deleted service is still described for a while")
        equal(self.pages(self.ecs, "list_services", "serviceArns", cluster="shop"), [])
        until("no tasks", lambda: self.ecs.list_tasks(cluster="shop")["taskArns"], lambda arns: arns == [])
        for name in ("shop", "other"):
            equal(self.ecs.delete_cluster(cluster=name)["cluster"]["status"], "INACTIVE")
        equal(self.pages(self.ecs, "list_clusters", "clusterArns"), [])

    # --- small helpers --------------------------------------------------------------------------------------------

    def _is_whole(self, definition):
        """Everything that was registered is there as it was, with what AWS adds beside it."""
        asked = {key: value for key, value in DEMO.items() if key != "containerDefinitions"}
        holds(asked, definition)
        holds(DEMO["containerDefinitions"][0], definition["containerDefinitions"][0], "the container")
        equal(len(definition["containerDefinitions"]), 1)

    def _definition(self, revision):
        return self.cluster.replace(":cluster/shop", f":task-definition/web:{revision}")

    def _service(self, name):
        return self.ecs.describe_services(cluster="shop", services=[name])["services"][0]

    def _group(self, name):
        made = self.elb.create_target_group(
            Name=name, Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/healthz",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
        )  # fmt: skip
        arn = made["TargetGroups"][0]["TargetGroupArn"]
        # A task that is stopped waits for so long before its processes are.
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
        return arn

    def _attach(self, *groups):
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        pair = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": 1} for arn in groups]}
        self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[{"Type": "forward", "ForwardConfig": pair}],
        )  # fmt: skip

    @staticmethod
    def _balancer(group):
        return {"targetGroupArn": group, "containerName": "web", "containerPort": 8080}

    def _plain(self, name):
        self.ecs.create_service(
            cluster="shop", serviceName=name, taskDefinition="web", desiredCount=0, launchType="FARGATE",
            networkConfiguration=NETWORK,
        )  # fmt: skip

    def _task_set(self, definition, percent, **more):
        return self.ecs.create_task_set(
            cluster="shop", service="external", taskDefinition=definition, launchType="FARGATE",
            networkConfiguration=NETWORK, scale={"value": percent, "unit": "PERCENT"}, **more,
        )["taskSet"]  # fmt: skip

    def _task_sets(self):
        return self.ecs.describe_task_sets(cluster="shop", service="external")["taskSets"]

    def _arns(self):
        return self.every(self.ecs, "list_tasks", "taskArns", cluster="shop", serviceName="web")

    def _tags(self, arn):
        tags = self.ecs.list_tags_for_resource(resourceArn=arn)["tags"]
        return {tag["key"]: tag["value"] for tag in tags}


def _sorted(tags):
    return sorted(tags, key=lambda tag: tag["key"])


def _states(service):
    return [deployment.get("rolloutState") for deployment in service["deployments"]]


if __name__ == "__main__":
    main(Fleets)
