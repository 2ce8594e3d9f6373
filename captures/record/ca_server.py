#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The RPC server of a Windows CA, as far as a certificate request sees it: endpoint mapper and certificate interface.

usage: ca_server.py --address ADDRESS --log FILE [--port N] [--interface icertpassage|icertrequestd]
                    [--disposition issued|denied|pending|NUMBER] [--hresult NUMBER] [--certificate FILE.der]
                    [--fault STATUS] [--silent] [--unregistered] [--closed] [--delay SECONDS]

Prints "ready" when its ports listen. --disposition NUMBER: pdwDisposition as it is, such as 0x80094012.
--hresult: the call's return value. --fault: answers with a fault PDU (C706 12.6.4.7). --silent: never answers.
--unregistered: the endpoint mapper does not know the interface, as when the certificate service is stopped.
--closed: the endpoint mapper names the port, and nothing listens on it.
Calls that are sealed by NTLM are opened and answered so. Each call is one JSON line of the log, time_end null when it
was not answered. Needs Debian's python3-impacket.
"""
import argparse
import itertools
import os
import secrets
import socket
import socketserver
import struct
import threading
import time

from Cryptodome.Cipher import ARC4
from impacket import ntlm
from impacket.dcerpc.v5 import epm, rpcrt
from impacket.uuid import uuidtup_to_bin

import icpr

NDR = uuidtup_to_bin(("8a885d04-1ceb-11c9-9fe8-08002b104860", "2.0"))
FRAGMENT = 5840
FIRST, LAST, NOT_EXECUTED = rpcrt.PFC_FIRST_FRAG, rpcrt.PFC_LAST_FRAG, 0x20
ACCESS_DENIED, OPNUM_OUT_OF_RANGE, NOT_REGISTERED = 0x00000005, 0x1C010002, 0x16C9A0D6
NTLM_FLAGS = (
    ntlm.NTLMSSP_NEGOTIATE_UNICODE | ntlm.NTLMSSP_REQUEST_TARGET | ntlm.NTLMSSP_NEGOTIATE_SIGN
    | ntlm.NTLMSSP_NEGOTIATE_SEAL | ntlm.NTLMSSP_NEGOTIATE_NTLM | ntlm.NTLMSSP_NEGOTIATE_ALWAYS_SIGN
    | ntlm.NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY | ntlm.NTLMSSP_NEGOTIATE_128 | ntlm.NTLMSSP_NEGOTIATE_KEY_EXCH
    | ntlm.NTLMSSP_NEGOTIATE_56
)  # fmt: skip


class Fault(Exception):
    def __init__(self, status):
        self.status = status


class Security:
    """The server's end of NTLM on one connection ([MS-NLMP] 3.2.5 and 3.4), with NTLMv2 only."""

    def __init__(self, negotiate, trailer):
        self.trailer, self.challenge, self.sealing = trailer, secrets.token_bytes(8), None
        target = ntlm.AV_PAIRS()
        target[ntlm.NTLMSSP_AV_DOMAINNAME] = icpr.DOMAIN.encode("utf-16-le")
        target[ntlm.NTLMSSP_AV_HOSTNAME] = "CA01".encode("utf-16-le")
        target[ntlm.NTLMSSP_AV_TIME] = struct.pack("<Q", 116444736000000000 + int(time.time() * 10_000_000))
        message = ntlm.NTLMAuthChallenge()
        message["flags"] = (
            struct.unpack_from("<L", negotiate, 12)[0] & NTLM_FLAGS
            | ntlm.NTLMSSP_TARGET_TYPE_DOMAIN
            | ntlm.NTLMSSP_NEGOTIATE_TARGET_INFO
        )
        message["challenge"], message["Version"] = self.challenge, b""
        message["domain_name"], message["domain_offset"] = icpr.DOMAIN.encode("utf-16-le"), 48
        message["TargetInfoFields"] = target
        message["TargetInfoFields_offset"] = 48 + len(message["domain_name"])
        message["TargetInfoFields_len"] = message["TargetInfoFields_max_len"] = len(target)
        self.message = message.getData()

    def authenticate(self, octets):
        message = ntlm.NTLMAuthChallengeResponse()
        message.fromString(octets)
        user, domain = message["user_name"].decode("utf-16-le"), message["domain_name"].decode("utf-16-le")
        proof, blob = message["ntlm"][:16], message["ntlm"][16:]
        key = ntlm.NTOWFv2(icpr.USER, icpr.PASSWORD, icpr.DOMAIN)
        if (user, domain) != (icpr.USER, icpr.DOMAIN) or ntlm.hmac_md5(key, self.challenge + blob) != proof:
            return
        at, self.flags = message["session_key_offset"], message["flags"]
        exchanged = octets[at : at + message["session_key_len"]]
        session = ntlm.generateEncryptedSessionKey(ntlm.hmac_md5(key, proof), exchanged)
        sides = ("Client", "Server")
        self.signing = {side: ntlm.SIGNKEY(self.flags, session, side) for side in sides}
        self.sealing = {side: ARC4.new(ntlm.SEALKEY(self.flags, session, side)).encrypt for side in sides}
        self.sequence = dict.fromkeys(sides, 0)

    def sign(self, side, pdu):
        number = self.sequence[side]
        self.sequence[side] += 1
        return ntlm.MAC(self.flags, self.sealing[side], self.signing[side], number, pdu).getData()

    def unseal(self, head, sealed, trailer, signature):
        if not self.sealing:
            raise Fault(ACCESS_DENIED)
        plain = self.sealing["Client"](sealed)
        if self.sign("Client", head + plain + trailer) != signature:
            raise Fault(ACCESS_DENIED)
        return plain

    def seal(self, head, plain, trailer):
        sealed = self.sealing["Server"](plain)
        return head + sealed + trailer + self.sign("Server", head + plain + trailer)


