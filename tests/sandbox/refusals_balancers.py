#!/usr/bin/env python3
"""What Elastic Load Balancing refuses: the error's code, and that nothing has changed by the try."""

from checks import ABSENT, Area, equal, main, refused

GROUP = {"Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-1", "TargetType": "ip"}
PATH = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x/*"]}}]


class RefusalsOfBalancers(Area):
    INDEPENDENT = True
    OPERATIONS = frozenset(
        f"elbv2:{name}"
        for name in (
            "AddTags CreateListener CreateLoadBalancer CreateRule CreateTargetGroup DeleteRule DeleteTargetGroup"
            " DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules DescribeTags"
            " DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth ModifyListener ModifyRule"
            " ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets SetRulePriorities"
        ).split()
    )

    def a_world(self):
        # Everything is sent as it stands: it is the service that has to refuse it.
        self.elb = self.unchecked("elbv2")
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        self.balancer = balancer["LoadBalancerArn"]
        self.groups = [
            self.elb.create_target_group(Name=f"group-{i}", **GROUP)["TargetGroups"][0]["TargetGroupArn"]
            for i in range(6)
        ]
        self.listener = self._listener(18080)
        self.other = self._listener(18081)
        self.rules = [self._rule(priority)["RuleArn"] for priority in (10, 20)]
        self.default = next(rule for rule in self._rules() if rule["IsDefault"])["RuleArn"]
        self.elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[self.balancer])

    # --- what other emulators let through ---------------------------------------------------------------------------

    def a_group_of_the_same_name_with_other_settings(self):
        self._refuse("DuplicateTargetGroupName", self.elb.create_target_group, Name="group-0", **{**GROUP, "Port": 81})

    def a_second_listener_on_a_port(self):
        self._refuse("DuplicateListener", self._listener, port=18080)

    def the_default_rule_by_modify_rule(self):
        action = [_forward({self.groups[0]: 1})]
        self._refuse("OperationNotPermitted", self.elb.modify_rule, RuleArn=self.default, Actions=action)
        pairs = [{"RuleArn": self.default, "Priority": 3}]
        self._refuse("OperationNotPermitted", self.elb.set_rule_priorities, RulePriorities=pairs)
        self._refuse("OperationNotPermitted", self.elb.delete_rule, RuleArn=self.default)

    def a_weight_of_1000(self):
        self._refuse_action("ValidationError", _forward({self.groups[0]: 1000, self.groups[1]: 1}))

    def a_weight_below_0(self):
        self._refuse_action("ValidationError", _forward({self.groups[0]: -1, self.groups[1]: 1}))

    def six_groups_in_an_action(self):
        self._refuse_action(TOO_MANY_GROUPS, _forward({arn: 1 for arn in self.groups}))

    def stickiness_of_more_than_a_week(self):
        self._refuse_action("ValidationError", _forward({self.groups[0]: 1, self.groups[1]: 1}, sticky=700_000))

    def stickiness_without_a_duration(self):
        action = _forward({self.groups[0]: 1, self.groups[1]: 1})
        action["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True}
        self._refuse_action(BAD_ACTION, action)

    def a_group_that_is_not_there(self):
        self._refuse_action("TargetGroupNotFound", _forward({f"{ABSENT}targetgroup/absent/0123456789abcdef": 1}))

    def a_priority_that_is_taken(self):
        self._refuse("PriorityInUse", self._rule, priority=10)
        pairs = [{"RuleArn": self.rules[0], "Priority": 20}]
        self._refuse("PriorityInUse", self.elb.set_rule_priorities, RulePriorities=pairs)

    def a_rule_that_is_not_there(self):
        tail = self.listener.split(":listener/")[1]
        rule = f"{ABSENT}listener-rule/{tail}/0123456789abcdef"
        self._refuse("RuleNotFound", self.elb.modify_rule, RuleArn=rule, Actions=[_forward({self.groups[0]: 1})])
        self._refuse("RuleNotFound", self.elb.describe_rules, RuleArns=[rule])

    def a_group_in_use_is_not_deleted(self):
        self._refuse("ResourceInUse", self.elb.delete_target_group, TargetGroupArn=self.groups[0])

    def a_load_balancer_that_is_not_there(self):
        self._refuse("LoadBalancerNotFound", self.elb.describe_load_balancers, Names=["absent"])
        absent = f"{ABSENT}loadbalancer/app/absent/0123456789abcdef"
        self._refuse("LoadBalancerNotFound", self.elb.describe_load_balancers, LoadBalancerArns=[absent])

    def a_group_to_describe_that_is_not_there(self):
        self._refuse("TargetGroupNotFound", self.elb.describe_target_groups, Names=["absent"])
        absent = f"{ABSENT}targetgroup/absent/0123456789abcdef"
        self._refuse("TargetGroupNotFound", self.elb.describe_target_groups, TargetGroupArns=[absent])
        self._refuse("TargetGroupNotFound", self.elb.describe_target_health, TargetGroupArn=absent)

    def health_of_targets_that_get_no_traffic(self):
        """Two rows that are no refusals: what the others answered wrongly about targets out of use."""
        stranger = [{"Id": "10.9.9.9", "Port": 1}]
        rows = self.elb.describe_target_health(TargetGroupArn=self.groups[0], Targets=stranger)
        states = [row["TargetHealth"] for row in rows["TargetHealthDescriptions"]]
        equal([(one["State"], one["Reason"]) for one in states], [("unused", "Target.NotRegistered")])
        self.elb.register_targets(TargetGroupArn=self.groups[5], Targets=[{"Id": "127.0.0.1", "Port": 9}])
        rows = self.elb.describe_target_health(TargetGroupArn=self.groups[5])
        states = [row["TargetHealth"] for row in rows["TargetHealthDescriptions"]]
        equal([(one["State"], one["Reason"]) for one in states], [("unused", "Target.NotInUse")])

    # --- more that an operator could get wrong --------------------------------------------------------------------

    def a_listener_that_is_not_there(self):
        listener = self.listener[:-16] + "0123456789abcdef"
        self._refuse("ListenerNotFound", self.elb.describe_listeners, ListenerArns=[listener])
        self._refuse("ListenerNotFound", self.elb.describe_rules, ListenerArn=listener)
        actions = [_forward({self.groups[0]: 1})]
        self._refuse("ListenerNotFound", self.elb.modify_listener, ListenerArn=listener, DefaultActions=actions)

    def a_load_balancer_of_the_same_name_with_other_settings(self):
        self._refuse(
            "DuplicateLoadBalancerName", self.elb.create_load_balancer, Name="shop", Subnets=["subnet-1", "subnet-2"],
            Scheme="internal",
        )  # fmt: skip

    def names_that_are_none(self):
        for name in ("-shop", "shop_1", "x" * 33):
            self._refuse("ValidationError", self.elb.create_target_group, Name=name, **GROUP)

    def actions_that_do_not_end_in_one(self):
        fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
        forward = _forward({self.groups[0]: 1})
        self._refuse(BAD_ACTION, self.elb.modify_rule, RuleArn=self.rules[0], Actions=[fixed, forward])
        self._refuse(BAD_ACTION, self.elb.modify_rule, RuleArn=self.rules[0], Actions=[])
        self._refuse(BAD_ACTION, self.elb.modify_rule, RuleArn=self.rules[0], Actions=[{"Type": "bogus"}])

    def two_ways_to_name_a_group_that_differ(self):
        action = {**_forward({self.groups[0]: 1}), "TargetGroupArn": self.groups[1]}
        self._refuse_action(BAD_ACTION, action)

    def conditions_beyond_the_limits(self):
        values = [f"/{i}/*" for i in range(6)]
        many = [{"Field": "path-pattern", "PathPatternConfig": {"Values": values}}]
        self._refuse(TOO_MANY_VALUES, self._rule, priority=30, conditions=many)
        self._refuse(BAD_CONDITION, self._rule, priority=30, conditions=[*PATH, *PATH])
        bogus = [{"Field": "bogus", "Values": ["x"]}]
        self._refuse(BAD_CONDITION, self._rule, priority=30, conditions=bogus)
        header = [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Host", "Values": ["x"]}}]
        self._refuse(BAD_CONDITION, self._rule, priority=30, conditions=header)

    def priorities_out_of_range(self):
        for priority in (0, 50_001):
            self._refuse("ValidationError", self._rule, priority=priority)

    def attributes_out_of_range_or_unknown(self):
        for key, value in (
            ("deregistration_delay.timeout_seconds", "3601"),
            ("slow_start.duration_seconds", "29"),
            ("load_balancing.algorithm.type", "bogus"),
            ("no.such.attribute", "1"),
        ):
            pair = [{"Key": key, "Value": value}]
            self._refuse(
                BAD_SETTING, self.elb.modify_target_group_attributes, TargetGroupArn=self.groups[0], Attributes=pair
            )

    def a_check_that_takes_longer_than_its_interval(self):
        self._refuse(
            BAD_SETTING, self.elb.modify_target_group, TargetGroupArn=self.groups[0], HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=6,
        )  # fmt: skip

    def a_page_size_out_of_range(self):
        for size in (0, 401):
            self._refuse("ValidationError", self.elb.describe_target_groups, PageSize=size)

    def a_marker_that_was_never_given(self):
        self._refuse("ValidationError", self.elb.describe_target_groups, Marker="bogus")

    def nothing_named_and_everything_named(self):
        self._refuse("ValidationError", self.elb.describe_rules)
        self._refuse("ValidationError", self.elb.describe_rules, ListenerArn=self.listener, RuleArns=self.rules)
        self._refuse("ValidationError", self.elb.create_target_group)

    def tags_of_what_is_not_there(self):
        absent = f"{ABSENT}targetgroup/absent/0123456789abcdef"
        tags = [{"Key": "a", "Value": "b"}]
        self._refuse("TargetGroupNotFound", self.elb.add_tags, ResourceArns=[absent], Tags=tags)
        twice = [*tags, *tags]
        self._refuse("DuplicateTagKeys", self.elb.add_tags, ResourceArns=[self.groups[0]], Tags=twice)

    # --- small helpers --------------------------------------------------------------------------------------------

    def _refuse(self, code, call, **asked):
        before = self._everything()
        refused(code, call, **asked)
        equal(self._everything(), before, f"refused with {code}, and yet something changed")

    def _refuse_action(self, code, action):
        """The same action at every door."""
        self._refuse(code, self.elb.modify_rule, RuleArn=self.rules[0], Actions=[action])
        self._refuse(code, self.elb.modify_listener, ListenerArn=self.listener, DefaultActions=[action])
        self._refuse(code, self._rule, priority=30, action=action)
        self._refuse(code, self._listener, port=18090, action=action)

    def _everything(self):
        listeners = self.elb.describe_listeners(LoadBalancerArn=self.balancer)["Listeners"]
        groups = self.elb.describe_target_groups()["TargetGroups"]
        arns = [self.balancer, self.listener, *self.groups, *self.rules]
        return [
            self.elb.describe_load_balancers()["LoadBalancers"],
            self.elb.describe_load_balancer_attributes(LoadBalancerArn=self.balancer)["Attributes"],
            listeners,
            [self.elb.describe_rules(ListenerArn=one["ListenerArn"])["Rules"] for one in listeners],
            groups,
            [self.elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"] for arn in self.groups],
            self.elb.describe_tags(ResourceArns=arns)["TagDescriptions"],
        ]

    def _listener(self, port, action=None):
        action = action or _forward({self.groups[0]: 100, self.groups[1]: 0})
        made = self.elb.create_listener(
            LoadBalancerArn=self.balancer, Protocol="HTTP", Port=port, DefaultActions=[action]
        )
        return made["Listeners"][0]["ListenerArn"]

    def _rule(self, priority, conditions=None, action=None):
        action = action or _forward({self.groups[0]: 100, self.groups[1]: 0})
        made = self.elb.create_rule(
            ListenerArn=self.listener, Priority=priority, Conditions=conditions or PATH, Actions=[action]
        )
        return made["Rules"][0]

    def _rules(self):
        return self.elb.describe_rules(ListenerArn=self.listener)["Rules"]


# Where AWS's documentation names the refusal and not which of its codes it has.
BAD_ACTION = ("ValidationError", "InvalidLoadBalancerAction")
BAD_CONDITION = ("ValidationError", "InvalidConfigurationRequest", "TooManyConditions")
BAD_SETTING = ("ValidationError", "InvalidConfigurationRequest")
TOO_MANY_GROUPS = ("ValidationError", "InvalidLoadBalancerAction", "TooManyTargetGroups", "TooManyActions")
TOO_MANY_VALUES = ("ValidationError", "InvalidConfigurationRequest", "TooManyConditionValues")


def _forward(weights, sticky=None):
    config = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]}
    if sticky:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
    return {"Type": "forward", "ForwardConfig": config}


if __name__ == "__main__":
    main(RefusalsOfBalancers)
