#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks a sample against its own truth with stock tshark and openssl.

usage: check.py SAMPLE…

The captures must show the requests that the peers logged, the TLS secrets must
open every session, openssl must read every message and the keys must open them.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SIZE_LIMIT = 150_000
NAMES = {None: "no envelope", True: "opened", False: "not opened"}


def tshark(capture, display_filter, *fields):
    """Rows of fields, by a tshark that knows neither plugins nor settings."""
    with tempfile.TemporaryDirectory() as home:
        command = ["tshark", "-r", str(capture), "-Y", display_filter, "-T", "fields"]
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
    ndes, wap = ([(entry["method"], entry["uri"]) for entry in logged(logs / f"{host}-access.log")]
                 for host in ("ndes", "wap"))
    check_capture(sample, "ndes", collections.Counter(ndes), problems)
    check_capture(sample, "wap", collections.Counter(wap) + collections.Counter(ndes), problems)
    check_capture(sample, "device", collections.Counter(wap or ndes), problems)


def opened(message, keys):
    """Whether one of the keys opens the envelope in a message; None when there is no envelope."""
    with tempfile.TemporaryDirectory() as directory:
        inner, clear = pathlib.Path(directory, "inner"), pathlib.Path(directory, "clear")
        # NDES leaves its signer's certificate out of a CertRep.
        signer = message.with_name("ra-signing.crt")
        more = ["-certfile", signer] if signer.exists() else []
        openssl("cms", "-verify", "-noverify", *more, "-inform", "DER", "-in", message, "-out", inner)
        if not inner.exists() or inner.stat().st_size <= 1:
            return None
        return any(openssl("cms", "-decrypt", "-inform", "DER", "-in", inner, "-inkey", key, "-out", clear,
                           "-provider", "default", "-provider", "legacy").returncode == 0 for key in keys)


def check_messages(sample, exchanges, problems):
    truth = sample / "truth"
    keys = {"request": [truth / "recipient.key"], "response": sorted(truth.glob("device*.key"))}
    for exchange in exchanges:
        for side in "request", "response":
            name = exchange[side] or ""
            if not name.endswith(".p7m"):
                continue
            if openssl("cms", "-cmsout", "-inform", "DER", "-in", truth / name, "-noout").returncode:
                problems.append(f"{name}: openssl cannot read it")
            elif exchange["operation"] == "PKIOperation":
                result = opened(truth / name, keys[side])
                print(f"  {name}: {NAMES[result]}")
                if result is False:
                    problems.append(f"{name}: no key opens it")


def main():
    failed = False
    for sample in map(pathlib.Path, sys.argv[1:]):
        print(sample)
        problems = []
        exchanges = json.loads((sample / "truth" / "exchanges.json").read_text())
        check_captures(sample, problems)
        check_messages(sample, exchanges, problems)
        size = sum(file.stat().st_size for file in sample.rglob("*") if file.is_file())
        if size > SIZE_LIMIT:
            problems.append(f"{size} bytes, more than {SIZE_LIMIT}")
        print(f"  {len(exchanges)} exchanges, {size} bytes")
        for problem in problems:
            print(f"  PROBLEM {problem}")
        failed |= bool(problems)
    sys.exit(failed)


if __name__ == "__main__":
    main()