class Connection(socketserver.BaseRequestHandler):
    """One client. `server.interface` maps the interface's UUID and version to the function that answers its calls."""

    def setup(self):
        self.security, self.contexts, self.stub = None, {}, b""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self):
        try:
            while pdu := self.receive():
                self.take(pdu)
        except ConnectionError:
            pass

    def octets(self, count):
        """`count` octets; fewer when the client has closed."""
        octets = b""
        while len(octets) < count and (more := self.request.recv(count - len(octets))):
            octets += more
        return octets

    def receive(self):
        head = self.octets(16)
        if len(head) < 16:
            return None
        if not self.stub:
            self.begin = time.time()
        return head + self.octets(struct.unpack_from("<H", head, 8)[0] - 16)

    def take(self, pdu):
        kind, self.call_id = pdu[2], struct.unpack_from("<L", pdu, 12)[0]
        if kind in (rpcrt.MSRPC_BIND, rpcrt.MSRPC_ALTERCTX):
            self.bind(pdu)
        elif kind == rpcrt.MSRPC_AUTH3 and self.security:
            self.security.authenticate(self.verifier(pdu)[1])
        elif kind == rpcrt.MSRPC_REQUEST:
            self.call(pdu)

    @staticmethod
    def verifier(pdu):
        """The security trailer and what follows it ([MS-RPCE] 2.2.2.11); empty when there is none."""
        length = struct.unpack_from("<H", pdu, 10)[0]
        return (pdu[-length - 8 : -length], pdu[-length:]) if length else (b"", b"")

    def bind(self, pdu):
        bind = rpcrt.MSRPCBind(pdu[16:])
        items, results = bind["ctx_items"], b""
        for _ in range(bind["ctx_num"]):
            item = rpcrt.CtxItem(items)
            items = items[len(item) :]
            result = rpcrt.CtxItemResult()
            if item["AbstractSyntax"] not in self.server.interface:
                result["Result"], result["Reason"], result["TransferSyntax"] = 2, 1, bytes(20)
            elif item["TransferSyntax"] != NDR:
                result["Result"], result["Reason"], result["TransferSyntax"] = 2, 2, bytes(20)
            else:
                result["TransferSyntax"] = NDR
                self.contexts[item["ContextID"]] = self.server.interface[item["AbstractSyntax"]]
            results += result.getData()
        trailer, negotiate = self.verifier(pdu)
        if negotiate:
            # [MS-RPCE] 2.2.2.11: padding is said anew in each PDU.
            self.security = Security(negotiate, trailer[:2] + bytes(2) + trailer[4:])
        first = pdu[2] == rpcrt.MSRPC_BIND
        address = str(self.server.server_address[1]).encode() + b"\0" if first else b""
        body = struct.pack("<HHLH", FRAGMENT, FRAGMENT, bind["assoc_group"] or 0x5A7E, len(address)) + address
        body += bytes(-len(body) % 4) + struct.pack("<Bxxx", bind["ctx_num"]) + results
        verifier = (self.security.trailer, self.security.message) if negotiate else (b"", b"")
        self.send(rpcrt.MSRPC_BINDACK if first else rpcrt.MSRPC_ALTERCTX_R, FIRST | LAST, body, *verifier)

    def header(self, kind, flags, length, verifier):
        return struct.pack("<BBBBLHHL", 5, 0, kind, flags, 0x10, length, verifier, self.call_id)

    def send(self, kind, flags, body, trailer=b"", verifier=b""):
        length = 16 + len(body) + len(trailer) + len(verifier)
        self.request.sendall(self.header(kind, flags, length, len(verifier)) + body + trailer + verifier)

    def call(self, pdu):
        """Collects the request's fragments, and answers it when it is whole."""
        self.context, opnum = struct.unpack_from("<HH", pdu, 20)
        start = 40 if pdu[3] & rpcrt.PFC_OBJECT_UUID else 24
        trailer, signature = self.verifier(pdu)
        stub = pdu[start : len(pdu) - len(trailer) - len(signature)]
        self.sealed = bool(trailer)
        name, answer = self.contexts.get(self.context, (None, None))
        entry = icpr.entry(
            self.begin, icpr.endpoint(self.client_address), icpr.endpoint(self.request.getsockname()), name, opnum,
            self.sealed,
        )  # fmt: skip
        try:
            if self.sealed:
                if not self.security or trailer[1] != rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY:
                    raise Fault(ACCESS_DENIED)
                stub = self.security.unseal(pdu[:start], stub, trailer, signature)
                stub = stub[: len(stub) - trailer[2]]
            self.stub += stub
            if not pdu[3] & LAST:
                return
            stub, self.stub = self.stub, b""
            if not answer:
                raise Fault(OPNUM_OUT_OF_RANGE)
            reply = answer(opnum, stub, entry)
            if reply is not None:
                self.respond(reply)
                entry["time_end"] = time.time()
        except Fault as fault:
            self.stub, entry["fault"] = b"", fault.status
            body = struct.pack("<LHBxLxxxx", 32, self.context, 0, fault.status)
            self.send(rpcrt.MSRPC_FAULT, FIRST | LAST | NOT_EXECUTED, body)
            entry["time_end"] = time.time()
        finally:
            if pdu[3] & LAST:
                self.server.log.write(entry)

    def respond(self, stub):
        # A multiple of 16 that leaves room for header, padding, trailer and signature.
        size = (FRAGMENT - 24 - 8 - 16) // 16 * 16
        for at in range(0, len(stub), size):
            part = stub[at : at + size]
            flags = (FIRST if at == 0 else 0) | (LAST if at + size >= len(stub) else 0)
            start = struct.pack("<LHBx", len(stub) - at, self.context, 0)
            if not self.sealed:
                self.send(rpcrt.MSRPC_RESPONSE, flags, start + part)
                continue
            padding = -len(part) % 16
            trailer = self.security.trailer[:2] + bytes([padding, 0]) + self.security.trailer[4:]
            length = 24 + len(part) + padding + len(trailer) + 16
            head = self.header(rpcrt.MSRPC_RESPONSE, flags, length, 16) + start
            self.request.sendall(self.security.seal(head, part + bytes(padding), trailer))


