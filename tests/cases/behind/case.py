# SPDX-License-Identifier: GPL-2.0-or-later
"""What NDES asked of the registration point, of Intune and of the CA, as reports and packets show it, against what those
peers and the policy module logged (captures/samples/behind.md), with and without TLS secrets."""

import base64
import collections
import json
import re
import xml.etree.ElementTree as ElementTree

import keys
import oracle
import packets
import peers
from harness import SAMPLES, WAYS, compare, without_secrets
from peers import address_of

ROLES = {"verify-request": "verify", "notify": "notify"}
PARTS = ("verify-request", "notify", "ca-issue")

# Findings of severity error and warning by vantage point, and where that is written.
FINDINGS = {
    "crp-refused": ({"ndes": ["crp-unreachable"]}, "policy-module.log: ConnectionRefusedError"),
    "crp-no-answer": ({"ndes": ["crp-unreachable"]}, "policy-module.log: TimeoutError before `connected`"),
    "crp-tls": ({"ndes": ["crp-tls-refused"]}, "policy-module.log: TLSV1_ALERT_PROTOCOL_VERSION"),
    "crp-untrusted": ({"ndes": ["crp-certificate-not-accepted"]}, "policy-module.log: SSLCertVerificationError"),
    "crp-no-certificate": ({"ndes": ["crp-client-certificate-missing"]}, "crp.log: 403.7"),
    "crp-untrusted-client": ({"ndes": ["crp-client-certificate-untrusted"]}, "crp.log: 403.16"),
    "crp-expired-client": ({"ndes": ["crp-client-certificate-expired"]}, "crp.log: 403.17"),
    "crp-401": ({"ndes": ["crp-401"]}, "crp-access.log: 401"),
    "crp-404": ({"ndes": ["crp-404"]}, "crp-access.log: 404"),
    "crp-413": ({"ndes": ["crp-413"]}, "crp-access.log: 413"),
    "crp-500": ({"ndes": ["crp-500"]}, "crp-access.log: 500"),
    "crp-503": ({"ndes": ["crp-503"]}, "crp-access.log: 503"),
    "crp-false": ({"ndes": ["crp-verify-false"]}, "policy-module.log: false"),
    "crp-no-notify": ({"ndes": ["crp-no-notify"]}, "policy-module.log: no Notify; responder.log: pkiStatus 0"),
    "crp-notify-failed": ({"ndes": ["crp-notify-failed"]}, "crp.log: 500.0 for Notify; responder.log: pkiStatus 0"),
    "crp-slow": ({"ndes": ["slow-crp"]}, "crp.log: 2.5 s for VerifyRequest"),
    "ca-refused": ({"ndes": ["ca-rpc-unavailable"]}, "ca-client.log: no request; scenario: RST after SYN"),
    "ca-silent": ({"ndes": ["ca-silent"]}, "ca-client.log: no `time_end`"),
    "ca-denied": ({"ndes": ["ca-denied"]}, "ca-server.log: disposition 2, [MS-WCCE] 3.2.1.4.2.1"),
    "ca-fault": ({"ndes": ["ca-fault"]}, "ca-server.log: fault 5"),
    "intune-expired": ({"ndes": ["intune-refused"]}, "policy-module.log: code ChallengeExpired"),
    # The captures of the samples with logs, without those.
    "logs-12029": ({"ndes": ["crp-unreachable"]}, "policy-module.log: ConnectionRefusedError"),
    "logs-12002": ({"ndes": ["crp-unreachable"]}, "policy-module.log: TimeoutError before `connected`"),
    "logs-12175": ({"ndes": ["tls-cn-mismatch"]}, "policy-module.log: SSLCertVerificationError, hostname"),
    "logs-403-16": ({"ndes": ["crp-client-certificate-untrusted"]}, "crp.log: 403.16"),
    "logs-403-7": ({"ndes": ["crp-client-certificate-missing"]}, "crp.log: 403.7"),
    "logs-challenge-false": ({"ndes": ["crp-verify-false"]}, "policy-module.log: false"),
    "logs-key-usage": ({"ndes": ["crp-verify-false"]}, "policy-module.log: false"),
    "logs-signing-certificate": ({"ndes": ["crp-verify-false"]}, "policy-module.log: false"),
    "logs-no-notify": ({"ndes": ["crp-no-notify"]}, "policy-module.log: no Notify; responder.log: pkiStatus 0"),
    "logs-notify-failed": ({"ndes": ["crp-notify-failed"]}, "crp.log: 500.0 for Notify; responder.log: pkiStatus 0"),
}
# From so many seconds on, what is between the calls counts as slow (dissector/flow/catalogue/behind.conf).
SLOW = 2

# What the engine does otherwise than the peers say, because a capture cannot tell; one that no longer does must leave.
OTHER_WITHOUT_SECRETS = {
    "behind-ten/crp.pcapng": "whose encrypted Notify it is, the registration point's own capture shows by order alone",
}

# In words of the plugin's own; how experts look differs from program to program.
NOT_COMPARED = ("crp.code_meaning", "crp.status_meaning", "crp.http_error", "crp.refused")
HIDDEN = "[hidden]"
# How the plugin names the data source that is a body without its secrets begins so.
MASKED, REQUEST = "Body, ", "PKCS #10"
# Trees of Wireshark that show a body as it came, with all that is in it.
RAW = ("geninfo", "frame", "eth", "ip", "tcp", "tls", "http", "fake-field-wrapper")

