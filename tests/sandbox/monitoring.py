#!/usr/bin/env python3
"""Metric data, alarms of every kind and their history, in whichever of CloudWatch's three protocols is asked for.

    monitoring.py --endpoint URL [--protocol smithy-rpc-v2-cbor|json|query]

The protocol is botocore's own implementation of it: its model of the service is told to offer that one alone.
"""

import copy
import datetime
import json

import boto3
import botocore.session
from botocore.config import Config

from checks import REGION, Area, equal, holds, is_time, main, refused, until

MINUTE = datetime.timedelta(minutes=1)
BOTH = ["MetricAlarm", "CompositeAlarm"]
DIMENSIONS = [{"Name": "LoadBalancer", "Value": "app/shop/1"}, {"Name": "TargetGroup", "Value": "targetgroup/green/1"}]
BASIC = {
    "Namespace": "Shop",
    "MetricName": "Errors",
    "Dimensions": DIMENSIONS,
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 4.5,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}


class Monitoring(Area):
    OPERATIONS = frozenset(
        f"cloudwatch:{name}"
        for name in (
            "DeleteAlarms DescribeAlarmHistory DescribeAlarms DescribeAlarmsForMetric DisableAlarmActions"
            " EnableAlarmActions GetMetricData GetMetricStatistics ListMetrics ListTagsForResource PutCompositeAlarm"
            " PutMetricAlarm PutMetricData SetAlarmState TagResource UntagResource"
        ).split()
    )

    def __init__(self, endpoint, protocol=None):
        self.protocol = protocol
        super().__init__(endpoint)
        now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        self.base = now - 10 * MINUTE
        self.whole = {"StartTime": self.base, "EndTime": now + MINUTE}

    def client(self, service, **config):
        if service != "cloudwatch" or not self.protocol:
            return super().client(service, **config)
        core = botocore.session.get_session()
        loader = core.get_component("data_loader")
        load = loader.load_service_model

        def only_this_protocol(name, kind, api_version=None):
            model = load(name, kind, api_version)
            if (name, kind) != ("cloudwatch", "service-2"):
                return model
            model = copy.deepcopy(model)
            model["metadata"].update(protocol=self.protocol, protocols=[self.protocol])
            if self.protocol == "query":
                # Its codes are the errors' names then, as they were before there was another protocol.
                model["metadata"].pop("awsQueryCompatible")
            return model

        loader.load_service_model = only_this_protocol
        session = boto3.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION, botocore_session=core
        )
        config.setdefault("retries", {"total_max_attempts": 1})
        made = session.client(service, endpoint_url=self.endpoint, config=Config(**config))
        made.meta.events.register("before-call.*.*", self._note)
        equal(made.meta.service_model.resolved_protocol, self.protocol)
        return made

    # --- metrics --------------------------------------------------------------------------------------------------

    def data_in_every_form(self):
        single = [self._datum(i, Value=value) for i, value in enumerate((1.0, 2.0, 4.0))]
        self.cloudwatch.put_metric_data(Namespace="Shop", MetricData=single)
        hundred = {"Values": [float(i) for i in range(1, 101)], "Counts": [1.0] * 100}
        many = self._datum(0, name="Latency", Unit="Seconds", **hundred)
        weighed = self._datum(1, name="Latency", Values=[0.5, 1.5], Counts=[3.0, 1.0], Unit="Seconds")
        stats = {"SampleCount": 4.0, "Sum": 10.0, "Minimum": 1.0, "Maximum": 4.0}
        summed = self._datum(2, name="Latency", StatisticValues=stats, Unit="Seconds")
        self.cloudwatch.put_metric_data(Namespace="Shop", MetricData=[many, weighed, summed])
        self.cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Bare", "Value": 7.0}])
        self.cloudwatch.put_metric_data(Namespace="Other", MetricData=[{"MetricName": "Bare", "Value": 7.0}])

    def metrics_are_listed(self):
        def listed(**asked):
            found = self.every(self.cloudwatch, "list_metrics", "Metrics", **asked)
            return sorted((one["Namespace"], one["MetricName"], len(one["Dimensions"])) for one in found)

        shop = [("Shop", "Bare", 0), ("Shop", "Errors", 2), ("Shop", "Latency", 2)]
        until("the metrics' list", lambda: listed(Namespace="Shop"), lambda seen: seen == shop)
        equal(listed(MetricName="Bare"), [("Other", "Bare", 0), ("Shop", "Bare", 0)])
        equal(listed(Namespace="Shop", Dimensions=DIMENSIONS[:1]), shop[1:])
        equal(listed(Namespace="Shop", Dimensions=[{"Name": "TargetGroup"}]), shop[1:])
        equal(listed(Namespace="Nobody"), [])

    def statistics_of_data(self):
        wanted = {
            "Sum": [5050.0, 3.0, 10.0],
            "Average": [50.5, 0.75, 2.5],
            "Minimum": [1.0, 0.5, 1.0],
            "Maximum": [100.0, 1.5, 4.0],
            "SampleCount": [100.0, 4.0, 4.0],
        }
        queries = [self._query(stat.lower(), stat, "Latency") for stat in wanted]
        results = self._data(queries, ScanBy="TimestampAscending")
        for stat, values in wanted.items():
            equal(results[stat.lower()], list(zip(self._times(3), values)), stat)
        newest_first = self._data([self._query("sum", "Sum", "Latency")])["sum"]
        equal(newest_first, results["sum"][::-1], "newest first unless asked otherwise")
        coarse = self._query("all", "Sum", "Latency")
        coarse["MetricStat"]["Period"] = 3600
        equal(sum(value for _, value in self._data([coarse])["all"]), 5063.0, "whole hours")
        equal(self._data([self._query("none", "Sum", "Absent")])["none"], [], "no data is no error")

    def percentiles_and_shares(self):
        queries = [self._query(id, stat, "Latency") for id, stat in (("p", "p95"), ("m", "p50"), ("s", "PR(:50)"))]
        results = self._data(queries, ScanBy="TimestampAscending")
        # The store may sort values into buckets of one per cent.
        for id, about in (("p", 95.0), ("m", 50.0), ("s", 50.0)):
            time, value = results[id][0]
            equal(time, self.base)
            assert abs(value - about) <= 1.5, f"{id} is {value}, about {about} wanted"

    def counts_above_a_threshold(self):
        stats = (("above", "TC(0.5:)"), ("below", "TC(:0.5)"), ("all", "SampleCount"))
        queries = [self._query(id, stat, "Latency") for id, stat in stats]
        weighed = {id: dict(points)[self.base + MINUTE] for id, points in self._data(queries).items()}
        equal(weighed, {"above": 1.0, "below": 3.0, "all": 4.0}, "the threshold itself is not above it")
        results = self._data(queries)
        times = {id: [time for time, _ in points] for id, points in results.items()}
        equal(times["above"], self._times(2)[::-1], "a statistic set hides what is above")
        equal(times["all"], self._times(3)[::-1])
        wrong = [self._query("wrong", "TC(3:2)", "Latency")]
        refused("ValidationError", self.cloudwatch.get_metric_data, MetricDataQueries=wrong, **self.whole)

    def the_window_is_half_open(self):
        window = {"StartTime": self.base + MINUTE, "EndTime": self.base + 2 * MINUTE}
        asked = [self._query("e", "Sum", "Errors")]
        answer = self.cloudwatch.get_metric_data(MetricDataQueries=asked, **window)["MetricDataResults"][0]
        equal((answer["Timestamps"], answer["Values"]), ([self.base + MINUTE], [2.0]))
        holds({"Id": "e", "StatusCode": "Complete"}, answer)
        assert answer["Label"], "there is always a label"

    def metric_math(self):
        queries = [
            {**self._query("e", "Sum", "Errors"), "ReturnData": False},
            {**self._query("n", "SampleCount", "Latency"), "ReturnData": False},
            {**self._query("x", "Sum", "Absent"), "ReturnData": False},
            {"Id": "rate", "Expression": "100 * e / n", "Label": "error rate"},
            {"Id": "safe", "Expression": "IF(n > 50, e, 0)"},
            {"Id": "filled", "Expression": "FILL(x, 0) + e"},
        ]
        results = self._data(queries, ScanBy="TimestampAscending")
        equal(sorted(results), ["filled", "rate", "safe"], "what is not to be returned is not")
        equal([value for _, value in results["rate"]], [1.0, 50.0, 100.0])
        equal([value for _, value in results["safe"]], [1.0, 0.0, 0.0])
        equal([value for _, value in results["filled"]], [1.0, 2.0, 4.0])

    def data_in_pages(self):
        queries = [self._query("e", "Sum", "Errors"), self._query("n", "SampleCount", "Latency")]
        whole = self._data(queries, ScanBy="TimestampAscending")
        paginator = self.cloudwatch.get_paginator("get_metric_data")
        pages, points = 0, {}
        for page in paginator.paginate(
            MetricDataQueries=queries, **self.whole, ScanBy="TimestampAscending", PaginationConfig={"PageSize": 1}
        ):
            pages += 1
            for one in page["MetricDataResults"]:
                points.setdefault(one["Id"], []).extend(zip(one["Timestamps"], one["Values"]))
        equal(points, whole, f"in {pages} pages")
        assert pages > 1, "one point a page is more than one page"

    def statistics_the_older_way(self):
        asked = {"Namespace": "Shop", "MetricName": "Latency", "Dimensions": DIMENSIONS, "Period": 60, **self.whole}
        answer = self.cloudwatch.get_metric_statistics(**asked, Statistics=["Sum", "Maximum"], Unit="Seconds")
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        equal([(one["Timestamp"], one["Sum"], one["Maximum"], one["Unit"]) for one in points][1],
              (self.base + MINUTE, 3.0, 1.5, "Seconds"))  # fmt: skip
        equal((len(points), answer["Label"]), (3, "Latency"))
        extended = self.cloudwatch.get_metric_statistics(**asked, ExtendedStatistics=["p50"])
        first = min(extended["Datapoints"], key=lambda point: point["Timestamp"])
        assert abs(first["ExtendedStatistics"]["p50"] - 50) <= 1.5, first

    # --- alarms ---------------------------------------------------------------------------------------------------

    def an_alarm_comes_back_whole(self):
        actions = {"ActionsEnabled": True, "AlarmActions": [f"arn:aws:sns:{REGION}:111122223333:ops"]}
        more = {**actions, "AlarmDescription": 'errors of "green" & <more>', "OKActions": [], "Unit": "Count"}
        tags = [{"Key": "team", "Value": "shop"}]
        self.cloudwatch.put_metric_alarm(AlarmName="basic", **BASIC, **more, Tags=tags)
        alarm = self._alarm("basic")
        holds({**BASIC, **more, "AlarmName": "basic", "InsufficientDataActions": []}, alarm)
        assert alarm["AlarmArn"].endswith(":alarm:basic"), alarm["AlarmArn"]
        for moment in ("StateUpdatedTimestamp", "AlarmConfigurationUpdatedTimestamp", "StateTransitionedTimestamp"):
            is_time(alarm[moment], moment)
        self.arn = alarm["AlarmArn"]
        equal(self._tags(), {"team": "shop"})
        self.cloudwatch.tag_resource(ResourceARN=self.arn, Tags=[{"Key": "more", "Value": ""}])
        equal(self._tags(), {"team": "shop", "more": ""})
        self.cloudwatch.untag_resource(ResourceARN=self.arn, TagKeys=["team"])
        equal(self._tags(), {"more": ""})

    def percentile_and_math_alarms(self):
        percentile = {**BASIC, "MetricName": "Latency", "ExtendedStatistic": "p99.5"}
        percentile.pop("Statistic")
        percentile["EvaluateLowSampleCountPercentile"] = "ignore"
        self.cloudwatch.put_metric_alarm(AlarmName="latency", **percentile)
        alarm = self._alarm("latency")
        holds(percentile, alarm)
        assert "Statistic" not in alarm, alarm
        metrics = [
            {**self._query("e", "Sum", "Errors"), "ReturnData": False},
            {**self._query("n", "Sum", "Requests"), "ReturnData": False},
            {"Id": "rate", "Expression": "100 * FILL(e, 0) / n", "Label": "error rate", "ReturnData": True},
        ]
        math = {"EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold"}
        self.cloudwatch.put_metric_alarm(AlarmName="rate", Metrics=metrics, **math)
        alarm = self._alarm("rate")
        holds(math, alarm)
        assert not {"MetricName", "Namespace", "Period", "Statistic"} & set(alarm), alarm
        shown = {one["Id"]: one for one in alarm["Metrics"]}
        for metric in metrics:
            holds(metric, shown[metric["Id"]])

    def composites_only_when_asked_for(self):
        rule = 'ALARM("basic") OR (ALARM(rate) AND NOT OK(latency))'
        more = {"AlarmDescription": "either", "ActionsEnabled": False}
        self.cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule=rule, **more)
        named = {"AlarmNames": ["any", "basic", "absent"]}
        silent = self.every(self.cloudwatch, "describe_alarms", "MetricAlarms", **named)
        equal([one["AlarmName"] for one in silent], ["basic"])
        silent = self.every(self.cloudwatch, "describe_alarms", "CompositeAlarms", **named)
        equal(silent, [], "composites are left out unless their type is asked for")
        metric = self.every(self.cloudwatch, "describe_alarms", "MetricAlarms", AlarmTypes=BOTH, **named)
        equal([one["AlarmName"] for one in metric], ["basic"])
        composite = self.every(self.cloudwatch, "describe_alarms", "CompositeAlarms", AlarmTypes=BOTH, **named)[0]
        holds({"AlarmName": "any", "AlarmRule": rule, "AlarmDescription": "either", "ActionsEnabled": False}, composite)
        is_time(composite["StateTransitionedTimestamp"], "StateTransitionedTimestamp")

    def alarms_in_pages_and_by_filter(self):
        metric = self.pages(self.cloudwatch, "describe_alarms", "MetricAlarms", AlarmTypes=["MetricAlarm"])
        equal(sorted(one["AlarmName"] for one in metric), ["basic", "latency", "rate"])
        names, pages = [], 0
        paginator = self.cloudwatch.get_paginator("describe_alarms")
        for page in paginator.paginate(AlarmTypes=BOTH, PaginationConfig={"PageSize": 1}):
            found = [one["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for one in page.get(kind, [])]
            assert len(found) <= 1, found
            names, pages = names + found, pages + 1
        equal(sorted(names), ["any", "basic", "latency", "rate"])
        by_prefix = self.cloudwatch.describe_alarms(AlarmNamePrefix="ba", AlarmTypes=BOTH)
        equal([one["AlarmName"] for one in by_prefix["MetricAlarms"]], ["basic"])
        for_metric = self.cloudwatch.describe_alarms_for_metric(
            Namespace="Shop", MetricName="Errors", Dimensions=DIMENSIONS, Statistic="Sum", Period=60
        )
        equal([one["AlarmName"] for one in for_metric["MetricAlarms"]], ["basic"])

    def states_by_hand_and_their_history(self):
        quiet = {**BASIC, "MetricName": "Never", "TreatMissingData": "ignore"}
        self.cloudwatch.put_metric_alarm(AlarmName="by-hand", **quiet)
        equal(self._state("by-hand"), "INSUFFICIENT_DATA", "a new alarm has no state yet")
        for state in ("OK", "ALARM", "ALARM", "OK"):
            self.cloudwatch.set_alarm_state(
                AlarmName="by-hand", StateValue=state, StateReason=f"a test says {state}",
                StateReasonData='{"by":"test"}',
            )  # fmt: skip
            alarm = self._alarm("by-hand")
            holds({"StateValue": state, "StateReason": f"a test says {state}"}, alarm)
        in_alarm = self.cloudwatch.describe_alarms(StateValue="OK", AlarmNamePrefix="by-")
        equal([one["AlarmName"] for one in in_alarm["MetricAlarms"]], ["by-hand"])
        items = self.pages(
            self.cloudwatch, "describe_alarm_history", "AlarmHistoryItems", AlarmName="by-hand",
            HistoryItemType="StateUpdate", ScanBy="TimestampAscending",
        )  # fmt: skip
        data = [json.loads(item["HistoryData"]) for item in items]
        moves = [(one["oldState"]["stateValue"], one["newState"]["stateValue"]) for one in data]
        equal(moves, [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")], "what did not move is no move")
        holds({"AlarmName": "by-hand", "AlarmType": "MetricAlarm"}, items[0])
        for item in items:
            is_time(item["Timestamp"], "Timestamp")
            assert item["HistorySummary"], item
        asked = {"AlarmName": "by-hand", "HistoryItemType": "StateUpdate"}
        newest = self.every(self.cloudwatch, "describe_alarm_history", "AlarmHistoryItems", **asked)
        equal(newest, items[::-1], "newest first unless asked otherwise")
        since = items[-1]["Timestamp"] + datetime.timedelta(hours=1)
        later = self.cloudwatch.describe_alarm_history(AlarmName="by-hand", StartDate=since, EndDate=since + MINUTE)
        equal(later["AlarmHistoryItems"], [])
        created = self.cloudwatch.describe_alarm_history(AlarmName="by-hand", HistoryItemType="ConfigurationUpdate")
        assert created["AlarmHistoryItems"], "that it was made is in its history too"

    def an_update_keeps_the_state(self):
        changed = {**BASIC, "MetricName": "Never", "TreatMissingData": "ignore", "Threshold": 9.0}
        self.cloudwatch.put_metric_alarm(AlarmName="by-hand", **changed)
        alarm = self._alarm("by-hand")
        holds({"StateValue": "OK", "Threshold": 9.0}, alarm)
        self.cloudwatch.disable_alarm_actions(AlarmNames=["by-hand", "any"])
        equal(self._alarm("by-hand")["ActionsEnabled"], False)
        self.cloudwatch.enable_alarm_actions(AlarmNames=["by-hand"])
        equal(self._alarm("by-hand")["ActionsEnabled"], True)

    def alarms_are_deleted(self):
        refused(("ValidationError", "ResourceConflict"), self.cloudwatch.delete_alarms, AlarmNames=["basic"])
        self.cloudwatch.delete_alarms(AlarmNames=["any"])
        self.cloudwatch.delete_alarms(AlarmNames=["basic", "latency", "rate", "by-hand"])
        left = self.cloudwatch.describe_alarms(AlarmTypes=BOTH)
        equal(left["MetricAlarms"] + left.get("CompositeAlarms", []), [])

    # --- small helpers --------------------------------------------------------------------------------------------

    def _datum(self, minute, name="Errors", **value):
        return {"MetricName": name, "Dimensions": DIMENSIONS, "Timestamp": self.base + minute * MINUTE, **value}

    def _times(self, count):
        return [self.base + i * MINUTE for i in range(count)]

    @staticmethod
    def _query(id, stat, name):
        metric = {"Namespace": "Shop", "MetricName": name, "Dimensions": DIMENSIONS}
        return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}

    def _data(self, queries, **more):
        points = {}
        asked = {"MetricDataQueries": queries, **self.whole, **more}
        for one in self.every(self.cloudwatch, "get_metric_data", "MetricDataResults", **asked):
            points.setdefault(one["Id"], []).extend(zip(one["Timestamps"], one["Values"]))
        return points

    def _alarm(self, name):
        return self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]

    def _state(self, name):
        return self._alarm(name)["StateValue"]

    def _tags(self):
        tags = self.cloudwatch.list_tags_for_resource(ResourceARN=self.arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}


if __name__ == "__main__":
    main(Monitoring, "--protocol")
