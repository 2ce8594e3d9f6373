# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures full of damaged messages: one message of every kind in the samples, and exchanges that carry variants."""

import base64
import functools
import json
import urllib.parse
from collections import namedtuple

import keys
import oracle
import packets
from harness import FIELD_TYPES, compare, samples

# One message to damage. way: "post" or "get" (a request), "response".
Message = namedtuple("Message", "name way operation data content_type sample")

LINKS = ("scep.request_in", "scep.response_in", "scep.time")


def structure(message):
    """What tells kinds of messages apart as a parser meets them: the encoding, and whether there is an envelope. Of
    requests only those that hold a PKCS #10."""
    outline = oracle.outline(message.data)
    if outline and outline[0] in ("20", "21", "22"):
        return None
    return message.way, message.operation, message.data[1] == 0x80, len(outline) > 2


def algorithms(message):
    """Message type, status and algorithms too."""
    return message.way, message.operation, message.data[1] == 0x80, *oracle.outline(message.data)


@functools.lru_cache(maxsize=None)
def messages(kind_of):
    """The smallest message of each kind in all samples."""
    kinds = {}
    for sample in samples():
        for exchange in json.loads((sample / "truth/exchanges.json").read_text()):
            for way, side in ("post", "request"), ("response", "response"):
                if exchange["status"] == 200 and exchange[side] and exchange["operation"] not in (None, "GetCACaps"):
                    message = Message(f"{sample.name}-{exchange[side]}", way, exchange["operation"],
                                      (sample / "truth" / exchange[side]).read_bytes(), exchange["response_type"], sample)
                    kind = kind_of(message)
                    if kind and (kind not in kinds or len(message.data) < len(kinds[kind].data)):
                        kinds[kind] = message
    found = list(kinds.values())
    # The same by GET, where base64 may end anywhere: one kind is enough.
    return found + [message._replace(name=f"{message.name}-get", way="get") for message in found if message.way == "post"][:1]


def named(name, kind_of):
    return next(message for message in messages(kind_of) if message.name == name)


def facts(message, way):
    """What the whole message shows. Only the second pass is given the sample's keys: opening takes its time."""
    key_files = keys.files(message.sample) if way == "two-pass" else []
    found = [oracle.Fact("scep.operation", message.operation, "exchanges.json")]
    return found + oracle.body_facts(message.operation, message.data, key_files, False, message.name)


def encoded(message):
    """The octets that travel: base64 for a GET."""
    return base64.b64encode(message.data) if message.way == "get" else message.data


def write(run, path, message, variants):
    """A capture with each variant of a message on its own connection, and the whole message in the end.
    Returns the frames that carry them, in the same order."""
    empty = packets.http_response("application/x-pki-message", b"")
    with packets.CaptureWriter(path) as capture:
        frames = []
        for variant in [*variants, encoded(message)]:
            target = f"/certsrv/mscep/mscep.dll?operation={message.operation}"
            if message.way == "post":
                asked, answered = capture.exchange(packets.http_request("POST", target, variant), empty)
            elif message.way == "get":
                target += "&message=" + urllib.parse.quote(variant, safe="")
                asked, answered = capture.exchange(packets.http_request("GET", target), empty)
            else:
                method = "POST" if message.operation == "PKIOperation" else "GET"
                asked, answered = capture.exchange(packets.http_request(method, target),
                                                   packets.http_response(message.content_type or "application/octet-stream", variant))
            frames.append(answered if message.way == "response" else asked)
    return frames


def shown(run, path, message, way, frames):
    """What each of these frames shows, as (field, value) pairs."""
    preferences = keys.preferences(run, message.sample) if way == "two-pass" else ()
    dissected = {frame.number: frame for frame in run.dissect(path, way, preferences)}
    return [[(name, value) for name, value in dissected[number].fields if name in FIELD_TYPES and name not in LINKS]
            if number in dissected else [] for number in frames]


def whole(message, fields, way):
    """Failure lines when the last, undamaged message is not shown in full: the damage must not outlive its frame."""
    return compare(facts(message, way), fields, f"{way}, undamaged message at the end")