HAND_WRITTEN = ("registration point and NDES", "registration point and NDES, ten devices", "paths", "servers",
                "servers by name")


def units(run, folder):
    return [f"{sample.name}/{capture.name}" for sample in peers.recorded() if has_calls(sample)
            for capture in sorted(sample.glob("*.pcapng"))] + list(HAND_WRITTEN)


def has_calls(sample):
    return any((sample / f"truth/logs/{name}.log").is_file() for name in ("policy-module", "crp-access"))


def check(run, folder, unit):
    if unit in HAND_WRITTEN:
        name, _, rest = unit.partition(",")
        return globals()[f"check_{name.replace(' ', '_')}"](run, rest.strip())
    capture = SAMPLES / unit
    truth, stock, enrolments = Truth(capture), packets_of(run, capture), report(run, capture)
    lines = compare_conversations(enrolments, truth) + compare_calls(enrolments, truth, stock)
    if lines:
        # All else follows from that.
        return lines
    lines += compare_joins(enrolments, truth, stock) + compare_alone(enrolments, truth)
    lines += compare_visible(enrolments, truth) + compare_client_certificates(enrolments, truth)
    lines += compare_timing(enrolments, truth, stock) + compare_findings(enrolments, truth)
    lines += compare_frames(run, capture, enrolments)
    for way in WAYS:
        lines += compare_fields(run, capture, way, truth, stock)
    return lines + compare_challenge(run, capture, truth) + compare_secrets(run, capture, truth, stock)


def report(run, capture, *arguments, **options):
    return [json.loads(line) for line in run.tshark(capture, "-q", "-z", "scep,json", *arguments, **options).splitlines()]


# --- What the peers say ---

class Truth:
    """The peers' word on what one capture shows of the calls behind NDES."""

    def __init__(self, capture):
        self.sample, self.vantage = capture.parent, capture.stem
        self.name = f"{self.sample.name}/{capture.name}"
        self.peers, self.keys = peers.Peers(self.sample), keys.files(self.sample)
        self.calls = self.peers.calls_seen(self.vantage)
        self.posted = [call for call in self.calls if call.leg != "ndes-ca"]
        # The MDM service's log.
        self.synchronisations = [peers.client_of(entry) for entry in self.peers.log("mdm") if self.vantage == "device"]
        # Whose PKIOperation came from which port.
        self.transactions = {request.client: request.transaction for request in self.peers.outer + self.peers.inner
                             if request.operation == "PKIOperation"}
        self.messages = {}
        for exchange in self.peers.exchanges:
            if exchange["operation"] == "PKIOperation":
                request = oracle.request_message(exchange, self.peers.truth, self.keys)
                self.messages[value_of(request, "scep.transaction_id")] = (exchange, request)

    def calls_of(self, client):
        return [call for call in self.calls if call.client == client]

    def request(self, transaction):
        """The PKCS #10 that the device sent, by openssl."""
        exchange, _ = self.messages[transaction]
        data = (self.peers.truth / exchange["request"]).read_bytes()
        return oracle.open_envelope(oracle.SignedData(data).content(), self.keys)

    def issued(self, transaction):
        """The facts of the certificate in the CertRep, by openssl; empty where there is none."""
        exchange, request = self.messages[transaction]
        facts = oracle.response_message(exchange, self.peers.truth, self.keys)
        found = [fact for fact in facts if fact.field.startswith("scep.certificate.")]
        begins = [at for at, fact in enumerate(found) if fact.field == "scep.certificate.subject"]
        for begin, end in zip(begins, begins[1:] + [len(found)]):
            if found[begin].value == value_of(request, "scep.csr.subject"):
                return found[begin:end]
        return []

    def logged(self, call):
        """The web server's line for a call; None where it did not come to one."""
        entries = self.peers.log("crp" if call.leg == "ndes-crp" else "intune")
        return next((entry for entry in entries
                     if (peers.client_of(entry), entry["uri"]) == (call.client, call.path)), None)

    def logged_by_authority(self, call):
        """The CA's line for a call."""
        return next((entry for entry in self.peers.lines_of("ca-server")
                     if (entry["client"], entry["interface"]) == (call.client, call.name)), None)

    def application_seconds(self, call):
        """How long the application took for a call, as it says itself; None where it did not get to know of it."""
        return next((entry["end"] - entry["begin"] for entry in self.peers.lines_of("crp")
                     if (entry["call"], entry["transaction_id"]) == (call.name, call.transaction)), None)


def value_of(facts, field):
    return next((fact.value for fact in facts if fact.field == field), None)


def is_near(seconds, logged):
    """Whether a capture and a log agree. The log is written by another process, which runs when the scheduler lets it: it
    takes its times before it sends and after it was woken, and is late by so much."""
    return abs(seconds - logged) <= 0.025 + 0.1 * logged


# --- The packets, as Wireshark shows them without the plugin ---

# time: nanoseconds since 1970; kinds: content types of TLS records that begin here; asked_in: frame of the request.
Packet = collections.namedtuple("Packet", "number time stream port length kinds uri status rpc asked_in")


