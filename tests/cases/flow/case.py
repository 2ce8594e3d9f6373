# SPDX-License-Identifier: GPL-2.0-or-later
"""Enrolments as the reports and the packets show them against what the peers logged, with and without TLS secrets, in
each way of dissecting."""

import collections
import json
import re

import peers
from harness import SAMPLES, Failure, canonical, without_secrets
from peers import address_of

FOREIGN = SAMPLES / "foreign"
ROLES = ("discovery-mdm", "discovery", "enrolment", "verify", "notify", "ca-rpc", "sync", "unknown")
# The steps that are requests of SCEP.
OPERATIONS = {"GetCACaps": "get-ca-caps", "GetCACert": "get-ca-cert", "GetNextCACert": "get-next-ca-cert",
              "PKIOperation": "pki-operation"}
# A frame shows so many enrolments of its connection.
SHOWN_AT_MOST = 8
SEPARATOR = "\x1f"

# Findings of severity error by vantage point, and where that is written. One of each failed enrolment.
FINDINGS = {
    "tls-untrusted": ({"device": "wap-ext-cert-untrusted", "wap": "wap-ext-cert-untrusted"},
                      "alert 48 from the client: unknown_ca, RFC 5246 7.2.2"),
    "tls-untrusted-13": ({"device": "wap-ext-cert-untrusted", "wap": "wap-ext-cert-untrusted"},
                         "alert 48 from the client: unknown_ca, RFC 8446 6.2"),
    "tls-untrusted-inner": ({"device": "http-502", "wap": "wap-backend-cert", "ndes": "wap-backend-cert"},
                            "wap-access.log: 502; scenario: the WAP closes when the handshake is complete"),
    "tls-untrusted-inner-alert": ({"device": "wap-503", "wap": "wap-backend-cert", "ndes": "wap-backend-cert"},
                                  "wap-access.log: 503 of the WAP; alert 48 from the WAP, RFC 5246 7.2.2"),
    "tls-version": ({"device": "tls-version", "wap": "tls-version"}, "alert 70: protocol_version, RFC 5246 7.2.2"),
    "tls-cipher": ({"device": "tls-cipher", "wap": "tls-cipher"}, "alert 40: handshake_failure, RFC 5246 7.2.2"),
    "tls-expired": ({"device": "tls-expired", "wap": "tls-expired"}, "alert 45: certificate_expired, RFC 5246 7.2.2"),
    "tls-name": ({"device": "wap-ext-cert-name", "wap": "wap-ext-cert-name"},
                 "scenario: the certificate is for another name, the device closes"),
    "tls-stalled-hello": ({"device": "tls-stalled-hello", "wap": "tls-stalled-hello"},
                          "scenario: no answer to the ClientHello"),
    "tls-stalled-certificate": ({"device": "tls-stalled-certificate", "wap": "tls-stalled-certificate"},
                                "scenario: of ServerHello and Certificate the first segment never arrives"),
    "tls-reset-hello": ({"device": "tls-binding-none", "wap": "tls-binding-none"},
                        "scenario: RST after a ClientHello with server name"),
    "tls-reset-no-sni": ({}, "nothing says that it is SCEP; see the unit with preferences"),
    "tls-client-certificate": ({"device": "tls-client-certificate-demanded", "wap": "tls-client-certificate-demanded"},
                               "wap-access.log: 400; scenario: no required SSL certificate was sent"),
    "garbage-hello": ({"device": "https-not-http", "wap": "https-not-http"},
                      "scenario: the ClientHello is answered with plain HTTP"),
    "tcp-refused": ({"device": "tcp-refused", "wap": "tcp-refused"}, "scenario: RST after SYN"),
    "tcp-no-answer": ({"device": "tcp-no-answer"}, "scenario: no answer to SYN; README: none of them in wap.pcapng"),
    "reset-request": ({"device": "request-reset", "wap": "request-reset"},
                      "wap-access.log: 444, nginx' word for closing without an answer"),
    "http-403": ({"device": "http-403", "wap": "http-403", "ndes": "http-403"}, "access logs: 403"),
    "http-404": ({"device": "http-404", "wap": "http-404", "ndes": "http-404"}, "access logs: 404"),
    "http-500": ({"device": "ndes-500", "wap": "ndes-500", "ndes": "ndes-500"}, "access logs: 500"),
    "http-413": ({"device": "http-413", "wap": "http-413", "ndes": "http-413"}, "access logs: 413"),
    "http-414": ({"device": "get-too-long-lb", "wap": "get-too-long-lb", "ndes": "get-too-long-lb"},
                 "access logs: 414 of nginx, not of HTTP.sys"),
    "http-502": ({"device": "http-502", "wap": "wap-backend-unreachable", "ndes": "wap-backend-unreachable"},
                 "wap-access.log: 502; scenario: RST from NDES after SYN"),
    "http-503": ({"device": "wap-503", "wap": "wap-503"}, "wap-access.log: 503 without upstream"),
    "http-504": ({"device": "http-504", "wap": "wap-backend-timeout", "ndes": "wap-backend-timeout"},
                 "wap-access.log: 504; ndes-access.log: 499, closed by the client"),
    "wap-signin": ({"device": "wap-preauth-adfs", "wap": "wap-preauth-adfs"},
                   "wap-access.log: 302; scenario: to /adfs/ls/"),
    "wap-no-forward": ({"device": "request-unanswered", "wap": "wap-no-forward"},
                       "scenario: no answer, and not forwarded, which the device cannot see"),
    "get-hang-wap": ({"device": "request-unanswered", "wap": "get-too-long-wap"},
                     "wap-access.log: 499, GET; scenario: not forwarded for its length, which the device cannot see"),
    "no-pkioperation": ({"device": "no-pkioperation-windows", "wap": "no-pkioperation-windows",
                         "ndes": "no-pkioperation-inside"}, "access logs: discovery alone, by a Windows device"),
    "garbage-answer": ({"device": "garbage-answer", "wap": "garbage-answer", "ndes": "garbage-answer"},
                       "openssl cannot read 05-response.p7m"),
    "undecryptable": ({"device": "pkcs7-wrong-recipient", "wap": "pkcs7-wrong-recipient", "ndes": "pkcs7-wrong-recipient"},
                      "scenario: encrypted to an earlier certificate of the RA"),
    "retry": ({"device": "wap-503", "wap": "wap-503", "ndes": "no-pkioperation-inside"},
              "wap-access.log: 503 without upstream at the first try, so that NDES got its discovery alone"),
    "wrong-challenge": ({"device": "scep-bad-request", "wap": "scep-bad-request", "ndes": "scep-bad-request"},
                        "openssl: pkiStatus 2, failInfo 2 badRequest"),
    "ndes-failure": ({"device": "scep-bad-request", "wap": "scep-bad-request", "ndes": "scep-bad-request"},
                     "openssl: pkiStatus 2, failInfo 2 badRequest"),
    # The captures of samples with logs, without those.
    "logs-404-15": ({"ndes": "get-too-long-iis"}, "ndes-access.log: 404 for a query of more than 2048 octets"),
    "logs-500-impersonation": ({"ndes": "ndes-500"}, "ndes-access.log: 500"),
    "logs-field-length": ({"ndes": "get-too-long-httpsys"}, "ndes-access.log: 400, Server: Microsoft-HTTPAPI/2.0"),
    "logs-pool-stopped": ({"ndes": "ndes-503-pool"}, "ndes-access.log: 503"),
    "logs-not-forwarded": ({"device": "http-504", "wap": "wap-backend-unreachable"},
                           "wap-access.log: 504; scenario: NDES does not answer SYNs"),
    # Every request fails in its own way.
    "errors": ({"device": ("http-404", "http-403", "ndes-500", "get-too-long-lb", "http-413", "request-reset", "http-502"),
                "wap": ("http-404", "http-403", "ndes-500", "get-too-long-lb", "http-413", "request-reset",
                        "wap-backend-unreachable"),
                "ndes": ("http-404", "http-403", "ndes-500", "get-too-long-lb", "http-413", "wap-backend-unreachable")},
               "access logs: 404, 403, 500, 414, 413, 444, 502"),
}

