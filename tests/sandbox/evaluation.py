#!/usr/bin/env python3
"""Alarms that turn by themselves: from data that boto3 puts, at the sandbox's own clock."""

from checks import Area, equal, main, until

BOTH = ["MetricAlarm", "CompositeAlarm"]
ALARM = {
    "Namespace": "Shop",
    "Statistic": "Sum",
    # A second for a minute: the sandbox is started so that its load balancers publish as often.
    "Period": 1,
    "EvaluationPeriods": 1,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
PATIENCE = 45.0


class Evaluation(Area):
    OPERATIONS = frozenset(
        f"cloudwatch:{name}"
        for name in "DescribeAlarmHistory DescribeAlarms PutCompositeAlarm PutMetricAlarm PutMetricData".split()
    )

    def alarms_of_every_kind(self):
        put = self.cloudwatch.put_metric_alarm
        put(AlarmName="errors", MetricName="Errors", TreatMissingData="notBreaching", **ALARM)
        put(AlarmName="missing", MetricName="Nothing", TreatMissingData="missing", **ALARM)
        put(AlarmName="breaching", MetricName="Nothing", TreatMissingData="breaching", **ALARM)
        twice = {**ALARM, "EvaluationPeriods": 3, "DatapointsToAlarm": 3}
        put(AlarmName="thrice", MetricName="Errors", TreatMissingData="notBreaching", **twice)
        percentile = {key: value for key, value in ALARM.items() if key != "Statistic"}
        percentile |= {"ExtendedStatistic": "p90", "TreatMissingData": "notBreaching"}
        put(AlarmName="slow", MetricName="Latency", **percentile)
        stat = lambda id, name: {  # noqa: E731
            "Id": id, "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": name}, "Period": 1, "Stat": "Sum"},
        }  # fmt: skip
        rate = {"Id": "rate", "Expression": "100 * FILL(e, 0) / n", "ReturnData": True}
        put(
            AlarmName="rate", Metrics=[stat("e", "Errors"), stat("n", "Requests"), rate], EvaluationPeriods=1,
            Threshold=5.0, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
        )  # fmt: skip
        compose = self.cloudwatch.put_composite_alarm
        compose(AlarmName="any", AlarmRule="ALARM(errors) OR ALARM(slow)")
        compose(AlarmName="both", AlarmRule="ALARM(errors) AND NOT ALARM(missing)")

    def states_without_data(self):
        wanted = {
            "errors": "OK",
            "missing": "INSUFFICIENT_DATA",
            "breaching": "ALARM",
            "thrice": "OK",
            "slow": "OK",
            "any": "OK",
            "both": "OK",
        }
        self._until(wanted)

    def bad_data_turns_them(self):
        def states_under_errors():
            points = [
                {"MetricName": "Errors", "Value": 6.0},
                {"MetricName": "Requests", "Value": 60.0},
                {"MetricName": "Latency", "Values": [1.0, 9.0], "Counts": [5.0, 5.0]},
            ]
            points = [{**point, "StorageResolution": 1} for point in points]
            self.cloudwatch.put_metric_data(Namespace="Shop", MetricData=points)
            return self._states()

        names = ("errors", "thrice", "slow", "rate", "any", "both")
        self._until({name: "ALARM" for name in names}, states_under_errors)

    def silence_turns_them_back(self):
        self._until({name: "OK" for name in ("errors", "slow", "rate", "thrice", "any", "both")})

    def their_history_tells(self):
        for name in ("errors", "any"):
            items = self.cloudwatch.describe_alarm_history(
                AlarmName=name, HistoryItemType="StateUpdate", ScanBy="TimestampAscending", AlarmTypes=BOTH
            )["AlarmHistoryItems"]
            said = [item["HistorySummary"].split(" from ")[1] for item in items]
            equal(said[-2:], ["OK to ALARM", "ALARM to OK"], f"{name}: {said}")

    # --- small helpers --------------------------------------------------------------------------------------------

    def _states(self):
        answer = self.cloudwatch.describe_alarms(AlarmTypes=BOTH)
        alarms = answer["MetricAlarms"] + answer["CompositeAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}

    def _until(self, wanted, look=None):
        fits = lambda seen: wanted.items() <= seen.items()  # noqa: E731
        until(f"the alarms' turn to {wanted}", look or self._states, fits, PATIENCE)


if __name__ == "__main__":
    main(Evaluation)
