#!/usr/bin/env python3
"""Faults as a third-party client meets them. The sandbox is started with a third of all reads throttled."""

import collections
import time
import types

import botocore.endpoint
from botocore.exceptions import ClientError

from checks import Area, equal, main

# Enough for both outcomes to be all but certain at a third: (2/3)^60 is one in 10^10.
TRIES = 60
# What passes between two tries is botocore's own: half a minute of jitter would say nothing about the sandbox.
botocore.endpoint.time = types.SimpleNamespace(sleep=lambda _: time.sleep(0.01))


class Faults(Area):
    OPERATIONS = frozenset(
        "elbv2:DescribeLoadBalancers ecs:ListClusters cloudwatch:DescribeAlarms"
        " elbv2:DescribeTrustStores ecs:ListServicesByNamespace cloudwatch:ListDashboards".split()
    )

    def throttles_are_seen_and_named(self):
        for call in self._reads(self):
            seen = collections.Counter(self._outcome(call) for _ in range(TRIES))
            # The code is the service's own; botocore takes all of them for throttles.
            throttled = "ThrottlingException" if call == self.ecs.list_clusters else "Throttling"
            equal(sorted(map(str, seen)), ["None", throttled], f"{call.__name__}: {seen}")

    def botocore_tries_again_and_succeeds(self):
        patient = _Patient(self)
        retried = 0
        for call in self._reads(patient):
            for _ in range(TRIES // 3):
                retried += call()["ResponseMetadata"]["RetryAttempts"]
        assert retried > 0, "no call was ever retried: botocore does not take these answers for throttles"

    def what_is_not_there_says_so_at_once(self):
        patient = _Patient(self)
        for call, name in (
            (patient.elb.describe_trust_stores, "DescribeTrustStores"),
            (lambda: patient.ecs.list_services_by_namespace(namespace="x"), "ListServicesByNamespace"),
            (patient.cloudwatch.list_dashboards, "ListDashboards"),
        ):
            try:
                answer = call()
            except ClientError as why:
                error, about = why.response["Error"], why.response["ResponseMetadata"]
            else:
                raise AssertionError(f"{name} was answered: {answer}")
            # A throttle may come first; then the try after it is the one that tells.
            assert name in error["Message"] and "sandbox" in error["Message"].lower(), error
            equal(about["HTTPStatusCode"], 501, f"{name}: {error}")
            assert "NotImplemented" in error["Code"], error
            equal(patient.attempts[name] - patient.throttled[name], 1, f"{name} was tried again: {error}")

    # --- small helpers --------------------------------------------------------------------------------------------

    @staticmethod
    def _reads(area):
        return area.elb.describe_load_balancers, area.ecs.list_clusters, area.cloudwatch.describe_alarms

    @staticmethod
    def _outcome(call):
        try:
            call()
        except ClientError as why:
            return why.response["Error"]["Code"]
        return None


class _Patient:
    """Clients with botocore's own retries, and the count of their attempts."""

    def __init__(self, area):
        self.attempts, self.throttled = collections.Counter(), collections.Counter()
        retries = {"mode": "standard", "total_max_attempts": 12}
        self.elb, self.ecs, self.cloudwatch = (
            self._watched(area.client(name, retries=retries)) for name in ("elbv2", "ecs", "cloudwatch")
        )

    def _watched(self, client):
        client.meta.events.register("needs-retry.*.*", self._count)
        return client

    def _count(self, operation, response, **_):
        self.attempts[operation.name] += 1
        if response is not None and "Throttling" in response[1].get("Error", {}).get("Code", ""):
            self.throttled[operation.name] += 1


if __name__ == "__main__":
    main(Faults)