class Service(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, log, uuid, name, answer):
        super().__init__(address, Connection)
        self.log, self.interface = log, {uuid: (name, answer)}


class Authority:
    """Answers the calls of both interfaces."""

    def __init__(self, options):
        self.options, self.request_ids, self.interface = options, itertools.count(7), icpr.INTERFACES[options.interface]
        self.certificate = b""
        if options.certificate:
            with open(options.certificate, "rb") as file:
                self.certificate = file.read()

    def map_endpoint(self, opnum, stub, entry):
        """ept_map (C706 appendix O): the tower that was asked for, with the service's port in it."""
        if opnum != epm.ept_map.opnum:
            raise Fault(OPNUM_OUT_OF_RANGE)
        asked = b"".join(epm.ept_map(stub)["map_tower"]["tower_octet_string"])
        answer = epm.ept_mapResponse()
        answer["num_towers"], answer["status"] = 0, NOT_REGISTERED
        wanted = epm.EPMTower(asked)["Floors"][0]["InterfaceUUID"]
        if wanted == self.interface.uuid[:16] and not self.options.unregistered:
            port, host = epm.EPMPortAddr(), epm.EPMHostAddr()
            port["IpPort"], host["Ip4addr"] = self.options.port, socket.inet_aton(self.options.address)
            floors = port.getData() + host.getData()
            octets = asked[: -len(floors)] + floors
            tower = epm.twr_p_t()
            tower["Data"]["tower_length"], tower["Data"]["tower_octet_string"] = len(octets), octets
            answer["ITowers"].append(tower)
            answer["num_towers"], answer["status"] = 1, 0
        entry["hresult"] = answer["status"]
        return answer.getData()

    def answer(self, opnum, stub, entry):
        if opnum != self.interface.call.opnum:
            raise Fault(OPNUM_OUT_OF_RANGE)
        self.interface.call(stub)  # raises when it is not what it should be
        if self.options.silent:
            return None
        request_id = next(self.request_ids)
        time.sleep(self.options.delay)
        if self.options.fault is not None:
            raise Fault(self.options.fault)
        disposition = self.options.disposition
        issued = disposition == icpr.DISPOSITIONS["issued"]
        answer, chain = self.interface.answer(), "pctbCert"
        if self.interface.answer is icpr.RequestResponse:
            answer["ORPCthat"]["flags"], answer["ORPCthat"]["extensions"] = 0, icpr.NULL
            chain = "pctbCertChain"
        answer["pdwRequestId"], answer["pdwDisposition"] = request_id, disposition
        answer["ErrorCode"] = self.options.hresult
        icpr.set_blob(answer[chain], b"")
        icpr.set_blob(answer["pctbEncodedCert"], self.certificate if issued else b"")
        text = icpr.MESSAGES.get(disposition, icpr.MESSAGES[icpr.DISPOSITIONS["denied"]])
        icpr.set_blob(answer["pctbDispositionMessage"], icpr.wide(text))
        entry["request_id"], entry["disposition"], entry["hresult"] = request_id, disposition, self.options.hresult
        return answer.getData()


