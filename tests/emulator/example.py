#!/usr/bin/env python3
"""Writes the spec and task definition of `tests/try.sh` for the fixture's world; with --red-at, arms an alarm too.

    example.py world.json FOLDER [--red-at PERCENT]
"""

import argparse
import json
import os
import pathlib
import urllib.request

SPEC = """\
version: 1
service: frontend
environments:
  try: {{ region: {region}, account: "{account}", cluster: {cluster} }}
engine: alb
taskDefinition: {{ file: taskdef.json, images: {{ {container}: "${{IMAGE:?set IMAGE}}" }} }}
fleet:
  services: {{ blue: frontend-blue, green: frontend-green }}
traffic:
  targetGroups: {{ blue: frontend-blue, green: frontend-green }}
  rules: ["{rule}"]
strategy:
  canary:
    steps:
      - setWeight: 1
      - pause: {{ duration: 1s }}
      - setWeight: 10
      - pause: {{ duration: 2s }}
      - setWeight: 50
      - pause: {{ duration: 1s }}
bake: 2s
alarms: [frontend-5xx, frontend-latency]
rollback: {{ stickyHold: 2s }}
# Minutes on AWS; the emulator has no traffic to wait for.
timing: {{ poll: 500ms, settle: 1s, propagation: 1s, drain: 1s, stableFor: 500ms }}
"""


def task_definition(container):
    """A Fargate task with one container; the image is the spec's business."""
    return {
        "family": "frontend",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": container,
                "image": "example/web:1",
                "essential": True,
                "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
            }
        ],
    }


def arm(world, weight):
    """Turns an alarm red as soon as either group has this weight beside the other's: whichever is the canary now."""
    for group in world["targetGroups"].values():
        order = {
            "rule": world["rule"],
            "group": group,
            "weight": weight,
            "after_reads": 0,
            "do": {"alarm": "frontend-5xx", "state": "ALARM"},
        }
        request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + "/_test/on-weights", json.dumps(order).encode())
        urllib.request.urlopen(request).read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("world")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--red-at", type=int)
    arguments = parser.parse_args()
    world = json.loads(pathlib.Path(arguments.world).read_text())
    (arguments.folder / "bluegreen.yaml").write_text(SPEC.format(**world))
    (arguments.folder / "taskdef.json").write_text(json.dumps(task_definition(world["container"]), indent=2))
    if arguments.red_at is not None:
        arm(world, arguments.red_at)


if __name__ == "__main__":
    main()
