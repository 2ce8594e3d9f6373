#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A firewall on the router that ends connections: when a TCP packet of more than OCTETS comes in, it sends a RST to
both ends, to each in the name of the other. Dropping the packet is left to nftables.

usage: middlebox.py INTERFACE OCTETS

Writes "ready", then a line of JSON for each RST.
"""
import json
import socket
import struct
import sys

ETHERNET, IPV4, TCP, OUTGOING = 14, 0x0800, 6, 4
RST_ACK, TIME_TO_LIVE = 0x14, 255


def checksum(octets):
    """RFC 1071."""
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def reset(source, target, seq, ack, identification):
    """The packet; source and target: address and port."""
    segment = struct.pack(">HHIIBBHHH", source[1], target[1], seq, ack, 5 << 4, RST_ACK, 0, 0, 0)
    covered = source[0] + target[0] + struct.pack(">HH", TCP, len(segment)) + segment
    segment = segment[:16] + struct.pack(">H", checksum(covered)) + segment[18:]
    # The kernel fills in the length and the checksum (raw(7)).
    header = 0x45, 0, 0, identification, 0, TIME_TO_LIVE, TCP, 0, source[0], target[0]
    return struct.pack(">BBHHHBBH4s4s", *header) + segment


def main():
    interface, limit = sys.argv[1], int(sys.argv[2])
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IPV4))
    heard.bind((interface, 0))
    said = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    ended, sent = set(), 0
    print("ready", flush=True)
    while True:
        frame, (_, _, kind, *_) = heard.recvfrom(65536)
        packet = frame[ETHERNET:]
        length = struct.unpack_from(">H", packet, 2)[0]
        if kind == OUTGOING or packet[9] != TCP or length <= limit:
            continue
        start = (packet[0] & 15) * 4
        source_port, target_port, seq, ack, offset = struct.unpack_from(">HHIIB", packet, start)
        client, server = (packet[12:16], source_port), (packet[16:20], target_port)
        if (client, server) in ended:
            continue
        ended.add((client, server))
        after = (seq + length - start - (offset >> 4) * 4) % 2**32
        for direction, source, target, number, other in (("to_device", server, client, ack, after),
                                                         ("to_wap", client, server, seq, ack)):
            sent += 1
            said.sendto(reset(source, target, number, other, sent), (socket.inet_ntoa(target[0]), 0))
            ends = [f"{socket.inet_ntoa(address)}:{port}" for address, port in (source, target)]
            print(json.dumps({"direction": direction, "from": ends[0], "to": ends[1], "ip_id": sent, "seq": number,
                              "ack": other, "flags": RST_ACK, "octets": 0}), flush=True)


if __name__ == "__main__":
    main()
