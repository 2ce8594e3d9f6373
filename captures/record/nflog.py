#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells of each packet that nftables logs to one of the groups (log group N): a line of JSON, at once.

usage: nflog.py GROUP…

The first line is "ready". See linux/netfilter/nfnetlink_log.h.
"""
import json
import socket
import struct
import sys

NETLINK_NETFILTER, SUBSYSTEM, PACKET, CONFIG = 12, 4, 0, 1
COMMAND, MODE, THRESHOLD = 1, 2, 5  # attributes of CONFIG
BIND, WHOLE_PACKETS = 1, 2
PAYLOAD = 9  # attribute of PACKET
REQUEST, ACKNOWLEDGE, ERROR = 1, 4, 2
HEADER = 20  # of netlink, and of netfilter behind it


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def listen(link, group):
    """Has the kernel tell of each packet when it comes, rather than of many together."""
    for attributes in (attribute(COMMAND, bytes([BIND])),
                       attribute(MODE, struct.pack(">IBB", 0xFFFF, WHOLE_PACKETS, 0)) +
                       attribute(THRESHOLD, struct.pack(">I", 1))):
        kind, flags = SUBSYSTEM << 8 | CONFIG, REQUEST | ACKNOWLEDGE
        link.send(struct.pack("=IHHII", HEADER + len(attributes), kind, flags, 0, 0) +
                  struct.pack(">BBH", socket.AF_INET, 0, group) + attributes)
        answer = link.recv(65536)
        kind, error = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
        if kind != ERROR or error:
            sys.exit(f"the kernel refuses to log group {group}: {error}")


def messages_in(data):
    """Type and body of each."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        yield kind, data[at + 16:at + length]
        at += (length + 3) // 4 * 4


def attributes_in(data):
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        yield kind, data[at + 4:at + length]
        at += (length + 3) // 4 * 4


def told(group, packet):
    """What identifies a TCP segment, of its IPv4 packet."""
    start = (packet[0] & 15) * 4
    source, target, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", packet, start)
    total, ip_id = struct.unpack_from(">HH", packet, 2)
    return {"group": group, "from": f"{socket.inet_ntoa(packet[12:16])}:{source}",
            "to": f"{socket.inet_ntoa(packet[16:20])}:{target}", "ip_id": ip_id, "seq": seq, "ack": ack, "flags": flags,
            "octets": total - start - (offset >> 4) * 4}


def main():
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    link.bind((0, 0))
    for group in map(int, sys.argv[1:]):
        listen(link, group)
    print("ready", flush=True)
    while True:
        for kind, body in messages_in(link.recv(1 << 18)):
            if kind == SUBSYSTEM << 8 | PACKET:
                group = struct.unpack_from(">H", body, 2)[0]
                print(json.dumps(told(group, dict(attributes_in(body[4:]))[PAYLOAD])), flush=True)


if __name__ == "__main__":
    main()