# What the engine does otherwise than the peers say, because a capture cannot tell; one that no longer does must leave.
OTHER_LEG = {
    "plain-http/ndes.pcapng": "a capture at NDES does not tell a device from a proxy",
    "pending/ndes.pcapng": "a capture at NDES does not tell a device from a proxy",
}
OTHER_WITHOUT_SECRETS = {
    "http2/device.pcapng": "the requests and answers of HTTP/2 are interleaved and padded",
    "http2/wap.pcapng": "the requests and answers of HTTP/2 are interleaved and padded",
    "errors/device.pcapng": "where nothing but errors comes back, encrypted, one try cannot be told from the next",
    "http2/ndes.pcapng": "an encrypted PKIOperation without a discovery looks like a GetCert",
    "nextca/device.pcapng": "an encrypted GetNextCACert looks like another GetCACert",
    "nextca/wap.pcapng": "an encrypted GetNextCACert looks like another GetCACert",
    "nextca/ndes.pcapng": "an encrypted GetNextCACert looks like another GetCACert",
}
# Nothing but the failure itself tells SCEP: no server name, no request.
NOT_TOLD = ("tls-reset-no-sni",)
# What does not come to a vantage point (README): conversations that are missing there.
SWALLOWED = {"tcp-no-answer/wap.pcapng": 1}

