#!/usr/bin/env python3
"""Proves the emulator itself, with boto3, the AWS CLI and hand-made CBOR, before any release is run on it.

    selfcheck.py        starts its own launcher; prints one line per check; exit code 0 when all hold
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import cbor2
from botocore.exceptions import ClientError, ConnectionClosedError

import clients

HERE = pathlib.Path(__file__).parent
REGION = "eu-west-3"
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-3/{}/aws4_request, SignedHeaders=host, Signature=0"


class Check:
    def __init__(self, port, folder):
        self.endpoint = f"http://127.0.0.1:{port}"
        self.folder = folder
        make = clients.maker(self.endpoint, REGION, "selfcheck")
        self.elb, self.ecs, self.cloudwatch = make("elbv2"), make("ecs"), make("cloudwatch")
        # Counted as an operator: it does not name itself as one of the tests' own clients.
        operator = clients.maker(self.endpoint, REGION, "operator")
        self.operator_elb, self.operator_ecs = operator("elbv2"), operator("ecs")
        self.world = None

    def script(self, name, *arguments):
        command = [sys.executable, str(HERE / name), "--endpoint", self.endpoint, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def control(self, method, name, document=None):
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.endpoint}/_test/{name}", data=data, method=method)
        with urllib.request.urlopen(request) as reply:
            return json.loads(reply.read())

    def cbor(self, operation, document):
        """A CloudWatch call as the Rust SDK puts it on the wire."""
        request = urllib.request.Request(
            f"{self.endpoint}/service/GraniteServiceVersion20100801/operation/{operation}",
            data=cbor2.dumps(document),
            method="POST",
            headers={
                "Content-Type": "application/cbor",
                "Accept": "application/cbor",
                "smithy-protocol": "rpc-v2-cbor",
                "x-amzn-query-mode": "true",
                "User-Agent": "bluegreen-test/selfcheck",
                "Authorization": SIGNED.format("monitoring"),
            },
        )
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status, reply.headers, cbor2.loads(reply.read() or b"\xa0")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, cbor2.loads(refused.read())

    # --- the checks, in order -------------------------------------------------------------------------------------

    def fixture_and_reader(self):
        self.world = json.loads(self.script("fixture.py", "--default-action"))
        path = self.folder / "fixture.json"
        path.write_text(json.dumps(self.world))
        seen = json.loads(self.script("reader.py", "--fixture", str(path), "--once"))
        assert seen["weights"][self.world["rule"]] == {"blue": 100, "green": 0}, seen["weights"]
        assert seen["weights"][self.world["listener"]] == {"blue": 100, "green": 0}, seen["weights"]
        assert seen["targets"] == {"blue": ["healthy", "healthy"], "green": []}, seen["targets"]
        assert seen["services"]["frontend-blue"]["runningCount"] == 2, seen["services"]
        assert set(seen["alarms"].values()) == {"OK"}, seen["alarms"]
        assert self.world["account"] == "123456789012"

    def group_is_attached_once(self):
        groups = self.elb.describe_target_groups(TargetGroupArns=[self.world["targetGroups"]["blue"]])["TargetGroups"]
        assert groups[0]["LoadBalancerArns"] == [self.world["loadBalancer"]], groups

    def alarms_in_cbor(self):
        both = ["MetricAlarm", "CompositeAlarm"]
        asked = {"AlarmNames": ["frontend-5xx", "frontend-latency", "absent"], "AlarmTypes": both}
        status, headers, reply = self.cbor("DescribeAlarms", asked)
        assert status == 200 and headers["smithy-protocol"] == "rpc-v2-cbor", (status, dict(headers))
        alarm = reply["MetricAlarms"][0]
        assert (alarm["AlarmName"], alarm["StateValue"]) == ("frontend-5xx", "OK"), alarm
        assert isinstance(alarm["StateUpdatedTimestamp"], datetime.datetime), alarm
        assert isinstance(alarm["StateTransitionedTimestamp"], datetime.datetime), alarm
        assert isinstance(alarm["Threshold"], float) and isinstance(alarm["EvaluationPeriods"], int), alarm
        assert len(reply["MetricAlarms"]) == 2, reply

    def alarms_in_pages(self):
        names, token = [], None
        while True:
            asked = {"MaxRecords": 1, **({"NextToken": token} if token else {})}
            _, _, reply = self.cbor("DescribeAlarms", asked)
            names += [alarm["AlarmName"] for alarm in reply["MetricAlarms"]]
            token = reply.get("NextToken")
            if token is None:
                break
        assert names == ["frontend-5xx", "frontend-latency"], names

    def composite_alarms_only_when_asked(self):
        self.cbor("PutCompositeAlarm", {"AlarmName": "both", "AlarmRule": "ALARM(frontend-5xx)"})
        _, _, silent = self.cbor("DescribeAlarms", {"AlarmNames": ["both"]})
        assert silent.get("CompositeAlarms", []) == [], silent
        _, _, asked = self.cbor("DescribeAlarms", {"AlarmNames": ["both"], "AlarmTypes": ["CompositeAlarm"]})
        assert asked["CompositeAlarms"][0]["StateValue"] == "INSUFFICIENT_DATA", asked
        self.cbor("DeleteAlarms", {"AlarmNames": ["both"]})

    def alarm_history(self):
        for state in ("ALARM", "ALARM", "OK"):
            self.cbor("SetAlarmState", {"AlarmName": "frontend-5xx", "StateValue": state, "StateReason": "test"})
        since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
        asked = {"AlarmName": "frontend-5xx", "HistoryItemType": "StateUpdate", "ScanBy": "TimestampAscending"}
        _, _, reply = self.cbor("DescribeAlarmHistory", {**asked, "StartDate": cbor2.CBORTag(1, since.timestamp())})
        steps = [json.loads(item["HistoryData"]) for item in reply["AlarmHistoryItems"]]
        moves = [(step["oldState"]["stateValue"], step["newState"]["stateValue"]) for step in steps]
        assert moves == [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")], moves
        later = cbor2.CBORTag(1, since.timestamp() + 3600)
        assert self.cbor("DescribeAlarmHistory", {**asked, "StartDate": later})[2]["AlarmHistoryItems"] == []
        boto = self.cloudwatch.describe_alarm_history(AlarmName="frontend-5xx")["AlarmHistoryItems"]
        assert [item["HistorySummary"] for item in boto][0] == "Alarm updated from ALARM to OK", boto

    def errors_in_cbor(self):
        asked = {"AlarmName": "absent", "StateValue": "OK", "StateReason": "test"}
        status, headers, reply = self.cbor("SetAlarmState", asked)
        assert status == 404 and reply["__type"].startswith("ResourceNotFound"), (status, reply)
        assert headers["x-amzn-query-error"].startswith("ResourceNotFound"), dict(headers)

    def metrics_in_cbor(self):
        now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        group = self.world["targetGroups"]["green"].split(":")[-1]
        dimensions = [{"Name": "TargetGroup", "Value": group}]
        datum = {"MetricName": "RequestCount", "Value": 7.0, "Timestamp": cbor2.CBORTag(1, now.timestamp())}
        self.cbor("PutMetricData", {"Namespace": "Shop", "MetricData": [{**datum, "Dimensions": dimensions}]})
        metric = {"Namespace": "Shop", "MetricName": "RequestCount", "Dimensions": dimensions}
        status, _, reply = self.cbor(
            "GetMetricData",
            {
                "StartTime": cbor2.CBORTag(1, now.timestamp() - 300),
                "EndTime": cbor2.CBORTag(1, now.timestamp() + 60),
                "MetricDataQueries": [{"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
            },
        )
        result = reply["MetricDataResults"][0]
        assert status == 200 and result["Values"] == [7.0] and result["Timestamps"] == [now], (status, reply)

    def new_revision_rolls_out(self):
        old = self.ecs.describe_task_definition(taskDefinition="frontend")["taskDefinition"]
        kept = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "containerDefinitions")
        new = self.ecs.register_task_definition(**{key: old[key] for key in kept})["taskDefinition"]
        green = {"cluster": "shop", "service": "frontend-green"}
        self.ecs.update_service(**green, taskDefinition="frontend:2", desiredCount=2)
        service = self.service("frontend-green")
        assert service["taskDefinition"] == new["taskDefinitionArn"], service["taskDefinition"]
        assert service["deployments"][0]["rolloutState"] == "IN_PROGRESS" and service["runningCount"] == 0
        self.stable("frontend-green")
        self.aws("ecs", "wait", "services-stable", "--cluster", "shop", "--services", "frontend-green")
        service = self.service("frontend-green")
        assert [d["status"] for d in service["deployments"]] == ["PRIMARY"], service["deployments"]
        assert service["deployments"][0]["taskDefinition"] == new["taskDefinitionArn"]
        listed = self.ecs.list_tasks(cluster="shop", serviceName="frontend-green")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster="shop", tasks=listed)["tasks"]
        assert [task["lastStatus"] for task in tasks] == ["RUNNING", "RUNNING"], tasks

    def old_tasks_stay_until_new_ones_stand(self):
        self.ecs.update_service(cluster="shop", service="frontend-blue", taskDefinition="frontend:2")
        states = [d["status"] for d in self.service("frontend-blue")["deployments"]]
        assert states == ["PRIMARY", "ACTIVE"], states
        self.stable("frontend-blue")
        assert self.service("frontend-blue")["runningCount"] == 2

    def unattached_group_is_unused(self):
        for arn in (self.world["rule"], self.world["listener"]):
            self.set_weights(self.elb, arn, {"blue": 1})
        assert self.health("green") == {"unused"}, self.health("green")
        self.set_weights(self.elb, self.world["rule"], {"blue": 100, "green": 0})
        assert self.health("green") == {"initial"}, self.health("green")
        waiter = self.elb.get_waiter("target_in_service")
        pace = {"Delay": 0.2, "MaxAttempts": 50}
        waiter.wait(TargetGroupArn=self.world["targetGroups"]["green"], WaiterConfig=pace)

    def scale_in_drains(self):
        self.ecs.update_service(cluster="shop", service="frontend-green", desiredCount=0)
        seen = set()
        while self.health("green"):
            seen |= self.health("green")
        assert "draining" in seen, seen
        assert self.service("frontend-green")["runningCount"] == 0

    def sick_task_is_never_healthy(self):
        definition = self.ecs.describe_task_definition(taskDefinition="frontend")["taskDefinition"]
        kept = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "containerDefinitions")
        new = {key: definition[key] for key in kept}
        new["containerDefinitions"][0]["environment"] = [{"name": "NEVER_HEALTHY", "value": "1"}]
        self.ecs.register_task_definition(**new)
        self.ecs.update_service(cluster="shop", service="frontend-green", taskDefinition="frontend:3", desiredCount=1)
        while self.health("green") != {"unhealthy"}:
            assert self.health("green") <= {"initial", "unhealthy"}, self.health("green")
        assert self.service("frontend-green")["deployments"][0]["rolloutState"] == "IN_PROGRESS"

    def weights_are_remembered(self):
        self.control("POST", "reset-log")
        for green in (1, 10, 10):
            self.set_weights(self.operator_elb, self.world["rule"], {"blue": 100 - green, "green": green})
        green = self.world["targetGroups"]["green"]
        rows = [row for row in self.control("GET", "weights")["weights"] if row["arn"] == self.world["rule"]]
        assert [row["weights"][green] for row in rows] == [0, 1, 10], rows
        log = self.control("GET", "requests")["requests"]
        assert [row["mutating"] for row in log] == [False, True] * 3, log

    def trigger_acts_on_a_weight(self):
        rule, green = self.world["rule"], self.world["targetGroups"]["green"]
        todo = {"alarm": "frontend-5xx", "state": "ALARM"}
        self.control("POST", "on-weights", {"rule": rule, "group": green, "weight": 50, "do": todo})
        edit = {"edit": {"rule": rule, "weights": {green: 37}}}
        order = {"rule": rule, "group": green, "weight": 51, "after_reads": 1, "do": edit}
        self.control("POST", "on-weights", order)
        self.set_weights(self.operator_elb, rule, {"blue": 49, "green": 51})
        assert self.alarm("frontend-5xx") == "OK"
        self.set_weights(self.operator_elb, rule, {"blue": 50, "green": 50})
        assert self.alarm("frontend-5xx") == "ALARM"
        # The read inside set_weights was the one the second trigger waited for.
        by = [row["by"] for row in self.control("GET", "weights")["weights"]]
        assert "someone-else" in by, by

    def fault_and_lost_reply(self):
        throttle = {"service": "elbv2", "operation": "DescribeRules", "code": "Throttling", "times": 1}
        self.control("POST", "fault", throttle)
        try:
            self.operator_elb.describe_rules(ListenerArn=self.world["listener"])
            raise AssertionError("the fault did not fire")
        except ClientError as refused:
            assert refused.response["Error"]["Code"] == "Throttling", refused
        for drop, kept in (("before", 5), ("after", 6)):
            self.set_weights(self.operator_elb, self.world["rule"], {"blue": 95, "green": 5})
            self.control("POST", "fault", {"service": "elbv2", "operation": "ModifyRule", "drop": drop})
            try:
                self.set_weights(self.operator_elb, self.world["rule"], {"blue": 94, "green": 6})
                raise AssertionError("the reply was not lost")
            except ConnectionClosedError:
                pass
            assert self.weights(self.world["rule"])["green"] == kept, (drop, self.weights(self.world["rule"]))

    def kill_at_a_request(self):
        for when, kept in (("before", 5), ("after", 7)):
            self.set_weights(self.elb, self.world["rule"], {"blue": 95, "green": 5})
            victim = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
            order = {"pid": victim.pid, "at": 1, "when": when, "count": "mutating"}
            self.control("POST", "kill", order)
            try:
                self.set_weights(self.operator_elb, self.world["rule"], {"blue": 93, "green": 7})
                raise AssertionError("the request was answered")
            except ConnectionClosedError:
                pass
            assert victim.wait(timeout=10) == -9, victim.returncode
            assert self.control("GET", "kill")["kill"]["done"]
            assert self.weights(self.world["rule"])["green"] == kept, (when, self.weights(self.world["rule"]))

    def reset_forgets_everything(self):
        self.control("POST", "reset", {})
        assert self.elb.describe_load_balancers()["LoadBalancers"] == []
        json.loads(self.script("fixture.py"))

    # --- small helpers --------------------------------------------------------------------------------------------

    def service(self, name):
        return self.ecs.describe_services(cluster="shop", services=[name])["services"][0]

    def stable(self, name):
        """boto3's own waiter; the AWS CLI's looks only every 15 s."""
        waiter = self.ecs.get_waiter("services_stable")
        waiter.wait(cluster="shop", services=[name], WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})

    def alarm(self, name):
        return self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]

    def health(self, color):
        rows = self.elb.describe_target_health(TargetGroupArn=self.world["targetGroups"][color])
        return {row["TargetHealth"]["State"] for row in rows["TargetHealthDescriptions"]}

    def weights(self, arn):
        colors = {group: color for color, group in self.world["targetGroups"].items()}
        rules = self.elb.describe_rules(RuleArns=[arn])["Rules"]
        groups = rules[0]["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return {colors[group["TargetGroupArn"]]: group["Weight"] for group in groups}

    def set_weights(self, elb, arn, weights):
        """Read, then write, as an operator does."""
        groups = [{"TargetGroupArn": self.world["targetGroups"][c], "Weight": w} for c, w in weights.items()]
        sticky = {"Enabled": True, "DurationSeconds": 60}
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups, "TargetGroupStickinessConfig": sticky}}
        if ":listener/" in arn:
            elb.modify_listener(ListenerArn=arn, DefaultActions=[action])
        else:
            elb.describe_rules(RuleArns=[arn])
            elb.modify_rule(RuleArn=arn, Actions=[action])

    def aws(self, *arguments):
        """The AWS CLI, a client that shares no code with the operator."""
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        # As a module: the script beside it has the path of the folder it was made in.
        subprocess.run([sys.executable, "-m", "awscli", *arguments], check=True, env=environment, timeout=120)


CHECKS = (
    "fixture_and_reader",
    "group_is_attached_once",
    "alarms_in_cbor",
    "alarms_in_pages",
    "composite_alarms_only_when_asked",
    "alarm_history",
    "errors_in_cbor",
    "metrics_in_cbor",
    "new_revision_rolls_out",
    "old_tasks_stay_until_new_ones_stand",
    "unattached_group_is_unused",
    "scale_in_drains",
    "sick_task_is_never_healthy",
    "weights_are_remembered",
    "trigger_acts_on_a_weight",
    "fault_and_lost_reply",
    "kill_at_a_request",
    "reset_forgets_everything",
)


def main():
    launcher = subprocess.Popen(
        [sys.executable, str(HERE / "launcher.py"), "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        port = json.loads(launcher.stdout.readline())["ready"]
        with tempfile.TemporaryDirectory() as folder:
            check = Check(port, pathlib.Path(folder))
            for name in CHECKS:
                getattr(check, name)()
                print(f"ok {name.replace('_', ' ')}", flush=True)
    finally:
        launcher.stdin.close()
        launcher.wait(timeout=10)
    print(f"{len(CHECKS)} checks hold")


if __name__ == "__main__":
    main()
