"""What a request asks for, and how AWS says no: the three wire protocols of the services under test.

moto parses and answers `query` (ELBv2, STS) and `json` (ECS, CloudWatch from boto3) itself. It has no route for
Smithy RPC v2 CBOR, which is the only protocol the Rust CloudWatch client speaks. `CborBridge` turns such a request
into the awsJson1.0 request that moto does answer, and the answer back into CBOR. Nothing but the encoding changes.
"""

import base64
import datetime
import io
import json
import re
import uuid
from urllib.parse import parse_qsl

import cbor2
from botocore.loaders import Loader
from botocore.model import ServiceModel

CBOR_PATH = re.compile(r"^/service/(?P<target>[^/]+)/operation/(?P<operation>[^/]+)/?$")
READS = ("Describe", "List", "Get", "BatchGet", "Search", "Lookup")
SERVICE_NAMES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}


class Call:
    """One AWS request as the log keeps it."""

    def __init__(self, service, region, operation, params, protocol, client):
        self.service = service
        self.region = region
        self.operation = operation
        self.params = params
        self.protocol = protocol
        self.client = client

    @property
    def mutating(self):
        return not self.operation.startswith(READS)


def read_body(environ):
    """The whole body; the stream is put back so that moto can read it again."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def parse(environ, body):
    """The call in an AWS request, or None when it is none (no operation to be found)."""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    region, signed_for = scope.groups() if scope else ("us-east-1", "unknown")
    service = SERVICE_NAMES.get(signed_for, signed_for)
    client = client_of(environ.get("HTTP_USER_AGENT", ""), environ.get("HTTP_X_AMZ_USER_AGENT", ""))
    cbor = CBOR_PATH.match(environ.get("PATH_INFO", ""))
    target = environ.get("HTTP_X_AMZ_TARGET")
    if cbor:
        params = cbor2.loads(body) if body else {}
        return Call(service, region, cbor["operation"], jsonable(params), "cbor", client)
    if target:
        params = json.loads(body) if body else {}
        return Call(service, region, target.split(".")[-1], params, "json", client)
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if "Action" not in form:
        return None
    operation = form.pop("Action")
    form.pop("Version", None)
    return Call(service, region, operation, form, "query", client)


def client_of(*agents):
    """Who asks: the tests' own clients name themselves, an operator may (AWS_SDK_UA_APP_ID)."""
    for agent in agents:
        for pattern in (r"bluegreen-test/(\S+)", r"\bapp/(\S+)"):
            found = re.search(pattern, agent)
            if found:
                return found.group(1)
    return "operator"


def jsonable(value):
    """CBOR values as JSON ones; a moment becomes epoch seconds, as awsJson has it."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def error(call, status, code, message):
    """An AWS error reply in the caller's protocol: (status, headers, body)."""
    request_id = str(uuid.uuid4())
    if call.protocol == "query":
        fault = "Sender" if status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        ).encode()
        return status, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)], body
    if call.protocol == "cbor":
        return cbor_error(status, code, message)
    body = json.dumps({"__type": code, "message": message}).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", request_id)]
    return status, headers, body


def cbor_error(status, code, message):
    """CloudWatch keeps its old query codes in a header, which clients prefer to the body's `__type`."""
    fault = "Sender" if status < 500 else "Receiver"
    headers = [
        ("Content-Type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-query-error", f"{code};{fault}"),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]
    return status, headers, cbor2.dumps({"__type": code, "message": message})


class CborBridge:
    """Smithy RPC v2 CBOR in front of moto's awsJson1.0 for CloudWatch."""

    def __init__(self, service="cloudwatch"):
        model = Loader().load_service_model(service, "service-2")
        self.model = ServiceModel(model, service)

    def to_json(self, environ, call):
        """The same call as an awsJson1.0 request."""
        body = json.dumps(call.params).encode()
        translated = dict(environ)
        translated.update(
            {
                "PATH_INFO": "/",
                "RAW_URI": "/",
                "REQUEST_URI": "/",
                "CONTENT_TYPE": "application/x-amz-json-1.0",
                "HTTP_X_AMZ_TARGET": f"{self.model.metadata['targetPrefix']}.{call.operation}",
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": io.BytesIO(body),
            }
        )
        for key in ("HTTP_SMITHY_PROTOCOL", "HTTP_ACCEPT", "HTTP_X_AMZN_QUERY_MODE"):
            translated.pop(key, None)
        return translated

    def from_json(self, call, status, headers, body):
        """moto's answer as CBOR; anything that is not JSON (moto's own crash page) stays what it is."""
        try:
            reply = json.loads(body) if body else {}
        except ValueError:
            return status, headers, body
        if status >= 400:
            named = dict((name.lower(), value) for name, value in headers)
            code = named.get("x-amzn-query-error", "").split(";")[0]
            code = code or reply.get("__type", "InternalFailure").split("#")[-1]
            return cbor_error(status, code, reply.get("message") or reply.get("Message") or "")
        shape = self.model.operation_model(call.operation).output_shape
        typed = self._typed(shape, reply) if shape is not None else {}
        headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        headers.append(("x-amzn-RequestId", str(uuid.uuid4())))
        return status, headers, cbor2.dumps(typed)

    def _typed(self, shape, value):
        """JSON has one number and no moments; the model says which is which."""
        if value is None:
            return None
        if shape.type_name == "structure":
            members = ((name, shape.members[name], item) for name, item in value.items() if name in shape.members)
            return {name: self._typed(member, item) for name, member, item in members if item is not None}
        if shape.type_name == "list":
            return [self._typed(shape.member, item) for item in value]
        if shape.type_name == "map":
            return {key: self._typed(shape.value, item) for key, item in value.items()}
        if shape.type_name == "timestamp":
            return cbor2.CBORTag(1, moment(value))
        if shape.type_name in ("double", "float"):
            return float(value)
        if shape.type_name in ("integer", "long"):
            return int(value)
        return value


def moment(value):
    """Epoch seconds from any of the forms moto's serialisers use."""
    if isinstance(value, (int, float)):
        return round(float(value), 3)
    return datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()
