#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns the records of one end (NN.request, NN.response, NN.json) into a sample's truth/exchanges.json and its files.

usage: truth.py TRUTH-DIRECTORY RECORDS [OTHER-RECORDS]

RECORDS come from the device's curl or from the relay before the SCEP server.
With OTHER-RECORDS, what the other end saw must be found among them, byte for
byte: the web servers between the two may answer themselves, but change nothing.
Requests that curl did not get to send are no exchanges; when there are none, no
exchanges.json is written.
"""
import base64
import json
import pathlib
import re
import sys
import urllib.parse

RESPONSE_SUFFIX = {
    "application/x-pki-message": ".p7m",
    "application/x-x509-ca-cert": ".der",
    "application/x-x509-ca-ra-cert": ".p7b",
    "application/x-x509-next-ca-cert": ".p7m",
}


def decode_base64(text):
    """The message of a GET as clients write it: line ends, the URL alphabet, padding or none."""
    plain = re.sub(r"\s", "", text).replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def parameter(url, name):
    for part in urllib.parse.urlsplit(url).query.split("&"):
        key, _, value = part.partition("=")
        if key == name:
            return urllib.parse.unquote(value)
    return None


def load(path):
    """One exchange, from the relay's facts or from curl's; None when no request was sent."""
    facts = json.loads(path.read_text())
    if "url_effective" in facts:
        if not facts["size_request"]:
            return None
        facts = {"method": facts["method"], "url": facts["url_effective"],
                 "status": facts["response_code"] or None, "type": facts["content_type"]}
    operation, message = parameter(facts["url"], "operation"), parameter(facts["url"], "message")
    request, response = path.with_suffix(".request"), path.with_suffix(".response")
    body = request.read_bytes() if request.exists() else b""
    if operation == "PKIOperation" and not body and message is not None:
        body = decode_base64(message)
    return {"operation": operation, "method": facts["method"],
            "message": None if operation == "PKIOperation" else message,
            "status": facts["status"], "request": body or None,
            "response": (response.read_bytes() if response.exists() else b"") or None,
            "response_type": facts["type"]}


def load_all(directory):
    paths = sorted(pathlib.Path(directory).glob("[0-9]*.json"), key=lambda path: int(path.stem))
    return [exchange for exchange in map(load, paths) if exchange]


def response_suffix(exchange):
    if exchange["status"] != 200:
        return ".txt"
    return RESPONSE_SUFFIX.get((exchange["response_type"] or "").split(";")[0], ".txt")


def write(exchanges, truth):
    for number, exchange in enumerate(exchanges, 1):
        for key, suffix in ("request", ".p7m"), ("response", response_suffix(exchange)):
            if exchange[key] is not None:
                name = f"{number:02}-{key}{suffix}"
                (truth / name).write_bytes(exchange[key])
                exchange[key] = name
    (truth / "exchanges.json").write_text(json.dumps(exchanges, indent=1) + "\n")


def main():
    truth, records, *others = map(pathlib.Path, sys.argv[1:])
    if not any(records.glob("[0-9]*.json")):
        sys.exit(f"{records}: nothing was recorded")
    exchanges = load_all(records)
    for other in others:
        unseen = [exchange for exchange in load_all(other) if exchange not in exchanges]
        if unseen:
            sys.exit(f"{other}: {len(unseen)} exchanges differ from those in {records}, first {unseen[0]}")
    if exchanges:
        write(exchanges, truth)


if __name__ == "__main__":
    main()
