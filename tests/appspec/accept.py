#!/usr/bin/env python3
"""AppSpec documents, judged by the AWS CLI: each goes through the whole of `aws ecs deploy`, without AWS.

    accept.py < CASES > ANSWERS

A case is one line of JSON: `name`, `appspec` (the document's text), `taskdef` (a RegisterTaskDefinition request), and
what AWS would describe: `service`, `cluster`, `platform` of the application, `target` (the service that the deployment
group moves). The answer is one line: what the CLI would have sent to CreateDeployment, or the error it gave.

The command is the CLI's own class. Its clients are botocore's, which check every request against the service's model;
only the answers are made up, and an unexpected call ends the case.
"""

import contextlib
import io
import json
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from awscli.customizations.ecs.deploy import ECSDeploy
from botocore.session import Session
from botocore.stub import Stubber

REGION = "eu-west-3"
ACCOUNT = f"{REGION}:111122223333"
REVISION = f"arn:aws:ecs:{ACCOUNT}:task-definition/registered-now:4711"


class Clients:
    """What the command takes for a session: clients whose answers are written down beforehand."""

    def __init__(self, case):
        self.sent = []
        self.stubs = {}
        session = Session()
        session.set_credentials("test", "test")
        for name, answers in answers_of(case).items():
            client = session.create_client(name, region_name=REGION)
            client.meta.events.register("provide-client-params.codedeploy.CreateDeployment", self._note)
            stub = Stubber(client)
            for operation, answer in answers:
                stub.add_response(operation, answer)
            stub.activate()
            self.stubs[name] = stub

    def create_client(self, name, **_):
        return self.stubs[name].client

    def _note(self, params, **_):
        self.sent.append(params)


def answers_of(case):
    service, cluster = case["service"], case["cluster"]
    described = {
        "serviceName": service,
        "serviceArn": f"arn:aws:ecs:{ACCOUNT}:service/{cluster}/{service}",
        "clusterArn": f"arn:aws:ecs:{ACCOUNT}:cluster/{cluster}",
    }
    group = {
        "computePlatform": case["platform"],
        "ecsServices": [{"serviceName": case["target"], "clusterName": cluster}],
        "blueGreenDeploymentConfiguration": {
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
        },
    }
    return {
        "ecs": [
            ("describe_services", {"services": [described]}),
            ("register_task_definition", {"taskDefinition": {"taskDefinitionArn": REVISION}}),
        ],
        "codedeploy": [
            ("get_application", {"application": {"computePlatform": case["platform"]}}),
            ("get_deployment_group", {"deploymentGroupInfo": group}),
            ("create_deployment", {"deploymentId": "d-ABCDEF123"}),
            ("get_deployment", {"deploymentInfo": {"status": "Succeeded"}}),
        ],
    }


def judge(case):
    clients = Clients(case)
    with tempfile.TemporaryDirectory() as folder:
        appspec, taskdef = Path(folder, "appspec"), Path(folder, "taskdef.json")
        appspec.write_text(case["appspec"], encoding="utf-8")
        taskdef.write_text(json.dumps(case["taskdef"]), encoding="utf-8")
        arguments = Namespace(
            service=case["service"], cluster=case["cluster"], task_definition=str(taskdef),
            codedeploy_appspec=str(appspec), codedeploy_application=None, codedeploy_deployment_group=None,
        )  # fmt: skip
        everywhere = Namespace(region=REGION, endpoint_url=None, verify_ssl=None)
        with contextlib.redirect_stdout(io.StringIO()):
            ECSDeploy(clients)._run_main(arguments, everywhere)
    for stub in clients.stubs.values():
        stub.assert_no_pending_responses()
    (sent,) = clients.sent
    content = sent["revision"]["appSpecContent"]
    return {
        "application": sent["applicationName"],
        "group": sent["deploymentGroupName"],
        "content": content["content"],
        "sha256": content["sha256"],
    }


def main():
    for line in sys.stdin:
        case = json.loads(line)
        try:
            answer = judge(case)
        except Exception as error:  # whatever the command refuses with is the answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"name": case["name"], **answer}))


if __name__ == "__main__":
    main()
