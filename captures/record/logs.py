#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the logs of the products into a sample, and says to which request each of their records belongs.

usage: logs.py WORK NDES-ADDRESS HOST,ZONE,AHEAD…

WORK/product/HOST has each log, and in LOG.joins a line for each of its records, in their order, by whoever wrote it:
nginx, the policy module, the CRP. truth/log-joins.json has the same with the names of the calls and their transactions.
What the clocks of the hosts show goes into truth/scenario.json: their zones, and the seconds that they are ahead.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

import truth

HEAD = 4  # lines at the beginning of IIS's logs
KEYS = ("file", "line", "record", "call", "transaction_id", "client", "client_port", "request_of_connection")


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def transaction_of(message):
    """The transactionID of a pkiMessage, by openssl; None when it has none."""
    parsed = subprocess.run(["openssl", "asn1parse", "-inform", "DER"], input=message, capture_output=True)
    found = re.search(r":2\.16\.840\.1\.113733\.1\.9\.7\n.*SET.*\n.*PRINTABLESTRING\s*:(\S+)", parsed.stdout.decode())
    return found and found.group(1)


class Peers:
    """What else they know of the requests to the web servers."""

    def __init__(self, work):
        # By the name that the web server of NDES gave to the request.
        self.messages = {}
        for path in (work / "relay").glob("[0-9]*.json"):
            request_id = dict(map(tuple, json.loads(path.read_text())["headers"])).get("X-Request-ID")
            self.messages[request_id] = truth.load(path)["request"]
        # By the port that the policy module called from.
        self.calls = {call["local_port"]: call for call in lines_of(work / "logs" / "policy-module.log")}
        # What nobody passed on can only be the device's one message.
        sent = {path.read_bytes() for path in work.glob("*.p7m")}
        self.only = sent.pop() if len(sent) == 1 else None

    def facts(self, join):
        """Call and transaction of a request to a web server."""
        target = join["request"].split(" ")[1]
        operation = truth.parameter(target, "operation")
        if operation is None:
            call = self.calls.get(join["client_port"], {})
            return {"call": call.get("call"), "transaction_id": call.get("transaction_id")}
        message = self.messages.get(join["request_id"], self.only) if operation == "PKIOperation" else None
        return {"call": operation, "transaction_id": transaction_of(message) if message else None}


def web_joins(log, joins, peers):
    records = log.read_text().splitlines()[HEAD:]
    if len(records) != len(joins):
        sys.exit(f"{log}: {len(records)} records, {len(joins)} are told of")
    for number, join in enumerate(joins, 1):
        yield {"line": HEAD + number, "record": number, **peers.facts(join), **join}


def main():
    work, ndes, *clocks = sys.argv[1:]
    work = pathlib.Path(work)
    sample, peers, joins = work / "sample", Peers(work), []
    for log in sorted((work / "product").glob("*/*")):
        told = lines_of(log.with_name(log.name + ".joins"))
        if log.suffix == ".joins" or not told:
            continue
        place = sample / "logs" / log.parent.name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, place / log.name)
        if "line" not in told[0]:
            told = web_joins(log, told, peers)
        else:
            # Calls overlap, and each was told of at its end.
            told = sorted(({**join, "client": ndes, "request_of_connection": 1} for join in told),
                          key=lambda join: join["record"])
        file = f"logs/{log.parent.name}/{log.name}"
        joins += [{key: join.get(key) for key in KEYS} | {"file": file} for join in told]
    (sample / "truth" / "log-joins.json").write_text("[\n" + ",\n".join(map(json.dumps, joins)) + "\n]\n")
    scenario = sample / "truth" / "scenario.json"
    facts = json.loads(scenario.read_text())
    facts["clocks"] = {host: {"time_zone": zone, "ahead": float(ahead)}
                       for host, zone, ahead in (clock.split(",") for clock in clocks)}
    scenario.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