def packets_of(run, capture):
    names = ("frame.number", "frame.time_epoch", "tcp.stream", "tcp.srcport", "tcp.len", "tls.record.content_type",
             "http.request.uri", "http.response.code", "dcerpc.pkt_type", "http.request_in", "dcerpc.request_in")
    output = run.tshark(capture, "-T", "fields", *[part for name in names for part in ("-e", name)], plugin=False)
    found = {}
    for line in output.decode(errors="replace").splitlines():
        number, time, stream, port, length, kinds, uri, status, rpc, *asked = (
            cell if name.endswith("content_type") else cell.partition(",")[0]
            for name, cell in zip(names, line.split("\t")))
        seconds, _, rest = time.partition(".")
        found[int(number)] = Packet(int(number), int(seconds) * 10**9 + int(rest.ljust(9, "0")), stream, port,
                                    int(length or 0), kinds.split(",") if kinds else [], uri, status, rpc,
                                    next((int(frame) for frame in asked if frame), None))
    return found


def seconds_between(first, last):
    return (last.time - first.time) / 1e9


# --- The report ---

def is_behind(conversation):
    client, server = (address_of(conversation[side]) for side in ("client", "server"))
    return any(leg in (*peers.BEHIND, "device-mdm") for leg in (peers.leg_of(client, server), conversation["leg"]))


def parts_of(enrolments):
    return [(enrolment, conversation) for enrolment in enrolments for conversation in enrolment["conversations"]
            if is_behind(conversation)]


def steps_of(conversation):
    return sorted((step for step in conversation["steps"] if not step["step"].endswith("-handshake")),
                  key=lambda step: step["request_frame"])


def compare_conversations(enrolments, truth):
    """Each connection of the logs is one conversation, of that leg and in those roles; there are no others."""
    expected = {(call.client, call.server, call.leg) for call in truth.calls}
    expected |= {(client, f"{peers.CLOUD}:443", "device-mdm") for client in truth.synchronisations}
    parts = parts_of(enrolments)
    lines = differ(sorted((part["client"], part["server"], part["leg"]) for _, part in parts), sorted(expected),
                   "conversations behind NDES and with the MDM service", "policy-module.log, ca-client.log, mdm-access.log")
    for _, part in parts:
        roles = {"ca-rpc" if call.leg == "ndes-ca" else ROLES[call.step] for call in truth.calls_of(part["client"])}
        lines += differ(set(part["role"]), roles or {"sync"}, f"conversation of {part['client']}: roles", "the logs")
    return lines


def compare_calls(enrolments, truth, stock):
    """Each call of the logs that was sent is a step, with what was answered; there are no others."""
    lines = []
    for _, part in parts_of(enrolments):
        where, steps = f"{part['leg']}, client {part['client']}", steps_of(part)
        if part["leg"] == "device-mdm":
            lines += differ([step["step"] for step in steps], ["sync"] * truth.synchronisations.count(part["client"]),
                            f"{where}: steps", "mdm-access.log")
            continue
        calls = [call for call in truth.calls_of(part["client"]) if call.sent and call.step]
        lines += differ([step["step"] for step in steps], [call.step for call in calls], f"{where}: steps", "the logs")
        if [step["step"] for step in steps] == [call.step for call in calls]:
            lines += [line for step, call in zip(steps, calls)
                      for line in compare_step(step, call, truth, stock, f"{where}, {call.name}")]
        if calls:
            lines += differ(part["basis"], "decrypted", f"{where}: basis", "the capture can be read")
    return lines


def compare_step(step, call, truth, stock, where):
    fault = None if call.fault is None else f"0x{call.fault:08x}"
    expected = {"http_status": call.status, "http_substatus": call.substatus, "verified": call.verified, "code": call.code,
                "disposition": call.disposition, "hresult": fault, "state": "ok" if call.good else "failed",
                "transaction_id": call.transaction if call.leg != "ndes-ca" else None}
    lines = differ({name: step[name] for name in expected}, expected, where,
                   "ca-client.log" if call.leg == "ndes-ca" else "policy-module.log")
    name, _, method = (step["operation"] or "").partition("::")
    if name != call.name or bool(method) != (call.leg == "ndes-ca"):
        lines.append(f"{where}: operation {step['operation']}")
    issued = truth.logged_by_authority(call)
    if issued and not issued["sealed"]:
        lines += differ((step["disposition"], step["hresult"]), (issued["disposition"], fault), where, "ca-server.log")
    entry = truth.logged(call) if call.leg != "ndes-ca" else None
    if entry and step["http_status"] != peers.status_of(entry):
        lines.append(f"{where}: http_status {step['http_status']}, expected {entry['status']} (the web server's log)")
    asked, answered = stock[step["request_frame"]], stock.get(step["response_frame"])
    if (answered is not None) != (call.end is not None):
        lines.append(f"{where}: answer in frame {step['response_frame']}, the log says {call.end and 'one' or 'none'}")
    if (asked.uri.rpartition("/")[2] != call.name) if call.leg != "ndes-ca" else (asked.rpc != "0"):
        lines.append(f"{where}: frame {asked.number} is no request of it (tshark without the plugin)")
    if answered:
        lines += differ(answered.asked_in, asked.number, f"{where}: request of frame {answered.number}",
                        "tshark without the plugin")
        lines += near(step["time"], seconds_between(asked, answered), f"{where}: time", "the frames' times")
    return lines


def near(shown, expected, what, road):
    """Times of one clock: what is printed is rounded to the microsecond."""
    return [] if shown is not None and abs(shown - expected) <= 1.1e-6 else \
        [f"{what} {shown}, expected {expected:.6f} ({road})"]


