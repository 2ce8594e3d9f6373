# SPDX-License-Identifier: GPL-2.0-or-later
"""What the peers of a recorded sample say of its conversations and enrolments: the access logs of WAP and NDES, the
messages that they kept, the logs of what is behind NDES (captures/samples/behind.md), the scenario, and the table in
captures/samples/README.md. Nothing of it came out of a capture."""

import functools
import json
import re
import subprocess
import urllib.parse
from collections import namedtuple

import oracle
from harness import SAMPLES

# Addresses (captures/samples/README.md); the WAP has two sides.
WAP_OUTSIDE = ("192.0.2.20", "203.0.113.20", "2001:db8:0:1::20")
WAP_INSIDE = ("198.51.100.20", "2001:db8:0:2::20")
NDES_INSIDE = ("198.51.100.30", "2001:db8:0:2::30")
NDES_WITHOUT_WAP = ("192.0.2.30",)
# Behind NDES (captures/samples/behind.md). One address of Microsoft's is the MDM service or Intune.
CRP, CA, CLOUD = "198.51.100.40", "198.51.100.50", "203.0.113.60"
# The legs of what NDES asks of others.
BEHIND = ("ndes-crp", "ndes-intune", "ndes-ca")

# nginx's own: closed without an answer, and closed by the client before there was one.
UNANSWERED = ("444", "499")
SUCCESS, FAILURE, PENDING = "0", "2", "3"

# A line of an access log. client: address and port; status: of HTTP, None without an answer; outer: for a request from
# the WAP to NDES, the device's request that it passes on, None when that is not known; enrolment: number of the one it is
# part of. transaction and pki_status are those of the messages that the peers kept, None when there are none.
Request = namedtuple("Request", "client operation message status transaction pki_status device outer enrolment")

Enrolment = namedtuple("Enrolment", "device transaction outer inner")

# What NDES asked of others for a transaction. step: None for what is no step, such as the endpoint mapper's; name, path:
# the call's; sent: whether it came to a request; code: Intune's; disposition and fault: the CA's, None when they are sealed;
# good: whether it was what NDES hoped for; dialled: when the connection was begun; begin, end: when the request could be
# sent, and when its answer was there, None without one.
Call = namedtuple("Call", "client server leg step name path transaction sent status substatus verified code disposition "
                          "fault good dialled begin end body")
STEPS = {"VerifyRequest": "verify-request", "validateRequest": "verify-request", "Notify": "notify",
         "successNotification": "notify", "failureNotification": "notify"}
INTERFACES = ("ICertPassage", "ICertRequestD")
ISSUED = 3


def recorded():
    """The samples that peers were recorded for, and those that were made and say what is in them."""
    return sorted({path.parent.parent for name in ("exchanges", "scenario")
                   for path in SAMPLES.glob(f"*/truth/{name}.json")})


def leg_of(client, server):
    """The leg between two addresses."""
    if server in WAP_OUTSIDE:
        return "device-wap"
    if server in NDES_INSIDE and client in WAP_INSIDE:
        return "wap-ndes"
    if server == CLOUD:
        return "ndes-intune" if client in NDES_INSIDE else "device-mdm"
    if server in (CRP, CA):
        return "ndes-crp" if server == CRP else "ndes-ca"
    return "device-ndes" if server in NDES_WITHOUT_WAP + NDES_INSIDE else None


def role_of(request):
    """The role that a request gives to its conversation."""
    if request.operation == "PKIOperation":
        return "enrolment"
    return "discovery-mdm" if request.message == "MDM" else "discovery"


def logs_refused():
    """The second table of the samples with logs, which has README's columns."""
    return (SAMPLES / "logs.md").read_text().split("| sample |")[2].splitlines()


@functools.lru_cache(maxsize=None)
def table():
    """Rows of the README's tables by sample: conversations of the device, of the WAP with NDES, and the first frame that
    shows the failure, by capture."""
    rows = {}
    for line in (SAMPLES / "README.md").read_text().splitlines() + logs_refused():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 6 or not cells[1].startswith("`"):
            continue
        outer, _, inner = cells[2].partition(",")
        # "7, 5 and one refused"
        count = int(re.match(r"\s*(\d+)", inner).group(1)) + ("one refused" in inner) if inner else 0
        names, frames = re.findall(r"`([^`]+)`", cells[1]), cells[4].split(",")
        for position, name in enumerate(names):
            own = frames if len(names) == 1 or len(frames) == 1 else frames[position:position + 1]
            found = re.findall(r"([dn]) (\d+)", ",".join(own))
            # Of two frames of one capture the first.
            rows[name] = (int(outer), count, {letter: int(frame) for letter, frame in reversed(found)})
    return rows


