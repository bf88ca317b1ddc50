#!/usr/bin/env python3
"""The task sets of a service that nobody has deleted: one JSON list of [group, revision, tasks wanted, running, status].

    sets.py --endpoint URL --service NAME
"""

import argparse
import json

from checks import Area


def main():
    parser = argparse.ArgumentParser()
    for flag in ("--endpoint", "--service"):
        parser.add_argument(flag, required=True)
    arguments = parser.parse_args()
    area = Area(arguments.endpoint)
    sets = area.ecs.describe_task_sets(cluster="shop", service=arguments.service)["taskSets"]
    shown = [
        [
            one["loadBalancers"][0]["targetGroupArn"].split("/")[1], one["taskDefinition"].split("/")[1],
            one["computedDesiredCount"], one["runningCount"], one["status"],
        ]
        for one in sets
        if one["status"] != "DRAINING"
    ]  # fmt: skip
    print(json.dumps(sorted(shown)))


if __name__ == "__main__":
    main()
