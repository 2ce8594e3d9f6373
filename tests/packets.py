# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes captures of made-up HTTP exchanges, each on its own TCP connection (pcap, Ethernet, IPv4)."""

import struct

CLIENT, SERVER = bytes([192, 0, 2, 10]), bytes([203, 0, 113, 5])
# What one IPv4 packet carries; larger messages take several segments.
SEGMENT = 60000


class CaptureWriter:
    """A capture file under construction. Each method that adds packets returns the number of the last frame."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        self.frames = self.connections = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def exchange(self, request, response):
        """One request and its response on a new connection: the frame numbers where each ends."""
        # Addresses count up with the ports, so that no connection looks like an earlier one.
        client = CLIENT[:2] + struct.pack(">H", 1 + self.connections // 50000)
        port = 10000 + self.connections % 50000
        self.connections += 1
        there, back = (client, SERVER, port, 80), (SERVER, client, 80, port)
        self._segment(there, 1000, 0, 0x02)
        self._segment(back, 5000, 1001, 0x12)
        asked = self._data(there, 1001, 5001, request)
        answered = self._data(back, 5001, 1001 + len(request), response)
        return asked, answered

    def _data(self, ends, sequence, acknowledged, payload):
        for start in range(0, len(payload), SEGMENT):
            self._segment(ends, sequence + start, acknowledged, 0x18, payload[start:start + SEGMENT])
        return self.frames

    def _segment(self, ends, sequence, acknowledged, flags, payload=b""):
        source, destination, source_port, destination_port = ends
        tcp = struct.pack(">HHIIBBHHH", source_port, destination_port, sequence, acknowledged, 0x50, flags, 65535, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), self.frames & 0xFFFF, 0, 64, 6, 0, source, destination)
        frame = bytes(12) + b"\x08\x00" + ip + tcp + payload
        self.file.write(struct.pack("<IIII", 1700000000 + self.frames // 1000, self.frames % 1000 * 1000,
                                    len(frame), len(frame)) + frame)
        self.frames += 1


def http_request(method, target, body=b"", content_type="application/x-pki-message"):
    head = f"{method} {target} HTTP/1.1\r\nHost: scep.example\r\n"
    if method == "POST":
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def http_response(content_type, body):
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
