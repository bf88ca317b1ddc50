"""What moto answers otherwise than AWS, set right where a release would notice. README.md has the list.

Rules, weights, stickiness, alarms and their wire formats stay moto's; each function here names the one thing it adds.
"""

import functools
import json
import time

from moto.cloudwatch.models import Alarm
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.ecs.models import EC2ContainerServiceBackend
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup, elbv2_backends
from moto.moto_api import state_manager

# How long a freshly registered or freshly attached target stays `initial`.
HEALTH_CHECK_SECONDS = 0.5
# How long a deregistered target is listed as `draining`: the group's delay, cut short so that a test need not wait.
DRAIN_SECONDS = 1.0


def close():
    """Applies every difference; once, before the first request."""
    alarms_start_without_data()
    alarms_know_their_last_transition()
    alarms_are_asked_for_by_type()
    alarms_have_history()
    composite_alarms_exist()
    groups_know_their_balancer()
    targets_have_health()
    tasks_run_until_stopped()


def wrap(owner, name):
    """Replaces a method by one that is given the original as its first argument."""

    def decorate(function):
        original = getattr(owner, name)

        @functools.wraps(original)
        def replacement(*args, **kwargs):
            return function(original, *args, **kwargs)

        setattr(owner, name, replacement)
        return replacement

    return decorate


# --- CloudWatch ---------------------------------------------------------------------------------------------------


