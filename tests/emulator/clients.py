"""boto3 clients for the emulator that say who they are, so that the request log can tell tests from operators."""

import boto3
from botocore.config import Config


def maker(endpoint, region, who):
    """A function from a service name to its client."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)
    config = Config(user_agent_extra=f"bluegreen-test/{who}", retries={"total_max_attempts": 1})

    def make(service):
        return session.client(service, endpoint_url=endpoint, config=config)

    return make
