#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes of a recorded pair of captures another one, of which it is known to the nanosecond what is different.

usage: rewrite_pair.py RECORDED TARGET OPERATION…

RECORDED and TARGET are folders of samples, which may be the same. Operations, in their order:
  clock:HOST,SECONDS,PPM       the clock of HOST is ahead by SECONDS at its first packet, and gains PPM
  step:HOST,SECONDS,WHERE      it is set forward by SECONDS; WHERE is 3 for the middle of the third connection between
                               device and WAP, 3.5 for the pause after it
  delay:SEED,THERE,BACK,JITTER the path from device to WAP takes THERE milliseconds more, that from WAP to device BACK,
                               and each packet up to a few times JITTER more
  duplicates:HOST,SEED         each packet is recorded two or three times, within microseconds
  truncated:HOST,OCTETS        no more of a packet is recorded
  lengthless:HOST              every other segment that is longer than its link carries has the total length 0 in its
                               IPv4 header, and no header checksum
  sequence:HOST,SEED           something between device and WAP changes the sequence numbers of both sides
TARGET/truth/pairs.json says what was done, besides all that RECORDED's says.
"""
import json
import pathlib
import random
import statistics
import struct
import sys

import pairs

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
NAME, RESOLUTION = 2, 9  # options of interfaces
ETHERNET, OUTSIDE = 14, "wap-outside"
ACK, SACK = 0x10, 5
BILLION = 1_000_000_000


class Packet:
    """One record. time: ns since 1970, by the clock of its host."""

    def __init__(self, interface, time, octets, length, options):
        self.interface, self.time, self.octets, self.length, self.options = interface, time, octets, length, options

    def copy(self, time):
        return Packet(self.interface, time, self.octets, self.length, self.options)


class Capture:
    """A little-endian pcapng file of one section, in nanoseconds, as dumpcap and editcap write it here."""

    def __init__(self, path):
        self.head, self.packets, self.interfaces = [], [], []
        data, at = path.read_bytes(), 0
        while at < len(data):
            kind, length = struct.unpack_from("<II", data, at)
            body = data[at + 8:at + length - 4]
            at += length
            if kind == PACKET:
                self.packets.append(self.packet(body))
            elif kind != STATISTICS:  # whose times would not be true any more
                self.head.append((kind, body))
            if kind == INTERFACE:
                options = dict(options_of(body[8:]))
                self.interfaces.append(options[NAME].decode())
                if options.get(RESOLUTION) != b"\x09":
                    sys.exit(f"{path}: not in nanoseconds")

    @staticmethod
    def packet(body):
        interface, high, low, captured, length = struct.unpack_from("<IIIII", body)
        end = 20 + captured
        return Packet(interface, high << 32 | low, body[20:end], length, body[end + -captured % 4:])

    def limit(self, octets):
        """What the interfaces say that they record of a packet."""
        self.head = [(kind, body[:4] + struct.pack("<I", octets) + body[8:] if kind == INTERFACE else body)
                     for kind, body in self.head]

    def write(self, path):
        with open(path, "wb") as file:
            for kind, body in self.head:
                file.write(block(kind, body))
            for packet in self.packets:
                captured = len(packet.octets)
                body = struct.pack("<IIIII", packet.interface, packet.time >> 32, packet.time & 0xFFFFFFFF, captured,
                                   packet.length)
                file.write(block(PACKET, body + packet.octets + bytes(-captured % 4) + packet.options))


def block(kind, body):
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def options_of(data):
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        yield code, data[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


class Segment:
    """TCP in IPv4 in Ethernet, as a packet has it; None of `of` when it is something else."""

    def __init__(self, octets):
        self.start = ETHERNET + (octets[ETHERNET] & 15) * 4
        self.source, self.target = octets[26:30], octets[30:34]
        self.source_port, self.target_port, self.seq, self.ack, offset, self.flags = struct.unpack_from(
            ">HHIIBB", octets, self.start)
        self.payload = self.start + (offset >> 4) * 4

    @staticmethod
    def of(packet):
        octets = packet.octets
        return Segment(octets) if octets[12:14] == b"\x08\x00" and octets[23] == 6 else None

    def ends(self):
        """Sender and receiver as pairs.json writes them."""
        return tuple(f"{'.'.join(map(str, address))}:{port}" for address, port in
                     ((self.source, self.source_port), (self.target, self.target_port)))


class Pair:
    """The captures of a sample and what is known of them."""

    def __init__(self, folder):
        self.facts = json.loads((folder / "truth" / "pairs.json").read_text())
        self.captures = {host: Capture(folder / f"{host}.pcapng") for host in self.facts["captures"]}

    def clock(self, host, seconds, ppm):
        """In integers, so that the file has what its truth says."""
        packets, ahead, gain = self.captures[host].packets, round(float(seconds) * BILLION), round(float(ppm) * 1000)
        since = packets[0].time
        for packet in packets:
            packet.time += ahead + (packet.time - since) * gain // BILLION
        self.facts["clocks"][host] |= {"ahead_ns": ahead, "drift_ppm": gain / 1000, "since_ns": since}

    def step(self, host, seconds, where):
        size, moment = round(float(seconds) * BILLION), self.moment(host, float(where))
        for packet in self.captures[host].packets:
            packet.time += size if packet.time >= moment else 0
        self.facts["clocks"][host]["steps"].append({"at_ns": moment, "size_ns": size})

    def moment(self, host, where):
        """Between two packets: of a connection, or of two that follow each other."""
        number = int(where)
        times = self.times_of(host, number)
        if where == number:
            before, after = times[len(times) // 2 - 1:len(times) // 2 + 1]
        else:
            before, after = times[-1], self.times_of(host, number + 1)[0]
        return (before + after) // 2

    def times_of(self, host, number):
        ends = self.facts["connections"][number - 1]["device" if host == "device" else "wap"]
        return [packet.time for packet in self.captures[host].packets
                if (segment := Segment.of(packet)) and set(segment.ends()) == set(ends.values())]

    def delay(self, *numbers):
        """A packet that arrives later makes all later that its receiver did after it: each host keeps the order of what
        it saw, and the time that it took from one thing to the next."""
        seed, there, back, jitter = map(float, numbers)
        source = random.Random(int(seed))
        crossing, delays, last, arrived = self.crossings(), {}, {}, {}
        for old, host, packet in sorted(((packet.time, host, packet) for host in ("device", "wap")
                                         for packet in self.captures[host].packets), key=lambda event: event[0]):
            before, now = last.get(host, (old, old))
            if id(packet) in arrived:
                sent = arrived[id(packet)]
                path = round((there if host == "wap" else back) * 1e6 + source.expovariate(1) * jitter * 1e6)
                packet.time = max(sent.time + path, now + 1000)
                self.keep_delay(delays, packet, host, packet.time - sent.time)
            else:
                packet.time = now + old - before
                if id(packet) in crossing:
                    arrived[id(crossing[id(packet)])] = packet
            last[host] = old, packet.time
        self.facts["delays"] = {direction: {client: spread(values) for client, values in by_client.items()}
                                for direction, by_client in delays.items()}

    def crossings(self):
        """What device and WAP have both seen: the later one by the earlier one, as they have one clock."""
        found, outside = {}, self.captures["wap"].interfaces.index(OUTSIDE)
        others = {}
        for packet in self.captures["wap"].packets:
            if packet.interface == outside:
                others.setdefault(packet.octets, []).append(packet)
        for packet in self.captures["device"].packets:
            twin = others[packet.octets].pop(0)
            first, second = sorted((packet, twin), key=lambda one: one.time)
            found[id(first)] = second
        return found

    @staticmethod
    def keep_delay(delays, packet, host, delay):
        segment = Segment.of(packet)
        if segment:
            direction, client = ("to_wap", 0) if host == "wap" else ("to_device", 1)
            delays.setdefault(direction, {}).setdefault(segment.ends()[client], []).append(delay)

    def duplicates(self, host, seed):
        source, capture, found = random.Random(int(seed)), self.captures[host], []
        for packet in capture.packets:
            time = packet.time
            found.append(packet)
            for _ in range(source.choice((1, 2))):
                time += source.randint(300, 4000)
                found.append(packet.copy(time))
        self.facts["copies"] = {host: len(found) - len(capture.packets)}
        capture.packets = sorted(found, key=lambda packet: packet.time)

    def truncated(self, host, octets):
        capture, octets = self.captures[host], int(octets)
        for packet in capture.packets:
            packet.octets = packet.octets[:octets]
        capture.limit(octets)
        self.facts["cut_at"] = {host: octets}

    def lengthless(self, host):
        count = 0
        for packet in self.captures[host].packets:
            if Segment.of(packet) and packet.length > ETHERNET + 1500:
                if count % 2 == 0:
                    packet.octets = changed(changed(packet.octets, 16, bytes(2)), 24, bytes(2))
                count += 1
        self.facts["without_length"] = {host: (count + 1) // 2}

    def sequence(self, host, seed):
        source, added = random.Random(int(seed)), {}
        for connection in self.facts["connections"]:
            client, server = connection["wap"]["client"], connection["wap"]["server"]
            added[client, server], added[server, client] = source.getrandbits(32), source.getrandbits(32)
        for packet in self.captures[host].packets:
            segment = Segment.of(packet)
            if segment and segment.ends() in added:
                packet.octets = renumbered(packet.octets, segment, added[segment.ends()], added[segment.ends()[::-1]])
        self.facts["sequence_added"] = {host: {client: [added[client, server], added[server, client]]
                                               for client, server in list(added)[::2]}}


def spread(values):
    return {"packets": len(values), "min_ns": min(values), "median_ns": statistics.median_low(values),
            "max_ns": max(values)}


def changed(octets, at, by):
    return octets[:at] + by + octets[at + len(by):]


def renumbered(octets, segment, own, other):
    """With other sequence numbers in header and SACK blocks, and the checksum that belongs to it."""
    octets = changed(octets, segment.start + 4, word(segment.seq + own))
    if segment.flags & ACK:
        octets = changed(octets, segment.start + 8, word(segment.ack + other))
    at = segment.start + 20
    while at < segment.payload and octets[at] != 0:
        kind, length = octets[at], 1 if octets[at] == 1 else octets[at + 1]
        if kind == SACK:
            for edge in range(at + 2, at + length, 4):
                octets = changed(octets, edge, word(struct.unpack_from(">I", octets, edge)[0] + other))
        at += length
    octets = changed(octets, segment.start + 16, bytes(2))
    end = ETHERNET + struct.unpack_from(">H", octets, 16)[0]
    covered = octets[26:34] + struct.pack(">HH", 6, end - segment.start) + octets[segment.start:end]
    return changed(octets, segment.start + 16, struct.pack(">H", checksum(covered)))


def word(number):
    return struct.pack(">I", number & 0xFFFFFFFF)


def checksum(octets):
    """RFC 1071."""
    total = sum(struct.unpack(f">{(len(octets) + 1) // 2}H", octets + bytes(len(octets) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main():
    recorded, target, *operations = sys.argv[1:]
    recorded, target = pathlib.Path(recorded), pathlib.Path(target)
    pair = Pair(recorded)
    for operation in operations:
        name, _, arguments = operation.partition(":")
        getattr(pair, name)(*arguments.split(","))
    pair.facts["rewritten"] += operations
    if recorded != target:
        pair.facts["recorded_as"] = recorded.name
        (target / "truth").mkdir(parents=True)
    for host, capture in pair.captures.items():
        capture.write(target / f"{host}.pcapng")
    pairs.write(target / "truth" / "pairs.json", pair.facts)


if __name__ == "__main__":
    main()