HAND_WRITTEN = {
    "no server name": ("tls-reset-no-sni/device.pcapng", "the server's address in scepflow.servers makes it an enrolment"),
    "expected flow": ("windows-post/device.pcapng", "scepflow.expected_flow is obeyed"),
    "vantage": ("plain-http/ndes.pcapng", "scepflow.vantage is obeyed"),
    "report filter": ("retry/device.pcapng", "-z scep,flow,FILTER"),
}


def units(run, folder):
    # Asked for before the workers are made, which know it then.
    run.field_names("scepflow")
    # A registration point sees nothing but calls: see cases/behind.
    captures = [f"{sample.name}/{capture.name}" for sample in peers.recorded()
                for capture in sorted(sample.glob("*.pcapng")) if capture.stem != "crp"]
    return captures + [f"foreign/{path.name}" for path in sorted(FOREIGN.glob("*.pcap*"))] + sorted(HAND_WRITTEN)


def check(run, folder, unit):
    if unit in HAND_WRITTEN:
        return globals()[f"check_{unit.replace(' ', '_')}"](run, SAMPLES / HAND_WRITTEN[unit][0])
    capture = SAMPLES / unit
    if capture.parent == FOREIGN:
        return check_foreign(run, capture)
    text = report(run, capture)
    enrolments, truth = [json.loads(line) for line in text.splitlines()], Expected(capture)
    lines = compare_conversations(enrolments, truth) + compare_enrolments(enrolments, truth)
    lines += compare_onward(enrolments, truth) + compare_findings(enrolments, truth)
    frames = {way: Frames(run, capture, way) for way in ("single", "two-pass")}
    lines += [f"{way}, with a tree: another report than without" for way, found in frames.items() if found.report != text]
    lines += compare_transactions(enrolments, frames["two-pass"], truth.peers.asides) + compare_place(enrolments, truth, frames["two-pass"])
    lines += compare_frames(enrolments, frames["two-pass"], "two-pass") + compare_early(enrolments, frames["single"])
    lines += compare_ways(frames["two-pass"], sharkd_frames(run, capture))
    return lines + compare_secrets(run, capture, enrolments, unit)


def report(run, capture, *arguments, **options):
    return run.tshark(capture, "-q", "-z", "scep,json", *arguments, **options).decode()


# --- What the peers say ---

class Expected:
    """The peers' word on what one capture shows."""

    def __init__(self, capture):
        self.peers, self.sample = peers.Peers(capture.parent), capture.parent.name
        self.vantage, self.name = capture.stem, f"{capture.parent.name}/{capture.name}"
        sees_outer = self.vantage in ("device", "wap") or not self.peers.has_wap
        sees_inner = self.vantage in ("wap", "ndes") and self.peers.has_wap
        # Leg, requests that were logged, conversations (README).
        self.legs = {}
        if sees_outer:
            leg = "device-wap" if self.peers.has_wap else "device-ndes"
            self.legs[leg] = (self.peers.outer, (self.peers.outer_count or 0) - SWALLOWED.get(self.name, 0))
        if sees_inner:
            self.legs["wap-ndes"] = (self.peers.inner, self.peers.inner_count or 0)
        self.sees_outer = sees_outer
        # A capture at NDES does not tell a device from a proxy.
        self.takes_device_for_wap = bool(self.peers.calls) and not self.peers.has_wap and self.vantage == "ndes"

    def has_other_leg(self, leg):
        return leg not in peers.BEHIND and (self.name in OTHER_LEG or self.takes_device_for_wap)

    def requests(self, client):
        return [request for requests, _ in self.legs.values() for request in requests if self.shown_as(request) == client]

    def shown_as(self, request):
        """A request's client in this capture: before the router the device has its own address."""
        if self.vantage == "device" and self.peers.devices and request.client:
            return f"{request.device}:{request.client.rpartition(':')[2]}"
        return request.client

    def enrolments(self):
        """(device, transaction, clients, verdict) of each; without clients where it is not known whose they are."""
        if self.sample in NOT_TOLD:
            return []
        failed = any(self.peers.fails_at(leg) for leg in self.legs) and self.name not in SWALLOWED
        found = []
        for enrolment in self.peers.enrolments:
            requests = enrolment.outer if self.sees_outer else enrolment.inner
            inner_is_known = not self.peers.devices
            if not requests and (inner_is_known or self.sees_outer):
                continue
            if not requests:
                # Devices at the same time: what the WAP passes on for them is known by transaction alone.
                found.append((None, enrolment.transaction, None, peers.verdict_of(enrolment.outer)))
                continue
            verdict = peers.verdict_of(requests)
            if failed and verdict == "incomplete":
                verdict = "failed"
            clients = {self.shown_as(request) for request in requests}
            device = None
            if self.peers.has_logs and self.sees_outer and not self.has_other_leg(None):
                device = enrolment.device if self.vantage == "device" else address_of(requests[0].client)
            transaction = next((request.transaction for request in requests if request.transaction), None)
            found.append((device, transaction, clients if self.peers.has_logs else None, verdict))
        if not found and any(count for _, count in self.legs.values()):
            # No request, but a connection.
            found.append((None, None, None, "failed"))
        return found


