#!/usr/bin/env python3
"""An independent pair of eyes: what boto3 sees of rules, alarms, services and targets while a release runs.

    reader.py --endpoint URL --fixture FILE [--out FILE]     one line per distinct observation, until stdin closes
    reader.py --endpoint URL --fixture FILE --once           one observation
    reader.py --endpoint URL --fixture FILE --settled        one observation, when ECS has done what it was asked
"""

import argparse
import json
import select
import sys

import clients

POLL_SECONDS = 0.1


class Reader:
    def __init__(self, endpoint, fixture):
        make = clients.maker(endpoint, fixture["region"], "reader")
        self.fixture = fixture
        self.elb, self.ecs, self.cloudwatch = make("elbv2"), make("ecs"), make("cloudwatch")

    def look(self):
        """Everything a release may change, each part as AWS gives it."""
        names = self.fixture["alarms"]
        rules = self.elb.describe_rules(ListenerArn=self.fixture["listener"])["Rules"]
        alarms = self.cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        services = self.ecs.describe_services(
            cluster=self.fixture["cluster"], services=list(self.fixture["services"].values())
        )["services"]
        family = self.fixture["taskDefinition"].split("/")[-1].split(":")[0]
        return {
            "rules": rules,
            "weights": {self.name_of(rule): self.weights_of(rule) for rule in rules if self.weights_of(rule)},
            "alarms": {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms["MetricAlarms"]},
            "services": {service["serviceName"]: self.service(service) for service in services},
            "targets": {color: self.targets(arn) for color, arn in self.fixture["targetGroups"].items()},
            "revisions": self.ecs.list_task_definitions(familyPrefix=family)["taskDefinitionArns"],
        }

    def settle(self):
        """Waits until every service runs what it should, and no target is on its way in or out."""
        pace = {"Delay": POLL_SECONDS, "MaxAttempts": 300}
        names = list(self.fixture["services"].values())
        self.ecs.get_waiter("services_stable").wait(
            cluster=self.fixture["cluster"], services=names, WaiterConfig=pace
        )
        for arn in self.fixture["targetGroups"].values():
            while {"initial", "draining"} & set(self.targets(arn)):
                select.select([], [], [], POLL_SECONDS)

    def name_of(self, rule):
        return self.fixture["listener"] if rule["IsDefault"] else rule["RuleArn"]

    def weights_of(self, rule):
        colors = {arn: color for color, arn in self.fixture["targetGroups"].items()}
        groups = rule["Actions"][-1].get("ForwardConfig", {}).get("TargetGroups", [])
        return {colors.get(group["TargetGroupArn"], "other"): group["Weight"] for group in groups}

    @staticmethod
    def service(service):
        kept = ("status", "desiredCount", "runningCount", "pendingCount", "taskDefinition")
        deployments = [
            {key: one[key] for key in ("status", "rolloutState", "taskDefinition", "desiredCount", "runningCount")}
            for one in service["deployments"]
        ]
        return {**{key: service[key] for key in kept}, "deployments": deployments}

    def targets(self, arn):
        rows = self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return sorted(row["TargetHealth"]["State"] for row in rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--fixture", required=True, help="the file that holds the fixture's document")
    parser.add_argument("--out", help="append here; standard output when absent")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--settled", action="store_true")
    arguments = parser.parse_args()
    with open(arguments.fixture, encoding="utf-8") as file:
        reader = Reader(arguments.endpoint, json.load(file))
    out = open(arguments.out, "a", encoding="utf-8") if arguments.out else sys.stdout
    last = None
    if arguments.settled:
        reader.settle()
    while True:
        seen = json.dumps(reader.look(), sort_keys=True, default=str)
        if seen != last:
            print(seen, file=out, flush=True)
            last = seen
        # The pause between looks is also the wait for the word to stop.
        if arguments.once or arguments.settled or select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
            break


if __name__ == "__main__":
    main()
