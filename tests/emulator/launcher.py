#!/usr/bin/env python3
"""moto's server on 127.0.0.1, with what it lacks for a release: see README.md beside this file.

    launcher.py --port 0        prints {"ready": PORT} on one line, then serves until its standard input closes
"""

import argparse
import json
import logging
import os
import socket
import sys
import threading

os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

from moto.moto_api._internal.models import moto_api_backend  # noqa: E402
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

import control  # noqa: E402
import gaps  # noqa: E402
import scheduler  # noqa: E402
import wire  # noqa: E402
from control import TEST_CLIENTS  # noqa: E402


class Dropped(ConnectionError):
    """The connection was cut on purpose; werkzeug treats it as a client that went away."""


class Emulator:
    """The WSGI application: one AWS request at a time, so that their order in the log is the order of effects."""

    def __init__(self):
        self.lock = threading.RLock()
        # Closed while a test arranges something that must be in place before an operator's next request.
        self.gate = threading.Event()
        self.gate.set()
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.bridge = wire.CborBridge()
        self.control = control.Control()
        self.scheduler = scheduler.Scheduler(self.lock)

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        body = wire.read_body(environ)
        if not path.startswith("/_test/") and wire.client_of(environ.get("HTTP_USER_AGENT", "")) not in TEST_CLIENTS:
            self.gate.wait()
        with self.lock:
            if path.startswith("/_test/"):
                status, headers, reply = self.control_request(environ["REQUEST_METHOD"], path, body)
            else:
                status, headers, reply = self.aws_request(environ, body)
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        headers.append(("Content-Length", str(len(reply))))
        start_response(f"{status} {'OK' if status < 400 else 'Error'}", headers)
        return [reply]

    def control_request(self, method, path, body):
        if (method, path) == ("POST", "/_test/pause"):
            self.gate.clear()
            status, document = 200, {}
        elif (method, path) == ("POST", "/_test/unpause"):
            self.gate.set()
            status, document = 200, {}
        elif (method, path) == ("POST", "/_test/reset"):
            moto_api_backend.reset()
            self.control = control.Control()
            status, document = 200, {}
        else:
            status, document = self.control.answer(method, path, body)
        return status, [("Content-Type", "application/json")], json.dumps(document, default=str).encode()

    def aws_request(self, environ, body):
        call = wire.parse(environ, body)
        if call is None:
            return self.ask_moto(environ)
        kill = self.control.arrive(call)
        if kill and kill["when"] == "before":
            control.strike(kill)
            self.drop(environ)
        fault = self.control.fault_for(call)
        if fault and fault.get("drop") == "before":
            self.drop(environ)
        if fault and "code" in fault:
            message = fault.get("message", "injected by the test")
            reply = wire.error(call, int(fault.get("status", 400)), fault["code"], message)
        else:
            reply = self.effect(environ, call)
        self.control.handled(call, reply[0])
        if kill or (fault and fault.get("drop") == "after"):
            if kill:
                control.strike(kill)
            self.drop(environ)
        return reply

    def effect(self, environ, call):
        """The request as moto handles it, by way of JSON when it came in CBOR."""
        if call.protocol != "cbor":
            return self.ask_moto(environ)
        return self.bridge.from_json(call, *self.ask_moto(self.bridge.to_json(environ, call)))

    def ask_moto(self, environ):
        seen = {}

        def start(status, headers, exc_info=None):
            seen["status"], seen["headers"] = int(status.split()[0]), headers
            return lambda data: None

        chunks = self.moto(environ, start)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        if seen["status"] >= 500:
            print(f"moto answered {seen['status']}: {body[:2000].decode('utf-8', 'replace')}", file=sys.stderr)
        return seen["status"], seen["headers"], body

    @staticmethod
    def drop(environ):
        """No reply: the socket is closed under the client."""
        connection = environ.get("werkzeug.socket")
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        raise Dropped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    arguments = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    gaps.close()
    emulator = Emulator()
    server = make_server(
        "127.0.0.1", arguments.port, emulator, threaded=True, request_handler=MotoRequestHandler
    )
    emulator.scheduler.start()
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    print(json.dumps({"ready": server.server_port}), flush=True)
    # The test holds our standard input: when it ends, however it ends, so do we.
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
