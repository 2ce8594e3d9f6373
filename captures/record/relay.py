#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands between NDES's web server and the SCEP server and keeps what both said.

Every exchange, in the order in which requests arrive, becomes NN.request and
NN.response (the bodies as received) and NN.json (method, url, headers, status,
type) in DIRECTORY. A file "ready" appears there once the relay listens.
"""
import argparse
import http.client
import http.server
import json
import os
import pathlib
import threading

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Relay(http.server.BaseHTTPRequestHandler):
    counter = 0
    lock = threading.Lock()
    options = None

    def exchange(self):
        with Relay.lock:
            Relay.counter += 1
            record = self.options.directory / f"{Relay.counter:02}"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        record.with_suffix(".request").write_bytes(body)
        facts = {"method": self.command, "url": self.path, "headers": self.headers.items(), "status": None, "type": None}
        self.close_connection = True
        request = "operation=PKIOperation" in self.path
        if request and self.options.garbage:
            self.answer(record, facts, 200, "OK", [("Content-Type", "application/x-pki-message")], os.urandom(1500))
        elif not (request and self.options.withhold):
            self.forward(record, body, facts)
        record.with_suffix(".json").write_text(json.dumps(facts))

    def forward(self, record, body, facts):
        upstream = http.client.HTTPConnection("127.0.0.1", self.options.upstream)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        try:
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            data = answer.read()
        except (http.client.HTTPException, ConnectionError):
            return
        self.answer(record, facts, answer.status, answer.reason, answer.getheaders(), data)

    def answer(self, record, facts, status, reason, headers, data):
        facts["status"], facts["type"] = status, dict(headers).get("Content-Type")
        record.with_suffix(".response").write_bytes(data)
        self.send_response_only(status, reason)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if not self.options.no_length:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = exchange

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--withhold", action="store_true",
                        help="keep a PKIOperation without forwarding it and hang up: gets a message out of a real client")
    parser.add_argument("--garbage", action="store_true", help="answer a PKIOperation with random bytes")
    parser.add_argument("--no-length", action="store_true",
                        help="pass answers on without Content-Length, ended by closing the connection")
    parser.add_argument("listen", type=int)
    parser.add_argument("upstream", type=int)
    parser.add_argument("directory", type=pathlib.Path)
    Relay.options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", Relay.options.listen), Relay)
    (Relay.options.directory / "ready").touch()
    server.serve_forever()


if __name__ == "__main__":
    main()
