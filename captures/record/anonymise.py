#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""anonymise.py FILE.pcapng…: takes the recording machine's hardware and operating system out of pcapng headers
(draft-ietf-opsawg-pcapng: shb_hardware, shb_os, if_os), in place."""
import struct
import sys

SECTION, INTERFACE = 0x0A0D0D0A, 1
# Block type: where its options begin, and which of them go.
OPTIONS = {SECTION: (24, {2, 3}), INTERFACE: (16, {12})}


def without(options, unwanted):
    """The options list without those whose code is in `unwanted`."""
    kept, at = b"", 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from("<HH", options, at)
        whole = 4 + (length + 3) // 4 * 4
        if code not in unwanted:
            kept += options[at : at + whole]
        at += whole
        if code == 0:
            break
    return kept


def anonymise(data):
    out, at = b"", 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        block = data[at : at + length]
        if length < 12 or len(block) < length:
            raise ValueError(f"a block of {length} octets at {at}: not a whole little-endian pcapng file")
        if kind in OPTIONS:
            start, unwanted = OPTIONS[kind]
            body = block[8:start] + without(block[start:-4], unwanted)
            size = struct.pack("<I", len(body) + 12)
            block = struct.pack("<I", kind) + size + body + size
        out += block
        at += length
    return out


for name in sys.argv[1:]:
    with open(name, "rb") as file:
        recorded = file.read()
    with open(name, "wb") as file:
        file.write(anonymise(recorded))
