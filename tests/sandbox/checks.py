"""What the areas share: clients that note every call, checks in order, and reads that are the same page by page.

An area is a script with one class. Its public methods are the checks, run in the order they stand in; its
`OPERATIONS` are the calls they make, and a run fails where the two differ, so that the list can be trusted:

    AREA.py --endpoint http://127.0.0.1:PORT      prints one line a check; exit code 0 when all hold
"""

import argparse
import datetime
import sys
import time
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-3"
# A resource that never was, under the sandbox's account.
ABSENT = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:"


class Area:
    """The clients of one area; a subclass has the checks."""

    OPERATIONS = frozenset()
    # Whether the checks after the first stand for themselves: then all are run, whatever fails.
    INDEPENDENT = False

    def __init__(self, endpoint, **options):
        self.endpoint = endpoint
        self.options = options
        self.called = set()
        self.elb, self.ecs, self.cloudwatch = self.client("elbv2"), self.client("ecs"), self.client("cloudwatch")
        self.sts, self.tagging = self.client("sts"), self.client("resourcegroupstaggingapi")

    def client(self, service, **config):
        """A client as anybody would make it, retries off unless asked for: what is refused is seen at once."""
        config.setdefault("retries", {"total_max_attempts": 1})
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        made = session.client(service, endpoint_url=self.endpoint, config=Config(**config))
        made.meta.events.register("before-call.*.*", self._note)
        return made

    def unchecked(self, service):
        """A client that sends also what botocore would refuse by itself, so that the service has to."""
        return self.client(service, parameter_validation=False)

    def _note(self, model, **_):
        self.called.add(f"{model.service_model.service_name}:{model.name}")

    def checks(self):
        for name, value in type(self).__dict__.items():
            if callable(value) and not name.startswith("_") and not hasattr(Area, name):
                yield name, getattr(self, name)

    # --- what checks use ------------------------------------------------------------------------------------------

    def every(self, client, operation, key, **asked):
        """Everything a paginator gives, however small the service makes its pages."""
        return [item for page in client.get_paginator(operation).paginate(**asked) for item in page.get(key, [])]

    def pages(self, client, operation, key, **asked):
        """Everything a paginator gives, and the proof that one item a page gives the same."""
        whole = self.every(client, operation, key, **asked)
        paginator = client.get_paginator(operation)
        single, longest = [], 0
        for page in paginator.paginate(**asked, PaginationConfig={"PageSize": 1}):
            single += page.get(key, [])
            longest = max(longest, len(page.get(key, [])))
        equal(single, whole, f"{operation}, one item a page, against {operation} in one")
        assert longest <= 1, f"{operation}: a page of {longest} items where one was asked for"
        return whole


def refused(code, call, *, says=None, **asked):
    """The call fails with exactly this error code (or one of these); its message names what is wrong."""
    codes = {code} if isinstance(code, str) else set(code)
    try:
        answer = call(**asked)
    except ClientError as why:
        error = why.response["Error"]
        status = why.response["ResponseMetadata"]["HTTPStatusCode"]
        assert error["Code"] in codes, f"expected {sorted(codes)}, got {error}"
        assert 400 <= status < 500, f"{error}: a fault of the caller has a 4xx status, not {status}"
        assert error["Message"].strip(), f"{error}: no message"
        if says:
            assert says.lower() in error["Message"].lower(), f"`{says}` is not in: {error['Message']}"
        assert why.response["ResponseMetadata"].get("RequestId"), "an error carries a request id"
        return error
    raise AssertionError(f"expected {sorted(codes)}, but it was accepted: {answer}")


def equal(found, wanted, what=""):
    assert found == wanted, f"{what}\n   found {found}\n  wanted {wanted}"


def holds(part, whole, what=""):
    """Every key of `part` is in `whole` with that value."""
    wrong = {key: whole.get(key) for key, value in part.items() if whole.get(key) != value}
    assert not wrong, f"{what}: found {wrong}, wanted {({key: part[key] for key in wrong})}"


def is_time(value, what):
    """A moment with a zone, near the clock of this machine: the sandbox runs by the wall."""
    assert isinstance(value, datetime.datetime), f"{what} is {value!r}, no time"
    age = abs((datetime.datetime.now(datetime.timezone.utc) - value).total_seconds())
    assert age < 3600, f"{what} is {value}, {age} s from now"


def until(what, look, wanted, patience=20.0):
    """Polls until the look satisfies; the last look is in the failure's message."""
    end = time.monotonic() + patience
    while True:
        seen = look()
        if wanted(seen):
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"{what}: still not after {patience} s; last seen: {seen}")
        time.sleep(0.05)


def pace(attempts=200):
    """A waiter's own loop at a pace for tests; the default looks every 15 s."""
    return {"Delay": 0.1, "MaxAttempts": attempts}


def main(area, *flags):
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    for flag in flags:
        parser.add_argument(flag)
    arguments = vars(parser.parse_args())
    made = area(**arguments)
    done, failed = 0, 0
    for name, check in made.checks():
        words, begun = name.replace("_", " "), time.monotonic()
        try:
            check()
        except Exception:
            print(f"not ok {area.__name__}: {words}\n{traceback.format_exc()}", flush=True)
            failed += 1
            if not area.INDEPENDENT or not done:
                sys.exit(1)
            continue
        print(f"ok {words} ({time.monotonic() - begun:.1f} s)", flush=True)
        done += 1
    if failed:
        print(f"{failed} of {done + failed} checks do not hold")
        sys.exit(1)
    missing, surplus = sorted(area.OPERATIONS - made.called), sorted(made.called - area.OPERATIONS)
    if missing or surplus:
        print(f"not ok {area.__name__}.OPERATIONS: never called {missing}; called and not listed {surplus}")
        sys.exit(1)
    print(f"{done} checks hold, {len(made.called)} operations")
