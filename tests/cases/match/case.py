# SPDX-License-Identifier: GPL-2.0-or-later
"""scepmatch on captures that were made at several points at once by one clock: what it says of shifted copies of them is
known, and what it writes gives the report that the unshifted ones give together."""

import json
import struct
import subprocess
import tempfile
from pathlib import Path

from harness import SAMPLES

SAMPLE = SAMPLES / "logs-healthy"
OTHER = SAMPLES / "windows-post"
# Seconds by which the clocks of the other two are made wrong; binary fractions, so that nothing is rounded.
AHEAD = {"device": 0.0, "wap": 37.25, "ndes": -5.5}
# What packets of one machine may differ by: they were captured on both ends of a pair of virtual interfaces.
SURELY = 0.001

UNITS = ("clocks", "conversations", "merged file", "the same file twice", "nothing in common", "bad input")

# pcapng (draft-ietf-opsawg-pcapng): section, interface and packet blocks; if_tsresol.
SECTION, INTERFACE, PACKET, RESOLUTION = 0x0A0D0D0A, 1, 6, 9


def units(run, folder):
    return list(UNITS)


def check(run, folder, unit):
    with tempfile.TemporaryDirectory(dir=run.scratch) as scratch:
        return CHECKS[unit](Case(run, Path(scratch)))


class Case:
    def __init__(self, run, scratch):
        self.run, self.scratch = run, scratch
        self.program = run.plugin.parents[2] / "bin" / "scepmatch"
        for name, ahead in AHEAD.items():
            shift(SAMPLE / f"{name}.pcapng", scratch / f"{name}.pcapng", ahead)

    def match(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=60)

    def sources(self):
        return [f"{name}={self.scratch / name}.pcapng" for name in AHEAD]


