#!/usr/bin/env python3
"""Makes an alarm red for good: it looks at a metric that nobody publishes, and counts that as breaching.

    red.py --endpoint URL --alarm NAME --period SECONDS
"""

import argparse

from checks import Area, until


class Red(Area):
    def make(self, name, period):
        self.cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Nobody",
            MetricName="Nothing",
            Statistic="Sum",
            Period=period,
            EvaluationPeriods=1,
            Threshold=0.0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="breaching",
        )
        state = lambda: self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]  # noqa: E731
        until("a red alarm", state, lambda seen: seen == "ALARM")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--alarm", required=True)
    parser.add_argument("--period", type=int, default=1)
    arguments = parser.parse_args()
    Red(arguments.endpoint).make(arguments.alarm, arguments.period)


if __name__ == "__main__":
    main()
