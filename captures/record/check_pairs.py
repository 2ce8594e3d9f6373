# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks truth/pairs.json of a sample against its captures, by stock tshark; part of check.py.

The captures must show the connections that the peers know, and no others; what the router dropped, and nothing else,
must be missing at the other side; each side must have sent again what its kernel counted; by the true clock nothing may
arrive before it was sent; and each connection must carry the requests that the WAP and NDES logged.
"""
import collections
import json
import statistics

from stock import tshark

SIZE_LIMIT = 300_000
BILLION = 1_000_000_000
FIELDS = ("frame.interface_name", "frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "ip.id",
          "tcp.flags", "tcp.len", "tcp.seq_raw")
OUTSIDE, INSIDE = "wap-outside", "wap-inside"
SYN_OR_FIN = 3
AT_ONCE = 10_000  # ns; copies of one packet are not so far apart

Segment = collections.namedtuple("Segment", "time sender receiver ip_id flags octets seq")


def read(sample):
    path = sample / "truth" / "pairs.json"
    return json.loads(path.read_text()) if path.exists() else None


def check(sample, facts):
    """The problems."""
    problems, seen = [], {}
    for host in facts["captures"]:
        shown = segments_in(sample / f"{host}.pcapng", facts["clocks"][host])
        seen |= without_copies(shown, host, facts, problems) if host in facts.get("copies", {}) else shown
    check_connections(seen, facts, problems)
    if problems:
        return problems
    if facts["joined"]:
        check_streams(seen, facts, problems)
    else:
        check_passed_on(seen, facts, problems)
    check_sent_again(seen, facts, problems)
    if "wap" not in facts.get("cut_at", {}):
        check_requests(sample, facts, problems)
    return problems


def segments_in(capture, clock):
    """By interface; times are those of the true clock, in nanoseconds since 1970."""
    found, earlier, steps, set_by = collections.defaultdict(list), 0, list(clock["steps"]), 0
    for interface, time, source, port, target, other, *numbers in tshark(capture, "tcp", *FIELDS):
        whole, _, fraction = time.partition(".")
        time = int(whole) * BILLION + int(fraction.ljust(9, "0"))
        # A clock that was set back shows times again: where, the order of the file tells.
        if steps and (time < earlier or 0 < steps[0]["size_ns"] <= time - steps[0]["at_ns"] - set_by):
            set_by += steps.pop(0)["size_ns"]
        earlier, time = time, time - set_by - clock["ahead_ns"]
        # So small a drift can be taken back by the time that has it.
        time -= round((time - clock["since_ns"]) * clock["drift_ppm"] / 1e6)
        numbers = (int(number, 0) for number in numbers)
        found[interface].append(Segment(time, f"{source}:{port}", f"{target}:{other}", *numbers))
    return found


def without_copies(shown, host, facts, problems):
    found, count = {}, 0
    for interface, segments in shown.items():
        found[interface], last = [], {}
        for one in segments:
            if one.time - last.get(one[1:], 0) > AT_ONCE:
                found[interface].append(one)
            last[one[1:]] = one.time
        count += len(segments) - len(found[interface])
    print(f"  {host}: {count} copies of segments")
    if not count or count > facts["copies"][host]:
        problems.append(f"{host}: {count} copies of segments, of {facts['copies'][host]} of all packets")
    return found


def check_connections(seen, facts, problems):
    inside = {frozenset(one.values()) for one in facts["inside"]}
    known = {"device": {frozenset(one["device"].values()) for one in facts["connections"]},
             OUTSIDE: {frozenset(one["wap"].values()) for one in facts["connections"] if one["wap"]},
             INSIDE: inside, "ndes": inside}
    for interface, segments in seen.items():
        shown = {frozenset((one.sender, one.receiver)) for one in segments}
        for ends in shown ^ known[interface]:
            problems.append(f"{interface}: {sorted(ends)}: {'the peers know nothing of it' if ends in shown else 'missing'}")
        print(f"  {interface}: {len(shown)} connections, {len(segments)} segments")


def by_direction(segments, names):
    """Those of a leg, by client and by server, with a key that is the same on both sides of a router: the device's name
    for the connection, and what else a router leaves as it is."""
    found = [], []
    for one in segments:
        ends = names.get((one.sender, one.receiver))
        side = 0 if ends else 1
        found[side].append(((*(ends or names[one.receiver, one.sender]), one.ip_id, one.flags, one.octets), one))
    return found


def legs_of(seen, facts):
    """Both directions of each leg that is captured at both ends: a name, what was sent, what arrived."""
    device = {tuple(one["device"].values()): tuple(one["device"].values()) for one in facts["connections"]}
    wap = {tuple(one["wap"].values()): tuple(one["device"].values()) for one in facts["connections"] if one["wap"]}
    inside = {tuple(one.values()): tuple(one.values()) for one in facts["inside"]}
    for directions, near, far, near_names, far_names in ((("to_wap", "to_device"), "device", OUTSIDE, device, wap),
                                                         (("to_ndes", "from_ndes"), INSIDE, "ndes", inside, inside)):
        if far in seen:
            near, far = by_direction(seen[near], near_names), by_direction(seen[far], far_names)
            yield directions[0], near[0], far[0]
            yield directions[1], far[1], near[1]


def check_passed_on(seen, facts, problems):
    """What left one side came to the other, but for what the router dropped and what came from nowhere."""
    for direction, near, far in legs_of(seen, facts):
        sent, came = times_of(near), times_of(far)
        lost, more = (collections.Counter({key: len(times) - len(others[key]) for key, times in some.items()
                                           if len(times) > len(others[key])})
                      for some, others in ((sent, came), (came, sent)))
        dropped = facts["dropped"].get(direction, [])
        injected = [one for one in facts["injected"] if one["direction"] == direction]
        for what, shown, told in ("dropped", lost, dropped), ("injected", more, injected):
            told = collections.Counter(key_of(one, direction) for one in told)
            if shown != told:
                problems.append(f"{direction}: {what} are {shown - told} more in the captures, {told - shown} fewer")
        if facts["dropped"]["counters"].get(direction, {"packets": 0})["packets"] != len(dropped):
            problems.append(f"{direction}: the router counted other packets than it logged")
        delays = sorted(after - before for key, times in sent.items() if len(times) == len(came[key])
                        for before, after in zip(times, came[key]))
        if delays[0] < 0 or delays[-1] > BILLION:
            problems.append(f"{direction}: packets arrive {delays[0]} ns to {delays[-1]} ns after they were sent")
        print(f"  {direction}: {len(near)} sent, {len(far)} arrived, {lost.total()} lost; "
              f"delay {delays[0]} to {delays[-1]} ns, median {statistics.median_low(delays)} ns")


def times_of(segments):
    found = collections.defaultdict(list)
    for key, one in segments:
        found[key].append(one.time)
    return found


def check_streams(seen, facts, problems):
    """What one side shows as one segment are several for the other: the octets are the same."""
    for direction, near, far in legs_of(seen, facts):
        sent, came = ({(key[:2], (one.seq + at) % 2**32) for key, one in segments for at in range(one.octets)}
                      for segments in (near, far))
        if sent != came:
            problems.append(f"{direction}: {len(sent ^ came)} octets are on one side only")
        print(f"  {direction}: {len(near)} segments sent, {len(far)} arrived, {len(sent)} octets")


def key_of(packet, direction):
    client, server = packet["from"], packet["to"]
    if direction == "to_device":
        client, server = server, client
    return client, server, packet["ip_id"], packet["flags"], packet["octets"]


def check_sent_again(seen, facts, problems):
    total = 0
    for number, connection in enumerate(facts["connections"], 1):
        for side, interface, ends in ("client", "device", connection["device"]), ("server", OUTSIDE, connection["wap"]):
            if not ends:
                continue
            own = [one for one in seen[interface] if one.sender == ends[side] and one.receiver in ends.values()]
            count = sent_again(own)
            total += count
            if count != connection["sent_again"][side]:
                problems.append(f"connection {number}: the {side} shows {count} segments sent again, "
                                f"its kernel counted {connection['sent_again'][side]}")
    print(f"  {total} segments sent again")


def sent_again(segments):
    """How many are before the end of what was sent already."""
    count, end = 0, None
    for one in segments:
        length = one.octets + bool(one.flags & SYN_OR_FIN)
        if length:
            is_before = end is not None and 0 < (end - one.seq) % 2**32 < 2**31
            count += is_before
            if not is_before or 0 < (one.seq + length - end) % 2**32 < 2**31:
                end = (one.seq + length) % 2**32
    return count


def check_requests(sample, facts, problems):
    """Who carried which request, by what the TLS secrets bring to light."""
    shown = collections.defaultdict(list)
    fields = "ip.src", "tcp.srcport", "http.request.method"
    for address, port, method in tshark(sample / "wap.pcapng", "http.request", *fields):
        shown[f"{address}:{port}"].append(method)
    told = collections.defaultdict(list)
    for connection in facts["connections"]:
        for request in connection["requests"]:
            for client in (connection["wap"]["client"], *request["inner"]):
                told[client].append(request["method"])
    for client in shown.keys() | told.keys():
        if sorted(shown[client]) != sorted(told[client]):
            problems.append(f"{client}: {len(shown[client])} requests in the capture, {len(told[client])} in the logs")
