#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that takes connections and does not do its work.

silent: takes what comes and never answers. reset: answers the first bytes with RST.
garbage: answers the first bytes with plain HTTP and closes.
"""
import argparse
import socket
import socketserver
import struct

PLAIN = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis is not TLS.\r\n"


class Door(socketserver.BaseRequestHandler):
    def handle(self):
        first = self.request.recv(65536)
        if self.server.manner == "reset":
            # No lingering: close() discards the connection (socket(7)).
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.server.manner == "garbage":
            self.request.sendall(PLAIN)
        else:
            while first:
                first = self.request.recv(65536)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def shutdown_request(self, request):
        # Without the shutdown() of the base class, which would send FIN before RST.
        request.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manner", choices=("silent", "reset", "garbage"))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    with Server((options.address, options.port), Door) as server:
        server.manner = options.manner
        server.serve_forever()


if __name__ == "__main__":
    main()