def compare_conversations(enrolments, truth):
    """Requests, statuses, roles and legs of each TCP conversation against the access logs, and how many there are."""
    lines, merged = [], {}
    for enrolment in enrolments:
        for conversation in enrolment["conversations"]:
            merged.setdefault(conversation["tcp_stream"], []).append(conversation)
    shown = collections.Counter()
    for stream, parts in merged.items():
        first = parts[0]
        client, server = first["client"], first["server"]
        where = f"conversation of {client}, stream {stream}"
        for key in ("client", "server", "leg", "first_frame", "last_frame", "tcp", "tls"):
            if any(part[key] != first[key] for part in parts):
                lines.append(f"{where}: {key} differs between its enrolments: {[part[key] for part in parts]}")
        if truth.peers.has_logs:
            leg = peers.leg_of(address_of(client), address_of(server))
            shown[leg] += 1
            is_other = first["leg"] != leg
            if is_other != truth.has_other_leg(leg):
                lines.append(f"{where}: leg {first['leg']}, expected {leg} (addresses: README of the samples)"
                             + (": leave OTHER_LEG" if not is_other else ""))
            # Those behind NDES, and of the MDM service: see cases/behind.
            if leg not in (*peers.BEHIND, "device-mdm"):
                lines += compare_requests(parts, truth.requests(client), where)
        lines += [f"{where}: role {role!r} is not documented" for part in parts for role in part["role"] if role not in ROLES]
    if not truth.peers.has_logs:
        steps = requests_of([part for parts in merged.values() for part in parts])
        lines += differ([(step["operation"], step["http_status"]) for step in steps],
                        [(request.operation, request.status) for request in truth.peers.outer], "requests", "exchanges.json")
        for stream, parts in merged.items():
            own = [any(step is one for part in parts for one in part["steps"]) for step in steps]
            asked = [request for request, is_own in zip(truth.peers.outer, own) if is_own]
            lines += compare_roles(parts, asked, f"stream {stream}", "exchanges.json")
    elif truth.sample not in NOT_TOLD:
        for leg, (_, count) in truth.legs.items():
            lines += differ(shown[leg], count, f"conversations of leg {leg}", "README of the samples")
    return lines


def requests_of(conversations):
    """The requests of conversations in the order of their frames."""
    return sorted((step for part in conversations for step in part["steps"] if not step["step"].endswith("-handshake")),
                  key=lambda step: step["request_frame"])


def compare_requests(parts, logged, where):
    steps = requests_of(parts)
    lines = differ([(step["operation"], step["http_status"]) for step in steps],
                   [(request.operation, request.status) for request in logged], f"{where}: requests and statuses",
                   "access log")
    lines += [f"{where}: step {step['step']} for {step['operation']}" for step in steps
              if OPERATIONS.get(step["operation"]) != step["step"]]
    # An inner request has the message that was kept of the device's.
    lines += [f"{where}: pkiStatus {step['pki_status']}, expected {request.pki_status} (openssl)"
              for step, request in zip(steps, logged) if (request.transaction and request.status == 200)
              and str(step["pki_status"]) != str(request.pki_status)]
    return lines + compare_roles(parts, logged, where, "access log")


def compare_roles(parts, logged, where, road):
    if not logged:
        return []
    return differ({role for part in parts for role in part["role"]}, {peers.role_of(request) for request in logged},
                  f"{where}: roles", road) + \
        differ({part["basis"] for part in parts}, {"decrypted"}, f"{where}: basis", "the capture can be read")


