#!/usr/bin/env python3
"""Every operation that some area calls, one a line: `service:Operation` as botocore names them.

Each area fails where its list and its calls differ, so what is printed here is what third-party clients called.
"""

from balancers import Balancers
from codedeploy import CodeDeploy
from evaluation import Evaluation
from fleets import Fleets
from identity import Identity
from monitoring import Monitoring
from native import Native
from service import Service

# Calls that are only ever refused prove nothing about the operation at work.
AT_WORK = (Balancers, CodeDeploy, Evaluation, Fleets, Identity, Monitoring, Native, Service)


def main():
    for operation in sorted(set().union(*(area.OPERATIONS for area in AT_WORK))):
        print(operation)


if __name__ == "__main__":
    main()
