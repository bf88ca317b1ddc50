#!/usr/bin/env python3
"""A colleague's change of weights while a release is under way.

    edit.py --endpoint URL --rule ARN --weights GROUP=63,GROUP=37
"""

import argparse

from checks import Area


def main():
    parser = argparse.ArgumentParser()
    for flag in ("--endpoint", "--rule", "--weights"):
        parser.add_argument(flag, required=True)
    arguments = parser.parse_args()
    elb = Area(arguments.endpoint).client("elbv2", user_agent_appid="colleague")
    actions = elb.describe_rules(RuleArns=[arguments.rule])["Rules"][0]["Actions"]
    weights = dict(pair.split("=") for pair in arguments.weights.split(","))
    for group in actions[-1]["ForwardConfig"]["TargetGroups"]:
        group["Weight"] = int(weights[group["TargetGroupArn"]])
    elb.modify_rule(RuleArn=arguments.rule, Actions=actions)


if __name__ == "__main__":
    main()