def compare_joins(enrolments, truth, stock, readable=True):
    """Each call belongs to the PKIOperation of its transaction, and to that one's enrolment."""
    lines = []
    for enrolment, part in parts_of(enrolments):
        calls = truth.calls_of(part["client"])
        if not calls:
            continue
        where, own = f"{part['leg']}, client {part['client']}", {enrolment["transaction_id"]}
        if truth.vantage == "ndes":
            own = {truth.transactions.get(conversation["client"]) for conversation in enrolment["conversations"]} - {None}
        elif not readable:
            # Whose they are is encrypted: what belongs together is known all the same.
            own = {call.transaction for conversation in enrolment["conversations"]
                   for call in truth.calls_of(conversation["client"])}
            lines += differ(len(own), 1, f"enrolment {enrolment['enrolment']}: transactions of its calls", "the logs")
        lines += differ(own, {call.transaction for call in calls}, f"{where}: PKIOperations of its enrolment", "the logs")
        for step, call in zip(steps_of(part), [call for call in calls if call.sent and call.step]):
            if truth.vantage != "ndes":
                lines += differ(step["pki_operation_frame"], None, f"{where}, {call.name}: PKIOperation",
                                "it is not in the capture")
                continue
            lines += differ(operation_of(step, truth, enrolment, stock), call.transaction,
                            f"{where}, {call.name}: transaction of the PKIOperation in frame {step['pki_operation_frame']}",
                            "the logs")
            if readable and call.leg != "ndes-ca":
                lines += differ(step["joined_confidence"], 100, f"{where}, {call.name}: confidence",
                                "the transaction is read")
    return lines


def operation_of(step, truth, enrolment, stock):
    """The transaction, by the access log, of the PKIOperation that a call is said to belong to."""
    packet = stock.get(step["pki_operation_frame"])
    client = packet and f"{address_of(client_of(enrolment, packet))}:{packet.port}"
    return truth.transactions.get(client)


def client_of(enrolment, packet):
    return next((conversation["client"] for conversation in enrolment["conversations"]
                 if str(conversation["tcp_stream"]) == packet.stream), ":")


def compare_alone(enrolments, truth):
    """A capture at the registration point makes an enrolment of each transaction."""
    if truth.vantage != "crp":
        return []
    transactions = {call.transaction for call in truth.calls}
    lines = differ(sorted(enrolment["transaction_id"] or "" for enrolment in enrolments), sorted(transactions),
                   "enrolments", "policy-module.log")
    for enrolment in enrolments:
        told = [call for call in truth.calls if call.transaction == enrolment["transaction_id"] and call.step == "notify"]
        is_complete = any(call.good for call in told) and bool(truth.issued(enrolment["transaction_id"]))
        lines += differ(enrolment["verdict"], "complete" if is_complete else "failed",
                        f"enrolment {enrolment['enrolment']}: verdict", "the CertRep by openssl")
    return lines


def compare_visible(enrolments, truth):
    """What an enrolment is told to be made of: the calls as they went, and not visible where they cannot be seen."""
    lines = []
    for enrolment in enrolments:
        states = {step["step"]: step["state"] for step in enrolment["steps"]}
        where = f"enrolment {enrolment['enrolment']}"
        hidden = {"device": PARTS, "wap": PARTS, "crp": ("pki-operation", "ca-issue", "cert-rep")}.get(truth.vantage, ())
        lines += [f"{where}: {name} is {states.get(name)}, expected not-visible (a capture at {truth.vantage})"
                  for name in hidden if states.get(name) != "not-visible"]
        for call in truth.calls:
            if call.transaction == enrolment["transaction_id"] and call.sent and call.step:
                lines += differ(states.get(call.step), "ok" if call.good else "failed", f"{where}: {call.step}", "the logs")
    return lines


def compare_client_certificates(enrolments, truth):
    """What became of the client certificate, by the web server's word of it."""
    lines, said = [], {"NONE": "empty", "": None}
    for entry in truth.peers.lines_of("crp"):
        calls = [call for call in truth.posted if call.sent and call.name == entry["call"]
                 and entry["transaction_id"] in (call.transaction, None)]
        clients = {call.client for call in calls}
        for _, part in parts_of(enrolments):
            if part["client"] in clients:
                lines += differ(part["client_certificate_state"], said.get(entry["client_certificate"], "sent"),
                                f"client {part['client']}: client certificate", f"crp.log: {entry['client_certificate']!r}")
                # One authority issued what NDES and the CRP have, where it is good.
                if entry["client_certificate"] == "SUCCESS":
                    lines += differ((part["client_certificate"] or {}).get("issuer"), part["certificate"]["issuer"],
                                    f"client {part['client']}: issuer of the client certificate", "behind.md")
    return lines


def compare_frames(run, capture, enrolments):
    """The packets link a call with its PKIOperation and show its times, as the report has them."""
    names = ("scepflow.inward_in", "scepflow.behind_in", "scepflow.joined_confidence", "scepflow.time.total",
             "scepflow.time.verify_request", "scepflow.time.ca_issue", "scepflow.time.notify", "scepflow.time.slowest")
    asked = [part for name in ("frame.number", *names) for part in ("-e", name)]
    shown, lines = {}, []
    for line in run.tshark(capture, "-2", "-T", "fields", *asked).decode().splitlines():
        number, *cells = line.split("\t")
        shown[number] = dict(zip(names, cells))
    for enrolment in enrolments:
        behind = {}
        for _, part in parts_of([enrolment]):
            for step in steps_of(part):
                if step.get("pki_operation_frame"):
                    row = shown[str(step["request_frame"])]
                    behind.setdefault(step["pki_operation_frame"], set()).add(str(step["request_frame"]))
                    lines += differ((row["scepflow.inward_in"], row["scepflow.joined_confidence"]),
                                    (str(step["pki_operation_frame"]), str(step["joined_confidence"])),
                                    f"frame {step['request_frame']}: PKIOperation and confidence", "the report")
        for frame, calls in behind.items():
            lines += differ(set(shown[str(frame)]["scepflow.behind_in"].split(",")), calls, f"frame {frame}: calls behind it",
                            "the report")
        for timing in enrolment["timing"]:
            row, times = shown[str(timing["response_frame"])], {"total": timing["total"]}
            for part in timing["parts"]:
                times[part["part"]] = part["time"]
            for name in ("total", *PARTS):
                cell = row[f"scepflow.time.{name.replace('-', '_')}"]
                lines += differ(cell and round(float(cell), 6), round(times[name], 6) if name in times else "",
                                f"frame {timing['response_frame']}: time of {name}", "the report")
            lines += differ(row["scepflow.time.slowest"], timing["slowest"], f"frame {timing['response_frame']}: slowest",
                            "the report")
    return lines


