# SPDX-License-Identifier: GPL-2.0-or-later
"""A private key opens every envelope, whichever of its primes is the larger (RFC 8017 3.2 leaves that open): libgcrypt
wants one order, and fails with the other in a few of a thousand decryptions, never the same ones."""

import json
import re

import broken
import oracle
from harness import samples

COPIES = 600
ORDERS = {"first prime smaller": lambda first, second: first < second,
          "first prime larger": lambda first, second: first > second}


def units(run, folder):
    return list(ORDERS)


def check(run, folder, unit):
    message, key = find(ORDERS[unit])
    path = run.scratch / f"key-primes-{unit.replace(' ', '-')}.pcap"
    frames = broken.write(run, path, message, [message.data] * COPIES)
    path.chmod(0o644)
    preferences = [("scep.private_key", str(run.readable(key)))]
    opened = dict(frame_and_value.split("\t") for frame_and_value in run.tshark(
        path, "-Y", "scep.envelope_opened", "-T", "fields", "-e", "frame.number", "-e", "scep.envelope_opened",
        preferences=preferences).decode().splitlines())
    path.unlink()
    shut = [number for number in frames if opened.get(str(number)) not in ("1", "True")]
    return [f"{len(shut)} of {len(frames)} copies of {message.name} are not opened with {key.name}, which opens it "
            f"(openssl cms -decrypt): frames {shut[:10]}"] if shut else []


def find(fits):
    """A successful CertRep of the samples and the device's key that opens it, whose primes have this order."""
    for sample in samples():
        key = sample / "truth/device.key"
        if not key.is_file() or not fits(*primes(key)):
            continue
        for exchange in json.loads((sample / "truth/exchanges.json").read_text()):
            if exchange["operation"] == "PKIOperation" and exchange["status"] == 200 and exchange["response"]:
                data = (sample / "truth" / exchange["response"]).read_bytes()
                if oracle.open_envelope(oracle.SignedData(data).content(), [key]):
                    return broken.Message(f"{sample.name}-{exchange['response']}", "response", "PKIOperation", data,
                                          exchange["response_type"], sample), key
    raise oracle.NotSuch("no sample has a device.key whose primes have this order")


def primes(key):
    """openssl's prime1 and prime2 of a key."""
    text = oracle.openssl("rsa", "-in", str(key), "-noout", "-text").decode()
    return [int(re.sub(r"[\s:]", "", digits), 16) for digits in re.findall(r"prime[12]:\n((?:\s+[0-9a-f:]+\n)+)", text)]
