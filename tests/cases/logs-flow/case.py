# SPDX-License-Identifier: GPL-2.0-or-later
"""What the flow makes of logs, alone and merged with captures: against the logs' own text, read here, and against those
who wrote the logs and say whose each record is (captures/samples/logs-*/truth), with and without TLS secrets."""

import collections
import datetime
import functools
import itertools
import json
import re
import shutil
import tempfile
import zoneinfo
from pathlib import Path

import peers
from harness import SAMPLES, without_secrets

REFERENCE = SAMPLES / "logs/reference"
UTC = datetime.timezone.utc

# What asks for something, by its name in logs and truth.
STEPS = {"GetCACaps": "get-ca-caps", "GetCACert": "get-ca-cert", "GetNextCACert": "get-next-ca-cert",
         "PKIOperation": "pki-operation", "VerifyRequest": "verify-request", "Notify": "notify"}
CALLS = ("verify-request", "notify")
# Parts of a call, which are in the log of who makes or answers it: how its messages about it begin, and which of them
# says how it ended.
PARTS = {
    "template-permission": ("Reading Template Permission Check", None),
    "crp-phase-1": ("Validation Phase 1 ", r"fini\w*ed(?: with status (True|False))?"),
    "crp-phase-2": ("Validation Phase 2 ", r"fini\w*ed(?: with status (True|False))?"),
    "crp-phase-3": ("Validation Phase 3 ", r"fini\w*ed(?: with status (True|False))?"),
    "challenge-verified": ("Verify challenge returns ", r"returns (true|false|<)"),
    "state-message": ("Beginning state message", None),
}
# Which leg an interface of the captures sees (captures/samples/README.md, logs.md).
SEES = {"device": ("device-wap",), "wap-outside": ("device-wap",), "wap-inside": ("wap-ndes",),
        "ndes": ("device-ndes", "wap-ndes", "ndes-crp"), "crp": ("ndes-crp",)}

# From so many percent on, a join is no guess.
SURE = 90
# Two records of one log that are no further apart cannot be told by their times, seconds: of a message, of a W3C log's
# line, and what that says of how long the request took.
ALIKE, ALIKE_WHOLE, ALIKE_TAKEN = 0.1, 1.0, 0.02
# What two machines' clocks may seem to differ by, seconds: a call takes as long on its way, and W3C logs have whole
# ones.
CLOSE, WHOLE = 0.25, 1.0

# Shifts of a log's local time.
SHIFTS = {"7 h west": -7 * 3600, "5:30 h east": 19800, "5:45 h east": 20700}
HAND_WRITTEN = ("reference", "reference in parts", "reference in any order", "filter", "text", "named zones",
                "unknown zone") + tuple(f"local time {name}" for name in SHIFTS)
# Merged with all logs, these are dissected in every way.
EVERY_WAY = ("reference", "logs-healthy/ndes.pcapng", "logs-zone-west/ndes.pcapng")


def recorded():
    return sorted(path.parent.parent for path in SAMPLES.glob("*/truth/log-joins.json"))


def units(run, folder):
    run.field_names("scepflow")
    found = list(HAND_WRITTEN) + [f"every way, {name}" for name in EVERY_WAY]
    for sample in recorded():
        captures = sorted(path.name for path in sample.glob("*.pcapng"))
        found += [f"{sample.name}/{name}" for name in ["logs"] + captures + (["all"] if len(captures) > 1 else [])]
    return found


def check(run, folder, unit):
    with Merging(run) as merging:
        if unit.startswith("every way, "):
            return check_ways(merging, unit.partition(", ")[2])
        if unit.startswith("local time "):
            return check_local_time(merging, SHIFTS[unit.removeprefix("local time ")])
        if unit in HAND_WRITTEN:
            return globals()[f"check_{unit.replace(' ', '_')}"](merging)
        return check_recorded(merging, *unit.split("/"))


# --- What the logs say, read here ---

# A record. time: seconds since 1970 as the log has them, its bias undone; None where nobody asks for it.
Read = collections.namedtuple("Read", "line text time columns")


@functools.lru_cache(maxsize=None)
def read_log(path):
    """The records of a log, in its order."""
    text = path.read_bytes().decode()
    if path.suffix == ".svclog":
        return [Read(None, re.search(r"<ApplicationData>(.*?)</ApplicationData>", event, re.DOTALL).group(1),
                     None, {}) for event in re.findall(r"<E2ETraceEvent .*?</E2ETraceEvent>", text, re.DOTALL)]
    if path.name.startswith(("u_ex", "httperr")):
        return list(read_w3c(text))
    return list(read_cmtrace(text))


def read_w3c(text):
    names = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#Fields: "):
            names = line.split(" ")[1:]
        elif not line.startswith("#"):
            columns = dict(zip(names, line.split(" ")))
            moment = datetime.datetime.fromisoformat(f"{columns['date']} {columns['time']}").replace(tzinfo=UTC)
            yield Read(number, line, moment.timestamp(), columns)


CMTRACE = re.compile(r'<!\[LOG\[(.*?)\]LOG\]!><time="(\d+):(\d+):(\d+)(\.\d+)([+-]\d+)?"'
                     r' date="(\d+)-(\d+)-(\d+)"(.*?)>', re.DOTALL)


def read_cmtrace(text):
    for match in CMTRACE.finditer(text):
        hour, minute, second, month, day, year = (int(match.group(at)) for at in (2, 3, 4, 7, 8, 9))
        moment = datetime.datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        # Windows' bias: UTC = local time + bias, in minutes.
        time = moment.timestamp() + float(match.group(5)) + 60 * int(match.group(6) or 0)
        yield Read(text.count("\n", 0, match.start()) + 1, match.group(1), time,
                   dict(re.findall(r'(\w+)="(.*?)"', match.group(10))))