# --- Where the time went ---

def compare_timing(enrolments, truth, stock):
    lines = []
    for enrolment in enrolments:
        operations = {step["request_frame"]: (conversation, step) for conversation in enrolment["conversations"]
                      for step in conversation["steps"] if step["step"] == "pki-operation" and step["response_frame"]
                      # The device's own, where there are two.
                      and (truth.vantage == "ndes" or conversation["leg"] != "wap-ndes")}
        lines += differ(sorted(timing["request_frame"] for timing in enrolment["timing"]), sorted(operations),
                        f"enrolment {enrolment['enrolment']}: PKIOperations with times", "its steps")
        for timing in enrolment["timing"]:
            if timing["request_frame"] in operations:
                conversation, step = operations[timing["request_frame"]]
                lines += compare_total(timing, step, stock)
                lines += compare_parts(timing, truth.transactions.get(conversation["client"]), truth)
    return lines


def compare_total(timing, step, stock):
    """From the first packet of the request to the last of the answer, and all of it accounted for."""
    request, response = stock[timing["request_frame"]], stock[timing["response_frame"]]
    where = f"PKIOperation in frame {request.number}"
    lines = differ((response.asked_in, response.number), (request.number, step["response_frame"]),
                   f"{where}: answer", "tshark without the plugin")
    earlier = [packet for packet in stock.values()
               if packet.stream == request.stream and packet.length and packet.number <= request.number]
    before = max((packet.number for packet in earlier if packet.port != request.port), default=0)
    # Of TLS only what holds data: a client may have ended the handshake just before.
    first = next(packet for packet in earlier if packet.number > before and (not packet.kinds or "23" in packet.kinds))
    lines += near(timing["total"], seconds_between(first, response), f"{where}: total", "the frames' times")
    lines += near(step["time"], seconds_between(request, response), f"{where}: time", "the frames' times")
    parts = timing["parts"]
    if abs(sum(part["time"] for part in parts) - timing["total"]) > 1e-6 * len(parts):
        lines.append(f"{where}: the parts are {sum(part['time'] for part in parts):.6f} s in all, "
                     f"expected {timing['total']}")
    lines += [f"{where}: {part['part']} takes {part['time']} s" for part in parts if part["time"] < 0]
    longest = max(parts, key=lambda part: part["time"])
    return lines + differ(timing["slowest"], longest["part"], f"{where}: slowest", "the parts' times")


def compare_parts(timing, transaction, truth):
    """What the peers logged for each part."""
    lines, times = [], {}
    for part in timing["parts"]:
        times[part["part"]] = times.get(part["part"], 0) + part["time"]
    for name in PARTS:
        where = f"PKIOperation in frame {timing['request_frame']}: {name}"
        calls = [call for call in truth.calls if (call.transaction, call.step) == (transaction, name) and call.sent]
        if not calls:
            if name in times:
                lines.append(f"{where} took {times[name]} s, and was not called (the logs)")
            continue
        if any(call.end is None for call in calls):
            continue
        logged = sum(call.end - call.begin for call in calls)
        if name not in times or not is_near(times[name], logged):
            lines.append(f"{where} took {times.get(name)} s, expected about {logged:.3f} "
                         f"({'ca-client.log' if name == 'ca-issue' else 'policy-module.log'})")
            continue
        taken = [truth.application_seconds(call) for call in calls if call.leg != "ndes-ca"]
        if taken and None not in taken and not is_near(times[name], sum(taken)):
            lines.append(f"{where} took {times[name]} s, expected about {sum(taken):.3f} (crp.log)")
        for call in calls:
            # The web server counts from the first octet of the connection. apache2 did not count.
            seconds = (truth.logged(call) or {}).get("seconds") if call.leg != "ndes-ca" else None
            if seconds and not any(is_near(times[name] + before, float(seconds))
                                   for before in (0, call.begin - call.dialled)):
                lines.append(f"{where} took {times[name]} s, expected about {seconds} with TLS (the web server's log)")
        if logged > timing["total"] / 2:
            lines += differ(timing["slowest"], name, f"{where}: slowest", "more than half of the time by the logs")
    return lines


# --- What is found wrong ---