def number(text):
    return int(text, 0)


def disposition(text):
    return icpr.DISPOSITIONS[text] if text in icpr.DISPOSITIONS else number(text)


def serve(options):
    log, authority = icpr.Log(options.log), Authority(options)
    services = [Service((options.address, 135), log, epm.MSRPC_UUID_PORTMAP, "epmapper", authority.map_endpoint)]
    if not options.closed:
        interface = authority.interface
        services.append(Service((options.address, options.port), log, interface.uuid, interface.name, authority.answer))
    threads = [threading.Thread(target=service.serve_forever) for service in services]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()


parser = argparse.ArgumentParser()
parser.add_argument("--address", required=True)
parser.add_argument("--log", default=os.devnull)
parser.add_argument("--port", type=int, default=49664)
parser.add_argument("--interface", choices=icpr.INTERFACES, default="icertpassage")
parser.add_argument("--disposition", type=disposition, default="issued")
parser.add_argument("--hresult", type=number, default=0)
parser.add_argument("--certificate")
parser.add_argument("--fault", type=number)
parser.add_argument("--silent", action="store_true")
parser.add_argument("--unregistered", action="store_true")
parser.add_argument("--closed", action="store_true")
parser.add_argument("--delay", type=float, default=0)
serve(parser.parse_args())
