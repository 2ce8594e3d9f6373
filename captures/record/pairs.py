#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes truth/pairs.json of a sample: which TCP connection at one host is which at another, and what the router did.

usage: pairs.py WORK yes|no [HOST]

Nothing of it comes out of the captures of the sample. WORK/logs has the sockets that the kernels of device and WAP tell
of (sockets-….log, by ss), the access logs of WAP and NDES, and of the router its translations (conntrack.log), its
counters (counters.log), what it logged of the packets that it dropped (dropped.log, by nflog.py) and what a middlebox
there sent (middlebox.log). HOST is the one whose interface joins segments. exchanges.json with its messages and
log-joins.json (yes: to be kept) go into truth/peers, with scenario.json: each capture alone is nothing new, and who looks
for samples of single captures does not find them there.
"""
import collections
import json
import pathlib
import re
import sys
import urllib.parse

TO_WAP = 7  # the group in which the router logs what it drops of that direction
MESSAGES = re.compile(r"\d+-(request|response)\.\w+|exchanges\.json|scenario\.json|log-joins\.json")

# A socket as its host has it; sent_again: segments, by the kernel's count.
Socket = collections.namedtuple("Socket", "own peer sent_again")


def text_of(path):
    return path.read_text() if path.exists() else ""


def lines_of(path):
    return [json.loads(line) for line in text_of(path).splitlines()]


def sockets_of(path):
    """Of ss: a line with state, queues and addresses, and an indented one with counters."""
    found, ends = {}, None
    for line in text_of(path).splitlines():
        if line[:1].isspace():
            again = re.search(r"\bretrans:\d+/(\d+)", line)
            found[ends] = Socket(*ends, int(again.group(1)) if again else 0)
        else:
            ends = tuple(line.split()[3:5])
    return list(found.values())


def translations_of(path):
    """What each connection of the devices is called behind the router: by its ends before it, client and server."""
    found = {}
    for line in text_of(path).splitlines():
        if " tcp " not in line:
            continue
        names = collections.defaultdict(list)
        for name, value in re.findall(r"\b(src|dst|sport|dport)=(\S+)", line):
            names[name].append(value)
        (client, server), (answering, answered) = (
            (f"{names['src'][way]}:{names['sport'][way]}", f"{names['dst'][way]}:{names['dport'][way]}") for way in (0, 1))
        found[client, server] = answered, answering
    return found


def dropped_of(path):
    """What the router logged of the packets that it dropped, by direction."""
    found = {"to_wap": [], "to_device": []}
    for line in text_of(path).splitlines()[1:]:
        packet = json.loads(line)
        found["to_wap" if packet.pop("group") == TO_WAP else "to_device"].append(packet)
    return found


def counted(text):
    """Packets and octets by counter, of nft's list."""
    return {name: {"packets": int(packets), "ip_octets": int(octets)} for name, packets, octets in
            re.findall(r"counter (\w+) \{\s*packets (\d+) bytes (\d+)", text)}


class Requests:
    """What WAP and NDES say of the requests: the WAP gave each a name that it passed on to NDES."""

    def __init__(self, logs):
        self.inner = collections.defaultdict(list)
        for entry in lines_of(logs / "ndes-access.log"):
            self.inner[entry["passed_on"]].append(f"{entry['client']}:{entry['client_port']}")
        self.outer = collections.defaultdict(list)
        for entry in lines_of(logs / "wap-access.log"):
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(entry["uri"]).query)
            self.outer[f"{entry['client']}:{entry['client_port']}"].append(
                {"request_id": entry["request_id"], "method": entry["method"],
                 "operation": query.get("operation", [None])[0], "status": int(entry["status"]),
                 "inner": self.inner[entry["request_id"]]})


def connections_of(logs):
    """Every connection of a device, and those inside."""
    requests, translations = Requests(logs), translations_of(logs / "conntrack.log")
    device, wap = (sockets_of(logs / f"sockets-{host}.log") for host in ("device", "wap"))
    # The WAP's end of those from outside is the server's.
    at_wap = {(socket.peer, socket.own): socket for socket in wap}
    at_ndes = [socket for socket in wap if socket.peer.startswith("198.51.100.")]
    connections, taken = [], set()
    for socket in device:
        ends = translations.get((socket.own, socket.peer), (socket.own, socket.peer))
        other = at_wap.get(ends)
        taken.add(other)
        connections.append({
            "device": {"client": socket.own, "server": socket.peer},
            "wap": {"client": ends[0], "server": ends[1]} if other else None,
            "sent_again": {"client": socket.sent_again, "server": other.sent_again if other else 0},
            "requests": requests.outer.pop(ends[0], []),
        })
    unknown = [socket for socket in wap if socket not in taken and socket not in at_ndes]
    if unknown or requests.outer:
        sys.exit(f"the WAP has connections that no device has: {unknown} {dict(requests.outer)}")
    inside = [{"client": socket.own, "server": socket.peer} for socket in at_ndes]
    return connections, inside


def onward_of(connections, inside):
    """Which connection inside carried the requests of which one outside."""
    servers, found = {one["client"]: one["server"] for one in inside}, collections.Counter()
    for connection in connections:
        for request in connection["requests"]:
            for inner in request["inner"]:
                found[connection["wap"]["client"], inner] += 1
    return [{"outer": outer, "inner": inner, "server": servers[inner], "requests": count}
            for (outer, inner), count in found.items()]


def main():
    work, keep, joined = pathlib.Path(sys.argv[1]), sys.argv[2] == "yes", sys.argv[3]
    sample, logs = work / "sample", work / "logs"
    truth, peers = sample / "truth", sample / "truth" / "peers"
    scenario = json.loads((truth / "scenario.json").read_text())
    connections, inside = connections_of(logs)
    captures = sorted(path.stem for path in sample.glob("*.pcapng"))
    facts = {
        "what": scenario["what"], "captures": captures, "recorded_as": None, "rewritten": [], "joined": joined or None,
        "clocks": {host: {"ahead_ns": 0, "drift_ppm": 0, "since_ns": 0, "steps": []} for host in captures},
        # What NDES and the CRP log by.
        "log_clocks": {host: {"ahead_ns": round(clock["ahead"] * 1_000_000_000), "time_zone": clock["time_zone"]}
                       for host, clock in scenario.get("clocks", {}).items()},
        "connections": connections, "inside": inside, "onward": onward_of(connections, inside),
        "dropped": {"counters": counted(text_of(logs / "counters.log")), **dropped_of(logs / "dropped.log")},
        "injected": [json.loads(line) for line in text_of(logs / "middlebox.log").splitlines()[1:]],
    }
    peers.mkdir()
    for path in truth.iterdir():
        if MESSAGES.fullmatch(path.name):
            path.rename(peers / path.name) if keep or path.name == "scenario.json" else path.unlink()
    write(truth / "pairs.json", facts)


def write(path, facts):
    path.write_text(laid_out(facts, 1) + "\n")


def laid_out(value, depth):
    """JSON with a line for each thing that there is a list of, and for each key above those."""
    space, end = "\n" + depth * " ", "\n" + (depth - 1) * " "
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[" + ",".join(space + json.dumps(one) for one in value) + end + "]"
    if isinstance(value, dict) and depth <= 2 and any(isinstance(one, (dict, list)) for one in value.values()):
        return "{" + ",".join(f"{space}{json.dumps(key)}: {laid_out(one, depth + 1)}"
                              for key, one in value.items()) + end + "}"
    return json.dumps(value)


if __name__ == "__main__":
    main()