def compare_findings(enrolments, truth):
    by_vantage, source = FINDINGS.get(truth.sample.name, ({}, "a healthy sample"))
    found = [(enrolment, finding) for enrolment in enrolments for finding in enrolment["findings"]
             if finding["severity"] in ("error", "warning")]
    expected = by_vantage.get(truth.vantage, []) + ["slow-ndes"] * count_of_slow(truth)
    lines = differ(sorted(finding["id"] for _, finding in found), sorted(expected), "findings", source)
    leg = (truth.peers.scenario.get("fails") or {}).get("leg")
    for enrolment, finding in found:
        where = f"enrolment {enrolment['enrolment']}: {finding['id']}"
        conversation = next((one for one in enrolment["conversations"] if one["number"] == finding["conversation"]), None)
        if finding["severity"] == "error":
            lines += differ(finding["leg"], leg, f"{where}: leg", "scenario.json")
        if conversation and not (conversation["leg"] == finding["leg"]
                                 and conversation["first_frame"] <= finding["frame"] <= conversation["last_frame"]):
            lines.append(f"{where}: frame {finding['frame']} or leg {finding['leg']} is not that of its conversation")
        for key in ("what", "cause", "fix", "look"):
            if not finding[key] or re.search(r"[{}]", finding[key]):
                lines.append(f"{where}: {key} is {finding[key]!r}")
    return lines


def count_of_slow(truth):
    """How many enrolments of a capture at NDES spent too long between the calls, by the logs."""
    if truth.vantage != "ndes":
        return 0
    slow = 0
    for transaction in {call.transaction for call in truth.calls}:
        own = {call.step: call for call in truth.calls if call.transaction == transaction and call.step}
        if all(step in own and own[step].end for step in PARTS):
            issue = own["ca-issue"]
            slow += own["notify"].dialled - own["verify-request"].end - (issue.end - issue.begin) > SLOW
    return slow


# --- The fields of each call ---

def compare_fields(run, capture, way, truth, stock):
    """Every field of every call and answer; one way shows the secrets, so that both answers of the preference are seen."""
    secrets = way == "two-pass"
    lines, requests, answers = [], {}, {}
    for frame in run.dissect(capture, way, [("scep.show_secrets", "TRUE")] if secrets else [], ("crp", "tcp")):
        fields = [(name, value) for name, value in frame.fields if name.startswith("crp.") and name not in NOT_COMPARED]
        if not fields:
            continue
        asked_in = dict(fields).get("crp.request_in")
        if asked_in is None:
            requests.setdefault(stock[frame.number].port, []).append((frame.number, fields))
        else:
            answers[asked_in] = (frame.number, fields)
    calls = {}
    for call in truth.posted:
        if call.sent:
            calls.setdefault(call.client.rpartition(":")[2], []).append(call)
    lines += differ({port: len(own) for port, own in requests.items()}, {port: len(own) for port, own in calls.items()},
                    f"{way}: calls by port", "policy-module.log")
    if lines:
        return lines
    for port, own in requests.items():
        for (number, fields), call in zip(own, calls[port]):
            where = f"{way}, frame {number}, {call.name}"
            answer, shown = answers.pop(number, (None, []))
            # A single pass cannot know what comes later.
            link = [("crp.response_in", answer, "tshark without the plugin")] if answer and way != "single" else []
            lines += compare(request_facts(call, truth, secrets) + link, fields, where)
            if (answer is not None) != (call.end is not None):
                lines.append(f"{where}: {'an' if answer else 'no'} answer, other than policy-module.log says")
                continue
            if answer:
                lines += differ([packet.number for packet in stock.values() if packet.asked_in == number], [answer],
                                f"{where}: answer", "tshark without the plugin")
                lines += near(dict(shown).get("crp.time"), seconds_between(stock[number], stock[answer]),
                              f"{where}: crp.time", "the frames' times")
                lines += compare(answer_facts(call, number), [pair for pair in shown if pair[0] != "crp.time"],
                                 f"{where}, answer in frame {answer}")
    return lines + [f"{way}: answers to frames {sorted(answers)}, which are no calls" for _ in answers][:1]


def product_of(call):
    if call.leg == "ndes-intune":
        return "Intune"
    return "Intune connector" if "CertificateRegistrationSvc" in call.path else "ConfigMgr"


def request_facts(call, truth, secrets):
    """What a call must show, in the order of policy_module.py, which wrote it."""
    module = "policy_module.py, policy-module.log"
    challenge = (truth.peers.truth / "challenge").read_text().strip() if secrets else HIDDEN
    # The exchange says what was sent; a request of our own is known by its transaction.
    _, request = truth.messages[call.transaction]
    facts = [("crp.call", call.name, module), ("crp.product", product_of(call), module),
             ("crp.transaction_id", call.transaction, module)]
    agent = (truth.logged(call) or {}).get("user_agent", "")
    if agent not in ("", "-"):
        facts.append(("crp.user_agent", agent, "the web server's log"))
    if call.name == "VerifyRequest" or call.leg == "ndes-intune":
        facts += [(field.replace("scep.", "crp."), value, road) for field, value, road in request
                  if field.startswith("scep.csr.")]
        # The one inside the PKCS #10, and the one beside it.
        facts += [("crp.challenge", challenge, "challenge")] * (2 if call.leg == "ndes-crp" else 1)
    certificate = truth.issued(call.transaction)
    if call.name == "VerifyRequest":
        facts.append(("crp.template", "ContosoDevice", module))
    elif call.name == "Notify":
        facts += [("crp.challenge", challenge, "challenge"),
                  ("crp.disposition", f"SCEPDisposition{'Success' if certificate else 'Failure'}", "CertRep by openssl"),
                  ("crp.hresult", "0x00000000" if certificate else "0x80004005", module)]
        facts += [(field.replace("scep.", "crp."), value, road) for field, value, road in certificate
                  if not field.endswith(("not_before", "not_after"))]
    else:
        facts.append(("crp.caller", "Contoso NDES 1.0", module))
    if call.name == "successNotification":
        values = {field.rpartition(".")[2]: value for field, value, _ in certificate}
        # As openssl 3.0 wrote it when it was recorded; later releases leave the blanks out.
        issuer = oracle.openssl("x509", "-in", str(truth.peers.truth / "issued.crt"), "-noout", "-issuer",
                                "-nameopt", "space_eq,sep_comma_plus_space,sname,utf8").decode()
        facts += [("crp.thumbprint", values["thumbprint"].upper(), "openssl x509"),
                  ("crp.serial", values["serial"].upper(), "openssl x509"),
                  ("crp.expiration", values["not_after"], "openssl x509"),
                  ("crp.authority", issuer.strip().partition("=")[2].strip(), "openssl x509 -issuer"),
                  ("crp.authority", "ca.corp.contoso.com", module)]
    elif call.name == "failureNotification":
        asked = next(other for other in truth.posted if other.transaction == call.transaction)
        facts += [("crp.hresult", "-2147467259", module),
                  ("crp.description", json.loads(asked.body)["errorDescription"], "policy-module.log: validateRequest")]
    return facts


