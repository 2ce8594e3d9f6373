#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks a sample against its own truth with stock tshark and openssl.

usage: check.py SAMPLE…

The captures must show the requests that the peers logged, the TLS secrets must
open every session, openssl must read every message and the keys must open them,
but for what scenario.json excepts.
"""
import collections
import datetime
import json
import pathlib
import re
import sys
import tempfile
import zoneinfo

import check_pairs
from stock import openssl, tshark

SIZE_LIMIT = 150_000  # unless the scenario has one of its own
PATIENCE = 3  # seconds for which a client of the samples waits in vain, at most
NAMES = {None: "no envelope", True: "opened", False: "not opened"}


def requests_in(capture):
    http1 = tshark(capture, "http.request", "http.request.method", "http.request.uri")
    http2 = tshark(capture, "http2.headers.method", "http2.headers.method", "http2.headers.path")
    return collections.Counter(tuple(row) for row in http1 + http2)


def logged(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def check_capture(sample, host, expected, problems, unlogged=0):
    capture = sample / f"{host}.pcapng"
    if not capture.exists():
        return
    seen = requests_in(capture)
    # nginx logs no URI of a request line that is too long for it, and nothing of a request that did not reach it.
    unnamed = unlogged + sum(expected.pop(key) for key in list(expected) if not key[1])
    if (expected - seen) or seen.total() != expected.total() + unnamed:
        problems.append(f"{capture.name}: {seen.total()} requests, {expected.total() + unnamed} in the logs")
    answers = len(tshark(capture, "http.response or http2.headers.status", "frame.number"))
    sessions = len(tshark(capture, "tls.handshake.type == 1", "frame.number"))
    print(f"  {capture.name}: {seen.total()} requests, {answers} answers seen, {sessions} ClientHellos")


def check_captures(sample, scenario, problems):
    logs = sample / "truth" / "logs"
    ndes, wap, crp, intune, mdm = (
        collections.Counter((entry["method"], entry["uri"]) for entry in logged(logs / f"{host}-access.log"))
        for host in ("ndes", "wap", "crp", "intune", "mdm"))
    check_capture(sample, "ndes", ndes + crp + intune, problems)
    check_capture(sample, "crp", crp, problems)
    check_capture(sample, "wap", wap + ndes, problems)
    check_capture(sample, "device", (wap or ndes) + mdm, problems, scenario.get("unlogged", 0))


def check_calls(sample, problems):
    """What the policy module says it was answered, on which port, has to be in the capture of NDES."""
    calls = logged(sample / "truth" / "logs" / "policy-module.log")
    if not calls or not (sample / "ndes.pcapng").exists():
        return
    told = collections.Counter((str(call["local_port"]), str(call["status"])) for call in calls if call["status"])
    # Those to the WAP are among them.
    seen = collections.Counter(map(tuple, tshark(sample / "ndes.pcapng", "http.response && tcp.srcport == 443",
                                                 "tcp.dstport", "http.response.code")))
    if told - seen:
        problems.append(f"ndes.pcapng: answers to the policy module are missing: {sorted(told - seen)}")
    print(f"  {len(calls)} calls of the policy module, {told.total()} answered")


def check_rpc(sample, problems):
    """The RPC requests that NDES says it made, and those that the CA says it got, have to be in the capture of NDES."""
    made, got = ([entry for entry in logged(sample / "truth" / "logs" / f"ca-{end}.log") if entry["opnum"] is not None]
                 for end in ("client", "server"))
    if not made or not (sample / "ndes.pcapng").exists():
        return
    seen = collections.Counter(map(tuple, tshark(sample / "ndes.pcapng", "dcerpc.pkt_type == 0", "tcp.srcport",
                                                 "tcp.dstport", "dcerpc.opnum")))
    for entries, who in (made, "NDES"), (got, "the CA"):
        told = collections.Counter((entry["client"].split(":")[1], entry["server"].split(":")[1], str(entry["opnum"]))
                                   for entry in entries)
        if told != seen:
            problems.append(f"ndes.pcapng: {seen.total()} RPC requests, {told.total()} in the log of {who}")
    print(f"  {seen.total()} RPC requests")


# --- the logs of the products ---

CMTRACE = re.compile(r'<!\[LOG\[.*?\]LOG\]!><time="([^"]+)" date="(\d+)-(\d+)-(\d+)".*?>\r\n', re.DOTALL)
TRACE = re.compile(r'<E2ETraceEvent .*?SystemTime="([^"]+)Z".*?</E2ETraceEvent>', re.DOTALL)


def records_in(path, clock):
    """Of each record in a log: its line, its number, its text, and when it was written by the clock of its host, in
    seconds since 1970. Nothing when there is something else in the log."""
    text = path.read_bytes().decode()
    if text.startswith("#"):
        lines = [line for line in enumerate(text.splitlines(), 1) if not line[1].startswith("#")]
        return [(line, number, body, utc(body[:19]) - clock["ahead"]) for number, (line, body) in enumerate(lines, 1)]
    found = list((TRACE if path.suffix == ".svclog" else CMTRACE).finditer(text))
    if "".join(match.group() for match in found) != text:
        return []
    return [(text.count("\n", 0, match.start()) + 1, number, match.group(),
             (utc(*match.groups()) if path.suffix == ".svclog" else local(*match.groups(), clock["time_zone"]))
             - clock["ahead"]) for number, match in enumerate(found, 1)]


def utc(text):
    whole = datetime.datetime.fromisoformat(text[:19]).replace(tzinfo=datetime.timezone.utc)
    return whole.timestamp() + float(text[19:] or 0)


def local(clock, month, day, year, zone):
    """With a bias, that is what to add for UTC, in minutes."""
    fraction, bias = re.fullmatch(r"(\.\d+)([+-]\d+)?", clock[8:]).groups()
    zone = datetime.timezone(datetime.timedelta(minutes=-int(bias))) if bias else zoneinfo.ZoneInfo(zone)
    told = datetime.datetime(int(year), int(month), int(day), *map(int, clock[:8].split(":")), tzinfo=zone)
    return told.timestamp() + float(fraction)


def connections_in(sample):
    """Of each connection, by address and port of its client: when it was there, and the status of each answer."""
    times, answers, answered = collections.defaultdict(list), collections.defaultdict(list), set()
    for capture in sorted(sample.glob("*.pcapng")):
        for time, *ends in tshark(capture, "tcp", "frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport"):
            for end in ends[:2], ends[2:]:
                times[tuple(end)].append(float(time))
            answered.add(tuple(ends[2:]))
        for address, port, status in tshark(capture, "http.response", "ip.dst", "tcp.dstport", "http.response.code"):
            answers[address, port].append(status)
    for end in set(times) - answered:
        # Who waits in vain has the last word when the captures say no more.
        times[end].append(max(times[end]) + PATIENCE)
    return times, answers


def check_logs(sample, told, scenario, problems):
    """Every record is told of; it was written while the connection of its request was there; and what IIS and HTTP.sys
    say of the answer is what the capture shows."""
    path = told / "log-joins.json"
    joins = json.loads(path.read_text()) if path.exists() else []
    if not joins:
        return
    times, answers = connections_in(sample)
    total = unseen = 0
    for log in sorted(sample.glob("logs/*/*")):
        name, clock = str(log.relative_to(sample)), scenario["clocks"][log.parent.name]
        records, told = records_in(log, clock), [join for join in joins if join["file"] == name]
        total += len(records)
        if [record[:2] for record in records] != [(join["line"], join["record"]) for join in told]:
            problems.append(f"{name}: its records are not those that are told of")
        for (line, _, body, time), join in zip(records, told):
            end = join["client"], str(join["client_port"])
            if end not in times:
                unseen += 1
                continue
            # IIS and HTTP.sys tell whole seconds; the stand-ins write a little before SYN and after FIN.
            in_seconds = body[:1].isdigit()
            if not min(times[end]) - (1 if in_seconds else 0.2) < time < max(times[end]) + 0.2:
                problems.append(f"{name}:{line}: its request was at another time")
            if in_seconds and f" {answers[end][join['request_of_connection'] - 1]} " not in body:
                problems.append(f"{name}:{line}: the capture shows another status")
    if total != len(joins):
        problems.append(f"{len(joins)} records are told of, {total} are there")
    print(f"  {total} records of the products' logs, {unseen} of them of requests that no capture shows")


# --- messages ---

def opened(message, truth, keys):
    """Whether one of the keys opens the envelope in a message; None when there is no envelope."""
    with tempfile.TemporaryDirectory() as directory:
        inner, clear = pathlib.Path(directory, "inner"), pathlib.Path(directory, "clear")
        # NDES leaves its signer's certificate out of a CertRep; without an RA the CA signs.
        signers = [truth / name for name in ("ra-signing.crt", "ca.crt")]
        more = next((["-certfile", signer] for signer in signers if signer.exists()), [])
        openssl("cms", "-verify", "-noverify", *more, "-inform", "DER", "-in", message, "-out", inner)
        if not inner.exists() or inner.stat().st_size <= 1:
            return None
        return any(decrypts(inner, key, clear) for key in keys)


def decrypts(envelope, key, clear):
    """Whether something sensible comes out: a wrong key may give random octets, which openssl does not mind."""
    if openssl("cms", "-decrypt", "-inform", "DER", "-in", envelope, "-inkey", key, "-out", clear,
               "-provider", "default", "-provider", "legacy").returncode:
        return False
    data = clear.read_bytes()
    # A SEQUENCE: PKCS #10, SignedData, IssuerAndSubject and the like.
    if data[:1] != b"\x30" or len(data) < 2:
        return False
    octets = data[1] - 0x80 if data[1] > 0x80 else 0
    length = int.from_bytes(data[2:2 + octets], "big") if octets else data[1]
    # Of indefinite length, or as long as it says.
    return data[1] == 0x80 or len(data) == 2 + octets + length


def check_messages(truth, messages, exchanges, scenario, problems):
    keys = {"request": [truth / "recipient.key"], "response": sorted(truth.glob("device*.key"))}
    for exchange in exchanges:
        for side in "request", "response":
            name = exchange[side] or ""
            if not name.endswith(".p7m"):
                continue
            readable = not openssl("cms", "-cmsout", "-inform", "DER", "-in", messages / name, "-noout").returncode
            if readable == (name in scenario.get("unreadable", ())):
                problems.append(f"{name}: openssl {'can' if readable else 'cannot'} read it")
            elif readable and exchange["operation"] == "PKIOperation":
                result = opened(messages / name, truth, keys[side])
                print(f"  {name}: {NAMES[result]}")
                if (result is False) != (name in scenario.get("unopened", ())):
                    problems.append(f"{name}: {NAMES[result]}")


def check_peers(sample, problems):
    """The limit of the sample's size. Of pairs, what the peers say of a single capture has a folder of its own."""
    truth = sample / "truth"
    told = truth / "peers" if (truth / "peers").is_dir() else truth
    exchanges, scenario = (json.loads(path.read_text()) if path.exists() else nothing for path, nothing in (
        (told / "exchanges.json", []), (told / "scenario.json", {})))
    if not exchanges and not scenario:
        problems.append("truth says nothing")
    check_captures(sample, scenario, problems)
    check_calls(sample, problems)
    check_rpc(sample, problems)
    check_logs(sample, told, scenario, problems)
    check_messages(truth, told, exchanges, scenario, problems)
    print(f"  {len(exchanges)} exchanges")
    return scenario.get("size_limit", SIZE_LIMIT)


def main():
    failed = False
    for sample in map(pathlib.Path, sys.argv[1:]):
        print(sample)
        problems, limit = [], SIZE_LIMIT
        pairs = check_pairs.read(sample)
        if pairs is None or not pairs["recorded_as"]:
            limit = check_peers(sample, problems)
        if pairs is not None:
            problems += check_pairs.check(sample, pairs)
            limit = max(limit, check_pairs.SIZE_LIMIT)
        size = sum(file.stat().st_size for file in sample.rglob("*") if file.is_file())
        if size > limit:
            problems.append(f"{size} bytes, more than {limit}")
        print(f"  {size} bytes")
        for problem in problems:
            print(f"  PROBLEM {problem}")
        failed |= bool(problems)
    sys.exit(failed)


if __name__ == "__main__":
    main()