def alarms_start_without_data():
    """AWS: a new alarm is INSUFFICIENT_DATA until its first evaluation. moto: OK."""

    @wrap(Alarm, "__init__")
    def init(original, self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.state_value = "INSUFFICIENT_DATA"
        self.state_transitioned_timestamp = self.state_updated_timestamp


def alarms_know_their_last_transition():
    """AWS: StateTransitionedTimestamp moves only when the state changes. moto: has none."""

    @wrap(Alarm, "update_state")
    def update_state(original, self, reason, reason_data, state_value):
        changed = state_value != self.state_value
        original(self, reason, reason_data, state_value)
        if changed:
            self.state_transitioned_timestamp = self.state_updated_timestamp


def alarms_are_asked_for_by_type():
    """AWS: without AlarmTypes only metric alarms come back, and pages are cut. moto: everything, at once."""

    @wrap(CloudWatchResponse, "describe_alarms")
    def describe_alarms(original, self):
        result = original(self).result
        types = self._get_param("AlarmTypes") or ["MetricAlarm"]
        state = self._get_param("StateValue")
        rows = []
        for key, kind in (("MetricAlarms", "MetricAlarm"), ("CompositeAlarms", "CompositeAlarm")):
            if kind in types:
                rows += [(key, alarm) for alarm in sorted(result[key], key=lambda alarm: alarm.name)]
        rows = [row for row in rows if state is None or row[1].state_value == state]
        start = int(self._get_param("NextToken") or 0)
        end = start + int(self._get_param("MaxRecords") or 50)
        page = {"MetricAlarms": [], "CompositeAlarms": []}
        for key, alarm in rows[start:end]:
            page[key].append(alarm)
        if end < len(rows):
            page["NextToken"] = str(end)
        return ActionResult(page)


def alarms_have_history():
    """AWS: DescribeAlarmHistory. moto: keeps the states of an alarm but has no operation to read them."""

    def describe_alarm_history(self):
        name = self._get_param("AlarmName")
        kind = self._get_param("HistoryItemType")
        start, end = self._get_param("StartDate"), self._get_param("EndDate")
        items = []
        if kind in (None, "StateUpdate"):
            for alarm in self.cloudwatch_backend.alarms.values():
                if name in (None, alarm.name):
                    items += transitions(alarm)
        items = [item for item in items if within(item["Timestamp"], start, end)]
        newest_first = self._get_param("ScanBy") != "TimestampAscending"
        items.sort(key=lambda item: item["Timestamp"], reverse=newest_first)
        first = int(self._get_param("NextToken") or 0)
        last = first + int(self._get_param("MaxRecords") or 100)
        page = {"AlarmHistoryItems": items[first:last]}
        if last < len(items):
            page["NextToken"] = str(last)
        return ActionResult(page)

    CloudWatchResponse.describe_alarm_history = describe_alarm_history


def transitions(alarm):
    """The state changes moto recorded. It notes the state that ends; AWS reports the one that begins."""
    states = [(value, reason, data, since) for _, reason, data, value, since in alarm.history]
    states.append((alarm.state_value, alarm.state_reason, alarm.state_reason_data, alarm.state_updated_timestamp))
    items = []
    for before, after in zip(states, states[1:]):
        if before[0] == after[0]:
            continue
        items.append(
            {
                "AlarmName": alarm.name,
                "AlarmType": "CompositeAlarm" if alarm.rule else "MetricAlarm",
                "Timestamp": after[3],
                "HistoryItemType": "StateUpdate",
                "HistorySummary": f"Alarm updated from {before[0]} to {after[0]}",
                "HistoryData": json.dumps({"version": "1.0", "oldState": state(before), "newState": state(after)}),
            }
        )
    return items


def state(row):
    """One side of a transition as AWS writes it into HistoryData."""
    value, reason, data, _ = row
    written = {"stateValue": value, "stateReason": reason}
    if data and data != "{}":
        written["stateReasonData"] = json.loads(data)
    return written


def within(moment, start, end):
    """Both bounds may be missing, and may come with or without a time zone."""
    naive = [bound.replace(tzinfo=None) if bound is not None else None for bound in (moment, start, end)]
    return (naive[1] is None or naive[0] >= naive[1]) and (naive[2] is None or naive[0] <= naive[2])


def composite_alarms_exist():
    """AWS: PutCompositeAlarm. moto: keeps composite alarms but has no operation to make one.

    The state does not follow the children here: a test sets it with SetAlarmState.
    """
    CloudWatchResponse.put_composite_alarm = CloudWatchResponse.put_metric_alarm


# --- Elastic Load Balancing ---------------------------------------------------------------------------------------


def balancers_of(group):
    """The load balancers whose rules or default actions name the group, each once."""
    backend = elbv2_backends[group.account_id][group.region_name]
    found = []
    for balancer in backend.load_balancers.values():
        actions = (a for listener in balancer.listeners.values() for r in listener.rules.values() for a in r.actions)
        if any(group.arn in backend._get_target_group_arns_from(action.data) for action in actions):
            found.append(balancer.arn)
    return found


def groups_know_their_balancer():
    """AWS: LoadBalancerArns follows the rules. moto: appends on create, never on modify, and twice if named twice."""
    FakeTargetGroup.load_balancer_arns = property(balancers_of, lambda group, value: None)


def targets_have_health():
    """AWS: unused while no rule names the group, then initial, then healthy; draining on the way out.

    moto: always healthy, and gone at once. A target stays unhealthy when the scheduler marked it so.
    """

    @wrap(FakeTargetGroup, "register")
    def register(original, group, targets):
        original(group, targets)
        for target in targets:
            group.__dict__.setdefault("draining", {}).pop(target["Id"], None)
            group.__dict__.setdefault("since", {})[target["Id"]] = time.monotonic()

    @wrap(FakeTargetGroup, "deregister")
    def deregister(original, group, targets):
        original(group, targets)
        delay = min(DRAIN_SECONDS, float(group.attributes["deregistration_delay.timeout_seconds"]))
        for target in targets:
            group.__dict__.setdefault("draining", {})[target["Id"]] = (target, time.monotonic() + delay)

    @wrap(FakeTargetGroup, "health_for")
    def health_for(original, group, target, ec2_backend):
        found = original(group, target, ec2_backend)
        draining = group.__dict__.get("draining", {}).get(target["Id"])
        if draining and time.monotonic() < draining[1]:
            set_health(found, "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
        elif found.status == "healthy":
            observe_health(group, found)
        return found

    @wrap(ELBv2Backend, "describe_target_health")
    def describe_target_health(original, self, target_group_arn, targets):
        rows = original(self, target_group_arn, targets)
        group = self.target_groups[target_group_arn]
        if not targets:
            for target, until in group.__dict__.get("draining", {}).values():
                if time.monotonic() < until:
                    rows.append(group.health_for(target, self.ec2_backend))
        return rows


def observe_health(group, found):
    """The health of a registered target: attached or not, checked for long enough or not, able to pass or not."""
    now = time.monotonic()
    since = group.__dict__.setdefault("since", {})
    if not balancers_of(group):
        # Checks begin when the group is attached, so the wait starts again then.
        since[found.instance_id] = now
        why = "Target group is not configured to receive traffic from the load balancer"
        set_health(found, "unused", "Target.NotInUse", why)
    elif now - since.get(found.instance_id, now) < HEALTH_CHECK_SECONDS:
        set_health(found, "initial", "Elb.RegistrationInProgress", "Target registration is in progress")
    elif found.instance_id in group.__dict__.get("sick", ()):
        set_health(found, "unhealthy", "Target.FailedHealthChecks", "Health checks failed")


def set_health(found: FakeHealthStatus, status, reason, description):
    found.status, found.reason, found.description = status, reason, description


# --- ECS ----------------------------------------------------------------------------------------------------------


def tasks_run_until_stopped():
    """AWS: a service's tasks can be listed by service name and run until stopped.

    moto: ignores the name, and every DescribeTasks moves a task one step towards STOPPED.
    """
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 1 << 30})

    @wrap(EC2ContainerServiceBackend, "list_tasks")
    def list_tasks(original, self, cluster_str=None, container_instance=None, family=None, started_by=None,
                   service_name=None, desiredStatus=None):  # fmt: skip
        wanted = desiredStatus or "RUNNING"
        tasks = original(self, cluster_str, container_instance, family, started_by, service_name, wanted)
        if service_name:
            group = f"service:{service_name.split('/')[-1]}"
            tasks = [task for task in tasks if task.group == group]
        return tasks
