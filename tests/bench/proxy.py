"""Measures the sandbox's proxy next to nginx and HAProxy, round by round in turn; or checks its shares under load.

All listen on 127.0.0.1; the targets are two nginx servers; the load comes from wrk.
"""

import argparse
import contextlib
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

WEIGHTS = (90, 10)
CONNECTIONS = 64
SHARES = [(90, 10), (99, 1), (50, 50), (100, 0), (997, 3)]
ENOUGH = 100_000
CHANGES = 100
BODIES = {"small": "/", "64 KiB": "/large"}

TARGET = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on; tcp_nopush on;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = / {{ return 200 "{name}\\n"; }}
    location = /large {{ alias {folder}/large; }}
    location = /status {{ stub_status; }}
  }}
}}
"""

NGINX = """
daemon off; worker_processes {cores}; pid {folder}/pid; error_log {folder}/error.log crit;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream split {{
    server 127.0.0.1:{blue} weight={old}; server 127.0.0.1:{green} weight={new};
    keepalive 256; keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://split; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Port $server_port;
    }}
  }}
}}
"""

HAPROXY = """
global
  nbthread {cores}
  maxconn 4096
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  option forwardfor
  http-reuse always
frontend front
  bind 127.0.0.1:{port} backlog 1024
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port {port}
  default_backend split
backend split
  balance roundrobin
  server blue 127.0.0.1:{blue} weight {old}
  server green 127.0.0.1:{green} weight {new}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    sys.exit(f"nobody listens on port {port}")


class Server:
    """A program that is ended, with its children, at the end."""

    def __init__(self, stack, name, command, port=None, **options):
        self.name, self.port = name, port
        self.process = subprocess.Popen(command, start_new_session=True, **options)
        stack.callback(self.end)
        if port:
            wait_for(port)

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)

    def cpu(self):
        """Seconds of processor time of the process and those that it started."""
        ticks = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, IndexError):
                fields = stat.read_text().rsplit(")", 1)[1].split()
                if int(fields[2]) == self.process.pid:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def nginx(stack, folder, name, template, **values):
    home = folder / name
    home.mkdir()
    (home / "large").write_bytes(b"x" * 65536)
    port = free_port()
    (home / "conf").write_text(template.format(folder=home, port=port, name=name, **values))
    command = ["nginx", "-p", str(home), "-e", str(home / "error.log"), "-c", str(home / "conf")]
    return Server(stack, name, command, port)