def answer_facts(call, number):
    module = "policy-module.log"
    facts = [("crp.call", call.name, module), ("crp.product", product_of(call), module),
             ("crp.http_status", call.status, module), ("crp.request_in", number, "tshark without the plugin")]
    title = re.search("<title>(.*?)</title>", call.body)
    described = json.loads(call.body)["errorDescription"] if call.code else None
    optional = {"crp.substatus": call.substatus, "crp.error_page": title and title.group(1), "crp.verified": call.verified,
                "crp.code": call.code, "crp.description": described or None}
    return facts + [(field, value, module) for field, value in optional.items() if value is not None]


# --- The challenge ---

def compare_challenge(run, capture, truth):
    """The challenge, as text or in the base64 of the PKCS #10 that holds it, is in nothing that the plugin adds: its tree,
    those of JSON and XML below it, its data sources, the report. Where Wireshark shows the body as it came, it is."""
    calls = [call for call in truth.posted if call.sent]
    if not calls:
        return []
    challenge = (truth.peers.truth / "challenge").read_bytes().strip()
    requests = {call.transaction: truth.request(call.transaction) for call in calls}
    secrets = {"the challenge": challenge, "the challenge in hexadecimal": challenge.hex().encode()}
    secrets |= {f"base64 of {transaction}": digits_of(request, challenge) for transaction, request in requests.items()}
    text = run.tshark(capture, "-V", "-x")
    sources = sources_of(text)
    lines = differ(len(sources[MASKED]), len(calls), "data sources with a hidden challenge",
                   "each call holds it: policy_module.py")
    with_request = [call for call in calls if call.name == "VerifyRequest" or call.leg == "ndes-intune"]
    lines += differ(len(sources[REQUEST]), len(with_request), "data sources with a PKCS #10", "policy_module.py")
    places = {f"data source {name}": b"\n".join(sources[name]) for name in (MASKED, REQUEST)}
    places["report"] = run.tshark(capture, "-q", "-z", "scep,json") + run.tshark(capture, "-q", "-z", "scep,flow")
    for passes in ((), ("-2",)):
        places[f"PDML {' '.join(passes)}"] = trees_of(run.tshark(capture, *passes, "-T", "pdml"))
    lines += [f"{what} is in {place}" for place, data in places.items()
              for what, secret in secrets.items() if secret in data]
    # Otherwise there would be nothing to hide.
    whole = b"\n".join(part for parts in sources.values() for part in parts)
    lines += [f"{what} is nowhere: nothing is tested" for what, secret in secrets.items()
              if what.startswith("base64") and secret not in whole]
    shown = sources_of(run.tshark(capture, "-V", "-x", preferences=[("scep.show_secrets", "TRUE")]))
    lines += differ(len(shown[MASKED]), 0, "data sources with a hidden challenge", "scep.show_secrets")
    if with_request and not all(challenge in data for data in shown[REQUEST]):
        lines.append("PKCS #10: the challenge is hidden although scep.show_secrets is on")
    return lines


