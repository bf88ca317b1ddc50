#!/usr/bin/env python3
"""What ECS refuses: the error's code, and that nothing has changed by the try."""

from checks import ABSENT, Area, equal, main, refused, until

CONTAINER = {"name": "web", "image": "sandbox/demo", "essential": True, "portMappings": [{"containerPort": 8080}]}
DEMO = {
    "family": "web",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [CONTAINER],
}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
CANARY = {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.05, "canaryBakeTimeInMinutes": 1}}
INVALID = "InvalidParameterException"


class RefusalsOfFleets(Area):
    INDEPENDENT = True
    OPERATIONS = frozenset(
        name if ":" in name else f"ecs:{name}"
        for name in (
            "elbv2:CreateTargetGroup elbv2:CreateLoadBalancer elbv2:CreateListener"
            " CreateCluster CreateService CreateTaskSet DeleteCluster DeleteService DeleteTaskSet"
            " DescribeServices DescribeTaskDefinition DescribeTaskSets ListServices ListTaskDefinitions ListTasks"
            " RegisterTaskDefinition TagResource UpdateService UpdateServicePrimaryTaskSet UpdateTaskSet"
        ).split()
    )

    def a_world(self):
        self.ecs = self.unchecked("ecs")
        self.ecs.create_cluster(clusterName="shop")
        self.ecs.register_task_definition(**DEMO)
        self._service("web", desiredCount=0)
        self._deployed()
        self.ecs.create_service(
            cluster="shop", serviceName="external", desiredCount=0, deploymentController={"type": "EXTERNAL"}
        )
        made = self.ecs.create_task_set(
            cluster="shop", service="external", taskDefinition="web:1", launchType="FARGATE",
            networkConfiguration=NETWORK, scale={"value": 100, "unit": "PERCENT"},
        )["taskSet"]  # fmt: skip
        self.task_set = made["id"]
        self.ecs.update_service_primary_task_set(cluster="shop", service="external", primaryTaskSet=self.task_set)
        done = lambda it: it["deployments"][0].get("rolloutState") == "COMPLETED"  # noqa: E731
        until("the rollout of nothing", lambda: self._described("web"), done)
        steady = lambda it: it["stabilityStatus"] == "STEADY_STATE"  # noqa: E731
        until("the task set", lambda: self._described("external")["taskSets"][0], steady)

    # --- what other emulators let through ---------------------------------------------------------------------------

    def a_canary_of_a_twentieth_of_a_percent(self):
        self._refuse(INVALID, self._service, name="canary", desiredCount=0, deploymentConfiguration=CANARY)

    def a_strategy_that_is_none(self):
        bogus = {"strategy": "BOGUS"}
        self._refuse(INVALID, self._service, name="bogus", desiredCount=0, deploymentConfiguration=bogus)

    def a_task_definition_under_code_deploy(self):
        self._refuse(INVALID, self._update, service="deployed", taskDefinition="web:1")
        self._refuse(INVALID, self._update, service="deployed", forceNewDeployment=True)

    def the_primary_task_set_is_not_deleted(self):
        self._refuse(
            INVALID, self.ecs.delete_task_set, cluster="shop", service="external", taskSet=self.task_set
        )

    def a_service_to_update_that_is_not_there(self):
        self._refuse("ServiceNotFoundException", self._update, service="absent", desiredCount=1)

    def a_cluster_that_is_not_there(self):
        self._refuse("ClusterNotFoundException", self.ecs.describe_services, cluster="absent", services=["web"])
        self._refuse("ClusterNotFoundException", self.ecs.list_services, cluster="absent")
        self._refuse("ClusterNotFoundException", self.ecs.update_service, cluster="absent", service="web")

    def a_task_definition_that_is_not_there(self):
        for name in ("absent", "web:99"):
            self._refuse("ClientException", self._service, name="new", taskDefinition=name, desiredCount=0)
        self._refuse("ClientException", self._update, service="web", taskDefinition="web:99")
        self._refuse(
            "ClientException", self.ecs.describe_task_definition, taskDefinition="web:99",
            says="Unable to describe task definition",
        )  # fmt: skip

    def a_service_of_the_same_name(self):
        self._refuse(INVALID, self._service, name="web", desiredCount=3, says="idempotent")

    # --- more that an operator could get wrong --------------------------------------------------------------------

    def a_task_definition_under_an_external_controller(self):
        self._refuse(INVALID, self._update, service="external", taskDefinition="web:1")

    def task_sets_of_a_service_that_has_none(self):
        scale = {"value": 100, "unit": "PERCENT"}
        self._refuse((INVALID, "UnsupportedFeatureException"), self._task_set, service="web", scale=scale)

    def a_scale_of_101_percent(self):
        for value in (101, -1):
            scale = {"value": value, "unit": "PERCENT"}
            self._refuse(INVALID, self._task_set, service="external", scale=scale)
            asked = {"cluster": "shop", "service": "external", "taskSet": self.task_set, "scale": scale}
            self._refuse(INVALID, self.ecs.update_task_set, **asked)

    def a_task_set_that_is_not_there(self):
        self._refuse(
            "TaskSetNotFoundException", self.ecs.update_service_primary_task_set, cluster="shop", service="external",
            primaryTaskSet="ecs-svc/0000000000000000000",
        )  # fmt: skip

    def task_definitions_that_cannot_be(self):
        self._refuse("ClientException", self.ecs.register_task_definition, **{**DEMO, "containerDefinitions": []})
        self._refuse("ClientException", self.ecs.register_task_definition, **{**DEMO, "family": "no spaces"})
        self._refuse("ClientException", self.ecs.register_task_definition, **{**DEMO, "networkMode": "bridge"})
        without = {key: value for key, value in DEMO.items() if key != "memory"}
        self._refuse("ClientException", self.ecs.register_task_definition, **without)

    def counts_below_0(self):
        self._refuse(INVALID, self._update, service="web", desiredCount=-1)

    def a_target_group_that_is_not_there(self):
        group = f"{ABSENT}targetgroup/absent/0123456789abcdef"
        balancer = [{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}]
        self._refuse(INVALID, self._service, name="new", desiredCount=0, loadBalancers=balancer)

    def a_page_size_out_of_range(self):
        self._refuse(INVALID, self.ecs.list_services, cluster="shop", maxResults=101)
        self._refuse(INVALID, self.ecs.list_services, cluster="shop", nextToken="bogus")

    def more_services_than_may_be_described(self):
        self._refuse(INVALID, self.ecs.describe_services, cluster="shop", services=[f"s{i}" for i in range(11)])

    def tags_of_what_is_not_there(self):
        arn = self._described("web")["serviceArn"].replace("/web", "/absent")
        codes = ("ServiceNotFoundException", "ResourceNotFoundException", INVALID)
        self._refuse(codes, self.ecs.tag_resource, resourceArn=arn, tags=[{"key": "a", "value": "b"}])

    def what_is_in_use_is_not_deleted(self):
        self._refuse("ClusterContainsServicesException", self.ecs.delete_cluster, cluster="shop")
        self._refuse(INVALID, self.ecs.delete_service, cluster="shop", service="external")

    # --- small helpers --------------------------------------------------------------------------------------------

    def _refuse(self, code, call, says=None, **asked):
        before = self._everything()
        refused(code, call, says=says, **asked)
        equal(self._everything(), before, f"refused with {code}, and yet something changed")

    def _everything(self):
        services = self.ecs.list_services(cluster="shop")["serviceArns"]
        definitions = self.ecs.list_task_definitions()["taskDefinitionArns"]
        return [
            self.ecs.describe_services(cluster="shop", services=services, include=["TAGS"])["services"],
            [self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in definitions],
            self.ecs.describe_task_sets(cluster="shop", service="external")["taskSets"],
            self.ecs.list_tasks(cluster="shop")["taskArns"],
        ]

    def _described(self, name):
        return self.ecs.describe_services(cluster="shop", services=[name])["services"][0]

    def _service(self, name, taskDefinition="web:1", **more):
        self.ecs.create_service(
            cluster="shop", serviceName=name, taskDefinition=taskDefinition, launchType="FARGATE",
            networkConfiguration=NETWORK, **more,
        )  # fmt: skip

    def _deployed(self):
        group = self.elb.create_target_group(Name="blue", Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip")
        arn = group["TargetGroups"][0]["TargetGroupArn"]
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
        )  # fmt: skip
        self._service(
            "deployed", desiredCount=0, deploymentController={"type": "CODE_DEPLOY"},
            loadBalancers=[{"targetGroupArn": arn, "containerName": "web", "containerPort": 8080}],
        )  # fmt: skip

    def _update(self, **asked):
        self.ecs.update_service(cluster="shop", **asked)

    def _task_set(self, **asked):
        self.ecs.create_task_set(
            cluster="shop", taskDefinition="web:1", launchType="FARGATE", networkConfiguration=NETWORK, **asked
        )


if __name__ == "__main__":
    main(RefusalsOfFleets)