def wrk(port, path, seconds):
    """Requests, requests a second, p50 and p99 in milliseconds, and what went wrong."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}{path}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", output)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    latency = {percent: float(value) * units[unit] for percent, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\n", output)}
    wrong = re.findall(r"Non-2xx.*|Socket errors.*", output)
    return requests, rate, latency["50"], latency["99"], wrong


def start_proxy(stack, program, groups, weights):
    groups = [",".join(f"127.0.0.1:{target.port}" for target in group) for group in groups]
    command = [program] + [f"{group}={weight}" for group, weight in zip(groups, weights)]
    server = Server(stack, "bluegreen", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server.port = int(server.process.stdout.readline().rsplit(":", 1)[1])
    return server


def reweigh(server, weights, draining=None):
    drain = "" if draining is None else f" drain={draining}"
    server.process.stdin.write(" ".join(map(str, weights)) + drain + "\n")
    server.process.stdin.flush()
    if server.process.stdout.readline() != "ok\n":
        sys.exit("the proxy refused its weights")


def served(target):
    """How many requests a target counts, this one left out."""
    with urllib.request.urlopen(f"http://127.0.0.1:{target.port}/status", timeout=5) as answer:
        counted = int(answer.read().split(b"\n")[2].split()[2])
    target.asked = getattr(target, "asked", 0) + 1
    return counted - target.asked


def compare(program, folder, rounds, seconds):
    cores = os.cpu_count()
    with contextlib.ExitStack() as stack:
        targets = [nginx(stack, folder, name, TARGET) for name in ("blue", "green")]
        ports = dict(blue=targets[0].port, green=targets[1].port, old=WEIGHTS[0], new=WEIGHTS[1], cores=cores)
        servers = [start_proxy(stack, program, [targets[:1], targets[1:]], WEIGHTS), nginx(stack, folder, "nginx", NGINX, **ports)]
        if shutil.which("haproxy"):
            port = free_port()
            conf = folder / "haproxy.cfg"
            conf.write_text(HAPROXY.format(port=port, **ports))
            servers.append(Server(stack, "haproxy", ["haproxy", "-q", "-f", str(conf)], port))
        else:
            print("haproxy is not installed: its rows are left out\n")
        results = {}
        for server in servers:
            for path in BODIES.values():
                wrk(server.port, path, 1)
        for number in range(rounds):
            for body, path in BODIES.items():
                turn = servers[number % len(servers) :] + servers[: number % len(servers)]
                for server in turn:
                    before = server.cpu()
                    requests, rate, p50, p99, wrong = wrk(server.port, path, seconds)
                    cost = (server.cpu() - before) / requests * 1e6
                    if wrong:
                        sys.exit(f"{server.name}: {wrong}")
                    results.setdefault((body, server.name), []).append((rate, p50, p99, cost))
    print(f"{cores} cores, {CONNECTIONS} connections kept open, split {WEIGHTS[0]}/{WEIGHTS[1]}, medians of {rounds} rounds of {seconds} s in turn\n")
    print("| body | proxy | requests/s | p50 ms | p99 ms | proxy CPU µs/request | requests/s next to HAProxy | next to nginx |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for (body, name), values in results.items():
        rate, p50, p99, cost = (statistics.median(column) for column in zip(*values))
        ratios = []
        for other in ("haproxy", "nginx"):
            if (body, other) in results:
                pairs = zip(values, results[body, other])
                ratios.append(f"{statistics.median(mine[0] / theirs[0] for mine, theirs in pairs):.2f}")
            else:
                ratios.append("–")
        print(f"| {body} | {name} | {rate:,.0f} | {p50:.2f} | {p99:.2f} | {cost:.1f} | {ratios[0]} | {ratios[1]} |")


def check(program, folder, seconds):
    with contextlib.ExitStack() as stack:
        groups = [[nginx(stack, folder, f"{name}-{number}", TARGET) for number in range(2)] for name in ("blue", "green")]
        server = start_proxy(stack, program, groups, SHARES[0])
        failed = False
        for weights in SHARES:
            reweigh(server, weights)
            before = [sum(map(served, group)) for group in groups]
            total, wrong = 0, []
            while total < ENOUGH:
                requests, *_, seen = wrk(server.port, "/", seconds)
                total, wrong = total + requests, wrong + seen
            counts = [sum(map(served, group)) - old for group, old in zip(groups, before)]
            total = sum(counts)
            share = weights[1] / sum(weights)
            margin = 3.2905 * math.sqrt(total * share * (1 - share)) + 0.5
            fine = not wrong and abs(counts[1] - total * share) <= margin and (weights[1] or not counts[1])
            failed |= not fine
            print(f"{weights[0]}/{weights[1]}: {counts[0]:,} and {counts[1]:,} of {total:,}, expected {total * share:,.0f} ± {margin:,.0f} {'ok' if fine else 'WRONG'} {wrong or ''}")
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-d12s", f"http://127.0.0.1:{server.port}/"]
        load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        changes = 0
        for change in range(CHANGES):
            # Both groups lose a target, get it back, lose the other.
            reweigh(server, (CHANGES - change, change), (0, None, 1, None)[change % 4])
            changes += load.poll() is None
            time.sleep(0.1)
        output = load.communicate()[0]
        wrong = re.findall(r"Non-2xx.*|Socket errors.*", output)
        requests = int(re.search(r"(\d+) requests in", output)[1])
        fine = changes == CHANGES and not wrong
        failed |= not fine
        print(f"{changes} changes of weights, targets draining, under load, {requests:,} requests: {wrong or 'none failed'} {'ok' if fine else 'WRONG'}")
        server.process.stdin.close()
        said = server.process.stdout.read().strip()
        failed |= not said.endswith(" 0 answered with 5xx")
        print(f"the proxy's own count: {said}")
        sys.exit(failed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        if given.check:
            check(given.program, folder, given.seconds)
        else:
            compare(given.program, folder, given.rounds, given.seconds)


main()