def digits_of(request, challenge):
    """The base64 digits of a PKCS #10 that stand for nothing but the challenge."""
    begin = request.index(challenge)
    end = begin + len(challenge)
    return base64.b64encode(request)[-(-begin * 4 // 3):end * 4 // 3]


def sources_of(text):
    """The octets of every data source of every frame by name, of the hex dumps of tshark -x."""
    found = collections.defaultdict(list)
    for name, dump in re.findall(rb"^(\S[^\n]*?) \(\d+ bytes\):\n((?:[0-9a-f]{4,8}  [^\n]*\n)+)", text, re.MULTILINE):
        rows = re.findall(rb"^[0-9a-f]{4,8}  ((?:[0-9a-f]{2} ?)+)", dump, re.MULTILINE)
        name = MASKED if name.startswith(MASKED.encode()) else name.decode()
        found[name].append(b"".join(bytes.fromhex(row.decode()) for row in rows))
    return found


def trees_of(pdml):
    """Names, texts and octets of the trees of calls, but for those that are Wireshark's own."""
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", pdml.decode(errors="replace"))
    kept = []
    for packet in ElementTree.fromstring(text).iter("packet"):
        protocols = [proto for proto in packet if proto.tag == "proto"]
        if any(proto.get("name") == "crp" for proto in protocols):
            kept += [ElementTree.tostring(proto) for proto in protocols if proto.get("name") not in RAW]
    return b"\n".join(kept)


# --- Without secrets ---

def compare_secrets(run, capture, truth, stock):
    """The same capture without the TLS secrets: the same calls on the same connections, for the same PKIOperations."""
    target = run.scratch / f"behind-{capture.parent.name}-{capture.name}"
    if not without_secrets(capture, target):
        return []
    try:
        found = report(run, target)
    finally:
        target.unlink()
    lines = compare_conversations(found, truth)
    for _, part in parts_of(found):
        where = f"{part['leg']}, client {part['client']}"
        if part["leg"] != "device-mdm":
            calls = [call for call in truth.calls_of(part["client"]) if call.sent and call.step]
            lines += differ([step["step"] for step in steps_of(part)], [call.step for call in calls], f"{where}: steps",
                            "the logs")
        # What NDES and the CA say is not in TLS.
        if part["leg"] != "ndes-ca":
            lines += differ(part["basis"], "inferred", f"{where}: basis", "the capture cannot be read")
    lines = [f"without secrets: {line}" for line in lines + compare_joins(found, truth, stock, readable=False)]
    if truth.name in OTHER_WITHOUT_SECRETS:
        return [] if lines else ["without secrets: as the peers say; leave OTHER_WITHOUT_SECRETS"]
    return lines


# --- Captures that are put together, and what the user sets ---

def check_registration_point_and_NDES(run, which):
    """A capture of NDES without its calls to the registration point, and one made there: the calls are in the enrolments
    of their transactions. They still are when both captures have them."""
    sample, lines = SAMPLES / ("behind-ten" if which else "behind-healthy"), []
    truth = Truth(sample / "ndes.pcapng")
    folder = run.own(run.scratch / f"merged-{sample.name}")
    # Written anew: mergecap 4.0 refuses a file whose secrets stand before its interfaces.
    parts = {"NDES without its calls": ("ndes", f"!(ip.addr == {peers.CRP})"), "NDES": ("ndes", "frame"),
             "CRP": ("crp", "frame")}
    for name, (vantage, selected) in parts.items():
        run.tshark(sample / f"{vantage}.pcapng", "-Y", selected, "-w", folder / f"{name}.pcapng")
    for name in ("NDES without its calls", "NDES"):
        merged = folder / f"{name} and CRP.pcapng"
        run.run("mergecap", "-I", "none", "-w", merged, folder / f"{name}.pcapng", folder / "CRP.pcapng")
        enrolments = report(run, merged)
        found = differ(sorted(enrolment["transaction_id"] or "" for enrolment in enrolments),
                       sorted(set(truth.transactions.values())), "enrolments", "ndes-access.log")
        if name == "NDES":
            # Each packet of the calls twice.
            shown = {(part["client"], part["leg"]) for _, part in parts_of(enrolments)}
            found += differ(sorted(shown), sorted({(call.client, call.leg) for call in truth.calls}), "conversations",
                            "the logs")
        else:
            found += compare_conversations(enrolments, truth) + compare_joins(enrolments, truth, packets_of(run, merged))
        lines += [f"{merged.stem}: {line}" for line in found]
    return lines


def check_paths(run, _):
    """An application of another name, whose caller does not say that it is NDES."""
    path, lines = run.scratch / "behind-paths.pcap", []
    body = json.dumps({"transactionId": "B7", "challenge": "0123456789ABCDEF"}).encode()
    with packets.CaptureWriter(path) as capture:
        for target in ("/Other/Certificate/VerifyRequest", "/CMCertificateRegistration/Certificate/VerifyRequest"):
            capture.exchange(packets.http_request("POST", target, body, "application/json"),
                             packets.http_response("application/json", b"true"))
    path.chmod(0o644)
    both = [("VerifyRequest", "B7"), ("VerifyRequest", "")]
    for preference, expected in (("", []), ("/Elsewhere", []), ("/Other/Certificate", [0]),
                                 ("/other/certificate, /CMCertificateRegistration/Certificate", [0, 1]), (None, [1])):
        given = [] if preference is None else [("crp.paths", preference)]
        output = run.tshark(path, "-Y", "crp", "-T", "fields", "-e", "tcp.stream", "-e", "crp.call", "-e",
                            "crp.transaction_id", preferences=given).decode()
        found = [tuple(line.split("\t")) for line in output.splitlines()]
        lines += differ(found, [(str(stream), *pair) for stream in expected for pair in both],
                        f"calls with crp.paths {preference!r}", "the preference; RFC 9112 3.2")
    path.unlink()
    return lines


def check_servers(run, _):
    return told(run, f"crp={peers.CRP}")


def check_servers_by_name(run, _):
    return told(run, "crp=crp.corp.contoso.com")


def told(run, servers):
    """What cannot be read at a registration point is known by its address or name."""
    capture, target = SAMPLES / "behind-healthy/crp.pcapng", run.scratch / f"behind-{len(servers)}.pcapng"
    without_secrets(capture, target)
    truth, found = Truth(capture), report(run, target, preferences=[("scepflow.servers", servers)])
    target.unlink()
    return compare_conversations(found, truth)


def differ(shown, expected, what, road):
    if shown == expected:
        return []
    return [f"{what}\n      expected {cut(expected)} ({road})\n      got      {cut(shown)}"]


def cut(value):
    text = repr(value)
    return text[:600] + ("…" if text[600:] else "")