def is_web(path):
    return path.name.startswith(("u_ex", "httperr"))


def has_local_time(path):
    """A log that does not say how far its times are from UTC."""
    return not is_web(path) and path.suffix == ".log" and not CMTRACE.search(path.read_bytes().decode()).group(6)


# --- Who wrote what ---

# What logs and truth say of one request or call. records: numbers of its records by log (path).
Told = collections.namedtuple("Told", "step client ordinal transaction records")


class Truth:
    """What a set of logs tells, whose each record is, and what the scenario arranged. captures: those that are merged
    with them."""

    def __init__(self, logs, told, scenario, captures=()):
        self.logs, self.captures, self.scenario = list(logs), list(captures), scenario
        self.told = [one._replace(records=records) for one in told
                     if (records := {log: own for log, own in one.records.items() if log in self.logs})]
        names = collections.Counter(log.name for log in self.logs)
        # A name that two machines have comes with the folder's.
        self.names = {log: log.name if names[log.name] == 1 else f"{log.parent.name}/{log.name}" for log in self.logs}

    def joined(self, log):
        return sum(len(one.records.get(log, ())) for one in self.told)

    def status(self, one):
        """HTTP's, as the web servers logged it; None without."""
        for log, records in one.records.items():
            if is_web(log):
                return int(read_log(log)[records[0] - 1].columns["sc-status"])
        return None

    def texts(self, one):
        """(log, text) of each message."""
        return [(log, read_log(log)[number - 1].text) for log, records in one.records.items() if not is_web(log)
                for number in records]

    def ahead(self, log):
        return self.scenario["clocks"][log.parent.name]["ahead"]

    def offset(self, log):
        """Of its times from UTC, seconds: none for those that are in UTC, or say it."""
        if not has_local_time(log):
            return 0
        zone = zoneinfo.ZoneInfo(self.scenario["clocks"][log.parent.name]["time_zone"])
        return zone.utcoffset(datetime.datetime.fromtimestamp(read_log(log)[0].time)).total_seconds()


def truth_of(sample, captures=(), logs=None):
    groups = {}
    for record in peers.log_records(sample):
        if record.call:
            key = (record.client, record.ordinal, record.call)
            transaction, records = groups.setdefault(key, (record.transaction, {}))
            records.setdefault(sample / record.log, []).append(record.number)
    told = [Told(STEPS[call], client, ordinal, transaction, records)
            for (client, ordinal, call), (transaction, records) in groups.items()]
    scenario = json.loads((sample / "truth/scenario.json").read_text())
    return Truth(logs or peers.logs_of(sample), told, scenario, captures)


def reference_logs():
    return sorted(REFERENCE.glob("*/*.log"))


def reference(logs=None):
    """The published logs: one enrolment. A thread of NDES and one of the CRP make and answer one call each."""
    requests, calls = [], [{}, {}]
    for log in reference_logs():
        records = read_log(log)
        if log.parent.name == "ndes" and is_web(log):
            # IIS cut the query of the PKIOperation to "...".
            asked = [re.search(r"operation=(\w+)|$", read.text).group(1) or "PKIOperation" for read in records]
            requests = [Told(STEPS[operation], None, number, None, {log: [number]})
                        for number, operation in enumerate(asked, 1)]
            continue
        order = [read.columns.get("thread") or read.text for read in records]
        for number, name in enumerate(order, 1):
            calls[list(dict.fromkeys(order)).index(name)].setdefault(log, []).append(number)
    told = requests + [Told(step, None, 1, None, records) for step, records in zip(CALLS, calls)]
    clock = {"time_zone": "UTC", "ahead": 0.0}
    scenario = {"fails": None, "enrolments": 1, "clocks": {"ndes": clock, "crp": clock}}
    return Truth(logs or reference_logs(), told, scenario)


# --- What the program shows ---

FRAME_FIELDS = ("frame.number", "frame.interface_name", "frame.interface_description", "exported_pdu.prot_name",
                "ip.src", "tcp.srcport", "tcp.flags")
SHOWN = ("enrolment", "conversation", "leg", "role", "step", "step.state", "verdict")
SEPARATOR = "\x1f"


