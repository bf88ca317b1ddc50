#!/usr/bin/env python3
"""When an alarm turned: one JSON list of [seconds since 1970, new state], oldest first.

    turns.py --endpoint URL --alarm NAME
"""

import argparse
import json

from checks import Area


def main():
    parser = argparse.ArgumentParser()
    for flag in ("--endpoint", "--alarm"):
        parser.add_argument(flag, required=True)
    arguments = parser.parse_args()
    area = Area(arguments.endpoint)
    items = area.every(
        area.cloudwatch, "describe_alarm_history", "AlarmHistoryItems", AlarmName=arguments.alarm,
        HistoryItemType="StateUpdate", ScanBy="TimestampAscending",
    )  # fmt: skip
    states = [json.loads(item["HistoryData"])["newState"]["stateValue"] for item in items]
    print(json.dumps([[item["Timestamp"].timestamp(), state] for item, state in zip(items, states)]))


if __name__ == "__main__":
    main()
