#!/usr/bin/env python3
"""Users with cookies who visit, come back and buy, and a service that counts them; prints what came of them as JSON.

    users.py --endpoint URL --target HOST:PORT [--rounds N] [--each N] [--lose N]

Each user is one that HTTP tells: the cookies of the first answer come with every later visit. Who met v1 is counted as
`current`, who met v2 as `other`: Shop/Exposed has each once, Shop/Bought those who bought: one of ten of `current`, four
of ten of `other`. With --lose, that one of so many users of `other` is not counted at all: a page that loses its beacon.
"""

import argparse
import http.client
import json
import time

from checks import Area

NAMES = {"v1": "current", "v2": "other"}
# Between two rounds, in seconds of this machine: a fraction of what the sandbox's minute takes.
ROUND = 0.2


class User:
    def __init__(self, target):
        self.target, self.cookies, self.variant = target, {}, None

    def visit(self):
        """One request on a connection of its own; true where the variant is the one of the visit before."""
        link = http.client.HTTPConnection(self.target, timeout=30)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        link.request("GET", "/shop/", headers=sent)
        answer = link.getresponse()
        answer.read()
        for header in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = header.split(";")[0].partition("=")
            self.cookies[name] = value
        variant = NAMES[answer.headers["x-version"]]
        link.close()
        stayed = self.variant in (None, variant)
        self.variant = variant
        return stayed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--lose", type=int, default=0)
    options = parser.parse_args()
    cloudwatch = Area(options.endpoint).cloudwatch
    users, moved = [], 0
    met = {name: 0 for name in NAMES.values()}
    for _ in range(options.rounds):
        begun = time.monotonic()
        new = [User(options.target) for _ in range(options.each)]
        counts = {name: [0, 0] for name in NAMES.values()}
        for user in new:
            user.visit()
            number = met[user.variant]
            met[user.variant] += 1
            if user.variant == "other" and options.lose and number % options.lose == 0:
                continue
            counts[user.variant][0] += 1
            counts[user.variant][1] += number % 10 < (1 if user.variant == "current" else 4)
        users += new
        # Some who were here before come again.
        moved += sum(not user.visit() for user in users[:: max(1, len(users) // options.each)])
        cloudwatch.put_metric_data(
            Namespace="Shop",
            MetricData=[
                {"MetricName": metric, "Dimensions": [{"Name": "Variant", "Value": name}], "Value": count[place]}
                for name, count in counts.items()
                for place, metric in enumerate(("Exposed", "Bought"))
            ],
        )
        time.sleep(max(0.0, ROUND - (time.monotonic() - begun)))
    print(json.dumps({"met": met, "moved": moved}))


if __name__ == "__main__":
    main()