class Merging:
    """A folder for logs and captures that are put together; lives as long as the unit."""

    def __init__(self, run):
        self.run = run
        self.folder = Path(tempfile.mkdtemp(dir=run.own(run.scratch / "logs-flow")))
        run.own(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def write(self, name, octets):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
        for part in (path.parent, path):
            part.chmod(0o755)
        return path

    def merged(self, files, *options, name="merged.pcapng"):
        target = self.folder / name
        self.run.run("mergecap", *options, "-w", target, *(self.run.readable(path) for path in files))
        return target

    def report(self, path, *arguments, **options):
        output = self.run.tshark(path, "-q", "-z", "scep,json", *arguments, **options)
        return [json.loads(line) for line in output.splitlines()]

    def frames(self, path, logs, *arguments):
        """The report, and what tshark shows of every frame, in the same run."""
        names = FRAME_FIELDS + tuple(f"scepflow.{name}" for name in SHOWN)
        output = self.run.tshark(path, *arguments, "-z", "scep,json", "-T", "fields", "-E", f"aggregator={SEPARATOR}",
                                 *(part for name in names for part in ("-e", name))).decode()
        rows = [dict(zip(names, line.split("\t"))) for line in output.splitlines() if not line.startswith("{")]
        return Frames(rows, {str(self.run.readable(log)): log for log in logs}), \
            [json.loads(line) for line in output.splitlines() if line.startswith("{")]


class Frames:
    """Frames of a merged file. origin: log and number of the record; interfaces: by the client of each connection whose
    begin they saw, all of it without what is tested here."""

    def __init__(self, rows, logs):
        self.rows, self.origin, self.interfaces = {}, {}, {}
        counts = collections.Counter()
        for row in rows:
            number = int(row["frame.number"])
            cells = {name: row[f"scepflow.{name}"] for name in SHOWN}
            self.rows[number] = {name: tuple(cell.split(SEPARATOR)) if cell else () for name, cell in cells.items()}
            if row["exported_pdu.prot_name"]:
                # Whatever they are merged with, the records of a log stay in their order.
                log = logs[row["frame.interface_description"]]
                counts[log] += 1
                self.origin[number] = (log, counts[log])
            elif row["tcp.flags"] and int(row["tcp.flags"], 0) & 0x12 == 0x02:
                client = f"{row['ip.src']}:{row['tcp.srcport']}"
                self.interfaces.setdefault(client, set()).add(row["frame.interface_name"])
        self.frame_of = {origin: number for number, origin in self.origin.items()}


def parts_of(enrolments):
    return [(enrolment, part) for enrolment in enrolments for part in enrolment["conversations"]]


def is_request(step):
    return step["operation"] is not None


# An exchange of the report that logs tell of, with them: (log, number of the first record, records).
Shown = collections.namedtuple("Shown", "enrolment part step ordinal logs")


def shown_exchanges(enrolments, frames):
    for enrolment, part in parts_of(enrolments):
        requests = [step for step in part["steps"] if is_request(step)]
        for ordinal, step in enumerate(requests, 1):
            logs = {frames.origin.get(one["frame"]): one for one in step.get("logs", ())}
            if logs:
                yield Shown(enrolment, part, step, ordinal, logs)


# --- Joins ---

def compare_joins(enrolments, truth, frames):
    """Every record is joined to the exchange that those who wrote it name, and to no other."""
    shown, lines = list(shown_exchanges(enrolments, frames)), []
    for one in truth.told:
        where = f"{one.step} of {one.client}, request {one.ordinal}"
        wanted = {(log, records[0]): len(records) for log, records in one.records.items()}
        found = [exchange for exchange in shown if is_of(exchange, wanted)] or \
            [exchange for exchange in shown if set(exchange.logs) & set(wanted)]
        if len(found) != 1:
            lines.append(f"{where}: its records are in {len(found)} exchanges, expected in one (log-joins.json)\n"
                         + "\n".join(f"      {describe(exchange)}" for exchange in found))
            continue
        exchange = found[0]
        got = {origin: said["lines"] for origin, said in exchange.logs.items()}
        got, wanted = without_guesses(exchange, got, wanted)
        lines += differ(named(got, truth), named(wanted, truth), f"{where}: logs and their records", "log-joins.json")
        lines += differ(exchange.step["step"], one.step, f"{where}: step", "log-joins.json")
        lines += differ(exchange.step["http_status"], truth.status(one) or exchange.step["http_status"],
                        f"{where}: HTTP status", "sc-status")
        for (log, number), said in exchange.logs.items():
            lines += differ((said["log"], said["line"]), (truth.names[log], read_log(log)[number - 1].line or 1),
                            f"{where}: name and first line", "the log")
        lines += compare_place(exchange, one, frames, truth, where)
    return lines + compare_calls(enrolments, truth) + compare_alike(shown, truth)


def is_sure(said):
    """Of what a log tells first, or of what is joined to it without doubt."""
    return said["confidence"] is None or said["confidence"] >= SURE


def is_of(exchange, wanted):
    """Whether records are in an exchange, guesses left aside where it has others of these."""
    own = set(exchange.logs) & set(wanted)
    return any(is_sure(exchange.logs[origin]) for origin in own) or \
        bool(own) and not any(is_sure(said) and origin not in wanted for origin, said in exchange.logs.items())


def without_guesses(exchange, got, wanted):
    """Both without what the report itself calls a guess and the log's times cannot tell."""
    for (log, number), said in exchange.logs.items():
        right = next((other for own, other in wanted if own == log), None)
        if not is_sure(said) and right not in (None, number) and are_alike(log, number, right):
            got = {origin: count for origin, count in got.items() if origin != (log, number)}
            wanted = {origin: count for origin, count in wanted.items() if origin != (log, right)}
    return got, wanted


def are_alike(log, number, other):
    one, two = read_log(log)[number - 1], read_log(log)[other - 1]
    if one.time is None:
        return False
    taken = abs(int(one.columns.get("time-taken", 0)) - int(two.columns.get("time-taken", 0))) / 1000
    return abs(one.time - two.time) <= (ALIKE_WHOLE if is_web(log) else ALIKE) and taken <= ALIKE_TAKEN


def compare_place(exchange, one, frames, truth, where):
    """Which conversation the exchange is in: that of its packets, or, where its leg was not captured, one of a log."""
    if one.client in frames.interfaces:
        lines = differ((exchange.part["client"], exchange.part["log"]), (one.client, None), f"{where}: conversation",
                       "log-joins.json, SYN in the capture")
        return lines or differ(exchange.ordinal, one.ordinal, f"{where}: number on its connection", "log-joins.json")
    lines = differ(exchange.part["basis"], "log", f"{where}: basis", "its leg was not captured")
    if exchange.part["log"] not in [truth.names[log] for log in truth.logs]:
        lines.append(f"{where}: told by {exchange.part['log']}, expected one of {sorted(truth.names.values())}")
    return lines


def compare_calls(enrolments, truth):
    """Nothing is there twice: as many requests of each kind as NDES got or made."""
    shown = collections.Counter(step["step"] for _, part in parts_of(enrolments) for step in part["steps"]
                                if is_request(step) and part["leg"] not in ("device-wap", "ndes-ca", "device-mdm"))
    wanted = collections.Counter(one.step for one in truth.told)
    return differ({step: shown[step] for step in wanted}, dict(wanted), "requests to NDES, and its calls",
                  "log-joins.json")


def compare_alike(shown, truth):
    """What belongs to one transaction is in one enrolment, but for guesses."""
    of_record = {origin: exchange.enrolment["enrolment"] for exchange in shown for origin, said in exchange.logs.items()
                 if is_sure(said) and (exchange.step.get("joined_confidence") or 100) >= SURE}
    by_transaction = {}
    for one in truth.told:
        for log, records in one.records.items():
            if one.transaction and (log, records[0]) in of_record:
                by_transaction.setdefault(one.transaction, set()).add(of_record[log, records[0]])
    return [f"transaction {transaction}: its records are in enrolments {sorted(numbers)} (log-joins.json)"
            for transaction, numbers in by_transaction.items() if len(numbers) > 1]


def compare_marks(enrolments, truth, frames):
    """The frame of every record shows the conversation that it tells of, as the report has it; others show none."""
    lines, of_record = [], {}
    shown = {origin: exchange for exchange in shown_exchanges(enrolments, frames) for origin in exchange.logs}
    for one in truth.told:
        for log, records in one.records.items():
            of_record.update({(log, number): shown.get((log, records[0])) for number in records})
    for origin, number in frames.frame_of.items():
        row, exchange = frames.rows[number], of_record.get(origin)
        where = f"{truth.names[origin[0]]}, record {origin[1]}, frame {number}"
        if origin in of_record and exchange is None:
            # Missing above already.
            continue
        wanted = {"enrolment": (), "conversation": (), "leg": (), "role": ()}
        if exchange:
            wanted = {"enrolment": (str(exchange.enrolment["enrolment"]),),
                      "conversation": (str(exchange.part["number"]),), "leg": (exchange.part["leg"],),
                      "role": tuple(exchange.part["role"])}
        lines += differ({name: row[name] for name in wanted}, wanted, f"{where}: scepflow fields", "report")
        # A log's line shows its request or call, or a part of it.
        if exchange and not set(row["step"]) <= {step["step"] for step in exchange.part["steps"]} | {"cert-rep"}:
            lines.append(f"{where}: step {row['step']}, of a conversation with "
                         f"{[step['step'] for step in exchange.part['steps']]} (report)")
    return lines


def describe(exchange):
    return f"enrolment {exchange.enrolment['enrolment']}, {exchange.part['leg']} of {exchange.part['client']}: " \
           f"{exchange.step['step']} with {[(said['log'], said['line']) for said in exchange.logs.values()]}"


def named(records, truth):
    return sorted((truth.names[log], number, count) for (log, number), count in records.items())


# --- Clocks, witnesses, verdicts ---

def compare_logs(enrolments, truth, frames):
    """Lines, and how each log's clock stands."""
    lines = []
    for enrolment in enrolments:
        logs = {one["name"]: one for one in enrolment["logs"]}
        lines += differ(sorted(logs), sorted(truth.names.values()), "logs", "their names")
        for log, name in truth.names.items():
            if name in logs:
                lines += compare_log(logs[name], log, truth, frames)
    return lines


def compare_log(shown, log, truth, frames):
    name, count = truth.names[log], len(read_log(log))
    lines = differ((shown["lines"], shown["told"], shown["malformed"]), (count, truth.joined(log), 0),
                   f"{name}: lines, those that tell something, malformed ones", "the log; log-joins.json")
    seen = sum(len(one.records[log]) for one in truth.told
               if log in one.records and (len(one.records) > 1 or seen_in_packets(one, frames, truth)))
    lines += differ(shown["confirmed"], seen, f"{name}: lines about what others saw too", "log-joins.json, SYNs")
    is_alone = len(truth.logs) == 1 and not truth.captures
    basis = "utc" if is_web(log) else "bias" if not has_local_time(log) else "assumed" if is_alone else "inferred"
    lines += differ((shown["zone_basis"], shown["utc_offset"]), (basis, truth.offset(log)), f"{name}: zone",
                    "scenario.json; W3C logs are in UTC")
    ahead, close = truth.ahead(log), WHOLE if is_web(log) else CLOSE
    if not ahead - close <= shown["clock_skew"] <= ahead + close:
        lines.append(f"{name}: clock {shown['clock_skew']} s ahead, expected {ahead} ± {close} (scenario.json)")
    return lines


def seen_in_packets(one, frames, truth):
    """Whether packets show the request, or the device's that the WAP passed on as this one."""
    if one.client in frames.interfaces:
        return True
    outer = any("device-wap" in SEES[name] for names in frames.interfaces.values() for name in names)
    return outer and one.step not in CALLS


def compare_witnesses(enrolments, truth, frames):
    """seen_by of each step of the enrolment: every log that tells of it, and the captures that have it."""
    lines, told = [], {(log, records[0]): one for one in truth.told for log, records in one.records.items()}
    captures = {name for names in frames.interfaces.values() for name in names}
    for enrolment in enrolments:
        for step in enrolment["steps"]:
            where = f"enrolment {enrolment['enrolment']}, {step['step']}: seen by"
            shown = set(step["seen_by"])
            if step["step"] in PARTS and len(enrolments) == 1:
                lines += differ(sorted(shown), sorted(part_tellers(truth, step["step"])), where, "the messages")
            # The CertRep is the answer to the PKIOperation.
            name = "pki-operation" if step["step"] == "cert-rep" else step["step"]
            own = [told[origin] for exchange in shown_exchanges([enrolment], frames) for origin in exchange.logs
                   if origin in told and exchange.step["step"] == name
                   and exchange.part["number"] in same_role(enrolment, step)]
            if not own:
                continue
            logs = {truth.names[log] for one in own for log in one.records}
            lines += differ(sorted(shown - captures), sorted(logs), f"{where} logs", "log-joins.json")
            legs = {"ndes-crp"} if name in CALLS else {"device-wap", "wap-ndes", "device-ndes"}
            seen = {interface for interface in captures if legs & set(SEES[interface])}
            lines += differ(sorted(shown & captures), sorted(seen), f"{where} captures",
                            "interfaces (README.md, logs.md)")
    return lines


def part_tellers(truth, name):
    """The logs that have a message about a part of a call."""
    return {truth.names[log] for one in truth.told for log, text in truth.texts(one) if text.startswith(PARTS[name][0])}


def same_role(enrolment, step):
    """The numbers of the conversations that have the role of the one where a step is."""
    roles = {part["number"]: part["role"] for part in enrolment["conversations"]}
    return [number for number, role in roles.items() if role == roles.get(step["conversation"])]


def compare_parts(enrolments, truth):
    """The parts of calls end as the messages about them say, after as long as it is between those messages."""
    if len(enrolments) != 1 or len(truth.scenario.get("devices", ())) > 1:
        return []
    lines = []
    shown = {step["step"]: step for _, part in parts_of(enrolments) for step in part["steps"] if step["step"] in PARTS}
    for name, (begin, end) in PARTS.items():
        reads = [read_log(log)[number - 1] for one in truth.told for log, records in one.records.items()
                 if not is_web(log) for number in records]
        own = [read for read in reads if read.text.startswith(begin)]
        lines += differ(name in shown, bool(own), f"{name}: shown", "the messages")
        if not own or name not in shown:
            continue
        ended = next((found for read in own if end and (found := re.search(end, read.text))), None)
        if ended:
            state = "failed" if (ended.group(1) or "").lower() in ("false", "<") else "ok"
            lines += differ(shown[name]["state"], state, f"{name}: state", "the message")
        if name.startswith("crp-phase") and len(own) > 1 and own[0].time is not None:
            lines += near(shown[name]["time"], own[-1].time - own[0].time, f"{name}: seconds", "the messages")
    for _, text in (pair for one in truth.told for pair in truth.texts(one)):
        told = re.search(r"started for device ([0-9a-f-]{36}) and user ([0-9a-f-]{36})", text)
        if told:
            lines += differ((enrolments[0]["device_id"], enrolments[0]["user_id"]), told.groups(), "device and user",
                            "the message")
    return lines


def compare_verdicts(enrolments, truth):
    """How many enrolments, what became of them, and where the scenario made it fail."""
    lines = differ(len(enrolments), truth.scenario["enrolments"], "enrolments", "scenario.json")
    fails = truth.scenario.get("fails")
    for enrolment in enrolments:
        bad = [(one["id"], one["severity"]) for one in enrolment["findings"] if one["severity"] in ("warning", "error")]
        errors = [one for one in enrolment["findings"] if one["severity"] == "error"]
        if not fails:
            lines += differ(enrolment["verdict"], "complete", "verdict", "scenario.json: nothing fails")
            lines += differ(bad, [], "warnings and errors", "scenario.json: nothing fails")
            continue
        if fails["step"] == "notify":
            lines += differ((enrolment["verdict"], len(errors)), ("complete", 0), "verdict, number of errors",
                            "scenario.json: the device has its certificate")
            lines += compare_state(enrolment, "notify", ("failed", "missing"))
            continue
        if not is_visible(fails, truth):
            lines += differ(enrolment["verdict"], "incomplete", "verdict", "no log or capture shows more")
            continue
        lines += differ(enrolment["verdict"], "failed", "verdict", "scenario.json")
        legs = ("device-ndes", "wap-ndes") if fails["leg"] == "device-ndes" else (fails["leg"],)
        # The WAP's side of what it could not pass on is the device's answer.
        legs += ("device-wap",) if fails["leg"] == "wap-ndes" else ()
        if not errors or errors[0]["leg"] not in legs:
            lines.append(f"errors {[(one['id'], one['leg']) for one in errors]}, expected the first on {legs} "
                         "(scenario.json)")
        step = fails["step"]
        if step.endswith("-handshake"):
            step = "verify-request" if fails["leg"] == "ndes-crp" else "pki-operation"
        lines += compare_state(enrolment, step, ("failed",))
    return lines


def is_visible(fails, truth):
    """A connection that fails between WAP and NDES does not come to NDES."""
    return fails["leg"] != "wap-ndes" or not fails["step"].endswith("-handshake") or bool(truth.captures)


def compare_state(enrolment, name, states):
    found = [step["state"] for step in enrolment["steps"] if step["step"] == name]
    return [] if any(state in states for state in found) else [f"{name} is {found}, expected {states} (scenario.json)"]


# --- The recorded samples ---

def check_recorded(merging, name, which):
    sample = SAMPLES / name
    captures = [path for path in sorted(sample.glob("*.pcapng")) if which in (path.name, "all")]
    truth = truth_of(sample, captures)
    path = merging.merged(captures + truth.logs)
    frames, enrolments = merging.frames(path, truth.logs, "-2")
    lines = compare_all(enrolments, truth, frames)
    lines += compare_marks(enrolments, truth, frames)
    # What is shown on the way must not change what comes out.
    if merging.frames(path, truth.logs)[1] != enrolments:
        lines.append("a single pass with a tree: another report than with two passes")
    return lines + check_without_secrets(merging, truth, frames)


def compare_all(enrolments, truth, frames):
    if not enrolments:
        return ["no enrolment"]
    return compare_joins(enrolments, truth, frames) + compare_logs(enrolments, truth, frames) + \
        compare_witnesses(enrolments, truth, frames) + compare_parts(enrolments, truth) + \
        compare_verdicts(enrolments, truth)


def check_without_secrets(merging, truth, frames):
    """The same without the TLS secrets: the same joins, and the statuses that the logs have."""
    bare = []
    for number, capture in enumerate(truth.captures):
        target = merging.folder / f"bare-{number}.pcapng"
        bare.append(target if without_secrets(capture, target) else capture)
    if not set(bare) - set(truth.captures):
        return []
    enrolments = merging.report(merging.merged(bare + truth.logs, name="bare.pcapng"))
    return [f"without secrets: {line}" for line in compare_all(enrolments, truth, frames)]


# --- The reference ---

def check_reference(merging):
    """Figures of the published logs, computed of their text."""
    truth = reference()
    path = merging.merged(truth.logs)
    frames, enrolments = merging.frames(path, truth.logs, "-2")
    lines = compare_all(enrolments, truth, frames) + compare_marks(enrolments, truth, frames)
    if len(enrolments) != 1:
        return lines
    enrolment, (requests, plugin) = enrolments[0], (read_log(REFERENCE / "ndes" / name)
                                                    for name in ("u_ex160610.log", "NDESPlugin.log"))
    lines += differ(enrolment["flow"], "windows-mdm", "flow", "README of the logs: a Windows device under MDM")
    shown = [(part["role"], [step["operation"] for step in part["steps"] if is_request(step)])
             for part in enrolment["conversations"]]
    wanted = [(["discovery-mdm"], ["GetCACert", "GetCACaps"]), (["discovery"], ["GetCACaps", "GetCACert"]),
              (["enrolment"], ["PKIOperation"]), (["verify"], ["VerifyRequest"]), (["notify"], ["Notify"])]
    lines += differ(shown, wanted, "conversations", "operation and message in ndes/u_ex160610.log; NDESPlugin.log")
    ends = {(part["leg"], part["client"], part["server"]) for part in enrolment["conversations"]}
    wanted = {(leg, one["c-ip"], f"{one['s-ip']}:{one['s-port']}") for leg, one in
              (("wap-ndes", requests[0].columns), ("ndes-crp", read_log(REFERENCE / "crp/u_ex160610.log")[0].columns))}
    lines += differ(ends, wanted, "leg, client and server", "c-ip, s-ip, s-port")

    at = {read.text.partition(" with")[0].rstrip(". "): read.time for read in plugin}
    seconds = {"VerifyRequest": at["Exiting VerifyRequest"] - at["Calling VerifyRequest"],
               "Notify": at["Exiting Notify"] - at["Calling Notifyrequest"],
               "CA": at["Calling Notifyrequest"] - at["Exiting VerifyRequest"],
               "PKIOperation": int(requests[-1].columns["time-taken"]) / 1000}
    times = {step["operation"]: step["time"] for _, part in parts_of(enrolments) for step in part["steps"]
             if step["step"] in CALLS + ("pki-operation",)}
    for name in ("VerifyRequest", "Notify", "PKIOperation"):
        lines += near(times[name], seconds[name], f"{name}: seconds", "NDESPlugin.log; time-taken")
    first, last = requests[0].time - int(requests[0].columns["time-taken"]) / 1000, at["Exiting Notify"]
    lines += near(enrolment["duration"], last - first, "duration", "first request to Exiting Notify")
    lines += differ(enrolment["start"], f"{datetime.datetime.fromtimestamp(first, UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "start",
                    "the first request")
    timing = enrolment["timing"][0]
    parts = {part["part"]: part["time"] for part in timing["parts"]}
    lines += near(timing["total"], seconds["PKIOperation"], "timing: total", "time-taken")
    lines += near(sum(parts.values()), timing["total"], "timing: sum of the parts", "arithmetic")
    lines += near(parts["verify-request"], seconds["VerifyRequest"], "timing: VerifyRequest", "NDESPlugin.log")
    lines += near(parts["ca-issue"], seconds["CA"], "timing: CA", "from Exiting VerifyRequest to Calling Notifyrequest")
    return lines


def check_reference_in_parts(merging):
    """Each of the logs alone, and each pair of them: one enrolment, with what these logs tell and nothing else."""
    lines = []
    for logs in itertools.chain(*(itertools.combinations(reference_logs(), count) for count in (1, 2))):
        truth = reference(logs)
        path = merging.merged(logs)
        frames, enrolments = merging.frames(path, logs)
        found = compare_all(enrolments, truth, frames)
        told = {one.step for one in truth.told}
        for step in (step for enrolment in enrolments for step in enrolment["steps"]):
            if step["step"] in STEPS.values() and step["step"] not in told:
                found += differ((step["state"], bool(step["look"])), ("not-visible", True),
                                f"{step['step']}: state, and whether it says what would show it", "no log tells of it")
        lines += [f"{' and '.join(truth.names.values())}: {line}" for line in found]
    return lines


def check_reference_in_any_order(merging):
    """In whatever order the logs are given, and whether their records are put in the order of time or not."""
    logs, lines, first = reference_logs(), [], None
    # Each comes first, last, before and after each other one.
    orders = [logs[at:] + logs[:at] for at in range(len(logs))] + [logs[::-1]]
    for order, options in itertools.product(orders, ((), ("-a",))):
        frames, enrolments = merging.frames(merging.merged(order, *options), order)
        found = normal(enrolments, frames)
        first = first or found
        if found != first:
            lines.append(f"mergecap {' '.join(options)} {[reference(order).names[log] for log in order]}: "
                         + first_difference(first, found))
    return lines


def normal(enrolments, frames):
    """A report with records in place of frames, lists of logs in one order, and without the filter, which has frames.
    """
    def walk(value, key=None):
        if isinstance(value, dict):
            return {name: walk(inner, name) for name, inner in value.items() if name != "filter"}
        if isinstance(value, list):
            inner = [walk(one, key) for one in value]
            return sorted(inner, key=str) if key in ("logs", "seen_by") else inner
        if key == "frame" or (key or "").endswith("_frame"):
            return frames.origin.get(value) and str(frames.origin[value])
        return value
    return walk(enrolments)


def first_difference(one, other, path=""):
    if isinstance(one, dict) and isinstance(other, dict) and set(one) == set(other):
        return next(first_difference(one[key], other[key], f"{path}.{key}") for key in one if one[key] != other[key])
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return next(first_difference(*pair, f"{path}[{at}]") for at, pair in enumerate(zip(one, other))
                    if pair[0] != pair[1])
    return f"{path}: {cut(other)}, in the first order {cut(one)}"


def check_filter(merging):
    """The filter that the report gives selects the enrolment's frames, and the enrolment; its contrary does not."""
    lines = []
    for truth in (reference(), truth_of(SAMPLES / "logs-healthy", [SAMPLES / "logs-healthy/ndes.pcapng"])):
        path = merging.merged(truth.captures + truth.logs)
        enrolments = merging.report(path)
        own = enrolments[0]["filter"]
        output = merging.run.tshark(path, "-q", "-z", f"scep,json,{own}").decode()
        found = [json.loads(line) for line in output.splitlines()]
        lines += differ(found, enrolments, f"with {own}", "the same without")
        lines += differ(merging.run.tshark(path, "-q", "-z", f"scep,json,!({own})").decode(), "", f"with !({own})",
                        "no frame of it passes")
        numbers = merging.run.tshark(path, "-Y", own, "-T", "fields", "-e", "frame.number").decode().split()
        frames, _ = merging.frames(path, truth.logs, "-2")
        told = {frames.frame_of[log, number] for one in truth.told for log, records in one.records.items()
                for number in records}
        lines += differ(sorted(told - set(map(int, numbers))), [], "records that it leaves out", "log-joins.json")
    return lines


def check_text(merging):
    """The report for readers has a section about the logs."""
    truth, lines = reference(), []
    text = merging.run.tshark(merging.merged(truth.logs), "-q", "-z", "scep,flow").decode()
    section = " ".join(text.partition("\nLogs\n")[2].split())
    for log, name in truth.names.items():
        count = len(read_log(log))
        said = f"{name} ({'iis' if is_web(log) else 'cmtrace'}): {count} lines, {count} of requests and calls"
        if said not in section:
            lines.append(f"{name}: not in the section about logs with its {count} lines: {section!r}")
    if "1 enrolment: 1 complete" not in text:
        lines.append(f"no sum: {text[-200:]!r}")
    return lines


# --- In every way ---

def check_ways(merging, name):
    """All frames of logs, all fields of the flow: the same in tshark -2 and in sharkd; a single pass, which knows less,
    says the same of leg and role."""
    sample, _, capture = name.partition("/")
    truth = truth_of(SAMPLES / sample, [SAMPLES / name]) if capture else reference()
    path, lines = merging.merged(truth.captures + truth.logs), []
    frames, enrolments = merging.frames(path, truth.logs)
    for what, arguments in (("a single pass without a tree", ()), ("two passes", ("-2",))):
        if merging.report(path, *arguments) != enrolments:
            lines.append(f"{what}: another report than in a single pass with one")
    shown = {way: {frame.number: fields_of(frame) for frame in merging.run.dissect(path, way, protocols=("scepflow",))}
             for way in ("single", "two-pass", "sharkd")}
    told = {frames.frame_of[log, number] for one in truth.told for log, records in one.records.items()
            for number in records}
    for number, (log, record) in frames.origin.items():
        where = f"{truth.names[log]}, record {record}, frame {number}"
        final, other = shown["two-pass"][number], shown["sharkd"][number]
        lines += differ(bool(final), number in told, f"{where}: shows an enrolment", "the log")
        lines += [f"{where}: {field} is {other.get(field)} in sharkd, {final.get(field)} in tshark -2"
                  for field in sorted(set(final) | set(other)) if final.get(field) != other.get(field)]
        early = shown["single"][number]
        for field in ("scepflow.leg", "scepflow.role"):
            if number in told and not set(early.get(field, ())) <= set(final.get(field, ())):
                lines.append(f"{where}: single pass, {field} {early.get(field)}, later {final.get(field)}")
    early = [number for number in told if shown["single"][number]]
    if not early:
        lines.append("single pass: no record shows an enrolment")
    return lines


def fields_of(frame):
    fields = {}
    for name, value in frame.fields:
        # How experts look differs from program to program.
        if name.startswith("scepflow.") and name not in ("scepflow.error", "scepflow.warning", "scepflow.note"):
            fields.setdefault(name, []).append(str(value))
    return fields


# --- Local time ---

def shifted(log, seconds):
    """The octets of a CMTrace log whose clock shows so much more."""
    def move(match):
        hour, minute, second, month, day, year = (int(match.group(at)) for at in (2, 3, 4, 7, 8, 9))
        moment = datetime.datetime(year, month, day, hour, minute, second) + datetime.timedelta(seconds=seconds)
        return f'<![LOG[{match.group(1)}]LOG]!><time="{moment:%H:%M:%S}{match.group(5)}{match.group(6) or ""}"' \
               f' date="{moment.month}-{moment.day}-{moment.year}"{match.group(10)}>'
    return CMTRACE.sub(move, log.read_bytes().decode()).encode()


def check_local_time(merging, seconds):
    """CRP.log on a machine of another time zone: the same joins, with all that there is and with one other log or
    capture."""
    sample, lines = SAMPLES / "logs-healthy", []
    logs = peers.logs_of(sample)
    own = next(log for log in logs if has_local_time(log))
    cases = [([], logs)] + [([sample / f"{name}.pcapng"], logs) for name in ("device", "ndes")]
    cases += [([], [log, own]) for log in logs if log != own] + [([sample / "ndes.pcapng"], [own])]
    for captures, told in cases:
        truth = truth_of(sample, captures, told)
        truth = moved(truth, own, merging.write("crp/CRP.log", shifted(own, seconds)), seconds)
        frames, enrolments = merging.frames(merging.merged(captures + truth.logs), truth.logs)
        found = compare_all(enrolments, truth, frames)
        lines += [f"{[path.name for path in captures + told]}: {line}" for line in found]
    return lines


def moved(truth, old, new, seconds):
    """The same truth with a log of another machine in place of one."""
    read_log.cache_clear()
    told = [one._replace(records={new if log == old else log: own for log, own in one.records.items()})
            for one in truth.told]
    found = Truth([new if log == old else log for log in truth.logs], told, truth.scenario, truth.captures)
    found.offset = lambda log: seconds if log == new else 0
    return found


def check_named_zones(merging):
    """What the user says of the zone is taken when nothing else tells: not for logs that say it themselves."""
    crp, lines = REFERENCE / "crp/CRP.log", []
    late = SAMPLES / "logs-healthy/logs/crp/CRP.log"
    for log, name in ((crp, "+02:00"), (crp, "-03:30"), (crp, "Europe/Berlin"), (late, "Europe/Berlin")):
        begin = datetime.datetime.fromtimestamp(int(read_log(log)[0].time), UTC)
        fixed = re.fullmatch(r"([+-])(\d\d):(\d\d)", name)
        offset = int(f"{fixed[1]}{int(fixed[2]) * 3600 + int(fixed[3]) * 60}") if fixed else \
            int(zoneinfo.ZoneInfo(name).utcoffset(begin.replace(tzinfo=None)).total_seconds())
        path = merging.write("CRP.log", shifted(log, offset))
        done = merging.run.run(*zoned(path, name))
        enrolment = json.loads(done.stdout)
        shown = enrolment["logs"][0]
        lines += differ((shown["zone_basis"], shown["utc_offset"]), ("told", offset), f"{name}: zone",
                        "the preference; zoneinfo")
        lines += differ(enrolment["start"][:19], f"{begin:%Y-%m-%dT%H:%M:%S}", f"{name}: start",
                        "the log before the shift")
        lines += differ(done.stderr.decode(), "", f"{name}: on standard error", "it is a zone")
    for log, basis in ((REFERENCE / "ndes/NDESPlugin.log", "bias"), (REFERENCE / "ndes/u_ex160610.log", "utc")):
        shown = merging.report(log, preferences=[("scepflow.log_time_zone", "+02:00")])[0]["logs"][0]
        lines += differ((shown["zone_basis"], shown["utc_offset"]), (basis, 0), f"{log.name}: zone", "the log's own")
    return lines


def zoned(log, name):
    return ("tshark", "-n", "-r", log, "-q", "-z", "scep,json", "-o", f"scepflow.log_time_zone:{name}")


def check_unknown_zone(merging):
    lines, log = [], merging.run.readable(REFERENCE / "crp/CRP.log")
    for name in ("Europe/Nowhere", "+25:00", "noon"):
        done = merging.run.attempt(*zoned(log, name))
        if name.encode() not in done.stderr or b"log_time_zone" not in done.stderr:
            lines.append(f"{name}: standard error does not name it: {done.stderr!r}")
        shown = [json.loads(line)["logs"][0]["zone_basis"] for line in done.stdout.splitlines()]
        lines += differ(shown, ["assumed"], f"{name}: zone", "it is none")
    return lines


def near(shown, expected, what, road):
    """To the microsecond that reports have."""
    return [] if shown is not None and abs(shown - expected) < 2e-6 else differ(shown, expected, what, road)


def differ(shown, expected, what, road):
    if shown == expected:
        return []
    return [f"{what}\n      expected {cut(expected)} ({road})\n      got      {cut(shown)}"]


def cut(value):
    text = repr(value)
    return text[:600] + ("…" if text[600:] else "")