def compare_enrolments(enrolments, truth):
    """Number, devices, transactions, clients and verdicts."""
    wanted = truth.enrolments()
    lines = differ(len(enrolments), len(wanted), "enrolments", "the peers' logs")
    if truth.sees_outer and truth.peers.scenario and truth.sample not in NOT_TOLD:
        lines += differ(len(enrolments), truth.peers.scenario["enrolments"], "enrolments", "scenario.json")
    lines += differ([enrolment["enrolment"] for enrolment in enrolments], list(range(1, len(enrolments) + 1)), "numbers",
                    "from 1")
    if lines:
        return lines
    logged = {truth.shown_as(request) for requests, _ in truth.legs.values() for request in requests}
    outer = [leg for leg in truth.legs if leg != "wap-ndes"]
    left, aside = list(enrolments), {None} | truth.peers.asides
    for device, transaction, clients, verdict in wanted:
        found = next((one for one in left if one["transaction_id"] in ({transaction} if transaction else aside)
                      and (clients is None or clients_of(one, outer) & logged == clients)), None)
        if found is None:
            others = [(one["device"], one["transaction_id"], sorted(clients_of(one, outer))) for one in left]
            lines.append(f"no enrolment of {device} with transaction {transaction} by the connections "
                         f"{clients and sorted(clients)} (access log)\n      got      {others}")
            continue
        left.remove(found)
        where = f"enrolment {found['enrolment']}"
        lines += differ(found["verdict"], verdict, f"{where}: verdict", "pkiStatus by openssl, HTTP status")
        if device:
            lines += differ(found["device"], device, f"{where}: device", "access log, scenario.json")
        elif truth.peers.has_wap and not truth.sees_outer:
            lines += differ(found["device"], None, f"{where}: device", "its leg is not in the capture")
    return lines


def clients_of(enrolment, legs):
    """The clients of an enrolment's conversations on these legs, of all without any."""
    conversations = enrolment["conversations"]
    return {conversation["client"] for conversation in conversations
            if not legs or peers.leg_of(address_of(conversation["client"]), address_of(conversation["server"])) in legs}


def compare_onward(enrolments, truth):
    """Which conversation of the device each conversation of the WAP continues. One device at a time, the logs' order
    tells; a connection without a request can only be that of a request that did not arrive."""
    if truth.vantage != "wap" or truth.peers.devices:
        return []
    lines, expected = [], {}
    for request in truth.peers.inner:
        expected.setdefault(request.client, set()).add(request.outer.client)
    arrived = {request.outer for request in truth.peers.inner}
    lost = {request.client for request, line in zip(truth.peers.outer, truth.peers.log("wap")) if request not in arrived
            and address_of(line["upstream"]) in peers.NDES_INSIDE}
    for enrolment in enrolments:
        numbers = {conversation["number"]: conversation for conversation in enrolment["conversations"]}
        for conversation in enrolment["conversations"]:
            where = f"enrolment {enrolment['enrolment']}, conversation {conversation['number']}: continues"
            origin = numbers[conversation["continues"]]["client"] if conversation["continues"] else None
            if conversation["leg"] != "wap-ndes":
                lines += differ(conversation["continues"], None, where, "it is the device's")
            elif conversation["client"] in expected:
                if origin not in expected[conversation["client"]]:
                    lines.append(f"{where} {origin}, expected one of {sorted(expected[conversation['client']])} "
                                 "(access logs)")
            elif origin is not None and origin not in lost:
                lines.append(f"{where} {origin}, expected one of {sorted(lost)} "
                             "(wap-access.log: passed on, did not arrive)")
    return lines


def compare_transactions(enrolments, frames, asides):
    """Every PKIOperation of an enrolment has its transaction, on each leg; `asides` are those that enrol nobody."""
    lines = []
    for enrolment in enrolments:
        for conversation in enrolment["conversations"]:
            for step in requests_of([conversation]):
                # HTTP/2 puts several messages into a frame.
                own = frames.rows[step["request_frame"]].transactions if step["step"] == "pki-operation" else ()
                if own and enrolment["transaction_id"] not in own and not asides & set(own):
                    lines.append(f"enrolment {enrolment['enrolment']}, {conversation['leg']}, frame "
                                 f"{step['request_frame']}: transaction {own}, expected {enrolment['transaction_id']}")
    return lines


def errors_of(enrolment):
    return [finding for finding in enrolment["findings"] if finding["severity"] == "error"]