def blocks(data):
    """(type, offset, length) of each block."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        yield kind, at, length
        at += length


def resolution_of(data, at, length):
    """Ticks a second of an interface block."""
    option = at + 16
    while option < at + length - 4:
        code, size = struct.unpack_from("<HH", data, option)
        if code == RESOLUTION:
            return 10 ** data[option + 4]
        if code == 0:
            break
        option += 4 + (size + 3) // 4 * 4
    return 10 ** 6


def shift(source, target, seconds):
    """A copy of a capture whose clock is so many seconds ahead."""
    data, resolutions = bytearray(source.read_bytes()), []
    for kind, at, length in blocks(bytes(data)):
        if kind == INTERFACE:
            resolutions.append(resolution_of(data, at, length))
        elif kind == PACKET:
            interface, high, low = struct.unpack_from("<III", data, at + 8)
            ticks = (high << 32 | low) + int(seconds * resolutions[interface])
            struct.pack_into("<II", data, at + 12, ticks >> 32, ticks & 0xFFFFFFFF)
    target.write_bytes(data)


def count_packets(path):
    return sum(kind == PACKET for kind, _, _ in blocks(path.read_bytes()))


def check_clocks(case):
    told = case.match("--json", *case.sources())
    lines = [] if told.returncode == 0 else [f"status {told.returncode}: {told.stderr}"]
    for source in json.loads(told.stdout)["sources"]:
        name = source["name"]
        if source["packets"] != count_packets(SAMPLE / f"{name}.pcapng"):
            lines.append(f"{name}: {source['packets']} packets (counted in the file)")
        if name == "device":
            continue
        if source["quality"] != "accurate" or abs(source["offset"] - AHEAD[name]) > source["uncertainty"]:
            lines.append(f"{name}: {source['offset']} ± {source['uncertainty']} s, {source['quality']}; it is {AHEAD[name]}")
        if not 0 < source["uncertainty"] < SURELY:
            lines.append(f"{name}: ± {source['uncertainty']} s for packets that took microseconds")
    return lines


def check_conversations(case):
    """Each connection that the access logs have is at both of its points, and the proxy's go on where the same transaction,
    or the same request, was; by logs of the WAP and of NDES."""
    told = json.loads(case.match("--json", *case.sources()).stdout)
    both = {conversation["seen"][name]["client"]: set(conversation["seen"]) for conversation in told["conversations"]
            for name in conversation["seen"]}
    lines = []
    for log, expected in (("wap-access.log", {"device", "wap"}), ("ndes-access.log", {"wap", "ndes"})):
        for entry in map(json.loads, (SAMPLE / "truth/logs" / log).read_text().splitlines()):
            client = f"{entry['client']}:{entry['client_port']}"
            if both.get(client) != expected:
                lines.append(f"{client} is seen at {both.get(client)}, expected {expected} ({log})")
    for conversation in told["conversations"]:
        for kind in ("lost", "injected"):
            if any(conversation[kind].values()):
                lines.append(f"{conversation['seen']}: {kind} {conversation[kind]}; nothing was dropped")
        for name, delay in conversation["delay"].items():
            if not 0 <= delay["min"] <= delay["median"] <= delay["max"] < SURELY:
                lines.append(f"{name}: delays {delay} on one machine")
    fronts = [entry for entry in told["conversations"] if "device" in entry["seen"]]
    onward = [link["client"] for entry in fronts for link in entry["onward"]]
    asked = [f"{entry['client']}:{entry['client_port']}" for entry in
             map(json.loads, (SAMPLE / "truth/logs/ndes-access.log").read_text().splitlines())]
    if sorted(onward) != sorted(asked):
        lines.append(f"goes on as {sorted(onward)}, NDES was asked by {sorted(asked)} (ndes-access.log)")
    return lines


def check_merged(case):
    output, plain = case.scratch / "merged.pcapng", case.scratch / "plain.pcapng"
    told = case.match("-w", output, *case.sources())
    lines = [] if told.returncode == 0 else [f"status {told.returncode}: {told.stderr}"]
    expected = sum(count_packets(SAMPLE / f"{name}.pcapng") for name in AHEAD)
    if count_packets(output) != expected:
        lines.append(f"{count_packets(output)} packets written of {expected}")
    output.chmod(0o644)
    # With a log, as mergecap 4.0 writes no captures with secrets alone.
    case.run.own(plain.parent)
    other = case.scratch / "u_ex.log"
    other.write_text("#Fields: date time cs-uri-stem s-ip c-ip sc-status\n2016-06-10 02:44:06 / 192.0.2.1 192.0.2.2 200\n")
    case.run.run("mergecap", "-w", plain, *(case.run.readable(SAMPLE / f"{name}.pcapng") for name in AHEAD), other)
    times = case.run.tshark(output, "-T", "fields", "-e", "frame.time_epoch").splitlines()
    if times != sorted(times):
        lines.append("packets are not in order of time")
    reports = [[json.loads(line) for line in case.run.tshark(path, "-q", "-z", "scep,json").splitlines()]
               for path in (output, plain)]
    lines += [f"{name} {first!r}, unshifted {second!r}" for name, first, second in differences(*reports) if first != second]
    names = {name for entry in reports[0] for step in entry["steps"] for name in step["seen_by"]}
    if {name.split("/")[0] for name in names} != set(AHEAD):
        lines.append(f"seen by {names}")
    comments = case.run.tshark(output, "-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.dstport == 443", "-T", "fields",
                               "-e", "frame.comment").decode().splitlines()
    shared = sum("also seen at " in comment for comment in comments)
    if shared != 2 * 8: # three connections of the device, five of the WAP, each at two points
        lines.append(f"{shared} SYNs say where else they were seen, of {comments}")
    return lines


def differences(merged, plain):
    for name, value in (("enrolments", len), ("verdicts", lambda found: [one["verdict"] for one in found]),
                        ("findings", lambda found: [sorted(f["id"] for f in one["findings"]) for one in found]),
                        ("steps", lambda found: [[(s["step"], s["state"]) for s in one["steps"]] for one in found]),
                        ("conversations", lambda found: [[(c["client"], c["server"], c["leg"], c["continues"],
                                                           c["retransmissions"]) for c in one["conversations"]]
                                                         for one in found])):
        yield name, value(merged), value(plain)


def check_twice(case):
    path = case.scratch / "wap.pcapng"
    told = json.loads(case.match("--json", f"one={path}", f"two={path}").stdout)
    second = told["sources"][1]
    lines = [] if second["offset"] == 0 else [f"offset {second['offset']} of a file to itself"]
    if told["unmatched"]:
        lines.append(f"only once: {told['unmatched']}")
    return lines


def check_nothing(case):
    output = case.scratch / "out.pcapng"
    told = case.match("-w", output, f"a={case.scratch / 'device.pcapng'}", f"b={OTHER / 'device.pcapng'}")
    lines = [] if told.returncode == 3 else [f"status {told.returncode}, expected 3"]
    if "no conversation was captured by more than one" not in told.stderr or output.exists():
        lines.append(f"said {told.stderr!r}; written: {output.exists()}")
    return lines


def check_bad(case):
    device, output = case.scratch / "device.pcapng", case.scratch / "out.pcapng"
    text, cut = case.scratch / "notes.txt", case.scratch / "cut.pcapng"
    text.write_text("These are notes.\n")
    cut.write_bytes(device.read_bytes()[:-50])
    lines = []
    for arguments, status, words in (
            ((f"a={device}",), 2, "two files"),
            ((f"a={device}", f"b={case.scratch / 'none.pcapng'}"), 1, "none.pcapng"),
            ((f"a={device}", f"b={text}"), 1, "notes.txt"),
            ((f"a={device}", f"a={case.scratch / 'wap.pcapng'}"), 1, "two sources are named"),
            (("-f", "tcp port", f"a={device}", f"b={case.scratch / 'wap.pcapng'}"), 1, "tcp port"),
            ((f"a={SAMPLE / 'logs/crp/CRP.log'}", f"b={device}"), 1, "is a log"),
            ((f"a={cut}", f"b={case.scratch / 'wap.pcapng'}"), 0, "cut.pcapng")):
        told = case.match("-w", output, *arguments)
        if told.returncode != status or words not in told.stderr or output.exists() != (status == 0):
            lines.append(f"{arguments}: status {told.returncode}, {told.stderr!r}, written: {output.exists()}")
    return lines


CHECKS = dict(zip(UNITS, (check_clocks, check_conversations, check_merged, check_twice, check_nothing, check_bad)))
