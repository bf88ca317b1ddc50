#!/usr/bin/env python3
"""A service that really runs: boto3 makes it, its waiters see it come up, and plain HTTP goes through the listener.

    service.py --endpoint URL --notes FILE      FILE: what the sandbox writes for people; it names the listeners' ports
"""

import collections
import datetime
import http.client
import json
import re

from checks import Area, equal, main, pace, until

METRICS = "AWS/ApplicationELB"


class Service(Area):
    OPERATIONS = frozenset(
        "cloudwatch:DescribeAlarms cloudwatch:GetMetricData cloudwatch:PutCompositeAlarm cloudwatch:PutMetricAlarm"
        " ecs:CreateCluster ecs:CreateService ecs:DescribeServices ecs:DescribeTasks ecs:ListTasks"
        " ecs:RegisterTaskDefinition ecs:StopTask ecs:UpdateService elbv2:CreateListener elbv2:CreateLoadBalancer"
        " elbv2:CreateTargetGroup elbv2:DescribeLoadBalancers elbv2:DescribeTargetHealth elbv2:ModifyListener"
        " elbv2:ModifyTargetGroupAttributes".split()
    )

    def a_balanced_service_of_two_tasks(self):
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        self.balancer = balancer["LoadBalancerArn"]
        self.elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[self.balancer], WaiterConfig=pace())
        self.blue, self.green = (self._group(color) for color in ("blue", "green"))
        self.listener = self.elb.create_listener(
            LoadBalancerArn=self.balancer, Protocol="HTTP", Port=80, DefaultActions=[self._forward(100, 0)]
        )["Listeners"][0]["ListenerArn"]
        self.ecs.create_cluster(clusterName="shop")
        for version in ("v1", "v2"):
            self._register(version)
        self._service("web-blue", "web:1", self.blue, 2)
        self._service("web-green", "web:2", self.green, 0)

    def its_waiters_return(self):
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web-blue"], WaiterConfig=pace())
        self.elb.get_waiter("target_in_service").wait(TargetGroupArn=self.blue, WaiterConfig=pace())
        rows = self.elb.describe_target_health(TargetGroupArn=self.blue)["TargetHealthDescriptions"]
        equal([row["TargetHealth"]["State"] for row in rows], ["healthy", "healthy"])
        addresses = {row["Target"]["Id"] for row in rows}
        assert len(addresses) == 2, f"each task has an address of its own: {addresses}"

    def requests_reach_both_tasks(self):
        self.address = until("the listener's port", self._bound, bool)
        seen = collections.Counter(self._get()[1:] for _ in range(40))
        equal({version for version, _ in seen}, {"v1"})
        equal(len(seen), 2, f"both tasks answer: {seen}")

    def weights_move_requests(self):
        self.ecs.update_service(cluster="shop", service="web-green", desiredCount=1)
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web-green"], WaiterConfig=pace())
        self.elb.get_waiter("target_in_service").wait(TargetGroupArn=self.green, WaiterConfig=pace())
        equal(self._versions(), {"v1"}, "a group with weight 0 gets nothing")
        for blue, green, wanted in ((50, 50, {"v1", "v2"}), (0, 100, {"v2"}), (100, 0, {"v1"})):
            self.elb.modify_listener(ListenerArn=self.listener, DefaultActions=[self._forward(blue, green)])
            until(f"{blue}/{green} at work", self._versions, lambda seen: seen == wanted)
        equal(self._versions(), {"v1"})

    def a_stopped_task_is_replaced_without_an_error(self):
        before = self.ecs.list_tasks(cluster="shop", serviceName="web-blue")["taskArns"]
        self.ecs.stop_task(cluster="shop", task=before[0])
        answers = collections.Counter()

        def replaced():
            answers[self._get()[0]] += 1
            now = self.ecs.list_tasks(cluster="shop", serviceName="web-blue")["taskArns"]
            tasks = self.ecs.describe_tasks(cluster="shop", tasks=now)["tasks"] if now else []
            rows = self.elb.describe_target_health(TargetGroupArn=self.blue)["TargetHealthDescriptions"]
            healthy = sum(row["TargetHealth"]["State"] == "healthy" for row in rows)
            running = [task["taskArn"] for task in tasks if task["lastStatus"] == "RUNNING"]
            return {"running": running, "healthy": healthy}

        until(
            "the replacement", replaced,
            lambda seen: len(seen["running"]) == 2 and before[0] not in seen["running"] and seen["healthy"] == 2,
            40.0,
        )  # fmt: skip
        equal(set(answers), {200}, "draining loses no request")

    def its_traffic_is_measured(self):
        counted = until("the requests' count", lambda: self._sum("RequestCount"), lambda seen: sum(seen) >= 40)
        assert all(count > 0 for count in counted), f"there are no points without requests: {counted}"
        for absent in ("HTTPCode_Target_5XX_Count", "TargetConnectionErrorCount"):
            equal(self._sum(absent), [], "and none without errors")
        stats = ("SampleCount", "TC(:30)", "TC(30:)")
        counted = until(
            "the answers' times", lambda: [self._sum("TargetResponseTime", stat) for stat in stats],
            lambda seen: sum(seen[0]) >= 40 and seen[0] == seen[1],
        )  # fmt: skip
        equal(sum(counted[2]), 0.0, "no answer took half a minute")

    def errors_turn_an_alarm_and_its_composite(self):
        self.cloudwatch.put_metric_alarm(
            AlarmName="errors", Namespace=METRICS, MetricName="HTTPCode_Target_5XX_Count", Statistic="Sum", Period=1,
            Dimensions=self._dimensions(), EvaluationPeriods=1, Threshold=3.0, TreatMissingData="notBreaching",
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        self.cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule="ALARM(errors)")
        until("OK", self._states, lambda seen: set(seen.values()) == {"OK"}, 45.0)

        def failing():
            equal(self._get("/work?status=503")[0], 503)
            return self._states()

        until("ALARM", failing, lambda seen: set(seen.values()) == {"ALARM"}, 45.0)
        until("OK again", self._states, lambda seen: set(seen.values()) == {"OK"}, 60.0)

    # --- small helpers --------------------------------------------------------------------------------------------

    def _group(self, color):
        arn = self.elb.create_target_group(
            Name=color, Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/healthz",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
        return arn

    def _forward(self, blue, green):
        weights = ((self.blue, blue), (self.green, green))
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}

    def _register(self, version):
        container = {
            "name": "web",
            "image": "sandbox/demo",
            "environment": [{"name": "VERSION", "value": version}],
            "portMappings": [{"containerPort": 8080}],
        }
        self.ecs.register_task_definition(
            family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[container],
        )  # fmt: skip

    def _service(self, name, definition, group, count):
        self.ecs.create_service(
            cluster="shop", serviceName=name, taskDefinition=definition, desiredCount=count, launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}],
        )  # fmt: skip

    def _bound(self):
        with open(self.options["notes"], encoding="utf-8") as notes:
            found = re.findall(r"listening on http://(\S+) for (\S+)", notes.read())
        return {arn: address for address, arn in found}.get(self.listener)

    def _get(self, path="/"):
        """One request on a connection of its own: status, version, task."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            said = json.loads(body) if answer.status == 200 else {}
            return answer.status, said.get("version"), said.get("task")
        finally:
            connection.close()

    def _versions(self):
        return {self._get()[1] for _ in range(30)}

    def _dimensions(self):
        tail = self.balancer.split("loadbalancer/")[1]
        group = self.blue.split(":")[-1]
        return [{"Name": "LoadBalancer", "Value": tail}, {"Name": "TargetGroup", "Value": group}]

    def _sum(self, name, stat="Sum"):
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        metric = {"Namespace": METRICS, "MetricName": name, "Dimensions": self._dimensions()}
        answer = self.cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 1, "Stat": stat}}],
            StartTime=now - datetime.timedelta(minutes=10), EndTime=now + datetime.timedelta(hours=1),
        )  # fmt: skip
        return answer["MetricDataResults"][0]["Values"]

    def _states(self):
        answer = self.cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return {one["AlarmName"]: one["StateValue"] for one in answer["MetricAlarms"] + answer["CompositeAlarms"]}


if __name__ == "__main__":
    main(Service, "--notes")
