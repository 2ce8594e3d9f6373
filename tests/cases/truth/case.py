# SPDX-License-Identifier: GPL-2.0-or-later
"""Every capture of every sample shows the exchanges that the peers recorded, with openssl's values, in each way of
dissecting, with private keys and without."""

import collections
import json
import urllib.parse

import keys
import oracle
from harness import FIELD_TYPES, WAYS, compare, samples

LINKS = ("scep.request_in", "scep.response_in", "scep.time")
# Where to look for the ends of a message besides the SCEP tree.
PROTOCOLS = ("frame", "ip", "ipv6", "tcp", "scep")
# NDES behind a WAP (captures/samples/README.md).
NDES = ("198.51.100.30", "2001:db8:0:2::30")


class Message:
    """One SCEP tree of a capture."""

    def __init__(self, frame, items):
        self.frame = frame.number
        everything, tree = dict(frame.fields), dict(items)
        self.server = (everything.get("ip.dst") or everything.get("ipv6.dst"), everything.get("tcp.dstport"))
        self.port = everything.get("tcp.srcport")
        self.stream, self.moment = everything.get("tcp.stream"), everything.get("frame.time_relative")
        self.facts = [(name, value) for name, value in items if name in FIELD_TYPES and name not in LINKS]
        self.request_in, self.response_in, self.time = (tree.get(name) for name in LINKS)
        self.key = tuple(tree.get(name) for name in ("scep.operation", "scep.message", "scep.transaction_id"))


def units(run, folder):
    return [f"{sample.name}/{capture.name}" for sample in samples() for capture in sorted(sample.glob("*.pcapng"))]


def check(run, folder, unit):
    sample = next(sample for sample in samples() if sample.name == unit.split("/")[0])
    capture = sample / unit.split("/")[1]
    exchanges = [exchange for exchange in json.loads((sample / "truth/exchanges.json").read_text())
                 if exchange["operation"]]
    lines = []
    for way in WAYS:
        # One way shows the secrets, so that both answers of the preference are seen.
        secrets = way == "two-pass"
        given = keys.preferences(run, sample) + ([("scep.show_secrets", "TRUE")] if secrets else [])
        lines += compare_capture(run, capture, way, given, Truth(sample / "truth", exchanges, keys.files(sample), secrets))
    # Without keys the three ways take turns.
    way = WAYS[units(run, folder).index(unit) % len(WAYS)]
    return lines + compare_capture(run, capture, way, (), Truth(sample / "truth", exchanges, [], False))


class Truth:
    """What the peers and openssl say of a sample, given some keys."""

    def __init__(self, folder, exchanges, key_files, secrets):
        self.what = "with keys" if key_files else "without keys"
        self.exchanges = exchanges
        self.requests = [oracle.request_message(exchange, folder, key_files, secrets) for exchange in exchanges]
        self.responses = [oracle.response_message(exchange, folder, key_files, secrets) for exchange in exchanges]

        # Where many devices enrol at the same time, the order in which the SCEP server was asked is that of no capture.
        scenario = folder / "scenario.json"
        self.is_parallel = scenario.exists() and "devices" in json.loads(scenario.read_text())
        self.logs = folder / "logs"

    def logged(self, host):
        """What a server says of the requests that it got."""
        log = self.logs / f"{host}-access.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def ended_before_ndes(self):
        """Whether peers ran and none of their requests came to NDES."""
        return bool(self.logged("wap")) and not self.logged("ndes")

    def is_answered(self, number, inner):
        """Whether the request of an exchange got an answer, on the device's leg or on that between WAP and NDES: 504 is
        what a proxy says that got none (RFC 9110 section 15.6.5)."""
        status = self.exchanges[number]["status"]
        return status is not None and not (inner and status == 504)

    def key(self, number):
        values = {fact.field: fact.value for fact in self.requests[number]}
        return tuple(values.get(name) for name in ("scep.operation", "scep.message", "scep.transaction_id"))


