# SPDX-License-Identifier: GPL-2.0-or-later
"""The challenge password of an opened request is nowhere in the output unless the user asked for secrets. Of what lies
behind NDES, where it goes in clear inside TLS, see cases/behind."""

import json
import re

import keys
import oracle
from harness import samples


def units(run, folder):
    return [sample.name for sample in samples()
            if (sample / "truth/challenge").is_file() and captures(sample) and has_password(sample)]


def captures(sample):
    """Those that see no call to a registration point, whose body Wireshark shows as it came."""
    found = sorted(sample.glob("*.pcapng"))
    if (sample / "truth/logs/policy-module.log").is_file():
        return [capture for capture in found if capture.stem in ("device", "wap")]
    return found


def has_password(sample):
    """Whether a request holds a password that its recipient's key brings to light."""
    truth = sample / "truth"
    return any(fact.field == "scep.challenge_password"
               for exchange in json.loads((truth / "exchanges.json").read_text()) if exchange["request"]
               for fact in oracle.request_message(exchange, truth, keys.files(sample)))


def check(run, folder, unit):
    sample = next(sample for sample in samples() if sample.name == unit)
    capture = captures(sample)[0]
    challenge = (sample / "truth/challenge").read_bytes().strip()
    given = keys.preferences(run, sample)
    # Details and the octets of every data source; PDML has the octets of every field.
    text = run.tshark(capture, "-V", "-x", preferences=given)
    pdml = run.tshark(capture, "-2", "-T", "pdml", preferences=given)
    places = {"details": challenge in text, "octets": challenge in octets(text), "PDML": challenge in pdml,
              "octets of a field": challenge.hex().encode() in pdml}
    lines = [f"the hidden password is in the {place}" for place, seen in places.items() if seen]
    # Otherwise there was no password to hide.
    if b"[hidden]" not in text or b"[hidden]" not in pdml:
        lines.append("no request was opened: [hidden] is not shown")
    return lines


def octets(text):
    """What the hex dumps hold."""
    rows = re.findall(rb"^[0-9a-f]{4,8}  ((?:[0-9a-f]{2} ?)+)", text, re.MULTILINE)
    return b"".join(bytes.fromhex(row.decode()) for row in rows)