def compare_findings(enrolments, truth):
    """What is found wrong: of severity error exactly what the scenario arranged, on the leg where it happened, as far as
    this vantage point sees it."""
    errors = [(enrolment, finding) for enrolment in enrolments for finding in errors_of(enrolment)]
    lines = [f"enrolment {enrolment['enrolment']} is complete and has the error {finding['id']}"
             for enrolment, finding in errors if enrolment["verdict"] == "complete"]
    # What goes wrong behind NDES: see cases/behind.
    if not truth.peers.has_logs or truth.peers.calls:
        return lines
    by_vantage, source = FINDINGS.get(truth.sample, ({}, "a healthy sample"))
    wanted = by_vantage.get(truth.vantage, ())
    wanted = (wanted,) if isinstance(wanted, str) else wanted
    lines += differ(sorted(finding["id"] for _, finding in errors), sorted(wanted), "errors", source)
    fails = truth.peers.scenario.get("fails")
    leg = (fails or {}).get("leg", "wap-ndes")
    if leg not in truth.legs:
        leg = next(iter(truth.legs))
    for enrolment, finding in errors:
        where = f"enrolment {enrolment['enrolment']}: {finding['id']}"
        if truth.sample != "errors":
            # What was not sent is on no leg.
            lines += differ(finding["leg"], None if finding["id"].startswith("no-pkioperation") else leg, f"{where}: leg",
                            "scenario.json")
        conversation = next((one for one in enrolment["conversations"] if one["number"] == finding["conversation"]), None)
        if finding["conversation"] and not (conversation and conversation["leg"] == finding["leg"]
                                            and conversation["first_frame"] <= finding["frame"] <= conversation["last_frame"]):
            lines.append(f"{where}: frame {finding['frame']} or leg {finding['leg']} is not that of its conversation")
        for key in ("what", "cause", "fix", "look"):
            if not finding[key] or re.search(r"[{}]", finding[key]):
                lines.append(f"{where}: {key} is {finding[key]!r}")
    return lines


def compare_place(enrolments, truth, frames):
    """A failure is in the conversation that the README's table points to."""
    number = truth.peers.frames.get(truth.vantage[0])
    if number is None or truth.vantage not in ("device", "ndes"):
        return []
    stream = frames.rows[number].stream
    return [f"{finding['id']}: in stream {one['tcp_stream']}, expected {stream} (frame {number} of the README's table)"
            for enrolment in enrolments for finding in errors_of(enrolment) for one in enrolment["conversations"]
            if one["number"] == finding["conversation"] and one["tcp_stream"] != stream]


# --- The packets ---

# One frame: TCP conversation, transactions of the SCEP messages, and the scepflow fields, each with its values in the
# order of the tree.
Row = collections.namedtuple("Row", "stream transactions fields")


class Frames:
    """What tshark shows of every frame in one way, and the report that it draws with that."""

    def __init__(self, run, capture, way):
        names = run.field_names("scepflow")
        asked = [part for name in ["frame.number", "tcp.stream", "scep.transaction_id", *names] for part in ("-e", name)]
        output = run.tshark(capture, *(["-2"] if way == "two-pass" else []), "-z", "scep,json", "-T", "fields",
                            "-E", f"aggregator={SEPARATOR}", *asked).decode(errors="replace")
        self.rows, reports = {}, []
        for line in output.split("\n"):
            if line.startswith("{"):
                reports.append(line + "\n")
            elif line:
                number, stream, transactions, *cells = line.split("\t")
                self.rows[int(number)] = Row(int(stream) if stream else None, values(transactions),
                                             {name: tuple(str(canonical(name, value)) for value in values(cell))
                                              for name, cell in zip(names, cells) if cell})
        self.report = "".join(reports)


def values(cell):
    # 4.4 escapes a backslash, 4.0 does not.
    return tuple(value.replace("\\\\", "\\") for value in cell.split(SEPARATOR)) if cell else ()


def sharkd_frames(run, capture):
    found = {}
    for frame in run.dissect(capture, "sharkd", protocols=("scepflow",)):
        fields = {}
        for name, value in frame.fields:
            if name.startswith("scepflow."):
                fields.setdefault(name, []).append(str(value))
        found[frame.number] = {name: tuple(own) for name, own in fields.items()}
    return found


def compare_ways(frames, others):
    """All frames, all fields: the same in tshark -2 and in sharkd."""
    lines = differ(sorted(others), sorted(frames.rows), "sharkd: frames", "tshark")
    experts = ("scepflow.error", "scepflow.warning", "scepflow.note")
    for number, row in frames.rows.items():
        shown = {name: own for name, own in row.fields.items() if name not in experts}
        other = {name: own for name, own in others.get(number, {}).items() if name not in experts}
        lines += [f"frame {number}: {name} is {other.get(name)} in sharkd, {shown.get(name)} in tshark -2"
                  for name in sorted(set(shown) | set(other)) if shown.get(name) != other.get(name)]
    return lines