def compare_capture(run, capture, way, preferences, truth):
    where = f"{way}, {truth.what}"
    shown = [Message(frame, items) for frame in run.dissect(capture, way, preferences, PROTOCOLS)
             for items in frame.messages]
    requests = [message for message in shown if message.request_in is None]
    answers = {}
    for message in shown:
        if message.request_in is not None:
            answers.setdefault((message.request_in, message.stream), []).append(message)
    # A proxy sees each exchange twice, on its way to the proxy and on its way to the server.
    legs = {}
    for message in requests:
        legs.setdefault(message.server if capture.stem == "wap" else "the server", []).append(message)
    lines = []
    if capture.stem == "crp":
        # The registration point is told of messages, and gets none.
        return [f"{where}: SCEP messages {[message.key for message in shown]}"] if shown else []
    if not legs and not (capture.stem == "ndes" and truth.ended_before_ndes()):
        lines.append(f"{where}: no SCEP message shown, the peers exchanged {len(truth.exchanges)}")
    whole = [expected_of(leg, truth) is not None for leg in legs.values()]
    if capture.stem == "wap" and len(legs) != 2 and any(exchange["status"] == 200 for exchange in truth.exchanges):
        lines.append(f"{where}: {len(legs)} legs {list(legs)}, expected 2")
    if capture.stem in ("device", "wap") and not any(len(leg) == len(truth.exchanges) for leg in legs.values()):
        lines.append(f"{where}: no leg shows all {len(truth.exchanges)} requests")
    for server, leg in legs.items():
        inner = capture.stem == "ndes" or server[0] in NDES
        numbers = expected_of(leg, truth)
        if numbers is None:
            lines.append(f"{where}: requests to {server}\n      expected {[truth.key(n) for n in range(len(truth.requests))]}"
                         f" (exchanges.json)\n      got      {[message.key for message in leg]}")
            continue
        left = collections.Counter((message.frame, message.stream) for message in leg)
        for message, number in zip(leg, numbers):
            place = (message.frame, message.stream)
            left[place] -= 1
            # Pipelined requests share a frame; they are answered in their order, one answer each.
            own = answers.get(place, [])[:1 if left[place] else None]
            answers[place] = answers.get(place, [])[len(own):]
            lines += compare_exchange(message, own, number, truth.is_answered(number, inner), truth, way,
                                      f"{where}, frame {message.frame}, exchange {number + 1}")
        if truth.is_parallel:
            lines += compare_connections(leg, truth.logged("ndes" if inner else "wap"), f"{where}, requests to {server}")
    lines += [f"{where}, frame {message.frame}: answers request in frame {frame}, which is not one of its connection"
              for (frame, _), rest in (answers.items() if all(whole) else ()) for message in rest]
    return lines


def expected_of(leg, truth):
    """Which exchanges the requests of a leg are, in order; None when they are not that sequence. What a proxy
    refused did not get to the server."""
    if truth.is_parallel:
        return expected_in_any_order(leg, truth)
    numbers, position = [], 0
    for message in leg:
        while position < len(truth.exchanges) and truth.key(position) != message.key \
                and truth.exchanges[position]["status"] != 200:
            position += 1
        if position == len(truth.exchanges) or truth.key(position) != message.key:
            return None
        numbers.append(position)
        position += 1
    return numbers if all(exchange["status"] != 200 for exchange in truth.exchanges[position:]) else None


def expected_in_any_order(leg, truth):
    """The same when devices enrol at the same time: each exchange once, the next of those that are alike."""
    numbers, left = [], list(range(len(truth.exchanges)))
    for message in leg:
        number = next((number for number in left if truth.key(number) == message.key), None)
        if number is None:
            return None
        numbers.append(number)
        left.remove(number)
    return None if left else numbers


def compare_connections(leg, log, where):
    """The order that counts when devices enrol at the same time: that of each connection, as its server logged it. A
    router between them keeps the client's port."""
    shown, logged = {}, {}
    for message in leg:
        shown.setdefault(str(message.port), []).append(message.key[:2])
    for entry in log:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(entry["uri"]).query)
        logged.setdefault(entry["client_port"], []).append(
            (query["operation"][0], query.get("message", [None])[0]))
    return [f"{where}: connection from port {port}\n      expected {logged.get(port)} (access log)\n"
            f"      got      {shown.get(port)}"
            for port in sorted(set(shown) | set(logged)) if shown.get(port) != logged.get(port)]


def compare_exchange(request, answers, number, answered, truth, way, where):
    lines = compare(truth.requests[number], request.facts, f"{where}, request")
    if len(answers) != answered:
        return lines + [f"{where}: {len(answers)} responses name it as their request, expected {int(answered)}"]
    for answer in answers:
        lines += compare(truth.responses[number], answer.facts, f"{where}, response in frame {answer.frame}")
        # Both frames are on one clock: the time between them is a subtraction.
        if answer.time is None or answer.time <= 0 or abs(answer.time - (answer.moment - request.moment)) > 1e-6:
            lines.append(f"{where}: scep.time {answer.time}, expected {answer.moment - request.moment:.9f} "
                         f"(frame times of {request.frame} and {answer.frame})")
    # A single pass cannot know what comes later.
    expected = answers[0].frame if answers and way != "single" else None
    if request.response_in != expected:
        lines.append(f"{where}: scep.response_in {request.response_in}, expected {expected}")
    return lines
