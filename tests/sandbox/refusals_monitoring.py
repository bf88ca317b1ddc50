#!/usr/bin/env python3
"""What CloudWatch refuses: the error's code, and that nothing has changed by the try."""

import datetime

from checks import equal, main, refused
from monitoring import BASIC, BOTH, Monitoring

INVALID = "ValidationError"
WRONG_DATA = ("InvalidParameterValue", "InvalidParameterCombination", "ValidationError")


class RefusalsOfMonitoring(Monitoring):
    INDEPENDENT = True
    OPERATIONS = frozenset(
        f"cloudwatch:{name}"
        for name in (
            "DeleteAlarms DescribeAlarmHistory DescribeAlarms GetMetricData ListMetrics"
            " PutCompositeAlarm PutMetricAlarm PutMetricData SetAlarmState TagResource"
        ).split()
    )

    def client(self, service, **config):
        return super().client(service, parameter_validation=False, **config)

    def a_world(self):
        quiet = {**BASIC, "TreatMissingData": "ignore"}
        self.cloudwatch.put_metric_alarm(AlarmName="basic", **quiet)
        self.cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule="ALARM(basic)")
        self.cloudwatch.set_alarm_state(AlarmName="basic", StateValue="OK", StateReason="a test")

    # --- what other emulators let through ---------------------------------------------------------------------------

    def a_composite_on_an_alarm_that_is_not_there(self):
        self._refuse(INVALID, self._composite, AlarmRule="ALARM(absent) OR ALARM(basic)")

    def a_period_of_17_seconds(self):
        for period in (17, 0, -60, 90):
            self._refuse(INVALID, self._alarm_of, Period=period)

    def an_alarm_without_a_metric(self):
        for name in ("MetricName", "Namespace", "Statistic", "Period"):
            self._refuse(BAD_ALARM, self._alarm_of, without=name)
        self._refuse(BAD_ALARM, self.cloudwatch.put_metric_alarm, AlarmName="new", **THRESHOLD)

    def more_points_to_alarm_than_periods(self):
        self._refuse(INVALID, self._alarm_of, DatapointsToAlarm=4)

    def a_comparison_that_is_none(self):
        self._refuse(INVALID, self._alarm_of, ComparisonOperator="Bogus")

    def the_state_of_an_alarm_that_is_not_there(self):
        self._refuse("ResourceNotFound", self._set, AlarmName="absent", StateValue="OK")

    def a_state_that_is_none(self):
        self._refuse(("ValidationError", "InvalidFormat"), self._set, AlarmName="basic", StateValue="BOGUS")

    def values_and_counts_of_different_length(self):
        datum = {"MetricName": "Errors", "Values": [1.0, 2.0], "Counts": [1.0]}
        self._refuse(WRONG_DATA, self._put, datum=datum)

    # --- more that an operator could get wrong --------------------------------------------------------------------

    def alarms_that_contradict_themselves(self):
        self._refuse(BAD_ALARM, self._alarm_of, ExtendedStatistic="p99")
        self._refuse(BAD_ALARM, self._alarm_of, without="Statistic", ExtendedStatistic="p101")
        self._refuse(INVALID, self._alarm_of, Statistic="Bogus")
        self._refuse(BAD_ALARM, self._alarm_of, TreatMissingData="bogus")
        self._refuse(INVALID, self._alarm_of, EvaluationPeriods=0)
        self._refuse(BAD_ALARM, self._alarm_of, without="Threshold")

    def more_than_a_day_of_periods(self):
        self._refuse(BAD_ALARM, self._alarm_of, Period=300, EvaluationPeriods=289)

    def math_without_a_single_result(self):
        stat = {"Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
        two = [{"Id": "a", "MetricStat": stat}, {"Id": "b", "MetricStat": stat}]
        self._refuse(INVALID, self._math, metrics=two)
        wrong = [{"Id": "a", "MetricStat": stat, "ReturnData": False}, {"Id": "x", "Expression": "a +"}]
        self._refuse(INVALID, self._math, metrics=wrong)
        absent = [{"Id": "a", "MetricStat": stat, "ReturnData": False}, {"Id": "x", "Expression": "a + b"}]
        self._refuse(INVALID, self._math, metrics=absent)
        self._refuse(INVALID, self._math, metrics=[{"Id": "A", "MetricStat": stat}])

    def composite_rules_that_cannot_be_read(self):
        for rule in ("ALARM(basic", "BOGUS(basic)", "ALARM(basic) XOR OK(basic)"):
            self._refuse(INVALID, self._composite, AlarmRule=rule)
        self._refuse(BAD_ALARM, self._composite, AlarmRule="")

    def a_child_of_a_composite_is_not_deleted(self):
        self._refuse((INVALID, "ResourceConflict"), self.cloudwatch.delete_alarms, AlarmNames=["basic"])

    def data_that_cannot_be(self):
        for datum in (
            {"Value": 1.0},
            {"MetricName": "Errors"},
            {"MetricName": "Errors", "Value": 1.0, "Unit": "Bogus"},
            {"MetricName": "Errors", "Value": 1.0, "Dimensions": [{"Name": f"d{i}", "Value": "x"} for i in range(31)]},
            {"MetricName": "Errors", "Value": 1.0, "Timestamp": self.base - datetime.timedelta(days=15)},
        ):
            self._refuse((*WRONG_DATA, "MissingParameter"), self._put, datum=datum)
        fine = {"MetricName": "Errors", "Value": 1.0}
        self._refuse(WRONG_DATA, self._put, datum=fine, namespace="AWS/ApplicationELB")

    def queries_that_cannot_be_answered(self):
        ask = self.cloudwatch.get_metric_data
        self._refuse(INVALID, ask, MetricDataQueries=[], **self.whole)
        self._refuse(INVALID, ask, MetricDataQueries=[{"Id": "x", "Expression": "y + 1"}], **self.whole)
        twice = [self._query("a", "Sum", "Errors"), self._query("a", "Sum", "Latency")]
        self._refuse(INVALID, ask, MetricDataQueries=twice, **self.whole)
        backwards = {"StartTime": self.whole["EndTime"], "EndTime": self.whole["StartTime"]}
        self._refuse(INVALID, ask, MetricDataQueries=[self._query("a", "Sum", "Errors")], **backwards)
        self._refuse(INVALID, ask, MetricDataQueries=[self._query("a", "Bogus", "Errors")], **self.whole)

    def tokens_and_page_sizes(self):
        self._refuse("InvalidNextToken", self.cloudwatch.describe_alarms, NextToken="bogus")
        for size in (0, 101):
            self._refuse((INVALID, "InvalidParameterValue"), self.cloudwatch.describe_alarms, MaxRecords=size)
        both = {"AlarmNames": ["basic"], "AlarmNamePrefix": "b"}
        self._refuse((INVALID, "InvalidParameterCombination"), self.cloudwatch.describe_alarms, **both)
        many = [f"a{i}" for i in range(101)]
        self._refuse(INVALID, self.cloudwatch.describe_alarms, AlarmNames=many)

    def tags_of_what_is_not_there(self):
        arn = "arn:aws:cloudwatch:eu-west-3:111122223333:alarm:absent"
        codes = ("ResourceNotFoundException", "ResourceNotFound")
        self._refuse(codes, self.cloudwatch.tag_resource, ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])

    # --- small helpers --------------------------------------------------------------------------------------------

    def _refuse(self, code, call, **asked):
        before = self._everything()
        refused(code, call, **asked)
        equal(self._everything(), before, f"refused with {code}, and yet something changed")

    def _everything(self):
        alarms = self.cloudwatch.describe_alarms(AlarmTypes=BOTH)
        return [
            alarms["MetricAlarms"],
            alarms.get("CompositeAlarms", []),
            self.cloudwatch.describe_alarm_history(HistoryItemType="ConfigurationUpdate")["AlarmHistoryItems"],
            self.cloudwatch.list_metrics()["Metrics"],
        ]

    def _alarm_of(self, without=None, **changed):
        asked = {key: value for key, value in {**BASIC, **changed}.items() if key != without}
        self.cloudwatch.put_metric_alarm(AlarmName="new", **asked)

    def _math(self, metrics):
        self.cloudwatch.put_metric_alarm(AlarmName="new", Metrics=metrics, **THRESHOLD)

    def _composite(self, AlarmRule):
        self.cloudwatch.put_composite_alarm(AlarmName="new", AlarmRule=AlarmRule)

    def _set(self, AlarmName, StateValue):
        self.cloudwatch.set_alarm_state(AlarmName=AlarmName, StateValue=StateValue, StateReason="a test")

    def _put(self, datum, namespace="Shop"):
        self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])


THRESHOLD = {"EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold"}
BAD_ALARM = ("ValidationError", "InvalidParameterCombination", "MissingParameter", "InvalidParameterValue")

if __name__ == "__main__":
    main(RefusalsOfMonitoring, "--protocol")