def compare_frames(enrolments, frames, way):
    """Every frame of a conversation shows its enrolments, as the report has them; no other frame shows any."""
    lines, streams = [], {}
    for enrolment in enrolments:
        for conversation in enrolment["conversations"]:
            streams.setdefault(conversation["tcp_stream"], []).append((enrolment, conversation))
    ends = {}
    for number, row in frames.rows.items():
        if row.stream is not None:
            first, _ = ends.get(row.stream, (number, number))
            ends[row.stream] = (first, number)
    for stream, parts in streams.items():
        lines += differ((parts[0][1]["first_frame"], parts[0][1]["last_frame"]), ends.get(stream),
                        f"stream {stream}: first and last frame", "tcp.stream")
    for number, row in frames.rows.items():
        parts = streams.get(row.stream, ())[:SHOWN_AT_MOST]
        if not parts:
            if row.fields:
                lines.append(f"{way}, frame {number}: shows {sorted(row.fields)}, and is no frame of an enrolment")
            continue
        expected = {
            "enrolment": [str(enrolment["enrolment"]) for enrolment, _ in parts],
            "verdict": [enrolment["verdict"] for enrolment, _ in parts],
            "conversation": [str(conversation["number"]) for _, conversation in parts],
            "leg": [conversation["leg"] for _, conversation in parts],
            "role": [role for _, conversation in parts for role in conversation["role"]],
            "basis": [conversation["basis"] for _, conversation in parts],
        }
        for name, wanted in expected.items():
            lines += differ(list(row.fields.get(f"scepflow.{name}", ())), wanted,
                            f"{way}, frame {number}: scepflow.{name}", "report")
        lines += compare_steps(parts, number, row, way)
    return lines


def compare_steps(parts, number, row, way):
    """The step of a frame is one of its conversation; of a frame that a step begins or ends with, that step."""
    steps, states = row.fields.get("scepflow.step", ()), row.fields.get("scepflow.step.state", ())
    if len(steps) != len(parts) or len(states) != len(parts):
        return [f"{way}, frame {number}: steps {steps}, states {states}, expected one of each of {len(parts)} enrolments"]
    lines = []
    for (enrolment, conversation), step, state in zip(parts, steps, states):
        known = {one["step"] for one in conversation["steps"]}
        # A PKIOperation ends with the CertRep, a step of its own that begins with the answer's first frame.
        answered = [one["request_frame"] for one in conversation["steps"]
                    if one["step"] == "pki-operation" and one["response_frame"]]
        if step == "cert-rep" and any(frame < number for frame in answered):
            step = "pki-operation"
        if known and step not in known:
            lines.append(f"{way}, frame {number}: step {step}, of a conversation with {sorted(known)} (report)")
        ended = {one["step"]: one["state"] for one in conversation["steps"] if number == one["response_frame"]}
        begun = {one["step"] for one in conversation["steps"] if number == one["request_frame"]}
        # A frame may end one step and begin the next.
        if (begun or ended) and step not in begun | set(ended):
            lines.append(f"{way}, frame {number}: step {step}, expected {sorted(begun | set(ended))} (report)")
        if step in ended and state != ended[step]:
            lines.append(f"{way}, frame {number}: {step} is {state}, expected {ended[step]} (report)")
    return lines


def compare_early(enrolments, frames):
    """A single pass knows less. What it says of roles when all requests of the enrolment were read is what is said at the
    end; leg and enrolment too, when no other one is under way."""
    lines, read = [], {}
    for enrolment in enrolments:
        requests = requests_of(enrolment["conversations"])
        last = max((step["request_frame"] for step in requests), default=None)
        for conversation in enrolment["conversations"]:
            if requests_of([conversation]) and last:
                read.setdefault(conversation["tcp_stream"], []).append((enrolment, conversation, last))
    shown_anything = False
    for number, row in frames.rows.items():
        shown_anything |= bool(row.fields)
        parts = read.get(row.stream, ())
        # A connection of several enrolments is not known as such until it ends.
        if len(parts) != 1 or number <= parts[0][2]:
            continue
        enrolment, conversation, _ = parts[0]
        wanted = {"role": set(conversation["role"])}
        if len(enrolments) == 1:
            wanted |= {"leg": {conversation["leg"]}, "enrolment": {str(enrolment["enrolment"])}}
        for name, final in wanted.items():
            early = set(row.fields.get(f"scepflow.{name}", ()))
            if not early <= final or (not early and len(enrolments) == 1):
                lines.append(f"single pass, frame {number}: scepflow.{name} {sorted(early)}, later {sorted(final)}")
    if read and not shown_anything:
        lines.append("single pass: no frame shows an enrolment")
    return lines


