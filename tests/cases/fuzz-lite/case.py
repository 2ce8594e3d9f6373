# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages with flipped bits (always the same ones): no crash, no dissector bug, and the rest of the file is decoded."""

import random

import broken

VARIANTS = 150


def units(run, folder):
    return [message.name for message in broken.messages(broken.algorithms)]


def check(run, folder, unit):
    message = broken.named(unit, broken.algorithms)
    chance = random.Random(8894)
    data = broken.encoded(message)
    path = run.scratch / f"fuzz-{unit}.pcap"
    frames = broken.write(run, path, message, [flipped(data, chance) for _ in range(VARIANTS)])
    path.chmod(0o644)
    lines = []
    for way in ("single", "two-pass"):
        fields = broken.shown(run, path, message, way, frames)
        lines += broken.whole(message, fields[-1], way)
        lines += [f"{way}, frame {number}: scep.operation is not shown" for number, part in zip(frames, fields)
                  if ("scep.operation", message.operation) not in part]
    path.unlink()
    return lines


def flipped(data, chance):
    """The data with one to eight bits flipped; half of the time near its beginning, where the structure is."""
    octets = bytearray(data)
    reach = len(octets) if chance.random() < 0.5 else min(len(octets), 200)
    for _ in range(chance.randint(1, 8)):
        octets[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return bytes(octets)
