"""What a test can see and arrange from outside, under `/_test/`: the request log, kills, faults, triggers, weights.

The operator under test is every client that does not name itself as one of the tests' own (see `wire.client_of`);
counters and triggers look at operators only, so a reader that polls all the while changes nothing.
"""

import json
import os
import signal
import time

from moto.cloudwatch.models import cloudwatch_backends
from moto.elbv2.models import elbv2_backends

TEST_CLIENTS = ("fixture", "reader", "selfcheck")


class Control:
    """All of the state below belongs to one run of the emulator and is guarded by the launcher's lock."""

    def __init__(self):
        self.requests = []
        self.weights = []
        self.last_weights = {}
        self.kill = None
        self.faults = []
        self.triggers = []

    # --- around each AWS request ---------------------------------------------------------------------------------

    def arrive(self, call):
        """Notes the request. Returns the kill that is due at it, or None."""
        operator = call.client not in TEST_CLIENTS
        self.requests.append(
            {
                "index": len(self.requests),
                "time": time.time(),
                "service": call.service,
                "operation": call.operation,
                "region": call.region,
                "client": call.client,
                "operator": operator,
                "mutating": call.mutating,
                "params": call.params,
                "status": None,
            }
        )
        if self.kill is None or not operator or self.kill["done"]:
            return None
        if self.kill["count"] == "mutating" and not call.mutating:
            return None
        self.kill["seen"] += 1
        if self.kill["seen"] < self.kill["at"]:
            return None
        self.kill["done"] = True
        self.kill["index"] = len(self.requests) - 1
        return self.kill

    def fault_for(self, call):
        """The armed fault that meets this call, its count taken down by one."""
        for fault in self.faults:
            named = fault.get("service") in (None, call.service) and fault.get("operation") in (None, call.operation)
            ours = call.client not in TEST_CLIENTS and fault.get("client") in (None, call.client)
            if named and ours and fault["times"] > 0:
                fault["times"] -= 1
                fault["fired"] += 1
                return fault
        return None

    def handled(self, call, status):
        """Notes the outcome, the weights that changed, and does what was armed for them."""
        self.requests[-1]["status"] = status
        if call.service == "elbv2" and call.mutating and status < 400:
            self.note_weights(call.client)
        for trigger in self.triggers:
            self.advance(trigger, call)
        self.triggers = [trigger for trigger in self.triggers if not trigger["done"]]

    def advance(self, trigger, call):
        """A trigger waits for its weight, then for so many reads of rules by an operator, then acts once."""
        if not trigger["seen"]:
            trigger["seen"] = self.last_weights.get(trigger["rule"], {}).get(trigger["group"]) == trigger["weight"]
        elif call.operation in ("DescribeRules", "DescribeListeners") and call.client not in TEST_CLIENTS:
            trigger["reads"] += 1
        if trigger["seen"] and trigger["reads"] >= trigger["after_reads"]:
            trigger["done"] = True
            self.act(trigger["do"], call.region)

    def act(self, todo, region):
        """Something that happens in AWS without the operator: an alarm changes, or a colleague edits a rule."""
        account = "123456789012"
        if "alarm" in todo:
            backend = cloudwatch_backends[account][region]
            backend.set_alarm_state(todo["alarm"], todo.get("reason", "set by the test"), "{}", todo["state"])
        if "edit" in todo:
            edit_weights(elbv2_backends[account][region], todo["edit"]["rule"], todo["edit"]["weights"])
            self.note_weights("someone-else")

    def note_weights(self, client):
        """Appends each rule or listener whose forward weights or stickiness are not what they were."""
        now = current_weights()
        for arn, forward in now.items():
            weights = {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in forward["TargetGroups"]}
            sticky = forward.get("TargetGroupStickinessConfig")
            latest = next((row for row in reversed(self.weights) if row["arn"] == arn), None)
            if latest is None or (latest["weights"], latest["stickiness"]) != (weights, sticky):
                at = len(self.requests) - 1
                row = {"arn": arn, "weights": weights, "stickiness": sticky, "by": client, "request": at}
                self.weights.append(row)
            self.last_weights[arn] = weights

    # --- the endpoints ------------------------------------------------------------------------------------------

    def answer(self, method, path, body):
        """(status, document) for one `/_test/` request."""
        asked = json.loads(body) if body else {}
        name = path.removeprefix("/_test/").replace("-", "_")
        handler = getattr(self, f"{method.lower()}_{name}", None)
        if handler is None:
            return 404, {"error": f"no control endpoint {method} {path}"}
        try:
            return 200, handler(asked)
        except (KeyError, TypeError, ValueError) as why:
            return 400, {"error": f"{method} {path}: {type(why).__name__}: {why}"}

    def get_requests(self, asked):
        return {"requests": self.requests}

    def post_reset_log(self, asked):
        self.requests.clear()
        self.weights.clear()
        self.last_weights.clear()
        self.note_weights("before")
        return {}

    def get_weights(self, asked):
        return {"weights": self.weights}

    def post_kill(self, asked):
        if asked["when"] not in ("before", "after"):
            raise ValueError("when is before or after")
        self.kill = {
            "pid": int(asked["pid"]),
            "at": int(asked["at"]),
            "when": asked["when"],
            "count": asked.get("count", "all"),
            "seen": 0,
            "done": False,
            "index": None,
        }
        return {}

    def get_kill(self, asked):
        return {"kill": self.kill}

    def post_on_weights(self, asked):
        trigger = {key: asked[key] for key in ("rule", "group", "do")}
        trigger.update(weight=int(asked["weight"]), after_reads=int(asked.get("after_reads", 0)))
        trigger.update(seen=False, reads=0, done=False)
        self.triggers.append(trigger)
        return {}

    def post_fault(self, asked):
        known = ("service", "operation", "client", "code", "message", "status", "drop")
        fault = {key: asked[key] for key in known if key in asked}
        if ("code" in fault) == ("drop" in fault):
            raise ValueError("a fault has either a code or a drop")
        fault.update(times=int(asked.get("times", 1)), fired=0)
        self.faults.append(fault)
        return {}

    def get_faults(self, asked):
        return {"faults": self.faults}

    def post_disarm(self, asked):
        self.kill, self.faults, self.triggers = None, [], []
        return {}


def strike(kill):
    """SIGKILL, so that nothing in the operator can tidy up."""
    try:
        os.kill(kill["pid"], signal.SIGKILL)
    except ProcessLookupError:
        pass


def current_weights():
    """The forward configuration of every rule; a listener's default action goes under the listener's ARN."""
    found = {}
    for account in list(elbv2_backends.keys()):
        for backend in list(elbv2_backends[account].values()):
            for balancer in backend.load_balancers.values():
                for listener in balancer.listeners.values():
                    for rule in listener.rules.values():
                        forward = forward_of(rule.actions)
                        if forward is not None:
                            found[listener.arn if rule.is_default else rule.arn] = forward
    return found


def forward_of(actions):
    for action in actions:
        if action.type == "forward":
            single = {"TargetGroups": [{"TargetGroupArn": action.data.get("TargetGroupArn"), "Weight": 1}]}
            return action.data.get("ForwardConfig") or single
    return None


def edit_weights(backend, rule_arn, weights):
    """A colleague's ModifyRule: the same action with other weights."""
    rule = backend.describe_rules(None, [rule_arn])[0]
    actions = json.loads(json.dumps([action.data for action in rule.actions]))
    for action in actions:
        for group in action.get("ForwardConfig", {}).get("TargetGroups", []):
            group["Weight"] = weights.get(group["TargetGroupArn"], group.get("Weight"))
    backend.modify_rule(rule_arn, [], actions)