# --- Without secrets, without SCEP, and what the user sets ---

def compare_secrets(run, capture, enrolments, unit):
    """The same capture without the TLS secrets: the same enrolments, of the same conversations in the same roles."""
    target = run.scratch / f"{capture.parent.name}-{capture.name}"
    if not without_secrets(capture, target):
        return []
    try:
        found = [json.loads(line) for line in report(run, target).splitlines()]
    finally:
        target.unlink()
    lines = differ(len(found), len(enrolments), "without secrets: enrolments", "with secrets")
    without, with_them = outline(found), outline(enrolments)
    lines += differ(sorted(without - with_them), sorted(with_them - without), "without secrets: conversations that differ",
                    "with secrets")
    if unit in OTHER_WITHOUT_SECRETS:
        return [] if lines else ["without secrets: as with them; leave OTHER_WITHOUT_SECRETS"]
    return lines


def outline(enrolments):
    return {(conversation["client"], conversation["leg"], role) for enrolment in enrolments
            for conversation in enrolment["conversations"] for role in conversation["role"]}


def check_foreign(run, capture):
    lines = differ(report(run, capture), "", "JSON", "there is no SCEP")
    said = run.tshark(capture, "-q", "-z", "scep,flow").decode().splitlines()
    if len(said) != 1 or not said[0].startswith("No SCEP enrolment"):
        lines.append(f"report: expected one line that begins with 'No SCEP enrolment', got {said[:5]}")
    for way in ("single", "two-pass"):
        rows = Frames(run, capture, way).rows
        lines += [f"{way}, frame {number}: {row.fields}" for number, row in rows.items() if row.fields]
    return lines


def check_no_server_name(run, capture):
    lines = []
    for vantage in ("device", "wap"):
        text = report(run, capture.with_name(f"{vantage}.pcapng"), preferences=[("scepflow.servers", "192.0.2.20")])
        found = [(one["verdict"], [finding["id"] for finding in errors_of(one)])
                 for one in map(json.loads, text.splitlines())]
        lines += differ(found, [("failed", ["wap-no-sni"])], vantage,
                        "scenario: RST after a ClientHello without server name")
    return lines


def check_expected_flow(run, capture):
    lines = []
    for preference, flow in (("auto", "windows-mdm"), ("ios", "ios"), ("rfc8894", "rfc8894")):
        found = [json.loads(line)["flow"] for line in
                 report(run, capture, preferences=[("scepflow.expected_flow", preference)]).splitlines()]
        lines += differ(found, [flow], f"flow with {preference}", "the preference; a Windows device (README)")
    return lines


def check_vantage(run, capture):
    """The sample has no WAP: NDES is called by the device."""
    lines = []
    for preference, leg in (("client", "device-ndes"), ("ndes", "wap-ndes")):
        text = report(run, capture, preferences=[("scepflow.vantage", preference)])
        found = {conversation["leg"] for line in text.splitlines() for conversation in json.loads(line)["conversations"]}
        lines += differ(found, {leg}, f"leg with {preference}", "the preference")
    return lines


def check_report_filter(run, capture):
    """Of the two enrolments, 6 s apart, one or none; and a filter that is none."""
    lines = []
    selections = {"frame.time_relative > 4": 1, "frame.time_relative < 4": 1, "tcp.port == 1": 0, "tcp": 2}
    for selected, count in selections.items():
        found = run.tshark(capture, "-q", "-z", f"scep,json,{selected}").decode().splitlines()
        lines += differ(len(found), count, f"enrolments with {selected}", "scenario.json: 6 s later the device repeats all")
    said = run.tshark(capture, "-q", "-z", "scep,flow,tcp.port == 1").decode()
    if not said.startswith("No enrolment passes the filter") or "2 in the capture" not in said:
        lines.append(f"report with a filter that selects nothing: {said[:200]}")
    for statistic in ("flow", "json"):
        try:
            run.tshark(capture, "-q", "-z", f"scep,{statistic},no.such.field == 1")
            lines.append(f"-z scep,{statistic} with a wrong filter: no error")
        except Failure:
            pass
    return lines


def differ(shown, expected, what, road):
    if shown == expected:
        return []
    return [f"{what}\n      expected {cut(expected)} ({road})\n      got      {cut(shown)}"]


def cut(value):
    text = repr(value)
    return text[:600] + ("…" if text[600:] else "")
