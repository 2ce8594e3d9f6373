#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks a Windows CA for a certificate as an NDES server does: endpoint mapper, then the certificate interface.

usage: ca_client.py --server NAME --request FILE.der --log FILE [--authority NAME] [--attributes TEXT]
                    [--interface icertpassage|icertrequestd] [--seal] [--timeout SECONDS]

Exit status: 0 issued; 1 denied, pending, fault or interface not registered; 2 unreachable or no answer in time.
--seal: NTLM with packet privacy ([MS-RPCE] 2.2.1.1.8). Each call is one JSON line of the log. opnum is null
when it came to no request, time_end when it came to no answer. Needs Debian's python3-impacket.
"""
import argparse
import os
import socket
import struct
import sys
import time

from impacket.dcerpc.v5 import epm, rpcrt, transport

import icpr


class Wire(transport.DCERPCTransport):
    """ncacn_ip_tcp that knows its local port before it is connected, when its call went out, and when it is cut off."""

    client = server = socket = asked = None
    received = b""

    def connect(self):
        server = socket.getaddrinfo(*self.get_addr(), socket.AF_INET, socket.SOCK_STREAM)[0][4]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect(server)
            own = route.getsockname()[0]
        self.socket = socket.socket()
        self.socket.settimeout(self.get_connect_timeout())
        self.socket.bind((own, 0))
        self.client, self.server = icpr.endpoint(self.socket.getsockname()), icpr.endpoint(server)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(server)

    def disconnect(self):
        if self.socket:
            self.socket.close()

    def get_socket(self):
        return self.socket

    def send(self, data, forceWriteAndx=0, forceRecv=0):
        if data[2] == rpcrt.MSRPC_REQUEST and data[3] & rpcrt.PFC_FIRST_FRAG:
            self.asked = time.time()
        self.received = b""
        self.socket.sendall(data)

    def recv(self, forceRecv=0, count=0):
        octets = b""
        while not octets or len(octets) < count:
            more = self.socket.recv(count - len(octets) if count else 8192)
            if not more:
                raise ConnectionError("the server has closed the connection")
            octets += more
        self.received += octets
        return octets

    def fault(self):
        """The status of the fault PDU that came last (C706 12.6.4.7); None when it was another PDU."""
        if len(self.received) < 28 or self.received[2] != rpcrt.MSRPC_FAULT:
            return None
        return struct.unpack_from("<L", self.received, 24)[0]


class Client:
    def __init__(self, options, log):
        self.options, self.log, self.interface = options, log, icpr.INTERFACES[options.interface]

    def run(self):
        try:
            port = self.call(135, "epmapper", False, self.map_endpoint)
            disposition = self.call(port, self.interface.name, self.options.seal, self.ask)
        except OSError as error:
            print(f"ca_client.py: {error}", file=sys.stderr)
            return 2
        except rpcrt.DCERPCException as error:
            print(f"ca_client.py: {error}", file=sys.stderr)
            return 1
        return 0 if disposition == icpr.DISPOSITIONS["issued"] else 1

    def call(self, port, interface, sealed, function):
        """Runs `function` on a connection of its own, and logs its call."""
        wire = Wire(self.options.server, port)
        wire.set_connect_timeout(self.options.timeout)
        entry = icpr.entry(time.time(), None, None, interface, None, sealed)
        try:
            wire.connect()
            dce = wire.get_dce_rpc()
            if sealed:
                dce.set_credentials(icpr.USER, icpr.PASSWORD, icpr.DOMAIN)
                dce.set_auth_type(rpcrt.RPC_C_AUTHN_WINNT)
                dce.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
            result = function(dce, entry)
            entry["time_end"] = time.time()
            return result
        except rpcrt.DCERPCException as error:
            entry["time_end"], entry["fault"] = time.time(), wire.fault()
            entry["hresult"] = None if entry["fault"] is not None else error.get_error_code()
            raise
        finally:
            entry["client"], entry["server"] = wire.client, wire.server
            entry["time_begin"] = wire.asked or entry["time_begin"]
            entry["opnum"] = entry["opnum"] if wire.asked else None
            self.log.write(entry)
            wire.disconnect()

    def map_endpoint(self, dce, entry):
        """The interface's port by ept_map (C706 appendix O)."""
        entry["opnum"] = epm.ept_map.opnum
        binding = epm.hept_map(self.options.server, self.interface.uuid, protocol="ncacn_ip_tcp", dce=dce)
        entry["hresult"] = 0
        return int(binding.rpartition("[")[2].rstrip("]"))

    def ask(self, dce, entry):
        """The disposition of the certificate request."""
        dce.bind(self.interface.uuid)
        request, uuid = self.request()
        entry["opnum"] = request.opnum
        answer = dce.request(request, uuid=uuid, checkError=False)
        entry["request_id"], entry["disposition"] = answer["pdwRequestId"], answer["pdwDisposition"]
        entry["hresult"] = answer["ErrorCode"]
        return answer["pdwDisposition"]

    def request(self):
        """The call and the object it is for."""
        request = self.interface.call()
        request["dwFlags"], request["pdwRequestId"] = icpr.PKCS10, 0
        request["pwszAuthority"] = self.options.authority + "\0"
        icpr.set_blob(request["pctbRequest"], self.options.request)
        if self.interface.call is icpr.CertServerRequest:
            icpr.set_blob(request["pctbAttribs"], icpr.wide(self.options.attributes))
            return request, None
        request["ORPCthis"]["cid"], request["ORPCthis"]["extensions"] = icpr.CAUSALITY, icpr.NULL
        request["ORPCthis"]["flags"] = 0
        request["pwszAttributes"] = self.options.attributes + "\0"
        return request, icpr.IPID


def file_content(path):
    with open(path, "rb") as file:
        return file.read()


def read_options(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--request", type=file_content, default=b"")
    parser.add_argument("--log", default=os.devnull)
    parser.add_argument("--authority", default="Contoso Issuing CA")
    parser.add_argument("--attributes", default="CertificateTemplate:IPSECIntermediateOffline")
    parser.add_argument("--interface", choices=icpr.INTERFACES, default="icertpassage")
    parser.add_argument("--seal", action="store_true")
    parser.add_argument("--timeout", type=float, default=3)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    given = read_options()
    sys.exit(Client(given, icpr.Log(given.log)).run())