class Peers:
    """outer: requests of the devices; inner: those of the WAP to NDES, in the order of the logs. enrolments: what they
    make, in order of their first request. Without logs (the samples that were made) all is in one sequence."""

    def __init__(self, sample):
        self.truth = sample / "truth"
        self.scenario = self._json("scenario.json") or {}
        self.exchanges = [exchange for exchange in self._json("exchanges.json") or [] if exchange["operation"]]
        self.devices = self.scenario.get("devices", [])
        wap, ndes = self.log("wap"), self.log("ndes")
        self.has_logs = (self.truth / "logs").is_dir()
        self.has_wap = self.has_logs and (bool(wap) or not ndes)
        self.outer_count, self.inner_count, self.frames = table().get(sample.name, (None, None, {}))
        first = wap if self.has_wap else ndes
        self.calls = [posted(entry) for entry in self.lines_of("policy-module")]
        self.calls += [asked_of_authority(entry) for entry in self.lines_of("ca-client")]
        if self.calls and self.outer_count is None:
            # No table says it: a connection is one port.
            self.outer_count, self.inner_count = (len({client_of(entry) for entry in log})
                                                  for log in (first, ndes if self.has_wap else []))
        if not self.has_logs:
            # No peer ran: requests without a client.
            first = [{"client": None, "client_port": None, "status": str(exchange["status"]),
                      "uri": "?" + urllib.parse.urlencode({key: exchange[key] for key in ("operation", "message")
                                                           if exchange[key] is not None})}
                     for exchange in self.exchanges]
        self.asides = set()
        self.outer = self._number(self._read(first, self._device_of_port(sample, wap)))
        self.inner = self._pass_on(wap, ndes) if self.has_wap else []
        numbers = sorted({request.enrolment for request in self.outer})
        self.enrolments = [self._enrolment(number) for number in numbers]

    def _json(self, name):
        path = self.truth / name
        return json.loads(path.read_text()) if path.exists() else None

    def log(self, host):
        """The lines of a server's access log."""
        return self.lines_of(f"{host}-access")

    def lines_of(self, name):
        path = self.truth / f"logs/{name}.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def calls_seen(self, vantage):
        """Those of the calls behind NDES that a capture at this place sees."""
        return [call for call in self.calls if vantage == "ndes" or (vantage == "crp" and call.leg == "ndes-crp")]

    def _device_of_port(self, sample, wap):
        """Where a router hides the devices, whose port is whose: of the SYNs that left them, as IP and TCP say."""
        if not self.devices or not wap or any(wap[0]["client"] == device["address"] for device in self.devices):
            return {}
        command = ["tshark", "-n", "-r", str(sample / "device.pcapng"), "-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0",
                   "-T", "fields", "-e", "tcp.srcport", "-e", "ip.src"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return dict(line.split("\t") for line in output.splitlines())

    def _messages(self):
        """(transaction, status of the CertRep) of the kept PKIOperations, by device where the subject of the request
        tells it, and in order."""
        keys = [self.truth / "recipient.key"]
        addresses = {device["subject"]: device["address"] for device in self.devices}
        by_device, in_order = {}, []
        for exchange in self.exchanges:
            if exchange["operation"] != "PKIOperation":
                continue
            facts = {}
            try:
                facts = {fact.field: fact.value for fact in
                         oracle.pki_message((self.truth / exchange["request"]).read_bytes(), keys if addresses else ())}
            except oracle.NotSuch:
                pass
            status = None
            if exchange["status"] == 200 and exchange["response"]:
                found = oracle.outline((self.truth / exchange["response"]).read_bytes())
                status = found[1] if found else None
            # GetCert and GetCRL (RFC 8894 3.2.1.2) have transactions of their own, but enrol nobody.
            is_aside = facts.get("scep.message_type") in (21, 22)
            if is_aside:
                self.asides.add(facts.get("scep.transaction_id"))
            pair = (None if is_aside else facts.get("scep.transaction_id"), status)
            in_order.append(pair)
            # The client adds names of its own behind the CN.
            by_device[addresses.get(facts.get("scep.csr.subject", "").partition(",")[0])] = pair
        return by_device, in_order

    def _read(self, log, device_of_port):
        by_device, in_order = self._messages()
        for entry in log:
            operation, message = asked_of(entry)
            device = device_of_port.get(entry["client_port"], entry["client"])
            transaction = pki_status = None
            if operation == "PKIOperation":
                transaction, pki_status = by_device[device] if self.devices else in_order.pop(0)
            yield Request(client_of(entry), operation, message, status_of(entry), transaction, pki_status, device, None,
                          None)

    def _number(self, requests):
        """Requests with the number of their enrolment: another transaction of a device begins another enrolment, and so
        does a discovery after a PKIOperation."""
        found, current, begun = [], {}, 0
        for request in requests:
            number, transaction, is_over = current.get(request.device, (None, None, True))
            is_other = request.transaction and transaction and request.transaction != transaction
            if number is None or is_other or (is_over and request.operation != "PKIOperation"):
                number, transaction, begun = begun, None, begun + 1
            current[request.device] = (number, request.transaction or transaction, request.operation == "PKIOperation")
            found.append(request._replace(enrolment=number))
        return found

    def _pass_on(self, wap, ndes):
        """NDES' requests. One device at a time: in their order they are those that the WAP passed on and that arrived."""
        inner, candidates = [], iter(zip(wap, self.outer))
        for entry in ndes:
            outer = None
            if not self.devices:
                outer = next(request for line, request in candidates
                             if address_of(line["upstream"]) in NDES_INSIDE and entry["uri"] in (line["uri"], ""))
            request = outer or Request(None, *asked_of(entry), *[None] * 6)
            inner.append(request._replace(client=client_of(entry), status=status_of(entry), outer=outer))
        return inner

    def _enrolment(self, number):
        outer = [request for request in self.outer if request.enrolment == number]
        inner = [request for request in self.inner if request.outer and request.enrolment == number]
        return Enrolment(outer[0].device, next((request.transaction for request in outer if request.transaction), None),
                         outer, inner)

    def fails_at(self, leg):
        """Whether the connection itself fails, on this leg."""
        fails = self.scenario.get("fails") or {}
        return fails.get("leg") == leg and fails["step"] in ("tcp-handshake", "tls-handshake")


def address_of(end):
    """192.0.2.10 of 192.0.2.10:443, 2001:db8::1 of [2001:db8::1]:443."""
    return end.rpartition(":")[0].strip("[]")


def asked_of(entry):
    """Operation and message of a logged request; what a PKIOperation carries is no message in this sense."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(entry["uri"]).query, keep_blank_values=True)
    operation = query["operation"][0]
    return operation, None if operation == "PKIOperation" else query.get("message", [None])[0]


def client_of(entry):
    """Address and port as reports write them; None where nobody logged any."""
    address, port = entry["client"], entry["client_port"]
    return None if address is None else f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def status_of(entry):
    """What the answer's status was, as far as a capture tells: that of HTTP/2 is not read."""
    if entry["status"] in UNANSWERED or entry["status"] == "None" or entry.get("http") == "HTTP/2.0":
        return None
    return int(entry["status"])


def posted(entry):
    """A call that the policy module logged."""
    is_intune = "/ScepActions/" in entry["url"]
    step, status, body = STEPS[entry["call"]], entry["status"], entry["body"] or ""
    code = json.loads(body)["code"] if is_intune and status == 200 else None
    verified = None
    if step == "verify-request" and status in (200, 201):
        verified = code == "Success" if is_intune else body.strip() == "true"
    page = re.search(r"HTTP Error \d+\.(\d+)", body)
    return Call(f"{NDES_INSIDE[0]}:{entry['local_port']}", f"{CLOUD if is_intune else CRP}:443",
                "ndes-intune" if is_intune else "ndes-crp", step, entry["call"],
                urllib.parse.urlsplit(entry["url"]).path, entry["transaction_id"], bool(entry["secured"] or status),
                status, int(page.group(1)) or None if page else None, verified, code, None, None,
                verified if step == "verify-request" else status in (200, 204), entry["begin"],
                # On a connection that is open already a call begins with the request.
                entry["secured"] or entry["begin"], entry["answered"], body)


def asked_of_authority(entry):
    """An RPC call that NDES logged."""
    is_request = entry["interface"] in INTERFACES and entry["opnum"] is not None
    disposition = None if entry["sealed"] else entry["disposition"]
    return Call(entry["client"], entry["server"], "ndes-ca", "ca-issue" if is_request else None, entry["interface"],
                None, entry["transaction_id"], entry["opnum"] is not None, None, None, None, None, disposition,
                None if entry["sealed"] else entry["fault"], entry["disposition"] == ISSUED,
                None, entry["time_begin"], entry["time_end"], None)


def verdict_of(requests):
    """What requests of an enrolment, all of one leg, come to."""
    operations = [request for request in requests if request.operation == "PKIOperation"]
    if operations:
        last = operations[-1]
        if last.pki_status is None and last.status != 200:
            return "failed"
        return {SUCCESS: "complete", PENDING: "pending"}.get(last.pki_status, "failed")
    if any(request.status != 200 for request in requests):
        return "failed"
    # The new CA's certificate is all that was wanted.
    return "complete" if any(request.operation == "GetNextCACert" for request in requests) else "incomplete"


# --- The products' logs (samples logs-*) ---

# A record of a product's log, and whose it is. log: below the sample's folder; number: in the log, from 1; call: the
# operation or call that it tells of, None for what is neither; client: address and port; ordinal: number of the request
# on its connection.
LogRecord = namedtuple("LogRecord", "log number line call transaction client ordinal")


def logs_of(sample):
    """The products' logs, as a folder for each host has them."""
    return sorted(sample.glob("logs/*/*"))


def log_records(sample):
    """Whose each record is, as those say who wrote it (truth/log-joins.json)."""
    return [LogRecord(join["file"], join["record"], join["line"], join["call"], join["transaction_id"],
                      f"{join['client']}:{join['client_port']}", join["request_of_connection"])
            for join in json.loads((sample / "truth/log-joins.json").read_text())]
