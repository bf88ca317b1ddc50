#!/usr/bin/env python3
"""Makes, with plain boto3, a world to experiment in; prints one JSON document with every ARN, as world.py does.

    variants.py --endpoint URL [--errors SHARE]

Blue runs version v1 behind 100 % of `/shop/*`; green runs v2, which fails that share of its requests, behind 0 %.
"""

import argparse
import json

from checks import pace
from world import CONTAINER, World


class Variants(World):
    STICKY = False

    def services(self, groups):
        self.ecs.create_cluster(clusterName="shop")
        made, definitions = {}, {}
        for color, version, errors in (("blue", "v1", "0"), ("green", "v2", self.options["errors"])):
            definitions[color] = self.revision(version, errors)
            made[color] = self.ecs.create_service(
                cluster="shop", serviceName=f"frontend-{color}", taskDefinition=definitions[color], desiredCount=2,
                deploymentController={"type": "ECS"}, **self.placed(groups[color]),
            )["service"]["serviceArn"]  # fmt: skip
        self.ecs.get_waiter("services_stable").wait(cluster="shop", services=list(made.values()), WaiterConfig=pace())
        for group in groups.values():
            self.elb.get_waiter("target_in_service").wait(TargetGroupArn=group, WaiterConfig=pace())
        return {"taskDefinition": definitions["blue"], "variant": definitions["green"], "services": made}

    def revision(self, version, errors):
        environment = [{"name": "VERSION", "value": version}, {"name": "ERROR_RATE", "value": errors}]
        return self.ecs.register_task_definition(
            family="frontend", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[{
                "name": CONTAINER, "image": "sandbox/demo:1", "essential": True, "environment": environment,
                "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
            }],
        )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--errors", default="0")
    # Its metrics are by the minute, as AWS's are.
    print(json.dumps(Variants(**vars(parser.parse_args()), period=60).build()))


if __name__ == "__main__":
    main()
