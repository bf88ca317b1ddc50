#!/usr/bin/env python3
"""Who one is, and whatever carries a tag; and CloudWatch's oldest protocol as anybody could type it by hand."""

import re
import urllib.error
import urllib.parse
import urllib.request

from checks import REGION, Area, equal, main

TAGS = {"team": "shop", "stage": "test"}


class Identity(Area):
    OPERATIONS = frozenset(
        "sts:GetCallerIdentity resourcegroupstaggingapi:GetResources elbv2:CreateTargetGroup"
        " elbv2:CreateLoadBalancer elbv2:AddTags ecs:CreateCluster ecs:RegisterTaskDefinition ecs:CreateService"
        " cloudwatch:PutMetricAlarm".split()
    )

    def who_it_is(self):
        answer = self.sts.get_caller_identity()
        assert re.fullmatch(r"\d{12}", answer["Account"]), answer
        assert answer["Arn"].startswith("arn:aws:") and f":{answer['Account']}:" in answer["Arn"], answer
        assert answer["UserId"], answer
        self.account = answer["Account"]

    def what_carries_a_tag(self):
        upper = [{"Key": key, "Value": value} for key, value in TAGS.items()]
        lower = [{"key": key, "value": value} for key, value in TAGS.items()]
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        self.elb.add_tags(ResourceArns=[balancer["LoadBalancerArn"]], Tags=upper)
        made = [balancer["LoadBalancerArn"]]
        for name, tags in (("blue", upper), ("green", [])):
            group = self.elb.create_target_group(
                Name=name, Protocol="HTTP", Port=80, VpcId="vpc-1", TargetType="ip", **({"Tags": tags} if tags else {})
            )
            made += [group["TargetGroups"][0]["TargetGroupArn"]] if tags else []
        self.ecs.create_cluster(clusterName="shop")
        container = {"name": "web", "image": "sandbox/demo", "memory": 64}
        self.ecs.register_task_definition(family="web", containerDefinitions=[container])
        service = self.ecs.create_service(
            cluster="shop", serviceName="web", taskDefinition="web", desiredCount=0, tags=lower
        )
        made.append(service["service"]["serviceArn"])
        found = self._resources(TagFilters=[{"Key": "team", "Values": ["shop"]}, {"Key": "stage"}])
        equal({arn: found.get(arn) for arn in made}, {arn: TAGS for arn in made})
        assert all(f":{self.account}:" in arn for arn in found), found
        equal(self._resources(TagFilters=[{"Key": "team", "Values": ["nobody"]}]), {})
        groups = self._resources(ResourceTypeFilters=["elasticloadbalancing:targetgroup"])
        equal(list(groups), [made[1]], "what has no tags is not listed")

    def a_request_typed_by_hand(self):
        """Form fields in, XML out: no SDK at all."""
        dimensions = {"Dimensions.member.1.Name": "Side", "Dimensions.member.1.Value": "a&b"}
        status, text = self._query(
            "PutMetricAlarm", AlarmName="by hand", Namespace="Shop", MetricName="Errors", Statistic="Sum", Period="60",
            EvaluationPeriods="1", Threshold="5", ComparisonOperator="GreaterThanThreshold", **dimensions,
        )  # fmt: skip
        equal(status, 200, text)
        assert "<RequestId>" in text, text
        status, text = self._query("DescribeAlarms", **{"AlarmNames.member.1": "by hand"})
        equal(status, 200, text)
        for part in ("<DescribeAlarmsResult>", "<AlarmName>by hand</AlarmName>", "<Value>a&amp;b</Value>"):
            assert part in text, f"{part} is not in {text}"
        status, text = self._query("SetAlarmState", AlarmName="absent", StateValue="OK", StateReason="x")
        assert 400 <= status < 500 and "<Code>ResourceNotFound</Code>" in text, (status, text)

    def another_clients_alarm_is_the_same_alarm(self):
        self.cloudwatch.put_metric_alarm(
            AlarmName="by boto", Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=5, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        for name in ("by boto", "by hand"):
            _, text = self._query("DescribeAlarms", **{"AlarmNames.member.1": name})
            assert f"<AlarmName>{name}</AlarmName>" in text, text

    # --- small helpers --------------------------------------------------------------------------------------------

    def _resources(self, **asked):
        found = self._pages_by_token(**asked)
        return {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in found}

    def _pages_by_token(self, **asked):
        paginator = self.tagging.get_paginator("get_resources")
        whole = [one for page in paginator.paginate(**asked) for one in page["ResourceTagMappingList"]]
        single = []
        for page in paginator.paginate(**asked, ResourcesPerPage=1):
            assert len(page["ResourceTagMappingList"]) <= 1, page
            single += page["ResourceTagMappingList"]
        equal(single, whole, "one resource a page, against all in one")
        return whole

    def _query(self, action, **fields):
        body = urllib.parse.urlencode({"Action": action, "Version": "2010-08-01", **fields}).encode()
        scope = f"test/20260101/{REGION}/monitoring/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        headers = {"Authorization": signed, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = urllib.request.Request(f"{self.endpoint}/", data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


if __name__ == "__main__":
    main(Identity)
