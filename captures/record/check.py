#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks a sample against its own truth with stock tshark and openssl.

usage: check.py SAMPLE…

The captures must show the requests that the peers logged, the TLS secrets must
open every session, openssl must read every message and the keys must open them,
but for what scenario.json excepts.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SIZE_LIMIT = 150_000  # unless the scenario has one of its own
NAMES = {None: "no envelope", True: "opened", False: "not opened"}


def tshark(capture, display_filter, *fields):
    """Rows of fields, by a tshark that knows neither plugins nor settings."""
    with tempfile.TemporaryDirectory() as home:
        command = ["tshark", "-r", str(capture), "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", display_filter,
                   "-T", "fields"]
        for field in fields:
            command += ["-e", field]
        environment = {"HOME": home, "PATH": os.environ["PATH"], "TZ": "UTC", "WIRESHARK_PLUGIN_DIR": home}
        text = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return [row.split("\t") for row in text.splitlines()]


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True)


def requests_in(capture):
    http1 = tshark(capture, "http.request", "http.request.method", "http.request.uri")
    http2 = tshark(capture, "http2.headers.method", "http2.headers.method", "http2.headers.path")
    return collections.Counter(tuple(row) for row in http1 + http2)


def logged(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def check_capture(sample, host, expected, problems):
    capture = sample / f"{host}.pcapng"
    if not capture.exists():
        return
    seen = requests_in(capture)
    # nginx logs neither method nor URI of a request line that is too long for it.
    unnamed = expected.pop(("", ""), 0)
    if (expected - seen) or seen.total() != expected.total() + unnamed:
        problems.append(f"{capture.name}: {seen.total()} requests, {expected.total() + unnamed} in the logs")
    answers = len(tshark(capture, "http.response or http2.headers.status", "frame.number"))
    sessions = len(tshark(capture, "tls.handshake.type == 1", "frame.number"))
    print(f"  {capture.name}: {seen.total()} requests, {answers} answers seen, {sessions} ClientHellos")


def check_captures(sample, problems):
    logs = sample / "truth" / "logs"
    ndes, wap, crp, intune, mdm = (
        collections.Counter((entry["method"], entry["uri"]) for entry in logged(logs / f"{host}-access.log"))
        for host in ("ndes", "wap", "crp", "intune", "mdm"))
    check_capture(sample, "ndes", ndes + crp + intune, problems)
    check_capture(sample, "crp", crp, problems)
    check_capture(sample, "wap", wap + ndes, problems)
    check_capture(sample, "device", (wap or ndes) + mdm, problems)


def check_calls(sample, problems):
    """What the policy module says it was answered, on which port, has to be in the capture of NDES."""
    calls = logged(sample / "truth" / "logs" / "policy-module.log")
    if not calls:
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
    if not made:
        return
    seen = collections.Counter(map(tuple, tshark(sample / "ndes.pcapng", "dcerpc.pkt_type == 0", "tcp.srcport",
                                                 "tcp.dstport", "dcerpc.opnum")))
    for entries, who in (made, "NDES"), (got, "the CA"):
        told = collections.Counter((entry["client"].split(":")[1], entry["server"].split(":")[1], str(entry["opnum"]))
                                   for entry in entries)
        if told != seen:
            problems.append(f"ndes.pcapng: {seen.total()} RPC requests, {told.total()} in the log of {who}")
    print(f"  {seen.total()} RPC requests")


def opened(message, keys):
    """Whether one of the keys opens the envelope in a message; None when there is no envelope."""
    with tempfile.TemporaryDirectory() as directory:
        inner, clear = pathlib.Path(directory, "inner"), pathlib.Path(directory, "clear")
        # NDES leaves its signer's certificate out of a CertRep; without an RA the CA signs.
        signers = [message.with_name(name) for name in ("ra-signing.crt", "ca.crt")]
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


def check_messages(sample, exchanges, scenario, problems):
    truth = sample / "truth"
    keys = {"request": [truth / "recipient.key"], "response": sorted(truth.glob("device*.key"))}
    for exchange in exchanges:
        for side in "request", "response":
            name = exchange[side] or ""
            if not name.endswith(".p7m"):
                continue
            readable = not openssl("cms", "-cmsout", "-inform", "DER", "-in", truth / name, "-noout").returncode
            if readable == (name in scenario.get("unreadable", ())):
                problems.append(f"{name}: openssl {'can' if readable else 'cannot'} read it")
            elif readable and exchange["operation"] == "PKIOperation":
                result = opened(truth / name, keys[side])
                print(f"  {name}: {NAMES[result]}")
                if (result is False) != (name in scenario.get("unopened", ())):
                    problems.append(f"{name}: {NAMES[result]}")


def main():
    failed = False
    for sample in map(pathlib.Path, sys.argv[1:]):
        print(sample)
        problems = []
        exchanges, scenario = (json.loads(path.read_text()) if path.exists() else nothing for path, nothing in (
            (sample / "truth" / "exchanges.json", []), (sample / "truth" / "scenario.json", {})))
        if not exchanges and not scenario:
            problems.append("truth says nothing")
        check_captures(sample, problems)
        check_calls(sample, problems)
        check_rpc(sample, problems)
        check_messages(sample, exchanges, scenario, problems)
        size = sum(file.stat().st_size for file in sample.rglob("*") if file.is_file())
        limit = scenario.get("size_limit", SIZE_LIMIT)
        if size > limit:
            problems.append(f"{size} bytes, more than {limit}")
        print(f"  {len(exchanges)} exchanges, {size} bytes")
        for problem in problems:
            print(f"  PROBLEM {problem}")
        failed |= bool(problems)
    sys.exit(failed)


if __name__ == "__main__":
    main()
