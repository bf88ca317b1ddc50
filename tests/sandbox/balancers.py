#!/usr/bin/env python3
"""Load balancers, target groups, listeners, rules and tags: boto3 makes everything and reads everything back."""

from checks import Area, equal, holds, is_time, main, pace

CONDITIONS = [
    {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.shop.example", "shop.example"]}},
    {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/img/*", "/api/v?"]}},
    {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Canary", "Values": ["yes", "*beta*"]}},
    {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET", "HEAD"]}},
    {
        "Field": "query-string",
        "QueryStringConfig": {"Values": [{"Key": "version", "Value": "v2"}, {"Value": "*preview*"}]},
    },
    {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "2001:db8::/32"]}},
]
TAGS = [{"Key": "team", "Value": "shop"}, {"Key": "empty", "Value": ""}]
MORE = [{"Key": "more", "Value": "a/b=c: ümlaut + @"}]


class Balancers(Area):
    OPERATIONS = frozenset(
        f"elbv2:{name}"
        for name in (
            "AddTags CreateListener CreateLoadBalancer CreateRule CreateTargetGroup DeleteListener"
            " DeleteLoadBalancer DeleteRule DeleteTargetGroup DeregisterTargets DescribeListeners"
            " DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules DescribeTags"
            " DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth ModifyListener"
            " ModifyLoadBalancerAttributes ModifyRule ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets"
            " RemoveTags SetRulePriorities"
        ).split()
    )

    def load_balancers_and_their_waiter(self):
        for name, scheme in (("shop", "internet-facing"), ("inner", "internal")):
            made = self.elb.create_load_balancer(
                Name=name,
                Subnets=["subnet-1", "subnet-2"],
                SecurityGroups=["sg-1"],
                Scheme=scheme,
                Type="application",
                Tags=TAGS,
            )["LoadBalancers"]
            equal(len(made), 1)
            holds({"LoadBalancerName": name, "Scheme": scheme, "Type": "application", "IpAddressType": "ipv4"}, made[0])
            assert made[0]["State"]["Code"] in ("provisioning", "active"), made[0]["State"]
        self.shop, self.inner = (self._balancer(name)["LoadBalancerArn"] for name in ("shop", "inner"))
        waiter = self.elb.get_waiter("load_balancer_available")
        waiter.wait(LoadBalancerArns=[self.shop, self.inner], WaiterConfig=pace())
        found = self.pages(self.elb, "describe_load_balancers", "LoadBalancers")
        equal(sorted(one["LoadBalancerName"] for one in found), ["inner", "shop"])
        one = next(one for one in found if one["LoadBalancerName"] == "shop")
        equal(one, self._balancer("shop"), "by name and in the list")
        is_time(one["CreatedTime"], "CreatedTime")
        equal(one["State"], {"Code": "active"})
        equal(one["SecurityGroups"], ["sg-1"])
        equal([zone["SubnetId"] for zone in one["AvailabilityZones"]], ["subnet-1", "subnet-2"])
        assert all(zone["ZoneName"].startswith("eu-west-3") for zone in one["AvailabilityZones"]), one
        assert one["DNSName"] and one["CanonicalHostedZoneId"] and one["VpcId"], one
        assert f":loadbalancer/app/{one['LoadBalancerName']}/" in self.shop, self.shop
        by_arn = self.elb.describe_load_balancers(LoadBalancerArns=[self.inner])["LoadBalancers"]
        equal([one["LoadBalancerName"] for one in by_arn], ["inner"])

    def attributes_of_a_load_balancer(self):
        before = self._attributes("load_balancer", self.shop)
        holds({"idle_timeout.timeout_seconds": "60", "routing.http2.enabled": "true"}, before, "defaults")
        change = {"idle_timeout.timeout_seconds": "75", "routing.http.drop_invalid_header_fields.enabled": "true"}
        answer = self.elb.modify_load_balancer_attributes(LoadBalancerArn=self.shop, Attributes=_pairs(change))
        holds(change, {pair["Key"]: pair["Value"] for pair in answer["Attributes"]}, "the answer")
        equal(self._attributes("load_balancer", self.shop), {**before, **change}, "only what was named has changed")

    def target_groups(self):
        made = self.elb.create_target_group(
            Name="blue",
            Protocol="HTTP",
            Port=8080,
            VpcId="vpc-1",
            TargetType="ip",
            HealthCheckProtocol="HTTP",
            HealthCheckPath="/health?deep=1",
            HealthCheckIntervalSeconds=7,
            HealthCheckTimeoutSeconds=3,
            HealthyThresholdCount=3,
            UnhealthyThresholdCount=4,
            Matcher={"HttpCode": "200-299,301"},
            Tags=TAGS,
        )["TargetGroups"][0]
        wanted = {
            "TargetGroupName": "blue",
            "Protocol": "HTTP",
            "ProtocolVersion": "HTTP1",
            "Port": 8080,
            "VpcId": "vpc-1",
            "TargetType": "ip",
            "HealthCheckEnabled": True,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckPath": "/health?deep=1",
            "HealthCheckIntervalSeconds": 7,
            "HealthCheckTimeoutSeconds": 3,
            "HealthyThresholdCount": 3,
            "UnhealthyThresholdCount": 4,
            "Matcher": {"HttpCode": "200-299,301"},
        }
        holds(wanted, made, "create_target_group's answer")
        self.blue = made["TargetGroupArn"]
        assert ":targetgroup/blue/" in self.blue, self.blue
        self.green, self.third = (self._group(name) for name in ("green", "third"))
        equal(self._group("green"), self.green, "made again with the same settings, it is the same group")
        found = self.pages(self.elb, "describe_target_groups", "TargetGroups")
        equal(sorted(one["TargetGroupName"] for one in found), ["blue", "green", "third"])
        holds(wanted, self._described(self.blue), "describe_target_groups")
        equal(self._described(self.blue)["LoadBalancerArns"], [], "no listener names it yet")
        defaults = {
            "HealthCheckIntervalSeconds": 30,
            "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 5,
            "UnhealthyThresholdCount": 2,
            "HealthCheckPath": "/",
            "Matcher": {"HttpCode": "200"},
        }
        holds(defaults, self._described(self.green), "AWS's defaults")
        by_name = self.elb.describe_target_groups(Names=["green"])["TargetGroups"]
        equal([one["TargetGroupArn"] for one in by_name], [self.green])

    def target_groups_are_modified(self):
        self.elb.modify_target_group(
            TargetGroupArn=self.green, HealthCheckPath="/healthz", HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2, Matcher={"HttpCode": "204"},
        )  # fmt: skip
        wanted = {"HealthCheckPath": "/healthz", "HealthCheckIntervalSeconds": 5, "Matcher": {"HttpCode": "204"}}
        holds({**wanted, "HealthyThresholdCount": 5}, self._described(self.green))
        before = self._attributes("target_group", self.green)
        defaults = {
            "deregistration_delay.timeout_seconds": "300",
            "slow_start.duration_seconds": "0",
            "stickiness.enabled": "false",
            "stickiness.type": "lb_cookie",
            "load_balancing.algorithm.type": "round_robin",
        }
        holds(defaults, before, "defaults")
        change = {"deregistration_delay.timeout_seconds": "5", "slow_start.duration_seconds": "30"}
        self.elb.modify_target_group_attributes(TargetGroupArn=self.green, Attributes=_pairs(change))
        equal(self._attributes("target_group", self.green), {**before, **change}, "only what was named has changed")

    def listeners(self):
        weighted = _forward({self.blue: 100, self.green: 0}, sticky=3600)
        made = self.elb.create_listener(
            LoadBalancerArn=self.shop, Protocol="HTTP", Port=18080, DefaultActions=[weighted], Tags=TAGS
        )["Listeners"][0]
        self.listener = made["ListenerArn"]
        holds({"LoadBalancerArn": self.shop, "Protocol": "HTTP", "Port": 18080}, made)
        equal(_weights(made["DefaultActions"]), {self.blue: 100, self.green: 0})
        sticky = made["DefaultActions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"]
        equal(sticky, {"Enabled": True, "DurationSeconds": 3600})
        plain = [{"Type": "forward", "TargetGroupArn": self.green}]
        self.test_listener = self._listener(self.shop, 18081, plain)
        fixed = {
            "Type": "fixed-response",
            "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "closed & <so>"},
        }
        self.closed = self._listener(self.shop, 18082, [fixed])
        found = self.pages(self.elb, "describe_listeners", "Listeners", LoadBalancerArn=self.shop)
        equal(sorted(one["Port"] for one in found), [18080, 18081, 18082])
        equal(next(one for one in found if one["Port"] == 18080), made, "as created and as described")
        test = self.elb.describe_listeners(ListenerArns=[self.test_listener])["Listeners"][0]
        action = test["DefaultActions"][0]
        equal(action["TargetGroupArn"], self.green, "a single group is shown both ways")
        equal(list(_weights([action])), [self.green])
        closed = self.elb.describe_listeners(ListenerArns=[self.closed])["Listeners"][0]
        holds(fixed, closed["DefaultActions"][0])
        for group in (self.blue, self.green):
            equal(self._described(group)["LoadBalancerArns"], [self.shop], "attached now, and once only")
        attached = self.pages(self.elb, "describe_target_groups", "TargetGroups", LoadBalancerArn=self.shop)
        equal(sorted(one["TargetGroupName"] for one in attached), ["blue", "green"])
        equal(self.pages(self.elb, "describe_listeners", "Listeners", LoadBalancerArn=self.inner), [])

    def listeners_are_modified(self):
        half = _forward({self.blue: 50, self.green: 50}, sticky=3600)
        answer = self.elb.modify_listener(ListenerArn=self.listener, DefaultActions=[half])["Listeners"][0]
        equal(_weights(answer["DefaultActions"]), {self.blue: 50, self.green: 50})
        rules = self._rules()
        equal([rule["IsDefault"] for rule in rules], [True])
        equal(_weights(rules[0]["Actions"]), {self.blue: 50, self.green: 50}, "the default rule follows its listener")
        equal(rules[0]["Priority"], "default")
        self.elb.modify_listener(ListenerArn=self.test_listener, Port=18083)
        test = self.elb.describe_listeners(ListenerArns=[self.test_listener])["Listeners"][0]
        holds({"Port": 18083, "Protocol": "HTTP"}, test)
        equal(test["DefaultActions"][0]["TargetGroupArn"], self.green, "what was not named is as it was")

    def rules_with_every_condition(self):
        self.rules = []
        for i, condition in enumerate(CONDITIONS):
            action = _forward({self.blue: 90, self.green: 10})
            made = self._rule(100 - i, [condition], action)
            holds(condition, made["Conditions"][0], f"a condition on {condition['Field']}")
            holds({"Priority": str(100 - i), "IsDefault": False}, made)
            self.rules.append(made["RuleArn"])
        found = self._rules()
        priorities = [rule["Priority"] for rule in found]
        equal(priorities, ["95", "96", "97", "98", "99", "100", "default"], "in order, as numbers, the default last")
        shown = {rule["RuleArn"]: rule["Conditions"] for rule in found}
        for arn, condition in zip(self.rules, CONDITIONS):
            equal(len(shown[arn]), 1)
            holds(condition, shown[arn][0], f"a condition on {condition['Field']}, described")
        by_arn = self.elb.describe_rules(RuleArns=[self.rules[2]])["Rules"]
        equal(by_arn, [rule for rule in found if rule["RuleArn"] == self.rules[2]])

    def conditions_together_and_the_short_form(self):
        both = [CONDITIONS[2], {**CONDITIONS[2], "HttpHeaderConfig": {"HttpHeaderName": "X-Two", "Values": ["b"]}}]
        arn = self._rule(200, [*both, CONDITIONS[3]], _forward({self.blue: 1}))["RuleArn"]
        shown = self._described_rule(arn)["Conditions"]
        names = sorted(one["HttpHeaderConfig"]["HttpHeaderName"] for one in shown if "HttpHeaderConfig" in one)
        equal(names, ["X-Canary", "X-Two"])
        short = self._rule(201, [{"Field": "path-pattern", "Values": ["/old/*"]}], _forward({self.blue: 1}))
        equal(short["Conditions"][0]["Values"], ["/old/*"])
        equal(short["Conditions"][0]["PathPatternConfig"]["Values"], ["/old/*"], "the short form is shown in full too")
        for rule in (arn, short["RuleArn"]):
            self.elb.delete_rule(RuleArn=rule)
        equal(len(self._rules()), 7)

    def rules_are_modified(self):
        arn = self.rules[1]
        before = self._described_rule(arn)
        for blue, green in ((90, 10), (0, 999), (997, 3)):
            weights = {self.blue: blue, self.green: green}
            answer = self.elb.modify_rule(RuleArn=arn, Actions=[_forward(weights, sticky=604800)])["Rules"][0]
            equal(_weights(answer["Actions"]), weights)
            equal(_weights(self._described_rule(arn)["Actions"]), weights)
        equal(self._described_rule(arn)["Conditions"], before["Conditions"], "actions alone were named")
        self.elb.modify_rule(RuleArn=arn, Conditions=[CONDITIONS[0]])
        after = self._described_rule(arn)
        holds(CONDITIONS[0], after["Conditions"][0])
        equal(_weights(after["Actions"]), {self.blue: 997, self.green: 3}, "conditions alone were named")
        redirect = {
            "Type": "redirect",
            "RedirectConfig": {
                "Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}",
                "StatusCode": "HTTP_301",
            },
        }  # fmt: skip
        self.elb.modify_rule(RuleArn=arn, Actions=[redirect])
        holds(redirect, self._described_rule(arn)["Actions"][0])

    def priorities_are_swapped_at_once(self):
        first, second = self.rules[0], self.rules[1]
        pairs = [{"RuleArn": first, "Priority": 99}, {"RuleArn": second, "Priority": 100}]
        answer = self.elb.set_rule_priorities(RulePriorities=pairs)["Rules"]
        wanted = {first: "99", second: "100"}
        equal({rule["RuleArn"]: rule["Priority"] for rule in answer}, wanted)
        seen = {rule["RuleArn"]: rule["Priority"] for rule in self._rules()}
        holds(wanted, seen)
        equal(list(seen)[-2:], [second, list(seen)[-1]], "the new order is the order of the list")

    def tags(self):
        everything = [self.shop, self.blue, self.listener, self.rules[0]]
        equal(self._tags(everything), {arn: _dict(TAGS) for arn in everything[:3]} | {self.rules[0]: {}})
        self.elb.add_tags(ResourceArns=everything, Tags=MORE)
        self.elb.add_tags(ResourceArns=[self.shop], Tags=[{"Key": "team", "Value": "other"}])
        wanted = {arn: _dict(TAGS) | _dict(MORE) for arn in everything[:3]} | {self.rules[0]: _dict(MORE)}
        wanted[self.shop]["team"] = "other"
        equal(self._tags(everything), wanted)
        self.elb.remove_tags(ResourceArns=everything, TagKeys=["more", "never-there"])
        equal(self._tags([self.blue, self.rules[0]]), {self.blue: _dict(TAGS), self.rules[0]: {}})

    def targets_by_hand(self):
        dead = [{"Id": "127.0.0.1", "Port": 9}, {"Id": "127.0.0.1", "Port": 10}]
        self.elb.register_targets(TargetGroupArn=self.third, Targets=dead)
        for row in self._health(self.third):
            holds({"State": "unused", "Reason": "Target.NotInUse"}, row["TargetHealth"], "no listener names the group")
        self.elb.register_targets(TargetGroupArn=self.green, Targets=dead)
        rows = self._health(self.green)
        equal(sorted(row["Target"]["Port"] for row in rows), [9, 10])
        for row in rows:
            assert row["TargetHealth"]["State"] in ("initial", "unhealthy"), row
            assert row["TargetHealth"]["Reason"].split(".")[0] in ("Elb", "Target"), row
            assert row["TargetHealth"]["Description"], row
            equal(row["HealthCheckPort"], str(row["Target"]["Port"]))
        one = self._health(self.green, Targets=[dead[0]])
        equal([row["Target"]["Port"] for row in one], [9])
        stranger = self._health(self.green, Targets=[{"Id": "127.0.0.1", "Port": 11}])
        holds({"State": "unused", "Reason": "Target.NotRegistered"}, stranger[0]["TargetHealth"])
        self.elb.deregister_targets(TargetGroupArn=self.green, Targets=dead[:1])
        state = {row["Target"]["Port"]: row["TargetHealth"]["State"] for row in self._health(self.green)}
        # One that was never healthy has no connections to drain; AWS may show it draining all the same.
        assert state.get(9, "draining") in ("draining", "unused") and state[10] != "draining", state
        waiter = self.elb.get_waiter("target_deregistered")
        waiter.wait(TargetGroupArn=self.green, Targets=dead[:1], WaiterConfig=pace())
        self.elb.deregister_targets(TargetGroupArn=self.third, Targets=dead)

    def everything_is_deleted(self):
        for rule in self.rules:
            self.elb.delete_rule(RuleArn=rule)
        for listener in (self.listener, self.test_listener, self.closed):
            self.elb.delete_listener(ListenerArn=listener)
        equal(self.pages(self.elb, "describe_listeners", "Listeners", LoadBalancerArn=self.shop), [])
        for group in (self.blue, self.green, self.third):
            self.elb.delete_target_group(TargetGroupArn=group)
        equal(self.pages(self.elb, "describe_target_groups", "TargetGroups"), [])
        for balancer in (self.shop, self.inner, self.inner):
            self.elb.delete_load_balancer(LoadBalancerArn=balancer)
        waiter = self.elb.get_waiter("load_balancers_deleted")
        waiter.wait(LoadBalancerArns=[self.shop], WaiterConfig=pace())
        equal(self.pages(self.elb, "describe_load_balancers", "LoadBalancers"), [])

    # --- small helpers --------------------------------------------------------------------------------------------

    def _balancer(self, name):
        return self.elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]

    def _group(self, name):
        made = self.elb.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip")
        return made["TargetGroups"][0]["TargetGroupArn"]

    def _described(self, group):
        return self.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]

    def _attributes(self, kind, arn):
        name = {"load_balancer": "LoadBalancerArn", "target_group": "TargetGroupArn"}[kind]
        answer = getattr(self.elb, f"describe_{kind}_attributes")(**{name: arn})
        return {pair["Key"]: pair["Value"] for pair in answer["Attributes"]}

    def _listener(self, balancer, port, actions):
        made = self.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=actions)
        return made["Listeners"][0]["ListenerArn"]

    def _rule(self, priority, conditions, action):
        made = self.elb.create_rule(
            ListenerArn=self.listener, Priority=priority, Conditions=conditions, Actions=[action]
        )
        return made["Rules"][0]

    def _rules(self):
        return self.pages(self.elb, "describe_rules", "Rules", ListenerArn=self.listener)

    def _described_rule(self, arn):
        return self.elb.describe_rules(RuleArns=[arn])["Rules"][0]

    def _tags(self, arns):
        rows = self.elb.describe_tags(ResourceArns=arns)["TagDescriptions"]
        return {row["ResourceArn"]: _dict(row["Tags"]) for row in rows}

    def _health(self, group, **asked):
        return self.elb.describe_target_health(TargetGroupArn=group, **asked)["TargetHealthDescriptions"]


def _forward(weights, sticky=None):
    config = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]}
    if sticky:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
    return {"Type": "forward", "ForwardConfig": config}


def _weights(actions):
    return {group["TargetGroupArn"]: group.get("Weight") for group in actions[0]["ForwardConfig"]["TargetGroups"]}


def _pairs(attributes):
    return [{"Key": key, "Value": value} for key, value in attributes.items()]


def _dict(tags):
    return {tag["Key"]: tag["Value"] for tag in tags}


if __name__ == "__main__":
    main(Balancers)
