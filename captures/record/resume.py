#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Windows device whose later TLS conversations resume the session of the first, which curl cannot do across runs.

usage: resume.py [options] URL MESSAGE RECORDS

Writes NN.request, NN.response and NN.json into RECORDS, as relay.py does.
"""
import argparse
import http.client
import json
import pathlib
import ssl
import time
import urllib.parse

PAUSES = 0.4, 0.8


class Connection(http.client.HTTPSConnection):
    """One that begins with a session of an earlier one."""
    session = None

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, session=self.session)


def conversation(options, context, session, requests):
    """Sends the requests on one connection; returns its TLS session."""
    url = urllib.parse.urlsplit(options.url)
    connection = Connection(url.hostname, context=context)
    connection.session = session
    connection.connect()
    print("resumed" if connection.sock.session_reused else "new session")
    for method, query, body, headers in requests:
        target = f"{url.path}?{query}"
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        keep(options.records, method, target, body, answer)
    session = connection.sock.session
    connection.close()
    return session


def keep(directory, method, target, body, answer):
    record = directory / f"{len(list(directory.glob('*.json'))) + 1:02}"
    record.with_suffix(".request").write_bytes(body or b"")
    record.with_suffix(".response").write_bytes(answer.read())
    facts = {"method": method, "url": target, "status": answer.status, "type": answer.getheader("Content-Type")}
    record.with_suffix(".json").write_text(json.dumps(facts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keylog", required=True)
    parser.add_argument("--trust", required=True)
    parser.add_argument("--agent", required=True)
    parser.add_argument("url")
    parser.add_argument("message", type=pathlib.Path)
    parser.add_argument("records", type=pathlib.Path)
    options = parser.parse_args()
    context = ssl.create_default_context(cafile=options.trust)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.keylog_filename = options.keylog
    agent = {"User-Agent": options.agent, "Cache-Control": "no-cache"}
    session = conversation(options, context, None, [("GET", "operation=GetCACert&message=MDM", None, {}),
                                                    ("GET", "operation=GetCACaps&message=MDM", None, {})])
    time.sleep(PAUSES[0])
    session = conversation(options, context, session, [("GET", "operation=GetCACaps&message=default", None, agent),
                                                       ("GET", "operation=GetCACert&message=default", None, agent)])
    time.sleep(PAUSES[1])
    conversation(options, context, session, [("POST", "operation=PKIOperation", options.message.read_bytes(),
                                              agent | {"Content-Type": "application/x-pki-message"})])


if __name__ == "__main__":
    main()
